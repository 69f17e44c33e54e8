// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See loop.h. Descriptors are looked up by their number: a table of WEB_LOOP_FDS pairs, so that an event for one that was given up in the
// same turn finds nothing. What other threads post waits in a list behind a mutex, the only one of the process, and an eventfd wakes the
// loop.
#include "loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_A_TURN = 64 };

struct watched {
	web_ready ready; // NULL: nobody watches it
	void *context;
	uint32_t events;
	uint32_t born; // turn of the loop in which it was first watched: an event from before is another's
};

struct timer {
	web_timer call;
	void *context;
	int64_t every_ms, due_ms;
};

struct posted {
	struct posted *next;
	web_timer done;
	void *context;
};

struct web_loop {
	int epoll, wake;
	bool stopped;
	uint32_t turn, timers_count;
	uint64_t fds_full;
	struct watched watched[WEB_LOOP_FDS];
	struct timer timers[WEB_LOOP_TIMERS];
	pthread_mutex_t lock;
	struct posted *first, **last; // any thread, under the lock
};

int64_t web_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

int64_t web_clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void take_posted(void *context, uint32_t events)
{
	struct web_loop *loop = context;
	uint64_t count;
	(void)events;
	if (read(loop->wake, &count, sizeof count) < 0)
		return; // somebody woke us for what the turn before has taken
	pthread_mutex_lock(&loop->lock);
	struct posted *list = loop->first;
	loop->first = NULL;
	loop->last = &loop->first;
	pthread_mutex_unlock(&loop->lock);
	while (list) {
		struct posted *next = list->next;
		list->done(list->context);
		free(list);
		list = next;
	}
}

struct web_loop *web_loop_create(void)
{
	struct web_loop *loop = calloc(1, sizeof *loop);
	if (!loop)
		return NULL;
	loop->last = &loop->first;
	pthread_mutex_init(&loop->lock, NULL);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll < 0 || loop->wake < 0 || web_loop_watch(loop, loop->wake, EPOLLIN, take_posted, loop) < 0) {
		int error = errno;
		web_loop_destroy(loop);
		errno = error;
		return NULL;
	}
	return loop;
}

void web_loop_destroy(struct web_loop *loop)
{
	if (!loop)
		return;
	for (struct posted *p = loop->first, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	if (loop->wake >= 0)
		close(loop->wake);
	if (loop->epoll >= 0)
		close(loop->epoll);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

int web_loop_watch(struct web_loop *loop, int fd, uint32_t events, web_ready ready, void *context)
{
	if (fd < 0 || fd >= WEB_LOOP_FDS) {
		loop->fds_full++;
		return -EMFILE;
	}
	struct watched *w = &loop->watched[fd];
	struct epoll_event event = {.events = events, .data.fd = fd};
	int operation = events == 0 ? EPOLL_CTL_DEL : w->ready ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (events == 0 && !w->ready)
		return 0;
	if (events != 0 && w->ready == ready && w->context == context && w->events == events)
		return 0;
	int result = epoll_ctl(loop->epoll, operation, fd, &event) < 0 ? -errno : 0;
	if (result == -ENOENT && operation == EPOLL_CTL_MOD) { // it was closed without a word, and the number is another's now
		operation = EPOLL_CTL_ADD;
		result = epoll_ctl(loop->epoll, operation, fd, &event) < 0 ? -errno : 0;
	}
	if (events == 0) {
		*w = (struct watched){0}; // also when the kernel has forgotten a closed descriptor by itself
		return 0;
	}
	if (result < 0)
		return result;
	if (operation == EPOLL_CTL_ADD)
		w->born = loop->turn;
	w->ready = ready;
	w->context = context;
	w->events = events;
	return 0;
}

void web_loop_every(struct web_loop *loop, int64_t every_ms, web_timer timer, void *context)
{
	if (loop->timers_count == WEB_LOOP_TIMERS)
		abort(); // the program's own mistake, at its start
	loop->timers[loop->timers_count++] = (struct timer){timer, context, every_ms, web_now_ms() + every_ms};
}

void web_loop_post(struct web_loop *loop, web_timer done, void *context)
{
	struct posted *p = malloc(sizeof *p);
	const uint64_t one = 1;
	if (!p)
		abort(); // a login that never ends would hold one of the few places for good
	*p = (struct posted){NULL, done, context};
	pthread_mutex_lock(&loop->lock);
	*loop->last = p;
	loop->last = &p->next;
	pthread_mutex_unlock(&loop->lock);
	while (write(loop->wake, &one, sizeof one) < 0 && errno == EINTR)
		;
}

// Calls what is due; the time until the next one, -1: there is none. A timer that was late by more than its step does not catch up.
static int64_t run_timers(struct web_loop *loop)
{
	int64_t now = web_now_ms(), next = -1;
	for (uint32_t i = 0; i < loop->timers_count && !loop->stopped; i++) {
		struct timer *t = &loop->timers[i];
		if (t->due_ms <= now) {
			t->due_ms = t->due_ms + t->every_ms > now ? t->due_ms + t->every_ms : now + t->every_ms;
			t->call(t->context);
		}
		int64_t left = t->due_ms > now ? t->due_ms - now : 0;
		if (next < 0 || left < next)
			next = left;
	}
	return next;
}

void web_loop_run(struct web_loop *loop, int64_t (*busy)(void *context), void *context)
{
	struct epoll_event events[EVENTS_A_TURN];
	loop->stopped = false;
	while (!loop->stopped) {
		int64_t wait = run_timers(loop), most = busy ? busy(context) : -1;
		if (most >= 0 && (wait < 0 || most < wait))
			wait = most;
		if (loop->stopped)
			break;
		int count = epoll_wait(loop->epoll, events, EVENTS_A_TURN, wait < 0 ? -1 : wait > 60000 ? 60000 : (int)wait);
		loop->turn++;
		for (int i = 0; i < count && !loop->stopped; i++) {
			const struct watched *w = &loop->watched[events[i].data.fd];
			if (w->ready && w->born != loop->turn)
				w->ready(w->context, events[i].events);
		}
	}
}

void web_loop_stop(struct web_loop *loop)
{
	loop->stopped = true;
}

uint32_t web_loop_timers(const struct web_loop *loop)
{
	return loop->timers_count;
}

uint64_t web_loop_fds_full(const struct web_loop *loop)
{
	return loop->fds_full;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One thread, one epoll: HTTP, Redis, timers, and the one helper thread that hashes passwords. Nothing here blocks; what would (a login, a
// search that reads lines from Redis) is begun, and goes on in a callback. So no state needs a lock.
//
// Thread: the one that runs it, but for web_loop_post().
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct web_loop;

typedef void (*web_ready)(void *context, uint32_t events); // EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP
typedef void (*web_timer)(void *context);

struct web_loop *web_loop_create(void); // NULL and errno
void web_loop_destroy(struct web_loop *loop);

// Watches fd; again: with other events; events 0: no longer. 0 or a negative errno. At most WEB_LOOP_FDS descriptors (counted).
enum { WEB_LOOP_FDS = 1024, WEB_LOOP_TIMERS = 64 };
int web_loop_watch(struct web_loop *loop, int fd, uint32_t events, web_ready ready, void *context);

// Calls back every `every_ms`, first after that time. At most WEB_LOOP_TIMERS, which the program knows beforehand: one more ends it.
void web_loop_every(struct web_loop *loop, int64_t every_ms, web_timer timer, void *context);

// From any thread: `done(context)` will be called on the loop's.
void web_loop_post(struct web_loop *loop, web_timer done, void *context);

// Until web_loop_stop. `busy` says how long the loop may sleep at most (MHD_get_timeout), -1: as long as it likes.
void web_loop_run(struct web_loop *loop, int64_t (*busy)(void *context), void *context);
void web_loop_stop(struct web_loop *loop);

uint32_t web_loop_timers(const struct web_loop *loop);
uint64_t web_loop_fds_full(const struct web_loop *loop);

int64_t web_now_ms(void);   // CLOCK_MONOTONIC
int64_t web_clock_ns(void); // CLOCK_REALTIME

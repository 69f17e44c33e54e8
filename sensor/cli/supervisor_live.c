// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See supervisor.h: a live run goes on whatever dies. An engine that ends takes its dissector with it (what they said to each other means
// nothing to the next pair), and both are started anew, at once or, when they do not last, once a second. What the dead engine had in
// hand is reckoned from the counters that it left, when nobody moves them any more.
#include "cli/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/ring.h"
#include "base/shm.h"
#include "cli/snapshot.h"
#include "cli/summary.h"
#include "model/point.h"

enum {
	LASTED_MS = 10000, // what lived so long is started again at once
	RETRY_MS = 1000,
	COURIER_MS = 2500, // for reading its rings to their end and delivering
	STALLED_MS = 1500,  // noticed within two seconds, with the turns of the watch
	HIDDEN_MS = 4000,
	STARVED_MS = 15000, // a thread that is not let run so long is treated as one that stands still
	SETTLE_MS = 20,     // a worker of a killed dissector is gone by then
	FLUSH_MS = 3500,    // of the five seconds that the end may take, what the engine may need …
	HURRY_MS = 2000,    // … when a courier that still tries is told to come to its end, for which it takes two seconds …
	DELIVER_MS = 4300,  // … and by when it must be through; a busy machine takes the rest to clean up
};

static const char *how(int status)
{
	return WIFSIGNALED(status) ? "signal" : "status";
}

static int which(int status)
{
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

// ---- what dies with an engine ----

static void end_dissector(struct yg_supervisor *s)
{
	if (s->pids[YG_CHILD_DISSECTOR] && !s->ended[YG_CHILD_DISSECTOR])
		kill(s->pids[YG_CHILD_DISSECTOR], SIGKILL);
	for (int waited = 0; !s->ended[YG_CHILD_DISSECTOR] && waited < 1000; waited += SETTLE_MS)
		yg_supervisor_reap(s, SETTLE_MS);
	const struct timespec settle = {0, SETTLE_MS * 1000000L};
	nanosleep(&settle, NULL);
}

// Alerts that the engine has shown the courier so far; 0 when the ring says nothing sensible.
static uint64_t alerts_shown(struct yg_supervisor *s)
{
	struct yg_ring ring;
	size_t size;
	uint64_t shown = 0;
	void *memory = yg_shm_map(s->fds[YG_FD_ALERTS], 1, true, &size);
	if (!memory)
		return 0;
	if (yg_ring_attach(&ring, memory, size, sizeof(struct yg_alert), true) == 0)
		shown = ring.own;
	yg_shm_unmap(memory, size);
	return shown;
}

static void keep_books(struct yg_supervisor *s)
{
	struct yg_identity ids[YG_IDENTITIES];
	uint64_t created = 0, ended = 0;
	yg_identities(s, ids);
	// The courier lives on: what it has not read yet is not lost.
	const struct yg_counter *a = s->engine->aggregator;
	ids[4].right = alerts_shown(s) + yg_counter_get(&a[YG_AC_ALERTS_SUPPRESSED]) + yg_counter_get(&a[YG_AC_ALERTS_RING_FULL]) +
		       (uint64_t)s->lost[4];
	for (unsigned i = 0; i < YG_IDENTITIES; i++)
		s->lost[i] += (int64_t)(ids[i].left - ids[i].right);
	for (unsigned w = 0; w < s->workers; w++) {
		created += yg_counter_get(&s->engine->worker[w].c[YG_WC_FLOW_CREATED]);
		ended += yg_counter_get(&s->engine->worker[w].c[YG_WC_FLOW_ENDED]);
	}
	s->flows_lost = created - ended; // those of earlier engines are still among them
}

static void wait_until(struct yg_supervisor *s, enum yg_child child, int64_t deadline_ms)
{
	while (s->pids[child] && !s->ended[child] && yg_supervisor_clock_ms() < deadline_ms)
		yg_supervisor_reap(s, 10);
}

void yg_supervisor_end_courier(struct yg_supervisor *s)
{
	if (!s->pids[YG_CHILD_COURIER] || s->ended[YG_CHILD_COURIER])
		return;
	s->asked_to_end[YG_CHILD_COURIER] = true;
	kill(s->pids[YG_CHILD_COURIER], SIGTERM);
	wait_until(s, YG_CHILD_COURIER, yg_supervisor_clock_ms() + COURIER_MS);
	if (!s->ended[YG_CHILD_COURIER]) { // its successor goes on where it stopped
		kill(s->pids[YG_CHILD_COURIER], SIGKILL);
		wait_until(s, YG_CHILD_COURIER, yg_supervisor_clock_ms() + RETRY_MS);
	}
}

void yg_supervisor_reopen(struct yg_supervisor *s)
{
	if (s->pids[YG_CHILD_COURIER] && !s->ended[YG_CHILD_COURIER])
		kill(s->pids[YG_CHILD_COURIER], SIGHUP);
}

static void bury_engine(struct yg_supervisor *s)
{
	int status = s->status[YG_CHILD_ENGINE];
	bool gone = WIFEXITED(status) && WEXITSTATUS(status) == YG_EXIT_PORT_GONE;
	int64_t now = yg_supervisor_clock_ms(), lasted = now - s->started_ms[YG_CHILD_ENGINE];
	if (s->handover_ms && WIFEXITED(status) && WEXITSTATUS(status) == YG_EXIT_OK) {
		lasted = LASTED_MS + 1;
	} else if (s->handover_ms) {
		yg_warn("the engine did not make room in time and was ended; another one starts");
		lasted = LASTED_MS + 1;
	} else if (gone) {
		yg_warn("a port has gone: nothing is seen until it is back");
	} else if (!s->retry_ms[YG_CHILD_ENGINE] || lasted > LASTED_MS) {
		yg_error("yagura-engine ended (%s %d); starting it again, nothing is seen meanwhile", how(status), which(status));
	}
	s->handover_ms = 0;
	s->asked_to_end[YG_CHILD_DISSECTOR] = false;
	yg_counter_set(&s->engine->receiving, 0); // one that was killed could not say so
	end_dissector(s);
	keep_books(s);
	if (s->courier_follows)
		yg_supervisor_end_courier(s);
	s->courier_follows = false;
	int error = yg_supervisor_new_rings(s);
	if (error)
		yg_error("rings: %s", strerror(-error));
	s->restarts[YG_CHILD_ENGINE]++;
	s->quick_deaths = lasted > LASTED_MS ? 0 : s->quick_deaths + 1;
	s->retry_ms[YG_CHILD_ENGINE] = now + (s->quick_deaths < 2 && !gone ? 0 : RETRY_MS);
	s->retry_ms[YG_CHILD_DISSECTOR] = s->retry_ms[YG_CHILD_ENGINE];
	s->pids[YG_CHILD_ENGINE] = s->pids[YG_CHILD_DISSECTOR] = 0;
}

// ---- what stands still ----

// What the kernel says of a thread: its state as in ps(1), and the processor time that it has had, in ms. 0 when it says nothing.
static char thread_state(pid_t process, uint64_t thread, int64_t *ret_used_ms)
{
	char path[64], text[512], state = 0;
	unsigned long user = 0, system = 0;
	snprintf(path, sizeof path, "/proc/%d/task/%llu/stat", process, (unsigned long long)thread);
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
	if (file)
		fclose(file);
	text[n] = '\0';
	const char *after_name = strrchr(text, ')'); // a name may hold anything
	if (!after_name || sscanf(after_name, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &state, &user, &system) != 3)
		return 0;
	*ret_used_ms = (int64_t)((user + system) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK));
	return state;
}

// A thread that wants to run and is not let is no fault of the engine: another one would have to wait as well.
static bool is_starved(struct yg_supervisor *s, unsigned i, uint64_t thread, int64_t now)
{
	int64_t used = 0;
	char state = thread_state(s->pids[YG_CHILD_ENGINE], thread, &used);
	// Where the kernel hides the engine from us, its thread has the benefit of the doubt, and less long.
	if (!state)
		return now - s->beat_ms[i] < HIDDEN_MS;
	return state == 'R' && used - s->used_ms[i] < (now - s->beat_ms[i]) / 2 && now - s->beat_ms[i] < STARVED_MS;
}

static bool stands_still(struct yg_supervisor *s, unsigned i, uint64_t beat, uint64_t thread, int64_t now, int64_t limit_ms)
{
	if (beat != s->beats[i] || !s->beat_ms[i]) {
		s->beats[i] = beat;
		s->beat_ms[i] = now;
		s->used_ms[i] = 0;
		thread_state(s->pids[YG_CHILD_ENGINE], thread, &s->used_ms[i]);
	}
	return now - s->beat_ms[i] > limit_ms && !is_starved(s, i, thread, now);
}

// One that writes out what it has takes its time, and nobody beats meanwhile.
static bool is_ending(const struct yg_supervisor *s)
{
	bool ending = false;
	for (unsigned i = 0; i < s->workers; i++)
		ending = ending || yg_counter_get(&s->engine->worker[i].ending);
	return ending;
}

// An engine of which a thread stands still sees less than it says: a new one is better. Only one that has begun to receive is watched.
static void watch_beats(struct yg_supervisor *s)
{
	static const char *const others[] = {"the aggregator", "the main thread"};
	int64_t now = yg_supervisor_clock_ms();
	uint64_t starts = yg_counter_get(&s->engine->starts);
	bool fresh = starts != s->starts;
	if (fresh)
		yg_info("receiving from %llu port%s", (unsigned long long)yg_counter_get(&s->engine->ports_count),
			yg_counter_get(&s->engine->ports_count) == 1 ? "" : "s");
	s->starts = starts;
	if (fresh || !s->pids[YG_CHILD_ENGINE] || !yg_counter_get(&s->engine->receiving)) {
		memset(s->beat_ms, 0, sizeof s->beat_ms);
		return;
	}
	int64_t limit_ms = is_ending(s) ? FLUSH_MS : STALLED_MS;
	for (unsigned i = 0; i < s->workers + 2; i++) {
		const struct yg_engine_stats *e = s->engine;
		const struct yg_counter *beat = i < s->workers ? &e->worker[i].beat_ns : i == s->workers ? &e->aggregator_beat : &e->main_beat;
		const struct yg_counter *thread = i < s->workers ? &e->worker[i].thread : i == s->workers ? &e->aggregator_thread : &e->main_thread;
		if (!stands_still(s, i, yg_counter_get(beat), yg_counter_get(thread), now, limit_ms))
			continue;
		if (i < s->workers)
			yg_error("worker %u of the engine has stood still; starting the engine again", i);
		else
			yg_error("%s of the engine has stood still; starting the engine again", others[i - s->workers]);
		kill(s->pids[YG_CHILD_ENGINE], SIGKILL);
		return;
	}
}

// ---- starting again ----

static void start_again(struct yg_supervisor *s, enum yg_child child)
{
	if (s->pids[child] || yg_supervisor_clock_ms() < s->retry_ms[child])
		return;
	int error = yg_supervisor_spawn(s, child);
	if (error) {
		yg_error("%s: %s", yg_supervisor_program(child), strerror(-error));
		s->retry_ms[child] = yg_supervisor_clock_ms() + RETRY_MS;
	}
}

static void bury_helper(struct yg_supervisor *s, enum yg_child child)
{
	int status = s->status[child];
	int64_t now = yg_supervisor_clock_ms(), lasted = now - s->started_ms[child];
	if (!s->asked_to_end[child]) {
		yg_warn("%s ended (%s %d); starting it again", yg_supervisor_program(child), how(status), which(status));
		s->restarts[child]++;
	}
	s->asked_to_end[child] = false;
	s->retry_ms[child] = lasted > LASTED_MS ? 0 : s->restarts[child] > 3 ? now + RETRY_MS : 0;
	s->pids[child] = 0;
}

// True when a child failed in a way that no other start mends, before anything was received: whoever starts the sensor must hear of it.
static bool cannot_begin(struct yg_supervisor *s, enum yg_child child)
{
	int status = s->status[child];
	if (yg_counter_get(&s->engine->starts))
		return false;
	bool port = child == YG_CHILD_ENGINE && WIFEXITED(status) &&
		    (WEXITSTATUS(status) == EX_NOINPUT || WEXITSTATUS(status) == EX_UNAVAILABLE);
	if (!port && !yg_supervisor_hopeless(status))
		return false;
	s->failed = WEXITSTATUS(status);
	return true;
}

bool yg_supervisor_watch_live(struct yg_supervisor *s, int timeout_ms)
{
	yg_supervisor_reap(s, timeout_ms);
	for (unsigned child = 0; child < YG_CHILD_COUNT; child++) {
		if (!s->pids[child] || !s->ended[child])
			continue;
		if (cannot_begin(s, child))
			return false;
		if (child == YG_CHILD_ENGINE)
			bury_engine(s);
		else
			bury_helper(s, child);
	}
	watch_beats(s);
	yg_snapshot_turn(s);
	if (s->handover_ms && yg_supervisor_clock_ms() - s->handover_ms > FLUSH_MS && s->pids[YG_CHILD_ENGINE])
		kill(s->pids[YG_CHILD_ENGINE], SIGKILL);
	// In this order: an engine finds its dissector there.
	for (unsigned child = 0; child < YG_CHILD_COUNT; child++)
		start_again(s, child);
	return !s->failed; // no engine can be started any more
}

static bool runs(const struct yg_supervisor *s, enum yg_child child)
{
	return s->pids[child] && !s->ended[child];
}

// In the place of an engine that is no more: the courier ends when it has read what there is.
static void close_ring(struct yg_supervisor *s, int number, uint32_t slot_size)
{
	struct yg_ring ring;
	size_t size;
	void *memory = yg_shm_map(s->fds[number], 1, true, &size);
	if (memory && yg_ring_attach(&ring, memory, size, slot_size, true) == 0)
		yg_ring_close(&ring);
	if (memory)
		yg_shm_unmap(memory, size);
}

static void end_engine(struct yg_supervisor *s, int64_t deadline_ms)
{
	if (runs(s, YG_CHILD_ENGINE))
		kill(s->pids[YG_CHILD_ENGINE], SIGTERM);
	wait_until(s, YG_CHILD_ENGINE, deadline_ms);
	if (runs(s, YG_CHILD_ENGINE)) {
		yg_warn("the engine did not end within %d ms: what it had in hand is lost", FLUSH_MS);
		kill(s->pids[YG_CHILD_ENGINE], SIGKILL);
		wait_until(s, YG_CHILD_ENGINE, deadline_ms + RETRY_MS / 2);
	}
	if (yg_counter_get(&s->engine->finished))
		return;
	// It died, or there was none: its books and its rings are ours to close.
	end_dissector(s);
	if (s->pids[YG_CHILD_ENGINE])
		keep_books(s);
	close_ring(s, YG_FD_FLOWS, sizeof(struct yg_flow));
	close_ring(s, YG_FD_ALERTS, sizeof(struct yg_alert));
	close_ring(s, YG_FD_POINTS, sizeof(struct yg_point));
}

void yg_supervisor_end_live(struct yg_supervisor *s)
{
	int64_t asked = yg_supervisor_clock_ms();
	end_engine(s, asked + FLUSH_MS);
	yg_snapshot_turn(s); // beside the courier's end
	wait_until(s, YG_CHILD_COURIER, asked + HURRY_MS);
	if (runs(s, YG_CHILD_COURIER))
		kill(s->pids[YG_CHILD_COURIER], SIGTERM);
	wait_until(s, YG_CHILD_COURIER, asked + DELIVER_MS);
	if (runs(s, YG_CHILD_COURIER))
		yg_warn("not all was delivered in time");
	yg_snapshot_finish(s);
}

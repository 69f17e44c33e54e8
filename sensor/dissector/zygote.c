// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Watch and restart. A fork of this process costs a millisecond; an nDPI initialised anew would cost twelve. The zygote
// reads no packet but the one that killed a worker, and that only to copy it into a file.
//
// A hang is time in which records wait and none is read, and the worker has had the processor for most of it or is
// stopped. On a machine that is merely busy a starved worker looks the same from progress alone; to kill it would lose
// flows for nothing and make replays differ. Whatever the processor time, ten times the watchdog is the end.
//
// Progress is the worker's own word. One that was taken over can let it grow for ever, and a replay would wait as long;
// so ten times the watchdog is the end too of a worker that could end a record and ends none, whatever it says.
//
// A replay has time, and what it finds may not depend on what else the machine does: there both ends are by the time that the worker
// had of the processor, and by the clock only after a minute (at a watchdog of 100 ms).
//
// Everything read from memory that workers or the engine can write is clamped: a ring index lies between what is
// consumed and what is produced, pieces are at most 12.
#include "dissector/zygote.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "dissector/flows.h"
#include "dissector/worker.h"

enum {
	WATCH_MS = 5,          // between two looks at progress
	WATCH_FORK_MS = 1,     // while a worker is not ready yet
	FAILED_STARTS_MAX = 8, // in a row, of one worker: then this machine cannot run it
	PATIENCE_REPLAY = 600, // the same by the clock alone, in a replay
	PATIENCE = 10,         // watchdog times after which a worker is hung that had no processor time, or shows false progress
};

struct child {
	pid_t pid; // 0: none
	bool ready, stopped, finished;
	enum yg_restart_cause killed_for; // 0: not by us
	uint64_t progress;                // last seen
	int64_t seen_ns;                  // when it had last changed, or nothing waited
	int64_t cpu_ns;                   // of the child at that time
	uint64_t read;                    // most slots that it has been seen behind, of all its rings together
	uint64_t taken;                   // answers that the engine had taken out of its rings at the last look
	int64_t looked_ns, stalled_ns;    // the last look; how long it could have ended a record by then and ended none
	int64_t stalled_cpu_ns;           // its processor time when that began
	int64_t fork_after_ns;
	unsigned failed_starts;
	uint32_t cause; // of the restart under way, 0: none
	int64_t died_ns;
	struct yg_report report[YG_WORKERS_MAX];
};

struct zygote {
	struct yg_setup *setup;
	struct yg_quarantine *quarantine;
	struct yg_counter *counters;
	int alive, signals;
	struct child child[YG_DISSECTORS_MAX];
	struct yg_crash_policy policy; // the workers read a copy: what they could write to is never used as an index here
	uint8_t packet[YG_DS_PIECES_MAX * YG_DS_DATA];
};

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * YG_NS_PER_S + now.tv_nsec;
}

static int64_t cpu_ns(pid_t pid)
{
	clockid_t clock;
	struct timespec used;
	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
		return 0;
	return used.tv_sec * YG_NS_PER_S + used.tv_nsec;
}

static void count(struct zygote *z, enum yg_dissector_counter counter)
{
	yg_counter_add(&z->counters[counter], 1);
}

static struct yg_worker_shared *shared_of(struct zygote *z, unsigned w)
{
	return yg_setup_shared(z->setup, w);
}

// A ring as its consumer finds it. False when what lies there is no ring any more; that ring is then left alone.
static bool attach(struct zygote *z, unsigned r, struct yg_ring *ring)
{
	const struct yg_memory *memory = &z->setup->to[r];
	return yg_ring_attach(ring, memory->at, memory->size, sizeof(struct yg_ds_request), false) == 0;
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

// ---- fork ----

static void fork_child(struct zygote *z, unsigned w)
{
	struct child *c = &z->child[w];
	struct yg_ds_control *control = yg_setup_control(z->setup, w);
	pid_t self = getpid();
	atomic_store(&shared_of(z, w)->ready_ns, 0);
	atomic_store(&shared_of(z, w)->finished, 0);
	atomic_store(&control->busy_ring, 0);
	pid_t pid = fork();
	if (pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		yg_worker_run(z->setup, w, c->report, self);
	}
	if (pid < 0) { // out of processes or memory: again in a while
		c->fork_after_ns = monotonic_ns() + 10 * YG_NS_PER_MS;
		return;
	}
	c->pid = pid;
	c->ready = c->stopped = c->finished = false;
	c->killed_for = 0;
	c->progress = atomic_load(&control->progress);
	c->seen_ns = monotonic_ns();
	c->cpu_ns = 0;
	c->looked_ns = c->seen_ns;
	c->stalled_ns = 0;
	c->read = 0;
	atomic_store(&control->worker_pid, (uint32_t)pid);
}

static void note_restart(struct zygote *z, struct child *c, int64_t ready_ns)
{
	struct yg_dissector_stats *stats = z->setup->stats;
	uint64_t n = yg_counter_get(&stats->restarts_count);
	struct yg_restart *restart = &stats->restarts[n % YG_RESTARTS_KEPT];
	yg_counter_set(&restart->cause, c->cause);
	yg_counter_set(&restart->died_ns, (uint64_t)c->died_ns);
	yg_counter_set(&restart->ready_ns, (uint64_t)ready_ns);
	yg_counter_set(&restart->pid, (uint64_t)c->pid);
	yg_counter_set(&stats->restarts_count, n + 1);
	c->cause = 0;
}

static void look_ready(struct zygote *z, unsigned w)
{
	struct child *c = &z->child[w];
	int64_t ready_ns = atomic_load_explicit(&shared_of(z, w)->ready_ns, memory_order_acquire);
	if (c->ready || ready_ns == 0)
		return;
	c->ready = true;
	c->failed_starts = 0;
	atomic_store(&yg_setup_control(z->setup, w)->ready_ns, (uint64_t)ready_ns);
	if (c->cause)
		note_restart(z, c, ready_ns);
}

// ---- after a death ----

// The record that a worker died on, copied out of its ring.
struct fatal {
	bool found;
	unsigned ring;
	uint32_t pieces;
	uint64_t index;
	struct yg_ds_request head;
};

static bool copy_fatal(struct zygote *z, const struct yg_ring *ring, struct fatal *fatal)
{
	memcpy(&fatal->head, yg_ring_slot(ring, fatal->index), offsetof(struct yg_ds_request, data));
	if (!yg_request_valid(&fatal->head, z->setup->slots) || fatal->head.pieces != fatal->pieces)
		return false;
	uint32_t left = fatal->head.length;
	for (uint32_t piece = 0; left > 0; piece++) {
		const struct yg_ds_request *slot = yg_ring_slot(ring, fatal->index + piece);
		uint32_t n = left < YG_DS_DATA ? left : YG_DS_DATA;
		memcpy(z->packet + fatal->head.length - left, slot->data, n);
		left -= n;
	}
	return true;
}

// What the control page says of the record in hand. A record behind which `read` already stands was read to its end:
// then only its counts may be missing.
static struct fatal find_fatal(struct zygote *z, unsigned w)
{
	struct yg_ds_control *control = yg_setup_control(z->setup, w);
	struct yg_worker_shared *shared = shared_of(z, w);
	struct fatal fatal = {.ring = atomic_load(&control->busy_ring) - 1};
	struct yg_ring ring;
	if (!yg_setup_serves(z->setup, w, fatal.ring) || !attach(z, fatal.ring, &ring))
		return fatal;
	fatal.index = atomic_load(&control->busy_index);
	fatal.pieces = atomic_load(&control->busy_pieces);
	if (atomic_load(&shared->read[fatal.ring]) > fatal.index) {
		yg_counter_set(&z->setup->stats->c[w][YG_DC_READ], atomic_load(&shared->packets));
		yg_counter_set(&z->setup->stats->c[w][YG_DC_READ_SLOTS], atomic_load(&shared->slots));
		return fatal;
	}
	uint64_t produced = yg_ring_available(&ring);
	if (fatal.index < ring.own || fatal.pieces < 1 || fatal.pieces > YG_DS_PIECES_MAX ||
	    fatal.index - ring.own > produced || fatal.pieces > produced - (fatal.index - ring.own))
		return fatal;
	fatal.found = copy_fatal(z, &ring, &fatal);
	if (fatal.found && fatal.head.kind == YG_DS_PACKET)
		count(z, YG_DC_LOST);
	return fatal;
}

static void store_packet(struct zygote *z, const struct fatal *fatal, enum yg_restart_cause cause, int signal,
                         char name[64])
{
	static const char *const causes[] = {"", "crash", "hang", "forbidden system call", "out of memory"};
	const struct yg_ds_request *head = &fatal->head;
	char comment[400];
	name[0] = '\0';
	if (!fatal->found || head->length == 0)
		return;
	snprintf(comment, sizeof comment,
	         "yagura-dissector: %s (signal %d) on packet %llu, ports %u and %u, protocol %u, %u bytes",
	         causes[cause], signal, (unsigned long long)head->packet, head->port[0], head->port[1], head->proto,
	         head->length);
	int error = yg_quarantine_write(z->quarantine, z->packet, head->length, head->time_ns, comment, name);
	if (error == 0)
		count(z, YG_DC_QUARANTINED);
	else if (error != -ENOENT)
		count(z, YG_DC_QUARANTINE_FULL);
}

// Moves the dead worker's place in ring r behind everything it has read, the fatal record included, and says so in the
// report.
static void report_ring(struct zygote *z, unsigned w, unsigned r, const struct fatal *fatal,
                        const struct yg_restarted *what)
{
	struct yg_worker_shared *shared = shared_of(z, w);
	struct yg_report *report = &z->child[w].report[r];
	struct yg_ring ring;
	if (!attach(z, r, &ring))
		return;
	bool told = atomic_load(&shared->reported[r]);
	if (told || !report->due)
		*report = (struct yg_report){0};
	uint64_t produced = ring.own + yg_ring_available(&ring);
	bool mine = fatal->found && fatal->ring == r;
	uint64_t read = mine ? fatal->index + fatal->pieces : atomic_load(&shared->read[r]);
	read = clamp(read, ring.own, produced);
	yg_ring_pop(&ring, (uint32_t)(read - ring.own));
	yg_ring_release(&ring);
	atomic_store(&shared->read[r], read);
	atomic_store(&shared->reported[r], 0);
	bool kept = report->due && report->restarted.had_packet && !mine;
	struct yg_restarted restarted = kept ? report->restarted : *what;
	restarted.had_packet = kept || mine;
	restarted.consumed = read;
	restarted.deaths = what->deaths;
	if (mine) {
		report->slot = fatal->head.slot;
		report->generation = fatal->head.generation;
		report->packet = fatal->head.packet;
		report->time_ns = fatal->head.time_ns;
	}
	report->restarted = restarted;
	report->due = true;
}

static struct yg_restarted describe(const struct fatal *fatal, enum yg_restart_cause cause, int signal, uint32_t deaths)
{
	struct yg_restarted what = {.cause = cause, .signal = (uint32_t)signal, .deaths = deaths};
	if (fatal->found) {
		memcpy(what.addr, fatal->head.addr, sizeof what.addr);
		memcpy(what.port, fatal->head.port, sizeof what.port);
		what.af = fatal->head.af;
		what.proto = fatal->head.proto;
	}
	return what;
}

// A worker may have written any time: one at which sums of windows cannot overflow.
static int64_t sane_time(int64_t ns)
{
	const int64_t far = INT64_MAX / 4;
	return ns > far ? far : ns < -far ? -far : ns;
}

static void apply_policy(struct zygote *z, unsigned w, const struct fatal *fatal)
{
	struct yg_crash_policy *policy = &z->policy;
	uint64_t pauses = policy->pauses;
	if (fatal->found)
		yg_crash_policy_death(policy, fatal->head.af, &fatal->head.addr[1], fatal->head.port[1],
		                      sane_time(fatal->head.time_ns));
	else
		yg_crash_policy_death(policy, 0, NULL, 0, sane_time(atomic_load(&shared_of(z, w)->now_ns)));
	yg_counter_add(&z->counters[YG_DC_PAUSES], policy->pauses - pauses);
	memcpy(&z->setup->shared->policy, policy, sizeof *policy);
}

static enum yg_restart_cause cause_of(const struct child *c, int status)
{
	if (c->killed_for)
		return c->killed_for;
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == YG_NDPI_NO_MEMORY ? YG_RESTART_MEMORY : YG_RESTART_CRASH;
	return WTERMSIG(status) == SIGSYS ? YG_RESTART_SANDBOX : YG_RESTART_CRASH;
}

static void bury(struct zygote *z, unsigned w, int status)
{
	struct child *c = &z->child[w];
	struct yg_ds_control *control = yg_setup_control(z->setup, w);
	enum yg_restart_cause cause = cause_of(c, status);
	int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	look_ready(z, w);
	if (!c->cause) { // a second death before the first was made good belongs to the same restart
		c->cause = cause;
		c->died_ns = cause == YG_RESTART_HANG ? c->seen_ns : monotonic_ns();
	}
	struct fatal fatal = find_fatal(z, w);
	struct yg_restarted what = describe(&fatal, cause, signal, atomic_load(&control->deaths) + 1);
	store_packet(z, &fatal, cause, signal, what.quarantine);
	for (unsigned r = 0; r < z->setup->rings; r++) {
		if (yg_setup_serves(z->setup, w, r))
			report_ring(z, w, r, &fatal, &what);
	}
	apply_policy(z, w, &fatal);
	count(z, YG_DC_DEATHS);
	if (cause == YG_RESTART_HANG)
		count(z, YG_DC_HANGS);
	if (cause == YG_RESTART_SANDBOX)
		count(z, YG_DC_SANDBOX_KILLS);
	atomic_store(&control->worker_pid, 0);
	atomic_store(&control->deaths, what.deaths);
	if (!c->ready)
		c->fork_after_ns = monotonic_ns() + (10 * YG_NS_PER_MS << c->failed_starts++);
}

// ---- watch ----

// Whether nothing will come in any ring of this worker and all of it was read. A ring that is none any more counts as
// ended: nobody can read on in it.
static bool input_ended(struct zygote *z, unsigned w)
{
	for (unsigned r = 0; r < z->setup->rings; r++) {
		struct yg_ring ring;
		if (yg_setup_serves(z->setup, w, r) && attach(z, r, &ring) && !yg_ring_ended(&ring))
			return false;
	}
	return true;
}

// `finished` is the worker's word too: one that says so before its input has ended is a dead worker like any other, and
// its flows are lost.
static bool has_finished(struct zygote *z, unsigned w)
{
	return atomic_load(&shared_of(z, w)->finished) && input_ended(z, w);
}

static void reap(struct zygote *z)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
		unsigned w = 0;
		while (w < z->setup->workers && z->child[w].pid != pid)
			w++;
		if (w == z->setup->workers)
			continue;
		struct child *c = &z->child[w];
		if (WIFSTOPPED(status) || WIFCONTINUED(status)) {
			c->stopped = WIFSTOPPED(status);
			continue;
		}
		c->pid = 0;
		c->finished = WIFEXITED(status) && WEXITSTATUS(status) == 0 && has_finished(z, w);
		if (!c->finished)
			bury(z, w, status);
	}
}

// What a worker's rings say of it.
struct pace {
	bool waits;    // records wait for it
	bool can_read; // it need not wait for others: in a replay every ring that has not ended must show a record
	uint64_t read; // slots behind which it stands, of all its rings together: never more than the engine produced
};

static struct pace pace_of(struct zygote *z, unsigned w)
{
	struct pace pace = {.can_read = true};
	for (unsigned r = 0; r < z->setup->rings; r++) {
		struct yg_ring ring;
		if (!yg_setup_serves(z->setup, w, r) || !attach(z, r, &ring))
			continue;
		uint64_t produced = ring.own + yg_ring_available(&ring);
		uint64_t read = clamp(atomic_load(&shared_of(z, w)->read[r]), ring.own, produced);
		pace.waits |= read < produced;
		pace.can_read &= read < produced || !z->setup->replay || yg_ring_ended(&ring);
		pace.read += read;
	}
	pace.can_read &= pace.waits;
	return pace;
}

// Whether a ring of answers is full and the engine has taken nothing out of any since the last look: a replay waits for
// it, for as long as it takes.
static bool engine_rests(struct zygote *z, unsigned w)
{
	uint64_t taken = 0;
	bool full = false;
	for (unsigned r = 0; r < z->setup->rings; r++) {
		const struct yg_memory *memory = &z->setup->from[r];
		struct yg_ring ring;
		if (!yg_setup_serves(z->setup, w, r) ||
		    yg_ring_attach(&ring, memory->at, memory->size, sizeof(struct yg_ds_answer), false) != 0)
			continue;
		full |= yg_ring_available(&ring) == ring.count;
		taken += ring.own;
	}
	bool rests = full && taken == z->child[w].taken;
	z->child[w].taken = taken;
	return rests;
}

// For how long this worker could have ended a record and has ended none. Between two looks no more than one watchdog
// time counts, here and for the time without progress: a zygote that slept, or stood still with all others, knows nothing
// of the time between.
static int64_t stalled(struct zygote *z, unsigned w, const struct pace *pace, int64_t now)
{
	struct child *c = &z->child[w];
	bool busy = atomic_load_explicit(&yg_setup_control(z->setup, w)->busy_ring, memory_order_relaxed) != 0;
	bool rests = engine_rests(z, w);
	int64_t since = now - c->looked_ns;
	c->looked_ns = now;
	if (since > z->setup->watchdog_ns)
		c->seen_ns += since - z->setup->watchdog_ns;
	bool stalls = pace->read <= c->read && !rests && (busy || pace->can_read);
	if (stalls && c->stalled_ns == 0)
		c->stalled_cpu_ns = cpu_ns(c->pid);
	if (stalls)
		c->stalled_ns += since < z->setup->watchdog_ns ? since : z->setup->watchdog_ns;
	else
		c->stalled_ns = 0;
	if (pace->read > c->read)
		c->read = pace->read;
	return c->stalled_ns;
}

// Nanoseconds until this worker counts as hung, should nothing change; 0: it does.
static int64_t patience_left(struct zygote *z, unsigned w, int64_t now)
{
	struct child *c = &z->child[w];
	int64_t watchdog = z->setup->watchdog_ns;
	uint64_t progress = atomic_load_explicit(&yg_setup_control(z->setup, w)->progress, memory_order_relaxed);
	struct pace pace = pace_of(z, w);
	int64_t patience = (z->setup->replay ? PATIENCE_REPLAY : PATIENCE) * watchdog, stalled_ns = stalled(z, w, &pace, now);
	if (stalled_ns >= patience)
		return 0;
	if (stalled_ns >= PATIENCE * watchdog && (c->stopped || cpu_ns(c->pid) - c->stalled_cpu_ns >= PATIENCE * watchdog * 3 / 4))
		return 0;
	if (progress != c->progress || !pace.waits) {
		c->progress = progress;
		c->seen_ns = now;
		c->cpu_ns = cpu_ns(c->pid);
		return watchdog;
	}
	int64_t waited = now - c->seen_ns;
	if (waited < watchdog)
		return watchdog - waited;
	bool had_processor = cpu_ns(c->pid) - c->cpu_ns >= watchdog * 3 / 4;
	return c->stopped || had_processor || waited >= patience ? 0 : WATCH_MS * YG_NS_PER_MS;
}

static void watch(struct zygote *z, unsigned w, int64_t now, int *timeout_ms)
{
	struct child *c = &z->child[w];
	look_ready(z, w);
	int64_t left = patience_left(z, w, now);
	if (left == 0 && !c->killed_for) {
		c->killed_for = YG_RESTART_HANG;
		kill(c->pid, SIGKILL);
	}
	int wait_ms = c->ready ? WATCH_MS : WATCH_FORK_MS;
	if (left > 0 && left / YG_NS_PER_MS < wait_ms)
		wait_ms = (int)(left / YG_NS_PER_MS) + 1;
	if (wait_ms < *timeout_ms)
		*timeout_ms = wait_ms;
}

// Looks after every worker. How long to sleep, or -1 when all have finished, -2 when one cannot be started.
static int look_after_all(struct zygote *z)
{
	int timeout_ms = 1000;
	unsigned finished = 0;
	int64_t now = monotonic_ns();
	for (unsigned w = 0; w < z->setup->workers; w++) {
		struct child *c = &z->child[w];
		if (c->failed_starts >= FAILED_STARTS_MAX)
			return -2;
		if (c->finished) {
			finished++;
			continue;
		}
		if (c->pid == 0 && now >= c->fork_after_ns)
			fork_child(z, w);
		if (c->pid != 0)
			watch(z, w, now, &timeout_ms);
		else
			timeout_ms = WATCH_MS;
	}
	return finished == z->setup->workers ? -1 : timeout_ms;
}

static void drain(int signals)
{
	struct signalfd_siginfo info;
	while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
		;
}

static int watch_all(struct zygote *z)
{
	for (;;) {
		reap(z);
		int timeout_ms = look_after_all(z);
		if (timeout_ms == -1)
			return YG_EXIT_OK;
		if (timeout_ms < 0) {
			yg_error("a worker died %d times before it was ready", FAILED_STARTS_MAX);
			return YG_EXIT_BAD_SETUP;
		}
		struct pollfd wake[2] = {{.fd = z->signals, .events = POLLIN}, {.fd = z->alive, .events = POLLIN}};
		int n = poll(wake, 2, timeout_ms);
		if (n > 0 && wake[0].revents)
			drain(z->signals);
		if (n > 0 && wake[1].revents)
			return YG_EXIT_OK; // nothing is ever written to it: it has ended
	}
}

static void kill_all(struct zygote *z)
{
	for (unsigned w = 0; w < z->setup->workers; w++) {
		if (z->child[w].pid > 0)
			kill(z->child[w].pid, SIGKILL);
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
}

// The zygote before this one died, and its workers with it: they are buried now, and what they leave is in their pages.
static void bury_predecessors(struct zygote *z)
{
	for (unsigned w = 0; w < z->setup->workers; w++) {
		bool worked = atomic_load(&yg_setup_control(z->setup, w)->progress) > 0;
		if (worked && !has_finished(z, w))
			bury(z, w, SIGKILL);
		z->child[w].fork_after_ns = 0;
	}
}

static void begin_at_tails(struct zygote *z)
{
	for (unsigned r = 0; r < z->setup->rings; r++) {
		struct yg_ring ring;
		struct yg_worker_shared *shared = shared_of(z, r % z->setup->workers);
		if (attach(z, r, &ring) && atomic_load(&shared->read[r]) < ring.own)
			atomic_store(&shared->read[r], ring.own);
	}
}

int yg_zygote_run(struct yg_setup *setup, struct yg_quarantine *quarantine, int alive)
{
	static struct zygote zygote;
	struct zygote *z = &zygote;
	*z =
	    (struct zygote){.setup = setup, .quarantine = quarantine, .counters = setup->stats->zygote, .alive = alive};
	sigset_t child;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	z->signals = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
	if (z->signals < 0)
		return YG_EXIT_BAD_SETUP;
	begin_at_tails(z);
	bury_predecessors(z);
	int error = yg_sandbox_enter_zygote(&setup->sandbox);
	if (error) {
		yg_error("the zygote's sandbox: %s", strerror(-error));
		return YG_EXIT_BAD_SETUP;
	}
	int status = watch_all(z);
	kill_all(z);
	close(z->signals);
	return status;
}

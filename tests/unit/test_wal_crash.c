// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The spool before power failures: random work, and before each call of the disk crashes of many kinds on copies of it. Whatever is kept of
// what was not synced: all that was called durable is there, in order, once; nothing else but what was offered; a second start changes
// nothing; what is offered again completes it. YAGURA_LONG=1: two million states instead of a hundred thousand.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/wal.h"
#include "sim_disk.h"

enum { STATES = 100 * 1000, STATES_LONG = 2 * 1000 * 1000, PSEQ_MAX = 1500, LSN_MAX_HERE = 8192, TEXT_MAX = 1300 };

static struct model {
	struct sim_disk *sim;
	struct yg_disk disk;
	struct yg_wal *wal;
	struct yg_wal_options options;
	struct yg_wal_reader *reader;
	uint64_t last[YG_SPOOL_LANES]; // offered so far, the one in progress included
	struct { uint8_t lane; uint64_t pseq; } by_lsn[LSN_MAX_HERE];
	uint64_t now, random;
	bool stuck;   // the sink delivers nothing: the log fills
	bool opening; // the log is being opened: memory says nothing
	struct told {
		uint64_t durable, cursor, settled[YG_SPOOL_LANES];
	} told; // last
	struct sim_disk *cut; // what a power failure in the midst of a call has left, and what was told by then
	struct told told_before_cut;
} m;

// R2: the steps before each of which, and so also after each of which, a crash has to have been looked at.
static struct { enum sim_call call; const char *subject; uint64_t points; const char *name; } steps[] = {
	{SIM_OPEN, "segment.new", 0, "create a segment"}, {SIM_ALLOCATE, "segment.new", 0, "allocate it"},
	{SIM_WRITE, "segment.new", 0, "write its header"}, {SIM_SYNC, "segment.new", 0, "sync its header"},
	{SIM_RENAME, "segment.new", 0, "name it"}, {SIM_SYNC_DIRECTORY, "", 0, "sync the directory"},
	{SIM_WRITE, "seg-", 0, "write a group, a seal, or zeros over a torn tail"}, {SIM_SYNC, "seg-", 0, "sync it"},
	{SIM_UNLINK, "seg-", 0, "delete a segment"}, {SIM_OPEN, "spool.meta.new", 0, "create the cursors' file"},
	{SIM_WRITE, "spool.meta.new", 0, "write its first slot"}, {SIM_SYNC, "spool.meta.new", 0, "sync it"},
	{SIM_RENAME, "spool.meta.new", 0, "name it"}, {SIM_WRITE, "spool.meta", 0, "write a slot"}, {SIM_SYNC, "spool.meta", 0, "sync a slot"},
	{SIM_OPEN, "torn-", 0, "create a copy of a torn tail"}, {SIM_WRITE, "torn-", 0, "write it"}, {SIM_SYNC, "torn-", 0, "sync it"},
	{SIM_UNLINK, "segment.new", 0, "remove a segment that was being made"}, {SIM_RENAME, "reserve.new", 0, "name the reserve"},
	{SIM_UNLINK, "reserve.bin", 0, "release the reserve"},
};

static uint64_t states, states_wanted, points, checks_again, dups_refused, longest_lsn, unsaid;

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t below(uint64_t n)
{
	return next_random(&m.random) % n;
}

// The text says which it is, and its length and class depend on that too.
static size_t text_of(unsigned lane, uint64_t pseq, char *out)
{
	uint64_t seed = lane * 1000003 + pseq;
	size_t size = 40 + next_random(&seed) % (next_random(&seed) % 16 == 0 ? 1200 : 150);
	int n = snprintf(out, TEXT_MAX, "{\"lane\":%u,\"pseq\":%llu,\"fill\":\"", lane, (unsigned long long)pseq);
	for (size_t i = (size_t)n; i < size - 1; i++)
		out[i] = (char)('a' + next_random(&seed) % 26);
	out[size - 1] = '\n';
	return size;
}

static enum yg_spool_class class_of(unsigned lane, uint64_t pseq)
{
	return lane == 0 ? (pseq % 3 ? YG_SPOOL_ALERT : YG_SPOOL_HIGH) : (enum yg_spool_class)(lane + 1);
}

static void violated(const char *what, uint64_t a, uint64_t b)
{
	fprintf(stderr, "violated: %s (%llu, %llu) in state %llu\n", what, (unsigned long long)a, (unsigned long long)b,
	        (unsigned long long)states);
	fail();
}

// ---- looking at a log that was recovered ----

struct seen {
	uint8_t line[YG_SPOOL_LANES][PSEQ_MAX + 1];
	uint8_t gap[YG_SPOOL_LANES][PSEQ_MAX + 1];
	uint64_t first, count, previous;
};

static void take_gap(struct seen *seen, const struct yg_wal_entry *e)
{
	if (e->gap.reason != YG_SPOOL_GAP_SHED)
		violated("a gap of LSNs though none is missing", e->lsn, e->gap.reason);
	unsigned lane = yg_spool_lane(e->gap.class);
	if (e->gap.to > m.last[lane])
		violated("a gap of what was never offered", e->gap.to, m.last[lane]);
	for (uint64_t p = e->gap.from; p && p <= e->gap.to; p++)
		seen->gap[lane][p] = 1;
}

static void take_line(struct seen *seen, const struct yg_wal_entry *e)
{
	char text[TEXT_MAX];
	unsigned lane = yg_spool_lane(e->class);
	if (e->producer != 1 || e->pseq == 0 || e->pseq > m.last[lane])
		violated("never offered", e->lsn, e->pseq);
	size_t size = text_of(lane, e->pseq, text);
	if (size != e->size || memcmp(text, e->bytes, size) != 0 || class_of(lane, e->pseq) != e->class)
		violated("another text", e->lsn, e->pseq);
	if (seen->line[lane][e->pseq]++)
		violated("twice", e->lsn, e->pseq);
}

static void read_all(struct yg_wal *wal, struct seen *seen)
{
	struct yg_wal_entry e;
	memset(seen, 0, sizeof *seen);
	seen->first = yg_wal_first(wal);
	struct yg_wal_reader *reader = yg_wal_reader_create(wal, seen->first);
	int status;
	while ((status = yg_wal_read(reader, &e)) == 1) {
		if (e.lsn <= seen->previous || e.skipped)
			violated("order", e.lsn, seen->previous);
		seen->previous = e.lsn;
		seen->count++;
		if (e.type == YG_SPOOL_GAP)
			take_gap(seen, &e);
		else
			take_line(seen, &e);
	}
	if (status < 0)
		violated("reading", (uint64_t)-status, 0);
	if (seen->previous != yg_wal_durable(wal) && yg_wal_durable(wal) >= seen->first)
		violated("read to the end", seen->previous, yg_wal_durable(wal));
	yg_wal_reader_destroy(reader);
}

static void durable_is_there(struct yg_wal *wal, const struct seen *seen)
{
	if (yg_wal_durable(wal) < m.told.durable)
		violated("durable went back", yg_wal_durable(wal), m.told.durable);
	if (seen->first > m.told.cursor)
		violated("deleted before delivery", seen->first, m.told.cursor);
	for (uint64_t lsn = m.told.cursor; lsn <= m.told.durable; lsn++) {
		uint64_t p = m.by_lsn[lsn].pseq;
		if (p && !seen->line[m.by_lsn[lsn].lane][p])
			violated("durable and gone", lsn, p);
	}
	if (seen->first != 1)
		return;
	for (unsigned lane = 0; lane < YG_SPOOL_LANES; lane++)
		for (uint64_t p = 1; p <= m.told.settled[lane]; p++)
			if (!seen->line[lane][p] && !seen->gap[lane][p])
				violated("a silent hole", lane, p);
}

static uint64_t digest(struct sim_disk *sim)
{
	uint64_t h = 1469598103934665603u;
	for (unsigned i = 0;; i++) {
		size_t size;
		const char *name = sim_disk_name(sim, "", i);
		if (!name)
			return h;
		if (strcmp(name, "spool.meta") == 0 || strncmp(name, "reserve", 7) == 0)
			continue;
		const uint8_t *bytes = sim_disk_bytes(sim, name, &size);
		for (size_t k = 0; k < size; k++)
			h = (h ^ bytes[k]) * 1099511628211u;
		for (const char *c = name; *c; c++)
			h = (h ^ (uint8_t)*c) * 1099511628211u;
	}
}

// What the source still has comes again, and then everything is there once.
static void offer_again(struct yg_wal *wal)
{
	static struct seen seen;
	char text[TEXT_MAX];
	uint64_t lsn, after[YG_SPOOL_LANES];
	for (unsigned lane = 0; lane < YG_SPOOL_LANES; lane++) {
		uint64_t from = m.told.settled[lane] > 3 ? m.told.settled[lane] - 3 : 0; // a little of what is known, too
		after[lane] = yg_wal_settled(wal, class_of(lane, 0), 1);
		for (uint64_t p = from + 1; p <= m.last[lane]; p++) {
			size_t size = text_of(lane, p, text);
			int error = yg_wal_append(wal, class_of(lane, p), 1, p, text, size, m.now, &lsn);
			if ((error == -EEXIST) != (p <= after[lane]))
				violated("dup", p, after[lane]);
			dups_refused += error == -EEXIST;
		}
	}
	if (yg_wal_sync(wal, m.now) != 0)
		violated("sync", 0, 0);
	yg_wal_tick(wal, m.now + 2000000000);
	yg_wal_sync(wal, m.now + 3000000000);
	read_all(wal, &seen);
	for (unsigned lane = 0; lane < YG_SPOOL_LANES && seen.first == 1; lane++)
		for (uint64_t p = 1; p <= m.last[lane]; p++)
			if (!seen.line[lane][p] && !seen.gap[lane][p] && p <= yg_wal_settled(wal, class_of(lane, 0), 1))
				violated("a silent hole after all was offered again", lane, p);
	checks_again++;
}

static void look_at_state(uint64_t seed)
{
	static struct seen seen;
	struct sim_disk *copy = sim_disk_clone(m.sim);
	struct yg_disk disk = sim_disk_of(copy);
	struct yg_wal *wal;
	sim_disk_crash(copy, seed);
	states++;
	if (yg_wal_open(&disk, &m.options, NULL, NULL, &wal) != 0)
		violated("open", 0, 0);
	if (yg_wal_stats(wal).damaged_records || yg_wal_stats(wal).missing_segments || yg_wal_stats(wal).unreadable_segments)
		violated("taken for damage", yg_wal_stats(wal).damaged_records, yg_wal_stats(wal).missing_segments);
	read_all(wal, &seen);
	durable_is_there(wal, &seen);
	uint64_t durable = yg_wal_durable(wal);
	if (states % 8 == 0) {
		uint64_t before = digest(copy);
		yg_wal_abandon(wal);
		sim_disk_crash(copy, SIM_NOTHING);
		if (yg_wal_open(&disk, &m.options, NULL, NULL, &wal) != 0 || yg_wal_durable(wal) != durable)
			violated("second start", yg_wal_durable(wal), durable);
		if (digest(copy) != before)
			violated("a second start changes", before, 0);
	}
	if (states % 4 == 1)
		offer_again(wal);
	if (durable > longest_lsn)
		longest_lsn = durable;
	yg_wal_abandon(wal);
	sim_disk_destroy(copy);
}

static void remember(void)
{
	m.told.durable = yg_wal_durable(m.wal);
	m.told.cursor = yg_wal_cursor(m.wal, 0, NULL);
	for (unsigned lane = 0; lane < YG_SPOOL_LANES; lane++)
		m.told.settled[lane] = yg_wal_settled(m.wal, class_of(lane, 0), 1);
}

// The process is killed, the system goes on, and the power fails later: what the first start found is there for the second.
static void killed_first(void)
{
	struct sim_disk *copy = sim_disk_clone(m.sim);
	struct yg_disk disk = sim_disk_of(copy);
	struct yg_wal *wal;
	if (yg_wal_open(&disk, &m.options, NULL, NULL, &wal) != 0)
		violated("open after a kill", 0, 0);
	uint64_t durable = yg_wal_durable(wal);
	yg_wal_abandon(wal);
	sim_disk_crash(copy, SIM_NOTHING);
	if (yg_wal_open(&disk, &m.options, NULL, NULL, &wal) != 0 || yg_wal_durable(wal) < durable)
		violated("a start called durable what was not", yg_wal_durable(wal), durable);
	states++;
	yg_wal_abandon(wal);
	sim_disk_destroy(copy);
}

static void count_step(enum sim_call call)
{
	const char *subject = sim_disk_subject(m.sim);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		size_t n = strlen(steps[i].subject);
		bool whole = n && steps[i].subject[n - 1] != '-';
		if (steps[i].call == call && (whole ? strcmp(subject, steps[i].subject) == 0 : strncmp(subject, steps[i].subject, n) == 0))
			steps[i].points++;
	}
}

static void before_call(void *context, enum sim_call call)
{
	(void)context;
	if (call == SIM_READ || call == SIM_LIST || call == SIM_FREE || states >= states_wanted)
		return;
	if (!m.opening)
		remember();
	if (!m.opening && !m.cut && below(call == SIM_SYNC ? 25 : 250) == 0) {
		m.cut = sim_disk_clone(m.sim);
		sim_disk_crash(m.cut, next_random(&m.random) | 1);
		m.told_before_cut = m.told;
	}
	points++;
	count_step(call);
	killed_first();
	// What differs between two calls is small: a few states a point, at many points.
	look_at_state(SIM_NOTHING);
	look_at_state(SIM_ALL);
	for (int i = 0; i < 3; i++)
		look_at_state(next_random(&m.random) | 1);
}

// ---- the work ----

static void open_log(void)
{
	m.opening = true;
	assert_int_equal(yg_wal_open(&m.disk, &m.options, NULL, NULL, &m.wal), 0);
	m.opening = false;
	assert_int_equal(yg_wal_sink(m.wal, "redis"), 0);
	m.reader = yg_wal_reader_create(m.wal, yg_wal_cursor(m.wal, 0, NULL));
	remember();
}

static void offer_one(unsigned lane, uint64_t p)
{
	char text[TEXT_MAX];
	uint64_t lsn;
	size_t size = text_of(lane, p, text);
	if (p > m.last[lane])
		m.last[lane] = p;
	int error = yg_wal_append(m.wal, class_of(lane, p), 1, p, text, size, m.now, &lsn);
	if (!error && lsn < LSN_MAX_HERE) {
		m.by_lsn[lsn].lane = (uint8_t)lane;
		m.by_lsn[lsn].pseq = p;
	}
}

static void offer(unsigned lane)
{
	if (m.last[lane] < PSEQ_MAX)
		offer_one(lane, m.last[lane] + 1);
}

// Its source has kept what is neither in the log nor in a gap of it.
static void offer_unsettled(void)
{
	for (unsigned lane = 0; lane < YG_SPOOL_LANES; lane++)
		for (uint64_t p = m.told.settled[lane] + 1, last = m.last[lane]; p <= last; p++)
			offer_one(lane, p);
}

// The power has failed for good; starting again is work like any other, with crashes of its own.
static void begin_again(struct sim_disk *left)
{
	struct yg_wal_entry e;
	yg_wal_reader_destroy(m.reader);
	yg_wal_abandon(m.wal);
	sim_disk_destroy(m.sim);
	m.sim = left;
	m.cut = NULL;
	m.disk = sim_disk_of(m.sim);
	m.told = m.told_before_cut;
	uint64_t durable = m.told.durable;
	sim_disk_watch(m.sim, before_call, NULL);
	m.opening = true;
	m.options.now_ns = m.now;
	open_log();
	memset(&m.by_lsn[durable + 1], 0, (LSN_MAX_HERE - durable - 1) * sizeof *m.by_lsn);
	struct yg_wal_reader *reader = yg_wal_reader_create(m.wal, durable + 1);
	while (yg_wal_read(reader, &e) == 1)
		if (e.type == YG_SPOOL_LINE) {
			m.by_lsn[e.lsn].lane = yg_spool_lane(e.class);
			m.by_lsn[e.lsn].pseq = e.pseq;
		}
	yg_wal_reader_destroy(reader);
	offer_unsettled();
}

static void deliver(void)
{
	struct yg_wal_entry e;
	uint64_t id[2] = {1, 0};
	if (m.stuck)
		return;
	for (uint64_t n = below(30); n && yg_wal_read(m.reader, &e) == 1; n--) {
		id[1] = e.lsn;
		yg_wal_set_cursor(m.wal, 0, e.lsn + 1, id);
	}
}

static void step(void)
{
	m.now += below(2000000);
	switch (below(24)) {
	case 0:
		yg_wal_sync(m.wal, m.now);
		break;
	case 1:
	case 2:
		deliver();
		break;
	case 3:
		m.now += below(600000000);
		yg_wal_tick(m.wal, m.now);
		break;
	case 4: {
		unsigned lane = (unsigned)below(3);
		uint64_t n = 1 + below(3), first = m.last[lane] + 1;
		if (first + n <= PSEQ_MAX) {
			m.last[lane] += n;
			yg_wal_lost(m.wal, class_of(lane, first), 1, first, first + n - 1, n);
		}
		break;
	}
	case 5:
		if (below(6) == 0) {
			yg_wal_reader_destroy(m.reader);
			m.reader = NULL;
			yg_wal_tick(m.wal, m.now += 3000000000);
			yg_wal_sync(m.wal, m.now);
			remember();
			m.opening = true;
			unsaid += yg_wal_close(m.wal, m.now) != 0;
			m.options.now_ns = m.now;
			open_log();
			offer_unsettled();
		}
		break;
	default:
		offer((unsigned)below(3));
		yg_wal_tick(m.wal, m.now);
	}
}

static void work(uint64_t seed)
{
	memset(&m, 0, sizeof m);
	m.random = seed;
	m.stuck = seed % 5 == 0;
	m.sim = sim_disk_create(512 * 1024);
	m.disk = sim_disk_of(m.sim);
	m.options = (struct yg_wal_options){.segment_bytes = 4096, .quota_bytes = seed % 2 || m.stuck ? 40960 : 131072, .reserve_bytes = 8192,
	                                    .sync_bytes = 512 + 1024 * (seed % 3), .retention_ns = seed % 4 ? 2000000000 : 200000000, .now_ns = 1};
	m.now = m.told.cursor = 1;
	m.opening = true;
	sim_disk_watch(m.sim, before_call, NULL);
	open_log();
	for (int i = 0; i < 400 && states < states_wanted; i++) {
		step();
		if (m.cut)
			begin_again(m.cut);
	}
	sim_disk_watch(m.sim, NULL, NULL);
	yg_wal_reader_destroy(m.reader);
	yg_wal_close(m.wal, m.now);
	sim_disk_destroy(m.sim);
}

static void every_crash_state_recovers(void **state)
{
	(void)state;
	const char *long_form = getenv("YAGURA_LONG");
	states_wanted = long_form && *long_form ? STATES_LONG : STATES;
	unsigned runs = 0;
	while (states < states_wanted)
		work(++runs);
	print_message("crash states %llu at %llu points of %u runs, offered again in %llu, duplicates refused %llu, longest log %llu, "
	              "closed with gaps unsaid %llu; violations 0\n",
	              (unsigned long long)states, (unsigned long long)points, runs, (unsigned long long)checks_again,
	              (unsigned long long)dups_refused, (unsigned long long)longest_lsn, (unsigned long long)unsaid);
	assert_true(checks_again > states / 8);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		print_message("  %6llu x 6 before: %s\n", (unsigned long long)steps[i].points, steps[i].name);
		assert_true(steps[i].points >= 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_crash_state_recovers)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

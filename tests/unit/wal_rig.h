// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A spool over a disk in memory, for tests that are set up and torn down by these functions; lines whose text tells which they are.
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "courier/wal.h"
#include "sim_disk.h"

#define HELPER __attribute__((unused)) static

enum { TEXT = 256, MS = 1000000 };
#define S (1000 * (uint64_t)MS)

static struct sim_disk *sim;
static struct yg_disk disk;
static struct yg_wal *wal;
static uint64_t now_ns, events[YG_WAL_EVENTS_COUNT];
static struct yg_wal_options options;

HELPER void report(void *context, enum yg_wal_event event, uint64_t a, uint64_t b)
{
	(void)context, (void)a, (void)b;
	events[event]++;
}

HELPER int set_up(void **state)
{
	(void)state;
	sim = sim_disk_create(8 << 20);
	disk = sim_disk_of(sim);
	now_ns = S;
	memset(events, 0, sizeof events);
	options = (struct yg_wal_options){.segment_bytes = 8192, .quota_bytes = 1 << 20, .reserve_bytes = 32768, .sync_bytes = 2048,
	                                  .now_ns = S, .real_ns = 100 * S};
	wal = NULL;
	return 0;
}

HELPER int tear_down(void **state)
{
	(void)state;
	yg_wal_abandon(wal);
	sim_disk_destroy(sim);
	return 0;
}

HELPER void start(void)
{
	options.now_ns = now_ns;
	assert_int_equal(yg_wal_open(&disk, &options, report, NULL, &wal), 0);
}

HELPER void stop(void)
{
	assert_int_equal(yg_wal_close(wal, now_ns), 0);
	wal = NULL;
}

HELPER void restart(void)
{
	stop();
	start();
}

HELPER size_t text_of(uint64_t pseq, char *out)
{
	return (size_t)snprintf(out, TEXT, "{\"n\":%llu,\"fill\":\"%0*d\"}\n", (unsigned long long)pseq, (int)(20 + pseq * 7 % 100), 0);
}

HELPER int add_class(enum yg_spool_class class, uint64_t pseq)
{
	char text[TEXT];
	uint64_t lsn;
	return yg_wal_append(wal, class, 1, pseq, text, text_of(pseq, text), now_ns, &lsn);
}

HELPER void add(uint64_t from, uint64_t to)
{
	for (uint64_t p = from; p <= to; p++)
		assert_int_equal(add_class(YG_SPOOL_ALERT, p), 0);
	assert_int_equal(yg_wal_sync(wal, now_ns), 0);
}

struct tally {
	uint64_t lines, skipped, gaps, lost[YG_SPOOL_CLASSES], missing, damaged, last;
};

HELPER struct tally read_from(uint64_t lsn)
{
	struct tally t = {0};
	struct yg_wal_entry e;
	char text[TEXT];
	struct yg_wal_reader *reader = yg_wal_reader_create(wal, lsn);
	int status;
	for (unsigned refusals = 0; (status = yg_wal_read(reader, &e)) != 0 && refusals < 50;) {
		refusals += status < 0; // it may be tried again
		if (status < 0)
			continue;
		assert_true(e.lsn > t.last);
		t.last = e.lsn;
		t.skipped += e.skipped;
		if (e.type == YG_SPOOL_LINE) {
			t.lines++;
			assert_int_equal(text_of(e.pseq, text), e.size);
			assert_memory_equal(text, e.bytes, e.size);
			continue;
		}
		t.gaps++;
		if (e.gap.reason == YG_SPOOL_GAP_SHED)
			t.lost[e.gap.class] += e.gap.count;
		else
			*(e.gap.reason == YG_SPOOL_GAP_MISSING ? &t.missing : &t.damaged) += e.gap.count;
	}
	yg_wal_reader_destroy(reader);
	return t;
}

HELPER uint8_t *newest(size_t *ret_size)
{
	const char *name = NULL;
	for (unsigned i = 0; sim_disk_name(sim, "seg-", i); i++)
		name = sim_disk_name(sim, "seg-", i);
	return sim_disk_bytes(sim, name, ret_size);
}

HELPER unsigned segments(void)
{
	unsigned n = 0;
	while (sim_disk_name(sim, "seg-", n))
		n++;
	return n;
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

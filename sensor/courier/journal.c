// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See journal.h. Every step can be the last one, so each may be done twice: counters are set to what they shall be, not added to.
//
// Another program that appends to the same file in the moment of our death makes its size ambiguous. Then the write counts as having
// happened as soon as the file is long enough; nothing of a file that has grown further than our write is ever cut off.
#include "courier/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "courier/courier.h"

static uint64_t get(const struct yg_courier *courier, enum yg_courier_counter counter)
{
	return yg_counter_get(&courier->stats->c[counter]);
}

static void set(struct yg_courier *courier, enum yg_courier_counter counter, uint64_t value)
{
	yg_counter_set(&courier->stats->c[counter], value);
}

// What stands before must be seen before what comes after by whoever looks at the memory of a dead process.
static void in_order(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

// Counters grow: one that stands higher already has been set, and has gone on since.
static void raise_to(struct yg_courier *courier, enum yg_courier_counter counter, const struct yg_counter *value)
{
	if (yg_counter_get(value) > get(courier, counter))
		set(courier, counter, yg_counter_get(value));
}

static void announce(struct yg_courier *courier)
{
	struct yg_journal *j = courier->journal;
	const struct yg_sink_file *file = &courier->file;
	struct stat st;
	if (file->written == 0) {
		yg_counter_set(&j->length, 0);
		// A pipe or a device keeps no size to look at: there a write that is cut by our death is done again.
		if (fstat(file->fd, &st) < 0 || !S_ISREG(st.st_mode))
			st.st_ino = 0;
		in_order();
		yg_counter_set(&j->inode, st.st_ino);
		yg_counter_set(&j->before, st.st_ino ? (uint64_t)st.st_size : 0);
	}
	uint64_t flows = yg_counter_get(&j->flows); // what is read again for the log alone does not count
	yg_counter_set(&j->after.flows, courier->flows_read.own > flows ? courier->flows_read.own : flows);
	yg_counter_set(&j->after.alerts, courier->file_position);
	yg_counter_set(&j->after.lines, get(courier, YG_CC_EVE_LINES) + file->lines);
	yg_counter_set(&j->after.bytes, get(courier, YG_CC_EVE_BYTES) + file->length);
	yg_counter_set(&j->after.flows_written, get(courier, YG_CC_FLOWS_WRITTEN) + courier->flows_buffered);
	yg_counter_set(&j->after.invalid, get(courier, YG_CC_FLOWS_INVALID) + courier->flows_invalid);
	yg_counter_set(&j->after.too_long, get(courier, YG_CC_EVE_TOO_LONG) + courier->flows_too_long);
	yg_counter_set(&j->after.errors, get(courier, YG_CC_EVE_ERRORS) + courier->flows_dropped);
	in_order();
	yg_counter_set(&j->length, yg_counter_get(&j->inode) ? file->length : 0);
	in_order();
}

void yg_journal_give_back(struct yg_courier *courier)
{
	uint64_t position = yg_counter_get(&courier->journal->flows);
	if (courier->log_flows && !courier->spool)
		return; // not yet open: what the log has of them is not known
	if (courier->log_flows) {
		uint64_t settled = yg_spool_settled(courier->spool, YG_SPOOL_FLOW); // a position and 1: all before it
		settled = settled >= courier->flows_offered ? courier->flows_read.own : settled;
		position = settled < position ? settled : position;
	}
	if (position <= courier->flows.own || position - courier->flows.own > courier->flows.count)
		return; // it is there already
	yg_ring_pop(&courier->flows, (uint32_t)(position - courier->flows.own));
	yg_ring_release(&courier->flows);
}

// As far as the file is concerned.
static void release_flows(struct yg_courier *courier, uint64_t position)
{
	if (position > yg_counter_get(&courier->journal->flows))
		yg_counter_set(&courier->journal->flows, position);
	in_order();
	yg_journal_give_back(courier);
}

static void forget_refused(struct yg_courier *courier)
{
	courier->flows_invalid = courier->flows_too_long = courier->flows_dropped = 0;
}

void yg_journal_settle(struct yg_courier *courier)
{
	for (int i = 0; i < 2; i++)
		yg_counter_set(&courier->journal->given[i].position, 0);
	in_order();
}

// Up to where the file's side has given the ring back says which of the two holds. NULL when neither does.
static const struct yg_journal_given *given_back(const struct yg_courier *courier)
{
	const struct yg_journal_given *found = NULL;
	for (int i = 0; i < 2; i++) {
		const struct yg_journal_given *g = &courier->journal->given[i];
		uint64_t position = yg_counter_get(&g->position);
		if (position && position - 1 <= yg_counter_get(&courier->journal->flows) && (!found || position > yg_counter_get(&found->position)))
			found = g;
	}
	return found;
}

static void count_refused(struct yg_courier *courier, const struct yg_journal_given *given)
{
	raise_to(courier, YG_CC_FLOWS_INVALID, &given->invalid);
	raise_to(courier, YG_CC_EVE_TOO_LONG, &given->too_long);
	raise_to(courier, YG_CC_EVE_ERRORS, &given->errors);
}

static void written(struct yg_courier *courier)
{
	struct yg_journal *j = courier->journal;
	set(courier, YG_CC_EVE_LINES, yg_counter_get(&j->after.lines));
	set(courier, YG_CC_EVE_BYTES, yg_counter_get(&j->after.bytes));
	set(courier, YG_CC_FLOWS_WRITTEN, yg_counter_get(&j->after.flows_written));
	raise_to(courier, YG_CC_FLOWS_INVALID, &j->after.invalid);
	raise_to(courier, YG_CC_EVE_TOO_LONG, &j->after.too_long);
	raise_to(courier, YG_CC_EVE_ERRORS, &j->after.errors);
	yg_counter_set(&j->alerts, yg_counter_get(&j->after.alerts));
	yg_journal_settle(courier);
	release_flows(courier, yg_counter_get(&j->after.flows));
	in_order();
	yg_counter_set(&j->length, 0);
	courier->flows_buffered = 0;
	forget_refused(courier);
	courier->file_written = yg_counter_get(&j->after.alerts);
}

static int64_t real_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

// Nothing of a write that was announced has happened, or none was: none is from now on.
static void withdraw(struct yg_courier *courier)
{
	yg_counter_set(&courier->journal->length, 0);
	in_order();
}

static void rotate(struct yg_courier *courier, uint64_t more)
{
	struct yg_rotate *r = courier->file.rotate;
	int64_t now_s = r ? real_s() : 0;
	if (!r || courier->file.written || !yg_rotate_due(r, courier->file.fd, more, now_s))
		return;
	withdraw(courier);
	int fd = yg_rotate_move(r, courier->file.fd, now_s);
	if (fd >= 0)
		yg_sink_file_take(&courier->file, fd, r->path);
}

static void reopen(struct yg_courier *courier)
{
	const char *path = yg_config_string(&courier->config, YG_O_EVE_FILE);
	int fd = yg_rotate_reopen(path, courier->file.fd);
	if (fd == -EALREADY)
		return;
	if (fd < 0) {
		yg_error("EVE file %s cannot be opened anew: %s; lines go on to the one that was open", path, strerror(-fd));
		yg_counter_add(&courier->stats->c[YG_CC_EVE_ROTATE_ERRORS], 1);
		return;
	}
	if (!yg_sink_file_take_back(&courier->file, yg_counter_get(&courier->journal->before))) {
		yg_error("EVE file %s is not opened anew: a line that the disk refused stands half in the one that was open", path);
		yg_counter_add(&courier->stats->c[YG_CC_EVE_ROTATE_ERRORS], 1);
		close(fd);
		return;
	}
	withdraw(courier);
	yg_sink_file_take(&courier->file, fd, path);
	courier->file.retry_ns = 0;
	if (courier->file.rotate)
		yg_rotate_opened(courier->file.rotate, fd, real_s());
	yg_counter_add(&courier->stats->c[YG_CC_EVE_REOPENS], 1);
	yg_info("EVE file: opened anew");
}

void yg_journal_turn(struct yg_courier *courier, bool anew)
{
	if (!courier->file.length)
		rotate(courier, 0);
	if (anew)
		reopen(courier);
}

int yg_journal_flush(struct yg_courier *courier, uint64_t now_ns)
{
	if (courier->file.failing && now_ns < courier->file.retry_ns)
		return -EAGAIN;
	if (courier->file.length)
		rotate(courier, courier->file.length);
	if (courier->file.length)
		announce(courier);
	bool any = courier->file.length > 0;
	int error = yg_sink_file_flush(&courier->file, now_ns);
	if (!error && any)
		written(courier);
	return error;
}

void yg_journal_let_go(struct yg_courier *courier)
{
	if (courier->flows_read.own <= yg_counter_get(&courier->journal->flows)) { // read again for the log alone
		yg_journal_give_back(courier);
		return;
	}
	const struct yg_journal_given *holds = given_back(courier);
	struct yg_journal_given *next = &courier->journal->given[holds == &courier->journal->given[0]];
	yg_counter_set(&next->position, 0);
	in_order();
	yg_counter_set(&next->at_risk, courier->flows_buffered);
	yg_counter_set(&next->invalid, get(courier, YG_CC_FLOWS_INVALID) + courier->flows_invalid);
	yg_counter_set(&next->too_long, get(courier, YG_CC_EVE_TOO_LONG) + courier->flows_too_long);
	yg_counter_set(&next->errors, get(courier, YG_CC_EVE_ERRORS) + courier->flows_dropped);
	in_order();
	yg_counter_set(&next->position, courier->flows_read.own + 1);
	in_order();
	release_flows(courier, courier->flows_read.own);
	count_refused(courier, next);
	forget_refused(courier);
}

static int open_if(int folder, const char *name, uint64_t inode)
{
	struct stat st;
	int fd = openat(folder, name, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || (fstat(fd, &st) == 0 && st.st_ino == inode))
		return fd;
	close(fd);
	return -1;
}

// The file of that inode: under its name, or another one that begins with it. -1 when there is none.
static int find_file(const char *path, uint64_t inode)
{
	enum { LOOK_AT_MAX = 65536 };
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	int fd = open_if(AT_FDCWD, path, inode);
	if (fd >= 0)
		return fd;
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + (slash == path)) : 1, slash ? path : ".");
	DIR *dir = opendir(folder);
	const struct dirent *entry = NULL;
	for (unsigned i = 0; dir && fd < 0 && i < LOOK_AT_MAX && (entry = readdir(dir)) != NULL; i++)
		if (entry->d_ino == inode && strncmp(entry->d_name, base, strlen(base)) == 0)
			fd = open_if(dirfd(dir), entry->d_name, inode);
	if (dir)
		closedir(dir);
	return fd;
}

// Cuts off what there is of the write that was announced. True when all of it is there.
static bool happened(const struct yg_journal *j, const char *path)
{
	struct stat st;
	uint64_t before = yg_counter_get(&j->before), length = yg_counter_get(&j->length);
	int fd = find_file(path, yg_counter_get(&j->inode));
	bool whole = false;
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == yg_counter_get(&j->inode)) {
		uint64_t size = (uint64_t)st.st_size;
		whole = size >= before + length;
		if (!whole && size > before && ftruncate(fd, (off_t)before) < 0)
			yg_error("EVE file %s: the lines of a courier that died cannot be taken back: %s", path, strerror(errno));
	}
	close(fd);
	return whole;
}

// What the ring holds no more and the file never got.
static void count_lost(struct yg_courier *courier, const struct yg_journal_given *given)
{
	uint64_t lost = yg_counter_get(&given->at_risk), errors = yg_counter_get(&given->errors) + lost;
	if (lost)
		yg_error("%llu lines were not written to the EVE file: the disk refused them, and then the courier died", (unsigned long long)lost);
	if (lost && errors > get(courier, YG_CC_EVE_ERRORS))
		set(courier, YG_CC_EVE_ERRORS, errors);
}

void yg_journal_recover(struct yg_courier *courier, const char *path)
{
	struct yg_journal *j = courier->journal;
	courier->flows_read = courier->flows;
	if (yg_counter_get(&j->flows) < courier->flows.own)
		yg_counter_set(&j->flows, courier->flows.own);
	const struct yg_journal_given *given = given_back(courier);
	if (given)
		count_refused(courier, given);
	if (yg_counter_get(&j->length) && happened(j, path))
		written(courier);
	else if (given)
		count_lost(courier, given);
	yg_journal_settle(courier);
	yg_counter_set(&j->length, 0);
}

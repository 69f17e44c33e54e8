// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The spool of spool.h in the log of wal.h. An alert goes from the engine's ring into the log, and its slot is given back when the log has
// settled it: so it lies in at least one place that survives whatever dies. A position is an LSN, and so is the identity in Redis.
//
// Books of a run: READ counts what the log has taken of this run's alerts, DELIVERED those of them that every sink has. Both can be told
// again by a courier that takes over: from how far the ring was given back, and from the LSN at which the run began (journal.h).
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/time.h"
#include "courier/journal.h"
#include "courier/spool_internal.h"
#include "courier/wal.h"

enum {
	SAY_AGAIN_S = 60,
	SENT_AHEAD = 1024, // how far ahead "sent" is made durable, so that it costs no sync a batch
};

static const char *const sink_names[YG_SPOOL_SINKS] = {
#define YG_X(id, name) [YG_SPOOL_##id] = name,
	YG_SPOOL_SINK_NAMES(YG_X)
#undef YG_X
};

// How far a sink has been read.
struct view {
	struct yg_wal_reader *reader;
	struct yg_wal_entry entry; // the last that was read, when `read`
	bool read;
	int cursor; // its number in the log; negative: none
	uint64_t reached, kept;       // kept: in the log; it never goes back there, so what is sent again may be deleted for want of room
	uint64_t counted, empties;    // positions of this run below `counted` that hold nothing
};

struct disk_spool {
	struct yg_spool spool; // first: they are one to the caller
	struct yg_wal *wal;
	struct yg_journal *journal; // not owned
	struct yg_spool_wants wants;
	struct view view[YG_SPOOL_SINKS];
	uint32_t producer;
	uint64_t base, first, sent_durable;
	uint64_t *waiting;       // a ring slot: the sequence that is to be settled, 0 none
	uint64_t said_ns;        // when it was last said that alerts are refused
	char line[YG_EVE_ALERT_MAX];
};

static struct disk_spool *own(struct yg_spool *spool)
{
	return (struct disk_spool *)spool;
}

static const struct disk_spool *own_const(const struct yg_spool *spool)
{
	return (const struct disk_spool *)spool;
}

static uint64_t *waiting_at(struct disk_spool *d, uint64_t position)
{
	return &d->waiting[position & (d->spool.owner.count - 1)];
}

static uint64_t get_counter(const struct disk_spool *d, enum yg_courier_counter counter)
{
	return yg_counter_get(&d->spool.stats->c[counter]);
}

static void set_counter(struct disk_spool *d, enum yg_courier_counter counter, uint64_t value)
{
	yg_counter_set(&d->spool.stats->c[counter], value);
}

static void free_all(struct disk_spool *d)
{
	for (unsigned i = 0; i < YG_SPOOL_SINKS; i++)
		yg_wal_reader_destroy(d->view[i].reader);
	free(d->waiting);
	free(d);
}

static void close_disk(struct yg_spool *spool)
{
	struct disk_spool *d = own(spool);
	struct yg_wal *wal = d->wal;
	struct timespec ts;
	free_all(d);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	int error = yg_wal_close(wal, (uint64_t)ts.tv_sec * (uint64_t)YG_NS_PER_S + (uint64_t)ts.tv_nsec);
	if (error)
		yg_error("spool: %s at the end; what is not on disk lies in memory until the sensor ends", strerror(-error));
}

void yg_spool_abandon(struct yg_spool *spool)
{
	struct yg_wal *wal = own(spool)->wal;
	free_all(own(spool));
	yg_wal_abandon(wal);
}

// ---- in ----

static enum yg_spool_class class_of(const struct yg_alert *alert)
{
	return alert->severity >= YG_SEV_HIGH ? YG_SPOOL_HIGH : YG_SPOOL_ALERT;
}

static void count_refused(struct disk_spool *d, int error, uint64_t now_ns)
{
	yg_counter_add(&d->spool.stats->c[YG_CC_SPOOL_SHED], 1);
	if (d->said_ns && now_ns - d->said_ns < SAY_AGAIN_S * (uint64_t)YG_NS_PER_S)
		return;
	yg_error("spool: alerts are refused: %s; they are counted, and the spool notes the gap", strerror(error));
	d->said_ns = now_ns;
}

// False when the disk takes nothing just now: the record stays in the ring.
static bool take(struct disk_spool *d, uint64_t now_ns)
{
	struct yg_spool *spool = &d->spool;
	uint64_t position = spool->reader.own, before = spool->last_sequence, lsn;
	size_t length = yg_spool_render(spool, position, d->line);
	*waiting_at(d, position) = length ? spool->alert.sequence : 0;
	if (!length)
		return true;
	int error = yg_wal_append(d->wal, class_of(&spool->alert), d->producer, spool->alert.sequence, d->line, length, now_ns, &lsn);
	if (error == -EAGAIN) {
		spool->last_sequence = before;
		return false;
	}
	if (error && error != -EEXIST) {
		*waiting_at(d, position) = 0; // the gap is written as soon as there is room; the ring is needed for what is not refused
		count_refused(d, -error, now_ns);
		return true;
	}
	yg_counter_add(&spool->stats->c[YG_CC_ALERTS_READ], 1);
	spool->seen(spool->context, &spool->alert);
	return true;
}

static void give_back(struct disk_spool *d)
{
	struct yg_spool *spool = &d->spool;
	uint64_t settled = yg_wal_settled(d->wal, YG_SPOOL_ALERT, d->producer);
	uint32_t n = 0;
	while (spool->owner.own + n < spool->reader.own && *waiting_at(d, spool->owner.own + n) <= settled)
		n++;
	if (!n)
		return;
	yg_ring_pop(&spool->owner, n);
	yg_ring_release(&spool->owner);
}

static void show(struct disk_spool *d)
{
	struct yg_wal_stats s = yg_wal_stats(d->wal);
	uint64_t appended = 0;
	for (unsigned i = 0; i < YG_SPOOL_CLASSES; i++)
		appended += s.appended[i];
	set_counter(d, YG_CC_SPOOL_RECORDS, appended);
	set_counter(d, YG_CC_SPOOL_BYTES, s.undelivered_bytes);
	set_counter(d, YG_CC_SPOOL_DISK, s.segment_bytes_used);
	set_counter(d, YG_CC_SPOOL_PRESSURE, s.pressure_percent);
	set_counter(d, YG_CC_SPOOL_SYNCS, s.syncs);
	set_counter(d, YG_CC_SPOOL_ERRORS, s.sync_errors + s.write_errors + s.other_errors + s.read_errors);
	set_counter(d, YG_CC_SPOOL_GAPS, s.gaps_written);
	set_counter(d, YG_CC_SPOOL_HELD, yg_wal_end(d->wal) - d->first);
	yg_spool_show_pending(&d->spool);
}

static uint32_t fill(struct yg_spool *spool, uint64_t now_ns)
{
	struct disk_spool *d = own(spool);
	uint32_t available = yg_ring_available(&spool->reader), count = 0;
	while (count < available && take(d, now_ns)) {
		yg_ring_pop(&spool->reader, 1);
		count++;
	}
	uint64_t durable = yg_wal_durable(d->wal);
	if (now_ns >= yg_wal_due_ns(d->wal))
		yg_wal_tick(d->wal, now_ns);
	else if (!available && yg_ring_closed(&spool->reader) && yg_wal_end(d->wal) > durable + 1)
		yg_wal_sync(d->wal, now_ns); // the last group: nothing more comes to it
	give_back(d);
	if (count || yg_wal_durable(d->wal) != durable)
		show(d);
	return count + (yg_wal_durable(d->wal) != durable);
}

// ---- out ----

static uint64_t first(const struct yg_spool *spool)
{
	return own_const(spool)->first;
}

static uint64_t end(const struct yg_spool *spool)
{
	uint64_t durable = yg_wal_durable(own_const(spool)->wal) + 1;
	return durable > own_const(spool)->first ? durable : own_const(spool)->first;
}

static uint64_t oldest(const struct yg_spool *spool)
{
	return yg_wal_first(own_const(spool)->wal);
}

static uint64_t start(const struct yg_spool *spool, enum yg_spool_sink sink)
{
	return own_const(spool)->view[sink].reached;
}

static bool get(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position, struct yg_spool_entry *ret_entry)
{
	struct disk_spool *d = own(spool);
	struct view *v = &d->view[sink];
	const struct yg_wal_entry *e = &v->entry;
	*ret_entry = (struct yg_spool_entry){.sequence = position};
	if (!v->read || position > e->lsn || position < e->lsn - e->skipped) {
		if (!v->read || position != e->lsn + 1)
			yg_wal_seek(v->reader, position);
		int n = yg_wal_read(v->reader, &v->entry);
		v->read = n > 0;
		if (n < 0)
			return false;
	}
	if (v->read && e->lsn == position && e->type == YG_SPOOL_LINE && d->wants.classes[sink] >> e->class & 1)
		*ret_entry = (struct yg_spool_entry){position, e->bytes, e->size, e->class};
	if (position >= v->counted) {
		v->empties += !ret_entry->length && position >= d->base;
		v->counted = position + 1;
	}
	return true;
}

static void reached(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position)
{
	struct disk_spool *d = own(spool);
	struct view *v = &d->view[sink];
	if (v->reached == position || v->cursor < 0)
		return;
	v->reached = position;
	if (position <= v->kept)
		return;
	v->kept = position;
	if (v->counted == position) { // else it has read ahead of what it has delivered
		yg_counter_set(&d->journal->empties[sink], v->empties);
		yg_counter_set(&d->journal->counted[sink], position);
	}
	yg_counter_set(&d->journal->reached[sink], position);
	yg_wal_set_cursor(d->wal, v->cursor, position, (const uint64_t[2]){spool->generation, spool->generation_first});
}

// Of this run, what the slowest sink has.
static void count_delivered(struct disk_spool *d)
{
	uint64_t first = yg_wal_durable(d->wal) + 1, empties = 0;
	for (unsigned i = 0; i < YG_SPOOL_SINKS; i++)
		if (d->view[i].cursor >= 0 && d->wants.classes[i] & YG_SPOOL_ALERTS && d->view[i].reached <= first) {
			first = d->view[i].reached;
			empties = d->view[i].kept == first ? d->view[i].empties : 0;
		}
	uint64_t done = first > d->base ? first - d->base : 0;
	uint64_t read = get_counter(d, YG_CC_ALERTS_READ), delivered = done > empties ? done - empties : 0;
	set_counter(d, YG_CC_ALERTS_DELIVERED, delivered < read ? delivered : read);
}

static void release(struct yg_spool *spool, uint64_t position)
{
	struct disk_spool *d = own(spool);
	d->first = position;
	count_delivered(d);
	show(d);
}

static bool settle(struct yg_spool *spool, uint64_t now_ns)
{
	struct disk_spool *d = own(spool);
	if (yg_wal_end(d->wal) > yg_wal_durable(d->wal) + 1)
		yg_wal_sync(d->wal, now_ns);
	give_back(d);
	bool all = spool->owner.own == spool->reader.own && !yg_ring_available(&spool->reader) && yg_wal_end(d->wal) <= yg_wal_durable(d->wal) + 1;
	set_counter(d, YG_CC_SPOOL_UP, all); // what is not settled is safe nowhere when this process ends
	return all;
}

static bool remember(struct yg_spool *spool, uint64_t generation, uint64_t generation_first, uint64_t sent)
{
	struct disk_spool *d = own(spool);
	if (generation == spool->generation && sent <= d->sent_durable)
		return true;
	uint64_t ahead = sent ? sent + SENT_AHEAD : 0;
	if (yg_wal_set_sent(d->wal, generation, ahead))
		return false;
	d->sent_durable = ahead;
	const struct view *v = &d->view[YG_SPOOL_REDIS];
	if (v->cursor >= 0 && generation != spool->generation)
		yg_wal_set_cursor(d->wal, v->cursor, v->kept, (const uint64_t[2]){generation, generation_first});
	return true;
}

static const struct yg_spool_ops disk_ops = {close_disk, fill,     first,  end,  oldest, start, get, reached, release,
                                             remember,   settle, .lasts = true};

// ---- the beginning ----

// Positions of this run that hold nothing, between where they were last counted and where the sink stands.
static void count_empties(struct disk_spool *d, enum yg_spool_sink sink)
{
	struct view *v = &d->view[sink];
	struct yg_spool_entry entry;
	uint64_t from = yg_counter_get(&d->journal->counted[sink]);
	v->empties = yg_counter_get(&d->journal->empties[sink]);
	v->counted = from > d->base ? from : d->base;
	for (uint64_t i = v->counted; i < v->reached && yg_spool_get(&d->spool, sink, i, &entry);)
		i++;
	v->counted = v->counted > v->reached ? v->counted : v->reached;
}

// The file and the stream in Redis get all that is retained, for they are what a sensor's alerts are looked up in. Any other sink begins
// with what happens from now on: nobody wants a week's alerts to come once more because a collector was named.
static bool begins_now(enum yg_spool_sink sink)
{
	return sink != YG_SPOOL_EVE && sink != YG_SPOOL_REDIS;
}

static int open_view(struct disk_spool *d, enum yg_spool_sink sink)
{
	struct view *v = &d->view[sink];
	uint64_t in_memory = yg_counter_get(&d->journal->reached[sink]), id[2];
	bool new = !yg_wal_has_sink(d->wal, sink_names[sink]);
	v->cursor = yg_wal_sink(d->wal, sink_names[sink]);
	if (v->cursor < 0)
		return v->cursor;
	// A courier that is killed within the first second leaves its place in memory alone.
	if (new && begins_now(sink) && !yg_wal_stats(d->wal).meta_lost)
		yg_wal_set_cursor(d->wal, v->cursor, in_memory ? in_memory : yg_wal_durable(d->wal) + 1, (const uint64_t[2]){0, 0});
	v->reached = yg_wal_cursor(d->wal, v->cursor, id);
	if (in_memory > v->reached && in_memory <= yg_wal_durable(d->wal) + 1)
		v->reached = in_memory;
	v->kept = v->reached;
	yg_counter_set(&d->journal->reached[sink], v->reached);
	if (sink == YG_SPOOL_REDIS) // a generation of which it is not known where it began is never gone back in
		d->spool.generation_first = id[0] == yg_wal_generation(d->wal) ? id[1] : v->reached;
	v->reader = yg_wal_reader_create(d->wal, v->reached);
	if (!v->reader)
		return -ENOMEM;
	count_empties(d, sink);
	return 0;
}

// Of the run, known to every courier of it.
static int begin_run(struct disk_spool *d)
{
	struct yg_journal *j = d->journal;
	uint64_t log;
	memcpy(&log, yg_wal_uuid(d->wal), sizeof log);
	if (!yg_counter_get(&j->producer) || yg_counter_get(&j->log) != log) { // a new run, or positions of another log
		for (unsigned i = 0; i < YG_SPOOL_SINKS; i++) {
			yg_counter_set(&j->reached[i], 0);
			yg_counter_set(&j->empties[i], 0);
			yg_counter_set(&j->counted[i], 0);
		}
		yg_counter_set(&j->alerts, 0);
		int error = yg_wal_new_producer(d->wal, &d->producer);
		if (error)
			return error;
		yg_counter_set(&j->base, yg_wal_end(d->wal));
		yg_counter_set(&j->log, log);
		yg_counter_set(&j->producer, d->producer);
	}
	d->producer = (uint32_t)yg_counter_get(&j->producer);
	d->base = yg_counter_get(&j->base);
	return 0;
}

static void begin_books(struct disk_spool *d)
{
	d->first = yg_wal_durable(d->wal) + 1;
	for (unsigned i = 0; i < YG_SPOOL_SINKS; i++)
		if (d->wants.classes[i] && d->view[i].reached < d->first)
			d->first = d->view[i].reached;
	uint64_t refused = get_counter(d, YG_CC_ALERTS_INVALID) + get_counter(d, YG_CC_EVE_TOO_LONG) + get_counter(d, YG_CC_SPOOL_SHED);
	uint64_t settled = d->spool.owner.own;
	set_counter(d, YG_CC_ALERTS_READ, settled > refused ? settled - refused : 0);
	set_counter(d, YG_CC_SPOOL_UP, 1);
	set_counter(d, YG_CC_SPOOL_CARRIED, d->first < d->base ? d->base - d->first : 0);
	count_delivered(d);
	show(d);
}

struct yg_spool *yg_spool_open_disk(void *memory, size_t size, struct yg_wal *wal, struct yg_eve *eve, struct yg_courier_stats *stats,
                                    struct yg_journal *journal, const struct yg_spool_wants *wants, yg_spool_seen *seen, void *context)
{
	struct disk_spool *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->spool.ops = &disk_ops;
	d->wal = wal;
	d->journal = journal;
	d->wants = *wants;
	int error = yg_spool_begin(&d->spool, memory, size, eve, stats, seen, context);
	if (!error) {
		d->waiting = calloc(d->spool.owner.count, sizeof *d->waiting);
		error = d->waiting ? begin_run(d) : -ENOMEM;
	}
	for (unsigned i = 0; i < YG_SPOOL_SINKS && !error; i++) {
		d->view[i].cursor = -1;
		if (wants->classes[i])
			error = open_view(d, i);
		else {
			yg_wal_forget_sink(wal, sink_names[i]);
			yg_counter_set(&journal->reached[i], 0);
		}
	}
	if (error) {
		free_all(d);
		errno = -error;
		return NULL;
	}
	d->spool.generation = yg_wal_generation(wal);
	d->sent_durable = yg_wal_sent(wal);
	// What is kept runs ahead of what was sent; nothing that is not durable ever was.
	d->spool.sent = d->sent_durable < yg_wal_durable(wal) ? d->sent_durable : yg_wal_durable(wal);
	yg_counter_set(&stats->c[YG_CC_REDIS_GENERATION], d->spool.generation);
	begin_books(d);
	return &d->spool;
}

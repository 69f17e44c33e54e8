// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The spool of spool.h in the log of wal.h. An alert goes from the engine's ring into the log, and its slot is given back when the log has
// settled it: so it lies in at least one place that survives whatever dies. A position is an LSN, and so is the identity in Redis.
//
// Books of a run, each side counted by itself, so that a fault between them shows. READ: what the log was given, by the ring. PENDING: what
// the log has and the slowest sink has not passed, by the log. DELIVERED: the lines that this sink took out and has passed. An alert that
// the log cannot find again, or that a sink passed without taking it, is in none of the two. All outlive the courier (journal.h).
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

// Alerts below a position.
struct tally {
	uint64_t position, lines, absent;
};

// How far a sink has been read.
struct view {
	struct yg_wal_reader *reader;
	struct yg_wal_entry entry; // the last that was read, when `read`
	bool read;
	int cursor; // its number in the log; negative: none
	uint64_t reached, kept;       // kept: in the log; it goes back there at the end alone: what is sent again may be deleted for want of room
	uint64_t again;               // where a successor in this run begins; in memory alone
	uint64_t passed;              // where the books stand: they stay there while what may be unread is sent again
	struct tally tally;           // of this run: what it has found so far
};

struct disk_spool {
	struct yg_spool spool; // first: they are one to the caller
	struct yg_wal *wal;
	struct yg_journal *journal; // not owned
	struct yg_spool_wants wants;
	struct view view[YG_SPOOL_SINKS];
	uint32_t producer;
	uint64_t base, first, sent_durable;
	uint64_t appended_before; // alerts of this run that were in the log when this courier began
	uint64_t *waiting;       // a ring slot: the sequence that is to be settled, 0 none
	uint64_t said_ns;        // when it was last said that alerts are refused
	uint64_t seen;           // the highest sequence that the log has, as a record or in a gap
	uint64_t hole;           // the highest that is in a gap; the counters say so when the gap is durable
	uint64_t lost[YG_RING_WORDS], missing; // that the log has been told of: by the words of the ring, and what they do not explain
	char line[YG_EVE_ALERT_MAX];
};

static struct disk_spool *own(struct yg_spool *spool)
{
	return (struct disk_spool *)spool;
}

// Whose ids have one: the streams.
static bool has_generation(enum yg_spool_sink sink)
{
	return sink == YG_SPOOL_REDIS || sink == YG_SPOOL_REDIS_FLOWS || sink == YG_SPOOL_REDIS_METRICS;
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

static const enum yg_courier_counter lost_counters[2] = {
	[YG_ALERTS_LOST] = YG_CC_ALERTS_LOST, [YG_ALERTS_LOST_HIGH] = YG_CC_ALERTS_LOST_HIGH};

// Of `left` numbers of the sequence in first..last, those that a full ring of this class explains. Returns how many.
static uint64_t note_lost(struct disk_spool *d, unsigned word, uint64_t left, uint64_t first, uint64_t last)
{
	uint64_t told = yg_ring_told(&d->spool.reader, word), n = told > d->lost[word] ? told - d->lost[word] : 0;
	n = n < left ? n : left;
	yg_wal_lost(d->wal, word == YG_ALERTS_LOST_HIGH ? YG_SPOOL_HIGH : YG_SPOOL_ALERT, d->producer, first, last, n);
	d->lost[word] += n;
	return n;
}

// first..last never come: what found the ring full, by its class; the rest are records that could not be read.
static void note_hole(struct disk_spool *d, uint64_t first, uint64_t last)
{
	uint64_t left = last - first + 1;
	left -= note_lost(d, YG_ALERTS_LOST_HIGH, left, first, last);
	left -= note_lost(d, YG_ALERTS_LOST, left, first, last);
	yg_wal_lost(d->wal, YG_SPOOL_ALERT, d->producer, first, last, left);
	d->missing += left;
	d->seen = d->hole = last;
}

// A courier that dies before the gap is durable leaves it to its successor, which finds it anew.
static void count_holes(struct disk_spool *d, uint64_t settled)
{
	if (!d->hole || settled < d->hole)
		return;
	for (unsigned i = 0; i < YG_RING_WORDS; i++)
		set_counter(d, lost_counters[i], d->lost[i]);
	set_counter(d, YG_CC_ALERTS_MISSING, d->missing);
	d->hole = 0;
}

// The engine says no more: what it lost since its last record shows in no sequence.
static void note_last(struct disk_spool *d)
{
	uint64_t lost = 0;
	for (unsigned i = 0; i < YG_RING_WORDS; i++)
		lost += yg_ring_told(&d->spool.reader, i) - d->lost[i];
	if (lost && lost < UINT64_MAX / 2 && yg_ring_ended(&d->spool.reader))
		note_hole(d, d->seen + 1, d->seen + lost);
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
	if (spool->alert.sequence > d->seen + 1)
		note_hole(d, d->seen + 1, spool->alert.sequence - 1);
	int error = yg_wal_append(d->wal, class_of(&spool->alert), d->producer, spool->alert.sequence, d->line, length, now_ns, &lsn);
	if (error == -EAGAIN) {
		spool->last_sequence = before;
		return false;
	}
	d->seen = spool->alert.sequence > d->seen ? spool->alert.sequence : d->seen;
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
	count_holes(d, settled);
	while (spool->owner.own + n < spool->reader.own && *waiting_at(d, spool->owner.own + n) <= settled)
		n++;
	if (!n)
		return;
	yg_ring_pop(&spool->owner, n);
	yg_ring_release(&spool->owner);
}

static void keep_tally(struct yg_journal_tally *to, const struct tally *tally)
{
	uint64_t other = !yg_counter_get(&to->which);
	yg_counter_set(&to->slot[other].position, tally->position);
	yg_counter_set(&to->slot[other].lines, tally->lines);
	yg_counter_set(&to->slot[other].absent, tally->absent);
	yg_counter_publish(&to->which, other);
}

static struct tally kept_tally(const struct yg_journal_tally *from)
{
	uint64_t i = yg_counter_read(&from->which) & 1;
	return (struct tally){yg_counter_get(&from->slot[i].position), yg_counter_get(&from->slot[i].lines),
	                      yg_counter_get(&from->slot[i].absent)};
}

// Alerts of this run that are in the log.
static uint64_t appended(const struct disk_spool *d)
{
	struct yg_wal_stats s = yg_wal_stats(d->wal);
	return d->appended_before + s.appended[YG_SPOOL_HIGH] + s.appended[YG_SPOOL_ALERT];
}

// What a sink holds to be delivered, and what of it is still to come.
static void books_of(const struct disk_spool *d, const struct view *v, uint64_t *ret_delivered, uint64_t *ret_pending)
{
	uint64_t ahead = v->tally.position > v->passed ? v->tally.position - v->passed : 0; // read, and not yet delivered: lines, as a rule
	uint64_t from = v->passed > d->base ? v->passed : d->base, all = appended(d), found = v->tally.lines + v->tally.absent;
	*ret_delivered = v->tally.lines > ahead ? v->tally.lines - ahead : 0;
	*ret_pending = all > found ? all - found + (v->tally.lines - *ret_delivered) : v->tally.lines - *ret_delivered;
	if (from >= yg_wal_end(d->wal)) {
		*ret_delivered = v->tally.lines;
		*ret_pending = 0;
	}
}

// Of the sink that has least.
static void show_books(struct disk_spool *d)
{
	uint64_t delivered = UINT64_MAX, pending = 0, passed = UINT64_MAX;
	for (unsigned i = 0; i < YG_SPOOL_SINKS; i++) {
		const struct view *v = &d->view[i];
		uint64_t has, waits;
		if (v->cursor < 0 || !(d->wants.classes[i] & YG_SPOOL_ALERTS))
			continue;
		books_of(d, v, &has, &waits);
		if (v->passed < passed || (v->passed == passed && has < delivered)) {
			delivered = has;
			pending = waits;
			passed = v->passed;
		}
	}
	set_counter(d, YG_CC_ALERTS_DELIVERED, delivered == UINT64_MAX ? 0 : delivered);
	set_counter(d, YG_CC_ALERTS_PENDING, pending);
	if (yg_wal_end(d->wal) == yg_wal_durable(d->wal) + 1)
		keep_tally(&d->journal->appended, &(struct tally){yg_wal_end(d->wal), appended(d), 0});
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
	show_books(d);
}

static uint32_t fill(struct yg_spool *spool, uint64_t now_ns)
{
	struct disk_spool *d = own(spool);
	uint32_t available = yg_ring_available(&spool->reader), count = 0;
	while (count < available && take(d, now_ns)) {
		yg_ring_pop(&spool->reader, 1);
		count++;
	}
	note_last(d);
	uint64_t durable = yg_wal_durable(d->wal);
	bool due = now_ns >= yg_wal_due_ns(d->wal);
	if (due)
		yg_wal_tick(d->wal, now_ns);
	else if (!available && yg_ring_closed(&spool->reader) && yg_wal_end(d->wal) > durable + 1)
		yg_wal_sync(d->wal, now_ns); // the last group: nothing more comes to it
	give_back(d);
	if (count || due || yg_wal_durable(d->wal) != durable)
		show(d); // what a disk that takes nothing has come to, too
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

static uint64_t passed(const struct yg_spool *spool, enum yg_spool_sink sink)
{
	return own_const(spool)->view[sink].passed;
}

// The sink has seen what lies at this position; what it never looked at it has passed unread, and that is no line of its own.
static void count_position(struct disk_spool *d, struct view *v, uint64_t position, bool line)
{
	if (position < v->tally.position || position < d->base)
		return;
	bool there = v->read && v->entry.lsn == position;
	v->tally.lines += line;
	v->tally.absent += v->read && !there;
	v->tally.position = position + 1;
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
	count_position(d, v, position, ret_entry->length != 0);
	return true;
}

static void keep_again(struct disk_spool *d, enum yg_spool_sink sink, uint64_t again)
{
	if (d->view[sink].again != again)
		yg_counter_set(&d->journal->reached[sink], again);
	d->view[sink].again = again;
}

static void reached(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position, uint64_t again)
{
	struct disk_spool *d = own(spool);
	struct view *v = &d->view[sink];
	if (v->cursor < 0)
		return;
	if (position > v->passed || again == UINT64_MAX) // what Redis has forgotten is not delivered any more; what may be unread is
		v->passed = position;
	if (v->reached == position || position <= v->kept) {
		v->reached = position;
		keep_again(d, sink, again == UINT64_MAX ? v->kept : again);
		return;
	}
	v->reached = position;
	v->kept = position;
	again = again == UINT64_MAX ? position : again;
	if (v->tally.position < position && position > d->base) { // passed without a look
		uint64_t from = v->tally.position > d->base ? v->tally.position : d->base;
		v->tally.absent += position - from;
		v->tally.position = position;
	}
	if (v->tally.position == position) // else it has read ahead of what it has delivered
		keep_tally(&d->journal->passed[sink], &v->tally);
	keep_again(d, sink, again);
	yg_wal_set_cursor(d->wal, v->cursor, position, (const uint64_t[2]){spool->generation, spool->generation_first[sink]});
}

static void leave(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position)
{
	struct disk_spool *d = own(spool);
	struct view *v = &d->view[sink];
	if (v->cursor < 0 || position >= v->kept)
		return;
	v->kept = position > yg_wal_first(d->wal) ? position : yg_wal_first(d->wal);
	yg_wal_set_cursor(d->wal, v->cursor, v->kept, (const uint64_t[2]){spool->generation, spool->generation_first[sink]});
}

static void release(struct yg_spool *spool, uint64_t position)
{
	struct disk_spool *d = own(spool);
	d->first = position;
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

static bool remember(struct yg_spool *spool, uint64_t generation, uint64_t sent)
{
	struct disk_spool *d = own(spool);
	if (generation == spool->generation && sent <= d->sent_durable)
		return true;
	uint64_t ahead = sent ? sent + SENT_AHEAD : 0;
	if (yg_wal_set_sent(d->wal, generation, ahead))
		return false;
	d->sent_durable = ahead;
	for (unsigned i = 0; i < YG_SPOOL_SINKS && generation != spool->generation; i++) {
		const struct view *v = &d->view[i];
		if (v->cursor >= 0 && has_generation(i))
			yg_wal_set_cursor(d->wal, v->cursor, v->kept, (const uint64_t[2]){generation, spool->generation_first[i]});
	}
	return true;
}

static int offer(struct yg_spool *spool, enum yg_spool_class class, uint64_t pseq, const char *line, size_t length, uint64_t now_ns)
{
	uint64_t lsn;
	return yg_wal_append(own(spool)->wal, class, own(spool)->producer, pseq, line, length, now_ns, &lsn);
}

static void give_up(struct yg_spool *spool, enum yg_spool_class class, uint64_t pseq)
{
	yg_wal_lost(own(spool)->wal, class, own(spool)->producer, pseq, pseq, 1);
}

static uint64_t settled(const struct yg_spool *spool, enum yg_spool_class class)
{
	return yg_wal_settled(own_const(spool)->wal, class, own_const(spool)->producer);
}

static const struct yg_spool_ops disk_ops = {close_disk, fill,     first,  end,   oldest,  start,   get, reached, release,
                                             remember,   settle, offer, give_up, settled, passed, leave, .lasts = true};

// ---- the beginning ----

// What a sink has found between where that was last kept and the furthest that it is known to have been; and that place.
static void count_passed(struct disk_spool *d, enum yg_spool_sink sink)
{
	struct view *v = &d->view[sink];
	struct yg_spool_entry entry;
	v->tally = kept_tally(&d->journal->passed[sink]);
	bool further = v->tally.position > v->kept && v->tally.position <= yg_wal_durable(d->wal) + 1;
	v->passed = further ? v->tally.position : v->kept;
	v->tally.position = v->tally.position > d->base ? v->tally.position : d->base;
	for (uint64_t i = v->tally.position; i < v->kept && yg_spool_get(&d->spool, sink, i, &entry);)
		i++;
}

// Alerts that this run has in the log.
static int count_appended(struct disk_spool *d)
{
	struct tally kept = kept_tally(&d->journal->appended);
	struct yg_wal_entry entry;
	if (kept.position < d->base)
		kept = (struct tally){d->base, 0, 0};
	struct yg_wal_reader *reader = yg_wal_reader_create(d->wal, kept.position);
	if (!reader)
		return -ENOMEM;
	while (yg_wal_read(reader, &entry) > 0)
		kept.lines += entry.lsn >= kept.position && entry.type == YG_SPOOL_LINE && (YG_SPOOL_ALERTS >> entry.class & 1);
	yg_wal_reader_destroy(reader);
	d->appended_before = kept.lines;
	return 0;
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
	uint64_t in_memory = yg_counter_get(&d->journal->reached[sink]), filed = yg_counter_get(&d->journal->alerts), id[2];
	bool new = !yg_wal_has_sink(d->wal, sink_names[sink]);
	in_memory = sink == YG_SPOOL_EVE && filed > in_memory ? filed : in_memory; // the file's own journal is ahead
	v->cursor = yg_wal_sink(d->wal, sink_names[sink]);
	if (v->cursor < 0)
		return v->cursor;
	// A courier that is killed within the first second leaves its place in memory alone.
	if (new && begins_now(sink) && !yg_wal_stats(d->wal).meta_lost)
		yg_wal_set_cursor(d->wal, v->cursor, in_memory ? in_memory : yg_wal_durable(d->wal) + 1, (const uint64_t[2]){0, 0});
	v->reached = yg_wal_cursor(d->wal, v->cursor, id);
	v->kept = v->reached;
	if (in_memory && in_memory <= yg_wal_durable(d->wal) + 1) { // of this run: it may have to go back, too
		v->reached = in_memory > yg_wal_first(d->wal) ? in_memory : yg_wal_first(d->wal);
		v->kept = v->reached > v->kept ? v->reached : v->kept;
	}
	v->again = v->reached;
	yg_counter_set(&d->journal->reached[sink], v->reached);
	if (has_generation(sink)) // a generation of which it is not known where it began is never gone back in
		d->spool.generation_first[sink] = id[0] == yg_wal_generation(d->wal) ? id[1] : v->reached;
	v->reader = yg_wal_reader_create(d->wal, v->reached);
	if (!v->reader)
		return -ENOMEM;
	count_passed(d, sink);
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
			keep_tally(&j->passed[i], &(struct tally){0});
		}
		keep_tally(&j->appended, &(struct tally){0});
		yg_counter_set(&j->alerts, 0);
		int error = yg_wal_new_producer(d->wal, &d->producer);
		if (error)
			return error;
		yg_counter_set(&j->base, yg_wal_end(d->wal));
		yg_counter_set(&j->log, log);
		yg_counter_set(&j->producer, d->producer);
	}
	d->spool.token = log;
	d->producer = (uint32_t)yg_counter_get(&j->producer);
	d->base = yg_counter_get(&j->base);
	return 0;
}

// How many numbers up to `settled` are in no record that the ring has held.
static uint64_t holes_until(struct disk_spool *d, uint64_t settled)
{
	struct yg_ring *ring = &d->spool.reader;
	uint64_t records = ring->own, refused = get_counter(d, YG_CC_ALERTS_INVALID);
	uint32_t available = yg_ring_available(ring), i = 0;
	while (i < available && ((const struct yg_alert *)yg_ring_slot(ring, ring->own + i))->sequence <= settled)
		i++;
	records += i;
	return settled + refused > records ? settled + refused - records : 0;
}

// Where the sequence stands in the log. What was told to a log that is not there any more is not told again; and a courier that died
// between a gap that became durable and its counters has left that to us: of the classes as note_hole takes them.
static void begin_sequence(struct disk_spool *d)
{
	uint64_t settled = yg_wal_settled(d->wal, YG_SPOOL_ALERT, d->producer), known = d->spool.owner.own;
	d->missing = get_counter(d, YG_CC_ALERTS_MISSING);
	uint64_t told = d->missing, holes = settled ? holes_until(d, settled) : 0;
	for (unsigned i = 0; i < YG_RING_WORDS; i++)
		told += d->lost[i] = get_counter(d, lost_counters[i]);
	known += told - d->missing;
	for (unsigned i = YG_RING_WORDS; i-- > 0 && holes > told;) {
		uint64_t full = yg_ring_told(&d->spool.reader, i), n = full > d->lost[i] ? full - d->lost[i] : 0;
		n = n < holes - told ? n : holes - told;
		d->lost[i] += n;
		told += n;
		set_counter(d, lost_counters[i], d->lost[i]);
	}
	d->seen = settled ? settled : known;
	d->spool.eve->run = d->producer;
}

static void begin_books(struct disk_spool *d)
{
	begin_sequence(d);
	d->first = yg_wal_durable(d->wal) + 1;
	for (unsigned i = 0; i < YG_SPOOL_SINKS; i++)
		if (d->wants.classes[i] && d->view[i].reached < d->first)
			d->first = d->view[i].reached;
	uint64_t refused = get_counter(d, YG_CC_ALERTS_INVALID) + get_counter(d, YG_CC_EVE_TOO_LONG) + get_counter(d, YG_CC_SPOOL_SHED);
	uint64_t settled = d->spool.owner.own;
	set_counter(d, YG_CC_ALERTS_READ, settled > refused ? settled - refused : 0);
	set_counter(d, YG_CC_SPOOL_UP, 1);
	set_counter(d, YG_CC_SPOOL_CARRIED, d->first < d->base ? d->base - d->first : 0);
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
		error = error ? error : count_appended(d);
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

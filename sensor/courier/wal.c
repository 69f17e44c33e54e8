// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See wal.h: what is offered, what is refused, what was lost, and what time asks for.
#include "courier/wal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "courier/wal_internal.h"

const char *yg_wal_event_name(enum yg_wal_event event)
{
	static const char *const names[] = {
#define YG_X(name, text) text,
		YG_WAL_EVENTS(YG_X)
#undef YG_X
	};
	return event < YG_WAL_EVENTS_COUNT ? names[event] : "unknown";
}

void wal_say(struct yg_wal *wal, enum yg_wal_event event, uint64_t a, uint64_t b)
{
	if (wal->report)
		wal->report(wal->report_context, event, a, b);
}

int wal_error(struct yg_wal *wal, uint64_t *counter, int error)
{
	++*counter;
	const struct yg_wal_stats *s = &wal->stats;
	wal_say(wal, YG_WAL_EVENT_IO_ERROR, (uint64_t)-error, s->sync_errors + s->write_errors + s->other_errors + s->meta_errors);
	return error;
}

// ---- opening and closing ----

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
	return value ? value : otherwise;
}

static uint64_t within(uint64_t value, uint64_t least, uint64_t most)
{
	return value < least ? least : value > most ? most : value;
}

static void add_bytes(void *context, const char *name, uint64_t bytes)
{
	(void)name;
	*(uint64_t *)context += bytes;
}

// What the disk can hold of ours: 16 MiB at a time are no use on a disk of 16 MiB.
static uint64_t disk_capacity(const struct yg_disk *disk)
{
	uint64_t ours = 0, left = 0;
	if (disk->ops->list(disk->context, add_bytes, &ours) < 0 || disk->ops->free_bytes(disk->context, &left) < 0)
		return UINT64_MAX;
	return ours + left;
}

// A power of two, so that what others store there does not give every start another size.
static uint64_t segment_that_fits(uint64_t wanted, uint64_t most)
{
	uint64_t size = YG_WAL_SEGMENT_MIN;
	if (wanted <= most)
		return wanted & ~UINT64_C(4095);
	while (2 * size <= most && 2 * size <= YG_WAL_SEGMENT_MAX)
		size *= 2;
	return size;
}

static void set_options(struct yg_wal *wal, const struct yg_wal_options *options)
{
	uint64_t capacity = disk_capacity(wal->disk);
	struct yg_wal_options *o = &wal->o;
	*o = *options;
	o->quota_bytes = or_default(o->quota_bytes, UINT64_C(4) << 30);
	if (o->quota_bytes < 8 * YG_WAL_SEGMENT_MIN)
		o->quota_bytes = 8 * YG_WAL_SEGMENT_MIN;
	uint64_t most = capacity < o->quota_bytes ? capacity : o->quota_bytes;
	o->segment_bytes = within(or_default(o->segment_bytes, 16 << 20), YG_WAL_SEGMENT_MIN, YG_WAL_SEGMENT_MAX);
	o->segment_bytes = segment_that_fits(o->segment_bytes, most / 8);
	o->reserve_bytes = within(or_default(o->reserve_bytes, YG_WAL_RESERVE_MAX), 0, most / 4);
	o->reserve_bytes = within(o->reserve_bytes, 0, YG_WAL_RESERVE_MAX);
	o->retention_ns = or_default(o->retention_ns, UINT64_C(7) * 86400 * 1000000000);
	o->sync_ns = or_default(o->sync_ns, 5000000);
	o->sync_bytes = or_default(o->sync_bytes, 256 * 1024);
	o->cursor_ns = or_default(o->cursor_ns, 1000000000);
	// A whole group has to fit into an empty segment, into which it may have to be written again.
	uint64_t fits = o->segment_bytes - YG_SEGMENT_HEADER - WAL_CARRY_WHOLE - WAL_SEAL_WHOLE;
	wal->group_room = (size_t)within(o->sync_bytes + YG_SEGMENT_WHOLE_MAX + WAL_GAP_ROOM, 0, fits);
	wal->now_ns = o->now_ns;
}

int yg_wal_open(const struct yg_disk *disk, const struct yg_wal_options *options, yg_wal_report *report, void *context,
                struct yg_wal **ret_wal)
{
	struct yg_wal *wal = calloc(1, sizeof *wal);
	if (!wal)
		return -ENOMEM;
	wal->disk = disk;
	wal->report = report;
	wal->report_context = context;
	wal->active_file = wal->meta_file = -1;
	wal->free_bytes = UINT64_MAX / 4;
	set_options(wal, options);
	wal->group = malloc(wal->group_room);
	int error = wal->group ? wal_recover(wal) : -ENOMEM;
	if (error) {
		yg_wal_abandon(wal);
		return error;
	}
	wal_put_gaps(wal, -1);
	wal_flush(wal); // what cannot be written yet waits in memory
	wal_house(wal, wal->now_ns);
	*ret_wal = wal;
	return 0;
}

void yg_wal_abandon(struct yg_wal *wal)
{
	if (!wal)
		return;
	const struct yg_disk *d = wal->disk;
	if (wal->active_file >= 0)
		d->ops->close(d->context, wal->active_file);
	if (wal->meta_file >= 0)
		d->ops->close(d->context, wal->meta_file);
	free(wal->segments);
	free(wal->group);
	free(wal);
}

int yg_wal_close(struct yg_wal *wal, uint64_t now_ns)
{
	if (!wal)
		return 0;
	wal->now_ns = now_ns;
	wal->retry_ns = 0; // there is no later
	bool said = wal_put_gaps(wal, -1);
	// What was lost is worth a segment of the reserve when nobody will know it any more.
	if (!said && wal_roll(wal, YG_SPOOL_HIGH) == 0)
		said = wal_put_gaps(wal, -1);
	int error = wal_flush(wal);
	int kept = wal->meta_dirty ? wal_keep(wal) : 0;
	yg_wal_abandon(wal);
	return error ? error : kept ? kept : said ? 0 : -ENOSPC;
}

// ---- who has been seen ----

static void forget_lowest_producer(struct yg_wal *wal)
{
	uint32_t lowest = UINT32_MAX, kept = 0;
	for (uint32_t i = 0; i < wal->highs_count; i++)
		if (wal->highs[i].high.producer < lowest)
			lowest = wal->highs[i].high.producer;
	for (uint32_t i = 0; i < wal->highs_count; i++)
		if (wal->highs[i].high.producer != lowest)
			wal->highs[kept++] = wal->highs[i];
	wal->highs_count = kept;
	wal->stats.producers_forgotten++;
}

struct high *wal_high(struct yg_wal *wal, uint32_t producer, unsigned lane, bool add)
{
	for (uint32_t i = 0; i < wal->highs_count; i++)
		if (wal->highs[i].high.producer == producer && wal->highs[i].high.lane == lane)
			return &wal->highs[i];
	if (!add)
		return NULL;
	_Static_assert(YG_SEGMENT_HIGHS == YG_WAL_PRODUCERS * YG_SPOOL_LANES, "every producer has every lane");
	if (wal->highs_count == YG_SEGMENT_HIGHS)
		forget_lowest_producer(wal);
	struct high *high = &wal->highs[wal->highs_count++];
	*high = (struct high){.high = {.producer = producer, .lane = lane}};
	return high;
}

void wal_raise(struct yg_wal *wal, uint32_t producer, unsigned lane, uint64_t pseq)
{
	if (producer == 0 || pseq == 0)
		return;
	struct high *high = wal_high(wal, producer, lane, true);
	if (pseq > high->high.pseq)
		high->high.pseq = pseq;
}

void wal_settle(struct yg_wal *wal)
{
	for (uint32_t i = 0; i < wal->highs_count; i++)
		wal->highs[i].settled = wal->highs[i].high.pseq;
	wal->holes_settled = wal->holes_told;
}

// ---- gaps ----

static int lane_of(const struct yg_spool_gap *gap)
{
	return gap->class < YG_SPOOL_CLASSES ? (int)yg_spool_lane(gap->class) : YG_SPOOL_LANES;
}

static void remove_gap(struct yg_wal *wal, uint32_t i)
{
	memmove(&wal->gaps[i], &wal->gaps[i + 1], (wal->gaps_count - i - 1) * sizeof *wal->gaps);
	wal->gaps_count--;
}

// There are more places than kinds of gaps, so two of them can always be made one.
static void merge_two(struct yg_wal *wal)
{
	for (uint32_t i = 0; i < wal->gaps_count; i++)
		for (uint32_t j = i + 1; j < wal->gaps_count; j++) {
			struct yg_spool_gap *a = &wal->gaps[i].gap;
			const struct yg_spool_gap *b = &wal->gaps[j].gap;
			if (a->class != b->class || a->reason != b->reason)
				continue;
			if (a->reason == YG_SPOOL_GAP_SHED)
				a->producer = 0, a->from = a->to = 0;
			else
				a->from = a->from < b->from ? a->from : b->from, a->to = a->to > b->to ? a->to : b->to;
			a->count += b->count;
			remove_gap(wal, j);
			wal->stats.gaps_merged++;
			return;
		}
}

static bool extend_gap(struct yg_wal *wal, const struct yg_spool_gap *gap)
{
	for (uint32_t i = 0; i < wal->gaps_count; i++) {
		struct yg_spool_gap *g = &wal->gaps[i].gap;
		if (g->class != gap->class || g->reason != gap->reason || g->producer != gap->producer || g->reason != YG_SPOOL_GAP_SHED)
			continue;
		if (g->from == 0 || (gap->from && gap->from < g->from))
			g->from = gap->from;
		if (gap->to > g->to)
			g->to = gap->to;
		g->count += gap->count;
		return true;
	}
	return false;
}

void wal_note_gap(struct yg_wal *wal, const struct yg_spool_gap *gap)
{
	wal->stats.gaps_waiting += gap->count;
	if (extend_gap(wal, gap))
		return;
	if (wal->gaps_count == YG_WAL_GAPS)
		merge_two(wal);
	wal->gaps[wal->gaps_count++] = (struct gap){*gap, wal->now_ns};
}

bool wal_put_gaps(struct yg_wal *wal, int lane)
{
	for (uint32_t i = 0; i < wal->gaps_count;) {
		const struct yg_spool_gap gap = wal->gaps[i].gap;
		if (lane >= 0 && lane_of(&gap) != lane) {
			i++;
			continue;
		}
		if (wal_room(wal, false) < WAL_GAP_WHOLE)
			return false;
		uint8_t payload[YG_SPOOL_GAP_BYTES];
		yg_spool_put_gap(payload, &gap);
		const struct yg_segment_record record = {.type = YG_SPOOL_GAP,
		                                         .class = gap.class < YG_SPOOL_CLASSES ? gap.class : 0,
		                                         .producer = gap.producer,
		                                         .pseq = gap.reason == YG_SPOOL_GAP_SHED ? gap.to : 0,
		                                         .payload = payload,
		                                         .size = sizeof payload};
		wal_put(wal, &record);
		if (gap.reason == YG_SPOOL_GAP_SHED)
			wal_raise(wal, gap.producer, (unsigned)lane_of(&gap), gap.to);
		else if (gap.to + 1 > wal->holes_told)
			wal->holes_told = gap.to + 1;
		wal->stats.gaps_written++;
		wal->stats.gaps_waiting -= gap.count;
		wal_say(wal, YG_WAL_EVENT_LOST, gap.class, gap.count);
		remove_gap(wal, i);
	}
	return true;
}

void yg_wal_lost(struct yg_wal *wal, enum yg_spool_class class, uint32_t producer, uint64_t first, uint64_t last, uint64_t count)
{
	if (class >= YG_SPOOL_CLASSES || count == 0)
		return;
	wal->stats.lost[class] += count;
	const struct yg_spool_gap gap = {.class = class, .reason = YG_SPOOL_GAP_SHED, .producer = producer, .count = count,
	                                 .from = first <= last ? first : last, .to = last};
	wal_note_gap(wal, &gap);
}

// ---- appending ----

static bool known(struct yg_wal *wal, unsigned lane, uint32_t producer, uint64_t pseq)
{
	const struct high *high = wal_high(wal, producer, lane, false);
	if (high && pseq <= high->high.pseq)
		return true;
	for (uint32_t i = 0; i < wal->gaps_count; i++) {
		const struct yg_spool_gap *gap = &wal->gaps[i].gap;
		if (lane_of(gap) == (int)lane && gap->producer == producer && pseq <= gap->to)
			return true;
	}
	return false;
}

static int refuse(struct yg_wal *wal, enum yg_spool_class class, uint32_t producer, uint64_t pseq, int error)
{
	wal->stats.refused[class]++;
	const struct yg_spool_gap gap = {
		.class = class, .reason = YG_SPOOL_GAP_SHED, .producer = producer, .count = 1, .from = pseq, .to = pseq};
	wal_note_gap(wal, &gap);
	return error;
}

// Room for a record behind the gaps of its lane, which come first: or a crash between the two would leave a hole that nobody tells.
static int fit(struct yg_wal *wal, enum yg_spool_class class, size_t whole)
{
	for (int attempt = 0; attempt < 4; attempt++) {
		if (wal_put_gaps(wal, (int)yg_spool_lane(class)) && wal_room(wal, true) >= whole)
			return 0;
		int error = attempt == 0 && wal->group_size ? wal_flush(wal) : wal_roll(wal, class);
		if (error)
			return error == -ENOSPC ? error : -EAGAIN;
	}
	return -ENOSPC;
}

int yg_wal_append(struct yg_wal *wal, enum yg_spool_class class, uint32_t producer, uint64_t pseq, const void *bytes, size_t size,
                  uint64_t now_ns, uint64_t *ret_lsn)
{
	if (class >= YG_SPOOL_CLASSES || producer == 0 || pseq == 0 || size == 0)
		return -EINVAL;
	wal->now_ns = now_ns;
	wal->stats.offered++;
	if (known(wal, yg_spool_lane(class), producer, pseq)) {
		wal->stats.duplicates++;
		return -EEXIST;
	}
	if (size > wal_line_max(wal)) {
		wal->stats.too_long++;
		return refuse(wal, class, producer, pseq, -EMSGSIZE);
	}
	if (wal_refuses(wal, class))
		return refuse(wal, class, producer, pseq, -ENOSPC);
	int error = fit(wal, class, yg_segment_whole(size));
	if (error == -ENOSPC)
		return refuse(wal, class, producer, pseq, error);
	if (error) {
		wal->stats.retried++;
		return error;
	}
	const struct yg_segment_record record = {
		.type = YG_SPOOL_LINE, .class = class, .producer = producer, .pseq = pseq, .payload = bytes, .size = (uint32_t)size};
	*ret_lsn = wal_put(wal, &record);
	wal_raise(wal, producer, yg_spool_lane(class), pseq);
	if (producer >= wal->state.next_producer)
		wal->state.next_producer = producer + 1;
	wal->stats.appended[class]++;
	if (wal->group_size >= wal->o.sync_bytes)
		wal_flush(wal); // on failure it stays in memory
	return 0;
}

// ---- time ----

static void say_gaps(struct yg_wal *wal)
{
	bool due = false;
	for (uint32_t i = 0; i < wal->gaps_count; i++)
		due |= wal->now_ns - wal->gaps[i].since_ns >= WAL_GAP_NS;
	if (!due || wal_put_gaps(wal, -1))
		return;
	// A segment of its own, if the lowest class may have one.
	if (wal_roll(wal, YG_SPOOL_METRIC) == 0)
		wal_put_gaps(wal, -1);
	for (uint32_t i = 0; i < wal->gaps_count; i++)
		wal->gaps[i].since_ns = wal->now_ns;
}

int yg_wal_tick(struct yg_wal *wal, uint64_t now_ns)
{
	int error = 0, kept = 0;
	wal->now_ns = now_ns;
	wal_house(wal, now_ns);
	say_gaps(wal);
	if (wal->group_size && now_ns - wal->group_since_ns >= wal->o.sync_ns)
		error = wal_flush(wal);
	if (wal->meta_dirty && now_ns - wal->meta_since_ns >= wal->o.cursor_ns)
		kept = wal_keep(wal);
	return error ? error : kept;
}

uint64_t yg_wal_due_ns(const struct yg_wal *wal)
{
	uint64_t due = wal->house_ns;
	if (wal->group_size) {
		uint64_t group = wal->group_since_ns + wal->o.sync_ns;
		if (group < wal->retry_ns)
			group = wal->retry_ns;
		due = group < due ? group : due;
	}
	if (wal->meta_dirty && wal->meta_since_ns + wal->o.cursor_ns < due)
		due = wal->meta_since_ns + wal->o.cursor_ns;
	for (uint32_t i = 0; i < wal->gaps_count; i++)
		if (wal->gaps[i].since_ns + WAL_GAP_NS < due)
			due = wal->gaps[i].since_ns + WAL_GAP_NS;
	return due;
}

int yg_wal_sync(struct yg_wal *wal, uint64_t now_ns)
{
	wal->now_ns = now_ns;
	return wal_flush(wal);
}

// ---- answers ----

uint64_t yg_wal_first(const struct yg_wal *wal)
{
	return wal->segments_count ? wal->segments[0].first_lsn : wal->durable_lsn + 1;
}

uint64_t yg_wal_durable(const struct yg_wal *wal)
{
	return wal->durable_lsn;
}

uint64_t yg_wal_end(const struct yg_wal *wal)
{
	return wal->next_lsn;
}

uint64_t yg_wal_settled(const struct yg_wal *wal, enum yg_spool_class class, uint32_t producer)
{
	if (class >= YG_SPOOL_CLASSES)
		return 0;
	const struct high *high = wal_high((struct yg_wal *)wal, producer, yg_spool_lane(class), false);
	return high ? high->settled : 0;
}

struct yg_wal_stats yg_wal_stats(const struct yg_wal *wal)
{
	struct yg_wal_stats stats = wal->stats;
	stats.segments = wal->segments_count;
	stats.segment_bytes_used = wal_used(wal);
	return stats;
}

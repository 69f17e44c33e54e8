// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Where a lane stands: what it has delivered, what is in doubt, and under which generation.
//
// Generations. At first contact we take 1 + the highest generation of the streams' last ids: what an earlier run wrote is never mistaken
// for ours. Later, an id at or below the last one counts as delivered only in our own generation and up to the highest sequence that we
// have sent; in every other case somebody else writes there, and all streams move to a new generation.
#include "base/log.h"
#include "courier/redis_internal.h"
#include "courier/wal.h"

static void count(const struct redis_lane *lane, enum yg_courier_counter counter, uint64_t n)
{
	yg_counter_add(&lane->redis->stats->c[counter], n);
}

bool yg_lane_next(const struct redis_lane *lane, uint64_t *position, struct yg_spool_entry *ret_entry)
{
	struct yg_spool *spool = lane->redis->spool;
	uint64_t end = yg_spool_end(spool), most = *position + REDIS_LOOK;
	for (end = end < most ? end : most; *position < end; (*position)++) {
		if (!yg_spool_get(spool, lane->sink.which, *position, ret_entry))
			return false;
		if (ret_entry->length)
			return true;
	}
	return false;
}

void yg_lane_pass(struct redis_lane *lane, uint64_t position)
{
	if (lane->safe == lane->position)
		lane->safe = position;
	lane->position = position;
}

bool yg_lane_give_way(struct redis_lane *lane)
{
	bool metrics = lane->sink.which == YG_SPOOL_REDIS_METRICS;
	uint64_t position = lane->position, most = position + REDIS_LOOK, given_up = 0;
	uint64_t pressure = yg_counter_get(&lane->redis->stats->c[YG_CC_SPOOL_PRESSURE]);
	struct yg_spool_entry entry;
	if (pressure < (metrics ? YG_WAL_SHED_METRICS : YG_WAL_SHED_FLOWS) || lane->safe > yg_spool_first(lane->redis->spool))
		return false;
	for (; position < most && yg_lane_next(lane, &position, &entry); position++)
		given_up++;
	bool moved = position != lane->position;
	lane->position = lane->safe = position;
	count(lane, metrics ? YG_CC_SPOOL_METRICS_SHED : YG_CC_SPOOL_FLOWS_SHED, given_up);
	if (given_up && !lane->gave_way)
		yg_warn("Redis: %s: what waits for it is given up, because the spool gets full behind it（スプールの容量が不足するため、"
		        "待機中の記録を破棄します）", lane->key[0].name);
	lane->gave_way |= given_up > 0;
	return moved;
}

void yg_lane_delivered(struct redis_lane *lane, uint64_t position, uint64_t sequence)
{
	lane->position = position;
	lane->last = sequence;
	lane->exact = true;
	lane->top = (struct redis_id){yg_spool_generation(lane->redis->spool), sequence};
	count(lane, lane->taken, 1);
	if (sequence > lane->mend_to)
		return;
	count(lane, YG_CC_REDIS_RESENT, 1);
	lane->resent++;
}

// What was sent, whose answer was lost, and which Redis has after all. In a log much may lie there that is not this lane's: it is read,
// because what holds nothing is counted.
static void skip_delivered(struct redis_lane *lane, uint64_t sequence)
{
	struct yg_spool *spool = lane->redis->spool;
	struct yg_spool_entry entry;
	for (uint64_t end = yg_spool_end(spool); lane->position < end; lane->position++) {
		if (!yg_spool_get(spool, lane->sink.which, lane->position, &entry) || entry.sequence > sequence)
			break;
		if (!entry.length)
			continue;
		lane->last = entry.sequence;
		lane->exact = true;
		count(lane, lane->taken, 1);
		count(lane, YG_CC_REDIS_DUPLICATES, 1);
	}
	// A disk that cannot say: what is in Redis is, and a position of a log is a sequence.
	if (yg_spool_lasts(spool) && lane->position <= sequence && sequence < yg_spool_end(spool)) {
		lane->position = sequence + 1;
		lane->last = sequence;
	}
}

// What a courier before this one was told: all that the spool no longer holds. At most, where a generation was left in between. A spool
// on disk knows.
static uint64_t confirmed_before(const struct redis_lane *lane)
{
	struct yg_spool *spool = lane->redis->spool;
	uint64_t position = yg_spool_first(spool), sent = yg_spool_sent(spool);
	struct yg_spool_entry entry;
	if (yg_spool_lasts(spool))
		return lane->position - 1;
	return yg_lane_next(lane, &position, &entry) && entry.sequence <= sent ? entry.sequence - 1 : sent;
}

// Where to go on in a ring, which holds few; and how many entries from `sequence` up to `last` it still has.
static uint64_t first_missing(const struct redis_lane *lane, uint64_t sequence, uint64_t *ret_held)
{
	struct yg_spool *spool = lane->redis->spool;
	uint64_t position = yg_spool_oldest(spool), end = yg_spool_end(spool), held = 0;
	for (uint64_t i = position; i < end; i++) {
		struct yg_spool_entry entry;
		if (!yg_spool_get(spool, lane->sink.which, i, &entry) || entry.sequence > lane->last)
			break;
		if (entry.length && entry.sequence > sequence)
			held++;
		else if (!held)
			position = i + 1;
	}
	*ret_held = held;
	return position;
}

// A stream that ends before what it has confirmed to us: a failover to a replica that had not everything, or a crash. What the spool
// still holds is sent again. It is told and counted when the first batch is taken (yg_lane_count_missing): a primary that was replaced
// while it was away, and comes back with less, looks the same until it refuses to write.
static void step_back(struct redis_lane *lane, uint64_t sequence)
{
	struct yg_spool *spool = lane->redis->spool;
	uint64_t oldest = yg_spool_oldest(spool), floor = yg_spool_generation_first(spool, lane->sink.which), position, held = 0;
	bool exact = lane->exact || !yg_spool_lasts(spool);
	lane->mending = false;
	lane->mend_to = lane->gone = lane->resent = 0;
	// What was sent under another generation is in a stream that still exists, and not lost with ours.
	if (yg_spool_lasts(spool) && lane->top.generation && sequence + 1 < floor)
		sequence = floor - 1;
	if (sequence >= lane->last)
		return;
	if (yg_spool_lasts(spool)) { // positions are sequences
		position = sequence + 1 > oldest ? sequence + 1 : oldest;
		held = lane->last + 1 > position ? lane->last + 1 - position : 0;
	} else {
		position = first_missing(lane, sequence, &held);
	}
	lane->mending = true;
	lane->mend_to = lane->last;
	// After a start `last` is where its cursor stood, and how many of the positions before that were its own nobody knows.
	lane->gone = exact ? lane->last - sequence - held : 0;
	lane->last = exact ? lane->last : sequence;
	lane->exact = true;
	lane->position = position < lane->position ? position : lane->position;
	lane->safe = lane->safe < lane->position ? lane->safe : lane->position;
}

void yg_lane_count_missing(struct redis_lane *lane)
{
	if (!lane->mending)
		return;
	unsigned long long gone = lane->gone;
	lane->mending = false;
	lane->gone = 0;
	if (!gone && !lane->resent)
		return;
	yg_warn("Redis: entries that it had confirmed are gone from %s; what the spool holds is sent again, %llu it no longer holds"
	        "（確認済みのエントリーが失われたため再送します。再送できないもの: %llu件）",
	        lane->key[0].name, gone, gone);
	count(lane, YG_CC_REDIS_LOST, gone);
}

// All streams have one generation.
static bool begin_generation(struct yg_redis *redis, uint64_t generation, uint64_t now_ns)
{
	if (generation == 0) {
		yg_redis_fail(redis, now_ns, YG_REDIS_EXHAUSTED, "the stream has reached the highest generation");
		return false;
	}
	redis->new_generation = false;
	for (unsigned i = 0; i < redis->lanes; i++) {
		struct redis_lane *lane = &redis->lane[i];
		lane->doubt = lane->last = lane->mend_to = 0;
		lane->mending = false;
		yg_spool_begin_generation(redis->spool, lane->sink.which, lane->position);
	}
	if (!yg_spool_set_generation(redis->spool, generation, redis->lane[0].position)) {
		yg_redis_fail(redis, now_ns, YG_REDIS_AWAY, "the spool cannot keep the generation now");
		return false;
	}
	yg_counter_set(&redis->stats->c[YG_CC_REDIS_GENERATION], generation);
	return true;
}

bool yg_lane_choose_generation(struct yg_redis *redis, uint64_t now_ns)
{
	uint64_t ours = yg_spool_generation(redis->spool), highest = ours;
	bool foreign = redis->new_generation;
	for (unsigned i = 0; i < redis->lanes; i++) {
		struct redis_lane *lane = &redis->lane[i];
		struct redis_id top = lane->top;
		if (!lane->asked)
			continue;
		foreign |= top.generation > ours || (top.generation == ours && top.sequence > yg_spool_sent(redis->spool));
		highest = top.generation > highest ? top.generation : highest;
		if (ours != 0 && !lane->greeted)
			lane->last = confirmed_before(lane);
		lane->greeted = true;
	}
	for (unsigned i = 0; i < redis->lanes && ours != 0 && !foreign; i++) {
		struct redis_lane *lane = &redis->lane[i];
		if (!lane->asked)
			continue;
		step_back(lane, lane->top.generation == ours ? lane->top.sequence : 0);
		if (lane->top.generation == ours)
			skip_delivered(lane, lane->top.sequence);
	}
	for (unsigned i = 0; i < redis->lanes; i++)
		redis->lane[i].asked = false;
	return (ours != 0 && !foreign) || begin_generation(redis, highest + 1, now_ns);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What is said on the connection of the streams: XINFO of each, then batches of XADD inside MULTI and EXEC, all commands of a batch in
// one go and on one key. A batch is taken whole or not at all, so that after a lost answer the stream's last id tells exactly where to
// go on. One batch is out at a time, and the highest lane that has something sends the next one: flow records by the hundred thousand
// keep an alert waiting for one batch at most.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "courier/points.h"
#include "courier/redis_internal.h"

#define LANE_REST_NS (30 * (uint64_t)YG_NS_PER_S)

// ---- the last ids ----

static bool resting(const struct redis_lane *lane, uint64_t now_ns)
{
	return lane->rest_ns > now_ns;
}

// Asks for the next key's last id; behind the last one the generation is chosen.
static bool ask_next(struct yg_redis *redis, uint64_t now_ns)
{
	while (redis->greet_lane < redis->lanes) {
		struct redis_lane *lane = &redis->lane[redis->greet_lane];
		if (!lane->asked || redis->greet_key >= lane->keys) {
			redis->greet_lane++;
			redis->greet_key = 0;
			continue;
		}
		return yg_redis_send(redis, yg_redis_say_words(redis, 3, (const char *[]){"XINFO", "STREAM", lane->key[redis->greet_key].name}), now_ns);
	}
	redis->phase = REDIS_IDLE;
	return yg_lane_choose_generation(redis, now_ns);
}

static bool greet(struct yg_redis *redis, uint64_t now_ns)
{
	redis->greet_lane = redis->greet_key = 0;
	for (unsigned i = 0; i < redis->lanes; i++) {
		struct redis_lane *lane = &redis->lane[i];
		lane->asked = !resting(lane, now_ns);
		if (lane->asked)
			lane->rest_ns = 0;
		lane->top = lane->asked ? (struct redis_id){0} : lane->top;
	}
	return ask_next(redis, now_ns);
}

// The last id of the stream from the answer to XINFO; 0-0 when there is no stream.
static bool last_id(const redisReply *reply, struct redis_id *ret_id)
{
	*ret_id = (struct redis_id){0};
	if (reply->type == REDIS_REPLY_ERROR)
		return strstr(reply->str, "no such key") != NULL;
	if (reply->type != REDIS_REPLY_ARRAY)
		return false;
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const redisReply *name = reply->element[i];
		if ((name->type == REDIS_REPLY_STRING || name->type == REDIS_REPLY_STATUS) &&
		    strcmp(name->str, "last-generated-id") == 0)
			return yg_redis_parse_id(reply->element[i + 1], ret_id);
	}
	return false;
}

// A lower lane that Redis refuses for itself alone (its key holds something else, its user lacks a right) keeps no alert waiting.
static bool put_to_rest(struct yg_redis *redis, struct redis_lane *lane, enum yg_redis_state state, uint64_t now_ns)
{
	bool own = state == YG_REDIS_NOPERM || state == YG_REDIS_WRONGTYPE || state == YG_REDIS_REFUSED;
	if (lane == redis->lane || !own)
		return false;
	const struct yg_redis_state_row *row = yg_redis_state_row(state);
	yg_warn("Redis: %s: %s: %s; it is tried again every 30 seconds（%sへ書き込めません。30秒ごとに再試行します）", lane->key[0].name, row->name,
	        row->en, lane->key[0].name);
	yg_counter_add(&redis->stats->c[YG_CC_REDIS_ERRORS], 1);
	lane->gave_way &= lane->rest_ns != 0;
	lane->rest_ns = now_ns + LANE_REST_NS;
	lane->asked = false;
	return true;
}

// The node is the right one for alerts, and this key belongs to another: so this is a cluster, and keys get their tag.
static bool untagged(struct yg_redis *redis, const struct redis_lane *lane, enum yg_redis_state state, uint64_t now_ns)
{
	if (state != YG_REDIS_CLUSTER || lane == redis->lane || redis->clustered)
		return false;
	yg_cluster_found(redis);
	yg_redis_leave(redis);
	redis->retry_ns = now_ns;
	return true;
}

static bool take_last_id(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	struct redis_lane *lane = &redis->lane[redis->greet_lane];
	struct redis_id top;
	if (last_id(reply, &top)) {
		bool higher = top.generation > lane->top.generation || (top.generation == lane->top.generation && top.sequence > lane->top.sequence);
		lane->top = higher ? top : lane->top;
		redis->greet_key++;
		return ask_next(redis, now_ns);
	}
	if (reply->type != REDIS_REPLY_ERROR)
		return yg_redis_impossible(redis, now_ns);
	enum yg_redis_state state = yg_redis_refusal(reply->str);
	if (untagged(redis, lane, state, now_ns))
		return false;
	if (put_to_rest(redis, lane, state, now_ns))
		return ask_next(redis, now_ns);
	return yg_redis_refused(redis, state, reply->str, now_ns);
}

// ---- batches ----

static bool say_xadd(struct yg_redis *redis, const struct redis_lane *lane, unsigned key, const struct yg_spool_entry *entry)
{
	char id[48];
	const char *name = lane->key[key].name, *maxlen = lane->key[key].maxlen;
	int n = snprintf(id, sizeof id, "%llu-%llu", (unsigned long long)yg_spool_generation(redis->spool),
	                 (unsigned long long)entry->sequence);
	// The newline belongs to the file; in the stream the entry itself is the frame.
	const char *words[] = {"XADD", name, "MAXLEN", "~", maxlen, id, "eve", entry->line};
	const size_t lengths[] = {4, strlen(name), 6, 1, strlen(maxlen), (size_t)n, 3, entry->length - 1};
	return yg_redis_say(redis, 8, words, lengths);
}

// Which of its lane's keys an entry goes to.
static unsigned key_of(const struct redis_lane *lane, const struct yg_spool_entry *entry)
{
	uint32_t step = lane->keys > 1 ? yg_points_step(entry->line, entry->length) : 0;
	return step == YG_POINT_MINUTE ? 1 : step == YG_POINT_HOUR ? 2 : 0;
}

static bool send_batch(struct yg_redis *redis, struct redis_lane *lane, uint64_t now_ns)
{
	uint64_t position = lane->position, sequence = 0;
	size_t bytes = 0;
	uint32_t count = 0;
	struct yg_spool_entry entry;
	bool more = yg_lane_next(lane, &position, &entry);
	if (!more) {
		yg_lane_pass(lane, position);
		return true;
	}
	unsigned key = key_of(lane, &entry);
	bool complete = yg_redis_say_words(redis, 1, (const char *[]){"MULTI"});
	while (complete && more && count < YG_REDIS_BATCH && bytes + entry.length <= YG_REDIS_BATCH_BYTES && key_of(lane, &entry) == key) {
		complete = say_xadd(redis, lane, key, &entry);
		sequence = entry.sequence;
		bytes += entry.length;
		redis->batch[count].position = position;
		redis->batch[count++].sequence = sequence;
		position++;
		more = yg_lane_next(lane, &position, &entry);
	}
	complete = complete && yg_redis_say_words(redis, 1, (const char *[]){"EXEC"});
	redis->phase = REDIS_SENDING;
	redis->out = lane;
	redis->batch_end = position;
	redis->batch_count = count;
	redis->batch_queued = count + 1;
	redis->replies = 0;
	redis->refusal = YG_REDIS_READY;
	if (!yg_spool_set_sent(redis->spool, sequence)) { // nothing has gone out yet: it is written by who steps this sink
		yg_redis_fail(redis, now_ns, YG_REDIS_AWAY, "the spool cannot keep now what is sent");
		return false;
	}
	if (lane == redis->lane)
		yg_counter_add(&redis->stats->c[YG_CC_REDIS_SENT], count);
	return yg_redis_send(redis, complete, now_ns);
}

static bool is_taken_id(const redisReply *reply)
{
	return strstr(reply->str, "equal or smaller than the target stream top item") != NULL;
}

// Answers of EXEC, one an entry. On the first refused one everything from it on stays to be sent.
static const redisReply *take_results(struct yg_redis *redis, const redisReply *reply)
{
	struct redis_lane *lane = redis->out;
	for (size_t i = 0; i < reply->elements; i++) {
		lane->position = redis->batch[i].position;
		if (reply->element[i]->type == REDIS_REPLY_ERROR) {
			redis->refused_sequence = redis->batch[i].sequence;
			return reply->element[i];
		}
		yg_lane_delivered(lane, lane->position + 1, redis->batch[i].sequence);
	}
	lane->position = redis->batch_end;
	return NULL;
}

// An id at or below the stream's last one. Either the batch of a dead connection has arrived after all, or the id is
// somebody else's: the last id tells. A server that says so again and again, with no entry taken between, is not believed.
static bool ask_again(struct yg_redis *redis, const redisReply *error, uint64_t now_ns)
{
	if (redis->regreets++ >= REDIS_REGREETS_MAX) {
		redis->regreets = 0;
		yg_redis_fail(redis, now_ns, YG_REDIS_REFUSED, error->str);
		return false;
	}
	redis->new_generation = redis->refused_sequence > redis->out->doubt;
	yg_counter_add(&redis->stats->c[YG_CC_REDIS_ERRORS], 1);
	redis->phase = REDIS_GREETING;
	redis->greeting = GREET_OWN;
	return greet(redis, now_ns);
}

static bool are_results(const struct yg_redis *redis, const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != redis->batch_count)
		return false;
	for (size_t i = 0; i < reply->elements; i++)
		if (reply->element[i]->type != REDIS_REPLY_STRING && reply->element[i]->type != REDIS_REPLY_ERROR)
			return false;
	return true;
}

// The batch was not taken.
static bool turn_away(struct yg_redis *redis, enum yg_redis_state state, const char *text, uint64_t now_ns)
{
	struct redis_lane *lane = redis->out;
	if (untagged(redis, lane, state, now_ns))
		return false;
	if (!put_to_rest(redis, lane, state, now_ns))
		return yg_redis_refused(redis, state, text, now_ns);
	redis->phase = REDIS_IDLE;
	return true;
}

static bool finish_batch(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	struct redis_lane *lane = redis->out;
	if (redis->refusal != YG_REDIS_READY) // EXEC can only say that something was refused before
		return turn_away(redis, redis->refusal, redis->refusal_text, now_ns);
	if (reply->type == REDIS_REPLY_ERROR)
		return turn_away(redis, yg_redis_refusal(reply->str), reply->str, now_ns);
	if (!are_results(redis, reply))
		return yg_redis_impossible(redis, now_ns);
	uint64_t before = lane->position;
	const redisReply *error = take_results(redis, reply);
	if (lane->position != before) {
		redis->regreets = 0;
		yg_lane_count_missing(lane);
	}
	if (error && is_taken_id(error))
		return ask_again(redis, error, now_ns);
	if (error)
		return turn_away(redis, yg_redis_refusal(error->str), error->str, now_ns);
	if (redis->replicas)
		return yg_redis_confirm(redis, false, now_ns);
	redis->phase = REDIS_IDLE;
	yg_redis_well(redis);
	return true;
}

// WAIT is about what this connection wrote. A connection that found everything there already writes a little first: replicas that have
// that have all that came before.
bool yg_redis_confirm(struct yg_redis *redis, bool write, uint64_t now_ns)
{
	char replicas[24], wait_ms[24], id[48];
	int n = snprintf(replicas, sizeof replicas, "%llu", (unsigned long long)redis->replicas);
	int m = snprintf(wait_ms, sizeof wait_ms, "%llu", (unsigned long long)(redis->timeout_ns / 2 / (uint64_t)YG_NS_PER_MS));
	const struct redis_id *top = &redis->lane[0].top;
	int k = snprintf(id, sizeof id, "%llu-%llu", (unsigned long long)top->generation, (unsigned long long)top->sequence);
	bool complete = !write || yg_redis_say(redis, 4, (const char *[]){"HSET", redis->mark, "last", id},
	                                       (size_t[]){4, strlen(redis->mark), 4, (size_t)k});
	complete = complete && yg_redis_say(redis, 3, (const char *[]){"WAIT", replicas, wait_ms}, (size_t[]){4, (size_t)n, (size_t)m});
	redis->phase = REDIS_CONFIRMING;
	redis->replies = write ? 0 : 1;
	redis->confirm_ns = 0;
	return yg_redis_send(redis, complete, now_ns);
}

static bool take_confirmation(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	bool elsewhere = reply->type == REDIS_REPLY_ERROR && !redis->clustered && yg_redis_refusal(reply->str) == YG_REDIS_CLUSTER;
	if (elsewhere) { // the node is the right one, and this key belongs to another
		yg_cluster_found(redis);
		yg_redis_leave(redis);
		redis->retry_ns = now_ns;
		return false;
	}
	if (reply->type == REDIS_REPLY_ERROR)
		return yg_redis_refused(redis, yg_redis_refusal(reply->str), reply->str, now_ns);
	if (reply->type != REDIS_REPLY_INTEGER || redis->confirm_ns)
		return yg_redis_impossible(redis, now_ns);
	if (redis->replies++ == 0)
		return true;
	if (reply->integer < (long long)redis->replicas) {
		yg_counter_add(&redis->stats->c[YG_CC_REDIS_UNREPLICATED], 1);
		yg_redis_fault(redis, YG_REDIS_NOREPLICAS, "fewer replicas than redis.replicas have what was written");
		redis->confirm_ns = now_ns + (uint64_t)YG_NS_PER_S;
		return true;
	}
	for (unsigned i = 0; i < redis->lanes; i++) // replicas that have the last write have all that came before
		redis->lane[i].safe = redis->lane[i].position;
	redis->phase = REDIS_IDLE;
	yg_redis_well(redis);
	return true;
}

// ---- the role ----

static bool take(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	switch (redis->phase) {
	case REDIS_GREETING:
		return take_last_id(redis, reply, now_ns);
	case REDIS_CONFIRMING:
		return take_confirmation(redis, reply, now_ns);
	case REDIS_TRIMMING:
		return yg_redis_trim_take(redis, reply, now_ns);
	case REDIS_TELLING:
		return yg_health_take(redis, reply, now_ns);
	default:
		return redis->replies++ < redis->batch_queued ? yg_redis_take_queued(redis, reply, now_ns) : finish_batch(redis, reply, now_ns);
	}
}

static bool greet_rested(struct yg_redis *redis, uint64_t now_ns)
{
	for (unsigned i = 0; i < redis->lanes; i++)
		if (redis->lane[i].rest_ns && !resting(&redis->lane[i], now_ns)) {
			redis->phase = REDIS_GREETING;
			redis->greeting = GREET_OWN;
			greet(redis, now_ns);
			return true;
		}
	return false;
}

static bool go_on(struct yg_redis *redis, uint64_t now_ns)
{
	bool passed = false, unconfirmed = false;
	redis->trim_ns = redis->trim_ns ? redis->trim_ns : now_ns;
	if (yg_redis_trim_due(redis, now_ns))
		return yg_redis_trim(redis, now_ns), true;
	if (yg_health_due(redis, now_ns))
		return yg_health_tell(redis, now_ns), true;
	if (greet_rested(redis, now_ns))
		return true;
	for (unsigned i = 0; i < redis->lanes; i++) {
		struct redis_lane *lane = &redis->lane[i];
		uint64_t before = lane->position;
		if (!lane->rest_ns && before != yg_spool_end(redis->spool))
			send_batch(redis, lane, now_ns);
		if (redis->phase != REDIS_IDLE)
			return true;
		if (lane->rest_ns)
			yg_lane_give_way(lane);
		passed |= lane->position != before;
		if (!lane->rest_ns && lane->position != yg_spool_end(redis->spool))
			return passed; // there may be something before what the lanes below have
		unconfirmed |= lane->safe != lane->position;
	}
	if (redis->replicas && unconfirmed)
		return yg_redis_confirm(redis, true, now_ns), true;
	yg_redis_well(redis);
	return passed;
}

static void left(struct yg_redis *redis)
{
	uint64_t sent = redis->batch_count ? redis->batch[redis->batch_count - 1].sequence : 0;
	if (redis->out && sent > redis->out->doubt)
		redis->out->doubt = sent;
}

static const struct redis_role streams = {
	"Redis", greet, take, go_on, left, YG_CC_REDIS_CONNECTS, YG_CC_REDIS_ERRORS, YG_CC_REDIS_STATE, .up = false};

static void set_key(struct redis_lane *lane, const char *suffix, int64_t maxlen)
{
	lane->key[lane->keys].suffix = suffix;
	snprintf(lane->key[lane->keys].maxlen, sizeof lane->key[lane->keys].maxlen, "%lld", (long long)maxlen);
	lane->keys++;
}

struct yg_sink *yg_redis_create(const struct yg_redis_options *options, struct yg_spool *spool, struct yg_courier_stats *stats)
{
	struct yg_redis *redis = yg_redis_begin(options, &streams, YG_SPOOL_REDIS, YG_CC_REDIS_DELIVERED, spool, stats);
	if (!redis)
		return NULL;
	set_key(&redis->lane[0], "alerts", options->maxlen);
	if (options->flows_maxlen)
		set_key(yg_redis_add_lane(redis, YG_SPOOL_REDIS_FLOWS, YG_CC_REDIS_FLOWS), "flows", options->flows_maxlen);
	if (options->seconds) {
		struct redis_lane *metrics = yg_redis_add_lane(redis, YG_SPOOL_REDIS_METRICS, YG_CC_REDIS_METRICS);
		set_key(metrics, "metrics", options->seconds);
		set_key(metrics, "metrics:1m", options->minutes);
		set_key(metrics, "metrics:1h", options->hours);
	}
	redis->maxage_ns = (uint64_t)options->maxage_ns;
	redis->replicas = (uint64_t)options->replicas;
	redis->health.board = options->board;
	for (unsigned i = 0; i < redis->lanes; i++) // what a courier before this one sent may still be on its way to Redis
		redis->lane[i].doubt = yg_spool_sent(spool);
	yg_cluster_name_keys(redis);
	return &redis->lane[0].sink;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What is said to Redis: AUTH, SELECT, ROLE, XINFO, then batches of XADD inside MULTI and EXEC, all commands of a batch in
// one go. A batch is taken whole or not at all, so that after a lost answer the stream's last id tells exactly where to
// go on.
//
// Generations. At first contact we take 1 + the generation of the stream's last id: what an earlier run wrote is never
// mistaken for ours. Later, an id at or below the last one counts as delivered only in our own generation and up to the
// highest sequence that we have sent; in every other case somebody else writes there, and we move to a new generation.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "courier/redis_internal.h"

bool yg_redis_say(struct yg_redis *redis, int count, const char **words, const size_t *lengths)
{
	return redisAppendCommandArgv(redis->context, count, words, lengths) == REDIS_OK;
}

bool yg_redis_send(struct yg_redis *redis, bool complete, uint64_t now_ns)
{
	if (!complete) {
		yg_redis_fail(redis, now_ns, YG_REDIS_AWAY, "no memory for a command");
		return false;
	}
	redis->output_left = true;
	redis->deadline_ns = now_ns + redis->timeout_ns;
	return true;
}

bool yg_redis_impossible(struct yg_redis *redis, uint64_t now_ns)
{
	yg_redis_fail(redis, now_ns, YG_REDIS_GARBAGE, "an answer that cannot be");
	return false;
}

// An error answer: where it points to, or a rest.
static bool refused(struct yg_redis *redis, enum yg_redis_state state, const char *text, uint64_t now_ns)
{
	if (state != YG_REDIS_CLUSTER || !yg_cluster_follow(redis, text, now_ns))
		yg_redis_fail(redis, now_ns, state, text);
	return false;
}

bool yg_redis_say_auth(struct yg_redis *redis)
{
	const struct yg_redis_url *url = &redis->url;
	if (!url->user[0])
		return yg_redis_say(redis, 2, (const char *[]){"AUTH", url->password}, (size_t[]){4, strlen(url->password)});
	return yg_redis_say(redis, 3, (const char *[]){"AUTH", url->user, url->password},
	           (size_t[]){4, strlen(url->user), strlen(url->password)});
}

// Says the next thing of a greeting, from redis->greeting on.
bool yg_redis_greet(struct yg_redis *redis, uint64_t now_ns)
{
	char db[8];
	if (redis->greeting == GREET_AUTH && redis->url.has_password)
		return yg_redis_send(redis, yg_redis_say_auth(redis), now_ns);
	if (redis->greeting <= GREET_SELECT && redis->url.db) {
		int n = snprintf(db, sizeof db, "%u", redis->url.db);
		redis->greeting = GREET_SELECT;
		return yg_redis_send(redis, yg_redis_say(redis, 2, (const char *[]){"SELECT", db}, (size_t[]){6, (size_t)n}), now_ns);
	}
	if (redis->greeting <= GREET_ROLE && redis->url.is_sentinel) {
		redis->greeting = GREET_ROLE;
		return yg_redis_send(redis, yg_redis_say(redis, 1, (const char *[]){"ROLE"}, (size_t[]){4}), now_ns);
	}
	redis->greeting = GREET_XINFO;
	return yg_redis_send(
	    redis, yg_redis_say(redis, 3, (const char *[]){"XINFO", "STREAM", redis->key}, (size_t[]){5, 6, strlen(redis->key)}),
	    now_ns);
}

bool yg_redis_parse_id(const redisReply *reply, struct redis_id *ret_id)
{
	if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)
		return false;
	char *end = NULL, *tail = NULL;
	ret_id->generation = strtoull(reply->str, &end, 10);
	if (end == reply->str || *end != '-')
		return false;
	ret_id->sequence = strtoull(end + 1, &tail, 10);
	return tail != end + 1 && *tail == 0;
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

// Steps over positions that hold nothing to the next entry. False when there is none, or when the disk cannot say now.
static bool next_entry(const struct yg_redis *redis, uint64_t *position, struct yg_spool_entry *ret_entry)
{
	for (; *position < yg_spool_end(redis->spool); (*position)++) {
		if (!yg_spool_get(redis->spool, YG_SPOOL_REDIS, *position, ret_entry))
			return false;
		if (ret_entry->length)
			return true;
	}
	return false;
}

// The entry before `position` and `count` - 1 before that.
static void delivered(struct yg_redis *redis, uint64_t position, uint64_t sequence, uint64_t count)
{
	redis->position = position;
	redis->last = sequence;
	redis->top = (struct redis_id){yg_spool_generation(redis->spool), sequence};
	yg_counter_add(&redis->stats->c[YG_CC_REDIS_DELIVERED], count);
}

// What was sent, whose answer was lost, and which Redis has after all.
static void skip_delivered(struct yg_redis *redis, uint64_t sequence)
{
	struct yg_spool_entry entry;
	uint64_t end = yg_spool_end(redis->spool), before = redis->position;
	if (yg_spool_lasts(redis->spool)) { // a position is a sequence: nothing need be read
		uint64_t next = sequence < end ? sequence + 1 : end;
		if (next <= before)
			return;
		for (uint64_t i = before; i < next && yg_spool_get(redis->spool, YG_SPOOL_REDIS, i, &entry);)
			i++; // what holds nothing is counted
		delivered(redis, next, next - 1, next - before);
		yg_counter_add(&redis->stats->c[YG_CC_REDIS_DUPLICATES], next - before);
		return;
	}
	while (next_entry(redis, &redis->position, &entry) && entry.sequence <= sequence) {
		delivered(redis, redis->position + 1, entry.sequence, 1);
		yg_counter_add(&redis->stats->c[YG_CC_REDIS_DUPLICATES], 1);
	}
}

// What a courier before this one was told: all that the spool no longer holds. At most, where a generation was left in between. A spool
// on disk knows.
static uint64_t confirmed_before(const struct yg_redis *redis)
{
	uint64_t position = yg_spool_first(redis->spool), sent = yg_spool_sent(redis->spool);
	struct yg_spool_entry entry;
	if (yg_spool_lasts(redis->spool))
		return redis->position - 1;
	return next_entry(redis, &position, &entry) && entry.sequence <= sent ? entry.sequence - 1 : sent;
}

// A stream that ends before what it has confirmed to us: a failover to a replica that had not everything, or a crash. What the spool
// still holds is sent again. It is told and counted when the first batch is taken (count_missing): a primary that was replaced while it
// was away, and comes back with less, looks the same until it refuses to write.
static void step_back(struct yg_redis *redis, uint64_t sequence)
{
	uint64_t position = yg_spool_oldest(redis->spool), end = yg_spool_end(redis->spool);
	uint64_t floor = yg_spool_generation_first(redis->spool);
	redis->missing = redis->held = 0;
	// What was sent under another generation is in a stream that still exists, and not lost with ours.
	if (yg_spool_lasts(redis->spool) && redis->top.generation && sequence + 1 < floor)
		sequence = floor - 1;
	if (sequence >= redis->last)
		return;
	redis->missing = redis->last - sequence;
	if (yg_spool_lasts(redis->spool)) {
		position = sequence + 1 > position ? sequence + 1 : position;
		redis->held = redis->last + 1 > position ? redis->last + 1 - position : 0;
		end = 0;
	}
	for (uint64_t i = position; i < end; i++) {
		struct yg_spool_entry entry;
		if (!yg_spool_get(redis->spool, YG_SPOOL_REDIS, i, &entry) || entry.sequence > redis->last)
			break;
		if (entry.length && entry.sequence > sequence)
			redis->held++;
		else if (!redis->held)
			position = i + 1;
	}
	redis->position = position < redis->position ? position : redis->position;
	redis->safe = redis->safe < redis->position ? redis->safe : redis->position;
}

static void count_missing(struct yg_redis *redis)
{
	if (!redis->missing)
		return;
	unsigned long long missing = redis->missing, held = redis->held;
	yg_warn("Redis: %llu entries that it had confirmed are gone; %llu are sent again（確認済みの%llu件が失われ、%llu件を再送します）", missing, held,
	        missing, held);
	yg_counter_add(&redis->stats->c[YG_CC_REDIS_RESENT], held);
	yg_counter_add(&redis->stats->c[YG_CC_REDIS_LOST], missing > held ? missing - held : 0);
	redis->missing = redis->held = 0;
}

static bool choose_generation(struct yg_redis *redis, struct redis_id top, uint64_t now_ns)
{
	uint64_t ours = yg_spool_generation(redis->spool);
	bool foreign = redis->new_generation || top.generation > ours ||
	               (top.generation == ours && top.sequence > yg_spool_sent(redis->spool));
	redis->top = top;
	if (ours != 0 && !redis->greeted)
		redis->last = confirmed_before(redis);
	redis->greeted = true;
	if (ours != 0 && !foreign) {
		step_back(redis, top.generation == ours ? top.sequence : 0);
		if (top.generation == ours)
			skip_delivered(redis, top.sequence);
		return true;
	}
	uint64_t highest = top.generation > ours ? top.generation : ours;
	if (highest == UINT64_MAX) {
		yg_redis_fail(redis, now_ns, YG_REDIS_EXHAUSTED, "the stream has reached the highest generation");
		return false;
	}
	redis->new_generation = false;
	redis->doubt = redis->last = redis->missing = 0;
	if (!yg_spool_set_generation(redis->spool, highest + 1, redis->position)) {
		yg_redis_fail(redis, now_ns, YG_REDIS_AWAY, "the spool cannot keep the generation now");
		return false;
	}
	yg_counter_set(&redis->stats->c[YG_CC_REDIS_GENERATION], highest + 1);
	return true;
}

static bool is_role(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && reply->element[0]->type == REDIS_REPLY_STRING;
}

static bool take_greeting(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	struct redis_id top;
	if (redis->greeting == GREET_XINFO && last_id(reply, &top)) {
		redis->phase = REDIS_IDLE;
		return choose_generation(redis, top, now_ns);
	}
	if (reply->type == REDIS_REPLY_ERROR)
		return refused(redis, yg_redis_refusal(reply->str), reply->str, now_ns);
	bool sound = redis->greeting == GREET_ROLE ? is_role(reply) : redis->greeting != GREET_XINFO && reply->type == REDIS_REPLY_STATUS;
	if (!sound)
		return yg_redis_impossible(redis, now_ns);
	if (redis->greeting == GREET_ROLE && strcmp(reply->element[0]->str, "master") != 0) {
		yg_redis_fail(redis, now_ns, YG_REDIS_READONLY, "what the Sentinel named is a replica");
		return false;
	}
	redis->greeting++;
	return yg_redis_greet(redis, now_ns);
}

static bool say_xadd(struct yg_redis *redis, const struct yg_spool_entry *entry)
{
	char id[48];
	int n = snprintf(id, sizeof id, "%llu-%llu", (unsigned long long)yg_spool_generation(redis->spool),
	                 (unsigned long long)entry->sequence);
	// The newline belongs to the file; in the stream the entry itself is the frame.
	const char *words[] = {"XADD", redis->key, "MAXLEN", "~", redis->maxlen, id, "eve", entry->line};
	const size_t lengths[] = {4, strlen(redis->key), 6, 1, strlen(redis->maxlen), (size_t)n, 3, entry->length - 1};
	return yg_redis_say(redis, 8, words, lengths);
}

bool yg_redis_send_batch(struct yg_redis *redis, uint64_t now_ns)
{
	uint64_t position = redis->position, sequence = 0;
	size_t bytes = 0;
	uint32_t count = 0;
	struct yg_spool_entry entry;
	bool more = next_entry(redis, &position, &entry);
	if (!more) {
		redis->position = position;
		return true;
	}
	bool complete = yg_redis_say(redis, 1, (const char *[]){"MULTI"}, (size_t[]){5});
	while (complete && more && count < YG_REDIS_BATCH && bytes + entry.length <= YG_REDIS_BATCH_BYTES) {
		complete = say_xadd(redis, &entry);
		sequence = entry.sequence;
		bytes += entry.length;
		redis->batch[count].position = position;
		redis->batch[count++].sequence = sequence;
		position++;
		more = next_entry(redis, &position, &entry);
	}
	complete = complete && yg_redis_say(redis, 1, (const char *[]){"EXEC"}, (size_t[]){4});
	redis->phase = REDIS_SENDING;
	redis->batch_end = position;
	redis->batch_count = count;
	redis->replies = 0;
	redis->refusal = YG_REDIS_READY;
	if (!yg_spool_set_sent(redis->spool, sequence)) { // nothing has gone out yet: it is written by who steps this sink
		yg_redis_fail(redis, now_ns, YG_REDIS_AWAY, "the spool cannot keep now what is sent");
		return false;
	}
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
	for (size_t i = 0; i < reply->elements; i++) {
		redis->position = redis->batch[i].position;
		if (reply->element[i]->type == REDIS_REPLY_ERROR) {
			redis->refused_sequence = redis->batch[i].sequence;
			return reply->element[i];
		}
		delivered(redis, redis->position + 1, redis->batch[i].sequence, 1);
	}
	redis->position = redis->batch_end;
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
	redis->new_generation = redis->refused_sequence > redis->doubt;
	yg_counter_add(&redis->stats->c[YG_CC_REDIS_ERRORS], 1);
	redis->phase = REDIS_GREETING;
	redis->greeting = GREET_XINFO;
	return yg_redis_greet(redis, now_ns);
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

static bool finish_batch(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	if (redis->refusal != YG_REDIS_READY) // EXEC can only say that something was refused before
		return refused(redis, redis->refusal, redis->refusal_text, now_ns);
	if (reply->type == REDIS_REPLY_ERROR)
		return refused(redis, yg_redis_refusal(reply->str), reply->str, now_ns);
	if (!are_results(redis, reply))
		return yg_redis_impossible(redis, now_ns);
	uint64_t before = redis->position;
	const redisReply *error = take_results(redis, reply);
	if (redis->position != before) {
		redis->regreets = 0;
		count_missing(redis);
	}
	if (error && is_taken_id(error))
		return ask_again(redis, error, now_ns);
	if (error)
		return refused(redis, yg_redis_refusal(error->str), error->str, now_ns);
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
	int k = snprintf(id, sizeof id, "%llu-%llu", (unsigned long long)redis->top.generation, (unsigned long long)redis->top.sequence);
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
	bool untagged = reply->type == REDIS_REPLY_ERROR && !redis->clustered && yg_redis_refusal(reply->str) == YG_REDIS_CLUSTER;
	if (untagged) { // the node is the right one, and this key belongs to another
		yg_cluster_found(redis);
		yg_redis_leave(redis);
		redis->retry_ns = now_ns;
		return false;
	}
	if (reply->type == REDIS_REPLY_ERROR)
		return refused(redis, yg_redis_refusal(reply->str), reply->str, now_ns);
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
	redis->safe = redis->position;
	redis->phase = REDIS_IDLE;
	yg_redis_well(redis);
	return true;
}

// MULTI and the entries: +OK, +QUEUED. False when it is something else that no Redis says.
static bool take_queued(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	if (reply->type != REDIS_REPLY_STATUS && reply->type != REDIS_REPLY_ERROR)
		return yg_redis_impossible(redis, now_ns);
	if (reply->type == REDIS_REPLY_ERROR && redis->refusal == YG_REDIS_READY) {
		redis->refusal = yg_redis_refusal(reply->str);
		snprintf(redis->refusal_text, sizeof redis->refusal_text, "%s", reply->str);
	}
	return true;
}

bool yg_redis_take_reply(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	if (redis->phase == REDIS_GREETING)
		return take_greeting(redis, reply, now_ns);
	if (redis->phase == REDIS_ASKING)
		return yg_sentinel_take(redis, reply, now_ns);
	if (redis->phase == REDIS_CONFIRMING)
		return take_confirmation(redis, reply, now_ns);
	if (redis->phase == REDIS_TRIMMING)
		return yg_redis_trim_take(redis, reply, now_ns);
	if (redis->phase != REDIS_SENDING) {
		yg_redis_fail(redis, now_ns, reply->type == REDIS_REPLY_ERROR ? yg_redis_refusal(reply->str) : YG_REDIS_GARBAGE,
		              reply->type == REDIS_REPLY_ERROR ? reply->str : "it speaks without being asked");
		return false;
	}
	return redis->replies++ <= redis->batch_count ? take_queued(redis, reply, now_ns) : finish_batch(redis, reply, now_ns);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Flow records, metrics and health in Redis: a real yagura-courier, a real redis-server, a spool on disk. Usage: redis_lanes COURIER
// [TEST]. Exits 77 without redis-server. It proves:
//
//   each_lane_has_its_stream            alerts, flow records and points of three steps, once, in order, ids <generation>-<LSN>; the flow
//                                       records' bytes are those of the EVE file
//   half_a_step_is_written_as_it_is     when another step begins; a point that cannot be is counted
//   health_is_there_while_it_is_told    as the board says it, with a time to live; torn boards are left alone
//   health_never_outlives_the_sensor    a user without +expire writes none; a board that stands still is not told (with YAGURA_LONG)
//   health_is_there_without_replicas    while alerts wait for replicas that are away
//   alerts_overtake_flow_records        50,000 wait (200,000 with YAGURA_LONG), Redis comes back: an alert is in Redis within a second
//   what_is_refused_below_holds_nothing_above    the key of flow records is no stream: alerts and metrics go on
//   what_is_refused_for_ever_gives_way  the key of metrics is no stream, and the log gets full behind them: they are given up, no alert is
//   a_lane_of_three_streams_goes_on     behind the highest id of them, when Redis comes back
//   a_full_spool_refuses_flow_records_first      counted, a gap in the log; no alert is refused
//   flow_records_need_a_log             without a spool on disk the courier says so and ends
//   a_stream_that_forgot_is_mended      flow records that vanished are sent again, and alerts are not
//   what_a_dead_courier_had_sent_counts once: it is carried out after the next courier has asked where to go on
//   kills_lose_nothing_in_any_lane      two sensors, one Redis; couriers and redis-server killed with -9 in turn under load (12 times; 204
//                                       with YAGURA_LONG): each stream has everything once and in order, so has the EVE file
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "redis_rig.h"

enum { KILLS = 12, ROUNDS_LONG = 17, WAITING = 50000, WAITING_LONG = 200000, PAGE = 5000, SENSORS = 2 };

static char spool_path[SENSORS][96], other_path[96];
static char *const file_path[SENSORS] = {eve_path, other_path};
static const char *const sensors[SENSORS] = {"test", "other"};
static uint32_t random_state = 20261121;

static double now_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

// Options of the next courier: flow records on, a fresh spool.
static void use_spool(int which, const char *size)
{
	remove_folder(spool_path[which]);
	unlink(file_path[which]);
	sensor_name = sensors[which];
	more_options[0][0] = "spool.folder", more_options[0][1] = spool_path[which];
	more_options[1][0] = "spool.size", more_options[1][1] = size;
	more_options[2][0] = "redis.flows", more_options[2][1] = "true";
	more_options[3][0] = "redis.flows_maxlen", more_options[3][1] = "10000000";
	more_options[4][0] = "redis.seconds", more_options[4][1] = "100000";
	more_options[5][0] = NULL;
}

static void begin(void)
{
	use_spool(0, "1GiB");
	tell_redis("FLUSHALL");
}

// ---- what stands in a stream ----

struct seen {
	unsigned entries, last, repeated, unordered, missing, generations;
	unsigned long long generation, lsn;
};

// The number behind a mark of the line.
static unsigned number_of(const char *line, const char *mark)
{
	const char *at = strstr(line, mark);
	return at ? (unsigned)strtoul(at + strlen(mark), NULL, 10) : 0;
}

static void see(struct seen *s, unsigned n)
{
	s->entries++;
	s->repeated += n == s->last;
	s->unordered += n < s->last;
	s->missing += n > s->last + 1 ? n - s->last - 1 : 0;
	s->last = n > s->last ? n : s->last;
}

static void see_id(struct seen *s, const char *id)
{
	char *end = NULL;
	unsigned long long generation = strtoull(id, &end, 10), lsn = strtoull(end + 1, NULL, 10);
	s->generations += generation != s->generation;
	CHECK(generation > s->generation || lsn > s->lsn);
	s->generation = generation;
	s->lsn = lsn;
}

static const char mark_of_alert[] = "\"test ", mark_of_flow[] = "\"flow_id\":", mark_of_metric[] = "\"packets_in\":";

static struct seen see_stream(const char *sensor, const char *lane, const char *mark)
{
	struct seen s = {0};
	char from[64] = "-", last[64] = "";
	redisContext *c = ask_redis(NULL);
	for (size_t n = PAGE; c && n == PAGE;) {
		redisReply *r = redisCommand(c, "XRANGE yagura:%s:%s %s + COUNT %d", sensor, lane, from, PAGE);
		n = r && r->type == REDIS_REPLY_ARRAY ? r->elements : 0;
		for (size_t i = 0; i < n; i++) {
			see(&s, number_of(r->element[i]->element[1]->element[1]->str, mark));
			see_id(&s, r->element[i]->element[0]->str);
			snprintf(last, sizeof last, "%s", r->element[i]->element[0]->str);
		}
		snprintf(from, sizeof from, "(%s", last);
		freeReplyObject(r);
	}
	CHECK(c);
	if (c)
		redisFree(c);
	return s;
}

static void check_all(const char *where, struct seen s, unsigned count)
{
	bool well = s.entries == count && !s.repeated && !s.unordered && !s.missing && s.last == count;
	if (!well)
		fprintf(stderr, "%s: %u entries of %u, %u repeated, %u out of order, %u missing, last %u\n", where, s.entries, count, s.repeated,
		        s.unordered, s.missing, s.last);
	CHECK(well);
}

static long long length_of(const char *lane)
{
	redisContext *c = ask_redis(NULL);
	redisReply *r = c ? redisCommand(c, "XLEN yagura:test:%s", lane) : NULL;
	long long n = r && r->type == REDIS_REPLY_INTEGER ? r->integer : -1;
	freeReplyObject(r);
	if (c)
		redisFree(c);
	return n;
}

static bool has(const char *lane, long long count, int seconds)
{
	for (int i = 0; i < seconds * 100 && length_of(lane) < count; i++)
		pause_ms(10);
	return length_of(lane) == count;
}

// ---- points ----

static void push_point(struct run *run, int64_t time_s, uint32_t step_s, uint16_t org, uint64_t value)
{
	CHECK(yg_ring_wait_room(&run->points, 1, 5000));
	struct yg_point *point = yg_ring_slot(&run->points, run->points.own);
	*point = (struct yg_point){.time_s = time_s, .step_s = step_s, .org = org};
	for (unsigned i = 0; i < YG_POINT_VALUES_COUNT; i++)
		point->value[i] = value;
	yg_ring_push(&run->points, 1);
}

// Steps of one second whose sensor has the numbers from `from` on.
static void push_seconds(struct run *run, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++) {
		push_point(run, 1700000000 + i, YG_POINT_SECOND, YG_ORG_NONE, i / 2);
		push_point(run, 1700000000 + i, YG_POINT_SECOND, YG_POINT_SENSOR, i);
	}
	yg_ring_publish(&run->points);
}

// ---- tests ----

static void compare_flows_with_file(const char *path)
{
	redisContext *c = ask_redis(NULL);
	redisReply *r = c ? redisCommand(c, "XRANGE yagura:test:flows - +") : NULL;
	static char line[64 * 1024];
	size_t i = 0;
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f)) {
		if (!strstr(line, "\"event_type\":\"flow\""))
			continue;
		line[strcspn(line, "\n")] = 0;
		CHECK(r && i < r->elements && strcmp(r->element[i]->element[1]->element[1]->str, line) == 0);
		i++;
	}
	CHECK(r && i == r->elements);
	if (f)
		fclose(f);
	freeReplyObject(r);
	if (c)
		redisFree(c);
}

static void check_point(const char *lane, const char *expected)
{
	redisContext *c = ask_redis(NULL);
	redisReply *r = c ? redisCommand(c, "XRANGE yagura:test:%s - +", lane) : NULL;
	CHECK(r && r->type == REDIS_REPLY_ARRAY && r->elements >= 1);
	if (r && r->elements) {
		const char *line = r->element[0]->element[1]->element[1]->str;
		if (strcmp(line, expected) != 0)
			fprintf(stderr, "%s: %s\n", lane, line);
		CHECK(strcmp(line, expected) == 0);
	}
	freeReplyObject(r);
	if (c)
		redisFree(c);
}

static void each_lane_has_its_stream(void)
{
	begin();
	struct run run = start_courier(url(), "20s", file_path[0]);
	push_alerts(&run, 1, 500);
	push_flows(&run, 3000);
	push_seconds(&run, 1, 100);
	push_point(&run, 1700000040, YG_POINT_MINUTE, YG_ORG_NONE, 3);
	push_point(&run, 1700000040, YG_POINT_MINUTE, YG_POINT_SENSOR, 7);
	push_point(&run, 1699999200, YG_POINT_HOUR, YG_POINT_SENSOR, 8);
	yg_ring_publish(&run.points);
	push_alerts(&run, 501, 500);
	CHECK(reaches(&run, YG_CC_REDIS_METRICS, 102));
	CHECK(end_courier(&run) == YG_EXIT_OK);
	check_all("alerts", see_stream("test", "alerts", mark_of_alert), 1000);
	struct seen flows = see_stream("test", "flows", mark_of_flow);
	check_all("flows", flows, 3000);
	CHECK(flows.generations == 1 && flows.generation == 1);
	check_all("metrics", see_stream("test", "metrics", mark_of_metric), 100);
	check_point("metrics:1m", "{\"timestamp\":\"2023-11-15T07:14:00.000000+0900\",\"event_type\":\"metrics\",\"step\":60,\"host\":\"test\","
	            "\"sensor\":{\"packets_in\":7,\"packets_out\":7,\"bytes_in\":7,\"bytes_out\":7,\"flows\":7,\"alerts\":7,\"lost\":7},"
	            "\"orgs\":{},\"unassigned\":[3,3,3,3,3,3]}");
	check_point("metrics:1h", "{\"timestamp\":\"2023-11-15T07:00:00.000000+0900\",\"event_type\":\"metrics\",\"step\":3600,\"host\":\"test\","
	            "\"sensor\":{\"packets_in\":8,\"packets_out\":8,\"bytes_in\":8,\"bytes_out\":8,\"flows\":8,\"alerts\":8,\"lost\":8},"
	            "\"orgs\":{}}");
	CHECK(counter(&run, YG_CC_ALERTS_DELIVERED) == 1000 && counter(&run, YG_CC_REDIS_DELIVERED) == 1000);
	CHECK(counter(&run, YG_CC_REDIS_FLOWS) == 3000 && counter(&run, YG_CC_FLOWS_WRITTEN) == 3000 && counter(&run, YG_CC_FLOWS_READ) == 3000);
	CHECK(yg_ring_has_room(&run.flows, YG_FLOW_SLOTS) && yg_ring_has_room(&run.points, YG_POINT_SLOTS)); // every slot is given back
	compare_flows_with_file(file_path[0]);
	let_go(&run);
}

static void half_a_step_is_written_as_it_is(void)
{
	begin();
	struct run run = start_courier(url(), "20s", NULL);
	push_point(&run, 1700000000, YG_POINT_SECOND, YG_ORG_NONE, 5); // the engine dies here
	push_point(&run, 1700000009, YG_POINT_SECOND, 77, 5);          // no such body
	push_point(&run, 1700000009, 7, YG_POINT_SENSOR, 5);           // no such step
	push_seconds(&run, 10, 1);
	CHECK(reaches(&run, YG_CC_REDIS_METRICS, 2));
	check_point("metrics", "{\"timestamp\":\"2023-11-15T07:13:20.000000+0900\",\"event_type\":\"metrics\",\"step\":1,\"host\":\"test\","
	            "\"orgs\":{},\"unassigned\":[5,5,5,5,5,5]}");
	CHECK(counter(&run, YG_CC_POINTS_READ) == 5 && counter(&run, YG_CC_POINTS_INVALID) == 2);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	let_go(&run);
}

static void tell_board(struct run *run, const char *text, size_t length, uint64_t sequence)
{
	yg_counter_set(&run->board->sequence, sequence - 1);
	memcpy(run->board->text, text, length);
	yg_counter_set(&run->board->length, length);
	atomic_thread_fence(memory_order_seq_cst);
	yg_counter_set(&run->board->sequence, sequence);
}

static long long ask_number(const char *command)
{
	redisContext *c = ask_redis(NULL);
	redisReply *r = c ? redisCommand(c, command) : NULL;
	long long n = r && r->type == REDIS_REPLY_INTEGER ? r->integer : -1;
	freeReplyObject(r);
	if (c)
		redisFree(c);
	return n;
}

static bool hash_has(const char *field, const char *value)
{
	redisContext *c = ask_redis(NULL);
	redisReply *r = c ? redisCommand(c, "HGET yagura:test:health %s", field) : NULL;
	bool same = r && r->type == REDIS_REPLY_STRING && strcmp(r->str, value) == 0;
	freeReplyObject(r);
	if (c)
		redisFree(c);
	return same;
}

static void health_is_there_while_it_is_told(void)
{
	static const char first[] = "state\0ready\0engine.pid\0004711", evil[] = "state\0ready\0two words\0x", torn[] = "state\0torn";
	begin();
	struct run run = start_courier(url(), "20s", NULL);
	tell_board(&run, evil, sizeof evil, 2); // a name that is none: not told
	CHECK(reaches(&run, YG_CC_REDIS_CONNECTS, 1));
	pause_ms(300);
	CHECK(ask_number("EXISTS yagura:test:health") == 0);
	tell_board(&run, first, sizeof first, 4);
	CHECK(reaches(&run, YG_CC_REDIS_HEALTH, 1));
	CHECK(hash_has("state", "ready") && hash_has("engine.pid", "4711"));
	long long ttl = ask_number("TTL yagura:test:health");
	CHECK(ttl >= 13 && ttl <= 15);
	tell_board(&run, torn, sizeof torn, 7); // is being written: odd
	CHECK(reaches(&run, YG_CC_REDIS_HEALTH, 1) && hash_has("state", "ready"));
	CHECK(end_courier(&run) == YG_EXIT_OK);
	let_go(&run);
}

static const char well[] = "state\0ok";

static void health_never_outlives_the_sensor(void)
{
	char poor[160];
	begin();
	tell_redis("ACL SETUSER poor on >secret ~* -@all +auth +ping +multi +exec +xadd +xinfo +hset");
	snprintf(poor, sizeof poor, "unix://poor:secret@%s", socket_path);
	struct run run = start_courier(poor, "20s", NULL);
	tell_board(&run, well, sizeof well, 2);
	push_alerts(&run, 1, 1);
	CHECK(has("alerts", 1, 10));
	pause_ms(300);
	CHECK(ask_number("EXISTS yagura:test:health") == 0 && counter(&run, YG_CC_REDIS_HEALTH) == 0);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	let_go(&run);
	run = start_courier(url(), "20s", NULL);
	tell_board(&run, well, sizeof well, 2);
	CHECK(reaches(&run, YG_CC_REDIS_HEALTH, 1));
	if (long_form()) {
		pause_ms(27000);
		CHECK(ask_number("EXISTS yagura:test:health") == 0);
	}
	CHECK(end_courier(&run) == YG_EXIT_OK);
	let_go(&run);
}

static void health_is_there_without_replicas(void)
{
	begin();
	more_options[5][0] = "redis.replicas", more_options[5][1] = "1", more_options[6][0] = NULL;
	struct run run = start_courier(url(), "1s", NULL);
	push_alerts(&run, 1, 1);
	CHECK(reaches(&run, YG_CC_REDIS_UNREPLICATED, 1));
	tell_board(&run, well, sizeof well, 2);
	CHECK(reaches(&run, YG_CC_REDIS_HEALTH, 1) && hash_has("state", "ok"));
	uint64_t asked = counter(&run, YG_CC_REDIS_UNREPLICATED);
	CHECK(reaches(&run, YG_CC_REDIS_UNREPLICATED, asked + 1) && counter(&run, YG_CC_ALERTS_PENDING) == 1); // and they are still waited for
	end_courier(&run);
	let_go(&run);
}

static void alerts_overtake_flow_records(void)
{
	unsigned waiting = getenv("YAGURA_LONG") ? WAITING_LONG : WAITING;
	begin();
	struct run run = start_courier(url(), "60s", NULL);
	push_alerts(&run, 1, 1);
	CHECK(has("alerts", 1, 10));
	stop_redis(SIGTERM);
	double began = now_s();
	for (unsigned i = 1; i <= waiting; i += 5000)
		push_flows_from(&run, i, 5000);
	for (int i = 0; i < 1000 && counter(&run, YG_CC_FLOWS_READ) < waiting; i++)
		pause_ms(10);
	double into = now_s() - began;
	CHECK(counter(&run, YG_CC_FLOWS_READ) == waiting && counter(&run, YG_CC_SPOOL_FLOWS_SHED) == 0);
	start_redis(NULL);
	redisContext *c = ask_redis(NULL);
	CHECK(c);
	while (counter(&run, YG_CC_REDIS_FLOWS) < 1000)
		pause_ms(1);
	double first = now_s(), worst = 0;
	unsigned asked = 0;
	for (; asked < 20 && counter(&run, YG_CC_REDIS_FLOWS) < waiting * 9 / 10; asked++) {
		double raised = now_s();
		push_alerts(&run, 2 + asked, 1);
		redisReply *r = NULL;
		do {
			freeReplyObject(r);
			r = redisCommand(c, "XLEN yagura:test:alerts");
		} while (r && r->integer < 2 + asked && now_s() < raised + 5);
		freeReplyObject(r);
		worst = now_s() - raised > worst ? now_s() - raised : worst;
		pause_ms(20);
	}
	CHECK(asked >= 3 && worst < 1);
	redisFree(c);
	CHECK(has("flows", waiting, 60));
	printf("# %u flow records into the spool at %.0f a second, out of it at %.0f a second; meanwhile %u alerts, each in Redis within "
	       "%.0f ms\n", waiting, waiting / into, waiting / (now_s() - first), asked, 1e3 * worst);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	check_all("flows", see_stream("test", "flows", mark_of_flow), waiting);
	check_all("alerts", see_stream("test", "alerts", mark_of_alert), 1 + asked);
	let_go(&run);
}

static void what_is_refused_below_holds_nothing_above(void)
{
	begin();
	tell_redis("SET yagura:test:flows occupied");
	struct run run = start_courier(url(), "1s", NULL);
	push_flows(&run, 10);
	push_alerts(&run, 1, 100);
	push_seconds(&run, 1, 5);
	CHECK(has("alerts", 100, 10) && has("metrics", 5, 10));
	CHECK(counter(&run, YG_CC_REDIS_STATE) == YG_REDIS_READY && counter(&run, YG_CC_REDIS_CONNECTS) == 1);
	tell_redis("DEL yagura:test:flows");
	kill(run.pid, SIGKILL); // rather than wait half a minute for the next attempt
	CHECK(wait_courier(&run) == 1000 + SIGKILL);
	spawn_courier(&run);
	CHECK(has("flows", 10, 10));
	CHECK(end_courier(&run) == YG_EXIT_OK);
	check_all("alerts", see_stream("test", "alerts", mark_of_alert), 100);
	let_go(&run);
}

static void what_is_refused_for_ever_gives_way(void)
{
	enum { COUNT = 7000 };
	begin();
	use_spool(0, "4MiB");
	more_options[5][0] = "spool.retention", more_options[5][1] = "0s", more_options[6][0] = NULL;
	tell_redis("SET yagura:test:metrics occupied");
	struct run run = start_courier(url(), "1s", NULL);
	push_seconds(&run, 1, 3);
	for (unsigned i = 0; i < COUNT; i += 250) {
		push_alerts(&run, i + 1, 250);
		CHECK(has("alerts", i + 250, 10));
	}
	CHECK(counter(&run, YG_CC_SPOOL_SHED) == 0 && counter(&run, YG_CC_SPOOL_METRICS_SHED) == 3);
	end_courier(&run);
	check_all("alerts", see_stream("test", "alerts", mark_of_alert), COUNT);
	let_go(&run);
}

static void a_lane_of_three_streams_goes_on(void)
{
	begin();
	struct run run = start_courier(url(), "20s", NULL);
	push_point(&run, 1700000040, YG_POINT_MINUTE, YG_POINT_SENSOR, 1);
	push_seconds(&run, 1, 5);
	CHECK(reaches(&run, YG_CC_REDIS_METRICS, 6));
	stop_redis(SIGKILL);
	start_redis(NULL); // without a stream of hours
	push_seconds(&run, 6, 5);
	CHECK(end_courier(&run) == YG_EXIT_OK && counter(&run, YG_CC_REDIS_METRICS) == 11 && counter(&run, YG_CC_REDIS_ERRORS) <= 3);
	check_all("metrics", see_stream("test", "metrics", mark_of_metric), 10);
	let_go(&run);
}

static void a_full_spool_refuses_flow_records_first(void)
{
	enum { COUNT = 20000 };
	begin();
	use_spool(0, "4MiB");
	more_options[5][0] = "spool.retention", more_options[5][1] = "0s";
	more_options[6][0] = NULL;
	stop_redis(SIGTERM);
	struct run run = start_courier(url(), "20s", NULL);
	push_flows(&run, COUNT);
	push_alerts(&run, 1, 20);
	CHECK(reaches(&run, YG_CC_ALERTS_READ, 20));
	for (int i = 0; i < 500 && counter(&run, YG_CC_FLOWS_READ) < COUNT; i++)
		pause_ms(10);
	pause_ms(100);
	CHECK(yg_ring_has_room(&run.flows, YG_FLOW_SLOTS)); // the engine is not held up
	uint64_t shed = counter(&run, YG_CC_SPOOL_FLOWS_SHED);
	CHECK(shed > 0 && shed < COUNT && counter(&run, YG_CC_SPOOL_SHED) == 0);
	start_redis(NULL);
	CHECK(has("alerts", 20, 10) && has("flows", (long long)(COUNT - shed), 20));
	CHECK(reaches(&run, YG_CC_SPOOL_GAPS, 1)); // within a second
	CHECK(end_courier(&run) == YG_EXIT_OK);
	struct seen s = see_stream("test", "flows", mark_of_flow);
	CHECK(s.entries == COUNT - shed && !s.repeated && !s.unordered && s.missing + (COUNT - s.last) == shed);
	let_go(&run);
}

static void flow_records_need_a_log(void)
{
	begin();
	more_options[0][1] = "";
	struct run run = start_courier(url(), "1s", NULL);
	CHECK(wait_courier(&run) == 73);
	let_go(&run);
}

static void a_stream_that_forgot_is_mended(void)
{
	begin();
	struct run run = start_courier(url(), "20s", NULL);
	push_flows(&run, 2000);
	push_alerts(&run, 1, 100);
	CHECK(has("flows", 2000, 10) && has("alerts", 100, 10));
	tell_redis("DEL yagura:test:flows");
	stop_redis(SIGTERM);
	start_redis(NULL);
	push_flows_from(&run, 2001, 1);
	CHECK(has("flows", 2001, 10));
	CHECK(end_courier(&run) == YG_EXIT_OK);
	check_all("flows", see_stream("test", "flows", mark_of_flow), 2001);
	check_all("alerts", see_stream("test", "alerts", mark_of_alert), 100);
	CHECK(counter(&run, YG_CC_REDIS_RESENT) == 2000 && counter(&run, YG_CC_REDIS_LOST) == 0);
	let_go(&run);
}

// ---- kills ----

struct sensor {
	struct run run;
	unsigned alerts, flows, seconds; // pushed
};

static void push_some(struct sensor *sensor)
{
	unsigned alerts = 1 + draw(20), flows = 1 + draw(200);
	push_alerts(&sensor->run, sensor->alerts + 1, alerts);
	push_flows_from(&sensor->run, sensor->flows + 1, flows);
	push_seconds(&sensor->run, sensor->seconds + 1, 1);
	sensor->alerts += alerts;
	sensor->flows += flows;
	sensor->seconds++;
}

static bool all_there(const char *sensor, const char *lane, unsigned count)
{
	redisContext *c = ask_redis(NULL);
	long long n = -1;
	for (int i = 0; c && i < 2000 && n < count; i++) {
		redisReply *r = redisCommand(c, "XLEN yagura:%s:%s", sensor, lane);
		n = r && r->type == REDIS_REPLY_INTEGER ? r->integer : -1;
		freeReplyObject(r);
		pause_ms(n < count ? 10 : 0);
	}
	if (c)
		redisFree(c);
	return n == count;
}

static unsigned flows_in_file(const char *path)
{
	static char line[64 * 1024];
	struct seen s = {0};
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (strstr(line, "\"event_type\":\"flow\""))
			see(&s, number_of(line, mark_of_flow));
	if (f)
		fclose(f);
	CHECK(!s.repeated && !s.unordered && !s.missing);
	return s.entries;
}

static void round_of_kills(void)
{
	struct sensor sensor[SENSORS] = {0};
	int before = failures;
	tell_redis("FLUSHALL");
	for (int i = 0; i < SENSORS; i++) {
		use_spool(i, "2GiB");
		more_options[5][0] = "redis.maxlen", more_options[5][1] = "10000000";
		more_options[6][0] = NULL;
		sensor[i].run = start_courier(url(), "60s", file_path[i]);
	}
	for (unsigned k = 0; k < KILLS; k++) {
		for (double until = now_s() + 0.05 + draw(250) / 1000.0; now_s() < until; pause_ms(1))
			for (int i = 0; i < SENSORS; i++)
				push_some(&sensor[i]);
		if (k % 3 == 2) {
			stop_redis(SIGKILL);
			start_redis(NULL);
		} else {
			struct run *run = &sensor[k % 3].run;
			kill(run->pid, SIGKILL);
			CHECK(wait_courier(run) == 1000 + SIGKILL);
			spawn_courier(run);
		}
	}
	for (int i = 0; i < SENSORS; i++) {
		struct sensor *s = &sensor[i];
		CHECK(all_there(sensors[i], "alerts", s->alerts) && all_there(sensors[i], "flows", s->flows));
		CHECK(all_there(sensors[i], "metrics", s->seconds));
		CHECK(counter(&s->run, YG_CC_SPOOL_FLOWS_SHED) == 0);
		CHECK(end_courier(&s->run) == YG_EXIT_OK);
		check_all("alerts", see_stream(sensors[i], "alerts", mark_of_alert), s->alerts);
		check_all("flows", see_stream(sensors[i], "flows", mark_of_flow), s->flows);
		check_all("metrics", see_stream(sensors[i], "metrics", mark_of_metric), s->seconds);
		CHECK(flows_in_file(file_path[i]) == s->flows);
		printf("# %s: %u kills (couriers and redis-server) under %u alerts, %u flow records, %u seconds of metrics: %s\n", sensors[i], KILLS,
		       s->alerts, s->flows, s->seconds, failures == before ? "lost 0, repeated 0, in order" : "NOT so, see above");
		let_go(&s->run);
	}
}

// In rounds, so that the server that is killed does not read gigabytes each time it comes back.
static void kills_lose_nothing_in_any_lane(void)
{
	for (unsigned i = 0; i < (getenv("YAGURA_LONG") ? ROUNDS_LONG : 1); i++)
		round_of_kills();
}

// A courier is killed with a batch out, the next one asks for the last id and sends all of it; then an entry of the first one arrives, out
// of a tunnel that had held it back. CLIENT PAUSE keeps writes waiting while questions are answered.
static void what_a_dead_courier_had_sent_counts(void)
{
	begin();
	struct run run = start_courier(url(), "20s", NULL);
	push_alerts(&run, 1, 10);
	CHECK(has("alerts", 10, 10) && reaches(&run, YG_CC_REDIS_DELIVERED, 10));
	redisContext *c = ask_redis(NULL);
	redisReply *r = redisCommand(c, "XREVRANGE yagura:test:alerts + - COUNT 1");
	unsigned long long last = strtoull(r->element[0]->element[0]->str + 2, NULL, 10); // 1-<LSN>
	freeReplyObject(r);
	freeReplyObject(redisCommand(c, "CLIENT PAUSE 5000 WRITE"));
	push_alerts(&run, 11, 10);
	CHECK(reaches(&run, YG_CC_REDIS_SENT, 20));
	kill(run.pid, SIGKILL);
	CHECK(wait_courier(&run) == 1000 + SIGKILL);
	spawn_courier(&run);
	CHECK(reaches(&run, YG_CC_REDIS_SENT, 30));
	redisAppendCommand(c, "CLIENT UNPAUSE"); // in one go: who has waited comes behind it
	redisAppendCommand(c, "XADD yagura:test:alerts 1-%llu eve %s", last + 1, "\"test 11\"");
	for (int i = 0; i < 2; i++) {
		CHECK(redisGetReply(c, (void **)&r) == REDIS_OK && r->type != REDIS_REPLY_ERROR);
		freeReplyObject(r);
	}
	redisFree(c);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	struct seen alerts = see_stream("test", "alerts", mark_of_alert);
	check_all("alerts", alerts, 20);
	CHECK(alerts.generations == 1 && counter(&run, YG_CC_REDIS_DUPLICATES) == 10);
	let_go(&run);
}

static void clean_up(void)
{
	stop_redis(SIGKILL);
	remove_folder(folder);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{"each_lane_has_its_stream", each_lane_has_its_stream},
		{"half_a_step_is_written_as_it_is", half_a_step_is_written_as_it_is},
		{"health_is_there_while_it_is_told", health_is_there_while_it_is_told},
		{"health_never_outlives_the_sensor", health_never_outlives_the_sensor},
		{"health_is_there_without_replicas", health_is_there_without_replicas},
		{"alerts_overtake_flow_records", alerts_overtake_flow_records},
		{"what_is_refused_below_holds_nothing_above", what_is_refused_below_holds_nothing_above},
		{"what_is_refused_for_ever_gives_way", what_is_refused_for_ever_gives_way},
		{"a_lane_of_three_streams_goes_on", a_lane_of_three_streams_goes_on},
		{"a_full_spool_refuses_flow_records_first", a_full_spool_refuses_flow_records_first},
		{"flow_records_need_a_log", flow_records_need_a_log},
		{"a_stream_that_forgot_is_mended", a_stream_that_forgot_is_mended},
		{"what_a_dead_courier_had_sent_counts", what_a_dead_courier_had_sent_counts},
		{"kills_lose_nothing_in_any_lane", kills_lose_nothing_in_any_lane},
	};
	if (argc < 2) {
		fprintf(stderr, "usage: redis_lanes COURIER [TEST]\n");
		return 2;
	}
	courier_path = argv[1];
	snprintf(folder, sizeof folder, "/tmp/yagura-lanes-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	snprintf(socket_path, sizeof socket_path, "%s/redis", folder);
	for (int i = 0; i < SENSORS; i++) {
		snprintf(spool_path[i], sizeof spool_path[i], "%s/spool-%s", folder, sensors[i]);
		snprintf(file_path[i], sizeof other_path, "%s/%s.json", folder, sensors[i]);
	}
	start_redis(NULL);
	redisContext *c = ask_redis(NULL);
	if (!c) {
		printf("skipped: redis-server does not start\n");
		redis_pid = 0;
		clean_up();
		return SKIPPED;
	}
	redisFree(c);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		int before = failures;
		if (argc > 2 && strcmp(argv[2], tests[i].name) != 0)
			continue;
		test_name = tests[i].name;
		tests[i].run();
		printf("%s %s\n", failures == before ? "ok" : "NOT ok", tests[i].name);
		fflush(stdout);
	}
	clean_up();
	return failures ? 1 : 0;
}

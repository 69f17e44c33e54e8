// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Traffic and health over a real redis-server, with lines as docs/redis.md has them, against sums that the test makes itself; hostile
// lines; every limit filled. The parts below it are the real ones, without HTTP.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bodies.h"
#include "heavy.h"
#include "loop.h"
#include "measure_parts.h"
#include "redis.h"
#include "summary.h"

enum { WAIT_MS = 12000, BODIES = 3, STEPS = 20 };

static char folder[] = "/tmp/yagura-measure-XXXXXX", url[96];
static pid_t redis_pid;
static redisContext *writer;
static struct web_server server;
static bool (*until)(void);
static int64_t until_ms;

// ---- the rig ----

static void look(void *context)
{
	(void)context;
	if (!until || until() || web_now_ms() > until_ms)
		web_loop_stop(server.loop);
}

static bool wait_for(bool (*what)(void))
{
	until = what;
	until_ms = web_now_ms() + WAIT_MS;
	web_loop_run(server.loop, NULL, NULL);
	return what();
}

static void begin_redis(void)
{
	char socket[64];
	assert_non_null(mkdtemp(folder));
	snprintf(socket, sizeof socket, "%s/r.sock", folder);
	snprintf(url, sizeof url, "unix://%s", socket);
	redis_pid = fork();
	if (redis_pid == 0) {
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder, "--logfile",
		       "redis.log", (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 200 && !(writer && !writer->err); i++) {
		if (writer)
			redisFree(writer);
		usleep(50000);
		writer = redisConnectUnix(socket);
	}
}

static int begin(void **state)
{
	(void)state;
	begin_redis();
	if (!writer || writer->err)
		return -1;
	server.loop = web_loop_create();
	server.redis = web_redis_create(server.loop, url);
	server.bodies = web_bodies_load(YG_SOURCE_ROOT "/configs/demo.yaml");
	server.timezone = "Asia/Tokyo";
	web_loop_every(server.loop, 10, look, NULL);
	return server.redis && server.bodies ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	char command[96];
	web_bodies_free(server.bodies);
	web_redis_destroy(server.redis);
	web_loop_destroy(server.loop);
	redisFree(writer);
	kill(redis_pid, SIGTERM);
	waitpid(redis_pid, NULL, 0);
	static const char *const left[] = {"r.sock", "redis.log"};
	for (unsigned i = 0; i < 2; i++) {
		snprintf(command, sizeof command, "%s/%s", folder, left[i]);
		unlink(command);
	}
	return rmdir(folder);
}

static void say(int argc, const char **argv)
{
	redisReply *reply = redisCommandArgv(writer, argc, argv, NULL);
	assert_non_null(reply);
	assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
	freeReplyObject(reply);
}

static void add_entry(const char *sensor, const char *stream, const char *line)
{
	char key[96];
	snprintf(key, sizeof key, "yagura:%s:%s", sensor, stream);
	say(5, (const char *[]){"XADD", key, "*", "eve", line});
}

static char *stamp(int64_t s, char to[40])
{
	time_t clock = (time_t)(s + 9 * 3600);
	struct tm tm;
	gmtime_r(&clock, &tm);
	strftime(to, 40, "%Y-%m-%dT%H:%M:%S.000000+0900", &tm);
	return to;
}

static struct web_view view_of(const char *code)
{
	static struct web_user user;
	struct web_view view;
	user = (struct web_user){.role = code ? WEB_ORG_VIEWER : WEB_VIEWER, .scope.all = !code};
	uint16_t at = code ? web_body_find(server.bodies, code) : WEB_BODY_NONE;
	if (code)
		user.scope.body[at / 64] |= UINT64_C(1) << at % 64;
	assert_true(web_access_view(&user, WEB_MAY_VIEW, false, &view));
	return view;
}

// ---- numbers equal to a reference ----

static const char *const codes[BODIES] = {"kirihara", "sasaura", "shiomi"};
static uint64_t reference[STEPS][BODIES + 1][WEB_TRAFFIC_VALUES]; // the last one: all
static uint64_t expected_lines;

static bool lines_are_in(void)
{
	return server.measure->counters.lines >= expected_lines && server.measure->sensors_count > 0;
}

static void write_steps(const char *sensor, const char *stream, int64_t step_s, int64_t first_s, unsigned seed)
{
	for (unsigned i = 0; i < STEPS; i++) {
		char line[2048], at[40], orgs[1024] = "";
		uint64_t all[WEB_TRAFFIC_VALUES] = {0};
		for (unsigned b = 0; b < BODIES; b++) {
			uint64_t v[6];
			if ((i + b + seed) % 5 == 0) // no packet: it is left out
				continue;
			for (unsigned k = 0; k < 6; k++)
				all[k] += v[k] = (seed * 7919 + i * 104729 + b * 1299709 + k * 15485863) % 1000003 * (k == 2 || k == 3 ? 4099 : 1) %
						 (k == 5 ? 5 : UINT64_MAX);
			size_t n = strlen(orgs);
			snprintf(orgs + n, sizeof orgs - n, "%s\"%s\":[%lu,%lu,%lu,%lu,%lu,%lu]", n ? "," : "", codes[b], v[0], v[1], v[2], v[3], v[4], v[5]);
			for (unsigned k = 0; k < 6; k++)
				reference[i][b][k] += v[k];
		}
		all[6] = i;
		for (unsigned k = 0; k < 7; k++)
			reference[i][BODIES][k] += all[k];
		snprintf(line, sizeof line, "{\"timestamp\":\"%s\",\"event_type\":\"metrics\",\"step\":%ld,\"host\":\"%s\","
			 "\"sensor\":{\"packets_in\":%lu,"
			 "\"packets_out\":%lu,\"bytes_in\":%lu,\"bytes_out\":%lu,\"flows\":%lu,\"alerts\":%lu,\"lost\":%lu},\"orgs\":{%s},"
			 "\"unassigned\":[0,0,0,0,0,0]}", stamp(first_s + i * step_s, at), (long)step_s, sensor, all[0], all[1], all[2], all[3], all[4], all[5],
			 all[6], orgs);
		add_entry(sensor, stream, line);
		if (i == 3)
			add_entry(sensor, stream, line); // delivered again after a lost answer: under another id
	}
}

static void compare(int64_t step_s, int64_t first_s, bool whole)
{
	struct web_view all = view_of(NULL), town = view_of("kirihara");
	for (unsigned i = 0; i < STEPS; i++) {
		struct web_values v;
		struct web_whose whose = {.measure = server.measure, .view = &all, .body = WEB_BODY_NONE};
		assert_true(web_whose_at(&whose, step_s, first_s / step_s + i, &v));
		assert_memory_equal(v.v, reference[i][BODIES], sizeof v.v);
		for (unsigned b = 0; whole && b < BODIES; b++) {
			whose.body = web_body_find(server.bodies, codes[b]);
			assert_true(web_whose_at(&whose, step_s, first_s / step_s + i, &v));
			assert_memory_equal(v.v, reference[i][b], 6 * sizeof *v.v);
		}
		whose.view = &town;
		whose.body = WEB_BODY_NONE;
		if (whole) // a town's viewer gets the town's
			assert_true(web_whose_at(&whose, step_s, first_s / step_s + i, &v) && v.v[WEB_BYTES_IN] == reference[i][0][WEB_BYTES_IN]);
	}
	struct web_values v;
	struct web_whose whose = {.measure = server.measure, .view = &all, .body = WEB_BODY_NONE};
	assert_false(web_whose_at(&whose, step_s, first_s / step_s + STEPS, &v)); // not told: unknown, and not nothing
}

static int make(void **state)
{
	(void)state;
	say(1, (const char *[]){"FLUSHALL"});
	memset(reference, 0, sizeof reference);
	expected_lines = 0;
	server.measure = web_measure_create(&server);
	return server.measure ? 0 : -1;
}

// A part's timers end with the loop: so both are new for each test.
static int unmake(void **state)
{
	(void)state;
	web_redis_destroy(server.redis);
	web_measure_destroy(server.measure);
	server.measure = NULL;
	web_loop_destroy(server.loop);
	server.loop = web_loop_create();
	server.redis = web_redis_create(server.loop, url);
	web_loop_every(server.loop, 10, look, NULL);
	return 0;
}

static void numbers_are_those_of_the_lines(void **state)
{
	(void)state;
	static const struct { const char *stream; int64_t step_s; } feeds[] = {{"metrics:1m", 60}, {"metrics:1h", 3600}, {"metrics", 1}};
	int64_t now_s = time(NULL);
	for (unsigned f = 0; f < 3; f++) {
		int64_t first_s = (now_s / feeds[f].step_s - STEPS) * feeds[f].step_s;
		memset(reference, 0, sizeof reference);
		for (unsigned s = 0; s < 2; s++) {
			const char *sensor = s ? "egress-2" : "egress-1";
			say(5, (const char *[]){"XADD", s ? "yagura:egress-2:alerts" : "yagura:egress-1:alerts", "*", "x", "y"});
			write_steps(sensor, feeds[f].stream, feeds[f].step_s, first_s, s);
		}
		expected_lines += 2 * STEPS;
		assert_true(wait_for(lines_are_in));
		assert_int_equal(server.measure->counters.lines, expected_lines);
		assert_int_equal(server.measure->counters.lines_again, 2 * (f + 1));
		compare(feeds[f].step_s, first_s, feeds[f].step_s > 1);
	}
	struct web_view all = view_of(NULL);
	json_t *now = web_measure_now(server.measure, &all);
	assert_true(json_is_integer(json_object_get(now, "in")));
	json_decref(now);
}

static void hostile_lines_change_nothing(void **state)
{
	(void)state;
	char at[40], ahead[40], odd[40];
	int64_t minute = time(NULL) / 60 * 60 - 60;
	stamp(minute, at), stamp(minute + 7200, ahead), stamp(minute + 1, odd);
	static const char *const bad[] = {
		"", "null", "[]", "{", "{}", "\xff\xfe", "{\"timestamp\":1}", "{\"timestamp\":\"%s\",\"event_type\":\"alert\",\"step\":60}",
		"{\"timestamp\":\"%s\",\"event_type\":\"metrics\",\"step\":1}",
		"{\"timestamp\":\"%s\",\"event_type\":\"metrics\",\"step\":60,\"sensor\":{\"bytes_in\":-1}}",
		"{\"timestamp\":\"%s\",\"event_type\":\"metrics\",\"step\":60,\"sensor\":{\"bytes_in\":\"9\"}}",
		"{\"timestamp\":\"%s\",\"event_type\":\"metrics\",\"step\":60,\"sensor\":{\"bytes_in\":1e300}}",
		"{\"timestamp\":\"%s\",\"event_type\":\"metrics\",\"step\":60,\"orgs\":{\"kirihara\":[1,2,3,-4,5,6]}}",
		"{\"timestamp\":\"%s\",\"event_type\":\"metrics\",\"step\":60,\"orgs\":{\"kirihara\":{\"a\":[1]}}}",
		"{\"timestamp\":\"%s\",\"event_type\":\"metrics\",\"step\":60,\"orgs\":{\"a-code-that-is-too-long\":[1,2,3,4,5,6]}}",
		"{\"timestamp\":\"%s\",\"event_type\":\"metrics\",\"step\":60,\"orgs\":{\"kirihara\":[1,2,3,4,5,6]}", // torn
	};
	struct web_sensor sensor = {.measure = server.measure};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		char line[512];
		const char *hole = strstr(bad[i], "%s");
		snprintf(line, sizeof line, "%.*s%s%s", hole ? (int)(hole - bad[i]) : (int)strlen(bad[i]), bad[i], hole ? at : "", hole ? hole + 2 : "");
		assert_false(web_metrics_take(&sensor, 60, line, strlen(line), time(NULL)));
		assert_int_equal(server.measure->counters.lines_bad, i + 1);
	}
	assert_null(sensor.rings.minutes.slot);
	for (unsigned b = 0; b < WEB_BODIES; b++)
		assert_null(server.measure->body[b]);
	static const char plain[] = "{\"timestamp\":\"%s\",\"event_type\":\"metrics\",\"step\":60,\"sensor\":{\"bytes_in\":%d}}";
	char line[256];
#define TAKE(when, n) (snprintf(line, sizeof line, plain, when, n), web_metrics_take(&sensor, 60, line, strlen(line), time(NULL)))
	assert_false(TAKE(ahead, 1));
	assert_int_equal(server.measure->counters.lines_ahead, 1);
	assert_false(TAKE(odd, 1)); // no minute begins there
	for (int i = 0; i < WEB_STEP_LINES; i++)
		assert_true(TAKE(at, i));
	assert_false(TAKE(at, WEB_STEP_LINES));
	assert_int_equal(server.measure->counters.lines_full, 1);
	assert_int_equal(web_ring_at(&sensor.rings.minutes, minute / 60)->v[WEB_BYTES_IN], 0 + 1 + 2 + 3 + 4);
	assert_false(TAKE(stamp(minute - 86400 * 2, odd), 1));
	assert_int_equal(server.measure->counters.lines_old, 1);
	web_sensor_rings_finish(&sensor.rings);
}

// ---- health ----

static struct web_sensor *one(void)
{
	return server.measure->sensors_count ? server.measure->sensor[0] : NULL;
}

static enum web_sensor_state wanted;
static bool is_wanted(void)
{
	return one() && one()->asked && one()->state == wanted;
}

static bool has_reason(const char *code)
{
	bool found = false;
	size_t i;
	json_t *strips = web_measure_strips(server.measure), *reason;
	json_array_foreach(json_object_get(json_array_get(strips, 0), "reasons"), i, reason) {
		assert_true(*json_string_value(json_object_get(reason, "ja")) && *json_string_value(json_object_get(reason, "en")));
		found = found || strcmp(json_string_value(json_object_get(reason, "code")), code) == 0;
	}
	json_decref(strips);
	return found;
}

static void tell(const char *state_word, const char *why, int64_t clock_s)
{
	char clock[24];
	snprintf(clock, sizeof clock, "%lld", (long long)clock_s);
	say(10, (const char *[]){"HSET", "yagura:egress-1:health", "state", state_word, "why", why, "time", clock, "silent_s", "0"});
}

static void judged(const char *state_word, const char *why, int64_t clock_s, enum web_sensor_state state, const char *reason)
{
	tell(state_word, why, clock_s);
	if (one())
		one()->asked = false; // asks at the next turn
	wanted = state;
	assert_true(wait_for(is_wanted));
	assert_true(!reason || has_reason(reason));
	assert_int_equal(web_measure_blind(server.measure), state >= WEB_SENSOR_BLIND);
}

static void never_green_when_blind(void **state)
{
	(void)state;
	assert_true(web_measure_blind(server.measure)); // no sensor at all
	int64_t now_s = time(NULL);
	judged("ok", "", now_s, WEB_SENSOR_SOUND, NULL);
	judged("degraded", "loss spool", now_s + 1, WEB_SENSOR_DEGRADED, "loss");
	assert_true(has_reason("spool"));
	judged("degraded", "something_new", now_s + 2, WEB_SENSOR_DEGRADED, "other");
	judged("blind", "silent", now_s + 3, WEB_SENSOR_BLIND, "silent");
	judged("ok", "silent", now_s + 4, WEB_SENSOR_BLIND, "silent"); // whatever the word says
	judged("<script>", "", now_s + 5, WEB_SENSOR_DEGRADED, "other");
	judged("ok", "", now_s + 600, WEB_SENSOR_DEGRADED, "clock_off");
	judged("ok", "", now_s + 6, WEB_SENSOR_SOUND, NULL);
	one()->clock_ms -= 60000; // a minute in which its clock did not move
	judged("ok", "", now_s + 6, WEB_SENSOR_BLIND, "clock_stands");
	judged("ok", "", now_s + 7, WEB_SENSOR_SOUND, NULL);
	say(2, (const char *[]){"DEL", "yagura:egress-1:health"});
	one()->asked = false;
	wanted = WEB_SENSOR_AWAY;
	assert_true(wait_for(is_wanted));
	assert_true(has_reason("no_health"));
}

static void a_health_that_was_old_at_the_start_is_blind(void **state)
{
	(void)state;
	judged("ok", "", time(NULL) - 3600, WEB_SENSOR_BLIND, "clock_stands");
}

static bool sensors_are_full(void)
{
	return server.measure->counters.sensors_full > 0;
}

static void sensors_are_bounded(void **state)
{
	(void)state;
	static const char *const odd[] = {"yagura:web:alerts", "yagura::alerts", "yagura:a:b:alerts",
					  "yagura:\xff:alerts", "yagura:\xe2\x80\xae:alerts"};
	for (unsigned i = 0; i < sizeof odd / sizeof *odd; i++)
		say(3, (const char *[]){"SET", odd[i], "1"});
	for (unsigned i = 0; i < WEB_SENSORS + 3; i++) {
		char key[64];
		snprintf(key, sizeof key, "yagura:s%u:health", i);
		say(4, (const char *[]){"HSET", key, "state", "ok"});
	}
	assert_true(wait_for(sensors_are_full));
	assert_int_equal(server.measure->sensors_count, WEB_SENSORS);
	for (uint32_t i = 0; i < WEB_SENSORS; i++)
		assert_int_equal(server.measure->sensor[i]->name[0], 's');
}

// ---- flows ----

static void flow_line(char *to, size_t size, int64_t end_s, const char *app, const char *from, const char *to_org, uint64_t up,
		      uint64_t down, const char *end_word)
{
	char at[40];
	snprintf(to, size, "{\"timestamp\":\"%s\",\"event_type\":\"flow\",\"src_ip\":\"203.0.113.70\",\"dest_ip\":\"8.8.8.8\","
		 "\"flow\":{\"pkts_toserver\":1,"
		 "\"pkts_toclient\":2,\"bytes_toserver\":%lu,\"bytes_toclient\":%lu,\"end\":\"%s\"},\"ndpi\":{\"proto\":\"%s\","
		 "\"org\":{\"src\":\"%s\",\"dest\":\"%s\"},"
		 "\"end\":\"%s\"}}", stamp(end_s, at), up, down, at, app, from, to_org, end_word);
}

static int64_t number_in(const json_t *rows, const char *name, const char *field)
{
	size_t i;
	json_t *row;
	json_array_foreach(rows, i, row)
		if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0)
			return json_integer_value(json_object_get(row, field));
	return -1;
}

static void flows_add_up_within_the_view(void **state)
{
	(void)state;
	struct web_flow_sums *sums = server.measure->flows;
	int64_t now_s = time(NULL), end_s, from_s;
	uint64_t records, error;
	char line[1024];
#define FLOW(...) (flow_line(line, sizeof line, __VA_ARGS__), web_flow_sums_take(sums, line, strlen(line), now_s, 0, &end_s))
	assert_int_equal(FLOW(now_s - 5, "TLS", "kirihara", "", 100, 900, "closed"), WEB_FLOW_COUNTED);
	assert_int_equal(FLOW(now_s - 5, "TLS", "kirihara", "", 1, 9, "none"), WEB_FLOW_UPDATE);
	assert_int_equal(FLOW(now_s - 9, "DNS", "", "shiomi", 50, 70, "idle"), WEB_FLOW_COUNTED);
	assert_int_equal(FLOW(now_s - 9, "SSH", "kirihara", "shiomi", 10, 20, "idle"), WEB_FLOW_COUNTED);
	assert_int_equal(FLOW(now_s - 86400 - 7200, "TLS", "kirihara", "", 1, 1, "idle"), WEB_FLOW_OLD);
	assert_int_equal(FLOW(now_s + 86400, "TLS", "kirihara", "", 1, 1, "idle"), WEB_FLOW_BAD);
	assert_int_equal(web_flow_sums_take(sums, "{\"event_type\":\"flow\"}", 21, now_s, 0, &end_s), WEB_FLOW_BAD);
	struct web_view all = view_of(NULL), town = view_of("kirihara"), city = view_of("shiomi");
	json_t *rows = web_flow_sums_apps(sums, &all, 0, 20, &records, &from_s);
	assert_int_equal(json_array_size(rows), 3);
	assert_int_equal(records, 3);
	assert_int_equal(number_in(rows, "TLS", "bytes"), 1000);
	assert_int_equal(number_in(rows, "TLS", "bytes_in"), 900);
	assert_int_equal(number_in(rows, "DNS", "bytes_in"), 50);
	assert_int_equal(number_in(rows, "SSH", "bytes"), 30); // between two bodies: once
	json_decref(rows);
	rows = web_flow_sums_apps(sums, &town, 0, 20, &records, &from_s);
	assert_int_equal(json_array_size(rows), 2);
	assert_int_equal(number_in(rows, "DNS", "bytes"), -1);
	assert_int_equal(number_in(rows, "SSH", "bytes_out"), 10);
	json_decref(rows);
	rows = web_flow_sums_apps(sums, &city, 0, 20, &records, &from_s);
	assert_int_equal(number_in(rows, "SSH", "bytes_in"), 10);
	assert_int_equal(number_in(rows, "TLS", "bytes"), -1);
	json_decref(rows);
	rows = web_flow_sums_hosts(sums, &city, now_s, 20, &records, &from_s, &error); // 203.0.113.70 is kirihara's, and not for shiomi to read
	char *text = json_dumps(rows, 0);
	assert_null(strstr(text, "203.0.113"));
	free(text);
	json_decref(rows);
	rows = web_flow_sums_hosts(sums, &all, now_s, 20, &records, &from_s, &error);
	assert_int_equal(number_in(rows, "203.0.113.70", "bytes"), 1150);
	assert_int_equal(number_in(rows, "8.8.8.8", "bytes"), 1150);
	assert_int_equal(error, 0);
	json_decref(rows);
}

static void flow_tables_are_bounded(void **state)
{
	(void)state;
	struct web_flow_sums *sums = server.measure->flows;
	struct web_view all = view_of(NULL);
	int64_t now_s = time(NULL), end_s, from_s;
	uint64_t records;
	char line[1024], app[16];
	for (unsigned i = 0; i < 3 * WEB_TRIPLES; i++) {
		snprintf(app, sizeof app, "app%u", i % (WEB_APPS + 20));
		assert_int_equal(FLOW(now_s / 600 * 600, app, codes[i % 3], codes[i / 3 % 3], 1, 1, "idle"), WEB_FLOW_COUNTED);
	}
	json_t *rows = web_flow_sums_apps(sums, &all, 0, 1000, &records, &from_s);
	size_t i;
	json_t *row;
	int64_t bytes = 0;
	json_array_foreach(rows, i, row)
		bytes += json_integer_value(json_object_get(row, "bytes"));
	assert_int_equal(bytes, 2 * 3 * WEB_TRIPLES); // what found no row is in "…"
	assert_true(number_in(rows, "…", "bytes") > 0);
	assert_true(json_array_size(rows) <= WEB_APPS);
	json_decref(rows);
}

static void the_heaviest_are_found_among_many(void **state)
{
	(void)state;
	enum { MANY = 20000, HEAVY = 20 };
	static struct web_heavy heavy;
	struct yg_hash_key hash = {1, 2};
	uint64_t total = 0;
	web_heavy_clear(&heavy);
	for (uint32_t i = 0; i < MANY; i++)
		for (unsigned k = 0; k < (i % (MANY / HEAVY) == 0 ? 50 : 1); k++) {
			struct web_heavy_key key = {.af = 4};
			memcpy(key.address, &i, sizeof i);
			web_heavy_add(&heavy, &hash, &key, 10, 10, 1, 1);
			total += 20;
		}
	assert_int_equal(heavy.count, WEB_HEAVY);
	uint64_t kept = 0;
	unsigned found = 0;
	for (uint32_t i = 0; i < heavy.count; i++) {
		uint32_t at;
		memcpy(&at, heavy.one[i].key.address, sizeof at);
		uint64_t truth = at % (MANY / HEAVY) == 0 ? 1000 : 20;
		assert_true(heavy.one[i].weight >= truth && heavy.one[i].weight - heavy.one[i].error <= truth);
		assert_true(i == 0 || heavy.one[(i - 1) / 2].weight <= heavy.one[i].weight);
		assert_int_equal(heavy.slot[heavy.one[i].slot], i + 1);
		kept += heavy.one[i].weight;
		found += truth == 1000;
	}
	assert_int_equal(kept, total); // space-saving gives no weight away
	assert_int_equal(found, HEAVY);
}

static void habits_are_medians_of_the_same_hour(void **state)
{
	(void)state;
	struct web_view all = view_of(NULL);
	struct web_sensor *sensor = calloc(1, sizeof *sensor);
	int64_t hour = time(NULL) / 3600;
	server.measure->sensor[server.measure->sensors_count++] = sensor;
	sensor->measure = server.measure;
	static const uint64_t weeks[] = {500, 100, 300, 900, 200}; // by weeks before; median 300
	for (int64_t h = hour - 5 * 168; h < hour; h++) {
		char line[256], at[40];
		uint64_t weight = (hour - h) % 168 ? 7 : weeks[(hour - h) / 168 - 1];
		snprintf(line, sizeof line, "{\"timestamp\":\"%s\",\"event_type\":\"metrics\",\"step\":3600,"
			 "\"sensor\":{\"bytes_in\":%lu,\"bytes_out\":%lu},"
			 "\"orgs\":{\"kirihara\":[1,1,%lu,0,0,0]}}", stamp(h * 3600, at), weight * 450, weight * 900, weight * 450);
		assert_true(web_metrics_take(sensor, 3600, line, strlen(line), hour * 3600));
	}
	struct web_whose whose = {.measure = server.measure, .view = &all, .body = WEB_BODY_NONE};
	struct web_habit habit;
	assert_true(web_whose_habit(&whose, hour, &habit));
	assert_float_equal(habit.median[0], 300, 1e-9);
	assert_float_equal(habit.median[1], 600, 1e-9);
	assert_true(habit.low[0] >= 100 && habit.high[0] <= 900 && habit.low[0] < habit.high[0]);
	whose.body = web_body_find(server.bodies, "kirihara");
	assert_true(web_whose_habit(&whose, hour, &habit));
	assert_float_equal(habit.median[0], 300, 0.01);
	whose.body = web_body_find(server.bodies, "sasaura"); // told of, and nothing
	assert_true(web_whose_habit(&whose, hour, &habit));
	assert_float_equal(habit.median[0], 0, 0);
	assert_false(web_whose_habit(&whose, hour + 100 * 168, &habit));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_are_those_of_the_lines, make, unmake),
		cmocka_unit_test_setup_teardown(hostile_lines_change_nothing, make, unmake),
		cmocka_unit_test_setup_teardown(never_green_when_blind, make, unmake),
		cmocka_unit_test_setup_teardown(a_health_that_was_old_at_the_start_is_blind, make, unmake),
		cmocka_unit_test_setup_teardown(sensors_are_bounded, make, unmake),
		cmocka_unit_test_setup_teardown(flows_add_up_within_the_view, make, unmake),
		cmocka_unit_test_setup_teardown(flow_tables_are_bounded, make, unmake),
		cmocka_unit_test(the_heaviest_are_found_among_many),
		cmocka_unit_test_setup_teardown(habits_are_medians_of_the_same_hour, make, unmake),
	};
	return cmocka_run_group_tests(tests, begin, end);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// States of groups against a real redis-server: what is written, read again, refused to another writer, and found out after a lost answer;
// limits filled. And the handover sheet, which nothing outside may be clicked on.
#include <errno.h>
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
#include <sodium.h>

#include "bodies.h"
#include "handover.h"
#include "index.h"
#include "redis_parts.h"
#include "reopen.h"
#include "state_parts.h"
#include "suppress.h"

static char folder[64], socket_path[96], url[128];
static pid_t redis;
static struct web_server server;
static bool (*reached)(void);
static int64_t until_ms;

static void start_redis(void)
{
	redis = fork();
	if (redis == 0) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(1);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket_path, "--dir", folder, "--save", "", "--appendonly", "yes",
		       (char *)NULL);
		_exit(127);
	}
}

static void kill_redis(void)
{
	kill(redis, SIGKILL);
	waitpid(redis, NULL, 0);
}

static int64_t busy(void *context)
{
	(void)context;
	if (!reached || reached() || web_now_ms() > until_ms)
		web_loop_stop(server.loop);
	return 5;
}

static void run_until(bool (*what)(void))
{
	reached = what;
	until_ms = web_now_ms() + 15000;
	web_loop_run(server.loop, busy, NULL);
	assert_true(what());
}

static bool ready(void)
{
	return web_state_readings(server.state) > 0;
}

static int set_up(void **state)
{
	(void)state;
	if (access("/usr/bin/redis-server", X_OK) != 0)
		exit(77);
	snprintf(folder, sizeof folder, "/tmp/yg-state-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(socket_path, sizeof socket_path, "%s/s", folder);
	snprintf(url, sizeof url, "unix://%s", socket_path);
	start_redis();
	server = (struct web_server){.timezone = "Asia/Tokyo", .loop = web_loop_create()};
	server.bodies = web_bodies_load(NULL);
	server.redis = web_redis_create(server.loop, url);
	server.state = web_state_create(&server);
	server.suppress = web_suppress_create(&server);
	server.index = web_index_create(&server);
	server.reopen = web_reopen_create(&server);
	assert_non_null(server.reopen);
	web_index_follow(server.index);
	run_until(ready);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	web_redis_end(server.redis);
	web_reopen_destroy(server.reopen);
	web_index_destroy(server.index);
	web_suppress_destroy(server.suppress);
	web_state_destroy(server.state);
	web_redis_destroy(server.redis);
	web_bodies_free(server.bodies);
	web_loop_destroy(server.loop);
	kill_redis();
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", folder, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

static struct {
	bool done, refused, gone;
	uint32_t succeeded, count;
	uint8_t results[WEB_STATE_PART * 4];
	char undo[33];
} last;

static void acted(void *context, const struct web_outcome *o)
{
	(void)context;
	last.done = true;
	last.refused = o->refused;
	last.gone = o->gone;
	last.succeeded = o->succeeded;
	last.count = o->count;
	memcpy(last.results, o->results, o->count < sizeof last.results ? o->count : sizeof last.results);
	memcpy(last.undo, o->undo, sizeof last.undo);
}

static bool answered(void)
{
	return last.done;
}

static void act_many(const struct web_action *action, uint64_t from, uint32_t count, int64_t version)
{
	struct web_target *targets = calloc(count, sizeof *targets);
	for (uint32_t i = 0; i < count; i++)
		targets[i] = (struct web_target){from + i, version};
	memset(&last, 0, sizeof last);
	web_state_act(server.state, action, targets, count, acted, NULL);
	free(targets);
}

static void act(const struct web_action *action, uint64_t from, uint32_t count, int64_t version)
{
	act_many(action, from, count, version);
	run_until(answered);
}

static const struct web_action acknowledge = {.act = WEB_ACKNOWLEDGE, .actor = "sato"};
static const struct web_action archive = {.act = WEB_ARCHIVE, .actor = "suzuki", .verdict = WEB_BENIGN, .reason = "夜間バックアップ"};

static void first_times_stay_and_versions_grow(void **state)
{
	(void)state;
	act(&acknowledge, 1, 1, 0);
	const struct web_group_touch *t = web_state_of(server.state, 1);
	int64_t first = t->acknowledged_ns;
	assert_int_equal(t->state, WEB_ACKNOWLEDGED);
	assert_int_equal(t->version, 1);
	assert_string_equal(t->changed_by, "sato");
	assert_true(first > 0);
	act(&archive, 1, 1, 0); // of the version before: somebody was faster
	assert_int_equal(last.results[0], WEB_CONFLICT);
	act(&archive, 1, 1, 1);
	t = web_state_of(server.state, 1);
	assert_string_equal(t->reason, "夜間バックアップ");
	assert_true(t->archived_ns >= first && t->acknowledged_ns == first);
	act(&(struct web_action){.act = WEB_REOPEN, .actor = "yagura"}, 1, 1, -1);
	t = web_state_of(server.state, 1);
	assert_int_equal(t->state, WEB_NEW);
	assert_null(t->reason);
	act(&(struct web_action){.act = WEB_REOPEN, .actor = "yagura"}, 1, 1, -1);
	assert_int_equal(last.results[0], WEB_NO_CHANGE);
}

static bool may(void *context, uint64_t group)
{
	(void)context;
	return group != 1003; // not seen any more
}

static void undo_brings_back_what_was_but_for_whom_it_may_not_be_shown(void **state)
{
	(void)state;
	act(&acknowledge, 1000, 2, -1);
	struct web_group_touch before = *web_state_of(server.state, 1000);
	act(&archive, 1000, 1200, -1);
	assert_int_equal(last.succeeded, 1200);
	char token[33];
	memcpy(token, last.undo, sizeof token);
	memset(&last, 0, sizeof last);
	web_state_undo(server.state, token, "sato", may, acted, NULL); // another's
	run_until(answered);
	assert_true(last.gone);
	memset(&last, 0, sizeof last);
	web_state_undo(server.state, token, "suzuki", may, acted, NULL);
	run_until(answered);
	assert_int_equal(last.succeeded, 1199);
	const struct web_group_touch *t = web_state_of(server.state, 1000);
	assert_int_equal(t->version, before.version + 2);
	assert_int_equal(t->changed_ns, before.changed_ns);
	assert_ptr_equal(t->changed_by, before.changed_by);
	assert_int_equal(t->acknowledged_ns, before.acknowledged_ns);
	assert_int_equal(t->archived_ns, 0);
	assert_int_equal(web_state_of(server.state, 1500)->state, WEB_NEW);
	assert_int_equal(web_state_of(server.state, 1500)->changed_ns, 0);
	assert_int_equal(web_state_of(server.state, 1003)->state, WEB_ARCHIVED);
}

static bool raised;

static void told_raised(void *context, const redisReply *reply)
{
	(void)context;
	raised = reply && reply->type == REDIS_REPLY_INTEGER;
}

static bool is_raised(void)
{
	return raised;
}

static void another_writer_makes_us_read_anew_and_nothing_is_lost(void **state)
{
	(void)state;
	uint64_t readings = web_state_readings(server.state), stale = web_state_counters(server.state)->stale;
	const char *argv[] = {"INCR", "yagura:web:writer"};
	web_redis_ask(server.redis, told_raised, NULL, 2, argv, NULL);
	run_until(is_raised);
	act(&acknowledge, 2500, 1, -1);
	assert_int_equal(last.succeeded, 1);
	assert_int_equal(web_state_of(server.state, 2500)->version, 1);
	assert_int_equal(web_state_counters(server.state)->stale, stale + 1);
	assert_true(web_state_readings(server.state) > readings);
}

static void what_is_no_state_is_passed_over(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "{}", "[1]", "{\"state\":\"gone\",\"version\":1}", "{\"state\":\"new\",\"version\":-1}",
					  "{\"state\":\"new\",\"assignee\":7}", "{\"state\":\"archived\",\"verdict\":\"maybe\"}"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct web_group_touch touch;
		json_t *object = json_loads(bad[i], 0, NULL);
		assert_false(web_touch_of(server.state, object, &touch));
		json_decref(object);
	}
	uint64_t id;
	assert_false(web_group_id_read("0123456789ABCDEF", 16, &id));
	assert_false(web_group_id_read("0123", 4, &id));
	assert_true(web_group_id_read("0123456789abcdef", 16, &id));
}

// By themselves, without Redis: what the tables hold, and that one more is refused and counted.
static void states_and_names_are_bounded(void **state)
{
	(void)state;
	struct web_state *s = calloc(1, sizeof *s);
	char name[WEB_USER_MAX];
	assert_non_null(s);
	for (uint64_t group = 1; group <= WEB_STATES_MAX; group++)
		if (!web_touched_make(s, group))
			fail();
	assert_null(web_touched_make(s, WEB_STATES_MAX + 1));
	assert_non_null(web_touched_make(s, WEB_STATES_MAX)); // that one is there
	assert_int_equal(s->counters.full, 1);
	for (unsigned i = 0; i < WEB_STATE_NAMES; i++) {
		snprintf(name, sizeof name, "u%u", i);
		assert_string_equal(web_state_name(s, name), name);
	}
	assert_string_equal(web_state_name(s, "one more"), "…");
	assert_string_equal(web_state_name(s, "u0"), "u0");
	assert_int_equal(s->counters.names_full, 1);
	for (unsigned i = 0; i < WEB_STATE_NAMES; i++)
		free(s->names[i]);
	for (unsigned i = 0; i < sizeof s->chunks / sizeof *s->chunks; i++)
		free(s->chunks[i]);
	free(s->slots);
	free(s);
}

static unsigned replies, refusals;

static void count_reply(void *context, const redisReply *reply)
{
	(void)context;
	replies += reply != NULL;
	refusals += reply == NULL;
}

static bool all_came(void)
{
	return replies + refusals >= WEB_REDIS_PENDING + 1;
}

static int64_t counted(const char *name)
{
	json_t *all = json_object();
	web_redis_counters(server.redis, all);
	int64_t value = json_integer_value(json_object_get(all, name));
	json_decref(all);
	return value;
}

static void take_entry(void *context, const char *stream, uint64_t generation, uint64_t sequence, const char *field, size_t field_size,
		const char *value, size_t value_size)
{
	(void)context, (void)stream, (void)generation, (void)sequence, (void)field, (void)field_size, (void)value, (void)value_size;
}

// Whoever asks while as many wait as may is told at once, and those that wait get their answers all the same.
static void commands_and_streams_are_bounded(void **state)
{
	(void)state;
	const char *const ping[] = {"PING"};
	char name[32];
	replies = refusals = 0;
	for (unsigned i = 0; i < WEB_REDIS_PENDING + 1; i++)
		web_redis_ask(server.redis, count_reply, NULL, 1, (const char **)ping, NULL);
	assert_true(refusals >= 1);
	assert_true(counted("redis.overflow") >= 1);
	run_until(all_came);
	assert_int_equal(replies + refusals, WEB_REDIS_PENDING + 1);
	assert_true(refusals < 16);
	int64_t there = counted("redis.streams");
	for (int64_t i = there; i < WEB_FOLLOWED; i++) {
		snprintf(name, sizeof name, "s%d", (int)i);
		assert_int_equal(web_redis_follow(server.redis, name, 0, 0, take_entry, NULL), 0);
	}
	assert_int_equal(web_redis_follow(server.redis, "one-more", 0, 0, take_entry, NULL), -ENOSPC);
	assert_int_equal(counted("redis.streams_full"), 1);
}

static void lost_answers_are_found_out(void **state)
{
	(void)state;
	uint64_t readings = web_state_readings(server.state);
	act_many(&archive, 5000, 1500, -1); // the first script is on its way
	kill_redis();
	start_redis();
	run_until(answered);
	assert_int_equal(last.succeeded, 1500);
	for (uint64_t i = 5000; i < 6500; i++)
		assert_int_equal(web_state_of(server.state, i)->version, 1);
	assert_true(web_state_readings(server.state) > readings);
}

static bool is_idle(void)
{
	return server.state->waiting == 0;
}

static void those_who_wait_are_bounded(void **state)
{
	(void)state;
	uint64_t before = web_state_counters(server.state)->waiting_full;
	for (int i = 0; i < WEB_STATE_WAITING; i++)
		act_many(&archive, 20000 + (uint64_t)i, 1, -1);
	assert_false(last.done);
	act_many(&archive, 30000, 1, -1);
	assert_true(last.done && last.refused);
	assert_int_equal(web_state_counters(server.state)->waiting_full, before + 1);
	run_until(is_idle);
}

// ---- what brings archived groups back ----

static const struct web_alert *come; // the alert of the test, in the index

static bool is_there(void)
{
	for (uint32_t i = 0; web_index_ready(server.index) && i < web_index_alerts_count(server.index); i++)
		if (web_index_alert(server.index, i)->sensor)
			come = web_index_alert(server.index, i);
	return come;
}

static uint64_t group_of_alert(void)
{
	return web_index_group_id(server.index, come->group);
}

static void send_alert_of(unsigned id, time_t first_s, const char *severity, const char *mode)
{
	char line[1024], first[40];
	struct tm tm;
	gmtime_r(&first_s, &tm);
	strftime(first, sizeof first, "%Y-%m-%dT%H:%M:%S.999999+0000", &tm);
	snprintf(line, sizeof line,
		 "{\"timestamp\":\"%s\",\"event_type\":\"alert\",\"src_ip\":\"198.51.100.7\",\"dest_ip\":\"192.0.2.14\",\"proto\":\"UDP\","
		 "\"alert\":{\"context\":{\"id\":\"%016x\",\"kind\":\"dos.udp_flood\",\"state\":\"open\",\"severity\":\"%s\",\"mode\":\"%s\","
		 "\"score\":70,\"confidence\":0.5,\"first_seen\":\"%s\",\"last_seen\":\"%s\",\"count\":1,\"org\":{\"code\":\"aoi\"},"
		 "\"target\":\"192.0.2.14\",\"why\":{\"text_ja\":\"a\",\"text_en\":\"a\"}}}}",
		 first, id, severity, mode, first, first);
	const char *argv[] = {"XADD", "yagura:egress-1:alerts", "*", "eve", line};
	web_redis_ask(server.redis, NULL, NULL, 5, argv, NULL);
}

static void send_alert(unsigned id, time_t first_s)
{
	send_alert_of(id, first_s, "high", "page");
}

static bool is_back(void)
{
	return web_state_of(server.state, group_of_alert())->state == WEB_NEW;
}

static bool was_full(void)
{
	static uint64_t before;
	before = before ? before : web_state_counters(server.state)->waiting_full;
	return web_state_counters(server.state)->waiting_full > before;
}

// The queue of actions is full while the alert comes: the group is brought back all the same, when there is room again.
static void an_alert_brings_back_what_was_archived_however_busy_it_is(void **state)
{
	(void)state;
	static const struct web_action comment = {.act = WEB_COMMENT, .actor = "suzuki", .comment = "much to do"};
	time_t now = time(NULL);
	send_alert(1, now - 60);
	run_until(is_there);
	act(&archive, group_of_alert(), 1, -1);
	assert_int_equal(last.succeeded, 1);
	assert_false(is_back());
	send_alert(2, now + 1);
	run_until(is_back);
	assert_string_equal(web_state_of(server.state, group_of_alert())->changed_by, "yagura");

	act(&archive, group_of_alert(), 1, -1);
	assert_false(is_back());
	assert_false(was_full());
	for (int i = 0; i < WEB_STATE_WAITING; i++)
		act_many(&comment, 100000, WEB_STATE_PART + 1, -1); // two scripts each, in turn
	send_alert(3, now + 2);
	run_until(was_full);
	assert_false(is_back());
	run_until(is_back);
	run_until(is_idle);
}

static uint32_t wanted; // id of an alert

static bool is_taken(void)
{
	char id[17];
	snprintf(id, sizeof id, "%016x", wanted);
	return web_index_find_alert(server.index, id) != WEB_NOWHERE;
}

// What began as a trifle, or on trial, in a group that was put away, and is none any more.
static void an_alert_that_rises_brings_back_what_was_archived(void **state)
{
	(void)state;
	time_t now = time(NULL);
	const struct { const char *severity, *mode; } trifles[] = {{"low", "alert"}, {"critical", "shadow"}};
	for (unsigned i = 0; i < 2; i++) {
		act(&archive, group_of_alert(), 1, -1);
		assert_false(is_back());
		wanted = 0x40 + i;
		send_alert_of(wanted, now + 3, trifles[i].severity, trifles[i].mode);
		run_until(is_taken);
		assert_false(is_back());
		send_alert_of(wanted, now + 3, "high", "page");
		run_until(is_back);
	}
}

static bool suppressions_are_read(void)
{
	return web_suppress_counters(server.suppress)->readings > 0;
}

static int written = -1;

static void note_written(void *context, enum web_suppress_result result)
{
	(void)context;
	written = (int)result;
}

static bool is_written(void)
{
	return written >= 0;
}

static uint64_t generation;

static bool counts_anew(void)
{
	return web_suppress_generation(server.suppress) > generation;
}

// After a restart suppressions are there before the alerts by which a body is known that no file names.
static void a_suppression_holds_for_a_body_that_comes_to_be_known(void **state)
{
	(void)state;
	int64_t now = web_clock_ns();
	const struct web_suppression s = {.id = "web-1", .kind = "*", .org = "later", .body = WEB_BODY_NONE, .owner = "suzuki", .reason = "x",
					  .created_ns = now, .expires_ns = now + INT64_C(3600000000000), .version = 1};
	run_until(suppressions_are_read);
	web_suppress_write(server.suppress, &s, note_written, NULL);
	run_until(is_written);
	assert_int_equal(written, WEB_SUPPRESS_DONE);
	uint16_t number = web_suppress_find(server.suppress, "web-1");
	assert_int_equal(web_suppress_at(server.suppress, number)->body, WEB_BODY_NONE);
	generation = web_suppress_generation(server.suppress);
	struct web_alert alert = {.sensor = 1, .body = web_body_intern(server.bodies, "later", "", "")};
	assert_int_equal(web_suppressed(server.suppress, &alert, "dos.udp_flood"), number);
	alert.body = web_body_intern(server.bodies, "another", "", "");
	assert_int_equal(web_suppressed(server.suppress, &alert, "dos.udp_flood"), 0);
	run_until(counts_anew);
	assert_int_equal(web_suppress_at(server.suppress, number)->body, web_body_find(server.bodies, "later"));
}

static bool all_outside(void *context, uint8_t af, const uint8_t address[16])
{
	(void)context, (void)address;
	return af == 4 || af == 6;
}

static void nothing_outside_can_be_clicked_on(void **state)
{
	(void)state;
	static const char line[] =
	    "{\"timestamp\":\"2026-06-09T10:07:02.000000+0900\",\"event_type\":\"alert\",\"host\":\"s\","
	    "\"src_ip\":\"198.51.100.7\",\"dest_ip\":\"2001:db8::5\","
	    "\"alert\":{\"signature\":\"YAGURA scan\",\"severity\":1,\"context\":{\"id\":\"84285800d70c7589\",\"kind\":\"scan.port\",\"why\":{"
	    "\"text_ja\":\"198.51.100.7から2001:db8::5への走査。\",\"text_en\":\"198.51.100.7 scans 2001:db8::5.\",\"observed\":3,\"unit\":\"ports\"}}}}";
	struct explain_alert read;
	struct handover made;
	assert_true(explain_read(line, strlen(line), &read));
	struct handover_facts f = {.alert = &read, .host = {"203.0.113.9", 443}, .peer = {"198.51.100.7", 0}, .kind_ja = "ポートスキャン", .kind_en = "scan",
				   .severity_ja = "高", .severity_en = "high", .org_ja = "", .org_en = "", .reference = "s:1", .group = "g",
				   .outside = all_outside};
	assert_true(handover_write(&f, &made));
	assert_non_null(strstr(made.text_ja, "198[.]51[.]100[.]7から2001[:]db8[:][:]5への走査"));
	assert_non_null(strstr(made.text_en, "198[.]51[.]100[.]7 scans 2001[:]db8[:][:]5."));
	assert_null(strstr(made.text_ja, "198.51.100.7"));
	assert_non_null(strstr(made.text_ja, "［団体名を記入］"));
	free(made.subject_ja);
	free(made.subject_en);
	free(made.text_ja);
	free(made.text_en);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_times_stay_and_versions_grow),
	    cmocka_unit_test(undo_brings_back_what_was_but_for_whom_it_may_not_be_shown),
	    cmocka_unit_test(another_writer_makes_us_read_anew_and_nothing_is_lost),
	    cmocka_unit_test(what_is_no_state_is_passed_over),
	    cmocka_unit_test(those_who_wait_are_bounded),
	    cmocka_unit_test(an_alert_brings_back_what_was_archived_however_busy_it_is),
	    cmocka_unit_test(an_alert_that_rises_brings_back_what_was_archived),
	    cmocka_unit_test(a_suppression_holds_for_a_body_that_comes_to_be_known),
	    cmocka_unit_test(states_and_names_are_bounded),
	    cmocka_unit_test(lost_answers_are_found_out),
	    cmocka_unit_test(nothing_outside_can_be_clicked_on),
	    cmocka_unit_test(commands_and_streams_are_bounded), // the last: nothing ends the following of a stream
	};
	signal(SIGPIPE, SIG_IGN);
	setenv("TZ", "Asia/Tokyo", 1);
	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

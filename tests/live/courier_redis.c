// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura-courier against a real redis-server on a UNIX socket in a folder of its own. The rig plays the supervisor and the engine.
// Usage: courier_redis COURIER. Exits 77 without redis-server. It proves:
//
//   alerts_arrive_once_and_in_order          ids 1-1 … 1-n, field eve, the same bytes as in the EVE file
//   the_same_run_twice_gives_twice_the_entries
//   redis_that_comes_late_gets_everything    and the EVE file does not wait for it
//   a_lost_answer_gives_no_duplicate         Redis is stopped with a batch in its socket, then goes on
//   a_killed_redis_gets_the_rest
//   a_killed_courier_gives_no_duplicate      neither in the stream, its last answer lost, nor in the EVE file
//   a_foreign_writer_is_left_alone           ids above ours in our generation: we take a new one
//   no_redis_is_exit_69                      and counted; the EVE file is whole
//   a_full_redis_is_tried_again              OOM, then room
//   a_wrong_password_is_named                and the right one works; so does an ACL user of the documented rights
//   without_any_sink_alerts_are_read
//   a_full_disk_is_exit_69
//   a_supervisor_that_dies_ends_the_courier
//   what_redis_lost_is_counted               though the courier that was told is dead
//   a_single_alert_does_not_wait_for_others  in Redis within 50 ms of its coming, the middle one of 21
//   old_entries_are_given_up                 up to the last mark that is old enough, and not one node more
//   trimming_without_the_right_hurts_nobody
//   entries_wait_for_their_replicas          and what Redis loses meanwhile is sent again
//
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "courier_rig.h"
#include "redis_rig.h"

// Compares the stream with `count` alerts of generation `generation`, starting at entry `from`. Returns the stream's
// length.
static size_t check_stream(size_t from, size_t count, unsigned generation)
{
	redisContext *c = ask_redis(NULL);
	redisReply *r = c ? redisCommand(c, "XRANGE yagura:test:alerts - +") : NULL;
	CHECK(r && r->type == REDIS_REPLY_ARRAY && r->elements >= from + count);
	size_t length = r && r->type == REDIS_REPLY_ARRAY ? r->elements : 0;
	for (size_t i = 0; i < count && from + i < length; i++) {
		char id[48];
		snprintf(id, sizeof id, "%u-%zu", generation, i + 1);
		redisReply *entry = r->element[from + i], *fields = entry->element[1];
		CHECK(strcmp(entry->element[0]->str, id) == 0);
		CHECK(fields->elements == 2 && strcmp(fields->element[0]->str, "eve") == 0);
		CHECK(strncmp(fields->element[1]->str, "{\"timestamp\":\"", 14) == 0);
	}
	freeReplyObject(r);
	if (c)
		redisFree(c);
	return length;
}

static unsigned lines_of_file(const char *path)
{
	unsigned lines = 0;
	int c, last = '\n';
	FILE *f = fopen(path, "r");
	while (f && (c = fgetc(f)) != EOF) {
		lines += c == '\n';
		last = c;
	}
	if (f)
		fclose(f);
	CHECK(last == '\n');
	return lines;
}

// ---- tests ----

// Alerts of the EVE file, in order, must be the very bytes of the stream.
static void compare_file_and_stream(size_t from)
{
	redisContext *c = ask_redis(NULL);
	redisReply *r = c ? redisCommand(c, "XRANGE yagura:test:alerts - +") : NULL;
	FILE *f = fopen(eve_path, "r");
	static char line[64 * 1024];
	size_t i = from;
	while (f && fgets(line, sizeof line, f)) {
		if (!strstr(line, "\"event_type\":\"alert\""))
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

static void alerts_arrive_once_and_in_order(void)
{
	struct run run = start_courier(url(), "10s", eve_path);
	push_alerts(&run, 1, 1500);
	push_flows(&run, 3000);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(counter(&run, YG_CC_ALERTS_DELIVERED) == 1500 && counter(&run, YG_CC_ALERTS_PENDING) == 0);
	CHECK(counter(&run, YG_CC_FLOWS_WRITTEN) == 3000 &&
	      counter(&run, YG_CC_SUMMARY_FULL) == 1500 - YG_SUMMARY_ALERTS);
	CHECK(check_stream(0, 1500, 1) == 1500);
	CHECK(lines_of_file(eve_path) == 4500);
	compare_file_and_stream(0);
	let_go(&run);
}

static void the_same_run_twice_gives_twice_the_entries(void)
{
	struct run run = start_courier(url(), "10s", NULL);
	push_alerts(&run, 1, 1500);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(counter(&run, YG_CC_REDIS_GENERATION) == 2 && counter(&run, YG_CC_REDIS_DUPLICATES) == 0);
	CHECK(check_stream(1500, 1500, 2) == 3000);
	let_go(&run);
}

static void redis_that_comes_late_gets_everything(void)
{
	stop_redis(SIGKILL);
	unlink(eve_path);
	struct run run = start_courier(url(), "20s", eve_path);
	push_alerts(&run, 1, 100);
	push_flows(&run, 100);
	CHECK(reaches(&run, YG_CC_EVE_LINES, 200)); // while Redis is away
	CHECK(counter(&run, YG_CC_ALERTS_PENDING) == 100 && counter(&run, YG_CC_REDIS_DELIVERED) == 0);
	CHECK(run.stats->redis_error[0] != 0);
	start_redis(NULL);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(check_stream(3000, 100, 3) == 3100); // the append-only file remembers what came before
	let_go(&run);
}

static void a_lost_answer_gives_no_duplicate(void)
{
	tell_redis("FLUSHALL");
	struct run run = start_courier(url(), "10s", NULL);
	push_alerts(&run, 1, 10);
	CHECK(reaches(&run, YG_CC_ALERTS_DELIVERED, 10));
	kill(redis_pid, SIGSTOP);
	push_alerts(&run, 11, 10); // few enough for one read(2) of Redis: it executes them before it sees that we left
	CHECK(reaches(&run, YG_CC_REDIS_SENT, 20));
	CHECK(reaches(&run, YG_CC_REDIS_ERRORS, 1)); // no answer in time: the connection is given up
	kill(redis_pid, SIGCONT);
	push_alerts(&run, 21, 80);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(counter(&run, YG_CC_REDIS_GENERATION) == 1 && counter(&run, YG_CC_REDIS_DUPLICATES) == 10);
	CHECK(check_stream(0, 100, 1) == 100);
	let_go(&run);
}

static void a_killed_redis_gets_the_rest(void)
{
	tell_redis("FLUSHALL");
	struct run run = start_courier(url(), "20s", NULL);
	push_alerts(&run, 1, 300);
	CHECK(reaches(&run, YG_CC_ALERTS_DELIVERED, 300));
	stop_redis(SIGKILL);
	push_alerts(&run, 301, 300);
	pause_ms(300);
	start_redis(NULL);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(check_stream(0, 600, 1) == 600);
	let_go(&run);
}

static void a_killed_courier_gives_no_duplicate(void)
{
	tell_redis("FLUSHALL");
	unlink(eve_path);
	struct run run = start_courier(url(), "10s", eve_path);
	push_alerts(&run, 1, 10);
	push_flows(&run, 10);
	CHECK(reaches(&run, YG_CC_ALERTS_DELIVERED, 10) && reaches(&run, YG_CC_FLOWS_WRITTEN, 10));
	kill(redis_pid, SIGSTOP);
	push_alerts(&run, 11, 10);
	push_flows(&run, 10);
	CHECK(reaches(&run, YG_CC_REDIS_SENT, 20) && reaches(&run, YG_CC_EVE_LINES, 40));
	kill(run.pid, SIGKILL);
	CHECK(wait_courier(&run) == 1000 + SIGKILL);
	CHECK(counter(&run, YG_CC_ALERTS_DELIVERED) == 10 && counter(&run, YG_CC_ALERTS_PENDING) == 10);
	kill(redis_pid, SIGCONT);
	spawn_courier(&run);
	push_alerts(&run, 21, 10);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(counter(&run, YG_CC_REDIS_GENERATION) == 1 && counter(&run, YG_CC_REDIS_DUPLICATES) == 10);
	CHECK(counter(&run, YG_CC_ALERTS_READ) == 30 && counter(&run, YG_CC_ALERTS_DELIVERED) == 30);
	CHECK(counter(&run, YG_CC_FLOWS_READ) == 20 && counter(&run, YG_CC_FLOWS_WRITTEN) == 20);
	CHECK(check_stream(0, 30, 1) == 30);
	CHECK(counter(&run, YG_CC_EVE_LINES) == 50 && lines_of_file(eve_path) == 50);
	compare_file_and_stream(0);
	let_go(&run);
}

static void a_foreign_writer_is_left_alone(void)
{
	tell_redis("FLUSHALL");
	struct run run = start_courier(url(), "10s", NULL);
	push_alerts(&run, 1, 5);
	CHECK(reaches(&run, YG_CC_ALERTS_DELIVERED, 5));
	tell_redis("XADD yagura:test:alerts 1-1000 eve {\"timestamp\":\"foreign\"}");
	push_alerts(&run, 6, 5);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(counter(&run, YG_CC_REDIS_GENERATION) == 2 && counter(&run, YG_CC_ALERTS_DELIVERED) == 10);
	CHECK(check_stream(0, 5, 1) == 11); // five, the foreign one, five of generation 2
	let_go(&run);
}

static void no_redis_is_exit_69(void)
{
	unlink(eve_path);
	struct run run = start_courier("redis://127.0.0.1:1", "1s", eve_path);
	push_alerts(&run, 1, 7);
	CHECK(end_courier(&run) == YG_EXIT_UNDELIVERED);
	CHECK(counter(&run, YG_CC_ALERTS_PENDING) == 7 && counter(&run, YG_CC_ALERTS_DELIVERED) == 0);
	CHECK(lines_of_file(eve_path) == 7);
	CHECK(strstr(run.stats->redis_error, "refused") != NULL);
	let_go(&run);
}

static void a_full_redis_is_tried_again(void)
{
	tell_redis("FLUSHALL");
	tell_redis("CONFIG SET maxmemory 1");
	struct run run = start_courier(url(), "10s", NULL);
	push_alerts(&run, 1, 20);
	CHECK(reaches(&run, YG_CC_REDIS_ERRORS, 2));
	CHECK(strncmp(run.stats->redis_error, "OOM", 3) == 0 && counter(&run, YG_CC_ALERTS_PENDING) == 20);
	tell_redis("CONFIG SET maxmemory 0");
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(check_stream(0, 20, 1) == 20 && run.stats->redis_error[0] == 0);
	let_go(&run);
}

static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(fd, (struct sockaddr *)&address, length) == 0 &&
	      getsockname(fd, (struct sockaddr *)&address, &length) == 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void a_wrong_password_is_named(void)
{
	char text[192];
	int port = free_port();
	tell_redis("FLUSHALL");
	tell_redis("CONFIG SET port %d", port);
	tell_redis("ACL SETUSER sensor on >p@ss ~yagura:test:* +xadd +xtrim +xinfo +hset +expire +zadd +multi +exec "
	           "+ping +role");
	snprintf(text, sizeof text, "redis://sensor:wrong@localhost:%d", port);
	struct run run = start_courier(text, "1s", NULL);
	push_alerts(&run, 1, 3);
	CHECK(end_courier(&run) == YG_EXIT_UNDELIVERED);
	CHECK(strncmp(run.stats->redis_error, "WRONGPASS", 9) == 0 && counter(&run, YG_CC_REDIS_ERRORS) == 1);
	let_go(&run);
	snprintf(text, sizeof text, "redis://sensor:p%%40ss@localhost:%d/0", port);
	run = start_courier(text, "5s", NULL);
	push_alerts(&run, 1, 3);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(check_stream(0, 3, 1) == 3);
	let_go(&run);
	tell_redis("ACL SETUSER sensor -xadd");
	run = start_courier(text, "1s", NULL);
	push_alerts(&run, 1, 3);
	CHECK(end_courier(&run) == YG_EXIT_UNDELIVERED);
	CHECK(strncmp(run.stats->redis_error, "NOPERM", 6) == 0);
	let_go(&run);
}

static void without_any_sink_alerts_are_read(void)
{
	struct run run = start_courier(NULL, "10s", NULL);
	push_alerts(&run, 1, 4000); // twice the ring
	push_flows(&run, 20000);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(counter(&run, YG_CC_ALERTS_READ) == 4000 && counter(&run, YG_CC_ALERTS_DELIVERED) == 4000);
	CHECK(counter(&run, YG_CC_FLOWS_READ) == 20000 &&
	      yg_counter_get(&run.stats->summary_count) == YG_SUMMARY_ALERTS);
	let_go(&run);
}

static void a_full_disk_is_exit_69(void)
{
	struct run run = start_courier(NULL, "300ms", "/dev/full");
	push_alerts(&run, 1, 5);
	push_flows(&run, 5);
	CHECK(end_courier(&run) == YG_EXIT_UNDELIVERED);
	CHECK(counter(&run, YG_CC_ALERTS_PENDING) == 5 && counter(&run, YG_CC_EVE_ERRORS) == 10);
	CHECK(counter(&run, YG_CC_EVE_LINES) == 0);
	let_go(&run);
}

static void a_supervisor_that_dies_ends_the_courier(void)
{
	unlink(eve_path);
	struct run run = start_courier(url(), "10s", eve_path);
	push_alerts(&run, 1, 9);
	push_flows(&run, 9);
	CHECK(reaches(&run, YG_CC_ALERTS_READ, 9));
	close(run.alive[1]);
	run.alive[1] = -1;
	CHECK(wait_courier(&run) == YG_EXIT_OK); // the rings are still open
	CHECK(lines_of_file(eve_path) == 18);
	let_go(&run);
}

static void what_redis_lost_is_counted(void)
{
	tell_redis("FLUSHALL");
	struct run run = start_courier(url(), "5s", NULL);
	push_alerts(&run, 1, 10);
	CHECK(reaches(&run, YG_CC_ALERTS_DELIVERED, 10));
	kill(run.pid, SIGKILL);
	CHECK(wait_courier(&run) == 1000 + SIGKILL);
	tell_redis("DEL yagura:test:alerts");
	spawn_courier(&run);
	push_alerts(&run, 11, 5);
	CHECK(reaches(&run, YG_CC_ALERTS_DELIVERED, 15));
	CHECK(counter(&run, YG_CC_REDIS_LOST) == 10 && counter(&run, YG_CC_REDIS_RESENT) == 0 && counter(&run, YG_CC_REDIS_GENERATION) == 1);
	tell_redis("DEL yagura:test:alerts");
	tell_redis("CLIENT KILL TYPE normal SKIPME yes");
	push_alerts(&run, 16, 1);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(counter(&run, YG_CC_REDIS_LOST) == 25);
	let_go(&run);
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static int64_t now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static void a_single_alert_does_not_wait_for_others(void)
{
	enum { ROUNDS = 21 };
	int64_t took[ROUNDS];
	tell_redis("FLUSHALL");
	struct run run = start_courier(url(), "10s", NULL);
	push_alerts(&run, 1, 1);
	CHECK(reaches(&run, YG_CC_ALERTS_DELIVERED, 1));
	for (unsigned i = 0; i < ROUNDS; i++) {
		pause_ms(20);
		int64_t before = now_us();
		push_alerts(&run, 2 + i, 1);
		while (counter(&run, YG_CC_REDIS_DELIVERED) < 2 + i && now_us() - before < 5000000)
			sched_yield();
		took[i] = now_us() - before;
	}
	qsort(took, ROUNDS, sizeof *took, by_number);
	printf("# one alert to Redis and back: median %.1f ms, most %.1f ms\n", (double)took[ROUNDS / 2] / 1e3, (double)took[ROUNDS - 1] / 1e3);
	CHECK(took[ROUNDS / 2] < 50000);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	let_go(&run);
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

static void write_old_entries(void)
{
	tell_redis("FLUSHALL");
	tell_redis("CONFIG SET stream-node-max-entries 10");
	for (unsigned i = 1; i <= 100; i++)
		tell_redis("XADD yagura:test:alerts 1-%u eve old", i);
	tell_redis("XADD yagura:test:marks 1000-0 time %lld id 1-35", (long long)time(NULL) - 7300);
	tell_redis("XADD yagura:test:marks 2000-0 time %lld id 1-55", (long long)time(NULL) - 3700);
	tell_redis("XADD yagura:test:marks 3000-0 time %lld id 1-95", (long long)time(NULL) - 1800);
}

static void old_entries_are_given_up(void)
{
	write_old_entries();
	extra_option = "redis.maxage", extra_value = "1h";
	struct run run = start_courier(url(), "10s", NULL);
	push_alerts(&run, 1, 5);
	CHECK(reaches(&run, YG_CC_REDIS_TRIMS, 2) && reaches(&run, YG_CC_ALERTS_DELIVERED, 5));
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(ask_number("XLEN yagura:test:alerts") == 55); // five nodes of ten gone, 1-51 to 1-100 left, and the five new ones
	CHECK(ask_number("XLEN yagura:test:marks") == 2);   // the young one, and that of this courier
	CHECK(counter(&run, YG_CC_REDIS_TRIMS) == 2 && counter(&run, YG_CC_REDIS_ERRORS) == 0);
	let_go(&run);
	extra_value = "0s";
	write_old_entries();
	run = start_courier(url(), "10s", NULL);
	push_alerts(&run, 1, 5);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(ask_number("XLEN yagura:test:alerts") == 105 && ask_number("XLEN yagura:test:marks") == 3);
	let_go(&run);
	extra_option = NULL;
}

static void trimming_without_the_right_hurts_nobody(void)
{
	char text[192];
	write_old_entries();
	tell_redis("ACL SETUSER narrow on >x ~yagura:test:* +xadd +xinfo +multi +exec");
	snprintf(text, sizeof text, "unix://narrow:x@%s", socket_path);
	extra_option = "redis.maxage", extra_value = "1h";
	struct run run = start_courier(text, "5s", NULL);
	push_alerts(&run, 1, 5);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(counter(&run, YG_CC_ALERTS_DELIVERED) == 5 && counter(&run, YG_CC_REDIS_TRIMS) == 0 && counter(&run, YG_CC_REDIS_ERRORS) == 0);
	let_go(&run);
	extra_option = NULL;
}

static void entries_wait_for_their_replicas(void)
{
	tell_redis("FLUSHALL");
	extra_option = "redis.replicas", extra_value = "1";
	struct run run = start_courier(url(), "2s", NULL);
	push_alerts(&run, 1, 20);
	CHECK(reaches(&run, YG_CC_REDIS_UNREPLICATED, 1));
	CHECK(counter(&run, YG_CC_ALERTS_DELIVERED) == 0 && counter(&run, YG_CC_ALERTS_PENDING) == 20);
	CHECK(counter(&run, YG_CC_REDIS_STATE) == YG_REDIS_NOREPLICAS);
	CHECK(ask_number("XLEN yagura:test:alerts") == 20);
	tell_redis("DEL yagura:test:alerts"); // what a failover to an empty replica looks like
	tell_redis("CLIENT KILL TYPE normal SKIPME yes");
	CHECK(reaches(&run, YG_CC_REDIS_RESENT, 20));
	CHECK(end_courier(&run) == YG_EXIT_UNDELIVERED);
	CHECK(counter(&run, YG_CC_REDIS_LOST) == 0 && counter(&run, YG_CC_REDIS_GENERATION) == 1);
	CHECK(check_stream(0, 20, 1) == 20);
	let_go(&run);
	extra_option = NULL;
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		RIG_TEST(alerts_arrive_once_and_in_order),
		RIG_TEST(the_same_run_twice_gives_twice_the_entries),
		RIG_TEST(redis_that_comes_late_gets_everything),
		RIG_TEST(a_lost_answer_gives_no_duplicate),
		RIG_TEST(a_killed_redis_gets_the_rest),
		RIG_TEST(a_killed_courier_gives_no_duplicate),
		RIG_TEST(a_foreign_writer_is_left_alone),
		RIG_TEST(no_redis_is_exit_69),
		RIG_TEST(a_full_redis_is_tried_again),
		RIG_TEST(a_wrong_password_is_named),
		RIG_TEST(without_any_sink_alerts_are_read),
		RIG_TEST(a_full_disk_is_exit_69),
		RIG_TEST(a_supervisor_that_dies_ends_the_courier),
		RIG_TEST(what_redis_lost_is_counted),
		RIG_TEST(a_single_alert_does_not_wait_for_others),
		RIG_TEST(old_entries_are_given_up),
		RIG_TEST(trimming_without_the_right_hurts_nobody),
		RIG_TEST(entries_wait_for_their_replicas),
	};
	int status = begin_tests(argc, argv);
	return status ? status : run_tests(tests, sizeof tests / sizeof tests[0], argc > 2 ? argv[2] : NULL);
}

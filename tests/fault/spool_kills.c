// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The spool on disk under blows: a real yagura-courier, a real redis-server. Usage: spool_kills COURIER [TEST]. Exits 77 without
// redis-server. It proves:
//
//   kills_lose_nothing_and_repeat_nothing   courier and redis-server killed with -9 in turn at random moments under 5,000 alerts a second
//                                           (50 times; 1,000 with YAGURA_LONG): in the stream each alert once and in order, the same in the
//                                           EVE file, the books kept; how long it took to come back is printed
//   the_last_alerts_of_a_run_are_delivered  those too that came in the moment before its end
//   another_generation_repeats_nothing      somebody else writes above ours: a new generation, and nothing of the old one is sent again
//   another_run_goes_on                     what a run could not deliver is delivered by the next, in the same generation
//   a_redis_that_forgot_is_mended           entries that vanished from the stream are sent again
//   a_long_absence_is_caught_up             Redis away for a hundred thousand alerts (600,000 with YAGURA_LONG), then back: all of them, in
//                                           order; the rate is printed and is to be 20,000 a second
//   a_full_disk_is_counted                  a spool of 2 MiB, Redis away: what is refused is counted and of low severity, the engine's ring
//                                           never fills; all that was taken is delivered
//
// One process plays supervisor and engine; the test of `yagura run` as a whole is tests/live/struck.py.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "redis_rig.h"

enum { KILLS = 50, ROUNDS_LONG = 20, ALERTS_A_SECOND = 5000, ABSENT = 100000, ABSENT_LONG = 600000, CATCH_UP_LEAST = 20000, PAGE = 5000 };

static char spool_path[96];
static uint32_t random_state = 20260707;

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

static void remove_folder(const char *path)
{
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", path, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void use_spool(const char *size)
{
	remove_folder(spool_path);
	unlink(eve_path);
	more_options[0][0] = "spool.folder", more_options[0][1] = spool_path;
	more_options[1][0] = "spool.size", more_options[1][1] = size;
	more_options[2][0] = NULL;
}

// The number in "test 17" of an EVE line; 0 when there is none.
static unsigned number_of(const char *line)
{
	const char *at = strstr(line, "\"test ");
	return at ? (unsigned)strtoul(at + 6, NULL, 10) : 0;
}

struct seen {
	unsigned entries, last, repeated, unordered, missing;
	char first_id[48], last_id[48];
};

static void see(struct seen *s, const char *line)
{
	unsigned n = number_of(line);
	s->entries++;
	s->repeated += n == s->last;
	s->unordered += n < s->last;
	s->missing += n > s->last + 1 ? n - s->last - 1 : 0;
	s->last = n > s->last ? n : s->last;
}

// The stream, a page at a time.
static struct seen see_stream(void)
{
	struct seen s = {0};
	char from[64] = "-";
	redisContext *c = ask_redis(NULL);
	for (size_t n = PAGE; c && n == PAGE;) {
		redisReply *r = redisCommand(c, "XRANGE yagura:test:alerts %s + COUNT %d", from, PAGE);
		n = r && r->type == REDIS_REPLY_ARRAY ? r->elements : 0;
		for (size_t i = 0; i < n; i++) {
			see(&s, r->element[i]->element[1]->element[1]->str);
			if (!s.first_id[0])
				snprintf(s.first_id, sizeof s.first_id, "%s", r->element[i]->element[0]->str);
			snprintf(s.last_id, sizeof s.last_id, "%s", r->element[i]->element[0]->str);
		}
		snprintf(from, sizeof from, "(%s", s.last_id);
		freeReplyObject(r);
	}
	CHECK(c);
	if (c)
		redisFree(c);
	return s;
}

static struct seen see_file(void)
{
	struct seen s = {0};
	static char line[64 * 1024];
	FILE *f = fopen(eve_path, "r");
	while (f && fgets(line, sizeof line, f))
		see(&s, line);
	if (f)
		fclose(f);
	return s;
}

static void check_all(const char *where, struct seen s, unsigned count)
{
	if (s.entries != count || s.repeated || s.unordered || s.missing)
		fprintf(stderr, "%s: %u entries of %u, %u repeated, %u out of order, %u missing, last %u\n", where, s.entries, count, s.repeated,
		        s.unordered, s.missing, s.last);
	CHECK(s.entries == count && !s.repeated && !s.unordered && !s.missing && s.last == count);
}

static bool all_delivered(const struct run *run, uint64_t count, int seconds)
{
	for (int i = 0; i < seconds * 100 && counter(run, YG_CC_ALERTS_DELIVERED) < count; i++)
		pause_ms(10);
	return counter(run, YG_CC_ALERTS_DELIVERED) == count;
}

// Pushes at the rate until `until`.
static unsigned push_until(struct run *run, unsigned next, double begin, double until)
{
	while (now_s() < until) {
		unsigned due = (unsigned)((now_s() - begin) * ALERTS_A_SECOND) + 1;
		if (next < due) {
			unsigned n = due - next < 200 ? due - next : 200;
			push_alerts(run, next, n);
			next += n;
		}
		pause_ms(1);
	}
	return next;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

// *back: how long it took each time until Redis got something again. Returns the number of alerts.
static unsigned round_of_kills(unsigned kills, double *back)
{
	unsigned next = 1;
	use_spool("1GiB");
	tell_redis("FLUSHALL");
	struct run run = start_courier(url(), "30s", eve_path);
	double begin = now_s();
	for (unsigned k = 0; k < kills; k++) {
		next = push_until(&run, next, begin, now_s() + 0.02 + draw(150) / 1000.0);
		double struck = now_s();
		uint64_t delivered = counter(&run, YG_CC_REDIS_DELIVERED);
		if (k % 2) {
			stop_redis(SIGKILL);
			start_redis(NULL);
		} else {
			kill(run.pid, SIGKILL);
			CHECK(wait_courier(&run) == 1000 + SIGKILL);
			spawn_courier(&run);
		}
		while (counter(&run, YG_CC_REDIS_DELIVERED) <= delivered && now_s() < struck + 10)
			next = push_until(&run, next, begin, now_s() + 0.005);
		back[k] = now_s() - struck;
		CHECK(back[k] < 10);
	}
	unsigned count = next - 1;
	CHECK(all_delivered(&run, count, 60));
	CHECK(counter(&run, YG_CC_ALERTS_READ) == count && counter(&run, YG_CC_ALERTS_PENDING) == 0 && counter(&run, YG_CC_SPOOL_SHED) == 0);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	check_all("stream", see_stream(), count);
	check_all("file", see_file(), count);
	let_go(&run);
	return count;
}

// In rounds, so that the server that is killed does not read gigabytes each time it comes back.
static void kills_lose_nothing_and_repeat_nothing(void)
{
	unsigned rounds = long_form() ? ROUNDS_LONG : 1, kills = rounds * KILLS;
	unsigned long long alerts = 0;
	int before = failures;
	double *back = calloc(kills, sizeof *back);
	for (unsigned i = 0; i < rounds; i++)
		alerts += round_of_kills(KILLS, back + (size_t)i * KILLS);
	qsort(back, kills, sizeof *back, by_value);
	printf("# %u kills under %llu alerts: %s; delivering again after %.0f ms (median), %.0f ms (99 %%), %.0f ms (most)\n", kills, alerts,
	       failures == before ? "lost 0, repeated 0" : "NOT so, see above", 1e3 * back[kills / 2], 1e3 * back[kills * 99 / 100],
	       1e3 * back[kills - 1]);
	free(back);
}

static void the_last_alerts_of_a_run_are_delivered(void)
{
	unsigned count = 0;
	for (unsigned i = 0; i < 20; i++) {
		use_spool("1GiB");
		tell_redis("FLUSHALL");
		struct run run = start_courier(url(), "10s", eve_path);
		push_alerts(&run, 1, 100);
		CHECK(all_delivered(&run, 100, 10));
		push_alerts(&run, 101, 5);
		CHECK(end_courier(&run) == YG_EXIT_OK);
		CHECK(counter(&run, YG_CC_ALERTS_DELIVERED) == 105 && counter(&run, YG_CC_ALERTS_PENDING) == 0);
		check_all("stream", see_stream(), 105);
		check_all("file", see_file(), 105);
		count += 105;
		let_go(&run);
	}
	CHECK(count == 20 * 105);
}

static void another_generation_repeats_nothing(void)
{
	use_spool("1GiB");
	tell_redis("FLUSHALL");
	struct run run = start_courier(url(), "10s", NULL);
	push_alerts(&run, 1, 1000);
	CHECK(all_delivered(&run, 1000, 10));
	CHECK(end_courier(&run) == YG_EXIT_OK);
	let_go(&run);
	tell_redis("XADD yagura:test:alerts 5-1 eve foreign");
	for (unsigned i = 0; i < 2; i++) { // the first takes a generation and sends nothing; the second finds neither
		run = start_courier(url(), "10s", NULL);
		CHECK(reaches(&run, YG_CC_REDIS_CONNECTS, 1));
		pause_ms(200);
		CHECK(end_courier(&run) == YG_EXIT_OK && counter(&run, YG_CC_REDIS_RESENT) == 0);
		let_go(&run);
	}
	run = start_courier(url(), "10s", NULL);
	push_alerts(&run, 1001, 10);
	CHECK(all_delivered(&run, 10, 10));
	CHECK(end_courier(&run) == YG_EXIT_OK);
	struct seen s = see_stream();
	CHECK(s.entries == 1000 + 1 + 10 && s.repeated == 0 && s.last == 1010);
	let_go(&run);
}

static void another_run_goes_on(void)
{
	use_spool("1GiB");
	tell_redis("FLUSHALL");
	struct run run = start_courier(url(), "10s", NULL);
	push_alerts(&run, 1, 100);
	CHECK(all_delivered(&run, 100, 10));
	stop_redis(SIGTERM);
	push_alerts(&run, 101, 1900);
	CHECK(reaches(&run, YG_CC_ALERTS_READ, 2000));
	kill(run.pid, SIGTERM);
	CHECK(wait_courier(&run) == YG_EXIT_OK); // they are safe, and that is no failure
	CHECK(counter(&run, YG_CC_ALERTS_PENDING) == 1900 && counter(&run, YG_CC_SPOOL_HELD) == 1900);
	let_go(&run);
	start_redis(NULL);
	run = start_courier(url(), "10s", NULL);
	CHECK(reaches(&run, YG_CC_REDIS_DELIVERED, 1900));
	CHECK(counter(&run, YG_CC_SPOOL_CARRIED) == 1900 && counter(&run, YG_CC_ALERTS_READ) == 0);
	struct seen s = see_stream();
	check_all("stream", s, 2000);
	CHECK(strcmp(s.first_id, "1-1") == 0 && strcmp(s.last_id, "1-2000") == 0);
	push_alerts(&run, 1, 5); // sequences of its own ring, which begin anew
	CHECK(all_delivered(&run, 5, 10));
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(strcmp(see_stream().last_id, "1-2005") == 0);
	CHECK(counter(&run, YG_CC_SPOOL_HELD) == 0);
	let_go(&run);
}

static void a_redis_that_forgot_is_mended(void)
{
	use_spool("1GiB");
	tell_redis("FLUSHALL");
	struct run run = start_courier(url(), "10s", NULL);
	push_alerts(&run, 1, 3000);
	CHECK(all_delivered(&run, 3000, 20));
	tell_redis("FLUSHALL");
	stop_redis(SIGTERM);
	start_redis(NULL);
	push_alerts(&run, 3001, 1);
	CHECK(all_delivered(&run, 3001, 20));
	CHECK(end_courier(&run) == YG_EXIT_OK);
	check_all("stream", see_stream(), 3001);
	CHECK(counter(&run, YG_CC_REDIS_RESENT) == 3000 && counter(&run, YG_CC_ALERTS_DELIVERED) == 3001);
	let_go(&run);
}

static void a_long_absence_is_caught_up(void)
{
	unsigned count = long_form() ? ABSENT_LONG : ABSENT;
	use_spool("4GiB");
	more_options[2][0] = "redis.maxlen", more_options[2][1] = "1000000";
	more_options[3][0] = NULL;
	tell_redis("FLUSHALL");
	stop_redis(SIGTERM);
	struct run run = start_courier(url(), "120s", NULL);
	double begin = now_s();
	for (unsigned i = 1; i <= count; i += 500)
		push_alerts(&run, i, 500);
	CHECK(reaches(&run, YG_CC_ALERTS_READ, count));
	double spooled = now_s();
	CHECK(counter(&run, YG_CC_SPOOL_SHED) == 0);
	start_redis(NULL);
	redisContext *c = ask_redis(NULL);
	CHECK(c);
	if (c)
		redisFree(c);
	while (counter(&run, YG_CC_REDIS_DELIVERED) == 0 && now_s() < spooled + 30)
		pause_ms(1);
	double first = now_s();
	CHECK(all_delivered(&run, count, 120));
	double rate = count / (now_s() - first);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	check_all("stream", see_stream(), count);
	printf("# %u alerts into the spool at %.0f a second, out of it into Redis at %.0f a second\n", count, count / (spooled - begin), rate);
	CHECK(rate >= CATCH_UP_LEAST);
	let_go(&run);
}

enum { ONE_IN = 5 };

static uint8_t one_in_some_is_high(unsigned number)
{
	return number % ONE_IN ? YG_SEV_LOW : YG_SEV_HIGH;
}

static unsigned high_in_stream(void)
{
	unsigned high = 0;
	redisContext *c = ask_redis(NULL);
	redisReply *r = c ? redisCommand(c, "XRANGE yagura:test:alerts - +") : NULL;
	for (size_t i = 0; r && r->type == REDIS_REPLY_ARRAY && i < r->elements; i++)
		high += number_of(r->element[i]->element[1]->element[1]->str) % ONE_IN == 0;
	freeReplyObject(r);
	if (c)
		redisFree(c);
	return high;
}

static void a_full_disk_is_counted(void)
{
	enum { COUNT = 4000 };
	use_spool("2MiB");
	more_options[2][0] = "spool.retention", more_options[2][1] = "0s";
	more_options[3][0] = NULL;
	severity_of = one_in_some_is_high;
	tell_redis("FLUSHALL");
	stop_redis(SIGTERM);
	struct run run = start_courier(url(), "20s", eve_path); // which reads far ahead of Redis
	push_alerts(&run, 1, COUNT);
	for (int i = 0; i < 500 && counter(&run, YG_CC_ALERTS_READ) + counter(&run, YG_CC_SPOOL_SHED) < COUNT; i++)
		pause_ms(10);
	pause_ms(100);
	CHECK(yg_ring_has_room(&run.alerts, YG_ALERT_SLOTS)); // the engine's ring is empty again
	uint64_t taken = counter(&run, YG_CC_ALERTS_READ), shed = counter(&run, YG_CC_SPOOL_SHED);
	CHECK(taken + shed == COUNT && shed > 0 && taken > 300);
	start_redis(NULL);
	CHECK(all_delivered(&run, taken, 20));
	CHECK(end_courier(&run) == YG_EXIT_OK);
	struct seen s = see_stream();
	CHECK(s.entries == taken && !s.repeated && !s.unordered && s.missing + (COUNT - s.last) == shed);
	CHECK(high_in_stream() == COUNT / ONE_IN);
	CHECK(counter(&run, YG_CC_ALERTS_DELIVERED) == taken && counter(&run, YG_CC_ALERTS_PENDING) == 0);
	CHECK(see_file().entries == taken);
	printf("# a spool of 2 MiB took %llu of %u alerts, all of high severity among them\n", (unsigned long long)taken, COUNT);
	severity_of = NULL;
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
		{"kills_lose_nothing_and_repeat_nothing", kills_lose_nothing_and_repeat_nothing},
		{"the_last_alerts_of_a_run_are_delivered", the_last_alerts_of_a_run_are_delivered},
		{"another_generation_repeats_nothing", another_generation_repeats_nothing},
		{"another_run_goes_on", another_run_goes_on},
		{"a_redis_that_forgot_is_mended", a_redis_that_forgot_is_mended},
		{"a_long_absence_is_caught_up", a_long_absence_is_caught_up},
		{"a_full_disk_is_counted", a_full_disk_is_counted},
	};
	if (argc < 2) {
		fprintf(stderr, "usage: spool_kills COURIER [TEST]\n");
		return 2;
	}
	courier_path = argv[1];
	snprintf(folder, sizeof folder, "/tmp/yagura-fault-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	snprintf(socket_path, sizeof socket_path, "%s/redis", folder);
	snprintf(eve_path, sizeof eve_path, "%s/eve.json", folder);
	snprintf(spool_path, sizeof spool_path, "%s/spool", folder);
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
		printf("%s - %s\n", failures == before ? "ok" : "not ok", test_name);
		fflush(stdout);
	}
	clean_up();
	return failures != 0;
}

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
//   a_full_spool_is_counted                 a spool of 2 MiB, Redis away: what is refused is counted and of low severity, the engine's ring
//                                           never fills; all that was taken is delivered
//   a_full_disk_is_counted                  a file system of 16 MiB and 40,000 alerts (a million with YAGURA_LONG): the same, and the gap
//                                           records in the log are what was lost, to the alert; room that comes free is used
//   a_disk_that_dies_at_the_end_is_exit_69  at once when its time is up; what it could not take is there for the next courier of the run
//
// One process plays supervisor and engine; the test of `yagura run` as a whole is tests/live/struck.py.
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "redis_rig.h"

enum { KILLS = 50, ROUNDS_LONG = 20, ALERTS_A_SECOND = 5000, ABSENT = 100000, ABSENT_LONG = 600000, CATCH_UP_LEAST = 20000, PAGE = 5000,
       FLOOD = 40000, FLOOD_LONG = 1000000 };

static char spool_path[96];
static unsigned one_in; // alerts is of high severity; 0: each
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
	unsigned entries, last, repeated, unordered, missing, high;
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
	s->high += one_in && n % one_in == 0;
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

static uint8_t one_in_some_is_high(unsigned number)
{
	return number % one_in ? YG_SEV_LOW : YG_SEV_HIGH;
}

static void make_some_high(unsigned n)
{
	one_in = n;
	severity_of = n ? one_in_some_is_high : NULL;
}

// All that was pushed is taken or refused, and the engine's ring is empty again.
static void all_is_taken_or_refused(struct run *run, unsigned count)
{
	for (int i = 0; i < 1000 && counter(run, YG_CC_ALERTS_READ) + counter(run, YG_CC_SPOOL_SHED) < count; i++)
		pause_ms(10);
	pause_ms(100);
	CHECK(counter(run, YG_CC_ALERTS_READ) + counter(run, YG_CC_SPOOL_SHED) == count);
	CHECK(yg_ring_has_room(&run->alerts, YG_ALERT_SLOTS));
}

static void a_full_spool_is_counted(void)
{
	enum { COUNT = 4000, ONE_IN = 5 };
	use_spool("2MiB");
	more_options[2][0] = "spool.retention", more_options[2][1] = "0s";
	more_options[3][0] = NULL;
	make_some_high(ONE_IN);
	tell_redis("FLUSHALL");
	stop_redis(SIGTERM);
	struct run run = start_courier(url(), "20s", eve_path); // which reads far ahead of Redis
	push_alerts(&run, 1, COUNT);
	all_is_taken_or_refused(&run, COUNT);
	uint64_t taken = counter(&run, YG_CC_ALERTS_READ), shed = counter(&run, YG_CC_SPOOL_SHED);
	CHECK(shed > 0 && taken > 300);
	start_redis(NULL);
	CHECK(all_delivered(&run, taken, 20));
	CHECK(end_courier(&run) == YG_EXIT_OK);
	struct seen s = see_stream();
	CHECK(s.entries == taken && !s.repeated && !s.unordered && s.missing + (COUNT - s.last) == shed);
	CHECK(s.high == COUNT / ONE_IN);
	CHECK(counter(&run, YG_CC_ALERTS_DELIVERED) == taken && counter(&run, YG_CC_ALERTS_PENDING) == 0);
	CHECK(see_file().entries == taken);
	printf("# a spool of 2 MiB took %llu of %u alerts, all of high severity among them\n", (unsigned long long)taken, COUNT);
	make_some_high(0);
	let_go(&run);
}

// What the log itself says of its losses, by `yagura spool stats` beside the courier. False when it says nothing.
static bool ask_the_log(const char *path, uint64_t *ret_high, uint64_t *ret_alert)
{
	char command[512], text[8192];
	unsigned long long high = 0, alert = 0;
	int beside = (int)(strrchr(courier_path, '/') - courier_path);
	snprintf(command, sizeof command, "%.*s/yagura spool stats --json %s", beside, courier_path, path);
	FILE *f = popen(command, "r");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	text[n] = 0;
	const char *lost = strstr(text, "\"lost\":");
	bool said = lost && sscanf(lost, "\"lost\":{\"high\":%llu,\"alert\":%llu", &high, &alert) == 2;
	if (f)
		pclose(f);
	*ret_high = high;
	*ret_alert = alert;
	return said;
}

// A file system of 16 MiB in a mount namespace of this process. False when that may not be.
static bool mount_small(const char *path)
{
	mkdir(path, 0700);
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", path, "tmpfs", 0, "size=16m") == 0;
}

static void fill_up(const char *path, off_t bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && posix_fallocate(fd, 0, bytes) == 0);
	close(fd);
}

static void a_full_disk_is_counted(void)
{
	enum { HIGH = 2000, AFTER = 1000, FILLER = 4 << 20 };
	unsigned count = long_form() ? FLOOD_LONG : FLOOD;
	char small[80], filler[96];
	uint64_t lost_high = 0, lost_alert = 0;
	snprintf(small, sizeof small, "%s/small", folder);
	snprintf(filler, sizeof filler, "%s/filler", small);
	if (!mount_small(small)) {
		printf("skip - a_full_disk_is_counted: no mount namespace of its own\n");
		return;
	}
	fill_up(filler, FILLER);
	use_spool("4GiB"); // the disk is full long before
	snprintf(spool_path, sizeof spool_path, "%s/spool", small);
	make_some_high(count / HIGH);
	tell_redis("FLUSHALL");
	stop_redis(SIGTERM);
	struct run run = start_courier(url(), "20s", NULL);
	for (unsigned i = 1; i <= count; i += 500)
		push_alerts(&run, i, 500); // waits for room in the ring, as the engine does not: there is always some soon
	all_is_taken_or_refused(&run, count);
	uint64_t taken = counter(&run, YG_CC_ALERTS_READ);
	CHECK(counter(&run, YG_CC_SPOOL_SHED) > 10000 && taken > 5000);
	unlink(filler); // Redis still being away
	pause_ms(1500); // the log looks for room each second
	push_alerts(&run, count + 1, AFTER);
	all_is_taken_or_refused(&run, count + AFTER);
	CHECK(counter(&run, YG_CC_ALERTS_READ) == taken + AFTER);
	taken += AFTER;
	start_redis(NULL);
	CHECK(all_delivered(&run, taken, 30));
	uint64_t shed = counter(&run, YG_CC_SPOOL_SHED);
	CHECK(ask_the_log(spool_path, &lost_high, &lost_alert) && lost_high == 0 && lost_alert == shed);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	struct seen s = see_stream();
	CHECK(s.entries == taken && !s.repeated && !s.unordered && s.missing == shed && s.last == count + AFTER);
	CHECK(s.high == (count + AFTER) / one_in);
	printf("# a disk of 16 MiB took %llu of %u alerts; gap records tell of %llu of %llu lost; of high severity %u of %u\n",
	       (unsigned long long)taken, count + AFTER, (unsigned long long)(lost_high + lost_alert), (unsigned long long)shed, s.high,
	       (count + AFTER) / one_in);
	make_some_high(0);
	let_go(&run);
	umount(small);
	snprintf(spool_path, sizeof spool_path, "%s/spool", folder);
}

// Nothing can be written any more when the run ends. What only the engine's ring has then is said, and kept as long as that memory is.
static void a_disk_that_dies_at_the_end_is_exit_69(void)
{
	const struct rlimit nothing = {1, 1};
	use_spool("1GiB");
	tell_redis("FLUSHALL");
	struct run run = start_courier(url(), "1s", NULL);
	push_alerts(&run, 1, 100);
	CHECK(all_delivered(&run, 100, 10));
	CHECK(prlimit(run.pid, RLIMIT_FSIZE, &nothing, NULL) == 0);
	push_alerts(&run, 101, 50);
	double begin = now_s();
	CHECK(end_courier(&run) == YG_EXIT_UNDELIVERED);
	CHECK(now_s() - begin < 1 + 2);
	CHECK(counter(&run, YG_CC_SPOOL_UP) == 0);
	CHECK(counter(&run, YG_CC_SPOOL_ERRORS) > 0);
	printf("# with a disk that takes nothing the courier ends after %.1f s\n", now_s() - begin);
	spawn_courier(&run); // over the same memory, with a disk that works
	CHECK(wait_courier(&run) == YG_EXIT_OK);
	check_all("stream", see_stream(), 150);
	let_go(&run);
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		RIG_TEST(kills_lose_nothing_and_repeat_nothing),
		RIG_TEST(the_last_alerts_of_a_run_are_delivered),
		RIG_TEST(another_generation_repeats_nothing),
		RIG_TEST(another_run_goes_on),
		RIG_TEST(a_redis_that_forgot_is_mended),
		RIG_TEST(a_long_absence_is_caught_up),
		RIG_TEST(a_full_spool_is_counted),
		RIG_TEST(a_full_disk_is_counted),
		RIG_TEST(a_disk_that_dies_at_the_end_is_exit_69),
	};
	int status = begin_tests(argc, argv);
	if (status)
		return status;
	snprintf(spool_path, sizeof spool_path, "%s/spool", folder);
	return run_tests(tests, sizeof tests / sizeof tests[0], argc > 2 ? argv[2] : NULL);
}

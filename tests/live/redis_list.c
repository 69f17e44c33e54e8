// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Lists and channels of Redis, as others read them: a real yagura-courier, a real redis-server. Usage: redis_list COURIER [TEST]. Exits 77
// without redis-server. It proves:
//
//   a_client_with_blpop_gets_all_in_order    rpush, as Logstash reads with batch_count 1; the bytes are those of the stream
//   a_client_with_a_script_gets_all_in_order    LRANGE and LTRIM in a script, as Logstash reads batches
//   fever_drains_the_list                   lpush, key suricata: FEVER of Debian takes every line, and what it forwards is ours (skipped
//                                           where it is not installed)
//   a_list_nobody_reads_is_cut              the newest lines stay, on either end, and what is cut off is counted
//   kills_push_each_line_once               courier and redis-server killed with -9 in turn (10 times; 100 with YAGURA_LONG), with a spool
//                                           on disk and flow records: the list has everything once and in order
//   without_a_spool_too                     the same from the ring alone, the courier killed
//   a_batch_that_comes_late_counts_once     what an older connection had sent is carried out after the courier has asked where to go on
//   a_list_that_is_none_holds_nothing_else  the key holds a string: alerts go to their stream; then the list gets all, once
//   a_list_that_is_no_longer_one_loses_none the key becomes a string between two batches: what was not pushed is, when it is gone
//   a_new_spool_pushes_its_own              the mark of another spool is none
//   a_channel_is_heard                      every line by who listens, what nobody heard is counted
//   a_channel_says_nothing_twice            Redis stopped with lines in its socket: they are counted, and not said again
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "redis_rig.h"

enum { KILLS = 10, KILLS_LONG = 100, LINES = 500 };

static char spool_path[96];

static double now_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void option(size_t i, const char *name, const char *value)
{
	more_options[i][0] = name, more_options[i][1] = value;
	more_options[i + 1][0] = NULL;
}

static void use_list(const char *push)
{
	tell_redis("FLUSHALL");
	option(0, "redis.list.key", "suricata");
	option(1, "redis.list.push", push);
}

static unsigned number_of(const char *line, const char *mark)
{
	const char *at = strstr(line, mark);
	return at ? (unsigned)strtoul(at + strlen(mark), NULL, 10) : 0;
}

static unsigned alert_in(const char *line)
{
	return number_of(line, "\"test ");
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

// ---- readers ----

static void a_client_with_blpop_gets_all_in_order(void)
{
	use_list("rpush");
	struct run run = start_courier(url(), "10s", NULL);
	redisContext *c = ask_redis(NULL), *other = ask_redis(NULL);
	CHECK(c && other);
	push_alerts(&run, 1, LINES);
	for (unsigned i = 1; i <= LINES; i++) {
		redisReply *r = redisCommand(c, "BLPOP suricata 5");
		CHECK(r && r->type == REDIS_REPLY_ARRAY && r->elements == 2 && alert_in(r->element[1]->str) == i);
		redisReply *same = redisCommand(other, "XRANGE yagura:test:alerts 1-%u 1-%u", i, i);
		if (r && r->type == REDIS_REPLY_ARRAY && same && same->elements == 1) // the stream may lag behind the list
			CHECK(strcmp(same->element[0]->element[1]->element[1]->str, r->element[1]->str) == 0);
		freeReplyObject(same);
		freeReplyObject(r);
	}
	redisFree(c);
	redisFree(other);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(counter(&run, YG_CC_LIST_DELIVERED) == LINES && counter(&run, YG_CC_LIST_TRIMMED) == 0 && ask_number("LLEN suricata") == 0);
	let_go(&run);
}

static void a_client_with_a_script_gets_all_in_order(void)
{
	static const char script[] = "local n = tonumber(ARGV[1]) local r = redis.call('LRANGE', KEYS[1], 0, n - 1) "
	                             "redis.call('LTRIM', KEYS[1], n, -1) return r";
	unsigned next = 1;
	use_list("rpush");
	struct run run = start_courier(url(), "10s", NULL);
	redisContext *c = ask_redis(NULL);
	push_alerts(&run, 1, LINES);
	for (double until = now_s() + 10; next <= LINES && now_s() < until;) {
		redisReply *r = redisCommand(c, "EVAL %s 1 suricata 125", script);
		for (size_t i = 0; r && r->type == REDIS_REPLY_ARRAY && i < r->elements; i++, next++)
			CHECK(alert_in(r->element[i]->str) == next);
		freeReplyObject(r);
	}
	CHECK(next == LINES + 1);
	redisFree(c);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	let_go(&run);
}

static uint16_t free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || getsockname(fd, (struct sockaddr *)&at, &length) < 0)
		exit(1);
	close(fd);
	return ntohs(at.sin_port);
}

static pid_t start_program(char *const *words)
{
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execvp(words[0], words);
		_exit(127);
	}
	return pid;
}

static void end_program(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

// What FEVER sends on, until `count` lines have come or none for a second. Returns how many different alerts there were.
static unsigned forwarded(int fd, unsigned count, unsigned *ret_lines)
{
	static bool seen[LINES + 1];
	static char line[64 * 1024];
	struct timeval limit = {1, 0};
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	unsigned different = 0;
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	for (*ret_lines = 0; f && *ret_lines < count && fgets(line, sizeof line, f);) {
		unsigned n = alert_in(line);
		if (n == 0 || n > LINES)
			continue;
		(*ret_lines)++;
		different += !seen[n];
		seen[n] = true;
	}
	if (f)
		fclose(f);
	return different;
}

static void fever_drains_the_list(void)
{
	char port[8], address[32], out[96], in[96], management[96], at_port[64], home[72];
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	if (system("command -v fever > /dev/null") != 0) { // NOLINT: a constant
		printf("# skipped: FEVER is not installed (Debian package fever)\n");
		return;
	}
	snprintf(port, sizeof port, "%u", free_port());
	snprintf(address, sizeof address, "127.0.0.1:%s", port);
	snprintf(at_port, sizeof at_port, "redis://127.0.0.1:%s", port);
	snprintf(out, sizeof out, "%s/fever-out", folder);
	snprintf(in, sizeof in, "%s/fever-in", folder);
	snprintf(management, sizeof management, "%s/fever-management", folder);
	snprintf(home, sizeof home, "%s/fever.yaml", folder);
	snprintf(local.sun_path, sizeof local.sun_path, "%s", out);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(listener, (struct sockaddr *)&local, sizeof local) == 0 && listen(listener, 4) == 0);
	fclose(fopen(home, "w"));
	pid_t redis = start_program((char *[]){"redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder, NULL});
	option(0, "redis.list.key", "suricata");
	option(1, "redis.list.push", "lpush");
	struct run run = start_courier(at_port, "10s", NULL);
	pid_t fever = start_program((char *[]){"fever", "run", "--config", home, "--in-redis", address, "--in-redis-nopipe", "--out-socket", out,
	                                       "--in-socket", in, "--mgmt-socket", management, "--fwd-all-types", NULL});
	// It drops what it has to forward before it has connected.
	struct timeval limit = {10, 0};
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	int fd = accept(listener, NULL, NULL);
	CHECK(fd >= 0);
	push_alerts(&run, 1, LINES);
	unsigned lines = 0, different = forwarded(fd, LINES, &lines);
	redisContext *c = redisConnect("127.0.0.1", atoi(port));
	redisReply *r = redisCommand(c, "LLEN suricata");
	CHECK(r && r->type == REDIS_REPLY_INTEGER && r->integer == 0);
	printf("# FEVER drained the list: %u lines sent on, %u different ones of %u alerts\n", lines, different, LINES);
	// Its forwarder (1.3.5) gives up what its socket does not take at once, from lists that others fill too.
	CHECK(lines >= 1 && different == lines && counter(&run, YG_CC_LIST_DELIVERED) == LINES);
	freeReplyObject(r);
	redisFree(c);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	end_program(fever);
	end_program(redis);
	close(listener);
	let_go(&run);
}

// ---- the list itself ----

// Every line of the list, from the oldest; `mark` finds its number. Checks that numbers begin at `first` and grow by one.
static unsigned check_list(bool left, const char *mark, unsigned first)
{
	redisContext *c = ask_redis(NULL);
	redisReply *r = c ? redisCommand(c, "LRANGE suricata 0 -1") : NULL;
	unsigned next = first, wrong = 0;
	for (size_t i = 0; r && r->type == REDIS_REPLY_ARRAY && i < r->elements; i++) {
		unsigned n = number_of(r->element[left ? r->elements - 1 - i : i]->str, mark);
		if (n == 0)
			continue;
		if (n != next && wrong++ < 5)
			printf("# %zu of %zu: %s%u where %u should stand\n", i, r->elements, mark, n, next);
		next = n + 1;
	}
	CHECK(wrong == 0);
	freeReplyObject(r);
	if (c)
		redisFree(c);
	return next - first;
}

static void a_list_nobody_reads_is_cut(void)
{
	for (int left = 0; left < 2; left++) {
		use_list(left ? "lpush" : "rpush");
		option(2, "redis.list.maxlen", "100");
		struct run run = start_courier(url(), "10s", NULL);
		push_alerts(&run, 1, 1000);
		CHECK(end_courier(&run) == YG_EXIT_OK);
		CHECK(counter(&run, YG_CC_LIST_DELIVERED) == 1000 && counter(&run, YG_CC_LIST_TRIMMED) == 900);
		CHECK(check_list(left, "\"test ", 901) == 100 && ask_number("LLEN suricata") == 100);
		let_go(&run);
	}
}

// A Redis 7.0 that is killed while it writes a transaction leaves it open in its log, carries out the next one behind it, and both of them
// together when it reads the log again: lines come twice that were sent once. Its own tool closes the log.
static void mend_log(void)
{
	char command[256];
	snprintf(command, sizeof command, "yes | redis-check-aof --fix %s/appendonlydir/appendonly.aof.manifest > /dev/null 2>&1", folder);
	if (system(command) != 0) // NOLINT: our own folder
		printf("# redis-check-aof does not mend this log\n");
}

static void strike(struct run *run, unsigned k)
{
	if (k % 2) {
		stop_redis(SIGKILL);
		mend_log();
		start_redis(NULL);
		return;
	}
	kill(run->pid, SIGKILL);
	CHECK(wait_courier(run) == 1000 + SIGKILL);
	spawn_courier(run);
}

static void kills_push_each_line_once(void)
{
	unsigned kills = getenv("YAGURA_LONG") ? KILLS_LONG : KILLS, alerts = 0, flows = 0;
	use_list("rpush");
	remove_folder(spool_path);
	option(2, "redis.list.maxlen", "10000000");
	option(3, "spool.folder", spool_path);
	option(4, "redis.flows", "true");
	option(5, "redis.channel", "yagura");
	struct run run = start_courier(url(), "30s", NULL);
	for (unsigned k = 0; k < kills; k++) {
		for (double until = now_s() + 0.05 + 0.013 * (k % 7); now_s() < until; pause_ms(1)) {
			push_alerts(&run, alerts + 1, 10);
			push_flows_from(&run, flows + 1, 40);
			alerts += 10;
			flows += 40;
		}
		strike(&run, k);
	}
	for (int i = 0; i < 2000 && ask_number("LLEN suricata") < alerts + flows; i++)
		pause_ms(10);
	printf("# %lld lines of %u; courier: %llu delivered, %llu errors, %llu connections\n", ask_number("LLEN suricata"), alerts + flows,
	       (unsigned long long)counter(&run, YG_CC_LIST_DELIVERED), (unsigned long long)counter(&run, YG_CC_LIST_ERRORS),
	       (unsigned long long)counter(&run, YG_CC_LIST_CONNECTS));
	CHECK(ask_number("LLEN suricata") == alerts + flows);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(check_list(false, "\"test ", 1) == alerts && check_list(false, "\"flow_id\":", 1) >= 1);
	printf("# %u kills under %u alerts and %u flow records: the list has each line once\n", kills, alerts, flows);
	let_go(&run);
}

static void without_a_spool_too(void)
{
	unsigned alerts = 0;
	use_list("lpush");
	struct run run = start_courier(url(), "30s", NULL);
	for (unsigned k = 0; k < KILLS; k++) {
		for (double until = now_s() + 0.03 + 0.007 * (k % 7); now_s() < until; pause_ms(1)) {
			push_alerts(&run, alerts + 1, 5);
			alerts += 5;
		}
		strike(&run, 0);
	}
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(ask_number("LLEN suricata") == alerts && check_list(true, "\"test ", 1) == alerts);
	let_go(&run);
}

// The place where the list stands, moved as a batch of one line does that a tunnel has held back.
static void push_late(unsigned number)
{
	char line[32];
	snprintf(line, sizeof line, "\"test %u\"", number);
	redisContext *c = ask_redis(NULL);
	redisReply *at = c ? redisCommand(c, "HMGET yagura:test:{suricata}:list spool sequence") : NULL;
	CHECK(at && at->type == REDIS_REPLY_ARRAY && at->element[0]->type == REDIS_REPLY_STRING && at->element[1]->type == REDIS_REPLY_STRING);
	if (at && at->type == REDIS_REPLY_ARRAY && at->element[1]->type == REDIS_REPLY_STRING) {
		freeReplyObject(redisCommand(c, "MULTI"));
		freeReplyObject(redisCommand(c, "RPUSH suricata %s", line));
		freeReplyObject(redisCommand(c, "HSET yagura:test:{suricata}:list spool %s sequence %llu", at->element[0]->str,
		                             strtoull(at->element[1]->str, NULL, 10) + 1));
		freeReplyObject(redisCommand(c, "EXEC"));
	}
	freeReplyObject(at);
	if (c)
		redisFree(c);
}

static void a_batch_that_comes_late_counts_once(void)
{
	use_list("rpush");
	remove_folder(spool_path);
	option(2, "spool.folder", spool_path);
	struct run run = start_courier(url(), "20s", NULL);
	push_alerts(&run, 1, 10);
	CHECK(reaches(&run, YG_CC_LIST_DELIVERED, 10));
	push_late(11);
	push_alerts(&run, 11, 10);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(ask_number("LLEN suricata") == 20 && check_list(false, "\"test ", 1) == 20);
	let_go(&run);
}

static void a_list_that_is_none_holds_nothing_else(void)
{
	use_list("rpush");
	remove_folder(spool_path);
	option(2, "spool.folder", spool_path);
	tell_redis("SET suricata occupied");
	struct run run = start_courier(url(), "20s", NULL);
	push_alerts(&run, 1, 200);
	CHECK(reaches(&run, YG_CC_REDIS_DELIVERED, 200));
	CHECK(counter(&run, YG_CC_LIST_UP) == 0 && counter(&run, YG_CC_LIST_ERRORS) > 0 && counter(&run, YG_CC_REDIS_STATE) == YG_REDIS_READY);
	CHECK(counter(&run, YG_CC_ALERTS_PENDING) == 200); // the spool holds them for the list
	tell_redis("DEL suricata");
	CHECK(reaches(&run, YG_CC_ALERTS_DELIVERED, 200));
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(check_list(false, "\"test ", 1) == 200);
	let_go(&run);
}

static void a_list_that_is_no_longer_one_loses_none(void)
{
	use_list("rpush");
	remove_folder(spool_path);
	option(2, "spool.folder", spool_path);
	struct run run = start_courier(url(), "20s", NULL);
	push_alerts(&run, 1, 10);
	CHECK(reaches(&run, YG_CC_LIST_DELIVERED, 10));
	tell_redis("SET suricata occupied"); // Redis carries out what it can of the next batch: the mark goes on, and nothing is pushed
	push_alerts(&run, 11, 10);
	CHECK(reaches(&run, YG_CC_LIST_ERRORS, 1));
	tell_redis("DEL suricata");
	CHECK(end_courier(&run) == YG_EXIT_OK && counter(&run, YG_CC_LIST_DELIVERED) == 20);
	CHECK(ask_number("LLEN suricata") == 10 && check_list(false, "\"test ", 11) == 10);
	let_go(&run);
}

static void a_new_spool_pushes_its_own(void)
{
	use_list("rpush");
	option(2, "spool.folder", spool_path);
	for (unsigned i = 0; i < 2; i++) {
		remove_folder(spool_path);
		struct run run = start_courier(url(), "20s", NULL);
		push_alerts(&run, 1, 10);
		CHECK(end_courier(&run) == YG_EXIT_OK && ask_number("LLEN suricata") == 10 * (i + 1));
		let_go(&run);
	}
}

// ---- channels ----

static void a_channel_is_heard(void)
{
	tell_redis("FLUSHALL");
	option(0, "redis.channel", "yagura");
	struct run run = start_courier(url(), "10s", NULL);
	push_alerts(&run, 1, 10);
	CHECK(reaches(&run, YG_CC_CHANNEL_PUBLISHED, 10) && counter(&run, YG_CC_CHANNEL_UNHEARD) == 10);
	redisContext *c = ask_redis(NULL);
	freeReplyObject(redisCommand(c, "SUBSCRIBE yagura"));
	push_alerts(&run, 11, LINES);
	for (unsigned i = 11; i < 11 + LINES; i++) {
		void *reply = NULL;
		bool well = redisGetReply(c, &reply) == REDIS_OK;
		redisReply *r = reply;
		CHECK(well && r->type == REDIS_REPLY_ARRAY && r->elements == 3 && alert_in(r->element[2]->str) == i);
		freeReplyObject(r);
	}
	redisFree(c);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	CHECK(counter(&run, YG_CC_CHANNEL_PUBLISHED) == 10 + LINES && counter(&run, YG_CC_CHANNEL_HEARD) == LINES);
	CHECK(counter(&run, YG_CC_CHANNEL_UNHEARD) == 10 && counter(&run, YG_CC_CHANNEL_UNANSWERED) == 0);
	let_go(&run);
}

static void a_channel_says_nothing_twice(void)
{
	tell_redis("FLUSHALL");
	option(0, "redis.channel", "yagura");
	struct run run = start_courier(url(), "10s", NULL);
	push_alerts(&run, 1, 10);
	CHECK(reaches(&run, YG_CC_CHANNEL_PUBLISHED, 10));
	kill(redis_pid, SIGSTOP);
	push_alerts(&run, 11, 10);
	CHECK(reaches(&run, YG_CC_CHANNEL_ERRORS, 1));
	kill(redis_pid, SIGCONT);
	push_alerts(&run, 21, 10);
	CHECK(end_courier(&run) == YG_EXIT_OK);
	uint64_t unanswered = counter(&run, YG_CC_CHANNEL_UNANSWERED);
	CHECK(unanswered >= 1 && unanswered <= 10 && counter(&run, YG_CC_CHANNEL_PUBLISHED) == 30 - unanswered);
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
		{"a_client_with_blpop_gets_all_in_order", a_client_with_blpop_gets_all_in_order},
		{"a_client_with_a_script_gets_all_in_order", a_client_with_a_script_gets_all_in_order},
		{"fever_drains_the_list", fever_drains_the_list},
		{"a_list_nobody_reads_is_cut", a_list_nobody_reads_is_cut},
		{"kills_push_each_line_once", kills_push_each_line_once},
		{"without_a_spool_too", without_a_spool_too},
		{"a_batch_that_comes_late_counts_once", a_batch_that_comes_late_counts_once},
		{"a_list_that_is_none_holds_nothing_else", a_list_that_is_none_holds_nothing_else},
		{"a_list_that_is_no_longer_one_loses_none", a_list_that_is_no_longer_one_loses_none},
		{"a_new_spool_pushes_its_own", a_new_spool_pushes_its_own},
		{"a_channel_is_heard", a_channel_is_heard},
		{"a_channel_says_nothing_twice", a_channel_says_nothing_twice},
	};
	if (argc < 2) {
		fprintf(stderr, "usage: redis_list COURIER [TEST]\n");
		return 2;
	}
	courier_path = argv[1];
	snprintf(folder, sizeof folder, "/tmp/yagura-list-XXXXXX");
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
		more_options[0][0] = NULL;
		tests[i].run();
		printf("%s %s\n", failures == before ? "ok" : "NOT ok", tests[i].name);
		fflush(stdout);
	}
	clean_up();
	return failures ? 1 : 0;
}

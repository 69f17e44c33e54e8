// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura-courier against a real redis-server on a UNIX socket in a folder of its own. This program plays the supervisor
// and the engine: it compiles a configuration, makes the rings, starts the courier and pushes records. Usage:
// courier_redis COURIER. Exits 77 without redis-server. It proves:
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
//
// Above 500 lines, because the rig (a server, a supervisor, an engine) is of no use without its scenarios.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
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

#include "base/ring.h"
#include "base/shm.h"
#include "config/compile.h"
#include "courier/journal.h"
#include "model/process.h"
#include "model/stats.h"

#define SKIPPED 77
#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, test_name, #condition);         \
			failures++;                                                                                    \
		}                                                                                                      \
	} while (0)

static const char *test_name = "";
static const char *courier_path;
static int failures;
static char folder[64], socket_path[96], eve_path[96];
static pid_t redis_pid;

struct run {
	pid_t pid;
	int alive[2];
	int fds[4]; // config, stats, alerts, flows
	struct yg_courier_stats *stats;
	struct yg_ring alerts, flows;
};

static void pause_ms(int ms)
{
	struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};
	nanosleep(&ts, NULL);
}

// ---- redis ----

static void start_redis(const char *password)
{
	char unix_option[96];
	snprintf(unix_option, sizeof unix_option, "%s", socket_path);
	redis_pid = fork();
	if (redis_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int null = open("/dev/null", O_RDWR);
		dup2(null, 1);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", unix_option, "--save", "",
		       "--dir", folder, "--appendonly", "yes", "--appendfsync", "always",
		       password ? "--requirepass" : "--loglevel", password ? password : "warning", (char *)NULL);
		_exit(SKIPPED);
	}
}

static void stop_redis(int signal_number)
{
	if (redis_pid <= 0)
		return;
	kill(redis_pid, signal_number);
	waitpid(redis_pid, NULL, 0);
	redis_pid = 0;
	unlink(socket_path);
}

// Waits until it answers. NULL when it never does.
static redisContext *ask_redis(const char *password)
{
	for (int i = 0; i < 100; i++) {
		redisContext *c = redisConnectUnix(socket_path);
		if (c && !c->err) {
			redisReply *r = password ? redisCommand(c, "AUTH %s", password) : redisCommand(c, "PING");
			bool ready = r && r->type == REDIS_REPLY_STATUS;
			freeReplyObject(r);
			if (ready)
				return c;
		}
		if (c)
			redisFree(c);
		int status;
		if (redis_pid > 0 && waitpid(redis_pid, &status, WNOHANG) == redis_pid)
			return NULL;
		pause_ms(50);
	}
	return NULL;
}

static void tell_redis(const char *format, ...)
{
	redisContext *c = ask_redis(NULL);
	va_list arguments;
	va_start(arguments, format);
	redisReply *r = c ? redisvCommand(c, format, arguments) : NULL;
	va_end(arguments);
	CHECK(r && r->type != REDIS_REPLY_ERROR);
	freeReplyObject(r);
	if (c)
		redisFree(c);
}

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

// ---- the courier ----

static int compile(const char *url, const char *drain, const char *eve)
{
	static const char *pairs[8][2];
	size_t n = 0;
	pairs[n][0] = "sensor.name", pairs[n++][1] = "test";
	pairs[n][0] = "redis.timeout", pairs[n++][1] = "500ms";
	pairs[n][0] = "redis.drain", pairs[n++][1] = drain;
	if (url)
		pairs[n][0] = "redis.url", pairs[n++][1] = url;
	if (eve)
		pairs[n][0] = "eve.file", pairs[n++][1] = eve;
	struct yg_compile_input input = {.overrides = (const char *const(*)[2])pairs, .overrides_count = n};
	int fd = memfd_create("config", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (yg_compile(&input, fd, stderr) != 0) {
		fprintf(stderr, "the configuration of the test does not compile\n");
		exit(1);
	}
	return fd;
}

static int make_ring(const char *name, struct yg_ring *ring, uint32_t slot_size, uint32_t count)
{
	size_t size = yg_ring_bytes(slot_size, count);
	int fd = yg_shm_create(name, size);
	void *memory = fd < 0 ? NULL : yg_shm_map(fd, size, true, NULL);
	if (!memory || yg_ring_format(memory, size, slot_size, count) ||
	    yg_ring_attach(ring, memory, size, slot_size, true))
		exit(1);
	return fd;
}

// Starts a courier, the first one or the successor of one that died.
static void spawn_courier(struct run *run)
{
	run->pid = fork();
	if (run->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		static const int targets[] = {YG_FD_CONFIG, YG_FD_STATS, YG_FD_ALERTS, YG_FD_FLOWS, YG_FD_ALIVE};
		int sources[] = {run->fds[0], run->fds[1], run->fds[2], run->fds[3], run->alive[0]};
		for (int i = 0; i < 5; i++) // away from the targets first
			sources[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, 100);
		for (int i = 0; i < 5; i++)
			dup2(sources[i], targets[i]);
		execl(courier_path, courier_path, (char *)NULL);
		_exit(127);
	}
}

static struct run start_courier(const char *url, const char *drain, const char *eve)
{
	struct run run = {.pid = -1};
	if (pipe2(run.alive, O_CLOEXEC) < 0)
		exit(1);
	run.fds[0] = compile(url, drain, eve);
	run.fds[1] = yg_shm_create("stats", sizeof(struct yg_courier_memory));
	run.stats = yg_shm_map(run.fds[1], sizeof(struct yg_courier_memory), true, NULL);
	run.fds[2] = make_ring("alerts", &run.alerts, sizeof(struct yg_alert), YG_ALERT_SLOTS);
	run.fds[3] = make_ring("flows", &run.flows, sizeof(struct yg_flow), YG_FLOW_SLOTS);
	spawn_courier(&run);
	return run;
}

static void push_alerts(struct run *run, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++) {
		CHECK(yg_ring_wait_room(&run->alerts, 1, 5000));
		struct yg_alert *alert = yg_ring_slot(&run->alerts, run->alerts.own);
		memset(alert, 0, sizeof *alert);
		snprintf(alert->kind, sizeof alert->kind, "dos.syn_flood");
		snprintf(alert->detector, sizeof alert->detector, "dos");
		snprintf(alert->text_ja, sizeof alert->text_ja, "試験 %u", i);
		snprintf(alert->text_en, sizeof alert->text_en, "test %u", i);
		alert->sequence = i;
		alert->id = i;
		alert->severity = YG_SEV_HIGH;
		alert->confidence = 0.9f;
		alert->time_ns = INT64_C(1700000000000000000) + i * INT64_C(1000000);
		alert->af = 4;
		alert->target_len = 32;
		memcpy(alert->target.b, (uint8_t[]){203, 0, 113, 10}, 4);
		yg_ring_push(&run->alerts, 1);
	}
	yg_ring_publish(&run->alerts);
}

static void push_flows(struct run *run, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		CHECK(yg_ring_wait_room(&run->flows, 1, 5000));
		struct yg_flow *flow = yg_ring_slot(&run->flows, run->flows.own);
		memset(flow, 0, sizeof *flow);
		flow->af = 4;
		flow->proto = 17;
		flow->flow_id = i + 1;
		flow->event = YG_FLOW_ENDED;
		flow->end = YG_END_IDLE;
		flow->org[0] = flow->org[1] = YG_ORG_NONE;
		memcpy(flow->proto_name, "DNS", 4);
		yg_ring_push(&run->flows, 1);
	}
	yg_ring_publish(&run->flows);
}

static uint64_t counter(const struct run *run, enum yg_courier_counter c)
{
	return yg_counter_get(&run->stats->c[c]);
}

// True when the counter reaches `value` within ten seconds.
static bool reaches(const struct run *run, enum yg_courier_counter c, uint64_t value)
{
	for (int i = 0; i < 1000 && counter(run, c) < value; i++)
		pause_ms(10);
	return counter(run, c) >= value;
}

static void let_go(struct run *run)
{
	yg_shm_unmap(run->stats, sizeof(struct yg_courier_memory));
	yg_shm_unmap(run->alerts.shared, yg_ring_bytes(sizeof(struct yg_alert), YG_ALERT_SLOTS));
	yg_shm_unmap(run->flows.shared, yg_ring_bytes(sizeof(struct yg_flow), YG_FLOW_SLOTS));
	for (int i = 0; i < 4; i++)
		close(run->fds[i]);
	close(run->alive[0]);
	if (run->alive[1] >= 0)
		close(run->alive[1]);
}

static int wait_courier(struct run *run)
{
	int status = 0;
	waitpid(run->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int end_courier(struct run *run)
{
	yg_ring_close(&run->alerts);
	yg_ring_close(&run->flows);
	return wait_courier(run);
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

static const char *url(void)
{
	static char text[128];
	snprintf(text, sizeof text, "unix://%s", socket_path);
	return text;
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

static void clean_up(void)
{
	char command_path[128];
	stop_redis(SIGKILL);
	unlink(eve_path);
	static const char *const left[] = {"appendonlydir/appendonly.aof.manifest",
	                                   "appendonlydir/appendonly.aof.1.base.rdb",
	                                   "appendonlydir/appendonly.aof.1.incr.aof", "dump.rdb"};
	for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
		snprintf(command_path, sizeof command_path, "%s/%s", folder, left[i]);
		unlink(command_path);
	}
	snprintf(command_path, sizeof command_path, "%s/appendonlydir", folder);
	rmdir(command_path);
	if (rmdir(folder) < 0)
		fprintf(stderr, "%s is left behind: %s\n", folder, strerror(errno));
}

#define TEST(name)                                                                                                     \
	{                                                                                                              \
#name, name                                                                                            \
	}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		TEST(alerts_arrive_once_and_in_order),
		TEST(the_same_run_twice_gives_twice_the_entries),
		TEST(redis_that_comes_late_gets_everything),
		TEST(a_lost_answer_gives_no_duplicate),
		TEST(a_killed_redis_gets_the_rest),
		TEST(a_killed_courier_gives_no_duplicate),
		TEST(a_foreign_writer_is_left_alone),
		TEST(no_redis_is_exit_69),
		TEST(a_full_redis_is_tried_again),
		TEST(a_wrong_password_is_named),
		TEST(without_any_sink_alerts_are_read),
		TEST(a_full_disk_is_exit_69),
		TEST(a_supervisor_that_dies_ends_the_courier),
	};
	if (argc != 2) {
		fprintf(stderr, "usage: courier_redis COURIER\n");
		return 2;
	}
	courier_path = argv[1];
	snprintf(folder, sizeof folder, "/tmp/yagura-live-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	snprintf(socket_path, sizeof socket_path, "%s/redis", folder);
	snprintf(eve_path, sizeof eve_path, "%s/eve.json", folder);
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
		test_name = tests[i].name;
		tests[i].run();
		printf("%s - %s\n", failures == before ? "ok" : "not ok", test_name);
		fflush(stdout);
	}
	clean_up();
	return failures != 0;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See courier_rig.h.
#include "courier_rig.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/shm.h"
#include "config/compile.h"
#include "courier/journal.h"

const char *test_name = "", *courier_path, *sensor_name = "test", *extra_option, *extra_value;
const char *more_options[8][2];
uint8_t (*severity_of)(unsigned number);
int failures;

void pause_ms(int ms)
{
	struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};
	nanosleep(&ts, NULL);
}

bool long_form(void)
{
	const char *asked = getenv("YAGURA_LONG");
	return asked && *asked;
}

static int compile(const char *url, const char *drain, const char *eve)
{
	static const char *pairs[16][2];
	size_t n = 0;
	pairs[n][0] = "sensor.name", pairs[n++][1] = sensor_name;
	pairs[n][0] = "redis.timeout", pairs[n++][1] = "500ms";
	pairs[n][0] = "redis.drain", pairs[n++][1] = drain;
	pairs[n][0] = "redis.maxage", pairs[n++][1] = "0s"; // looking for old entries is housekeeping that is seldom in the way
	if (url)
		pairs[n][0] = "redis.url", pairs[n++][1] = url;
	if (eve)
		pairs[n][0] = "eve.file", pairs[n++][1] = eve;
	if (extra_option)
		pairs[n][0] = extra_option, pairs[n++][1] = extra_value;
	for (size_t i = 0; more_options[i][0]; i++, n++)
		pairs[n][0] = more_options[i][0], pairs[n][1] = more_options[i][1];
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
void spawn_courier(struct run *run)
{
	run->pid = fork();
	if (run->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		static const int targets[] = {YG_FD_CONFIG, YG_FD_STATS, YG_FD_ALERTS, YG_FD_FLOWS, YG_FD_POINTS, YG_FD_BOARD, YG_FD_ALIVE};
		int sources[] = {run->fds[0], run->fds[1], run->fds[2], run->fds[3], run->fds[4], run->fds[5], run->alive[0]};
		for (int i = 0; i < 7; i++) // away from the targets first
			sources[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, 100);
		for (int i = 0; i < 7; i++)
			dup2(sources[i], targets[i]);
		execl(courier_path, courier_path, (char *)NULL);
		_exit(127);
	}
}

struct run start_courier(const char *url, const char *drain, const char *eve)
{
	struct run run = {.pid = -1};
	if (pipe2(run.alive, O_CLOEXEC) < 0)
		exit(1);
	run.fds[0] = compile(url, drain, eve);
	run.fds[1] = yg_shm_create("stats", sizeof(struct yg_courier_memory));
	run.stats = yg_shm_map(run.fds[1], sizeof(struct yg_courier_memory), true, NULL);
	run.fds[2] = make_ring("alerts", &run.alerts, sizeof(struct yg_alert), YG_ALERT_SLOTS);
	run.fds[3] = make_ring("flows", &run.flows, sizeof(struct yg_flow), YG_FLOW_SLOTS);
	run.fds[4] = make_ring("points", &run.points, sizeof(struct yg_point), YG_POINT_SLOTS);
	run.fds[5] = yg_shm_create("board", sizeof(struct yg_board));
	run.board = yg_shm_map(run.fds[5], sizeof(struct yg_board), true, NULL);
	spawn_courier(&run);
	return run;
}

void push_alerts(struct run *run, unsigned from, unsigned count)
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
		alert->severity = severity_of ? severity_of(i) : YG_SEV_HIGH;
		alert->mode = YG_MODE_ALERT;
		alert->confidence = 0.9f;
		alert->time_ns = INT64_C(1700000000000000000) + i * INT64_C(1000000);
		alert->af = 4;
		alert->target_len = 32;
		memcpy(alert->target.b, (uint8_t[]){203, 0, 113, 10}, 4);
		yg_ring_push(&run->alerts, 1);
	}
	yg_ring_publish(&run->alerts);
}

void push_flows(struct run *run, unsigned count)
{
	push_flows_from(run, 1, count);
}

void push_flows_from(struct run *run, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++) {
		CHECK(yg_ring_wait_room(&run->flows, 1, 5000));
		struct yg_flow *flow = yg_ring_slot(&run->flows, run->flows.own);
		memset(flow, 0, sizeof *flow);
		flow->af = 4;
		flow->proto = 17;
		flow->flow_id = i;
		flow->event = YG_FLOW_ENDED;
		flow->end = YG_END_IDLE;
		flow->org[0] = flow->org[1] = YG_ORG_NONE;
		memcpy(flow->proto_name, "DNS", 4);
		yg_ring_push(&run->flows, 1);
	}
	yg_ring_publish(&run->flows);
}

uint64_t counter(const struct run *run, enum yg_courier_counter c)
{
	return yg_counter_get(&run->stats->c[c]);
}

// True when the counter reaches `value` within ten seconds.
bool reaches(const struct run *run, enum yg_courier_counter c, uint64_t value)
{
	for (int i = 0; i < 1000 && counter(run, c) < value; i++)
		pause_ms(10);
	return counter(run, c) >= value;
}

void let_go(struct run *run)
{
	yg_shm_unmap(run->stats, sizeof(struct yg_courier_memory));
	yg_shm_unmap(run->alerts.shared, yg_ring_bytes(sizeof(struct yg_alert), YG_ALERT_SLOTS));
	yg_shm_unmap(run->flows.shared, yg_ring_bytes(sizeof(struct yg_flow), YG_FLOW_SLOTS));
	yg_shm_unmap(run->points.shared, yg_ring_bytes(sizeof(struct yg_point), YG_POINT_SLOTS));
	yg_shm_unmap(run->board, sizeof(struct yg_board));
	for (int i = 0; i < 6; i++)
		close(run->fds[i]);
	close(run->alive[0]);
	if (run->alive[1] >= 0)
		close(run->alive[1]);
}

int wait_courier(struct run *run)
{
	int status = 0;
	waitpid(run->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int end_courier(struct run *run)
{
	yg_ring_close(&run->alerts);
	yg_ring_close(&run->flows);
	yg_ring_close(&run->points);
	return wait_courier(run);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A courier at the hand of a script. Usage: courier_drive COURIER URL DRAIN [OPTION VALUE …]; an empty URL: no Redis. Reads from
// standard input, one a line, and
// answers each with one line:
//
//   push N     writes N alerts into the ring, waiting for room; answers when they are in: "pushed LAST"
//   flows N    the same with flow records, and one second of metrics
//   stats      "NAME=VALUE …": every counter of the courier that is not 0
//   kill       the courier gets SIGKILL, and a successor
//   cut N      writes N alerts into the ring, and kills the courier when its next write(2) to the EVE file has happened and nothing
//              behind it has: "cut LAST", and a successor; or "not allowed"
//   hup        the courier gets SIGHUP
//   end        closes the rings; answers "ended STATUS" when the courier has ended
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "courier_rig.h"

static void say_stats(const struct run *run)
{
#define X(id, name) name,
	static const char *const names[] = {YG_COURIER_COUNTERS(X)};
#undef X
	printf("state=%s", yg_redis_state_row(counter(run, YG_CC_REDIS_STATE))->name);
	for (unsigned i = 0; i < YG_CC_COUNT; i++)
		if (counter(run, i))
			printf(" %s=%llu", names[i], (unsigned long long)counter(run, i));
	printf("\n");
}

static void push_second(struct run *run, unsigned number)
{
	CHECK(yg_ring_wait_room(&run->points, 1, 5000));
	struct yg_point *point = yg_ring_slot(&run->points, run->points.own);
	*point = (struct yg_point){.time_s = 1700000000 + number, .step_s = YG_POINT_SECOND, .org = YG_POINT_SENSOR, .value = {number}};
	yg_ring_push(&run->points, 1);
	yg_ring_publish(&run->points);
}

// Whether the courier has stopped at the beginning of a write to the EVE file.
static bool begins_write(pid_t pid)
{
	struct __ptrace_syscall_info info;
	struct stat named, written;
	char path[64];
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr != SYS_write)
		return false;
	snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, (int)info.entry.args[0]);
	for (unsigned i = 0; more_options[i][0]; i++)
		if (strcmp(more_options[i][0], "eve.file") == 0 && stat(more_options[i][1], &named) == 0 && stat(path, &written) == 0)
			return named.st_ino == written.st_ino && named.st_dev == written.st_dev;
	return false;
}

// False when this process may not look into the courier, which has closed itself to others of its user.
static bool stop_courier(pid_t pid)
{
	int status;
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0) {
		CHECK(errno == EPERM);
		return false;
	}
	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	return waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
}

static void kill_behind_write(struct run *run)
{
	int status;
	for (bool begun = false, done = false; !done;) {
		ptrace(PTRACE_SYSCALL, run->pid, NULL, NULL);
		if (waitpid(run->pid, &status, 0) != run->pid || !WIFSTOPPED(status))
			exit(1);
		done = begun; // the next stop is at its end
		begun = begins_write(run->pid);
	}
	kill(run->pid, SIGKILL);
	wait_courier(run);
	spawn_courier(run);
}

int main(int argc, char **argv)
{
	char line[64];
	unsigned pushed = 0, flows = 0, seconds = 0;
	size_t most = sizeof more_options / sizeof *more_options - 1, options = (size_t)(argc - 4) / 2;
	if (argc < 4 || argc % 2 || options > most) {
		fprintf(stderr, "usage: courier_drive COURIER URL DRAIN [OPTION VALUE …]\n");
		return 2;
	}
	test_name = "courier_drive";
	courier_path = argv[1];
	for (size_t i = 0; i < options; i++)
		more_options[i][0] = argv[4 + 2 * i], more_options[i][1] = argv[5 + 2 * i];
	struct run run = start_courier(argv[2], argv[3], NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof line, stdin)) {
		if (strncmp(line, "push ", 5) == 0) {
			unsigned count = (unsigned)strtoul(line + 5, NULL, 10);
			push_alerts(&run, pushed + 1, count);
			pushed += count;
			printf("pushed %u\n", pushed);
		} else if (strncmp(line, "flows ", 6) == 0) {
			unsigned count = (unsigned)strtoul(line + 6, NULL, 10);
			push_flows_from(&run, flows + 1, count);
			push_second(&run, ++seconds);
			flows += count;
			printf("pushed %u\n", flows);
		} else if (strncmp(line, "stats", 5) == 0) {
			say_stats(&run);
		} else if (strncmp(line, "kill", 4) == 0) {
			kill(run.pid, SIGKILL);
			printf("killed %d\n", wait_courier(&run));
			spawn_courier(&run);
		} else if (strncmp(line, "cut ", 4) == 0) {
			unsigned count = (unsigned)strtoul(line + 4, NULL, 10);
			bool allowed = stop_courier(run.pid);
			push_alerts(&run, pushed + 1, count);
			pushed += count;
			if (allowed)
				kill_behind_write(&run);
			if (allowed)
				printf("cut %u\n", pushed);
			else
				printf("not allowed\n");
		} else if (strncmp(line, "hup", 3) == 0) {
			kill(run.pid, SIGHUP);
			printf("told\n");
		} else {
			break;
		}
	}
	printf("ended %d\n", end_courier(&run));
	let_go(&run);
	return failures != 0;
}

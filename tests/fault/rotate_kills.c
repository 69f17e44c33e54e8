// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The EVE file is set aside again and again, by size, while its writer is killed with -9 at each of its system calls in turn. A successor
// goes on from the same memory and the same folder: each line stands once in all files together, and every one is whole. Likewise when
// somebody renames the file after the kill, as a log rotation does, and when old files are compressed; and when each renaming is held up
// until the thread that compresses is through with all that lies there.
//
// Usage: rotate_kills. Every fifth call; YAGURA_LONG in the environment makes it each of them.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "courier/courier.h"

enum { FLOWS = 64, AT_ONCE = 5, FILE_SIZE = 12000, HOLD_MS = 10000 };

static struct memory {
	struct yg_courier_memory courier;
	_Alignas(4096) char ring[4096 + FLOWS * sizeof(struct yg_flow)];
} *memory;

static char folder[] = "/tmp/yagura-rotate-XXXXXX", path[PATH_MAX];
static int failures;

static void check(bool good, const char *what, long n)
{
	if (good)
		return;
	printf("not ok - call %ld: %s\n", n, what);
	failures++;
}

static void fill_ring(void)
{
	struct yg_ring engine;
	memset(memory, 0, sizeof *memory);
	if (yg_ring_format(memory->ring, sizeof memory->ring, sizeof(struct yg_flow), FLOWS) ||
	    yg_ring_attach(&engine, memory->ring, sizeof memory->ring, sizeof(struct yg_flow), true))
		exit(2);
	for (unsigned i = 0; i < FLOWS; i++) {
		struct yg_flow *flow = yg_ring_slot(&engine, i);
		*flow = (struct yg_flow){.af = 4, .proto = 17, .flow_id = i + 1, .event = YG_FLOW_ENDED, .end = YG_END_IDLE,
					 .org = {YG_ORG_NONE, YG_ORG_NONE}};
	}
	yg_ring_push(&engine, FLOWS);
	yg_ring_publish(&engine);
	yg_ring_close(&engine);
}

static void take_one(struct yg_courier *c)
{
	memcpy(&c->flow, yg_ring_slot(&c->flows_read, c->flows_read.own), sizeof c->flow);
	char *room = yg_sink_file_room(&c->file, YG_EVE_FLOW_MAX, 0);
	yg_sink_file_commit(&c->file, yg_eve_flow(&c->eve, &c->flow, room, YG_EVE_FLOW_MAX), 0);
	yg_ring_pop(&c->flows_read, 1);
	c->flows_buffered++;
}

// What a courier does from its start to the end of the flow records, a write each AT_ONCE of them.
static void work(bool compress)
{
	static struct yg_courier c;
	const struct timespec moment = {0, 1000000};
	c.stats = &memory->courier.stats;
	c.journal = &memory->courier.journal;
	yg_eve_init(&c.eve, "test", "Asia/Tokyo", NULL, 0);
	yg_ring_attach(&c.flows, memory->ring, sizeof memory->ring, sizeof(struct yg_flow), false);
	yg_journal_recover(&c, path);
	c.flows_read = c.flows;
	if (yg_sink_file_open(&c.file, path, c.stats))
		_exit(3);
	c.rotate = (struct yg_rotate){.size = FILE_SIZE, .compress = compress, .stats = c.stats};
	snprintf(c.rotate.path, sizeof c.rotate.path, "%s", path);
	yg_rotate_opened(&c.rotate, c.file.fd, (int64_t)time(NULL));
	c.file.rotate = &c.rotate;
	yg_rotate_begin(&c.rotate);
	while (!yg_ring_ended(&c.flows_read)) {
		for (unsigned i = 0; i < AT_ONCE && yg_ring_available(&c.flows_read); i++)
			take_one(&c);
		if (yg_journal_flush(&c, 0))
			_exit(4);
	}
	yg_journal_flush(&c, 0);
	while (compress && !yg_keeper_idle(c.rotate.keeper))
		nanosleep(&moment, NULL);
	_exit(0);
}

// A worker that stops at each of its system calls. The thread that compresses does not.
static pid_t start_traced(bool compress, int *ret_status)
{
	pid_t pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		work(compress);
	}
	waitpid(pid, ret_status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
	return pid;
}

// Kills a worker at its n-th system call. False when it came to its end before.
static bool killed_at(long n, bool compress)
{
	int status;
	pid_t pid = start_traced(compress, &status);
	for (long i = 0; i < n && WIFSTOPPED(status); i++) {
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		waitpid(pid, &status, 0);
	}
	bool alive = WIFSTOPPED(status);
	if (alive) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	return alive;
}

static void count_lines(const char *name, unsigned seen[FLOWS + 1], long n)
{
	static char line[YG_EVE_FLOW_MAX];
	gzFile file = gzopen(name, "rb");
	while (file && gzgets(file, line, sizeof line)) {
		const char *id = strstr(line, "\"flow_id\":");
		unsigned long number = id ? strtoul(id + 10, NULL, 10) : 0;
		check(number >= 1 && number <= FLOWS && strcmp(strrchr(line, '}'), "}\n") == 0 && line[0] == '{', "a line that is not whole", n);
		if (number >= 1 && number <= FLOWS)
			seen[number]++;
	}
	if (file)
		gzclose(file);
}

// Every file of the folder is read and removed.
static unsigned look(long n, bool compress)
{
	unsigned seen[FLOWS + 1] = {0}, files = 0, plain = 0, lost = 0, twice = 0;
	DIR *dir = opendir(folder);
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		char name[PATH_MAX];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
		count_lines(name, seen, n);
		check(!strstr(entry->d_name, ".part"), "what was half compressed is left", n);
		plain += yg_keeper_is_old("eve.json", entry->d_name) && !strstr(entry->d_name, ".gz");
		files++;
		unlink(name);
	}
	closedir(dir);
	for (unsigned i = 1; i <= FLOWS; i++) {
		lost += seen[i] == 0;
		twice += seen[i] > 1;
	}
	check(lost == 0, "lines are lost", n);
	check(twice == 0, "lines stand twice", n);
	check(!compress || plain == 0, "an old file is not compressed", n);
	return files;
}

static long kills(bool compress, bool rename_it, long step)
{
	long n = 0, count = 0;
	for (bool alive = true; alive; n += step, count++) {
		char moved[PATH_MAX + 8];
		int status = 0;
		fill_ring();
		alive = killed_at(n, compress);
		snprintf(moved, sizeof moved, "%s.1", path);
		if (rename_it)
			rename(path, moved);
		pid_t pid = fork();
		if (pid == 0)
			work(compress);
		waitpid(pid, &status, 0);
		check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the successor fails", n);
		check(look(n, compress) > 3, "the file was not set aside", n);
	}
	return count;
}

static bool any_plain(void)
{
	bool any = false;
	DIR *dir = opendir(folder);
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
		any |= yg_keeper_is_old("eve.json", entry->d_name) && !strstr(entry->d_name, ".gz");
	closedir(dir);
	return any;
}

static bool enters_renaming(pid_t pid)
{
	struct __ptrace_syscall_info info;
	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY &&
	       info.entry.nr == SYS_renameat2;
}

// A name that was looked at before must still be free then. How often it was held up.
static long held_up(void)
{
	const struct timespec moment = {0, 1000000};
	int status;
	long held = 0;
	fill_ring();
	pid_t pid = start_traced(true, &status);
	while (WIFSTOPPED(status)) {
		if (enters_renaming(pid)) {
			held++;
			for (int i = 0; i < HOLD_MS && any_plain(); i++)
				nanosleep(&moment, NULL);
			check(!any_plain(), "nothing is compressed while the renaming is held up", held);
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		waitpid(pid, &status, 0);
	}
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the worker fails", held);
	check(look(held, true) > 3 && held > 3, "the file was not set aside", held);
	return held;
}

int main(void)
{
	long step = getenv("YAGURA_LONG") ? 1 : 5;
	memory = mmap(NULL, sizeof *memory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || !mkdtemp(folder))
		return 2;
	snprintf(path, sizeof path, "%s/eve.json", folder);
	for (unsigned i = 0; i < 4; i++) {
		int before = failures;
		long count = kills(i & 1, i & 2, step);
		printf("%sok - %ld kills, each line once%s%s\n", failures > before ? "not " : "", count, i & 1 ? ", compressed" : "",
		       i & 2 ? ", renamed by another" : "");
	}
	int before = failures;
	long held = held_up();
	printf("%sok - %ld renamings held up, each line once\n", failures > before ? "not " : "", held);
	rmdir(folder);
	return failures != 0;
}

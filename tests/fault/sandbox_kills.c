// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Behaviours proved: a worker that makes any call outside its list is killed by SIGSYS, one forked child for each call
// tried; calls on the list, with what the list says of their arguments, survive; the zygote's own filter lets it fork
// and stops it from everything a worker could talk it into. Exits 77 in a build without a sandbox.
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dissector/sandbox.h"

struct call {
	const char *name;
	long number;
	long a, b, c, d;
};

#define PATH ((long)"/etc/passwd")
#define TEXT ((long)"x")

static struct itimerval_space {
	long v[8];
} space;

static const struct call forbidden[] = {
    {"read", SYS_read, 0, (long)&space, 1, 0},
    {"write", SYS_write, 2, TEXT, 1, 0},
    {"writev", SYS_writev, 2, 0, 0, 0},
    {"pread64", SYS_pread64, 0, (long)&space, 1, 0},
    {"sendfile", SYS_sendfile, 1, 0, 0, 1},
    {"open", SYS_open, PATH, O_RDONLY, 0, 0},
    {"openat", SYS_openat, AT_FDCWD, PATH, O_RDONLY, 0},
    {"creat", SYS_creat, (long)"/tmp/x", 0600, 0, 0},
    {"close", SYS_close, 0, 0, 0, 0},
    {"dup2", SYS_dup2, 0, 1, 0, 0},
    {"fcntl", SYS_fcntl, 0, F_GETFD, 0, 0},
    {"ioctl", SYS_ioctl, 0, 0, 0, 0},
    {"stat", SYS_stat, PATH, (long)&space, 0, 0},
    {"newfstatat", SYS_newfstatat, AT_FDCWD, PATH, (long)&space, 0},
    {"readlink", SYS_readlink, PATH, (long)&space, 8, 0},
    {"unlink", SYS_unlink, (long)"/tmp/x", 0, 0, 0},
    {"rename", SYS_rename, (long)"/tmp/x", (long)"/tmp/y", 0, 0},
    {"mkdir", SYS_mkdir, (long)"/tmp/x", 0700, 0, 0},
    {"chmod", SYS_chmod, (long)"/tmp/x", 0700, 0, 0},
    {"getdents64", SYS_getdents64, 0, (long)&space, 64, 0},
    {"socket", SYS_socket, AF_INET, SOCK_STREAM, 0, 0},
    {"socketpair", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, (long)&space},
    {"connect", SYS_connect, 0, (long)&space, 16, 0},
    {"sendto", SYS_sendto, 0, TEXT, 1, 0},
    {"recvfrom", SYS_recvfrom, 0, (long)&space, 1, 0},
    {"bind", SYS_bind, 0, (long)&space, 16, 0},
    {"fork", SYS_fork, 0, 0, 0, 0},
    {"vfork", SYS_vfork, 0, 0, 0, 0},
    {"clone", SYS_clone, SIGCHLD, 0, 0, 0},
    {"clone3", SYS_clone3, (long)&space, 64, 0, 0},
    {"execve", SYS_execve, (long)"/bin/sh", 0, 0, 0},
    {"execveat", SYS_execveat, AT_FDCWD, (long)"/bin/sh", 0, 0},
    {"kill", SYS_kill, 1, 0, 0, 0},
    {"tgkill", SYS_tgkill, 1, 1, 0, 0},
    {"ptrace", SYS_ptrace, PTRACE_TRACEME, 0, 0, 0},
    {"process_vm_readv", SYS_process_vm_readv, 1, 0, 0, 0},
    {"mmap executable", SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS},
    {"mmap a file", SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE},
    {"mprotect", SYS_mprotect, (long)&space, 4096, PROT_READ | PROT_EXEC, 0},
    {"pkey_mprotect", SYS_pkey_mprotect, (long)&space, 4096, PROT_READ, 0},
    {"memfd_create", SYS_memfd_create, TEXT, 0, 0, 0},
    {"prctl", SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0},
    {"seccomp", SYS_seccomp, 0, 0, 0, 0},
    {"prlimit64", SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&space, 0},
    {"setpriority", SYS_setpriority, 0, 0, 5, 0},
    {"setuid", SYS_setuid, 0, 0, 0, 0},
    {"capset", SYS_capset, (long)&space, 0, 0, 0},
    {"unshare", SYS_unshare, 0, 0, 0, 0},
    {"setns", SYS_setns, 0, 0, 0, 0},
    {"mount", SYS_mount, 0, 0, 0, 0},
    {"chroot", SYS_chroot, (long)"/", 0, 0, 0},
    {"getpid", SYS_getpid, 0, 0, 0, 0},
    {"uname", SYS_uname, (long)&space, 0, 0, 0},
    {"io_uring_setup", SYS_io_uring_setup, 1, (long)&space, 0, 0},
    {"bpf", SYS_bpf, 0, (long)&space, 0, 0},
    {"perf_event_open", SYS_perf_event_open, (long)&space, 0, 0, 0},
    {"userfaultfd", SYS_userfaultfd, 0, 0, 0, 0},
    {"keyctl", SYS_keyctl, 0, 0, 0, 0},
    {"init_module", SYS_init_module, 0, 0, 0, 0},
    {"reboot", SYS_reboot, 0, 0, 0, 0},
    {"settimeofday", SYS_settimeofday, 0, 0, 0, 0},
    {"getpid of the x32 table", 0x40000000 | SYS_getpid, 0, 0, 0, 0},
};

static const struct call allowed[] = {
    {"futex", SYS_futex, (long)&space, FUTEX_WAKE, 1, 0},
    {"clock_gettime", SYS_clock_gettime, CLOCK_MONOTONIC, (long)&space, 0, 0},
    {"gettimeofday", SYS_gettimeofday, (long)&space, 0, 0, 0},
    {"time", SYS_time, 0, 0, 0, 0},
    {"brk", SYS_brk, 0, 0, 0, 0},
    {"mmap anonymous", SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS},
    {"munmap", SYS_munmap, 0x10000000, 4096, 0, 0},
    {"mremap", SYS_mremap, 0x10000000, 4096, 8192, 0},
    {"madvise", SYS_madvise, 0x10000000, 4096, MADV_DONTNEED, 0},
    {"exit_group", SYS_exit_group, 0, 0, 0, 0},
};

enum { COUNT_FORBIDDEN = sizeof forbidden / sizeof forbidden[0], COUNT_ALLOWED = sizeof allowed / sizeof allowed[0] };

static struct yg_sandbox sandbox;

static void make(const struct call *call)
{
	syscall(call->number, call->a, call->b, call->c, call->d, -1, 0);
}

static void int80(void)
{
	__asm__ volatile("int $0x80" : : "a"(20) : "memory"); // getpid of the 32-bit table
}

// How a child behind the worker's filter ends that makes this call (NULL: the old gate).
static int status_after(const struct call *call)
{
	int parent = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		if (yg_sandbox_enter_worker(&sandbox, RLIM_INFINITY, parent) != 0)
			_exit(99);
		if (call)
			make(call);
		else
			int80();
		syscall(SYS_exit_group, 0);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	return status;
}

static bool killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static int try_worker(void)
{
	int failures = 0, kills = 0;
	for (int i = 0; i < COUNT_FORBIDDEN; i++) {
		bool dead = killed(status_after(&forbidden[i]));
		kills += dead;
		if (!dead)
			printf("not killed: %s\n", forbidden[i].name);
	}
	bool gate = killed(status_after(NULL));
	kills += gate;
	printf("forbidden calls tried: %d, killed by SIGSYS: %d\n", COUNT_FORBIDDEN + 1, kills);
	failures += kills != COUNT_FORBIDDEN + 1;
	for (int i = 0; i < COUNT_ALLOWED; i++) {
		int status = status_after(&allowed[i]);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			continue;
		printf("did not survive: %s (status %#x)\n", allowed[i].name, status);
		failures++;
	}
	printf("allowed calls tried: %d\n", COUNT_ALLOWED);
	return failures;
}

// What the zygote must never do, and what it must still be able to.
static int try_zygote(void)
{
	static const struct call calls[] = {
	    {"socket", SYS_socket, AF_INET, SOCK_STREAM, 0, 0},
	    {"open elsewhere", SYS_openat, AT_FDCWD, PATH, O_RDONLY, 0},
	    {"execve", SYS_execve, (long)"/bin/sh", 0, 0, 0},
	    {"new namespace", SYS_clone, SIGCHLD | 0x10000000, 0, 0, 0},
	    {"thread", SYS_clone, 0x100, 0, 0, 0},
	    {"ptrace", SYS_ptrace, PTRACE_TRACEME, 0, 0, 0},
	    {"mprotect", SYS_mprotect, (long)&space, 4096, PROT_EXEC, 0},
	};
	int failures = 0;
	for (size_t i = 0; i <= sizeof calls / sizeof calls[0]; i++) {
		bool harmless = i == sizeof calls / sizeof calls[0];
		pid_t pid = fork();
		if (pid == 0) {
			if (yg_sandbox_enter_zygote(&sandbox) != 0)
				_exit(99);
			if (harmless && fork() == 0)
				_exit(0);
			if (harmless)
				_exit(wait(NULL) > 0 ? 0 : 1);
			make(&calls[i]);
			_exit(0);
		}
		int status = 0;
		waitpid(pid, &status, 0);
		bool right = harmless ? WIFEXITED(status) && WEXITSTATUS(status) == 0 : killed(status);
		if (!right)
			printf("zygote: %s ended with %#x\n", harmless ? "fork and wait" : calls[i].name, status);
		failures += !right;
	}
	return failures;
}

int main(void)
{
	if (!yg_sandbox_works())
		return 77;
	int error = yg_sandbox_prepare(&sandbox, -1);
	if (error) {
		printf("filters: %s\n", strerror(-error));
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	int failures = try_worker() + try_zygote();
	yg_sandbox_release(&sandbox);
	return failures ? 1 : 0;
}

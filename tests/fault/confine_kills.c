// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Behaviours proved: behind each list of base/confine_calls.c, a process that executes another program, opens a socket or a file that is
// none of its business, traces, mounts, loads a module, makes a namespace or asks through the 32-bit gate is killed by SIGSYS, one forked
// child for each call tried; where the list refuses a call, it is refused; what each needs survives; a list holds for threads that were
// there before it. Exits 77 in a build without filters.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/confine.h"

enum {
	E = YG_CONFINED_ENGINE,
	R = YG_CONFINED_REPLAY,
	C = YG_CONFINED_COURIER,
	S = YG_CONFINED_SUPERVISOR,
	T = YG_CONFINED_STARTER,
	M = YG_CONFINED_METRICS,
	W = YG_CONFINED_WEB,
	LIVES = -1, // the call returns, whatever it says
	DIES = -2,  // otherwise: an errno that it must return
};

struct call {
	const char *name;
	unsigned whom; // each of these, by itself
	unsigned more; // what their configuration adds
	int outcome;
	long number, a, b, c, d;
};

#define TEXT(text) ((long)(text))

static long space[32];

static const struct call calls[] = {
	{"execve", E | R | C | M | W, 0, DIES, SYS_execve, TEXT("/bin/false"), 0, 0, 0},
	{"execveat", E | R | C | S | T | M | W, 0, DIES, SYS_execveat, AT_FDCWD, TEXT("/bin/false"), 0, 0},
	{"a socket of IPv4", E | R | C | M | W, 0, DIES, SYS_socket, AF_INET, SOCK_STREAM, 0, 0},
	{"a socket of IPv6", E | R | C | M | W, 0, DIES, SYS_socket, AF_INET6, SOCK_DGRAM, 0, 0},
	{"a packet socket", E | R | C | M | W, 0, DIES, SYS_socket, AF_PACKET, SOCK_RAW, 0, 0},
	{"a packet socket of a courier with Redis", C, YG_CONFINED_INET, DIES, SYS_socket, AF_PACKET, SOCK_RAW, 0, 0},
	{"a socket of IPv4 where Redis is at a path", C, YG_CONFINED_UNIX, DIES, SYS_socket, AF_INET, SOCK_STREAM, 0, 0},
	{"connect", E | R | C | M | W, 0, DIES, SYS_connect, -1, TEXT(space), 16, 0},
	{"bind", E | R | C | M | W, 0, DIES, SYS_bind, -1, TEXT(space), 16, 0},
	{"listen", E | R | C | M | W, 0, DIES, SYS_listen, -1, 1, 0, 0},
	{"openat to read", E | R | M, 0, DIES, SYS_openat, AT_FDCWD, TEXT("/etc/passwd"), O_RDONLY, 0},
	{"openat to write", E | R | M | W, 0, DIES, SYS_openat, AT_FDCWD, TEXT("/dev/null"), O_WRONLY, 0},
	{"openat that cuts the file", C, 0, DIES, SYS_openat, AT_FDCWD, TEXT("/dev/null"), O_WRONLY | O_TRUNC, 0},
	{"openat to write anywhere in a file", C, 0, DIES, SYS_openat, AT_FDCWD, TEXT("/dev/null"), O_RDWR, 0},
	{"openat2", E | R | C | S | T | M | W, 0, DIES, SYS_openat2, AT_FDCWD, TEXT("/etc/passwd"), TEXT(space), 24},
	{"ptrace", E | R | C | S | T | M | W, 0, DIES, SYS_ptrace, PTRACE_TRACEME, 0, 0, 0},
	{"process_vm_readv", E | R | C | S | T | M | W, 0, DIES, SYS_process_vm_readv, 1, 0, 0, 0},
	{"process_vm_writev", E | R | C | S | T | M | W, 0, DIES, SYS_process_vm_writev, 1, 0, 0, 0},
	{"kill", E | R | C | M | W, 0, DIES, SYS_kill, 1, 0, 0, 0},
	{"tgkill of another", E | R | C | M | W, 0, DIES, SYS_tgkill, 1, 1, 0, 0},
	{"a process", E | R | C | M, 0, DIES, SYS_clone, SIGCHLD, 0, 0, 0},
	{"a namespace", E | R | C | S | T | M | W, 0, DIES, SYS_clone, SIGCHLD | CLONE_NEWUSER, 0, 0, 0},
	{"setns", E | R | C | S | T | M | W, 0, DIES, SYS_setns, -1, 0, 0, 0},
	{"mount", E | R | C | S | T | M | W, 0, DIES, SYS_mount, 0, 0, 0, 0},
	{"umount2", E | R | C | S | T | M | W, 0, DIES, SYS_umount2, 0, 0, 0, 0},
	{"pivot_root", E | R | C | S | T | M | W, 0, DIES, SYS_pivot_root, 0, 0, 0, 0},
	{"chroot", E | R | C | S | T | M | W, 0, DIES, SYS_chroot, TEXT("/"), 0, 0, 0},
	{"init_module", E | R | C | S | T | M | W, 0, DIES, SYS_init_module, 0, 0, 0, 0},
	{"finit_module", E | R | C | S | T | M | W, 0, DIES, SYS_finit_module, -1, 0, 0, 0},
	{"kexec_load", E | R | C | S | T | M | W, 0, DIES, SYS_kexec_load, 0, 0, 0, 0},
	{"reboot", E | R | C | S | T | M | W, 0, DIES, SYS_reboot, 0, 0, 0, 0},
	{"bpf", R | C, 0, DIES, SYS_bpf, 0, TEXT(space), 0, 0},
	{"keyctl", E | R | C | S | T | M | W, 0, DIES, SYS_keyctl, 0, 0, 0, 0},
	{"add_key", E | R | C | S | T | M | W, 0, DIES, SYS_add_key, 0, 0, 0, 0},
	{"userfaultfd", E | R | C | S | T | M | W, 0, DIES, SYS_userfaultfd, 0, 0, 0, 0},
	{"perf_event_open", E | R | C | S | T | M | W, 0, DIES, SYS_perf_event_open, TEXT(space), 0, 0, 0},
	{"io_uring_setup", E | R | C | S | T | M | W, 0, DIES, SYS_io_uring_setup, 1, TEXT(space), 0, 0},
	{"settimeofday", E | R | C | S | T | M | W, 0, DIES, SYS_settimeofday, 0, 0, 0, 0},
	{"sethostname", E | R | C | S | T | M | W, 0, DIES, SYS_sethostname, TEXT("x"), 1, 0, 0},
	{"setuid", E | R | C | S | T | M | W, 0, DIES, SYS_setuid, 0, 0, 0, 0},
	{"setresuid", E | R | C | S | T | M | W, 0, DIES, SYS_setresuid, 0, 0, 0, 0},
	{"setgroups", E | R | C | S | T | M | W, 0, DIES, SYS_setgroups, 0, 0, 0, 0},
	{"capset", E | R | C | M | W, 0, DIES, SYS_capset, TEXT(space), 0, 0, 0},
	{"seccomp", E | R | C | M | W, 0, DIES, SYS_seccomp, 0, 0, 0, 0},
	{"prctl", E | R | C | M | W, 0, DIES, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0},
	{"prlimit64", E | R | C | M, 0, DIES, SYS_prlimit64, 0, RLIMIT_NOFILE, TEXT(space), 0},
	{"mknodat", E | R | C | S | T | M | W, 0, DIES, SYS_mknodat, AT_FDCWD, TEXT("/dev/null/x"), 0, 0},
	{"linkat", E | R | C | S | T | M | W, 0, DIES, SYS_linkat, -1, TEXT("x"), -1, TEXT("y")},
	{"symlinkat", E | R | C | S | T | M | W, 0, DIES, SYS_symlinkat, TEXT("x"), -1, TEXT("y"), 0},
	{"fchownat", E | R | C | S | T | M | W, 0, DIES, SYS_fchownat, -1, TEXT("x"), 0, 0},
	{"memfd_create", R | C, 0, DIES, SYS_memfd_create, TEXT("x"), 0, 0, 0},
	{"what is typed into the terminal", E | R | C | S | T | M | W, 0, DIES, SYS_ioctl, 2, TIOCSTI, TEXT("x"), 0},

	{"memory that can be run", E | R | C | M | W, 0, EPERM, SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS},
	{"making memory run", E | R | C | M | W, 0, EPERM, SYS_mprotect, 0, 0, PROT_READ | PROT_EXEC, 0},
	{"unshare", S | T, 0, EPERM, SYS_unshare, CLONE_NEWNET, 0, 0, 0},
	{"a packet socket of the supervisor", S, 0, EPERM, SYS_socket, AF_PACKET, SOCK_RAW, 0, 0},
	{"bpf of the supervisor", S | E, 0, EPERM, SYS_bpf, 0, TEXT(space), 0, 0},
	{"a socket to syslog", E, 0, EPERM, SYS_socket, AF_UNIX, SOCK_DGRAM, 0, 0},
	{"sendto", E, 0, EPERM, SYS_sendto, -1, TEXT("x"), 1, 0},
	{"clone3", E | R | C | S | T | M | W, 0, ENOSYS, SYS_clone3, TEXT(space), 64, 0, 0},

	{"read", E | R | C | S | T | M | W, 0, LIVES, SYS_read, -1, TEXT(space), 1, 0},
	{"write", E | R | C | S | T | M | W, 0, LIVES, SYS_write, -1, TEXT("x"), 1, 0},
	{"memory", E | R | C | S | T | M | W, 0, LIVES, SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS},
	{"what the kernel dropped", E, 0, LIVES, SYS_getsockopt, -1, 0, 0, 0},
	{"waking AF_XDP", E, YG_CONFINED_XDP, LIVES, SYS_sendto, -1, 0, 0, 0},
	{"a card's counters by socket", E, YG_CONFINED_CARD, LIVES, SYS_socket, AF_INET, SOCK_DGRAM, 0, 0},
	{"a card's counters by file", E, YG_CONFINED_CARD, LIVES, SYS_openat, AT_FDCWD, TEXT("/dev/null"), O_RDONLY, 0},
	{"the EVE file anew", C, 0, LIVES, SYS_openat, AT_FDCWD, TEXT("/dev/null"), O_WRONLY | O_APPEND | O_CREAT, 0640},
	{"an answer", M | W, 0, LIVES, SYS_sendto, -1, TEXT("x"), 1, 0},
	{"Redis at a path", C, YG_CONFINED_UNIX, LIVES, SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0},
	{"Redis at an address", C, YG_CONFINED_INET, LIVES, SYS_socket, AF_INET6, SOCK_STREAM, 0, 0},
	{"unlinkat by the dashboard", W, YG_CONFINED_UNIX, DIES, SYS_unlinkat, AT_FDCWD, TEXT("/nonexistent"), 0, 0},
	{"the dashboard's audit log", W, 0, LIVES, SYS_openat, AT_FDCWD, TEXT("/dev/null"), O_RDONLY, 0},
	{"a packet socket of the starter", T, 0, LIVES, SYS_socket, AF_PACKET, SOCK_RAW, 0, 0},
	{"execve by those that start", S | T, 0, LIVES, SYS_execve, TEXT("/nonexistent"), 0, 0, 0},
#ifdef __x86_64__
	{"open", E | R | M, 0, DIES, SYS_open, TEXT("/etc/passwd"), O_RDONLY, 0, 0},
	{"fork", E | R | C | M | W, 0, DIES, SYS_fork, 0, 0, 0, 0},
	{"creat", E | R | C | S | T | M | W, 0, DIES, SYS_creat, TEXT("/dev/null"), 0, 0, 0},
	{"iopl", E | R | C | M | W, 0, DIES, SYS_iopl, 3, 0, 0, 0},
	{"iopl of an engine that starts", S | T, 0, EPERM, SYS_iopl, 3, 0, 0, 0},
	{"getpid of the x32 table", E | R | C | S | T | M | W, 0, DIES, 0x40000000 | SYS_getpid, 0, 0, 0, 0},
#endif
};

static const unsigned processes[] = {E, R, C, S, T, M, W};
enum { PROCESSES = sizeof processes / sizeof *processes };

static bool killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void no_core(void)
{
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
}

static int status_after(const struct call *call, unsigned who)
{
	pid_t pid = fork();
	if (pid == 0) {
		no_core();
		if (yg_confine_calls(who) != 0)
			syscall(SYS_exit_group, 99);
		errno = 0;
		long result = syscall(call->number, call->a, call->b, call->c, call->d, -1, 0);
		syscall(SYS_exit_group, result < 0 && call->outcome >= 0 ? errno : 0);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	return status;
}

static bool right(const struct call *call, int status)
{
	if (call->outcome == DIES)
		return killed(status);
	return WIFEXITED(status) && WEXITSTATUS(status) == (call->outcome == LIVES ? 0 : call->outcome);
}

static const char *name_of(unsigned who)
{
	static const char *const names[PROCESSES] = {"engine", "engine of a replay", "courier", "supervisor", "starter", "metrics", "dashboard"};
	for (unsigned p = 0; p < PROCESSES; p++)
		if (processes[p] == who)
			return names[p];
	return "?";
}

static int try_lists(void)
{
	int failures = 0, tried = 0, died = 0;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		for (unsigned p = 0; p < PROCESSES; p++) {
			unsigned who = processes[p];
			if (!(calls[i].whom & who))
				continue;
			int status = status_after(&calls[i], who | calls[i].more);
			tried++;
			died += killed(status);
			if (right(&calls[i], status))
				continue;
			printf("%s: %s ended with %#x\n", name_of(who), calls[i].name, status);
			failures++;
		}
	}
	printf("calls tried: %d, killed by SIGSYS: %d\n", tried, died);
	return failures;
}

// A list is for all threads: one that was there before it must not open a file either.
static void *opens_a_file(void *argument)
{
	int *go = argument;
	while (!__atomic_load_n(go, __ATOMIC_ACQUIRE))
		sched_yield();
	syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
	return NULL;
}

static int try_threads(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t thread;
		int go = 0;
		no_core();
		if (pthread_create(&thread, NULL, opens_a_file, &go) || yg_confine_calls(E))
			_exit(99);
		__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
		pthread_join(thread, NULL);
		_exit(0);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	if (!killed(status))
		printf("a thread from before the list: %#x\n", status);
	return !killed(status);
}

#ifdef __x86_64__
static int try_old_gate(void)
{
	int failures = 0;
	for (unsigned p = 0; p < PROCESSES; p++) {
		unsigned who = processes[p];
		pid_t pid = fork();
		if (pid == 0) {
			no_core();
			if (yg_confine_calls(who))
				_exit(99);
			__asm__ volatile("int $0x80" : : "a"(20) : "memory"); // getpid of the 32-bit table
			_exit(0);
		}
		int status = 0;
		waitpid(pid, &status, 0);
		if (killed(status))
			continue;
		printf("%s: the 32-bit gate: %#x\n", name_of(who), status);
		failures++;
	}
	return failures;
}
#else
static int try_old_gate(void)
{
	return 0;
}
#endif

int main(void)
{
	if (!yg_confine_works())
		return 77;
	setvbuf(stdout, NULL, _IOLBF, 0);
	return try_lists() + try_threads() + try_old_gate() ? 1 : 0;
}

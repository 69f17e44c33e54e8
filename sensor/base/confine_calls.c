// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Who may call what, and the filter that says so to the kernel. The kernel's list is a program that looks at the number of a call and at
// its arguments; it is built here row by row, so that the table below is all there is to read. What no row allows ends the process:
// one that asks for it has been taken over or is damaged, and must not go on.
//
// A row may look at the low 32 bits of one argument. That is enough for what is looked at: the kernel itself takes those as int or as
// flags below bit 32. Rows of one call stand together and the first that fits decides.
//
// Filters are inherited and only ever get stricter. So supervisor and starter may do whatever their children need before they confine
// themselves; these are then left with little.
#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half of an argument comes first");

enum { X32_BIT = 0x40000000, PROGRAM_MAX = 2048, NAMESPACES = 0x7e020000 };

enum verdict { ALLOW, REFUSE, ABSENT, DEADLY };
enum { ANY = -1 };

struct row {
	unsigned who;
	unsigned number;
	enum verdict verdict;
	int argument;           // ANY: whatever the arguments
	uint32_t mask, value;   // the row fits when (argument & mask) == value
};

// Short names for the columns.
enum {
	E = YG_CONFINED_ENGINE,
	R = YG_CONFINED_REPLAY,
	C = YG_CONFINED_COURIER,
	S = YG_CONFINED_SUPERVISOR,
	T = YG_CONFINED_STARTER,
	UNIX = YG_CONFINED_UNIX,
	INET = YG_CONFINED_INET,
	CARD = YG_CONFINED_CARD,
	XDP = YG_CONFINED_XDP,
	ASKED = YG_CONFINED_TELEMETRY,
	M = YG_CONFINED_METRICS,
	SPOOL = YG_CONFINED_SPOOL,
	FILES = YG_CONFINED_ROTATE,
	W = YG_CONFINED_WEB,
	P = S | T, // those that start others
	ALL = E | R | C | S | T | M | W,
};

#define WHOLE UINT32_MAX
#define OWN_PROCESS UINT32_MAX // as a value: the number of the process that builds the filter

#define CALL(who, name) {who, SYS_##name, ALLOW, ANY, 0, 0}
#define IF(who, name, argument, mask, value) {who, SYS_##name, ALLOW, argument, mask, value}
#define NO(who, name, verdict) {who, SYS_##name, verdict, ANY, 0, 0}
#define NO_IF(who, name, verdict, argument, mask, value) {who, SYS_##name, verdict, argument, mask, value}

// clang-format off
static const struct row rows[] = {
	// what every process does all the time stands first: the kernel reads from above
	CALL(ALL, read), CALL(ALL, write), CALL(ALL, futex), CALL(ALL, clock_nanosleep), CALL(ALL, nanosleep),
	CALL(E | C | P | M, ppoll), CALL(E | C | P, sched_yield), CALL(R, sched_yield),
	CALL(ALL, readv), CALL(ALL, writev), CALL(ALL, pread64), CALL(C | P, pwrite64), CALL(CARD, pwrite64), CALL(ALL, lseek),
	CALL(ALL, close), CALL(ALL, close_range), CALL(ALL, fstat), CALL(ALL, clock_gettime), CALL(ALL, clock_getres), CALL(ALL, gettimeofday),
	CALL(ALL, restart_syscall), CALL(ALL, rt_sigaction), CALL(ALL, rt_sigprocmask), CALL(ALL, rt_sigreturn), CALL(ALL, sigaltstack),
	CALL(ALL, exit), CALL(ALL, exit_group), CALL(ALL, getpid), CALL(ALL, gettid), CALL(ALL, getuid), CALL(ALL, geteuid), CALL(ALL, getgid),
	CALL(ALL, getegid), CALL(ALL, getrandom), CALL(ALL, getcpu), CALL(ALL, membarrier), CALL(ALL, sched_getaffinity),
	CALL(ALL, set_robust_list), CALL(ALL, rseq), CALL(ALL, getrusage), CALL(ALL, sysinfo), CALL(ALL, uname),

	// memory: what is executable was so before, but for those that exec; a library that libc wants late (name service) is not there then
	CALL(ALL, brk), CALL(ALL, munmap), CALL(ALL, mremap), CALL(ALL, madvise),
	CALL(P, mmap), IF(ALL, mmap, 2, PROT_EXEC, 0), NO(ALL, mmap, REFUSE),
	CALL(P, mprotect), IF(ALL, mprotect, 2, PROT_EXEC, 0), NO(ALL, mprotect, REFUSE),

	// threads and processes. clone3 hides its flags in memory: libc goes back to clone where the kernel has no clone3. The engine's threads
	// of a live run exist; those of a replay and the courier's for names begin later. The dashboard reads the bodies' files again in a child,
	// which runs no other program.
	NO(ALL, clone3, ABSENT),
	IF(R | C | W | ASKED, clone, 0, NAMESPACES | CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM), IF(P | W, clone, 0, NAMESPACES, 0),
	// libc names another thread through a file; it need not succeed
	NO_IF(R, openat, REFUSE, 2, WHOLE, O_RDWR),
	IF(ALL, prctl, 0, WHOLE, PR_SET_NAME), IF(ALL, prctl, 0, WHOLE, PR_GET_DUMPABLE), CALL(P, prctl),
	CALL(P, execve), CALL(P | W, wait4), CALL(P, waitid), CALL(P, kill), CALL(P, getppid), CALL(P, getpgid), CALL(P, set_tid_address),
	CALL(P, pidfd_open), CALL(P, pidfd_send_signal), CALL(P, rt_sigtimedwait), CALL(P, rt_sigsuspend), CALL(P, rt_sigpending),
	CALL(P, setitimer),
	CALL(P, sched_setaffinity), CALL(P, sched_getparam), CALL(P, sched_getscheduler), CALL(P, sched_setscheduler),
	CALL(P, sched_get_priority_max), CALL(P, sched_get_priority_min), CALL(P, setpriority), CALL(P, getpriority), CALL(P, tgkill),
	IF(ALL, tgkill, 0, WHOLE, OWN_PROCESS),
	CALL(P | W, prlimit64), CALL(P, seccomp), CALL(P, capget), CALL(P, capset), CALL(P, times), CALL(P, timer_create), CALL(P, timer_settime),
	CALL(P, timer_delete),
	NO(P, unshare, REFUSE), // the dissector would like a network namespace of its own, and goes without
	CALL(P, getresuid), CALL(P, getresgid), CALL(P, getgroups),

	// files; a live engine makes memory of its drivers' as files without a name
	CALL(ALL, newfstatat), CALL(E | P | W, faccessat), CALL(E | P | W, faccessat2), CALL(P, statx), CALL(P, readlinkat), CALL(P, getdents64),
	CALL(P, getcwd), CALL(P, openat), IF(CARD, openat, 2, O_ACCMODE, O_RDONLY),
	// name service reads its files; the EVE file is opened anew where its folder lets us
	IF(C | W, openat, 2, O_ACCMODE, O_RDONLY), IF(C, openat, 2, O_ACCMODE | O_TRUNC | O_APPEND, O_WRONLY | O_APPEND),
	// the dashboard's audit log goes on in a new file, and in none that is there
	IF(W, openat, 2, O_ACCMODE | O_CREAT | O_EXCL | O_APPEND, O_RDWR | O_CREAT | O_EXCL | O_APPEND),
	IF(SPOOL, openat, 2, O_ACCMODE, O_RDWR), CALL(SPOOL | FILES, unlinkat), CALL(SPOOL | P | W, renameat),
	CALL(SPOOL | FILES | W, renameat2),
	CALL(SPOOL, fallocate), CALL(SPOOL | FILES, getdents64), CALL(SPOOL, fstatfs), CALL(SPOOL, flock),
	CALL(P, mkdirat), NO(E, unlinkat, REFUSE), CALL(P, unlinkat), CALL(P, renameat2), CALL(P, fchmod), CALL(P, fchmodat), CALL(P, umask),
	CALL(P, statfs), CALL(P, fstatfs), CALL(C | P | E | W, ftruncate), CALL(P | E, fallocate), CALL(C | P | W, fsync),
	CALL(C | P | W, fdatasync), CALL(P | E, flock), CALL(W, getdents64),
	CALL(W, mlock), CALL(W, munlock), // libsodium's memory for secrets
	CALL(C | P | R, fadvise64), CALL(P, dup), CALL(P, dup3), CALL(P, pipe2), CALL(ALL, fcntl), CALL(P | E | W, memfd_create),
	CALL(P, readahead), CALL(P, msync), CALL(P, mincore), CALL(P | E, mlock), CALL(P, mlock2), CALL(P, mlockall), CALL(P, munlock),
	CALL(P | E, mbind),
	CALL(P | E, set_mempolicy), CALL(P | E, get_mempolicy), CALL(P, move_pages),

	// a terminal on standard error must not be typed into (TIOCSTI, TIOCLINUX)
	NO_IF(ALL, ioctl, DEADLY, 1, WHOLE, TIOCSTI), NO_IF(ALL, ioctl, DEADLY, 1, WHOLE, 0x541c),
	IF(R | C | M | W, ioctl, 1, WHOLE, TCGETS), CALL(E | P, ioctl), IF(C | W, ioctl, 1, WHOLE, FIONREAD),
	IF(UNIX | INET, ioctl, 1, WHOLE, SIOCOUTQ), // what the peer has not read yet

	// sockets. The engine keeps those that its drivers opened. Its logger asks for one towards syslog when the first line has none; the
	// line is on standard error as well.
	NO_IF(E, socket, REFUSE, 0, WHOLE, AF_UNIX), IF(CARD, socket, 0, WHOLE, AF_INET), NO(XDP, socket, REFUSE),
	IF(UNIX | INET, socket, 0, WHOLE, AF_UNIX), IF(INET, socket, 0, WHOLE, AF_INET), IF(INET, socket, 0, WHOLE, AF_INET6),
	IF(INET, socket, 0, WHOLE, AF_NETLINK), // libc asks for the addresses of this host before it sorts answers
	CALL(T, socket), IF(S, socket, 0, WHOLE, AF_UNIX), IF(S, socket, 0, WHOLE, AF_INET), IF(S, socket, 0, WHOLE, AF_INET6),
	IF(S, socket, 0, WHOLE, AF_NETLINK), NO(S, socket, REFUSE), // a driver that an ordinary user may not use says so
	CALL(P, socketpair), CALL(UNIX | INET | P, connect), CALL(INET | P, bind), CALL(P, listen),
	CALL(P | ASKED | M | W, accept4), CALL(P | ASKED, accept), CALL(UNIX | INET | P | M | W, shutdown),
	CALL(UNIX | INET | P | M | W, getsockname), CALL(UNIX | INET | P | M | W, getpeername),
	CALL(UNIX | INET | E | P | M | W, getsockopt), CALL(UNIX | INET | E | P | M | W, setsockopt),
	CALL(UNIX | INET | XDP | P | M | W, sendto), NO(E, sendto, REFUSE), CALL(UNIX | INET | XDP | P | M | W, sendmsg), CALL(INET | P, sendmmsg),
	CALL(UNIX | INET | E | P | M | W, recvfrom), CALL(UNIX | INET | E | P | W, recvmsg), CALL(INET | P, recvmmsg),
	CALL(E | P, epoll_create1), CALL(E | P | M | W, epoll_ctl), CALL(E | P | M | W, epoll_pwait), CALL(E | C | P, pselect6),
	CALL(E | P, eventfd2),
	CALL(E | P, timerfd_create), CALL(E | P, timerfd_settime), CALL(E | P, timerfd_gettime), CALL(P, signalfd4),
	CALL(T, bpf), NO(S | E, bpf, REFUSE), // an AF_XDP port would take its program with it; it stays, and the next engine uses it

#ifdef __x86_64__
	CALL(ALL, time), CALL(ALL, poll), CALL(E | P | M | W, epoll_wait), CALL(C | P | E, select), CALL(ALL, stat), CALL(C | P, lstat),
	CALL(E | P | W, access), CALL(P, readlink), CALL(P, open), IF(CARD | C | W, open, 1, O_ACCMODE, O_RDONLY), CALL(P, mkdir),
	NO(E, unlink, REFUSE), CALL(P, unlink), NO(E, rmdir, REFUSE), CALL(P, rmdir), CALL(P, rename), CALL(P, chmod), CALL(P, dup2),
	CALL(P, pipe),
	CALL(P, fork), CALL(P, vfork), CALL(P, getpgrp), CALL(P, getrlimit), CALL(P, setrlimit), CALL(P, arch_prctl), CALL(P, alarm),
	CALL(P, pause),
	CALL(P, epoll_create), NO(P, iopl, REFUSE), NO(P, ioperm, REFUSE), // DPDK asks for ports of old virtio cards, and goes without
#endif
};
// clang-format on

// ---- the program ----

struct writer {
	struct sock_filter *program;
	size_t used, size;
};

static void put(struct writer *w, uint16_t code, uint32_t k, uint8_t jump_true, uint8_t jump_false)
{
	if (w->used < w->size)
		w->program[w->used] = (struct sock_filter){code, jump_true, jump_false, k};
	w->used++;
}

static void put_verdict(struct writer *w, enum verdict verdict)
{
	static const uint32_t verdicts[] = {
		[ALLOW] = SECCOMP_RET_ALLOW,
		[REFUSE] = SECCOMP_RET_ERRNO | EPERM,
		[ABSENT] = SECCOMP_RET_ERRNO | ENOSYS,
		[DEADLY] = SECCOMP_RET_KILL_PROCESS,
	};
	put(w, BPF_RET | BPF_K, verdicts[verdict], 0, 0);
}

// The accumulator holds the call's number before and after a row that does not fit.
static void put_row(struct writer *w, const struct row *row)
{
	if (row->argument == ANY) {
		put(w, BPF_JMP | BPF_JEQ | BPF_K, row->number, 0, 1);
		put_verdict(w, row->verdict);
		return;
	}
	uint32_t value = row->value == OWN_PROCESS ? (uint32_t)getpid() : row->value;
	put(w, BPF_JMP | BPF_JEQ | BPF_K, row->number, 0, 5);
	put(w, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)row->argument), 0, 0);
	put(w, BPF_ALU | BPF_AND | BPF_K, row->mask, 0, 0);
	put(w, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
	put_verdict(w, row->verdict);
	put(w, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
}

int yg_confine_program(unsigned who, struct sock_filter *program, size_t size)
{
	struct writer w = {program, 0, size};
	if (!ARCHITECTURE)
		return -ENOTSUP;
	put(&w, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	put(&w, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	put_verdict(&w, DEADLY);
	put(&w, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	put(&w, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1); // the x32 table of x86_64; no call has such a number elsewhere
	put_verdict(&w, DEADLY);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].who & who)
			put_row(&w, &rows[i]);
	put_verdict(&w, DEADLY);
	return w.used <= size ? (int)w.used : -ENOSPC;
}

bool yg_confine_works(void)
{
	return !SANITIZED;
}

int yg_confine_calls(unsigned who)
{
	static struct sock_filter program[PROGRAM_MAX];
	if (SANITIZED)
		return 0;
	int used = yg_confine_program(who, program, PROGRAM_MAX);
	if (used < 0)
		return used;
	struct sock_fprog filter = {(unsigned short)used, program};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
	return result < 0 ? -errno : result > 0 ? -EBUSY : 0; // > 0: the thread that could not follow
}

int yg_confine_process(unsigned who)
{
	tzset(); // libc reads the time zone when a line goes to syslog, and could not then
	int error = yg_confine_rights();
	if (!error)
		error = yg_confine_calls(who);
	if (error == -ENOSYS) {
		yg_warn("this kernel has no filters of system calls (seccomp): going on without them");
		error = 0;
	}
	if (error)
		yg_error("rights cannot be given up: %s", strerror(-error));
	return error;
}

unsigned yg_confine_ports(const char *ports)
{
	unsigned who = 0;
	for (size_t length; *(ports += strspn(ports, " \t\n")); ports += length) {
		length = strcspn(ports, " \t\n");
		if (strncmp(ports, "net_", 4) != 0)
			who |= memchr(ports, ':', length) ? YG_CONFINED_CARD : 0;
		else if (strncmp(ports, "net_af_xdp", 10) == 0)
			who |= YG_CONFINED_XDP;
	}
	return who;
}

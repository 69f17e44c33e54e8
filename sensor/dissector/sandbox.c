// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The lists of calls, and the way into the filters. Deny by default, kill the process (not the thread, and not EPERM: a
// dissector that asks for a forbidden call has been taken over or is corrupt, and must not go on).
//
// The worker's filter lies on top of the zygote's, which every child inherits; a call passes only when both let it.
#include "dissector/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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

bool yg_sandbox_works(void)
{
	return !SANITIZED;
}

// Clock calls are there for machines whose clock the vDSO cannot read.
static const int worker_calls[] = {
    SCMP_SYS(futex),        SCMP_SYS(clock_gettime),   SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(brk),          SCMP_SYS(munmap),          SCMP_SYS(mremap),       SCMP_SYS(madvise),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(exit_group),
};

// What the zygote does, and what its child still does between fork and its own filter.
static const int zygote_calls[] = {
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit_group),
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(getdents64),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(wait4),
    SCMP_SYS(kill),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(gettid),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(prctl),
    SCMP_SYS(prlimit64),
    SCMP_SYS(setrlimit),
    SCMP_SYS(seccomp),
    SCMP_SYS(capset),
    SCMP_SYS(exit),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_getres),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstat),
    SCMP_SYS(setpriority),
};

static int allow_all(scmp_filter_ctx filter, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
		if (error)
			return error;
	}
	// Anonymous memory that can never be run.
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
	                        SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
}

static int allow_folder(scmp_filter_ctx filter, int folder)
{
	if (folder < 0)
		return 0;
	int error =
	    seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)folder));
	return error ? error
	             : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(unlinkat), 1,
	                                SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)folder));
}

// A plain fork: no flag that makes a namespace, a thread or shared memory.
static int allow_fork(scmp_filter_ctx filter)
{
	const uint64_t harmless = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID | 0xff;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
	                        SCMP_A0(SCMP_CMP_MASKED_EQ, ~harmless & UINT32_MAX, 0));
}

// libseccomp writes its program to a descriptor; a memfd holds it for a moment.
static int export_program(scmp_filter_ctx filter, struct sock_fprog *ret_program)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	int error = seccomp_export_bpf(filter, fd);
	struct stat st;
	if (error == 0 && fstat(fd, &st) < 0)
		error = -errno;
	size_t size = error == 0 ? (size_t)st.st_size : 0;
	void *program = error == 0 ? malloc(size) : NULL;
	if (error == 0 && !program)
		error = -ENOMEM;
	if (error == 0 && pread(fd, program, size, 0) != (ssize_t)size)
		error = -EIO;
	close(fd);
	if (error) {
		free(program);
		return error;
	}
	*ret_program = (struct sock_fprog){(unsigned short)(size / sizeof(struct sock_filter)), program};
	return 0;
}

static scmp_filter_ctx new_filter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (filter && seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0)
		return filter;
	seccomp_release(filter);
	return NULL;
}

static int compile_worker(struct sock_fprog *ret_program)
{
	scmp_filter_ctx filter = new_filter();
	if (!filter)
		return -ENOMEM;
	int error = allow_all(filter, worker_calls, sizeof worker_calls / sizeof worker_calls[0]);
	if (error == 0)
		error = export_program(filter, ret_program);
	seccomp_release(filter);
	return error;
}

static int compile_zygote(struct sock_fprog *ret_program, int quarantine)
{
	scmp_filter_ctx filter = new_filter();
	if (!filter)
		return -ENOMEM;
	int error = allow_all(filter, zygote_calls, sizeof zygote_calls / sizeof zygote_calls[0]);
	if (error == 0)
		error = allow_fork(filter);
	if (error == 0)
		error = allow_folder(filter, quarantine);
	if (error == 0)
		error = export_program(filter, ret_program);
	seccomp_release(filter);
	return error;
}

int yg_sandbox_prepare(struct yg_sandbox *sandbox, int quarantine)
{
	*sandbox = (struct yg_sandbox){0};
	if (SANITIZED)
		return 0;
	int error = compile_worker(&sandbox->worker);
	if (error == 0)
		error = compile_zygote(&sandbox->zygote, quarantine);
	if (error)
		yg_sandbox_release(sandbox);
	return error;
}

void yg_sandbox_release(struct yg_sandbox *sandbox)
{
	free(sandbox->worker.filter);
	free(sandbox->zygote.filter);
	*sandbox = (struct yg_sandbox){0};
}

enum { ZYGOTE_NICE = -10, WORKER_NICE = 0 };

static int enter(const struct sock_fprog *program)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program) < 0 ? -errno : 0;
}

// Keeps the capabilities in `keep` alone. Without any to begin with this changes nothing.
static int drop_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{(uint32_t)keep, (uint32_t)keep, 0}, {0}};
	if (syscall(SYS_capset, &header, data) == 0)
		return 0;
	return keep == 0 ? -errno : drop_capabilities(0);
}

static int limit(int resource, uint64_t value)
{
	struct rlimit both = {value, value};
	struct rlimit now;
	if (getrlimit((__rlimit_resource_t)resource, &now) == 0 && now.rlim_max < value)
		both = (struct rlimit){now.rlim_max, now.rlim_max};
	return setrlimit((__rlimit_resource_t)resource, &both) < 0 ? -errno : 0;
}

static int limit_all(uint64_t memory)
{
	int error = limit(RLIMIT_NOFILE, 0);
	if (error == 0)
		error = limit(RLIMIT_NPROC, 0);
	if (error == 0)
		error = limit(RLIMIT_FSIZE, 0);
	if (error == 0)
		error = limit(RLIMIT_CORE, 0);
	return error ? error : limit(RLIMIT_DATA, memory);
}

int yg_sandbox_enter_worker(const struct yg_sandbox *sandbox, uint64_t memory, int parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	if (getppid() != parent)
		return -ESRCH; // it died before the line above
	if (SANITIZED)
		return 0;
	setpriority(PRIO_PROCESS, 0, WORKER_NICE);
	if (close_range(0, ~0u, 0) < 0)
		return -errno;
	int error = limit_all(memory);
	if (error == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		error = -errno;
	if (error == 0)
		error = drop_capabilities(0);
	return error ? error : enter(&sandbox->worker);
}

int yg_sandbox_enter_zygote(const struct yg_sandbox *sandbox)
{
	if (SANITIZED)
		return 0;
	// It sleeps all but always; when it wakes, every millisecond is one without dissecting. Where refused: as
	// everyone.
	setpriority(PRIO_PROCESS, 0, ZYGOTE_NICE);
	// An empty network namespace where the kernel lets us; where not, the filter below denies every socket all the
	// same.
	if (unshare(CLONE_NEWNET) < 0 && errno != EPERM && errno != EINVAL && errno != ENOSPC)
		return -errno;
	int error = drop_capabilities(UINT64_C(1) << CAP_DAC_OVERRIDE); // the quarantine folder may be someone else's
	return error ? error : enter(&sandbox->zygote);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Confinement: the filter's program, run here by hand; what ports ask for; capabilities of every thread, user and groups, each in a child
// that ends. What needs root is skipped without.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"

#define BIT(capability) (UINT64_C(1) << (capability))

#ifdef __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

enum { NOBODY = 65534, PROGRAM = 2048 };

static const unsigned lists[] = {YG_CONFINED_ENGINE,  YG_CONFINED_ENGINE | YG_CONFINED_CARD | YG_CONFINED_XDP,    YG_CONFINED_REPLAY,
				 YG_CONFINED_COURIER, YG_CONFINED_COURIER | YG_CONFINED_UNIX, YG_CONFINED_COURIER | YG_CONFINED_INET,
				 YG_CONFINED_SUPERVISOR, YG_CONFINED_STARTER,
				 YG_CONFINED_METRICS, YG_CONFINED_ENGINE | YG_CONFINED_TELEMETRY,
				 YG_CONFINED_WEB | YG_CONFINED_UNIX, YG_CONFINED_WEB | YG_CONFINED_INET};
enum { LISTS = sizeof lists / sizeof *lists };

// ---- the program ----

// What the kernel would do, for the instructions that are used.
static uint32_t judge(const struct sock_filter *program, int count, const struct seccomp_data *data)
{
	uint32_t a = 0;
	for (int i = 0; i < count; i++) {
		const struct sock_filter *f = &program[i];
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(f->k + 4 <= sizeof *data && f->k % 4 == 0);
			memcpy(&a, (const char *)data + f->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			i += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			i += a >= f->k ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			fail_msg("an instruction of code %#x", f->code);
		}
	}
	fail_msg("the program ran over its end");
	return 0;
}

static uint32_t verdict(unsigned who, uint32_t architecture, int number, uint64_t a0, uint64_t a2)
{
	static struct sock_filter program[PROGRAM];
	struct seccomp_data data = {.nr = number, .arch = architecture, .args = {a0, a2, a2}};
	int count = yg_confine_program(who, program, PROGRAM);
	assert_true(count > 0);
	return judge(program, count, &data);
}

static void every_number_gets_a_verdict_behind_every_list(void **state)
{
	(void)state;
	static struct sock_filter program[PROGRAM];
	for (unsigned i = 0; i < LISTS; i++) {
		int count = yg_confine_program(lists[i], program, PROGRAM);
		assert_in_range(count, 50, 1000);
		for (int number = -1; number < 1000; number++) {
			struct seccomp_data data = {.nr = number, .arch = ARCHITECTURE};
			judge(program, count, &data);
		}
		struct seccomp_data unknown = {.nr = 999, .arch = ARCHITECTURE};
		assert_int_equal(judge(program, count, &unknown), SECCOMP_RET_KILL_PROCESS);
	}
}

static void another_machine_s_calls_are_deadly(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LISTS; i++) {
		assert_int_equal(verdict(lists[i], ARCHITECTURE, SYS_getpid, 0, 0), SECCOMP_RET_ALLOW);
		assert_int_equal(verdict(lists[i], AUDIT_ARCH_I386, SYS_getpid, 0, 0), SECCOMP_RET_KILL_PROCESS);
		assert_int_equal(verdict(lists[i], AUDIT_ARCH_ARM, SYS_getpid, 0, 0), SECCOMP_RET_KILL_PROCESS);
		assert_int_equal(verdict(lists[i], ARCHITECTURE, 0x40000000 | SYS_getpid, 0, 0), SECCOMP_RET_KILL_PROCESS);
		assert_int_equal(verdict(lists[i], ARCHITECTURE, -1, 0, 0), SECCOMP_RET_KILL_PROCESS);
	}
}

static void arguments_are_looked_at_where_a_row_says_so(void **state)
{
	(void)state;
	const unsigned courier = YG_CONFINED_COURIER | YG_CONFINED_INET, own = (unsigned)getpid();
	assert_int_equal(verdict(courier, ARCHITECTURE, SYS_socket, AF_INET, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(courier, ARCHITECTURE, SYS_socket, AF_PACKET, 0), SECCOMP_RET_KILL_PROCESS);
	// the kernel reads an int: what stands above bit 32 changes nothing
	assert_int_equal(verdict(courier, ARCHITECTURE, SYS_socket, UINT64_C(1) << 32 | AF_PACKET, 0), SECCOMP_RET_KILL_PROCESS);
	// files are renamed and removed by who sets them aside or has a spool, and what a peer has read is asked by who has one
	const unsigned rotates = YG_CONFINED_COURIER | YG_CONFINED_ROTATE;
	static const int files[] = {SYS_renameat2, SYS_unlinkat, SYS_getdents64};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		assert_int_equal(verdict(courier, ARCHITECTURE, files[i], 0, 0), SECCOMP_RET_KILL_PROCESS);
		assert_int_equal(verdict(rotates, ARCHITECTURE, files[i], 0, 0), SECCOMP_RET_ALLOW);
	}
	assert_int_equal(verdict(rotates, ARCHITECTURE, SYS_socket, AF_UNIX, 0), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(verdict(courier, ARCHITECTURE, SYS_ioctl, 0, SIOCOUTQ), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(rotates, ARCHITECTURE, SYS_ioctl, 0, SIOCOUTQ), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(verdict(courier, ARCHITECTURE, SYS_mmap, 0, PROT_READ), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(courier, ARCHITECTURE, SYS_mmap, 0, PROT_READ | PROT_EXEC), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(verdict(courier, ARCHITECTURE, SYS_tgkill, own, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(courier, ARCHITECTURE, SYS_tgkill, own + 1, 0), SECCOMP_RET_KILL_PROCESS);
}

static void a_program_that_does_not_fit_is_an_error(void **state)
{
	(void)state;
	struct sock_filter program[PROGRAM];
	int count = yg_confine_program(YG_CONFINED_SUPERVISOR, program, PROGRAM);
	memset(program, 0xee, sizeof program);
	assert_int_equal(yg_confine_program(YG_CONFINED_SUPERVISOR, program, (size_t)count - 1), -ENOSPC);
	assert_int_equal(program[count - 1].code, 0xeeee); // nothing written past its size
	assert_int_equal(yg_confine_program(YG_CONFINED_SUPERVISOR, program, (size_t)count), count);
}

static void ports_say_what_they_ask_for(void **state)
{
	(void)state;
	static const struct {
		const char *ports;
		unsigned who;
	} cases[] = {
		{"", 0}, {" \t\n", 0}, {"eth1", 0}, {"eth1 eth2", 0}, {"0000:03:00.0", YG_CONFINED_CARD}, {"eth1 03:00.1 ", YG_CONFINED_CARD},
		{"net_af_xdp0,iface=eth1", YG_CONFINED_XDP}, {"net_af_packet0,iface=eth1", 0}, {"net_pcap0,rx_pcap=a:b.pcap", 0},
		{" net_af_xdp,iface=a 0000:03:00.0", YG_CONFINED_XDP | YG_CONFINED_CARD},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(yg_confine_ports(cases[i].ports), cases[i].who);
}

// ---- rights, each in a child ----

static int in_child(int (*body)(void))
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(body());
	int status = 0;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// The hexadecimal number in a line of /proc/self/task/THREAD/status.
static uint64_t line_of(const char *thread, const char *name)
{
	char path[64], line[256];
	uint64_t value = UINT64_MAX;
	snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoull(line + strlen(name) + 1, NULL, 16);
	if (file)
		fclose(file);
	return value;
}

static pthread_barrier_t both;
static char other[16];

static void *waits(void *blocked)
{
	if (blocked) {
		sigset_t all;
		sigfillset(&all);
		pthread_sigmask(SIG_BLOCK, &all, NULL);
	}
	snprintf(other, sizeof other, "%d", gettid());
	pthread_barrier_wait(&both);
	for (;;)
		pause();
	return NULL;
}

static int start_other(bool blocked)
{
	pthread_t thread;
	pthread_barrier_init(&both, NULL, 2);
	if (pthread_create(&thread, NULL, waits, blocked ? other : NULL))
		return -1;
	pthread_barrier_wait(&both);
	return 0;
}

static int every_thread(void)
{
	static const char *const lines[] = {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:", "CapBnd:"};
	bool root = geteuid() == 0;
	if (start_other(false) || yg_confine_rights())
		return 1;
	for (unsigned i = 0; i < 5; i++)
		if (line_of(other, lines[i]) && (root || i < 4))
			return 2 + (int)i;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || (yg_confine_works() && prctl(PR_GET_DUMPABLE) != 0))
		return 10;
	return yg_confine_rights() ? 11 : 0; // again: nothing to do
}

static void every_thread_loses_every_capability(void **state)
{
	(void)state;
	assert_int_equal(in_child(every_thread), 0);
}

static int deaf_thread(void)
{
	return start_other(true) || yg_confine_rights() != -ETIMEDOUT;
}

static void a_thread_that_cannot_be_reached_is_an_error(void **state)
{
	(void)state;
	if (!(yg_confine_permitted()))
		skip();
	assert_int_equal(in_child(deaf_thread), 0);
}

static int another_user(void)
{
	const gid_t groups[] = {1, 2, 3};
	if (setgroups(3, groups) || yg_confine_user(NOBODY, NOBODY, BIT(CAP_NET_RAW) | BIT(CAP_SETPCAP)))
		return 1;
	if (getuid() != NOBODY || geteuid() != NOBODY || getgid() != NOBODY || getgroups(0, NULL) != 0)
		return 2;
	uint64_t kept = BIT(CAP_NET_RAW) | BIT(CAP_SETPCAP);
	char own[16];
	snprintf(own, sizeof own, "%d", getpid());
	if (line_of(own, "CapEff:") != 0 || line_of(own, "CapPrm:") != kept || line_of(own, "CapAmb:") != kept || line_of(own, "CapBnd:") != kept)
		return 4;
	if (setuid(0) == 0 || socket(AF_PACKET, SOCK_RAW, 0) >= 0)
		return 5;
	return 0;
}

static void another_user_has_no_groups_and_only_what_it_hands_down(void **state)
{
	(void)state;
	if (geteuid() != 0 || !(yg_confine_permitted() & BIT(CAP_SETUID)))
		skip();
	assert_int_equal(in_child(another_user), 0);
}

static int same_user(void)
{
	char own[16];
	snprintf(own, sizeof own, "%d", getpid());
	if (yg_confine_user(geteuid(), getegid(), 0))
		return 1;
	bool gone = !line_of(own, "CapEff:") && !line_of(own, "CapPrm:") && !line_of(own, "CapInh:") && !line_of(own, "CapAmb:");
	if (!gone || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 2;
	// Not by a program either: as user 0 it would have them all.
	execl("/bin/sh", "sh", "-c", "grep -q 'CapEff:.0000000000000000' /proc/self/status", NULL);
	return 3;
}

static void the_same_user_without_capabilities_gains_none_by_exec(void **state)
{
	(void)state;
	assert_int_equal(in_child(same_user), 0);
}

static int forbidden_user(void)
{
	if (setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	return yg_confine_user(1, 1, 0) == -EPERM ? 0 : 2;
}

static void a_user_that_cannot_be_taken_is_an_error(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(forbidden_user), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_gets_a_verdict_behind_every_list),
		cmocka_unit_test(another_machine_s_calls_are_deadly),
		cmocka_unit_test(arguments_are_looked_at_where_a_row_says_so),
		cmocka_unit_test(a_program_that_does_not_fit_is_an_error),
		cmocka_unit_test(ports_say_what_they_ask_for),
		cmocka_unit_test(every_thread_loses_every_capability),
		cmocka_unit_test(a_thread_that_cannot_be_reached_is_an_error),
		cmocka_unit_test(another_user_has_no_groups_and_only_what_it_hands_down),
		cmocka_unit_test(the_same_user_without_capabilities_gains_none_by_exec),
		cmocka_unit_test(a_user_that_cannot_be_taken_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The calls of net_af_packet, made as the unit lets them be made: without sockets of AF_INET, without CAP_NET_ADMIN. Each case in a child.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// What RestrictAddressFamilies does.
static bool refuse_inet(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {sizeof code / sizeof *code, code};
	if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
		return false;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int in_child(int (*look)(void))
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(refuse_inet() ? look() : 100);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int sockets(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), domain = 0;
	socklen_t size = sizeof domain;
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 || domain != AF_UNIX)
		return 1;
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EAFNOSUPPORT) // traffic is not to go through this
		return 2;
	return 0;
}

static int flags(void)
{
	struct ifreq lo = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(fd, SIOCGIFFLAGS, &lo) < 0)
		return 1;
	short now = lo.ifr_flags;
	lo.ifr_flags = now & ~IFF_PROMISC;
	if (ioctl(fd, SIOCSIFFLAGS, &lo) != 0)
		return 2;
	lo.ifr_flags = now | IFF_PROMISC; // would be a lie
	if (ioctl(fd, SIOCSIFFLAGS, &lo) == 0 || errno != EPERM)
		return 3;
	lo.ifr_flags = (now ^ IFF_UP) & ~IFF_PROMISC;
	if (ioctl(fd, SIOCSIFFLAGS, &lo) == 0 || errno != EPERM)
		return 4;
	return ioctl(-1, SIOCGIFFLAGS, &lo) == -1 && errno == EBADF ? 0 : 5;
}

static void an_interface_is_asked_through_a_socket_of_another_family(void **state)
{
	(void)state;
	assert_int_equal(in_child(sockets), 0);
}

static void only_switching_promiscuous_mode_off_needs_no_right(void **state)
{
	(void)state;
	assert_int_equal(in_child(flags), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_is_asked_through_a_socket_of_another_family),
		cmocka_unit_test(only_switching_promiscuous_mode_off_needs_no_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

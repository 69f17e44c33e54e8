// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Three calls of libc as DPDK's drivers of interfaces see them.
//
// socket, ioctl: net_af_packet (22.11) switches promiscuous mode off at every start of a port, by a flag of the interface that it sets
// through a socket of AF_INET, and takes it for a failed start when it may not. The sensor needs neither: a packet socket asks for
// promiscuous mode by itself (ethdev.c). The alternative, CAP_NET_ADMIN and AF_INET for the whole unit, would let a sensor that was taken
// over reconfigure the host's network.
//
// setsockopt: net_af_packet has the kernel put IPv4 fragments together before it shows them, and takes no option against that: fragments
// that never become a datagram, as in a flood of them, would be seen and counted by nobody. So its call goes on without that.
//
// Part of the program and not of a library: so the dynamic linker finds these before those of libc.
//
// Thread: any.
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// Requests about an interface are answered on a socket of any family.
int socket(int domain, int type, int protocol)
{
	long fd = syscall(SYS_socket, domain, type, protocol);
	if (fd < 0 && errno == EAFNOSUPPORT && domain == AF_INET && (type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) == SOCK_DGRAM)
		fd = syscall(SYS_socket, AF_UNIX, type, 0);
	return (int)fd;
}

// Whether nothing is asked for but that the interface be no longer promiscuous. That others still hear everything harms nobody.
static bool only_less(int fd, const struct ifreq *wanted)
{
	struct ifreq now = *wanted;
	if (wanted->ifr_flags & IFF_PROMISC || syscall(SYS_ioctl, fd, SIOCGIFFLAGS, &now) < 0)
		return false;
	return ((now.ifr_flags ^ wanted->ifr_flags) & ~IFF_PROMISC) == 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	va_start(list, request);
	void *argument = va_arg(list, void *);
	va_end(list);
	long result = syscall(SYS_ioctl, fd, request, argument);
	int error = errno;
	if (result < 0 && error == EPERM && request == SIOCSIFFLAGS && only_less(fd, argument))
		return 0;
	errno = error;
	return (int)result;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	uint32_t fanout;
	if (level == SOL_PACKET && name == PACKET_FANOUT && size == sizeof fanout) {
		memcpy(&fanout, value, sizeof fanout);
		fanout &= ~((uint32_t)PACKET_FANOUT_FLAG_DEFRAG << 16);
		value = &fanout;
	}
	return (int)syscall(SYS_setsockopt, fd, level, name, value, size);
}

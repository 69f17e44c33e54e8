// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// send_frames INTERFACE COUNT RATE [FLOWS]: sends COUNT numbered UDP frames of 64 bytes (without checksum of the wire) at RATE a second
// through a packet socket, over FLOWS flows (64), and prints how many the kernel took. Only for interfaces of a test's own.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BYTES = 60, BATCH = 32 };

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static void make_frame(uint8_t *f, uint32_t number, uint32_t flows)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0};
	uint32_t flow = number % flows, sum = 0;
	memset(f, 0, BYTES);
	memcpy(f, head, sizeof head);
	put32(f + 26, 0xc6336400 | (flow & 0xff)); // 198.51.100.0/24
	put32(f + 30, 0xc0000200 | (flow >> 8 & 0xff));
	for (unsigned i = 14; i < 34; i += 2)
		sum += (uint32_t)f[i] << 8 | f[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(f + 24, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
	put16(f + 34, 1024 + flow);
	put16(f + 36, 9);
	put16(f + 38, 26);
	put32(f + 42, number);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// A full queue of the device is no loss: the frame is offered again.
static unsigned send_some(int fd, struct mmsghdr *messages, unsigned n)
{
	unsigned done = 0;
	while (done < n) {
		int sent = sendmmsg(fd, messages + done, n - done, 0);
		if (sent > 0)
			done += (unsigned)sent;
		else if (errno != ENOBUFS && errno != EINTR && errno != EAGAIN)
			break;
	}
	return done;
}

int main(int argc, char **argv)
{
	static uint8_t frames[BATCH][BYTES];
	struct mmsghdr messages[BATCH] = {0};
	struct iovec parts[BATCH];
	if (argc < 4)
		return 64;
	uint32_t count = (uint32_t)strtoul(argv[2], NULL, 10), flows = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 64, sent = 0;
	double rate = strtod(argv[3], NULL), start = now();
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
	if (fd < 0 || !to.sll_ifindex || bind(fd, (struct sockaddr *)&to, sizeof to) < 0 || !flows) {
		perror(argv[1]);
		return 71;
	}
	for (uint32_t number = 0; number < count;) {
		unsigned n = 0;
		for (; n < BATCH && number < count; n++, number++) {
			make_frame(frames[n], number, flows);
			parts[n] = (struct iovec){frames[n], BYTES};
			messages[n].msg_hdr = (struct msghdr){.msg_iov = &parts[n], .msg_iovlen = 1};
		}
		unsigned done = send_some(fd, messages, n);
		sent += done;
		if (done < n)
			break;
		double ahead = (double)number / rate - (now() - start);
		if (ahead > 0.0005)
			usleep((useconds_t)(ahead * 1e6));
	}
	printf("%u\n", sent);
	close(fd);
	return sent == count ? 0 : 1;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// make_traffic KIND NUMBER [SERVER] > FILE.pcap: the frames that ci/bench sends round and round, 64 bytes each on the wire (60 and a
// checksum that no capture shows). The same arguments give the same bytes. The kinds:
//
//   flows N        N TCP flows, one frame of payload in each direction: established when the file has gone by once
//   oneway N       N TCP flows, one frame of payload in one direction, so that a file of four million flows is no larger than it must be
//   syn N          N SYNs from N forged addresses and ports to one server, and 1,000 long flows between them, a frame each way
//   synack N       the same, each SYN answered
//                  (the server is 10.0.5.SERVER; 10 when not said)
//   distinct N     N UDP datagrams with payload, each of another 5-tuple
//
// Neighbours in the file have nothing in common: the order of flows is a permutation, so that no cache gains from it. Time runs on by
// one microsecond a frame; who loops over the file ignores it. Thread: one.
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRAME = 60, RECORD = 16, FLOWS_MAX = 1 << 22, LONG_FLOWS = 1000, START = 1780967100 };
enum { SYN = 2, PSH = 8, ACK = 16, TCP = 6, UDP = 17 };

#define HOME UINT32_C(0x0a000000)     // 10.0.0.0/8: what the benchmark declares as its own
#define FAR UINT32_C(0xc6120000)      // 198.18.0.0/15: for benchmarks (RFC 2544)
#define SERVERS (HOME + 0x00000500)   // 10.0.5.0/24
#define LONG_HOME (HOME + 0x00ff0000) // 10.255.0.0/16: the marked flows, found again by their address

struct tuple {
	uint32_t source, target;
	uint16_t source_port, target_port;
};

struct writer {
	FILE *out;
	uint64_t frames;
};

// A permutation of the numbers below 2^32: each step can be undone, so no two numbers meet (the finaliser of MurmurHash3, public domain).
static uint32_t permute(uint32_t x)
{
	x ^= x >> 16;
	x *= UINT32_C(0x85ebca6b);
	x ^= x >> 13;
	x *= UINT32_C(0xc2b2ae35);
	return x ^ x >> 16;
}

// A permutation of the numbers below `count`: of the next power of two, walked until it falls below.
static uint32_t shuffle(uint32_t i, uint32_t count)
{
	uint32_t mask = 1;
	while (mask < count)
		mask <<= 1;
	mask--;
	do {
		i = (i * UINT32_C(2654435761) + 12345) & mask;
		i ^= i >> 7;
		i = i * UINT32_C(0x5851f42d) & mask;
	} while (i >= count);
	return i;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static uint32_t sum(const uint8_t *bytes, unsigned length, uint32_t start)
{
	for (unsigned i = 0; i < length; i += 2)
		start += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return start;
}

static uint32_t fold(uint32_t value)
{
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	return ~value & 0xffff;
}

static struct tuple back(struct tuple t)
{
	return (struct tuple){t.target, t.source, t.target_port, t.source_port};
}

static void write_frame(struct writer *w, struct tuple t, uint8_t protocol, uint8_t flags, uint32_t sequence)
{
	uint8_t f[RECORD + FRAME] = {0}, *ip = f + RECORD + 14, *l4 = ip + 20;
	bool syn = flags & SYN;
	unsigned header = protocol == UDP ? 8 : 20, payload = syn ? 0 : FRAME - 34 - header;
	uint32_t seconds = START + (uint32_t)(w->frames / 1000000), micro = (uint32_t)(w->frames % 1000000), length = FRAME;
	memcpy(f, &seconds, 4);
	memcpy(f + 4, &micro, 4);
	memcpy(f + 8, &length, 4);
	memcpy(f + 12, &length, 4);
	memcpy(f + RECORD, "\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0", 14);
	ip[0] = 0x45;
	put16(ip + 2, 20 + header + payload);
	put16(ip + 4, (uint32_t)w->frames & 0xffff);
	ip[6] = 0x40;
	ip[8] = 60;
	ip[9] = protocol;
	put32(ip + 12, t.source);
	put32(ip + 16, t.target);
	put16(ip + 10, fold(sum(ip, 20, 0)));
	put16(l4, t.source_port);
	put16(l4 + 2, t.target_port);
	put32(l4 + header, permute(sequence)); // the payload begins with four bytes that no dissector knows
	if (protocol == UDP) {
		put16(l4 + 4, header + payload);
	} else {
		put32(l4 + 4, sequence);
		put32(l4 + 8, flags & ACK ? sequence ^ 1 : 0);
		l4[12] = 0x50;
		l4[13] = flags;
		put16(l4 + 14, 64240);
	}
	if (syn)
		memset(l4 + header, 0, FRAME - 34 - header);
	put16(l4 + (protocol == UDP ? 6 : 16), fold(sum(l4, header + payload, sum(ip + 12, 8, protocol + header + payload))));
	if (fwrite(f, sizeof f, 1, w->out) != 1) {
		fprintf(stderr, "make_traffic: %s\n", strerror(errno));
		exit(74);
	}
	w->frames++;
}

// Flow number i between a host of ours and one outside; no two have the same tuple.
static struct tuple flow(uint32_t i)
{
	uint32_t r = permute(i);
	return (struct tuple){HOME + 0x10000 + (r & 0x3fff), FAR + (r >> 14 & 0x3fff), (uint16_t)(1024 + (r >> 28) + ((i >> 4) & 0x7fff)),
			      443};
}

static void write_flows(struct writer *w, uint32_t count, bool both)
{
	for (uint32_t i = 0; i < count; i++)
		write_frame(w, flow(shuffle(i, count)), TCP, PSH | ACK, i);
	for (uint32_t i = 0; both && i < count; i++)
		write_frame(w, back(flow(shuffle(i, count))), TCP, PSH | ACK, ~i);
}

static void write_long(struct writer *w, uint32_t k)
{
	struct tuple t = {LONG_HOME + 256 + k % LONG_FLOWS, FAR + 0x10000 + k % LONG_FLOWS, (uint16_t)(20000 + k % LONG_FLOWS), 443};
	write_frame(w, k < LONG_FLOWS ? t : back(t), TCP, PSH | ACK, k % LONG_FLOWS);
}

static void write_syns(struct writer *w, uint32_t count, bool answered, uint32_t server)
{
	uint32_t every = count / (2 * LONG_FLOWS), k = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t r = permute(i);
		struct tuple t = {UINT32_C(0x2d000000) + (r >> 4 & 0xffffff), SERVERS + server, (uint16_t)(1024 + (r & 0xf) + (r >> 28 << 4)), 443};
		write_frame(w, t, TCP, SYN, r);
		if (answered)
			write_frame(w, back(t), TCP, SYN | ACK, ~r);
		if (every && i % every == every - 1 && k < 2 * LONG_FLOWS)
			write_long(w, k++);
	}
}

static void write_distinct(struct writer *w, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct tuple t = flow(i);
		t.target_port = 40000;
		write_frame(w, t, UDP, 0, i);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zero[2], length, link;
	} head = {0xa1b2c3d4, 2, 4, {0, 0}, 65535, 1};
	const char *kind = argc > 1 ? argv[1] : "";
	char *end = NULL;
	unsigned long count = argc >= 3 ? strtoul(argv[2], &end, 10) : 0, server = argc == 4 ? strtoul(argv[3], NULL, 10) : 10;
	struct writer w = {stdout, 0};
	if (argc < 3 || argc > 4 || *end || server > 255 || count < 1 || count > FLOWS_MAX || isatty(STDOUT_FILENO)) {
		fputs("usage: make_traffic flows|oneway|syn|synack|distinct NUMBER [SERVER] > FILE.pcap\n", stderr);
		return 64;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 20);
	fwrite(&head, sizeof head, 1, stdout);
	if (strcmp(kind, "flows") == 0 || strcmp(kind, "oneway") == 0)
		write_flows(&w, (uint32_t)count, kind[0] == 'f');
	else if (strcmp(kind, "syn") == 0 || strcmp(kind, "synack") == 0)
		write_syns(&w, (uint32_t)count, kind[3], (uint32_t)server);
	else if (strcmp(kind, "distinct") == 0)
		write_distinct(&w, (uint32_t)count);
	else
		return fputs("make_traffic: no such kind\n", stderr), 64;
	return fflush(stdout) || ferror(stdout) ? 74 : 0;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Frames from fields, random numbers from a seed, and the pcap file (nanoseconds, Ethernet). Thread: one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { GEN_FRAME_MAX = 2048, GEN_PAYLOAD_MAX = 1480 };

enum { GEN_ICMP = 1, GEN_TCP = 6, GEN_UDP = 17, GEN_GRE = 47, GEN_ESP = 50, GEN_ICMP6 = 58 };

enum { GEN_FIN = 1, GEN_SYN = 2, GEN_RST = 4, GEN_PSH = 8, GEN_ACK = 16 };

struct gen_rng {
	uint64_t state;
};

uint64_t gen_mix(uint64_t a, uint64_t b); // a hash of two numbers, to derive seeds
uint64_t gen_next(struct gen_rng *rng);
uint32_t gen_below(struct gen_rng *rng, uint32_t bound);                // 0 to bound - 1; 0 when bound is 0
uint32_t gen_between(struct gen_rng *rng, uint32_t low, uint32_t high); // both included
bool gen_chance(struct gen_rng *rng, double share);
double gen_exponential(struct gen_rng *rng, double mean);
void gen_fill(struct gen_rng *rng, uint8_t *out, size_t len);

struct gen_addr {
	uint8_t af; // 4 or 6; IPv4 lies in the first four bytes, the rest is zero
	uint8_t b[16];
};

struct gen_addr gen_v4(uint32_t host_order);
struct gen_addr gen_v6(uint64_t high, uint64_t low);
bool gen_parse_addr(const char *text, struct gen_addr *ret_addr);
void gen_print_addr(const struct gen_addr *addr, char *out, size_t room);

// One packet. Fields of other protocols than `proto` are ignored.
struct gen_packet {
	struct gen_addr src, dst;
	uint8_t proto, ttl, tos;
	bool outbound; // which way it crosses the tap: decides the MAC addresses
	uint16_t vlan; // 0: no tag
	uint16_t id;   // IPv4 identification; low half of the IPv6 fragment's
	bool fragment; // carries fragment_offset (in units of 8) and more_fragments
	bool more_fragments;
	uint16_t fragment_offset;
	uint16_t udp_len; // of the whole datagram with its header, where this is its first fragment; 0: what is here
	uint16_t sport, dport; // TCP and UDP
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window;
	const uint8_t *options; // TCP, a multiple of four bytes
	uint8_t options_len;
	uint8_t icmp_type, icmp_code;
	uint32_t icmp_rest;
	const uint8_t *payload;
	size_t payload_len;
};

// Writes the frame with its lengths and checksums; returns its length, or 0 when it does not fit `room`. A non-first
// fragment is raw payload behind its IP header.
size_t gen_build(const struct gen_packet *packet, uint8_t *out, size_t room);

// One's complement sum over `len` bytes on top of `sum`, not folded; exported for the tests.
uint64_t gen_sum(const uint8_t *bytes, size_t len, uint64_t sum);
uint16_t gen_fold(uint64_t sum);

// 0 or -EIO.
int gen_pcap_begin(FILE *file);
int gen_pcap_write(FILE *file, int64_t ns, const uint8_t *frame, size_t len);

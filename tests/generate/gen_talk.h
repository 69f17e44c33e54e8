// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Conversations: two ends and a script of messages, played packet by packet. TCP with handshake, acknowledgements,
// slow start, losses and every way to end; datagrams (UDP, ESP, ICMP echo) with a header of their own each.
// Thread: one; made by gen_talk_new, freed when its last event has been delivered.
#pragma once

#include "gen_sim.h"

enum { GEN_STEPS_MAX = 24 };

enum gen_fill {
	GEN_FILL_RANDOM,
	GEN_FILL_TEXT,      // printable
	GEN_FILL_TLS,       // records of application data, their headers where they belong
	GEN_FILL_QUIC,      // each datagram a short header
	GEN_FILL_WIREGUARD, // each datagram a transport message with its counter
	GEN_FILL_ESP,       // each datagram an SPI and a sequence number
};

enum gen_close {
	GEN_CLOSE_CLIENT, // FIN from the client first
	GEN_CLOSE_SERVER,
	GEN_CLOSE_RESET, // the client resets after the last message
	GEN_CLOSE_NONE,  // stays open
	GEN_REFUSED,     // the SYN is answered by RST
	GEN_SILENT,      // the SYN is answered by nobody
};

struct gen_step {
	uint8_t from; // 0 client, 1 server
	uint8_t fill; // enum gen_fill, for what follows the head
	uint32_t len; // of the whole message, head included
	uint32_t head_len;
	int64_t pause; // before it, ns
	uint64_t bps;  // 0: as fast as slow start allows
	uint8_t *head; // owned
};

struct gen_end {
	struct gen_addr addr;
	uint16_t port;
	uint8_t ttl;
	uint16_t ip_id;
	bool timestamps; // TCP option, as Linux and macOS send it
	uint32_t clock;  // its timestamp at the start
	uint32_t next;   // sequence number of the next byte
	uint32_t acked;  // highest acknowledgement that it has sent
	int64_t lag;     // from a packet towards it passing the tap to its answer passing
	uint32_t datagrams;
	bool narrow; // advertises next to no window, and none at all once the peer has begun to send
};

struct gen_talk {
	struct gen_end end[2];
	struct gen_rng rng;
	int64_t began;
	uint8_t proto, close, tos;
	bool outbound; // the client is inside
	uint16_t mss;
	uint16_t step, steps;
	uint32_t sent;          // of the present step
	uint32_t window, burst; // segments per round trip, and sent in this one
	uint8_t unacked;
	uint8_t tries;
	bool again;      // the last segment was lost: it comes once more
	uint64_t secret; // of datagram headers
	double loss;
	int pending; // events in the heap
	struct gen_step script[GEN_STEPS_MAX];
};

// Ends and delays from the addresses: who is inside answers within a few ms, who is outside in 5 to 80.
struct gen_talk *gen_talk_new(uint64_t seed, uint8_t proto, const struct gen_addr *client,
                              const struct gen_addr *server, uint16_t port);
// Appends a message. `head` is copied. The rest of `len` comes from `fill`.
void gen_say(struct gen_talk *talk, uint8_t from, const void *head, size_t head_len, size_t len, enum gen_fill fill);
// The same with a pause before it and a rate (0: none).
void gen_say_later(struct gen_talk *talk, uint8_t from, const void *head, size_t head_len, size_t len,
                   enum gen_fill fill, int64_t pause, uint64_t bps);
// Starts it; the talk belongs to the simulation from here on.
void gen_talk_start(struct gen *gen, struct gen_talk *talk, int64_t at);
// The eight bytes that stand as connection id in short headers of this side's datagrams.
void gen_talk_cid(const struct gen_talk *talk, unsigned from, uint8_t ret_cid[8]);

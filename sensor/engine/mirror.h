// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a worker can tell of the mirror from the packets themselves: whether they come twice, whether bytes were acknowledged that never
// came, whether they come out of order, and which flows it has, so that the aggregator finds those that two workers have.
//
//   duplicates   the same packet within 50 ms, by a keyed hash of its addresses, identification, lengths and first 24 bytes behind
//                the IP header (the checksum of TCP and UDP among them; not the TTL, which a router between two mirrored ports lowers).
//                A window of 65,536 packets over all partitions. A packet seen more than twice is no work of a mirror: it is counted as
//                repeated, not as a duplicate, so a flood of equal packets raises no alarm about the mirror
//   gaps         in a side table of sampled TCP connections: an ACK for bytes that never came (the method of Zeek's CaptureLoss,
//                applied to bytes). An advance of more than 64 KiB counts as that much, and a connection counts 256 ACKs in a
//                window of ten seconds, so one that acknowledges what nobody sent weighs little
//   order        a hole that is filled within 3 ms was no loss
//   pairs        of the flows whose hash falls into each of 256 places the lowest hash in ten seconds: a sample of all flows that is
//                the same on every worker that has the flow
//
// Packets and connections are sampled so that a worker at line rate looks at some 130,000 packets and 65,000 segments a second, whatever
// comes. With `capture.deduplicate` every packet is looked up and the second copy goes no further than its counters; of packets
// that repeat every other one does.
//
// Thread: the worker's. Memory is taken at creation.
#pragma once

#include "base/hash.h"
#include "config/config.h"
#include "engine/flow_table.h"
#include "model/stats.h"

enum {
	YG_MIRROR_FLOWS = 4096,    // connections watched for gaps, a worker
	YG_MIRROR_WINDOW = 65536,  // packets remembered, all partitions
	YG_MIRROR_WINDOW_MS = 50,
	YG_MIRROR_PERIOD_S = 10,
};

struct yg_mirror;

struct yg_mirror_options {
	const struct yg_config *config;
	struct yg_worker_stats *stats;
	struct yg_hash_key key;
	unsigned partition_first, partition_end; // of the worker
	bool replay;                             // exact: nothing is sampled, and nothing is done but what `capture.deduplicate` asks
	bool several;                            // workers: pairs are kept
};

// NULL with errno 0 when there is nothing to do: a replay without `capture.deduplicate`.
struct yg_mirror *yg_mirror_create(const struct yg_mirror_options *options);
void yg_mirror_destroy(struct yg_mirror *mirror);

// True when the packet is a second copy that `capture.deduplicate` wants left out.
bool yg_mirror_look_up(struct yg_mirror *mirror, const struct yg_view *view, unsigned partition);

// A TCP packet of a flow with a record; `end`: which end of the key sent it.
void yg_mirror_segment(struct yg_mirror *mirror, const struct yg_view *view, const struct yg_flow_hash *hash, unsigned end);

// A flow has got its record.
void yg_mirror_flow(struct yg_mirror *mirror, const struct yg_flow_key *key);

// A second begins.
void yg_mirror_second(struct yg_mirror *mirror, int64_t second);

// ---- the beginning of each, which most packets do not get past ----

struct yg_mirror_gates {
	uint64_t packets; // a packet is looked up when these bits of its fingerprint are zero; none of them: all are
	uint16_t flows;   // a connection is watched when these bits of its tag are zero
};

// The same for both copies, and cheap: the flow's keyed tag, so that nobody can tell what will be sampled; what is behind the ports, where
// TCP has its sequence numbers and UDP its checksum; the identification. What is too short for it is not sampled.
static inline uint64_t yg_mirror_fingerprint_at(const uint8_t *data, uint32_t caplen, uint32_t l3, uint32_t l4, uint16_t tag)
{
	uint64_t behind;
	uint16_t id;
	if (l4 + 4 + sizeof behind > caplen)
		return UINT64_MAX;
	memcpy(&behind, data + l4 + 4, sizeof behind);
	memcpy(&id, data + l3 + 4, sizeof id);
	return (behind ^ id ^ (uint64_t)tag << 32) * UINT64_C(0x9e3779b97f4a7c15) >> 40;
}

static inline uint64_t yg_mirror_fingerprint(const struct yg_view *v, uint16_t tag)
{
	if (v->l3 + 6 > v->caplen) // one whose transport header was not reached
		return UINT64_MAX;
	return yg_mirror_fingerprint_at(v->data, v->caplen, v->l3, v->l4, tag);
}

static inline uint64_t yg_mirror_fingerprint_plain(const struct yg_plain *p, uint16_t tag)
{
	return yg_mirror_fingerprint_at(p->data, p->caplen, yg_plain_l3(p), yg_plain_l4(p), tag);
}

static inline bool yg_mirror_looks(const struct yg_mirror *mirror, uint64_t fingerprint)
{
	const struct yg_mirror_gates *gates = (const void *)mirror;
	return mirror && !(fingerprint & gates->packets);
}

// Whether the TCP connection is one whose segments are looked at.
static inline bool yg_mirror_watches(const struct yg_mirror *mirror, const struct yg_flow_hash *hash)
{
	const struct yg_mirror_gates *gates = (const void *)mirror;
	return mirror && !(hash->tag & gates->flows);
}

static inline bool yg_mirror_duplicate(struct yg_mirror *mirror, const struct yg_view *view, unsigned partition, uint16_t tag, bool counted)
{
	if (!yg_mirror_looks(mirror, yg_mirror_fingerprint(view, tag)) || !(view->flags & YG_VIEW_IP) || counted)
		return false;
	return yg_mirror_look_up(mirror, view, partition);
}

static inline void yg_mirror_tcp(struct yg_mirror *mirror, const struct yg_view *view, const struct yg_flow_hash *hash, unsigned end)
{
	if (view->proto == 6 && yg_mirror_watches(mirror, hash))
		yg_mirror_segment(mirror, view, hash, end);
}

static inline void yg_mirror_begin(struct yg_mirror *mirror, const struct yg_flow_key *key)
{
	// One in eight: a hash a flow would be felt in a flood in which every packet is one.
	unsigned x = (key->port[0] ^ key->port[1] ^ key->addr[0].b[3] ^ (unsigned)key->addr[1].b[3] << 8) * 40503u;
	if (mirror && !(x >> 13 & 7))
		yg_mirror_flow(mirror, key);
}

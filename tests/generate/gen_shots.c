// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Floods forge a source for each packet; scans have one source and send SYN alone, as the usual tools do. Answers of
// whom was hit, and of whose address was forged, are events of their own, since they come later than the next shots.
// Thread: one.
#include "gen_shots.h"

#include <stdlib.h>
#include <string.h>

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static gen_event_fn reply;

struct gen_packet gen_towards(struct gen_attack *attack, uint8_t proto)
{
	struct gen_packet packet = {
	    .src = gen_forged(&attack->rng, attack->target.af),
	    .dst = attack->target,
	    .proto = proto,
	    .ttl = (uint8_t)gen_between(&attack->rng, 40, 120),
	    .id = (uint16_t)gen_next(&attack->rng),
	    .sport = (uint16_t)gen_between(&attack->rng, 1024, 65535),
	    .dport = attack->port,
	};
	return packet;
}

struct later {
	struct gen_packet packet;
	uint8_t payload[];
};

void gen_send_later(struct gen *gen, const struct gen_packet *packet, int64_t delay)
{
	struct later *later = gen_alloc(sizeof(*later) + packet->payload_len);
	later->packet = *packet;
	if (packet->payload_len)
		memcpy(later->payload, packet->payload, packet->payload_len);
	later->packet.payload = later->payload;
	gen_at(gen, gen->now + delay, reply, later, 0, 0);
}

static void reply(struct gen *gen, void *self, uint32_t a, uint32_t b)
{
	const struct later *later = self;
	(void)a, (void)b;
	gen_emit(gen, &later->packet);
	free(self);
}

struct gen_packet gen_back(const struct gen_packet *to, uint8_t flags)
{
	struct gen_packet packet = *to;
	packet.src = to->dst;
	packet.dst = to->src;
	packet.sport = to->dport;
	packet.dport = to->sport;
	packet.outbound = !to->outbound;
	packet.ttl = to->outbound ? 50 : 63;
	packet.flags = flags;
	packet.seq = flags & GEN_SYN ? (uint32_t)gen_mix(to->seq, 1) : flags & GEN_ACK ? 0 : to->ack;
	packet.ack = flags & GEN_ACK ? to->seq + 1 : 0;
	packet.window = flags & GEN_RST ? 0 : 64240;
	packet.options = NULL;
	packet.options_len = 0;
	packet.payload_len = 0;
	return packet;
}

static int64_t answer_time(struct gen_attack *attack)
{
	return gen_between(&attack->rng, 200, 2000) * GEN_US;
}

// The host says by ICMP that it knows nothing of this: what came is quoted, and hosts do so for a few only.
static void refuse(struct gen *gen, struct gen_attack *attack, const struct gen_packet *packet, uint8_t code4)
{
	uint8_t frame[GEN_FRAME_MAX];
	bool v6 = packet->dst.af == 6;
	if (!attack->answered || !gen_chance(&attack->rng, 0.1))
		return;
	size_t quoted = (v6 ? 40 : 20) + 8;
	if (gen_build(packet, frame, sizeof(frame)) < 14 + quoted)
		return;
	struct gen_packet refused = gen_back(packet, 0);
	refused.proto = v6 ? GEN_ICMP6 : GEN_ICMP;
	refused.icmp_type = v6 ? 1 : 3;
	refused.icmp_code = v6 ? 4 : code4;
	refused.payload = frame + 14;
	refused.payload_len = quoted;
	gen_send_later(gen, &refused, answer_time(attack));
}

static const uint8_t mss_only[4] = {2, 4, 0x05, 0xb4};

static struct gen_packet syn_packet(struct gen_attack *attack)
{
	struct gen_packet packet = gen_towards(attack, GEN_TCP);
	packet.flags = GEN_SYN;
	packet.seq = (uint32_t)gen_next(&attack->rng);
	packet.window = (uint16_t)gen_between(&attack->rng, 1024, 65535);
	if (gen_chance(&attack->rng, 0.5)) {
		packet.options = mss_only;
		packet.options_len = sizeof(mss_only);
	}
	return packet;
}

void gen_shot_syn(struct gen *gen, struct gen_attack *attack)
{
	struct gen_packet packet = syn_packet(attack), answered = gen_back(&packet, GEN_SYN | GEN_ACK);
	gen_emit(gen, &packet);
	if (!attack->answered)
		return;
	gen_send_later(gen, &answered, answer_time(attack));
	if (gen_chance(&attack->rng, 0.1)) { // the forged address belongs to somebody, who knows of no connection
		struct gen_packet reset = gen_back(&answered, GEN_RST);
		reset.seq = packet.seq + 1;
		gen_send_later(gen, &reset, gen_between(&attack->rng, 15, 90) * GEN_MS);
	} else if (gen_chance(&attack->rng, 0.3)) {
		gen_send_later(gen, &answered, GEN_S + gen_between(&attack->rng, 0, 40) * GEN_MS);
	}
}

void gen_shot_udp(struct gen *gen, struct gen_attack *attack)
{
	uint8_t bytes[512];
	struct gen_packet packet = gen_towards(attack, GEN_UDP);
	gen_fill(&attack->rng, bytes, sizeof(bytes));
	if (!attack->port)
		packet.dport = (uint16_t)gen_between(&attack->rng, 1024, 65535);
	packet.payload = bytes;
	packet.payload_len = sizeof(bytes);
	gen_emit(gen, &packet);
	refuse(gen, attack, &packet, 3);
}

void gen_shot_icmp(struct gen *gen, struct gen_attack *attack)
{
	uint8_t bytes[512];
	bool v6 = attack->target.af == 6;
	struct gen_packet packet = gen_towards(attack, v6 ? GEN_ICMP6 : GEN_ICMP);
	gen_fill(&attack->rng, bytes, sizeof(bytes));
	packet.icmp_type = v6 ? 128 : 8;
	packet.icmp_rest = (uint32_t)gen_next(&attack->rng);
	packet.payload = bytes;
	packet.payload_len = sizeof(bytes);
	gen_emit(gen, &packet);
	if (!attack->answered)
		return;
	struct gen_packet echo = gen_back(&packet, 0);
	echo.icmp_type = v6 ? 129 : 0;
	echo.payload_len = sizeof(bytes);
	gen_send_later(gen, &echo, answer_time(attack));
}

// What TCP says to a segment that belongs to no connection; to a RST it says nothing.
static void reset(struct gen *gen, struct gen_attack *attack, const struct gen_packet *packet)
{
	if (!attack->answered || packet->flags & GEN_RST)
		return;
	struct gen_packet answer = gen_back(packet, packet->flags & GEN_ACK ? GEN_RST : GEN_RST | GEN_ACK);
	gen_send_later(gen, &answer, answer_time(attack));
}

static void tcp_flags(struct gen *gen, struct gen_attack *attack, uint8_t flags)
{
	struct gen_packet packet = gen_towards(attack, GEN_TCP);
	packet.flags = flags;
	packet.seq = (uint32_t)gen_next(&attack->rng);
	packet.ack = flags & GEN_ACK ? (uint32_t)gen_next(&attack->rng) : 0;
	packet.window = flags & GEN_RST ? 0 : 512;
	gen_emit(gen, &packet);
	reset(gen, attack, &packet);
}

void gen_shot_ack(struct gen *gen, struct gen_attack *attack)
{
	tcp_flags(gen, attack, GEN_ACK);
}

void gen_shot_rst(struct gen *gen, struct gen_attack *attack)
{
	tcp_flags(gen, attack, GEN_RST);
}

void gen_shot_fin(struct gen *gen, struct gen_attack *attack)
{
	tcp_flags(gen, attack, GEN_FIN);
}

void gen_shot_null(struct gen *gen, struct gen_attack *attack)
{
	tcp_flags(gen, attack, gen_chance(&attack->rng, 0.8) ? 0 : GEN_FIN | GEN_PSH | 32);
}

// As a reflection of forged SYNs sends them: from open ports of servers to ports that a client might have.
void gen_shot_synack(struct gen *gen, struct gen_attack *attack)
{
	struct gen_packet packet = gen_towards(attack, GEN_TCP);
	packet.sport = gen_chance(&attack->rng, 0.6) ? 443 : 80;
	packet.dport = attack->port ? attack->port : (uint16_t)gen_between(&attack->rng, 1024, 65535);
	packet.flags = GEN_SYN | GEN_ACK;
	packet.seq = (uint32_t)gen_next(&attack->rng);
	packet.ack = (uint32_t)gen_next(&attack->rng);
	packet.window = 64240;
	packet.options = mss_only;
	packet.options_len = sizeof(mss_only);
	gen_emit(gen, &packet);
	reset(gen, attack, &packet);
}

void gen_shot_fragment(struct gen *gen, struct gen_attack *attack)
{
	uint8_t bytes[800];
	struct gen_packet packet = gen_towards(attack, GEN_UDP);
	gen_fill(&attack->rng, bytes, sizeof(bytes));
	packet.fragment = true;
	packet.more_fragments = gen_chance(&attack->rng, 0.5);
	packet.fragment_offset = (uint16_t)(100 * gen_between(&attack->rng, 1, 40));
	packet.payload = bytes;
	packet.payload_len = sizeof(bytes);
	gen_emit(gen, &packet);
}

void gen_shot_other(struct gen *gen, struct gen_attack *attack)
{
	uint8_t bytes[900];
	bool esp = gen_chance(&attack->rng, 0.7);
	struct gen_packet packet = gen_towards(attack, esp ? GEN_ESP : GEN_GRE);
	gen_fill(&attack->rng, bytes, sizeof(bytes));
	if (esp)
		bytes[0] |= 1; // an SPI below 256 is reserved
	else
		memset(bytes, 0, 4); // no options, no protocol: nothing to look into
	packet.payload = bytes;
	packet.payload_len = sizeof(bytes);
	gen_emit(gen, &packet);
	if (packet.dst.af == 4) // ICMPv6 has another word for it, which hosts hardly send
		refuse(gen, attack, &packet, 2);
}

// Several vectors at once, as rented attack services send them: none has half.
void gen_shot_mixed(struct gen *gen, struct gen_attack *attack)
{
	uint32_t of = gen_below(&attack->rng, 100);
	if (of < 35)
		gen_shot_udp(gen, attack);
	else if (of < 65)
		gen_shot_icmp(gen, attack);
	else if (of < 90)
		gen_shot_other(gen, attack);
	else
		gen_shot_ack(gen, attack);
}

// One host after the other in no order: each gets its part of what all of them get. 64 hosts of IPv4 (a /26) or as many as
// the network has, 256 of IPv6.
void gen_shot_carpet(struct gen *gen, struct gen_attack *attack)
{
	struct gen_addr network = attack->target;
	unsigned last = network.af == 4 ? 3 : 15;
	unsigned body = gen_body_of(&network);
	unsigned hosts = network.af == 6 ? 256 : 1u << (32 - gen_bodies[body < GEN_BODIES ? body : 0].v4_len);
	attack->target.b[last] = (uint8_t)(network.b[last] + gen_below(&attack->rng, hosts));
	gen_shot_udp(gen, attack);
	attack->target = network;
}

// ---- from inside ----

static struct gen_packet from_inside(struct gen_attack *attack, uint8_t proto)
{
	struct gen_packet packet = gen_towards(attack, proto);
	packet.src = attack->source;
	packet.dst = gen_outside_server(52000, attack->source.af);
	packet.ttl = 127;
	packet.outbound = true;
	return packet;
}

void gen_shot_syn_out(struct gen *gen, struct gen_attack *attack)
{
	struct gen_packet packet = from_inside(attack, GEN_TCP);
	packet.flags = GEN_SYN;
	packet.seq = (uint32_t)gen_next(&attack->rng);
	packet.window = 64240;
	packet.options = mss_only;
	packet.options_len = sizeof(mss_only);
	gen_emit(gen, &packet);
	if (!attack->answered)
		return;
	struct gen_packet answered = gen_back(&packet, GEN_SYN | GEN_ACK);
	gen_send_later(gen, &answered, gen_between(&attack->rng, 8, 40) * GEN_MS);
}

void gen_shot_udp_out(struct gen *gen, struct gen_attack *attack)
{
	uint8_t bytes[1000];
	struct gen_packet packet = from_inside(attack, GEN_UDP);
	gen_fill(&attack->rng, bytes, sizeof(bytes));
	if (!attack->port)
		packet.dport = (uint16_t)gen_between(&attack->rng, 1024, 65535);
	packet.payload = bytes;
	packet.payload_len = sizeof(bytes);
	gen_emit(gen, &packet);
	refuse(gen, attack, &packet, 3);
}

// ---- scans: one source, SYN only, RST when it was let in ----

enum port_state { PORT_SILENT, PORT_CLOSED, PORT_OPEN };

static void probe(struct gen *gen, struct gen_attack *attack, const struct gen_addr *target, uint16_t port,
                  enum port_state state)
{
	struct gen_packet packet = {
	    .src = attack->source,
	    .dst = *target,
	    .proto = GEN_TCP,
	    .ttl = 51,
	    .outbound = attack->inside,
	    .id = (uint16_t)gen_next(&attack->rng),
	    .sport = (uint16_t)gen_between(&attack->rng, 33000, 60999),
	    .dport = port,
	    .seq = (uint32_t)gen_next(&attack->rng),
	    .flags = GEN_SYN,
	    .window = 1024,
	    .options = mss_only,
	    .options_len = sizeof(mss_only),
	};
	gen_emit(gen, &packet);
	int64_t lag = gen_between(&attack->rng, 200, 1500) * GEN_US;
	if (state == PORT_CLOSED) {
		struct gen_packet refused = gen_back(&packet, GEN_RST | GEN_ACK);
		gen_send_later(gen, &refused, lag);
	} else if (state == PORT_OPEN) {
		struct gen_packet open = gen_back(&packet, GEN_SYN | GEN_ACK), reset = gen_back(&open, GEN_RST);
		reset.seq = packet.seq + 1;
		gen_send_later(gen, &open, lag);
		gen_send_later(gen, &reset, lag + 30 * GEN_MS);
	}
}

void gen_shot_port_scan(struct gen *gen, struct gen_attack *attack)
{
	uint16_t port = attack->order[attack->fired % GEN_SWEEP_MAX];
	probe(gen, attack, &attack->target, port, port == 25 || port == 587 ? PORT_OPEN : PORT_CLOSED);
}

void gen_shot_port_scan_silent(struct gen *gen, struct gen_attack *attack)
{
	probe(gen, attack, &attack->target, attack->order[attack->fired % GEN_SWEEP_MAX], PORT_SILENT);
}

// Address by address from the first on; where the bodies' addresses end, it goes on with the prefecture's.
void gen_shot_host_scan(struct gen *gen, struct gen_attack *attack)
{
	struct gen_addr target = attack->target;
	unsigned last = target.af == 4 ? 3 : 15;
	unsigned low = target.b[last] + attack->fired;
	target.b[last] = (uint8_t)low;
	target.b[last - 1] = (uint8_t)(target.b[last - 1] + (low >> 8));
	if (target.af == 4 && gen_body_of(&target) == GEN_BODIES)
		target = gen_v4(IP(203, 0, 113, 0) | (low & 0x3f));
	uint32_t of = gen_below(&attack->rng, 100);
	probe(gen, attack, &target, attack->port, of < 3 ? PORT_OPEN : of < 25 ? PORT_CLOSED : PORT_SILENT);
}

void gen_shot_host_scan_inside(struct gen *gen, struct gen_attack *attack)
{
	struct gen_addr target = gen_outside_server(40000 + attack->fired, attack->source.af);
	probe(gen, attack, &target, attack->port, PORT_SILENT);
}

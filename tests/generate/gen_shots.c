// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Floods forge a source for each packet; scans have one source and send SYN alone, as the usual tools do. Answers of
// whom was hit, and of whose address was forged, are events of their own, since they come later than the next shots.
// Thread: one.
#include "gen_bodies.h"
#include "gen_shots.h"

#include <stdlib.h>
#include <string.h>

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static gen_event_fn reply;

static struct gen_packet towards_target(struct gen_attack *attack, uint8_t proto)
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

// An answer of whom was hit, or of whose address was forged, `delay` later.
static void answer(struct gen *gen, const struct gen_packet *packet, int64_t delay)
{
	struct gen_packet *copy = gen_alloc(sizeof(*copy));
	*copy = *packet;
	gen_at(gen, gen->now + delay, reply, copy, 0, 0);
}

static void reply(struct gen *gen, void *self, uint32_t a, uint32_t b)
{
	(void)a, (void)b;
	gen_emit(gen, self);
	free(self);
}

static struct gen_packet back(const struct gen_packet *to, uint8_t flags)
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
	return packet;
}

static const uint8_t mss_only[4] = {2, 4, 0x05, 0xb4};

static struct gen_packet syn_packet(struct gen_attack *attack)
{
	struct gen_packet packet = towards_target(attack, GEN_TCP);
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
	struct gen_packet packet = syn_packet(attack);
	gen_emit(gen, &packet);
}

void gen_shot_syn_answered(struct gen *gen, struct gen_attack *attack)
{
	struct gen_packet packet = syn_packet(attack), answered = back(&packet, GEN_SYN | GEN_ACK);
	gen_emit(gen, &packet);
	answer(gen, &answered, gen_between(&attack->rng, 200, 2000) * GEN_US);
	if (gen_chance(&attack->rng, 0.1)) { // the forged address belongs to somebody, who knows of no connection
		struct gen_packet reset = back(&answered, GEN_RST);
		reset.seq = packet.seq + 1;
		answer(gen, &reset, gen_between(&attack->rng, 15, 90) * GEN_MS);
	} else if (gen_chance(&attack->rng, 0.3)) {
		answer(gen, &answered, GEN_S + gen_between(&attack->rng, 0, 40) * GEN_MS);
	}
}

void gen_shot_udp(struct gen *gen, struct gen_attack *attack)
{
	uint8_t bytes[512];
	struct gen_packet packet = towards_target(attack, GEN_UDP);
	gen_fill(&attack->rng, bytes, sizeof(bytes));
	if (!attack->port)
		packet.dport = (uint16_t)gen_between(&attack->rng, 1024, 65535);
	packet.payload = bytes;
	packet.payload_len = sizeof(bytes);
	gen_emit(gen, &packet);
}

void gen_shot_icmp(struct gen *gen, struct gen_attack *attack)
{
	uint8_t bytes[512];
	bool v6 = attack->target.af == 6;
	struct gen_packet packet = towards_target(attack, v6 ? GEN_ICMP6 : GEN_ICMP);
	gen_fill(&attack->rng, bytes, sizeof(bytes));
	packet.icmp_type = v6 ? 128 : 8;
	packet.icmp_rest = (uint32_t)gen_next(&attack->rng);
	packet.payload = bytes;
	packet.payload_len = sizeof(bytes);
	gen_emit(gen, &packet);
}

static void tcp_flags(struct gen *gen, struct gen_attack *attack, uint8_t flags)
{
	struct gen_packet packet = towards_target(attack, GEN_TCP);
	packet.flags = flags;
	packet.seq = (uint32_t)gen_next(&attack->rng);
	packet.ack = flags & GEN_ACK ? (uint32_t)gen_next(&attack->rng) : 0;
	packet.window = flags & GEN_RST ? 0 : 512;
	gen_emit(gen, &packet);
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
	struct gen_packet packet = towards_target(attack, GEN_TCP);
	packet.sport = gen_chance(&attack->rng, 0.6) ? 443 : 80;
	packet.dport = attack->port ? attack->port : (uint16_t)gen_between(&attack->rng, 1024, 65535);
	packet.flags = GEN_SYN | GEN_ACK;
	packet.seq = (uint32_t)gen_next(&attack->rng);
	packet.ack = (uint32_t)gen_next(&attack->rng);
	packet.window = 64240;
	packet.options = mss_only;
	packet.options_len = sizeof(mss_only);
	gen_emit(gen, &packet);
}

void gen_shot_fragment(struct gen *gen, struct gen_attack *attack)
{
	uint8_t bytes[800];
	struct gen_packet packet = towards_target(attack, GEN_UDP);
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
	struct gen_packet packet = towards_target(attack, esp ? GEN_ESP : GEN_GRE);
	gen_fill(&attack->rng, bytes, sizeof(bytes));
	if (esp)
		bytes[0] |= 1; // an SPI below 256 is reserved
	else
		memset(bytes, 0, 4); // no options, no protocol: nothing to look into
	packet.payload = bytes;
	packet.payload_len = sizeof(bytes);
	gen_emit(gen, &packet);
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
		struct gen_packet refused = back(&packet, GEN_RST | GEN_ACK);
		answer(gen, &refused, lag);
	} else if (state == PORT_OPEN) {
		struct gen_packet open = back(&packet, GEN_SYN | GEN_ACK), reset = back(&open, GEN_RST);
		reset.seq = packet.seq + 1;
		answer(gen, &open, lag);
		answer(gen, &reset, lag + 30 * GEN_MS);
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

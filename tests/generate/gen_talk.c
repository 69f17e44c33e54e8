// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Plays conversations as a tap between the bodies and the Internet sees them. A script runs in turns, so one driving
// event is enough, and acknowledgements are events of their own that carry their number: they may overtake the data of
// neither side. A lost segment stops its sender until it has been sent again, as a lost tail does; this keeps the two
// sequence spaces right without a model of selective acknowledgement. Thread: one.
#include "gen_talk.h"
#include "gen_bodies.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum {
	TCP_MSS_V4 = 1460,
	TCP_MSS_V6 = 1440,
	DATAGRAM_MAX = 1200,
	TIMESTAMP_LEN = 12,
	SYN_TRIES = 3,
	TLS_RECORD = 16384,
	NARROW = 256
};
enum { SHORTEST_SEALED = 32 };

static gen_event_fn drive, acknowledge, synack, handshake_done, fin_answer, fin_last, datagram;

static void set_end(struct gen_talk *talk, int side, const struct gen_addr *addr, uint16_t port)
{
	struct gen_end *end = &talk->end[side];
	bool inside = gen_body_of(addr) < GEN_BODIES;
	end->addr = *addr;
	end->port = port;
	end->ip_id = (uint16_t)gen_next(&talk->rng);
	end->next = (uint32_t)gen_next(&talk->rng);
	end->clock = (uint32_t)gen_next(&talk->rng) >> 4;
	end->timestamps = gen_chance(&talk->rng, side == 0 && inside ? 0.3 : 0.8); // offices mostly run Windows
	uint8_t ttl = end->timestamps ? 64 : 128;
	end->ttl = (uint8_t)(ttl - (inside ? 2u : gen_between(&talk->rng, 6, 18)));
	end->lag = inside ? gen_between(&talk->rng, 200, 2500) * GEN_US : gen_between(&talk->rng, 5000, 80000) * GEN_US;
}

struct gen_talk *gen_talk_new(uint64_t seed, uint8_t proto, const struct gen_addr *client,
                              const struct gen_addr *server, uint16_t port)
{
	struct gen_talk *talk = gen_alloc(sizeof(*talk));
	talk->rng.state = seed;
	talk->proto = proto;
	talk->outbound = gen_body_of(client) < GEN_BODIES;
	set_end(talk, 0, client, (uint16_t)gen_between(&talk->rng, 32768, 60999));
	set_end(talk, 1, server, port);
	talk->mss = proto == GEN_TCP ? (client->af == 6 ? TCP_MSS_V6 : TCP_MSS_V4) : DATAGRAM_MAX;
	if (proto == GEN_TCP && talk->end[0].timestamps && talk->end[1].timestamps)
		talk->mss = (uint16_t)(talk->mss - TIMESTAMP_LEN);
	else
		talk->end[1].timestamps = talk->end[1].timestamps && talk->end[0].timestamps;
	talk->window = 10;
	talk->secret = gen_next(&talk->rng);
	talk->loss = 0.01;
	return talk;
}

void gen_say_later(struct gen_talk *talk, uint8_t from, const void *head, size_t head_len, size_t len,
                   enum gen_fill fill, int64_t pause, uint64_t bps)
{
	if (talk->steps == GEN_STEPS_MAX)
		abort(); // a script is written by hand: too long is a fault in it
	struct gen_step *step = &talk->script[talk->steps++];
	if (fill == GEN_FILL_TLS && len > head_len && (len - head_len) % (TLS_RECORD + 5) <= 5)
		len += 6; // no room for a record behind its header
	if (fill >= GEN_FILL_QUIC && head_len == 0 && len % talk->mss && len % talk->mss < SHORTEST_SEALED)
		len += SHORTEST_SEALED; // the last datagram would hold less than its own header and tag
	step->from = from;
	step->fill = (uint8_t)fill;
	step->len = (uint32_t)(len < head_len ? head_len : len);
	step->head_len = (uint32_t)head_len;
	step->pause = pause;
	step->bps = bps;
	if (head_len) {
		step->head = gen_alloc(head_len);
		memcpy(step->head, head, head_len);
	}
}

void gen_say(struct gen_talk *talk, uint8_t from, const void *head, size_t head_len, size_t len, enum gen_fill fill)
{
	gen_say_later(talk, from, head, head_len, len, fill, 0, 0);
}

static void talk_at(struct gen *gen, struct gen_talk *talk, int64_t at, gen_event_fn *fn, uint32_t a, uint32_t b)
{
	talk->pending++;
	gen_at(gen, at, fn, talk, a, b);
}

// Every handler ends here: the last one frees.
static void talk_done(struct gen_talk *talk)
{
	if (--talk->pending > 0)
		return;
	for (unsigned i = 0; i < talk->steps; i++)
		free(talk->script[i].head);
	free(talk);
}

// ---- packets ----

static void address(const struct gen_talk *talk, unsigned from, struct gen_packet *ret_packet)
{
	const struct gen_end *end = &talk->end[from], *peer = &talk->end[!from];
	ret_packet->src = end->addr;
	ret_packet->dst = peer->addr;
	ret_packet->proto = talk->proto;
	ret_packet->ttl = end->ttl;
	ret_packet->tos = talk->tos;
	ret_packet->outbound = talk->outbound == (from == 0);
	ret_packet->id = end->ip_id;
	ret_packet->sport = end->port;
	ret_packet->dport = peer->port;
}

static uint8_t put_timestamp(const struct gen *gen, const struct gen_talk *talk, unsigned from, uint8_t flags,
                             uint8_t *out)
{
	const struct gen_end *end = &talk->end[from], *peer = &talk->end[!from];
	if (!talk->end[0].timestamps || (from == 1 && !end->timestamps))
		return 0;
	if (!(flags & GEN_SYN) && !peer->timestamps)
		return 0;
	uint32_t ms = (uint32_t)((gen->now - talk->began) / GEN_MS);
	uint32_t value = htonl(end->clock + ms), echo = flags & GEN_ACK ? htonl(peer->clock + ms) : 0;
	out[0] = out[1] = 1;
	out[2] = 8;
	out[3] = 10;
	memcpy(out + 4, &value, 4);
	memcpy(out + 8, &echo, 4);
	return TIMESTAMP_LEN;
}

// MSS, selective acknowledgement, window scale, padded to a multiple of four.
static uint8_t put_syn_options(const struct gen_talk *talk, unsigned from, uint8_t *out)
{
	uint16_t mss = talk->end[0].addr.af == 6 ? TCP_MSS_V6 : TCP_MSS_V4;
	uint8_t options[12] = {2, 4, (uint8_t)(mss >> 8), (uint8_t)mss, 1, 3, 3, 8, 1, 1, 4, 2};
	if (talk->end[from].narrow)
		memset(options + 4, 1, 4); // a window that is not scaled
	memcpy(out, options, sizeof(options));
	return sizeof(options);
}

static uint16_t narrow_window(const struct gen_talk *talk, unsigned from)
{
	return talk->step > 0 && talk->script[0].from == from ? 0 : NARROW;
}

static void send_tcp(struct gen *gen, struct gen_talk *talk, unsigned from, uint8_t flags, uint32_t seq, uint32_t ack,
                     const uint8_t *payload, size_t len)
{
	uint8_t options[40], options_len = 0;
	struct gen_packet packet = {0};
	address(talk, from, &packet);
	talk->end[from].ip_id++;
	if (flags & GEN_SYN)
		options_len = put_syn_options(talk, from, options);
	if (!(flags & GEN_RST))
		options_len = (uint8_t)(options_len + put_timestamp(gen, talk, from, flags, options + options_len));
	packet.flags = flags;
	packet.seq = seq;
	packet.ack = flags & GEN_ACK ? ack : 0;
	packet.window = flags & GEN_RST ? 0 : talk->end[from].narrow ? narrow_window(talk, from) : flags & GEN_SYN ? 64240 : 1026;
	packet.options = options;
	packet.options_len = options_len;
	packet.payload = payload;
	packet.payload_len = len;
	if (flags & GEN_ACK && (int32_t)(ack - talk->end[from].acked) > 0)
		talk->end[from].acked = ack;
	gen_emit(gen, &packet);
}

// ---- content ----

static void fill_text(struct gen_rng *rng, uint8_t *out, size_t len)
{
	gen_fill(rng, out, len);
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(out[i] % 11 ? 'a' + out[i] % 26 : ' ');
}

// Headers of application data records, at each TLS_RECORD + 5 bytes behind the head.
static void put_records(const struct gen_step *step, uint32_t offset, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint32_t at = offset + (uint32_t)i, within = at % (TLS_RECORD + 5),
		         left = step->len - step->head_len - (at - within);
		uint32_t record = (left > TLS_RECORD + 5 ? TLS_RECORD + 5 : left) - 5;
		const uint8_t head[5] = {0x17, 3, 3, (uint8_t)(record >> 8), (uint8_t)record};
		if (within >= 5)
			i += TLS_RECORD + 5 - within - 1;
		else
			out[i] = head[within];
	}
}

// Bytes [offset, offset + len) of a message, the same whenever they are asked for.
static void stream_bytes(const struct gen_talk *talk, const struct gen_step *step, uint32_t offset, uint8_t *out,
                         size_t len)
{
	size_t at = 0;
	if (offset < step->head_len) {
		at = step->head_len - offset < len ? step->head_len - offset : len;
		memcpy(out, step->head + offset, at);
	}
	if (at == len)
		return;
	struct gen_rng rng = {gen_mix(talk->secret, (uint64_t)talk->step << 32 | offset)};
	if (step->fill == GEN_FILL_TEXT)
		fill_text(&rng, out + at, len - at);
	else
		gen_fill(&rng, out + at, len - at);
	if (step->fill == GEN_FILL_TLS)
		put_records(step, offset + (uint32_t)at - step->head_len, out + at, len - at);
}

static void put_le(uint8_t *out, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

void gen_talk_cid(const struct gen_talk *talk, unsigned from, uint8_t ret_cid[8])
{
	put_le(ret_cid, gen_mix(talk->secret, from), 8);
}

static void datagram_bytes(struct gen_talk *talk, const struct gen_step *step, uint8_t *out, size_t len)
{
	struct gen_end *end = &talk->end[step->from];
	stream_bytes(talk, step, talk->sent, out, len);
	uint64_t secret = gen_mix(talk->secret, step->from);
	if (step->fill == GEN_FILL_QUIC && step->head_len == 0 && len >= 9) {
		out[0] = (uint8_t)(0x40 | (out[0] & 0x3f));
		gen_talk_cid(talk, step->from, out + 1);
	} else if (step->fill == GEN_FILL_WIREGUARD && step->head_len == 0 && len >= 16) {
		put_le(out, 4, 4);
		put_le(out + 4, secret, 4);
		put_le(out + 8, end->datagrams, 8);
	} else if (step->fill == GEN_FILL_ESP && step->head_len == 0 && len >= 8) {
		uint32_t spi = htonl((uint32_t)secret | 0x10000000u), number = htonl(end->datagrams + 1);
		memcpy(out, &spi, 4);
		memcpy(out + 4, &number, 4);
	}
	end->datagrams++;
}

// ---- TCP ----

void gen_talk_start(struct gen *gen, struct gen_talk *talk, int64_t at)
{
	talk_at(gen, talk, at, talk->proto == GEN_TCP ? drive : datagram, 0, 0);
}

static void send_syn(struct gen *gen, struct gen_talk *talk)
{
	bool lost = talk->close == GEN_SILENT || gen_chance(&talk->rng, talk->loss / 3);
	if (talk->tries == 0)
		talk->began = gen->now;
	send_tcp(gen, talk, 0, GEN_SYN, talk->end[0].next, 0, NULL, 0);
	if (!lost)
		talk_at(gen, talk, gen->now + talk->end[1].lag, synack, 0, 0);
	else if (++talk->tries < SYN_TRIES)
		talk_at(gen, talk, gen->now + (GEN_S << (talk->tries - 1)), drive, 0, 0);
}

static void synack(struct gen *gen, void *self, uint32_t a, uint32_t b)
{
	struct gen_talk *talk = self;
	(void)a, (void)b;
	talk->end[0].next++;
	if (talk->close == GEN_REFUSED) {
		send_tcp(gen, talk, 1, GEN_RST | GEN_ACK, 0, talk->end[0].next, NULL, 0);
	} else {
		talk->end[1].acked = talk->end[0].next;
		send_tcp(gen, talk, 1, GEN_SYN | GEN_ACK, talk->end[1].next, talk->end[0].next, NULL, 0);
		talk->end[1].next++;
		talk->end[0].acked = talk->end[1].next - 1;
		talk_at(gen, talk, gen->now + talk->end[0].lag, handshake_done, 0, 0);
	}
	talk_done(talk);
}

// The next message of a script, or the end of it.
static void next_step(struct gen *gen, struct gen_talk *talk, int previous)
{
	const struct gen_step *step = &talk->script[talk->step];
	talk->sent = 0;
	talk->unacked = 0;
	talk->burst = 0;
	if (talk->step == talk->steps) {
		unsigned first = talk->close == GEN_CLOSE_SERVER;
		if (talk->close != GEN_CLOSE_NONE)
			talk_at(gen, talk, gen->now + talk->end[first].lag + GEN_MS, fin_answer, first, 0);
		return;
	}
	int64_t lag = step->from == previous ? 50 * GEN_US : talk->end[step->from].lag;
	talk_at(gen, talk, gen->now + lag + step->pause, drive, 1, 0);
}

static void handshake_done(struct gen *gen, void *self, uint32_t a, uint32_t b)
{
	struct gen_talk *talk = self;
	(void)a, (void)b;
	send_tcp(gen, talk, 0, GEN_ACK, talk->end[0].next, talk->end[1].next, NULL, 0);
	next_step(gen, talk, 0);
	talk_done(talk);
}

static void acknowledge(struct gen *gen, void *self, uint32_t from, uint32_t number)
{
	struct gen_talk *talk = self;
	struct gen_end *end = &talk->end[from];
	if ((int32_t)(number - end->acked) > 0)
		send_tcp(gen, talk, from, GEN_ACK, end->next, number, NULL, 0);
	talk_done(talk);
}

// Time to the next segment of the same message: paced by its rate, else by slow start.
static int64_t segment_gap(struct gen_talk *talk, const struct gen_step *step, size_t len)
{
	if (step->bps)
		return (int64_t)((double)(len + 66) * 8e9 / (double)step->bps);
	if (++talk->burst < talk->window)
		return gen_between(&talk->rng, 12, 140) * GEN_US; // 100 Mbit/s to 1 Gbit/s on the way
	talk->burst = 0;
	if (talk->window < 80)
		talk->window *= 2;
	return talk->end[!step->from].lag + talk->end[step->from].lag;
}

// Acknowledges every second segment, and a message's last when no answer carries it soon.
static void plan_ack(struct gen *gen, struct gen_talk *talk, const struct gen_step *step, bool last)
{
	unsigned peer = !step->from;
	const struct gen_step *next = talk->step + 1 < talk->steps ? step + 1 : NULL;
	bool answered = next && next->from == peer && next->pause < 40 * GEN_MS;
	if (++talk->unacked < 2 && !(last && !answered))
		return;
	talk->unacked = 0;
	talk_at(gen, talk, gen->now + talk->end[peer].lag, acknowledge, peer, talk->end[step->from].next);
}

static void send_segment(struct gen *gen, struct gen_talk *talk)
{
	uint8_t bytes[GEN_PAYLOAD_MAX];
	const struct gen_step *step = &talk->script[talk->step];
	struct gen_end *end = &talk->end[step->from];
	size_t len = step->len - talk->sent < talk->mss ? step->len - talk->sent : talk->mss;
	bool last = talk->sent + len == step->len;
	stream_bytes(talk, step, talk->sent, bytes, len);
	send_tcp(gen, talk, step->from, (uint8_t)(GEN_ACK | (last ? GEN_PSH : 0)), end->next,
	         talk->end[!step->from].next, bytes, len);
	if (!talk->again && gen_chance(&talk->rng, talk->loss)) {
		talk->again = true;
		talk_at(gen, talk, gen->now + 200 * GEN_MS + end->lag, drive, 1, 0);
		return;
	}
	talk->again = false;
	end->next += (uint32_t)len;
	talk->sent += (uint32_t)len;
	plan_ack(gen, talk, step, last);
	if (!last) {
		talk_at(gen, talk, gen->now + segment_gap(talk, step, len), drive, 1, 0);
		return;
	}
	talk->step++;
	next_step(gen, talk, step->from);
}

static void drive(struct gen *gen, void *self, uint32_t connected, uint32_t b)
{
	struct gen_talk *talk = self;
	(void)b;
	if (!gen_over(gen)) {
		if (connected)
			send_segment(gen, talk);
		else
			send_syn(gen, talk);
	}
	talk_done(talk);
}

// One side closes: FIN (or RST), the other's FIN, the last ACK.
static void fin_answer(struct gen *gen, void *self, uint32_t from, uint32_t second)
{
	struct gen_talk *talk = self;
	struct gen_end *end = &talk->end[from];
	uint32_t ack = talk->end[!from].next;
	if (talk->close == GEN_CLOSE_RESET) {
		send_tcp(gen, talk, from, GEN_RST | GEN_ACK, end->next, ack, NULL, 0);
	} else {
		send_tcp(gen, talk, from, GEN_FIN | GEN_ACK, end->next, ack, NULL, 0);
		end->next++;
		gen_event_fn *then = second ? fin_last : fin_answer;
		talk_at(gen, talk, gen->now + talk->end[!from].lag, then, !from, 1);
	}
	talk_done(talk);
}

static void fin_last(struct gen *gen, void *self, uint32_t from, uint32_t b)
{
	struct gen_talk *talk = self;
	(void)b;
	send_tcp(gen, talk, from, GEN_ACK, talk->end[from].next, talk->end[!from].next, NULL, 0);
	talk_done(talk);
}

// ---- datagrams ----

static void send_datagram(struct gen *gen, struct gen_talk *talk, const struct gen_step *step, size_t len)
{
	uint8_t bytes[GEN_PAYLOAD_MAX];
	struct gen_packet packet = {0};
	address(talk, step->from, &packet);
	datagram_bytes(talk, step, bytes, len);
	bool v6 = packet.src.af == 6;
	if (talk->proto == GEN_ICMP) {
		packet.proto = v6 ? GEN_ICMP6 : GEN_ICMP;
		packet.icmp_type = (uint8_t)(step->from ? (v6 ? 129 : 0) : (v6 ? 128 : 8));
		packet.icmp_rest = (uint32_t)talk->end[0].port << 16 | talk->end[step->from].datagrams;
	}
	packet.payload = bytes;
	packet.payload_len = len;
	gen_emit(gen, &packet);
	talk->end[step->from].ip_id++;
}

static void datagram(struct gen *gen, void *self, uint32_t a, uint32_t b)
{
	struct gen_talk *talk = self;
	(void)a, (void)b;
	const struct gen_step *step = &talk->script[talk->step];
	if (!gen_over(gen) && talk->step < talk->steps) {
		size_t limit = step->head_len > talk->mss ? step->head_len : talk->mss;
		size_t len = step->len - talk->sent < limit ? step->len - talk->sent : limit;
		send_datagram(gen, talk, step, len);
		talk->sent += (uint32_t)len;
		int64_t gap = segment_gap(talk, step, len);
		if (talk->sent == step->len) {
			talk->sent = 0;
			talk->step++;
			bool same = talk->step < talk->steps && step[1].from == step->from;
			gap = talk->step == talk->steps
			          ? 0
			          : step[1].pause + (same ? 50 * GEN_US : talk->end[step[1].from].lag);
		}
		if (talk->step < talk->steps)
			talk_at(gen, talk, gen->now + gap, datagram, 0, 0);
	}
	talk_done(talk);
}

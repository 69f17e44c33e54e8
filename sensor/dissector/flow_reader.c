// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The state machine of flow_reader.h: segments in, records out. Most messages lie in one segment and are read where
// they lie; a stream buffer is taken only for one that does not end there.
//
// A mirror port loses and reorders, and a sender may do both on purpose, so the first payload seen need not be the
// first sent. A direction that begins as nothing we know is therefore on probation for a few segments: they are kept
// (while half of the pool is free), and whichever of them begins a message, before or after the first, starts the
// reading. This also finds the ClientHello behind STARTTLS, SOCKS and CONNECT.
//
// After an HTTP head its body is not followed: requests are skipped by Content-Length, responses until a segment begins
// with a head again. A gap does not stop that; chunked bodies need no parser.
//
// Longer than 500 lines: every function here is a transition of the one machine; what can be told apart from it
// stands in flow_look.c.
#include "dissector/flow_reader.h"

#include "dissector/flow_look.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17, FLAG_SYN = 0x02 };

enum {
	TRIES = 4, // segments of a direction on probation; also those far outside the window before it is given up
	LOOK_BACK = 4096,   // bytes before the first segment seen for which there is room on probation
	BODY_MAX = 1 << 30, // a longer body is not skipped but searched
};

// What yg_flow_side.exact says of the byte at `next`.
enum { MAY, MUST, ANSWERS }; // a message may begin, must begin, may if it is an HTTP answer

enum state {
	START,   // nothing seen
	PROBE,   // the first bytes were nothing we read; `ref` keeps them if there was room, `next` is its base
	MESSAGE, // `ref` holds a message that begins at `next`
	ORDERED, // a DNS message is to begin at `next`
	SEARCH,  // HTTP: heads are looked for at `next` and at the beginning of segments
	DONE,
};

static bool has_port(const struct yg_segment *s, uint16_t port)
{
	return s->port[0] == port || s->port[1] == port;
}

// Whether a message plainly begins here.
static bool begins(const struct yg_segment *s, const uint8_t *data, size_t len)
{
	return yg_look_begins(data, len, has_port(s, YG_PORT_DNS));
}

// The same in SEARCH, where a server that has answered goes on with answers: its bodies may look like requests.
static bool may_follow(const struct yg_segment *s, const struct yg_flow_side *side, const uint8_t *data, size_t len)
{
	return side->exact == ANSWERS ? yg_look_is_answer(data, len) : begins(s, data, len);
}

static void look(const struct yg_segment *s, const struct yg_flow_side *side, const uint8_t *data, size_t len,
                 struct yg_found *ret_found)
{
	bool dns = side->kind == YG_DA_DNS;
	bool only_dns = side->state == ORDERED || (side->state == MESSAGE && dns && side->exact == MUST);
	yg_look(data, len, dns || has_port(s, YG_PORT_DNS), only_dns, ret_found);
}

static bool is_padding(const struct yg_segment *s)
{
	return yg_look_is_padding(s->payload, s->len, has_port(s, YG_PORT_DNS));
}

static void finish_side(struct yg_flow_reading *reading, struct yg_flow_side *side)
{
	yg_stream_release(reading->pool, &side->ref);
	side->state = DONE;
}

static void give_out(struct yg_flow_reading *reading, struct yg_flow_reader *flow, unsigned direction,
                     const struct yg_found *found)
{
	struct yg_flow_reader_stats *stats = &reading->stats;
	if (found->kind == YG_DA_DNS) {
		stats->dns++;
		flow->known |= YG_KNOWN_DNS;
	} else if (found->kind == YG_DA_TLS) {
		stats->tls++;
		flow->known |= YG_KNOWN_TLS;
	} else {
		stats->http++;
		flow->known |= YG_KNOWN_HTTP;
	}
	if (found->read == YG_READ_BROKEN)
		stats->broken++;
	else if (found->read == YG_READ_MORE)
		stats->partial++;
	reading->emit(reading->context, found->kind, direction, &found->record);
}

static void give_out_partial(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s,
                             const uint8_t *data, size_t len)
{
	struct yg_found found;
	if (len == 0)
		return;
	look(s, &flow->side[s->direction], data, len, &found);
	if (yg_look_partial(data, len, &found))
		give_out(reading, flow, s->direction, &found);
}

// A server that answers has got the request: what is still missing of it here was lost on the way to us and never
// comes.
static void settle_request(struct yg_flow_reading *reading, struct yg_flow_reader *flow,
                           const struct yg_segment *answer)
{
	struct yg_segment s = *answer;
	s.direction ^= 1;
	struct yg_flow_side *side = &flow->side[s.direction];
	const uint8_t *data;
	if (side->state != MESSAGE || side->kind != YG_DA_HTTP)
		return;
	size_t len = yg_stream_bytes(reading->pool, side->ref, &data);
	give_out_partial(reading, flow, &s, data, len);
	yg_stream_release(reading->pool, &side->ref);
	side->state = SEARCH;
	side->exact = MAY;
	side->next += (uint32_t)len;
}

// How many bytes a read message takes, the body of a request included, and what may follow it.
static size_t step_over(struct yg_flow_side *side, const struct yg_found *found)
{
	side->kind = (uint8_t)found->kind;
	side->exact = MUST;
	if (found->kind == YG_DA_DNS) {
		side->state = ORDERED;
		return found->used;
	}
	side->state = SEARCH;
	if (found->read != YG_READ_OK || found->record.http.response)
		side->exact = found->record.http.response ? ANSWERS : MAY;
	uint64_t body = side->exact == MUST ? found->record.http.body : 0;
	return found->used + (body < BODY_MAX ? (size_t)body : 0);
}

// A message longer than a buffer: its head is given out, its rest passed over.
static size_t pass_over(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s,
                        const struct yg_found *found, const uint8_t *data, size_t len)
{
	struct yg_flow_side *side = &flow->side[s->direction];
	reading->stats.oversize++;
	give_out_partial(reading, flow, s, data, len);
	side->kind = (uint8_t)found->kind;
	side->exact = found->kind == YG_DA_DNS ? MUST : MAY;
	side->state = found->kind == YG_DA_TLS ? DONE : found->kind == YG_DA_DNS ? ORDERED : SEARCH;
	return found->kind == YG_DA_DNS ? found->need : len;
}

// Reads messages one after the other, the first of which begins at data[0]. Returns the bytes that they take, which may
// lie beyond `len`; side->state says how it goes on: MESSAGE: one is not whole. START: nothing we read.
static size_t read_messages(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s,
                            const uint8_t *data, size_t len)
{
	struct yg_flow_side *side = &flow->side[s->direction];
	size_t taken = 0;
	while (taken < len && side->state != DONE) {
		struct yg_found found;
		const uint8_t *p = data + taken;
		size_t left = len - taken;
		if (side->state == SEARCH && side->exact != MUST && !may_follow(s, side, p, left))
			break;
		look(s, side, p, left, &found);
		if (found.read == YG_READ_NO) {
			side->state = side->state == SEARCH ? SEARCH : START;
			side->exact = side->exact == ANSWERS ? ANSWERS : MAY;
			break;
		}
		if (found.read == YG_READ_MORE && left >= YG_STREAM_BYTES)
			return taken + pass_over(reading, flow, s, &found, p, left);
		if (found.read == YG_READ_MORE) {
			side->exact =
			    side->state == ORDERED || (side->exact == MUST && side->kind == YG_DA_DNS) ? MUST : MAY;
			side->state = MESSAGE;
			side->kind = (uint8_t)found.kind;
			side->need = (uint16_t)(found.need < YG_STREAM_BYTES ? found.need : YG_STREAM_BYTES);
			break;
		}
		if (found.kind == YG_DA_HTTP && found.record.http.response)
			settle_request(reading, flow, s);
		give_out(reading, flow, s->direction, &found);
		if (found.kind == YG_DA_TLS) { // once a flow
			finish_side(reading, &flow->side[0]);
			finish_side(reading, &flow->side[1]);
			return len;
		}
		taken += step_over(side, &found);
	}
	return taken;
}

static void remember(struct yg_flow_reading *reading, struct yg_flow_side *side, const struct yg_segment *s)
{
	side->seen_seq = s->seq;
	side->seen_len = (uint16_t)(s->len < UINT16_MAX ? s->len : UINT16_MAX);
	side->seen_hash = (uint32_t)yg_hash(&reading->key, s->payload, side->seen_len);
}

static void flag_overlap(struct yg_flow_reading *reading, struct yg_flow_reader *flow)
{
	flow->overlap = 1;
	reading->stats.overlaps++;
}

// Whether all bytes of the segment lie before those that are waited for.
static bool is_old(const struct yg_flow_side *side, const struct yg_segment *s)
{
	int64_t behind = -(int64_t)(int32_t)(s->seq - side->next);
	return behind > 0 && (size_t)behind >= s->len;
}

// A segment whose bytes were read before: the same again, or other content for the same place?
static void compare_seen(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s)
{
	const struct yg_flow_side *side = &flow->side[s->direction];
	if (side->seen_len == 0 || side->seen_seq != s->seq || s->len < side->seen_len)
		return;
	if ((uint32_t)yg_hash(&reading->key, s->payload, side->seen_len) != side->seen_hash)
		flag_overlap(reading, flow);
}

static void add_to_buffer(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s,
                          uint32_t seq, const uint8_t *data, size_t len, enum yg_stream_result *ret_result)
{
	*ret_result = yg_stream_add(reading->pool, flow->side[s->direction].ref, seq, data, len);
	if (*ret_result == YG_STREAM_OVERLAP_DIFFERENT)
		flag_overlap(reading, flow);
}

// The next DNS message is not here whole, but some of what lies behind its beginning may be.
static void expect_dns(struct yg_flow_side *side)
{
	side->state = MESSAGE;
	side->kind = YG_DA_DNS;
	side->exact = MUST;
	side->need = YG_DNS_TCP_MIN;
}

// Reads what stands in the buffer, and gives the buffer back when no message is open in it.
static void read_buffer(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s)
{
	struct yg_flow_side *side = &flow->side[s->direction];
	const uint8_t *data;
	size_t len = yg_stream_bytes(reading->pool, side->ref, &data);
	if (len == 0 || len < side->need)
		return;
	size_t taken = read_messages(reading, flow, s, data, len);
	if (side->state == DONE) {
		finish_side(reading, side);
		return;
	}
	side->next += (uint32_t)taken;
	yg_stream_advance(reading->pool, side->ref, (uint32_t)taken);
	if (side->state == ORDERED && yg_stream_has_gap(reading->pool, side->ref)) {
		expect_dns(side);
	} else if (side->state == START && (flow->known & YG_KNOWN_HTTP)) {
		side->state = SEARCH; // a body that looked like a head for a while
		yg_stream_release(reading->pool, &side->ref);
	} else if (side->state == START) { // it looked like a message, and was none
		reading->stats.gave_up++;
		finish_side(reading, side);
	} else if (side->state != MESSAGE) {
		yg_stream_release(reading->pool, &side->ref);
	}
}

// Keeps a message that is not whole: `len` bytes at `seq`, of a message that begins at side->next.
static void keep(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s, uint32_t seq,
                 const uint8_t *data, size_t len)
{
	struct yg_flow_side *side = &flow->side[s->direction];
	enum yg_stream_result result;
	side->tries = TRIES;
	if (yg_stream_take(reading->pool, side->next, 0, s->time, &side->ref)) {
		add_to_buffer(reading, flow, s, seq, data, len, &result);
		return;
	}
	reading->stats.no_buffer++;
	if (seq == side->next)
		give_out_partial(reading, flow, s, data, len);
	if (side->kind == YG_DA_TLS) {
		finish_side(reading, side);
		return;
	}
	side->exact = MAY;
	side->state = side->kind == YG_DA_HTTP ? SEARCH : START;
	side->next = seq + (uint32_t)len;
}

// The first bytes seen are none of ours. TLS without a hello is the server's side, or a session in its middle.
static void start_probation(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s)
{
	struct yg_flow_side *side = &flow->side[s->direction];
	uint32_t half = yg_stream_count(reading->pool) / 2;
	enum yg_stream_result result;
	if (yg_look_is_tls_record(s->payload, s->len)) {
		reading->stats.gave_up++;
		finish_side(reading, side);
		return;
	}
	side->state = PROBE;
	side->tries = TRIES - 1;
	side->next = s->seq - LOOK_BACK;
	if (yg_stream_take(reading->pool, side->next, half, s->time, &side->ref))
		add_to_buffer(reading, flow, s, s->seq, s->payload, s->len, &result);
}

// Reads from data[0] on, which is a place where a message begins, or may begin.
static void read_in_place(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s,
                          size_t skip)
{
	struct yg_flow_side *side = &flow->side[s->direction];
	const uint8_t *data = s->payload + skip;
	size_t len = s->len - skip;
	bool first = side->state == START;
	size_t taken = read_messages(reading, flow, s, data, len);
	if (taken)
		remember(reading, side, s);
	if (side->state == DONE)
		return;
	if (side->state == START && taken == 0) {
		if (first) {
			start_probation(reading, flow, s);
			return;
		}
		reading->stats.gave_up++; // a stream of DNS messages that went out of step
		finish_side(reading, side);
		return;
	}
	if (taken || side->state == MESSAGE)
		side->next = s->seq + (uint32_t)(skip + taken);
	if (side->state == MESSAGE)
		keep(reading, flow, s, side->next, data + taken, len - taken);
}

// A keep-alive that repeats the last byte as a zero (RFC 9293 3.8.4 lets it carry one of garbage).
static bool is_keep_alive(const struct yg_flow_reading *reading, const struct yg_flow_side *side,
                          const struct yg_segment *s)
{
	const uint8_t *data;
	size_t len = yg_stream_bytes(reading->pool, side->ref, &data);
	return s->len == 1 && s->payload[0] == 0 && len > 0 && s->seq == side->next + (uint32_t)len - 1;
}

static void probe(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s)
{
	struct yg_flow_side *side = &flow->side[s->direction];
	enum yg_stream_result result;
	add_to_buffer(reading, flow, s, s->seq, s->payload, s->len, &result);
	if (!begins(s, s->payload, s->len)) {
		if (--side->tries == 0) {
			reading->stats.gave_up++;
			finish_side(reading, side);
		}
		return;
	}
	side->exact = MAY;
	// Without a place in the buffer, or where the buffer holds other bytes, which meant nothing: this segment is
	// read.
	if (result == YG_STREAM_OUTSIDE || result == YG_STREAM_STALE || result == YG_STREAM_OVERLAP_DIFFERENT ||
	    (int32_t)(s->seq - side->next) < 0) {
		yg_stream_release(reading->pool, &side->ref);
		side->state = START;
		read_in_place(reading, flow, s, 0);
		return;
	}
	yg_stream_advance(reading->pool, side->ref, s->seq - side->next);
	side->next = s->seq;
	side->state = MESSAGE;
	side->kind = 0;
	side->need = 0;
	side->tries = TRIES;
	read_buffer(reading, flow, s);
}

// The message in the buffer is given up; the segment at hand may begin another.
static void start_over(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s)
{
	struct yg_flow_side *side = &flow->side[s->direction];
	const uint8_t *data;
	size_t len = yg_stream_bytes(reading->pool, side->ref, &data);
	give_out_partial(reading, flow, s, data, len);
	yg_stream_release(reading->pool, &side->ref);
	side->state = START;
	side->exact = MAY;
	read_in_place(reading, flow, s, 0);
}

static void continue_message(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s)
{
	struct yg_flow_side *side = &flow->side[s->direction];
	enum yg_stream_result result;
	if (is_keep_alive(reading, side, s))
		return;
	add_to_buffer(reading, flow, s, s->seq, s->payload, s->len, &result);
	switch (result) {
	case YG_STREAM_STALE:
		reading->stats.lost_buffer++;
		start_over(reading, flow, s);
		return;
	case YG_STREAM_OUTSIDE:
		// Behind a gap that nothing fills, or a forged number that the receiver ignores: one such segment must
		// not cost the message, unless it begins another.
		if (is_old(side, s))
			compare_seen(reading, flow, s);
		else if (begins(s, s->payload, s->len) || --side->tries == 0)
			start_over(reading, flow, s);
		return;
	default:
		read_buffer(reading, flow, s);
	}
}

// A segment while a message is to begin at side->next (ORDERED), or may (SEARCH).
static void next_message(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s)
{
	struct yg_flow_side *side = &flow->side[s->direction];
	int32_t ahead = (int32_t)(s->seq - side->next);
	if (is_old(side, s)) {
		compare_seen(reading, flow, s);
		return;
	}
	if (ahead <= 0) {
		if (ahead < 0 || !is_padding(s))
			read_in_place(reading, flow, s, (size_t) - (int64_t)ahead);
		return;
	}
	if (side->state == SEARCH) {
		if (may_follow(s, side, s->payload, s->len))
			read_in_place(reading, flow, s, 0);
		else if (ahead > BODY_MAX)
			side->next = s->seq; // a long body: keep up with it, before numbers wrap
		return;
	}
	expect_dns(side); // the gap before it may still be filled
	keep(reading, flow, s, s->seq, s->payload, s->len);
}

static void add_tcp(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s)
{
	switch ((enum state)flow->side[s->direction].state) {
	case START:
		if (!is_padding(s))
			read_in_place(reading, flow, s, 0);
		return;
	case PROBE:
		if (!is_padding(s))
			probe(reading, flow, s);
		return;
	case MESSAGE:
		continue_message(reading, flow, s);
		return;
	case ORDERED:
	case SEARCH:
		next_message(reading, flow, s);
		return;
	case DONE:
		compare_seen(reading, flow, s);
		return;
	}
}

static void add_udp(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *s)
{
	struct yg_found found = {.kind = YG_DA_DNS};
	if (!has_port(s, YG_PORT_DNS) && !has_port(s, YG_PORT_MDNS) && !has_port(s, YG_PORT_LLMNR))
		return;
	found.read = yg_read_dns(s->payload, s->len, &found.record.dns);
	if (found.read == YG_READ_NO)
		reading->stats.not_dns++;
	else
		give_out(reading, flow, s->direction, &found);
}

void yg_flow_reader_add(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *segment)
{
	struct yg_segment s = *segment;
	reading->stats.segments++;
	s.direction &= 1;
	if (s.proto == PROTO_UDP) {
		reading->stats.udp++;
		add_udp(reading, flow, &s);
	} else if (s.proto == PROTO_TCP) {
		reading->stats.tcp++;
		if (s.tcp_flags & FLAG_SYN)
			s.seq++; // the SYN has a number of its own (RFC 9293 3.4)
		if (s.len)
			add_tcp(reading, flow, &s);
	} else {
		reading->stats.other++;
	}
}

void yg_flow_reader_end(struct yg_flow_reading *reading, struct yg_flow_reader *flow)
{
	for (uint8_t direction = 0; direction < 2; direction++) {
		struct yg_flow_side *side = &flow->side[direction];
		const struct yg_segment none = {.proto = PROTO_TCP, .direction = direction};
		const uint8_t *data;
		if (side->state == MESSAGE) {
			size_t len = yg_stream_bytes(reading->pool, side->ref, &data);
			give_out_partial(reading, flow, &none, data, len);
		}
		yg_stream_release(reading->pool, &side->ref);
		*side = (struct yg_flow_side){0};
	}
}

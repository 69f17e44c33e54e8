// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Packet by packet: our own readers first, then nDPI, then the question whether the flow is done. The flow array is one
// lazily touched mapping, an entry a slot; what is needed only until the verdict (nDPI's state, the names found) hangs
// off it and is freed with the verdict. Allocated per flow, never per packet.
//
// Own readers go first: they are ours and tested against hostile input, so what they found is in the ring when nDPI
// dies.
#include "dissector/flows.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/shm.h"
#include "dissector/flow_reader.h"
#include "dissector/stream.h"

enum flow_state { FLOW_NONE, FLOW_OPEN, FLOW_DONE };
enum { KNOWN_QUIC = 0x04, BOTH_SIDES = 3, TCP_SYN = 0x02 };

// A flow until its verdict.
struct dissection {
	struct yg_ndpi_flow *ndpi; // NULL: nDPI has not seen it
	struct dissection *newer, *older;
	uint32_t slot;
	uint8_t ring, quic;
	char ja3[36], alpn[32];
	char server_name[YG_NAME_MAX];
};

struct flow {
	uint32_t generation;
	uint32_t bytes; // of payload
	struct dissection *open;
	uint8_t state; // enum flow_state
	uint8_t packets;
	uint8_t sides;    // bit d: direction d has sent payload
	uint8_t mode;     // enum yg_policy_mode
	uint8_t labelled; // nDPI is done, our own reader is in the middle of its first message
	uint8_t reserved[3];
	struct yg_flow_reader reader;
};

struct yg_flows {
	const struct yg_setup *setup;
	struct yg_answers *answers;
	struct yg_counter *counters;
	struct flow *flow;
	struct dissection *newest, *oldest;
	struct dissection *spare; // freed, linked by `older`: never more than were open at once
	uint32_t open, made; // dissections: in use, and all there are
	struct yg_flow_reading reading;
	struct yg_flow_reader_stats told;
	struct yg_stream_stats told_streams;
	// The record being read and the flow whose reader runs, for emit.
	const struct yg_ds_request *request;
	const struct flow *reading_for;
	unsigned ring;
	unsigned records; // told of the record being read
};

static void count(struct yg_flows *flows, enum yg_dissector_counter counter)
{
	yg_counter_add(&flows->counters[counter], 1);
}

bool yg_request_valid(const struct yg_ds_request *request, uint32_t slots)
{
	if (request->kind != YG_DS_PACKET && request->kind != YG_DS_END && request->kind != YG_DS_GUESS)
		return false;
	if (request->slot >= slots || request->direction > 1 || (request->af != 4 && request->af != 6))
		return false;
	if (request->pieces < 1 || request->pieces > YG_DS_PIECES_MAX ||
	    request->length > request->pieces * (uint32_t)YG_DS_DATA)
		return false;
	if (request->kind == YG_DS_PACKET && request->length == 0)
		return false;
	return request->l4 <= request->payload && request->payload <= request->length &&
	       request->payload_len <= request->length - request->payload;
}

uint64_t yg_flows_memory(uint32_t slots)
{
	return (uint64_t)slots * sizeof(struct flow);
}

// ---- what is open, by age ----

static void unlink_open(struct yg_flows *flows, struct dissection *open)
{
	*(open->newer ? &open->newer->older : &flows->newest) = open->older;
	*(open->older ? &open->older->newer : &flows->oldest) = open->newer;
	flows->open--;
}

static void link_newest(struct yg_flows *flows, struct dissection *open)
{
	open->newer = NULL;
	open->older = flows->newest;
	*(flows->newest ? &flows->newest->newer : &flows->oldest) = open;
	flows->newest = open;
	flows->open++;
}

static void free_open(struct yg_flows *flows, struct dissection *open)
{
	unlink_open(flows, open);
	yg_ndpi_flow_destroy(open->ndpi);
	open->older = flows->spare;
	flows->spare = open;
}

// A zeroed one, not linked yet. NULL: no memory.
static struct dissection *take_spare(struct yg_flows *flows)
{
	struct dissection *open = flows->spare;
	if (!open) {
		flows->made++;
		return calloc(1, sizeof *open);
	}
	flows->spare = open->older;
	memset(open, 0, sizeof *open);
	return open;
}

// ---- answers ----

static struct yg_ds_answer *begin(struct yg_flows *flows, unsigned ring, enum yg_da_kind kind, uint32_t slot,
                                  uint32_t generation)
{
	struct yg_ds_answer *answer = yg_answers_begin(flows->answers, ring, kind);
	if (!answer)
		return NULL;
	answer->slot = slot;
	answer->generation = generation;
	answer->packet = flows->request->packet;
	answer->time_ns = flows->request->time_ns;
	return answer;
}

static void keep_names(struct dissection *open, const struct yg_tls *tls)
{
	memcpy(open->server_name, tls->server_name, sizeof open->server_name);
	memcpy(open->ja3, tls->ja3, sizeof open->ja3);
	memcpy(open->alpn, tls->alpn, sizeof open->alpn);
}

static enum yg_dissector_counter counter_of(enum yg_da_kind kind)
{
	return kind == YG_DA_DNS ? YG_DC_DNS : kind == YG_DA_TLS ? YG_DC_TLS : YG_DC_HTTP;
}

static uint8_t wanted_by(enum yg_da_kind kind)
{
	return kind == YG_DA_DNS ? YG_DS_WANTS_DNS : kind == YG_DA_TLS ? YG_DS_WANTS_TLS : YG_DS_WANTS_HTTP;
}

// A record that a reader found; yg_flow_reading.emit.
static void emit(void *context, enum yg_da_kind kind, unsigned direction, const void *record)
{
	struct yg_flows *flows = context;
	const struct flow *flow = flows->reading_for;
	struct dissection *open = flow->open;
	const struct yg_http *http = record;
	count(flows, counter_of(kind));
	if (open && kind == YG_DA_TLS)
		keep_names(open, record);
	if (open && kind == YG_DA_HTTP && !http->response && !open->server_name[0])
		memcpy(open->server_name, http->host, sizeof open->server_name);
	if (!(flows->request->flags & wanted_by(kind)))
		return;
	if (flows->records++ >= YG_DS_RECORDS_MAX) {
		count(flows, YG_DC_ANSWERS_CAPPED);
		return;
	}
	unsigned ring = open ? open->ring : flows->ring; // a flow that ends early had its packets on another, perhaps
	struct yg_ds_answer *answer = begin(flows, ring, kind, (uint32_t)(flow - flows->flow), flow->generation);
	if (!answer)
		return;
	answer->direction = (uint8_t)(direction & 1);
	if (kind == YG_DA_DNS)
		answer->dns = *(const struct yg_dns *)record;
	else if (kind == YG_DA_TLS)
		answer->tls = *(const struct yg_tls *)record;
	else
		answer->http = *http;
	yg_answers_push(flows->answers, ring);
}

static enum yg_own_protocol own_protocol(uint8_t known)
{
	if (known & YG_KNOWN_DNS)
		return YG_OWN_DNS;
	if (known & YG_KNOWN_TLS)
		return YG_OWN_TLS;
	return known & YG_KNOWN_HTTP ? YG_OWN_HTTP : YG_OWN_COUNT;
}

static void fill_verdict(struct yg_flows *flows, const struct flow *flow, bool ended, struct yg_verdict *verdict)
{
	const struct dissection *open = flow->open;
	memcpy(verdict->server_name, open->server_name, sizeof verdict->server_name);
	memcpy(verdict->ja3, open->ja3, sizeof verdict->ja3);
	memcpy(verdict->alpn, open->alpn, sizeof verdict->alpn);
	if (open->ndpi)
		yg_ndpi_finish(flows->setup->ndpi, open->ndpi, ended, verdict);
	else
		yg_ndpi_label(flows->setup->ndpi, own_protocol(flow->reader.known), verdict);
	verdict->final = 1;
	verdict->packets = flow->packets;
	verdict->own_readers = flow->reader.known | (open->quic ? KNOWN_QUIC : 0);
	verdict->overlap = flow->reader.overlap;
}

// What our readers still hold of a flow. DNS goes on after the verdict, so its stream is kept.
static void end_reader(struct yg_flows *flows, struct flow *flow)
{
	flows->reading_for = flow;
	yg_flow_reader_end(&flows->reading, &flow->reader);
}

// The one final verdict. `ended`: no packet will come. nDPI works before the slot is taken, so that a death in it
// leaves none.
static void finish(struct yg_flows *flows, struct flow *flow, bool ended)
{
	struct dissection *open = flow->open;
	struct yg_verdict verdict = {0};
	if (!(flow->reader.known & YG_KNOWN_DNS))
		end_reader(flows, flow);
	fill_verdict(flows, flow, ended, &verdict);
	struct yg_ds_answer *answer = begin(flows, open->ring, YG_DA_VERDICT, open->slot, flow->generation);
	if (answer) {
		answer->verdict = verdict;
		yg_answers_push(flows->answers, open->ring);
		count(flows, YG_DC_VERDICTS);
	}
	free_open(flows, open);
	flow->open = NULL;
	flow->state = FLOW_DONE;
}

// ---- records ----

static void close_flow(struct yg_flows *flows, struct flow *flow)
{
	end_reader(flows, flow);
	if (flow->state == FLOW_OPEN)
		finish(flows, flow, true);
	*flow = (struct flow){0};
}

static void finish_oldest(struct yg_flows *flows, enum yg_dissector_counter why)
{
	finish(flows, &flows->flow[flows->oldest->slot], true);
	count(flows, why);
}

static uint64_t memory_of(const struct yg_flows *flows)
{
	return (uint64_t)flows->made * sizeof(struct dissection) + yg_ndpi_flows_bytes();
}

static void open_flow(struct yg_flows *flows, struct flow *flow)
{
	const struct yg_ds_request *request = flows->request;
	if (flow->state != FLOW_NONE)
		close_flow(flows, flow); // its end got lost
	if (flows->open >= flows->setup->flows_open)
		finish_oldest(flows, YG_DC_FLOWS_FULL);
	struct dissection *open = take_spare(flows);
	if (!open)
		_Exit(YG_NDPI_NO_MEMORY);
	open->slot = request->slot;
	open->ring = (uint8_t)flows->ring;
	link_newest(flows, open);
	*flow = (struct flow){.generation = request->generation, .open = open, .state = FLOW_OPEN};
	flow->mode = (uint8_t)yg_crash_policy_mode(&flows->setup->shared->policy, request->af, &request->addr[1],
	                                           request->port[1], request->time_ns);
}

static void read_own(struct yg_flows *flows, struct flow *flow, const uint8_t *bytes)
{
	const struct yg_ds_request *request = flows->request;
	struct yg_segment segment = {
	    .payload = bytes + request->payload,
	    .len = request->payload_len,
	    .time = yg_time_ns(request->time_ns),
	    .seq = request->tcp_seq + (request->proto == IPPROTO_TCP && request->tcp_flags & TCP_SYN),
	    .port = {request->port[0], request->port[1]},
	    .proto = request->proto,
	    .direction = request->direction,
	    .tcp_flags = request->tcp_flags,
	};
	flows->reading_for = flow;
	yg_flow_reader_add(&flows->reading, &flow->reader, &segment);
}

static bool ndpi_may_see(const struct flow *flow, const struct yg_ds_request *request)
{
	if (request->flags & YG_DS_OWN_ONLY || flow->mode == YG_POLICY_LEFT_OUT)
		return false;
	return flow->mode == YG_POLICY_ALL || flow->sides == BOTH_SIDES;
}

// True when nDPI needs no more of this flow.
static bool read_ndpi(struct yg_flows *flows, struct flow *flow, const uint8_t *bytes)
{
	const struct yg_ds_request *request = flows->request;
	if (!ndpi_may_see(flow, request)) {
		count(flows, YG_DC_NDPI_LEFT_OUT);
		return false;
	}
	struct dissection *open = flow->open;
	if (!open->ndpi)
		open->ndpi = yg_ndpi_flow_create();
	count(flows, YG_DC_NDPI_CALLS);
	bool done = yg_ndpi_packet(flows->setup->ndpi, open->ndpi, bytes, request->length, request->time_ns);
	struct yg_tls hello;
	if (yg_ndpi_quic_hello(open->ndpi, &hello)) {
		open->quic = 1;
		flows->reading_for = flow;
		emit(flows, YG_DA_TLS, request->direction, &hello);
	}
	return done;
}

// Whether the client's first message goes on in its next segment: nDPI may know enough of it, our reader wants the
// whole name.
static bool own_waits(const struct yg_flows *flows, const struct flow *flow)
{
	const struct yg_flow_side *client = &flow->reader.side[0];
	return flow->reader.known == 0 && client->need > 0 && yg_stream_held(flows->reading.pool, client->ref);
}

// A packet behind the verdict, of which our own readers want nothing either.
static bool is_passed_by(const struct flow *flow, const struct yg_ds_request *request)
{
	bool own_goes_on = request->flags & YG_DS_OWN_ONLY || (flow->reader.known & YG_KNOWN_DNS && request->flags & YG_DS_WANTS_DNS);
	return flow->state == FLOW_DONE && !own_goes_on;
}

static void read_packet(struct yg_flows *flows, struct flow *flow, const uint8_t *bytes)
{
	const struct yg_ds_request *request = flows->request;
	if (is_passed_by(flow, request)) {
		count(flows, YG_DC_AFTER_DONE);
		return;
	}
	if (request->payload_len > 0) {
		flow->sides |= (uint8_t)(1u << request->direction);
		read_own(flows, flow, bytes);
	}
	if (flow->state == FLOW_DONE)
		return;
	unlink_open(flows, flow->open);
	link_newest(flows, flow->open);
	flow->packets++;
	flow->bytes += request->payload_len;
	if (!flow->labelled)
		flow->labelled = read_ndpi(flows, flow, bytes);
	bool done = flow->labelled && !own_waits(flows, flow);
	if (done || flow->packets >= flows->setup->packets || flow->bytes >= flows->setup->bytes)
		finish(flows, flow, false);
	while (flows->open > 1 && memory_of(flows) > flows->setup->open_bytes)
		finish_oldest(flows, YG_DC_FLOWS_MEMORY);
}

bool yg_flows_look(const struct yg_flows *flows, const struct yg_ds_request *request)
{
	const struct flow *flow = &flows->flow[request->slot];
	return request->kind != YG_DS_PACKET || flow->generation != request->generation || !is_passed_by(flow, request);
}

void yg_flows_fetch(const struct yg_flows *flows, uint32_t slot)
{
	if (slot < flows->setup->slots)
		__builtin_prefetch(&flows->flow[slot], 1, 2);
}

void yg_flows_read(struct yg_flows *flows, unsigned ring, const struct yg_ds_request *request, const uint8_t *bytes)
{
	struct flow *flow = &flows->flow[request->slot];
	flows->request = request;
	flows->records = 0;
	flows->ring = ring;
	bool known = flow->state != FLOW_NONE && flow->generation == request->generation;
	if (!known && !(request->flags & YG_DS_FIRST)) {
		count(flows, YG_DC_UNKNOWN_FLOW);
		return;
	}
	if (!known)
		open_flow(flows, flow);
	switch (request->kind) {
	case YG_DS_PACKET:
		read_packet(flows, flow, bytes);
		break;
	case YG_DS_GUESS:
		count(flows, YG_DC_GUESSES);
		if (flow->state == FLOW_OPEN && request->length > 0 && !flow->labelled)
			read_ndpi(flows, flow, bytes);
		close_flow(flows, flow);
		break;
	default:
		count(flows, YG_DC_ENDS);
		close_flow(flows, flow);
	}
	flows->reading_for = NULL;
}

void yg_flows_count(struct yg_flows *flows)
{
	const struct yg_flow_reader_stats *now = &flows->reading.stats;
	struct yg_stream_stats streams;
	yg_stream_stats(flows->reading.pool, &streams);
	yg_counter_add(&flows->counters[YG_DC_BROKEN], now->broken - flows->told.broken);
	yg_counter_add(&flows->counters[YG_DC_STREAM_OVERLAP], now->overlaps - flows->told.overlaps);
	yg_counter_add(&flows->counters[YG_DC_STREAM_BUFFERS], streams.taken - flows->told_streams.taken);
	yg_counter_add(&flows->counters[YG_DC_STREAM_FULL], streams.full - flows->told_streams.full);
	yg_counter_add(&flows->counters[YG_DC_STREAM_GAP], streams.outside - flows->told_streams.outside);
	flows->told = *now;
	flows->told_streams = streams;
}

struct yg_flows *yg_flows_create(const struct yg_setup *setup, unsigned worker, struct yg_answers *answers)
{
	struct yg_flows *flows = calloc(1, sizeof *flows);
	if (!flows)
		return NULL;
	flows->setup = setup;
	flows->answers = answers;
	flows->counters = setup->stats->c[worker];
	flows->reading =
	    (struct yg_flow_reading){.pool = setup->streams, .key = setup->hash_key, .emit = emit, .context = flows};
	flows->flow = yg_memory_reserve(setup->slots * sizeof *flows->flow);
	if (flows->flow)
		return flows;
	free(flows);
	errno = ENOMEM;
	return NULL;
}

void yg_flows_destroy(struct yg_flows *flows)
{
	if (!flows)
		return;
	while (flows->newest)
		free_open(flows, flows->newest);
	while (flows->spare) {
		struct dissection *next = flows->spare->older;
		free(flows->spare);
		flows->spare = next;
	}
	yg_memory_release(flows->flow, flows->setup->slots * sizeof *flows->flow);
	free(flows);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A worker whose dissector says anything: packets of a few flows, and between them answers of any bytes, answers that name flows which
// really are in dissection, and indexes that lie. Batches are ended honestly, as the zygote's watchdog sees to. Oracles: no event
// has a text without an end; in a replay each flow that ended has left one record; nothing that was offered is unaccounted for.
#include "../unit/worker_rig.h"
#include "reader_oracle.h"

enum { KNOWN = 16, MARK = 0x7e };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct peer {
	const uint8_t *p, *end;
	uint32_t slot[KNOWN], generation[KNOWN], known;
	uint64_t flows;
	bool lied;
};

static uint8_t next(struct peer *peer)
{
	return peer->p < peer->end ? *peer->p++ : 0;
}

static void must_end(const char *text, size_t size)
{
	must(memchr(text, 0, size) != NULL);
}

#define MUST_END(field) must_end(field, sizeof(field))

static void on_event(struct rig *rig, const struct yg_event *e)
{
	struct peer *peer = rig->test;
	must(e->kind >= YG_EV_BEGIN && e->kind <= YG_EV_END && e->stage <= YG_STAGE_END);
	switch (e->kind) {
	case YG_EV_FLOW:
		peer->flows += e->flow.event == YG_FLOW_ENDED;
		MUST_END(e->flow.proto_name);
		MUST_END(e->flow.category);
		MUST_END(e->flow.server_name);
		MUST_END(e->flow.ja3);
		MUST_END(e->flow.ja3s);
		MUST_END(e->flow.alpn);
		must(e->flow.confidence < YG_CONF_COUNT && e->flow.unclassified < YG_UNCL_COUNT);
		break;
	case YG_EV_DNS:
		MUST_END(e->dns.qname);
		must(e->dns.head.af == 4 && (e->dns.head.proto == 17 || e->dns.head.proto == 6)); // of a flow that there was
		break;
	case YG_EV_TLS:
		MUST_END(e->tls.server_name);
		MUST_END(e->tls.ja3);
		MUST_END(e->tls.alpn);
		break;
	case YG_EV_HTTP:
		MUST_END(e->http.method);
		MUST_END(e->http.host);
		MUST_END(e->http.target);
		MUST_END(e->http.user_agent);
		MUST_END(e->http.forwarded_for);
		break;
	case YG_EV_RESTARTED:
		MUST_END(e->restarted.quarantine);
		break;
	default:
		break;
	}
}

static struct yg_ds_answer *answer(struct rig *rig)
{
	if (!yg_ring_has_room(&rig->answers, 1))
		return NULL;
	struct yg_ds_answer *a = yg_ring_slot(&rig->answers, rig->answers.own);
	memset(a, MARK, sizeof *a); // no NUL but those that the input brings
	yg_ring_push(&rig->answers, 1);
	return a;
}

// Reads what the worker has sent, remembers its flows, and says only that the batches have ended.
static void dissect(struct rig *rig)
{
	struct peer *peer = rig->test;
	struct yg_ring *ring = &rig->requests;
	while (yg_ring_available(ring)) {
		const struct yg_ds_request *q = yg_ring_slot(ring, ring->own);
		uint32_t pieces = q->pieces, there = yg_ring_available(ring);
		bool sound = pieces >= 1 && pieces <= YG_DS_PIECES_MAX && pieces <= there;
		must(sound || peer->lied);
		struct yg_ds_answer *a = q->kind == YG_DS_BATCH_END ? answer(rig) : NULL;
		if (a) {
			a->kind = YG_DA_BATCH_END;
			a->packet = q->packet;
		}
		if (q->flags & YG_DS_FIRST) {
			peer->slot[peer->known % KNOWN] = q->slot;
			peer->generation[peer->known++ % KNOWN] = q->generation;
		}
		yg_ring_pop(ring, sound ? pieces : there);
	}
	yg_ring_release(ring);
	yg_ring_publish(&rig->answers);
}

static void say(struct rig *rig, struct peer *peer, bool of_known)
{
	struct yg_ds_answer *a = answer(rig);
	uint8_t which = next(peer), kind = next(peer), bytes = next(peer);
	size_t at = next(peer) * 8u;
	if (!a)
		return;
	a->kind = kind % 8 == YG_DA_BATCH_END && !of_known ? kind : kind % 8;
	if (a->kind == YG_DA_BATCH_END)
		a->packet = rig->batch; // not the future: the worker of a replay would go on without the honest one
	a->slot = of_known ? peer->slot[which % KNOWN] : which * 16777619u;
	a->generation = of_known ? peer->generation[which % KNOWN] : kind;
	for (; bytes; bytes--, at++) {
		uint8_t byte = next(peer);
		if (at < sizeof a->http)
			((uint8_t *)&a->http)[at] = byte;
	}
}

static void send(struct rig *rig, struct peer *peer)
{
	uint8_t client = next(peer), kind = next(peer), payload = next(peer);
	struct yg_addr out = hand_v4(192, 0, 2, client), in = hand_v4(10, 1, 0, client % 3);
	struct rig_packet p = {.src = out, .dst = in, .sport = 4000, .dport = 53};
	if (kind & 1)
		p = (struct rig_packet){.src = in, .dst = out, .sport = 53, .dport = 4000};
	p.proto = kind & 2 ? 6 : 17;
	p.flags = kind >> 2;
	p.payload = (uint16_t)(payload * 25);
	rig_send(rig, &p);
}

static void lie(struct rig *rig, struct peer *peer, bool live)
{
	uint8_t where = next(peer);
	uint64_t by = 0;
	for (unsigned i = 0; i < 8; i++)
		by = by << 8 | next(peer);
	// Live any of the four indexes by anything; in a replay those that the worker reads and only lies that show: a worker that waits for
	// answers which are held back is the watchdog's business.
	bool to = where & 1, tail = live ? where & 2 : to;
	volatile uint64_t *index = (void *)((uint8_t *)rig->memory[to ? 3 : 4] + (tail ? 128 : 64));
	*index += live ? by : UINT64_C(1) << 40;
	peer->lied = true;
}

static void turn(struct rig *rig, struct peer *peer)
{
	rig_end(rig, false);
	rig->now += next(peer) * (YG_NS_PER_S / 10);
	rig_begin(rig);
}

static void drive(struct rig *rig, struct peer *peer, bool live)
{
	rig_begin(rig);
	while (peer->p < peer->end) {
		switch (next(peer) % 8) {
		case 0:
		case 1:
			send(rig, peer);
			break;
		case 2:
		case 3:
			turn(rig, peer);
			break;
		case 4:
			say(rig, peer, false);
			break;
		case 5:
		case 6:
			say(rig, peer, true);
			break;
		default:
			if (next(peer) < 16) // few, or most inputs would end here
				lie(rig, peer, live);
			break;
		}
	}
	rig_end(rig, false);
	rig_finish(rig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 2048)
		return 0;
	struct peer peer = {.p = data + 1, .end = data + size};
	struct rig rig = {.event = on_event, .dissect = dissect, .test = &peer};
	bool live = data[0] & 1;
	rig_start(&rig, &(const struct rig_options){.live = live});
	drive(&rig, &peer, live);
	must(rig_count(&rig, YG_WC_FLOW_CREATED) == rig_count(&rig, YG_WC_FLOW_ENDED));
	must(rig_count(&rig, YG_WC_DS_OFFERED) == rig_count(&rig, YG_WC_DS_SENT) + rig_count(&rig, YG_WC_DS_SKIPPED_RING_FULL) +
							  rig_count(&rig, YG_WC_DS_SKIPPED_TOO_LONG));
	if (!live) {
		must(rig_count(&rig, YG_WC_FLOW_ENDED) == rig_count(&rig, YG_WC_FLOW_RECORDS) + rig_count(&rig, YG_WC_RECORDS_SHED_POOL));
		must(peer.flows == rig_count(&rig, YG_WC_FLOW_RECORDS));
	}
	rig_stop(&rig);
	return 0;
}

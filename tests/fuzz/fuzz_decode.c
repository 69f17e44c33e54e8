// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Fuzzes decode: the first two bytes choose link type, options and how much of the frame was captured; the rest is the
// frame. The oracle is what every reader of a view relies on: offsets within the captured bytes, in order; an end and
// layers that exist; the same view twice, whatever lay in it before, and once more by the loop alone, without the straight
// way that most frames take. Seeds: tests/generate/encapsulations.py.
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine/decode.h"

#define MUST(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			abort();                                                                                       \
	} while (0)

static void check(const struct yg_view *v)
{
	MUST(v->end < YG_DECODE_COUNT);
	MUST(v->layer_count <= 8);
	for (unsigned i = 0; i < 8; i++)
		MUST(i < v->layer_count ? v->layers[i] < YG_LAYER_COUNT : v->layers[i] == 0);
	MUST(v->end != YG_DECODE_DECODED || (v->flags & YG_VIEW_IP));
	MUST((v->end == YG_DECODE_FRAGMENT) == !!(v->flags & YG_VIEW_FRAGMENT));
	if (!(v->flags & YG_VIEW_IP)) {
		MUST(v->af == 0 && v->l3_len == 0 && v->payload_len == 0);
		return;
	}
	MUST(v->af == 4 || v->af == 6);
	MUST(v->l3 <= v->caplen && v->l3_len <= v->caplen - v->l3 && v->l3_len >= (v->af == 4 ? 20 : 40));
	MUST(v->ip_bytes >= v->l3_len);
	MUST(!(v->flags & YG_VIEW_TRUNCATED) == (v->ip_bytes == v->l3_len));
	MUST(v->data[v->l3] >> 4 == v->af);
	if (v->end == YG_DECODE_DECODED || v->end == YG_DECODE_FRAGMENT) {
		MUST(v->l3 + (v->af == 4 ? 20 : 40) <= v->l4 && v->l4 <= v->payload);
		MUST(v->payload + v->payload_len <= v->l3 + v->l3_len);
	}
	if (v->end == YG_DECODE_DECODED && (v->proto == 6 || v->proto == 17))
		MUST(v->payload - v->l4 >= (v->proto == 6 ? 20 : 8));
	if (v->end == YG_DECODE_FRAGMENT)
		MUST(v->frag_offset % 8 == 0 && (v->frag_offset || v->frag_more) &&
		     v->l3 + v->frag_header_len == v->payload);
}

// Two views of one frame: every field. From `data` to `about_proto` there is no gap between them.
static void check_same(const struct yg_view *a, const struct yg_view *b)
{
	size_t from = offsetof(struct yg_view, data), to = offsetof(struct yg_view, about_proto) + sizeof a->about_proto;
	MUST(!memcmp((const uint8_t *)a + from, (const uint8_t *)b + from, to - from));
	MUST(a->time.ns == 0 && b->time.ns == 0 && a->number == 0 && b->number == 0);
	MUST(a->tcp_window == b->tcp_window && a->ttl == b->ttl && a->frag_next == b->frag_next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yg_view first, second, again;
	if (size < 2 || size > 65536)
		return 0;
	const struct yg_decode_options options = {.ipv4_checksum = data[0] >> 7, .domain_vlan = data[0] >> 6 & 1};
	enum yg_link link = (enum yg_link)(data[0] & 7);
	uint32_t caplen = (uint32_t)size - 2, wirelen = caplen + data[1] * 16u;
	uint8_t *frame = malloc(caplen ? caplen : 1); // of its own, so that the sanitizer sees its ends
	if (!frame)
		return 0;
	memcpy(frame, data + 2, caplen);
	memset(&first, 0, sizeof first);
	memset(&second, 0xff, sizeof second);
	yg_decode(&options, link, frame, caplen, wirelen, &first);
	yg_decode(&options, link, frame, caplen, wirelen, &second);
	check(&first);
	check_same(&first, &second);
	memset(&again, 0x5a, sizeof again);
	yg_decode_general(&options, link, frame, caplen, wirelen, &again);
	check_same(&first, &again);
	yg_decode_reassembled(&options, &first, frame, caplen, &again);
	check(&again);
	free(frame);
	return 0;
}

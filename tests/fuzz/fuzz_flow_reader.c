// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Flows of any packets through flow_reader: four flows over a pool of two buffers. Oracles: every buffer comes back,
// records given out are those counted, their texts are well formed, and no more of them than the bytes allow.
#include <stddef.h>

#include "dissector/flow_reader.h"
#include "reader_oracle.h"

static unsigned records;

static void emit(void *context, enum yg_da_kind kind, unsigned direction, const void *record)
{
	(void)context;
	records++;
	must(direction < 2);
	if (kind == YG_DA_DNS) {
		must_be_text(((const struct yg_dns *)record)->qname, YG_NAME_MAX);
	} else if (kind == YG_DA_TLS) {
		must_be_text(((const struct yg_tls *)record)->server_name, YG_NAME_MAX);
	} else {
		must(kind == YG_DA_HTTP);
		must_be_text(((const struct yg_http *)record)->host, YG_NAME_MAX);
		must_be_text(((const struct yg_http *)record)->target, YG_NAME_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t ports[4] = {443, 53, 80, 5353};
	struct yg_flow_reader flows[4] = {0};
	struct yg_flow_reading reading = {.pool = yg_stream_create(2), .emit = emit, .key = yg_hash_key_replay};
	struct yg_stream_stats stats;
	uint32_t next[8] = {0}; // where the next segment in order begins
	must(reading.pool != NULL);
	records = 0;
	for (size_t at = 0; size - at >= 5;) {
		const uint8_t *p = data + at;
		unsigned flow = p[0] & 3, direction = p[0] >> 2 & 1, side = flow * 2 + direction;
		size_t len = (size_t)(p[2] << 8 | p[3]);
		at += 5;
		if (len > size - at)
			len = size - at;
		uint32_t seq = next[side] + ((p[0] & 8) ? (uint32_t)(int32_t)(int8_t)p[4] * 64u : 0);
		struct yg_segment s = {.payload = data + at,
		                       .len = len,
		                       .time = yg_time_from_s(p[1]),
		                       .seq = seq,
		                       .port = {40000, ports[flow]},
		                       .proto = (p[0] & 16) ? 17 : 6,
		                       .direction = (uint8_t)direction,
		                       .tcp_flags = (p[0] & 32) ? 2 : 16};
		yg_flow_reader_add(&reading, &flows[flow], &s);
		next[side] = s.seq + (uint32_t)len;
		at += len;
		if (p[0] & 64)
			yg_flow_reader_end(&reading, &flows[flow]);
	}
	for (int i = 0; i < 4; i++)
		yg_flow_reader_end(&reading, &flows[i]);
	yg_stream_stats(reading.pool, &stats);
	must(stats.in_use == 0);
	must(records == reading.stats.dns + reading.stats.tls + reading.stats.http);
	must(records <= size);
	yg_stream_destroy(reading.pool);
	return 0;
}

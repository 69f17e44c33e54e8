// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One flow under test: packets go in, what the flow reader gives out is kept. Used by test_flow_reader.c.
#pragma once

#include <stdlib.h>

#include "dissector/flow_reader.h"
#include "reader_bytes.h"

// One flow, and what it has given out.
struct bench {
	struct yg_flow_reading reading;
	struct yg_flow_reader flow;
	struct yg_segment next; // what every segment starts from
	unsigned dns, tls, http;
	unsigned direction; // of the last record
	char log[2048];     // names, methods and targets of all records
	struct yg_dns last_dns;
	struct yg_tls last_tls;
};

static void emit(void *context, enum yg_da_kind kind, unsigned direction, const void *record)
{
	struct bench *b = context;
	size_t at = strlen(b->log);
	b->direction = direction;
	if (kind == YG_DA_DNS) {
		b->dns++;
		b->last_dns = *(const struct yg_dns *)record;
		snprintf(b->log + at, sizeof b->log - at, "%s;", b->last_dns.qname);
	} else if (kind == YG_DA_TLS) {
		b->tls++;
		b->last_tls = *(const struct yg_tls *)record;
		snprintf(b->log + at, sizeof b->log - at, "%s;", b->last_tls.server_name);
	} else {
		const struct yg_http *http = record;
		b->http++;
		snprintf(b->log + at, sizeof b->log - at, "%s%u%s;", http->method, (unsigned)http->status,
		         http->target);
	}
}

static struct bench *start(uint8_t proto, uint16_t port, uint32_t buffers)
{
	struct bench *b = calloc(1, sizeof *b);
	assert_non_null(b);
	b->reading = (struct yg_flow_reading){.pool = yg_stream_create(buffers), .emit = emit, .context = b};
	b->reading.key = yg_hash_key_replay;
	b->next = (struct yg_segment){.proto = proto, .port = {50000, port}};
	assert_non_null(b->reading.pool);
	return b;
}

static void finish(struct bench *b)
{
	struct yg_stream_stats stats;
	yg_flow_reader_end(&b->reading, &b->flow);
	yg_stream_stats(b->reading.pool, &stats);
	assert_int_equal(stats.in_use, 0); // every buffer came back
	assert_int_equal(stats.taken, stats.released + stats.reclaimed);
	assert_int_equal(b->reading.stats.segments,
	                 b->reading.stats.tcp + b->reading.stats.udp + b->reading.stats.other);
	assert_int_equal(b->reading.stats.dns + b->reading.stats.tls + b->reading.stats.http,
	                 b->dns + b->tls + b->http);
	yg_stream_destroy(b->reading.pool);
	free(b);
}

// The payload in memory of exactly its size, so that the sanitizer sees every byte too far.
static void send_bytes(struct bench *b, unsigned direction, uint32_t seq, const void *data, size_t len)
{
	struct yg_segment s = b->next;
	uint8_t *copy = malloc(len ? len : 1);
	memcpy(copy, data, len);
	s.payload = copy;
	s.len = len;
	s.seq = seq;
	s.direction = (uint8_t)direction;
	yg_flow_reader_add(&b->reading, &b->flow, &s);
	free(copy);
}

static void send_text(struct bench *b, unsigned direction, uint32_t seq, const char *text)
{
	send_bytes(b, direction, seq, text, strlen(text));
}

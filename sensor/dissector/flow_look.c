// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Telling DNS over TCP, TLS and HTTP/1 apart by their first bytes (flow_look.h). Two strengths: a full look, where a
// message must begin (the first bytes of a stream, the byte behind a message), and `begins`, where one may, in the
// middle of something unknown; there only signs count that a body or another protocol hardly ever shows.
#include "dissector/flow_look.h"

#include <string.h>

#include "base/bytes.h"

enum {
	TLS_RECORD = 5,
	PADDING_MAX = 16, // bytes behind a bare acknowledgement that count as padding
};

bool yg_look_is_tls_record(const uint8_t *data, size_t len)
{
	return len >= 3 && data[0] >= 20 && data[0] <= 23 && data[1] == 3 && data[2] <= 4;
}

bool yg_look_is_padding(const uint8_t *data, size_t len, bool dns)
{
	if (len == 0 || len > PADDING_MAX || data[0] != 0)
		return false;
	return !dns || (len > 1 && data[1] == 0); // there one zero may begin a length
}

static bool is_client_hello(const uint8_t *p, size_t len)
{
	return len > TLS_RECORD && p[0] == 22 && yg_look_is_tls_record(p, len) && p[TLS_RECORD] == 1;
}

bool yg_look_is_answer(const uint8_t *data, size_t len)
{
	return len >= 8 && memcmp(data, "HTTP/1.", 7) == 0;
}

// "GET /", "CONNECT host", "HTTP/1.": what a body hardly ever begins a segment with.
static bool is_http_head(const uint8_t *p, size_t len)
{
	if (yg_look_is_answer(p, len))
		return true;
	size_t n = 0;
	while (n < len && n < 20 && ((p[n] >= 'A' && p[n] <= 'Z') || p[n] == '-' || p[n] == '_'))
		n++;
	if (n < 3 || len - n < 2 || p[n] != ' ')
		return false;
	return p[n + 1] == '/' || p[n + 1] == '*' || (p[n + 1] | 0x20) == 'h' ||
	       (n == 7 && memcmp(p, "CONNECT", 7) == 0);
}

static void look_dns(const uint8_t *data, size_t len, struct yg_found *found)
{
	found->kind = YG_DA_DNS;
	found->read = yg_read_dns_tcp(data, len, &found->record.dns, &found->need, &found->used);
}

static void look_tls(const uint8_t *data, size_t len, struct yg_found *found)
{
	found->kind = YG_DA_TLS;
	found->used = len;
	found->read = yg_read_tls(data, len, &found->record.tls, &found->need);
}

static void look_http(const uint8_t *data, size_t len, struct yg_found *found)
{
	found->kind = YG_DA_HTTP;
	found->used = len; // a broken head: all that was looked at
	found->read = yg_read_http(data, len, &found->record.http, &found->need, &found->used);
}

void yg_look(const uint8_t *data, size_t len, bool dns, bool only_dns, struct yg_found *ret_found)
{
	ret_found->read = YG_READ_NO;
	// The plain signs of TLS and HTTP come first: their first bytes can pass for a DNS header.
	if (only_dns || (dns && !is_client_hello(data, len) && !is_http_head(data, len)))
		look_dns(data, len, ret_found);
	if (ret_found->read == YG_READ_NO && !only_dns)
		look_tls(data, len, ret_found);
	if (ret_found->read == YG_READ_NO && !only_dns)
		look_http(data, len, ret_found);
}

bool yg_look_begins(const uint8_t *data, size_t len, bool dns)
{
	if (is_client_hello(data, len) || is_http_head(data, len))
		return true;
	struct yg_found found;
	if (!dns || len < YG_DNS_TCP_MIN)
		return false;
	look_dns(data, len, &found);
	return found.read != YG_READ_NO;
}

bool yg_look_partial(const uint8_t *data, size_t len, struct yg_found *found)
{
	if (found->read != YG_READ_MORE)
		return found->read != YG_READ_NO;
	if (found->kind == YG_DA_TLS)
		return found->record.tls.version != 0;
	if (found->kind == YG_DA_HTTP)
		return found->record.http.response || found->record.http.method[0];
	if (len < YG_DNS_TCP_MIN || yg_read_dns(data + 2, len - 2, &found->record.dns) == YG_READ_NO ||
	    !found->record.dns.qtype)
		return false;
	found->record.dns.malformed = 0; // it is we who stopped
	found->record.dns.size = yg_load16(data);
	return true;
}

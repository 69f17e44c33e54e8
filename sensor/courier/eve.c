// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What all events share: the head of a line, numbers, addresses and times, and the checks a record must pass before it
// is rendered. Addresses are written by hand and not by inet_ntop, which formats through sprintf: there are two in
// every flow line. A test holds them against the C library's text.
#include "courier/eve.h"

#include <math.h>

#include "base/bytes.h"
#include "courier/eve_fields.h"

int yg_eve_init(struct yg_eve *eve, const char *host, const char *timezone, const struct yg_org *orgs,
                uint32_t orgs_count)
{
	struct yg_json json;
	yg_json_init(&json, eve->host, sizeof eve->host);
	yg_json_string_n(&json, "host", host, strnlen(host, 63));
	eve->host_length = json.length;
	eve->orgs = orgs;
	eve->orgs_count = orgs_count;
	return yg_zone_time_init(&eve->zone, timezone);
}

void yg_eve_put_uint(struct yg_json *json, uint64_t value)
{
	char digits[20];
	size_t i = sizeof digits;
	do
		digits[--i] = (char)('0' + value % 10);
	while (value /= 10);
	put_bytes(json, digits + i, sizeof digits - i);
}

static size_t print_v4(const uint8_t *b, char *text)
{
	size_t n = 0;
	for (int i = 0; i < 4; i++) {
		if (i)
			text[n++] = '.';
		if (b[i] >= 100)
			text[n++] = (char)('0' + b[i] / 100);
		if (b[i] >= 10)
			text[n++] = (char)('0' + b[i] / 10 % 10);
		text[n++] = (char)('0' + b[i] % 10);
	}
	return n;
}

// The first of the longest runs of two zero words or more (RFC 5952 4.2). Its length, 0 when there is none.
static int longest_zero_run(const uint16_t word[8], int *ret_start)
{
	int best = 0, start = 0;
	for (int i = 0; i < 8; i++) {
		int run = 0;
		while (i + run < 8 && word[i + run] == 0)
			run++;
		if (run > best) {
			best = run;
			start = i;
		}
		i += run;
	}
	*ret_start = start;
	return best >= 2 ? best : 0;
}

static size_t print_hex(uint16_t word, char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;
	for (int shift = 12; shift >= 0; shift -= 4)
		if (n || shift == 0 || word >> shift)
			text[n++] = hex[word >> shift & 15];
	return n;
}

static size_t print_v6(const uint8_t *b, char *text)
{
	uint16_t word[8];
	for (int i = 0; i < 8; i++)
		word[i] = yg_load16(b + 2 * i);
	int start, run = longest_zero_run(word, &start);
	size_t n = 0;
	// Mapped and compatible IPv4 (RFC 5952 5): the same text as the C library's.
	bool v4 = start == 0 && (run == 6 || (run == 5 && word[5] == 0xffff));
	for (int i = 0; i < (v4 ? 6 : 8); i++) {
		if (run && i == start) {
			text[n++] = ':';
			text[n++] = ':';
			i += run - 1;
			continue;
		}
		if (n && text[n - 1] != ':')
			text[n++] = ':';
		n += print_hex(word[i], text + n);
	}
	if (!v4)
		return n;
	if (text[n - 1] != ':')
		text[n++] = ':';
	return n + print_v4(b + 12, text + n);
}

void yg_eve_put_addr(struct yg_json *json, uint8_t af, const struct yg_addr *addr)
{
	char text[48];
	put_bytes(json, text, af == 4 ? print_v4(addr->b, text) : print_v6(addr->b, text));
}

void yg_eve_put_time(struct yg_json *json, struct yg_eve *eve, int64_t ns)
{
	char text[YG_TIME_TEXT];
	yg_zone_time_print(&eve->zone, ns, text);
	put_bytes(json, text, sizeof text);
}

void yg_eve_put_text(struct yg_json *json, const char *text, size_t size)
{
	json->comma = false;
	yg_json_string_n(json, NULL, text, strnlen(text, size));
}

void yg_eve_put_head(struct yg_json *json, struct yg_eve *eve, int64_t ns, const char *event_type)
{
	put_literal(json, "{\"timestamp\":\"");
	yg_eve_put_time(json, eve, ns);
	put_literal(json, "\",\"event_type\":\"");
	put_word(json, event_type);
	put_literal(json, "\",");
	put_bytes(json, eve->host, eve->host_length);
}

#define ENDS(record, field) (memchr((record)->field, 0, sizeof(record)->field) != NULL)

bool yg_eve_flow_valid(const struct yg_flow *flow)
{
	return (flow->af == 4 || flow->af == 6) && flow->flow_id >> 53 == 0 && flow->event <= YG_FLOW_ENDED &&
	       flow->end < YG_END_COUNT && flow->rank < YG_RANK_COUNT && ENDS(flow, proto_name) &&
	       ENDS(flow, category) && ENDS(flow, server_name) && ENDS(flow, ja3) && ENDS(flow, ja3s) &&
	       ENDS(flow, alpn);
}

static bool is_kind(const char *kind, size_t size)
{
	size_t n = strnlen(kind, size);
	if (n == 0 || n == size)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!(kind[i] >= 'a' && kind[i] <= 'z') && !(kind[i] >= '0' && kind[i] <= '9') && kind[i] != '.' &&
		    kind[i] != '_')
			return false;
	return true;
}

static bool alert_texts_end(const struct yg_alert *alert)
{
	for (int i = 0; i < YG_ORGS_MAX; i++)
		if (!ENDS(alert, orgs_code[i]))
			return false;
	for (int i = 0; i < 6; i++)
		if (!ENDS(alert, vectors[i].name))
			return false;
	return is_kind(alert->kind, sizeof alert->kind) && ENDS(alert, detector) && ENDS(alert, vector) &&
	       ENDS(alert, app_proto) && ENDS(alert, unit) && ENDS(alert, technique) && ENDS(alert, policy_ref) &&
	       ENDS(alert, runbook) && ENDS(alert, text_ja) && ENDS(alert, text_en) && ENDS(alert, org_code) &&
	       ENDS(alert, org_ja) && ENDS(alert, org_en);
}

// What the host added.
static bool alert_host_valid(const struct yg_alert *alert)
{
	unsigned affected = 0;
	for (int i = 0; i < YG_AFFECTED_WORDS; i++)
		affected += (unsigned)__builtin_popcountll(alert->affected[i]);
	return alert->mode < YG_MODE_COUNT && alert->impact < YG_IMPACT_COUNT && alert->learning <= YG_LEARN_FULL &&
	       alert->affected_count == affected && alert->next_ns >= 0 && isfinite(alert->impact_success) && isfinite(alert->impact_usual);
}

bool yg_eve_alert_valid(const struct yg_alert *alert)
{
	if (alert->af != 0 && alert->af != 4 && alert->af != 6)
		return false;
	if (alert->source_af != 0 && alert->source_af != 4 && alert->source_af != 6)
		return false;
	if (alert->target_len > (alert->af == 6 ? 128 : alert->af == 4 ? 32 : 0))
		return false;
	if (alert->top_count > YG_TOP_MAX || alert->series_count > YG_SERIES_MAX || alert->orgs_count > YG_ORGS_MAX ||
	    alert->vectors_count > 6)
		return false;
	for (int i = 0; i < alert->top_count; i++)
		if (alert->top[i].af != 4 && alert->top[i].af != 6)
			return false;
	return alert->sequence != 0 && alert->flow_id >> 53 == 0 && alert->state <= YG_ALERT_CLOSE &&
	       alert->severity < YG_SEV_COUNT && alert->score <= 100 && isfinite(alert->confidence) &&
	       alert_host_valid(alert) && alert_texts_end(alert);
}

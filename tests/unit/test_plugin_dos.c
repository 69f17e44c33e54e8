// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The dos detector through its own ABI: windows go in, alerts come out of host->raise(). The smoothed rates are
// computed here as the engine does, so that a test speaks of packets a second. See also test_plugin_dos_town.c.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yagura/plugin.h"

extern const struct yg_plugin yagura_plugin;

enum { START = 1800000000, KEPT = 8192 };

struct world {
	void *self;
	union yg_value values[16];
	struct yg_host host;
	struct yg_evidence evidence;
	struct yg_alert *out;
	uint32_t count, evidence_calls;
	char log[256];
	int64_t second;
	struct yg_window ema[2]; // of the host and of its service
};

static void on_raise(void *context, const struct yg_alert *alert)
{
	struct world *w = context;
	assert_true(w->count < KEPT);
	w->out[w->count++] = *alert;
}

static const struct yg_org_info *on_org(void *context, uint16_t index)
{
	static const struct yg_org_info town = {"072001", "福島町", "Fukushima Town", 10000000, YG_ORG_NONE, 0};
	(void)context;
	return index == 3 ? &town : NULL;
}

static void on_evidence(void *context, uint8_t af, const struct yg_addr *target, uint8_t len, uint32_t vectors,
                        struct yg_evidence *ret)
{
	struct world *w = context;
	assert_true((af == 4 && len == 32) || (af == 6 && len == 128));
	assert_true(target->b[0] != 0 && !(vectors & 1u << YG_VEC_DOWNLOAD));
	w->evidence_calls++;
	*ret = w->evidence;
}

static void on_log(void *context, int level, const char *text)
{
	struct world *w = context;
	(void)level;
	snprintf(w->log, sizeof w->log, "%s", text);
}

// Values as the config would hand them over: the option table's own defaults.
static void defaults(union yg_value *values)
{
	for (uint32_t i = 0; i < yagura_plugin.options_count; i++) {
		const struct yg_option *o = &yagura_plugin.options[i];
		if (o->type == YG_OPT_DURATION)
			values[i].f = strtod(o->fallback, NULL);
		else
			values[i].i =
			    o->type == YG_OPT_BOOL ? strcmp(o->fallback, "true") == 0 : strtol(o->fallback, NULL, 10);
	}
}

static uint32_t option(const char *path)
{
	for (uint32_t i = 0; i < yagura_plugin.options_count; i++)
		if (strcmp(yagura_plugin.options[i].path, path) == 0)
			return i;
	fail_msg("no option %s", path);
	return 0;
}

static const struct yg_server_info *on_server(void *context, uint8_t af, const struct yg_addr *addr, uint8_t proto, uint16_t port)
{
	static const struct yg_server_info dns = {.af = 4, .port = 53, .org = 3, .role = YG_ROLE_DNS, .name = "ns", .zones = "town.example"};
	(void)context, (void)af, (void)addr, (void)proto;
	return port == 53 ? &dns : NULL;
}

static void create(struct world *w)
{
	w->host = (struct yg_host){sizeof w->host, w, on_raise, on_org, on_evidence, on_log};
	w->host.server = on_server;
	w->out = calloc(KEPT, sizeof *w->out);
	w->second = START;
	w->self = yagura_plugin.create(&w->host, w->values);
	assert_non_null(w->self);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	defaults(w->values);
	create(w);
	w->evidence.packets = 4000;
	w->evidence.sources_at_least = 5120;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	if (w->self)
		yagura_plugin.destroy(w->self);
	free(w->out);
	free(w);
	return 0;
}

static struct yg_window window_of(uint8_t scope, uint64_t line_bps)
{
	struct yg_window w = {.scope = scope,
	                      .af = 4,
	                      .prefix_len = 32,
	                      .org = 3,
	                      .zone = YG_ZONE_INTERNET,
	                      .declared = 1,
	                      .line_bps = line_bps,
	                      .warm = 1};
	memcpy(w.addr.b, (uint8_t[]){203, 0, 113, 10}, 4);
	return w;
}

static void smooth(float *ema, double raw)
{
	*ema += (float)((1 - exp(-1.0 / 5)) * (raw - (double)*ema));
}

static void send_window(struct world *w, struct yg_window *now)
{
	struct yg_window *e = &w->ema[now->scope == YG_SCOPE_SERVICE];
	for (int v = 0; v < YG_VEC_COUNT; v++) {
		smooth(&e->ema_packets[v], now->now.packets[v]);
		smooth(&e->ema_bits[v], (double)now->now.bytes[v] * 8);
	}
	smooth(&e->ema_flows, now->now.flows);
	smooth(&e->ema_handshakes, now->now.handshakes);
	smooth(&e->ema_packets_out, now->now.packets_out);
	smooth(&e->ema_bits_out, (double)now->now.bytes_out * 8);
	memcpy(now->ema_packets, e->ema_packets, sizeof now->ema_packets);
	memcpy(now->ema_bits, e->ema_bits, sizeof now->ema_bits);
	now->ema_flows = e->ema_flows;
	now->ema_handshakes = e->ema_handshakes;
	now->ema_packets_out = e->ema_packets_out;
	now->ema_bits_out = e->ema_bits_out;
	now->second = w->second;
	yagura_plugin.window(w->self, now);
}

static void run(struct world *w, struct yg_window *host, int seconds)
{
	for (int i = 0; i < seconds; i++, w->second++) {
		if (host)
			send_window(w, host);
		yagura_plugin.tick(w->self, w->second);
	}
}

static struct yg_window flood(unsigned vector, uint32_t packets, uint32_t size, uint64_t line_bps)
{
	struct yg_window h = window_of(YG_SCOPE_HOST, line_bps);
	h.now.packets[vector] = packets;
	h.now.bytes[vector] = (uint64_t)packets * size;
	h.now.flows = vector == YG_VEC_SYN ? packets : 1; // other floods: one fixed pair of ports
	return h;
}

// Distinct alerts (by kind, vector and port) among what was raised without hold.
static uint32_t distinct(const struct world *w)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < w->count; i++) {
		bool seen = w->out[i].hold;
		for (uint32_t k = 0; k < i && !seen; k++)
			seen = !w->out[k].hold && strcmp(w->out[k].kind, w->out[i].kind) == 0 &&
			       strcmp(w->out[k].vector, w->out[i].vector) == 0 &&
			       w->out[k].target_port == w->out[i].target_port;
		n += !seen;
	}
	return n;
}

static uint8_t worst(const struct world *w)
{
	uint8_t severity = YG_SEV_INFO;
	for (uint32_t i = 0; i < w->count; i++)
		severity = w->out[i].severity > severity ? w->out[i].severity : severity;
	return severity;
}

static void a_syn_flood_is_told_with_its_numbers_in_both_languages(void **state)
{
	struct world *w = *state;
	w->evidence.ports_count = 1;
	w->evidence.ports[0].port = 443;
	w->evidence.ports[0].share = 1;
	struct yg_window h = flood(YG_VEC_SYN, 48211, 60, 10000000);
	run(w, &h, 10);
	assert_int_equal(distinct(w), 1);
	const struct yg_alert *a = &w->out[w->count - 1];
	assert_string_equal(a->kind, "dos.syn_flood");
	assert_string_equal(
	    a->text_ja,
	    "203.0.113.10（福島町）のポート443にSYNフラッド攻撃の疑い。毎秒48,211パケット（しきい値2,930）、"
	    "送信元は少なくとも5,120。");
	assert_string_equal(
	    a->text_en, "Suspected attack: SYN flood against 203.0.113.10 port 443 (Fukushima Town): 48,211 packets/s "
	                "(threshold 2,930), from at least 5,120 sources.");
	assert_int_equal(a->severity, YG_SEV_HIGH);
	assert_int_equal(a->target_port, 443);
	assert_int_equal(a->proto, 6);
	assert_true(a->observed == 48211 && a->baseline == 0 && fabs(a->threshold - 2929.7) < 0.1);
	assert_true(a->confidence == 0.5f);
	assert_string_equal(a->technique, "T1499.001");
	assert_string_equal(a->runbook, "dos.syn_flood");
	assert_int_equal(a->sample_packets, 4000);
	assert_int_equal(a->series_count, 10);
	assert_true(a->series_start == START && a->series[9] == 48211.0f);
	assert_true(a->first_ns == START * INT64_C(1000000000));
}

static void each_vector_has_its_kind(void **state)
{
	static const struct {
		unsigned vector;
		const char *kind, *name;
	} table[] = {
	    {YG_VEC_SYN, "dos.syn_flood", "syn"},
	    {YG_VEC_UDP, "dos.udp_flood", "udp"},
	    {YG_VEC_ICMP, "dos.icmp_flood", "icmp"},
	    {YG_VEC_ACK, "dos.ack_flood", "ack"},
	    {YG_VEC_RST, "dos.ack_flood", "rst"},
	    {YG_VEC_FIN, "dos.ack_flood", "fin"},
	    {YG_VEC_SYNACK, "dos.ack_flood", "syn_ack"},
	    {YG_VEC_FRAGMENT, "dos.fragment_flood", "fragment"},
	    {YG_VEC_OTHER, "dos.other_flood", "other"},
	    {YG_VEC_MALFORMED, "dos.other_flood", "malformed"},
	    {YG_VEC_NULL_XMAS, "dos.other_flood", "null_xmas"},
	    {YG_VEC_TCP_FLOW, "dos.volume", "tcp"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		w->count = 0;
		memset(w->ema, 0, sizeof w->ema);
		yagura_plugin.gap(w->self, 0, 1);
		struct yg_window h = flood(table[i].vector, 4000, 60, 0);
		run(w, &h, 5);
		assert_int_equal(distinct(w), 1);
		assert_string_equal(w->out[0].kind, table[i].kind);
		assert_string_equal(w->out[0].vector, table[i].name);
	}
}

static void version_six_is_the_same(void **state)
{
	struct world *w = *state;
	struct yg_window h = flood(YG_VEC_ICMP, 6700, 60, 0);
	h.af = 6;
	h.prefix_len = 128;
	memcpy(h.addr.b, (uint8_t[]){0x20, 0x01, 0x0d, 0xb8, [15] = 1}, 16);
	run(w, &h, 5);
	assert_int_equal(distinct(w), 1);
	assert_int_equal(w->out[0].target_len, 128);
	assert_int_equal(w->out[0].proto, 58);
	assert_non_null(strstr(w->out[0].text_ja, "2001:db8::1（福島町）にICMPフラッド攻撃の疑い"));
}

static void one_second_above_the_threshold_is_no_attack(void **state)
{
	struct world *w = *state;
	struct yg_window h = flood(YG_VEC_UDP, 4000, 60, 0), quiet = window_of(YG_SCOPE_HOST, 0);
	run(w, &h, 1);
	run(w, &quiet, 60);
	assert_int_equal(w->count, 0);
}

static void below_the_threshold_it_holds_and_then_falls_silent(void **state)
{
	struct world *w = *state;
	struct yg_window h = flood(YG_VEC_UDP, 2000, 60, 0), less = flood(YG_VEC_UDP, 800, 60, 0),
	                 low = flood(YG_VEC_UDP, 600, 60, 0);
	run(w, &h, 5);
	uint32_t raised = w->count;
	run(w, &less, 10);
	assert_int_equal(w->count, raised + 10);
	assert_int_equal(w->out[raised].hold, 1);
	run(w, &low, 29); // below 0.7 H: not a word, and not over yet
	assert_int_equal(w->count, raised + 10);
	run(w, &h, 1);
	assert_int_equal(w->out[w->count - 1].hold, 0);
	assert_int_equal(distinct(w), 1);
	assert_true(w->out[w->count - 1].first_ns == START * INT64_C(1000000000));
}

static void several_vectors_are_listed_and_the_dominant_one_names_it(void **state)
{
	struct world *w = *state;
	struct yg_window h = flood(YG_VEC_UDP, 6000, 60, 0);
	h.now.packets[YG_VEC_SYN] = 3000;
	h.now.packets[YG_VEC_ICMP] = 900;
	run(w, &h, 3);
	const struct yg_alert *a = &w->out[0];
	assert_string_equal(a->kind, "dos.udp_flood");
	assert_int_equal(a->vectors_count, 2);
	assert_string_equal(a->vectors[1].name, "syn");
	assert_true(fabsf(a->vectors[0].share - 6000.0f / 9900.0f) < 1e-5f);
	assert_non_null(strstr(a->text_en, "; udp 61%, syn 30%"));
	yagura_plugin.gap(w->self, 0, 1);
	memset(w->ema, 0, sizeof w->ema);
	w->count = 0;
	h.now.packets[YG_VEC_UDP] = h.now.packets[YG_VEC_ICMP] = 3000;
	run(w, &h, 3);
	assert_string_equal(w->out[0].kind, "dos.volume");
	assert_string_equal(w->out[0].vector, "mixed");
}

static void an_attack_that_changes_its_kind_for_good_gets_a_new_alert(void **state)
{
	struct world *w = *state;
	struct yg_window udp = flood(YG_VEC_UDP, 4000, 60, 0), syn = flood(YG_VEC_SYN, 4000, 60, 0);
	run(w, &udp, 10);
	run(w, &syn, 20);
	assert_int_equal(distinct(w), 1);
	run(w, &syn, 20);
	assert_int_equal(distinct(w), 2);
	assert_string_equal(w->out[w->count - 1].kind, "dos.syn_flood");
}

static void what_the_host_began_never_counts(void **state)
{
	struct world *w = *state;
	struct yg_window h = flood(YG_VEC_DOWNLOAD, 90000, 1500, 10000000);
	h.now.flows = 0;
	run(w, &h, 60);
	assert_int_equal(w->count, 0);
}

static void a_flash_crowd_is_at_most_low(void **state)
{
	struct world *w = *state;
	struct yg_window h = window_of(YG_SCOPE_HOST, 10000000);
	h.now.packets[YG_VEC_SYN] = h.now.flows = 2000;
	h.now.bytes[YG_VEC_SYN] = 2000 * 60;
	h.now.handshakes = 1950;
	h.now.packets[YG_VEC_TCP_FLOW] = 20000;
	h.now.bytes[YG_VEC_TCP_FLOW] = 20000 * 120;
	h.now.packets_out = 24000;
	h.now.bytes_out = 24000 * 1200;
	run(w, &h, 60);
	assert_true(w->count > 0);
	assert_int_equal(worst(w), YG_SEV_LOW);
	assert_int_equal(distinct(w), 1);
	assert_string_equal(w->out[0].kind, "dos.volume");
	w->count = 0;
	yagura_plugin.gap(w->self, 0, 1);
	h.line_bps = 0; // without a declared line a crowd is no news at all
	run(w, &h, 60);
	assert_int_equal(w->count, 0);
}

static void a_syn_flood_during_a_flash_crowd_takes_over(void **state)
{
	struct world *w = *state;
	struct yg_window h = window_of(YG_SCOPE_HOST, 10000000);
	h.now.packets[YG_VEC_SYN] = h.now.flows = h.now.handshakes = 2000;
	h.now.packets_out = 24000;
	run(w, &h, 10);
	assert_int_equal(worst(w), YG_SEV_LOW);
	h.now.packets[YG_VEC_SYN] = h.now.flows = 30000;
	run(w, &h, 10);
	assert_int_equal(distinct(w), 2);
	assert_string_equal(w->out[w->count - 1].kind, "dos.syn_flood");
	assert_int_equal(worst(w), YG_SEV_HIGH);
}

static void uploads_and_served_downloads_are_at_most_low(void **state)
{
	struct world *w = *state;
	struct yg_window up = window_of(YG_SCOPE_HOST, 10000000), down = up;
	up.now.packets[YG_VEC_TCP_FLOW] = 8000;
	up.now.bytes[YG_VEC_TCP_FLOW] = 8000 * 1500;
	up.now.packets_out = 1000;
	up.now.bytes_out = 52000;
	run(w, &up, 30);
	assert_int_equal(worst(w), YG_SEV_LOW);
	yagura_plugin.gap(w->self, 0, 1);
	w->count = 0;
	down.now.packets[YG_VEC_TCP_FLOW] = 40000; // acknowledgements of what it sends
	down.now.bytes[YG_VEC_TCP_FLOW] = 40000 * 52;
	down.now.packets_out = 80000;
	down.now.bytes_out = UINT64_C(120000000);
	run(w, &down, 30);
	assert_int_equal(w->count, 0);
}

static void udp_to_a_service_that_answers_is_business(void **state)
{
	struct world *w = *state;
	struct yg_window h = flood(YG_VEC_UDP, 3000, 80, 0), s = h;
	h.now.packets_out = s.now.packets_out = 2900;
	s.scope = YG_SCOPE_SERVICE;
	s.proto = 17;
	s.port = 53;
	for (int i = 0; i < 30; i++, w->second++) {
		send_window(w, i % 2 ? &h : &s); // whatever the order
		send_window(w, i % 2 ? &s : &h);
		yagura_plugin.tick(w->self, w->second);
	}
	assert_int_equal(w->count, 0);
	run(w, &h, 5); // the same with nobody answering on a service
	assert_string_equal(w->out[0].kind, "dos.udp_flood");
}

static uint32_t raised_by_udp(struct world *w, uint16_t port, uint32_t packets, uint32_t size)
{
	struct yg_window h = flood(YG_VEC_UDP, packets, size, 100000000), s = h;
	s.scope = YG_SCOPE_SERVICE;
	s.proto = 17;
	s.port = port;
	h.now.flows = s.now.flows = packets;
	yagura_plugin.gap(w->self, 0, 1);
	w->count = 0;
	for (unsigned i = 0; i < 5; i++) {
		send_window(w, &s);
		run(w, &h, 1);
	}
	return w->count;
}

static void queries_to_a_declared_dns_server_are_left_to_dnsflood(void **state)
{
	struct world *w = *state;
	assert_int_equal(raised_by_udp(w, 53, 40000, 80), 0);
	assert_true(raised_by_udp(w, 54, 40000, 80) > 0);   // no DNS server is declared there
	assert_true(raised_by_udp(w, 53, 40000, 600) > 0);  // no query is as long
	assert_true(raised_by_udp(w, 53, 400000, 80) > 0);  // the line is full
}

static void a_port_scan_is_left_to_the_scan_detector(void **state)
{
	struct world *w = *state;
	w->evidence.sources_at_least = 1;
	w->evidence.ports_count = YG_TOP_MAX;
	for (int i = 0; i < YG_TOP_MAX; i++)
		w->evidence.ports[i].share = 0.001f;
	struct yg_window h = flood(YG_VEC_SYN, 1000, 60, 0);
	h.now.packets_out = 1000;
	run(w, &h, 5);
	assert_int_equal(w->count, 0);
	h = flood(YG_VEC_SYN, 22000, 60, 0); // at this rate it is an attack, whatever it looks for
	run(w, &h, 2);
	assert_string_equal(w->out[0].kind, "dos.syn_flood");
}

static uint32_t raised_by_fragments(struct world *w, uint32_t sources, uint32_t answers, uint64_t line_bps)
{
	w->evidence.sources_at_least = sources;
	w->count = 0;
	w->second += 300;
	memset(w->ema, 0, sizeof w->ema);
	struct yg_window h = flood(YG_VEC_FRAGMENT, 1400, 1500, line_bps);
	h.now.packets_out = answers;
	run(w, &h, 3);
	uint32_t count = w->count;
	run(w, NULL, 120);
	return count;
}

static void large_datagrams_that_one_peer_is_answered_are_no_fragment_flood(void **state)
{
	struct world *w = *state;
	assert_int_equal(raised_by_fragments(w, 1, 150, 0), 0);
	assert_true(raised_by_fragments(w, 2, 150, 0) > 0);
	assert_true(raised_by_fragments(w, 1, 50, 0) > 0);
	assert_true(raised_by_fragments(w, 1, 150, 10000000) > 0); // a third of the line and more is told
}

static struct yg_window service(uint32_t syns, uint32_t done)
{
	struct yg_window s = window_of(YG_SCOPE_SERVICE, 0);
	s.proto = 6;
	s.port = 80;
	s.now.packets[YG_VEC_SYN] = s.now.flows = syns;
	s.now.handshakes = done;
	return s;
}

static void run_both(struct world *w, uint32_t syns, uint32_t done, int seconds)
{
	struct yg_window s = service(syns, done), h = s;
	h.scope = YG_SCOPE_HOST;
	for (int i = 0; i < seconds; i++, w->second++) {
		send_window(w, &h);
		send_window(w, &s);
		yagura_plugin.tick(w->self, w->second);
	}
}

static void a_slow_syn_flood_is_found_by_the_change_of_completion(void **state)
{
	struct world *w = *state;
	run_both(w, 20, 20, 120);
	assert_int_equal(w->count, 0);
	run_both(w, 90, 20, 60);
	assert_true(w->count > 0);
	assert_int_equal(distinct(w), 1);
	assert_string_equal(w->out[0].kind, "dos.syn_flood");
	assert_int_equal(w->out[0].severity, YG_SEV_MEDIUM);
	assert_true(w->out[0].target_port == 80 && w->out[0].org == 3);
	assert_string_equal(w->out[0].unit, "incomplete SYNs/s"); // the sentence says requests: lifecycle_record.c knows
	assert_int_equal(w->out[0].window_s, 20);
	uint32_t before = w->count;
	run_both(w, 20, 20, 100);
	assert_true(w->count <= before + 20); // the alarm ends with the period
}

static void a_slow_flood_that_grows_stays_one_alert_and_becomes_high(void **state)
{
	struct world *w = *state;
	run_both(w, 20, 20, 60);
	run_both(w, 90, 20, 60);
	run_both(w, 20000, 20, 30);
	assert_int_equal(distinct(w), 1);
	assert_int_equal(worst(w), YG_SEV_HIGH);
}

static void what_the_slow_path_still_says_after_a_fast_flood_changes_no_number(void **state)
{
	struct world *w = *state;
	run_both(w, 5000, 0, 25);
	assert_true(w->count > 0);
	uint32_t before = w->count;
	run(w, NULL, 100);
	assert_true(w->count > before); // the alarm lasts until its period ends
	for (uint32_t i = before; i < w->count; i++)
		assert_true(w->out[i].hold);
}

static void a_few_lost_handshakes_are_weather(void **state)
{
	struct world *w = *state;
	run_both(w, 6, 0, 300);
	run_both(w, 60, 55, 300);
	assert_int_equal(w->count, 0);
}

static void vectors_without_a_flow_mean_nothing_after_a_start(void **state)
{
	struct world *w = *state;
	struct yg_window h = flood(YG_VEC_ACK, 9000, 60, 0);
	h.warm = 0;
	run(w, &h, 20);
	assert_int_equal(w->count, 0);
	h.warm = 1;
	run(w, &h, 2);
	assert_string_equal(w->out[0].kind, "dos.ack_flood");
}

static void a_one_way_mirror_lowers_confidence_and_says_so(void **state)
{
	struct world *w = *state;
	struct yg_window h = flood(YG_VEC_SYN, 9000, 60, 0);
	h.one_way = 0.95f;
	run(w, &h, 3);
	assert_true(fabsf(w->out[0].confidence - 0.35f) < 1e-6f);
	assert_non_null(strstr(w->out[0].text_ja, "片方向"));
}

static void new_flows_without_an_answer_count_by_themselves(void **state)
{
	struct world *w = *state;
	struct yg_window h = flood(YG_VEC_UDP, 500, 60, 0);
	h.now.flows = 500;
	run(w, &h, 5);
	assert_string_equal(w->out[0].kind, "dos.udp_flood");
	assert_string_equal(w->out[0].unit, "flows/s");
	w->count = 0;
	yagura_plugin.gap(w->self, 0, 1);
	h.now.packets_out = 480; // a name server's day
	run(w, &h, 5);
	assert_int_equal(w->count, 0);
}

static void a_full_table_is_counted_and_keeps_the_hottest(void **state)
{
	struct world *w = *state;
	yagura_plugin.destroy(w->self);
	w->values[option("hosts")].i = 16;
	w->values[option("services")].i = 16;
	w->self = yagura_plugin.create(&w->host, w->values);
	for (int s = 0; s < 3; s++, w->second++) {
		for (uint8_t i = 0; i < 200; i++) {
			struct yg_window h = flood(YG_VEC_UDP, i < 100 ? 300 : 3000, 60, 0), v = service(500, 0);
			h.second = v.second = w->second;
			h.addr.b[3] = v.addr.b[3] = i;
			yagura_plugin.window(w->self, &h);
			yagura_plugin.window(w->self, &v);
		}
		yagura_plugin.tick(w->self, w->second);
	}
	assert_int_equal(w->count, 32); // sixteen victims in two seconds
	for (uint32_t i = 0; i < w->count; i++)
		assert_true(w->out[i].target.b[3] >= 100);
	yagura_plugin.destroy(w->self);
	w->self = NULL;
	assert_non_null(strstr(w->log, "without a place"));
}

static void stated_memory_grows_with_the_tables(void **state)
{
	struct world *w = *state;
	uint64_t small = yagura_plugin.memory_max(w->values);
	w->values[option("hosts")].i = 65536;
	assert_true(yagura_plugin.memory_max(w->values) > small + 60000 * sizeof(struct yg_rates));
	assert_true(small < 16 << 20);
}

static void random_windows_break_nothing(void **state)
{
	struct world *w = *state;
	srand(1);
	for (int s = 0; s < 400; s++, w->second++) {
		w->count = 0;
		for (int i = 0; i < 40; i++) {
			struct yg_window r = flood((unsigned)rand() % YG_VEC_COUNT, (uint32_t)rand() % 90000, 700,
			                           rand() % 2 ? 0 : 5000000);
			r.now.handshakes = rand() % 2 ? (uint32_t)rand() : 0;
			r.now.packets_out = (uint32_t)rand() % 3000;
			r.scope = rand() % 3 ? YG_SCOPE_HOST : YG_SCOPE_SERVICE;
			r.proto = rand() % 2 ? 6 : 17;
			r.port = (uint16_t)(rand() % 50);
			r.addr.b[2] = (uint8_t)(rand() % 4);
			r.second = w->second;
			yagura_plugin.window(w->self, &r);
		}
		yagura_plugin.tick(w->self, w->second);
		for (uint32_t i = 0; i < w->count; i++) {
			const struct yg_alert *a = &w->out[i];
			assert_true(a->hold ||
			            (a->text_ja[0] && a->text_en[0] && isfinite(a->observed) && a->threshold > 0));
			assert_true(a->vectors_count <= 6 && a->series_count <= YG_SERIES_MAX && a->score <= 100);
		}
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_syn_flood_is_told_with_its_numbers_in_both_languages),
	    T(each_vector_has_its_kind),
	    T(version_six_is_the_same),
	    T(one_second_above_the_threshold_is_no_attack),
	    T(below_the_threshold_it_holds_and_then_falls_silent),
	    T(several_vectors_are_listed_and_the_dominant_one_names_it),
	    T(an_attack_that_changes_its_kind_for_good_gets_a_new_alert),
	    T(what_the_host_began_never_counts),
	    T(a_flash_crowd_is_at_most_low),
	    T(a_syn_flood_during_a_flash_crowd_takes_over),
	    T(uploads_and_served_downloads_are_at_most_low),
	    T(udp_to_a_service_that_answers_is_business),
	    T(queries_to_a_declared_dns_server_are_left_to_dnsflood),
	    T(a_port_scan_is_left_to_the_scan_detector),
	    T(a_slow_syn_flood_is_found_by_the_change_of_completion),
	    T(a_slow_flood_that_grows_stays_one_alert_and_becomes_high),
	    T(what_the_slow_path_still_says_after_a_fast_flood_changes_no_number),
	    T(large_datagrams_that_one_peer_is_answered_are_no_fragment_flood),
	    T(a_few_lost_handshakes_are_weather),
	    T(vectors_without_a_flow_mean_nothing_after_a_start),
	    T(a_one_way_mirror_lowers_confidence_and_says_so),
	    T(new_flows_without_an_answer_count_by_themselves),
	    T(a_full_table_is_counted_and_keeps_the_hottest),
	    T(stated_memory_grows_with_the_tables),
	    T(random_windows_break_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

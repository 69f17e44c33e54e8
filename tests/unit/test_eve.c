// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// EVE lines: their very text, what hostile records do to them, the limits of their buffers; times in zones, addresses,
// kinds.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "courier/eve.h"
#include "courier/eve_fields.h"
#include "courier/risk_names.h"
#include "model/flow.h"
#include "model/kinds.h"
#include "json_reader.h"

static struct yg_eve eve;
static const struct yg_org orgs[2] = {{.code = "072001"}, {.code = "072028"}};
static char line[YG_EVE_ALERT_MAX];

static int use_tokyo(void **state)
{
	(void)state;
	return yg_eve_init(&eve, "egress \"1\"", "Asia/Tokyo", orgs, 2);
}

static struct yg_flow dns_flow(void)
{
	struct yg_flow flow = {
		.flow_id = 4711,
		.first_ns = INT64_C(1795244645123456789),
		.last_ns = INT64_C(1795244647000000000),
		.event_ns = INT64_C(1795244707000001000),
		.port = {40123, 53},
		.proto = 17,
		.af = 4,
		.vlan = 100,
		.org = {1, YG_ORG_NONE},
		.zone = {YG_ZONE_INTERNET, YG_ZONE_NONE},
		.packets = {1, 2},
		.bytes = {60, 512},
		.rank = YG_RANK_ANSWERED,
		.event = YG_FLOW_ENDED,
		.end = YG_END_IDLE,
		.confidence = YG_CONF_PORT,
		.proto_master = 5,
		.risks = 0x20,
		.proto_name = "DNS",
		.category = "Network",
		.server_name = "www.example.jp",
		.addr = {{{203, 0, 113, 10}}, {{198, 51, 100, 7}}},
	};
	return flow;
}

static struct yg_alert syn_flood(void)
{
	struct yg_alert alert = {
		.kind = "dos.syn_flood",
		.detector = "dos",
		.id = 0xabc,
		.sequence = 7,
		.time_ns = INT64_C(1795244645123456789),
		.first_ns = INT64_C(1795244640000000000),
		.severity = YG_SEV_HIGH,
		.mode = YG_MODE_PAGE,
		.sla_minutes = 15,
		.learning = YG_LEARN_SHORT,
		.af = 4,
		.proto = 6,
		.target_len = 32,
		.target = {{203, 0, 113, 10}},
		.target_port = 443,
		.score = 92,
		.confidence = 0.9f,
		.vector = "syn",
		.observed = 48211,
		.threshold = 2930,
		.unit = "packets/s",
		.window_s = 3,
		.count = 1,
		.technique = "T1499.001",
		.text_ja = "攻撃",
		.text_en = "attack",
		.org_code = "072001",
		.org_ja = "例市",
		.org_en = "Example",
		.orgs_count = 1,
		.orgs_code = {"072001"},
		.top_count = 1,
		.top = {{.addr = {{198, 51, 100, 7}}, .af = 4, .share = 0.5f}},
	};
	return alert;
}

static const char *render_flow(const struct yg_flow *flow)
{
	assert_true(yg_eve_flow_valid(flow));
	size_t n = yg_eve_flow(&eve, flow, line, YG_EVE_FLOW_MAX);
	assert_true(n > 0 && line[n] == 0 && line[n - 1] == '\n');
	return line;
}

static const char *render_alert(const struct yg_alert *alert)
{
	assert_true(yg_eve_alert_valid(alert));
	size_t n = yg_eve_alert(&eve, alert, line, YG_EVE_ALERT_MAX);
	assert_true(n > 0 && line[n] == 0 && line[n - 1] == '\n');
	return line;
}

#define assert_has(text, part) assert_non_null(strstr((text), (part)))
#define assert_has_not(text, part) assert_null(strstr((text), (part)))

static void a_flow_is_this_line(void **state)
{
	struct yg_flow flow = dns_flow();
	(void)state;
	assert_string_equal(
	    render_flow(&flow),
	    "{\"timestamp\":\"2026-11-21T16:05:07.000001+0900\",\"event_type\":\"flow\",\"host\":\"egress "
	    "\\\"1\\\"\",\"flow_id\":4711,"
	    "\"vlan\":[100],\"src_ip\":\"203.0.113.10\",\"src_port\":40123,\"dest_ip\":\"198.51.100.7\",\"dest_port\":"
	    "53,"
	    "\"proto\":\"UDP\",\"app_proto\":\"dns\",\"community_id\":\"1:5Pw6HCltDXxXVdAhy5hOfb6lG1Q=\","
	    "\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":2,\"bytes_toserver\":60,\"bytes_toclient\":512,"
	    "\"start\":\"2026-11-21T16:04:05.123456+0900\",\"end\":\"2026-11-21T16:04:07.000000+0900\",\"age\":1,"
	    "\"state\":\"established\",\"reason\":\"timeout\",\"alerted\":false},"
	    "\"ndpi\":{\"proto\":\"DNS\",\"master_id\":5,\"app_id\":0,\"category\":\"Network\",\"confidence\":\"Match "
	    "by port\","
	    "\"risks\":[{\"id\":5,\"name\":\"Known Protocol on Non Standard Port\"}],\"hostname\":\"www.example.jp\","
	    "\"org\":{\"src\":\"072028\",\"dest\":\"\"},\"zone\":{\"src\":\"internet\",\"dest\":\"\"},\"end\":\"idle\","
	    "\"rank\":\"answered\"}}\n");
}

static void a_tcp_flow_has_flags_and_state(void **state)
{
	struct yg_flow flow = dns_flow();
	(void)state;
	flow.proto = 6;
	flow.tcp_flags[0] = 0x02;
	flow.tcp_flags[1] = 0x14;
	flow.tcp_state = YG_TCP_RESET;
	flow.end = YG_END_RESET;
	const char *text = render_flow(&flow);
	assert_has(text, "\"tcp\":{\"tcp_flags\":\"16\",\"tcp_flags_ts\":\"02\",\"tcp_flags_tc\":\"14\",\"syn\":true,"
	                 "\"rst\":true,\"ack\":true,");
	assert_has(text, "\"state\":\"closed\",\"reason\":\"timeout\"");
}

static void icmp_has_type_and_code_and_no_ports(void **state)
{
	struct yg_flow flow = dns_flow();
	(void)state;
	flow.proto = 1;
	flow.icmp_type = 3;
	flow.icmp_code = 4;
	flow.port[0] = 3;
	flow.port[1] = 4;
	const char *text = render_flow(&flow);
	assert_has(text, "\"icmp_type\":3,\"icmp_code\":4");
	assert_has_not(text, "_port\"");
}

static void app_proto_is_the_master_in_lower_case(void **state)
{
	static const char *const names[][2] = {
		{"TLS.Google", "\"app_proto\":\"tls\""},  {"QUIC.YouTube", "\"app_proto\":\"quic\""},
		{"Unknown", "\"app_proto\":\"failed\""},  {"", "\"app_proto\":\"failed\""},
		{"IP_ICMP", "\"app_proto\":\"ip_icmp\""},
	};
	struct yg_flow flow = dns_flow();
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		memset(flow.proto_name, 0, sizeof flow.proto_name);
		memcpy(flow.proto_name, names[i][0], strlen(names[i][0]));
		assert_has(render_flow(&flow), names[i][1]);
	}
}

static void reasons_of_eve_follow_the_end(void **state)
{
	static const char *const reasons[YG_END_COUNT] = {"unknown", "timeout", "timeout", "timeout",
	                                                  "forced",  "timeout", "shutdown"};
	struct yg_flow flow = dns_flow();
	char expected[32] = "\"reason\":\"";
	(void)state;
	for (uint8_t end = 0; end < YG_END_COUNT; end++) {
		flow.end = end;
		strcpy(expected + 10, reasons[end]);
		assert_has(render_flow(&flow), expected);
	}
}

static void hostile_text_is_escaped(void **state)
{
	struct yg_flow flow = dns_flow();
	(void)state;
	memcpy(flow.server_name, "a\"b\\c\nd\x1b[2J\xff\xc0\x80<", 16);
	flow.server_name[16] = 0;
	assert_has(render_flow(&flow),
	           "\"hostname\":\"a\\\"b\\\\c\\nd\\u001b[2J\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd<\"");
}

static void records_that_cannot_be_are_refused(void **state)
{
	struct yg_flow good = dns_flow(), bad = good;
	(void)state;
	assert_true(yg_eve_flow_valid(&good));
	memset(bad.server_name, 'a', sizeof bad.server_name);
	assert_false(yg_eve_flow_valid(&bad));
	bad = good;
	bad.flow_id = UINT64_C(1) << 53;
	assert_false(yg_eve_flow_valid(&bad));
	bad = good;
	bad.af = 5;
	assert_false(yg_eve_flow_valid(&bad));
	memset(&bad, 0xff, sizeof bad);
	assert_false(yg_eve_flow_valid(&bad));
	bad = good;
	bad.end = YG_END_COUNT;
	assert_false(yg_eve_flow_valid(&bad));
}

static void alerts_that_cannot_be_are_refused(void **state)
{
	struct yg_alert good = syn_flood(), bad;
	(void)state;
	assert_true(yg_eve_alert_valid(&good));
#define REFUSED(change)                                                                                                \
	do {                                                                                                           \
		bad = good;                                                                                            \
		change;                                                                                                \
		assert_false(yg_eve_alert_valid(&bad));                                                                \
	} while (0)
	REFUSED(bad.sequence = 0);
	REFUSED(bad.target_len = 33);
	REFUSED(bad.af = 0);
	REFUSED(bad.top_count = YG_TOP_MAX + 1);
	REFUSED(bad.series_count = YG_SERIES_MAX + 1);
	REFUSED(bad.orgs_count = YG_ORGS_MAX + 1);
	REFUSED(bad.vectors_count = 7);
	REFUSED(bad.severity = YG_SEV_COUNT);
	REFUSED(bad.state = 3);
	REFUSED(bad.score = 101);
	REFUSED(bad.confidence = __builtin_nanf(""));
	REFUSED(bad.top[0].af = 9);
	REFUSED(memset(bad.text_ja, 'x', sizeof bad.text_ja));
	REFUSED(memset(bad.orgs_code[7], 'x', sizeof bad.orgs_code[7]));
	REFUSED(bad.kind[0] = '"');
	REFUSED(bad.kind[0] = 0);
	REFUSED(bad.mode = YG_MODE_COUNT);
	REFUSED(bad.impact = YG_IMPACT_COUNT);
	REFUSED(bad.learning = YG_LEARN_FULL + 1);
	REFUSED(bad.affected_count = 1);
	REFUSED(bad.affected[15] = 1);
	REFUSED(bad.next_ns = -1);
	REFUSED(bad.impact_usual = __builtin_inff());
}

static void an_alert_is_a_suricata_alert(void **state)
{
	struct yg_alert alert = syn_flood();
	(void)state;
	const char *text = render_alert(&alert);
	assert_has(
	    text,
	    "{\"timestamp\":\"2026-11-21T16:04:05.123456+0900\",\"event_type\":\"alert\",\"host\":\"egress \\\"1\\\"\","
	    "\"src_ip\":\"0.0.0.0\",\"dest_ip\":\"203.0.113.10\",\"dest_port\":443,\"proto\":\"TCP\",\"app_proto\":"
	    "\"failed\","
	    "\"alert\":{\"action\":\"allowed\",\"gid\":1,\"signature_id\":8050002,\"rev\":1,\"signature\":\"YAGURA SYN "
	    "flood\","
	    "\"category\":\"Denial of Service\",\"severity\":1,\"metadata\":{\"signature_severity\":[\"Major\"],"
	    "\"mitre_technique_id\":[\"T1499.001\"],\"confidence\":[\"High\"],\"organization\":[\"072001\"]},"
	    "\"context\":{\"id\":\"0000000000000abc\",\"sequence\":7,\"kind\":\"dos.syn_flood\"");
	assert_has(
	    text,
	    "\"first_seen\":\"2026-11-21T16:04:00.000000+0900\",\"last_seen\":\"2026-11-21T16:04:05.123456+0900\"");
	assert_has(text,
	           "\"org\":{\"code\":\"072001\",\"name_ja\":\"例市\",\"name_en\":\"Example\"},\"orgs\":[\"072001\"]");
	assert_has(text, "\"top\":[{\"ip\":\"198.51.100.7\",\"share\":0.5}]");
	assert_has_not(text, "flow_id");
	assert_has_not(text, "policy_ref");
	assert_has_not(text, "null");
}

static void a_prefix_stands_in_the_context_alone(void **state)
{
	struct yg_alert alert = syn_flood();
	(void)state;
	alert.target_len = 24;
	alert.target.b[3] = 0;
	const char *text = render_alert(&alert);
	assert_has(text, "\"dest_ip\":\"0.0.0.0\",\"proto\"");
	assert_has(text, "\"target\":\"203.0.113.0/24\"");
	alert.af = 6;
	alert.target_len = 0;
	text = render_alert(&alert);
	assert_has(text, "\"src_ip\":\"::\",\"dest_ip\":\"::\"");
	assert_has(text, "\"target\":\"\"");
}

static void an_alert_about_one_flow_has_its_names(void **state)
{
	struct yg_alert alert = syn_flood();
	(void)state;
	alert.flow_id = 99;
	alert.source_af = 4;
	alert.source = (struct yg_addr){{198, 51, 100, 7}};
	alert.source_port = 40000;
	const char *text = render_alert(&alert);
	assert_has(text, "\"flow_id\":99,\"src_ip\":\"198.51.100.7\",\"src_port\":40000,");
	assert_has(text, "\"community_id\":\"1:");
}

static void a_series_is_a_chart(void **state)
{
	struct yg_alert alert = syn_flood();
	(void)state;
	alert.series_count = 2;
	alert.series[0] = 1.5f;
	alert.series[1] = 2;
	alert.series_start = 1795244645;
	alert.series_step_s = 1;
	assert_has(render_alert(&alert), "\"series\":{\"start\":\"2026-11-21T16:04:05.000000+0900\",\"step_s\":1,"
	                                 "\"values\":[1.5,2.0],\"low\":0.0,\"high\":0.0}");
}

static void a_kind_of_a_strange_detector_has_the_last_id(void **state)
{
	struct yg_alert alert = syn_flood();
	(void)state;
	memcpy(alert.kind, "own.kind", 9);
	assert_has(render_alert(&alert),
	           "\"signature_id\":8059999,\"rev\":1,\"signature\":\"YAGURA own.kind\",\"category\":\"Other\"");
}

// Every text as long as it can be, of characters that grow sixfold; every number of its longest.
static void the_longest_records_fit(void **state)
{
	struct yg_flow flow;
	struct yg_alert alert;
	(void)state;
	memset(&flow, 1, sizeof flow);
	memset(&alert, 1, sizeof alert);
	flow.af = 6;
	flow.proto = 6;
	flow.end = YG_END_IDLE;
	flow.flow_id = (UINT64_C(1) << 53) - 1;
	flow.risks = flow.packets[0] = flow.bytes[0] = UINT64_MAX;
	flow.proto_name[47] = flow.category[31] = flow.server_name[255] = flow.ja3[35] = flow.ja3s[35] = flow.alpn[31] =
	    0;
	render_flow(&flow);
	memset(alert.kind, 'a', sizeof alert.kind);
	alert.kind[31] = alert.detector[31] = alert.vector[23] = alert.app_proto[23] = alert.unit[19] = 0;
	alert.technique[15] = alert.policy_ref[95] = alert.runbook[31] = alert.text_ja[511] = alert.text_en[511] = 0;
	alert.org_code[15] = alert.org_ja[95] = alert.org_en[95] = 0;
	alert.af = alert.source_af = 6;
	alert.target_len = 127;
	alert.flow_id = 1;
	alert.top_count = YG_TOP_MAX;
	alert.series_count = YG_SERIES_MAX;
	alert.orgs_count = YG_ORGS_MAX;
	alert.vectors_count = 6;
	alert.observed = alert.threshold = alert.baseline = alert.peak = -1.7e308;
	for (int i = 0; i < YG_SERIES_MAX; i++)
		alert.series[i] = -3.4e38f;
	for (int i = 0; i < YG_ORGS_MAX; i++)
		alert.orgs_code[i][15] = 0;
	for (int i = 0; i < 6; i++)
		alert.vectors[i].name[23] = 0;
	for (int i = 0; i < YG_TOP_MAX; i++)
		alert.top[i].af = 6;
	// 1,024 bodies with codes and names as long as they can be: all codes, and as many names as fit.
	static struct yg_org bodies[YG_AFFECTED_WORDS * 64];
	struct yg_eve many = eve;
	for (unsigned i = 0; i < YG_AFFECTED_WORDS * 64; i++) {
		snprintf(bodies[i].code, sizeof bodies[i].code, "a-long-code%04u", i);
		memset(bodies[i].name_ja, '\\', sizeof bodies[i].name_ja - 1);
		memset(bodies[i].name_en, '"', sizeof bodies[i].name_en - 1);
	}
	many.orgs = bodies;
	many.orgs_count = YG_AFFECTED_WORDS * 64;
	memset(alert.affected, 0xff, sizeof alert.affected);
	alert.affected_count = YG_AFFECTED_WORDS * 64;
	memcpy(alert.kind, "dos.campaign", 13);
	alert.mode = YG_MODE_PAGE;
	alert.impact = YG_IMPACT_DOWN;
	alert.learning = YG_LEARN_FULL;
	alert.campaign = alert.next_ns = INT64_MAX;
	assert_true(yg_eve_alert_valid(&alert));
	size_t length = yg_eve_alert(&many, &alert, line, YG_EVE_ALERT_MAX);
	assert_true(length > 0 && json_is_line(line, length));
	print_message("the longest alert has %zu bytes\n", length);
	assert_has(line, "\"affected_count\":1024,\"affected\":[{\"code\":\"a-long-code0000\"");
	assert_has(line, "\"a-long-code1023\"],\"zone\"");
}

// Its own body is not named twice. All 1,024 codes stand in a line, and as many of the names as fit.
static void bodies_affected_are_named_and_may_see_it(void **state)
{
	static struct yg_org bodies[YG_AFFECTED_WORDS * 64];
	struct yg_alert alert = syn_flood();
	struct yg_eve some = eve;
	(void)state;
	for (unsigned i = 0; i < YG_AFFECTED_WORDS * 64; i++) {
		snprintf(bodies[i].code, sizeof bodies[i].code, "%06u", 72001 + i);
		snprintf(bodies[i].name_ja, sizeof bodies[i].name_ja, "町");
		snprintf(bodies[i].name_en, sizeof bodies[i].name_en, "T");
	}
	some.orgs = bodies;
	some.orgs_count = 100;
	alert.affected[0] = 1 | UINT64_C(1) << 63;
	alert.affected[1] = 1;
	alert.affected_count = 3;
	size_t n = yg_eve_alert(&some, &alert, line, YG_EVE_ALERT_MAX);
	assert_true(n > 0);
	assert_has(line, "\"orgs\":[\"072001\",\"072064\",\"072065\"]"); // its own body once
	assert_has(line, "\"affected_count\":3,\"affected\":[{\"code\":\"072001\",\"name_ja\":\"町\",\"name_en\":\"T\"},{\"code\":\"072064\"");
	memset(alert.affected, 0xff, sizeof alert.affected);
	alert.affected_count = YG_AFFECTED_WORDS * 64;
	some.orgs_count = YG_AFFECTED_WORDS * 64;
	for (unsigned i = 0; i < YG_AFFECTED_WORDS * 64; i++)
		bodies[i].name_ja[0] = bodies[i].name_en[0] = '\0';
	n = yg_eve_alert(&some, &alert, line, YG_EVE_ALERT_MAX);
	assert_true(n > 0 && json_is_line(line, n));
	unsigned named = 0;
	for (const char *at = line; (at = strstr(at, "{\"code\"")); at++)
		named++;
	print_message("%u of 1,024 bodies with codes of six digits and no names are in a line of %zu bytes\n", named, n);
	alert.affected_count = 3;
	assert_false(yg_eve_alert_valid(&alert)); // not what the bits say
	alert.affected_count = 0;
	memset(alert.affected, 0, sizeof alert.affected);
	assert_has_not(render_alert(&alert), "affected");
}

static void an_alert_says_what_it_asks_of_people(void **state)
{
	struct yg_alert alert = syn_flood();
	(void)state;
	assert_has(render_alert(&alert), "\"confidence\":0.9,\"mode\":\"page\",\"sla_minutes\":15,");
	assert_has(line, "\"learning\":\"short\",\"impact\":{\"state\":\"unknown\"}");
	assert_has_not(line, "\"campaign\"");
	alert.impact = YG_IMPACT_DEGRADED;
	alert.impact_success = 0.5f;
	alert.impact_usual = 1;
	alert.campaign = 0xabc;
	alert.pulse = 3;
	assert_has(render_alert(&alert), "\"impact\":{\"state\":\"degraded\",\"success\":0.5,\"usual\":1.0}");
	assert_has(line, "\"campaign\":\"0000000000000abc\",\"pulse\":3");
	assert_has_not(line, "period_s");
	memcpy(alert.kind, "dos.campaign", 13);
	alert.campaign = 0;
	alert.period_s = 2400;
	alert.period_mad_s = 120;
	alert.next_ns = INT64_C(1795244645123456789);
	assert_has(render_alert(&alert),
		   "\"pulse\":3,\"period_s\":2400,\"period_mad_s\":120,\"next_expected\":\"2026-11-21T16:04:05.123456+0900\"");
	memcpy(alert.kind, "scan.port", 10);
	assert_has_not(render_alert(&alert), "\"impact\"");
	assert_has_not(line, "\"learning\"");
}

static void a_shadow_wakes_nobody(void **state)
{
	struct yg_alert alert = syn_flood();
	(void)state;
	alert.mode = YG_MODE_SHADOW;
	alert.sla_minutes = 0;
	assert_has(render_alert(&alert), "\"severity\":4,\"metadata\":{\"signature_severity\":[\"Informational\"]");
	assert_has(line, "\"severity\":\"high\",\"confidence\":0.9,\"mode\":\"shadow\",\"sla_minutes\":0");
}

static void a_line_that_does_not_fit_is_none(void **state)
{
	struct yg_flow flow = dns_flow();
	struct yg_alert alert = syn_flood();
	(void)state;
	size_t flow_length = strlen(render_flow(&flow)), alert_length = strlen(render_alert(&alert));
	for (size_t size = 0; size <= flow_length; size++)
		assert_int_equal(yg_eve_flow(&eve, &flow, line, size), 0);
	assert_int_equal(yg_eve_flow(&eve, &flow, line, flow_length + 1), flow_length);
	for (size_t size = 0; size <= alert_length; size += 7)
		assert_int_equal(yg_eve_alert(&eve, &alert, line, size), 0);
}

static void random_records_give_whole_lines_or_none(void **state)
{
	struct yg_flow flow;
	unsigned valid = 0;
	(void)state;
	srand(1);
	for (int round = 0; round < 3000; round++) {
		uint8_t *bytes = (uint8_t *)&flow;
		for (size_t i = 0; i < sizeof flow; i++)
			bytes[i] = (uint8_t)(rand() >> 8);
		flow.af = round & 1 ? 4 : 6;
		flow.flow_id >>= 11;
		if (round % 4) // else it is refused, most likely
			flow.proto_name[47] = flow.category[31] = flow.server_name[255] = flow.ja3[35] = flow.ja3s[35] =
			    flow.alpn[31] = 0;
		flow.event %= 3, flow.end %= YG_END_COUNT, flow.rank %= YG_RANK_COUNT;
		if (!yg_eve_flow_valid(&flow))
			continue;
		valid++;
		size_t n = yg_eve_flow(&eve, &flow, line, YG_EVE_FLOW_MAX);
		assert_true(n > 0);
		for (size_t i = 0; i + 1 < n; i++)
			assert_true((unsigned char)line[i] >= 0x20);
	}
	assert_in_range(valid, 2250, 2999); // some were refused, too
}

static void addresses_are_written_as_the_c_library_does(void **state)
{
	char own[64], theirs[INET6_ADDRSTRLEN];
	(void)state;
	srand(2);
	for (int round = 0; round < 20000; round++) {
		struct yg_addr addr;
		struct yg_json json;
		uint8_t af = round % 3 ? 6 : 4;
		for (int i = 0; i < 16; i += 2) { // many zero words, as in life
			int word = rand() & 4 ? 0 : rand() & (rand() & 1 ? 0xf : 0xffff);
			addr.b[i] = (uint8_t)(word >> 8);
			addr.b[i + 1] = (uint8_t)word;
		}
		if (round % 50 == 1)
			memcpy(addr.b, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
		yg_json_init(&json, own, sizeof own);
		yg_eve_put_addr(&json, af, &addr);
		own[json.length] = 0;
		assert_non_null(inet_ntop(af == 4 ? AF_INET : AF_INET6, addr.b, theirs, sizeof theirs));
		assert_string_equal(own, theirs);
	}
}

static void kinds_are_unique_and_in_our_block(void **state)
{
	(void)state;
	assert_int_equal(yg_kinds_count, 45);
	for (uint32_t i = 0; i < yg_kinds_count; i++) {
		const struct yg_kind *kind = &yg_kinds[i];
		assert_ptr_equal(yg_kind_find(kind->kind), kind);
		assert_in_range(kind->signature_id, i ? yg_kinds[i - 1].signature_id + 1 : YG_SIGNATURE_FIRST + 1,
		                YG_SIGNATURE_LAST - 1);
		assert_true(kind->name_en[0] && kind->name_ja[0] && kind->category[0]);
		assert_true(strlen(kind->kind) < sizeof((struct yg_alert *)0)->kind);
	}
	assert_null(yg_kind_find("dos"));
	assert_int_equal(yg_severity_eve(YG_SEV_CRITICAL), 1);
	assert_int_equal(yg_severity_eve(YG_SEV_INFO), 4);
	assert_string_equal(yg_severity_signature(YG_SEV_MEDIUM), "Minor");
}

static void risks_beyond_the_table_have_a_name(void **state)
{
	(void)state;
	assert_string_equal(yg_risk_name(1), "XSS Attack");
	assert_string_equal(yg_risk_name(41), "TLS Certificate About To Expire");
	assert_string_equal(yg_risk_name(42), "Unknown Risk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_this_line),
		cmocka_unit_test(a_tcp_flow_has_flags_and_state),
		cmocka_unit_test(icmp_has_type_and_code_and_no_ports),
		cmocka_unit_test(app_proto_is_the_master_in_lower_case),
		cmocka_unit_test(reasons_of_eve_follow_the_end),
		cmocka_unit_test(hostile_text_is_escaped),
		cmocka_unit_test(records_that_cannot_be_are_refused),
		cmocka_unit_test(alerts_that_cannot_be_are_refused),
		cmocka_unit_test(an_alert_is_a_suricata_alert),
		cmocka_unit_test(a_prefix_stands_in_the_context_alone),
		cmocka_unit_test(an_alert_about_one_flow_has_its_names),
		cmocka_unit_test(a_series_is_a_chart),
		cmocka_unit_test(a_kind_of_a_strange_detector_has_the_last_id),
		cmocka_unit_test(the_longest_records_fit),
		cmocka_unit_test(bodies_affected_are_named_and_may_see_it),
		cmocka_unit_test(an_alert_says_what_it_asks_of_people),
		cmocka_unit_test(a_shadow_wakes_nobody),
		cmocka_unit_test(a_line_that_does_not_fit_is_none),
		cmocka_unit_test(random_records_give_whole_lines_or_none),
		cmocka_unit_test(addresses_are_written_as_the_c_library_does),
		cmocka_unit_test(kinds_are_unique_and_in_our_block),
		cmocka_unit_test(risks_beyond_the_table_have_a_name),
	};
	return cmocka_run_group_tests(tests, use_tokyo, NULL);
}

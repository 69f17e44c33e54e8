// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What one EVE line costs: a typical TLS flow record, an IPv6 one, and an alert. Prints nanoseconds a record, the best
// of five rounds. With an argument: writes one line of each kind instead, for a look at them.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "courier/community_id.h"
#include "courier/eve.h"
#include "model/flow.h"

enum { RECORDS = 200000, ROUNDS = 5 };

static struct yg_eve eve;
static const struct yg_org orgs[1] = {{.code = "072001"}};
static char line[YG_EVE_ALERT_MAX];

static struct yg_flow tls_flow(uint8_t af)
{
	struct yg_flow flow = {.flow_id = 8123372036854,
	                       .first_ns = INT64_C(1700000000123456789),
	                       .last_ns = INT64_C(1700000012000000000),
	                       .event_ns = INT64_C(1700000312000000000),
	                       .port = {51234, 443},
	                       .proto = 6,
	                       .af = af,
	                       .org = {0, YG_ORG_NONE},
	                       .packets = {25, 31},
	                       .bytes = {4321, 54321},
	                       .tcp_flags = {0x1b, 0x1b},
	                       .tcp_state = YG_TCP_CLOSED,
	                       .rank = YG_RANK_ESTABLISHED,
	                       .event = YG_FLOW_ENDED,
	                       .end = YG_END_CLOSED,
	                       .confidence = YG_CONF_DPI,
	                       .proto_master = 91,
	                       .proto_app = 126,
	                       .zone = {YG_ZONE_INTERNET, 0},
	                       .risks = UINT64_C(1) << 24};
	memcpy(flow.addr[0].b,
	       af == 4 ? "\xcb\x00\x71\x0a" : "\x20\x01\x0d\xb8\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x0a",
	       af == 4 ? 4 : 16);
	memcpy(flow.addr[1].b,
	       af == 4 ? "\xc6\x33\x64\x07" : "\x20\x01\x0d\xb8\x00\x02\x00\x01\x00\x07\x00\x00\x00\x00\x12\x34",
	       af == 4 ? 4 : 16);
	strncpy(flow.proto_name, "TLS.Google", sizeof flow.proto_name - 1);
	strncpy(flow.category, "Web", sizeof flow.category - 1);
	strncpy(flow.server_name, "www.city.example.lg.jp", sizeof flow.server_name - 1);
	strncpy(flow.ja3, "cd08e31494f9531f560d64c695473da9", sizeof flow.ja3 - 1);
	strncpy(flow.alpn, "h2,http/1.1", sizeof flow.alpn - 1);
	return flow;
}

static struct yg_alert alert_of_a_flood(void)
{
	struct yg_alert alert = {.kind = "dos.syn_flood",
	                         .detector = "dos",
	                         .id = 0x0123456789abcdef,
	                         .sequence = 1,
	                         .time_ns = INT64_C(1700000000123456789),
	                         .severity = YG_SEV_HIGH,
	                         .af = 4,
	                         .target_len = 32,
	                         .proto = 6,
	                         .target_port = 443,
	                         .score = 92,
	                         .confidence = 0.9f,
	                         .vector = "syn",
	                         .observed = 48211,
	                         .threshold = 2930,
	                         .baseline = 310,
	                         .peak = 51000,
	                         .unit = "packets/s",
	                         .window_s = 3,
	                         .count = 1,
	                         .sources_at_least = 5120,
	                         .sample_packets = 65536,
	                         .top_count = 2,
	                         .series_count = 60,
	                         .series_step_s = 1,
	                         .technique = "T1499.001",
	                         .runbook = "dos.syn_flood",
	                         .text_ja = "203.0.113.10（例市）にSYNフラッド攻撃の疑い。",
	                         .text_en = "SYN flood towards 203.0.113.10.",
	                         .org_code = "072001",
	                         .org_ja = "例市",
	                         .org_en = "Example City",
	                         .orgs_count = 1,
	                         .orgs_code = {"072001"},
	                         .top = {{.af = 4, .share = 0.41f}, {.af = 4, .share = 0.2f}}};
	memcpy(alert.target.b, "\xcb\x00\x71\x0a", 4);
	return alert;
}

static double seconds(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

// Nanoseconds a record. Times and ports change from record to record, as they do in life.
static double measure_flow(struct yg_flow flow)
{
	double best = 1e9;
	for (int round = 0; round < ROUNDS; round++) {
		double start = seconds();
		for (int i = 0; i < RECORDS; i++) {
			flow.event_ns += 20000000;
			flow.first_ns += 20000000;
			flow.last_ns += 20000000;
			flow.port[0]++;
			if (!yg_eve_flow_valid(&flow) || yg_eve_flow(&eve, &flow, line, YG_EVE_FLOW_MAX) == 0)
				return -1;
		}
		double ns = (seconds() - start) * 1e9 / RECORDS;
		best = ns < best ? ns : best;
	}
	return best;
}

static double measure_alert(const struct yg_alert *alert)
{
	double start = seconds();
	for (int i = 0; i < RECORDS / 20; i++)
		if (yg_eve_alert(&eve, alert, line, sizeof line) == 0)
			return -1;
	return (seconds() - start) * 1e9 / (RECORDS / 20);
}

static double measure_community_id(const struct yg_flow *flow)
{
	char text[YG_COMMUNITY_ID];
	double start = seconds();
	for (int i = 0; i < RECORDS; i++)
		yg_community_id(flow->af, flow->proto, flow->addr, flow->port, text);
	return (seconds() - start) * 1e9 / RECORDS;
}

int main(int argc, char **argv)
{
	struct yg_flow v4 = tls_flow(4), v6 = tls_flow(6);
	struct yg_alert alert = alert_of_a_flood();
	(void)argv;
	yg_eve_init(&eve, "egress-1", "Asia/Tokyo", orgs, 1);
	if (argc > 1) {
		fwrite(line, 1, yg_eve_flow(&eve, &v4, line, sizeof line), stdout);
		fwrite(line, 1, yg_eve_flow(&eve, &v6, line, sizeof line), stdout);
		fwrite(line, 1, yg_eve_alert(&eve, &alert, line, sizeof line), stdout);
		return 0;
	}
	printf("flow event, IPv4   %7.0f ns\n", measure_flow(v4));
	printf("flow event, IPv6   %7.0f ns\n", measure_flow(v6));
	printf("community id       %7.0f ns (in the above)\n", measure_community_id(&v4));
	printf("alert event        %7.0f ns\n", measure_alert(&alert));
	return 0;
}

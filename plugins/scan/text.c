// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Sentences of the scan detector, both languages from the same numbers.
#include "scan.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { TCP = 6, UDP = 17, FIN = 0x01, SYN = 0x02, PSH = 0x08, ACK = 0x10, URG = 0x20 };

const char *scan_method(uint8_t proto, uint8_t flags)
{
	if (proto == UDP)
		return "UDP";
	if (proto != TCP)
		return "ping";
	if (flags & SYN)
		return flags & FIN ? "SYN+FIN" : "SYN";
	if (!flags)
		return "NULL";
	if ((flags & (FIN | PSH | URG)) == (FIN | PSH | URG))
		return "XMAS";
	if (flags & FIN)
		return flags & ACK ? "FIN+ACK" : "FIN";
	return flags & ACK ? "ACK" : "TCP";
}

// At most 1,024 are kept, so one comma will do.
static void grouped(uint32_t v, char out[16])
{
	if (v >= 1000)
		snprintf(out, 16, "%u,%03u", v / 1000, v % 1000);
	else
		snprintf(out, 16, "%u", v);
}

static void address(uint8_t af, const struct yg_addr *addr, uint8_t len, char out[64])
{
	char text[INET6_ADDRSTRLEN] = "";
	inet_ntop(af == 6 ? AF_INET6 : AF_INET, addr->b, text, sizeof text);
	if (len < (af == 6 ? 128 : 32))
		snprintf(out, 64, "%s/%u", text, len);
	else
		snprintf(out, 64, "%s", text);
}

static void probe_sentences(struct yg_alert *a, const struct scan_alarm *alarm, const char *source, const char *target,
                            uint32_t window_s, const char *ja, const char *en)
{
	const char *method = scan_method(alarm->proto, alarm->flags);
	snprintf(a->text_ja, sizeof a->text_ja,
	         "%s が %s のポートを探査（%s%s%.90s）。%sを%u秒以内に%u回検出（しきい値%.0f）。", source, target, method,
	         ja[0] ? "、" : "", ja,
	         alarm->by_port ? "同じ送信元ポートから別々のポートへの接続試行" : "正規のTCPでは生じないフラグのパケット",
	         window_s, alarm->probes, a->threshold);
	snprintf(a->text_en, sizeof a->text_en, "%s probes ports of %s (%s%s%.90s): %u %s within %u s (threshold %.0f).", source,
	         target, method, en[0] ? ", " : "", en, alarm->probes,
	         alarm->by_port ? "attempts at different ports from one source port" : "packets with flags that no TCP sends",
	         window_s, a->threshold);
}

static void sweep_sentences(struct yg_alert *a, const struct scan_counts *n, const char *source, const char *target,
                            uint32_t window_s, const char *ja, const char *en)
{
	snprintf(a->text_ja, sizeof a->text_ja,
	         "%s が %s のホストにpingを一斉送信（%.90s%s先頭または末尾のアドレスを含む）。%u秒以内に%u台（しきい値%.0f）、うち%u台が応答なし。",
	         source, target, ja, ja[0] ? "、" : "", window_s, n->hosts, a->threshold, n->hosts_failed);
	snprintf(a->text_en, sizeof a->text_en,
	         "%s pings hosts in %s (%.90s%sthe first or last address of a network among them): %u within %u s (threshold %.0f), %u "
	         "without an answer.",
	         source, target, en, en[0] ? ", " : "", n->hosts, window_s, a->threshold, n->hosts_failed);
}

void scan_sentences(struct yg_alert *a, const struct scan_alarm *alarm, const struct scan_counts *n, uint32_t window_s,
                    const struct yg_org_info *org)
{
	char source[64], target[64], tries[16], failed[16], port[24] = "";
	uint32_t tried = alarm->horizontal ? n->hosts : n->ports;
	const char *method = scan_method(alarm->proto, alarm->flags), *more = tried >= SCAN_ITEMS_MAX ? "+" : "";
	const char *one_ja = alarm->horizontal ? "台" : "ポート";
	const char *ja = org && org->name_ja ? org->name_ja : "", *en = org && org->name_en ? org->name_en : "";
	address(a->source_af, &a->source, 255, source);
	address(a->af, &a->target, a->target_len, target);
	grouped(tried, tries);
	grouped(alarm->horizontal ? n->hosts_failed : n->ports_failed, failed);
	if (alarm->raw) {
		probe_sentences(a, alarm, source, target, window_s, ja, en);
		return;
	}
	if (alarm->sweep) {
		sweep_sentences(a, n, source, target, window_s, ja, en);
		return;
	}
	if (a->target_port)
		snprintf(port, sizeof port, "%u", a->target_port);
	snprintf(a->text_ja, sizeof a->text_ja,
	         "%s が %s %s%s%sを走査（%s%s%.90s）。%u秒間に試した%s%s%sのうち%s%sで失敗（しきい値%.0f）。", source,
	         target, alarm->horizontal ? "のホスト" : "のポート", port[0] ? "のポート" : "", port, method,
	         ja[0] ? "、" : "", ja, window_s, tries, one_ja, more[0] ? "以上" : "", failed, one_ja, a->threshold);
	snprintf(a->text_en, sizeof a->text_en,
	         "%s scans %s%s%s %s %s (%s%s%.90s): %s of %s%s tried within %u s failed (threshold %.0f).", source,
	         alarm->horizontal ? "hosts" : "ports", port[0] ? " on port " : "", port,
	         alarm->horizontal ? "in" : "of", target, method, en[0] ? ", " : "", en, failed, tries, more, window_s,
	         a->threshold);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Names and sentences of the dos detector. Both languages are made from the numbers in the alert, so they cannot
// differ.
#include "dos.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
	char kind[20], technique[12];
	const char *ja, *en;
} groups[DOS_GROUPS] = {
    [DOS_SYN] = {"dos.syn_flood", "T1499.001", "SYNフラッド攻撃", "SYN flood"},
    [DOS_UDP] = {"dos.udp_flood", "T1498.001", "UDPフラッド攻撃", "UDP flood"},
    [DOS_ICMP] = {"dos.icmp_flood", "T1498.001", "ICMPフラッド攻撃", "ICMP flood"},
    [DOS_ACK] = {"dos.ack_flood", "T1499.001", "接続のないTCPパケットのフラッド攻撃",
                 "flood of TCP packets without a connection"},
    [DOS_FRAGMENT] = {"dos.fragment_flood", "T1498.001", "IPフラグメントフラッド攻撃", "IP fragment flood"},
    [DOS_OTHER] = {"dos.other_flood", "T1498.001", "その他プロトコルのフラッド攻撃",
                   "flood of another protocol or of malformed packets"},
    [DOS_TCP] = {"dos.volume", "T1498.001", "応答のないTCP通信の集中", "TCP traffic that nobody answers"},
    [DOS_MIXED] = {"dos.volume", "T1498.001", "複数種類のパケットによる通信量の集中",
                   "traffic of several kinds far above normal"},
    [DOS_TALK] = {"dos.volume", "", "正常な接続による通信の集中", "traffic of complete connections far above normal"},
};

const char *dos_kind(unsigned group)
{
	return groups[group < DOS_GROUPS ? group : DOS_MIXED].kind;
}

const char *dos_technique(unsigned group)
{
	return groups[group < DOS_GROUPS ? group : DOS_MIXED].technique;
}

// 48211 → "48,211".
static void grouped(double v, char out[32])
{
	char plain[24];
	int len = snprintf(plain, sizeof plain, "%" PRIu64, (uint64_t)fmin(fmax(v, 0), 1e15)), at = 0;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = 0;
}

static void quantity(double v, unsigned metric, char out[40])
{
	char number[32];
	if (metric != DOS_BITS) {
		grouped(round(v), number);
		snprintf(out, 40, "%s", number);
		return;
	}
	double tenths = round(v / 1e5); // of a Mbit
	grouped(floor(tenths / 10), number);
	snprintf(out, 40, "%s.%u", number, (unsigned char)fmod(fmax(tenths, 0), 10));
}

static const char *unit_ja(unsigned metric)
{
	return metric == DOS_BITS    ? "Mbit"
	       : metric == DOS_FLOWS ? "フロー"
	       : metric >= DOS_SYNS  ? "未完了の接続要求"
	                             : "パケット";
}

static const char *unit_en(unsigned metric)
{
	static const char names[][32] = {"packets/s", "Mbit/s", "new flows/s", "incomplete requests/s",
	                                 "incomplete requests/s"};
	return names[metric <= DOS_SLOW ? metric : 0];
}

// "; UDP 62 %, SYN 38 %" when there are several vectors.
static void several(const struct yg_alert *a, const char *head, char out[160])
{
	size_t at = 0;
	out[0] = 0;
	for (int i = 0; a->vectors_count > 1 && i < a->vectors_count && i < 6; i++) {
		int n = snprintf(out + at, 160 - at, "%s%s %.0f%%", i ? ", " : head, a->vectors[i].name,
		                 (double)a->vectors[i].share * 100);
		if (n < 0 || (size_t)n >= 160 - at)
			break;
		at += (size_t)n;
	}
}

static bool named(const char *text)
{
	return text && text[0];
}

static void japanese(struct yg_alert *a, unsigned group, unsigned metric, bool one_way, const char *target,
                     const struct yg_org_info *org)
{
	char observed[40], threshold[40], sources[32], from[80] = "", parts[160], port[32] = "";
	quantity(a->observed, metric, observed);
	quantity(a->threshold, metric, threshold);
	grouped(a->sources_at_least, sources);
	if (a->sources_at_least)
		snprintf(from, sizeof from, "、送信元は少なくとも%s", sources);
	if (a->target_port)
		snprintf(port, sizeof port, "のポート%u", a->target_port);
	several(a, "、内訳 ", parts);
	bool org_named = org && named(org->name_ja);
	snprintf(a->text_ja, sizeof a->text_ja, "%s%s%.90s%s%sに%s%s。毎秒%s%s（しきい値%s）%s%s。%s", target,
	         org_named ? "（" : "", org_named ? org->name_ja : "", org_named ? "）" : "", port, groups[group].ja,
	         group == DOS_TALK ? "" : "の疑い", observed, unit_ja(metric), threshold, from, parts,
	         one_way ? "片方向のミラーのため確度は低い。" : "");
}

static void english(struct yg_alert *a, unsigned group, unsigned metric, bool one_way, const char *target,
                    const struct yg_org_info *org)
{
	char observed[40], threshold[40], sources[32], from[80] = "", parts[160], port[32] = "";
	quantity(a->observed, metric, observed);
	quantity(a->threshold, metric, threshold);
	grouped(a->sources_at_least, sources);
	if (a->sources_at_least)
		snprintf(from, sizeof from, ", from at least %s source%s", sources,
		         a->sources_at_least == 1 ? "" : "s");
	if (a->target_port)
		snprintf(port, sizeof port, " port %u", a->target_port);
	several(a, "; ", parts);
	bool org_named = org && named(org->name_en);
	snprintf(a->text_en, sizeof a->text_en, "%s: %s against %s%s%s%.90s%s: %s %s (threshold %s)%s%s.%s",
	         group == DOS_TALK ? "Noted" : "Suspected attack", groups[group].en, target, port,
	         org_named ? " (" : "", org_named ? org->name_en : "", org_named ? ")" : "", observed, unit_en(metric),
	         threshold, from, parts, one_way ? " The mirror shows one direction only: less certain." : "");
}

void dos_sentences(struct yg_alert *a, unsigned group, unsigned metric, bool one_way, const struct yg_org_info *org)
{
	char target[INET6_ADDRSTRLEN] = "";
	inet_ntop(a->af == 6 ? AF_INET6 : AF_INET, a->target.b, target, sizeof target);
	japanese(a, group, metric, one_way, target, org);
	english(a, group, metric, one_way, target, org);
}

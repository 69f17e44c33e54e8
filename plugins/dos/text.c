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
    [DOS_AMP] = {"dos.amplification", "T1498.002", "リフレクション（増幅）攻撃", "reflection and amplification"},
    [DOS_CARPET] = {"dos.carpet", "T1498.001", "じゅうたん爆撃型DDoS攻撃", "carpet bombing"},
    [DOS_OUT] = {"dos.outbound", "T1498", "DoS攻撃とみられる通信", "flood"},
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

// A rate as it is said in a sentence.
static void rate_ja(const char *number, unsigned metric, char out[120])
{
	static const char before[][40] = {"毎秒", "毎秒", "新規フローが毎秒", "未完了の接続要求が毎秒", "未完了の接続要求が毎秒"};
	static const char after[][16] = {"パケット", "Mbit", "件", "件", "件"};
	unsigned at = metric <= DOS_SLOW ? metric : 0;
	snprintf(out, 120, "%s%s%s", before[at], number, after[at]);
}

static const char *unit_en(unsigned metric)
{
	static const char names[][32] = {"packets/s", "Mbit/s", "new flows/s", "incomplete requests/s",
	                                 "incomplete requests/s"};
	return names[metric <= DOS_SLOW ? metric : 0];
}

// As the vectors of an alert are called in Japanese; the English sentence has their names.
static const char *vector_ja(const char *name)
{
	static const char *const words[][2] = {
	    {"tcp_flow", "TCP"}, {"syn", "SYN"}, {"synack", "SYN-ACK"}, {"ack", "ACK"}, {"rst", "RST"}, {"fin", "FIN"},
	    {"null_xmas", "NULL・XMAS"}, {"udp", "UDP"}, {"icmp", "ICMP"}, {"fragment", "フラグメント"},
	    {"other", "その他のプロトコル"}, {"malformed", "不正なパケット"}, {"download", "ダウンロード"},
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(name, words[i][0]) == 0)
			return words[i][1];
	const char *service = dos_service_shown(name);
	return service ? service : name;
}

// "; udp 62%, syn 38%" when there are several vectors.
static void several(const struct yg_alert *a, bool ja, char out[240])
{
	size_t at = 0;
	out[0] = 0;
	for (int i = 0; a->vectors_count > 1 && i < a->vectors_count && i < 6; i++) {
		int n = snprintf(out + at, 240 - at, "%s%s %.0f%%", i ? (ja ? "、" : ", ") : ja ? "。内訳は" : "; ",
		                 ja ? vector_ja(a->vectors[i].name) : a->vectors[i].name, (double)a->vectors[i].share * 100);
		if (n < 0 || (size_t)n >= 240 - at) {
			out[at] = 0;
			break;
		}
		at += (size_t)n;
	}
}

static bool named(const char *text)
{
	return text && text[0];
}

// "DNS・NTP", "DNS and NTP": by which services an attack is reflected.
static void services(const struct dos_incident *in, const char *comma, const char *last, char out[80])
{
	size_t at = 0;
	out[0] = 0;
	for (unsigned i = 0; i < in->services_count; i++) {
		const char *shown = dos_service_shown(in->service[i].name);
		int n = snprintf(out + at, 80 - at, "%s%s", !i ? "" : i + 1 == in->services_count ? last : comma, shown ? shown : "");
		if (n < 0 || (size_t)n >= 80 - at)
			return;
		at += (size_t)n;
	}
}

struct words {
	const struct dos_incident *in;
	const struct yg_org_info *org;
	char subject[INET6_ADDRSTRLEN + 8]; // what alerts: target, prefix or source
	char object[INET6_ADDRSTRLEN];      // outbound: who gets most of it
	bool one_way;
};

// What is going on.
static void what_ja(const struct yg_alert *a, const struct words *w, char out[300])
{
	const struct dos_incident *in = w->in;
	const char *vector = groups[in->vector < YG_VEC_COUNT ? dos_group_of(in->vector) : DOS_MIXED].ja;
	char by[80], port[32] = "";
	services(in, "・", "・", by);
	if (a->target_port)
		snprintf(port, sizeof port, "のポート%u", a->target_port);
	if (in->group == DOS_OUT)
		snprintf(out, 300, "から%s%s宛てに%sとみられる通信", w->object[0] ? w->object : "外部", port, vector);
	else if (in->group == DOS_CARPET)
		snprintf(out, 300, "の広い範囲に%sの疑い（%s%s%s）", groups[DOS_CARPET].ja, by, by[0] ? "の" : "",
		         by[0] ? "リフレクション" : vector);
	else if (in->group == DOS_AMP)
		snprintf(out, 300, "%sに%sを悪用した%sの疑い", port, by, in->vector == YG_VEC_SYNACK ? "リフレクション攻撃" : groups[DOS_AMP].ja);
	else
		snprintf(out, 300, "%sに%s%s", port, groups[in->group].ja, in->group == DOS_TALK ? "" : "の疑い");
}

static void what_en(const struct yg_alert *a, const struct words *w, char out[400])
{
	const struct dos_incident *in = w->in;
	const char *vector = groups[in->vector < YG_VEC_COUNT ? dos_group_of(in->vector) : DOS_MIXED].en;
	char by[80], port[32] = "", org[100] = "";
	services(in, ", ", " and ", by);
	if (a->target_port)
		snprintf(port, sizeof port, " port %u", a->target_port);
	if (w->org && named(w->org->name_en))
		snprintf(org, sizeof org, " (%.90s)", w->org->name_en);
	if (in->group == DOS_OUT)
		snprintf(out, 400, "Suspected attack from inside: %s from %s%s to %s%s", vector, w->subject, org,
		         w->object[0] ? w->object : "hosts outside", port);
	else if (in->group == DOS_CARPET)
		snprintf(out, 400, "Suspected attack: carpet bombing (%s%s) over %s%s", by[0] ? by : vector, by[0] ? " reflection" : "", w->subject,
		         org);
	else if (in->group == DOS_AMP)
		snprintf(out, 400, "Suspected attack: %s %s against %s%s%s", by,
		         in->vector == YG_VEC_SYNACK ? "reflection" : groups[DOS_AMP].en, w->subject, port, org);
	else
		snprintf(out, 400, "%s: %s against %s%s%s", in->group == DOS_TALK ? "Noted" : "Suspected attack", groups[in->group].en,
		         w->subject, port, org);
}

static void japanese(struct yg_alert *a, const struct words *w)
{
	char observed[40], threshold[40], usual[60] = "", number[40], ends[120] = "", parts[240], what[300], rate[120];
	unsigned metric = w->in->metric;
	quantity(a->observed, metric, observed);
	quantity(a->threshold, metric, threshold);
	quantity(a->baseline, metric, number);
	if (a->learning != YG_LEARN_FLOOR)
		snprintf(usual, sizeof usual, "、平常時は%sまで", number);
	if (w->in->group == DOS_CARPET) {
		grouped(w->in->targets_at_least, number);
		snprintf(ends, sizeof ends, "、宛先は少なくとも%s", number);
	}
	if (a->sources_at_least && w->in->group != DOS_OUT) {
		size_t at = strlen(ends);
		grouped(a->sources_at_least, number);
		snprintf(ends + at, sizeof ends - at, "、送信元は少なくとも%s", number);
	}
	several(a, true, parts);
	what_ja(a, w, what);
	rate_ja(observed, metric, rate);
	bool org = w->org && named(w->org->name_ja);
	snprintf(a->text_ja, sizeof a->text_ja, "%s%s%.90s%s%s。%s（しきい値%s%s）%s%s。%s", w->subject, org ? "（" : "",
	         org ? w->org->name_ja : "", org ? "）" : "", what, rate, threshold, usual, ends, parts,
	         w->one_way ? "片方向のミラーのため確度は低い。" : "");
}

static void english(struct yg_alert *a, const struct words *w)
{
	char observed[40], threshold[40], usual[60] = "", number[40], ends[120] = "", parts[240], what[400];
	unsigned metric = w->in->metric;
	quantity(a->observed, metric, observed);
	quantity(a->threshold, metric, threshold);
	quantity(a->baseline, metric, number);
	if (a->learning != YG_LEARN_FLOOR)
		snprintf(usual, sizeof usual, ", usually up to %s", number);
	if (w->in->group == DOS_CARPET) {
		grouped(w->in->targets_at_least, number);
		snprintf(ends, sizeof ends, ", towards at least %s targets", number);
	}
	if (a->sources_at_least && w->in->group != DOS_OUT) {
		size_t at = strlen(ends);
		grouped(a->sources_at_least, number);
		snprintf(ends + at, sizeof ends - at, ", from at least %s source%s", number, a->sources_at_least == 1 ? "" : "s");
	}
	several(a, false, parts);
	what_en(a, w, what);
	snprintf(a->text_en, sizeof a->text_en, "%s: %s %s (threshold %s%s)%s%s.%s", what, observed, unit_en(metric), threshold, usual, ends,
	         parts, w->one_way ? " The mirror shows one direction only: less certain." : "");
}

static void show(uint8_t af, const struct yg_addr *addr, char *out, size_t size)
{
	if (!inet_ntop(af == 6 ? AF_INET6 : AF_INET, addr->b, out, (socklen_t)size))
		out[0] = 0;
}

void dos_sentences(struct yg_alert *a, const struct dos_incident *in, bool one_way, const struct yg_org_info *org)
{
	struct words w = {.in = in, .org = org, .one_way = one_way};
	bool outbound = in->group == DOS_OUT;
	show(outbound ? a->source_af : a->af, outbound ? &a->source : &a->target, w.subject, INET6_ADDRSTRLEN);
	if (outbound && a->target_len)
		show(a->af, &a->target, w.object, sizeof w.object);
	if (in->group == DOS_CARPET) {
		size_t at = strlen(w.subject);
		snprintf(w.subject + at, sizeof w.subject - at, "/%u", a->target_len);
	}
	japanese(a, &w);
	english(a, &w);
}

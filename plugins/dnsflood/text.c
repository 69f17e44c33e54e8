// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Names and sentences of the dnsflood detector, both languages from the numbers in the alert.
#include "dnsflood.h"

#include "../common/say.h"

enum { PARTS = 260 };

static const struct {
	char name[20];
	const char *ja, *en;
} vectors[DNSF_VECTORS] = {
    [DNSF_RANDOM] = {"random_subdomain", "ランダムサブドメイン攻撃の疑い", "random-subdomain flood"},
    [DNSF_PLAIN] = {"plain", "大量問い合わせによる攻撃の疑い", "query flood"},
    [DNSF_ABUSE] = {"amplifier_abuse", "増幅攻撃の踏み台に悪用されている疑い", "abuse as an amplifier"},
    [DNSF_UNREAD] = {"unread", "大量パケットによる攻撃の疑い（名前は読み取れず）", "flood of packets whose names could not be read"},
};

const char *dnsflood_vector(unsigned vector)
{
	return vectors[vector < DNSF_VECTORS ? vector : DNSF_PLAIN].name;
}

// Appends "、異なる名前98%" when the share is known.
static void add_share(char out[PARTS], const char *head, double share, const char *tail)
{
	size_t at = strlen(out);
	if (share >= 0)
		snprintf(out + at, PARTS - at, "%s%.0f%%%s", head, share * 100, tail);
}

static void japanese(const struct dnsf *d, struct yg_alert *a, const struct dnsf_said *said, const char *target)
{
	char observed[SAY_NUMBER], threshold[SAY_NUMBER], sources[SAY_NUMBER], ja[SAY_BODY], en[SAY_BODY];
	char parts[PARTS] = "", zone[120] = "", tail[200] = "", from[80] = "", victim[SAY_ADDRESS] = "";
	say_number(a->observed, observed);
	say_number(a->threshold, threshold);
	say_number(a->sources_at_least, sources);
	say_body(d->host, a->org, ja, en);
	add_share(parts, "、異なる名前", said->distinct, "");
	add_share(parts, "、「存在しない」との応答", said->denied, "");
	add_share(parts, "、7日間に見られなかった名前", said->fresh, "");
	if (said->vector == DNSF_ABUSE)
		add_share(parts, "、ANY・DNSKEY・TXTの問い合わせ", said->abusable, "");
	if (said->vector == DNSF_ABUSE) // the server is not its victim
		snprintf(zone, sizeof zone, said->zone[0] ? "が、ゾーン%.60sの問い合わせで" : "が、", said->zone);
	else
		snprintf(zone, sizeof zone, said->zone[0] ? "に、ゾーン%.60sへの" : "に、", said->zone);
	if (a->sources_at_least)
		snprintf(from, sizeof from, "、送信元は少なくとも%s", sources);
	if (said->vector == DNSF_ABUSE && a->top_count) {
		say_address(a->top[0].af, &a->top[0].addr, victim);
		snprintf(tail, sizeof tail, "送信元は詐称とみられ、本当の標的は%sなど。", victim);
	} else if (said->vector == DNSF_RANDOM) {
		snprintf(tail, sizeof tail, "送信元の多くは中継したリゾルバーで、攻撃元とは限らない。");
	}
	snprintf(a->text_ja, sizeof a->text_ja, "DNSサーバー%s%s%s%s。毎秒%s件（しきい値%s）%s%s。%s%s", target, ja, zone, vectors[said->vector].ja,
		 observed, threshold, parts, from, tail,
		 said->one_way      ? "片方向のミラーのため確度は低い。"
		 : said->unanswered ? "応答は見られない。"
				    : "");
}

static void english(const struct dnsf *d, struct yg_alert *a, const struct dnsf_said *said, const char *target)
{
	char observed[SAY_NUMBER], threshold[SAY_NUMBER], sources[SAY_NUMBER], ja[SAY_BODY], en[SAY_BODY];
	char parts[PARTS] = "", zone[120] = "", tail[200] = "", from[80] = "", victim[SAY_ADDRESS] = "";
	say_number(a->observed, observed);
	say_number(a->threshold, threshold);
	say_number(a->sources_at_least, sources);
	say_body(d->host, a->org, ja, en);
	add_share(parts, ", ", said->distinct, " different names");
	add_share(parts, ", ", said->denied, " answered with no such name");
	add_share(parts, ", ", said->fresh, " of names not seen in seven days");
	if (said->vector == DNSF_ABUSE)
		add_share(parts, ", ", said->abusable, " ANY, DNSKEY or TXT");
	if (said->zone[0])
		snprintf(zone, sizeof zone, ", zone %.60s", said->zone);
	if (a->sources_at_least)
		snprintf(from, sizeof from, ", from at least %s source%s", sources, a->sources_at_least == 1 ? "" : "s");
	if (said->vector == DNSF_ABUSE && a->top_count) {
		say_address(a->top[0].af, &a->top[0].addr, victim);
		snprintf(tail, sizeof tail, " The sources look forged: the real target may be %s.", victim);
	} else if (said->vector == DNSF_RANDOM) {
		snprintf(tail, sizeof tail, " Most sources are resolvers that pass it on, not the attackers.");
	}
	snprintf(a->text_en, sizeof a->text_en, "Suspected attack: %s against DNS server %s%s%s: %s queries/s (threshold %s)%s%s.%s%s",
		 vectors[said->vector].en, target, en, zone, observed, threshold, parts, from, tail,
		 said->one_way      ? " The mirror shows one direction only: less certain."
		 : said->unanswered ? " No answers are seen."
				    : "");
}

void dnsflood_sentences(const struct dnsf *d, struct yg_alert *a, const struct dnsf_said *said)
{
	char target[SAY_ADDRESS];
	say_address(a->af, &a->target, target);
	japanese(d, a, said, target);
	english(d, a, said, target);
	say_whole(a->text_ja);
	say_whole(a->text_en);
}

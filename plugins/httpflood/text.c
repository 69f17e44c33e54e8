// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Names and sentences of the httpflood detector, both languages from the numbers in the alert.
#include "httpflood.h"

#include "../common/say.h"

enum { PARTS = 240 };

static const char *const kinds[HTTPF_WHATS] = {"dos.http_flood", "dos.slow_http"};

void httpflood_alert(const struct httpf *h, const struct httpf_server *s, enum httpf_what what, int64_t second, struct yg_alert *a)
{
	const struct httpf_incident *in = &s->incident[what];
	memset(a, 0, sizeof *a);
	a->af = s->af;
	a->proto = 6;
	a->target = s->addr;
	a->target_len = s->af == 6 ? 128 : 32;
	a->target_port = s->port;
	a->org = s->org;
	a->zone = s->zone;
	a->clear_after_s = (uint16_t)h->clear_s;
	a->window_s = what == HTTPF_FLOOD ? HTTPF_WINDOW_S : HTTPF_HARD_S;
	a->time_ns = (second + 1) * INT64_C(1000000000);
	a->first_ns = in->onset * INT64_C(1000000000);
	say_copy(a->kind, sizeof a->kind, kinds[what]);
	say_copy(a->runbook, sizeof a->runbook, kinds[what]);
	say_copy(a->technique, sizeof a->technique, "T1499.002");
	say_copy(a->vector, sizeof a->vector, in->tls ? "tls" : what == HTTPF_FLOOD ? "http" : "request");
	say_copy(a->app_proto, sizeof a->app_proto, in->tls ? "tls" : "http");
	say_copy(a->unit, sizeof a->unit, what == HTTPF_FLOOD ? "connections/s" : "connections");
}

// Whoever holds connections open says little: the last four seconds of the sample may have nothing of it, and what was known stays true.
static void take_evidence(struct httpf_incident *in, const struct yg_alert *fresh)
{
	in->top_count = fresh->top_count;
	memcpy(in->top, fresh->top, sizeof in->top);
	in->sources_at_least = fresh->sources_at_least;
	in->sample_packets = fresh->sample_packets;
}

void httpflood_evidence(const struct httpf *h, struct httpf_incident *in, struct yg_alert *a, int64_t second)
{
	if (!in->asked)
		in->top_count = in->sources_at_least = in->sample_packets = 0; // those of an incident before
	if (second - in->asked >= HTTPF_EVIDENCE_S || !in->top_count) {
		struct yg_alert fresh = {.af = a->af, .target = a->target};
		say_senders(h->host, &fresh, 6, a->target_port, 1u << YG_VEC_TCP_FLOW | 1u << YG_VEC_SYN);
		in->asked = second;
		if (fresh.top_count)
			take_evidence(in, &fresh);
	}
	a->top_count = in->top_count;
	memcpy(a->top, in->top, sizeof a->top);
	a->sources_at_least = in->sources_at_least;
	a->sample_packets = in->sample_packets;
}

static void add(char out[PARTS], const char *head, const char *number, const char *tail)
{
	size_t at = strlen(out);
	snprintf(out + at, PARTS - at, "%s%s%s", head, number, tail);
}

static void add_share(char out[PARTS], const char *head, double share, const char *tail)
{
	char number[16];
	snprintf(number, sizeof number, "%.0f%%", share * 100);
	if (share >= 0)
		add(out, head, number, tail);
}

static void flood(const struct httpf_said *said, char ja[PARTS], char en[PARTS])
{
	char sources[SAY_NUMBER], usual[SAY_NUMBER];
	say_number(said->sources, sources);
	say_number(said->usual, usual);
	add_share(ja, "、最も多いクライアント指紋の割合", said->print, "");
	add_share(en, ", ", said->print, " of one client fingerprint");
	add(ja, "、送信元は約", sources, "");
	add(en, ", about ", sources, said->sources < 1.5 ? " source" : " sources");
	if (said->usual >= 0) {
		add(ja, "（普段は約", usual, "）");
		add(en, " (usually ", usual, ")");
	}
	add_share(ja, "、応答がごく小さい接続", said->small, "");
	add_share(en, ", ", said->small, " of connections got a tiny reply");
	if (said->unanswered) {
		add(ja, "、リクエストの多くは無応答", "", "");
		add(en, ", most requests unanswered", "", "");
	}
}

void httpflood_sentences(const struct httpf *h, struct yg_alert *a, enum httpf_what what, const struct httpf_said *said)
{
	char target[SAY_ADDRESS], observed[SAY_NUMBER], threshold[SAY_NUMBER], ja[SAY_BODY], en[SAY_BODY];
	char parts_ja[PARTS] = "", parts_en[PARTS] = "", n[SAY_NUMBER];
	const char *one_ja = said->one_way ? "片方向のミラーのため確度は低い。" : "";
	const char *one_en = said->one_way ? " The mirror shows one direction only: less certain." : "";
	say_address(a->af, &a->target, target);
	say_number(a->observed, observed);
	say_number(a->threshold, threshold);
	say_body(h->host, a->org, ja, en);
	if (what == HTTPF_FLOOD) {
		flood(said, parts_ja, parts_en);
		snprintf(a->text_ja, sizeof a->text_ja, "%s%sのポート%uに、HTTPフラッド攻撃の疑い。毎秒%s件の接続・リクエスト（しきい値%s）%s。%s%s", target, ja,
			 a->target_port, observed, threshold, parts_ja, said->tls ? "TLSのため、リクエスト数は見えない。" : "", one_ja);
		snprintf(a->text_en, sizeof a->text_en,
			 "Suspected attack: HTTP flood against %s port %u%s: %s connections or requests a second (threshold %s)%s.%s%s", target,
			 a->target_port, en, observed, threshold, parts_en, said->tls ? " TLS: request rate not visible." : "", one_en);
	} else {
		say_number(said->hard, n);
		add(parts_ja, "、うち30秒以上", n, "件");
		add(parts_en, ", ", n, " of them for 30 s or more");
		say_number(said->open, n);
		add(parts_ja, "、追跡中の接続", n, "件");
		add(parts_en, ", ", n, said->open < 1.5 ? " connection followed" : " connections followed");
		say_number(said->sources, n);
		add(parts_ja, "、送信元は約", n, "");
		add(parts_en, ", about ", n, said->sources < 1.5 ? " source" : " sources");
		snprintf(a->text_ja, sizeof a->text_ja, "%s%sのポート%uに、低速HTTP攻撃の疑い。完了しないリクエストが%s件の接続を占有（しきい値%s）%s。%s%s", target,
			 ja, a->target_port, observed, threshold, parts_ja, said->tls ? "TLSのため、通信の間隔だけで判断した。" : "", one_ja);
		snprintf(a->text_en, sizeof a->text_en,
			 "Suspected attack: slow HTTP against %s port %u%s: requests that do not end hold %s connections (threshold %s)%s.%s%s", target,
			 a->target_port, en, observed, threshold, parts_en, said->tls ? " TLS: judged by the pace of bytes alone." : "", one_en);
	}
	say_whole(a->text_ja);
	say_whole(a->text_en);
}

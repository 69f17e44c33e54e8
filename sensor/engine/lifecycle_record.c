// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Records of the table of open alerts: identity, checks and sentences. Pure; the aggregator's thread.
//
// A record may have been torn by the death of the engine that wrote it, or written by an engine that an attacker held.
// There is no checksum over it: a hash of 2.6 KB at every raise would buy nothing, because the writer is the one that
// is distrusted. The checks instead make every value harmless, and demand that id and key are those of the content.
#include "engine/lifecycle_record.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/singular.h"
#include "base/time.h"
#include "engine/lifecycle.h"

enum { KEY_BYTES = YG_LIFECYCLE_KEY_BYTES, ID_BYTES = KEY_BYTES + 8, MINUTE_S = 60 };
_Static_assert(KEY_BYTES == 32 + 24 + 16 + 16 + 8, "kind, vector, target, source, and what is small");

// The key in one fixed layout, so that the identity does not depend on the machine.
static size_t key_bytes(const struct yg_alert *a, uint8_t out[ID_BYTES])
{
	memset(out, 0, ID_BYTES);
	memcpy(out, a->kind, strnlen(a->kind, sizeof a->kind));
	memcpy(out + 32, a->vector, strnlen(a->vector, sizeof a->vector));
	memcpy(out + 56, a->target.b, 16);
	if (a->key_source) {
		memcpy(out + 72, a->source.b, 16);
		out[88] = a->source_af;
	}
	out[89] = a->af;
	out[90] = a->target_len;
	out[91] = a->proto;
	out[92] = (uint8_t)(a->target_port >> 8);
	out[93] = (uint8_t)a->target_port;
	out[94] = a->key_source != 0;
	return KEY_BYTES;
}

uint64_t yg_lifecycle_key(const struct yg_alert *alert)
{
	uint8_t bytes[ID_BYTES];
	size_t len = key_bytes(alert, bytes);
	return yg_hash_identity(bytes, len);
}

bool yg_lifecycle_same(const struct yg_alert *a, const struct yg_alert *b)
{
	uint8_t left[ID_BYTES], right[ID_BYTES];
	size_t len = key_bytes(a, left);
	key_bytes(b, right);
	return memcmp(left, right, len) == 0;
}

void yg_lifecycle_name(const struct yg_alert *alert, uint8_t ret_name[YG_LIFECYCLE_KEY_BYTES])
{
	uint8_t bytes[ID_BYTES];
	memcpy(ret_name, bytes, key_bytes(alert, bytes));
}

static uint64_t id_of(const struct yg_hash_key *id_key, uint8_t bytes[ID_BYTES], int64_t start_ns)
{
	int64_t second = yg_time_second(yg_time_ns(start_ns));
	uint64_t minute = (uint64_t)(second - ((second % MINUTE_S) + MINUTE_S) % MINUTE_S);
	for (int i = 0; i < 8; i++)
		bytes[KEY_BYTES + i] = (uint8_t)(minute >> (56 - 8 * i));
	return yg_hash(id_key, bytes, ID_BYTES);
}

uint64_t yg_lifecycle_id(const struct yg_hash_key *id_key, const struct yg_alert *alert, int64_t start_ns)
{
	uint8_t bytes[ID_BYTES];
	key_bytes(alert, bytes);
	return id_of(id_key, bytes, start_ns);
}

bool yg_lifecycle_closed_valid(const struct yg_hash_key *id_key, const struct yg_lifecycle_closed *c)
{
	uint8_t bytes[ID_BYTES];
	memcpy(bytes, c->name, KEY_BYTES);
	return c->key && c->key == yg_hash_identity(bytes, KEY_BYTES) && c->first_ns >= 0 && c->first_ns <= c->closed_ns &&
	       isfinite(c->peak) && c->id == id_of(id_key, bytes, c->first_ns);
}

static void end_string(char *text, size_t size)
{
	text[size - 1] = 0;
	size_t len = strnlen(text, size);
	memset(text + len, 0, size - len); // no leftovers of another process behind the NUL
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = ' ';
}

static double finite_or_0(double v)
{
	return isfinite(v) ? v : 0.0;
}

static float share(float v)
{
	return isfinite(v) ? fminf(fmaxf(v, 0.0f), 1.0f) : 0.0f;
}

static void clean_strings(struct yg_alert *a)
{
	end_string(a->kind, sizeof a->kind);
	end_string(a->detector, sizeof a->detector);
	end_string(a->vector, sizeof a->vector);
	end_string(a->app_proto, sizeof a->app_proto);
	end_string(a->unit, sizeof a->unit);
	end_string(a->technique, sizeof a->technique);
	end_string(a->policy_ref, sizeof a->policy_ref);
	end_string(a->runbook, sizeof a->runbook);
	end_string(a->text_ja, sizeof a->text_ja);
	end_string(a->text_en, sizeof a->text_en);
	end_string(a->org_code, sizeof a->org_code);
	end_string(a->org_ja, sizeof a->org_ja);
	end_string(a->org_en, sizeof a->org_en);
	for (int i = 0; i < YG_ORGS_MAX; i++)
		end_string(a->orgs_code[i], sizeof a->orgs_code[i]);
	for (int i = 0; i < 6; i++)
		end_string(a->vectors[i].name, sizeof a->vectors[i].name);
}

static uint8_t at_most(uint8_t v, uint8_t max)
{
	return v < max ? v : max;
}

static uint8_t family(uint8_t af)
{
	return af == 4 || af == 6 ? af : 0;
}

// What others than the detector say: mode, impact, bodies, campaign.
static void clean_host_fields(struct yg_alert *a)
{
	uint32_t affected = 0;
	a->mode = at_most(a->mode, YG_MODE_PAGE);
	a->impact = at_most(a->impact, YG_IMPACT_COUNT - 1);
	a->impact_success = share(a->impact_success);
	a->impact_usual = share(a->impact_usual);
	a->next_ns = a->next_ns < 0 ? 0 : a->next_ns;
	for (int i = 0; i < YG_AFFECTED_WORDS; i++)
		affected += (uint32_t)__builtin_popcountll(a->affected[i]);
	a->affected_count = (uint16_t)affected;
}

void yg_lifecycle_clean(struct yg_alert *a)
{
	clean_strings(a);
	a->af = a->af == 6 ? 6 : 4;
	a->source_af = family(a->source_af);
	a->target_len = at_most(a->target_len, a->af == 6 ? 128 : 32);
	a->severity = at_most(a->severity, YG_SEV_COUNT - 1);
	a->zone = a->zone < YG_ZONE_COUNT ? a->zone : YG_ZONE_NONE;
	a->score = at_most(a->score, 100);
	a->key_source = a->key_source != 0;
	a->confidence = share(a->confidence);
	a->observed = finite_or_0(a->observed);
	a->threshold = finite_or_0(a->threshold);
	a->baseline = finite_or_0(a->baseline);
	a->peak = finite_or_0(a->peak);
	a->top_count = at_most(a->top_count, YG_TOP_MAX);
	a->series_count = at_most(a->series_count, YG_SERIES_MAX);
	a->orgs_count = at_most(a->orgs_count, YG_ORGS_MAX);
	a->vectors_count = at_most(a->vectors_count, 6);
	for (int i = 0; i < YG_TOP_MAX; i++) {
		a->top[i].af = a->top[i].af == 6 ? 6 : 4;
		a->top[i].share = share(a->top[i].share);
	}
	for (int i = 0; i < 6; i++)
		a->vectors[i].share = share(a->vectors[i].share);
	for (int i = 0; i < YG_SERIES_MAX; i++)
		a->series[i] = (float)finite_or_0((double)a->series[i]);
	a->series_low = (float)finite_or_0((double)a->series_low);
	a->series_high = (float)finite_or_0((double)a->series_high);
	a->learning = at_most(a->learning, YG_LEARN_FULL);
	clean_host_fields(a);
}

bool yg_lifecycle_valid(const struct yg_hash_key *id_key, const struct yg_lifecycle_record *r, bool summary)
{
	const struct yg_alert *a = &r->alert;
	if (r->used != 1 || (r->summary != 0) != summary || !a->kind[0])
		return false;
	if (r->clear_after_s == 0 || r->clear_after_s > YG_LIFECYCLE_LASTING_MAX_S || a->state >= YG_ALERT_CLOSE)
		return false;
	if (r->alive_ns < 0 || r->emitted_ns < 0 || a->first_ns < 0 || a->first_ns > r->alive_ns)
		return false;
	return r->key == yg_lifecycle_key(a) && a->id == yg_lifecycle_id(id_key, a, a->first_ns);
}

// 1234567 → "1,234,567".
static void grouped(uint64_t v, char out[32])
{
	char plain[24];
	int len = snprintf(plain, sizeof plain, "%" PRIu64, v);
	int at = 0;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = 0;
}

// The number stands between the two Japanese words, as in the sentences of the detectors.
struct unit {
	const char *name, *ja, *ja_after, *en;
};

// Units that detectors use, in the words of their sentences; others are printed as they are.
static struct unit unit_of(const char *name)
{
	static const struct unit units[] = {
	    {"packets/s", "毎秒", "パケット", "packets/s"},
	    {"bits/s", "毎秒", "ビット", "bits/s"},
	    {"flows/s", "毎秒", "フロー", "flows/s"},
	    {"incomplete SYNs/s", "毎秒", "件", "incomplete requests/s"},
	    {"queries/s", "毎秒", "件", "queries/s"},
	    {"connections/s", "毎秒", "件", "connections/s"},
	    {"connections", "", "接続", "connections"},
	    {"ports", "", "ポート", "ports"},
	    {"hosts", "", "台", "hosts"},
	    {"probes", "", "回", "probes"},
	    {"clients", "", "件", "clients"},
	    {"bodies", "", "団体", "bodies"},
	    {"packets", "", "パケット", "packets"},
	    {"alerts", "", "件", "alerts"},
	    {"pulses", "", "回", "pulses"},
	    {"records", "", "件", "records"},
	    {"events", "", "件", "events"},
	    {"times", "", "倍", "times"},
	    {"s", "", "秒", "s"},
	    {"step", "段階", "", "step"},
	    {"links", "", "リンク", "links"},
	};
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strcmp(name, units[i].name) == 0)
			return units[i];
	return (struct unit){name, "", name, name};
}

void yg_lifecycle_text_append(char text[YG_TEXT_MAX], const char *tail)
{
	size_t tail_len = strnlen(tail, YG_TEXT_MAX / 2);
	size_t len = strnlen(text, YG_TEXT_MAX - 1);
	if (len + tail_len >= YG_TEXT_MAX) {
		len = YG_TEXT_MAX - 1 - tail_len;
		while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(text + len, tail, tail_len);
	text[len + tail_len] = 0;
}

void yg_lifecycle_text_clause(struct yg_alert *a, const char *ja, const char *en)
{
	bool fits = strnlen(a->text_ja, YG_TEXT_MAX) + strlen(ja) < YG_TEXT_MAX && strnlen(a->text_en, YG_TEXT_MAX) + strlen(en) < YG_TEXT_MAX;
	if (!fits)
		return;
	strncat(a->text_ja, ja, YG_TEXT_MAX - 1 - strnlen(a->text_ja, YG_TEXT_MAX - 1));
	strncat(a->text_en, en, YG_TEXT_MAX - 1 - strnlen(a->text_en, YG_TEXT_MAX - 1));
}

struct lasted {
	char ja[40], en[40];
};

static struct lasted lasted_of(int64_t s)
{
	struct lasted l;
	int64_t min = s / MINUTE_S, h = min / 60;
	if (s < MINUTE_S) {
		snprintf(l.ja, sizeof l.ja, "%" PRId64 "秒", s);
		snprintf(l.en, sizeof l.en, "%" PRId64 " s", s);
	} else if (min < 120) {
		snprintf(l.ja, sizeof l.ja, "%" PRId64 "分%" PRId64 "秒", min, s % MINUTE_S);
		snprintf(l.en, sizeof l.en, "%" PRId64 " min %" PRId64 " s", min, s % MINUTE_S);
	} else if (h < 48) {
		snprintf(l.ja, sizeof l.ja, "%" PRId64 "時間%" PRId64 "分", h, min % 60);
		snprintf(l.en, sizeof l.en, "%" PRId64 " h %" PRId64 " min", h, min % 60);
	} else {
		snprintf(l.ja, sizeof l.ja, "%" PRId64 "日%" PRId64 "時間", h / 24, h % 24);
		snprintf(l.en, sizeof l.en, "%" PRId64 " days %" PRId64 " h", h / 24, h % 24);
	}
	return l;
}

void yg_lifecycle_text_closed(struct yg_alert *a, bool displaced)
{
	int64_t seconds = (a->last_ns - a->first_ns + YG_NS_PER_S - 1) / YG_NS_PER_S;
	seconds = seconds < 1 ? 1 : seconds;
	char peak[32], peak_ja[80] = "", peak_en[80] = "", tail[YG_TEXT_MAX / 2];
	struct unit unit = unit_of(a->unit);
	if (strcmp(a->unit, "bits/s") == 0 && a->peak >= 1e6) { // as the sentence itself puts it
		snprintf(peak, sizeof peak, "%.1f", fmin(a->peak, 1e18) / 1e6);
		unit = (struct unit){a->unit, "毎秒", "Mbit", "Mbit/s"};
	} else {
		grouped(a->peak > 0 ? (uint64_t)llround(fmin(a->peak, 1e18)) : 0, peak);
	}
	if (a->peak > 0) { // a body that was silent had none
		snprintf(peak_ja, sizeof peak_ja, "、最大%s%s%s", unit.ja, peak, unit.ja_after);
		char one[32];
		yg_singular(unit.en, one, sizeof one);
		snprintf(peak_en, sizeof peak_en, ", peak %s %s", peak, strcmp(peak, "1") == 0 && unit.en != a->unit ? one : unit.en);
	}
	struct lasted lasted = lasted_of(seconds);
	char again_ja[32] = "", again_en[32] = "";
	if (a->reopened) {
		snprintf(again_ja, sizeof again_ja, "、再発%u回", a->reopened);
		snprintf(again_en, sizeof again_en, ", came back %u time%s", a->reopened, a->reopened == 1 ? "" : "s");
	}
	snprintf(tail, sizeof tail, "（終了。継続%s%s%s%s）", lasted.ja, peak_ja, again_ja,
	         displaced ? "。上限のため追跡を打ち切り" : "");
	yg_lifecycle_text_append(a->text_ja, tail);
	snprintf(tail, sizeof tail, " (%s after %s%s%s.)", displaced ? "No longer followed, for want of room:" : "Ended",
	         lasted.en, peak_en, again_en);
	yg_lifecycle_text_append(a->text_en, tail);
}

void yg_lifecycle_text_summary(struct yg_alert *a, uint64_t count, bool rest)
{
	char number[32];
	grouped(count, number);
	snprintf(a->text_ja, sizeof a->text_ja, "%s%sのアラートが集中したため集約中。個別に通知した分のほかに%s件。",
	         a->kind, rest ? "ほか" : "", number);
	snprintf(a->text_en, sizeof a->text_en,
	         "So many alerts that %s%s is summarised: %s more than were sent one by one.", a->kind,
	         rest ? " and other kinds" : "", number);
}

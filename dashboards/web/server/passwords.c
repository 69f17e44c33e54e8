// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See passwords.h. The cheapest cut is found from the left: cost[i] is the least for the first i code points, so 128 of them cost
// 128 * (words that begin alike) and no more, whatever is typed.
#include "passwords.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>


enum { WORD_MAX = 24 };

// What people in an office choose, in letters and as it is typed. The list of common words is English.
// clang-format off
static const char *const office_words[] = {
	"yagura", "dashboard", "sensor", "netmonitor", "soc", "security", "sekyuriti", "network", "monitor", "kanshi", "kanri", "kanrisha",
	"administrator", "admin", "pasuwado", "pasuwaado", "password", "himitsu", "angou", "anshou", "login", "roguin", "jouhou", "johosystem",
	"system", "shisutemu", "server", "saaba", "kencho", "kenchou", "shiyakusho", "shichoson", "shicyouson", "yakuba", "yakusho", "jichitai",
	"kokyo", "chiji", "shichou", "shokuin", "nihon", "nippon", "japan", "tokyo", "osaka", "kyoto", "reiwa", "heisei", "showa", "shouwa",
	"sakura", "fujisan", "konnichiwa", "ohayou", "ohayo", "arigatou", "arigato", "sayonara", "yoroshiku", "onegai", "ichiban", "sensei",
	"doraemon", "pikachu", "pokemon", "naruto", "totoro", "hanako", "tarou", "yamada", "tanaka", "suzuki", "satou", "takahashi", "welcome",
	"youkoso", "changeme", "letmein", "iloveyou", "aishiteru", "daisuki", "spring", "summer", "autumn", "winter", "haru", "natsu", "aki",
	"ぱすわーど", "やぐら", "櫓", "ひみつ", "秘密", "管理者", "管理", "監視", "監視員", "県庁", "市役所", "町役場", "村役場", "役場", "役所",
	"自治体", "職員", "政策課", "総務課", "しすてむ", "せきゅりてぃ", "ねっとわーく", "さーばー", "ろぐいん", "暗証番号", "合言葉", "令和",
	"平成", "昭和", "日本", "東京", "大阪", "京都", "富士山", "桜", "さくら", "こんにちは", "おはよう", "ありがとう", "よろしく", "ようこそ",
	"あいうえお", "かきくけこ", "いろはにほへと", "開けごま", "ひらけごま", NULL,
};
// clang-format on

// Rows of keyboards, as they lie; the Japanese one differs in its signs alone.
static const char *const rows[] = {"`1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
				   "!@#$%^&*()_+"};

struct text {
	unsigned count;
	uint32_t typed[WEB_PASSWORD_MAX], folded[WEB_PASSWORD_MAX];
	char plain[2][WEB_PASSWORD_MAX]; // ASCII, with signs read as letters, 1 as i and as l; 0 where it is none
	const char *const *context;
	double cost[WEB_PASSWORD_MAX + 1];
	bool of_place[WEB_PASSWORD_MAX + 1];
};

// One code point of valid UTF-8; 0: the end; UINT32_MAX: it is none.
static uint32_t next(const char **at)
{
	const unsigned char *p = (const unsigned char *)*at;
	unsigned more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : *p >= 0xe0 && *p < 0xf0 ? 2 : *p >= 0xf0 && *p < 0xf5 ? 3 : 4;
	if (more == 4)
		return UINT32_MAX;
	uint32_t c = more ? *p & (0x3f >> more) : *p;
	for (unsigned i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return UINT32_MAX;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((more == 2 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) || (more == 3 && (c < 0x10000 || c > 0x10ffff)))
		return UINT32_MAX;
	*at += c ? more + 1 : 0;
	return c;
}

static uint32_t fold(uint32_t c)
{
	if (c >= 0xff01 && c <= 0xff5e)
		c -= 0xfee0;
	if (c >= 'A' && c <= 'Z')
		return c + 'a' - 'A';
	if (c >= 0x30a1 && c <= 0x30f6)
		return c - 0x60;
	return c == 0x3000 ? ' ' : c;
}

static char letter_for(char c, bool l)
{
	static const char signs[] = "0oo1ii3ee4aa5ss7tt8bb@aa$ss!ii|ll+tt";
	for (unsigned i = 0; signs[i]; i += 3)
		if (signs[i] == c)
			return l && (c == '1' || c == '!') ? 'l' : signs[i + 1];
	return c;
}

static enum web_password read_text(const char *password, struct text *t)
{
	uint32_t c;
	while ((c = next(&password))) {
		if (c == UINT32_MAX)
			return WEB_PASSWORD_NOT_TEXT;
		if (t->count == WEB_PASSWORD_MAX)
			return WEB_PASSWORD_LONG;
		t->typed[t->count] = c;
		t->folded[t->count] = fold(c);
		char ascii = t->folded[t->count] < 0x80 ? (char)t->folded[t->count] : 0;
		t->plain[0][t->count] = letter_for(ascii, false);
		t->plain[1][t->count++] = letter_for(ascii, true);
	}
	return t->count < WEB_PASSWORD_MIN ? WEB_PASSWORD_SHORT : WEB_PASSWORD_GOOD;
}

static void offer(struct text *t, unsigned from, unsigned length, double bits, bool place)
{
	unsigned to = from + length;
	double cost = t->cost[from] + bits;
	if (cost < t->cost[to]) {
		t->cost[to] = cost;
		t->of_place[to] = t->of_place[from] || place;
	}
}

// How a word was changed adds a little: capitals, signs for letters.
static double changed(const struct text *t, unsigned from, unsigned length, bool signs)
{
	double bits = signs ? 1 : 0;
	for (unsigned i = from; i < from + length; i++)
		if (t->typed[i] != t->folded[i])
			return bits + 1;
	return bits;
}

static bool is_common(const char *word, unsigned length)
{
	unsigned low = 0, high = web_common_words_count;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = strncmp(web_common_words[middle], word, length);
		if (order == 0 && !web_common_words[middle][length])
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static void offer_common(struct text *t, unsigned from)
{
	char folded[WORD_MAX + 1], *texts[3] = {folded, t->plain[0] + from, t->plain[1] + from};
	for (unsigned length = 0; length < WORD_MAX && from + length < t->count && t->folded[from + length] < 0x80; length++) {
		folded[length] = (char)t->folded[from + length];
		for (unsigned i = 0; i < 3 && length >= 3; i++)
			if (is_common(texts[i], length + 1))
				offer(t, from, length + 1, 10 + changed(t, from, length + 1, i > 0), false);
	}
}

// Length of `word` where it stands at `from`, read as typed or with signs for letters (`ret_signs`); 0: it does not, or is too short.
static unsigned stands(const struct text *t, unsigned from, const char *word, bool *ret_signs)
{
	unsigned length = 0;
	uint32_t c;
	*ret_signs = false;
	while ((c = next(&word))) {
		if (c == UINT32_MAX || from + length >= t->count)
			return 0;
		c = fold(c);
		unsigned at = from + length++;
		if (t->folded[at] == c)
			continue;
		if (c >= 0x80 || ((uint32_t)t->plain[0][at] != c && (uint32_t)t->plain[1][at] != c))
			return 0;
		*ret_signs = true;
	}
	return length >= 3 || (length == 2 && t->folded[from] >= 0x3400) ? length : 0; // two kanji are a word, two letters are not
}

static void offer_words(struct text *t, unsigned from)
{
	bool signs;
	unsigned length;
	for (unsigned i = 0; office_words[i]; i++)
		if ((length = stands(t, from, office_words[i], &signs)))
			offer(t, from, length, 7 + changed(t, from, length, signs), i == 0);
	for (unsigned i = 0; t->context && t->context[i]; i++)
		if ((length = stands(t, from, t->context[i], &signs)))
			offer(t, from, length, 5 + changed(t, from, length, signs), true);
}

static bool beside(uint32_t a, uint32_t b, int way)
{
	for (unsigned i = 0; i < sizeof rows / sizeof *rows && a < 0x80 && b < 0x80; i++) {
		const char *at = a ? strchr(rows[i], (int)a) : NULL;
		if (at && ((way > 0 && at[1] && (uint32_t)at[1] == b) || (way < 0 && at > rows[i] && (uint32_t)at[-1] == b)))
			return true;
	}
	return false;
}

// aaaa, abcd, 4321, qwerty: anything that goes on by one rule, from three (keys: four).
static void offer_runs(struct text *t, unsigned from)
{
	for (int step = -1; step <= 1; step++) {
		unsigned n = 1;
		while (from + n < t->count && t->folded[from + n] == t->folded[from + n - 1] + (uint32_t)step)
			n++;
		for (unsigned length = 3; length <= n; length++)
			offer(t, from, length, 5 + log2(length), false);
	}
	for (int way = -1; way <= 1; way += 2) {
		unsigned n = 1;
		while (from + n < t->count && beside(t->folded[from + n - 1], t->folded[from + n], way))
			n++;
		for (unsigned length = 4; length <= n; length++)
			offer(t, from, length, 6 + log2(length), false);
	}
}

// What stands before, once more, or many times.
static void offer_repeats(struct text *t, unsigned from)
{
	for (unsigned length = 2; length <= from; length++)
		for (unsigned n = 0; from + (n + 1) * length <= t->count; n++) {
			if (memcmp(t->folded + from - length, t->folded + from + n * length, length * sizeof *t->folded) != 0)
				break;
			offer(t, from, (n + 1) * length, 2 + log2(n + 1), false);
		}
}

static unsigned digits(const struct text *t, unsigned from, unsigned count)
{
	unsigned value = 0;
	for (unsigned i = from; i < from + count; i++) {
		if (i >= t->count || t->folded[i] < '0' || t->folded[i] > '9')
			return UINT32_MAX;
		value = value * 10 + t->folded[i] - '0';
	}
	return value;
}

static void offer_dates(struct text *t, unsigned from)
{
	unsigned year = digits(t, from, 4), day = digits(t, from, 8);
	if (year >= 1900 && year <= 2099)
		offer(t, from, 4, 6, false);
	if (day != UINT32_MAX && day / 10000 >= 1900 && day / 10000 <= 2099 && day / 100 % 100 - 1 < 12 && day % 100 - 1 < 31)
		offer(t, from, 8, 14, false);
}

static double of_character(uint32_t typed)
{
	if (typed >= '0' && typed <= '9')
		return 3.3;
	if (typed >= 'a' && typed <= 'z')
		return 4.7;
	if (typed < 0x80)
		return 5.5;
	return typed >= 0x3400 ? 9 : 6; // kanji and beyond; kana and the like
}

enum web_password web_password_judge(const char *password, const char *const *context)
{
	struct text t = {.context = context};
	enum web_password verdict = read_text(password, &t);
	if (verdict != WEB_PASSWORD_GOOD)
		return verdict;
	for (unsigned i = 1; i <= t.count; i++)
		t.cost[i] = INFINITY;
	for (unsigned i = 0; i < t.count; i++) {
		offer(&t, i, 1, of_character(t.typed[i]), false);
		offer_common(&t, i);
		offer_words(&t, i);
		offer_runs(&t, i);
		offer_repeats(&t, i);
		offer_dates(&t, i);
	}
	if (t.cost[t.count] >= WEB_PASSWORD_BITS)
		return WEB_PASSWORD_GOOD;
	return t.of_place[t.count] ? WEB_PASSWORD_CONTEXT : WEB_PASSWORD_COMMON;
}

const char *web_password_code(enum web_password verdict)
{
	static const char *const codes[] = {[WEB_PASSWORD_SHORT] = "password_short",
	                                    [WEB_PASSWORD_LONG] = "password_long",
	                                    [WEB_PASSWORD_NOT_TEXT] = "password_not_text",
	                                    [WEB_PASSWORD_COMMON] = "password_common",
	                                    [WEB_PASSWORD_CONTEXT] = "password_context"};
	return codes[verdict];
}

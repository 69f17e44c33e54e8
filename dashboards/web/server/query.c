// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See query.h. First the text is folded (full-width signs to half-width, ASCII to lower case), with a map back to where each byte stood, so
// that an error points at what the person typed. Then it is cut into terms, and each value is read by the rules of its field.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query_parts.h"

static const struct {
	char name[12];
	uint8_t match;
} fields[WEB_FIELDS] = {
	[WEB_F_TEXT] = {"text", WEB_M_TEXT}, [WEB_F_ORG] = {"org", WEB_M_TEXT}, [WEB_F_KIND] = {"kind", WEB_M_TEXT},
	[WEB_F_SEV] = {"sev", WEB_M_NUMBER}, [WEB_F_STATE] = {"state", WEB_M_NUMBER}, [WEB_F_IS] = {"is", WEB_M_NUMBER},
	[WEB_F_SRC] = {"src", WEB_M_NET}, [WEB_F_DST] = {"dst", WEB_M_NET}, [WEB_F_IP] = {"ip", WEB_M_NET},
	[WEB_F_PORT] = {"port", WEB_M_NUMBER}, [WEB_F_PROTO] = {"proto", WEB_M_NUMBER}, [WEB_F_APP] = {"app", WEB_M_TEXT},
	[WEB_F_ATTCK] = {"attck", WEB_M_TEXT}, [WEB_F_SENSOR] = {"sensor", WEB_M_TEXT}, [WEB_F_ZONE] = {"zone", WEB_M_NUMBER},
	[WEB_F_VECTOR] = {"vector", WEB_M_TEXT}, [WEB_F_SCORE] = {"score", WEB_M_NUMBER}, [WEB_F_COUNT] = {"count", WEB_M_NUMBER},
	[WEB_F_ASSIGNEE] = {"assignee", WEB_M_TEXT}, [WEB_F_ID] = {"id", WEB_M_TEXT},
	[WEB_F_COMMUNITY] = {"community", WEB_M_TEXT},
};

// Words that stand for numbers, by field; NULL ends a list.
static const char *const severities[] = {"info", "low", "medium", "high", "critical", NULL};
static const char *const states[] = {"new", "acknowledged", "escalated", "archived", NULL};
static const char *const is_words[] = {"open", "closed", "new", "mine", "escalated", "archived", "shadow", "suppressed", "overdue", NULL};
static const char *const zones[] = {"none", "internet", "lgwan", "mynumber", NULL};

struct parser {
	struct web_query *q;
	struct web_query_error *error;
	uint32_t at, end; // in q->folded
};

static bool fail(struct parser *p, uint32_t at, const char *code, const char *hint)
{
	p->error->at = p->q->from[at];
	snprintf(p->error->code, sizeof p->error->code, "%s", code);
	snprintf(p->error->hint, sizeof p->error->hint, "%s", hint);
	return false;
}

// U+FF01 to U+FF5E are the printable ASCII signs in their order, U+3000 is the wide blank.
static unsigned fold_one(const unsigned char *s, size_t left, char *ret)
{
	if (left >= 3 && s[0] == 0xe3 && s[1] == 0x80 && s[2] == 0x80) {
		*ret = ' ';
		return 3;
	}
	if (left >= 3 && s[0] == 0xef && (s[1] == 0xbc || s[1] == 0xbd)) {
		unsigned code = 0xf000u | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
		if (code >= 0xff01 && code <= 0xff5e) {
			*ret = (char)(code - 0xff01 + 0x21);
			return 3;
		}
	}
	*ret = (char)s[0];
	return 1;
}

static uint32_t fold(struct web_query *q, const char *text, size_t length)
{
	uint32_t n = 0;
	for (size_t i = 0; i < length;) {
		char c;
		q->from[n] = (uint16_t)i;
		i += fold_one((const unsigned char *)text + i, length - i, &c);
		if ((unsigned char)c < 0x20 || c == 0x7f)
			c = ' ';
		q->folded[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	q->from[n] = (uint16_t)length;
	return n;
}

char *web_fold_text(const char *text)
{
	size_t length = strlen(text), n = 0;
	char *to = malloc(length + 1);
	for (size_t i = 0; to && i < length; n++) {
		i += fold_one((const unsigned char *)text + i, length - i, &to[n]);
		if (to[n] >= 'A' && to[n] <= 'Z')
			to[n] = (char)(to[n] - 'A' + 'a');
	}
	if (to)
		to[n] = '\0';
	return to;
}

static int word_at(const char *const *words, const char *text, size_t length)
{
	for (int i = 0; words && words[i]; i++)
		if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0)
			return i;
	return -1;
}

static const char *const *words_of(unsigned field)
{
	switch (field) {
	case WEB_F_SEV:
		return severities;
	case WEB_F_STATE:
		return states;
	case WEB_F_IS:
		return is_words;
	case WEB_F_ZONE:
		return zones;
	default:
		return NULL;
	}
}

static bool read_protocol(const char *text, size_t length, int64_t *ret)
{
	static const struct {
		char name[8];
		uint8_t number;
	} known[] = {{"icmp", 1}, {"tcp", 6}, {"udp", 17}, {"gre", 47}, {"esp", 50}, {"icmpv6", 58}, {"sctp", 132}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strlen(known[i].name) == length && memcmp(known[i].name, text, length) == 0) {
			*ret = known[i].number;
			return true;
		}
	return false;
}

static bool read_number(unsigned field, const char *text, size_t length, int64_t *ret)
{
	int word = word_at(words_of(field), text, length);
	if (word >= 0) {
		*ret = word;
		return true;
	}
	if (words_of(field) || !length || length > 10)
		return false;
	if (field == WEB_F_PROTO && read_protocol(text, length, ret))
		return true;
	*ret = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*ret = *ret * 10 + (text[i] - '0');
	}
	return true;
}

// 80, >=80, <=80, 10..20
static bool read_span(unsigned field, const char *text, size_t length, struct web_value *v)
{
	v->match = WEB_M_NUMBER;
	if (length > 2 && (text[0] == '>' || text[0] == '<') && text[1] == '=') {
		int64_t n;
		if (field == WEB_F_IS || !read_number(field, text + 2, length - 2, &n))
			return false;
		v->low = text[0] == '>' ? n : INT64_MIN;
		v->high = text[0] == '>' ? INT64_MAX : n;
		return true;
	}
	for (size_t i = 1; i + 2 < length; i++)
		if (text[i] == '.' && text[i + 1] == '.')
			return field != WEB_F_IS && read_number(field, text, i, &v->low) &&
			       read_number(field, text + i + 2, length - i - 2, &v->high) && v->low <= v->high;
	bool good = read_number(field, text, length, &v->low);
	v->high = v->low;
	return good;
}

static bool read_net(const char *text, size_t length, struct web_value *v)
{
	char copy[64];
	if (!length || length >= sizeof copy)
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	char *slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	v->match = WEB_M_NET;
	v->af = strchr(copy, ':') ? 6 : 4;
	if (inet_pton(v->af == 6 ? AF_INET6 : AF_INET, copy, v->addr) != 1)
		return false;
	int64_t bits = v->af == 6 ? 128 : 32, most = bits;
	if (slash && (!read_number(WEB_F_COUNT, slash, strlen(slash), &bits) || bits > most))
		return false;
	v->bits = (uint8_t)bits;
	return true;
}

static bool read_value(struct parser *p, struct web_term *t, uint32_t at, uint32_t length)
{
	if (t->count == WEB_VALUES)
		return fail(p, at, "too_many_values", "");
	struct web_value *v = &t->values[t->count];
	const char *text = p->q->folded + at;
	bool good = length > 0;
	if (fields[t->field].match == WEB_M_NUMBER)
		good = good && read_span(t->field, text, length, v);
	else if (fields[t->field].match == WEB_M_NET)
		good = good && read_net(text, length, v);
	else {
		v->match = WEB_M_TEXT;
		v->prefix = length > 1 && text[length - 1] == '*';
		v->text = (uint16_t)at;
		v->length = (uint16_t)(length - v->prefix);
		good = good && !(v->prefix && t->field == WEB_F_COMMUNITY); // the index has a hash of it
	}
	if (!good)
		return fail(p, at, "bad_value", fields[t->field].name);
	t->count++;
	return true;
}

// The end of a word or of a quoted text that begins at `at`; its text lies in [*ret_from, *ret_to).
static bool take_text(struct parser *p, uint32_t at, uint32_t *ret_from, uint32_t *ret_to)
{
	const char *s = p->q->folded;
	if (s[at] == '"') {
		uint32_t close = at + 1;
		while (close < p->end && s[close] != '"')
			close++;
		if (close == p->end)
			return fail(p, at, "unbalanced_quote", "");
		*ret_from = at + 1;
		*ret_to = close;
		p->at = close + 1;
		return true;
	}
	uint32_t end = at;
	while (end < p->end && s[end] != ' ')
		end++;
	*ret_from = at;
	*ret_to = p->at = end;
	return true;
}

static bool read_values(struct parser *p, struct web_term *t, uint32_t at)
{
	uint32_t from, to;
	bool quoted = at < p->end && p->q->folded[at] == '"';
	if (!take_text(p, at, &from, &to))
		return false;
	if (quoted)
		return read_value(p, t, from, to - from);
	for (uint32_t i = from; i <= to; i++)
		if (i == to || p->q->folded[i] == ',') {
			if (!read_value(p, t, from, i - from))
				return false;
			from = i + 1;
		}
	return true;
}

static int field_of(const char *text, size_t length)
{
	for (int i = 0; i < WEB_FIELDS; i++)
		if (strlen(fields[i].name) == length && memcmp(fields[i].name, text, length) == 0)
			return i;
	return -1;
}

// The field whose name begins most like what was typed.
static const char *nearest(const char *text, size_t length)
{
	const char *best = "";
	size_t most = 0;
	for (int i = 0; i < WEB_FIELDS; i++) {
		size_t same = 0;
		while (same < length && fields[i].name[same] == text[same] && text[same])
			same++;
		if (same > most) {
			most = same;
			best = fields[i].name;
		}
	}
	return best;
}

static bool read_term(struct parser *p)
{
	const char *s = p->q->folded;
	if (p->q->count == WEB_TERMS)
		return fail(p, p->at, "too_many_terms", "");
	struct web_term *t = &p->q->terms[p->q->count++];
	uint32_t at = p->at;
	if (s[at] == '-' && at + 1 < p->end && s[at + 1] != ' ') {
		t->negate = true;
		at++;
	}
	if (s[at] == '@') {
		t->field = WEB_F_IP;
		return read_values(p, t, at + 1);
	}
	uint32_t colon = at;
	while (colon < p->end && s[colon] >= 'a' && s[colon] <= 'z')
		colon++;
	if (colon > at && colon < p->end && s[colon] == ':') {
		int field = field_of(s + at, colon - at);
		if (field < 0)
			return fail(p, at, "unknown_field", nearest(s + at, colon - at));
		t->field = (uint8_t)field;
		return read_values(p, t, colon + 1);
	}
	uint32_t from, to;
	return take_text(p, at, &from, &to) && read_value(p, t, from, to - from);
}

struct web_query *web_query_parse(const char *text, const char *me, struct web_query_error *ret_error)
{
	struct web_query *q = calloc(1, sizeof *q);
	size_t length = strnlen(text, WEB_QUERY_BYTES + 1);
	memset(ret_error, 0, sizeof *ret_error);
	struct parser p = {.q = q, .error = ret_error};
	bool good = q != NULL;
	if (!good)
		snprintf(ret_error->code, sizeof ret_error->code, "no_memory");
	else if (length > WEB_QUERY_BYTES)
		good = fail(&p, 0, "too_long", "");
	else
		p.end = fold(q, text, length);
	while (good) {
		while (p.at < p.end && q->folded[p.at] == ' ')
			p.at++;
		if (p.at == p.end)
			break;
		good = read_term(&p);
	}
	if (good) {
		snprintf(q->me, sizeof q->me, "%s", me ? me : "");
		return q;
	}
	free(q);
	return NULL;
}

void web_query_free(struct web_query *q)
{
	free(q);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a restart must not forget. Bodies go by their codes: their numbers are another configuration's. Nothing here is trusted when it
// comes back: all of it is checked before any of it is taken.
//
//   head | for each body: its head | its hours, ascending within each row
#include "body.h"

#include <math.h>
#include <string.h>

#define MAGIC UINT32_C(0x4f424759) // "YGBO"
#define RATE_MAX 1e12

enum { VERSION = 1, CODE_BYTES = 16, SILENT_MAX = 366 * 86400 };

struct head {
	uint32_t magic;
	uint16_t version, weeks;
	uint16_t rows, kept, metrics, reserved;
	uint32_t bodies;
};

struct body_head {
	char code[CODE_BYTES];
	int64_t first_s;
	double recent_rate[BODY_WAYS];
	uint32_t silent_s[BODY_WAYS];
	uint32_t recent_minutes, hours;
	uint8_t silence, reserved[7]; // enum silence
};

enum silence { SPEAKS, DARK, IN_MIRROR };

struct saved_hour {
	uint32_t hour;
	uint16_t row;
	uint16_t v[BODY_METRICS][BODY_KEPT];
	uint16_t reserved;
};

// ---- out ----

static uint32_t hours_of(const struct body_row *row, uint32_t most)
{
	uint32_t count = 0;
	for (unsigned i = 0; i < BODY_WEEKS; i++)
		count += row->hour[i].hour != 0;
	return count < most ? count : most;
}

static uint32_t all_hours(const struct body_watch *b, uint32_t most)
{
	uint32_t count = 0;
	for (unsigned r = 0; r < BODY_ROWS; r++)
		count += hours_of(&b->row[r], most);
	return count;
}

static uint64_t size_of(const struct body *d, uint32_t most)
{
	uint64_t size = sizeof(struct head) + d->used * sizeof(struct body_head);
	for (uint32_t i = 0; i < d->used; i++)
		size += all_hours(&d->watch[i], most) * (uint64_t)sizeof(struct saved_hour);
	return size;
}

static uint8_t *put(uint8_t *to, const void *from, size_t size)
{
	memcpy(to, from, size);
	return to + size;
}

// Runs of BODY_KEPT ascending values to one ascending list. An hour's are ascending, so a snapshot of 300 bodies takes merges, no sorting.
static const uint16_t *merge(uint16_t *v, uint16_t *spare, unsigned count)
{
	for (unsigned run = BODY_KEPT; run < count; run *= 2) {
		for (unsigned i = 0; i < count; i += 2 * run) {
			unsigned a = i, a_end = i + run < count ? i + run : count, b = a_end, b_end = i + 2 * run < count ? i + 2 * run : count;
			for (unsigned to = i; to < b_end; to++)
				spare[to] = b == b_end || (a < a_end && v[a] <= v[b]) ? v[a++] : v[b++];
		}
		uint16_t *swap = v;
		v = spare;
		spare = swap;
	}
	return v;
}

// All hours of a row as `most` hours whose values are evenly drawn from all of theirs: the median stays, and so does the spread. Each of
// the new ones spans the whole, and has the time of one of the newest.
static void fold(const struct body_hour *from, uint32_t count, uint32_t most, struct body_hour *to)
{
	for (unsigned m = 0; m < BODY_METRICS; m++) {
		uint16_t raw[BODY_VALUES], spare[BODY_VALUES];
		for (uint32_t i = 0; i < count; i++)
			memcpy(raw + i * BODY_KEPT, from[i].v[m], sizeof from[i].v[m]);
		const uint16_t *v = merge(raw, spare, count * BODY_KEPT);
		for (uint32_t i = 0; i < most * BODY_KEPT; i++)
			to[i % most].v[m][i / most] = v[count * (2 * i + 1) / (2 * most)];
	}
	for (uint32_t i = 0; i < most; i++)
		to[i].hour = from[count - most + i].hour;
}

// The hours of a row, the oldest first.
static uint32_t gather(const struct body_row *row, uint32_t most, struct body_hour ret_hours[BODY_WEEKS])
{
	struct body_hour all[BODY_WEEKS];
	uint32_t count = 0;
	for (unsigned i = 0; i < BODY_WEEKS; i++) {
		const struct body_hour *h = &row->hour[(row->next + i) % BODY_WEEKS];
		if (h->hour)
			all[count++] = *h;
	}
	if (count > most) {
		fold(all, count, most, ret_hours);
		return most;
	}
	memcpy(ret_hours, all, count * sizeof all[0]);
	return count;
}

static uint8_t *put_body(const struct body *d, const struct body_watch *b, uint32_t most, uint8_t *to)
{
	const struct yg_org_info *org = d->host->org(d->host->context, b->org);
	struct body_head head = {.first_s = b->first_s, .recent_minutes = b->recent_minutes, .hours = all_hours(b, most),
				 .silence = b->dark ? DARK : b->in_mirror ? IN_MIRROR : SPEAKS};
	memcpy(head.code, org ? org->code : "", org ? strnlen(org->code, CODE_BYTES - 1) : 0);
	memcpy(head.recent_rate, b->recent_rate, sizeof head.recent_rate);
	for (unsigned w = 0; w < BODY_WAYS; w++)
		head.silent_s[w] = b->silent_s[w] < SILENT_MAX ? b->silent_s[w] : SILENT_MAX;
	to = put(to, &head, sizeof head);
	for (unsigned r = 0; most && r < BODY_ROWS; r++) {
		struct body_hour hours[BODY_WEEKS];
		uint32_t count = gather(&b->row[r], most, hours);
		for (uint32_t i = 0; i < count; i++) {
			struct saved_hour s = {.hour = hours[i].hour, .row = (uint16_t)r};
			memcpy(s.v, hours[i].v, sizeof s.v);
			to = put(to, &s, sizeof s);
		}
	}
	return to;
}

uint32_t body_save(void *self, void *buffer, uint32_t size)
{
	struct body *d = self;
	uint32_t most = BODY_WEEKS; // hours of each row
	while (most && size_of(d, most) > size)
		most--;
	if (!d->used || size_of(d, most) > size) {
		d->stats.save_failed += d->used != 0;
		return 0;
	}
	d->stats.save_cut += most < BODY_WEEKS;
	const struct head head = {MAGIC, VERSION, BODY_WEEKS, BODY_ROWS, BODY_KEPT, BODY_METRICS, 0, d->used};
	uint8_t *to = put(buffer, &head, sizeof head);
	for (uint32_t i = 0; i < d->used; i++)
		to = put_body(d, &d->watch[i], most, to);
	return (uint32_t)(to - (uint8_t *)buffer);
}

// ---- in ----

struct reader {
	const uint8_t *at, *end;
};

static bool take(struct reader *r, void *to, size_t size)
{
	if ((size_t)(r->end - r->at) < size)
		return false;
	memcpy(to, r->at, size);
	r->at += size;
	return true;
}

static bool head_is_sound(const struct head *h)
{
	return h->magic == MAGIC && h->version == VERSION && h->weeks == BODY_WEEKS && h->rows == BODY_ROWS && h->kept == BODY_KEPT &&
	       h->metrics == BODY_METRICS && !h->reserved && h->bodies <= BODY_ORGS;
}

static bool body_is_sound(const struct body_head *h)
{
	for (unsigned w = 0; w < BODY_WAYS; w++)
		if (!isfinite(h->recent_rate[w]) || h->recent_rate[w] < 0 || h->recent_rate[w] > RATE_MAX || h->silent_s[w] > SILENT_MAX)
			return false;
	return memchr(h->code, 0, CODE_BYTES) && h->recent_minutes <= BODY_RECENT && h->hours <= BODY_ROWS * BODY_WEEKS &&
	       h->silence <= IN_MIRROR && h->first_s >= 0;
}

static bool ascends(const struct saved_hour *s)
{
	for (unsigned m = 0; m < BODY_METRICS; m++)
		for (unsigned i = 1; i < BODY_KEPT; i++)
			if (s->v[m][i - 1] > s->v[m][i])
				return false;
	return true;
}

// A body's hours; with `b`, into it.
static bool take_hours(struct reader *r, uint32_t count, struct body_watch *b)
{
	struct saved_hour s, before = {0};
	uint32_t of_row = 0;
	for (uint32_t i = 0; i < count; i++, before = s) {
		if (!take(r, &s, sizeof s) || s.row >= BODY_ROWS || !s.hour || s.reserved || !ascends(&s))
			return false;
		if (i && (s.row < before.row || (s.row == before.row && s.hour <= before.hour)))
			return false;
		of_row = i && s.row == before.row ? of_row + 1 : 1;
		if (of_row > BODY_WEEKS)
			return false;
		if (!b)
			continue;
		struct body_row *row = &b->row[s.row];
		row->hour[of_row - 1].hour = s.hour;
		memcpy(row->hour[of_row - 1].v, s.v, sizeof s.v);
		row->next = of_row % BODY_WEEKS;
	}
	return true;
}

// The number of the body with this code, or YG_ORG_NONE: it is no longer there.
static uint16_t find(const struct body *d, const char *code)
{
	const struct yg_org_info *org;
	for (uint16_t i = 0; i < BODY_ORGS && (org = d->host->org(d->host->context, i)); i++)
		if (code[0] && strcmp(org->code, code) == 0)
			return i;
	return YG_ORG_NONE;
}

static bool read_all(struct body *d, struct reader r, bool apply)
{
	struct head head;
	struct body_head h;
	if (!take(&r, &head, sizeof head) || !head_is_sound(&head))
		return false;
	for (uint32_t i = 0; i < head.bodies; i++) {
		if (!take(&r, &h, sizeof h) || !body_is_sound(&h))
			return false;
		uint16_t org = apply ? find(d, h.code) : YG_ORG_NONE;
		// The first of two with one code; what has been heard since knows better; and there may be fewer places than there were.
		struct body_watch *b = org != YG_ORG_NONE && !body_get(d, org, false) ? body_get(d, org, true) : NULL;
		if (!take_hours(&r, h.hours, b))
			return false;
		if (!b)
			continue;
		b->first_s = h.first_s;
		b->recent_minutes = h.recent_minutes;
		b->dark = h.silence == DARK;
		b->in_mirror = h.silence == IN_MIRROR;
		memcpy(b->recent_rate, h.recent_rate, sizeof b->recent_rate);
		memcpy(b->silent_s, h.silent_s, sizeof b->silent_s);
		b->silent_at = h.silent_s[BODY_OUT] ? h.silent_s[BODY_OUT] : h.silent_s[BODY_IN];
		b->silent_at += !b->silent_at;
		d->mirror.open = d->mirror.open || b->in_mirror;
		d->mirror.members += b->in_mirror;
		d->mirror.able += b->in_mirror;
	}
	return r.at == r.end;
}

int body_restore(void *self, const void *buffer, uint32_t size)
{
	struct body *d = self;
	struct reader r = {buffer, (const uint8_t *)buffer + size};
	if (!read_all(d, r, false)) {
		d->stats.refused++;
		return -1;
	}
	read_all(d, r, true);
	d->stats.restored++;
	return 0;
}

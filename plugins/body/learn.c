// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a body usually does: the last hour minute by minute, and the hours of the week over eight weeks. Medians and median deviations,
// because a habit is not moved by the one Monday on which a flood came (Rousseeuw and Croux, "Alternatives to the median absolute
// deviation", JASA 88, 1993, for the factor 1.4826 in judge.c).
#include "body.h"

#include <math.h>
#include <string.h>

enum { LINK_MINUTE_LEAST_S = 12, HOUR_S = 3600, DAY_S = 86400 };

#define PACK 1024.0

uint16_t body_pack(double value)
{
	double packed = value > 0 ? round(PACK * log2(1 + value)) : 0;
	return packed < UINT16_MAX ? (uint16_t)packed : UINT16_MAX;
}

double body_unpack(uint16_t packed)
{
	return exp2(packed / PACK) - 1;
}

static void sort(double *v, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		double moving = v[i];
		unsigned j = i;
		for (; j && v[j - 1] > moving; j--)
			v[j] = v[j - 1];
		v[j] = moving;
	}
}

double body_median(double *values, unsigned count)
{
	sort(values, count);
	return !count ? 0 : count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double body_mad(double *values, unsigned count, double median)
{
	for (unsigned i = 0; i < count; i++)
		values[i] = fabs(values[i] - median);
	return body_median(values, count);
}

// ---- who speaks for the body ----

// Space-saving (Metwally, Agrawal and El Abbadi, 2005): a newcomer takes the place of the least, with its count.
static void save_space(struct body_host *table, uint8_t af, const struct yg_addr *addr, uint64_t bytes)
{
	struct body_host *least = table;
	for (unsigned i = 0; i < BODY_HOSTS; i++) {
		struct body_host *h = &table[i];
		if (h->af == af && memcmp(&h->addr, addr, sizeof *addr) == 0) {
			h->bytes += bytes;
			return;
		}
		if (h->bytes < least->bytes)
			least = h;
	}
	least->af = af;
	least->addr = *addr;
	least->bytes += bytes;
}

void body_count_host(struct body_watch *b, const struct yg_window *w)
{
	uint64_t bytes = w->now.bytes_out;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		bytes += w->now.bytes[v];
	b->host_bytes += (double)bytes;
	save_space(b->host, w->af, &w->addr, bytes);
}

// ---- minutes ----

static void rate_of_recent(struct body_watch *b)
{
	if (b->recent_count < BODY_RECENT_LEAST)
		return; // what a snapshot brought still holds
	for (unsigned way = 0; way < BODY_WAYS; way++) {
		double v[BODY_RECENT];
		for (unsigned i = 0; i < b->recent_count; i++)
			v[i] = (double)b->recent[way][i];
		sort(v, b->recent_count);
		b->recent_rate[way] = v[b->recent_count < BODY_RECENT_TRUSTED ? 0 : b->recent_count / 4] / 60;
	}
	b->recent_minutes = b->recent_count;
}

void body_close_minute(struct body *d, struct body_watch *b, int64_t second)
{
	struct body_hope hope;
	bool hoped = body_hope_of(b, &hope);
	unsigned way = hoped ? hope.way : BODY_OUT;
	b->minutes[b->minutes_next++ % BODY_SERIES] = (float)(b->minute[way] / 60);
	if (b->minutes_next == 2 * BODY_SERIES)
		b->minutes_next = BODY_SERIES;
	// A silence that is no habit must not become one while it is being looked at.
	bool missing = hoped && b->minute[way] <= 0 && hope.rate * 60 >= BODY_QUIET;
	bool whole = b->heard_s <= second - 59 && d->since_s <= second - 59 && d->link_minute_s >= LINK_MINUTE_LEAST_S;
	if (whole && !missing && !b->dark && !b->in_mirror) {
		uint32_t at = b->recent_next++ % BODY_RECENT;
		b->recent[BODY_IN][at] = (float)b->minute[BODY_IN];
		b->recent[BODY_OUT][at] = (float)b->minute[BODY_OUT];
		b->recent_next %= BODY_RECENT;
		b->recent_count += b->recent_count < BODY_RECENT;
		rate_of_recent(b);
	}
	b->minute[BODY_IN] = b->minute[BODY_OUT] = 0;
}

// ---- hours of the week ----

static void learn_hour(struct body *d, struct body_watch *b, int64_t second)
{
	if (b->hour_slots >= BODY_SLOTS_LEAST) {
		struct body_row *row = &b->row[d->host->week_hour(d->host->context, b->org, second) % BODY_ROWS];
		struct body_hour *hour = &row->hour[row->next++ % BODY_WEEKS];
		row->next %= BODY_WEEKS;
		hour->hour = (uint32_t)(second / HOUR_S);
		for (unsigned m = 0; m < BODY_METRICS; m++) {
			double v[BODY_SLOTS];
			for (unsigned i = 0; i < b->hour_slots; i++)
				v[i] = (double)b->value[m][i];
			sort(v, b->hour_slots);
			for (unsigned i = 0; i < BODY_KEPT; i++)
				hour->v[m][i] = body_pack(v[b->hour_slots * (2 * i + 1) / (2 * BODY_KEPT)]);
		}
	}
	b->hour_slots = 0;
}

void body_recall(const struct body *d, struct body_watch *b, int64_t second)
{
	const struct body_row *row = &b->row[d->host->week_hour(d->host->context, b->org, second) % BODY_ROWS];
	int64_t now = second / HOUR_S;
	unsigned count = 0;
	double v[BODY_METRICS][BODY_VALUES];
	for (unsigned i = 0; i < BODY_WEEKS; i++) {
		const struct body_hour *h = &row->hour[i];
		if (!h->hour || h->hour >= now || now - h->hour > BODY_OLD_HOURS)
			continue;
		for (unsigned k = 0; k < BODY_KEPT; k++, count++)
			for (unsigned m = 0; m < BODY_METRICS; m++)
				v[m][count] = body_unpack(h->v[m][k]);
	}
	b->habit.known = count >= BODY_VALUES_LEAST && (double)(second - b->first_s) >= d->learn_days * DAY_S;
	bool full = second - b->first_s >= (int64_t)BODY_FULL_DAYS * DAY_S;
	b->habit.learning = !b->habit.known ? YG_LEARN_FLOOR : full ? YG_LEARN_FULL : YG_LEARN_SHORT;
	for (unsigned m = 0; m < BODY_METRICS; m++) {
		b->habit.median[m] = body_median(v[m], count);
		b->habit.mad[m] = body_mad(v[m], count, b->habit.median[m]);
	}
}

void body_close_slot(struct body *d, struct body_watch *b, int64_t second)
{
	int64_t begin = second + 1 - BODY_SLOT_S;
	uint32_t planned = d->host->planned(d->host->context, b->org, second);
	bool whole = b->heard_s <= begin && d->since_s <= begin && !d->slot_broken;
	uint32_t at = b->slots_next++ % BODY_SERIES;
	if (b->slots_next == 2 * BODY_SERIES)
		b->slots_next = BODY_SERIES;
	for (unsigned m = 0; m < BODY_METRICS; m++)
		b->slot[m] /= BODY_SLOT_S;
	for (unsigned m = 0; m < BODY_JUDGED; m++)
		b->series[m][at] = (float)b->slot[m];
	if (b->host_bytes > 0 && !b->dark && !b->in_mirror) { // a silent body is known by those who spoke before
		memcpy(b->last_host, b->host, sizeof b->host);
		b->last_host_bytes = b->host_bytes;
	}
	if (whole)
		body_judge_slot(d, b, begin);
	if (whole && !b->dark && !b->in_mirror && !(planned & (YG_PLAN_WORK | YG_PLAN_SURGE)) && b->hour_slots < BODY_SLOTS) {
		for (unsigned m = 0; m < BODY_METRICS; m++)
			b->value[m][b->hour_slots] = (float)b->slot[m];
		b->hour_slots++;
	}
	if ((second + 1) % HOUR_S == 0)
		learn_hour(d, b, begin);
	memset(b->slot, 0, sizeof b->slot);
	memset(b->host, 0, sizeof b->host);
	b->host_bytes = 0;
	body_recall(d, b, second + 1);
}

double body_expected(const struct body_watch *b, enum body_way way)
{
	double recent = b->recent_minutes >= BODY_RECENT_LEAST ? b->recent_rate[way] : -1;
	double usual = b->habit.known ? b->habit.median[way == BODY_OUT ? BODY_PACKETS_OUT : BODY_PACKETS_IN] : -1;
	if (usual < 0)
		return recent > 0 ? recent : 0;
	// On a quiet day the habit would call chance a silence; the last hour knows of the day.
	return recent >= 0 && recent < usual ? recent : usual;
}

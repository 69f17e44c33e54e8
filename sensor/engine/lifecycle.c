// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What becomes of an alert that is raised, and of one that is open when time passes. Thread: the aggregator's.
//
// What a storm suppresses takes no place in the table: a set of hashes, emptied each minute, tells whether it was
// counted before, and an alert that is still raised in the next minute gets its chance. The alternative, muted records
// in the table, would let a storm of trifles push out what matters.
#include "engine/lifecycle.h"

#include <stdio.h>
#include <string.h>

#include "engine/lifecycle_table.h"

enum { MINUTE_S = 60, SUMMARY_CLEAR_S = 60 };

// ---- what goes out ----

static void send_out(struct yg_lifecycle *lc, struct yg_alert *alert, uint8_t state, int64_t time_ns)
{
	alert->state = state;
	alert->time_ns = time_ns;
	alert->hold = 0;
	alert->sequence = ++lc->header->sequence;
	lc->stats.raised++;
	lc->stats.opened += state == YG_ALERT_OPEN;
	lc->stats.updated += state == YG_ALERT_UPDATE;
	lc->stats.closed += state == YG_ALERT_CLOSE;
	if (lc->emit(lc->context, alert) == 0)
		lc->stats.sent++;
	else
		lc->stats.ring_full++;
}

static void send_update(struct yg_lifecycle *lc, struct yg_lifecycle_record *r, int64_t now_ns)
{
	r->emitted_ns = now_ns;
	send_out(lc, &r->alert, YG_ALERT_UPDATE, now_ns);
}

static void close_slot(struct yg_lifecycle *lc, uint32_t slot, int64_t now_ns, bool displaced)
{
	struct yg_lifecycle_record *r = &lc->records[slot];
	struct yg_alert last = r->alert;
	int64_t cleared_ns = r->alive_ns + (int64_t)r->clear_after_s * YG_NS_PER_S;
	int64_t closed_ns = cleared_ns < now_ns ? cleared_ns : now_ns;
	if (!r->summary && r->clear_after_s > 1)
		yg_lifecycle_remember(lc, r, closed_ns, now_ns);
	yg_lifecycle_index_remove(lc, slot);
	yg_lifecycle_text_closed(&last, displaced);
	send_out(lc, &last, YG_ALERT_CLOSE, closed_ns);
}

// The incident that this one goes on with, when it closed a short while ago.
static void go_on(struct yg_lifecycle *lc, struct yg_lifecycle_record *r, int64_t now_ns)
{
	struct yg_lifecycle_closed before;
	if (!yg_lifecycle_recall(lc, &r->alert, r->key, now_ns, &before))
		return;
	r->alert.first_ns = before.first_ns;
	r->alert.peak = before.peak > r->alert.peak ? before.peak : r->alert.peak;
	r->alert.count = before.count < UINT32_MAX ? before.count + 1 : before.count;
	r->alert.reopened = before.reopened < UINT8_MAX ? (uint8_t)(before.reopened + 1) : before.reopened;
	lc->stats.reopened++;
}

static void open_slot(struct yg_lifecycle *lc, uint32_t slot, const struct yg_alert *alert, uint32_t clear_after, int64_t now_ns)
{
	struct yg_lifecycle_record *r = &lc->records[slot];
	memset(r, 0, sizeof *r);
	r->alert = *alert;
	if (r->alert.first_ns <= 0 || r->alert.first_ns > now_ns)
		r->alert.first_ns = now_ns;
	r->alert.last_ns = now_ns;
	r->alert.peak = r->alert.observed;
	r->alert.count = 1;
	r->alert.reopened = 0;
	r->key = yg_lifecycle_key(&r->alert);
	r->summary = slot >= lc->capacity;
	if (!r->summary)
		go_on(lc, r, now_ns);
	r->alert.id = yg_lifecycle_id(&lc->options.id_key, &r->alert, r->alert.first_ns);
	r->clear_after_s = clear_after;
	r->alive_ns = r->emitted_ns = now_ns;
	r->used = 1;
	yg_lifecycle_index_add(lc, slot);
	send_out(lc, &r->alert, YG_ALERT_OPEN, now_ns);
}

// ---- storms ----

// Counts each alert once a minute: whether this one was suppressed before in this minute.
static bool muted_before(struct yg_lifecycle *lc, uint64_t key)
{
	uint64_t hash = yg_lifecycle_hash(lc, key) | 1;
	uint32_t at = (uint32_t)(hash >> 8) & (YG_LIFECYCLE_MUTED - 1);
	while (lc->muted[at]) {
		if (lc->muted[at] == hash)
			return true;
		at = (at + 1) & (YG_LIFECYCLE_MUTED - 1);
	}
	if (lc->muted_count >= YG_LIFECYCLE_MUTED / 4 * 3) {
		lc->stats.muted_full++;
		return false;
	}
	lc->muted[at] = hash;
	lc->muted_count++;
	return false;
}

static void new_minute(struct yg_lifecycle *lc, int64_t now_ns)
{
	int64_t minute = yg_time_second(yg_time_ns(now_ns)) / MINUTE_S;
	if (minute == lc->minute)
		return;
	lc->minute = minute;
	lc->opened_in_minute = lc->shadows_in_minute = 0;
	if (lc->muted_count)
		memset(lc->muted, 0, YG_LIFECYCLE_MUTED * sizeof *lc->muted);
	lc->muted_count = 0;
}

// The summary of this kind, a free place for it, or the last one, which takes what finds no place of its own.
static uint32_t summary_of(struct yg_lifecycle *lc, const char *kind, bool shadow)
{
	uint32_t vacant = YG_LIFECYCLE_NONE;
	for (uint32_t slot = lc->capacity; slot < lc->slots; slot++) {
		const struct yg_lifecycle_record *r = &lc->records[slot];
		if (r->used && strcmp(r->alert.kind, kind) == 0 && (r->alert.mode == YG_MODE_SHADOW) == shadow)
			return slot;
		if (!r->used && vacant == YG_LIFECYCLE_NONE)
			vacant = slot;
	}
	if (vacant != YG_LIFECYCLE_NONE)
		return vacant;
	lc->stats.summaries_full++;
	return lc->slots - 1;
}

static void open_summary(struct yg_lifecycle *lc, uint32_t slot, const struct yg_alert *alert, int64_t now_ns)
{
	struct yg_alert s = {0};
	memcpy(s.kind, alert->kind, sizeof s.kind);
	s.mode = alert->mode;
	snprintf(s.vector, sizeof s.vector, "%s", s.mode == YG_MODE_SHADOW ? "shadow" : "summary");
	memcpy(s.unit, "alerts", sizeof "alerts");
	memcpy(s.detector, alert->detector, sizeof s.detector);
	memcpy(s.runbook, alert->runbook, sizeof s.runbook);
	s.af = 4;
	s.org = YG_ORG_NONE;
	s.severity = alert->severity;
	s.score = alert->score;
	s.confidence = 1.0f;
	s.observed = 1;
	s.threshold = lc->options.per_minute;
	s.window_s = MINUTE_S;
	s.clear_after_s = SUMMARY_CLEAR_S;
	yg_lifecycle_text_summary(&s, 1, slot == lc->slots - 1);
	open_slot(lc, slot, &s, SUMMARY_CLEAR_S, now_ns);
	lc->records[slot].suppressed = 1;
}

static void suppress(struct yg_lifecycle *lc, uint64_t key, const struct yg_alert *alert, int64_t now_ns)
{
	uint32_t slot = summary_of(lc, alert->kind, alert->mode == YG_MODE_SHADOW);
	struct yg_lifecycle_record *r = &lc->records[slot];
	if (muted_before(lc, key)) {
		r->alive_ns = r->used ? now_ns : r->alive_ns;
		return;
	}
	lc->stats.raised++;
	lc->stats.suppressed++;
	if (!r->used) {
		open_summary(lc, slot, alert, now_ns);
		return;
	}
	r->suppressed++;
	r->alive_ns = r->alert.last_ns = now_ns;
	r->alert.severity = alert->severity > r->alert.severity ? alert->severity : r->alert.severity;
	r->alert.mode = alert->mode == YG_MODE_SHADOW ? r->alert.mode : alert->mode; // the last place takes both
	r->alert.observed = r->alert.peak = (double)r->suppressed;
	r->alert.count = r->suppressed < UINT32_MAX ? (uint32_t)r->suppressed : UINT32_MAX;
	yg_lifecycle_text_summary(&r->alert, r->suppressed, slot == lc->slots - 1);
}

// The open alert of the lowest severity below `severity`: longest quiet first, then by id. YG_LIFECYCLE_NONE when there
// is none.
static uint32_t lowest_below(const struct yg_lifecycle *lc, uint8_t severity)
{
	uint8_t lowest = 0;
	while (lowest < severity && !lc->by_severity[lowest])
		lowest++;
	if (lowest == severity)
		return YG_LIFECYCLE_NONE;
	uint32_t best = YG_LIFECYCLE_NONE;
	for (uint32_t slot = 0; slot < lc->capacity; slot++) {
		const struct yg_lifecycle_record *r = &lc->records[slot];
		if (!r->used || yg_lifecycle_rank(&r->alert) != lowest)
			continue;
		const struct yg_lifecycle_record *b = best == YG_LIFECYCLE_NONE ? NULL : &lc->records[best];
		if (!b || r->alive_ns < b->alive_ns || (r->alive_ns == b->alive_ns && r->alert.id < b->alert.id))
			best = slot;
	}
	return best;
}

// ---- raise ----

static void open_new(struct yg_lifecycle *lc, uint64_t key, const struct yg_alert *alert, uint32_t clear_after, int64_t now_ns)
{
	new_minute(lc, now_ns);
	bool shadow = alert->mode == YG_MODE_SHADOW;
	uint32_t *opened = shadow ? &lc->shadows_in_minute : &lc->opened_in_minute;
	if ((shadow || alert->severity <= YG_SEV_MEDIUM) && *opened >= lc->options.per_minute) {
		suppress(lc, key, alert, now_ns);
		return;
	}
	uint32_t slot = yg_lifecycle_place(lc);
	if (slot == YG_LIFECYCLE_NONE) {
		slot = lowest_below(lc, yg_lifecycle_rank(alert));
		if (slot == YG_LIFECYCLE_NONE) {
			lc->stats.table_full++;
			suppress(lc, key, alert, now_ns);
			return;
		}
		lc->stats.displaced++;
		close_slot(lc, slot, now_ns, true);
	}
	++*opened;
	open_slot(lc, slot, alert, clear_after, now_ns);
}

// The record takes the new numbers and keeps what makes it this alert. A higher severity is news and goes out at once, and so is that
// people are to be told from now on.
static void refresh(struct yg_lifecycle *lc, uint32_t slot, const struct yg_alert *alert, uint32_t clear_after, int64_t now_ns)
{
	struct yg_lifecycle_record *r = &lc->records[slot];
	struct yg_alert old = r->alert;
	r->alert = *alert;
	r->alert.id = old.id;
	r->alert.first_ns = old.first_ns;
	r->alert.sequence = old.sequence;
	r->alert.state = old.state;
	r->alert.last_ns = now_ns;
	r->alert.count = old.count < UINT32_MAX ? old.count + 1 : old.count;
	r->alert.peak = alert->observed > old.peak ? alert->observed : old.peak;
	r->alert.severity = alert->severity > old.severity ? alert->severity : old.severity;
	r->alert.reopened = old.reopened;
	lc->lasting -= r->clear_after_s >= YG_LIFECYCLE_LASTING_S;
	r->clear_after_s = clear_after;
	lc->lasting += r->clear_after_s >= YG_LIFECYCLE_LASTING_S;
	r->alive_ns = now_ns;
	lc->stats.refreshed++;
	lc->by_severity[yg_lifecycle_rank(&old)]--;
	lc->by_severity[yg_lifecycle_rank(&r->alert)]++;
	bool told = old.mode == YG_MODE_SHADOW && r->alert.mode != YG_MODE_SHADOW;
	if (told || r->alert.severity != old.severity)
		send_update(lc, r, now_ns);
}

// mode: YG_MODE_SHADOW, or YG_MODE_ALERT for whoever knows better to make another of. clear_after: 0, as the alert says.
static void raise_alert(struct yg_lifecycle *lc, const char *detector, const struct yg_alert *raised, uint8_t mode, uint32_t clear_after,
                        struct yg_time now)
{
	struct yg_alert alert = *raised;
	memset(alert.detector, 0, sizeof alert.detector);
	memcpy(alert.detector, detector, strnlen(detector, sizeof alert.detector - 1));
	yg_lifecycle_clean(&alert);
	alert.mode = mode;
	if (!alert.kind[0])
		return; // what has no kind is no alert
	uint64_t key = yg_lifecycle_key(&alert);
	uint32_t slot = yg_lifecycle_find(lc, key, &alert);
	if (!clear_after)
		clear_after = alert.clear_after_s ? alert.clear_after_s : lc->options.clear_after_s;
	if (alert.hold) {
		lc->stats.held += slot != YG_LIFECYCLE_NONE;
		lc->stats.held_unknown += slot == YG_LIFECYCLE_NONE;
		if (slot != YG_LIFECYCLE_NONE)
			lc->records[slot].alive_ns = now.ns;
		return;
	}
	if (slot != YG_LIFECYCLE_NONE)
		refresh(lc, slot, &alert, clear_after, now.ns);
	else
		open_new(lc, key, &alert, clear_after, now.ns);
}

void yg_lifecycle_raise(struct yg_lifecycle *lc, const char *detector, const struct yg_alert *alert, struct yg_time now)
{
	raise_alert(lc, detector, alert, YG_MODE_ALERT, 0, now);
}

void yg_lifecycle_raise_shadow(struct yg_lifecycle *lc, const char *detector, const struct yg_alert *alert, struct yg_time now)
{
	raise_alert(lc, detector, alert, YG_MODE_SHADOW, 0, now);
}

void yg_lifecycle_count_hidden(struct yg_lifecycle *lc)
{
	lc->stats.raised++;
	lc->stats.suppressed++;
}

void yg_lifecycle_raise_lasting(struct yg_lifecycle *lc, const char *detector, const struct yg_alert *alert, bool shadow,
                                uint32_t clear_after_s, struct yg_time now)
{
	uint32_t s = clear_after_s > YG_LIFECYCLE_LASTING_S ? clear_after_s : YG_LIFECYCLE_LASTING_S;
	raise_alert(lc, detector, alert, shadow ? YG_MODE_SHADOW : YG_MODE_ALERT, s < YG_LIFECYCLE_LASTING_MAX_S ? s : YG_LIFECYCLE_LASTING_MAX_S,
	            now);
}

// ---- time ----

// Shell sort: the libc's qsort may allocate.
static void sort_by_id(struct yg_lifecycle_due *due, uint32_t count)
{
	for (uint32_t gap = count / 2; gap; gap /= 2)
		for (uint32_t i = gap; i < count; i++) {
			struct yg_lifecycle_due moving = due[i];
			uint32_t j = i;
			for (; j >= gap && due[j - gap].id > moving.id; j -= gap)
				due[j] = due[j - gap];
			due[j] = moving;
		}
}

enum which { DUE, ALL, ALL_BUT_LASTING };

// A lasting alert that was not raised since its last line has nothing new to say; before a jump in time it says what it has.
static bool updates(const struct yg_lifecycle *lc, const struct yg_lifecycle_record *r, int64_t now_ns, enum which which)
{
	if (which == ALL_BUT_LASTING)
		return r->alive_ns > r->emitted_ns;
	return now_ns - r->emitted_ns >= (int64_t)lc->options.update_s * YG_NS_PER_S &&
	       (r->clear_after_s < YG_LIFECYCLE_LASTING_S || r->alive_ns > r->emitted_ns);
}

static uint32_t collect(struct yg_lifecycle *lc, int64_t now_ns, enum which which)
{
	uint32_t count = 0;
	for (uint32_t slot = 0, seen = 0; slot < lc->slots && seen < lc->open; slot++) {
		struct yg_lifecycle_record *r = &lc->records[slot];
		if (!r->used)
			continue;
		seen++;
		// A table taken over after the clock was set back must not stay open until time has caught up.
		if (r->alive_ns > now_ns)
			r->alive_ns = now_ns;
		if (r->emitted_ns > now_ns)
			r->emitted_ns = now_ns;
		bool lasting = r->clear_after_s >= YG_LIFECYCLE_LASTING_S;
		bool closes = which == ALL || (which == ALL_BUT_LASTING && !lasting) ||
		              now_ns - r->alive_ns >= (int64_t)r->clear_after_s * YG_NS_PER_S;
		if (closes || updates(lc, r, now_ns, which))
			lc->due[count++] = (struct yg_lifecycle_due){r->alert.id, slot, closes};
	}
	sort_by_id(lc->due, count);
	return count;
}

static void run_due(struct yg_lifecycle *lc, uint32_t count, int64_t now_ns)
{
	for (uint32_t i = 0; i < count; i++) {
		if (lc->due[i].closes)
			close_slot(lc, lc->due[i].slot, now_ns, false);
		else
			send_update(lc, &lc->records[lc->due[i].slot], now_ns);
	}
}

void yg_lifecycle_tick(struct yg_lifecycle *lc, int64_t second)
{
	int64_t now_ns = yg_time_from_s(second + 1).ns;
	run_due(lc, collect(lc, now_ns, DUE), now_ns);
	new_minute(lc, now_ns);
}

void yg_lifecycle_finish(struct yg_lifecycle *lc, struct yg_time now)
{
	run_due(lc, collect(lc, now.ns, ALL), now.ns);
}

void yg_lifecycle_gap(struct yg_lifecycle *lc, struct yg_time now)
{
	run_due(lc, collect(lc, now.ns, ALL_BUT_LASTING), now.ns);
}

void yg_lifecycle_retune(struct yg_lifecycle *lc, const struct yg_lifecycle_options *options)
{
	lc->options.update_s = options->update_s;
	lc->options.per_minute = options->per_minute;
}

void yg_lifecycle_resume(struct yg_lifecycle *lc, struct yg_time now)
{
	for (uint32_t slot = 0; slot < lc->slots; slot++) {
		struct yg_lifecycle_record *r = &lc->records[slot];
		if (r->used && strncmp(r->alert.kind, "sensor.", 7) != 0 && r->clear_after_s < YG_LIFECYCLE_LASTING_S)
			r->alive_ns = now.ns;
	}
}

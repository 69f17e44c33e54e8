// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Lists. One walk over all alerts of the index, in the order in which they lie in memory: what the view does not see or the range does not
// hold is passed over, what the query finds is counted for its group. So totals and the counts of all tabs are exact for any query, range
// and view, and there is nothing to keep up to date. The best of a page are held in a heap of the page's size.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bodies.h"
#include "index.h"
#include "index_parts.h"
#include "range.h"

enum { PLACE_KEYS = 3, CURSOR_BYTES = 100 };

// Where a row stands in its order: greater first.
struct place {
	int64_t keys[PLACE_KEYS];
	uint64_t id;
	uint32_t at;
};

struct heap { // of the greatest; the least of them at its top
	struct place places[WEB_PAGE_ROWS + 1];
	uint32_t count, most;
};

static bool before(const struct place *a, const struct place *b)
{
	for (int i = 0; i < PLACE_KEYS; i++)
		if (a->keys[i] != b->keys[i])
			return a->keys[i] > b->keys[i];
	return a->id > b->id;
}

static void sink(struct heap *h, uint32_t i)
{
	for (;;) {
		uint32_t least = i;
		for (uint32_t child = 2 * i + 1; child <= 2 * i + 2 && child < h->count; child++)
			if (before(&h->places[least], &h->places[child]))
				least = child;
		if (least == i)
			return;
		struct place p = h->places[i];
		h->places[i] = h->places[least];
		h->places[least] = p;
		i = least;
	}
}

static void offer(struct heap *h, const struct place *p)
{
	if (h->count == h->most) {
		if (!before(p, &h->places[0]))
			return;
		h->places[0] = *p;
		sink(h, 0);
		return;
	}
	uint32_t i = h->count++;
	h->places[i] = *p;
	for (; i > 0 && before(&h->places[(i - 1) / 2], &h->places[i]); i = (i - 1) / 2) {
		struct place up = h->places[(i - 1) / 2];
		h->places[(i - 1) / 2] = h->places[i];
		h->places[i] = up;
	}
}

static int compare_places(const void *a, const void *b)
{
	return before(a, b) ? -1 : before(b, a) ? 1 : 0;
}

// The code as two numbers, so that a cursor says the same when bodies were added: greater is earlier. What is nobody's is the least.
static void body_keys(const struct web_index *index, uint16_t body, int64_t ret[2])
{
	enum { LETTERS = 38, FIRST = 12, ALL = 15 }; // 38^12 < 2^63; 0: the code has ended
	ret[0] = body == WEB_BODY_NONE ? INT64_MIN : 0;
	ret[1] = 0;
	if (body == WEB_BODY_NONE)
		return;
	const char *code = web_body_at(index->server->bodies, body)->code;
	for (int i = 0; i < ALL; i++) {
		int letter = !*code ? 0 : *code == '-' ? 1 : *code <= '9' ? *code - '0' + 2 : *code - 'a' + 12;
		ret[i >= FIRST] = ret[i >= FIRST] * LETTERS - letter;
		code += *code != 0;
	}
}

struct facts { // of a row, that it may be ordered by
	int64_t time_ns, changed_ns;
	uint32_t count;
	uint16_t body;
	uint8_t severity;
};

static struct place place_of(const struct web_index *index, enum web_order order, struct facts f, uint64_t id, uint32_t at)
{
	struct place p = {.keys = {0, f.time_ns}, .id = id, .at = at};
	switch (order) {
	case WEB_BY_SEVERITY: p.keys[0] = f.severity; break;
	case WEB_BY_OLDEST: p.keys[1] = -f.time_ns; break;
	case WEB_BY_COUNT: p.keys[0] = f.count; break;
	case WEB_BY_CHANGE: p.keys[0] = f.changed_ns; break;
	case WEB_BY_BODY:
		body_keys(index, f.body, p.keys);
		p.keys[1] = p.keys[1] * WEB_SEVERITIES + f.severity;
		p.keys[2] = f.time_ns;
		break;
	case WEB_BY_DEFAULT:
	case WEB_BY_NEWEST:
	case WEB_ORDERS: break;
	}
	return p;
}

// One more than the page holds was asked for, to know whether anything follows.
static void fill_page(struct heap *h, enum web_order order, uint32_t limit, struct web_page *ret)
{
	qsort(h->places, h->count, sizeof *h->places, compare_places);
	ret->count = h->count < limit ? h->count : limit;
	for (uint32_t i = 0; i < ret->count; i++)
		ret->rows[i] = h->places[i].at;
	if (h->count <= limit || !limit)
		return;
	const struct place *last = &h->places[limit - 1];
	snprintf(ret->cursor, sizeof ret->cursor, "%u.%" PRId64 ".%" PRId64 ".%" PRId64 ".%016" PRIx64, (unsigned)order, last->keys[0],
		 last->keys[1], last->keys[2], last->id);
}

static bool read_cursor(const char *text, enum web_order order, struct place *ret)
{
	if (!text || !*text)
		return true;
	if (strlen(text) > CURSOR_BYTES || strspn(text, "0123456789abcdef.-") != strlen(text))
		return false;
	char *end;
	errno = 0;
	bool good = strtoul(text, &end, 10) == (unsigned long)order && end != text;
	for (int i = 0; good && i < PLACE_KEYS; i++) {
		const char *from = end + 1;
		good = *end == '.';
		ret->keys[i] = good ? strtoll(from, &end, 10) : 0;
		good = good && end != from;
	}
	const char *id = end + 1;
	good = good && *end == '.' && strspn(id, "0123456789abcdef") == 16 && !id[16] && errno == 0;
	ret->id = good ? strtoull(id, NULL, 16) : 0;
	return good;
}

int web_order_find(const char *name)
{
	static const char *const names[WEB_ORDERS] = {"", "severity", "newest", "oldest", "count", "body", "change"};
	for (int i = 0; name && i < WEB_ORDERS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return name ? -1 : WEB_BY_DEFAULT;
}

int web_tab_find(const char *name)
{
	static const char *const names[WEB_TABS] = {"inbox", "new", "acknowledged", "escalated", "archived", "suppressed", "shadow", "all"};
	for (int i = 0; name && i < WEB_TABS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return name && *name ? -1 : WEB_TAB_INBOX;
}

bool web_index_affords(const struct web_index *index, const struct web_view *view, const struct web_query *query)
{
	uint32_t alerts = index->alerts_used;
	while (!view->scope.all && alerts & (alerts - 1)) // of how many there are in all, who sees a part learns the power of two
		alerts += alerts & -alerts;
	return web_query_cost(query, alerts) <= WEB_QUERY_COST;
}

static int begin(const struct web_index *index, const struct web_view *view, const struct web_query *query, struct web_run **ret)
{
	*ret = NULL;
	index_refresh(index);
	if (!query || !query->count)
		return 0;
	if (!web_index_affords(index, view, query))
		return -E2BIG;
	*ret = web_run_begin(query, index, view);
	return *ret ? 0 : -ENOMEM;
}

// ---- a page in the making ----

struct list {
	enum web_order order;
	uint32_t limit;
	bool behind_cursor;
	struct place behind;
	struct web_run *run;
	struct heap *heap;
	struct web_page *page;
};

static void list_free(struct list *list)
{
	free(list->heap);
	web_run_end(list->run);
}

static int list_begin(struct list *list, const struct web_index *index, const struct web_view *view, const struct web_ask *ask,
		      enum web_order order, const char *cursor, uint32_t limit, struct web_page *page)
{
	memset(page, 0, sizeof *page);
	*list = (struct list){.order = order, .limit = limit > WEB_PAGE_ROWS ? WEB_PAGE_ROWS : limit, .page = page,
			      .behind_cursor = cursor && *cursor};
	if (!read_cursor(cursor, order, &list->behind))
		return -EINVAL;
	int error = begin(index, view, ask->query, &list->run);
	if (error)
		return error;
	list->heap = calloc(1, sizeof *list->heap);
	if (!list->heap) {
		list_free(list);
		return -ENOMEM;
	}
	list->heap->most = list->limit + 1;
	return 0;
}

static void list_offer(struct list *list, const struct place *p)
{
	list->page->total++;
	if (!list->behind_cursor || before(&list->behind, p))
		offer(list->heap, p);
}

static void list_end(struct list *list)
{
	fill_page(list->heap, list->order, list->limit, list->page);
	list_free(list);
}

// ---- groups ----

struct tally { // of a group, by class
	int64_t last_ns[WEB_CLASSES];
	uint32_t alerts[WEB_CLASSES];
	uint8_t severity[WEB_CLASSES];
	uint8_t there, found; // bits of classes
};

static struct tally *tally_groups(const struct web_index *index, const struct web_view *view, struct web_range range, struct web_run *run,
				  struct web_page *ret)
{
	struct tally *tallies = calloc(index->groups_count + 1, sizeof *tallies);
	for (uint32_t at = 0; tallies && at < index->alerts_count; at++) {
		const struct web_alert *a = alert_at(index, at);
		if (!a->sensor || !web_alert_in(a, range) || !view_sees_alert(index, view, a))
			continue;
		struct tally *t = &tallies[a->group];
		enum web_class class = class_of(a);
		ret->checked++;
		ret->checked_ns = a->time_ns > ret->checked_ns ? a->time_ns : ret->checked_ns;
		t->alerts[class]++;
		if (!(t->there >> class & 1) || a->time_ns > t->last_ns[class])
			t->last_ns[class] = a->time_ns;
		if (a->severity > t->severity[class])
			t->severity[class] = a->severity;
		t->there |= (uint8_t)(1u << class);
		if (!(t->found >> class & 1) && (!run || web_run_finds(run, at)))
			t->found |= (uint8_t)(1u << class);
	}
	return tallies;
}

static enum web_class best_class(const struct tally *t)
{
	return t->there & 1u << WEB_COUNTED ? WEB_COUNTED : t->there & 1u << WEB_SUPPRESSED ? WEB_SUPPRESSED : WEB_SHADOW;
}

static enum web_tab tab_of(const struct web_index *index, uint32_t group, enum web_class class)
{
	static const enum web_tab of_state[WEB_STATES] = {WEB_TAB_NEW, WEB_TAB_ACKNOWLEDGED, WEB_TAB_ESCALATED, WEB_TAB_ARCHIVED};
	if (class != WEB_COUNTED)
		return class == WEB_SUPPRESSED ? WEB_TAB_SUPPRESSED : WEB_TAB_SHADOW;
	return of_state[web_state_of(index->server->state, group_at(index, group)->id)->state % WEB_STATES];
}

static bool in_tab(enum web_tab asked, enum web_tab tab)
{
	bool inbox = tab == WEB_TAB_NEW || tab == WEB_TAB_ACKNOWLEDGED || tab == WEB_TAB_ESCALATED;
	return asked == WEB_TAB_ALL || asked == tab || (asked == WEB_TAB_INBOX && inbox);
}

static struct place place_of_group(const struct web_index *index, enum web_order order, const struct tally *t, enum web_class class,
				   uint32_t at)
{
	const struct web_group *g = group_at(index, at);
	struct facts f = {.time_ns = t->last_ns[class], .count = t->alerts[class], .severity = t->severity[class]};
	if (order == WEB_BY_CHANGE)
		f.changed_ns = web_state_of(index->server->state, g->id)->changed_ns;
	if (order == WEB_BY_BODY)
		f.body = alert_at(index, g->first)->body;
	return place_of(index, order, f, web_group_shown(&index->server->shown, g->id), at); // it stands in the cursor
}

int web_index_groups(const struct web_index *index, const struct web_view *view, const struct web_ask *ask, const char *cursor,
		     uint32_t limit, struct web_page *ret)
{
	struct list list;
	int error = list_begin(&list, index, view, ask, ask->order == WEB_BY_DEFAULT ? WEB_BY_SEVERITY : ask->order, cursor, limit, ret);
	if (error)
		return error;
	struct tally *tallies = tally_groups(index, view, ask->range, list.run, ret);
	if (!tallies) {
		list_free(&list);
		return -ENOMEM;
	}
	for (uint32_t at = 0; at < index->groups_count; at++) {
		const struct tally *t = &tallies[at];
		enum web_class class = best_class(t);
		if (!(t->found >> class & 1))
			continue;
		enum web_tab tab = tab_of(index, at, class);
		for (enum web_tab i = 0; i < WEB_TABS; i++)
			ret->tabs[i] += in_tab(i, tab);
		if (!in_tab(ask->tab, tab))
			continue;
		const struct place p = place_of_group(index, list.order, t, class, at);
		list_offer(&list, &p);
	}
	free(tallies);
	list_end(&list);
	return 0;
}

uint32_t web_index_select(const struct web_index *index, const struct web_view *view, const struct web_query *query, const char *state,
			  struct web_range range, uint32_t *ret, uint32_t room)
{
	int tab = state ? web_tab_find(state) : WEB_TAB_ALL;
	struct web_run *run;
	struct web_page page = {0};
	uint32_t count = 0;
	if (tab < 0 || begin(index, view, query, &run) < 0)
		return UINT32_MAX;
	struct tally *tallies = tally_groups(index, view, range, run, &page);
	for (uint32_t at = 0; tallies && at < index->groups_count; at++) {
		const struct tally *t = &tallies[at];
		enum web_class class = best_class(t);
		if (!(t->found >> class & 1) || !in_tab((enum web_tab)tab, tab_of(index, at, class)))
			continue;
		if (count < room)
			ret[count] = at;
		count++;
	}
	count = tallies ? count : UINT32_MAX;
	free(tallies);
	web_run_end(run);
	return count;
}

// ---- alerts ----

void web_index_each_alert(const struct web_index *index, const struct web_view *view, struct web_range range,
			  bool (*each)(void *context, uint32_t alert), void *context)
{
	index_refresh(index);
	for (uint32_t at = 0; at < index->alerts_count; at++) {
		const struct web_alert *a = alert_at(index, at);
		if (a->sensor && web_alert_in(a, range) && view_sees_alert(index, view, a) && !each(context, at))
			return;
	}
}

// Steps that people count in, the smallest of which leaves at most WEB_BINS, beginning where a clock on the wall would. Half a day is none:
// bars of day and night in turn say nothing.
static void set_axis(struct web_range axis, struct web_page *ret)
{
	static const int32_t steps[] = {1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800,
				       21600, 86400, 172800, 604800, 2592000};
	const int64_t second = 1000000000;
	int64_t span = axis.to_ns / second - axis.from_ns / second + 1;
	size_t i = 0;
	while (i + 1 < sizeof steps / sizeof *steps && span / steps[i] + 2 > WEB_BINS)
		i++;
	int64_t step = span / steps[i] + 2 > WEB_BINS ? span / (WEB_BINS - 2) + 1 : steps[i];
	time_t now = (time_t)(axis.to_ns / second);
	struct tm tm = {0};
	localtime_r(&now, &tm);
	int64_t from = axis.from_ns / second + tm.tm_gmtoff;
	ret->step_ns = step * second;
	ret->start_ns = (from - from % step - tm.tm_gmtoff) * second;
	ret->bins_count = (uint32_t)((axis.to_ns - 1 - ret->start_ns) / ret->step_ns) + 1;
	ret->bins_count = ret->bins_count > WEB_BINS ? WEB_BINS : ret->bins_count;
}

static void set_bins(const struct web_index *index, const struct web_view *view, struct web_range range, struct web_page *ret)
{
	int64_t first = INT64_MAX, now = web_clock_ns();
	for (uint32_t at = 0; !range.from_ns && at < index->alerts_count; at++) {
		const struct web_alert *a = alert_at(index, at);
		if (a->sensor && a->time_ns < first && view_sees_alert(index, view, a))
			first = a->time_ns;
	}
	set_axis(web_range_axis(range, first < now ? first : now, now), ret);
}

int web_index_alerts(const struct web_index *index, const struct web_view *view, const struct web_ask *ask, const char *cursor,
		     uint32_t limit, struct web_page *ret)
{
	struct list list;
	if (ask->order == WEB_BY_CHANGE)
		return -EINVAL; // what people do is done to groups
	int error = list_begin(&list, index, view, ask, ask->order == WEB_BY_DEFAULT ? WEB_BY_NEWEST : ask->order, cursor, limit, ret);
	if (error)
		return error;
	bool hidden = web_query_names_hidden(ask->query);
	set_bins(index, view, ask->range, ret);
	struct axis axis = {ret->start_ns, ret->start_ns + ret->step_ns * ret->bins_count, ret->bins_count};
	for (uint32_t at = 0; at < index->alerts_count; at++) {
		const struct web_alert *a = alert_at(index, at);
		if (!a->sensor || !web_alert_in(a, ask->range) || !view_sees_alert(index, view, a))
			continue;
		ret->checked++;
		if ((!hidden && class_of(a) != WEB_COUNTED) || (list.run && !web_run_finds(list.run, at)))
			continue;
		const struct facts f = {.time_ns = a->time_ns, .count = a->count, .body = a->body, .severity = a->severity};
		// one id of one sensor may have several onsets
		const uint64_t id = a->id ^ (uint64_t)a->sensor << 48 ^ (uint64_t)a->first_ns * UINT64_C(0x9e3779b97f4a7c15);
		const struct place p = place_of(index, list.order, f, id, at);
		ret->bins[axis_bin(axis, a->time_ns)]++;
		list_offer(&list, &p);
	}
	list_end(&list);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What bodies enter in their calendars: `calendar` of an organisation file for that body, of the main file for all. An entry holds once,
// from a local date and time to another, or every week on some days. Dates become seconds here, in sensor.timezone, once.
#include "config/compiler.h"

#include <stdlib.h>
#include <string.h>

#include "config/calendar.h"

enum { DAY_MIN = 1440, YEAR_LOW = 1990, YEAR_HIGH = 2100 };

#define KEY "calendar"

static const char *const plan_keys[] = {"what", "from", "to", "days", "reason", NULL};
static const char *const whats[] = {"work", "backup", "surge", "holiday"};
static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

// `digits` digits at *at, then `end` ('\0': the end of the text). Moves *at behind it.
static bool take_number(const char **at, int digits, char end, int *ret_number)
{
	int n = 0;
	for (int i = 0; i < digits; i++) {
		if (**at < '0' || **at > '9')
			return false;
		n = n * 10 + *(*at)++ - '0';
	}
	if (**at != end)
		return false;
	*at += end != '\0';
	*ret_number = n;
	return true;
}

// "22:00"; "24:00" is the end of the day.
static bool parse_minute(const char *text, int *ret_minute)
{
	int hour, minute;
	if (!take_number(&text, 2, ':', &hour) || !take_number(&text, 2, '\0', &minute) || minute > 59 || hour * 60 + minute > DAY_MIN)
		return false;
	*ret_minute = hour * 60 + minute;
	return true;
}

bool yg_moment_parse(const char *text, bool whole, int64_t *ret_local)
{
	int year, month, day, minute = whole ? DAY_MIN : 0;
	bool alone = strlen(text) == 10;
	if (!take_number(&text, 4, '-', &year) || !take_number(&text, 2, '-', &month) || !take_number(&text, 2, alone ? '\0' : ' ', &day))
		return false;
	if (year < YEAR_LOW || year > YEAR_HIGH || month < 1 || month > 12 || day < 1 || day > (int)yg_days_in_month(year, (unsigned)month))
		return false;
	if (!alone && !parse_minute(text, &minute))
		return false;
	*ret_local = (yg_day_of(year, (unsigned)month, (unsigned)day) * DAY_MIN + minute) * 60;
	return true;
}

static bool read_what(struct yg_compiler *c, const struct yg_node *entry, uint8_t *ret_what)
{
	const struct yg_node *node = yg_node_child(entry, "what");
	const char *text = node ? yg_node_text(c, node, KEY ".what") : NULL;
	if (!node)
		yg_complain(&c->report, entry->at, KEY ".what", "is missing; add `what: work`, or backup, surge or holiday");
	for (unsigned i = 0; text && i < sizeof whats / sizeof whats[0]; i++) {
		if (strcmp(text, whats[i]) != 0)
			continue;
		*ret_what = (uint8_t)(1u << i); // in the order of YG_PLAN_*
		return true;
	}
	if (text)
		yg_complain(&c->report, node->at, KEY ".what", "'%.64s' is no kind of entry; write work, backup, surge or holiday", text);
	return false;
}

static bool read_days(struct yg_compiler *c, const struct yg_node *list, uint8_t *ret_days)
{
	bool good = true;
	for (const struct yg_node *item = yg_node_items(c, list, KEY ".days"); item; item = item->next) {
		const char *text = yg_node_text(c, item, KEY ".days");
		unsigned day = 0;
		while (text && day < 7 && strcmp(text, day_names[day]) != 0)
			day++;
		if (text && day == 7)
			yg_complain(&c->report, item->at, KEY ".days", "'%.64s' is no day; write mon, tue, wed, thu, fri, sat or sun", text);
		if (!text || day == 7)
			good = false;
		else
			*ret_days = (uint8_t)(*ret_days | 1u << day);
	}
	if (good && !*ret_days && list->kind != YG_NODE_MAPPING)
		yg_complain(&c->report, list->at, KEY ".days", "is empty; name days, or give dates in `from` and `to`");
	return good && *ret_days;
}

// Each of `days`. Without times: the whole day.
static bool read_weekly(struct yg_compiler *c, const struct yg_node *from, const struct yg_node *to, struct yg_plan *plan)
{
	int minutes[2] = {0, DAY_MIN};
	const struct yg_node *nodes[2] = {from, to};
	static const char *const keys[2] = {KEY ".from", KEY ".to"};
	for (int i = 0; i < 2; i++) {
		const char *text = nodes[i] ? yg_node_text(c, nodes[i], keys[i]) : NULL;
		if (nodes[i] && !text)
			return false;
		if (text && !parse_minute(text, &minutes[i])) {
			yg_complain(&c->report, nodes[i]->at, keys[i], "'%.64s' is no time of a day; with `days` write one like \"22:00\"", text);
			return false;
		}
	}
	if (minutes[0] == minutes[1] || minutes[0] == DAY_MIN) {
		yg_complain(&c->report, from ? from->at : to->at, keys[0], "leaves no time before `to`; for whole days leave both out");
		return false;
	}
	plan->from_min = (uint16_t)minutes[0];
	plan->to_min = (uint16_t)minutes[1];
	return true;
}

static bool read_once(struct yg_compiler *c, const struct yg_node *entry, const struct yg_node *from, const struct yg_node *to,
                      struct yg_plan *plan)
{
	const struct yg_config zone = {.zone_steps = c->zone_steps, .zone_steps_count = c->zone_steps_count};
	const struct yg_node *nodes[2] = {from, to};
	static const char *const keys[2] = {KEY ".from", KEY ".to"};
	int64_t seconds[2];
	for (int i = 0; i < 2; i++) {
		const char *text = nodes[i] ? yg_node_text(c, nodes[i], keys[i]) : NULL;
		if (!nodes[i])
			yg_complain(&c->report, entry->at, keys[i], "is missing; add `%s: \"2026-12-01 22:00\"`, or name `days`", keys[i] + sizeof KEY);
		if (!text)
			return false;
		if (!yg_moment_parse(text, i == 1, &seconds[i])) {
			yg_complain(&c->report, nodes[i]->at, keys[i],
			            "'%.64s' is no date; write one like \"2026-12-01 22:00\" or \"2026-12-01\"", text);
			return false;
		}
		seconds[i] = yg_zone_second(&zone, seconds[i]);
	}
	plan->from_s = seconds[0];
	plan->to_s = seconds[1];
	if (plan->from_s < plan->to_s)
		return true;
	yg_complain(&c->report, to->at, keys[1], "is not after `from`; mend one of them");
	return false;
}

static void add(struct yg_compiler *c, const struct yg_plan *plan, struct yg_place at)
{
	if (c->plans_count == YG_PLANS_MAX) {
		if (!c->plans_full)
			yg_complain(&c->report, at, KEY, "more than %d entries in all; remove those that are over", YG_PLANS_MAX);
		c->plans_full = true;
		return;
	}
	c->plans = yg_arena_grow(&c->arena, c->plans, c->plans_count, &c->plans_capacity, sizeof *c->plans);
	c->plans[c->plans_count] = (struct yg_plan_draft){*plan, c->plans_count};
	c->plans_count++;
}

static void read_entry(struct yg_compiler *c, uint16_t org, const struct yg_node *entry)
{
	struct yg_plan plan = {.org = org};
	if (!yg_node_is_mapping(c, entry, KEY))
		return;
	yg_node_only(c, entry, KEY, plan_keys);
	const struct yg_node *days = yg_node_child(entry, "days"), *from = yg_node_child(entry, "from"), *to = yg_node_child(entry, "to"),
			     *reason = yg_node_child(entry, "reason");
	bool good = read_what(c, entry, &plan.what);
	if (days)
		good = read_days(c, days, &plan.days) && read_weekly(c, from, to, &plan) && good;
	else
		good = read_once(c, entry, from, to, &plan) && good;
	const char *text = reason ? yg_node_text(c, reason, KEY ".reason") : NULL;
	if (text && strlen(text) >= sizeof plan.reason)
		yg_complain(&c->report, reason->at, KEY ".reason", "is %zu bytes long; shorten it to %zu", strlen(text), sizeof plan.reason - 1);
	else if (text)
		memcpy(plan.reason, text, strlen(text) + 1);
	if (good)
		add(c, &plan, entry->at);
}

static void read_list(struct yg_compiler *c, uint16_t org, const struct yg_node *list)
{
	if (!list || (list->kind == YG_NODE_SCALAR && list->none))
		return;
	if (list->kind != YG_NODE_LIST) {
		yg_complain(&c->report, list->at, KEY, "is no list; write `- {what: work, from: …, to: …}` lines");
		return;
	}
	for (const struct yg_node *entry = list->first; entry; entry = entry->next)
		read_entry(c, org, entry);
}

static int by_body(const void *a, const void *b)
{
	const struct yg_plan_draft *x = a, *y = b;
	if (x->plan.org != y->plan.org)
		return x->plan.org < y->plan.org ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void yg_calendar_read(struct yg_compiler *c, const struct yg_node *list)
{
	for (size_t i = 0; i < c->orgs_count; i++)
		read_list(c, (uint16_t)i, c->orgs[i].calendar);
	read_list(c, YG_ORG_NONE, list);
	if (c->plans_count)
		qsort(c->plans, c->plans_count, sizeof *c->plans, by_body);
}

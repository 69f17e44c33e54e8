// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The index: the life of an alert, groups, who sees what, lists against a count by other means, and every limit filled.
#include "index_rig.h"

#include <errno.h>
#include <malloc.h>

static const struct web_alert *alert(uint32_t at)
{
	return web_index_alert(server.index, at);
}

static void an_alert_is_one_row_from_open_to_close(void **state)
{
	(void)state;
	struct spec s = plain;
	uint32_t at = must_take(&s), again;
	const struct web_group *g = web_index_group(server.index, alert(at)->group);
	assert_int_equal(g->open, 1);
	s.state = "update";
	s.severity = "critical";
	s.count = 9;
	s.time_s += 60;
	assert_int_equal(take_spec(&s, &again), WEB_TAKEN_CHANGED);
	assert_int_equal(again, at);
	assert_int_equal(alert(at)->count, 9);
	g = web_index_group(server.index, alert(at)->group);
	assert_int_equal(g->alerts, 1);
	assert_int_equal(g->severity, WEB_SEV_CRITICAL);
	s.state = "close";
	s.time_s += 60;
	assert_int_equal(take_spec(&s, &again), WEB_TAKEN_CHANGED);
	assert_int_equal(alert(at)->state, WEB_ALERT_CLOSED);
	assert_int_equal(web_index_group(server.index, alert(at)->group)->open, 0);
	// an older entry, or the same, says nothing new
	size_t n = write_line(&s);
	assert_int_equal(web_index_take(server.index, s.sensor, (struct web_entry){3, 2}, line, n, &again), WEB_TAKEN_OLD);
	assert_int_equal(web_index_take(server.index, s.sensor, (struct web_entry){2, 900}, line, n, &again), WEB_TAKEN_OLD);
	// the same id that began at another time is another alert, and so is that of another sensor
	s.first_s += 86400;
	s.time_s += 86400;
	assert_int_equal(take_spec(&s, &again), WEB_TAKEN_NEW);
	s.sensor = "egress-2";
	assert_int_equal(take_spec(&s, &again), WEB_TAKEN_NEW);
	char id[96];
	web_alert_text(server.index, again, id);
	assert_string_equal(id, "egress-2:0000000000000001");
	assert_int_equal(web_index_find_alert(server.index, id), again);
	assert_int_equal(web_index_find_alert(server.index, "egress-3:0000000000000001"), WEB_NOWHERE);
	assert_int_equal(web_index_find_alert(server.index, "0000000000000002"), WEB_NOWHERE);
	assert_int_equal(server.index->alerts_used, 3);
	assert_int_equal(server.index->groups_used, 1);
}

static void what_is_no_alert_is_counted_and_passed_over(void **state)
{
	(void)state;
	// cut anywhere, a line is none
	uint32_t at;
	size_t whole = write_line(&plain), bad = 0;
	for (size_t n = 0; n < whole; n += 7, bad++)
		assert_int_equal(web_index_take(server.index, "egress-1", (struct web_entry){1, n + 1}, line, n, &at), WEB_TAKEN_BAD);
	static const struct {
		const char *from, *to;
	} changes[] = {
		{"\"event_type\":\"alert\"", "\"event_type\":\"alarm\""}, {"\"id\":\"0000000000000001\"", "\"id\":\"000000000000000g\""},
		{"\"id\":\"0000000000000001\"", "\"id\":100000000000000001"}, {"\"state\":\"open\"", "\"state\":\"ajar\""},
		{"\"severity\":\"high\"", "\"severity\":\"loud\""}, {"\"mode\":\"page\"", "\"mode\":\"book\""},
		{"\"timestamp\":\"2026", "\"timestamp\":\"1826"}, {"\"first_seen\":\"2026-", "\"first_seen\":\"2026+"},
		{"\"kind\":\"dos.udp_flood\"", "\"kind\":\"\"           "},
	};
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++, bad++) {
		size_t n = write_line(&plain);
		char *place = strstr(line, changes[i].from);
		assert_non_null(place);
		memcpy(place, changes[i].to, strlen(changes[i].to));
		if (web_index_take(server.index, "egress-1", (struct web_entry){1, 900 + i}, line, n, &at) != WEB_TAKEN_BAD)
			fail_msg("taken: %s", changes[i].to);
	}
	static const char *const names[] = {"", "web", "a b", "../x", "yagura:x",
					   "0123456789012345678901234567890123456789012345678901234567890123"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++, bad++) {
		size_t n = write_line(&plain);
		assert_int_equal(web_index_take(server.index, names[i], (struct web_entry){1, 1}, line, n, &at), WEB_TAKEN_BAD);
	}
	assert_int_equal(server.index->alerts_used, 0);
	assert_int_equal(server.index->bad, bad);
}

// The name of its state in Redis must not change: the value was computed once with b2sum -l 128 over the key. What is shown is another one.
static void a_groups_number_is_the_same_for_ever(void **state)
{
	(void)state;
	char id[17];
	uint32_t at = must_take(&plain);
	web_id_text(web_index_group(server.index, alert(at)->group)->id, id);
	assert_string_equal(id, "7fee558fa030a0e3");
	assert_int_equal(web_index_find_group_text(server.index, id), WEB_NOWHERE);
	web_group_text(&server.shown, web_index_group(server.index, alert(at)->group)->id, id);
	assert_string_not_equal(id, "7fee558fa030a0e3");
	assert_int_equal(web_index_find_group_text(server.index, id), alert(at)->group);
	// each part of the key makes another one, and what is none does not
	struct spec s = plain;
	const struct spec parts[] = {{.org = "nadami"}, {.kind = "dos.syn_flood"}, {.source = "198.51.100.7"}, {.target = "192.0.2.15"},
				     {.target = "192.0.2.14/31"}, {.target = "2001:db8::1"}};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		s = plain;
		s.id = 100 + i;
		s.org = parts[i].org ? parts[i].org : s.org;
		s.kind = parts[i].kind ? parts[i].kind : s.kind;
		s.source = parts[i].source ? parts[i].source : s.source;
		s.target = parts[i].target ? parts[i].target : s.target;
		assert_int_equal(alert(must_take(&s))->group, i + 1);
	}
	s = plain;
	s.id = 200;
	s.severity = "low";
	s.source_port = s.target_port = 53;
	s.sensor = "egress-2";
	assert_int_equal(alert(must_take(&s))->group, 0);
	// the newest record decides: here it names another body, and its old group is gone with its only alert
	s.id = 100;
	s.sensor = "egress-1";
	uint32_t moved;
	assert_int_equal(take_spec(&s, &moved), WEB_TAKEN_CHANGED);
	assert_int_equal(alert(moved)->group, 0);
	assert_int_equal(server.index->groups_used, 6);
}

static void who_sees_an_alert_is_who_it_names(void **state)
{
	(void)state;
	static const char many[] = "\"kirisasa\",\"kirihara\",\"nadami\",\"sasaura\",\"yukinosawa\","
				   "\"shiomi\",\"shiomi-edu\",\"kanegaoka\",\"made-up\"";
	struct spec s = plain;
	uint32_t own = must_take(&s);
	s.id = 2;
	s.organisations_text = "\"kirisasa\",\"shiomi\"";
	uint32_t two = must_take(&s);
	s.id = 3;
	s.organisations_text = many;
	uint32_t nine = must_take(&s);
	s.id = 4;
	s.org = "";
	s.organisations_text = "";
	uint32_t nobody = must_take(&s);
	static const struct {
		const char *body;
		bool own, two, nine, nobody;
	} table[] = {{NULL, true, true, true, true}, {"kirisasa", true, true, true, false}, {"shiomi", false, true, true, false},
		     {"shiomi-edu", false, false, true, false}, {"made-up", false, false, true, false}};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct web_view view = view_of(WEB_VIEWER, table[i].body);
		assert_int_equal(web_index_sees_alert(server.index, &view, own), table[i].own);
		assert_int_equal(web_index_sees_alert(server.index, &view, two), table[i].two);
		assert_int_equal(web_index_sees_alert(server.index, &view, nine), table[i].nine);
		assert_int_equal(web_index_sees_alert(server.index, &view, nobody), table[i].nobody);
		assert_int_equal(web_index_sees_group(server.index, &view, alert(own)->group), table[i].nine);
		assert_int_equal(web_index_sees_group(server.index, &view, alert(nobody)->group), table[i].nobody);
	}
	uint32_t count;
	web_index_bodies(server.index, alert(nine), &count);
	assert_int_equal(count, 9);
	s = plain;
	s.id = 5;
	s.organisations_text = many;
	must_take(&s);
	assert_int_equal(server.index->sets_count, 1); // the same set is kept once
}

// ---- lists, against a count by other means ----

enum { MANY = 3000 };
static struct spec specs[MANY];
static uint64_t group_ids[MANY];

static struct web_group_touch touch_of_group(uint64_t group)
{
	return (struct web_group_touch){.state = group % 4, .version = 1};
}

static uint16_t hide_low_scores(const struct web_alert *a)
{
	return a->score < 10;
}

static void make(bool shadow)
{
	static const char *const orgs[] = {"kirisasa", "nadami", "sasaura", ""}, *const kinds[] = {"dos.udp_flood", "scan.port", "beacon"};
	static const char *const severities[] = {"info", "low", "medium", "high", "critical"}, *const modes[] = {"shadow", "page", "alert"};
	static char targets[100][16];
	uint32_t seed = 3;
	for (uint32_t i = 0; i < MANY; i++) {
		seed = seed * 1103515245 + 12345;
		uint32_t r = seed >> 8, target = r % 100;
		snprintf(targets[target], sizeof targets[target], "192.0.2.%u", target + 1);
		specs[i] = plain;
		specs[i].id = i + 1;
		specs[i].org = orgs[r % 4];
		specs[i].kind = kinds[r % 3];
		specs[i].severity = severities[r % 5];
		specs[i].mode = shadow ? modes[r % 7 % 3] : "page";
		specs[i].target = targets[target];
		specs[i].state = r % 2 ? "open" : "close";
		specs[i].score = r % 101;
		specs[i].first_s = 1795000000 + i;
		specs[i].time_s = specs[i].first_s + r % 50;
		group_ids[i] = web_index_group(server.index, alert(must_take(&specs[i]))->group)->id;
	}
}

static bool in_range(uint32_t i, struct web_range range)
{
	return specs[i].time_s * 1000000000 >= range.from_ns && specs[i].first_s * 1000000000 < range.to_ns;
}

static enum web_class class_of_spec(uint32_t i)
{
	return strcmp(specs[i].mode, "shadow") == 0 ? WEB_SHADOW : specs[i].score < 10 ? WEB_SUPPRESSED : WEB_COUNTED;
}

// Groups by quadratic search over what was made: first of each, its best class, its tab.
static void count_groups(const char *org, struct web_range range, uint64_t tabs[WEB_TABS])
{
	static const enum web_tab of_state[] = {WEB_TAB_NEW, WEB_TAB_ACKNOWLEDGED, WEB_TAB_ESCALATED, WEB_TAB_ARCHIVED};
	static bool done[MANY];
	memset(done, 0, sizeof done);
	memset(tabs, 0, WEB_TABS * sizeof *tabs);
	for (uint32_t i = 0; i < MANY; i++) {
		enum web_class best = WEB_CLASSES;
		if (done[i] || (org && strcmp(specs[i].org, org) != 0))
			continue;
		for (uint32_t j = i; j < MANY; j++)
			if (group_ids[j] == group_ids[i]) {
				done[j] = true;
				if (in_range(j, range) && class_of_spec(j) < best)
					best = class_of_spec(j);
			}
		if (best == WEB_CLASSES)
			continue;
		enum web_tab tab = best == WEB_COUNTED ? of_state[group_ids[i] % 4] : best == WEB_SUPPRESSED ? WEB_TAB_SUPPRESSED : WEB_TAB_SHADOW;
		tabs[tab]++;
		tabs[WEB_TAB_ALL]++;
		tabs[WEB_TAB_INBOX] += best == WEB_COUNTED && tab != WEB_TAB_ARCHIVED;
	}
}

static void counts_of_every_tab_are_exact(void **state)
{
	(void)state;
	static struct web_page page;
	const struct web_range ranges[] = {{0, 0}, {1795000500000000000, INT64_MAX}, {1795001000000000000, 1795001100000000000}};
	touch_for = touch_of_group;
	suppress_for = hide_low_scores;
	server.suppress = some_suppress;
	suppress_generation = 1;
	make(true);
	for (size_t r = 0; r < 3; r++)
		for (int scoped = 0; scoped < 2; scoped++) {
			struct web_view view = view_of(WEB_VIEWER, scoped ? "nadami" : NULL);
			const struct web_range all = {0, INT64_MAX};
			uint64_t tabs[WEB_TABS];
			count_groups(scoped ? "nadami" : NULL, r ? ranges[r] : all, tabs);
			for (enum web_tab tab = 0; tab < WEB_TABS; tab++) {
				const struct web_ask ask = {.range = ranges[r], .tab = tab};
				assert_int_equal(web_index_groups(server.index, &view, &ask, NULL, 100, &page), 0);
				assert_memory_equal(page.tabs, tabs, sizeof tabs);
				assert_int_equal(page.total, tabs[tab]);
				assert_true(tabs[WEB_TAB_ALL] > 50 || r == 2);
			}
		}
	// what is in force changes: every count does, at once
	suppress_for = NULL;
	suppress_generation = 2;
	struct web_view view = view_of(WEB_VIEWER, NULL);
	const struct web_ask ask = {.tab = WEB_TAB_SUPPRESSED};
	assert_int_equal(web_index_groups(server.index, &view, &ask, NULL, 100, &page), 0);
	assert_int_equal(page.total, 0);
}

static void alerts_are_paged_binned_and_hidden(void **state)
{
	(void)state;
	static struct web_page page;
	struct web_view view = view_of(WEB_VIEWER, NULL);
	struct web_query_error error;
	uint32_t counted = 0, shadow = 0, count = 0, sum = 0;
	char cursor[128] = "";
	suppress_for = hide_low_scores;
	server.suppress = some_suppress;
	suppress_generation = 1;
	make(true);
	for (uint32_t i = 0; i < MANY; i++) {
		counted += class_of_spec(i) == WEB_COUNTED;
		shadow += class_of_spec(i) == WEB_SHADOW;
	}
	int64_t last = INT64_MAX;
	do {
		assert_int_equal(web_index_alerts(server.index, &view, &(struct web_ask){0}, cursor, 500, &page), 0);
		assert_int_equal(page.total, counted);
		assert_int_equal(page.checked, MANY);
		for (uint32_t i = 0; i < page.count; i++, count++) {
			assert_true(alert(page.rows[i])->time_ns <= last);
			last = alert(page.rows[i])->time_ns;
		}
		snprintf(cursor, sizeof cursor, "%s", page.cursor);
	} while (*cursor);
	assert_int_equal(count, counted);
	assert_true(page.bins_count > 0 && page.bins_count <= WEB_BINS);
	for (uint32_t i = 0; i < page.bins_count; i++)
		sum += page.bins[i];
	assert_int_equal(sum, counted);
	struct web_query *query = web_query_parse("is:shadow", "", &error);
	assert_int_equal(web_index_alerts(server.index, &view, &(struct web_ask){.query = query}, NULL, 1, &page), 0);
	assert_int_equal(page.total, shadow);
	web_query_free(query);
}

static void somebody_is_to_know_until(void **state)
{
	(void)state;
	struct web_view view = view_of(WEB_VIEWER, NULL);
	struct spec s = plain;
	s.sla = 60;
	uint32_t group = alert(must_take(&s))->group;
	s.id = 2;
	s.sla = 15;
	s.first_s += 100;
	s.time_s += 100;
	must_take(&s);
	assert_int_equal(web_index_due_ns(server.index, &view, group) / 1000000000, s.first_s + 15 * 60);
	touch_for = touch_of_group;
	uint64_t id = web_index_group(server.index, group)->id;
	assert_int_equal(web_index_due_ns(server.index, &view, group) != 0, id % 4 == WEB_NEW);
}

// ---- limits, each filled ----

static void the_oldest_closed_ones_go_when_it_is_full(void **state)
{
	(void)state;
	enum { FULL = 1000 };
	server.index->alerts_max = FULL;
	struct spec s = plain;
	for (uint32_t i = 0; i < FULL; i++) {
		s.id = i + 1;
		s.first_s = s.time_s = 1795000000 + i;
		s.state = i % 2 ? "close" : "open";
		must_take(&s);
	}
	assert_int_equal(server.index->evicted, 0);
	s.id = FULL + 1;
	must_take(&s);
	assert_int_equal(server.index->evicted, FULL / 64 + 1);
	assert_int_equal(server.index->alerts_used, FULL + 1 - (FULL / 64 + 1));
	for (uint32_t i = 0; i < 40; i++) {
		char id[32];
		snprintf(id, sizeof id, "egress-1:%016x", i + 1);
		bool gone = i % 2 == 1 && i < 2 * (FULL / 64 + 1); // closed, and among the oldest
		if ((web_index_find_alert(server.index, id) == WEB_NOWHERE) != gone)
			fail_msg("%s", id);
	}
	const struct web_group *g = web_index_group(server.index, 0);
	assert_int_equal(g->alerts, server.index->alerts_used);
	// none is closed: then open ones go, rather than that nothing new is seen
	for (uint32_t i = 0; i < 5000; i++) {
		s.id = 10000 + i;
		s.first_s = s.time_s = 1795100000 + i;
		s.state = "open";
		must_take(&s);
		assert_true(server.index->alerts_used <= FULL);
	}
}

static void groups_strings_sets_and_sensors_have_an_end(void **state)
{
	(void)state;
	struct spec s = plain;
	char text[48], kind[48];
	uint32_t at;
	server.index->groups_max = 100;
	for (uint32_t i = 0; i < 300; i++) {
		snprintf(text, sizeof text, "10.0.%u.%u", i / 250, i % 250 + 1);
		s.target = text;
		s.id = i + 1;
		s.first_s = s.time_s = 1795000000 + i;
		take_spec(&s, &at);
		assert_true(server.index->groups_used <= 100);
	}
	assert_true(server.index->evicted > 0); // the oldest make room
	server.index->groups_max = WEB_GROUPS_MAX;
	s.target = "192.0.2.1";
	for (uint32_t i = 0; i < WEB_STRINGS_MAX + 10u; i++) {
		snprintf(kind, sizeof kind, "k.%u", i);
		s.vector = kind;
		s.id = 5000 + i % 10;
		s.first_s = 1795000000;
		s.time_s = s.first_s + i;
		take_spec(&s, &at);
	}
	assert_int_equal(server.index->strings.count, WEB_STRINGS_MAX);
	assert_true(server.index->strings.full >= 10);
	assert_string_equal(web_index_string(server.index, alert(at)->vector), "…");
	s = plain;
	for (uint32_t i = 0; i < WEB_SETS_MAX + 5u; i++) { // sets of twelve out of many
		char list[512] = "", one[24];
		for (uint32_t j = 0; j < 12; j++) {
			snprintf(one, sizeof one, "%s\"b%u\"", j ? "," : "", j * 2 + (i >> j & 1));
			strncat(list, one, sizeof list - strlen(list) - 1);
		}
		snprintf(one, sizeof one, ",\"c%u\"", i >> 12);
		strncat(list, one, sizeof list - strlen(list) - 1);
		s.organisations_text = list;
		s.id = 90000 + i % 100;
		s.time_s = 1795000100 + i;
		assert_int_not_equal(take_spec(&s, &at), WEB_TAKEN_BAD);
	}
	assert_int_equal(server.index->sets_count, WEB_SETS_MAX);
	assert_true(server.index->sets_full >= 5);
	struct web_view view = view_of(WEB_VIEWER, "kirisasa");
	assert_true(web_index_sees_alert(server.index, &view, at)); // the one that it concerns is never left out
	s = plain;
	for (uint32_t i = 0; i < WEB_ALERT_SENSORS + 3u; i++) {
		snprintf(text, sizeof text, "sensor-%u", i);
		s.sensor = text;
		assert_int_equal(take_spec(&s, &at) == WEB_TAKEN_BAD, i >= WEB_ALERT_SENSORS - 1); // egress-1 is one of them
	}
	assert_int_equal(server.index->sensors_full, 4);
}

// Rows of one group go and come in any order; what is left of it is found from its first to its last.
static void a_group_of_many_is_left_from_anywhere(void **state)
{
	(void)state;
	struct spec s = plain;
	uint32_t at[9], group, left = 0;
	for (unsigned i = 0; i < 9; i++) {
		s.id = 100 + i;
		at[i] = must_take(&s);
	}
	group = web_index_alert(server.index, at[0])->group;
	static const unsigned order[] = {4, 0, 8, 7, 1};
	for (unsigned i = 0; i < 5; i++) {
		s.id = 100 + order[i];
		s.target = "192.0.2.99"; // its newest record makes it another group's
		uint32_t again;
		assert_int_equal(take_spec(&s, &again), WEB_TAKEN_CHANGED);
	}
	static const uint64_t rest[] = {102, 103, 105, 106};
	for (uint32_t i = web_index_group(server.index, group)->first; i != WEB_NOWHERE; i = web_index_alert(server.index, i)->next)
		assert_int_equal(web_index_alert(server.index, i)->id, rest[left++]);
	assert_int_equal(left, 4);
	assert_int_equal(web_index_alert(server.index, web_index_group(server.index, group)->last)->id, 106);
}

// Records of one id and ever new onsets: neither memory nor time without end.
static void one_id_has_few_alerts(void **state)
{
	(void)state;
	struct spec s = plain;
	clock_t begin = clock();
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t at;
		s.first_s = plain.first_s + i;
		s.time_s = s.first_s + 1;
		assert_int_equal(take_spec(&s, &at), WEB_TAKEN_NEW);
	}
	assert_int_equal(server.index->alerts_used, WEB_SAME_ID);
	assert_int_equal(server.index->same_id, 20000 - WEB_SAME_ID);
	assert_true(clock() - begin < 10 * CLOCKS_PER_SEC);
	uint32_t newest = web_index_find_alert(server.index, "egress-1:0000000000000001");
	assert_int_equal(web_index_alert(server.index, newest)->first_ns, s.first_s * INT64_C(1000000000));
}

static void what_rows_say_is_remembered_within_its_bound(void **state)
{
	(void)state;
	struct spec s = plain;
	uint32_t at = WEB_NOWHERE;
	for (uint32_t i = 0; i < 40000; i++) {
		s.id = i + 1;
		at = must_take(&s);
		assert_true(server.index->lines.bytes <= WEB_LINES_BYTES);
	}
	assert_non_null(lines_find(server.index, at));
	assert_null(lines_find(server.index, 0)); // pushed out
	s.state = "close";
	assert_int_equal(take_spec(&s, &at), WEB_TAKEN_CHANGED);
	assert_non_null(lines_find(server.index, at)); // of the newest record
}

static void taken_rows(void *context, json_t *rows)
{
	*(json_t **)context = rows;
}

static void rows_say_what_the_line_said(void **state)
{
	(void)state;
	struct spec s = plain;
	struct web_view view = view_of(WEB_VIEWER, NULL);
	json_t *rows = NULL;
	s.target = "192.0.2.0/24";
	s.source = "198.51.100.7";
	s.source_port = 4444;
	s.campaign = 0xabc;
	uint32_t at = must_take(&s);
	web_index_alert_rows(server.index, &view, &at, 1, taken_rows, &rows);
	json_t *row = json_array_get(rows, 0);
	assert_string_equal(json_string_value(json_object_get(row, "id")), "egress-1:0000000000000001");
	assert_string_equal(json_string_value(json_object_get(row, "text_ja")), "192.0.2.0/24への攻撃の疑い");
	assert_string_equal(json_string_value(json_object_get(row, "kind_ja")), "UDPフラッド攻撃");
	assert_string_equal(json_string_value(json_object_get(json_object_get(row, "target"), "ip")), "192.0.2.0/24");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "source"), "port")), 4444);
	assert_string_equal(json_string_value(json_object_get(row, "campaign")), "0000000000000abc");
	assert_int_equal(json_integer_value(json_object_get(row, "first_ms")), 1795000000000);
	json_decref(rows);
	const struct web_ask ask = {.tab = WEB_TAB_ALL};
	web_index_group_rows(server.index, &view, &ask, &alert(at)->group, 1, taken_rows, &rows);
	row = json_array_get(rows, 0);
	assert_int_equal(json_array_size(json_object_get(row, "spark")), 24);
	assert_int_equal(json_integer_value(json_object_get(row, "due_ms")), 1795000000000 + 15 * 60000);
	assert_true(json_is_true(json_object_get(row, "overdue")));
	json_decref(rows);
	// not at hand, and Redis is away: nothing rather than half of it
	lines_forget(server.index, at);
	web_index_alert_rows(server.index, &view, &at, 1, taken_rows, &rows);
	assert_null(rows);
	// another view's alert is left out
	view = view_of(WEB_VIEWER, "shiomi");
	web_index_alert_rows(server.index, &view, &at, 1, taken_rows, &rows);
	assert_int_equal(json_array_size(rows), 0);
	json_decref(rows);
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// The budgets of dashboard.md, with 100,000 alerts in 2,000 groups: memory, and processor time of a list and of a search.
static void a_hundred_thousand_alerts_fit_the_budget(void **state)
{
	(void)state;
	enum { ALERTS = 100000 };
	static struct web_page page;
	struct spec s = plain;
	char target[32];
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	double begun = seconds();
	for (uint32_t i = 0; i < ALERTS; i++) {
		snprintf(target, sizeof target, "192.0.%u.%u", i % 2000 / 200, i % 200 + 1);
		s.target = target;
		s.id = i + 1;
		s.first_s = s.time_s = 1795000000 + i;
		must_take(&s);
	}
	size_t bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before - server.index->lines.bytes;
	print_message("          %.0f bytes an alert, %.1f us to take one\n", (double)bytes / ALERTS, (seconds() - begun) * 1e6 / ALERTS);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)bytes; // the allocator is another one, and everything takes longer: what follows is not of the product
	const double slow = 20;
#else
	assert_in_range(bytes / ALERTS, 100, 256);
	const double slow = 1;
#endif
	struct web_view view = view_of(WEB_VIEWER, NULL);
	struct web_query_error error;
	struct web_query *query = web_query_parse("flood 192.0.5", "", &error);
	double list = seconds();
	assert_int_equal(web_index_groups(server.index, &view, &(struct web_ask){.range = {1, INT64_MAX}}, NULL, 100, &page), 0);
	double search = seconds();
	assert_int_equal(page.total, 2000);
	assert_int_equal(web_index_alerts(server.index, &view, &(struct web_ask){.query = query}, NULL, 100, &page), 0);
	double end = seconds();
	assert_int_equal(page.total, ALERTS / 10);
	web_query_free(query);
	print_message("          list %.1f ms, search %.1f ms of processor time\n", (search - list) * 1e3, (end - search) * 1e3);
	assert_true(search - list < 0.05 * slow && end - search < 0.3 * slow);
}

// A permutation: each id has one that is shown and comes back from it, under each secret another.
static void what_is_shown_comes_back_under_its_secret_alone(void **state)
{
	(void)state;
	enum { TRIED = 20000 };
	unsigned char secret[WEB_SECRET_BYTES] = {1}, other[WEB_SECRET_BYTES] = {2};
	char text[17], before[17];
	uint64_t id, back;
	unsigned bits = 0;
	for (unsigned i = 0; i < TRIED; i++) {
		id = i < 3 ? i - 1ull : i * UINT64_C(0x9e3779b97f4a7c15);
		web_shown_secret(&server.shown, secret);
		web_group_text(&server.shown, id, text);
		assert_true(web_group_read(&server.shown, text, &back) && back == id);
		bits += (unsigned)__builtin_popcountll(web_group_shown(&server.shown, id) ^ web_group_shown(&server.shown, id ^ UINT64_C(1) << i % 64));
		memcpy(before, text, sizeof before);
		web_shown_secret(&server.shown, other);
		web_group_text(&server.shown, id, text);
		assert_string_not_equal(text, before);
		assert_true(web_group_read(&server.shown, before, &back) && back != id);
	}
	assert_true(bits > TRIED * 31u && bits < TRIED * 33u); // a bit of the id changes half of what is shown
	assert_false(web_group_read(&server.shown, "0123456789ABCDEF", &back));
	assert_false(web_group_read(&server.shown, "0123", &back));
}

static void what_is_sealed_is_opened_under_its_secret_alone(void **state)
{
	(void)state;
	static const char place[] = "egress-1=3-1200;c=77";
	unsigned char other[WEB_SECRET_BYTES] = {2};
	char sealed[256], again[256], open[128];
	web_seal(&server.shown, place, strlen(place), sealed, sizeof sealed);
	web_seal(&server.shown, place, strlen(place), again, sizeof again);
	assert_string_not_equal(sealed, again);
	assert_true(web_unseal(&server.shown, sealed, open, sizeof open));
	assert_string_equal(open, place);
	for (size_t i = 0; sealed[i]; i++) {
		char was = sealed[i];
		sealed[i] = was == 'A' ? 'B' : 'A';
		assert_false(web_unseal(&server.shown, sealed, open, sizeof open));
		sealed[i] = '\0';
		assert_false(web_unseal(&server.shown, sealed, open, sizeof open));
		sealed[i] = was;
	}
	assert_false(web_unseal(&server.shown, sealed, open, strlen(place))); // no room
	web_shown_secret(&server.shown, other);
	assert_false(web_unseal(&server.shown, sealed, open, sizeof open));
	web_seal(&server.shown, "x", 1, sealed, 8);
	assert_string_equal(sealed, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_index, end_index)
	const struct CMUnitTest tests[] = {
		TEST(an_alert_is_one_row_from_open_to_close), TEST(what_is_no_alert_is_counted_and_passed_over),
		TEST(a_groups_number_is_the_same_for_ever), TEST(what_is_shown_comes_back_under_its_secret_alone),
		TEST(what_is_sealed_is_opened_under_its_secret_alone), TEST(who_sees_an_alert_is_who_it_names), TEST(counts_of_every_tab_are_exact),
		TEST(alerts_are_paged_binned_and_hidden), TEST(somebody_is_to_know_until),
		TEST(the_oldest_closed_ones_go_when_it_is_full), TEST(groups_strings_sets_and_sensors_have_an_end),
		TEST(a_group_of_many_is_left_from_anywhere),
		TEST(one_id_has_few_alerts),
		TEST(what_rows_say_is_remembered_within_its_bound), TEST(rows_say_what_the_line_said), TEST(a_hundred_thousand_alerts_fit_the_budget),
	};
	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}

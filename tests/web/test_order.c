// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Orders of lists: every one against a comparison by other means, page by page, while something comes.
#include "index_rig.h"

#include <errno.h>

enum { MANY = 3000 };

static const struct web_alert *alert(uint32_t at)
{
	return web_index_alert(server.index, at);
}

static void make(void)
{
	static const char *const orgs[] = {"kirisasa", "nadami", "sasaura", ""}, *const kinds[] = {"dos.udp_flood", "scan.port", "beacon"};
	static const char *const severities[] = {"info", "low", "medium", "high", "critical"};
	uint32_t seed = 3;
	for (uint32_t i = 0; i < MANY; i++) {
		char target[16];
		struct spec s = plain;
		seed = seed * 1103515245 + 12345;
		uint32_t r = seed >> 8;
		snprintf(target, sizeof target, "192.0.2.%u", r % 100 + 1);
		s.id = i + 1;
		s.org = orgs[r % 4];
		s.kind = kinds[r % 3];
		s.severity = severities[r % 5];
		s.target = target;
		s.count = 1 + r % 7;
		s.first_s = 1795000000 + i / 2; // two of one moment
		s.time_s = s.first_s + 100;
		must_take(&s);
	}
}

static struct web_group_touch touch_by_time(uint64_t group)
{
	// every third is touched by nobody
	return (struct web_group_touch){.state = WEB_ACKNOWLEDGED, .changed_ns = group % 3 ? (int64_t)(group % 1000) : 0};
}

static const char *body_code(uint16_t body)
{
	return body == WEB_BODY_NONE ? "~" : web_body_at(server.bodies, body)->code; // behind every code
}

// How two groups stand to each other by what was asked for, without what decides among equals: negative: the first is before.
static int64_t groups_stand(enum web_order order, const struct web_group *a, const struct web_group *b)
{
	switch (order) {
	case WEB_BY_NEWEST: return b->last_ns - a->last_ns;
	case WEB_BY_OLDEST: return a->last_ns - b->last_ns;
	case WEB_BY_COUNT: return a->alerts != b->alerts ? (int64_t)b->alerts - a->alerts : b->last_ns - a->last_ns;
	case WEB_BY_CHANGE: return touch_by_time(b->id).changed_ns - touch_by_time(a->id).changed_ns;
	case WEB_BY_BODY: {
		int way = strcmp(body_code(alert(a->first)->body), body_code(alert(b->first)->body));
		return way ? way : b->severity - a->severity;
	}
	default: return a->severity != b->severity ? b->severity - a->severity : b->last_ns - a->last_ns;
	}
}

// Something that stands before whatever was read, as the order has it.
static struct spec at_the_front(enum web_order order, unsigned pages, char target[32])
{
	struct spec s = plain;
	snprintf(target, 32, "198.51.%d.%u", (int)order, pages % 250);
	s.target = target;
	s.severity = "critical";
	s.id = 100000u + pages + 1000u * (unsigned)order;
	s.first_s = s.time_s = order == WEB_BY_OLDEST ? 1794000000 - (int)pages : 1796000000 + 1000 * (int)order + (int)pages;
	s.org = order == WEB_BY_BODY ? "aaa" : s.org;
	return s;
}

static void pages_follow_each_other_without_a_hole(void **state)
{
	(void)state;
	static struct web_page page;
	static uint8_t seen[2 * MANY];
	struct web_view view = view_of(WEB_VIEWER, NULL);
	touch_for = touch_by_time;
	make();
	for (enum web_order order = WEB_BY_DEFAULT; order < WEB_ORDERS; order++) {
		const struct web_ask ask = {.tab = WEB_TAB_ALL, .order = order};
		char cursor[128] = "";
		uint32_t count = 0, pages = 0, added = 0;
		struct web_group last = {0};
		memset(seen, 0, sizeof seen);
		do {
			assert_int_equal(web_index_groups(server.index, &view, &ask, cursor, 7, &page), 0);
			for (uint32_t i = 0; i < page.count; i++) {
				const struct web_group *g = web_index_group(server.index, page.rows[i]);
				assert_int_equal(seen[page.rows[i]]++, 0);
				assert_true(!count++ || groups_stand(order, &last, g) <= 0);
				last = *g;
			}
			snprintf(cursor, sizeof cursor, "%s", page.cursor);
			// what comes at the front of the list moves nothing behind the cursor
			char target[32];
			struct spec s = at_the_front(order, ++pages, target);
			if (*cursor && order != WEB_BY_COUNT && order != WEB_BY_CHANGE) {
				must_take(&s);
				added++;
			}
		} while (*cursor);
		assert_int_equal(count, page.total - added);
		assert_true(pages > 3);
	}
	assert_int_equal(web_index_groups(server.index, &view, &(struct web_ask){.tab = WEB_TAB_ALL}, NULL, 7, &page), 0);
	const struct web_ask other = {.tab = WEB_TAB_ALL, .order = WEB_BY_COUNT}, same = {.tab = WEB_TAB_ALL, .order = WEB_BY_SEVERITY};
	char cursor[128];
	snprintf(cursor, sizeof cursor, "%s", page.cursor);
	assert_int_equal(web_index_groups(server.index, &view, &other, cursor, 7, &page), -EINVAL); // a place in another order is none
	assert_int_equal(web_index_groups(server.index, &view, &same, cursor, 7, &page), 0); // the default by its name
	static const char *const none[] = {"x", "1", "1.2", "1.2.3g", "1.2.3.4", "9999.1.1", "1.99999999999999999999.1", "-1.1.1",
					   "1.1.1.1.1", "1.1.1.1.00000000000000001", "1.1.1.1.000000000000000g", "1..1.1.0000000000000001",
					   "1.99999999999999999999.1.1.0000000000000001", "7.1.1.1.0000000000000001",
					   "1.1.1.1.0000000000000001.", ".1.1.1.0000000000000001"};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_int_equal(web_index_groups(server.index, &view, &(struct web_ask){0}, none[i], 7, &page), -EINVAL);
	assert_int_equal(web_index_groups(server.index, &view, &(struct web_ask){0}, "1.1.1.1.0000000000000001", 7, &page), 0);
}

static int64_t alerts_stand(enum web_order order, const struct web_alert *a, const struct web_alert *b)
{
	switch (order) {
	case WEB_BY_SEVERITY: return a->severity != b->severity ? b->severity - a->severity : b->time_ns - a->time_ns;
	case WEB_BY_OLDEST: return a->time_ns - b->time_ns;
	case WEB_BY_COUNT: return a->count != b->count ? (int64_t)b->count - a->count : b->time_ns - a->time_ns;
	case WEB_BY_BODY: {
		int way = strcmp(body_code(a->body), body_code(b->body));
		return way ? way : a->severity != b->severity ? b->severity - a->severity : b->time_ns - a->time_ns;
	}
	default: return b->time_ns - a->time_ns;
	}
}

static void alerts_come_in_every_order_once_each(void **state)
{
	(void)state;
	static struct web_page page;
	static uint8_t seen[MANY + 8];
	struct web_view view = view_of(WEB_VIEWER, NULL);
	make();
	struct spec s = plain; // one id of one sensor with two onsets, and records of the same moment
	s.id = 777;
	s.time_s = 1795009999;
	must_take(&s);
	s.first_s -= 3600;
	must_take(&s);
	for (enum web_order order = WEB_BY_DEFAULT; order < WEB_BY_CHANGE; order++) {
		const struct web_ask ask = {.order = order};
		const struct web_alert *last = NULL;
		char cursor[128] = "";
		uint32_t count = 0;
		memset(seen, 0, sizeof seen);
		do {
			assert_int_equal(web_index_alerts(server.index, &view, &ask, cursor, 1 + count % 13, &page), 0);
			for (uint32_t i = 0; i < page.count; i++, count++) {
				assert_int_equal(seen[page.rows[i]]++, 0);
				assert_true(!last || alerts_stand(order, last, alert(page.rows[i])) <= 0);
				last = alert(page.rows[i]);
			}
			snprintf(cursor, sizeof cursor, "%s", page.cursor);
		} while (*cursor);
		assert_int_equal(count, page.total);
		assert_int_equal(count, MANY + 2);
	}
	assert_int_equal(web_index_alerts(server.index, &view, &(struct web_ask){.order = WEB_BY_CHANGE}, NULL, 7, &page), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pages_follow_each_other_without_a_hole, begin_index, end_index),
		cmocka_unit_test_setup_teardown(alerts_come_in_every_order_once_each, begin_index, end_index),
	};
	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}

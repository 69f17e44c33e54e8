// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/shares.h"

static struct yg_shares *two_bodies(void)
{
	const struct yg_config config = {.orgs_count = 2};
	struct yg_shares *s = yg_shares_create(&config);
	assert_non_null(s);
	return s;
}

static struct yg_budget_note contacts(uint16_t org, int64_t second, uint32_t seen, uint32_t asked)
{
	return (struct yg_budget_note){.org = org, .second = second, .seen = {seen, 0, 0, 0}, .asked = {asked, 0, 0, 0}};
}

static void a_body_without_a_flood_is_seen_whole(void **state)
{
	struct yg_shares *s = two_bodies();
	struct yg_budget_note note = contacts(0, 100, 4096, 40960);
	(void)state;
	yg_shares_note(s, &note);
	assert_true(yg_shares_seen(s, 0, YG_NEEDS_CONTACT, 100) < 0.11);
	assert_true(yg_shares_seen(s, 1, YG_NEEDS_CONTACT, 100) == 1);
	assert_true(yg_shares_seen(s, YG_ORG_NONE, YG_NEEDS_CONTACT, 100) == 1);
	assert_true(yg_shares_seen(s, 0, YG_NEEDS_DNS, 100) == 1);
	yg_shares_destroy(s);
}

static void workers_are_added_up_and_a_minute_is_remembered(void **state)
{
	struct yg_shares *s = two_bodies();
	struct yg_budget_note first = contacts(1, 100, 4096, 8192), second = contacts(1, 100, 4096, 24576), mild = contacts(1, 101, 4096, 5000);
	(void)state;
	yg_shares_note(s, &first);
	yg_shares_note(s, &second);
	yg_shares_note(s, &mild);
	assert_true(yg_shares_seen(s, 1, YG_NEEDS_CONTACT, 160) == 0.25);
	assert_true(yg_shares_seen(s, 1, YG_NEEDS_CONTACT, 161) == 1);
	yg_shares_destroy(s);
}

static void an_alert_says_what_was_looked_at(void **state)
{
	struct yg_shares *s = two_bodies();
	struct yg_budget_note note = contacts(0, 100, 1, 100000), none = contacts(YG_ORG_NONE, 100, 1, 4);
	struct yg_alert alert = {.org = 0}, before = alert;
	(void)state;
	yg_shares_note(s, &note);
	yg_shares_note(s, &none);
	yg_shares_temper(s, YG_NEEDS_CONTACT, 101, &alert);
	assert_non_null(strstr(alert.text_en, "only 0.1 %"));
	assert_non_null(strstr(alert.text_ja, "0.1%"));
	alert = (struct yg_alert){.org = YG_ORG_NONE};
	yg_shares_temper(s, YG_NEEDS_CONTACT, 101, &alert);
	assert_non_null(strstr(alert.text_en, "only 25 %"));
	alert = before; // one that lives on rates
	yg_shares_temper(s, YG_NEEDS_CONTACT | YG_NEEDS_WINDOW, 101, &alert);
	assert_memory_equal(&alert, &before, sizeof alert);
	memset(alert.text_en, 'x', sizeof alert.text_en - 1); // no room
	yg_shares_temper(s, YG_NEEDS_CONTACT, 101, &alert);
	assert_true(strlen(alert.text_en) == sizeof alert.text_en - 1);
	yg_shares_temper(NULL, YG_NEEDS_CONTACT, 101, &alert);
	yg_shares_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_without_a_flood_is_seen_whole),
		cmocka_unit_test(workers_are_added_up_and_a_minute_is_remembered),
		cmocka_unit_test(an_alert_says_what_was_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The registry of bodies over the example prefecture, and what a body's viewer does not get to read. Expected values stand in the example's
// files (configs/organisations), not in the code under test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "auth.h"
#include "bodies.h"

static struct web_bodies *demo;

static int load_demo(void **state)
{
	(void)state;
	demo = web_bodies_load(YG_SOURCE_ROOT "/configs/demo.yaml");
	return demo ? 0 : -1;
}

static int free_demo(void **state)
{
	(void)state;
	web_bodies_free(demo);
	return 0;
}

static struct web_view view_of(const struct web_bodies *bodies, enum web_role role, const char *code)
{
	struct web_user user = {.name = "u", .role = role, .scope.all = !code};
	struct web_view view;
	uint16_t at = code ? web_body_find(bodies, code) : WEB_BODY_NONE;
	if (at != WEB_BODY_NONE)
		user.scope.body[at / 64] |= UINT64_C(1) << at % 64;
	assert_true(web_access_view(&user, WEB_MAY_VIEW, false, &view));
	return view;
}

static const struct web_body *body(const char *code)
{
	return web_body_at(demo, web_body_find(demo, code));
}

static void bodies_are_those_of_the_files(void **state)
{
	(void)state;
	assert_int_equal(web_bodies_count(demo), 8);
	const struct web_body *town = body("kirihara"), *whole = body("kirisasa");
	assert_string_equal(town->name_ja, "霧原町");
	assert_string_equal(town->name_en, "Kirihara Town");
	assert_string_equal(town->name_kana, "きりはらちょう");
	assert_string_equal(town->contact, "霧原町 総務課 soumu@town.kirihara.example");
	assert_string_equal(town->kind, "town");
	assert_int_equal(town->line_bps, 100000000);
	assert_int_equal(town->parent, web_body_find(demo, "nadami"));
	assert_true(town->declared);
	assert_string_equal(whole->kind, "union");
	assert_int_equal(whole->members_count, 3);
	assert_int_equal(web_body_find(demo, "nobody"), WEB_BODY_NONE);
	assert_null(web_body_at(demo, WEB_BODY_NONE));
	assert_string_equal(web_bodies_timezone(demo), "Asia/Tokyo");
}

static void parse(const char *text, uint8_t *ret_af, uint8_t ret_address[16])
{
	memset(ret_address, 0, 16);
	*ret_af = strchr(text, ':') ? 6 : 4;
	assert_int_equal(inet_pton(*ret_af == 6 ? AF_INET6 : AF_INET, text, ret_address), 1);
}

static void addresses_find_their_body(void **state)
{
	(void)state;
	static const struct { const char *address, *code; bool inside; } rows[] = {
		{"203.0.113.64", "kirihara", true}, {"203.0.113.95", "kirihara", true}, {"10.4.255.255", "kirihara", true},
		{"2001:db8:4000::1", "kirihara", true}, {"192.0.2.14", "kirisasa", true}, {"10.108.0.1", "kirisasa", true},
		{"8.8.8.8", NULL, false}, {"2001:db9::1", NULL, false}, {"192.0.2.255", NULL, false},
	};
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t af, address[16];
		bool inside;
		parse(rows[i].address, &af, address);
		uint16_t at = web_body_of(demo, af, address, &inside);
		assert_int_equal(at, rows[i].code ? web_body_find(demo, rows[i].code) : WEB_BODY_NONE);
		assert_int_equal(inside, rows[i].inside);
	}
}

static void who_sees_a_body(void **state)
{
	(void)state;
	static const struct { const char *viewer, *of; bool sees; } rows[] = {
		{"kirihara", "kirihara", true}, {"kirihara", "sasaura", false}, {"nadami", "kirihara", true}, {"kirihara", "nadami", false},
		{"kirihara", "kirisasa", true}, {"kirisasa", "kirihara", false}, {"shiomi", "shiomi-edu", true}, {"shiomi-edu", "shiomi", false},
	};
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct web_view view = view_of(demo, WEB_ORG_VIEWER, rows[i].viewer);
		assert_int_equal(web_body_sees(demo, &view, web_body_find(demo, rows[i].of)), rows[i].sees);
		assert_false(web_body_sees(demo, &view, WEB_BODY_NONE));
	}
	struct web_view all = view_of(demo, WEB_VIEWER, NULL);
	assert_true(web_body_sees(demo, &all, WEB_BODY_NONE));
}

static void masks(const char *viewer, const char *text, const char *ja, const char *en)
{
	struct web_view view = view_of(demo, WEB_ORG_VIEWER, viewer);
	char *got = web_mask_text(demo, &view, text, true);
	assert_string_equal(got, ja);
	free(got);
	got = web_mask_text(demo, &view, text, false);
	assert_string_equal(got, en);
	free(got);
}

static void addresses_of_others_become_names(void **state)
{
	(void)state;
	masks("shiomi", "203.0.113.70（霧原町）にSYNフラッド攻撃の疑い。", "霧原町にSYNフラッド攻撃の疑い。",
	      "Kirihara Town（霧原町）にSYNフラッド攻撃の疑い。");
	masks("shiomi", "to 203.0.113.70 (Kirihara Town).", "to 霧原町 (Kirihara Town).", "to Kirihara Town.");
	masks("shiomi", "203.0.113.70:443 [2001:db8:4000::10]:443 2001:DB8:4000:0:0:0:0:10", "霧原町:443 [霧原町]:443 霧原町",
	      "Kirihara Town:443 [Kirihara Town]:443 Kirihara Town");
	masks("shiomi", "203.0.113.64/27, 10.4.0.0/16.", "霧原町, 霧原町.", "Kirihara Town, Kirihara Town.");
	masks("shiomi", "::ffff:203.0.113.70 ::ffff:cb00:7146 64:ff9b::cb00:7146", "霧原町 霧原町 霧原町", "Kirihara Town Kirihara Town Kirihara Town");
	masks("shiomi", "x203.0.113.70y 1.203.0.113.70 host-203-0-113-70.example 203.000.113.070",
	      "x霧原町y 1.霧原町 host-霧原町.example 霧原町", "xKirihara Towny 1.Kirihara Town host-Kirihara Town.example Kirihara Town");
	masks("shiomi", "70.113.0.203.in-addr.arpa 70.113.0.203.IN-ADDR.ARPA", "霧原町 霧原町", "Kirihara Town Kirihara Town");
	masks("shiomi", "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.8.b.d.0.1.0.0.2.ip6.arpa", // 36: the last 32 are ours
	      "0.1.0.0.霧原町", "0.1.0.0.Kirihara Town");
	masks("shiomi", "10.200.1.1 fd00::1 fe80::1", "他の団体 他の団体 他の団体", "another body another body another body");
}

static void what_may_be_read_stays(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"203.0.113.70（霧原町）", "8.8.8.8 2001:db9::1 2026-11-22T10:05:00.000000+0900 aa:bb:cc:dd:ee:ff 1.2.3.4.5", "::", "0.0.0.0", "256.1.1.1",
		"1.2.3", "", ":", "::::::::",
		 "ffff:ffff", "1:miGW6Jl1/uPv9e9++At359qQomE=", "\xe2\x80\xae 1.1.1.1", "198.51.100.250", "999999999999.1.1.1",
	};
	for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
		masks("kirihara", texts[i], texts[i], texts[i]);
	struct web_view analyst = view_of(demo, WEB_ANALYST, "shiomi"); // no mask: his role shows addresses
	char *got = web_mask_text(demo, &analyst, "203.0.113.70", true);
	assert_string_equal(got, "203.0.113.70");
	free(got);
}

static void a_prefix_wider_than_a_body_is_masked(void **state)
{
	(void)state;
	masks("shiomi", "203.0.113.0/24", "灘見県", "Nadami Prefecture");
	masks("nadami", "203.0.113.0/24", "203.0.113.0/24", "203.0.113.0/24");
	masks("kirihara", "203.0.113.64/28", "203.0.113.64/28", "203.0.113.64/28");
}

static void hostile_texts_end(void **state)
{
	(void)state;
	static const char *const pieces[] = {":", "1.", "f:", "::", "9", "1:2:3:4:5:6:7:8", "0.", "/99", "203.0.113.70/", "203.0.113.70."};
	struct web_view view = view_of(demo, WEB_ORG_VIEWER, "shiomi");
	for (unsigned i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		char text[8193] = "";
		size_t n = strlen(pieces[i]);
		for (size_t at = 0; at + n < sizeof text; at += n)
			memcpy(text + at, pieces[i], n + 1);
		char *got = web_mask_text(demo, &view, text, true);
		assert_null(strstr(got, "203.0.113.70"));
		free(got);
	}
}

static void ends_are_masked(void **state)
{
	(void)state;
	struct web_view town = view_of(demo, WEB_ORG_VIEWER, "kirihara"), city = view_of(demo, WEB_ORG_VIEWER, "shiomi");
	uint8_t af, address[16];
	parse("203.0.113.70", &af, address);
	json_t *own = web_end_json(demo, &town, af, address, 32, 443), *other = web_end_json(demo, &city, af, address, 32, 443);
	assert_string_equal(json_string_value(json_object_get(own, "ip")), "203.0.113.70");
	assert_int_equal(json_integer_value(json_object_get(own, "port")), 443);
	assert_string_equal(json_string_value(json_object_get(json_object_get(own, "org"), "code")), "kirihara");
	assert_true(json_is_null(json_object_get(other, "ip")));
	assert_true(json_is_true(json_object_get(other, "masked")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(other, "org"), "code")), "kirihara");
	char *text = json_dumps(other, 0);
	assert_null(strstr(text, "203.0.113"));
	free(text);
	json_decref(own);
	json_decref(other);
	json_t *prefix = web_end_json(demo, &town, af, address, 27, 0), *none = web_end_json(demo, &city, 0, address, 0, 0);
	assert_string_equal(json_string_value(json_object_get(prefix, "ip")), "203.0.113.70/27");
	assert_true(json_is_null(json_object_get(none, "ip")));
	assert_null(json_object_get(none, "masked"));
	json_decref(prefix);
	json_decref(none);
	assert_true(web_body_masks(demo, &city, af, address));
	assert_false(web_body_masks(demo, &town, af, address));
}

static void lines_are_masked_at_every_depth(void **state)
{
	(void)state;
	struct web_view view = view_of(demo, WEB_ORG_VIEWER, "shiomi");
	json_t *eve = json_loads("{\"src_ip\":\"203.0.113.70\",\"dest_ip\":\"8.8.8.8\",\"flow_id\":5,\"community_id\":\"1:x\",\"alert\":"
				 "{\"context\":{\"why\":{\"text_ja\":\"203.0.113.70から\","
				 "\"text_en\":\"from 203.0.113.70\",\"top\":[{\"ip\":\"10.4.1.1\"},[[\"10.4.1.2\"]]]},"
				 "\"203.0.113.71\":{\"a\":1}}}}", 0, NULL);
	web_mask_json(demo, &view, eve);
	char *text = json_dumps(eve, JSON_COMPACT);
	assert_string_equal(text, "{\"src_ip\":\"Kirihara Town\",\"dest_ip\":\"8.8.8.8\",\"alert\":{\"context\":{\"why\":{\"text_ja\":\"霧原町から\","
				  "\"text_en\":\"from Kirihara Town\",\"top\":[{\"ip\":\"Kirihara Town\"},[[\"Kirihara Town\"]]]}}}}");
	free(text);
	json_decref(eve);
	eve = json_loads("{\"src_ip\":\"8.8.4.4\",\"flow_id\":5,\"community_id\":\"1:x\"}", 0, NULL);
	web_mask_json(demo, &view, eve);
	assert_int_equal(json_object_size(eve), 3); // nothing was hidden, nothing is lost
	json_decref(eve);
	eve = json_loads("{\"tls\":{\"sni\":\"a\\u0000203.0.113.70\"},\"list\":[\"x\\u0000y\"],\"flow_id\":5}", JSON_ALLOW_NUL, NULL);
	web_mask_json(demo, &view, eve);
	text = json_dumps(eve, JSON_COMPACT);
	assert_string_equal(text, "{\"tls\":{\"sni\":\"a Kirihara Town\"},\"list\":[\"x y\"]}"); // what stands behind a zero byte as well
	free(text);
	json_decref(eve);
}

static void without_prefixes_every_address_is_masked(void **state)
{
	(void)state;
	struct web_bodies *bodies = web_bodies_load(NULL);
	uint16_t at = web_body_intern(bodies, "town", "町", "Town");
	assert_int_equal(at, 0);
	struct web_view view = view_of(bodies, WEB_ORG_VIEWER, "town");
	char *got = web_mask_text(bodies, &view, "8.8.8.8 and 2001:db8::1", false);
	assert_string_equal(got, "another body and another body");
	free(got);
	web_bodies_free(bodies);
}

static void alerts_name_bodies_within_bounds(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "-a", "A", "sixteen-letters-", "a b", "a/b", "\xff", "../x"};
	struct web_bodies *bodies = web_bodies_load(NULL);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(web_body_intern(bodies, bad[i], "x", "x"), WEB_BODY_NONE);
	assert_int_equal(web_body_intern(bodies, NULL, "x", "x"), WEB_BODY_NONE);
	assert_int_equal(web_bodies_counters(bodies).bad_code, sizeof bad / sizeof *bad + 1);
	for (unsigned i = 0; i < WEB_BODIES_UNDECLARED + 3; i++) {
		char code[16];
		snprintf(code, sizeof code, "u%u", i);
		assert_int_equal(web_body_intern(bodies, code, NULL, NULL), i < WEB_BODIES_UNDECLARED ? i : WEB_BODY_NONE);
	}
	assert_int_equal(web_bodies_counters(bodies).full, 3);
	assert_int_equal(web_body_intern(bodies, "u7", "七", NULL), 7);
	assert_int_equal(web_body_intern(bodies, "u7", "八", "Seven"), 7); // the first name stays
	assert_string_equal(web_body_at(bodies, 7)->name_ja, "七");
	assert_string_equal(web_body_at(bodies, 7)->name_en, "Seven");
	char name[400];
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	memcpy(name + 100, "\n\xff\xe2\x80\xae", 5);
	web_body_intern(bodies, "u8", name, NULL);
	assert_true(strlen(web_body_at(bodies, 8)->name_ja) <= 127);
	json_t *json = web_body_json(bodies, 8);
	assert_non_null(json); // valid UTF-8
	json_decref(json);
	web_bodies_free(bodies);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void a_reload_keeps_indices(void **state)
{
	(void)state;
	char folder[] = "/tmp/yagura-bodies-XXXXXX", config[64], one[64], two[64];
	assert_non_null(mkdtemp(folder));
	snprintf(config, sizeof config, "%s/y.yaml", folder);
	snprintf(one, sizeof one, "%s/one.yaml", folder);
	snprintf(two, sizeof two, "%s/two.yaml", folder);
	write_file(config, "organisations: [one.yaml]\nplugins:\n  scan:\n    enabled: false\n"); // plugins are none of a dashboard's business
	write_file(one, "code: one\nname: {ja: 一, kana: いち, en: One}\nkind: city\nmodel: alpha\nprefixes: {internet: [192.0.2.0/25]}\n");
	write_file(two, "code: two\nname: {ja: 二, kana: に, en: Two}\nkind: city\nmodel: alpha\nprefixes: {internet: [192.0.2.128/25]}\n");
	struct web_bodies *bodies = web_bodies_load(config);
	assert_non_null(bodies);
	assert_int_equal(web_body_intern(bodies, "two", NULL, NULL), 1); // an alert is earlier than its file
	assert_false(web_body_at(bodies, 1)->declared);
	write_file(config, "organisations: [two.yaml]\n");
	assert_int_equal(web_bodies_reload(bodies), 0);
	assert_int_equal(web_body_find(bodies, "one"), 0);
	assert_false(web_body_at(bodies, 0)->declared);
	assert_string_equal(web_body_at(bodies, 0)->name_ja, "一"); // its alerts are still there
	assert_true(web_body_at(bodies, 1)->declared);
	assert_string_equal(web_body_at(bodies, 1)->name_en, "Two");
	uint8_t af, address[16];
	parse("192.0.2.200", &af, address);
	assert_int_equal(web_body_of(bodies, af, address, NULL), 1);
	write_file(config, "organisations: [\n"); // an error: as it was
	assert_true(web_bodies_reload(bodies) < 0);
	assert_int_equal(web_body_of(bodies, af, address, NULL), 1);
	assert_int_equal(web_bodies_counters(bodies).reloads_failed, 1);
	web_bodies_free(bodies);
	assert_null(web_bodies_load(config));
	unlink(config), unlink(one), unlink(two), rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_those_of_the_files),
		cmocka_unit_test(addresses_find_their_body),
		cmocka_unit_test(who_sees_a_body),
		cmocka_unit_test(addresses_of_others_become_names),
		cmocka_unit_test(what_may_be_read_stays),
		cmocka_unit_test(a_prefix_wider_than_a_body_is_masked),
		cmocka_unit_test(hostile_texts_end),
		cmocka_unit_test(ends_are_masked),
		cmocka_unit_test(lines_are_masked_at_every_depth),
		cmocka_unit_test(without_prefixes_every_address_is_masked),
		cmocka_unit_test(alerts_name_bodies_within_bounds),
		cmocka_unit_test(a_reload_keeps_indices),
	};
	return cmocka_run_group_tests(tests, load_demo, free_demo);
}

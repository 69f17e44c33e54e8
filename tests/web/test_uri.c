// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What is plainly right is taken apart, and nothing else is taken at all.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"
#include "uri.h"

static int verdict(const char *target)
{
	struct web_uri uri;
	int error = web_uri_init(&uri, target);
	if (!error)
		web_uri_finish(&uri);
	return error;
}

static void a_target_is_taken_apart(void **state)
{
	struct web_uri uri;
	uint8_t at[WEB_PARAMETERS];
	(void)state;
	assert_int_equal(web_uri_init(&uri, "/api/v1/groups/1f%3A2?state=inbox&q=%E7%9C%8C+%2B&empty="), 0);
	assert_int_equal(uri.segments, 4);
	assert_string_equal(uri.segment[3], "1f:2");
	assert_string_equal(web_uri_query(&uri, "q"), "県 +");
	assert_string_equal(web_uri_query(&uri, "empty"), "");
	assert_null(web_uri_query(&uri, "none"));
	assert_true(web_uri_matches(&uri, "/api/v1/groups/{id}", at));
	assert_int_equal(at[0], 3);
	assert_false(web_uri_matches(&uri, "/api/v1/groups", at));
	assert_false(web_uri_matches(&uri, "/api/v1/groups/{id}/more", at));
	web_uri_finish(&uri);
}

static void what_is_no_target_is_refused(void **state)
{
	static const char *const bad[] = {
	    "",         "x",        "*",          "http://a/",   "//",      "/a//b",     "/a/",          "/.",          "/a/../b",   "/%2e%2e/a",
	    "/a%2fb",   "/a%5",     "/a%zz",      "/a%00b",      "/a%0d%0a", "/\xff",     "/%ff%fe",      "/%c0%af",     "/%ed%a0%80", "/a?b=%00",
	    "/a?b=%0a%00", "/a?b=1&b=2", "/a?=1", "/a?b=%e3%81", "/a\x7f",
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (verdict(bad[i]) == 0)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(verdict("/1/2/3/4/5/6/7/8"), 0);
	assert_int_equal(verdict("/1/2/3/4/5/6/7/8/9"), -E2BIG);
}

static void pairs_are_counted(void **state)
{
	char target[1024] = "/a?";
	(void)state;
	for (int i = 0; i < WEB_PAIRS; i++)
		snprintf(target + strlen(target), 16, "n%d=%d&", i, i);
	assert_int_equal(verdict(target), 0);
	snprintf(target + strlen(target), 16, "more=1");
	assert_int_equal(verdict(target), -E2BIG);
}

static void one_cookie_of_the_name_counts(void **state)
{
	char header[512], token[65], hex[65];
	(void)state;
	memset(hex, 'a', 64);
	hex[64] = '\0';
	snprintf(header, sizeof header, "theme=dark; __Host-yagura=%s ; x=y", hex);
	assert_true(web_cookie_token(header, "__Host-yagura", token));
	assert_string_equal(token, hex);
	snprintf(header, sizeof header, "__Host-yagura=%s; __Host-yagura=%s", hex, hex);
	assert_false(web_cookie_token(header, "__Host-yagura", token));
	snprintf(header, sizeof header, "x__Host-yagura=%s; __Host-yagura=%sA", hex, hex);
	assert_false(web_cookie_token(header, "__Host-yagura", token));
	assert_false(web_cookie_token("__Host-yagura=", "__Host-yagura", token));
	assert_false(web_cookie_token(";;;=;", "__Host-yagura", token));
}

static void a_host_is_an_address_or_a_name_of_ours(void **state)
{
	(void)state;
	assert_true(web_host_is_ours("127.0.0.1:8480", NULL));
	assert_true(web_host_is_ours("[::1]:8480", NULL));
	assert_true(web_host_is_ours("localhost", NULL));
	assert_true(web_host_is_ours("Yagura.example.lg.jp", "a.example, yagura.example.lg.jp"));
	assert_false(web_host_is_ours("yagura.example.lg.jp", NULL));
	assert_false(web_host_is_ours("evil.example", "yagura.example.lg.jp"));
	assert_false(web_host_is_ours("yagura.example.lg.jp.evil.example", "yagura.example.lg.jp"));
	assert_false(web_host_is_ours("localhost:8480x", NULL));
	assert_false(web_host_is_ours("[::1]evil", NULL));
	assert_false(web_host_is_ours("", NULL));
	assert_false(web_host_is_ours(NULL, NULL));
}

static void an_origin_is_of_the_host(void **state)
{
	(void)state;
	assert_true(web_origin_is_host("https://a.example", "A.example"));
	assert_true(web_origin_is_host("http://127.0.0.1:8480", "127.0.0.1:8480"));
	assert_false(web_origin_is_host("null", "a.example"));
	assert_false(web_origin_is_host("https://a.example.evil", "a.example"));
	assert_false(web_origin_is_host("ftp://a.example", "a.example"));
}

static void json_is_as_deep_as_the_limit(void **state)
{
	char text[2 * WEB_JSON_DEPTH + 8] = "";
	(void)state;
	memset(text, '[', WEB_JSON_DEPTH);
	memset(text + WEB_JSON_DEPTH, ']', WEB_JSON_DEPTH);
	assert_true(web_json_is_shallow(text, strlen(text)));
	memset(text, '[', WEB_JSON_DEPTH + 1);
	assert_false(web_json_is_shallow(text, strlen(text)));
	assert_true(web_json_is_shallow("\"[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"", 30));
}

static void codings_are_taken_as_they_are_offered(void **state)
{
	(void)state;
	assert_true(web_accepts("gzip, deflate, br", "br"));
	assert_true(web_accepts("br;q=0.5,gzip", "br"));
	assert_false(web_accepts("br;q=0, gzip", "br"));
	assert_false(web_accepts("br;q=0.000", "br"));
	assert_false(web_accepts("brotli, gzip", "br"));
	assert_false(web_accepts(NULL, "br"));
}

static void messages_are_sorted_and_whole(void **state)
{
	(void)state;
	for (const struct web_message *m = web_messages; m->code; m++) {
		assert_true(m->ja[0] && m->en[0]);
		assert_ptr_equal(web_message_find(m->code), m); // no code twice
		if (m[1].code && strcmp(m->code, m[1].code) >= 0)
			fail_msg("%s stands before %s", m->code, m[1].code);
	}
	assert_null(web_message_find("no such"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_target_is_taken_apart),
	    cmocka_unit_test(what_is_no_target_is_refused),
	    cmocka_unit_test(pairs_are_counted),
	    cmocka_unit_test(one_cookie_of_the_name_counts),
	    cmocka_unit_test(a_host_is_an_address_or_a_name_of_ours),
	    cmocka_unit_test(an_origin_is_of_the_host),
	    cmocka_unit_test(json_is_as_deep_as_the_limit),
	    cmocka_unit_test(codings_are_taken_as_they_are_offered),
	    cmocka_unit_test(messages_are_sorted_and_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// URLs of Redis: what is taken, and what is refused with which reason.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "courier/redis_url.h"

static struct yg_redis_url parsed(const char *text)
{
	struct yg_redis_url url;
	const char *reason = NULL;
	assert_int_equal(yg_redis_url_parse(text, &url, &reason), 0);
	return url;
}

static void refused(const char *text, const char *part)
{
	struct yg_redis_url url;
	const char *reason = NULL;
	assert_int_equal(yg_redis_url_parse(text, &url, &reason), -EINVAL);
	assert_non_null(strstr(reason, part));
}

static void a_host_alone_has_the_usual_port(void **state)
{
	(void)state;
	struct yg_redis_url url = parsed("redis://redis.example.jp");
	assert_string_equal(url.host, "redis.example.jp");
	assert_int_equal(url.port, 6379);
	assert_int_equal(url.db, 0);
	assert_false(url.is_unix || url.has_password);
	assert_int_equal(parsed("redis://h/").db, 0);
}

static void everything_can_be_said_at_once(void **state)
{
	(void)state;
	struct yg_redis_url url = parsed("redis://sensor:p%40s%3A%2fs@192.0.2.1:6380/15");
	assert_string_equal(url.user, "sensor");
	assert_string_equal(url.password, "p@s:/s");
	assert_string_equal(url.host, "192.0.2.1");
	assert_int_equal(url.port, 6380);
	assert_int_equal(url.db, 15);
	assert_true(url.has_password);
}

static void a_password_needs_no_user(void **state)
{
	(void)state;
	struct yg_redis_url url = parsed("redis://:se:cr@et@host");
	assert_string_equal(url.user, "");
	assert_string_equal(url.password, "se:cr@et");
	assert_string_equal(url.host, "host");
}

static void ipv6_stands_in_brackets(void **state)
{
	(void)state;
	assert_string_equal(parsed("redis://[2001:db8::1]").host, "2001:db8::1");
	assert_int_equal(parsed("redis://u:p@[::1]:7000/2").port, 7000);
	refused("redis://[::1", "bracket");
	refused("redis://[::1]7000", "behind");
	refused("redis://2001:db8::1", "port");
}

static void a_socket_has_a_path(void **state)
{
	(void)state;
	struct yg_redis_url url = parsed("unix:///run/redis/redis%20a.sock?db=3");
	assert_true(url.is_unix);
	assert_string_equal(url.path, "/run/redis/redis a.sock");
	assert_int_equal(url.db, 3);
	assert_string_equal(parsed("unix://u:p@/s").password, "p");
	refused("unix://run/redis", "absolute");
	refused("unix://", "absolute");
	refused("unix:///", "path");
	refused("unix:///a?base=3", "db=N");
	refused("unix:///a?db", "db=N");
	refused("unix:///a?db=", "number");
	refused("unix:///a?db=x", "number");
}

static void what_is_not_understood_is_refused(void **state)
{
	(void)state;
	refused("", "expected");
	refused("http://host", "expected");
	if (!YG_REDIS_TLS) {
		refused("rediss://host", "stunnel");
		return;
	}
	struct yg_redis_url url = parsed("rediss://sensor:x@redis.example.jp:6380/1");
	assert_true(url.is_tls && url.port == 6380 && url.db == 1);
	assert_string_equal(url.host, "redis.example.jp");
	assert_false(parsed("redis://host").is_tls);
	refused("rediss:///socket", "host");
	refused("redis://", "host");
	refused("redis://:6379", "host");
	refused("redis://host:", "port");
	refused("redis://host:0", "port");
	refused("redis://host:65536", "port");
	refused("redis://host:99999999999", "port");
	refused("redis://host/db", "database");
	refused("redis://host/1/2", "database");
	refused("redis://user@host", "password");
	refused("redis://u:%zz@host", "escape");
	refused("redis://u:%4", "port");
	refused("redis://u:p%00q@host", "escape");
}

static void every_field_has_its_length(void **state)
{
	char text[1200] = "unix:///";
	(void)state;
	memset(text + 8, 'a', 106);
	assert_int_equal(strlen(parsed(text).path), 107);
	text[8 + 106] = 'a';
	refused(text, "107");
	memset(text, 0, sizeof text);
	memcpy(text, "redis://", 8);
	memset(text + 8, 'h', 255);
	assert_int_equal(strlen(parsed(text).host), 255);
	text[8 + 255] = 'h';
	refused(text, "too long");
	memset(text, 'p', 1100);
	memcpy(text, "redis://:", 9);
	memcpy(text + 1100, "@h", 3);
	refused(text, "too long");
}

static void sentinels_have_a_name_to_ask_for(void **state)
{
	(void)state;
	struct yg_redis_url url = parsed("sentinel://sensor:p%40ss@s1.example.jp,192.0.2.2:26380,[2001:db8::3]:26381/yagura/2");
	assert_true(url.is_sentinel && url.has_password && !url.is_unix);
	assert_string_equal(url.user, "sensor");
	assert_string_equal(url.password, "p@ss");
	assert_string_equal(url.primary, "yagura");
	assert_int_equal(url.db, 2);
	assert_int_equal(url.sentinels, 3);
	assert_string_equal(url.sentinel[0].host, "s1.example.jp");
	assert_int_equal(url.sentinel[0].port, 26379);
	assert_int_equal(url.sentinel[1].port, 26380);
	assert_string_equal(url.sentinel[2].host, "2001:db8::3");
	assert_int_equal(url.sentinel[2].port, 26381);
	assert_false(parsed("redis://h").is_sentinel);
}

static void sentinels_that_cannot_be_are_refused(void **state)
{
	(void)state;
	refused("sentinel://h", "no name");
	refused("sentinel://h/", "no name");
	refused("sentinel://h/a%0ab", "no name");
	refused("sentinel://h/name/x", "database");
	refused("sentinel://h,,i/name", "no host");
	refused("sentinel:///name", "no host");
	refused("sentinel://h:0/name", "port");
	refused("sentinel://u@h/name", "without a password");
	refused("sentinel://a,b,c,d,e,f,g,h,i/name", "more than 8");
	assert_int_equal(parsed("sentinel://a,b,c,d,e,f,g,h/name").sentinels, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentinels_have_a_name_to_ask_for),
		cmocka_unit_test(sentinels_that_cannot_be_are_refused),
		cmocka_unit_test(a_host_alone_has_the_usual_port),
		cmocka_unit_test(everything_can_be_said_at_once),
		cmocka_unit_test(a_password_needs_no_user),
		cmocka_unit_test(ipv6_stands_in_brackets),
		cmocka_unit_test(a_socket_has_a_path),
		cmocka_unit_test(what_is_not_understood_is_refused),
		cmocka_unit_test(every_field_has_its_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The look-ups against a naive search of the whole table, over nested prefixes of every length, and the rules that a
// person would ask about.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/address.h"
#include "config/lookup.h"
#include "config_fixture.h"

#ifndef YG_SOURCE_ROOT
#define YG_SOURCE_ROOT "."
#endif

enum { PROBES = 20000, RANDOM_PREFIXES = 400 };

static struct yg_config demo;

static int open_demo(void **state)
{
	(void)state;
	char *errors;
	int fd, count = fixture_compile(YG_SOURCE_ROOT "/configs/demo.yaml", &errors, &fd);
	free(errors);
	if (count || yg_config_open(fd, &demo))
		return -1;
	return close(fd);
}

static int close_demo(void **state)
{
	(void)state;
	yg_config_close(&demo);
	return 0;
}

static uint64_t random_state = 1;

// xorshift64: the same numbers in every run.
static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static const char *code_of(const char *text)
{
	uint8_t af;
	struct yg_addr addr;
	assert_int_equal(yg_address_parse(text, &af, &addr), 0);
	const struct yg_prefix *p = yg_lookup_prefix(&demo, af, &addr);
	return p ? demo.orgs[p->org].code : "";
}

static const struct yg_service *service_at(const char *text, uint8_t proto, uint16_t port)
{
	uint8_t af;
	struct yg_addr addr;
	assert_int_equal(yg_address_parse(text, &af, &addr), 0);
	return yg_lookup_service(&demo, af, &addr, proto, port);
}

static const struct yg_prefix *naive(const struct yg_config *c, uint8_t af, const struct yg_addr *addr)
{
	const struct yg_prefix *best = NULL;
	for (uint32_t i = 0; i < c->prefixes_count; i++) {
		const struct yg_prefix *p = &c->prefixes[i];
		if (p->af != af || (best && best->length >= p->length))
			continue;
		int bit = 0;
		while (bit < p->length && !((addr->b[bit / 8] ^ p->addr.b[bit / 8]) >> (7 - bit % 8) & 1))
			bit++;
		if (bit == p->length)
			best = p;
	}
	return best;
}

static void the_longest_prefix_wins(void **state)
{
	(void)state;
	assert_string_equal(code_of("198.51.100.95"), "shiomi");
	assert_string_equal(code_of("198.51.100.96"), "shiomi-edu");
	assert_string_equal(code_of("198.51.100.127"), "shiomi-edu");
	assert_string_equal(code_of("198.51.100.128"), "kanegaoka");
	assert_string_equal(code_of("2001:db8:20ef:ffff::1"), "shiomi-edu");
	assert_string_equal(code_of("2001:db8:20f0::1"), "shiomi");
}

static void addresses_of_nobody_have_no_prefix(void **state)
{
	(void)state;
	assert_string_equal(code_of("192.0.2.128"), "");
	assert_string_equal(code_of("198.18.0.1"), "");
	assert_string_equal(code_of("0.0.0.0"), "");
	assert_string_equal(code_of("255.255.255.255"), "");
	assert_string_equal(code_of("::"), "");
	assert_string_equal(code_of("2001:db8:f000::1"), "");
	assert_string_equal(code_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "");
}

static void zones_are_told_apart(void **state)
{
	(void)state;
	uint8_t af;
	struct yg_addr addr;
	assert_int_equal(yg_address_parse("10.106.3.4", &af, &addr), 0);
	assert_int_equal(yg_lookup_prefix(&demo, af, &addr)->zone, YG_ZONE_MYNUMBER);
	assert_int_equal(yg_address_parse("10.7.255.255", &af, &addr), 0);
	assert_int_equal(yg_lookup_prefix(&demo, af, &addr)->zone, YG_ZONE_LGWAN);
}

static void an_ipv4_address_is_never_found_among_ipv6(void **state)
{
	(void)state;
	struct yg_addr addr = {{0x20, 0x01, 0x0d, 0xb8}};
	assert_null(yg_lookup_prefix(&demo, 4, &addr));
	assert_null(yg_lookup_prefix(&demo, 0, &addr));
}

static void an_exact_service_goes_before_a_wildcard(void **state)
{
	(void)state;
	assert_string_equal(service_at("203.0.113.10", 6, 443)->name, "www");
	assert_string_equal(service_at("203.0.113.10", 17, 443)->name, "www-quic");
	assert_null(service_at("203.0.113.10", 6, 8080));
	assert_string_equal(service_at("203.0.113.20", 17, 53)->name, "ns1");
	assert_string_equal(service_at("2001:db8:1000::20", 6, 53)->name, "ns1");
	assert_string_equal(service_at("203.0.113.60", 6, 22)->name, "watch");
	assert_string_equal(service_at("203.0.113.60", 1, 0)->name, "watch");
	assert_null(service_at("203.0.113.61", 6, 22));
}

static void zones_of_a_dns_server_stand_in_one_text(void **state)
{
	(void)state;
	assert_string_equal(service_at("198.51.100.20", 17, 53)->zones, "city.shiomi.example city.kanegaoka.example");
}

static void put_random_prefixes(FILE *out)
{
	fputs("home:\n", out);
	for (int i = 0; i < RANDOM_PREFIXES; i++) {
		// Few first bits, many lengths: deep nests, and equal ones are kept apart by their number.
		struct yg_addr addr = {{10, (uint8_t)(next_random() & 3), (uint8_t)i, (uint8_t)(i >> 8 << 7)}};
		uint8_t af = i & 1 ? 6 : 4, length = (uint8_t)(af == 4 ? 24 + i % 9 : 24 + i % 105);
		struct yg_addr masked = yg_address_mask(&addr, length);
		char text[YG_PREFIX_TEXT];
		fprintf(out, "- \"%s\"\n", yg_prefix_text(af, &masked, length, text));
	}
	fputs("- 10.0.0.0/8\n- 10.0.0.0/15\n- 10.1.0.0/16\n- \"a00::/8\"\n- \"a01::/16\"\n", out);
}

static struct yg_config open_random(void)
{
	char path[] = "/tmp/yagura-lookup-XXXXXX", *errors;
	struct yg_config config;
	int file = mkstemp(path), fd;
	FILE *out = fdopen(file, "w");
	put_random_prefixes(out);
	fclose(out);
	int count = fixture_compile(path, &errors, &fd);
	unlink(path);
	if (count)
		print_error("%s", errors);
	assert_int_equal(count, 0);
	free(errors);
	assert_int_equal(yg_config_open(fd, &config), 0);
	close(fd);
	return config;
}

static void it_agrees_with_a_search_of_the_whole_table(void **state)
{
	(void)state;
	struct yg_config config = open_random();
	int found = 0;
	for (int i = 0; i < PROBES; i++) {
		// Near a prefix: its first or last address, or a step beside; else anywhere.
		struct yg_addr addr = config.prefixes[next_random() % config.prefixes_count].addr;
		uint8_t af = next_random() & 1 ? 6 : 4;
		for (size_t b = next_random() % 17; b < 16; b++)
			addr.b[b] = (uint8_t)(next_random() & 1 ? 0xff : next_random());
		if (af == 4)
			memset(addr.b + 4, 0, 12);
		const struct yg_prefix *expected = naive(&config, af, &addr);
		assert_ptr_equal(yg_lookup_prefix(&config, af, &addr), expected);
		found += expected != NULL;
	}
	assert_true(found > PROBES / 4);
	yg_config_close(&config);
}

static void an_empty_table_finds_nothing(void **state)
{
	(void)state;
	struct yg_config empty = {0};
	struct yg_addr addr = {{1}};
	assert_null(yg_lookup_prefix(&empty, 4, &addr));
	assert_null(yg_lookup_service(&empty, 4, &addr, 6, 80));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_longest_prefix_wins),
	    cmocka_unit_test(addresses_of_nobody_have_no_prefix),
	    cmocka_unit_test(zones_are_told_apart),
	    cmocka_unit_test(an_ipv4_address_is_never_found_among_ipv6),
	    cmocka_unit_test(an_exact_service_goes_before_a_wildcard),
	    cmocka_unit_test(zones_of_a_dns_server_stand_in_one_text),
	    cmocka_unit_test(it_agrees_with_a_search_of_the_whole_table),
	    cmocka_unit_test(an_empty_table_finds_nothing),
	};
	return cmocka_run_group_tests_name("lookup", tests, open_demo, close_demo);
}

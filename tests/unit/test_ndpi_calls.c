// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The functions that stand before nDPI's calls against those they stand before: the same result, the same bytes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <ndpi/ndpi_api.h>

#include "dissector/ndpi_calls.h"
#include "dissector/ndpi_memo.h"

#if YG_NDPI_CALLS

typedef int print_function(char *to, size_t size, int flag, size_t object, const char *format, ...);
typedef int plain_function(char *to, size_t size, const char *format, ...);
typedef int begins_function(const uint8_t *payload, size_t payload_len, const char *text, size_t len);
typedef char *find_function(const char *in, const char *text, size_t len);
typedef void sha1_function(uint32_t state[5], const uint8_t block[64]);
typedef char *address_function(struct in_addr addr);
typedef int protocol_function(struct ndpi_detection_module_struct *module, char *name, u_int length, ndpi_protocol_match_result *ret);
typedef int category_function(struct ndpi_detection_module_struct *module, char *name, u_int length, ndpi_protocol_category_t *ret);
typedef u_int16_t network_function(struct ndpi_detection_module_struct *module, struct in_addr *addr, u_int16_t port);
typedef int compare_function(const char *a, const char *b, size_t n);
typedef int meet_function(NDPI_PROTOCOL_BITMASK a, NDPI_PROTOCOL_BITMASK b);

static print_function *ours_print, *their_print;
static compare_function *ours_compare, *their_compare;
static meet_function *ours_meet, *their_meet;
static plain_function *ours_plain, *their_plain;
static begins_function *ours_begins, *their_begins;
static find_function *ours_find, *their_find;
static sha1_function *ours_sha1, *their_sha1;
static address_function *ours_address, *their_address;
static protocol_function *ours_protocol, *their_protocol;
static category_function *ours_category, *their_category;
static network_function *ours_network, *their_network;

// What a library finds when it asks for `name`, and what stands behind it.
static void find(const char *name, void *ret_ours, void *ret_theirs)
{
	void *ours = dlsym(RTLD_DEFAULT, name), *theirs = dlsym(RTLD_NEXT, name);
	assert_non_null(ours);
	assert_non_null(theirs);
	assert_ptr_not_equal(ours, theirs);
	memcpy(ret_ours, &ours, sizeof ours);
	memcpy(ret_theirs, &theirs, sizeof theirs);
}

static int find_all(void **state)
{
	(void)state;
	assert_non_null(ndpi_revision()); // or the linker leaves the library out
	find("__snprintf_chk", &ours_print, &their_print);
	find("strncasecmp", &ours_compare, &their_compare);
	find("NDPI_BITMASK_COMPARE", &ours_meet, &their_meet);
	find("snprintf", &ours_plain, &their_plain);
	find("ndpi_match_prefix", &ours_begins, &their_begins);
	find("ndpi_strnstr", &ours_find, &their_find);
	find("SHA1Transform", &ours_sha1, &their_sha1);
	find("inet_ntoa", &ours_address, &their_address);
	find("ndpi_match_string_subprotocol", &ours_protocol, &their_protocol);
	find("ndpi_match_custom_category", &ours_category, &their_category);
	find("ndpi_network_port_ptree_match", &ours_network, &their_network);
	return 0;
}

#define SAME_PRINT(size, ...)                                                                                          \
	do {                                                                                                           \
		char a[64], b[64];                                                                                     \
		memset(a, 0x55, sizeof a), memset(b, 0x55, sizeof b);                                                  \
		int n = ours_print(a, size, 1, sizeof a, __VA_ARGS__), m = their_print(b, size, 1, sizeof b, __VA_ARGS__); \
		assert_int_equal(n, m);                                                                                \
		assert_memory_equal(a, b, sizeof a);                                                                   \
		memset(a, 0x55, sizeof a), memset(b, 0x55, sizeof b);                                                  \
		assert_int_equal(ours_plain(a, size, __VA_ARGS__), their_plain(b, size, __VA_ARGS__));                 \
		assert_memory_equal(a, b, sizeof a);                                                                   \
	} while (0)

static void prints_the_same(void **state)
{
	static const unsigned numbers[] = {0, 1, 9, 10, 99, 255, 256, 4866, 65535, 999999999, 1000000000, UINT32_MAX};
	static const char *const texts[] = {"", "-", "771,", "a text of some length, and no number"};
	(void)state;
	for (size_t size = 0; size <= 50; size++) {
		for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
			SAME_PRINT(size, "%s", texts[t]);
			for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
				SAME_PRINT(size, "%s%u", texts[t], numbers[i]);
		}
		for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
			SAME_PRINT(size, "%02x", numbers[i]);
			SAME_PRINT(size, "%02X", numbers[i]);
		}
		for (unsigned byte = 0; byte < 256; byte++) {
			SAME_PRINT(size, "%02x", byte);
			SAME_PRINT(size, "%02X", byte);
		}
		SAME_PRINT(size, "%s", (const char *)NULL);
		SAME_PRINT(size, "%s%u", (const char *)NULL, 7u);
		SAME_PRINT(size, "%s%s", "two", "texts");
		SAME_PRINT(size, "%u%%%s", 5u, "five");
		SAME_PRINT(size, "%s%s=%s", "&", "key", "value");
		SAME_PRINT(size, "%02x%02x", 1u, 2u);
		SAME_PRINT(size, "%sx%u", "a", 2u);
		SAME_PRINT(size, "%u,", 771u);
		SAME_PRINT(size, "%s,%s", "one", "");
		SAME_PRINT(size, "%s-%u.%02x", "a-b", 4000000000u, 10u);
		SAME_PRINT(size, "%d", -5);
		SAME_PRINT(size, "%.*s", 2, "text");
		SAME_PRINT(size, "a%5u", 2u);
		SAME_PRINT(size, "none");
		SAME_PRINT(size, "%%");
	}
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void compares_the_same(void **state)
{
	static const char *const texts[] = {"", "H", "h", "Host:", "hOST:", "Host", "Hosu", "[", "{", "@", "`", "a\xff", "A\xff", "\x80", "\xe0",
	                                    "Content-Length: 5", "content-lengtH: 6", "Zebra", "zebra"};
	enum { COUNT = sizeof texts / sizeof *texts };
	(void)state;
	for (size_t a = 0; a < COUNT; a++)
		for (size_t b = 0; b < COUNT; b++)
			for (size_t n = 0; n < 20; n++)
				assert_int_equal(sign(ours_compare(texts[a], texts[b], n)), sign(their_compare(texts[a], texts[b], n)));
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			char x = (char)a, y = (char)b;
			assert_int_equal(sign(ours_compare(&x, &y, 1)), sign(their_compare(&x, &y, 1)));
		}
}

static void masks_meet_the_same(void **state)
{
	(void)state;
	enum { BITS = 8 * sizeof(NDPI_PROTOCOL_BITMASK) };
	for (unsigned i = 0; i < BITS; i++) {
		for (unsigned j = 0; j < BITS; j++) {
			NDPI_PROTOCOL_BITMASK a, b;
			memset(&a, 0, sizeof a), memset(&b, 0, sizeof b);
			assert_int_equal(ours_meet(a, b), 0);
			a.fds_bits[i / 32] |= UINT32_C(1) << i % 32;
			b.fds_bits[j / 32] |= UINT32_C(1) << j % 32;
			assert_int_equal(ours_meet(a, b), their_meet(a, b));
			assert_int_equal(ours_meet(a, b), i == j);
		}
	}
}

static void begins_the_same(void **state)
{
	static const char *const texts[] = {"", "A", "AB", "ABC", "B", "abc", "A\0C", "\xff"};
	enum { COUNT = sizeof texts / sizeof *texts };
	(void)state;
	for (size_t t = 0; t < COUNT; t++)
		for (size_t p = 0; p < COUNT; p++)
			for (size_t len = 0; len <= strlen(texts[t]) + 1; len++)
				for (size_t room = 0; room <= strlen(texts[p]) + 1; room++)
					assert_int_equal(ours_begins((const uint8_t *)texts[p], room, texts[t], len),
					                 their_begins((const uint8_t *)texts[p], room, texts[t], len));
}

static void finds_the_same(void **state)
{
	static const char in[] = "GET /aaab.php?x=y&aab HTTP/1.1\r\n\0aab";
	static const char *const texts[] = {"", "G", "GET", "aab", "aaab", "aaaab", "y&a", "\r\n", "\n", "1.1\r\n", "zz", "HTTP/1.1\r\nx"};
	(void)state;
	for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
		for (size_t from = 0; from < sizeof in; from++)
			for (size_t len = 0; len <= sizeof in - from; len++)
				assert_ptr_equal(ours_find(in + from, texts[t], len), their_find(in + from, texts[t], len));
}

static void digests_the_same(void **state)
{
	uint32_t a[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}, b[5];
	uint8_t block[64];
	(void)state;
	memcpy(b, a, sizeof b);
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < sizeof block; i++)
			block[i] = (uint8_t)(round * 31 + i * i * 7 + (a[i % 5] >> i % 24));
		ours_sha1(a, block);
		their_sha1(b, block);
		assert_memory_equal(a, b, sizeof a);
	}
}

static void writes_addresses_the_same(void **state)
{
	(void)state;
	for (uint64_t i = 0; i <= UINT32_MAX; i += 9999991) {
		struct in_addr addr = {(uint32_t)i};
		assert_string_equal(ours_address(addr), their_address(addr));
	}
	struct in_addr last = {UINT32_MAX};
	assert_string_equal(ours_address(last), "255.255.255.255");
}

// Twice each: what was found by a search, and what is remembered of it.
static void same_name(struct ndpi_detection_module_struct *module, const char *name, u_int length)
{
	char text[128];
	snprintf(text, sizeof text, "%s", name);
	for (unsigned round = 0; round < 2; round++) {
		ndpi_protocol_match_result a = {7, 7, 7}, b = {7, 7, 7};
		ndpi_protocol_category_t c = 7, d = 7;
		assert_int_equal(ours_protocol(module, text, length, &a), their_protocol(module, text, length, &b));
		assert_memory_equal(&a, &b, sizeof a);
		assert_int_equal(ours_category(module, text, length, &c), their_category(module, text, length, &d));
		assert_int_equal(c, d);
	}
}

static void remembers_the_same(void **state)
{
	static const char *const names[] = {"", "www.google.com", "WWW.Google.com", "example.org", "s3.amazonaws.com", "a.b.whatsapp.net",
	                                    "0.0.0.0", "192.0.2.1", "netflix.com", "login.microsoftonline.com", "x",
	                                    "a-name-of-more-than-forty-characters-that-is-not-remembered.facebook.com"};
	struct ndpi_detection_module_struct *module = ndpi_init_detection_module(ndpi_no_prefs);
	NDPI_PROTOCOL_BITMASK all;
	char name[64];
	(void)state;
	assert_non_null(module);
	NDPI_BITMASK_SET_ALL(all);
	ndpi_set_protocol_detection_bitmask2(module, &all);
	ndpi_finalize_initialization(module);
	assert_true(yg_ndpi_memo(module));
	for (unsigned round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			for (size_t len = 0; len <= strlen(names[i]); len++)
				same_name(module, names[i], (u_int)len);
	for (unsigned i = 0; i < 20000; i++) { // more than are remembered
		snprintf(name, sizeof name, "host%u.%s", i % 9000, names[i % 11]);
		same_name(module, name, (u_int)strlen(name));
	}
	for (uint64_t i = 0; i < 400000; i++) {
		struct in_addr addr = {i % 5 ? (uint32_t)(i % 20000 * 214013) : 0};
		u_int16_t port = (u_int16_t)(i % 7 ? 47873 : i);
		assert_int_equal(ours_network(module, &addr, port), their_network(module, &addr, port));
	}
	yg_ndpi_memo(NULL);
	ndpi_exit_detection_module(module);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(prints_the_same),  cmocka_unit_test(compares_the_same),
	                                   cmocka_unit_test(masks_meet_the_same), cmocka_unit_test(begins_the_same),
	                                   cmocka_unit_test(finds_the_same),   cmocka_unit_test(digests_the_same),
	                                   cmocka_unit_test(writes_addresses_the_same), cmocka_unit_test(remembers_the_same)};
	return cmocka_run_group_tests(tests, find_all, NULL);
}

#else

int main(void)
{
	puts("this build has none of them");
	return 77;
}

#endif

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

#if YG_NDPI_CALLS

typedef int print_function(char *to, size_t size, int flag, size_t object, const char *format, ...);
typedef int compare_function(const char *a, const char *b, size_t n);
typedef int meet_function(NDPI_PROTOCOL_BITMASK a, NDPI_PROTOCOL_BITMASK b);

static print_function *ours_print, *their_print;
static compare_function *ours_compare, *their_compare;
static meet_function *ours_meet, *their_meet;

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
	return 0;
}

#define SAME_PRINT(size, ...)                                                                                          \
	do {                                                                                                           \
		char a[64], b[64];                                                                                     \
		memset(a, 0x55, sizeof a), memset(b, 0x55, sizeof b);                                                  \
		int n = ours_print(a, size, 1, sizeof a, __VA_ARGS__), m = their_print(b, size, 1, sizeof b, __VA_ARGS__); \
		assert_int_equal(n, m);                                                                                \
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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(prints_the_same), cmocka_unit_test(compares_the_same),
	                                   cmocka_unit_test(masks_meet_the_same)};
	return cmocka_run_group_tests(tests, find_all, NULL);
}

#else

int main(void)
{
	puts("this build has none of them");
	return 77;
}

#endif

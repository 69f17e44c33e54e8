// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The JSON writer on hostile strings: whatever the bytes, a line is valid JSON in valid UTF-8, and what was well-formed comes back as
// it was. Two judges: the reader of json_reader.h, and Python's.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "json_reader.h"

enum { ROOM = 8192 };

static char buffer[ROOM];

static size_t write_string(const char *bytes, size_t length)
{
	struct yg_json json;
	yg_json_init(&json, buffer, sizeof buffer);
	yg_json_string_n(&json, NULL, bytes, length);
	assert_true(yg_json_finish(&json));
	return json.length;
}

// What must come back: well-formed sequences as they are, every other byte as U+FFFD.
static size_t expect(const char *bytes, size_t length, char *ret)
{
	const unsigned char *p = (const unsigned char *)bytes, *end = p + length;
	size_t out = 0;
	while (p < end) {
		size_t n = 0;
		if (json_code_point(p, end, &n) >= 0) {
			memcpy(ret + out, p, n);
			out += n;
			p += n;
		} else {
			memcpy(ret + out, "\xef\xbf\xbd", 3);
			out += 3;
			p++;
		}
	}
	return out;
}

static void check_string(const char *bytes, size_t length)
{
	static char decoded[ROOM], expected[ROOM];
	size_t n = write_string(bytes, length);
	struct json_text t = {.p = (const unsigned char *)buffer, .end = (const unsigned char *)buffer + n, .ret_string = decoded};
	if (!json_string(&t) || !json_char(&t, '\n') || t.p != t.end)
		fail_msg("no JSON: %.*s", (int)n, buffer);
	assert_int_equal(t.ret_length, expect(bytes, length, expected));
	assert_memory_equal(decoded, expected, t.ret_length);
}

static void any_two_bytes_make_a_string(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 65536; v++)
		check_string((char[]){(char)(v >> 8), (char)v}, 2);
	for (unsigned v = 0; v < 256; v++)
		check_string((char[]){(char)v}, 1);
	check_string("", 0);
}

// All that can be told from a lead byte: every second byte, and third and fourth bytes at the ends of their ranges.
static void any_sequence_of_utf_8_is_kept_or_replaced(void **state)
{
	(void)state;
	static const unsigned char edges[] = {0x00, 0x22, 0x7f, 0x80, 0xbf, 0xc0, 0xe0, 0xf4, 0xff};
	for (unsigned lead = 0xc0; lead < 0x100; lead++)
		for (unsigned second = 0; second < 0x100; second++)
			for (unsigned e = 0; e < sizeof edges * sizeof edges; e++) {
				char bytes[] = {(char)lead, (char)second, (char)edges[e % sizeof edges], (char)edges[e / sizeof edges]};
				for (size_t n = 2; n <= 4; n++)
					check_string(bytes, n);
			}
}

static void every_code_point_comes_back(void **state)
{
	(void)state;
	for (unsigned c = 0x80; c <= 0x10ffff; c += c < 0x3000 ? 1 : 61) {
		char b[4];
		size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		for (size_t i = n - 1; i; i--)
			b[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
		b[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c >> 6 * (n - 1));
		check_string(b, n);
		if (c < 0xd800 || c > 0xdfff) {
			size_t written = write_string(b, n);
			assert_int_equal(written, n + 3);
			assert_memory_equal(buffer + 1, b, n);
		}
	}
}

static void random_document(struct yg_json *json)
{
	char bytes[64];
	yg_json_object(json, NULL);
	for (long n = random() % 6; n; n--) {
		size_t length = (size_t)random() % sizeof bytes;
		for (size_t i = 0; i < length; i++)
			bytes[i] = (char)(random() % 3 ? random() : random() % 96 + 32);
		yg_json_string_n(json, "text \"of\" a packet\n", bytes, length);
		yg_json_array(json, "numbers");
		yg_json_double(json, NULL, ldexp((double)random() - 1e9, (int)(random() % 128) - 64));
		yg_json_int(json, NULL, (int64_t)((uint64_t)random() << 33 ^ (uint64_t)random() << 10));
		yg_json_object(json, NULL);
		yg_json_end_object(json);
		yg_json_end_array(json);
	}
	yg_json_end_object(json);
}

static void a_line_that_does_not_fit_is_refused_and_never_overruns(void **state)
{
	(void)state;
	srandom(4711);
	for (unsigned i = 0; i < 300; i++) {
		struct yg_json json;
		unsigned seed = (unsigned)random();
		srandom(seed);
		yg_json_init(&json, buffer, sizeof buffer);
		random_document(&json);
		assert_true(yg_json_finish(&json));
		size_t whole = json.length;
		assert_true(json_is_line(buffer, whole));
		for (size_t size = 0; size <= whole + 1; size += 1 + size / 16) {
			char *exact = malloc(size ? size : 1); // a sanitizer sees a byte too many
			srandom(seed);
			yg_json_init(&json, exact, size);
			random_document(&json);
			assert_int_equal(yg_json_finish(&json), size > whole);
			assert_in_range(json.length, 0, size);
			free(exact);
		}
	}
}

static void python_reads_every_line(void **state)
{
	(void)state;
	if (access("/usr/bin/python3", X_OK) != 0)
		skip();
	FILE *python = popen("/usr/bin/python3 -c \"import sys, json\n"
			     "for n, line in enumerate(sys.stdin.buffer, 1): json.loads(line.decode('utf-8', 'strict'))\n"
			     "sys.exit(0 if n == 3000 else 1)\"", "w");
	assert_non_null(python);
	srandom(815);
	for (unsigned i = 0; i < 3000; i++) {
		struct yg_json json;
		yg_json_init(&json, buffer, sizeof buffer);
		random_document(&json);
		assert_true(yg_json_finish(&json));
		fwrite(buffer, 1, json.length, python);
	}
	assert_int_equal(pclose(python), 0);
}

static void numbers_are_written_whole(void **state)
{
	(void)state;
	struct yg_json json;
	yg_json_init(&json, buffer, sizeof buffer);
	yg_json_array(&json, NULL);
	yg_json_uint(&json, NULL, 0);
	yg_json_uint(&json, NULL, UINT64_MAX);
	yg_json_int(&json, NULL, INT64_MIN);
	yg_json_int(&json, NULL, -1);
	yg_json_double(&json, NULL, 0.5);
	yg_json_double(&json, NULL, -2);
	yg_json_double(&json, NULL, 1e-9);
	yg_json_double(&json, NULL, (double)NAN);
	yg_json_double(&json, NULL, -(double)INFINITY);
	yg_json_bool(&json, NULL, true);
	yg_json_bool(&json, NULL, false);
	yg_json_end_array(&json);
	assert_true(yg_json_finish(&json));
	assert_string_equal(buffer, "[0,18446744073709551615,-9223372036854775808,-1,0.5,-2.0,0.0,null,null,true,false]\n");
	yg_json_init(&json, buffer, sizeof buffer);
	yg_json_double(&json, NULL, DBL_MAX);
	assert_true(yg_json_finish(&json) && json_is_line(buffer, json.length));
	assert_true(strtod(buffer, NULL) == DBL_MAX);
}

static void the_judge_refuses_what_is_no_json(void **state)
{
	(void)state;
	static const char *const wrong[] = {"\n", "{}", "{,}\n", "[1,]\n", "{\"a\"1}\n", "01\n", "1.\n", "-\n", "\"\x01\"\n", "\"\xff\"\n",
					    "\"\xed\xa0\x80\"\n", "\"\xc0\x80\"\n", "\"\\x\"\n", "[1]]\n", "nul\n", "{}\n\n", "\"a\n"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(json_is_line(wrong[i], strlen(wrong[i])));
	static const char right[] = "{\"a\":[1,-0.5,{}],\"\\u001f\":null}\n";
	assert_true(json_is_line(right, sizeof right - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_two_bytes_make_a_string),
		cmocka_unit_test(any_sequence_of_utf_8_is_kept_or_replaced),
		cmocka_unit_test(every_code_point_comes_back),
		cmocka_unit_test(a_line_that_does_not_fit_is_refused_and_never_overruns),
		cmocka_unit_test(python_reads_every_line),
		cmocka_unit_test(numbers_are_written_whole),
		cmocka_unit_test(the_judge_refuses_what_is_no_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The ClientHello reader: names, JA3 against a digest of a string written by hand, records and bytes in any cut.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <nettle/md5.h>

#include "dissector/readers.h"
#include "reader_bytes.h"

static void md5_hex(const char *text, char *ret_hex)
{
	struct md5_ctx md5;
	uint8_t digest[16];
	md5_init(&md5);
	md5_update(&md5, strlen(text), (const uint8_t *)text);
	md5_digest(&md5, sizeof digest, digest);
	for (int i = 0; i < 16; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}

static struct bytes hello_of(const char *name, size_t name_len, size_t padding)
{
	struct bytes hello = {0};
	put_client_hello(&hello, name, name_len, padding);
	return hello;
}

static struct bytes stream_of(const char *name, size_t padding, size_t record)
{
	struct bytes hello = hello_of(name, strlen(name), padding), b = {0};
	put_records(&b, &hello, record);
	return b;
}

static void assert_is_the_hello(const struct yg_tls *tls, const char *ja3)
{
	char hex[36];
	md5_hex(ja3, hex);
	assert_string_equal(tls->ja3, hex);
	assert_string_equal(tls->server_name, "www.example.jp");
	assert_string_equal(tls->alpn, "h2");
	assert_int_equal(tls->version, 0x0304);
	assert_int_equal(tls->ech + tls->quic, 0);
}

static void md5_of_the_test_is_that_of_rfc_1321(void **state)
{
	(void)state;
	char hex[36];
	md5_hex("message digest", hex);
	assert_string_equal(hex, "f96b697d7cb7938d525a2f31aaf161d0");
}

static void a_hello_gives_name_version_alpn_and_ja3(void **state)
{
	(void)state;
	struct bytes b = stream_of("WWW.Example.JP", 0, 16000);
	struct yg_tls tls;
	size_t need = 0;
	assert_int_equal(yg_read_tls(b.p, b.len, &tls, &need), YG_READ_OK);
	assert_is_the_hello(&tls, HELLO_JA3);
}

static void the_ja3_of_this_hello_never_changes(void **state)
{
	(void)state;
	struct bytes b = stream_of("a", 0, 16000);
	struct yg_tls tls;
	size_t need = 0;
	assert_int_equal(yg_read_tls(b.p, b.len, &tls, &need), YG_READ_OK);
	assert_string_equal(tls.ja3, "aa040b26e16088c689bdf426f9d3fddf"); // md5sum of HELLO_JA3, from the shell
}

static void every_beginning_asks_for_more_and_never_for_too_much(void **state)
{
	(void)state;
	struct bytes b = stream_of("www.example.jp", 1800, 16000);
	struct yg_tls tls;
	size_t need = 0;
	for (size_t len = 0; len < b.len; len++) {
		assert_int_equal(yg_read_tls(b.p, len, &tls, &need), YG_READ_MORE);
		assert_in_range(need, len + 1, b.len);
	}
	assert_int_equal(yg_read_tls(b.p, b.len, &tls, &need), YG_READ_OK);
	assert_is_the_hello(&tls, HELLO_JA3_PADDED);
}

static void a_hello_in_records_of_any_size_is_read(void **state)
{
	(void)state;
	for (size_t size = 1; size < 260; size++) {
		struct bytes b = stream_of("www.example.jp", 0, size);
		struct yg_tls tls;
		size_t need = 0;
		for (size_t len = 0; len < b.len; len++) {
			assert_int_equal(yg_read_tls(b.p, len, &tls, &need), YG_READ_MORE);
			assert_in_range(need, len + 1, b.len);
		}
		assert_int_equal(yg_read_tls(b.p, b.len, &tls, &need), YG_READ_OK);
		assert_is_the_hello(&tls, HELLO_JA3);
	}
}

static void a_part_already_tells_the_name(void **state)
{
	(void)state;
	struct bytes b = stream_of("www.example.jp", 1800, 16000);
	struct yg_tls tls;
	size_t need = 0;
	assert_int_equal(yg_read_tls(b.p, 200, &tls, &need), YG_READ_MORE);
	assert_int_equal(need, b.len);
	assert_string_equal(tls.server_name, "www.example.jp");
	assert_string_equal(tls.ja3, "");
}

static void names_of_any_bytes_and_length_fit(void **state)
{
	(void)state;
	char name[300];
	struct yg_tls tls;
	size_t need = 0;
	struct bytes hello = hello_of("\xff\x00\\\x7fZ", 5, 0);
	assert_int_equal(yg_read_client_hello(hello.p, hello.len, true, &tls, &need), YG_READ_OK);
	assert_string_equal(tls.server_name, "\\255\\000\\092\\127z");
	assert_int_equal(tls.quic, 1);
	memset(name, 'n', sizeof name);
	hello = hello_of(name, 255, 0);
	assert_int_equal(yg_read_client_hello(hello.p, hello.len, false, &tls, &need), YG_READ_OK);
	assert_int_equal(strlen(tls.server_name), 255);
	hello = hello_of(name, 300, 0);
	assert_int_equal(yg_read_client_hello(hello.p, hello.len, false, &tls, &need), YG_READ_OK);
	assert_int_equal(strlen(tls.server_name), 255);
}

// Any one byte of the hello set to 255: no reading past the end (the sanitizer's part), and lengths that lie are seen.
static void lengths_that_lie_are_broken(void **state)
{
	(void)state;
	struct bytes good = hello_of("www.example.jp", 14, 0);
	struct yg_tls tls;
	size_t need = 0, broken = 0;
	for (size_t i = 38; i < good.len; i++) {
		uint8_t copy[600];
		memcpy(copy, good.p, good.len);
		copy[i] = 0xff;
		broken += yg_read_client_hello(copy, good.len, false, &tls, &need) == YG_READ_BROKEN;
	}
	assert_true(broken >= 20);
	good.p[good.len - 7] = 0xf0; // the list of versions, the last thing in it: what came before stays
	assert_int_equal(yg_read_client_hello(good.p, good.len, false, &tls, &need), YG_READ_BROKEN);
	assert_string_equal(tls.server_name, "www.example.jp");
}

static void records_that_break_the_rules_are_broken(void **state)
{
	(void)state;
	struct bytes good = stream_of("www.example.jp", 0, 100), bad;
	struct yg_tls tls;
	size_t need = 0;
	bad = good;
	bad.p[105] = 23; // application data between two parts (RFC 8446 5.1)
	assert_int_equal(yg_read_tls(bad.p, bad.len, &tls, &need), YG_READ_BROKEN);
	bad = good;
	bad.p[108] = bad.p[109] = 0; // an empty part
	assert_int_equal(yg_read_tls(bad.p, bad.len, &tls, &need), YG_READ_BROKEN);
	bad = good;
	bad.p[108] = 0x7f; // longer than 2^14
	assert_int_equal(yg_read_tls(bad.p, bad.len, &tls, &need), YG_READ_BROKEN);
}

static void a_hello_above_8_kib_in_parts_is_broken_but_tells_its_name(void **state)
{
	(void)state;
	struct bytes b = stream_of("www.example.jp", 9000, 1000);
	struct yg_tls tls;
	size_t need = 0;
	assert_int_equal(yg_read_tls(b.p, b.len, &tls, &need), YG_READ_BROKEN);
	assert_string_equal(tls.server_name, "www.example.jp");
	assert_string_equal(tls.ja3, "");
}

static void what_is_no_hello_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
	} others[] = {
	    {"\x17\x03\x03\x00\x10xxxxxxxxx", 14},                // application data
	    {"\x16\x03\x03\x00\x50\x02\x00\x00\x4c\x03\x03", 11}, // ServerHello
	    {"\x16\x02\x00", 3},                                  // no such version
	    {"\x16\x03\x01\x50\x00\x01", 6},                      // record too long
	    {"\x16\x03\x01\x00\x00\x01", 6},                      // empty record
	    {"\x16\x03\x01\x02\x00\x01\x01\x00\x00\x03\x03", 11}, // a hello of 65,536 bytes
	    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x09\x09", 11}, // version 9
	    {"GET / HTTP/1.1\r\n\r\n", 18},
	};
	struct yg_tls tls;
	size_t need = 0;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_int_equal(yg_read_tls((const uint8_t *)others[i].bytes, others[i].len, &tls, &need), YG_READ_NO);
}

static void an_empty_hello_is_broken_whatever_follows_its_record(void **state)
{
	(void)state;
	static const uint8_t stream[] = {22, 3, 1, 0, 4, 1, 0, 0, 0, 22, 3, 1, 0, 1, 3};
	struct yg_tls tls;
	size_t need = 0;
	assert_int_equal(yg_read_tls(stream, 9, &tls, &need), YG_READ_BROKEN);
	assert_int_equal(yg_read_tls(stream, sizeof stream, &tls, &need), YG_READ_BROKEN);
}

static void a_hello_without_extensions_has_a_ja3_with_empty_lists(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_tls tls;
	size_t need = 0;
	char hex[36];
	put32(&b, 0x01000029);
	put16(&b, 0x0300);
	put(&b, (uint8_t[33]){0}, 33);
	put32(&b, 0x00020005);
	put16(&b, 0x0100);
	assert_int_equal(yg_read_client_hello(b.p, b.len, false, &tls, &need), YG_READ_OK);
	md5_hex("768,5,,,", hex);
	assert_string_equal(tls.ja3, hex);
	assert_int_equal(tls.version, 0x0300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(md5_of_the_test_is_that_of_rfc_1321),
	    cmocka_unit_test(a_hello_gives_name_version_alpn_and_ja3),
	    cmocka_unit_test(the_ja3_of_this_hello_never_changes),
	    cmocka_unit_test(every_beginning_asks_for_more_and_never_for_too_much),
	    cmocka_unit_test(a_hello_in_records_of_any_size_is_read),
	    cmocka_unit_test(a_part_already_tells_the_name),
	    cmocka_unit_test(names_of_any_bytes_and_length_fit),
	    cmocka_unit_test(lengths_that_lie_are_broken),
	    cmocka_unit_test(records_that_break_the_rules_are_broken),
	    cmocka_unit_test(a_hello_above_8_kib_in_parts_is_broken_but_tells_its_name),
	    cmocka_unit_test(what_is_no_hello_is_refused),
	    cmocka_unit_test(an_empty_hello_is_broken_whatever_follows_its_record),
	    cmocka_unit_test(a_hello_without_extensions_has_a_ja3_with_empty_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

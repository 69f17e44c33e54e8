// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The DNS reader: what it reads, what it calls broken, and what it refuses to call DNS.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dissector/readers.h"
#include "reader_bytes.h"

static enum yg_read read_all(const struct bytes *b, struct yg_dns *dns)
{
	return yg_read_dns(b->p, b->len, dns);
}

static void a_query_gives_its_question(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_dns dns;
	put_dns_query(&b, "WWW.Example.JP");
	assert_int_equal(read_all(&b, &dns), YG_READ_OK);
	assert_string_equal(dns.qname, "www.example.jp");
	assert_int_equal(dns.name_len, 14);
	assert_int_equal(dns.qtype, 1);
	assert_int_equal(dns.qclass, 1);
	assert_int_equal(dns.id, 0x1234);
	assert_int_equal(dns.size, b.len);
	assert_int_equal(dns.recursion_desired, 1);
	assert_int_equal(dns.response + dns.malformed + dns.answers + dns.edns_size, 0);
}

static void a_response_gives_answers_lowest_ttl_and_edns(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_dns dns;
	put_dns_header(&b, 0x8583, 1, 2, 1, 1); // response, authoritative, RD, RA, NXDOMAIN
	put_question(&b, "a.b", 16);
	put_record(&b, 12, 1, 1, 300, 4);
	put_record(&b, 12, 16, 1, 60, 200);
	put_record(&b, 14, 2, 1, 5, 3); // authority: not in ttl_min
	put8(&b, 0);
	put16(&b, 41);
	put16(&b, 1232);
	put32(&b, 0x01000000); // extended rcode
	put16(&b, 0);
	assert_int_equal(read_all(&b, &dns), YG_READ_OK);
	assert_int_equal(dns.answers_read, 2);
	assert_int_equal(dns.ttl_min, 60);
	assert_int_equal(dns.edns_size, 1232);
	assert_int_equal(dns.rcode, 0x13);
	assert_int_equal(dns.authoritative, 1);
	assert_int_equal(dns.recursion_available, 1);
}

static void the_root_name_is_empty(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_dns dns;
	put_dns_query(&b, "");
	assert_int_equal(read_all(&b, &dns), YG_READ_OK);
	assert_string_equal(dns.qname, "");
	assert_int_equal(dns.name_len, 0);
}

static void a_name_of_255_bytes_is_read_whole_and_one_of_256_is_broken(void **state)
{
	(void)state;
	for (unsigned last = 61; last <= 62; last++) { // 3 * 64 + 62 + 1 = 255
		struct bytes b = {0};
		struct yg_dns dns;
		put_dns_header(&b, 0x0100, 1, 0, 0, 0);
		for (unsigned i = 0; i < 4; i++) {
			unsigned n = i < 3 ? 63 : last;
			put8(&b, n);
			for (unsigned k = 0; k < n; k++)
				put8(&b, 'a' + i);
		}
		put8(&b, 0);
		put32(&b, 0x00010001);
		assert_int_equal(read_all(&b, &dns), last == 61 ? YG_READ_OK : YG_READ_BROKEN);
		if (last == 61) {
			assert_int_equal(strlen(dns.qname), 253);
			assert_int_equal(dns.name_len, 253);
		}
	}
}

static void bytes_that_are_no_letters_are_escaped_and_never_cut_in_two(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_dns dns;
	put_dns_header(&b, 0x0100, 1, 0, 0, 0);
	put8(&b, 7);
	put(&b, "a.\\\0\xff*B", 7);
	put8(&b, 0);
	put32(&b, 0x00010001);
	assert_int_equal(read_all(&b, &dns), YG_READ_OK);
	assert_string_equal(dns.qname, "a\\046\\092\\000\\255\\042b");
	b = (struct bytes){0};
	put_dns_header(&b, 0x0100, 1, 0, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		put8(&b, 60);
		for (unsigned k = 0; k < 60; k++)
			put8(&b, 0x80);
	}
	put8(&b, 0);
	put32(&b, 0x00010001);
	assert_int_equal(read_all(&b, &dns), YG_READ_OK);
	assert_int_equal(dns.name_len, strlen(dns.qname));
	assert_in_range(dns.name_len, 249, 255);
	assert_string_equal(dns.qname + dns.name_len - 4, "\\128");
}

static void pointers_that_do_not_lead_back_are_broken(void **state)
{
	(void)state;
	static const unsigned targets[] = {12,     13, 40,
	                                   0x3fff, 0,  11}; // itself, inside itself, ahead, outside, the header
	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		struct bytes b = {0};
		struct yg_dns dns;
		put_dns_header(&b, 0x0100, 1, 0, 0, 0);
		put16(&b, 0xc000 | targets[i]);
		put32(&b, 0x00010001);
		put(&b, (uint8_t[40]){0}, 40);
		assert_int_equal(read_all(&b, &dns), YG_READ_BROKEN);
		assert_int_equal(dns.malformed, 1);
	}
}

static void a_label_that_points_at_itself_is_broken_and_keeps_what_was_read(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_dns dns;
	put_dns_header(&b, 0x0100, 1, 0, 0, 0);
	put8(&b, 3);
	put_text(&b, "abc");
	put16(&b, 0xc000 | 12);
	put32(&b, 0x00010001);
	assert_int_equal(read_all(&b, &dns), YG_READ_BROKEN);
	assert_string_equal(dns.qname, "abc");
}

static void a_message_without_question_takes_the_name_of_its_first_record(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_dns dns;
	put_dns_header(&b, 0x8400, 0, 2, 0, 0);
	put_name(&b, "printer.local");
	put16(&b, 12);
	put16(&b, 0x8001);
	put32(&b, 120);
	put16(&b, 0);
	put_record(&b, 12, 16, 1, 60, 9);
	assert_int_equal(read_all(&b, &dns), YG_READ_OK);
	assert_string_equal(dns.qname, "printer.local");
	assert_int_equal(dns.qtype, 12);
	assert_int_equal(dns.answers_read, 2);
	b.len = 12;
	put_record(&b, 12, 1, 1, 5, 4); // a first name can point nowhere
	assert_int_equal(read_all(&b, &dns), YG_READ_NO);
}

static void owner_names_that_point_at_each_other_are_broken(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_dns dns;
	put_dns_header(&b, 0x8180, 1, 2, 0, 0);
	put_question(&b, "a.b", 1);
	unsigned first = (unsigned)b.len;
	put_record(&b, first + 16, 1, 1, 7, 4); // forward, to the second one
	put_record(&b, first, 1, 1, 7, 4);
	assert_int_equal(read_all(&b, &dns), YG_READ_BROKEN);
	assert_int_equal(dns.answers_read, 0);
	assert_string_equal(dns.qname, "a.b");
}

static void huge_counts_are_broken_and_cost_nothing(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_dns dns;
	put_dns_header(&b, 0x8180, 1, 0xffff, 0xffff, 0xffff);
	put_question(&b, "a.b", 1);
	put_record(&b, 12, 1, 1, 7, 4);
	assert_int_equal(read_all(&b, &dns), YG_READ_BROKEN);
	assert_int_equal(dns.answers, 0xffff);
	assert_int_equal(dns.answers_read, 1);
	assert_int_equal(dns.ttl_min, 7);
	assert_string_equal(dns.qname, "a.b");
	b.p[4] = b.p[5] = 0xff; // and as many questions
	assert_int_equal(read_all(&b, &dns), YG_READ_BROKEN);
}

static void at_most_512_records_are_walked(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_dns dns;
	put_dns_header(&b, 0x8180, 1, 600, 0, 0);
	put_question(&b, "a", 1);
	for (unsigned i = 0; i < 600; i++)
		put_record(&b, 12, 1, 1, 1000 - i, 4);
	assert_int_equal(read_all(&b, &dns), YG_READ_OK);
	assert_int_equal(dns.answers_read, 512);
	assert_int_equal(dns.ttl_min, 1000 - 511);
}

static void every_cut_of_a_message_is_broken_or_no_dns(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_dns dns;
	put_dns_header(&b, 0x8180, 1, 1, 0, 0);
	put_question(&b, "www.example", 1);
	put_record(&b, 12, 1, 1, 7, 4);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(yg_read_dns(b.p, len, &dns), len < 17 ? YG_READ_NO : YG_READ_BROKEN);
	assert_int_equal(yg_read_dns(b.p, b.len, &dns), YG_READ_OK);
	put8(&b, 0); // and so is a byte too many
	assert_int_equal(yg_read_dns(b.p, b.len, &dns), YG_READ_BROKEN);
}

static void other_protocols_on_the_port_are_no_dns(void **state)
{
	(void)state;
	struct yg_dns dns;
	static const char *const others[] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "SSH-2.0-OpenSSH_9.2p1 Debian\r\n",
	                                     "\x17\x03\x03\x01\x02zzzzzzzzzzzzzzzzzzzzz",
	                                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_int_equal(yg_read_dns((const uint8_t *)others[i], strlen(others[i]), &dns), YG_READ_NO);
	assert_int_equal(yg_read_dns((uint8_t[64]){0}, 64, &dns), YG_READ_NO);
	assert_int_equal(yg_read_dns(NULL, 0, &dns), YG_READ_NO);
}

static void a_bare_error_header_is_dns_and_a_bare_query_header_is_not(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_dns dns;
	put_dns_header(&b, 0x8001, 0, 0, 0, 0);
	assert_int_equal(read_all(&b, &dns), YG_READ_OK);
	assert_int_equal(dns.rcode, 1);
	b.p[2] = b.p[3] = 0;
	assert_int_equal(read_all(&b, &dns), YG_READ_NO);
}

static void over_tcp_the_length_says_what_is_needed(void **state)
{
	(void)state;
	struct bytes m = {0}, b = {0};
	struct yg_dns dns;
	size_t need = 0, used = 0;
	put_dns_query(&m, "www.example");
	put16(&b, (unsigned)m.len);
	put(&b, m.p, m.len);
	for (size_t len = 0; len < b.len; len++) {
		assert_int_equal(yg_read_dns_tcp(b.p, len, &dns, &need, &used), YG_READ_MORE);
		assert_int_equal(need, len < 14 ? 14 : b.len);
	}
	size_t whole = b.len;
	put(&b, "next", 4);
	assert_int_equal(yg_read_dns_tcp(b.p, b.len, &dns, &need, &used), YG_READ_OK);
	assert_int_equal(used, whole);
	assert_int_equal(dns.size, m.len);
	assert_int_equal(yg_read_dns_tcp((const uint8_t *)"\0\x0b", 2, &dns, &need, &used), YG_READ_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_query_gives_its_question),
	    cmocka_unit_test(a_response_gives_answers_lowest_ttl_and_edns),
	    cmocka_unit_test(the_root_name_is_empty),
	    cmocka_unit_test(a_name_of_255_bytes_is_read_whole_and_one_of_256_is_broken),
	    cmocka_unit_test(bytes_that_are_no_letters_are_escaped_and_never_cut_in_two),
	    cmocka_unit_test(pointers_that_do_not_lead_back_are_broken),
	    cmocka_unit_test(a_label_that_points_at_itself_is_broken_and_keeps_what_was_read),
	    cmocka_unit_test(a_message_without_question_takes_the_name_of_its_first_record),
	    cmocka_unit_test(owner_names_that_point_at_each_other_are_broken),
	    cmocka_unit_test(huge_counts_are_broken_and_cost_nothing),
	    cmocka_unit_test(at_most_512_records_are_walked),
	    cmocka_unit_test(every_cut_of_a_message_is_broken_or_no_dns),
	    cmocka_unit_test(other_protocols_on_the_port_are_no_dns),
	    cmocka_unit_test(a_bare_error_header_is_dns_and_a_bare_query_header_is_not),
	    cmocka_unit_test(over_tcp_the_length_says_what_is_needed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Packets of a flow in, records out: cut, reordered, repeated and forged segments, and what is given up.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow_bench.h"

#define HELLO_NAME "www.example.jp"

static struct bytes tls_stream(size_t padding, size_t record)
{
	struct bytes hello = {0}, stream = {0};
	put_client_hello(&hello, HELLO_NAME, strlen(HELLO_NAME), padding);
	put_records(&stream, &hello, record);
	return stream;
}

static void a_hello_in_one_segment_takes_no_buffer_and_is_read_once(void **state)
{
	(void)state;
	struct bench *b = start(6, 8443, 4);
	struct bytes s = tls_stream(0, 16000);
	struct yg_stream_stats stats;
	send_bytes(b, 0, 1000, s.p, s.len);
	send_bytes(b, 0, 1000, s.p, s.len); // again
	send_bytes(b, 0, 1000 + (uint32_t)s.len, s.p, s.len);
	send_text(b, 1, 1, "HTTP/1.1 200 OK\r\n\r\n"); // nor is anything else read of this flow
	assert_int_equal(b->tls, 1);
	assert_int_equal(b->http, 0);
	assert_int_equal(b->direction, 0);
	assert_int_equal(b->flow.known, YG_KNOWN_TLS);
	assert_int_equal(b->flow.overlap, 0);
	yg_stream_stats(b->reading.pool, &stats);
	assert_int_equal(stats.taken, 0);
	finish(b);
}

static void a_hello_in_segments_of_one_byte_is_read(void **state)
{
	(void)state;
	struct bench *b = start(6, 443, 4);
	struct bytes s = tls_stream(0, 40); // and in records of 40 bytes
	for (size_t i = 0; i < s.len; i++) {
		assert_int_equal(b->tls, 0);
		send_bytes(b, 0, 0xffffffc0 + (uint32_t)i, s.p + i, 1);
	}
	assert_int_equal(b->tls, 1);
	assert_string_equal(b->last_tls.server_name, HELLO_NAME);
	assert_int_equal(strlen(b->last_tls.ja3), 32);
	finish(b);
}

static void a_hello_of_two_segments_is_read_in_either_order(void **state)
{
	(void)state;
	for (int reversed = 0; reversed < 2; reversed++) {
		struct bench *b = start(6, 443, 4);
		struct bytes s = tls_stream(1700, 16000);
		const size_t at[2] = {0, 1400}, len[2] = {1400, s.len - 1400};
		for (int i = 0; i < 2; i++)
			send_bytes(b, 0, 5000 + (uint32_t)at[i ^ reversed], s.p + at[i ^ reversed], len[i ^ reversed]);
		assert_int_equal(b->tls, 1);
		assert_string_equal(b->last_tls.server_name, HELLO_NAME);
		assert_int_equal(strlen(b->last_tls.ja3), 32);
		assert_int_equal(b->flow.overlap, 0);
		finish(b);
	}
}

static void many_segments_after_the_first_may_come_in_reverse(void **state)
{
	(void)state;
	struct bench *b = start(6, 443, 4);
	struct bytes s = tls_stream(300, 16000);
	send_bytes(b, 0, 77, s.p, 6);
	for (size_t i = s.len; i-- > 6;)
		send_bytes(b, 0, 77 + (uint32_t)i, s.p + i, 1);
	assert_int_equal(b->tls, 1);
	assert_string_equal(b->last_tls.server_name, HELLO_NAME);
	finish(b);
}

static void other_content_for_the_same_bytes_is_flagged_and_the_first_counts(void **state)
{
	(void)state;
	struct bench *b = start(6, 443, 4);
	struct bytes s = tls_stream(0, 16000), forged = s;
	memset(forged.p + 70, 'z', 30);
	send_bytes(b, 0, 10, s.p, 120);
	send_bytes(b, 0, 10, forged.p, 120);
	send_bytes(b, 0, 10 + 100, s.p + 100, s.len - 100);
	assert_int_equal(b->tls, 1);
	assert_string_equal(b->last_tls.server_name, HELLO_NAME);
	assert_int_equal(b->flow.overlap, 1);
	assert_int_equal(b->reading.stats.overlaps, 1);
	finish(b);
}

static void a_second_copy_of_a_read_segment_with_other_content_is_flagged(void **state)
{
	(void)state;
	struct bench *b = start(6, 443, 4);
	struct bytes s = tls_stream(0, 16000);
	send_bytes(b, 0, 10, s.p, s.len);
	send_bytes(b, 0, 10, s.p, s.len);
	assert_int_equal(b->flow.overlap, 0);
	s.p[80] ^= 1;
	send_bytes(b, 0, 10, s.p, s.len);
	assert_int_equal(b->flow.overlap, 1);
	assert_int_equal(b->tls, 1);
	finish(b);
}

static void the_payload_of_a_syn_begins_behind_its_number(void **state)
{
	(void)state;
	struct bench *b = start(6, 443, 4);
	struct bytes s = tls_stream(0, 16000);
	b->next.tcp_flags = 0x02;
	send_bytes(b, 0, 99, s.p, 50);
	b->next.tcp_flags = 0x18;
	send_bytes(b, 0, 100, s.p, 50); // sent again without the SYN: the same bytes
	send_bytes(b, 0, 150, s.p + 50, s.len - 50);
	assert_int_equal(b->tls, 1);
	assert_int_equal(b->flow.overlap, 0);
	finish(b);
}

static void a_segment_far_outside_does_not_cost_the_message(void **state)
{
	(void)state;
	struct bench *b = start(6, 443, 4);
	struct bytes s = tls_stream(0, 16000);
	send_bytes(b, 0, 10, s.p, 50);
	send_text(b, 0, 900000, "forged"); // a number that the receiver ignores
	send_bytes(b, 0, 60, s.p + 50, s.len - 50);
	assert_int_equal(b->tls, 1);
	finish(b);
}

static void padding_behind_an_acknowledgement_is_not_the_first_copy(void **state)
{
	(void)state;
	static const uint16_t ports[] = {80, 53};
	for (int i = 0; i < 2; i++) {
		struct bench *b = start(6, ports[i], 4);
		for (int k = 0; k < 6; k++)
			send_bytes(b, 0, 10, "\0\0\0\0\0\0", 6);
		send_text(b, 0, 10, "GET / HTTP/1.1\r\n\r\n");
		assert_string_equal(b->log, "GET0/;");
		assert_int_equal(b->flow.overlap, 0);
		finish(b);
	}
}

static void a_keep_alive_is_no_overlap(void **state)
{
	(void)state;
	struct bench *b = start(6, 80, 4);
	send_text(b, 0, 10, "GET / HTTP/1.1\r\n");
	send_bytes(b, 0, 25, "", 1);
	assert_int_equal(b->flow.overlap, 0);
	send_bytes(b, 0, 24, "", 1); // not the last byte
	assert_int_equal(b->flow.overlap, 1);
	send_text(b, 0, 26, "\r\n");
	assert_string_equal(b->log, "GET0/;");
	finish(b);
}

static void a_message_in_the_place_of_bytes_that_meant_nothing_is_read_and_flagged(void **state)
{
	(void)state;
	struct bench *b = start(6, 80, 4);
	send_text(b, 0, 10, "\x01\x02nothing");
	send_text(b, 0, 10, "GET / HTTP/1.1\r\n\r\n");
	assert_string_equal(b->log, "GET0/;");
	assert_int_equal(b->flow.overlap, 1);
	finish(b);
}

static void a_hello_that_is_never_whole_tells_its_name_at_the_end(void **state)
{
	(void)state;
	struct bench *b = start(6, 443, 4);
	struct bytes s = tls_stream(1700, 16000);
	send_bytes(b, 0, 10, s.p, 1400);
	assert_int_equal(b->tls, 0);
	yg_flow_reader_end(&b->reading, &b->flow);
	assert_int_equal(b->tls, 1);
	assert_string_equal(b->last_tls.server_name, HELLO_NAME);
	assert_string_equal(b->last_tls.ja3, "");
	assert_int_equal(b->reading.stats.partial, 1);
	finish(b);
}

static void a_hello_longer_than_a_buffer_tells_its_name(void **state)
{
	(void)state;
	struct bench *b = start(6, 443, 4);
	struct bytes s = tls_stream(9000, 16000);
	for (size_t at = 0; at < s.len; at += 1400)
		send_bytes(b, 0, (uint32_t)at, s.p + at, s.len - at < 1400 ? s.len - at : 1400);
	assert_int_equal(b->tls, 1);
	assert_int_equal(b->reading.stats.oversize, 1);
	assert_string_equal(b->last_tls.server_name, HELLO_NAME);
	finish(b);
}

static void a_full_pool_is_counted_and_the_name_still_told(void **state)
{
	(void)state;
	struct bench *b = start(6, 443, 1);
	struct bytes s = tls_stream(1700, 16000);
	struct yg_stream_ref held;
	assert_true(yg_stream_take(b->reading.pool, 0, 0, b->next.time, &held));
	send_bytes(b, 0, 10, s.p, 1400);
	assert_int_equal(b->reading.stats.no_buffer, 1);
	assert_string_equal(b->log, HELLO_NAME ";");
	yg_stream_release(b->reading.pool, &held);
	finish(b);
}

static void a_buffer_taken_back_by_the_pool_is_noticed(void **state)
{
	(void)state;
	struct bench *b = start(6, 443, 1);
	struct bytes s = tls_stream(0, 16000);
	struct yg_stream_ref other;
	send_bytes(b, 0, 10, s.p, 50);
	assert_true(yg_stream_take(b->reading.pool, 0, 0, yg_time_from_s(60), &other));
	send_bytes(b, 0, 60, s.p + 50, s.len - 50);
	assert_int_equal(b->reading.stats.lost_buffer, 1);
	assert_int_equal(b->tls, 0);
	yg_stream_release(b->reading.pool, &other);
	finish(b);
}

static void a_hello_behind_starttls_is_found(void **state)
{
	(void)state;
	struct bench *b = start(6, 587, 4);
	struct bytes s = tls_stream(1700, 16000);
	send_text(b, 0, 10, "EHLO a.example\r\n");
	send_text(b, 0, 26, "STARTTLS\r\n");
	send_bytes(b, 0, 36, s.p, 1400);
	send_bytes(b, 0, 1436, s.p + 1400, s.len - 1400);
	assert_string_equal(b->log, HELLO_NAME ";");
	finish(b);
}

static void a_direction_that_is_nothing_we_read_is_given_up_with_its_buffer(void **state)
{
	(void)state;
	struct bench *b = start(6, 22, 8);
	struct bytes s = tls_stream(0, 16000);
	struct yg_stream_stats stats;
	uint32_t seq = 10;
	for (int i = 0; i < 4; i++, seq += 9)
		send_text(b, 0, seq, "\x01\x02nothing");
	assert_int_equal(b->reading.stats.gave_up, 1);
	yg_stream_stats(b->reading.pool, &stats);
	assert_int_equal(stats.in_use, 0);
	assert_int_equal(stats.taken, 1);
	send_bytes(b, 0, seq, s.p, s.len); // too late
	assert_int_equal(b->tls, 0);
	finish(b);
}

static void probation_leaves_half_of_the_pool_alone(void **state)
{
	(void)state;
	struct bench *b = start(6, 22, 2);
	struct yg_flow_reader flows[3] = {0};
	struct yg_stream_stats stats;
	for (int i = 0; i < 3; i++) {
		struct yg_segment s = b->next;
		s.payload = (const uint8_t *)"\x01\x02nothing";
		s.len = 9;
		yg_flow_reader_add(&b->reading, &flows[i], &s);
	}
	yg_stream_stats(b->reading.pool, &stats);
	assert_int_equal(stats.in_use, 1);
	assert_int_equal(stats.full, 2);
	for (int i = 0; i < 3; i++)
		yg_flow_reader_end(&b->reading, &flows[i]);
	finish(b);
}

static void the_servers_side_of_tls_is_given_up_at_once(void **state)
{
	(void)state;
	struct bench *b = start(6, 443, 4);
	send_bytes(b, 1, 10, "\x16\x03\x03\x00\x50\x02\x00\x00\x4c\x03\x03", 11);
	assert_int_equal(b->reading.stats.gave_up, 1);
	assert_int_equal(b->tls, 0);
	finish(b);
}

static void heads_of_a_kept_connection_are_read_in_both_directions(void **state)
{
	(void)state;
	struct bench *b = start(6, 8080, 4);
	static const char get[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n",
	                  ok[] = "HTTP/1.1 200 OK\r\n\r\nGET /body HTTP/1.1\r\n\r\n";
	send_text(b, 0, 100, get);
	send_text(b, 1, 500, ok);
	send_text(b, 1, 600, "more of the body");
	send_text(b, 0, 100, get); // again
	send_text(b, 0, 128, "POST /2 HTTP/1.1\r\nContent-Length: 23\r\n\r\nGET /no HTTP/1.1");
	send_text(b, 0, 184,
	          "\r\n\r\n...GET /3 HTTP/1.1\r\n\r\nGET /4 HTTP/1.1\r\n\r\n"); // two in a row, behind the body
	send_text(b, 1, 616, "HTTP/1.1 404 No\r\n\r\n");
	assert_string_equal(b->log, "GET0/1;200;POST0/2;GET0/3;GET0/4;404;");
	assert_int_equal(b->flow.known, YG_KNOWN_HTTP);
	finish(b);
}

static void old_segments_do_not_cost_the_message_at_hand(void **state)
{
	(void)state;
	struct bench *b = start(6, 80, 4);
	static const char first[] = "GET /1 HTTP/1.1\r\n\r\n", second[] = "GET /2 HTTP/1.1\r\n";
	send_text(b, 0, 100, first);
	send_text(b, 0, 119, second);
	for (int i = 0; i < 6; i++)
		send_text(b, 0, 100, first);
	send_text(b, 0, 136, "\r\n");
	assert_string_equal(b->log, "GET0/1;GET0/2;");
	finish(b);
}

static void an_answer_ends_a_request_of_which_a_part_was_lost(void **state)
{
	(void)state;
	struct bench *b = start(6, 80, 4);
	send_text(b, 0, 10, "GET /1 HTTP/1.1\r\nHost: a\r\nCookie: ");
	send_text(b, 1, 500, "HTTP/1.1 200 OK\r\n\r\n");
	send_text(b, 0, 900, "GET /2 HTTP/1.1\r\n\r\n");
	assert_string_equal(b->log, "GET0/1;200;GET0/2;");
	assert_int_equal(b->reading.stats.partial, 1);
	finish(b);
}

static void a_head_in_segments_of_any_size_is_read_once(void **state)
{
	(void)state;
	static const char head[] = "GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n";
	for (size_t size = 1; size < sizeof head; size++) {
		struct bench *b = start(6, 80, 4);
		for (size_t at = 0; at < sizeof head - 1; at += size)
			send_bytes(b, 0, (uint32_t)at, head + at,
			           sizeof head - 1 - at < size ? sizeof head - 1 - at : size);
		assert_string_equal(b->log, "GET0/x;");
		finish(b);
	}
}

// Queries for a, b, c and d, one after the other.
static struct bytes four_queries(void)
{
	struct bytes s = {0};
	for (int i = 0; i < 4; i++) {
		struct bytes m = {0};
		const char name[2] = {(char)('a' + i), 0};
		put_dns_query(&m, name);
		put16(&s, (unsigned)m.len);
		put(&s, m.p, m.len);
	}
	return s;
}

static void dns_messages_over_tcp_are_read_one_after_the_other_in_any_cut(void **state)
{
	(void)state;
	struct bytes s = four_queries();
	for (size_t size = 1; size <= s.len; size++) {
		struct bench *b = start(6, 53, 4);
		for (size_t at = 0; at < s.len; at += size)
			send_bytes(b, 0, (uint32_t)at - 40, s.p + at, s.len - at < size ? s.len - at : size);
		assert_string_equal(b->log, "a;b;c;d;");
		assert_int_equal(b->flow.known, YG_KNOWN_DNS);
		finish(b);
	}
}

static void dns_messages_over_tcp_survive_reordering(void **state)
{
	(void)state;
	struct bytes s = four_queries();
	struct bench *b = start(6, 53, 4);
	static const unsigned at[] = {0, 30, 50, 40, 20, 60, 70}; // the first message, then gaps
	for (size_t i = 0; i < 7; i++) {
		size_t end = at[i] == 0 ? 20 : at[i] + 10;
		send_bytes(b, 0, at[i], s.p + at[i], (end < s.len ? end : s.len) - at[i]);
	}
	send_bytes(b, 0, 80, s.p + 80, s.len - 80);
	assert_string_equal(b->log, "a;b;c;d;");
	finish(b);
}

static void what_lies_behind_a_gap_is_kept_when_a_message_ends_before_it(void **state)
{
	(void)state;
	struct bytes s = four_queries(); // of 21 bytes each
	struct bench *b = start(6, 53, 4);
	send_bytes(b, 0, 0, s.p, 20);
	send_bytes(b, 0, 60, s.p + 60, s.len - 60);
	send_bytes(b, 0, 20, s.p + 20, 22);
	assert_string_equal(b->log, "a;b;");
	send_bytes(b, 0, 42, s.p + 42, 18);
	assert_string_equal(b->log, "a;b;c;d;");
	finish(b);
}

static void a_long_dns_message_is_told_in_part_and_the_next_one_read(void **state)
{
	(void)state;
	struct bytes m = {0}, s = {0};
	put_dns_header(&m, 0x8180, 1, 900, 0, 0);
	put_question(&m, "big.example", 16);
	for (int i = 0; i < 900; i++)
		put_record(&m, 12, 16, 1, 60, 20);
	put16(&s, (unsigned)m.len);
	put(&s, m.p, m.len);
	struct bytes next = {0};
	put_dns_query(&next, "next");
	put16(&s, (unsigned)next.len);
	put(&s, next.p, next.len);
	struct bench *b = start(6, 53, 4);
	for (size_t at = 0; at < s.len; at += 1400) {
		send_bytes(b, 1, (uint32_t)at, s.p + at, s.len - at < 1400 ? s.len - at : 1400);
		if (b->dns == 1) {
			assert_int_equal(b->last_dns.malformed, 0); // it is we who stopped
			assert_int_equal(b->last_dns.size, m.len);
			assert_in_range(b->last_dns.answers_read, 100, 899);
		}
	}
	assert_string_equal(b->log, "big.example;next;");
	assert_int_equal(b->reading.stats.oversize, 1);
	assert_int_equal(b->reading.stats.partial, 1);
	assert_int_equal(b->reading.stats.broken, 0);
	finish(b);
}

static void tls_and_http_on_port_53_are_told_from_dns(void **state)
{
	(void)state;
	struct bytes s = tls_stream(0, 16000);
	struct bench *b = start(6, 53, 4);
	send_bytes(b, 0, 10, s.p, s.len);
	assert_string_equal(b->log, HELLO_NAME ";");
	finish(b);
	b = start(6, 53, 4);
	send_text(b, 0, 10, "GET / HTTP/1.1\r\n\r\n");
	assert_string_equal(b->log, "GET0/;");
	finish(b);
}

static void every_datagram_on_a_dns_port_is_read_by_itself(void **state)
{
	(void)state;
	static const uint16_t ports[] = {53, 5353, 5355};
	struct bytes m = {0};
	put_dns_query(&m, "a.example");
	for (size_t i = 0; i < 3; i++) {
		struct bench *b = start(17, ports[i], 1);
		send_bytes(b, 0, 0, m.p, m.len);
		send_text(b, 1, 0, "no dns at all");
		send_bytes(b, 1, 0, m.p, m.len - 2);
		assert_int_equal(b->dns, 2);
		assert_int_equal(b->direction, 1);
		assert_int_equal(b->last_dns.malformed, 1);
		assert_int_equal(b->reading.stats.not_dns, 1);
		assert_int_equal(b->reading.stats.broken, 1);
		finish(b);
	}
	struct bench *b = start(17, 443, 1);
	send_bytes(b, 0, 0, m.p, m.len);
	assert_int_equal(b->dns, 0);
	finish(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_hello_in_one_segment_takes_no_buffer_and_is_read_once),
	    cmocka_unit_test(a_hello_in_segments_of_one_byte_is_read),
	    cmocka_unit_test(a_hello_of_two_segments_is_read_in_either_order),
	    cmocka_unit_test(many_segments_after_the_first_may_come_in_reverse),
	    cmocka_unit_test(other_content_for_the_same_bytes_is_flagged_and_the_first_counts),
	    cmocka_unit_test(a_second_copy_of_a_read_segment_with_other_content_is_flagged),
	    cmocka_unit_test(the_payload_of_a_syn_begins_behind_its_number),
	    cmocka_unit_test(a_segment_far_outside_does_not_cost_the_message),
	    cmocka_unit_test(padding_behind_an_acknowledgement_is_not_the_first_copy),
	    cmocka_unit_test(a_keep_alive_is_no_overlap),
	    cmocka_unit_test(a_message_in_the_place_of_bytes_that_meant_nothing_is_read_and_flagged),
	    cmocka_unit_test(a_hello_that_is_never_whole_tells_its_name_at_the_end),
	    cmocka_unit_test(a_hello_longer_than_a_buffer_tells_its_name),
	    cmocka_unit_test(a_full_pool_is_counted_and_the_name_still_told),
	    cmocka_unit_test(a_buffer_taken_back_by_the_pool_is_noticed),
	    cmocka_unit_test(a_hello_behind_starttls_is_found),
	    cmocka_unit_test(a_direction_that_is_nothing_we_read_is_given_up_with_its_buffer),
	    cmocka_unit_test(probation_leaves_half_of_the_pool_alone),
	    cmocka_unit_test(the_servers_side_of_tls_is_given_up_at_once),
	    cmocka_unit_test(heads_of_a_kept_connection_are_read_in_both_directions),
	    cmocka_unit_test(an_answer_ends_a_request_of_which_a_part_was_lost),
	    cmocka_unit_test(a_head_in_segments_of_any_size_is_read_once),
	    cmocka_unit_test(old_segments_do_not_cost_the_message_at_hand),
	    cmocka_unit_test(dns_messages_over_tcp_are_read_one_after_the_other_in_any_cut),
	    cmocka_unit_test(dns_messages_over_tcp_survive_reordering),
	    cmocka_unit_test(a_long_dns_message_is_told_in_part_and_the_next_one_read),
	    cmocka_unit_test(what_lies_behind_a_gap_is_kept_when_a_message_ends_before_it),
	    cmocka_unit_test(tls_and_http_on_port_53_are_told_from_dns),
	    cmocka_unit_test(every_datagram_on_a_dns_port_is_read_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Reassembly: order, overlaps, lies, and each of its bounds filled until it gives way. Fragments are written as packets
// and go through decode, as in the engine.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "base/bytes.h"
#include "engine/decode.h"
#include "engine/reassembly.h"

static const struct yg_decode_options plain = {0};

struct fixture {
	struct yg_reassembly *ra;
	struct yg_time now;
	uint8_t packet[4096];
	const uint8_t *data;
	enum yg_decode_end end;
	unsigned flags;
};

static struct fixture start(uint32_t trackers, uint32_t fragments, uint64_t bytes)
{
	const struct yg_reassembly_options options = {
	    .trackers = trackers,
	    .fragments = fragments,
	    .bytes = bytes,
	    .time_ns = 15 * YG_NS_PER_S,
	    .key = yg_hash_key_replay,
	};
	struct fixture f = {.ra = yg_reassembly_create(&options)};
	assert_non_null(f.ra);
	return f;
}

static struct yg_reassembly_stats stats_of(const struct fixture *f)
{
	struct yg_reassembly_stats stats;
	yg_reassembly_stats(f->ra, &stats);
	assert_int_equal(stats.fragments, stats.consumed + stats.given_up + stats.pending_now);
	return stats;
}

static void stop(struct fixture *f)
{
	stats_of(f);
	yg_reassembly_destroy(f->ra);
}

// Writes the IP header of a fragment; its data follow at the offset returned.
static uint32_t write_header(uint8_t *p, uint8_t af, uint32_t id, uint32_t offset, bool more, uint32_t len)
{
	memset(p, 0, 64);
	if (af == 4) {
		p[0] = 0x45;
		p[9] = 17;
		yg_store16(p + 2, (uint16_t)(20 + len));
		yg_store16(p + 4, (uint16_t)id);
		yg_store16(p + 6, (uint16_t)(more << 13 | offset / 8));
		yg_store32(p + 12, 0xc0000201);
		yg_store32(p + 16, 0xc0000202);
		return 20;
	}
	p[0] = 0x60;
	p[6] = 60; // destination options before the fragment header
	yg_store16(p + 4, (uint16_t)(16 + len));
	p[8] = p[24] = 0x20;
	p[40] = 44;
	yg_store32(p + 42, 0x01040000);
	p[48] = 17;
	yg_store16(p + 50, (uint16_t)(offset | more));
	yg_store32(p + 52, id);
	return 56;
}

// One fragment whose bytes are all `fill` through decode and reassembly. Returns what yg_reassembly_add returns.
static uint32_t add(struct fixture *f, uint8_t af, uint32_t id, uint32_t offset, bool more, uint32_t len, int fill)
{
	struct yg_view view;
	uint32_t header = write_header(f->packet, af, id, offset, more, len);
	memset(f->packet + header, fill, len);
	yg_decode(&plain, YG_LINK_RAW, f->packet, header + len, header + len, &view);
	assert_int_equal(view.end, YG_DECODE_FRAGMENT);
	view.time = f->now;
	return yg_reassembly_add(f->ra, &view, &f->data, &f->end, &f->flags);
}

static void assert_fills(const uint8_t *p, int fill, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(p[i], fill);
}

static void fragments_in_any_order_make_a_whole(void **state)
{
	(void)state;
	static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct fixture f = start(4, 8, 65536);
	for (int i = 0; i < 6; i++)
		for (uint8_t af = 4; af <= 6; af += 2) {
			uint32_t len = 0, header = af == 4 ? 20 : 48;
			for (int k = 0; k < 3; k++) {
				int n = orders[i][k];
				len = add(&f, af, 7, (uint32_t)n * 600, n < 2, n < 2 ? 600 : 5, 'a' + n);
				assert_int_equal(f.end, YG_DECODE_FRAGMENT);
				assert_int_equal(len, k < 2 ? 0 : header + 1205);
			}
			assert_fills(f.data + header, 'a', 600);
			assert_fills(f.data + header + 600, 'b', 600);
			assert_fills(f.data + header + 1200, 'c', 5);
		}
	assert_int_equal(stats_of(&f).whole, 12);
	assert_int_equal(stats_of(&f).bytes_now, 0);
	stop(&f);
}

static void the_header_of_a_whole_is_corrected(void **state)
{
	(void)state;
	static const struct yg_decode_options checking = {.ipv4_checksum = true};
	struct fixture f = start(4, 8, 65536);
	for (uint8_t af = 4; af <= 6; af += 2) {
		struct yg_view outer = {0}, view;
		add(&f, af, 7, 0, true, 16, 0);
		uint32_t len = add(&f, af, 7, 16, false, 4, 1);
		yg_decode_reassembled(&checking, &outer, f.data, len, &view);
		// All is zero, so UDP says a length of 0: that it is asked at all shows that the header is right.
		assert_int_equal(view.end, YG_DECODE_UDP_LENGTH);
		assert_int_equal(view.proto, 17);
		assert_int_equal(view.ip_bytes, len);
		assert_int_equal(view.l3_len, len);
		assert_int_equal(view.flags, YG_VIEW_IP | YG_VIEW_REASSEMBLED);
	}
	stop(&f);
}

static void an_ipv4_overlap_keeps_what_came_first_and_is_flagged(void **state)
{
	(void)state;
	struct fixture f = start(4, 8, 65536);
	add(&f, 4, 1, 16, true, 16, 'b');
	add(&f, 4, 1, 0, true, 24, 'a');
	uint32_t len = add(&f, 4, 1, 24, false, 16, 'c');
	assert_int_equal(len, 20 + 40);
	assert_fills(f.data + 20, 'a', 16);
	assert_fills(f.data + 36, 'b', 16);
	assert_fills(f.data + 52, 'c', 8);
	assert_int_equal(f.flags, YG_RA_OVERLAP | YG_RA_DIFFERENT);
	assert_int_equal(stats_of(&f).overlaps, 2);
	assert_int_equal(stats_of(&f).overlaps_differ, 2);
	add(&f, 4, 2, 0, true, 16, 'x');
	add(&f, 4, 2, 8, false, 16, 'x');
	assert_int_equal(f.flags, YG_RA_OVERLAP);
	stop(&f);
}

static void an_ipv6_overlap_drops_the_set_and_all_that_follows(void **state)
{
	(void)state;
	struct fixture f = start(4, 8, 65536);
	add(&f, 6, 1, 0, true, 24, 'a');
	assert_int_equal(add(&f, 6, 1, 16, false, 16, 'a'), 0);
	assert_int_equal(f.end, YG_DECODE_FRAGMENT_OVERLAP);
	assert_int_equal(add(&f, 6, 1, 24, false, 8, 'a'), 0);
	assert_int_equal(f.end, YG_DECODE_FRAGMENT_OVERLAP);
	assert_int_equal(stats_of(&f).v6_overlap, 1);
	assert_int_equal(stats_of(&f).bytes_now, 0);
	f.now.ns += 15 * YG_NS_PER_S; // then the identifier is free again
	add(&f, 6, 1, 0, true, 24, 'a');
	assert_int_not_equal(add(&f, 6, 1, 24, false, 8, 'a'), 0);
	assert_int_equal(stats_of(&f).given_up, 3);
	stop(&f);
}

static void a_duplicate_is_counted_and_changes_nothing(void **state)
{
	(void)state;
	struct fixture f = start(4, 8, 65536);
	for (uint8_t af = 4; af <= 6; af += 2) {
		add(&f, af, 1, 0, true, 24, 'a');
		assert_int_equal(add(&f, af, 1, 0, true, 24, 'a'), 0);
		assert_int_equal(f.end, YG_DECODE_FRAGMENT);
		assert_int_not_equal(add(&f, af, 1, 24, false, 8, 'a'), 0);
		assert_int_equal(f.flags, 0);
	}
	assert_int_equal(stats_of(&f).duplicates, 2);
	assert_int_equal(stats_of(&f).consumed, 6);
	stop(&f);
}

static void lies_about_lengths_are_bad(void **state)
{
	(void)state;
	struct fixture f = start(4, 8, 65536);
	add(&f, 4, 1, 0, true, 20, 'a'); // not a multiple of 8
	assert_int_equal(f.end, YG_DECODE_FRAGMENT_BAD);
	add(&f, 4, 1, 8, false, 0, 'a'); // no data
	assert_int_equal(f.end, YG_DECODE_FRAGMENT_BAD);
	add(&f, 4, 1, 65528, false, 8, 'a'); // beyond 65,535
	assert_int_equal(f.end, YG_DECODE_FRAGMENT_BAD);
	add(&f, 4, 1, 64, false, 8, 'a');
	assert_int_equal(f.end, YG_DECODE_FRAGMENT);
	add(&f, 4, 1, 72, false, 8, 'a'); // another end
	assert_int_equal(f.end, YG_DECODE_FRAGMENT_BAD);
	add(&f, 4, 1, 72, true, 8, 'a'); // behind the end
	assert_int_equal(f.end, YG_DECODE_FRAGMENT_BAD);
	add(&f, 4, 1, 8, false, 8, 'a'); // an end before data that are there
	assert_int_equal(f.end, YG_DECODE_FRAGMENT_BAD);
	assert_int_equal(stats_of(&f).bad, 6);
	stop(&f);
}

static void a_tiny_first_fragment_is_counted_and_its_whole_is_seen(void **state)
{
	(void)state;
	struct fixture f = start(4, 8, 65536);
	struct yg_view view;
	for (uint32_t at = 0; at < 24; at += 8) { // TCP in pieces of 8 bytes
		uint32_t header = write_header(f.packet, 4, 3, at, at < 16, 8);
		f.packet[9] = 6;
		memset(f.packet + header, 0x50, 8);
		yg_decode(&plain, YG_LINK_RAW, f.packet, 28, 28, &view);
		uint32_t len = yg_reassembly_add(f.ra, &view, &f.data, &f.end, &f.flags);
		assert_int_equal(f.end, at ? YG_DECODE_FRAGMENT : YG_DECODE_FRAGMENT_TINY);
		assert_int_equal(len, at < 16 ? 0 : 44);
	}
	assert_int_equal(f.flags, YG_RA_TINY);
	yg_decode_reassembled(&plain, &view, f.data, 44, &view);
	assert_int_equal(view.end, YG_DECODE_DECODED);
	assert_int_equal(view.dport, 0x5050);
	assert_int_equal(stats_of(&f).tiny, 1);
	stop(&f);
}

static void a_whole_of_truncated_fragments_ends_at_the_first_gap(void **state)
{
	(void)state;
	struct fixture f = start(4, 8, 65536);
	struct yg_view view;
	write_header(f.packet, 4, 3, 0, true, 800);
	memset(f.packet + 20, 0, 76);
	yg_store16(f.packet + 24, 1608);
	yg_decode(&plain, YG_LINK_RAW, f.packet, 96, 820, &view);
	assert_int_equal(yg_reassembly_add(f.ra, &view, &f.data, &f.end, &f.flags), 0);
	uint32_t len = add(&f, 4, 3, 800, false, 808, 'b');
	assert_int_equal(len, 96);
	yg_decode_reassembled(&plain, &view, f.data, len, &view);
	assert_int_equal(view.end, YG_DECODE_DECODED);
	assert_int_equal(view.payload_len, 68);
	assert_int_equal(view.ip_bytes, 1628);
	assert_true(view.flags & YG_VIEW_TRUNCATED);
	stop(&f);
}

static void the_largest_datagram_is_put_together(void **state)
{
	(void)state;
	struct fixture f = start(1, 64, 65536);
	for (uint8_t af = 4; af <= 6; af += 2) {
		uint32_t most = af == 4 ? 65515 : 65527, len = 0;
		for (uint32_t at = 0; at < most; at += 1400)
			len = add(&f, af, 1, at, at + 1400 < most, at + 1400 < most ? 1400 : most - at, 'a');
		assert_int_equal(len, (af == 4 ? 20 : 48) + most);
	}
	assert_int_equal(stats_of(&f).bytes_peak, 65536);
	stop(&f);
}

static void the_oldest_datagram_goes_when_trackers_are_full(void **state)
{
	(void)state;
	struct fixture f = start(100, 8, 65536);
	for (uint32_t id = 0; id < 101; id++)
		add(&f, 4, id, 0, true, 8, 'a');
	assert_int_equal(stats_of(&f).evicted, 1);
	assert_int_equal(stats_of(&f).trackers_now, 100);
	assert_int_equal(add(&f, 4, 1, 8, false, 8, 'a'), 36); // the second oldest is still there
	assert_int_equal(add(&f, 4, 0, 8, false, 8, 'a'), 0);  // the oldest is not
	stop(&f);
}

static void the_oldest_datagram_goes_when_bytes_are_full(void **state)
{
	(void)state;
	struct fixture f = start(100, 8, 8 * 512);
	for (uint32_t id = 0; id < 9; id++)
		add(&f, 4, id, 0, true, 512, 'a');
	assert_int_equal(stats_of(&f).over_bytes, 1);
	assert_int_equal(stats_of(&f).bytes_now, 8 * 512);
	assert_int_equal(stats_of(&f).trackers_now, 8);
	assert_int_not_equal(add(&f, 4, 8, 512, false, 8, 'a'), 0);
	stop(&f);
}

static void a_datagram_that_alone_needs_more_bytes_ends_as_limit(void **state)
{
	(void)state;
	struct fixture f = start(4, 8, 1024);
	add(&f, 4, 1, 0, true, 1024, 'a');
	assert_int_equal(f.end, YG_DECODE_FRAGMENT);
	add(&f, 4, 1, 1024, true, 8, 'a');
	assert_int_equal(f.end, YG_DECODE_FRAGMENT_LIMIT);
	assert_int_equal(stats_of(&f).over_bytes, 1);
	assert_int_equal(stats_of(&f).bytes_now, 0);
	stop(&f);
}

static void a_datagram_of_too_many_fragments_ends_as_limit(void **state)
{
	(void)state;
	struct fixture f = start(4, 8, 65536);
	for (uint32_t i = 0; i < 10; i++) {
		add(&f, 4, 1, i * 16, true, 8, 'a');
		assert_int_equal(f.end, i < 8 ? YG_DECODE_FRAGMENT : YG_DECODE_FRAGMENT_LIMIT);
	}
	assert_int_equal(stats_of(&f).over_fragments, 1);
	stop(&f);
}

static void a_header_that_is_too_long_is_bad(void **state)
{
	(void)state;
	struct fixture f = start(4, 8, 65536);
	struct yg_view view;
	for (uint8_t units = 8; units <= 9; units++) { // 48 + 80 bytes of header are kept, 48 + 88 are not
		memset(f.packet, 0, sizeof f.packet);
		uint32_t header = 48u + 8u + units * 8u + 8u;
		write_header(f.packet, 6, 5, 0, true, 0);
		yg_store16(f.packet + 4, (uint16_t)(header - 40 + 16));
		f.packet[41] = (uint8_t)(units + 1);
		uint32_t at = 40 + (units + 2u) * 8u;
		memset(f.packet + 48, 0, 16);
		f.packet[at] = 17;
		f.packet[at + 3] = 1;
		yg_decode(&plain, YG_LINK_RAW, f.packet, at + 24, at + 24, &view);
		assert_int_equal(view.end, YG_DECODE_FRAGMENT);
		yg_reassembly_add(f.ra, &view, &f.data, &f.end, &f.flags);
		assert_int_equal(f.end, units == 8 ? YG_DECODE_FRAGMENT : YG_DECODE_FRAGMENT_BAD);
	}
	stop(&f);
}

static void a_datagram_is_given_up_after_its_time(void **state)
{
	(void)state;
	struct fixture f = start(4, 8, 65536);
	add(&f, 4, 1, 0, true, 8, 'a');
	f.now.ns += 15 * YG_NS_PER_S - 1;
	add(&f, 4, 2, 0, true, 8, 'a');
	assert_int_equal(stats_of(&f).timeouts, 0);
	f.now.ns += 1;
	assert_int_equal(add(&f, 4, 1, 8, false, 8, 'a'), 0);
	assert_int_equal(stats_of(&f).timeouts, 1);
	assert_int_equal(stats_of(&f).trackers_now, 2);
	stop(&f);
}

// Many that are due at once cost one packet no more than eight; what waits its turn is not believed when its last fragment comes.
static void a_call_gives_up_eight_at_most_and_none_comes_back(void **state)
{
	(void)state;
	enum { DUE = 50, A_CALL = 8 };
	struct fixture f = start(64, 8, 65536);
	for (uint32_t id = 1; id <= DUE; id++)
		add(&f, 4, id, 0, true, 8, 'a');
	f.now.ns += 15 * YG_NS_PER_S;
	assert_int_equal(add(&f, 4, DUE, 8, false, 8, 'b'), 0);
	assert_int_equal(stats_of(&f).timeouts, A_CALL + 1); // and the youngest, which was asked for
	for (uint32_t call = 2; call <= DUE / A_CALL; call++) {
		assert_int_equal(add(&f, 4, 1000 + call, 0, true, 8, 'a'), 0);
		assert_int_equal(stats_of(&f).timeouts, A_CALL * call + 1);
	}
	add(&f, 4, 2000, 0, true, 8, 'a');
	assert_int_equal(stats_of(&f).timeouts, DUE);
	assert_int_equal(stats_of(&f).evicted, 0);
	assert_int_equal(stats_of(&f).whole, 0);
	stop(&f);
}

static void datagrams_of_other_domains_do_not_mix(void **state)
{
	(void)state;
	struct fixture f = start(4, 8, 65536);
	struct yg_view view;
	add(&f, 4, 1, 0, true, 8, 'a');
	write_header(f.packet, 4, 1, 8, false, 8);
	yg_decode(&plain, YG_LINK_RAW, f.packet, 28, 28, &view);
	view.domain = 5;
	assert_int_equal(yg_reassembly_add(f.ra, &view, &f.data, &f.end, &f.flags), 0);
	assert_int_equal(stats_of(&f).trackers_now, 2);
	stop(&f);
}

static void options_out_of_range_are_refused(void **state)
{
	(void)state;
	static const struct yg_reassembly_options wrong[] = {
	    {.trackers = 0, .fragments = 8, .bytes = 4096, .time_ns = 1},
	    {.trackers = 8, .fragments = 0, .bytes = 4096, .time_ns = 1},
	    {.trackers = 8, .fragments = 8, .bytes = 511, .time_ns = 1},
	    {.trackers = 8, .fragments = 8, .bytes = 4096, .time_ns = 0},
	    {.trackers = UINT32_MAX, .fragments = 8, .bytes = 4096, .time_ns = 1},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		errno = 0;
		assert_null(yg_reassembly_create(&wrong[i]));
		assert_int_equal(errno, EINVAL);
	}
	yg_reassembly_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fragments_in_any_order_make_a_whole),
	    cmocka_unit_test(the_header_of_a_whole_is_corrected),
	    cmocka_unit_test(an_ipv4_overlap_keeps_what_came_first_and_is_flagged),
	    cmocka_unit_test(an_ipv6_overlap_drops_the_set_and_all_that_follows),
	    cmocka_unit_test(a_duplicate_is_counted_and_changes_nothing),
	    cmocka_unit_test(lies_about_lengths_are_bad),
	    cmocka_unit_test(a_tiny_first_fragment_is_counted_and_its_whole_is_seen),
	    cmocka_unit_test(a_whole_of_truncated_fragments_ends_at_the_first_gap),
	    cmocka_unit_test(the_largest_datagram_is_put_together),
	    cmocka_unit_test(the_oldest_datagram_goes_when_trackers_are_full),
	    cmocka_unit_test(the_oldest_datagram_goes_when_bytes_are_full),
	    cmocka_unit_test(a_datagram_that_alone_needs_more_bytes_ends_as_limit),
	    cmocka_unit_test(a_datagram_of_too_many_fragments_ends_as_limit),
	    cmocka_unit_test(a_header_that_is_too_long_is_bad),
	    cmocka_unit_test(a_datagram_is_given_up_after_its_time),
	    cmocka_unit_test(a_call_gives_up_eight_at_most_and_none_comes_back),
	    cmocka_unit_test(datagrams_of_other_domains_do_not_mix),
	    cmocka_unit_test(options_out_of_range_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

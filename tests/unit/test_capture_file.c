// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What one capture file may hold: every way to be cut, to lie, or to be no capture at all, the limits, and the clocks.
#include "capture_builder.h"

// ---- what lies ----

// Opens every prefix of the file: none may be taken for whole, and no more frames may come out than lie in it.
static void cut_everywhere(struct fixture *f, const struct bytes *b, uint64_t frames)
{
	uint64_t most = 0;
	for (size_t size = 1; size < b->size; size++) {
		add_file(f, b->data, size);
		f->capture = yg_capture_open(f->names, 1, f->error, sizeof(f->error), &f->exit_code);
		enum yg_capture_status status = YG_CAPTURE_DAMAGED;
		if (f->capture) {
			uint64_t count = drain(f, &status);
			assert_true(count >= most && count <= frames);
			most = count;
		}
		assert_int_equal(status, YG_CAPTURE_DAMAGED);
		forget_files(f);
	}
	add_file(f, b->data, b->size);
	open_files(f);
	enum yg_capture_status status;
	assert_int_equal(drain(f, &status), frames);
	assert_int_equal(status, YG_CAPTURE_END);
	forget_files(f);
}

static void a_pcapng_cut_at_any_byte_is_damaged_unless_the_cut_is_between_blocks(void **state)
{
	struct fixture *f = *state;
	struct bytes b = small_pcapng(4);
	for (size_t size = 28 + 1; size < b.size; size++) {
		struct yg_reader r = yg_reader_of(b.data, size);
		while (!r.failed && yg_left(&r) >= 8)
			yg_skip(&r, __builtin_bswap32(yg_load32(r.p + 4)));
		bool between = !r.failed && yg_left(&r) == 0;
		add_file(f, b.data, size);
		open_files(f);
		enum yg_capture_status status;
		drain(f, &status);
		assert_int_equal(status, between ? YG_CAPTURE_END : YG_CAPTURE_DAMAGED);
		forget_files(f);
	}
	free(b.data);
}

static void a_gzipped_file_cut_at_any_byte_is_damaged(void **state)
{
	struct bytes plain = small_pcapng(4);
	struct bytes b = gzipped(&plain);
	cut_everywhere(*state, &b, 4);
	add_file(*state, b.data, b.size - 3);
	open_files(*state);
	assert_damaged(*state, 4, "the gzip data are cut");
	free(plain.data);
	free(b.data);
}

static void a_pcap_cut_inside_a_record_is_damaged(void **state)
{
	struct fixture *f = *state;
	struct bytes b = {0};
	put_pcap_header(&b);
	put_record(&b, 1, 2, 3, 100);
	for (size_t size = 4; size < b.size; size++) {
		if (size == 24)
			continue; // a header alone is an empty capture
		add_file(f, b.data, size);
		open_files(f);
		assert_damaged(f, 0, "truncated after 0 packets: ");
		forget_files(f);
	}
	free(b.data);
}

static void bytes_behind_gzip_and_a_wrong_checksum_are_damage(void **state)
{
	struct fixture *f = *state;
	struct bytes plain = small_pcapng(4);
	struct bytes b = gzipped(&plain);
	put(&b, "garbage", 7);
	add_file(f, b.data, b.size);
	open_files(f);
	assert_damaged(f, 4, "follow the gzip data");
	forget_files(f);
	b.data[b.size - 7 - 8] ^= 1;
	add_file(f, b.data, b.size);
	open_files(f);
	assert_damaged(f, 4, "gzip data are broken");
	free(plain.data);
	free(b.data);
}

static void a_record_longer_than_the_longest_frame_is_a_lie(void **state)
{
	struct bytes b = {0};
	put_pcap_header(&b);
	put_record(&b, 1, 0, 0, YG_FRAME_MAX);
	put_record(&b, 1, 0, 0, YG_FRAME_MAX + 1);
	open_bytes(*state, &b);
	assert_damaged(*state, 1, "claims 262145 bytes");
}

static void a_block_longer_than_the_longest_is_refused(void **state)
{
	for (size_t more = 0; more <= 4; more += 4) {
		struct fixture *f = *state;
		struct bytes b = small_pcapng(1);
		struct bytes body = {0};
		const uint32_t head[5] = {0, 0, 9, 4, 4};
		put(&body, head, sizeof(head));
		put(&body, NULL, YG_BLOCK_MAX - 12 - sizeof(head) + more);
		put_block(&b, 6, body.data, body.size);
		free(body.data);
		open_bytes(f, &b);
		enum yg_capture_status status;
		assert_int_equal(drain(f, &status), more ? 1 : 2);
		assert_int_equal(status, more ? YG_CAPTURE_DAMAGED : YG_CAPTURE_END);
		forget_files(f);
	}
}

static void one_interface_too_many_is_refused(void **state)
{
	struct bytes b = {0};
	put_section(&b);
	for (uint32_t i = 0; i < YG_CAPTURE_INTERFACES_MAX; i++)
		put_interface(&b);
	put_packet(&b, YG_CAPTURE_INTERFACES_MAX - 1, 1, 60);
	put_interface(&b);
	put_packet(&b, 0, 1, 60);
	open_bytes(*state, &b);
	assert_damaged(*state, 1, "one interface too many");
}

static void a_new_section_forgets_the_interfaces_of_the_last(void **state)
{
	struct bytes b = small_pcapng(2);
	put_section(&b);
	put_packet(&b, 0, 1, 60);
	open_bytes(*state, &b);
	assert_damaged(*state, 2, "never described");
}

static void blocks_that_cannot_be_are_damage(void **state)
{
	static const struct {
		uint32_t words[8];
		const char *why;
	} cases[] = {
	    {{6, 0}, "cannot be of that length"},
	    {{6, 8}, "cannot be of that length"},
	    {{6, 33}, "cannot be of that length"},
	    {{6, 0xfffffffc}, "longer than this reader takes"},
	    {{4, 0xfffffffc}, "are missing"},
	    {{4, 16, 0, 20}, "gives its length as 16 and as 20"},
	    {{6, 28, 0, 0, 0, 0, 28}, "too short for a packet"},
	    {{6, 32, 0, 0, 0, 1, 1, 32}, "shorter than the packet in it"},
	    {{6, 32, 0, 0, 0, YG_FRAME_MAX + 1, 1, 32}, "longer than any can be"},
	    {{6, 32, 1, 0, 0, 0, 0, 32}, "never described"},
	    {{6, 32, 0, 0, 0, 0, 0, 36}, "another length at its end"},
	    {{3, 16, 100, 16}, "shorter than the packet in it"},
	    {{1, 16, 0, 16}, "too short for an interface"},
	    {{1, 24, 1, 0, 8 << 16 | 9, 24}, "option that is longer"},
	    {{0x0a0d0d0a, 28, 0x1a2b3c4e}, "no known byte order"},
	    {{0x0a0d0d0a, 28, 0x1a2b3c4d, 7, 0, 0, 28}, "pcapng version 7.0"},
	    {{0x0a0d0d0a, 16, 0x1a2b3c4d, 16}, "too short for a section"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes b = small_pcapng(3);
		put(&b, cases[i].words, sizeof(cases[i].words));
		open_bytes(*state, &b);
		assert_damaged(*state, 3, cases[i].why);
		forget_files(*state);
	}
}

// ---- what is no capture ----

static void what_is_no_capture_is_refused_with_its_first_bytes(void **state)
{
	static const char text[] = "time,source\n";
	struct fixture *f = *state;
	add_file(f, (const uint8_t *)text, sizeof(text) - 1);
	assert_refused(f, "no capture: first bytes 74 69 6d 65 2c 73 6f 75; expected pcap or pcapng");
	forget_files(f);
	struct bytes plain = {(uint8_t *)text, sizeof(text) - 1, 0};
	struct bytes b = gzipped(&plain);
	add_file(f, b.data, b.size);
	assert_refused(f, "first bytes gzip of 74 69 6d 65 2c 73 6f 75");
	free(b.data);
}

static void an_empty_or_missing_file_and_a_folder_are_refused(void **state)
{
	struct fixture *f = *state;
	add_file(f, (const uint8_t *)"", 0);
	assert_refused(f, "no capture: no bytes");
	f->names[0] = "/nonexistent/capture.pcap";
	assert_refused(f, "/nonexistent/capture.pcap: No such file or directory");
	f->names[0] = "/";
	assert_refused(f, "/: Is a directory");
}

static void a_bad_file_among_good_ones_is_named(void **state)
{
	struct fixture *f = *state;
	struct bytes b = small_pcapng(2);
	add_file(f, b.data, b.size);
	f->names[1] = "/nonexistent/b.pcap";
	f->count = 2;
	f->fds[1] = dup(f->fds[0]);
	assert_refused(f, "/nonexistent/b.pcap: ");
	free(b.data);
}

// ---- clocks ----

static void clocks_of_every_resolution_give_nanoseconds(void **state)
{
	(void)state;
	static const struct {
		uint8_t resolution;
		int64_t offset_s;
		uint64_t ticks;
		int64_t ns;
	} cases[] = {
	    {6, 0, 1700000000123456, 1700000000123456000},
	    {9, 0, 1700000000123456789, 1700000000123456789},
	    {0, 0, 1700000000, 1700000000000000000},
	    {3, 10, 1000, 11000000000},
	    {3, -10, 1000, -9000000000},
	    {12, 0, 1999999, 1999},
	    {28, 0, UINT64_MAX, 1},
	    {29, 0, UINT64_MAX, 0},
	    {127, 0, UINT64_MAX, 0},
	    {0x80, 0, 5, 5000000000},
	    {0x80 | 20, 0, 1 << 19, 500000000},
	    {0x80 | 127, 0, UINT64_MAX, 0},
	    {6, 0, UINT64_MAX, INT64_MAX},
	    {0, INT64_MAX, UINT64_MAX, INT64_MAX},
	    {9, INT64_MIN, 0, INT64_MIN},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct yg_interface interface = {.offset_s = cases[i].offset_s};
		yg_interface_set_resolution(&interface, cases[i].resolution);
		assert_int_equal(yg_interface_time(&interface, cases[i].ticks).ns, cases[i].ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_pcapng_cut_at_any_byte_is_damaged_unless_the_cut_is_between_blocks),
	    TEST(a_gzipped_file_cut_at_any_byte_is_damaged),
	    TEST(a_pcap_cut_inside_a_record_is_damaged),
	    TEST(bytes_behind_gzip_and_a_wrong_checksum_are_damage),
	    TEST(a_record_longer_than_the_longest_frame_is_a_lie),
	    TEST(a_block_longer_than_the_longest_is_refused),
	    TEST(one_interface_too_many_is_refused),
	    TEST(a_new_section_forgets_the_interfaces_of_the_last),
	    TEST(blocks_that_cannot_be_are_damage),
	    TEST(what_is_no_capture_is_refused_with_its_first_bytes),
	    TEST(an_empty_or_missing_file_and_a_folder_are_refused),
	    TEST(a_bad_file_among_good_ones_is_named),
	    cmocka_unit_test(clocks_of_every_resolution_give_nanoseconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

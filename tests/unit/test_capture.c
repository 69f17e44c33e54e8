// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Batches of the capture reader: where they end, that frames stay while the other batch is filled, and how several
// files become one. What a file may hold is in test_capture_file.c; that frames are what another reader sees is shown
// by tests/replay/capture_against_tshark.py.
#include "capture_builder.h"

#include <sys/wait.h>

// ---- batches ----

static void a_batch_ends_at_a_new_second(void **state)
{
	struct fixture *f = *state;
	struct bytes b = {0};
	put_pcap_header(&b);
	put_record(&b, 10, 1, 1, 60);
	put_record(&b, 10, 999999999, 2, 60);
	put_record(&b, 11, 0, 3, 60);
	put_record(&b, 10, 5, 4, 60); // a step back is another second too
	open_bytes(f, &b);
	const uint32_t counts[] = {2, 1, 1};
	for (size_t i = 0; i < 3; i++) {
		enum yg_capture_status status = yg_capture_fill(f->capture, &f->batches[i % 2]);
		assert_int_equal(status, i < 2 ? YG_CAPTURE_MORE : YG_CAPTURE_END);
		assert_int_equal(f->batches[i % 2].count, counts[i]);
	}
	assert_int_equal(f->batches[0].frames[0].number, 4);
	assert_int_equal(yg_capture_fill(f->capture, &f->batches[0]), YG_CAPTURE_END);
	assert_int_equal(f->batches[0].count, 0);
}

static void a_batch_holds_so_many_frames_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct bytes b = {0};
	put_pcap_header(&b);
	for (uint32_t i = 0; i < YG_BATCH_MAX + 1; i++)
		put_record(&b, 10, i, i, 40);
	open_bytes(f, &b);
	assert_int_equal(yg_capture_fill(f->capture, &f->batches[0]), YG_CAPTURE_MORE);
	assert_int_equal(f->batches[0].count, YG_BATCH_MAX);
	assert_int_equal(yg_capture_fill(f->capture, &f->batches[1]), YG_CAPTURE_END);
	assert_int_equal(f->batches[1].count, 1);
}

static void a_full_arena_ends_a_batch_and_loses_no_frame(void **state)
{
	struct fixture *f = *state;
	struct bytes b = {0};
	put_pcap_header(&b);
	for (uint32_t i = 0; i < 40; i++)
		put_record(&b, 10, i, i, YG_FRAME_MAX);
	open_bytes(f, &b);
	uint32_t seen = 0;
	for (unsigned int turn = 0; seen < 40; turn ^= 1) {
		yg_capture_fill(f->capture, &f->batches[turn]);
		assert_in_range(f->batches[turn].count, 1, 17);
		for (uint32_t i = 0; i < f->batches[turn].count; i++, seen++)
			assert_int_equal(f->batches[turn].frames[i].data[YG_FRAME_MAX - 1], seen);
	}
	assert_int_equal(seen, 40);
}

static void frames_stay_while_the_other_batch_is_filled(void **state)
{
	struct fixture *f = *state;
	struct bytes b = {0};
	put_pcap_header(&b);
	for (uint32_t i = 0; i < 9000; i++)
		put_record(&b, i / 700, 0, i, 60 + i % 900);
	open_bytes(f, &b);
	enum yg_capture_status status = yg_capture_fill(f->capture, &f->batches[0]);
	for (unsigned int turn = 1; status == YG_CAPTURE_MORE; turn ^= 1) {
		status = yg_capture_fill(f->capture, &f->batches[turn]);
		const struct yg_batch *kept = &f->batches[turn ^ 1];
		for (uint32_t i = 0; i < kept->count; i++) {
			const struct yg_frame *frame = &kept->frames[i];
			assert_int_equal(frame->data[0], (frame->number - 1) & 0xff);
			assert_int_equal(frame->data[frame->caplen - 1], (frame->number - 1) & 0xff);
		}
	}
	assert_int_equal(status, YG_CAPTURE_END);
}

static void a_burst_among_quiet_seconds_comes_out_whole(void **state)
{
	struct fixture *f = *state;
	struct bytes b = {0};
	put_pcap_header(&b);
	for (uint32_t i = 0; i < 20000; i++)
		put_record(&b, i % 8000 < 4000 ? i : 1000000 + i / 8000, 0, i, 200);
	open_bytes(f, &b);
	uint64_t count = 0;
	enum yg_capture_status status = YG_CAPTURE_MORE;
	while (status == YG_CAPTURE_MORE) {
		struct yg_batch *batch = &f->batches[0]; // one batch alone must do as well
		status = yg_capture_fill(f->capture, batch);
		for (uint32_t i = 0; i < batch->count; i++, count++)
			assert_int_equal(batch->frames[i].data[199], count & 0xff);
	}
	assert_int_equal(count, 20000);
	assert_int_equal(yg_capture_bytes_read(f->capture), yg_capture_bytes_total(f->capture));
}

static void blocks_that_nobody_reads_do_not_fill_the_arena(void **state)
{
	struct fixture *f = *state;
	struct bytes b = {0};
	put_section(&b);
	put_interface(&b);
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < 3000; k++)
			put_block(&b, 0x80000001, NULL, 2000);
		put_packet(&b, 0, 7, 100);
	}
	put_block(&b, 4, NULL, 9 * 1024 * 1024);
	put_packet(&b, 0, 8, 100);
	open_bytes(f, &b);
	assert_int_equal(yg_capture_fill(f->capture, &f->batches[0]), YG_CAPTURE_END);
	assert_int_equal(f->batches[0].count, 4);
	assert_int_equal(f->batches[0].frames[3].time.ns, 8000);
}

// Stamps as far into a second as 32 bits reach: their seconds are not the ones that stand in the file.
static void a_batch_is_of_one_second_also_where_fractions_run_over(void **state)
{
	struct fixture *f = *state;
	struct bytes b = {0};
	put_pcap_header(&b);
	put_record(&b, 12, 5, 1, 60);
	put_record(&b, 11, 1000000000, 2, 60); // second 12
	put_record(&b, 8, 4294967295, 3, 60);  // 12.294967295
	put_record(&b, 12, 999999999, 4, 60);
	put_record(&b, 12, 1000000000, 5, 60); // second 13, although 12 is written
	put_record(&b, 0xffffffff, 4294967295, 6, 60);
	put_record(&b, 0xffffffff, 4000000000, 7, 60);
	put_record(&b, 3, 0, 8, 60); // 2^32 seconds earlier
	open_bytes(f, &b);
	const uint32_t counts[] = {4, 1, 2, 1};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(yg_capture_fill(f->capture, &f->batches[0]), i < 3 ? YG_CAPTURE_MORE : YG_CAPTURE_END);
		assert_int_equal(f->batches[0].count, counts[i]);
		if (i == 0)
			assert_int_equal(f->batches[0].frames[2].time.ns, 12294967295);
		if (i == 2)
			assert_int_equal(f->batches[0].frames[0].time.ns, 4294967299294967295);
	}
}

static void write_in_small_pieces(int fd, const struct bytes *b)
{
	size_t done = 0, piece = 1;
	while (done < b->size) {
		size_t n = b->size - done < piece ? b->size - done : piece;
		if (write(fd, b->data + done, n) != (ssize_t)n)
			_exit(1);
		done += n;
		piece = piece * 5 % 4093 + 1;
	}
	_exit(0);
}

static void a_pipe_gives_the_same_batches_as_a_file(void **state)
{
	struct fixture *f = *state;
	struct bytes b = {0};
	int fds[2];
	put_pcap_header(&b);
	for (uint32_t i = 0; i < 4000; i++)
		put_record(&b, i / 1500, 0, i, 60 + i % 300);
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		write_in_small_pieces(fds[1], &b);
	close(fds[1]);
	f->fds[0] = fds[0];
	snprintf(f->paths[0], sizeof(f->paths[0]), "/proc/self/fd/%d", fds[0]);
	f->names[0] = f->paths[0];
	f->count = 1;
	open_files(f);
	const uint32_t counts[] = {1500, 1500, 1000};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(yg_capture_fill(f->capture, &f->batches[0]), i < 2 ? YG_CAPTURE_MORE : YG_CAPTURE_END);
		assert_int_equal(f->batches[0].count, counts[i]);
	}
	assert_int_equal(yg_capture_bytes_read(f->capture), b.size);
	assert_int_equal(yg_capture_bytes_total(f->capture), 0);
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	free(b.data);
}

struct variant {
	uint32_t magic, ns_per_tick, extra; // bytes behind a record's header
	uint32_t minor;
	bool big;
};

static void put_varied(struct bytes *b, const struct variant *v, const uint32_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put32(b, v->big ? __builtin_bswap32(words[i]) : words[i]);
}

static void put_variant(struct bytes *b, const struct variant *v, uint32_t records)
{
	const uint32_t header[] = {v->magic};
	const uint16_t version[] = {v->big ? 2 << 8 : 2, (uint16_t)(v->big ? v->minor << 8 : v->minor)};
	const uint32_t rest[] = {0, 0, 64, 101};
	put_varied(b, v, header, 1);
	put(b, version, sizeof(version));
	put_varied(b, v, rest, 4);
	for (uint32_t i = 0; i < records; i++) {
		uint32_t caplen = i * 7 % 1400, wirelen = caplen + i % 3;
		bool swapped = v->minor < 3;
		const uint32_t record[] = {1700000000 + i / 900, i % 900, swapped ? wirelen : caplen,
		                           swapped ? caplen : wirelen};
		put_varied(b, v, record, 4);
		put(b, NULL, v->extra + caplen);
		memset(b->data + b->size - caplen, (int)(i & 0xff), caplen);
	}
}

static void assert_varied(const struct yg_frame *frame, const struct variant *v)
{
	uint32_t i = (uint32_t)frame->number - 1;
	assert_int_equal(frame->caplen, i * 7 % 1400);
	assert_int_equal(frame->wirelen, frame->caplen + i % 3);
	assert_int_equal(frame->time.ns, (1700000000 + i / 900) * YG_NS_PER_S + i % 900 * v->ns_per_tick);
	assert_int_equal(frame->dlt, 101);
	assert_int_equal(frame->link, YG_LINK_RAW);
	assert_int_equal(frame->interface, 0);
	assert_int_equal(frame->pcap_flags, 0);
	for (uint32_t k = 0; k < frame->caplen; k += frame->caplen - 1) // its first and its last byte
		assert_int_equal(frame->data[k], i & 0xff);
}

// Long enough for records to lie across the end of many chunks; cut or lying in the last one, which must not be missed
// when everything before it went the fast way.
static void every_kind_of_pcap_is_read_alike_to_its_end(void **state)
{
	static const struct variant variants[] = {
	    {0xa1b2c3d4, 1000, 0, 4, false}, {0xa1b2c3d4, 1000, 0, 4, true}, {0xa1b23c4d, 1, 0, 4, false},
	    {0xa1b23c4d, 1, 0, 4, true},     {0xa1b2cd34, 1000, 8, 4, true}, {0xa1b2c3d4, 1000, 0, 2, false},
	};
	enum { RECORDS = 4001 };
	for (size_t kind = 0; kind < sizeof(variants) / sizeof(variants[0]); kind++) {
		struct fixture *f = *state;
		struct bytes b = {0};
		put_variant(&b, &variants[kind], RECORDS);
		const uint32_t lie[] = {1700000004, 0, YG_FRAME_MAX + 1, YG_FRAME_MAX + 1};
		put_varied(&b, &variants[kind], lie, 4);
		put(&b, NULL, 8);
		size_t lie_size = 16 + 8;
		for (size_t cut = 0; cut <= lie_size + 1; cut++) {
			add_file(f, b.data, b.size - cut);
			open_files(f);
			enum yg_capture_status status = YG_CAPTURE_MORE;
			uint64_t count = 0;
			while (status == YG_CAPTURE_MORE) {
				status = yg_capture_fill(f->capture, &f->batches[0]);
				for (uint32_t i = 0; i < f->batches[0].count; i++, count++) {
					assert_int_equal(f->batches[0].frames[i].number, count + 1);
					assert_varied(&f->batches[0].frames[i], &variants[kind]);
				}
			}
			assert_int_equal(count, cut > lie_size ? RECORDS - 1 : RECORDS);
			assert_int_equal(status, cut == lie_size ? YG_CAPTURE_END : YG_CAPTURE_DAMAGED);
			forget_files(f);
		}
		free(b.data);
	}
}

// Batches of one frame, then a burst, then quiet again. Reading ahead shows in what the progress bar is told.
static void a_quiet_file_is_read_by_the_page(void **state)
{
	struct fixture *f = *state;
	struct bytes b = {0};
	put_pcap_header(&b);
	for (uint32_t i = 0; i < 12000; i++)
		put_record(&b, i < 4000 ? i : i < 8000 ? 4000 : i - 4000, i % 4000, i, 300);
	open_bytes(f, &b);
	uint64_t count = 0, consumed = 24, before = 0;
	enum yg_capture_status status = YG_CAPTURE_MORE;
	while (status == YG_CAPTURE_MORE) {
		status = yg_capture_fill(f->capture, &f->batches[0]);
		for (uint32_t i = 0; i < f->batches[0].count; i++, count++)
			assert_int_equal(f->batches[0].frames[i].data[299], count & 0xff);
		consumed += f->batches[0].count * (16 + 300);
		uint64_t read = yg_capture_bytes_read(f->capture);
		assert_in_range(read, consumed, consumed + YG_CHUNK_MAX);
		// Past the first chunk, of which nothing is known; a record may lie across the end of one.
		if (count > 1000 && count < 4000 && before != read)
			assert_in_range(read, consumed, consumed + 16 + 300 + YG_CHUNK_MIN);
		before = read;
	}
	assert_int_equal(count, 12000);
}

// ---- several files ----

static void several_files_come_in_order_of_time_and_then_of_name(void **state)
{
	struct fixture *f = *state;
	const uint32_t times[3][3] = {{10, 30, 31}, {20, 30, 29}, {30, 40, 50}};
	for (uint32_t file = 0; file < 3; file++) {
		struct bytes b = {0};
		put_pcap_header(&b);
		for (uint32_t i = 0; i < 3; i++)
			put_record(&b, 5, times[file][i], file * 16 + i, 64);
		add_file(f, b.data, b.size);
		free(b.data);
	}
	open_files(f);
	assert_int_equal(yg_capture_fill(f->capture, &f->batches[0]), YG_CAPTURE_END);
	// The second file runs back in itself: its last packet follows the one before it, as early as it can.
	const uint8_t order[] = {0x00, 0x10, 0x01, 0x11, 0x12, 0x20, 0x02, 0x21, 0x22};
	assert_int_equal(f->batches[0].count, sizeof(order));
	for (size_t i = 0; i < sizeof(order); i++)
		assert_int_equal(f->batches[0].frames[i].data[63], order[i]);
}

static void hundreds_of_files_are_merged(void **state)
{
	struct fixture *f = *state;
	for (uint32_t file = 0; file < FILES_MOST; file++) {
		struct bytes b = {0};
		put_pcap_header(&b);
		for (uint32_t i = 0; i < 20; i++)
			put_record(&b, 5, i * 1000 + (file * 7) % FILES_MOST, 0, 64);
		add_file(f, b.data, b.size);
		free(b.data);
	}
	open_files(f);
	struct yg_time last = {0};
	uint64_t count = 0;
	enum yg_capture_status status = YG_CAPTURE_MORE;
	while (status == YG_CAPTURE_MORE) {
		status = yg_capture_fill(f->capture, &f->batches[0]);
		for (uint32_t i = 0; i < f->batches[0].count; i++, count++) {
			assert_false(yg_time_before(f->batches[0].frames[i].time, last));
			last = f->batches[0].frames[i].time;
		}
	}
	assert_int_equal(count, FILES_MOST * 20);
}

static void a_full_arena_ends_a_batch_of_merged_files(void **state)
{
	struct fixture *f = *state;
	struct bytes b = {0};
	put_pcap_header(&b);
	for (uint32_t i = 0; i < 20; i++)
		put_record(&b, 10, i, i, YG_FRAME_MAX);
	add_file(f, b.data, b.size);
	add_file(f, b.data, b.size);
	free(b.data);
	open_files(f);
	uint32_t seen = 0;
	for (unsigned int turn = 0; seen < 40; turn ^= 1) {
		yg_capture_fill(f->capture, &f->batches[turn]);
		assert_int_equal(f->batches[turn].count, seen < 34 ? 17 : 6);
		for (uint32_t i = 0; i < f->batches[turn].count; i++, seen++)
			assert_int_equal(f->batches[turn].frames[i].data[YG_FRAME_MAX - 1], seen / 2);
	}
}

static void a_damaged_file_does_not_end_the_others(void **state)
{
	struct fixture *f = *state;
	struct bytes b = {0};
	put_pcap_header(&b);
	for (uint32_t i = 0; i < 10; i++)
		put_record(&b, i, 0, i, 64);
	add_file(f, b.data, b.size - 500);
	add_file(f, b.data, b.size);
	add_file(f, b.data, b.size - 1);
	free(b.data);
	open_files(f);
	assert_damaged(f, 3 + 10 + 9, "fd");
	char first[96], third[96];
	snprintf(first, sizeof(first), "%s: truncated after 3 packets: ", f->paths[0]);
	snprintf(third, sizeof(third), "\n%s: truncated after 9 packets: ", f->paths[2]);
	assert_memory_equal(yg_capture_error(f->capture), first, strlen(first));
	assert_non_null(strstr(yg_capture_error(f->capture), third));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_batch_ends_at_a_new_second),
	    TEST(a_batch_holds_so_many_frames_and_no_more),
	    TEST(a_full_arena_ends_a_batch_and_loses_no_frame),
	    TEST(frames_stay_while_the_other_batch_is_filled),
	    TEST(a_burst_among_quiet_seconds_comes_out_whole),
	    TEST(blocks_that_nobody_reads_do_not_fill_the_arena),
	    TEST(a_batch_is_of_one_second_also_where_fractions_run_over),
	    TEST(a_pipe_gives_the_same_batches_as_a_file),
	    TEST(every_kind_of_pcap_is_read_alike_to_its_end),
	    TEST(a_quiet_file_is_read_by_the_page),
	    TEST(several_files_come_in_order_of_time_and_then_of_name),
	    TEST(hundreds_of_files_are_merged),
	    TEST(a_full_arena_ends_a_batch_of_merged_files),
	    TEST(a_damaged_file_does_not_end_the_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

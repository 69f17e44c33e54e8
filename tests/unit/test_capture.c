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
	    TEST(a_pipe_gives_the_same_batches_as_a_file),
	    TEST(several_files_come_in_order_of_time_and_then_of_name),
	    TEST(hundreds_of_files_are_merged),
	    TEST(a_full_arena_ends_a_batch_of_merged_files),
	    TEST(a_damaged_file_does_not_end_the_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

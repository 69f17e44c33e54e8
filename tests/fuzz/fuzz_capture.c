// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Any bytes as a capture file. Besides what the sanitizers see, it aborts when
//   - a frame lies outside its batch, a batch spans two seconds, or numbers do not count up;
//   - the file read alone (no copy, frames in the arena) and merged with an empty one (copied) differ in any way;
//   - a file that was read to a good end is still good without its last byte.
// Seeds: tests/replay/capture_against_tshark.py --seeds FOLDER.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/capture_internal.h"

static const uint8_t empty_pcap[] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0,
                                     0,    0,    0,    0,    0, 0, 4, 0, 1, 0, 0, 0};

static struct yg_batch batches[2];

struct outcome {
	bool opened;
	enum yg_capture_status status;
	uint64_t frames, hash;
	char error[1024];
};

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "violated: %s\n", what);
	abort();
}

static uint64_t mix(uint64_t h, const void *data, size_t size)
{
	const uint8_t *p = data;
	for (size_t i = 0; i < size; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t mix_frame(uint64_t h, const struct yg_frame *f)
{
	const uint64_t fields[] = {f->number, (uint64_t)f->time.ns, f->caplen, f->wirelen, f->interface, f->dlt,
	                           f->link};
	return mix(mix(h, fields, sizeof(fields)), f->data, f->caplen);
}

static void check_frame(const struct yg_batch *batch, uint32_t i, uint64_t number)
{
	const struct yg_frame *f = &batch->frames[i];
	require(f->number == number, "numbers count up");
	require(f->caplen <= YG_FRAME_MAX, "no frame is longer than the longest");
	require(f->data >= batch->arena && f->data + f->caplen <= batch->arena + batch->arena_size,
	        "a frame lies in its batch");
	require(yg_time_second(f->time) == yg_time_second(batch->frames[0].time), "a batch is of one second");
	require(f->link < YG_LINK_COUNT, "a link type of ours");
}

static void read_all(struct yg_capture *capture, struct outcome *out)
{
	out->status = YG_CAPTURE_MORE;
	for (unsigned int turn = 0; out->status == YG_CAPTURE_MORE; turn ^= 1) {
		struct yg_batch *batch = &batches[turn];
		out->status = yg_capture_fill(capture, batch);
		require(batch->count <= YG_BATCH_MAX, "a batch has an end");
		require(batch->count > 0 || out->status != YG_CAPTURE_MORE, "more means that there was something");
		for (uint32_t i = 0; i < batch->count; i++) {
			check_frame(batch, i, ++out->frames);
			out->hash = mix_frame(out->hash, &batch->frames[i]);
		}
	}
}

static struct outcome read_paths(const char *const *paths, size_t count)
{
	struct outcome out = {0};
	int exit_code = 0;
	struct yg_capture *capture = yg_capture_open(paths, count, out.error, sizeof(out.error), &exit_code);
	if (!capture) {
		require(exit_code != 0 && out.error[0] != '\0', "a refusal is said");
		return out;
	}
	out.opened = true;
	read_all(capture, &out);
	require((out.status == YG_CAPTURE_DAMAGED) == (yg_capture_error(capture)[0] != '\0'), "damage is said");
	uint64_t read = yg_capture_bytes_read(capture), total = yg_capture_bytes_total(capture);
	require(out.status == YG_CAPTURE_END ? read == total : read <= total, "a good end is the end of the file");
	snprintf(out.error, sizeof(out.error), "%s", yg_capture_error(capture));
	yg_capture_close(capture);
	return out;
}

static int file_of(const uint8_t *data, size_t size, char path[32])
{
	int fd = memfd_create("capture", MFD_CLOEXEC);
	require(fd >= 0 && pwrite(fd, data, size, 0) == (ssize_t)size, "a file in memory can be made");
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < 2; i++)
		require(yg_batch_init(&batches[i]) == 0, "there is memory for a batch");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char empty[32];
	static int empty_fd = -1;
	char path[32];
	if (empty_fd < 0)
		empty_fd = file_of(empty_pcap, sizeof(empty_pcap), empty);
	int fd = file_of(data, size, path);
	struct outcome alone = read_paths((const char *const[]){path}, 1);
	struct outcome merged = read_paths((const char *const[]){path, empty}, 2);
	require(alone.opened == merged.opened && alone.status == merged.status, "merging does not change the outcome");
	require(alone.frames == merged.frames && alone.hash == merged.hash, "merging does not change a frame");
	require(strcmp(alone.error, merged.error) == 0, "merging does not change what is said");
	if (alone.opened && alone.status == YG_CAPTURE_END) {
		require(ftruncate(fd, (off_t)size - 1) == 0, "the file can be cut");
		struct outcome cut = read_paths((const char *const[]){path}, 1);
		require(!cut.opened || cut.status == YG_CAPTURE_DAMAGED, "a cut file is no success");
	}
	close(fd);
	return 0;
}

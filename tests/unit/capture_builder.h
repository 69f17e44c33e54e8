// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Capture files made in memory (memfd, opened by their /proc path) and the reader on them, for test_capture.c and
// test_capture_file.c. Functions are inline because neither test uses all of them.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include <zlib.h>

#include "engine/capture_internal.h"

enum { FILES_MOST = 300 };

struct bytes {
	uint8_t *data;
	size_t size, room;
};

static inline void put(struct bytes *b, const void *data, size_t size)
{
	if (b->size + size > b->room) {
		b->room = 2 * (b->size + size);
		b->data = realloc(b->data, b->room);
		assert_non_null(b->data);
	}
	if (data)
		memcpy(b->data + b->size, data, size);
	else
		memset(b->data + b->size, 0, size);
	b->size += size;
}

static inline void put32(struct bytes *b, uint32_t v)
{
	put(b, &v, sizeof(v));
}

static inline void put_pcap_header(struct bytes *b)
{
	const uint32_t header[] = {0xa1b23c4d, 2 | 4 << 16, 0, 0, YG_FRAME_MAX, 1};
	put(b, header, sizeof(header));
}

// A frame filled with the low byte of `mark`.
static inline void put_record(struct bytes *b, uint32_t s, uint32_t ns, uint32_t mark, uint32_t size)
{
	const uint32_t header[] = {s, ns, size, size};
	put(b, header, sizeof(header));
	put(b, NULL, size);
	memset(b->data + b->size - size, (int)(mark & 0xff), size);
}

static inline void put_block(struct bytes *b, uint32_t type, const void *body, size_t size)
{
	size_t padded = (size + 3) & ~(size_t)3;
	put32(b, type);
	put32(b, (uint32_t)padded + 12);
	put(b, body, size);
	put(b, NULL, padded - size);
	put32(b, (uint32_t)padded + 12);
}

static inline void put_section(struct bytes *b)
{
	const uint32_t section[] = {0x1a2b3c4d, 1, 0xffffffff, 0xffffffff};
	put_block(b, 0x0a0d0d0a, section, sizeof(section));
}

static inline void put_interface(struct bytes *b)
{
	const uint32_t interface[] = {1, 0};
	put_block(b, 1, interface, sizeof(interface));
}

static inline void put_packet(struct bytes *b, uint32_t interface, uint32_t us, uint32_t size)
{
	uint32_t body[5 + 64] = {interface, 0, us, size, size};
	assert_true(size <= 256);
	put_block(b, 6, body, 20 + size);
}

static inline struct bytes gzipped(const struct bytes *plain)
{
	struct bytes out = {0};
	put(&out, NULL, plain->size + 1024);
	z_stream z = {.next_in = plain->data, .avail_in = (uInt)plain->size};
	z.next_out = out.data;
	z.avail_out = (uInt)out.size;
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out.size = z.total_out;
	deflateEnd(&z);
	return out;
}

static inline struct bytes small_pcapng(uint32_t packets)
{
	struct bytes b = {0};
	put_section(&b);
	put_interface(&b);
	for (uint32_t i = 0; i < packets; i++)
		put_packet(&b, 0, i, 30 + i);
	put_block(&b, 5, NULL, 12);
	return b;
}

// The file under test, and all that is open for one test.
struct fixture {
	int fds[FILES_MOST];
	char paths[FILES_MOST][32];
	const char *names[FILES_MOST];
	size_t count;
	struct yg_capture *capture;
	struct yg_batch batches[2];
	char error[512];
	int exit_code;
};

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	return !f || yg_batch_init(&f->batches[0]) < 0 || yg_batch_init(&f->batches[1]) < 0;
}

static inline void forget_files(struct fixture *f)
{
	yg_capture_close(f->capture);
	f->capture = NULL;
	while (f->count > 0)
		close(f->fds[--f->count]);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	forget_files(f);
	yg_batch_finish(&f->batches[0]);
	yg_batch_finish(&f->batches[1]);
	free(f);
	return 0;
}

static inline void add_file(struct fixture *f, const uint8_t *data, size_t size)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, size, 0), size);
	f->fds[f->count] = fd;
	snprintf(f->paths[f->count], sizeof(f->paths[0]), "/proc/self/fd/%d", fd);
	f->names[f->count] = f->paths[f->count];
	f->count++;
}

static inline void open_files(struct fixture *f)
{
	f->capture = yg_capture_open(f->names, f->count, f->error, sizeof(f->error), &f->exit_code);
	if (!f->capture)
		fail_msg("%s", f->error);
}

static inline void open_bytes(struct fixture *f, struct bytes *b)
{
	add_file(f, b->data, b->size);
	free(b->data);
	*b = (struct bytes){0};
	open_files(f);
}

// Reads to the end; the number of frames, whose numbers must count up.
static inline uint64_t drain(struct fixture *f, enum yg_capture_status *ret_status)
{
	uint64_t count = 0;
	*ret_status = YG_CAPTURE_MORE;
	for (unsigned int turn = 0; *ret_status == YG_CAPTURE_MORE; turn ^= 1) {
		*ret_status = yg_capture_fill(f->capture, &f->batches[turn]);
		for (uint32_t i = 0; i < f->batches[turn].count; i++)
			assert_int_equal(f->batches[turn].frames[i].number, ++count);
		assert_true(*ret_status != YG_CAPTURE_MORE || f->batches[turn].count > 0);
	}
	return count;
}

static inline void assert_damaged(struct fixture *f, uint64_t frames, const char *why)
{
	enum yg_capture_status status;
	assert_int_equal(drain(f, &status), frames);
	assert_int_equal(status, YG_CAPTURE_DAMAGED);
	if (!strstr(yg_capture_error(f->capture), why))
		fail_msg("\"%s\" does not say \"%s\"", yg_capture_error(f->capture), why);
}

static inline void assert_refused(struct fixture *f, const char *why)
{
	f->capture = yg_capture_open(f->names, f->count, f->error, sizeof(f->error), &f->exit_code);
	assert_null(f->capture);
	assert_int_equal(f->exit_code, EX_NOINPUT);
	if (!strstr(f->error, why))
		fail_msg("\"%s\" does not say \"%s\"", f->error, why);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

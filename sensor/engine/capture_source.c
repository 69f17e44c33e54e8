// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Bytes of one capture file, from a plain file, a pipe, or gzip. No seeking, so that a pipe is as good as a file. Plain
// bytes go by read(2) straight to where the caller wants them: no buffer in between, no mapping (a mapped file that
// shrinks kills its reader, and page by page it is slower). gzip goes through zlib's inflate and not gzread, which
// takes what is no gzip for plain text and passes over garbage at the end in silence. Members may follow one another.
// Thread: one.
#include "engine/capture_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

enum {
	INFLATE_INPUT = 64 * 1024,
	GZIP_WINDOW = 15 + 16, // zlib: largest window, gzip header expected
};

struct yg_inflate {
	z_stream z;
	bool in_member;    // bytes of a member have been seen, its end has not
	bool later_member; // at least one whole member has gone by
	bool ended;
	uint8_t input[INFLATE_INPUT];
};

static size_t read_file(struct yg_source *source, uint8_t *bytes, size_t size)
{
	while (!source->ended) {
		ssize_t n = read(source->fd, bytes, size);
		if (n > 0) {
			source->bytes_read += (size_t)n;
			return (size_t)n;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			source->failed = errno;
			source->damage = "it cannot be read any further";
		}
		source->ended = true;
	}
	return 0;
}

// One step of inflate. False at the end of the file and at the first byte that makes no sense.
static bool inflate_step(struct yg_source *source)
{
	struct yg_inflate *inf = source->inflate;
	if (inf->z.avail_in == 0) {
		inf->z.next_in = inf->input;
		inf->z.avail_in = (uInt)read_file(source, inf->input, sizeof(inf->input));
	}
	if (inf->z.avail_in == 0 && !inf->in_member)
		return false;
	inf->in_member = true;
	int ret = inflate(&inf->z, Z_NO_FLUSH);
	if (ret == Z_STREAM_END) {
		inf->in_member = false;
		inf->later_member = true;
		ret = inflateReset(&inf->z);
	}
	if (ret == Z_OK)
		return true;
	// Z_BUF_ERROR: no progress, and there was room, so input is missing. zlib has then handed out all it had.
	if (source->damage)
		return false;
	bool garbage = inf->later_member && inf->z.total_out == 0;
	source->damage = ret == Z_BUF_ERROR ? "the gzip data are cut"
	                 : garbage          ? "bytes that are no gzip follow the gzip data"
	                                    : "the gzip data are broken";
	return false;
}

static size_t read_gzip(struct yg_source *source, uint8_t *bytes, size_t size)
{
	struct yg_inflate *inf = source->inflate;
	inf->z.next_out = bytes;
	inf->z.avail_out = (uInt)size; // a window is far below 4 GiB
	while (inf->z.avail_out > 0 && !inf->ended)
		inf->ended = !inflate_step(source);
	return size - inf->z.avail_out;
}

static size_t take_pushed(struct yg_source *source, uint8_t *bytes, size_t size)
{
	size_t n = source->pushed_end - source->pushed_start;
	if (n > size)
		n = size;
	if (n > 0)
		memcpy(bytes, source->pushed + source->pushed_start, n);
	source->pushed_start += n;
	return n;
}

size_t yg_source_read(struct yg_source *source, uint8_t *ret_bytes, size_t size)
{
	size_t n = take_pushed(source, ret_bytes, size);
	if (n > 0)
		return n;
	source->pushed_start = source->pushed_end = 0;
	if (source->inflate)
		return read_gzip(source, ret_bytes, size);
	while (n < size && !source->ended)
		n += read_file(source, ret_bytes + n, size - n);
	return n;
}

void yg_source_unread(struct yg_source *source, const uint8_t *bytes, size_t size)
{
	// Until something newer is read, which forgets them, what comes back still lies right before the pushed bytes.
	// A file whose batches hold one packet each thus pushes a chunk once, not once a batch.
	if (size <= source->pushed_start) {
		source->pushed_start -= size;
		return;
	}
	assert(source->pushed_start == source->pushed_end && size <= source->pushed_size);
	source->pushed_start = 0;
	source->pushed_end = size;
	memcpy(source->pushed, bytes, size);
}

static int start_inflate(struct yg_source *source, const uint8_t *head, size_t size)
{
	struct yg_inflate *inf = calloc(1, sizeof(*inf));
	if (!inf)
		return -ENOMEM;
	if (inflateInit2(&inf->z, GZIP_WINDOW) != Z_OK) {
		free(inf);
		return -ENOMEM;
	}
	memcpy(inf->input, head, size);
	inf->z.next_in = inf->input;
	inf->z.avail_in = (uInt)size;
	source->inflate = inf;
	return 0;
}

// Looks at the first bytes: the name of a file says nothing.
static int start(struct yg_source *source)
{
	uint8_t head[YG_SNIFF_SIZE];
	size_t n = yg_source_read(source, head, sizeof(head));
	if (source->failed)
		return -source->failed;
	if (n >= 2 && head[0] == 0x1f && head[1] == 0x8b)
		return start_inflate(source, head, n);
	yg_source_unread(source, head, n);
	return 0;
}

int yg_source_init(struct yg_source *source, const char *path, size_t pushed_size)
{
	memset(source, 0, sizeof(*source));
	source->fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
	                                    : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (source->fd < 0)
		return -errno;
	struct stat st;
	if (fstat(source->fd, &st) == 0 && S_ISREG(st.st_mode))
		source->bytes_total = (uint64_t)st.st_size;
	source->pushed_size = pushed_size;
	source->pushed = malloc(pushed_size);
	if (!source->pushed)
		return -ENOMEM;
	posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return start(source);
}

void yg_source_finish(struct yg_source *source)
{
	if (source->inflate)
		inflateEnd(&source->inflate->z);
	free(source->inflate);
	free(source->pushed);
	if (source->fd >= 0)
		close(source->fd);
	source->inflate = NULL;
	source->pushed = NULL;
	source->fd = -1;
}

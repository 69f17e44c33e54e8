// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See sink_file.h. One write(2) for many lines: the file costs the courier less than rendering does. O_APPEND, so that
// a log rotation by copy and truncate, or a second writer, never overwrites.
#include "courier/sink_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"

// A file whose last line has no end (another writer was killed in its middle): ours must not be glued to it.
static void end_last_line(struct yg_sink_file *sink, const char *path)
{
	struct stat st;
	char last = '\n';
	if (fstat(sink->fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n' && sink->length < YG_SINK_FILE_BUFFER) {
		memmove(sink->buffer + 1, sink->buffer, sink->length++);
		sink->buffer[0] = '\n';
	}
	close(fd);
}

int yg_sink_file_open(struct yg_sink_file *sink, const char *path, struct yg_courier_stats *stats)
{
	*sink = (struct yg_sink_file){.fd = -1, .stats = stats};
	sink->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
	if (sink->fd < 0)
		return -errno;
	sink->buffer = malloc(YG_SINK_FILE_BUFFER);
	if (!sink->buffer) {
		close(sink->fd);
		sink->fd = -1;
		return -ENOMEM;
	}
	end_last_line(sink, path);
	return 0;
}

void yg_sink_file_take(struct yg_sink_file *sink, int fd, const char *path)
{
	close(sink->fd);
	sink->fd = fd;
	end_last_line(sink, path);
}

bool yg_sink_file_take_back(struct yg_sink_file *sink, uint64_t before)
{
	struct stat st;
	if (sink->written == 0)
		return true;
	if (fstat(sink->fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != before + sink->written ||
	    ftruncate(sink->fd, (off_t)before) < 0)
		return false;
	sink->written = 0;
	return true;
}

static void note_error(struct yg_sink_file *sink, int error, uint64_t now_ns)
{
	sink->retry_ns = now_ns + YG_SINK_FILE_RETRY_MS * (uint64_t)YG_NS_PER_MS;
	if (!sink->failing)
		yg_error("EVE file: %s; trying again", strerror(error));
	sink->failing = true;
}

static int write_all(struct yg_sink_file *sink, uint64_t now_ns)
{
	while (sink->written < sink->length) {
		ssize_t n = write(sink->fd, sink->buffer + sink->written, sink->length - sink->written);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int error = n < 0 ? errno : EIO;
			note_error(sink, error, now_ns);
			return -error;
		}
		sink->written += (size_t)n;
	}
	return 0;
}

int yg_sink_file_flush(struct yg_sink_file *sink, uint64_t now_ns)
{
	if (sink->length == 0)
		return 0;
	if (sink->failing && now_ns < sink->retry_ns)
		return -EAGAIN;
	int error = write_all(sink, now_ns);
	if (error)
		return error;
	if (sink->failing)
		yg_info("EVE file: writing again");
	sink->failing = false;
	yg_counter_add(&sink->stats->c[YG_CC_EVE_LINES], sink->lines);
	yg_counter_add(&sink->stats->c[YG_CC_EVE_BYTES], sink->length);
	sink->length = sink->written = 0;
	sink->lines = 0;
	return 0;
}

char *yg_sink_file_room(struct yg_sink_file *sink, size_t size, uint64_t now_ns)
{
	if (YG_SINK_FILE_BUFFER - sink->length < size)
		yg_sink_file_flush(sink, now_ns);
	return YG_SINK_FILE_BUFFER - sink->length < size ? NULL : sink->buffer + sink->length;
}

void yg_sink_file_commit(struct yg_sink_file *sink, size_t length, uint64_t now_ns)
{
	if (sink->lines == 0)
		sink->oldest_ns = now_ns;
	sink->length += length;
	sink->lines++;
}

// After a short write the file ends inside a line. Its beginning is taken back, so that every line in the file is
// whole.
static void cut_partial_line(struct yg_sink_file *sink)
{
	struct stat st;
	size_t whole = sink->written;
	while (whole > 0 && sink->buffer[whole - 1] != '\n')
		whole--;
	off_t partial = (off_t)(sink->written - whole);
	if (partial == 0 || fstat(sink->fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < partial)
		return;
	if (ftruncate(sink->fd, st.st_size - partial) < 0)
		yg_error("EVE file: its last line is not whole: %s", strerror(errno));
}

// Whole lines, how many bytes they are, and how many of them tell of a flow.
static uint64_t lines_in(const char *text, size_t length, size_t *ret_bytes, uint64_t *ret_flows)
{
	static const char flow[] = "\"event_type\":\"flow\"";
	enum { HEAD = 80 }; // of a line: its time and its type
	uint64_t lines = 0;
	*ret_bytes = 0;
	*ret_flows = 0;
	for (const char *end; (end = memchr(text + *ret_bytes, '\n', length - *ret_bytes)) != NULL; lines++) {
		const char *line = text + *ret_bytes;
		size_t head = (size_t)(end - line) < HEAD ? (size_t)(end - line) : HEAD;
		*ret_flows += memmem(line, head, flow, sizeof flow - 1) != NULL;
		*ret_bytes += (size_t)(end - line) + 1;
	}
	return lines;
}

uint64_t yg_sink_file_close(struct yg_sink_file *sink)
{
	uint64_t lost = 0;
	size_t bytes;
	if (sink->fd < 0)
		return 0;
	sink->retry_ns = 0;
	sink->lines_kept = lines_in(sink->buffer, sink->length, &bytes, &sink->flows_kept);
	if (yg_sink_file_flush(sink, 0) < 0) {
		uint64_t kept = sink->lines_kept = lines_in(sink->buffer, sink->written, &bytes, &sink->flows_kept);
		lost = sink->lines > kept ? sink->lines - kept : 0;
		yg_counter_add(&sink->stats->c[YG_CC_EVE_LINES], kept);
		yg_counter_add(&sink->stats->c[YG_CC_EVE_BYTES], bytes);
		cut_partial_line(sink);
		yg_counter_add(&sink->stats->c[YG_CC_EVE_ERRORS], lost);
	}
	yg_sink_file_leave(sink);
	return lost;
}

void yg_sink_file_leave(struct yg_sink_file *sink)
{
	close(sink->fd);
	free(sink->buffer);
	sink->fd = -1;
	sink->buffer = NULL;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See audit.h: writing. The chain begins with 64 zeros. A torn last line (power went while it was written) is no line: it is cut off at the
// next start, and the record that says so is the first one behind it. Everything before it in its file must be whole, or the log is not
// opened; older files are looked at by who verifies.
//
// A file that is full gets its number as its name, and a new one is begun: rename, create, both on disk, then the first record. Whatever of
// that a kill leaves is a log that goes on: without audit.jsonl, with an empty one, or with a torn line in it.
#include "audit_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

enum { HEX = WEB_AUDIT_HEX, TAIL = WEB_AUDIT_TAIL, LINE_MAX_BYTES = WEB_AUDIT_LINE, FORWARD_BYTES = 4096 };

struct web_audit {
	int fd, folder;
	uint64_t count;
	char prev[HEX];
	int forward;                // -1: nowhere
	uint64_t unforwarded, lost; // lost: records that could not be written since the last that could
	int64_t size, size_max;
	bool torn, renamed;         // renamed: the file has its number, but the next could not be made: it is written to all the same
	struct web_audit_file own;  // the one that is written to
	struct web_audit_files files; // before it
	uint64_t rotations, rotations_failed, lost_ever;
};

// ---- writing ----

static void print_time(char *text, size_t size)
{
	struct timespec now;
	struct tm tm;
	char zone[8];
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm); // TZ is the server's, set from its configuration
	size_t n = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof zone, "%z", &tm);
	snprintf(text + n, size - n, ".%06ld%s", now.tv_nsec / 1000, zone);
}

static void put(json_t *record, const char *key, const char *value)
{
	if (!value)
		return;
	json_t *text = json_string(value);
	if (!text) // not UTF-8: what people send may be anything, and must not keep them out of the log
		text = json_string("(not UTF-8)");
	json_object_set_new(record, key, text);
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

// A copy for the journal. It must not hold up the loop: what a pipe has no room for is left out there (counted), and a line too long to go
// in at once is cut. <5>: notice.
static void forward(struct web_audit *audit, const char *line, size_t length)
{
	char text[FORWARD_BYTES];
	struct pollfd ready = {.fd = audit->forward, .events = POLLOUT};
	if (audit->forward < 0)
		return;
	int n = snprintf(text, sizeof text, "<5>audit %.*s", (int)length, line);
	size_t size = (size_t)n < sizeof text ? (size_t)n : sizeof text;
	text[size - 1] = '\n';
	if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT) || write(audit->forward, text, size) != (ssize_t)size)
		audit->unforwarded++;
}

void web_audit_forward(struct web_audit *audit, int fd)
{
	audit->forward = fd;
}

uint64_t web_audit_unforwarded(const struct web_audit *audit)
{
	return audit->unforwarded;
}

int web_audit_open_file(const struct web_audit *audit, uint64_t number)
{
	char name[WEB_AUDIT_NAME] = WEB_AUDIT_NEWEST;
	if (number != audit->own.number || audit->renamed)
		web_audit_file_name(number, name);
	return openat(audit->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

uint64_t web_audit_newest(const struct web_audit *audit)
{
	return audit->own.number;
}

// What has been put away meanwhile is no longer there to be read.
struct web_audit_file web_audit_oldest(struct web_audit *audit)
{
	struct web_audit_files *files = &audit->files;
	uint32_t gone = 0;
	for (; gone < files->count; gone++) {
		int fd = web_audit_open_file(audit, files->at[gone].number);
		if (fd >= 0)
			close(fd);
		if (fd >= 0 || errno != ENOENT)
			break;
	}
	files->count -= gone;
	memmove(files->at, files->at + gone, files->count * sizeof *files->at);
	return files->count ? files->at[0] : audit->own;
}

struct web_audit_counters web_audit_counters(const struct web_audit *audit)
{
	return (struct web_audit_counters){.records = audit->count,
	                                   .bytes = (uint64_t)audit->size,
	                                   .files = audit->files.count + 1,
	                                   .rotations = audit->rotations,
	                                   .rotations_failed = audit->rotations_failed,
	                                   .files_full = audit->files.left_out,
	                                   .unforwarded = audit->unforwarded,
	                                   .lost = audit->lost_ever};
}

uint64_t web_audit_count(const struct web_audit *audit)
{
	return audit->count;
}

const char *web_audit_head(const struct web_audit *audit)
{
	return audit->prev;
}

// A line whole and on disk, or nothing of it. What could not be taken back (a disk that fails) is before the next line; until then, a torn
// end.
static int append(struct web_audit *audit, const char *line, size_t length)
{
	int error = audit->torn && ftruncate(audit->fd, audit->size) < 0 ? -errno : 0;
	if (!error)
		error = write_all(audit->fd, line, length);
	if (!error && fdatasync(audit->fd) < 0)
		error = -errno;
	if (error) {
		audit->torn = ftruncate(audit->fd, audit->size) < 0;
		audit->lost++;
		audit->lost_ever++;
		return error;
	}
	audit->torn = false;
	audit->size += (int64_t)length;
	return 0;
}

static int begin_next(struct web_audit *audit)
{
	char name[WEB_AUDIT_NAME];
	web_audit_file_name(audit->own.number, name);
	if (!audit->renamed) {
		int there = openat(audit->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (there >= 0)
			close(there);
		if (there >= 0 || errno != ENOENT)
			return there >= 0 ? -EEXIST : -errno;
		if (renameat(audit->folder, WEB_AUDIT_NEWEST, audit->folder, name) < 0)
			return -errno;
		audit->renamed = true;
	}
	int fd = openat(audit->folder, WEB_AUDIT_NEWEST, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		int error = errno;
		audit->renamed = renameat(audit->folder, name, audit->folder, WEB_AUDIT_NEWEST) < 0; // a start mends the newest alone
		return -error;
	}
	fsync(audit->folder);
	close(audit->fd);
	audit->fd = fd;
	return 0;
}

// A file that cannot be followed by another is written to beyond its size: a record is worth more than the size.
static void rotate(struct web_audit *audit)
{
	if (audit->torn || audit->size + LINE_MAX_BYTES <= audit->size_max)
		return;
	int error = begin_next(audit);
	if (error) {
		if (!audit->rotations_failed++)
			yg_error("the audit log goes on in a file that is full: %s", strerror(-error));
		return;
	}
	audit->rotations++;
	audit->renamed = false;
	web_audit_files_add(&audit->files, audit->own);
	audit->own = (struct web_audit_file){.number = audit->own.number + 1};
	audit->size = 0;
}

bool web_audit_ready(struct web_audit *audit)
{
	uint64_t lost = audit->lost;
	char what[64];
	if (!lost)
		return true;
	snprintf(what, sizeof what, "%llu records could not be written", (unsigned long long)lost);
	bool good = web_audit_write(audit, &(struct web_audit_record){.action = "log", .result = "mended", .what = what}) == 0;
	audit->lost = good ? 0 : lost;
	return good;
}

int web_audit_write(struct web_audit *audit, const struct web_audit_record *r)
{
	char time[40];
	rotate(audit);
	print_time(time, sizeof time);
	json_t *record = json_object();
	json_object_set_new(record, "n", json_integer((json_int_t)(audit->count + 1)));
	put(record, "time", time);
	put(record, "user", r->user);
	put(record, "peer", r->peer);
	put(record, "action", r->action);
	put(record, "result", r->result);
	put(record, "what", r->what);
	if (!audit->size && audit->count)
		json_object_set_new(record, "file", json_integer((json_int_t)audit->own.number));
	put(record, "prev", audit->prev);
	char *line = json_dumps(record, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(record);
	if (!line)
		return -ENOMEM;
	size_t length = strlen(line);
	char hash[HEX], whole[LINE_MAX_BYTES];
	web_audit_hash(line, length, hash);
	int error = length + TAIL + 1 >= sizeof whole ? -EMSGSIZE : 0;
	if (!error) {
		memcpy(whole, line, length - 1);
		web_audit_tail(hash, whole + length - 1);
		length += TAIL - 1;
		whole[length++] = '\n';
	}
	free(line);
	if (!error)
		error = append(audit, whole, length);
	if (error)
		return error;
	audit->count++;
	if (!audit->own.first)
		audit->own.first = audit->count;
	memcpy(audit->prev, hash, HEX);
	forward(audit, whole, length);
	return 0;
}

// The newest file is walked whole; of the one before it the last record alone, from which it has to follow.
static int walk_newest(const struct web_audit *audit, struct web_audit_walk *w)
{
	const struct web_audit_files *files = &audit->files;
	int error = 0;
	web_audit_walk_begin(w);
	if (files->count) {
		uint64_t number = files->at[files->count - 1].number;
		error = web_audit_walk_last(w, web_audit_open_file(audit, number), number);
	}
	if (!error)
		error = web_audit_walk_file(w, web_audit_open_file(audit, audit->own.number));
	while (!error && web_audit_walk_on(w, UINT32_MAX))
		;
	web_audit_walk_end(w);
	return error ? error : w->why ? -EBADMSG : 0;
}

static int take_over(struct web_audit *audit)
{
	int error = web_audit_files_read(audit->folder, &audit->files, &audit->own);
	if (!error && !audit->own.number)
		audit->own.number = audit->files.count ? audit->files.at[audit->files.count - 1].number + 1 : 1;
	struct web_audit_walk *w = error ? NULL : malloc(sizeof *w);
	if (!w)
		return error ? error : -ENOMEM;
	error = walk_newest(audit, w);
	audit->count = w->count;
	memcpy(audit->prev, w->prev, HEX);
	audit->size = w->whole;
	int64_t torn = w->end - w->whole;
	free(w);
	if (error || !torn)
		return error;
	if (ftruncate(audit->fd, audit->size) < 0)
		return -errno;
	char what[64];
	snprintf(what, sizeof what, "%lld bytes of a record that was not whole", (long long)torn);
	return web_audit_write(audit, &(struct web_audit_record){.action = "log", .result = "mended", .what = what});
}

struct web_audit *web_audit_open(const char *folder, int64_t size_max)
{
	struct web_audit *audit = calloc(1, sizeof *audit);
	if (!audit)
		return NULL;
	audit->forward = audit->fd = -1;
	audit->size_max = size_max;
	audit->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (audit->folder >= 0)
		audit->fd = openat(audit->folder, WEB_AUDIT_NEWEST, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error = audit->fd < 0 ? -errno : take_over(audit);
	if (!error)
		return audit;
	web_audit_close(audit);
	errno = -error;
	return NULL;
}

void web_audit_close(struct web_audit *audit)
{
	if (!audit)
		return;
	if (audit->fd >= 0)
		close(audit->fd);
	if (audit->folder >= 0)
		close(audit->folder);
	web_audit_files_finish(&audit->files);
	free(audit);
}

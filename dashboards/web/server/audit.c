// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See audit.h. The chain begins with 64 zeros. A torn last line (power went while it was written) is no line: it is cut off at the next
// start, and the record that says so is the first one behind it. Everything before must be whole, or the log is not opened.
#include "audit_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEX = WEB_AUDIT_HEX, TAIL = 9 + HEX - 1 + 2, LINE_MAX_BYTES = WEB_AUDIT_LINE, PATH_BYTES = 4096, FORWARD_BYTES = 4096 };

_Static_assert(HEX == 2 * crypto_hash_sha256_BYTES + 1, "a hash has its room");

struct web_audit {
	int fd;
	uint64_t count;
	char prev[HEX];
	char path[PATH_BYTES];
	int forward;                // -1: nowhere
	uint64_t unforwarded, lost; // lost: records that could not be written since the last that could
	int64_t size;
	bool torn;
};

// Of a record as it is without its own hash.
static void hash_line(const char *line, size_t length, char ret[HEX])
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256(hash, (const unsigned char *)line, length);
	sodium_bin2hex(ret, HEX, hash, sizeof hash);
}

// `,"hash":"<64 digits>"}`, which stands in the place of the closing brace.
static void make_tail(const char hash[HEX], char ret[TAIL + 1])
{
	snprintf(ret, TAIL + 1, ",\"hash\":\"%s\"}", hash);
}

// ---- reading ----

static const char *judge(char *line, size_t length, const struct web_audit_walk *w, char ret_hash[HEX])
{
	char tail[TAIL + 1];
	if (length <= TAIL || memchr(line, 0, length))
		return "is not a record";
	char first = line[length - TAIL];
	line[length - TAIL] = '}';
	hash_line(line, length - TAIL + 1, ret_hash);
	line[length - TAIL] = first;
	make_tail(ret_hash, tail);
	if (memcmp(line + length - TAIL, tail, TAIL) != 0)
		return "is not what was written";
	json_error_t error;
	json_t *record = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	const char *why = NULL;
	const char *prev = json_string_value(json_object_get(record, "prev"));
	if (!json_is_object(record))
		why = "is not a record";
	else if ((uint64_t)json_integer_value(json_object_get(record, "n")) != w->count + 1)
		why = "does not have the next number";
	else if (!prev || strcmp(prev, w->prev) != 0)
		why = "does not follow from the record before it";
	json_decref(record);
	return why;
}

int web_audit_walk_begin(struct web_audit_walk *w, const char *path)
{
	struct stat status;
	memset(w, 0, sizeof *w);
	memset(w->prev, '0', HEX - 1);
	w->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (w->fd < 0 || fstat(w->fd, &status) < 0) {
		int error = -errno;
		web_audit_walk_end(w);
		return error;
	}
	w->end = status.st_size;
	return 0;
}

void web_audit_walk_end(struct web_audit_walk *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static bool fill(struct web_audit_walk *w)
{
	size_t room = sizeof w->buffer - w->held;
	int64_t left = w->end - w->whole - (int64_t)w->held;
	ssize_t n =
	    left > 0 ? pread(w->fd, w->buffer + w->held, (int64_t)room < left ? room : (size_t)left, w->whole + (int64_t)w->held) : 0;
	if (n > 0)
		w->held += (size_t)n;
	return n > 0;
}

bool web_audit_walk_on(struct web_audit_walk *w, unsigned records)
{
	size_t at = 0;
	bool more = true;
	while (more && !w->why && records) {
		char *end = memchr(w->buffer + at, '\n', w->held - at), hash[HEX];
		if (!end) {
			memmove(w->buffer, w->buffer + at, w->held -= at);
			at = 0;
			if (w->held >= WEB_AUDIT_LINE)
				w->why = "is too long";
			else
				more = fill(w);
			continue;
		}
		size_t length = (size_t)(end - (w->buffer + at));
		w->why = length >= WEB_AUDIT_LINE ? "is too long" : judge(w->buffer + at, length, w, hash);
		if (w->why)
			break;
		memcpy(w->prev, hash, HEX);
		w->count++;
		w->whole += (int64_t)length + 1;
		at += length + 1;
		records--;
	}
	memmove(w->buffer, w->buffer + at, w->held -= at);
	return more && !w->why;
}

int web_audit_verify(const char *path, struct web_audit_report *ret)
{
	memset(ret, 0, sizeof *ret);
	struct web_audit_walk *w = malloc(sizeof *w);
	int error = w ? web_audit_walk_begin(w, path) : -ENOMEM;
	if (error) {
		free(w);
		return error;
	}
	while (web_audit_walk_on(w, UINT32_MAX))
		;
	web_audit_walk_end(w);
	ret->records = w->count;
	if (!w->why && w->end > w->whole)
		w->why = "is torn";
	if (w->why) {
		ret->first_bad = w->count + 1;
		snprintf(ret->why, sizeof ret->why, "%s", w->why);
	}
	free(w);
	return 0;
}

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

const char *web_audit_path(const struct web_audit *audit)
{
	return audit->path;
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
		return error;
	}
	audit->torn = false;
	audit->size += (int64_t)length;
	return 0;
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
	print_time(time, sizeof time);
	json_t *record = json_object();
	json_object_set_new(record, "n", json_integer((json_int_t)(audit->count + 1)));
	put(record, "time", time);
	put(record, "user", r->user);
	put(record, "peer", r->peer);
	put(record, "action", r->action);
	put(record, "result", r->result);
	put(record, "what", r->what);
	put(record, "prev", audit->prev);
	char *line = json_dumps(record, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(record);
	if (!line)
		return -ENOMEM;
	size_t length = strlen(line);
	char hash[HEX], whole[LINE_MAX_BYTES];
	hash_line(line, length, hash);
	int error = length + TAIL + 1 >= sizeof whole ? -EMSGSIZE : 0;
	if (!error) {
		memcpy(whole, line, length - 1);
		make_tail(hash, whole + length - 1);
		length += TAIL - 1;
		whole[length++] = '\n';
	}
	free(line);
	if (!error)
		error = append(audit, whole, length);
	if (error)
		return error;
	audit->count++;
	memcpy(audit->prev, hash, HEX);
	forward(audit, whole, length);
	return 0;
}

static int take_over(struct web_audit *audit)
{
	struct web_audit_walk *w = malloc(sizeof *w);
	int error = w ? web_audit_walk_begin(w, audit->path) : -ENOMEM;
	if (!error) {
		while (web_audit_walk_on(w, UINT32_MAX))
			;
		web_audit_walk_end(w);
		error = w->why ? -EBADMSG : 0;
	}
	if (error) {
		free(w);
		return error;
	}
	audit->count = w->count;
	memcpy(audit->prev, w->prev, HEX);
	audit->size = w->whole;
	int64_t whole = w->whole, torn = w->end - w->whole;
	free(w);
	if (!torn)
		return 0;
	if (ftruncate(audit->fd, whole) < 0)
		return -errno;
	char what[64];
	snprintf(what, sizeof what, "%lld bytes of a record that was not whole", (long long)torn);
	return web_audit_write(audit, &(struct web_audit_record){.action = "log", .result = "mended", .what = what});
}

struct web_audit *web_audit_open(const char *folder, const char *timezone)
{
	struct web_audit *audit = calloc(1, sizeof *audit);
	(void)timezone; // that of the process
	if (!audit)
		return NULL;
	snprintf(audit->path, sizeof audit->path, "%s/audit.jsonl", folder);
	audit->forward = -1;
	audit->fd = open(audit->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
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
	free(audit);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See audit.h. The chain begins with 64 zeros. A torn last line (power went while it was written) is no line: it is cut off at the next
// start, and the record that says so is the first one behind it. Everything before must be whole, or the log is not opened.
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEX = 2 * crypto_hash_sha256_BYTES + 1, TAIL = 9 + HEX - 1 + 2, LINE_MAX_BYTES = 16384, PATH_BYTES = 4096 };

struct web_audit {
	int fd;
	uint64_t count;
	char prev[HEX];
	char timezone[64];
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

struct walk {
	uint64_t count;
	char prev[HEX];
	long whole; // bytes up to the end of the last whole line
	const char *why;
};

static const char *judge(char *line, size_t length, const struct walk *w, char ret_hash[HEX])
{
	char tail[TAIL + 1];
	if (length <= TAIL)
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

// Until the end or the first record that does not fit. A line without its newline at the end is torn, not wrong.
static void walk_file(FILE *file, struct walk *w)
{
	static char line[LINE_MAX_BYTES + 1];
	memset(w, 0, sizeof *w);
	memset(w->prev, '0', HEX - 1);
	while (!w->why && fgets(line, sizeof line, file)) {
		size_t length = strlen(line);
		if (line[length - 1] != '\n') {
			if (length == LINE_MAX_BYTES || !feof(file))
				w->why = "is too long or holds a NUL";
			return;
		}
		char hash[HEX];
		w->why = judge(line, length - 1, w, hash);
		if (w->why)
			return;
		memcpy(w->prev, hash, HEX);
		w->count++;
		w->whole = ftell(file);
	}
}

int web_audit_verify(const char *path, struct web_audit_report *ret)
{
	memset(ret, 0, sizeof *ret);
	FILE *file = fopen(path, "re");
	if (!file)
		return -errno;
	struct walk w;
	walk_file(file, &w);
	fseek(file, 0, SEEK_END);
	long size = ftell(file);
	fclose(file);
	ret->records = w.count;
	if (!w.why && size > w.whole)
		w.why = "is torn";
	if (w.why) {
		ret->first_bad = w.count + 1;
		snprintf(ret->why, sizeof ret->why, "%s", w.why);
	}
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
	off_t before = lseek(audit->fd, 0, SEEK_END);
	if (!error)
		error = write_all(audit->fd, whole, length);
	if (!error && fdatasync(audit->fd) < 0)
		error = -errno;
	if (error) {
		if (before >= 0 && ftruncate(audit->fd, before) < 0)
			return -EIO; // a torn line is left, which the next start cuts off
		return error;
	}
	audit->count++;
	memcpy(audit->prev, hash, HEX);
	return 0;
}

static int take_over(struct web_audit *audit, const char *path)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return -errno;
	struct walk w;
	walk_file(file, &w);
	fclose(file);
	if (w.why)
		return -EBADMSG;
	audit->count = w.count;
	memcpy(audit->prev, w.prev, HEX);
	off_t size = lseek(audit->fd, 0, SEEK_END);
	if (size == w.whole)
		return 0;
	if (ftruncate(audit->fd, w.whole) < 0)
		return -errno;
	char what[64];
	snprintf(what, sizeof what, "%lld bytes of a record that was not whole", (long long)(size - w.whole));
	return web_audit_write(audit, &(struct web_audit_record){.action = "log", .result = "mended", .what = what});
}

struct web_audit *web_audit_open(const char *folder, const char *timezone)
{
	struct web_audit *audit = calloc(1, sizeof *audit);
	char path[PATH_BYTES];
	if (!audit)
		return NULL;
	snprintf(path, sizeof path, "%s/audit.jsonl", folder);
	snprintf(audit->timezone, sizeof audit->timezone, "%s", timezone);
	audit->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error = audit->fd < 0 ? -errno : take_over(audit, path);
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

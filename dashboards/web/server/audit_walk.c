// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Reading the audit log from its beginning, file by file, and which files there are. See audit_parts.h.
#include "audit_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEX = WEB_AUDIT_HEX, TAIL = WEB_AUDIT_TAIL };

_Static_assert(HEX == 2 * crypto_hash_sha256_BYTES + 1, "a hash has its room");

void web_audit_hash(const char *line, size_t length, char ret[WEB_AUDIT_HEX])
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256(hash, (const unsigned char *)line, length);
	sodium_bin2hex(ret, HEX, hash, sizeof hash);
}

void web_audit_tail(const char hash[WEB_AUDIT_HEX], char ret[WEB_AUDIT_TAIL + 1])
{
	snprintf(ret, TAIL + 1, ",\"hash\":\"%s\"}", hash);
}

// ---- a record ----

// Whether its hash is that of its bytes; then its fields.
static const char *read_record(char *line, size_t length, char ret_hash[HEX], json_t **ret_record)
{
	char tail[TAIL + 1];
	*ret_record = NULL;
	if (length <= TAIL || memchr(line, 0, length))
		return "is not a record";
	char first = line[length - TAIL];
	line[length - TAIL] = '}';
	web_audit_hash(line, length - TAIL + 1, ret_hash);
	line[length - TAIL] = first;
	web_audit_tail(ret_hash, tail);
	if (memcmp(line + length - TAIL, tail, TAIL) != 0)
		return "is not what was written";
	json_error_t error;
	*ret_record = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	return json_is_object(*ret_record) ? NULL : "is not a record";
}

static uint64_t number_of(const json_t *record, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(record, key));
	return number > 0 ? (uint64_t)number : 0;
}

// The first record of a file says of which: so what was cut off a file's front is told apart from files before it that are kept elsewhere.
static const char *judge(char *line, size_t length, struct web_audit_walk *w, char ret_hash[HEX])
{
	json_t *record;
	const char *why = read_record(line, length, ret_hash, &record);
	const char *prev = json_string_value(json_object_get(record, "prev"));
	uint64_t n = number_of(record, "n"), file = number_of(record, "file");
	bool begins = !w->begins && n > 1 && file > 1;
	if (!why && !begins && n != w->count + 1)
		why = "does not have the next number";
	else if (!why && (!prev || strlen(prev) != HEX - 1 || (!begins && strcmp(prev, w->prev) != 0)))
		why = "does not follow from the record before it";
	else if (!why && !begins && (file ? file != w->file + 1 : w->first && w->begins))
		why = "does not follow from the record before it";
	json_decref(record);
	if (why)
		return why;
	if (!w->begins)
		w->begins = n;
	if (file || !w->file)
		w->file = file ? file : 1;
	w->count = n;
	w->first = false;
	return NULL;
}

// ---- a walk ----

void web_audit_walk_begin(struct web_audit_walk *w)
{
	memset(w, 0, sizeof *w);
	memset(w->prev, '0', HEX - 1);
	w->fd = -1;
}

int web_audit_walk_file(struct web_audit_walk *w, int fd)
{
	struct stat status;
	web_audit_walk_end(w);
	w->fd = fd;
	w->first = true;
	w->whole = 0;
	w->held = 0;
	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
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
	while (more && !w->why && records && (!w->until || w->count < w->until)) {
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
		w->whole += (int64_t)length + 1;
		at += length + 1;
		records--;
	}
	memmove(w->buffer, w->buffer + at, w->held -= at);
	return more && !w->why && (!w->until || w->count < w->until);
}

int web_audit_walk_last(struct web_audit_walk *w, int fd, uint64_t file)
{
	int error = web_audit_walk_file(w, fd);
	if (error)
		return error;
	size_t size = w->end < (int64_t)sizeof w->buffer ? (size_t)w->end : sizeof w->buffer;
	if (pread(fd, w->buffer, size, w->end - (int64_t)size) != (ssize_t)size)
		return -EIO;
	char *newline = size > 1 && w->buffer[size - 1] == '\n' ? memrchr(w->buffer, '\n', size - 1) : NULL;
	char *line = newline ? newline + 1 : w->buffer, hash[HEX];
	json_t *record = NULL;
	bool good = size > 1 && w->buffer[size - 1] == '\n' && (newline || (int64_t)size == w->end);
	const char *why = good ? read_record(line, size - 1 - (size_t)(line - w->buffer), hash, &record) : "is torn";
	w->count = w->begins = number_of(record, "n");
	json_decref(record);
	w->file = file;
	if (why || !w->count)
		return -EBADMSG;
	memcpy(w->prev, hash, HEX);
	return 0;
}

// ---- files ----

void web_audit_file_name(uint64_t number, char ret[WEB_AUDIT_NAME])
{
	snprintf(ret, WEB_AUDIT_NAME, "audit-%05" PRIu64 ".jsonl", number);
}

// Of "audit-00012.jsonl"; 0: it is no file of the log.
static uint64_t number_of_name(const char *name)
{
	char same[WEB_AUDIT_NAME];
	uint64_t number = strncmp(name, "audit-", 6) == 0 ? strtoull(name + 6, NULL, 10) : 0;
	web_audit_file_name(number, same);
	return number < UINT32_MAX && strcmp(name, same) == 0 ? number : 0;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = ((const struct web_audit_file *)a)->number, y = ((const struct web_audit_file *)b)->number;
	return x < y ? -1 : x > y;
}

void web_audit_files_add(struct web_audit_files *files, struct web_audit_file file)
{
	if (files->count == WEB_AUDIT_FILES) {
		memmove(files->at, files->at + 1, (WEB_AUDIT_FILES - 1) * sizeof *files->at);
		files->count--;
		files->left_out++;
	}
	files->at[files->count++] = file;
}

// What its first record says of itself: the file's number and the record's. Nothing where it has none.
static struct web_audit_file first_of(int fd)
{
	static char line[WEB_AUDIT_LINE];
	ssize_t size = fd < 0 ? -1 : pread(fd, line, sizeof line, 0);
	char *end = size > 0 ? memchr(line, '\n', (size_t)size) : NULL;
	json_t *record = end ? json_loadb(line, (size_t)(end - line), 0, NULL) : NULL;
	struct web_audit_file first = {number_of(record, "file"), number_of(record, "n")};
	if (first.first && !first.number)
		first.number = 1;
	json_decref(record);
	return first;
}

int web_audit_files_read(int folder, struct web_audit_files *ret, struct web_audit_file *ret_newest)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = copy < 0 ? NULL : fdopendir(copy);
	memset(ret, 0, sizeof *ret);
	struct web_audit_file *all = NULL;
	size_t count = 0, room = 0;
	for (struct dirent *entry; names && (entry = readdir(names));) {
		uint64_t number = number_of_name(entry->d_name);
		if (number && count == room) {
			struct web_audit_file *more = realloc(all, (room = room ? 2 * room : 64) * sizeof *all);
			if (!more)
				break;
			all = more;
		}
		if (number)
			all[count++] = (struct web_audit_file){.number = number};
	}
	if (!names && copy >= 0)
		close(copy);
	if (names)
		closedir(names);
	ret->at = names ? calloc(WEB_AUDIT_FILES, sizeof *ret->at) : NULL;
	if (!ret->at) {
		free(all);
		return names ? -ENOMEM : -errno;
	}
	int fd = openat(folder, WEB_AUDIT_NEWEST, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	*ret_newest = first_of(fd);
	if (fd >= 0)
		close(fd);
	if (count)
		qsort(all, count, sizeof *all, by_number);
	for (size_t i = 0; i < count; i++) {
		char name[WEB_AUDIT_NAME];
		if (ret_newest->number && all[i].number >= ret_newest->number)
			break; // somebody's copy: the newest is audit.jsonl
		web_audit_file_name(all[i].number, name);
		fd = i + WEB_AUDIT_FILES < count ? -1 : openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		web_audit_files_add(ret, (struct web_audit_file){all[i].number, first_of(fd).first});
		if (fd >= 0)
			close(fd);
	}
	free(all);
	return 0;
}

void web_audit_files_finish(struct web_audit_files *files)
{
	free(files->at);
	files->at = NULL;
	files->count = 0;
}

// ---- all of it ----

static void walk_on(struct web_audit_walk *w, int fd, struct web_audit_report *ret)
{
	ret->files++;
	if (w->fd >= 0 && !w->why && w->end > w->whole)
		w->why = "is torn"; // of the file before
	if (w->why || web_audit_walk_file(w, fd) < 0) {
		if (!w->why && fd < 0)
			w->why = "cannot be read";
		else if (w->fd != fd && fd >= 0)
			close(fd);
		return;
	}
	while (web_audit_walk_on(w, UINT32_MAX))
		;
}

static int walk_folder(int folder, struct web_audit_walk *w, struct web_audit_report *ret)
{
	struct web_audit_files files;
	struct web_audit_file newest;
	// opened first, and asked for its number last: where the log is written meanwhile, this one may be among the others by then
	int fd = openat(folder, WEB_AUDIT_NEWEST, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), missing = fd < 0 ? errno : 0;
	int error = web_audit_files_read(folder, &files, &newest);
	newest = first_of(fd);
	for (uint32_t i = 0; !error && i < files.count && (!newest.number || files.at[i].number < newest.number); i++) {
		char name[WEB_AUDIT_NAME];
		web_audit_file_name(files.at[i].number, name);
		walk_on(w, openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), ret);
	}
	if (!error && missing && (missing != ENOENT || !files.count))
		error = -missing;
	if (!error && fd >= 0)
		walk_on(w, fd, ret);
	else if (fd >= 0)
		close(fd);
	if (files.at)
		web_audit_files_finish(&files);
	return error;
}

int web_audit_verify(const char *path, struct web_audit_report *ret)
{
	struct stat status;
	memset(ret, 0, sizeof *ret);
	struct web_audit_walk *w = malloc(sizeof *w);
	int fd = w ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	int error = !w ? -ENOMEM : fd < 0 || fstat(fd, &status) < 0 ? -errno : 0;
	if (error) {
		free(w);
		return error;
	}
	web_audit_walk_begin(w);
	if (S_ISDIR(status.st_mode)) {
		error = walk_folder(fd, w, ret);
		close(fd);
	} else {
		walk_on(w, fd, ret);
	}
	web_audit_walk_end(w);
	ret->begins = w->begins ? w->begins : 1;
	ret->records = w->begins ? w->count - w->begins + 1 : 0;
	if (!w->why && w->end > w->whole)
		w->why = "is torn";
	if (w->why) {
		ret->first_bad = w->count + 1;
		snprintf(ret->why, sizeof ret->why, "%s", w->why);
	}
	free(w);
	return error;
}

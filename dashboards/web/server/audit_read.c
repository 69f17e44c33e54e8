// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Routes of the audit log: reading it from its end, and walking the whole chain. Both in slices on the loop (SLICE_MS), so that nobody
// waits for an auditor. A search reads the whole file, for its total is exact; what asks for nothing reads one page, for its total is
// known.
//
// Files only grow, and one that is full keeps its number, so a cursor is a place: a file's number and the end of the next record to be
// shown. A file that is put away while it is read ends the reading, as if it had been gone before.
//
// Bounded: WEB_AUDIT_READS at once, the next is told to come back. A search whose client hangs up ends; a verification goes on, for its
// record.
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_parts.h"
#include "http.h"
#include "range.h"
#include "server.h"

enum {
	SLICE_MS = 5,
	SLICE_RECORDS = 100,
	TERMS = 16,
	TERM_BYTES = 256,
	QUERY_BYTES = 1024,
	BLOCK = 65536,
	LIMIT_DEFAULT = 100,
	LIMIT_MAX = 500
};

static unsigned reads;       // that are on
static uint64_t reads_full; // refused for that

// ---- what is looked for ----

static const char *const fields[] = {"user", "action", "result", "peer", "what"};
enum { FIELDS = 5, FIELD_WHAT = 4, FIELD_ANY = FIELDS };

struct term {
	unsigned field;
	bool negate, prefix;
	char text[TERM_BYTES]; // small letters
};

struct search {
	struct term terms[TERMS];
	unsigned count;
	bool ranged;
	struct web_range range;
};

// Full-width letters, signs and blanks as half-width ones, capitals as small. `ret_from`: where each byte stood; may be NULL.
static size_t fold(const char *from, size_t length, char *to, size_t room, uint16_t *ret_from)
{
	size_t n = 0;
	for (size_t i = 0; i < length && n + 1 < room; i++) {
		const unsigned char *p = (const unsigned char *)from + i;
		unsigned wide = length - i > 2 && (p[0] & 0xf0) == 0xe0 ? (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu) : 0;
		unsigned char c = wide >= 0xff01 && wide <= 0xff5e ? (unsigned char)(wide - 0xfee0) : wide == 0x3000 ? ' ' : *p;
		if (ret_from)
			ret_from[n] = (uint16_t)i;
		i += c != *p ? 2 : 0;
		to[n++] = (char)(c < 0x80 ? tolower(c) : c);
	}
	to[n] = 0;
	return n;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

// One term from `p`, folded; where it ends, or NULL: its quotes do not, or it is too long.
static const char *read_term(const char *p, struct term *term)
{
	size_t n = 0;
	bool quoted = false, any_quote = false;
	term->field = FIELD_ANY;
	term->negate = *p == '-' && p[1];
	p += term->negate;
	for (; *p && (quoted || !is_blank(*p)); p++) {
		if (*p == '"') {
			quoted = !quoted;
			any_quote = true;
			continue;
		}
		unsigned field = FIELDS;
		for (unsigned i = 0; *p == ':' && !any_quote && term->field == FIELD_ANY && i < FIELDS; i++)
			if (n == strlen(fields[i]) && memcmp(term->text, fields[i], n) == 0)
				field = i;
		if (field < FIELDS) {
			term->field = field;
			n = 0;
			continue;
		}
		if (n + 1 >= sizeof term->text)
			return NULL;
		term->text[n++] = *p;
	}
	term->text[n] = 0;
	term->prefix = n > 1 && !any_quote && term->text[n - 1] == '*';
	if (term->prefix)
		term->text[n - 1] = 0;
	return quoted ? NULL : p;
}

// NULL, or the code of what is wrong, and where in what was typed.
static const char *parse_search(const char *text, struct search *ret, size_t *ret_at)
{
	char folded[QUERY_BYTES + 1];
	uint16_t from[QUERY_BYTES + 1];
	*ret_at = QUERY_BYTES;
	if (strlen(text) > QUERY_BYTES)
		return "bad_query";
	fold(text, strlen(text), folded, sizeof folded, from);
	for (const char *p = folded; *p;) {
		if (is_blank(*p)) {
			p++;
			continue;
		}
		*ret_at = from[p - folded];
		if (ret->count == TERMS || !(p = read_term(p, &ret->terms[ret->count])))
			return "bad_query";
		ret->count += ret->terms[ret->count].text[0] != 0;
	}
	return NULL;
}

static bool fits_value(const struct term *term, const char *value, bool whole)
{
	char folded[WEB_AUDIT_LINE];
	if (!value)
		return false;
	fold(value, strlen(value), folded, sizeof folded, NULL);
	if (!whole)
		return strstr(folded, term->text) != NULL;
	return term->prefix ? strncmp(folded, term->text, strlen(term->text)) == 0 : strcmp(folded, term->text) == 0;
}

static int64_t time_of(const json_t *record)
{
	const char *text = json_string_value(json_object_get(record, "time"));
	int64_t ns = 0;
	return text && web_time_parse(text, &ns) ? ns : 0;
}

static bool finds(const struct search *search, const json_t *record)
{
	int64_t ns = time_of(record);
	if (search->ranged && (ns < search->range.from_ns || ns > search->range.to_ns))
		return false;
	for (unsigned i = 0; i < search->count; i++) {
		const struct term *term = &search->terms[i];
		bool found = false;
		for (unsigned k = 0; k < FIELDS; k++)
			if (term->field == FIELD_ANY || term->field == k)
				found = found ||
				        fits_value(term, json_string_value(json_object_get(record, fields[k])), term->field < FIELD_WHAT);
		if (found == term->negate)
			return false;
	}
	return true;
}

// ---- reading backwards ----

struct place {
	uint64_t file;
	int64_t ends; // of a record
};

struct page {
	struct web_request *request; // NULL: gone
	struct web_server *server;
	struct search search;
	int fd;              // -1: none
	uint64_t file, oldest; // that is read; that there is
	uint64_t begins;     // number of the first record that there is
	int64_t start;       // of the bytes held, in the file; what is before has not been read
	size_t held;         // bytes in `buffer`, all of records not looked at yet
	struct place before; // records that end behind it were shown on pages before
	struct place next;   // where the next page goes on; file 0: there is none
	unsigned limit;
	uint64_t total;
	json_t *rows;
	char buffer[BLOCK + 2 * WEB_AUDIT_LINE];
};

static void page_free(struct page *page)
{
	json_decref(page->rows);
	if (page->fd >= 0)
		close(page->fd);
	free(page);
	reads--;
}

// The client has hung up: the slice that is due next is the last.
static void page_gone(void *context)
{
	struct page *page = context;
	page->request = NULL;
}

static void page_end(struct page *page, const char *code)
{
	char cursor[48];
	snprintf(cursor, sizeof cursor, "%llu.%lld", (unsigned long long)page->next.file, (long long)page->next.ends);
	bool whole = !page->search.count && !page->search.ranged;
	if (code)
		web_answer_problem(page->request, 503, code);
	else
		web_answer(page->request, 200,
		           json_pack("{s:O, s:I, s:o}", "rows", page->rows, "total",
		                     (json_int_t)(whole ? web_audit_count(page->server->audit) + 1 - page->begins : page->total), "cursor",
		                     page->next.file ? json_string(cursor) : json_null()),
		           0);
	page_free(page);
}

static json_t *row_json(const json_t *record)
{
	json_t *row = json_object();
	static const char *const kept[] = {"n", "time", "user", "peer", "action", "result", "what", "hash"};
	for (unsigned i = 0; i < sizeof kept / sizeof *kept; i++) {
		json_t *value = json_object_get(record, kept[i]);
		json_object_set_new(row, kept[i], value ? json_incref(value) : i == 5 ? json_string("") : json_null());
	}
	json_object_set_new(row, "time_ms", json_integer(time_of(record) / 1000000));
	return row;
}

// One record of the file, the newest that has not been looked at; false: no more is needed.
static bool look_at(struct page *page, const char *line, size_t length, int64_t ends)
{
	bool whole = !page->search.count && !page->search.ranged, room = json_array_size(page->rows) < page->limit;
	bool shown = page->file > page->before.file || (page->file == page->before.file && ends > page->before.ends);
	if (whole && shown)
		return true;
	json_t *record = json_loadb(line, length, 0, NULL);
	if (json_is_object(record) && (whole || finds(&page->search, record))) {
		page->total++;
		if (!shown && room)
			json_array_append_new(page->rows, row_json(record));
		else if (!shown && !page->next.file)
			page->next = (struct place){page->file, ends};
	}
	json_decref(record);
	return !(whole && page->next.file);
}

// What stands before what is held; false: nothing, or it cannot be read.
static bool fill(struct page *page)
{
	size_t room = sizeof page->buffer - page->held, size = page->start < BLOCK ? (size_t)page->start : BLOCK;
	if (!size || size > room)
		return false;
	memmove(page->buffer + size, page->buffer, page->held);
	ssize_t n = pread(page->fd, page->buffer, size, page->start - (int64_t)size);
	if (n != (ssize_t)size)
		return false;
	page->start -= (int64_t)size;
	page->held += size;
	return true;
}

// The next file to be read, from its end; false: there is none.
static bool open_file(struct page *page, uint64_t number)
{
	struct stat status;
	if (page->fd >= 0)
		close(page->fd);
	page->file = number;
	page->fd = number >= page->oldest && number ? web_audit_open_file(page->server->audit, number) : -1;
	if (page->fd < 0 || fstat(page->fd, &status) < 0)
		return false;
	bool whole = !page->search.count && !page->search.ranged;
	bool there = whole && number == page->before.file && page->before.ends < status.st_size;
	page->start = there ? page->before.ends : status.st_size;
	page->held = 0;
	return true;
}

static void page_on(void *context)
{
	struct page *page = context;
	int64_t until = web_now_ms() + SLICE_MS;
	bool needed = true;
	if (!page->request) {
		page_free(page);
		return;
	}
	for (unsigned i = 0; needed && (i % SLICE_RECORDS || web_now_ms() < until); i++) {
		if (page->held == 0 && page->start == 0) {
			needed = open_file(page, page->file - 1);
			continue;
		}
		// held ends with the newline of the record to be looked at
		const char *newline = page->held > 1 ? memrchr(page->buffer, '\n', page->held - 1) : NULL;
		if (!newline && page->start > 0) {
			if (!fill(page)) {
				page_end(page, "error");
				return;
			}
			continue;
		}
		size_t from = newline ? (size_t)(newline - page->buffer) + 1 : 0;
		needed = look_at(page, page->buffer + from, page->held - from - 1, page->start + (int64_t)page->held);
		page->held = from;
	}
	if (needed)
		web_loop_post(page->server->loop, page_on, page);
	else
		page_end(page, NULL);
}

static bool read_place(const char *text, struct place *ret)
{
	char *end;
	size_t n = strspn(text, "0123456789");
	if (!n || n > 10 || text[n] != '.' || strspn(text + n + 1, "0123456789") != strlen(text + n + 1))
		return false;
	ret->file = strtoull(text, NULL, 10);
	errno = 0;
	ret->ends = strtoll(text + n + 1, &end, 10);
	return ret->file && ret->ends > 0 && !errno;
}

// 0, or a code of messages.c with its status; of a bad search where it is bad.
static const char *read_page(struct web_request *request, struct page *page, size_t *ret_at)
{
	const char *text = web_request_query(request, "q"), *range = web_request_query(request, "range");
	const char *cursor = web_request_query(request, "cursor"), *limit = web_request_query(request, "limit");
	char *end = NULL;
	*ret_at = SIZE_MAX;
	page->limit = limit ? (unsigned)strtoul(limit, &end, 10) : LIMIT_DEFAULT;
	if (limit && (!*limit || *end || page->limit < 1 || page->limit > LIMIT_MAX))
		return "bad_parameter";
	if (range && *range && !web_range_parse(range, web_clock_ns(), &page->search.range))
		return "bad_range";
	page->search.ranged = range && *range;
	page->before = (struct place){UINT64_MAX, INT64_MAX};
	if (cursor && !read_place(cursor, &page->before))
		return "bad_cursor";
	size_t at = 0;
	const char *why = text ? parse_search(text, &page->search, &at) : NULL;
	if (why)
		*ret_at = at;
	return why;
}

void web_op_audit(struct web_request *request, struct web_server *server)
{
	struct page *page = reads < WEB_AUDIT_READS ? calloc(1, sizeof *page) : NULL;
	size_t at;
	if (!page) {
		reads_full++;
		web_answer_retry(request, 1);
		web_answer_problem(request, 503, "busy");
		return;
	}
	const char *why = read_page(request, page, &at);
	if (why) {
		json_t *problem = web_problem(422, why);
		if (at != SIZE_MAX)
			json_object_set_new(problem, "at", json_integer((json_int_t)at));
		free(page);
		web_answer(request, 422, problem, 0);
		return;
	}
	page->request = request;
	page->server = server;
	page->rows = json_array();
	struct web_audit_file oldest = web_audit_oldest(server->audit);
	uint64_t newest = web_audit_newest(server->audit);
	page->fd = -1;
	page->oldest = oldest.number;
	page->begins = oldest.first ? oldest.first : 1;
	reads++;
	web_answer_later(request);
	web_request_on_gone(request, page_gone, page);
	bool whole = !page->search.count && !page->search.ranged;
	if (whole && page->before.file < page->oldest) {
		page_end(page, NULL); // what it was to go on with has been put away
		return;
	}
	if (open_file(page, whole && page->before.file < newest ? page->before.file : newest))
		page_on(page);
	else
		page_end(page, "error");
}

// ---- the whole chain ----

struct verify {
	struct web_request *request;
	struct web_server *server;
	char head[WEB_AUDIT_HEX]; // of the last record that had been written when it began: walk.until
	uint64_t file;
	unsigned files;
	struct web_audit_walk walk;
};

// What was found, as the page has it in its languages; the command line prints the words themselves.
static const char *code_of(const char *why)
{
	static const struct {
		const char *why, *code;
	} codes[] = {{"is not a record", "not_record"},
		     {"is not what was written", "changed"},
		     {"does not have the next number", "number"},
		     {"does not follow from the record before it", "chain"},
		     {"is too long", "not_record"},
		     {"is torn", "torn"}};
	for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(codes[i].why, why) == 0)
			return codes[i].code;
	return "cut";
}

static void verify_end(struct verify *v)
{
	struct web_audit_walk *w = &v->walk;
	if (!w->why && w->count < w->until && w->whole < w->end)
		w->why = "is torn";
	else if (!w->why && (w->count != w->until || strcmp(w->prev, v->head) != 0))
		w->why = "is missing: the log ends before what was written";
	uint64_t records = w->begins ? w->count - w->begins + 1 : 0;
	web_request_audit(v->request, "%llu records, %s", (unsigned long long)records, w->why ? w->why : "whole");
	json_t *verdict =
	    json_pack("{s:I, s:b, s:I, s:I, s:I}", "records", (json_int_t)records, "whole", (int)!w->why, "begins",
	              (json_int_t)(w->begins ? w->begins : 1), "files", (json_int_t)v->files, "checked_ms",
	              (json_int_t)(web_clock_ns() / 1000000));
	json_object_set_new(verdict, "first_bad", w->why ? json_integer((json_int_t)w->count + 1) : json_null());
	json_object_set_new(verdict, "why", w->why ? json_string(code_of(w->why)) : json_null());
	web_answer(v->request, 200, verdict, 0);
	web_audit_walk_end(w);
	free(v);
	reads--;
}

// The file that follows; false: there is none, or the one before was not whole.
static bool verify_next(struct verify *v)
{
	struct web_audit_walk *w = &v->walk;
	uint64_t newest = web_audit_newest(v->server->audit);
	if (w->why || w->count == w->until || (w->fd >= 0 && w->whole < w->end))
		return false;
	while (v->file < newest) {
		int fd = web_audit_open_file(v->server->audit, ++v->file);
		if (fd < 0 && errno == ENOENT)
			continue; // the numbers of the next one's records will say so
		if (web_audit_walk_file(w, fd) < 0)
			w->why = "is not a record";
		v->files++;
		return !w->why;
	}
	return false;
}

static void verify_on(void *context)
{
	struct verify *v = context;
	int64_t until = web_now_ms() + SLICE_MS;
	bool more = true;
	while (more && web_now_ms() < until)
		more = web_audit_walk_on(&v->walk, SLICE_RECORDS) || verify_next(v);
	if (more)
		web_loop_post(v->server->loop, verify_on, v);
	else
		verify_end(v);
}

void web_op_audit_verify(struct web_request *request, struct web_server *server)
{
	struct verify *v = reads < WEB_AUDIT_READS ? calloc(1, sizeof *v) : NULL;
	if (!v) {
		reads_full++;
		web_answer_retry(request, 1);
		web_answer_problem(request, 503, "busy");
		return;
	}
	reads++;
	v->request = request;
	v->server = server;
	v->file = web_audit_oldest(server->audit).number - 1;
	web_audit_walk_begin(&v->walk);
	v->walk.until = web_audit_count(server->audit);
	memcpy(v->head, web_audit_head(server->audit), sizeof v->head);
	web_answer_later(request);
	if (v->walk.until && verify_next(v))
		verify_on(v);
	else
		verify_end(v);
}

uint64_t web_audit_reads_full(void)
{
	return reads_full;
}

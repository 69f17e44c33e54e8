// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The HTTP/1 head reader: request or status line, Host, User-Agent, X-Forwarded-For. RFC 9112.
//
// It is as lenient as the most lenient server, because what a server would act on must be seen: bare LF ends a line
// (2.2), a folded line continues its field (5.2), blanks before the colon are dropped, empty lines before a request are
// passed over. What comes twice keeps its first value. The first line alone decides whether this is HTTP/1; RTSP, SIP,
// HTTP/2 and all text protocols fall there. While a head is not whole, *ret_http already holds what its lines so far
// say.
#include "dissector/readers.h"

#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "dissector/read_text.h"

enum {
	HEAD_MAX = 8192,
	METHOD_MAX = 32, // a longer first word is no method
	BLANK_MAX = 16,  // bytes of empty lines before the first line
	VERSION_LEN = 8, // "HTTP/1.1"
};

struct line {
	const uint8_t *p;
	size_t len; // without its end
};

// A field's value while its folded lines are joined.
struct field {
	struct yg_text text;
	enum yg_text_class class;
	bool open; // the last line was one of this field's
	bool seen;
};

enum { HOST, USER_AGENT, FORWARDED_FOR, FIELDS };

static const char *const field_names[FIELDS] = {"host", "user-agent", "x-forwarded-for"};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct line trim(struct line line)
{
	while (line.len && is_blank(line.p[0])) {
		line.p++;
		line.len--;
	}
	while (line.len && is_blank(line.p[line.len - 1]))
		line.len--;
	return line;
}

// The next line; false when its end has not come yet. CR LF or LF ends it; a CR elsewhere is content.
static bool next_line(struct yg_reader *r, struct line *ret_line)
{
	const uint8_t *end = yg_left(r) ? memchr(r->p, '\n', yg_left(r)) : NULL;
	if (!end)
		return false;
	size_t len = (size_t)(end - r->p);
	*ret_line = (struct line){r->p, len && r->p[len - 1] == '\r' ? len - 1 : len};
	yg_skip(r, len + 1);
	return true;
}

// RFC 9110 5.6.2
static bool is_token(uint8_t c)
{
	return c > 0x20 && c < 0x7f && !memchr("\"(),/:;<=>?@[\\]{}", c, 17);
}

static bool is_version(const uint8_t *p)
{
	return memcmp(p, "HTTP/1.", VERSION_LEN - 1) == 0 && p[VERSION_LEN - 1] >= '0' && p[VERSION_LEN - 1] <= '9';
}

// "HTTP/1.1 200 OK"; the reason may be missing, blank included.
static enum yg_read read_status_line(struct line line, struct yg_http *http)
{
	if (line.len < VERSION_LEN + 4 || !is_version(line.p) || line.p[VERSION_LEN] != ' ')
		return YG_READ_NO;
	const uint8_t *code = line.p + VERSION_LEN + 1;
	for (int i = 0; i < 3; i++)
		if (code[i] < '0' || code[i] > '9')
			return YG_READ_NO;
	if (line.len > VERSION_LEN + 4 && !is_blank(code[3]))
		return YG_READ_NO;
	http->response = 1;
	http->status = (uint16_t)((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
	return YG_READ_OK;
}

// "GET /path HTTP/1.1". The version is looked for at the end: a target with blanks in it is served by many.
static enum yg_read read_request_line(struct line line, struct yg_http *http)
{
	while (line.len && is_blank(line.p[line.len - 1]))
		line.len--;
	size_t method = 0;
	while (method < line.len && method < METHOD_MAX && is_token(line.p[method]))
		method++;
	if (method == 0 || method == line.len || !is_blank(line.p[method]))
		return YG_READ_NO;
	if (line.len < method + 1 + VERSION_LEN || !is_version(line.p + line.len - VERSION_LEN) ||
	    !is_blank(line.p[line.len - VERSION_LEN - 1]))
		return YG_READ_NO;
	yg_text_set(http->method, sizeof http->method, line.p, method, YG_TEXT_PRINTABLE);
	struct line target = trim((struct line){line.p + method, line.len - method - VERSION_LEN});
	yg_text_set(http->target, sizeof http->target, target.p, target.len, YG_TEXT_PRINTABLE);
	return YG_READ_OK;
}

// Whether a first line that has not ended may still become one.
static enum yg_read judge_beginning(const uint8_t *p, size_t len)
{
	size_t n = len < VERSION_LEN - 1 ? len : VERSION_LEN - 1;
	if (memcmp(p, "HTTP/1.", n) == 0)
		return YG_READ_MORE;
	size_t method = 0;
	while (method < len && is_token(p[method]))
		method++;
	if (method > METHOD_MAX || (method < len && (method == 0 || !is_blank(p[method]))))
		return YG_READ_NO;
	return YG_READ_MORE;
}

static int field_of(struct line name)
{
	for (int i = 0; i < FIELDS; i++)
		if (strlen(field_names[i]) == name.len &&
		    strncasecmp(field_names[i], (const char *)name.p, name.len) == 0)
			return i;
	return -1;
}

static void read_field_line(struct line line, struct field *fields)
{
	bool folded = is_blank(line.p[0]);
	if (folded) {
		struct line more = trim(line);
		for (int i = 0; i < FIELDS; i++)
			if (fields[i].open && more.len) {
				if (fields[i].text.length)
					yg_text_add_char(&fields[i].text, ' ');
				yg_text_add(&fields[i].text, more.p, more.len, fields[i].class);
			}
		return;
	}
	for (int i = 0; i < FIELDS; i++)
		fields[i].open = false;
	const uint8_t *colon = memchr(line.p, ':', line.len);
	if (!colon)
		return;
	size_t name_len = (size_t)(colon - line.p);
	int i = field_of(trim((struct line){line.p, name_len}));
	if (i < 0 || fields[i].seen)
		return;
	struct line value = trim((struct line){colon + 1, line.len - name_len - 1});
	yg_text_add(&fields[i].text, value.p, value.len, fields[i].class);
	fields[i].open = fields[i].seen = true;
}

// Without a Host field the authority of the target is the host: "GET http://host/", "CONNECT host:443" (RFC 9112 3.2).
static void host_from_target(struct yg_http *http)
{
	const char *p = strstr(http->target, "://");
	if (p && p - http->target < 8)
		p += 3;
	else if (strcmp(http->method, "CONNECT") == 0)
		p = http->target;
	else
		return;
	yg_text_set(http->host, sizeof http->host, (const uint8_t *)p, strcspn(p, "/?#"), YG_TEXT_LOWER);
}

static void skip_blank_lines(struct yg_reader *r)
{
	while (yg_left(r) && (*r->p == '\r' || *r->p == '\n'))
		yg_skip(r, 1);
}

// A first line that fills 8 KiB: a method and the start of a path are proof enough, and worth reporting.
static enum yg_read read_endless_line(const uint8_t *p, size_t len, struct yg_http *http)
{
	size_t method = 0;
	while (method < METHOD_MAX && is_token(p[method]))
		method++;
	if (method == 0 || p[method] != ' ' || p[method + 1] != '/')
		return YG_READ_NO;
	yg_text_set(http->method, sizeof http->method, p, method, YG_TEXT_PRINTABLE);
	yg_text_set(http->target, sizeof http->target, p + method + 1, len - method - 1, YG_TEXT_PRINTABLE);
	return YG_READ_BROKEN;
}

// Reads fields up to the empty line; true when it was there.
static bool read_fields(struct yg_reader *r, struct yg_http *http)
{
	struct field fields[FIELDS] = {[HOST].class = YG_TEXT_LOWER,
	                               [USER_AGENT].class = YG_TEXT_PRINTABLE,
	                               [FORWARDED_FOR].class = YG_TEXT_PRINTABLE};
	yg_text_init(&fields[HOST].text, http->host, sizeof http->host);
	yg_text_init(&fields[USER_AGENT].text, http->user_agent, sizeof http->user_agent);
	yg_text_init(&fields[FORWARDED_FOR].text, http->forwarded_for, sizeof http->forwarded_for);
	struct line line;
	bool whole = false;
	while (!whole && next_line(r, &line)) {
		whole = line.len == 0;
		if (!whole)
			read_field_line(line, fields);
	}
	if (!fields[HOST].seen && !http->response)
		host_from_target(http);
	return whole;
}

static enum yg_read more(const struct yg_http *http, size_t len, struct yg_http *ret_http, size_t *ret_need)
{
	*ret_http = *http;
	*ret_need = len + 1;
	return YG_READ_MORE;
}

enum yg_read yg_read_http(const uint8_t *data, size_t len, struct yg_http *ret_http, size_t *ret_need, size_t *ret_used)
{
	bool at_limit = len >= HEAD_MAX;
	struct yg_http http = {0};
	if (len == 0)
		return more(&http, len, ret_http, ret_need);
	struct yg_reader r = yg_reader_of(data, at_limit ? HEAD_MAX : len);
	struct line line;
	skip_blank_lines(&r);
	if (r.p - data > BLANK_MAX)
		return YG_READ_NO;
	if (yg_left(&r) == 0)
		return more(&http, len, ret_http, ret_need);
	if (!next_line(&r, &line)) {
		if (judge_beginning(r.p, yg_left(&r)) == YG_READ_NO)
			return YG_READ_NO;
		if (!at_limit)
			return more(&http, len, ret_http, ret_need);
		if (read_endless_line(r.p, yg_left(&r), &http) == YG_READ_NO)
			return YG_READ_NO;
		*ret_http = http;
		return YG_READ_BROKEN;
	}
	if (read_status_line(line, &http) == YG_READ_NO && read_request_line(line, &http) == YG_READ_NO)
		return YG_READ_NO;
	bool whole = read_fields(&r, &http);
	if (!whole && !at_limit)
		return more(&http, len, ret_http, ret_need);
	if (whole && !http.response)
		http.body = yg_http_content_length(data, (size_t)(r.p - data));
	*ret_http = http;
	if (!whole)
		return YG_READ_BROKEN;
	*ret_used = (size_t)(r.p - data);
	return YG_READ_OK;
}

uint64_t yg_http_content_length(const uint8_t *head, size_t len)
{
	static const char name[] = "content-length";
	if (len == 0)
		return 0;
	struct yg_reader r = yg_reader_of(head, len);
	struct line line;
	while (next_line(&r, &line)) {
		const uint8_t *colon = line.len ? memchr(line.p, ':', line.len) : NULL;
		if (!colon)
			continue;
		struct line field = trim((struct line){line.p, (size_t)(colon - line.p)});
		if (field.len != sizeof name - 1 || strncasecmp(name, (const char *)field.p, field.len) != 0)
			continue;
		struct line value = trim((struct line){colon + 1, line.len - (size_t)(colon - line.p) - 1});
		uint64_t length = 0;
		for (size_t i = 0; i < value.len; i++) {
			if (value.p[i] < '0' || value.p[i] > '9' || length > UINT32_MAX)
				return 0;
			length = length * 10 + (uint64_t)(value.p[i] - '0');
		}
		return length;
	}
	return 0;
}

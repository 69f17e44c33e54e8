// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See uri.h. What is not plainly right is refused: no second decoding, no cleaning up, no guess.
#include "uri.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json_read.h"

bool web_utf8_valid(const char *text, size_t size)
{
	for (const char *p = text, *end = text + size; p < end;) {
		size_t bytes = 0;
		if ((unsigned char)*p < 0x20 && *p != '\t' && *p != '\n')
			return false;
		uint32_t character = yg_utf8_character(p, end, &bytes);
		if (character == 0x7f || (character == 0xfffd && bytes < 3))
			return false;
		p += bytes;
	}
	return true;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// From *p until one of `ends` or the end of the text; decoded to *to with a zero behind. *p is left on what ended it.
static int decode(const char **p, const char *ends, bool plus, char **to)
{
	char *start = *to;
	for (; **p && !strchr(ends, **p); (*p)++) {
		char c = **p;
		if (c == '%') {
			int high = hex((*p)[1]), low = high < 0 ? -1 : hex((*p)[2]);
			if (low < 0)
				return -EINVAL;
			c = (char)(high * 16 + low);
			if (c == '\0' || (c == '/' && !plus))
				return -EINVAL;
			*p += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		*(*to)++ = c;
	}
	*(*to)++ = '\0';
	return web_utf8_valid(start, strlen(start)) ? 0 : -EINVAL;
}

static int read_path(struct web_uri *uri, const char **p, char **to)
{
	while (**p == '/') {
		(*p)++;
		if (uri->segments == 0 && (**p == '\0' || **p == '?'))
			return 0;
		if (uri->segments == WEB_SEGMENTS)
			return -E2BIG;
		const char *segment = *to;
		int error = decode(p, "/?", false, to);
		if (error || !*segment || strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0)
			return -EINVAL;
		uri->segment[uri->segments++] = segment;
	}
	return 0;
}

static int read_query(struct web_uri *uri, const char **p, char **to)
{
	while (**p) {
		(*p)++; // ? or &
		const char *name = *to, *value = "";
		if (decode(p, "=&", true, to) < 0)
			return -EINVAL;
		if (**p == '=') {
			(*p)++;
			value = *to;
			if (decode(p, "&", true, to) < 0)
				return -EINVAL;
		}
		if (!*name && !*value)
			continue;
		if (!*name || web_uri_query(uri, name))
			return -EINVAL;
		if (uri->pairs == WEB_PAIRS)
			return -E2BIG;
		uri->name[uri->pairs] = name;
		uri->value[uri->pairs++] = value;
	}
	return 0;
}

int web_uri_init(struct web_uri *uri, const char *target)
{
	*uri = (struct web_uri){0};
	if (*target != '/')
		return -EINVAL;
	// each part is at most as long as it was, and its zero stands where its delimiter stood
	char *to = uri->text = malloc(strlen(target) + 2);
	const char *p = target;
	if (!to)
		return -ENOMEM;
	int error = read_path(uri, &p, &to);
	if (!error)
		error = *p && *p != '?' ? -EINVAL : read_query(uri, &p, &to);
	if (error)
		web_uri_finish(uri);
	return error;
}

void web_uri_finish(struct web_uri *uri)
{
	free(uri->text);
	*uri = (struct web_uri){0};
}

const char *web_uri_query(const struct web_uri *uri, const char *name)
{
	for (uint32_t i = 0; i < uri->pairs; i++)
		if (strcmp(uri->name[i], name) == 0)
			return uri->value[i];
	return NULL;
}

bool web_uri_matches(const struct web_uri *uri, const char *path, uint8_t parameters[WEB_PARAMETERS])
{
	uint32_t at = 0, found = 0;
	while (*path == '/') {
		size_t length = strcspn(++path, "/");
		if (at == uri->segments)
			return false;
		const char *segment = uri->segment[at++];
		if (*path == '{') {
			if (found == WEB_PARAMETERS)
				return false;
			parameters[found++] = (uint8_t)(at - 1);
		} else if (strlen(segment) != length || memcmp(segment, path, length) != 0) {
			return false;
		}
		path += length;
	}
	return at == uri->segments;
}

bool web_cookie_token(const char *header, const char *name, char ret_token[65])
{
	size_t length = strlen(name);
	unsigned found = 0;
	for (const char *p = header; *p;) {
		p += strspn(p, " \t");
		size_t pair = strcspn(p, ";");
		if (pair > length && strncmp(p, name, length) == 0 && p[length] == '=') {
			const char *value = p + length + 1;
			size_t size = pair - length - 1;
			while (size && (value[size - 1] == ' ' || value[size - 1] == '\t'))
				size--;
			if (size != 64 || strspn(value, "0123456789abcdef") < 64 || found++)
				return false; // one cookie of this name twice is somebody's trick
			memcpy(ret_token, value, 64);
			ret_token[64] = '\0';
		}
		p += pair;
		p += *p == ';';
	}
	return found == 1;
}

// The host of host[:port], without brackets. False: it is none.
static bool host_name(const char *text, char ret_name[256])
{
	const char *end;
	if (*text == '[') {
		end = strchr(++text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
	} else {
		end = text + strcspn(text, ":");
	}
	const char *port = end + (*end == ']');
	if (*port == ':' && (!port[1] || strlen(port + 1) > 5 || port[1 + strspn(port + 1, "0123456789")]))
		return false;
	size_t length = (size_t)(end - text);
	if (length == 0 || length > 255)
		return false;
	memcpy(ret_name, text, length);
	ret_name[length] = '\0';
	return true;
}

bool web_host_is_ours(const char *host, const char *names)
{
	char name[256];
	unsigned char address[16];
	if (!host || !host_name(host, name))
		return false;
	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1 || strcasecmp(name, "localhost") == 0)
		return true;
	for (const char *p = names; p && *p;) {
		size_t length = strcspn(p, ", ");
		if (length == strlen(name) && strncasecmp(p, name, length) == 0)
			return true;
		p += length;
		p += strspn(p, ", ");
	}
	return false;
}

bool web_origin_is_host(const char *origin, const char *host)
{
	const char *at = strstr(origin, "://");
	bool known = strncmp(origin, "http://", 7) == 0 || strncmp(origin, "https://", 8) == 0;
	return known && at && host && strcasecmp(at + 3, host) == 0;
}

bool web_json_is_shallow(const char *text, size_t size)
{
	unsigned depth = 0;
	bool string = false;
	for (size_t i = 0; i < size; i++) {
		if (string) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				string = false;
		} else if (text[i] == '"') {
			string = true;
		} else if (text[i] == '{' || text[i] == '[') {
			if (++depth > WEB_JSON_DEPTH)
				return false;
		} else if ((text[i] == '}' || text[i] == ']') && depth) {
			depth--;
		}
	}
	return true;
}

bool web_accepts(const char *header, const char *coding)
{
	size_t length = strlen(coding);
	for (const char *p = header; p && *p;) {
		p += strspn(p, " \t,");
		size_t token = strcspn(p, " \t,;"), all = strcspn(p, ",");
		if (token == length && strncasecmp(p, coding, length) == 0) {
			const char *q = memchr(p, '=', all);
			return !q || q[1] != '0' || (q[2] == '.' && strspn(q + 3, "0") < strcspn(q + 3, ", \t"));
		}
		p += all;
	}
	return false;
}

bool web_name_listed(const char *names, const char *name)
{
	if (!names)
		return true;
	for (size_t n; *names; names += n + (names[n] == ',')) {
		n = strcspn(names, ",");
		if (n == strlen(name) && memcmp(names, name, n) == 0)
			return true;
	}
	return false;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See redis_url.h. Strict: what is not understood is refused with a reason, never guessed, for the result decides where
// alerts go.
#include "courier/redis_url.h"

#include <errno.h>
#include <string.h>

#define PORT_DEFAULT 6379
#define PORT_SENTINEL 26379
#define DB_MAX 65535

struct span {
	const char *start;
	size_t length;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Decodes percent escapes into a field. False when one is malformed, hides a NUL, or the field is too small.
static bool decode(struct span in, char *field, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < in.length; i++) {
		char c = in.start[i];
		if (c == '%') {
			if (in.length - i < 3)
				return false;
			int high = hex_digit(in.start[i + 1]), low = hex_digit(in.start[i + 2]);
			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == 0 || n + 1 >= size)
			return false;
		field[n++] = c;
	}
	field[n] = 0;
	return true;
}

static bool number(struct span in, unsigned max, uint16_t *ret_value)
{
	unsigned value = 0;
	if (in.length == 0 || in.length > 5)
		return false;
	for (size_t i = 0; i < in.length; i++) {
		if (in.start[i] < '0' || in.start[i] > '9')
			return false;
		value = value * 10 + (unsigned)(in.start[i] - '0');
	}
	*ret_value = (uint16_t)value;
	return value <= max;
}

// Splits `in` at the first `separator`: what stands before it is returned, `in` becomes what follows. Without one,
// everything is returned and *ret_found is false.
static struct span split(struct span *in, char separator, bool *ret_found)
{
	const char *at = memchr(in->start, separator, in->length);
	struct span head = {in->start, at ? (size_t)(at - in->start) : in->length};
	size_t skip = head.length + (at != NULL);
	*in = (struct span){in->start + skip, in->length - skip};
	*ret_found = at != NULL;
	return head;
}

// `user:password@` or `:password@`. The last @ counts: an unescaped one inside a password is a common slip.
static const char *parse_login(struct span *authority, struct yg_redis_url *url)
{
	const char *at = memrchr(authority->start, '@', authority->length);
	if (!at)
		return NULL;
	struct span login = {authority->start, (size_t)(at - authority->start)};
	*authority = (struct span){at + 1, authority->length - login.length - 1};
	bool colon;
	struct span user = split(&login, ':', &colon);
	if (!colon)
		return "a user without a password; write user:password@ or :password@";
	if (!decode(user, url->user, sizeof url->user) || !decode(login, url->password, sizeof url->password))
		return "user or password is too long or holds a malformed % escape";
	url->has_password = true;
	return NULL;
}

static const char *parse_host(struct span authority, uint16_t port, char ret_host[256], uint16_t *ret_port)
{
	bool found;
	struct span host;
	*ret_port = port;
	if (authority.length && authority.start[0] == '[') {
		authority = (struct span){authority.start + 1, authority.length - 1};
		host = split(&authority, ']', &found);
		if (!found)
			return "an IPv6 address without its closing bracket";
		if (authority.length && authority.start[0] != ':')
			return "something other than :port behind the IPv6 address";
		found = authority.length > 0;
		authority = found ? (struct span){authority.start + 1, authority.length - 1} : authority;
	} else {
		host = split(&authority, ':', &found);
	}
	if (found && (!number(authority, 65535, ret_port) || *ret_port == 0))
		return "the port is not a number from 1 to 65535 (an IPv6 address needs brackets)";
	if (!decode(host, ret_host, 256) || !ret_host[0])
		return "no host, or one that is too long";
	return NULL;
}

static const char *parse_tcp(struct span rest, struct yg_redis_url *url)
{
	bool slash;
	struct span authority = split(&rest, '/', &slash);
	const char *reason = parse_login(&authority, url);
	if (!reason)
		reason = parse_host(authority, PORT_DEFAULT, url->host, &url->port);
	if (!reason && rest.length && !number(rest, DB_MAX, &url->db))
		reason = "the database behind the host is not a number";
	return reason;
}

// The name that Sentinels know a primary by; they take these characters alone.
static bool is_name(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	return name[0] && strspn(name, letters) == strlen(name);
}

static const char *parse_sentinel(struct span rest, struct yg_redis_url *url)
{
	bool slash, more = true;
	struct span authority = split(&rest, '/', &slash);
	const char *reason = parse_login(&authority, url);
	url->is_sentinel = true;
	while (!reason && more) {
		struct span one = split(&authority, ',', &more);
		if (url->sentinels == YG_REDIS_SENTINELS)
			return "more than 8 Sentinels";
		struct yg_redis_node *node = &url->sentinel[url->sentinels++];
		reason = parse_host(one, PORT_SENTINEL, node->host, &node->port);
	}
	if (reason)
		return reason;
	if (!decode(split(&rest, '/', &slash), url->primary, sizeof url->primary) || !is_name(url->primary))
		return "no name of a primary behind the Sentinels, or one of other characters than letters, digits, . _ and -";
	return !rest.length || number(rest, DB_MAX, &url->db) ? NULL : "the database behind the name is not a number";
}

static const char *parse_unix(struct span rest, struct yg_redis_url *url)
{
	bool query;
	url->is_unix = true;
	const char *slash = memchr(rest.start, '/', rest.length);
	struct span authority = {rest.start, slash ? (size_t)(slash - rest.start) : rest.length};
	const char *reason = parse_login(&authority, url);
	if (reason)
		return reason;
	if (!slash || authority.length)
		return "the path of a socket must be absolute: unix:///path";
	rest = (struct span){slash, rest.length - (size_t)(slash - rest.start)};
	struct span path = split(&rest, '?', &query);
	if (!decode(path, url->path, sizeof url->path) || path.length < 2)
		return "no path of a socket, or one longer than 107 bytes";
	if (!query)
		return NULL;
	if (rest.length < 3 || memcmp(rest.start, "db=", 3) != 0)
		return "behind ? only db=N is known";
	return number((struct span){rest.start + 3, rest.length - 3}, DB_MAX, &url->db) ? NULL : "db is not a number";
}

int yg_redis_url_parse(const char *text, struct yg_redis_url *ret_url, const char **ret_reason)
{
	struct yg_redis_url url = {0};
	const char *reason = "expected redis://host:port, unix:///path or sentinel://host:port,host:port/name";
	if (strncmp(text, "redis://", 8) == 0)
		reason = parse_tcp((struct span){text + 8, strlen(text + 8)}, &url);
	else if (strncmp(text, "unix://", 7) == 0)
		reason = parse_unix((struct span){text + 7, strlen(text + 7)}, &url);
	else if (strncmp(text, "sentinel://", 11) == 0)
		reason = parse_sentinel((struct span){text + 11, strlen(text + 11)}, &url);
	else if (strncmp(text, "rediss://", 9) == 0 && !YG_REDIS_TLS)
		reason = "TLS is not spoken here (hiredis is older than 1.0); put stunnel before Redis, or use a socket";
	else if (strncmp(text, "rediss://", 9) == 0)
		reason = parse_tcp((struct span){text + 9, strlen(text + 9)}, &url);
	if (reason) {
		*ret_reason = reason;
		return -EINVAL;
	}
	url.is_tls = strncmp(text, "rediss://", 9) == 0;
	*ret_url = url;
	return 0;
}

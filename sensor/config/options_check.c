// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a range cannot say: texts with a form of their own, and thresholds that no line could ever reach. Only values
// that differ from the default are held against the line: a default is its plugin's own affair, and scales with the
// line there.
#include "config/compiler.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/address.h"
#include "config/value.h"

#define ZONEINFO "/usr/share/zoneinfo"

// The smallest frame on the wire: 64 bytes, preamble 8, gap 12.
enum { WIRE_BITS_MIN = (64 + 8 + 12) * 8 };

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

// True when `text` has nothing but letters, digits and `more`.
static bool made_of(const char *text, const char *more)
{
	for (; *text; text++)
		if (!strchr(letters, *text) && !strchr(more, *text))
			return false;
	return true;
}

static void check_name(struct yg_compiler *c)
{
	const char *name = c->core.values[YG_O_SENSOR_NAME].s;
	if (!made_of(name, "._-"))
		yg_complain(&c->report, c->core.set_at[YG_O_SENSOR_NAME], "sensor.name",
		            "'%s' cannot stand in a Redis key; use letters, digits, dot, hyphen and underscore", name);
}

static void check_timezone(struct yg_compiler *c)
{
	const char *zone = c->core.values[YG_O_SENSOR_TIMEZONE].s;
	struct yg_place at = c->core.set_at[YG_O_SENSOR_TIMEZONE];
	char path[sizeof ZONEINFO + 80];
	if (!at.file)
		return;
	snprintf(path, sizeof path, "%s/%s", ZONEINFO, zone);
	bool form = made_of(zone, "/_+-") && zone[0] != '/';
	// A host without the database gets UTC whatever is written here.
	if (!form || (access(ZONEINFO, F_OK) == 0 && access(path, F_OK) < 0))
		yg_complain(&c->report, at, "sensor.timezone",
		            "'%s' is no time zone of this host; write one like Asia/Tokyo or UTC", zone);
}

static bool port_fits(unsigned long port)
{
	return port >= 1 && port <= UINT16_MAX;
}

static bool redis_host_is_sound(const char *rest)
{
	const char *end = rest + strcspn(rest, "/");
	for (const char *p = rest; p < end; p++)
		if (*p == '@')
			rest = p + 1;
	const char *port = rest;
	if (*rest == '[') {
		port = strchr(rest, ']');
		if (!port || port > end || port == rest + 1)
			return false;
		port++;
	} else {
		port = rest + strcspn(rest, ":/");
		if (port == rest)
			return false;
	}
	size_t digits = *port == ':' ? strspn(port + 1, "0123456789") : 0;
	if (*port == ':' && (digits == 0 || digits > 5 || !port_fits(strtoul(port + 1, NULL, 10))))
		return false;
	if (*port == ':')
		port += 1 + digits;
	if (port != end)
		return false;
	return *end == '\0' || strspn(end + 1, "0123456789") == strlen(end + 1);
}

// What follows unix://: user:password@ or nothing, and a path from the root.
static bool redis_socket_is_sound(const char *rest)
{
	const char *path = strchr(rest, '/');
	const char *at = path ? memrchr(rest, '@', (size_t)(path - rest)) : NULL;
	if (!path || !path[1] || (at ? at + 1 : rest) != path)
		return false;
	return !at || memchr(rest, ':', (size_t)(at - rest));
}

// What follows sentinel://: user:password@ or nothing, hosts with commas between, the name of a primary, a database or nothing.
static bool redis_sentinels_are_sound(const char *rest)
{
	char host[256];
	const char *end = rest + strcspn(rest, "/"), *at = memrchr(rest, '@', (size_t)(end - rest));
	if (!*end || (at && !memchr(rest, ':', (size_t)(at - rest))))
		return false;
	for (const char *one = at ? at + 1 : rest, *comma; one <= end; one = comma + 1) {
		comma = memchr(one, ',', (size_t)(end - one));
		comma = comma ? comma : end;
		if ((size_t)(comma - one) >= sizeof host)
			return false;
		memcpy(host, one, (size_t)(comma - one));
		host[comma - one] = '\0';
		if (!redis_host_is_sound(host))
			return false;
	}
	const char *name = end + 1, *db = name + strcspn(name, "/");
	return db > name && db - name < 64 && strspn(db + (*db == '/'), "0123456789") == strlen(db + (*db == '/'));
}

static void check_redis(struct yg_compiler *c)
{
	const char *url = c->core.values[YG_O_REDIS_URL].s;
	bool sound = *url == '\0' || (strncmp(url, "sentinel://", 11) == 0 && redis_sentinels_are_sound(url + 11)) ||
	             (strncmp(url, "unix://", 7) == 0 && redis_socket_is_sound(url + 7)) ||
	             (strncmp(url, "redis://", 8) == 0 && redis_host_is_sound(url + 8)) ||
	             (strncmp(url, "rediss://", 9) == 0 && redis_host_is_sound(url + 9));
	// The text may hold a password: it is not repeated.
	if (strncmp(url, "rediss://", 9) == 0 && !YG_REDIS_TLS)
		yg_complain(&c->report, c->core.set_at[YG_O_REDIS_URL], "redis.url",
		            "asks for TLS, which the courier does not speak; put stunnel before Redis and write redis://127.0.0.1:port, "
		            "or use its UNIX socket (this build has a hiredis older than 1.0)");
	else if (!sound)
		yg_complain(&c->report, c->core.set_at[YG_O_REDIS_URL], "redis.url",
		            "is no address of a Redis; write redis://[user:password@]host:port[/db], unix://[user:password@]/path or "
		            "sentinel://[user:password@]host:port,host:port/name[/db]");
	bool certificate = c->core.values[YG_O_REDIS_CERTIFICATE].s[0], key = c->core.values[YG_O_REDIS_KEY].s[0];
	if (certificate != key) {
		const char *there = certificate ? "redis.certificate" : "redis.key", *missing = certificate ? "redis.key" : "redis.certificate";
		yg_complain(&c->report, c->core.set_at[certificate ? YG_O_REDIS_CERTIFICATE : YG_O_REDIS_KEY], there, "is of no use without %s",
		            missing);
	}
}

// Another machine must not reach it: an address of this host's own, written as a number.
static bool is_own_address(const char *where)
{
	uint8_t af;
	struct yg_addr addr;
	char host[YG_ADDRESS_TEXT + 2];
	const char *colon = strrchr(where, ':');
	size_t length = colon ? (size_t)(colon - where) : 0;
	if (length == 0 || length >= sizeof host || strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > 5)
		return false;
	bool bracketed = length > 2 && where[0] == '[' && where[length - 1] == ']';
	memcpy(host, where + bracketed, length - 2 * bracketed);
	host[length - 2 * bracketed] = '\0';
	if (yg_address_parse(host, &af, &addr) || (af == 6) != bracketed || !port_fits(strtoul(colon + 1, NULL, 10)))
		return false;
	static const struct yg_addr loopback6 = {{[15] = 1}};
	return af == 4 ? addr.b[0] == 127 : memcmp(&addr, &loopback6, sizeof addr) == 0;
}

static void check_sockets(struct yg_compiler *c)
{
	const char *listen = c->core.values[YG_O_METRICS_LISTEN].s, *control = c->core.values[YG_O_CONTROL_SOCKET].s;
	if (*listen && *listen != '/' && !is_own_address(listen))
		yg_complain(&c->report, c->core.set_at[YG_O_METRICS_LISTEN], "metrics.listen",
		            "'%s' is no place that this host alone reaches; write /path, 127.0.0.1:PORT or [::1]:PORT", listen);
	if (*control && *control != '/')
		yg_complain(&c->report, c->core.set_at[YG_O_CONTROL_SOCKET], "control.socket",
		            "'%s' does not begin at /; write the whole path of a UNIX socket", control);
	if (*control && strcmp(control, listen) == 0)
		yg_complain(&c->report, c->core.set_at[YG_O_CONTROL_SOCKET], "control.socket", "'%s' is metrics.listen too; write two paths", control);
}

static void check_lines(struct yg_compiler *c)
{
	const char *socket = c->core.values[YG_O_EVE_SOCKET].s, *url = c->core.values[YG_O_SYSLOG_URL].s, *path = strchr(socket, ':');
	size_t kind = path ? (size_t)(path - socket) : 0;
	bool known = kind == 11 ? strncmp(socket, "unix_stream", 11) == 0 : kind == 10 && strncmp(socket, "unix_dgram", 10) == 0;
	if (*socket && (!known || path[1] != '/' || !path[2] || strlen(path + 1) > 107))
		yg_complain(&c->report, c->core.set_at[YG_O_EVE_SOCKET], "eve.socket",
		            "'%s' is no UNIX socket; write unix_stream:/path or unix_dgram:/path, the path of at most 107 bytes", socket);
	known = strncmp(url, "udp://", 6) == 0 || strncmp(url, "tcp://", 6) == 0;
	if (*url && (!known || strchr(url + 6, '/') || strchr(url + 6, '@') || !redis_host_is_sound(url + 6)))
		yg_complain(&c->report, c->core.set_at[YG_O_SYSLOG_URL], "syslog.url",
		            "'%s' is no collector; write udp://host[:514] or tcp://host[:601], an IPv6 address in brackets; for TLS put stunnel "
		            "before it", url);
}

// Below these every second would bring files without number.
static void check_rotation(struct yg_compiler *c)
{
	enum { SIZE_MIN = 65536 };
	int64_t size = c->core.values[YG_O_EVE_ROTATE_SIZE].i;
	double time = c->core.values[YG_O_EVE_ROTATE_TIME].f;
	if (size > 0 && size < SIZE_MIN)
		yg_complain(&c->report, c->core.set_at[YG_O_EVE_ROTATE_SIZE], "eve.rotate_size", "is less than 64 KiB; write 0 for never");
	if (time > 0 && time < 1)
		yg_complain(&c->report, c->core.set_at[YG_O_EVE_ROTATE_TIME], "eve.rotate_time", "is less than a second; write 0 for never");
}

static void check_paths(struct yg_compiler *c)
{
	const char *directory = c->core.values[YG_O_QUARANTINE_DIR].s;
	if (*directory && *directory != '/')
		yg_complain(&c->report, c->core.set_at[YG_O_QUARANTINE_DIR], "quarantine.directory",
		            "'%s' does not begin at /; write the whole path, the dissector has no folder of its own",
		            directory);
	const char *off = c->core.values[YG_O_DISSECTOR_OFF].s;
	if (!made_of(off, ",_-./+ "))
		yg_complain(&c->report, c->core.set_at[YG_O_DISSECTOR_OFF], "dissector.off",
		            "'%s' is no list of protocols; write nDPI's names with commas, such as DTLS,Kerberos", off);
}

// The fastest rate in bit/s that a key of the sensor can show; 0 when nobody said.
static double fastest_line(const struct yg_compiler *c)
{
	double egress = (double)c->core.values[YG_O_EGRESS_LINE].i, largest = 0;
	for (size_t i = 0; i < c->orgs_count; i++) {
		double line = (double)c->orgs[i].org.line_bps;
		if (line == 0)
			return egress;
		largest = line > largest ? line : largest;
	}
	if (largest == 0 || egress == 0)
		return egress + largest;
	return egress < largest ? egress : largest;
}

// A file made from `yagura config dump-default` spells every default out.
static bool is_default(const struct yg_option *option, union yg_value value)
{
	union yg_value fallback;
	char problem[128];
	return yg_value_parse(option, option->fallback, &fallback, problem, sizeof problem) == 0 &&
	       memcmp(&fallback, &value, sizeof value) == 0;
}

static void check_threshold(struct yg_compiler *c, const struct yg_option_set *set, uint32_t row, double line)
{
	const struct yg_option *o = &set->options[row];
	double limit, value;
	if (!o->unit || !set->set_at[row].file)
		return;
	// A flow has a packet at least.
	if (strcmp(o->unit, "packets/s") == 0 || strcmp(o->unit, "flows/s") == 0)
		limit = line / WIRE_BITS_MIN;
	else if (strcmp(o->unit, "bit/s") == 0)
		limit = line;
	else
		return;
	if (o->type == YG_OPT_FLOAT)
		value = set->values[row].f;
	else if (o->type == YG_OPT_INT || o->type == YG_OPT_BPS)
		value = (double)set->values[row].i;
	else
		return;
	if (value <= limit || is_default(o, set->values[row]))
		return;
	char key[128];
	snprintf(key, sizeof key, "%s%s", set->prefix, o->path);
	yg_complain(&c->report, set->set_at[row], key,
	            "%.0f %s can never be reached: the fastest line declared carries %.0f; lower it, or mend "
	            "egress.line and the bodies' lines",
	            value, o->unit, limit);
}

void yg_options_check(struct yg_compiler *c)
{
	check_name(c);
	check_timezone(c);
	check_redis(c);
	check_paths(c);
	check_sockets(c);
	check_lines(c);
	check_rotation(c);
	double line = fastest_line(c);
	if (line == 0)
		return;
	for (size_t i = 0; i < c->input->plugins_count; i++)
		for (uint32_t row = 0; row < c->plugins[i].set.count; row++)
			check_threshold(c, &c->plugins[i].set, row, line);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a body's viewer must not read: addresses inside of other bodies. They are found wherever they stand in a text: as themselves, with a
// length behind them, within a name ("host-192-0-2-14"), as a name for reverse look-up, IPv4 within IPv6. When in doubt a word too many is
// masked. What a line says of both ends together (flow_id, community_id) can be tried out over all addresses of a small network, so a line
// in which something was masked loses it.
//
// Pure but for memory. Cost: linear in the text, with a constant of a few hundred steps for a hostile one.
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "bodies_parts.h"
#include "config/address.h"
#include "config/lookup.h"

enum { SIX_TEXT_MAX = 45, JSON_DEPTH_MAX = 32, REVERSE_SIX = 63 };

// ---- whose it is ----

// Ranges of which no address is a stranger's.
static const struct { uint8_t af, length, b[2]; } private_ranges[] = {
	{4, 8, {10}}, {4, 12, {172, 16}}, {4, 16, {192, 168}}, {4, 10, {100, 64}}, {4, 16, {169, 254}},
	{6, 7, {0xfc}}, {6, 10, {0xfe, 0x80}},
};

static bool is_private(uint8_t af, const struct yg_addr *addr)
{
	for (unsigned i = 0; i < sizeof private_ranges / sizeof *private_ranges; i++) {
		struct yg_addr range = {{private_ranges[i].b[0], private_ranges[i].b[1]}};
		if (private_ranges[i].af == af && yg_address_within(addr, &range, private_ranges[i].length))
			return true;
	}
	return false;
}

// IPv4 that is written as IPv6: mapped (RFC 4291 2.5.5.2), translated (RFC 6052), 6to4 (RFC 3056).
static bool four_within(const struct yg_addr *six, struct yg_addr *ret_four)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, translated[12] = {0x00, 0x64, 0xff, 0x9b};
	*ret_four = (struct yg_addr){0};
	bool last = memcmp(six->b, mapped, sizeof mapped) == 0 || memcmp(six->b, translated, sizeof translated) == 0;
	if (!last && (six->b[0] != 0x20 || six->b[1] != 0x02))
		return false;
	memcpy(ret_four->b, six->b + (last ? 12 : 2), 4);
	return true;
}

static uint16_t body_of_prefix(const struct web_bodies *bodies, const struct yg_prefix *p)
{
	return p->org < bodies->config.orgs_count ? bodies->of_org[p->org] : WEB_BODY_NONE;
}

// The first prefix of the table that lies within addr/length, from the one at or above it in the order.
static uint32_t first_within(const struct yg_config *config, uint8_t af, const struct yg_addr *addr)
{
	uint32_t low = 0, high = config->prefixes_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct yg_prefix *p = &config->prefixes[middle];
		if (p->af < af || (p->af == af && memcmp(&p->addr, addr, sizeof *addr) < 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool hides_prefixes_within(const struct web_bodies *bodies, const struct web_view *view, uint8_t af, const struct yg_addr *addr,
				  unsigned length, uint16_t *ret_owner)
{
	const struct yg_config *config = &bodies->config;
	for (uint32_t i = first_within(config, af, addr); i < config->prefixes_count; i++) {
		const struct yg_prefix *p = &config->prefixes[i];
		if (p->af != af || !yg_address_within(&p->addr, addr, (uint8_t)length))
			return false;
		*ret_owner = body_of_prefix(bodies, p);
		if (!web_body_sees(bodies, view, *ret_owner))
			return true;
	}
	return false;
}

bool web_body_hides(const struct web_bodies *bodies, const struct web_view *view, uint8_t af, const struct yg_addr *addr, unsigned length,
		    uint16_t *ret_owner)
{
	static const struct yg_addr none;
	unsigned whole = af == 4 ? 32 : 128;
	struct yg_addr four;
	*ret_owner = WEB_BODY_NONE;
	if (!view->masked || view->scope.all || (af != 4 && af != 6) || memcmp(addr, &none, sizeof none) == 0)
		return false;
	if (af == 6 && length == whole && four_within(addr, &four) && web_body_hides(bodies, view, 4, &four, 32, ret_owner))
		return true;
	if (bodies->config.prefixes_count == 0)
		return true;
	if (length > whole)
		length = whole;
	struct yg_addr network = yg_address_mask(addr, (uint8_t)length);
	const struct yg_prefix *holder = yg_lookup_prefix(&bodies->config, af, &network);
	while (holder && holder->length > length)
		holder = holder->cover == 0xffff ? NULL : &bodies->config.prefixes[holder->cover];
	if (holder) {
		*ret_owner = body_of_prefix(bodies, holder);
		if (!web_body_sees(bodies, view, *ret_owner))
			return true;
	}
	if (length < whole && hides_prefixes_within(bodies, view, af, &network, length, ret_owner))
		return true;
	return !holder && is_private(af, &network);
}

bool web_body_masks(const struct web_bodies *bodies, const struct web_view *view, uint8_t af, const uint8_t address[16])
{
	struct yg_addr addr;
	uint16_t owner;
	memcpy(addr.b, address, sizeof addr.b);
	return web_body_hides(bodies, view, af, &addr, af == 4 ? 32 : 128, &owner);
}

json_t *web_end_json(const struct web_bodies *bodies, const struct web_view *view, uint8_t af, const uint8_t address[16], int length,
		     int port)
{
	static const uint8_t none[16];
	struct yg_addr addr;
	uint16_t owner;
	unsigned whole = af == 4 ? 32 : 128, bits = length <= 0 || (unsigned)length > whole ? whole : (unsigned)length;
	memcpy(addr.b, address, sizeof addr.b);
	json_t *end = json_object();
	if ((af != 4 && af != 6) || memcmp(address, none, sizeof none) == 0) {
		json_object_set_new(end, "ip", json_null()); // many, none or forged
		return end;
	}
	if (web_body_hides(bodies, view, af, &addr, bits, &owner)) {
		json_object_set_new(end, "ip", json_null());
		json_object_set_new(end, "masked", json_true());
		json_object_set_new(end, "inside", json_true());
		json_object_set_new(end, "org", web_body_json(bodies, owner));
		return end;
	}
	bool inside;
	char text[YG_PREFIX_TEXT];
	owner = web_body_of(bodies, af, address, &inside);
	const char *ip = bits < whole ? yg_prefix_text(af, &addr, (uint8_t)bits, text) : yg_address_text(af, &addr, text);
	json_object_set_new(end, "ip", json_string(ip));
	if (port > 0)
		json_object_set_new(end, "port", json_integer(port));
	json_object_set_new(end, "org", web_body_json(bodies, owner));
	json_object_set_new(end, "inside", json_boolean(inside));
	return end;
}

// ---- in a text ----

struct finding {
	uint8_t af;
	struct yg_addr addr;
	unsigned length;
	size_t bytes; // of the text
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static unsigned hex_value(char c)
{
	return is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

// Four numbers up to 255 with one kind of sign between: 192.0.2.14, 192-0-2-14, 192_0_2_14. Zeros in front as well: who prints so means
// the same.
static bool find_four(const char *p, struct finding *ret)
{
	const char *at = p;
	struct yg_addr addr = {0};
	for (unsigned i = 0; i < 4; i++) {
		unsigned value = 0, digits = 0;
		while (is_digit(*at) && digits < 3) {
			value = value * 10 + (unsigned)(*at++ - '0');
			digits++;
		}
		if (digits == 0 || value > 255 || is_digit(*at))
			return false;
		addr.b[i] = (uint8_t)value;
		if (i == 3)
			break;
		if (*at != '.' && *at != '-' && *at != '_')
			return false;
		if (i > 0 && *at != p[strspn(p, "0123456789")])
			return false;
		at++;
	}
	*ret = (struct finding){4, addr, 32, (size_t)(at - p)};
	return true;
}

// "14.2.0.192.in-addr.arpa", of which find_four has found the four numbers.
static bool turn_reverse_four(const char *p, struct finding *f)
{
	static const char suffix[] = ".in-addr.arpa";
	if (strncasecmp(p + f->bytes, suffix, sizeof suffix - 1) != 0)
		return false;
	f->addr = (struct yg_addr){{f->addr.b[3], f->addr.b[2], f->addr.b[1], f->addr.b[0]}};
	f->bytes += sizeof suffix - 1;
	return true;
}

// 32 hexadecimal digits with points between, lowest first, and ".ip6.arpa".
static bool find_reverse_six(const char *p, struct finding *ret)
{
	static const char suffix[] = ".ip6.arpa";
	struct yg_addr addr = {0};
	for (unsigned i = 0; i < 32; i++) {
		if (!is_hex(p[2 * i]) || p[2 * i + 1] != '.')
			return false;
		addr.b[15 - i / 2] |= (uint8_t)(hex_value(p[2 * i]) << (i % 2 ? 4 : 0));
	}
	if (strncasecmp(p + REVERSE_SIX, suffix, sizeof suffix - 1) != 0)
		return false;
	*ret = (struct finding){6, addr, 128, REVERSE_SIX + sizeof suffix - 1};
	return true;
}

// The longest IPv6 address that begins here and ends at the end of a group.
static bool find_six(const char *p, struct finding *ret)
{
	size_t n = 0, colons = 0;
	while (n < SIX_TEXT_MAX && (is_hex(p[n]) || p[n] == ':' || p[n] == '.'))
		n++;
	for (size_t i = 0; i < n; i++)
		colons += p[i] == ':';
	if (colons < 2)
		return false;
	for (; n >= 2; n--) {
		char text[SIX_TEXT_MAX + 1];
		if (is_hex(p[n]) && is_hex(p[n - 1])) // within a group
			continue;
		memcpy(text, p, n);
		text[n] = '\0';
		struct yg_addr addr;
		if (inet_pton(AF_INET6, text, addr.b) == 1) {
			*ret = (struct finding){6, addr, 128, n};
			return true;
		}
	}
	return false;
}

static void take_length(const char *p, struct finding *f)
{
	const char *at = p + f->bytes;
	unsigned length = 0, digits = 0;
	if (*at != '/')
		return;
	while (digits < 3 && is_digit(at[1 + digits]))
		length = length * 10 + (unsigned)(at[1 + digits++] - '0');
	if (digits == 0 || length > f->length)
		return;
	f->length = length;
	f->bytes += 1 + digits;
}

// What the view must not see and begins at p. `before` is the character in front of it.
static bool find_hidden(const struct web_bodies *bodies, const struct web_view *view, const char *p, char before, struct finding *ret,
			uint16_t *ret_owner)
{
	if (is_digit(*p) && !is_digit(before) && find_four(p, ret)) {
		struct finding reverse = *ret;
		if (turn_reverse_four(p, &reverse) && web_body_hides(bodies, view, 4, &reverse.addr, 32, ret_owner)) {
			*ret = reverse;
			return true;
		}
		take_length(p, ret);
		if (web_body_hides(bodies, view, 4, &ret->addr, ret->length, ret_owner))
			return true;
	}
	if (is_hex(before) || !(is_hex(*p) || *p == ':'))
		return false;
	if (find_reverse_six(p, ret) && web_body_hides(bodies, view, 6, &ret->addr, 128, ret_owner))
		return true;
	if (!find_six(p, ret))
		return false;
	take_length(p, ret);
	return web_body_hides(bodies, view, 6, &ret->addr, ret->length, ret_owner);
}

static const char *name_of(const struct web_bodies *bodies, uint16_t owner, bool japanese)
{
	const struct web_body *body = web_body_at(bodies, owner);
	if (!body)
		return japanese ? "他の団体" : "another body";
	const char *name = japanese ? body->name_ja : body->name_en;
	return *name ? name : body->code;
}

// Sentences say "192.0.2.14 (Name)": once is enough.
static size_t said_again(const char *p, const char *name)
{
	static const struct { const char *open, *close; } brackets[] = {{"（", "）"}, {" (", ")"}, {"(", ")"}};
	size_t n = strlen(name);
	for (unsigned i = 0; i < sizeof brackets / sizeof *brackets; i++) {
		size_t open = strlen(brackets[i].open), close = strlen(brackets[i].close);
		if (strncmp(p, brackets[i].open, open) == 0 && strncmp(p + open, name, n) == 0 && strncmp(p + open + n, brackets[i].close, close) == 0)
			return open + n + close;
	}
	return 0;
}

struct writer {
	char *text;
	size_t length, room;
	bool failed;
};

static void write_text(struct writer *w, const char *from, size_t n)
{
	if (!w->failed && w->length + n + 1 > w->room) {
		size_t room = 2 * (w->length + n + 1);
		char *more = realloc(w->text, room);
		w->failed = !more;
		if (more) {
			w->text = more;
			w->room = room;
		}
	}
	if (w->failed)
		return;
	memcpy(w->text + w->length, from, n);
	w->length += n;
	w->text[w->length] = '\0';
}

// NULL: nothing of it is masked (or, with *ret_failed, no memory).
static char *mask(const struct web_bodies *bodies, const struct web_view *view, const char *text, bool japanese, bool *ret_failed)
{
	struct writer w = {0};
	size_t done = 0;
	*ret_failed = false;
	if (!view->masked || view->scope.all)
		return NULL;
	for (size_t i = 0; text[i];) {
		struct finding f;
		uint16_t owner;
		if (!find_hidden(bodies, view, text + i, i ? text[i - 1] : '\0', &f, &owner)) {
			i++;
			continue;
		}
		const char *name = name_of(bodies, owner, japanese);
		write_text(&w, text + done, i - done);
		write_text(&w, name, strlen(name));
		i += f.bytes;
		i += said_again(text + i, name);
		done = i;
	}
	if (!w.text && !w.failed)
		return NULL;
	write_text(&w, text + done, strlen(text + done));
	*ret_failed = w.failed;
	if (w.failed)
		free(w.text);
	return w.failed ? NULL : w.text;
}

char *web_mask_text(const struct web_bodies *bodies, const struct web_view *view, const char *text, bool japanese)
{
	bool failed;
	char *masked = mask(bodies, view, text, japanese, &failed);
	return masked ? masked : strdup(failed ? "" : text);
}

// ---- in a line ----

struct masking {
	const struct web_bodies *bodies;
	const struct web_view *view;
	bool any;
};

static bool is_japanese(const char *key)
{
	size_t n = strlen(key);
	return n > 3 && strcmp(key + n - 3, "_ja") == 0;
}

// What a device named may hold a zero byte, behind which mask() would not look.
static char *without_zeros(const json_t *value)
{
	size_t size = json_string_length(value);
	char *copy = malloc(size + 1);
	for (size_t i = 0; copy && i <= size; i++)
		copy[i] = json_string_value(value)[i] || i == size ? json_string_value(value)[i] : ' ';
	return copy;
}

// New reference to what stands in the place of `value`, or NULL: it may stay.
static json_t *mask_string(struct masking *m, const json_t *value, bool japanese)
{
	bool failed, plain = strlen(json_string_value(value)) == json_string_length(value);
	char *copy = plain ? NULL : without_zeros(value), *masked = NULL;
	if (plain || copy)
		masked = mask(m->bodies, m->view, copy ? copy : json_string_value(value), japanese, &failed);
	else
		failed = true;
	m->any = m->any || masked || failed;
	json_t *instead = masked || failed ? json_string(masked ? masked : "") : copy ? json_string(copy) : NULL;
	free(masked);
	free(copy);
	return instead;
}

static void mask_value(struct masking *m, json_t *value, bool japanese, unsigned depth);

static void mask_object(struct masking *m, json_t *object, unsigned depth)
{
	const char *key;
	json_t *value;
	void *next;
	bool failed;
	json_object_foreach_safe(object, next, key, value) {
		bool japanese = is_japanese(key);
		json_t *instead = json_is_string(value) ? mask_string(m, value, japanese) : NULL;
		char *name = mask(m->bodies, m->view, key, false, &failed);
		if (name || failed) {
			json_object_del(object, key); // a key that is an address is nothing that the sensor writes
			json_decref(instead);
			m->any = true;
			free(name);
			continue;
		}
		if (instead)
			json_object_set_new(object, key, instead);
		else
			mask_value(m, value, japanese, depth);
	}
}

static void mask_value(struct masking *m, json_t *value, bool japanese, unsigned depth)
{
	if (depth == JSON_DEPTH_MAX) { // deeper than anything a sensor writes: nothing of it is shown
		if (json_is_object(value))
			json_object_clear(value);
		if (json_is_array(value))
			json_array_clear(value);
		return;
	}
	if (json_is_object(value))
		mask_object(m, value, depth + 1);
	for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
		json_t *element = json_array_get(value, i), *instead = json_is_string(element) ? mask_string(m, element, japanese) : NULL;
		if (instead)
			json_array_set_new(value, i, instead);
		else
			mask_value(m, element, japanese, depth + 1);
	}
}

// What counts all that a sensor said, and so what it said of others; and what was done at once, in which others' may be.
static void drop_numbers(json_t *json)
{
	json_t *context = json_object_get(json_object_get(json, "alert"), "context"), *event;
	size_t i;
	json_object_del(context, "sequence");
	json_object_del(context, "run");
	json_array_foreach(json, i, event)
		json_object_del(event, "bulk");
}

void web_mask_json(const struct web_bodies *bodies, const struct web_view *view, json_t *eve)
{
	struct masking m = {bodies, view, false};
	if (!view->scope.all)
		drop_numbers(eve);
	if (!view->masked || view->scope.all)
		return;
	mask_value(&m, eve, false, 0);
	if (!m.any)
		return;
	json_object_del(eve, "flow_id");
	json_object_del(eve, "community_id");
}

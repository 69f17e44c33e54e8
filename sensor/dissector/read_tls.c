// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The ClientHello reader, for TLS streams and for QUIC. RFC 8446 4.1.2 and 5.1, RFC 6066 3, RFC 7301 3.1.
//
// A hello may be cut into records at any byte, and attackers do so to hide the server's name. One that lies in a single
// record is read where it is; otherwise its pieces are gathered on the stack (8 KiB, the size of a stream buffer). JA3
// is fed to the digest while the extensions are walked: no list is ever kept, so none can be too long. While a hello is
// not whole, *ret_tls already holds what stands in its first part: the caller may have to give up waiting.
#include "dissector/readers.h"

#include <string.h>

#include <nettle/md5.h>

#include "base/bytes.h"
#include "dissector/read_text.h"

enum {
	RECORD_HEADER = 5,
	RECORD_MAX = 1 << 14, // RFC 8446 5.1
	HANDSHAKE_HEADER = 4,
	HELLO_MAX = 8192,        // bytes of a hello gathered from several records
	HELLO_CLAIM_MAX = 65535, // a longer hello is none: RFC 8446 4.1.2 bounds its parts
	CONTENT_HANDSHAKE = 22,
	CLIENT_HELLO = 1,
	EXT_SERVER_NAME = 0,
	EXT_GROUPS = 10,
	EXT_POINT_FORMATS = 11,
	EXT_ALPN = 16,
	EXT_SUPPORTED_VERSIONS = 43,
	EXT_ECH = 0xfe0d, // RFC 9849
};

struct hello {
	struct yg_tls *tls;
	struct md5_ctx ja3;
	bool ja3_first; // of the present list
	bool ja3_lost;  // a part that JA3 needs did not parse
	bool seen_name, seen_alpn;
	struct yg_reader groups, formats;
};

// GREASE (RFC 8701): 0x0a0a, 0x1a1a, … 0xfafa.
static bool is_grease(uint16_t v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

static void ja3_number(struct hello *hello, uint16_t value)
{
	uint8_t text[6]; // written from its end: '-' and at most five digits
	size_t at = sizeof text;
	unsigned rest = value;
	do {
		text[--at] = (uint8_t)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (!hello->ja3_first)
		text[--at] = '-';
	md5_update(&hello->ja3, sizeof text - at, text + at);
	hello->ja3_first = false;
}

static void ja3_next_list(struct hello *hello)
{
	md5_update(&hello->ja3, 1, (const uint8_t *)",");
	hello->ja3_first = true;
}

static void ja3_list16(struct hello *hello, struct yg_reader list)
{
	ja3_next_list(hello);
	while (yg_left(&list) >= 2) {
		uint16_t value = yg_read16(&list);
		if (!is_grease(value))
			ja3_number(hello, value);
	}
}

static void ja3_finish(struct hello *hello)
{
	uint8_t digest[MD5_DIGEST_SIZE];
	ja3_list16(hello, hello->groups);
	ja3_next_list(hello);
	while (yg_left(&hello->formats))
		ja3_number(hello, yg_read8(&hello->formats));
	md5_digest(&hello->ja3, sizeof digest, digest);
	for (size_t i = 0; i < sizeof digest; i++) {
		hello->tls->ja3[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		hello->tls->ja3[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
}

static bool read_server_name(struct hello *hello, struct yg_reader *body)
{
	struct yg_reader list = yg_sub(body, yg_read16(body));
	while (yg_left(&list)) {
		uint8_t type = yg_read8(&list);
		struct yg_reader name = yg_sub(&list, yg_read16(&list));
		if (name.failed)
			return false;
		if (type != 0 || hello->seen_name)
			continue;
		hello->seen_name = true; // the first one: RFC 6066 allows one of a kind
		yg_text_set(hello->tls->server_name, sizeof hello->tls->server_name, name.p, yg_left(&name),
		            YG_TEXT_LOWER);
	}
	return !list.failed && !yg_left(body);
}

static bool read_alpn(struct hello *hello, struct yg_reader *body)
{
	struct yg_reader list = yg_sub(body, yg_read16(body));
	struct yg_reader first = yg_sub(&list, yg_read8(&list));
	if (first.failed || !yg_left(&first))
		return false;
	if (!hello->seen_alpn)
		yg_text_set(hello->tls->alpn, sizeof hello->tls->alpn, first.p, yg_left(&first), YG_TEXT_PRINTABLE);
	hello->seen_alpn = true;
	return !yg_left(body);
}

// The highest of the released versions; drafts (0x7fxx) and experiments count only when nothing else is offered.
static bool read_versions(struct hello *hello, struct yg_reader *body)
{
	struct yg_reader list = yg_sub(body, yg_read8(body));
	uint16_t released = 0, other = 0;
	while (yg_left(&list) >= 2) {
		uint16_t version = yg_read16(&list);
		if (is_grease(version))
			continue;
		uint16_t *slot = version >> 8 == 3 ? &released : &other;
		if (version > *slot)
			*slot = version;
	}
	if (released || other)
		hello->tls->version = released ? released : other;
	return !list.failed && !yg_left(&list) && !yg_left(body);
}

static bool read_list(struct yg_reader *body, size_t len, size_t unit, struct yg_reader *ret_list)
{
	struct yg_reader list = yg_sub(body, len);
	if (list.failed || yg_left(&list) % unit || yg_left(body))
		return false;
	*ret_list = list;
	return true;
}

static bool read_extension(struct hello *hello, uint16_t type, struct yg_reader body)
{
	switch (type) {
	case EXT_SERVER_NAME:
		return read_server_name(hello, &body);
	case EXT_ALPN:
		return read_alpn(hello, &body);
	case EXT_SUPPORTED_VERSIONS:
		return read_versions(hello, &body);
	case EXT_GROUPS: {
		size_t len = yg_read16(&body);
		bool ok = read_list(&body, len, 2, &hello->groups);
		hello->ja3_lost |= !ok;
		return ok;
	}
	case EXT_POINT_FORMATS: {
		size_t len = yg_read8(&body);
		bool ok = read_list(&body, len, 1, &hello->formats);
		hello->ja3_lost |= !ok;
		return ok;
	}
	case EXT_ECH:
		hello->tls->ech = 1;
		return true;
	default:
		return true;
	}
}

// Walks all extensions. A fault inside one is remembered and the next is read: what follows is still worth knowing.
static bool read_extensions(struct hello *hello, struct yg_reader list)
{
	bool ok = !list.failed;
	ja3_next_list(hello);
	while (yg_left(&list)) {
		uint16_t type = yg_read16(&list);
		struct yg_reader body = yg_sub(&list, yg_read16(&list));
		if (body.failed) {
			hello->ja3_lost = true;
			return false;
		}
		if (!is_grease(type))
			ja3_number(hello, type);
		ok = read_extension(hello, type, body) && ok;
	}
	return ok;
}

// What stands behind the handshake header. `whole`: all of it is here; else the part that is gets read, without JA3.
static bool read_hello_body(struct yg_reader r, bool whole, struct yg_tls *tls)
{
	struct hello hello = {.tls = tls, .ja3_first = true};
	md5_init(&hello.ja3);
	tls->version = yg_read16(&r);
	ja3_number(&hello, tls->version);
	yg_skip(&r, 32);
	yg_skip(&r, yg_read8(&r));
	struct yg_reader ciphers = yg_sub(&r, yg_read16(&r));
	yg_skip(&r, yg_read8(&r)); // compression methods
	if (r.failed || yg_left(&ciphers) % 2 || yg_left(&ciphers) == 0)
		return false;
	ja3_list16(&hello, ciphers);
	bool ok = true;
	if (yg_left(&r)) { // a hello of SSL 3.0 may end here
		size_t len = yg_read16(&r);
		if (!whole && len > yg_left(&r))
			len = yg_left(&r);
		struct yg_reader list = yg_sub(&r, len);
		hello.ja3_lost |= list.failed;
		ok = read_extensions(&hello, list) && yg_left(&r) == 0;
	} else {
		ja3_next_list(&hello);
	}
	if (whole && !hello.ja3_lost)
		ja3_finish(&hello);
	return ok;
}

enum yg_read yg_read_client_hello(const uint8_t *data, size_t len, bool quic, struct yg_tls *ret_tls, size_t *ret_need)
{
	if (len >= 1 && data[0] != CLIENT_HELLO)
		return YG_READ_NO;
	if (len < HANDSHAKE_HEADER) {
		*ret_need = HANDSHAKE_HEADER;
		*ret_tls = (struct yg_tls){.quic = quic};
		return YG_READ_MORE;
	}
	size_t claim = yg_load24(data + 1), have = len - HANDSHAKE_HEADER;
	if (claim > HELLO_CLAIM_MAX || (have >= 1 && claim >= 1 && data[HANDSHAKE_HEADER] != 3))
		return YG_READ_NO;
	bool whole = have >= claim;
	*ret_tls = (struct yg_tls){.quic = quic};
	bool ok = read_hello_body(yg_reader_of(data + HANDSHAKE_HEADER, whole ? claim : have), whole, ret_tls);
	if (whole)
		return ok ? YG_READ_OK : YG_READ_BROKEN;
	*ret_need = HANDSHAKE_HEADER + claim;
	return YG_READ_MORE;
}

// A record header that a client may open with. Short data is judged as far as it goes.
static bool record_starts(const uint8_t *data, size_t len)
{
	if (len >= 1 && data[0] != CONTENT_HANDSHAKE)
		return false;
	if (len >= 2 && data[1] != 3)
		return false;
	if (len >= 3 && data[2] > 4)
		return false;
	if (len >= RECORD_HEADER && (yg_load16(data + 3) == 0 || yg_load16(data + 3) > RECORD_MAX))
		return false;
	return len < RECORD_HEADER + 1 || data[RECORD_HEADER] == CLIENT_HELLO;
}

// Gathers the fragments of a hello that lies in several records. *ret_need: bytes of the stream that are wanted next.
// False when the records contradict themselves.
static bool gather(const uint8_t *data, size_t len, uint8_t *hello, size_t *ret_have, size_t *ret_need)
{
	size_t have = 0, want = HANDSHAKE_HEADER;
	struct yg_reader r = yg_reader_of(data, len);
	*ret_need = 0;
	while (have < want && have < HELLO_MAX) {
		if (yg_left(&r) < RECORD_HEADER) {
			*ret_need = (size_t)(r.p - data) + RECORD_HEADER + 1;
			break;
		}
		const uint8_t *header = yg_take(&r, RECORD_HEADER);
		size_t size = yg_load16(header + 3), part = size < yg_left(&r) ? size : yg_left(&r);
		if (header[0] != CONTENT_HANDSHAKE || header[1] != 3 || size == 0 || size > RECORD_MAX) {
			*ret_have = have;
			return false;
		}
		if (part > HELLO_MAX - have)
			part = HELLO_MAX - have;
		memcpy(hello + have, r.p, part);
		have += part;
		if (have >= HANDSHAKE_HEADER)
			want = HANDSHAKE_HEADER + yg_load24(hello + 1);
		if (have < want && yg_left(&r) < size) {
			size_t missing = size < want - (have - part) ? size : want - (have - part);
			*ret_need = (size_t)(r.p - data) + missing;
			break;
		}
		yg_skip(&r, size < yg_left(&r) ? size : yg_left(&r));
	}
	*ret_have = have;
	return true;
}

enum yg_read yg_read_tls(const uint8_t *data, size_t len, struct yg_tls *ret_tls, size_t *ret_need)
{
	if (!record_starts(data, len))
		return YG_READ_NO;
	if (len < RECORD_HEADER + HANDSHAKE_HEADER) {
		// A record shorter than the handshake header is legal: ask for one byte, judge again.
		*ret_need = len < RECORD_HEADER + 1 ? RECORD_HEADER + 1 : len + 1;
		*ret_tls = (struct yg_tls){0};
		return YG_READ_MORE;
	}
	size_t record = yg_load16(data + 3), in_record = 0;
	if (record >= HANDSHAKE_HEADER && HANDSHAKE_HEADER + yg_load24(data + RECORD_HEADER + 1) <= record) {
		size_t here = len - RECORD_HEADER < record ? len - RECORD_HEADER : record;
		enum yg_read read = yg_read_client_hello(data + RECORD_HEADER, here, false, ret_tls, &in_record);
		if (read == YG_READ_MORE)
			*ret_need = RECORD_HEADER + in_record;
		return read;
	}
	uint8_t hello[HELLO_MAX];
	size_t have = 0, need = 0;
	bool sane = gather(data, len, hello, &have, &need);
	enum yg_read read = yg_read_client_hello(hello, have, false, ret_tls, &in_record);
	if (read != YG_READ_MORE)
		return read;
	if (!sane || have == HELLO_MAX)
		return YG_READ_BROKEN;
	*ret_need = need > len ? need : len + 1;
	return YG_READ_MORE;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Fuzzes reassembly against a reference that is too simple to be wrong: an array of 65,536 bytes with a mark for each,
// a list of what came, no bounds but those of the input. The input is a program of six-byte steps, each a fragment of
// one of a few datagrams; bounds of the reassembler are chosen so that they are not reached in the first mode (both
// must agree on every answer and every byte), and so that they are reached all the time in the second (identities and
// no fault).
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/decode.h"
#include "engine/reassembly.h"

#define MUST(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			abort();                                                                                       \
	} while (0)

enum { DATAGRAMS = 4, PIECES = 256, DATA_MAX = 2048 };

struct reference {
	uint8_t bytes[65536], there[65536];
	uint32_t start[PIECES], end[PIECES], pieces;
	uint32_t total;
	bool dead, used;
};

static struct reference references[DATAGRAMS];

struct step {
	uint8_t af;
	uint32_t datagram, offset, length;
	bool more;
	uint8_t fill;
};

enum answer { KEPT, BAD, OVERLAP, WHOLE };

static bool is_bad(const struct reference *r, const struct step *s)
{
	uint32_t end = s->offset + s->length;
	if (!s->length || (s->more && s->length % 8) || end + (s->af == 4 ? 20 : 0) > 65535)
		return true;
	if (r->dead)
		return false;
	if (r->total && (end > r->total || (!s->more && end != r->total)))
		return true;
	for (uint32_t i = 0; i < r->pieces; i++)
		if (!s->more && !r->total && r->end[i] > end)
			return true;
	return false;
}

static bool is_duplicate(const struct reference *r, const struct step *s, const uint8_t *data)
{
	bool exact = false, equal = true;
	for (uint32_t i = 0; i < r->pieces; i++)
		exact |= r->start[i] == s->offset && r->end[i] == s->offset + s->length;
	for (uint32_t i = 0; i < s->length; i++)
		equal &= r->there[s->offset + i] && r->bytes[s->offset + i] == data[i];
	return exact && equal;
}

static bool is_whole(const struct reference *r)
{
	for (uint32_t i = 0; i < r->total; i++)
		if (!r->there[i])
			return false;
	return r->total != 0;
}

static enum answer refer(struct reference *r, const struct step *s, const uint8_t *data)
{
	r->used = true;
	if (is_bad(r, s))
		return BAD;
	if (r->dead)
		return OVERLAP;
	if (is_duplicate(r, s, data))
		return KEPT;
	bool overlaps = false;
	for (uint32_t i = 0; i < s->length; i++)
		overlaps |= r->there[s->offset + i];
	if (overlaps && s->af == 6) {
		r->dead = true;
		return OVERLAP;
	}
	for (uint32_t i = 0; i < s->length; i++)
		if (!r->there[s->offset + i]) {
			r->there[s->offset + i] = 1;
			r->bytes[s->offset + i] = data[i];
		}
	r->start[r->pieces] = s->offset;
	r->end[r->pieces++] = s->offset + s->length;
	if (!s->more)
		r->total = s->offset + s->length;
	return is_whole(r) ? WHOLE : KEPT;
}

static uint32_t write_fragment(uint8_t *p, const struct step *s)
{
	memset(p, 0, 48);
	if (s->af == 4) {
		p[0] = 0x45;
		p[9] = 253; // no transport: nothing can be tiny
		yg_store16(p + 2, (uint16_t)(20 + s->length));
		yg_store16(p + 4, (uint16_t)s->datagram);
		yg_store16(p + 6, (uint16_t)(s->more << 13 | s->offset / 8));
	} else {
		p[0] = 0x60;
		p[6] = 44;
		p[40] = 253;
		yg_store16(p + 4, (uint16_t)(8 + s->length));
		yg_store16(p + 42, (uint16_t)(s->offset | s->more));
		yg_store32(p + 44, s->datagram);
	}
	uint32_t header = s->af == 4 ? 20 : 48;
	for (uint32_t i = 0; i < s->length; i++)
		p[header + i] = (uint8_t)(s->fill + (s->offset + i) / 8);
	return header + s->length;
}

static void compare(struct reference *r, const struct step *s, const uint8_t *data, const uint8_t *whole, uint32_t len,
                    enum yg_decode_end end)
{
	uint32_t header = s->af == 4 ? 20 : 40;
	switch (refer(r, s, data)) {
	case KEPT:
		MUST(!len && end == YG_DECODE_FRAGMENT);
		break;
	case BAD:
		MUST(!len && end == YG_DECODE_FRAGMENT_BAD);
		break;
	case OVERLAP:
		MUST(!len && end == YG_DECODE_FRAGMENT_OVERLAP);
		break;
	case WHOLE:
		MUST(end == YG_DECODE_FRAGMENT && len == header + r->total);
		MUST(!memcmp(whole + header, r->bytes, r->total));
		MUST(s->af == 4 ? yg_load16(whole + 2) == len && !(whole[6] & 0x3f) : yg_load16(whole + 4) == len - 40);
		memset(r, 0, sizeof *r);
		break;
	}
}

static struct step read_step(const uint8_t *p)
{
	struct step s = {
	    .af = p[0] & 1 ? 6 : 4,
	    .more = p[0] >> 1 & 1,
	    .fill = p[0] >> 2 & 1,
	    .datagram = p[0] >> 3 & 1,
	    .offset = (yg_load16(p + 1) & 0x1fff) * 8u,
	    .length = yg_load16(p + 3) % DATA_MAX,
	};
	if (p[0] & 0x10) // as a rule near each other, so that they meet
		s.offset %= 512;
	if (p[0] & 0x20)
		s.length &= ~7u;
	if (p[0] & 0x40)
		s.length %= 128;
	s.datagram = s.datagram * 2 + (s.af == 6);
	return s;
}

static void check_stats(const struct yg_reassembly *ra, const struct yg_reassembly_options *options)
{
	struct yg_reassembly_stats stats;
	yg_reassembly_stats(ra, &stats);
	MUST(stats.fragments == stats.consumed + stats.given_up + stats.pending_now);
	MUST(stats.bytes_now <= options->bytes && stats.trackers_now <= options->trackers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct yg_decode_options plain = {0};
	static uint8_t packet[48 + DATA_MAX];
	if (size < 1 || size > 1 + 6 * PIECES)
		return 0;
	bool narrow = data[0] & 1;
	const struct yg_reassembly_options options = {
	    .trackers = narrow ? 2 : DATAGRAMS,
	    .fragments = narrow ? 4 : PIECES,
	    .bytes = narrow ? 4096 : DATAGRAMS * 65536,
	    .time_ns = narrow ? 40 : YG_NS_PER_S,
	    .key = yg_hash_key_replay,
	};
	struct yg_reassembly *ra = yg_reassembly_create(&options);
	if (!ra)
		return 0;
	for (unsigned i = 0; i < DATAGRAMS; i++)
		if (references[i].used) // most inputs touch one
			memset(&references[i], 0, sizeof references[i]);
	for (size_t at = 1; at + 6 <= size; at += 6) {
		struct yg_view view;
		const uint8_t *whole = NULL;
		enum yg_decode_end end;
		unsigned flags;
		struct step s = read_step(data + at);
		uint32_t len = write_fragment(packet, &s);
		yg_decode(&plain, YG_LINK_RAW, packet, len, len, &view);
		if (view.end != YG_DECODE_FRAGMENT) // offset 0 and no more: a packet
			continue;
		view.time = yg_time_ns((int64_t)at + data[at + 5] % 8);
		len = yg_reassembly_add(ra, &view, &whole, &end, &flags);
		if (!narrow)
			compare(&references[s.datagram], &s, packet + view.payload, whole, len, end);
		check_stats(ra, &options);
	}
	yg_reassembly_destroy(ra);
	return 0;
}

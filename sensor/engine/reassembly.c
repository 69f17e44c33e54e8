// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Reassembly: what fragments mean. Placed behind decode, for packets that ended as YG_DECODE_FRAGMENT; a whole goes
// back through yg_decode_reassembled. Every fragment is copied to its place in the datagram, in gaps only, so that what
// came first wins; the list of spans as they came tells duplicates from overlaps. Hosts differ in whom they believe in
// an overlap; following one of them would only move the evasion, so we keep the first and flag what differs.
//
// A datagram that broke a rule (IPv6 overlap, too many fragments, no bytes left) leaves a dead tracker behind until its
// time is over, so that its later fragments cannot start it anew. Thread: the owner of the reassembler.
#include "engine/reassembly_internal.h"

#include <string.h>

#include "base/bytes.h"

// One fragment, read from its view and checked.
struct piece {
	const uint8_t *data;
	uint32_t start, end; // claimed
	uint32_t have;       // captured, from start on
	bool last;
};

static uint8_t *byte_at(const struct yg_reassembly *ra, const struct ra_tracker *t, uint32_t at)
{
	return ra->data + (size_t)t->blocks[at / YG_RA_BLOCK] * YG_RA_BLOCK + at % YG_RA_BLOCK;
}

static uint32_t run_length(uint32_t at, uint32_t end)
{
	uint32_t block = YG_RA_BLOCK - at % YG_RA_BLOCK;
	return end - at < block ? end - at : block;
}

static void store(const struct yg_reassembly *ra, struct ra_tracker *t, const struct piece *piece, uint32_t from,
                  uint32_t to)
{
	uint32_t known = piece->start + piece->have;
	if (to > known)
		to = known;
	for (uint32_t at = from, n; at < to; at += n) {
		n = run_length(at, to);
		memcpy(byte_at(ra, t, at), piece->data + (at - piece->start), n);
	}
}

static bool same(const struct yg_reassembly *ra, const struct ra_tracker *t, const struct piece *piece, uint32_t from,
                 uint32_t to)
{
	uint32_t known = piece->start + piece->have;
	known = known < t->cut ? known : t->cut;
	if (to > known)
		to = known;
	for (uint32_t at = from, n; at < to; at += n) {
		n = run_length(at, to);
		if (memcmp(byte_at(ra, t, at), piece->data + (at - piece->start), n) != 0)
			return false;
	}
	return true;
}

enum merge { MERGE_NEW, MERGE_DUPLICATE, MERGE_OVERLAP, MERGE_DIFFERENT };

// Compares the piece with what is there and, when `fill`, copies it into the gaps. *ret_filled: bytes of the gaps.
static enum merge walk(const struct yg_reassembly *ra, struct ra_tracker *t, const struct piece *piece, bool fill,
                       uint32_t *ret_filled)
{
	const struct ra_span *spans = yg_ra_spans(ra, t);
	bool touched = false, exact = false, equal = true;
	uint32_t at = piece->start, filled = 0;
	for (uint32_t i = 0; i < t->spans && spans[i].start < piece->end; i++) {
		if (spans[i].end <= piece->start)
			continue;
		touched = true;
		exact |= spans[i].start == piece->start && spans[i].end == piece->end;
		if (spans[i].end <= at)
			continue;
		if (spans[i].start > at) {
			if (fill)
				store(ra, t, piece, at, spans[i].start);
			filled += spans[i].start - at;
			at = spans[i].start;
		}
		uint32_t to = spans[i].end < piece->end ? spans[i].end : piece->end;
		equal = equal && same(ra, t, piece, at, to);
		at = to;
	}
	if (fill)
		store(ra, t, piece, at, piece->end);
	*ret_filled = filled + (piece->end - at);
	if (!touched)
		return MERGE_NEW;
	if (!equal)
		return MERGE_DIFFERENT;
	return exact ? MERGE_DUPLICATE : MERGE_OVERLAP;
}

static void add_span(struct yg_reassembly *ra, struct ra_tracker *t, const struct piece *piece)
{
	struct ra_span *spans = yg_ra_spans(ra, t);
	uint32_t i = t->spans;
	for (; i > 0 && spans[i - 1].start > piece->start; i--)
		spans[i] = spans[i - 1];
	spans[i] = (struct ra_span){(uint16_t)piece->start, (uint16_t)piece->end};
	t->spans++;
}

// The header chain of a first fragment up to its transport: is all of it there? (RFC 1858, RFC 7112)
static bool is_tiny(const struct piece *piece, uint8_t next)
{
	struct yg_reader r = yg_reader_of(piece->data, piece->have);
	bool cut = piece->have < piece->end - piece->start; // by the capture, not by the sender
	while (next == 0 || next == 43 || next == 60 || next == 51) {
		const uint8_t *p = yg_left(&r) >= 2 ? r.p : NULL;
		uint32_t length = !p ? 0 : next == 51 ? (p[1] + 2u) * 4 : (p[1] + 1u) * 8;
		if (!p || !yg_skip(&r, length))
			return !cut;
		next = p[0];
	}
	size_t left = yg_left(&r), need = 0;
	switch (next) {
	case 6:
		need = left >= 20 ? (r.p[12] >> 4) * 4u : 20;
		break;
	case 17:
	case 1:
	case 58:
		need = 8;
		break;
	case 132:
		need = 12;
		break;
	default:
		break;
	}
	return left < need && !cut;
}

// The fragment in the view. False when its numbers cannot be.
static bool read_piece(const struct yg_view *view, struct piece *ret_piece)
{
	if (!(view->flags & YG_VIEW_FRAGMENT) || view->frag_header_len > YG_RA_HEADER_MAX ||
	    view->frag_header_len < (view->af == 4 ? 20 : 48) || view->ip_bytes <= view->frag_header_len ||
	    view->payload_len == 0 || view->l3 > view->caplen || view->l3_len > view->caplen - view->l3 ||
	    view->l3_len < view->frag_header_len)
		return false;
	uint32_t length = view->ip_bytes - view->frag_header_len;
	uint32_t have = view->l3_len - view->frag_header_len;
	uint32_t end = view->frag_offset + length;
	// A whole must fit into the length field of its header, which does not count IPv6's first 40 bytes.
	uint32_t header = view->frag_header_len - (view->af == 6 ? 48u : 0);
	if (end > 65535 || end + header > 65535 || (view->frag_more && length % 8))
		return false;
	*ret_piece = (struct piece){
	    .data = view->data + view->l3 + view->frag_header_len,
	    .start = view->frag_offset,
	    .end = end,
	    .have = have < length ? have : length,
	    .last = !view->frag_more,
	};
	return true;
}

// Does the piece contradict where the datagram ends?
static bool beyond_end(const struct yg_reassembly *ra, const struct ra_tracker *t, const struct piece *piece)
{
	if (t->total && (piece->end > t->total || (piece->last && piece->end != t->total)))
		return true;
	if (!piece->last || t->total)
		return false;
	const struct ra_span *spans = yg_ra_spans(ra, t);
	for (uint32_t i = 0; i < t->spans; i++)
		if (spans[i].end > piece->end)
			return true;
	return false;
}

static enum yg_decode_end die(struct yg_reassembly *ra, struct ra_tracker *t, enum yg_decode_end reason,
                              uint64_t *counter)
{
	yg_ra_empty(ra, t);
	t->dead = (uint8_t)reason;
	++*counter;
	return reason;
}

static void note_overlap(struct yg_reassembly *ra, struct ra_tracker *t, enum merge merge)
{
	if (merge == MERGE_NEW)
		return;
	if (merge == MERGE_DUPLICATE) {
		ra->stats.duplicates++;
		return;
	}
	ra->stats.overlaps++;
	t->flags |= YG_RA_OVERLAP;
	if (merge == MERGE_DIFFERENT) {
		ra->stats.overlaps_differ++;
		t->flags |= YG_RA_DIFFERENT;
	}
}

static enum yg_decode_end place(struct yg_reassembly *ra, struct ra_tracker *t, const struct piece *piece)
{
	uint32_t filled;
	enum merge merge = walk(ra, t, piece, false, &filled);
	note_overlap(ra, t, merge);
	if (merge == MERGE_DUPLICATE)
		return YG_DECODE_FRAGMENT;
	if (merge != MERGE_NEW && t->key.af == 6)
		return die(ra, t, YG_DECODE_FRAGMENT_OVERLAP, &ra->stats.v6_overlap);
	if (t->spans == ra->options.fragments)
		return die(ra, t, YG_DECODE_FRAGMENT_LIMIT, &ra->stats.over_fragments);
	if (!yg_ra_room(ra, t, piece->start, piece->end))
		return die(ra, t, YG_DECODE_FRAGMENT_LIMIT, &ra->stats.over_bytes);
	walk(ra, t, piece, true, &filled);
	add_span(ra, t, piece);
	t->covered += filled;
	if (piece->start + piece->have < piece->end && piece->start + piece->have < t->cut)
		t->cut = piece->start + piece->have;
	if (piece->last)
		t->total = piece->end;
	return YG_DECODE_FRAGMENT;
}

static void keep_header(struct ra_tracker *t, const struct yg_view *view)
{
	if (t->header_len || view->frag_offset)
		return;
	t->header_len = (uint8_t)view->frag_header_len;
	t->next = view->frag_next;
	memcpy(t->header, view->data + view->l3, t->header_len);
}

static void finish_ipv4(uint8_t *header, uint32_t header_len, uint32_t total)
{
	uint32_t sum = 0;
	yg_store16(header + 2, (uint16_t)total);
	yg_store16(header + 6, yg_load16(header + 6) & 0x4000);
	yg_store16(header + 10, 0);
	for (uint32_t i = 0; i + 1 < header_len; i += 2)
		sum += yg_load16(header + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	yg_store16(header + 10, (uint16_t)~sum);
}

// Takes the fragment header out: whichever header named it now names what it carried. decode has walked this chain.
static void finish_ipv6(uint8_t *header, uint32_t header_len, uint32_t total, uint8_t next)
{
	uint8_t *names = header + 6;
	uint32_t at = 40;
	while (at + 8 <= header_len) {
		uint32_t length = (header[at + 1] + 1u) * 8;
		if (*names == 51)
			length = (header[at + 1] + 2u) * 4;
		else if (*names == 44) // an atomic one before the one that is taken out
			length = 8;
		names = header + at;
		at += length;
	}
	*names = next;
	yg_store16(header + 4, (uint16_t)(total - 40));
}

// Headers of fragments may differ in length: only now is it sure that the first one's leaves room for the length field.
static bool fits(const struct ra_tracker *t)
{
	return t->header_len - (t->key.af == 6 ? 48u : 0) + t->total <= 65535;
}

// Puts the whole together in ra->whole. Its length: up to the first byte that the capture left out.
static uint32_t put_together(struct yg_reassembly *ra, const struct ra_tracker *t)
{
	uint32_t header_len = t->header_len - (t->key.af == 6 ? 8u : 0);
	uint32_t length = t->total < t->cut ? t->total : t->cut;
	memcpy(ra->whole, t->header, header_len);
	if (t->key.af == 4)
		finish_ipv4(ra->whole, header_len, header_len + t->total);
	else
		finish_ipv6(ra->whole, header_len, header_len + t->total, t->next);
	for (uint32_t at = 0, n; at < length; at += n) {
		n = run_length(at, length);
		memcpy(ra->whole + header_len + at, byte_at(ra, t, at), n);
	}
	return header_len + length;
}

static struct ra_tracker *tracker_of(struct yg_reassembly *ra, const struct yg_view *view)
{
	struct ra_key key = {
	    .src = view->src,
	    .dst = view->dst,
	    .id = view->frag_id,
	    .domain = view->domain,
	    .proto = view->af == 4 ? view->frag_next : 0,
	    .af = view->af,
	};
	yg_ra_expire(ra, view->time);
	struct ra_tracker *t = yg_ra_find(ra, &key);
	if (t && yg_time_diff_ns(view->time, t->created) >= ra->options.time_ns) {
		// Older ones were due before it; they wait for the next calls.
		ra->stats.timeouts += !t->dead;
		ra->stats.given_up += t->fragments;
		yg_ra_remove(ra, t);
		t = NULL;
	}
	return t ? t : yg_ra_start(ra, &key, view->time);
}

static enum yg_decode_end refuse(struct yg_reassembly *ra, enum yg_decode_end reason)
{
	ra->stats.given_up++;
	return reason;
}

static enum yg_decode_end add_piece(struct yg_reassembly *ra, struct ra_tracker *t, const struct yg_view *view,
                                    const struct piece *piece)
{
	if (t->dead)
		return (enum yg_decode_end)t->dead;
	enum yg_decode_end end = place(ra, t, piece);
	if (end != YG_DECODE_FRAGMENT)
		return end;
	keep_header(t, view);
	if (piece->start || piece->last || !is_tiny(piece, view->frag_next))
		return end;
	ra->stats.tiny++;
	t->flags |= YG_RA_TINY;
	return YG_DECODE_FRAGMENT_TINY;
}

uint32_t yg_reassembly_add(struct yg_reassembly *ra, const struct yg_view *view, const uint8_t **ret_data,
                           enum yg_decode_end *ret_end, unsigned *ret_flags)
{
	struct piece piece;
	ra->stats.fragments++;
	*ret_flags = 0;
	if (!read_piece(view, &piece)) {
		ra->stats.bad++;
		*ret_end = refuse(ra, YG_DECODE_FRAGMENT_BAD);
		return 0;
	}
	struct ra_tracker *t = tracker_of(ra, view);
	if (!t->dead && beyond_end(ra, t, &piece)) {
		ra->stats.bad++;
		*ret_end = refuse(ra, YG_DECODE_FRAGMENT_BAD);
		return 0;
	}
	t->fragments++;
	ra->stats.pending_now++;
	*ret_end = add_piece(ra, t, view, &piece);
	if (t->dead || !t->total || t->covered != t->total)
		return 0;
	if (!fits(t)) {
		*ret_end = die(ra, t, YG_DECODE_FRAGMENT_BAD, &ra->stats.bad);
		return 0;
	}
	uint32_t length = put_together(ra, t);
	*ret_data = ra->whole;
	*ret_flags = t->flags;
	ra->stats.whole++;
	ra->stats.consumed += t->fragments;
	yg_ra_remove(ra, t);
	return length;
}

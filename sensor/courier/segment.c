// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See segment.h.
#include "courier/segment.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"

static const char magic[8] = "YGRWAL1";
enum { VERSION = 1, HEADER_SUM = 56 };

static uint16_t get16(struct yg_reader *r)
{
	return __builtin_bswap16(yg_read16(r));
}

static uint32_t get32(struct yg_reader *r)
{
	return __builtin_bswap32(yg_read32(r));
}

static uint64_t get64(struct yg_reader *r)
{
	uint64_t low = get32(r);
	return low | (uint64_t)get32(r) << 32;
}

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof v);
	return p + sizeof v;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof v);
	return p + sizeof v;
}

static uint8_t *put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof v);
	return p + sizeof v;
}

static uint8_t *put_raw(uint8_t *p, const void *bytes, size_t size)
{
	memcpy(p, bytes, size);
	return p + size;
}

static void get_raw(struct yg_reader *r, void *ret, size_t size)
{
	const uint8_t *p = yg_take(r, size);
	if (p)
		memcpy(ret, p, size);
}

const char *yg_spool_class_name(unsigned class)
{
	static const char *const names[] = {"high", "alert", "flow", "metric"};
	return class < YG_SPOOL_CLASSES ? names[class] : "none";
}

// ---- header and name ----

void yg_segment_put_header(uint8_t out[YG_SEGMENT_HEADER], struct yg_segment_header *header)
{
	memset(out, 0, YG_SEGMENT_HEADER);
	uint8_t *p = put_raw(out, magic, sizeof magic);
	p = put16(p, VERSION);
	p = put16(p, YG_SEGMENT_HEADER);
	p = put32(p, 0);
	p = put_raw(p, header->uuid, sizeof header->uuid);
	p = put64(p, header->generation);
	p = put64(p, header->first_lsn);
	put64(p, header->created_ns);
	header->seed = yg_crc32c(0, out, HEADER_SUM);
	put32(out + HEADER_SUM, header->seed);
}

bool yg_segment_get_header(const uint8_t *bytes, size_t size, struct yg_segment_header *ret_header)
{
	struct yg_segment_header header = {0};
	struct yg_reader r = yg_reader_of(bytes, size < YG_SEGMENT_HEADER ? 0 : YG_SEGMENT_HEADER);
	const uint8_t *found = yg_take(&r, sizeof magic);
	uint16_t version = get16(&r), length = get16(&r);
	uint32_t flags = get32(&r);
	get_raw(&r, header.uuid, sizeof header.uuid);
	header.generation = get64(&r);
	header.first_lsn = get64(&r);
	header.created_ns = get64(&r);
	header.seed = get32(&r);
	uint32_t zero = get32(&r);
	if (r.failed || memcmp(found, magic, sizeof magic) != 0 || version != VERSION || length != YG_SEGMENT_HEADER || flags || zero)
		return false;
	if (header.seed != yg_crc32c(0, bytes, HEADER_SUM) || header.first_lsn == 0 || header.first_lsn > YG_LSN_MAX)
		return false;
	*ret_header = header;
	return true;
}

void yg_segment_name(char out[YG_SEGMENT_NAME], uint64_t generation, uint64_t first_lsn)
{
	snprintf(out, YG_SEGMENT_NAME, "seg-%016llx-%016llx.wal", (unsigned long long)generation, (unsigned long long)first_lsn);
}

static bool parse_hex(const char *text, uint64_t *ret_value)
{
	uint64_t value = 0;
	for (int i = 0; i < 16; i++) {
		const char *digits = "0123456789abcdef", *digit = text[i] ? strchr(digits, text[i]) : NULL;
		if (!digit)
			return false;
		value = value << 4 | (uint64_t)(digit - digits);
	}
	*ret_value = value;
	return true;
}

bool yg_segment_parse_name(const char *name, uint64_t *ret_generation, uint64_t *ret_first_lsn)
{
	uint64_t generation, first;
	if (strlen(name) != 4 + 16 + 1 + 16 + 4 || memcmp(name, "seg-", 4) != 0 || name[20] != '-' || memcmp(name + 37, ".wal", 4) != 0)
		return false;
	if (!parse_hex(name + 4, &generation) || !parse_hex(name + 21, &first) || first == 0 || first > YG_LSN_MAX)
		return false;
	*ret_generation = generation;
	*ret_first_lsn = first;
	return true;
}

// ---- records ----

void yg_segment_put(uint8_t *out, const struct yg_segment_record *record)
{
	uint8_t *p = put32(out, record->size);
	p = put32(p, 0);
	p = put64(p, record->lsn);
	p = put16(p, record->type);
	p = put16(p, record->class);
	p = put32(p, record->producer);
	p = put64(p, record->pseq);
	p = put_raw(p, record->payload, record->size);
	memset(p, 0, yg_segment_whole(record->size) - YG_SEGMENT_RECORD - record->size);
}

static uint32_t sum_of(const uint8_t *record, size_t whole, uint32_t seed)
{
	return yg_crc32c(yg_crc32c(seed, record, 4), record + 8, whole - 8);
}

void yg_segment_sum(uint8_t *record, uint32_t seed)
{
	struct yg_reader r = yg_reader_of(record, 4);
	put32(record + 4, sum_of(record, yg_segment_whole(get32(&r)), seed));
}

static bool known_type(unsigned type, unsigned flags)
{
	if (yg_segment_takes_lsn(type))
		return flags < YG_SPOOL_CLASSES;
	return (type == YG_SPOOL_MARK || type == YG_SPOOL_CARRY || type == YG_SPOOL_SEAL) && flags == 0;
}

enum yg_segment_found yg_segment_get(const uint8_t *bytes, size_t size, uint32_t seed, struct yg_segment_record *ret_record,
                                     size_t *ret_summed)
{
	static const uint8_t zeros[YG_SEGMENT_RECORD];
	struct yg_reader r = yg_reader_of(bytes, size);
	*ret_summed = 0;
	if (size < YG_SEGMENT_RECORD)
		return memcmp(bytes, zeros, size) == 0 ? YG_SEGMENT_ZEROS : YG_SEGMENT_BAD;
	uint32_t length = get32(&r), sum = get32(&r);
	struct yg_segment_record record = {.lsn = get64(&r), .type = get16(&r)};
	uint16_t flags = get16(&r);
	record.producer = get32(&r);
	record.pseq = get64(&r);
	if (length == 0)
		return memcmp(bytes, zeros, sizeof zeros) == 0 ? YG_SEGMENT_ZEROS : YG_SEGMENT_BAD;
	if (length > YG_SPOOL_RECORD_MAX || yg_segment_whole(length) > size || !known_type(record.type, flags))
		return YG_SEGMENT_BAD;
	if (record.lsn == 0 || record.lsn > YG_LSN_MAX)
		return YG_SEGMENT_BAD;
	*ret_summed = yg_segment_whole(length);
	if (sum_of(bytes, *ret_summed, seed) != sum)
		return YG_SEGMENT_BAD;
	record.class = (uint8_t)flags;
	record.size = length;
	record.payload = yg_take(&r, length);
	*ret_record = record;
	return YG_SEGMENT_GOOD;
}

// ---- payloads ----

void yg_spool_put_gap(uint8_t out[YG_SPOOL_GAP_BYTES], const struct yg_spool_gap *gap)
{
	out[0] = gap->class;
	out[1] = gap->reason;
	uint8_t *p = put16(out + 2, 0);
	p = put32(p, gap->producer);
	p = put64(p, gap->count);
	p = put64(p, gap->from);
	put64(p, gap->to);
}

bool yg_spool_get_gap(const struct yg_segment_record *record, struct yg_spool_gap *ret_gap)
{
	struct yg_reader r = yg_reader_of(record->payload, record->size);
	struct yg_spool_gap gap = {.class = yg_read8(&r), .reason = yg_read8(&r)};
	get16(&r);
	gap.producer = get32(&r);
	gap.count = get64(&r);
	gap.from = get64(&r);
	gap.to = get64(&r);
	if (r.failed || yg_left(&r) || record->type != YG_SPOOL_GAP || gap.reason < YG_SPOOL_GAP_SHED || gap.reason > YG_SPOOL_GAP_DAMAGED)
		return false;
	if (gap.from > gap.to || (gap.class >= YG_SPOOL_CLASSES && gap.class != YG_SPOOL_GAP_NO_CLASS))
		return false;
	*ret_gap = gap;
	return true;
}

void yg_spool_put_mark(uint8_t out[YG_SPOOL_MARK_BYTES], uint64_t durable)
{
	put64(out, durable);
}

bool yg_spool_get_mark(const struct yg_segment_record *record, uint64_t *ret_durable)
{
	struct yg_reader r = yg_reader_of(record->payload, record->size);
	uint64_t durable = get64(&r);
	if (r.failed || yg_left(&r) || record->type != YG_SPOOL_MARK)
		return false;
	*ret_durable = durable;
	return true;
}

size_t yg_spool_put_carry(uint8_t out[YG_SPOOL_CARRY_MAX], const struct yg_spool_carry *carry)
{
	uint32_t count = carry->count < YG_SEGMENT_HIGHS ? carry->count : YG_SEGMENT_HIGHS;
	uint8_t *p = put_raw(out, carry->previous, sizeof carry->previous);
	p = put64(p, carry->previous_first);
	p = put64(p, carry->holes_told);
	p = put32(p, carry->has_previous);
	p = put32(p, count);
	for (uint32_t i = 0; i < count; i++) {
		p = put32(p, carry->highs[i].producer);
		p = put32(p, carry->highs[i].lane);
		p = put64(p, carry->highs[i].pseq);
	}
	return (size_t)(p - out);
}

bool yg_spool_get_carry(const struct yg_segment_record *record, struct yg_spool_carry *ret_carry)
{
	struct yg_reader r = yg_reader_of(record->payload, record->size);
	memset(ret_carry, 0, sizeof *ret_carry);
	get_raw(&r, ret_carry->previous, sizeof ret_carry->previous);
	ret_carry->previous_first = get64(&r);
	ret_carry->holes_told = get64(&r);
	ret_carry->has_previous = get32(&r) != 0;
	ret_carry->count = get32(&r);
	if (r.failed || record->type != YG_SPOOL_CARRY || ret_carry->count > YG_SEGMENT_HIGHS)
		return false;
	for (uint32_t i = 0; i < ret_carry->count; i++) {
		struct yg_spool_high *high = &ret_carry->highs[i];
		high->producer = get32(&r);
		high->lane = get32(&r);
		high->pseq = get64(&r);
		if (high->lane >= YG_SPOOL_LANES)
			return false;
	}
	return !r.failed && yg_left(&r) == 0;
}

void yg_spool_put_seal(uint8_t out[YG_SPOOL_SEAL_BYTES], const struct yg_spool_seal *seal)
{
	uint8_t *p = put64(out, seal->count);
	p = put_raw(p, seal->sha, sizeof seal->sha);
	put_raw(p, seal->previous, sizeof seal->previous);
}

bool yg_spool_get_seal(const struct yg_segment_record *record, struct yg_spool_seal *ret_seal)
{
	struct yg_reader r = yg_reader_of(record->payload, record->size);
	struct yg_spool_seal seal = {.count = get64(&r)};
	get_raw(&r, seal.sha, sizeof seal.sha);
	get_raw(&r, seal.previous, sizeof seal.previous);
	if (r.failed || yg_left(&r) || record->type != YG_SPOOL_SEAL)
		return false;
	*ret_seal = seal;
	return true;
}

// ---- walking ----

void yg_segment_walk_start(struct yg_segment_walk *walk, const struct yg_segment_header *header, size_t size)
{
	*walk = (struct yg_segment_walk){.size = size,
	                                 .durable = size,
	                                 .seed = header->seed,
	                                 .next_lsn = header->first_lsn,
	                                 .end_lsn = YG_LSN_MAX,
	                                 .offset = YG_SEGMENT_HEADER};
}


void yg_segment_walk_memory(struct yg_segment_walk *walk, const struct yg_segment_header *header, const uint8_t *bytes, size_t size)
{
	yg_segment_walk_start(walk, header, size);
	walk->context = (void *)bytes;
}

static const uint8_t *bytes_at(struct yg_segment_walk *walk, size_t offset, size_t *ret_left)
{
	if (walk->bytes)
		return walk->bytes(walk->context, offset, ret_left);
	*ret_left = walk->size - offset;
	return (const uint8_t *)walk->context + offset;
}

static enum yg_segment_found look(struct yg_segment_walk *walk, size_t offset, struct yg_segment_record *ret_record, bool *ret_failed)
{
	size_t left, summed;
	const uint8_t *bytes = bytes_at(walk, offset, &left);
	*ret_failed = !bytes;
	if (!bytes)
		return YG_SEGMENT_BAD;
	if (left > walk->size - offset)
		left = walk->size - offset;
	enum yg_segment_found found = yg_segment_get(bytes, left, walk->seed, ret_record, &summed);
	if (found != YG_SEGMENT_GOOD || ret_record->lsn != walk->next_lsn)
		walk->searched += summed;
	return found;
}

// Behind damage at walk->offset: the next record whose LSN can stand there. 1, 0 when there is none, or -EIO.
static int search(struct yg_segment_walk *walk, struct yg_segment_record *ret_record)
{
	bool failed;
	for (size_t at = walk->offset + 8; at + YG_SEGMENT_WHOLE_MIN <= walk->size; at += 8) {
		if (walk->searched > YG_SEGMENT_SEARCH) {
			walk->gave_up = true;
			return 0;
		}
		enum yg_segment_found found = look(walk, at, ret_record, &failed);
		if (failed)
			return -EIO;
		// No more LSNs can have gone than records had room.
		uint64_t most = (at - walk->offset) / YG_SEGMENT_WHOLE_MIN;
		if (found != YG_SEGMENT_GOOD || ret_record->lsn < walk->next_lsn || ret_record->lsn - walk->next_lsn > most)
			continue;
		walk->damaged++;
		walk->damaged_at = walk->offset;
		walk->offset = at;
		return 1;
	}
	return 0;
}

int yg_segment_next(struct yg_segment_walk *walk, struct yg_segment_record *ret_record)
{
	struct yg_segment_record record;
	bool failed;
	if (walk->offset + YG_SEGMENT_WHOLE_MIN > walk->size)
		return 0;
	enum yg_segment_found found = look(walk, walk->offset, &record, &failed);
	if (failed)
		return -EIO;
	if (found != YG_SEGMENT_GOOD || record.lsn != walk->next_lsn) {
		if (walk->offset >= walk->durable || walk->next_lsn >= walk->end_lsn)
			return 0;
		int status = search(walk, &record);
		if (status <= 0)
			return status;
	}
	bool takes = yg_segment_takes_lsn(record.type);
	if (takes ? record.lsn >= walk->end_lsn : record.lsn > walk->end_lsn)
		return 0;
	walk->skipped = record.lsn - walk->next_lsn;
	walk->at = walk->offset;
	walk->next_lsn = record.lsn + takes;
	walk->offset += yg_segment_whole(record.size);
	*ret_record = record;
	return 1;
}

size_t yg_segment_durable(const struct yg_segment_header *header, const uint8_t *bytes, size_t size)
{
	struct yg_segment_record record;
	struct yg_segment_walk walk;
	size_t durable = YG_SEGMENT_HEADER;
	uint64_t mark;
	yg_segment_walk_memory(&walk, header, bytes, size);
	while (yg_segment_next(&walk, &record) == 1) {
		if (yg_spool_get_mark(&record, &mark) && mark <= walk.at && mark > durable)
			durable = (size_t)mark;
		if (record.type == YG_SPOOL_SEAL)
			durable = walk.at;
	}
	return durable;
}

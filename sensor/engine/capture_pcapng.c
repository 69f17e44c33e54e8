// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// pcapng (draft-ietf-opsawg-pcapng): blocks of "type, length, body, length again". Sections, interfaces and the three
// kinds of packet are read; every other block (names, statistics, secrets, custom) is passed over, however long.
// Packets of interfaces that differ in link type, snap length or clock stand side by side, as `tcpdump -i any` and
// mergecap write them. The two lengths of a block must agree, or the file lies and nothing after it can be trusted.
// Pure; see capture_file.c for who calls.
#include "engine/capture_internal.h"

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET_OLD = 2,
	BLOCK_PACKET_SIMPLE = 3,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_HEADER = 8,  // type and length
	BLOCK_TRAILER = 4, // length again
	BLOCK_PEEK = 12,   // a section's byte order stands behind its length
	BLOCK_LEAST = BLOCK_HEADER + BLOCK_TRAILER,
	OPTION_END = 0,
	OPTION_TSRESOL = 9,
	OPTION_TSOFFSET = 14,
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

struct block {
	uint32_t type, length;
	struct yg_reader body;
};

static bool section_order(const uint8_t *bytes, bool *ret_big)
{
	uint32_t magic = yg_load32(bytes + BLOCK_HEADER);
	*ret_big = magic == BYTE_ORDER_MAGIC;
	return *ret_big || magic == __builtin_bswap32(BYTE_ORDER_MAGIC);
}

bool yg_pcapng_magic(const uint8_t *bytes, size_t size)
{
	bool big;
	if (size < 4 || yg_load32(bytes) != BLOCK_SECTION)
		return false;
	return size < BLOCK_PEEK || section_order(bytes, &big);
}

static enum yg_step lies(struct yg_capture_file *file, const struct block *block, const char *what)
{
	return yg_capture_file_damage(file, "the block of type %u and length %u at byte %llu %s", block->type,
	                              block->length, (unsigned long long)file->offset, what);
}

static enum yg_step read_section(struct yg_capture_file *file, struct block *block)
{
	yg_skip(&block->body, 4); // the byte order
	uint16_t major = yg_read16_order(&block->body, file->big);
	uint16_t minor = yg_read16_order(&block->body, file->big);
	if (!yg_skip(&block->body, 8)) // the section's length: a claim that nobody needs
		return lies(file, block, "is too short for a section");
	if (major != 1)
		return yg_capture_file_damage(file, "pcapng version %u.%u, where 1.0 is known", major, minor);
	file->interface_count = 0;
	return YG_STEP_PASS;
}

static void apply_option(struct yg_interface *interface, uint16_t code, struct yg_reader value, bool big)
{
	if (code == OPTION_TSRESOL && yg_left(&value) == 1)
		yg_interface_set_resolution(interface, yg_read8(&value));
	if (code == OPTION_TSOFFSET && yg_left(&value) == 8) {
		uint64_t a = yg_read32_order(&value, big);
		uint64_t b = yg_read32_order(&value, big);
		interface->offset_s = (int64_t)(big ? a << 32 | b : b << 32 | a);
	}
}

static enum yg_step read_interface(struct yg_capture_file *file, struct block *block)
{
	uint16_t dlt = yg_read16_order(&block->body, file->big);
	yg_skip(&block->body, 2);
	uint32_t snaplen = yg_read32_order(&block->body, file->big);
	if (block->body.failed)
		return lies(file, block, "is too short for an interface");
	struct yg_interface *interface = yg_capture_file_add_interface(file, dlt, snaplen);
	if (!interface)
		return lies(file, block, "describes one interface too many");
	while (yg_left(&block->body) >= 4) {
		uint16_t code = yg_read16_order(&block->body, file->big);
		uint16_t length = yg_read16_order(&block->body, file->big);
		if (code == OPTION_END)
			break;
		struct yg_reader value = yg_sub(&block->body, length);
		if (value.failed || !yg_skip(&block->body, -length & 3))
			return lies(file, block, "has an option that is longer than the block");
		apply_option(interface, code, value, file->big);
	}
	return YG_STEP_PASS;
}

static enum yg_step deliver(struct yg_capture_file *file, struct block *block, uint32_t id, struct yg_frame *ret_frame)
{
	const struct yg_interface *interface = &file->interfaces[id];
	if (ret_frame->caplen > YG_FRAME_MAX)
		return lies(file, block, "holds a packet longer than any can be");
	ret_frame->data = yg_take(&block->body, ret_frame->caplen);
	if (!ret_frame->data)
		return lies(file, block, "is shorter than the packet in it");
	ret_frame->link = interface->link;
	ret_frame->dlt = interface->dlt;
	ret_frame->interface = (uint16_t)id;
	return YG_STEP_FRAME;
}

// Enhanced packet block, and the packet block that it replaced: they differ in how wide the interface's number is.
static enum yg_step read_packet(struct yg_capture_file *file, struct block *block, struct yg_frame *ret_frame)
{
	bool big = file->big;
	struct yg_reader *r = &block->body;
	uint32_t id;
	if (block->type == BLOCK_PACKET) {
		id = yg_read32_order(r, big);
	} else {
		id = yg_read16_order(r, big);
		yg_skip(r, 2); // drops
	}
	uint64_t high = yg_read32_order(r, big);
	uint64_t low = yg_read32_order(r, big);
	*ret_frame = (struct yg_frame){.caplen = yg_read32_order(r, big)};
	ret_frame->wirelen = yg_read32_order(r, big);
	if (r->failed)
		return lies(file, block, "is too short for a packet");
	if (id >= file->interface_count)
		return lies(file, block, "is of an interface that was never described");
	ret_frame->time = yg_interface_time(&file->interfaces[id], high << 32 | low);
	return deliver(file, block, id, ret_frame);
}

// A simple packet block has no stamp and no captured length, and belongs to the first interface.
static enum yg_step read_simple_packet(struct yg_capture_file *file, struct block *block, struct yg_frame *ret_frame)
{
	uint32_t wirelen = yg_read32_order(&block->body, file->big);
	if (block->body.failed)
		return lies(file, block, "is too short for a packet");
	if (file->interface_count == 0)
		return lies(file, block, "is of an interface that was never described");
	uint32_t snaplen = file->interfaces[0].snaplen;
	uint32_t caplen = snaplen != 0 && snaplen < wirelen ? snaplen : wirelen;
	*ret_frame = (struct yg_frame){.caplen = caplen, .wirelen = wirelen, .time = file->last};
	return deliver(file, block, 0, ret_frame);
}

static enum yg_step read_block(struct yg_capture_file *file, struct block *block, struct yg_frame *ret_frame)
{
	switch (block->type) {
	case BLOCK_SECTION:
		return read_section(file, block);
	case BLOCK_INTERFACE:
		return read_interface(file, block);
	case BLOCK_PACKET_SIMPLE:
		return read_simple_packet(file, block, ret_frame);
	default:
		return read_packet(file, block, ret_frame);
	}
}

static bool is_read(uint32_t type)
{
	return type == BLOCK_SECTION || type == BLOCK_INTERFACE || type == BLOCK_PACKET || type == BLOCK_PACKET_OLD ||
	       type == BLOCK_PACKET_SIMPLE;
}

// On the way through a block that nobody reads: first its body, then the length at its end.
static enum yg_step pass_over(struct yg_capture_file *file, const uint8_t *bytes, size_t left, size_t *ret_size)
{
	if (file->skip > 0) {
		*ret_size = left < file->skip ? left : (size_t)file->skip;
		file->skip -= *ret_size;
		if (*ret_size > 0)
			return YG_STEP_PASS;
		*ret_size = 1;
		return YG_STEP_NEED;
	}
	*ret_size = BLOCK_TRAILER;
	if (left < BLOCK_TRAILER)
		return YG_STEP_NEED;
	struct yg_reader r = yg_reader_of(bytes, left);
	uint32_t again = yg_read32_order(&r, file->big);
	if (again != file->skip_claim)
		return yg_capture_file_damage(file, "the block that ends at byte %llu gives its length as %u and as %u",
		                              (unsigned long long)file->offset + BLOCK_TRAILER, file->skip_claim,
		                              again);
	file->skip_claim = 0;
	return YG_STEP_PASS;
}

// Type and length of the block at the cursor; a section header also sets the byte order, before its length is read.
static bool block_header(struct yg_capture_file *file, const uint8_t *bytes, struct block *ret_block)
{
	if (yg_load32(bytes) == BLOCK_SECTION && !section_order(bytes, &file->big))
		return false;
	struct yg_reader r = yg_reader_of(bytes, BLOCK_HEADER);
	ret_block->type = yg_read32_order(&r, file->big);
	ret_block->length = yg_read32_order(&r, file->big);
	return true;
}

enum yg_step yg_pcapng_step(struct yg_capture_file *file, const uint8_t *bytes, size_t left, struct yg_frame *ret_frame,
                            size_t *ret_size)
{
	if (file->skip_claim != 0)
		return pass_over(file, bytes, left, ret_size);
	*ret_size = BLOCK_PEEK;
	if (left < BLOCK_PEEK)
		return YG_STEP_NEED;
	struct block block;
	if (!block_header(file, bytes, &block))
		return yg_capture_file_damage(file, "the section at byte %llu is of no known byte order",
		                              (unsigned long long)file->offset);
	if (block.length < BLOCK_LEAST || block.length % 4 != 0)
		return lies(file, &block, "cannot be of that length");
	if (!is_read(block.type)) {
		file->skip = block.length - BLOCK_TRAILER;
		file->skip_claim = block.length;
		return pass_over(file, bytes, left, ret_size);
	}
	if (block.length > YG_BLOCK_MAX)
		return lies(file, &block, "is longer than this reader takes");
	*ret_size = block.length;
	if (left < block.length)
		return YG_STEP_NEED;
	struct yg_reader trailer = yg_reader_of(bytes + block.length - BLOCK_TRAILER, BLOCK_TRAILER);
	if (yg_read32_order(&trailer, file->big) != block.length)
		return lies(file, &block, "gives another length at its end");
	block.body = yg_reader_of(bytes + BLOCK_HEADER, block.length - BLOCK_LEAST);
	return read_block(file, &block, ret_frame);
}

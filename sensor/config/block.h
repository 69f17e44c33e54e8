// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Layout of the compiled block. The header holds counts and no offsets: every region's place follows from the counts
// before it, so that there is nothing to lie about but the counts, and they must add up to the size that the kernel
// tells.
//
//   header | orgs | prefixes | services | plugins | plans | zone steps | core values | plugin values | texts
//
// Each region begins at a multiple of 8. A STRING value is the offset of its text from the start of the block. A
// plugin's values are followed by the fingerprint of the table that they were compiled for. Texts end with NUL.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define YG_BLOCK_MAGIC "YGCONF1"

enum {
	YG_BLOCK_VERSION = 1,
	YG_BLOCK_ORGS = 1024,
	YG_BLOCK_PREFIXES = 16384,
	YG_BLOCK_SERVICES = 16384,
	YG_BLOCK_PLANS = 4096,
	YG_BLOCK_ZONE_STEPS = 512,
	YG_BLOCK_TEXTS = 4 << 20,
};

struct yg_block_header {
	char magic[8];
	uint32_t version;
	uint32_t values_count;        // YG_O_COUNT of the program that wrote it
	uint64_t options_fingerprint; // of the core's table
	uint64_t hash;                // of the whole block with this field zero
	uint32_t orgs_count, prefixes_count, services_count, plugins_count;
	uint32_t plugin_values_count;
	uint32_t texts_size;
	uint32_t plans_count, zone_steps_count;
	uint8_t all_internal;
	uint8_t reserved[7];
};

struct yg_block_layout {
	size_t orgs, prefixes, services, plugins, plans, zone_steps, values, plugin_values, texts, size;
};

// Where the regions of a block with these counts lie. Counts must be within the limits above.
struct yg_block_layout yg_block_layout_of(const struct yg_block_header *header);

// The hash that the header of this block should have. Needs sizeof(struct yg_block_header) bytes at least.
uint64_t yg_block_hash(const void *block, size_t size);

// Checks a whole block of foreign bytes and fills ret_config with pointers into it. 0 or -EBADMSG.
int yg_block_check(const void *block, size_t size, struct yg_config *ret_config);

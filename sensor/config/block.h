// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Layout of the compiled block. The header holds counts and no offsets: every region's place follows from the counts
// before it, so that there is nothing to lie about but the counts, and they must add up to the size that the kernel
// tells.
//
//   header | orgs | prefixes | services | modes | shared | plans | suppressions | plugins | zone steps | core values | plugin values
//   | texts
//
// The regions of records are a table, YG_BLOCK_REGIONS: a row there gives its count in the header, its place, its limit, its pointer in
// struct yg_config, and copies the compiler's drafts. What a record may hold is block_check.c's to say.
//
// Each region begins at a multiple of 8. A STRING value is the offset of its text from the start of the block. A
// plugin's values are followed by the fingerprint of the table that they were compiled for. Texts end with NUL.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define YG_BLOCK_MAGIC "YGCONF1"

enum {
	YG_BLOCK_VERSION = 2,
	YG_BLOCK_ORGS = 1024,
	YG_BLOCK_PREFIXES = 16384,
	YG_BLOCK_SERVICES = 16384,
	YG_BLOCK_MODES = 4096,
	YG_BLOCK_SHARED = 1024,
	YG_BLOCK_PLANS = 4096,
	YG_BLOCK_SUPPRESSIONS = 4096,
	YG_BLOCK_ZONE_STEPS = 512,
	YG_BLOCK_TEXTS = 4 << 20,
};

// X(name, record, most, member of the compiler's draft). Plugins and zone steps have no draft of their record.
#define YG_BLOCK_RECORDS(X)                                                                                               \
	X(orgs, struct yg_org, YG_BLOCK_ORGS, org)                                                                                \
	X(prefixes, struct yg_prefix, YG_BLOCK_PREFIXES, prefix)                                                                  \
	X(services, struct yg_service, YG_BLOCK_SERVICES, service)                                                                \
	X(modes, struct yg_mode_rule, YG_BLOCK_MODES, rule)                                                                       \
	X(shared, struct yg_shared_service, YG_BLOCK_SHARED, shared)                                                              \
	X(plans, struct yg_plan, YG_BLOCK_PLANS, plan)                                                                            \
	X(suppressions, struct yg_suppression, YG_BLOCK_SUPPRESSIONS, suppression)
#define YG_BLOCK_REGIONS(X)                                                                                               \
	YG_BLOCK_RECORDS(X)                                                                                                        \
	X(plugins, struct yg_config_plugin, YG_CONFIG_PLUGINS_MAX, )                                                              \
	X(zone_steps, struct yg_zone_step, YG_BLOCK_ZONE_STEPS, )

struct yg_block_header {
	char magic[8];
	uint32_t version;
	uint32_t values_count;        // YG_O_COUNT of the program that wrote it
	uint64_t options_fingerprint; // of the core's table
	uint64_t hash;                // of the whole block with this field zero
#define X(name, ...) uint32_t name##_count;
	YG_BLOCK_REGIONS(X)
#undef X
	uint32_t plugin_values_count;
	uint32_t texts_size;
	uint8_t all_internal;
	uint8_t reserved[3];
};
_Static_assert(offsetof(struct yg_block_header, reserved) + 3 == sizeof(struct yg_block_header), "a hole would hold chance bytes");

struct yg_block_layout {
#define X(name, ...) size_t name;
	YG_BLOCK_REGIONS(X)
#undef X
	size_t values, plugin_values, texts, size;
};

// Where the regions of a block with these counts lie. Counts must be within the limits above.
struct yg_block_layout yg_block_layout_of(const struct yg_block_header *header);

// The hash that the header of this block should have. Needs sizeof(struct yg_block_header) bytes at least.
uint64_t yg_block_hash(const void *block, size_t size);

// Checks a whole block of foreign bytes and fills ret_config with pointers into it. 0 or -EBADMSG.
int yg_block_check(const void *block, size_t size, struct yg_config *ret_config);

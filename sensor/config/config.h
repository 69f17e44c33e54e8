// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The compiled configuration: one immutable block in a sealed memfd, written by a child of the supervisor that alone
// reads YAML, mapped read-only by every process. Plain arrays at offsets, checked once by yg_config_open like any foreign
// bytes (magic, version, sizes, offsets, counts, NUL-ended strings, indexes in range); after that it is used as it is.
//
// A reload is a new block. Thread: any, it never changes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "config/options.h"
#include "yagura/plugin.h"

enum { YG_CONFIG_PLUGINS_MAX = 64, YG_CONFIG_PLUGIN_OPTIONS_MAX = 64 };

enum yg_zone_model { YG_MODEL_TWO_ZONE, YG_MODEL_ALPHA, YG_MODEL_ALPHA_PRIME, YG_MODEL_BETA, YG_MODEL_BETA_PRIME };
enum yg_org_kind { YG_ORG_PREFECTURE, YG_ORG_CITY, YG_ORG_TOWN, YG_ORG_VILLAGE, YG_ORG_BOARD, YG_ORG_UNION, YG_ORG_OTHER };

struct yg_org {
	char code[16];
	char name_ja[96], name_kana[96], name_en[96];
	char contact[128];
	uint64_t line_bps;     // access line, 0 when not declared
	uint16_t parent;       // index, YG_ORG_NONE at the top
	uint16_t members_count;// unions: bodies that they span
	uint16_t members[32];
	uint8_t kind;          // enum yg_org_kind
	uint8_t zone_model;    // enum yg_zone_model
	uint8_t force;         // 1: the floors below may be beyond what can ever fire
	uint8_t reserved;
	// Floors of its own, in place of those that follow from line_bps; 0: none.
	uint64_t floor_packets, floor_bps, floor_flows;
};

// Sorted by af, then address, then length, so that one binary search finds the longest match (see config/lookup.h).
struct yg_prefix {
	struct yg_addr addr;   // host bits zero
	uint8_t af, length;
	uint8_t zone;          // enum yg_zone
	uint8_t reserved;
	uint16_t org;
	uint16_t cover;        // index of the next shorter prefix that contains this one, 0xffff when none
};

// A declared server. `zones` of a DNS server follow as strings separated by spaces.
struct yg_service {
	struct yg_addr addr;
	uint8_t af, proto;     // proto 0: every protocol
	uint16_t port;         // 0: every port
	uint16_t org;
	uint8_t role;          // enum yg_role
	uint8_t reserved;
	char name[64];
	char zones[256];
};

// What alerts of a kind ask of people, for one body or (YG_ORG_NONE) for all that say nothing themselves. In order of how narrow they
// are: the first that fits holds.
struct yg_mode_rule {
	char kind[32];         // "dos.syn_flood", "dos.*" or "*"
	uint16_t org;
	uint8_t mode;          // enum yg_alert_mode
	uint8_t reserved[5];
};

// What several bodies depend on: an attack on it concerns all of them. Sorted like services.
struct yg_shared_service {
	struct yg_addr addr;
	uint8_t af, proto;     // proto 0: every protocol
	uint16_t port;         // 0: every port
	uint32_t bodies_count;
	char name[64];
	uint64_t bodies[YG_AFFECTED_WORDS]; // bit i: body i
};

// An entry of a body's calendar (YG_ORG_NONE: of all). Either once, from_s to to_s; or each of `days`, from_min to to_min, which may
// pass midnight.
struct yg_plan {
	int64_t from_s, to_s;  // seconds since the epoch, UTC; 0 and 0: it comes again
	uint16_t org;
	uint16_t from_min, to_min; // minutes of the day in sensor.timezone
	uint8_t days;          // bit 0: Sunday … bit 6: Saturday
	uint8_t what;          // YG_PLAN_*, one of them
	char reason[96];
};

// From this second on sensor.timezone is so far ahead of UTC. Ascending; what is older has the first offset.
struct yg_zone_step {
	int64_t from_s;
	int32_t offset_s;      // at most a day
	uint8_t reserved[4];
};

// Alerts that somebody has decided not to be told of, until a day that he had to name.
struct yg_suppression {
	struct yg_addr target, source;
	int64_t since_s, expires_s; // at most 90 days apart
	uint16_t org;          // YG_ORG_NONE: any
	uint8_t target_af, target_len, source_af, source_len; // af 0: any
	uint16_t port;         // of the target; 0: any
	char kind[32];         // as in struct yg_mode_rule
	char id[32];           // unique; names its counter
	char owner[64], reason[160];
};

enum { YG_SUPPRESSION_DAYS_MAX = 90 };
#define YG_TIME_LIMIT_S (INT64_C(1) << 41)

// How many kinds a pattern stands for, as an order: "dos.syn_flood" before "dos.*" before "*".
static inline int yg_kind_width(const char *pattern)
{
	size_t n = strlen(pattern);
	return n && pattern[n - 1] == '*' ? n == 1 ? 2 : 1 : 0;
}

// Whether `kind` is one of those that `pattern` stands for.
static inline bool yg_kind_matches(const char *pattern, const char *kind)
{
	size_t n = strlen(pattern);
	return n && pattern[n - 1] == '*' ? strncmp(pattern, kind, n - 1) == 0 : strcmp(pattern, kind) == 0;
}

// Whether a suppression would silence everything there is.
static inline bool yg_suppression_is_wide(const struct yg_suppression *s)
{
	return strcmp(s->kind, "*") == 0 && s->org == YG_ORG_NONE && !s->target_af && !s->source_af && !s->port;
}

struct yg_config_plugin {
	char name[32];
	char path[256];        // of the shared object
	uint8_t enabled;
	uint8_t reserved[3];
	uint32_t options_count;
	uint32_t values;       // offset of union-like int64 array in the block, one a row; strings: offset of the text
};

struct yg_config {
	const void *block;
	size_t size;
	const uint64_t *values;           // by option id; see the getters
	const struct yg_org *orgs;        // ≤ 1,024
	const struct yg_prefix *prefixes; // ≤ 16,384
	const struct yg_service *services;// ≤ 16,384
	const struct yg_config_plugin *plugins;
	const struct yg_mode_rule *modes;         // ≤ 4,096
	const struct yg_shared_service *shared;   // ≤ 1,024
	const struct yg_plan *plans;              // ≤ 4,096, by body
	const struct yg_suppression *suppressions;// ≤ 4,096
	uint32_t orgs_count, prefixes_count, services_count, plugins_count;
	uint32_t modes_count, shared_count, plans_count, suppressions_count;
	const struct yg_zone_step *zone_steps;    // 1 to 512
	uint32_t zone_steps_count;
	uint8_t all_internal;             // neither organisations nor home prefixes: both ends of every flow are internal
	uint64_t hash;                    // identity of the block's content
};

// Maps and checks a compiled block. 0, -EBADMSG when anything in it cannot be, or the errno of mapping it.
int yg_config_open(int fd, struct yg_config *ret_config);
void yg_config_close(struct yg_config *config);

// Typed getters; the id must have that type (asserted). DURATION in nanoseconds by yg_config_ns.
int64_t yg_config_int(const struct yg_config *config, enum yg_option_id id);   // INT, BOOL, ENUM, BYTES, BPS
double yg_config_float(const struct yg_config *config, enum yg_option_id id);  // FLOAT, DURATION (s)
int64_t yg_config_ns(const struct yg_config *config, enum yg_option_id id);    // DURATION
const char *yg_config_string(const struct yg_config *config, enum yg_option_id id);
// Where the spool is to be, as spool.folder and the environment say: all of `ret_path`, PATH_MAX bytes; empty: there is none.
void yg_config_spool_folder(const struct yg_config *config, char *ret_path);
bool yg_config_spooled(const struct yg_config *config);

// The same for the snapshot of what was learned: state.folder.
void yg_config_state_folder(const struct yg_config *config, char *ret_path);

// Values of a plugin's options in the order of its table, strings resolved to pointers into the block. `ret_values` has
// room for YG_CONFIG_PLUGIN_OPTIONS_MAX. 0, or -EINVAL when the table does not fit what was compiled.
int yg_config_plugin_values(const struct yg_config *config, const struct yg_config_plugin *plugin,
			    const struct yg_option *options, uint32_t options_count, union yg_value *ret_values);

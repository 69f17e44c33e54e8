// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the files of the dnsflood detector share. Everything runs on the aggregator's thread. All state lies in one block
// whose size dnsflood_memory() states; nothing is allocated after create.
//
// Sources: HyperLogLog with linear counting below 2.5 m (Flajolet, Fusy, Gandouet and Meunier, 2007); Bloom filters by
// double hashing (Kirsch and Mitzenmacher, 2006); an empty answer as "no such name" (RFC 9824).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <yagura/plugin.h>

enum {
	DNSF_WINDOW_S = 10,
	DNSF_SLOTS = 16,       // seconds kept: the window, and what comes late from the dissector of a replay
	DNSF_REGISTERS = 1024, // of a sketch: a standard error of 3.3 %
	DNSF_NAMES_MIN = 50,   // names in the window from which a share of them means something
	DNSF_WAIT_S = 4,       // above the threshold and no names to read: told without them
	DNSF_EVIDENCE_S = 10,
	DNSF_EVICTIONS = 64,   // searches for a place in one second, once a table is full
	DNSF_DAYS = 8,         // generations of the filter: seven whole days and the one that runs
	DNSF_DAY_BITS = 1 << 19,
	DNSF_DAY_NAMES = 40000, // a day of the filter takes no more: four bits each leave 1 % by mistake
	DNSF_HASHES = 4,
	DNSF_LEARNED_S = 86400, // before that "never seen" means nothing
	DNSF_SECRETS = 10,
};

#define DNSF_NONE UINT32_MAX
#define DNSF_NO_ZONE UINT16_MAX

enum dnsf_vector { DNSF_RANDOM, DNSF_PLAIN, DNSF_ABUSE, DNSF_UNREAD, DNSF_VECTORS };

// One second of a zone at a server, as far as it was read.
struct dnsf_second {
	int64_t second;
	uint32_t queries, answers, denied, abusable, fresh;
	uint64_t answer_bytes;
	uint8_t sketch[DNSF_REGISTERS]; // of the names; within a zone these differ where their left labels do
};

// Those together.
struct dnsf_sum {
	double queries, answers, denied, abusable, fresh, answer_bytes;
	double names, distinct;
};

// A zone that a server answers for; of what is in none of its zones there is one more.
struct dnsf_zone {
	bool used;
	uint16_t zone, zone_len; // offset into the declared zones, DNSF_NO_ZONE: none
	uint32_t server, next;   // next of the same server, or in the free list
	int64_t last;            // second of the last message
	struct dnsf_second slot[DNSF_SLOTS];
};

// Exact counts of the service, and what was read of it.
struct dnsf_load {
	int64_t second;
	uint32_t packets, read_out, read_in; // read: queries, from outside and from inside
};

struct dnsf_incident {
	bool open;
	uint8_t vector; // enum dnsf_vector
	uint32_t zone, quiet_s;
	int64_t onset, asked;
	uint8_t top_count;
	struct yg_alert_top top[YG_TOP_MAX];
	uint32_t sources_at_least, sample_packets;
};

struct dnsf_server {
	bool used, one_way;
	uint8_t af, zone_kind, learning;
	uint16_t org;
	uint32_t next, zones; // zones: the first of its list
	struct yg_addr addr;
	const struct yg_server_info *info; // NULL: nobody declared it
	int64_t last, onset;  // onset: first second of this run above the threshold, 0: none
	uint8_t hot;          // bit i: above the threshold i seconds ago
	double p95, out_share;
	struct dnsf_load load[DNSF_SLOTS];
	struct dnsf_incident incident;
	uint32_t series_next, series_count;
	float series[YG_SERIES_MAX];
};

struct dnsf_stats {
	uint64_t servers_full, zones_full, evicted, filter_full;
};

// Names that have been seen, by day.
struct dnsf_filter {
	int64_t since;            // second of the first name, 0: none yet
	int64_t day[DNSF_DAYS];   // that the generation is of; -1: unused
	uint32_t names[DNSF_DAYS];
	uint64_t bits[DNSF_DAYS][DNSF_DAY_BITS / 64];
};

struct dnsf {
	const struct yg_host *host;
	double floor, abuse, distinct, denied;
	uint32_t clear_s;
	uint32_t servers_max, zones_max, buckets; // buckets: a power of two
	uint64_t secret[DNSF_SECRETS];            // of the buckets
	uint32_t server_free, zone_free, evictions;
	uint32_t servers_used, zones_used; // places from here on were never taken
	uint32_t *head;
	struct dnsf_server *server;
	struct dnsf_zone *zone;
	struct dnsf_stats stats;
	struct dnsf_filter filter;
};

// ---- table.c ----

uint64_t dnsflood_memory(uint32_t servers, uint32_t zones);
void dnsflood_layout(struct dnsf *d);
void dnsflood_clear(struct dnsf *d);
// The record of a server; NULL when it is unknown and not to be made, or there is no place.
struct dnsf_server *dnsflood_server(struct dnsf *d, uint8_t af, const struct yg_addr *addr, int64_t second, bool make);
// The zone of `name` at the server, made when it is new. NULL: no place.
struct dnsf_zone *dnsflood_zone(struct dnsf *d, struct dnsf_server *s, const char *name, int64_t second);
// The second's slot, cleared when it held another. NULL: longer ago than is kept.
struct dnsf_second *dnsflood_slot(struct dnsf_zone *z, int64_t second);
struct dnsf_load *dnsflood_load(struct dnsf_server *s, int64_t second);

// ---- sketch.c ----

uint64_t dnsflood_hash(uint64_t seed, const void *data, uint32_t len);
void dnsflood_sketch_add(uint8_t *sketch, uint64_t hash);
// Sums the seconds from `from` to `to` of the zone.
void dnsflood_sum(const struct dnsf_zone *z, int64_t from, int64_t to, struct dnsf_sum *ret_sum);
bool dnsflood_filter_has(const struct dnsf_filter *f, int64_t second, uint64_t hash);
// False: the day is full.
bool dnsflood_filter_add(struct dnsf_filter *f, int64_t second, uint64_t hash);
void dnsflood_filter_clear(struct dnsf_filter *f);
uint32_t dnsflood_save(const struct dnsf_filter *f, void *buffer, uint32_t size);
int dnsflood_restore(struct dnsf_filter *f, const void *buffer, uint32_t size);

// ---- judge.c ----

// The second has ended: raises, holds or lets go.
void dnsflood_judge(struct dnsf *d, struct dnsf_server *s, int64_t second);
// Queries a second above which it is a flood.
double dnsflood_threshold(const struct dnsf *d, const struct dnsf_server *s);

// ---- text.c ----

const char *dnsflood_vector(unsigned vector);
// `distinct`, `denied`, `fresh`: shares; below 0: not known. `zone` may be empty.
struct dnsf_said {
	unsigned vector;
	double distinct, denied, fresh, abusable;
	char zone[YG_NAME_MAX];
	bool unanswered, one_way;
};
void dnsflood_sentences(const struct dnsf *d, struct yg_alert *a, const struct dnsf_said *said);

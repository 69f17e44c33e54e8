// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the files of the scan detector share. Everything runs on the aggregator's thread. All state lies in one block
// whose size scan_memory() states; nothing is allocated after create.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <yagura/plugin.h>

enum {
	SCAN_ITEMS_MAX = 1024, // distinct (target, port) of one source
	SCAN_INLINE = 4,       // of them without a chunk: most sources never need one
	SCAN_CHUNK = 16,
	SCAN_ALARMS = 4, // alerts of one source at a time
	SCAN_EXEMPT_MAX = 64,
	SCAN_SEARCH = 256,  // sources looked at for chunks to take back
	SCAN_CLEAR_S = 120, // an alert closes so long after the last failure
	SCAN_VICTIMS = 256,    // targets of which it is known how many send them probes
	SCAN_CROWD = 8,        // sources of probes within SCAN_CROWD_S: a flood of forged ones, and no probe
	SCAN_CROWD_S = 10,
	SCAN_FLOODED = 16,     // targets remembered as flooded by many
	SCAN_LOOK_S = 10,      // between early looks for one source
	SCAN_ASKS = 4,         // alerts a second about which the sample is asked; the rest wait
	SCAN_SWEEP_HOSTS = 10, // pings, an edge of a network among them, half as many without an answer
	SCAN_SECRETS = 10,
	SCAN_TRW_MIN = -4,
	SCAN_TRW_ALARM = 4,
	SCAN_TRW_MAX = 8,
};

// One thing that a source tried within the window.
struct scan_item {
	uint32_t target; // fingerprint of the address
	uint32_t second; // low bits; of the last try
	uint16_t port;
	uint8_t proto, outcome;
};

struct scan_chunk {
	uint32_t next;
	struct scan_item items[SCAN_CHUNK];
};

// Probes that no ordinary program sends, towards the last target that got any, and the last attempt of all.
struct scan_raw {
	uint32_t target, first, second; // fingerprint; seconds of the first and the last
	uint32_t last_target;
	uint16_t probes, last_port, last_source_port; // source port 0: nothing to compare with
	bool by_flags, by_port, last_failed;
	int64_t last_ns;
};

// An alert that is open. Its key does not change.
struct scan_alarm {
	bool open, dirty, horizontal;
	bool raw, by_port; // it rests on probes alone, so far; by their source port, not by their flags
	bool sweep;        // it rests on pings to the edges of a network
	bool early;        // below the line so far: opened to look at the sample while it knows
	bool held, flood;  // held: not told before the sample was asked; flood: another detector's, never told
	uint16_t probes;
	uint8_t proto, target_len, zone, flags;
	uint16_t port, org;
	uint32_t target;     // fingerprint, vertical
	struct yg_addr addr; // the host, or the network that holds all targets so far
	int64_t first, last; // seconds: first matching try when it opened; last failure
	int64_t opened_ns;
};

struct scan_source {
	struct yg_addr addr;
	uint16_t domain;
	uint8_t af, internal;
	bool used, dirty, net_known, known; // known: more than one item, safe from a flood of newcomers
	bool edge;                          // it has pinged the first or last address of a network
	bool responded;                     // somebody answered or refused it: silence of UDP means something
	int8_t trw;
	uint8_t net_len;
	uint16_t org, zone, count, oldest;
	uint16_t target_org, target_votes; // whose most of the failed targets are: a majority vote
	uint32_t next, older, newer, dirty_next, first_chunk;
	uint32_t earliest;  // no item is older
	uint32_t looked;    // second of the last early look at the sample
	uint32_t edge_second;
	int64_t second;     // of the last contact
	struct yg_addr net; // with net_len: the network that holds all failed targets
	struct scan_raw raw;
	struct scan_item items[SCAN_INLINE];
	struct scan_alarm alarms[SCAN_ALARMS];
};

// A target of probes: how many sources of any were new to it since `second`, and until when that is too many.
struct scan_victim {
	uint32_t target, second, crowd_until;
	uint32_t sources;
};

// A target that many flood with big datagrams: until then none of them is a scanner of its UDP ports.
struct scan_flooded {
	uint32_t target, until;
};

struct scan_prefix {
	struct yg_addr addr;
	uint8_t af, len;
};

struct scan_list {
	uint32_t newest, oldest, count;
};

struct scan_stats {
	uint64_t source_evicted, pool_evicted, items_full, alarms_full;
};

struct scan {
	const struct yg_host *host;
	uint32_t ports, hosts, failed, probes, window_s;
	uint64_t secret[SCAN_SECRETS]; // of the buckets
	uint32_t sources, chunks, buckets; // buckets: a power of two
	uint32_t sources_used, chunks_used; // places that were ever taken: the first ones
	uint32_t free_source, free_chunk, dirty, asks;
	struct scan_list lists[2]; // [known]
	struct scan_source *source;
	struct scan_chunk *chunk;
	uint32_t *head;
	struct scan_prefix exempt[SCAN_EXEMPT_MAX];
	uint32_t exempt_count;
	struct scan_flooded flooded[SCAN_FLOODED];
	uint32_t flooded_next;
	struct scan_victim victim[SCAN_VICTIMS]; // by the fingerprint's low bits; a newcomer takes the place
	struct scan_stats stats;
};

#define SCAN_NONE UINT32_MAX

// What the window of a source holds with respect to one target and one port.
struct scan_counts {
	uint32_t failed, ports, ports_failed, hosts, hosts_failed;
	uint32_t ports_first, hosts_first; // earliest second of the failures
};

// ---- table.c ----

uint64_t scan_memory(uint32_t sources, uint32_t chunks);
void scan_table_layout(struct scan *s);
void scan_table_clear(struct scan *s);
uint32_t scan_fingerprint(uint8_t af, const struct yg_addr *addr);
// The source's record, made when there is none, in front of its list.
struct scan_source *scan_source_get(struct scan *s, const struct yg_contact *c);
// Forgets what the source tried.
void scan_source_reset(struct scan *s, struct scan_source *source);
// NULL past the end.
struct scan_item *scan_item_at(struct scan *s, struct scan_source *source, uint32_t index);
struct scan_item *scan_item_find(struct scan *s, struct scan_source *source, const struct scan_item *like);
// It was tried again.
void scan_item_touch(struct scan_source *source, struct scan_item *item, uint32_t second);
void scan_item_add(struct scan *s, struct scan_source *source, const struct scan_item *item);
void scan_items_expire(struct scan *s, struct scan_source *source, int64_t second);

// ---- judge.c ----

bool scan_means_nothing(const struct yg_contact *c);
bool scan_failed(const struct scan_source *source, uint8_t proto, uint8_t outcome);
void scan_count(struct scan *s, struct scan_source *source, uint32_t target, uint16_t port, uint8_t proto,
                struct scan_counts *ret);
// Whether there are tries enough for either kind of scan, were all of them failures: far cheaper than scan_count.
bool scan_enough(const struct scan *s, const struct scan_source *source, uint32_t target, uint16_t port, uint8_t proto);
bool scan_is_vertical(const struct scan *s, const struct scan_counts *n);
bool scan_is_horizontal(const struct scan *s, const struct scan_counts *n, uint16_t port, uint8_t proto);
int scan_exempt_parse(struct scan *s, const char *text);
bool scan_is_exempt(const struct scan *s, const struct yg_contact *c);
uint8_t scan_common_bits(uint8_t af, const struct yg_addr *a, const struct yg_addr *b);

// ---- probe.c ----

// Takes note of the attempt. True: it is a probe that no ordinary program sends.
bool scan_probe_note(struct scan *s, struct scan_source *source, const struct yg_contact *c, uint32_t target, bool failed,
                     uint32_t second);
// Whether there were enough of them towards the target, and not as many senders as only a flood has.
bool scan_is_probed(const struct scan *s, const struct scan_source *source, uint32_t target, uint32_t second);
// Whether its pings go through the list of a network's addresses, whatever answers.
bool scan_is_sweep(const struct scan *s, const struct scan_source *source, const struct yg_contact *c, const struct scan_counts *n,
                   uint32_t second);

// ---- alarm.c ----

enum scan_shape { SCAN_EARLY, SCAN_VERTICAL, SCAN_HORIZONTAL, SCAN_PROBES, SCAN_SWEEP };

void scan_alarm_open(struct scan *s, struct scan_source *source, const struct yg_contact *c, const struct scan_counts *n,
                     enum scan_shape shape, int64_t second);
// The open alarm that this contact belongs to, or NULL.
struct scan_alarm *scan_alarm_of(struct scan_source *source, const struct yg_contact *c, uint32_t target);
void scan_alarm_expire(struct scan *s, struct scan_source *source, int64_t second);
void scan_alarm_raise(struct scan *s, struct scan_source *source, struct scan_alarm *alarm, int64_t time_ns);
// The source has an alert to be told at the end of the second.
void scan_make_dirty(struct scan *s, struct scan_source *source);
// At the end of a second in which it was marked.
void scan_alarm_tell(struct scan *s, struct scan_source *source, struct scan_alarm *alarm, int64_t second);

// ---- flood.c ----

// Whether a known amplifier answers from this UDP port.
bool scan_is_amplifier(uint16_t port);
// Whether it is time for a look at the sample, before there are failures enough.
bool scan_should_look(const struct scan *s, const struct scan_source *source, const struct yg_contact *c, uint32_t second);
// Whether the alert must wait for the end of its second, to be told from a flood.
bool scan_may_be_flood(const struct scan *s, const struct scan_alarm *alarm);
bool scan_is_flood(struct scan *s, const struct scan_source *source, const struct scan_alarm *alarm, int64_t second);

// ---- why.c ----

void scan_fill_why(const struct scan *s, const struct scan_source *source, const struct scan_alarm *alarm, struct yg_alert *alert);

// ---- text.c ----

const char *scan_method(uint8_t proto, uint8_t tcp_flags);
void scan_sentences(struct yg_alert *alert, const struct scan_alarm *alarm, const struct scan_counts *n,
                    uint32_t window_s, const struct yg_org_info *org);

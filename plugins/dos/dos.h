// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the files of the dos detector share. Everything runs on the aggregator's thread. All state lies in one block
// whose size dos_memory() states; nothing is allocated after create.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <yagura/plugin.h>

enum {
	DOS_SLOW_PERIOD_S = 20, // t0 of the slow path
	DOS_MINOR_S =
	    30, // an alert whose vector stays below a tenth for so long gives way to the vector that dominates
	DOS_FORGET_S = 60,   // a host below a quarter of its thresholds for so long is no longer watched
	DOS_EVIDENCE_S = 10, // how often the evidence of an open alert is asked for anew
	DOS_EVICTIONS = 64,  // searches for a place in one second, once a table is full
	DOS_SERIES = YG_SERIES_MAX,
	DOS_SECRETS = 10,
	DOS_ASKS = 64,       // questions to the sample in one second; what finds none left waits for the next
	DOS_TRIES = 4,       // questions in a row that found nothing; then
	DOS_RETRY_S = 30,    // a host that is no victim of reflection is asked about again after so long
	DOS_SERVICES_NAMED = 4,
	DOS_CARPET_BITS = 4, // a carpet lies over 16 hosts at least
	DOS_SCOPE_OUT = YG_SCOPE_COUNT, // of a record: what a host sends, not what it gets
};

// An attack is named after the group whose share of the excess is at least one half.
enum dos_group {
	DOS_SYN,
	DOS_UDP,
	DOS_ICMP,
	DOS_ACK,
	DOS_FRAGMENT,
	DOS_OTHER,
	DOS_TCP,
	DOS_MIXED,
	DOS_TALK,
	DOS_AMP,    // what reflectors send that nobody asked
	DOS_CARPET, // a prefix, not a host
	DOS_OUT,    // from a host inside
	DOS_GROUPS
};

enum dos_metric { DOS_PACKETS, DOS_BITS, DOS_FLOWS, DOS_SYNS, DOS_SLOW };

// Thresholds a second: the floors of a body, or with the past of a key H = max(floor, k * P95).
struct dos_limits {
	double packets, bits, flows;
};

// What a threshold rests on, for the alert: P95 a second, and how much is known (enum yg_learning).
struct dos_past {
	double packets, bits, flows;
	uint8_t state;
};

// Traffic towards one host, per second: raw, or smoothed.
struct dos_load {
	double packets[YG_VEC_COUNT], bits[YG_VEC_COUNT];
	double flows, handshakes, out_packets, out_bits;
};

// What the weighing of a load depends on besides the load.
struct dos_view {
	uint64_t line_bps;
	double served_packets; // UDP towards services that answer, in this second
	uint8_t one_way, warm;
};

// What of a load counts as attack.
struct dos_excess {
	double by_packets[YG_VEC_COUNT], by_bits[YG_VEC_COUNT];
	double packets, bits, flows, syns;
	double ratio;      // highest of the metrics over its threshold
	double talk_ratio; // the same for conversations: complete handshakes, answered data
	double talk_value[DOS_FLOWS + 1];
};

// Non-parametric CUSUM over periods of DOS_SLOW_PERIOD_S.
struct dos_cusum {
	int64_t period_end; // 0: not running
	double syns, done;  // in this period
	double ema_done;    // a period's completed handshakes, smoothed
	double sum;
	double floor;           // incomplete SYNs a second below which nothing is added
	double rate, threshold; // incomplete a second in the last period, and what would have crossed the line
	bool alarm;
	uint8_t calm_periods;
};

// What a reflected attack was sent by, by packets that have ports; names end with NUL.
struct dos_service_share {
	char name[16];
	float share;
};

struct dos_incident {
	bool open;
	bool low; // reflection below the threshold of a flood
	uint8_t group, metric, vector; // enum yg_vector; YG_VEC_COUNT: none alone
	uint8_t services_count;
	uint8_t af, target_len; // of `target`
	uint16_t port;
	uint32_t quiet_s, minor_s;
	uint32_t targets_at_least; // carpet
	int64_t onset;
	int64_t evidence_second;
	struct yg_addr target; // carpet: what of the prefix is hit; outbound: the one that gets the most, target_len 0: none
	struct dos_service_share service[DOS_SERVICES_NAMED];
	struct yg_evidence evidence;
};

// A host, prefix or body whose traffic is at least a quarter of a threshold.
struct dos_watch {
	struct yg_addr addr; // of a body: its index
	uint8_t af, zone, scope, len;
	uint16_t org, slow_port;
	uint32_t next; // in its bucket or in the free list
	bool used;
	uint8_t hot, talk_hot, amp_hot; // bit i: i seconds ago
	uint8_t tries;                  // questions about a carpet or a source that found none
	int64_t retry;                  // not to be asked about before this second,
	double asked_ratio;             // unless it is twice what it was
	int64_t second, onset; // of the last window; first second of this run above the threshold
	uint32_t cold_s;
	double heat; // ratio of the last second: the coldest host gives way
	struct dos_view view;
	struct dos_limits limits;
	struct dos_past past;
	struct dos_load raw, ema;
	float usual_packets[YG_VEC_COUNT], usual_bits[YG_VEC_COUNT]; // a second, smoothed, before it went above the threshold
	double excess;                    // packets of the last second that count as attack
	double slow_rate, slow_threshold; // an alarm of the slow path in this second
	struct dos_incident incident;
	uint32_t series_count; // also the next place, modulo DOS_SERIES
	float series[3][DOS_SERIES];
};

// A TCP service with handshakes that do not complete.
struct dos_service {
	struct yg_addr addr;
	uint8_t af, zone;
	bool used;
	uint16_t port, org;
	uint32_t next;
	struct dos_view view;
	int64_t second;
	double heat;
	struct dos_cusum cusum;
};

struct dos_stats {
	uint64_t watch_full, service_full, evicted;
	uint64_t asks_spent; // questions that had to wait
};

struct dos {
	const struct yg_host *host;
	double floor_packets, floor_bits, floor_flows; // 0: from the access line
	uint32_t clear_s;
	bool slow;
	uint64_t secret[DOS_SECRETS]; // of the buckets
	uint64_t floors_line;         // body and access line that `floors` belong to: neighbours in a second share them
	uint16_t floors_org;
	struct dos_limits floors;
	bool modern; // the host has what came with 1.1
	uint32_t asks;
	uint32_t carpets_open;
	uint32_t outs_watched; // records of DOS_SCOPE_OUT
	uint32_t hosts, services, buckets; // buckets: of either table, a power of two
	uint32_t *host_head, *service_head;
	uint32_t host_free, service_free, evictions;
	uint32_t hosts_watched, services_watched;
	uint32_t hosts_used, services_used; // places from here on were never taken: a second passes over the others alone
	struct dos_watch *watch;
	struct dos_service *service;
	double host_refused, service_refused; // heat that found no colder record in this second
	struct dos_stats stats;
};

#define DOS_NONE UINT32_MAX
#define DOS_LOW_SHARE 0.05   // of the thresholds of a flood, from which reflection is told
#define DOS_ONE_WAY_SHARE 0.9f // of the flows that show one direction: the mirror shows one
#define DOS_WATCH_RATIO 0.25 // of a threshold, from which a key is watched

// What is known of a watched key at the end of a second.
struct dos_judged {
	const struct dos_limits *limits;
	struct dos_excess raw, ema;
	struct dos_excess over; // the raw one over what was usual: from it come names and shares
	int64_t second;
};

// ---- rate.c ----

struct dos_limits dos_floors_of(const struct dos *d, const struct yg_org_info *org, uint64_t line_bps);
// A threshold that the line could not carry is lowered to what it can.
struct dos_limits dos_limits_of(const struct dos_limits *floors, const struct dos_past *past, uint64_t line_bps);
struct dos_past dos_past_of(const struct yg_baseline *base);
void dos_load_raw(struct dos_load *load, const struct yg_window *w);
void dos_load_ema(struct dos_load *load, const struct yg_window *w);
void dos_excess_of(struct dos_excess *e, const struct dos_load *load, const struct dos_view *view,
                   const struct dos_limits *limits);
// What of an excess is more than the usual of each vector; as it is when hardly anything would be left.
void dos_over_usual(struct dos_excess *over, const struct dos_excess *e, const struct dos_watch *w);
// Remembers the averages of before this second, per vector.
void dos_load_usual(struct dos_watch *watch, const struct yg_window *w);
// Above the threshold in two of three seconds, five times above it in one, or smoothed.
bool dos_is_attack(const struct dos_judged *j, uint8_t hot, bool smoothed);
// How much of a threshold this window could be at most, before any discount.
double dos_heat(const struct yg_window *w, const struct dos_limits *limits);
// Incomplete SYNs a second below which the slow path sees nothing.
double dos_slow_floor(const struct dos_limits *limits);
enum dos_group dos_group_of(unsigned vector);
const char *dos_vector_name(unsigned vector);

// The group with at least half of the excess; DOS_MIXED when there is none. ret_vector: its largest vector.
enum dos_group dos_dominant(const struct dos_excess *e, bool by_bits, unsigned *ret_vector);

// Adds one second; floor 0: as before. A new run starts with `ema_done` from the smoothed rate of that moment.
void dos_cusum_add(struct dos_cusum *c, int64_t second, double syns, double done, double ema_done, double floor);

// ---- table.c ----

uint32_t dos_buckets(uint32_t hosts, uint32_t services);
uint64_t dos_memory(uint32_t hosts, uint32_t services);
void dos_table_layout(struct dos *d);
void dos_table_clear(struct dos *d);

struct dos_key {
	struct yg_addr addr;
	uint8_t af, scope, len;
};
struct dos_key dos_host_key(uint8_t af, const struct yg_addr *addr);
// The record; with `heat` above 0 one is made when there is none. NULL when it is unknown or there is no place.
struct dos_watch *dos_watch_get(struct dos *d, const struct dos_key *key, double heat);
struct dos_service *dos_service_get(struct dos *d, const struct yg_window *w, double heat);
void dos_watch_drop(struct dos *d, struct dos_watch *watch);
void dos_service_drop(struct dos *d, struct dos_service *service);

// ---- ask.c ----

// A question to the sample; false when there is nobody to ask or this second's questions are spent.
bool dos_ask(struct dos *d, const struct yg_question *question, struct yg_answer *ret);
// Whether questions can be asked at all; without, what rests on them is silent.
bool dos_can_ask(const struct dos *d);
bool dos_asks_left(struct dos *d);
uint32_t dos_planned(const struct dos *d, uint16_t org, int64_t second);
const struct yg_server_info *dos_server(const struct dos *d, uint8_t af, const struct yg_addr *addr, uint8_t proto, uint16_t port);
bool dos_within(const struct yg_addr *addr, const struct yg_addr *prefix, unsigned len);
struct yg_question dos_towards(uint8_t af, const struct yg_addr *addr, uint8_t len, uint32_t vectors);

// ---- amplify.c ----

// Whether the packets of `vector` (UDP, with its fragments, or SYN-ACK) come from reflectors; then the names and shares of the services.
bool dos_is_reflected(struct dos *d, const struct dos_watch *w, unsigned vector, struct dos_incident *in);
const char *dos_service_shown(const char *name);

// ---- carpet.c ----

// Judges a prefix or a body at the end of a second; hosts come after it.
void dos_carpet_step(struct dos *d, struct dos_watch *w, int64_t second);
// Whether the host's traffic is part of a carpet that is open.
bool dos_carpet_covers(const struct dos *d, const struct dos_watch *host, double excess);

// ---- outbound.c ----

// The heat of what the host pushes, and its load: packets that nobody answers.
void dos_outbound_window(struct dos *d, const struct yg_window *w);
void dos_outbound_step(struct dos *d, struct dos_watch *w, int64_t second);

// ---- incident.c ----

// Judges one watched host at the end of a second: opens, raises, holds.
void dos_incident_step(struct dos *d, struct dos_watch *w, int64_t second);
// Counts the second into series, heat and onset.
void dos_remember(struct dos_watch *w, const struct dos_judged *j);
// A question found nothing: the next one in a second, after DOS_TRIES in `rest_s`, or at once when the traffic has doubled.
void dos_put_off(struct dos_watch *w, int64_t second, double ratio, uint32_t rest_s);
bool dos_is_due(const struct dos_watch *w, int64_t second, double ratio);
// Of a prefix, a body or a source: raises, holds or ends what is open.
void dos_hold_or_end(struct dos *d, struct dos_watch *w, const struct dos_judged *j);

// ---- alert.c ----

// Fills `evidence` from the sample. False when the questions are spent.
bool dos_evidence(struct dos *d, struct dos_watch *w, const struct dos_excess *e, int64_t second);
void dos_raise(struct dos *d, struct dos_watch *w, const struct dos_judged *j, bool hold);
// Part of a reflected attack: packets and bits that count to it.
double dos_own(const struct dos_incident *in, const double by[YG_VEC_COUNT]);
// The unit in which an incident is told: packets when they are above their threshold, else bits, else requests.
unsigned dos_metric_of(const struct dos_judged *j, const struct dos_watch *w, bool talk);

// ---- text.c ----

const char *dos_kind(unsigned group);
const char *dos_technique(unsigned group);
// Both sentences from the numbers that the alert already holds.
void dos_sentences(struct yg_alert *alert, const struct dos_incident *in, bool one_way, const struct yg_org_info *org);

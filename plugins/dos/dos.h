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
	DOS_GROUPS
};

enum dos_metric { DOS_PACKETS, DOS_BITS, DOS_FLOWS, DOS_SYNS, DOS_SLOW };

// Thresholds (H of the design): what the access line can bear, or the floors.
struct dos_limits {
	double packets, bits, flows;
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

struct dos_incident {
	bool open;
	uint8_t group, metric, vector; // enum yg_vector; YG_VEC_COUNT: none alone
	uint16_t port;
	uint32_t quiet_s, minor_s;
	int64_t onset;
	int64_t evidence_second;
	struct yg_evidence evidence;
};

// A host whose traffic is at least a quarter of a threshold.
struct dos_watch {
	struct yg_addr addr;
	uint8_t af, zone;
	uint16_t org, slow_port;
	uint32_t next; // in its bucket or in the free list
	bool used;
	uint8_t hot, talk_hot; // bit i: i seconds ago
	int64_t second, onset; // of the last window; first second of this run above the threshold
	uint32_t cold_s;
	double heat; // ratio of the last second: the coldest host gives way
	struct dos_view view;
	struct dos_load raw, ema;
	double slow_rate, slow_threshold; // an alarm of the slow path in this second
	struct dos_cusum cusum;
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
};

struct dos {
	const struct yg_host *host;
	double floor_packets, floor_bits, floor_flows; // 0: from the access line
	uint32_t clear_s;
	bool slow;
	uint64_t secret[DOS_SECRETS]; // of the buckets
	uint64_t limits_line;         // the access line that `limits` belong to: neighbours in a second share it
	struct dos_limits limits;
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

// ---- rate.c ----

struct dos_limits dos_limits_of(const struct dos *d, uint64_t line_bps);
void dos_load_raw(struct dos_load *load, const struct yg_window *w);
void dos_load_ema(struct dos_load *load, const struct yg_window *w);
void dos_excess_of(struct dos_excess *e, const struct dos_load *load, const struct dos_view *view,
                   const struct dos_limits *limits);
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
// The host's record; with `heat` above 0 one is made when there is none. NULL when it is unknown or there is no place.
struct dos_watch *dos_watch_get(struct dos *d, uint8_t af, const struct yg_addr *addr, double heat);
struct dos_service *dos_service_get(struct dos *d, const struct yg_window *w, double heat);
void dos_watch_drop(struct dos *d, struct dos_watch *watch);
void dos_service_drop(struct dos *d, struct dos_service *service);

// ---- incident.c ----

// Judges one watched host at the end of a second: opens, raises, holds.
void dos_incident_step(struct dos *d, struct dos_watch *w, int64_t second);

// ---- text.c ----

const char *dos_kind(unsigned group);
const char *dos_technique(unsigned group);
// Both sentences from the numbers that the alert already holds.
void dos_sentences(struct yg_alert *alert, unsigned group, unsigned metric, bool one_way,
                   const struct yg_org_info *org);

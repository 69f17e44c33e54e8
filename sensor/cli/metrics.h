// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Counters for the world outside: the Prometheus text and the JSON of `yagura stats`, from the segments that the processes write. What an
// engine wrote may be hostile: numbers are only numbers, texts are copied, bounded and reduced to printable ASCII, and a name that stands
// twice is printed once, since one series that stands twice would cost the reader the whole text.
//
//   metrics_table.c   which counter is which metric; one that nobody put there is printed under its own name
//   metrics_text.c    the Prometheus text       metrics_json.c    the JSON
//   metrics_watch.c   the supervisor's side: what only it knows, and who serves
//   metrics_server.c  the process that serves HTTP (libmicrohttpd)
//
// Rendering is pure. Threads: any.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/stats.h"

enum {
	YG_METRICS_MAX = 1 << 20, // bytes of either text; a test fills every table to see that it is enough
	YG_METRICS_CHILDREN = 3,  // in the order of enum yg_child
	YG_RING_ALERTS = 0,
	YG_RING_FLOWS,
	YG_RING_TO_DISSECTOR,
	YG_RING_FROM_DISSECTOR = YG_RING_TO_DISSECTOR + YG_WORKERS_MAX,
	YG_METRICS_RINGS = YG_RING_FROM_DISSECTOR + YG_WORKERS_MAX,
	YG_METRICS_ORG_NAME = 17,
};

#define YG_CONTROL_COUNTERS(X)                                                                                            \
	X(ACCEPTED, "accepted") X(REFUSED, "refused") X(EVICTED, "evicted") X(REQUESTS, "requests") X(UNKNOWN, "unknown")        \
	X(BAD_FRAME, "bad_frame") X(DENIED, "denied") X(IDLE, "idle") X(ACCEPT_ERRORS, "accept_errors") X(NO_MEMORY, "no_memory")

enum yg_control_counter {
#define X(id, name) YG_CTL_##id,
	YG_CONTROL_COUNTERS(X)
#undef X
	YG_CTL_COUNT,
};

struct yg_ring_fill {
	struct yg_counter used, slots; // slots 0: there is no such ring
};

// What the supervisor alone knows. It writes; the process that serves has it read-only.
struct yg_supervisor_stats {
	struct yg_counter started_s; // CLOCK_REALTIME
	struct yg_counter workers, dissectors;
	struct yg_counter up[YG_METRICS_CHILDREN], restarts[YG_METRICS_CHILDREN];
	struct yg_counter server_restarts; // of the process that serves the metrics
	struct yg_counter flow_slots, open_alerts_max, flows_lost;
	struct yg_counter lag_ns; // how long the oldest alert waits that not every sink has
	struct yg_counter reloads, reloads_failed;
	struct yg_counter control[YG_CTL_COUNT];
	// cli/books.h; unaccounted: of the last minute that was closed
	struct { struct yg_counter raised, delivered, suppressed, spooled, lost, unaccounted, closed; } books;
	struct yg_ring_fill ring[YG_METRICS_RINGS];
	struct yg_counter orgs_count;
	char org[YG_SUMMARY_ORGS][YG_METRICS_ORG_NAME];
};

struct yg_metrics_view {
	const struct yg_engine_stats *engine;
	const struct yg_dissector_stats *dissector;
	const struct yg_courier_stats *courier;
	const struct yg_supervisor_stats *supervisor;
};

// The length, 0 when it does not fit into `size`. Nothing ends the text but its last newline.
size_t yg_metrics_text(const struct yg_metrics_view *view, char *buffer, size_t size);
size_t yg_metrics_json(const struct yg_metrics_view *view, char *buffer, size_t size);

// ---- the table ----

enum yg_metrics_source { YG_FROM_WORKER, YG_FROM_AGGREGATOR, YG_FROM_DISSECTOR, YG_FROM_COURIER, YG_METRICS_SOURCES };

// Rows of one metric stand one behind the other. A name that ends in _total is a counter, any other a gauge.
struct yg_metrics_row {
	const char *name;
	const char *help;  // of the first row of a metric; NULL: the same metric goes on
	const char *label; // reason="ring_full", or NULL
	uint8_t source;
	uint8_t counter;
	bool split; // one value a worker or dissector, not their sum
};
extern const struct yg_metrics_row yg_metrics_rows[];
extern const size_t yg_metrics_rows_count;

// "flow.hits". NULL behind the last one.
const char *yg_metrics_counter_name(enum yg_metrics_source source, unsigned counter);
const char *yg_metrics_stage_name(unsigned stage);
const char *yg_metrics_control_name(unsigned counter);
const char *yg_metrics_reassembly_name(unsigned i);
enum { YG_METRICS_REASSEMBLY = 15, YG_METRICS_REASSEMBLY_GAUGES = 12 }; // names; the first of those that are no counters

// The sum over all workers, or all dissectors and their zygote; for the others the counter itself.
uint64_t yg_metrics_sum(const struct yg_metrics_view *view, enum yg_metrics_source source, unsigned counter);
unsigned yg_metrics_workers(const struct yg_metrics_view *view);
unsigned yg_metrics_dissectors(const struct yg_metrics_view *view);
// Flows in the table now: what dead engines had is not.
uint64_t yg_metrics_flows(const struct yg_metrics_view *view);
// What is printed of a text in shared memory: printable ASCII without " and \, at most size - 1.
void yg_metrics_plain(char *to, size_t size, const char *from, size_t from_size);

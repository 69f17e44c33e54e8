// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The shared counters of each process: written by their owner alone, read by the supervisor (who distrusts the texts: they
// are copied and ended before use). One writer a field; see base/counter.h.
#pragma once

#include <stdint.h>

#include "base/counter.h"
#include "model/dissect.h"
#include "model/packet.h"
#include "model/process.h"
#include "yagura/plugin.h"

// Counters of one engine worker. Identities are checked by engine/identities.h.
#define YG_WORKER_COUNTERS(X)                                                                                             \
	X(RECEIVED, "received") X(REASSEMBLED, "reassembled") X(WIRE_BYTES, "wire_bytes")                                        \
	X(FLOW_HITS, "flow.hits") X(FLOW_CREATED, "flow.created") X(FLOW_EVICTED, "flow.evicted")                                \
	X(FLOW_ENDED, "flow.ended") X(FLOW_RECORDS, "flow.records") X(FLOW_EMBRYONIC_ENDED, "flow.embryonic_ended")              \
	X(FLOW_RECORD_POOL_FULL, "flow.record_pool_full") X(FLOW_META_FULL, "flow.meta_full")                                    \
	X(FLOW_VERDICT_LATE, "flow.verdict_late") X(FLOW_PROMOTED, "flow.promoted")                                              \
	X(DS_OFFERED, "dissect.offered") X(DS_SENT, "dissect.sent") X(DS_SKIPPED_RING_FULL, "dissect.skipped.ring_full")         \
	X(DS_SKIPPED_TOO_LONG, "dissect.skipped.too_long") X(DS_ANSWERS, "dissect.answers")                                      \
	X(DS_VERDICTS, "dissect.verdicts") X(DS_LOST_RESTART, "dissect.flows_lost_in_restart")                                   \
	X(DS_ANSWER_INVALID, "dissect.answer_invalid") X(DS_RESTARTS, "dissect.restarts")                                        \
	X(RATES_HOST_FULL, "rates.host_full") X(SAMPLED, "sample.taken") X(CONTACTS, "contacts") X(EVENTS, "events")             \
	X(ICMP_ABOUT, "icmp.about_flow") X(OVERLAP, "stream.overlap") X(RECORDS_SHED_POOL, "records.shed.pool_full") \
	X(RA_BATCH_FULL, "reassembly.batch_full") X(RA_NESTED, "reassembly.nested_too_deep") X(SAMPLE_RING_FULL, "sample.ring_full") \
	X(EVENTS_RING_FULL, "events.ring_full") X(RECORDS_SHED_EVENTS, "records.shed.events_full") X(RATES_RING_FULL, "rates.ring_full")

enum yg_worker_counter {
#define X(id, name) YG_WC_##id,
	YG_WORKER_COUNTERS(X)
#undef X
	YG_WC_COUNT,
};

struct yg_worker_stats {
	struct yg_counter c[YG_WC_COUNT];
	struct yg_counter decode_end[YG_DECODE_COUNT];
	struct yg_counter layer[YG_LAYER_COUNT];
	struct yg_counter end[YG_END_COUNT]; // flows ended, by reason
} __attribute__((aligned(64)));

#define YG_AGGREGATOR_COUNTERS(X)                                                                                         \
	X(RECORDS_WRITTEN, "records.written") X(RECORDS_SHED_NO_SINK, "records.shed.no_sink")                                    \
	X(RECORDS_SHED_EMBRYONIC, "records.shed.embryonic") X(RECORDS_SHED_RING_FULL, "records.shed.ring_full")                  \
	X(RECORDS_UPDATES, "records.updates")                                                                                   \
	X(ALERTS_RAISED, "alerts.raised") X(ALERTS_SENT, "alerts.sent") X(ALERTS_SUPPRESSED, "alerts.suppressed")                \
	X(ALERTS_RING_FULL, "alerts.ring_full") X(ALERTS_OPENED, "alerts.opened") X(ALERTS_CLOSED, "alerts.closed")              \
	X(ALERTS_TABLE_FULL, "alerts.table_full") X(ALERTS_HELD, "alerts.held")                                                  \
	X(RATE_KEYS, "rates.keys") X(RATE_EVICTED, "rates.evicted") X(WINDOWS, "windows") X(SECONDS, "seconds")                  \
	X(TIME_STEPS, "time.steps") X(TIME_GAPS, "time.gaps") X(APPS_FULL, "summary.apps_full")                                  \
	X(TIME_STEPS_FORGOTTEN, "time.steps_forgotten") X(TIME_STAMPS_UNSURE, "time.stamps_unsure")

enum yg_aggregator_counter {
#define X(id, name) YG_AC_##id,
	YG_AGGREGATOR_COUNTERS(X)
#undef X
	YG_AC_COUNT,
};

enum { YG_SUMMARY_APPS = 1024, YG_SUMMARY_ORGS = 1026, YG_SUMMARY_ALERTS = 256, YG_RESTARTS_KEPT = 1024 };

struct yg_app_total {
	char name[48];
	struct yg_counter flows, packets, bytes;
};

struct yg_org_total { // index: org; the last but one: nobody's; the last: unused
	struct yg_counter flows, bytes_in, bytes_out;
};

struct yg_engine_stats {
	struct yg_worker_stats worker[YG_WORKERS_MAX];
	struct yg_counter aggregator[YG_AC_COUNT];
	struct yg_counter reassembly[16]; // in the order of struct yg_reassembly_stats
	struct yg_counter packets_total, bytes_read, bytes_total, first_ns, last_ns, finished, batch;
	struct yg_counter closed; // the rings towards the dissector have been closed, or are about to be
	struct yg_counter apps_count;
	struct yg_app_total apps[YG_SUMMARY_APPS];
	struct yg_org_total orgs[YG_SUMMARY_ORGS];
	char capture_error[4096]; // about damaged files, one a line
};

#define YG_DISSECTOR_COUNTERS(X)                                                                                          \
	X(READ, "read") X(READ_SLOTS, "read_slots") X(UNKNOWN_FLOW, "unknown_flow") X(INVALID, "invalid") \
	X(AFTER_DONE, "after_done") \
	X(NDPI_CALLS, "ndpi.calls") X(NDPI_LEFT_OUT, "ndpi.left_out") X(VERDICTS, "verdicts") X(GUESSES, "guesses")              \
	X(ENDS, "ends") X(DNS, "dns") X(TLS, "tls") X(HTTP, "http") X(BROKEN, "readers.broken")                                  \
	X(STREAM_BUFFERS, "stream.buffers") X(STREAM_FULL, "stream.full") X(STREAM_OVERLAP, "stream.overlap")                    \
	X(STREAM_GAP, "stream.gap") X(DEATHS, "deaths") X(HANGS, "hangs") X(SANDBOX_KILLS, "sandbox_kills") \
	X(LOST, "lost_packets") \
	X(QUARANTINED, "quarantine.written") X(QUARANTINE_FULL, "quarantine.full") X(PAUSES, "ndpi.pauses") \
	X(ANSWERS_CAPPED, "answers.capped")            \
	X(ANSWERS_DROPPED, "answers.dropped") X(VERDICTS_DROPPED, "answers.verdicts_dropped") X(FLOWS_FULL, "flows.full")

enum yg_dissector_counter {
#define X(id, name) YG_DC_##id,
	YG_DISSECTOR_COUNTERS(X)
#undef X
	YG_DC_COUNT,
};

struct yg_restart { // CLOCK_MONOTONIC, ns
	struct yg_counter cause, died_ns, ready_ns, pid; // died: when the zygote learnt it; hang: when progress was last seen
};

// Counters survive the death of a worker: they live here, and the next worker of that index goes on with them.
struct yg_dissector_stats {
	struct yg_counter c[YG_DISSECTORS_MAX][YG_DC_COUNT];
	struct yg_counter zygote[YG_DC_COUNT];
	struct yg_counter restarts_count;
	struct yg_restart restarts[YG_RESTARTS_KEPT];
};

#define YG_COURIER_COUNTERS(X)                                                                                            \
	X(ALERTS_READ, "alerts.read") X(ALERTS_INVALID, "alerts.invalid") X(ALERTS_DELIVERED, "alerts.delivered")                \
	X(ALERTS_PENDING, "alerts.pending") X(FLOWS_READ, "flows.read") X(FLOWS_WRITTEN, "flows.written")                        \
	X(FLOWS_INVALID, "flows.invalid") X(EVE_LINES, "eve.lines") X(EVE_BYTES, "eve.bytes") X(EVE_ERRORS, "eve.errors")        \
	X(EVE_TOO_LONG, "eve.too_long") X(REDIS_SENT, "redis.sent") X(REDIS_DELIVERED, "redis.delivered")                        \
	X(REDIS_CONNECTS, "redis.connects") X(REDIS_ERRORS, "redis.errors") X(REDIS_DUPLICATES, "redis.duplicates_refused")      \
	X(REDIS_GENERATION, "redis.generation") X(SUMMARY_FULL, "summary.full")

enum yg_courier_counter {
#define X(id, name) YG_CC_##id,
	YG_COURIER_COUNTERS(X)
#undef X
	YG_CC_COUNT,
};

struct yg_courier_stats {
	struct yg_counter c[YG_CC_COUNT];
	struct yg_counter opened[YG_SEV_COUNT];           // alerts opened, by severity
	struct yg_counter summary_count;
	struct yg_alert summary[YG_SUMMARY_ALERTS];       // the latest state of each alert, in order of opening
	char redis_error[160];
};

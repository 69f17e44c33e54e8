// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The shared counters of each process: written by their owner alone, read by the supervisor (who distrusts the texts: they
// are copied and ended before use). One writer a field; see base/counter.h.
#pragma once

#include <stdint.h>
#include <string.h>

#include "base/counter.h"
#include "model/dissect.h"
#include "model/packet.h"
#include "model/process.h"
#include "model/redis_state.h"
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
	X(EVENTS_RING_FULL, "events.ring_full") X(RECORDS_SHED_EVENTS, "records.shed.events_full") X(RATES_RING_FULL, "rates.ring_full") \
	X(HANDED_FULL, "handover.ring_full") \
	X(MIRROR_PACKETS, "mirror.packets_looked_up") X(MIRROR_DUPLICATES, "mirror.duplicates") X(MIRROR_REPEATED, "mirror.repeated") \
	X(MIRROR_WINDOW_FULL, "mirror.window_full") X(MIRROR_SUPPRESSED, "mirror.suppressed") \
	X(MIRROR_SUPPRESSED_BARE, "mirror.suppressed_undecoded") X(MIRROR_SEGMENTS, "mirror.segments_looked_at") \
	X(MIRROR_REORDERED, "mirror.reordered") X(MIRROR_ACKED, "mirror.acked_bytes") X(MIRROR_GAPS, "mirror.gaps") \
	X(MIRROR_GAP_BYTES, "mirror.gap_bytes") X(MIRROR_GAP_FLOWS, "mirror.gap_flows") X(MIRROR_GAPS_FILLED, "mirror.gap_bytes_filled_late") \
	X(MIRROR_HOLES_FULL, "mirror.holes_full") X(MIRROR_FLOWS_FULL, "mirror.flows_full") \
	X(RECORDS_SHED_BUDGET, "records.shed.budget") X(UPDATES_SHED, "records.updates_shed") X(CONTACTS_SHED, "contacts.shed") \
	X(DNS_SHED, "dns.shed") X(FLOW_ADMISSION, "flow.admission.waits") X(EXPIRY_DEBT, "flow.expiry_debt") \
	X(SECONDS_LATE, "rates.seconds_late") \
	X(SHED_RISES, "shed.rises") X(SHED_DISSECTION, "shed.1.flows_not_dissected") X(SHED_RECORDS, "shed.2.records") \
	X(SHED_CONTACTS, "shed.2.contacts") X(SHED_PACKETS, "shed.3.packets_counted_only")

// A gauge whose value cannot be had.
#define YG_STATS_UNKNOWN UINT64_MAX

enum { YG_PAIR_PLACES = 256 };

enum yg_worker_counter {
#define X(id, name) YG_WC_##id,
	YG_WORKER_COUNTERS(X)
#undef X
	YG_WC_COUNT,
};

// Where a live worker's time goes, in cycles of the TSC, added once a burst. Idle is the time in which nothing was found to do; busy is the
// rest of the sum. A replay counts none.
#define YG_STAGE_CYCLES(X) X(RECEIVE, "receive") X(DECODE, "decode") X(FLOW, "flow") X(POLL, "poll") X(IDLE, "idle")

enum yg_stage_cycles {
#define X(id, name) YG_STAGE_##id,
	YG_STAGE_CYCLES(X)
#undef X
	YG_STAGE_CYCLES_COUNT,
};

struct yg_worker_stats {
	struct yg_counter c[YG_WC_COUNT];
	struct yg_counter decode_end[YG_DECODE_COUNT];
	struct yg_counter layer[YG_LAYER_COUNT];
	struct yg_counter end[YG_END_COUNT]; // flows ended, by reason
	struct yg_counter reassembly[16];    // live; in the order of struct yg_reassembly_stats
	struct yg_counter thread;            // live: its number, for /proc
	struct yg_counter beat_ns;           // live: the worker's clock when it last looked up
	struct yg_counter second;            // live: that is open; what was counted before it has been handed over
	struct yg_counter reached;           // a replay: see yg_reached of engine/event.h
	struct yg_counter ending;            // live: 1 while the worker empties its tables: it looks up no more
	struct yg_counter shed_step, shed_queue, shed_busy;   // live: 0 to 3; per mille, the queue's YG_STATS_UNKNOWN where no driver says
	struct yg_counter pairs_period, pairs[YG_PAIR_PLACES]; // live: a sample of the flows of the period before this one, see engine/mirror.h
	struct yg_counter cycles[YG_STAGE_CYCLES_COUNT];
} __attribute__((aligned(64)));

// What a port of a live run counted since its start. Frames that are not in `packets` were never seen by us.
struct yg_port_stats {
	char name[64];
	struct yg_counter packets, bytes, missed, errors, nombuf, link_up, queues;
	struct yg_counter kernel_drops, kernel_drops_known; // of its packet sockets; unknown where the driver uses none
};

#define YG_AGGREGATOR_COUNTERS(X)                                                                                         \
	X(RECORDS_WRITTEN, "records.written") X(RECORDS_SHED_NO_SINK, "records.shed.no_sink")                                    \
	X(RECORDS_SHED_EMBRYONIC, "records.shed.embryonic") X(RECORDS_SHED_RING_FULL, "records.shed.ring_full")                  \
	X(RECORDS_UPDATES, "records.updates")                                                                                   \
	X(ALERTS_RAISED, "alerts.raised") X(ALERTS_SENT, "alerts.sent") X(ALERTS_SUPPRESSED, "alerts.suppressed")                \
	X(ALERTS_RING_FULL, "alerts.ring_full") X(ALERTS_RING_FULL_HIGH, "alerts.ring_full.high") \
	X(ALERTS_OPENED, "alerts.opened") X(ALERTS_CLOSED, "alerts.closed") \
	X(ALERTS_TABLE_FULL, "alerts.table_full") X(ALERTS_HELD, "alerts.held") \
	X(ALERTS_REOPENED, "alerts.reopened") X(ALERTS_CLOSED_FULL, "alerts.closed_full") \
	X(CAMPAIGN_PULSES, "campaign.pulses") X(CAMPAIGN_OPEN, "campaign.open") X(CAMPAIGN_FULL, "campaign.full") \
	X(USE_PAIRS, "use.pairs") X(USE_FULL, "use.full") \
	X(IMPACT_SERVICES, "impact.services") X(IMPACT_FULL, "impact.full") X(IMPACT_CLIENTS_FULL, "impact.clients_full") \
	X(RATE_KEYS, "rates.keys") X(RATE_EVICTED, "rates.evicted") X(WINDOWS, "windows") X(SECONDS, "seconds")                  \
	X(TIME_STEPS, "time.steps") X(TIME_GAPS, "time.gaps") X(APPS_FULL, "summary.apps_full")                                  \
	X(RELOADS, "reloads") X(TIME_STEPS_FORGOTTEN, "time.steps_forgotten") X(TIME_STAMPS_UNSURE, "time.stamps_unsure") \
	X(POINTS, "points.written") X(POINTS_RING_FULL, "points.ring_full") \
	X(ALERTS_BY_RULE, "alerts.suppressed_by_rule") X(SUPPRESSION_LIVES_FULL, "alerts.suppression_lives_full") \
	X(BASELINES, "baselines.used") X(BASELINES_FULL, "baselines.full") X(BASELINES_WIDE_FULL, "baselines.wide_full") \
	X(BASELINES_RESTORED, "baselines.restored") X(BASELINES_NOT_RESTORED, "baselines.not_restored") \
	X(STATE_SNAPSHOTS, "state.snapshots") X(STATE_DROPPED, "state.dropped") X(STATE_CUT, "state.cut")

enum yg_aggregator_counter {
#define X(id, name) YG_AC_##id,
	YG_AGGREGATOR_COUNTERS(X)
#undef X
	YG_AC_COUNT,
};

enum { YG_DETECTORS_MAX = 64, YG_SUPPRESSIONS_COUNTED = 4096 };

struct yg_suppression_stats { // an empty id ends them
	char id[32];
	struct yg_counter hits; // distinct alerts that it hid
};

struct yg_detector_stats { // an empty name ends them
	char name[32];
	struct yg_counter raised;
};

enum { YG_SUMMARY_APPS = 1024, YG_SUMMARY_ORGS = 1026, YG_SUMMARY_ALERTS = 256, YG_RESTARTS_KEPT = 1024 };

struct yg_app_total {
	char name[48];
	struct yg_counter flows, packets, bytes;
};

struct yg_org_total { // index: org; the last but one: nobody's; the last: unused
	struct yg_counter flows, bytes_in, bytes_out;
};

// What befell the spool on disk, as the courier counts it; the names are those of courier/wal.h.
#define YG_SPOOL_EVENTS(X)                                                                                                \
	X(TORN, "torn_tail") X(DAMAGED, "damaged_record") X(MISSING, "missing_segment") X(UNREADABLE, "unreadable_segment")      \
	X(META_LOST, "meta_lost") X(RETIRED, "segment_retired") X(IO_ERROR, "io_error") X(RESERVE_USED, "reserve_used")          \
	X(LOST, "lost") /* records, not events */

enum yg_spool_event {
#define X(id, name) YG_SE_##id,
	YG_SPOOL_EVENTS(X)
#undef X
	YG_SE_COUNT,
};

// How the engine hears of it: the supervisor copies the courier's counters here each second, since alerts are born in the engine alone.
// `raised` is the engine's, and outlives it: what has been said is not said again.
struct yg_spool_told {
	struct yg_counter event[YG_SE_COUNT], pressure; // percent
	struct yg_counter raised[YG_SE_COUNT];
};

struct yg_engine_stats {
	struct yg_worker_stats worker[YG_WORKERS_MAX];
	struct yg_counter aggregator[YG_AC_COUNT];
	struct yg_counter reassembly[16]; // in the order of struct yg_reassembly_stats
	struct yg_counter packets_total, bytes_read, bytes_total, first_ns, last_ns, finished, batch;
	struct yg_counter closed; // the rings towards the dissector have been closed, or are about to be
	// live
	struct yg_counter starts;         // engines that have begun to receive; the memory outlives them
	struct yg_counter receiving;      // this one does
	struct yg_counter aggregator_beat, main_beat; // move as long as their thread does
	struct yg_counter aggregator_thread, main_thread; // their numbers, for /proc
	struct yg_counter timeline_ns;    // of all engines of a run: their time less CLOCK_BOOTTIME; 0: none has begun
	struct yg_counter gone_ns;        // the time at which a port went, 0: all are there
	struct yg_counter blind_ns;       // all the time between an engine's last look at its ports and the next one's first
	struct yg_counter ports_count;
	struct yg_port_stats port[YG_PORTS_MAX];
	struct yg_spool_told spool;
	struct yg_counter tsc_hz; // of `cycles`; 0: not a live run
	struct yg_detector_stats detector[YG_DETECTORS_MAX];
	struct yg_suppression_stats suppression[YG_SUPPRESSIONS_COUNTED + 1]; // the last: of ids that found no place
	struct yg_counter apps_count;
	struct yg_app_total apps[YG_SUMMARY_APPS];
	struct yg_org_total orgs[YG_SUMMARY_ORGS];
	char capture_error[4096]; // about damaged files, one a line
};

// The aggregator's thread: n alerts more of this detector (0: it is loaded). One beyond YG_DETECTORS_MAX is not counted by itself.
static inline void yg_detector_count(struct yg_engine_stats *stats, const char *name, uint64_t n)
{
	for (unsigned i = 0; i < YG_DETECTORS_MAX; i++) {
		struct yg_detector_stats *d = &stats->detector[i];
		if (!d->name[0])
			memcpy(d->name, name, strnlen(name, sizeof d->name - 1)); // what lies behind is 0
		if (strncmp(d->name, name, sizeof d->name - 1) != 0)
			continue;
		yg_counter_add(&d->raised, n);
		return;
	}
}

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
	X(ANSWERS_DROPPED, "answers.dropped") X(VERDICTS_DROPPED, "answers.verdicts_dropped") X(FLOWS_FULL, "flows.full") \
	X(FLOWS_MEMORY, "flows.memory")

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
	X(EVE_TOO_LONG, "eve.too_long") X(EVE_ROTATIONS, "eve.rotations") X(EVE_ROTATE_ERRORS, "eve.rotate_errors")             \
	X(EVE_REOPENS, "eve.reopens") X(EVE_COMPRESSED, "eve.compressed") X(EVE_REMOVED, "eve.removed")                          \
	X(EVE_KEEP_ERRORS, "eve.keep_errors") X(SOCKET_UP, "socket.up") X(SOCKET_SENT, "socket.sent")                            \
	X(SOCKET_CONNECTS, "socket.connects") X(SOCKET_ERRORS, "socket.errors") X(SOCKET_RESENT, "socket.resent")                \
	X(SOCKET_CUT, "socket.cut") X(SYSLOG_UP, "syslog.up") X(SYSLOG_SENT, "syslog.sent")                                      \
	X(SYSLOG_CONNECTS, "syslog.connects") X(SYSLOG_ERRORS, "syslog.errors") X(SYSLOG_RESENT, "syslog.resent")                \
	X(SYSLOG_CUT, "syslog.cut") X(REDIS_SENT, "redis.sent") X(REDIS_DELIVERED, "redis.delivered")                        \
	X(REDIS_CONNECTS, "redis.connects") X(REDIS_ERRORS, "redis.errors") X(REDIS_DUPLICATES, "redis.duplicates_refused")      \
	X(REDIS_GENERATION, "redis.generation") X(REDIS_STATE, "redis.state") X(REDIS_RESENT, "redis.resent")                    \
	X(REDIS_LOST, "redis.lost") X(REDIS_TRIMS, "redis.trims") X(REDIS_FAILOVERS, "redis.failovers")                          \
	X(REDIS_UNREPLICATED, "redis.unreplicated") X(SUMMARY_FULL, "summary.full")                                              \
	X(SPOOL_UP, "spool.up") X(SPOOL_RECORDS, "spool.records") X(SPOOL_HELD, "spool.held") X(SPOOL_CARRIED, "spool.carried")  \
	X(SPOOL_BYTES, "spool.bytes") X(SPOOL_DISK, "spool.disk") X(SPOOL_PRESSURE, "spool.pressure")                            \
	X(SPOOL_SYNCS, "spool.syncs") X(SPOOL_ERRORS, "spool.errors") X(SPOOL_SHED, "spool.shed") X(SPOOL_GAPS, "spool.gaps")    \
	X(SPOOL_FLOWS_SHED, "spool.flows_shed") X(SPOOL_METRICS_SHED, "spool.metrics_shed")                                      \
	X(POINTS_READ, "points.read") X(POINTS_INVALID, "points.invalid")                                                        \
	X(REDIS_FLOWS, "redis.flows") X(REDIS_METRICS, "redis.metrics") X(REDIS_HEALTH, "redis.health")                          \
	X(LIST_UP, "list.up") X(LIST_DELIVERED, "list.delivered") X(LIST_TRIMMED, "list.trimmed")                                \
	X(LIST_CONNECTS, "list.connects") X(LIST_ERRORS, "list.errors")                                                          \
	X(CHANNEL_UP, "channel.up") X(CHANNEL_PUBLISHED, "channel.published") X(CHANNEL_HEARD, "channel.heard")                  \
	X(CHANNEL_UNHEARD, "channel.unheard") X(CHANNEL_UNANSWERED, "channel.unanswered")                                        \
	X(CHANNEL_CONNECTS, "channel.connects") X(CHANNEL_ERRORS, "channel.errors")                                          \
	X(ALERTS_LOST, "alerts.lost") X(ALERTS_LOST_HIGH, "alerts.lost.high") X(ALERTS_MISSING, "alerts.missing")

enum yg_courier_counter {
#define X(id, name) YG_CC_##id,
	YG_COURIER_COUNTERS(X)
#undef X
	YG_CC_COUNT,
};

// The sinks of the courier; each has a position of its own in the spool. The name is that of its cursor there, and of its counters.
#define YG_SINK_NAMES(X)                                                                                                                  \
	X(EVE, "eve") X(REDIS, "redis") X(REDIS_FLOWS, "redis.flows") X(REDIS_METRICS, "redis.metrics") X(LIST, "list") X(CHANNEL, "channel") \
	X(SOCKET, "socket") X(SYSLOG, "syslog")

enum yg_sink_number {
#define X(id, name) YG_SINK_##id,
	YG_SINK_NAMES(X)
#undef X
	YG_SINKS,
};

struct yg_courier_stats {
	struct yg_counter c[YG_CC_COUNT];
	struct yg_counter spool_event[YG_SE_COUNT];
	struct yg_counter opened[YG_SEV_COUNT];           // alerts opened, by severity
	struct yg_counter summary_count;
	struct yg_alert summary[YG_SUMMARY_ALERTS];       // the latest state of each alert, in order of opening
	struct yg_counter redis_entered[YG_REDIS_STATE_COUNT]; // how often each state of model/redis_state.h began
	char redis_error[160];
	struct yg_counter sink_behind[YG_SINKS]; // records that a sink has still to get, and 1; 0: it is not configured. enum yg_sink_number
};

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See metrics.h. Which counter is which metric, by hand, for names that stay when counters inside move. docs/metrics.md says the same for
// people; a test holds that no counter of model/stats.h is left out of the text.
#include "cli/metrics.h"

#include <string.h>

#define W(id) YG_FROM_WORKER, YG_WC_##id
#define A(id) YG_FROM_AGGREGATOR, YG_AC_##id
#define D(id) YG_FROM_DISSECTOR, YG_DC_##id
#define C(id) YG_FROM_COURIER, YG_CC_##id

// clang-format off
const struct yg_metrics_row yg_metrics_rows[] = {
	{"yagura_worker_packets_total", "Frames that a worker received.", NULL, W(RECEIVED), true},
	{"yagura_worker_bytes_total", "Bytes on the wire of the frames that a worker received.", NULL, W(WIRE_BYTES), true},
	{"yagura_reassembled_datagrams_total", "Datagrams put together from fragments.", NULL, W(REASSEMBLED), false},
	{"yagura_flow_hits_total", "Packets of a flow that was in the table.", NULL, W(FLOW_HITS), true},
	{"yagura_flow_created_total", "Flows created.", NULL, W(FLOW_CREATED), true},
	{"yagura_flow_evicted_total", "Flows that gave up their place to another one.", NULL, W(FLOW_EVICTED), false},
	{"yagura_flow_ended_total", "Flows ended.", NULL, W(FLOW_ENDED), false},
	{"yagura_flow_embryonic_ended_total", "Flows ended that never had an answer or payload.", NULL, W(FLOW_EMBRYONIC_ENDED), false},
	{"yagura_flow_promoted_total", "Flows that left the embryonic rank.", NULL, W(FLOW_PROMOTED), false},
	{"yagura_flow_late_verdicts_total", "Verdicts that came when their flow had ended.", NULL, W(FLOW_VERDICT_LATE), false},
	{"yagura_flow_records_total", "Flow records that workers handed to the aggregator.", NULL, W(FLOW_RECORDS), false},
	{"yagura_flow_records_written_total", "Flow records handed to the courier.", NULL, A(RECORDS_WRITTEN), false},
	{"yagura_flow_record_updates_total", "Records of flows that went on.", NULL, A(RECORDS_UPDATES), false},
	{"yagura_flow_records_shed_total", "Flow records not written, by reason.", "reason=\"pool_full\"", W(RECORDS_SHED_POOL), false},
	{"yagura_flow_records_shed_total", NULL, "reason=\"events_full\"", W(RECORDS_SHED_EVENTS), false},
	{"yagura_flow_records_shed_total", NULL, "reason=\"ring_full\"", A(RECORDS_SHED_RING_FULL), false},
	{"yagura_flow_records_shed_total", NULL, "reason=\"embryonic\"", A(RECORDS_SHED_EMBRYONIC), false},
	{"yagura_flow_records_shed_total", NULL, "reason=\"no_sink\"", A(RECORDS_SHED_NO_SINK), false},
	{"yagura_contacts_total", "Attempts answered, refused or left in silence, told to the detectors.", NULL, W(CONTACTS), false},
	{"yagura_events_total", "Events from workers to the aggregator.", NULL, W(EVENTS), false},
	{"yagura_icmp_errors_total", "ICMP errors about a flow of the table.", NULL, W(ICMP_ABOUT), false},
	{"yagura_stream_overlaps_total", "Segments that lay over bytes seen before.", NULL, W(OVERLAP), false},
	{"yagura_sampled_packets_total", "Packets taken as evidence for alerts.", NULL, W(SAMPLED), false},
	{"yagura_dissect_offered_packets_total", "Packets worth reading by a dissector.", NULL, W(DS_OFFERED), false},
	{"yagura_dissect_sent_packets_total", "Packets handed to a dissector.", NULL, W(DS_SENT), false},
	{"yagura_dissect_skipped_packets_total", "Packets that no dissector read, by reason.", "reason=\"ring_full\"",
	 W(DS_SKIPPED_RING_FULL), false},
	{"yagura_dissect_skipped_packets_total", NULL, "reason=\"too_long\"", W(DS_SKIPPED_TOO_LONG), false},
	{"yagura_dissect_answers_total", "Answers of dissectors.", NULL, W(DS_ANSWERS), false},
	{"yagura_dissect_verdicts_total", "Final verdicts of dissectors.", NULL, W(DS_VERDICTS), false},
	{"yagura_dissect_invalid_answers_total", "Answers of dissectors that could not be, and were not followed.", NULL,
	 W(DS_ANSWER_INVALID), false},
	{"yagura_dissect_lost_flows_total", "Flows whose reading ended with a dissector.", NULL, W(DS_LOST_RESTART), false},
	{"yagura_dissect_restarts_seen_total", "New dissectors that workers met.", NULL, W(DS_RESTARTS), false},

	{"yagura_limit_hits_total", "How often a limit was met; docs/metrics.md says what each costs.", "limit=\"flow_record_pool\"",
	 W(FLOW_RECORD_POOL_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"flow_meta\"", W(FLOW_META_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"rates_hosts\"", W(RATES_HOST_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"rates_keep\"", A(RATE_EVICTED), false},
	{"yagura_limit_hits_total", NULL, "limit=\"rates_baselines\"", A(BASELINES_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"baselines_wide\"", A(BASELINES_WIDE_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"state_room\"", A(STATE_CUT), false},
	{"yagura_limit_hits_total", NULL, "limit=\"rates_ring\"", W(RATES_RING_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"events_ring\"", W(EVENTS_RING_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"sample_ring\"", W(SAMPLE_RING_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"reassembly_batch\"", W(RA_BATCH_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"reassembly_nesting\"", W(RA_NESTED), false},
	{"yagura_limit_hits_total", NULL, "limit=\"mirror_window\"", W(MIRROR_WINDOW_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"mirror_holes\"", W(MIRROR_HOLES_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"mirror_flows\"", W(MIRROR_FLOWS_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"alerts_open\"", A(ALERTS_TABLE_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"alerts_closed\"", A(ALERTS_CLOSED_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"campaigns\"", A(CAMPAIGN_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"use_pairs\"", A(USE_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"impact_services\"", A(IMPACT_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"impact_clients\"", A(IMPACT_CLIENTS_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"suppressed_lives\"", A(SUPPRESSION_LIVES_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"applications\"", A(APPS_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"time_steps\"", A(TIME_STEPS_FORGOTTEN), false},
	{"yagura_limit_hits_total", NULL, "limit=\"dissector_flows\"", D(FLOWS_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"dissector_memory\"", D(FLOWS_MEMORY), false},
	{"yagura_limit_hits_total", NULL, "limit=\"dissector_streams\"", D(STREAM_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"dissector_answers\"", D(ANSWERS_CAPPED), false},
	{"yagura_limit_hits_total", NULL, "limit=\"quarantine_files\"", D(QUARANTINE_FULL), false},
	{"yagura_limit_hits_total", NULL, "limit=\"eve_line\"", C(EVE_TOO_LONG), false},
	{"yagura_limit_hits_total", NULL, "limit=\"summary\"", C(SUMMARY_FULL), false},

	{"yagura_mirror_checked_packets_total", "Packets looked up for copies of themselves.", NULL, W(MIRROR_PACKETS), false},
	{"yagura_mirror_duplicates_total", "Packets that are second copies.", NULL, W(MIRROR_DUPLICATES), false},
	{"yagura_mirror_repeated_total", "Packets seen more than twice.", NULL, W(MIRROR_REPEATED), false},
	{"yagura_mirror_suppressed_packets_total", "Second copies left out.", "decoded=\"yes\"", W(MIRROR_SUPPRESSED), false},
	{"yagura_mirror_suppressed_packets_total", NULL, "decoded=\"no\"", W(MIRROR_SUPPRESSED_BARE), false},
	{"yagura_mirror_segments_total", "TCP segments looked at for their order.", NULL, W(MIRROR_SEGMENTS), false},
	{"yagura_mirror_reordered_segments_total", "TCP segments that came out of order.", NULL, W(MIRROR_REORDERED), false},
	{"yagura_mirror_acked_bytes_total", "Bytes that TCP peers acknowledged.", NULL, W(MIRROR_ACKED), false},
	{"yagura_mirror_gaps_total", "Holes in TCP streams that were acknowledged but never seen.", NULL, W(MIRROR_GAPS), false},
	{"yagura_mirror_gap_bytes_total", "Bytes of such holes.", NULL, W(MIRROR_GAP_BYTES), false},
	{"yagura_mirror_gap_flows_total", "Flows with such holes.", NULL, W(MIRROR_GAP_FLOWS), false},
	{"yagura_mirror_gap_filled_bytes_total", "Bytes of such holes that came late.", NULL, W(MIRROR_GAPS_FILLED), false},
	{"yagura_shed_rises_total", "Steps up of load shedding.", NULL, W(SHED_RISES), false},
	{"yagura_shed_total", "What was left out by load shedding.", "what=\"dissection\"", W(SHED_DISSECTION), false},
	{"yagura_shed_total", NULL, "what=\"records\"", W(SHED_RECORDS), false},
	{"yagura_shed_total", NULL, "what=\"contacts\"", W(SHED_CONTACTS), false},
	{"yagura_shed_total", NULL, "what=\"packets\"", W(SHED_PACKETS), false},

	{"yagura_alerts_raised_total", "Alerts that detectors raised, every message of an alert counted.", NULL, A(ALERTS_RAISED), false},
	{"yagura_alerts_sent_total", "Alert messages handed to the courier.", NULL, A(ALERTS_SENT), false},
	{"yagura_alerts_suppressed_total", "Alert messages that repeat what is open, or that a rule suppresses.", NULL,
	 A(ALERTS_SUPPRESSED), false},
	{"yagura_alerts_suppressed_by_rule_total", "Of those suppressed: distinct alerts that a suppression of the configuration hid.", NULL,
	 A(ALERTS_BY_RULE), false},
	{"yagura_alerts_opened_total", "Alerts opened.", NULL, A(ALERTS_OPENED), false},
	{"yagura_alerts_closed_total", "Alerts closed.", NULL, A(ALERTS_CLOSED), false},
	{"yagura_alerts_reopened_total", "Of those opened, the ones that had closed within ten minutes.", NULL, A(ALERTS_REOPENED), false},
	{"yagura_campaign_pulses_total", "Attacks that were looked at as pulses of a campaign.", NULL, A(CAMPAIGN_PULSES), false},
	{"yagura_campaigns", "Campaigns that are open.", NULL, A(CAMPAIGN_OPEN), false},
	{"yagura_use_pairs", "Pairs of a body and a declared server that it uses.", NULL, A(USE_PAIRS), false},
	{"yagura_impact_services", "Services whose known clients are remembered.", NULL, A(IMPACT_SERVICES), false},
	{"yagura_alerts_held_total", "Alerts summarised in a storm.", NULL, A(ALERTS_HELD), false},
	{"yagura_alerts_dropped_total", "Alert messages lost, by reason.", "reason=\"ring_full\"", A(ALERTS_RING_FULL), false},
	{"yagura_alerts_dropped_total", NULL, "reason=\"invalid\"", C(ALERTS_INVALID), false},
	{"yagura_alerts_dropped_total", NULL, "reason=\"spool_full\"", C(SPOOL_SHED), false},
	{"yagura_alerts_dropped_high_total", "Of those that found the ring full: of high severity or above.", NULL, A(ALERTS_RING_FULL_HIGH),
	 false},
	{"yagura_alerts_gap_total", "Alert messages that never came, and of which the spool holds a gap record, by class.", "class=\"high\"",
	 C(ALERTS_LOST_HIGH), false},
	{"yagura_alerts_gap_total", NULL, "class=\"alert\"", C(ALERTS_LOST), false},
	{"yagura_alerts_gap_total", NULL, "class=\"unexplained\"", C(ALERTS_MISSING), false},
	{"yagura_alerts_read_total", "Alert messages that the courier read.", NULL, C(ALERTS_READ), false},
	{"yagura_alerts_delivered_total", "Alert messages that every sink has.", NULL, C(ALERTS_DELIVERED), false},
	{"yagura_alerts_pending", "Alert messages that not every sink has yet.", NULL, C(ALERTS_PENDING), false},
	{"yagura_spool_up", "1 when what waits is on disk, 0 when it is in memory.", NULL, C(SPOOL_UP), false},
	{"yagura_spool_records_total", "Records that the spool took since this courier began.", NULL, C(SPOOL_RECORDS), false},
	{"yagura_spool_held_records", "Records in the spool that not every sink has, of earlier runs too.", NULL, C(SPOOL_HELD), false},
	{"yagura_spool_carried_records", "Records of earlier runs that waited when this one began.", NULL, C(SPOOL_CARRIED), false},
	{"yagura_spool_undelivered_bytes", "Bytes in the spool that not every sink has.", NULL, C(SPOOL_BYTES), false},
	{"yagura_spool_disk_bytes", "Bytes of records in the spool, delivered ones too.", NULL, C(SPOOL_DISK), false},
	{"yagura_spool_pressure_percent", "Share of the spool's size that is undelivered, or of the disk that is taken.", NULL,
	 C(SPOOL_PRESSURE), false},
	{"yagura_spool_syncs_total", "Groups of records made durable since this courier began.", NULL, C(SPOOL_SYNCS), false},
	{"yagura_spool_errors_total", "Refusals of the disk since this courier began.", NULL, C(SPOOL_ERRORS), false},
	{"yagura_spool_shed_total", "Lines that the spool refused for want of room, by class; alerts: yagura_alerts_dropped_total.",
	 "class=\"flow\"", C(SPOOL_FLOWS_SHED), false},
	{"yagura_spool_shed_total", NULL, "class=\"metric\"", C(SPOOL_METRICS_SHED), false},
	{"yagura_spool_gaps_total", "Gap records written since this courier began.", NULL, C(SPOOL_GAPS), false},

	{"yagura_aggregator_reloads_total", "Configurations that the engine took over while it ran.", NULL, A(RELOADS), false},
	{"yagura_rate_keys", "Hosts, prefixes, services and bodies whose rates are remembered.", NULL, A(RATE_KEYS), false},
	{"yagura_baseline_histograms", "Histograms of what is usual, one for each metric of a host, prefix, service or body.", NULL,
	 A(BASELINES), false},
	{"yagura_baselines_restored_total", "Keys whose baselines came from a snapshot.", NULL, A(BASELINES_RESTORED), false},
	{"yagura_baselines_not_restored_total", "Keys of a snapshot that are no longer ours, or found no place.", NULL,
	 A(BASELINES_NOT_RESTORED), false},
	{"yagura_state_snapshots_total", "Snapshots of what was learned that were finished.", NULL, A(STATE_SNAPSHOTS), false},
	{"yagura_state_parts_dropped_total", "Parts of a snapshot that could not be taken over.", NULL, A(STATE_DROPPED), false},
	{"yagura_rate_windows_total", "Windows of rates shown to the detectors.", NULL, A(WINDOWS), false},
	{"yagura_rate_closed_seconds_total", "Seconds of traffic that were closed.", NULL, A(SECONDS), false},
	{"yagura_time_steps_total", "Steps back of packet time.", NULL, A(TIME_STEPS), false},
	{"yagura_time_gaps_total", "Holes in packet time that ended everything.", NULL, A(TIME_GAPS), false},
	{"yagura_time_unsure_stamps_total", "Times printed by a guess, since their step was forgotten.", NULL, A(TIME_STAMPS_UNSURE), false},
	{"yagura_points_total", "Points of seconds, minutes and hours that went to the courier.", NULL, A(POINTS), false},
	{"yagura_points_dropped_total", "Points that found their ring full.", NULL, A(POINTS_RING_FULL), false},

	{"yagura_dissector_read_packets_total", "Packets that a dissector read.", NULL, D(READ), true},
	{"yagura_dissector_read_slots_total", "Slots of the ring that a dissector read.", NULL, D(READ_SLOTS), true},
	{"yagura_dissector_invalid_records_total", "Records that dissectors refused, by reason.", "reason=\"unknown_flow\"",
	 D(UNKNOWN_FLOW), false},
	{"yagura_dissector_invalid_records_total", NULL, "reason=\"invalid\"", D(INVALID), false},
	{"yagura_dissector_invalid_records_total", NULL, "reason=\"after_done\"", D(AFTER_DONE), false},
	{"yagura_dissector_ndpi_calls_total", "Packets shown to nDPI.", NULL, D(NDPI_CALLS), false},
	{"yagura_dissector_ndpi_left_out_total", "Packets that nDPI was not shown.", NULL, D(NDPI_LEFT_OUT), false},
	{"yagura_dissector_ndpi_pauses_total", "Pauses of nDPI after deaths in a row.", NULL, D(PAUSES), false},
	{"yagura_dissector_verdicts_total", "Verdicts given.", NULL, D(VERDICTS), false},
	{"yagura_dissector_guesses_total", "Verdicts that are guesses.", NULL, D(GUESSES), false},
	{"yagura_dissector_ends_total", "Flows of which a dissector heard the end.", NULL, D(ENDS), false},
	{"yagura_dissector_messages_total", "Messages read, by protocol.", "protocol=\"dns\"", D(DNS), false},
	{"yagura_dissector_messages_total", NULL, "protocol=\"tls\"", D(TLS), false},
	{"yagura_dissector_messages_total", NULL, "protocol=\"http\"", D(HTTP), false},
	{"yagura_dissector_broken_messages_total", "Messages that contradict themselves.", NULL, D(BROKEN), false},
	{"yagura_dissector_stream_buffers_total", "Messages put together from several segments.", NULL, D(STREAM_BUFFERS), false},
	{"yagura_dissector_stream_overlaps_total", "Overlaps within such messages.", NULL, D(STREAM_OVERLAP), false},
	{"yagura_dissector_stream_gaps_total", "Gaps within such messages.", NULL, D(STREAM_GAP), false},
	{"yagura_dissector_deaths_total", "Dissectors that died.", NULL, D(DEATHS), false},
	{"yagura_dissector_hangs_total", "Dissectors killed because they stood still.", NULL, D(HANGS), false},
	{"yagura_dissector_sandbox_kills_total", "Dissectors that asked for a forbidden system call.", NULL, D(SANDBOX_KILLS), false},
	{"yagura_dissector_lost_packets_total", "Packets that were lost with a dissector.", NULL, D(LOST), false},
	{"yagura_dissector_quarantined_packets_total", "Packets kept in quarantine.", NULL, D(QUARANTINED), false},
	{"yagura_dissector_dropped_answers_total", "Answers that found no room, by kind.", "kind=\"record\"", D(ANSWERS_DROPPED), false},
	{"yagura_dissector_dropped_answers_total", NULL, "kind=\"verdict\"", D(VERDICTS_DROPPED), false},

	{"yagura_courier_flows_read_total", "Flow records that the courier read.", NULL, C(FLOWS_READ), false},
	{"yagura_courier_flows_written_total", "Flow records that the courier wrote.", NULL, C(FLOWS_WRITTEN), false},
	{"yagura_courier_invalid_flows_total", "Flow records that could not be, and were not written.", NULL, C(FLOWS_INVALID), false},
	{"yagura_eve_lines_total", "Lines of the EVE file.", NULL, C(EVE_LINES), false},
	{"yagura_eve_bytes_total", "Bytes of the EVE file.", NULL, C(EVE_BYTES), false},
	{"yagura_eve_errors_total", "Writes to the EVE file that failed.", NULL, C(EVE_ERRORS), false},
	{"yagura_eve_rotations_total", "EVE files that were set aside, and another one begun.", NULL, C(EVE_ROTATIONS), false},
	{"yagura_eve_rotate_errors_total", "Times that the EVE file could not be set aside or opened anew.", NULL, C(EVE_ROTATE_ERRORS), false},
	{"yagura_eve_reopens_total", "Times that the EVE file was opened anew because another one had its name.", NULL, C(EVE_REOPENS), false},
	{"yagura_eve_compressed_total", "EVE files set aside that were compressed.", NULL, C(EVE_COMPRESSED), false},
	{"yagura_eve_removed_total", "EVE files set aside that were removed because there were more than eve.keep.", NULL, C(EVE_REMOVED), false},
	{"yagura_eve_keep_errors_total", "EVE files set aside that could not be compressed or removed.", NULL, C(EVE_KEEP_ERRORS), false},
	{"yagura_socket_up", "1 while the connection of eve.socket stands.", NULL, C(SOCKET_UP), false},
	{"yagura_socket_sent_total", "Messages that the peer of eve.socket has, or for udp was sent.", NULL, C(SOCKET_SENT), false},
	{"yagura_socket_connects_total", "Connections of eve.socket.", NULL, C(SOCKET_CONNECTS), false},
	{"yagura_socket_errors_total", "Failures of eve.socket: refused, closed, not resolved.", NULL, C(SOCKET_ERRORS), false},
	{"yagura_socket_resent_total", "Messages of eve.socket that were sent once more after a failure.", NULL, C(SOCKET_RESENT), false},
	{"yagura_socket_cut_total", "Messages of eve.socket that were too long and are shortened or left out.", NULL, C(SOCKET_CUT), false},
	{"yagura_syslog_up", "1 while the connection of syslog.url stands.", NULL, C(SYSLOG_UP), false},
	{"yagura_syslog_sent_total", "Messages that the peer of syslog.url has, or for udp was sent.", NULL, C(SYSLOG_SENT), false},
	{"yagura_syslog_connects_total", "Connections of syslog.url.", NULL, C(SYSLOG_CONNECTS), false},
	{"yagura_syslog_errors_total", "Failures of syslog.url: refused, closed, not resolved.", NULL, C(SYSLOG_ERRORS), false},
	{"yagura_syslog_resent_total", "Messages of syslog.url that were sent once more after a failure.", NULL, C(SYSLOG_RESENT), false},
	{"yagura_syslog_cut_total", "Messages of syslog.url that were too long and are shortened or left out.", NULL, C(SYSLOG_CUT), false},
	{"yagura_redis_sent_total", "Entries sent to Redis.", NULL, C(REDIS_SENT), false},
	{"yagura_redis_delivered_total", "Entries that Redis confirmed.", NULL, C(REDIS_DELIVERED), false},
	{"yagura_redis_connects_total", "Connections to Redis.", NULL, C(REDIS_CONNECTS), false},
	{"yagura_redis_errors_total", "Errors of Redis or of the way to it.", NULL, C(REDIS_ERRORS), false},
	{"yagura_redis_duplicates_refused_total", "Entries that Redis had already.", NULL, C(REDIS_DUPLICATES), false},
	{"yagura_redis_generation", "Generation of the stream's ids.", NULL, C(REDIS_GENERATION), false},
	{"yagura_redis_resent_total", "Entries that Redis had confirmed, had lost, and was sent again.", NULL, C(REDIS_RESENT), false},
	{"yagura_redis_lost_total", "Entries that Redis had confirmed and lost, and that cannot be sent again.", NULL, C(REDIS_LOST), false},
	{"yagura_redis_trims_total", "Times that old entries were given up.", NULL, C(REDIS_TRIMS), false},
	{"yagura_redis_failovers_total", "Times that the primary moved to another address.", NULL, C(REDIS_FAILOVERS), false},
	{"yagura_redis_flows_total", "Flow records that Redis confirmed.", NULL, C(REDIS_FLOWS), false},
	{"yagura_redis_metrics_total", "Lines of metrics that Redis confirmed.", NULL, C(REDIS_METRICS), false},
	{"yagura_redis_health_total", "Times that the hash of health was written.", NULL, C(REDIS_HEALTH), false},
	{"yagura_courier_points_read_total", "Points of metrics that the courier read.", NULL, C(POINTS_READ), false},
	{"yagura_courier_points_invalid_total", "Points of metrics that cannot be.", NULL, C(POINTS_INVALID), false},
	{"yagura_redis_list_up", "1 while lines go to the list.", NULL, C(LIST_UP), false},
	{"yagura_redis_list_delivered_total", "Lines that the list took.", NULL, C(LIST_DELIVERED), false},
	{"yagura_redis_list_trimmed_total", "Lines cut off the list unread, because it had redis.list.maxlen.", NULL, C(LIST_TRIMMED), false},
	{"yagura_redis_list_connects_total", "Connections for the list.", NULL, C(LIST_CONNECTS), false},
	{"yagura_redis_list_errors_total", "Errors on the connection for the list.", NULL, C(LIST_ERRORS), false},
	{"yagura_redis_channel_up", "1 while lines go to the channel.", NULL, C(CHANNEL_UP), false},
	{"yagura_redis_channel_published_total", "Lines published on the channel.", NULL, C(CHANNEL_PUBLISHED), false},
	{"yagura_redis_channel_heard_total", "Receivers of these lines, added up.", NULL, C(CHANNEL_HEARD), false},
	{"yagura_redis_channel_unheard_total", "Lines that nobody listened to.", NULL, C(CHANNEL_UNHEARD), false},
	{"yagura_redis_channel_unanswered_total", "Lines whose answer was lost, and that are not published again.", NULL,
	 C(CHANNEL_UNANSWERED), false},
	{"yagura_redis_channel_connects_total", "Connections for the channel.", NULL, C(CHANNEL_CONNECTS), false},
	{"yagura_redis_channel_errors_total", "Errors on the connection for the channel.", NULL, C(CHANNEL_ERRORS), false},
	{"yagura_redis_unreplicated_total", "Answers that too few replicas have the entries.", NULL, C(REDIS_UNREPLICATED), false},
};
// clang-format on
const size_t yg_metrics_rows_count = sizeof yg_metrics_rows / sizeof *yg_metrics_rows;

// ---- names ----

#define X(id, name) name,
static const char *const worker_names[] = {YG_WORKER_COUNTERS(X)};
static const char *const aggregator_names[] = {YG_AGGREGATOR_COUNTERS(X)};
static const char *const dissector_names[] = {YG_DISSECTOR_COUNTERS(X)};
static const char *const courier_names[] = {YG_COURIER_COUNTERS(X)};
static const char *const stage_names[] = {YG_STAGE_CYCLES(X)};
static const char *const control_names[] = {YG_CONTROL_COUNTERS(X)};
#undef X
static const char *const reassembly_names[YG_METRICS_REASSEMBLY] = {"fragments", "whole",    "overlaps", "overlaps_differ", "duplicates",
								    "timeouts",  "evicted",  "over_bytes", "over_fragments", "bad",
								    "tiny",      "v6_overlap", "trackers_now", "bytes_now", "bytes_peak"};

const char *yg_metrics_counter_name(enum yg_metrics_source source, unsigned counter)
{
	static const struct {
		const char *const *names;
		unsigned count;
	} all[YG_METRICS_SOURCES] = {
		{worker_names, YG_WC_COUNT}, {aggregator_names, YG_AC_COUNT}, {dissector_names, YG_DC_COUNT}, {courier_names, YG_CC_COUNT}};
	return counter < all[source].count ? all[source].names[counter] : NULL;
}

const char *yg_metrics_stage_name(unsigned stage)
{
	return stage_names[stage];
}

const char *yg_metrics_control_name(unsigned counter)
{
	return control_names[counter];
}

const char *yg_metrics_reassembly_name(unsigned i)
{
	return reassembly_names[i];
}

// ---- values ----

static unsigned at_most(uint64_t value, unsigned max)
{
	return value < max ? (unsigned)value : max;
}

unsigned yg_metrics_workers(const struct yg_metrics_view *v)
{
	return at_most(yg_counter_get(&v->supervisor->workers), YG_WORKERS_MAX);
}

unsigned yg_metrics_dissectors(const struct yg_metrics_view *v)
{
	return at_most(yg_counter_get(&v->supervisor->dissectors), YG_DISSECTORS_MAX);
}

uint64_t yg_metrics_sum(const struct yg_metrics_view *v, enum yg_metrics_source source, unsigned counter)
{
	uint64_t sum = 0;
	if (source == YG_FROM_AGGREGATOR)
		return yg_counter_get(&v->engine->aggregator[counter]);
	if (source == YG_FROM_COURIER)
		return yg_counter_get(&v->courier->c[counter]);
	if (source == YG_FROM_WORKER) {
		for (unsigned i = 0; i < yg_metrics_workers(v); i++)
			sum += yg_counter_get(&v->engine->worker[i].c[counter]);
		return sum;
	}
	sum = yg_counter_get(&v->dissector->zygote[counter]);
	for (unsigned i = 0; i < YG_DISSECTORS_MAX; i++)
		sum += yg_counter_get(&v->dissector->c[i][counter]);
	return sum;
}

uint64_t yg_metrics_flows(const struct yg_metrics_view *v)
{
	// Ended is read first: what ends between the two looks must not turn the difference over.
	uint64_t gone = yg_metrics_sum(v, YG_FROM_WORKER, YG_WC_FLOW_ENDED) + yg_counter_get(&v->supervisor->flows_lost);
	uint64_t created = yg_metrics_sum(v, YG_FROM_WORKER, YG_WC_FLOW_CREATED);
	return created > gone ? created - gone : 0;
}

void yg_metrics_plain(char *to, size_t size, const char *from, size_t from_size)
{
	size_t n = 0;
	for (; n + 1 < size && n < from_size && from[n]; n++)
		to[n] = from[n] < ' ' || from[n] > '~' || from[n] == '"' || from[n] == '\\' ? '?' : from[n];
	to[n] = '\0';
}

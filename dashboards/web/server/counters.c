// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See counters.h.
#include "counters.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_parts.h"
#include "auth.h"
#include "bodies.h"
#include "answers_export.h"
#include "http.h"
#include "index.h"
#include "loop.h"
#include "measure.h"
#include "messages.h"
#include "redis.h"
#include "server.h"
#include "state.h"
#include "stream.h"
#include "suppress.h"

// clang-format off
const struct web_counter_row web_counter_rows[] = {
	{"memory_bytes", "yagura_web_resident_bytes", NULL, "Memory that is resident."},
	{"http.connections", "yagura_web_connections_total", NULL, "Connections that were let in."},
	{"http.requests", "yagura_web_requests_total", NULL, "Requests that began."},
	{"http.answers_2xx", "yagura_web_answers_total", "status=\"2xx\"", "Answers, by status."},
	{"http.not_modified", "yagura_web_answers_total", "status=\"3xx\"", NULL},
	{"http.answers_4xx", "yagura_web_answers_total", "status=\"4xx\"", NULL},
	{"http.answers_5xx", "yagura_web_answers_total", "status=\"5xx\"", NULL},
	{"refused.", "yagura_web_refused_total", NULL,
	 "Answers that refuse, by the code that they carry; those that were given at least once."},
	{"http.streams", "yagura_web_long_answers_total", NULL, "Answers that come piece by piece: live streams and exports."},
	{"http.gone", "yagura_web_clients_gone_total", NULL, "Clients that hung up before their answer."},
	{"http.bad_requests", "yagura_web_bad_requests_total", NULL, "Requests that could not be read."},
	{"http.bad_hosts", "yagura_web_bad_hosts_total", NULL, "Requests for a host that this is not."},
	{"http.csrf_refused", "yagura_web_csrf_refused_total", NULL, "Requests from another page, or without the CSRF token."},
	{"http.denied", "yagura_web_denied_total", NULL, "Requests for which the permission was wanting."},
	{"http.denied_counted", "yagura_web_denied_counted_total", NULL, "Of those, the ones that stand in the audit log as a count."},
	{"http.audit_failed", "yagura_web_audit_failed_total", NULL, "Answers withheld since the audit log could not be written."},
	{"http.connections_refused", "yagura_web_limit_hits_total", "limit=\"connection_memory\"",
	 "How often a limit was met; docs/dashboard-metrics.md says what each costs."},
	{"http.too_large", "yagura_web_limit_hits_total", "limit=\"body\"", NULL},
	{"http.too_long", "yagura_web_limit_hits_total", "limit=\"request_line\"", NULL},
	{"http.rate_limited", "yagura_web_limit_hits_total", "limit=\"rate\"", NULL},
	{"http.buckets_full", "yagura_web_limit_hits_total", "limit=\"rates\"", NULL},
	{"http.slow", "yagura_web_limit_hits_total", "limit=\"arrival\"", NULL},
	{"http.denied_full", "yagura_web_limit_hits_total", "limit=\"denied\"", NULL},
	{"loop.fds_full", "yagura_web_limit_hits_total", "limit=\"descriptors\"", NULL},
	{"auth.busy", "yagura_web_limit_hits_total", "limit=\"hashes\"", NULL},
	{"auth.waits_full", "yagura_web_limit_hits_total", "limit=\"waits\"", NULL},
	{"auth.sessions_full", "yagura_web_limit_hits_total", "limit=\"sessions\"", NULL},
	{"audit.reads_full", "yagura_web_limit_hits_total", "limit=\"audit_reads\"", NULL},
	{"audit.files_full", "yagura_web_limit_hits_total", "limit=\"audit_files\"", NULL},
	{"bodies.full", "yagura_web_limit_hits_total", "limit=\"bodies\"", NULL},
	{"index.evicted", "yagura_web_limit_hits_total", "limit=\"alerts\"", NULL},
	{"index.groups_full", "yagura_web_limit_hits_total", "limit=\"groups\"", NULL},
	{"index.same_id", "yagura_web_limit_hits_total", "limit=\"same_id\"", NULL},
	{"index.strings_full", "yagura_web_limit_hits_total", "limit=\"strings\"", NULL},
	{"index.sets_full", "yagura_web_limit_hits_total", "limit=\"body_sets\"", NULL},
	{"index.orgs_left_out", "yagura_web_limit_hits_total", "limit=\"alert_bodies\"", NULL},
	{"index.sensors_full", "yagura_web_limit_hits_total", "limit=\"alert_sensors\"", NULL},
	{"index.no_memory", "yagura_web_limit_hits_total", "limit=\"memory\"", NULL},
	{"measure.sensors_full", "yagura_web_limit_hits_total", "limit=\"sensors\"", NULL},
	{"measure.bodies_full", "yagura_web_limit_hits_total", "limit=\"body_rings\"", NULL},
	{"measure.lines_full", "yagura_web_limit_hits_total", "limit=\"step_lines\"", NULL},
	{"redis.overflow", "yagura_web_limit_hits_total", "limit=\"redis_pending\"", NULL},
	{"redis.streams_full", "yagura_web_limit_hits_total", "limit=\"redis_streams\"", NULL},
	{"state.full", "yagura_web_limit_hits_total", "limit=\"states\"", NULL},
	{"state.names_full", "yagura_web_limit_hits_total", "limit=\"state_names\"", NULL},
	{"state.waiting_full", "yagura_web_limit_hits_total", "limit=\"state_waiting\"", NULL},
	{"suppress.full", "yagura_web_limit_hits_total", "limit=\"suppressions\"", NULL},
	{"suppress.kept_full", "yagura_web_limit_hits_total", "limit=\"suppressions_kept\"", NULL},
	{"suppress.writes_full", "yagura_web_limit_hits_total", "limit=\"suppression_writes\"", NULL},
	{"streams.refused", "yagura_web_limit_hits_total", "limit=\"streams\"", NULL},
	{"streams.dropped", "yagura_web_limit_hits_total", "limit=\"stream_held\"", NULL},
	{"streams.fell_behind", "yagura_web_limit_hits_total", "limit=\"stream_events\"", NULL},
	{"auth.logins", "yagura_web_logins_total", NULL, "Logins."},
	{"auth.refused", "yagura_web_logins_refused_total", NULL, "Logins with a wrong name or password."},
	{"auth.waited", "yagura_web_logins_waited_total", NULL, "Logins told to wait, since others had failed."},
	{"auth.hashes", "yagura_web_password_hashes_total", NULL, "Passwords hashed."},
	{"auth.rehashed", "yagura_web_password_rehashes_total", NULL, "Passwords hashed anew with stronger parameters."},
	{"audit.records", "yagura_web_audit_records", NULL, "Number of the last record of the audit log."},
	{"audit.bytes", "yagura_web_audit_newest_bytes", NULL, "Bytes of its newest file."},
	{"audit.files", "yagura_web_audit_files", NULL, "Its files that are here."},
	{"audit.rotations", "yagura_web_audit_rotations_total", NULL, "Times that it went on in another file."},
	{"audit.rotations_failed", "yagura_web_audit_rotations_failed_total", NULL,
	 "Times that it could not, and went on in a file that is full."},
	{"audit.unforwarded", "yagura_web_audit_unforwarded_total", NULL, "Records whose copy the journal did not take."},
	{"audit.lost", "yagura_web_audit_lost_total", NULL, "Records that could not be written."},
	{"export.now", "yagura_web_exports", NULL, "Exports that run."},
	{"export.cut_short", "yagura_web_exports_cut_short_total", NULL, "Exports that ended with their login session."},
	{"streams.now", "yagura_web_streams", NULL, "Live streams that are open."},
	{"streams.opened", "yagura_web_streams_opened_total", NULL, "Live streams that were opened."},
	{"streams.resumed", "yagura_web_streams_resumed_total", NULL, "Of those, the ones that went on where they had been broken."},
	{"streams.resets", "yagura_web_streams_reset_total", NULL, "Of those, the ones that had to read everything again."},
	{"streams.frames", "yagura_web_stream_frames_total", NULL, "Frames that were told."},
	{"streams.rows", "yagura_web_stream_rows_total", NULL, "Alerts that were told."},
	{"index.alerts", "yagura_web_alerts", NULL, "Alerts in memory."},
	{"index.groups", "yagura_web_groups", NULL, "Groups in memory."},
	{"index.strings", "yagura_web_strings", NULL, "Strings in memory."},
	{"index.bad_records", "yagura_web_bad_records_total", NULL, "Entries of alert streams that are no alert."},
	{"index.trimmed", "yagura_web_alerts_trimmed_total", NULL, "Alerts forgotten since Redis has none of them any more."},
	{"state.bad", "yagura_web_state_bad_total", NULL, "States of groups in Redis that could not be read."},
	{"state.stale", "yagura_web_state_stale_total", NULL, "Changes that met a newer state."},
	{"state.lost", "yagura_web_state_lost_total", NULL, "Changes whose answer was lost, and looked for."},
	{"state.readings", "yagura_web_state_readings_total", NULL, "Times that all states were read."},
	{"suppress.bad", "yagura_web_suppressions_bad_total", NULL, "Suppressions in Redis that could not be read."},
	{"suppress.readings", "yagura_web_suppression_readings_total", NULL, "Times that all suppressions were read."},
	{"bodies", "yagura_web_bodies", NULL, "Bodies that are configured."},
	{"bodies.bad_code", "yagura_web_bodies_bad_code_total", NULL, "Bodies left out since their code is none."},
	{"bodies.reloads", "yagura_web_reloads_total", NULL, "Reloads of the bodies."},
	{"bodies.reloads_failed", "yagura_web_reloads_failed_total", NULL, "Reloads that left the old ones."},
	{"index.sensors_foreign", "yagura_web_foreign_sensors_total", "seen=\"alerts\"",
	 "Looks at Redis that met a sensor which --sensors does not name."},
	{"measure.sensors_foreign", "yagura_web_foreign_sensors_total", "seen=\"health\"", NULL},
	{"measure.sensors", "yagura_web_sensors", NULL, "Sensors that are followed."},
	{"measure.lines", "yagura_web_metric_lines_total", NULL, "Lines of metrics that were taken."},
	{"measure.lines_bad", "yagura_web_metric_lines_left_total", "reason=\"bad\"",
	 "Lines of metrics that were not taken, by reason."},
	{"measure.lines_again", "yagura_web_metric_lines_left_total", "reason=\"again\"", NULL},
	{"measure.lines_ahead", "yagura_web_metric_lines_left_total", "reason=\"ahead\"", NULL},
	{"measure.lines_old", "yagura_web_metric_lines_left_total", "reason=\"old\"", NULL},
	{"measure.flows", "yagura_web_flows_total", NULL, "Flow records that were added up."},
	{"measure.flows_bad", "yagura_web_flows_bad_total", NULL, "Flow records that could not be read."},
	{"measure.flows_updates", "yagura_web_flows_updates_total", NULL,
	 "Flow records of flows that go on, which count at their end."},
	{"measure.follow_failed", "yagura_web_follow_failed_total", NULL, "Streams of sensors that could not be followed."},
	{"redis.connections", "yagura_web_redis_connections_total", NULL, "Connections to Redis that came to be."},
	{"redis.asked", "yagura_web_redis_commands_total", NULL, "Commands that were sent."},
	{"redis.lost", "yagura_web_redis_lost_total", NULL, "Commands that were not answered."},
	{"redis.refusals", "yagura_web_redis_refusals_total", NULL, "Commands that Redis refused."},
	{"redis.entries", "yagura_web_redis_entries_total", NULL, "Entries of streams that came."},
	{"redis.bad_entries", "yagura_web_redis_bad_entries_total", NULL, "Of those, the ones that are none."},
	{"redis.streams", "yagura_web_redis_streams", NULL, "Streams that are followed."},
	{"redis.resets", "yagura_web_redis_stream_resets_total", NULL,
	 "Streams that ended before what was read of them, and were read again."},
	{"loop.timers", "yagura_web_timers", NULL, "Timers of the loop, of 64."},
	{NULL, NULL, NULL, NULL},
};
// clang-format on

static int64_t resident_bytes(void)
{
	long long pages = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	int found = f ? fscanf(f, "%lld %lld", &pages, &resident) : 0;
	if (f)
		fclose(f);
	return found == 2 ? resident * sysconf(_SC_PAGESIZE) : 0;
}

json_t *web_counters_json(const struct web_server *server)
{
	json_t *all = json_object();
	json_t *parts[] = {web_measure_counters(server->measure), web_index_counters(server->index),
			   web_streams_counters(server->streams)};
	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
		json_object_update(all, parts[i]);
		json_decref(parts[i]);
	}
	const struct web_bodies_counters bodies = web_bodies_counters(server->bodies);
	const struct web_auth_counters *auth = web_auth_counters(server->auth);
	const struct web_state_counters *state = web_state_counters(server->state);
	const struct web_suppress_counters *suppress = web_suppress_counters(server->suppress);
	const struct web_audit_counters audit = web_audit_counters(server->audit);
	const struct { const char *name; uint64_t value; } rows[] = {
		{"bodies", web_bodies_count(server->bodies)}, {"bodies.full", bodies.full}, {"bodies.bad_code", bodies.bad_code},
		{"bodies.reloads", bodies.reloads}, {"bodies.reloads_failed", bodies.reloads_failed}, {"auth.logins", auth->logins},
		{"auth.refused", auth->refused}, {"auth.waited", auth->waited}, {"auth.busy", auth->busy},
		{"auth.waits_full", auth->full_waits}, {"auth.sessions_full", auth->full_sessions}, {"auth.hashes", auth->hashes},
		{"auth.rehashed", auth->rehashed}, {"state.bad", state->bad}, {"state.full", state->full}, {"state.names_full", state->names_full},
		{"state.waiting_full", state->waiting_full}, {"state.stale", state->stale}, {"state.lost", state->lost},
		{"state.readings", state->readings}, {"suppress.bad", suppress->bad}, {"suppress.full", suppress->full},
		{"suppress.kept_full", suppress->kept_full}, {"suppress.writes_full", suppress->writes_full},
		{"suppress.readings", suppress->readings}, {"audit.records", audit.records}, {"audit.bytes", audit.bytes},
		{"audit.files", audit.files}, {"audit.rotations", audit.rotations}, {"audit.rotations_failed", audit.rotations_failed},
		{"audit.files_full", audit.files_full}, {"audit.unforwarded", audit.unforwarded}, {"audit.lost", audit.lost},
		{"audit.reads_full", web_audit_reads_full()},
		{"export.now", web_exports_running()}, {"export.cut_short", web_exports_cut_short()},
		{"loop.timers", web_loop_timers(server->loop)}, {"loop.fds_full", web_loop_fds_full(server->loop)},
		{"memory_bytes", (uint64_t)resident_bytes()},
	};
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		json_object_set_new(all, rows[i].name, json_integer((json_int_t)rows[i].value));
	web_http_counters(server->http, all);
	web_redis_counters(server->redis, all);
	return all;
}

// ---- as text ----

struct text {
	char *to;
	size_t room, size;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	int n = t->size < t->room ? vsnprintf(t->to + t->size, t->room - t->size, format, values) : 0;
	va_end(values);
	t->size = n < 0 || (size_t)n >= t->room - t->size ? t->room : t->size + (size_t)n;
}

static void put_family(struct text *t, const struct web_counter_row *row)
{
	size_t n = strlen(row->metric);
	bool total = n > 6 && strcmp(row->metric + n - 6, "_total") == 0;
	put(t, "# HELP %s %s\n# TYPE %s %s\n", row->metric, row->help, row->metric, total ? "counter" : "gauge");
}

size_t web_counters_text(const struct web_server *server, char *to, size_t room)
{
	struct text t = {to, room, 0};
	json_t *all = web_counters_json(server);
	put(&t, "# HELP yagura_web_build_info 1; what this process is.\n# TYPE yagura_web_build_info gauge\n");
	put(&t, "yagura_web_build_info{version=\"%s\"} 1\n", server->version);
	put(&t, "# HELP yagura_web_redis_up 1 while Redis can be reached.\n# TYPE yagura_web_redis_up gauge\nyagura_web_redis_up %d\n",
	    web_redis_up(server->redis));
	for (const struct web_counter_row *row = web_counter_rows; row->name; row++) {
		if (row->help)
			put_family(&t, row);
		for (const struct web_message *m = web_messages; strcmp(row->name, "refused.") == 0 && m->code; m++) {
			char name[64];
			snprintf(name, sizeof name, "refused.%s", m->code);
			const json_t *value = json_object_get(all, name);
			if (value)
				put(&t, "%s{code=\"%s\"} %" JSON_INTEGER_FORMAT "\n", row->metric, m->code, json_integer_value(value));
		}
		const json_t *value = json_object_get(all, row->name);
		if (value && row->label)
			put(&t, "%s{%s} %" JSON_INTEGER_FORMAT "\n", row->metric, row->label, json_integer_value(value));
		else if (value)
			put(&t, "%s %" JSON_INTEGER_FORMAT "\n", row->metric, json_integer_value(value));
	}
	json_decref(all);
	return t.size < room ? t.size : 0;
}

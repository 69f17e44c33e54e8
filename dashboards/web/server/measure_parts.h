// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Inside of measure: between what follows the streams (measure.c, metrics.c, flow_sums.c), what judges health (sensors.c) and what adds up
// for an answer (series.c, summary.c).
#pragma once

#include "flow_sums.h"
#include "measure.h"
#include "rings.h"
#include "server.h"

enum { WEB_FLOW_HASHES = 4096, WEB_SENSOR_NAME = 64, WEB_PAGE_LINES = 64 };

enum web_feed { WEB_FEED_SECONDS, WEB_FEED_MINUTES, WEB_FEED_HOURS, WEB_FEED_FLOWS, WEB_FEEDS };

// The way to what a stream holds already: newest first, page by page, then what comes.
struct web_history {
	struct web_sensor *sensor;
	enum web_feed feed;
	bool tagged;               // of the two names that the stream may have
	bool asking, following, done;
	char before[48];           // id that the next page ends in front of, empty: the newest
	uint32_t entries;          // read so far
	uint64_t generation, sequence; // newest id that came
};

struct web_sensor {
	struct web_measure *measure;
	char name[WEB_SENSOR_NAME];
	bool tagged;               // keys with the tag of a cluster have been seen: both names are read, for what came before lies in the other
	struct web_history history[2][WEB_FEEDS]; // plain, tagged
	struct web_sensor_rings rings;
	// health
	json_t *health;            // the hash as it is; NULL: there is none
	bool asked;                // HGETALL has been answered at least once
	int64_t answered_ms, clock_ms; // monotonic: last answer, last time that `time` moved
	int64_t clock_s;           // its last `time`
	enum web_sensor_state state;
	uint32_t reasons;          // bits of the table in sensors.c
	uint8_t open;              // bits: kinds of open sensor.* alerts
	int64_t entries[WEB_FEEDS + 1]; // XLEN, -1: not known; the last one: alerts
	int64_t told_s;            // end of the newest step of metrics
	uint64_t flow[WEB_FLOW_HASHES]; // hashes of the last flow records, each in its place: what is delivered twice counts once
	int64_t flow_s, again_s;   // end of the newest flow; while a stream is shown from its beginning again, what lies before is known
};

struct web_measure_counters {
	uint64_t lines, lines_bad, lines_again, lines_ahead, lines_old, lines_full;
	uint64_t bodies_full, sensors_full, sensors_foreign, flows, flows_bad, flows_updates, follow_failed;
};

struct web_measure {
	struct web_server *server;
	struct web_sensor *sensor[WEB_SENSORS];
	uint32_t sensors_count;
	struct web_body_rings *body[WEB_BODIES]; // NULL: nothing has come
	struct web_flow_sums *flows;
	// discovery
	bool scanning, no_info;    // no_info: this user may not ask
	char cursor[24];
	uint64_t ticks, strips_hash;
	int64_t redis_memory;      // -1: not known
	char redis_version[24];
	int64_t known_days;        // as counted when so many lines had come: 300 tiles ask for it at once
	uint64_t known_lines;
	struct web_measure_counters counters;
	void (*changed)(void *context);
	void *changed_context;
};

// metrics.c: one line; `step_s` is the stream's. False: it is none, or counts already.
bool web_metrics_take(struct web_sensor *sensor, int64_t step_s, const char *line, size_t length, int64_t now_s);

// sensors.c
struct web_sensor *web_sensor_find(const struct web_measure *measure, const char *name);
void web_sensors_named(struct web_measure *measure); // at the start: those of --sensors
void web_sensors_tick(struct web_measure *measure);  // each second
int64_t web_sensor_seen_ms(const struct web_sensor *sensor); // last packet, 0: not known

// series.c: whose traffic is asked for.
struct web_whose {
	const struct web_measure *measure;
	const struct web_sensor *sensor; // this one alone
	const struct web_view *view;     // the bodies that it sees (all of them: everything, by the sensors)
	uint16_t body;                   // this one alone; else WEB_BODY_NONE
};
// What is known of the step with this number. False: nothing is.
bool web_whose_at(const struct web_whose *whose, int64_t step_s, int64_t step, struct web_values *ret);
// Steps that reach back to `from_s`: 1, 60, 300 or 3,600.
int64_t web_whose_base(const struct web_whose *whose, int64_t from_s, int64_t to_s);
// bit/s of the hour with this number by the weeks before: its median, and a band of the tenth and the ninetieth percent. False: too little
// is known.
struct web_habit { double median[2], low[2], high[2]; };
bool web_whose_habit(const struct web_whose *whose, int64_t hour, struct web_habit *ret);
int64_t web_measure_known_days(const struct web_measure *measure);
int64_t web_measure_told_s(const struct web_measure *measure); // end of the newest step that any sensor told of, 0: none
// Rate of openapi.yaml.
json_t *web_whose_rate(const struct web_whose *whose, int64_t from_s, int64_t to_s, int64_t step_s);

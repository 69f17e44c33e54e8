// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the files of the body detector share. Everything runs on the aggregator's thread. All state lies in one block whose size
// body_memory() states; nothing is allocated after create.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <yagura/plugin.h>

enum {
	BODY_ORGS = 1024,        // bodies that a configuration can have
	BODY_ROWS = 168,         // hours of the week
	BODY_WEEKS = 8,          // times that an hour of the week is remembered
	BODY_KEPT = 4,           // values that are kept of the twelve of an hour
	BODY_SLOT_S = 300,
	BODY_SLOTS = 12,         // of an hour
	BODY_SLOTS_LEAST = 6,    // an hour with fewer is not learned
	BODY_VALUES = BODY_WEEKS * BODY_KEPT,
	BODY_VALUES_LEAST = 2 * BODY_KEPT, // two weeks: below that an hour of the week is not known
	BODY_FULL_DAYS = 28,
	BODY_OLD_HOURS = 63 * 24, // older ones are no longer habit
	BODY_RECENT = 60,        // minutes
	BODY_RECENT_LEAST = 5,
	BODY_RECENT_TRUSTED = 8, // with fewer minutes the quietest counts, else the lower quartile
	BODY_SERIES = YG_SERIES_MAX,
	BODY_HOSTS = 8,          // strongest hosts of a slot, counted by the space-saving method
	BODY_WINDOW_LOW_S = 60,
	BODY_WINDOW_HIGH_S = 900,
	BODY_EXPECTED = 200,     // packets in the window: so many missing at once are no chance
	BODY_QUIET = 20,         // packets missing that count as silent together with others: e^-20 by chance
	BODY_TOGETHER_S = 60,    // silences that begin within so long of each other belong together
	BODY_RAISE_S = 5,
	BODY_CLEAR_S = 10,
	BODY_SLOT_CLEAR_S = BODY_SLOT_S + 30,
};

enum body_metric { BODY_PACKETS_IN, BODY_BITS_IN, BODY_BITS_OUT, BODY_PACKETS_OUT, BODY_METRICS };
enum { BODY_JUDGED = BODY_PACKETS_OUT }; // metrics before this one are held against the habit; the last is for silence alone
enum body_way { BODY_IN, BODY_OUT, BODY_WAYS };

// One hour that was learned: of each metric four values of its twelve (second lowest, fifth, eighth, eleventh), so that none of its
// quantiles is off by more than one place in twelve. A value v, a mean per second over five minutes, is stored as 1024 * log2(1 + v).
struct body_hour {
	uint32_t hour; // since the epoch; 0: none
	uint16_t v[BODY_METRICS][BODY_KEPT];
};

struct body_row {
	struct body_hour hour[BODY_WEEKS]; // a ring; the next one goes over the oldest
	uint32_t next;
};

// What is usual at this hour of the week.
struct body_habit {
	bool known;
	uint8_t learning;                // enum yg_learning
	double median[BODY_METRICS], mad[BODY_METRICS];
};

struct body_host {
	struct yg_addr addr;
	uint8_t af;
	uint64_t bytes;
};

enum body_side { BODY_UP, BODY_DOWN, BODY_SIDES };

struct body_watch {
	uint16_t org;
	bool dark, in_mirror;
	bool counted;                    // while a second is judged: silent together with others
	float one_way;
	uint64_t line_bps;
	int64_t first_s;                 // since when it is learned
	int64_t heard_s;                 // first second of this run
	int64_t dark_s;                  // since when its silence is told; 0: a restart has to find out
	uint32_t silent_at;              // how long it had been silent then
	// this second
	int64_t second;
	double packets[BODY_WAYS];
	uint32_t silent_s[BODY_WAYS];    // seconds in which the link spoke and it did not
	double back;                     // packets of about the last ten seconds
	// this minute, this slot, this hour
	double minute[BODY_WAYS];
	double slot[BODY_METRICS];
	double host_bytes;
	struct body_host host[BODY_HOSTS], last_host[BODY_HOSTS]; // of the slot that is open, of the one before
	double last_host_bytes;
	uint32_t slots, hour_slots;      // values in `value`
	float value[BODY_METRICS][BODY_SLOTS];
	// the last hour, minute by minute
	uint32_t recent_next, recent_count;
	float recent[BODY_WAYS][BODY_RECENT];
	double recent_rate[BODY_WAYS];   // packets/s, by a quiet minute of these
	uint32_t recent_minutes;         // that it rests on
	struct body_habit habit;
	// charts
	uint32_t minutes_next, slots_next;
	float minutes[BODY_SERIES];      // packets/s by the way that is watched
	float series[BODY_JUDGED][BODY_SERIES];
	// alerts about the habit
	uint8_t beyond[BODY_SIDES][BODY_JUDGED]; // slots in a row
	uint8_t told[BODY_SIDES];        // metric + 1 of the alert that is open
	struct body_row row[BODY_ROWS];
};

struct body_mirror {
	bool open;
	uint32_t members;                // when it opened
	uint32_t able;                   // bodies that should have been heard
	int64_t since_s;
};

struct body_stats {
	uint64_t full;                   // windows of bodies without a place
	uint64_t save_cut, save_failed;  // snapshots that folded weeks together, or had no room at all
	uint64_t restored, refused;
};

struct body {
	const struct yg_host *host;
	double learn_days, floor_bits, floor_packets;
	uint32_t bodies, used;
	int64_t since_s;                 // first tick
	int64_t link_second;
	uint32_t link_silent_s, link_minute_s; // seconds in which the link did not speak, or did
	bool slot_broken;                // the link was silent for long in the slot that is open
	double link_packets, link_minute;
	uint32_t link_next;
	float link_series[BODY_SERIES];
	struct body_mirror mirror;
	struct body_stats stats;
	uint16_t at[BODY_ORGS];          // index + 1 into `watch`
	struct body_watch watch[];
};

uint64_t body_memory(uint32_t bodies);
// The record of a body; made when there is place and `make`. NULL: none.
struct body_watch *body_get(struct body *d, uint16_t org, bool make);

// ---- learn.c ----

uint16_t body_pack(double value);
double body_unpack(uint16_t packed);
// Median and median deviation of at most BODY_VALUES numbers, which are reordered.
double body_median(double *values, unsigned count);
double body_mad(double *values, unsigned count, double median);

void body_count_host(struct body_watch *b, const struct yg_window *w);
// The ends of a minute and of a slot of five minutes. `second`: their last one.
void body_close_minute(struct body *d, struct body_watch *b, int64_t second);
void body_close_slot(struct body *d, struct body_watch *b, int64_t second);
// What is usual in the hour of `second`.
void body_recall(const struct body *d, struct body_watch *b, int64_t second);
// Packets a second that are to be expected of it by one way; 0: nothing is known.
double body_expected(const struct body_watch *b, enum body_way way);

// ---- judge.c ----

// How long a silence has to be, by which way, and what is expected; false: silence of this body means nothing.
struct body_hope {
	enum body_way way;
	double rate;
	uint32_t window_s;
	uint8_t learning;
};
bool body_hope_of(const struct body_watch *b, struct body_hope *ret_hope);
void body_judge_silence(struct body *d, int64_t second);
void body_judge_slot(struct body *d, struct body_watch *b, int64_t slot_s);
// The link speaks again after so many seconds.
void body_judge_gap(struct body *d, int64_t second, uint32_t silent_s);

// ---- text.c ----

void body_text_dark(struct yg_alert *a, const struct yg_org_info *org, const struct body_hope *hope, uint32_t silent_s, uint32_t minutes);
void body_text_habit(struct yg_alert *a, const struct yg_org_info *org, enum body_metric metric, enum body_side side, uint32_t days);
// names: those of the silent bodies, as many as were gathered of `count`; able 0: the link itself was silent.
void body_text_mirror(struct yg_alert *a, const struct yg_org_info *const *names, unsigned named, unsigned count, unsigned able);
const char *body_unit(enum body_metric metric);

// ---- state.c ----

uint32_t body_save(void *self, void *buffer, uint32_t size);
int body_restore(void *self, const void *buffer, uint32_t size);

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the index's files share: index.c keeps, index_strings.c interns, index_feed.c reads Redis, index_lines.c remembers what rows say,
// index_rows.c writes rows, index_pages.c makes lists. Nobody else includes this, but for tests.
#pragma once

#include "alert.h"
#include "line.h"
#include "query_parts.h"
#include "redis.h"
#include "server.h"
#include "state.h"

enum { CHUNK_BITS = 10, CHUNK_ROWS = 1 << CHUNK_BITS };

struct interned {
	char *text, *folded;      // folded: lower case, half-width, for the search
	uint32_t chain;
};

struct strings {
	struct interned *at;      // 0: ""
	uint32_t *buckets;
	uint32_t count, room, mask;
	uint64_t full;            // how often there was no room
};
bool strings_init(struct strings *strings);
void strings_finish(struct strings *strings);
uint16_t strings_take(struct strings *strings, const char *text, const unsigned char key[16]);
const char *strings_text(const struct strings *strings, uint16_t at);
const char *strings_folded(const struct strings *strings, uint16_t at);

// A set of bodies that sees an alert, where more than seven do.
struct body_set {
	uint64_t hash;
	uint32_t count;
	uint16_t bodies[]; // ascending
};

struct sensor {
	char name[64];
	struct web_entry position; // taken to here
	struct web_entry rewound;  // of two looks in a row: the stream ended before what was taken
	bool caught_up, followed, late; // late: came when the others had been read
	uint64_t taken, bad;
	uint64_t run, sequence, gaps; // of the newest record: alert records of a run are numbered, so what is missing shows
};

// What rows say that the index does not keep.
struct extra {
	struct web_entry entry;
	uint32_t alert, affected_count;
	uint8_t impact;
	uint16_t text_en; // where the second text begins in texts
	uint32_t bytes;   // of texts
	char texts[];     // ja, NUL, en, NUL
};
enum { EXTRA_SLOTS = 16384 };
struct lines {
	struct extra *slots[EXTRA_SLOTS]; // by alert
	size_t bytes;
	uint32_t hand;
};

struct web_index {
	struct web_server *server;
	struct web_alert *alerts[WEB_ALERTS_MAX / CHUNK_ROWS + 1];
	struct web_group *groups[WEB_GROUPS_MAX / CHUNK_ROWS + 1];
	uint32_t alerts_count, alerts_used, alerts_free, alerts_max; // count: rows begun; free: first of the free ones, by next
	uint32_t groups_count, groups_used, groups_free, groups_max;
	uint32_t *alert_buckets, *group_buckets, alert_mask, group_mask;
	unsigned char key[16];    // of the hashes, new in each process
	struct strings strings;
	struct body_set **sets;
	uint32_t sets_count;
	struct sensor sensors[WEB_ALERT_SENSORS + 1]; // from 1
	uint32_t sensors_count;
	bool scanned, ready;
	int64_t last_ns;
	uint64_t suppress_generation;
	uint64_t bad, evicted, trimmed, sets_full, sensors_full, sensors_foreign, groups_full, no_memory, orgs_left_out, same_id;
	struct lines lines;
	struct web_line line;     // being read; large, so not on the stack
	uint64_t scan_cursor;
	uint32_t scan_rounds, scan_rest; // calls that the last look took; turns to leave out for it
	struct {
		uint8_t reopened, severity, mode;
	} before;                 // of the alert that was taken last, without its newest record
	bool scanning;
	struct {
		void (*told)(void *context, uint32_t alert, bool opened);
		void *context;
	} listeners[WEB_INDEX_LISTENERS];
	uint32_t listeners_count;
};

static inline struct web_alert *alert_at(const struct web_index *index, uint32_t at)
{
	return &index->alerts[at >> CHUNK_BITS][at & (CHUNK_ROWS - 1)];
}

static inline struct web_group *group_at(const struct web_index *index, uint32_t at)
{
	return &index->groups[at >> CHUNK_BITS][at & (CHUNK_ROWS - 1)];
}

static inline bool entry_after(struct web_entry a, struct web_entry b)
{
	return a.generation > b.generation || (a.generation == b.generation && a.sequence > b.sequence);
}

// Brings alert.suppressed of all up to date, when what is in force has changed; then class_of() holds for this turn of the loop.
void index_refresh(const struct web_index *index);
static inline enum web_class class_of(const struct web_alert *a)
{
	return a->mode == WEB_MODE_SHADOW ? WEB_SHADOW : a->suppressed ? WEB_SUPPRESSED : WEB_COUNTED;
}
// Whether every alert of the body is seen: then no alert of a group of it has to be asked.
bool view_sees_body(const struct web_view *view, uint16_t body);
bool view_sees_alert(const struct web_index *index, const struct web_view *view, const struct web_alert *alert);
// Till when somebody is to know of this alert, in a group of that state; 0: no hurry.
int64_t alert_due_ns(const struct web_alert *alert, const struct web_group_touch *touch);
// Sensor 0: of any; first_ns NULL: the newest.
uint32_t index_find(const struct web_index *index, uint16_t sensor, uint64_t id, const int64_t *first_ns);
uint16_t index_sensor_take(struct web_index *index, const char *name); // 0: no room, or no name
void index_drop(struct web_index *index, uint32_t at);
// Of a Community ID, whatever the case of its letters, for the search folds them: a number that one is searched by, never 0.
uint64_t index_community(const struct web_index *index, const char *text, size_t length);
uint64_t index_group_id(const struct web_line *line);

// What the line of an alert says, remembered; NULL: it is not at hand.
const struct extra *lines_find(const struct web_index *index, uint32_t alert);
void lines_keep(struct web_index *index, uint32_t alert, const struct web_line *line);
void lines_forget(struct web_index *index, uint32_t alert);
void lines_finish(struct web_index *index);
struct extra *extra_make(uint32_t alert, struct web_entry entry, const struct web_line *line); // free() it
struct extra *extra_copy(const struct extra *extra);

// AlertRow; extra NULL: without sentences.
json_t *row_of_alert(const struct web_index *index, const struct web_view *view, uint32_t at, const struct extra *extra);
const char *proto_name(uint8_t proto, char buffer[8]);
// The one field of an entry's reply, or NULL; of XRANGE's reply the first entry's.
const redisReply *reply_line(const redisReply *entry);
struct axis { // of a spark or a histogram
	int64_t start_ns, end_ns;
	uint32_t bins;
};
uint32_t axis_bin(struct axis axis, int64_t time_ns);

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The streams of one or all sensors of a Redis, read from where each is asked to begin. The connection is made again for ever. Thread: one.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "courier/redis_url.h"
#include "tail/follow.h"

enum { TAIL_NAME = 200, TAIL_BATCH = 100, TAIL_SCAN_MS = 2000, TAIL_LAST_MAX = 10000 };
// bytes of a sensor's name; entries a stream and request; how often new sensors are looked for; entries that -n may ask for

enum tail_from { TAIL_FROM_LAST, TAIL_FROM_ID, TAIL_FROM_BEGIN };

struct tail_options {
	struct yg_redis_url url;
	const char *const *names; // of sensors
	unsigned names_count;     // 0: all that there are, and those that appear
	enum tail_from from;
	uint64_t last;            // TAIL_FROM_LAST: so many entries of each stream
	struct tail_id id;        // TAIL_FROM_ID
	bool once;                // to the end of each stream, and no further
	const volatile sig_atomic_t *stop;
};

struct tail_sensor {
	char name[TAIL_NAME], key[TAIL_NAME + 32];
	struct tail_id at;  // behind which reading goes on
	bool placed;        // `at` holds
	struct tail_sequence sequence;
};

struct tail_calls {
	void *context;
	void (*entry)(void *context, unsigned sensor, const struct tail_id *id, const char *line, size_t length);
	void (*turn)(void *context);                        // at least each second
	void (*say)(void *context, const char *en, const char *ja, const char *about); // of the connection, when it changes
	bool (*waits)(void *context);                       // something is held, and turn wants to be called soon
};

struct tail_streams;

// NULL: no memory.
struct tail_streams *tail_streams_create(const struct tail_options *options, const struct tail_calls *calls);
void tail_streams_destroy(struct tail_streams *streams);

// Until *stop, or with `once` until all has been read. 0, or -EHOSTDOWN (`once` alone): no Redis, or it refused to answer.
int tail_streams_run(struct tail_streams *streams);

struct tail_sensor *tail_streams_sensor(struct tail_streams *streams, unsigned i);
unsigned tail_streams_count(const struct tail_streams *streams);
uint64_t tail_streams_left_out(const struct tail_streams *streams); // sensors beyond TAIL_SENSORS, or of too long a name

// The lowest id that the sensor's stream holds now. False when it cannot be had.
bool tail_streams_first(struct tail_streams *streams, unsigned sensor, struct tail_id *ret_id);

bool tail_id_parse(const char *text, struct tail_id *ret_id); // "12-345", "12"

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Traffic and health, as the sensors tell them: metrics (by second, minute, hour) are followed and kept as rings (rings.h), flow records,
// where they are delivered, are summed up by application, body and host (flow_sums.h), health hashes are read every five seconds. Nothing
// of it is written; a restart reads it again.
//
// A habit is the median of the same hour of the week over the last eight weeks (of the same hour of day over two weeks, with less than two
// weeks known; with fewer than three of either there is none). Hours are those of UTC.
//
// Never green when blind: a sensor whose health is gone is away, and so is every sensor while Redis is; one whose clock stands, or that
// says so itself, or has an open sensor.silent or sensor.blind, is blind.
//
// Bounded: WEB_SENSORS sensors (more are counted and not followed): 530 KiB each; a body of which traffic was seen takes 31 KiB.
// Thread: the loop's.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "access.h"

enum { WEB_SENSORS = 64 };

struct web_server;
struct web_measure;

// "yagura:<sensor>:<what>". Tagged: as a sensor names all but its stream of alerts once it has met a Redis Cluster (docs/redis.md).
enum { WEB_KEY_BYTES = 192 };
void web_sensor_key(char to[WEB_KEY_BYTES], const char *sensor, bool tagged, const char *what);
bool web_sensor_tagged(const struct web_measure *measure, const char *sensor); // keys of such a name have been seen

struct web_measure *web_measure_create(struct web_server *server);
void web_measure_destroy(struct web_measure *measure);

// One caller: the state of a sensor, or the reasons for it, have changed. For as long as it lives.
void web_measure_on_change(struct web_measure *measure, void (*changed)(void *context), void *context);

enum web_sensor_state { WEB_SENSOR_SOUND, WEB_SENSOR_DEGRADED, WEB_SENSOR_BLIND, WEB_SENSOR_AWAY };
// The sensors that are known, by SCAN of yagura:*:alerts and yagura:*:health every ten seconds.
bool web_measure_blind(const struct web_measure *measure); // any sensor is blind or away, or there is none
json_t *web_measure_strips(const struct web_measure *measure); // array of SensorStrip; new reference
// What the last second brought, of what the view sees: {"at_ms":…,"in":…,"out":…} in bit/s; in and out are null where nothing was told in
// the last five seconds. For stream.c, each second. New reference.
json_t *web_measure_now(const struct web_measure *measure, const struct web_view *view);
json_t *web_measure_counters(const struct web_measure *measure); // by name; new reference

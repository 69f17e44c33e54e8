// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Traffic and health, as the sensors tell them: metrics (by second, minute, hour) are followed and kept as rings, flow records, where they
// are delivered, are summed up by application, body, sensor and host, health hashes are read every five seconds. Nothing of it is written.
//
// A body's habit is the median of the same hour of the week over the hours that Redis keeps (of the same hour of day, with less than two
// weeks). Hosts: the heaviest WEB_HOSTS of the last hour, by space-saving [Metwally, Agrawal, El Abbadi 2005]; an error bound is told.
//
// Never green when blind: a sensor whose health is gone, whose clock stands, or that has an open sensor.silent or sensor.blind is blind.
//
// Bounded: WEB_SENSORS sensors (sensors.* counted beyond), rings of fixed length for each body: 3,600 s for the sensor, 1,440 minutes and
// 168 hours for a body. Thread: the loop's.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { WEB_SENSORS = 64, WEB_HOSTS = 4096 };

struct web_server;
struct web_measure;

struct web_measure *web_measure_create(struct web_server *server);
void web_measure_destroy(struct web_measure *measure);

enum web_sensor_state { WEB_SENSOR_SOUND, WEB_SENSOR_DEGRADED, WEB_SENSOR_BLIND, WEB_SENSOR_AWAY };
// The sensors that are known, by SCAN of yagura:*:alerts and yagura:*:health every ten seconds: found() is called for each new name once,
// and at once for those known already. index.c and measure.c follow their streams.
void web_measure_on_sensor(struct web_measure *measure, void (*found)(void *context, const char *sensor), void *context);
bool web_measure_blind(const struct web_measure *measure); // any sensor is blind or away
json_t *web_measure_strips(const struct web_measure *measure); // array of SensorStrip; new reference

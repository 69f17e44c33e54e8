// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The sensor looks at itself: whether the mirror shows what it should (sensor.mirror), whether anything comes at all (sensor.silent),
// whether workers shed load (sensor.shed) and whether one stands still (sensor.blind). It reads the counters that ports and workers show
// to everybody, raises and holds alerts like a detector, and tempers what detectors raise while the mirror is not sound. Live alone.
//
// Every ten seconds: drops, errors, gaps, duplicates, one-way connections, order, flows on two workers, imbalance, utilisation. Each share
// has a threshold (mirror.*) and a least number of things that it is a share of; an alert is held down to half its threshold.
//
// Thread: the aggregator's. Pure: it reads no clock.
#pragma once

#include "config/config.h"
#include "model/stats.h"

struct yg_health;

struct yg_health_options {
	const struct yg_config *config;
	const struct yg_engine_stats *stats;
	unsigned workers;
	void (*raise)(void *context, const char *detector, const struct yg_alert *alert);
	void *context;
};

// NULL and errno when there is no memory.
struct yg_health *yg_health_create(const struct yg_health_options *options);
void yg_health_destroy(struct yg_health *health);

// A reload: thresholds from `config` from now on, which outlives its use here.
void yg_health_retune(struct yg_health *health, const struct yg_config *config);

// Several times a second, by CLOCK_MONOTONIC, whether packet time moves or not: shedding and stalled workers.
void yg_health_look(struct yg_health *health, int64_t now_ms);

// A second is over: silence and links. The two numbers are those of the last minute's TCP connections.
void yg_health_second(struct yg_health *health, int64_t second, uint32_t connections, uint32_t one_way);

// What a detector is about to raise: a mirror that is not sound lowers its confidence, and its sentences say so. NULL is accepted.
void yg_health_temper(const struct yg_health *health, struct yg_alert *alert);

// The same in a replay, where there is no health of ports and workers: only the last minute's TCP connections tell of the mirror.
void yg_health_temper_replay(const struct yg_config *config, uint32_t connections, uint32_t one_way, struct yg_alert *alert);

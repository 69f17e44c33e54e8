// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See telemetry.h. DPDK bounds a dictionary at 256 entries and an answer at 16 KiB, so that each command gives sums, and one worker alone
// when its number follows (/yagura/stats,3).
#include "engine/telemetry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_telemetry.h>
#include <rte_version.h>

#include "model/flow.h"
#include "model/packet.h"

#define X(id, name) name,
static const char *const worker_names[] = {YG_WORKER_COUNTERS(X)};
static const char *const aggregator_names[] = {YG_AGGREGATOR_COUNTERS(X)};
static const char *const stage_names[] = {YG_STAGE_CYCLES(X)};
#undef X

// What the library calls has no context of its own.
static const struct yg_telemetry *shown;

// The workers that are asked for: all, or the one whose number is `parameters`. -EINVAL when there is none of that number.
static int range(const char *parameters, unsigned *ret_first, unsigned *ret_end)
{
	char *end;
	*ret_first = 0;
	*ret_end = shown->workers;
	if (!parameters || !*parameters)
		return 0;
	unsigned long n = strtoul(parameters, &end, 10);
	if (*end || n >= shown->workers)
		return -EINVAL;
	*ret_first = (unsigned)n;
	*ret_end = (unsigned)n + 1;
	return 0;
}

// A name that is too long for the library, or one too many, is left out; the rest stands.
static void put(struct rte_tel_data *d, const char *prefix, const char *name, uint64_t value)
{
	char key[64];
	snprintf(key, sizeof key, "%s%s", prefix, name);
	// The library takes letters, digits and underscores in names.
	for (char *p = key; *p; p++)
		*p = *p == '.' || *p == '-' ? '_' : *p;
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
	(void)rte_tel_data_add_dict_uint(d, key, value);
#else
	(void)rte_tel_data_add_dict_u64(d, key, value);
#endif
}

static int answer_stats(const char *command, const char *parameters, struct rte_tel_data *d)
{
	unsigned first, end;
	(void)command;
	int error = range(parameters, &first, &end);
	if (error)
		return error;
	rte_tel_data_start_dict(d);
	for (unsigned i = 0; i < YG_WC_COUNT; i++) {
		uint64_t sum = 0;
		for (unsigned w = first; w < end; w++)
			sum += yg_counter_get(&shown->stats->worker[w].c[i]);
		put(d, "", worker_names[i], sum);
	}
	for (unsigned i = 0; i < YG_DECODE_COUNT; i++) {
		uint64_t sum = 0;
		for (unsigned w = first; w < end; w++)
			sum += yg_counter_get(&shown->stats->worker[w].decode_end[i]);
		put(d, "decode_", yg_decode_end_name(i), sum);
	}
	for (unsigned i = 0; i < YG_STAGE_CYCLES_COUNT; i++) {
		uint64_t sum = 0;
		for (unsigned w = first; w < end; w++)
			sum += yg_counter_get(&shown->stats->worker[w].cycles[i]);
		put(d, "cycles_", stage_names[i], sum);
	}
	put(d, "", "tsc_hz", yg_counter_get(&shown->stats->tsc_hz));
	return 0;
}

static int answer_flows(const char *command, const char *parameters, struct rte_tel_data *d)
{
	static const enum yg_worker_counter counters[] = {YG_WC_FLOW_HITS, YG_WC_FLOW_CREATED, YG_WC_FLOW_EVICTED, YG_WC_FLOW_ENDED,
							  YG_WC_FLOW_PROMOTED, YG_WC_FLOW_RECORDS};
	unsigned first, end;
	(void)command;
	int error = range(parameters, &first, &end);
	if (error)
		return error;
	rte_tel_data_start_dict(d);
	put(d, "", "slots", shown->flow_slots);
	for (unsigned i = 0; i < sizeof counters / sizeof *counters; i++) {
		uint64_t sum = 0;
		for (unsigned w = first; w < end; w++)
			sum += yg_counter_get(&shown->stats->worker[w].c[counters[i]]);
		put(d, "", worker_names[counters[i]], sum);
	}
	for (unsigned i = 0; i < YG_END_COUNT; i++) {
		uint64_t sum = 0;
		for (unsigned w = first; w < end; w++)
			sum += yg_counter_get(&shown->stats->worker[w].end[i]);
		put(d, "end_", yg_flow_end_name(i), sum);
	}
	return 0;
}

static int answer_detectors(const char *command, const char *parameters, struct rte_tel_data *d)
{
	(void)command;
	if (parameters && *parameters)
		return -EINVAL;
	rte_tel_data_start_dict(d);
	for (unsigned i = 0; i < YG_DETECTORS_MAX && shown->stats->detector[i].name[0]; i++)
		put(d, "raised_", shown->stats->detector[i].name, yg_counter_get(&shown->stats->detector[i].raised));
	for (unsigned i = 0; i < YG_AC_COUNT; i++)
		put(d, "", aggregator_names[i], yg_counter_get(&shown->stats->aggregator[i]));
	return 0;
}

int yg_telemetry_register(const struct yg_telemetry *telemetry)
{
	static const struct {
		const char *command;
		telemetry_cb answer;
		const char *help;
	} commands[] = {
		{"/yagura/stats", answer_stats, "Counters of all workers, or of one. Parameters: worker (optional)"},
		{"/yagura/flows", answer_flows, "The flow table. Parameters: worker (optional)"},
		{"/yagura/detectors", answer_detectors, "Detectors, alerts and rates. No parameters"},
	};
	shown = telemetry;
	for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++) {
		int error = rte_telemetry_register_cmd(commands[i].command, commands[i].answer, commands[i].help);
		if (error)
			return error;
	}
	return 0;
}

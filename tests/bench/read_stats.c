// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// read_stats PID: the counters of a running engine, straight from its shared memory: a line of JSON on standard output for each line on
// standard input, until that ends. So a benchmark reads them at a moment of its own choice and disturbs nobody. PID is the engine's.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/shm.h"
#include "engine/flow_table.h"
#include "model/stats.h"

static const char *const worker_names[] = {
#define X(id, name) name,
	YG_WORKER_COUNTERS(X)
#undef X
};

static const char *const stage_names[] = {
#define X(id, name) name,
	YG_STAGE_CYCLES(X)
#undef X
};

static void print_cycles(const struct yg_engine_stats *s)
{
	for (unsigned i = 0; i < YG_STAGE_CYCLES_COUNT; i++) {
		uint64_t sum = 0;
		for (unsigned w = 0; w < YG_WORKERS_MAX; w++)
			sum += yg_counter_get(&s->worker[w].cycles[i]);
		printf(",\"cycles.%s\":%" PRIu64, stage_names[i], sum);
	}
}

static void print(const struct yg_engine_stats *s)
{
	uint64_t packets = 0, lost = 0, ended[YG_END_COUNT] = {0};
	for (unsigned p = 0; p < YG_PORTS_MAX; p++) {
		packets += yg_counter_get(&s->port[p].packets);
		lost += yg_counter_get(&s->port[p].missed) + yg_counter_get(&s->port[p].nombuf);
	}
	printf("{\"port.packets\":%" PRIu64 ",\"port.lost\":%" PRIu64 ",\"receiving\":%" PRIu64, packets, lost, yg_counter_get(&s->receiving));
	for (unsigned i = 0; i < YG_WC_COUNT; i++) {
		uint64_t sum = 0;
		for (unsigned w = 0; w < YG_WORKERS_MAX; w++)
			sum += yg_counter_get(&s->worker[w].c[i]);
		printf(",\"%s\":%" PRIu64, worker_names[i], sum);
	}
	for (unsigned w = 0; w < YG_WORKERS_MAX; w++)
		for (unsigned i = 0; i < YG_END_COUNT; i++)
			ended[i] += yg_counter_get(&s->worker[w].end[i]);
	for (unsigned i = 0; i < YG_END_COUNT; i++)
		printf(",\"end.%u\":%" PRIu64, i, ended[i]);
	print_cycles(s);
	printf(",\"size.entry\":%zu,\"size.record\":%zu", sizeof(struct yg_flow_entry), sizeof(struct yg_flow_record));
	puts("}");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char path[64], line[16];
	const struct yg_engine_stats *stats;
	snprintf(path, sizeof path, "/proc/%ld/fd/%d", argc == 2 ? strtol(argv[1], NULL, 10) : 0L, YG_FD_STATS);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	stats = fd < 0 ? NULL : yg_shm_map(fd, sizeof *stats, false, NULL);
	if (!stats) {
		fprintf(stderr, "read_stats: %s: %s\n", path, strerror(errno));
		return 66;
	}
	while (fgets(line, sizeof line, stdin))
		print(stats);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura-engine: started by the supervisor with its memory as open descriptors (model/process.h). Opens the files, builds everything, runs,
// and says by its exit status whether a file was damaged. It links neither nDPI nor hiredis.
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/shm.h"
#include "engine/aggregator.h"
#include "engine/replay.h"

struct engine {
	struct yg_config config;
	struct yg_engine_stats *stats;
	void *open_alerts;
	size_t open_alerts_size;
	struct yg_ring alerts, flows;
	struct yg_ring to_dissector[YG_WORKERS_MAX], from_dissector[YG_WORKERS_MAX];
	struct yg_event_rings producer[YG_WORKERS_MAX], consumer[YG_WORKERS_MAX];
	struct yg_flow_table *table;
	struct yg_worker *workers[YG_WORKERS_MAX];
	struct yg_aggregator *aggregator;
	struct yg_capture *capture;
	unsigned workers_count;
	bool records_wanted;
};

static int attach_shared(struct yg_ring *ring, int fd, uint32_t slot_size, bool producer)
{
	size_t size;
	void *memory = yg_shm_map(fd, 1, true, &size);
	return memory ? yg_ring_attach(ring, memory, size, slot_size, producer) : -errno;
}

static int map_shared(struct engine *e)
{
	int error = yg_config_open(YG_FD_CONFIG, &e->config);
	if (error)
		return error;
	e->stats = yg_shm_map(YG_FD_STATS, sizeof *e->stats, true, NULL);
	e->open_alerts = yg_shm_map(YG_FD_OPEN_ALERTS, 1, true, &e->open_alerts_size);
	if (!e->stats || !e->open_alerts)
		return -errno;
	error = attach_shared(&e->alerts, YG_FD_ALERTS, sizeof(struct yg_alert), true);
	if (!error)
		error = attach_shared(&e->flows, YG_FD_FLOWS, sizeof(struct yg_flow), true);
	for (unsigned i = 0; !error && i < e->workers_count; i++) {
		error = attach_shared(&e->to_dissector[i], YG_FD_TO_DISSECTOR + (int)i, sizeof(struct yg_ds_request), true);
		if (!error)
			error = attach_shared(&e->from_dissector[i], YG_FD_FROM_DISSECTOR + (int)i, sizeof(struct yg_ds_answer), false);
	}
	return error;
}

// A ring between two threads of this process.
static int make_ring(struct yg_ring *producer, struct yg_ring *consumer, uint32_t slot_size, uint32_t count)
{
	size_t size = yg_ring_bytes(slot_size, count);
	void *memory = yg_memory_reserve(size);
	if (!memory)
		return -ENOMEM;
	int error = yg_ring_format(memory, size, slot_size, count);
	if (!error)
		error = yg_ring_attach(producer, memory, size, slot_size, true);
	return error ? error : yg_ring_attach(consumer, memory, size, slot_size, false);
}

static int make_rings(struct engine *e)
{
	int error = 0;
	for (unsigned i = 0; !error && i < e->workers_count; i++) {
		struct yg_event_rings *p = &e->producer[i], *c = &e->consumer[i];
		error = make_ring(&p->events, &c->events, sizeof(struct yg_event), YG_EVENT_SLOTS);
		if (!error)
			error = make_ring(&p->rates, &c->rates, sizeof(struct yg_rate_delta), YG_RATE_SLOTS);
		if (!error)
			error = make_ring(&p->sample, &c->sample, sizeof(struct yg_sample), YG_SAMPLE_SLOTS);
	}
	return error;
}

static uint32_t power_of_two(uint64_t n)
{
	uint32_t p = 1024;
	while (p < n)
		p <<= 1;
	return p;
}

static struct yg_flow_table *make_table(const struct yg_config *c)
{
	struct yg_flow_table_options options = {
		.slots = power_of_two((uint64_t)yg_config_int(c, YG_O_FLOW_TABLE)),
		.idle_ns = {yg_config_ns(c, YG_O_FLOW_IDLE_EMBRYONIC), yg_config_ns(c, YG_O_FLOW_IDLE_TALKING),
			    yg_config_ns(c, YG_O_FLOW_IDLE_ANSWERED), yg_config_ns(c, YG_O_FLOW_IDLE_ESTABLISHED)},
		.key = yg_hash_key_replay,
	};
	return yg_flow_table_create(&options);
}

static int make_workers(struct engine *e)
{
	for (unsigned i = 0; i < e->workers_count; i++) {
		struct yg_worker_options options = {
			.config = &e->config,
			.table = e->table,
			.stats = &e->stats->worker[i],
			.index = i,
			.workers = e->workers_count,
			.replay = true,
			.records_wanted = e->records_wanted,
			.needs = yg_aggregator_needs(e->aggregator),
			.to_dissector = &e->to_dissector[i],
			.from_dissector = &e->from_dissector[i],
			.out = &e->producer[i],
			.key = yg_hash_key_replay,
		};
		e->workers[i] = yg_worker_create(&options);
		if (!e->workers[i])
			return -errno;
	}
	return 0;
}

static int make_aggregator(struct engine *e)
{
	struct yg_aggregator_options options = {
		.config = &e->config,
		.stats = e->stats,
		.workers = e->workers_count,
		.in = e->consumer,
		.alerts = &e->alerts,
		.flows = &e->flows,
		.open_alerts = e->open_alerts,
		.open_alerts_size = e->open_alerts_size,
		.replay = true,
		.records_wanted = e->records_wanted,
		.key = yg_hash_key_replay,
	};
	e->aggregator = yg_aggregator_create(&options);
	return e->aggregator ? 0 : -EIO;
}

static void *aggregator_thread(void *argument)
{
	yg_aggregator_run(argument);
	return NULL;
}

static int run(struct engine *e)
{
	struct yg_replay_options options = {
		.config = &e->config,
		.table = e->table,
		.workers = e->workers,
		.workers_count = e->workers_count,
		.stats = e->stats,
		.capture = e->capture,
	};
	pthread_t aggregator;
	int error = pthread_create(&aggregator, NULL, aggregator_thread, e->aggregator);
	if (error)
		return -error;
	pthread_setname_np(aggregator, "yg-aggregator");
	int result = yg_replay_run(&options);
	if (result && result != -EBADMSG) { // nothing was begun: the aggregator would wait for ever for its first batch
		yg_error("replay: %s", strerror(-result));
		_exit(EX_OSERR);
	}
	pthread_join(aggregator, NULL);
	yg_counter_set(&e->stats->closed, 1);
	for (unsigned i = 0; i < e->workers_count; i++)
		yg_ring_close(&e->to_dissector[i]);
	snprintf(e->stats->capture_error, sizeof e->stats->capture_error, "%s", yg_capture_error(e->capture));
	yg_counter_set(&e->stats->finished, 1);
	return result;
}

static void release(struct engine *e)
{
	yg_aggregator_destroy(e->aggregator);
	for (unsigned i = 0; i < e->workers_count; i++)
		yg_worker_destroy(e->workers[i]);
	yg_flow_table_destroy(e->table);
	if (e->capture)
		yg_capture_close(e->capture);
	yg_config_close(&e->config);
}

static int open_capture(struct engine *e, int count, char **paths)
{
	char error[1024];
	int status = EX_NOINPUT;
	e->capture = yg_capture_open((const char *const *)paths, (size_t)count, error, sizeof error, &status);
	if (e->capture)
		return 0;
	yg_error("%s", error);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"workers", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
	struct engine *e = calloc(1, sizeof *e);
	yg_log_init("yagura-engine", YG_LOG_INFO);
	if (!e)
		return EX_OSERR;
	e->workers_count = 1;
	for (int c; (c = getopt_long(argc, argv, "w:", options, NULL)) != -1;) {
		if (c != 'w')
			return EX_USAGE;
		e->workers_count = (unsigned)strtoul(optarg, NULL, 10);
	}
	if (optind == argc || e->workers_count < 1 || e->workers_count > YG_WORKERS_MAX)
		return EX_USAGE;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	int status = open_capture(e, argc - optind, argv + optind);
	if (status)
		return status;
	int error = map_shared(e);
	if (!error) {
		e->records_wanted = yg_config_string(&e->config, YG_O_EVE_FILE)[0] && yg_config_int(&e->config, YG_O_EVE_FLOWS);
		error = make_rings(e);
	}
	e->table = error ? NULL : make_table(&e->config);
	if (!error && !e->table)
		error = -errno;
	if (!error)
		error = make_aggregator(e);
	if (!error)
		error = make_workers(e);
	if (error) {
		yg_error("could not start: %s", strerror(-error));
		return EX_OSERR;
	}
	int result = run(e);
	release(e);
	free(e);
	return result == -EBADMSG ? YG_EXIT_DAMAGED : result ? EX_SOFTWARE : EX_OK;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura-engine: started by the supervisor with its memory as open descriptors (model/process.h). Opens the files or the ports, builds
// everything, runs, and says by its exit status whether a file was damaged or a port has gone. It links neither nDPI nor hiredis.
//
//   yagura-engine --workers=N -- FILE…    a replay; starts no EAL
//   yagura-engine --workers=N --live      the ports of the configuration, until SIGTERM
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"
#include "base/shm.h"
#include "engine/aggregator.h"
#include "engine/live.h"
#include "engine/replay.h"
#include "engine/telemetry.h"

// In a replay whoever has packets at hand goes first: what waits for the aggregator lies in rings, what waits for worker and dissector does
// not move. On two cores its short turns would come between theirs.
enum { AGGREGATOR_NICE = 5 };

struct engine {
	struct yg_config config;
	struct yg_engine_stats *stats;
	void *open_alerts;
	size_t open_alerts_size, points_size;
	void *points; // NULL: there is no ring of them
	void *state;  // NULL: nothing that is learned is kept
	size_t state_size;
	struct yg_ring alerts, flows;
	struct yg_ring to_dissector[YG_WORKERS_MAX], from_dissector[YG_WORKERS_MAX];
	struct yg_event_rings producer[YG_WORKERS_MAX], consumer[YG_WORKERS_MAX];
	struct yg_flow_table *table;
	struct yg_worker *workers[YG_WORKERS_MAX];
	struct yg_aggregator *aggregator;
	struct yg_capture *capture;
	struct yg_ethdev *ports;
	struct yg_hash_key key, id_key; // of tables; of the ids of alerts
	struct yg_reload_box reload;
	unsigned workers_count;
	bool live, records_wanted;
	sem_t begun; // the aggregator: before anything is forbidden
};

static volatile sig_atomic_t stop;

static void on_stop(int number)
{
	if (!stop) // SIGHUP: another engine is to follow
		stop = number == SIGHUP ? YG_STOP_HANDOVER : YG_STOP_END;
}

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
	e->points = yg_shm_map(YG_FD_POINTS, 1, true, &e->points_size);
	e->state = yg_shm_map(YG_FD_STATE, 1, true, &e->state_size);
	if (pread(YG_FD_ID_KEY, &e->id_key, sizeof e->id_key, 0) != (ssize_t)sizeof e->id_key)
		return -EBADMSG;
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

static struct yg_flow_table *make_table(const struct engine *e)
{
	const struct yg_config *c = &e->config;
	struct yg_flow_table_options options = {
		.slots = power_of_two((uint64_t)yg_config_int(c, YG_O_FLOW_TABLE)),
		.idle_ns = {yg_config_ns(c, YG_O_FLOW_IDLE_EMBRYONIC), yg_config_ns(c, YG_O_FLOW_IDLE_TALKING),
			    yg_config_ns(c, YG_O_FLOW_IDLE_ANSWERED), yg_config_ns(c, YG_O_FLOW_IDLE_ESTABLISHED)},
		.key = e->key,
		.resident = e->live,
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
			.replay = !e->live,
			.records_wanted = e->records_wanted,
			.needs = yg_aggregator_needs(e->aggregator),
			.to_dissector = &e->to_dissector[i],
			.from_dissector = &e->from_dissector[i],
			.out = &e->producer[i],
			.key = e->key,
		};
		e->workers[i] = yg_worker_create(&options);
		if (!e->workers[i])
			return -errno;
	}
	return 0;
}

// When an engine before this one last saw anything.
static int64_t last_look(const struct engine *e)
{
	int64_t latest = (int64_t)yg_counter_get(&e->stats->gone_ns);
	for (unsigned i = 0; i < e->workers_count && !yg_counter_get(&e->stats->gone_ns); i++) {
		int64_t beat = (int64_t)yg_counter_get(&e->stats->worker[i].beat_ns);
		latest = beat > latest ? beat : latest;
	}
	return latest;
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
		.points = e->points,
		.points_size = e->points_size,
		.state = e->state,
		.state_size = e->state_size,
		.replay = !e->live,
		.stop = &stop,
		.reload = e->live ? &e->reload : NULL,
		.records_wanted = e->records_wanted,
		.key = e->key,
		.id_key = e->id_key,
	};
	if (e->live && yg_counter_get(&e->stats->starts)) {
		options.blind_from_ns = last_look(e);
		options.blind_by_port = yg_counter_get(&e->stats->gone_ns) != 0;
		yg_counter_set(&e->stats->gone_ns, 0);
	}
	for (unsigned i = 0; i < e->workers_count; i++) { // what an engine before this one said of its time is not ours
		yg_counter_set(&e->stats->worker[i].beat_ns, 0);
		yg_counter_publish(&e->stats->worker[i].second, 0);
	}
	e->aggregator = yg_aggregator_create(&options);
	return e->aggregator ? 0 : -EIO;
}

static void *aggregator_thread(void *argument)
{
	struct engine *e = argument;
	yg_counter_set(&e->stats->aggregator_thread, (uint64_t)gettid());
	if (!e->live)
		setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + AGGREGATOR_NICE); // of this thread
	sem_post(&e->begun);
	yg_aggregator_run(e->aggregator);
	return NULL;
}

static int run_files(struct engine *e)
{
	struct yg_replay_options options = {
		.config = &e->config,
		.table = e->table,
		.workers = e->workers,
		.workers_count = e->workers_count,
		.stats = e->stats,
		.capture = e->capture,
	};
	int result = yg_replay_run(&options);
	if (result && result != -EBADMSG) { // nothing was begun: the aggregator would wait for ever for its first batch
		yg_error("replay: %s", strerror(-result));
		_exit(EX_OSERR);
	}
	snprintf(e->stats->capture_error, sizeof e->stats->capture_error, "%s", yg_capture_error(e->capture));
	return result == -EBADMSG ? YG_EXIT_DAMAGED : EX_OK;
}

// Every worker receives.
static void on_receiving(void *context)
{
	struct engine *e = context;
	yg_counter_set(&e->stats->main_thread, (uint64_t)gettid());
	yg_counter_add(&e->stats->starts, 1);
	yg_counter_set(&e->stats->receiving, 1);
}

static int run_ports(struct engine *e)
{
	struct yg_live_options options = {
		.config = &e->config,
		.table = e->table,
		.workers = e->workers,
		.workers_count = e->workers_count,
		.stats = e->stats,
		.ports = e->ports,
		.stop = &stop,
		.reload = &e->reload,
		.started = on_receiving,
		.context = e,
	};
	int result = yg_live_run(&options);
	yg_counter_set(&e->stats->receiving, 0);
	if (result && result != -ENODEV) {
		yg_error("live run: %s", strerror(-result));
		_exit(EX_OSERR);
	}
	return result ? YG_EXIT_PORT_GONE : EX_OK;
}

static int run(struct engine *e)
{
	pthread_t aggregator;
	sem_init(&e->begun, 0, 0);
	int error = pthread_create(&aggregator, NULL, aggregator_thread, e);
	if (error) {
		yg_error("could not start: %s", strerror(error));
		return EX_OSERR;
	}
	pthread_setname_np(aggregator, "yg-aggregator");
	while (sem_wait(&e->begun) < 0 && errno == EINTR)
		;
	unsigned who = YG_CONFINED_ENGINE | yg_confine_ports(yg_config_string(&e->config, YG_O_CAPTURE_PORTS));
	who |= yg_config_int(&e->config, YG_O_CAPTURE_TELEMETRY) ? YG_CONFINED_TELEMETRY : 0;
	if (yg_confine_process(e->live ? who : YG_CONFINED_REPLAY))
		_exit(YG_EXIT_BAD_SETUP);
	int status = e->live ? run_ports(e) : run_files(e);
	pthread_join(aggregator, NULL);
	if (e->live && stop != YG_STOP_END)
		return status; // another engine goes on with what is shared
	yg_counter_set(&e->stats->closed, 1);
	for (unsigned i = 0; i < e->workers_count; i++)
		yg_ring_close(&e->to_dissector[i]);
	yg_counter_set(&e->stats->finished, 1);
	return status;
}

static void release(struct engine *e)
{
	yg_aggregator_destroy(e->aggregator);
	for (unsigned i = 0; i < e->workers_count; i++)
		yg_worker_destroy(e->workers[i]);
	yg_flow_table_destroy(e->table);
	if (e->capture)
		yg_capture_close(e->capture);
	yg_ethdev_close(e->ports);
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

static int open_ports(struct engine *e)
{
	char error[1024];
	static struct yg_telemetry telemetry;
	int status = yg_eal_start(&e->config, e->workers_count, error, sizeof error);
	telemetry = (struct yg_telemetry){e->stats, e->workers_count, power_of_two((uint64_t)yg_config_int(&e->config, YG_O_FLOW_TABLE))};
	if (!status && yg_config_int(&e->config, YG_O_CAPTURE_TELEMETRY) && yg_telemetry_register(&telemetry))
		yg_warn("capture.telemetry: the commands could not be registered");
	if (!status) {
		e->ports = yg_ethdev_open(&e->config, e->workers_count, error, sizeof error);
		status = e->ports ? 0 : EX_UNAVAILABLE;
	}
	if (status)
		yg_error("%s", error);
	return status;
}

static int build(struct engine *e)
{
	bool file = yg_config_string(&e->config, YG_O_EVE_FILE)[0] && yg_config_int(&e->config, YG_O_EVE_FLOWS);
	e->records_wanted = file || (yg_config_string(&e->config, YG_O_REDIS_URL)[0] && yg_config_int(&e->config, YG_O_REDIS_FLOWS));
	yg_reload_init(&e->reload, e->live ? YG_FD_RELOAD : -1, e->workers_count);
	e->key = yg_hash_key_replay;
	int error = e->live ? yg_hash_key_random(&e->key) : 0;
	if (!error)
		error = make_rings(e);
	e->table = error ? NULL : make_table(e);
	if (!error && !e->table)
		error = -errno;
	if (!error)
		error = make_aggregator(e);
	return error ? error : make_workers(e);
}

static int parse(struct engine *e, int argc, char **argv)
{
	static const struct option options[] = {
		{"workers", required_argument, NULL, 'w'}, {"live", no_argument, NULL, 'l'}, {NULL, 0, NULL, 0}};
	e->workers_count = 1;
	for (int c; (c = getopt_long(argc, argv, "w:", options, NULL)) != -1;) {
		if (c == 'w')
			e->workers_count = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'l')
			e->live = true;
		else
			return EX_USAGE;
	}
	return (optind == argc) != e->live || e->workers_count < 1 || e->workers_count > YG_WORKERS_MAX ? EX_USAGE : EX_OK;
}

int main(int argc, char **argv)
{
	struct engine *e = calloc(1, sizeof *e);
	yg_log_init("yagura-engine", YG_LOG_INFO);
	if (!e)
		return EX_OSERR;
	int status = parse(e, argc, argv);
	if (status)
		return status;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	status = e->live ? 0 : open_capture(e, argc - optind, argv + optind);
	if (status)
		return status;
	struct sigaction action = {.sa_handler = on_stop};
	signal(SIGPIPE, SIG_IGN);
	if (e->live) {
		sigaction(SIGTERM, &action, NULL);
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGHUP, &action, NULL);
	}
	int error = map_shared(e);
	if (!error)
		yg_counter_set(&e->stats->receiving, 0); // an engine that died said so to its end
	if (!error && e->live && (status = open_ports(e)))
		return status;
	// What follows loads plugins and reads what an earlier engine left: not with the rights that the ports took.
	if (!error && e->live)
		error = yg_confine_rights();
	if (!error)
		error = build(e);
	if (error) {
		yg_error("could not start: %s", strerror(-error));
		return EX_OSERR;
	}
	status = run(e);
	release(e);
	free(e);
	return status;
}

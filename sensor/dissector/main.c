// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura-dissector [--replay] [--workers N] [--rings N]: started by the supervisor with the descriptors of
// model/process.h open. Maps what it shares, initialises nDPI once, closes what it no longer needs and becomes the
// zygote. Nothing here has seen a packet yet; nothing after here opens a file but those of the quarantine.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/ring.h"
#include "base/shm.h"
#include "config/config.h"
#include "dissector/flows.h"
#include "dissector/zygote.h"

enum { FLOW_BYTES = 2048, WAIT_MS_MAX = 20 }; // FLOW_BYTES: memory for each flow that may be open; most take half or twice that

static bool number(const char *text, unsigned limit, unsigned *ret_value)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno || end == text || *end || value < 1 || value > limit)
		return false;
	*ret_value = (unsigned)value;
	return true;
}

static bool read_arguments(int argc, char **argv, struct yg_setup *setup)
{
	static const struct option options[] = {
	    {"replay", no_argument, NULL, 'r'},
	    {"workers", required_argument, NULL, 'w'},
	    {"rings", required_argument, NULL, 'n'},
	    {NULL, 0, NULL, 0},
	};
	setup->workers = setup->rings = 1;
	bool fits = true;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'r')
			setup->replay = true;
		else if (c == 'w')
			fits &= number(optarg, YG_DISSECTORS_MAX, &setup->workers);
		else if (c == 'n')
			fits &= number(optarg, YG_WORKERS_MAX, &setup->rings);
		else
			fits = false;
	}
	if (setup->replay)
		setup->workers = 1; // nDPI's caches make verdicts depend on order: one reads everything
	if (setup->workers > setup->rings)
		setup->workers = setup->rings;
	return fits && optind == argc;
}

static int map_ring(int fd, uint32_t slot_size, bool producer, struct yg_memory *ret_memory)
{
	struct yg_ring ring;
	ret_memory->at = yg_shm_map(fd, 4096, true, &ret_memory->size);
	if (!ret_memory->at)
		return -errno;
	close(fd);
	return yg_ring_attach(&ring, ret_memory->at, ret_memory->size, slot_size, producer);
}

static int map_rings(struct yg_setup *setup)
{
	for (unsigned r = 0; r < setup->rings; r++) {
		int error = map_ring(YG_FD_TO_DISSECTOR + (int)r, sizeof(struct yg_ds_request), false, &setup->to[r]);
		if (error == 0)
			error =
			    map_ring(YG_FD_FROM_DISSECTOR + (int)r, sizeof(struct yg_ds_answer), true, &setup->from[r]);
		if (error) {
			yg_error("ring %u: %s", r, strerror(-error));
			return error;
		}
	}
	return 0;
}

static int map_shared(struct yg_setup *setup)
{
	setup->stats = yg_shm_map(YG_FD_STATS, sizeof *setup->stats, true, NULL);
	setup->control = yg_shm_map(YG_FD_CONTROL, (size_t)setup->workers * YG_CONTROL_PAGE, true, NULL);
	void *shared = mmap(NULL, sizeof *setup->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	setup->shared = shared == MAP_FAILED ? NULL : shared;
	if (!setup->stats || !setup->control || !setup->shared) {
		yg_error("counters or control pages: %s", strerror(errno));
		return -errno;
	}
	close(YG_FD_STATS);
	close(YG_FD_CONTROL);
	return map_rings(setup);
}

// Bytes of data memory that this process has now and every worker inherits.
static uint64_t data_memory(void)
{
	unsigned long field[6] = {0};
	FILE *file = fopen("/proc/self/statm", "re");
	if (!file)
		return UINT64_C(64) << 20;
	int n =
	    fscanf(file, "%lu %lu %lu %lu %lu %lu", &field[0], &field[1], &field[2], &field[3], &field[4], &field[5]);
	fclose(file);
	return n == 6 ? (uint64_t)field[5] * (uint64_t)sysconf(_SC_PAGESIZE) : UINT64_C(64) << 20;
}

static void read_limits(const struct yg_config *config, struct yg_setup *setup)
{
	setup->slots = yg_ds_slots((uint64_t)yg_config_int(config, YG_O_FLOW_TABLE));
	setup->packets = (uint32_t)yg_config_int(config, YG_O_DISSECTOR_PACKETS);
	setup->bytes = (uint32_t)yg_config_int(config, YG_O_DISSECTOR_BYTES);
	setup->watchdog_ns = yg_config_int(config, YG_O_DISSECTOR_WATCHDOG) * YG_NS_PER_MS;
	int64_t quarter = setup->watchdog_ns / 4 / YG_NS_PER_MS;
	setup->wait_ms = quarter < 1 ? 1 : quarter > WAIT_MS_MAX ? WAIT_MS_MAX : (int)quarter;
	setup->memory = (uint64_t)yg_config_int(config, YG_O_DISSECTOR_MEMORY);
	setup->flows_open = (uint32_t)(setup->memory / FLOW_BYTES);
	setup->open_bytes = setup->memory / 4 * 3; // the rest is for what lies between
}

static int create_ndpi(const struct yg_config *config, struct yg_setup *setup)
{
	char unknown[64];
	int error = yg_ndpi_create(yg_config_string(config, YG_O_DISSECTOR_OFF), &setup->ndpi, unknown, sizeof unknown);
	if (error == -EINVAL)
		yg_error("dissector.off: nDPI has no dissector \"%s\"", unknown);
	else if (error)
		yg_error("nDPI: %s", strerror(-error));
	return error == -EINVAL ? EX_CONFIG : error ? YG_EXIT_BAD_SETUP : YG_EXIT_OK;
}

static int create_rest(const struct yg_config *config, struct yg_setup *setup, struct yg_quarantine *quarantine)
{
	bool folder = fcntl(YG_FD_QUARANTINE, F_GETFD) >= 0;
	int error = yg_quarantine_open(quarantine, folder ? YG_FD_QUARANTINE : -1,
	                               (uint32_t)yg_config_int(config, YG_O_QUARANTINE_FILES));
	if (error) {
		yg_warn("the quarantine folder cannot be read (%s): no packets are kept", strerror(-error));
		folder = false;
		quarantine->folder = -1;
	}
	setup->streams = yg_stream_create((uint32_t)yg_config_int(config, YG_O_DISSECTOR_STREAMS));
	if (!setup->streams)
		return -errno;
	setup->hash_key = yg_hash_key_replay;
	error = setup->replay ? 0 : yg_hash_key_random(&setup->hash_key);
	if (error == 0)
		error = yg_sandbox_prepare(&setup->sandbox, folder ? YG_FD_QUARANTINE : -1);
	setup->memory += data_memory() + yg_flows_memory(setup->slots);
	return error;
}

int main(int argc, char **argv)
{
	static struct yg_setup setup;
	static struct yg_quarantine quarantine;
	struct yg_config config;
	yg_log_init("yagura-dissector", YG_LOG_INFO);
	if (!read_arguments(argc, argv, &setup)) {
		yg_error("usage: yagura-dissector [--replay] [--workers N] [--rings N]; the supervisor starts it");
		return EX_USAGE;
	}
	signal(SIGINT, SIG_IGN); // from a terminal: it is the supervisor who decides
	signal(SIGPIPE, SIG_IGN);
	tzset();
	int error = yg_config_open(YG_FD_CONFIG, &config);
	if (error) {
		yg_error("the compiled config: %s", strerror(-error));
		return YG_EXIT_BAD_SETUP;
	}
	if (map_shared(&setup) != 0)
		return YG_EXIT_BAD_SETUP;
	read_limits(&config, &setup);
	int status = create_ndpi(&config, &setup);
	if (status == YG_EXIT_OK && (error = create_rest(&config, &setup, &quarantine)) != 0) {
		yg_error("start: %s", strerror(-error));
		status = YG_EXIT_BAD_SETUP;
	}
	yg_config_close(&config);
	close(YG_FD_CONFIG);
	if (!yg_sandbox_works())
		yg_info("built with a sanitizer: no seccomp, no resource limits");
	if (status == YG_EXIT_OK)
		status = yg_zygote_run(&setup, &quarantine, fcntl(YG_FD_ALIVE, F_GETFD) >= 0 ? YG_FD_ALIVE : -1);
	// Where leaks are looked for (sanitizers), everything is given back; elsewhere the kernel is quicker, and a replay waits for this.
	if (yg_sandbox_works())
		_exit(status);
	yg_sandbox_release(&setup.sandbox);
	yg_stream_destroy(setup.streams);
	yg_ndpi_destroy(setup.ndpi);
	return status;
}

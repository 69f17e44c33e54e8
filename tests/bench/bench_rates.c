// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// bench_rates [-b BODIES] [-h HOSTS] [-m MINUTES]: what the rate engine of a prefecture takes. HOSTS internal hosts in BODIES bodies send
// and receive for MINUTES minutes, each in a second of its own of every minute, and a tenth of them serve; then a snapshot is written in
// pieces and read back. Prints resident memory, the time of the slowest second and of the slowest piece.
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/shm.h"
#include "engine/lifecycle.h"
#include "engine/rate_engine.h"
#include "engine/sample.h"
#include "engine/state.h"

static uint64_t values[YG_O_COUNT];
static struct yg_org *orgs;
static struct yg_prefix *prefixes;
static uint64_t windows;

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double resident_mib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static void on_window(void *context, const struct yg_window *w)
{
	(void)context;
	windows += w->scope < YG_SCOPE_COUNT;
}

static uint32_t mixed(uint32_t x)
{
	x = (x ^ x >> 16) * UINT32_C(0x45d9f3b);
	return x ^ x >> 15;
}

static void add(struct yg_rate_engine *e, const struct yg_rate_key *key, uint32_t some)
{
	struct yg_rate_delta d = {.key = *key};
	d.rates.packets[YG_VEC_TCP_FLOW] = some % 97;
	d.rates.bytes[YG_VEC_TCP_FLOW] = some % 97 * UINT64_C(700);
	d.rates.packets[YG_VEC_DOWNLOAD] = some % 1009;
	d.rates.flows = some % 11;
	d.rates.handshakes = 1;
	d.rates.packets_out = some % 509;
	d.rates.bytes_out = some % 509 * UINT64_C(300);
	d.rates.flows_out = some % 7;
	yg_rate_engine_add(e, &d);
	d.key.scope |= YG_SCOPE_PUSHED;
	memset(&d.rates, 0, sizeof d.rates);
	d.rates.packets[YG_VEC_TCP_FLOW] = some % 53;
	d.rates.bytes[YG_VEC_TCP_FLOW] = some % 53 * UINT64_C(200);
	yg_rate_engine_add(e, &d);
}

static void add_host(struct yg_rate_engine *e, uint32_t host, uint32_t bodies, uint32_t some)
{
	uint32_t body = host % bodies;
	struct yg_rate_key key = {.addr = {{10, (uint8_t)(body >> 8), (uint8_t)body}}, .scope = YG_SCOPE_HOST, .af = 4, .prefix_len = 32,
				  .org = (uint16_t)body};
	// A body has a /16 of 10.0.0.0/7: 300 bodies, 65,536 hosts each.
	key.addr.b[0] = (uint8_t)(10 + (body >> 8));
	key.addr.b[1] = (uint8_t)body;
	key.addr.b[2] = (uint8_t)(host / bodies >> 8);
	key.addr.b[3] = (uint8_t)(host / bodies);
	if (host % 10 == 0) {
		struct yg_rate_key service = key;
		service.scope = YG_SCOPE_SERVICE;
		service.proto = 6;
		service.port = 443;
		add(e, &service, some);
	}
	add(e, &key, some);
	const struct yg_rate_key of_body = {.scope = YG_SCOPE_BODY, .org = (uint16_t)body};
	add(e, &of_body, some);
	const struct yg_rate_key prefix = {.addr = prefixes[body].addr, .scope = YG_SCOPE_PREFIX, .af = 4, .prefix_len = 16,
					   .org = (uint16_t)body};
	add(e, &prefix, some);
}

static struct yg_config make_config(uint32_t bodies)
{
	orgs = calloc(bodies, sizeof *orgs);
	prefixes = calloc(bodies, sizeof *prefixes);
	if (!orgs || !prefixes)
		exit(1);
	for (uint32_t i = 0; i < bodies; i++) {
		snprintf(orgs[i].code, sizeof orgs[i].code, "%06u", i);
		orgs[i].parent = YG_ORG_NONE;
		prefixes[i] = (struct yg_prefix){.addr = {{(uint8_t)(10 + (i >> 8)), (uint8_t)i}}, .af = 4, .length = 16, .org = (uint16_t)i,
						 .cover = 0xffff};
	}
	values[YG_O_RATES_HOSTS] = 262144;
	values[YG_O_RATES_KEEP] = 1048576;
	values[YG_O_RATES_BASELINES] = 262144;
	return (struct yg_config){.values = values, .orgs = orgs, .orgs_count = bodies, .prefixes = prefixes, .prefixes_count = bodies};
}

static void snapshot(struct yg_rate_engine *e, const struct yg_config *config)
{
	uint64_t half = yg_state_half(config);
	void *memory = yg_memory_reserve(2 * half);
	struct yg_state *s = memory ? yg_state_create(memory, half) : NULL;
	struct yg_state_part part;
	double slowest = 0, all = now_ms();
	yg_rate_engine_part(e, &part);
	if (!s || yg_state_add(s, &part))
		exit(1);
	yg_state_turn(s, 1000);
	while (!yg_state_stats(s)->snapshots) {
		double begin = now_ms();
		yg_state_turn(s, 1000 + YG_STATE_FIRST_S);
		slowest = now_ms() - begin > slowest ? now_ms() - begin : slowest;
	}
	all = now_ms() - all;
	printf("snapshot     %.1f MiB in %.0f ms, the slowest piece %.2f ms, %.1f MiB resident with one half of it\n",
	       (double)yg_state_newest(memory, half)->size / 1048576, all, slowest, resident_mib());
	yg_state_destroy(s);
	s = yg_state_create(memory, half);
	struct yg_rate_engine *next = yg_rate_engine_create(config, &yg_hash_key_replay);
	yg_rate_engine_part(next, &part);
	yg_state_add(s, &part);
	double begin = now_ms();
	yg_state_restore(s);
	struct yg_rate_engine_stats stats;
	yg_rate_engine_stats(next, &stats);
	printf("restored     %" PRIu64 " keys in %.0f ms, %" PRIu64 " not\n", stats.restored, now_ms() - begin, stats.not_restored);
}

int main(int argc, char **argv)
{
	uint32_t bodies = 300, hosts = 200000, minutes = 1500;
	for (int c; (c = getopt(argc, argv, "b:h:m:")) != -1;) {
		uint32_t n = (uint32_t)strtoul(optarg, NULL, 10);
		if (c == 'b')
			bodies = n;
		else if (c == 'h')
			hosts = n;
		else if (c == 'm')
			minutes = n;
		else
			return 64;
	}
	const struct yg_config config = make_config(bodies);
	struct yg_rate_engine *e = yg_rate_engine_create(&config, &yg_hash_key_replay);
	double slowest = 0, all = 0;
	if (!e)
		return 1;
	for (int64_t second = 60; second < 60 + 60 * (int64_t)minutes; second++) {
		for (uint32_t host = (uint32_t)(second % 60); host < hosts; host += 60)
			add_host(e, host, bodies, mixed(host * 31 + (uint32_t)second));
		double begin = now_ms();
		yg_rate_engine_close(e, second, on_window, NULL);
		double took = now_ms() - begin;
		slowest = took > slowest ? took : slowest;
		all += took;
	}
	struct yg_rate_engine_stats stats;
	yg_rate_engine_stats(e, &stats);
	printf("keys         %" PRIu64 ", %" PRIu64 " histograms, %" PRIu64 " refused, %" PRIu64 " evicted\n", stats.keys, stats.baselines,
	       stats.baselines_full, stats.evicted);
	printf("resident     %.1f MiB after %u minutes\n", resident_mib(), minutes);
	printf("seconds      %.2f ms each, the slowest %.2f ms; %.0f ns a window\n", all / (60.0 * minutes), slowest, all * 1e6 / (double)windows);
	printf("besides      %.1f MiB for 4,096 open alerts, %.1f MiB for the sample\n", (double)yg_lifecycle_size(4096) / 1048576,
	       (double)YG_SAMPLE_SECONDS * YG_SAMPLE_PER_SECOND * sizeof(struct yg_sample) / 1048576);
	snapshot(e, &config);
	return 0;
}

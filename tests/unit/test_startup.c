// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The start-up report before the machines of the doctor's tests: text in both languages must be tests/golden/doctor/<machine>.run.en
// and .run.ja (YG_UPDATE_GOLDEN=1 writes them). Behind that, engines that lie: whatever they say, the report has at most 25 lines and
// nothing that a terminal would obey.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/startup.h"
#include "config_fixture.h"
#include "doctor_trees.h"

enum { ENGINE_PID = 4242, OVERRIDES = 12 };

struct machine {
	const char *name, *file, *control, *metrics;
	const char *overrides[OVERRIDES][2];
	struct {
		const char *name;
		unsigned queues, link;
	} ports[YG_PORTS_MAX];
};

static const struct machine machines[] = {
    {"ready",
     YG_SOURCE_ROOT "/configs/demo.yaml",
     "/run/yagura/control.sock",
     "/run/yagura/metrics.sock",
     {{"sensor.name", "egress-1"},
      {"engine.workers", "4"},
      {"dissector.workers", "2"},
      {"capture.memory", "2GiB"},
      {"capture.ports", "81:00.0"},
      {"capture.cores", "12-15"},
      {"eve.file", "/var/log/yagura/eve.json"},
      {"quarantine.directory", "/var/lib/yagura/quarantine"},
      {"redis.url", "redis://sensor:secret@192.0.2.7:6379/3"}},
     {{"0000:81:00.0", 4, 1}}},
    {"bare-vm", NULL, NULL, NULL, {{"capture.ports", "eth0"}}, {{"eth0", 1, 1}}},
    {"vfio-without-iommu",
     NULL,
     "/run/yagura/control.sock",
     "",
     {{"engine.workers", "4"},
      {"capture.ports", "0000:41:00.0 net_pcap0,rx_iface=eno1"},
      {"capture.cores", "4-7"},
      {"eve.file", "/var/log/yagura/eve.json"},
      {"eve.flows", "false"},
      {"redis.url", "unix:///run/redis/redis.sock"}},
     {{"0000:41:00.0", 4, 1}, {"net_pcap0", 1, 1}}},
    {"few-cores",
     NULL,
     NULL,
     NULL,
     {{"engine.workers", "4"},
      {"capture.ports", "enp2s0 net_af_xdp0,iface=gone0,queue_count=2 enp3s0 net_ring0 net_ring1 net_ring2"},
      {"eve.file", "/var/log/yagura/eve.json"},
      {"quarantine.directory", "/var/lib/yagura/quarantine"},
      {"redis.url", "redis://sensor:secret@127.0.0.1:1/0"}},
     {{"enp2s0", 4, 1}, {"gone0", 2, 0}, {"enp3s0", 4, 0}, {"net_ring0", 1, 1}, {"net_ring1", 1, 1}, {"net_ring2", 1, 1}}},
};
enum { MACHINES = sizeof machines / sizeof *machines };

static struct yg_config config;
static struct yg_engine_stats engine;

static void configure(const struct machine *m)
{
	struct yg_compile_input input = {
	    .path = m->file, .overrides = m->overrides, .plugins = fixture_found, .plugins_count = 1};
	char *errors;
	int fd;
	while (input.overrides_count < OVERRIDES && m->overrides[input.overrides_count][0])
		input.overrides_count++;
	if (fixture_compile_input(&input, &errors, &fd))
		fail_msg("%s", errors);
	free(errors);
	assert_int_equal(yg_config_open(fd, &config), 0);
	close(fd);
	memset(&engine, 0, sizeof engine);
	uint64_t count = 0;
	for (; count < YG_PORTS_MAX && m->ports[count].name; count++) {
		snprintf(engine.port[count].name, sizeof engine.port[count].name, "%s", m->ports[count].name);
		yg_counter_set(&engine.port[count].queues, m->ports[count].queues);
		yg_counter_set(&engine.port[count].link_up, m->ports[count].link);
	}
	yg_counter_set(&engine.ports_count, count);
}

// The report, freed by the caller. At most so many lines as are promised, none of them with a byte that moves a cursor.
static char *report(const struct machine *m, bool japanese)
{
	struct yg_startup facts = {
	    .config = &config,
	    .engine = &engine,
	    .engine_pid = ENGINE_PID,
	    .config_file = m->file ? "/etc/yagura/yagura.yaml" : NULL,
	    .control = m->control,
	    .metrics = m->metrics,
	    .version = "1.2.3",
	    .root = root,
	    .japanese = japanese,
	};
	char *text = NULL;
	size_t length, lines = 0;
	FILE *out = open_memstream(&text, &length);
	yg_startup_report(&facts, out);
	fclose(out);
	for (size_t i = 0; i < length; i++) {
		lines += text[i] == '\n';
		if (((unsigned char)text[i] < 0x20 && text[i] != '\n') || text[i] == 0x7f)
			fail_msg("byte %02x in the report", (unsigned char)text[i]);
	}
	assert_true(length > 0 && text[length - 1] == '\n');
	assert_in_range(lines, 10, YG_STARTUP_LINES);
	assert_null(strstr(text, "secret"));
	return text;
}

static void each_machine_gets_its_golden_report(void **state)
{
	for (size_t i = 0; i < MACHINES; i++) {
		if (i) {
			drop_root(state);
			new_root(state);
		}
		lay_out(machines[i].name);
		configure(&machines[i]);
		for (int ja = 0; ja < 2; ja++) {
			char *text = report(&machines[i], ja);
			compare_golden(machines[i].name, ja ? "run.ja" : "run.en", text);
			free(text);
		}
		yg_config_close(&config);
	}
}

static void the_ready_machine_is_not_weaker(void **state)
{
	(void)state;
	lay_out("ready");
	configure(&machines[0]);
	char *text = report(&machines[0], false);
	assert_non_null(strstr(text, "✔ nothing here is weaker than production"));
	assert_null(strstr(text, "✖"));
	free(text);
	yg_config_close(&config);
}

// The pages that the engine holds are no longer free; that is no fault.
static void pages_that_the_engine_has_are_not_missing(void **state)
{
	(void)state;
	lay_out("ready");
	configure(&machines[0]);
	put("sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "0\n");
	char *text = report(&machines[0], false);
	assert_null(strstr(text, "hugepages.free"));
	assert_non_null(strstr(text, "on hugepages"));
	free(text);
	put("proc/4242/status", "HugetlbPages:\t       0 kB\n");
	text = report(&machines[0], false);
	assert_non_null(strstr(text, "✖ hugepages.free node1"));
	assert_non_null(strstr(text, "without hugepages"));
	free(text);
	yg_config_close(&config);
}

static void an_engine_that_lies_makes_no_line_more(void **state)
{
	(void)state;
	static const char bad[] = "\033[2J\n\r\x9b%s%n";
	lay_out("few-cores");
	configure(&machines[3]);
	yg_counter_set(&engine.ports_count, UINT64_MAX);
	for (unsigned i = 0; i < YG_PORTS_MAX; i++) {
		memset(engine.port[i].name, 'x', sizeof engine.port[i].name); // no NUL
		memcpy(engine.port[i].name, bad, sizeof bad - 1);
		yg_counter_set(&engine.port[i].queues, UINT64_MAX);
	}
	put("proc/4242/task/4243/status", "Cpus_allowed_list:\t0-99999999999\n");
	put("proc/4242/task/4244/comm", "lcore-worker\033[2J\n");
	put("proc/4242/status", "HugetlbPages:\t99999999999999999999999999999 kB\n");
	for (unsigned i = 0; i < 2000; i++) {
		char path[64];
		snprintf(path, sizeof path, "proc/4242/task/%u/", 5000 + i);
		place(path);
	}
	for (int ja = 0; ja < 2; ja++)
		free(report(&machines[3], ja));
	yg_config_close(&config);
}

static void an_empty_root_still_gets_a_report(void **state)
{
	(void)state;
	configure(&machines[1]);
	char *text = report(&machines[1], false);
	assert_non_null(strstr(text, "✖ sink: alerts go nowhere"));
	assert_non_null(strstr(text, "is not known"));
	free(text);
	drop_root(state);
	text = report(&machines[1], true); // no root at all
	free(text);
	new_root(state);
	yg_config_close(&config);
}

static void an_engine_that_has_not_spoken_is_said_so(void **state)
{
	(void)state;
	lay_out("bare-vm");
	configure(&machines[1]);
	yg_counter_set(&engine.ports_count, 0);
	char *text = report(&machines[1], false);
	assert_non_null(strstr(text, "eth0 (the engine has not said)"));
	free(text);
	yg_config_close(&config);
}

int main(void)
{
#define IN_A_ROOT(name) cmocka_unit_test_setup_teardown(name, new_root, drop_root)
	const struct CMUnitTest tests[] = {
	    IN_A_ROOT(each_machine_gets_its_golden_report),
	    IN_A_ROOT(the_ready_machine_is_not_weaker),
	    IN_A_ROOT(pages_that_the_engine_has_are_not_missing),
	    IN_A_ROOT(an_engine_that_lies_makes_no_line_more),
	    IN_A_ROOT(an_empty_root_still_gets_a_report),
	    IN_A_ROOT(an_engine_that_has_not_spoken_is_said_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura-generate: traffic of the example prefecture as a pcap file on standard output, the same bytes for the same
// arguments. The demo, the replay tests and the benchmarks feed on it. Thread: one.
#include "gen_attacks.h"
#include "gen_day.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ATTACKS_MAX = 64, START = 1780967100 }; // a Tuesday in June 2026, 10:05 in Japan

struct arguments {
	uint64_t seed;
	int64_t seconds, start;
	double scale;
	uint16_t vlan;
	enum gen_family family;
	enum gen_mirror mirror;
	const char *attacks[ATTACKS_MAX], *truth, *output, *scenario;
	unsigned attacks_count;
};

static const char usage_text[] = "usage: yagura-generate [option…] day | busy | none > FILE.pcap\n"
                                 "  --seed N           of all random numbers (1)\n"
                                 "  --seconds S        length (600)\n"
                                 "  --start EPOCH      first second, UTC (1780967100)\n"
                                 "  --family 4|6|both  of all traffic (both)\n"
                                 "  --scale F          times the rates of the scenario, not of attacks (1)\n"
                                 "  --vlan ID          tag every frame\n"
                                 "  --mirror WHAT      in, out or both: which directions the tap shows (both)\n"
                                 "  --attack NAME[,at=S][,for=S][,pps=N][,target=ADDR][,port=N][,family=4|6]\n"
                                 "           [,answered=0|1][,pulses=N,every=S[,jitter=S]]\n"
                                 "                     may be given more than once; at 60 s when not said\n"
                                 "  --truth FILE       what was laid in, as tab-separated values\n"
                                 "  --output FILE      instead of standard output\n"
                                 "  --list             the attacks, and innocent traffic (kind -)\n";

static double number(const char *option, const char *text, double low, double high)
{
	char *end;
	errno = 0;
	double value = strtod(text, &end);
	if (errno || end == text || *end || !(value >= low && value <= high)) {
		fprintf(stderr, "yagura-generate: --%s %s: want a number from %g to %g\n", option, text, low, high);
		exit(64);
	}
	return value;
}

static enum gen_family family(const char *text)
{
	if (!strcmp(text, "both"))
		return GEN_FAMILY_BOTH;
	return number("family", text, 4, 6) < 5 ? GEN_FAMILY_V4 : GEN_FAMILY_V6;
}

static enum gen_mirror mirror(const char *text)
{
	if (!strcmp(text, "both"))
		return GEN_MIRROR_BOTH;
	if (!strcmp(text, "in"))
		return GEN_MIRROR_IN;
	if (!strcmp(text, "out"))
		return GEN_MIRROR_OUT;
	fprintf(stderr, "yagura-generate: --mirror %s: want in, out or both\n", text);
	exit(64);
}

static void add_attack(struct arguments *arguments, const char *text)
{
	if (arguments->attacks_count == ATTACKS_MAX) {
		fprintf(stderr, "yagura-generate: more than %d attacks\n", ATTACKS_MAX);
		exit(64);
	}
	arguments->attacks[arguments->attacks_count++] = text;
}

static void read_option(struct arguments *arguments, const char *name, const char *value)
{
	if (!strcmp(name, "seed"))
		arguments->seed = (uint64_t)number(name, value, 0, 9e15);
	else if (!strcmp(name, "seconds"))
		arguments->seconds = (int64_t)number(name, value, 1, 1e7);
	else if (!strcmp(name, "start"))
		arguments->start = (int64_t)number(name, value, 0, 4e9);
	else if (!strcmp(name, "family"))
		arguments->family = family(value);
	else if (!strcmp(name, "scale"))
		arguments->scale = number(name, value, 0, 1000);
	else if (!strcmp(name, "vlan"))
		arguments->vlan = (uint16_t)number(name, value, 0, 4094);
	else if (!strcmp(name, "mirror"))
		arguments->mirror = mirror(value);
	else if (!strcmp(name, "attack"))
		add_attack(arguments, value);
	else if (!strcmp(name, "truth"))
		arguments->truth = value;
	else
		arguments->output = value;
}

static void read_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
	static const struct option options[] = {
	    {"seed", 1, NULL, 0},   {"seconds", 1, NULL, 0}, {"start", 1, NULL, 0},  {"family", 1, NULL, 0},
	    {"scale", 1, NULL, 0},  {"vlan", 1, NULL, 0},    {"attack", 1, NULL, 0}, {"truth", 1, NULL, 0},
	    {"output", 1, NULL, 0}, {"mirror", 1, NULL, 0}, {"list", 0, NULL, 'l'},  {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0},
	};
	int found, index = 0;
	*ret_arguments = (struct arguments){.seed = 1, .seconds = 600, .start = START, .scale = 1.0};
	while ((found = getopt_long(argc, argv, "", options, &index)) != -1) {
		if (found == 'l') {
			gen_attacks_list(stdout);
			exit(0);
		}
		if (found == 'h' || found == '?') {
			fputs(usage_text, found == 'h' ? stdout : stderr);
			exit(found == 'h' ? 0 : 64);
		}
		read_option(ret_arguments, options[index].name, optarg);
	}
	if (argc - optind != 1) {
		fputs(usage_text, stderr);
		exit(64);
	}
	ret_arguments->scenario = argv[optind];
}

static void lay_scenario(struct gen *gen, const char *scenario)
{
	if (!strcmp(scenario, "day")) {
		gen_day(gen);
	} else if (!strcmp(scenario, "busy")) {
		gen_busy(gen);
	} else if (strcmp(scenario, "none") != 0) {
		fprintf(stderr, "yagura-generate: %s: no such scenario; there are day, busy and none\n", scenario);
		exit(64);
	}
}

static FILE *open_or_exit(const char *path)
{
	FILE *file = fopen(path, "we");
	if (!file) {
		fprintf(stderr, "yagura-generate: %s: %s\n", path, strerror(errno));
		exit(73);
	}
	return file;
}

int main(int argc, char **argv)
{
	struct arguments arguments;
	struct gen gen;
	read_arguments(argc, argv, &arguments);
	gen_init(&gen, arguments.start, arguments.seconds, arguments.seed);
	gen.scale = arguments.scale;
	gen.family = arguments.family;
	gen.mirror = arguments.mirror;
	gen.vlan = arguments.vlan;
	lay_scenario(&gen, arguments.scenario);
	gen.truth = arguments.truth ? open_or_exit(arguments.truth) : NULL;
	if (gen.truth)
		gen_truth_head(gen.truth);
	for (unsigned i = 0; i < arguments.attacks_count; i++)
		if (!gen_attack_add(&gen, arguments.attacks[i]))
			return 64;
	if (gen.truth && fclose(gen.truth) != 0)
		return 74;
	gen.truth = NULL;
	gen.out = arguments.output ? open_or_exit(arguments.output) : stdout;
	if (!arguments.output && isatty(STDOUT_FILENO)) {
		fputs("yagura-generate: a pcap file is nothing for a terminal: redirect it, or name --output\n",
		      stderr);
		return 64;
	}
	setvbuf(gen.out, NULL, _IOFBF, 1 << 20);
	int error = gen_run(&gen);
	if (error)
		fprintf(stderr, "yagura-generate: %s\n", strerror(-error));
	gen_finish(&gen);
	return error ? 74 : 0;
}

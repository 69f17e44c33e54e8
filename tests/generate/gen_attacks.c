// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Lays rows of gen_rows.c into a run. An attack has random numbers of its own, so the day around it stays as it was.
// Thread: one.
#include "gen_attacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct attack {
	struct gen_attack shot; // what a shot may know
	const struct gen_row *row;
	int64_t begin, length, every, jitter; // of the first pulse; length of each; ns
	uint32_t pulse, pulses;
	uint32_t shots; // of a pulse; 0: until its end
	uint32_t fired; // in this pulse
};

enum { PULSES_MAX = 100000, CAMPAIGN = 3 }; // from so many pulses on it is one thing that happens

static gen_event_fn fire;

// ---- laying one in ----

// Derived from nothing but the pulse's number, since the truth is written before anything is sent.
static int64_t pulse_begin(const struct gen *gen, const struct attack *attack, uint32_t pulse)
{
	struct gen_rng rng = {gen_mix(gen_mix(gen->seed, 0x9015e), pulse)};
	int64_t off = pulse && attack->jitter ? (int64_t)((double)attack->jitter * (gen_below(&rng, 20001) / 10000.0 - 1.0)) : 0;
	return attack->begin + pulse * attack->every + off;
}

static void next_pulse(struct gen *gen, struct attack *attack)
{
	int64_t begin = pulse_begin(gen, attack, attack->pulse);
	attack->fired = 0;
	attack->shot.end = begin + attack->length;
	gen_at(gen, begin, fire, attack, 0, 0);
}

static void fire(struct gen *gen, void *self, uint32_t a, uint32_t b)
{
	struct attack *attack = self;
	(void)a, (void)b;
	bool done = gen->now >= attack->shot.end || (attack->shots && attack->fired == attack->shots);
	if (gen_over(gen) || (done && attack->pulse + 1 >= attack->pulses)) {
		free(attack);
		return;
	}
	if (done) {
		attack->pulse++;
		next_pulse(gen, attack);
		return;
	}
	attack->row->shot(gen, &attack->shot);
	attack->shot.fired++;
	attack->fired++;
	double gap = 1e9 / attack->shot.pps;
	gen_at(gen, gen->now + (int64_t)(gap * (0.5 + gen_below(&attack->shot.rng, 1000) / 1000.0)), fire, attack, 0, 0);
}

static void shuffle_ports(struct gen_attack *attack)
{
	for (unsigned i = 0; i < GEN_SWEEP_MAX; i++)
		attack->order[i] = (uint16_t)(i + 1);
	for (unsigned i = GEN_SWEEP_MAX - 1; i > 0; i--) {
		unsigned j = gen_below(&attack->rng, i + 1);
		uint16_t port = attack->order[i];
		attack->order[i] = attack->order[j];
		attack->order[j] = port;
	}
}

struct wish {
	double at, seconds, pps, pulses, every, jitter;
	long port, family, answered; // answered: -1 as the row says
	struct gen_addr target;      // af 0: the row's
};

static bool read_number(const char *text, double low, double high, double *ret_value)
{
	char *end;
	errno = 0;
	double value = strtod(text, &end);
	if (errno || end == text || *end || !(value >= low && value <= high))
		return false;
	*ret_value = value;
	return true;
}

static bool read_wish(const char *key, const char *value, struct wish *wish)
{
	const struct {
		const char *key;
		double low, high;
		double *value;
	} numbers[] = {
	    {"at", 0, 1e7, &wish->at},         {"for", 0.001, 1e7, &wish->seconds},
	    {"pps", 0.001, 1e7, &wish->pps},   {"pulses", 1, PULSES_MAX, &wish->pulses},
	    {"every", 0.001, 1e6, &wish->every}, {"jitter", 0, 1e6, &wish->jitter},
	};
	double number = 0;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!strcmp(key, numbers[i].key))
			return read_number(value, numbers[i].low, numbers[i].high, numbers[i].value);
	if (!strcmp(key, "target"))
		return gen_parse_addr(value, &wish->target);
	if (!strcmp(key, "port") && read_number(value, 1, 65535, &number)) {
		wish->port = (long)number;
		return true;
	}
	if (!strcmp(key, "family") && read_number(value, 4, 6, &number) && (number == 4 || number == 6)) {
		wish->family = (long)number;
		return true;
	}
	if (!strcmp(key, "answered") && read_number(value, 0, 1, &number) && (number == 0 || number == 1)) {
		wish->answered = (long)number;
		return true;
	}
	return false;
}

static const struct gen_row *find_row(const char *name)
{
	for (unsigned i = 0; i < gen_rows_count; i++)
		if (!strcmp(gen_rows[i].name, name))
			return &gen_rows[i];
	return NULL;
}

static struct gen_addr row_addr(const struct gen_row *row, uint8_t af)
{
	struct gen_addr v4 = gen_v4(row->v4);
	return af == 4 ? v4 : gen_v6(gen_bodies[gen_body_of(&v4)].v6, row->v6_host);
}

// ---- the truth ----

static void truth_line(const struct gen *gen, const struct attack *attack, const char *kind, int64_t begin, int64_t end)
{
	char source[64] = "*", target[72] = "*";
	const struct gen_row *row = attack->row;
	const struct gen_addr *ours = &attack->shot.target;
	unsigned body = gen_body_of(ours);
	unsigned net = ours->af == 6 ? row->net6 : row->net4 && body < GEN_BODIES ? gen_bodies[body].v4_len : 0;
	if (attack->shot.source.af)
		gen_print_addr(&attack->shot.source, source, sizeof(source));
	if (!(row->flags & GEN_ROW_NO_TARGET))
		gen_print_addr(ours, target, sizeof(target));
	size_t len = strlen(target);
	if (net)
		snprintf(target + len, sizeof(target) - len, "/%u", net);
	if (end > gen->end)
		end = gen->end;
	fprintf(gen->truth, "%s\t%s\t%s\t%s\t%lld.%09lld\t%lld.%09lld\t%s\t%u\n", kind, source, target,
	        body < GEN_BODIES ? gen_bodies[body].code : "-", (long long)(begin / GEN_S), (long long)(begin % GEN_S),
	        (long long)(end / GEN_S), (long long)(end % GEN_S), row->name, attack->shot.port);
}

static void write_truth(const struct gen *gen, const struct attack *attack)
{
	uint32_t seen = 0;
	int64_t last = 0;
	for (uint32_t pulse = 0; pulse < attack->pulses; pulse++) {
		int64_t begin = pulse_begin(gen, attack, pulse);
		if (begin >= gen->end)
			break;
		last = begin + attack->length;
		seen++;
		truth_line(gen, attack, attack->row->kind, begin, last);
	}
	if (seen >= CAMPAIGN && !strncmp(attack->row->kind, "dos.", 4))
		truth_line(gen, attack, "dos.campaign", attack->begin, last);
}

static void lay(struct gen *gen, const struct gen_row *row, const struct wish *wish)
{
	struct attack *attack = gen_alloc(sizeof(*attack));
	struct gen_attack *shot = &attack->shot;
	bool v6 = wish->target.af ? wish->target.af == 6 : wish->family == 6 || (!wish->family && gen->family == GEN_FAMILY_V6);
	uint8_t af = v6 ? 6 : 4;
	unsigned number = (unsigned)(row - gen_rows);
	attack->row = row;
	shot->inside = row->flags & GEN_ROW_INSIDE;
	shot->answered = wish->answered < 0 ? row->flags & GEN_ROW_ANSWERED : wish->answered;
	shot->rng.state = gen_mix(gen_mix(gen->seed, number + 0xa77ac4), (uint64_t)(wish->at * 1e3) + af);
	shot->target = wish->target.af ? wish->target : row_addr(row, af);
	shot->port = wish->port ? (uint16_t)wish->port : row->port;
	shot->pps = wish->pps > 0 ? wish->pps : row->pps_milli / 1000.0;
	attack->shots = row->flags & GEN_ROW_ONCE ? 1 : wish->seconds > 0 && !row->seconds ? 0 : row->shots;
	if (shot->inside)
		shot->source = shot->target;
	else if (row->flags & GEN_ROW_ONE_SOURCE)
		shot->source = gen_outside_client(60000 + number, af);
	double seconds = wish->seconds > 0 ? wish->seconds : row->seconds ? row->seconds : row->shots / shot->pps * 1.02;
	attack->begin = gen->start + (int64_t)(wish->at * 1e9);
	attack->length = (int64_t)(seconds * 1e9);
	attack->pulses = wish->pulses > 1 ? (uint32_t)wish->pulses : 1;
	attack->every = (int64_t)(wish->every * 1e9);
	attack->jitter = (int64_t)(wish->jitter * 1e9);
	shuffle_ports(shot);
	if (gen->truth)
		write_truth(gen, attack);
	next_pulse(gen, attack);
}

static bool pulses_make_sense(const struct wish *wish, const struct gen_row *row)
{
	if (wish->pulses <= 1)
		return wish->every == 0 && wish->jitter == 0;
	// Pulses that may touch or overtake each other are no pulses.
	return wish->every > (wish->seconds > 0 ? wish->seconds : row->seconds) + 2 * wish->jitter;
}

bool gen_attack_add(struct gen *gen, const char *text)
{
	char copy[256];
	struct wish wish = {.at = 60, .answered = -1};
	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy)) {
		fprintf(stderr, "yagura-generate: --attack %s: too long\n", text);
		return false;
	}
	char *rest = copy, *name = strsep(&rest, ","), *part;
	const struct gen_row *row = find_row(name);
	if (!row) {
		fprintf(stderr, "yagura-generate: --attack %s: no such attack; --list names them\n", name);
		return false;
	}
	while ((part = strsep(&rest, ","))) {
		char *value = part, *key = strsep(&value, "=");
		if (!value || !read_wish(key, value, &wish)) {
			fprintf(stderr, "yagura-generate: --attack %s: %s: not understood\n", text, key);
			return false;
		}
	}
	if (!pulses_make_sense(&wish, row)) {
		fprintf(stderr, "yagura-generate: --attack %s: pulses have to be apart: every > for + 2 * jitter\n", text);
		return false;
	}
	lay(gen, row, &wish);
	return true;
}

void gen_attacks_list(FILE *out)
{
	for (unsigned i = 0; i < gen_rows_count; i++)
		fprintf(out, "%-24s %-20s %s\n", gen_rows[i].name, gen_rows[i].kind, gen_rows[i].what);
}

const struct gen_row *gen_attack_row(unsigned i)
{
	return i < gen_rows_count ? &gen_rows[i] : NULL;
}

void gen_truth_head(FILE *out)
{
	fputs("#kind\tsource\ttarget\torganisation\tstart\tend\tattack\tport\n", out);
}

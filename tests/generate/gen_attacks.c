// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Attacks: a table of rows, each naming what one shot of it is, how often it is fired, and whom it hits when nobody
// says otherwise. An attack has random numbers of its own, so the day around it stays as it was. Default targets are
// hosts of small bodies: their floors are low, and their servers are not the busiest. Thread: one.
#include "gen_attacks.h"
#include "gen_bodies.h"
#include "gen_shots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct row {
	const char *name, *kind;
	gen_shot_fn *shot;
	uint32_t pps_milli; // shots per 1,000 s, so that a slow scan is a number too
	uint32_t seconds;   // 0: until `shots` have been fired
	uint32_t shots;     // 0: for `seconds`
	uint32_t v4;        // target
	uint16_t v6_host;   // behind the first half of its body
	uint16_t port;
	bool inside; // the source is an inside host, the targets are outside
	const char *what;
};

struct attack {
	struct gen_attack shot; // what a shot may know
	const struct row *row;
	double pps;
	int64_t end;
	uint32_t shots; // 0: until the end
};

static gen_event_fn fire;

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define KIRIHARA_WWW IP(203, 0, 113, 70), 0x10
#define KANEGAOKA_WWW IP(198, 51, 100, 138), 0x10
#define KANEGAOKA_MAIL IP(198, 51, 100, 140), 0x30
#define YUKINOSAWA_WWW IP(203, 0, 113, 130), 0x10
#define KIRISASA_WWW IP(192, 0, 2, 10), 0x10
#define KIRISASA_MAIL IP(192, 0, 2, 14), 0x30
#define SASAURA_DARK IP(203, 0, 113, 98), 0x98
#define SHIOMI_FIRST IP(198, 51, 100, 1), 0x1
#define SHIOMI_PC IP(198, 51, 100, 60), 0x60

// clang-format off
static const struct row rows[] = {
	{"syn_flood", "dos.syn_flood", gen_shot_syn, 5000000, 30, 0, KIRIHARA_WWW, 443, false,
	 "SYN from forged sources, unanswered"},
	{"syn_flood_answered", "dos.syn_flood", gen_shot_syn_answered, 5000000, 30, 0, KANEGAOKA_WWW, 80, false,
	 "each SYN answered by SYN-ACK, some RST"},
	{"syn_flood_small", "dos.syn_flood", gen_shot_syn, 420000, 60, 0, YUKINOSAWA_WWW, 80, false,
	 "just above the new-flow floor of a 10 Mbit/s line (366/s)"},
	{"udp_flood", "dos.udp_flood", gen_shot_udp, 5000000, 30, 0, KIRISASA_MAIL, 0, false,
	 "512 random bytes to random ports"},
	{"icmp_flood", "dos.icmp_flood", gen_shot_icmp, 5000000, 30, 0, YUKINOSAWA_WWW, 0, false,
	 "echo requests of 512 bytes"},
	{"ack_flood", "dos.ack_flood", gen_shot_ack, 16000000, 20, 0, KIRISASA_WWW, 443, false,
	 "ACK without a connection, forged sources"},
	{"rst_flood", "dos.ack_flood", gen_shot_rst, 16000000, 20, 0, YUKINOSAWA_WWW, 443, false,
	 "RST without a connection"},
	{"fin_flood", "dos.ack_flood", gen_shot_fin, 16000000, 20, 0, KIRISASA_WWW, 80, false,
	 "FIN without a connection"},
	{"synack_flood", "dos.ack_flood", gen_shot_synack, 16000000, 20, 0, YUKINOSAWA_WWW, 0, false,
	 "SYN-ACK that nobody asked for"},
	{"null_flood", "dos.other_flood", gen_shot_null, 16000000, 20, 0, KIRISASA_MAIL, 25, false,
	 "TCP without flags, or with FIN, PSH and URG"},
	{"fragment_flood", "dos.fragment_flood", gen_shot_fragment, 3000000, 30, 0, YUKINOSAWA_WWW, 0, false,
	 "fragments that are not first ones"},
	{"other_flood", "dos.other_flood", gen_shot_other, 3000000, 30, 0, KIRISASA_WWW, 0, false,
	 "ESP and GRE"},
	{"scan_vertical", "scan.port", gen_shot_port_scan, 40000, 0, 1000, KANEGAOKA_MAIL, 0, false,
	 "1,000 ports of one host: two open, the rest refuse"},
	{"scan_vertical_silent", "scan.port", gen_shot_port_scan_silent, 40000, 0, 1000, SASAURA_DARK, 0, false,
	 "1,000 ports of one host, all filtered"},
	{"scan_horizontal", "scan.host", gen_shot_host_scan, 25000, 0, 250, SHIOMI_FIRST, 22, false,
	 "one port of 250 inside hosts"},
	{"scan_horizontal_inside", "scan.host", gen_shot_host_scan_inside, 20000, 0, 200, SHIOMI_PC, 445, true,
	 "an inside host asks 200 outside ones, unanswered"},
	{"scan_slow", "scan.port", gen_shot_port_scan_silent, 250, 0, 100, SASAURA_DARK, 0, false,
	 "one port each 4 s"},
};
// clang-format on

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

// ---- laying one in ----

static void fire(struct gen *gen, void *self, uint32_t a, uint32_t b)
{
	struct attack *attack = self;
	(void)a, (void)b;
	if (gen_over(gen) || gen->now >= attack->end || (attack->shots && attack->shot.fired == attack->shots)) {
		free(attack);
		return;
	}
	attack->row->shot(gen, &attack->shot);
	attack->shot.fired++;
	double gap = 1e9 / attack->pps;
	gen_at(gen, gen->now + (int64_t)(gap * (0.5 + gen_below(&attack->shot.rng, 1000) / 1000.0)), fire, attack, 0,
	       0);
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
	double at, seconds, pps;
	long port, family;
	struct gen_addr target; // af 0: the row's
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
	double number = 0;
	if (!strcmp(key, "at"))
		return read_number(value, 0, 1e7, &wish->at);
	if (!strcmp(key, "for"))
		return read_number(value, 0.001, 1e7, &wish->seconds);
	if (!strcmp(key, "pps"))
		return read_number(value, 0.001, 1e7, &wish->pps);
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
	return false;
}

static const struct row *find_row(const char *name)
{
	for (unsigned i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static struct gen_addr row_addr(const struct row *row, uint8_t af)
{
	struct gen_addr v4 = gen_v4(row->v4);
	return af == 4 ? v4 : gen_v6(gen_bodies[gen_body_of(&v4)].v6, row->v6_host);
}

static void write_truth(const struct gen *gen, const struct attack *attack, int64_t begin, int64_t end)
{
	char source[64] = "*", target[64] = "*";
	const struct gen_addr *ours = attack->shot.inside ? &attack->shot.source : &attack->shot.target;
	unsigned body = gen_body_of(ours);
	if (attack->shot.source.af)
		gen_print_addr(&attack->shot.source, source, sizeof(source));
	if (attack->row->shot != gen_shot_host_scan && attack->row->shot != gen_shot_host_scan_inside)
		gen_print_addr(&attack->shot.target, target, sizeof(target));
	fprintf(gen->truth, "%s\t%s\t%s\t%s\t%lld.%09lld\t%lld.%09lld\t%s\t%u\n", attack->row->kind, source, target,
	        body < GEN_BODIES ? gen_bodies[body].code : "-", (long long)(begin / GEN_S), (long long)(begin % GEN_S),
	        (long long)(end / GEN_S), (long long)(end % GEN_S), attack->row->name, attack->shot.port);
}

static void lay(struct gen *gen, const struct row *row, const struct wish *wish)
{
	struct attack *attack = gen_alloc(sizeof(*attack));
	uint8_t af = wish->target.af                                                        ? wish->target.af
	             : wish->family == 6 || (!wish->family && gen->family == GEN_FAMILY_V6) ? 6
	                                                                                    : 4;
	attack->row = row;
	attack->shot.inside = row->inside;
	attack->shot.rng.state =
	    gen_mix(gen_mix(gen->seed, (uint64_t)(row - rows) + 0xa77ac4), (uint64_t)(wish->at * 1e3) + af);
	attack->shot.target = wish->target.af ? wish->target : row_addr(row, af);
	attack->shot.port = wish->port ? (uint16_t)wish->port : row->port;
	attack->pps = wish->pps > 0 ? wish->pps : row->pps_milli / 1000.0;
	attack->shots = wish->seconds > 0 ? 0 : row->shots;
	if (row->shots)
		attack->shot.source =
		    row->inside ? attack->shot.target : gen_outside_client(60000 + (uint32_t)(row - rows), af);
	double seconds = wish->seconds > 0 ? wish->seconds
	                 : row->seconds    ? row->seconds
	                                   : row->shots / attack->pps * 1.02;
	int64_t begin = gen->start + (int64_t)(wish->at * 1e9);
	attack->end = begin + (int64_t)(seconds * 1e9);
	shuffle_ports(&attack->shot);
	if (gen->truth)
		write_truth(gen, attack, begin, attack->end < gen->end ? attack->end : gen->end);
	gen_at(gen, begin, fire, attack, 0, 0);
}

bool gen_attack_add(struct gen *gen, const char *text)
{
	char copy[256];
	struct wish wish = {.at = 60};
	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy)) {
		fprintf(stderr, "yagura-generate: --attack %s: too long\n", text);
		return false;
	}
	char *rest = copy, *name = strsep(&rest, ","), *part;
	const struct row *row = find_row(name);
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
	lay(gen, row, &wish);
	return true;
}

void gen_attacks_list(FILE *out)
{
	for (unsigned i = 0; i < ROWS; i++)
		fprintf(out, "%-24s %-20s %s\n", rows[i].name, rows[i].kind, rows[i].what);
}

const char *gen_attack_name(unsigned i)
{
	return i < ROWS ? rows[i].name : NULL;
}

void gen_truth_head(FILE *out)
{
	fputs("#kind\tsource\ttarget\torganisation\tstart\tend\tattack\tport\n", out);
}

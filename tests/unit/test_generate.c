// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The generators are the ground on which replay tests stand, so this proves what those take for granted: right
// checksums, the same bytes for the same seed, time that never runs back, connections whose numbers add up, and attacks
// that change nothing around them.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../generate/gen_apps.h"
#include "../generate/gen_attacks.h"
#include "../generate/gen_bodies.h"
#include "../generate/gen_day.h"

enum { START = 1780967100, TALKS_MAX = 4096 };

// ---- a run in memory ----

struct run {
	char *bytes, *truth;
	size_t len, truth_len;
	uint64_t packets;
};

static struct run make_run(uint64_t seed, int64_t seconds, enum gen_family family, void (*scenario)(struct gen *),
                           const char *attack)
{
	struct run run = {0};
	struct gen gen;
	gen_init(&gen, START, seconds, seed);
	gen.family = family;
	gen.out = open_memstream(&run.bytes, &run.len);
	gen.truth = open_memstream(&run.truth, &run.truth_len);
	if (scenario)
		scenario(&gen);
	assert_true(!attack || gen_attack_add(&gen, attack));
	assert_int_equal(gen_run(&gen), 0);
	run.packets = gen.packets;
	fclose(gen.out);
	fclose(gen.truth);
	gen_finish(&gen);
	return run;
}

static void free_run(struct run *run)
{
	free(run->bytes);
	free(run->truth);
}

struct record {
	int64_t ns;
	const uint8_t *frame, *ip, *transport;
	size_t len, transport_len;
	unsigned version, proto;
	const uint8_t *src, *dst;
	size_t width;
	bool fragment;
};

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void read_frame(struct record *record)
{
	const uint8_t *ip = record->frame + 14;
	record->ip = ip;
	record->version = ip[0] >> 4;
	record->width = record->version == 6 ? 16 : 4;
	record->src = ip + (record->version == 6 ? 8 : 12);
	record->dst = record->src + record->width;
	record->proto = ip[record->version == 6 ? 6 : 9];
	record->transport = ip + (record->version == 6 ? 40 : 20);
	record->fragment = record->version == 4 ? (get16(ip + 6) & 0x3fff) != 0 : record->proto == 44;
	record->transport_len = record->len - (size_t)(record->transport - record->frame);
}

// The next record at *at; false at the end.
static bool next_record(const struct run *run, size_t *at, struct record *ret_record)
{
	uint32_t head[4];
	if (*at == 0)
		*at = 24;
	if (*at == run->len)
		return false;
	memcpy(head, run->bytes + *at, sizeof(head));
	*ret_record = (struct record){.ns = head[0] * INT64_C(1000000000) + head[1],
	                              .len = head[2],
	                              .frame = (const uint8_t *)run->bytes + *at + 16};
	*at += 16 + head[2];
	assert_true(*at <= run->len);
	read_frame(ret_record);
	return true;
}

static void assert_checksums(const struct record *r)
{
	uint8_t pseudo[40] = {0};
	if (r->version == 4)
		assert_int_equal(gen_fold(gen_sum(r->ip, 20, 0)), 0);
	if (r->fragment ||
	    (r->proto != GEN_TCP && r->proto != GEN_UDP && r->proto != GEN_ICMP && r->proto != GEN_ICMP6))
		return;
	memcpy(pseudo, r->src, 2 * r->width);
	pseudo[34] = (uint8_t)(r->transport_len >> 8);
	pseudo[35] = (uint8_t)r->transport_len;
	pseudo[39] = (uint8_t)r->proto;
	uint64_t sum = r->proto == GEN_ICMP ? 0 : gen_sum(pseudo, sizeof(pseudo), 0);
	assert_int_equal(gen_fold(gen_sum(r->transport, r->transport_len, sum)), 0);
}

// ---- the wire ----

static void a_frame_is_laid_out_as_the_standards_say(void **state)
{
	(void)state;
	uint8_t out[GEN_FRAME_MAX];
	struct gen_packet packet = {.src = gen_v4(0xc6120001),
	                            .dst = gen_v4(0xcb71000a),
	                            .proto = GEN_UDP,
	                            .ttl = 60,
	                            .vlan = 7,
	                            .sport = 4000,
	                            .dport = 53,
	                            .payload = (const uint8_t *)"abc",
	                            .payload_len = 3};
	assert_int_equal(gen_build(&packet, out, sizeof(out)), 14 + 4 + 20 + 8 + 3);
	assert_int_equal(get32(out + 12), 0x81000007);
	assert_int_equal(get16(out + 16), 0x0800);
	assert_int_equal(get16(out + 18 + 2), 31);
	assert_memory_equal(out + 18 + 12, "\xc6\x12\0\1\xcb\x71\0\x0a", 8);
	assert_int_equal(get16(out + 38 + 2), 53);
	assert_memory_equal(out + 46, "abc", 3);
}

static void what_does_not_fit_is_not_written(void **state)
{
	(void)state;
	uint8_t out[GEN_FRAME_MAX], payload[GEN_FRAME_MAX] = {0};
	struct gen_packet packet = {.src = gen_v4(1), .dst = gen_v4(2), .proto = GEN_UDP, .payload = payload};
	packet.payload_len = GEN_FRAME_MAX;
	assert_int_equal(gen_build(&packet, out, sizeof(out)), 0);
}

static void a_udp_checksum_of_zero_is_sent_as_ones(void **state)
{
	(void)state;
	uint8_t out[GEN_FRAME_MAX], payload[2];
	struct gen_packet packet = {
	    .src = gen_v4(1), .dst = gen_v4(2), .proto = GEN_UDP, .payload = payload, .payload_len = sizeof(payload)};
	for (unsigned i = 0; i < 65536; i++) { // one of them sums up to zero
		payload[0] = (uint8_t)(i >> 8);
		payload[1] = (uint8_t)i;
		assert_int_not_equal(gen_build(&packet, out, sizeof(out)), 0);
		assert_int_not_equal(get16(out + 14 + 20 + 6), 0);
	}
}

static void a_later_fragment_has_no_transport_header(void **state)
{
	(void)state;
	struct run run = make_run(3, 2, GEN_FAMILY_V6, NULL, "fragment_flood,at=0,for=1,pps=50");
	struct record record;
	size_t at = 0;
	while (next_record(&run, &at, &record)) {
		assert_int_equal(record.proto, 44);
		assert_true(get16(record.transport + 2) >> 3 > 0);
		assert_int_equal(record.transport_len, 8 + 800);
	}
	assert_in_range(run.packets, 40, 60);
	free_run(&run);
}

static void all_checksums_of_a_day_are_right(void **state)
{
	(void)state;
	struct run run = make_run(1, 40, GEN_FAMILY_BOTH, gen_day, "icmp_flood,at=1,for=1,pps=200");
	struct record record;
	size_t at = 0, seen = 0;
	for (; next_record(&run, &at, &record); seen++)
		assert_checksums(&record);
	assert_int_equal(seen, run.packets);
	assert_true(seen > 2000);
	free_run(&run);
}

// ---- runs ----

static void the_same_seed_gives_the_same_bytes(void **state)
{
	(void)state;
	struct run one = make_run(7, 20, GEN_FAMILY_BOTH, gen_busy, "syn_flood_answered,at=2,for=3");
	struct run two = make_run(7, 20, GEN_FAMILY_BOTH, gen_busy, "syn_flood_answered,at=2,for=3");
	struct run other = make_run(8, 20, GEN_FAMILY_BOTH, gen_busy, "syn_flood_answered,at=2,for=3");
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.bytes, two.bytes, one.len);
	assert_true(one.len != other.len || memcmp(one.bytes, other.bytes, one.len) != 0);
	free_run(&one);
	free_run(&two);
	free_run(&other);
}

static void time_never_runs_back_nor_leaves_the_run(void **state)
{
	(void)state;
	struct run run = make_run(2, 30, GEN_FAMILY_BOTH, gen_busy, "udp_flood,at=20");
	struct record record;
	int64_t last = START * GEN_S;
	for (size_t at = 0; next_record(&run, &at, &record); last = record.ns)
		assert_true(record.ns >= last);
	assert_true(last < (START + 30) * GEN_S && last > (START + 29) * GEN_S);
	free_run(&run);
}

static void an_attack_changes_no_byte_of_the_day_around_it(void **state)
{
	(void)state;
	struct run alone = make_run(5, 20, GEN_FAMILY_BOTH, gen_day, NULL);
	struct run both = make_run(5, 20, GEN_FAMILY_BOTH, gen_day, "syn_flood,at=5,for=5,pps=500");
	struct record day, mixed = {0};
	size_t mixed_at = 0;
	for (size_t at = 0; next_record(&alone, &at, &day);) {
		do
			assert_true(next_record(&both, &mixed_at, &mixed));
		while (mixed.ns != day.ns || mixed.len != day.len || memcmp(mixed.frame, day.frame, day.len) != 0);
	}
	assert_true(both.packets > alone.packets + 2000);
	free_run(&alone);
	free_run(&both);
}

// ---- connections ----

struct talk {
	uint8_t ends[2][18]; // address and port, as in the packet that opened it
	size_t width;
	uint32_t next[2]; // highest sequence number sent, and the one that follows
	uint8_t flags[2];
};

static void end_of(const struct record *r, bool source, uint8_t out[18])
{
	memset(out, 0, 18);
	memcpy(out, source ? r->src : r->dst, r->width);
	memcpy(out + 16, r->transport + (source ? 0 : 2), 2);
}

static struct talk *find_talk(struct talk *talks, size_t count, const struct record *r, unsigned *ret_from)
{
	uint8_t src[18], dst[18];
	end_of(r, true, src);
	end_of(r, false, dst);
	for (size_t i = count; i-- > 0;)
		for (unsigned from = 0; from < 2; from++)
			if (!memcmp(talks[i].ends[from], src, 18) && !memcmp(talks[i].ends[!from], dst, 18)) {
				*ret_from = from;
				return &talks[i];
			}
	return NULL;
}

static void assert_segment(struct talk *talk, unsigned from, const struct record *r)
{
	uint8_t flags = r->transport[13];
	uint32_t seq = get32(r->transport + 4), ack = get32(r->transport + 8);
	uint32_t len =
	    (uint32_t)(r->transport_len - (size_t)(r->transport[12] >> 4) * 4) + !!(flags & (GEN_SYN | GEN_FIN));
	bool first = talk->flags[from] == 0;
	talk->flags[from] |= flags;
	if (flags & GEN_ACK)
		assert_true((int32_t)(talk->next[!from] - ack) >= 0); // nothing is acknowledged that was not sent
	if (flags & GEN_RST && first)
		return; // a refusal has no sequence number of its own
	if (!first && len)
		assert_true(seq == talk->next[from] ||
		            (int32_t)(talk->next[from] - seq - len) >= 0); // in order, or again
	if (first || (int32_t)(seq + len - talk->next[from]) > 0)
		talk->next[from] = seq + len;
}

static void connections_open_with_a_syn_and_their_numbers_add_up(void **state)
{
	(void)state;
	struct run run = make_run(4, 60, GEN_FAMILY_BOTH, gen_day, NULL);
	struct talk *talks = calloc(TALKS_MAX, sizeof(*talks));
	size_t count = 0, closed = 0;
	struct record record;
	for (size_t at = 0; next_record(&run, &at, &record);) {
		unsigned from = 0;
		if (record.proto != GEN_TCP)
			continue;
		struct talk *talk = find_talk(talks, count, &record, &from);
		if (!talk) {
			assert_int_equal(record.transport[13], GEN_SYN);
			assert_true(count < TALKS_MAX);
			talk = &talks[count++];
			end_of(&record, true, talk->ends[0]);
			end_of(&record, false, talk->ends[1]);
		}
		assert_segment(talk, from, &record);
	}
	for (size_t i = 0; i < count; i++)
		closed += (talks[i].flags[0] & talks[i].flags[1] & GEN_FIN) != 0;
	assert_true(count > 200 && closed > count * 6 / 10);
	free(talks);
	free_run(&run);
}

static void a_day_shows_no_address_of_the_closed_zones(void **state)
{
	(void)state;
	struct run run = make_run(1, 60, GEN_FAMILY_V4, gen_day, NULL);
	struct record record;
	for (size_t at = 0; next_record(&run, &at, &record);) {
		assert_int_equal(record.version, 4);
		assert_int_not_equal(record.src[0], 10);
		assert_int_not_equal(record.dst[0], 10);
	}
	free_run(&run);
}

// ---- attacks ----

// All of it is of the family, right in its sums, after the beginning and, but for what conversations still have to say, before the end.
static void assert_attack(const struct gen_row *row, enum gen_family family)
{
	char text[64], code[32] = "";
	snprintf(text, sizeof(text), "%s,at=1,for=4", row->name);
	struct run run = make_run(1, 20, family, NULL, text);
	struct record record;
	uint64_t late = 0;
	for (size_t at = 0; next_record(&run, &at, &record);) {
		assert_int_equal(record.version, family == GEN_FAMILY_V6 ? 6 : 4);
		assert_checksums(&record);
		assert_true(record.ns >= (START + 1) * GEN_S);
		late += record.ns >= (START + 7) * GEN_S;
	}
	assert_true(run.packets >= 1 && late * 5 <= run.packets);
	assert_int_equal(sscanf(run.truth, "%*[^\t]\t%*[^\t]\t%*[^\t]\t%31[^\t]\t", code), 1);
	assert_string_not_equal(code, "-");
	assert_non_null(strstr(run.truth, row->name));
	assert_int_equal(strncmp(run.truth, row->kind, strlen(row->kind)), 0);
	free_run(&run);
}

static void each_attack_is_of_its_family_in_its_time_and_against_a_named_body(void **state)
{
	(void)state;
	for (unsigned i = 0; gen_attack_row(i); i++) {
		assert_attack(gen_attack_row(i), GEN_FAMILY_V4);
		assert_attack(gen_attack_row(i), GEN_FAMILY_V6);
	}
}

static void the_rate_and_the_target_are_as_asked(void **state)
{
	(void)state;
	struct run run =
	    make_run(1, 12, GEN_FAMILY_BOTH, NULL, "syn_flood,at=1,for=10,pps=1000,target=198.51.100.100,port=8080");
	struct record record = {0};
	size_t at = 0;
	assert_in_range(run.packets, 9900, 10100);
	assert_true(next_record(&run, &at, &record));
	assert_memory_equal(record.dst, "\xc6\x33\x64\x64", 4);
	assert_int_equal(get16(record.transport + 2), 8080);
	assert_non_null(strstr(run.truth, "\tshiomi-edu\t"));
	free_run(&run);
}

static void what_is_no_attack_is_refused(void **state)
{
	static const char *const wrong[] = {"",
	                                    "no_such",
	                                    "syn_flood,at",
	                                    "syn_flood,at=x",
	                                    "syn_flood,pps=0",
	                                    "udp_flood,target=1.2.3",
	                                    "udp_flood,port=70000",
	                                    "syn_flood,family=5",
	                                    "syn_flood,colour=red",
	                                    "syn_flood,answered=2",
	                                    "syn_flood,pulses=3",
	                                    "syn_flood,every=60",
	                                    "syn_flood,for=5,pulses=3,every=6,jitter=1",
	                                    "syn_flood,for=5,pulses=200000,every=60"};
	(void)state;
	struct gen gen;
	gen_init(&gen, START, 1, 1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(gen_attack_add(&gen, wrong[i]));
	assert_int_equal(gen.count, 0);
	gen_finish(&gen);
}

// ---- pulses, directions, silence ----

static unsigned lines_of(const char *text, const char *kind)
{
	unsigned count = 0;
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
		count += !strncmp(line, kind, strlen(kind));
	return count;
}

static void pulses_come_when_the_truth_says_and_are_one_campaign(void **state)
{
	(void)state;
	struct run run = make_run(3, 3600, GEN_FAMILY_V4, NULL, "water_torture,at=60,for=5,pps=100,answered=0,pulses=5,every=600,jitter=60");
	struct record record;
	char *save = NULL, *line = strtok_r(run.truth, "\n", &save);
	int64_t begin[5], end[5];
	unsigned inside = 0, seen = 0;
	for (; line && !strncmp(line, "dos.dns_flood\t", 14); line = strtok_r(NULL, "\n", &save), seen++) {
		double from = 0, to = 0;
		assert_int_equal(sscanf(line, "%*s\t%*s\t%*s\t%*s\t%lf\t%lf", &from, &to), 2);
		begin[seen] = (int64_t)(from * 1e9);
		end[seen] = (int64_t)(to * 1e9);
		assert_true(seen == 0 || llabs(begin[seen] - begin[seen - 1] - 600 * GEN_S) <= 120 * GEN_S);
	}
	assert_int_equal(seen, 5);
	assert_non_null(line);
	assert_int_equal(strncmp(line, "dos.campaign\t", 13), 0);
	for (size_t at = 0; next_record(&run, &at, &record);) {
		unsigned pulse = 0;
		while (pulse < 5 && (record.ns < begin[pulse] - GEN_MS || record.ns > end[pulse] + GEN_MS))
			pulse++;
		inside += pulse < 5;
	}
	assert_int_equal(inside, run.packets);
	assert_in_range(run.packets, 2300, 2700);
	free_run(&run);
}

static void two_pulses_are_no_campaign_and_innocent_ones_never(void **state)
{
	(void)state;
	struct run two = make_run(3, 300, GEN_FAMILY_V4, NULL, "syn_flood,at=1,for=1,pps=20,pulses=2,every=60");
	struct run crowd = make_run(3, 300, GEN_FAMILY_V4, NULL, "crowd,at=1,for=1,pps=2,pulses=4,every=60");
	assert_int_equal(lines_of(two.truth, "dos.syn_flood"), 2);
	assert_int_equal(lines_of(two.truth, "dos.campaign"), 0);
	assert_int_equal(lines_of(crowd.truth, "-\t"), 4);
	assert_int_equal(lines_of(crowd.truth, "dos.campaign"), 0);
	free_run(&two);
	free_run(&crowd);
}

// The run as make_run makes it, with a mirror that shows less.
static struct run make_mirrored(enum gen_mirror mirror)
{
	struct run run = {0};
	struct gen gen;
	gen_init(&gen, START, 12, 6);
	gen.mirror = mirror;
	gen.out = open_memstream(&run.bytes, &run.len);
	gen_day(&gen);
	assert_true(gen_attack_add(&gen, "syn_flood_answered,at=2,for=3,pps=500"));
	assert_int_equal(gen_run(&gen), 0);
	run.packets = gen.packets;
	fclose(gen.out);
	gen_finish(&gen);
	return run;
}

static void what_one_direction_shows_and_the_other_is_what_both_show(void **state)
{
	(void)state;
	struct run both = make_mirrored(GEN_MIRROR_BOTH), in = make_mirrored(GEN_MIRROR_IN), out = make_mirrored(GEN_MIRROR_OUT);
	struct record record, one = {0}, other = {0};
	size_t in_at = 0, out_at = 0;
	bool in_more = next_record(&in, &in_at, &one), out_more = next_record(&out, &out_at, &other);
	for (size_t at = 0; next_record(&both, &at, &record);) {
		if (in_more && one.len == record.len && !memcmp(one.frame, record.frame, one.len)) {
			assert_int_equal(record.frame[5], 1); // towards the bodies
			in_more = next_record(&in, &in_at, &one);
		} else {
			assert_true(out_more && other.len == record.len && !memcmp(other.frame, record.frame, other.len));
			out_more = next_record(&out, &out_at, &other);
		}
	}
	assert_false(in_more || out_more);
	assert_true(in.packets > 1500 && out.packets > 1500);
	free_run(&both);
	free_run(&in);
	free_run(&out);
}

static bool is_of(const struct record *r, unsigned body)
{
	struct gen_addr src = {.af = (uint8_t)r->version}, dst = src;
	memcpy(src.b, r->src, r->width);
	memcpy(dst.b, r->dst, r->width);
	return gen_body_of(&src) == body || gen_body_of(&dst) == body;
}

static void a_dark_body_and_a_cut_mirror_show_nothing_while_it_lasts(void **state)
{
	(void)state;
	enum { SASAURA = 4 };
	struct run dark = make_run(2, 90, GEN_FAMILY_BOTH, gen_day, "dark,at=30,for=30");
	struct run cut = make_run(2, 90, GEN_FAMILY_BOTH, gen_day, "cut_mirror,at=30,for=30");
	struct record record;
	unsigned before = 0, within = 0, after = 0, others = 0, greetings = 0;
	for (size_t at = 0; next_record(&dark, &at, &record);) {
		bool now = record.ns >= (START + 30) * GEN_S && record.ns < (START + 60) * GEN_S;
		bool of = is_of(&record, SASAURA);
		before += of && record.ns < (START + 30) * GEN_S;
		after += of && record.ns >= (START + 60) * GEN_S;
		within += of && now;
		others += !of && now;
	}
	assert_int_equal(within, 0);
	assert_true(before > 20 && after > 20 && others > 1000);
	for (size_t at = 0; next_record(&cut, &at, &record);) {
		if (record.ns < (START + 30) * GEN_S || record.ns >= (START + 60) * GEN_S)
			continue;
		assert_true(is_of(&record, GEN_BODIES));
		greetings++;
	}
	assert_in_range(greetings, 25, 35);
	free_run(&dark);
	free_run(&cut);
}

// ---- what makes a twin innocent ----

// Share of the SYNs towards the target whose own side has completed the handshake.
static double completed(const char *attack)
{
	struct run run = make_run(5, 30, GEN_FAMILY_V4, NULL, attack);
	struct talk *talks = calloc(TALKS_MAX, sizeof(*talks));
	size_t count = 0, good = 0;
	struct record record;
	for (size_t at = 0; next_record(&run, &at, &record);) {
		unsigned from = 0;
		if (record.proto != GEN_TCP)
			continue;
		struct talk *talk = find_talk(talks, count, &record, &from);
		if (!talk) {
			assert_true(count < TALKS_MAX);
			talk = &talks[count++];
			end_of(&record, true, talk->ends[0]);
			end_of(&record, false, talk->ends[1]);
		}
		talk->flags[from] |= record.transport[13];
	}
	for (size_t i = 0; i < count; i++)
		good += (talks[i].flags[0] & GEN_SYN) && (talks[i].flags[0] & GEN_ACK);
	free(talks);
	free_run(&run);
	return count ? (double)good / (double)count : 0;
}

static void twins_complete_their_handshakes_and_floods_do_not(void **state)
{
	(void)state;
	assert_true(completed("crowd,at=1,for=5,pps=100") > 0.95);
	assert_true(completed("monitor,at=1,for=20") > 0.9);
	assert_true(completed("idle_web,at=1,for=25") > 0.99);
	assert_true(completed("tls_flood,at=1,for=5,pps=100") > 0.99);
	assert_true(completed("syn_flood,at=1,for=5,pps=100") < 0.01);
	assert_true(completed("tls_flood,at=1,for=5,pps=100,answered=0") < 0.01);
}

static void a_slow_reader_shuts_its_window_and_keeps_it_shut(void **state)
{
	(void)state;
	struct run run = make_run(5, 60, GEN_FAMILY_V4, NULL, "slow_read,at=1,for=58");
	struct record record;
	unsigned shut = 0, open = 0;
	for (size_t at = 0; next_record(&run, &at, &record);) {
		bool reader = get16(record.transport + 2) == 80;
		unsigned window = get16(record.transport + 14), flags = record.transport[13];
		assert_true(!reader || window <= 256);
		shut += reader && window == 0 && !(flags & GEN_FIN);
		open += reader && window > 0;
	}
	assert_int_equal(open, 3 * 200); // SYN, ACK and request of each
	assert_true(shut >= 4 * 200);
	free_run(&run);
}

static void random_names_differ_and_a_query_flood_repeats_its_own(void **state)
{
	(void)state;
	static const char *const attacks[2] = {"water_torture,at=1,for=3,pps=300,answered=0", "dns_query_flood,at=1,for=3,pps=300,answered=0"};
	for (unsigned i = 0; i < 2; i++) {
		struct run run = make_run(5, 6, GEN_FAMILY_V6, NULL, attacks[i]);
		struct record record, seen[64];
		unsigned known = 0, same = 0;
		for (size_t at = 0; known < 64 && next_record(&run, &at, &record); known++) {
			for (unsigned k = 0; k < known; k++)
				same += !memcmp(seen[k].transport + 20, record.transport + 20, 9); // the first label's first bytes
			seen[known] = record;
		}
		assert_int_equal(known, 64);
		assert_int_equal(same, i ? 64 * 63 / 2 : 0);
		free_run(&run);
	}
}

static void fragments_of_an_answer_add_up_to_it(void **state)
{
	(void)state;
	for (unsigned family = GEN_FAMILY_V4; family <= GEN_FAMILY_V6; family++) {
		struct run run = make_run(5, 4, (enum gen_family)family, NULL, "amp_dns_fragmented,at=1,for=1,pps=50");
		struct record record;
		size_t want = 0, got = 0, at = 0;
		unsigned whole = 0;
		while (next_record(&run, &at, &record)) {
			unsigned field = record.version == 6 ? get16(record.transport + 2) : get16(record.ip + 6);
			unsigned offset = record.version == 6 ? field & 0xfff8 : (field & 0x1fff) * 8;
			bool more = record.version == 6 ? field & 1 : field & 0x2000;
			const uint8_t *data = record.transport + (record.version == 6 ? 8 : 0);
			size_t len = record.transport_len - (record.version == 6 ? 8 : 0);
			if (offset == 0)
				want = get16(data + 4), got = 0;
			assert_int_equal(offset, got);
			got += len;
			if (!more)
				assert_int_equal(got, want);
			whole += !more;
		}
		assert_in_range(whole, 40, 60);
		free_run(&run);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_frame_is_laid_out_as_the_standards_say),
	    cmocka_unit_test(what_does_not_fit_is_not_written),
	    cmocka_unit_test(a_udp_checksum_of_zero_is_sent_as_ones),
	    cmocka_unit_test(a_later_fragment_has_no_transport_header),
	    cmocka_unit_test(all_checksums_of_a_day_are_right),
	    cmocka_unit_test(the_same_seed_gives_the_same_bytes),
	    cmocka_unit_test(time_never_runs_back_nor_leaves_the_run),
	    cmocka_unit_test(an_attack_changes_no_byte_of_the_day_around_it),
	    cmocka_unit_test(connections_open_with_a_syn_and_their_numbers_add_up),
	    cmocka_unit_test(a_day_shows_no_address_of_the_closed_zones),
	    cmocka_unit_test(each_attack_is_of_its_family_in_its_time_and_against_a_named_body),
	    cmocka_unit_test(the_rate_and_the_target_are_as_asked),
	    cmocka_unit_test(what_is_no_attack_is_refused),
	    cmocka_unit_test(pulses_come_when_the_truth_says_and_are_one_campaign),
	    cmocka_unit_test(two_pulses_are_no_campaign_and_innocent_ones_never),
	    cmocka_unit_test(what_one_direction_shows_and_the_other_is_what_both_show),
	    cmocka_unit_test(a_dark_body_and_a_cut_mirror_show_nothing_while_it_lasts),
	    cmocka_unit_test(twins_complete_their_handshakes_and_floods_do_not),
	    cmocka_unit_test(a_slow_reader_shuts_its_window_and_keeps_it_shut),
	    cmocka_unit_test(random_names_differ_and_a_query_flood_repeats_its_own),
	    cmocka_unit_test(fragments_of_an_answer_add_up_to_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

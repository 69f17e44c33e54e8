// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Modes, thresholds, shared services and suppressions: what files become, what bodies inherit, what every limit does when it is full, and
// that no block with an impossible entry is opened. The words of refusals are in bad-config/.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/block.h"
#include "config_folder.h"

static const char bodies[] = "organisations: [a.yaml, b.yaml, c.yaml]\n";

static void put_bodies(const char *more_a, const char *more_b, const char *more_c)
{
	static const char *const heads[] = {
		"code: pref\nname: {ja: 県, en: Pref}\nkind: prefecture\nmodel: alpha\nprefixes: {internet: [198.51.100.0/24]}\nline: 10G\n",
		"code: city\nname: {ja: 市, en: City}\nkind: city\nparent: pref\nmodel: alpha\nprefixes: {internet: [203.0.113.0/24]}\nline: 1G\n",
		"code: school\nname: {ja: 校, en: School}\nkind: board\nparent: city\nmodel: alpha\nprefixes: {internet: [203.0.113.128/25]}\n"};
	const char *more[] = {more_a, more_b, more_c};
	for (int i = 0; i < 3; i++) {
		char text[1024];
		snprintf(text, sizeof text, "%s%s", heads[i], more[i]);
		put((const char *const[]){"a.yaml", "b.yaml", "c.yaml"}[i], text);
	}
}

static void put_config(const char *more)
{
	char text[4096];
	snprintf(text, sizeof text, "%s%s", bodies, more);
	put("config.yaml", text);
}

static void modes_stand_by_body_and_then_by_width(void **state)
{
	(void)state;
	put_bodies("", "modes: {\"*\": digest, dos.volume: page, \"dos.*\": alert}\n", "");
	put_config("modes: {\"scan.*\": shadow, scan.port: digest}\n");
	struct yg_config c = open_file(config_path);
	static const struct { const char *kind; uint16_t org; uint8_t mode; } expected[] = {
		{"dos.volume", 1, YG_MODE_PAGE}, {"dos.*", 1, YG_MODE_ALERT}, {"*", 1, YG_MODE_DIGEST},
		{"scan.port", YG_ORG_NONE, YG_MODE_DIGEST}, {"scan.*", YG_ORG_NONE, YG_MODE_SHADOW}};
	assert_int_equal(c.modes_count, 5);
	for (uint32_t i = 0; i < 5; i++) {
		assert_string_equal(c.modes[i].kind, expected[i].kind);
		assert_int_equal(c.modes[i].org, expected[i].org);
		assert_int_equal(c.modes[i].mode, expected[i].mode);
	}
	yg_config_close(&c);
}

static void floors_are_inherited_one_by_one(void **state)
{
	(void)state;
	put_bodies("thresholds: {packets: 50000, bits: 900M}\n", "thresholds: {flows: 3000, bits: 100M}\n", "");
	put_config("");
	struct yg_config c = open_file(config_path);
	assert_int_equal(c.orgs[0].floor_packets, 50000);
	assert_int_equal(c.orgs[0].floor_bps, 900000000);
	assert_int_equal(c.orgs[0].floor_flows, 0);
	for (int i = 1; i < 3; i++) { // the school has what the city says, and through it what the prefecture says
		assert_int_equal(c.orgs[i].floor_packets, 50000);
		assert_int_equal(c.orgs[i].floor_bps, 100000000);
		assert_int_equal(c.orgs[i].floor_flows, 3000);
		assert_int_equal(c.orgs[i].force, 0);
	}
	yg_config_close(&c);
}

static void force_lets_a_floor_beyond_the_line_stand(void **state)
{
	(void)state;
	put_bodies("", "thresholds: {bits: 2G, force: true}\n", "");
	put_config("");
	struct yg_config c = open_file(config_path);
	assert_int_equal(c.orgs[1].force, 1);
	assert_int_equal(c.orgs[2].floor_bps, 2000000000);
	assert_int_equal(c.orgs[2].force, 1); // it has nothing of its own to say
	yg_config_close(&c);
}

static void a_shared_service_has_a_row_an_endpoint_and_a_bit_a_body(void **state)
{
	(void)state;
	put_bodies("", "", "");
	put_config("shared_services:\n  - {name: dns, address: [\"2001:db8::53\", 203.0.113.53], proto: udp, ports: [53, 853], bodies: all}\n"
		   "  - {name: portal, address: 198.51.100.8, bodies: city}\nhome: [\"2001:db8::/32\"]\n");
	struct yg_config c = open_file(config_path);
	assert_int_equal(c.shared_count, 5);
	assert_string_equal(c.shared[0].name, "portal");
	assert_int_equal(c.shared[0].port, 0);
	assert_int_equal(c.shared[0].bodies[0], 6); // the city brings its school, not its prefecture
	assert_int_equal(c.shared[0].bodies_count, 2);
	assert_int_equal(c.shared[1].port, 53);
	assert_int_equal(c.shared[2].port, 853);
	assert_int_equal(c.shared[3].af, 6);
	assert_int_equal(c.shared[4].bodies[0], 7);
	yg_config_close(&c);
}

static const char entry[] = "- {id: backup, kind: dos.volume, org: city, target: 203.0.113.0/25, source: 192.0.2.1, port: 443, owner: 山田, "
			    "reason: 移行, since: 2026-11-22, expires: 2026-12-01}\n";

static void a_suppression_is_what_its_file_says_in_the_zone_of_the_sensor(void **state)
{
	(void)state;
	put_bodies("", "", "");
	put_config("suppressions: [s.yaml]\n");
	put("s.yaml", entry);
	struct yg_config c = open_file(config_path);
	const struct yg_suppression *s = c.suppressions;
	assert_int_equal(c.suppressions_count, 1);
	assert_string_equal(s->id, "backup");
	assert_string_equal(s->owner, "山田");
	assert_int_equal(s->org, 1);
	assert_true(s->target_af == 4 && s->target_len == 25 && s->source_af == 4 && s->source_len == 32 && s->port == 443);
	assert_int_equal(s->since_s, 1795273200);   // 2026-11-22 00:00 +0900
	assert_int_equal(s->expires_s, 1796137200); // 2026-12-02 00:00 +0900: the day that is named is one of them
	yg_config_close(&c);
	put_config("suppressions: [s.yaml]\nsensor: {timezone: UTC}\n");
	put("s.yaml", "- {id: a, port: 53, owner: o, reason: r, since: \"2026-11-22 09:30\", expires: \"2026-11-22 09:31\"}\n");
	c = open_file(config_path);
	assert_int_equal(c.suppressions[0].since_s, 1795339800);
	assert_int_equal(c.suppressions[0].expires_s - c.suppressions[0].since_s, 60);
	yg_config_close(&c);
	// Exactly 90 days are taken, and the file may be empty.
	put_config("suppressions: [s.yaml, t.yaml]\n");
	put("t.yaml", "");
	put("s.yaml", "- {id: a, port: 53, owner: o, reason: r, since: 2026-11-01, expires: 2027-01-29}\n");
	c = open_file(config_path);
	assert_int_equal(c.suppressions[0].expires_s - c.suppressions[0].since_s, 90 * 86400);
	yg_config_close(&c);
}

static void one_that_has_expired_is_a_warning_for_who_gives_the_time(void **state)
{
	(void)state;
	static const struct { int64_t now_s; bool warned; } cases[] = {{0, false}, {1796137199, false}, {1796137200, true}};
	put_bodies("", "", "");
	put_config("suppressions: [s.yaml]\n");
	put("s.yaml", entry);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct yg_compile_input input = {.path = config_path, .now_s = cases[i].now_s};
		char *errors;
		int fd;
		assert_int_equal(fixture_compile_input(&input, &errors, &fd), 0);
		close(fd);
		bool warned = strstr(errors, "warning: suppressions: 'backup' of 山田 has expired and hides nothing; remove it, or renew") != NULL;
		assert_int_equal(warned, cases[i].warned);
		free(errors);
	}
}

// Space that bodies share out has no holes by accident; what is home alone, or IPv6, has none.
static void space_that_is_nobodys_is_a_warning_for_who_checks(void **state)
{
	(void)state;
	static const struct { const char *home, *warning; } cases[] = {
		{"home: [10.0.0.0/8, \"2001:db8::/32\"]\n", NULL},
		{"home: [203.0.112.0/23]\n", "256 addresses of 203.0.112.0/23 belong to no body, the first of them 203.0.112.0; give them to one"},
		{"home: [198.51.100.0/22]\n", "768 addresses of 198.51.100.0/22 belong to no body, the first of them 198.51.101.0;"},
		{"home: [128.0.0.0/1]\n", "2147483136 addresses of 128.0.0.0/1 belong to no body, the first of them 128.0.0.0;"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		put_bodies("", "", "");
		// The prefecture's and the city's /24; the school lies in the city's.
		put_config(cases[i].home);
		for (int64_t now_s = 0; now_s < 2; now_s++) {
			const struct yg_compile_input input = {.path = config_path, .now_s = now_s};
			char *errors;
			int fd;
			int count = fixture_compile_input(&input, &errors, &fd);
			if (fd >= 0)
				close(fd);
			assert_int_equal(count, 0);
			assert_int_equal(cases[i].warning && now_s ? strstr(errors, cases[i].warning) != NULL : errors[0] == '\0', 1);
			free(errors);
		}
	}
}

// ---- limits ----

__attribute__((format(printf, 4, 0))) static void put_many(const char *name, int from, int to, const char *format)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	for (int i = from; i < to; i++)
		fprintf(out, format, i);
	fclose(out);
	put(name, text);
	free(text);
}

static void four_thousand_and_ninety_six_suppressions_are_taken(void **state)
{
	(void)state;
	static const char format[] = "- {id: s%05d, port: 53, owner: o, reason: r, since: 2026-11-01, expires: 2026-11-02}\n";
	empty_folder();
	put("config.yaml", "suppressions: [\"s*.yaml\"]\n");
	for (int file = 0; file < 16; file++) {
		char name[16];
		snprintf(name, sizeof name, "s%02d.yaml", file);
		put_many(name, file * 256, file * 256 + 256, format);
	}
	struct yg_config c = open_file(config_path);
	assert_int_equal(c.suppressions_count, YG_BLOCK_SUPPRESSIONS);
	assert_string_equal(c.suppressions[4095].id, "s04095");
	yg_config_close(&c);
	put_many("s99.yaml", 9000, 9002, format);
	expect_error("suppressions: more than 4096 in all; remove those that have expired");
	empty_folder();
}

static void a_thousand_shared_endpoints_are_taken(void **state)
{
	(void)state;
	put_bodies("", "", "");
	for (int count = 1024; count <= 1025; count++) {
		char *text;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		fprintf(out, "%shome: [10.0.0.0/8]\nshared_services:\n", bodies);
		for (int i = 0; i < count; i++)
			fprintf(out, "  - {name: s, address: 10.0.%d.%d, bodies: city}\n", i >> 8, i & 255);
		fclose(out);
		put("config.yaml", text);
		free(text);
		if (count > YG_BLOCK_SHARED) {
			expect_error("shared_services: more than 1024 addresses times ports in all");
			continue;
		}
		struct yg_config c = open_file(config_path);
		assert_int_equal(c.shared_count, 1024);
		yg_config_close(&c);
	}
}

// 41 rules a body: 99 bodies have 4,059, and the last one 37 or, which is one too many, 38.
static void four_thousand_and_ninety_six_modes_are_taken(void **state)
{
	(void)state;
	static const char *const kinds[] = {
		"dos.volume", "dos.syn_flood", "dos.udp_flood", "dos.icmp_flood", "dos.ack_flood", "dos.fragment_flood", "dos.other_flood",
		"dos.amplification", "dos.dns_flood", "dos.http_flood", "dos.slow_http", "dos.carpet", "dos.outbound", "dos.open_service",
		"dos.campaign", "link.saturation", "scan.port", "scan.host", "scan.success", "brute.force", "beacon", "dns.tunnel", "dns.dga",
		"exfil.upload", "indicator", "risk.host", "exploit.web", "zone.mynumber", "zone.lgwan", "policy.bypass", "policy.service",
		"policy.software", "policy.contractor", "policy.exposure", "hygiene.cleartext", "hygiene.tls", "address.bogon", "org.dark",
		"org.baseline", "sensor.mirror", "sensor.silent"};
	enum { KINDS = sizeof kinds / sizeof *kinds, FULL = YG_BLOCK_MODES / KINDS };
	empty_folder();
	put("config.yaml", "organisations: [\"o*.yaml\"]\n");
	for (int i = 0; i <= FULL + 1; i++) { // the last body is written twice
		int body = i <= FULL ? i : FULL, rules = i < FULL ? KINDS : YG_BLOCK_MODES - FULL * KINDS + (i > FULL);
		char name[16], text[4096];
		int n = snprintf(text, sizeof text,
				 "code: t%d\nname: {ja: 町, en: T}\nkind: town\nmodel: alpha\nprefixes: {internet: [10.%d.0.0/16]}\nmodes:\n", body, body);
		for (int k = 0; k < rules; k++)
			n += snprintf(text + n, sizeof text - (size_t)n, "  %s: page\n", kinds[k]);
		snprintf(name, sizeof name, "o%03d.yaml", body);
		put(name, text);
		if (i != FULL)
			continue;
		struct yg_config c = open_file(config_path);
		assert_int_equal(c.modes_count, YG_BLOCK_MODES);
		yg_config_close(&c);
	}
	expect_error("modes: more than 4096 in all; name groups such as");
	empty_folder();
}

// ---- foreign blocks ----

static int open_patched(const struct yg_config *c, const void *field, const void *bytes, size_t n)
{
	uint8_t *copy = memcpy(malloc(c->size), c->block, c->size);
	struct yg_config opened;
	memcpy(copy + ((const uint8_t *)field - (const uint8_t *)c->block), bytes, n);
	uint64_t hash = yg_block_hash(copy, c->size);
	memcpy(copy + offsetof(struct yg_block_header, hash), &hash, sizeof hash);
	int fd = fixture_block(copy, c->size), error = yg_config_open(fd, &opened);
	if (!error)
		yg_config_close(&opened);
	close(fd);
	free(copy);
	return error;
}

#define refused(field, type, ...) assert_int_not_equal(open_patched(&c, &(field), &(type){__VA_ARGS__}, sizeof(type)), 0)

static void a_block_with_an_impossible_entry_is_refused(void **state)
{
	(void)state;
	put_bodies("", "", "");
	put_config("modes: {dos.volume: page, \"scan.*\": alert}\nsuppressions: [s.yaml]\n"
		   "shared_services: [{name: d, address: 203.0.113.53, bodies: all}]\n");
	put("s.yaml", entry);
	struct yg_config c = open_file(config_path);
	assert_int_equal(open_patched(&c, &c.modes[0].mode, &(uint8_t){YG_MODE_ALERT}, 1), 0); // the patch itself does no harm
	refused(c.modes[0].mode, uint8_t, YG_MODE_COUNT);
	refused(c.modes[0].org, uint16_t, 3);
	refused(c.modes[0].kind[0], char, 0);
	refused(c.modes[0].kind, char[32], "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"); // no end
	refused(c.modes[1].kind, char[11], "dos.volume"); // stands twice
	refused(c.shared[0].bodies[0], uint64_t, 15); // a fourth body
	refused(c.shared[0].bodies_count, uint32_t, 2);
	refused(c.shared[0].af, uint8_t, 5);
	refused(c.suppressions[0].expires_s, int64_t, INT64_MAX);
	refused(c.suppressions[0].since_s, int64_t, INT64_MIN);
	refused(c.suppressions[0].since_s, int64_t, 1796137200 - 90 * 86400 - 1);
	refused(c.suppressions[0].org, uint16_t, 3);
	refused(c.suppressions[0].target_len, uint8_t, 33);
	refused(c.suppressions[0].target_len, uint8_t, 0);
	refused(c.suppressions[0].target_af, uint8_t, 0);
	refused(c.suppressions[0].owner[0], char, 0);
	refused(c.suppressions[0].reason[0], char, 0);
	refused(c.suppressions[0].id, char[32], "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	refused(c.orgs[0].force, uint8_t, 2);
	yg_config_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(modes_stand_by_body_and_then_by_width),
	    cmocka_unit_test(floors_are_inherited_one_by_one),
	    cmocka_unit_test(force_lets_a_floor_beyond_the_line_stand),
	    cmocka_unit_test(a_shared_service_has_a_row_an_endpoint_and_a_bit_a_body),
	    cmocka_unit_test(a_suppression_is_what_its_file_says_in_the_zone_of_the_sensor),
	    cmocka_unit_test(one_that_has_expired_is_a_warning_for_who_gives_the_time),
	    cmocka_unit_test(space_that_is_nobodys_is_a_warning_for_who_checks),
	    cmocka_unit_test(four_thousand_and_ninety_six_suppressions_are_taken),
	    cmocka_unit_test(a_thousand_shared_endpoints_are_taken),
	    cmocka_unit_test(four_thousand_and_ninety_six_modes_are_taken),
	    cmocka_unit_test(a_block_with_an_impossible_entry_is_refused),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

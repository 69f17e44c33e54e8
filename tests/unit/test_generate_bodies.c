// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The generators' tables against the page that declares the example prefecture: its path is the first argument; without
// it that one test is skipped.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../generate/gen_bodies.h"

static const char *arrangement;

static void forged_sources_are_nobodys(void **state)
{
	(void)state;
	struct gen_rng rng = {9};
	for (unsigned i = 0; i < 100000; i++) {
		struct gen_addr v4 = gen_forged(&rng, 4), v6 = gen_forged(&rng, 6);
		assert_int_equal(gen_body_of(&v4), GEN_BODIES);
		assert_int_equal(gen_body_of(&v6), GEN_BODIES);
		assert_true(v4.b[0] != 198 || (v4.b[1] & 0xfe) != 18);
		assert_true(v6.b[0] != 0x20 || v6.b[1] != 0x01);
	}
}

// ---- the arrangement ----

static void assert_server_row(char *line)
{
	char body[32], name[32], role[16], v4[32], v6[64];
	if (sscanf(line, "| `%31[^`]` | %31[^ |] | %15[^ |] | %31[^ |] | %63[^ |] |", body, name, role, v4, v6) != 5)
		return;
	struct gen_addr addr4, addr6;
	assert_true(gen_parse_addr(v4, &addr4) && gen_parse_addr(v6, &addr6));
	for (unsigned i = 0; i < gen_servers_count; i++) {
		struct gen_addr own4 = gen_server_addr(&gen_servers[i], 4), own6 = gen_server_addr(&gen_servers[i], 6);
		if (!memcmp(&own4, &addr4, sizeof(own4)) && !memcmp(&own6, &addr6, sizeof(own6)) &&
		    !strcmp(gen_bodies[gen_servers[i].body].code, body))
			return;
	}
	fail_msg("server %s of %s is declared, but unknown to the generators", name, body);
}

static void each_declared_server_is_known_here(void **state)
{
	(void)state;
	char line[512];
	unsigned rows = 0;
	if (!arrangement)
		skip();
	FILE *file = fopen(arrangement, "re");
	assert_non_null(file);
	bool servers = false;
	while (fgets(line, sizeof(line), file)) {
		servers |= !strncmp(line, "## Declared servers", 19);
		if (servers && !strncmp(line, "| `", 3)) {
			assert_server_row(line);
			rows++;
		}
	}
	fclose(file);
	assert_int_equal(rows, gen_servers_count);
}

static void addresses_belong_to_the_longest_prefix(void **state)
{
	static const struct {
		const char *addr, *code;
	} rows[] = {
	    {"203.0.113.10", "nadami"},
	    {"203.0.113.64", "kirihara"},
	    {"203.0.113.143", "yukinosawa"},
	    {"198.51.100.95", "shiomi"},
	    {"198.51.100.96", "shiomi-edu"},
	    {"198.51.100.128", "kanegaoka"},
	    {"192.0.2.31", "kirisasa"},
	    {"2001:db8:20e0::10", "shiomi-edu"},
	    {"2001:db8:20f0::1", "shiomi"},
	    {"2001:db8:7000::30", "kirisasa"},
	    {"192.0.2.32", NULL},
	    {"2001:db8:f000::1", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gen_addr addr;
		assert_true(gen_parse_addr(rows[i].addr, &addr));
		unsigned body = gen_body_of(&addr);
		assert_string_equal(body < GEN_BODIES ? gen_bodies[body].code : "-", rows[i].code ? rows[i].code : "-");
	}
}

static void clients_live_in_their_body_and_are_no_servers(void **state)
{
	(void)state;
	for (unsigned body = 0; body < GEN_BODIES; body++)
		for (unsigned i = 0; i < gen_bodies[body].clients; i++) {
			struct gen_addr v4 = gen_client_addr(body, i, 4), v6 = gen_client_addr(body, i, 6);
			assert_int_equal(gen_body_of(&v4), body);
			assert_int_equal(gen_body_of(&v6), body);
			for (unsigned s = 0; s < gen_servers_count; s++) {
				struct gen_addr server = gen_server_addr(&gen_servers[s], 4);
				assert_memory_not_equal(&server, &v4, sizeof(v4));
			}
		}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(forged_sources_are_nobodys),
	    cmocka_unit_test(each_declared_server_is_known_here),
	    cmocka_unit_test(addresses_belong_to_the_longest_prefix),
	    cmocka_unit_test(clients_live_in_their_body_and_are_no_servers),
	};
	arrangement = argc > 1 ? argv[1] : NULL;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

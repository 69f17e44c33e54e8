// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The openservice detector through its own ABI: answers to strangers go in, one alert a day and host comes out.
#include "detector_rig.h"

static struct yg_flow flow(struct world *w, uint8_t client, uint16_t port, const char *name, uint64_t asked, uint64_t answered)
{
	struct yg_flow f = {.af = 4, .proto = 17, .port = {50000, port}, .internal = {0, 1}, .org = {YG_ORG_NONE, 3}, .payload = {asked, answered},
			    .packets = {1, 1}, .event = YG_FLOW_ENDED, .rank = YG_RANK_ANSWERED, .first_ns = w->second * INT64_C(1000000000),
			    .event_ns = (w->second + 60) * INT64_C(1000000000)};
	snprintf(f.proto_name, sizeof f.proto_name, "%s", name);
	f.addr[0] = rig_v4(198, 51, 100, client);
	f.addr[1] = rig_v4(203, 0, 113, 20);
	return f;
}

static uint32_t ask(struct world *w, unsigned clients, uint16_t port, const char *name, uint64_t asked, uint64_t answered)
{
	uint32_t before = w->count;
	for (unsigned i = 0; i < clients; i++) {
		struct yg_flow f = flow(w, (uint8_t)(i + 1), port, name, asked, answered);
		yagura_plugin.flow(w->self, &f);
	}
	return w->count - before;
}

static struct yg_dns answer(struct world *w, uint8_t client, const char *name)
{
	struct yg_dns m = {.response = 1, .recursion_available = 1, .answers = 1, .qtype = 1, .size = 200, .name_len = (uint8_t)strlen(name)};
	m.head = (struct yg_meta_head){.time_ns = w->second * INT64_C(1000000000), .proto = 17, .af = 4, .port = {50000, 53},
				       .org = {YG_ORG_NONE, 3}, .internal = {0, 1}};
	m.head.addr[0] = rig_v4(198, 51, 100, client);
	m.head.addr[1] = rig_v4(203, 0, 113, 53);
	snprintf(m.qname, sizeof m.qname, "%s", name);
	return m;
}

static uint32_t resolve(struct world *w, unsigned clients, const char *name)
{
	uint32_t before = w->count;
	for (unsigned i = 0; i < clients; i++) {
		struct yg_dns m = answer(w, (uint8_t)(i + 1), name);
		yagura_plugin.dns(w->self, &m);
	}
	return w->count - before;
}

static void three_strangers_make_one_alert_with_its_numbers(void **state)
{
	struct world *w = *state;
	assert_int_equal(ask(w, 2, 11211, "Memcached", 15, 1400), 0);
	assert_int_equal(ask(w, 20, 11211, "Memcached", 15, 1400), 1);
	const struct yg_alert *a = rig_last(w);
	assert_string_equal(a->kind, "dos.open_service");
	assert_string_equal(a->vector, "memcached");
	assert_string_equal(a->technique, "T1498.002");
	assert_true(a->severity == YG_SEV_MEDIUM && a->observed == 3 && a->threshold == 3 && a->target_port == 11211 && a->top_count == 3);
	assert_non_null(strstr(a->text_ja, "203.0.113.20（福島町）のmemcached（UDPポート11211）が外部の相手3件に応答している"));
	assert_non_null(strstr(a->text_en, "203.0.113.20 (Fukushima Town) answers outside clients on UDP port 11211 (memcached)"));
	assert_int_equal(a->first_ns, w->second * INT64_C(1000000000));
}

static void it_is_told_once_a_day_and_host(void **state)
{
	struct world *w = *state;
	assert_int_equal(ask(w, 5, 19, "Unknown", 1, 900), 1);
	assert_int_equal(ask(w, 5, 161, "SNMP", 40, 900), 0); // the same host
	w->second += 80000;
	assert_int_equal(ask(w, 5, 19, "Unknown", 1, 900), 0);
	w->second += 80000;
	assert_int_equal(ask(w, 5, 19, "Unknown", 1, 900), 1);
}

static void a_restart_does_not_tell_it_again(void **state)
{
	struct world *w = *state;
	uint8_t kept[4096];
	assert_int_equal(ask(w, 3, 389, "LDAP", 50, 3000), 1);
	uint32_t size = yagura_plugin.save(w->self, kept, sizeof kept);
	assert_true(size > 0);
	rig_restart(w);
	assert_int_equal(yagura_plugin.restore(w->self, kept, size), 0);
	assert_int_equal(ask(w, 3, 389, "LDAP", 50, 3000), 0);
	assert_int_equal(yagura_plugin.restore(w->self, kept, size - 1), -1);
	assert_int_equal(yagura_plugin.restore(w->self, kept, 3), -1);
	kept[4] = 0xff; // a count that cannot be
	assert_int_equal(yagura_plugin.restore(w->self, kept, size), -1);
	kept[4] = 1;
	kept[8 + offsetof(struct yg_addr, b) + 16 + 8] = 9; // a family that is none
	assert_int_equal(yagura_plugin.restore(w->self, kept, size), -1);
}

static void what_answers_in_kind_is_no_reflector(void **state)
{
	struct world *w = *state;
	assert_int_equal(ask(w, 20, 123, "NTP", 48, 48), 0);
	assert_int_equal(ask(w, 20, 123, "NTP", 48, 90), 0);
	assert_int_equal(ask(w, 20, 500, "IPsec", 400, 420), 0);
	assert_int_equal(ask(w, 20, 1900, "QUIC", 100, 9000), 0);  // something else that uses the port
	assert_int_equal(ask(w, 20, 40000, "Unknown", 100, 9000), 0);
	assert_int_equal(ask(w, 20, 161, "SNMP", 40, 0), 0);        // nobody answered
	assert_int_equal(ask(w, 20, 123, "NTP", 8, 468), 1);        // monlist
}

static void what_insiders_ask_and_what_insiders_get_is_business(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < 20; i++) {
		struct yg_flow f = flow(w, (uint8_t)i, 161, "SNMP", 40, 900);
		f.internal[0] = 1;
		yagura_plugin.flow(w->self, &f);
		f.internal[1] = 0; // an inside host asks outside ones
		yagura_plugin.flow(w->self, &f);
		f = flow(w, (uint8_t)i, 161, "SNMP", 40, 900);
		f.event = YG_FLOW_UPDATED;
		yagura_plugin.flow(w->self, &f);
	}
	assert_int_equal(w->count, 0);
}

static void declared_services_are_meant_to_be_there(void **state)
{
	struct world *w = *state;
	rig_declare(w, rig_v4(203, 0, 113, 20), 4, 500, YG_ROLE_VPN, "");
	assert_int_equal(ask(w, 20, 500, "IPsec", 40, 900), 0);
	assert_int_equal(ask(w, 20, 161, "SNMP", 40, 900), 1);
}

static void recursion_for_strangers_is_told_and_own_zones_are_not(void **state)
{
	struct world *w = *state;
	rig_declare(w, rig_v4(203, 0, 113, 53), 4, 53, YG_ROLE_DNS, "town.example city.example");
	rig_declare(w, rig_v4(203, 0, 113, 54), 4, 53, YG_ROLE_DNS, "pref.example");
	rig_restart(w);
	assert_int_equal(resolve(w, 20, "www.town.example"), 0);
	assert_int_equal(resolve(w, 20, "pref.example"), 0); // of the other: kept as a secondary
	assert_int_equal(resolve(w, 20, "notown.example"), 1);
	assert_string_equal(rig_last(w)->vector, "dns");
}

static void refusals_authority_and_insiders_are_no_recursion(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < 80; i++) {
		struct yg_dns m = answer(w, (uint8_t)i, "other.example");
		m.rcode = i % 4 == 0 ? 5 : 0;
		m.recursion_available = i % 4 != 1;
		m.authoritative = i % 4 == 2;
		m.answers = i % 4 != 3;
		yagura_plugin.dns(w->self, &m);
		m = answer(w, (uint8_t)i, "other.example");
		m.head.internal[0] = 1;
		yagura_plugin.dns(w->self, &m);
		m = answer(w, (uint8_t)i, "other.example");
		m.response = 0;
		yagura_plugin.dns(w->self, &m);
	}
	assert_int_equal(w->count, 0);
}

static void version_six_is_the_same(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < 5; i++) {
		struct yg_flow f = flow(w, (uint8_t)i, 1900, "SSDP", 100, 900);
		f.af = 6;
		yagura_plugin.flow(w->self, &f);
	}
	assert_true(w->count == 1 && rig_last(w)->af == 6 && rig_last(w)->target_len == 128);
}

static void full_tables_are_counted_and_the_longest_silent_goes(void **state)
{
	struct world *w = *state;
	w->values[rig_option("entries")].i = w->values[rig_option("told")].i = 64;
	rig_restart(w);
	for (unsigned i = 0; i < 200; i++, w->second += i >= 100)
		for (unsigned c = 0; c < 3; c++) {
			struct yg_flow f = flow(w, (uint8_t)c, 161, "SNMP", 40, 900);
			f.addr[1].b[3] = (uint8_t)i;
			yagura_plugin.flow(w->self, &f);
		}
	assert_int_equal(w->count, 200);
	yagura_plugin.destroy(w->self);
	w->self = NULL;
	assert_non_null(strstr(w->log, "evicted 136, told of and forgotten 136"));
}

static void too_many_newcomers_in_a_second_are_counted(void **state)
{
	struct world *w = *state;
	w->values[rig_option("entries")].i = 64;
	rig_restart(w);
	for (unsigned i = 0; i < 200; i++) {
		struct yg_flow f = flow(w, 1, 161, "SNMP", 40, 900);
		f.addr[1].b[3] = (uint8_t)i;
		yagura_plugin.flow(w->self, &f);
	}
	yagura_plugin.destroy(w->self);
	w->self = NULL;
	assert_non_null(strstr(w->log, "services without a place 72, evicted 64"));
}

static void too_many_zones_are_counted(void **state)
{
	struct world *w = *state;
	char *zones = calloc(1, 200000);
	size_t at = 0;
	for (unsigned i = 0; i < 5000; i++)
		at += (size_t)snprintf(zones + at, 200000 - at, "z%u.example ", i);
	rig_declare(w, rig_v4(203, 0, 113, 53), 4, 53, YG_ROLE_DNS, zones);
	rig_restart(w);
	assert_int_equal(resolve(w, 5, "a.z1.example"), 0);
	assert_int_equal(resolve(w, 5, "a.z4999.example"), 1);
	yagura_plugin.destroy(w->self);
	w->self = NULL;
	assert_non_null(strstr(w->log, "zones without a place 904"));
	free(zones);
}

static void stated_memory_grows_with_the_tables(void **state)
{
	struct world *w = *state;
	uint64_t before = yagura_plugin.memory_max(w->values);
	assert_true(before < 16 << 20);
	w->values[rig_option("entries")].i *= 2;
	assert_true(yagura_plugin.memory_max(w->values) > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(three_strangers_make_one_alert_with_its_numbers),
	    T(it_is_told_once_a_day_and_host),
	    T(a_restart_does_not_tell_it_again),
	    T(what_answers_in_kind_is_no_reflector),
	    T(what_insiders_ask_and_what_insiders_get_is_business),
	    T(declared_services_are_meant_to_be_there),
	    T(recursion_for_strangers_is_told_and_own_zones_are_not),
	    T(refusals_authority_and_insiders_are_no_recursion),
	    T(version_six_is_the_same),
	    T(full_tables_are_counted_and_the_longest_silent_goes),
	    T(too_many_newcomers_in_a_second_are_counted),
	    T(too_many_zones_are_counted),
	    T(stated_memory_grows_with_the_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

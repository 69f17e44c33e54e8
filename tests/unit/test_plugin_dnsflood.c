// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The dnsflood detector through its own ABI: seconds of questions and answers go in, alerts come out. Half of the tests are about what
// is no attack.
#include "detector_rig.h"

struct load {
	uint32_t queries;  // read, a second
	uint32_t exact;    // packets of the window; 0: as many as were read
	uint32_t names;    // different ones; 0: each query another
	uint32_t clients;  // 0: 12 resolvers
	uint8_t answered;  // of a hundred queries
	uint8_t rcode, from_inside, version;
	uint16_t type;     // 0: A
	const char *zone;
	struct yg_addr server;
	float p95;
	uint8_t learning, undeclared, no_records;
	float one_way;
};

static uint64_t serial;

static struct yg_dns message(const struct world *w, const struct load *l, uint32_t i, bool response)
{
	struct yg_dns m = {.qtype = l->type ? l->type : 1, .qclass = 1, .size = response ? 120 : 60, .response = response,
			   .rcode = response ? l->rcode : 0, .answers = response && !l->rcode && !l->no_records};
	uint64_t name = l->names ? i % l->names : serial + i;
	m.name_len = (uint8_t)snprintf(m.qname, sizeof m.qname, "h%llx.%s", (unsigned long long)name * 2654435761u, l->zone);
	m.head = (struct yg_meta_head){.time_ns = w->second * INT64_C(1000000000) + i, .proto = 17, .af = l->version ? l->version : 4,
				       .port = {(uint16_t)(1024 + i % 60000), 53}, .org = {YG_ORG_NONE, 3}, .internal = {l->from_inside, 1},
				       .zone = {0, YG_ZONE_INTERNET}};
	uint32_t client = i % (l->clients ? l->clients : 12);
	m.head.addr[0] = rig_v4(198, 51, (uint8_t)(client >> 8), (uint8_t)client);
	m.head.addr[1] = l->server;
	return m;
}

static void second_of(struct world *w, const struct load *l)
{
	struct yg_window s = {.second = w->second, .scope = YG_SCOPE_SERVICE, .af = l->version ? l->version : 4, .proto = 17, .prefix_len = 32,
			      .port = 53, .org = 3, .zone = YG_ZONE_INTERNET, .declared = 1, .addr = l->server, .warm = 1, .one_way = l->one_way};
	for (uint32_t i = 0; i < l->queries; i++) {
		struct yg_dns m = message(w, l, i, false);
		yagura_plugin.dns(w->self, &m);
		if (i % 100 < l->answered) {
			m = message(w, l, i, true);
			yagura_plugin.dns(w->self, &m);
		}
	}
	serial += l->queries;
	s.now.packets[YG_VEC_UDP] = s.now.flows = l->exact ? l->exact : l->queries;
	s.base.packets = l->p95;
	s.base.state = l->learning;
	if (!l->undeclared)
		yagura_plugin.window(w->self, &s);
	yagura_plugin.tick(w->self, w->second++);
}

static void run(struct world *w, const struct load *l, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++)
		second_of(w, l);
}

static struct load torture(struct world *w)
{
	if (!w->servers)
		rig_declare(w, rig_v4(203, 0, 113, 53), 4, 53, YG_ROLE_DNS, "town.example city.example");
	return (struct load){.queries = 400, .answered = 100, .rcode = 3, .zone = "town.example", .server = rig_v4(203, 0, 113, 53)};
}

static void random_names_are_told_with_their_numbers_in_both_languages(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	w->answer = (struct yg_answer){.packets = 1000, .sources_at_least = 12, .sources_count = 1, .sources = {{rig_v4(198, 51, 0, 1), 4, 0.1f}}};
	run(w, &l, 5);
	const struct yg_alert *a = rig_last(w);
	assert_string_equal(a->kind, "dos.dns_flood");
	assert_string_equal(a->vector, "random_subdomain");
	assert_string_equal(a->technique, "T1499.002");
	assert_true(a->severity == YG_SEV_HIGH && a->target_port == 53 && a->source_af == 0 && a->top_count == 1 && a->org == 3);
	assert_true(fabs(a->observed - 400) < 1 && a->threshold == 200 && a->sources_at_least == 12);
	assert_non_null(strstr(a->text_ja, "203.0.113.53（福島町）に、ゾーンtown.exampleへのランダムサブドメイン攻撃の疑い。毎秒400件（しきい値200）"));
	assert_non_null(strstr(a->text_ja, "「存在しない」との応答100%"));
	assert_non_null(strstr(a->text_en, "zone town.example: 400 queries/s (threshold 200)"));
	assert_non_null(strstr(a->text_en, "100% answered with no such name, from at least 12 sources"));
}

static void it_is_found_within_ten_seconds_and_just_above_the_threshold_too(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	run(w, &l, 2);
	assert_true(w->count > 0); // far above: in the second second
	yagura_plugin.gap(w->self, 0, 1);
	w->count = 0;
	l.queries = 205;
	run(w, &l, 10);
	assert_true(w->count > 0);
	assert_true(rig_last(w)->first_ns >= (w->second - 10) * INT64_C(1000000000));
}

static void each_pulse_is_found_and_over_when_it_is_over(void **state)
{
	struct world *w = *state;
	struct load l = torture(w), quiet = l;
	quiet.queries = 5;
	quiet.names = 3;
	quiet.rcode = 0;
	for (unsigned pulse = 0; pulse < 3; pulse++) {
		run(w, &quiet, 120);
		w->count = w->holds = 0;
		run(w, &l, 6);
		assert_true(w->count >= 4);
		run(w, &quiet, 60);
		uint32_t raised = w->count, held = w->holds;
		run(w, &quiet, 60);
		assert_true(w->count == raised && w->holds == held);
	}
}

static void version_six_is_the_same(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	struct yg_addr six = {{0x20, 0x01, 0x0d, 0xb8, 1}};
	rig_declare(w, six, 6, 53, YG_ROLE_DNS, "town.example");
	l.version = 6;
	l.server = six;
	run(w, &l, 5);
	assert_true(rig_last(w)->af == 6 && rig_last(w)->target_len == 128);
	assert_non_null(strstr(rig_last(w)->text_en, "2001:db8:100::"));
}

static void one_name_over_and_over_is_a_plain_flood_unless_a_rush_is_expected(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	l.names = 1;
	l.rcode = 0;
	w->plan = YG_PLAN_SURGE;
	run(w, &l, 20);
	assert_int_equal(w->count, 0);
	w->plan = 0;
	run(w, &l, 2);
	assert_string_equal(rig_last(w)->vector, "plain");
	assert_int_equal(rig_last(w)->severity, YG_SEV_MEDIUM);
}

static void real_names_that_exist_are_no_flood(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	l.rcode = 0;
	l.queries = 900; // a crawler that looks up names, none twice in the window
	run(w, &l, 30);
	assert_int_equal(w->count, 0);
	l.no_records = 1; // "no such name" as signers say it that deny compactly
	run(w, &l, 12);
	assert_string_equal(rig_last(w)->vector, "random_subdomain");
}

static void abuse_as_an_amplifier_names_the_forged_client_and_a_key_rollover_is_none(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	l.names = 1;
	l.rcode = 0;
	l.type = 48; // DNSKEY
	l.clients = 4000;
	w->answer = (struct yg_answer){.packets = 1000, .sources_at_least = 900, .sources_count = 1,
					  .sources = {{rig_v4(198, 51, 0, 1), 4, 0.002f}}};
	run(w, &l, 30);
	assert_int_equal(w->count, 0); // all the world's resolvers
	l.type = 255;
	w->answer.sources[0].share = 0.9f;
	run(w, &l, 3);
	assert_string_equal(rig_last(w)->vector, "amplifier_abuse");
	assert_string_equal(rig_last(w)->technique, "T1498.002");
	assert_non_null(strstr(rig_last(w)->text_ja, "本当の標的は198.51.0.1など"));
	assert_non_null(strstr(rig_last(w)->text_en, "the real target may be 198.51.0.1"));
}

static void what_insiders_ask_and_what_goes_outside_is_business(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	l.from_inside = 1;
	l.queries = 3000;
	run(w, &l, 20); // a busy resolver, and blocklist look-ups that are all denied
	assert_int_equal(w->count, 0);
	struct yg_dns m = message(w, &l, 0, true);
	m.head.internal[0] = 1;
	m.head.internal[1] = 0; // an inside resolver asks a server outside
	for (unsigned i = 0; i < 5000; i++)
		yagura_plugin.dns(w->self, &m);
	yagura_plugin.tick(w->self, w->second++);
	assert_int_equal(w->count, 0);
}

static void without_answers_it_is_found_and_less_certain(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	run(w, &l, 5);
	float answered = rig_last(w)->confidence;
	yagura_plugin.gap(w->self, 0, 1);
	w->count = 0;
	l.answered = 0;
	l.one_way = 1;
	run(w, &l, 5);
	assert_string_equal(rig_last(w)->vector, "random_subdomain");
	assert_true(rig_last(w)->confidence < answered);
	assert_non_null(strstr(rig_last(w)->text_ja, "片方向のミラーのため確度は低い。"));
	assert_non_null(strstr(rig_last(w)->text_en, "one direction only"));
}

static void a_server_that_nobody_declared_is_one_once_it_answers_outside(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	l.undeclared = 1;
	l.server = rig_v4(203, 0, 113, 99);
	l.answered = 0;
	run(w, &l, 12);
	assert_int_equal(w->count, 0);
	l.answered = 100;
	run(w, &l, 10);
	assert_string_equal(rig_last(w)->vector, "random_subdomain");
	assert_null(strstr(rig_last(w)->text_en, ", zone "));
}

static void rates_are_exact_where_names_are_a_sample(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	l.exact = 20000;
	l.queries = 300;
	run(w, &l, 12);
	assert_true(fabs(rig_last(w)->observed - 20000) < 200);
	assert_true(rig_last(w)->score == 100);
}

static void packets_whose_names_nobody_reads_are_told_after_a_wait(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	l.queries = 0;
	l.exact = 3000;
	run(w, &l, 4);
	assert_int_equal(w->count, 0);
	run(w, &l, 4);
	assert_string_equal(rig_last(w)->vector, "unread");
	assert_null(strstr(rig_last(w)->text_en, "different names"));
}

static void the_threshold_is_the_highest_of_floor_baseline_and_body(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	l.p95 = 90;
	l.learning = YG_LEARN_FULL;
	run(w, &l, 20);
	assert_int_equal(w->count, 0); // 450
	l.learning = YG_LEARN_FLOOR;
	w->town.floor_flows = 500;
	run(w, &l, 20);
	assert_int_equal(w->count, 0);
	w->town.floor_flows = 0;
	l.p95 = 60;
	l.learning = YG_LEARN_FULL;
	run(w, &l, 2);
	assert_true(rig_last(w)->threshold == 300 && rig_last(w)->baseline == 60 && rig_last(w)->learning == YG_LEARN_FULL);
	assert_true(rig_last(w)->confidence == 1);
}

static void full_tables_are_counted_and_the_longest_silent_goes(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	w->values[rig_option("servers")].i = w->values[rig_option("zones")].i = 16;
	rig_restart(w);
	l.undeclared = 1;
	l.queries = 20;
	for (unsigned i = 0; i < 40; i++) { // all within a window: nobody is silent, so nobody goes
		l.server.b[3] = (uint8_t)i;
		second_of(w, &l);
		w->second--;
	}
	w->second += 20;
	l.server.b[3] = 100; // twenty seconds later one does
	second_of(w, &l);
	yagura_plugin.destroy(w->self);
	w->self = NULL;
	assert_non_null(strstr(w->log, "servers without a place 480, "));
	assert_non_null(strstr(w->log, "evicted 1"));
}

static void a_full_day_of_names_is_counted(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	l.rcode = 0;
	l.queries = 150;
	run(w, &l, 300);
	yagura_plugin.destroy(w->self);
	w->self = NULL;
	const char *said = strstr(w->log, "names not remembered ");
	assert_non_null(said);
	assert_true(strtol(said + 21, NULL, 10) > 3000); // 45,000 less those that the filter took for known
}

static void names_that_were_seen_stay_known_over_a_restart(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	static uint8_t kept[1 << 20];
	l.rcode = 0;
	l.queries = 100;
	l.names = 1000;
	run(w, &l, 10);
	uint32_t size = yagura_plugin.save(w->self, kept, sizeof kept);
	assert_true(size > 0 && !yagura_plugin.save(w->self, kept, size - 1));
	rig_restart(w);
	assert_int_equal(yagura_plugin.restore(w->self, kept, size), 0);
	w->second += 2 * 86400;
	l.queries = 400;
	l.names = 100;
	run(w, &l, 5);
	assert_non_null(strstr(rig_last(w)->text_en, ", 0% of names not seen in seven days"));
	w->second += 9 * 86400; // and are forgotten when seven days are over
	yagura_plugin.gap(w->self, 0, 1);
	run(w, &l, 5);
	assert_null(strstr(rig_last(w)->text_en, ", 0% of names not seen"));
}

static void hostile_snapshots_are_refused(void **state)
{
	struct world *w = *state;
	struct load l = torture(w);
	static uint8_t kept[1 << 20], bad[1 << 20];
	l.rcode = 0;
	run(w, &l, 2);
	uint32_t size = yagura_plugin.save(w->self, kept, sizeof kept);
	assert_int_equal(yagura_plugin.restore(w->self, kept, size - 1), -1);
	assert_int_equal(yagura_plugin.restore(w->self, kept, 0), -1);
	for (unsigned i = 0; i < 140; i++) { // whatever stands in the numbers: refused, or harmless
		memcpy(bad, kept, size);
		bad[i] ^= 0xff;
		(void)yagura_plugin.restore(w->self, bad, size);
		run(w, &l, 1);
	}
	bad[0] ^= 1;
	assert_int_equal(yagura_plugin.restore(w->self, bad, size), -1);
}

static void random_messages_break_nothing(void **state)
{
	struct world *w = *state;
	uint64_t seed = 1;
	torture(w);
	for (unsigned i = 0; i < 60000; i++) {
		struct yg_dns m;
		for (size_t k = 0; k < sizeof m; k += 8) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			memcpy((uint8_t *)&m + k, &seed, sizeof m - k < 8 ? sizeof m - k : 8);
		}
		m.qname[m.name_len % 60] = 0;
		m.head.time_ns = (w->second - (int64_t)(seed >> 60)) * INT64_C(1000000000);
		m.head.port[1] = seed & 1 ? 53 : m.head.port[1];
		m.head.af = seed & 2 ? 4 : 6;
		m.head.org[0] = m.head.org[1] = 3;
		m.opcode = 0;
		memset(m.head.internal, 0, 2);
		m.head.internal[1] = seed & 4;
		yagura_plugin.dns(w->self, &m);
		if (i % 500 == 0)
			yagura_plugin.tick(w->self, w->second++);
	}
}

static void stated_memory_grows_with_the_tables(void **state)
{
	struct world *w = *state;
	uint64_t before = yagura_plugin.memory_max(w->values);
	assert_true(before < 32 << 20);
	w->values[rig_option("zones")].i *= 2;
	assert_true(yagura_plugin.memory_max(w->values) > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(random_names_are_told_with_their_numbers_in_both_languages),
	    T(it_is_found_within_ten_seconds_and_just_above_the_threshold_too),
	    T(each_pulse_is_found_and_over_when_it_is_over),
	    T(version_six_is_the_same),
	    T(one_name_over_and_over_is_a_plain_flood_unless_a_rush_is_expected),
	    T(real_names_that_exist_are_no_flood),
	    T(abuse_as_an_amplifier_names_the_forged_client_and_a_key_rollover_is_none),
	    T(what_insiders_ask_and_what_goes_outside_is_business),
	    T(without_answers_it_is_found_and_less_certain),
	    T(a_server_that_nobody_declared_is_one_once_it_answers_outside),
	    T(rates_are_exact_where_names_are_a_sample),
	    T(packets_whose_names_nobody_reads_are_told_after_a_wait),
	    T(the_threshold_is_the_highest_of_floor_baseline_and_body),
	    T(full_tables_are_counted_and_the_longest_silent_goes),
	    T(a_full_day_of_names_is_counted),
	    T(names_that_were_seen_stay_known_over_a_restart),
	    T(hostile_snapshots_are_refused),
	    T(random_messages_break_nothing),
	    T(stated_memory_grows_with_the_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// UI-06: a table of searches over generated alerts, each against an expression in C over what the alerts were made from; and what is no
// search, with the place in the text that was typed.
#include "index_rig.h"

#include <arpa/inet.h>

enum { ALERTS = 2000 };

static struct spec specs[ALERTS];
static const char *const orgs[] = {"kirisasa", "kirihara", "nadami", "sasaura", ""};
static const char *const kinds[] = {"dos.udp_flood", "dos.syn_flood", "scan.port", "scan.host", "org.dark", "policy.software",
				    "made.up_kind"};
static const char *const severities[] = {"info", "low", "medium", "high", "critical"};
static const char *const modes[] = {"shadow", "digest", "alert", "page"};
static const char *const states[] = {"open", "close"};
static const char *const sources[] = {"0.0.0.0", "198.51.100.7", "198.51.100.200", "2001:db8:f000::7", "10.1.2.3"};
static const char *const targets[] = {"192.0.2.14", "192.0.2.0/24", "2001:db8:2000::/36", "203.0.113.80", "10.1.2.3"};
static const char *const protos[] = {"UDP", "TCP", "ICMP", "47"};
static const char *const apps[] = {"failed", "dns", "tls"};
static const char *const techniques[] = {"T1498.001", "T1498", "T1046"};
static const char *const zones[] = {"", "internet", "lgwan", "mynumber"};
static const char *const vectors[] = {"udp", "dns_any", "summary"};

static uint32_t seed;
static uint32_t pick(uint32_t most)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % most;
}
#define ANY(list) list[pick(sizeof list / sizeof *list)]

static struct web_group_touch touch_of_group(uint64_t group)
{
	static const char *const names[] = {"", "sato", "suzuki"};
	return (struct web_group_touch){.state = group % 4, .assignee = names[group / 4 % 3], .version = 1};
}

static void make(void)
{
	seed = 7;
	for (uint32_t i = 0; i < ALERTS; i++) {
		struct spec *s = &specs[i];
		*s = (struct spec){.sensor = i % 3 ? "egress-1" : "Egress-2", .org = ANY(orgs), .kind = ANY(kinds), .severity = ANY(severities),
				   .state = ANY(states), .mode = ANY(modes), .source = ANY(sources), .target = ANY(targets), .proto = ANY(protos),
				   .app = ANY(apps), .technique = ANY(techniques), .zone = ANY(zones), .vector = ANY(vectors)};
		s->id = 0x1000 + i;
		s->first_s = 1795000000 + i;
		s->time_s = s->first_s + pick(100);
		s->source_port = pick(3) * 40000;
		s->target_port = 53 + pick(3) * 195; // 53, 248, 443
		s->score = pick(101);
		s->count = 1 + pick(20);
		s->sla = 15;
		assert_int_equal(must_take(s), i);
	}
}

// ---- the reference: over what was made, by other means than the code under test ----

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static int rank(const char *severity)
{
	for (int i = 0; i < 5; i++)
		if (is(severities[i], severity))
			return i;
	return -1;
}

static bool is_flood(const struct spec *s)
{
	return begins(s->kind, "dos.");
}

// 192.0.2.0/24 and what lies in it.
static bool in_doc1(const char *address)
{
	return begins(address, "192.0.2.");
}

#define TOUCH (touch_of_group(web_index_group(server.index, web_index_alert(server.index, at)->group)->id))
#define LATE (TOUCH.state == 0 && !is(s->mode, "shadow")) // all of it is long ago

#define QUERIES(X) \
	X("", true) \
	X("   ", true) \
	X("kind:dos.udp_flood", is(s->kind, "dos.udp_flood")) \
	X("KIND:DOS.UDP_FLOOD", is(s->kind, "dos.udp_flood")) \
	X("kind:dos.*", is_flood(s)) \
	X("kind:dos", false) \
	X("-kind:dos.*", !is_flood(s)) \
	X("kind:scan.port,scan.host", begins(s->kind, "scan.")) \
	X("kind:スキャン", begins(s->kind, "scan.")) \
	X("kind:made.up_kind", is(s->kind, "made.up_kind")) \
	X("kind:nowhere", false) \
	X("org:kirisasa", is(s->org, "kirisasa")) \
	X("org:kiri*", begins(s->org, "kiri")) \
	X("org:kiri", begins(s->org, "kiri")) \
	X("org:霧原町", is(s->org, "kirihara")) \
	X("org:霧", begins(s->org, "kiri")) \
	X("org:\"kirihara town\"", is(s->org, "kirihara")) \
	X("org:きりはらちょう", is(s->org, "kirihara")) \
	X("-org:kirisasa -org:kirihara", !is(s->org, "kirisasa") && !is(s->org, "kirihara")) \
	X("sev:high", is(s->severity, "high")) \
	X("sev:>=high", rank(s->severity) >= 3) \
	X("sev:<=low", rank(s->severity) <= 1) \
	X("sev:low..high", rank(s->severity) >= 1 && rank(s->severity) <= 3) \
	X("sev:critical,info", rank(s->severity) == 4 || rank(s->severity) == 0) \
	X("is:open", is(s->state, "open")) \
	X("is:closed", is(s->state, "close")) \
	X("is:open is:closed", false) \
	X("is:open,closed", true) \
	X("is:new", TOUCH.state == 0) \
	X("state:new", TOUCH.state == 0) \
	X("state:acknowledged,escalated", TOUCH.state == 1 || TOUCH.state == 2) \
	X("is:escalated", TOUCH.state == 2) \
	X("is:archived", TOUCH.state == 3) \
	X("is:mine", is(TOUCH.assignee, "sato")) \
	X("assignee:suzuki", is(TOUCH.assignee, "suzuki")) \
	X("-assignee:s*", is(TOUCH.assignee, "")) \
	X("is:shadow", is(s->mode, "shadow")) \
	X("-is:shadow", !is(s->mode, "shadow")) \
	X("is:overdue", LATE) \
	X("src:198.51.100.7", is(s->source, "198.51.100.7")) \
	X("src:198.51.100.0/24", begins(s->source, "198.51.100.")) \
	X("src:198.51.100.0/25", is(s->source, "198.51.100.7")) \
	X("dst:192.0.2.14", in_doc1(s->target)) \
	X("dst:192.0.2.99", is(s->target, "192.0.2.0/24")) \
	X("dst:192.0.0.0/16", in_doc1(s->target)) \
	X("ip:10.1.2.3", is(s->source, "10.1.2.3") || is(s->target, "10.1.2.3")) \
	X("@10.1.2.3", is(s->source, "10.1.2.3") || is(s->target, "10.1.2.3")) \
	X("@１０．１．２．３", is(s->source, "10.1.2.3") || is(s->target, "10.1.2.3")) \
	X("-@10.0.0.0/8", !is(s->source, "10.1.2.3") && !is(s->target, "10.1.2.3")) \
	X("ip:2001:db8:f000::/36", is(s->source, "2001:db8:f000::7")) \
	X("dst:2001:db8:2fff::1", is(s->target, "2001:db8:2000::/36")) \
	X("ip:0.0.0.0/0", !is(s->source, "0.0.0.0") && !strchr(s->source, ':') ? true : !strchr(s->target, ':')) \
	X("port:443", s->target_port == 443) \
	X("port:40000..50000", s->source_port == 40000) \
	X("port:>=60000", s->source_port == 80000 % 65536 || s->source_port > 65535) \
	X("proto:udp", is(s->proto, "UDP")) \
	X("proto:47,icmp", is(s->proto, "47") || is(s->proto, "ICMP")) \
	X("proto:6", is(s->proto, "TCP")) \
	X("app:dns", is(s->app, "dns")) \
	X("-app:*", true) \
	X("attck:T1498", begins(s->technique, "T1498")) \
	X("attck:t1498.001", is(s->technique, "T1498.001")) \
	X("attck:T149", false) \
	X("sensor:egress-2", is(s->sensor, "Egress-2")) \
	X("sensor:EGRESS*", true) \
	X("zone:lgwan", is(s->zone, "lgwan")) \
	X("zone:none", is(s->zone, "")) \
	X("vector:dns_any", is(s->vector, "dns_any")) \
	X("score:>=80", s->score >= 80) \
	X("score:10..20", s->score >= 10 && s->score <= 20) \
	X("count:<=3", s->count <= 3) \
	X("id:0000000000001010", s->id == 0x1010) \
	X("id:egress-1:0000000000001010", s->id == 0x1010 && is(s->sensor, "egress-1")) \
	X("flood", is_flood(s)) \
	X("ＦＬＯＯＤ", is_flood(s)) \
	X("霧原", is(s->org, "kirihara")) \
	X("51.100", strstr(s->source, "51.100") != NULL) \
	X("\"udp flood\"", is(s->kind, "dos.udp_flood")) \
	X("/36", strstr(s->target, "/36") != NULL) \
	X("kind:dos.* sev:>=high -is:closed org:kiri* port:53", \
	  is_flood(s) && rank(s->severity) >= 3 && !is(s->state, "close") && begins(s->org, "kiri") && s->target_port == 53) \
	X("　kind:dos.*　flood　", is_flood(s))

static const char *const texts[] = {
#define X(text, expression) text,
	QUERIES(X)
#undef X
};

static bool expected(unsigned number, const struct spec *s, uint32_t at)
{
	unsigned n = 0;
	(void)at;
#define X(text, expression) \
	if (n++ == number) \
		return expression;
	QUERIES(X)
#undef X
	return false;
}

static void searches_find_what_they_say(void **state)
{
	(void)state;
	struct web_query_error error;
	struct web_view view = view_of(WEB_VIEWER, NULL);
	touch_for = touch_of_group;
	make();
	assert_true(sizeof texts / sizeof *texts >= 60);
	for (unsigned q = 0; q < sizeof texts / sizeof *texts; q++) {
		struct web_query *query = web_query_parse(texts[q], "sato", &error);
		if (!query)
			fail_msg("%s: %s at %u", texts[q], error.code, error.at);
		struct web_run *run = web_run_begin(query, server.index, &view);
		for (uint32_t at = 0; at < ALERTS; at++)
			if (web_run_finds(run, at) != expected(q, &specs[at], at))
				fail_msg("%s: alert %u (%s, %s, %s -> %s) is %s", texts[q], at, specs[at].kind, specs[at].org, specs[at].source,
					 specs[at].target, expected(q, &specs[at], at) ? "not found" : "found");
		web_run_end(run);
		web_query_free(query);
	}
}

static void what_is_no_search_says_where(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned at;
		const char *code, *hint;
	} table[] = {
		{"kin:dos", 0, "unknown_field", "kind"}, {"flood kinx:a", 6, "unknown_field", "kind"}, {"\"flood", 0, "unbalanced_quote", ""},
		{"ip:10.0.0.1/33", 3, "bad_value", "ip"}, {"ip:300.1.1.1", 3, "bad_value", "ip"}, {"@nothing", 1, "bad_value", "ip"},
		{"sev:huge", 4, "bad_value", "sev"}, {"score:80..10", 6, "bad_value", "score"}, {"is:tired", 3, "bad_value", "is"},
		{"port:", 5, "bad_value", "port"}, {"a,b kind:a,,b", 11, "bad_value", "kind"}, {"state:>=", 6, "bad_value", "state"},
		{"ｋｉｎ：x", 0, "unknown_field", "kind"}, {"霧 ｉｐ：x", 13, "bad_value", "ip"},
		{"kind:1,2,3,4,5,6,7,8,9,a,b,c,d,e,f,g,h", 37, "too_many_values", ""},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct web_query_error error;
		struct web_query *query = web_query_parse(table[i].text, "sato", &error);
		if (query || error.at != table[i].at || strcmp(error.code, table[i].code) != 0 || strcmp(error.hint, table[i].hint) != 0)
			fail_msg("%s: %s at %u, hint %s", table[i].text, query ? "taken" : error.code, error.at, error.hint);
	}
}

static void limits_of_a_search_hold(void **state)
{
	(void)state;
	struct web_query_error error;
	char text[2048];
	memset(text, 'a', sizeof text);
	text[WEB_QUERY_BYTES] = '\0';
	struct web_query *query = web_query_parse(text, "", &error);
	assert_non_null(query);
	assert_int_equal(web_query_cost(query, 1000), 1000);
	web_query_free(query);
	text[WEB_QUERY_BYTES] = 'a';
	text[WEB_QUERY_BYTES + 1] = '\0';
	assert_null(web_query_parse(text, "", &error));
	assert_string_equal(error.code, "too_long");
	for (unsigned i = 0; i < WEB_TERMS; i++)
		memcpy(text + i * 2, "a ", 3);
	query = web_query_parse(text, "", &error);
	assert_non_null(query);
	// so many words in so many alerts are refused, not carried out
	must_take(&plain);
	server.index->alerts_used = WEB_QUERY_COST / WEB_TERMS + 1;
	struct web_view view = view_of(WEB_VIEWER, NULL);
	struct web_page *page = calloc(1, sizeof *page);
	const struct web_ask ask = {.query = query};
	assert_int_equal(web_index_groups(server.index, &view, &ask, NULL, 10, page), -7); // E2BIG
	assert_int_equal(web_index_alerts(server.index, &view, &ask, NULL, 10, page), -7);
	server.index->alerts_used--;
	assert_int_equal(web_index_alerts(server.index, &view, &ask, NULL, 10, page), 0);
	// a body's officer cannot find by it how many there are
	struct web_view officer = view_of(WEB_ORG_VIEWER, "kirisasa");
	const struct { uint32_t alerts; int result; } counts[] = {{65537, 0}, {100000, 0}, {131072, 0}, {131073, -7}, {156250, -7}, {200000, -7}};
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		server.index->alerts_used = counts[i].alerts;
		assert_int_equal(web_index_groups(server.index, &officer, &ask, NULL, 10, page), counts[i].result);
		// nor by what is done to many at once, which is refused where a list is, and not found empty
		bool good = counts[i].result == 0;
		assert_int_equal(web_index_affords(server.index, &officer, query), good);
		assert_int_equal(web_index_select(server.index, &officer, query, NULL, ask.range, page->rows, 1) == UINT32_MAX, !good);
	}
	server.index->alerts_used = 1;
	free(page);
	web_query_free(query);
	memcpy(text + WEB_TERMS * 2, "a", 2);
	assert_null(web_query_parse(text, "", &error));
	assert_string_equal(error.code, "too_many_terms");
}

// An address that a masked viewer must not see cannot be found by trying it, in any way of asking.
static void masked_addresses_are_not_found(void **state)
{
	(void)state;
	struct spec s = plain;
	struct web_query_error error;
	s.organisations_text = "\"kirisasa\",\"shiomi\"";
	s.source = "1.2.3.4";
	s.target_port = 8443;
	uint32_t at = must_take(&s);
	static const char *const tries[] = {"ip:192.0.2.14", "port:8443", "port:>=8000",
					     "dst:192.0.2.0/24", "@192.0.2.14", "192.0.2.14", "\"2.14\""};
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		struct web_query *query = web_query_parse(tries[i], "", &error);
		assert_non_null(query);
		for (int masked = 0; masked < 2; masked++) {
			struct web_view view = view_of(masked ? WEB_ORG_VIEWER : WEB_VIEWER, "shiomi");
			struct web_run *run = web_run_begin(query, server.index, &view);
			assert_true(web_index_sees_alert(server.index, &view, at));
			if (web_run_finds(run, at) == masked)
				fail_msg("%s: masked %d", tries[i], masked);
			web_run_end(run);
		}
		web_query_free(query);
	}
	struct web_view view = view_of(WEB_ORG_VIEWER, "shiomi");
	struct web_query *query = web_query_parse("src:1.2.3.4", "", &error);
	struct web_run *run = web_run_begin(query, server.index, &view);
	assert_true(web_run_finds(run, at)); // what is outside is no secret
	web_run_end(run);
	web_query_free(query);
}

static bool finds(const struct web_view *view, const char *text, uint32_t at)
{
	struct web_query_error error;
	struct web_query *query = web_query_parse(text, "", &error);
	assert_non_null(query);
	struct web_run *run = web_run_begin(query, server.index, view);
	bool found = web_run_finds(run, at);
	web_run_end(run);
	web_query_free(query);
	return found;
}

static void a_flow_is_found_by_its_community_id(void **state)
{
	(void)state;
	struct spec s = plain;
	struct web_query_error error;
	uint32_t none = must_take(&s);
	s.id = 2;
	s.community = "\"community_id\":\"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\",";
	uint32_t one = must_take(&s);
	s.id = 3;
	s.community = "\"community_id\":\"1:d/FP5EW3wiY1vCndhwleRRKHowQ=\",";
	uint32_t two = must_take(&s);
	struct web_view view = view_of(WEB_VIEWER, NULL);
	static const struct {
		const char *text;
		bool none, one, two;
	} table[] = {
		{"community:1:LQU9qZlK+B5F3KDmev6m5PMibrg=", false, true, false}, {"community:1:lqu9qzlk+b5f3kdmev6m5pmibrg=", false, true, false},
		{"community:\"1:d/FP5EW3wiY1vCndhwleRRKHowQ=\"", false, false, true}, {"community:1:LQU9qZlK+B5F3KDmev6m5PMibrg", false, false, false},
		{"-community:1:LQU9qZlK+B5F3KDmev6m5PMibrg=", true, false, true},
		{"community:1:LQU9qZlK+B5F3KDmev6m5PMibrg=,1:d/FP5EW3wiY1vCndhwleRRKHowQ=", false, true, true},
		{"community:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", false, false, false},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		assert_int_equal(finds(&view, table[i].text, none), table[i].none);
		assert_int_equal(finds(&view, table[i].text, one), table[i].one);
		assert_int_equal(finds(&view, table[i].text, two), table[i].two);
	}
	// the newest record decides
	s.community = NULL;
	s.time_s++;
	uint32_t again;
	assert_int_equal(take_spec(&s, &again), WEB_TAKEN_CHANGED);
	assert_false(finds(&view, "community:1:d/FP5EW3wiY1vCndhwleRRKHowQ=", two));
	struct web_view masked;
	web_access_view(&viewer, WEB_MAY_VIEW, true, &masked);
	masked.masked = true; // who may not know an end shall not find it by trying
	assert_false(finds(&masked, table[0].text, one));
	assert_null(web_query_parse("community:1:LQU*", "", &error));
	assert_string_equal(error.code, "bad_value");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(searches_find_what_they_say, begin_index, end_index),
		cmocka_unit_test_setup_teardown(what_is_no_search_says_where, begin_index, end_index),
		cmocka_unit_test_setup_teardown(limits_of_a_search_hold, begin_index, end_index),
		cmocka_unit_test_setup_teardown(masked_addresses_are_not_found, begin_index, end_index),
		cmocka_unit_test_setup_teardown(a_flow_is_found_by_its_community_id, begin_index, end_index),
	};
	return cmocka_run_group_tests_name("UI-06 query", tests, NULL, NULL);
}

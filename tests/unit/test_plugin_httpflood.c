// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The httpflood detector through its own ABI: connections, requests and their ends go in, alerts come out. Half of the tests are
// about what is no attack.
#include "detector_rig.h"

enum { SYN = 2, ACK = 16 };

struct crowd {
	uint32_t connections; // new ones a second
	uint32_t sources;     // from so many, one after the other
	uint32_t makes;       // different fingerprints
	uint64_t reply;       // bytes that each gets
	uint16_t port;        // 443: TLS
	uint8_t version, unread; // unread: nothing of them was read
	uint8_t unanswered;
	float one_way, p95;
	uint8_t learning;
};

static uint64_t serial = 1;

static struct yg_meta_head head_of(const struct world *w, uint32_t source, uint16_t port, uint64_t id)
{
	struct yg_meta_head h = {.flow_id = id, .time_ns = w->second * INT64_C(1000000000), .proto = 6, .af = 4, .port = {40000, port},
				 .org = {YG_ORG_NONE, 3}, .internal = {0, 1}};
	h.addr[0] = rig_v4(198, (uint8_t)(source >> 16), (uint8_t)(source >> 8), (uint8_t)source);
	h.addr[1] = rig_v4(203, 0, 113, 10);
	return h;
}

static void reached(struct world *w, uint32_t source, uint16_t port, uint64_t id, uint8_t flags, uint32_t back)
{
	struct yg_meta_head h = head_of(w, source, port, id);
	struct yg_contact c = {.time_ns = h.time_ns, .event_ns = h.time_ns, .proto = 6, .af = 4, .port = {40000, port}, .org = {YG_ORG_NONE, 3},
			       .internal = {0, 1}, .outcome = YG_CONTACT_ANSWERED, .tcp_flags = flags, .packets = {1, back},
			       .flow_id = id};
	c.addr[0] = h.addr[0];
	c.addr[1] = h.addr[1];
	yagura_plugin.contact(w->self, &c);
}

static void opened(struct world *w, uint32_t source, uint16_t port, uint64_t id, uint8_t flags)
{
	reached(w, source, port, id, flags, 1);
}

static void said(struct world *w, uint32_t source, uint16_t port, uint64_t id, const char *method, uint16_t status, unsigned make)
{
	struct yg_http m = {.head = head_of(w, source, port, id), .status = status, .response = status != 0};
	snprintf(m.method, sizeof m.method, "%s", method);
	snprintf(m.user_agent, sizeof m.user_agent, "agent/%u", make);
	yagura_plugin.http(w->self, &m);
}

static void greeted(struct world *w, uint32_t source, uint64_t id, unsigned make)
{
	struct yg_tls t = {.head = head_of(w, source, 443, id)};
	snprintf(t.ja3, sizeof t.ja3, "%032x", make);
	yagura_plugin.tls(w->self, &t);
}

static void record(struct world *w, uint32_t source, uint16_t port, uint64_t id, int64_t age, uint64_t up, uint64_t down, uint8_t event)
{
	struct yg_meta_head h = head_of(w, source, port, id);
	struct yg_flow f = {.flow_id = id, .first_ns = h.time_ns - age * INT64_C(1000000000), .last_ns = h.time_ns, .event_ns = h.time_ns,
			    .proto = 6, .af = 4, .port = {40000, port}, .internal = {0, 1}, .org = {YG_ORG_NONE, 3}, .packets = {5, 5}, .payload = {up, down},
			    .rank = YG_RANK_ESTABLISHED, .event = event};
	f.addr[0] = h.addr[0];
	f.addr[1] = h.addr[1];
	yagura_plugin.flow(w->self, &f);
}

// The window of the server and the end of the second. `in`, `out`: packets of 60 and of out_size bytes.
static void close_second(struct world *w, uint16_t port, uint32_t handshakes, uint32_t in, uint32_t out, uint32_t out_size,
			 const struct crowd *c)
{
	struct yg_window s = {.second = w->second, .scope = YG_SCOPE_SERVICE, .af = 4, .proto = 6, .prefix_len = 32, .port = port, .org = 3,
			      .declared = 1, .addr = rig_v4(203, 0, 113, 10), .warm = 1};
	s.now.handshakes = s.now.flows = handshakes;
	s.now.packets[YG_VEC_TCP_FLOW] = in;
	s.now.bytes[YG_VEC_TCP_FLOW] = (uint64_t)in * 60;
	s.now.packets_out = out;
	s.now.bytes_out = (uint64_t)out * out_size;
	s.one_way = c ? c->one_way : 0;
	s.base.flows = c ? c->p95 : 0;
	s.base.state = c ? c->learning : YG_LEARN_FLOOR;
	yagura_plugin.window(w->self, &s);
	yagura_plugin.tick(w->self, w->second++);
}

static void run(struct world *w, const struct crowd *c, unsigned seconds)
{
	for (unsigned s = 0; s < seconds; s++) {
		for (uint32_t i = 0; i < c->connections; i++, serial++) {
			uint32_t source = (uint32_t)(serial % c->sources);
			unsigned make = (unsigned)(serial % c->makes);
			opened(w, source, c->port, serial, SYN);
			if (c->port == 443 && !c->unread)
				greeted(w, source, serial, make);
			else if (!c->unread)
				said(w, source, c->port, serial, "GET", 0, make);
			if (c->port != 443 && !c->unread && !c->unanswered)
				said(w, source, c->port, serial, "", 200, 0);
			record(w, source, c->port, serial, 1, 300, c->reply, YG_FLOW_ENDED);
		}
		close_second(w, c->port, c->connections, c->connections * 5, c->connections * 5, (uint32_t)(c->reply / 5 + 60), c);
	}
}

static const struct crowd bots = {.connections = 400, .sources = 3000, .makes = 1, .reply = 3000, .port = 443};

static void connections_of_one_make_that_take_nothing_are_a_flood(void **state)
{
	struct world *w = *state;
	run(w, &bots, 4);
	const struct yg_alert *a = rig_last(w);
	assert_string_equal(a->kind, "dos.http_flood");
	assert_string_equal(a->vector, "tls");
	assert_string_equal(a->technique, "T1499.002");
	assert_true(a->severity == YG_SEV_HIGH && a->target_port == 443 && fabs(a->observed - 400) < 1 && a->threshold == 200 && a->org == 3);
	assert_non_null(strstr(a->text_ja, "203.0.113.10（福島町）のポート443に、HTTPフラッド攻撃の疑い。毎秒400件の接続・リクエスト（しきい値200）"));
	assert_non_null(strstr(a->text_ja, "TLSのため、リクエスト数は見えない。"));
	assert_non_null(strstr(a->text_en, "100% of one client fingerprint"));
	assert_non_null(strstr(a->text_en, "TLS: request rate not visible."));
	run(w, &(struct crowd){.connections = 2, .sources = 2, .makes = 2, .reply = 30000, .port = 443}, 60);
	uint32_t raised = w->count, held = w->holds;
	run(w, &(struct crowd){.connections = 2, .sources = 2, .makes = 2, .reply = 30000, .port = 443}, 60);
	assert_true(w->count == raised && w->holds == held);
}

static void requests_that_get_no_answer_are_a_flood(void **state)
{
	struct world *w = *state;
	struct crowd c = bots;
	c.port = 80;
	c.unanswered = 1;
	c.reply = 0;
	run(w, &c, 4);
	assert_string_equal(rig_last(w)->vector, "http");
	assert_non_null(strstr(rig_last(w)->text_ja, "リクエストの多くは無応答"));
	assert_null(strstr(rig_last(w)->text_en, "TLS"));
}

// What is read comes when its second has been judged already: it counts in the window all the same.
static void requests_that_are_read_a_second_late_count(void **state)
{
	struct world *w = *state;
	for (unsigned s = 0; s < 6; s++) {
		close_second(w, 80, 2, 2000, 2000, 60, NULL);
		w->second--;
		for (uint32_t i = 0; i < 600; i++, serial++)
			said(w, (uint32_t)(serial % 3000), 80, serial % 2, "GET", 0, 1);
		w->second++;
		assert_true(s > 2 || !w->count); // 120 a second in the mean of ten
	}
	assert_true(w->count > 0);
	assert_string_equal(rig_last(w)->kind, "dos.http_flood");
	assert_true(fabs(rig_last(w)->observed - 240) < 61);
}

static void visitors_of_a_press_release_are_none(void **state)
{
	struct world *w = *state;
	struct crowd c = {.connections = 1500, .sources = 60000, .makes = 400, .reply = 60000, .port = 443};
	run(w, &c, 30);
	c.makes = 1; // an app of the town that all open at once: one make, but served
	run(w, &c, 30);
	assert_int_equal(w->count, 0);
	yagura_plugin.gap(w->self, 0, 1);
	c.makes = 400;
	c.reply = 2000; // many makes, little to fetch
	run(w, &c, 30);
	assert_int_equal(w->count, 0);
}

static void ten_times_the_usual_sources_that_take_nothing_are_a_flood_unless_expected(void **state)
{
	struct world *w = *state;
	struct crowd usual = {.connections = 4, .sources = 20, .makes = 10, .reply = 20000, .port = 443}, c = bots;
	c.makes = 400; // hellos made up
	run(w, &c, 10);
	assert_int_equal(w->count, 0); // nothing is known of what is usual
	run(w, &usual, 700);
	w->plan = YG_PLAN_SURGE;
	run(w, &c, 20);
	assert_int_equal(w->count, 0);
	w->plan = 0;
	run(w, &c, 3);
	assert_non_null(strstr(rig_last(w)->text_en, "(usually "));
}

static void what_is_usual_survives_a_restart(void **state)
{
	struct world *w = *state;
	struct crowd usual = {.connections = 4, .sources = 20, .makes = 10, .reply = 20000, .port = 443}, c = bots;
	static uint8_t kept[65536];
	c.makes = 400;
	run(w, &usual, 700);
	uint32_t size = yagura_plugin.save(w->self, kept, sizeof kept);
	assert_true(size > 0);
	rig_restart(w);
	assert_int_equal(yagura_plugin.restore(w->self, kept, size), 0);
	run(w, &c, 5);
	assert_true(w->count > 0);
	assert_int_equal(yagura_plugin.restore(w->self, kept, size - 1), -1);
	kept[4] ^= 0xff;
	assert_int_equal(yagura_plugin.restore(w->self, kept, size), -1);
	kept[4] ^= 0xff;
	memset(kept + 8 + 16, 0xff, 8); // a number that is none
	assert_int_equal(yagura_plugin.restore(w->self, kept, size), -1);
}

static void a_network_in_front_of_the_server_does_not_count(void **state)
{
	struct world *w = *state;
	w->values[rig_option("proxies")].s = "198.0.0.0/9, 2001:db8::/32";
	rig_restart(w);
	run(w, &bots, 10);
	assert_int_equal(w->count, 0);
	w->values[rig_option("proxies")].s = "198.0.0.0/33";
	assert_null(yagura_plugin.create(&w->host, w->values));
}

static void the_threshold_follows_the_baseline(void **state)
{
	struct world *w = *state;
	struct crowd c = bots;
	c.p95 = 90;
	c.learning = YG_LEARN_FULL;
	run(w, &c, 10);
	assert_int_equal(w->count, 0);
	c.connections = 460;
	run(w, &c, 10);
	assert_true(rig_last(w)->threshold == 450 && rig_last(w)->baseline == 90 && rig_last(w)->confidence == 1);
}

static void on_a_one_way_mirror_sources_alone_prove_nothing(void **state)
{
	struct world *w = *state;
	struct crowd c = bots;
	c.one_way = 1;
	run(w, &c, 6);
	assert_non_null(strstr(rig_last(w)->text_ja, "片方向のミラーのため確度は低い。"));
	assert_true(rig_last(w)->confidence < 0.5f);
}

// ---- slow ----

// `n` connections that begin a request and do not end it; a packet of each every tenth second.
static void hold(struct world *w, uint32_t n, uint32_t sources, uint16_t port, unsigned seconds)
{
	for (uint32_t i = 0; i < n; i++)
		opened(w, i % sources, port, 1000000 + i, SYN);
	for (unsigned s = 0; s < seconds; s++)
		close_second(w, port, s ? 0 : n, n / 10 + 1, n / 10 + 1, 52, NULL);
}

static void requests_that_never_end_are_found_within_a_minute(void **state)
{
	struct world *w = *state;
	hold(w, 200, 4, 80, 15);
	const struct yg_alert *a = rig_last(w);
	assert_string_equal(a->kind, "dos.slow_http");
	assert_string_equal(a->vector, "request");
	assert_true(a->observed == 200 && a->threshold == 50 && a->severity == YG_SEV_MEDIUM);
	assert_non_null(strstr(a->text_ja, "のポート80に、低速HTTP攻撃の疑い。完了しないリクエストが200件の接続を占有（しきい値50）"));
	assert_non_null(strstr(a->text_en, "requests that do not end hold 200 connections (threshold 50)"));
	hold(w, 0, 1, 80, 20);
	assert_int_equal(rig_last(w)->severity, YG_SEV_HIGH); // thirty seconds
}

static void many_sources_are_given_thirty_seconds_and_few_connections_are_none(void **state)
{
	struct world *w = *state;
	hold(w, 200, 200, 80, 25); // browsers open a connection in reserve
	assert_int_equal(w->count, 0);
	hold(w, 0, 1, 80, 15);
	assert_true(w->count > 0);
	yagura_plugin.gap(w->self, 0, 1);
	w->count = 0;
	hold(w, 49, 1, 80, 100);
	assert_int_equal(w->count, 0);
}

static void idle_connections_that_were_served_are_silent(void **state)
{
	struct world *w = *state;
	for (uint32_t i = 0; i < 200; i++) {
		opened(w, 1, 80, i + 1, SYN);
		said(w, 1, 80, i + 1, "GET", 0, 1);
		said(w, 1, 80, i + 1, "", i % 2 ? 200 : 101, 0); // kept for later; WebSockets
	}
	for (uint32_t i = 0; i < 200; i++) {
		opened(w, 1, 443, i + 1001, SYN);
		greeted(w, 1, i + 1001, 1);
		opened(w, 1, 993, i + 2001, SYN); // mail programs that wait
	}
	for (unsigned s = 0; s < 200; s++) {
		close_second(w, 80, 0, 5, 5, 80, NULL);
		w->second--;
		close_second(w, 443, 0, 5, 5, 80, NULL);
	}
	assert_int_equal(w->count, 0);
}

static void a_form_that_comes_in_drips_is_found_and_a_quick_upload_is_not(void **state)
{
	struct world *w = *state;
	for (unsigned turn = 0; turn < 2; turn++) {
		for (uint32_t i = 0; i < 200; i++) {
			opened(w, 1, 80, i + 1, SYN);
			said(w, 1, 80, i + 1, "POST", 0, 1);
		}
		for (unsigned s = 0; s < 40; s++)
			close_second(w, 80, 0, turn ? 40 : 4000, 20, 52, NULL);
		assert_int_equal(w->count > 0, turn);
		if (!turn)
			yagura_plugin.gap(w->self, 0, 1);
	}
}

// Seen from the clients' side alone, `n` connections ask with a body of which `announced` bytes are told, at once.
static void post_one_way(struct world *w, uint32_t n, uint64_t announced)
{
	for (uint32_t i = 0; i < n; i++) {
		struct yg_http m = {.head = head_of(w, i % 5, 80, i + 1), .body = announced};
		snprintf(m.method, sizeof m.method, "POST");
		reached(w, i % 5, 80, i + 1, SYN, 0);
		yagura_plugin.http(w->self, &m);
	}
}

// `in`: packets of 60 bytes a second towards the server.
static void seconds_one_way(struct world *w, unsigned seconds, uint32_t in)
{
	for (unsigned s = 0; s < seconds; s++)
		close_second(w, 80, 0, in, 0, 0, &(struct crowd){.one_way = 1});
}

static void on_a_one_way_mirror_a_body_is_slow_if_what_was_announced_cannot_have_come(void **state)
{
	struct world *w = *state;
	static const struct {
		uint64_t announced;
		uint32_t in, found;
	} cases[] = {
	    {100000, 20, 1},  // a drip of each in ten seconds
	    {15000, 20, 1},
	    {14999, 20, 0},   // might have come within the time at the pace that is allowed
	    {0, 20, 0},       // nothing announced: it may have come with the head
	    {100000, 2000, 0},// all that came may have been bodies, and quick
	    {100000, 0, 0},   // nobody sends
	};
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		post_one_way(w, 200, cases[i].announced);
		seconds_one_way(w, 30, cases[i].in);
		assert_int_equal(w->count, 0);
		seconds_one_way(w, 10, cases[i].in);
		assert_int_equal(w->count > 0, cases[i].found);
		if (cases[i].found) {
			assert_true(rig_last(w)->confidence < 0.5f && rig_last(w)->severity == YG_SEV_MEDIUM);
			assert_non_null(strstr(rig_last(w)->text_en, "The mirror shows one direction only: less certain."));
		}
		yagura_plugin.gap(w->self, 0, 1);
		w->count = 0;
	}
}

static void on_a_one_way_mirror_a_record_tells_whether_a_body_trickles(void **state)
{
	struct world *w = *state;
	static const struct {
		uint64_t announced, up;
		uint32_t found;
	} cases[] = {
	    {8000, 250, 1},    // too short to be judged without a record
	    {8000, 8300, 0},   // whole: the connection is kept for later
	    {90000, 40000, 0}, // quick enough
	    {0, 250, 0},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		post_one_way(w, 200, cases[i].announced);
		seconds_one_way(w, 60, i == 0 ? 20 : 3000);
		assert_int_equal(w->count, 0);
		for (uint32_t c = 0; c < 200; c++)
			record(w, c % 5, 80, c + 1, 60, cases[i].up, 0, YG_FLOW_UPDATED);
		seconds_one_way(w, 1, 20);
		assert_int_equal(w->count > 0, cases[i].found);
		yagura_plugin.gap(w->self, 0, 1);
		w->count = 0;
	}
}

static void a_body_asked_for_just_now_on_a_connection_that_was_kept_is_not_slow(void **state)
{
	struct world *w = *state;
	post_one_way(w, 200, 300);
	seconds_one_way(w, 55, 20);
	for (uint32_t i = 0; i < 200; i++) {
		struct yg_http m = {.head = head_of(w, i % 5, 80, i + 1), .body = 100000};
		snprintf(m.method, sizeof m.method, "POST");
		yagura_plugin.http(w->self, &m);
	}
	seconds_one_way(w, 5, 20);
	for (uint32_t i = 0; i < 200; i++)
		record(w, i % 5, 80, i + 1, 60, 4000, 0, YG_FLOW_UPDATED);
	seconds_one_way(w, 40, 20);
	assert_int_equal(w->count, 0);
}

static void whoever_was_found_stays_told_when_the_sample_has_nothing_newer(void **state)
{
	struct world *w = *state;
	w->answer = (struct yg_answer){.size = sizeof w->answer, .packets = 9, .sources_at_least = 1, .sources_count = 1};
	w->answer.sources[0] = (struct yg_alert_top){rig_v4(198, 0, 0, 1), 4, 1};
	hold(w, 200, 4, 80, 15);
	uint32_t first = w->count;
	w->answer.packets = w->answer.sources_count = 0;
	hold(w, 0, 1, 80, 30);
	assert_true(first > 0 && w->count > first);
	for (uint32_t i = 0; i < w->count; i++)
		assert_true(w->out[i].top_count == 1 && w->out[i].sample_packets == 9);
	for (uint32_t i = 0; i < 200; i++)
		record(w, i % 4, 80, 1000000 + i, 60, 40000, 40000, YG_FLOW_ENDED);
	hold(w, 0, 1, 80, 60);
	hold(w, 200, 4, 80, 15);
	assert_int_equal(rig_last(w)->top_count, 0); // another incident: those of the first are not its
}

static void a_poll_that_the_server_keeps_waiting_is_none(void **state)
{
	struct world *w = *state;
	for (uint32_t i = 0; i < 200; i++) {
		opened(w, 1, 80, i + 1, SYN);
		said(w, 1, 80, i + 1, i % 2 ? "GET" : "POST", 0, 1);
	}
	for (unsigned s = 0; s < 100; s++)
		close_second(w, 80, 0, 0, 0, 52, NULL);
	assert_int_equal(w->count, 0);
}

static void drips_inside_tls_are_found_by_their_pace(void **state)
{
	struct world *w = *state;
	for (uint32_t i = 0; i < 150; i++) {
		opened(w, i % 3, 443, i + 1, SYN);
		greeted(w, i % 3, i + 1, 1);
	}
	for (unsigned minute = 1; minute <= 2; minute++) {
		for (unsigned s = 0; s < 60; s++)
			close_second(w, 443, 0, 15, 15, 52, NULL);
		for (uint32_t i = 0; i < 150; i++)
			record(w, i % 3, 443, i + 1, 60 * minute, 500 + 60 * minute, 3000, YG_FLOW_UPDATED);
	}
	close_second(w, 443, 0, 15, 15, 52, NULL);
	assert_string_equal(rig_last(w)->vector, "tls");
	assert_non_null(strstr(rig_last(w)->text_ja, "TLSのため、通信の間隔だけで判断した。"));
}

static void readers_who_keep_their_window_shut_are_found_and_those_who_only_pause_are_not(void **state)
{
	struct world *w = *state;
	for (unsigned turn = 0; turn < 3; turn++) { // few sources; then a pause in the middle of much; then as many sources as readers
		uint32_t sources = turn < 2 ? 5 : 200;
		for (uint32_t i = 0; i < 200; i++) {
			opened(w, i % sources, 80, i + 1, SYN);
			said(w, i % sources, 80, i + 1, "GET", 0, 1);
			said(w, i % sources, 80, i + 1, "", 200, 0);
		}
		for (unsigned look = 1; look <= 2; look++) {
			for (unsigned s = 0; s < 20; s++)
				close_second(w, 80, 0, 20, 20, 52, NULL);
			for (uint32_t i = 0; i < 200; i++) {
				struct yg_meta_head h = head_of(w, i % sources, 80, i + 1);
				struct yg_flow f = {.flow_id = i + 1, .first_ns = h.time_ns, .last_ns = h.time_ns, .event_ns = h.time_ns, .proto = 6, .af = 4,
						    .port = {40000, 80}, .internal = {0, 1}, .rank = YG_RANK_ESTABLISHED, .event = YG_FLOW_UPDATED,
						    .payload = {100, turn == 1 ? look * 400000 : 20000 + look}, .shut = {(uint8_t)(2 * look), 0}};
				f.addr[0] = h.addr[0];
				f.addr[1] = h.addr[1];
				yagura_plugin.flow(w->self, &f);
			}
		}
		close_second(w, 80, 0, 20, 20, 52, NULL);
		assert_int_equal(w->count > 0, turn == 0);
		yagura_plugin.gap(w->self, 0, 1);
		w->count = 0;
	}
}

static void what_the_server_gave_up_waiting_for_counts_for_half_a_minute(void **state)
{
	struct world *w = *state;
	for (uint32_t i = 0; i < 120; i++)
		opened(w, 1, 80, i + 1, ACK); // picked up in the middle
	for (unsigned s = 0; s < 8; s++)
		close_second(w, 80, 0, 20, 20, 52, NULL);
	assert_int_equal(w->count, 0);
	for (uint32_t i = 0; i < 120; i++)
		said(w, 1, 80, i + 1, "", 408, 0);
	close_second(w, 80, 0, 20, 20, 52, NULL);
	assert_true(rig_last(w)->observed == 120);
}

// Seconds in which nobody comes. `awake`: with a window of the server that says so, and so it is judged; without one it is at rest.
static void nobody_comes(struct world *w, uint16_t port, unsigned seconds, bool awake)
{
	for (unsigned s = 0; s < seconds; s++) {
		struct yg_window link = {.second = w->second, .scope = YG_SCOPE_LINK};
		yagura_plugin.window(w->self, &link);
		if (awake)
			close_second(w, port, 0, 0, 0, 0, NULL);
		else
			yagura_plugin.tick(w->self, w->second++);
	}
}

// A life with rests in it: two floods, and connections that become slow while nobody else comes. What it kept on the way, the alerts.
static uint32_t live(struct world *w, bool awake, uint8_t kept[2][256], struct yg_alert *ret, uint32_t max)
{
	const struct crowd calm = {.connections = 6, .sources = 60, .makes = 10, .reply = 20000, .port = 80, .learning = YG_LEARN_FLOOR};
	struct crowd c = bots;
	c.port = 80;
	c.unanswered = 1;
	uint32_t before = w->count;
	for (unsigned round = 0; round < 2; round++) {
		run(w, &calm, 25 + round);
		nobody_comes(w, 80, 137, awake);
		assert_true(yagura_plugin.save(w->self, kept[round], 256) > 0);
		nobody_comes(w, 80, 83, awake);
		run(w, &c, 4);
		nobody_comes(w, 80, 100, awake);
		for (uint32_t i = 0; i < 60; i++)
			opened(w, i % 4, 80, 5000000 + 100 * round + i, SYN);
		nobody_comes(w, 80, 30, awake);
		for (uint32_t i = 0; i < 60; i++)
			record(w, i % 4, 80, 5000000 + 100 * round + i, 30, 0, 0, YG_FLOW_ENDED);
		nobody_comes(w, 80, 40, awake);
	}
	assert_true(w->count - before >= 4 && w->count - before <= max);
	memcpy(ret, &w->out[before], (w->count - before) * sizeof *ret);
	return w->count - before;
}

static void a_server_at_rest_misses_nothing(void **state)
{
	enum { MAX = 256 };
	static struct yg_alert alerts[2][MAX];
	static uint8_t kept[2][2][256];
	struct world *w = *state;
	int64_t start = w->second;
	uint64_t first = serial;
	uint32_t count[2];
	for (unsigned awake = 0; awake < 2; awake++) {
		yagura_plugin.gap(w->self, 0, 0);
		w->second = start;
		serial = first;
		count[awake] = live(w, awake, kept[awake], alerts[awake], MAX);
	}
	assert_int_equal(count[0], count[1]);
	assert_memory_equal(kept[0], kept[1], sizeof kept[0]);
	for (uint32_t i = 0; i < count[0]; i++)
		assert_memory_equal(&alerts[0][i], &alerts[1][i], sizeof alerts[0][i]);
}

static void where_nothing_is_read_nothing_is_said(void **state)
{
	struct world *w = *state;
	for (uint32_t i = 0; i < 200; i++)
		opened(w, 1, 80, i + 1, SYN);
	for (unsigned s = 0; s < 100; s++)
		close_second(w, 80, 0, 400, 500, 900, NULL); // the server answers, and nobody reads it
	assert_int_equal(w->count, 0);
}

static void full_tables_are_counted(void **state)
{
	struct world *w = *state;
	w->values[rig_option("servers")].i = 16;
	w->values[rig_option("connections")].i = 1024;
	rig_restart(w);
	for (uint32_t i = 0; i < 1500; i++)
		opened(w, 1, 80, i + 1, SYN);
	for (uint32_t i = 0; i < 30; i++) {
		struct yg_http m = {.head = head_of(w, 1, (uint16_t)(9000 + i), 7), .response = 0};
		yagura_plugin.http(w->self, &m);
	}
	for (unsigned s = 0; s < 400; s++)
		close_second(w, 80, 0, 1, 1, 52, NULL); // all are forgotten
	opened(w, 1, 8080, 9999, SYN);
	yagura_plugin.destroy(w->self);
	w->self = NULL;
	assert_non_null(strstr(w->log, "servers without a place 15, connections without a place 476, evicted 1, "));
	assert_non_null(strstr(w->log, "connections whose end was not told 1024"));
}

static void random_records_break_nothing(void **state)
{
	struct world *w = *state;
	uint64_t seed = 1;
	for (unsigned i = 0; i < 40000; i++) {
		union { struct yg_http h; struct yg_tls t; struct yg_flow f; struct yg_contact c; struct yg_window v; uint64_t word[256]; } any;
		for (unsigned k = 0; k < 256; k++)
			any.word[k] = seed = seed * 6364136223846793005u + 1442695040888963407u;
		unsigned kind = i % 5;
		int64_t ns = (w->second - (int64_t)(seed >> 60)) * INT64_C(1000000000);
		if (kind < 2)
			any.h.head.time_ns = ns;
		any.h.method[15] = any.h.user_agent[YG_NAME_MAX - 1] = 0;
		if (kind == 0) {
			any.h.head.port[1] = 80;
			yagura_plugin.http(w->self, &any.h);
		} else if (kind == 1) {
			any.t.ja3[35] = 0;
			yagura_plugin.tls(w->self, &any.t);
		} else if (kind == 2) {
			any.f.proto = 6;
			any.f.event_ns = any.f.last_ns = ns;
			any.f.first_ns = ns - (int64_t)(seed >> 30);
			yagura_plugin.flow(w->self, &any.f);
		} else if (kind == 3) {
			any.c.proto = 6;
			any.c.outcome = YG_CONTACT_ANSWERED;
			any.c.port[1] = 80;
			any.c.time_ns = any.c.event_ns = ns;
			yagura_plugin.contact(w->self, &any.c);
		} else {
			any.v.scope = YG_SCOPE_SERVICE;
			any.v.second = w->second;
			any.v.base = (struct yg_baseline){0};
			yagura_plugin.window(w->self, &any.v);
		}
		if (i % 200 == 0)
			yagura_plugin.tick(w->self, w->second++);
	}
}

static void stated_memory_grows_with_the_tables(void **state)
{
	struct world *w = *state;
	uint64_t before = yagura_plugin.memory_max(w->values);
	assert_true(before < 24 << 20);
	w->values[rig_option("connections")].i *= 2;
	assert_true(yagura_plugin.memory_max(w->values) > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(connections_of_one_make_that_take_nothing_are_a_flood),
	    T(requests_that_get_no_answer_are_a_flood),
	    T(requests_that_are_read_a_second_late_count),
	    T(visitors_of_a_press_release_are_none),
	    T(ten_times_the_usual_sources_that_take_nothing_are_a_flood_unless_expected),
	    T(what_is_usual_survives_a_restart),
	    T(a_network_in_front_of_the_server_does_not_count),
	    T(the_threshold_follows_the_baseline),
	    T(on_a_one_way_mirror_sources_alone_prove_nothing),
	    T(requests_that_never_end_are_found_within_a_minute),
	    T(many_sources_are_given_thirty_seconds_and_few_connections_are_none),
	    T(idle_connections_that_were_served_are_silent),
	    T(a_form_that_comes_in_drips_is_found_and_a_quick_upload_is_not),
	    T(on_a_one_way_mirror_a_body_is_slow_if_what_was_announced_cannot_have_come),
	    T(on_a_one_way_mirror_a_record_tells_whether_a_body_trickles),
	    T(a_body_asked_for_just_now_on_a_connection_that_was_kept_is_not_slow),
	    T(whoever_was_found_stays_told_when_the_sample_has_nothing_newer),
	    T(a_poll_that_the_server_keeps_waiting_is_none),
	    T(drips_inside_tls_are_found_by_their_pace),
	    T(readers_who_keep_their_window_shut_are_found_and_those_who_only_pause_are_not),
	    T(what_the_server_gave_up_waiting_for_counts_for_half_a_minute),
	    T(a_server_at_rest_misses_nothing),
	    T(where_nothing_is_read_nothing_is_said),
	    T(full_tables_are_counted),
	    T(random_records_break_nothing),
	    T(stated_memory_grows_with_the_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

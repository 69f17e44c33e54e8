// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What looks like a scan over UDP ports and is an attack on availability, which plugins/dos tells; and what an alert of a scan shows.
#include "scan_world.h"

// What the sample says, for every question: by the source, and towards the target.
static struct yg_answer own, all;
static uint32_t asked;

static void on_ask(void *context, const struct yg_question *q, struct yg_answer *ret)
{
	(void)context;
	assert_int_equal(q->size, sizeof *q);
	assert_int_equal(ret->size, sizeof *ret);
	assert_int_equal(q->proto, 17);
	assert_int_equal(q->len, q->af == 6 ? 128 : 32);
	asked++;
	*ret = q->by_source ? own : all;
}

static int setup_with_sample(void **state)
{
	setup(state);
	struct world *w = *state;
	w->host.ask = on_ask;
	asked = 0;
	own = all = (struct yg_answer){.size = sizeof own, .scale = 1};
	restart(w);
	return 0;
}

// The source sends so many datagrams of that size to 198.51.100.<host> and to nobody else.
static void sends(uint8_t host, uint32_t packets, uint16_t size)
{
	own.packets = packets;
	own.size_median = size;
	own.targets_count = 1;
	own.targets[0] = (struct yg_alert_top){.addr = {{198, 51, 100, host}}, .af = 4, .share = 1};
}

// Refused at ports of a host outside, 100 a second; the first second is closed.
static void refused(struct world *w, uint8_t host)
{
	for (uint16_t p = 0; p < 100; p++)
		send(w, inside(udp(host, (uint16_t)(2000 + p), YG_CONTACT_REFUSED)));
	next_second(w);
}

static void big_datagrams_by_the_hundred_are_a_flood_and_no_scan(void **state)
{
	struct world *w = *state;
	sends(10, 3000, 1028);
	refused(w, 10);
	assert_int_equal(asked, 1);
	for (uint16_t p = 0; p < 1000; p++) { // what ends without an answer much later belongs to it
		send(w, inside(udp(10, (uint16_t)(3000 + p), YG_CONTACT_SILENT)));
		if (p % 100 == 99)
			next_second(w);
	}
	assert_int_equal(asked, 1);
	assert_int_equal(w->count, 0);
}

static void small_or_slow_or_scattered_datagrams_are_a_scan(void **state)
{
	static const struct {
		uint32_t packets;
		uint16_t size;
		uint8_t host; // that gets them
	} table[] = {{3000, 28, 10}, {3000, 128, 10}, {20, 1028, 10}, {3000, 1028, 11}, {0, 0, 10}};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		w->count = 0;
		restart(w);
		sends(table[i].host, table[i].packets, table[i].size);
		refused(w, 10);
		assert_int_equal(w->count, 1);
		assert_string_equal(w->out->kind, "scan.port");
		assert_int_equal(w->out->severity, YG_SEV_HIGH);
		assert_int_equal(w->out->time_ns, w->second * INT64_C(1000000000)); // with the second in which it was crossed
	}
}

static void the_sample_counts_for_what_it_stands_for(void **state)
{
	struct world *w = *state;
	sends(10, 30, 1028);
	own.scale = 100;
	refused(w, 10);
	assert_int_equal(w->count, 0);
}

static void one_of_many_that_flood_a_host_is_no_scanner(void **state)
{
	struct world *w = *state;
	sends(10, 20, 1028); // each by itself is slow
	all.packets = 4000;
	all.size_median = 1028;
	all.sources_at_least = 400;
	refused(w, 10);
	assert_int_equal(asked, 2);
	assert_int_equal(w->count, 0);
	restart(w);
	all.sources_at_least = 7;
	refused(w, 10);
	assert_int_equal(w->count, 1);
}

// Linux refuses about one a second: the other attempts end in silence when the sample knows nothing of the flood any more.
static void a_flood_that_is_hardly_refused_is_no_scan_when_it_is_over(void **state)
{
	struct world *w = *state;
	sends(10, 12000, 1028);
	for (uint16_t p = 0; p < 6; p++) {
		send(w, inside(udp(10, (uint16_t)(2000 + p), YG_CONTACT_REFUSED)));
		next_second(w);
	}
	sends(10, 0, 0);
	w->second += 50;
	for (uint16_t p = 0; p < 900; p++)
		send(w, inside(udp(10, (uint16_t)(3000 + p), YG_CONTACT_SILENT)));
	next_second(w);
	assert_int_equal(asked, 1);
	assert_int_equal(w->count, 0);
}

static void many_sources_of_a_flood_stay_known_when_it_is_over(void **state)
{
	struct world *w = *state;
	sends(10, 20, 1028);
	all.packets = 4000;
	all.size_median = 1028;
	all.sources_at_least = 400;
	refused(w, 10);
	sends(10, 0, 0);
	all = own;
	w->second += 50;
	for (uint8_t source = 1; source <= 100; source++) {
		for (uint16_t p = 0; p < 30; p++) {
			struct yg_contact c = inside(udp(10, (uint16_t)(2000 + p), p ? YG_CONTACT_SILENT : YG_CONTACT_REFUSED));
			c.addr[0].b[3] = source;
			send(w, c);
		}
	}
	for (int i = 0; i < 60; i++)
		next_second(w);
	assert_int_equal(w->count, 0);
}

static void a_slow_scan_is_found_although_it_was_looked_at_before(void **state)
{
	struct world *w = *state;
	sends(10, 4, 28);
	for (uint16_t p = 0; p < 30; p++) { // one refused a second
		send(w, inside(udp(10, (uint16_t)(2000 + p), YG_CONTACT_REFUSED)));
		next_second(w);
		assert_int_equal(distinct(w), p >= 19);
	}
	assert_true(asked <= 3);
}

static void a_scan_beside_a_flood_by_others_is_told(void **state)
{
	struct world *w = *state;
	sends(10, 20, 28);
	all.packets = 4000;
	all.size_median = 1028;
	all.sources_at_least = 400;
	refused(w, 10);
	assert_int_equal(w->count, 1);
}

static void who_waits_for_the_sample_is_told_later(void **state)
{
	struct world *w = *state;
	for (uint8_t source = 1; source <= 10; source++) {
		for (uint16_t p = 0; p < 30; p++) {
			struct yg_contact c = inside(udp(10, (uint16_t)(2000 + p), YG_CONTACT_REFUSED));
			c.addr[0].b[3] = source;
			send(w, c);
		}
	}
	for (int i = 1; i <= 3; i++) { // four a second
		next_second(w);
		assert_int_equal(distinct(w), i < 3 ? 4 * i : 10);
	}
	next_second(w);
	assert_int_equal(distinct(w), 10);
	assert_int_equal(w->count, 10);
}

static void tcp_and_hosts_that_know_no_questions_do_not_wait(void **state)
{
	struct world *w = *state;
	for (uint16_t p = 1; p <= 30; p++)
		send(w, inside(tcp(10, p, SYN, YG_CONTACT_REFUSED)));
	assert_int_equal(w->count, 1);
	w->count = 0;
	w->host.ask = NULL;
	restart(w);
	for (uint16_t p = 1; p <= 30; p++)
		send(w, udp(10, p, YG_CONTACT_REFUSED));
	assert_int_equal(w->count, 1);
	assert_int_equal(asked, 0);
}

static void reflectors_whose_victim_refuses_are_no_scanners(void **state)
{
	static const uint16_t ports[] = {53, 123, 389, 1900, 3702, 11211, 37810};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
		for (uint16_t p = 0; p < 200; p++) {
			struct yg_contact c = udp(10, (uint16_t)(20000 + p * 7), p % 3 ? YG_CONTACT_SILENT : YG_CONTACT_REFUSED);
			c.port[0] = ports[i];
			send(w, c);
		}
		next_second(w);
	}
	assert_int_equal(w->count, 0);
	for (uint16_t p = 0; p < 200; p++) // and from a port that serves nothing
		send(w, udp(10, (uint16_t)(20000 + p * 7), YG_CONTACT_REFUSED));
	next_second(w);
	assert_int_equal(distinct(w), 1);
}

static float sum(const struct yg_alert *a)
{
	float total = 0;
	for (unsigned i = 0; i < a->series_count; i++)
		total += a->series[i];
	return total;
}

static void an_alert_shows_who_and_how_many_in_each_step(void **state)
{
	struct world *w = *state;
	for (uint16_t p = 1; p <= 60; p++) {
		send(w, tcp(10, p, SYN, YG_CONTACT_REFUSED));
		next_second(w);
	}
	for (uint32_t i = 0; i < w->count; i++) {
		const struct yg_alert *a = &w->out[i];
		assert_int_equal(a->top_count, 1);
		assert_memory_equal(&a->top[0].addr, &a->source, sizeof a->source);
		assert_true(a->top[0].af == 4 && a->top[0].share == 1.0f);
		assert_int_equal(a->series_step_s, 5);
		assert_true(a->series_count >= 4 && a->series_count <= 12);
		assert_true(sum(a) == (float)a->observed);
		assert_true(a->series_low == 0 && a->series_high == 0.25f); // 15 in 300 s
		assert_int_equal(a->series_start + (int64_t)a->series_count * 5, (a->time_ns - 1) / 1000000000 + 1);
	}
	const struct yg_alert *last = &w->out[w->count - 1];
	assert_int_equal(last->series_count, 12);
	for (unsigned i = 0; i < 12; i++)
		assert_true(last->series[i] == 5);
}

static void the_series_of_a_sweep_counts_its_hosts_and_leaves_out_the_rest(void **state)
{
	struct world *w = *state;
	for (uint8_t h = 1; h <= 100; h++) {
		send(w, tcp(h, 23, SYN, YG_CONTACT_SILENT));
		if (h % 10 == 0)
			send(w, tcp(h, 24, SYN, YG_CONTACT_ANSWERED));
	}
	next_second(w);
	assert_true(w->count > 0);
	const struct yg_alert *a = &w->out[w->count - 1];
	assert_string_equal(a->kind, "scan.host");
	assert_int_equal(a->series_count, 1);
	assert_true(a->series[0] == 100);
	assert_string_equal(a->text_ja, "198.51.100.7 が 203.0.113.0/24 の各ホストのポート23を走査（SYN、福島町）。"
	                                "300秒間に試した100台のうち100台で失敗（しきい値25）。");
	assert_string_equal(a->text_en, "198.51.100.7 scans hosts on port 23 in 203.0.113.0/24 (SYN, Fukushima Town): "
	                                "100 of 100 hosts tried within 300 s failed (threshold 25).");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup_with_sample, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(big_datagrams_by_the_hundred_are_a_flood_and_no_scan),
	    T(small_or_slow_or_scattered_datagrams_are_a_scan),
	    T(the_sample_counts_for_what_it_stands_for),
	    T(one_of_many_that_flood_a_host_is_no_scanner),
	    T(a_flood_that_is_hardly_refused_is_no_scan_when_it_is_over),
	    T(many_sources_of_a_flood_stay_known_when_it_is_over),
	    T(a_slow_scan_is_found_although_it_was_looked_at_before),
	    T(a_scan_beside_a_flood_by_others_is_told),
	    T(who_waits_for_the_sample_is_told_later),
	    T(tcp_and_hosts_that_know_no_questions_do_not_wait),
	    T(reflectors_whose_victim_refuses_are_no_scanners),
	    T(an_alert_shows_who_and_how_many_in_each_step),
	    T(the_series_of_a_sweep_counts_its_hosts_and_leaves_out_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Campaigns, with the real life of alerts before and behind them: seventeen days of pulses are one, three unrelated attacks are none;
// whatever happens to the engine in between, and whatever lies in the saved state.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/time.h"
#include "engine/campaign.h"
#include "engine/campaign_table.h"
#include "engine/lifecycle.h"
#include "engine/state.h"
#include "hand_config.h"

enum { START = 1780000000, KEPT = 8192, DAY = 86400 };

struct fixture {
	struct hand_config hand;
	struct yg_lifecycle *lc;
	struct yg_campaign *campaign;
	void *memory;
	size_t size;
	struct yg_alert *out;
	uint32_t count;
	int64_t now_s;
	uint64_t seed;
};

static int out(void *context, const struct yg_alert *alert)
{
	struct fixture *f = context;
	struct yg_alert a = *alert;
	yg_campaign_fill(f->campaign, &a);
	assert_true(f->count < KEPT);
	f->out[f->count++] = a;
	return 0;
}

static void raise_campaign(void *context, const struct yg_alert *alert)
{
	struct fixture *f = context;
	yg_lifecycle_raise_lasting(f->lc, "campaign", alert, false, YG_CAMPAIGN_QUIET_S, yg_time_from_s(f->now_s));
}

static void begin(struct fixture *f)
{
	struct yg_lifecycle_options o = {.capacity = 64, .update_s = 60, .per_minute = 200, .id_key = yg_hash_key_identity};
	if (!f->memory) {
		hand_config_init(&f->hand);
		f->size = yg_lifecycle_size(64);
		f->memory = calloc(1, f->size);
		f->out = calloc(KEPT, sizeof *f->out);
		f->now_s = START;
		f->seed = 1;
	}
	f->lc = yg_lifecycle_create(&o, f->memory, f->size, out, f);
	f->campaign = yg_campaign_create(&f->hand.config, &yg_hash_key_identity);
	assert_non_null(f->lc);
	assert_non_null(f->campaign);
}

static void end(struct fixture *f)
{
	const struct yg_lifecycle_stats *s = yg_lifecycle_stats(f->lc);
	assert_int_equal(s->raised, s->sent + s->ring_full + s->suppressed);
	yg_lifecycle_destroy(f->lc);
	yg_campaign_destroy(f->campaign);
	free(f->memory);
	free(f->out);
}

static struct yg_alert flood(const char *kind, const char *vector, unsigned host, double observed)
{
	struct yg_alert a = {.af = 4, .proto = 17, .target_len = 32, .severity = YG_SEV_HIGH, .score = 70, .confidence = 0.5f,
			     .observed = observed, .threshold = 1000, .org = HAND_CITY, .zone = YG_ZONE_INTERNET, .top_count = 1,
			     .mode = YG_MODE_ALERT};
	snprintf(a.kind, sizeof a.kind, "%s", kind);
	snprintf(a.vector, sizeof a.vector, "%s", vector);
	snprintf(a.unit, sizeof a.unit, "packets/s");
	a.target = hand_v4(10, 1, 0, host);
	a.top[0] = (struct yg_alert_top){.addr = hand_v4(198, 51, 100, 7), .af = 4, .share = 0.5f};
	a.vectors_count = 1;
	snprintf(a.vectors[0].name, sizeof a.vectors[0].name, "%s", vector);
	a.vectors[0].share = 1;
	return a;
}

static void second(struct fixture *f, const struct yg_alert *a)
{
	f->now_s++;
	if (a)
		yg_lifecycle_raise(f->lc, "dos", a, yg_time_from_s(f->now_s));
	yg_campaign_tick(f->campaign, f->now_s - 1, raise_campaign, f);
	yg_lifecycle_tick(f->lc, f->now_s - 1);
}

// An attack of so many seconds; then silence until `until`.
static void pulse(struct fixture *f, const struct yg_alert *a, unsigned seconds, int64_t until)
{
	for (unsigned i = 0; i < seconds; i++)
		second(f, a);
	while (f->now_s < until)
		second(f, NULL);
}

static uint32_t campaigns_opened(const struct fixture *f)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < f->count; i++)
		n += f->out[i].state == YG_ALERT_OPEN && strcmp(f->out[i].kind, "dos.campaign") == 0;
	return n;
}

static const struct yg_alert *last_campaign(const struct fixture *f)
{
	for (uint32_t i = f->count; i; i--)
		if (strcmp(f->out[i - 1].kind, "dos.campaign") == 0)
			return &f->out[i - 1];
	return NULL;
}

// What would be told at once: openings that nothing quietens.
static uint32_t pages(const struct fixture *f)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < f->count; i++)
		n += (f->out[i].state == YG_ALERT_OPEN || f->out[i].mode == YG_MODE_PAGE) && !yg_campaign_quietens(&f->out[i]);
	return n;
}

static unsigned draw(struct fixture *f, unsigned below)
{
	f->seed = yg_hash_identity(&f->seed, sizeof f->seed);
	return (unsigned)(f->seed % below);
}

static void seventeen_days_of_pulses_are_one_campaign_and_three_pages(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f);
	uint32_t pulses = 0;
	while (f.now_s < START + 17 * DAY) {
		struct yg_alert a = flood("dos.dns_flood", "random_subdomain", 82, 5000 + draw(&f, 4000));
		pulse(&f, &a, 60 + draw(&f, 240), f.now_s + 1800 + draw(&f, 1801));
		pulses++;
	}
	assert_int_equal(campaigns_opened(&f), 1);
	assert_true(pages(&f) <= 3);
	const struct yg_alert *c = last_campaign(&f);
	assert_int_equal(c->state, YG_ALERT_UPDATE);
	assert_int_equal(c->pulse, pulses);
	assert_true(c->observed == pulses && c->threshold == 3 && strcmp(c->unit, "pulses") == 0);
	assert_in_range(c->period_s, 2700 * 95 / 100, 2700 * 105 / 100);
	assert_in_range(c->period_mad_s, 300, 600); // a quarter of the spread of 1,800
	int64_t start_ns = 0;
	for (uint32_t i = 0; i < f.count; i++)
		if (f.out[i].state == YG_ALERT_OPEN && strcmp(f.out[i].kind, "dos.dns_flood") == 0)
			start_ns = f.out[i].time_ns;
	assert_true(c->next_ns == start_ns + c->period_s * YG_NS_PER_S);
	uint32_t in_series = 0;
	for (unsigned i = 0; i < c->series_count; i++)
		in_series += (uint32_t)c->series[i];
	assert_int_equal(c->series_count, 120);
	assert_in_range(in_series, 120, 240);
	assert_true(c->severity == YG_SEV_HIGH && c->top_count == 1 && c->org == HAND_CITY && c->confidence == 0.5f);
	int64_t last_ns = c->last_ns;
	pulse(&f, NULL, 0, f.now_s + DAY + 120);
	c = last_campaign(&f);
	assert_int_equal(c->state, YG_ALERT_CLOSE);
	assert_true(c->time_ns == last_ns + DAY * YG_NS_PER_S);
	struct yg_campaign_stats s;
	yg_campaign_stats(f.campaign, &s);
	assert_true(s.open == 0 && s.chains == 0 && s.pulses == pulses);
	end(&f);
}

static void the_sentences_say_what_the_fields_say(void **state)
{
	(void)state;
	static const struct yg_org named[] = {{.code = "072001", .name_ja = "霧笹市", .name_en = "Kirisasa City", .parent = YG_ORG_NONE}};
	struct fixture f = {0};
	begin(&f);
	f.hand.config.orgs = named;
	f.hand.config.orgs_count = 1;
	struct yg_alert a = flood("dos.udp_flood", "udp", 14, 5000);
	for (int i = 0; i < 4; i++)
		pulse(&f, &a, 60, f.now_s + 2400);
	const struct yg_alert *c = last_campaign(&f);
	assert_string_equal(c->text_ja, "10.1.0.14（霧笹市）に断続的な攻撃（udp）の疑い。2.0時間で4回（3回以上で同一の攻撃キャンペーンと判断）、"
					"間隔はおおむね40分（ばらつき0秒）。次の攻撃は、前回の開始から40分後ごろの見込み。");
	assert_string_equal(c->text_en, "Suspected campaign of attacks (udp) against 10.1.0.14 (Kirisasa City): 4 pulses within 2.0 h (3 make a "
					"campaign), about every 40 min (deviation 0 s). The next is to be expected about 40 min after the last "
					"one began.");
	assert_true(c->period_s == 2400 && c->period_mad_s == 0 && c->pulse == 4);
	end(&f);
}

static void attacks_from_inside_are_a_campaign_of_their_source(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f);
	for (int i = 0; i < 3; i++) {
		struct yg_alert a = flood("dos.outbound", "udp", 0, 5000);
		a.target = hand_v4(198, 51, 100, (unsigned)i); // another one each time
		a.key_source = 1;
		a.source_af = 4;
		a.source = hand_v4(10, 1, 0, 66);
		pulse(&f, &a, 20, f.now_s + 900);
	}
	assert_int_equal(campaigns_opened(&f), 1);
	assert_non_null(strstr(last_campaign(&f)->text_ja, "10.1.0.66からの断続的な攻撃（udp）の疑い。"));
	assert_non_null(strstr(last_campaign(&f)->text_en, "(udp) coming from 10.1.0.66: 3 pulses"));
	end(&f);
}

static void three_unrelated_attacks_in_a_day_stay_three(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f);
	struct yg_alert other_vectors[] = {flood("dos.syn_flood", "syn", 14, 5000), flood("dos.udp_flood", "udp", 14, 5000),
					   flood("dos.icmp_flood", "icmp", 14, 5000)};
	struct yg_alert other_victims[] = {flood("dos.syn_flood", "syn", 15, 5000), flood("dos.syn_flood", "syn", 16, 5000),
					   flood("dos.syn_flood", "syn", 17, 5000)};
	struct yg_alert far_apart = flood("dos.syn_flood", "syn", 18, 5000);
	for (int i = 0; i < 3; i++)
		pulse(&f, &other_vectors[i], 120, f.now_s + 3600);
	for (int i = 0; i < 3; i++)
		pulse(&f, &other_victims[i], 120, f.now_s + 3600);
	for (int i = 0; i < 3; i++)
		pulse(&f, &far_apart, 120, f.now_s + 7200 + 200);
	assert_int_equal(campaigns_opened(&f), 0);
	for (uint32_t i = 0; i < f.count; i++)
		assert_true(f.out[i].campaign == 0 && f.out[i].pulse == 0);
	end(&f);
}

// What nobody is told of makes no campaign that they would be told of.
static void attacks_in_shadow_are_no_pulses(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f);
	struct yg_alert a = flood("dos.syn_flood", "syn", 14, 5000);
	for (int i = 0; i < 5; i++) {
		yg_lifecycle_raise_shadow(f.lc, "dos", &a, yg_time_from_s(f.now_s));
		pulse(&f, NULL, 0, f.now_s + 1800);
	}
	struct yg_campaign_stats s;
	yg_campaign_stats(f.campaign, &s);
	assert_true(campaigns_opened(&f) == 0 && s.pulses == 0 && s.chains == 0 && f.count == 10);
	end(&f);
}

static void gaps_below_and_above_the_bounds(void **state)
{
	static const struct { int64_t gap_s; uint32_t pulses; } cases[] = {{20, 1}, {40, 3}, {7100, 3}, {7300, 1}};
	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		struct fixture f = {0};
		begin(&f);
		struct yg_alert a = flood("dos.syn_flood", "syn", 14, 5000);
		for (int i = 0; i < 3; i++)
			pulse(&f, &a, 60, f.now_s + 60 + cases[k].gap_s);
		assert_int_equal(campaigns_opened(&f), cases[k].pulses == 3);
		end(&f);
	}
}

// Two detectors find one attack, in either order; vectors that come in shares; a prefix and a host of it.
static void what_is_open_at_the_same_time_is_one_pulse(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f);
	struct yg_alert dns = flood("dos.dns_flood", "random_subdomain", 82, 5000), udp = flood("dos.udp_flood", "udp", 82, 5000);
	struct yg_alert carpet = flood("dos.carpet", "udp", 0, 5000);
	carpet.target_len = 24;
	for (int i = 0; i < 5; i++) {
		int64_t until = f.now_s + 1800;
		for (int s = 0; s < 60; s++) {
			second(&f, i % 2 ? &dns : &udp);
			second(&f, i % 2 ? &udp : &dns);
			second(&f, &carpet);
		}
		pulse(&f, NULL, 0, until);
	}
	assert_int_equal(campaigns_opened(&f), 1);
	assert_int_equal(last_campaign(&f)->pulse, 5);
	assert_int_equal(last_campaign(&f)->period_s, 1800);
	struct yg_campaign_stats s;
	yg_campaign_stats(f.campaign, &s);
	assert_int_equal(s.chains, 1);
	end(&f);
}

static void a_pulse_twice_as_bad_as_any_before_is_paged(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f);
	for (int i = 0; i < 6; i++) {
		struct yg_alert a = flood("dos.syn_flood", "syn", 14, i == 4 ? 11000 : 5000);
		pulse(&f, &a, 20, f.now_s + 1800);
	}
	unsigned worse = 0, quiet = 0;
	for (uint32_t i = 0; i < f.count; i++) {
		const struct yg_alert *a = &f.out[i];
		if (a->state != YG_ALERT_OPEN || strcmp(a->kind, "dos.syn_flood") != 0)
			continue;
		worse += a->mode == YG_MODE_PAGE;
		quiet += yg_campaign_quietens(a);
		if (a->mode == YG_MODE_PAGE) {
			assert_int_equal(a->pulse, 5);
			assert_string_equal(a->text_ja, "これまでの4回のうち最大のものの2.2倍。");
			assert_string_equal(a->text_en, " It is 2.2 times the worst of the 4 pulses before.");
		}
	}
	assert_true(worse == 1 && quiet == 3); // the third, the fourth and the sixth
	end(&f);
}

// An engine dies in the middle of the fifth pulse, its snapshot is a minute old; and the sensor is stopped for an hour.
static void a_campaign_goes_on_under_another_engine(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f);
	struct yg_alert a = flood("dos.syn_flood", "syn", 14, 5000);
	for (int i = 0; i < 4; i++)
		pulse(&f, &a, 60, f.now_s + 1800);
	uint64_t cursor = 0, room = yg_campaign_save_max();
	void *saved = malloc(room);
	pulse(&f, &a, 20, 0);
	uint64_t size = yg_campaign_save(f.campaign, &cursor, saved, room);
	assert_true(size && cursor == YG_STATE_DONE);
	pulse(&f, &a, 30, 0);
	uint64_t id = last_campaign(&f)->id;
	yg_lifecycle_destroy(f.lc);
	yg_campaign_destroy(f.campaign);
	begin(&f);
	assert_int_equal(yg_campaign_restore(f.campaign, YG_CAMPAIGN_VERSION, saved, size), 0);
	pulse(&f, &a, 70, f.now_s + 1700);
	for (int i = 0; i < 3; i++)
		pulse(&f, &a, 60, f.now_s + 1800);
	assert_int_equal(campaigns_opened(&f), 1);
	assert_int_equal(last_campaign(&f)->pulse, 8);
	assert_true(last_campaign(&f)->id == id);
	// Everything ends but what is on disk; the next pulse opens the same campaign, and nobody is paged.
	cursor = 0;
	size = yg_campaign_save(f.campaign, &cursor, saved, room);
	yg_lifecycle_destroy(f.lc);
	yg_campaign_destroy(f.campaign);
	memset(f.memory, 0, f.size);
	begin(&f);
	assert_int_equal(yg_campaign_restore(f.campaign, YG_CAMPAIGN_VERSION, saved, size), 0);
	f.now_s += 3600;
	uint32_t before = pages(&f);
	pulse(&f, &a, 60, f.now_s + 120);
	assert_int_equal(campaigns_opened(&f), 2);
	assert_true(last_campaign(&f)->id == id && last_campaign(&f)->pulse == 9);
	assert_int_equal(pages(&f), before);
	free(saved);
	end(&f);
}

// Pulses within ten minutes reopen one alert, whose onset is that of the first of them: longer ago than the last pulse.
static void a_pulse_that_reopened_its_alert_goes_on_under_another_engine(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f);
	struct yg_alert a = flood("dos.syn_flood", "syn", 14, 5000);
	for (int i = 0; i < 8; i++)
		pulse(&f, &a, 60, f.now_s + 300);
	uint64_t cursor = 0, room = yg_campaign_save_max();
	void *saved = malloc(room);
	pulse(&f, &a, 20, 0);
	uint64_t size = yg_campaign_save(f.campaign, &cursor, saved, room);
	uint64_t id = last_campaign(&f)->id;
	yg_lifecycle_destroy(f.lc);
	yg_campaign_destroy(f.campaign);
	begin(&f);
	assert_int_equal(yg_campaign_restore(f.campaign, YG_CAMPAIGN_VERSION, saved, size), 0);
	f.count = 0;
	pulse(&f, &a, 130, f.now_s + 200);
	struct yg_campaign_stats s;
	yg_campaign_stats(f.campaign, &s);
	assert_int_equal(s.chains, 1);
	for (uint32_t i = 0; i < f.count; i++)
		assert_true(f.out[i].id == id || f.out[i].campaign == id);
	assert_int_equal(last_campaign(&f)->pulse, 9);
	free(saved);
	end(&f);
}

// A reload puts the kind into shadow while the attack is open: the chain must not wait for an end that is told to nobody.
static void an_incident_that_goes_into_shadow_leaves_its_chain(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f);
	struct yg_alert a = flood("dos.syn_flood", "syn", 14, 5000);
	pulse(&f, &a, 60, 0);
	assert_int_equal(f.campaign->chains[0].members_count, 1);
	for (int i = 0; i < 90; i++) {
		f.now_s++;
		yg_lifecycle_raise_shadow(f.lc, "dos", &a, yg_time_from_s(f.now_s));
		second(&f, NULL);
	}
	pulse(&f, NULL, 0, f.now_s + 60);
	assert_int_equal(f.campaign->chains[0].members_count, 0);
	pulse(&f, NULL, 0, f.now_s + YG_CAMPAIGN_GAP_MAX_S + 120);
	struct yg_campaign_stats s;
	yg_campaign_stats(f.campaign, &s);
	assert_int_equal(s.chains, 0);
	end(&f);
}

// As in a replay of captures that lie apart: the hole closes every alert but the campaign's, and no second of it is ticked.
static void holes_in_time_do_not_break_a_campaign(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f);
	struct yg_alert a = flood("dos.syn_flood", "syn", 14, 5000);
	for (int i = 0; i < 5; i++) {
		pulse(&f, &a, 60, f.now_s + 62);
		yg_lifecycle_gap(f.lc, yg_time_from_s(f.now_s));
		yg_campaign_tick(f.campaign, f.now_s, raise_campaign, &f);
		f.now_s += i < 4 ? 2400 : 2 * DAY;
		yg_lifecycle_tick(f.lc, f.now_s - 1);
	}
	assert_int_equal(campaigns_opened(&f), 1);
	assert_int_equal(last_campaign(&f)->state, YG_ALERT_CLOSE);
	assert_int_equal(last_campaign(&f)->pulse, 5);
	assert_in_range(last_campaign(&f)->period_s, 2455, 2465);
	end(&f);
}

static void a_full_table_forgets_what_ended_longest_ago_and_campaigns_last(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f);
	struct yg_alert a = flood("dos.syn_flood", "syn", 14, 5000);
	for (int i = 0; i < 3; i++)
		pulse(&f, &a, 10, f.now_s + 300);
	struct yg_campaign_stats s;
	for (unsigned i = 0; i < YG_CAMPAIGN_CHAINS + 20; i++) {
		struct yg_alert b = flood("dos.udp_flood", "udp", 0, 5000);
		b.target = hand_v4(10, 2, i >> 8, i & 255);
		b.id = i + 1;
		b.time_ns = b.first_ns = b.last_ns = (f.now_s + i) * YG_NS_PER_S;
		yg_campaign_fill(f.campaign, &b);
		b.state = YG_ALERT_CLOSE;
		yg_campaign_fill(f.campaign, &b);
		yg_campaign_stats(f.campaign, &s);
		assert_int_equal(s.chains, i + 2 < YG_CAMPAIGN_CHAINS ? i + 2 : YG_CAMPAIGN_CHAINS);
	}
	assert_int_equal(s.full, 21);
	assert_int_equal(s.open, 1); // the campaign is the oldest of all, and still there
	end(&f);
}

static void more_incidents_of_one_victim_than_places_lose_nothing_but_their_end(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f);
	for (unsigned i = 0; i < 3 * YG_CAMPAIGN_MEMBERS; i++) {
		char vector[24];
		snprintf(vector, sizeof vector, "v%u", i);
		struct yg_alert a = flood("dos.udp_flood", vector, 14, 5000);
		second(&f, &a);
	}
	assert_int_equal(f.campaign->chains[0].members_count, YG_CAMPAIGN_MEMBERS);
	assert_int_equal(f.campaign->chains[0].facets_count, YG_CAMPAIGN_FACETS);
	assert_int_equal(f.campaign->chains[0].pulses, 1);
	pulse(&f, NULL, 0, f.now_s + 60);
	assert_int_equal(f.campaign->chains[0].members_count, 0);
	end(&f);
}

// Saved in small pieces, restored, saved again: the same bytes. Then any of them is something else.
static void hostile_state_is_refused_or_made_harmless(void **state)
{
	(void)state;
	struct fixture f = {0};
	begin(&f);
	struct yg_alert victims[4];
	for (unsigned i = 0; i < 4; i++)
		victims[i] = flood("dos.syn_flood", "syn", 14 + i, 5000);
	for (int i = 0; i < 12; i++)
		pulse(&f, &victims[i % 4], 20, f.now_s + 400);
	uint64_t max = yg_campaign_save_max(), size = 0;
	char *saved = malloc(max), *again = malloc(max);
	for (uint64_t cursor = 0; cursor != YG_STATE_DONE;)
		size += yg_campaign_save(f.campaign, &cursor, saved + size, sizeof(struct yg_campaign_chain) + 100);
	unsigned refused = 0;
	for (int round = 0; round < 3000; round++) {
		struct yg_campaign *c = yg_campaign_create(&f.hand.config, &yg_hash_key_identity);
		uint64_t bytes = round % 5 == 4 ? draw(&f, (unsigned)size) : size, cursor = 0;
		memcpy(again, saved, size);
		for (int i = 0; i < round % 8; i++)
			again[draw(&f, (unsigned)size)] = (char)draw(&f, 256);
		int answer = yg_campaign_restore(c, round % 7 == 6 ? 2 : YG_CAMPAIGN_VERSION, again, bytes);
		refused += answer != 0;
		struct yg_campaign_stats s;
		yg_campaign_stats(c, &s);
		assert_true(answer == 0 || s.chains == 0);
		if (round == 0) {
			assert_true(answer == 0 && s.chains == 4 && s.open == 4);
			assert_int_equal(yg_campaign_save(c, &cursor, again, max), size);
			assert_memory_equal(again, saved, size);
		}
		struct yg_alert b = victims[1];
		b.id = 99;
		b.time_ns = b.first_ns = b.last_ns = (f.now_s + 300) * YG_NS_PER_S;
		struct yg_campaign *mine = f.campaign;
		uint32_t count = f.count;
		f.campaign = c;
		yg_campaign_fill(c, &b);
		yg_campaign_tick(c, f.now_s + 300, raise_campaign, &f);
		f.campaign = mine;
		f.count = count;
		yg_campaign_destroy(c);
	}
	assert_true(refused > 500 && refused < 3000);
	free(saved);
	free(again);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seventeen_days_of_pulses_are_one_campaign_and_three_pages),
		cmocka_unit_test(the_sentences_say_what_the_fields_say),
		cmocka_unit_test(attacks_from_inside_are_a_campaign_of_their_source),
		cmocka_unit_test(three_unrelated_attacks_in_a_day_stay_three),
		cmocka_unit_test(attacks_in_shadow_are_no_pulses),
		cmocka_unit_test(gaps_below_and_above_the_bounds),
		cmocka_unit_test(what_is_open_at_the_same_time_is_one_pulse),
		cmocka_unit_test(a_pulse_twice_as_bad_as_any_before_is_paged),
		cmocka_unit_test(a_campaign_goes_on_under_another_engine),
		cmocka_unit_test(a_pulse_that_reopened_its_alert_goes_on_under_another_engine),
		cmocka_unit_test(an_incident_that_goes_into_shadow_leaves_its_chain),
		cmocka_unit_test(holes_in_time_do_not_break_a_campaign),
		cmocka_unit_test(a_full_table_forgets_what_ended_longest_ago_and_campaigns_last),
		cmocka_unit_test(more_incidents_of_one_victim_than_places_lose_nothing_but_their_end),
		cmocka_unit_test(hostile_state_is_refused_or_made_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

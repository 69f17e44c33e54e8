// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The body detector: what survives a restart, hostile snapshots, and limits.
#include <time.h>

#include "body_world.h"

// ---- snapshots ----

static void what_is_open_goes_on_after_a_restart(void **state)
{
	struct world *w = *state, *next = make_world();
	uint8_t *saved = malloc(SAVED);
	run(w, 600);
	w->rate[0] = 0;
	run(w, 90);
	uint32_t size = yagura_plugin.save(w->self, saved, SAVED);
	assert_int_equal(yagura_plugin.restore(next->self, saved, size), 0);
	next->second = w->second + 5;
	next->rate[0] = 0;
	run(next, 6);
	const struct yg_alert *a = NULL;
	assert_true(told(next, "org.dark", 0, &a) > 0);
	assert_int_equal(next->count, told(next, "org.dark", 0, NULL));
	assert_true(a->window_s >= 90);
	free(saved);
	end_world(next);
}

static void a_mirror_alert_goes_on_after_a_restart(void **state)
{
	struct world *w = *state, *next = make_world();
	uint8_t *saved = malloc(SAVED);
	for (unsigned i = 0; i < TOWNS; i++)
		w->rate[i] = 1;
	run(w, 600);
	for (unsigned i = 0; i < 6; i++)
		w->rate[i] = next->rate[i] = 0;
	run(w, 90);
	assert_true(told(w, "sensor.mirror", YG_ORG_NONE, NULL) > 0);
	uint32_t size = yagura_plugin.save(w->self, saved, SAVED);
	assert_int_equal(yagura_plugin.restore(next->self, saved, size), 0);
	next->second = w->second + 5;
	next->rate[6] = next->rate[7] = 1;
	run(next, 30);
	assert_true(next->count > 0);
	assert_int_equal(told(next, "sensor.mirror", YG_ORG_NONE, NULL), next->count);
	free(saved);
	end_world(next);
}

static void a_snapshot_is_the_same_when_it_is_saved_again(void **state)
{
	struct world *w = *state;
	uint8_t *again = malloc(SAVED);
	assert_int_equal(yagura_plugin.save(w->self, again, SAVED), learned_size);
	assert_memory_equal(again, learned, learned_size);
	free(again);
}

static void a_small_room_keeps_folded_weeks(void **state)
{
	struct world *w = *state;
	uint8_t *part = malloc(SAVED);
	uint32_t last = learned_size;
	for (uint32_t room = learned_size - 1; room > 1000; room = room * 3 / 4) {
		uint32_t size = yagura_plugin.save(w->self, part, room);
		assert_true(size > 0 && size <= room && size <= last);
		struct world *next = make_world();
		assert_int_equal(yagura_plugin.restore(next->self, part, size), 0);
		end_world(next);
		last = size;
	}
	assert_int_equal(yagura_plugin.save(w->self, part, 20), 0);
	free(part);
}

// Half of the room: what is said of the same traffic is nearly the same.
static void folded_weeks_are_the_same_habit(void **state)
{
	struct world *w = *state, *folded = make_world();
	uint8_t *part = malloc(SAVED);
	uint32_t size = yagura_plugin.save(w->self, part, learned_size * 6 / 10);
	assert_true(size > learned_size / 3 && size <= learned_size * 6 / 10);
	assert_int_equal(yagura_plugin.restore(folded->self, part, size), 0);
	folded->second = w->second;
	w->rate[1] = folded->rate[1] = 8;
	run(w, 600);
	run(folded, 600);
	assert_int_equal(w->count, 1);
	assert_int_equal(folded->count, 1);
	assert_true(fabs(w->out[0].baseline / folded->out[0].baseline - 1) < 0.02);
	assert_true(fabs(w->out[0].threshold / folded->out[0].threshold - 1) < 0.05);
	free(part);
	end_world(folded);
}

enum { HEAD = 20, BODY_HEAD = 64, HOUR = 40, MANY = 300, ROOM = 4 << 20 }; // bytes, as state.c has them

static const struct yg_org_info *one_of_many(void *context, uint16_t index)
{
	static char codes[MANY][16];
	static struct yg_org_info org[MANY];
	(void)context;
	if (index >= MANY)
		return NULL;
	snprintf(codes[index], sizeof codes[index], "b%03u", index % 1000u);
	org[index] = (struct yg_org_info){.code = codes[index], .name_ja = "町", .name_en = "Town", .line_bps = 10000000, .parent = YG_ORG_NONE};
	return &org[index];
}

static uint8_t *append(uint8_t *to, const void *from, size_t size)
{
	memcpy(to, from, size);
	return to + size;
}

// One body of the learned snapshot, its four weeks twice, as body `index` of many.
static uint8_t *append_body(uint8_t *to, unsigned index)
{
	const uint8_t *from = learned + HEAD, *hours = from + BODY_HEAD;
	uint32_t count, kept = 0;
	memcpy(&count, from + 52, sizeof count);
	uint8_t *head = to;
	to = append(to, from, BODY_HEAD);
	memset(head, 0, 16);
	snprintf((char *)head, 16, "b%03u", index % 1000u);
	for (uint32_t i = 0; i < count;) {
		uint32_t end = i;
		while (end < count && memcmp(hours + end * HOUR + 4, hours + i * HOUR + 4, 2) == 0)
			end++;
		uint32_t begin_at = end - i > 4 ? end - 4 : i;
		for (unsigned pass = 0; pass < 2; pass++) {
			for (uint32_t h = begin_at; h < end; h++, kept++) {
				uint32_t stamp;
				memcpy(&stamp, hours + h * HOUR, sizeof stamp);
				stamp -= pass ? 0 : 4 * 168 + 1;
				uint8_t *at = to;
				to = append(to, hours + h * HOUR, HOUR);
				memcpy(at, &stamp, sizeof stamp);
			}
		}
		i = end;
	}
	memcpy(head + 52, &kept, sizeof kept);
	return to;
}

// As many bodies as a sensor watches by default, with eight weeks of each, in the room that a sensor has for it.
static void three_hundred_bodies_of_eight_weeks_fit(void **state)
{
	struct world *w = *state;
	uint8_t *all = malloc(MANY * (BODY_HEAD + 1400 * HOUR) + HEAD), *saved = malloc(ROOM);
	uint32_t bodies = MANY;
	uint8_t *end = append(all, learned, HEAD);
	memcpy(all + 16, &bodies, sizeof bodies);
	for (unsigned i = 0; i < MANY; i++)
		end = append_body(end, i);
	yagura_plugin.destroy(w->self);
	w->values[0].i = MANY;
	w->host.org = one_of_many;
	w->self = yagura_plugin.create(&w->host, w->values);
	assert_int_equal(yagura_plugin.restore(w->self, all, (uint32_t)(end - all)), 0);
	struct timespec before, after;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	uint32_t size = yagura_plugin.save(w->self, saved, ROOM);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	print_message("%u bodies: %.1f MiB of eight weeks in a snapshot of %.2f MiB, %.0f ms of a processor\n", MANY,
		      (double)(end - all) / (1 << 20),
		      (double)size / (1 << 20), (double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6);
	assert_true(end - all > 15 << 20);
	assert_int_equal(size, HEAD + MANY * (BODY_HEAD + 168 * 2 * HOUR)); // two of each hour of the week
	free(all);
	free(saved);
}

static void hostile_snapshots_change_nothing(void **state)
{
	struct world *w = *state;
	uint8_t *bytes = malloc(learned_size + 1);
	uint64_t random = 88172645463325252u;
	unsigned refused = 0;
	memset(bytes, 0, learned_size + 1);
	for (uint32_t cut = 0; cut < learned_size; cut += 1 + learned_size / 500) {
		memcpy(bytes, learned, learned_size);
		assert_int_equal(yagura_plugin.restore(w->self, bytes, cut), -1);
	}
	assert_int_equal(yagura_plugin.restore(w->self, bytes, learned_size + 1), -1);
	for (unsigned i = 0; i < 1000; i++) {
		memcpy(bytes, learned, learned_size);
		for (unsigned k = 0; k < 1 + i % 4; k++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			uint32_t at = (uint32_t)(random >> 32) % (i % 2 ? 200 : learned_size);
			bytes[at] = (uint8_t)random;
		}
		struct world *next = make_world();
		refused += yagura_plugin.restore(next->self, bytes, learned_size) != 0;
		next->second = learned_until;
		run(next, i % 10 ? 1 : 301);
		end_world(next);
	}
	assert_true(refused > 250);
	uint32_t size = yagura_plugin.save(w->self, bytes, learned_size);
	assert_int_equal(size, 0); // it had learned nothing, and was told nothing
	free(bytes);
}

// ---- limits ----

static void a_body_too_many_is_counted_and_left_out(void **state)
{
	struct world *w = *state;
	yagura_plugin.destroy(w->self);
	w->values[0].i = 2;
	w->self = yagura_plugin.create(&w->host, w->values);
	run(w, 600);
	w->rate[2] = 0; // the third
	run(w, 120);
	assert_int_equal(w->count, 0);
	w->rate[0] = 0;
	run(w, 120);
	assert_true(told(w, "org.dark", 0, NULL) > 0);
	yagura_plugin.destroy(w->self);
	assert_non_null(strstr(w->log, "windows of bodies without a place 600"));
	w->self = yagura_plugin.create(&w->host, w->values);
}

// Fewer places than there were: those that fit are taken, nothing is refused.
static void a_smaller_table_takes_what_fits(void **state)
{
	struct world *w = *state;
	yagura_plugin.destroy(w->self);
	w->values[0].i = 1;
	w->self = yagura_plugin.create(&w->host, w->values);
	assert_int_equal(yagura_plugin.restore(w->self, learned, learned_size), 0);
	w->second = learned_until;
	run(w, 10);
	w->rate[0] = 0;
	run(w, 60);
	const struct yg_alert *a = NULL;
	assert_true(told(w, "org.dark", 0, &a) > 0);
	assert_int_equal(a->learning, YG_LEARN_FULL);
}

static void bodies_of_impossible_numbers_are_left_out(void **state)
{
	struct world *w = *state;
	struct yg_window window = window_of(w, YG_SCOPE_BODY);
	for (unsigned org = 1020; org < 65536; org += 1000) {
		window.org = (uint16_t)org;
		yagura_plugin.window(w->self, &window);
		window.scope = YG_SCOPE_HOST;
		yagura_plugin.window(w->self, &window);
		window.scope = YG_SCOPE_BODY;
	}
	run(w, 600);
	assert_int_equal(w->count, 0);
}

static void a_gap_in_time_begins_anew(void **state)
{
	struct world *w = *state;
	run(w, 900);
	w->rate[0] = 0;
	run(w, 50);
	yagura_plugin.gap(w->self, w->second * 1000000000, (w->second + 1000) * 1000000000);
	w->second += 1000;
	run(w, 240);
	assert_int_equal(w->count, 0);
}

static void a_sensor_without_calendars_is_refused(void **state)
{
	struct world *w = *state;
	struct yg_host older = w->host;
	older.size = offsetof(struct yg_host, ask);
	older.planned = NULL;
	assert_null(yagura_plugin.create(&older, w->values));
	assert_non_null(strstr(w->log, "ABI 1.1"));
}

static void memory_is_what_is_stated(void **state)
{
	(void)state;
	union yg_value values[OPTIONS] = {{.i = 300}};
	uint64_t bytes = yagura_plugin.memory_max(values);
	print_message("300 bodies: %.1f MiB\n", (double)bytes / (1 << 20));
	assert_true(bytes < 20u << 20);
}

int main(void)
{
#define FRESH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define LEARNED(name) cmocka_unit_test_setup_teardown(name, setup_learned, teardown)
	const struct CMUnitTest tests[] = {
		FRESH(what_is_open_goes_on_after_a_restart),
		FRESH(a_mirror_alert_goes_on_after_a_restart),
		LEARNED(a_snapshot_is_the_same_when_it_is_saved_again),
		LEARNED(a_small_room_keeps_folded_weeks),
		LEARNED(folded_weeks_are_the_same_habit),
		LEARNED(three_hundred_bodies_of_eight_weeks_fit),
		FRESH(hostile_snapshots_change_nothing),
		FRESH(a_body_too_many_is_counted_and_left_out),
		FRESH(a_smaller_table_takes_what_fits),
		FRESH(bodies_of_impossible_numbers_are_left_out),
		FRESH(a_gap_in_time_begins_anew),
		FRESH(a_sensor_without_calendars_is_refused),
		FRESH(memory_is_what_is_stated),
	};
	return cmocka_run_group_tests(tests, learn, forget);
}

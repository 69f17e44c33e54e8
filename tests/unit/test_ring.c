// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The ring between two processes: order and content over many rounds, being full, closing, waiting; and a peer that lies about
// its index, which breaks the ring for this side and nothing else.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/ring.h"
#include "base/shm.h"

enum { SLOT = 24, COUNT = 8, MANY = 200000 };

struct pair {
	void *memory;
	size_t size;
	struct yg_ring in, out; // producer, consumer
};

static struct pair make_pair(uint32_t count)
{
	struct pair p = {.size = yg_ring_bytes(SLOT, count)};
	int fd = yg_shm_create("ring", p.size);
	p.memory = yg_shm_map(fd, p.size, true, NULL);
	close(fd);
	assert_int_equal(yg_ring_format(p.memory, p.size, SLOT, count), 0);
	assert_int_equal(yg_ring_attach(&p.in, p.memory, p.size, SLOT, true), 0);
	assert_int_equal(yg_ring_attach(&p.out, p.memory, p.size, SLOT, false), 0);
	return p;
}

static void drop_pair(struct pair *p)
{
	yg_shm_unmap(p->memory, p->size);
}

// The words that a peer writes: its index stands first on its line.
static volatile uint64_t *head_of(struct pair *p)
{
	return (void *)((uint8_t *)p->memory + 64);
}

static volatile uint64_t *tail_of(struct pair *p)
{
	return (void *)((uint8_t *)p->memory + 128);
}

static void put(struct yg_ring *ring, uint64_t value)
{
	uint64_t *slot = yg_ring_slot(ring, ring->own);
	slot[0] = slot[1] = slot[2] = value;
	yg_ring_push(ring, 1);
}

static void take(struct yg_ring *ring, uint64_t value)
{
	const uint64_t *slot = yg_ring_slot(ring, ring->own);
	if (slot[0] != value || slot[1] != value || slot[2] != value)
		fail_msg("slot %lu holds %lu, %lu, %lu", value, slot[0], slot[1], slot[2]);
	yg_ring_pop(ring, 1);
}

static void records_come_out_as_they_went_in(void **state)
{
	(void)state;
	struct pair p = make_pair(COUNT);
	uint64_t in = 0, out = 0;
	srandom(4711);
	while (out < 10000) {
		for (long n = random() % (COUNT + 1); n && yg_ring_has_room(&p.in, 1); n--)
			put(&p.in, in++);
		yg_ring_publish(&p.in);
		assert_int_equal(yg_ring_available(&p.out) > 0, in > out);
		for (long n = random() % (COUNT + 1); n && yg_ring_available(&p.out); n--)
			take(&p.out, out++);
		yg_ring_release(&p.out);
		assert_in_range(in - out, 0, COUNT);
	}
	assert_false(p.in.broken || p.out.broken);
	drop_pair(&p);
}

static void nothing_is_seen_before_it_is_published_nor_freed_before_it_is_released(void **state)
{
	(void)state;
	struct pair p = make_pair(COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		put(&p.in, i);
	assert_int_equal(yg_ring_available(&p.out), 0);
	yg_ring_publish(&p.in);
	assert_int_equal(yg_ring_available(&p.out), COUNT);
	yg_ring_pop(&p.out, COUNT);
	assert_false(yg_ring_has_room(&p.in, 1));
	yg_ring_release(&p.out);
	assert_true(yg_ring_has_room(&p.in, COUNT));
	drop_pair(&p);
}

static void a_full_ring_refuses_at_once_and_loses_nothing(void **state)
{
	(void)state;
	struct pair p = make_pair(COUNT);
	assert_false(yg_ring_has_room(&p.in, COUNT + 1));
	assert_false(yg_ring_has_room(&p.in, UINT32_MAX));
	for (unsigned i = 0; i < COUNT; i++) {
		assert_true(yg_ring_has_room(&p.in, 1));
		put(&p.in, i);
	}
	assert_false(yg_ring_has_room(&p.in, 1));
	yg_ring_publish(&p.in);
	for (unsigned i = 0; i < COUNT; i++)
		take(&p.out, i);
	drop_pair(&p);
}

static void a_record_of_several_slots_wraps_around(void **state)
{
	(void)state;
	struct pair p = make_pair(COUNT);
	for (unsigned round = 0; round < 100; round++) {
		assert_true(yg_ring_has_room(&p.in, 5));
		for (uint64_t i = 0; i < 5; i++)
			*(uint64_t *)yg_ring_slot(&p.in, p.in.own + i) = round * 5 + i;
		yg_ring_push(&p.in, 5);
		yg_ring_publish(&p.in);
		assert_int_equal(yg_ring_available(&p.out), 5);
		for (uint64_t i = 0; i < 5; i++)
			assert_int_equal(*(uint64_t *)yg_ring_slot(&p.out, p.out.own + i), round * 5 + i);
		yg_ring_pop(&p.out, 5);
		yg_ring_release(&p.out);
	}
	drop_pair(&p);
}

static void what_cannot_be_a_ring_is_neither_made_nor_attached(void **state)
{
	(void)state;
	struct pair p = make_pair(COUNT);
	struct yg_ring ring;
	static uint64_t other[8192 / 8];
	assert_int_equal(yg_ring_format(other, sizeof other, 12, 4), -EINVAL);
	assert_int_equal(yg_ring_format(other, sizeof other, 0, 4), -EINVAL);
	assert_int_equal(yg_ring_format(other, sizeof other, 8, 3), -EINVAL);
	assert_int_equal(yg_ring_format(other, sizeof other, 8, 1), -EINVAL);
	assert_int_equal(yg_ring_format(other, sizeof other, 8, 1024), -EINVAL); // no room
	assert_int_equal(yg_ring_format(other, 4095, 8, 2), -EINVAL);
	assert_int_equal(yg_ring_format(other, sizeof other, UINT32_MAX - 7, 1u << 31), -EINVAL);
	assert_int_equal(yg_ring_attach(&ring, other, sizeof other, 8, true), -EBADMSG);
	assert_int_equal(yg_ring_attach(&ring, p.memory, p.size, SLOT + 8, true), -EBADMSG);
	assert_int_equal(yg_ring_attach(&ring, p.memory, p.size - 1, SLOT, true), -EBADMSG);
	assert_int_equal(yg_ring_attach(&ring, p.memory, 100, SLOT, true), -EBADMSG);
	*head_of(&p) = COUNT + 1;
	assert_int_equal(yg_ring_attach(&ring, p.memory, p.size, SLOT, false), -EBADMSG);
	drop_pair(&p);
}

static void a_producer_that_claims_what_cannot_be_breaks_the_ring(void **state)
{
	(void)state;
	static const uint64_t lies[] = {COUNT + 4, 2, 0, UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 32};
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct pair p = make_pair(COUNT);
		for (unsigned n = 0; n < 3; n++)
			put(&p.in, n);
		yg_ring_publish(&p.in);
		assert_int_equal(yg_ring_available(&p.out), 3);
		yg_ring_pop(&p.out, 3);
		*head_of(&p) = lies[i]; // has shown 3: 3 to 3 + COUNT can be
		assert_int_equal(yg_ring_available(&p.out), 0);
		assert_true(p.out.broken);
		assert_true(yg_ring_ended(&p.out));
		*head_of(&p) = 4; // an honest index does not mend it
		assert_int_equal(yg_ring_available(&p.out), 0);
		assert_false(yg_ring_wait_data(&p.out, 1));
		drop_pair(&p);
	}
}

static void a_consumer_that_gives_back_what_it_never_got_breaks_the_ring(void **state)
{
	(void)state;
	static const uint64_t lies[] = {COUNT + 1, 1, UINT64_MAX, UINT64_C(1) << 63};
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct pair p = make_pair(COUNT);
		for (unsigned n = 0; n < COUNT; n++)
			put(&p.in, n);
		yg_ring_publish(&p.in);
		*tail_of(&p) = 2;
		assert_true(yg_ring_has_room(&p.in, 2));
		p.in.own += 2;
		*tail_of(&p) = lies[i]; // COUNT have been shown: 2 to COUNT can be
		assert_false(yg_ring_has_room(&p.in, 1));
		assert_true(p.in.broken);
		*tail_of(&p) = 3;
		assert_false(yg_ring_has_room(&p.in, 1));
		assert_false(yg_ring_wait_room(&p.in, 1, 1));
		drop_pair(&p);
	}
}

static void the_layout_in_shared_memory_is_read_once(void **state)
{
	(void)state;
	struct pair p = make_pair(COUNT);
	uint32_t *layout = (uint32_t *)((uint8_t *)p.memory + 8);
	layout[0] = 1 << 20;
	layout[1] = 1 << 20;
	for (unsigned i = 0; i < 3 * COUNT; i++) {
		assert_true(yg_ring_has_room(&p.in, 1));
		put(&p.in, i);
		yg_ring_publish(&p.in);
		assert_int_equal(yg_ring_available(&p.out), 1);
		take(&p.out, i);
		yg_ring_release(&p.out);
	}
	drop_pair(&p);
}

static void the_end_is_seen_when_everything_has_been_read(void **state)
{
	(void)state;
	struct pair p = make_pair(COUNT);
	put(&p.in, 7);
	assert_false(yg_ring_ended(&p.out));
	yg_ring_close(&p.in);
	assert_false(yg_ring_ended(&p.out));
	assert_true(yg_ring_wait_data(&p.out, 1000));
	take(&p.out, 7);
	assert_true(yg_ring_ended(&p.out));
	assert_false(yg_ring_wait_data(&p.out, 60000)); // does not wait: nothing can come
	drop_pair(&p);
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void a_wait_for_a_silent_peer_ends(void **state)
{
	(void)state;
	struct pair p = make_pair(COUNT);
	int64_t before = now_ms();
	assert_false(yg_ring_wait_data(&p.out, 30));
	for (unsigned i = 0; i < COUNT; i++)
		put(&p.in, i);
	assert_false(yg_ring_wait_room(&p.in, 1, 30));
	assert_in_range(now_ms() - before, 55, 5000);
	assert_int_equal(yg_ring_available(&p.out), COUNT); // it published before it slept
	drop_pair(&p);
}

static void *produce_slowly(void *argument)
{
	struct yg_ring *ring = argument;
	usleep(50000);
	put(ring, 1);
	yg_ring_publish(ring);
	return NULL;
}

static void who_sleeps_is_woken(void **state)
{
	(void)state;
	struct pair p = make_pair(COUNT);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, produce_slowly, &p.in), 0);
	int64_t before = now_ms();
	assert_true(yg_ring_wait_data(&p.out, 30000));
	assert_in_range(now_ms() - before, 0, 10000);
	pthread_join(thread, NULL);
	drop_pair(&p);
}

static void *produce_many(void *argument)
{
	struct yg_ring *ring = argument;
	for (uint64_t i = 0; i < MANY; i++) {
		while (!yg_ring_has_room(ring, 1))
			yg_ring_wait_room(ring, 1, 100);
		put(ring, i);
		if (i % 3 == 0)
			yg_ring_publish(ring);
	}
	yg_ring_close(ring);
	return NULL;
}

static void consume_many(struct yg_ring *ring, uint64_t from)
{
	while (!yg_ring_ended(ring)) {
		yg_ring_wait_data(ring, 100);
		for (uint32_t n = yg_ring_available(ring); n; n--)
			take(ring, from++);
		yg_ring_release(ring);
	}
	assert_false(ring->broken);
	assert_int_equal(from, MANY);
}

static void two_threads_pass_everything_in_order(void **state)
{
	(void)state;
	struct pair p = make_pair(COUNT);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, produce_many, &p.in), 0);
	consume_many(&p.out, 0);
	pthread_join(thread, NULL);
	drop_pair(&p);
}

// The consumer is killed in the middle; who attaches next goes on where it stopped.
static void another_process_takes_over_where_the_dead_one_stopped(void **state)
{
	(void)state;
	struct pair p = make_pair(COUNT);
	pid_t pid = fork();
	if (pid == 0) {
		for (uint64_t i = 0; i < 1000; i++) {
			while (!yg_ring_wait_data(&p.out, 100))
				;
			yg_ring_pop(&p.out, 1);
			yg_ring_release(&p.out);
		}
		raise(SIGKILL);
	}
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, produce_many, &p.in), 0);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	struct yg_ring next;
	assert_int_equal(yg_ring_attach(&next, p.memory, p.size, SLOT, false), 0);
	consume_many(&next, 1000);
	pthread_join(thread, NULL);
	drop_pair(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_out_as_they_went_in),
		cmocka_unit_test(nothing_is_seen_before_it_is_published_nor_freed_before_it_is_released),
		cmocka_unit_test(a_full_ring_refuses_at_once_and_loses_nothing),
		cmocka_unit_test(a_record_of_several_slots_wraps_around),
		cmocka_unit_test(what_cannot_be_a_ring_is_neither_made_nor_attached),
		cmocka_unit_test(a_producer_that_claims_what_cannot_be_breaks_the_ring),
		cmocka_unit_test(a_consumer_that_gives_back_what_it_never_got_breaks_the_ring),
		cmocka_unit_test(the_layout_in_shared_memory_is_read_once),
		cmocka_unit_test(the_end_is_seen_when_everything_has_been_read),
		cmocka_unit_test(a_wait_for_a_silent_peer_ends),
		cmocka_unit_test(who_sleeps_is_woken),
		cmocka_unit_test(two_threads_pass_everything_in_order),
		cmocka_unit_test(another_process_takes_over_where_the_dead_one_stopped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

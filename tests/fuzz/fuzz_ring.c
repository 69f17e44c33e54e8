// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A ring with a hostile peer: between the operations of an honest producer and an honest consumer, anything is written to the shared
// header and to the slots. Oracles: no byte outside the ring is touched (its memory is of exactly its size); no side ever holds
// more than the ring has; a broken ring stays broken and gives nothing; no wait outlasts its time; without lies, what comes
// out is what went in.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ring.h"
#include "reader_oracle.h"

enum { SLOT = 16, HEADER = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p, *end;
};

static uint64_t next(struct input *in, unsigned bytes)
{
	uint64_t value = 0;
	for (; bytes; bytes--)
		value = value << 8 | (in->p < in->end ? *in->p++ : 0);
	return value;
}

static uint64_t in_count, out_count;
static bool lied;

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void produce(struct yg_ring *ring, uint32_t n)
{
	bool broken = ring->broken;
	if (!yg_ring_has_room(ring, n)) {
		must(ring->broken || ring->own + n - ring->peer > ring->count);
		return;
	}
	must(!broken && n <= ring->count && ring->own + n - ring->peer <= ring->count);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t record[2] = {in_count, ~in_count};
		memcpy(yg_ring_slot(ring, ring->own + i), record, sizeof record);
		in_count++;
	}
	yg_ring_push(ring, n);
}

static void consume(struct yg_ring *ring, uint32_t most)
{
	bool broken = ring->broken;
	uint32_t n = yg_ring_available(ring);
	must(n <= ring->count && !(broken && n));
	for (uint32_t i = 0; i < n && i < most; i++) {
		uint64_t record[2];
		memcpy(record, yg_ring_slot(ring, ring->own), sizeof record);
		must(lied || (record[0] == out_count && record[1] == ~out_count));
		out_count++;
		yg_ring_pop(ring, 1);
	}
}

// The peer's words: indexes, wake-up counts, flags, the layout; and the slots.
static void lie(struct input *in, uint8_t *memory, size_t bytes)
{
	uint64_t value = next(in, 8);
	unsigned where = (unsigned)next(in, 1);
	static const unsigned words[] = {0, 8, 12, 64, 72, 76, 80, 128, 136, 140, 144};
	lied = true;
	if (where < 64)
		memcpy(memory + words[where % (sizeof words / sizeof words[0])], &value, where % 2 ? 4 : 8);
	else if (where < 128) // near the truth, where a check may be off by one
		*(uint64_t *)(void *)(memory + (where % 2 ? 64 : 128)) += (value & 31) - 16;
	else
		memcpy(memory + HEADER + value % (bytes - HEADER - 8), &value, 8);
}

static void step(struct input *in, uint8_t *memory, size_t bytes, struct yg_ring *producer, struct yg_ring *consumer)
{
	unsigned op = (unsigned)next(in, 1);
	int64_t before;
	switch (op & 15) {
	case 0:
	case 1:
		produce(producer, op >> 4);
		break;
	case 2:
		produce(producer, (uint32_t)next(in, 4));
		break;
	case 3:
	case 4:
		yg_ring_publish(producer);
		break;
	case 5:
	case 6:
		consume(consumer, op >> 4);
		break;
	case 7:
	case 8:
		yg_ring_release(consumer);
		break;
	case 9:
		before = now_ms();
		yg_ring_wait_room(producer, op >> 4, op >= 0xf0);
		yg_ring_wait_data(consumer, op >= 0xf0);
		must(now_ms() - before < 2000);
		break;
	case 10:
		if (yg_ring_ended(consumer))
			must(consumer->broken || yg_ring_available(consumer) == 0);
		break;
	case 11:
		yg_ring_close(producer);
		break;
	case 12: { // a process that comes later
		struct yg_ring again;
		if (yg_ring_attach(&again, memory, bytes, SLOT, op >> 4 & 1) == 0) {
			must(again.count <= (bytes - HEADER) / SLOT);
			must((again.producer ? again.own - again.peer : again.peer - again.own) <= again.count);
		}
		break;
	}
	default:
		lie(in, memory, bytes);
		break;
	}
	must(producer->own - producer->peer <= producer->count);
	must(consumer->peer - consumer->own <= consumer->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	struct yg_ring producer, consumer;
	if (size < 2 || size > 4096)
		return 0;
	uint32_t count = 2u << (next(&in, 1) & 3);
	size_t bytes = yg_ring_bytes(SLOT, count);
	uint8_t *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
	if (!memory)
		return 0;
	memset(memory, 0, bytes);
	must(yg_ring_format(memory, bytes, SLOT, count) == 0);
	must(yg_ring_attach(&producer, memory, bytes, SLOT, true) == 0);
	must(yg_ring_attach(&consumer, memory, bytes, SLOT, false) == 0);
	in_count = out_count = 0;
	lied = false;
	while (in.p < in.end)
		step(&in, memory, bytes, &producer, &consumer);
	must(lied || (!producer.broken && !consumer.broken && out_count <= in_count));
	free(memory);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The clock of the generators: a binary heap of events. Each conversation, source of arrivals and attack keeps one or a
// few events in it and schedules the next when one is delivered, so that memory follows what is open at a time, never
// the length of the file, and packets of all of them leave merged by time without a sort. Thread: one.
#include "gen_sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *gen_alloc(size_t size)
{
	void *memory = calloc(1, size);
	if (!memory) {
		fputs("yagura-generate: out of memory\n", stderr);
		exit(71);
	}
	return memory;
}

void gen_init(struct gen *gen, int64_t start, int64_t seconds, uint64_t seed)
{
	memset(gen, 0, sizeof(*gen));
	gen->start = start * GEN_S;
	gen->end = gen->start + seconds * GEN_S;
	gen->now = gen->start;
	gen->seed = seed;
	gen->scale = 1.0;
	gen->room = 4096;
	gen->heap = gen_alloc(gen->room * sizeof(*gen->heap));
}

void gen_finish(struct gen *gen)
{
	free(gen->heap);
	gen->heap = NULL;
}

static bool earlier(const struct gen_event *a, const struct gen_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_grow(struct gen *gen)
{
	struct gen_event *heap = gen_alloc(2 * gen->room * sizeof(*heap));
	memcpy(heap, gen->heap, gen->count * sizeof(*heap));
	free(gen->heap);
	gen->heap = heap;
	gen->room *= 2;
}

void gen_at(struct gen *gen, int64_t at, gen_event_fn *fn, void *self, uint32_t a, uint32_t b)
{
	if (gen->count == gen->room)
		heap_grow(gen);
	struct gen_event event = {at < gen->now ? gen->now : at, gen->order++, fn, self, a, b};
	size_t i = gen->count++;
	for (; i > 0 && earlier(&event, &gen->heap[(i - 1) / 2]); i = (i - 1) / 2)
		gen->heap[i] = gen->heap[(i - 1) / 2];
	gen->heap[i] = event;
}

static struct gen_event heap_take(struct gen *gen)
{
	struct gen_event first = gen->heap[0], last = gen->heap[--gen->count];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < gen->count; i = child) {
		if (child + 1 < gen->count && earlier(&gen->heap[child + 1], &gen->heap[child]))
			child++;
		if (!earlier(&gen->heap[child], &last))
			break;
		gen->heap[i] = gen->heap[child];
	}
	gen->heap[i] = last;
	return first;
}

bool gen_over(const struct gen *gen)
{
	return gen->now >= gen->end || gen->error;
}

int gen_run(struct gen *gen)
{
	if (gen->out)
		gen->error = gen_pcap_begin(gen->out);
	while (gen->count) {
		struct gen_event event = heap_take(gen);
		gen->now = event.at;
		event.fn(gen, event.self, event.a, event.b);
	}
	if (gen->out && fflush(gen->out) != 0 && !gen->error)
		gen->error = -EIO;
	return gen->error;
}

static bool is_silent(const struct gen *gen, const struct gen_addr *addr)
{
	unsigned body = gen_body_of(addr);
	return body < GEN_BODIES && gen->now < gen->silent_until[body];
}

// What the tap does not show was sent all the same: nothing else may change by it.
static bool is_hidden(const struct gen *gen, const struct gen_packet *packet)
{
	if (gen->mirror == (packet->outbound ? GEN_MIRROR_IN : GEN_MIRROR_OUT))
		return true;
	return gen->silence && (is_silent(gen, &packet->src) || is_silent(gen, &packet->dst));
}

void gen_emit(struct gen *gen, const struct gen_packet *packet)
{
	uint8_t frame[GEN_FRAME_MAX];
	if (gen_over(gen) || is_hidden(gen, packet))
		return;
	struct gen_packet tagged = *packet;
	tagged.vlan = gen->vlan;
	size_t len = gen_build(&tagged, frame, sizeof(frame));
	if (len == 0) {
		gen->error = -EMSGSIZE;
		return;
	}
	gen->packets++;
	gen->bytes += len;
	if (gen->out)
		gen->error = gen_pcap_write(gen->out, gen->now, frame, len);
}

uint8_t gen_family_of(const struct gen *gen, struct gen_rng *rng, double v6_share)
{
	bool v6 = gen_chance(rng, v6_share); // drawn always, so that the choice of a family moves nothing else
	if (gen->family != GEN_FAMILY_BOTH)
		return gen->family == GEN_FAMILY_V6 ? 6 : 4;
	return v6 ? 6 : 4;
}

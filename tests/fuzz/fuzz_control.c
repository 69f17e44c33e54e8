// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Whatever comes over the control socket, in whatever pieces. Oracles: the reader never holds more than its buffer, always has room while
// it says that more is wanted, and never asks for more when a whole frame lies there; the requests found in pieces are those found in one
// go; a bad length is bad for ever. And what `yagura stats` reads back of any text is a number.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd_stats.h"
#include "cli/control_request.h"
#include "reader_oracle.h"

enum { FOUND_MAX = 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct found {
	enum yg_control_request request[FOUND_MAX];
	unsigned count;
	bool bad;
};

// Takes all that is there. False once a length was bad.
static bool take_all(struct yg_control_reader *r, struct found *f)
{
	for (;;) {
		size_t before = r->have;
		enum yg_control_request request = yg_control_take(r);
		must(r->have <= before && before <= sizeof r->bytes);
		if (request == YG_CONTROL_MORE) {
			must(r->have == before && yg_control_room(r) > 0);
			must(r->have < YG_CONTROL_HEAD || r->have < YG_CONTROL_HEAD + (size_t)yg_control_read_length(r->bytes));
			return true;
		}
		if (request == YG_CONTROL_BAD) {
			must(r->have == before && yg_control_take(r) == YG_CONTROL_BAD);
			f->bad = true;
			return false;
		}
		must(request <= YG_CONTROL_UNKNOWN && r->have < before);
		if (f->count < FOUND_MAX)
			f->request[f->count++] = request;
	}
}

static void feed(const uint8_t *data, size_t size, uint8_t seed, struct found *f)
{
	struct yg_control_reader *r = calloc(1, sizeof *r);
	must(r != NULL);
	for (size_t at = 0; at < size;) {
		size_t n = seed ? 1 + (seed * (at + 7)) % 97 : size - at, room = yg_control_room(r);
		n = n < size - at ? n : size - at;
		n = n < room ? n : room;
		memcpy(r->bytes + r->have, data + at, n);
		r->have += n;
		at += n;
		if (!take_all(r, f))
			break;
	}
	free(r);
}

static void look_at_text(const uint8_t *data, size_t size)
{
	static const char *const labels[] = {NULL, "worker=\"0\"", ""};
	char *text = malloc(size + 1), name[8] = "y";
	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (size)
		name[0] = text[0];
	for (unsigned i = 0; i < 3; i++) {
		must(isfinite(yg_stats_value(text, "yagura_receiving", labels[i])));
		must(isfinite(yg_stats_value(text, name, labels[i])));
		yg_stats_has(text, name, labels[i]);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct found whole = {.count = 0}, pieces = {.count = 0};
	feed(data + 1, size - 1, 0, &whole);
	feed(data + 1, size - 1, data[0] | 1, &pieces);
	must(whole.count == pieces.count && whole.bad == pieces.bad);
	must(memcmp(whole.request, pieces.request, whole.count * sizeof whole.request[0]) == 0);
	look_at_text(data, size);
	return 0;
}

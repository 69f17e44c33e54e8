// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See control_request.h.
#include "cli/control_request.h"

#include <string.h>

uint32_t yg_control_read_length(const uint8_t head[YG_CONTROL_HEAD])
{
	return (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
}

void yg_control_length(uint8_t head[YG_CONTROL_HEAD], uint32_t length)
{
	for (unsigned i = 0; i < YG_CONTROL_HEAD; i++)
		head[i] = (uint8_t)(length >> (24 - 8 * i));
}

static enum yg_control_request find(const uint8_t *word, size_t length)
{
	static const char *const words[] = {
#define X(id, name) name,
		YG_CONTROL_REQUESTS(X)
#undef X
	};
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i]) == length && memcmp(words[i], word, length) == 0)
			return (enum yg_control_request)i;
	return YG_CONTROL_UNKNOWN;
}

enum yg_control_request yg_control_take(struct yg_control_reader *r)
{
	if (r->have < YG_CONTROL_HEAD)
		return YG_CONTROL_MORE;
	uint32_t length = yg_control_read_length(r->bytes);
	if (length == 0 || length > YG_CONTROL_REQUEST_MAX)
		return YG_CONTROL_BAD;
	size_t whole = YG_CONTROL_HEAD + length;
	if (r->have < whole)
		return YG_CONTROL_MORE;
	enum yg_control_request request = find(r->bytes + YG_CONTROL_HEAD, length);
	r->have -= whole;
	memmove(r->bytes, r->bytes + whole, r->have);
	return request;
}

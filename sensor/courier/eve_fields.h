// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What eve_flow.c and eve_alert.c share: appending what needs no escaping to a struct yg_json, with one compare a
// piece. The writer of base/json.h looks at every byte of every key; a flow event has about sixty keys, all known here,
// so they go in whole.
#pragma once

#include <string.h>

#include "base/json.h"
#include "courier/eve.h"

static inline void put_bytes(struct yg_json *json, const char *text, size_t length)
{
	if (json->full || length > json->size - json->length) {
		json->full = true;
		return;
	}
	memcpy(json->buffer + json->length, text, length);
	json->length += length;
}

// A text of our own that is known to need no escaping: keys, names of states.
#define put_literal(json, literal) put_bytes((json), (literal), sizeof(literal) - 1)

static inline void put_word(struct yg_json *json, const char *word)
{
	put_bytes(json, word, strlen(word));
}

void yg_eve_put_uint(struct yg_json *json, uint64_t value);
// Without quotes: "192.0.2.1", "2001:db8::1" (RFC 5952).
void yg_eve_put_addr(struct yg_json *json, uint8_t af, const struct yg_addr *addr);
void yg_eve_put_time(struct yg_json *json, struct yg_eve *eve, int64_t ns);
// A text from outside, quoted and escaped; `size` is that of its field.
void yg_eve_put_text(struct yg_json *json, const char *text, size_t size);
// `"timestamp":…,"event_type":…,"host":…`, opening brace included.
void yg_eve_put_head(struct yg_json *json, struct yg_eve *eve, int64_t ns, const char *event_type);

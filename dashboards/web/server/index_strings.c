// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Interned strings: an alert names its kind, application and vector by 16 bits. Never given back: there are few, and WEB_STRINGS_MAX bounds
// what hostile lines can make; beyond, everything new is "…", which is counted.
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "index_parts.h"

static const unsigned char *bytes(const char *text)
{
	return (const unsigned char *)text;
}

static uint64_t hash_of(const char *text, const unsigned char key[16])
{
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t hash;
	crypto_shorthash(out, bytes(text), strlen(text), key);
	memcpy(&hash, out, sizeof hash);
	return hash;
}

static bool put(struct strings *s, const char *text, uint64_t hash)
{
	if (s->count == s->room) {
		uint32_t room = s->room ? s->room * 2 : 256;
		struct interned *at = realloc(s->at, room * sizeof *at);
		if (!at)
			return false;
		s->at = at;
		s->room = room;
	}
	struct interned *new = &s->at[s->count];
	new->text = strdup(text);
	new->folded = web_fold_text(text);
	if (!new->text || !new->folded) {
		free(new->text);
		free(new->folded);
		return false;
	}
	uint32_t *bucket = &s->buckets[hash & s->mask];
	new->chain = *bucket;
	*bucket = s->count++;
	return true;
}

bool strings_init(struct strings *s)
{
	s->mask = 4095;
	s->buckets = malloc((s->mask + 1) * sizeof *s->buckets);
	if (!s->buckets)
		return false;
	memset(s->buckets, 0xff, (s->mask + 1) * sizeof *s->buckets);
	return put(s, "", 0) && put(s, "…", 1); // found by their numbers alone
}

void strings_finish(struct strings *s)
{
	for (uint32_t i = 0; i < s->count; i++) {
		free(s->at[i].text);
		free(s->at[i].folded);
	}
	free(s->at);
	free(s->buckets);
}

uint16_t strings_take(struct strings *s, const char *text, const unsigned char key[16])
{
	if (!text[0])
		return 0;
	uint64_t hash = hash_of(text, key);
	for (uint32_t at = s->buckets[hash & s->mask]; at != WEB_NOWHERE; at = s->at[at].chain)
		if (strcmp(s->at[at].text, text) == 0)
			return (uint16_t)at;
	if (s->count == WEB_STRINGS_MAX || !put(s, text, hash)) {
		s->full++;
		return 1;
	}
	return (uint16_t)(s->count - 1);
}

const char *strings_text(const struct strings *s, uint16_t at)
{
	return at < s->count ? s->at[at].text : "";
}

const char *strings_folded(const struct strings *s, uint16_t at)
{
	return at < s->count ? s->at[at].folded : "";
}

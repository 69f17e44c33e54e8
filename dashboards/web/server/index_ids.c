// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What is shown in the place of numbers that say more than they should.
//
// A group's id is a hash without a key of its body, kind, source and target: the name under which its state lies in Redis, the same for
// ever. Who sees a group and not the address at its other end could try out all addresses of a network against it. So nobody is shown it,
// but what a permutation under a key makes of it: the states stay where they are and a new key costs nothing but links. Eight rounds of
// Luby and Rackoff's construction ("How to construct pseudorandom permutations from pseudorandom functions", 1988; four would do) over
// SipHash.
//
// How far a stream has come counts what all sensors said and everybody did. Who sees a part of it gets it sealed.
//
// The secret lies in Redis (state.c), beside the states: a restart, another host and another process have the same. Until it has been read
// there is one of this process.
#include <stdio.h>
#include <string.h>

#include "index_parts.h"

enum { ROUNDS = 8, SEAL_OVERHEAD = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES };

void web_index_secret(struct web_index *index, const unsigned char secret[WEB_SECRET_BYTES])
{
	static const char groups[] = "ids of groups", places[] = "places in streams";
	crypto_generichash(index->group_key, sizeof index->group_key, (const unsigned char *)groups, sizeof groups, secret, WEB_SECRET_BYTES);
	crypto_generichash(index->seal_key, sizeof index->seal_key, (const unsigned char *)places, sizeof places, secret, WEB_SECRET_BYTES);
}

static uint32_t mixed(const struct web_index *index, unsigned round, uint32_t half)
{
	const uint32_t in[2] = {round, half};
	uint64_t out;
	crypto_shorthash((unsigned char *)&out, (const unsigned char *)in, sizeof in, index->group_key);
	return (uint32_t)out;
}

uint64_t web_group_shown(const struct web_index *index, uint64_t id)
{
	uint32_t left = (uint32_t)(id >> 32), right = (uint32_t)id;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint32_t next = left ^ mixed(index, round, right);
		left = right;
		right = next;
	}
	return (uint64_t)left << 32 | right;
}

static uint64_t group_of_shown(const struct web_index *index, uint64_t shown)
{
	uint32_t left = (uint32_t)(shown >> 32), right = (uint32_t)shown;
	for (unsigned round = ROUNDS; round-- > 0;) {
		uint32_t before = right ^ mixed(index, round, left);
		right = left;
		left = before;
	}
	return (uint64_t)left << 32 | right;
}

void web_group_text(const struct web_index *index, uint64_t id, char to[17])
{
	web_id_text(web_group_shown(index, id), to);
}

void web_id_text(uint64_t id, char to[17])
{
	snprintf(to, 17, "%016llx", (unsigned long long)id);
}

bool web_group_read(const struct web_index *index, const char *text, uint64_t *ret)
{
	uint64_t shown;
	bool good = index_read_id(text, &shown);
	*ret = good ? group_of_shown(index, shown) : 0;
	return good;
}

uint32_t web_index_find_group_text(const struct web_index *index, const char *text)
{
	uint64_t id;
	return web_group_read(index, text, &id) ? web_index_find_group(index, id) : WEB_NOWHERE;
}

// ---- places in streams ----

_Static_assert((int)SEAL_OVERHEAD == (int)WEB_SEAL_BYTES, "the header says how much room it takes");

void index_seal(const struct web_index *index, const char *text, size_t size, char *to, size_t room)
{
	unsigned char sealed[WEB_SEALED_MAX + SEAL_OVERHEAD];
	to[0] = '\0';
	if (size > WEB_SEALED_MAX || room < sodium_base64_ENCODED_LEN(size + SEAL_OVERHEAD, sodium_base64_VARIANT_URLSAFE_NO_PADDING))
		return;
	randombytes_buf(sealed, crypto_secretbox_NONCEBYTES);
	crypto_secretbox_easy(sealed + crypto_secretbox_NONCEBYTES, (const unsigned char *)text, size, sealed, index->seal_key);
	sodium_bin2base64(to, room, sealed, size + SEAL_OVERHEAD, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool index_unseal(const struct web_index *index, const char *text, char *to, size_t room)
{
	unsigned char sealed[WEB_SEALED_MAX + SEAL_OVERHEAD];
	size_t size;
	if (sodium_base642bin(sealed, sizeof sealed, text, strlen(text), NULL, &size, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
	    size < SEAL_OVERHEAD || size - SEAL_OVERHEAD >= room ||
	    crypto_secretbox_open_easy((unsigned char *)to, sealed + crypto_secretbox_NONCEBYTES, size - crypto_secretbox_NONCEBYTES, sealed,
				       index->seal_key) != 0)
		return false;
	to[size - SEAL_OVERHEAD] = '\0';
	return true;
}

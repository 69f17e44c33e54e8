// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See shown.h.
#include "shown.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 8, SEAL_OVERHEAD = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES };

void web_shown_secret(struct web_shown *shown, const unsigned char secret[WEB_SECRET_BYTES])
{
	static const char groups[] = "ids of groups", places[] = "places in streams";
	crypto_generichash(shown->group_key, sizeof shown->group_key, (const unsigned char *)groups, sizeof groups, secret, WEB_SECRET_BYTES);
	crypto_generichash(shown->seal_key, sizeof shown->seal_key, (const unsigned char *)places, sizeof places, secret, WEB_SECRET_BYTES);
}

static uint32_t mixed(const struct web_shown *shown, unsigned round, uint32_t half)
{
	const uint32_t in[2] = {round, half};
	uint64_t out;
	crypto_shorthash((unsigned char *)&out, (const unsigned char *)in, sizeof in, shown->group_key);
	return (uint32_t)out;
}

uint64_t web_group_shown(const struct web_shown *shown, uint64_t id)
{
	uint32_t left = (uint32_t)(id >> 32), right = (uint32_t)id;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint32_t next = left ^ mixed(shown, round, right);
		left = right;
		right = next;
	}
	return (uint64_t)left << 32 | right;
}

static uint64_t group_of_shown(const struct web_shown *shown, uint64_t number)
{
	uint32_t left = (uint32_t)(number >> 32), right = (uint32_t)number;
	for (unsigned round = ROUNDS; round-- > 0;) {
		uint32_t before = right ^ mixed(shown, round, left);
		right = left;
		left = before;
	}
	return (uint64_t)left << 32 | right;
}

void web_group_text(const struct web_shown *shown, uint64_t id, char to[17])
{
	web_id_text(web_group_shown(shown, id), to);
}

void web_id_text(uint64_t id, char to[17])
{
	snprintf(to, 17, "%016llx", (unsigned long long)id);
}

bool web_id_read(const char *text, uint64_t *ret)
{
	size_t n = strspn(text, "0123456789abcdef");
	if (n != 16 || text[n])
		return false;
	*ret = strtoull(text, NULL, 16);
	return true;
}

bool web_group_read(const struct web_shown *shown, const char *text, uint64_t *ret)
{
	uint64_t number;
	bool good = web_id_read(text, &number);
	*ret = good ? group_of_shown(shown, number) : 0;
	return good;
}

// ---- places in streams ----

_Static_assert(sizeof((struct web_shown *)0)->group_key == crypto_shorthash_KEYBYTES, "of SipHash");
_Static_assert(sizeof((struct web_shown *)0)->seal_key == crypto_secretbox_KEYBYTES, "of the box");
_Static_assert((int)SEAL_OVERHEAD == (int)WEB_SEAL_BYTES, "the header says how much room it takes");

void web_seal(const struct web_shown *shown, const char *text, size_t size, char *to, size_t room)
{
	unsigned char sealed[WEB_SEALED_MAX + SEAL_OVERHEAD];
	to[0] = '\0';
	if (size > WEB_SEALED_MAX || room < sodium_base64_ENCODED_LEN(size + SEAL_OVERHEAD, sodium_base64_VARIANT_URLSAFE_NO_PADDING))
		return;
	randombytes_buf(sealed, crypto_secretbox_NONCEBYTES);
	crypto_secretbox_easy(sealed + crypto_secretbox_NONCEBYTES, (const unsigned char *)text, size, sealed, shown->seal_key);
	sodium_bin2base64(to, room, sealed, size + SEAL_OVERHEAD, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool web_unseal(const struct web_shown *shown, const char *text, char *to, size_t room)
{
	unsigned char sealed[WEB_SEALED_MAX + SEAL_OVERHEAD];
	size_t size;
	if (sodium_base642bin(sealed, sizeof sealed, text, strlen(text), NULL, &size, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
	    size < SEAL_OVERHEAD || size - SEAL_OVERHEAD >= room ||
	    crypto_secretbox_open_easy((unsigned char *)to, sealed + crypto_secretbox_NONCEBYTES, size - crypto_secretbox_NONCEBYTES, sealed,
				       shown->seal_key) != 0)
		return false;
	to[size - SEAL_OVERHEAD] = '\0';
	return true;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See waits.h.
#include "waits.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const struct {
	uint32_t failures;
	int longest_s;
} kinds[WEB_WAIT_KINDS] = {{5, 300}, {20, 300}, {100, 15}};

void web_waits_init(struct web_waits *waits)
{
	memset(waits, 0, sizeof *waits);
	randombytes_buf(waits->secret, sizeof waits->secret);
}

static void make_key(const struct web_waits *waits, unsigned kind, const char *name, const char *peer, uint8_t ret[16])
{
	char text[320], network[64];
	struct in6_addr six;
	snprintf(network, sizeof network, "%s", peer);
	if (inet_pton(AF_INET6, peer, &six) == 1 && !IN6_IS_ADDR_V4MAPPED(&six)) { // a house has a /64, and every address in it
		memset(six.s6_addr + 8, 0, 8);
		inet_ntop(AF_INET6, &six, network, sizeof network);
	}
	snprintf(text, sizeof text, "%s\n%s", kind == 1 ? "" : name, kind == 2 ? "" : network);
	crypto_generichash(ret, 16, (const unsigned char *)text, strlen(text), waits->secret, sizeof waits->secret);
}

static struct web_wait *find(struct web_waits *waits, unsigned kind, const uint8_t key[16])
{
	for (unsigned i = 0; i < WEB_WAITS; i++)
		if (waits->table[kind][i].failures && memcmp(waits->table[kind][i].key, key, 16) == 0)
			return &waits->table[kind][i];
	return NULL;
}

static struct web_wait *find_or_make(struct web_waits *waits, unsigned kind, const uint8_t key[16], int64_t now_ms)
{
	struct web_wait *found = find(waits, kind, key), *stillest = &waits->table[kind][0];
	if (found && now_ms - found->last_ms <= WEB_WAIT_FORGET_S * 1000)
		return found;
	for (unsigned i = 0; !found && i < WEB_WAITS; i++) {
		struct web_wait *w = &waits->table[kind][i];
		if (!w->failures)
			found = w;
		else if (w->last_ms < stillest->last_ms)
			stillest = w;
	}
	if (!found) {
		found = stillest;
		if (now_ms - found->last_ms <= WEB_WAIT_FORGET_S * 1000)
			waits->pushed_out++;
	}
	*found = (struct web_wait){.last_ms = now_ms};
	memcpy(found->key, key, 16);
	return found;
}

int web_waits_begin(struct web_waits *waits, const char *name, const char *peer, int64_t now_ms)
{
	uint8_t key[WEB_WAIT_KINDS][16];
	int64_t longest = 0;
	for (unsigned kind = 0; kind < WEB_WAIT_KINDS; kind++) {
		make_key(waits, kind, name, peer, key[kind]);
		const struct web_wait *w = find(waits, kind, key[kind]);
		if (w && w->until_ms - now_ms > longest)
			longest = w->until_ms - now_ms;
	}
	if (longest)
		return (int)((longest + 999) / 1000);
	for (unsigned kind = 0; kind < WEB_WAIT_KINDS; kind++) {
		struct web_wait *w = find_or_make(waits, kind, key[kind], now_ms);
		w->last_ms = now_ms;
		if (++w->failures < kinds[kind].failures)
			continue;
		uint32_t over = w->failures - kinds[kind].failures;
		int wait = over < 9 ? 1 << over : kinds[kind].longest_s;
		w->until_ms = now_ms + 1000 * (int64_t)(wait < kinds[kind].longest_s ? wait : kinds[kind].longest_s);
	}
	return 0;
}

static void undo(struct web_waits *waits, const char *name, const char *peer, bool forget_pair)
{
	for (unsigned kind = 0; kind < WEB_WAIT_KINDS; kind++) {
		uint8_t key[16];
		make_key(waits, kind, name, peer, key);
		struct web_wait *w = find(waits, kind, key);
		if (!w)
			continue;
		w->failures = kind == 0 && forget_pair ? 0 : w->failures - 1;
		w->until_ms = 0;
	}
}

void web_waits_right(struct web_waits *waits, const char *name, const char *peer)
{
	undo(waits, name, peer, true);
}

void web_waits_take_back(struct web_waits *waits, const char *name, const char *peer)
{
	undo(waits, name, peer, false);
}

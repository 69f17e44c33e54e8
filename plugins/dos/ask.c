// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the dos detector asks of its host, and how often. A question to the sample is a pass over up to a quarter of a
// million records, so a second has DOS_ASKS of them: under a carpet of victims the rest waits for the next second.
#include "dos.h"

#include <string.h>

bool dos_can_ask(const struct dos *d)
{
	return d->modern && d->host->ask;
}

bool dos_asks_left(struct dos *d)
{
	if (d->asks < DOS_ASKS)
		return true;
	d->stats.asks_spent++;
	return false;
}

bool dos_ask(struct dos *d, const struct yg_question *question, struct yg_answer *ret)
{
	struct yg_question q = *question;
	if (!dos_can_ask(d) || !dos_asks_left(d))
		return false;
	d->asks++;
	q.size = sizeof q;
	memset(ret, 0, sizeof *ret);
	ret->size = sizeof *ret;
	d->host->ask(d->host->context, &q, ret);
	return true;
}

struct yg_question dos_towards(uint8_t af, const struct yg_addr *addr, uint8_t len, uint32_t vectors)
{
	return (struct yg_question){.vectors = vectors, .addr = *addr, .af = af, .len = len};
}

uint32_t dos_planned(const struct dos *d, uint16_t org, int64_t second)
{
	return d->modern && d->host->planned ? d->host->planned(d->host->context, org, second) : 0;
}

const struct yg_server_info *dos_server(const struct dos *d, uint8_t af, const struct yg_addr *addr, uint8_t proto, uint16_t port)
{
	return d->modern && d->host->server ? d->host->server(d->host->context, af, addr, proto, port) : NULL;
}

bool dos_within(const struct yg_addr *addr, const struct yg_addr *prefix, unsigned len)
{
	unsigned bytes = len / 8, bits = len % 8;
	if (memcmp(addr, prefix, bytes) != 0)
		return false;
	return !bits || (uint8_t)((addr->b[bytes] ^ prefix->b[bytes]) >> (8 - bits)) == 0;
}

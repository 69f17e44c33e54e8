// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Longest-prefix match by one binary search: of all prefixes that hold an address the longest stands last, and whatever
// stands between it and the address in the order lies inside it, so its chain of covers leads there. See lookup.h.
#include "config/lookup.h"

#include <string.h>

#include "config/address.h"

// Whether the prefix stands at or before (af, addr) in the order of the table.
static bool stands_before(const struct yg_prefix *p, uint8_t af, const struct yg_addr *addr)
{
	if (p->af != af)
		return p->af < af;
	return memcmp(&p->addr, addr, sizeof *addr) <= 0;
}

const struct yg_prefix *yg_lookup_prefix(const struct yg_config *config, uint8_t af, const struct yg_addr *addr)
{
	uint32_t low = 0, high = config->prefixes_count; // the last one that stands before is in [low - 1, high - 1]
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (stands_before(&config->prefixes[middle], af, addr))
			low = middle + 1;
		else
			high = middle;
	}
	uint16_t at = low ? (uint16_t)(low - 1) : 0xffff;
	while (at != 0xffff) {
		const struct yg_prefix *p = &config->prefixes[at];
		if (p->af != af)
			return NULL;
		if (yg_address_within(addr, &p->addr, p->length))
			return p;
		at = p->cover;
	}
	return NULL;
}

static int compare(const struct yg_service *s, uint8_t af, const struct yg_addr *addr, uint8_t proto, uint16_t port)
{
	if (s->af != af)
		return s->af < af ? -1 : 1;
	int order = memcmp(&s->addr, addr, sizeof *addr);
	if (order)
		return order;
	if (s->proto != proto)
		return s->proto < proto ? -1 : 1;
	return (int)s->port - (int)port;
}

static const struct yg_service *find(const struct yg_config *config, uint8_t af, const struct yg_addr *addr,
                                     uint8_t proto, uint16_t port)
{
	uint32_t low = 0, high = config->services_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare(&config->services[middle], af, addr, proto, port);
		if (order == 0)
			return &config->services[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct yg_service *yg_lookup_service(const struct yg_config *config, uint8_t af, const struct yg_addr *addr,
                                           uint8_t proto, uint16_t port)
{
	const struct yg_service *service = find(config, af, addr, proto, port);
	if (!service && port)
		service = find(config, af, addr, proto, 0);
	if (!service && proto)
		service = find(config, af, addr, 0, port);
	if (!service && proto && port)
		service = find(config, af, addr, 0, 0);
	return service;
}

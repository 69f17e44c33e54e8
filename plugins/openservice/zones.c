// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The zones that the declared DNS servers answer for. A server may answer anybody for the zones of all of them: prefectures keep those of
// their towns as secondaries. Names come from the config, so the hash needs no secret.
#include "openservice.h"

#include <string.h>

static uint64_t hash_of(const char *name, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	return h ^ h >> 33 ? h ^ h >> 33 : 1;
}

static uint64_t *place_of(struct opens *o, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & (2 * OPENS_ZONES - 1);
	while (o->zone[at] && o->zone[at] != hash)
		at = (at + 1) & (2 * OPENS_ZONES - 1);
	return &o->zone[at];
}

void opens_zones_read(struct opens *o)
{
	const struct yg_server_info *info;
	for (uint32_t i = 0; (info = o->host->server_at(o->host->context, i)); i++)
		for (const char *p = info->zones ? info->zones : ""; *p;) {
			size_t len = strcspn(p, " ");
			uint64_t hash = hash_of(p, len), *place = place_of(o, hash);
			if (len && !*place && o->zones == OPENS_ZONES)
				o->stats.zones_full++;
			else if (len && !*place) {
				*place = hash;
				o->zones++;
			}
			p += len + strspn(p + len, " ");
		}
}

bool opens_zones_have(const struct opens *o, const char *name)
{
	size_t len = strlen(name);
	for (const char *p = name; o->zones && p; p = strchr(p, '.') ? strchr(p, '.') + 1 : NULL) {
		uint64_t hash = hash_of(p, len - (size_t)(p - name));
		for (uint32_t at = (uint32_t)hash & (2 * OPENS_ZONES - 1); o->zone[at]; at = (at + 1) & (2 * OPENS_ZONES - 1))
			if (o->zone[at] == hash)
				return true;
	}
	return false;
}

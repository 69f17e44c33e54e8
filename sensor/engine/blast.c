// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See blast.h. Servers have numbers: those of the configuration's services, then those of its shared services. A pair is found by hash for
// a contact, and by the list of its server for an alert. Thread: the aggregator's.
#include "engine/blast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "config/address.h"
#include "config/lookup.h"
#include "engine/lifecycle_record.h"
#include "engine/state.h"
#include "engine/target.h"

enum { BUCKETS = 65536, HINT_BITS = 65536,
       ORGS = 64 * YG_AFFECTED_WORDS, SERVERS = 16384 + 1024, DAY_S = 86400, NAMED = 3, NAMED_BYTES = 140 };
#define NONE UINT32_MAX

struct pair {
	uint32_t server;
	uint16_t org;
	uint16_t today;   // sessions of `day`
	int32_t day;      // since the epoch
	uint8_t days;     // bit i: YG_BLAST_SESSIONS were reached i days before `day`
	uint8_t reserved[3];
	uint32_t next, next_of_server;
};

struct yg_blast {
	const struct yg_config *config;
	struct yg_mix_key mix;
	uint64_t *hint;    // HINT_BITS: hashes of addresses that are declared
	uint32_t *buckets; // BUCKETS
	uint32_t *servers; // SERVERS, as many as a configuration can have: by number, the first pair
	struct pair *pairs;// YG_BLAST_PAIRS
	uint32_t used;
	int32_t day;
	uint64_t full;
};

// ---- servers ----

static uint32_t servers_count(const struct yg_config *c)
{
	return c->services_count + c->shared_count;
}

static uint32_t hint_of(const struct yg_blast *b, uint8_t af, const struct yg_addr *addr)
{
	uint64_t key[3] = {0, 0, af};
	memcpy(key, addr, sizeof *addr);
	return (uint32_t)(yg_mix24(&b->mix, key) % HINT_BITS);
}

static void build_hint(struct yg_blast *b)
{
	memset(b->hint, 0, HINT_BITS / 8);
	for (uint32_t i = 0; i < servers_count(b->config); i++) {
		bool own = i < b->config->services_count;
		const struct yg_shared_service *shared = own ? NULL : &b->config->shared[i - b->config->services_count];
		uint32_t bit = own ? hint_of(b, b->config->services[i].af, &b->config->services[i].addr) : hint_of(b, shared->af, &shared->addr);
		b->hint[bit / 64] |= UINT64_C(1) << bit % 64;
	}
}

static int compare_shared(const struct yg_shared_service *s, uint8_t af, const struct yg_addr *addr)
{
	return s->af != af ? (s->af < af ? -1 : 1) : memcmp(&s->addr, addr, sizeof *addr);
}

// The first that does not stand before (af, addr).
static uint32_t first_shared(const struct yg_config *c, uint8_t af, const struct yg_addr *addr)
{
	uint32_t low = 0, high = c->shared_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (compare_shared(&c->shared[middle], af, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t first_service(const struct yg_config *c, uint8_t af, const struct yg_addr *addr)
{
	uint32_t low = 0, high = c->services_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct yg_service *s = &c->services[middle];
		if (s->af < af || (s->af == af && memcmp(&s->addr, addr, sizeof *addr) < 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t server_of(const struct yg_config *c, uint8_t af, const struct yg_addr *addr, uint8_t proto, uint16_t port)
{
	const struct yg_service *service = yg_lookup_service(c, af, addr, proto, port);
	if (service)
		return (uint32_t)(service - c->services);
	for (uint32_t i = first_shared(c, af, addr); i < c->shared_count && compare_shared(&c->shared[i], af, addr) == 0; i++)
		if ((!c->shared[i].proto || c->shared[i].proto == proto) && (!c->shared[i].port || c->shared[i].port == port))
			return c->services_count + i;
	return NONE;
}

// ---- life ----

static void empty(struct yg_blast *b)
{
	b->used = 0;
	memset(b->buckets, 0xff, BUCKETS * sizeof *b->buckets);
	memset(b->servers, 0xff, SERVERS * sizeof *b->servers);
}

struct yg_blast *yg_blast_create(const struct yg_config *config, const struct yg_hash_key *key)
{
	struct yg_blast *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->config = config;
	yg_mix_key_derive(key, &b->mix);
	b->hint = calloc(HINT_BITS / 64, sizeof *b->hint);
	b->buckets = malloc(BUCKETS * sizeof *b->buckets);
	b->servers = malloc(SERVERS * sizeof *b->servers);
	b->pairs = calloc(YG_BLAST_PAIRS, sizeof *b->pairs);
	if (!b->hint || !b->buckets || !b->servers || !b->pairs) {
		yg_blast_destroy(b);
		return NULL;
	}
	empty(b);
	build_hint(b);
	return b;
}

void yg_blast_destroy(struct yg_blast *b)
{
	if (!b)
		return;
	free(b->hint);
	free(b->buckets);
	free(b->servers);
	free(b->pairs);
	free(b);
}

void yg_blast_stats(const struct yg_blast *b, struct yg_blast_stats *ret_stats)
{
	*ret_stats = (struct yg_blast_stats){.full = b->full, .pairs = b->used};
}

// ---- pairs ----

static uint32_t bucket_of(uint32_t server, uint16_t org)
{
	return (server * UINT32_C(1024) + org) * UINT32_C(2654435761) >> 16; // both are numbers of ours: nobody outside chooses them
}

static uint32_t find(const struct yg_blast *b, uint32_t server, uint16_t org)
{
	uint32_t at = b->buckets[bucket_of(server, org)];
	while (at != NONE && (b->pairs[at].server != server || b->pairs[at].org != org))
		at = b->pairs[at].next;
	return at;
}

static uint32_t add(struct yg_blast *b, uint32_t server, uint16_t org, int32_t day)
{
	if (b->used == YG_BLAST_PAIRS) {
		b->full++;
		return NONE;
	}
	uint32_t at = b->used++, *bucket = &b->buckets[bucket_of(server, org)];
	b->pairs[at] = (struct pair){.server = server, .org = org, .day = day, .next = *bucket, .next_of_server = b->servers[server]};
	*bucket = b->servers[server] = at;
	return at;
}

// The pair's days as they look on `day`; what was learned in the future (the clock was set back) is of today.
static uint8_t days_on(const struct pair *p, int32_t day)
{
	int32_t ago = day - p->day;
	return ago >= YG_BLAST_DAYS ? 0 : (uint8_t)(p->days << (ago > 0 ? ago : 0) & ((1u << YG_BLAST_DAYS) - 1));
}

void yg_blast_contact(struct yg_blast *b, const struct yg_contact *c)
{
	if (c->outcome != YG_CONTACT_ANSWERED || c->org[0] >= ORGS || c->org[0] == c->org[1])
		return;
	uint32_t bit = hint_of(b, c->af, &c->addr[1]);
	if (!(b->hint[bit / 64] >> bit % 64 & 1))
		return;
	uint32_t server = server_of(b->config, c->af, &c->addr[1], c->proto, c->port[1]);
	if (server == NONE)
		return;
	int32_t day = (int32_t)(yg_time_second(yg_time_ns(c->event_ns)) / DAY_S);
	uint32_t at = find(b, server, c->org[0]);
	at = at == NONE ? add(b, server, c->org[0], day) : at;
	if (at == NONE)
		return;
	struct pair *p = &b->pairs[at];
	if (day != p->day) {
		p->days = days_on(p, day);
		p->day = day;
		p->today = 0;
	}
	if (p->today < YG_BLAST_SESSIONS && ++p->today == YG_BLAST_SESSIONS)
		p->days |= 1;
}

// Once a day the table is put together anew, without what nobody used for seven days.
void yg_blast_tick(struct yg_blast *b, int64_t second)
{
	int32_t day = (int32_t)(second / DAY_S);
	if (day == b->day)
		return;
	uint32_t before = b->used;
	b->day = day;
	empty(b);
	for (uint32_t i = 0; i < before; i++) {
		struct pair p = b->pairs[i]; // the new place is this one or an earlier one
		p.day = p.day < day ? p.day : day; // learned while the clock was ahead: it must not stay until that day
		if (!days_on(&p, day) && p.day < day)
			continue;
		struct pair *kept = &b->pairs[add(b, p.server, p.org, p.day)];
		kept->today = p.today;
		kept->days = p.days;
	}
}

// ---- alerts ----

static void set(struct yg_alert *a, uint32_t org)
{
	if (org < ORGS)
		a->affected[org / 64] |= UINT64_C(1) << org % 64;
}

static void set_users(const struct yg_blast *b, struct yg_alert *a, uint32_t server)
{
	for (uint32_t at = b->servers[server]; at != NONE; at = b->pairs[at].next_of_server)
		if (days_on(&b->pairs[at], b->day))
			set(a, b->pairs[at].org);
}

static uint16_t owner_of(const struct yg_config *c, uint8_t af, const struct yg_addr *addr)
{
	const struct yg_prefix *prefix = yg_lookup_prefix(c, af, addr);
	return prefix ? prefix->org : YG_ORG_NONE;
}

static void set_by_services(const struct yg_blast *b, struct yg_alert *a)
{
	const struct yg_config *c = b->config;
	struct yg_addr first = yg_address_mask(&a->target, a->target_len);
	for (uint32_t i = a->target_len ? first_service(c, a->af, &first) : 0; i < c->services_count; i++) {
		const struct yg_service *s = &c->services[i];
		if (a->target_len && (s->af != a->af || !yg_address_within(&s->addr, &a->target, a->target_len)))
			return; // they lie side by side
		if (!yg_target_holds(a, s->af, &s->addr, s->proto, s->port, s->org))
			continue;
		set(a, s->org);
		set_users(b, a, i);
	}
}

static void set_by_shared(const struct yg_blast *b, struct yg_alert *a)
{
	const struct yg_config *c = b->config;
	for (uint32_t i = 0; i < c->shared_count; i++) {
		const struct yg_shared_service *s = &c->shared[i];
		uint16_t owner = a->target_len ? YG_ORG_NONE : owner_of(c, s->af, &s->addr);
		if (!yg_target_holds(a, s->af, &s->addr, s->proto, s->port, owner))
			continue;
		for (unsigned w = 0; w < YG_AFFECTED_WORDS; w++)
			a->affected[w] |= s->bodies[w];
		set_users(b, a, c->services_count + i);
	}
}

// "A、B、Cほか", as far as there is room for names.
static void name_some(const struct yg_config *c, const struct yg_alert *a, char ja[256], char en[256])
{
	size_t ja_len = 0, en_len = 0;
	unsigned named = 0;
	ja[0] = en[0] = 0;
	for (uint32_t org = 0; org < c->orgs_count && org < ORGS && named < NAMED; org++) {
		if (!(a->affected[org / 64] >> org % 64 & 1))
			continue;
		const struct yg_org *o = &c->orgs[org];
		if (!o->name_ja[0] || !o->name_en[0] || ja_len + strlen(o->name_ja) > NAMED_BYTES || en_len + strlen(o->name_en) > NAMED_BYTES)
			break;
		ja_len += (size_t)snprintf(ja + ja_len, 256 - ja_len, "%s%s", named ? "、" : "（", o->name_ja);
		en_len += (size_t)snprintf(en + en_len, 256 - en_len, "%s%s", named ? ", " : " (", o->name_en);
		named++;
	}
	if (!named)
		return;
	bool more = named < a->affected_count;
	snprintf(ja + ja_len, 256 - ja_len, "%s）", more ? "ほか" : "");
	snprintf(en + en_len, 256 - en_len, "%s)", more ? " and others" : "");
}

static void say(const struct yg_blast *b, struct yg_alert *a)
{
	char names_ja[256], names_en[256], ja[384], en[384];
	bool other = a->affected_count > 1 || !(a->org < ORGS && a->affected[a->org / 64] >> a->org % 64 & 1);
	if (!a->affected_count || !other)
		return;
	name_some(b->config, a, names_ja, names_en);
	snprintf(ja, sizeof ja, "%u団体%sに影響が及ぶおそれがある。", a->affected_count, names_ja);
	snprintf(en, sizeof en, " %u bod%s may be affected%s.", a->affected_count, a->affected_count == 1 ? "y" : "ies", names_en);
	yg_lifecycle_text_clause(a, ja, en);
}

void yg_blast_fill(struct yg_blast *b, struct yg_alert *a)
{
	memset(a->affected, 0, sizeof a->affected);
	a->affected_count = 0;
	if (!yg_target_is_hurt(a))
		return;
	set(a, a->org);
	bool all = !a->target_len && a->org == YG_ORG_NONE;
	for (uint32_t org = 0; all && org < b->config->orgs_count; org++)
		set(a, org);
	// An attack from inside hurts whoever it goes to: its target is where it comes from, or outside.
	if (strcmp(a->kind, "dos.outbound") != 0) {
		set_by_services(b, a);
		set_by_shared(b, a);
	}
	for (unsigned w = 0; w < YG_AFFECTED_WORDS; w++)
		a->affected_count = (uint16_t)(a->affected_count + __builtin_popcountll(a->affected[w]));
	say(b, a);
}

// ---- state: one record a pair, by addresses and codes, since numbers are another configuration's ----

struct record {
	struct yg_addr addr;
	char org_code[16];
	int32_t day;
	uint16_t port, today;
	uint8_t af, proto, days, reserved[5];
};
_Static_assert(sizeof(struct record) == 48, "no holes");

uint64_t yg_blast_save_max(void)
{
	return YG_BLAST_PAIRS * sizeof(struct record);
}

uint64_t yg_blast_save(void *context, uint64_t *cursor, void *to, uint64_t room)
{
	const struct yg_blast *b = context;
	const struct yg_config *c = b->config;
	uint64_t used = 0;
	for (; *cursor < b->used; ++*cursor, used += sizeof(struct record)) {
		const struct pair *p = &b->pairs[*cursor];
		struct record r = {.day = p->day, .today = p->today, .days = p->days};
		if (used + sizeof r > room)
			return used;
		if (p->server < c->services_count) {
			const struct yg_service *s = &c->services[p->server];
			r.addr = s->addr, r.af = s->af, r.proto = s->proto, r.port = s->port;
		} else {
			const struct yg_shared_service *s = &c->shared[p->server - c->services_count];
			r.addr = s->addr, r.af = s->af, r.proto = s->proto, r.port = s->port;
		}
		if (p->org < c->orgs_count)
			memcpy(r.org_code, c->orgs[p->org].code, sizeof r.org_code);
		memcpy((char *)to + used, &r, sizeof r);
	}
	*cursor = YG_STATE_DONE;
	return used;
}

static uint16_t org_of(const struct yg_config *c, const char code[16], uint16_t last)
{
	if (last < c->orgs_count && strncmp(c->orgs[last].code, code, 16) == 0)
		return last; // records of one body often follow each other
	for (uint32_t i = 0; i < c->orgs_count; i++)
		if (strncmp(c->orgs[i].code, code, 16) == 0)
			return (uint16_t)i;
	return YG_ORG_NONE;
}

static bool is_sound(const struct record *r)
{
	return (r->af == 4 || r->af == 6) && r->org_code[15] == 0 && r->day >= 0 && r->days < 1u << YG_BLAST_DAYS &&
	       r->today <= YG_BLAST_SESSIONS;
}

int yg_blast_restore(void *context, uint32_t version, const void *bytes, uint64_t size)
{
	struct yg_blast *b = context;
	uint16_t org = 0;
	if (version != YG_BLAST_VERSION || size % sizeof(struct record) || size > yg_blast_save_max())
		return -1;
	for (uint64_t at = 0; at < size; at += sizeof(struct record)) {
		struct record r;
		memcpy(&r, (const char *)bytes + at, sizeof r);
		if (!is_sound(&r)) {
			empty(b);
			return -1;
		}
		uint32_t server = server_of(b->config, r.af, &r.addr, r.proto, r.port);
		org = r.org_code[0] ? org_of(b->config, r.org_code, org) : YG_ORG_NONE;
		if (server == NONE || org >= ORGS || find(b, server, org) != NONE)
			continue; // of a body or a server that is no longer declared
		struct pair *p = &b->pairs[add(b, server, org, r.day)];
		p->today = r.today;
		p->days = r.days;
	}
	return 0;
}

void yg_blast_retune(struct yg_blast *b, const struct yg_config *config)
{
	uint32_t before = b->used, services = b->config->services_count;
	b->config = config;
	empty(b);
	build_hint(b);
	for (uint32_t i = 0; i < before; i++) {
		struct pair p = b->pairs[i];
		if (p.server >= services || p.server >= config->services_count)
			continue;
		struct pair *kept = &b->pairs[add(b, p.server, p.org, p.day)];
		kept->today = p.today;
		kept->days = p.days;
	}
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What looks like a scan over UDP ports and is an attack on availability: that is told by plugins/dos, once and by its name.
//
// - Reflection. A reflector answers from its service's port to whatever port the forged request came from, so a victim that refuses
//   gives each reflector many failed ports (Rossow, "Amplification Hell", NDSS 2014). A probe goes to a service, not from one.
// - Flood. A probe of a UDP port is empty or one small request and waits for the ICMP answer, which hosts and routers limit
//   (RFC 4443, 2.4 f; RFC 1812, 4.3.2.8). Hundreds of big datagrams a second to one host find out nothing that one each would not.
//   The plugin dos leaves floods of small datagrams to this one by the same size.
//
// Contacts say nothing of sizes, so the sample is asked when the second is over in which the alert would have opened.
#include "scan.h"

#include <string.h>

enum { UDP = 17, FLOOD_BYTES = 128, FLOOD_PPS = 200, SAMPLE_S = 4 };
#define LEAST_S 0.25 // an alert may open at the very end of a second

// Those of plugins/dos/amplify.c above 1023; scan_means_nothing leaves out all below.
bool scan_is_amplifier(uint16_t port)
{
	static const uint16_t ports[] = {1434, 1900, 3283, 3389, 3702, 5060, 5353, 5683, 10001, 11211, 27015, 37810};
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
		if (port == ports[i])
			return true;
	return false;
}

static void ask(const struct scan *s, uint8_t af, const struct yg_addr *addr, bool by_source, struct yg_answer *ret)
{
	const struct yg_question q = {
	    .size = sizeof q, .addr = *addr, .af = af, .len = af == 6 ? 128 : 32, .by_source = by_source, .proto = UDP};
	*ret = (struct yg_answer){.size = sizeof *ret};
	s->host->ask(s->host->context, &q, ret);
}

static double share_of(const struct yg_answer *a, uint8_t af, const struct yg_addr *target)
{
	for (unsigned i = 0; i < a->targets_count && i < YG_TOP_MAX; i++)
		if (a->targets[i].af == af && memcmp(&a->targets[i].addr, target, sizeof *target) == 0)
			return (double)a->targets[i].share;
	return 0;
}

// Failures may come only when the flood is over and forgotten: a victim that refuses one a second leaves the rest to end in silence.
bool scan_should_look(const struct scan *s, const struct scan_source *r, const struct yg_contact *c, uint32_t second)
{
	return c->proto == UDP && c->outcome == YG_CONTACT_REFUSED && r->trw >= SCAN_TRW_ALARM && second - r->looked >= SCAN_LOOK_S &&
	       s->host->size >= sizeof *s->host && s->host->ask;
}

static struct scan_flooded *flooded_of(struct scan *s, uint32_t target, uint32_t second)
{
	for (int i = 0; i < SCAN_FLOODED; i++)
		if (s->flooded[i].target == target && s->flooded[i].until > second)
			return &s->flooded[i];
	return NULL;
}

bool scan_may_be_flood(const struct scan *s, const struct scan_alarm *a)
{
	return s->host->size >= sizeof *s->host && s->host->ask && !a->horizontal && a->proto == UDP;
}

bool scan_is_flood(struct scan *s, const struct scan_source *r, const struct scan_alarm *a, int64_t second)
{
	struct yg_answer own, all;
	if (flooded_of(s, a->target, (uint32_t)second))
		return true;
	if (s->asks == SCAN_ASKS)
		return false; // an early look, which can do without
	s->asks++;
	double since = (double)((second + 1) * INT64_C(1000000000) - a->opened_ns) / 1e9 + (double)(a->opened_ns / INT64_C(1000000000) - a->first);
	double least = FLOOD_PPS * (since < LEAST_S ? LEAST_S : since > SAMPLE_S ? SAMPLE_S : since);
	ask(s, r->af, &r->addr, true, &own);
	if (own.size_median <= FLOOD_BYTES)
		return false;
	if (own.packets * own.scale * share_of(&own, r->af, &a->addr) >= least)
		return true;
	// One of many: forged, or a botnet. None of them alone need be fast.
	ask(s, r->af, &a->addr, false, &all);
	if (all.sources_at_least < SCAN_CROWD || all.size_median <= FLOOD_BYTES || all.packets * all.scale < least)
		return false;
	// Most of them come to be judged when it is over.
	s->flooded[s->flooded_next++ % SCAN_FLOODED] = (struct scan_flooded){a->target, (uint32_t)second + SCAN_CLEAR_S};
	return true;
}

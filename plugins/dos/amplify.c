// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Reflection and amplification. What an own request began is not in YG_VEC_UDP, so the packets asked about here are
// answers that nobody asked for; left to find out is whether they come from many reflectors of a known service. Ports
// are those of services with a published amplification factor (US-CERT alert TA14-017A and later reports of the same
// kind: CLDAP, memcached, WS-Discovery, ARD, CoAP, RDP over UDP, Steam, video recorders).
#include "dos.h"

#include <stdio.h>
#include <string.h>

#define SERVICE_SHARE 0.9f     // of the packets with ports, from ports of the list
#define FRAGMENTED 0.5f        // where so much has no ports, few packets have,
#define FRAGMENTED_SHARE 0.75f // and strays weigh more among them
#define PORTED_LEAST 10        // such packets: with fewer nothing can be said
#define SERVICE_NAMED 0.1f     // a service with less is not named
#define REFLECTORS 10
#define REFLECTORS_ONE_WAY 50  // where the requests could be out of sight,
#define ENTROPY_ONE_WAY 0.35f  // and sizes as alike as those of one answer sent again and again
#define ANSWERED_RATIO 0.5     // a server that is asked from its own port sends about one answer a packet

static const struct {
	uint16_t port;
	char name[16], shown[20];
} services[] = {
    {17, "qotd", "QOTD"},           {19, "chargen", "CHARGEN"},   {53, "dns", "DNS"},           {69, "tftp", "TFTP"},
    {111, "portmap", "portmapper"}, {123, "ntp", "NTP"},          {137, "netbios", "NetBIOS"},  {161, "snmp", "SNMP"},
    {389, "cldap", "CLDAP"},        {427, "slp", "SLP"},          {500, "isakmp", "ISAKMP"},    {520, "rip", "RIP"},
    {1434, "mssql", "MS SQL"},      {1900, "ssdp", "SSDP"},       {3283, "ard", "ARD"},         {3389, "rdp", "RDP"},
    {3702, "wsd", "WS-Discovery"},  {5060, "sip", "SIP"},         {5353, "mdns", "mDNS"},       {5683, "coap", "CoAP"},
    {10001, "ubiquiti", "Ubiquiti"},{11211, "memcached", "memcached"}, {27015, "steam", "Steam"}, {37810, "dvr", "DHDiscover"},
};
enum { SERVICES = sizeof services / sizeof services[0] };

static int service_at(uint16_t port)
{
	for (int i = 0; i < SERVICES; i++)
		if (services[i].port == port)
			return i;
	return -1;
}

const char *dos_service_shown(const char *name)
{
	for (int i = 0; i < SERVICES; i++)
		if (strcmp(services[i].name, name) == 0)
			return services[i].shown;
	return strcmp(name, "syn_ack") == 0 ? "SYN-ACK" : NULL;
}

// A server of that service, asked by peers from the service's own port: name and time servers do so among themselves. Where its answers
// would be out of sight it has the benefit of the doubt; a declared name server also for what it may have asked for.
static bool is_conversation(const struct dos *d, const struct dos_watch *w, const struct yg_answer *a, uint16_t port)
{
	const struct yg_server_info *s = w->view.one_way ? dos_server(d, w->af, &w->addr, 0, 0) : NULL;
	if (s && s->role == YG_ROLE_DNS && port == 53)
		return true;
	if (!a->target_ports_count || a->target_ports[0].port != port || a->target_ports[0].share < SERVICE_SHARE)
		return false;
	bool answers = w->view.one_way || w->raw.out_packets >= w->raw.packets[YG_VEC_UDP] * ANSWERED_RATIO;
	return answers || dos_server(d, w->af, &w->addr, 17, port);
}

static bool is_spread(const struct dos_watch *w, const struct yg_answer *a)
{
	if (!w->view.one_way)
		return a->sources_at_least >= REFLECTORS;
	return a->sources_at_least >= REFLECTORS_ONE_WAY && a->size_entropy <= ENTROPY_ONE_WAY;
}

// Share of the packets that have no ports: fragments, the first ones among them.
static float without_ports(const struct yg_answer *a)
{
	float source = 0, target = 0;
	for (unsigned i = 0; i < a->source_ports_count; i++)
		source = a->source_ports[i].port ? source : a->source_ports[i].share;
	for (unsigned i = 0; i < a->target_ports_count; i++)
		target = a->target_ports[i].port ? target : a->target_ports[i].share;
	return source < target ? source : target;
}

static bool reflects_udp(struct dos *d, const struct dos_watch *w, struct dos_incident *in)
{
	struct yg_question q = dos_towards(w->af, &w->addr, w->len, 1u << YG_VEC_UDP);
	struct yg_answer a;
	float listed = 0;
	if (!dos_ask(d, &q, &a) || !a.packets || !is_spread(w, &a))
		return false;
	float ported = 1 - without_ports(&a);
	in->services_count = 0;
	for (unsigned i = 0; i < a.source_ports_count; i++) {
		int at = service_at(a.source_ports[i].port);
		float share = at < 0 ? 0 : a.source_ports[i].share / ported;
		listed += share;
		if (at < 0 || in->services_count == DOS_SERVICES_NAMED || (in->services_count && share < SERVICE_NAMED))
			continue;
		struct dos_service_share *s = &in->service[in->services_count++];
		s->share = share;
		memcpy(s->name, services[at].name, sizeof s->name);
	}
	if (listed < (ported <= 1 - FRAGMENTED ? FRAGMENTED_SHARE : SERVICE_SHARE) || ported * (float)a.packets < PORTED_LEAST)
		return false;
	return !is_conversation(d, w, &a, a.source_ports[a.source_ports[0].port ? 0 : 1].port);
}

// SYN-ACKs that answer no SYN of the host: the forged SYNs went to servers all over the Internet.
static bool reflects_tcp(struct dos *d, const struct dos_watch *w, struct dos_incident *in)
{
	struct yg_question q = dos_towards(w->af, &w->addr, w->len, 1u << YG_VEC_SYNACK);
	struct yg_answer a;
	if (!dos_ask(d, &q, &a) || a.sources_at_least < (w->view.one_way ? REFLECTORS_ONE_WAY : REFLECTORS))
		return false;
	in->services_count = 1;
	in->service[0].share = 1;
	snprintf(in->service[0].name, sizeof in->service[0].name, "syn_ack");
	return true;
}

bool dos_is_reflected(struct dos *d, const struct dos_watch *w, unsigned vector, struct dos_incident *in)
{
	bool found = vector == YG_VEC_SYNACK ? reflects_tcp(d, w, in) : reflects_udp(d, w, in);
	if (!found)
		in->services_count = 0;
	return found;
}

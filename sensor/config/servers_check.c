// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Sorts the declared servers for the look-up and checks them against each other and against the prefixes, which must be
// sorted by then. See servers_read.c for the rules.
#include "config/compiler.h"

#include <stdlib.h>
#include <string.h>

#include "config/address.h"

static int by_endpoint(const void *a, const void *b)
{
	const struct yg_service_draft *x = a, *y = b;
	if (x->service.af != y->service.af)
		return x->service.af < y->service.af ? -1 : 1;
	int order = memcmp(&x->service.addr, &y->service.addr, sizeof x->service.addr);
	if (order)
		return order;
	if (x->service.proto != y->service.proto)
		return x->service.proto < y->service.proto ? -1 : 1;
	return x->service.port < y->service.port ? -1 : x->service.port > y->service.port;
}

static const struct yg_prefix *home_of(const struct yg_compiler *c, const struct yg_service *s)
{
	const struct yg_prefix *best = NULL;
	for (size_t i = 0; i < c->prefixes_count; i++) {
		const struct yg_prefix *p = &c->prefixes[i].prefix;
		if (p->af == s->af && yg_address_within(&s->addr, &p->addr, p->length) &&
		    (!best || p->length > best->length))
			best = p;
	}
	return best;
}

// Ports of one address follow each other: looked up once an address.
static void check_address(struct yg_compiler *c, const struct yg_service_draft *draft)
{
	char text[YG_ADDRESS_TEXT];
	const struct yg_service *s = &draft->service;
	const struct yg_prefix *prefix = home_of(c, s);
	yg_address_text(s->af, &s->addr, text);
	if (!prefix || prefix->org == YG_ORG_NONE)
		yg_complain(&c->report, draft->at, "servers.address",
		            "%s lies in no prefix of '%s'; add its prefix or mend the address", text,
		            c->orgs[s->org].org.code);
	else if (!yg_org_below(c, s->org, prefix->org))
		yg_complain(&c->report, draft->at, "servers.address",
		            "%s lies in a prefix of '%s', not of '%s'; declare it in that body's file", text,
		            c->orgs[prefix->org].org.code, c->orgs[s->org].org.code);
}

void yg_servers_check(struct yg_compiler *c)
{
	if (c->services_count)
		qsort(c->services, c->services_count, sizeof *c->services, by_endpoint);
	for (size_t i = 0; i < c->services_count; i++) {
		const struct yg_service_draft *s = &c->services[i], *before = i ? s - 1 : NULL;
		char text[YG_ADDRESS_TEXT];
		if (before && by_endpoint(before, s) == 0)
			yg_complain(&c->report, s->at, "servers",
			            "%s with this protocol and port is declared at %s:%u too; keep one",
			            yg_address_text(s->service.af, &s->service.addr, text), before->at.file,
			            before->at.line);
		bool same = before && before->service.af == s->service.af && before->service.org == s->service.org &&
		            memcmp(&before->service.addr, &s->service.addr, sizeof s->service.addr) == 0;
		if (!same && !c->incomplete)
			check_address(c, s);
	}
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `shared_services`: what several bodies depend on, such as the resolver, the mail relay or the proxy of the cloud. Each
// entry spreads into one row per address and port, sorted for the look-up, with a bit for each body that depends on it.
// A body that is named brings those below it.
#include "config/compiler.h"

#include <stdlib.h>
#include <string.h>

#include "config/address.h"
#include "config/value.h"

enum { PORTS_MAX = 64, PROBLEM_MAX = 512 };

static const char key[] = "shared_services";
static const char *const keys[] = {"name", "address", "proto", "ports", "bodies", NULL};
static const uint8_t protocol_numbers[] = {0, 6, 17, 132, 1, 58};
static const struct yg_option proto_option = {
    .path = "shared_services.proto", .type = YG_OPT_ENUM, .values = "any|tcp|udp|sctp|icmp|icmpv6"};
static const struct yg_option port_option = {.path = "shared_services.ports", .type = YG_OPT_INT, .min = 1, .max = 65535};

static bool read_value(struct yg_compiler *c, const struct yg_node *node, const struct yg_option *option, int64_t *ret_number)
{
	char problem[PROBLEM_MAX];
	union yg_value value;
	const char *text = yg_node_text(c, node, option->path);
	if (!text)
		return false;
	if (yg_value_parse(option, text, &value, problem, sizeof problem) < 0) {
		yg_complain(&c->report, node->at, option->path, "%s", problem);
		return false;
	}
	*ret_number = value.i;
	return true;
}

static void add(struct yg_compiler *c, const struct yg_shared_service *shared, struct yg_place at)
{
	if (c->shared_count == YG_SHARED_MAX) {
		if (!c->shared_full)
			yg_complain(&c->report, at, key, "more than %d addresses times ports in all; leave `ports` out where any will do",
				    YG_SHARED_MAX);
		c->shared_full = true;
		return;
	}
	c->shared = yg_arena_grow(&c->arena, c->shared, c->shared_count, &c->shared_capacity, sizeof *c->shared);
	c->shared[c->shared_count++] = (struct yg_shared_draft){*shared, at};
}

static void set_bit(struct yg_shared_service *shared, size_t body)
{
	uint64_t bit = UINT64_C(1) << body % 64, *word = &shared->bodies[body / 64];
	shared->bodies_count += !(*word & bit);
	*word |= bit;
}

static void read_bodies(struct yg_compiler *c, const struct yg_node *service, struct yg_shared_service *shared)
{
	const struct yg_node *list = yg_node_child(service, "bodies");
	int errors = c->report.errors;
	if (!list) {
		yg_complain(&c->report, service->at, "shared_services.bodies", "is missing; add `bodies: all` or `bodies: [code, code]`");
		return;
	}
	for (const struct yg_node *item = yg_node_items(c, list, "shared_services.bodies"); item; item = item->next) {
		bool all = item->kind == YG_NODE_SCALAR && !item->none && strcmp(item->text, "all") == 0;
		uint16_t org = all ? YG_ORG_NONE : yg_org_named(c, item, "shared_services.bodies");
		for (size_t i = 0; i < c->orgs_count; i++)
			if (all || (org != YG_ORG_NONE && yg_org_below(c, (uint16_t)i, org)))
				set_bit(shared, i);
	}
	if (!shared->bodies_count && c->report.errors == errors && !c->incomplete)
		yg_complain(&c->report, list->at, "shared_services.bodies", "names no body; add bodies to organisations, or remove the service");
}

static int read_ports(struct yg_compiler *c, const struct yg_node *list, uint16_t *ret_ports)
{
	int count = 0, errors = c->report.errors;
	for (const struct yg_node *item = list ? yg_node_items(c, list, port_option.path) : NULL; item; item = item->next) {
		int64_t port;
		if (count == PORTS_MAX) {
			yg_complain(&c->report, item->at, port_option.path, "more than %d; leave `ports` out for all", PORTS_MAX);
			return 0;
		}
		if (read_value(c, item, &port_option, &port))
			ret_ports[count++] = (uint16_t)port;
	}
	if (!list)
		ret_ports[count++] = 0;
	else if (count == 0 && c->report.errors == errors)
		yg_complain(&c->report, list->at, port_option.path, "is empty; name ports, or remove the key for all");
	return count;
}

static void read_name(struct yg_compiler *c, const struct yg_node *service, struct yg_shared_service *shared)
{
	const struct yg_node *node = yg_node_child(service, "name");
	const char *text = node ? yg_node_text(c, node, "shared_services.name") : NULL;
	if (!node)
		yg_complain(&c->report, service->at, "shared_services.name", "is missing; add `name: resolver`");
	else if (text && (!*text || strlen(text) >= sizeof shared->name))
		yg_complain(&c->report, node->at, "shared_services.name", "is empty or too long; write 1 to %zu bytes", sizeof shared->name - 1);
	else if (text)
		memcpy(shared->name, text, strlen(text) + 1);
}

static void read_service(struct yg_compiler *c, const struct yg_node *service)
{
	static const char path[] = "shared_services.address";
	struct yg_shared_service shared = {0};
	uint16_t ports[PORTS_MAX];
	int64_t proto = 0;
	if (!yg_node_is_mapping(c, service, key))
		return;
	yg_node_only(c, service, key, keys);
	read_name(c, service, &shared);
	const struct yg_node *node = yg_node_child(service, "proto");
	if (node)
		read_value(c, node, &proto_option, &proto);
	shared.proto = protocol_numbers[proto];
	read_bodies(c, service, &shared);
	int count = read_ports(c, yg_node_child(service, "ports"), ports);
	const struct yg_node *list = yg_node_child(service, "address");
	const struct yg_node *items = list ? yg_node_items(c, list, path) : NULL;
	if (!list || (!items && list->kind != YG_NODE_MAPPING))
		yg_complain(&c->report, service->at, path, "is missing; add `address: [203.0.113.53, \"2001:db8::53\"]`");
	for (; items; items = items->next) {
		const char *text = yg_node_text(c, items, path);
		if (text && yg_address_parse(text, &shared.af, &shared.addr) < 0)
			yg_complain(&c->report, items->at, path, "'%.64s' is no address; write one like 203.0.113.53 or 2001:db8::53", text);
		else if (text)
			for (int i = 0; i < count; i++) {
				shared.port = ports[i];
				add(c, &shared, items->at);
			}
	}
}

static int by_endpoint(const void *a, const void *b)
{
	const struct yg_shared_service *x = &((const struct yg_shared_draft *)a)->shared, *y = &((const struct yg_shared_draft *)b)->shared;
	if (x->af != y->af)
		return x->af < y->af ? -1 : 1;
	int order = memcmp(&x->addr, &y->addr, sizeof x->addr);
	if (order)
		return order;
	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	return x->port < y->port ? -1 : x->port > y->port;
}

// Detectors name internal addresses alone as what is attacked.
static bool is_internal(const struct yg_compiler *c, const struct yg_shared_service *s)
{
	bool internal = c->prefixes_count == 0 || c->incomplete;
	for (size_t i = 0; i < c->prefixes_count && !internal; i++) {
		const struct yg_prefix *p = &c->prefixes[i].prefix;
		internal = p->af == s->af && yg_address_within(&s->addr, &p->addr, p->length);
	}
	return internal;
}

void yg_shared_read(struct yg_compiler *c, const struct yg_node *list)
{
	if (!list || (list->kind == YG_NODE_SCALAR && list->none))
		return;
	if (list->kind != YG_NODE_LIST) {
		yg_complain(&c->report, list->at, key, "is no list; write `- {name: resolver, address: …, bodies: all}` lines");
		return;
	}
	for (const struct yg_node *service = list->first; service; service = service->next)
		read_service(c, service);
	if (c->shared_count)
		qsort(c->shared, c->shared_count, sizeof *c->shared, by_endpoint);
	for (size_t i = 0; i < c->shared_count; i++) {
		const struct yg_shared_draft *s = &c->shared[i], *before = i ? s - 1 : NULL;
		char text[YG_ADDRESS_TEXT];
		yg_address_text(s->shared.af, &s->shared.addr, text);
		if (before && by_endpoint(before, s) == 0)
			yg_complain(&c->report, s->at, key, "%s with this protocol and port stands at %s:%u too; keep one", text, before->at.file,
				    before->at.line);
		bool same = before && before->shared.af == s->shared.af &&
			    memcmp(&before->shared.addr, &s->shared.addr, sizeof s->shared.addr) == 0;
		if (!same && !is_internal(c, &s->shared))
			yg_caution(&c->report, s->at, "shared_services: %s lies in nobody's address space; no alert will name it, add its prefix to home",
				   text);
	}
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Declared servers: each entry spreads into one row per address and port, sorted for the look-up. A server stands in
// address space of its own body or of one above it (a board's server in the city's network), so that what the rates
// count for the body and for the service is the same traffic.
#include "config/compiler.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config/address.h"
#include "config/value.h"

enum { PORTS_MAX = 64, PROBLEM_MAX = 512 };

#define ROLES "web|dns|mail|proxy|vpn|monitor|other"
#define PROTOCOLS "any|tcp|udp|sctp|icmp|icmpv6"

static const uint8_t protocol_numbers[] = {0, 6, 17, 132, 1, 58};
static const char *const server_keys[] = {"name", "role", "address", "proto", "ports", "zones", NULL};
static const struct yg_option role_option = {.path = "servers.role", .type = YG_OPT_ENUM, .values = ROLES};
static const struct yg_option proto_option = {.path = "servers.proto", .type = YG_OPT_ENUM, .values = PROTOCOLS};
static const struct yg_option port_option = {.path = "servers.ports", .type = YG_OPT_INT, .min = 1, .max = 65535};

static bool read_value(struct yg_compiler *c, const struct yg_node *node, const struct yg_option *option,
                       int64_t *ret_number)
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

static void add(struct yg_compiler *c, const struct yg_service *service, struct yg_place at)
{
	if (c->services_count == YG_SERVICES_MAX) {
		if (!c->services_full)
			yg_complain(&c->report, at, "servers",
			            "more than %d addresses times ports in all; leave `ports` out where any will do",
			            YG_SERVICES_MAX);
		c->services_full = true;
		return;
	}
	c->services =
	    yg_arena_grow(&c->arena, c->services, c->services_count, &c->services_capacity, sizeof *c->services);
	c->services[c->services_count++] = (struct yg_service_draft){*service, at};
}

// Letters, digits, hyphens and underscores between single dots (RFC 1035 2.3.1; underscores for service names).
static bool is_domain(const char *name)
{
	size_t label = 0;
	for (const char *p = name; *p; p++) {
		if (*p == '.' && label == 0)
			return false;
		if (*p != '.' && !isalnum((unsigned char)*p) && *p != '-' && *p != '_')
			return false;
		label = *p == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0;
}

static void read_zones(struct yg_compiler *c, const struct yg_node *list, struct yg_service *service)
{
	static const char key[] = "servers.zones";
	size_t length = 0;
	if (service->role != YG_ROLE_DNS)
		yg_complain(&c->report, list->key_at, key,
		            "only a DNS server has zones; set `role: dns` or remove the key");
	for (const struct yg_node *item = yg_node_items(c, list, key); item; item = item->next) {
		const char *text = yg_node_text(c, item, key);
		if (!text)
			continue;
		size_t n = strlen(text);
		if (n > 253 || !is_domain(text)) {
			yg_complain(&c->report, item->at, key,
			            "'%.64s' is no domain name; write it like city.example, without a dot at the end",
			            text);
			continue;
		}
		if (length + n + 2 > sizeof service->zones) {
			yg_complain(&c->report, item->at, key,
			            "the names are longer than %zu bytes together; declare a second server",
			            sizeof service->zones - 1);
			return;
		}
		if (length)
			service->zones[length++] = ' ';
		for (size_t i = 0; i < n; i++)
			service->zones[length++] = (char)tolower((unsigned char)text[i]);
	}
}

// The ports, ascending as written; none stands for port 0, every port. The number, or -1 after a complaint.
static int read_ports(struct yg_compiler *c, const struct yg_node *list, uint16_t *ret_ports)
{
	int count = 0;
	bool failed = false;
	for (const struct yg_node *item = list ? yg_node_items(c, list, port_option.path) : NULL; item;
	     item = item->next) {
		int64_t port;
		if (!read_value(c, item, &port_option, &port)) {
			failed = true;
		} else if (count == PORTS_MAX) {
			yg_complain(&c->report, item->at, port_option.path,
			            "more than %d; leave `ports` out to declare all", PORTS_MAX);
			return -1;
		} else {
			ret_ports[count++] = (uint16_t)port;
		}
	}
	if (!list)
		ret_ports[count++] = 0;
	else if (count == 0 && !failed)
		yg_complain(&c->report, list->at, port_option.path,
		            "is empty; name ports, or remove the key to declare all");
	return failed ? -1 : count;
}

static void read_name(struct yg_compiler *c, const struct yg_node *server, struct yg_service *service)
{
	const struct yg_node *node = yg_node_child(server, "name");
	const char *text = node ? yg_node_text(c, node, "servers.name") : NULL;
	if (!node)
		yg_complain(&c->report, server->at, "servers.name", "is missing; add `name: www`");
	else if (text && (!*text || strlen(text) >= sizeof service->name))
		yg_complain(&c->report, node->at, "servers.name", "is empty or too long; write 1 to %zu bytes",
		            sizeof service->name - 1);
	else if (text)
		memcpy(service->name, text, strlen(text) + 1);
}

static void read_addresses(struct yg_compiler *c, const struct yg_node *server, struct yg_service service,
                           const uint16_t *ports, int ports_count)
{
	static const char key[] = "servers.address";
	const struct yg_node *list = yg_node_child(server, "address");
	const struct yg_node *items = list ? yg_node_items(c, list, key) : NULL;
	if (!list || (!items && list->kind != YG_NODE_MAPPING))
		yg_complain(&c->report, server->at, key, "is missing; add `address: [203.0.113.10, \"2001:db8::10\"]`");
	for (; items; items = items->next) {
		const char *text = yg_node_text(c, items, key);
		if (!text)
			continue;
		if (yg_address_parse(text, &service.af, &service.addr) < 0) {
			yg_complain(&c->report, items->at, key,
			            "'%.64s' is no address; write one like 203.0.113.10 or 2001:db8::10", text);
			continue;
		}
		for (int i = 0; i < ports_count; i++) {
			service.port = ports[i];
			add(c, &service, items->at);
		}
	}
}

static void read_server(struct yg_compiler *c, uint16_t org, const struct yg_node *server)
{
	struct yg_service service = {.org = org};
	uint16_t ports[PORTS_MAX];
	int64_t role = YG_ROLE_OTHER, proto = 0;
	if (!yg_node_is_mapping(c, server, "servers"))
		return;
	yg_node_only(c, server, "servers", server_keys);
	read_name(c, server, &service);
	const struct yg_node *node = yg_node_child(server, "role");
	if (node)
		read_value(c, node, &role_option, &role);
	else
		yg_complain(&c->report, server->at, "servers.role", "is missing; add `role: web`, one of %s", ROLES);
	node = yg_node_child(server, "proto");
	if (node)
		read_value(c, node, &proto_option, &proto);
	service.role = (uint8_t)role;
	service.proto = protocol_numbers[proto];
	node = yg_node_child(server, "zones");
	if (node)
		read_zones(c, node, &service);
	int count = read_ports(c, yg_node_child(server, "ports"), ports);
	if (count >= 0)
		read_addresses(c, server, service, ports, count);
}

void yg_servers_read(struct yg_compiler *c)
{
	for (size_t i = 0; i < c->orgs_count; i++) {
		const struct yg_node *list = c->orgs[i].servers;
		if (!list || (list->kind == YG_NODE_SCALAR && list->none))
			continue;
		if (list->kind != YG_NODE_LIST) {
			yg_complain(&c->report, list->at, "servers",
			            "is no list; write `- {name: www, role: web, address: …}` lines");
			continue;
		}
		for (const struct yg_node *server = list->first; server; server = server->next)
			read_server(c, (uint16_t)i, server);
	}
}

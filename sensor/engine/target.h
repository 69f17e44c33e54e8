// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What an alert's target holds: a host, a port of it, a prefix, all that a body has, or all there is. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <string.h>

#include "config/address.h"
#include "yagura/plugin.h"

// Attacks on a service: only that port of the host suffers. A flood fills the host's line, whatever its port.
static inline bool yg_target_is_service(const struct yg_alert *a)
{
	return strcmp(a->kind, "dos.dns_flood") == 0 || strcmp(a->kind, "dos.http_flood") == 0 || strcmp(a->kind, "dos.slow_http") == 0;
}

static inline bool yg_target_is_host(const struct yg_alert *a)
{
	return a->target_len == (a->af == 6 ? 128 : 32);
}

// Alerts whose target may be hurt by what they tell.
static inline bool yg_target_is_hurt(const struct yg_alert *a)
{
	bool dos = strncmp(a->kind, "dos.", 4) == 0 && strcmp(a->kind, "dos.open_service") != 0;
	return (dos || strncmp(a->kind, "link.", 5) == 0 || strcmp(a->kind, "org.dark") == 0) && strcmp(a->vector, "summary") != 0;
}

// Whether the server is in the target; `org` is the body that it belongs to. Of the server, proto and port 0 are all.
static inline bool yg_target_holds(const struct yg_alert *a, uint8_t af, const struct yg_addr *addr, uint8_t proto, uint16_t port,
				   uint16_t org)
{
	if (!a->target_len)
		return a->org == YG_ORG_NONE || a->org == org;
	if (a->af != af || !yg_address_within(addr, &a->target, a->target_len))
		return false;
	if (!yg_target_is_service(a))
		return true;
	return (!proto || !a->proto || proto == a->proto) && (!port || !a->target_port || port == a->target_port);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Refusals for want of a permission, in the audit log. A script that tries a route sixty times a second would fill it: the first one of a
// user and route is written at once, and what follows within a minute is counted and written as one record at its end. A page that is left
// open so costs a record a minute, and who tries is named all the same. What has been counted and not yet written goes with a kill.
//
// Bounded: WEB_DENIED pairs of user and route; beyond, the one that has been there for longest is written down and gives up its place
// (counted). Thread: the loop's.
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "http_parts.h"
#include "server.h"

static void write_down(struct web_http *http, const char *user, const char *peer, const struct web_route *route, uint32_t more)
{
	char what[192];
	struct web_audit_record record = {.user = user, .peer = peer, .action = "denied", .result = "403", .what = what};
	int n = snprintf(what, sizeof what, "%s %s", route->method, route->path);
	if (more && n > 0 && (size_t)n < sizeof what)
		snprintf(what + n, sizeof what - (size_t)n, ", %u more within %d s", more, WEB_DENIED_MS / 1000);
	if (http->server->audit)
		web_audit_write(http->server->audit, &record);
}

static void end(struct web_http *http, struct denied *d)
{
	if (d->more)
		write_down(http, d->user, d->peer, d->route, d->more);
	*d = (struct denied){0};
}

void web_denied_note(struct web_http *http, const char *user, const char *peer, const struct web_route *route)
{
	struct denied *place = &http->denied[0];
	http->counters.denied++;
	for (unsigned i = 0; i < WEB_DENIED; i++) {
		struct denied *d = &http->denied[i];
		if (d->route == route && strcmp(d->user, user) == 0) {
			d->more++;
			http->counters.denied_counted++;
			snprintf(d->peer, sizeof d->peer, "%s", peer); // where he was last
			return;
		}
		if (place->route && (!d->route || d->since_ms < place->since_ms))
			place = d;
	}
	if (place->route) {
		http->counters.denied_full++;
		end(http, place);
	}
	place->route = route;
	place->since_ms = web_now_ms();
	snprintf(place->user, sizeof place->user, "%s", user);
	snprintf(place->peer, sizeof place->peer, "%s", peer);
	write_down(http, user, peer, route, 0);
}

// Whoever goes on is counted from here on, without a first record again.
void web_denied_tick(struct web_http *http)
{
	int64_t now = web_now_ms();
	for (unsigned i = 0; i < WEB_DENIED; i++) {
		struct denied *d = &http->denied[i];
		if (!d->route || now - d->since_ms < WEB_DENIED_MS)
			continue;
		if (!d->more) {
			end(http, d);
			continue;
		}
		write_down(http, d->user, d->peer, d->route, d->more);
		d->more = 0;
		d->since_ms = now;
	}
}

void web_denied_end(struct web_http *http)
{
	for (unsigned i = 0; i < WEB_DENIED; i++)
		end(http, &http->denied[i]);
}

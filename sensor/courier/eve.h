// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The one place where our EVE JSON exists: records in, one line out. Every sink sends the very bytes of that line.
// Records come from another process: copy one out of its ring, ask whether it is valid, then render it. One thread an
// object.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "courier/zone_time.h"
#include "yagura/plugin.h"

enum {
	YG_EVE_FLOW_MAX = 12 * 1024, // bytes that any valid record fits
	YG_EVE_ALERT_MAX = 48 * 1024, // with the codes of all bodies; of those affected as many are named as fit
};

struct yg_eve {
	struct yg_zone_time zone;
	char host[6 * 64 + 16]; // `"host":"egress-1",`, escaped once
	size_t host_length;
	uint64_t run;           // the producer's number in the log, of which an alert's sequence is one; 0: there is no log, and it is left out
	const struct yg_org *orgs; // not owned
	uint32_t orgs_count;
};

// `host`: the sensor's name, at most 63 bytes. 0, or -ENOENT when there is no data for the zone (times are UTC then).
int yg_eve_init(struct yg_eve *eve, const char *host, const char *timezone, const struct yg_org *orgs,
                uint32_t orgs_count);

// Whether every text ends inside its field and every number is one that can be. Reads nothing outside the record.
bool yg_eve_flow_valid(const struct yg_flow *flow);
bool yg_eve_alert_valid(const struct yg_alert *alert);

// Renders a valid record with its newline. Returns the length, 0 when it did not fit.
size_t yg_eve_flow(struct yg_eve *eve, const struct yg_flow *flow, char *buffer, size_t size);
size_t yg_eve_alert(struct yg_eve *eve, const struct yg_alert *alert, char *buffer, size_t size);

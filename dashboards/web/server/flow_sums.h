// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What flow records add up to: applications by the bodies at both ends, in ten minutes each, for a day; the heaviest hosts of the last
// hour. A flow counts when it has ended, in the ten minutes of its end, once (updates of a lasting flow are passed over: they repeat its
// bytes).
//
// Bounded: WEB_APPS names and WEB_TRIPLES combinations in ten minutes; beyond, what comes is counted under "…" and of no body. WEB_HEAVY
// hosts in ten minutes, by space-saving. 6 MiB with every table full. Lines are anybody's: checked, counted, passed over.
// Thread: the loop's.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access.h"

enum { WEB_FLOW_BUCKETS = 144, WEB_FLOW_BUCKET_S = 600, WEB_HOST_BUCKETS = 7, WEB_APPS = 512, WEB_TRIPLES = 1024, WEB_APP_NAME = 48 };

struct web_bodies;
struct web_flow_sums;

struct web_flow_sums *web_flow_sums_create(struct web_bodies *bodies);
void web_flow_sums_destroy(struct web_flow_sums *sums);

enum web_flow_taken { WEB_FLOW_COUNTED, WEB_FLOW_UPDATE, WEB_FLOW_OLD, WEB_FLOW_BAD };
// What ended at or before `after_s` counts already.
enum web_flow_taken web_flow_sums_take(struct web_flow_sums *sums, const char *line, size_t length, int64_t now_s,
				       int64_t after_s, int64_t *ret_end_s);

bool web_flow_sums_any(const struct web_flow_sums *sums);
// Rows of Top, heaviest first, of the flows that a view may know of (an end is of a body that it sees; all for who sees all) and that ended
// since `from_s`. `ret_records`: flows that were counted. `ret_from_s`: since when is counted indeed, 0: nothing is.
json_t *web_flow_sums_apps(const struct web_flow_sums *sums, const struct web_view *view, int64_t from_s, uint32_t limit,
			   uint64_t *ret_records, int64_t *ret_from_s);
// Hosts of the last hour. `ret_error`: no weight is too high by more than this.
json_t *web_flow_sums_hosts(const struct web_flow_sums *sums, const struct web_view *view, int64_t now_s, uint32_t limit,
			    uint64_t *ret_records, int64_t *ret_from_s, uint64_t *ret_error);

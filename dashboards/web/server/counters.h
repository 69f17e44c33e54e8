// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What this process counts: by name for the page (GET /sensors, to who sees all bodies), and as Prometheus text for GET /metrics, which a
// socket of its own answers (scrape.c). Which counter is which metric stands in one table, as does what it means;
// docs/dashboard-metrics.md is that table, and a test holds the two, and the names of both ways, against one another.
// Thread: the loop's.
#pragma once

#include <jansson.h>
#include <stddef.h>

struct web_server;

struct web_counter_row {
	const char *name;           // on the page; "refused.": one for each code of messages.c, as label `code`
	const char *metric, *label; // label NULL: none. What ends in _total only grows
	const char *help;           // NULL: of the row before, which is of the same metric
};
extern const struct web_counter_row web_counter_rows[]; // ends with name NULL; rows of one metric stand together

json_t *web_counters_json(const struct web_server *server); // new reference
enum { WEB_METRICS_BYTES = 65536 };
// The text, exposition format 0.0.4; its size, 0: it does not fit.
size_t web_counters_text(const struct web_server *server, char *to, size_t room);

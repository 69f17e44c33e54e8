// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the answers about alerts share: reading what is asked (q, state, range, sort, cursor, limit), refusing what is no question,
// and lists
// with rows. Thread: the loop's.
#pragma once

#include "index.h"
#include "query.h"
#include "server.h"

struct asked {
	struct web_request *request;
	struct web_server *server;
	const struct web_view *view;
	struct web_query *query;
	struct web_ask ask;       // its query is the one above
	const char *cursor;       // of the request
	uint32_t limit;
	struct web_page page;
	json_t *body, *history;   // what has been put together
	uint32_t at;              // of a group or an alert
	uint64_t id;              // its, when it was found: a row may be another's when Redis answers
};

// NULL: it has been refused. free with asked_free.
struct asked *asked_read(struct web_request *request, struct web_server *server, uint32_t limit);
void asked_free(struct asked *asked);
void asked_refuse(struct asked *asked, unsigned status, const char *code); // and frees
// What web_index_groups and web_index_alerts answered: true where it is good, else it has been refused and freed.
bool asked_good(struct asked *asked, int error);
json_t *cursor_json(const char *cursor); // null where empty
json_t *ms_json(int64_t ns, bool known);

// Flow records that have one of these ends, newest first: Flows of openapi.yaml, to `done`; NULL: Redis is away.
struct flow_ends {
	uint8_t af[2], address[2][16];
	uint32_t count;
};
void web_flows(struct web_server *server, const struct web_view *view, const char *sensor, const struct flow_ends *ends, uint32_t limit,
	       web_rows done, void *context);

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// GET /detectors: every kind of the sensor's table, what it means, how often it was seen in the range, and what people made of it: verdicts
// of archived groups, and from them the precision, threats over threats and false positives. Benign ones and drills are in neither: there
// the sensor was right, and nothing was wrong.
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "http.h"
#include "index.h"
#include "kind_texts.h"
#include "line.h"
#include "model/kinds.h"
#include "range.h"
#include "server.h"
#include "state.h"
#include "suppress.h"

struct tally {
	uint32_t alerts, groups, would_have_paged, verdicts[WEB_VERDICTS];
};

struct counting {
	const struct web_server *server;
	const struct web_view *view;
	struct tally *kinds;      // by row of yg_kinds
	uint8_t *seen;            // groups
	uint16_t *row_of;         // row + 1 of an interned kind; 0: not looked for yet
};

enum { NO_ROW = UINT16_MAX };

static struct tally *tally_of(struct counting *c, uint16_t string)
{
	uint16_t *row = &c->row_of[string];
	if (!*row) {
		const struct yg_kind *kind = yg_kind_find(web_index_string(c->server->index, string));
		*row = kind ? (uint16_t)(kind - yg_kinds + 1) : NO_ROW;
	}
	return *row == NO_ROW ? NULL : &c->kinds[*row - 1];
}

// What the sensor would have woken somebody for, had it been live: its own rule (modes of docs/alerts.md).
static bool would_have_paged(const struct web_alert *a)
{
	return a->mode == WEB_MODE_SHADOW && (a->severity == WEB_SEV_CRITICAL || (a->severity == WEB_SEV_HIGH && a->confidence >= 50));
}

static bool count(void *context, uint32_t at)
{
	struct counting *c = context;
	const struct web_alert *a = web_index_alert(c->server->index, at);
	struct tally *t = tally_of(c, a->kind);
	if (!t)
		return true;
	t->alerts++;
	t->would_have_paged += would_have_paged(a);
	if (c->seen[a->group])
		return true;
	c->seen[a->group] = 1;
	t->groups++;
	t->verdicts[web_state_of(c->server->state, web_index_group_id(c->server->index, a->group))->verdict % WEB_VERDICTS]++;
	return true;
}

static uint32_t suppressions_of(const struct web_server *server, const struct web_view *view, const char *kind)
{
	uint32_t n = 0;
	for (uint32_t i = 1; i <= web_suppress_count(server->suppress); i++) {
		const struct web_suppression *s = web_suppress_at(server->suppress, (uint16_t)i);
		n += s && web_suppress_in_force(s, web_clock_ns()) && yg_kind_matches(s->kind, kind) && web_suppression_seen(server->bodies, view, s);
	}
	return n;
}

static json_t *row_json(const struct counting *c, const struct yg_kind *kind, const struct tally *t)
{
	const struct web_kind_text *text = web_kind_text(kind->kind);
	uint32_t right = t->verdicts[WEB_THREAT], wrong = t->verdicts[WEB_FALSE_POSITIVE];
	json_t *verdicts = json_object(), *row = json_object();
	for (int i = WEB_THREAT; i < WEB_VERDICTS; i++)
		json_object_set_new(verdicts, web_verdict_name((enum web_verdict)i), json_integer(t->verdicts[i]));
	json_object_set_new(row, "kind", json_string(kind->kind));
	json_object_set_new(row, "signature_id", json_integer(kind->signature_id));
	json_object_set_new(row, "kind_ja", json_string(kind->name_ja));
	json_object_set_new(row, "kind_en", json_string(kind->name_en));
	json_object_set_new(row, "severity", json_string(web_severity_name(kind->severity)));
	json_object_set_new(row, "technique", json_string(kind->technique));
	json_object_set_new(row, "means_ja", json_string(text ? text->means_ja : kind->name_ja));
	json_object_set_new(row, "means_en", json_string(text ? text->means_en : kind->name_en));
	json_object_set_new(row, "alerts", json_integer(t->alerts));
	json_object_set_new(row, "groups", json_integer(t->groups));
	json_object_set_new(row, "verdicts", verdicts);
	json_object_set_new(row, "precision", right + wrong ? json_real((double)right / (right + wrong)) : json_null());
	json_object_set_new(row, "would_have_paged", json_integer(t->would_have_paged));
	json_object_set_new(row, "suppressions", json_integer(suppressions_of(c->server, c->view, kind->kind)));
	return row;
}

void web_op_detectors(struct web_request *request, struct web_server *server)
{
	struct web_range range;
	if (!web_range_parse(web_request_query(request, "range"), web_clock_ns(), &range)) {
		web_answer_problem(request, 422, "bad_range");
		return;
	}
	struct counting c = {
	    .server = server, .view = web_request_view(request), .kinds = calloc(yg_kinds_count, sizeof *c.kinds),
	    .seen = calloc(web_index_groups_count(server->index) + 1, 1), .row_of = calloc(WEB_STRINGS_MAX + 1, sizeof *c.row_of),
	};
	json_t *rows = c.kinds && c.seen && c.row_of ? json_array() : NULL;
	if (rows)
		web_index_each_alert(server->index, c.view, range, count, &c);
	for (uint32_t i = 0; rows && i < yg_kinds_count; i++)
		json_array_append_new(rows, row_json(&c, &yg_kinds[i], &c.kinds[i]));
	free(c.kinds);
	free(c.seen);
	free(c.row_of);
	if (rows)
		web_answer(request, 200, json_pack("{so}", "rows", rows), 0);
	else
		web_answer_problem(request, 503, "busy");
}

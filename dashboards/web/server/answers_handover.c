// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// GET /alerts/{id}/handover. The sheet is for the body's officer, so it is masked as he would see it, whoever asks for it: inside addresses
// of other bodies are their names. What the alert says is read by `yagura explain`'s own reader, with its bounds.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "bodies_parts.h"
#include "config/address.h"
#include "handover.h"
#include "http.h"
#include "index.h"
#include "line.h"
#include "server.h"

struct asking {
	struct web_server *server;
	struct web_request *request;
	uint32_t at;
	uint64_t id;              // of the alert: the row may be another's when its line comes
	struct web_view reader;   // the officer's
};

// Whether neither the reader nor the caller is kept from it; else whose it is instead.
static bool may_know(const struct asking *q, uint8_t af, const struct yg_addr *a, unsigned length, struct handover_end *to)
{
	const struct web_view *const views[] = {&q->reader, web_request_view(q->request)};
	uint16_t owner;
	for (unsigned i = 0; i < 2; i++) {
		if (!web_body_hides(q->server->bodies, views[i], af, a, length, &owner))
			continue;
		const struct web_body *body = web_body_at(q->server->bodies, owner);
		to->instead_ja = !body ? "他の団体" : *body->name_ja ? body->name_ja : body->code;
		to->instead_en = !body ? "another body" : *body->name_en ? body->name_en : body->code;
		return false;
	}
	return true;
}

static void end_of(const struct asking *q, struct handover_end *to, uint8_t af, const uint8_t address[16], unsigned length, unsigned port)
{
	char text[YG_PREFIX_TEXT];
	struct yg_addr a;
	static const uint8_t none[16];
	*to = (struct handover_end){0};
	if (!af || memcmp(address, none, sizeof none) == 0)
		return;
	memcpy(&a, address, sizeof a);
	if (!may_know(q, af, &a, length, to))
		return;
	bool host = length >= (af == 4 ? 32u : 128u);
	snprintf(to->address, sizeof to->address, "%s", host ? yg_address_text(af, &a, text) : yg_prefix_text(af, &a, (uint8_t)length, text));
	to->port = port;
}

static bool outside(void *context, uint8_t af, const uint8_t address[16])
{
	const struct asking *q = context;
	bool inside;
	web_body_of(q->server->bodies, af, address, &inside);
	return !inside;
}

// Which end is the body's, and which is the other.
static void set_ends(const struct asking *q, const struct web_alert *a, struct handover_facts *f)
{
	bool source_inside = a->source_af && !outside((void *)(uintptr_t)q, a->source_af, a->source);
	bool target_inside = a->af && !outside((void *)(uintptr_t)q, a->af, a->target);
	struct handover_end source, target;
	end_of(q, &source, a->source_af, a->source, 128, a->source_port);
	end_of(q, &target, a->af, a->target, a->target_len, a->target_port);
	// Inside both: the body's own is the one that the alert is about, and of two of its own the one that does it.
	if (source_inside && target_inside)
		source_inside = web_body_of(q->server->bodies, a->source_af, a->source, &target_inside) == a->body;
	f->host_is_source = source_inside;
	f->host = source_inside ? source : target;
	f->peer = source_inside ? target : source;
	if (!source_inside && !target_inside && a->source_af && !a->af) { // a source alone, of which nobody knows whose it is
		f->host = target;
		f->peer = source;
	}
}

static const char *const severity_ja[WEB_SEVERITIES] = {"参考", "低", "中", "高", "緊急"};
static const char *const severity_en[WEB_SEVERITIES] = {"informational", "low", "medium", "high", "critical"};

static const char *text_at(const json_t *eve, const char *key)
{
	const char *text = json_string_value(json_object_get(eve, key));
	return text ? text : "";
}

static json_t *sheet(const struct asking *q, const json_t *eve, const struct explain_alert *read)
{
	const struct web_index *index = q->server->index;
	const struct web_alert *a = web_index_alert(index, q->at);
	const struct web_body *body = a->body == WEB_BODY_NONE ? NULL : web_body_at(q->server->bodies, a->body);
	const char *kind = web_index_string(index, a->kind);
	char reference[96], group[17];
	struct handover made;
	web_alert_text(index, q->at, reference);
	web_group_text(&q->server->shown, web_index_group_id(index, a->group), group);
	struct handover_facts f = {
	    .alert = read, .open = a->state == WEB_ALERT_OPEN, .first_ns = a->first_ns, .last_ns = a->last_ns,
	    .kind_ja = web_kind_ja(kind), .kind_en = web_kind_en(kind), .proto = text_at(eve, "proto"), .app = text_at(eve, "app_proto"),
	    .severity_ja = severity_ja[a->severity % WEB_SEVERITIES], .severity_en = severity_en[a->severity % WEB_SEVERITIES],
	    .technique = web_index_string(index, a->technique), .org_ja = body ? body->name_ja : "", .org_en = body ? body->name_en : "",
	    .soc_name = q->server->soc_name, .soc_contact = q->server->soc_contact, .reference = reference, .group = group,
	    .outside = outside, .context = (void *)(uintptr_t)q,
	};
	set_ends(q, a, &f);
	if (!handover_write(&f, &made))
		return NULL;
	json_t *o = json_pack("{ss ss ss ss}", "subject_ja", made.subject_ja, "subject_en", made.subject_en, "text_ja", made.text_ja, "text_en",
			      made.text_en);
	free(made.subject_ja);
	free(made.subject_en);
	free(made.text_ja);
	free(made.text_en);
	bool his = web_body_sees(q->server->bodies, web_request_view(q->request), a->body);
	json_object_set_new(o, "contact", body && his && body->contact[0] ? json_string(body->contact) : json_null());
	json_object_set_new(o, "org", web_body_json(q->server->bodies, a->body));
	return o;
}

static void eve_came(void *context, json_t *eve)
{
	struct asking *q = context;
	struct explain_alert *read = calloc(1, sizeof *read);
	char *line = NULL;
	json_t *body = NULL;
	if (json_is_object(eve) && read && web_index_alert(q->server->index, q->at)->id == q->id) {
		web_mask_json(q->server->bodies, &q->reader, eve);
		line = json_dumps(eve, JSON_COMPACT);
		if (line && explain_read(line, strlen(line), read))
			body = sheet(q, eve, read);
	}
	if (body) {
		char id[96];
		web_alert_text(q->server->index, q->at, id);
		web_request_audit(q->request, "alert %s", id);
		web_answer(q->request, 200, body, 0);
	} else {
		web_answer_problem(q->request, eve ? 404 : 503, eve ? "trimmed" : "redis_away");
	}
	free(line);
	free(read);
	json_decref(eve);
	free(q);
}

void web_op_alert_handover(struct web_request *request, struct web_server *server)
{
	const struct web_view *view = web_request_view(request);
	uint32_t at = web_index_find_alert(server->index, web_request_path(request, "id"));
	if (at == WEB_NOWHERE || !web_index_sees_alert(server->index, view, at)) {
		web_answer_problem(request, 404, "not_found");
		return;
	}
	struct asking *q = malloc(sizeof *q);
	if (!q) {
		web_answer_problem(request, 503, "busy");
		return;
	}
	*q = (struct asking){.server = server, .request = request, .at = at, .id = web_index_alert(server->index, at)->id, .reader = *view};
	uint16_t body = web_index_alert(server->index, at)->body;
	if (body != WEB_BODY_NONE) {
		memset(&q->reader.scope, 0, sizeof q->reader.scope);
		q->reader.scope.body[body / 64] = UINT64_C(1) << body % 64;
		q->reader.masked = true;
	}
	web_answer_later(request);
	web_index_eve(server->index, view, at, eve_came, q);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The alert event. Alerts are rare, so this is written with the plain JSON writer. What other tools read stands where
// they look for it; everything of ours is below alert.context. The sentences come with the record.
#include <netinet/in.h>

#include "base/time.h"
#include "courier/community_id.h"
#include "courier/eve.h"
#include "courier/eve_fields.h"
#include "model/flow.h"
#include "model/kinds.h"

static bool is_host(const struct yg_alert *alert)
{
	return alert->af != 0 && alert->target_len == (alert->af == 4 ? 32 : 128);
}

static void put_addr_field(struct yg_json *json, const char *key, uint8_t af, const struct yg_addr *addr)
{
	char text[48];
	struct yg_json inner;
	yg_json_init(&inner, text, sizeof text);
	yg_eve_put_addr(&inner, af, addr);
	yg_json_string_n(json, key, text, inner.length);
}

static void put_time_field(struct yg_json *json, struct yg_eve *eve, const char *key, int64_t ns)
{
	char text[YG_TIME_TEXT];
	yg_zone_time_print(&eve->zone, ns, text);
	yg_json_string_n(json, key, text, sizeof text);
}

static void put_proto(struct yg_json *json, const struct yg_alert *alert)
{
	char buffer[8];
	if (alert->proto)
		yg_json_string(json, "proto", yg_proto_name(alert->proto, buffer));
	yg_json_string(json, "app_proto", alert->app_proto[0] ? alert->app_proto : "failed");
}

// An alert about one flow names it: source and target are then its ends.
static void put_flow_names(struct yg_json *json, const struct yg_alert *alert)
{
	bool ports = alert->proto == IPPROTO_TCP || alert->proto == IPPROTO_UDP || alert->proto == IPPROTO_SCTP;
	if (alert->flow_id == 0 || !ports || !is_host(alert) || alert->source_af != alert->af)
		return;
	char id[YG_COMMUNITY_ID];
	const struct yg_addr addr[2] = {alert->source, alert->target};
	const uint16_t port[2] = {alert->source_port, alert->target_port};
	yg_community_id(alert->af, alert->proto, addr, port, id);
	yg_json_string_n(json, "community_id", id, sizeof id);
}

// Who does it to whom. Many, none or forged: the unspecified address; a prefix stands in context.target.
static void put_ends(struct yg_json *json, const struct yg_alert *alert)
{
	static const struct yg_addr none;
	uint8_t af = alert->af ? alert->af : alert->source_af ? alert->source_af : 4;
	if (alert->flow_id)
		yg_json_uint(json, "flow_id", alert->flow_id);
	put_addr_field(json, "src_ip", alert->source_af ? alert->source_af : af,
	               alert->source_af ? &alert->source : &none);
	if (alert->source_af && alert->source_port)
		yg_json_uint(json, "src_port", alert->source_port);
	put_addr_field(json, "dest_ip", af, is_host(alert) ? &alert->target : &none);
	if (is_host(alert) && alert->target_port)
		yg_json_uint(json, "dest_port", alert->target_port);
	put_proto(json, alert);
	put_flow_names(json, alert);
}

static const char *confidence_word(float confidence)
{
	return confidence >= 0.8f ? "High" : confidence >= 0.5f ? "Medium" : "Low";
}

static void put_list_of_one(struct yg_json *json, const char *key, const char *value)
{
	if (!value[0])
		return;
	yg_json_array(json, key);
	yg_json_string(json, NULL, value);
	yg_json_end_array(json);
}

static void put_signature(struct yg_json *json, const struct yg_alert *alert, const struct yg_kind *kind)
{
	char signature[128] = "YAGURA ";
	const char *name = kind ? kind->name_en : alert->kind;
	size_t n = strlen(name), head = strlen(signature);
	if (n > sizeof signature - head)
		n = sizeof signature - head;
	memcpy(signature + head, name, n);
	yg_json_string(json, "action", "allowed");
	yg_json_uint(json, "gid", 1);
	yg_json_uint(json, "signature_id", kind ? kind->signature_id : YG_SIGNATURE_LAST);
	yg_json_uint(json, "rev", 1);
	yg_json_string_n(json, "signature", signature, head + n);
	yg_json_string(json, "category", kind ? kind->category : "Other");
	// Whoever knows EVE alone is not to be woken by a detector that is being watched; context.severity says what it would have been.
	unsigned severity = alert->mode == YG_MODE_SHADOW ? YG_SEV_INFO : alert->severity;
	yg_json_uint(json, "severity", yg_severity_eve(severity));
	yg_json_object(json, "metadata");
	put_list_of_one(json, "signature_severity", yg_severity_signature(severity));
	put_list_of_one(json, "mitre_technique_id", alert->technique);
	put_list_of_one(json, "confidence", confidence_word(alert->confidence));
	put_list_of_one(json, "organization", alert->org_code);
	yg_json_end_object(json);
}

static bool is_affected(const struct yg_alert *alert, uint32_t org)
{
	return alert->affected[org / 64] >> org % 64 & 1;
}

static bool is_named(const struct yg_alert *alert, const char *code)
{
	bool named = false;
	for (int i = 0; i < alert->orgs_count; i++)
		named = named || strcmp(alert->orgs_code[i], code) == 0;
	return named;
}

// Who may see it: also whoever depends on what is attacked.
static void put_orgs(struct yg_json *json, const struct yg_eve *eve, const struct yg_alert *alert)
{
	yg_json_object(json, "org");
	yg_json_string(json, "code", alert->org_code);
	yg_json_string(json, "name_ja", alert->org_ja);
	yg_json_string(json, "name_en", alert->org_en);
	yg_json_end_object(json);
	yg_json_array(json, "orgs");
	for (int i = 0; i < alert->orgs_count; i++)
		yg_json_string(json, NULL, alert->orgs_code[i]);
	for (uint32_t i = 0; alert->affected_count && i < eve->orgs_count && i < YG_AFFECTED_WORDS * 64; i++)
		if (is_affected(alert, i) && !is_named(alert, eve->orgs[i].code))
			yg_json_string(json, NULL, eve->orgs[i].code);
	yg_json_end_array(json);
}

// The last of the context, because it takes what room is left: the number is exact, names there are as many as fit.
static void put_affected(struct yg_json *json, const struct yg_eve *eve, const struct yg_alert *alert)
{
	enum { ONE = 1300, REST = 64 }; // a code, and two names of which each byte grows sixfold; the ends of all that is open
	if (!alert->affected_count)
		return;
	yg_json_uint(json, "affected_count", alert->affected_count);
	yg_json_array(json, "affected");
	for (uint32_t i = 0; i < eve->orgs_count && i < YG_AFFECTED_WORDS * 64; i++) {
		if (!is_affected(alert, i))
			continue;
		if (json->full || json->size - json->length < ONE + REST)
			break;
		yg_json_object(json, NULL);
		yg_json_string(json, "code", eve->orgs[i].code);
		yg_json_string(json, "name_ja", eve->orgs[i].name_ja);
		yg_json_string(json, "name_en", eve->orgs[i].name_en);
		yg_json_end_object(json);
	}
	yg_json_end_array(json);
}

// What is attacked, and what comes of it.
static void put_attack(struct yg_json *json, const struct yg_alert *alert)
{
	bool dos = strncmp(alert->kind, "dos.", 4) == 0;
	if (dos || strncmp(alert->kind, "org.", 4) == 0)
		yg_json_string(json, "learning", yg_learning_name(alert->learning));
	if (!dos)
		return;
	yg_json_object(json, "impact");
	yg_json_string(json, "state", yg_impact_name(alert->impact));
	if (alert->impact != YG_IMPACT_UNKNOWN) {
		yg_json_double(json, "success", (double)alert->impact_success);
		yg_json_double(json, "usual", (double)alert->impact_usual);
	}
	yg_json_end_object(json);
}

static void put_hex(struct yg_json *json, const char *key, uint64_t id)
{
	static const char hex[] = "0123456789abcdef";
	char text[16];
	for (int i = 15; i >= 0; i--, id >>= 4)
		text[i] = hex[id & 15];
	yg_json_string_n(json, key, text, sizeof text);
}

// A pulse names the campaign that it is part of; a campaign says how many there were and when the next is to be expected.
static void put_campaign(struct yg_json *json, struct yg_eve *eve, const struct yg_alert *alert)
{
	bool whole = strcmp(alert->kind, "dos.campaign") == 0;
	if (alert->campaign)
		put_hex(json, "campaign", alert->campaign);
	if (alert->campaign || whole)
		yg_json_uint(json, "pulse", alert->pulse);
	if (!whole || !alert->period_s)
		return;
	yg_json_uint(json, "period_s", alert->period_s);
	yg_json_uint(json, "period_mad_s", alert->period_mad_s);
	if (alert->next_ns)
		put_time_field(json, eve, "next_expected", alert->next_ns);
}

// "203.0.113.10", "203.0.113.0/24", or empty.
static void put_target(struct yg_json *json, const struct yg_alert *alert)
{
	char text[64];
	struct yg_json inner;
	yg_json_init(&inner, text, sizeof text);
	if (alert->af != 0 && alert->target_len != 0) {
		yg_eve_put_addr(&inner, alert->af, &alert->target);
		if (!is_host(alert)) {
			put_literal(&inner, "/");
			yg_eve_put_uint(&inner, alert->target_len);
		}
	}
	yg_json_string_n(json, "target", text, inner.length);
}

static void put_series(struct yg_json *json, struct yg_eve *eve, const struct yg_alert *alert)
{
	if (alert->series_count == 0)
		return;
	int64_t limit = INT64_MAX / YG_NS_PER_S;
	int64_t start = alert->series_start > limit || alert->series_start < -limit ? 0 : alert->series_start;
	yg_json_object(json, "series");
	put_time_field(json, eve, "start", start * YG_NS_PER_S);
	yg_json_uint(json, "step_s", alert->series_step_s);
	yg_json_array(json, "values");
	for (int i = 0; i < alert->series_count; i++)
		yg_json_double(json, NULL, (double)alert->series[i]);
	yg_json_end_array(json);
	yg_json_double(json, "low", (double)alert->series_low);
	yg_json_double(json, "high", (double)alert->series_high);
	yg_json_end_object(json);
}

static void put_top(struct yg_json *json, const struct yg_alert *alert)
{
	yg_json_array(json, "top");
	for (int i = 0; i < alert->top_count; i++) {
		yg_json_object(json, NULL);
		put_addr_field(json, "ip", alert->top[i].af, &alert->top[i].addr);
		yg_json_double(json, "share", (double)alert->top[i].share);
		yg_json_end_object(json);
	}
	yg_json_end_array(json);
}

static void put_why(struct yg_json *json, struct yg_eve *eve, const struct yg_alert *alert)
{
	yg_json_object(json, "why");
	yg_json_double(json, "observed", alert->observed);
	yg_json_double(json, "threshold", alert->threshold);
	yg_json_double(json, "baseline", alert->baseline);
	yg_json_double(json, "peak", alert->peak);
	yg_json_string(json, "unit", alert->unit);
	yg_json_uint(json, "window_s", alert->window_s);
	yg_json_string(json, "text_ja", alert->text_ja);
	yg_json_string(json, "text_en", alert->text_en);
	put_top(json, alert);
	yg_json_uint(json, "sources_at_least", alert->sources_at_least);
	yg_json_uint(json, "sample_packets", alert->sample_packets);
	put_series(json, eve, alert);
	yg_json_end_object(json);
}

static void put_vectors(struct yg_json *json, const struct yg_alert *alert)
{
	yg_json_string(json, "vector", alert->vector);
	if (alert->vectors_count == 0)
		return;
	yg_json_array(json, "vectors");
	for (int i = 0; i < alert->vectors_count; i++) {
		yg_json_object(json, NULL);
		yg_json_string(json, "name", alert->vectors[i].name);
		yg_json_double(json, "share", (double)alert->vectors[i].share);
		yg_json_end_object(json);
	}
	yg_json_end_array(json);
}

static void put_context(struct yg_json *json, struct yg_eve *eve, const struct yg_alert *alert,
                        const struct yg_kind *kind)
{
	yg_json_object(json, "context");
	put_hex(json, "id", alert->id);
	if (eve->run)
		yg_json_uint(json, "run", eve->run);
	yg_json_uint(json, "sequence", alert->sequence);
	yg_json_string(json, "kind", alert->kind);
	yg_json_string(json, "kind_ja", kind ? kind->name_ja : alert->kind);
	yg_json_string(json, "detector", alert->detector);
	yg_json_string(json, "state", yg_alert_state_name(alert->state));
	yg_json_uint(json, "score", alert->score);
	yg_json_string(json, "severity", yg_severity_name(alert->severity));
	yg_json_double(json, "confidence", (double)alert->confidence);
	yg_json_string(json, "mode", yg_alert_mode_name(alert->mode));
	yg_json_uint(json, "sla_minutes", alert->sla_minutes);
	put_time_field(json, eve, "first_seen", alert->first_ns ? alert->first_ns : alert->time_ns);
	put_time_field(json, eve, "last_seen", alert->last_ns ? alert->last_ns : alert->time_ns);
	yg_json_uint(json, "count", alert->count);
	yg_json_uint(json, "reopened", alert->reopened);
	put_orgs(json, eve, alert);
	yg_json_string(json, "zone", yg_zone_name(alert->zone));
	put_target(json, alert);
	put_vectors(json, alert);
	put_attack(json, alert);
	put_campaign(json, eve, alert);
	put_why(json, eve, alert);
	if (alert->policy_ref[0])
		yg_json_string(json, "policy_ref", alert->policy_ref);
	yg_json_string(json, "runbook", alert->runbook[0] ? alert->runbook : alert->kind);
	put_affected(json, eve, alert);
	yg_json_end_object(json);
}

size_t yg_eve_alert(struct yg_eve *eve, const struct yg_alert *alert, char *buffer, size_t size)
{
	const struct yg_kind *kind = yg_kind_find(alert->kind);
	struct yg_json json;
	yg_json_init(&json, buffer, size);
	yg_eve_put_head(&json, eve, alert->time_ns, "alert");
	json.comma = true;
	put_ends(&json, alert);
	yg_json_object(&json, "alert");
	put_signature(&json, alert, kind);
	put_context(&json, eve, alert, kind);
	yg_json_end_object(&json);
	yg_json_end_object(&json);
	return yg_json_finish(&json) ? json.length : 0;
}

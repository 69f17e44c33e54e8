// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One EVE line to what is explained of it. A table says which path goes where; what is no number where one is wanted stays unknown.
#include <math.h>
#include <string.h>

#include "base/json_read.h"
#include "explain/explain.h"

#define FIELD(field) offsetof(struct explain_alert, field)

static const struct {
	const char *path;
	size_t offset, size;
} texts[] = {
#define YG_X(path, field) {path, FIELD(field), sizeof((struct explain_alert *)0)->field}
    YG_X("timestamp", timestamp), YG_X("host", host), YG_X("src_ip", source), YG_X("proto", proto),
    YG_X("alert.signature", signature), YG_X("alert.metadata.mitre_technique_id[]", technique),
    YG_X("alert.context.id", id), YG_X("alert.context.state", state), YG_X("alert.context.severity", severity),
    YG_X("alert.context.kind", kind), YG_X("alert.context.kind_ja", kind_ja), YG_X("alert.context.mode", mode),
    YG_X("alert.context.zone", zone), YG_X("alert.context.first_seen", first_seen),
    YG_X("alert.context.last_seen", last_seen), YG_X("alert.context.target", target),
    YG_X("alert.context.org.code", org_code), YG_X("alert.context.org.name_ja", org_ja),
    YG_X("alert.context.org.name_en", org_en), YG_X("alert.context.vector", vector),
    YG_X("alert.context.policy_ref", policy), YG_X("alert.context.why.unit", unit),
    YG_X("alert.context.learning", learning), YG_X("alert.context.why.text_ja", text_ja),
    YG_X("alert.context.why.text_en", text_en), YG_X("alert.context.why.series.start", series_start),
    YG_X("alert.context.impact.state", impact), YG_X("alert.context.campaign", campaign),
    YG_X("alert.context.next_expected", next),
#undef YG_X
};

static const struct {
	const char *path;
	size_t offset;
} numbers[] = {
    {"dest_port", FIELD(port)},
    {"alert.context.score", FIELD(score)},
    {"alert.context.confidence", FIELD(confidence)},
    {"alert.context.count", FIELD(count)},
    {"alert.context.reopened", FIELD(reopened)},
    {"alert.context.sla_minutes", FIELD(sla_minutes)},
    {"alert.context.affected_count", FIELD(affected_count)},
    {"alert.context.pulse", FIELD(pulse)},
    {"alert.context.period_s", FIELD(period_s)},
    {"alert.context.period_mad_s", FIELD(period_mad_s)},
    {"alert.context.impact.success", FIELD(impact_success)},
    {"alert.context.impact.usual", FIELD(impact_usual)},
    {"alert.context.why.observed", FIELD(observed)},
    {"alert.context.why.threshold", FIELD(threshold)},
    {"alert.context.why.baseline", FIELD(baseline)},
    {"alert.context.why.peak", FIELD(peak)},
    {"alert.context.why.window_s", FIELD(window_s)},
    {"alert.context.why.sources_at_least", FIELD(sources)},
    {"alert.context.why.sample_packets", FIELD(sample)},
    {"alert.context.why.series.step_s", FIELD(step_s)},
    {"alert.context.why.series.low", FIELD(low)},
    {"alert.context.why.series.high", FIELD(high)},
};

static double *number_at(struct explain_alert *a, size_t i)
{
	return (double *)(void *)((char *)a + numbers[i].offset);
}

// Members of an object in a list come one by one: the name makes the row, the share belongs to the last.
static void take_share(struct explain_share *list, unsigned *count, const struct yg_json_value *v, bool is_name)
{
	if (v->index >= EXPLAIN_TOP)
		return;
	struct explain_share *s = &list[v->index];
	if (v->index >= *count) {
		*count = v->index + 1;
		s->share = NAN;
	}
	if (is_name)
		yg_plain_text(s->name, sizeof s->name, v->text, v->length);
	else
		s->share = yg_json_number(v, NAN);
}

static void take_body(struct explain_alert *a, const struct yg_json_value *v, const char *member)
{
	if (v->index >= EXPLAIN_BODIES)
		return; // affected_count has the number
	struct explain_body *b = &a->bodies[v->index];
	a->bodies_count = v->index + 1 > a->bodies_count ? v->index + 1 : a->bodies_count;
	if (strcmp(member, "code") == 0)
		yg_plain_text(b->code, sizeof b->code, v->text, v->length);
	else if (strcmp(member, "name_ja") == 0)
		yg_plain_text(b->ja, sizeof b->ja, v->text, v->length);
	else if (strcmp(member, "name_en") == 0)
		yg_plain_text(b->en, sizeof b->en, v->text, v->length);
}

static bool take_lists(struct explain_alert *a, const struct yg_json_value *v)
{
	const char *path = v->path;
	if (v->is_text && strcmp(path, "alert.context.why.top[].ip") == 0) {
		take_share(a->top, &a->top_count, v, true);
	} else if (!v->is_text && strcmp(path, "alert.context.why.top[].share") == 0) {
		take_share(a->top, &a->top_count, v, false);
	} else if (v->is_text && strcmp(path, "alert.context.vectors[].name") == 0) {
		take_share(a->vectors, &a->vectors_count, v, true);
	} else if (!v->is_text && strcmp(path, "alert.context.vectors[].share") == 0) {
		take_share(a->vectors, &a->vectors_count, v, false);
	} else if (!v->is_text && strcmp(path, "alert.context.why.series.values[]") == 0) {
		if (a->series_count < EXPLAIN_SERIES)
			a->series[a->series_count++] = fmax(yg_json_number(v, 0), 0);
	} else if (v->is_text && strncmp(path, "alert.context.affected[].", 25) == 0) {
		take_body(a, v, path + 25);
	} else {
		return false;
	}
	return true;
}

static void take(void *context, const struct yg_json_value *v)
{
	struct explain_alert *a = context;
	if (v->is_text && strcmp(v->path, "event_type") == 0)
		a->is_alert = strcmp(v->text, "alert") == 0;
	if (take_lists(a, v))
		return;
	for (size_t i = 0; v->is_text && i < sizeof texts / sizeof *texts; i++)
		if (strcmp(v->path, texts[i].path) == 0)
			yg_plain_text((char *)a + texts[i].offset, texts[i].size, v->text, v->length);
	for (size_t i = 0; !v->is_text && i < sizeof numbers / sizeof *numbers; i++)
		if (strcmp(v->path, numbers[i].path) == 0)
			*number_at(a, i) = yg_json_number(v, NAN);
}

// A time is printed in parts, so it must be nothing but bytes.
static void keep_times(struct explain_alert *a)
{
	char *const times[] = {a->timestamp, a->first_seen, a->last_seen, a->next, a->series_start};
	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		if (times[i][strspn(times[i], "0123456789-:.+TZ")])
			times[i][0] = '\0';
}

bool explain_read(const char *line, size_t length, struct explain_alert *ret)
{
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		*number_at(ret, i) = NAN;
	bool good = yg_json_read(line, length, take, ret) && ret->is_alert && ret->id[0] != '\0';
	keep_times(ret);
	return good;
}

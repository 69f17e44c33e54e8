// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See eval_judge.h.
#include "cli/eval_judge.h"

#include <string.h>

#include "base/json_read.h"
#include "model/flow.h"
#include "model/kinds.h"

// ---- kinds ----

static bool fits(const char *pattern, const char *kind)
{
	size_t n = strlen(pattern);
	if (n > 2 && strcmp(pattern + n - 2, ".*") == 0)
		return strncmp(pattern, kind, n - 1) == 0;
	return strcmp(pattern, kind) == 0;
}

bool yg_eval_pattern(const char *pattern)
{
	for (uint32_t i = 0; i < yg_kinds_count; i++)
		if (fits(pattern, yg_kinds[i].kind))
			return true;
	return false;
}

bool yg_eval_passes(const struct yg_eval_filter *filter, const char *kind)
{
	for (unsigned i = 0; i < filter->count; i++)
		if (fits(filter->patterns[i], kind))
			return true;
	return filter->count == 0;
}

// ---- lines ----

struct line {
	const struct yg_label *label;
	bool is_alert, of_party;
	struct yg_eval_alert alert;
};

static void keep(char *to, size_t size, const struct yg_json_value *v)
{
	yg_plain_text(to, size, v->text, v->length);
}

// Sources are among the top contributors too; targets are not, for whoever sends most is not who is attacked.
static bool concerns(const struct yg_label *label, const struct yg_json_value *v, bool top)
{
	static const struct yg_addr none;
	struct yg_label_prefix p;
	if (!yg_label_prefix(v->text, v->length, &p) || memcmp(&p.addr, &none, sizeof none) == 0)
		return false; // "0.0.0.0": many, or nobody knows
	unsigned count = top ? label->sources_count : label->parties_count;
	for (unsigned i = 0; i < count; i++)
		if (yg_label_meets(&p, &label->parties[i]))
			return true;
	return false;
}

static void take(void *context, const struct yg_json_value *v)
{
	struct line *line = context;
	struct yg_eval_alert *a = &line->alert;
	if (!v->is_text)
		return;
	if (strcmp(v->path, "event_type") == 0) {
		line->is_alert = strcmp(v->text, "alert") == 0;
	} else if (strcmp(v->path, "alert.context.id") == 0) {
		keep(a->id, sizeof a->id, v);
	} else if (strcmp(v->path, "alert.context.kind") == 0) {
		keep(a->kind, sizeof a->kind, v);
	} else if (strcmp(v->path, "alert.context.severity") == 0) {
		for (int i = 0; i < YG_SEV_COUNT; i++)
			if (strcmp(v->text, yg_severity_name((unsigned)i)) == 0)
				a->severity = (int8_t)i;
	} else if (strcmp(v->path, "src_ip") == 0) {
		keep(a->source, sizeof a->source, v);
		line->of_party |= concerns(line->label, v, false);
	} else if (strcmp(v->path, "alert.context.target") == 0) {
		keep(a->target, sizeof a->target, v);
		line->of_party |= concerns(line->label, v, false);
	} else if (strcmp(v->path, "dest_ip") == 0) {
		line->of_party |= concerns(line->label, v, false);
	} else if (strcmp(v->path, "alert.context.why.top[].ip") == 0) {
		line->of_party |= concerns(line->label, v, true);
	}
}

static bool has_kind(const struct yg_label *label, const char *kind)
{
	for (unsigned i = 0; i < label->kinds_count; i++)
		if (strcmp(label->kinds[i], kind) == 0)
			return true;
	return false;
}

void yg_eval_take(struct yg_eval_alerts *alerts, const struct yg_label *label, const char *text, size_t length)
{
	struct line line = {.label = label, .alert.severity = -1, .of_party = label->parties_count == 0};
	if (!yg_json_read(text, length, take, &line)) {
		alerts->unreadable++;
		return;
	}
	if (!line.is_alert)
		return;
	struct yg_eval_alert *a = NULL;
	for (unsigned i = 0; i < alerts->count && !a; i++)
		if (strcmp(alerts->at[i].id, line.alert.id) == 0)
			a = &alerts->at[i];
	if (!a && alerts->count == YG_EVAL_ALERTS) {
		alerts->left_out++;
		return;
	}
	if (!a) {
		a = &alerts->at[alerts->count++];
		*a = line.alert;
	}
	a->severity = line.alert.severity > a->severity ? line.alert.severity : a->severity;
	a->of_kind = has_kind(label, a->kind);
	a->of_party |= line.of_party;
}

// ---- judgement ----

bool yg_eval_found(const struct yg_eval_alerts *alerts, const struct yg_eval_filter *filter)
{
	for (unsigned i = 0; i < alerts->count; i++) {
		const struct yg_eval_alert *a = &alerts->at[i];
		if (a->of_kind && a->of_party && yg_eval_passes(filter, a->kind))
			return true;
	}
	return false;
}

bool yg_eval_unasked(const struct yg_eval_alert *a, const struct yg_label *label, const struct yg_eval_filter *filter)
{
	if (a->severity < YG_SEV_MEDIUM || !yg_eval_passes(filter, a->kind))
		return false;
	if (filter->count == 0 && strncmp(a->kind, "sensor.", 7) == 0)
		return false;
	bool attacked = label->verdict == YG_VERDICT_ATTACK || label->verdict == YG_VERDICT_OPTIONAL;
	return !attacked || !a->of_kind || !a->of_party;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See eval.h: what `yagura eval` prints, for people and for programs, from the same sums.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_read.h"
#include "cli/eval.h"
#include "model/flow.h"

enum { ELEMENT = 1 << 20 }; // bytes of JSON for one file: YG_EVAL_ALERTS alerts, and a path of nothing but escapes

// ---- sums ----

static struct yg_eval_family *family_of(const struct yg_eval *e, const struct yg_label *label, struct yg_eval_totals *t)
{
	const char *kind = label->kinds[0];
	for (unsigned i = 0; i < label->kinds_count; i++)
		if (yg_eval_passes(&e->filter, label->kinds[i])) {
			kind = label->kinds[i];
			break;
		}
	size_t length = strcspn(kind, ".");
	for (unsigned i = 0; i < t->families_count; i++)
		if (strlen(t->families[i].name) == length && strncmp(t->families[i].name, kind, length) == 0)
			return &t->families[i];
	if (t->families_count == YG_EVAL_FAMILIES)
		return NULL; // the table of kinds has fewer
	struct yg_eval_family *f = &t->families[t->families_count++];
	snprintf(f->name, sizeof f->name, "%.*s", (int)length, kind);
	return f;
}

void yg_eval_sum(const struct yg_eval *e, struct yg_eval_totals *t)
{
	*t = (struct yg_eval_totals){0};
	for (size_t i = 0; i < e->labels.count; i++) {
		const struct yg_eval_file *f = &e->files[i];
		unsigned verdict = e->labels.at[i].verdict;
		t->missing += f->status == YG_EVAL_MISSING;
		t->failed += f->status == YG_EVAL_FAILED;
		if (f->status != YG_EVAL_DONE)
			continue;
		t->done++;
		t->files[verdict]++;
		t->found[verdict] += f->found;
		t->noisy[verdict] += f->unasked > 0;
		t->unasked += f->unasked;
		struct yg_eval_family *family = verdict <= YG_VERDICT_OPTIONAL ? family_of(e, f->label, t) : NULL;
		if (family) {
			family->files[verdict]++;
			family->found[verdict] += f->found;
		}
	}
}

// ---- for people ----

static void print_path(const char *path)
{
	char plain[3200];
	yg_plain_text(plain, sizeof plain, path, strlen(path));
	fputs(plain, stdout);
}

static void print_kinds(const struct yg_label *label)
{
	for (unsigned i = 0; i < label->kinds_count; i++)
		printf("%s%s", i ? "|" : "  ", label->kinds[i]);
	putchar('\n');
}

static void print_alert(const struct yg_eval_alert *a)
{
	bool known = a->source[0] && strcmp(a->source, "0.0.0.0") != 0 && strcmp(a->source, "::") != 0;
	printf("    %s  %s  %s%s%s\n", a->kind, a->severity < 0 ? "?" : yg_severity_name((unsigned)a->severity), known ? a->source : "",
	       known && a->target[0] ? " → " : "", a->target);
}

static void print_recall(const struct yg_eval_totals *t, bool ja)
{
	puts(ja ? "種別        必須（検知/件数）   任意（検知/件数）" : "family      attack  found/of    optional  found/of");
	for (unsigned i = 0; i < t->families_count; i++) {
		const struct yg_eval_family *f = &t->families[i];
		printf("%-10s  %8u / %-8u %9u / %u\n", f->name, f->found[0], f->files[0], f->found[1], f->files[1]);
	}
	unsigned of = t->files[YG_VERDICT_ATTACK], found = t->found[YG_VERDICT_ATTACK];
	if (of)
		printf(ja ? "検知率（必須） %.1f %%（%u / %u）\n" : "recall of attack files %.1f %% (%u of %u)\n", 100.0 * found / of, found, of);
	printf(ja ? "無害なファイル %u件、うち重要度「中」以上のアラートあり %u件\n" : "benign files %u, with an alert of medium or above %u\n",
	       t->files[YG_VERDICT_BENIGN], t->noisy[YG_VERDICT_BENIGN]);
	printf(ja ? "下限未満のファイル %u件、うち重要度「中」以上のアラートあり %u件\n" :
		    "lower-bound files %u, with an alert of medium or above %u\n",
	       t->files[YG_VERDICT_LOWER], t->noisy[YG_VERDICT_LOWER]);
}

static void print_missed(const struct yg_eval *e, unsigned verdict, const char *title)
{
	bool begun = false;
	for (size_t i = 0; i < e->labels.count; i++) {
		const struct yg_eval_file *f = &e->files[i];
		if (f->status != YG_EVAL_DONE || f->found || f->label->verdict != verdict)
			continue;
		if (!begun)
			printf("\n%s\n", title);
		begun = true;
		fputs("  ", stdout);
		print_path(f->label->path);
		print_kinds(f->label);
		for (unsigned k = 0; k < f->alerts.count; k++)
			print_alert(&f->alerts.at[k]);
	}
}

static void print_unasked(const struct yg_eval *e, const char *title)
{
	bool begun = false;
	for (size_t i = 0; i < e->labels.count; i++) {
		const struct yg_eval_file *f = &e->files[i];
		if (!f->unasked)
			continue;
		if (!begun)
			printf("\n%s\n", title);
		begun = true;
		fputs("  ", stdout);
		print_path(f->label->path);
		printf("  [%s]", yg_label_verdict_name(f->label->verdict));
		print_kinds(f->label);
		for (unsigned k = 0; k < f->alerts.count; k++)
			if (yg_eval_unasked(&f->alerts.at[k], f->label, &e->filter))
				print_alert(&f->alerts.at[k]);
	}
}

static void print_trouble(const struct yg_eval *e, bool ja)
{
	bool begun = false;
	for (size_t i = 0; i < e->labels.count; i++) {
		const struct yg_eval_file *f = &e->files[i];
		if (f->status <= YG_EVAL_DONE && !f->damaged && !f->alerts.left_out && !f->alerts.unreadable)
			continue;
		if (!begun)
			putchar('\n');
		begun = true;
		fputs(f->status == YG_EVAL_DONE ? (ja ? "注意: " : "note: ") : (ja ? "評価できず: " : "not judged: "), stdout);
		print_path(e->labels.at[i].path);
		if (f->error[0])
			printf(": %s", f->error + (strncmp(f->error, "yagura: ", 8) == 0 ? 8 : 0));
		if (f->status == YG_EVAL_FAILED)
			printf(ja ? "（終了コード %d）" : " (exit status %d)", f->code);
		if (f->alerts.left_out || f->alerts.unreadable)
			printf(ja ? "（上限を超えたアラート %llu件、読み取れない行 %llu）" : " (alerts past the limit %llu, lines unread %llu)",
			       (unsigned long long)f->alerts.left_out, (unsigned long long)f->alerts.unreadable);
		putchar('\n');
	}
}

void yg_eval_text(const struct yg_eval *e, const struct yg_eval_totals *t, bool ja)
{
	printf(ja ? "%uファイルを%.1f秒で評価しました。\n\n" : "%u files judged in %.1f s\n\n", t->done, e->seconds);
	print_recall(t, ja);
	print_missed(e, YG_VERDICT_ATTACK, ja ? "検知できなかった攻撃（代わりに出たアラートを添えて示します）" : "Missed attacks, with what was raised instead");
	print_missed(e, YG_VERDICT_OPTIONAL, ja ? "検知しなかったもの（任意）" : "Missed, optional");
	print_unasked(e, ja ? "想定外のアラート（重要度「中」以上）" : "Alerts of medium or above that nobody asked for");
	print_trouble(e, ja);
}

// ---- for programs ----

static void put_counts(struct yg_json *j, const char *key, unsigned files, unsigned found)
{
	yg_json_object(j, key);
	yg_json_uint(j, "files", files);
	yg_json_uint(j, "found", found);
	yg_json_end_object(j);
}

static void put_totals(struct yg_json *j, const struct yg_eval *e, const struct yg_eval_totals *t)
{
	yg_json_double(j, "seconds", e->seconds);
	yg_json_uint(j, "judged", t->done);
	yg_json_uint(j, "missing", t->missing);
	yg_json_uint(j, "failed", t->failed);
	put_counts(j, "attack", t->files[YG_VERDICT_ATTACK], t->found[YG_VERDICT_ATTACK]);
	put_counts(j, "optional", t->files[YG_VERDICT_OPTIONAL], t->found[YG_VERDICT_OPTIONAL]);
	for (unsigned v = YG_VERDICT_LOWER; v <= YG_VERDICT_BENIGN; v++) {
		yg_json_object(j, v == YG_VERDICT_LOWER ? "lower_bound" : "benign");
		yg_json_uint(j, "files", t->files[v]);
		yg_json_uint(j, "noisy", t->noisy[v]);
		yg_json_end_object(j);
	}
	yg_json_uint(j, "unasked", t->unasked);
	yg_json_array(j, "families");
	for (unsigned i = 0; i < t->families_count; i++) {
		const struct yg_eval_family *f = &t->families[i];
		yg_json_object(j, NULL);
		yg_json_string(j, "family", f->name);
		put_counts(j, "attack", f->files[0], f->found[0]);
		put_counts(j, "optional", f->files[1], f->found[1]);
		yg_json_end_object(j);
	}
	yg_json_end_array(j);
}

static void put_alerts(struct yg_json *j, const struct yg_eval *e, const struct yg_eval_file *f)
{
	yg_json_array(j, "alerts");
	for (unsigned k = 0; k < f->alerts.count; k++) {
		const struct yg_eval_alert *a = &f->alerts.at[k];
		yg_json_object(j, NULL);
		yg_json_string(j, "id", a->id);
		yg_json_string(j, "kind", a->kind);
		yg_json_string(j, "severity", a->severity < 0 ? "" : yg_severity_name((unsigned)a->severity));
		yg_json_string(j, "source", a->source);
		yg_json_string(j, "target", a->target);
		yg_json_bool(j, "asked", a->of_kind && a->of_party);
		yg_json_bool(j, "unasked", yg_eval_unasked(a, f->label, &e->filter));
		yg_json_end_object(j);
	}
	yg_json_end_array(j);
}

static void put_file(struct yg_json *j, const struct yg_eval *e, size_t i)
{
	static const char *const states[] = {"left_out", "judged", "missing", "failed"};
	const struct yg_eval_file *f = &e->files[i];
	const struct yg_label *label = &e->labels.at[i];
	yg_json_object(j, NULL);
	yg_json_string(j, "path", label->path);
	yg_json_string(j, "verdict", yg_label_verdict_name(label->verdict));
	yg_json_array(j, "kinds");
	for (unsigned k = 0; k < label->kinds_count; k++)
		yg_json_string(j, NULL, label->kinds[k]);
	yg_json_end_array(j);
	yg_json_string(j, "state", states[f->status]);
	yg_json_bool(j, "found", f->found);
	yg_json_bool(j, "damaged", f->damaged);
	if (f->error[0])
		yg_json_string(j, "error", f->error);
	put_alerts(j, e, f);
	yg_json_uint(j, "alerts_left_out", f->alerts.left_out);
	yg_json_end_object(j);
}

bool yg_eval_json(const struct yg_eval *e, const struct yg_eval_totals *t)
{
	struct yg_json j;
	bool good = true;
	char *buffer = malloc(ELEMENT);
	if (!buffer)
		return false;
	yg_json_init(&j, buffer, ELEMENT);
	yg_json_object(&j, NULL);
	put_totals(&j, e, t);
	good = yg_json_finish(&j);
	fwrite(buffer, 1, j.length - 1, stdout); // the object goes on
	fputs(",\"files\":[", stdout);
	for (size_t i = 0; i < e->labels.count; i++) {
		yg_json_init(&j, buffer, ELEMENT);
		put_file(&j, e, i);
		good = yg_json_finish(&j) && good;
		fputs(i ? ",\n" : "\n", stdout);
		fwrite(buffer, 1, j.length - 1, stdout);
	}
	fputs("]}\n", stdout);
	free(buffer);
	return good;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Which services an attack is on, and what their known clients get. Every second all services are added up once, and every attack that is
// followed then walks over those that have anything: at most 256 times 1,024 compares. Thread: the aggregator's.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "engine/impact_table.h"
#include "engine/lifecycle_record.h"
#include "engine/target.h"

static bool is_hit(const struct yg_impact_attack *a, const struct yg_impact_service *s)
{
	return s->used && yg_target_holds(&a->target, s->key.af, &s->key.addr, s->key.proto, s->key.port, s->org);
}

static struct yg_impact_sums sums_of(const struct yg_impact_service *s, int64_t second)
{
	struct yg_impact_sums sums = {0, 0};
	for (unsigned i = 0; i < YG_IMPACT_RING_S; i++)
		if (s->ring[i].second > second - YG_IMPACT_WINDOW_S && s->ring[i].second <= second) {
			sums.answered += s->ring[i].sums.answered;
			sums.failed += s->ring[i].sums.failed;
		}
	return sums;
}

static bool is_learned(const struct yg_impact_watch *w, const struct yg_impact_service *s)
{
	return w->second - s->since_s >= YG_IMPACT_FIRST_S && s->usual_minutes >= YG_IMPACT_USUAL_MINUTES && s->usual > 0;
}

static struct yg_impact_verdict verdict_of(double answered, double failed, double usual)
{
	struct yg_impact_verdict v = {.impact = YG_IMPACT_UNKNOWN};
	if (answered + failed < YG_IMPACT_ATTEMPTS || usual <= 0)
		return v;
	double success = answered / (answered + failed);
	v.success = (float)success;
	v.usual = (float)fmin(usual, 1);
	v.impact = success < YG_IMPACT_DOWN_BELOW * usual ? YG_IMPACT_DOWN
		   : success < YG_IMPACT_DEGRADED_BELOW * usual ? YG_IMPACT_DEGRADED : YG_IMPACT_ABSORBED;
	return v;
}

static bool is_worse(const struct yg_impact_verdict *v, const struct yg_impact_verdict *than)
{
	if (v->impact != than->impact)
		return v->impact > than->impact;
	return v->success * than->usual < than->success * v->usual;
}

static struct yg_impact_verdict judge(const struct yg_impact_watch *w, const struct yg_impact_attack *a)
{
	bool each = yg_target_is_host(&a->target);
	struct yg_impact_verdict worst = {.impact = YG_IMPACT_UNKNOWN};
	double answered = 0, failed = 0, expected = 0;
	for (uint32_t i = 0; i < YG_IMPACT_SERVICES; i++) {
		const struct yg_impact_service *s = &w->services[i];
		double n = (double)w->window[i].answered + w->window[i].failed;
		if (n <= 0 || !is_hit(a, s) || !is_learned(w, s))
			continue;
		struct yg_impact_verdict own = each ? verdict_of(w->window[i].answered, w->window[i].failed, s->usual) : worst;
		worst = is_worse(&own, &worst) ? own : worst;
		answered += w->window[i].answered;
		failed += w->window[i].failed;
		expected += n * s->usual;
	}
	return each ? worst : verdict_of(answered, failed, answered + failed > 0 ? expected / (answered + failed) : 0);
}

// What is attacked learns nothing; what it learned a moment ago is given up as well.
static void taint(struct yg_impact_watch *w, const struct yg_impact_attack *a)
{
	for (uint32_t i = 0; i < YG_IMPACT_SERVICES; i++) {
		struct yg_impact_service *s = &w->services[i];
		if (!is_hit(a, s))
			continue;
		s->tainted = 1;
		s->minute = s->minute_before = (struct yg_impact_sums){0, 0};
	}
}

static int64_t patience_s(const struct yg_impact_watch *w)
{
	return yg_config_ns(w->config, YG_O_ALERTS_UPDATE) / YG_NS_PER_S * 2 + 60;
}

void yg_impact_judge(struct yg_impact_watch *w)
{
	for (uint32_t i = 0; i < YG_IMPACT_SERVICES; i++)
		if (w->services[i].used)
			w->window[i] = sums_of(&w->services[i], w->second);
	for (uint32_t i = 0; i < YG_IMPACT_ATTACKS; i++) {
		struct yg_impact_attack *a = &w->attacks[i];
		if (!a->id)
			continue;
		if (w->second - a->heard_s > patience_s(w)) { // its close was never sent
			a->id = 0;
			w->attacks_count--;
			continue;
		}
		taint(w, a);
		a->now = (struct yg_impact_verdict){.impact = YG_IMPACT_UNKNOWN};
		if (w->one_way <= (float)YG_IMPACT_ONE_WAY && w->second - a->since_s >= YG_IMPACT_WINDOW_S)
			a->now = judge(w, a);
		a->worst = is_worse(&a->now, &a->worst) ? a->now : a->worst;
	}
}

// ---- alerts ----

static struct yg_impact_attack *attack_of(struct yg_impact_watch *w, const struct yg_alert *alert)
{
	struct yg_impact_attack *vacant = NULL;
	for (uint32_t i = 0; i < YG_IMPACT_ATTACKS; i++) {
		if (w->attacks[i].id == alert->id)
			return &w->attacks[i];
		vacant = !vacant && !w->attacks[i].id ? &w->attacks[i] : vacant;
	}
	if (alert->state == YG_ALERT_CLOSE)
		return NULL;
	w->full += !vacant;
	if (!vacant)
		return NULL;
	memset(vacant, 0, sizeof *vacant);
	vacant->id = alert->id;
	vacant->target = *alert;
	vacant->since_s = yg_time_second(yg_time_ns(alert->time_ns));
	w->attacks_count++;
	taint(w, vacant);
	return vacant;
}

static void say(struct yg_alert *a)
{
	bool over = a->state == YG_ALERT_CLOSE;
	double now = (double)a->impact_success * 100, usual = (double)a->impact_usual * 100;
	char ja[192], en[192];
	if (a->impact == YG_IMPACT_ABSORBED) {
		snprintf(ja, sizeof ja, "サービスへの影響は見られない（既知の利用者への応答率%.0f%%、平常時%.0f%%）。", now, usual);
		snprintf(en, sizeof en, " The service %s: %.0f %% of known clients' attempts are answered (usually %.0f %%).",
			 over ? "held" : "holds", now, usual);
	} else if (a->impact == YG_IMPACT_DEGRADED) {
		snprintf(ja, sizeof ja, "既知の利用者への応答率が%s%.0f%%に低下（平常時%.0f%%）。", over ? "一時" : "", now, usual);
		snprintf(en, sizeof en, " The service %s degraded: %.0f %% of known clients' attempts %s answered (usually %.0f %%).",
			 over ? "was" : "is", now, over ? "were" : "are", usual);
	} else {
		snprintf(ja, sizeof ja, "サービスは%s（既知の利用者への応答率%.0f%%、平常時%.0f%%）。",
			 over ? "一時ほぼ停止していた" : "ほぼ停止している", now, usual);
		snprintf(en, sizeof en, " The service %s down: %.0f %% of known clients' attempts %s answered (usually %.0f %%).",
			 over ? "was" : "is", now, over ? "were" : "are", usual);
	}
	yg_lifecycle_text_clause(a, ja, en);
}

void yg_impact_fill(struct yg_impact_watch *w, struct yg_alert *a)
{
	a->impact = YG_IMPACT_UNKNOWN;
	a->impact_success = a->impact_usual = 0;
	if (!yg_target_is_hurt(a) || strcmp(a->kind, "dos.campaign") == 0 || strcmp(a->kind, "dos.outbound") == 0 || !a->id)
		return;
	struct yg_impact_attack *attack = attack_of(w, a);
	if (!attack)
		return;
	const struct yg_impact_verdict *v = a->state == YG_ALERT_CLOSE ? &attack->worst : &attack->now;
	attack->heard_s = yg_time_second(yg_time_ns(a->time_ns));
	a->impact = v->impact;
	a->impact_success = v->success;
	a->impact_usual = v->usual;
	if (a->impact != YG_IMPACT_UNKNOWN)
		say(a);
	if (a->state == YG_ALERT_CLOSE) {
		attack->id = 0;
		w->attacks_count--;
	}
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See sensor_alerts.h.
#include "engine/sensor_alerts.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"

static void about_sensor(const char *kind, const char *unit, struct yg_alert *alert)
{
	memset(alert, 0, sizeof *alert);
	snprintf(alert->kind, sizeof alert->kind, "%s", kind);
	snprintf(alert->runbook, sizeof alert->runbook, "%s", kind);
	snprintf(alert->unit, sizeof alert->unit, "%s", unit);
	alert->severity = YG_SEV_HIGH;
	alert->score = 80;
	alert->confidence = 1;
	alert->org = YG_ORG_NONE;
}

void yg_sensor_alert_restarted(const struct yg_restarted *r, uint32_t deaths, struct yg_alert *a)
{
	static const char *const causes_en[] = {"ended", "crashed", "hung", "was stopped by its sandbox", "ran out of memory"};
	static const char *const causes_ja[] = {"停止", "異常終了", "無応答", "サンドボックスにより停止", "メモリー不足"};
	unsigned cause = r->cause < 5 ? r->cause : 0;
	about_sensor("sensor.dissector", "restarts", a);
	a->observed = deaths;
	a->threshold = 1;
	a->window_s = 1;
	a->clear_after_s = 60;
	if (r->had_packet) {
		a->source_af = r->af;
		a->source = r->addr[0];
		a->source_port = r->port[0];
	}
	snprintf(a->text_en, sizeof a->text_en, "The dissector %s%s; it was forked again, no packet was lost. %u restarts so far.%s%s",
		 causes_en[cause], r->had_packet ? " while reading a packet" : "", deaths, r->quarantine[0] ? " Quarantined: " : "",
		 r->quarantine);
	snprintf(a->text_ja, sizeof a->text_ja, "解析プロセスが%s%sしたため再起動しました。パケットの欠落はありません。累計%u回。%s%s",
		 r->had_packet ? "パケットの解析中に" : "", causes_ja[cause], deaths, r->quarantine[0] ? "隔離ファイル: " : "", r->quarantine);
}

void yg_sensor_alert_blind(int64_t ns, bool by_port, struct yg_alert *a)
{
	double seconds = (double)ns / (double)YG_NS_PER_S;
	about_sensor("sensor.blind", "s", a);
	a->observed = seconds;
	a->threshold = 0;
	a->window_s = (uint32_t)(seconds + 0.5);
	a->clear_after_s = 1; // it is over: the next one is another
	snprintf(a->text_en, sizeof a->text_en, "Nothing was seen for %.1f s: %s. Flows that were open then are not recorded.", seconds,
		 by_port ? "a port was gone" : "the engine ended and was started again");
	snprintf(a->text_ja, sizeof a->text_ja, "%sため、%.1f秒間監視できませんでした。その時点で継続中だったフローは記録されていません。",
		 by_port ? "受信ポートが失われていた" : "エンジンが停止し再起動した", seconds);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See own_alerts.h. Thread: the aggregator's.
#include "engine/own_alerts.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"

static struct yg_alert about_sensor(const char *kind, const char *unit)
{
	struct yg_alert alert;
	memset(&alert, 0, sizeof alert);
	snprintf(alert.kind, sizeof alert.kind, "%s", kind);
	snprintf(alert.runbook, sizeof alert.runbook, "%s", kind);
	snprintf(alert.unit, sizeof alert.unit, "%s", unit);
	alert.severity = YG_SEV_HIGH;
	alert.score = 80;
	alert.confidence = 1;
	alert.org = YG_ORG_NONE;
	return alert;
}

void yg_own_restarted(const struct yg_restarted *r, unsigned deaths, struct yg_alert *ret_alert)
{
	static const char *const causes_en[] = {"ended", "crashed", "hung", "was stopped by its sandbox", "ran out of memory"};
	static const char *const causes_ja[] = {"停止", "異常終了", "無応答", "サンドボックスにより停止", "メモリー不足"};
	struct yg_alert alert = about_sensor("sensor.dissector", "restarts");
	unsigned cause = r->cause < 5 ? r->cause : 0;
	alert.observed = deaths;
	alert.threshold = 1;
	alert.window_s = 1;
	alert.clear_after_s = 60;
	if (r->had_packet) {
		alert.source_af = r->af;
		alert.source = r->addr[0];
		alert.source_port = r->port[0];
	}
	snprintf(alert.text_en, sizeof alert.text_en,
		 "The dissector %s%s; it was forked again, no packet was lost. %u restart%s so far.%s%s", causes_en[cause],
		 r->had_packet ? " while reading a packet" : "", deaths, deaths == 1 ? "" : "s", r->quarantine[0] ? " Quarantined: " : "", r->quarantine);
	snprintf(alert.text_ja, sizeof alert.text_ja, "解析プロセスが%s%sしたため再起動しました。パケットの欠落はありません。累計%u回。%s%s",
		 r->had_packet ? "パケットの解析中に" : "", causes_ja[cause], deaths, r->quarantine[0] ? "隔離ファイル: " : "",
		 r->quarantine);
	*ret_alert = alert;
}

void yg_own_blind(int64_t ns, bool by_port, struct yg_alert *ret_alert)
{
	struct yg_alert alert = about_sensor("sensor.blind", "s");
	double seconds = (double)ns / (double)YG_NS_PER_S;
	alert.observed = seconds;
	alert.threshold = 0;
	alert.window_s = (uint32_t)(seconds + 0.5);
	alert.clear_after_s = 1; // it is over: the next one is another
	const char *port_en = by_port ? "a port was gone" : "the engine ended and was started again";
	const char *port_ja = by_port ? "受信ポートが失われていた" : "エンジンが停止し再起動した";
	snprintf(alert.text_en, sizeof alert.text_en, "Nothing was seen for %.1f s: %s. Flows that were open then are not recorded.", seconds,
		 port_en);
	snprintf(alert.text_ja, sizeof alert.text_ja, "%sため、%.1f秒間監視できませんでした。その時点で継続中だったフローは記録されていません。", port_ja,
		 seconds);
	*ret_alert = alert;
}

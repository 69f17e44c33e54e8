// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See health_spool.h. A torn tail after a loss of power is no fault: nothing of it was ever called durable. It is counted and not raised.
#include "engine/health_spool.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *one, *en, *ja; // what follows the number: of one, of several; NULL: not raised
	const char *then;          // and what follows that in English
	uint8_t severity;
} events[YG_SE_COUNT] = {
	[YG_SE_DAMAGED] =
		{"record on disk is damaged and was stepped over", "records on disk are damaged and were stepped over",
		 "件の記録が破損していたため読み飛ばしました。yagura spool verify とディスクの状態（SMART）を確認してください",
		 ". Run `yagura spool verify` and check the disk (SMART)", YG_SEV_HIGH},
	[YG_SE_MISSING] =
		{"segment is missing", "segments are missing",
		 "個のセグメントが見つかりません。削除されたか、ファイルシステムから失われました。yagura spool ls で確認してください",
		 ": somebody deleted files, or the file system lost them. Run `yagura spool ls`", YG_SEV_HIGH},
	[YG_SE_UNREADABLE] =
		{"segment cannot be read", "segments cannot be read",
		 "個のセグメントを読み取れません。ディスクの状態（SMART）とファイルの所有者を確認してください",
		 ". Check the disk (SMART), and who owns the files", YG_SEV_HIGH},
	[YG_SE_META_LOST] =
		{"time it was lost where each sink stood", "times it was lost where each sink stood",
		 "回、配送位置が失われました。保存中の最も古いアラートから再配送するため、受信側で重複します",
		 "; alerts are delivered again from the oldest, and readers see them twice", YG_SEV_MEDIUM},
	[YG_SE_RETIRED] =
		{"segment was given up after an error of the disk", "segments were given up after an error of the disk",
		 "個のセグメントの使用を、ディスクのエラーにより中止し、未確定分を書き直しました。ディスクを確認してください",
		 "; what was not durable was written again. Check the disk", YG_SEV_HIGH},
	[YG_SE_IO_ERROR] =
		{"time the disk refused", "times the disk refused",
		 "回、ディスクがエラーを返しました。アラートはメモリー上で待機中です。空き容量、マウント、ディスクを至急確認してください",
		 ". Alerts wait in memory: check free space, the mount and the disk at once", YG_SEV_HIGH},
	[YG_SE_RESERVE_USED] =
		{"time its reserve was used", "times its reserve was used",
		 "回、予備領域を使用しました。重要度「高」以上だけを保存しています。空き容量を確保するか、配送先を復旧してください",
		 ": there is room for high severities alone. Free space, or mend what it is delivered to", YG_SEV_HIGH},
	[YG_SE_LOST] =
		{"alert record was lost and is noted as a gap", "alert records were lost and are noted as gaps",
		 "件のアラートの記録を失い、欠落として記録しました。yagura spool stats を確認し、配送先の復旧か spool.size の拡大を行ってください",
		 ". See `yagura spool stats`; mend what it is delivered to, or raise spool.size", YG_SEV_HIGH},
};

static const char *const names[YG_SE_COUNT] = {
#define X(id, name) name,
	YG_SPOOL_EVENTS(X)
#undef X
};

static void begin(struct yg_alert *a, const char *vector, enum yg_severity severity, double observed, double threshold)
{
	memset(a, 0, sizeof *a);
	snprintf(a->kind, sizeof a->kind, "sensor.spool");
	snprintf(a->runbook, sizeof a->runbook, "sensor.spool");
	snprintf(a->vector, sizeof a->vector, "%s", vector);
	a->severity = (uint8_t)severity;
	a->score = severity == YG_SEV_CRITICAL ? 95 : severity == YG_SEV_HIGH ? 80 : 60;
	a->confidence = 1;
	a->org = YG_ORG_NONE;
	a->observed = observed;
	a->threshold = threshold;
	a->window_s = 1;
}

// The steps are those at which the log refuses a class (courier/wal.h).
static void raise_pressure(uint64_t percent, void (*raise)(void *context, const char *detector, const struct yg_alert *alert),
			   void *context)
{
	static const struct { uint64_t percent; uint8_t severity; const char *en, *ja; } steps[] = {
		{95, YG_SEV_CRITICAL, "alerts below high severity are refused", "重要度「高」未満のアラートを保存できません"},
		{85, YG_SEV_HIGH, "flow records are refused", "フロー記録を保存できません"},
		{70, YG_SEV_MEDIUM, "metrics are refused", "計測値を保存できません"},
	};
	struct yg_alert a;
	for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (percent < steps[i].percent)
			continue;
		begin(&a, "pressure", steps[i].severity, (double)percent, (double)steps[i].percent);
		snprintf(a.unit, sizeof a.unit, "%%");
		a.clear_after_s = YG_SPOOL_CLEAR_PRESSURE_S;
		snprintf(a.text_en, sizeof a.text_en,
			 "Spool: %llu %% of spool.size waits to be delivered: %s. Mend what it is delivered to (`yagura stats`), or raise spool.size.",
			 (unsigned long long)percent, steps[i].en);
		snprintf(a.text_ja, sizeof a.text_ja,
			 "スプールの%llu%%が未配送です：%s。配送先を復旧する（yagura stats で確認）か、spool.size を拡大してください。",
			 (unsigned long long)percent, steps[i].ja);
		raise(context, "sensor", &a);
		return;
	}
}

void yg_health_spool(struct yg_spool_told *told, void (*raise)(void *context, const char *detector, const struct yg_alert *alert),
		     void *context)
{
	struct yg_alert a;
	for (unsigned i = 0; i < YG_SE_COUNT; i++) {
		uint64_t now = yg_counter_get(&told->event[i]), before = yg_counter_get(&told->raised[i]);
		yg_counter_set(&told->raised[i], now);
		if (now <= before || !events[i].en)
			continue;
		begin(&a, names[i], events[i].severity, (double)(now - before), 1);
		snprintf(a.unit, sizeof a.unit, "%s", i == YG_SE_LOST ? "records" : "events");
		a.clear_after_s = YG_SPOOL_CLEAR_S;
		unsigned long long n = now - before;
		snprintf(a.text_en, sizeof a.text_en, "Spool: %llu %s%s.", n, n == 1 ? events[i].one : events[i].en, events[i].then);
		snprintf(a.text_ja, sizeof a.text_ja, "スプール：%llu%s。", n, events[i].ja);
		raise(context, "sensor", &a);
	}
	raise_pressure(yg_counter_get(&told->pressure), raise, context);
}

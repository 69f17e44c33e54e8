// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See summary.h. A linear search: 256 places at most, once an alert.
#include "courier/summary.h"

#include <string.h>

void yg_summary_add(struct yg_courier_stats *stats, const struct yg_alert *alert)
{
	uint64_t count = yg_counter_get(&stats->summary_count), i = 0;
	if (count > YG_SUMMARY_ALERTS)
		count = YG_SUMMARY_ALERTS;
	while (i < count && stats->summary[i].id != alert->id)
		i++;
	// Once an alert, also when a courier before this one has read the record already.
	if (alert->state == YG_ALERT_OPEN && alert->severity < YG_SEV_COUNT && i == count)
		yg_counter_add(&stats->opened[alert->severity], 1);
	if (i == YG_SUMMARY_ALERTS) {
		yg_counter_add(&stats->c[YG_CC_SUMMARY_FULL], 1);
		return;
	}
	memcpy(&stats->summary[i], alert, sizeof *alert);
	if (i == count)
		yg_counter_set(&stats->summary_count, count + 1);
}

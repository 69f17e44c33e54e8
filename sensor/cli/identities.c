// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// RULE 6: what goes in comes out, or is counted by name. The same numbers in every run, printed whether they agree or not.
#include "cli/summary.h"

static uint64_t worker_sum(const struct yg_supervisor *s, enum yg_worker_counter counter)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < s->workers; i++)
		sum += yg_counter_get(&s->engine->worker[i].c[counter]);
	return sum;
}

static uint64_t end_sum(const struct yg_supervisor *s, unsigned end)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < s->workers; i++)
		sum += yg_counter_get(&s->engine->worker[i].decode_end[end]);
	return sum;
}

static uint64_t aggregator(const struct yg_supervisor *s, enum yg_aggregator_counter counter)
{
	return yg_counter_get(&s->engine->aggregator[counter]);
}

static uint64_t dissector_sum(const struct yg_supervisor *s, enum yg_dissector_counter counter)
{
	uint64_t sum = yg_counter_get(&s->dissector->zygote[counter]);
	for (unsigned i = 0; i < YG_DISSECTORS_MAX; i++)
		sum += yg_counter_get(&s->dissector->c[i][counter]);
	return sum;
}

unsigned yg_identities(const struct yg_supervisor *s, struct yg_identity ret[YG_IDENTITIES])
{
	uint64_t ends = 0;
	for (unsigned i = 0; i < YG_DECODE_COUNT; i++)
		ends += end_sum(s, i);
	ret[0] = (struct yg_identity){"packets", "received + reassembled = decoded + sum of decode_end[reason]",
				      worker_sum(s, YG_WC_RECEIVED) + worker_sum(s, YG_WC_REASSEMBLED), ends};
	ret[1] = (struct yg_identity){"flows", "decoded = flow hits + created + copies + counted only",
				      end_sum(s, YG_DECODE_DECODED),
				      worker_sum(s, YG_WC_FLOW_HITS) + worker_sum(s, YG_WC_FLOW_CREATED) +
					      worker_sum(s, YG_WC_MIRROR_SUPPRESSED) + worker_sum(s, YG_WC_SHED_PACKETS)};
	ret[2] = (struct yg_identity){"dissector", "offered = read + skipped[reason] + lost with a dissector",
				      worker_sum(s, YG_WC_DS_OFFERED),
				      dissector_sum(s, YG_DC_READ) + worker_sum(s, YG_WC_DS_SKIPPED_RING_FULL) +
					      worker_sum(s, YG_WC_DS_SKIPPED_TOO_LONG) + dissector_sum(s, YG_DC_LOST)};
	ret[3] = (struct yg_identity){"records", "flows ended = records written + records shed[reason]", worker_sum(s, YG_WC_FLOW_ENDED),
				      aggregator(s, YG_AC_RECORDS_WRITTEN) + aggregator(s, YG_AC_RECORDS_SHED_NO_SINK) +
					      aggregator(s, YG_AC_RECORDS_SHED_EMBRYONIC) + aggregator(s, YG_AC_RECORDS_SHED_RING_FULL) +
					      worker_sum(s, YG_WC_SHED_RECORDS) +
					      worker_sum(s, YG_WC_RECORDS_SHED_POOL) + worker_sum(s, YG_WC_RECORDS_SHED_BUDGET) +
					      worker_sum(s, YG_WC_RECORDS_SHED_EVENTS)};
	ret[4] = (struct yg_identity){"alerts", "raised = delivered + suppressed + waiting + not sent", aggregator(s, YG_AC_ALERTS_RAISED),
				      yg_counter_get(&s->courier->c[YG_CC_ALERTS_DELIVERED]) + aggregator(s, YG_AC_ALERTS_SUPPRESSED) +
					      yg_counter_get(&s->courier->c[YG_CC_ALERTS_PENDING]) + aggregator(s, YG_AC_ALERTS_RING_FULL) +
					      yg_counter_get(&s->courier->c[YG_CC_SPOOL_SHED])};
	unsigned broken = 0;
	for (unsigned i = 0; i < YG_IDENTITIES; i++)
		ret[i].right += (uint64_t)s->lost[i];
	for (unsigned i = 0; i < YG_IDENTITIES; i++)
		broken += ret[i].left != ret[i].right;
	return broken;
}

int yg_summary_severity(const struct yg_supervisor *s)
{
	for (int severity = YG_SEV_CRITICAL; severity >= 0; severity--)
		if (yg_counter_get(&s->courier->opened[severity]))
			return severity;
	return -1;
}

uint64_t yg_summary_undelivered(const struct yg_supervisor *s)
{
	uint64_t waits = yg_counter_get(&s->courier->c[YG_CC_SPOOL_UP]) ? 0 : yg_counter_get(&s->courier->c[YG_CC_ALERTS_PENDING]);
	return waits + aggregator(s, YG_AC_ALERTS_RING_FULL) + yg_counter_get(&s->courier->c[YG_CC_SPOOL_SHED]);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a worker takes from the configuration, at its start and at a reload. There everything that is kept by the index of a body, a prefix
// or a service stays right: those are the same in the new block.
#include "engine/worker.h"

void yg_worker_settings(struct yg_worker *w)
{
	const struct yg_config *c = w->o.config;
	w->update_us = (uint64_t)yg_config_ns(c, YG_O_FLOW_UPDATE) / 1000;
	w->ds_packets_max = (uint32_t)yg_config_int(c, YG_O_DISSECTOR_PACKETS);
	w->ds_bytes_max = (uint32_t)yg_config_int(c, YG_O_DISSECTOR_BYTES);
	w->ds_wants = (uint8_t)((w->o.needs & YG_NEEDS_DNS ? YG_DS_WANTS_DNS : 0) | (w->o.needs & YG_NEEDS_TLS ? YG_DS_WANTS_TLS : 0) |
				(w->o.needs & YG_NEEDS_HTTP ? YG_DS_WANTS_HTTP : 0));
	int64_t admission = yg_config_int(c, YG_O_FLOW_ADMISSION);
	w->budget_max[YG_BUDGET_ADMISSION] = admission ? (uint32_t)((admission + w->o.workers - 1) / w->o.workers) : UINT32_MAX;
}

void yg_worker_retune(struct yg_worker *w, const struct yg_config *config, uint32_t needs)
{
	w->o.config = config;
	w->o.needs = needs;
	if (w->open.rates)
		yg_rates_retune(w->open.rates, config);
	if (w->closing.rates)
		yg_rates_retune(w->closing.rates, config);
	yg_worker_settings(w);
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A detector for tests: it asks for everything that a dissector can tell, counts it, and says so when it ends. It raises no alert.
#include <stdio.h>
#include <stdlib.h>

#include "yagura/plugin.h"

struct listener {
	const struct yg_host *host;
	uint64_t dns, tls, http, flows;
};

static void *create(const struct yg_host *host, const union yg_value *values)
{
	struct listener *l = calloc(1, sizeof *l);
	(void)values;
	if (l)
		l->host = host;
	return l;
}

static void destroy(void *self)
{
	const struct listener *l = self;
	char text[160];
	snprintf(text, sizeof text, "heard dns %llu tls %llu http %llu flows %llu", (unsigned long long)l->dns,
	         (unsigned long long)l->tls, (unsigned long long)l->http, (unsigned long long)l->flows);
	l->host->log(l->host->context, 1, text);
	free(self);
}

static void on_dns(void *self, const struct yg_dns *dns)
{
	((struct listener *)self)->dns += dns->head.flow_id != 0;
}

static void on_tls(void *self, const struct yg_tls *tls)
{
	((struct listener *)self)->tls += tls->head.flow_id != 0;
}

static void on_http(void *self, const struct yg_http *http)
{
	((struct listener *)self)->http += http->head.flow_id != 0;
}

static void on_flow(void *self, const struct yg_flow *flow)
{
	((struct listener *)self)->flows += flow->flow_id != 0;
}

static uint64_t memory_max(const union yg_value *values)
{
	(void)values;
	return sizeof(struct listener);
}

__attribute__((visibility("default"))) extern const struct yg_plugin yagura_plugin;
const struct yg_plugin yagura_plugin = {
    YG_PLUGIN_HEADER,
    .name = "listener",
    .version = "1",
    .licence = "Apache-2.0",
    .summary_en = "hears everything, says nothing",
    .summary_ja = "すべてを聞き、何も言わない",
    .needs = YG_NEEDS_DNS | YG_NEEDS_TLS | YG_NEEDS_HTTP | YG_NEEDS_FLOW,
    .memory_max = memory_max,
    .create = create,
    .destroy = destroy,
    .dns = on_dns,
    .tls = on_tls,
    .http = on_http,
    .flow = on_flow,
};

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A detector from outside the tree: sessions in clear text to one port, each server once. It is built in a test with nothing but the
// installed header, and again with that of ABI 1.0, so it uses what both have. Keeps no state but its options: the host knows which
// alert is open.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yagura/plugin.h>

struct sample {
	const struct yg_host *host;
	uint16_t port;
	uint64_t least;
};

static const struct yg_option options[] = {
	{"port", YG_OPT_INT, NULL, 1, 65535, "80", NULL, "Port that is looked at.", "対象のポート番号。"},
	{"bytes", YG_OPT_BYTES, "bytes", 1, 1e9, "64", NULL, "Payload from each side that makes a session.", "双方向の最小バイト数。"},
};

static uint64_t memory_max(const union yg_value *values)
{
	(void)values;
	return sizeof(struct sample);
}

static void *create(const struct yg_host *host, const union yg_value *values)
{
	char text[96];
	struct sample *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->host = host;
	s->port = (uint16_t)values[0].i;
	s->least = (uint64_t)values[1].i;
	snprintf(text, sizeof text, "built for ABI %d.%d, host of %u bytes, %s", YG_PLUGIN_ABI_MAJOR, YG_PLUGIN_ABI_MINOR, host->size,
		 host->size == sizeof *host ? "as built" : "not as built");
	host->log(host->context, 1, text);
	return s;
}

static void flow(void *self, const struct yg_flow *f)
{
	const struct sample *s = self;
	if (f->proto != 6 || f->port[1] != s->port || f->payload[0] < s->least || f->payload[1] < s->least || f->event != YG_FLOW_ENDED)
		return;
	// What lies behind an alert is none of the host's business: were it read, it would be seen.
	struct {
		struct yg_alert alert;
		unsigned char behind[4096];
	} room;
	memset(&room, 0xff, sizeof room);
	struct yg_alert *a = &room.alert;
	char server[INET6_ADDRSTRLEN] = "";
	memset(a, 0, sizeof *a);
	inet_ntop(f->af == 6 ? AF_INET6 : AF_INET, f->addr[1].b, server, sizeof server);
	snprintf(a->kind, sizeof a->kind, "hygiene.cleartext");
	snprintf(a->runbook, sizeof a->runbook, "hygiene.cleartext");
	snprintf(a->unit, sizeof a->unit, "bytes");
	a->af = a->source_af = f->af;
	a->proto = 6;
	a->source = f->addr[0];
	a->target = f->addr[1];
	a->target_len = f->af == 6 ? 128 : 32;
	a->target_port = s->port;
	a->org = f->org[1];
	a->zone = f->zone[1];
	a->time_ns = f->event_ns;
	a->first_ns = f->first_ns;
	a->severity = YG_SEV_LOW;
	a->score = 20;
	a->confidence = 0.9f;
	a->clear_after_s = 60;
	a->window_s = 1;
	a->observed = (double)(f->payload[0] + f->payload[1]);
	a->threshold = 2 * (double)s->least;
	a->top_count = 1;
	a->top[0] = (struct yg_alert_top){f->addr[0], f->af, 1};
	snprintf(a->text_ja, sizeof a->text_ja, "%sのポート%uとの間で%.0fバイトが平文で流れました。", server, s->port, a->observed);
	snprintf(a->text_en, sizeof a->text_en, "%.0f bytes passed in clear text to and from %s port %u.", a->observed, server, s->port);
	s->host->raise(s->host->context, a);
}

const struct yg_plugin yagura_plugin = {
	YG_PLUGIN_HEADER, .name = "sample", .version = "1.0", .licence = "Apache-2.0",
	.summary_en = "Sessions in clear text", .summary_ja = "平文通信の検知", .needs = YG_NEEDS_FLOW,
	.options = options, .options_count = sizeof options / sizeof options[0],
	.memory_max = memory_max, .create = create, .destroy = free, .flow = flow,
};

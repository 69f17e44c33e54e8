// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See board.h.
#include "cli/board.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "cli/build_config.h"

struct judgement {
	const char *state;
	char why[256];
};

static void because(struct judgement *j, bool blind, const char *reason)
{
	size_t used = strlen(j->why);
	snprintf(j->why + used, sizeof j->why - used, "%s%s", used ? " " : "", reason);
	if (blind)
		j->state = "blind";
	else if (strcmp(j->state, "ok") == 0)
		j->state = "degraded";
}

static unsigned ports_of(const struct yg_engine_stats *e)
{
	uint64_t n = yg_counter_get(&e->ports_count);
	return n < YG_PORTS_MAX ? (unsigned)n : YG_PORTS_MAX;
}

static uint64_t lost_of(const struct yg_engine_stats *e)
{
	uint64_t lost = 0;
	for (unsigned i = 0; i < ports_of(e); i++) {
		const struct yg_port_stats *p = &e->port[i];
		lost += yg_counter_get(&p->missed) + yg_counter_get(&p->nombuf);
		lost += yg_counter_get(&p->kernel_drops_known) ? yg_counter_get(&p->kernel_drops) : 0;
	}
	for (unsigned i = 0; i < YG_WORKERS_MAX; i++)
		lost += yg_counter_get(&e->worker[i].c[YG_WC_HANDED_FULL]);
	return lost;
}

static uint64_t deaths_of(const struct yg_dissector_stats *d)
{
	uint64_t deaths = yg_counter_get(&d->zygote[YG_DC_DEATHS]);
	for (unsigned i = 0; i < YG_DISSECTORS_MAX; i++)
		deaths += yg_counter_get(&d->c[i][YG_DC_DEATHS]);
	return deaths;
}

static uint64_t shed_of(const struct yg_engine_stats *e)
{
	uint64_t step = 0;
	for (unsigned i = 0; i < YG_WORKERS_MAX; i++) {
		uint64_t s = yg_counter_get(&e->worker[i].shed_step);
		step = s > step ? s : step;
	}
	return step;
}

static void note(uint64_t now, uint64_t *before, int64_t *when, int64_t now_ms, bool first)
{
	if (now != *before && !first)
		*when = now_ms;
	*before = now;
}

static void remember(struct yg_board_watch *w, const struct yg_supervisor *s, int64_t now_ms)
{
	const struct yg_engine_stats *e = s->engine;
	bool first = !w->begun_ms;
	uint64_t packets = 0;
	uint32_t restarts = 0;
	for (unsigned i = 0; i < ports_of(e); i++)
		packets += yg_counter_get(&e->port[i].packets);
	for (unsigned i = 0; i < YG_CHILD_COUNT; i++)
		restarts += s->restarts[i];
	if (first)
		w->begun_ms = w->packet_ms = now_ms;
	if (packets != w->packets)
		w->packet_ms = now_ms;
	if (restarts != w->restarts)
		w->restart_ms = now_ms;
	w->packets = packets;
	w->restarts = restarts;
	note(lost_of(e), &w->lost, &w->lost_ms, now_ms, first);
	note(deaths_of(s->dissector), &w->deaths, &w->death_ms, now_ms, first);
	note(yg_counter_get(&s->courier->c[YG_CC_SPOOL_GAPS]), &w->gaps, &w->gap_ms, now_ms, first);
	note(yg_counter_get(&e->blind_ns), &w->blind_ns, &w->blind_ms, now_ms, first);
}

static bool recent(int64_t when_ms, int64_t now_ms)
{
	return when_ms && now_ms - when_ms < YG_BOARD_RECENT_MS;
}

static void judge_sight(struct judgement *j, const struct yg_board_watch *w, const struct yg_supervisor *s, int64_t now_ms)
{
	const struct yg_engine_stats *e = s->engine;
	unsigned links = 0, ports = ports_of(e);
	double silence = yg_config_float(&s->config, YG_O_MIRROR_SILENCE);
	for (unsigned i = 0; i < ports; i++)
		links += yg_counter_get(&e->port[i].link_up) != 0;
	bool silent = silence > 0 && (double)(now_ms - w->packet_ms) >= silence * 1000;
	bool engine = s->pids[YG_CHILD_ENGINE] && !s->ended[YG_CHILD_ENGINE] && yg_counter_get(&e->receiving);
	if (!engine)
		because(j, true, "engine");
	if (engine && ports == 0)
		because(j, true, "no_port");
	if (silent)
		because(j, true, "silent");
	// A driver that knows no link says "down" for ever: packets say more.
	bool heard = now_ms - w->packet_ms < 2000;
	if (engine && ports && links == 0 && !heard)
		because(j, true, "link");
	else if (engine && links < ports)
		because(j, false, "link");
	if (yg_counter_get(&e->gone_ns))
		because(j, !engine, "port_gone");
}

static void judge(struct judgement *j, const struct yg_board_watch *w, const struct yg_supervisor *s,
		  const struct yg_supervisor_stats *shared, int64_t now_ms)
{
	const struct yg_counter *c = s->courier->c;
	uint64_t redis = yg_counter_get(&c[YG_CC_REDIS_STATE]);
	*j = (struct judgement){.state = "ok"};
	judge_sight(j, w, s, now_ms);
	if (!s->pids[YG_CHILD_DISSECTOR] || s->ended[YG_CHILD_DISSECTOR])
		because(j, false, "dissector");
	if (!s->pids[YG_CHILD_COURIER] || s->ended[YG_CHILD_COURIER])
		because(j, false, "courier");
	if (recent(w->blind_ms, now_ms))
		because(j, false, "was_blind");
	if (recent(w->restart_ms, now_ms))
		because(j, false, "restarts");
	if (recent(w->death_ms, now_ms))
		because(j, false, "dissector_deaths");
	if (recent(w->lost_ms, now_ms))
		because(j, false, "loss");
	if (shed_of(s->engine))
		because(j, false, "shed");
	if (redis > YG_REDIS_READY)
		because(j, false, "redis");
	if (yg_config_spooled(&s->config) && !yg_counter_get(&c[YG_CC_SPOOL_UP]))
		because(j, false, "spool");
	if (yg_counter_get(&c[YG_CC_SPOOL_PRESSURE]) >= 70)
		because(j, false, "spool_pressure");
	if (recent(w->gap_ms, now_ms))
		because(j, false, "spool_gaps");
	if (yg_counter_get(&shared->books.unaccounted))
		because(j, false, "books");
}

static void put_processes(struct yg_board_text *t, const struct yg_supervisor *s)
{
	static const char *const names[YG_CHILD_COUNT] = {"courier", "dissector", "engine"};
	char name[48];
	for (unsigned i = 0; i < YG_CHILD_COUNT; i++) {
		snprintf(name, sizeof name, "process.%s.up", names[i]);
		yg_board_put_number(t, name, s->pids[i] && !s->ended[i]);
		snprintf(name, sizeof name, "process.%s.restarts", names[i]);
		yg_board_put_number(t, name, s->restarts[i]);
	}
}

static void put_ports(struct yg_board_text *t, const struct yg_engine_stats *e)
{
	yg_board_put_number(t, "ports", ports_of(e));
	for (unsigned i = 0; i < ports_of(e); i++) {
		const struct yg_port_stats *p = &e->port[i];
		char name[32], port[sizeof p->name + 1] = {0};
		memcpy(port, p->name, sizeof p->name);
		snprintf(name, sizeof name, "port.%u.name", i);
		yg_board_put(t, name, port);
		snprintf(name, sizeof name, "port.%u.link", i);
		yg_board_put(t, name, yg_counter_get(&p->link_up) ? "up" : "down");
		snprintf(name, sizeof name, "port.%u.packets", i);
		yg_board_put_number(t, name, yg_counter_get(&p->packets));
		snprintf(name, sizeof name, "port.%u.missed", i);
		yg_board_put_number(t, name, yg_counter_get(&p->missed) + yg_counter_get(&p->nombuf));
	}
}

static void put_delivery(struct yg_board_text *t, const struct yg_supervisor *s, const struct yg_supervisor_stats *shared)
{
	const struct yg_counter *c = s->courier->c;
	static const struct { const char *name; enum yg_courier_counter counter; } spool[] = {
		{"spool.up", YG_CC_SPOOL_UP}, {"spool.held", YG_CC_SPOOL_HELD}, {"spool.bytes", YG_CC_SPOOL_BYTES},
		{"spool.disk_bytes", YG_CC_SPOOL_DISK}, {"spool.pressure_percent", YG_CC_SPOOL_PRESSURE}, {"spool.gaps", YG_CC_SPOOL_GAPS},
		{"spool.refused", YG_CC_SPOOL_SHED}, {"spool.errors", YG_CC_SPOOL_ERRORS}, {"spool.lost", YG_CC_ALERTS_LOST},
		{"spool.lost_high", YG_CC_ALERTS_LOST_HIGH},
	};
	for (unsigned i = 0; i < sizeof spool / sizeof *spool; i++)
		yg_board_put_number(t, spool[i].name, yg_counter_get(&c[spool[i].counter]));
	yg_board_put(t, "redis.state", yg_redis_state_row(yg_counter_get(&c[YG_CC_REDIS_STATE]))->name);
	yg_board_put_number(t, "redis.delivered", yg_counter_get(&c[YG_CC_REDIS_DELIVERED]));
	yg_board_put_number(t, "delivery_lag_ms", yg_counter_get(&shared->lag_ns) / 1000000);
	yg_board_put_number(t, "books.raised", yg_counter_get(&shared->books.raised));
	yg_board_put_number(t, "books.delivered", yg_counter_get(&shared->books.delivered));
	yg_board_put_number(t, "books.suppressed", yg_counter_get(&shared->books.suppressed));
	yg_board_put_number(t, "books.spooled", yg_counter_get(&shared->books.spooled));
	yg_board_put_number(t, "books.lost", yg_counter_get(&shared->books.lost));
	yg_board_put_number(t, "books.unaccounted", yg_counter_get(&shared->books.unaccounted));
	yg_board_put_number(t, "books.closed", yg_counter_get(&shared->books.closed));
}

void yg_board_turn(struct yg_board_watch *w, const struct yg_supervisor *s, const struct yg_supervisor_stats *shared, int64_t now_ms)
{
	static struct yg_board_text t; // the supervisor has one thread
	struct judgement j;
	char text[32];
	if (!s->board)
		return;
	remember(w, s, now_ms);
	judge(&j, w, s, shared, now_ms);
	t.length = t.pairs = t.left_out = 0;
	yg_board_put(&t, "state", j.state);
	yg_board_put(&t, "why", j.why);
	yg_board_put(&t, "version", YG_VERSION);
	snprintf(text, sizeof text, "%016llx", (unsigned long long)s->config.hash);
	yg_board_put(&t, "config", text);
	yg_board_put_number(&t, "time", (uint64_t)time(NULL));
	yg_board_put_number(&t, "uptime_s", (uint64_t)(now_ms - w->begun_ms) / 1000);
	yg_board_put_number(&t, "packets", w->packets);
	yg_board_put_number(&t, "lost", w->lost);
	yg_board_put_number(&t, "silent_s", (uint64_t)(now_ms - w->packet_ms) / 1000);
	yg_board_put_number(&t, "shed_step", shed_of(s->engine));
	yg_board_put_number(&t, "blind_s", w->blind_ns / (uint64_t)YG_NS_PER_S);
	yg_board_put_number(&t, "dissector_deaths", w->deaths);
	put_processes(&t, s);
	put_delivery(&t, s, shared);
	put_ports(&t, s->engine);
	yg_board_show(s->board, &t);
}

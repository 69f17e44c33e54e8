// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Floods of connections and of requests against web servers that are inside, and connections held open by requests that never end (see
// README.md). Thread: the aggregator's.
//
// Windows count handshakes exactly; contacts, messages and flow records say who asks and what becomes of it. All of them only
// fill records; judgement comes in tick().
#include "httpflood.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { TCP = 6, UDP = 17, SYN = 0x02, TLS_REPLY = 5120, TIMEOUT = 408, SWITCHING = 101, SECONDS_OF_NS = 1000000000 };

enum { OPT_FLOOR, OPT_PRINT, OPT_SOURCES, OPT_SMALL, OPT_SLOW, OPT_SLOW_TLS, OPT_PROXIES, OPT_SERVERS, OPT_CONNS, OPT_CLEAR, OPT_COUNT };

static const struct yg_option options[OPT_COUNT] = {
    {"floor", YG_OPT_INT, "connections/s", 10, 1e8, "200", NULL, "Connections or requests a second below which nothing is a flood.",
     "毎秒の接続・リクエスト数がこれに満たなければ攻撃とみなさない。"},
    {"fingerprint_share", YG_OPT_FLOAT, "share", 0.1, 1, "0.5", NULL,
     "Share of the commonest client fingerprint from which clients are of one make.",
     "最も多いクライアント指紋（JA3など）の割合のしきい値。"},
    {"sources_factor", YG_OPT_FLOAT, "times", 2, 1000, "10", NULL, "Sources, times what is usual, that are too many.",
     "送信元の数が普段の何倍以上で異常とみなすか。"},
    {"small_reply", YG_OPT_BYTES, "bytes", 64, 1e6, "1KiB", NULL, "A smaller reply served nobody; behind a TLS handshake 5 KiB more.",
     "これより小さい応答は内容を返していないとみなす。TLSではハンドシェイク分5KiBを加える。"},
    {"slow_connections", YG_OPT_INT, "connections", 5, 100000, "50", NULL,
     "Connections with an unfinished request that are an attack.",
     "未完了のリクエストを抱えた接続がこの数に達したら低速攻撃とみなす。"},
    {"slow_tls_connections", YG_OPT_INT, "connections", 5, 100000, "100", NULL, "The same where TLS hides the requests.",
     "TLSで内容が見えない場合の同じしきい値。"},
    {"proxies", YG_OPT_STRING, NULL, 0, 1023, "", NULL,
     "Content delivery networks and proxies in front of the servers, as prefixes with commas, at most 64.",
     "サーバーの前段にあるCDNやプロキシのプレフィックス。カンマ区切りで64個まで。"},
    {"servers", YG_OPT_INT, "servers", 16, 16384, "1024", NULL, "Web servers followed at a time; the longest silent goes.",
     "同時に追跡するWebサーバーの数。"},
    {"connections", YG_OPT_INT, "connections", 1024, 4194304, "65536", NULL, "Connections followed at a time; more find no place.",
     "同時に追跡する接続の数。"},
    {"clear", YG_OPT_DURATION, "s", 5, 600, "30s", NULL, "An alert closes after so long below 70 % of its threshold.",
     "しきい値の70%を下回ってから終了とみなすまでの時間。"},
};

static uint64_t memory_max(const union yg_value *v)
{
	return httpflood_memory((uint32_t)v[OPT_SERVERS].i, (uint32_t)v[OPT_CONNS].i);
}

static void *create(const struct yg_host *host, const union yg_value *v)
{
	struct httpf *h = calloc(1, (size_t)memory_max(v));
	if (!h) {
		host->log(host->context, 3, "no memory for its tables");
		return NULL;
	}
	h->host = host;
	h->floor = (double)v[OPT_FLOOR].i;
	h->print_share = v[OPT_PRINT].f;
	h->source_factor = v[OPT_SOURCES].f;
	h->small_reply = (uint64_t)v[OPT_SMALL].i;
	h->slow_conns = (uint32_t)v[OPT_SLOW].i;
	h->slow_tls = (uint32_t)v[OPT_SLOW_TLS].i;
	h->servers_max = (uint32_t)v[OPT_SERVERS].i;
	h->conns_max = (uint32_t)v[OPT_CONNS].i;
	h->clear_s = (uint32_t)v[OPT_CLEAR].f;
	for (uint64_t i = 0; i < HTTPF_SECRETS; i++)
		h->secret[i] = (2 * i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	if (getrandom(h->secret, sizeof h->secret, GRND_NONBLOCK) != (ssize_t)sizeof h->secret)
		host->log(host->context, 2, "no random seed, the tables use a fixed one");
	if (!httpflood_prefixes(h, v[OPT_PROXIES].s)) {
		host->log(host->context, 3, "proxies: not a list of at most 64 prefixes");
		free(h);
		return NULL;
	}
	httpflood_layout(h);
	return h;
}

static void destroy(void *self)
{
	struct httpf *h = self;
	char text[200];
	if (!h)
		return;
	if (h->stats.servers_full || h->stats.conns_full || h->stats.evicted || h->stats.lost) {
		snprintf(text, sizeof text,
			 "httpflood: servers without a place %" PRIu64 ", connections without a place %" PRIu64 ", evicted %" PRIu64
			 ", connections whose end was not told %" PRIu64,
			 h->stats.servers_full, h->stats.conns_full, h->stats.evicted, h->stats.lost);
		h->host->log(h->host->context, 0, text);
	}
	free(h);
}

static bool is_usual_port(uint16_t port)
{
	return port == 80 || port == 443 || port == 8000 || port == 8080 || port == 8443 || port == 8888;
}

// The web server at that place; it is one by its port, by declaration, or because somebody spoke HTTP or TLS with it.
static struct httpf_server *server_of(struct httpf *h, uint8_t af, const struct yg_addr *addr, uint16_t port, int64_t second, bool spoke)
{
	struct httpf_server *s = httpflood_server(h, af, addr, port, second, false);
	if (s)
		return s;
	const struct yg_server_info *info = spoke || is_usual_port(port) ? NULL : h->host->server(h->host->context, af, addr, TCP, port);
	if (!spoke && !is_usual_port(port) && (!info || info->role != YG_ROLE_WEB))
		return NULL;
	s = httpflood_server(h, af, addr, port, second, true);
	if (s)
		s->tls = port == 443 || port == 8443;
	return s;
}

static void window(void *self, const struct yg_window *w)
{
	struct httpf *h = self;
	if (w->second > h->active[0])
		httpflood_active(h, w->second);
	if (w->scope != YG_SCOPE_SERVICE || (w->proto != TCP && w->proto != UDP))
		return;
	// No record before somebody was served: a scan of closed ports makes none.
	bool quic = w->proto == UDP;
	struct httpf_server *s = quic || !w->now.handshakes ? httpflood_server(h, w->af, &w->addr, w->port, w->second, false)
							    : server_of(h, w->af, &w->addr, w->port, w->second, false);
	struct httpf_second *slot = s ? httpflood_slot(h, s, w->second) : NULL;
	if (!slot)
		return;
	s->org = w->org;
	s->zone = w->zone;
	s->one_way = w->one_way > 0.9f;
	slot->bytes_out += w->now.bytes_out;
	slot->packets_out += w->now.packets_out;
	if (quic) {
		slot->quic += w->now.flows;
		return;
	}
	slot->handshakes += w->now.handshakes;
	slot->bytes_in += w->now.bytes[YG_VEC_TCP_FLOW];
	slot->packets_in += w->now.packets[YG_VEC_TCP_FLOW];
	s->in += w->now.bytes[YG_VEC_TCP_FLOW];
	s->p95 = (double)w->base.flows;
	s->learning = w->base.state;
}

static void contact(void *self, const struct yg_contact *c)
{
	struct httpf *h = self;
	if (c->proto != TCP || c->outcome != YG_CONTACT_ANSWERED || !c->internal[1])
		return;
	int64_t second = c->event_ns / SECONDS_OF_NS;
	struct httpf_server *s = server_of(h, c->af, &c->addr[1], c->port[1], second, false);
	struct httpf_second *slot = s ? httpflood_slot(h, s, second) : NULL;
	if (!slot)
		return;
	uint64_t source = httpflood_hash(c->addr[0].b, sizeof c->addr[0].b);
	s->org = c->org[1];
	s->zone = c->zone[1];
	slot->told++;
	if (httpflood_is_proxy(h, c->af, &c->addr[0])) { // behind it are many people, who are not told apart
		slot->proxied++;
		return;
	}
	httpflood_source(slot, source);
	struct httpf_conn *conn = httpflood_conn(h, c->flow_id) ? NULL : httpflood_conn_add(h, c->flow_id, s);
	if (!conn)
		return;
	conn->source = source;
	conn->in = s->in; // not when it asks: what is read comes late, and what a body has brought by then must count for it
	conn->opened = c->time_ns / SECONDS_OF_NS;
	conn->heard = second;
	conn->flags = (uint16_t)((c->tcp_flags & SYN ? HTTPF_C_SYN : 0) | (c->packets[1] ? 0 : HTTPF_C_ONE_WAY));
}

// The server's second that a message belongs to; NULL: it is no web server of ours, or long ago.
static struct httpf_second *told_of(struct httpf *h, const struct yg_meta_head *head, bool spoke, struct httpf_server **ret_server)
{
	int64_t second = head->time_ns / SECONDS_OF_NS;
	if (!head->internal[1] || httpflood_is_proxy(h, head->af, &head->addr[0]))
		return NULL;
	struct httpf_server *s = server_of(h, head->af, &head->addr[1], head->port[1], second, spoke);
	struct httpf_second *slot = s ? httpflood_slot(h, s, second) : NULL;
	if (!slot)
		return NULL;
	s->org = head->org[1];
	s->zone = head->zone[1];
	*ret_server = s;
	return slot;
}

static void tls(void *self, const struct yg_tls *t)
{
	struct httpf *h = self;
	struct httpf_server *s;
	struct httpf_second *slot = told_of(h, &t->head, true, &s);
	if (!slot)
		return;
	struct httpf_conn *conn = httpflood_conn(h, t->head.flow_id);
	s->tls = true;
	slot->hellos += !t->quic;
	slot->quic_hellos += t->quic != 0;
	httpflood_source(slot, httpflood_hash(t->head.addr[0].b, sizeof t->head.addr[0].b));
	if (t->ja3[0])
		httpflood_print(s, t->head.time_ns / SECONDS_OF_NS, httpflood_hash(t->ja3, (uint32_t)strlen(t->ja3)));
	if (conn)
		conn->flags |= HTTPF_C_ASKED;
}

static bool has_body(const char *method)
{
	return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

static void asked(struct httpf *h, struct httpf_server *s, struct httpf_second *slot, const struct yg_http *m)
{
	struct httpf_conn *conn = httpflood_conn(h, m->head.flow_id);
	uint64_t print = httpflood_hash(m->user_agent, (uint32_t)strlen(m->user_agent)) ^
			 3 * httpflood_hash(m->method, (uint32_t)strlen(m->method));
	slot->requests++;
	httpflood_source(slot, httpflood_hash(m->head.addr[0].b, sizeof m->head.addr[0].b));
	httpflood_print(s, m->head.time_ns / SECONDS_OF_NS, print);
	if (!conn)
		return;
	conn->flags |= HTTPF_C_ASKED;
	if (has_body(m->method)) {
		uint64_t all = conn->announced + m->body;
		conn->flags |= HTTPF_C_POST;
		conn->announced = all < UINT32_MAX ? (uint32_t)all : UINT32_MAX;
		conn->asked = m->head.time_ns / SECONDS_OF_NS;
	}
}

static void http(void *self, const struct yg_http *m)
{
	struct httpf *h = self;
	struct httpf_server *s;
	struct httpf_second *slot = told_of(h, &m->head, true, &s);
	if (!slot)
		return;
	int64_t second = m->head.time_ns / SECONDS_OF_NS;
	if (!m->response) {
		s->heard = second;
		asked(h, s, slot, m);
		return;
	}
	struct httpf_conn *conn = httpflood_conn(h, m->head.flow_id);
	slot->answers++;
	if (m->status != TIMEOUT) {
		s->heard = second;
		if (conn && (m->status >= 200 || m->status == SWITCHING))
			conn->flags |= HTTPF_C_ANSWERED;
	} else if (conn && !(conn->flags & (HTTPF_C_ANSWERED | HTTPF_C_GONE)) && second - conn->opened >= HTTPF_SOFT_S / 2) {
		conn->flags |= HTTPF_C_GONE; // the server has waited for it, and says so
		conn->gone = second;
	}
}

// One-way: whether a body trickles, of which less has come than was announced. An answer could not be seen, so pace alone proves nothing.
static bool trickles(const struct httpf_conn *c, const struct yg_flow *f, int64_t since, int64_t second)
{
	since = c->asked > since ? c->asked : since; // what came since the last look came, at most, in the time since it was asked
	uint64_t up = f->payload[0] - c->up;
	return c->flags & HTTPF_C_POST && f->payload[0] < c->announced && second - since >= HTTPF_SOFT_S && up &&
	       up < HTTPF_SLOW_RATE * (uint64_t)(second - since);
}

// What the payload of a connection says of its pace.
static void look(struct httpf_conn *c, const struct yg_flow *f, int64_t second)
{
	int64_t since = c->flags & HTTPF_C_LOOKED ? c->heard : c->opened;
	uint64_t up = f->payload[0] - c->up, down = f->payload[1] - c->down;
	bool little = up && up < HTTPF_SLOW_RATE * (uint64_t)(second > since ? second - since : 1);
	bool drip = little && !down && second - since >= HTTPF_SOFT_S;
	if (c->flags & HTTPF_C_ONE_WAY)
		drip = trickles(c, f, since, second);
	bool pours = down >= HTTPF_SLOW_RATE * (uint64_t)(second > since ? second - since : 1), looked = c->flags & HTTPF_C_LOOKED;
	if (pours)
		c->flags &= (uint16_t)~HTTPF_C_SHUT;
	else if (looked && f->shut[0] > c->shut && second - since >= HTTPF_SOFT_S)
		c->flags |= HTTPF_C_SHUT;
	c->flags = (uint16_t)((c->flags & ~HTTPF_C_DRIP) | (drip ? HTTPF_C_DRIP : 0) | HTTPF_C_LOOKED);
	c->shut = f->shut[0];
	if (f->payload[1] && !drip)
		c->flags |= HTTPF_C_ANSWERED;
	c->up = f->payload[0];
	c->down = f->payload[1];
	c->heard = second;
}

static bool ended_slow(const struct httpf_conn *c, const struct yg_flow *f)
{
	int64_t age = (f->last_ns - f->first_ns) / SECONDS_OF_NS;
	bool held = f->rank == YG_RANK_ESTABLISHED && age >= HTTPF_SOFT_S && !(c->flags & (HTTPF_C_ASKED | HTTPF_C_ANSWERED));
	return held && f->payload[0] && !f->payload[1] && f->payload[0] < HTTPF_SLOW_RATE * (uint64_t)age;
}

static void flow(void *self, const struct yg_flow *f)
{
	struct httpf *h = self;
	if (f->proto != TCP || !f->internal[1])
		return;
	int64_t second = f->event_ns / SECONDS_OF_NS;
	struct httpf_server *s = httpflood_server(h, f->af, &f->addr[1], f->port[1], second, false);
	struct httpf_conn *c = s ? httpflood_conn(h, f->flow_id) : NULL;
	if (c && !(c->flags & HTTPF_C_GONE))
		look(c, f, f->event == YG_FLOW_ENDED ? f->last_ns / SECONDS_OF_NS : second);
	if (!s || f->event != YG_FLOW_ENDED)
		return;
	struct httpf_second *slot = f->rank == YG_RANK_ESTABLISHED ? httpflood_slot(h, s, second) : NULL;
	if (slot && !httpflood_is_proxy(h, f->af, &f->addr[0])) {
		slot->ends++;
		slot->small += f->payload[1] < h->small_reply + (s->tls ? TLS_REPLY : 0);
	}
	if (!c || c->flags & HTTPF_C_GONE)
		return; // what has ended slow stays a while
	if (!(c->flags & (HTTPF_C_DRIP | HTTPF_C_SHUT)) && !ended_slow(c, f)) {
		httpflood_conn_drop(h, c);
		return;
	}
	c->flags |= HTTPF_C_GONE;
	c->gone = second;
}

static void tick(void *self, int64_t second)
{
	struct httpf *h = self;
	httpflood_pass(h, second);
	httpflood_judge_all(h, second);
	h->evictions = 0;
}

static void gap(void *self, int64_t from_ns, int64_t to_ns)
{
	(void)from_ns;
	(void)to_ns;
	httpflood_clear(self);
}

static uint32_t save(void *self, void *buffer, uint32_t size)
{
	return httpflood_save(self, buffer, size);
}

static int restore(void *self, const void *buffer, uint32_t size)
{
	return httpflood_restore(self, buffer, size);
}

__attribute__((visibility("default"))) extern const struct yg_plugin yagura_plugin;

const struct yg_plugin yagura_plugin = {
    YG_PLUGIN_HEADER,
    .name = "httpflood",
    .version = "1.0",
    .licence = "Apache-2.0",
    .summary_en = "Floods of web connections, and slow HTTP",
    .summary_ja = "Webサーバーへの接続フラッド・低速HTTP攻撃の検知",
    .needs = YG_NEEDS_WINDOW | YG_NEEDS_CONTACT | YG_NEEDS_FLOW | YG_NEEDS_TLS | YG_NEEDS_HTTP,
    .options = options,
    .options_count = OPT_COUNT,
    .memory_max = memory_max,
    .create = create,
    .destroy = destroy,
    .flow = flow,
    .contact = contact,
    .tls = tls,
    .http = http,
    .window = window,
    .gap = gap,
    .tick = tick,
    .save = save,
    .restore = restore,
};

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A day in a small prefecture. Sources of arrivals are Poisson processes whose rate follows the hour in Japan; what
// each arrival is, and between whom, comes from the source's own random numbers. Names of some sites are those of
// well-known services, because nDPI names applications by them; all addresses are documentation's. LGWAN and My Number
// addresses never appear. Thread: one.
#include "gen_day.h"
#include "gen_apps.h"
#include "gen_bodies.h"

#include <stdlib.h>
#include <string.h>

enum {
	SITE_FIRST = 100,
	CRAWLED_LINKS = 60,
	POLLED_OUTSIDE = 8,
	PUBLIC_RESOLVER = 53,
	NTP_SERVER = 123,
	UPDATE_SERVER = 30
};

static const char *const sites[] = {
    "www.youtube.com",      "www.google.com",
    "www.wikipedia.org",    "outlook.office365.com",
    "teams.microsoft.com",  "zoom.us",
    "www.facebook.com",     "twitter.com",
    "www.amazon.co.jp",     "github.com",
    "www.apple.com",        "www.netflix.com",
    "news.example",         "www.weather.example",
    "maps.example",         "shop.example",
    "cdn.news.example",     "img.shop.example",
    "www.bosai.example",    "api.signage.example",
    "login.kintai.example", "school-drill.example",
    "www.kotsu.example",    "static.maps.example",
    "telemetry.av.example", "ads.example",
    "www.kanko.example",    "jobs.example",
    "bank.example",         "library.example",
    "clinic.example",       "video.example",
    "saas.shinsei.example", "webmail.example",
    "cloud.example",        "fonts.example",
    "blog.example",         "auction.example",
    "recipe.example",       "www.chizu.example",
};
enum { SITES = sizeof(sites) / sizeof(sites[0]) };

// Per cent of the height, by hour in Japan.
// clang-format off
static const uint8_t profiles[3][24] = {
	[GEN_STEADY] = {100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100,
			100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100},
	[GEN_OFFICE] = {6, 5, 5, 5, 5, 6, 10, 25, 80, 100, 100, 95, 60, 90, 98, 95, 90, 70, 35, 20, 15, 12, 10, 8},
	[GEN_VISITORS] = {25, 15, 10, 8, 8, 12, 25, 45, 70, 90, 95, 95, 100, 92, 90, 88, 85, 80, 80, 85, 90, 85, 65, 45},
};
// clang-format on

// ---- sources of arrivals ----

struct source {
	gen_make_fn *make;
	struct gen_rng rng;
	double rate;
	enum gen_profile profile;
	int64_t to;
};

static double share_now(const struct gen *gen, enum gen_profile profile)
{
	int64_t minute = (gen->now / GEN_S + 9 * 3600) / 60 % 1440;
	double hour = (double)minute / 60.0 - 0.5;
	unsigned before = (unsigned)(hour + 24.0) % 24, after = (before + 1) % 24;
	double part = hour + 24.0 - (double)(unsigned)(hour + 24.0);
	return (profiles[profile][before] * (1.0 - part) + profiles[profile][after] * part) / 100.0;
}

static void arrive(struct gen *gen, void *self, uint32_t started, uint32_t b)
{
	struct source *source = self;
	(void)b;
	if (gen_over(gen) || gen->now >= source->to) {
		free(source);
		return;
	}
	if (started && gen_chance(&source->rng, share_now(gen, source->profile)))
		source->make(gen, &source->rng);
	gen_at(gen, gen->now + (int64_t)(gen_exponential(&source->rng, 1e9 / source->rate)), arrive, source, 1, 0);
}

void gen_source(struct gen *gen, const char *name, gen_make_fn *make, double rate, enum gen_profile profile,
                int64_t from, int64_t to)
{
	if (rate * gen->scale <= 0)
		return;
	struct source *source = gen_alloc(sizeof(*source));
	source->make = make;
	source->rng.state = gen->seed;
	for (; *name; name++)
		source->rng.state = gen_mix(source->rng.state, (uint8_t)*name);
	source->rate = rate * gen->scale;
	source->profile = profile;
	source->to = to;
	gen_at(gen, from, arrive, source, 0, 0);
}

// ---- who ----

static unsigned pick_body(struct gen_rng *rng)
{
	uint32_t of = gen_below(rng, 1000);
	for (unsigned i = 0; i < GEN_BODIES; i++) {
		if (of < gen_bodies[i].weight)
			return i;
		of -= gen_bodies[i].weight;
	}
	return 0;
}

static struct gen_addr pick_client(struct gen_rng *rng, unsigned body, uint8_t af)
{
	return gen_client_addr(body, gen_below(rng, 1000), af);
}

static struct gen_addr pick_reader(struct gen_rng *rng, uint8_t af)
{
	return gen_outside_client(gen_below(rng, 20000), af);
}

// A body asks its own resolver; one without asks the prefecture's; the schools ask a public one.
static struct gen_addr resolver_of(struct gen_rng *rng, unsigned body, uint8_t af)
{
	if (!strcmp(gen_bodies[body].code, "shiomi-edu"))
		return gen_outside_server(PUBLIC_RESOLVER, af);
	const struct gen_server *own = gen_server_pick(body, GEN_DNS, gen_below(rng, 2));
	return gen_server_addr(own ? own : gen_server_pick(0, GEN_DNS, gen_below(rng, 2)), af);
}

// ---- from inside ----

// Both questions, as a browser asks them; returns when the answer is there.
static int64_t look_up(struct gen *gen, struct gen_rng *rng, const struct gen_addr *client, unsigned body,
                       const char *name, const struct gen_addr *answer)
{
	struct gen_pair pair = {*client, resolver_of(rng, body, client->af), gen_next(rng), name};
	if (gen_chance(rng, 0.3))
		gen_make_recursion(gen, rng);
	int64_t first = gen_app_dns(gen, gen->now, &pair, answer, answer->af == 6 ? 28 : 1, false);
	pair.seed = gen_next(rng);
	if (gen_chance(rng, 0.5))
		gen_app_dns(gen, gen->now + 100 * GEN_US, &pair, answer, answer->af == 6 ? 1 : 28, false);
	return first + gen_between(rng, 300, 4000) * GEN_US;
}

static uint32_t page_size(struct gen_rng *rng)
{
	double size = gen_exponential(rng, 2200);
	return 600 + (uint32_t)(size > 60000 ? 60000 : size);
}

static void make_browse(struct gen *gen, struct gen_rng *rng)
{
	uint8_t af = gen_family_of(gen, rng, 0.35);
	unsigned body = pick_body(rng), site = gen_below(rng, SITES);
	struct gen_addr client = pick_client(rng, body, af), server = gen_outside_server(SITE_FIRST + site, af);
	int64_t at = look_up(gen, rng, &client, body, sites[site], &server);
	struct gen_pair pair = {client, server, gen_next(rng), sites[site]};
	uint32_t kind = gen_below(rng, 100), bytes = page_size(rng);
	if (kind < 12)
		gen_app_http(gen, at, &pair, bytes, 0, "/");
	else if (kind < 32)
		gen_app_quic(gen, at, &pair, bytes);
	else
		gen_app_https(gen, at, &pair, bytes, 0);
}

static void make_update(struct gen *gen, struct gen_rng *rng)
{
	static const char name[] = "dl.delivery.mp.microsoft.com";
	uint8_t af = gen_family_of(gen, rng, 0.35);
	unsigned body = pick_body(rng);
	struct gen_addr client = pick_client(rng, body, af),
	                server = gen_outside_server(UPDATE_SERVER + gen_below(rng, 4), af);
	int64_t at = look_up(gen, rng, &client, body, name, &server);
	struct gen_pair pair = {client, server, gen_next(rng), name};
	gen_app_http(gen, at, &pair, gen_between(rng, 150000, 400000), 8000000,
	             "/filestreamingservice/files/1f0c5a.cab");
}

static void make_ntp(struct gen *gen, struct gen_rng *rng)
{
	uint8_t af = gen_family_of(gen, rng, 0.3);
	struct gen_pair pair = {pick_client(rng, pick_body(rng), af),
	                        gen_outside_server(NTP_SERVER + gen_below(rng, 3), af), gen_next(rng), NULL};
	gen_app_ntp(gen, gen->now, &pair);
}

static void make_ping(struct gen *gen, struct gen_rng *rng)
{
	uint8_t af = gen_family_of(gen, rng, 0.3);
	struct gen_pair pair = {pick_client(rng, pick_body(rng), af),
	                        gen_outside_server(SITE_FIRST + gen_below(rng, 5), af), gen_next(rng), NULL};
	gen_app_ping(gen, gen->now, &pair, gen_between(rng, 1, 4));
}

static void make_mail_out(struct gen *gen, struct gen_rng *rng)
{
	uint8_t af = gen_family_of(gen, rng, 0.2);
	const struct gen_server *mail = gen_server_pick(GEN_BODIES, GEN_MAIL, gen_below(rng, 60));
	struct gen_pair pair = {gen_server_addr(mail, af),
	                        gen_outside_server(SITE_FIRST + 200 + gen_below(rng, 30), af), gen_next(rng),
	                        "mx.partner.example"};
	gen_app_smtp(gen, gen->now, &pair, gen_between(rng, 900, 6000), gen_chance(rng, 0.85));
}

void gen_make_recursion(struct gen *gen, struct gen_rng *rng)
{
	char name[64];
	uint8_t af = gen_family_of(gen, rng, 0.3);
	const struct gen_server *resolver = gen_server_pick(GEN_BODIES, GEN_DNS, gen_below(rng, 60));
	uint32_t zone = gen_below(rng, 5000), of = gen_below(rng, 100);
	struct gen_pair pair = {gen_server_addr(resolver, af), gen_outside_server(4096 + zone, af), gen_next(rng),
	                        name};
	struct gen_addr answer = gen_outside_server(SITE_FIRST + zone, af);
	snprintf(name, sizeof(name), "%s.zone%u.example", of < 70 ? "www" : of < 85 ? "mail" : "cdn", zone);
	gen_app_dns(gen, gen->now, &pair, of < 92 ? &answer : NULL, af == 6 ? 28 : 1, of >= 97);
}

// ---- from outside ----

static const struct gen_server *pick_web(struct gen_rng *rng)
{
	unsigned body = pick_body(rng);
	const struct gen_server *web = gen_server_pick(body, GEN_WEB, 0);
	return web ? web : gen_server_pick(0, GEN_WEB, 0);
}

void gen_make_visit(struct gen *gen, struct gen_rng *rng)
{
	static const char *const paths[] = {"/", "/kurashi/gomi.html", "/bosai/", "/kosodate/hoikuen.html",
	                                    "/favicon.ico"};
	uint8_t af = gen_family_of(gen, rng, 0.3);
	const struct gen_server *web = pick_web(rng);
	struct gen_pair pair = {pick_reader(rng, af), gen_server_addr(web, af), gen_next(rng), web->name};
	uint32_t kind = gen_below(rng, 100), bytes = page_size(rng);
	if (kind < 10 && web->body == 0)
		gen_app_quic(gen, gen->now, &pair, bytes);
	else if (kind < 30)
		gen_app_http(gen, gen->now, &pair, bytes, 0, paths[gen_below(rng, 5)]);
	else
		gen_app_https(gen, gen->now, &pair, bytes, 0);
}

static void make_dns_in(struct gen *gen, struct gen_rng *rng)
{
	static const char *const missing[] = {"_dmarc.pref.nadami.example", "autodiscover.city.shiomi.example",
	                                      "ftp.town.kirihara.example"};
	uint8_t af = gen_family_of(gen, rng, 0.3);
	const struct gen_server *dns = gen_server_pick(GEN_BODIES, GEN_DNS, gen_below(rng, 60));
	const struct gen_server *about = &gen_servers[gen_below(rng, gen_servers_count)];
	bool exists = gen_chance(rng, 0.9);
	struct gen_addr answer = gen_server_addr(about, gen_chance(rng, 0.6) ? 4 : 6);
	struct gen_pair pair = {gen_outside_server(300 + gen_below(rng, 400), af), gen_server_addr(dns, af),
	                        gen_next(rng), exists ? about->name : missing[gen_below(rng, 3)], true};
	gen_app_dns(gen, gen->now, &pair, exists ? &answer : NULL,
	            gen_chance(rng, 0.1) ? 16
	            : answer.af == 6     ? 28
	                                 : 1,
	            false);
}

static void make_mail_in(struct gen *gen, struct gen_rng *rng)
{
	uint8_t af = gen_family_of(gen, rng, 0.2);
	const struct gen_server *mail = gen_server_pick(GEN_BODIES, GEN_MAIL, gen_below(rng, 60));
	struct gen_pair pair = {gen_outside_server(800 + gen_below(rng, 300), af), gen_server_addr(mail, af),
	                        gen_next(rng), mail->name};
	gen_app_smtp(gen, gen->now, &pair, gen_between(rng, 900, 6000), gen_chance(rng, 0.85));
}

static void make_vpn(struct gen *gen, struct gen_rng *rng)
{
	uint8_t af = gen_family_of(gen, rng, 0.15);
	uint32_t kind = gen_below(rng, 3), who = gen_below(rng, 60);
	const struct gen_server *vpn = gen_server_pick(kind == 0 ? 0 : 1, GEN_VPN, 0);
	struct gen_pair pair = {gen_outside_client(30000 + who, af), gen_server_addr(vpn, af), gen_next(rng), NULL};
	if (kind == 0)
		gen_app_wireguard(gen, gen->now, &pair, 6000);
	else
		gen_app_ipsec(gen, gen->now, &pair, 6000, kind == 1);
}

// ---- the monitoring station and the dead-link crawler ----

static uint16_t polled_port(const struct gen_server *server, bool second)
{
	switch (server->role) {
	case GEN_DNS:
		return 53;
	case GEN_MAIL:
		return 25;
	case GEN_PROXY:
		return 3128;
	default:
		return second ? 80 : 443;
	}
}

// Each minute a handshake with every server, and on some of them a port that is closed: nearly all of
// what it asks for is there, so it must not look like a scanner.
static void poll_all(struct gen *gen, void *self, uint32_t round, uint32_t b)
{
	(void)self, (void)b;
	if (gen_over(gen))
		return;
	struct gen_rng rng = {gen_mix(gen_mix(gen->seed, 0x3017), round)};
	const struct gen_server *watch = gen_server_pick(0, GEN_WATCH, 0);
	uint8_t af = gen->family == GEN_FAMILY_V6 || (gen->family == GEN_FAMILY_BOTH && round % 2) ? 6 : 4;
	struct gen_pair pair = {.client = gen_server_addr(watch, af)};
	for (unsigned i = 0; i < gen_servers_count + POLLED_OUTSIDE; i++) {
		bool outside = i >= gen_servers_count;
		const struct gen_server *server = &gen_servers[outside ? 0 : i];
		if (server == watch || server->role == GEN_VPN)
			continue;
		pair.server = outside ? gen_outside_server(SITE_FIRST + i, af) : gen_server_addr(server, af);
		pair.seed = gen_next(&rng);
		int64_t at = gen->now + gen_between(&rng, 0, 20000) * GEN_MS;
		gen_app_probe(gen, at, &pair, outside ? 443 : polled_port(server, i % 2), GEN_CLOSE_CLIENT);
		pair.seed = gen_next(&rng);
		if (i % 5 == 0)
			gen_app_probe(gen, at + 3 * GEN_S, &pair, 8443, i % 10 ? GEN_REFUSED : GEN_SILENT);
	}
	gen_at(gen, gen->now + 60 * GEN_S, poll_all, NULL, round + 1, 0);
}

// Checks the links of a web site one by one; every fourth is dead, some refuse.
static void make_crawl(struct gen *gen, struct gen_rng *rng)
{
	uint8_t af = gen->family == GEN_FAMILY_V6 ? 6 : 4;
	uint32_t link = gen_below(rng, CRAWLED_LINKS);
	struct gen_pair pair = {gen_client_addr(1, 7, af), gen_outside_server(12000 + link, af), gen_next(rng),
	                        "old-links.example"};
	if (link % 4 == 1)
		gen_app_probe(gen, gen->now, &pair, 80, link % 8 == 1 ? GEN_REFUSED : GEN_SILENT);
	else
		gen_app_http(gen, gen->now, &pair, page_size(rng) / 4, 0, "/index.html");
}

void gen_day(struct gen *gen)
{
	static const struct {
		const char *name;
		gen_make_fn *make;
		double rate;
		enum gen_profile profile;
	} rows[] = {
	    {"browse", make_browse, 4.6, GEN_OFFICE},    {"visit", gen_make_visit, 2.2, GEN_VISITORS},
	    {"dns in", make_dns_in, 9.0, GEN_VISITORS},  {"recursion", gen_make_recursion, 9.0, GEN_OFFICE},
	    {"mail in", make_mail_in, 0.35, GEN_OFFICE}, {"mail out", make_mail_out, 0.2, GEN_OFFICE},
	    {"vpn", make_vpn, 0.2, GEN_OFFICE},          {"ntp", make_ntp, 2.0, GEN_STEADY},
	    {"ping", make_ping, 0.5, GEN_STEADY},        {"update", make_update, 0.012, GEN_OFFICE},
	    {"crawl", make_crawl, 0.15, GEN_STEADY},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		gen_source(gen, rows[i].name, rows[i].make, rows[i].rate, rows[i].profile, gen->start, gen->end);
	gen_at(gen, gen->start + 5 * GEN_S, poll_all, NULL, 0, 0);
}

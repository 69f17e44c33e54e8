// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// GET /metrics on a socket of its own, which no other machine reaches: a proxy before the page cannot hand it out by mistake, and nobody
// needs a session for it. Bounded: WEB_SCRAPERS clients at once, one request, 16 KiB and five seconds each, however busily they send or
// slowly they read; a text is made four times a second at most.
// Thread: the loop's.
#pragma once

enum { WEB_SCRAPERS = 8 };

struct web_scrape;
struct web_server;

// where: as --listen, of this host alone. NULL: said on stderr.
struct web_scrape *web_scrape_create(const char *where, struct web_server *server);
void web_scrape_destroy(struct web_scrape *scrape);

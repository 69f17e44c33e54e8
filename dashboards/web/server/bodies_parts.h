// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Inside of the registry of bodies: between bodies.c, bodies_load.c and mask.c.
#pragma once

#include "bodies.h"
#include "config/config.h"

enum { WEB_BODY_SLOTS = 2 * WEB_BODIES };

struct web_bodies {
	struct web_body body[WEB_BODIES];
	char *texts[WEB_BODIES][5];        // what the pointers of the body point to: ja, en, kana, contact; NULL: ""
	uint16_t slot[WEB_BODY_SLOTS];     // code to index + 1, open addressing; nothing is ever taken out
	bool by_alerts[WEB_BODIES];        // no file has ever declared it
	uint32_t count, undeclared;        // `undeclared`: how many of by_alerts
	char *path;                        // NULL: none
	struct yg_config config;           // block NULL: none
	uint16_t of_org[WEB_BODIES];       // index of the configuration's body to ours
	char timezone[64];
	struct web_bodies_counters counters;
};

// Compiles `path` in a child and maps the result. 0, or a negative errno, said.
int web_config_load(const char *path, struct yg_config *ret_config);

// Whether the view must not see an address or a prefix (`length` less than all bits); whose it is, as far as one body can be named.
bool web_body_hides(const struct web_bodies *bodies, const struct web_view *view, uint8_t af, const struct yg_addr *addr, unsigned length,
		    uint16_t *ret_owner);

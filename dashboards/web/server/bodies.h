// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The bodies: their names, tree, prefixes and contacts, from the organisations of the sensor's configuration (the same files, by the same
// reader), and those that alerts name though no file does. A body's index is its bit in a scope; it never changes while the process runs
// (a reload only adds; a body that is gone keeps its index and is marked).
//
// Who sees a body: whose scope names it, a body above it, or (of a union) one that it spans: as the sensor fills context.orgs.
//
// Masked: an address of a body that the view does not see, and what is nobody's but cannot be a stranger's either: an address of the home
// prefixes, and one of a private range that no file declares. Without a single prefix at hand nobody can say whose an address is: then
// every address is masked for those whose view is.
//
// Bounded: WEB_BODIES, of which WEB_BODIES_UNDECLARED may be known by alerts alone; beyond, a body has no index: only those who see all see
// what is its (counted).
// Thread: the loop's.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "access.h"

enum { WEB_BODY_NONE = UINT16_MAX, WEB_BODIES_UNDECLARED = 256, WEB_BODY_MEMBERS = 32 };

struct web_body {
	char code[16];
	const char *name_ja, *name_en, *name_kana, *contact, *kind; // never NULL, may be empty
	uint16_t parent;       // WEB_BODY_NONE: none
	bool declared;         // by a file
	uint8_t zones;         // bit z (enum yg_zone): it has prefixes there
	uint64_t line_bps;     // of its access line, 0: not declared
	uint16_t members[WEB_BODY_MEMBERS], members_count; // bodies that a union spans
	uint64_t seen_by[WEB_BODY_WORDS]; // bit i: who sees body i sees this one
};

struct web_bodies;

// `config`: the sensor's yagura.yaml; NULL: none but what alerts name. NULL and said on stderr, with file:line.
struct web_bodies *web_bodies_load(const char *config);
void web_bodies_free(struct web_bodies *bodies);
int web_bodies_reload(struct web_bodies *bodies); // 0; a negative errno, said: as it was

const char *web_bodies_timezone(const struct web_bodies *bodies); // sensor.timezone; until the next reload
struct web_bodies_counters { uint64_t full, bad_code, reloads, reloads_failed; };
struct web_bodies_counters web_bodies_counters(const struct web_bodies *bodies);
// Every prefix of a body, in order of the table: calls back with "lgwan", "192.0.2.0/27".
void web_body_prefixes(const struct web_bodies *bodies, uint16_t at, void (*each)(void *context, const char *zone, const char *prefix),
		       void *context);

uint32_t web_bodies_count(const struct web_bodies *bodies);
const struct web_body *web_body_at(const struct web_bodies *bodies, uint16_t at);
uint16_t web_body_find(const struct web_bodies *bodies, const char *code); // WEB_BODY_NONE
// As find; makes it when it is not there. Names are taken when it has none yet. Hostile text: valid UTF-8 of at most 127 bytes, else cut.
uint16_t web_body_intern(struct web_bodies *bodies, const char *code, const char *name_ja, const char *name_en);

// Whose address it is: index, or WEB_BODY_NONE. `inside`: it is any body's, or of the home prefixes.
uint16_t web_body_of(const struct web_bodies *bodies, uint8_t af, const uint8_t address[16], bool *ret_inside);

bool web_body_sees(const struct web_bodies *bodies, const struct web_view *view, uint16_t at); // WEB_BODY_NONE: who sees all

// {code, name_ja, name_en}, or null. New reference.
json_t *web_body_json(const struct web_bodies *bodies, uint16_t at);
// As API shapes ask (End): masked where the view asks for it and the address is inside of a body that the view does not see.
json_t *web_end_json(const struct web_bodies *bodies, const struct web_view *view, uint8_t af, const uint8_t address[16], int length,
		     int port);
// Whether the view must not see this address.
bool web_body_masks(const struct web_bodies *bodies, const struct web_view *view, uint8_t af, const uint8_t address[16]);
// A copy of `text` (a sentence, a JSON text value) in which every address that the view must not see is the name of its body. free() it.
char *web_mask_text(const struct web_bodies *bodies, const struct web_view *view, const char *text, bool japanese);
// An EVE line as the view may see it, in place: every string in it, at any depth, is masked.
void web_mask_json(const struct web_bodies *bodies, const struct web_view *view, json_t *eve);

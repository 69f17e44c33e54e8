// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The search grammar: terms with blanks between, all of which must hold.
//
//   word              text in kind, body, names, addresses as printed
//   "two words"       the same, with blanks
//   field:value       org, kind, sev, state, is, src, dst, ip, port, proto, app, attck, sensor, zone, vector, score, count, assignee, id,
//                     community
//   field:>=80  <=80  numbers and severities        field:a..b  between        field:a,b  one of
//   ip:10.0.0.0/8     CIDR, IPv4 and IPv6           dos.*  a star at the end of a word
//   @198.51.100.7     ip:198.51.100.7               is:open closed new mine escalated archived overdue shadow suppressed
//   -term             not
//
// Codes (kind, sensor, app, vector, id, assignee, the code of a body) are compared whole, with a star by their beginning; names of kinds
// and bodies by any part of them; attck:T1498 finds T1498.001. A word alone is found in any part of any of these and of the addresses.
// A Community ID is found whole, whatever the case of its letters; a masked view, which is not told of it, finds nothing by it.
// An address finds a prefix that it lies in, and the other way round.
//
// Full-width letters, digits and signs are read as their half-width ones (NFKC of that range). At most WEB_TERMS terms and 1,024 bytes;
// an error says at which byte of the text as it was typed. Hostile text is the normal case: fuzzed.
//
// Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEB_TERMS = 32, WEB_QUERY_BYTES = 1024 };

struct web_query_error {
	uint32_t at;              // byte in the text as typed
	char code[32];            // "unknown_field", "bad_value", "unbalanced_quote", "too_long", …: key of the messages in both languages
	char hint[64];            // nearest field or value, may be empty
};

struct web_query;

// NULL with ret_error filled, or a query; an empty text finds all. `me`: for is:mine.
struct web_query *web_query_parse(const char *text, const char *me, struct web_query_error *ret_error);
void web_query_free(struct web_query *query);

// What it costs to carry out on so many alerts, against WEB_QUERY_COST: texts that are looked for in every alert, times alerts.
// Beyond: 422.
enum { WEB_QUERY_COST = 5000000 };
uint64_t web_query_cost(const struct web_query *query, uint32_t alerts);
bool web_query_names_hidden(const struct web_query *query); // is:shadow, is:suppressed, id: with either sign

// Carrying it out, within a view: an end that the view must not see is not found by its address. What a string of the index matches is
// remembered from alert to alert, so one run serves one walk, within one turn of the loop. NULL: no memory.
struct web_index;
struct web_view;
struct web_run;
struct web_run *web_run_begin(const struct web_query *query, const struct web_index *index, const struct web_view *view);
bool web_run_finds(struct web_run *run, uint32_t alert);
void web_run_end(struct web_run *run);

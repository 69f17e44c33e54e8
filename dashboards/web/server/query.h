// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The search grammar: terms with blanks between, all of which must hold.
//
//   word              text in kind, body, names, addresses as printed
//   "two words"       the same, with blanks
//   field:value       org, kind, sev, state, is, src, dst, ip, port, proto, app, attck, sensor, zone, vector, score, count, assignee, id
//   field:>=80  <=80  numbers and severities        field:a..b  between        field:a,b  one of
//   ip:10.0.0.0/8     CIDR, IPv4 and IPv6           dos.*  a star at the end of a word
//   @198.51.100.7     ip:198.51.100.7               is:open is:closed is:new is:mine is:escalated is:shadow
//   -term             not
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

struct web_index;
bool web_query_finds_alert(const struct web_query *query, const struct web_index *index, uint32_t alert);
bool web_query_finds_group(const struct web_query *query, const struct web_index *index, uint32_t group); // any alert of it

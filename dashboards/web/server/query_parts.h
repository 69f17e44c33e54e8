// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a query is made of: between its parser and what carries it out. Pure.
#pragma once

#include "query.h"

enum web_field {
	WEB_F_TEXT, WEB_F_ORG, WEB_F_KIND, WEB_F_SEV, WEB_F_STATE, WEB_F_IS, WEB_F_SRC, WEB_F_DST, WEB_F_IP, WEB_F_PORT, WEB_F_PROTO,
	WEB_F_APP, WEB_F_ATTCK, WEB_F_SENSOR, WEB_F_ZONE, WEB_F_VECTOR, WEB_F_SCORE, WEB_F_COUNT, WEB_F_ASSIGNEE, WEB_F_ID,
	WEB_F_COMMUNITY, WEB_FIELDS,
};

enum web_is {
	WEB_IS_OPEN, WEB_IS_CLOSED, WEB_IS_NEW, WEB_IS_MINE, WEB_IS_ESCALATED, WEB_IS_ARCHIVED, WEB_IS_SHADOW, WEB_IS_SUPPRESSED, WEB_IS_OVERDUE,
	WEB_IS_COUNT
};

enum web_match { WEB_M_TEXT, WEB_M_NUMBER, WEB_M_NET };

enum { WEB_VALUES = 16 };

// One of these must fit (a,b,c), or none with `negate`.
struct web_value {
	uint8_t match;            // enum web_match
	bool prefix;              // text: a star at its end
	uint16_t text, length;    // text: where in web_query.folded
	int64_t low, high;        // number: between, both included
	uint8_t af, bits;         // net
	uint8_t addr[16];
};

struct web_term {
	uint8_t field;            // enum web_field
	bool negate;
	uint8_t count;
	struct web_value values[WEB_VALUES];
};

struct web_query {
	uint32_t count;
	struct web_term terms[WEB_TERMS];
	char folded[WEB_QUERY_BYTES + 1]; // lower case, half-width
	uint16_t from[WEB_QUERY_BYTES + 1]; // of each of its bytes: where it stood in what was typed
	char me[64];
};

// The folding of a query, of any text; free() it. NULL: no memory.
char *web_fold_text(const char *text);

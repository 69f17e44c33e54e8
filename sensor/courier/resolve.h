// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Names of hosts to addresses without waiting: getaddrinfo may take half a minute when a resolver is away, and the EVE
// file must not stand still for it. One short-lived thread a question.
#pragma once

enum { YG_RESOLVE_MAX = 8, YG_RESOLVE_TEXT = 64 };

struct yg_resolve;

struct yg_resolved {
	int count;                                     // addresses; 0 when there are none
	const char *error;                             // then: why, a constant
	char address[YG_RESOLVE_MAX][YG_RESOLVE_TEXT]; // numeric
};

// Asks. NULL and errno when no thread could be started.
struct yg_resolve *yg_resolve_start(const char *host);

// 1 and the answer, which ends the question (free of the handle); 0 while there is none yet.
int yg_resolve_poll(struct yg_resolve *resolve, struct yg_resolved *ret_resolved);

// Gives up. The handle is gone; NULL is accepted.
void yg_resolve_abandon(struct yg_resolve *resolve);

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The table of attacks and of their innocent twins. Thread: any, const.
#pragma once

#include "gen_shots.h"

enum {
	GEN_ROW_INSIDE = 1,     // `v4` is an inside host that does it; whom it meets is outside
	GEN_ROW_ANSWERED = 2,   // whoever is hit answers, unless answered=0 says otherwise
	GEN_ROW_ONE_SOURCE = 4, // all of it comes from one outside host
	GEN_ROW_ONCE = 8,       // one shot a pulse, which knows by itself how long it lasts
	GEN_ROW_NO_TARGET = 16 // whom it meets has no address of its own in the truth
};

struct gen_row {
	const char *name;
	const char *kind; // of the alert that has to follow; "-": innocent, none of medium or above may
	gen_shot_fn *shot;
	uint32_t pps_milli; // shots per 1,000 s, so that a slow scan is a number too
	uint32_t seconds;   // 0: until `shots` have been fired
	uint32_t shots;     // 0: for `seconds`
	uint32_t v4;        // target
	uint16_t v6_host;   // behind the first half of its body
	uint16_t port;
	uint8_t flags;
	uint8_t net4, net6; // where a network is meant: the body's whole prefix of IPv4, so many bits of IPv6; 0: a host
	const char *what;
};

extern const struct gen_row gen_rows[];
extern const unsigned gen_rows_count;

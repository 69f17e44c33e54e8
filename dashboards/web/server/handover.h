// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The handover sheet: one page of plain text to the officer of a body, in both languages, made of what an alert says of itself. It is a
// letter: what was seen, which machine it is about and how to find it behind NAT, what he is asked to look at, and whom to answer.
//
// Addresses outside are written so that no program makes a link of them (203[.]0[.]113[.]5). Nothing here looks anything up.
//
// Pure; any thread. Times are printed in the process's time zone.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "explain/explain.h"

struct handover_end {
	char address[64];         // or a prefix; empty: none, or many, or not for his eyes
	unsigned port;            // 0: none, or many
	const char *instead_ja, *instead_en; // whose it is, where the reader is not to know the address; else NULL
};

struct handover_facts {
	const struct explain_alert *alert;
	struct handover_end host, peer;
	bool host_is_source, open;
	int64_t first_ns, last_ns;
	const char *kind_ja, *kind_en, *severity_ja, *severity_en, *proto, *app, *technique;
	const char *org_ja, *org_en;
	const char *soc_name, *soc_contact; // NULL: a blank to fill in
	const char *reference, *group;
	// Whether an address is outside, and so is not to be clicked on.
	bool (*outside)(void *context, uint8_t af, const uint8_t address[16]);
	void *context;
};

struct handover {
	char *subject_ja, *subject_en, *text_ja, *text_en; // free() each
};
bool handover_write(const struct handover_facts *facts, struct handover *ret); // false: no memory

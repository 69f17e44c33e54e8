// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The kinds of alerts: what a kind is called, and by which numbers and words other tools know it. One row a kind.
// Pure; any thread.
#pragma once

#include <stdint.h>

enum {
	YG_SIGNATURE_FIRST = 8050000, // the block of signature ids that is ours
	YG_SIGNATURE_LAST = 8059999,  // kinds of detectors that this table does not know
};

struct yg_kind {
	const char *kind;      // "dos.syn_flood"
	uint32_t signature_id; // of EVE
	uint8_t severity;      // enum yg_severity, unless the detector says otherwise
	const char *technique; // ATT&CK, empty where none is honest
	const char *name_en;   // for a person
	const char *name_ja;
	const char *category; // of EVE
};

extern const struct yg_kind yg_kinds[];
extern const uint32_t yg_kinds_count;

// The row of `kind`, or NULL.
const struct yg_kind *yg_kind_find(const char *kind);

// What EVE calls a severity: 1 (worst) to 4, "Critical" to "Informational". Whatever the value.
unsigned yg_severity_eve(unsigned severity);
const char *yg_severity_signature(unsigned severity);

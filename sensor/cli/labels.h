// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Labelled captures: what is known to be in a file, and so what must be found in it. One line a file, columns separated by TAB, the
// first line names them. path, verdict, kinds, source, target and home are read, in whatever order; others are left alone. Empty lines and
// lines that begin with # are skipped.
//
//   path     within the folder of the captures; neither absolute nor with ".."
//   verdict  attack: must be found. optional: nice to find. lower-bound: too small for an alert. benign: nothing is there
//   kinds    of alerts that find it, with | between; attack and optional have at least one
//   source   who does it, target: to whom: addresses or prefixes with commas, or empty where nobody can be named
//   home     what is internal in this file, likewise; empty: everything is
//
// The text is anybody's: every cell has a maximum, and each fault is told with its file and line. Pure but for yg_labels_load; one thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "yagura/plugin.h"

enum {
	YG_LABELS_MAX = 65536,          // lines with a file
	YG_LABELS_BYTES = 16 << 20,     // of the whole text
	YG_LABEL_PREFIXES = 256,        // in one cell
	YG_LABEL_KINDS = 16,
	YG_LABEL_FAULTS = 20,           // told; the rest is counted
};

enum yg_label_verdict { YG_VERDICT_ATTACK, YG_VERDICT_OPTIONAL, YG_VERDICT_LOWER, YG_VERDICT_BENIGN, YG_VERDICT_COUNT };

struct yg_label_prefix {
	struct yg_addr addr;
	uint8_t af, len;
};

struct yg_label {
	const char *path, *home; // home as it stands, checked
	unsigned line;
	uint8_t verdict;         // enum yg_label_verdict
	uint8_t kinds_count;
	uint16_t parties_count, sources_count; // the sources come first; the rest are targets
	const char *kinds[YG_LABEL_KINDS];     // names of the table of kinds, which live for ever
	struct yg_label_prefix *parties;
};

struct yg_labels {
	struct yg_label *at;
	size_t count;
	unsigned faults;
	char *text;      // what the paths point into
};

// Reads `text` (of `length` bytes, taken over whatever happens, from malloc, with room for a NUL behind it). Faults go to `complain`.
// 0; -EINVAL: there were faults; -ENOMEM. Finish it in every case.
int yg_labels_read(struct yg_labels *ret_labels, const char *name, char *text, size_t length, FILE *complain);
// The same from a file, "-" for standard input. Negative errno when it cannot be read (not told), -EFBIG above YG_LABELS_BYTES.
int yg_labels_load(struct yg_labels *ret_labels, const char *path, FILE *complain);
void yg_labels_finish(struct yg_labels *labels);

const char *yg_label_verdict_name(unsigned verdict);

// "192.0.2.1", "192.0.2.0/24", "2001:db8::/32". Bits behind the length are cleared. False: it is none.
bool yg_label_prefix(const char *text, size_t length, struct yg_label_prefix *ret_prefix);
// Whether one lies within the other.
bool yg_label_meets(const struct yg_label_prefix *a, const struct yg_label_prefix *b);

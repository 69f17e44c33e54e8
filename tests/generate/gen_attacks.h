// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Attacks and innocent traffic, by name, laid on top of whatever else runs. Thread: one.
#pragma once

#include "gen_rows.h"

// Reads "NAME[,at=S][,for=S][,pps=N][,target=ADDR][,port=N][,family=4|6][,answered=0|1][,pulses=N,every=S[,jitter=S]]"
// and lays it in. False, with the reason on stderr, when it cannot be read.
//
// pps is shots a second; what a shot is, its row in gen_rows.c says. Pulses: each lasts `for`, and begins `every` after the
// one before it began, give or take `jitter`. Writes to gen->truth a line for each pulse and, for an attack of three or
// more, one of kind dos.campaign from the first to the end of the last. Innocent traffic has the kind "-".
bool gen_attack_add(struct gen *gen, const char *text);
void gen_attacks_list(FILE *out);
void gen_truth_head(FILE *out);
// The i-th row, NULL past the last.
const struct gen_row *gen_attack_row(unsigned i);

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Attacks, by name, laid on top of whatever else runs. Thread: one.
#pragma once

#include "gen_sim.h"

// Reads "NAME[,at=S][,for=S][,pps=N][,target=ADDR][,port=N][,family=4|6]" and lays the attack in. False, with the
// reason on stderr, when it cannot be read. Writes its line to gen->truth.
bool gen_attack_add(struct gen *gen, const char *text);
void gen_attacks_list(FILE *out);
void gen_truth_head(FILE *out);
// The i-th name, NULL past the last.
const char *gen_attack_name(unsigned i);

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What one shot of each attack is: a packet, and what becomes of it. Thread: one.
#pragma once

#include "gen_sim.h"

enum { GEN_SWEEP_MAX = 1000 };

struct gen_attack {
	struct gen_rng rng;
	struct gen_addr source, target; // source: of scans, af 0 when each packet has a forged one of its own
	uint16_t port;                  // 0: the shot chooses
	bool inside;                    // the source is an inside host, the targets are outside
	uint32_t fired;                 // shots before this one
	uint16_t order[GEN_SWEEP_MAX];  // ports of a vertical scan, shuffled
};

typedef void gen_shot_fn(struct gen *gen, struct gen_attack *attack);

gen_shot_fn gen_shot_syn, gen_shot_syn_answered, gen_shot_udp, gen_shot_icmp, gen_shot_ack, gen_shot_rst, gen_shot_fin,
    gen_shot_synack, gen_shot_null, gen_shot_fragment, gen_shot_other, gen_shot_port_scan, gen_shot_port_scan_silent,
    gen_shot_host_scan, gen_shot_host_scan_inside;

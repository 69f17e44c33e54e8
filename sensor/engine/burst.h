// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A burst of frames on its way through a worker, live: decode and hash all and fetch their tags; fetch the entries of all; then process
// all, and meanwhile fetch the records of packets further ahead; so that what one step fetches has arrived when the next one needs it.
// Nothing here knows where frames come from: live.c brings those of a port, tests/bench/bench_worker.c its own.
//
// Thread: the worker's.
#pragma once

#include "engine/decode.h"
#include "engine/reassembly.h"
#include "engine/worker.h"

// What a burst touches (frame and buffer, packet, two buckets, entry, record: some ten lines each) is to stay in a first cache of 32 KiB.
enum { YG_BURST = 32 };

struct yg_burst_frame {
	const uint8_t *data;
	uint32_t caplen, wirelen;
};

struct yg_burst {
	const struct yg_decode_options *decode;
	const struct yg_flow_table *table;
	struct yg_worker *worker;
	struct yg_worker_stats *stats;
	struct yg_reassembly *reassembly;
	struct yg_flow_run run; // the partitions to which frames go here
	uint64_t number;        // of the last packet
	struct yg_time now;     // of the burst at hand
	struct yg_packet packets[YG_BURST], whole;
};

// Decodes and places n frames that arrived at `now`.
void yg_burst_decode(struct yg_burst *burst, const struct yg_burst_frame *frames, unsigned n, struct yg_time now);

// Takes the first n packets to their flows. The frames' bytes must still be there.
void yg_burst_process(struct yg_burst *burst, unsigned n);

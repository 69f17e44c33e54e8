// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The dissector's own idea of each flow: from its FIRST record to its one final verdict. Indexed by the engine's slot;
// a generation that does not fit is somebody else's flow. What is open at a time is bounded, in number and in bytes
// (flows_open, open_bytes): past that the flow that was silent longest gets its verdict early.
//
// Thread: a dissector worker's. Requests are private copies whose fields have passed yg_request_valid.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dissector/answers.h"
#include "dissector/setup.h"

struct yg_flows;

// All memory but that of single flows is taken here. NULL and errno.
struct yg_flows *yg_flows_create(const struct yg_setup *setup, unsigned worker, struct yg_answers *answers);
void yg_flows_destroy(struct yg_flows *flows);

// Bytes of data memory that yg_flows_create will take for itself.
uint64_t yg_flows_memory(uint32_t slots);

// Whether every field of a record lies within our own bounds.
bool yg_request_valid(const struct yg_ds_request *request, uint32_t slots);

// Whether yg_flows_read will look at the bytes of this record: not at those of a packet behind its flow's verdict.
bool yg_flows_look(const struct yg_flows *flows, const struct yg_ds_request *request);

// Fetches the flow in this slot, any slot, into the cache: a record about it comes next.
void yg_flows_fetch(const struct yg_flows *flows, uint32_t slot);

// Reads one record that came on `ring`: PACKET, END or GUESS. `bytes`: request->length bytes and YG_DS_PADDING zeros, when
// yg_flows_look says so.
void yg_flows_read(struct yg_flows *flows, unsigned ring, const struct yg_ds_request *request, const uint8_t *bytes);

// Adds to the shared counters what was counted privately since the last call.
void yg_flows_count(struct yg_flows *flows);

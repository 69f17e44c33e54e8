// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The only door to nDPI. Nothing of its headers leaves ndpi_adapter.c, so that another version (or none) is a change of
// one file. One module a process, made before the fork: workers share it by copy-on-write and then grow apart.
//
// Thread: the one of the process.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/dissect.h"

struct yg_ndpi;
struct yg_ndpi_flow;

// Ids that our own readers name by themselves when nDPI is left out.
enum yg_own_protocol { YG_OWN_DNS, YG_OWN_TLS, YG_OWN_QUIC, YG_OWN_HTTP, YG_OWN_COUNT };

// A module with every dissector on but those named in `off` (nDPI's names, commas between). When memory is short later,
// nDPI does not come back: the process ends with YG_NDPI_NO_MEMORY. 0; -EINVAL for a name that nDPI does not know,
// which is then in ret_unknown; -ENOMEM. Owner: the caller, until yg_ndpi_destroy.
int yg_ndpi_create(const char *off, struct yg_ndpi **ret_ndpi, char *ret_unknown, size_t unknown_size);
void yg_ndpi_destroy(struct yg_ndpi *ndpi);

enum { YG_NDPI_NO_MEMORY = 75 }; // exit status

// State of one flow in dissection. Never NULL. Owner: the caller.
struct yg_ndpi_flow *yg_ndpi_flow_create(void);
void yg_ndpi_flow_destroy(struct yg_ndpi_flow *flow);

// Bytes that all these states take, with what nDPI has put aside for each: two KiB for a TCP flow, more while a message is incomplete.
uint64_t yg_ndpi_flows_bytes(void);

// Reads one IP packet of at most 65,535 bytes with YG_DS_PADDING zero bytes behind it. True when nDPI is done with the
// flow.
bool yg_ndpi_packet(struct yg_ndpi *ndpi, struct yg_ndpi_flow *flow, const uint8_t *packet, uint32_t length,
                    int64_t time_ns);

// What nDPI makes of the flow, for good; guesses by port and address when it knows no better. `ended`: no packet will
// come, whatever nDPI waits for. Fills the ids, names, category, confidence, risks, and what of server name, JA3 and
// ALPN is empty.
void yg_ndpi_finish(struct yg_ndpi *ndpi, struct yg_ndpi_flow *flow, bool ended, struct yg_verdict *verdict);

// True once a flow: nDPI has read a server name in a QUIC Initial; *ret_tls is then filled.
bool yg_ndpi_quic_hello(struct yg_ndpi_flow *flow, struct yg_tls *ret_tls);

// The verdict of a flow that nDPI has not seen: by our own readers' word, or "Unknown" when `protocol` is YG_OWN_COUNT.
void yg_ndpi_label(struct yg_ndpi *ndpi, enum yg_own_protocol protocol, struct yg_verdict *verdict);

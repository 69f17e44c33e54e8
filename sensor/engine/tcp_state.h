// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The states of a TCP connection as a passive observer can know them: one const table, one look-up a packet.
// After RFC 9293 3.3.2, without what only the ends can know. Pure; any thread.
#pragma once

#include <stdint.h>

#include "model/flow.h"

// The state after a packet with these flags, sent by the initiator (from_responder 0) or the responder (1).
uint8_t yg_tcp_next(uint8_t state, unsigned from_responder, uint8_t tcp_flags);

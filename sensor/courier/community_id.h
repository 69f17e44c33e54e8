// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Community ID version 1 of a flow (the public specification by Corelight): "1:" and the base64 of a SHA-1 over seed,
// addresses, protocol and ports in canonical order, so that every tool gives one flow one name. Seed 0. Pure; any
// thread.
#pragma once

#include <stdint.h>

#include "yagura/plugin.h"

enum { YG_COMMUNITY_ID = 30 }; // bytes of the text

// Index 0 is either end. ICMP: port[0] the type and port[1] its counterpart, or the code where it has none. Writes
// YG_COMMUNITY_ID bytes, no NUL.
void yg_community_id(uint8_t af, uint8_t proto, const struct yg_addr addr[2], const uint16_t port[2], char *ret_text);

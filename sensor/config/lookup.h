// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Longest-prefix match over the configured prefixes: whose address is this, and in which zone. Our own sorted table, the
// same live and in a replay: binary search for the last prefix not above the address, then along `cover`.
// Cost: log2(prefixes) compares of 16 bytes. Pure; any thread.
#pragma once

#include "config/config.h"

// The longest prefix that holds the address, or NULL.
const struct yg_prefix *yg_lookup_prefix(const struct yg_config *config, uint8_t af, const struct yg_addr *addr);

// The declared service at (addr, proto, port), exact before wildcard; NULL when none.
const struct yg_service *yg_lookup_service(const struct yg_config *config, uint8_t af, const struct yg_addr *addr, uint8_t proto,
					   uint16_t port);

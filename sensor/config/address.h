// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Addresses and prefixes as text and as bytes (struct yg_addr: network order, IPv4 in the first four bytes). Pure; any
// thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "yagura/plugin.h"

enum { YG_ADDRESS_TEXT = 46, YG_PREFIX_TEXT = 50 };

// "203.0.113.1" or "2001:db8::1". 0 or -EINVAL.
int yg_address_parse(const char *text, uint8_t *ret_af, struct yg_addr *ret_addr);

// "203.0.113.0/24". 0, -EINVAL when it is no prefix, -ERANGE when the length is above 32 or 128. Host bits are kept.
int yg_prefix_parse(const char *text, uint8_t *ret_af, struct yg_addr *ret_addr, uint8_t *ret_length);

// The address with everything behind the first `length` bits cleared.
struct yg_addr yg_address_mask(const struct yg_addr *addr, uint8_t length);

// Whether the first `length` bits are equal.
bool yg_address_within(const struct yg_addr *addr, const struct yg_addr *prefix, uint8_t length);

const char *yg_address_text(uint8_t af, const struct yg_addr *addr, char ret_text[static YG_ADDRESS_TEXT]);
const char *yg_prefix_text(uint8_t af, const struct yg_addr *addr, uint8_t length,
                           char ret_text[static YG_PREFIX_TEXT]);

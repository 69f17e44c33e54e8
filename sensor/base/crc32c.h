// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// CRC32C: the Castagnoli polynomial 0x1EDC6F41, reflected, as in RFC 3720 (iSCSI), B.4; the sum of "123456789" is 0xE3069283. Finds every
// error burst of up to 32 bits; protects from accidents, not from people. Pure; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

// The sum of `bytes` behind what `sum` stands for: 0 for nothing, so that sum(sum(0, a), b) is the sum of a and b together. With the
// processor's instruction (SSE4.2) where there is one.
uint32_t yg_crc32c(uint32_t sum, const void *bytes, size_t size);

// The same by table alone, for processors without it and for comparison.
uint32_t yg_crc32c_table(uint32_t sum, const void *bytes, size_t size);

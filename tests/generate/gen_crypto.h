// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The little cryptography that a QUIC Initial needs, whose keys anybody can compute. Not for secrets: it is slow, and
// its time depends on the data. Thread: any.
#pragma once

#include <stddef.h>
#include <stdint.h>

// HKDF-Extract (RFC 5869) with SHA-256.
void gen_hkdf_extract(const uint8_t *salt, size_t salt_len, const uint8_t *key, size_t key_len, uint8_t ret_secret[32]);
// HKDF-Expand-Label (RFC 8446) with an empty context; len up to 32.
void gen_hkdf_label(const uint8_t secret[32], const char *label, uint8_t *out, size_t len);
void gen_aes128(const uint8_t key[16], const uint8_t in[16], uint8_t out[16]);
// AES-128-GCM in place; the tag of 16 bytes goes behind the `len` bytes.
void gen_aes128_gcm(const uint8_t key[16], const uint8_t nonce[12], const uint8_t *head, size_t head_len,
                    uint8_t *bytes, size_t len);

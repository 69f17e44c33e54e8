// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Our own bounded readers of payload. They run inside the dissector's sandbox and nowhere else. Pure: bytes in, a record out;
// no allocation, no state; work linear in the bytes given. nDPI keeps 80 bytes of a name and one DNS question a flow, and is
// not to be relied on; these read what detectors need, whole.
//
// Strings that come out: lower-case where names, printable ASCII kept, every other byte (and the backslash) written as \DDD,
// cut to their arrays. The meta head of each record is left zero.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "yagura/plugin.h"

enum yg_read {
	YG_READ_NO = 0,     // not this protocol
	YG_READ_MORE,       // looks like it; the message is not whole yet: at least *ret_need bytes in all are needed.
	                    // TLS and HTTP: the record holds what can be read so far, for a caller that must give up waiting
	YG_READ_OK,         // read
	YG_READ_BROKEN,     // this protocol for certain, but malformed: what was read before the fault is filled
};

// One DNS message of `len` bytes (UDP payload, or a TCP message without its length). RFC 1035, 6891. Only the
// first name is decoded; compression pointers are checked (backwards, behind the header); at most 512 records are walked.
enum yg_read yg_read_dns(const uint8_t *data, size_t len, struct yg_dns *ret_dns);

// DNS over TCP: 2-byte length, then the message. *ret_used: bytes consumed when OK.
enum yg_read yg_read_dns_tcp(const uint8_t *data, size_t len, struct yg_dns *ret_dns, size_t *ret_need, size_t *ret_used);

// A TLS stream that begins with a handshake record: the ClientHello, which may span records and segments. RFC 8446 4.1.2, 5.1,
// RFC 6066 3 (server_name), 7301 (ALPN). JA3 as salesforce/ja3 describes it, GREASE (RFC 8701) left out: MD5 of
// "version,ciphers,extensions,groups,point formats".
enum yg_read yg_read_tls(const uint8_t *data, size_t len, struct yg_tls *ret_tls, size_t *ret_need);

// The ClientHello handshake message by itself (as found in QUIC CRYPTO frames), from its type byte on.
enum yg_read yg_read_client_hello(const uint8_t *data, size_t len, bool quic, struct yg_tls *ret_tls, size_t *ret_need);

// One HTTP/1 message head (request line or status line and header fields), RFC 9112. Whole when the empty line is there, or
// when 8 KiB have been read without one (then BROKEN). *ret_used: bytes of the head when OK.
enum yg_read yg_read_http(const uint8_t *data, size_t len, struct yg_http *ret_http, size_t *ret_need, size_t *ret_used);

// The Content-Length of a head that yg_read_http has read whole; 0 when there is none or it is no number.
uint64_t yg_http_content_length(const uint8_t *head, size_t len);

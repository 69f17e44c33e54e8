// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the bytes of a stream begin with: the readers asked in the order that tells them apart. Used by flow_reader.c
// alone. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dissector/readers.h"
#include "model/dissect.h"

enum { YG_PORT_DNS = 53, YG_PORT_MDNS = 5353, YG_PORT_LLMNR = 5355 };
enum { YG_DNS_TCP_MIN = 14 }; // length and header of a DNS message over TCP

// One look at the beginning of some bytes.
struct yg_found {
	enum yg_da_kind kind;
	enum yg_read read;
	size_t need, used;
	union {
		struct yg_dns dns;
		struct yg_tls tls;
		struct yg_http http;
	} record;
};

// A TLS record of any kind, from its first three bytes.
bool yg_look_is_tls_record(const uint8_t *data, size_t len);

// "HTTP/1." and a digit's place.
bool yg_look_is_answer(const uint8_t *data, size_t len);

// Nothing that we read begins with a zero byte, but what some devices and tools leave behind an acknowledgement does:
// the padding of a short frame, counted into the IP length. Kept, it would stand before the real bytes of the same
// numbers.
bool yg_look_is_padding(const uint8_t *data, size_t len, bool dns);

// Asks all readers; `dns`: DNS over TCP is possible. With `only_dns` nothing else is.
void yg_look(const uint8_t *data, size_t len, bool dns, bool only_dns, struct yg_found *ret_found);

// Whether the bytes plainly begin a message, where it is not known that one must begin there.
bool yg_look_begins(const uint8_t *data, size_t len, bool dns);

// Whether the part of a message that is here says anything; makes *found fit to be given out.
bool yg_look_partial(const uint8_t *data, size_t len, struct yg_found *found);

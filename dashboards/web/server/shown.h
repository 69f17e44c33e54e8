// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What is shown in the place of numbers that say more than they should.
//
// A group's id is a hash without a key of its body, kind, source and target: the name under which its state lies in Redis, the same for
// ever. Who sees a group and not the address at its other end could try out all addresses of a network against it. So nobody is shown it,
// but what a permutation under a key makes of it: the states stay where they are and a new key costs nothing but links. Eight rounds of
// Luby and Rackoff's construction ("How to construct pseudorandom permutations from pseudorandom functions", 1988; four would do) over
// SipHash.
//
// How far a stream has come counts what all sensors said and everybody did. Who sees a part of it gets it sealed.
//
// The secret lies in Redis (state_read.c), beside the states: a restart, another host and another process have the same. Until it has been
// read there is one of this process.
//
// Pure but for random numbers. Thread: any, but for web_shown_secret().
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEB_SECRET_BYTES = 32, WEB_SEALED_MAX = 8192, WEB_SEAL_BYTES = 40 };

struct web_shown { // made of the secret
	unsigned char group_key[16], seal_key[32];
};

void web_shown_secret(struct web_shown *shown, const unsigned char secret[WEB_SECRET_BYTES]);

// Nothing that goes to a caller has any other id of a group; inside and in Redis they stand as they are.
uint64_t web_group_shown(const struct web_shown *shown, uint64_t id);
void web_group_text(const struct web_shown *shown, uint64_t id, char to[17]);
bool web_group_read(const struct web_shown *shown, const char *text, uint64_t *ret_id); // false: no 16 hex digits
// Of an alert or a campaign, which the sensor has made under its own key.
void web_id_text(uint64_t id, char to[17]);
bool web_id_read(const char *text, uint64_t *ret_id);

// A text that its reader brings back and cannot read, in letters of base64url; another one each time. Empty where there is no room for it.
void web_seal(const struct web_shown *shown, const char *text, size_t size, char *to, size_t room);
bool web_unseal(const struct web_shown *shown, const char *text, char *to, size_t room); // false: it is none of ours

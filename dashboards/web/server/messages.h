// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the server says to people when it cannot do what was asked: one row a code, both languages. Pure; any thread.
#pragma once

#include <stddef.h>

struct web_message {
	const char *code, *ja, *en;
};

enum { WEB_MESSAGES_MAX = 160 }; // room for a counter each
extern const struct web_message web_messages[]; // by code; ends with NULL
const struct web_message *web_message_find(const char *code); // NULL: there is none

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Whether a new password may be one: 12 to 128 code points, of any characters, and not one that is soon guessed. Soon guessed: cut in the
// cheapest way into words that people use as passwords (a list made at build time, passwords_words.py; Japanese words of passwords.c),
// words of the place (the user's name, bodies, this program), years and dates, runs (aaaa, 1234, qwerty), repetitions of what stands
// before, and single characters, with what each would cost who guesses, it comes to less than WEB_PASSWORD_BITS. Read with full-width as
// half-width, katakana as hiragana, capitals as small letters and 0 as o, 1 as i or l, @ as a, $ as s: all for this judgement alone. What
// is hashed is what was typed.
//
// Pure; any thread.
#pragma once

enum {
	WEB_PASSWORD_BITS = 38,
	WEB_PASSWORD_MIN = 12,
	WEB_PASSWORD_MAX = 128, // code points
};

enum web_password {
	WEB_PASSWORD_GOOD,
	WEB_PASSWORD_SHORT,
	WEB_PASSWORD_LONG,
	WEB_PASSWORD_NOT_TEXT,
	WEB_PASSWORD_COMMON,
	WEB_PASSWORD_CONTEXT
};

// context: words of the place, ended by NULL; of less than three code points they mean nothing. NULL: none.
enum web_password web_password_judge(const char *password, const char *const *context);
const char *web_password_code(enum web_password verdict); // of messages.c: "password_short" …; NULL: good

extern const char *const web_common_words[]; // sorted by byte, small letters, of passwords_words.py
extern const unsigned web_common_words_count;

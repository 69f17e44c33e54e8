// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a kind of alert means, in a sentence, and which chapter of a municipality's information security policy it is about. The chapters
// are those that policies on the model of the ministry's guideline have in common; a body's own numbering differs.
// Pure; any thread.
#pragma once

struct web_kind_text {
	const char *kind;
	const char *means_ja, *means_en;
	const char *clause_ja, *clause_en; // empty: none
};

extern const struct web_kind_text web_kind_texts[]; // ends with kind NULL
const struct web_kind_text *web_kind_text(const char *kind); // NULL: none

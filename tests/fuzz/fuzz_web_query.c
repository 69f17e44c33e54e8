// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Any text as a search of the dashboard. Oracles: a query or an error, never both; an error points into the text and has a code;
// every value
// lies within the folded text, is of the match of its field, and is in order; the same text is read twice alike.
#include <stdlib.h>

#include "query_parts.h"
#include "reader_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_sound(const struct web_query *q, size_t typed)
{
	size_t folded = strlen(q->folded);
	must(folded <= typed && q->count <= WEB_TERMS);
	for (size_t i = 1; i <= folded; i++)
		must(q->from[i] > q->from[i - 1] && q->from[i] <= typed);
	for (uint32_t i = 0; i < q->count; i++) {
		const struct web_term *t = &q->terms[i];
		must(t->field < WEB_FIELDS && t->count > 0 && t->count <= WEB_VALUES);
		for (unsigned j = 0; j < t->count; j++) {
			const struct web_value *v = &t->values[j];
			must(v->match == t->values[0].match && v->match <= WEB_M_NET);
			must(v->match != WEB_M_TEXT || (v->length > 0 && (size_t)v->text + v->length <= folded));
			must(v->match != WEB_M_NUMBER || v->low <= v->high);
			must(v->match != WEB_M_NET || (v->af == 4 && v->bits <= 32) || (v->af == 6 && v->bits <= 128));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct web_query_error error, again_error;
	char *text = malloc(size + 1);
	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	size_t typed = strlen(text);
	struct web_query *q = web_query_parse(text, "me", &error), *again = web_query_parse(text, "me", &again_error);
	must((q == NULL) == (error.code[0] != '\0') && (q == NULL) == (again == NULL));
	if (q) {
		must_be_sound(q, typed);
		must(memcmp(q, again, sizeof *q) == 0);
	} else {
		must(error.at <= typed && error.at == again_error.at && strcmp(error.code, again_error.code) == 0);
	}
	char *folded = web_fold_text(text);
	must(folded && strlen(folded) <= typed);
	free(folded);
	web_query_free(q);
	web_query_free(again);
	free(text);
	return 0;
}

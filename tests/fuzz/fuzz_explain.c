// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Lines of any content, as somebody may have put them into an EVE file or a Redis, into words in both languages. Oracles: whatever is
// printed is UTF-8 without a byte that steers a terminal, and ends; a line that says less than the whole reader takes is refused by both.
#include <stdio.h>

#include "base/json_read.h"
#include "explain/explain.h"
#include "reader_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *context, const struct yg_json_value *v)
{
	must(strlen(v->path) < YG_JSON_PATH && strlen(v->text) == v->length && v->length < YG_JSON_TEXT);
	++*(unsigned *)context;
}

static void must_be_harmless(const char *text)
{
	size_t length = strlen(text), n;
	for (const char *p = text, *end = text + length; p < end; p += n) {
		uint32_t c = yg_utf8_character(p, end, &n);
		must(c == '\n' || !yg_is_harmful(c));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct explain_alert a;
	static char text[1 << 17];
	unsigned values = 0;
	bool whole = yg_json_read((const char *)data, size, count, &values);
	bool read = explain_read((const char *)data, size, &a);
	must(whole || !read);
	for (int i = 0; read && i < 4; i++) {
		const struct explain_look look = {.japanese = i & 1, .unicode = i & 2, .columns = 40 + (unsigned)i * 37};
		FILE *out = fmemopen(text, sizeof text, "w");
		must(out != NULL);
		explain_print(out, &a, &look);
		must(!ferror(out));
		fclose(out);
		must_be_harmless(text);
	}
	return 0;
}

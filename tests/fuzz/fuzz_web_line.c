// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Any bytes as an entry of a sensor's alert stream. Oracles: what is taken has every number within its range and every text
// ended, in UTF-8,
// without what steers a terminal; a time that is printed is read again; the id of a range is never before its beginning.
#include "base/json_read.h"
#include "line.h"
#include "range.h"
#include "reader_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_plain(const char *text, size_t size)
{
	size_t length = strnlen(text, size), n;
	must(length < size);
	for (const char *p = text, *end = text + length; p < end; p += n)
		must(!yg_is_harmful(yg_utf8_character(p, end, &n)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct web_line l;
	struct web_range range;
	char text[80];
	size_t n = size < sizeof text - 1 ? size : sizeof text - 1;
	memcpy(text, data, n);
	text[n] = '\0';
	must(!web_range_parse(text, 1795000000000000000, &range) || range.from_ns < range.to_ns || (!range.from_ns && !range.to_ns));
	if (!web_line_read((const char *)data, size, &l))
		return 0;
	must(l.severity < 5 && l.mode < 4 && l.state < 2 && l.zone < 4 && l.score <= 100 && l.impact < WEB_IMPACTS);
	must(l.confidence >= 0 && l.confidence <= 1 && l.first_ns <= l.time_ns);
	must(l.af == 0 ? l.target_len == 0 : l.target_len <= (l.af == 4 ? 32 : 128));
	must((l.source_af == 0 || l.source_af == 4 || l.source_af == 6) && l.orgs_count <= WEB_LINE_ORGS);
	must_be_plain(l.kind, sizeof l.kind);
	must_be_plain(l.app, sizeof l.app);
	must_be_plain(l.technique, sizeof l.technique);
	must_be_plain(l.vector, sizeof l.vector);
	must_be_plain(l.org_ja, sizeof l.org_ja);
	must_be_plain(l.org_en, sizeof l.org_en);
	must_be_plain(l.text_ja, sizeof l.text_ja);
	must_be_plain(l.text_en, sizeof l.text_en);
	must(!l.org[0] || web_line_code(l.org));
	for (unsigned i = 0; i < l.orgs_count; i++)
		must(web_line_code(l.orgs[i]));
	return 0;
}

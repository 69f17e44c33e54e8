// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Label files of any content, with their first line as it is to be where the first byte says so. Oracles: faults and an error go together;
// a label that is taken has a path inside its folder, a verdict, the kinds that it must have, and parties of a family with a length;
// what is complained of holds no control character.
#include <stdio.h>
#include <string.h>

#include "cli/labels.h"
#include "reader_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_sound(const struct yg_label *l)
{
	must(l->path[0] && l->path[0] != '/' && strncmp(l->path, "../", 3) != 0 && !strstr(l->path, "/../"));
	must(l->verdict < YG_VERDICT_COUNT && (l->kinds_count > 0 || l->verdict > YG_VERDICT_OPTIONAL));
	must(l->kinds_count <= YG_LABEL_KINDS && l->sources_count <= l->parties_count);
	must(l->home[0] != '-');
	for (unsigned i = 0; i < l->parties_count; i++) {
		const struct yg_label_prefix *p = &l->parties[i];
		must((p->af == 4 && p->len <= 32) || (p->af == 6 && p->len <= 128));
		must(yg_label_meets(p, p));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "path\tverdict\tkinds\tsource\ttarget\thome\n";
	static char said[1 << 14];
	struct yg_labels labels;
	size_t before = size && data[0] & 1 ? sizeof head - 1 : 0;
	char *text = malloc(before + size + 1);
	FILE *complain = fmemopen(said, sizeof said, "w");
	must(text && complain);
	memcpy(text, head, before);
	memcpy(text + before, data + (size > 0), size - (size > 0));
	int error = yg_labels_read(&labels, "l", text, before + size - (size > 0), complain);
	fclose(complain);
	must((error != 0) == (labels.faults > 0));
	for (size_t i = 0; i < labels.count; i++)
		must_be_sound(&labels.at[i]);
	for (const char *p = said; error && *p; p++)
		must(*p == '\n' || (*p >= ' ' && *p <= '~'));
	yg_labels_finish(&labels);
	return 0;
}

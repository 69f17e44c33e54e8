// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Findings: collected, then written as text in one language or as JSON in both. The JSON is for other programs: ids do not
// change, and no locale changes it.
#include "cli/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum { JSON_ROOM = 4 << 20 }; // every finding at its longest, every byte escaped

static const struct {
	const char *prefix, *en, *ja;
} parts[] = {
	{"config.", "Configuration", "設定"},      {"cpu.", "Processor", "CPU"},
	{"numa.", "NUMA", "NUMA"},                 {"clock.", "Clock", "時計"},
	{"hugepages.", "Memory", "メモリー"},      {"memlock.", "Memory", "メモリー"},
	{"nic.", "Network interfaces", "NIC"},     {"iommu.", "IOMMU and VFIO", "IOMMU・VFIO"},
	{"vfio.", "IOMMU and VFIO", "IOMMU・VFIO"}, {"redis.", "Redis", "Redis"},
	{"disk.", "Disk", "ディスク"},             {"report.", "Report", "報告"},
};

// A text that was cut shall not end within a character.
static void mend_end(char *text)
{
	size_t n = strlen(text), start = n;
	while (start && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (!start || (unsigned char)text[start - 1] < 0xc0)
		return;
	unsigned char head = (unsigned char)text[start - 1];
	size_t need = head >= 0xf0 ? 4 : head >= 0xe0 ? 3 : 2;
	if (n - (start - 1) < need)
		text[start - 1] = '\0';
}

// What a terminal would obey becomes '?': the user in redis.url, for one, may hold any byte behind its percent signs.
void yg_doctor_tame(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = '?';
		else if (*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	mend_end(text);
}

void yg_doctor_find(struct yg_doctor *d, enum yg_doctor_state state, const char *id, const char *subject, const char *mend,
                    const char *en, const char *ja, ...)
{
	va_list list, again;
	d->states[state]++;
	if (d->findings_count == YG_DOCTOR_FINDINGS_MAX) {
		d->left_out++;
		return;
	}
	struct yg_doctor_finding *f = &d->findings[d->findings_count++];
	f->id = id;
	f->state = (uint8_t)state;
	snprintf(f->subject, sizeof f->subject, "%s", subject);
	snprintf(f->mend, sizeof f->mend, "%s", mend);
	va_start(list, ja);
	va_copy(again, list);
	vsnprintf(f->en, sizeof f->en, en, list);
	vsnprintf(f->ja, sizeof f->ja, ja, again);
	va_end(again);
	va_end(list);
	yg_doctor_tame(f->en);
	yg_doctor_tame(f->ja);
	yg_doctor_tame(f->mend);
	yg_doctor_tame(f->subject);
}

static const char *part_of(const char *id, bool ja)
{
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strncmp(id, parts[i].prefix, strlen(parts[i].prefix)) == 0)
			return ja ? parts[i].ja : parts[i].en;
	return "";
}

void yg_doctor_text(const struct yg_doctor *d, bool ja, FILE *out)
{
	static const char *const marks[] = {"✔", "✖", "!"};
	const char *part = "";
	for (unsigned i = 0; i < d->findings_count; i++) {
		const struct yg_doctor_finding *f = &d->findings[i];
		const char *here = part_of(f->id, ja);
		if (strcmp(here, part) != 0)
			fprintf(out, "%s%s\n", i ? "\n" : "", here);
		part = here;
		fprintf(out, "  %s %-19s %s%s%s\n", marks[f->state], f->id, f->subject, f->subject[0] ? ": " : "", ja ? f->ja : f->en);
		if (f->mend[0])
			fprintf(out, "      → %s\n", f->mend);
	}
	fprintf(out, ja ? "\n✔ %u 件、✖ %u 件、! %u 件（! は確認できないもの）\n" : "\n%u ✔, %u ✖, %u ! (! could not be known)\n",
	        d->states[YG_DOCTOR_OK], d->states[YG_DOCTOR_BAD], d->states[YG_DOCTOR_UNKNOWN]);
}

int yg_doctor_json(const struct yg_doctor *d, FILE *out)
{
	static const char *const names[] = {"ok", "bad", "unknown"};
	char *buffer = malloc(JSON_ROOM);
	struct yg_json json;
	if (!buffer)
		return -ENOMEM;
	yg_json_init(&json, buffer, JSON_ROOM);
	yg_json_object(&json, NULL);
	yg_json_uint(&json, "doctor", 1); // version of this format
	for (unsigned i = 0; i < YG_DOCTOR_STATES; i++)
		yg_json_uint(&json, names[i], d->states[i]);
	yg_json_array(&json, "checks");
	for (unsigned i = 0; i < d->findings_count; i++) {
		const struct yg_doctor_finding *f = &d->findings[i];
		yg_json_object(&json, NULL);
		yg_json_string(&json, "id", f->id);
		if (f->subject[0])
			yg_json_string(&json, "subject", f->subject);
		yg_json_string(&json, "state", names[f->state]);
		yg_json_string(&json, "en", f->en);
		yg_json_string(&json, "ja", f->ja);
		if (f->mend[0])
			yg_json_string(&json, "mend", f->mend);
		yg_json_end_object(&json);
	}
	yg_json_end_array(&json);
	yg_json_end_object(&json);
	int error = yg_json_finish(&json) ? 0 : -EOVERFLOW;
	if (!error)
		fwrite(buffer, 1, json.length, out);
	free(buffer);
	return error;
}

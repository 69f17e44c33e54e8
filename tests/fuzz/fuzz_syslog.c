// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Lines of any content into messages of syslog: as they are, and as the value of every text of a good alert, which is how what an attacker
// chose comes there. Oracles: nothing beyond the room; no control character; the header of CEF has its seven bars and the extension no
// equals sign that is not behind a name of ours; with less room it is a part of the same fields.
#include <stdio.h>

#include "courier/cef.h"
#include "courier/line_socket.h"
#include "reader_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_name(const char *start, const char *end)
{
	for (const char *p = start; p < end; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9')))
			return false;
	return end > start;
}

static void must_be_cef(const char *text, size_t length)
{
	unsigned bars = 0;
	const char *at = text, *end = text + length, *blank = NULL;
	for (unsigned words = 0; words < 7; words++) { // the header of syslog
		at = memchr(at, ' ', (size_t)(end - at));
		must(at != NULL);
		at++;
	}
	must(end - at > 6 && memcmp(at, "CEF:0|", 6) == 0);
	for (const char *p = at; p < end; p++) {
		must((unsigned char)*p >= ' ' && *p != 0x7f);
		if (*p == '\\') {
			must(p + 1 < end && strchr(bars < 7 ? "\\|" : "\\=nr", p[1]));
			p++;
		} else if (*p == '|' && bars < 7) {
			bars++;
			blank = p;
		} else if (*p == ' ') {
			blank = p;
		} else if (*p == '=' && bars == 7) {
			must(is_name(blank + 1, p));
		}
	}
	must(bars == 7);
}

static void check(const char *line, size_t length, size_t room)
{
	for (int cef = 0; cef < 2; cef++) {
		bool cut;
		char *buffer = malloc(room);
		if (!buffer)
			return;
		size_t n = yg_syslog_message(line, length, cef, 16, buffer, room, &cut);
		must(n < room);
		if (n && cef && room >= 2048)
			must_be_cef(buffer, n);
		free(buffer);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const texts[] = {"timestamp", "host", "src_ip", "dest_ip", "proto", "app_proto"};
	static const char *const alert_texts[] = {"signature", "category", "action"};
	static const char *const context_texts[] = {"id", "kind", "state", "severity", "first_seen", "last_seen", "target"};
	if (size < 2)
		return 0;
	size_t room = 2048 + (data[0] << 6), small = 1 + data[1] * 4;
	const char *rest = (const char *)data + 2;
	size -= 2;
	if (size) {
		check(rest, size, room);
		check(rest, size, small);
	}
	json_t *event = json_loads("{\"event_type\":\"alert\",\"src_port\":1,\"alert\":{\"signature_id\":8050002,\"metadata\":{},"
	                           "\"context\":{\"score\":9,\"count\":3,\"org\":{},\"why\":{}}}}", 0, NULL);
	json_t *value = json_stringn(rest, size < 512 ? size : 512);
	for (size_t i = 0; value && i < sizeof texts / sizeof *texts; i++)
		json_object_set(event, texts[i], value);
	for (size_t i = 0; value && i < sizeof alert_texts / sizeof *alert_texts; i++)
		json_object_set((json_t *)yg_cef_at(event, "alert"), alert_texts[i], value);
	for (size_t i = 0; value && i < sizeof context_texts / sizeof *context_texts; i++)
		json_object_set((json_t *)yg_cef_at(event, "alert.context"), context_texts[i], value);
	if (value) {
		json_object_set((json_t *)yg_cef_at(event, "alert.context.why"), "text_ja", value);
		json_object_set((json_t *)yg_cef_at(event, "alert.context.org"), "name_ja", value);
	}
	char *line = json_dumps(event, JSON_COMPACT);
	if (line) {
		check(line, strlen(line), 16384);
		check(line, strlen(line), small);
	}
	free(line);
	json_decref(value);
	json_decref(event);
	return 0;
}

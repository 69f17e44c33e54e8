// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// An alert for collectors that do not read EVE: ArcSight's Common Event Format, version 0, and the header of RFC 5424 around it. Both are
// taken from the rendered line, because the line is what the spool keeps: an alert of an hour or of a run ago exists in no other form.
// The line is read with jansson: it is the C reader for JSON that Debian keeps, bounds-checked and fuzzed by others for years, where a
// picker of our own would be one more parser to prove. Alerts are rare enough for a tree each. Pure but for jansson's allocations; any
// thread.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

// A text of fixed room. What does not fit whole is left out, and `cut` says so.
struct yg_cef_text {
	char *buffer;
	size_t size, length;
	bool cut;
	bool fields; // an extension stands already: a blank comes before the next one
};

enum yg_cef_escape { YG_CEF_HEADER, YG_CEF_EXTENSION };

// Appends `value` escaped: backslash and bar in the header; backslash, equals sign and ends of lines in an extension. Ends of lines in
// the header, and other control characters in both, become blanks.
void yg_cef_escape(struct yg_cef_text *text, enum yg_cef_escape where, const char *value);

// `CEF:0|Yagura|...` of an EVE alert. False when the event is none.
bool yg_cef_alert(struct yg_cef_text *text, const json_t *event);

// `<PRI>1 TIME HOST yagura - KIND - ` of any event of ours, with a facility of RFC 5424 (0 to 23).
void yg_syslog_head(struct yg_cef_text *text, const json_t *event, unsigned facility);

// The value at a path of names with dots between, such as "alert.context.id". NULL when there is none.
const json_t *yg_cef_at(const json_t *event, const char *path);

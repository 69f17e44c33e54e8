// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One alert record as a sensor wrote it, read once: what the index keeps, and what rows say besides. Whoever has the sensor's password may
// have written it: every field is checked for form and range, texts are cut and free of what steers a terminal; a record without id, kind,
// state, severity or times is none. What else is out of its range is taken as not said.
//
// Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access.h"

enum { WEB_LINE_ORGS = 1024, WEB_LINE_TEXT = 1024 };

struct web_line {
	uint64_t id, campaign;
	uint64_t run, sequence;      // 0: not said
	int64_t first_ns, last_ns, time_ns;
	double confidence;
	uint32_t count, affected_count;
	uint16_t source_port, target_port, sla_minutes, pulse;
	uint8_t source[16], target[16];
	uint8_t source_af, af, target_len, proto;
	uint8_t severity, state, mode, score, zone, reopened;
	uint8_t impact;              // enum web_impact
	uint16_t orgs_count;
	uint32_t orgs_left_out;      // beyond WEB_LINE_ORGS, or no code
	char community[40];          // Community ID; empty: of many flows
	char kind[48], app[32], technique[16], vector[48];
	char org[WEB_CODE_MAX], org_ja[128], org_en[128];
	char orgs[WEB_LINE_ORGS][WEB_CODE_MAX];
	char text_ja[WEB_LINE_TEXT], text_en[WEB_LINE_TEXT];
};

enum web_alert_state { WEB_ALERT_OPEN, WEB_ALERT_CLOSED };
enum web_alert_mode { WEB_MODE_SHADOW, WEB_MODE_DIGEST, WEB_MODE_ALERT, WEB_MODE_PAGE, WEB_MODES };
enum web_severity { WEB_SEV_INFO, WEB_SEV_LOW, WEB_SEV_MEDIUM, WEB_SEV_HIGH, WEB_SEV_CRITICAL, WEB_SEVERITIES };
const char *web_severity_name(unsigned severity);
const char *web_mode_name(unsigned mode);
const char *web_zone_name(unsigned zone); // none: ""
enum web_impact { WEB_IMPACT_NONE, WEB_IMPACT_UNKNOWN, WEB_IMPACT_ABSORBED, WEB_IMPACT_DEGRADED, WEB_IMPACT_DOWN, WEB_IMPACTS };
const char *web_impact_name(unsigned impact); // none: NULL

bool web_line_read(const char *line, size_t length, struct web_line *ret);
// Whether it may be a body's code: 1 to 15 of letters, digits, dot, dash, underscore.
bool web_line_code(const char *text);

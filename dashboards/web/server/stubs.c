// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What other parts call before its part is there. Gone when all of them are.
#include "state.h"
#include "stream.h"
#include "suppress.h"

__attribute__((weak)) void web_streams_session(struct web_streams *streams, const char *user, const char *session, const char *why)
{
	(void)streams;
	(void)user;
	(void)session;
	(void)why;
}

__attribute__((weak)) void web_streams_alert(struct web_streams *streams, uint32_t alert)
{
	(void)streams;
	(void)alert;
}

__attribute__((weak)) uint16_t web_suppressed(const struct web_suppress *suppress, const struct web_alert *alert)
{
	(void)suppress;
	(void)alert;
	return 0;
}

__attribute__((weak)) uint64_t web_suppress_generation(const struct web_suppress *suppress)
{
	(void)suppress;
	return 0;
}

__attribute__((weak)) const char *web_suppression_id(const struct web_suppress *suppress, uint16_t number)
{
	(void)suppress;
	(void)number;
	return "";
}

__attribute__((weak)) const struct web_group_touch *web_state_of(const struct web_state *state, uint64_t group)
{
	static const struct web_group_touch none = {.assignee = "", .changed_by = ""};
	(void)state;
	(void)group;
	return &none;
}

__attribute__((weak)) json_t *web_state_json(const struct web_group_touch *touch)
{
	(void)touch;
	return json_pack("{s:s, s:n, s:n, s:n, s:i, s:n, s:n, s:i}", "state", "new", "assignee", "verdict", "reason", "version", 0, "changed_ms",
			 "changed_by", "comments", 0);
}

__attribute__((weak)) void web_state_alert(struct web_state *state, uint64_t group, uint8_t severity, bool opened)
{
	(void)state;
	(void)group;
	(void)severity;
	(void)opened;
}

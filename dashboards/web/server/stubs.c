// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What other parts call before its part is there. Gone when all of them are.
#include "stream.h"

__attribute__((weak)) void web_streams_session(struct web_streams *streams, const char *user, const char *session, const char *why)
{
	(void)streams;
	(void)user;
	(void)session;
	(void)why;
}

__attribute__((weak)) void web_streams_health(struct web_streams *streams)
{
	(void)streams;
}

__attribute__((weak)) void web_streams_alert(struct web_streams *streams, uint32_t alert)
{
	(void)streams;
	(void)alert;
}

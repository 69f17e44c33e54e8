// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The parts of the dashboard's server, by name alone: who calls one includes its header, and includes go only downward, by the table of
// layers in ../README.md (ci/lint holds it). main.c makes the parts from below and ends them from above; a part tells those above it
// through callbacks that they have left with it (web_…_on_…), which last as long as it does.
//
// Thread: the loop's.
#pragma once

#include "shown.h"

struct web_server {
	struct web_loop *loop;
	struct web_redis *redis;
	struct web_audit *audit;
	struct web_auth *auth;
	struct web_bodies *bodies;
	struct web_index *index;
	struct web_state *state;
	struct web_suppress *suppress;
	struct web_reopen *reopen;
	struct web_measure *measure;
	struct web_streams *streams;
	struct web_http *http;
	struct web_shown shown; // state_read.c keeps its secret
	const char *timezone; // sensor.timezone of the configuration, Asia/Tokyo
	const char *version;
	const char *sensors; // that are followed, with commas between: --sensors; NULL: those that are found
	const char *soc_name, *soc_contact; // of handover sheets: --soc-name, --soc-contact; NULL: not given, the sheet has a blank to fill in
};

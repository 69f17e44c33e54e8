// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The parts of the dashboard's server, as handlers get them. main.c makes them in this order and ends them in the other.
//
// Layers, upwards only: loop < redis, audit, access, query < bodies < index < state, suppress, measure < stream < http < answers (the
// handlers, one file for a group of routes) < main.
//
// Thread: the loop's.
#pragma once

#include "access.h"
#include "audit.h"
#include "auth.h"
#include "bodies.h"
#include "http.h"
#include "index.h"
#include "loop.h"
#include "measure.h"
#include "redis.h"
#include "state.h"
#include "stream.h"
#include "suppress.h"

struct web_server {
	struct web_loop *loop;
	struct web_redis *redis;
	struct web_audit *audit;
	struct web_auth *auth;
	struct web_bodies *bodies;
	struct web_index *index;
	struct web_state *state;
	struct web_suppress *suppress;
	struct web_measure *measure;
	struct web_streams *streams;
	struct web_http *http;
	const char *timezone; // sensor.timezone of the configuration, Asia/Tokyo
	const char *version;
	const char *soc_name, *soc_contact; // of handover sheets: --soc-name, --soc-contact; NULL: not given, the sheet has a blank to fill in
};

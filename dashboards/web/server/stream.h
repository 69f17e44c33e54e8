// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Server-Sent Events. Frames, at most ten a second and stream:
//   event: alerts   data: {"rows":[AlertRow…],"held":n}      new and changed alerts, at most 200 a frame; what comes faster waits, in order
//   event: groups   data: {"ids":[…],"all":bool}             groups whose row changed; all: too many to name, read again
//   event: health   data: {"sensors":[SensorStrip…],"redis":bool,"read_only":bool}   at once when anything changes, and every 5 s
//   event: metrics  data: {"at_ms":…,"in":…,"out":…}         each second, of what the caller sees
//   event: session  data: {"ends":"logout"|"expired"|"changed"}   the session is over; the stream ends
//   event: reset    data: {}                                  what the caller has cannot be continued: read everything again
//   : comment every 15 s; retry: 2000 at the beginning
// `id:` of each frame says how far every sensor's stream and the changes of groups have been told, "egress-1=3-1200,…;c=77": it survives a
// restart of this process and of Redis. Who comes back with it (Last-Event-ID, or ?since= for polling) gets every alert whose
// newest record is behind it and every group changed behind it, in order, and nothing twice.
//
// Bounded: two streams a session, WEB_STREAMS in all. Nothing is added to what waits for a caller while that is a quarter of
// WEB_STREAM_HELD; one frame of long rows may be more than all of it. Who takes nothing for ten seconds of more than WEB_STREAM_HELD, or
// for thirty of anything, is dropped; while more than WEB_STREAMS_HELD waits for all of them together, whoever has more than
// WEB_STREAM_HELD is, at once. Each is counted, and resumes.
//
// Thread: the loop's.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { WEB_STREAMS = 128, WEB_STREAM_HELD = 1 << 20, WEB_STREAMS_HELD = 8 << 20 };

struct web_server;
struct web_streams;

struct web_streams *web_streams_create(struct web_server *server);
void web_streams_destroy(struct web_streams *streams);
json_t *web_streams_counters(const struct web_streams *streams); // by name; new reference

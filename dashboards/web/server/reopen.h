// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Brings an archived group back to `new` ("reopen" by "yagura", with its history) when an alert of medium or above is opened in it that
// counts: neither in shadow nor suppressed; or when one in it rises to that, or in it. What came while nobody listened is found by itself
// when index and states have been read.
//
// Thread: the loop's.
#pragma once

struct web_server;
struct web_reopen;

struct web_reopen *web_reopen_create(struct web_server *server); // index and state are there
void web_reopen_destroy(struct web_reopen *reopen);              // before them

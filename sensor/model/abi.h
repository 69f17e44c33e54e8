// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Detectors of an older minor version. What grew since is appended, so such a detector sees the front of each record and knows nothing of
// the rest. Where it hands a record to the host, only that front is there to be read; where it gets a table of calls, it gets only those
// that its version had. A newer minor version is refused: it may call what is not there.
//
// Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "yagura/plugin.h"

enum { YG_ABI_WHY_MAX = 200 };

// Whether this sensor can run the detector. False: ret_why (YG_ABI_WHY_MAX bytes) is a sentence without its file's name.
bool yg_abi_accepts(const struct yg_plugin *plugin, char *ret_why);

// The descriptor as this version has it: hooks that its version did not have are NULL.
void yg_abi_describe(const struct yg_plugin *plugin, struct yg_plugin *ret_plugin);

// An alert that a detector of this minor version filled: what its version did not have is zero.
void yg_abi_alert(unsigned minor, const struct yg_alert *raised, struct yg_alert *ret_alert);

// Cuts the table of calls down to what a detector of this minor version may know: `size` says so, and what lies behind is NULL.
void yg_abi_host(unsigned minor, struct yg_host *host);

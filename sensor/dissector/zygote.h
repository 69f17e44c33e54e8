// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The zygote: holds an nDPI that has read nothing yet, forks workers from it, watches them, and forks anew what dies or
// hangs.
#pragma once

#include "dissector/quarantine.h"
#include "dissector/setup.h"

// Runs until every worker has finished, or the supervisor is gone, which `alive` (-1: nobody to watch) says. Enters its
// sandbox first. The exit status of the process.
int yg_zygote_run(struct yg_setup *setup, struct yg_quarantine *quarantine, int alive);

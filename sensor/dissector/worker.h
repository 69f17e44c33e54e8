// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A dissector worker: the process that shows hostile bytes to nDPI. Forked by the zygote, sandboxed before it reads the
// first record, killed and forked anew at will.
#pragma once

#include "dissector/answers.h"
#include "dissector/setup.h"

// The life of worker `index`, in the child, from fork to end. `reports`: what to tell about its predecessor, by ring.
_Noreturn void yg_worker_run(const struct yg_setup *setup, unsigned index, const struct yg_report *reports, int parent);

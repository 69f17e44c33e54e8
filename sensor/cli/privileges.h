// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the supervisor gives up before it starts anything. docs/operations.md ("Who holds which right") says the same to the operator.
//
// Live: the starter is forked, which alone keeps what opening ports takes; then the supervisor becomes the user of `sensor.user` (when root
// runs it), without any capability, behind its list of calls. Whatever it starts inherits all of that. A replay changes no user, and as
// root keeps but one capability for its children: to read and write the files of others (and CAP_SETPCAP, to give that up altogether).
//
// Thread: the supervisor's only one.
#pragma once

#include <sys/types.h>

struct yg_supervisor;

// After everything that needs rights in the supervisor itself. Sets s->starter. 0, or a negative errno, the reason printed.
int yg_privileges_enter(struct yg_supervisor *s);

// Has the starter start an engine (s->starter is set). Its pid, or a negative errno, never -1.
pid_t yg_privileges_spawn(struct yg_supervisor *s);

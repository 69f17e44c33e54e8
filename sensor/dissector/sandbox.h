// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the kernel still does for a dissector. Filters are compiled once, by libseccomp, before anything hostile is
// read; to enter one is then a single call, so that a new worker is behind its filter within microseconds of its fork.
//
//   worker   no descriptor, no file, no network, no process; about ten calls: memory, time, futex, exit
//   zygote   fork, wait, kill, poll, files in the quarantine folder alone, log lines
//
// Everything else ends the process (SIGSYS). A build with AddressSanitizer has no sandbox (its run-time needs the
// calls) and says so. Thread: the one of the process.
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

struct yg_sandbox {
	struct sock_fprog worker, zygote;
};

// False in a build whose run-time cannot live in the sandbox.
bool yg_sandbox_works(void);

// Compiles both filters. `quarantine`: descriptor of the folder in which the zygote may make files, -1 for none.
// 0, or a negative errno. Owner: the caller, until yg_sandbox_release.
int yg_sandbox_prepare(struct yg_sandbox *sandbox, int quarantine);
void yg_sandbox_release(struct yg_sandbox *sandbox);

// The calling process becomes a worker: no descriptors, no capabilities, resource limits (`memory`: all its data
// memory), no core, dies with its parent `parent`, filter. 0, or a negative errno: then it must end.
int yg_sandbox_enter_worker(const struct yg_sandbox *sandbox, uint64_t memory, int parent);

// The calling process becomes the zygote: own network namespace where permitted, no new privileges, filter. 0 or
// negative errno.
int yg_sandbox_enter_zygote(const struct yg_sandbox *sandbox);

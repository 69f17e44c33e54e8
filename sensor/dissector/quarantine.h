// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Packets that killed a dissector, one pcapng file each, for whoever has to find out why. Files are made 0600 and never
// overwritten; when the folder holds as many as it may, no more are written.
//
// Thread: the zygote's. The folder is an open descriptor, made before the sandbox.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { YG_QUARANTINE_NAME = 64 };

struct yg_quarantine {
	int folder;         // -1: none is configured
	uint32_t limit;     // files
	uint32_t files;     // that lie there
	uint32_t written;   // by this process
	int64_t counted_ns; // when they were last counted
};

// Counts what lies in the folder. A negative `folder` means that none is kept. 0, or a negative errno.
int yg_quarantine_open(struct yg_quarantine *quarantine, int folder, uint32_t limit);

// Writes one IP packet with a comment. ret_name is the name of the file. 0; -ENOSPC when the folder is full, -ENOENT
// when there is none; other negative errno when writing failed (nothing is left behind then).
int yg_quarantine_write(struct yg_quarantine *quarantine, const uint8_t *packet, uint32_t length, int64_t time_ns,
                        const char *comment, char ret_name[YG_QUARANTINE_NAME]);

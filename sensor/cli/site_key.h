// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The key of the ids of alerts (alerts.id_key_file). An id is a hash of kind, key and minute, among it an address: without a secret whoever
// may read the id and not the address would try all addresses of a body, which are few, until the id comes out.
//
// A file that is named must be there. `auto` is `id.key` in state.folder for a live run, which makes it at its first start: beside it
// first, synced, then renamed, under a lock of the folder, so that it is whole or not there, and two processes that start at once have the
// same. It is read once: an engine that is started anew, or a reload, goes on with it. A replay without a named file has the key that
// everybody knows, so that its ids are the same everywhere.
//
// Thread: the supervisor's.
#pragma once

#include <stdbool.h>

#include "base/hash.h"

struct yg_supervisor;

enum { YG_SITE_KEY_BYTES = 16 };

// Reads the file. 0, or a negative errno, why is logged: -EINVAL when it is no key (size, zeros, no regular file), -EPERM when everybody
// may read or write it.
int yg_site_key_read(const char *path, struct yg_hash_key *ret_key);

// Reads `id.key` of the folder; makes folder and file where they are missing. The same errors; *ret_unmade says that it could not be made.
int yg_site_key_make(const char *folder, struct yg_hash_key *ret_key, bool *ret_unmade);

// As the configuration says, into s->fds[YG_FD_ID_KEY], sealed. 0, or a negative errno, why is logged; s->failed is set when a start would
// not mend it. Where no key can be kept the run has one of its own, with a warning.
int yg_site_key_open(struct yg_supervisor *s);

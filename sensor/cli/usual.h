// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a snapshot says of the hosts of each body, for `yagura check`.
#pragma once

#include "config/compile.h"
#include "config/config.h"

// Reads the snapshot in `folder` (empty: none). *ret_usual: an entry for each body with a host that has learned for a day, for free(). How
// many; or a negative errno: -ENOENT when there is no file, -EBADMSG when it is damaged.
int yg_usual_read(const struct yg_config *config, const char *folder, struct yg_usual **ret_usual);

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What nDPI found in its lists, remembered: a host name in its automata, an address in its tree of networks. The lists of a module do not
// change once it is initialised, so neither does the answer. In a build with a sanitizer nothing is remembered.
#pragma once

#include <stdbool.h>

#include <ndpi/ndpi_api.h>

// From here on answers of this module are remembered; its lists must be complete. Of NULL: no longer, and what was is forgotten. One
// module at a time; one thread. False: this nDPI has no such functions; they cannot be stood before.
bool yg_ndpi_memo(const struct ndpi_detection_module_struct *module);

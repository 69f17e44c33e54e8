// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The risks of nDPI 4.2 by number. The courier does not link nDPI, so the names stand here; a test compares them with
// the library.
#pragma once

enum { YG_RISKS_COUNT = 42 }; // numbers 1 to 41; bit 0 means nothing

// "XSS Attack". Never NULL, whatever the value: an unknown one is "Unknown Risk".
const char *yg_risk_name(unsigned risk);

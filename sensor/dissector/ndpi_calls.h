// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Whether this build answers some of nDPI's calls itself; see ndpi_calls.c. It needs a C library whose checked printf is
// named as glibc's is, and no sanitizer, which wants to see those calls.
#pragma once

#include <stdlib.h> // __GLIBC__

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define YG_NDPI_CALLS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define YG_NDPI_CALLS 0
#endif
#endif
#ifndef YG_NDPI_CALLS
#ifdef __GLIBC__
#define YG_NDPI_CALLS 1
#else
#define YG_NDPI_CALLS 0
#endif
#endif

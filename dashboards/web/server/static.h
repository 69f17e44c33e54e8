// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The files of the page, as the build has put them into this program: a fixed list. Nothing is opened, and no path is ever put together.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct web_asset {
	const char *path, *type, *tag; // "/assets/main-1a2b3c4d.js"; tag: the ETag, with its quotes
	const unsigned char *plain, *plain_end, *gzip, *gzip_end, *brotli, *brotli_end; // gzip, brotli NULL: would not be smaller
	bool immutable;                                                                 // its name holds a hash of what it says
};

extern const struct web_asset web_assets[]; // ends with path NULL; made by assets.py

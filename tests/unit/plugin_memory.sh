#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# plugin_memory.sh PROGRAM BUILD SANITIZER: every detector that was built, whatever it is called. A sanitizer has an allocator of its own.
set -eu
if [ "$3" != none ]; then
  echo "skipped: the $3 sanitizer brings its own allocator"
  exit 77
fi
exec "$1" "$2"/plugins/*/*.so

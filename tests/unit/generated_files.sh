#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# configs/yagura.yaml and docs/configuration.md are what the program prints, its plugins' options included.
# Usage: generated_files.sh YAGURA SOURCE_ROOT. To renew them:
#   YAGURA config dump-default > configs/yagura.yaml; YAGURA config reference > docs/configuration.md
set -eu
yagura=$1
root=$2
status=0
"$yagura" config dump-default | diff -u "$root/configs/yagura.yaml" - || status=1
"$yagura" config reference | diff -u "$root/docs/configuration.md" - || status=1
"$yagura" check -c "$root/configs/yagura.yaml" > /dev/null || status=1
"$yagura" check -c "$root/configs/demo.yaml" > /dev/null || status=1
[ "$status" = 0 ] || echo "renew them as this script's head says" >&2
exit "$status"

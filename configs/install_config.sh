#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# Run by `meson install`: puts the configuration where the sensor looks for it, unless somebody has written one there already. A second
# install must not take an operator's work away.
# Usage: install_config.sh SOURCE FOLDER (absolute; below $DESTDIR when that is set)
set -eu
folder=${DESTDIR-}$2
mkdir -p "$folder"
if [ -e "$folder/yagura.yaml" ]; then
  echo "$folder/yagura.yaml is there and stays as it is"
else
  cp "$1" "$folder/yagura.yaml"
  chmod 644 "$folder/yagura.yaml"
fi

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# The units: systemd reads them without complaint, and thinks the exposure of the sensor's at most 1.5, of the dashboard's at most 0.6. The
# users and the folders they name are those that sysusers and tmpfiles make. Exits 77 without systemd's own programs. Usage: systemd_unit.sh SOURCE_ROOT
set -eu
if ! command -v systemd-analyze > /dev/null; then
  echo 'skipped: no systemd-analyze'
  exit 77
fi
status=0
unit() { # FILE TENTHS
  local complaints
  systemd-analyze security --offline=true --threshold=$2 "$1" > "${TMPDIR:-/tmp}/yagura-unit.$$" 2>&1 || status=1
  tail -1 "${TMPDIR:-/tmp}/yagura-unit.$$"
  [ "$status" = 0 ] || grep '✗' "${TMPDIR:-/tmp}/yagura-unit.$$" || true
  rm -f "${TMPDIR:-/tmp}/yagura-unit.$$"
  # programs and man pages are not installed here; everything else that it says is a mistake of ours
  complaints=$(systemd-analyze verify --man=no "$1" 2>&1 | grep -v 'is not executable' || true)
  [ -z "$complaints" ] || { echo "$complaints"; status=1; }
}
unit "$1/configs/systemd/yagura.service" 15
unit "$1/configs/systemd/yagura-web.service" 6
unit=$1/configs/systemd/yagura.service
for name in User=yagura Type=notify WatchdogSec= NoNewPrivileges=yes; do
  grep -q "^$name" "$unit" || { echo "missing: $name"; status=1; }
done
grep -q '^u yagura ' "$1/configs/systemd/yagura.sysusers" || { echo 'sysusers makes no user yagura'; status=1; }
for folder in /var/lib/yagura /var/log/yagura /run/yagura; do
  grep -q "^d $folder " "$1/configs/systemd/yagura.tmpfiles" || { echo "tmpfiles makes no $folder"; status=1; }
done
grep -q '^u yagura-web ' "$1/configs/systemd/yagura-web.sysusers" || { echo 'sysusers makes no user yagura-web'; status=1; }
exit $status

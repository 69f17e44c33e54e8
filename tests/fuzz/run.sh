#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# run.sh BUILD SECONDS [TARGET…]: runs the fuzz targets in BUILD/tests/fuzz for SECONDS each, two at a time, on the corpus that earlier runs
# left in BUILD/corpus and on seeds where there is a generator. A line a target: `ok - ` or `not ok - `, executions, coverage,
# corpus. What was found lies in BUILD/findings. Exit 1 on any finding.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:?a build folder}" && pwd) seconds=${2:?seconds}
shift 2
jobs=2
findings=$build/findings seeds=$build/seeds corpus=$build/corpus logs=$build/fuzz-logs
python=/usr/bin/python3

# ---- seeds: a folder a target; what a generator lacks is left out ----

make_seeds() {
  local folder
  mkdir -p "$seeds"/{decode,capture,config}
  "$python" "$root/tests/generate/encapsulations.py" --seeds "$seeds/decode" > "$logs/seeds" 2>&1 || echo 'skip - seeds for decode: python3-scapy is not there'
  "$python" "$root/tests/replay/capture_against_tshark.py" --seeds "$seeds/capture" >> "$logs/seeds" 2>&1 || echo 'skip - seeds for capture: see fuzz-logs/seeds'
  (cd "$seeds" && "$build/tests/fuzz/seeds_readers" .) || echo 'skip - seeds for the readers: seeds_readers failed'
  cp "$root"/configs/*.yaml "$root"/tests/unit/bad-config/*.yaml "$seeds/config/"
  for folder in "$root"/configs/organisations/*.yaml; do
    { printf 'organisations: [a.yaml]\n#### a.yaml\n'; cat "$folder"; } > "$seeds/config/with-$(basename "$folder")"
  done
}

# ---- one target ----

longest() {
  case $1 in capture) echo 20000 ;; config) echo 8192 ;; decode) echo 2048 ;; eve) echo 6000 ;; state) echo 8192 ;; segment) echo 4096 ;; flow_reader|tls) echo 16384 ;; *) echo 2048 ;; esac
}

run_one() {
  local name=$1 log=$logs/$1 status executions cov ft size
  local folders=("$corpus/$name")
  mkdir -p "$corpus/$name" "$findings/$name"
  [[ -d $seeds/$name ]] && folders+=("$seeds/$name")
  ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
    timeout $((seconds * 3 + 60)) "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 \
    -max_len="$(longest "$name")" -artifact_prefix="$findings/$name/" "${folders[@]}" > "$log" 2>&1
  status=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  cov=$(grep -o 'cov: [0-9]*' "$log" | tail -1) ft=$(grep -o 'ft: [0-9]*' "$log" | tail -1)
  size=$(find "$corpus/$name" -type f | wc -l)
  if [[ $status -eq 0 && -n $executions && -z $(ls -A "$findings/$name") ]]; then
    printf 'ok - fuzz %-12s %9s executions, %s, %s, corpus %s, no finding\n' "$name" "$executions" "${cov:-cov: ?}" "${ft:-ft: ?}" "$size"
    return 0
  fi
  printf 'not ok - fuzz %s: exit %s, %s findings in %s\n' "$name" "$status" "$(find "$findings/$name" -type f | wc -l)" "$findings/$name"
  grep -E 'ERROR: |runtime error: |SUMMARY: |^ +#[0-9] ' "$log" | head -12 | sed 's/^/    /'
  return 1
}

# ---- all of them ----

mkdir -p "$logs"
rm -rf "$findings" "$seeds"
make_seeds
targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
  for file in "$root"/tests/fuzz/fuzz_*.c; do
    name=$(basename "$file" .c)
    targets+=("${name#fuzz_}")
  done
fi
failed=0
running=0
for name in "${targets[@]}"; do
  if [[ $running -ge $jobs ]]; then
    wait -n || failed=1
    running=$((running - 1))
  fi
  run_one "$name" &
  running=$((running + 1))
done
while [[ $running -gt 0 ]]; do
  wait -n || failed=1
  running=$((running - 1))
done
exit $failed

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""all_captures.py BUILD [--all] [--match TEXT] [--jobs N]: every capture below $YAGURA_CAPTURES replays.

Proves for each that no process ends by a signal, no sanitizer speaks, nothing leaks, every conservation identity
holds, the number of packets is that of the manifest, and a damaged file exits 65 or 66 and a sound one 0.

Every 30th capture and every damaged one on the build as it is; with YAGURA_LONG or --all all of them, and then on a
build with ASan and UBSan, made below BUILD/asan when BUILD itself is not one. Exits 77 without captures.
"""
import argparse
import concurrent.futures
import glob
import os
import sys
import time

import common

EVERY = 30
SLOWEST = 5
# The leak finder could not stop a thread that was just ending; it looks for leaks all the same.
HARMLESS = "Unable to get registers from thread"
# Kinds of file that our reader takes for sound and capinfos does not: it does not know their link types.
UNKNOWN_LINK = ("dlt",)


def sanitizer_build(build):
    """BUILD itself, or one below it with the same sources."""
    if build.sanitized():
        return build
    folder = build.path("asan")
    if not os.path.isfile(os.path.join(folder, "build.ninja")):
        made = common.run(["meson", "setup", "-Dsanitize=address", "-Dbuildtype=debugoptimized", folder, common.ROOT])
        if made.code != 0:
            sys.exit(f"not ok - a_build_with_sanitizers_is_made\n{made.out}{made.err}")
    made = common.run(["ninja", "-C", folder], timeout=3600)
    if made.code != 0:
        sys.exit(f"not ok - a_build_with_sanitizers_is_made\n{made.out[-3000:]}{made.err}")
    return common.Build(folder)


def environment(log):
    """What sanitizers say goes into files: it must not get lost in a child's closed standard error."""
    return {
        "LC_ALL": "C.UTF-8",
        "ASAN_OPTIONS": f"detect_leaks=1:abort_on_error=0:exitcode=99:allocator_may_return_null=1:log_path={log}",
        "UBSAN_OPTIONS": f"print_stacktrace=1:halt_on_error=1:exitcode=99:log_path={log}",
        "LSAN_OPTIONS": "exitcode=99",
    }


def exit_code_fits(row, code):
    if row["capinfos"] != "damaged":
        return code == 0
    return code in (65, 66) or (code == 0 and row["linktype"].startswith(UNKNOWN_LINK))


def replay(build, row, folder):
    """What is wrong with the replay of one capture, in sentences."""
    mark = row["path"].replace("/", "_")
    log = os.path.join(folder, mark)
    eve = os.path.join(folder, mark + ".eve")
    done = build.replay("--json", "--eve", eve, os.path.join(common.captures(), row["path"]), env=environment(log))
    wrong = []
    for path in glob.glob(glob.escape(log) + ".[0-9]*"):
        with open(path, encoding="utf-8", errors="replace") as text:
            said = "".join(line for line in text if HARMLESS not in line)
        if said.strip():
            wrong.append(said[:6000])
    if not exit_code_fits(row, done.code):
        wrong.append(f"exit {done.code} ({row['capinfos']}): {done.err[-1500:]}")
    if done.code != 66:
        summary = common.read_json(done.out)
        wrong += common.broken_identities(summary)
        if summary and row["capinfos"] == "ok" and str(summary["packets"]) != row["packets"]:
            wrong.append(f"{summary['packets']} packets, the manifest has {row['packets']}")
        if summary and summary["dissector"]["restarts_count"]:
            wrong.append(f"restarts: {summary['dissector']['restarts'][:3]}")
        if summary and any(summary["courier"][name] for name in ("alerts.invalid", "flows.invalid", "eve.too_long")):
            wrong.append(f"courier: {summary['courier']}")
    if os.path.exists(eve):
        os.unlink(eve)
    return wrong


def chosen(rows, everything, match):
    if match:
        return [row for row in rows if match in row["path"]]
    if everything:
        return rows
    return [row for i, row in enumerate(rows) if i % EVERY == 0 or row["capinfos"] == "damaged"]


def tell(cases, rows, results, spent, match):
    total = sum(spent.values())
    print(
        f"{len(rows)} captures, {sum(not r for r in results)} without a fault, {total:.0f} s of replays; the slowest:"
    )
    for path in sorted(spent, key=spent.get)[: -SLOWEST - 1 : -1]:
        print(f"  {spent[path]:6.1f} s {path}")
    damaged = [row for row in rows if row["capinfos"] == "damaged"]
    if not match:
        cases.check(
            "there_are_sound_and_damaged_captures",
            len(rows) > len(damaged) > 0,
            f"{len(rows)}, {len(damaged)}",
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--all", action="store_true", help="as YAGURA_LONG does")
    parser.add_argument("--match", help="only captures with this in their path")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if not common.captures():
        common.skip("needs captures with their MANIFEST.tsv below $YAGURA_CAPTURES")
    everything = arguments.all or bool(os.environ.get("YAGURA_LONG"))
    build = common.Build(arguments.build)
    if everything:
        build = sanitizer_build(build)
    rows = chosen(common.manifest(), everything, arguments.match)
    cases, spent = common.Cases(), {}
    with common.scratch() as folder, concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:

        def one(row):
            began = time.monotonic()
            wrong = replay(build, row, folder)
            spent[row["path"]] = time.monotonic() - began
            return wrong

        results = []
        for row, wrong in zip(rows, pool.map(one, rows)):
            results.append(wrong)
            cases.check(f"{row['path']} replays", not wrong, "\n".join(wrong))
    tell(cases, rows, results, spent, arguments.match)
    cases.finish()


if __name__ == "__main__":
    main()

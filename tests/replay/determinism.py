#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""determinism.py BUILD: a replay gives the same alerts and flow records, whatever the number of workers.

1, 2 and 4 workers, three times each: the sorted alert lines and the sorted flow lines are the same bytes; so are the
unsorted ones, for detectors see flows in that order, and what the rates counted in each second. Over generated
traffic with attacks and fragments, with organisations and with none, and over mix.pcap and mix-attack.pcap when
$YAGURA_CAPTURES has them.
"""
import difflib
import os
import sys

import common

WORKERS = (1, 2, 4)
TIMES = 3
ATTACKS = (
    "syn_flood,at=15,for=15,pps=4000,family=4",
    "syn_flood_answered,at=20,for=15,pps=2000,family=6",
    "fragment_flood,at=35,for=10,pps=2000",
    "scan_vertical,at=30,for=20,family=6",
    "scan_horizontal,at=40,for=20,family=4",
)
HOMES = (
    "10.0.0.0/8,64.13.134.52/32,147.32.80.37/32,192.168.56.102/32,"
    "131.243.0.0/16,192.168.1.2/32,192.168.100.20/32,172.16.1.2/32"
)


# What the aggregator and its detectors counted; events and batches are more with more workers, these are not.
COUNTED = (
    "alerts.raised",
    "alerts.opened",
    "alerts.closed",
    "records.written",
    "records.updates",
    "rates.keys",
    "rates.evicted",
    "windows",
    "seconds",
)


def lines_of(eve):
    """(alert lines, flow lines), each in the order of the file."""
    alerts, flows = [], []
    with open(eve, "rb") as lines:
        for line in lines:
            (alerts if b'"event_type":"alert"' in line[:120] else flows).append(line)
    return alerts, flows


def difference(name, first, other):
    if first == other:
        return []
    alone = [[line.decode() for line in sorted(set(a) - set(b))[:5]] for a, b in ((first, other), (other, first))]
    return [f"{len(first)} lines, {name} has {len(other)}"] + list(difflib.unified_diff(*alone, "first", name, n=0))


def one_run(build, path, options, workers):
    """What went wrong, alert lines, flow lines, what was counted."""
    with common.scratch() as folder:
        eve = os.path.join(folder, "out.json")
        done = build.replay("--json", "--eve", eve, "--workers", str(workers), *options, path)
        summary = common.read_json(done.out)
        if done.code or not summary:
            return f"exit {done.code}\n{done.err}", [], [], {}
        return "\n".join(common.broken_identities(summary)), *lines_of(eve), {
            name: summary["aggregator"][name] for name in COUNTED
        }


def check_file(cases, build, name, path, options, wants_alerts):
    first = None
    for workers, turn in ((workers, turn) for workers in WORKERS for turn in range(TIMES)):
        said, alerts, flows, counted = one_run(build, path, options, workers)
        label = f"{name}: {workers}_workers_run_{turn + 1}"
        if not cases.check(f"{label}_ends_well_with_all_identities", not said, said):
            return
        if first is None:
            first = alerts, flows, counted
            cases.check(
                f"{name}: there_is_something_to_compare",
                flows and (alerts or not wants_alerts),
                f"{len(alerts)}, {len(flows)}",
            )
            print(f"{name}: {len(alerts)} alert lines, {len(flows)} flow lines")
            continue
        for what, mine, other in (("alerts", first[0], alerts), ("flow_records", first[1], flows)):
            found = difference(label, sorted(mine), sorted(other))
            cases.check(f"{label}_has_the_same_{what}", not found, "\n".join(found))
            cases.check(
                f"{label}_has_its_{what}_in_the_same_order",
                mine == other,
                "the first that differs: " + first_other(mine, other),
            )
        cases.check(f"{label}_has_counted_the_same", counted == first[2], f"{first[2]}\n{counted}")


def first_other(mine, other):
    return next(
        (f"{number}: {a[:200]!r} {b[:200]!r}" for number, (a, b) in enumerate(zip(mine, other)) if a != b),
        "none",
    )


def main():
    build, cases = common.start(sys.argv), common.Cases()
    with common.scratch() as folder:
        attacks = [word for attack in ATTACKS for word in ("--attack", attack)]
        path = build.generate(os.path.join(folder, "day.pcap"), "--seconds", "75", *attacks, "day")
        check_file(cases, build, "day_with_attacks", path, ("-c", common.DEMO), True)
        check_file(cases, build, "day_with_attacks_without_organisations", path, (), False)
    for name, home in (("mix.pcap", "10.0.0.0/8"), ("mix-attack.pcap", HOMES)):
        path = common.capture(name)
        if path:
            check_file(cases, build, name, path, ("--home", home), name == "mix-attack.pcap")
        else:
            cases.skip(name, "not below $YAGURA_CAPTURES")
    cases.finish()


if __name__ == "__main__":
    main()

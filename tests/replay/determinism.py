#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""determinism.py BUILD: a replay gives the same alerts and flow records, whatever the number of workers.

1, 2 and 4 workers, three times each: the sorted alert lines and the sorted flow lines are the same bytes. Over generated traffic
with attacks and fragments, and over mix.pcap and mix-attack.pcap when $YAGURA_CAPTURES has them.
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
HOMES = "10.0.0.0/8,64.13.134.52/32,147.32.80.37/32,192.168.56.102/32,131.243.0.0/16,192.168.1.2/32,192.168.100.20/32,172.16.1.2/32"


def sorted_lines(eve):
    """(alert lines, flow lines), each sorted by bytes."""
    alerts, flows = [], []
    with open(eve, "rb") as lines:
        for line in lines:
            (alerts if b'"event_type":"alert"' in line[:120] else flows).append(line)
    return sorted(alerts), sorted(flows)


def difference(name, first, other):
    if first == other:
        return []
    alone = [[line.decode() for line in sorted(set(a) - set(b))[:5]] for a, b in ((first, other), (other, first))]
    return [f"{len(first)} lines, {name} has {len(other)}"] + list(difflib.unified_diff(*alone, "first", name, n=0))


def check_file(cases, build, name, path, options, wants_alerts):
    first = None
    for workers in WORKERS:
        for turn in range(TIMES):
            with common.scratch() as folder:
                eve = os.path.join(folder, "out.json")
                done = build.replay("--json", "--eve", eve, "--workers", str(workers), *options, path)
                said = f"exit {done.code}\n{done.err}" if done.code else "\n".join(common.broken_identities(common.read_json(done.out)))
                alerts, flows = sorted_lines(eve) if done.code == 0 else ([], [])
            label = f"{name}: {workers}_workers_run_{turn + 1}"
            if not cases.check(f"{label}_ends_well_with_all_identities", not said, said):
                return
            if first is None:
                first = alerts, flows
                cases.check(f"{name}: there_is_something_to_compare", flows and (alerts or not wants_alerts), f"{len(alerts)}, {len(flows)}")
                print(f"{name}: {len(alerts)} alert lines, {len(flows)} flow lines")
                continue
            for what, mine, other in (("alerts", first[0], alerts), ("flow_records", first[1], flows)):
                found = difference(label, mine, other)
                cases.check(f"{label}_has_the_same_{what}", not found, "\n".join(found))


def main():
    build, cases = common.start(sys.argv), common.Cases()
    with common.scratch() as folder:
        attacks = [word for attack in ATTACKS for word in ("--attack", attack)]
        path = build.generate(os.path.join(folder, "day.pcap"), "--seconds", "75", *attacks, "day")
        check_file(cases, build, "day_with_attacks", path, ("-c", common.DEMO), True)
    for name, home in (("mix.pcap", "10.0.0.0/8"), ("mix-attack.pcap", HOMES)):
        path = common.capture(name)
        if path:
            check_file(cases, build, name, path, ("--home", home), name == "mix-attack.pcap")
        else:
            cases.skip(name, "not below $YAGURA_CAPTURES")
    cases.finish()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""eval_captures.py BUILD: the detectors over captures that others have made and labelled, by `yagura eval`.

Proves, where $YAGURA_CAPTURES has labels.tsv: of the files with an attack of dos.* or scan.* at least 95 % are found, with one of the kinds and
the party labelled; no benign or lower-bound file has an alert of severity medium or above; a quiet mixture of ten minutes (mix.pcap) has at
most three. Prints what was missed. Exits 77 where there are none.
"""
import os
import resource
import sys
import time

import common

RECALL = 0.95
SECONDS = 60
MIX_ALERTS = 3
# Kinds that only one plugin raises: without it a file of these alone says nothing about the others.
OWN = {"httpflood": {"dos.slow_http", "dos.http_flood"}, "dnsflood": {"dos.dns_flood"}}


def judgeable(build, files):
    """Without those whose only kinds no detector of this build raises; it is said which."""
    plugins = build.yagura("plugins").out
    absent = set().union(*(kinds for name, kinds in OWN.items() if name not in plugins))
    left_out = [f["path"] for f in files if f["kinds"] and set(f["kinds"]) <= absent]
    for path in left_out:
        print(f"# no detector of this build raises the kinds of {path}")
    return [f for f in files if f["path"] not in left_out]


def labelled(cases, build, labels):
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = build.yagura("eval", "--json", "--filter", "dos.*", "--filter", "scan.*", labels, common.captures(), timeout=4 * SECONDS)
    took, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of processor time, so that it is the programs that are judged and not what else runs beside them; alone they need less of the clock.
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    result = common.read_json(done.out)
    if not cases.check("every_labelled_capture_is_judged", result and not result["missing"] and not result["failed"], done):
        return
    files = judgeable(build, [f for f in result["files"] if f["state"] == "judged"])
    attacks = [f for f in files if f["verdict"] == "attack"]
    missed = [f["path"] for f in attacks if not f["found"]]
    recall = 1 - len(missed) / len(attacks)
    optional = [f for f in files if f["verdict"] == "optional"]
    print(f"# recall {recall:.3f} ({len(attacks) - len(missed)} of {len(attacks)}), optional {sum(f['found'] for f in optional)} of {len(optional)}, {took:.1f} s, of the processor {used:.1f} s")
    for path in missed:
        print(f"# missed: {path}")
    cases.check("attacks_are_found", recall >= RECALL, "\n".join(missed))
    for verdict in ("benign", "lower_bound"):
        noisy = [f for f in files if f["verdict"].replace("-", "_") == verdict and any(a["unasked"] for a in f["alerts"])]
        cases.check(f"{verdict}_files_disturb_nobody", result[verdict]["files"] > 0 and not noisy, noisy)
    cases.check(f"it_takes_less_than_{SECONDS}_s", used < SECONDS or build.sanitized(), f"{used:.1f} s")


def mixture(cases, build, folder):
    if not common.capture("mix.pcap"):
        cases.skip("a_quiet_mixture", "no mix.pcap below $YAGURA_CAPTURES")
        return
    labels = os.path.join(folder, "mix.tsv")
    with open(labels, "w", encoding="utf-8") as out:
        out.write("path\tverdict\tkinds\tsource\ttarget\thome\nmix.pcap\tbenign\t\t\t\t10.0.0.0/8\n")
    done = build.yagura("eval", "--json", labels, common.captures())
    result = common.read_json(done.out)
    alerts = [a for f in result["files"] for a in f["alerts"] if a["unasked"]] if result else None
    cases.check("a_quiet_mixture_has_at_most_three_alerts", alerts is not None and len(alerts) <= MIX_ALERTS and not result["missing"], alerts or done)


def main():
    build, cases = common.start(sys.argv), common.Cases()
    labels = common.capture("labels.tsv")
    if not labels:
        common.skip("no labels.tsv below $YAGURA_CAPTURES")
    with common.scratch() as folder:
        labelled(cases, build, labels)
        mixture(cases, build, folder)
    cases.finish()


if __name__ == "__main__":
    main()

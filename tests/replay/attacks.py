#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""Every generated scan is told once, rightly and to its end; innocent days are silent.

usage: attacks.py BUILD [ATTACK...]

Attacks on availability are the business of dos_matrix.py. Each scan of the generator goes over a short quiet day, once as IPv4 and once as IPv6, through the whole program with the
demo's configuration. What was laid in is known from the generator's own --truth file. Exactly one alert of any kind may
open; it must have the right kind, target and body, open within the attack and close after its end. For a scan of many hosts
the target is a network: the flow records say whom the source asked in its first second, and the network must hold them.
"""
import collections
import datetime
import ipaddress
import os
import sys

import common

AT = 15  # seconds into the day
TAIL = 10  # of the day behind the attack: the run-on does the rest
LATE = 8  # a silent attempt is over after 5 s; then the second must end
LENGTH = {"scan_slow": 410}  # of those that need their time; others that end by themselves: 30
ANYBODY = {4: "0.0.0.0", 6: "::"}

Attack = collections.namedtuple("Attack", "kind source target organisation start end name port")


def names(build):
    listed = common.run([build.path("tests", "yagura-generate"), "--list"])
    return [line.split()[0] for line in listed.out.splitlines() if line.split()[1:2] and line.split()[1].startswith("scan.")]


def truth(path):
    with open(path, encoding="utf-8") as lines:
        fields = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    kind, source, target, organisation, start, end, name, port = fields[0]
    return Attack(kind, source, target, organisation, float(start), float(end), name, int(port))


def epoch(stamp):
    return datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


def replay(build, folder, capture):
    """The summary and the events of a run, or a sentence."""
    eve = os.path.join(folder, "eve.json")
    run = build.replay("-c", common.DEMO, "--eve", eve, "--json", capture)
    summary = common.read_json(run.out)
    if run.code != 0 or summary is None:
        return None, None, f"exit {run.code}: {run.err}"
    events = common.events(eve)
    os.remove(eve)
    broken = common.broken_identities(summary)
    return summary, events, "\n".join(broken)


def asked_first(events, attack):
    """Whom the attack's source asked on its port in its first second."""
    return {
        e["dest_ip"] for e in events
        if e["event_type"] == "flow" and e["src_ip"] == attack.source and e.get("dest_port") == attack.port
        and epoch(e["flow"]["start"]) <= attack.start + 1
    }


def about_target(attack, opened, events):
    context = opened["alert"]["context"]
    if attack.target != "*":
        return [] if context["target"] == attack.target else [f"target {context['target']}, want {attack.target}"]
    network = ipaddress.ip_network(context["target"])
    asked = asked_first(events, attack)
    outside = sorted(a for a in asked if ipaddress.ip_address(a) not in network)
    found = [f"{len(outside)} of {len(asked)} asked are not in {network}: {outside[:3]}"] if outside or not asked else []
    widest = 20 if network.version == 4 else 48
    if network.prefixlen < widest:
        found.append(f"the network {network} says nothing")
    return found


def faults(attack, family, events):
    """Sentences about what is wrong with the alerts of a run."""
    alerts = [e for e in events if e["event_type"] == "alert"]
    opened = [e for e in alerts if e["alert"]["context"]["state"] == "open"]
    closed = [e for e in alerts if e["alert"]["context"]["state"] == "close"]
    if len(opened) != 1 or len(closed) != 1:
        kinds = [(e["alert"]["context"]["kind"], e["alert"]["context"].get("target")) for e in opened]
        return [f"{len(opened)} opened, {len(closed)} closed: {kinds}"]
    first, last = opened[0], closed[0]
    context = first["alert"]["context"]
    found = about_target(attack, first, events)
    if context["kind"] != attack.kind:
        found.append(f"kind {context['kind']}, want {attack.kind}")
    if context["org"]["code"] != attack.organisation:
        found.append(f"organisation {context['org']['code']}, want {attack.organisation}")
    want = attack.source if attack.source != "*" else ANYBODY[family]
    if first["src_ip"] != want:
        found.append(f"source {first['src_ip']}, want {want}")
    if last["alert"]["context"]["id"] != context["id"]:
        found.append("another alert was closed than was opened")
    if not attack.start <= epoch(first["timestamp"]) <= attack.end + LATE:
        found.append(f"opened at {first['timestamp']}")
    if not epoch(last["timestamp"]) >= attack.end:
        found.append(f"closed at {last['timestamp']}, before the end")
    if " 0 " in last["alert"]["context"]["why"]["text_en"].split(" (Ended")[0]:
        found.append(f"its last words speak of nothing: {last['alert']['context']['why']['text_en']}")
    return found


def attack_case(cases, build, folder, name, family):
    length = LENGTH.get(name, 30)
    capture, told = os.path.join(folder, "attack.pcap"), os.path.join(folder, "truth.tsv")
    laid = f"{name},at={AT},family={family}"
    build.generate(capture, "--seconds", str(AT + length + TAIL), "--scale", "0.05", "--attack", laid, "--truth", told, "day")
    attack = truth(told)
    _, events, wrong = replay(build, folder, capture)
    found = [wrong] if wrong else faults(attack, family, events)
    cases.check(f"{name}_over_IPv{family}_is_one_alert_of_{attack.kind}_and_closes", not found, "\n".join(found))
    os.remove(capture)


def innocent_case(cases, build, folder, scenario):
    """No alert of dos or scan of severity medium or above."""
    capture = os.path.join(folder, "innocent.pcap")
    build.generate(capture, "--seconds", "300", "--scale", "0.5", scenario)
    summary, events, wrong = replay(build, folder, capture)
    loud = [
        e["alert"]["context"]["why"]["text_en"] for e in events or []
        if e["event_type"] == "alert" and e["alert"]["context"]["kind"].startswith(("dos.", "scan."))
        and e["alert"]["context"]["severity"] in ("medium", "high", "critical")
    ]
    good = not wrong and not loud and summary["packets"] > 5000
    cases.check(f"the_innocent_{scenario}_raises_nothing_of_medium_or_above", good, "\n".join([wrong] + loud))
    os.remove(capture)


def main(arguments):
    build = common.start(arguments)
    cases = common.Cases()
    known = names(build)
    wanted = arguments[2:] or known
    with common.scratch() as folder:
        for scenario in ("day", "busy"):
            innocent_case(cases, build, folder, scenario)
        for name in wanted:
            for family in (4, 6):
                attack_case(cases, build, folder, name, family)
    cases.check("the_generator_knows_five_scans_or_more", len(known) >= 5, known)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

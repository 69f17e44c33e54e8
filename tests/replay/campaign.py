#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""campaign.py BUILD: what the sensor adds to alerts, through whole replays of generated traffic.

Five pulses of one flood, 40 minutes apart with nothing in between: one dos.campaign, three pages, the period and the next pulse right, with
one, two and four workers alike. A flood on a DNS server that goes on answering is absorbed; where its answers are cut out of the same
capture, it is down. Both list the bodies that were seen to use the server.
"""
import datetime
import os
import struct
import sys

import common
from common import DEMO

APART, PULSES, PULSE = 2400, 5, 4
SERVER, FLOOD_AT, SILENT_AT = "203.0.113.21", 4000, 4020
LOW = ("--set", "plugins.dos.floor_packets=300", "--set", "plugins.dos.floor_flows=300")  # small floods do, and take less time


def alerts_of(build, cases, name, capture, *more):
    eve = os.path.join(os.path.dirname(capture), f"{name}.json")
    done = build.replay("-c", DEMO, "--eve", eve, "--set", "eve.flows=false", *LOW, *more, capture)
    cases.check(f"{name}: the_replay_ends_well", done.code == 0, f"{done.code}\n{done.err}")
    return [e for e in common.events(eve) if e["event_type"] == "alert"]


def contexts(alerts, kind, state):
    found = (e["alert"]["context"] for e in alerts)
    return [c for c in found if c["kind"].startswith(kind) and c["state"] == state]


def seconds(stamp):
    return datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


def pulses(cases, build, folder):
    capture = os.path.join(folder, "pulses.pcap")
    laid = [f"udp_flood,at={120 + i * APART},for={PULSE},pps=1000" for i in range(PULSES)]
    build.generate(capture, "--seconds", str(PULSES * APART), *(word for one in laid for word in ("--attack", one)), "none")
    found = {n: alerts_of(build, cases, f"pulses_{n}", capture, "--workers", str(n)) for n in (1, 2, 4)}
    cases.check("two_and_four_workers_say_the_same", found[1] == found[2] == found[4])
    opened, closed = contexts(found[1], "dos.campaign", "open"), contexts(found[1], "dos.campaign", "close")
    cases.check("five_pulses_are_one_campaign", len(opened) == len(closed) == 1, [c["id"] for c in opened])
    if not closed:
        return
    floods, last = contexts(found[1], "dos.udp_flood", "open"), closed[0]
    cases.check("it_opens_with_the_third_pulse", last["first_seen"] == floods[0]["first_seen"] and opened[0]["pulse"] == 3, opened)
    cases.check("it_counts_all_of_them", last["pulse"] == PULSES == last["why"]["observed"], last)
    cases.check("its_period_is_right", abs(last["period_s"] - APART) <= APART * 0.05, last)
    start = [seconds(e["timestamp"]) for e in found[1] if e["alert"]["context"] in floods][-1]
    cases.check("the_next_pulse_is_expected_when_it_would_come", abs(seconds(last["next_expected"]) - start - APART) <= APART * 0.05, last)
    members = [(c.get("campaign"), c.get("pulse")) for c in floods]
    expected = [(None, None)] * 2 + [(last["id"], i) for i in range(3, PULSES + 1)]
    cases.check("pulses_carry_its_id_from_the_third_on", members == expected, members)
    modes = [e["alert"]["context"]["mode"] for e in found[1] if e["alert"]["context"]["state"] == "open"]
    cases.check("people_are_told_three_times", modes.count("alert") + modes.count("page") == 3 and modes[-1] == "digest", modes)
    for language in ("text_ja", "text_en"):
        cases.check(f"{language}_says_how_many_and_how_often", "40" in last["why"][language] and "5" in last["why"][language], last["why"])


def silence(path, to):
    """The capture without what the server answers from SILENT_AT on."""
    address = bytes(int(part) for part in SERVER.split("."))
    with open(path, "rb") as source, open(to, "wb") as sink:
        sink.write(source.read(24))
        first = None
        while len(head := source.read(16)) == 16:
            second, _, size, _ = struct.unpack("<IIII", head)
            frame = source.read(size)
            first = first or second
            if second - first < SILENT_AT or frame[12:14] != b"\x08\x00" or frame[26:30] != address:
                sink.write(head + frame)


def impact(cases, build, folder):
    whole, cut = os.path.join(folder, "whole.pcap"), os.path.join(folder, "cut.pcap")
    build.generate(whole, "--seconds", str(FLOOD_AT + 160), "--scale", "0.4", "--family", "4", "--attack",
                   f"syn_flood,at={FLOOD_AT},for=130,pps=600,target={SERVER},port=53", "day")
    silence(whole, cut)
    for name, capture, state in (("answered", whole, "absorbed"), ("silent", cut, "down")):
        alerts = alerts_of(build, cases, name, capture)
        updates, closed = contexts(alerts, "dos.syn_flood", "update"), contexts(alerts, "dos.syn_flood", "close")
        opened = contexts(alerts, "dos.syn_flood", "open")
        cases.check(f"{name}: the_flood_is_one_alert", len(opened) == len(closed) == 1, [c["kind"] for c in opened])
        if not closed:
            continue
        cases.check(f"{name}: nothing_is_said_while_nothing_is_known", opened[0]["impact"] == {"state": "unknown"}, opened[0]["impact"])
        cases.check(f"{name}: the_last_update_tells_the_impact", updates[-1]["impact"]["state"] == state, updates[-1]["impact"])
        cases.check(f"{name}: so_does_the_close", closed[0]["impact"]["state"] == state and closed[0]["impact"]["usual"] > 0.9, closed[0]["impact"])
        bodies = {b["code"] for b in closed[0].get("affected", [])}
        cases.check(f"{name}: bodies_that_were_seen_to_use_it_are_listed",
                    len(bodies) >= 3 and closed[0]["affected_count"] == len(bodies) and closed[0]["org"]["code"] in bodies, bodies)


def main():
    build, cases = common.start(sys.argv), common.Cases()
    with common.scratch() as folder:
        pulses(cases, build, folder)
        impact(cases, build, folder)
    cases.finish()


if __name__ == "__main__":
    main()

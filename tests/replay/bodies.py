#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""Bodies that fall silent, through the whole program: packets are taken out of a generated day of the example prefecture.

usage: bodies.py BUILD

One body dark (strangers still knock at it), until it comes back and until the capture ends; the same announced in its calendar; most bodies
dark at once, and everything; a mirror of one direction. IPv4 alone and IPv6 alone, one, two and four workers.
"""
import datetime
import ipaddress
import os
import shutil
import struct
import sys

import common

SECONDS = 720
CUT = (480, 600)
RATE = ("--scale", "0.3")
START = 1780967100  # the generator's default
BODIES = {
    "shiomi": (["198.51.100.0/25", "10.2.0.0/16", "10.102.0.0/16", "2001:db8:2000::/40"], ["198.51.100.96/27", "2001:db8:20e0::/44"]),
    "kanegaoka": (["198.51.100.128/26", "10.3.0.0/16", "10.103.0.0/16", "2001:db8:3000::/40"], []),
    "nadami": (["203.0.113.0/26", "10.1.0.0/16", "10.101.0.0/16", "2001:db8:1000::/40"], []),
    "kirihara": (["203.0.113.64/27", "10.4.0.0/16", "10.104.0.0/16", "2001:db8:4000::/44"], []),
    "sasaura": (["203.0.113.96/27", "10.5.0.0/16", "10.105.0.0/16", "2001:db8:5000::/44"], []),
    "shiomi-edu": (["198.51.100.96/27", "10.7.0.0/16", "2001:db8:20e0::/44"], []),
    "yukinosawa": (["203.0.113.128/28", "10.106.0.0/16", "2001:db8:6000::/44"], []),
    "kirisasa": (["192.0.2.0/27", "10.108.0.0/16", "2001:db8:7000::/44"], []),
}


class Owner:
    """Whose an address is, remembered: a day has few thousand."""

    def __init__(self):
        self.known = {}
        self.nets = [(ipaddress.ip_network(net), name) for name, (inside, _) in BODIES.items() for net in inside]
        self.nets.sort(key=lambda pair: -pair[0].prefixlen)

    def of(self, raw):
        if raw not in self.known:
            address = ipaddress.ip_address(raw)
            self.known[raw] = next((name for net, name in self.nets if address.version == net.version and address in net), None)
        return self.known[raw]


def ends(frame):
    """Source and destination of an untagged Ethernet frame, as bytes; None for what is no IP."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        return frame[26:30], frame[30:34]
    if kind == b"\x86\xdd":
        return frame[22:38], frame[38:54]
    return None


def cut(source, target, goes):
    """Copies a capture without the packets for which goes(second, from, to) holds."""
    owner, left = Owner(), 0
    with open(source, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at, out = 24, [data[:24]]
    while at < len(data):
        second, _, length, _ = struct.unpack_from(order + "IIII", data, at)
        frame = data[at + 16 : at + 16 + length]
        pair = ends(frame)
        if pair and goes(second - START, owner.of(pair[0]), owner.of(pair[1])):
            left += 1
        else:
            out.append(data[at : at + 16 + length])
        at += 16 + length
    with open(target, "wb") as file:
        file.write(b"".join(out))
    return left


def in_cut(second):
    return CUT[0] <= second < CUT[1]


def alerts(build, folder, capture, *more, config=common.DEMO):
    eve = os.path.join(folder, "eve.json")
    if os.path.exists(eve):
        os.unlink(eve)
    run = build.replay("-c", config, "--eve", eve, "--json", *more, capture)
    return run, [e for e in common.events(eve) if e["event_type"] == "alert"] if run.code == 0 else []


def states(told, state):
    return [e for e in told if e["alert"]["context"]["state"] == state]


def after(event, second):
    when = datetime.datetime.strptime(event["timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
    return when - START - second


def show(told):
    return "\n".join(f"{e['timestamp']} {e['alert']['context']['kind']} {e['alert']['context']['state']} {e['alert']['context'].get('vector')} "
                     f"{e['alert']['context']['why']['text_ja']} {e['alert']['context']['why']['text_en']}" for e in told)


def is_explained(event):
    context = event["alert"]["context"]
    why = context["why"]
    return (why["text_ja"] and why["text_en"] and why["unit"] and why["window_s"] and why["top"] and why["series"]["values"]
            and 0 < context["confidence"] <= 1 and why["baseline"] >= 200)


def one_dark(cases, build, folder, day, family):
    dark = os.path.join(folder, f"dark{family}.pcap")
    left = cut(day, dark, lambda s, a, b: in_cut(s) and a == "shiomi")
    first = None
    for workers in ("1", "2", "4") if family == "both" else ("2",):
        run, told = alerts(build, folder, dark, "--workers", workers)
        first = first if first is not None else told
        cases.check(f"the_same_with_{workers}_workers_v{family}", told == first, show(told))
    opened, closed = states(first, "open"), states(first, "close")
    cases.check(f"a_dark_body_is_one_alert_v{family}",
                left > 500 and [(e["alert"]["context"]["kind"], e["alert"]["context"]["org"]["code"]) for e in opened] == [("org.dark", "shiomi")],
                f"{left} {run.err} {show(first)}")
    cases.check(f"found_within_a_minute_v{family}", opened and 55 <= after(opened[0], CUT[0]) <= 62, show(opened))
    cases.check(f"closed_when_it_is_back_v{family}", len(closed) == 1 and 0 <= after(closed[0], CUT[1]) <= 20, show(closed))
    cases.check(f"explained_v{family}", opened and all(is_explained(e) for e in first), first[:1])
    return dark


def planned(folder):
    """The demo's configuration, with the cut in the calendar of the body."""
    shutil.copytree(os.path.join(common.ROOT, "configs", "organisations"), os.path.join(folder, "organisations"))
    shutil.copy(common.DEMO, folder)
    local = [datetime.datetime.fromtimestamp(START + s, datetime.timezone(datetime.timedelta(hours=9))) for s in CUT]
    begin, end = local[0].strftime("%Y-%m-%d %H:%M"), (local[1] + datetime.timedelta(minutes=1)).strftime("%Y-%m-%d %H:%M")
    with open(os.path.join(folder, "organisations", "shiomi.yaml"), "a", encoding="utf-8") as file:
        file.write(f'calendar:\n  - {{what: work, from: "{begin}", to: "{end}", reason: 回線切替}}\n')
    return os.path.join(folder, os.path.basename(common.DEMO))


def main():
    build = common.start(sys.argv)
    cases = common.Cases()
    with common.scratch() as folder:
        day = build.generate(os.path.join(folder, "day.pcap"), "--seconds", str(SECONDS), *RATE, "day")
        run, told = alerts(build, folder, day)
        cases.check("a_day_is_silent", run.code == 0 and not told, f"{run.err} {show(told)}")
        for family in ("4", "6"):
            of_family = build.generate(os.path.join(folder, f"day{family}.pcap"), "--seconds", str(SECONDS), *RATE, "--family", family, "day")
            one_dark(cases, build, folder, of_family, family)
        dark = one_dark(cases, build, folder, day, "both")

        _, told = alerts(build, folder, dark, config=planned(folder))
        cases.check("planned_work_is_silent", not told, show(told))

        ending = os.path.join(folder, "ending.pcap")
        cut(day, ending, lambda s, a, b: s >= CUT[0] and a == "shiomi")
        _, told = alerts(build, folder, ending)
        cases.check("dark_to_the_end_is_one_alert_and_no_other",
                    [e["alert"]["context"]["kind"] for e in states(told, "open")] == ["org.dark"] and len(states(told, "close")) == 1, show(told))

        several = os.path.join(folder, "several.pcap")
        cut(day, several, lambda s, a, b: in_cut(s) and (a or b) and "kirihara" not in (a, b))
        _, told = alerts(build, folder, several)
        opened = states(told, "open")
        cases.check("most_bodies_dark_are_one_alert_about_the_mirror",
                    [(e["alert"]["context"]["kind"], e["alert"]["context"]["vector"]) for e in opened] == [("sensor.mirror", "bodies_dark")]
                    and is_explained(opened[0]), show(told))

        nothing = os.path.join(folder, "nothing.pcap")
        cut(day, nothing, lambda s, a, b: in_cut(s))
        _, told = alerts(build, folder, nothing)
        opened = states(told, "open")
        cases.check("nothing_at_all_is_one_alert_about_the_mirror",
                    [(e["alert"]["context"]["kind"], e["alert"]["context"]["vector"]) for e in opened] == [("sensor.mirror", "all_dark")]
                    and is_explained(opened[0]), show(told))

        inward = os.path.join(folder, "inward.pcap")
        cut(day, inward, lambda s, a, b: a or (in_cut(s) and b == "shiomi"))
        _, told = alerts(build, folder, inward)
        dark = [e for e in states(told, "open") if e["alert"]["context"]["kind"] == "org.dark"]
        cases.check("a_mirror_of_one_direction_finds_it_and_is_less_certain",
                    len(dark) == 1 and dark[0]["alert"]["context"]["org"]["code"] == "shiomi" and dark[0]["alert"]["context"]["confidence"] < 0.4,
                    show(told))
    cases.finish()


main()

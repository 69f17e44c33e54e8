#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""community_ids.py BUILD: the community ids of flow records are those of Community ID version 1.

This script computes them by itself from the packets (SHA-1 of seed, addresses, protocol, ports in order; ICMP types
as ports), and asks tshark where it can tell them. The two sets of ids of a capture, expected and found, are equal.
Over generated traffic (TCP, UDP, ICMP, ICMPv6, ESP, v4 and v6), and over the captures that come with the
specification when $YAGURA_CAPTURES has them.
"""
import base64
import hashlib
import ipaddress
import os
import shutil
import struct
import sys

import common

SPEC = "community-id-spec/"
ICMP, TCP, UDP, ICMP6, SCTP = 1, 6, 17, 58, 132
# What answers what. Types that are not here go one way: their ends are not put in order.
ANSWERS = {
    ICMP: {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 10: 9, 9: 10, 17: 18, 18: 17},
    ICMP6: {
        128: 129,
        129: 128,
        133: 134,
        134: 133,
        135: 136,
        136: 135,
        130: 131,
        131: 130,
        144: 145,
        145: 144,
        139: 140,
        140: 139,
    },
}
EXTENSIONS = {0, 43, 60}


def community_id(source, dest, proto, ports):
    """Version 1 with seed 0. `ports` is None for protocols without."""
    ends = [(source, ports[0] if ports else 0), (dest, ports[1] if ports else 0)]
    one_way = False
    if proto in ANSWERS and ports:
        kind, code = ports
        one_way = kind not in ANSWERS[proto]
        ends[1] = (dest, code if one_way else ANSWERS[proto][kind])
    if not one_way and ends[1] < ends[0]:
        ends.reverse()
    message = b"\0\0" + ends[0][0] + ends[1][0] + bytes((proto, 0))
    if ports:
        message += struct.pack(">HH", ends[0][1], ends[1][1])
    return "1:" + base64.b64encode(hashlib.sha1(message).digest()).decode()


def ports_of(proto, data):
    if proto in (TCP, UDP, SCTP) and len(data) >= 4:
        return struct.unpack(">HH", data[:4])
    if proto in ANSWERS and len(data) >= 2:
        return data[0], data[1]
    return None


def of_ip(data):
    """The id of one IP packet, or None where the flow cannot be told from the packet alone (fragments)."""
    if data[0] >> 4 == 4:
        head = (data[0] & 15) * 4
        if struct.unpack(">H", data[6:8])[0] & 0x3FFF:
            return None
        return community_id(data[12:16], data[16:20], data[9], ports_of(data[9], data[head:]))
    proto, at = data[6], 40
    while proto in EXTENSIONS:
        proto, at = data[at], at + 8 * (data[at + 1] + 1)
    return community_id(data[8:24], data[24:40], proto, ports_of(proto, data[at:]))


def of_frame(data):
    at, kind = 14, struct.unpack(">H", data[12:14])[0]
    while kind in (0x8100, 0x88A8):
        kind = struct.unpack(">H", data[at + 2 : at + 4])[0]
        at += 4
    return of_ip(data[at:]) if kind in (0x0800, 0x86DD) else None


def of_capture(path):
    """The set of ids of a pcap file of Ethernet frames, and how many frames have none."""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    if struct.unpack(order + "I", data[20:24])[0] != 1:
        sys.exit(f"{path}: not of Ethernet frames")
    at, found, without = 24, set(), 0
    while at < len(data):
        size = struct.unpack(order + "I", data[at + 8 : at + 12])[0]
        one = of_frame(data[at + 16 : at + 16 + size])
        found.add(one)
        without += one is None
        at += 16 + size
    return found - {None}, without


def of_tshark(path):
    """The set of ids that tshark tells, or None when it cannot."""
    if not shutil.which("tshark"):
        return None
    done = common.run(
        ["tshark", "-n", "-r", path, "--enable-protocol", "communityid", "-T", "fields", "-e", "communityid"]
    )
    if done.code != 0:
        return None
    return {one for line in done.out.split() for one in line.split(",")}


def shown(one, other):
    return f"only expected: {sorted(one - other)[:5]}\nonly found: {sorted(other - one)[:5]}"


def published(cases):
    """The computation here stands on vectors that the specification publishes."""
    for source, dest, proto, ports, expected in (
        ("128.232.110.120", "66.35.250.204", TCP, (34855, 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        ("66.35.250.204", "128.232.110.120", TCP, (80, 34855), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        ("192.168.1.52", "8.8.8.8", UDP, (54585, 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
        ("192.168.170.8", "192.168.170.56", SCTP, (7, 7), "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
        ("192.168.0.89", "192.168.0.1", ICMP, (8, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        ("192.168.0.1", "192.168.0.89", ICMP, (0, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        ("fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", ICMP6, (135, 0), "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
        ("10.1.12.1", "10.1.12.2", 46, None, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
    ):
        got = community_id(ipaddress.ip_address(source).packed, ipaddress.ip_address(dest).packed, proto, ports)
        cases.check(
            f"the_published_id_of_protocol_{proto}_from_{source}",
            got == expected,
            f"{got}, published is {expected}",
        )


def check(cases, build, name, path, folder, fewest):
    eve = os.path.join(folder, "ids.json")
    done = build.replay("--json", "--eve", eve, path)
    expected, without = of_capture(path)
    found = set()
    if os.path.exists(eve):
        found = {e["community_id"] for e in common.events(eve) if e["event_type"] == "flow"}
        os.unlink(eve)
    holds = done.code == 0 and found == expected and len(found) >= fewest
    cases.check(
        f"{name}: community_ids_are_those_computed_from_its_packets",
        holds,
        f"exit {done.code}\n{shown(expected, found)}\n{done.err}",
    )
    print(f"{name}: {len(found)} ids, {without} frames without")
    theirs = of_tshark(path)
    if theirs is None:
        cases.skip(f"{name}: community_ids_are_tsharks", "no tshark that tells them")
    else:
        cases.check(f"{name}: community_ids_are_tsharks", found == theirs, shown(theirs, found))


def main():
    build, cases = common.start(sys.argv), common.Cases()
    published(cases)
    with common.scratch() as folder:
        attack = (
            "--attack",
            "scan_vertical,at=10,for=10,family=6",
            "--attack",
            "icmp_flood,at=20,for=5,pps=400,family=4",
        )
        path = build.generate(
            os.path.join(folder, "day.pcap"),
            "--seconds",
            "40",
            *attack,
            "--attack",
            "other_flood,at=25,for=2,pps=300",
            "day",
        )
        check(cases, build, "generated", path, folder, 1000)
        rows = [row for row in common.manifest() if SPEC in row["path"]] if common.captures() else []
        if not rows:
            cases.skip("captures_of_the_specification", "not below $YAGURA_CAPTURES")
        for row in rows:
            check(
                cases,
                build,
                os.path.basename(row["path"]),
                os.path.join(common.captures(), row["path"]),
                folder,
                min(1, int(row["flows"])),
            )
    cases.finish()


if __name__ == "__main__":
    main()

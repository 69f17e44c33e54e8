#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""frames.py BUILD: a million numbered frames over a veth pair: what was sent was received or is said to be lost, to the frame.

Through net_af_packet and net_af_xdp, with one worker and with two; once at a rate that the sensor holds, where next to nothing may be lost,
and once as fast as the sender can into a small queue, where something must be. Every frame becomes a packet of one of 64 flows, whose
records count them once more. The end comes within five seconds of SIGTERM, with the summary of a replay. Exits 77 where there are no
namespaces, no veth or no packet sockets.
"""
import os
import sys

import wire
from wire import common

FRAMES = 1_000_000
HELD = 50_000  # a second


def case(cases, build, folder, what, port, rate, frames, options, must_lose):
    with wire.Wire() as link:
        eve = os.path.join(folder, "eve.json")
        with wire.Sensor(build, link, folder, "--home", wire.HOME, "--eve", eve, *options, port=port.format(far=link.far)) as sensor:
            if not sensor.receives():
                cases.check(f"{what}_starts", False, sensor.said())
                return
            sent = link.send_numbered(build, frames, rate)
            code, summary = sensor.end()
        if not cases.check(f"{what}_ends_well", code == 0 and summary, f"exit {code}\n{sensor.said()}"):
            return
        received, lost = summary["packets"], wire.drops(summary)
        cases.check(f"{what}_sent_{sent}_is_received_and_lost_to_the_frame", sent == frames and sent == received + lost,
                    f"sent {sent}, received {received}, lost {lost}: {summary['ports']}")
        # a machine that runs other tests beside this one may stand still for longer than a queue holds
        if must_lose is not None:
            right = lost > 0 if must_lose else lost <= frames // 50
            cases.check(f"{what}_loses_{'some' if must_lose else 'next_to_nothing'}", right, f"{lost} lost")
        records = sum(e["flow"]["pkts_toserver"] + e["flow"]["pkts_toclient"] for e in common.events(eve) if e["event_type"] == "flow")
        cases.check(f"{what}_has_every_packet_in_a_record", records == received, f"{records} in records, {received} received")
        cases.check(f"{what}_keeps_its_books", not common.broken_identities(summary), common.broken_identities(summary))
        cases.check(f"{what}_ends_within_five_seconds", sensor.ended_s <= 5, f"{sensor.ended_s:.2f} s")
        os.remove(eve)


def main(arguments):
    wire.needs("ethtool")
    build = common.start(arguments)
    cases = common.Cases()
    quick = not os.environ.get("YAGURA_LONG")
    with common.scratch() as folder:
        two = ("--workers", "2")
        case(cases, build, folder, "af_packet", "{far}", HELD, FRAMES, (), False)
        case(cases, build, folder, "af_packet_two_workers", "{far}", HELD, FRAMES // (4 if quick else 1), two, False)
        case(cases, build, folder, "af_packet_flooded", "{far}", 0, FRAMES, ("--set", "capture.descriptors=64"), True)
        case(cases, build, folder, "af_xdp", "net_af_xdp0,iface={far}", HELD, FRAMES, (), None)
        case(cases, build, folder, "af_xdp_flooded", "net_af_xdp0,iface={far}", 0, FRAMES, ("--set", "capture.descriptors=2048"), None)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

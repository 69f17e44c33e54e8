#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""attacks_live.py BUILD: attacks sent over a veth pair raise the alerts that a replay of the same file raises.

Kind, target and organisation of every alert that opens are compared, once with the frames at their own pace through net_af_packet and
once through net_af_xdp. Exits 77 where there are no namespaces or no tcpreplay.
"""
import os
import sys

import wire
from wire import common

ATTACKS = ("syn_flood,at=6,for=8,family=4", "udp_flood,at=8,for=8,family=6", "fragment_flood,at=6,for=8,family=4",
           "scan_vertical,at=8,for=10,family=4", "scan_horizontal,at=8,for=10,family=6")
SECONDS = 22


def opened(path):
    """What opened: (kind, target, organisation). What a sensor says of itself on a busy machine is no attack."""
    return {(a["alert"]["context"]["kind"], a["alert"]["context"]["target"], a["alert"]["context"]["org"]["code"])
            for a in wire.alerts(path) if a["alert"]["context"]["state"] == "open" and not a["alert"]["context"]["kind"].startswith("sensor.")}


def main(arguments):
    wire.needs("ethtool", "tcpreplay")
    build = common.start(arguments)
    cases = common.Cases()
    with common.scratch() as folder:
        capture, eve = os.path.join(folder, "attacks.pcap"), os.path.join(folder, "replay.json")
        laid = [word for attack in ATTACKS for word in ("--attack", attack)]
        build.generate(capture, "--seconds", str(SECONDS), "--scale", "0.05", *laid, "day")
        done = build.replay("-c", common.DEMO, "--eve", eve, capture)
        want = opened(eve)
        cases.check("a_replay_opens_an_alert_for_each_attack", done.code == 0 and len(want) >= len(ATTACKS), f"{done.err}\n{want}")
        for port in ("{far}", "net_af_xdp0,iface={far}"):
            name = port.split(",", maxsplit=1)[0].strip("{}0")
            live = os.path.join(folder, name + ".json")
            with wire.Wire() as link, wire.Sensor(build, link, folder, "-c", common.DEMO, "--eve", live, port=port.format(far=link.far)) as sensor:
                if not sensor.receives():
                    cases.check(f"{name}_starts", False, sensor.said())
                    continue
                sent = link.replay(capture, "--timer=gtod")
                code, summary = sensor.end()
            cases.check(f"{name}_ends_well", code == 0 and summary and not common.broken_identities(summary), f"exit {code}\n{sensor.said()}")
            lost = wire.drops(summary) if summary else 0
            found = opened(live)
            cases.check(f"{name}_raises_what_the_replay_raises", sent.code == 0 and found == want,
                        f"missing {want - found}\ntoo many {found - want}\nlost {lost}\n{sent.err}")
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

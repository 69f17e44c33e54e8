#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""dos_struck.py BUILD: the engine is killed with -9 in the middle of attacks, and each of them is still one alert.

Three attacks at once over a veth pair, at their own pace, amid the traffic of a day: SYN from forged sources, UDP over IPv6, and both
vectors on one host. When all are told, in the midst of them, the engine dies; another one receives within five seconds. Each attack was opened once and is
closed once, under the same id, by the engine that came after; nothing else is told but the blind window. What is learned lives in a
snapshot that the supervisor keeps: where the sensor counts such, the second engine has to have it from there. Exits 77 where there
are no namespaces or no tcpreplay.
"""
import collections
import json
import os
import sys
import time

import wire
from wire import common

ATTACK_S, AT = 16, 4
ATTACKS = ("syn_flood,pps=2600,family=4,target=203.0.113.130", "udp_flood,pps=4200,family=6", "multi_vector,pps=4200,family=4")
MIDST_S = AT + 11  # all have to be told by then: five seconds are left
CLEAR_S = 60  # thirty seconds of quiet, and what a busy machine adds


def states(path, state):
    """Counter of (kind, target, id) of what attacks brought about; what the sensor says of itself is left out."""
    with open(path, encoding="utf-8") as lines:  # a flood has a flow record for each packet, which nobody wants parsed
        contexts = [json.loads(line)["alert"]["context"] for line in lines if '"event_type":"alert"' in line[:120] and line.endswith("\n")]
    return collections.Counter((c["kind"], c["target"], c["id"]) for c in contexts if c["state"] == state and not c["kind"].startswith("sensor."))


def wait_told(path, state, count, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until and sum(states(path, state).values()) < count:
        time.sleep(0.5)


def truth(path):
    with open(path, encoding="utf-8") as lines:
        return {(f[0], f[2]) for f in (line.split("\t") for line in lines if not line.startswith("#"))}


def learned(cases, before, after):
    """What the engine counts of its baselines, where it does."""
    counters = after.get("aggregator", {}).get("counters", after.get("aggregator", {}))
    if "baselines.restored" not in counters:
        cases.skip("the_second_engine_knows_what_the_first_had_learned", "this sensor keeps no snapshots")
        return
    had = before.get("aggregator", {}).get("counters", before.get("aggregator", {})).get("baselines.used", 0)
    cases.check("the_second_engine_knows_what_the_first_had_learned", counters["baselines.restored"] > 0 or had == 0,
                f"restored {counters['baselines.restored']}, the first had {had}")


def main(arguments):
    wire.needs("ethtool", "tcpreplay")
    build = common.start(arguments)
    cases = common.Cases()
    with common.scratch() as folder:
        capture, eve, told = (os.path.join(folder, name) for name in ("attacks.pcap", "struck.json", "truth.tsv"))
        laid = [word for attack in ATTACKS for word in ("--attack", f"{attack},at={AT},for={ATTACK_S}")]
        build.generate(capture, "--seconds", str(AT + ATTACK_S + 4), "--scale", "0.05", *laid, "--truth", told, "day")
        options = ("-c", common.DEMO, "--eve", eve, "--set", "spool.folder=" + os.path.join(folder, "spool"))
        with wire.Wire() as link, wire.Sensor(build, link, folder, *options) as sensor:
            if not sensor.receives():
                cases.check("the_sensor_starts", False, sensor.said())
                cases.finish()
            sender = link.replaying(capture, "--timer=gtod")
            wait_told(eve, "open", len(ATTACKS), MIDST_S)
            opened, before, start = states(eve, "open"), sensor.stats(), time.monotonic()
            cases.check("each_attack_is_told_before_the_blow", {(k, t) for k, t, _ in opened} == truth(told), f"{dict(opened)}\n{sensor.said()}")
            sensor.kill("yagura-engine")
            back = sensor.receives(2, 6)
            cases.check("another_engine_receives_within_five_seconds", back and time.monotonic() - start <= 5, f"{time.monotonic() - start:.1f} s")
            sender.wait(60)
            wait_told(eve, "close", len(ATTACKS), CLEAR_S)
            after = sensor.stats()
            code, summary = sensor.end()
        cases.check("it_ends_well", code == 0 and summary and not common.broken_identities(summary), f"exit {code}\n{sensor.said()}")
        cases.check("nothing_is_opened_a_second_time", states(eve, "open") == opened, f"{dict(states(eve, 'open') - opened)}")
        cases.check("each_is_closed_once_and_is_the_one_that_was_opened", states(eve, "close") == opened,
                    f"closed {dict(states(eve, 'close'))}\nopened {dict(opened)}")
        learned(cases, before, after)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

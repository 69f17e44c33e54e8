#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""struck.py BUILD [KILLS]: a live run whose processes are killed with -9 under load, and whose port goes and comes back.

Engine, dissector and courier in turn, KILLS times each (2; 10 with YAGURA_LONG), while a SYN flood on one host and the traffic of a day
go over the wire, with alerts delivered to a Redis of the test's own. Each is back within five seconds; every blind window becomes one
sensor.blind, right to a second; the flood is one alert that opens once; Redis has what the EVE file has, each line once; the books are
kept. Then the interface is deleted and made again: the engine ends after two seconds, another one receives when it is back, and the
window becomes a sensor.blind. Exits 77 where there are no namespaces, no tcpreplay or no redis-server.
"""
import collections
import os
import signal
import sys
import time

import wire
from redis_twice import STREAM, Redis
from wire import common

FLOOD_S = 40
REPLACED = ("yagura-engine", "yagura-dissector", "yagura-courier")


def blind_windows(path):
    return [a["alert"]["context"]["why"]["observed"] for a in wire.alerts(path)
            if a["alert"]["context"]["kind"] == "sensor.blind" and a["alert"]["context"]["state"] == "open"]


def strike(cases, sensor, program, times, receiving):
    """Kills `program` so often. The seconds that passed until the sensor received again, for an engine."""
    windows = []
    for n in range(times):
        time.sleep(1.5)
        start = time.monotonic()
        took = sensor.kill(program)
        back = took is not None
        if back and program == "yagura-engine":
            back = sensor.receives(receiving + n + 1, 10)
            took = time.monotonic() - start
            windows.append(took)
        cases.check(f"{program}_killed_{n + 1}_is_back_within_five_seconds", back and took <= 5, f"{took}\n{sensor.said()[-2000:]}")
    return windows


def same_windows(found, measured):
    return len(found) == len(measured) and all(abs(a - b) <= 1 for a, b in zip(found, measured))


def killed(cases, build, folder, times):
    capture, eve = os.path.join(folder, "flood.pcap"), os.path.join(folder, "struck.json")
    build.generate(capture, "--seconds", str(FLOOD_S + 4), "--scale", "0.05", "--attack", f"syn_flood,at=2,for={FLOOD_S},family=4,pps=3000", "day")
    with Redis(folder, "struck.sock") as redis, wire.Wire() as link:
        redis.start()
        sensor = wire.Sensor(build, link, folder, "-c", common.DEMO, "--eve", eve, "--redis", redis.url, "--set",
                             "spool.folder=" + os.path.join(folder, "spool"))
        with sensor:
            if not sensor.receives():
                cases.check("the_sensor_starts", False, sensor.said())
                return
            sender = link.replaying(capture, "--loop", "100", "--pps=3000", "--pps-multi=30")
            try:
                time.sleep(8)  # until the flood has its alert
                measured = strike(cases, sensor, REPLACED[0], times, 1)
                strike(cases, sensor, REPLACED[1], times, 0)
                strike(cases, sensor, REPLACED[2], times, 0)
                time.sleep(3)
            finally:
                sender.terminate()
                sender.wait(20)
            code, summary = sensor.end()
        delivered = collections.Counter(line for _, line in redis.entries())
    alerts = wire.alerts(eve)
    cases.check("it_ends_well", code == 0 and summary, f"exit {code}\n{sensor.said()}")
    found = blind_windows(eve)
    cases.check("each_blind_window_is_told_right_to_a_second", same_windows(found, measured), f"told {found}\nmeasured {measured}")
    opened = collections.Counter((a["alert"]["context"]["kind"], a["alert"]["context"]["target"]) for a in alerts
                                 if a["alert"]["context"]["state"] == "open" and not a["alert"]["context"]["kind"].startswith("sensor."))
    flood = [n for (kind, _), n in opened.items() if kind == "dos.syn_flood"]
    cases.check("the_flood_is_one_alert_that_opens_once", flood == [1], f"{dict(opened)}")
    lines = collections.Counter(line.rstrip("\n") for line in open(eve, encoding="utf-8") if '"event_type":"alert"' in line)
    twice = [line for line, n in lines.items() if n > 1]
    cases.check("redis_has_each_alert_line_of_the_file_once", lines and delivered == lines and max(lines.values()) == 1,
                f"{STREAM}: {sum(delivered.values())} entries, {sum(lines.values())} lines in the file; twice {twice[:2]}; not in Redis {list((lines - delivered))[:2]}; not in the file {list(delivered - lines)[:2]}")
    cases.check("the_books_are_kept", summary and not common.broken_identities(summary), common.broken_identities(summary))


def port_gone(cases, build, folder):
    eve = os.path.join(folder, "gone.json")
    with wire.Wire() as link, wire.Sensor(build, link, folder, "-c", common.DEMO, "--eve", eve, name="gone") as sensor:
        if not sensor.receives():
            cases.check("the_sensor_starts", False, sensor.said())
            return
        engine = sensor.child("yagura-engine")
        link.send_numbered(build, 1000, 10000)
        start = time.monotonic()
        link.unplug()
        said = sensor.wait_said("a port has gone", 1, 5)
        after = time.monotonic() - start
        cases.check("the_engine_ends_two_seconds_after_its_port", said and 1.9 <= after <= 3.5, f"{after:.2f} s\n{sensor.said()}")
        time.sleep(2.5)
        cases.check("the_run_goes_on_without_it", sensor.process.poll() is None and sensor.child("yagura-courier"), sensor.said())
        link.plug()
        back = sensor.receives(2, 6)
        window = time.monotonic() - start
        cases.check("another_engine_receives_when_it_is_back", back and sensor.child("yagura-engine") != engine, sensor.said())
        sent = link.send_numbered(build, 1000, 10000)
        time.sleep(2)
        code, summary = sensor.end()
    cases.check("it_ends_well_after_a_port_was_gone", code == 0 and summary, f"exit {code}\n{sensor.said()}")
    found = blind_windows(eve)
    cases.check("the_window_without_a_port_is_told_right_to_a_second", same_windows(found, [window]), f"told {found}, measured {window:.1f}")
    cases.check("frames_before_and_after_are_counted", summary and sent == 1000 and summary["packets"] >= 2000, summary and summary["packets"])
    cases.check("the_books_are_kept_without_a_port", not common.broken_identities(summary), common.broken_identities(summary))


def stopped(cases, build, folder):
    """An engine that stands still (SIGSTOP) is found out within two seconds and replaced."""
    eve = os.path.join(folder, "stopped.json")
    with wire.Wire() as link, wire.Sensor(build, link, folder, "-c", common.DEMO, "--eve", eve, name="stopped") as sensor:
        if not sensor.receives():
            cases.check("the_sensor_starts", False, sensor.said())
            return
        start = time.monotonic()
        os.kill(sensor.child("yagura-engine"), signal.SIGSTOP)
        said = sensor.wait_said("has stood still", 1, 5)
        noticed = time.monotonic() - start
        cases.check("an_engine_that_stands_still_is_noticed_within_two_seconds", said and noticed <= 2.2, f"{noticed:.2f} s\n{sensor.said()}")
        back = sensor.receives(2, 6)
        window = time.monotonic() - start
        cases.check("and_replaced_within_five", back and window <= 5, f"{window:.2f} s")
        time.sleep(2)
        code, summary = sensor.end()
    cases.check("it_ends_well_after_it_stood_still", code == 0 and not common.broken_identities(summary), f"exit {code}\n{sensor.said()}")
    found = blind_windows(eve)
    cases.check("the_window_it_stood_still_is_told", same_windows(found, [window]), f"told {found}, measured {window:.1f}")


def main(arguments):
    wire.needs("ethtool", "tcpreplay", "redis-server", "redis-cli")
    build = common.start(arguments)
    times = int(arguments[2]) if len(arguments) > 2 else 10 if os.environ.get("YAGURA_LONG") else 2
    cases = common.Cases()
    with common.scratch() as folder:
        port_gone(cases, build, folder)
        stopped(cases, build, folder)
        killed(cases, build, folder, times)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""struck.py BUILD [KILLS]: a live run whose processes are killed with -9 under load, and whose port goes and comes back.

Engine, dissector, courier and redis-server in turn, KILLS blows in all (8; 50 with YAGURA_LONG), while a SYN flood on one host and the
traffic of a day go over the wire. Each is back within five seconds, a Redis that forgets everything with all that it had; how long it
took is printed. Every blind window becomes one sensor.blind, right to a second; the flood is one alert that opens once; Redis has what the
EVE file has, each line once; the books are kept. A Redis that stands still (5 s; 60 with YAGURA_LONG) costs no packet, and gets
everything when it goes on. Then the interface is deleted and made again: the engine ends after two seconds, another one receives when it is back, and the
window becomes a sensor.blind. Exits 77 where there are no namespaces, no tcpreplay or no redis-server.
"""
import collections
import os
import signal
import struct
import sys
import time

import wire
from redis_twice import STREAM, Redis
from wire import common

FLOOD_S = 40
STRUCK = ("yagura-engine", "yagura-dissector", "yagura-courier", "redis-server")
NUMBERED_PPS, FLOOD_PPS = 5000, 3000


def blind_windows(path):
    return [a["alert"]["context"]["why"]["observed"] for a in wire.alerts(path)
            if a["alert"]["context"]["kind"] == "sensor.blind" and a["alert"]["context"]["state"] == "open"]


def strike_redis(redis):
    """Kills it, and starts another, which knows nothing. Seconds until that has as much as the first had, None when it never does."""
    had, start = redis.ask("XLEN", STREAM) or 0, time.monotonic()
    redis.process.kill()
    redis.process.wait()
    redis.start()
    while time.monotonic() - start < 10:
        if (redis.ask("XLEN", STREAM) or 0) >= had > 0:
            return time.monotonic() - start
        time.sleep(0.01)
    return None


def strike_in_turn(cases, sensor, redis, blows):
    """{program: seconds that it took each time until it was back}; for an engine, until the sensor received again."""
    took, engines = {program: [] for program in STRUCK}, 1
    for n in range(blows):
        program = STRUCK[n % len(STRUCK)]
        time.sleep(0.8 + 0.7 * ((n * 7919) % 10) / 10)
        start = time.monotonic()
        seconds = strike_redis(redis) if program == "redis-server" else sensor.kill(program)
        if seconds is not None and program == "yagura-engine":
            engines += 1
            seconds = time.monotonic() - start if sensor.receives(engines, 10) else None
        cases.check(f"blow_{n + 1}_{program}_is_back_within_five_seconds", seconds is not None and seconds <= 5, f"{seconds}\n{sensor.said()[-2000:]}")
        took[program].append(10 if seconds is None else seconds)
    return took


def print_recovery(took):
    for program, seconds in took.items():
        ordered = sorted(seconds)
        p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99))
        print(f"# {program}: {len(ordered)} kills, back after {p50:.3f} s (p50), {p99:.3f} s (p99), {ordered[-1]:.3f} s (most)")


def same_windows(found, measured):
    return len(found) == len(measured) and all(abs(a - b) <= 1 for a, b in zip(found, measured))


def killed(cases, build, folder, blows):
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
                took = strike_in_turn(cases, sensor, redis, blows)
                measured = took["yagura-engine"]
                print_recovery(took)
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


def frames_of(path):
    """How many frames a pcap file holds."""
    count = 0
    with open(path, "rb") as file:
        order = "<" if file.read(24)[:1] in (b"\xd4", b"\x4d") else ">"
        while header := file.read(16):
            file.seek(struct.unpack(order + "4I", header)[2], os.SEEK_CUR)
            count += 1
    return count


def frozen(cases, build, folder, seconds):
    """Redis takes nothing and says nothing: that is the courier's matter, and the spool's."""
    capture, eve = os.path.join(folder, "frozen.pcap"), os.path.join(folder, "frozen.json")
    build.generate(capture, "--seconds", str(seconds), "--attack", f"syn_flood,at=1,for={seconds - 1},family=4,pps={FLOOD_PPS}", "none")
    with Redis(folder, "frozen.redis") as redis, wire.Wire() as link:
        redis.start()
        options = ("-c", common.DEMO, "--eve", eve, "--redis", redis.url, "--set", "alerts.update=5s", "--set", "spool.folder=" + os.path.join(folder, "cold"))
        with wire.Sensor(build, link, folder, *options, name="frozen") as sensor:
            if not sensor.receives():
                cases.check("the_sensor_starts", False, sensor.said())
                return
            time.sleep(1)
            redis.process.send_signal(signal.SIGSTOP)
            try:
                sender = link.replaying(capture, f"--pps={FLOOD_PPS}")
                sent = link.send_numbered(build, NUMBERED_PPS * seconds, NUMBERED_PPS)
                sender.wait(60)
                before = sensor.stats().get("courier", {})
            finally:
                redis.process.send_signal(signal.SIGCONT)
            sent += frames_of(capture)
            time.sleep(3)
            code, summary = sensor.end()
        delivered = [line for _, line in redis.entries()]
    lines = [line.rstrip("\n") for line in open(eve, encoding="utf-8") if '"event_type":"alert"' in line]
    waited = before.get("counters", before).get("alerts.pending", 0)
    cases.check(f"alerts_wait_while_redis_stands_still_for_{seconds}_s", waited > 0, before)
    cases.check("no_packet_is_lost_meanwhile", summary and wire.drops(summary) == 0 and summary["packets"] == sent,
                f"{summary and summary['packets']} of {sent}, {summary and wire.drops(summary)} lost")
    cases.check("redis_gets_everything_when_it_goes_on", code == 0 and delivered == lines != [], f"exit {code}; {len(delivered)} of {len(lines)}")
    cases.check("the_books_are_kept_while_redis_stood_still", summary and not common.broken_identities(summary), common.broken_identities(summary))
    print(f"# Redis stood still for {seconds} s: {waited} alerts waited, {sent} frames sent, {summary and wire.drops(summary)} lost")


def main(arguments):
    wire.needs("ethtool", "tcpreplay", "redis-server", "redis-cli")
    build = common.start(arguments)
    whole = bool(os.environ.get("YAGURA_LONG"))
    blows = int(arguments[2]) if len(arguments) > 2 else 50 if whole else 8
    cases = common.Cases()
    with common.scratch() as folder:
        port_gone(cases, build, folder)
        stopped(cases, build, folder)
        frozen(cases, build, folder, 60 if whole else 5)
        killed(cases, build, folder, blows)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

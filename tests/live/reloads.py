#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""reloads.py BUILD [TIMES]: a live run takes new configurations under load.

TIMES reloads (40; 200 with YAGURA_LONG) by SIGHUP, each with other values of a detector's option, of alerts and of the dissector's
budget, while numbered frames and a SYN flood go over the wire: what was sent is received and lost to the frame, no more is lost than
without reloads, the flood is one alert that opens once, the books are kept and memory does not grow. A configuration with an error
leaves the old one in force and says where; one that changes what cannot change is refused by name; one that changes a body lets
another engine start, and the window is told. Exits 77 where there are no namespaces or no tcpreplay.
"""
import collections
import os
import re
import shutil
import signal
import sys
import time

import wire
from wire import common

RATE = 20_000
BODIES = os.path.join(os.path.dirname(common.DEMO), "organisations")

def configuration(path, n, extra="", flow="table: 16384", bodies=None, update=None):
    """The demo's, with values that change with n; `bodies`: another folder of organisations."""
    with open(common.DEMO, encoding="utf-8") as demo:
        text = demo.read().replace("[organisations/", "[" + (bodies or BODIES) + "/")
    text += f"\nalerts:\n  update: {update or f'{30 + n % 7}s'}\n  per_minute: {200 + n % 5}\ndissector:\n  packets: {12 + n % 3}\nflow:\n  {flow}\n{extra}"
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


def main(arguments):
    wire.needs("ethtool", "tcpreplay")
    build = common.start(arguments)
    times = int(arguments[2]) if len(arguments) > 2 else 200 if os.environ.get("YAGURA_LONG") else 40
    cases = common.Cases()
    with common.scratch() as folder, wire.Wire() as link:
        os.chmod(folder, 0o777)
        config, eve = os.path.join(folder, "yagura.yaml"), os.path.join(folder, "eve.json")
        configuration(config, 0)
        capture = os.path.join(folder, "flood.pcap")
        build.generate(capture, "--seconds", "64", "--scale", "0.05", "--attack", "syn_flood,at=2,for=60,family=4,pps=3000", "day")
        with wire.Sensor(build, link, folder, "-c", config, "--eve", eve, "--set", "spool.folder=" + os.path.join(folder, "spool")) as sensor:
            if not sensor.receives():
                cases.check("the_sensor_starts", False, sensor.said())
                cases.finish()
            sender = link.replaying(capture, "--loop", "1000", "--pps=3000", "--pps-multi=30")
            time.sleep(6)
            engine, before = sensor.child("yagura-engine"), resident(sensor.child("yagura-engine"))
            taken = 0
            for n in range(1, times + 1):
                configuration(config, n)
                sensor.process.send_signal(signal.SIGHUP)
                taken += sensor.wait_said("yagura: reloaded", n, 5)
            after = resident(engine)
            cases.check(f"{times}_reloads_are_taken", taken == times, sensor.said()[-3000:])
            cases.check("by_the_engine_that_was_there", sensor.child("yagura-engine") == engine, sensor.said()[-3000:])
            cases.check("its_memory_is_flat", after <= before * 1.01 + 1024, f"{before} KiB before, {after} KiB after")
            os.rename(eve, eve + ".1")  # as a log rotation does; even a refused configuration opens the file anew
            configuration(config, 0, flow="tabel: 5")
            sensor.process.send_signal(signal.SIGHUP)
            cases.check("one_with_an_error_is_refused_by_line", sensor.wait_said("stays as it was", 1, 5) and
                        re.search(r"yagura\.yaml:\d+.*tabel", sensor.said()), sensor.said()[-1500:])
            cases.check("a_file_that_was_renamed_is_opened_anew", sensor.wait_said("EVE file: opened anew", 1, 5) and os.path.exists(eve), sensor.said()[-1500:])
            configuration(config, 0, "engine:\n  workers: 2\n")
            sensor.process.send_signal(signal.SIGHUP)
            cases.check("one_that_changes_the_workers_is_refused_by_name", sensor.wait_said("stays as it was", 2, 5) and
                        "engine.workers cannot change" in sensor.said(), sensor.said()[-1500:])
            configuration(config, 0, "spool:\n  size: 2GiB\n")
            sensor.process.send_signal(signal.SIGHUP)
            cases.check("one_that_changes_the_spool_is_refused_by_name", sensor.wait_said("stays as it was", 3, 5) and
                        "spool.size cannot change" in sensor.said(), sensor.said()[-1500:])
            configuration(config, 0, "", update="60s\n  id_key_file: " + config)
            sensor.process.send_signal(signal.SIGHUP)
            cases.check("one_that_changes_the_key_of_ids_is_refused_by_name", sensor.wait_said("stays as it was", 4, 5) and
                        "alerts.id_key_file cannot change" in sensor.said(), sensor.said()[-1500:])
            cases.check("the_run_goes_on", sensor.process.poll() is None and sensor.child("yagura-engine") == engine, "")
            sender.terminate()
            sender.wait(20)
            sent = link.send_numbered(build, RATE, RATE)
            code, summary = sensor.end()
        with open(eve + ".1", "ab") as file, open(eve, "rb") as rest:
            file.write(rest.read())
        os.replace(eve + ".1", eve)
        cases.check("it_ends_well", code == 0 and summary and sent == RATE, f"exit {code}\n{sensor.said()[-3000:]}")
        cases.check("the_books_are_kept", not common.broken_identities(summary), common.broken_identities(summary))
        lost = wire.drops(summary) if summary else -1
        cases.check("no_packet_is_lost", lost == 0, f"{lost} lost of {summary and summary['packets']}")
        opened = collections.Counter(a["alert"]["context"]["kind"] for a in wire.alerts(eve) if a["alert"]["context"]["state"] == "open")
        cases.check("the_flood_is_one_alert_that_opens_once", opened["dos.syn_flood"] == 1 and not opened["sensor.blind"], dict(opened))
        bodies(cases, build, link, folder, config)
    cases.finish()


def bodies(cases, build, link, folder, config):
    """A reload that takes a body away: all after it have other numbers then, and what was counted before must not become another's."""
    eve, fewer = os.path.join(folder, "bodies.json"), os.path.join(folder, "organisations")
    os.mkdir(fewer, 0o755)
    for name in os.listdir(BODIES):
        if name.endswith(".yaml") and name != "kanegaoka.yaml":
            shutil.copy(os.path.join(BODIES, name), fewer)
    configuration(config, 0)
    with wire.Sensor(build, link, folder, "-c", config, "--eve", eve, "--set", "spool.folder=" + os.path.join(folder, "spool-b"), name="bodies") as sensor:
        if not sensor.receives():
            cases.check("the_sensor_starts_again", False, sensor.said())
            return
        link.send_numbered(build, 1000, 10000)
        configuration(config, 0, bodies=fewer)
        sensor.process.send_signal(signal.SIGHUP)
        cases.check("another_engine_starts_where_it_must", sensor.receives(2, 8), sensor.said()[-3000:])
        link.send_numbered(build, 1000, 10000)
        time.sleep(2)
        code, summary = sensor.end()
    cases.check("it_ends_well_after_that", code == 0 and not common.broken_identities(summary), f"exit {code}\n{sensor.said()[-3000:]}")
    told = [a["alert"]["context"]["why"]["observed"] for a in wire.alerts(eve) if a["alert"]["context"]["kind"] == "sensor.blind"
            and a["alert"]["context"]["state"] == "open"]
    cases.check("the_window_is_told", len(told) == 1 and told[0] < 5, told)
    records = sum(e["flow"]["pkts_toserver"] + e["flow"]["pkts_toclient"] for e in common.events(eve) if e["event_type"] == "flow")
    whose = collections.defaultdict(set)
    for event in common.events(eve):
        if event["event_type"] == "flow":
            whose[event["src_ip"]].add(event["ndpi"]["org"]["src"])
    named = [bodies for bodies in whose.values() if bodies - {"", None}]
    cases.check("every_address_keeps_its_body", len(named) > 20 and all(len(bodies) == 1 for bodies in whose.values()),
                {a: b for a, b in whose.items() if len(b) > 1} or dict(whose))
    cases.check("no_record_is_lost_with_the_first_engine", summary and records == summary["packets"], f"{records} of {summary and summary['packets']}")


if __name__ == "__main__":
    main(sys.argv)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""policy_live.py BUILD: what an alert asks of people changes while the sensor runs, and its engine stays.

A flood goes over a wire. With a sensor that is new its alert is in shadow. A reload without shadow days makes it one that pages, at once
and under its id; a reload with a suppression hides it, counts it once, and shows the count to `yagura stats` and to Prometheus; a reload
that takes the suppression away lets it be told again. All by the engine and the detector that began. Exits 77 where there are no namespaces
or no tcpreplay.
"""
import datetime
import os
import signal
import sys
import time

import wire
from wire import common

BODIES = os.path.join(os.path.dirname(common.DEMO), "organisations")
SOON_S = 8


def write(folder, days, hidden):
    """The demo's configuration, with that many days of shadow; the flood is hidden or not."""
    path, today = os.path.join(folder, "yagura.yaml"), datetime.date.today()
    with open(common.DEMO, encoding="utf-8") as demo:
        text = demo.read().replace("[organisations/", "[" + BODIES + "/")
    with open(os.path.join(folder, "hidden.yaml"), "w", encoding="utf-8") as file:
        if hidden:
            file.write(f"- id: flood\n  kind: \"dos.*\"\n  owner: o\n  reason: r\n  since: {today - datetime.timedelta(days=2)}\n"
                       f"  expires: {today + datetime.timedelta(days=2)}\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + f"alerts:\n  shadow_days: {days}\n  update: 5s\nsuppressions: [hidden.yaml]\n")
    return path


def floods(eve):
    return [a for a in wire.alerts(eve) if a["alert"]["context"]["kind"] == "dos.syn_flood"]


def wait(look, seconds=SOON_S):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.1)
    return None


def newest(eve, mode):
    """The last word about the flood, once it has this mode."""
    lines = floods(eve)
    return lines[-1] if lines and lines[-1]["alert"]["context"]["mode"] == mode else None


def hits(sensor):
    return {s["id"]: s["hits"] for s in sensor.stats().get("engine", {}).get("suppressions", [])}


def reload(sensor, times):
    sensor.process.send_signal(signal.SIGHUP)
    return sensor.wait_said("yagura: reloaded", times, 5)


def follow(cases, sensor, folder, eve):
    engine = sensor.child("yagura-engine")
    first = wait(lambda: newest(eve, "shadow"), 15)
    cases.check("what_a_new_detector_says_is_in_shadow", first and first["alert"]["severity"] == 4 and first["alert"]["context"]["sla_minutes"] == 0,
                first or sensor.said())
    write(folder, 0, False)
    taken = reload(sensor, 1)
    told = wait(lambda: newest(eve, "page") or newest(eve, "alert"))
    cases.check("a_reload_without_shadow_days_tells_it_at_once", taken and told and first and told["alert"]["severity"] == 1 and
                told["alert"]["context"]["id"] == first["alert"]["context"]["id"], told or sensor.said())
    write(folder, 0, True)
    taken = reload(sensor, 2)
    counted = wait(lambda: hits(sensor).get("flood") == 1)
    cases.check("a_reload_with_a_suppression_hides_it", taken and counted, f"{hits(sensor)}\n{sensor.said()}")
    shown = 'yagura_suppression_hits_total{index="0",suppression="flood"} 1'
    cases.check("prometheus_sees_the_count", shown in sensor.metrics(), shown)
    time.sleep(1)
    before = len(floods(eve))
    time.sleep(3)  # in which the detector raises it thousands of times
    cases.check("it_counts_once_however_often_it_is_raised", hits(sensor).get("flood") == 1, hits(sensor))
    write(folder, 0, False)
    taken = reload(sensor, 3)
    again = wait(lambda: floods(eve)[before:])
    cases.check("a_reload_without_it_tells_it_again", taken and again, f"{before} lines before\n{sensor.said()}")
    cases.check("by_the_engine_that_was_there", sensor.child("yagura-engine") == engine and "another engine" not in sensor.said(), sensor.said())


def main(arguments):
    wire.needs("ethtool", "tcpreplay")
    build = common.start(arguments)
    cases = common.Cases()
    with common.scratch() as folder, wire.Wire() as link:
        os.chmod(folder, 0o777)
        eve, capture = os.path.join(folder, "eve.json"), os.path.join(folder, "flood.pcap")
        config = write(folder, 14, False)
        build.generate(capture, "--seconds", "12", "--scale", "0.02", "--attack", "syn_flood,at=1,for=11,family=4,pps=3000", "day")
        with wire.Sensor(build, link, folder, "-c", config, "--eve", eve, "--set", "spool.folder=" + os.path.join(folder, "spool")) as sensor:
            if not sensor.receives():
                cases.check("the_sensor_starts", False, sensor.said())
                cases.finish()
            sender = link.replaying(capture, "--loop", "100", "--pps=4000", "--pps-multi=40")
            follow(cases, sensor, folder, eve)
            sender.terminate()
            sender.wait(20)
            code, summary = sensor.end()
        cases.check("the_books_are_kept", code == 0 and summary and not common.broken_identities(summary),
                    f"exit {code}\n{common.broken_identities(summary)}\n{sensor.said()[-2000:]}")
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

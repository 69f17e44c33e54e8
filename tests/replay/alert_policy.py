#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""alert_policy.py BUILD: suppressions and modes of a configuration, through whole replays of a generated flood.

A suppression of the flood's victim hides it, counts it once and closes the books, with one, two and four workers alike. One that expires
in the middle of the flood lets it be told from that second on. The mode follows the body's own rule before that of all; what a rule puts
into shadow goes out with EVE's lowest severity. `yagura check` says of an expired one what to do.
"""
import datetime
import os
import shutil
import sys

import common
from attacks import epoch, truth

AT, LENGTH, PPS = 40, 30, 2000  # the flood passes a full minute
BODIES = os.path.join(os.path.dirname(common.DEMO), "organisations")


def local(seconds):
    """As a suppression file has it, in the zone of the sensor."""
    zone = datetime.timezone(datetime.timedelta(hours=9))
    return datetime.datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M")


def entry(name, **fields):
    lines = dict(owner="o", reason="r", since="2026-06-01", expires="2026-06-30", **fields) if "since" not in fields else dict(
        owner="o", reason="r", **fields)
    return f"- id: {name}\n" + "".join(f'  {key}: "{value}"\n' for key, value in lines.items())


class Sensor:
    """The demo's configuration in a folder of its own, with more beside it."""

    def __init__(self, build, folder, capture):
        self.build, self.folder, self.capture = build, folder, capture
        self.bodies = os.path.join(folder, "organisations")
        shutil.copytree(BODIES, self.bodies)
        with open(common.DEMO, encoding="utf-8") as demo:
            self.demo = demo.read()

    def write(self, more="", hidden="", body=None, of_body=""):
        shutil.rmtree(self.bodies)
        shutil.copytree(BODIES, self.bodies)
        if body:
            with open(os.path.join(self.bodies, body + ".yaml"), "a", encoding="utf-8") as file:
                file.write(of_body)
        with open(os.path.join(self.folder, "hidden.yaml"), "w", encoding="utf-8") as file:
            file.write(hidden)
        with open(self.path(), "w", encoding="utf-8") as file:
            file.write(self.demo + more + "\nsuppressions: [hidden.yaml]\n")

    def path(self):
        return os.path.join(self.folder, "yagura.yaml")

    def run(self, workers=1):
        """The summary, the alert lines, what was said."""
        eve = os.path.join(self.folder, "eve.json")
        done = self.build.replay("-c", self.path(), "--eve", eve, "--json", "--set", "eve.flows=false", "--workers", str(workers), self.capture)
        alerts = [e for e in common.events(eve) if e["event_type"] == "alert"] if os.path.exists(eve) else []
        if os.path.exists(eve):
            os.remove(eve)
        return common.read_json(done.out), alerts, done.err


def contexts(alerts, state="open"):
    return [a["alert"]["context"] for a in alerts if a["alert"]["context"]["state"] == state]


def suppressed(cases, sensor, attack):
    sensor.write(hidden=entry("flood", kind="dos.*", target=attack.target) + entry("other", kind="dos.*", port=81))
    for workers in (1, 2, 4):
        summary, alerts, said = sensor.run(workers)
        hits = {s["id"]: s["hits"] for s in summary["suppressions"]} if summary else {}
        good = summary and not alerts and not common.broken_identities(summary) and hits == {"flood": 1, "other": 0}
        cases.check(f"a_suppressed_flood_is_counted_once_with_{workers}_workers", good and "suppression flood (o: r) hid 1 alert\n" in said,
                    f"{hits}\n{contexts(alerts)}\n{common.broken_identities(summary)}\n{said}")


def expiring(cases, sensor, attack):
    end = int(attack.start // 60 + 1) * 60
    sensor.write(hidden=entry("flood", kind=attack.kind, since=local(end - 86400), expires=local(end)))
    summary, alerts, said = sensor.run()
    opened = contexts(alerts)
    first = [epoch(a["timestamp"]) for a in alerts[:1]]
    cases.check("what_goes_on_when_its_suppression_expires_is_told_at_once", len(opened) == 1 and first and end <= first[0] <= end + 3,
                f"{opened}\nopened {first}, expired {end}\n{said}")
    cases.check("and_the_books_are_kept", summary and not common.broken_identities(summary), common.broken_identities(summary))


def modes(cases, sensor, attack):
    plain = contexts(sensor_run(sensor, ""))
    wanted = "page" if plain and plain[0]["severity"] == "high" and plain[0]["confidence"] >= 0.5 else "alert"
    minutes = {"page": 15, "alert": 60}[wanted]
    cases.check("without_a_rule_severity_and_confidence_decide", len(plain) == 1 and (plain[0]["mode"], plain[0]["sla_minutes"]) == (wanted, minutes), plain)
    ruled = contexts(sensor_run(sensor, 'modes: {"dos.*": digest}\n'))
    cases.check("a_rule_for_all_lowers", len(ruled) == 1 and (ruled[0]["mode"], ruled[0]["sla_minutes"]) == ("digest", 0), ruled)
    own = contexts(sensor_run(sensor, f"modes: {{{attack.kind}: digest}}\n", attack.organisation, '\nmodes: {"*": page}\n'))
    cases.check("that_of_the_body_goes_before_it", len(own) == 1 and (own[0]["mode"], own[0]["sla_minutes"]) == ("page", 15), own)
    alerts = sensor_run(sensor, f"modes: {{{attack.kind}: shadow}}\n")
    shadow = contexts(alerts)
    good = len(shadow) == 1 and shadow[0]["mode"] == "shadow" and {a["alert"]["severity"] for a in alerts} == {4}
    cases.check("what_is_in_shadow_goes_out_with_the_lowest_severity", good and shadow[0]["severity"] == plain[0]["severity"], alerts[:1])


def sensor_run(sensor, more, body=None, of_body=""):
    sensor.write(more, body=body, of_body=of_body)
    return sensor.run()[1]


def check_says(cases, sensor):
    sensor.write(hidden=entry("old", kind="dos.*", since="2025-01-01", expires="2025-01-31"))
    done = sensor.build.yagura("check", "-c", sensor.path())
    cases.check("check_warns_of_what_has_expired_and_says_what_to_do", done.code == 0 and
                "hidden.yaml:6:" in done.err and "'old' of o has expired and hides nothing; remove it, or renew" in done.err, done.err + done.out)
    sensor.write(hidden=entry("wide"))
    done = sensor.build.yagura("check", "-c", sensor.path())
    cases.check("check_refuses_what_hides_everything", done.code == 78 and "'wide' would hide every alert" in done.err, done.err)


def main(arguments):
    build = common.start(arguments)
    cases = common.Cases()
    with common.scratch() as folder:
        capture, told = os.path.join(folder, "flood.pcap"), os.path.join(folder, "truth.tsv")
        build.generate(capture, "--seconds", str(AT + LENGTH + 5), "--scale", "0.02", "--attack", f"syn_flood,at={AT},family=4,for={LENGTH},pps={PPS}",
                       "--truth", told, "day")
        attack, sensor = truth(told), Sensor(build, folder, capture)
        suppressed(cases, sensor, attack)
        expiring(cases, sensor, attack)
        modes(cases, sensor, attack)
        check_says(cases, sensor)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

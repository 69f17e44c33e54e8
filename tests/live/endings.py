#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""endings.py BUILD: a live run ends within five seconds whatever state it is in, and is reloaded in the worst moments.

It is asked to end while Redis is away with alerts waiting, while a port is gone, right after its engine was killed, and while engine,
courier or dissector stand still. A configuration that comes while an engine is being started is in force when it runs; one that an engine
was sent and did not take is not taken by the next one; one whose EVE file cannot be opened is refused; one that comes while no engine runs
does not strike the next one down. A starter that answers late is not asked for a second engine. Exits 77 where there are no namespaces.
"""
import os
import signal
import sys
import time

import wire
from wire import common

TABLE = "flow:\n  table: 32768\n"
SILENCE = "mirror:\n  silence: 2s\n"


def configuration(path, extra=""):
    with open(common.DEMO, encoding="utf-8") as demo:
        text = demo.read().replace("[organisations/", "[" + os.path.join(os.path.dirname(common.DEMO), "organisations") + "/")
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(f"{text}\n{extra}")
    os.rename(path + ".new", path)


class Stage:
    """A wire and a sensor on it that receives."""

    def __init__(self, build, folder, name, *options):
        self.build, self.name, self.wire = build, name, wire.Wire()
        self.config, self.eve = os.path.join(folder, name + ".yaml"), os.path.join(folder, name + ".json")
        self.arguments = (folder, "-c", self.config, "--eve", self.eve, "--set", "control.socket=", "--set", "metrics.listen=", *options)

    def __enter__(self):
        configuration(self.config)
        self.wire.__enter__()
        self.sensor = wire.Sensor(self.build, self.wire, *self.arguments, name=self.name)
        self.sensor.receives()
        self.wire.send_numbered(self.build, 1000, 10000)
        return self

    def __exit__(self, *_):
        self.sensor.__exit__()
        self.wire.__exit__()

    def reload(self, extra):
        configuration(self.config, extra)
        self.sensor.process.send_signal(signal.SIGHUP)

    def kinds(self):
        return [a["alert"]["context"]["kind"] for a in wire.alerts(self.eve)]

    def ends(self, cases, status=0):
        code, summary = self.sensor.end()
        cases.check(f"{self.name}_ends_within_five_seconds", code == status and self.sensor.ended_s <= 5,
                    f"exit {code} after {self.sensor.ended_s:.2f} s\n{self.sensor.said()[-2000:]}")
        cases.check(f"{self.name}_keeps_its_books", summary and not common.broken_identities(summary),
                    common.broken_identities(summary) if summary else "no summary")


def endings(cases, build, folder):
    with Stage(build, folder, "redis_away", "--redis", "unix://" + os.path.join(folder, "nobody.sock")) as stage:
        stage.sensor.kill("yagura-engine")  # its blind window is an alert that waits
        stage.sensor.receives(2)
        time.sleep(2)
        stage.ends(cases, 69)
    with Stage(build, folder, "port_gone") as stage:
        stage.wire.unplug()
        stage.sensor.wait_said("a port has gone", 1, 6)
        time.sleep(1.5)
        stage.ends(cases)
        cases.check("port_gone_does_not_wait_for_what_cannot_come", stage.sensor.ended_s < 2.5, f"{stage.sensor.ended_s:.2f} s")
    with Stage(build, folder, "engine_killed") as stage:
        os.kill(stage.sensor.child("yagura-engine"), signal.SIGKILL)
        stage.ends(cases)
    for program in ("yagura-engine", "yagura-courier", "yagura-dissector"):
        with Stage(build, folder, program.split("-")[1] + "_stopped") as stage:
            os.kill(stage.sensor.child(program), signal.SIGSTOP)
            stage.ends(cases)


def reloads(cases, build, folder):
    with Stage(build, folder, "while_starting") as stage:
        before = stage.sensor.child("yagura-engine")
        stage.reload(TABLE)
        until = time.monotonic() + 8
        while stage.sensor.child("yagura-engine") in (before, None) and time.monotonic() < until:
            time.sleep(0.002)
        stage.reload(TABLE + SILENCE)
        stage.sensor.receives(2)
        time.sleep(5)
        cases.check("what_comes_while_an_engine_starts_is_in_force", "sensor.silent" in stage.kinds(), f"{stage.kinds()}\n{stage.sensor.said()}")
    with Stage(build, folder, "not_taken") as stage:
        os.kill(stage.sensor.child("yagura-engine"), signal.SIGSTOP)
        stage.reload(SILENCE)
        refused = stage.sensor.wait_said("stays as it was", 1, 6)
        stage.sensor.receives(2)
        time.sleep(5)
        cases.check("what_was_not_taken_is_not_taken_later", refused and "sensor.silent" not in stage.kinds(), f"{stage.kinds()}\n{stage.sensor.said()}")
        stage.reload("eve:\n  file: /nonexistent/eve.json\n")  # --eve says otherwise, so this one is taken
        cases.check("it_can_be_reloaded_then", stage.sensor.wait_said("yagura: reloaded", 1, 6), stage.sensor.said())
    with Stage(build, folder, "no_engine") as stage:
        for n in (2, 3):  # the second does not last, so the third is not started at once
            os.kill(stage.sensor.child("yagura-engine"), signal.SIGKILL)
            if n == 2:
                stage.sensor.receives(n)
        until = time.monotonic() + 3
        while stage.sensor.child("yagura-engine") and time.monotonic() < until:
            time.sleep(0.002)
        stage.reload(TABLE)
        stage.sensor.receives(3)
        engine = stage.sensor.child("yagura-engine")
        time.sleep(5)
        cases.check("what_comes_without_an_engine_does_not_strike_the_next", engine and stage.sensor.child("yagura-engine") == engine, stage.sensor.said())


def file_refused(cases, build, folder):
    with wire.Wire() as link:
        config = os.path.join(folder, "file.yaml")
        configuration(config)
        with wire.Sensor(build, link, folder, "-c", config, "--set", "control.socket=", "--set", "metrics.listen=", name="file") as sensor:
            sensor.receives()
            courier = sensor.child("yagura-courier")
            configuration(config, "eve:\n  file: /nonexistent/eve.json\n")
            sensor.process.send_signal(signal.SIGHUP)
            refused = sensor.wait_said("stays as it was", 1, 6)
            cases.check("a_file_that_cannot_be_opened_is_refused", refused and sensor.child("yagura-courier") == courier, sensor.said())


def late_starter(cases, build, folder):
    with Stage(build, folder, "late_starter") as stage:
        pid, found = stage.sensor.process.pid, []

        def children(name):
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as below:
                pids = [int(p) for p in below.read().split()]
            return [p for p in pids if open(f"/proc/{p}/comm", encoding="utf-8").read().strip() == name]
        starter = children("yagura-starter")
        if not starter:
            cases.skip("a_late_starter_is_not_asked_twice", "no starter here")
            return
        os.kill(starter[0], signal.SIGSTOP)
        os.kill(stage.sensor.child("yagura-engine"), signal.SIGKILL)
        stage.sensor.wait_said("timed out", 1, 10)
        time.sleep(1.5)
        os.kill(starter[0], signal.SIGCONT)
        stage.sensor.receives(2)
        time.sleep(2)
        found = children("yagura-engine")
        cases.check("a_late_starter_is_not_asked_twice", len(found) == 1, f"{found}\n{stage.sensor.said()}")
        stage.ends(cases)


def main(arguments):
    wire.needs("ethtool")
    build = common.start(arguments)
    cases = common.Cases()
    with common.scratch() as folder:
        os.chmod(folder, 0o777)
        endings(cases, build, folder)
        reloads(cases, build, folder)
        file_refused(cases, build, folder)
        late_starter(cases, build, folder)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

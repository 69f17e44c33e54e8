#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""A courier that is killed with -9 again and again, a disk that is full, and both at once: no line is lost without being counted.

usage: courier_loop.py BUILD [KILLS]

Proves: after twenty kills at random moments the EVE file holds each line once, as if nothing had happened, the counters say so, the
identities hold and the exit status is 0; while alerts wait for a Redis that never comes, a kill repeats no line either; a disk that
is full from the beginning, or from some moment on, makes exit 69, and what is in the file and what is said to be lost are together
all lines, each line in the file a whole one; the same holds when the courier is killed while the disk is full.

A capture goes into the sensor's standard input over and over, so that the courier is certain to be at work when it is struck. Then
the same bytes, as often, go through a sensor that is left alone. A full disk is a limit on the size of files that the courier alone
is given (prlimit), which needs no privilege; and /dev/full.
"""
import collections
import hashlib
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import common  # noqa: E402
import dissector_loop as loop  # noqa: E402

KILLS = 20
DISK = 3_000_000  # bytes that fit on the disk that is full: some thousand lines, and inside one of them
WAIT_S = 30


class Sensor:
    """A replay of a capture that goes on until it is told to end. What blow it gets is the caller's business."""

    def __init__(self, build, path, eve, *options, rounds=None):
        self.eve, self.blows = eve, 0
        self.errors = open(eve + ".err", "w+b")
        self.process = subprocess.Popen(
            [build.path("yagura"), "replay", "--progress", "none", "--json", "-c", common.DEMO, "--eve", eve, *options, "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
        self.feeder = loop.Feeder(path, self.process.stdin, rounds)
        self.feeder.start()

    def courier(self, other_than=None):
        """The pid of a courier that has become one; None when none comes."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until and self.process.poll() is None:
            for pid in loop.children(self.process.pid):
                if pid != other_than and loop.program(pid) == "yagura-courier":
                    return pid
            time.sleep(0.001)
        return None

    def wait_bytes(self, count):
        """Until the EVE file is so long. False when it never is."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until and self.process.poll() is None:
            if os.path.exists(self.eve) and os.path.getsize(self.eve) >= count:
                return True
            time.sleep(0.002)
        return False

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)
        self.blows += 1

    def end(self):
        """What the replay has come to, once its input has ended: a common.Run."""
        self.feeder.enough.set()
        try:
            out = loop.communicate(self.process, self.feeder)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out = ""
        self.errors.seek(0)
        with self.errors:
            return common.Run(self.process.returncode, out, self.errors.read().decode(errors="replace"))


class Lines:
    """What is in an EVE file: a multiset of the digests of its lines, since many megabytes are compared."""

    def __init__(self, path=None):
        self.found, self.alerts = collections.Counter(), 0
        if path is None or not os.path.exists(path):
            return
        with open(path, "rb") as file:
            for line in file:  # the last one is without its end, when it is cut
                self.found[hashlib.blake2b(line, digest_size=12).digest()] += 1
                self.alerts += b'"event_type":"alert"' in line[:120]

    def __len__(self):
        return self.found.total()

    def beyond(self, other):
        """How many lines are here and not there: not whole, or here more often."""
        return (self.found - other.found).total()


def sound_lines(build, folder, path, rounds, *options):
    """The lines of the same input, left alone."""
    eve = os.path.join(folder, "sound.json")
    if os.path.exists(eve):
        os.remove(eve)
    done = Sensor(build, path, eve, *options, rounds=rounds).end()
    return Lines(eve if done.code == 0 else None)


def says(lines_lost, done):
    """The number that the sensor says on standard error, of all couriers that spoke."""
    said = sum(int(n) for n in re.findall(r"(\d+) lines were not written to the EVE file", done.err))
    return 0 < said <= lines_lost


def check_counts(cases, name, done, code, lines, sound):
    """The numbers of a run against what is in its file and what should be."""
    summary = common.read_json(done.out)
    if not cases.check(f"{name}_exits_{code}", done.code == code and summary, f"exit {done.code}\n{done.err}"):
        return None
    courier = summary["courier"]
    broken = common.broken_identities(summary)
    cases.check(f"{name}_the_identities_hold", not broken, "\n".join(broken))
    cases.check(f"{name}_counts_the_lines_that_are_in_the_file", courier["eve.lines"] == len(lines) > 100, f"{len(lines)}: {courier}")
    cases.check(f"{name}_what_is_written_and_what_is_lost_is_everything",
                courier["eve.lines"] + courier["eve.errors"] == len(sound) > 0, f"{len(sound)}: {courier}")
    cases.check(f"{name}_has_read_every_flow_record",
                courier["flows.read"] == summary["aggregator"]["records.written"] + summary["aggregator"]["records.updates"], courier)
    cases.check(f"{name}_has_no_line_that_is_not_whole_or_there_twice", lines.beyond(sound) == 0, f"{lines.beyond(sound)} of {len(lines)}")
    return courier


def killed(cases, build, folder, path, kills):
    name, dice = "killed", random.Random(kills)
    sensor, last = Sensor(build, path, os.path.join(folder, name + ".json")), None
    for _ in range(kills):
        last = sensor.courier(last)
        time.sleep(dice.uniform(0.002, 0.04))
        if last is None:
            break
        sensor.kill(last)
    done, lines = sensor.end(), Lines(sensor.eve)
    sound = sound_lines(build, folder, path, sensor.feeder.done)
    started = done.err.count("yagura-courier ended (signal 9); starting it again")
    cases.check(f"{name}_each_of_{kills}_couriers_has_a_successor", sensor.blows == started == kills, f"{sensor.blows}, {started}")
    courier = check_counts(cases, name, done, 0, lines, sound)
    cases.check(f"{name}_the_file_is_that_of_a_sensor_left_alone", lines.found == sound.found, f"{len(lines)}, {len(sound)}")
    cases.check(f"{name}_delivers_each_alert_once", courier and courier["alerts.delivered"] == sound.alerts > 0, courier)
    print(f"# {name}: {sensor.feeder.done} rounds, {len(lines)} lines")


def killed_while_redis_is_away(cases, build, folder, path):
    """Alerts stay in the ring for Redis, and their lines are in the file long since: nothing may be there twice."""
    name, away = "redis_is_away", ("--redis", "unix://" + os.path.join(folder, "nobody.sock"), "--set", "redis.drain=1s")
    sensor, last = Sensor(build, path, os.path.join(folder, name + ".json"), *away), None
    for size in (1 << 20, 1 << 24, 3 << 23):
        last = sensor.courier(last)
        if last and sensor.wait_bytes(size):
            sensor.kill(last)
    done, lines = sensor.end(), Lines(sensor.eve)
    sound = sound_lines(build, folder, path, sensor.feeder.done)
    cases.check(f"{name}_three_couriers_are_killed", sensor.blows == 3, sensor.blows)
    courier = check_counts(cases, name, done, 69, lines, sound)
    cases.check(f"{name}_the_file_is_that_of_a_sensor_left_alone", lines.found == sound.found, f"{len(lines)}, {len(sound)}")
    cases.check(f"{name}_all_alerts_are_pending", courier and courier["alerts.pending"] == sound.alerts > 0, courier)


def disk_full_from_the_beginning(cases, build, folder, path):
    eve = os.path.join(folder, "sound_once.json")
    build.replay("-c", common.DEMO, "--eve", eve, path)
    total = len(Lines(eve))
    done = build.replay("-c", common.DEMO, "--json", "--eve", "/dev/full", path)
    summary = common.read_json(done.out)
    cases.check("a_full_disk_exits_69", done.code == 69 and summary, f"exit {done.code}\n{done.err}")
    lost = summary["courier"]["eve.errors"] if summary else 0
    cases.check("a_full_disk_counts_every_line_as_lost", lost == total > 0, f"{lost} of {total}")
    cases.check("a_full_disk_is_named_on_standard_error", "No space left on device" in done.err and says(lost, done), done.err)
    for language, env, words in (("english", {"LC_ALL": "C.UTF-8"}, f"{total} lines could not be written to the EVE file"),
                                 ("japanese", {"LANG": "ja_JP.UTF-8"}, f"EVEファイルに書き込めなかった行: {total}行")):
        said = build.replay("-c", common.DEMO, "--eve", "/dev/full", path, env=env)
        cases.check(f"a_full_disk_is_in_the_{language}_summary", said.code == 69 and words in said.out, said.out[-300:])


def disk_full_without_alerts(cases, build, folder, path):
    """Nothing but flow records is lost: alerts that wait make the same exit status, and must not be the only reason for it."""
    sound = build.replay("--json", "--eve", os.path.join(folder, "calm.json"), path)
    done = build.replay("--json", "--eve", "/dev/full", path)
    before, summary = common.read_json(sound.out), common.read_json(done.out)
    calm = sound.code == 0 and before and before["courier"]["alerts.read"] == 0
    cases.check("lost_flow_records_alone_exit_69", calm and done.code == 69, f"exit {sound.code}, {done.code}\n{done.err}")
    counted = summary and summary["courier"]["eve.errors"] == before["courier"]["eve.lines"] > 100
    cases.check("lost_flow_records_alone_are_counted", counted and not common.broken_identities(summary), summary and summary["courier"])


def disk_full_later(cases, build, folder, path, name, kill):
    sensor = Sensor(build, path, os.path.join(folder, name + ".json"))
    pid = sensor.courier()
    limited = pid is not None and sensor.wait_bytes(1)
    if limited:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (DISK, DISK))
        sensor.wait_bytes(DISK)
        time.sleep(0.2)
    if limited and kill:
        sensor.kill(pid)
        sensor.courier(pid)
        time.sleep(0.2)
    done, lines = sensor.end(), Lines(sensor.eve)
    sound = sound_lines(build, folder, path, sensor.feeder.done)
    courier = check_counts(cases, name, done, 69, lines, sound)
    lost = courier["eve.errors"] if courier else 0
    cases.check(f"{name}_the_disk_was_full", "EVE file: File too large; trying again" in done.err, done.err)
    cases.check(f"{name}_says_on_standard_error_that_lines_are_lost", says(lost, done), f"{lost}\n{done.err}")
    print(f"# {name}: {len(lines)} lines in the file, {lost} lost, of {len(sound)}")


def main(arguments):
    build = common.start(arguments)
    kills = int(arguments[2]) if len(arguments) > 2 else KILLS
    cases = common.Cases()
    with common.scratch() as folder:
        attacks = ("--attack", "syn_flood,at=15,for=5,pps=1000,family=4", "--attack", "scan_vertical,at=5")
        path = build.generate(os.path.join(folder, "day.pcap"), "--seconds", "30", *attacks, "day")
        killed(cases, build, folder, path, kills)
        killed_while_redis_is_away(cases, build, folder, path)
        disk_full_from_the_beginning(cases, build, folder, path)
        calm = build.generate(os.path.join(folder, "calm.pcap"), "--seconds", "30", "day")
        disk_full_without_alerts(cases, build, folder, calm)
        disk_full_later(cases, build, folder, path, "disk_full_later", False)
        disk_full_later(cases, build, folder, path, "disk_full_and_killed", True)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

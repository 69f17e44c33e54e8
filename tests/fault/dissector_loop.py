#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""A hundred crashes and ten hangs of the dissector cost the engine no packet and change no alert of dos or scan.

usage: dissector_loop.py BUILD [CRASHES HANGS]

A capture goes into the sensor's standard input over and over, without end, until the last blow has been dealt: the worker of
the dissector gets SIGSEGV or SIGSTOP at random moments. Then the same bytes, as often, go through a sensor that is left
alone, and both must say the same. A packet time that steps back is what the sensor is built for, so nothing is rewritten.

How long dissecting was away is the time from the signal, by this script's clock, to the ready_ns of the restart that the
summary lists; both are CLOCK_MONOTONIC. The median and four in five must lie within the limits below. The slowest is printed and
not judged: on a machine that others keep busy it measures their claims on the processor, and a worker that is stopped while
nothing waits for it counts as hung only from the next piece of work on.
"""
import collections
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import common  # noqa: E402

CRASHES, HANGS = 100, 10
CRASH_LIMIT_MS, HANG_LIMIT_MS = 10.0, 110.0
SLOW_SHARE = 0.2  # that may be slower
AT_WORK_NS = 5_000_000  # of processor time: it has started long since
PCAP_HEADER = 24
CHUNK = 1 << 18
ATTACKS = ["syn_flood_small,at=20,for=40", "udp_flood,at=70,for=5", "scan_vertical,at=30", "scan_horizontal_inside,at=40",
           "fragment_flood,at=90,for=5,family=6"]
CRASH, HANG = 1, 2  # enum yg_restart_cause


class Feeder(threading.Thread):
    """Writes a capture into a pipe again and again, whole, until told to end (or `rounds` times)."""

    def __init__(self, path, pipe, rounds=None):
        super().__init__(daemon=True)
        with open(path, "rb") as f:
            self.content = f.read()
        self.pipe, self.rounds, self.enough, self.done, self.error = pipe, rounds, threading.Event(), 0, None

    def run(self):
        try:
            self.pipe.write(self.content[:PCAP_HEADER])
            while not self.enough.is_set() if self.rounds is None else self.done < self.rounds:
                for at in range(PCAP_HEADER, len(self.content), CHUNK):
                    self.pipe.write(self.content[at:at + CHUNK])
                self.done += 1
            self.pipe.close()
        except OSError as error:
            self.error = error


Blow = collections.namedtuple("Blow", "number at")


def processor_time(pid):
    """Nanoseconds for which a process has run."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def program(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


def worker_of(yagura):
    """The dissector's worker: the child of the zygote, which is a child of the command line."""
    for zygote in children(yagura):
        if program(zygote) == "yagura-dissector":
            return next(iter(children(zygote)), None)
    return None


def worker_at_work(yagura, old):
    """The pid of a worker other than the old one that has run for long enough to be reading; None when none comes."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        pid = worker_of(yagura)
        if pid and pid != old and processor_time(pid) > AT_WORK_NS:
            return pid
        time.sleep(0.002)
    return None


def strike(yagura, signals, dice):
    """Deals the blows; returns them and a sentence when it could not."""
    dealt, last = [], None
    for number in signals:
        pid = worker_at_work(yagura, last)
        if pid is None:
            return dealt, f"no worker after {len(dealt)} blows"
        time.sleep(dice.uniform(0.0, 0.06))
        if worker_of(yagura) != pid:
            return dealt, f"worker {pid} died by itself"
        dealt.append(Blow(number, time.monotonic_ns()))
        os.kill(pid, number)
        last = pid
    return dealt, "" if worker_at_work(yagura, last) else "no worker after the last blow"


def replay(build, path, eve, options, signals=None, rounds=None):
    """One run over a pipe. Returns (summary, rounds, blows dealt, sentence)."""
    command = [build.path("yagura"), "replay", "--progress", "none", "--json", "--set", "eve.flows=false", "--eve", eve, *options, "-"]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    if os.path.exists(eve):
        os.remove(eve)  # a sensor appends, and another case's alerts must not be compared with this one's
    with open(eve + ".err", "wb") as errors, subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment) as sensor:
        feeder = Feeder(path, sensor.stdin, rounds)
        feeder.start()
        dealt, wrong = [], ""
        if signals is not None:
            dealt, wrong = strike(sensor.pid, signals, random.Random(len(signals)))
            feeder.enough.set()
        try:
            out = communicate(sensor, feeder)
        except subprocess.TimeoutExpired:
            sensor.kill()
            return None, feeder.done, dealt, f"{wrong}, no end after 240 s"
    summary = common.read_json(out)
    if sensor.returncode != 0 or summary is None or feeder.error:
        with open(eve + ".err", encoding="utf-8", errors="replace") as said:
            wrong = f"{wrong} exit {sensor.returncode}, {feeder.error}: {said.read()[:500]}"
    return summary, feeder.done, dealt, wrong


def communicate(sensor, feeder):
    """What it prints, once its input has ended. The summary may be larger than a pipe holds, so it is read meanwhile."""
    out = []
    reader = threading.Thread(target=lambda: out.append(sensor.stdout.read()), daemon=True)
    reader.start()
    feeder.join(120)
    sensor.wait(120)
    reader.join(10)
    return (out[0] if out else b"").decode("utf-8", "replace")


def alerts(eve):
    """Dos and scan alerts, sorted; without the number that each has in its run, in which a death has alerts of its own."""
    with open(eve, encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines if '"event_type":"alert"' in line]
    for alert in found:
        del alert["alert"]["context"]["sequence"]
    return sorted(json.dumps(a) for a in found if a["alert"]["context"]["kind"].startswith(("dos.", "scan.")))


def check_times(cases, name, summary, dealt):
    restarts = summary["dissector"]["restarts"]
    exact = len(restarts) == len(dealt) == summary["dissector"]["restarts_count"]
    if not cases.check(f"{name}_each_blow_is_one_restart", exact, f"{len(dealt)} blows, {len(restarts)} restarts"):
        return
    for number, cause, limit, word in ((signal.SIGSEGV, CRASH, CRASH_LIMIT_MS, "crash"), (signal.SIGSTOP, HANG, HANG_LIMIT_MS, "hang")):
        pairs = [(blow, r) for blow, r in zip(dealt, restarts) if blow.number == number]
        if not pairs:
            continue
        causes = {r["cause"] for _, r in pairs}
        away = [(r["ready_ns"] - blow.at) / 1e6 for blow, r in pairs]
        slow = sum(a > limit for a in away)
        print(f"# {name}: back after a {word}: {len(away)} times, median {statistics.median(away):.2f} ms, max {max(away):.2f} ms, "
              f"{slow} past {limit:.0f} ms")
        cases.check(f"{name}_after_a_{word}_the_cause_is_told", causes == {cause}, causes)
        cases.check(f"{name}_after_a_{word}_dissecting_is_back_within_{limit:.0f}_ms",
                    min(away) > 0 and statistics.median(away) <= limit and slow <= len(away) * SLOW_SHARE,
                    sorted(round(a, 2) for a in away))


def run_case(cases, build, folder, name, path, options, crashes, hangs):
    signals = [signal.SIGSEGV] * crashes + [signal.SIGSTOP] * hangs
    random.Random(7).shuffle(signals)
    struck, quiet = os.path.join(folder, "struck.json"), os.path.join(folder, "quiet.json")
    summary, rounds, dealt, wrong = replay(build, path, struck, options, signals=signals)
    good = not wrong and summary and len(dealt) == len(signals)
    if not cases.check(f"{name}_all_blows_are_dealt_and_it_ends_well", good, wrong):
        return
    calm, calm_rounds, _, wrong = replay(build, path, quiet, options, rounds=rounds)
    if not cases.check(f"{name}_left_alone_it_ends_well", not wrong and calm and calm_rounds == rounds, wrong):
        return
    print(f"# {name}: {rounds} rounds, {summary['packets']} packets, {summary['seconds']:.1f} s struck, {calm['seconds']:.1f} s left alone")
    check_times(cases, name, summary, dealt)
    broken = common.broken_identities(summary) + common.broken_identities(calm)
    same = all(summary[k] == calm[k] for k in ("packets", "decode_end")) and \
        all(summary["engine"][k] == calm["engine"][k] for k in ("received", "flow.hits", "flow.created", "contacts"))
    cases.check(f"{name}_no_packet_is_lost", not broken and same and summary["engine"]["received"] == summary["packets"], "\n".join(broken))
    one, other = alerts(struck), alerts(quiet)
    print(f"# {name}: {len(other)} alert lines of dos and scan")
    cases.check(f"{name}_the_alerts_of_dos_and_scan_are_unchanged", one == other,
                "".join(sorted(set(one) ^ set(other))[:4]) or f"{len(one)} and {len(other)} lines")
    if name != "mix":
        cases.check(f"{name}_there_are_alerts_to_compare", len(other) > 0, "none")


def main(arguments):
    build = common.start(arguments)
    crashes, hangs = (int(arguments[2]), int(arguments[3])) if len(arguments) > 3 else (CRASHES, HANGS)
    if build.sanitized():
        common.skip("a sanitizer's own handler of SIGSEGV is slower than the limits")
    cases = common.Cases()
    with common.scratch() as folder:
        generated = os.path.join(folder, "generated.pcap")
        laid = [word for attack in ATTACKS for word in ("--attack", attack)]
        build.generate(generated, "--seconds", "110", "--scale", "4", *laid, "day")
        run_case(cases, build, folder, "generated", generated, ["-c", common.DEMO], crashes, hangs)
        for name, path in (("mix", common.capture("mix.pcap")), ("mix_attack", common.capture("mix-attack.pcap"))):
            if not path:
                cases.skip(name, "no such capture here")
            elif name == "mix_attack" and not os.environ.get("YAGURA_LONG"):
                cases.skip(name, "in long runs only")
            else:
                run_case(cases, build, folder, name, path, [], crashes, hangs)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

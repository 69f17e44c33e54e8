#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""redis_twice.py BUILD: whole replays into a real redis-server on a UNIX socket in a folder of its own.

Proves: a replay delivers each alert line once, the field `eve` of each entry being a line of the EVE file; the same
replay into the same stream gives twice the entries, under ids of another generation; a Redis that appears while the
replay already waits gets everything; one that never comes costs exit 69 and nothing of the EVE file; alerts that were
not delivered are the only loss; with redis.flows and a spool, and no EVE file, flow records come too, the lines that an EVE file would
have, and a list has both. Exits 77 without redis-server and redis-cli.
"""
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import common  # noqa: E402 (found beside the other scripts)

STREAM = "yagura:nadami-demo:alerts"
ATTACKS = (
    "syn_flood,at=15,for=15,pps=3000,family=4",
    "udp_flood,at=20,for=15,pps=3000,family=6",
    "scan_vertical,at=20,for=20,family=4",
    "scan_horizontal,at=25,for=20,family=6",
)


class Redis:
    """A server that ends with the `with`."""

    def __init__(self, folder, name):
        self.folder, self.socket, self.process = folder, os.path.join(folder, name), None
        self.url = "unix://" + self.socket

    def start(self):
        self.process = subprocess.Popen(
            [
                common.redis_server(),
                "--port",
                "0",
                "--unixsocket",
                self.socket,
                "--dir",
                self.folder,
                "--save",
                "",
                "--appendonly",
                "no",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            if self.ask("PING") == "PONG":
                return self
            time.sleep(0.05)
        common.skip("redis-server does not answer")

    def ask(self, *words):
        """The answer as JSON when it is one, else as text."""
        done = common.run(["redis-cli", "-s", self.socket, "--json", *words], timeout=120)
        return common.read_json(done.out)

    def entries(self, stream=STREAM):
        """[(id, eve line)], oldest first."""
        answer = self.ask("XRANGE", stream, "-", "+") or []
        return [(entry[0], dict(zip(entry[1][::2], entry[1][1::2])).get("eve")) for entry in answer]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait(20)


def alert_lines(eve):
    with open(eve, encoding="utf-8") as lines:
        return [line.rstrip("\n") for line in lines if json.loads(line)["event_type"] == "alert"]


def generations(entries):
    return [int(one.split("-")[0]) for one, _ in entries]


def arguments(folder, name, url, capture, *more):
    eve = os.path.join(folder, name + ".json")
    return eve, ("-c", common.DEMO, "--json", "--eve", eve, "--redis", url, *more, capture)


def check_delivery(cases, name, done, entries, eve):
    summary = common.read_json(done.out)
    lines = alert_lines(eve)
    cases.check(
        f"{name}_exits_0_and_its_identities_hold",
        done.code == 0 and not common.broken_identities(summary),
        f"exit {done.code}\n{done.err}",
    )
    cases.check(
        f"{name}_has_each_alert_line_once_and_in_order",
        [line for _, line in entries] == lines != [],
        f"{len(entries)} entries, {len(lines)} lines",
    )
    holds = (
        summary
        and summary["courier"]["redis.delivered"] == len(entries)
        and summary["courier"]["alerts.pending"] == 0
    )
    cases.check(f"{name}_counts_what_was_delivered", holds, summary and summary["courier"])


def twice(cases, build, folder, capture):
    with Redis(folder, "twice.sock").start() as redis:
        eve, words = arguments(folder, "first", redis.url, capture)
        done = build.replay(*words)
        first = redis.entries()
        check_delivery(cases, "the_first_replay", done, first, eve)
        eve, words = arguments(folder, "second", redis.url, capture)
        done = build.replay(*words)
        both = redis.entries()
        cases.check(
            "the_second_replay_gives_twice_the_entries",
            len(both) == 2 * len(first) > 0,
            f"{len(first)}, then {len(both)}",
        )
        cases.check("the_first_entries_stay_as_they_were", both[: len(first)] == first)
        check_delivery(cases, "the_second_replay", done, both[len(first) :], eve)
        old, new = set(generations(first)), set(generations(both[len(first) :]))
        cases.check(
            "ids_are_of_one_generation_a_replay",
            len(old) == len(new) == 1 and min(new) == max(old) + 1,
            f"{old} {new}",
        )
        sequences = [[int(one.split("-")[1]) for one, _ in part] for part in (first, both[len(first) :])]
        cases.check(
            "sequences_are_those_of_the_alerts",
            sequences[0] == sequences[1] == list(range(1, len(first) + 1)),
            sequences,
        )
        cases.check(
            "entries_hold_the_field_eve_alone",
            all(line and json.loads(line)["event_type"] == "alert" for _, line in both),
        )
        same = sorted(line for _, line in first) == sorted(line for _, line in both[len(first) :])
        cases.check("both_replays_say_the_same_of_the_same_file", same)


def late(cases, build, folder, capture):
    """Redis is started when the replay has read everything and waits."""
    with Redis(folder, "late.sock") as redis:
        eve, words = arguments(folder, "late", redis.url, capture, "--set", "redis.drain=60s")
        command = [build.path("yagura"), "replay", "--progress", "none", *words]
        out, err = (open(os.path.join(folder, name), "w+", encoding="utf-8") for name in ("late.out", "late.err"))
        with out, err, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err) as process:
            until = time.monotonic() + 60
            while time.monotonic() < until and not (os.path.exists(eve) and len(alert_lines_so_far(eve)) >= 4):
                time.sleep(0.1)
            time.sleep(1)
            waits = process.poll() is None
            redis.start()
            try:
                code = process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                code = "none within 60 s"
            out.seek(0)
            err.seek(0)
            done = common.Run(code, out.read(), err.read())
        cases.check("a_replay_waits_for_redis", waits and "Redis: away: " in done.err, done.err)
        check_delivery(cases, "a_replay_to_a_late_redis", done, redis.entries(), eve)


def flows(cases, build, folder, capture):
    with open(os.path.join(folder, "whole.json"), encoding="utf-8") as lines:  # of the same capture, by `away`
        expected = sorted(line.rstrip("\n") for line in lines if json.loads(line)["event_type"] == "flow")
    with Redis(folder, "flows.sock").start() as redis:
        more = f"redis.flows=true redis.list.key=suricata spool.folder={os.path.join(folder, 'spool')}".split()
        done = build.replay("-c", common.DEMO, "--redis", redis.url, *[word for one in more for word in ("--set", one)], capture)
        there = [line for _, line in redis.entries(STREAM.replace("alerts", "flows"))]
        cases.check("flow_records_alone_are_kept_for_redis", done.code == 0 and sorted(there) == expected != [], f"{len(there)} of {len(expected)}\n{done.err}")
        taken = redis.ask("LRANGE", "suricata", "0", "-1") or []
        both = sorted(there + [line for _, line in redis.entries()])
        cases.check("the_list_has_alerts_and_flow_records", sorted(taken) == both, f"{len(taken)} of {len(both)}")


def alert_lines_so_far(eve):
    """The file is being written: its last line may be half there."""
    with open(eve, encoding="utf-8", errors="replace") as lines:
        return [line for line in lines if '"event_type":"alert"' in line[:120]]


def away(cases, build, folder, capture):
    eve, words = arguments(
        folder,
        "away",
        "unix://" + os.path.join(folder, "never.sock"),
        capture,
        "--set",
        "redis.drain=1s",
    )
    done = build.replay(*words)
    whole = os.path.join(folder, "whole.json")
    sound = build.replay("-c", common.DEMO, "--json", "--eve", whole, capture)
    summary = common.read_json(done.out)
    count = len(alert_lines(whole))
    cases.check(
        "without_redis_the_replay_exits_69",
        done.code == 69 and sound.code == 0,
        f"exit {done.code}\n{done.err}",
    )
    cases.check(
        "without_redis_it_says_how_many_were_not_delivered",
        f"{count} alerts were not delivered" in done.err,
        done.err,
    )
    holds = summary and summary["courier"]["alerts.pending"] == count > 0 and not common.broken_identities(summary)
    cases.check("without_redis_pending_alerts_are_counted_and_identities_hold", holds, summary and summary["courier"])
    with open(eve, "rb") as one, open(whole, "rb") as other:
        cases.check("without_redis_the_eve_file_is_whole", sorted(one) == sorted(other))


def main():
    build, cases = common.start(sys.argv), common.Cases()
    if not common.redis_server() or not shutil.which("redis-cli"):
        common.skip("needs redis-server and redis-cli")
    with common.scratch() as folder:
        attacks = [word for attack in ATTACKS for word in ("--attack", attack)]
        capture = build.generate(os.path.join(folder, "day.pcap"), "--seconds", "60", *attacks, "day")
        twice(cases, build, folder, capture)
        late(cases, build, folder, capture)
        away(cases, build, folder, capture)
        flows(cases, build, folder, capture)
    cases.finish()


if __name__ == "__main__":
    main()

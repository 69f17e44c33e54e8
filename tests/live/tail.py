#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""tail.py BUILD: `yagura tail` on a real redis-server that two sensors with spools of their own have written to.

Proves: numbers grow by one within a run, and each run has its own; both sensors' alerts are shown once, with both
names; an entry that somebody deletes in the middle of a stream is reported as missing, with its size, and makes the
exit status 65; what was trimmed at the beginning is not; hostile texts reach no terminal; a follower survives the
death of Redis and shows what comes afterwards. Exits 77 without redis-server and redis-cli.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import redis_twice  # noqa: E402 (a server, and attacks)

common = redis_twice.common


def replay(build, folder, redis, sensor, capture):
    """A sensor's run with a spool of its own, which it keeps for its next one."""
    spool = os.path.join(folder, "spool-" + sensor)
    os.makedirs(spool, exist_ok=True)
    settings = ("--set", f"sensor.name={sensor}", "--set", f"spool.folder={spool}")
    return build.replay("-c", common.DEMO, "--json", "--redis", redis.url, *settings, capture)


def stream(redis, sensor):
    """[(id, context)] of a sensor."""
    answer = redis.ask("XRANGE", f"yagura:{sensor}:alerts", "-", "+") or []
    return [(one[0], json.loads(dict(zip(one[1][::2], one[1][1::2]))["eve"])["alert"]["context"]) for one in answer]


def figure(err, name):
    closing = [line for line in err.splitlines() if "shown" in line and "sensors left out" in line]
    found = [part for part in closing[-1].split(":", 1)[1].split(",") if part.strip().rsplit(" ", 1)[0] == name] if closing else []
    return int(found[0].rsplit(" ", 1)[1]) if found else None


def numbers(cases, redis):
    for sensor in ("egress-a", "egress-b"):
        contexts = [context for _, context in stream(redis, sensor)]
        found = [context["sequence"] for context in contexts]
        cases.check(f"{sensor}_counts_its_alerts_by_one", found == list(range(1, len(found) + 1)) != [], found)
        cases.check(f"{sensor}_names_its_run", len({context.get("run") or 0 for context in contexts}) == 1 and contexts[0].get("run", 0) > 0, contexts[:1])


def shown_once(cases, build, redis):
    a, b = stream(redis, "egress-a"), stream(redis, "egress-b")
    done = build.yagura("tail", "--url", redis.url, "--from", "0", "--once")
    lines = done.out.splitlines()
    cases.check("both_sensors_alerts_are_shown_once", done.code == 0 and len(lines) == len(a) == len(b) > 0, f"{done}")
    cases.check("each_line_has_both_names", all("egress-a" in line and "egress-b" in line for line in lines), done.out)
    cases.check("the_closing_line_says_so", figure(done.err, "merged") == len(b) and figure(done.err, "missing") == 0, done.err)
    done = build.yagura("tail", "--url", redis.url, "--from", "0", "--once", "--json", "--sensor", "egress-a")
    ids = [json.loads(line)["alert"]["context"]["sequence"] for line in done.out.splitlines()]
    cases.check("json_gives_the_lines_of_one_sensor_in_order", ids == [context["sequence"] for _, context in a], done)
    done = build.yagura("tail", "--url", redis.url, "-n", "2", "--once", "--sensor", "egress-a")
    cases.check("n_gives_the_last_ones", len(done.out.splitlines()) == 2 and done.code == 0, done)
    done = build.yagura("tail", "--url", redis.url, "--from", "0", "--once", env={"LC_ALL": "ja_JP.UTF-8"})
    cases.check("it_speaks_japanese", "発生" in done.out and "欠落 0" in done.err, done)


def holes(cases, build, redis):
    a = stream(redis, "egress-a")
    middle = [one for one, context in a if context["sequence"] in (3, 4)]
    redis.ask("XDEL", "yagura:egress-a:alerts", *middle)
    done = build.yagura("tail", "--url", redis.url, "--from", "0", "--once")
    cases.check("a_gap_is_reported", "egress-a: 2 missing before sequence 5 of run 1" in done.err and "never came" in done.err, done.err)
    cases.check("and_makes_the_exit_status_65", done.code == 65 and figure(done.err, "missing") == 2, done)
    redis.ask("XTRIM", "yagura:egress-a:alerts", "MAXLEN", "=", "2")
    done = build.yagura("tail", "--url", redis.url, "--from", "0", "--once", "--sensor", "egress-a")
    cases.check("what_was_trimmed_is_not_missing", done.code == 0 and len(done.out.splitlines()) == 2, done)


def hostile(cases, build, redis):
    line = {"timestamp": "2026-11-21T16:04:05+0900\x1b[2J", "alert": {"context": {"id": "x", "state": "open", "why": {"text_en": "a\x1b]0;b\x07\u202e"}}}}
    redis.ask("XADD", "yagura:evil\x1b[31m:alerts", "1-1", "eve", json.dumps(line))
    redis.ask("XADD", "yagura:evil\x1b[31m:alerts", "1-2", "eve", "{" * 500)
    for more in ((), ("--json",)):
        done = build.yagura("tail", "--url", redis.url, "--from", "0", "--once", "--sensor", "evil\x1b[31m", *more)
        clean = not any(ord(c) < 32 and c != "\n" or c == "\u202e" for c in done.out + done.err)
        cases.check("nothing_hostile_is_printed" + "".join(more), clean and done.code == 0 and done.out and figure(done.err, "unreadable") == 1, repr(done))
    redis.ask("DEL", "yagura:evil\x1b[31m:alerts")


def wait_for(path, text, count=1):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with open(path, encoding="utf-8", errors="replace") as lines:
            if lines.read().count(text) >= count:
                return True
        time.sleep(0.05)
    return False


def follows(cases, build, folder, capture):
    """Redis dies and comes back empty; the sensor's next run is shown all the same."""
    out, err = os.path.join(folder, "follow.out"), os.path.join(folder, "follow.err")
    with redis_twice.Redis(folder, "follow.sock").start() as redis:
        with open(out, "w", encoding="utf-8") as to, open(err, "w", encoding="utf-8") as errors:
            words = [build.path("yagura"), "tail", "--url", redis.url, "-n", "0"]
            tail = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=to, stderr=errors, env={"LC_ALL": "C.UTF-8"})
        try:
            replay(build, folder, redis, "egress-f", capture)
            seen = wait_for(out, "egress-f", len(stream(redis, "egress-f")))
            before = len(stream(redis, "egress-f"))
            redis.ask("XTRIM", "yagura:egress-f:alerts", "MAXLEN", "0")
            redis.ask("CLIENT", "KILL", "TYPE", "normal")
            time.sleep(0.5)
            quiet = "ends before" not in open(err, encoding="utf-8").read()
            redis.process.kill()
            redis.process.wait(20)
            gone = wait_for(err, "trying again")
            redis.start()
            replay(build, folder, redis, "egress-f", capture)
            again = wait_for(out, "egress-f", 2 * before)
        finally:
            tail.send_signal(signal.SIGTERM)
            code = tail.wait(20)
    said = open(err, encoding="utf-8").read()
    cases.check("a_stream_that_was_trimmed_to_nothing_is_no_loss", quiet, said)
    cases.check("a_follower_shows_what_comes", seen and before > 0, said)
    cases.check("it_says_that_redis_is_away_and_connects_again", gone and "connected again" in said, said)
    cases.check("it_shows_the_next_run", again and figure(said, "missing") == 0, said)
    cases.check("sigterm_ends_it_with_0", code == 0, code)


def main():
    build, cases = common.start(sys.argv), common.Cases()
    if not shutil.which("redis-server") or not shutil.which("redis-cli"):
        common.skip("redis-server and redis-cli are needed")
    with common.scratch() as folder:
        attacks = [word for attack in redis_twice.ATTACKS for word in ("--attack", attack)]
        capture = build.generate(os.path.join(folder, "day.pcap"), "--seconds", "60", *attacks, "day")
        with redis_twice.Redis(folder, "tail.sock").start() as redis:
            for sensor in ("egress-a", "egress-b"):
                done = replay(build, folder, redis, sensor, capture)
                cases.check(f"{sensor}_delivers", done.code == 0 and not common.broken_identities(common.read_json(done.out)), done.err)
            numbers(cases, redis)
            shown_once(cases, build, redis)
            hostile(cases, build, redis)
            holes(cases, build, redis)
        done = build.yagura("tail", "--url", "unix:///nowhere/redis.sock", "--once")
        cases.check("once_without_redis_is_exit_69", done.code == 69, done)
        follows(cases, build, folder, capture)
    cases.finish()


main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""seed.py fill|live: an example prefecture in a Redis, for demonstrations and tests of the dashboard. The same arguments give the same
alerts, byte for byte, but for the time they end at.

  fill  --redis PATH [--bodies 40] [--alerts 100000] [--days 30] [--end MS] [--sensor egress-1] [--config FOLDER] [--seconds 600]
        bodies, alerts of 25 kinds in about 1,900 groups, metrics, health, flow records; the bodies' files go to FOLDER
  live  --redis PATH [--rate 50] [--for S] [--sensor egress-1] …
        goes on from there: alerts at a rate, metrics each second, health every five, until it is ended

Says on stdout, as JSON, what it wrote.
"""
import argparse
import json
import math
import random
import signal
import socket
import sys
import time

import seed_bodies
import seed_kinds


class Redis:
    """What a pipeline needs, over a UNIX socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")
        self.waiting, self.buffer = 0, []

    def say(self, *words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
        self.buffer.append(b"".join(parts))
        self.waiting += 1
        if self.waiting >= 2000:
            self.settle()

    def settle(self):
        self.socket.sendall(b"".join(self.buffer))
        answers = [self.answer() for _ in range(self.waiting)]
        self.waiting, self.buffer = 0, []
        return answers

    def ask(self, *words):
        self.settle()
        self.say(*words)
        return self.settle()[0]

    def answer(self):
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            if rest.startswith((b"LOADING", b"MASTERDOWN")):
                raise ConnectionError(rest.decode())
            sys.exit(f"seed.py: Redis: {rest.decode()}")
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.answer() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest


FLOWS_MS = 6 * 3600000
NEW_EVERY, NEW_MS = 40, 20 * 3600000 # one group in so many has been seen for less than a day only


def stamp(ms):
    """JST, microseconds, as sensors print it."""
    second = ms // 1000 + 9 * 3600
    t = time.gmtime(second)
    return f"{t.tm_year:04}-{t.tm_mon:02}-{t.tm_mday:02}T{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}.{ms % 1000:03}000+0900"


def groups_of(rng, bodies, count):
    """Who does what to whom, as often: (kind, body, inside, outside, weight)."""
    out, seen = [], set()
    while len(out) < count:
        kind = rng.choices(seed_kinds.KINDS, [k.weight for k in seed_kinds.KINDS])[0]
        body = bodies[min(int(rng.expovariate(1 / (len(bodies) / 3))), len(bodies) - 1)]
        inside = body.host6(rng.randrange(40)) if rng.random() < 0.15 else body.host(rng.randrange(400))
        outside = f"198.51.100.{rng.randrange(1, 255)}" if rng.random() < 0.7 else f"2001:db8:f{rng.randrange(16):x}::{rng.randrange(65536):x}"
        if (":" in inside) != (":" in outside):
            outside = f"2001:db8:f000::{rng.randrange(65536):x}" if ":" in inside else f"203.0.113.{rng.randrange(1, 255)}"
        key = (kind.name, body.code, inside, outside if kind.remote else "")
        if key not in seen:
            seen.add(key)
            out.append((kind, body, inside, outside, 1 / (len(out) + 8)))
    return out


def daily(rng):
    """A second of the day: people work from eight to six."""
    hour = rng.choices(range(24), [2, 1, 1, 1, 1, 2, 3, 6, 12, 14, 13, 12, 8, 12, 13, 12, 11, 9, 6, 4, 4, 3, 3, 2])[0]
    return hour * 3600 + rng.randrange(3600)


class Writer:
    def __init__(self, redis, sensor, rng, run=7):
        self.redis, self.sensor, self.rng, self.run = redis, sensor, rng, run
        self.sequence = 0

    def entry(self, stream, line, at=None):
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()
        self.redis.say("XADD", f"yagura:{self.sensor}:{stream}", at or "*", "eve", data)

    def alert(self, line):
        self.sequence += 1
        line["alert"]["context"]["run"], line["alert"]["context"]["sequence"] = self.run, self.sequence
        self.entry("alerts", line, f"3-{self.sequence}")


def alerts(args, rng, bodies, writer):
    groups = groups_of(rng, bodies, args.groups)
    start = args.end - args.days * 86400000
    plan = []
    for _ in range(args.alerts):
        plan.append((start + rng.randrange(args.days) * 86400000 + daily(rng) * 1000 + rng.randrange(1000),
                     rng.choices(range(len(groups)), cum_weights=args.weights)[0] if args.weights else 0))
    plan = [(start + (at - start) % (args.days * 86400000), g) for at, g in plan]
    for g in range(min(len(groups), len(plan))): # each group at least once
        plan[g] = (plan[g][0], g)
    plan = [(args.end - (args.end - at) % NEW_MS if g % NEW_EVERY == NEW_EVERY - 1 else at, g) for at, g in plan]
    plan.sort()
    told = {"alerts": 0, "records": 0, "groups": len(groups), "kinds": len({g[0].name for g in groups}), "open": 0}
    recent = []
    for number, (at, which) in enumerate(plan):
        kind, body, inside, outside, _ = groups[which]
        if kind.remote and args.end - at < FLOWS_MS:
            recent.append((at, (kind, body, inside, outside)))
        lasts = int(rng.lognormvariate(4.5, 1.2) * 1000)
        now_open = at + lasts > args.end or (args.end - at < 7200000 and rng.random() < 0.35)
        one = seed_kinds.Alert(kind, body, inside, outside, rng, at, number, bodies)
        states = [("open", at)] if now_open else ([("open", at), ("close", at + lasts)] if rng.random() < 0.06 else [("close", at + lasts)])
        for state, when in states:
            writer.alert(one.line(state, when, args.sensor, stamp))
            told["records"] += 1
        told["alerts"] += 1
        told["open"] += bool(now_open)
    return told, recent


def load(body, ms, rng, number):
    """Bits a second of a body: by size, hour and chance; (in, out)."""
    hour = (ms / 3600000 + 9) % 24
    week = (ms // 86400000 + 4) % 7
    day = 0.15 + math.exp(-((hour - 13.5) / 4.2) ** 2) * (1 if 1 <= week <= 5 else 0.35)
    size = 60e6 / (1 + body.number / 4)
    return size * day * rng.uniform(0.85, 1.15), size * day * 0.18 * rng.uniform(0.8, 1.2)


def metrics_line(sensor, bodies, at, step, rng, dark, alerts_now):
    sums, orgs = [0] * 6, {}
    for body in bodies:
        if body.code in dark:
            continue
        bits_in, bits_out = load(body, at + step * 500, rng, 0)  # of the middle of what is summed
        bytes_in, bytes_out = int(bits_in / 8 * step), int(bits_out / 8 * step)
        row = [bytes_in // 900, bytes_out // 300, bytes_in, bytes_out, bytes_in // 40000, alerts_now.get(body.code, 0)]
        orgs[body.code] = row
        sums = [a + b for a, b in zip(sums, row)]
    names = ["packets_in", "packets_out", "bytes_in", "bytes_out", "flows", "alerts"]
    return {"timestamp": stamp(at), "event_type": "metrics", "step": step, "host": sensor,
            "sensor": {**dict(zip(names, sums)), "lost": 0}, "orgs": orgs, "unassigned": [12 * step, 4 * step, 9000 * step, 800 * step, step, 0]}


def metrics(args, rng, bodies, writer):
    dark = {bodies[-1].code} if args.dark else set()
    written = 0
    for stream, step, count in (("metrics:1h", 3600, args.days * 24), ("metrics:1m", 60, args.minutes), ("metrics", 1, args.seconds)):
        first = args.end // (step * 1000) - count
        for i in range(count):
            at = (first + i) * step * 1000
            gone = dark if args.end - at < 600000 else set()
            writer.entry(stream, metrics_line(args.sensor, bodies, at, step, rng, gone, {}), f"3-{i + 1}")
            written += 1
    return written


def health(redis, sensor, at, packets, expire):
    pairs = {"state": "ok", "why": "", "version": "0.1.0", "config": "36391196d95c02c5", "time": at // 1000, "uptime_s": 864000, "packets": packets,
             "lost": 0, "silent_s": 0, "shed_step": 0, "blind_s": 0, "dissector_deaths": 0, "process.engine.up": 1, "process.engine.restarts": 0,
             "process.dissector.up": 1, "process.dissector.restarts": 0, "process.courier.up": 1, "process.courier.restarts": 0, "ports": 1,
             "port.0.name": "0000:01:00.0", "port.0.link": "up", "port.0.packets": packets, "port.0.missed": 0, "spool.up": 1, "spool.held": 0,
             "spool.bytes": 0, "spool.disk_bytes": 4194304, "spool.pressure_percent": 1, "spool.gaps": 0, "spool.refused": 0,
             "spool.errors": 0, "spool.lost": 0, "spool.lost_high": 0, "redis.state": "ready", "redis.delivered": 100000, "delivery_lag_ms": 3,
             "books.raised": 100000, "books.delivered": 100000, "books.suppressed": 0, "books.spooled": 0, "books.lost": 0,
             "books.unaccounted": 0, "books.closed": 99990}
    redis.say("HSET", f"yagura:{sensor}:health", *[w for pair in pairs.items() for w in pair])
    if expire:
        redis.say("EXPIRE", f"yagura:{sensor}:health", expire)


def flows(args, rng, bodies, writer, recent):
    """Of the last hours: of the ends of what was raised in them, and of everybody else."""
    times = [(args.end - int((args.flows - number) / args.flows * FLOWS_MS), None) for number in range(args.flows)]
    own = [(max(at - rng.randrange(120000), args.end - FLOWS_MS), alert) for at, alert in recent for _ in range(rng.randrange(2, 9))][:args.flows // 5]
    times = sorted(times[len(own):] + own, key=lambda one: one[0])
    for number, (at, alert) in enumerate(times):
        writer.entry("flows", seed_kinds.flow(rng, bodies, at, number, args.sensor, stamp, alert), f"3-{number + 1}")
    return args.flows


def fill(args):
    rng = random.Random(args.seed)
    bodies = seed_bodies.bodies(args.bodies)
    config = seed_bodies.write(args.config, bodies, args.sensor) if args.config else None
    redis = Redis(args.redis)
    writer = Writer(redis, args.sensor, rng)
    args.weights, total = [], 0.0
    for i in range(args.groups):
        total += 1 / (i + 8)
        args.weights.append(total)
    told, recent = alerts(args, rng, bodies, writer)
    told["metrics"] = metrics(args, rng, bodies, writer)
    told["flows"] = flows(args, rng, bodies, writer, recent)
    health(redis, args.sensor, args.end, 1 << 30, args.health)
    redis.settle()
    print(json.dumps({**told, "bodies": len(bodies), "config": config, "end_ms": args.end}))


def again(args, waiting):
    """A new connection after Redis was away, and what of `waiting` it does not have yet."""
    while True:
        time.sleep(0.1)
        try:
            redis = Redis(args.redis)
            last = redis.ask("XREVRANGE", f"yagura:{args.sensor}:alerts", "+", "-", "COUNT", 1)
            have = int(last[0][0].split(b"-")[1]) if last else 0
            return redis, [one for one in waiting if one[0] > have]
        except OSError:
            pass


def live(args):
    """Alerts at a rate, each with a number of its own in its id, so that a test can tell which are missing."""
    rng = random.Random(args.seed + 1)
    bodies = seed_bodies.bodies(args.bodies)
    redis = Redis(args.redis)
    last = redis.ask("XREVRANGE", f"yagura:{args.sensor}:alerts", "+", "-", "COUNT", 1)
    writer = Writer(redis, args.sensor, rng)
    writer.sequence = int(last[0][0].split(b"-")[1]) if last else 0
    ending, waiting = [], [] # waiting: what no Redis has confirmed, with its number: a sensor's spool in small
    signal.signal(signal.SIGTERM, lambda *_: ending.append(1))
    signal.signal(signal.SIGINT, lambda *_: ending.append(1))
    groups = groups_of(rng, bodies, 400)
    begun, number, second, beat = time.time(), 0, 0, 0.0
    minute, dark = int(begun) // 60, {bodies[-1].code} if args.dark else set()
    while not ending and (not args.duration or time.time() - begun < args.duration) or waiting:
        now = time.time()
        while number < (min(now - begun, args.duration or now) if not ending else 0) * args.rate:
            kind, body, inside, outside, _ = groups[rng.randrange(len(groups))]
            at = int(time.time() * 1000)
            line = seed_kinds.Alert(kind, body, inside, outside, rng, at, 10**9 + args.number + number, bodies).line("open", at, args.sensor, stamp)
            writer.sequence += 1
            line["alert"]["context"]["run"], line["alert"]["context"]["sequence"] = writer.run, writer.sequence
            waiting.append((writer.sequence, line))
            number += 1
        try:
            for sequence, line in waiting:
                writer.entry("alerts", line, f"3-{sequence}")
            if int(now) != second:
                second = int(now)
                writer.entry("metrics", metrics_line(args.sensor, bodies, second * 1000 - 1000, 1, rng, dark, {}))
                if second // 60 != minute: # a minute that is over
                    minute = second // 60
                    writer.entry("metrics:1m", metrics_line(args.sensor, bodies, minute * 60000 - 60000, 60, rng, dark, {}))
            if now - beat >= 5:
                beat = now
                health(redis, args.sensor, int(now * 1000), int(now) * 1000, 15)
            redis.settle()
            waiting.clear()
            time.sleep(0.02)
        except OSError:
            redis, waiting = again(args, waiting)
            writer.redis = redis
    print(json.dumps({"alerts": number}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["fill", "live"])
    parser.add_argument("--redis", required=True, help="path of its UNIX socket")
    parser.add_argument("--sensor", default="egress-1")
    parser.add_argument("--config", help="where the bodies' files and yagura.yaml go")
    for name, default in (("bodies", 40), ("alerts", 100000), ("groups", 1900), ("days", 30), ("seed", 1), ("minutes", 1440), ("seconds", 600),
                          ("flows", 20000), ("health", 0), ("number", 0)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--end", type=int, default=int(time.time() * 1000), help="ms since 1970")
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--for", dest="duration", type=float, default=0)
    parser.add_argument("--dark", action="store_true", help="the last body has been silent for ten minutes")
    args = parser.parse_args()
    {"fill": fill, "live": live}[args.what](args)


if __name__ == "__main__":
    main()

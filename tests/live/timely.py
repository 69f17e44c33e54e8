#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""timely.py BUILD [FLOODS]: a SYN flood is an entry in Redis 3.5 s after its first frame.

FLOODS generated floods (2; 5 with YAGURA_LONG) on five servers of the demo's bodies, one after another, over a veth pair, with a Redis of
the test's own on a UNIX socket. The first frame is known by the stamp of the receiving kernel, the entry by the stamp of the server: both
are this machine's clock, and no time of a reader is in between. Where FastNetMon is installed it listens on the same interface to the same
frames, with a network that holds the servers and a threshold below the flood; how long it takes to its script is printed beside ours.
Exits 77 where there are no namespaces, no tcpreplay or no redis-server.
"""
import os
import re
import subprocess
import sys
import time

import wire
from redis_twice import Redis
from wire import common

sys.path.insert(0, os.path.join(common.ROOT, "tests", "bench"))
import bench_live  # noqa: E402
from bench_programs import Missing  # noqa: E402

LIMIT_S = 3.5
PPS, SECONDS = 30_000, 7
PAUSE_S = 3
TARGETS = ("203.0.113.70", "198.51.100.138", "203.0.113.130", "192.0.2.10", "192.0.2.14")
NETWORKS = ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24")

# A SYN to the target; SO_TIMESTAMPNS gives the moment at which the kernel took it.
FIRST_FRAME = """
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(socket.SOL_SOCKET, 35, 1)
s.bind((sys.argv[1], 0))
want = socket.inet_aton(sys.argv[2])
print("ready", flush=True)
while True:
    data, extra, _, _ = s.recvmsg(64, 64)
    if data[30:34] == want and data[23] == 6 and data[47] == 2:
        break
print("%d.%09d" % struct.unpack("@qq", extra[0][2]), flush=True)
"""


class Peer(bench_live.FastNetMon):
    """ci/bench's, on a wire and with networks of this test."""

    def __init__(self, folder, link):
        self.link = link
        super().__init__(folder)

    def spawn(self, command, **more):
        folder = os.path.dirname(self.told)
        with open(os.path.join(folder, "networks"), "w", encoding="ascii") as networks:
            networks.write("\n".join(NETWORKS) + "\n")
        with open(os.path.join(folder, "fastnetmon.conf"), "w", encoding="ascii") as config:
            config.write(bench_live.FASTNETMON % {"folder": folder, "interface": self.link.far})
        super().spawn(self.link.inside(1, *command[command.index("fastnetmon"):]), **more)


class Watch:
    """What Redis is told, with the time at which it was, as the server itself says."""

    def __init__(self, redis, path):
        self.path = path
        with open(path, "wb") as out:
            self.process = subprocess.Popen(["redis-cli", "-s", redis.socket, "MONITOR"], stdin=subprocess.DEVNULL, stdout=out)

    def opened(self, target):
        """When the first alert of a SYN flood on the target opened, None when none has."""
        with open(self.path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                line = line.replace('\\"', '"')
                stamp = re.match(r"\d+\.\d+", line)
                if stamp and '"kind":"dos.syn_flood"' in line and f'"target":"{target}"' in line and '"state":"open"' in line:
                    return float(stamp[0])
        return None

    def end(self):
        self.process.terminate()
        self.process.wait(20)


def flood(link, capture, target):
    """Sends one. The time of its first frame, None when none came."""
    first = subprocess.Popen(link.inside(1, sys.executable, "-c", FIRST_FRAME, link.far, target), stdout=subprocess.PIPE, text=True)
    try:
        if first.stdout.readline().strip() != "ready":
            common.skip("no packet sockets here")
        sent = link.replay(capture, "-K", f"--pps={PPS}")
        return float(first.communicate(timeout=20)[0]) if sent.code == 0 else None
    except (subprocess.TimeoutExpired, ValueError):
        return None
    finally:
        first.kill()
        first.wait()


def peer_beside(folder, link):
    try:
        return Peer(os.path.join(folder, "peer"), link)
    except (Missing, RuntimeError) as why:
        print(f"# no FastNetMon beside: {why}")
        return None


def print_beside(what, seconds):
    if seconds:
        print(f"# {what}: {' '.join(f'{s:.3f}' for s in seconds)} s, at most {max(seconds):.3f} s")


def send_floods(cases, link, captures, watch, peer):
    """Seconds until each was known: (to us, to the other)."""
    ours, theirs = [], []
    for target, capture in zip(TARGETS, captures):
        first = flood(link, capture, target)
        time.sleep(PAUSE_S)
        entry, told = watch.opened(target), peer.when(target) if peer else None
        took = entry - first if entry and first else None
        cases.check(f"flood_on_{target}_is_in_redis_within_{LIMIT_S}_s", took is not None and took <= LIMIT_S, f"first {first}, entry {entry}")
        ours += [took] if took is not None else []
        theirs += [told - first] if told and first else []
    return ours, theirs


def main(arguments):
    wire.needs("ethtool", "tcpreplay", "redis-server", "redis-cli")
    build = common.start(arguments)
    floods = int(arguments[2]) if len(arguments) > 2 else len(TARGETS) if os.environ.get("YAGURA_LONG") else 2
    cases = common.Cases()
    with common.scratch() as folder, Redis(folder, "timely.sock") as redis, wire.Wire() as link:
        redis.start()
        captures = []
        for n, target in enumerate(TARGETS[:floods]):
            captures.append(os.path.join(folder, f"{n}.pcap"))
            build.generate(captures[-1], "--seconds", str(SECONDS + 1), "--attack",
                           f"syn_flood,at=0.5,for={SECONDS},pps={PPS},target={target},family=4", "none")
        options = ("-c", common.DEMO, "--eve", os.path.join(folder, "eve.json"), "--redis", redis.url, "--set",
                   "spool.folder=" + os.path.join(folder, "spool"))
        watch, peer = Watch(redis, os.path.join(folder, "monitor")), peer_beside(folder, link)
        try:
            with wire.Sensor(build, link, folder, *options) as sensor:
                cases.check("the_sensor_starts", sensor.receives(), sensor.said())
                time.sleep(3)
                ours, theirs = send_floods(cases, link, captures, watch, peer)
                code, summary = sensor.end()
        finally:
            watch.end()
            if peer:
                peer.stop()
        print_beside("first frame to the entry in Redis", ours)
        print_beside("FastNetMon, first frame to its script", theirs)
        if peer and len(theirs) < floods:
            print(f"# FastNetMon told of {len(theirs)} of {floods} floods")
        cases.check("it_ends_well", code == 0 and not common.broken_identities(summary), f"exit {code}\n{sensor.said()}")
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""soak.py BUILD [MINUTES]: a live run at half of what it holds neither grows nor leaks.

First the rate is found that the wire and the sensor hold without loss; half of it goes on for MINUTES (1; 30 with YAGURA_LONG), as numbered
frames and a generated day with attacks that goes round, into a Redis of the test's own and an EVE file, which is emptied now and then as a
rotation by copying does it. What was sent is received or said to be lost, to the frame, fragments included.

Resident memory and open descriptors of every process are sampled; over the last third a line is laid through memory by least squares. It
may rise by 0.1 % an hour; a rise of a few pages in all cannot be told from none. Tables and rings are touched as they are used, and are to
be full when the last third begins: sizes that are options are small here, bursts of many flows before the run fill the flow table and the
samples of every second that is kept, and enough alerts are open and updated to go once round the ring and the spool of alerts (2,048 each)
within two thirds of 30 minutes. A shorter run ends before that: there memory may grow by 2 % and by 8 KiB for each alert, which is what a
slot of both takes. Which mappings grew is printed. Descriptors stay as many as they are, no process is started again, the books are kept. Exits 77 where there are no namespaces, no tcpreplay
or no redis-server.
"""
import json
import os
import subprocess
import sys
import time

import wire
from redis_twice import Redis
from wire import common

SLOPE_MOST = 0.1       # per cent an hour
KIB_UNTOLD = 16        # four pages in all: no slope, whatever it comes to in an hour
WHOLE_MINUTES = 30     # in a shorter run tables are still being touched for the first time:
SHORT_GROWTH, ALERT_KIB = 2, 8  # per cent, and for each alert
TRIAL_FRAMES = 300_000
BURSTS, BURST_FRAMES, BURST_FLOWS = 12, 150_000, 60_000  # more seconds than samples are kept of, more flows than the table has places for
DAY_SHARE = 0.2        # of the frames
SMALL = ("flow.table=16384", "rates.hosts=4096", "rates.keep=8192", "reassembly.trackers=64", "reassembly.bytes=256KiB", "dissector.streams=64",
         "alerts.open=64", "plugins.dos.hosts=64", "plugins.dos.services=64", "plugins.scan.sources=128", "plugins.scan.items=2048",
         "redis.maxlen=1000", "capture.memory=128MiB", "flow.update=10s", "alerts.update=5s",
         "dissector.watchdog=1000")  # a machine that runs other tests beside this one may let a process wait for a second
TARGETS = ("203.0.113.70", "198.51.100.138", "198.51.100.140", "203.0.113.130", "192.0.2.10", "192.0.2.14")
KINDS = ("syn_flood", "icmp_flood", "udp_flood", "ack_flood", "other_flood")
ATTACKS = ("udp_flood,at=10,for=5,pps=3000,family=6", "fragment_flood,at=16,for=4,pps=2000,family=4", "scan_vertical,at=4,for=20,family=4",
           "scan_horizontal,at=8,for=15,family=6", "scan_horizontal_inside,at=5,for=15,family=4",
           *(f"{kind},at={2 + (i * 5 + j * 3) % 20},for=8,pps=800,target={target},family=4" for i, target in enumerate(TARGETS)
             for j, kind in enumerate(KINDS)))


# ---- what is sampled ----


def processes(pid):
    """{pid: name} of a process and all below it."""
    found = {}
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as comm:
            found[pid] = f"{comm.read().strip()}/{pid}"
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            below = [int(p) for p in children.read().split()]
    except OSError:
        return {}
    for child in below:
        found |= processes(child)
    return found


def resident(pid):
    """KiB, counted page by page: the quick counters of a process may be off by some for each of its threads."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))


def mappings(pid):
    """{mapping: KiB resident}"""
    found, name = {}, ""
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if words[0].endswith(":"):
                if words[0] == "Rss:":
                    found[name] = int(words[1])
            else:
                name = f"{words[0]} {words[5] if len(words) > 5 else 'anonymous'}"
    return found


class Samples:
    def __init__(self, pid):
        self.names = processes(pid)
        self.pid, self.same, self.rows, self.middle = pid, True, [], {}

    def take(self, at):
        self.same = self.same and processes(self.pid).keys() == self.names.keys()
        row = {}
        for pid in list(self.names):
            try:
                row[pid] = (resident(pid), len(os.listdir(f"/proc/{pid}/fd")))
            except (OSError, StopIteration):
                print(f"# {self.names.pop(pid)} has ended after {at:.0f} s", flush=True)
                self.same = False
        self.rows.append((at, row))

    def halve(self):
        self.middle = {pid: mappings(pid) for pid in self.names if os.path.exists(f"/proc/{pid}")}

    def grown(self, pid):
        """Which mappings grew since then, the most first."""
        end = mappings(pid)
        change = {name: size - self.middle.get(pid, {}).get(name, 0) for name, size in end.items()}
        return [f"{size:+d} KiB {name}" for name, size in sorted(change.items(), key=lambda item: -abs(item[1])) if size][:6]

    def last_third(self):
        return self.rows[len(self.rows) * 2 // 3:]


def slope(points):
    """Of the line through (x, y) by least squares."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


# ---- the load ----


def rate_held(link, build, sensor):
    """Frames a second that come through without loss, as the wire gives them or less."""
    rate, lost_before = 0.0, 0
    for _ in range(6):
        start = time.monotonic()
        if link.send_numbered(build, TRIAL_FRAMES, rate) != TRIAL_FRAMES:
            return 0
        reached = TRIAL_FRAMES / (time.monotonic() - start)
        time.sleep(0.5)
        stats = sensor.stats()
        lost = wire.drops({"ports": stats["engine"]["ports"], "engine": stats["engine"]["workers"][0]["counters"]})
        if lost == lost_before:
            return int(reached)
        rate, lost_before = reached * 0.8, lost
    return int(rate)


def warm_up(link, build):
    """Everything that is touched as it is used is used: after a second of silence each packet is a sample."""
    for _ in range(BURSTS):
        link.send_numbered(build, BURST_FRAMES, 0, BURST_FLOWS)
        time.sleep(1.2)


def frames_sent(link):
    """By the interface's own counter."""
    done = wire.command("ip", "-n", link.spaces[0], "-s", "-j", "link", "show", link.near)
    return json.loads(done.stdout)[0]["stats64"]["tx"]["packets"]


def load(link, build, capture, eve, rate, seconds, samples):
    """Sends, and samples meanwhile. Whether the senders went on to the end."""
    numbered = int(rate * (1 - DAY_SHARE))
    every = 10 if seconds >= 180 else 2
    senders = [subprocess.Popen(link.inside(0, build.path("tests", "send_frames"), link.near, str(numbered * seconds), str(numbered), "4096"),
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL),
               link.replaying(capture, "--loop=0", "-K", f"--pps={int(rate * DAY_SHARE)}")]
    start, halved = time.monotonic(), False
    try:
        while time.monotonic() - start < seconds and senders[1].poll() is None:
            samples.take(time.monotonic() - start)
            if not halved and time.monotonic() - start >= seconds * 2 / 3:
                samples.halve()
                halved = True
            os.truncate(eve, 0)
            time.sleep(every)
        numbered_done = senders[0].wait(seconds)  # a sender that was kept waiting goes on for a while
    except subprocess.TimeoutExpired:
        numbered_done = None
    finally:
        went_on = senders[1].poll() is None
        for sender in senders:
            sender.terminate()
            sender.wait(20)
    return numbered_done == 0 and went_on


def judge(cases, samples, alerts):
    last = samples.last_third()
    for pid, name in samples.names.items():
        points = [(at, row[pid][0]) for at, row in last]
        mean = sum(y for _, y in points) / len(points)
        rise = slope(points) * 3600 / mean * 100
        span = last[-1][0] - last[0][0]
        whole = slope(points) * span
        name = name.split("/", maxsplit=1)[0]
        eighths = [row[pid][0] for _, row in samples.rows[::max(len(samples.rows) // 8, 1)]] + [points[-1][1]]
        print(f"# {name}: KiB {' '.join(str(size) for size in eighths)}; {rise:+.3f} % an hour in the last third; "
              f"{last[-1][1][pid][1]} descriptors")
        for line in samples.grown(pid):
            print(f"#   {line}")
        short = span < WHOLE_MINUTES * 60 * 0.3
        flat = whole <= mean * SHORT_GROWTH / 100 + ALERT_KIB * alerts / 3 if short else rise <= SLOPE_MOST
        cases.check(f"memory_of_{name}_is_flat", flat or whole <= KIB_UNTOLD,
                    f"{rise:.3f} % an hour, {whole:.0f} KiB in {span:.0f} s: {[y for _, y in points]}")
        counts = sorted({row[pid][1] for _, row in samples.rows})
        cases.check(f"descriptors_of_{name}_are_constant", len(counts) == 1, counts)


def main(arguments):
    wire.needs("ethtool", "tcpreplay", "redis-server", "redis-cli")
    build = common.start(arguments)
    minutes = float(arguments[2]) if len(arguments) > 2 else 30 if os.environ.get("YAGURA_LONG") else 1
    cases = common.Cases()
    with common.scratch() as folder, Redis(folder, "soak.sock") as redis, wire.Wire() as link:
        redis.start()
        capture = os.path.join(folder, "day.pcap")
        laid = [word for attack in ATTACKS for word in ("--attack", attack)]
        build.generate(capture, "--seconds", "30", "--scale", "1", *laid, "day")
        eve = os.path.join(folder, "eve.json")
        options = ["-c", common.DEMO, "--eve", eve, "--redis", redis.url]
        options += [word for option in SMALL for word in ("--set", option)]
        with wire.Sensor(build, link, folder, *options) as sensor:
            if not cases.check("the_sensor_starts", sensor.receives(), sensor.said()):
                cases.finish()
            rate = rate_held(link, build, sensor)
            cases.check("a_rate_is_held", rate > 0, sensor.said())
            print(f"# held: {rate} frames a second; half of it goes on for {minutes:g} minutes")
            warm_up(link, build)
            time.sleep(1)  # who asked for statistics has gone
            samples = Samples(sensor.process.pid)
            sent_well = load(link, build, capture, eve, rate / 2, int(minutes * 60), samples)
            time.sleep(1)
            cases.check("traffic_was_sent_until_the_end", sent_well, "")
            cases.check("no_process_was_started_again", samples.same, sensor.said()[-3000:])
            if build.sanitized():
                cases.skip("memory_and_descriptors", "a sanitizer keeps what is freed")
            else:
                judge(cases, samples, sensor.stats()["courier"]["counters"]["alerts.read"])
            sent = frames_sent(link)
            code, summary = sensor.end()
        cases.check("it_ends_well", code == 0 and summary, f"exit {code}\n{sensor.said()[-3000:]}")
        lost = wire.drops(summary) if summary else 0
        print(f"# sent {sent}, lost {lost}")
        cases.check("what_was_sent_is_received_or_lost_to_the_frame", summary and sent == summary["packets"] + lost,
                    f"sent {sent}, received {summary and summary['packets']}, lost {lost}")
        cases.check("the_books_are_kept", not common.broken_identities(summary), common.broken_identities(summary))
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""books.py BUILD: the books, the board and the points of a live run over a capture file (net_pcap), with a spool and a Redis.

Proves: the books of the first minute hold, and do so while Redis stands still and after its courier was killed; their
terms are those of `yagura stats --json`; the board is ok, then degraded by name, and blind when nothing comes any more;
points of seconds add up to the packets of the file. Exits 77 without redis-server, or where DPDK has no net_pcap.
"""
import glob
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import redis_twice  # noqa: E402 (a server, and attacks)

common = redis_twice.common
RING_HEADER, POINT_BYTES, SENSOR = 4096, 72, 0xFFFE  # model/point.h


def wait_for(what, seconds=15):
    deadline, value = time.monotonic() + seconds, what()
    while not value and time.monotonic() < deadline:
        time.sleep(0.1)
        value = what()
    return value


class Sensor:
    def __init__(self, build, folder, redis, capture):
        self.build, self.control = build, os.path.join(folder, "control.sock")
        spool = os.path.join(folder, "spool")
        os.makedirs(spool)
        options = {
            "capture.hugepages": "never",
            "capture.memory": "128MiB",
            "flow.table": "65536",
            "sensor.user": "",
            "sensor.name": "books",
            "metrics.listen": "",
            "control.socket": self.control,
            "spool.folder": spool,
            "mirror.silence": "6s",
        }
        words = [build.path("yagura"), "run", "-c", common.DEMO, "--json", "--redis", redis.url]
        words += ["--port", f"net_pcap0,rx_pcap={capture}"]
        for key, value in options.items():
            words += ["--set", f"{key}={value}"]
        self.err = open(os.path.join(folder, "err"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.err, text=True)

    def shared(self, name):
        """The bytes of a memory that the supervisor holds."""
        for path in glob.glob(f"/proc/{self.process.pid}/fd/*"):
            try:
                if f"memfd:{name} " in os.readlink(path) + " ":
                    with open(path, "rb") as memory:
                        return memory.read()
            except OSError:
                continue
        return b""

    def board(self):
        for _ in range(50):
            memory = self.shared("yagura-board")
            sequence, length = struct.unpack("<QQ", memory[:16]) if memory else (0, 0)
            if sequence and sequence % 2 == 0:
                words = memory[16 : 16 + length].split(b"\0")
                return {name.decode(): value.decode() for name, value in zip(words[::2], words[1::2])}
            time.sleep(0.01)
        return {}

    def points(self):
        memory = self.shared("yagura-points")
        head = struct.unpack("<Q", memory[64:72])[0]
        return [struct.unpack("<qIHH7Q", memory[RING_HEADER + i * POINT_BYTES :][:POINT_BYTES]) for i in range(head)]

    def stats(self):
        return common.read_json(self.build.yagura("stats", "--json", "--socket", self.control).out) or {}

    def books(self):
        return self.stats().get("supervisor", {}).get("books", {})

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=30)
        return self.process.returncode, common.read_json(out)


def child(sensor, name):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat, open(f"/proc/{pid}/cmdline", encoding="utf-8") as words:
                if int(stat.read().rsplit(")", 1)[1].split()[1]) == sensor.process.pid and name in words.read():
                    return int(pid)
        except OSError:
            pass  # gone meanwhile
    return 0


def look(cases, sensor, redis, packets):
    started = wait_for(lambda: sensor.board().get("state") == "ok")
    cases.check("the_board_is_ok_once_it_receives", started, sensor.board())
    os.kill(redis.process.pid, signal.SIGSTOP)
    os.kill(child(sensor, "yagura-courier"), signal.SIGKILL)
    worse = wait_for(lambda: "restarts" in sensor.board().get("why", ""))
    cases.check("a_courier_that_died_degrades_it", worse and sensor.board()["state"] != "ok", sensor.board())
    os.kill(redis.process.pid, signal.SIGCONT)
    closed = wait_for(lambda: sensor.books().get("closed"))
    books = sensor.books()
    cases.check("the_books_are_closed_and_hold", closed and books["unaccounted"] == 0 and books["raised"] > 0, books)
    delivered = wait_for(lambda: sensor.books()["delivered"] == sensor.books()["raised"])
    stats = sensor.stats()
    cases.check("what_was_raised_is_delivered", delivered, stats.get("courier"))
    cases.check("it_is_blind_when_nothing_comes", wait_for(lambda: sensor.board().get("state") == "blind"), sensor.board())
    cases.check("and_says_why", "silent" in sensor.board()["why"], sensor.board())
    seconds = [point for point in sensor.points() if point[1] == 1 and point[2] == SENSOR]
    cases.check("points_add_up_to_the_packets", sum(point[4] + point[5] for point in seconds) == packets, seconds[:4])
    bodies = [point for point in sensor.points() if point[1] == 1 and point[2] != SENSOR]
    cases.check("bodies_have_their_own", len({point[2] for point in bodies}) > 1, bodies[:4])


def main():
    build, cases = common.start(sys.argv), common.Cases()
    if not shutil.which("redis-server") or not shutil.which("redis-cli"):
        common.skip("needs redis-server and redis-cli")
    if not glob.glob("/usr/lib/*/dpdk/pmds-*/librte_net_pcap.so*"):
        common.skip("DPDK has no net_pcap here")
    with common.scratch() as folder:
        attacks = [word for attack in redis_twice.ATTACKS for word in ("--attack", attack)]
        capture = build.generate(os.path.join(folder, "day.pcap"), "--seconds", "60", *attacks, "day")
        with redis_twice.Redis(folder, "books.sock").start() as redis:
            sensor = Sensor(build, folder, redis, capture)
            try:
                wait_for(lambda: sensor.board().get("packets", "0") != "0")
                packets = wait_for(lambda: sensor.board().get("silent_s") not in (None, "0") and int(sensor.board()["packets"]))
                look(cases, sensor, redis, packets)
                code, summary = sensor.end()
            finally:
                sensor.process.kill()
                sensor.process.wait(10)
            cases.check("it_ends_with_0_and_its_identities", code == 0 and not common.broken_identities(summary), (code, summary and summary["identities"]))
            entries = redis.ask("XRANGE", "yagura:books:alerts", "-", "+") or []
            numbers = [json.loads(one[1][1])["alert"]["context"]["sequence"] for one in entries]
            cases.check("numbers_grow_by_one_over_the_death_of_a_courier", numbers == list(range(1, len(numbers) + 1)) != [], numbers)
    cases.finish()


if __name__ == "__main__":
    main()

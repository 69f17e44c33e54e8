#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""redis_sentinel.py BUILD [KILLS]: the primary dies with -9, again and again, under alerts that do not pause.

Proves, with two Redis and three Sentinels on loopback, the users of configs/redis/users.acl, min-replicas-to-write 1, redis.replicas 1 and
the spool on disk: after each kill the courier finds the new primary, and at the end its streams hold every alert and every flow record
once and in order: lost 0, duplicates 0. A courier that is killed with -9 in between costs nothing either. A Sentinel that names a replica,
knows no such name, or is away, has its state, and the next Sentinel is asked. Each killed Redis comes back as a replica: while it does,
alerts wait. A primary that comes back empty, before a Sentinel has missed it, gets everything again.

Three kills; YAGURA_LONG in the environment makes it ten, with the append-only file and ten without it. Exits 77 without redis-server.
"""
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import common  # noqa: E402
from redis_acl import password, shipped  # noqa: E402
from redis_script import Script, Server, encode  # noqa: E402

KEY, NAME = "yagura:test:alerts", "yagura"
WAIT_S, SENTINELS, RING = 120, 3, 2048
FORGOTTEN = 3000
BATCH, PAUSE_S = 25, 0.01  # up to 2,500 alerts a second are pushed


def free_ports(count):
    """Below those that the kernel gives to connections: a server that is killed finds its port free when it comes back, whoever else is at work."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as bounds:
        highest = max(int(bounds.read().split()[0]) - 1, 12000)
    sockets = []
    while len(sockets) < count:
        try:
            sockets.append(socket.create_server(("127.0.0.1", random.randint(10000, highest))))
        except OSError:
            continue
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def cli(port, *words, user="admin"):
    login = ("--user", user, "--pass", password(user), "--no-auth-warning") if user else ()
    return common.run(["redis-cli", "-p", str(port), *login, *words], timeout=30).out.strip()


class Process:
    """A Redis or a Sentinel, from a configuration that it may rewrite."""

    def __init__(self, program, folder, name, port, lines):
        self.port, self.folder, self.conf, self.command = port, os.path.join(folder, name), os.path.join(folder, name + ".conf"), program
        os.makedirs(self.folder)
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write("\n".join([f"port {port}", "bind 127.0.0.1", f"dir {self.folder}", f"logfile {self.folder}/log", *lines]) + "\n")
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen([*self.command[:1], self.conf, *self.command[1:]], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


class Cluster:
    def __init__(self, folder, appendonly):
        ports = free_ports(2 + SENTINELS)
        acl = os.path.join(folder, "users.acl")
        with open(acl, "w", encoding="utf-8") as file:
            text = shipped(common.ROOT).replace("yagura:egress-1:", "yagura:test:")
            file.write(re.sub(r"^user (replica|sentinel) off", r"user \1 on", text, flags=re.M))
        redis = [f"aclfile {acl}", f"appendonly {appendonly}", 'save ""', "masteruser replica", f'masterauth "{password("replica")}"', "min-replicas-to-write 1",
                 "min-replicas-max-lag 10", "repl-diskless-sync-delay 0", "repl-ping-replica-period 1", "enable-debug-command no"]
        self.redis = {port: Process([common.redis_server()], folder, f"redis-{port}", port, redis + ([f"replicaof 127.0.0.1 {ports[0]}"] if port != ports[0] else []))
                      for port in ports[:2]}
        watch = [f"sentinel monitor {NAME} 127.0.0.1 {ports[0]} 2", f"sentinel auth-user {NAME} sentinel",
                 f'sentinel auth-pass {NAME} "{password("sentinel")}"', f"sentinel down-after-milliseconds {NAME} 2000",
                 f"sentinel failover-timeout {NAME} 5000"]
        self.sentinels = [Process([common.redis_server(), "--sentinel"], folder, f"sentinel-{port}", port, watch) for port in ports[2:]]

    def url(self):
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in self.sentinels)
        return f"sentinel://sensor:{password('sensor').replace(' ', '%20')}@{hosts}/{NAME}"

    def primary(self):
        """By the word of a Sentinel, when the Redis says so itself."""
        said = cli(self.sentinels[0].port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME, user=None).splitlines()
        port = int(said[1]) if len(said) == 2 else None
        return port if port in self.redis and cli(port, "ROLE").startswith("master") else None

    def whole(self):
        port = self.primary()
        return bool(port and "state=online" in cli(port, "INFO", "replication"))

    def watched(self):
        said = [cli(one.port, "SENTINEL", "MASTER", NAME, user=None).splitlines() for one in self.sentinels]
        facts = [dict(zip(lines[::2], lines[1::2])) for lines in said]
        return all(f.get("num-other-sentinels") == str(SENTINELS - 1) and f.get("num-slaves") == "1" for f in facts)

    def stop(self):
        for one in [*self.sentinels, *self.redis.values()]:
            one.stop()


def until(condition, seconds=WAIT_S):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


class Courier:
    def __init__(self, build, url, *options, drain="60s"):
        self.lock, self.pushed, self.enough = threading.Lock(), 0, threading.Event()
        self.errors = open(os.path.join(common_folder, f"courier-{time.monotonic_ns()}"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([build.path("tests", "courier_drive"), build.path("yagura-courier"), url, drain, *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.feeder = threading.Thread(target=self.feed, daemon=True)

    def ask(self, line):
        with self.lock:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline().strip()

    def stats(self):
        return {name: value if name == "state" else int(value) for name, value in (pair.split("=") for pair in self.ask("stats").split())}

    def feed(self):
        while not self.enough.is_set():
            stats = self.stats()
            if self.pushed - stats.get("alerts.delivered", 0) < RING - 2 * BATCH:  # a full ring would hold the other questions up
                self.pushed = int(self.ask(f"push {BATCH}").split()[1])
            time.sleep(PAUSE_S)

    def end(self):
        self.enough.set()
        if self.feeder.ident:
            self.feeder.join()
        stats = self.stats()
        code = int(self.ask("end").split()[1])
        self.errors.seek(0)
        return code, stats, self.errors.read()


def numbers(entries, mark):
    """What stands behind a mark in each entry of a stream, as XRANGE prints them."""
    return [int(n) for n in re.findall(re.escape(mark) + r"(\d+)", entries)]


def missing(sequences, last):
    """The ranges that are not there."""
    there, found = set(sequences), []
    for n in range(1, last + 1):
        if n not in there:
            if found and found[-1][1] == n - 1:
                found[-1][1] = n
            else:
                found.append([n, n])
    return found[:20]


def failovers(cases, build, folder, kills, appendonly):
    os.makedirs(folder)
    cluster = Cluster(folder, appendonly)
    try:
        if not cases.check("the_sentinels_watch_a_primary_with_a_replica", until(lambda: cluster.whole() and cluster.watched()), cluster.url()):
            return
        options = ("redis.replicas", "1", "spool.folder", os.path.join(folder, "spool"))
        courier, took, story, flows = Courier(build, cluster.url(), *options, "redis.flows", "true"), [], [], 0
        courier.feeder.start()
        for number in range(kills):
            if not until(cluster.whole) or not until(lambda: courier.stats()["state"] == "ready"):
                break
            time.sleep(0.5 + 0.13 * number)
            old, before = cluster.primary(), courier.stats().get("redis.delivered", 0)
            story.append(f"{old} is killed with {cli(old, 'XLEN', KEY)} entries; {cli(old, 'INFO', 'replication').split('connected_slaves')[-1].split()[:2]}")
            flows = int(courier.ask("flows 700").split()[1])
            cluster.redis[old].kill()
            began = time.monotonic()
            if number % 2:
                courier.ask("kill")
            if not until(lambda: cluster.primary() not in (None, old)):
                break
            story.append(f"{cluster.primary()} takes over with {cli(cluster.primary() or old, 'XLEN', KEY)} entries; {courier.stats()}")
            cluster.redis[old].start()  # Sentinel makes it a replica
            if not until(lambda: courier.stats().get("alerts.delivered", 0) > before + RING // 2):
                break
            took.append(time.monotonic() - began)
        cases.check(f"{kills}_primaries_are_killed_and_followed", len(took) == kills, f"{took}\n{courier.stats()}")
        code, stats, said = courier.end()
        primary = cluster.primary()
        ids = re.findall(r"^(\d+)-(\d+)$", cli(primary, "--raw", "XRANGE", KEY, "-", "+") if primary else "", re.M)
        pairs = [(int(a), int(b)) for a, b in ids]
        sequences = numbers(cli(primary, "--raw", "XRANGE", KEY, "-", "+"), '"test ') if primary else []
        there = numbers(cli(primary, "--raw", "XRANGE", KEY.replace("alerts", "flows"), "-", "+"), '"flow_id":') if primary else []
        cases.check("the_courier_ends_well", code == 0, f"exit {code}\n{said[-1500:]}")
        cases.check("no_alert_is_lost", sorted(set(sequences)) == list(range(1, courier.pushed + 1)),
                    f"{len(set(sequences))} of {courier.pushed}; not there: {missing(sequences, courier.pushed)}\n" + "\n".join(story) + "\n" + said)
        cases.check("no_alert_is_there_twice", len(sequences) == len(set(sequences)), f"{len(sequences)} and {len(set(sequences))}")
        cases.check("the_order_is_kept", pairs == sorted(pairs) and len({a for a, _ in pairs}) == 1, pairs[:3])
        cases.check("flow_records_are_there_once_and_in_order", there == list(range(1, flows + 1)), f"{len(there)} of {flows}")
        cases.check("moves_are_counted", stats.get("redis.failovers", 0) >= (kills + 1) // 2 and not stats.get("redis.lost"), stats)
        print(f"# {kills} kills of the primary, {kills // 2} of the courier: {courier.pushed} alerts, lost {courier.pushed - len(set(sequences))}, "
              f"twice {len(sequences) - len(set(sequences))}; {RING // 2} more delivered after {' '.join(f'{t:.1f}' for t in took)} s")
        print("# " + " ".join(f"{k}={v}" for k, v in stats.items() if k.startswith("redis.")))
        if cases.bad:
            for one in cluster.sentinels:
                with open(os.path.join(one.folder, "log"), encoding="utf-8", errors="replace") as log:
                    print("".join("# " + line for line in log.readlines()[-25:]))
    finally:
        cluster.stop()


def sequences_of(port):
    return [int(b) for _, b in re.findall(r"^(\d+)-(\d+)$", cli(port, "--raw", "XRANGE", KEY, "-", "+"), re.M)]


def comes_back_empty(cases, build, folder):
    """A primary without an append-only file that is back before a Sentinel has missed it: it knows nothing, is the primary still, and its replica
    throws away what it has. No setting of ours can hinder that; what is in the spool is sent again."""
    os.makedirs(folder)
    cluster = Cluster(folder, "no")
    try:
        if not cases.check("the_sentinels_watch_a_primary_that_will_forget", until(lambda: cluster.whole() and cluster.watched()), cluster.url()):
            return
        courier = Courier(build, cluster.url(), "redis.replicas", "1", "spool.folder", os.path.join(folder, "spool"))
        courier.feeder.start()
        until(lambda: courier.stats().get("alerts.delivered", 0) > FORGOTTEN)
        primary = cluster.primary()
        cluster.redis[primary].kill()
        cluster.redis[primary].start()
        until(lambda: courier.stats().get("redis.resent", 0) > 0)
        until(lambda: courier.stats()["state"] == "ready" and cluster.whole())
        code, stats, said = courier.end()
        left, replica = cluster.primary(), next(port for port in cluster.redis if port != cluster.primary())
        there = sequences_of(left)
        # some of what was on its way when it died was never told as delivered, and is sent, not sent again
        cases.check("the_same_one_is_primary_and_had_forgotten", left == primary and stats.get("redis.resent", 0) > FORGOTTEN // 2, f"{left} {primary}\n{stats}")
        cases.check("what_it_forgot_is_sent_again_in_order", code == 0 and there == list(range(1, courier.pushed + 1)),
                    f"exit {code}; {len(there)} of {courier.pushed}; not there: {missing(there, courier.pushed)}\n{said}")
        cases.check("and_its_replica_has_it_too", until(lambda: sequences_of(replica) == there, 10), len(sequences_of(replica)))
        print(f"# a primary came back empty: {stats.get('redis.resent', 0)} of {courier.pushed} alerts are sent again, "
              f"lost {courier.pushed - len(set(there))}, twice {len(there) - len(set(there))}")
    finally:
        cluster.stop()


def answer_as_sentinel(reply, password_wanted=False):
    def answer(connection, words):
        if words[0].upper() == "AUTH":
            connection.sentinel_known = True
            return b"+OK\r\n"
        if words[0].upper() != "SENTINEL":
            return None
        if password_wanted and not getattr(connection, "sentinel_known", False):
            return b"-NOAUTH Authentication required.\r\n"
        return reply() if callable(reply) else reply
    return answer


def scripted(cases, build):
    """Sentinels and a Redis that are made of Python: what no real one does on demand."""
    redis = Server(Script("redis", "ready", None, 0), ("sensor", "secret"))
    replica = Server(Script("replica", "ready", None, 0))
    replica.role = [b"slave", b"127.0.0.1", 1, b"connected", 0]
    here = encode(["127.0.0.1", str(redis.port)])
    away = free_ports(1)[0]

    def sentinel(reply, **more):
        return Server(Script("sentinel", "", answer_as_sentinel(reply, **more), None)).port

    def run(name, ports, state, delivered=True):
        redis.streams.clear()
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        courier = Courier(build, f"sentinel://sensor:secret@{hosts}/{NAME}", "redis.timeout", "1s", drain="8s" if delivered else "2s")
        courier.ask("push 10")
        seen = set()
        until(lambda: seen.add(courier.stats()["state"]) or courier.stats().get("alerts.delivered") == 10 or (not delivered and state in seen), 20)
        code, stats, said = courier.end()
        good = code == (0 if delivered else 69) and len(redis.lines(KEY)) == (10 if delivered else 0)
        cases.check(f"a_sentinel_{name}", good and (not state or f"Redis: {state}: " in said), f"exit {code}\n{stats}\n{said}")

    run("that_is_away_is_followed_by_the_next", [away, sentinel(here)], "away")
    run("without_the_name_is_followed_by_the_next", [sentinel(b"*-1\r\n"), sentinel(here)], "no_primary")
    run("that_wants_a_password_gets_it", [sentinel(here, password_wanted=True)], "")
    run("that_is_none_is_followed_by_the_next", [sentinel(b"+HTTP\r\n"), sentinel(encode(["127.0.0.1", "99999"])), sentinel(here)], "garbage")
    turns = iter([encode(["127.0.0.1", str(replica.port)])] * 2)
    run("that_names_a_replica_is_asked_again", [sentinel(lambda: next(turns, here))], "readonly")
    run("that_knows_nothing_is_asked_in_vain", [sentinel(b"*-1\r\n")], "no_primary", delivered=False)


common_folder = ""


def main(arguments):
    global common_folder
    common.needs_named_server()
    build = common.start(arguments)
    kills = int(arguments[2]) if len(arguments) > 2 else 10 if os.environ.get("YAGURA_LONG") else 3
    cases = common.Cases()
    with common.scratch() as folder:
        common_folder = folder
        scripted(cases, build)
        if common.redis_server() and shutil.which("redis-cli"):
            comes_back_empty(cases, build, os.path.join(folder, "empty"))
            for appendonly in ("yes", "no") if os.environ.get("YAGURA_LONG") else ("yes",):
                failovers(cases, build, os.path.join(folder, "appendonly-" + appendonly), kills, appendonly)
        else:
            cases.skip("failovers", "no redis-server")
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

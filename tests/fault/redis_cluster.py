#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""redis_cluster.py BUILD [MOVES]: three nodes of a Redis Cluster, and the slot of the stream moves from one to the next under alerts.

Proves: a courier that is given any one node finds the one that has its stream; when the slot moves, with its key, the courier follows;
while it is on its way, alerts wait. At the end the stream holds every alert once and in order. A courier that is killed with -9 in between
costs nothing. Marks of age are on the stream's node, and so are the streams of flow records and metrics, with everything once and in
order; the list is on the node of its own slot. Two nodes that point at each other are not asked in a tight loop.

Three moves; YAGURA_LONG makes it ten. Exits 77 without redis-server.
"""
import os
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import common  # noqa: E402
import redis_sentinel  # noqa: E402
from redis_script import Script, Server  # noqa: E402
from redis_sentinel import KEY, Courier, Process, free_ports, numbers, until  # noqa: E402


LIST = "yagura:test:list"


def cli(port, *words):
    return common.run(["redis-cli", "-p", str(port), *words], timeout=30).out.strip()


class Cluster:
    def __init__(self, folder):
        ports = free_ports(6)
        lines = ["cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 2000", 'save ""', "appendonly no"]
        self.nodes = {port: Process([common.redis_server()], folder, f"node-{port}", port, [*lines, f"cluster-port {bus}"])
                      for port, bus in zip(ports[:3], ports[3:])}
        until(lambda: all(cli(port, "PING") == "PONG" for port in self.nodes))
        first = ports[0]
        for number, (port, bus) in enumerate(zip(ports[:3], ports[3:])):
            cli(port, "CLUSTER", "ADDSLOTSRANGE", str(number * 5461), str(16383 if number == 2 else number * 5461 + 5460))
            cli(port, "CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            if port != first:
                cli(first, "CLUSTER", "MEET", "127.0.0.1", str(port), str(bus))
        self.slot = int(cli(first, "CLUSTER", "KEYSLOT", KEY))

    def sound(self):
        return all("cluster_state:ok" in cli(port, "CLUSTER", "INFO") and "cluster_known_nodes:3" in cli(port, "CLUSTER", "INFO") for port in self.nodes)

    def owner(self):
        for port in self.nodes:
            for line in cli(port, "CLUSTER", "NODES").splitlines():
                if "myself" in line and any(int(a) <= self.slot <= int(b or a) for a, b in re.findall(r" (\d+)(?:-(\d+))?(?= |$)", line.split("connected", 1)[1])):
                    return port
        return None

    def move(self, there, slowly):
        here = self.owner()
        ids = {port: cli(port, "CLUSTER", "MYID") for port in (here, there)}
        cli(there, "CLUSTER", "SETSLOT", str(self.slot), "IMPORTING", ids[here])
        cli(here, "CLUSTER", "SETSLOT", str(self.slot), "MIGRATING", ids[there])
        keys = cli(here, "CLUSTER", "GETKEYSINSLOT", str(self.slot), "10").splitlines()
        said = cli(here, "MIGRATE", "127.0.0.1", str(there), "", "0", "5000", "KEYS", *keys)
        time.sleep(slowly)  # here the key is gone and the slot is not yet there
        for port in (there, here, *self.nodes):
            cli(port, "CLUSTER", "SETSLOT", str(self.slot), "NODE", ids[there])
        return said == "OK"

    def stop(self):
        for one in self.nodes.values():
            one.stop()


def moves(cases, build, folder, count):
    cluster = Cluster(folder)
    try:
        if not cases.check("three_nodes_are_a_cluster", until(cluster.sound), [cli(port, "CLUSTER", "NODES") for port in cluster.nodes]):
            return
        seed = next(port for port in cluster.nodes if port != cluster.owner())
        courier, done, flows, seconds = Courier(build, f"redis://127.0.0.1:{seed}", "redis.maxage", "1h", "spool.folder", os.path.join(folder, "spool"),
                                                "redis.flows", "true", "redis.list.key", LIST), 0, 0, 0
        courier.feeder.start()
        for number in range(count):
            before = courier.stats().get("alerts.delivered", 0)
            if not until(lambda: courier.stats().get("alerts.delivered", 0) > before + 500):
                break
            there = next(port for port in cluster.nodes if port != cluster.owner())
            flows, seconds = int(courier.ask("flows 700").split()[1]), seconds + 1
            done += cluster.move(there, 0.3 * (number % 3))
            if number % 2:
                courier.ask("kill")
        code, stats, said = courier.end()
        owner = cluster.owner()
        pairs = [(int(a), int(b)) for a, b in re.findall(r"^(\d+)-(\d+)$", cli(owner, "--raw", "XRANGE", KEY, "-", "+"), re.M)]
        alerts = numbers(cli(owner, "--raw", "XRANGE", KEY, "-", "+"), '"test ')
        cases.check(f"the_slot_moves_{count}_times", done == count, f"{done}\n{stats}\n{said}")
        cases.check("the_courier_ends_well", code == 0, f"exit {code}\n{stats}\n{said[-1500:]}")
        cases.check("every_alert_is_there_once_and_in_order", alerts == list(range(1, courier.pushed + 1)) and len({a for a, _ in pairs}) == 1,
                    f"{len(pairs)} of {courier.pushed}\n{stats}\n{said[-1500:]}")
        marks = cli(owner, "KEYS", "*marks").splitlines()
        cases.check("marks_are_where_the_stream_is", marks == ["yagura:test:{" + KEY + "}:marks"], marks)
        for lane, mark, last in (("flows", '"flow_id":', flows), ("metrics", '"packets_in":', seconds)):
            there = numbers(cli(owner, "--raw", "XRANGE", "yagura:test:{" + KEY + "}:" + lane, "-", "+"), mark)
            cases.check(f"{lane}_are_beside_it_once_and_in_order", there == list(range(1, last + 1)), f"{len(there)} of {last}\n{said[-1500:]}")
        lines = [cli(port, "LLEN", LIST) for port in cluster.nodes]
        cases.check("the_list_is_on_its_node", str(courier.pushed + flows) in lines, f"{lines}, {courier.pushed} and {flows}\n{stats}")
        print(f"# {count} moves, {count // 2} kills of the courier: {courier.pushed} alerts, {len(pairs)} there; "
              + " ".join(f"{k}={v}" for k, v in stats.items() if k.startswith("redis.")))
    finally:
        cluster.stop()


def point_at_each_other(cases, build):
    """Each says that the other has it."""
    one, other = Server(Script("one", "cluster", None, None)), Server(Script("other", "cluster", None, None))
    for here, there in ((one, other), (other, one)):
        here.script.answer = lambda connection, words, port=there.port: (
            b"-MOVED 5 127.0.0.1:%d\r\n" % port if words[0].upper() == "XINFO" else None)
    courier = Courier(build, f"redis://127.0.0.1:{one.port}", drain="1s")
    courier.ask("push 10")
    time.sleep(3)
    code, stats, said = courier.end()
    asked = len(one.attempts) + len(other.attempts)
    # six in a row, then a rest of 0.1 s that doubles: five or six times within four seconds
    cases.check("nodes_that_point_at_each_other_are_not_asked_in_a_tight_loop", code == 69 and 6 < asked <= 48 and "Redis: cluster: MOVED" in said,
                f"exit {code}, {asked} attempts\n{stats}\n{said}")
    print(f"# two nodes that point at each other are asked {asked} times in 4 s")


def main(arguments):
    common.needs_named_server()
    build = common.start(arguments)
    count = int(arguments[2]) if len(arguments) > 2 else 10 if os.environ.get("YAGURA_LONG") else 3
    cases = common.Cases()
    with common.scratch() as folder:
        redis_sentinel.common_folder = folder
        point_at_each_other(cases, build)
        if common.redis_server() and shutil.which("redis-cli"):
            moves(cases, build, folder, count)
        else:
            cases.skip("moves", "no redis-server")
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""bodies_apart.py BUILD: what a flood on one body cannot take from others.

A flood of forged SYNs on a server of one body saturates the only worker: a capture file that goes round for ever is a port that always
has frames, as fast as they can be taken. Meanwhile scans of hosts of two other bodies come through a veth pair: one whose ports refuse
and one whose ports are silent. Both are found, by kind, target and body. Every step of shedding is seen in the counters while the flood
lasts, and shedding is one alert that opens once.

Then a million SYNs of as many forged sources pass a small flow table, which turns over many times, between the packets of a thousand
established flows: 99 % of those are written at the end with all their packets.

Exits 77 where there are no namespaces, no tcpreplay or no net_pcap.
"""
import collections
import glob
import json
import os
import random
import re
import struct
import sys
import time

import wire
from wire import common

FLOOD_FRAMES, BUFFERS, TABLE = 50_000, (1 << 16) - 1, 65536  # more forged flows than the table has places for them
FLOODED = ("203.0.113.70", "kirihara")
SCANS = (("scan_vertical", "198.51.100.140"), ("scan_vertical_silent", "203.0.113.98"))
STEPS = ("shed.1.flows_not_dissected", "shed.2.records", "shed.2.contacts", "shed.3.packets_counted_only")
SHOWN = re.compile(r"^(yagura_(?:worker_shed_step|shed_total)\S*) (\S+)$", re.M)
UNTIL_STEP_3_S = 30

FORGED, MARKED, DATA = 1_000_000, 1_000, 20
KEPT = 0.99


def starts(cases, sensor):
    return cases.check("the_sensor_starts", sensor.receives(), sensor.said())


# ---- a flood on one body, scans of others ----


def body_of(truth):
    """{(kind, target): body} of what was laid in."""
    with open(truth, encoding="utf-8") as lines:
        rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {(row[0], row[2]): row[3] for row in rows}


def step_of(sensor):
    return sensor.stats().get("engine", {}).get("workers", [{}])[0].get("shed_step", 0)


def wait_step(sensor, step, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if step_of(sensor) >= step:
            return True
        time.sleep(0.1)
    return False


def opened(path):
    """{(kind, target): bodies}, one for each time that an alert opened."""
    found = collections.defaultdict(list)
    for alert in wire.alerts(path):
        context = alert["alert"]["context"]
        if context["state"] == "open":
            found[context["kind"], context["target"]].append(context["org"]["code"] if context.get("org") else "")
    return found


def check_scans(cases, found, wanted, detail):
    for (kind, target), body in wanted.items():
        scans = {key: bodies for key, bodies in found.items() if key[0].startswith("scan.") and key[1] == target}
        cases.check(f"the_{kind}_of_{target}_is_found_with_its_body", set(scans) == {(kind, target)} and set(scans[kind, target]) == {body},
                    f"want {kind} {target} {body}\nfound {dict(found)}\n{detail}")


def apart(cases, build, folder):
    flood, scans, day, truth = (os.path.join(folder, name) for name in ("flood.pcap", "scans.pcap", "day.pcap", "truth"))
    eve = os.path.join(folder, "apart.json")
    build.generate(flood, "--seconds", "21", "--attack", f"syn_flood,at=0,for=21,pps={FLOOD_FRAMES // 20},target={FLOODED[0]},family=4", "none")
    laid = [word for name, target in SCANS for word in ("--attack", f"{name},at=1,target={target},family=4")]
    build.generate(scans, "--seconds", "28", "--truth", truth, *laid, "none")
    build.generate(day, "--seconds", "20", "--scale", "1", "--family", "6", "day")  # flows that step 1 leaves undissected
    with wire.Wire() as link:
        options = ("-c", common.DEMO, "--eve", eve, "--set", f"capture.buffers={BUFFERS}", "--set", f"flow.table={TABLE}",
                   "--set", "capture.memory=384MiB", "--set", "capture.hugepages=never")
        with wire.Sensor(build, link, folder, *options, port=f"net_pcap0,rx_pcap={flood},infinite_rx=1 {link.far}", name="apart") as sensor:
            beside = link.replaying(day, "--loop=0", "--pps=2000")
            if not starts(cases, sensor):
                beside.kill()
                return
            cases.check("the_worker_sheds_in_three_steps", wait_step(sensor, 3, UNTIL_STEP_3_S), sensor.stats())
            beside.terminate()
            beside.wait(20)
            sent = link.replay(scans, "--timer=gtod")
            time.sleep(8)  # an attempt without an answer ends after five
            during = sensor.stats()
            shown = {name: float(value) for name, value in SHOWN.findall(sensor.metrics())}
            code, summary = sensor.end()
    counters = during["engine"]["workers"][0]["counters"] if during else {}
    cases.check("scans_were_sent", sent.code == 0, sent.err)
    cases.check("every_step_shows_in_the_counters", all(counters.get(name) for name in STEPS), {name: counters.get(name) for name in STEPS})
    cases.check("every_step_shows_in_the_metrics", shown.get('yagura_worker_shed_step{worker="0"}') == 3 and len(shown) >= len(STEPS) + 1 and
                all(shown.values()), shown)
    found = opened(eve)
    shed = [bodies for (kind, _), bodies in found.items() if kind == "sensor.shed"]
    cases.check("shedding_is_one_alert_that_opens_once", [len(bodies) for bodies in shed] == [1], dict(found))
    cases.check("the_flood_is_one_alert_of_its_body", found.get(("dos.syn_flood", FLOODED[0])) == [FLOODED[1]], dict(found))
    check_scans(cases, found, body_of(truth), f"counters {counters}")
    received = counters.get("received", 0)
    print(f"# the worker took {received} frames, {counters.get(STEPS[3])} of them counted only")
    cases.check("the_books_are_kept", code == 0 and not common.broken_identities(summary), common.broken_identities(summary))


# ---- marked flows in a small table ----


def checksum(words):
    total = sum(words)
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff


def frame(source, target, ports, flags, numbers=(1, 0), payload=b""):
    """IPv4 and TCP; without a checksum of TCP, which nobody looks at."""
    length = 40 + len(payload)
    words = (0x4500, length, 0x4000, 0x4006, source >> 16, source & 0xffff, target >> 16, target & 0xffff)
    ip = struct.pack("!HHHHHHII", 0x4500, length, 0, 0x4000, 0x4006, checksum(words), source, target)
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + struct.pack("!HHIIBBHHH", *ports, *numbers, 0x50, flags, 65535, 0, 0) + payload.ljust(6, b".")


def marked_packets(n):
    """One flow whole, in turns: its handshake, then DATA packets with payload from one side and the other."""
    ends, ports, text = (0xc6120000 + n, 0x0aff0000 + n), (20000 + n, 443), b"marked"
    back, ports_back = ends[::-1], ports[::-1]
    yield [frame(*ends, ports, 0x02, (1000, 0)), frame(*back, ports_back, 0x12, (5000, 1001)), frame(*ends, ports, 0x10, (1001, 5001))]
    for i in range(DATA // 2):
        at = i * len(text)
        yield [frame(*ends, ports, 0x18, (1001 + at, 5001 + at), text)]
        yield [frame(*back, ports_back, 0x18, (5001 + at, 1001 + at + len(text)), text)]


def write_turnover(path):
    """A million forged SYNs; the turns of the marked flows spread evenly over them. Returns the packets of a marked flow."""
    turns = 1 + DATA
    flows = [marked_packets(n) for n in range(MARKED)]
    every = FORGED // (MARKED * turns)
    rng, due = random.Random(1), 0
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number in range(FORGED):
            frames = [frame(0x64000000 + number, 0x0a000001, (rng.getrandbits(16) | 1, 80), 0x02)]
            if number % every == 0 and due < MARKED * turns:
                frames += next(flows[due % MARKED])
                due += 1
            for data in frames:
                out.write(struct.pack("<IIII", 1780967100, 0, len(data), len(data)) + data)
    return 3 + DATA


def marked_records(path):
    """{marked address: packets of each of its records}"""
    found = collections.defaultdict(list)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if '"event_type":"flow"' in line[:200] and "10.255." in line:
                event = json.loads(line)
                found[event["dest_ip"]].append(event["flow"]["pkts_toserver"] + event["flow"]["pkts_toclient"])
    return found


def turnover(cases, build, folder):
    capture, eve = os.path.join(folder, "turnover.pcap"), os.path.join(folder, "turnover.json")
    each = write_turnover(capture)
    want = FORGED + MARKED * each
    with wire.Wire() as link:
        options = ("--home", "10.0.0.0/8", "--eve", eve, "--set", "flow.table=32768", "--set", "capture.memory=128MiB")
        with wire.Sensor(build, link, folder, *options, port=f"net_pcap0,rx_pcap={capture}", name="turnover") as sensor:
            if not starts(cases, sensor):
                return
            until = time.monotonic() + wire.SOON_S
            counters = {}
            while time.monotonic() < until and counters.get("received", 0) < want:
                time.sleep(0.2)
                counters = sensor.stats().get("engine", {}).get("workers", [{}])[0].get("counters", {})
            code, summary = sensor.end()
    cases.check("every_frame_is_received", summary and summary["packets"] == want, f"{summary and summary['packets']} of {want}\n{counters}")
    records = marked_records(eve)
    whole = sum(packets == [each] for packets in records.values())
    print(f"# {whole} of {MARKED} marked flows have one record with all {each} packets; {counters.get('flow.evicted')} flows were evicted, "
          f"{counters.get('shed.rises')} rises of shedding")
    cases.check("the_table_turns_over", counters.get("flow.evicted", 0) > FORGED // 2, counters)
    cases.check("marked_flows_are_written_with_all_their_packets", whole >= KEPT * MARKED,
                f"{whole} whole, {len(records)} seen: {collections.Counter(tuple(p) for p in records.values()).most_common(8)}\n{counters}")
    cases.check("the_books_are_kept_in_turnover", code == 0 and not common.broken_identities(summary), common.broken_identities(summary))


def main(arguments):
    wire.needs("ethtool", "tcpreplay")
    if not glob.glob("/usr/lib/*/dpdk/pmds-*/librte_net_pcap.so*"):
        common.skip("DPDK has no net_pcap here")
    build = common.start(arguments)
    cases = common.Cases()
    with common.scratch() as folder:
        turnover(cases, build, folder)
        apart(cases, build, folder)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

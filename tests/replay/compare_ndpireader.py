#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""compare_ndpireader.py YAGURA [CAPTURE...]: does Yagura call every flow what nDPI's own ndpiReader 4.2 calls it?

Both read each capture, and ndpi.proto of Yagura's flow events is held against the column ndpi_proto of ndpiReader's
CSV. Read are flows without payload that are made here, and what is there of $YAGURA_CAPTURES/ndpi and
$YAGURA_CAPTURES/mix.pcap; or the captures named. $YAGURA_LONG=1: all of them; otherwise each fourth below ndpi, and
mix.pcap. Of captures with the same content one is read.

How it counts:
  - Flows are matched by protocol, addresses and ports, in either direction; ports count for TCP and UDP alone, as in
    the CSV. Every tuple that either program has counts once. One that is not in the CSV counts as Unknown there.
  - ndpiReader keeps one flow of a tuple for ever, whatever was closed in between. Where Yagura has several, one after
    the other, it is held against ndpiReader's with the label that such a flow would have ended with: the first one
    read from payload, else the first guess by address or port, else Unknown.
  - Tuples that ndpiReader gives to a dissector which Yagura leaves out (dissector.off) are left out, and counted.
  - Everything else counts, also what differs because Yagura opens tunnels and puts fragments together, and so has other
    tuples than ndpiReader; how much that makes is told beside, from ndpiReader's list of the flows that it has seen.

Each difference is listed by its kind, with its count and an example. At least 99 % of the tuples must be equal, in the
captures of ndpi together and in mix.pcap; all of the flows without payload. Exits 77 without an ndpiReader 4.2.
"""
import collections
import concurrent.futures
import csv
import hashlib
import ipaddress
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

WANTED = 0.99
EVERY = 3  # captures, in the short run
SHOWN = 40  # kinds of differences
TIMEOUT = 120
SAW = re.compile(r"^\t\d+\t(\S+) (\S+?):(\d+) <?-> (\S+?):(\d+) \[proto: ")
NUMBERS = {
    "TCP": 6, "UDP": 17, "ICMP": 1, "IPv6-ICMP": 58, "ICMPV6": 58, "SCTP": 132, "GRE": 47, "ESP": 50, "AH": 51,
    "IGMP": 2, "IPIP": 4, "IPv6": 41, "OSPF": 89, "PIM": 103, "VRRP": 112, "L2TP": 115, "UDPLite": 136,
}  # fmt: skip
NAMES = {number: name for name, number in NUMBERS.items() if name != "ICMPV6"}

Counts = collections.namedtuple("Counts", "tuples equal off one_sided kinds")


def plain_address(text):
    """ndpiReader writes each ":0:" of an IPv6 address as "::", which cannot be undone; so both sides get it."""
    text = text.strip("[]")
    try:
        text = str(ipaddress.ip_address(text))
    except ValueError:
        pass  # one of those with "::" twice
    return text.replace(":0:", "::")


def key_of(proto, one, one_port, other, other_port):
    number = NUMBERS.get(proto) or int(proto)
    ports = number in (6, 17)
    ends = sorted((plain_address(a), int(p) if ports else 0) for a, p in ((one, one_port), (other, other_port)))
    return (number, *ends)


def run_ndpireader(capture, folder):
    """The labels of the CSV by tuple, and all tuples that it has seen, those without label included."""
    path = os.path.join(folder, "flows.csv")
    run = subprocess.run(
        ["ndpiReader", "-v", "2", "-i", capture, "-C", path], capture_output=True, timeout=TIMEOUT, check=False
    )
    labels, seen = collections.defaultdict(set), set()
    with open(path, encoding="utf-8", errors="replace", newline="") as lines:
        # The eleven columns that come first are never quoted; later ones hold what servers sent.
        for row in csv.reader((line for line in lines if line[:1].isdigit()), quoting=csv.QUOTE_NONE):
            key = key_of(row[1], row[5], row[6], row[7], row[8])
            seen.add(key)
            if row[10] != "Unknown":  # these are there for -v 2 alone
                labels[key].add(row[10])
    for line in run.stdout.decode("utf-8", "replace").split("\n"):
        found = SAW.match(line)
        if found and (found[1] in NUMBERS or found[1].isdigit()):
            seen.add(key_of(*found.groups()))
    return labels, seen


def run_yagura(yagura, capture, folder):
    """By tuple, the (name, confidence) of its flows in the order in which they began."""
    path = os.path.join(folder, "eve.json")
    command = [yagura, "replay", "--progress", "none", "--eve", path, capture]
    run = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    if run.returncode not in (0, 65):  # 65: the capture is damaged; what came before the damage counts
        raise RuntimeError(f"yagura exits {run.returncode}: {run.stderr.decode('utf-8', 'replace')[-300:]}")
    flows = collections.defaultdict(list)
    with open(path, encoding="utf-8") as lines:
        for event in map(json.loads, lines):
            if event["event_type"] != "flow":
                continue
            ends = (event["src_ip"], event.get("src_port", 0), event["dest_ip"], event.get("dest_port", 0))
            label = (event["ndpi"]["proto"], event["ndpi"]["confidence"])
            flows[key_of(event["proto"], *ends)].append((event["flow"]["start"], label))
    return {key: [label for _, label in sorted(found)] for key, found in flows.items()}


def label_of(found):
    """What one flow would have been called that all these connections belong to."""
    for sort in (lambda c: c.startswith("DPI"), lambda c: c == "Match by IP", lambda c: c.startswith("Match")):
        for name, confidence in found:
            if sort(confidence) and name != "Unknown":
                return name, confidence
    return found[-1]


def compare(yagura, off, capture):
    """One capture, read by both."""
    kinds = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        labels, seen = run_ndpireader(capture, folder)
        flows = run_yagura(yagura, capture, folder)
    tuples = equal = left_out = one_sided = 0
    for key in labels.keys() | flows.keys():
        theirs = labels.get(key, {"Unknown"})
        if any(off & set(name.split(".")) for name in theirs):
            left_out += 1
            continue
        tuples += 1
        ours, confidence = label_of(flows[key]) if key in flows else ("no such flow", "")
        if ours in theirs:
            equal += 1
            continue
        alone = key not in flows or key not in seen
        one_sided += alone
        said = "no such flow" if key not in seen else "/".join(sorted(theirs))
        told = f"{ours} ({confidence})" if confidence else ours
        kinds[(NAMES.get(key[0], str(key[0])), said, told)].append((os.path.basename(capture), key))
    return Counts(tuples, equal, left_out, one_sided, kinds)


def add_up(several):
    kinds = collections.defaultdict(list)
    for counts in several:
        for kind, examples in counts.kinds.items():
            kinds[kind] += examples
    return Counts(*(sum(column) for column in list(zip(*several))[:4]), kinds)


def ip_packet(proto, source, target, body):
    ends = [ipaddress.ip_address(end).packed for end in (source, target)]
    if len(ends[0]) == 16:
        return struct.pack("!IHBB", 6 << 28, len(body), proto, 64) + ends[0] + ends[1] + body
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, proto, 0) + ends[0] + ends[1] + body


def write_silent_flows(path):
    """A SYN or an empty datagram to many ports, of plain hosts and of two that nDPI knows by address; ICMP errors."""
    packets = []
    ports = (21, 22, 23, 25, 53, 80, 110, 123, 143, 179, 443, 500, 853, 1433, 3306, 3389, 5060, 6379, 8080, 25685)
    pairs = [("192.0.2.1", "198.51.100.7"), ("192.0.2.1", "8.8.8.8"), ("192.0.2.1", "31.13.72.36")]
    pairs.append(("2001:db8::1", "2001:db8:1::7"))
    for number, (source, target) in enumerate(pairs):
        for at, port in enumerate(ports):
            ends = struct.pack("!HH", 40000 + 100 * number + at, port)
            packets.append(ip_packet(6, source, target, ends + struct.pack("!IIBBHHH", 1, 0, 0x50, 2, 64000, 0, 0)))
            packets.append(ip_packet(17, source, target, ends + struct.pack("!HH", 8, 0)))
        v6 = ":" in source
        quoted = ip_packet(17, target, source, struct.pack("!HHHH", 7, 33434, 8, 0))
        packets.append(ip_packet(58 if v6 else 1, source, target, bytes((1 if v6 else 3, 1)) + bytes(6) + quoted))
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for at, packet in enumerate(packets):
            out.write(struct.pack("<IIII", 1700000000, at, len(packet), len(packet)) + packet)


def tell(name, captures, several, wanted):
    """Prints a verdict and the differences. True when enough is equal."""
    counts = add_up(several)
    share = counts.equal / max(counts.tuples, 1)
    both = counts.tuples - counts.one_sided
    good = share >= wanted and counts.tuples > 0
    print(f"{'ok' if good else 'not ok'} - {name}_is_called_what_ndpireader_calls_it")
    print(
        f"  {captures} captures, {counts.tuples} tuples, {counts.equal} equal: {share:.2%} (at least {wanted:.0%}); "
        f"{counts.equal / max(both, 1):.2%} of the {both} that both have; {counts.off} of dissectors turned off"
    )
    listed = sorted(counts.kinds.items(), key=lambda item: (-len(item[1]), item[0]))
    for (proto, theirs, ours), examples in listed[:SHOWN]:
        capture, key = min(examples)
        ends = " ".join(f"{address} {port}" if port else address for address, port in key[1:])
        print(f"  {len(examples):5}  {proto} ndpiReader: {theirs}; Yagura: {ours}; as {ends} in {capture}")
    if len(listed) > SHOWN:
        print(f"         and {len(listed) - SHOWN} kinds more")
    return good


def ndpi_captures(root):
    """Below root, of each content one, in the order of their names."""
    found = {}
    for folder, _, names in os.walk(os.path.join(root, "ndpi")):
        for path in (os.path.join(folder, name) for name in names if name.endswith((".pcap", ".pcapng"))):
            with open(path, "rb") as capture:
                content = hashlib.sha256(capture.read()).digest()
            found[content] = min(path, found.get(content, path))
    return sorted(found.values(), key=lambda path: (os.path.basename(path), path))


def dissectors_off(yagura):
    run = subprocess.run([yagura, "config", "dump-default"], capture_output=True, text=True, timeout=30, check=True)
    found = re.search(r'^ +"?off"?: *"?([^"#\n]+)', run.stdout, re.MULTILINE)
    if not found:
        raise RuntimeError("dissector.off is not in the default configuration")
    return {name.strip() for name in found[1].split(",")}


def groups_of(root, named, silent):
    """(name, captures, share that must be equal) of what is to be compared."""
    if named:
        return [("named", named, WANTED)]
    groups, mix = [("silent_flows", [silent], 1.0)], os.path.join(root, "mix.pcap")
    write_silent_flows(silent)
    if root and os.path.isdir(os.path.join(root, "ndpi")):
        groups.append(("ndpi", ndpi_captures(root)[:: 1 if os.environ.get("YAGURA_LONG") else EVERY], WANTED))
    if root and os.path.isfile(mix):
        groups.append(("mix", [mix], WANTED))
    if len(groups) < 3:
        print("skip - captures of others: no ndpi or no mix.pcap below $YAGURA_CAPTURES")
    return groups


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: compare_ndpireader.py YAGURA [CAPTURE...]")
    yagura, named = sys.argv[1], sys.argv[2:]
    reader = shutil.which("ndpiReader")
    if not reader or b"nDPI 4.2" not in subprocess.run([reader, "-h"], capture_output=True, check=False).stdout:
        print("skipped: needs ndpiReader 4.2 (Debian: libndpi-bin)")
        sys.exit(77)
    off, good = dissectors_off(yagura), True
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        silent = os.path.join(folder, "silent.pcap")
        for name, paths, wanted in groups_of(os.environ.get("YAGURA_CAPTURES", ""), named, silent):
            good &= tell(name, len(paths), list(pool.map(lambda path: compare(yagura, off, path), paths)), wanted)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# The capture reader against another reader. It proves that
#   - every frame of files made here (all formats, byte orders, clocks, block kinds) comes out as it was written, and as
#     tshark reads it where tshark is installed;
#   - every frame of every capture below $YAGURA_CAPTURES has the captured length, wire length, time and bytes that
#     tshark reads, and that the two agree on which files are damaged.
#
# usage: capture_against_tshark.py DUMP --generated
#        capture_against_tshark.py DUMP --captures [--every N]
#        capture_against_tshark.py --seeds FOLDER       (writes the files made here, for tests/fuzz/fuzz_capture.c)
# DUMP is the program built from capture_dump.c. Exit 77 (skipped) when what --captures needs is not there.
import argparse
import gzip
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

SKIPPED = 77
DAMAGED = 65
NO_INPUT = 66
BYTES_LIMIT = 8 << 20  # the bytes of packets are compared in files up to this size, their lengths and times in all
MICRO, NANO = 6, 9
PSEUDO_HEADERS = {123}  # link types of which tshark takes a header off (ATM): lengths and bytes are not comparable


class Frame:
    def __init__(self, ns, data, wirelen=None, interface=0, dlt=1):
        self.ns = ns  # None: the format has no stamp for it
        self.data = data
        self.wirelen = len(data) if wirelen is None else wirelen
        self.interface = interface
        self.dlt = dlt

    def key(self):
        return (self.ns, len(self.data), self.wirelen, self.interface, self.dlt, self.data.hex())


def payload(i, size):
    """Bytes that are no protocol's: broadcast Ethernet of the local experimental EtherType."""
    head = bytes.fromhex("ffffffffffff02000000000188b5")
    return (head + bytes((i * 7 + k) & 0xFF for k in range(size)))[:size]


# ---- writers ----


def pcap(frames, order="<", magic=0xA1B2C3D4, digits=MICRO, dlt=1, snaplen=262144, minor=4, extra=b""):
    out = struct.pack(order + "IHHiIII", magic, 2, minor, 0, 0, snaplen, dlt)
    for f in frames:
        lengths = (f.wirelen, len(f.data)) if minor < 3 else (len(f.data), f.wirelen)
        out += struct.pack(order + "IIII", f.ns // 10**9, f.ns % 10**9 // 10 ** (9 - digits), *lengths)
        out += extra + f.data
    return out


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    total = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + total + body + total


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order):
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order, dlt=1, snaplen=0, resolution=None, offset=None):
    body = struct.pack(order + "HHI", dlt, 0, snaplen)
    body += option(order, 2, b"eth0")
    if resolution is not None:
        body += option(order, 9, bytes([resolution]))
    if offset is not None:
        body += option(order, 14, struct.pack(order + "q", offset))
    return block(order, 1, body + option(order, 0, b""))


def packet(order, f, ticks, options=b""):
    head = struct.pack(order + "IIIII", f.interface, ticks >> 32, ticks & 0xFFFFFFFF, len(f.data), f.wirelen)
    return block(order, 6, head + f.data + bytes(-len(f.data) % 4) + options)


def old_packet(order, f, ticks):
    head = struct.pack(
        order + "HHIIII", f.interface, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(f.data), f.wirelen
    )
    return block(order, 2, head + f.data)


def simple_packet(order, f):
    return block(order, 3, struct.pack(order + "I", f.wirelen) + f.data)


# ---- the files made here: name, bytes, frames expected, exit status expected ----

START = 1_700_000_000 * 10**9


def plain_frames(digits, count=300, dlt=1):
    step = 10 ** (9 - digits)
    out = []
    for i in range(count):
        data = payload(i, (i * 37) % 1500 + 1)
        ns = START + i * 41_000_003
        out.append(Frame(ns // step * step, data, len(data) + (i % 3) * 10, dlt=dlt))
    return out


def pcap_cases():
    micro, nano = plain_frames(MICRO), plain_frames(NANO)
    for order, name in (("<", "little"), (">", "big")):
        yield f"pcap-us-{name}", pcap(micro, order), micro, 0
        yield f"pcap-ns-{name}", pcap(nano, order, 0xA1B23C4D, NANO), nano, 0
        yield f"pcap-patched-{name}", pcap(micro, order, 0xA1B2CD34, extra=bytes(8)), micro, 0
    yield "pcap-snaplen-lies", pcap(micro, snaplen=64), micro, 0
    yield "pcap-fcs-bits", pcap(micro, dlt=0x24000001), micro, 0
    for dlt in (0, 9, 12, 101, 108, 113, 147, 228, 229, 276):
        frames = plain_frames(MICRO, 5, dlt)
        yield f"pcap-dlt-{dlt}", pcap(frames, dlt=dlt), frames, 0
    yield "pcap-old-lengths", pcap(micro, minor=2), micro, 0
    yield "pcap-empty", pcap([]), [], 0
    for cut in (1, 8, 15, 16, 17, 40):
        yield f"pcap-cut-{cut}", pcap(micro)[:-cut], micro[:-1], DAMAGED
    big = [Frame(START, payload(1, 262144)), Frame(START, payload(2, 100))]
    yield "pcap-longest-frame", pcap(big), big, 0
    long = [Frame(START, payload(1, 60)), Frame(START, payload(1, 262145))]
    yield "pcap-frame-too-long", pcap(long), long[:1], DAMAGED
    wrapped = gzip.compress(pcap(micro), mtime=0)
    yield "pcap.gz", wrapped, micro, 0
    data = pcap(micro)
    yield "pcap-members.gz", gzip.compress(data[:999], mtime=0) + gzip.compress(data[999:], mtime=0), micro, 0


def pcapng_frames(order, body, frames, clocks):
    """One packet block a frame, alternating the two kinds that have a stamp. `clocks`: ticks from ns, an interface each."""
    for i, f in enumerate(frames):
        ticks = clocks[f.interface](f.ns)
        comment = option(order, 1, b"made here") + option(order, 0, b"") if i % 5 == 0 else b""
        body += old_packet(order, f, ticks) if i % 3 == 2 else packet(order, f, ticks, comment)
        if i % 7 == 0:
            body += block(order, 5, struct.pack(order + "III", f.interface, ticks >> 32, ticks & 0xFFFFFFFF))
        if i % 11 == 0:
            for kind in (0x0BAD, 0x40000BAD, 0x80000123):
                body += block(order, kind, struct.pack(order + "I", 32473) + b"made here")
    return body


def interfaces_case(order):
    """Interfaces that differ in link type, snap length, clock and offset."""
    kinds = [(1, 0, None, None), (101, 96, 9, None), (113, 65535, 6, 3600), (276, 262144, 0x80 | 20, None)]
    kinds += [(1, 128, 3, -7200), (0, 0, 10, 0)]
    body = section(order)
    for dlt, snaplen, resolution, offset in kinds:
        body += interface(order, dlt, snaplen, resolution, offset)
    tick_ns = [10**3, 1, 10**3, None, 10**6, None]
    clocks = [
        lambda ns: ns // 10**3,
        lambda ns: ns,
        lambda ns: ns // 10**3 - 3600 * 10**6,
        lambda ns: ns * 2**20 // 10**9,
        lambda ns: ns // 10**6 + 7200 * 10**3,
        lambda ns: ns * 10,
    ]
    frames = []
    for i in range(240):
        which = i % len(kinds)
        ns = START + i * 31_234_567
        if tick_ns[which]:
            ns -= ns % tick_ns[which]
        elif which == 3:
            ns = (ns * 2**20 // 10**9) * 10**9 >> 20
        data = payload(i, 20 + i)
        frames.append(Frame(ns, data, len(data) + i % 4, which, kinds[which][0]))
    clocks[3] = lambda ns: -(-ns * 2**20 // 10**9)
    return pcapng_frames(order, body, frames, clocks), frames


def pcapng_cases():
    micro = lambda ns: ns // 1000
    sections, all_frames = b"", []
    for order, name in (("<", "little"), (">", "big")):
        data, frames = interfaces_case(order)
        yield f"pcapng-interfaces-{name}", data, frames, 0
        sections += data
        all_frames += frames
        simple = [Frame(None, payload(i, 10 + i)) for i in range(50)]
        body = section(order) + interface(order, 1, 0)
        yield f"pcapng-simple-{name}", body + b"".join(simple_packet(order, f) for f in simple), simple, 0
        cut = [Frame(None, payload(i, 40), 40 + i) for i in range(50)]
        body = section(order) + interface(order, 1, 40)
        yield f"pcapng-simple-snaplen-{name}", body + b"".join(simple_packet(order, f) for f in cut), cut, 0
    yield "pcapng-sections", sections, all_frames, 0
    yield "pcapng.gz", gzip.compress(sections, mtime=0), all_frames, 0
    frames = plain_frames(MICRO, 40)
    head = section("<") + interface("<")
    body = b"".join(packet("<", f, micro(f.ns)) for f in frames)
    long = block("<", 4, bytes(3_000_000))
    yield "pcapng-long-block", head + long + body + long, frames, 0
    yield "pcapng-long-block-cut", head + body + long[:-1], frames, DAMAGED
    for cut in (1, 4, 9):
        yield f"pcapng-cut-{cut}", head + body[:-cut], frames[:-1], DAMAGED
    last = struct.pack("<I", 6)
    for name, length in (("zero", 0), ("odd", 61), ("short", 8), ("huge", 0xFFFFFFFC)):
        bad = last + struct.pack("<I", length) + bytes(60)
        yield f"pcapng-length-{name}", head + body + bad, frames, DAMAGED
    other = packet("<", Frame(START, payload(1, 60), interface=1), micro(START))
    yield "pcapng-no-such-interface", head + body + other, frames, DAMAGED
    yield "pcapng-lengths-differ", head + body + block("<", 4, bytes(8))[:-4] + bytes(4), frames, DAMAGED


def foreign_cases():
    yield "foreign-empty", b"", [], NO_INPUT
    yield "foreign-text", b"timestamp,source,destination\n" * 9, [], NO_INPUT
    yield "foreign-text.gz", gzip.compress(b"no capture at all", mtime=0), [], NO_INPUT
    yield "foreign-no-section", interface("<") + section("<"), [], NO_INPUT


# ---- readers ----


def ours(dump, path, with_bytes):
    done = subprocess.run([dump] + (["-x"] if with_bytes else []) + [path], capture_output=True, timeout=120)
    frames = []
    for line in done.stdout.decode().splitlines():
        if not line.startswith("#"):
            fields = line.split(" ")
            frames.append(tuple(int(v) for v in fields[1:7]) + (fields[7],))
    return done.returncode, frames, done.stderr.decode(errors="replace").strip()


def theirs(path, with_bytes):
    command = ["tshark", "-n", "-r", path, "-T", "fields"]
    for field in ("time_epoch", "cap_len", "len", "encap_type") + (("md5_hash",) if with_bytes else ()):
        command += ["-e", "frame." + field]
    if with_bytes:
        command += ["-o", "frame.generate_md5_hash:TRUE"]
    done = subprocess.run(command, capture_output=True, timeout=300)
    frames = [tuple(line.split("\t")) for line in done.stdout.decode().splitlines()]
    frames = [f for f in frames if f[3] != ""]  # tshark also lists custom blocks, which are no packets
    return done.returncode, frames, done.stderr.decode(errors="replace").strip()


def same_time(ns, text):
    if text == "":
        return True  # a simple packet block
    sign, seconds, fraction = re.fullmatch(r"(-?)(\d+)\.(\d+)", text).groups()
    rest = ns - int(seconds) * 10**9
    if not sign and rest == int(fraction):
        return True
    # A fraction above one second: we carry it over, tshark wraps it around at 32 bits with a sign.
    wrapped = -int(fraction) if sign else int(fraction)
    return 10**9 <= rest < 2**32 * 1000 and (rest - wrapped) % 2**32 == 0


def compare_frames(mine, other, with_bytes):
    if len(mine) != len(other):
        return f"{len(mine)} frames, tshark has {len(other)}"
    for number, (a, b) in enumerate(zip(mine, other), 1):
        if not same_time(a[0], b[0]):
            return f"frame {number}: time {a[0]}, tshark has {b[0]}"
        if a[4] in PSEUDO_HEADERS:
            continue
        if (a[1], min(a[2], 2**31 - 1)) != (int(b[1]), int(b[2])):  # tshark holds a wire length there
            return f"frame {number}: lengths {a[1]} {a[2]}, tshark has {b[1]} {b[2]}"
        if with_bytes and hashlib.md5(bytes.fromhex(a[6])).hexdigest() != b[4]:
            return f"frame {number}: other bytes than tshark's"
    return None


def against_tshark(dump, path):
    """(what differs or None, what kind of agreement it is)"""
    with_bytes = os.path.getsize(path) <= BYTES_LIMIT
    status, mine, said = ours(dump, path, with_bytes)
    code, other, error = theirs(path, with_bytes)
    if status not in (0, DAMAGED, NO_INPUT):
        return f"exit status {status}: {said}", ""
    if re.search(r"network type \d+ unknown or unsupported", error):
        return (f"tshark knows no such link type, but we say: {said}" if status else None), "link type tshark lacks"
    damaged = bool(re.search(r"cut short|damaged|corrupt|doesn't support|isn't a capture", error))
    if damaged != (status != 0):
        return f"exit status {status} ({said}), tshark says: {error[-200:]}", ""
    if damaged and 0 < len(mine) < len(other):
        # Where a pcap makes no sense, tshark tries the record layouts of old patched systems and gets a little further.
        return compare_frames(mine, other[: len(mine)], False), "damaged, tshark tries other layouts"
    return compare_frames(mine, other, with_bytes), "damaged" if damaged else "whole"


# ---- runs ----


def check_stdin(dump, path):
    """Standard input, here a pipe, gives what the file gives."""
    with open(path, "rb") as file:
        done = subprocess.run([dump, "-x", "-"], input=file.read(), capture_output=True, timeout=120)
    direct = subprocess.run([dump, "-x", path], capture_output=True, timeout=120)
    if (done.stdout, done.returncode) != (direct.stdout, direct.returncode):
        return "standard input is read otherwise"
    return None


def check_case(dump, path, expected, want):
    status, mine, said = ours(dump, path, True)
    if status != want:
        return f"exit status {status}, expected {want}: {said}"
    if len(mine) != len(expected):
        return f"{len(mine)} frames, {len(expected)} were written"
    for number, (a, f) in enumerate(zip(mine, expected), 1):
        key = f.key()
        got = (a[0] if f.ns is not None else None, a[1], a[2], a[3], a[4], a[6])
        if got != key:
            return f"frame {number}: got {got}, wrote {key}"
    if want == DAMAGED and f"truncated after {len(expected)} packets" not in said:
        return f"says: {said}"
    if want == NO_INPUT and "no capture" not in said:
        return f"says: {said}"
    return None


def all_cases():
    yield from pcap_cases()
    yield from pcapng_cases()
    yield from foreign_cases()


def write_seeds(folder):
    """Seeds for the fuzz target of the reader."""
    os.makedirs(folder, exist_ok=True)
    for name, data, _, _ in all_cases():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data if len(data) < 100_000 else data[:4000])
    return 0


def generated(dump):
    tshark = shutil.which("tshark")
    failures = count = 0
    with tempfile.TemporaryDirectory(prefix="yagura-capture-") as folder:
        for name, data, expected, want in all_cases():
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                file.write(data)
            problem = check_case(dump, path, expected, want) or check_stdin(dump, path)
            if problem is None and tshark and want != NO_INPUT:
                problem, _ = against_tshark(dump, path)
            count += 1
            if problem:
                failures += 1
                print(f"{name}: {problem}")
    print(f"{count} files made here, {failures} read wrongly" + ("" if tshark else "; tshark is not there to ask"))
    return 1 if failures or count == 0 else 0


def captures(dump, every):
    root = os.environ.get("YAGURA_CAPTURES", "")
    if not root or not os.path.isdir(root) or not shutil.which("tshark"):
        print("skipped: needs tshark, and captures below $YAGURA_CAPTURES")
        return SKIPPED
    unique = {}
    for folder, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not name.endswith((".tsv", ".stamp")):
                with open(path, "rb") as file:
                    unique.setdefault(hashlib.file_digest(file, "md5").digest(), path)
    paths = list(unique.values())[::every]
    kinds, failures = {}, 0
    with ThreadPoolExecutor(2) as pool:
        for path, (problem, kind) in zip(paths, pool.map(lambda p: against_tshark(dump, p), paths)):
            kinds[kind] = kinds.get(kind, 0) + 1
            if problem:
                failures += 1
                print(f"{os.path.relpath(path, root)}: {problem}")
    told = ", ".join(f"{kind}: {n}" for kind, n in sorted(kinds.items()) if kind)
    print(f"{len(paths)} captures of different content, {failures} read otherwise than by tshark ({told})")
    return 1 if failures or not paths else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dump", nargs="?")
    parser.add_argument("--seeds", metavar="FOLDER")
    parser.add_argument("--generated", action="store_true")
    parser.add_argument("--captures", action="store_true")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth capture")
    args = parser.parse_args()
    if args.seeds:
        return write_seeds(args.seeds)
    if not args.dump or not (args.generated or args.captures):
        parser.error("name DUMP and --generated or --captures")
    status = generated(args.dump) if args.generated else 0
    if status == 0 and args.captures:
        status = captures(args.dump, args.every)
    return status


if __name__ == "__main__":
    sys.exit(main())

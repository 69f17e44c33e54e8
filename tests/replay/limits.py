#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""limits.py BUILD: limits that no ordinary capture reaches, each filled by one made for it.

A limit is filled to its last place, and overfilled by a known number: its counter says that number, no more is lost,
the books balance, the run ends well, and one worker says what two say.

  - 4,096 steps of the clock are kept: what ends after more of them is still printed with its own stamps, and what
    began before them is counted as unsure;
  - a batch brings 32 MiB of wholes, and 4,096 of them;
  - a fragment is looked for in a fragment four times.
"""
import datetime
import os
import struct
import sys

import common

NOON = 1_700_000_000  # seconds
STEPS_KEPT = 4096
WHOLES_BYTES = 32 << 20
WHOLES = 4096
NEST = 4
UDP, IPIP, FRAGMENT = 17, 4, 44


# ---- packets ----


def ipv4(n, proto, payload, ident=0, offset=0, more=False):
    """From host n of a private network to one server; offset in bytes."""
    flags = offset // 8 | (0x2000 if more else 0)
    source = struct.pack(">I", 0x0A000000 + n + 1)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), ident, flags, 64, proto, 0)
    return head + source + bytes((192, 0, 2, 53)) + payload


def udp(n, size=4, port=9999):
    return struct.pack(">HHHH", 1024 + n % 60000, port, 8 + size, 0) + b"x" * size


def cut(n, proto, payload, ident, at):
    """A datagram in two fragments."""
    return ipv4(n, proto, payload[:at], ident, 0, True), ipv4(n, proto, payload[at:], ident, at)


def nest(n, depth):
    """(first fragments, the last one): each last fragment travels in the datagram whose last fragment the next one is."""
    firsts, payload, proto = [], udp(n), UDP
    for level in range(depth):
        first, last = cut(n, proto, payload, level * 4096 + n % 4096, 8)
        firsts.append(first)
        payload, proto = last, IPIP
    return firsts, payload


def ipv6_piece(ident, kind, data, offset, more):
    """A fragment header and what follows it."""
    return struct.pack(">BBHI", kind, 0, offset | more, ident) + data


def ipv6(n, payload):
    head = struct.pack(">IHBB", 0x60000000, len(payload), FRAGMENT, 64)
    return head + bytes((0x20, 1, 0xD, 0xB8)) + bytes(10) + struct.pack(">H", n) + bytes(15) + b"\1" + payload


def nest_ipv6(n, depth):
    """As nest: the fragment header of one datagram is the data of the next. No layer comes with it, so that decode's depth is no bound."""
    firsts, payload, kind = [], udp(n), UDP
    for level in range(depth):
        firsts.append(ipv6(n, ipv6_piece(level, kind, payload[:8], 0, 1)))
        payload, kind = ipv6_piece(level, kind, payload[8:], 8, 0), FRAGMENT
    return firsts, ipv6(n, payload)


def write_capture(path, packets):
    """packets: (seconds, microseconds, bytes). Link type: raw IP."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        for second, micro, packet in packets:
            out.write(struct.pack("<IIII", second, micro, len(packet), len(packet)) + packet)


# ---- runs ----


def by_type(events, kind):
    """In order: that of flows and alerts among each other is not promised."""
    return [e for e in events if e["event_type"] == kind]


def replay(cases, build, name, packets, options=()):
    """(summary, flow records) of one worker; two must have said the same."""
    found = []
    with common.scratch() as folder:
        path = os.path.join(folder, "limit.pcap")
        write_capture(path, packets)
        for workers in ("1", "2"):
            eve = os.path.join(folder, f"{workers}.json")
            done = build.replay("--json", "--eve", eve, "--workers", workers, *options, path)
            summary = common.read_json(done.out)
            if not cases.check(f"{name}: it_ends_well_with_{workers}", done.code == 0 and summary, f"{done.code} {done.err}"):
                cases.finish()
            broken = common.broken_identities(summary)
            cases.check(f"{name}: its_books_balance_with_{workers}", not broken, "\n".join(broken))
            found.append((summary, *(by_type(common.events(eve), t) for t in ("flow", "alert"))))
    counted = ("reassembled", "reassembly.batch_full", "reassembly.nested_too_deep", "flow.created")
    same = found[0][1:] == found[1][1:] and all(found[0][0]["engine"][c] == found[1][0]["engine"][c] for c in counted)
    cases.check(f"{name}: two_workers_say_what_one_says", same)
    return found[0][:2]


def expect(cases, name, counters, wanted):
    got = {key: counters.get(key) for key in wanted}
    cases.check(name, got == wanted, f"got  {got}\nwant {wanted}")


# ---- steps of the clock ----


def stamp(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def steps_of_the_clock(cases, build):
    """Each packet lies two seconds before the one before it: a capture whose files were put together backwards."""
    over, talker = 300, 50000  # one host sends from the first packet to the last
    packets, own = [], {}
    for i in range(STEPS_KEPT + over + 1):
        n = talker if i % 10 == 0 else i
        packets.append((NOON - 2 * i, 500000, ipv4(n, UDP, udp(n))))
        own[1024 + n] = NOON - 2 * i + 0.5
    summary, flows = replay(cases, build, "steps", packets, ("--set", "flow.update=0s"))
    long = [f["flow"] for f in flows if f["src_port"] == 1024 + talker]
    short = {f["src_port"]: f["flow"] for f in flows if f["src_port"] != 1024 + talker}
    wrong = [p for p, f in short.items() if not stamp(f["start"]) == stamp(f["end"]) == own[p]]
    expect(
        cases, "steps: each_is_counted_and_so_is_what_was_forgotten", summary["aggregator"],
        {"time.steps": STEPS_KEPT + over, "time.steps_forgotten": over, "time.stamps_unsure": 1}
    )
    cases.check("steps: all_short_flows_are_there", len(short) == len(own) - 1, f"{len(short)} of {len(own) - 1}")
    cases.check("steps: they_bear_their_own_stamps_before_and_after_the_limit", not wrong, f"{len(wrong)}: {wrong[:5]}")
    if cases.check("steps: the_long_flow_is_one", len(long) == 1, long):
        cases.check("steps: its_end_is_right", stamp(long[0]["end"]) == own[1024 + talker], long)
        # With the offset of the last step forgotten: far off what it was, but no further than what is known reaches.
        unsure = NOON + 0.5 - 3 * over
        cases.check("steps: its_beginning_has_the_nearest_offset_known", stamp(long[0]["start"]) == unsure, f"{long}, want {unsure}")


# ---- wholes of a batch ----


def bytes_of_a_batch(cases, build):
    size, datagrams = 61440, 600  # bytes of UDP payload and header
    packets = [cut(n, UDP, udp(n, size), n, size) for n in range(datagrams + 1)]
    whole = 20 + 8 + size
    fit = (WHOLES_BYTES - whole) // ((whole + 63) & ~63) + 1
    stamped = [(NOON, 0, first) for first, _ in packets]
    stamped += [(NOON + 1, 0, last) for _, last in packets[:datagrams]]
    stamped.append((NOON + 2, 0, packets[datagrams][1]))  # the next batch has all the room again
    summary, _ = replay(cases, build, "bytes", stamped, ("--set", "reassembly.bytes=64MiB"))
    expect(cases, "bytes: as_many_as_fit", summary["engine"], {"reassembled": fit + 1, "reassembly.batch_full": datagrams - fit})
    expect(cases, "bytes: all_were_put_together", summary["reassembly"], {"whole": datagrams + 1, "evicted": 0, "over_bytes": 0})


def wholes_of_a_batch(cases, build):
    """Two wholes a packet, and one packet with one, so that the last place is filled between the two of a packet."""
    packets = 2200
    nests = [nest(n, 2) for n in range(packets)]
    first, last = cut(packets, UDP, udp(packets), packets, 8)
    stamped = [(NOON, 0, f) for firsts, _ in nests for f in firsts] + [(NOON, 0, first)]
    stamped += [(NOON + 1, 0, last)] + [(NOON + 1, 0, outer) for _, outer in nests]
    summary, _ = replay(cases, build, "wholes", stamped, ("--set", "reassembly.trackers=8192"))
    full = WHOLES // 2 - 1  # packets with both of theirs; one more with its outer whole alone
    expect(
        cases, "wholes: the_last_place_is_filled_and_no_more", summary["engine"],
        {"reassembled": WHOLES, "reassembly.batch_full": packets - full, "reassembly.nested_too_deep": 0}
    )
    expect(cases, "wholes: all_were_put_together", summary["reassembly"], {"whole": WHOLES + packets - full, "evicted": 0})


# ---- fragments in fragments ----


def fragments_in_fragments(cases, build):
    times, deep = 7, NEST + 1
    for name, nested, too_deep in (("nest_ipv6", nest_ipv6, times), ("nest_ipv4", nest, 0)):
        stamped = []
        for n in range(times):
            for depth in (NEST, deep):
                firsts, last = nested(100 * depth + n, depth)
                stamped += [(NOON, n, packet) for packet in firsts + [last]]
        summary, flows = replay(cases, build, name, stamped)
        expect(
            cases, f"{name}: it_is_looked_for_four_times_and_not_five", summary["engine"],
            {"reassembled": 2 * NEST * times, "reassembly.nested_too_deep": too_deep, "reassembly.batch_full": 0}
        )
        # Of IPv4 a level is two layers more, and the ninth layer is one too many.
        expect(cases, f"{name}: layers_are_bounded_as_well", summary["decode_end"], {"depth": times - too_deep})
        ports = sorted(f["src_port"] for f in flows)
        cases.check(f"{name}: what_lies_four_deep_is_a_flow", ports == [1024 + 100 * NEST + n for n in range(times)], ports)


def main():
    build, cases = common.start(sys.argv), common.Cases()
    steps_of_the_clock(cases, build)
    bytes_of_a_batch(cases, build)
    wholes_of_a_batch(cases, build)
    fragments_in_fragments(cases, build)
    cases.finish()


main()

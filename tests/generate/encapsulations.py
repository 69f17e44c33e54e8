#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""encapsulations.py [--seeds] DIR: a pcap for every encapsulation that decode opens, and what decode must say of it.

Writes DIR/NAME.pcap and DIR/NAME.expect. A line of .expect is a line of decode_dump:

    number end proto src sport dst dport layers payload_len

The expectation is built from the parts that the packet is built from, never by dissecting the packet. Everything is
fixed: two runs write the same bytes. With --seeds it writes each packet as an input of tests/fuzz/fuzz_decode.c
instead. Needs scapy (Debian: python3-scapy).
"""
import logging
import os
import struct
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption  # noqa: E402
from scapy.layers.inet6 import (  # noqa: E402
    ICMPv6DestUnreach, ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting, PadN)
from scapy.layers.l2 import Dot1Q, Ether  # noqa: E402
from scapy.layers.sctp import SCTP  # noqa: E402
from scapy.packet import Raw  # noqa: E402

ETHERNET, RAW, SLL, SLL2, NULL, PPP = 1, 101, 113, 276, 0, 9
OUTER4 = ("198.51.100.1", "198.51.100.2")
OUTER6 = ("2001:db8:a::1", "2001:db8:a::2")
INNER4 = ("192.0.2.10", "192.0.2.20")
INNER6 = ("2001:db8::10", "2001:db8::20")
MAC = dict(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
TEXT = b"tower"


class Case:
    """One file: packets with their wire length, and a line for each."""

    def __init__(self, name, link=ETHERNET):
        self.name, self.link, self.packets, self.lines = name, link, [], []

    def add(self, data, end, flow, layers, payload, mark="", wire=None):
        """A packet; flow is (proto, src, sport, dst, dport)."""
        data = bytes(data)
        self.packets.append((data, len(data) if wire is None else wire))
        self.also(end, flow, layers, payload, mark)

    def also(self, end, flow, layers, payload, mark=""):
        """One more line for the last packet."""
        proto, src, sport, dst, dport = flow
        self.lines.append(f"{len(self.packets)}{mark} {end} {proto} {src} {sport} {dst} {dport} {layers} {payload}")

    def write_seeds(self, folder):
        link = (ETHERNET, RAW, SLL, SLL2, NULL, PPP).index(self.link)  # enum yg_link
        for at, (data, wire) in enumerate(self.packets):
            with open(os.path.join(folder, f"{self.name}.{at}"), "wb") as out:
                out.write(bytes([link, (wire - len(data) + 15) // 16]) + data)

    def write(self, folder):
        with open(os.path.join(folder, self.name + ".pcap"), "wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, self.link))
            for at, (data, wire) in enumerate(self.packets):
                out.write(struct.pack("<IIII", 1735689600, at * 1000, len(data), wire) + data)
        with open(os.path.join(folder, self.name + ".expect"), "w", encoding="ascii") as out:
            out.writelines(line + "\n" for line in self.lines)


def inner(version, proto="tcp"):
    """(IP packet, flow, its layers, payload length)"""
    src, dst = INNER4 if version == 4 else INNER6
    head = IP(src=src, dst=dst) if version == 4 else IPv6(src=src, dst=dst)
    top = {"tcp": TCP(sport=40000, dport=443, flags="PA", seq=1), "udp": UDP(sport=40000, dport=53),
           "sctp": SCTP(sport=40000, dport=36412)}[proto]
    number = {"tcp": 6, "udp": 17, "sctp": 132}[proto]
    return bytes(head / top / Raw(TEXT)), (number, src, 40000, dst, top.dport), f"ipv{version},{proto}", len(TEXT)


BOTH = (inner(4), inner(6, "udp"))
ETHERTYPES = (0x0800, 0x86DD)


def ether(type_, body, tags=()):
    """An Ethernet frame; tags are (TPID, VLAN id)."""
    frame = bytes(Ether(type=0, **MAC))[:12]
    for tpid, vlan in tags:
        frame += struct.pack(">HH", tpid, vlan)
    return frame + struct.pack(">H", type_) + bytes(body)


def frames(tags=()):
    """The two inner packets as frames, with their flow and layers from Ethernet on."""
    name = "ethernet,vlan," if tags else "ethernet,"
    return [(ether(t, p, tags), f, name + l, n) for t, (p, f, l, n) in zip(ETHERTYPES, BOTH)]


def outer4(proto, body, **more):
    return ether(0x0800, IP(src=OUTER4[0], dst=OUTER4[1], proto=proto, **more) / Raw(bytes(body)))


def outer6(proto, body):
    return ether(0x86DD, IPv6(src=OUTER6[0], dst=OUTER6[1], nh=proto) / Raw(bytes(body)))


def udp4(port, body, sport=50000):
    return outer4(17, UDP(sport=sport, dport=port, chksum=0, len=8 + len(body)) / Raw(bytes(body)))


def udp6(port, body):
    return outer6(17, UDP(sport=50000, dport=port, chksum=1, len=8 + len(body)) / Raw(bytes(body)))


def simple(name, layers, wrap, bodies=BOTH, link=ETHERNET):
    """A case that wraps each body: wrap(index, bytes) gives the packet."""
    case = Case(name, link)
    for at, (data, flow, own, length) in enumerate(bodies):
        case.add(wrap(at, data), "decoded", flow, layers + own, length)
    return case


def link_cases():
    yield simple("ethernet", "", lambda i, d: d, frames())
    yield simple("ethernet_padding", "ethernet,", lambda i, d: ether(ETHERTYPES[i], d) + b"\xee" * 9)
    for name, tags in (("vlan_8100", [(0x8100, 5)]), ("vlan_88a8", [(0x88A8, 9), (0x8100, 5)]),
                       ("vlan_9100", [(0x9100, 9)]), ("vlan_three", [(0x88A8, 1), (0x9100, 2), (0x8100, 3)])):
        yield simple(name, "", lambda i, d: d, frames(tags))
    deep = Case("vlan_four")
    deep.add(ether(0x0800, BOTH[0][0], [(0x8100, 1)] * 4), "vlan_depth", (0, "-", 0, "-", 0), "ethernet,vlan", 0)
    yield deep
    snap = b"\xaa\xaa\x03\0\0\0"
    yield simple("llc_snap", "ethernet,llc_snap,", lambda i, d: ether(
        len(d) + 8, snap + struct.pack(">H", ETHERTYPES[i]) + d))
    none = Case("not_ip")
    none.add(ether(0x0806, b"\0\1\x08\0\x06\x04\0\1" + bytes(20)), "not_ip", (0, "-", 0, "-", 0), "ethernet", 0)
    none.add(ether(38, b"\x42\x42\x03" + bytes(35)), "not_ip", (0, "-", 0, "-", 0), "ethernet,llc_snap", 0)
    none.add(bytes(13), "link_short", (0, "-", 0, "-", 0), "ethernet", 0)
    yield none
    yield simple("link_raw", "", lambda i, d: d, link=RAW)
    yield simple("link_sll", "sll,", lambda i, d: bytes(14) + struct.pack(">H", ETHERTYPES[i]) + d, link=SLL)
    yield simple("link_sll2", "sll2,", lambda i, d: struct.pack(">H", ETHERTYPES[i]) + bytes(18) + d, link=SLL2)
    yield simple("link_null", "null,", lambda i, d: struct.pack("<I", (2, 30)[i]) + d, link=NULL)
    yield simple("link_null_big_endian", "null,", lambda i, d: struct.pack(">I", (2, 24)[i]) + d, link=NULL)
    yield simple("link_ppp", "ppp,", lambda i, d: struct.pack(">H", (0x21, 0x57)[i]) + d, link=PPP)
    yield simple("link_ppp_hdlc", "ppp,", lambda i, d: b"\xff\x03\0" + bytes([(0x21, 0x57)[i]]) + d, link=PPP)
    yield simple("link_ppp_cisco_hdlc", "ppp,", lambda i, d: b"\x0f\0" + struct.pack(">H", ETHERTYPES[i]) + d, link=PPP)


def label(value, bottom):
    return struct.pack(">I", value << 12 | bottom << 8 | 64)


def mpls_cases():
    def stack(count):
        return b"".join(label(100 + i, i == count - 1) for i in range(count))
    for count in (1, 3, 10):
        yield simple(f"mpls_{count}", "ethernet,mpls,", lambda i, d, n=count: ether(0x8847, stack(n) + d))
    deep = Case("mpls_11")
    deep.add(ether(0x8847, stack(11) + BOTH[0][0]), "mpls_depth", (0, "-", 0, "-", 0), "ethernet,mpls", 0)
    deep.add(ether(0x8847, stack(1) + b"\xf0\x01\x02\x03" * 12), "mpls_unknown", (0, "-", 0, "-", 0),
             "ethernet,mpls", 0)
    yield deep
    yield simple("mpls_pseudowire", "ethernet,mpls,", lambda i, d: ether(0x8847, stack(1) + bytes(4) + d), frames())
    yield simple("mpls_pseudowire_no_control_word", "ethernet,mpls,",
                 lambda i, d: ether(0x8847, stack(2) + d), frames([(0x8100, 7)]))


def pppoe_cases():
    def session(code, body):
        return ether(0x8864, struct.pack(">BBHH", 0x11, code, 7, len(body)) + body)
    yield simple("pppoe", "ethernet,pppoe,", lambda i, d: session(0, struct.pack(">H", (0x21, 0x57)[i]) + d))
    control = Case("pppoe_control")
    nothing = (0, "-", 0, "-", 0)
    control.add(session(0, b"\xc0\x21\x09\x01\0\x08abcd"), "pppoe_control", nothing, "ethernet,pppoe", 0)
    control.add(ether(0x8863, b"\x11\x09\0\0\0\0"), "pppoe_control", nothing, "ethernet", 0)
    yield control


def ip_cases():
    head = IP(src=INNER4[0], dst=INNER4[1], options=[IPOption(b"\x94\x04\0\0")])
    case = Case("ipv4_options")
    case.add(ether(0x0800, head / UDP(sport=1, dport=2) / Raw(TEXT)), "decoded", (17, INNER4[0], 1, INNER4[1], 2),
             "ethernet,ipv4,udp", 5)
    yield case
    case = Case("ipv4_length_zero")
    case.add(ether(0x0800, IP(src=INNER4[0], dst=INNER4[1], len=0) / TCP(sport=1, dport=2) / Raw(b"x" * 3000)),
             "decoded", (6, INNER4[0], 1, INNER4[1], 2), "ethernet,ipv4,tcp", 3000)
    yield case
    case = Case("ip_truncated")
    for frame, flow, layers, _ in frames():
        case.add(frame[:-3], "decoded", flow, layers, 2, wire=len(frame))
    yield case
    chain = IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0\0")]) / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0\0")])
    chain = chain / IPv6ExtHdrRouting(addresses=[]) / UDP(sport=1, dport=2, chksum=1) / Raw(TEXT)
    flow = (17, INNER6[0], 1, INNER6[1], 2)
    case = Case("ipv6_extensions")
    case.add(ether(0x86DD, IPv6(src=INNER6[0], dst=INNER6[1]) / chain), "decoded", flow, "ethernet,ipv6,udp", 5)
    case.add(ether(0x86DD, IPv6(src=INNER6[0], dst=INNER6[1]) / IPv6ExtHdrFragment(id=9) / UDP(
        sport=1, dport=2, chksum=1) / Raw(TEXT)), "decoded", flow, "ethernet,ipv6,udp", 5)
    yield case
    options = b"\x3c\0\x01\x04\0\0\0\0"
    case = Case("ipv6_extensions_too_many")
    for count, end, layers, length in ((8, "decoded", "ethernet,ipv6,udp", 0),
                                       (9, "ipv6_ext_depth", "ethernet,ipv6", 0)):
        body = options * (count - 1) + b"\x11" + options[1:] + struct.pack(">HHHH", 1, 2, 8, 0)
        proto = flow if end == "decoded" else (60, INNER6[0], 0, INNER6[1], 0)
        case.add(ether(0x86DD, IPv6(src=INNER6[0], dst=INNER6[1], nh=60) / Raw(body)), end, proto, layers, length)
    yield case
    case = Case("ipv6_jumbogram")
    case.add(ether(0x86DD, IPv6(src=INNER6[0], dst=INNER6[1], nh=0, plen=0) / Raw(
        b"\x11\0\xc2\x04\0\x01\0\0" + bytes(100))), "ipv6_jumbo", (0, INNER6[0], 0, INNER6[1], 0), "ethernet,ipv6", 0)
    yield case


def fragment_cases():
    text = bytes(range(64))
    case, flow = Case("fragments_ipv4"), (17, INNER4[0], 1, INNER4[1], 2)
    whole = bytes(UDP(sport=1, dport=2, chksum=0, len=72)) + text
    part = (17, INNER4[0], 0, INNER4[1], 0)
    for at, (start, end) in enumerate(((40, 72), (0, 40))):
        head = IP(src=INNER4[0], dst=INNER4[1], proto=17, id=77, frag=start // 8, flags="MF" if end < 72 else 0)
        case.add(ether(0x0800, head / Raw(whole[start:end])), "fragment", part, "ethernet,ipv4", end - start)
    case.also("decoded", flow, "ethernet,ipv4,udp", 64, "r")
    yield case
    case, flow = Case("fragments_ipv6"), (17, INNER6[0], 1, INNER6[1], 2)
    part = (17, INNER6[0], 0, INNER6[1], 0)
    for start, end in ((0, 40), (40, 72)):
        head = IPv6(src=INNER6[0], dst=INNER6[1]) / IPv6ExtHdrFragment(nh=17, id=7, offset=start // 8, m=end < 72)
        case.add(ether(0x86DD, head / Raw(whole[start:end])), "fragment", part, "ethernet,ipv6", end - start)
    case.also("decoded", flow, "ethernet,ipv6,udp", 64, "r")
    yield case
    case = Case("fragments_of_a_tunnel")
    body, flow, layers, length = inner(4)
    part = (4, OUTER4[0], 0, OUTER4[1], 0)
    for start, end in ((0, 24), (24, len(body))):
        case.add(outer4(4, body[start:end], id=5, frag=start // 8, flags="MF" if end < len(body) else 0), "fragment",
                 part, "ethernet,ipv4", end - start)
    case.also("decoded", flow, "ethernet,ipv4,ipip," + layers, length, "r")
    yield case


def ip_tunnel_cases():
    for outer, name, wrap in ((4, "", outer4), (6, "_over_ipv6", outer6)):
        def tunnel(i, d, wrap=wrap):
            return wrap((4, 41)[i], d)
        case = Case("ip_in_ip" + name)
        for at, (data, flow, layers, length) in enumerate(BOTH):
            case.add(tunnel(at, data), "decoded", flow, f"ethernet,ipv{outer},{('ipip', '6in4')[at]},{layers}", length)
        yield case
        for kind, flags, options in (("", 0, b""), ("_options", 0xB000, bytes(12))):
            yield simple("gre" + kind + name, f"ethernet,ipv{outer},gre,", lambda i, d, f=flags, o=options, w=wrap: w(
                47, struct.pack(">HH", f, ETHERTYPES[i]) + o + d))
        yield simple("ah" + name, f"ethernet,ipv{outer},ah,", lambda i, d, w=wrap: w(51, struct.pack(
            ">BBHII", (4, 41)[i], 4, 0, 1, 1) + bytes(12) + d),
            [(d, f, ("ipip,", "6in4,")[i] + l, n) for i, (d, f, l, n) in enumerate(BOTH)])
    yield simple("nvgre", "ethernet,ipv4,gre,", lambda i, d: outer4(47, struct.pack(
        ">HHI", 0x2000, 0x6558, 0x123400) + d), frames())
    yield simple("pptp", "ethernet,ipv4,gre,ppp,", lambda i, d: outer4(47, struct.pack(
        ">HHHHI", 0x3001, 0x880B, len(d) + 4, 9, 1) + b"\xff\x03\0" + bytes([(0x21, 0x57)[i]]) + d))
    case, flow = Case("gre_unopened"), (47, OUTER4[0], 0, OUTER4[1], 0)
    case.add(outer4(47, struct.pack(">HH", 0x4000, 0x0800) + bytes(20)), "decoded", flow, "ethernet,ipv4,other", 24)
    case.add(outer4(47, struct.pack(">HH", 0, 0x1234) + bytes(20)), "decoded", flow, "ethernet,ipv4,other", 24)
    case.add(outer4(47, struct.pack(">HH", 2, 0x0800) + bytes(20)), "tunnel_header", flow, "ethernet,ipv4", 24)
    yield case


def erspan_cases():
    def gre(flags, type_, body):
        return outer4(47, struct.pack(">HH", flags, type_) + (bytes(4) if flags else b"") + body)
    yield simple("erspan_1", "ethernet,ipv4,gre,erspan1,", lambda i, d: gre(0, 0x88BE, d), frames())
    yield simple("erspan_2", "ethernet,ipv4,gre,erspan2,", lambda i, d: gre(
        0x1000, 0x88BE, struct.pack(">HHI", 0x1005, 0x0001, 3) + d), frames([(0x8100, 5)]))
    plain = struct.pack(">HHIHH", 0x2005, 1, 99, 0, 0)
    yield simple("erspan_3", "ethernet,ipv4,gre,erspan3,", lambda i, d: gre(0x1000, 0x22EB, plain + d), frames())
    marked = struct.pack(">HHIHH", 0x2005, 1, 99, 0, 1) + bytes(8)
    yield simple("erspan_3_subheader", "ethernet,ipv4,gre,erspan3,",
                 lambda i, d: gre(0x1000, 0x22EB, marked + d), frames())


def udp_tunnel_cases():
    for outer, name, wrap in ((4, "", udp4), (6, "_over_ipv6", udp6)):
        under = f"ethernet,ipv{outer},udp,"
        for port in (4789, 8472):
            yield simple(f"vxlan_{port}{name}", under + "vxlan,", lambda i, d, p=port, w=wrap: w(
                p, struct.pack(">II", 0x08000000, 42 << 8) + d), frames())
        yield simple("geneve" + name, under + "geneve,", lambda i, d, w=wrap: w(
            6081, struct.pack(">BBHI", 2, 0, 0x6558, 42 << 8) + bytes(8) + d), frames())
        yield simple("geneve_ip" + name, under + "geneve,", lambda i, d, w=wrap: w(
            6081, struct.pack(">BBHI", 0, 0, ETHERTYPES[i], 42 << 8) + d))
        yield simple("gtpu" + name, under + "gtpu,", lambda i, d, w=wrap: w(
            2152, struct.pack(">BBHI", 0x30, 255, len(d), 7) + d))
    yield simple("gtpu_extension", "ethernet,ipv4,udp,gtpu,", lambda i, d: udp4(
        2152, struct.pack(">BBHI", 0x34, 255, len(d) + 8, 7) + b"\0\0\0\x85" + b"\x01\0\x09\0" + d))
    yield simple("gtpu_trailer", "ethernet,ipv4,udp,gtpu,", lambda i, d: udp4(
        2152, struct.pack(">BBHI", 0x32, 255, len(d) + 4, 7) + bytes(4) + d + bytes(28)))
    for name, flags, head in (("l2tp", 0x0002, b""), ("l2tp_all_fields", 0x4A02, None)):
        def wrap(i, d, flags=flags, head=head):
            ppp = b"\xff\x03\0" + bytes([(0x21, 0x57)[i]]) + d
            if head is None:
                total = 2 + 2 + 4 + 4 + 2 + 2 + len(ppp)
                return udp4(1701, struct.pack(">HHHHHHH", flags, total, 1, 2, 3, 4, 2) + bytes(2) + ppp)
            return udp4(1701, struct.pack(">HHH", flags, 1, 2) + ppp)
        yield simple(name, "ethernet,ipv4,udp,l2tp,", wrap)
    six = inner(6), inner(6, "udp")
    yield simple("teredo", "ethernet,ipv4,udp,teredo,", lambda i, d: udp4(3544, d), six)
    yield simple("teredo_origin", "ethernet,ipv4,udp,teredo,", lambda i, d: udp4(
        50001, b"\0\x01\x02\x03abcde" + bytes(8) + b"\0" + b"\0\0\x12\x34\x01\x02\x03\x04" + d, sport=3544), six)
    case = Case("udp_that_is_no_tunnel")
    for port in (4789, 8472, 6081, 2152, 1701, 3544):
        text = b"\x08\0\0\0\0\0\x2a\0 only looks like a tunnel"
        case.add(udp4(port, text), "decoded", (17, OUTER4[0], 50000, OUTER4[1], port), "ethernet,ipv4,udp", len(text))
    yield case


def transport_cases():
    for proto in ("tcp", "udp", "sctp"):
        yield simple(proto, "ethernet,", lambda i, d: ether(ETHERTYPES[i], d), (inner(4, proto), inner(6, proto)))
    case = Case("icmp")
    case.add(ether(0x0800, IP(src=INNER4[0], dst=INNER4[1]) / ICMP(type=8, id=1, seq=1) / Raw(TEXT)), "decoded",
             (1, INNER4[0], 8, INNER4[1], 0), "ethernet,ipv4,icmp", 5)
    about = IP(src=INNER4[1], dst=INNER4[0]) / UDP(sport=7, dport=8)
    case.add(ether(0x0800, IP(src=INNER4[0], dst=INNER4[1]) / ICMP(type=3, code=3) / about), "decoded",
             (1, INNER4[0], 3, INNER4[1], 3), "ethernet,ipv4,icmp", 28)
    yield case
    case = Case("icmpv6")
    case.add(ether(0x86DD, IPv6(src=INNER6[0], dst=INNER6[1]) / ICMPv6EchoRequest(data=TEXT)), "decoded",
             (58, INNER6[0], 128, INNER6[1], 129), "ethernet,ipv6,icmpv6", 5)
    about = IPv6(src=INNER6[1], dst=INNER6[0]) / UDP(sport=7, dport=8)
    case.add(ether(0x86DD, IPv6(src=INNER6[0], dst=INNER6[1]) / ICMPv6DestUnreach(code=4) / about), "decoded",
             (58, INNER6[0], 1, INNER6[1], 4), "ethernet,ipv6,icmpv6", 48)
    yield case
    for name, proto, layer in (("esp", 50, "esp"), ("ospf", 89, "other")):
        case = Case(name)
        case.add(outer4(proto, bytes(24)), "decoded", (proto, OUTER4[0], 0, OUTER4[1], 0), f"ethernet,ipv4,{layer}", 24)
        case.add(outer6(proto, bytes(24)), "decoded", (proto, OUTER6[0], 0, OUTER6[1], 0), f"ethernet,ipv6,{layer}", 24)
        yield case


def depth_cases():
    def nest(count):
        data = inner(4)[0]
        for _ in range(count):
            data = bytes(IP(src=OUTER4[0], dst=OUTER4[1], proto=4) / Raw(data))
        return data
    case = Case("depth_8_and_9", RAW)
    case.add(nest(3), "decoded", inner(4)[1], "ipv4,ipip,ipv4,ipip,ipv4,ipip,ipv4,tcp", 5)
    deep = ether(0x0800, nest(3))
    frame = Case("depth_9")
    frame.add(deep, "depth", (6, INNER4[0], 0, INNER4[1], 0), "ethernet,ipv4,ipip,ipv4,ipip,ipv4,ipip,ipv4", 25)
    frame.add(ether(0x0800, nest(64)), "depth", (4, OUTER4[0], 0, OUTER4[1], 0),
              "ethernet,ipv4,ipip,ipv4,ipip,ipv4,ipip,ipv4", 25 + 20 + 20 * 60)
    case.name = "depth_8"
    yield case
    yield frame


def main():
    arguments = [a for a in sys.argv[1:] if a != "--seeds"]
    if len(arguments) != 1:
        sys.exit("usage: encapsulations.py [--seeds] DIR")
    os.makedirs(arguments[0], exist_ok=True)
    write = Case.write_seeds if "--seeds" in sys.argv[1:] else Case.write
    for group in (link_cases, mpls_cases, pppoe_cases, ip_cases, fragment_cases, ip_tunnel_cases, erspan_cases,
                  udp_tunnel_cases, transport_cases, depth_cases):
        for case in group():
            write(case, arguments[0])


if __name__ == "__main__":
    main()

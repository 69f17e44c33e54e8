#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# make_mix8.py MIX.pcap OUT.pcap [COPIES]: copies of a capture one after another in time (600 s each), each with its networks 10.n/16
# shifted by 34, so that every copy brings flows of its own. Ethernet, VLAN and IPv4 are enough: what is not IPv4 is copied as it is.
import struct
import sys


def addresses(frame):
    """Offsets of the IPv4 addresses of a frame, or none."""
    at, kind = 14, frame[12:14]
    while kind in (b'\x81\x00', b'\x88\xa8') and len(frame) >= at + 4:
        kind, at = frame[at + 2:at + 4], at + 4
    if kind == b'\x08\x00' and len(frame) >= at + 20:
        return (at + 12, at + 16)
    return ()


def main():
    source, target, copies = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 8
    data = open(source, 'rb').read()
    order = '<' if data[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
    record = struct.Struct(order + 'IIII')
    plan, at = [], 24
    while at < len(data):
        length = record.unpack_from(data, at)[2]
        plan.append((at, length, [o + at + 16 for o in addresses(data[at + 16:at + 16 + length]) if data[o + at + 16] == 10]))
        at += 16 + length
    with open(target, 'wb') as out:
        out.write(data[:24])
        for copy in range(copies):
            body = bytearray(data)
            for at, length, places in plan:
                struct.pack_into(order + 'I', body, at, record.unpack_from(data, at)[0] + 600 * copy)
                for place in places:
                    body[place + 1] = (body[place + 1] + 34 * copy) % 256
            out.write(body[24:])


main()

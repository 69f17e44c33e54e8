#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""try_ids.py [KEY-FILE] < QUESTIONS: which address is this id of? What somebody would do who reads alerts and not the addresses in them.

One JSON object a line: {"id": "16 hex digits", "kind": …, "vectors": […], "first_seen": …, "protos": […], "ports": […], "sources": […],
"network": "10.1.0.0/20"}; for each the address of the network that the id fits, or null. Without a file under the key that everybody knows
(a replay's), else under that of the file. The hash is written here from its description, not taken from the sensor.
"""
import datetime
import ipaddress
import itertools
import json
import sys

KNOWN = (0x59616775726120E6, 0xAB93206964656E74)
MASK = (1 << 64) - 1
PROTOS = {"TCP": 6, "UDP": 17, "ICMP": 1, "IPv6-ICMP": 58}


def siphash13(key, data):
    """Aumasson and Bernstein, with one round a word and three at the end."""
    v = [key[0] ^ 0x736F6D6570736575, key[1] ^ 0x646F72616E646F6D, key[0] ^ 0x6C7967656E657261, key[1] ^ 0x7465646279746573]

    def rotate(x, n):
        return (x << n | x >> (64 - n)) & MASK

    def turn():
        v[0] = (v[0] + v[1]) & MASK
        v[1] = rotate(v[1], 13) ^ v[0]
        v[0] = rotate(v[0], 32)
        v[2] = (v[2] + v[3]) & MASK
        v[3] = rotate(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & MASK
        v[3] = rotate(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & MASK
        v[1] = rotate(v[1], 17) ^ v[2]
        v[2] = rotate(v[2], 32)

    whole = len(data) // 8 * 8
    words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, whole, 8)]
    words.append(len(data) % 256 << 56 | int.from_bytes(data[whole:], "little"))
    for word in words:
        v[3] ^= word
        turn()
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(3):
        turn()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def read_key(path):
    with open(path, "rb") as file:
        data = file.read()
    return int.from_bytes(data[:8], "little"), int.from_bytes(data[8:16], "little")


def packed(address):
    return ipaddress.ip_address(address).packed.ljust(16, b"\0")


def identity(kind, vector, target, bits, proto, port, source, minute):
    """The bytes of which an id is the hash: docs/alerts.md says what is in them, lifecycle_record.c how they lie."""
    key = kind.encode().ljust(32, b"\0") + vector.encode().ljust(24, b"\0") + packed(target)
    key += packed(source) + bytes([ipaddress.ip_address(source).version]) if source else bytes(17)
    key += bytes([ipaddress.ip_address(target).version, bits, proto]) + port.to_bytes(2, "big") + bytes([source is not None, 0])
    return key + minute.to_bytes(8, "big")


def minute_of(text):
    return int(datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()) // 60 * 60


def find(question, key):
    minute = minute_of(question["first_seen"])
    wanted = int(question["id"], 16)
    network = ipaddress.ip_network(question["network"])
    guesses = itertools.product(
        question["vectors"], (PROTOS.get(p, p) for p in question["protos"]), question["ports"], [None, *question["sources"]]
    )
    for vector, proto, port, source in guesses:
        for address in network:
            data = identity(question["kind"], vector, address, network.max_prefixlen, proto, port, source, minute)
            if siphash13(key, data) == wanted:
                return str(address)
    return None


def main():
    key = read_key(sys.argv[1]) if len(sys.argv) > 1 else KNOWN
    for line in sys.stdin:
        print(json.dumps(find(json.loads(line), key)))


if __name__ == "__main__":
    main()

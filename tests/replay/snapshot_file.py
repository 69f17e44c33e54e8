# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""The file `snapshot` as engine/state.h and engine/rate_engine_state.c describe it, read by other means than theirs."""
import os
import struct

HEAD, MARK, KEY = struct.Struct("=IIQQqI24sI"), struct.Struct("=40sIIQQ"), struct.Struct("=16sBBBBHH")
SCOPES = ("link", "body", "prefix", "service", "host")


def path(folder):
    return os.path.join(folder, "snapshot")


def parts(folder):
    """{name: (offset of its bytes, its bytes)}, or None without a file."""
    if not os.path.exists(path(folder)):
        return None
    with open(path(folder), "rb") as file:
        data = file.read()
    count, at, found = HEAD.unpack_from(data)[5], HEAD.size, {}
    for _ in range(count):
        name, _, _, size, _ = MARK.unpack_from(data, at)
        at += MARK.size
        found[name.rstrip(b"\0").decode()] = (at, data[at:at + size])
        at = (at + size + 7) // 8 * 8
    assert at == len(data), (at, len(data))
    return found


def baselines(folder):
    """{(scope, address or code, proto, port, length): (minutes, {metric: {class: minutes}})} of the part of that name."""
    data, at, found = (parts(folder) or {"baselines": (0, bytes(8))})["baselines"][1], 8, {}
    while at < len(data):
        addr, scope, _, proto, length, port, _ = KEY.unpack_from(data, at)
        at += KEY.size
        minutes, _, metrics = struct.unpack_from("=HBB", data, at)
        at += 4
        learned = {}
        for metric in range(8):
            if metrics >> metric & 1:
                n = data[at]
                learned[metric] = {c: m for c, m in struct.iter_unpack("=BH", data[at + 1:at + 1 + 3 * n])}
                at += 1 + 3 * n
        found[scope, addr, proto, port, length] = (minutes, learned)
    return found


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def table_entry(byte):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


TABLE = [table_entry(byte) for byte in range(256)]


def stretch(folder, factor):
    """Makes the baselines those of `factor` times as many minutes, each of which came so much more often, with sums that are right."""
    at, data = parts(folder)["baselines"]
    data, i = bytearray(data), 8
    while i < len(data):
        i += KEY.size
        minutes, _, metrics = struct.unpack_from("=HBB", data, i)
        struct.pack_into("=H", data, i, minutes * factor)
        i += 4
        for _ in range(bin(metrics).count("1")):
            n, i = data[i], i + 1
            for _ in range(n):
                struct.pack_into("=H", data, i + 1, struct.unpack_from("=H", data, i + 1)[0] * factor)
                i += 3
    with open(path(folder), "r+b") as file:
        file.seek(at - MARK.size)
        mark = bytearray(file.read(MARK.size))
        struct.pack_into("=I", mark, 44, 0)
        struct.pack_into("=I", mark, 44, crc32c(mark, crc32c(data)))
        file.seek(at - MARK.size)
        file.write(mark + data)

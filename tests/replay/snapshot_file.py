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

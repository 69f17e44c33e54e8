#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# traffic_true.py MAKE_TRAFFIC: the files of ci/bench are what their names say: so many flows, no tuple twice, 64 bytes on the wire, right
# checksums, the same bytes each time; and nonsense is refused.
import struct
import subprocess
import sys

make, failed = sys.argv[1], 0
RECORD, FRAME = 16, 60


def verdict(name, good):
    global failed
    failed += not good
    print(('ok - ' if good else 'not ok - ') + name)


def run(*arguments):
    return subprocess.run((make,) + arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)


def folded(data):
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def checksums(frame):
    ip, length = frame[14:34], struct.unpack('>H', frame[16:18])[0] - 20
    pseudo = ip[12:20] + struct.pack('>HH', ip[9], length)
    return folded(ip) == 0xffff and folded(pseudo + frame[34:34 + length]) == 0xffff


def read(kind, number):
    data = run(kind, str(number)).stdout
    verdict('%s %d: the same bytes twice' % (kind, number), data == run(kind, str(number)).stdout)
    frames = [data[at + RECORD:at + RECORD + FRAME] for at in range(24, len(data), RECORD + FRAME)]
    verdict('%s: whole frames with right checksums' % kind, len(data) == 24 + len(frames) * (RECORD + FRAME) and all(map(checksums, frames)))
    flows = {min((f[26:30] + f[34:36], f[30:34] + f[36:38]), (f[30:34] + f[36:38], f[26:30] + f[34:36])) for f in frames}
    return frames, len(flows)


for kind, number, frames_wanted, flows_wanted in (('flows', 5000, 10000, 5000), ('oneway', 70000, 70000, 70000), ('distinct', 70000, 70000, 70000),
                                                  ('syn', 20000, 22000, 21000), ('synack', 20000, 42000, 21000)):
    frames, flows = read(kind, number)
    verdict('%s %d: %d frames of %d flows' % (kind, number, frames_wanted, flows_wanted), (len(frames), flows) == (frames_wanted, flows_wanted))
    if kind.startswith('syn'):
        marked = [f for f in frames if f[27:28] == b'\xff' and f[26:27] == b'\x0a' or f[31:32] == b'\xff' and f[30:31] == b'\x0a']
        verdict('%s: 1,000 long flows both ways' % kind, len(marked) == 2000)
for nonsense in ((), ('flows',), ('flows', '0'), ('flows', '4194305'), ('flows', '12x'), ('other', '5'), ('syn', '5', '256')):
    verdict('refused: %s' % ' '.join(nonsense), run(*nonsense).returncode == 64)
sys.exit(failed != 0)

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# many_answers.py BUILD: one packet may hold a thousand DNS messages. What the dissector tells of one packet is capped and counted, so that a
# capture full of them, with small rings and a small table, neither stops the replay nor breaks the books. With a detector that asks for
# DNS: nobody is told what nobody asks for.
import json
import os
import struct
import subprocess
import sys
import tempfile

import common

MESSAGES = 850
SEGMENTS = 3000


def segment(n):
    message = struct.pack('>HHHHHHHBHH', 17, n & 0xffff, 0x0100, 1, 0, 0, 0, 0, 1, 1)  # its length, then the question for the root
    payload = message * MESSAGES
    source = struct.pack('>I', 0xc6336400 + n % 250 + 1)
    tcp = struct.pack('>HHIIBBHHH', 1024 + n // 250, 53, 1, 1, 0x50, 0x18, 65535, 0, 0)
    ip = struct.pack('>BBHHHBBH', 0x45, 0, 40 + len(payload), n & 0xffff, 0, 64, 6, 0) + source + bytes((203, 0, 113, 53))
    return ip + tcp + payload


def main():
    with tempfile.TemporaryDirectory() as folder:
        yagura = common.start(sys.argv).listening(os.path.join(folder, 'build')).path('yagura')
        path = os.path.join(folder, 'many.pcap')
        with open(path, 'wb') as out:
            out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101))
            for n in range(SEGMENTS):
                packet = segment(n)
                out.write(struct.pack('<IIII', 1700000000 + n // 1000, n % 1000 * 1000, len(packet), len(packet)) + packet)
        command = [yagura, 'replay', '--json', '--set', 'dissector.ring=64', '--set', 'flow.table=1024', path]
        try:
            run = subprocess.run(command, capture_output=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            print('not ok - a_capture_full_of_messages_comes_to_its_end: not within 60 s')
            return 1
    summary = json.loads(run.stdout) if run.returncode == 0 else {}
    checks = {
        'a_capture_full_of_messages_comes_to_its_end': run.returncode == 0,
        'its_books_balance': summary.get('identities_hold') is True,
        'what_was_not_told_is_counted': summary.get('dissector', {}).get('answers.capped', 0) > 0,
    }
    for name, good in checks.items():
        print(('ok - ' if good else 'not ok - ') + name)
    if not all(checks.values()):
        print(run.returncode, run.stderr.decode(errors='replace')[-400:], {k: v for k, v in summary.get('dissector', {}).items() if v})
    return 0 if all(checks.values()) else 1


sys.exit(main())

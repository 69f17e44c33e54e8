#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# replay_ratio.py BUILD [RUNS]: how much faster `yagura replay` (all detectors, EVE written) is than ndpiReader on mix8.pcap, whole process,
# wall clock, in turn, median of RUNS pairs (5). mix8.pcap is made of $YAGURA_CAPTURES/mix.pcap by make_mix8.py. At least 2.5 is asked.
import os
import statistics
import subprocess
import sys
import tempfile
import time

LEAST = 2.5


def timed(command):
    start = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def main():
    build, runs = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    mix = os.path.join(os.environ.get('YAGURA_CAPTURES') or '/nonexistent', 'mix.pcap')
    if not os.path.exists(mix) or not os.environ.get('YAGURA_LONG'):
        print('skipped: replay_ratio: needs $YAGURA_CAPTURES/mix.pcap and a quiet machine (ci/test --long)')
        return 77
    with tempfile.TemporaryDirectory() as folder:
        mix8, eve = os.path.join(folder, 'mix8.pcap'), os.path.join(folder, 'eve.json')
        subprocess.run([sys.executable, os.path.join(os.path.dirname(__file__), 'make_mix8.py'), mix, mix8], check=True)
        ours, theirs = [], []
        replay = [os.path.join(build, 'yagura'), 'replay', '--json', '--progress', 'none', '--eve', eve, mix8]
        timed(['cat', mix8])
        for _ in range(runs):
            if os.path.exists(eve):
                os.unlink(eve)
            ours.append(timed(replay))
            theirs.append(timed(['ndpiReader', '-q', '-i', mix8]))
    ratios = [b / a for a, b in zip(ours, theirs)]
    ratio = statistics.median(ratios)
    print('yagura replay  median %.2f s (%.2f to %.2f)' % (statistics.median(ours), min(ours), max(ours)))
    print('ndpiReader     median %.2f s (%.2f to %.2f)' % (statistics.median(theirs), min(theirs), max(theirs)))
    print('%s - replay is %.2f times as fast as ndpiReader (%.2f to %.2f), at least %.1f is asked'
          % ('ok' if ratio >= LEAST else 'not ok', ratio, min(ratios), max(ratios), LEAST))
    return 0 if ratio >= LEAST else 1


sys.exit(main())

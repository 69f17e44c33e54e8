#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# listener.py BUILD: what the dissector finds reaches the detectors that ask for it, the same with any number of workers, and nobody else.
import glob
import os
import re
import sys

import common


def heard(run):
    found = re.search(r'heard dns (\d+) tls (\d+) http (\d+) flows (\d+)', run.err)
    return tuple(int(n) for n in found.groups()) if found else None


def main():
    plain = common.start(sys.argv)
    cases = common.Cases()
    with common.scratch() as folder:
        listening = plain.listening(os.path.join(folder, 'build'))
        day = plain.generate(os.path.join(folder, 'day.pcap'), '--seconds', '120', 'day')
        counts = {}
        for workers in ('1', '2', '4'):
            run = listening.replay('--json', '--workers', workers, day)
            summary = common.read_json(run.out) or {}
            counts[workers] = heard(run)
            told = summary.get('dissector', {})
            cases.check(f'a_detector_hears_all_that_is_found_{workers}_workers',
                        counts[workers] and counts[workers][:3] == (told['dns'], told['tls'], told['http']) and min(counts[workers]) > 0,
                        f'{counts[workers]} {told} {run.err}')
        cases.check('any_number_of_workers_says_the_same', len(set(counts.values())) == 1, counts)
        # the others, some of which ask for much the same, are switched off
        names = [os.path.basename(path)[:-3] for path in glob.glob(plain.path('plugins', '*', '*.so'))]
        quiet = [word for name in names for word in ('--set', f'plugins.{name}.enabled=false')]
        engine = (common.read_json(plain.replay('--json', *quiet, day).out) or {}).get('engine', {})
        asked = (common.read_json(listening.replay('--json', *quiet, day).out) or {}).get('engine', {})
        # verdicts, and the ends of batches
        cases.check('nobody_is_told_what_nobody_asks_for',
                    engine and asked and asked['dissect.answers'] - engine['dissect.answers'] == sum(counts['1'][:3]),
                    f'{engine} {asked}')
    cases.finish()


main()

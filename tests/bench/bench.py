#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# bench.py BUILD [--json FILE] [--rounds N] [--keep] [P1 ...]: see ci/bench, which starts it. Exit status: 0 every goal that could be
# measured is reached, 1 some are not, 2 nothing could be measured.
import argparse
import json
import os
import shutil
import signal
import sys
import tempfile

import bench_goals
import bench_live
from bench_programs import HugePages, Missing, Program, cycles_hz, read

GOALS = {'P1': bench_goals.p1, 'P2': bench_goals.p2, 'P3': bench_goals.p3, 'P4': bench_goals.p4, 'P5': bench_goals.p5, 'P6': bench_goals.p6,
         'P7': bench_live.p7, 'P8': bench_goals.p8}


class Bench:
    def __init__(self, arguments):
        self.build, self.rounds, self.pages = os.path.abspath(arguments.build), arguments.rounds, HugePages()
        self.core = max(os.sched_getaffinity(0))
        self.kept = arguments.keep
        if self.kept:
            self.folder = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'yagura-bench')
            os.makedirs(self.folder, exist_ok=True)
        else:
            self.folder = tempfile.mkdtemp(prefix='yagura-bench.')

    def say(self, text):
        if sys.stderr.isatty():
            sys.stderr.write('\r\033[K%s ' % text)
            sys.stderr.flush()

    def finish(self):
        self.say('')
        for program in list(Program.living):
            program.stop()
        self.pages.give_back()
        if not self.kept:
            shutil.rmtree(self.folder, ignore_errors=True)


def run_one(bench, name):
    try:
        return GOALS[name](bench)
    except (Missing, RuntimeError) as e:
        result = bench_goals.Result()
        result.missing.append('%s: not measured: %s' % (name, e))
        return result


def table(rows, head):
    rows = [head] + [tuple(str(c) for c in row) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        print('  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def machine():
    load = os.getloadavg()[0]
    model = next((line.split(':', 1)[1].strip() for line in read('/proc/cpuinfo').splitlines() if line.startswith('model name')), 'unknown')
    return {'cpu': model, 'cores': len(os.sched_getaffinity(0)), 'hz': cycles_hz(), 'load': round(load, 2)}


def main():
    parser = argparse.ArgumentParser(prog='ci/bench')
    parser.add_argument('build')
    parser.add_argument('--json', metavar='FILE')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--keep', action='store_true')
    parser.add_argument('goals', nargs='*', metavar='P1 ...')
    arguments = parser.parse_intermixed_args()
    names = arguments.goals or list(GOALS)
    unknown = [n for n in names if n not in GOALS]
    if unknown or arguments.rounds < 1:
        parser.error('there are %s, and at least one round' % ' '.join(GOALS))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench, about, results = Bench(arguments), machine(), {}
    try:
        for name in names:
            results[name] = run_one(bench, name)
    finally:
        bench.finish()
    print('%(cpu)s, %(cores)d cores, load %(load).1f when it began; rates are packets by CPU second of the receiving thread' % about)
    print('median (least to most) of %d rounds, each program in turn\n' % bench.rounds)
    table([row for r in results.values() for row in r.rows], ('goal', 'program', 'Mpps', 'cycles', 'ours by theirs'))
    print()
    words = {True: 'reached', False: 'NOT REACHED', None: 'not measured'}
    checks = [c for r in results.values() for c in r.checks]
    table([(what, value or '-', goal, words[good]) for what, value, goal, good in checks], ('what', 'measured', 'asked', ''))
    for r in results.values():
        for line in r.missing:
            print('! ' + line)
    if arguments.json:
        whole = {'machine': about}
        for name, r in results.items():
            goal = {what: asked for what, _, asked, _ in r.checks}
            whole[name] = dict(r.json, goal=goal, reached=r.reached(), notes=r.missing)
        with open(arguments.json, 'w', encoding='utf-8') as f:
            json.dump(whole, f, indent=1)
            f.write('\n')
    known = [good for _, _, _, good in checks if good is not None]
    return 2 if not known else 0 if all(known) else 1


sys.exit(main())

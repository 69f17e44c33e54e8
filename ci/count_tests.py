#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Counts what the tests said: cmocka's own lines, `ok - name` lines of scripts, else one a program. Prints every failure and every reason
# for a skip, then `N passed, N failed, N skipped`; exits 1 when anything failed or nothing ran.
import json
import os
import re
import sys


def count(entry):
    text = (entry.get('stdout') or '') + '\n' + (entry.get('stderr') or '')
    good = entry['result'] in ('OK', 'EXPECTEDFAIL')
    if entry['result'] == 'SKIP':
        reason = next((line for line in text.splitlines() if 'skip' in line.lower()), 'no reason given')
        print(f"skipped: {entry['name']}: {reason.strip()}")
        return 0, 0, 1
    passed = len(re.findall(r'^\[       OK \]', text, re.M)) + len(re.findall(r'^ok - ', text, re.M))
    failed = len(set(re.findall(r'^\[  FAILED  \] \S+$', text, re.M))) + len(re.findall(r'^not ok - ', text, re.M))
    skips = re.findall(r'^skip - .*', text, re.M) + re.findall(r'^\[  SKIPPED \] \S+$', text, re.M)
    for line in skips:
        print(f"skipped: {entry['name']}: {line}")
    if not good:
        failed = max(failed, 1)
        print(f"FAILED: {entry['name']} ({entry['result']})")
        lines = text.splitlines()
        # what failed stands first, with what stands around it, for some readers see only the beginning; the end as ever
        failures = [i for i, line in enumerate(lines[:-40]) if line.startswith(('not ok - ', '[  FAILED  ]'))][:6]
        for i in failures:
            print('\n'.join('    ' + line for line in lines[max(0, i - 8):i + 20]) + '\n    ...')
        print('\n'.join('    ' + line for line in lines[-40:]))
    elif passed + len(skips) == 0:
        passed = 1
    return passed, failed if not good else 0, len(skips)


def main():
    totals = [0, 0, 0]
    if not os.path.exists(sys.argv[1]):
        print('FAILED: meson test wrote no log\n0 passed, 1 failed, 0 skipped')
        return 1
    with open(sys.argv[1], encoding='utf-8', errors='replace') as log:
        for line in log:
            for i, n in enumerate(count(json.loads(line))):
                totals[i] += n
    for extra in sys.argv[2:]:
        if '=' not in extra:  # a log of `ok - ` lines
            text = open(extra, encoding='utf-8', errors='replace').read()
            totals[0] += len(re.findall(r'^ok - ', text, re.M))
            totals[1] += len(re.findall(r'^not ok - ', text, re.M))
            totals[2] += len(re.findall(r'^skip', text, re.M))
            continue
        name, status = extra.split('=')
        totals[0 if status == '0' else 1] += 1
        if status != '0':
            print(f'FAILED: {name}')
    print('%d passed, %d failed, %d skipped' % tuple(totals))
    return 1 if totals[1] or not totals[0] else 0


sys.exit(main())

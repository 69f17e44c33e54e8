#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""What ci/demo shows of a replay: demo_show.py en|ja summary|flows|metrics|found [TRUTH], each from standard input.

summary is what `yagura replay` printed, the other three are entries of a stream as redis-cli prints them raw: id, field, line."""
import json
import re
import sys

japanese = sys.argv[1] == 'ja'


def t(en, ja):
    return ja if japanese else en


def entries():
    for line in sys.stdin:
        if line.startswith('{'):
            yield json.loads(line)


def summary():
    """The first line, the heads of the tables of flows, the books in one line; what else it says (a Redis that is away) whole."""
    first, *paragraphs = sys.stdin.read().strip('\n').split('\n\n')
    print('  ' + first)
    for paragraph in paragraphs:
        lines = paragraph.split('\n')
        if re.match(r'Flows by app|アプリケーション', lines[0]):
            print('\n'.join('  ' + line for line in lines[:5]))
        elif re.match(r'Flows by org|団体', lines[0]):
            print('\n'.join('  ' + line for line in lines[:4]))
        elif re.match(r'The books|収支', lines[0]):
            wrong = [line for line in lines if '✖' in line]
            good = len(lines) - 1 - len(wrong)
            print('\n'.join(wrong) or t(f'  ✔ the books: all {good} balance, no packet, flow or alert is unaccounted for',
                                        f'  ✔ 収支: {good}項目すべて一致。行き先の分からないパケット、フロー、アラートはありません'))
        elif not re.match(r'Where packets|パケットの行き先|Alerts|アラート', lines[0]):
            print(paragraph)


def flows():
    """One record each of up to three applications, those with a name of a server first."""
    chosen = {}
    for e in entries():
        ndpi = e.get('ndpi', {})
        if ndpi.get('proto') and (ndpi.get('hostname') or ndpi['proto'] not in chosen):
            chosen.setdefault((not ndpi.get('hostname'), ndpi['proto'].split('.')[0]), e)
    for (_, name), e in sorted(chosen.items(), key=lambda item: item[0])[:3]:
        n, d = e['flow'], e['ndpi']
        ends = '{} → {}'.format(*(f'[{a}]:{p}' if ':' in a else f'{a}:{p}' if p is not None else a
                                  for a, p in ((e['src_ip'], e.get('src_port')), (e['dest_ip'], e.get('dest_port')))))
        owner = '/'.join(dict.fromkeys(o for o in (d.get('org', {}).get('src'), d.get('org', {}).get('dest')) if o))
        size = n['bytes_toserver'] + n['bytes_toclient']
        print('  {}  {:<5} {:<26} {}  {}  {}'.format(e['timestamp'][11:19], name, d.get('hostname', '')[:26], ends,
                                                     t(f'{size:,} bytes', f'{size:,}バイト'), owner))


def bars(values):
    """Sixty columns at most, each the greatest of its values, the highest bar for the greatest of all."""
    step = max(1, -(-len(values) // 60))
    columns = [max(values[i:i + step]) for i in range(0, len(values), step)]
    top = max(columns, default=0) or 1
    return ''.join('▁▂▃▄▅▆▇█'[v * 7 // top] for v in columns)


def metrics():
    """A line for the whole sensor, and one each for the bodies that got the most. Lines of one second may be several: orgs are apart."""
    seconds = {}
    for e in entries():
        of = seconds.setdefault(e['timestamp'], {})
        if 'sensor' in e:
            of[''] = e['sensor']['packets_in']
        of.update((code, values[0]) for code, values in e['orgs'].items())
    codes = sorted({code for of in seconds.values() for code in of}, key=lambda c: -sum(of.get(c, 0) for of in seconds.values()))
    for code in codes[:4]:
        values = [of.get(code, 0) for of in seconds.values()]
        name = code or t('all', '全体')
        width = 12 - sum(ord(c) > 0x2e80 for c in name)
        print(f'  {name:<{width}} {bars(values)}  ' + t(f'peak {max(values):,}', f'最大 {max(values):,}'))


def found():
    """Exit 1 unless each attack of the table has an alert of its kind, target and body."""
    there = {(c['kind'], c['target'], c['org']['code']) for c in (e['alert']['context'] for e in entries()) if c['state'] == 'open'}
    with open(sys.argv[3], encoding='utf-8') as truth:
        laid = [tuple(line.split('\t')[i] for i in (0, 2, 3)) for line in truth.read().splitlines() if line and not line.startswith('#')]
    for kind, target, org in laid:
        if (kind, target, org) not in there:
            print(t(f'✖ not found: {kind} against {target} ({org})', f'✖ 検知できず: {kind} {target}（{org}）'))
    hits = [kind for kind, target, org in laid if (kind, target, org) in there]
    if hits:
        print('✔ ' + t(f'Found {len(hits)} of the {len(laid)} attacks that were laid in: ', f'仕込んだ攻撃{len(laid)}件のうち{len(hits)}件を検知: ')
              + t(', ', '、').join(hits))
    sys.exit(len(hits) < len(laid))


{'summary': summary, 'flows': flows, 'metrics': metrics, 'found': found}[sys.argv[2]]()

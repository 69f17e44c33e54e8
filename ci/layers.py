#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# ci/layers.py: the files of the dashboard stand in the order of the table "Layers" of dashboards/web/README.md, and call and include only
# what stands before them there; the modules of its page import each other in no circle. What is wrong is printed, and the status is 1.
#
# Read from the text alone: C of the house begins each function in its first column, and names what others call once.
import collections
import os
import re
import subprocess
import sys

WEB = 'dashboards/web'
SERVER = WEB + '/server/'
bad = []


def plain(text):
    # without comments and texts; what is left in their place keeps lines apart
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', lambda m: '""' if m[0][0] == '"' else ' ', text, flags=re.S)


def table():
    order, rows = [], {}
    readme = open(WEB + '/README.md', encoding='utf-8').read()
    part = readme.split('\n## Layers', 1)[1].split('\n## ', 1)[0]
    for row, line in enumerate(re.findall(r'^\|[^|]*\|([^|]*)\|$', part, flags=re.M)[2:]):  # behind the head
        for name in line.split():
            if name in rows:
                bad.append(f'{name} stands twice in the table of layers')
            order.append(name)
            rows[name] = row
    return {name: at for at, name in enumerate(order)}, rows


def stem(file):
    return os.path.basename(file).rsplit('.', 1)[0]


def server():
    place, row = table()
    files = sorted(SERVER + f for f in os.listdir(SERVER) if f.endswith(('.c', '.h')))
    text = {f: open(f, encoding='utf-8').read() for f in files}

    def family(name):  # x_parts.h is of x: its types, which any file of x may include
        return name[:-len('_parts')] if name.endswith('_parts') else name

    for f in files:
        if family(stem(f)) not in place:
            bad.append(f'{f}: in no row of the table of layers')
    for name in place:
        if not any(stem(f) == name for f in files):
            bad.append(f'the table of layers names {name}, which is not there')
    if bad:
        return
    for f in files:
        for name in re.findall(r'^#include "([a-z_]+)\.h"', text[f], flags=re.M):
            own = stem(f)
            if name == own or SERVER + name + '.h' not in text:
                continue
            parts = own.endswith('_parts') or name.endswith('_parts')
            fits = row[family(name)] <= row[family(own)] if parts else place[name] < place[own]
            if not fits:
                bad.append(f'{f} includes {name}.h, which stands above it')
    sources = {f: plain(text[f]) for f in files if f.endswith('.c')}
    begins = re.compile(r'^(?!static\b)(?:[a-z_]\w*[ *]+)+?(\w+)\([^;{]*\)\n\{', flags=re.M)
    own = {f: set(re.findall(r'^static [^=;{]*?\b(\w+)\(', s, flags=re.M)) for f, s in sources.items()}
    made = {name: f for f, s in sources.items() for name in begins.findall(s)}
    for f, s in sources.items():
        for name in sorted(set(re.findall(r'(?<!struct )\b[a-z]\w+\b', s))):
            other = made.get(name)
            if other and other != f and name not in own[f] and place[stem(other)] >= place[stem(f)]:
                bad.append(f'{f} calls {name} of {other}, which stands above it')
    if len(made) < 200:
        bad.append(f'only {len(made)} functions found: the files are not read as they are written')


def page():
    imports = collections.defaultdict(set)
    root = WEB + '/app'
    for folder, _, names in os.walk(root):
        for name in names:
            if not name.endswith('.js'):
                continue
            f = os.path.join(folder, name)
            for to in re.findall(r"""(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"]+)['"]""", open(f, encoding='utf-8').read()):
                imports[f].add(os.path.normpath(os.path.join(folder, to)))
    state = {}  # 1: being walked, 2: nothing of it comes back

    def walk(f, way):
        if state.get(f) == 1:
            bad.append('a circle of imports: ' + ' -> '.join(way[way.index(f):] + [f]))
        if f in state:
            return
        state[f] = 1
        for to in sorted(imports[f]):
            walk(to, way + [f])
        state[f] = 2

    for f in sorted(imports):
        walk(f, [])
    if len(state) < 50:
        bad.append(f'only {len(state)} modules found: they are not read as they are written')


def main():
    os.chdir(subprocess.run(['git', 'rev-parse', '--show-toplevel'], capture_output=True, text=True).stdout.strip()
             or os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
    server()
    page()
    for line in bad:
        print('layers: ' + line)
    return 1 if bad else 0


sys.exit(main())

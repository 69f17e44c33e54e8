#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# What the pages say of the tree is true: links lead somewhere, the reading tour names files and functions that are there, the table of
# kinds is that of kinds.c, the list of dissectors that are off is the default, both READMEs show the same commands, and the examples
# of alerts.md are JSON. Argument: the root of the source.
import json
import re
import sys
from pathlib import Path

root = Path(sys.argv[1])
pages = sorted(p for p in root.rglob('*.md') if not any(part.startswith(('.', 'build')) or part == 'node_modules' for part in p.relative_to(root).parts))
failed = 0


def verdict(name, faults):
    global failed
    for fault in faults:
        print(f'    {fault}')
    print(('not ok - ' if faults else 'ok - ') + name)
    failed += bool(faults)


def text(path):
    return (root / path).read_text(encoding='utf-8')


def anchor(heading):
    return re.sub(r'[^\w\- ]', '', heading.strip().lower()).replace(' ', '-')


def links():
    for page in pages:
        for target in re.findall(r'\]\(([^)\s]+)\)', re.sub(r'```.*?```', '', page.read_text(encoding='utf-8'), flags=re.S)):
            if re.match(r'[a-z]+:', target):
                continue
            path, _, part = target.partition('#')
            file = (page.parent / path).resolve() if path else page
            if not file.exists():
                yield f'{page.relative_to(root)}: {target} is not there'
            elif part and part not in [anchor(h) for h in re.findall(r'^#+ (.*)$', file.read_text(encoding='utf-8'), re.M)]:
                yield f'{page.relative_to(root)}: {target} has no such heading'


def tour():
    source = '\n'.join(p.read_text(encoding='utf-8') for p in (root / 'sensor').rglob('*.[ch]'))
    words = set(re.findall(r'\w+', source))
    for first, second in re.findall(r'^\| (`.*?) \|.*\| ([^|]*) \|$', text('sensor/README.md'), re.M):
        folder = ''
        for name in re.findall(r'`([\w/]+\.[ch])`', first):
            folder = name.rpartition('/')[0] or folder
            if not (root / 'sensor' / folder / Path(name).name).exists() and not (root / 'sensor' / name).exists():
                yield f'{name} is not there'
        for name in re.findall(r'`(?:struct )?(\w+)`', second):
            if name not in words:
                yield f'{name} is in no source'


def kinds():
    rows = re.findall(r'\{"([a-z_.]+)",\s*(\d+),\s*YG_SEV_(\w+),\s*"([^"]*)",\s*"([^"]*)",\s*"([^"]*)",', text('sensor/model/kinds.c'))
    here = re.findall(r'^\| `([a-z_.]+)` \| (\d+) \| (\w+) \| ([^|]*?) ?\| ([^|]*) \| ([^|]*) \|', text('docs/alerts.md'), re.M)
    there = [(k, n, s.lower(), *rest) for k, n, s, *rest in rows]
    if len(there) < 40:
        yield f'only {len(there)} kinds read from kinds.c'
    yield from (f'differs: {row}' for row in set(there) ^ set(here))


def dissectors_off():
    default = re.search(r'"dissector\.off", STRING, [^"]*"([^"]+)"', text('sensor/config/options.h')).group(1).split(',')
    part = text('docs/architecture.md').split('## Dissectors that are off')[1].split('\n## ')[0]
    listed = re.findall(r'^\| (\w+) \|', part, re.M)[1:]
    yield from sorted(set(default) ^ set(listed))


def commands():
    def of(page):
        lines = [re.sub(r'\s+#.*', '', line).strip() for line in re.findall(r'^    .*$', text(page), re.M)]
        return [line for line in lines if re.match(r'(\$ )?(build|ci)/', line)]
    if of('README.md') != of('README.ja.md') or len(of('README.md')) < 5:
        yield f"{of('README.md')} and {of('README.ja.md')}"


def examples():
    blocks = re.findall(r'```json\n(.*?)```', text('docs/alerts.md'), re.S)
    if len(blocks) < 2:
        yield 'fewer than two examples'
    for block in blocks:
        try:
            json.loads(block)
        except ValueError as error:
            yield str(error)


verdict('links of all pages lead somewhere', list(links()))
verdict('the reading tour names what is there', list(tour()))
verdict('the table of kinds is that of kinds.c', list(kinds()))
verdict('the dissectors that are off are those of the default', list(dissectors_off()))
verdict('both READMEs show the same commands', list(commands()))
verdict('the examples of alerts.md are JSON', list(examples()))
sys.exit(1 if failed else 0)

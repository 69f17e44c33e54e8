#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""assets.py WEB OUT: builds the page of the dashboard, WEB/app with what WEB/package-lock.json pins, into OUT:

  assets.c     the table of static.h
  assets.bin   what it points into (by .incbin): each file as it is, by gzip and by brotli

esbuild bundles, splits and minifies; names carry a hash of what they hold, so browsers may keep them for ever. Texts of a language
(app/i18n/<area>.<language>.json) become one module, those of app/i18n/more/ another, styles one sheet, tokens.css and base.css first. What is built in of others' is
checked against THIRD_PARTY.tsv: another version, licence or content is an error of the build.
"""
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

TYPES = {'.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml',
         '.png': 'image/png', '.webmanifest': 'application/manifest+json'}
LANGUAGES = ('ja', 'en')


def stop(text):
    sys.exit('assets.py: ' + text)


def third_party(web):
    """Each row: name, version, licence, file, SHA-256."""
    names = set()
    for number, line in enumerate(open(os.path.join(web, 'THIRD_PARTY.tsv'), encoding='utf-8'), 1):
        if line.startswith('#') or not line.strip():
            continue
        name, version, licence, file, digest = line.rstrip('\n').split('\t')
        folder = os.path.join(web, 'node_modules', name)
        try:
            package = json.load(open(os.path.join(folder, 'package.json'), encoding='utf-8'))
            found = hashlib.sha256(open(os.path.join(folder, file), 'rb').read()).hexdigest()
        except OSError as error:
            stop(f'{error.filename} is not there: run ci/setup')
        if (package['version'], package['license'], found) != (version, licence, digest):
            stop(f'THIRD_PARTY.tsv:{number}: {name} is {package["version"]}, {package["license"]}, {file} {found}')
        names.add(name)
    declared = set(json.load(open(os.path.join(web, 'package.json'), encoding='utf-8'))['dependencies'])
    if names != declared:
        stop(f'THIRD_PARTY.tsv: {sorted(names ^ declared)} stand in one of it and package.json alone')


def texts(app, out):
    """Two modules a language: what the first screens say, and (of i18n/more/) what the pages of administration say."""
    for language in LANGUAGES:
        seen = set()
        for folder, prefix in (('i18n', ''), ('i18n/more', 'more-')):
            merged = {}
            for name in sorted(os.listdir(os.path.join(app, folder))):
                if name.endswith(f'.{language}.json'):
                    for key, text in json.load(open(os.path.join(app, folder, name), encoding='utf-8')).items():
                        if key in seen:
                            stop(f'{name}: {key} is there twice')
                        seen.add(key)
                        merged[key] = text
            with open(os.path.join(out, f'texts-{prefix}{language}.js'), 'w', encoding='utf-8') as file:
                file.write('export default JSON.parse(' + json.dumps(json.dumps(merged, ensure_ascii=False, separators=(',', ':')), ensure_ascii=False) + ');\n')


def sheet(app, out):
    folder = os.path.join(app, 'style')
    names = [name for name in os.listdir(folder) if name.endswith('.css')]
    first = [name for name in ('tokens.css', 'base.css') if name in names]
    with open(os.path.join(out, 'style.css'), 'w', encoding='utf-8') as file:
        for name in first + sorted(set(names) - set(first)):
            file.write(f'@import {json.dumps(os.path.join(folder, name))};\n')


def bundle(web, app, out, made):
    common = ['--bundle', '--minify', '--target=es2022,chrome109,firefox115', '--outdir=' + made, '--entry-names=[name]-[hash]', '--chunk-names=part-[hash]',
              '--charset=utf8', '--legal-comments=none', '--log-level=warning', '--metafile=' + os.path.join(out, 'meta.json')]
    alias = [f'--alias:@i18n/{name}={os.path.join(out, f"texts-{name}.js")}' for language in LANGUAGES for name in (language, 'more-' + language)]
    env = {**os.environ, 'NODE_PATH': os.path.join(web, 'node_modules')}
    entries = {}
    for options, sources in ((['--format=esm', '--splitting', *alias], ['main.js', 'live-worker.js']), (['--format=iife'], ['boot.js']), ([], [os.path.join(out, 'style.css')])):
        sources = [os.path.join(app, source) for source in sources]
        done = subprocess.run(['esbuild', *sources, *common, *options], env=env, stderr=subprocess.PIPE, text=True)
        if done.returncode or done.stderr.strip():
            stop('esbuild:\n' + done.stderr)
        for name, output in json.load(open(os.path.join(out, 'meta.json'), encoding='utf-8'))['outputs'].items():
            if os.path.abspath(output.get('entryPoint', '')) in sources:
                entries[os.path.basename(output['entryPoint'])] = os.path.basename(name), [os.path.basename(i['path']) for i in output['imports'] if i['kind'] == 'import-statement']
    return entries


def page(app, made, entries):
    """index.html with the names as they are now, and what main.js imports at once, so that it is not found out one by one."""
    text = open(os.path.join(app, 'index.html'), encoding='utf-8').read()
    for source, (name, _) in entries.items():
        text, found = re.subn(f'(?:src|href)="/{re.escape(source)}"', lambda m: m[0].split('=')[0] + f'="/assets/{name}"', text)
        if not found:
            stop(f'index.html does not name /{source}')
    icon = open(os.path.join(app, 'icon.svg'), 'rb').read()
    hashed = f'icon-{hashlib.sha256(icon).hexdigest()[:8]}.svg'
    open(os.path.join(made, hashed), 'wb').write(icon)
    text = text.replace('"/icon.svg"', f'"/assets/{hashed}"')
    loads = ''.join(f'<link rel="modulepreload" href="/assets/{name}">\n' for name in entries['main.js'][1])
    text = re.sub(r'^<!-- .* -->\n', '', text.replace('</head>', loads + '</head>'), flags=re.M)
    open(os.path.join(made, 'index.html'), 'w', encoding='utf-8').write(text)


def pack(made, out):
    rows, blob = [], bytearray()

    def put(data):
        blob.extend(data)
        return len(blob) - len(data), len(data)

    for name in sorted(os.listdir(made)):
        data = open(os.path.join(made, name), 'rb').read()
        small = gzip.compress(data, 9, mtime=0)
        smaller = subprocess.run(['brotli', '-q', '11', '-w', '22', '-c'], input=data, stdout=subprocess.PIPE, check=True).stdout
        path = '/index.html' if name == 'index.html' else '/assets/' + name
        worth = len(data) > 256
        parts = [put(data), put(small) if worth and len(small) < len(data) else (0, 0), put(smaller) if worth and len(smaller) < len(data) else (0, 0)]
        rows.append((path, TYPES[os.path.splitext(name)[1]], hashlib.sha256(data).hexdigest()[:24], parts))
    open(os.path.join(out, 'assets.bin'), 'wb').write(blob)
    with open(os.path.join(out, 'assets.c'), 'w', encoding='utf-8') as file:
        file.write('// Made by assets.py. Do not edit.\n#include "static.h"\n\n__asm__(".section .rodata\\n.balign 16\\nweb_assets_bytes:\\n.incbin \\"' +
                   os.path.abspath(os.path.join(out, 'assets.bin')) + '\\"\\n.byte 0\\n.previous\\n");\n'
                   'extern const unsigned char web_assets_bytes[] __attribute__((visibility("hidden")));\n\nconst struct web_asset web_assets[] = {\n')
        for path, kind, tag, parts in sorted(rows):
            ways = ', '.join(f'web_assets_bytes + {at}, web_assets_bytes + {at + size}' if size else 'NULL, NULL' for at, size in parts)
            file.write(f'\t{{"{path}", "{kind}", "\\"{tag}\\"", {ways}, {"false" if path == "/index.html" else "true"}}},\n')
        file.write('\t{0},\n};\n')


def main():
    web, out = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    app, made = os.path.join(web, 'app'), os.path.join(out, 'made')
    shutil.rmtree(made, ignore_errors=True)
    os.makedirs(made)
    third_party(web)
    texts(app, out)
    sheet(app, out)
    page(app, made, bundle(web, app, out, made))
    pack(made, out)
    sources = [os.path.join(folder, name) for folder, _, names in os.walk(app) for name in names]
    if len(sys.argv) > 3: # for ninja: what this was made of
        with open(sys.argv[3], 'w', encoding='utf-8') as file:
            file.write(os.path.join(sys.argv[2], 'assets.c') + ': ' + ' '.join(s.replace(' ', '\\ ') for s in sorted(sources) +
                       [os.path.join(web, n) for n in ('package-lock.json', 'THIRD_PARTY.tsv')]) + '\n')


main()

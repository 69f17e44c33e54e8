#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# plugin_sample.py BUILD: a detector is built outside the tree with nothing but what `meson install` lays out, is loaded by a real replay and
# raises alerts; built with the header of ABI 1.0 it raises the same; built for a newer minor version it is left out, and it is said why.
import json
import os
import re
import shlex
import shutil
import sys

import common

SAMPLE = os.path.join(common.ROOT, 'tests', 'plugin-sample', 'sample.c')
OLD = os.path.join(common.ROOT, 'tests', 'abi', '1.0')


def installed_flags(build, folder):
    """What pkg-config says of an installation in `folder`."""
    meson = shutil.which('meson') or common.skip('no meson in the path')
    done = common.run([meson, 'install', '-C', build.folder, '--no-rebuild', '--tags', 'devel', '--destdir', folder])
    if done.code:
        return None, done.out + done.err
    found = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
    pc = [path for path in found if path.endswith('/yagura.pc')]
    if len(pc) != 1:
        return None, found
    env = {'PKG_CONFIG_PATH': os.path.dirname(pc[0]), 'PKG_CONFIG_SYSROOT_DIR': folder, 'PKG_CONFIG_ALLOW_SYSTEM_CFLAGS': '1'}
    return shlex.split(common.run(['pkg-config', '--cflags', 'yagura'], env=env).out), found


def compile_sample(flags, target):
    compiler = shlex.split(os.environ.get('CC', 'cc'))
    source = os.path.join(os.path.dirname(target), 'sample.c')
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(SAMPLE, source)
    done = common.run([*compiler, '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-O2', '-fPIC', '-shared', '-MD', *flags, source, '-o', target])
    return done


def beside(plain, folder, plugin):
    """A copy of the programs in `folder` with the sample as their only detector."""
    os.makedirs(os.path.join(folder, 'plugins'))
    for name in ('yagura', 'yagura-engine', 'yagura-dissector', 'yagura-courier', 'yagura.yaml'):
        shutil.copy2(plain.path(name), folder)
    with open(os.path.join(folder, 'yagura.yaml'), encoding='utf-8') as file:
        core = file.read().split('\nplugins:')[0]
    with open(os.path.join(folder, 'yagura.yaml'), 'w', encoding='utf-8') as file:
        file.write(core + '\n')
    shutil.copy(plugin, os.path.join(folder, 'plugins', 'sample.so'))
    return common.Build(folder)


def alerts(build, folder, capture):
    eve = os.path.join(folder, 'eve.json')
    if os.path.exists(eve):
        os.unlink(eve)
    run = build.replay('-c', common.DEMO, '--eve', eve, '--json', capture)
    lines = []
    if os.path.exists(eve):
        with open(eve, encoding='utf-8') as file:
            lines = [event for event in map(json.loads, file) if event['event_type'] == 'alert']
    return run, lines


def main():
    plain = common.start(sys.argv)
    cases = common.Cases()
    with common.scratch() as folder:
        flags, found = installed_flags(plain, os.path.join(folder, 'root'))
        if not cases.check('the_header_is_installed_and_found', flags and any(f.startswith('-I') for f in flags), found):
            cases.finish()
        new, old, future = (os.path.join(folder, name, 'sample.so') for name in ('new', 'old', 'future'))
        done = compile_sample(flags, new)
        cases.check('the_sample_builds_with_the_installed_header', done.code == 0, done.err)
        with open(new[:-3] + '.d', encoding='utf-8') as file:
            needed = re.findall(r'\S*/yagura/\S+', file.read())
        cases.check('of_yagura_it_needs_the_installed_header_alone', needed and all(path.startswith(folder) for path in needed), needed)
        done = compile_sample(['-I', OLD], old)
        cases.check('the_sample_builds_with_the_header_of_1_0', done.code == 0, done.err)
        capture = plain.generate(os.path.join(folder, 'day.pcap'), '--seconds', '60', 'day')

        run, told = alerts(beside(plain, os.path.join(folder, 'with-new'), new), folder, capture)
        opened = [a for a in told if a['alert']['context']['state'] == 'open']
        cases.check('it_raises_alerts', run.code == 0 and len(opened) > 0 and {a['alert']['context']['detector'] for a in told} == {'sample'},
                    f'{run.code} {run.err} {len(told)}')
        cases.check('they_are_explained', all(a['alert']['context']['why']['text_ja'] and a['alert']['context']['why']['text_en'] for a in told), told[:1])
        cases.check('it_sees_the_whole_host', re.search(r'sample: built for ABI 1\.\d+, host of \d+ bytes, as built', run.err), run.err)
        run, before = alerts(beside(plain, os.path.join(folder, 'with-old'), old), folder, capture)
        cases.check('built_for_1_0_it_raises_the_same', run.code == 0 and before == told and told, f'{run.code} {run.err} {len(before)} {len(told)}')
        cases.check('built_for_1_0_it_sees_the_host_of_1_0', re.search(r'sample: built for ABI 1\.0, host of \d+ bytes, as built', run.err), run.err)

        headers = os.path.join(folder, 'future-header', 'yagura')
        os.makedirs(headers)
        with open(os.path.join(common.ROOT, 'sensor', 'model', 'yagura', 'plugin.h'), encoding='utf-8') as file:
            text = re.sub(r'(#define YG_PLUGIN_ABI_MINOR) \d+', r'\1 99', file.read())
        with open(os.path.join(headers, 'plugin.h'), 'w', encoding='utf-8') as file:
            file.write(text)
        cases.check('a_sample_of_the_future_builds', compile_sample(['-I', os.path.dirname(headers)], future).code == 0)
        run, after = alerts(beside(plain, os.path.join(folder, 'with-future'), future), folder, capture)
        cases.check('a_newer_one_is_left_out_and_it_is_said_why',
                    run.code == 0 and not [a for a in after if a['alert']['context']['detector'] == 'sample'] and
                    re.search(r'sample\.so: built for ABI 1\.99, which is newer than this sensor\'s 1\.\d+; update the sensor', run.err), f'{run.code} {run.err}')
    cases.finish()


main()

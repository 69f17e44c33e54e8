# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# The goals P1 to P6 and P8: what is run, what is compared, what is asked. Each function returns a Result; what cannot be measured on this
# machine raises Missing or is named in Result.missing, and no figure is made up for it.
import datetime
import json
import os
import resource
import shutil
import statistics
import subprocess
import time

from bench_programs import Missing, Suricata, Testpmd, Yagura, megabytes, suricata_megabytes

WARM_S, LONG_WARM_S, WINDOW_S, SURICATA_PERIODS_S = 2.0, 6.0, 4.0, 9.0 # long: until every table has been filled once
LONG_FLOWS = 1000
KEPT_LEAST = 0.99
FLAT = 0.01
TRACKED_BYTES, EMBRYONIC_BYTES = 128, 64
GROWTH_MOST = 1.6
SCALING_LEAST = 0.9
SETTLED, SETTLE_MOST_S = 0.01, 120.0 # share of packets that begin a flow or are offered to the dissector


class Result:
    def __init__(self):
        self.rows, self.json, self.checks, self.missing = [], {}, [], []

    def row(self, *cells):
        self.rows.append(cells)

    def check(self, what, value, least=None, most=None, form='%.2f'):
        """A figure against its goal; None is what was not measured and decides nothing."""
        good = None if value is None else (least is None or value >= least) and (most is None or value <= most)
        goal = ('>= ' + form % least) if least is not None else ('<= ' + form % most)
        self.checks.append((what, None if value is None else form % value, goal, good))

    def reached(self):
        known = [good for _, _, _, good in self.checks if good is not None]
        return all(known) if known else None


class Spread:
    def __init__(self, values):
        self.middle, self.least, self.most = statistics.median(values), min(values), max(values)

    def text(self, scale=1.0, form='%.2f'):
        return ('%s (%s to %s)' % (form, form, form)) % (self.middle * scale, self.least * scale, self.most * scale)


def traffic(bench, kind, number):
    """The path of a file and its frames; made once."""
    path = os.path.join(bench.folder, '%s-%d.pcap' % (kind, number))
    if not os.path.exists(path):
        with open(path + '.part', 'wb') as f:
            subprocess.run([os.path.join(bench.build, 'tests', 'make_traffic'), kind, str(number)], stdout=f, check=True)
        os.rename(path + '.part', path)
    return path, (os.path.getsize(path) - 24) // 76


def settle(program):
    """Until every flow has its record and has been dissected, as in a network where flows last."""
    before, end = program.counters(), time.monotonic() + SETTLE_MOST_S
    while time.monotonic() < end:
        time.sleep(WARM_S)
        now = program.counters()
        received, offered, created = (now[name] - before[name] for name in ('received', 'dissect.offered', 'flow.created'))
        if offered + created < SETTLED * received:
            return
        before = now
    raise RuntimeError('flows are still new after %.0f s' % SETTLE_MOST_S)


def measured(program, seconds, watch=None, settled=False):
    try:
        time.sleep(LONG_WARM_S if watch else WARM_S)
        if settled:
            settle(program)
        if watch:
            watch(program, 'begin')
        rate = program.window(seconds)
        if watch:
            watch(program, 'end')
    finally:
        ended = program.stop()
    return rate, ended


def ours(bench, path, frames, more=(), watch=None, cores=None, settled=False):
    """With shedding off: a source that is never exhausted looks like an overload, and the rate of what is shed is none of interest."""
    bench.pages.want(megabytes(frames))
    more = ('--set', 'shed.enabled=false') + tuple(more)
    return measured(Yagura(bench.build, path, frames, cores or [bench.core], more), WINDOW_S, watch, settled)[0]


def compare(bench, result, path, frames, prefix, least_testpmd, least_suricata, more=(), watch=None):
    """In turn, round by round: the ceiling, ours, Suricata."""
    rates, ratios, notes = {'testpmd': [], 'yagura': [], 'suricata': []}, {'testpmd': [], 'suricata': []}, set()
    filling = []
    for _ in range(bench.rounds):
        for name in rates:
            if any(note.startswith(name) for note in notes) and not rates[name]:
                continue
            bench.say('%s %s' % (prefix, name))
            try:
                if name == 'yagura':
                    rate = ours(bench, path, frames, more, watch)
                elif name == 'testpmd':
                    bench.pages.want(megabytes(frames))
                    rate = measured(Testpmd(path, frames, bench.core), WINDOW_S)[0]
                elif least_suricata is None:
                    continue
                else:
                    bench.pages.want(suricata_megabytes(frames))
                    suricata = Suricata(path, frames, bench.core, os.path.join(bench.folder, 'suricata'))
                    filling.append(suricata.first)
                    rate, ended = measured(suricata, SURICATA_PERIODS_S)
                    if not ended:
                        notes.add('suricata did not end within 10 s of being asked and was killed')
            except (Missing, RuntimeError) as e:
                notes.add('%s: %s' % (name, e))
                continue
            rates[name].append(rate)
        for name in ratios:
            if len(rates[name]) and len(rates['yagura']) and len(rates[name]) == len(rates['yagura']):
                ratios[name].append(rates['yagura'][-1].pps / rates[name][-1].pps)
    result.missing += sorted(prefix + ': ' + note for note in notes)
    for name, found in rates.items():
        if found:
            spread = Spread([r.pps for r in found])
            against = Spread(ratios[name]).text() if ratios.get(name) else ''
            result.row(prefix, name, spread.text(1e-6), '%.0f' % statistics.median(r.cycles for r in found), against)
    stages = {name: statistics.median(r.stages.get(name, 0.0) for r in rates['yagura']) for r in rates['yagura'] for name in r.stages}
    for name, cycles in stages.items():
        if cycles >= 0.5:
            result.row(prefix, '  ' + name, '', '%.0f' % cycles, '')
    if filling:
        result.row(prefix, 'suricata, while its tables fill', Spread(filling).text(1e-6), '', '')
    values = {'ratio_' + name: round(statistics.median(v), 3) if v else None for name, v in ratios.items()}
    values['ratio_testpmd_spread'] = [round(min(ratios['testpmd']), 3), round(max(ratios['testpmd']), 3)] if ratios['testpmd'] else None
    values['cycles_per_packet'] = round(statistics.median(r.cycles for r in rates['yagura']), 1) if rates['yagura'] else None
    values['cycles_by_stage'] = {name: round(cycles, 1) for name, cycles in stages.items()}
    values['mpps'] = {name: round(statistics.median(r.pps for r in found) / 1e6, 3) for name, found in rates.items() if found}
    result.check(prefix + ' of testpmd', values['ratio_testpmd'], least=least_testpmd)
    if filling and rates['yagura']:
        values['ratio_suricata_filling'] = round(statistics.median(r.pps for r in rates['yagura']) / statistics.median(filling), 3)
    if least_suricata is not None:
        result.check(prefix + ' times Suricata', values['ratio_suricata'], least=least_suricata, form='%.1f')
    return values


def p1(bench):
    result = Result()
    path, frames = traffic(bench, 'flows', 32768)
    result.json = compare(bench, result, path, frames, 'P1', 0.22, 5)
    return result


def kept(path, runs):
    """(long flows of all runs that kept their record: one alone, which began when the run did; those of which a record was written)"""
    records = {}
    with open(path, encoding='utf-8', errors='replace') as f:
        for line in f:
            if '"event_type":"flow"' in line and '"10.255.' in line:
                record = json.loads(line)
                ends = tuple(sorted((record['src_ip'], record['dest_ip'])))
                records.setdefault(ends, []).append(datetime.datetime.fromisoformat(record['flow']['start'][:26]).timestamp())
    starts, first = sorted(when for times in records.values() for when in times), []
    for when in starts:  # where runs began
        if not first or when - first[-1] > 2 * LONG_WARM_S:
            first.append(when)
    once = seen = 0
    for times in records.values():
        for begin in first[:runs]:
            here = [when for when in times if begin <= when < begin + 2 * LONG_WARM_S]
            seen += bool(here)
            once += len(here) == 1 and here[0] < begin + 1.0
    return once, seen


def p2_one(bench, result, kind, prefix):
    path, frames = traffic(bench, kind, 1000000)
    eve, memory = os.path.join(bench.folder, 'p2.json'), {}

    def watch(program, when):
        memory.setdefault(when, []).append(program.rss())

    if os.path.exists(eve):
        os.unlink(eve)
    values = compare(bench, result, path, frames, prefix, 0.38, 40, ('--eve', eve), watch)
    once, seen = kept(eve, len(memory.get('end', ()))) if os.path.exists(eve) else (0, 0)
    values['long_flows_seen'], values['long_flows_kept'] = seen, round(once / seen, 4) if seen else None
    if seen < LONG_FLOWS * max(len(memory.get('end', ())), 1):
        result.missing.append('%s: %d of %d records of marked long flows were written; the rest cannot be judged'
                              % (prefix, seen, LONG_FLOWS * len(memory.get('end', ()))))
    if os.path.exists(eve):
        os.unlink(eve)
    growth = [end / begin - 1 for begin, end in zip(memory.get('begin', []), memory.get('end', [])) if begin]
    values['rss_growth'] = round(max(growth, key=abs), 5) if growth else None
    result.check(prefix + ' long flows kept', values['long_flows_kept'], least=KEPT_LEAST, form='%.3f')
    result.check(prefix + ' growth of RSS', abs(values['rss_growth']) if growth else None, most=FLAT, form='%.4f')
    return values


def p2(bench):
    result = Result()
    result.json = p2_one(bench, result, 'syn', 'P2')
    result.json['answered'] = p2_one(bench, result, 'synack', 'P2 answered')
    return result


def p3(bench):
    result = Result()
    path, frames = traffic(bench, 'distinct', 2097152)
    result.json = compare(bench, result, path, frames, 'P3', 0.38, None, ('--set', 'flow.table=1048576'))
    return result


def p4(bench):
    result = Result()
    mix = os.path.join(os.environ.get('YAGURA_CAPTURES') or '/nonexistent', 'mix.pcap')
    if not os.path.exists(mix):
        raise Missing('$YAGURA_CAPTURES/mix.pcap is not there')
    mix8, eve, logs = (os.path.join(bench.folder, name) for name in ('mix8.pcap', 'p4.json', 'suricata-file'))
    if not os.path.exists(mix8):
        subprocess.run(['/usr/bin/python3', os.path.join(os.path.dirname(__file__), 'make_mix8.py'), mix, mix8], check=True)
    os.makedirs(logs, exist_ok=True)
    commands = {'yagura': [os.path.join(bench.build, 'yagura'), 'replay', '--json', '--progress', 'none', '--eve', eve, mix8],
                'ndpireader': ['ndpiReader', '-q', '-i', mix8],
                'suricata': ['suricata', '-r', mix8, '--runmode', 'single', '-S', '/dev/null', '-k', 'none', '-l', logs, '-c', '/etc/suricata/suricata.yaml']}
    times = {name: [] for name in commands}
    for round_number in range(-1, bench.rounds):  # the first, by none counted, brings the file into the page cache
        for name, command in commands.items():
            if not shutil.which(command[0]) or (round_number < 0 and name != 'yagura'):
                continue
            bench.say('P4 ' + name)
            for leftover in [eve] + [os.path.join(logs, f) for f in os.listdir(logs)]:
                if os.path.exists(leftover):
                    os.unlink(leftover)
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
            if done.returncode:
                raise RuntimeError('%s ended with %d' % (name, done.returncode))
            if round_number >= 0:
                times[name].append((wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    for name, found in times.items():
        if not found:
            result.missing.append('P4: %s is not installed (ci/setup --bench)' % commands[name][0])
            continue
        ratios = [t[0] / o[0] for t, o in zip(found, times['yagura'])]
        result.row('P4', name, '%s s' % Spread([t[0] for t in found]).text(), '%.2f s cpu' % statistics.median(t[1] for t in found),
                   Spread(ratios).text() if name != 'yagura' else '')
        if name != 'yagura':
            result.json['ratio_' + name] = round(statistics.median(ratios), 3)
            result.json['ratio_%s_spread' % name] = [round(min(ratios), 3), round(max(ratios), 3)]
    result.json['seconds'] = {name: round(statistics.median(t[0] for t in found), 3) for name, found in times.items() if found}
    result.check('P4 times ndpiReader', result.json.get('ratio_ndpireader'), least=3.3)
    result.check('P4 times Suricata', result.json.get('ratio_suricata'), least=5, form='%.1f')
    return result


SIZES = (10000, 100000, 1000000, 4000000)
TABLE = 8388608 # records for more than four million
# Admission holds flows of one side out for seven packets, for most of a minute here; what is asked is what a flow costs that is in.
TRACKED = ('--set', 'flow.table=%d' % TABLE, '--set', 'flow.admission=0')


def p5(bench):
    result = Result()
    found, stages = {size: [] for size in SIZES}, {size: [] for size in SIZES}
    for _ in range(bench.rounds):
        for size in SIZES:
            bench.say('P5 %d flows' % size)
            path, frames = traffic(bench, 'oneway', size)
            rate = ours(bench, path, frames, TRACKED, settled=True)
            found[size].append(rate.cycles)
            stages[size].append(rate.stages)
    middles = {size: statistics.median(values) for size, values in found.items()}
    for size in SIZES:
        result.row('P5', '%d flows' % size, '', Spread(found[size]).text(form='%.0f'), '%.2f' % (middles[size] / middles[SIZES[0]]))
        for name in stages[size][0]:
            cycles = statistics.median(one.get(name, 0.0) for one in stages[size])
            if cycles >= 0.5:
                result.row('P5', '  ' + name, '', '%.0f' % cycles, '')
    growth = middles[SIZES[-1]] / middles[SIZES[0]]
    result.json = {'cycles_per_packet': {str(size): round(value, 1) for size, value in middles.items()}, 'growth': round(growth, 3)}
    result.check('P5 growth of cycles', growth, most=GROWTH_MOST)
    return result


TABLES = (65536, 1048576)


def p6(bench):
    """What a flow takes by the sizes of its entry and record; and, by difference of two tables, what the engine really holds for a place."""
    result, seen = Result(), {}
    path, frames = traffic(bench, 'oneway', 10000)
    for table in TABLES:
        bench.say('P6 table of %d' % table)
        ours(bench, path, frames, ('--set', 'flow.table=%d' % table), lambda program, _, t=table: seen.update({t: (program.rss(), program.counters())}))
    if not all(held for held, _ in seen.values()):
        raise Missing('an engine ended before its memory was read')
    (few, _), (many, counters) = (seen[table] for table in TABLES)
    place = (many - few) / (TABLES[1] - TABLES[0])
    sizes = {'tracked': counters['size.entry'] + counters['size.record'], 'embryonic': counters['size.entry']}
    for name, size in sizes.items():
        result.row('P6', '%s flow' % name, '', '', '%d B' % size)
        result.json['bytes_per_%s_flow' % name] = size
    result.row('P6', 'engine, a place of the table', '%d MiB' % (many >> 20), '', '%.0f B' % place)
    result.json['rss_per_place'] = round(place, 1)
    result.check('P6 bytes a tracked flow', max(sizes['tracked'], place), most=TRACKED_BYTES, form='%.0f')
    result.check('P6 bytes an embryonic flow', sizes['embryonic'], most=EMBRYONIC_BYTES, form='%.0f')
    return result


def p8(bench):
    result = Result()
    cores = sorted(os.sched_getaffinity(0))
    path, frames = traffic(bench, 'flows', 32768)
    most = max(1, len(cores) - 1)  # the other threads need one
    rates = {}
    for n in sorted({1, 2, 4, 8, most} & set(range(1, len(cores) + 1))):
        values = []
        for _ in range(bench.rounds):
            bench.say('P8 %d workers' % n)
            rate = ours(bench, path, frames, cores=cores[-n:])
            values.append(rate.pps * n)  # all packets by the mean time of a worker
        rates[n] = Spread(values)
        result.row('P8', '%d workers' % n, rates[n].text(1e-6), '', '%.2f' % (rates[n].middle / rates[1].middle))
        result.json[str(n)] = round(rates[n].middle / rates[1].middle, 3)
    result.json['cores'] = len(cores)
    if most > 1:
        result.check('P8 scaling to %d workers' % most, rates[most].middle / rates[1].middle / most, least=SCALING_LEAST)
    else:
        result.missing.append('P8: %d cores: no two workers besides the other threads; the figures are no proof of anything' % len(cores))
    return result

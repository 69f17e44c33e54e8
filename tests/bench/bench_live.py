# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# P7: how soon a flood is known. A veth pair between two network namespaces of our own; a flood of SYNs is sent on one side, a sensor and
# FastNetMon listen on the other at the same time, so that both see the very same frames. Measured, five floods towards five servers:
# from the first frame to the entry in Redis (to the start of FastNetMon's script), and from the close of the second that decided to the
# entry. All clocks are this machine's.
import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time

from bench_goals import Result, Spread
from bench_programs import Missing, Program, Yagura

FLOODS, PPS, FLOOD_FRAMES, PAUSE_S = 5, 30000, 250000, 8
FIRST_TO_ENTRY_S, CLOSE_TO_ENTRY_S = 3.5, 0.2
SENDER, SENSOR, INSIDE, OUTSIDE = 'yg-bench-send', 'yg-bench-watch', 'ygb0', 'ygb1'

FIRST_FRAME = '''import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 0))
want = socket.inet_aton(sys.argv[2])
print("ready", flush=True)
while s.recv(64)[30:34] != want:
    pass
print(time.time(), flush=True)
'''

FASTNETMON = '''logging_level = info
logging_local_syslog_logging = off
disable_usage_report = on
enable_ban = on
process_incoming_traffic = on
process_outgoing_traffic = on
ban_details_records_count = 20
ban_time = 1900
unban_only_if_attack_finished = on
networks_list_path = %(folder)s/networks
white_list_path = %(folder)s/whitelist
check_period = 1
enable_connection_tracking = on
ban_for_pps = on
ban_for_bandwidth = off
ban_for_flows = off
threshold_pps = 20000
threshold_mbps = 1000
threshold_flows = 3500
mirror_afpacket = on
mirror_af_packet_fanout_mode = cpu
interfaces = %(interface)s
average_calculation_time = 5
speed_calculation_delay = 1
monitor_local_ip_addresses = off
notify_script_path = %(folder)s/notify
pid_path = %(folder)s/fastnetmon.pid
cli_stats_file_path = %(folder)s/fastnetmon.dat
cli_stats_ipv6_file_path = %(folder)s/fastnetmon6.dat
enable_api = off
prometheus = off
sort_parameter = packets
max_ips_in_list = 7
'''


def ip(*words):
    subprocess.run(('ip',) + words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Wire:
    """The namespaces and the pair; gone when the `with` ends."""

    def __enter__(self):
        self.__exit__()
        try:
            for name in (SENDER, SENSOR):
                ip('netns', 'add', name)
            ip('link', 'add', INSIDE, 'netns', SENDER, 'type', 'veth', 'peer', 'name', OUTSIDE, 'netns', SENSOR)
            for name, interface in ((SENDER, INSIDE), (SENSOR, OUTSIDE)):
                ip('-n', name, 'link', 'set', interface, 'up')
                ip('-n', name, 'link', 'set', 'lo', 'up')
                subprocess.run(['ip', 'netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.%s.disable_ipv6=1' % interface], check=False,
                               stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as e:
            self.__exit__()
            raise Missing('no network namespaces here: %s' % e) from e
        return self

    def __exit__(self, *_):
        for name in (SENDER, SENSOR):
            subprocess.run(['ip', 'netns', 'del', name], check=False, stderr=subprocess.DEVNULL)


class Redis(Program):
    def __init__(self, folder):
        super().__init__()
        self.socket = os.path.join(folder, 'redis.sock')
        self.spawn(['redis-server', '--port', '0', '--unixsocket', self.socket, '--save', '', '--appendonly', 'no', '--dir', folder],
                   env=dict(os.environ, LC_ALL='C'))
        self.wait_for('answers', lambda: os.path.exists(self.socket))


class Entries(threading.Thread):
    """Notes when an alert about a server opened, as a reader of the stream sees it."""

    def __init__(self, redis):
        super().__init__(daemon=True)
        self.seen, self.done = {}, False
        self.command = ['redis-cli', '-s', redis.socket, '--raw', 'XREAD', 'BLOCK', '500', 'COUNT', '1', 'STREAMS', 'yagura:bench:alerts']

    def run(self):
        last = '0-0'
        while not self.done:
            text = subprocess.run(self.command + [last], stdout=subprocess.PIPE, text=True, check=False).stdout
            now, lines = time.time(), text.splitlines()
            for i, line in enumerate(lines):
                if i >= 2 and lines[i - 1] == 'eve' and line.startswith('{'):
                    last = lines[i - 2]
                    context = json.loads(line)['alert']['context']
                    if context['state'] == 'open':
                        self.seen.setdefault(context['target'], (now, json.loads(line)))
            if not text:
                time.sleep(0.01)


class FastNetMon(Program):
    """By its own defaults, but for the interface, the network (it keeps 700 bytes for every address of it), and a threshold below the flood."""

    def __init__(self, folder):
        super().__init__()
        if not shutil.which('fastnetmon'):
            raise Missing('fastnetmon is not installed (ci/setup --bench)')
        os.makedirs(folder, exist_ok=True)
        for name, text in (('fastnetmon.conf', FASTNETMON % {'folder': folder, 'interface': OUTSIDE}), ('networks', '10.0.5.0/24\n'), ('whitelist', ''),
                           ('notify', '#!/bin/sh\nprintf "%%s %%s %%s\\n" "$(date +%%s.%%N)" "$1" "$4" >> %s/told\n' % folder)):
            with open(os.path.join(folder, name), 'w', encoding='ascii') as f:
                f.write(text)
        os.chmod(os.path.join(folder, 'notify'), 0o755)
        self.told = os.path.join(folder, 'told')
        self.spawn(['ip', 'netns', 'exec', SENSOR, 'fastnetmon', '--configuration_file=' + os.path.join(folder, 'fastnetmon.conf'),
                    '--log_file=' + os.path.join(folder, 'log')])

    def when(self, server):
        if os.path.exists(self.told):
            with open(self.told, encoding='ascii') as f:
                for line in f:
                    if line.split()[1:2] == [server]:
                        return float(line.split()[0])
        return None


def flood(bench, server):
    """Sends one flood; the moment at which its first frame arrived."""
    address, path = '10.0.5.%d' % server, os.path.join(bench.folder, 'flood.pcap')
    with open(path, 'wb') as f:
        subprocess.run([os.path.join(bench.build, 'tests', 'make_traffic'), 'syn', str(FLOOD_FRAMES), str(server)], stdout=f, check=True)
    first = subprocess.Popen(['ip', 'netns', 'exec', SENSOR, sys.executable, '-c', FIRST_FRAME, OUTSIDE, address], stdout=subprocess.PIPE, text=True)
    first.stdout.readline()
    subprocess.run(['ip', 'netns', 'exec', SENDER, 'tcpreplay', '-q', '-K', '--pps=%d' % PPS, '-i', INSIDE, path], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    at = float(first.stdout.readline())
    first.wait()
    return at


def run_floods(bench, result, redis, other):
    entries = Entries(redis)
    entries.start()
    firsts = {}
    try:
        for n in range(FLOODS):
            bench.say('P7 flood %d' % (n + 1))
            server = 11 + n
            firsts['10.0.5.%d' % server] = flood(bench, server)
            time.sleep(PAUSE_S if n + 1 < FLOODS else 3)
    finally:
        entries.done = True
    whole, after_close, theirs = [], [], []
    for address, first in firsts.items():
        found = entries.seen.get(address)
        if found:
            whole.append(found[0] - first)
            after_close.append(found[0] - math.floor(found[0]))
        told = other.when(address) if other else None
        if told:
            theirs.append(told - first)
    return whole, after_close, theirs


def p7(bench):
    result, yagura, redis, other = Result(), None, None, None
    for program in ('tcpreplay', 'redis-server', 'redis-cli', 'ip'):
        if not shutil.which(program):
            raise Missing('%s is not installed' % program)
    with Wire():
        try:
            redis = Redis(bench.folder)
            try:
                other = FastNetMon(os.path.join(bench.folder, 'fastnetmon'))
            except (Missing, RuntimeError) as e:
                result.missing.append('P7: %s' % e)
            yagura = YaguraThere(bench, redis)
            time.sleep(3)
            whole, after_close, theirs = run_floods(bench, result, redis, other)
        finally:
            for program in (yagura, other, redis):
                if program:
                    program.stop()
    if whole:
        result.row('P7', 'yagura, %d floods' % len(whole), '%s s' % Spread(whole).text(), '', 'first frame to Redis')
        result.row('P7', 'yagura', '%s ms' % Spread(after_close).text(1e3, '%.0f'), '', 'close of the second to Redis')
    if theirs:
        result.row('P7', 'fastnetmon, %d floods' % len(theirs), '%s s' % Spread(theirs).text(), '', 'first frame to script')
    elif other:
        result.missing.append('P7: FastNetMon ran beside it and told of no flood')
    if len(whole) < FLOODS:
        result.missing.append('P7: %d of %d floods came to Redis' % (len(whole), FLOODS))
    result.json = {'floods': FLOODS, 'found': len(whole), 'first_frame_to_redis_s': [round(v, 3) for v in whole],
                   'close_to_redis_s': [round(v, 4) for v in after_close], 'fastnetmon_first_frame_to_script_s': [round(v, 3) for v in theirs]}
    result.check('P7 floods found', float(len(whole)), least=FLOODS, form='%.0f')
    result.check('P7 first frame to Redis, s', max(whole) if whole else None, most=FIRST_TO_ENTRY_S)
    result.check('P7 close of the second to Redis, s', max(after_close) if after_close else None, most=CLOSE_TO_ENTRY_S, form='%.3f')
    return result


class YaguraThere(Yagura):
    """In the namespace, on the wire, with Redis."""
    wrapper = ('ip', 'netns', 'exec', SENSOR)

    def __init__(self, bench, redis):
        super().__init__(bench.build, None, 0, [bench.core], ('--redis', 'unix://' + redis.socket, '--set', 'sensor.name=bench'), OUTSIDE)

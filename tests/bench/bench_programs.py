# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# The programs that ci/bench compares, each behind the same few calls: start it over a file that goes round for ever, read (packets, CPU
# seconds of its receiving threads, wall clock), stop it. A rate is packets by CPU second: a polling thread is never idle, so that is its
# rate on a core of its own, whatever else this machine does meanwhile.
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

BUFFER = 64           # bytes of data in a packet buffer: a frame has 60
BUFFER_ALL = 448      # with everything that DPDK puts around it, and its place in two rings
STOP_S = 10           # what a program gets to end before it is killed
START_S = 60


class Missing(Exception):
    """What cannot be measured here, and why."""


def read(path, default=''):
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read()
    except OSError:
        return default


def threads_cpu(pid, pattern):
    """CPU seconds of the threads of a process whose name matches."""
    total = 0
    for task in glob.glob('/proc/%d/task/*' % pid):
        if re.search(pattern, read(task + '/comm')):
            total += int((read(task + '/schedstat') or '0').split()[0])
    return total / 1e9


def descendants(pid):
    found = []
    for task in glob.glob('/proc/%d/task/*/children' % pid):
        for child in read(task).split():
            found += [int(child)] + descendants(int(child))
    return found


def rss(pid):
    """Resident bytes that are the process's own: without what it shares with others, and without huge pages (packet buffers)."""
    match = re.search(r'^RssAnon:\s+(\d+)', read('/proc/%d/status' % pid), re.M)
    return int(match.group(1)) * 1024 if match else 0


def cycles_hz():
    match = re.search(r'cpu MHz\s*:\s*([\d.]+)', read('/proc/cpuinfo'))
    return float(match.group(1)) * 1e6 if match else 0.0


def buffers(frames):
    """Packet buffers for a file: a power of two, less one, above what it holds and what is in flight."""
    n = 1 << 16
    while n - 4096 < frames:
        n <<= 1
    return n - 1


def megabytes(frames):
    return buffers(frames) * BUFFER_ALL // (1 << 20) + 192


class Program:
    pattern = ''
    living = []

    def __init__(self):
        self.child = None

    def spawn(self, command, **more):
        self.log = tempfile.TemporaryFile('w+')
        more.setdefault('stdout', self.log)
        self.child = subprocess.Popen(command, stderr=self.log, text=True, bufsize=1, **more)
        Program.living.append(self)

    def said(self):
        self.log.seek(0)
        return self.log.read()[-400:].strip()

    def gone(self, what):
        return RuntimeError('%s %s: %s' % (type(self).__name__.lower(), what, self.said()))

    def wait_for(self, what, true, seconds=START_S):
        end = time.monotonic() + seconds
        while not true():
            if self.child.poll() is not None or time.monotonic() > end:
                error = self.gone('did not come to ' + what)
                Program.stop(self)
                raise error
            time.sleep(0.05)

    def stop(self):
        """Whether it ended when it was asked to."""
        if self in Program.living:
            Program.living.remove(self)
        if not self.child or self.child.poll() is not None:
            return True
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(STOP_S)
            return True
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            return False

    def reading(self):
        """(packets, CPU seconds, wall clock)"""
        before = threads_cpu(self.pid(), self.pattern)
        packets = self.packets()
        after = threads_cpu(self.pid(), self.pattern)
        return packets, (before + after) / 2, time.monotonic()

    def pid(self):
        return self.child.pid

    def window(self, seconds):
        a = self.reading()
        time.sleep(seconds)
        b = self.reading()
        if b[1] - a[1] < seconds / 20:
            raise self.gone('got %.2f CPU seconds in a window of %.1f s' % (b[1] - a[1], seconds))
        return Rate(b[0] - a[0], b[1] - a[1], b[2] - a[2])


class Rate:
    def __init__(self, packets, cpu, wall):
        self.pps, self.wall_pps, self.share = packets / cpu, packets / wall, cpu / wall
        self.stages = {}
        self.cycles = cycles_hz() / self.pps if packets else 0.0


class Testpmd(Program):
    pattern = r'(lcore|rte)-worker'

    def __init__(self, path, frames, core):
        super().__init__()
        if not shutil.which('dpdk-testpmd'):
            raise Missing('dpdk-testpmd is not installed (ci/setup --bench)')
        n = buffers(frames)
        self.spawn(['stdbuf', '-oL', 'dpdk-testpmd', '--lcores=0@0,1@%d' % core, '--main-lcore=0', '--in-memory', '--no-pci', '--no-telemetry', '-m', str(megabytes(frames)),
                    '--vdev=net_pcap0,rx_pcap=%s,infinite_rx=1' % path, '--', '-i', '--auto-start', '--no-flush-rx', '--forward-mode=rxonly',
                    '--nb-cores=1', '--burst=64', '--total-num-mbufs=%d' % n, '--mbuf-size=%d' % (128 + BUFFER)],
                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.packets()

    def packets(self):
        if self.child.poll() is not None:
            raise self.gone('ended')
        self.child.stdin.write('show port stats 0\n')
        self.child.stdin.flush()
        for line in self.child.stdout:
            match = re.search(r'RX-packets: (\d+)', line)
            if match:
                return int(match.group(1))
        raise self.gone('says nothing more')

    def stop(self):
        if self.child.poll() is None:
            self.child.stdin.write('quit\n')
            self.child.stdin.close()
            self.child.stdout.close()
        return super().stop()


class Yagura(Program):
    pattern = r'(lcore|rte)-worker'
    wrapper = ()

    def __init__(self, build, path, frames, cores, more=(), port=None):
        super().__init__()
        self.engine = None
        self.output = tempfile.TemporaryFile('w+')
        command = [os.path.join(build, 'yagura'), 'run', '--json', '--home', '10.0.0.0/8']
        if port:
            command += ['--port', port]
        else:
            command += ['--port', 'net_pcap0,rx_pcap=%s,infinite_rx=1' % path, '--set', 'capture.buffers=%d' % buffers(frames), '--set',
                        'capture.buffer_size=%d' % BUFFER, '--set', 'capture.memory=%dMiB' % megabytes(frames), '--set', 'capture.hugepages=always',
                        '--set', 'capture.descriptors=1024', '--set', 'capture.cores=%s' % ','.join(str(c) for c in cores)]
        self.spawn(list(self.wrapper) + command + ['--workers', str(len(cores))] + list(more), stdout=self.output)
        self.wait_for('an engine', self.find_engine)
        self.reader = subprocess.Popen([os.path.join(build, 'tests', 'read_stats'), str(self.engine)], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True, bufsize=1)
        self.wait_for('its ports', lambda: self.counters()['receiving'])

    def find_engine(self):
        for pid in descendants(self.child.pid):
            if read('/proc/%d/comm' % pid).strip() == 'yagura-engine':
                self.engine = pid
        return self.engine

    def pid(self):
        return self.engine

    def counters(self):
        self.reader.stdin.write('\n')
        self.reader.stdin.flush()
        line = self.reader.stdout.readline()
        if not line:
            raise self.gone('cannot be read')
        return json.loads(line)

    def packets(self):
        return self.counters()['received']

    def window(self, seconds):
        """The TSC runs on while a thread waits for its core, so stages are known by their shares of the time."""
        before = self.counters()
        rate = super().window(seconds)
        after = self.counters()
        spent = {name[7:]: after[name] - before[name] for name in after if name.startswith('cycles.')}
        whole = sum(spent.values())
        rate.stages = {name: rate.cycles * value / whole for name, value in spent.items()} if whole else {}
        return rate

    def rss(self):
        return rss(self.engine)

    def stop(self):
        ended = super().stop()
        self.reader.stdin.close()
        self.reader.wait()
        return ended

    def summary(self):
        self.output.seek(0)
        text = self.output.read()
        return json.loads(text) if text.strip() else {}


SURICATA = '''%%YAML 1.1
---
vars:
  address-groups:
    HOME_NET: "[10.0.0.0/8]"
    EXTERNAL_NET: "any"
default-log-dir: %(folder)s
stats:
  enabled: yes
  interval: 1
outputs:
  - eve-log:
      enabled: yes
      filetype: regular
      filename: stats.json
      types:
        - stats:
            totals: yes
            threads: no
logging:
  default-log-level: notice
  outputs:
    - console:
        enabled: yes
dpdk:
  eal-params:
    proc-type: primary
    in-memory:
    no-pci:
    no-telemetry:
    vdev: "net_pcap0,rx_pcap=%(path)s,infinite_rx=1"
  interfaces:
    - interface: net_pcap0
      threads: 1
      promisc: true
      multicast: true
      checksum-checks: true
      checksum-checks-offload: false
      mtu: 256
      mempool-size: %(buffers)d
      mempool-cache-size: 257
      rx-descriptors: 1024
      tx-descriptors: 1024
      copy-mode: none
      copy-iface: none
unix-command:
  enabled: no
threading:
  set-cpu-affinity: yes
  cpu-affinity:
    - management-cpu-set:
        cpu: [ 0 ]
    - worker-cpu-set:
        cpu: [ %(core)d ]
runmode: workers
'''


class Suricata(Program):
    """Its workers publish their counters every three seconds, so a window begins and ends when they do."""
    pattern = r'^W#'
    BYTES = 1024 + 448  # a packet buffer of Suricata cannot be smaller

    def __init__(self, path, frames, core, folder):
        super().__init__()
        if not shutil.which('suricata'):
            raise Missing('suricata is not installed (ci/setup --bench)')
        os.makedirs(folder, exist_ok=True)
        self.stats = os.path.join(folder, 'stats.json')
        if os.path.exists(self.stats):
            os.unlink(self.stats)
        config = os.path.join(folder, 'suricata.yaml')
        with open(config, 'w', encoding='utf-8') as f:
            f.write(SURICATA % {'folder': folder, 'path': path, 'buffers': buffers(frames), 'core': core})
        self.spawn(['suricata', '-c', config, '--dpdk', '-l', folder])
        self.wait_for('packets', lambda: self.published() > 0)
        self.first = self.published() / max(threads_cpu(self.pid(), self.pattern), 0.001)  # packets a CPU second since its start

    def published(self):
        lines = read(self.stats).splitlines()
        return json.loads(lines[-1])['stats']['decoder']['pkts'] if lines and lines[-1].endswith('}') else 0

    def reading(self):
        """At the moment when the next figures appear."""
        start = self.published()
        self.wait_for('new figures', lambda: self.published() != start, 30)
        return self.published(), threads_cpu(self.pid(), self.pattern), time.monotonic()


def suricata_megabytes(frames):
    return buffers(frames) * Suricata.BYTES // (1 << 20) + 64


class HugePages:
    """Reserves pages of 2 MiB for as long as it lives; what was reserved before comes back."""
    PATH = '/proc/sys/vm/nr_hugepages'

    def __init__(self):
        self.before = None

    def want(self, megabytes_wanted):
        pages = megabytes_wanted // 2 + 16
        if self.before is None:
            self.before = int(read(self.PATH, '0'))
        if self.free() >= pages:
            return
        try:
            with open(self.PATH, 'w', encoding='ascii') as f:
                f.write(str(int(read(self.PATH, '0')) - self.free() + pages))
        except OSError as e:
            raise Missing('no huge pages: %s' % e) from e
        if self.free() < pages:
            raise Missing('%d huge pages of 2 MiB are wanted, %d can be had' % (pages, self.free()))

    @staticmethod
    def free():
        return int(re.search(r'HugePages_Free:\s+(\d+)', read('/proc/meminfo')).group(1))

    def give_back(self):
        if self.before is not None:
            with open(self.PATH, 'w', encoding='ascii') as f:
                f.write(str(self.before))

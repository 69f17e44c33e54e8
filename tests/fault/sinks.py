#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""sinks.py BUILD: UNIX sockets and syslog with peers that are slow, close inside a line, die or are not there; a courier that is killed.

Proves, with a spool on disk: whatever such a peer does, and with the courier killed with -9 in between, each alert arrives at
unix_stream, unix_dgram and tcp at least once; what one connection gets is a run of whole lines without a gap, byte for byte those of the
EVE file (for syslog: behind a header of RFC 5424), and only the last one of a connection that the peer cut may be a part. A peer that
reads nothing holds no other sink. UDP that is read in time loses nothing. A sink that is configured on a spool with alerts begins with
what comes from then on. The EVE file is set aside and compressed under the sandbox, and opened anew on SIGHUP, and holds each line once.
Lines of the socket validate against the schema (YAGURA_EVE_SCHEMA). Where rsyslogd is installed it gets every message over TCP and UDP.

YAGURA_LONG in the environment makes it 20,000 alerts a case in the place of 1,500.
"""
import glob
import gzip
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import common  # noqa: E402

MANY = 20000 if os.environ.get("YAGURA_LONG") else 1500
WAIT_S = 30
HEAD = re.compile(rb"<13[0-9]>1 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+09:00 test yagura - dos\.syn_flood - ")


class Courier:
    def __init__(self, build, folder, *options, url="", drain="20s"):
        words = [build.path("tests", "courier_drive"), build.path("yagura-courier"), url, drain,
                 "eve.file", os.path.join(folder, "eve.json"), *options]
        self.errors = open(os.path.join(folder, "courier.err"), "a+b")
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def stats(self):
        return {k: v if k == "state" else int(v) for k, v in (pair.split("=", 1) for pair in self.say("stats").split())}

    def until(self, holds):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if holds(self.stats()):
                return True
            time.sleep(0.02)
        return False

    def end(self):
        said = self.say("end")
        self.process.wait(WAIT_S)
        self.errors.close()
        return said


class Stream:
    """Listens; `manner(n)` says how the n-th connection behaves: (bytes after which it closes or None, seconds between reads)."""

    def __init__(self, listener, manner=lambda n: (None, 0)):
        self.listener, self.manner, self.got, self.ended = listener, manner, [], False
        self.hold = threading.Event()
        self.hold.set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.ended:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            limit, pause = self.manner(len(self.got))
            self.got.append(bytearray())
            self.read(client, self.got[-1], limit, pause)

    def read(self, client, got, limit, pause):
        with client:
            while limit is None or len(got) < limit:
                self.hold.wait()
                try:
                    data = client.recv(65536 if limit is None else min(4096, limit - len(got)))
                except OSError:
                    return
                if not data:
                    return
                got += data
                time.sleep(pause)

    def stop(self):
        self.ended = True
        self.listener.close()


class Deaf(Stream):
    """Shuts down its writing side at once, and reads on."""

    def read(self, client, got, limit, pause):
        client.shutdown(socket.SHUT_WR)
        super().read(client, got, limit, pause)


class Unread(Stream):
    """Reads nothing of its first connection, and closes it when it is told to: its kernel has confirmed what nobody will ever read."""

    def __init__(self, listener):
        self.close = threading.Event()
        super().__init__(listener)

    def read(self, client, got, limit, pause):
        if len(self.got) > 1:
            super().read(client, got, limit, pause)
            return
        self.close.wait()
        client.close()


class Datagrams:
    def __init__(self, sock):
        self.sock, self.got, self.ended = sock, [], False
        sock.settimeout(0.2)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while not self.ended:
            try:
                self.got.append(self.sock.recv(1 << 17))
            except TimeoutError:
                continue
            except OSError:
                return

    def stop(self):
        self.ended = True
        self.sock.close()


def unix_listener(path, kind=socket.SOCK_STREAM):
    if os.path.exists(path):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.bind(path)
    if kind == socket.SOCK_STREAM:
        sock.listen()
    return sock


def file_lines(folder):
    with open(os.path.join(folder, "eve.json"), "rb") as file:
        return file.readlines()


def octets(data):
    """The messages of RFC 6587 3.4.1, and whether nothing but a part of one is left."""
    found, at = [], 0
    while True:
        count = re.match(rb"(\d{1,5}) ", bytes(data[at:at + 7]))
        if not count or at + count.end() + int(count[1]) > len(data):
            return found, len(data) - at == 0 or bool(count) or len(data) - at < 6
        at += count.end()
        found.append(bytes(data[at:at + int(count[1])]))
        at += int(count[1])


def newlines(data):
    lines = bytes(data).split(b"\n")
    return [line + b"\n" for line in lines[:-1]], True


def pid_of(courier):
    with open(f"/proc/{courier.process.pid}/task/{courier.process.pid}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


def end_in_order(courier):
    """As a reload does; a successor follows."""
    old = pid_of(courier)
    os.kill(old, signal.SIGTERM)
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end and os.path.exists(f"/proc/{old}/fd/0"):
        time.sleep(0.02)
    courier.say("kill") # what is left of it


def judge(cases, name, connections, expected, unwrap=lambda message: message):
    """Each connection is a run of `expected` without a gap; together they are all of it. Returns how many came more than once."""
    place, seen, faults = {line: i for i, line in enumerate(expected)}, set(), []
    total = 0
    for number, messages in enumerate(connections):
        places = [place.get(unwrap(message)) for message in messages]
        if None in places:
            faults.append(f"connection {number}: {messages[places.index(None)][:200]} is no line of the file")
        elif places and places != list(range(places[0], places[0] + len(places))):
            faults.append(f"connection {number}: not in order, or with a gap: {places[:20]}")
        seen.update(places)
        total += len(places)
    cases.check(f"{name}_brings_whole_lines_in_order_on_each_connection", not faults, "\n".join(faults))
    missing = len(expected) - len(seen - {None})
    cases.check(f"{name}_brings_every_line", missing == 0 and len(expected) > 0, f"{missing} of {len(expected)} are missing")
    print(f"# {name}: {len(expected)} lines, {len(connections)} connections, {total - len(seen)} came again")


def push(courier, count, kill=False):
    """In pieces, so that what happens meanwhile happens in the middle."""
    for piece in range(10):
        courier.say(f"push {count // 10}")
        time.sleep(0.05)
        if kill and piece in (3, 6):
            courier.say("kill")


def rude(number):
    """Closes inside a line; then slow; then closes again; then well."""
    return ((100_001, 0), (50_003, 0.01), (200_777, 0.002))[number] if number < 3 else (None, 0)


def unix_stream(cases, build, folder):
    path = os.path.join(folder, "eve.sock")
    peer = Stream(unix_listener(path), rude)
    courier = Courier(build, folder, "spool.folder", os.path.join(folder, "spool"), "eve.socket", "unix_stream:" + path)
    push(courier, MANY, kill=True)
    delivered = courier.until(lambda s: s.get("socket.up") and s.get("alerts.delivered") == MANY)
    stats = courier.stats()
    cases.check("unix_stream_delivers_all_and_counts", delivered and stats["socket.sent"] >= MANY and stats["socket.connects"] >= 4, stats)
    cases.check("unix_stream_ends_well", courier.end() == "ended 0")
    peer.stop()
    split = [newlines(got)[0] for got in peer.got]
    judge(cases, "unix_stream", split, file_lines(folder))
    schema = os.environ.get("YAGURA_EVE_SCHEMA")
    if not schema:
        cases.skip("unix_stream_lines_validate_against_the_schema", "YAGURA_EVE_SCHEMA names none")
        return
    with open(os.path.join(folder, "socket.json"), "wb") as file:
        file.writelines(line for lines in split for line in lines)
    done = common.run([sys.executable, os.path.join(common.ROOT, "tests", "replay", "validate_eve.py"), "--schema", schema,
                       os.path.join(folder, "socket.json"), os.path.join(folder, "eve.json")])
    cases.check("unix_stream_lines_validate_against_the_schema", done.code in (0, common.SKIPPED), done.out + done.err)


def half_closed(cases, build, folder):
    """Readers that say at once that they will say nothing, as journald does: progress, and over a UNIX socket no repetition."""
    path, tcp = os.path.join(folder, "eve.sock"), socket.create_server(("127.0.0.1", 0))
    peers = [Deaf(unix_listener(path)), Deaf(tcp)]
    courier = Courier(build, folder, "spool.folder", os.path.join(folder, "spool"), "eve.socket", "unix_stream:" + path,
                      "syslog.url", f"tcp://127.0.0.1:{tcp.getsockname()[1]}")
    courier.say("push 1000")
    cases.check("half_closed_peers_get_all", courier.until(lambda s: s.get("alerts.delivered") == 1000), courier.stats())
    cases.check("a_half_closed_unix_peer_keeps_its_connection", len(peers[0].got) == 1 and not courier.stats().get("socket.resent"), courier.stats())
    cases.check("half_closed_ends_well", courier.end() == "ended 0")
    for peer in peers:
        peer.stop()
    judge(cases, "half_closed", [newlines(got)[0] for got in peers[0].got], file_lines(folder))


def unix_dgram(cases, build, folder):
    """The reader goes away for a while, twice, and its socket with it."""
    path = os.path.join(folder, "eve.dgram")
    courier = Courier(build, folder, "spool.folder", os.path.join(folder, "spool"), "eve.socket", "unix_dgram:" + path)
    readers = []
    for piece in range(3):
        reader = Datagrams(unix_listener(path, socket.SOCK_DGRAM))
        readers.append(reader)
        push(courier, MANY // 3 // 10 * 10, kill=piece == 1)
        if piece < 2:
            reader.stop()
            time.sleep(0.3)
    count = MANY // 3 // 10 * 30
    delivered = courier.until(lambda s: s.get("socket.up") and s.get("alerts.delivered") == count)
    cases.check("unix_dgram_delivers_all", delivered, courier.stats())
    courier.end()
    time.sleep(0.3)
    readers[-1].stop()
    # A courier that was killed begins again in the middle of what a reader gets: runs are told apart by where they go back.
    expected, runs = file_lines(folder), []
    place = {line: i for i, line in enumerate(expected)}
    for reader in readers:
        last = None
        for message in reader.got:
            at = place.get(message, -1)
            if last is None or at != last + 1:
                runs.append([])
            runs[-1].append(message)
            last = at
    cases.check("unix_dgram_goes_back_only_where_somebody_died", len(runs) <= len(readers) + 4, len(runs))
    judge(cases, "unix_dgram", runs, expected)


def syslog_tcp(cases, build, folder):
    listener = socket.create_server(("127.0.0.1", 0))
    peer = Stream(listener, rude)
    courier = Courier(build, folder, "spool.folder", os.path.join(folder, "spool"), "syslog.format", "json", "syslog.facility", "local0",
                      "syslog.url", f"tcp://127.0.0.1:{listener.getsockname()[1]}")
    push(courier, MANY, kill=True)
    cases.check("syslog_tcp_delivers_all", courier.until(lambda s: s.get("syslog.up") and s.get("alerts.delivered") == MANY), courier.stats())
    cases.check("syslog_tcp_ends_well", courier.end() == "ended 0")
    time.sleep(0.2)
    peer.stop()
    messages = [octets(got) for got in peer.got]
    cases.check("syslog_tcp_counts_octets", all(sound for _, sound in messages))
    heads = [message for found, _ in messages for message in found if not HEAD.match(message)]
    cases.check("syslog_tcp_has_the_header_of_rfc_5424", not heads, heads[:1])
    judge(cases, "syslog_tcp", [found for found, _ in messages], file_lines(folder), lambda m: HEAD.sub(b"", m, count=1) + b"\n")


def unread(cases, build, folder):
    """The courier dies, and then its collector with all unread: no one is left whom the reset could tell. After an end in good order, as a
    reload makes it, nothing comes twice."""
    listener = socket.create_server(("127.0.0.1", 0))
    peer = Unread(listener)
    courier = Courier(build, folder, "spool.folder", os.path.join(folder, "spool"), "syslog.format", "json",
                      "syslog.url", f"tcp://127.0.0.1:{listener.getsockname()[1]}")
    courier.say("push 30")
    courier.until(lambda s: s.get("syslog.sent") == 30)
    courier.say("kill")
    peer.close.set()

    def read_by(connection):
        return len(octets(peer.got[connection])[0]) if connection < len(peer.got) else 0

    def until_read(connection, count):
        return courier.until(lambda s: read_by(connection) >= count and s.get("syslog.up") and s.get("alerts.pending", 0) == 0)

    again = until_read(1, 30)
    cases.check("what_nobody_has_read_comes_again_after_both_have_died", again and not peer.got[0], courier.stats())
    cases.check("and_counts_as_sent_again", courier.until(lambda s: s.get("syslog.resent") == 30 and s.get("syslog.sent") == 60), courier.stats())
    end_in_order(courier)
    courier.say("push 5")
    cases.check("and_once_when_the_courier_ended_well", until_read(2, 5), courier.stats())
    resent = courier.stats().get("syslog.resent")
    courier.end()
    peer.stop()
    judge(cases, "unread", [octets(got)[0] for got in peer.got[1:]], file_lines(folder), lambda m: HEAD.sub(b"", m, count=1) + b"\n")
    cases.check("nothing_else_counts_as_sent_again", resent == 30, resent)
    cases.check("unread_comes_twice_nowhere", [read_by(1), read_by(2)] == [30, 5], [read_by(1), read_by(2)])


def unread_at_the_end(cases, build, folder):
    """The collector goes away with all unread, and then the sensor ends: the next run sends what the courier knows that nobody has."""
    listener = socket.create_server(("127.0.0.1", 0))
    port, peer = listener.getsockname()[1], Unread(listener)
    options = ("spool.folder", os.path.join(folder, "spool"), "syslog.format", "json", "syslog.url", f"tcp://127.0.0.1:{port}")
    courier = Courier(build, folder, *options, drain="1s")
    courier.say("push 30")
    courier.until(lambda s: s.get("syslog.sent") == 30)
    peer.stop()
    peer.close.set()
    seen = courier.until(lambda s: s.get("syslog.errors", 0) > 0)
    cases.check("a_collector_that_left_alerts_unread_is_noticed", seen and courier.end() == "ended 0")
    peer = Stream(socket.create_server(("127.0.0.1", port)))
    courier = Courier(build, folder, *options)
    courier.say("push 5")
    courier.until(lambda s: s.get("syslog.sent") == 35)
    courier.end()
    peer.stop()
    judge(cases, "unread_at_the_end", [octets(got)[0] for got in peer.got], file_lines(folder), lambda m: HEAD.sub(b"", m, count=1) + b"\n")


def syslog_udp(cases, build, folder):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    force = getattr(socket, "SO_RCVBUFFORCE", 33) if os.geteuid() == 0 else socket.SO_RCVBUF # else the kernel's limit may drop some
    sock.setsockopt(socket.SOL_SOCKET, force, 1 << 23)
    sock.bind(("127.0.0.1", 0))
    peer = Datagrams(sock)
    courier = Courier(build, folder, "spool.folder", os.path.join(folder, "spool"), "syslog.url", f"udp://127.0.0.1:{sock.getsockname()[1]}")
    push(courier, 500)
    courier.until(lambda s: s.get("syslog.sent") == 500)
    courier.end()
    end = time.monotonic() + 5
    while len(peer.got) < 500 and time.monotonic() < end:
        time.sleep(0.02)
    peer.stop()
    ids = [json.loads(line)["alert"]["context"]["id"] for line in file_lines(folder)]
    found = [re.search(rb" externalId=([0-9a-f]{16}) ", message) for message in peer.got]
    cases.check("syslog_udp_brings_each_alert_once_in_order", [f and f[1].decode() for f in found] == ids, f"{len(found)} of {len(ids)}")
    cef = re.compile(rb"<131>1 \S+ test yagura - dos\.syn_flood - CEF:0\|Yagura\|Yagura\|[\d.]+\|\d+\|YAGURA [^|]+\|8\|rt=\d{13} .* msg=\xe8\xa9\xa6\xe9\xa8\x93 \d+ ")
    cases.check("syslog_udp_is_cef", all(cef.match(message) for message in peer.got), peer.got[:1])


def one_that_reads_nothing(cases, build, folder):
    path = os.path.join(folder, "stuck.sock")
    peer = Stream(unix_listener(path))
    peer.hold.clear()
    listener = socket.create_server(("127.0.0.1", 0))
    other = Stream(listener)
    courier = Courier(build, folder, "spool.folder", os.path.join(folder, "spool"), "eve.socket", "unix_stream:" + path,
                      "syslog.url", f"tcp://127.0.0.1:{listener.getsockname()[1]}", drain="1s")
    started = time.monotonic()
    courier.say(f"push {MANY}")
    done = courier.until(lambda s: s.get("syslog.sent") == MANY and s.get("eve.lines") == MANY)
    took, stats = time.monotonic() - started, courier.stats()
    cases.check("a_peer_that_reads_nothing_holds_no_other", done and stats.get("socket.sent", 0) < MANY and stats["alerts.pending"] > 0, stats)
    print(f"# {MANY} alerts in the file and at the collector {took:.2f} s after the first, with a socket that nobody reads")
    cases.check("what_it_has_not_read_stays_in_the_spool", courier.end() == "ended 0")
    peer.hold.set()
    courier = Courier(build, folder, "spool.folder", os.path.join(folder, "spool"), "eve.socket", "unix_stream:" + path)
    courier.until(lambda s: s.get("socket.up") and s.get("spool.held", 0) == 0)
    courier.end()
    peer.stop()
    other.stop()
    judge(cases, "a_peer_that_reads_later", [newlines(got)[0] for got in peer.got], file_lines(folder))


def begins_now(cases, build, folder):
    path, spool = os.path.join(folder, "new.sock"), os.path.join(folder, "spool")
    courier = Courier(build, folder, "spool.folder", spool)
    courier.say("push 100")
    courier.end()
    peer = Stream(unix_listener(path))
    courier = Courier(build, folder, "spool.folder", spool, "eve.socket", "unix_stream:" + path)
    courier.until(lambda s: s.get("socket.up"))
    courier.say("push 10")
    courier.until(lambda s: s.get("socket.sent") == 10)
    courier.end()
    peer.stop()
    lines = file_lines(folder)
    cases.check("a_new_sink_begins_with_what_comes", newlines(peer.got[0])[0] == lines[100:] and len(lines) == 110, f"{len(lines)}")


def cut(cases, build, folder):
    """Killed when a write to the file has happened and nothing behind it: the books of the next one have these alerts too."""
    courier = Courier(build, folder, "spool.folder", os.path.join(folder, "spool"))
    courier.say("push 10")
    courier.until(lambda s: s.get("alerts.delivered") == 10)
    allowed = [courier.say("cut 20") != "not allowed", courier.say("cut 30") != "not allowed"]
    courier.say("push 40")
    delivered = courier.until(lambda s: s.get("alerts.delivered") == s.get("alerts.read") == s.get("eve.lines") == 100)
    if all(allowed):
        cases.check("what_the_file_has_is_delivered_though_its_writer_died", delivered, courier.stats())
    else:
        cases.skip("what_the_file_has_is_delivered_though_its_writer_died", "no right to look into the courier")
    courier.end()
    ids = [json.loads(line)["alert"]["context"]["id"] for line in file_lines(folder)]
    cases.check("and_stands_there_once", len(ids) == len(set(ids)) == 100, len(ids))


def rotation(cases, build, folder):
    eve = os.path.join(folder, "eve.json")
    courier = Courier(build, folder, "spool.folder", os.path.join(folder, "spool"), "eve.rotate_size", "64KiB", "eve.compress", "true",
                      "eve.keep", "0")
    push(courier, MANY, kill=True)
    courier.until(lambda s: s.get("eve.lines") == MANY)
    os.rename(eve, eve + ".moved")
    courier.say("hup")
    told = courier.until(lambda s: s.get("eve.reopens") == 1)
    courier.say("push 5")
    courier.until(lambda s: s.get("eve.lines") == MANY + 5)
    cases.check("sighup_opens_a_file_that_was_renamed_anew", told and len(file_lines(folder)) == 5)
    stats, old = courier.stats(), []
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        old = sorted(name for name in glob.glob(eve + ".2*"))
        if old and all(name.endswith(".gz") for name in old):
            break
        time.sleep(0.05)
    cases.check("the_file_is_set_aside_by_size_and_compressed", stats.get("eve.rotations", 0) > 5 and len(old) > 5 and old[-1].endswith(".gz"), (stats, old))
    cases.check("nothing_of_it_failed", not stats.get("eve.rotate_errors") and not stats.get("eve.keep_errors"), stats)
    cases.check("rotation_ends_well", courier.end() == "ended 0")
    found = []
    for name in old:
        with gzip.open(name) as file:
            found += file.readlines()
    for name in (eve + ".moved", eve):
        with open(name, "rb") as file:
            found += file.readlines()
    numbers = [json.loads(line)["alert"]["context"]["id"] for line in found]
    cases.check("each_line_stands_once_in_all_files_and_in_order", numbers == sorted(set(numbers)) and len(numbers) == MANY + 5, len(numbers))


def full_file(cases, build, folder):
    """The disk takes half a batch (here: a limit of the file's size) while the courier is replaced, reopens the file, or ends."""
    eve, past_spool = os.path.join(folder, "eve.json"), 20 << 20 # the limit holds for a segment of the spool, too

    def ids(*names):
        found = []
        for name in names:
            with open(name, "rb") as file:
                lines = file.read().replace(b"\0", b"").splitlines()
            lines = [json.loads(line) for line in lines if line]
            found += [line["alert"]["context"]["id"] if "alert" in line else f"flow {line['flow_id']:9}" for line in lines]
        return found

    def push_into_full(courier, count, what="push"):
        os.truncate(eve, max(os.path.getsize(eve), past_spool))
        with open(eve, "ab") as file:
            file.write(b"\n")
        size = os.path.getsize(eve) + 5000
        resource.prlimit(pid_of(courier), resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        courier.say(f"{what} {count}")
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end and os.path.getsize(eve) != size:
            time.sleep(0.01)
        time.sleep(0.05)

    courier = Courier(build, folder, "spool.folder", os.path.join(folder, "spool"), drain="1s")
    courier.say("push 10")
    courier.until(lambda s: s.get("eve.lines") == 10)
    push_into_full(courier, 50, "flows")
    end_in_order(courier)
    courier.until(lambda s: s.get("eve.lines") == 60)
    cases.check("a_courier_replaced_while_the_disk_is_full_repeats_nothing", len(set(ids(eve))) == len(ids(eve)) == 60, ids(eve))
    cases.check("and_calls_nothing_lost", not courier.stats().get("eve.errors"), courier.stats())
    push_into_full(courier, 40)
    os.rename(eve, eve + ".moved")
    courier.say("hup")
    moved = courier.until(lambda s: s.get("eve.lines") == 100)
    cases.check("a_full_file_that_was_renamed_is_left_on_sighup", moved and len(ids(eve + ".moved")) == 60 and len(ids(eve)) == 40, courier.stats())
    push_into_full(courier, 30)
    cases.check("what_stays_in_the_spool_is_not_called_lost", courier.end() == "ended 0")
    courier = Courier(build, folder, "spool.folder", os.path.join(folder, "spool"), drain="1s")
    courier.until(lambda s: s.get("eve.lines"))
    courier.say("push 1")
    courier.until(lambda s: s.get("alerts.read") == s.get("alerts.delivered") == 1)
    courier.end()
    found = ids(eve + ".moved", eve)
    cases.check("the_next_run_repeats_nothing_of_a_full_disk", len(found) == 131 and len(set(found[:130])) == 130, len(found))


def rsyslog(cases, build, folder):
    if not shutil.which("rsyslogd") and not os.path.exists("/usr/sbin/rsyslogd"):
        cases.skip("rsyslogd_gets_every_message", "rsyslogd is not installed")
        return
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    conf, out = os.path.join(folder, "rsyslog.conf"), os.path.join(folder, "collected")
    with open(conf, "w", encoding="utf-8") as file:
        file.write(f"""global(workDirectory="{folder}" maxMessageSize="16k")
module(load="imtcp") module(load="imudp")
input(type="imtcp" port="{port}" address="127.0.0.1") input(type="imudp" port="{port}" address="127.0.0.1")
template(name="raw" type="string" string="%app-name% %msgid% %syslogfacility-text%.%syslogseverity-text%%msg%\\n")
action(type="omfile" file="{out}" template="raw")
""")
    server = subprocess.Popen(["rsyslogd", "-n", "-f", conf, "-i", os.path.join(folder, "pid")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={"PATH": "/usr/sbin:/usr/bin:/bin"})
    try:
        for kind in ("tcp", "udp"):
            spool = os.path.join(folder, "spool-" + kind)
            end = time.monotonic() + 10
            while time.monotonic() < end:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.1)
            if os.path.exists(out):
                os.truncate(out, 0)
            courier = Courier(build, folder, "spool.folder", spool, "syslog.url", f"{kind}://127.0.0.1:{port}")
            push(courier, 200)
            courier.until(lambda s: s.get("syslog.sent") == 200)
            courier.end()
            end, lines = time.monotonic() + 10, []
            while len(lines) < 200 and time.monotonic() < end:
                time.sleep(0.1)
                with open(out, encoding="utf-8") as file:
                    lines = file.readlines()
            ids = [re.search(r" externalId=([0-9a-f]{16}) ", line) for line in lines]
            sound = all(line.startswith("yagura dos.syn_flood local0.err") and "|YAGURA " in line and "msg=試験" in line for line in lines)
            cases.check(f"rsyslogd_gets_every_message_over_{kind}", [i and int(i[1], 16) for i in ids] == list(range(1, 201)) and sound,
                        f"{len(lines)}: {lines[:1]}")
    finally:
        server.terminate()
        server.wait()


def main(arguments):
    build, cases = common.start(arguments), common.Cases()
    with common.scratch() as folder:
        for case in (unix_stream, half_closed, unix_dgram, syslog_tcp, unread, unread_at_the_end, syslog_udp, one_that_reads_nothing, begins_now, cut, rotation, full_file, rsyslog):
            inner, started = os.path.join(folder, case.__name__), time.monotonic()
            os.mkdir(inner)
            try:
                case(cases, build, inner)
            finally:
                errors, said = os.path.join(inner, "courier.err"), ""
                if os.path.exists(errors): # a case that is skipped starts none
                    with open(errors, encoding="utf-8", errors="replace") as file:
                        said = file.read()
                print(f"# {case.__name__}: {time.monotonic() - started:.1f} s" + "".join("\n#   " + line for line in said.splitlines()[:12]))
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""A Redis of a few commands on a loopback port, which answers badly where a script says so, and counts who asks how often."""
import re
import socket
import threading
import time

QUEUED_WRITES = ("XADD", "HSET", "XTRIM")


class Gone(Exception):
    """The connection is to be closed."""


class Script:
    """How a server misbehaves: `greet` is written to whoever connects; `answer` gets each command and answers bytes, or None to have it
    answered well; both for the first `connections` of them (None: for ever)."""

    def __init__(self, name, state, answer=None, connections=4, greet=None, **more):
        self.name, self.state, self.answer, self.greet, self.connections = name, state, answer, greet, connections
        self.__dict__.update(more)


class Server:
    """Streams in memory; one thread a connection. When connections came is kept in `attempts`, and in `answered` when the
    last answer on each was about to be sent: a busy machine may see a connection late, and never early."""

    def __init__(self, script, user=None):
        self.script, self.user = script, user
        self.lock, self.attempts, self.answered, self.streams, self.refused_ids = threading.Lock(), [], {}, {}, 0
        self.role = [b"master", 0, []]
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self):
        login = f"{self.user[0]}:{self.user[1]}@" if self.user else ""
        return f"redis://{login}127.0.0.1:{self.port}"

    def stop(self):
        self.listener.close()

    def bad(self, number):
        return self.script.connections is None or number <= self.script.connections

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.attempts.append(time.monotonic())
            threading.Thread(target=self.serve, args=(client, len(self.attempts)), daemon=True).start()

    def serve(self, client, number):
        with client:
            try:
                self.answered[number] = time.monotonic()
                if self.bad(number) and self.script.greet is not None:
                    self.script.greet(client, number)
                Connection(self, client, number).run()
            except (OSError, Gone, ValueError):
                pass

    # ---- what is stored ----

    def last(self, key):
        entries = self.streams.get(key)
        return entries[-1][0] if entries else (0, 0)

    def write(self, words):
        name = words[0].upper()
        if name == "XADD":
            at = next(i for i, w in enumerate(words) if i > 1 and re.fullmatch(r"\d+-\d+|\*", w))
            last = self.last(words[1])
            one = (last[0] + 1, 0) if words[at] == "*" else tuple(int(n) for n in words[at].split("-"))
            if one <= last:
                self.refused_ids += 1
                return b"-ERR The ID specified in XADD is equal or smaller than the target stream top item\r\n"
            self.streams.setdefault(words[1], []).append((one, words[at + 1:]))
            return bulk(f"{one[0]}-{one[1]}")
        return b":1\r\n"

    def information(self, key):
        if key not in self.streams:
            return b"-ERR no such key\r\n"
        entries = self.streams[key]
        first = [b"%d-%d" % entries[0][0], entries[0][1]]
        return encode(["length", len(entries), "last-generated-id", "%d-%d" % self.last(key), "first-entry", first])

    def lines(self, key):
        return [(one, dict(zip(fields[::2], fields[1::2])).get("eve")) for one, fields in self.streams.get(key, [])]


class Connection:
    def __init__(self, server, client, number):
        self.server, self.client, self.number, self.buffer, self.queue = server, client, number, b"", None
        self.known = server.user is None

    def byte_count(self, count):
        while len(self.buffer) < count:
            more = self.client.recv(1 << 16)
            if not more:
                raise Gone
            self.buffer += more

    def line(self):
        while b"\r\n" not in self.buffer:
            self.byte_count(len(self.buffer) + 1)
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def command(self):
        words = []
        for _ in range(int(self.line()[1:])):
            size = int(self.line()[1:])
            self.byte_count(size + 2)
            words.append(self.buffer[:size].decode())
            self.buffer = self.buffer[size + 2:]
        return words

    def run(self):
        while True:
            words = self.command()
            with self.server.lock:
                said = None
                if self.server.bad(self.number) and self.server.script.answer:
                    said = self.server.script.answer(self, words)
                if said is None:
                    said = self.answer(words)
            if said:
                self.server.answered[self.number] = time.monotonic()
                self.client.sendall(said)

    def answer(self, words):
        name = words[0].upper()
        if name == "AUTH":
            self.known = self.server.user is None or words[1:] == list(self.server.user)
            return b"+OK\r\n" if self.known else b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
        if not self.known:
            return b"-NOAUTH Authentication required.\r\n"
        if name == "MULTI":
            self.queue = []
            return b"+OK\r\n"
        if name == "EXEC":
            done, self.queue = self.queue, None
            return b"*%d\r\n" % len(done) + b"".join(self.server.write(one) for one in done)
        if self.queue is not None:
            self.queue.append(words)
            return b"+QUEUED\r\n"
        if name in QUEUED_WRITES:
            return self.server.write(words)
        if name == "XINFO":
            return self.server.information(words[2])
        if name == "ROLE":
            return encode(self.server.role)
        return b"+OK\r\n"


def bulk(text):
    data = text if isinstance(text, bytes) else text.encode()
    return b"$%d\r\n%s\r\n" % (len(data), data)


def encode(value):
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, list):
        return b"*%d\r\n" % len(value) + b"".join(encode(one) for one in value)
    return bulk(value)

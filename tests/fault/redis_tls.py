#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""redis_tls.py BUILD: alerts over TLS, and every way in which TLS fails.

Proves, with a real redis-server that asks for certificates and one made for this test: a courier with the right ones delivers each alert once,
in order, over more than one connection; a server whose certificate nobody known has signed, has run out, or names another host is not
believed, nor is one that speaks no TLS, or nothing at all: each is the state `tls`, and not one byte of the password has gone to it; a courier
without a certificate is refused by the server. Files that cannot be read stop the start and are named. Exits 77 in a build without TLS,
without redis-server or without openssl.
"""
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import common  # noqa: E402
import redis_sentinel  # noqa: E402
from redis_sentinel import KEY, Courier, free_ports, until  # noqa: E402

PASSWORD = "a-password-that-must-not-leave"


class Authority:
    """Who signs. Files in its folder: ca.pem, and NAME.pem with NAME.key for each that was signed."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority")

    def openssl(self, *words):
        done = subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"openssl {words[0]}: {done.stderr.strip()[-300:]}")

    def sign(self, name, names, *when):
        with open(os.path.join(self.folder, "names"), "w", encoding="ascii") as file:
            file.write(f"subjectAltName={names}\n")
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        self.openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", *(when or ("-days", "2")), "-extfile", "names",
                     "-out", name + ".pem")

    def sign_over(self, name, names):
        """One that has run out. OpenSSL before 3.4 takes a negative number of days, later ones two times."""
        try:
            self.sign(name, names, "-days", "-1")
        except RuntimeError:
            self.sign(name, names, "-not_before", "20200101000000Z", "-not_after", "20200102000000Z")

    def path(self, name):
        return os.path.join(self.folder, name)


class Redis:
    """A server of which one port speaks TLS and asks for a certificate."""

    def __init__(self, folder, authority, name):
        self.socket, (self.port,) = os.path.join(folder, name + ".sock"), free_ports(1)
        self.process = subprocess.Popen(
            [common.redis_server(), "--port", "0", "--tls-port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket, "--save", "", "--dir",
             folder, "--requirepass", PASSWORD, "--tls-cert-file", authority.path(name + ".pem"), "--tls-key-file", authority.path(name + ".key"),
             "--tls-ca-cert-file", authority.path("ca.pem")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        if not until(lambda: self.ask("PING") == "PONG", 10):
            self.stop()
            common.skip("redis-server does not speak TLS here")

    def ask(self, *words):
        return common.run(["redis-cli", "-s", self.socket, "--pass", PASSWORD, "--no-auth-warning", *words], timeout=30).out.strip()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Listener:
    """Takes connections and keeps what comes; answers with `answer`, or never."""

    def __init__(self, answer=None):
        self.heard, self.answer, self.server = b"", answer, socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            connection, _ = self.server.accept()
            threading.Thread(target=self.hear, args=(connection,), daemon=True).start()

    def hear(self, connection):
        try:
            while part := connection.recv(4096):
                self.heard += part
                if self.answer:
                    connection.sendall(self.answer)
        except OSError:
            pass  # the courier has seen enough


def refused(cases, build, name, port, options, said_part, state="tls", host="127.0.0.1"):
    courier = Courier(build, f"rediss://:{PASSWORD}@{host}:{port}", "redis.timeout", "500ms", *options, drain="1s")
    courier.ask("push 5")
    seen = set()
    until(lambda: seen.add(courier.stats()["state"]) or state in seen, 5)
    time.sleep(1)
    code, stats, said = courier.end()
    cases.check(f"{name}_is_the_state_{state}", state in seen and code == 69 and said_part in said and stats.get("redis.errors", 0) < 12,
                f"{seen}, exit {code}\n{stats}\n{said}")


def delivered(cases, build, redis, options):
    courier = Courier(build, f"rediss://:{PASSWORD}@localhost:{redis.port}", *options)
    courier.feeder.start()
    for n in range(3):
        until(lambda: courier.stats().get("alerts.delivered", 0) > 1000 * (n + 1), 30)
        redis.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    code, stats, said = courier.end()
    sequences = [int(line.split("-")[1]) for line in redis.ask("--raw", "XRANGE", KEY, "-", "+").splitlines() if line.startswith("1-")]
    cases.check("alerts_are_delivered_over_tls_once_and_in_order", code == 0 and sequences == list(range(1, courier.pushed + 1)),
                f"exit {code}; {len(sequences)} of {courier.pushed}\n{stats}\n{said}")
    cases.check("over_more_than_one_connection", stats.get("redis.connects", 0) >= 3, stats)
    print(f"# {courier.pushed} alerts over TLS, {stats.get('redis.connects')} connections")


def main(arguments):
    build = common.start(arguments)
    if not common.redis_server() or not shutil.which("redis-cli") or not shutil.which("openssl"):
        common.skip("needs redis-server, redis-cli and openssl")
    with common.scratch() as folder:
        config = os.path.join(folder, "config.yaml")
        with open(config, "w", encoding="ascii") as file:
            file.write("redis: {url: 'rediss://localhost'}\n")
        if build.yagura("check", "-c", config).code:
            common.skip("this build does not speak TLS (hiredis is older than 1.0)")
        redis_sentinel.common_folder = folder
        cases, ours, strange = common.Cases(), Authority(os.path.join(folder, "ours")), Authority(os.path.join(folder, "strange"))
        ours.sign("redis", "DNS:localhost,IP:127.0.0.1")
        ours.sign_over("old", "DNS:localhost,IP:127.0.0.1")
        ours.sign("elsewhere", "DNS:redis.example.jp,IP:192.0.2.1")
        ours.sign("sensor", "DNS:sensor")
        shown = ("redis.certificate", ours.path("sensor.pem"), "redis.key", ours.path("sensor.key"))
        known = ("redis.ca", ours.path("ca.pem"))
        with Redis(folder, ours, "redis") as redis:
            delivered(cases, build, redis, (*known, *shown))
            refused(cases, build, "an_authority_that_is_not_known", redis.port, ("redis.ca", strange.path("ca.pem"), *shown), "its certificate: ")
            refused(cases, build, "a_courier_without_a_certificate", redis.port, known, "Redis: tls: ")
        for name, why in (("old", "expired"), ("elsewhere", "mismatch")):
            with Redis(folder, ours, name) as redis:
                refused(cases, build, f"a_certificate_that_is_{name}", redis.port, (*known, *shown), why)
        silent, clear = Listener(), Listener(b"-ERR unknown command\r\n")
        refused(cases, build, "a_server_that_says_nothing", silent.port, (*known, *shown), "no handshake in time")
        refused(cases, build, "a_server_in_clear_text", clear.port, (*known, *shown), "Redis: tls: ")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"redis: {{url: 'rediss://:{PASSWORD}@127.0.0.1:{clear.port}'}}\n")
        doctor = build.yagura("doctor", "-c", config)
        cases.check("the_doctor_says_that_it_asks_nothing_over_tls", "speaks no TLS" in doctor.out, doctor.out + doctor.err)
        cases.check("no_password_goes_out_before_the_handshake", silent.heard and clear.heard and PASSWORD.encode() not in silent.heard + clear.heard)
        for option, path in (("redis.ca", "/nonexistent/ca.pem"), ("redis.key", ours.path("redis.key"))):
            options = dict(zip((*known, *shown)[::2], (*known, *shown)[1::2])) | {option: path}
            courier = Courier(build, "rediss://localhost", *[word for pair in options.items() for word in pair])
            code, _, said = courier.end()
            cases.check(f"a_bad_{option.replace('.', '_')}_stops_the_start_and_is_named", code not in (0, 69) and path in said, f"exit {code}\n{said}")
        cases.finish()


if __name__ == "__main__":
    main(sys.argv)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""The bad answers of Redis, each by a scripted server: the courier names the state, asks again no oftener than it should, and delivers
each alert once when the server is well again.

usage: redis_bad_answers.py BUILD [NAME…]

Proves, for each answer: the summary has counted the state under its name and no other fault; standard error says what to do, in English
and Japanese; the server was asked as often as the class of the state allows (credentials: 30 s between two attempts; LOADING and BUSY:
about a second; others: 0.1 s doubling, a fifth more or less); afterwards the stream holds every alert line of the EVE file once and in
order, and the exit status is 0. A server that never becomes well is asked a bounded number of times, and the exit status is 69.
"""
import concurrent.futures
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import common  # noqa: E402
from redis_script import Gone, Script, Server  # noqa: E402

KEY = "yagura:nadami-demo:alerts"
CREDENTIALS_S, POLL_S, FIRST_S, LONGEST_S = 30.0, 1.0, 0.1, 10.0
JITTER, LATE_S = 0.2, 10.0  # a machine that others keep busy may be late; early nobody may be
AT_ONCE = 5


def to(names, text):
    """Answers these commands with one error."""
    return lambda connection, words: b"-%s\r\n" % text.encode() if words[0].upper() in names else None


def queued(text):
    """The entries of a batch are refused when they are queued, and EXEC says that there was something."""
    def answer(connection, words):
        if words[0].upper() == "XADD":
            return b"-%s\r\n" % text.encode()
        if words[0].upper() == "EXEC":
            connection.queue = None
            return b"-EXECABORT Transaction discarded because of previous errors.\r\n"
        return None
    return answer


def executed(text):
    """Everything is queued; EXEC refuses."""
    def answer(connection, words):
        if words[0].upper() == "EXEC":
            connection.queue = None
            return b"-%s\r\n" % text.encode()
        return None
    return answer


def each_result(text):
    """EXEC is done, and each of its results is an error."""
    def answer(connection, words):
        if words[0].upper() == "EXEC":
            count, connection.queue = len(connection.queue), None
            return b"*%d\r\n" % count + b"-%s\r\n" % text.encode() * count
        return None
    return answer


def taken_and_silent(connection, words):
    """Half open: the batch has arrived and is executed, and its answer never comes."""
    if words[0].upper() == "EXEC":
        connection.answer(words)
        return b""
    return None


def silent(connection, words):
    return b""


def speak_garbage(client, number):
    dice = random.Random(number)
    client.recv(1)
    texts = [b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", dice.randbytes(5000), b"*1000000000\r\n", b"",
             b"*1\r\n" * 500000, b"$7\r\nabcdefghijklmn\r\n"]
    client.sendall(texts[(number - 1) % len(texts)])
    if number == 4:  # an answer without an end
        client.sendall(b"$400000000\r\n" + bytes(1 << 22))
    client.recv(1 << 16)
    raise Gone


def dole_out(client, number):
    """Half an answer, byte by byte, each in time."""
    client.recv(1)
    for _ in range(100):
        client.sendall(b"+")
        time.sleep(0.1)
    raise Gone


def deny(client, number):
    client.sendall(b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set.\r\n")
    raise Gone


def too_many(client, number):
    client.sendall(b"-ERR max number of clients reached\r\n")
    raise Gone


def hang_up(client, number):
    raise Gone


GREETING = ("AUTH", "XINFO")
SCRIPTS = [
    Script("wrongpass", "auth", to(("AUTH",), "WRONGPASS invalid username-password pair or user is disabled."), 1, says="correct user"),
    Script("noauth", "auth", to(("XINFO",), "NOAUTH Authentication required."), 1, says="correct user"),
    Script("noperm", "noperm", to(("XINFO",), "NOPERM User sensor has no permissions to run the 'xinfo' command"), 1, says="users.acl"),
    Script("noperm_of_a_batch", "noperm", queued("NOPERM No permissions to access a key"), 1, says="users.acl"),
    Script("protected_mode", "protected", greet=deny, connections=1, says="protected mode"),
    Script("readonly", "readonly", queued("READONLY You can't write against a read only replica."), says="is a replica"),
    Script("loading", "loading", to(GREETING, "LOADING Redis is loading the dataset in memory"), 2, says="wait"),
    Script("busy", "busy", to(GREETING, "BUSY Redis is busy running a script."), 2, says="SCRIPT KILL"),
    Script("oom", "oom", queued("OOM command not allowed when used memory > 'maxmemory'."), says="maxmemory"),
    Script("misconf", "misconf", queued("MISCONF Redis is configured to save RDB snapshots, but it's currently unable"), says="disk"),
    Script("masterdown", "masterdown", to(("XINFO",), "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
           says="lost its primary"),
    Script("noreplicas", "noreplicas", executed("NOREPLICAS Not enough good replicas to write."), says="min-replicas-to-write"),
    Script("noreplicas_of_each", "noreplicas", each_result("NOREPLICAS Not enough good replicas to write."), says="min-replicas-to-write"),
    Script("execabort", "execabort", executed("EXECABORT Transaction discarded because of previous errors."), says="without a reason"),
    Script("execabort_with_a_reason", "oom", executed("EXECABORT Transaction discarded because of: OOM command not allowed"), says="maxmemory"),
    Script("wrongtype", "wrongtype", each_result("WRONGTYPE Operation against a key holding the wrong kind of value"), says="no stream"),
    Script("clusterdown", "cluster", to(("XINFO",), "CLUSTERDOWN Hash slot not served"), says="cluster"),
    Script("ask", "cluster", queued("ASK 3999 127.0.0.1:6381"), says="slot"),
    Script("max_clients", "clients", greet=too_many, says="maxclients"),
    Script("hangs_up", "away", greet=hang_up, tells=2, says="start Redis"),
    Script("garbage", "garbage", greet=speak_garbage, connections=5, tells=5, says="not the protocol"),
    Script("silent_from_the_beginning", "silent", silent, 2, says="no answer", slow=1),
    Script("half_open", "silent", taken_and_silent, 1, says="no answer", slow=1),
    Script("dribbles", "silent", greet=dole_out, connections=2, says="no answer", slow=1),
    Script("ids_refused_again_and_again", "refused",
           each_result("ERR The ID specified in XADD is equal or smaller than the target stream top item"), 3, says="refused a command"),
]
NEVER = [Script("never_" + name, state, answer, None, says="", drain="4s") for name, state, answer in (
    ("well_oom", "oom", queued("OOM command not allowed when used memory > 'maxmemory'.")),
    ("lets_in", "auth", to(("AUTH",), "WRONGPASS invalid username-password pair or user is disabled.")),
    ("loaded", "loading", to(GREETING, "LOADING Redis is loading the dataset in memory")))]


def least_and_most(state, number):
    """Seconds between the answer to attempt `number` and the next attempt."""
    if state in ("auth", "noperm", "protected"):
        return CREDENTIALS_S, CREDENTIALS_S + 2 * POLL_S
    base = POLL_S if state in ("loading", "busy") else min(FIRST_S * 2 ** (number - 1), LONGEST_S)
    return base * (1 - JITTER), base * (1 + JITTER)


def run_script(build, folder, capture, script):
    eve, server = os.path.join(folder, script.name + ".json"), Server(script, ("sensor", "secret"))
    done = build.replay("-c", common.DEMO, "--json", "--workers", "1", "--eve", eve, "--redis", server.url(), "--set", f"redis.timeout={int(1000 * getattr(script, 'slow', 5))}ms",
                        "--set", "redis.drain=" + getattr(script, "drain", "90s"), capture, timeout=180)
    server.stop()
    return done, eve, server


def check_pace(cases, script, server):
    gaps = [after - server.answered[number] for number, after in enumerate(server.attempts[1:], 1)]
    wrong = []
    for number, gap in enumerate(gaps, 1):
        least, most = least_and_most(script.state, number)
        if gap < least or gap > most + getattr(script, "slow", 0) + LATE_S:
            wrong.append(f"{number}: {gap:.3f} s, not {least:.2f} to {most:.2f}")
    cases.check(f"{script.name}_is_asked_again_at_the_right_pace", not wrong, "\n".join(wrong))
    print(f"# {script.name}: {len(server.attempts)} attempts, {' '.join(f'{gap:.2f}' for gap in gaps)} s after an answer")


def check_state(cases, script, done, server):
    summary = common.read_json(done.out) or {}
    entered = {name: n for name, n in summary.get("redis_states_entered", {}).items() if name != "ready"}
    cases.check(f"{script.name}_has_the_state_{script.state}", set(entered) == {script.state}, f"{entered}\n{done.err}")
    line = next((one for one in done.err.splitlines() if f"Redis: {script.state}: " in one), "")
    cases.check(f"{script.name}_is_told_with_what_to_do", script.says in line and any(ord(c) > 0x3000 for c in line), done.err)
    said = done.err.count("warning: Redis: ")
    cases.check(f"{script.name}_is_told_once_and_not_at_each_attempt", said <= getattr(script, "tells", 1), done.err)
    return summary


def check(cases, script, done, eve, server):
    summary = check_state(cases, script, done, server)
    check_pace(cases, script, server)
    lines = [line for line in open(eve, encoding="utf-8").read().splitlines() if '"event_type":"alert"' in line[:120]]
    entries = server.lines(KEY)
    ids = [one for one, _ in entries]
    if script.connections is None:
        cases.check(f"{script.name}_exits_69", done.code == 69, f"exit {done.code}\n{done.err}")
        cases.check(f"{script.name}_delivers_nothing", not entries and summary.get("redis_state") == script.state, summary.get("redis_state"))
        return
    cases.check(f"{script.name}_exits_0", done.code == 0 and not common.broken_identities(summary), f"exit {done.code}\n{done.err}")
    cases.check(f"{script.name}_ends_ready", summary.get("redis_state") == "ready" and not summary.get("redis_error"), summary.get("redis_state"))
    cases.check(f"{script.name}_has_each_alert_once_and_in_order", [line for _, line in entries] == lines != [] and ids == sorted(set(ids)),
                f"{len(entries)} entries, {len(lines)} lines")
    cases.check(f"{script.name}_stops_at_the_first_good_answer", len(server.attempts) == script.connections + 1, len(server.attempts))


def main(arguments):
    build = common.start(arguments)
    wanted = arguments[2:]
    scripts = [one for one in SCRIPTS + NEVER if not wanted or one.name in wanted]
    cases = common.Cases()
    with common.scratch() as folder:
        capture = build.generate(os.path.join(folder, "day.pcap"), "--seconds", "20", "--attack", "syn_flood,at=8,for=8,pps=1000,family=4",
                                 "--attack", "scan_vertical,at=5", "day")
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for script, result in zip(scripts, pool.map(lambda one: run_script(build, folder, capture, one), scripts)):
                check(cases, script, *result)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

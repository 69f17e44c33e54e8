#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""confined.py BUILD: what every process and thread of a running sensor may still do, read from /proc.

Proves, for a live run that root starts over a veth pair in a network namespace of its own: every thread of every process has the user
and group of sensor.user and no other group, no capability of any kind (the starter: none in force, and only those that opening ports
takes), no new privileges, a filter of system calls; engine, courier and dissector let nobody look into their memory; frames that are
sent are received all the same; an engine that is killed is started again by the starter, a child of the supervisor, and is confined as
the first one was; a user that does not exist is said, and nobody else is taken for it. For a replay, as root and as an ordinary user:
no new privileges and a filter everywhere, no capability in engine and courier, no other user. Exits 77 in a build without filters; the
live cases are skipped without root or ip.
"""
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import common  # noqa: E402 (found beside the other scripts)

USER = "nobody"  # a user that is everywhere, named on purpose
SETPCAP, NET_ADMIN, NET_RAW, IPC_LOCK, DAC_OVERRIDE = 8, 12, 13, 14, 1
START_S = 30


def bits(*numbers):
    return sum(1 << number for number in numbers)


def status(path):
    """{name: text} of a status file; {} when the thread has ended."""
    try:
        with open(path, encoding="utf-8") as lines:
            return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)
    except OSError:
        return {}


def family(root):
    """{pid: name} of a process and everything below it."""
    parents, names = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            found = status(f"/proc/{entry}/status")
            if found:
                parents[int(entry)], names[int(entry)] = int(found["PPid"]), found["Name"]
    chosen = {root}
    while True:
        more = {pid for pid, parent in parents.items() if parent in chosen} - chosen
        if not more:
            return {pid: names[pid] for pid in chosen if pid in names}
        chosen |= more


def threads(pid):
    """[status] of each thread."""
    try:
        found = [status(f"/proc/{pid}/task/{thread}/status") for thread in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []
    return [one for one in found if one]


class Sensor:
    """A program that runs until the `with` ends."""

    def __init__(self, command, folder, stdin=subprocess.DEVNULL, user=None):
        self.errors = os.path.join(folder, "errors")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "NOTIFY", "WATCHDOG"))}
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                command, stdin=stdin, stdout=subprocess.PIPE, stderr=errors, text=True, errors="replace",
                env={**environment, "LC_ALL": "C.UTF-8"}, user=user, group=user, extra_groups=[] if user else None)
        self.pid, self.out = self.process.pid, ""

    def said(self):
        with open(self.errors, encoding="utf-8", errors="replace") as lines:
            return lines.read()

    def wait(self, condition):
        """What it returns once that is true, None when it never is."""
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            result = condition()
            if result:
                return result
            time.sleep(0.05)
        return None

    def whole(self, count, but=0):
        """Every process confined: the family once `count` of its processes, no pid `but`, are behind a filter."""

        def look():
            found = family(self.pid)
            filtered = [pid for pid in found if status(f"/proc/{pid}/status").get("Seccomp") == "2"]
            # the courier and the engine have two filters, the supervisor's and their own
            twice = [pid for pid, name in found.items() if name in ("yagura-courier", "yagura-engine") and
                     int(status(f"/proc/{pid}/status").get("Seccomp_filters", "2")) >= 2]
            dropped = [pid for pid in twice if not any(int(one["CapPrm"], 16) for one in threads(pid))]
            return found if len(filtered) == len(found) >= count and len(dropped) == 2 and but not in found else None

        return self.wait(look) or {}

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.out, _ = self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.out, _ = self.process.communicate()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end()


def amiss(found, user, starter, kept=0):
    """Sentences, empty when all is as it must be. `starter`: what that one may still hand down; `kept`: every other but engine, courier and
    the dissector's workers."""
    wrong = []
    for pid, name in found.items():
        for one in threads(pid):
            allowed = starter if name == "yagura-starter" else kept if name in ("yagura", "yagura-dissecto") else 0

            def check(what, holds):
                if not holds:
                    wrong.append(f"{name} {one.get('Name')} {one.get('Pid')}: {what}: {one.get(what)}")

            if user is not None:
                check("Uid", one["Uid"].split() == [str(user.pw_uid)] * 4)
                check("Gid", one["Gid"].split() == [str(user.pw_gid)] * 4)
                check("Groups", one["Groups"].split() == [])
            if not (kept and name == "yagura-dissecto"):  # the zygote of a root's replay: the quarantine folder may be somebody else's
                check("CapEff", int(one["CapEff"], 16) == 0)
            for line in ("CapPrm", "CapInh", "CapAmb", "CapBnd"):
                check(line, int(one[line], 16) & ~allowed == 0)
            check("NoNewPrivs", one["NoNewPrivs"] == "1")
            check("Seccomp", one["Seccomp"] == "2")
    return wrong


def closed(found, names):
    """Those of these processes into whose memory somebody could look: the files of a closed one are root's."""
    return [f"{name} {pid}" for pid, name in found.items() if name in names and os.stat(f"/proc/{pid}/environ").st_uid != 0]


def program(found, name):
    return next((pid for pid, one in found.items() if one == name[:15]), 0)


# ---- live ----


class Namespace:
    """A namespace with a veth pair; it goes with the `with`."""

    def __init__(self):
        self.name = f"yg-confined-{os.getpid()}"

    def ip(self, *words):
        return common.run(["ip", "-n", self.name, *words]).code == 0

    def __enter__(self):
        made = common.run(["ip", "netns", "add", self.name]).code == 0
        made = made and self.ip("link", "add", "yg0", "type", "veth", "peer", "name", "yg1")
        if not (made and self.ip("link", "set", "yg0", "up") and self.ip("link", "set", "yg1", "up")):
            self.__exit__()
            common.skip("no network namespace with a veth pair can be made here")
        return self

    def __exit__(self, *_):
        common.run(["ip", "netns", "delete", self.name])

    def send(self, count):
        """Frames of UDP to a host of the demonstration, from inside."""
        code = ("import socket, sys\n"
                "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n"
                "s.bind(('yg0', 0))\n"
                "head = bytes.fromhex('020000000001020000000002' '0800' '4500002e000000004011000' '0c0000201c0000202' '1388138900' '1a0000')\n"
                "[s.send(head.ljust(60, b'x')) for i in range(int(sys.argv[1]))]\n")
        return common.run(["ip", "netns", "exec", self.name, sys.executable, "-c", code, str(count)])


def command(build, namespace, folder, *more):
    return ["ip", "netns", "exec", namespace.name, build.path("yagura"), "run", "--json", "-c", common.DEMO, "--port", "yg1",
            "--set", "capture.hugepages=never", "--set", "capture.memory=64MiB", "--set", "capture.descriptors=1024",
            "--eve", os.path.join(folder, "eve.json"), *more]


def can_reach(build, user):
    """A build below /root, say, is for root alone."""
    return common.run(["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "test", "-x",
                       build.path("yagura-engine")]).code == 0


def live_rights(build, cases, namespace, folder):
    user = pwd.getpwnam(USER)
    if not can_reach(build, user):
        cases.skip("live_rights", f"{USER} cannot reach the build")
        return
    os.chown(folder, user.pw_uid, user.pw_gid)
    frames = 1000
    with Sensor(command(build, namespace, folder, "--set", f"sensor.user={USER}", "--set", "spool.folder=" + os.path.join(folder, "spool")), folder) as sensor:
        found = sensor.whole(7)
        rights = bits(SETPCAP, NET_ADMIN, NET_RAW, IPC_LOCK)
        names = sorted(name[:15] for name in found.values())
        cases.check("live_every_process_is_there", names == ["yagura", "yagura-courier", "yagura-dissecto", "yagura-dissecto", "yagura-engine", "yagura-metrics",
                                                             "yagura-starter"], f"{names}\n{sensor.said()}")
        cases.check("live_no_thread_has_a_right", found and not amiss(found, user, rights), "\n".join(amiss(found, user, rights)))
        cases.check("live_nobody_looks_into_payload", found and not closed(found, ("yagura-engine", "yagura-courier", "yagura-starter")),
                    closed(found, ("yagura-engine", "yagura-courier", "yagura-starter")))
        engine = program(found, "yagura-engine")
        parent = status(f"/proc/{engine}/status").get("PPid")
        cases.check("the_engine_is_the_supervisor_s_child", parent == str(sensor.pid), parent)
        sent = namespace.send(frames)
        if engine:
            os.kill(engine, signal.SIGKILL)
        found = sensor.whole(6, but=engine)
        cases.check("a_second_engine_has_no_right_either", found and not amiss(found, user, rights),
                    "\n".join(amiss(found, user, rights)) + sensor.said())
        sent = namespace.send(frames)
        time.sleep(1)
        code = sensor.end()
    summary = common.read_json(sensor.out) or {}
    cases.check("a_live_run_without_rights_ends_well", code == 0, f"{code}\n{sensor.said()}\n{sent.err}")
    packets = (summary.get("packets") or summary.get("engine", {}).get("received") or 0) if summary else 0
    cases.check("frames_are_received_without_rights", packets >= frames, f"{packets} of {frames}\n{sensor.out[:2000]}")
    cases.check("nothing_was_killed_by_a_filter", f"signal {signal.SIGSYS:d}" not in sensor.said(), sensor.said())


def live_missing_user(build, cases, namespace, folder):
    with Sensor(command(build, namespace, folder, "--set", "sensor.user=no-such-user-here"), folder) as sensor:
        found = sensor.whole(7)
        rights = bits(SETPCAP, NET_ADMIN, NET_RAW, IPC_LOCK)
        cases.check("a_user_that_does_not_exist_is_said", "there is no user no-such-user-here" in sensor.said(), sensor.said())
        cases.check("root_without_rights_then", found and not amiss(found, pwd.getpwuid(0), rights), "\n".join(amiss(found, pwd.getpwuid(0), rights)))


# ---- replay ----


def feed(pipe, path, stop):
    """The capture, then nothing: the sensor waits for more, and can be looked at."""
    try:
        with open(path, "rb") as file:
            shutil.copyfileobj(file, pipe)
        pipe.flush()
        stop.wait(60)
        pipe.close()
    except OSError:
        pass


def replay(build, cases, name, path, folder, user):
    stop = threading.Event()
    with Sensor([build.path("yagura"), "replay", "--progress", "none", "--json", "-c", common.DEMO, "--eve", os.path.join(folder, name), "-"], folder,
                stdin=subprocess.PIPE, user=user.pw_uid if user else None) as sensor:
        feeder = threading.Thread(target=feed, args=(sensor.process.stdin.buffer, path, stop))
        feeder.start()
        found = sensor.whole(5)
        me = user or pwd.getpwuid(os.getuid())
        kept = bits(DAC_OVERRIDE, SETPCAP) if me.pw_uid == 0 else 0
        # an ordinary user cannot shrink the bounding set, which grants nothing by itself
        wrong = [line for line in amiss(found, None, 0, kept) if kept or "CapBnd" not in line]
        cases.check(f"{name}_no_process_has_a_right", len(found) == 5 and not wrong, "\n".join(wrong) or sensor.said())
        uids = {one["Uid"].split()[1] for pid in found for one in threads(pid)}
        cases.check(f"{name}_changes_no_user", uids == {str(me.pw_uid)}, uids)
        cases.check(f"{name}_nobody_looks_into_payload", found and not closed(found, ("yagura-engine", "yagura-courier")), closed(found, (
            "yagura-engine", "yagura-courier")))
        stop.set()
        feeder.join()
        sensor.process.stdin = None
        out, _ = sensor.process.communicate(timeout=60)
        summary = common.read_json(out)
        cases.check(f"{name}_ends_well", sensor.process.returncode == 0 and not common.broken_identities(summary), sensor.said())


def main():
    build = common.start(sys.argv)
    if re.search(r"sanitizers (address|thread)", build.yagura("version", "--build").out):
        common.skip("a sanitizer's run-time needs system calls of its own: no filters")
    cases = common.Cases()
    with common.scratch() as folder:
        path = build.generate(os.path.join(folder, "t.pcap"), "--seconds", "20", "day")
        os.chmod(folder, 0o755)
        for name, user in (("replay", None), ("ordinary_replay", pwd.getpwnam(USER))):
            if user and os.getuid() != 0:
                continue
            own = os.path.join(folder, name)
            os.mkdir(own)
            if user:
                os.chown(own, user.pw_uid, user.pw_gid)
                if not can_reach(build, user):
                    cases.skip(name, f"{USER} cannot reach the build")
                    continue
            replay(build, cases, name, path, own, user)
        if os.getuid() != 0 or not shutil.which("ip"):
            cases.skip("live", "needs root and ip")
            cases.finish()
        with Namespace() as namespace:
            for number, case in enumerate((live_rights, live_missing_user)):
                own = os.path.join(folder, str(number))
                os.mkdir(own)
                case(build, cases, namespace, own)
    cases.finish()


main()

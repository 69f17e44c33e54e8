# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""What the tests of live runs share: a veth pair between two network namespaces, and a sensor on one end of it."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import common  # noqa: E402 (found beside the other scripts)

SOON_S = 30
HOME = "10.0.0.0/8,198.51.100.0/24"


def needs(*programs):
    """Skips the script where it cannot make namespaces. One that is asked to end takes what it started with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if os.geteuid() != 0:
        common.skip("network namespaces need root")
    for program in ("ip", *programs):
        if not (common.redis_server() if program == "redis-server" else shutil.which(program)):
            common.skip(f"no {program}")
    if not common.can_enter_namespaces():
        common.skip("no network namespaces here (in a chroot: / must be a mount point)")


def command(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


class Wire:
    """Two namespaces of this process's own and a veth pair between them: `near`, where traffic is sent, and `far`, the mirror port."""

    def __init__(self, name="w"):
        mark = f"{os.getpid() % 100000}{name}"
        self.spaces = (f"yagura-{mark}-near", f"yagura-{mark}-far")
        self.near, self.far = f"yn{mark}", f"yf{mark}"

    def __enter__(self):
        for space in self.spaces:
            if command("ip", "netns", "add", space).returncode:
                common.skip("no network namespaces here")
        self.plug()
        return self

    def plug(self):
        near, far = self.spaces
        made = command("ip", "link", "add", self.near, "netns", near, "type", "veth", "peer", "name", self.far, "netns", far)
        if made.returncode:
            common.skip(f"no veth here: {made.stderr.strip()}")
        for space, port in zip(self.spaces, (self.near, self.far)):
            for family in ("all", "default", port):
                command("ip", "netns", "exec", space, "sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{family}/disable_ipv6")
            command("ip", "-n", space, "link", "set", port, "up")
            command("ip", "netns", "exec", space, "ethtool", "-K", port, "gro", "off", "gso", "off", "tso", "off", "tx", "off", "rx", "off")

    def unplug(self):
        command("ip", "-n", self.spaces[0], "link", "del", self.near)

    def inside(self, which, *words):
        return ["ip", "netns", "exec", self.spaces[which], *words]

    def send_numbered(self, build, count, rate, flows=64):
        """How many frames the kernel took."""
        done = common.run(self.inside(0, build.path("tests", "send_frames"), self.near, str(count), str(rate), str(flows)), timeout=300)
        return int(done.out) if done.code == 0 else -1

    def replay(self, capture, *options, timeout=300):
        return common.run(self.inside(0, "tcpreplay", "-q", "-i", self.near, *options, capture), timeout=timeout)

    def replaying(self, capture, *options):
        return subprocess.Popen(self.inside(0, "tcpreplay", "-q", "-i", self.near, *options, capture), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __exit__(self, *_):
        for space in self.spaces:
            command("ip", "netns", "del", space)


class Sensor:
    """`yagura run` at the far end of a wire, by its interface or by the ports that `port` names. Ends with the `with`, whatever happens."""

    def __init__(self, build, wire, folder, *options, port=None, name="run"):
        self.build, self.folder, self.name = build, folder, name
        self.log = os.path.join(folder, name + ".log")
        self.out = os.path.join(folder, name + ".out")
        self.control = os.path.join(folder, name + ".sock")
        ports = () if port == "" else [word for one in (port or wire.far).split() for word in ("--port", one)]
        self.served = os.path.join(folder, name + ".metrics")
        own = ("--set", f"control.socket={self.control}", "--set", f"metrics.listen={self.served}")
        with open(self.log, "wb") as log, open(self.out, "wb") as out:
            self.process = subprocess.Popen(
                wire.inside(1, build.path("yagura"), "run", "--json", *own, *ports, *options),
                stdin=subprocess.DEVNULL, stdout=out, stderr=log, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
        self.ended_s = None

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_said(self, text, times=1, seconds=SOON_S):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.said().count(text) >= times:
                return True
            if self.process.poll() is not None:
                return self.said().count(text) >= times
            time.sleep(0.02)
        return False

    def receives(self, times=1, seconds=SOON_S):
        return self.wait_said("receiving from", times, seconds)

    def stats(self):
        """What `yagura stats --json` says now, {} when it says nothing."""
        return common.read_json(self.build.yagura("stats", "--socket", self.control, "--json").out) or {}

    def metrics(self):
        """What Prometheus would read now, "" when nobody answers."""
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX) as one:
                one.settimeout(5)
                one.connect(self.served)
                one.sendall(b"GET /metrics HTTP/1.1\r\nHost: yagura\r\nConnection: close\r\n\r\n")
                while part := one.recv(65536):
                    answer += part
        except OSError:
            return ""
        return answer.partition(b"\r\n\r\n")[2].decode()

    def child(self, program):
        """The pid of the child that runs `program`, or None. With a starter between, its children count too."""
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            try:
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
                    below = [int(p) for p in children.read().split()]
            except OSError:
                continue
            for p in below:
                try:
                    with open(f"/proc/{p}/cmdline", "rb") as line:
                        if os.path.basename(line.read().split(b"\0")[0].decode()) == program:
                            return p
                except OSError:
                    continue
            waiting += below
        return None

    def kill(self, program):
        """Strikes a process with -9, and waits until another has its place. Seconds it took, None when none came."""
        pid, start = self.child(program), time.monotonic()
        if not pid:
            return None
        os.kill(pid, signal.SIGKILL)
        while time.monotonic() - start < 10:
            other = self.child(program)
            if other and other != pid:
                return time.monotonic() - start
            time.sleep(0.005)
        return None

    def end(self, seconds=20):
        """Asks it to end. (exit status, summary)"""
        asked = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = None
        self.ended_s = time.monotonic() - asked
        with open(self.out, encoding="utf-8", errors="replace") as out:
            return code, common.read_json(out.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end()


def drops(summary):
    """Frames that a summary says were lost before they could be read."""
    total = sum(w["engine"].get("handover.ring_full", 0) for w in (summary,))
    for port in summary["ports"]:
        total += port["missed"] + port["errors"] + port["nombuf"] + port.get("kernel_drops", 0)
    return total


def alerts(path):
    return [e for e in common.events(path) if e["event_type"] == "alert"] if os.path.exists(path) else []

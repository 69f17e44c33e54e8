# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""What the end-to-end tests share: the programs of a build, generated traffic, captures of others, how a case is told."""
import collections
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
DEMO = os.path.join(ROOT, "configs", "demo.yaml")
SKIPPED = 77
TIMEOUT = 300  # seconds, of one program that others leave little: one that hangs is a case that fails, not a test that is killed

Run = collections.namedtuple("Run", "code out err")


def skip(reason):
    """The whole script is skipped."""
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


class Cases:
    """Tells each case on a line of its own, and remembers whether one has failed."""

    def __init__(self):
        self.good = self.bad = 0

    def check(self, name, holds, detail=""):
        if holds:
            self.good += 1
            print(f"ok - {name}", flush=True)
        else:
            self.bad += 1
            print(f"not ok - {name}", flush=True)
            for line in str(detail).splitlines()[:40]:
                print(f"# {line[:400]}")
        return bool(holds)

    def skip(self, name, reason):
        print(f"skip - {name}: {reason}", flush=True)

    def finish(self):
        """Exits. A script that has checked nothing has failed."""
        print(f"{self.good} ok, {self.bad} not ok")
        sys.exit(1 if self.bad or not self.good else 0)


class Build:
    """The programs of a build directory."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        if not os.path.isfile(self.path("yagura")):
            skip(f"no yagura in {self.folder}; build it first")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def yagura(self, *arguments, env=None, timeout=TIMEOUT, stdin=subprocess.DEVNULL):
        """Runs yagura in English, unless env says otherwise. A negative code is the signal that ended it."""
        return run([self.path("yagura"), *arguments], env=env, timeout=timeout, stdin=stdin)

    def replay(self, *arguments, **more):
        return self.yagura("replay", "--progress", "none", *arguments, **more)

    def generate(self, path, *arguments):
        done = run([self.path("tests", "yagura-generate"), "--output", path, *arguments])
        if done.code != 0:
            print(f"not ok - traffic_is_generated\n# {done.err}")
            sys.exit(1)
        return path

    def listening(self, folder):
        """A copy of the programs in `folder` with one detector more, which asks for everything and says how much it heard."""
        os.makedirs(os.path.join(folder, "plugins"))
        for name in ("yagura", "yagura-engine", "yagura-dissector", "yagura-courier", "yagura.yaml"):
            shutil.copy2(self.path(name), folder)
        for path in [*glob.glob(self.path("plugins", "*", "*.so")), self.path("tests", "listener.so")]:
            shutil.copy2(path, os.path.join(folder, "plugins"))
        return Build(folder)

    def sanitized(self):
        """The program itself says how it was built."""
        return "sanitizers address" in self.yagura("version", "--build").out


def run(command, env=None, timeout=TIMEOUT, stdin=subprocess.DEVNULL):
    merged = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG"))}
    merged.update({"LC_ALL": "C.UTF-8"} if env is None else env)
    try:
        done = subprocess.run(
            command, stdin=stdin, capture_output=True, text=True, errors="replace", env=merged, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as late:
        return Run(124, "", f"no end after {timeout} s: {late.cmd}")
    return Run(done.returncode, done.stdout, done.stderr)


def can_enter_namespaces():
    """`ip netns` changes propagation of /, which has to be a mount point: it is none in a bare chroot."""
    name = f"yg-try-{os.getpid()}"
    made = run(["ip", "netns", "add", name]).code == 0
    entered = made and run(["ip", "netns", "exec", name, "true"]).code == 0
    if made:
        run(["ip", "netns", "delete", name])
    return entered


def redis_server():
    """The server that the tests run, or None: redis-server, or the one that YAGURA_REDIS_SERVER names (a Valkey, another version)."""
    return shutil.which(os.environ.get("YAGURA_REDIS_SERVER") or "redis-server")


def needs_named_server():
    """Skips the script where YAGURA_REDIS_SERVER names a server that is not there; what needs none runs without that name."""
    if os.environ.get("YAGURA_REDIS_SERVER") and not redis_server():
        skip(f"no {os.environ['YAGURA_REDIS_SERVER']}; ci/setup --valkey installs it")


def start(arguments):
    """The build directory of a script's first argument, and a folder that goes with the script."""
    if len(arguments) < 2:
        sys.exit(f"usage: {os.path.basename(arguments[0])} BUILD")
    return Build(arguments[1])


def scratch():
    return tempfile.TemporaryDirectory(prefix="yagura-test-")


def read_json(text):
    """None when it is no JSON: the caller's check then fails and shows the text."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def events(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def broken_identities(summary):
    """Sentences; empty when all hold. Recomputed here: the program's own word is checked as well."""
    if not summary:
        return ["no summary"]
    found = [
        f"{i['name']}: {i['left']} = {i['right']} ({i['formula']})" for i in summary["identities"] if i["left"] != i[
            "right"
        ]
    ]
    if summary["identities_hold"] != (not found):
        found.append(f"identities_hold says {summary['identities_hold']}")
    if len(summary["identities"]) < 5:
        found.append(f"only {len(summary['identities'])} identities")
    return found


# ---- captures of others ----


def captures():
    """Their folder, or None."""
    folder = os.environ.get("YAGURA_CAPTURES", "")
    return folder if folder and os.path.isfile(os.path.join(folder, "MANIFEST.tsv")) else None


def capture(name):
    """One of them by its name below the folder, or None."""
    folder = captures()
    path = os.path.join(folder, name) if folder else ""
    return path if os.path.isfile(path) else None


def manifest():
    """One dict a capture, with its path below the folder as `path`."""
    with open(os.path.join(captures(), "MANIFEST.tsv"), encoding="utf-8") as lines:
        names = next(lines).rstrip("\n").split("\t")
        return [dict(zip(names, line.rstrip("\n").split("\t"))) for line in lines if line.strip()]

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""run_refuses.py BUILD: `yagura run` where something is missing at the start.

Proves: no port, a port that does not exist, a card that does not, huge pages that are wanted and not there, too few cores
named, cores that the machine lacks, an EVE file that cannot be created, a configuration with errors and wrong usage each
end within five seconds with the exit status that is documented, and a message that names the option and what mends it;
nothing of the run is left behind. Redis away is no such case: the run starts, says so, and waits with its alerts for it.
Exits 77 without root, for AF_PACKET.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import common  # noqa: E402 (found beside the other scripts)

END = 5.0  # seconds to a refusal, and to the end after SIGTERM
START = 30.0  # seconds to the report of a run that starts: a sanitized build on a busy machine
LANGUAGES = {"en": {"LC_ALL": "C.UTF-8"}, "ja": {"LC_ALL": "ja_JP.UTF-8"}}
CORES = os.cpu_count()
USAGE, NO_PORT, UNAVAILABLE, NO_FILE, CONFIG = 64, 66, 69, 73, 78

# Without a port of our own: what is refused is refused before a port is opened, or the port is what is missing.
# name, arguments, exit status, what the message names, what mends it
REFUSED = (
    ("no_port_at_all", ("--set", "capture.ports="), CONFIG, "capture.ports", "--port"),
    ("an_interface_that_is_not_there", ("--port", "yg-none0"), NO_PORT, "yg-none0", "ip link"),
    ("one_interface_of_two_is_not_there", ("--port", "lo", "--port", "yg-none0"), NO_PORT, "yg-none0", "ip link"),
    ("a_card_that_is_not_there", ("--port", "ffff:1f:1f.7"), UNAVAILABLE, "", "dpdk-devbind|yagura doctor"),
    ("a_vdev_without_its_interface", ("--port", "net_af_packet0,iface=yg-none0"), UNAVAILABLE, "", "yagura doctor|capture"),
    ("a_vdev_that_nobody_knows", ("--port", "net_frobnicate0"), UNAVAILABLE, "", "yagura doctor|capture"),
    (
        "hugepages_are_missing",
        ("--port", "lo", "--set", "capture.hugepages=always", "--set", "capture.memory=256GiB"),
        UNAVAILABLE,
        "hugepages",
        "nr_hugepages",
    ),
    (
        "more_workers_than_cores_named",
        ("--port", "lo", "--workers", "3", "--set", "capture.cores=0-1"),
        CONFIG,
        "capture.cores",
        "engine.workers",
    ),
    (
        "a_core_that_the_machine_lacks",
        ("--port", "lo", "--set", f"capture.cores={CORES + 5}"),
        CONFIG,
        "capture.cores",
        f"{CORES} cores",
    ),
    (
        "a_core_that_the_machine_lacks_before_one_that_it_has",
        ("--port", "lo", "--workers", "2", "--set", f"capture.cores={CORES + 5},0"),
        CONFIG,
        "capture.cores",
        f"{CORES} cores",
    ),
    (
        "an_eve_file_that_cannot_be_created",
        ("--port", "lo", "--eve", "/nonexistent/folder/eve.json"),
        NO_FILE,
        "/nonexistent/folder/eve.json",
        "",
    ),
    ("a_key_of_ids_that_is_not_there", ("--port", "lo", "--set", "alerts.id_key_file=/nonexistent/id.key"), CONFIG, "alerts.id_key_file", "No such file"),
    ("a_key_of_ids_that_is_none", ("--port", "lo", "--set", "alerts.id_key_file=/etc/passwd"), CONFIG, "alerts.id_key_file", "a file of 16"),
    ("a_key_that_is_none", ("--port", "lo", "--set", "capture.prots=lo"), CONFIG, "capture.prots", "capture.ports"),
    ("an_option_that_is_none", ("--frobnicate",), USAGE, "frobnicate", "--help"),
    ("a_file_to_read", ("x.pcap",), USAGE, "x.pcap", "yagura replay"),
)


def left_of(build):
    """Processes of this build that are still there: of what this test started, for other tests may run beside it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            program = os.readlink(f"/proc/{pid}/exe")
            session = os.getsid(int(pid))
        except OSError:
            continue
        if program.startswith(build.path("yagura")) and session == os.getsid(0):
            found.append(f"{pid} {program}")
    return found


def settled(build):
    """Children need a moment to see that their supervisor has gone."""
    for _ in range(20):
        if not left_of(build):
            return []
        time.sleep(0.1)
    return left_of(build)


def refusals(cases, build):
    slow = 4 if build.sanitized() else 1
    for name, arguments, status, names, mends in REFUSED:
        began = time.monotonic()
        done = build.yagura("run", *arguments, timeout=30)
        seconds = time.monotonic() - began
        told = f"exit {done.code} after {seconds:.1f} s\n{done.err}{done.out}"
        cases.check(f"{name}_exits_{status}", done.code == status, told)
        cases.check(f"{name}_ends_within_{END:.0f}_s", seconds <= END * slow, told)
        cases.check(f"{name}_is_named_with_what_mends_it", names in done.err and re.search(mends, done.err), told)
    left = settled(build)
    cases.check("nothing_of_a_refused_run_is_left", not left, left)


def without_hugepages(cases, build, folder):
    """`auto` goes without, says so in the report, and runs."""
    run = Running(build, folder, "en", "--set", "capture.hugepages=never", "--eve", os.path.join(folder, "eve.json"))
    said = run.wait_for("Weaker than production|nothing here is weaker")
    cases.check("a_run_without_hugepages_starts", run.process.poll() is None, said)
    cases.check("a_run_without_hugepages_says_so", "without hugepages" in said, said)
    code, seconds = run.end()
    cases.check("a_run_without_hugepages_ends_as_asked", code == 0 and seconds <= END, f"exit {code} after {seconds:.1f} s\n{run.said()}")


class Running:
    """A run over a pair of interfaces in a network namespace of its own; both go with it."""

    def __init__(self, build, folder, language, *arguments):
        self.namespace = f"yg-D-{os.getpid()}"
        self.log = tempfile.TemporaryFile(mode="w+", dir=folder, encoding="utf-8", errors="replace")
        for words in (
            ("netns", "add", self.namespace),
            ("-n", self.namespace, "link", "add", "mirror0", "type", "veth", "peer", "name", "mirror1"),
            ("-n", self.namespace, "link", "set", "lo", "up"),
            ("-n", self.namespace, "link", "set", "mirror0", "up"),
            ("-n", self.namespace, "link", "set", "mirror1", "up"),
        ):
            subprocess.run(("ip", *words), check=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG"))} | LANGUAGES[language]
        command = (build.path("yagura"), "run", "--port", "mirror0", "--set", "capture.memory=128MiB", *arguments)
        self.process = subprocess.Popen(
            ("ip", "netns", "exec", self.namespace, *command), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=env
        )

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def wait_for(self, pattern):
        """What was said until the pattern came, the run ended, or time was up."""
        late = time.monotonic() + START
        while time.monotonic() < late and self.process.poll() is None and not re.search(pattern, self.said()):
            time.sleep(0.1)
        time.sleep(0.2)
        return self.said()

    def end(self):
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(START)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        seconds = time.monotonic() - began
        subprocess.run(("ip", "netns", "del", self.namespace), check=True)
        return code, seconds


def redis_away(cases, build, folder):
    """Nobody listens at port 1 of a namespace that is ours."""
    url = "redis://sensor:secret@127.0.0.1:1/0"
    for language, reports, says in (
        ("en", "Weaker than production", r"Redis +127\.0\.0\.1:1/0: away \(.*\); alerts wait for it"),
        ("ja", "本番運用より弱い点", r"Redis +127\.0\.0\.1:1/0: 接続できません（.*）。アラートは接続を待ちます"),
    ):
        run = Running(build, folder, language, "--redis", url, "--eve", os.path.join(folder, "eve.json"))
        said = run.wait_for(reports)
        cases.check(f"redis_away_starts_all_the_same_in_{language}", run.process.poll() is None, said)
        cases.check(f"redis_away_is_reported_in_{language}", re.search(says, said), said)
        cases.check(f"redis_away_is_mended_by_a_command_in_{language}", re.search(r"✖ redis\.reachable: .* → systemctl", said), said)
        report = re.search(r"^yagura \d[^\n]*\n(?:(?:  |Weaker|本番|✔)[^\n]*\n)+", said, re.M)
        lines = report[0].count("\n") if report else 0
        cases.check(f"the_report_has_at_most_25_lines_in_{language}", 10 <= lines <= 25, said)
        cases.check(f"the_report_names_the_port_in_{language}", "mirror0: net_af_packet" in said, said)
        cases.check(f"no_password_is_printed_in_{language}", "secret" not in said, said)
        code, seconds = run.end()
        told = f"exit {code} after {seconds:.1f} s\n{run.said()}"
        cases.check(f"redis_away_costs_no_exit_status_without_alerts_in_{language}", code == 0, told)
        cases.check(f"redis_away_ends_within_{END:.0f}_s_in_{language}", seconds <= END, told)
    left = settled(build)
    cases.check("nothing_of_an_ended_run_is_left", not left, left)


def main():
    build = common.start(sys.argv)
    if os.geteuid() != 0:
        common.skip("AF_PACKET needs root")
    if build.yagura("run", "--help").code != 0:
        common.skip("this build has no live run")
    cases = common.Cases()
    with common.scratch() as folder:
        refusals(cases, build)
        if not common.can_enter_namespaces():
            cases.skip("runs_over_a_port", "no network namespaces here")
            cases.finish()
        without_hugepages(cases, build, folder)
        redis_away(cases, build, folder)
    cases.finish()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""metrics.py BUILD [--telemetry]: a live run over a capture file (net_pcap), asked in every way there is.

Proves: packets received, as Prometheus reads them over loopback TCP and as `yagura stats --json` prints them, are those of
the file; every stage of a worker has its cycles and busy is a share; `yagura stats` fits 80 columns in both languages and
says the same; the process that serves has no rights, is started again when it is killed, and nobody else notices; an
unknown path is 404; `yagura reload` says by its exit status what became of a configuration, in both languages, and is for the
sensor's user alone; at the end the exit status is 0 and the socket is gone. With --telemetry also: DPDK's telemetry
answers where it is switched on, and there is none where it is not. Exits 77 where DPDK has no net_pcap.
"""
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unicodedata
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import common  # noqa: E402 (found beside the other scripts)

START = 30.0  # seconds: a sanitized build on a busy machine
SCREEN = 80  # columns
TELEMETRY = "/var/run/dpdk/*/dpdk_telemetry.v2"
LANGUAGES = {"en": {"LC_ALL": "C.UTF-8"}, "ja": {"LC_ALL": "ja_JP.UTF-8"}}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, seconds=START):
    """The first true value of what(), or the last one."""
    deadline, value = time.monotonic() + seconds, what()
    while not value and time.monotonic() < deadline:
        time.sleep(0.1)
        value = what()
    return value


def packets_in(path):
    """Of a little-endian pcap of microseconds, as yagura-generate writes it."""
    data, at, count = open(path, "rb").read(), 24, 0
    while at + 16 <= len(data):
        at += 16 + int.from_bytes(data[at + 8 : at + 12], "little")
        count += 1
    return count


class Sensor:
    def __init__(self, build, folder, *more):
        self.build, self.control = build, os.path.join(folder, "control.sock")
        self.url = f"http://127.0.0.1:{free_port()}/metrics"
        arguments = ["run", "--port", f"net_pcap0,rx_pcap={folder}/traffic.pcap", "--eve", os.path.join(folder, "eve.json"), "--json"]
        options = {
            "capture.hugepages": "never",
            "capture.memory": "128MiB",
            "flow.table": "65536",
            "sensor.user": "",
            "metrics.listen": self.url[7:-8],
            "control.socket": self.control,
            "eve.socket": f"unix_stream:{folder}/nobody.sock",
            "syslog.url": "udp://127.0.0.1:9",
        }
        for key, value in options.items():
            arguments += ["--set", f"{key}={value}"]
        self.err = open(os.path.join(folder, "err"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [build.path("yagura"), *arguments, *more], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.err, text=True
        )

    def said(self):
        self.err.seek(0)
        return self.err.read()

    def stats(self, *arguments, language="en"):
        return self.build.yagura("stats", "--socket", self.control, *arguments, env=LANGUAGES[language])

    def read_json(self):
        return common.read_json(self.stats("--json").out) or {}

    def reload(self, language="en", become=()):
        return common.run([*become, self.build.path("yagura"), "reload", "--socket", self.control], env=LANGUAGES[language])

    def received(self):
        workers = self.read_json().get("engine", {}).get("workers", [])
        return sum(w["counters"]["received"] for w in workers)

    def scrape(self):
        try:
            with urllib.request.urlopen(self.url, timeout=5) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, OSError):
            return ""

    def server(self):
        """The process that serves: a child of ours with that word in its command line."""
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/children"):
            for pid in open(path, encoding="ascii").read().split():
                try:
                    if b"serve-metrics" in open(f"/proc/{pid}/cmdline", "rb").read():
                        return int(pid)
                except OSError:
                    pass
        return 0

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            out, _ = self.process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, _ = self.process.communicate()
        return self.process.returncode, out


def value(text, series):
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.M)
    return float(found[1]) if found else None


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def look_at_counters(cases, sensor, packets):
    cases.check("all_packets_of_the_file_are_counted", wait_for(lambda: sensor.received() == packets), (sensor.received(), packets, sensor.said()))
    text = wait_for(sensor.scrape)
    cases.check("prometheus_reads_the_same", value(text, 'yagura_worker_packets_total{worker="0"}') == packets, text[:2000])
    cases.check("the_sensor_receives", value(text, "yagura_receiving") == 1, text[:2000])
    cycles = re.findall(r'^yagura_worker_stage_cycles_total\{worker="0",stage="(\w+)"\} (\d+)$', text, re.M)
    cases.check("every_stage_has_cycles", len(cycles) == 5 and all(int(n) for _, n in cycles), cycles)
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
        cases.check("promtool_accepts_it", done.returncode == 0, done.stdout + done.stderr)
    else:
        cases.skip("promtool_accepts_it", "promtool is not there")
    try:
        urllib.request.urlopen(sensor.url[:-8] + "/other", timeout=5)
        code = 200
    except urllib.error.HTTPError as error:
        code = error.code
    cases.check("another_path_is_404", code == 404, code)


def look_at_screens(cases, sensor, packets):
    for language, word in (("en", "received"), ("ja", "受信")):
        done = sensor.stats("--once", language=language)
        lines = done.out.splitlines()
        shown = [line for line in lines if line.startswith(word) and f"{packets:,}" in line]
        cases.check(f"the_screen_says_it_{language}", done.code == 0 and shown, done.out + done.err)
        wide = [line for line in lines if width(line) > SCREEN]
        cases.check(f"the_screen_tells_how_far_sinks_are_behind_{language}", re.search(r"^\S+ +eve \d+  socket \d+ ✖  syslog \d+", done.out, re.M), done.out)
        cases.check(f"the_screen_fits_{language}", not wide and len(lines) <= 24, "\n".join(wide) or len(lines))
    done = sensor.stats("--once", "--cycles")
    busy = re.search(r"^0\s+(\d+\.\d)\s", done.out, re.M)
    cases.check("busy_is_a_share", busy and 0 <= float(busy[1]) <= 100, done.out)


def look_at_server(cases, sensor):
    first = sensor.server()
    status = open(f"/proc/{first}/status", encoding="ascii").read() if first else ""
    wanted = [r"^CapPrm:\s+0+$", r"^CapBnd:\s+0+$", r"^NoNewPrivs:\s+1$"] + ([] if sensor.build.sanitized() else [r"^Seccomp:\s+2$"])
    cases.check("the_server_has_no_rights", all(re.search(line, status, re.M) for line in wanted), status[-1500:])
    if first:
        os.kill(first, signal.SIGKILL)
    restarted = 'yagura_process_restarts_total{process="metrics"}'
    text = wait_for(lambda: (lambda t: t if value(t, restarted) == 1 else "")(sensor.scrape()))
    cases.check("a_killed_server_comes_back", text and sensor.server() not in (0, first), sensor.said())
    others = [value(text, f'yagura_process_restarts_total{{process="{p}"}}') for p in ("engine", "dissector", "courier")]
    cases.check("nobody_else_notices", others == [0, 0, 0], others)


def look_at_reload(cases, sensor, config):
    done = sensor.reload()
    cases.check("a_reload_is_taken", done.code == 0 and "in force" in done.out, (done.code, done.err, sensor.said()))
    with open(config, "w", encoding="utf-8") as file:
        file.write("alerts:\n  updaet: 30s\n")
    done = sensor.reload()
    cases.check("one_with_an_error_is_refused", done.code == 78 and "stays in force" in done.err, (done.code, done.err))
    cases.check("the_log_says_where", f"{config}:2" in sensor.said(), sensor.said()[-1500:])
    done = sensor.reload("ja")
    cases.check("and_in_japanese", done.code == 78 and "拒否" in done.err, (done.code, done.err))
    with open(config, "w", encoding="utf-8") as file:
        file.write("engine:\n  workers: 2\n")
    cases.check("what_cannot_change_is_refused", sensor.reload().code == 78 and "engine.workers cannot change" in sensor.said(), sensor.said()[-1500:])
    if os.geteuid() == 0 and shutil.which("setpriv"):
        member = ["setpriv", "--reuid", "65534", "--regid", "0", "--clear-groups", "--inh-caps=-all"]
        done = sensor.reload(become=member)
        cases.check("a_member_of_the_group_may_not", done.code == 77, (done.code, done.err))
    else:
        cases.skip("a_member_of_the_group_may_not", "needs to be root, to become somebody else")
    with open(config, "w", encoding="utf-8") as file:
        file.write("alerts:\n  update: 30s\n")
    cases.check("a_good_one_is_taken_after_that", sensor.reload().code == 0, sensor.said()[-1500:])
    text = wait_for(lambda: (lambda t: t if value(t, "yagura_reloads_total") == 2 else "")(sensor.scrape()))
    cases.check("reloads_are_counted", text and value(text, "yagura_reloads_failed_total") == 3, text[:2000])
    restarts = value(text, 'yagura_process_restarts_total{process="engine"}')
    cases.check("the_engine_stays_through_all_of_it", restarts == 0, restarts)


def ask_telemetry(command):
    for path in glob.glob(TELEMETRY):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(5)
            try:
                s.connect(path)
                s.recv(16384)  # what it is
                s.send(command.encode())
                answer = json.loads(s.recv(65536))
            except (OSError, ValueError):
                continue
            if isinstance(answer.get(command.split(",")[0]), dict):
                return answer[command.split(",")[0]]
    return {}


def look_at_telemetry(cases, build, folder, packets):
    if os.geteuid() != 0:
        cases.skip("telemetry_answers", "its socket is root's")
        return
    cases.check("there_is_no_telemetry_by_default", not ask_telemetry("/yagura/stats"))
    sensor = Sensor(build, folder, "--set", "capture.telemetry=true")
    answer = wait_for(lambda: ask_telemetry("/yagura/stats").get("received") == packets)
    cases.check("telemetry_answers", answer, (ask_telemetry("/yagura/stats"), sensor.said()))
    flows = ask_telemetry("/yagura/flows,0")
    cases.check("telemetry_knows_the_flows", flows.get("slots") == 65536 and flows.get("flow_created", 0) > 0, flows)
    cases.check("telemetry_knows_the_detectors", "alerts_raised" in ask_telemetry("/yagura/detectors"))
    code, _ = sensor.end()
    cases.check("it_ends_well_with_telemetry", code == 0, (code, sensor.said()))


def main():
    build, cases = common.start(sys.argv), common.Cases()
    if not glob.glob("/usr/lib/*/dpdk/pmds-*/librte_net_pcap.so*"):
        common.skip("DPDK has no net_pcap here")
    with tempfile.TemporaryDirectory(prefix="yagura-test-") as folder:
        traffic = build.generate(os.path.join(folder, "traffic.pcap"), "--seconds", "20", "day")
        packets = packets_in(traffic)
        os.chmod(folder, 0o755)  # another user is to reach the control socket
        config = os.path.join(folder, "yagura.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("alerts:\n  update: 45s\n")
        sensor = Sensor(build, folder, "-c", config)
        up = wait_for(lambda: os.path.exists(sensor.control) and sensor.read_json().get("engine", {}).get("receiving"))
        if cases.check("the_sensor_answers", up, sensor.said()):
            look_at_counters(cases, sensor, packets)
            look_at_screens(cases, sensor, packets)
            look_at_server(cases, sensor)
            look_at_reload(cases, sensor, config)
        code, out = sensor.end()
        summary = common.read_json(out) or {}
        cases.check("it_ends_well", code == 0 and summary.get("packets") == packets, (code, sensor.said()))
        cases.check("the_socket_is_gone", not os.path.exists(sensor.control))
        done = sensor.stats("--once")
        cases.check("then_nobody_answers", done.code == 69 and "no sensor" in done.err, (done.code, done.err))
        cases.check("and_nobody_takes_a_reload", sensor.reload().code == 69)
        if "--telemetry" in sys.argv[2:]:
            look_at_telemetry(cases, build, folder, packets)
    cases.finish()


if __name__ == "__main__":
    main()

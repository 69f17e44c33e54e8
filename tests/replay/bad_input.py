#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""bad_input.py BUILD: what bad input gets, by exit status and words.

Proves: what is no capture exits 66 with its first bytes and what was expected; a cut or lying capture exits 65 with
"truncated after N packets", and everything before the cut is told exactly as from a file that ends there; a broken
config exits 78 with every error at its line, nothing started, and so does one that only a helper can refuse; an EVE
file that cannot be created exits 73; Redis away exits 69 with the EVE file whole and what
was not delivered counted; wrong usage exits 64, a dead engine 70, --fail-on 10; hostile packets are counted by reason
and cost nothing else.
"""
import gzip
import os
import re
import signal
import struct
import subprocess
import sys
import time

import common

FLOOD = ("--attack", "syn_flood,at=20,for=10,pps=3000,family=4")


def records(data):
    """Offsets of the records of a little-endian pcap, the end of the last one too."""
    at, found = 24, [24]
    while at < len(data):
        at += 16 + struct.unpack("<I", data[at + 8 : at + 12])[0]
        found.append(at)
    return found


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def flows(path):
    """Sorted flow lines. Their event times are those of the packets, so two replays are comparable."""
    return sorted(line for line in read(path).splitlines() if b'"event_type":"flow"' in line[:120])


# ---- 66 ----


def no_captures(cases, build, folder, good):
    head = b"PK\x03\x04 a spreadsheet that somebody took for a capture"
    for name, data, words in (
        ("text", b"hello, world\n" * 10, ("68 65 6c 6c 6f", "expected pcap or pcapng")),
        ("office_file", head, ("50 4b 03 04", "expected pcap or pcapng")),
        ("empty", b"", ("no bytes", "expected pcap or pcapng")),
        ("gzip_of_text", gzip.compress(b"hello, world\n" * 10), ("68 65 6c 6c 6f", "expected pcap or pcapng")),
        ("cut_magic", b"\xd4\xc3", ("d4 c3",)),
    ):
        path = write(folder, name, data)
        done = build.replay("--json", path)
        holds = done.code == 66 and path in done.err and all(word in done.err for word in words) and done.out == ""
        cases.check(
            f"{name}_is_no_capture_and_exits_66_with_its_first_bytes",
            holds,
            f"exit {done.code}\n{done.err}{done.out}",
        )
    missing = os.path.join(folder, "missing.pcap")
    for name, path in (("a_missing_file", missing), ("a_folder", folder)):
        done = build.replay("--json", path)
        cases.check(
            f"{name}_exits_66_with_its_name",
            done.code == 66 and path in done.err and done.out == "",
            f"exit {done.code}\n{done.err}",
        )
    done = build.replay("--json", good, missing)
    cases.check(
        "one_missing_file_among_others_exits_66",
        done.code == 66 and missing in done.err and done.out == "",
        f"exit {done.code}\n{done.err}",
    )


# ---- 65 ----


def cut_case(cases, build, folder, name, data, whole, packets):
    """A damaged capture against a file that ends soundly after as many packets."""
    path, clean = write(folder, name, data), write(folder, name + ".clean.pcap", whole)
    eves = [os.path.join(folder, name + suffix) for suffix in (".eve", ".clean.eve")]
    done = build.replay("--json", "--eve", eves[0], path)
    sound = build.replay("--json", "--eve", eves[1], clean)
    summary = common.read_json(done.out)
    holds = (
        done.code == 65
        and path in done.err
        and f"truncated after {packets} packets" in done.err
        and sound.code == 0
    )
    cases.check(
        f"{name}_exits_65_and_says_after_how_many_packets",
        holds,
        f"exit {done.code}, sound {sound.code}\n{done.err}",
    )
    holds = summary and summary["packets"] == packets and not common.broken_identities(summary)
    cases.check(f"{name}_has_every_packet_before_the_cut", holds, done.out[:300])
    same = flows(eves[0]) == flows(eves[1]) != []
    cases.check(
        f"{name}_gives_the_flow_records_of_a_file_that_ends_there",
        same,
        f"{len(flows(eves[0]))} {len(flows(eves[1]))}",
    )


def damaged(cases, build, folder, good):
    data = read(good)
    at = records(data)
    cut = len(at) * 2 // 3
    whole = data[: at[cut]]
    cut_case(cases, build, folder, "cut_in_a_packet", data[: at[cut] + 30], whole, cut)
    cut_case(cases, build, folder, "cut_in_a_header", data[: at[cut] + 7], whole, cut)
    lie = data[: at[cut] + 8] + struct.pack("<II", 0x7FFFFFFF, 0x7FFFFFFF) + data[at[cut] + 16 :]
    cut_case(cases, build, folder, "lying_length", lie, whole, cut)
    packed = gzip.compress(whole, mtime=0)
    path = write(folder, "cut.pcap.gz", packed[: len(packed) // 2])
    done = build.replay("--json", path)
    summary = common.read_json(done.out)
    said = re.search(r"truncated after (\d+) packets", done.err)
    holds = done.code == 65 and said and summary and summary["packets"] == int(said[1]) > 10
    cases.check("a_cut_gzip_exits_65_with_the_packets_it_still_gave", holds, f"exit {done.code}\n{done.err}")
    # The cut file's packets and all of the whole one's.
    done = build.replay("--json", os.path.join(folder, "cut_in_a_packet"), good)
    summary = common.read_json(done.out)
    holds = (
        done.code == 65
        and summary
        and summary["packets"] == cut + len(at) - 1
        and f"truncated after {cut} packets" in done.err
    )
    cases.check("a_cut_file_takes_nothing_from_the_others", holds, f"exit {done.code}\n{done.err}")


# ---- 78 ----


def configs(cases, build, folder, good):
    eve = os.path.join(folder, "never.json")
    text = f"sensor:\n  nam: x\n  timezone: Nowhere/Land\nflow:\n  table: -3\nfloww: {{}}\neve:\n  file: {eve}\n"
    path = write(folder, "broken.yaml", text.encode())
    wanted = (
        ":2:3: sensor.nam:",
        "did you mean 'sensor.name'",
        ":3:13: sensor.timezone:",
        ":5:10: flow.table:",
        ":6:1: floww:",
    )
    for command in (("replay", "-c", path, "--eve", eve, good), ("check", "-c", path)):
        done = build.yagura(*command)
        holds = (
            done.code == 78
            and all(word in done.err for word in wanted)
            and done.out == ""
            and not os.path.exists(eve)
        )
        cases.check(
            f"{command[0]}_of_a_broken_config_exits_78_with_every_error_and_starts_nothing",
            holds,
            f"exit {done.code}\n{done.err}{done.out}",
        )
    for name, text in (
        ("no_yaml", b"a: [1, 2\nb: }\n"),
        ("an_alias_bomb", b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"),
        ("bytes_that_are_no_text", bytes(range(256))),
        ("deep_nesting", b"a: " + b"[" * 5000),
    ):
        path = write(folder, name + ".yaml", text)
        done = build.replay("-c", path, "--eve", eve, good)
        holds = done.code == 78 and re.search(re.escape(path) + r":\d+:\d+: ", done.err) and not os.path.exists(eve)
        cases.check(f"a_config_of_{name}_exits_78_at_its_line", holds, f"exit {done.code}\n{done.err[:2000]}")
    for name, arguments in (
        ("a_missing_config", ("-c", os.path.join(folder, "missing.yaml"))),
        ("an_unknown_key_of_set", ("--set", "no.such=1")),
        ("a_home_that_is_no_prefix", ("--home", "10.0.0.0/40")),
        ("a_redis_url_that_is_none", ("--redis", "http://127.0.0.1/")),
    ):
        done = build.replay(*arguments, good)
        cases.check(
            f"{name}_exits_78",
            done.code == 78 and done.err and done.out == "",
            f"exit {done.code}\n{done.err}",
        )


def helper_refuses(cases, build, folder, good):
    """What only a helper can know is wrong reaches the user as any other error of the configuration, however soon the replay would end."""
    short = write(folder, "short.pcap", read(good)[: records(read(good))[20]])
    path = write(folder, "helper.yaml", b"dissector:\n  off: DNS,NoSuchThing\n")
    for name, capture, arguments in (
        ("a_long_replay", good, ("--set", "dissector.off=NoSuchThing")),
        ("a_replay_of_twenty_packets", short, ("--set", "dissector.off=NoSuchThing")),
        ("a_replay_with_a_file", good, ("-c", path)),
    ):
        done = build.replay("--json", *arguments, capture)
        said = done.err.count('dissector.off: nDPI has no dissector "NoSuchThing"')
        cases.check(
            f"{name}_whose_dissector_refuses_its_configuration_exits_78_and_says_why_once",
            done.code == 78 and said == 1 and "starting it again" not in done.err,
            f"exit {done.code}\n{done.err}",
        )


# ---- 73 ----


def no_eve_file(cases, build, folder, good):
    for name, eve, words in (
        ("a_missing_folder", os.path.join(folder, "missing", "eve.json"), "No such file or directory"),
        ("a_folder", folder, "Is a directory"),
        ("a_file_where_a_folder_should_be", os.path.join(good, "eve.json"), "Not a directory"),
        ("a_place_where_nobody_can_write", "/proc/yagura.json", ""),
    ):
        done = build.replay("--json", "--eve", eve, good)
        cases.check(
            f"an_eve_file_in_{name}_exits_73_with_its_name_and_is_tried_once",
            done.code == 73 and done.err.count(f"EVE file {eve}: {words}") == 1 and "starting it again" not in done.err,
            f"exit {done.code}\n{done.err}",
        )


def documented(cases, build):
    """Every status of this file is in the help, in the man page and in the table of the operator's page."""
    wanted = ("10", "64", "65", "66", "69", "70", "71", "73", "78", "130", "143")
    pages = {"help": build.yagura("replay", "--help").out.partition("Exit status:")[2]}
    for name, path in (("man_page", "docs/man/yagura-replay.1"), ("operations", "docs/operations.md")):
        with open(os.path.join(common.ROOT, path), encoding="utf-8") as page:
            pages[name] = "\n".join(line for line in page if line.startswith((".It ", "| ")))
    for name, text in pages.items():
        missing = [status for status in wanted if not re.search(rf"(?<![\d-]){status}\b", text)]
        cases.check(f"every_exit_status_is_in_the_{name}", text and not missing, missing)


# ---- 69, 10, 64, 70 ----


def redis_away(cases, build, folder, good):
    eves = [os.path.join(folder, name) for name in ("with.json", "without.json")]
    away = "unix://" + os.path.join(folder, "nobody.sock")
    done = build.replay("-c", common.DEMO, "--json", "--eve", eves[0], "--redis", away, "--set", "redis.drain=1s", good)
    sound = build.replay("-c", common.DEMO, "--json", "--eve", eves[1], good)
    summary = common.read_json(done.out)
    count = summary["aggregator"]["alerts.sent"] if summary else 0
    cases.check(
        "redis_away_exits_69",
        done.code == 69 and sound.code == 0,
        f"exit {done.code}, without Redis {sound.code}\n{done.err}",
    )
    holds = (
        count > 0
        and f"{count} alerts were not delivered" in done.err
        and summary["courier"]["alerts.pending"] == count
        and summary["redis_error"]
    )
    cases.check("redis_away_says_how_many_alerts_were_not_delivered_and_why", holds, f"{count}\n{done.err}")
    cases.check(
        "redis_away_leaves_all_identities_whole",
        not common.broken_identities(summary),
        common.broken_identities(summary),
    )
    cases.check(
        "redis_away_leaves_the_eve_file_whole",
        sorted(read(eves[0]).splitlines()) == sorted(read(eves[1]).splitlines()),
    )
    done = build.replay("-c", common.DEMO, "--redis", away, "--set", "redis.drain=0s", good)
    cases.check(
        "the_summary_for_a_person_says_so_too",
        f"{count} alert records were not delivered" in done.out,
        done.out[-400:],
    )


def fail_on(cases, build, good):
    for severity, code in (("info", 10), ("high", 10), ("critical", 0)):
        done = build.replay("-c", common.DEMO, "--fail-on", severity, good)
        cases.check(
            f"fail_on_{severity}_exits_{code}_on_a_high_alert",
            done.code == code,
            f"exit {done.code}\n{done.err}",
        )


def usage(cases, build, good):
    for name, arguments in (
        ("no_file", ()),
        ("no_such_option", ("--frobnicate", good)),
        ("no_workers", ("--workers", "0", good)),
        ("too_many_workers", ("--workers", "17", good)),
        ("workers_that_are_no_number", ("--workers", "2x", good)),
        ("an_unknown_severity", ("--fail-on", "urgent", good)),
        ("an_unknown_progress", ("--progress", "loud", good)),
        ("a_set_without_value", ("--set", "flow.table", good)),
        ("an_option_without_its_value", (good, "--eve")),
    ):
        done = build.yagura("replay", *arguments)
        cases.check(
            f"{name}_exits_64",
            done.code == 64 and done.err and done.out == "",
            f"exit {done.code}\n{done.err}",
        )


def child_named(parent, name):
    for _ in range(100):
        with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as pids:
            for pid in pids.read().split():
                try:
                    with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
                        if comm.read().strip() == name[:15]:
                            return int(pid)
                except OSError:
                    pass
        time.sleep(0.05)
    return None


def dead_engine(cases, build, good):
    """The capture comes through a pipe that stays open, so the engine is certain to be at work when it dies."""
    data = read(good)
    command = [build.path("yagura"), "replay", "--progress", "none", "--json", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(data[: 1 << 16])
        process.stdin.flush()
        engine = child_named(process.pid, "yagura-engine")
        time.sleep(0.5)
        if engine:
            os.kill(engine, signal.SIGKILL)
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            code = "none within 30 s"
            process.kill()
        said = process.stderr.read().decode(errors="replace")
    cases.check("a_dead_engine_exits_70", engine and code == 70, f"engine {engine}, exit {code}\n{said}")


# ---- hostile packets ----


def frame(kind, body):
    return bytes.fromhex("020000000002020000000001") + struct.pack(">H", kind) + body


def ip(proto, body, length=None, first=0x45, fragment=0):
    total = 20 + len(body) if length is None else length
    ends = bytes((192, 0, 2, 1)), bytes((198, 51, 100, 1))
    return struct.pack(">BBHHHBBH4s4s", first, 0, total, 1, fragment, 64, proto, 0, *ends) + body


def hostile_frames():
    """(how many of them, frame): each stops decode for another reason, or makes a reader stumble."""
    udp = struct.pack(">HHHH", 4000, 53, 0, 0)
    yield 3, b""
    yield 3, bytes(13)
    yield 3, frame(0x0800, b"")
    yield 3, frame(0x0800, ip(6, b"", length=10))
    yield 3, frame(0x0800, ip(6, b"abc"))
    yield 3, frame(0x0800, ip(17, b"", first=0x4F))
    yield 3, frame(0x0800, ip(17, b"", first=0x65))
    yield 3, frame(0x86DD, b"\x60" + bytes(38))
    yield 3, frame(0x86DD, b"\x60\0\0\0\0\x08\0\x40" + bytes(32) + b"\0" * 8)
    yield 3, frame(0x8847, b"\0\0\0\1" * 40)
    yield 3, frame(0x8100, b"\0\1\x81\0" * 30)
    yield 3, frame(0x0800, ip(4, b"") * 20)
    yield 3, frame(0x0800, ip(17, bytes(8), fragment=0x3FFF))
    yield 3, frame(0x0800, ip(17, udp + bytes(4)))
    yield 3, frame(0x0800, ip(17, udp + b"\0\1\1\0\xff\xff\xff\xff\xff\xff\xff\xff" + b"\xc0\x0c" * 40))
    yield 3, frame(0x0800, ip(6, struct.pack(">HHIIBBHHH", 4000, 443, 1, 0, 0xF0, 0xFF, 0, 0, 0)))
    yield 3, frame(
        0x0800,
        ip(
            6,
            struct.pack(">HHIIBBHHH", 4001, 443, 1, 1, 0x50, 0x18, 0, 0, 0) + b"\x16\x03\x01\xff\xff\x01\xff\xff\xff" * 20,
        ),
    )
    yield 3, frame(0x9999, bytes(range(60)))


def hostile(cases, build, folder):
    out, count = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1), 0
    for times, data in hostile_frames():
        for _ in range(times):
            out += struct.pack("<IIII", 1780967100 + count, 0, len(data), len(data)) + data
            count += 1
    done = build.replay("--json", write(folder, "hostile.pcap", out))
    summary = common.read_json(done.out)
    if not cases.check(
        "hostile_packets_are_replayed_to_their_end",
        done.code == 0 and summary,
        f"exit {done.code}\n{done.err}",
    ):
        return
    reasons = {name: n for name, n in summary["decode_end"].items() if n}
    holds = (
        len(reasons) >= 6
        and sum(reasons.values()) == count + summary["engine"]["reassembled"]
        and not common.broken_identities(summary)
    )
    cases.check("each_hostile_packet_is_counted_by_its_reason", holds, f"{count}: {reasons}")
    cases.check(
        "hostile_packets_cost_at_most_one_dissector",
        summary["dissector"]["restarts_count"] <= 1,
        summary["dissector"],
    )


def main():
    build, cases = common.start(sys.argv), common.Cases()
    with common.scratch() as folder:
        good = build.generate(os.path.join(folder, "good.pcap"), "--seconds", "40", *FLOOD, "day")
        no_captures(cases, build, folder, good)
        damaged(cases, build, folder, good)
        configs(cases, build, folder, good)
        helper_refuses(cases, build, folder, good)
        no_eve_file(cases, build, folder, good)
        documented(cases, build)
        redis_away(cases, build, folder, good)
        fail_on(cases, build, good)
        usage(cases, build, good)
        dead_engine(cases, build, good)
        hostile(cases, build, folder)
    cases.finish()


if __name__ == "__main__":
    main()

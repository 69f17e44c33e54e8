#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""eval.py BUILD: `yagura eval` and `yagura explain` over generated captures with labels of this script.

Proves: attacks are found by kind and party, a label that names another party or kind is a miss that says what was raised
instead, an attack in a file labelled benign is an alert nobody asked for, and each of these makes the exit status 1 while
all that is as labelled makes it 0; --filter leaves the rest out; -j 1 and -j 4 say the same; a capture that is missing is
66, labels with faults are 65 with their lines, wrong usage is 64; a configuration with a Redis is asked for nothing; nothing is left behind,
not by an interruption either; both languages. explain finds an alert by the first characters of its id, lists several,
and says what its line says.
"""
import json
import os
import signal
import subprocess
import sys
import time

import common

HEAD = "path\tverdict\tkinds\tsource\ttarget\thome\n"
HOME = "192.0.2.0/24,203.0.113.0/24,198.51.100.0/24"
TARGET = "192.0.2.14"


def make(build, folder):
    """name → capture: a quiet minute, and the same with a flood."""
    for name, more in (
        ("quiet", ()),
        ("syn", ("--attack", f"syn_flood,at=20,for=10,pps=5000,family=4,target={TARGET}")),
        ("scan", ("--attack", f"scan_vertical,at=20,for=10,family=4,target={TARGET}")),
    ):
        build.generate(os.path.join(folder, name + ".pcap"), "--seconds", "40", "--family", "4", "--scale", "0.3", *more, "day")


def labels(folder, *rows, name="labels.tsv"):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(HEAD + "".join("\t".join(row) + "\n" for row in rows))
    return path


def row(name, verdict, kinds="", target="", source=""):
    return (name + ".pcap", verdict, kinds, source, target, HOME)


GOOD = (
    row("syn", "attack", "dos.syn_flood", TARGET),
    row("scan", "attack", "scan.port|scan.host", "192.0.2.0/24"),
    row("quiet", "benign"),
)


def judged(build, *arguments, **more):
    done = build.yagura("eval", "--json", *arguments, **more)
    return done, common.read_json(done.out)


def all_is_as_labelled(cases, build, folder):
    path = labels(folder, *GOOD)
    done, result = judged(build, path)
    cases.check("all_found_and_nothing_unasked_exits_0", done.code == 0 and result, done)
    if not result:
        return
    cases.check("the_sums_are_right", result["attack"] == {"files": 2, "found": 2} and result["benign"] == {"files": 1, "noisy": 0}, done.out)
    families = {f["family"]: f["attack"] for f in result["families"]}
    cases.check("families_are_told_apart", families == {"dos": {"files": 1, "found": 1}, "scan": {"files": 1, "found": 1}}, families)
    one, four = (judged(build, "-j", n, path)[1]["files"] for n in ("1", "4"))
    cases.check("the_number_of_jobs_changes_nothing", one == four == result["files"], f"{one}\n{four}")
    text = build.yagura("eval", path).out
    cases.check("people_read_the_same", "recall of attack files 100.0 % (2 of 2)" in text and "Missed" not in text, text)
    japanese = build.yagura("eval", path, env={"LC_ALL": "ja_JP.UTF-8"}).out
    cases.check("in_japanese_too", "検知率（必須） 100.0 %（2 / 2）" in japanese and "family" not in japanese, japanese)
    by_config = build.yagura("eval", "--set", "sensor.language=ja", path).out
    cases.check("the_configuration_names_the_language", "検知率" in by_config, by_config)


def what_is_not_as_labelled(cases, build, folder):
    path = labels(
        folder,
        row("syn", "attack", "dos.syn_flood", "203.0.113.99"),  # somebody else
        row("scan", "optional", "dos.slow_http", TARGET),  # something else
        row("syn", "benign"),
        row("quiet", "attack", "scan.port", TARGET),  # nothing is there
        name="wrong.tsv",
    )
    done, result = judged(build, path)
    cases.check("a_miss_exits_1", done.code == 1 and result, done)
    if not result:
        return
    files = result["files"]
    cases.check("another_party_is_a_miss", not files[0]["found"] and not any(a["asked"] for a in files[0]["alerts"]), files[0])
    cases.check("what_was_raised_instead_is_told", any(a["kind"] == "dos.syn_flood" and a["target"] == TARGET for a in files[0]["alerts"]), files[0])
    cases.check("a_flood_in_a_benign_file_is_noise", result["benign"] == {"files": 1, "noisy": 1} and any(a["unasked"] for a in files[2]["alerts"]), files[2])
    cases.check("what_is_not_there_is_not_found", not files[3]["found"] and not files[3]["alerts"], files[3])
    text = build.yagura("eval", path).out
    missed, unasked = text.find("Missed attacks"), text.find("nobody asked for")
    cases.check("people_see_misses_and_noise", 0 < text.find("quiet.pcap", missed) < unasked < text.find("[benign]", unasked), text)
    done, result = judged(build, "--filter", "scan.*", path)
    cases.check(
        "a_filter_leaves_the_rest_out",
        result and [f["state"] for f in result["files"]] == ["left_out", "left_out", "judged", "judged"] and result["benign"]["noisy"] == 0,
        done.out,
    )


def what_cannot_be_read(cases, build, folder):
    missing = build.yagura("eval", labels(folder, row("none", "benign"), *GOOD, name="missing.tsv"))
    cases.check("a_missing_capture_exits_66_and_is_named", missing.code == 66 and "not judged: none.pcap" in missing.out, missing)
    cases.check("the_others_are_judged", "(2 of 2)" in missing.out, missing.out)
    bad = labels(folder, ("../x.pcap", "benign", "", "", "", ""), ("y.pcap", "perhaps", "", "", "", ""), name="bad.tsv")
    done = build.yagura("eval", bad)
    cases.check("faults_are_told_with_their_lines", done.code == 65 and f"{bad}:2: " in done.err and f"{bad}:3: " in done.err, done)
    cases.check("no_labels_exits_66", build.yagura("eval", os.path.join(folder, "nothing.tsv")).code == 66)
    for wrong in ((), ("a", "b", "c"), ("--filter", "dos", bad), ("-j", "0", bad), ("--set", "x", bad)):
        done = build.yagura("eval", *wrong)
        cases.check(f"wrong_usage_{'_'.join(wrong[:2]) or 'nothing'}_exits_64", done.code == 64 and "--help" in done.err, done)
    config = os.path.join(folder, "broken.yaml")
    with open(config, "w", encoding="utf-8") as out:
        out.write("engine: [\n")
    cases.check("a_broken_configuration_exits_78_once", build.yagura("eval", "-c", config, labels(folder, *GOOD)).code == 78)
    truncated = os.path.join(folder, "cut.pcap")
    with open(os.path.join(folder, "syn.pcap"), "rb") as whole, open(truncated, "wb") as out:
        out.write(whole.read()[:-7])
    done = build.yagura("eval", labels(folder, row("cut", "attack", "dos.syn_flood", TARGET), name="cut.tsv"))
    cases.check("a_cut_capture_is_judged_by_what_is_there", done.code == 0 and "note: cut.pcap" in done.out and "truncated" in done.out, done)


def nothing_leaves_and_nothing_stays(cases, build, folder):
    path, temporary = labels(folder, *GOOD), os.path.join(folder, "tmp")
    os.makedirs(temporary)
    settings = ("--set", "redis.url=redis://127.0.0.1:1", "--set", f"eve.socket=unix_stream:{folder}/none.sock",
                "--set", f"state.folder={folder}/learned")
    done = build.yagura("eval", *settings, path, env={"LC_ALL": "C.UTF-8", "TMPDIR": temporary})
    cases.check("a_redis_of_the_configuration_is_not_asked", done.code == 0, done)
    cases.check("nothing_is_left_behind", os.listdir(temporary) == [], os.listdir(temporary))
    cases.check("what_a_sensor_has_learned_is_left_alone", not os.path.exists(os.path.join(folder, "learned")))
    many = labels(folder, *(GOOD * 40), name="many.tsv")
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "TMPDIR": temporary}
    running = subprocess.Popen([build.path("yagura"), "eval", "-j", "2", many], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while not any(os.listdir(os.path.join(temporary, d)) for d in os.listdir(temporary)) and time.monotonic() < end:
        time.sleep(0.02)
    running.send_signal(signal.SIGTERM)
    code = running.wait(timeout=20)
    cases.check("an_interruption_exits_143_and_leaves_nothing", code == 143 and os.listdir(temporary) == [], f"{code} {os.listdir(temporary)}")


def explained(cases, build, folder):
    eve = os.path.join(folder, "eve.json")
    for name in ("syn", "scan"):
        build.replay("--home", HOME, "--eve", eve, os.path.join(folder, name + ".pcap"))
    contexts = {e["alert"]["context"]["id"]: e["alert"]["context"] for e in common.events(eve) if e["event_type"] == "alert"}
    flood = next(c for c in contexts.values() if c["kind"] == "dos.syn_flood")
    why = flood["why"]
    wide = {"LC_ALL": "C.UTF-8", "COLUMNS": "600"}  # sentences in one line, to be found
    done = build.yagura("explain", "--eve", eve, flood["id"], env=wide)
    wanted = (flood["id"], "SYN flood", f"threshold {why['threshold']:,.0f} packets/s", why["text_en"], "What to check next", "  3. ")
    cases.check("an_alert_is_explained_by_its_newest_line", done.code == 0 and all(w in done.out for w in wanted), done.out or done.err)
    narrow = build.yagura("explain", "--eve", eve, flood["id"]).out
    cases.check("in_lines_of_a_terminal", len(max(narrow.splitlines()[6:], key=len)) <= 80, narrow)
    cases.check("with_a_chart", "Course" in done.out and "█" in done.out, done.out)
    plain = build.yagura("explain", "--eve", eve, flood["id"], env={"LC_ALL": "C"})
    cases.check("of_ascii_where_there_is_no_unicode", plain.out.isascii() and "#" in plain.out, plain.out)
    done = build.yagura("explain", "--eve", eve, flood["id"][:9].upper(), env={"LC_ALL": "ja_JP.UTF-8", "COLUMNS": "600"})
    cases.check("the_first_characters_do_and_in_japanese", done.code == 0 and why["text_ja"] in done.out and "次に確認すること" in done.out, done)
    config = os.path.join(folder, "explain.yaml")
    with open(config, "w", encoding="utf-8") as out:
        out.write(f"eve:\n  file: {eve}\nsensor:\n  language: ja\n")
    done = build.yagura("explain", "-c", config, flood["id"])
    cases.check("the_configuration_names_file_and_language", done.code == 0 and "なぜ検知したか" in done.out, done)
    with open(eve, "rb") as lines:
        done = common.run([build.path("yagura"), "explain", "--eve", "-", flood["id"]], stdin=lines)
    cases.check("standard_input_will_do", done.code == 0 and flood["id"] in done.out, done)
    shorter = os.path.join(folder, "several.json")
    with open(shorter, "w", encoding="utf-8") as out:
        for i in range(30):
            line = {"event_type": "alert", "alert": {"context": {"id": f"00ab{i:012x}", "kind": "dos.volume"}}}
            out.write(json.dumps(line, separators=(",", ":")) + "\n")
    done = build.yagura("explain", "--eve", shorter, "00ab")
    cases.check("several_are_listed_up_to_twenty", done.code == 2 and done.out.count("\n") == 20 and "more" in done.err, done)
    cases.check("none_exits_1", build.yagura("explain", "--eve", eve, "0123456789abcdef").code == 1)
    for wrong in ((), ("--eve", eve), ("--eve", eve, "xyz"), ("--eve", eve, "0" * 17), ("--redis", "nonsense", "ab")):
        done = build.yagura("explain", *wrong)
        cases.check(f"wrong_usage_of_explain_{len(wrong)}_{wrong[-1][-5:] if wrong else ''}_exits_64", done.code == 64, done)
    cases.check("a_missing_file_exits_66", build.yagura("explain", "--eve", eve + ".none", "ab").code == 66)
    cases.check("no_redis_exits_69", build.yagura("explain", "--redis", f"unix://{folder}/none.sock", "ab").code == 69)


def main():
    build, cases = common.start(sys.argv), common.Cases()
    with common.scratch() as folder:
        make(build, folder)
        all_is_as_labelled(cases, build, folder)
        what_is_not_as_labelled(cases, build, folder)
        what_cannot_be_read(cases, build, folder)
        nothing_leaves_and_nothing_stays(cases, build, folder)
        explained(cases, build, folder)
    cases.finish()


if __name__ == "__main__":
    main()

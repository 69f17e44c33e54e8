#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""cli.py BUILD: the command line as a person meets it.

Proves: help of every command fits 80 columns in either language, is Japanese or English throughout as the locale says,
and names the same options and exit statuses in both; wrong usage exits 64 and says so on standard error;
`yagura plugins` lists the detectors, `yagura version --build` what it was built from; the summary and `check` speak
Japanese under LANG=ja_JP.UTF-8 and English else; the three config commands print what `check` takes; progress shows
%, packets/s and ETA on a terminal alone; standard input and several files are read; nothing needs a privilege.
"""
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
import unicodedata

import common

COMMANDS = ("replay", "run", "stats", "reload", "check", "config", "plugins", "doctor", "spool", "explain", "eval", "version")
COLUMNS = 80
LANGUAGES = {"en": {"LC_ALL": "C.UTF-8"}, "ja": {"LANG": "ja_JP.UTF-8"}}
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
NOBODY = "65534"


def width(line):
    """Columns on a terminal: kana and kanji take two."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def japanese_helps(cases, build):
    """The words differ, what they are about does not. Synopsis and options are the same, so only prose is looked at."""
    for command in COMMANDS:
        english, japanese = (build.yagura(command, "--help", env=env).out for env in LANGUAGES.values())
        cases.check(f"{command}_help_is_english_by_default", english.startswith("Usage: ") and not JAPANESE.search(english), english)
        cases.check(
            f"{command}_help_is_japanese_under_ja_jp",
            japanese.startswith("使い方: ") and len(JAPANESE.findall(japanese)) > 30 and re.search(r"(です|ます|ません)", japanese),
            japanese,
        )
        left = re.findall(r"\b(?:the|this|with|not|Usage|Exit)\b", japanese)
        cases.check(f"{command}_help_has_no_english_left_over", not left, left)
        for what, pattern in (("options", r"--[a-z][a-z-]+"), ("exit_statuses", r"(?<![\d-])\d{1,3}(?= ?[^\d\s.:-])")):
            named = [sorted(set(re.findall(pattern, exits(text) if what == "exit_statuses" else text))) for text in (english, japanese)]
            cases.check(f"{command}_help_names_the_same_{what}_in_both_languages", named[0] == named[1], f"{named[0]}\n{named[1]}")
    for name, env, wanted in (
        ("lc_messages_goes_before_lang", {"LC_MESSAGES": "ja_JP.UTF-8", "LANG": "C"}, True),
        ("lc_all_goes_before_both", {"LC_ALL": "C.UTF-8", "LC_MESSAGES": "ja_JP.UTF-8", "LANG": "ja_JP.UTF-8"}, False),
        ("an_empty_lc_all_is_none", {"LC_ALL": "", "LANG": "ja"}, True),
        ("no_locale_is_english", {}, False),
    ):
        said = build.yagura("check", "--help", env=env).out
        cases.check(f"help_{name}", bool(JAPANESE.search(said)) == wanted and said, said)
    refused = build.yagura("config", env=LANGUAGES["ja"])
    cases.check("help_after_wrong_usage_is_japanese_too", refused.code == 64 and "使い方" in refused.err, refused.err)


def exits(text):
    """The part of a help that lists exit statuses, without the breaks of its lines."""
    found = re.search(r"(?:Exit status|終了コード): (.*)", text, re.S)
    return found[1].replace("\n", " ") if found else ""


def helps(cases, build):
    for language, env in LANGUAGES.items():
        for arguments in [("--help",)] + [(command, "--help") for command in COMMANDS]:
            done = build.yagura(*arguments, env=env)
            wide = [line for line in done.out.splitlines() if width(line) > COLUMNS or "\t" in line]
            name = "_".join(arguments).replace("--", "")
            cases.check(
                f"{name}_in_{language}_fits_{COLUMNS}_columns",
                done.code == 0 and done.out and not done.err and not wide,
                f"exit {done.code}\n{done.err}" + "\n".join(wide),
            )
    named = build.yagura("--help").out
    cases.check(
        "help_names_every_command",
        all(re.search(rf"^  {command}\s", named, re.M) for command in COMMANDS),
        named,
    )


def wrong_usage(cases, build):
    for arguments in (
        (),
        ("frobnicate",),
        ("--frobnicate",),
        ("replay",),
        ("replay", "--frobnicate", "x.pcap"),
        ("check", "--frobnicate"),
        ("check", "stray"),
        ("check", "-c"),
        ("config",),
        ("config", "frobnicate"),
        ("config", "schema", "stray"),
        ("plugins", "--frobnicate"),
        ("plugins", "--options", "stray"),
        ("version", "--frobnicate"),
        ("version", "--build", "stray"),
    ):
        done = build.yagura(*arguments)
        name = "_".join(arguments).replace("--", "") or "nothing"
        cases.check(
            f"{name}_exits_64",
            done.code == 64 and done.err and not done.out,
            f"exit {done.code}\n{done.err}{done.out}",
        )


def information(cases, build):
    listed = build.yagura("plugins")
    holds = listed.code == 0 and all(re.search(rf"^{name} +\d+\.\d+ +\w", listed.out, re.M) for name in ("dos", "scan"))
    cases.check("plugins_lists_dos_and_scan_with_version_and_purpose", holds, listed.out + listed.err)
    options = build.yagura("plugins", "--options")
    cases.check(
        "plugins_options_lists_options_with_defaults",
        re.search(r"^  plugins\.dos\.\w+ = \S+", options.out, re.M),
        options.out,
    )
    version = build.yagura("version")
    cases.check(
        "version_is_one_line",
        version.code == 0 and re.fullmatch(r"yagura \d+\.\d+\.\d+\n", version.out),
        version.out,
    )
    cases.check("the_option_version_says_the_same", build.yagura("--version").out == version.out)
    built = build.yagura("version", "--build")
    words = ("compiler", "sanitizers", "plugin ABI", "nDPI", "hiredis", "libyaml", "libexec", "plugins", "config")
    cases.check(
        "version_build_names_compiler_and_libraries",
        built.code == 0 and all(re.search(rf"^{w} +\S", built.out, re.M) for w in words),
        built.out,
    )
    folders = re.findall(r"^(?:libexec|plugins|config) +(.*)$", built.out, re.M)
    cases.check(
        "version_build_names_folders_from_the_root",
        len(folders) == 3 and all(f.startswith("/") for f in folders),
        folders,
    )


def config(cases, build, folder):
    default = build.yagura("config", "dump-default")
    path = os.path.join(folder, "default.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(default.out)
    checked = build.yagura("check", "-c", path)
    cases.check(
        "check_takes_what_dump_default_prints",
        default.code == 0 and checked.code == 0 and checked.out.startswith("OK"),
        checked.out + checked.err,
    )
    checked = build.yagura("check", "-c", common.DEMO)
    cases.check(
        "check_sums_up_the_demo_prefecture",
        checked.code == 0 and "8 (2 of them two_zone)" in checked.out,
        checked.out + checked.err,
    )
    schema = build.yagura("config", "schema")
    holds = "2020-12" in (common.read_json(schema.out) or {}).get("$schema", "")
    cases.check("config_schema_is_a_json_schema", schema.code == 0 and holds, schema.out[:300])
    reference = build.yagura("config", "reference")
    cases.check(
        "config_reference_describes_the_flow_table",
        reference.code == 0 and "flow.table" in reference.out,
        reference.out[:300],
    )


def summaries(cases, build, path):
    runs = {language: build.replay("-c", common.DEMO, path, env=env) for language, env in LANGUAGES.items()}
    english, japanese = runs["en"].out, runs["ja"].out
    words = (
        "Where packets ended",
        "Flows by application",
        "Flows by organisation",
        "Alerts: 1",
        "[high] ",
        "SYN flood",
        "Kirihara Town",
    )
    cases.check(
        "the_summary_is_english_by_default",
        runs["en"].code == 0 and all(w in english for w in words) and not JAPANESE.search(english),
        english,
    )
    words = ("パケットの行き先", "アプリケーション別フロー", "団体別フロー", "アラート: 1", "[高] ", "SYNフラッド", "霧原町")
    cases.check(
        "the_summary_is_japanese_under_ja_jp",
        runs["ja"].code == 0 and all(w in japanese for w in words),
        japanese,
    )
    marks = [text.count("✔") for text in (english, japanese)]
    cases.check(
        "the_summary_shows_five_identities_that_hold",
        marks == [5, 5] and "✖" not in english + japanese,
        english,
    )
    wide = [line for line in english.splitlines() if not line.startswith("  [") and width(line) > 100]
    cases.check("tables_of_the_summary_are_narrow", not wide, "\n".join(wide))
    first = [json.loads(build.replay("--json", path, env=env).out) for env in LANGUAGES.values()]
    for summary in first:
        summary.pop("seconds")
        summary.pop("dissector")
    cases.check("json_does_not_depend_on_the_language", first[0] == first[1])
    listed = build.yagura("plugins", env=LANGUAGES["ja"])
    cases.check("plugins_speaks_japanese_under_ja_jp", len(JAPANESE.findall(listed.out)) > 10, listed.out)


def on_terminal(build, *arguments):
    """What a person sees: standard error is a terminal."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [build.path("yagura"), "replay", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=slave,
        stdin=subprocess.DEVNULL,
    ) as process:
        os.close(slave)
        seen, until = b"", time.monotonic() + 120
        while time.monotonic() < until:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                chunk = os.read(master, 4096)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            seen += chunk
        if process.poll() is None and time.monotonic() >= until:
            process.kill()
    os.close(master)
    return process.returncode, seen.decode(errors="replace")


def progress(cases, build, path):
    # Enough files to take longer than the first drawing of the bar.
    many = [path] * 24
    try:
        for end in pty.openpty():
            os.close(end)
    except OSError as reason:  # a chroot without /dev/pts
        cases.skip("a_terminal_shows_percent_packets_a_second_and_eta", f"no terminal to be had: {reason}")
        return
    code, seen = on_terminal(build, *many)
    cases.check(
        "a_terminal_shows_percent_packets_a_second_and_eta",
        code == 0 and re.search(r"\d+\.\d%.* packets .*/s.*ETA", seen),
        f"exit {code}\n{seen!r}",
    )
    cases.check("the_bar_is_wiped_at_the_end", seen.endswith("\r\x1b[K"), repr(seen[-100:]))
    code, seen = on_terminal(build, "--progress", "none", *many)
    cases.check("progress_none_shows_nothing_on_a_terminal", code == 0 and "ETA" not in seen, repr(seen))
    done = build.yagura("replay", *many)
    cases.check("no_progress_goes_to_a_pipe_unasked", done.code == 0 and "ETA" not in done.err, done.err)


def inputs(cases, build, path):
    alone = common.read_json(build.replay("--json", path).out)
    with open(path, "rb") as file:
        piped = common.read_json(build.replay("--json", "-", stdin=file).out)
    cases.check(
        "standard_input_gives_what_the_file_gives",
        alone and piped and alone["packets"] == piped["packets"] and alone["applications"] == piped["applications"],
    )
    twice = common.read_json(build.replay("--json", path, path).out)
    cases.check(
        "two_files_are_read_together",
        twice and twice["packets"] == 2 * alone["packets"] and twice["identities_hold"],
    )


def privilege(cases, build, path):
    name = "a_replay_needs_no_privilege"
    if os.getuid() != 0 or not shutil.which("setpriv"):
        cases.skip(name, "needs to be root, to become nobody")
        return
    become = [
        "setpriv",
        "--reuid",
        NOBODY,
        "--regid",
        NOBODY,
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
        "--no-new-privs",
    ]
    if common.run([*become, "test", "-x", build.path("yagura-engine")]).code != 0:
        cases.skip(name, "the build lies where nobody may look")
        return
    with open(path, "rb") as file:
        done = common.run([*become, build.path("yagura"), "replay", "--json", "-"], stdin=file)
    summary = common.read_json(done.out)
    cases.check(
        name,
        done.code == 0 and summary and not common.broken_identities(summary),
        f"exit {done.code}\n{done.err}",
    )


def main():
    build, cases = common.start(sys.argv), common.Cases()
    helps(cases, build)
    japanese_helps(cases, build)
    wrong_usage(cases, build)
    information(cases, build)
    with common.scratch() as folder:
        attack = ("--attack", "syn_flood,at=15,for=10,pps=3000,family=4")
        path = build.generate(os.path.join(folder, "day.pcap"), "--seconds", "30", *attack, "day")
        config(cases, build, folder)
        summaries(cases, build, path)
        progress(cases, build, path)
        inputs(cases, build, path)
        privilege(cases, build, path)
    cases.finish()


if __name__ == "__main__":
    main()

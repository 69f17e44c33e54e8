#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""kept.py BUILD: what a replay learns and keeps, and what becomes of a snapshot that is not as it was written.

A replay keeps nothing but where --set names a folder, whatever its configuration says. What it keeps is the same whatever --workers, and the
next one goes on from there. A file that is cut, changed in a bit, of another version or no snapshot at all ends nothing: what is whole in it
is kept, the rest is said and learned anew. Under another configuration a body goes on by its code, and what is gone is left out.
"""
import os
import shutil
import socket
import sys

import common
import snapshot_file
from common import DEMO

MINUTES = 20


def replay(build, folder, capture, *more):
    return build.replay("-c", DEMO, "--set", f"state.folder={folder}", *more, capture)


def most(folder):
    return max((minutes for minutes, _ in snapshot_file.baselines(folder).values()), default=0)


def learning(cases, build, folder, capture):
    first, second, none = (os.path.join(folder, name) for name in ("one", "two", "none"))
    run = replay(build, first, capture, "--workers", "1")
    learned = snapshot_file.baselines(first)
    cases.check("a_replay_keeps_what_it_learned", run.code == 0 and len(learned) > 50, f"{run.code} {len(learned)}\n{run.err}")
    scopes = {scope for scope, *_ in learned}
    cases.check("hosts_prefixes_bodies_and_the_link_learn", len(scopes) >= 4, scopes)
    cases.check("no_longer_than_the_capture_lasts", MINUTES - 2 <= most(first) <= MINUTES + 1, most(first))
    replay(build, second, capture, "--workers", "2")
    with open(snapshot_file.path(first), "rb") as a, open(snapshot_file.path(second), "rb") as b:
        cases.check("two_workers_learn_the_same_to_the_byte", a.read() == b.read())
    run = replay(build, first, capture)
    cases.check("the_next_replay_goes_on_from_there", run.code == 0 and most(first) >= 2 * (MINUTES - 2), f"{most(first)}\n{run.err}")
    config = os.path.join(folder, "named.yaml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"state:\n  folder: {none}\n")
    run = build.replay("-c", config, capture)
    cases.check("a_folder_that_only_the_configuration_names_is_left_alone", run.code == 0 and not os.path.exists(none), run.err)
    return second


def damaged(cases, build, folder, whole, capture):
    with open(snapshot_file.path(whole), "rb") as file:
        data = file.read()
    at = snapshot_file.parts(whole)["baselines"][0]

    def try_with(name, content, said, kept):
        state = os.path.join(folder, name)
        os.mkdir(state)
        with open(snapshot_file.path(state), "wb") as file:
            file.write(content)
        run = replay(build, state, capture)
        went_on = most(state) >= 2 * (MINUTES - 2)
        cases.check(f"{name}_is_told_and_ends_nothing", run.code == 0 and said in run.err, f"{run.code}\n{run.err}")
        cases.check(f"{name}_keeps_what_is_whole", went_on == kept and most(state) >= MINUTES - 2, most(state))

    try_with("as_it_was", data, "", True)
    try_with("cut", data[:len(data) // 2], "damaged, cut off, or of another version", False)
    flipped = bytearray(data)
    flipped[at + 100] ^= 4
    try_with("flipped", bytes(flipped), "checksum is wrong", False)
    newer = bytearray(data)
    newer[4] += 1
    try_with("of_another_version", bytes(newer), "damaged, cut off, or of another version", False)
    try_with("no_snapshot", b"\x7fELF" + bytes(range(256)) * 40, "damaged", False)
    try_with("empty", b"", "", False)
    beside = os.path.join(folder, "a_folder")
    os.makedirs(snapshot_file.path(beside))
    run = replay(build, beside, capture)
    cases.check("a_folder_in_its_place_is_told", run.code == 0 and "everything is learned anew" in run.err and "cannot be written" in run.err, run.err)


def another_configuration(cases, build, folder, whole, capture):
    state = os.path.join(folder, "other")
    shutil.copytree(whole, state)
    config = os.path.join(folder, "other.yaml")
    before = snapshot_file.baselines(whole)
    bodies = sorted(addr.rstrip(b"\0").decode() for scope, addr, *_ in before if snapshot_file.SCOPES[scope] == "body")
    code = bodies[len(bodies) // 2]
    for name, prefix in (("another", "198.18.200.0/28"), (code, "198.18.201.0/28")):
        with open(os.path.join(folder, f"body-{name}.yaml"), "w", encoding="utf-8") as file:
            file.write(f"code: {name}\nname: {{ja: 試験町, kana: しけんちょう, en: Test Town}}\nkind: town\nmodel: alpha\nline: 1G\n"
                       f"prefixes:\n  internet: [{prefix}]\n")
    with open(config, "w", encoding="utf-8") as file:
        file.write("organisations: [body-*.yaml]\n")
    run = build.replay("-c", config, "--set", f"state.folder={state}", capture)
    after = snapshot_file.baselines(state)
    left = [addr.rstrip(b"\0").decode() for scope, addr, *_ in after if snapshot_file.SCOPES[scope] == "body"]
    cases.check("another_configuration_keeps_a_body_by_its_code", run.code == 0 and left == [code], f"{run.code} {left} {code}\n{run.err}")
    gone = [key for key in after if snapshot_file.SCOPES[key[0]] == "host"]
    cases.check("hosts_that_are_no_longer_ours_are_left_out", not gone and before, gone[:3])


def attacked(cases, build, folder):
    """Minutes of an open alert teach nothing to the victim, to its body and to the link; a neighbour learns on."""
    victim, neighbour = (socket.inet_aton(f"198.51.100.{host}") + bytes(12) for host in (138, 140))
    capture, state = os.path.join(folder, "attack.pcap"), os.path.join(folder, "attacked")
    build.generate(capture, "--seconds", "900", "--scale", "0.2", "--family", "4", "--attack",
                   "syn_flood,at=300,for=240,family=4,pps=4000,target=198.51.100.138", "day")
    run = replay(build, state, capture)
    found = snapshot_file.baselines(state)
    minutes = {snapshot_file.SCOPES[scope] + " " + addr.rstrip(b"\0").decode(errors="replace"): n
               for (scope, addr, *_), (n, _) in found.items() if snapshot_file.SCOPES[scope] in ("body", "link")}
    hosts = {addr: n for (scope, addr, *_), (n, _) in found.items() if snapshot_file.SCOPES[scope] == "host"}
    cases.check("the_victim_learns_nothing_from_an_attack", run.code == 0 and 5 <= hosts.get(victim, 0) <= 11, f"{hosts.get(victim)}\n{run.out}")
    cases.check("nor_do_its_body_and_the_link", all(5 <= minutes.get(key, 0) <= 11 for key in ("body kanegaoka", "link ")), minutes)
    cases.check("its_neighbour_does", hosts.get(neighbour, 0) >= 13, hosts.get(neighbour))
    cases.check("and_so_does_another_body", minutes.get("body shiomi", 0) >= 13, minutes)


def checked(cases, build, folder, whole):
    """`yagura check` against what is usual."""
    state, config = os.path.join(folder, "long"), os.path.join(folder, "checked.yaml")
    shutil.copytree(whole, state)

    def check(text, *more):
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"organisations: ['{common.ROOT}/configs/organisations/*.yaml']\n{text}")
        return build.yagura("check", "-c", config, *more)

    low, high = "plugins:\n  dos:\n    floor_flows: 1\n", "plugins:\n  dos:\n    floor_flows: 9000\n"
    run = check(low, "--state", state)
    cases.check("less_than_a_day_refuses_no_threshold", run.code == 0 and "no host has been learned for a day yet" in run.err, run.err)
    snapshot_file.stretch(state, 100)
    run = check(high, "--state", state)
    cases.check("a_threshold_above_what_is_usual_is_fine", run.code == 0 and run.err == "", run.err)
    run = check(low, "--state", state)
    cases.check("one_that_decides_nothing_is_refused_with_its_place",
                run.code == 78 and f"{config}:4:18: plugins.dos.floor_flows: 1 flows/s is less than twice" in run.err, f"{run.code}\n{run.err}")
    run = check(low)
    cases.check("where_nothing_is_known_nothing_is_refused", run.code == 0 and run.err == "", run.err)
    run = check(low, "--state", os.path.join(folder, "nowhere"))
    cases.check("a_folder_without_a_snapshot_is_told", run.code == 66 and "No such file" in run.err, f"{run.code}\n{run.err}")


def main():
    build, cases = common.start(sys.argv), common.Cases()
    with common.scratch() as folder:
        capture = os.path.join(folder, "day.pcap")
        build.generate(capture, "--seconds", str(60 * MINUTES), "--scale", "0.02", "day")
        whole = learning(cases, build, folder, capture)
        damaged(cases, build, folder, whole, capture)
        another_configuration(cases, build, folder, whole, capture)
        attacked(cases, build, folder)
        checked(cases, build, folder, whole)
    cases.finish()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""Every generated attack on availability is told once, rightly, soon and to its end; what is innocent is not told.

usage: dos_matrix.py BUILD GROUP [NAME...]

GROUP: floods, reflections, dns, web, slow, inside, lines or twins. NAME: these alone, by their label's first part.

The attacks of a group stand in one capture, more than two hours apart so that none is another's pulse, each amid visits to the web
servers of all bodies, over IPv4 and over IPv6; whoever is hit answers, or does not, or the mirror shows one direction only: for the
attacks from inside the one that goes out. Each capture is replayed with several numbers of workers, which must give the same lines. What was
laid in is known from the generator's own --truth. Every alert is looked at: all fields of `why`, both sentences and their numbers,
and the schema where it is at hand. YAGURA_LONG: attacks last longer, and innocent traffic is seen from one side as well.
"""
import collections
import os
import shutil
import sys

import common
import dos_case

APART = 7500  # s, from onset to onset: over the two hours within which attacks are pulses of one campaign, and all are closed
LEAD = 40  # s of visits before the onset
TAIL = 45  # s of them behind the end
ANSWERED_S = 120  # a conversation without TCP that was answered is told when it has been idle for so long
# Each with the numbers of workers that have to give the same: all three, or (but for a long run) one with two or four.
MODES = {"unanswered": (1, 2), "answered": (1, 2, 4), "oneway": (1, 4)}
BOTH = ("answered", "oneway")  # where without an answer there is nothing to find

# options: of the generator's row, by family where it differs. within: seconds from onset to alert, as the requirements say.
# tail: seconds of visits behind the end.
Case = collections.namedtuple("Case", "label name seconds within options modes also tail")


def case(name, seconds, within, options="", modes=tuple(MODES), label=None, also=(), tail=TAIL):
    return Case(label or name, name, seconds, within, options, modes, also, tail)


# Kinds that are as right as the one of the row: SYN-ACK from forged sources cannot be told from that of reflectors.
EITHER = ("dos.ack_flood", "dos.amplification")

GROUPS = {
    "floods": [
        case("syn_flood", 6, 3.5),
        case("syn_flood", 4, 2.5, {4: "pps=10500,target=203.0.113.139", 6: "pps=10500,target=2001:db8:6000::139"}, label="syn_flood_5H"),
        case("syn_flood", 8, 3.5, {4: "pps=2200,target=203.0.113.138", 6: "pps=2200,target=2001:db8:6000::138"}, label="syn_flood_1.2H"),
        case("udp_flood", 6, 3.5),
        case("icmp_flood", 6, 3.5),
        case("ack_flood", 4, 3.5),
        case("rst_flood", 4, 3.5),
        case("fin_flood", 4, 3.5, {4: "target=192.0.2.26", 6: "target=2001:db8:7000::26"}),
        case("synack_flood", 4, 3.5, {4: "target=203.0.113.137", 6: "target=2001:db8:6000::137"}, also=EITHER),
        case("null_flood", 4, 3.5, {4: "target=192.0.2.27", 6: "target=2001:db8:7000::27"}),
        case("fragment_flood", 6, 3.5),
        case("other_flood", 6, 3.5),
        case("multi_vector", 6, 3.5),
        case("carpet", 8, 5, {4: "pps=9000,target=203.0.113.64", 6: "pps=9000,target=2001:db8:4000::"}),
    ],
    "reflections": [case(f"amp_{service}", 6, 3.5) for service in ("dns", "dns_fragmented", "ntp", "ssdp", "snmp", "cldap", "memcached", "chargen")] +
                   [case("synack_reflection", 4, 3.5, also=EITHER)],
    "dns": [case("water_torture", 20, 10), case("dns_query_flood", 20, 10), case("dns_amplifier_abuse", 20, 10)],
    "web": [case("tls_flood", 12, 5, modes=BOTH), case("http_flood", 12, 5, modes=BOTH), case("quic_flood", 12, 5, modes=BOTH)],
    "slow": [case(name, 100, 60, modes=BOTH) for name in ("slowloris", "slow_post", "slow_read")],
    "inside": [case("outbound_syn", 6, 3.5), case("outbound_udp", 6, 3.5)] +
              [case(f"open_{service}", 30, ANSWERED_S + 40, modes=("answered",), tail=ANSWERED_S + 60) for service in ("dns", "ntp", "ssdp", "snmp", "cldap", "memcached", "chargen")],
    "lines": [case("saturation", 16, 16, "pps=410", modes=BOTH)],
}

# What must stay silent, with how long it lasts here.
TWINS = {"crowd": 12, "surge": 40, "download": 8, "download_quic": 8, "speed_test": 12, "backup": 8, "zone_transfer": 12, "crawl": 50,
         "resolver": 12, "video": 8, "monitor": 40, "update_day": 20, "idle_web": 100, "idle_imap": 100}

# Cases that fail today: pattern of labels and reason. One that passes fails the test, so that the list cannot rot.
PENDING = {}


def options_of(one, family):
    return one.options[family] if isinstance(one.options, dict) else one.options


def lay(one, at, family, mode):
    """The generator's words for an attack and the visits around it."""
    seconds = one.seconds * (3 if dos_case.long_run() else 1)
    words = [one.name, f"at={at}", f"for={seconds}", options_of(one, family)]
    if mode in ("answered", "unanswered") and one.modes == tuple(MODES):
        words.append(f"answered={int(mode == 'answered')}")
    visits = f"surge,at={at - LEAD},for={LEAD + seconds + one.tail},pps=3"
    return ["--attack", ",".join(w for w in words if w), "--attack", visits]


def hidden(group, mode):
    """The direction that a one-way mirror shows."""
    return "both" if mode != "oneway" else "out" if group == "inside" else "in"


def small_line(folder):
    """The demo's configuration with a village whose line is of 5 Mbit/s: one that a small capture fills."""
    shutil.copytree(os.path.join(os.path.dirname(common.DEMO), "organisations"), os.path.join(folder, "organisations"))
    village = os.path.join(folder, "organisations", "yukinosawa.yaml")
    with open(village, encoding="utf-8") as text:
        said = text.read()
    with open(village, "w", encoding="utf-8") as text:
        text.write(said.replace("line: 50M", "line: 5M"))
    return shutil.copy(common.DEMO, folder)


def between(alerts, start, end):
    return [a for a in alerts if start <= dos_case.epoch(a["timestamp"]) < end]


def attacks(group, family, mode, wanted):
    return [one for one in GROUPS[group] if mode in one.modes and (not wanted or one.label in wanted)]


def run_mode(build, cases, pending, schema, folder, group, family, mode, wanted):
    chosen = attacks(group, family, mode, wanted)
    if not chosen:
        return
    laid, first = [], LEAD + 5
    for number, one in enumerate(chosen):
        laid += lay(one, first + number * APART, family, mode)
    capture, told = dos_case.generate(build, folder, "attacks", "--seconds", str(len(chosen) * APART + 60), "--family", str(family), "--mirror",
                                      hidden(group, mode), *laid, "none")
    told = [t for t in told if t.kind != "-"]
    config = os.path.join(folder, "demo.yaml") if group == "lines" else common.DEMO
    workers = dos_case.WORKERS if dos_case.long_run() else MODES[mode]
    ran = dos_case.replay_each(build, folder, capture, config=config, workers=workers)
    os.remove(capture)
    cases.check(f"{group}/IPv{family}/{mode}: gives_the_same_alerts_with_{'_'.join(map(str, workers))}_workers", not ran.wrong, ran.wrong)
    for one, want in zip(chosen, told):
        about = between(ran.alerts, want.start - LEAD, want.start - LEAD + APART)
        wrong = dos_case.once(want, (want.kind,) + tuple(one.also), about, one.within)
        pending.check(f"{one.label}/IPv{family}/{mode}", wrong + [f for a in about for f in dos_case.faults_of(a)][:5])
    wrong = schema.faults(ran.alerts)
    cases.check(f"{group}/IPv{family}/{mode}: every_alert_is_valid", not wrong, "\n".join(wrong))


def run_twins(build, cases, pending, family, mode, folder, wanted):
    """Each for itself, since an alert says nothing of whom it took for an attack but its time."""
    names = [n for n in TWINS if not wanted or n in wanted]
    laid = [w for i, n in enumerate(names) for w in ("--attack", f"{n},at={LEAD + i * APART},for={TWINS[n]}",
                                                      "--attack", f"surge,at={1 + i * APART},for={LEAD + TWINS[n] + TAIL},pps=3")]
    capture, told = dos_case.generate(build, folder, "twins", "--seconds", str(len(names) * APART), "--family", str(family), "--mirror",
                                      "in" if mode == "oneway" else "both", *laid, "none")
    told = [t for t in told if t.name != "surge" or t.end - t.start < LEAD + TAIL]
    ran = dos_case.replay_each(build, folder, capture)
    os.remove(capture)
    cases.check(f"twins/IPv{family}/{mode}: replay_and_give_the_same_with_1_2_and_4_workers", not ran.wrong, ran.wrong)
    for want in told:
        about = between(dos_case.opened(ran.alerts), want.start - LEAD, want.start - LEAD + APART)
        loud = [a for a in about if dos_case.context(a)["severity"] in dos_case.SERIOUS]
        for quiet in about:
            if quiet not in loud:
                print(f"# low: {want.name}: {dos_case.named(quiet)}")
        pending.check(f"{want.name}/IPv{family}/{mode}", [dos_case.named(a) for a in loud])


def main(arguments):
    build = common.start(arguments)
    if len(arguments) < 3 or arguments[2] not in (*GROUPS, "twins"):
        sys.exit(f"usage: dos_matrix.py BUILD {'|'.join(GROUPS)}|twins [NAME...]")
    group, wanted = arguments[2], set(arguments[3:])
    cases = common.Cases()
    pending, schema = dos_case.Pending(cases, PENDING), dos_case.Schema(cases)
    with common.scratch() as folder:
        if group == "lines":
            small_line(folder)
        for family in (4, 6):
            if group == "twins":
                for mode in ("answered", "oneway") if dos_case.long_run() else ("answered",):
                    run_twins(build, cases, pending, family, mode, folder, wanted)
                continue
            for mode in MODES:
                run_mode(build, cases, pending, schema, folder, group, family, mode, wanted)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

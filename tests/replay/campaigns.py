#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""Pulses are one campaign, unrelated attacks are none, and an alert says who else is hit.

usage: campaigns.py BUILD [CASE...]

pulses: queries for random names against ns1 of the prefecture, as Hiroshima saw them in 2022, each pulse 12 s and the next one
45 to 60 minutes later give or take five: 17 days of them (YAGURA_LONG; 120 MB), else two. One dos.campaign, each pulse in it and found, at most three
pages, the period within 5 %. wave: pulses of a SYN flood two minutes apart: one incident that opens again, one campaign. unrelated: three
attacks of a day on three bodies, and three of different kinds on one host: six incidents, no campaign. shared: an attack on a server that
the configuration declares to be shared names all bodies, one on a town's web server the town alone. IPv4 and IPv6, 1, 2 and 4 workers.
"""
import os
import shutil
import statistics
import sys

import common
import dos_case

DAY = 86400
NS1 = {4: "203.0.113.20", 6: "2001:db8:1000::20"}
SHARED = """
shared_services:
  - name: prefectural-dns
    address: [203.0.113.20, "2001:db8:1000::20"]
    ports: [53]
    bodies: all
"""
BODIES = {"nadami", "shiomi", "kanegaoka", "kirihara", "sasaura", "yukinosawa", "shiomi-edu", "kirisasa"}

# As in dos_matrix.py: cases that fail today, with the reason; one that passes fails the test.
PENDING = {}


def shared_config(folder):
    shutil.copytree(os.path.join(os.path.dirname(common.DEMO), "organisations"), os.path.join(folder, "organisations"))
    path = shutil.copy(common.DEMO, folder)
    with open(path, "a", encoding="utf-8") as text:
        text.write(SHARED)
    return path


def of_kind(alerts, kind, state="open"):
    return [a for a in alerts if dos_case.context(a)["kind"] == kind and dos_case.context(a)["state"] == state]


def ids(alerts):
    return {dos_case.context(a)["id"] for a in alerts}


def campaign_faults(alerts, starts, end):
    """What is wrong with the one campaign whose pulses began at `starts`."""
    begun, closed = of_kind(alerts, "dos.campaign"), of_kind(alerts, "dos.campaign", "close")
    if len(begun) != 1 or len(closed) != 1:
        return [f"{len(begun)} campaigns opened, {len(closed)} closed", dos_case.outline(begun[:5])]
    last, found = dos_case.context(closed[0]), []
    if last["pulse"] != len(starts):
        found.append(f"{last['pulse']} pulses, {len(starts)} were sent")
    period = statistics.median(b - a for a, b in zip(starts, starts[1:]))
    if abs(last.get("period_s", 0) - period) > 0.05 * period:
        found.append(f"period {last.get('period_s')} s, {period:.0f} s is true")
    if dos_case.epoch(begun[0]["timestamp"]) > starts[2] + 15:
        found.append(f"opened {dos_case.epoch(begun[0]['timestamp']) - starts[2]:.0f} s after the third pulse began")
    if dos_case.epoch(closed[0]["timestamp"]) < end:
        found.append("closed before its last pulse ended")
    guesses = [(dos_case.epoch(dos_case.context(a)["next_expected"]), dos_case.epoch(a["timestamp"])) for a in alerts
               if "next_expected" in dos_case.context(a) and dos_case.context(a)["state"] == "update"]
    right = [g for g, said in guesses if any(abs(g - s) <= 0.25 * period for s in starts)]
    if guesses and len(right) < 0.8 * len(guesses):
        found.append(f"of {len(guesses)} guesses of the next pulse only {len(right)} come near one")
    return found


def pulse_faults(alerts, campaign_id, kind, count):
    """What is wrong with the alerts of the pulses themselves."""
    begun = of_kind(alerts, kind)
    found = [] if len(begun) == count else [f"{len(begun)} pulses of {count} were told"]
    strays = [a for a in begun[3:] if dos_case.context(a).get("campaign") != campaign_id]
    if strays:
        found.append(f"{len(strays)} pulses do not name the campaign: {dos_case.named(strays[0])}")
    others = [a for a in dos_case.opened(alerts) if dos_case.context(a)["kind"] not in (kind, "dos.campaign")]
    if others:
        found.append("something else was told: " + dos_case.outline(others[:3]))
    pages = ids([a for a in alerts if dos_case.context(a).get("mode") == "page"])
    modes = {dos_case.context(a).get("mode") for a in alerts}
    if len(pages) > 3 or not modes <= {"page", "alert", "digest"}:
        found.append(f"{len(pages)} pages, modes {sorted(map(str, modes))}")
    return found


def said_faults(alerts):
    return [f for a in alerts for f in dos_case.faults_of(a)][:5]


def run(build, folder, pending, label, seconds, family, laid, config=common.DEMO):
    """Alerts and truth of attacks that stand alone."""
    words = [w for text in laid for w in ("--attack", text)]
    capture, told = dos_case.generate(build, folder, "campaign", "--seconds", str(seconds), "--family", str(family), *words, "none")
    print(f"# {label}: {os.path.getsize(capture) / 1e6:.1f} MB", flush=True)
    ran = dos_case.replay_each(build, folder, capture, config=config)
    os.remove(capture)
    pending.check(f"{label}/gives_the_same_alerts_with_1_2_and_4_workers", [ran.wrong] if ran.wrong else [])
    return ran.alerts, told


def pulses(build, folder, pending, family):
    days, every = (17, 3600) if dos_case.long_run() else (2, 2700)  # within the 30 to 60 minutes that were seen; a file that can be kept
    text = f"water_torture,at=600,for=12,pps=220,answered=0,pulses={days * DAY // every},every={every},jitter=300"
    label = f"pulses/IPv{family}"
    alerts, told = run(build, folder, pending, label, days * DAY, family, [text])
    starts = [t.start for t in told if t.kind == "dos.dns_flood"]
    wrong = campaign_faults(alerts, starts, told[-1].end)
    pending.check(f"{label}/one_campaign_of_{len(starts)}", wrong + said_faults(of_kind(alerts, "dos.campaign") + of_kind(alerts, "dos.campaign", "close")))
    campaign = next(iter(ids(of_kind(alerts, "dos.campaign"))), None)
    pending.check(f"{label}/each_pulse_is_found_and_three_pages_at_most", pulse_faults(alerts, campaign, "dos.dns_flood", len(starts)))


def wave(build, folder, pending, family):
    label = f"wave/IPv{family}"
    alerts, told = run(build, folder, pending, label, 1200, family, ["syn_flood,at=60,for=10,pps=3000,pulses=6,every=120"])
    starts = [t.start for t in told if t.kind == "dos.syn_flood"]
    pending.check(f"{label}/one_campaign_of_6", campaign_faults(alerts, starts, told[-1].end))
    floods = of_kind(alerts, "dos.syn_flood") + of_kind(alerts, "dos.syn_flood", "close")
    again = max((dos_case.context(a).get("reopened", 0) for a in floods), default=0)
    wrong = [] if len(ids(floods)) == 1 and again == 5 else [f"{len(ids(floods))} incidents, opened again {again} times", dos_case.outline(floods)]
    pending.check(f"{label}/one_incident_that_opens_again_five_times", wrong)


def unrelated(build, folder, pending, family):
    label = f"unrelated/IPv{family}"
    one_host = {4: "192.0.2.20", 6: "2001:db8:7000::20"}[family]
    laid = ["syn_flood,at=3600,for=5", "udp_flood,at=25000,for=5", "icmp_flood,at=50000,for=5"]
    laid += [f"{name},at={at},for=5,target={one_host}" for name, at in (("syn_flood", 60000), ("udp_flood", 63600), ("icmp_flood", 67200))]
    alerts, told = run(build, folder, pending, label, DAY, family, laid)
    got = [(dos_case.context(a)["kind"], dos_case.context(a)["target"]) for a in dos_case.opened(alerts)]
    want = [(t.kind, t.target) for t in told]
    pending.check(f"{label}/six_incidents_and_no_campaign", [] if got == want else [f"want {want}", dos_case.outline(dos_case.opened(alerts))])
    strays = [a for a in alerts if dos_case.context(a).get("campaign")]
    pending.check(f"{label}/no_alert_names_a_campaign", [dos_case.outline(strays)] if strays else said_faults(alerts))


def affected(alerts, target):
    codes = {frozenset(b["code"] for b in dos_case.context(a).get("affected", [])) for a in alerts if dos_case.context(a)["target"] == target}
    counts = {dos_case.context(a).get("affected_count") for a in alerts if dos_case.context(a)["target"] == target}
    return codes, counts


def shared(build, folder, pending, family):
    label = f"shared/IPv{family}"
    laid = ["water_torture,at=60,for=20", "syn_flood,at=600,for=8"]
    alerts, told = run(build, folder, pending, label, 900, family, laid, config=os.path.join(folder, "demo.yaml"))
    for what, target, want in (("an_attack_on_the_shared_server_lists_all_bodies", NS1[family], BODIES),
                               ("one_on_a_town_s_web_server_lists_the_town", told[-1].target if told else "", {"kirihara"})):
        codes, counts = affected(alerts, target)
        wrong = [] if codes == {frozenset(want)} and counts == {len(want)} else [f"{[sorted(c) for c in codes]}, counts {counts}, want {sorted(want)}"]
        pending.check(f"{label}/{what}", wrong + said_faults(alerts))


CASES = {"pulses": pulses, "wave": wave, "unrelated": unrelated, "shared": shared}


def main(arguments):
    build = common.start(arguments)
    cases = common.Cases()
    pending = dos_case.Pending(cases, PENDING)
    with common.scratch() as folder:
        shared_config(folder)
        for name in arguments[2:] or CASES:
            for family in (4, 6):
                CASES[name](build, folder, pending, family)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

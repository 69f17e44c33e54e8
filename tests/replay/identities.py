#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""identities.py BUILD: what goes in comes out, and the EVE file says the same as the summary.

Over generated traffic (a day with attacks, v4 and v6) and over mix.pcap when $YAGURA_CAPTURES has it, it proves that
  - all conservation identities hold, and the packets are as many as this script counts in the file;
  - the flow records of the EVE file are those of the summary: in number, by application, by organisation, and their
    packets add up to the decoded ones;
  - the alert lines are those of the summary, each alert closed as often as it opened, again only after it had closed;
  - every line validates against the schema of $YAGURA_EVE_SCHEMA;
  - without an EVE file the same identities hold, records being shed by name.
"""
import collections
import os
import re
import struct
import sys

import common

VALIDATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "validate_eve.py")
ATTACKS = (
    "syn_flood,at=20,for=10,pps=3000,family=4",
    "udp_flood,at=40,for=10,pps=3000,family=6",
    "scan_vertical,at=50,for=20,family=6",
)


def packets_of(path):
    """Counts the records of a pcap file, without any library."""
    with open(path, "rb") as file:
        order = "<" if file.read(24)[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        count = 0
        while head := file.read(16):
            file.seek(struct.unpack(order + "I", head[8:12])[0], os.SEEK_CUR)
            count += 1
        return count


def totals(flows, key):
    """key → [flows, packets]"""
    found = collections.defaultdict(lambda: [0, 0])
    for event in flows:
        for name in key(event):
            found[name][0] += 1
            found[name][1] += event["flow"]["pkts_toserver"] + event["flow"]["pkts_toclient"]
    return dict(found)


def differences(mine, theirs):
    other = [name for name in sorted({*mine, *theirs}) if mine.get(name) != theirs.get(name)]
    return "\n".join(f"{name}: EVE {mine.get(name)}, summary {theirs.get(name)}" for name in other)


def check_flows(cases, name, summary, flows):
    updates = [e for e in flows if e["ndpi"]["end"] == "none"]
    ended = [e for e in flows if e["ndpi"]["end"] != "none"]
    books = summary["aggregator"]
    cases.check(
        f"{name}: the_eve_file_has_as_many_flow_records_as_the_summary",
        len(ended) == books["records.written"] > 0 and len(updates) == books["records.updates"],
        f"EVE {len(ended)} and {len(updates)} updates, summary {books['records.written']} and {books['records.updates']}",
    )
    # An update tells what its flow has had so far, the last record of a flow all of it.
    packets = sum(n for _, n in totals(ended, lambda e: ["all"]).values())
    decoded = summary["decode_end"]["decoded"]
    cases.check(
        f"{name}: packets_of_all_flow_records_are_the_decoded_packets",
        packets == decoded,
        f"{packets}, {decoded}",
    )
    mine = totals(ended, lambda e: [e["ndpi"]["proto"]])
    theirs = {a["name"]: [a["flows"], a["packets"]] for a in summary["applications"]}
    cases.check(
        f"{name}: flows_and_packets_by_application_are_those_of_the_summary",
        mine == theirs and len(mine) > 3,
        differences(mine, theirs),
    )
    reasons = collections.Counter(e["ndpi"]["end"] for e in ended)
    theirs = {k: n for k, n in summary["flow_end"].items() if n}
    cases.check(
        f"{name}: reasons_of_ends_are_those_of_the_summary",
        dict(reasons) == theirs,
        differences(reasons, theirs),
    )
    mine = {
        k: n
        for k, (n, _) in totals(ended, lambda e: {e["ndpi"]["org"]["src"], e["ndpi"]["org"]["dest"]}).items()
        if k
    }
    theirs = {o["code"]: o["flows"] for o in summary["organisations"] if o["code"]}
    cases.check(f"{name}: flows_by_organisation_are_those_of_the_summary", mine == theirs, differences(mine, theirs))


def check_alerts(cases, name, summary, alerts):
    states = collections.defaultdict(list)
    for event in alerts:
        states[event["alert"]["context"]["id"]].append(event["alert"]["context"]["state"])
    # open, update, update, close; and again from the start when it came back within ten minutes.
    life = re.compile("(ou*c)+")
    wrong = {i: s for i, s in states.items() if not life.fullmatch("".join(state[0] for state in s))}
    cases.check(f"{name}: each_alert_that_opens_closes_before_it_opens_again", not wrong, wrong)
    opens = sum(s.count("open") for s in states.values())
    books = summary["aggregator"]
    cases.check(
        f"{name}: alert_lines_are_those_that_were_sent",
        len(alerts) == books["alerts.sent"] == summary["courier"]["alerts.delivered"]
        and opens == books["alerts.opened"] == len(states) + books["alerts.reopened"],
        f"{len(alerts)} lines, {len(states)} alerts: {books}",
    )
    opened = collections.Counter(
        e["alert"]["context"]["severity"] for e in alerts if e["alert"]["context"]["state"] == "open"
    )
    theirs = {k: n for k, n in summary["alerts_opened"].items() if n}
    cases.check(
        f"{name}: alerts_opened_by_severity_are_those_of_the_summary",
        dict(opened) == theirs,
        differences(opened, theirs),
    )


def check_schema(cases, name, eve):
    if not os.path.isfile(os.environ.get("YAGURA_EVE_SCHEMA", "")):
        cases.skip(f"{name}: every_line_validates_against_the_schema", "no $YAGURA_EVE_SCHEMA")
        return
    done = common.run([sys.executable, VALIDATE, eve])
    if done.code == common.SKIPPED:
        cases.skip(f"{name}: every_line_validates_against_the_schema", done.out.strip())
    else:
        cases.check(f"{name}: every_line_validates_against_the_schema", done.code == 0, done.out + done.err)


def check_file(cases, build, name, path, options):
    with common.scratch() as folder:
        eve = os.path.join(folder, "out.json")
        done = build.replay("--json", "--eve", eve, *options, path)
        summary = common.read_json(done.out)
        if not cases.check(
            f"{name}: the_replay_ends_well",
            done.code == 0 and summary,
            f"exit {done.code}\n{done.err}",
        ):
            return
        cases.check(
            f"{name}: all_identities_hold",
            not common.broken_identities(summary),
            "\n".join(common.broken_identities(summary)),
        )
        count = packets_of(path)
        cases.check(
            f"{name}: every_packet_of_the_file_was_received",
            summary["packets"] == summary["engine"]["received"] == count > 0,
            f"{count} in the file, {summary['packets']} told, {summary['engine']['received']} received",
        )
        events = common.events(eve)
        check_flows(cases, name, summary, [e for e in events if e["event_type"] == "flow"])
        check_alerts(cases, name, summary, [e for e in events if e["event_type"] == "alert"])
        check_schema(cases, name, eve)
        return summary


def check_without_eve(cases, build, path, options, with_eve):
    done = build.replay("--json", *options, path)
    summary = common.read_json(done.out)
    cases.check(
        "without_an_eve_file_all_identities_hold",
        done.code == 0 and not common.broken_identities(summary),
        done.err,
    )
    ended, books = summary["engine"]["flow.ended"], summary["aggregator"]
    shed = books["records.shed.no_sink"] + books["records.shed.embryonic"]
    cases.check(
        "without_an_eve_file_every_record_is_shed_by_name",
        shed == ended == with_eve["engine"]["flow.ended"],
        f"{ended} ended, {with_eve['engine']['flow.ended']} with the file: {books}",
    )


def main():
    build, cases = common.start(sys.argv), common.Cases()
    with common.scratch() as folder:
        attacks = [word for attack in ATTACKS for word in ("--attack", attack)]
        path = build.generate(os.path.join(folder, "day.pcap"), "--seconds", "90", *attacks, "day")
        options = ("-c", common.DEMO)
        summary = check_file(cases, build, "day_with_attacks", path, options)
        if summary:
            cases.check(
                "day_with_attacks: three_attacks_are_three_alerts",
                len(summary["alerts"]) == 3,
                [a["text_en"] for a in summary["alerts"]],
            )
            check_without_eve(cases, build, path, options, summary)
    mix = common.capture("mix.pcap")
    if mix:
        check_file(cases, build, "mix", mix, ("--home", "10.0.0.0/8"))
    else:
        cases.skip("mix", "needs mix.pcap below $YAGURA_CAPTURES")
    cases.finish()


if __name__ == "__main__":
    main()

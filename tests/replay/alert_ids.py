#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""alert_ids.py BUILD: the ids of alerts are those of the site's key.

Without a key a replay gives the ids that everybody can reckon; which address they are of is found by trying, which is what a key is for.
With a key (--id-key-file, the option) the same lines have other ids, the same in every replay and with 1, 2 and 4 workers, campaigns
included, and trying finds nothing without the key and the address with it. A key that is none ends the replay with 78, and says why.
"""
import json
import os
import sys

import common
import try_ids
from common import DEMO

BURSTS = tuple(f"syn_flood,at={at},for=8,pps=3000,family=4" for at in (10, 90, 170, 250)) + ("scan_vertical,at=40,for=20,family=4",)
CONFIG = 78


def replay(build, folder, capture, *more, workers=1):
    eve = os.path.join(folder, "out.json")
    if os.path.exists(eve):
        os.unlink(eve)
    run = build.replay("-c", DEMO, "--eve", eve, "--set", "eve.flows=false", "--workers", str(workers), *more, capture)
    return run, [event for event in common.events(eve) if event["event_type"] == "alert"] if run.code == 0 else []


def context(event):
    return event["alert"]["context"]


def ids(alerts):
    return [(context(a)["id"], context(a).get("campaign")) for a in alerts]


def without_ids(alerts):
    """As text, in one order: what closes in the same second closes in order of id."""
    for alert in alerts:
        for name in ("id", "campaign", "sequence"):
            context(alert).pop(name, None)
    return sorted(json.dumps(alert, sort_keys=True) for alert in alerts)


def question(alert):
    """What stands beside the address in a line; the address itself is looked for among 256."""
    target = context(alert)["target"]
    return {
        "id": context(alert)["id"],
        "kind": context(alert)["kind"],
        "vectors": [context(alert)["vector"], ""],
        "first_seen": context(alert)["first_seen"],
        "protos": [alert.get("proto"), 0],
        "ports": sorted({alert.get("dest_port", 0), 0}),
        "sources": [alert["src_ip"]],
        "network": target.rsplit(".", 1)[0] + ".0/24",
    }


def askable(alerts):
    return [a for a in alerts if context(a)["kind"] in ("dos.syn_flood", "scan.port") and context(a)["target"].count(".") == 3
            and "/" not in context(a)["target"] and context(a)["state"] == "open"]


def found(alerts, key):
    return [try_ids.find(question(a), key) == context(a)["target"] for a in askable(alerts)]


def refused(cases, build, folder, capture):
    bad = os.path.join(folder, "bad.key")
    for name, content, mode, said in (
        ("short", b"x" * 15, 0o600, "15 bytes"),
        ("long", b"x" * 17, 0o600, "17 bytes"),
        ("empty", b"", 0o600, "0 bytes"),
        ("of_zeros", bytes(16), 0o600, "zeros"),
        ("for_everybody", b"x" * 16, 0o644, "everybody"),
    ):
        with open(bad, "wb") as file:
            file.write(content)
        os.chmod(bad, mode)
        run, _ = replay(build, folder, capture, "--id-key-file", bad)
        cases.check(f"a_key_that_is_{name}_is_refused", run.code == CONFIG and said in run.err and bad in run.err, f"{run.code}\n{run.err}")
    run, _ = replay(build, folder, capture, "--id-key-file", bad + ".none")
    cases.check("a_key_that_is_not_there_is_refused", run.code == CONFIG and "No such file" in run.err, f"{run.code}\n{run.err}")
    run, _ = replay(build, folder, capture, "--set", "alerts.id_key_file=")
    cases.check("no_name_at_all_is_refused", run.code == CONFIG and "alerts.id_key_file" in run.err, f"{run.code}\n{run.err}")


def main():
    build, cases = common.start(sys.argv), common.Cases()
    with common.scratch() as folder:
        capture, key, other = (os.path.join(folder, name) for name in ("day.pcap", "a.key", "b.key"))
        for path in (key, other):
            with open(path, "wb") as file:
                file.write(os.urandom(16))
            os.chmod(path, 0o640)
        build.generate(capture, "--seconds", "300", *(word for burst in BURSTS for word in ("--attack", burst)), "day")
        run, plain = replay(build, folder, capture)
        cases.check("there_is_something_to_try", run.code == 0 and len(askable(plain)) >= 2 and any(c for _, c in ids(plain)),
                    f"{run.code} {len(plain)}\n{run.err}")
        hits = found(plain, try_ids.KNOWN)
        cases.check("without_a_key_trying_finds_every_address", hits and all(hits), hits)
        _, keyed = replay(build, folder, capture, "--id-key-file", key)
        cases.check("with_a_key_all_ids_are_others", keyed and not {i for i, _ in ids(plain)} & {i for i, _ in ids(keyed)}, ids(keyed)[:3])
        cases.check("a_key_changes_nothing_else", without_ids([json.loads(json.dumps(a)) for a in plain]) ==
                    without_ids([json.loads(json.dumps(a)) for a in keyed]))
        misses = found(keyed, try_ids.KNOWN) + found(keyed, try_ids.read_key(other))
        cases.check("without_the_key_trying_finds_none", misses and not any(misses), misses)
        hits = found(keyed, try_ids.read_key(key))
        cases.check("with_the_key_it_would", hits and all(hits), hits)
        raised = {context(a)["id"] for a in keyed if context(a)["kind"] == "dos.campaign"}
        pulses = {campaign for _, campaign in ids(keyed) if campaign}
        cases.check("pulses_name_the_campaign_by_its_id", pulses and pulses <= raised, f"{pulses} {raised}")
        for workers in (1, 2, 4):
            _, again = replay(build, folder, capture, "--set", f"alerts.id_key_file={key}", workers=workers)
            cases.check(f"the_same_key_gives_the_same_ids_with_{workers}_workers", ids(again) == ids(keyed), f"{len(again)} {len(keyed)}")
        config = os.path.join(folder, "keyed.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"alerts:\n  id_key_file: {key}\n")
        _, own = replay(build, folder, capture, "-c", config)
        _, set_back = replay(build, folder, capture, "-c", config, "--set", "alerts.id_key_file=auto")
        keys = [try_ids.read_key(key), try_ids.KNOWN]
        cases.check("a_key_that_the_configuration_names_is_used", own and all(found(own, keys[0])) and not any(found(own, keys[1])))
        cases.check("auto_sets_it_back", set_back and all(found(set_back, keys[1])))
        cases.check("a_replay_makes_no_key", not [f for _, _, files in os.walk(folder) for f in files if f.startswith("id.key")])
        refused(cases, build, folder, capture)
    cases.finish()


if __name__ == "__main__":
    main()

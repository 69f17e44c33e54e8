# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""What the tests of attacks on availability share: the truth of generated traffic, its alerts, what each alert must say, cases that wait."""
import collections
import datetime
import fnmatch
import ipaddress
import json
import math
import os
import re

import common

SERIOUS = ("medium", "high", "critical")
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
WORKERS = (1, 2, 4)

Truth = collections.namedtuple("Truth", "kind source target organisation start end name port")
Ran = collections.namedtuple("Ran", "wrong alerts lines summary")


def long_run():
    return bool(os.environ.get("YAGURA_LONG"))


def truth(path):
    found = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#"):
                kind, source, target, organisation, start, end, name, port = line.rstrip("\n").split("\t")
                found.append(Truth(kind, source, target, organisation, float(start), float(end), name, int(port)))
    return found


def generate(build, folder, name, *arguments):
    """The path of the capture, and its truth."""
    capture, told = os.path.join(folder, name + ".pcap"), os.path.join(folder, name + ".tsv")
    build.generate(capture, "--truth", told, *arguments)
    return capture, truth(told)


def epoch(stamp):
    return datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


def replay(build, folder, capture, *options, config=common.DEMO, workers=1):
    """A run of the whole program. Flow records are not read: a flood has one for each of its packets."""
    eve = os.path.join(folder, f"eve{workers}.json")
    run = build.replay("-c", config, "--eve", eve, "--json", "--workers", str(workers), *options, capture)
    summary = common.read_json(run.out)
    if run.code != 0 or summary is None:
        return Ran(f"exit {run.code}: {run.err}", [], [], {})
    with open(eve, encoding="utf-8") as events:
        lines = [line for line in events if '"event_type":"alert"' in line[:120]]
    os.remove(eve)
    return Ran("\n".join(common.broken_identities(summary)), [json.loads(line) for line in lines], lines, summary)


def replay_each(build, folder, capture, *options, config=common.DEMO, workers=WORKERS):
    """The run of the first number of workers; its `wrong` says where another number gave other alerts."""
    first = None
    for count in workers:
        ran = replay(build, folder, capture, *options, config=config, workers=count)
        if first is None:
            first = ran
        elif not first.wrong and (ran.wrong or ran.lines != first.lines):
            other = next((f"{a}{b}" for a, b in zip(first.lines, ran.lines) if a != b), f"{len(first.lines)} and {len(ran.lines)} lines")
            first = first._replace(wrong=f"{count} workers: {ran.wrong or other}")
    return first


def context(event):
    return event["alert"]["context"]


def opened(alerts):
    return [a for a in alerts if context(a)["state"] == "open"]


def named(event):
    c = context(event)
    return f"{event['timestamp'][11:23]} {c['kind']} {c['state']} {c['severity']} {c.get('target')} {c['org'].get('code')}: {c['why'].get('text_en')}"


def outline(alerts):
    return "\n".join(named(a) for a in alerts) or "no alerts"


# ---- what every alert must say ----


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def numbers(text):
    return {n.replace(",", "") for n in NUMBER.findall(text)}


def sentence_faults(why):
    ja, en = why.get("text_ja") or "", why.get("text_en") or ""
    if not JAPANESE.search(ja):
        yield f"text_ja is not Japanese: {ja!r}"
    if not en or JAPANESE.search(en):
        yield f"text_en is not English: {en!r}"
    if re.search(r"%[a-z]|\bnan\b|\binf\b|(?<![\w:.])-0\b", ja + en):
        yield f"a sentence with something that is no word: {en} {ja}"
    if numbers(ja) != numbers(en):
        yield f"the sentences have other numbers: {sorted(numbers(ja) ^ numbers(en))}: {en} {ja}"


def series_faults(series):
    if not isinstance(series, dict):
        yield "no series"
        return
    values = series.get("values")
    if not isinstance(values, list) or not 1 <= len(values) <= 120 or not all(is_number(v) for v in values):
        yield f"series.values {values}"
    if not is_number(series.get("step_s")) or series["step_s"] <= 0:
        yield f"series.step_s {series.get('step_s')}"
    if not is_number(series.get("low")) or not is_number(series.get("high")) or series["low"] > series["high"]:
        yield f"series {series.get('low')} to {series.get('high')}"


def faults_of(event):
    """Sentences about what an alert of a detector does not say and should."""
    c = context(event)
    why = c.get("why") or {}
    found = [f"why.{name} is {why.get(name)}" for name in ("observed", "threshold", "baseline", "window_s") if not is_number(why.get(name))]
    found += [f"{name} is missing" for name in ("id", "kind", "kind_ja", "severity", "first_seen", "last_seen", "org") if not c.get(name)]
    if not why.get("unit"):
        found.append("why.unit is missing")
    if not (is_number(c.get("confidence")) and 0 < c["confidence"] <= 1):
        found.append(f"confidence {c.get('confidence')}")
    if not isinstance(why.get("top"), list) or not why["top"] or not all(t.get("ip") and 0 <= t.get("share", -1) <= 1 for t in why["top"]):
        found.append(f"why.top {why.get('top')}")
    if not is_number(c.get("count")) or c["count"] < 1:
        found.append(f"count {c.get('count')}")
    return [f"{c.get('kind')} {c.get('state')}: {fault}" for fault in found + list(sentence_faults(why)) + list(series_faults(why.get("series")))]


class Schema:
    """Suricata's own, where it and python3-jsonschema are; else nothing is said against a line."""

    def __init__(self, cases):
        self.check = None
        path = os.environ.get("YAGURA_EVE_SCHEMA", "")
        try:
            import jsonschema
        except ImportError:
            cases.skip("alerts_against_the_schema", "no python3-jsonschema")
            return
        if not os.path.isfile(path):
            cases.skip("alerts_against_the_schema", "no $YAGURA_EVE_SCHEMA")
            return
        with open(path, encoding="utf-8") as text:
            self.check = jsonschema.Draft7Validator(json.load(text))

    def faults(self, alerts):
        if not self.check:
            return []
        return [f"{context(a)['kind']}: {error.json_path}: {error.message[:200]}" for a in alerts for error in self.check.iter_errors(a)][:5]


# ---- against the truth ----


def about_target(want, event):
    """Whether the alert names whom it hits. A network may be told a little wider, if most of it is still what is hit."""
    target = context(event).get("target") or ""
    if want.kind in ("dos.outbound", "org.dark", "link.saturation", "sensor.mirror"):
        named_one = want.source == "*" or want.source in (event["src_ip"], target)
        return [] if named_one else [f"neither source {event['src_ip']} nor target {target} is {want.source}"]
    if "/" not in want.target:
        return [] if target == want.target else [f"target {target}, want {want.target}"]
    hit, told = ipaddress.ip_network(want.target, strict=False), ipaddress.ip_network(target or "0.0.0.0/0", strict=False)
    if told.version != hit.version or not hit.subnet_of(told) or told.prefixlen < (hit.prefixlen - 8 if hit.version == 4 else 40):
        return [f"target {target}, want {want.target}"]
    return []


def once(want, kinds, alerts, within_s, clears_s=150):
    """Sentences about what is wrong: exactly one alert has to open, of these kinds, about these, in time, and has to close."""
    begun, ended = opened(alerts), [a for a in alerts if context(a)["state"] == "close"]
    if len(begun) != 1 or len(ended) != 1:
        return [f"{len(begun)} opened, {len(ended)} closed", outline(begun)]
    first, last = begun[0], ended[0]
    found = about_target(want, first)
    if context(first)["kind"] not in kinds:
        found.append(f"kind {context(first)['kind']}, want {' or '.join(kinds)}")
    if context(first)["org"]["code"] != want.organisation:
        found.append(f"organisation {context(first)['org']['code']}, want {want.organisation}")
    if context(last)["id"] != context(first)["id"]:
        found.append("another alert was closed than was opened")
    late = epoch(first["timestamp"]) - want.start
    if not 0 <= late <= within_s:
        found.append(f"found {late:.2f} s after the onset, want {within_s} s")
    if not want.end - 1 <= epoch(last["timestamp"]) <= want.end + clears_s:
        found.append(f"closed {epoch(last['timestamp']) - want.end:.1f} s after the end")
    return found + ([named(first)] if found else [])


class Pending:
    """Cases that are known to fail, with the reason. One that passes is a fault of this list: so it cannot rot."""

    def __init__(self, cases, reasons):
        self.cases, self.reasons, self.used = cases, reasons, set()

    def check(self, label, faults):
        pattern = next((p for p in self.reasons if fnmatch.fnmatchcase(label, p)), None)
        if pattern is None:
            self.cases.check(label, not faults, "\n".join(faults))
        elif faults:
            self.used.add(pattern)
            self.cases.skip(label, f"{self.reasons[pattern]}: {faults[0]}")
        else:
            self.cases.check(label, False, f"passes: take {pattern!r} out of PENDING")

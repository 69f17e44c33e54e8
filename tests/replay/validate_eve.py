#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""Checks every line of an EVE file against a JSON schema (Suricata's own, for instance).

usage: validate_eve.py [--schema SCHEMA] EVE...

Every line is parsed; its timestamp, event type and the fields that must never be null are checked. Against the schema goes the first
line of each shape, a shape being the tree of keys, types and array lengths up to one; every other line of that shape has
the same keys and types, so only its strings and numbers could differ, and those that the schema limits (patterns, enumerations) are
checked on every line: the walk over a schema collects them first. Exits 0, 1 with the first faults, 77 without schema or module.
"""
import argparse
import json
import os
import re
import sys

NEVER_NULL = ["app_proto", "src_ip", "dest_ip"]
NEVER_NULL_ALERT = ["signature", "signature_id", "severity", "action"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d{4}\Z")
SHOWN = 20


def shape(value):
    """The tree of keys and types, hashable."""
    if isinstance(value, dict):
        return tuple((k, shape(v)) for k, v in sorted(value.items()))
    if isinstance(value, list):
        return ("list", frozenset(shape(v) for v in value))
    return type(value).__name__


def limits(schema, path=()):
    """(path, keyword, value) of each place where the schema looks at more than keys and types. None: cannot be told."""
    found = []
    for word in ("$ref", "anyOf", "oneOf", "allOf", "if", "not", "patternProperties", "dependentRequired", "const"):
        if word in schema:
            return None
    for word in ("pattern", "enum", "minimum", "maximum", "minLength", "maxLength", "maxItems"):
        if word in schema:
            found.append((path, word, schema[word]))
    for name, below in list(schema.get("properties", {}).items()):
        inner = limits(below, path + (name,)) if isinstance(below, dict) else []
        found += inner if inner is not None else [(path + (name,), "whole", below)]
    if isinstance(schema.get("items"), dict):
        inner = limits(schema["items"], path + ("[]",))
        found += inner if inner is not None else [(path, "whole", schema)]
    return found


def at(event, path):
    """Values at a path; array elements each."""
    values = [event]
    for step in path:
        if step == "[]":
            values = [x for v in values if isinstance(v, list) for x in v]
        else:
            values = [v[step] for v in values if isinstance(v, dict) and step in v]
    return values


def faults_of_line(event):
    """What every event of ours must have, whatever the schema says."""
    for name in ("timestamp", "event_type"):
        if not isinstance(event.get(name), str):
            yield f"{name} is missing"
    if not TIME.match(str(event.get("timestamp"))):
        yield f"timestamp {event.get('timestamp')!r}"
    if event.get("event_type") not in ("flow", "alert"):
        return
    for name in NEVER_NULL:
        if event.get(name) in (None, ""):
            yield f"{name} is null"
    flow_id = event.get("flow_id")
    if flow_id is not None and not 0 <= flow_id < 2**53:
        yield f"flow_id {flow_id} is beyond 53 bits"
    if event["event_type"] == "flow" and not str(event.get("community_id", "")).startswith("1:"):
        yield "community_id is missing"
    if event["event_type"] == "alert":
        for name in NEVER_NULL_ALERT:
            if event.get("alert", {}).get(name) in (None, ""):
                yield f"alert.{name} is null"


class Validator:
    """Remembers the shapes that the schema has accepted."""

    def __init__(self, schema):
        import jsonschema

        self.jsonschema = jsonschema
        self.full = jsonschema.validators.validator_for(schema)(schema)
        listed = limits(schema)
        self.every_line = listed is None  # something at the root that only the whole validator understands
        self.limits = [(p, self.part(k, v)) for p, k, v in listed or [] if p]
        self.by_top = {}
        for path, validator in self.limits:
            self.by_top.setdefault(path[0], []).append((path, validator))
        self.shapes = {}

    def part(self, keyword, value):
        schema = value if keyword == "whole" else {keyword: value}
        return self.jsonschema.validators.validator_for(schema)(schema)

    def faults(self, event):
        key = shape(event)
        if self.every_line or key not in self.shapes:
            found = [f"{'/'.join(map(str, e.path))}: {e.message[:200]}" for e in self.full.iter_errors(event)]
            if not found:
                self.shapes[key] = True
            return found
        return [
            f"{'/'.join(path)}: {e.message[:200]}"
            for top in event
            for path, validator in self.by_top.get(top, ())
            for value in at(event, path)
            for e in validator.iter_errors(value)
        ]


def check(path, validator):
    """Returns lines, faults; prints the first faults."""
    lines = bad = 0
    with open(path, "rb") as f:
        for lines, raw in enumerate(f, 1):
            try:
                if not raw.endswith(b"\n"):
                    raise ValueError("no newline at its end")
                event = json.loads(raw.decode("utf-8"))
                if not isinstance(event, dict):
                    raise ValueError("no object")
                found = list(faults_of_line(event)) + validator.faults(event)
            except ValueError as error:
                found = [str(error)]
            bad += bool(found)
            if found and bad <= SHOWN:
                print(f"{path}:{lines}: {'; '.join(found[:3])}")
    return lines, bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--schema", default=os.environ.get("YAGURA_EVE_SCHEMA", ""))
    parser.add_argument("eve", nargs="+")
    arguments = parser.parse_args()
    if not os.path.isfile(arguments.schema):
        print(f"skipped: no schema {arguments.schema or '(--schema or YAGURA_EVE_SCHEMA)'}")
        return 77
    try:
        with open(arguments.schema, encoding="utf-8") as f:
            validator = Validator(json.load(f))
    except ImportError:
        print("skipped: python3-jsonschema is not installed")
        return 77
    total = total_bad = 0
    for path in arguments.eve:
        lines, bad = check(path, validator)
        print(f"{path}: {lines} lines, {len(validator.shapes)} shapes, {bad} with faults")
        total += lines
        total_bad += bad
    if total == 0:
        print("no line at all")
    return 1 if total_bad or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main())

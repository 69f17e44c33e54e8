#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""metrics_names.py TEST_METRICS ROOT: names of metrics are the same everywhere.

Proves: every metric and every label that a dashboard or an alert rule names is in the text that the sensor renders; docs/metrics.md lists
every metric, with its type, and none besides; the dashboard is JSON with panels that have a query each, no two of one id; the rules are
YAML with a Japanese and an English text each. Where promtool is installed it checks text and rules as well.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

failed = 0


def verdict(name, faults):
    global failed
    for fault in faults:
        print(f"    {fault}")
    print(("not ok - " if faults else "ok - ") + name)
    failed += bool(faults)


def read_text(text):
    """metric -> (type, label names)"""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    labels = {name: set() for name in types}
    for name, inside in re.findall(r"^(\w+)\{(.*)\} \S+$", text, re.M):
        labels[name].update(re.findall(r'(\w+)="', inside))
    values = {}
    for name, inside in re.findall(r"^(\w+)\{(.*)\} \S+$", text, re.M):
        for label, value in re.findall(r'(\w+)="([^"]*)"', inside):
            values.setdefault((name, label), set()).add(value)
    return types, labels, values


def faults_of_query(query, metrics):
    types, labels, values = metrics
    for name in set(re.findall(r"\byagura_\w+", query)):
        if name not in types:
            yield f"{name} does not exist: {query}"
    for name, inside in re.findall(r"\b(yagura_\w+)\{([^}]*)\}", query):
        for label, operator, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', inside):
            if label in ("instance", "job"):
                continue
            if label not in labels.get(name, ()):
                yield f"{name} has no label {label}: {query}"
            elif operator in ("=", "!=") and "$" not in value and value not in values[(name, label)]:
                yield f"{name} never has {label}={value}: {query}"
    for name in re.findall(r"\b(?:rate|increase)\(\s*(yagura_\w+)", query):
        if not name.endswith("_total"):
            yield f"{name} is no counter: {query}"


def queries_of_dashboard(board):
    panels = [p for p in board["panels"] if p["type"] != "row"]
    for panel in panels:
        for target in panel["targets"]:
            yield target["expr"]


def faults_of_dashboard(board):
    panels = [p for p in board["panels"] if p["type"] != "row"]
    ids = [p["id"] for p in board["panels"]]
    if len(ids) != len(set(ids)) or len(panels) < 12:
        yield f"{len(panels)} panels, ids {ids}"
    for panel in panels:
        if not panel.get("targets") or not re.search(r"[぀-ヿ一-鿿]", panel["title"]):
            yield f"{panel['title']}: no query, or no Japanese title"
        if not panel.get("description"):
            yield f"{panel['title']}: says nothing about itself"
    for a in board["panels"]:
        for b in board["panels"]:
            g, h = a["gridPos"], b["gridPos"]
            if a["id"] < b["id"] and g["x"] < h["x"] + h["w"] and h["x"] < g["x"] + g["w"] and g["y"] < h["y"] + h["h"] and h["y"] < g["y"] + g["h"]:
                yield f"{a['title']} lies over {b['title']}"


def promtool(arguments, text=None):
    done = subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout[-2000:] + done.stderr[-2000:]]


def main():
    program, root = sys.argv[1], pathlib.Path(sys.argv[2])
    text = subprocess.run([program, "--text"], capture_output=True, text=True, check=True).stdout
    metrics = read_text(text)
    types = metrics[0]
    verdict("there are metrics", [] if len(types) > 80 else [len(types)])

    board = json.loads((root / "dashboards/grafana/yagura.json").read_text(encoding="utf-8"))
    verdict("the dashboard is one", list(faults_of_dashboard(board)))
    verdict("the dashboard asks for what there is", [f for q in queries_of_dashboard(board) for f in faults_of_query(q, metrics)])

    path = root / "configs/prometheus/yagura.rules.yml"
    try:
        import yaml

        rules = [rule for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
        verdict("there are rules", [] if len(rules) >= 8 else [len(rules)])
        verdict("the rules ask for what there is", [f for rule in rules for f in faults_of_query(rule["expr"], metrics)])
        verdict(
            "each rule says it in both languages",
            [
                rule["alert"]
                for rule in rules
                if not {"summary", "summary_ja", "description", "description_ja"} <= set(rule["annotations"])
                or not rule["labels"].get("severity")
            ],
        )
    except ImportError:
        print("skip - rules: python3-yaml is not there")

    page = (root / "docs/metrics.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(yagura_\w+)`[^|]*\| (counter|gauge) \|", page, re.M))
    verdict("docs/metrics.md lists every metric and no other", sorted(set(types.items()) ^ set(listed.items())))

    if shutil.which("promtool"):
        verdict("promtool accepts the text", promtool(["check", "metrics"], text))
        verdict("promtool accepts the rules", promtool(["check", "rules", str(path)]))
        tests = root / "configs/prometheus/yagura.rules.test.yml"
        verdict("the rules fire when they are to", promtool(["test", "rules", str(tests)]))
    else:
        print("skip - promtool is not there")
    sys.exit(1 if failed else 0)


main()

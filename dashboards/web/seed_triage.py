#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""seed_triage.py URL PASSWORD: the users analyst and lead work through the inbox of a dashboard that seed.py has filled, by its API, as people
do: most of what is of low severity is closed as benign, some of what is high is looked into or escalated, a little is left."""
import json
import random
import sys
import time
import urllib.error
import urllib.request

NOTES = {"archive": [("benign", "正規の業務通信であることを団体に確認済み。"), ("false_positive", "検知条件に合わない通信。再発時に見直し。"),
                     ("threat", "団体へ連絡し、端末の隔離を確認。"), ("drill", "訓練による通信。")],
         "acknowledge": [(None, None)], "escalate": [(None, "影響が大きいため主任へ上申。")]}
# of each severity: shares that are archived, acknowledged, escalated
SHARES = {"critical": (0.8, 0.1, 0.05), "high": (0.9, 0.06, 0.02), "medium": (0.95, 0.03, 0), "low": (0.99, 0.005, 0), "info": (1, 0, 0)}


class User:
    def __init__(self, url, name, password):
        self.url, self.cookie, self.csrf = url, "", ""
        answer, headers = self.call("POST", "/session", {"user": name, "password": password})
        self.cookie, self.csrf = headers["Set-Cookie"].split(";")[0], answer["csrf"]

    def call(self, method, where, body=None):
        request = urllib.request.Request(self.url + "/api/v1" + where, method=method, data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json", "X-Yagura-CSRF": self.csrf, "Origin": self.url, "Cookie": self.cookie})
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    text = answer.read()
                    return json.loads(text) if text else {}, answer.headers
            except urllib.error.HTTPError as error:
                if error.code != 429:
                    sys.exit(f"seed_triage.py: {method} {where}: {error.code} {error.read().decode()}")
                time.sleep(1)


def main():
    rng = random.Random(1)
    users = {name: User(sys.argv[1], name, sys.argv[2]) for name in ("analyst", "lead")}
    work, cursor = {}, ""
    while cursor is not None:
        page, _ = users["analyst"].call("GET", "/groups?state=inbox&range=30d&limit=500" + (f"&cursor={cursor}" if cursor else ""))
        for row in page["rows"]:
            archived, acknowledged, escalated = SHARES[row["severity"]]
            chance = rng.random()
            action = "archive" if chance < archived else "acknowledge" if chance < archived + acknowledged else "escalate" if \
                chance < archived + acknowledged + escalated else None
            if action:
                user = "lead" if rng.random() < 0.3 else "analyst"
                note = rng.choices(NOTES[action], [6, 2, 3, 0.3][:len(NOTES[action])])[0]
                work.setdefault((user, action, *note), []).append(row["id"])
        cursor = page["cursor"]
    done = 0
    for (user, action, verdict, comment), ids in work.items():
        for at in range(0, len(ids), 1000):
            body = {"action": action, "ids": ids[at:at + 1000]}
            body.update({key: value for key, value in (("verdict", verdict), ("comment", comment)) if value})
            done += users[user].call("POST", "/groups/actions", body)[0]["succeeded"]
    print(json.dumps({"triaged": done}))


main()

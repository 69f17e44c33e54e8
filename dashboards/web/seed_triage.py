#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""seed_triage.py URL PASSWORD REDIS: the users analyst and lead have worked through the inbox of a dashboard that seed.py has filled, as people do:
most of what is of low severity is closed as benign, some of what is high is looked into or escalated, what came in the last hours is left.

All of it is done by the dashboard's API, so that each state is one that it makes itself; then the times are put back to where they belong, minutes
or hours after the alerts, in its Redis (REDIS: path of the UNIX socket), and its connection is cut, upon which it reads everything anew."""
import hashlib
import json
import random
import struct
import sys
import time
import urllib.error
import urllib.request

import seed

NOTES = {"archive": [("benign", "正規の業務通信であることを団体に確認済み。"), ("false_positive", "検知条件に合わない通信。再発時に見直し。"),
                     ("threat", "団体へ連絡し、端末の隔離を確認。"), ("drill", "訓練による通信。")],
         "escalate": [(None, "影響が大きいため主任へ上申。")]}
# of each severity: shares that are archived, acknowledged, escalated
SHARES = {"critical": (0.8, 0.1, 0.05), "high": (0.9, 0.06, 0.02), "medium": (0.95, 0.03, 0), "low": (0.99, 0.005, 0), "info": (1, 0, 0)}
MINUTES = {"critical": (2, 12), "high": (4, 25), "medium": (10, 50), "low": (30, 170), "info": (30, 170)} # until somebody looks
LEFT, LEFT_MS = 0.3, 2 * 3600000 # so much of what came in the last hours is left; nothing older is
AGAIN_MS = 3 * 3600000 # what goes on for longer is closed, and comes back


class User:
    def __init__(self, url, name, password):
        self.url, self.name, self.cookie, self.csrf = url, name, "", ""
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

    def act(self, ids, action, **more):
        done = 0
        for at in range(0, len(ids), 1000):
            done += self.call("POST", "/groups/actions", {"action": action, "ids": ids[at:at + 1000], **more})[0]["succeeded"]
        return done


def plan(rng, row, now):
    """What is done to a group: [(user, action, more, when)], oldest first."""
    archived, acknowledged, escalated = SHARES[row["severity"]]
    chance, first, last = rng.random(), row["first_ms"], row["last_ms"]
    end = "archive" if chance < archived else "acknowledge" if chance < archived + acknowledged else "escalate" if \
        chance < archived + acknowledged + escalated else "archive"
    if now - last < LEFT_MS and rng.random() < LEFT:
        end = None
    user = "lead" if rng.random() < 0.3 else "analyst"
    least, most = MINUTES[row["severity"]]
    verdict, comment = rng.choices(NOTES["archive"], [6, 2, 3, 0.3])[0]
    put_away = {"verdict": verdict, "comment": comment}
    looked = first + int(rng.uniform(least, most) * 60000)
    steps = [(user, "acknowledge", {}, looked)]
    if end != "archive":
        if last - first > AGAIN_MS: # dealt with, and back since
            back = last - rng.randrange(LEFT_MS // 4)
            steps += [(user, "archive", put_away, looked + rng.randrange(10, 100) * 60000), ("yagura", "reopen", {}, back)]
            steps += [(user, "acknowledge", {}, back + int(rng.uniform(least, most) * 60000))] if end else []
        elif not end:
            return [] # nobody has seen it yet
        if end:
            steps += [(user, "assign", {"assignee": user}, steps[-1][3] + 20000)]
        if end == "escalate":
            steps += [(user, "escalate", {"comment": NOTES["escalate"][0][1]}, steps[-1][3] + rng.randrange(5, 30) * 60000)]
    elif last - first > AGAIN_MS:
        steps += [(user, "archive", put_away, looked + rng.randrange(10, 100) * 60000), ("yagura", "reopen", {}, last - 60000),
                  (user, "archive", put_away, last + rng.randrange(3, 50) * 60000)]
    else:
        steps += [(user, "archive", put_away, max(looked, last) + rng.randrange(10, 200) * 60000)]
    return steps


def in_order(steps, now):
    """The same with times that only rise and have been."""
    out, room = [], len(steps)
    for user, action, more, when in steps:
        room -= 1
        least = out[-1][3] + 1000 if out else 0
        out.append((user, action, more, min(max(when, least), now - 1000 * (room + 1))))
    return out


def siphash(key, data):
    """SipHash-2-4 of eight bytes, which is all that is asked here: what libsodium calls crypto_shorthash."""
    mask = (1 << 64) - 1
    turn = lambda x, n: (x << n | x >> 64 - n) & mask
    k0, k1 = (int.from_bytes(key[at:at + 8], "little") for at in (0, 8))
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) & mask; v[1] = turn(v[1], 13) ^ v[0]; v[0] = turn(v[0], 32)
            v[2] = (v[2] + v[3]) & mask; v[3] = turn(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask; v[3] = turn(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask; v[1] = turn(v[1], 17) ^ v[2]; v[2] = turn(v[2], 32)

    for word in (int.from_bytes(data, "little"), 8 << 56):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def inside(shown, secret):
    """The id of a group as it stands in Redis, of the one that is shown: server/shown.c backwards."""
    key = hashlib.blake2b(b"ids of groups\0", digest_size=16, key=secret).digest()
    left, right = int(shown[:8], 16), int(shown[8:], 16)
    for step in reversed(range(8)):
        left, right = right ^ siphash(key, struct.pack("<II", step, left)) & 0xFFFFFFFF, left
    return f"{left:08x}{right:08x}"


def put_back(redis, plans):
    """The times of `plans` ({group: steps}) in place of those at which the API was asked."""
    for group, steps in plans.items():
        entries = redis.ask("XRANGE", f"yagura:web:history:{group}", "-", "+")
        if len(entries) != len(steps):
            sys.exit(f"seed_triage.py: {group}: {len(entries)} of {len(steps)} events")
        redis.say("DEL", f"yagura:web:history:{group}")
        for (_, fields), (user, _, _, when) in zip(entries, steps):
            event = json.loads(fields[1])
            event.update(at_ms=when, actor=user)
            event.pop("bulk", None)
            redis.say("XADD", f"yagura:web:history:{group}", f"{when}-*", "e", json.dumps(event, ensure_ascii=False, separators=(",", ":")))
        touch = json.loads(redis.ask("HGET", "yagura:web:groups", group))
        touch.update(changed_ns=steps[-1][3] * 1000000, changed_by=steps[-1][0])
        for name, actions in (("acknowledged_ns", ("acknowledge", "archive", "escalate")), ("archived_ns", ("archive",))):
            first = next((when for _, action, _, when in steps if action in actions), None)
            if first:
                touch[name] = first * 1000000
        redis.say("HSET", "yagura:web:groups", group, json.dumps(touch, ensure_ascii=False, separators=(",", ":")))
    redis.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def main():
    url, password, socket = sys.argv[1:4]
    rng, now = random.Random(1), int(time.time() * 1000)
    users = {name: User(url, name, password) for name in ("analyst", "lead")}
    plans, cursor = {}, ""
    while cursor is not None:
        page, _ = users["analyst"].call("GET", "/groups?state=inbox&range=30d&limit=500" + (f"&cursor={cursor}" if cursor else ""))
        for row in page["rows"]:
            plans[row["id"]] = in_order(plan(rng, row, now), now)
        cursor = page["cursor"]
    plans = {group: steps for group, steps in plans.items() if steps}
    for nth in range(max((len(steps) for steps in plans.values()), default=0)):
        work = {}
        for group, steps in plans.items():
            if nth < len(steps):
                user, action, more, _ = steps[nth]
                work.setdefault((user if user in users else "lead", action, json.dumps(more)), []).append(group)
        for (user, action, more), ids in work.items():
            users[user].act(ids, action, **json.loads(more))
    redis = seed.Redis(socket)
    secret = bytes.fromhex(redis.ask("GET", "yagura:web:secret").decode())
    put_back(redis, {inside(group, secret): steps for group, steps in plans.items()})
    for _ in range(100): # it has read everything anew
        time.sleep(0.1)
        if not users["lead"].call("GET", "/session")[0]["read_only"]:
            break
    print(json.dumps({"triaged": len(plans)}))


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""explain.py BUILD: `yagura explain --redis` on a real redis-server that two sensors have written to.

Proves: the newest line of an alert is found among those of both sensors; --sensor reads one of them; lines that somebody else put into
the stream (no JSON, no alert, an escape sequence) are passed over or shown harmless; a stream that holds no such alert exits 1.
Exits 77 without redis-server and redis-cli.
"""
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import redis_twice  # noqa: E402 (a server)

common = redis_twice.common
HOSTILE = (
    '{"event_type":"alert","timestamp":"2031-01-01T00:00:00.000000+0900","alert":{"context":{"id":"feedfacefeedface","kind":"dos.volume",'
    '"why":{"text_en":"\\u001b[2Jgone\\u202e"}}}}'
)


def context_of(folder, eve, kind):
    lines = [e["alert"]["context"] for e in common.events(os.path.join(folder, eve)) if e["event_type"] == "alert"]
    return [c for c in lines if c["kind"] == kind]


def main():
    if not common.redis_server() or not shutil.which("redis-cli"):
        common.skip("no redis-server or redis-cli")
    build, cases = common.start(sys.argv), common.Cases()
    with common.scratch() as folder, redis_twice.Redis(folder, "redis.sock") as redis:
        redis.start()
        capture = build.generate(os.path.join(folder, "a.pcap"), "--seconds", "45", "--scale", "0.3", "--attack", "udp_flood,at=15,for=12,pps=4000", "day")
        for sensor in ("egress-a", "egress-b"):
            eve = os.path.join(folder, sensor + ".json")
            build.replay("-c", common.DEMO, "--set", f"sensor.name={sensor}", "--redis", redis.url, "--eve", eve, capture)
        flood = context_of(folder, "egress-a.json", "dos.udp_flood")
        if not cases.check("a_flood_was_raised", len(flood) >= 2, flood):
            cases.finish()
        wide = {"LC_ALL": "C.UTF-8", "COLUMNS": "600"}  # sentences in one line, to be found
        done = build.yagura("explain", "--redis", redis.url, flood[0]["id"], env=wide)
        cases.check("its_newest_line_is_explained", done.code == 0 and "ended" in done.out and flood[-1]["why"]["text_en"] in done.out, done)
        cases.check("lines_of_both_sensors_are_read", "2 open" in done.out and "2 close" in done.out, done.out)
        done = build.yagura("explain", "--redis", redis.url, "--sensor", "egress-b", flood[0]["id"][:8], env=wide)
        cases.check("one_sensor_alone_when_named", "sensor egress-b" in done.out and "1 open" in done.out, done)
        for line in ("feedface nonsense", '{"event_type":"flow","note":"feedface"}', HOSTILE):
            redis.ask("XADD", "yagura:egress-a:alerts", "*", "eve", line)
        done = build.yagura("explain", "--redis", redis.url, "feedface")
        cases.check("what_others_wrote_is_harmless", done.code == 0 and "?[2Jgone?" in done.out and "\x1b" not in done.out, done)
        cases.check("an_alert_that_is_not_there_exits_1", build.yagura("explain", "--redis", redis.url, "0123456789abcdef").code == 1)
    cases.finish()


if __name__ == "__main__":
    main()

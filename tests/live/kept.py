#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""kept.py BUILD: what was learned survives kill -9, of the engine and of everything.

A replay of twenty minutes leaves a snapshot, and a live run begins with it. Its engine is killed and its successor has the same keys. A few
seconds later the run's own snapshot is on disk. Everything is killed at once, and another run has the same keys again, as has the file
that an orderly end leaves. Exits 77 where there are no namespaces or no tcpreplay.
"""
import os
import signal
import sys
import time

import wire
from wire import common

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import snapshot_file  # noqa: E402

MINUTES = 20


def restored(sensor):
    """Keys that the engine that runs took from a snapshot, None when nobody says."""
    for line in sensor.metrics().splitlines():
        if line.startswith("yagura_baselines_restored_total"):
            return int(float(line.split()[-1]))
    return None


def descendants(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        below = [int(p) for p in children.read().split()]
    return below + [p for one in below for p in descendants(one)]


def strike_all(sensor):
    everybody = [sensor.process.pid] + descendants(sensor.process.pid)
    for pid in everybody:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    sensor.process.wait(10)


def wait_until(holds, seconds):
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def main(arguments):
    wire.needs("ethtool", "tcpreplay")
    build, cases = common.start(arguments), common.Cases()
    with common.scratch() as folder, wire.Wire() as link:
        capture, state = os.path.join(folder, "day.pcap"), os.path.join(folder, "state")
        options = ("-c", common.DEMO, "--set", f"state.folder={state}")
        build.generate(capture, "--seconds", str(60 * MINUTES), "--scale", "0.02", "day")
        build.replay(*options, capture)
        keys = len(snapshot_file.baselines(state))
        cases.check("there_is_something_to_keep", keys > 50, keys)
        with wire.Sensor(build, link, folder, *options) as sensor:
            cases.check("the_sensor_starts", sensor.receives(), sensor.said())
            cases.check("a_run_begins_with_the_snapshot_on_disk", restored(sensor) == keys, f"{restored(sensor)} of {keys}\n{sensor.said()}")
            inode = os.stat(snapshot_file.path(state)).st_ino
            link.replaying(capture, "--pps=2000", "--limit=12000").wait()
            sensor.kill("yagura-engine")
            cases.check("an_engine_that_was_killed_has_a_successor", sensor.receives(2, 10), sensor.said())
            cases.check("the_successor_has_learned_nothing_anew", (restored(sensor) or 0) >= keys, f"{restored(sensor)} of {keys}\n{sensor.said()}")
            link.send_numbered(build, 1000, 1000)
            written = wait_until(lambda: os.stat(snapshot_file.path(state)).st_ino != inode, 12)
            cases.check("its_own_snapshot_comes_to_disk", written, sensor.said())
            strike_all(sensor)
        kept = snapshot_file.baselines(state)
        with open(os.path.join(state, "id.key"), "rb") as file:
            key = file.read()
        mode = os.stat(file.name).st_mode & 0o7777
        cases.check("the_first_run_made_a_key_of_ids_for_itself_alone", len(key) == 16 and any(key) and mode == 0o600, f"{len(key)} {mode:o}")
        cases.check("the_file_is_whole_after_everything_was_killed", len(kept) >= keys, f"{len(kept)} of {keys}")
        with wire.Sensor(build, link, folder, *options, name="again") as sensor:
            cases.check("it_starts_again", sensor.receives(), sensor.said())
            cases.check("and_has_all_that_it_knew", restored(sensor) == len(kept), f"{restored(sensor)} of {len(kept)}\n{sensor.said()}")
            link.send_numbered(build, 1000, 1000)
            time.sleep(1.5)
            code, _ = sensor.end()
        after = snapshot_file.baselines(state)
        cases.check("an_orderly_end_keeps_it_too", code == 0 and len(after) >= len(kept), f"exit {code}, {len(after)} of {len(kept)}\n{sensor.said()}")
        shorter = [key for key in kept if key in after and after[key][0] < kept[key][0]]
        with open(os.path.join(state, "id.key"), "rb") as file:
            cases.check("the_key_of_ids_is_the_same_after_a_restart", file.read() == key)
        cases.check("nothing_was_learned_anew", not shorter, shorter[:3])
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

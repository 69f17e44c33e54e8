#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""decode_list.py DECODE_DUMP: every encapsulation of the decode list, one test each.

Proves that decode finds the innermost flow, the layers and the payload in each of them, or ends with the right reason,
and that two runs of the generator write the same bytes. Prints "ok - NAME" or "not ok - NAME" with what differs.
Exits 77 without scapy.
"""
import filecmp
import importlib.util
import os
import subprocess
import sys
import tempfile

GENERATOR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "generate", "encapsulations.py")


def check(dump, folder, name):
    with open(os.path.join(folder, name + ".expect"), encoding="ascii") as lines:
        expected = lines.read().splitlines()
    run = subprocess.run([dump, os.path.join(folder, name + ".pcap")], capture_output=True, text=True, timeout=60)
    got = run.stdout.splitlines()
    if run.returncode == 0 and got == expected:
        print("ok - " + name)
        return True
    print(f"not ok - {name} (exit {run.returncode})\n{run.stderr}", end="")
    for at in range(max(len(expected), len(got))):
        pair = [lines[at] if at < len(lines) else "nothing" for lines in (expected, got)]
        if pair[0] != pair[1]:
            print(f"# expected {pair[0]}\n# got      {pair[1]}")
    return False


def same_bytes(first, second, names):
    _, differ, missing = filecmp.cmpfiles(first, second, [n + ".pcap" for n in names], shallow=False)
    good = not differ and not missing
    print(("ok" if good else "not ok") + " - two_runs_of_the_generator_write_the_same_bytes")
    return good


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: decode_list.py DECODE_DUMP")
    if importlib.util.find_spec("scapy") is None:
        print("skipped: no scapy (Debian: python3-scapy)")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        for folder in (first, second):
            subprocess.run(["/usr/bin/python3", GENERATOR, folder], check=True, timeout=120)
        names = sorted(f[:-5] for f in os.listdir(first) if f.endswith(".pcap"))
        results = [check(sys.argv[1], first, name) for name in names] + [same_bytes(first, second, names)]
    print(f"{results.count(True)} of {len(results)} as expected")
    sys.exit(0 if all(results) and len(names) > 60 else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""
interface.py ROOT: the interface of detectors grows at its end and changes nowhere else. Compares sensor/model/yagura/plugin.h with what each
release had (MAJOR.MINOR.xml beside this file, by abidw and abidiff of abigail-tools), and headers with a fault with it, which must be found.
Without abigail-tools, or on another machine than the references', it says so and is skipped.

interface.py ROOT write MAJOR.MINOR [HEADERS]: writes a reference, when a release is made.
"""
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CHANGE, INCOMPATIBLE = 4, 8  # bits of abidiff's exit status
DUMP = ["abidw", "--no-corpus-path", "--no-show-locs", "--no-comp-dir-path", "--type-id-style", "hash"]

# Faults that a header could get: what is replaced by what. Each must be found.
FAULTS = {
    "a_member_moved": (r"uint64_t packet;     //.*\n\tuint64_t flow_id;(.*)", r"uint64_t flow_id;\1\n\tuint64_t packet;"),
    "a_member_gone": (r"\tuint16_t vlan;.*\n", ""),
    "a_member_in_the_middle": (r"(\tfloat confidence;     // 0 to 1\n)", r"\1\tfloat doubt;\n"),
    "a_member_of_another_type": (r"uint32_t window_s;", "int64_t window_s;"),
    "a_record_within_another_grew": (r"(\tuint64_t bytes_out;\n\};)", r"\tuint64_t bytes_out;\n\tuint64_t more;\n};"),
    "an_array_grew": (r"YG_TOP_MAX = 5,", "YG_TOP_MAX = 6,"),
    "an_enumerator_in_the_middle": (r"YG_RANK_TALKING,", "YG_RANK_MUMBLING, YG_RANK_TALKING,"),
    "a_vector_more": (r"\tYG_VEC_COUNT,", "\tYG_VEC_MORE,\n\tYG_VEC_COUNT,"),
    "a_call_with_another_argument": (r"void \(\*destroy\)\(void \*self\)", "void (*destroy)(void *self, int why)"),
}
# And what a next minor version may do.
ADDITIONS = {
    "a_hook_more_at_the_end": (r"(int \(\*restore\)[^\n]*\n)", r"\1\tvoid (*pause)(void *self);\n"),
    "a_call_more_at_the_end": (r"(server_at\)[^\n]*\n)", r"\1\tvoid (*more)(void *context);\n"),
    "an_enumerator_more_at_the_end": (r"YG_SEV_COUNT \}", "YG_SEV_WORSE, YG_SEV_COUNT }"),
    "a_field_of_an_alert_more_at_the_end": (r"(\tfloat impact_success[^\n]*\n)", r"\1\tuint64_t more;\n"),
}


def build(headers, folder, name):
    path = os.path.join(folder, name + ".so")
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, "-std=gnu11", "-g", "-O0", "-shared", "-fPIC", "-I", headers, os.path.join(HERE, "interface.c"), "-o", path], check=True)
    return path


def compare(reference, built):
    """The lines of abidiff's report that are no addition. Whatever is not understood is a fault."""
    done = subprocess.run(["abidiff", "--leaf-changes-only", "--harmless", "--no-show-locs", reference, built], capture_output=True, text=True, check=False)
    if done.returncode & ~(CHANGE | INCOMPATIBLE):
        return [done.stderr or f"abidiff ended with {done.returncode}"]
    faults, name, old_bits, inserting = [], "", 0, False
    for line in done.stdout.splitlines():
        if not line.strip() or line.startswith(("Leaf changes", "Changed leaf types", "Removed/Changed/Added functions summary: 0 Removed, 0 Changed",
                                                "Removed/Changed/Added variables summary: 0 Removed, 0 Changed")):
            continue
        if begin := re.match(r"'((?:struct|enum|union) \w+)' changed:", line):
            name, inserting = begin.group(1), False
        elif size := re.match(r"  type size changed from (\d+) to (\d+) \(in bits\)", line):
            old_bits = int(size.group(1))
            faults += [] if int(size.group(2)) > old_bits else [f"{name}:{line}"]
        elif re.match(r"  (type size hasn't changed|\d+ (data member|enumerator) insertions?:|\d+ enumerator changes?:)", line):
            inserting = "data member insertion" in line
        elif (member := re.match(r"    '.*', at offset (\d+) \(in bits\)", line)) and inserting:
            # Behind the last one: at the end, or in the padding that rounded the size up.
            faults += [] if int(member.group(1)) > old_bits - 64 else [f"{name}: not at the end:{line}"]
        elif re.match(r"    '\w+::\w+' value '\d+'$", line):
            pass  # an enumerator more; those whose values it moved are told of by themselves
        elif re.match(r"    '\w+::\w+_COUNT' from value '\d+' to '\d+'", line):
            pass
        elif name != "struct yagura_enums":
            faults.append(f"{name}:{line}")
    return faults


def changed(header, folder, name, pattern, replacement):
    text, count = re.subn(pattern, replacement, header, count=1)
    if count != 1:
        raise SystemExit(f"not ok - {name}: the header has no such place any more; mend this test")
    headers = os.path.join(folder, name)
    os.makedirs(os.path.join(headers, "yagura"))
    with open(os.path.join(headers, "yagura", "plugin.h"), "w", encoding="utf-8") as file:
        file.write(text)
    return build(headers, folder, name)


def version_of(header):
    return tuple(int(re.search(rf"#define YG_PLUGIN_ABI_{part} (\d+)", header).group(1)) for part in ("MAJOR", "MINOR"))


def write(root, version, headers):
    with tempfile.TemporaryDirectory() as folder:
        built = build(headers, folder, "interface")
        xml = subprocess.run([*DUMP, built], capture_output=True, text=True, check=True).stdout
    xml = re.sub(r" (path|comp-dir-path)='[^']*'", "", xml)
    with open(os.path.join(HERE, version + ".xml"), "w", encoding="utf-8") as file:
        file.write(xml)
    print(f"{version}: {len(xml)} bytes")


def main():
    root = os.path.abspath(sys.argv[1])
    current = os.path.join(root, "sensor", "model")
    if not shutil.which("abidiff") or not shutil.which("abidw"):
        print("skipped: abidiff and abidw are not installed (abigail-tools): the interface is not compared with the last release")
        sys.exit(77)
    if platform.machine() != "x86_64":
        print(f"skipped: the references are of x86_64, this is {platform.machine()}")
        sys.exit(77)
    if len(sys.argv) > 2:
        write(root, sys.argv[3], sys.argv[4] if len(sys.argv) > 4 else current)
        return
    with open(os.path.join(current, "yagura", "plugin.h"), encoding="utf-8") as file:
        header = file.read()
    failed = 0

    def verdict(name, good, detail=""):
        nonlocal failed
        print(("ok - " if good else "not ok - ") + name)
        if not good:
            print("\n".join("# " + line for line in str(detail).splitlines()[:60]))
        failed += not good

    major, minor = version_of(header)
    references = sorted(name[:-4] for name in os.listdir(HERE) if re.fullmatch(r"\d+\.\d+\.xml", name))
    verdict("each_minor_version_has_a_reference", references == [f"{major}.{m}" for m in range(minor + 1)], references)
    with tempfile.TemporaryDirectory() as folder:
        built = build(current, folder, "current")
        for name in references:
            faults = compare(os.path.join(HERE, name + ".xml"), built)
            verdict(f"only_additions_since_{name}", not faults, "\n".join(faults))
        newest = os.path.join(HERE, f"{major}.{minor}.xml")
        for name, (pattern, replacement) in FAULTS.items():
            verdict(f"found_{name}", compare(newest, changed(header, folder, name, pattern, replacement)))
        for name, (pattern, replacement) in ADDITIONS.items():
            faults = compare(newest, changed(header, folder, name, pattern, replacement))
            verdict(f"allowed_{name}", not faults, "\n".join(faults))
    sys.exit(1 if failed else 0)


main()

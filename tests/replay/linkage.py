#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""linkage.py BUILD: what each program links, and how it is hardened, read from the files themselves.

Proves: the engine carries neither nDPI nor hiredis nor libyaml, the dissector neither DPDK nor hiredis, the courier
neither DPDK nor nDPI, plugins nothing but libc and libm; at most 12 libraries stand in all programs' lists together, those of DPDK, of OpenSSL and of hiredis counted as one each;
every file is position independent, has full RELRO, BIND_NOW, a stack that cannot be executed, stack protector,
FORTIFY and CET landing places. Exits 77 without readelf, objdump or ldd; the hardening is not looked at in a
sanitizer build, which has none.
"""
import glob
import os
import re
import shutil
import sys

import common

NEVER = {
    "yagura": ("ndpi", "hiredis", "rte_"),
    "yagura-engine": ("ndpi", "hiredis", "yaml"),
    "yagura-dissector": ("rte_", "hiredis", "yaml"),
    "yagura-courier": ("rte_", "ndpi", "yaml"),
    "yagura-tail": ("rte_", "ndpi", "yaml"),
    "yagura-explain": ("rte_", "ndpi", "yaml"),
}
DIRECT_MAX = 12
LANDINGS_MIN = 5  # the least we have is 6: link-time optimisation keeps them where an address is taken; without the flag there are 2
# nDPI's calls that the dissector answers itself (sensor/dissector/ndpi_calls.c, ndpi_memo.c): seen by libraries, or they would ask the C
# library and nDPI.
DISSECTOR_SHOWS = ("__snprintf_chk", "snprintf", "strncasecmp", "NDPI_BITMASK_COMPARE", "ndpi_match_prefix", "ndpi_strnstr", "SHA1Transform",
                   "inet_ntoa", "ndpi_match_string_subprotocol", "ndpi_match_custom_category", "ndpi_network_port_ptree_match")
PLUGIN_MAY = {"libc.so.6", "libm.so.6"}
# Of the sanitizer builds, and the loader: no library that somebody chose.
NOT_COUNTED = re.compile(r"libasan|libubsan|libtsan|libgcc_s|ld-linux")


def readelf(*arguments):
    return common.run(["readelf", "--wide", *arguments]).out


def direct_libraries(path):
    return [name for name in re.findall(r"\(NEEDED\).*\[(.+)\]", readelf("-d", path)) if not NOT_COUNTED.search(name)]


def all_libraries(path):
    return [line.split()[0] for line in common.run(["ldd", path]).out.splitlines() if line.strip()]


def stack_is_executable(headers):
    """The flags of GNU_STACK hold an E; a file without that header gets such a stack from the kernel."""
    line = re.search(r"GNU_STACK\s.*", headers)
    return not line or "E" in line[0].split()[6]


def hardening(path, plugin):
    """What is missing, in words."""
    dynamic, headers, symbols = readelf("-d", path), readelf("-l", path), readelf("--dyn-syms", path)
    kind = re.search(r"Type:\s+(\S+)", readelf("-h", path))
    missing = []
    if not kind or kind[1] != "DYN":
        missing.append("not position independent")
    if not plugin and not re.search(r"\(FLAGS_1\).*\bPIE\b", dynamic):
        missing.append("no PIE flag")
    if "GNU_RELRO" not in headers:
        missing.append("no RELRO")
    if "BIND_NOW" not in dynamic:
        missing.append("no BIND_NOW")
    if stack_is_executable(headers):
        missing.append("executable stack")
    if re.search(r"LOAD\s.*\bRWE\b", headers):
        missing.append("a segment to write and to execute")
    if re.search(r"\(RPATH\)|\(RUNPATH\)|\(TEXTREL\)", dynamic):
        missing.append("RPATH, RUNPATH or TEXTREL")
    if "__stack_chk_fail" not in symbols:
        missing.append("no stack protector")
    if not re.search(r"__\w+_chk\b(?<!__stack_chk)", symbols):
        missing.append("no FORTIFY")
    # The mark of the whole file would be wrong here: Debian's C start files have none, so the linker leaves it out.
    if os.uname().machine == "x86_64" and common.run(["objdump", "-d", path]).out.count("endbr64") < LANDINGS_MIN:
        missing.append("no CET landing places")
    return missing


def check_libraries(cases, build, plugins):
    union = set()
    for program, never in NEVER.items():
        direct, everything = direct_libraries(build.path(program)), all_libraries(build.path(program))
        union.update(direct)
        bad = [name for name in direct + everything for word in never if word in name]
        cases.check(f"{program}_links_none_of_{'_'.join(never)}", everything and not bad, bad or "ldd says nothing")
    if any("librte_" in name for name in union):
        union = {name for name in union if "librte_" not in name} | {"librte_*"}
    union = {re.sub(r"lib(ssl|crypto)\b.*", "libssl, libcrypto", re.sub(r"libhiredis.*", "libhiredis", name)) for name in union}
    ndpi = all_libraries(build.path("yagura-dissector"))
    cases.check("the_dissector_does_link_ndpi", any("ndpi" in name for name in ndpi), ndpi)
    cases.check(
        f"all_programs_together_link_at_most_{DIRECT_MAX}_libraries",
        0 < len(union) <= DIRECT_MAX,
        sorted(union),
    )
    print(f"libraries: {', '.join(sorted(union))}")
    for path in plugins:
        direct = set(direct_libraries(path))
        cases.check(f"plugin_{os.path.basename(path)}_links_libc_and_libm_alone", direct <= PLUGIN_MAY, sorted(direct))


def main():
    build, cases = common.start(sys.argv), common.Cases()
    if not all(shutil.which(tool) for tool in ("readelf", "objdump", "ldd")):
        common.skip("needs readelf, objdump and ldd")
    plugins = sorted(glob.glob(build.path("plugins", "*", "*.so")))
    cases.check("there_are_plugins_to_look_at", len(plugins) >= 2, plugins)
    check_libraries(cases, build, plugins)
    for path in [build.path(program) for program in NEVER] + plugins:
        name = os.path.basename(path)
        if build.sanitized():
            cases.skip(f"{name}_is_hardened", "a sanitizer build")
            continue
        missing = hardening(path, path in plugins)
        cases.check(f"{name}_is_hardened", not missing, "\n".join(missing))
    if build.sanitized():
        cases.skip("dissector_answers_calls_of_ndpi", "a sanitizer build")
    else:
        shown = readelf("--dyn-syms", build.path("yagura-dissector"))
        hidden = [name for name in DISSECTOR_SHOWS if not re.search(rf"FUNC\s+GLOBAL\s+DEFAULT\s+\d+\s+{name}$", shown, re.M)]
        cases.check("dissector_answers_calls_of_ndpi", not hidden, hidden)
    cases.finish()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# unit.py UNIT ENVIRONMENT-FILE PROGRAM [USER-ID]: becomes PROGRAM as the service manager would start it by this unit, where there is none:
# its environment and no other, its user and umask, no network, no capability, no new privileges, its system calls and families of
# sockets. What is about files (ProtectSystem and the like) is left out.
import ctypes
import os
import socket
import subprocess
import sys

CLONE_NEWNET, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 0x40000000, 24, 38
ALLOW, ERRNO_EPERM, EQUAL = 0x7fff0000, 0x00050001, 4


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def sets():
    """Groups of system calls, as systemd has them: name -> its lines."""
    found, name = {}, None
    for line in subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout.splitlines():
        if line.startswith("@"):
            name = line.strip()
            found[name] = []
        elif name and line.strip() and not line.lstrip().startswith("#"):
            found[name].append(line.strip())
    return found


def calls(groups, word):
    return {word} if word[0] != "@" else set().union(*(calls(groups, one) for one in groups[word]))


def allowed(unit):
    groups, result = sets(), None
    for line in unit:
        if line.startswith("SystemCallFilter="):
            words = line.split("=", 1)[1]
            named = set().union(*(calls(groups, word) for word in words.lstrip("~").split()))
            result = calls(groups, "@default") | named if result is None else result - named if words[0] == "~" else result | named
    return result


def confine(unit):
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ERRNO_EPERM))
    families = next(line.split("=", 1)[1].split() for line in unit if line.startswith("RestrictAddressFamilies="))
    for name in allowed(unit):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0: # not of this machine, or newer than the library
            continue
        rules = [Compare(0, EQUAL, getattr(socket, family), 0) for family in families] if name == "socket" else [None]
        for rule in rules:
            if seccomp.seccomp_rule_add_array(context, ALLOW, number, rule is not None, ctypes.byref(rule) if rule else None) != 0:
                sys.exit(f"unit.py: no rule for {name}")
    if seccomp.seccomp_load(context) != 0:
        sys.exit("unit.py: the filter is not taken")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        unit = [line.strip() for line in file]
    with open(sys.argv[2], encoding="utf-8") as file:
        environment = dict(line.strip().replace('"', "").split("=", 1) for line in file if line.strip() and line[0] not in "#;")
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        if "PrivateNetwork=yes" in unit:
            libc.unshare(CLONE_NEWNET)
        if "CapabilityBoundingSet=" in unit:
            for capability in range(64):
                libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        if len(sys.argv) > 4:
            user = int(sys.argv[4])
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
    os.umask(int(next(line.split("=", 1)[1] for line in unit if line.startswith("UMask=")), 8))
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    confine(unit)
    os.execve(sys.argv[3], [sys.argv[3]], environment)


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""redis_acl.py ROOT: the users of configs/redis/users.acl can do their list and nothing else.

Proves, with the very file that is shipped, its words replaced as its manual says, in a server on a UNIX socket of its own: as it is
shipped it lets no server start; who does not log in can do nothing; for every command of COMMAND LIST, each user is allowed exactly what
the list below names (ACL DRYRUN); with keys of others it is not allowed even that; what it may do it really does; what the courier says
to Redis the user `sensor` may say; redis.conf is taken by the server as it is, but for its paths. With redis-server, and with
valkey-server where there is one. Exits 77 without either.
"""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import common  # noqa: E402

WORDS = {"admin": "ADMIN", "sensor": "SENSOR", "web": "WEB", "logstash": "LOGSTASH", "replica": "REPLICA", "sentinel": "SENTINEL"}
SENSOR, OTHER, WEB, LIST = "yagura:egress-1:alerts", "yagura:egress-2:alerts", "yagura:web:session", "yagura:egress-1:list"
MARKER, CHANNEL = "yagura:egress-1:{yagura:egress-1:list}:list", "yagura:egress-1:channel"
LOGIN = {"auth", "ping"}
BATCH = {"multi", "exec", "discard"}
READS = {"xread", "xrange", "xrevrange", "xlen", "xinfo|stream", "xinfo|groups", "hget", "hmget", "hgetall", "hlen", "zrange", "zrevrange",
         "zrangebyscore", "zscore", "zcard", "exists", "type", "ttl"}
KEYSPACE = {"exists", "type", "ttl", "pttl", "expire", "pexpire", "persist", "del", "unlink"}
# What each user may do; web gets the commands of these categories besides, on keys of its own, but for the dangerous ones.
MAY = {
    "sensor": LOGIN | BATCH | {"watch", "role", "wait", "xadd", "xtrim", "xinfo|stream", "hset", "hmget", "expire", "zadd",
                               "lpush", "rpush", "ltrim", "publish"},
    "web": LOGIN | BATCH | READS | KEYSPACE | {"role", "scan", "info", "eval", "watch"},
    "logstash": LOGIN | {"blpop", "lrange", "ltrim", "evalsha", "script|load"},
    "replica": {"ping", "psync", "replconf"},
    "sentinel": LOGIN | BATCH | {"replicaof", "slaveof", "config|rewrite", "role", "info", "client|setname", "client|kill", "subscribe", "publish",
                                 "script|kill"},
}
WEB_CATEGORIES = ("hash", "stream", "string", "set", "sortedset")
# Commands of which Redis asks no right: they end the connection, or are how one logs in.
NO, NO_LOGIN = "NOPERM", "NOAUTH"
FREE = {"quit", "hello", "reset", "auth"}


def shipped(root, replaced=True):
    with open(os.path.join(root, "configs", "redis", "users.acl"), encoding="utf-8") as file:
        text = file.read()
    if not replaced:
        return text
    for user, word in WORDS.items():
        text = text.replace(f"#{word}-SHA256", "#" + hashlib.sha256(password(user).encode()).hexdigest())
    return text.replace("yagura:SENSOR:", "yagura:egress-1:")


def password(user):
    return "secret of " + user


class Server:
    """One that ends with the `with`."""

    def __init__(self, program, folder, root, replaced=True):
        self.program, self.folder = program, folder
        self.socket, self.acl, self.conf = (os.path.join(folder, name) for name in ("redis.sock", "users.acl", "redis.conf"))
        with open(self.acl, "w", encoding="utf-8") as file:
            file.write(shipped(root, replaced))
        with open(os.path.join(root, "configs", "redis", "redis.conf"), encoding="utf-8") as file:
            text = file.read()
        for mine, theirs in ((self.acl, "/etc/redis/users.acl"), (self.socket, "/run/redis/yagura.sock"), (folder, "/var/lib/redis")):
            text = re.sub(rf"^(\w+) {re.escape(theirs)}$", rf"\1 {mine}", text, flags=re.M)
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(text)
        self.log = open(os.path.join(folder, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([program, self.conf], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def waits(self):
        """True when it takes connections; False when it has ended, or never does."""
        for _ in range(200):
            if self.process.poll() is not None:
                return False
            if "NOAUTH" in self.ask(None, "PING"):
                return True
            time.sleep(0.05)
        return False

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def ask(self, user, *words):
        login = ("--user", user, "--pass", password(user), "--no-auth-warning") if user else ()
        return common.run(["redis-cli", "-s", self.socket, *login, *words], timeout=30).out.strip()

    def ask_all(self, user, commands):
        """Answers of many commands on one connection, each answer one line."""
        text = "".join(" ".join('"' + word + '"' for word in words) + "\n" for words in commands)
        login = ["--user", user, "--pass", password(user), "--no-auth-warning"]
        done = subprocess.run(["redis-cli", "-s", self.socket, *login], input=text, capture_output=True, text=True, timeout=120, check=False)
        return [line for line in done.stdout.splitlines() if line]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        self.log.close()


def commands_of(server):
    """name -> how many words it takes at least, its own name's included"""
    names = server.ask("admin", "COMMAND", "LIST").split()
    lines = server.ask("admin", "EVAL", "local r = {} for i, n in ipairs(redis.call('COMMAND', 'LIST')) do "
                       "local c = redis.call('COMMAND', 'INFO', n)[1] r[i] = n .. ' ' .. (c and c[2] or 0) end return r", "0").splitlines()
    arity = dict(line.split() for line in lines)
    return {name: abs(int(arity.get(name, 0))) for name in names}


def dry(name, words, key):
    """DRYRUN of a command with as many words as it takes at least, all of them the key."""
    own = name.split("|")
    return [*own, *[key] * max(0, words - len(own))]


def check_every_command(cases, server, user, keys):
    commands = commands_of(server)
    categories = {name for one in WEB_CATEGORIES for name in server.ask("admin", "ACL", "CAT", one).split()}
    dangerous = set(server.ask("admin", "ACL", "CAT", "dangerous").split())
    containers = {name.split("|")[0] for name in commands if "|" in name}
    expected = set(MAY[user]) | ((categories - dangerous) if user == "web" else set())
    asked = [name for name in commands if name not in containers]
    allowed = set()
    for key in keys:
        answers = server.ask_all("admin", [["ACL", "DRYRUN", user, *dry(name, commands[name], key)] for name in asked])
        if not cases.check(f"{user}_is_asked_of_every_command", len(answers) == len(asked) > 200, f"{len(answers)} of {len(asked)}"):
            return
        allowed |= {name for name, answer in zip(asked, answers) if "no permissions to run" not in answer}
    allowed -= FREE - expected
    more, less = allowed - expected, (expected & set(asked)) - allowed
    cases.check(f"{user}_may_do_nothing_but_its_list", not more, sorted(more))
    cases.check(f"{user}_may_do_all_of_its_list", not less, sorted(less))
    print(f"# {user}: {len(allowed)} of {len(asked)} commands")


def check_real(cases, server, user, name, calls):
    """calls: (words, how the answer begins)"""
    wrong = []
    for words, answer in calls:
        said = server.ask(user, *words)
        if not said.startswith(answer):
            wrong.append(f"{' '.join(words)}: {said!r}, not {answer!r}")
    cases.check(f"{user or 'default'}_{name}", not wrong, "\n".join(wrong))




def sensor(cases, server):
    xadd = ("XADD", SENSOR, "MAXLEN", "~", "1000", "1-1", "eve", "{}")
    check_real(cases, server, "sensor", "does_what_the_courier_does", [
        (("PING",), "PONG"), (("XINFO", "STREAM", SENSOR), "ERR no such key"), (xadd, "1-1"), (("XINFO", "STREAM", SENSOR), "length"),
        (("XTRIM", SENSOR, "MINID", "~", "0-5"), "0"), (("HSET", "yagura:egress-1:health", "version", "1"), "1"),
        (("EXPIRE", "yagura:egress-1:health", "15"), "1"), (("ZADD", "yagura:egress-1:top", "1", "a"), "1"), (("ROLE",), "master"),
        (("WAIT", "0", "10"), "0"), (("RPUSH", LIST, "a"), "1"), (("LPUSH", LIST, "b"), "2"), (("LTRIM", LIST, "5", "-1"), "OK"),
        (("HSET", MARKER, "spool", "x"), "1"), (("HMGET", MARKER, "spool"), "x"), (("PUBLISH", CHANNEL, "a"), "0")])
    answers = server.ask_all("sensor", [["MULTI"], ["XADD", SENSOR, "1-2", "eve", "{}"], ["EXEC"], ["MULTI"], ["DISCARD"]])
    cases.check("sensor_writes_a_batch", answers == ["OK", "QUEUED", "1-2", "OK", "OK"], answers)
    check_real(cases, server, "sensor", "does_nothing_else", [
        (("XADD", OTHER, "*", "a", "b"), NO), (("XADD", "yagura:egress-10:alerts", "*", "a", "b"), NO), (("XTRIM", OTHER, "MAXLEN", "0"), NO),
        (("XINFO", "STREAM", OTHER), NO), (("HSET", WEB, "a", "b"), NO), (("XRANGE", SENSOR, "-", "+"), NO), (("XREAD", "STREAMS", SENSOR, "0"), NO),
        (("GET", SENSOR), NO), (("DEL", SENSOR), NO), (("KEYS", "*"), NO), (("SCAN", "0"), NO), (("FLUSHALL",), NO), (("CONFIG", "GET", "*"), NO),
        (("EVAL", "return 1", "0"), NO), (("ACL", "WHOAMI"), NO), (("PUBLISH", "a", "b"), NO), (("RPUSH", "suricata", "a"), NO), (("LTRIM", WEB, "0", "1"), NO), (("BLPOP", LIST, "1"), NO),
        (("HMGET", WEB, "a"), NO), (("PUBLISH", "yagura:egress-2:channel", "b"), NO), (("SUBSCRIBE", CHANNEL), NO), (("SELECT", "1"), NO), (("CLIENT", "LIST"), NO),
        (("REPLICAOF", "127.0.0.1", "1"), NO), (("SHUTDOWN",), NO)])


def web(cases, server):
    check_real(cases, server, "web", "reads_the_sensors", [
        (("XRANGE", SENSOR, "-", "+", "COUNT", "1"), "1-1"), (("XREAD", "COUNT", "1", "STREAMS", SENSOR, "0"), SENSOR), (("XLEN", SENSOR), "2"),
        (("XINFO", "STREAM", SENSOR), "length"), (("HGETALL", "yagura:egress-1:health"), "version"), (("ZRANGE", "yagura:egress-1:top", "0", "-1"), "a"),
        (("XLEN", OTHER), "0")])
    check_real(cases, server, "web", "owns_its_keys", [
        (("HSET", WEB, "user", "x"), "1"), (("EXPIRE", WEB, "60"), "1"), (("HGETALL", WEB), "user"), (("DEL", WEB), "1"),
        (("SET", "yagura:web:a", "1", "EX", "5"), "OK"), (("WATCH", "yagura:web:users"), "OK"), (("INFO", "memory"), "# Memory"),
        (("EVAL", "return redis.call('GET', KEYS[1])", "1", "yagura:web:a"), "1"), (("XADD", "yagura:web:audit", "*", "a", "b"), "1"), (("ZADD", "yagura:web:z", "1", "a"), "1")])
    check_real(cases, server, "web", "writes_nowhere_else", [
        (("XADD", SENSOR, "*", "a", "b"), NO), (("XTRIM", SENSOR, "MAXLEN", "0"), NO), (("DEL", SENSOR), NO), (("EXPIRE", SENSOR, "1"), NO),
        (("HSET", "yagura:egress-1:health", "a", "b"), NO), (("SET", "other", "1"), NO), (("GET", "other"), NO), (("KEYS", "*"), NO),
        (("FLUSHDB",), NO), (("EVAL", "return 1", "1", SENSOR), NO), (("EVAL", "return 1", "1", ""), NO), (("WATCH", "other"), NO),
        (("CONFIG", "GET", "*"), NO), (("COPY", SENSOR, WEB), NO)])
    # a script may do what its user may: the key named in it does not have to be among its keys
    said = [server.ask("web", "EVAL", f"return redis.call({what})", "0") for what in (f"'DEL', '{SENSOR}'", f"'XADD', '{SENSOR}', '*', 'a', 'b'", "'FLUSHALL'", "'GET', 'other'")]
    cases.check("web_gains_nothing_by_a_script", all("can't run this command" in one or "can't access at least one of the keys" in one or "ACL failure in script" in one for one in said)
                and server.ask("admin", "XLEN", SENSOR) == "2", said)


def logstash(cases, server):
    server.ask("admin", "RPUSH", LIST, *"abcdef")
    script = "local r = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1) redis.call('LTRIM', KEYS[1], ARGV[1], -1) return r"
    digest = hashlib.sha1(script.encode()).hexdigest()
    check_real(cases, server, "logstash", "drains_its_list", [
        (("BLPOP", LIST, "1"), LIST), (("SCRIPT", "LOAD", script), digest), (("EVALSHA", digest, "1", LIST, "3"), "b\nc\nd"),
        (("LRANGE", LIST, "0", "-1"), "e\nf"), (("LTRIM", LIST, "1", "-1"), "OK"), (("PING",), "PONG")])
    evil = "return redis.call('FLUSHALL')"
    server.ask("logstash", "SCRIPT", "LOAD", evil)
    check_real(cases, server, "logstash", "does_nothing_else", [
        (("BLPOP", SENSOR, "1"), NO), (("LRANGE", OTHER, "0", "1"), NO), (("RPUSH", LIST, "x"), NO), (("DEL", LIST), NO), (("EVAL", "return 1", "0"), NO),
        (("EVALSHA", digest, "1", WEB, "3"), NO), (("XADD", SENSOR, "*", "a", "b"), NO), (("FLUSHALL",), NO), (("SCRIPT", "FLUSH"), NO)])
    said = server.ask("logstash", "EVALSHA", hashlib.sha1(evil.encode()).hexdigest(), "0")
    cases.check("logstash_gains_nothing_by_a_script", ("can't run this command" in said or "ACL failure in script" in said) and server.ask("admin", "XLEN", SENSOR) == "2", said)


def check_program(cases, program, folder, root):
    bare = os.path.join(folder, "bare")
    os.makedirs(bare)
    with Server(program, bare, root, replaced=False) as server:
        cases.check("as_it_is_shipped_no_server_starts", not server.waits() and "ACL" in server.said(), server.said()[-400:])
    with Server(program, folder, root) as server:
        if not cases.check("the_configuration_is_taken", server.waits(), server.said()[-2000:]):
            return
        check_real(cases, server, None, "can_do_nothing", [((name,), NO_LOGIN) for name in ("PING", "INFO", "DBSIZE")])
        check_every_command(cases, server, "sensor", (SENSOR, "1"))
        check_every_command(cases, server, "web", (SENSOR, WEB, "1"))
        check_every_command(cases, server, "logstash", (LIST, "1"))
        check_real(cases, server, "admin", "may_do_everything", [(("CONFIG", "GET", "maxmemory-policy"), "maxmemory-policy\nnoeviction")])
        for user in ("replica", "sentinel"):
            check_real(cases, server, user, "is_off", [(("PING",), NO_LOGIN)])
            server.ask("admin", "ACL", "SETUSER", user, "on")
            check_every_command(cases, server, user, ("1",))
        sensor(cases, server)
        web(cases, server)
        logstash(cases, server)


def main(arguments):
    programs = [one for one in dict.fromkeys((common.redis_server(), shutil.which("valkey-server"))) if one]
    if not programs or not shutil.which("redis-cli"):
        common.skip("no redis-server")
    cases = common.Cases()
    for program in programs:
        print("# " + common.run([program, "--version"]).out.strip())
        with common.scratch() as folder:
            check_program(cases, program, folder, arguments[1] if len(arguments) > 1 else common.ROOT)
    cases.finish()


if __name__ == "__main__":
    main(sys.argv)

# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""The bodies of the example prefecture of seed.py: fictitious names, documentation addresses. Bodies(n) gives n of them, the first eight as
configs/organisations has them, the others made up of syllables; write(folder) puts them down as the sensor's own files."""
import os

FIRST = [("kiri", "霧"), ("shio", "汐"), ("kane", "鐘"), ("yuki", "雪"), ("hoshi", "星"), ("nagi", "凪"), ("tomo", "灯"), ("kasumi", "霞"),
         ("tsuki", "月"), ("hibari", "雲雀"), ("sasa", "笹"), ("kaede", "楓")]
LAST = [("segoe", "瀬江"), ("mizaka", "水坂"), ("nose", "之瀬"), ("hazama", "狭間"), ("nodai", "野台"), ("kurano", "倉野"), ("sehara", "瀬原")]
KINDS = [("city", "市", "City"), ("town", "町", "Town"), ("village", "村", "Village"), ("city", "市", "City"), ("town", "町", "Town")]
KANA = {"kiri": "きり", "shio": "しお", "kane": "かね", "yuki": "ゆき", "hoshi": "ほし", "nagi": "なぎ", "tomo": "とも", "kasumi": "かすみ",
        "tsuki": "つき", "hibari": "ひばり", "sasa": "ささ", "kaede": "かえで", "segoe": "せごえ", "mizaka": "みざか", "nose": "のせ",
        "hazama": "はざま", "nodai": "のだい", "kurano": "くらの", "sehara": "せはら", "city": "し", "town": "まち", "village": "むら"}


class Body:
    def __init__(self, number, code, ja, kana, en, kind, parent):
        self.number, self.code, self.ja, self.kana, self.en, self.kind, self.parent = number, code, ja, kana, en, kind, parent
        # a /20 of 100.64.0.0/10 each, which is nobody's on the Internet, so that 300 bodies have room
        self.net = f"100.{64 + number // 16}.{number % 16 * 16}"
        self.prefix = self.net + ".0/20"
        self.prefix6 = f"2001:db8:{number + 0x100:x}::/48"

    def host(self, n):
        base = self.net.rsplit(".", 1)
        return f"{base[0]}.{int(base[1]) + n // 250 % 16}.{n % 250 + 2}"

    def host6(self, n):
        return f"2001:db8:{self.number + 0x100:x}:{n % 16:x}::{n:x}"

    def org(self):
        return {"code": self.code, "name_ja": self.ja, "name_en": self.en}

    def yaml(self):
        lines = ["# Made by seed.py. Fictitious.", f"code: {self.code}", f"name: {{ja: {self.ja}, kana: {self.kana}, en: {self.en}}}",
                 f"kind: {self.kind}", "model: alpha"]
        if self.parent:
            lines.append(f"parent: {self.parent}")
        lines += ["line: 1G", f"contact: {self.ja} 情報システム担当 net@{self.code}.example", "prefixes:",
                  f'  internet: [{self.prefix}, "{self.prefix6}"]',
                  f"  lgwan: [10.{self.number // 250 * 2 + 64}.{self.number % 250}.0/24]",
                  f"  mynumber: [10.{self.number // 250 * 2 + 128}.{self.number % 250}.0/24]"]
        return "\n".join(lines) + "\n"


def bodies(count):
    out = [Body(0, "minagi", "水凪県", "みなぎけん", "Minagi Prefecture", "prefecture", None)]
    names = [(f + l, fj + lj, fk, lk) for l, lj, lk in [(a, b, KANA[a]) for a, b in LAST] for f, fj, fk in [(a, b, KANA[a]) for a, b in FIRST]]
    number = 1
    while len(out) < count:
        code, ja, fk, lk = names[(number - 1) % len(names)]
        turn = (number - 1) // len(names)
        kind, kj, ke = KINDS[(number + turn) % len(KINDS)]
        suffix = "" if not turn else str(turn + 1)
        side, side_en = [("", ""), ("東", "East "), ("西", "West "), ("新", "New ")][turn % 4]
        out.append(Body(number, (code + suffix)[:15], side + ja + kj, fk + lk + KANA[kind], f"{side_en}{code.capitalize()} {ke}", kind,
                        out[0].code))
        number += 1
    return out


def write(folder, all_bodies, sensor="egress-1"):
    os.makedirs(os.path.join(folder, "organisations"), exist_ok=True)
    for body in all_bodies:
        with open(os.path.join(folder, "organisations", body.code + ".yaml"), "w", encoding="utf-8") as file:
            file.write(body.yaml())
    path = os.path.join(folder, "yagura.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"# Made by seed.py.\nsensor:\n  name: {sensor}\negress:\n  line: 10G\n  mirror: both\norganisations: [organisations/*.yaml]\n")
    return path

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""The words of the dashboard, held against its glossary. Part of ci/lint.

    ci/i18n.py [FOLDER]     checks FOLDER (dashboards/web/app/i18n; without it app/text as well) and the Japanese that yagura-web itself says
    ci/i18n.py --self-test  fills every rule with a text that breaks it, and one that does not

Rules: both languages have the same keys; a key is <area>.<name> and stands in one file; no value is empty; both have the same placeholders; no word
that the glossary tells to avoid; no half-width kana, no full-width letters, digits or signs that have a half-width form in our texts;
Japanese text in Japanese, none in English; three dots are an ellipsis; a label has no full stop at its end, and a text of several
sentences has one; what a source asks for by name is there.
"""
import json
import re
import sys
import unicodedata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KATAKANA = "ァ-ヺー"
# What is found, and what is said instead. Katakana words: not as a part of a longer one (スクロール holds ロール).
AVOID = [
    (r"全般", "概況"), (r"インボックス", "受信箱"), (r"警報|警告", "アラート、注意"), (r"事故", "インシデント"), (r"厳しさ", "重要度"),
    (r"クリティカル", "緊急"), (r"^重要$", "緊急"), (r"^情報$", "参考"), (r"認識", "確認"), (r"アーカイブする", "対応済みにする（保管）"),
    (r"昇格", "エスカレーション（上申）"), (r"アサイン", "担当者を割り当て"), (rf"(?<![{KATAKANA}])ノート(?![{KATAKANA}])", "コメント、メモ"),
    (r"閉じた", "クローズ"), (r"真陽性", "真の脅威"), (r"偽陽性|過検知", "誤検知"), (r"良性", "無害（正規の利用）"),
    (r"ディテクター|検出", "検知ルール、検知"), (r"閾値", "しきい値"), (rf"(?<!平常値（)ベースライン", "平常値"), (r"得点", "スコア"),
    (r"自信", "確度"), (r"監禁|ミュート", "抑止"), (r"満了", "有効期限"), (r"証拠", "証跡（パケット）"), (r"捕捉", "パケットキャプチャ"),
    (r"落下", "破棄"), (r"流れ", "フロー"), (r"(?<!通信)(?<!ログイン)セッション", "通信セッション、ログインセッション"),
    (rf"(?<![{KATAKANA}])ソース(?![{KATAKANA}])|送信先", "送信元、宛先"), (r"組織|テナント", "団体"), (r"交通", "通信量（トラフィック）"),
    (r"情報漏えい|情報漏洩", "情報持ち出しの疑い"), (r"水平移動", "横展開"), (r"フラッダー", "フラッド攻撃"), (r"ブラックリスト", "ブロックリスト"),
    (rf"(?<![{KATAKANA}])ビュー(?![{KATAKANA}])", "保存した表示条件"), (r"エクスポト", "エクスポート"), (r"監査記録", "監査ログ"),
    (r"健康", "稼働状況"), (r"センサ(?!ー)", "センサー"), (r"ユーザ", "利用者"), (rf"(?<![{KATAKANA}])ロール(?![{KATAKANA}])", "役割"),
    (r"保持", "保存期間"), (r"サーバ(?!ー)", "サーバー"), (r"ブラウザ(?!ー)", "ブラウザー"), (r"下さい", "ください"), (r"出来(ま|る|な)", "でき…"),
]
AVOID = [(re.compile(pattern), instead) for pattern, instead in AVOID]
# Keys whose text has to name what it forbids, or quotes what a reader is to type.
ALLOWED = {
    # "flow" as what happens step after step, not the glossary's flow of packets
}
HALF_KANA = re.compile("[\uff61-\uff9f]")
FULL_ASCII = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff05\uff0b\uff0d\uff0e\uff1d\uff20\uff1c\uff1e\uff06\uff03]")
JAPANESE = re.compile("[\u3041-\u30ff\u4e00-\u9fff]")
PLACEHOLDER = re.compile(r"\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?=[,}])")
# Values that are the same word everywhere: names, codes, units, signs.
SAME = re.compile(r"^[\x00-\x7f\u2010-\u2027\u2030-\u203a\u2190-\u21ff\u00b0-\u00d7\uff08\uff09\u3001\uff1a\uff5e]*$")


def texts_of(value):
    """A value is a text, or an object with plural forms."""
    return list(value.values()) if isinstance(value, dict) else [value]


def placeholders(value):
    return sorted({name for text in texts_of(value) for name in PLACEHOLDER.findall(text)})


def words_of(text, key="", piece=False):
    """What is wrong with a Japanese text, in words; piece: a literal of a source, which may be a part of a sentence."""
    found = []
    for pattern, instead in AVOID:
        if piece and pattern.pattern.startswith("^"):
            continue
        hit = pattern.search(text)
        if hit and hit.group() not in ALLOWED.get(key, ()):
            found.append(f"{hit.group()!r} is to be avoided, say {instead}")
    for rule, what in ((HALF_KANA, "half-width kana"), (FULL_ASCII, "full-width letter, digit or sign")):
        hit = rule.search(text)
        if hit:
            found.append(f"{what} {hit.group()!r}")
    if "..." in text:
        found.append("three dots instead of …")
    if unicodedata.normalize("NFC", text) != text:
        found.append("not in normal form C")
    if not piece and text.count("。") > 1 and not re.search(r"[。）」:：]\s*$", text):
        found.append("several sentences, and the last has no 。")
    return found


def no_twice(pairs):
    seen = {}
    for key, value in pairs:
        if key in seen:
            raise ValueError(f"key {key!r} stands there twice")
        seen[key] = value
    return seen


def check_pair(area, ja, en):
    bad = [f"{area}.{'en' if key in ja else 'ja'}.json: no {key}" for key in sorted(set(ja) ^ set(en))]
    for language, table in (("ja", ja), ("en", en)):
        for key, value in table.items():
            where = f"{area}.{language}.json: {key}"
            if not re.fullmatch(r"[a-z][a-z0-9_]*\.[A-Za-z0-9_.-]+", key):
                bad.append(f"{where}: not <area>.<name>")
            for text in texts_of(value):
                if not isinstance(text, str) or not text.strip():
                    bad.append(f"{where}: empty")
                    continue
                if language == "ja":
                    bad += [f"{where}: {word}" for word in words_of(text, key)]
                    if not JAPANESE.search(text) and text not in texts_of(en.get(key, "")) and not SAME.match(text):
                        bad.append(f"{where}: no Japanese in it")
                else:
                    hit = JAPANESE.search(text)
                    # Names of the other language ("日本語") are written in it.
                    if hit and text not in texts_of(ja.get(key, "")):
                        bad.append(f"{where}: Japanese in an English text")
    for key in set(ja) & set(en):
        if placeholders(ja[key]) != placeholders(en[key]):
            bad.append(f"{area}: {key}: placeholders {placeholders(ja[key])} and {placeholders(en[key])}")
    return bad


def check_folder(folder):
    bad, keys, seen = [], 0, {}
    # with its subfolders: what is loaded later stands there
    files = {path.name: path for path in folder.rglob("*.json")}
    areas = sorted({name.split(".")[0] for name in files})
    if not areas:
        return [f"{folder}: no texts"], 0
    for area in areas:
        tables = []
        for language in ("ja", "en"):
            path = files.get(f"{area}.{language}.json", folder / f"{area}.{language}.json")
            try:
                tables.append(json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=no_twice))
            except (OSError, ValueError) as error:
                bad.append(f"{path.name}: {error}")
        if len(tables) == 2:
            bad += check_pair(area, *tables)
            # the build merges the files of a language into one
            bad += [f"{area}.ja.json: {key} stands in {seen[key]}.ja.json too" for key in tables[0] if key in seen]
            seen.update(dict.fromkeys(tables[0], area))
            keys += len(tables[0])
    return bad, keys


def asked_for(text):
    """Keys that a source of the page names as they are: t('area.name'); such as are put together at run time it cannot tell."""
    return re.findall(r"(?<![\w.])(?:t|has)\('([a-z][a-z0-9_]*\.[A-Za-z0-9_.-]+)'", text)


def check_asked(app):
    """A key without a text is shown in brackets, on a page that no test may walk through."""
    there = {key for path in [*app.glob("i18n/**/*.ja.json"), *app.glob("text/*.ja.json")] for key in json.loads(path.read_text(encoding="utf-8"))}
    return [f"{path.relative_to(app)}: no text {key}" for path in sorted(app.rglob("*.js")) for key in asked_for(path.read_text(encoding="utf-8")) if key not in there]


def check_sources(folder):
    """String literals with Japanese in the C of the server: its messages are on the page too."""
    bad = []
    for path in sorted([*folder.glob("*.c"), *folder.glob("*.h")]):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for text in re.findall(r'"((?:[^"\\]|\\.)*)"', line):
                if JAPANESE.search(text):
                    bad += [f"{path.name}:{number}: {word}" for word in words_of(text, piece=True)]
    return bad


def self_test():
    same = {"t.a": "アラート {n}件"}
    broken = [
        ({"t.a": "アラート"}, {}), ({"t.a": ""}, {"t.a": "x"}), ({"t.a": "{n}件"}, {"t.a": "{m} alerts"}), ({"a": "件"}, {"a": "x"}),
        ({"t.a": "ｱラート"}, {"t.a": "x"}), ({"t.a": "１件"}, {"t.a": "x"}), ({"t.a": "検出"}, {"t.a": "x"}), ({"t.a": "監視セッション"}, {"t.a": "x"}),
        ({"t.a": "利用者のロール"}, {"t.a": "x"}), ({"t.a": "件"}, {"t.a": "件数"}), ({"t.a": "Ünbersetzt"}, {"t.a": "x"}), ({"t.a": "待機..."}, {"t.a": "x"}),
        ({"t.a": "一。二。三"}, {"t.a": "x"}), ({"t.a": {"other": "{n}件"}}, {"t.a": {"one": "1 {m}", "other": "{n}"}}),
    ]
    for ja, en in broken:
        if not check_pair("t", ja, en):
            print(f"i18n: this was to be refused: {ja} {en}")
            return 1
    whole = [(same, {"t.a": "{n} alerts"}), ({"t.a": "スクロール"}, {"t.a": "Scroll"}), ({"t.a": "通信セッションとログインセッション"}, {"t.a": "x"}),
             ({"t.a": "CSV"}, {"t.a": "CSV"}), ({"t.a": "プレビュー"}, {"t.a": "Preview"}), ({"t.a": "日本語"}, {"t.a": "日本語"})]
    for ja, en in whole:
        if check_pair("t", ja, en):
            print(f"i18n: this was to be taken: {ja} {en}: {check_pair('t', ja, en)}")
            return 1
    if asked_for("[t('act.verdict'), t(`verdict.${x}`), at('no.key'), t('b.c', {n})]") != ["act.verdict", "b.c"]:
        print("i18n: keys of a source are not found")
        return 1
    for pattern, _ in AVOID:
        if not any(pattern.search(word) for word in SELF_WORDS):
            print(f"i18n: no word of the test meets {pattern.pattern}")
            return 1
    return 0


SELF_WORDS = """全般 インボックス 警報 事故 厳しさ クリティカル 重要 情報 認識 アーカイブする 昇格 アサイン ノート 閉じた 真陽性 偽陽性 良性 検出 閾値 ベースライン 得点 自信
監禁 満了 証拠 捕捉 落下 流れ セッション ソース 組織 交通 情報漏えい 水平移動 フラッダー ブラックリスト ビュー エクスポト 監査記録 健康 センサ ユーザ ロール 保持 サーバ ブラウザ 下さい
出来ます""".split()


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dashboards/web/app/i18n"
    bad, keys = check_folder(folder)
    if len(sys.argv) == 1:
        # Long texts that only one page needs: fetched with it, so not among those of the first load.
        more, prose = check_folder(ROOT / "dashboards/web/app/text")
        bad, keys = bad + more, keys + prose
        bad += check_sources(ROOT / "dashboards/web/server")
        bad += check_asked(ROOT / "dashboards/web/app")
    bad += ["its own test fails"] if self_test() else []
    for line in bad:
        print(f"lint: {line}")
    if not bad:
        print(f"i18n: {keys} texts in two languages: clean")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

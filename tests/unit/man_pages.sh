#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# The man pages are clean for mandoc's lint, and say what the program says: options both ways, sections of the configuration.
# Arguments: the program, the root of the source.
set -uo pipefail
yagura=$1 pages=$2/docs/man bad=0
command -v mandoc > /dev/null || { echo 'skipped: mandoc is not installed'; exit 77; }
verdict() { if [[ -z $2 ]]; then echo "ok - $1"; else printf '%s\n' "$2"; echo "not ok - $1"; bad=1; fi; }

# Our own pages refer to each other, which lint cannot know before they are installed.
lint() {
  mandoc -T lint "$pages/$1" 2>&1 | while read -r line; do
    reference=$(sed -n 's/.*referenced manual not found: Xr \([^ ]*\) \([0-9]\).*/\1.\2/p' <<< "$line")
    [[ $reference && -e $pages/$reference ]] || printf '%s\n' "$line"
  done
}

for page in "$pages"/*.[1-8]; do
  name=$(basename "$page")
  verdict "mandoc finds no fault in $name" "$(lint "$name")"
done
# One for every command with more options than --help and --build, one for the configuration, one for the dashboard, and none besides.
expected='yagura.1 yagura.yaml.5 yagura-web.8'
for command in $("$yagura" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
  [[ $command == plugins || $command == version ]] || expected+=" yagura-$command.1"
done
verdict 'there is a page for every command' "$(diff <(tr ' ' '\n' <<< "$expected" | sort) <(cd "$pages" && ls | sort))"

# What stands in the help of a command stands in its page, and the other way round.
long_options() { grep -oE -- '(^|[^-[:alnum:]])--[a-z][a-z-]*' | grep -oE -- '--[a-z-]+' | sort -u; }
for command in replay run check doctor spool tail explain eval; do
  [[ -e $pages/yagura-$command.1 ]] || continue
  help=$("$yagura" "$command" --help | long_options)
  page=$(mandoc -T ascii "$pages/yagura-$command.1" | sed 's/.\x08//g' | long_options)
  verdict "yagura-$command.1 has the options of its help" "$(comm -3 <(printf '%s\n' "$help" | grep -v '^--help$') \
    <(printf '%s\n' "$page" | grep -v '^--help$'))"
done
web=$(dirname "$yagura")/yagura-web
if [[ -x $web ]]; then
  verdict 'yagura-web.8 has the options of its help' "$(comm -3 <("$web" --help | long_options | grep -vE '^--(help|version)$') \
    <(mandoc -T ascii "$pages/yagura-web.8" | sed 's/.\x08//g' | long_options | grep -vE '^--(help|version)$'))"
fi
for part in $("$yagura" config --help | sed -n 's/^  \([a-z-]*\)  .*/\1/p'); do
  verdict "yagura-config.1 has $part" "$(grep -q "^\.It Cm $part" "$pages/yagura-config.1" || echo "$part is missing")"
done
for command in $("$yagura" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
  verdict "yagura.1 has $command" "$(grep -q "^\.It Cm $command" "$pages/yagura.1" || echo "$command is missing")"
done
for section in $("$yagura" config dump-default | sed -n 's/^\([a-z]*\):.*/\1/p'); do
  verdict "yagura.yaml.5 has the section $section" "$(grep -q "^\.It Cm $section" "$pages/yagura.yaml.5" || echo "$section is missing")"
done
exit $bad

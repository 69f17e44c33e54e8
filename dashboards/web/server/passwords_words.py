#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# passwords_words.py LIST: the C table of words that are soon guessed, from a list of passwords often seen, one a line, # a comment
# (john-data's password.lst, which its makers have given up to the public). Words of less than four letters mean nothing in a password of
# twelve; digits alone are found as runs and years.
import re
import sys


def main():
    words = set()
    for line in open(sys.argv[1], encoding='utf-8', errors='strict'):
        word = line.rstrip('\n').lower()
        if not line.startswith('#!') and re.fullmatch(r'[!-~]{4,24}', word) and not word.isdigit():
            words.add(word)
    if len(words) < 3000:
        sys.exit(f'{sys.argv[1]}: only {len(words)} words')
    print('// Made by passwords_words.py. Do not edit.\n#include "passwords.h"\n\nconst char *const web_common_words[] = {')
    for word in sorted(words, key=lambda w: w.encode()):
        print('\t"' + word.replace('\\', '\\\\').replace('"', '\\"').replace('?', '\\?') + '",')
    print(f'}};\nconst unsigned web_common_words_count = {len(words)};')


main()

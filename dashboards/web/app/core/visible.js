// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Text from outside, as it may be shown. Names come off the wire, and Unicode can do more than spell: turn the direction of what stands
// beside a name (U+202E), be there without being seen (U+200B: two names that look alike), or pile ten thousand accents on one letter.
// Nothing is taken away: what cannot be seen is written out, [U+202E], and letters that run from right to left are closed off, so that the
// sentence around them keeps its order. core/dom.js sends every text and every name of an element through here, so no page can forget it.

// Most texts are this, and need no second look.
const PLAIN = /^[\t\n\r -~\u00b7\u2013\u2026\u3001-\u3029\u3030-\u3098\u309b-\u30ff\u4e00-\u9fff\uff01-\uff9f]*$/;
// All that Unicode itself calls ignorable, and an empty cell of Braille. Emoji of several are held together by U+200D, and are no disguise; nor
// are variation selectors behind what has several forms: 辻, an emoji, the digit of a key cap.
const UNSEEN = /((?<![\p{Extended_Pictographic}\p{Emoji_Modifier}]\ufe0f?)\u200d|(?<![\p{Script=Han}\p{Extended_Pictographic}])(?!(?<=[0-9#*])\ufe0f\u20e3)[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]|(?![\t\n\r\u200d\ufe00-\ufe0f\u{e0100}-\u{e01ef}])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800])\1*/gu;
const MARKS_MAX = 4; // on one letter; no language needs more
const PILE = new RegExp(`(\\p{M}{${MARKS_MAX}})(\\p{M}+)`, 'gu');
const LEFTWARD = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]+(?:[ '.-]+[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]+)*/gu;
const ISOLATE = '\u2068', END = '\u2069';

const named = (run, sign) => {
  const n = run.length / sign.length;
  return `[U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}${n > 1 ? `×${n}` : ''}]`;
};

/** @param {string} text */
export function visible(text) {
  if (PLAIN.test(text)) return text;
  return text.replace(/\p{Cs}/gu, '\ufffd').replace(UNSEEN, named).replace(PILE, (run, kept, more) => `${kept}[+${[...more].length}]`)
    .replace(LEFTWARD, (run) => ISOLATE + run + END);
}

// Attributes that are read out or shown; a value of a field is the writer's own, and stays as he wrote it.
const SAID = ['title', 'aria-label', 'aria-valuetext', 'placeholder', 'label'];

/** For options.vnode of Preact: each text and each element, as it is made. */
export function lookAt(vnode) {
  if (vnode.type === null) {
    if (typeof vnode.props === 'string') vnode.props = visible(vnode.props);
  } else if (typeof vnode.type === 'string') {
    for (const name of SAID) if (typeof vnode.props[name] === 'string') vnode.props[name] = visible(vnode.props[name]);
  }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The sheet as a mail: whom to and what is written come from a file and from the network, so everything is encoded and nothing is trusted.

const MAILTO_MAX = 1900; // longer addresses are cut or refused by mail programs; the clipboard has no such limit

/** An address that opens the reader's mail program, with as much text as such addresses may hold. */
export function mailto(contact, subject, text, tail) {
  const to = /[^\s<>(),;:"]+@[^\s<>(),;:"]+/.exec(contact ?? '')?.[0] ?? '';
  const make = (body) => `mailto:${encodeURIComponent(to).replace('%40', '@')}?subject=${encodeURIComponent(subject)}&body=${encodeURIComponent(body)}`;
  if (make(text).length <= MAILTO_MAX)
    return { href: make(text), cut: false };
  const signs = [...text];
  let low = 0, high = signs.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (make(`${signs.slice(0, middle).join('')}\n${tail}`).length <= MAILTO_MAX) low = middle;
    else high = middle - 1;
  }
  return { href: make(`${signs.slice(0, low).join('')}\n${tail}`), cut: true };
}

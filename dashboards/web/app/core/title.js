// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The title of the tab: how many wait, where one is.
import { count } from './format.js';
import { visible } from './visible.js';

let base = '', badge = 0;
const show = () => { document.title = `${badge > 0 ? `(${count(badge)}) ` : ''}${base ? `${base} – ` : ''}Yagura`; };

/** The name of what is shown, which a page may say better than its route. */
export function setTitle(text) {
  base = visible(text);
  show();
}
/** How many wait: of the inbox what nobody has taken, elsewhere what came while the tab was not looked at. */
export function setBadge(n) {
  badge = n;
  show();
}

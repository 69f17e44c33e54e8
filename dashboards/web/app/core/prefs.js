// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a user has chosen: language, theme, time zone, keys. The server keeps it (GET/PUT /preferences), so it follows him to another desk; a
// copy in this browser is what the login page and the first paint go by.
import { createStore, useStore } from './store.js';

/** @typedef {{language: 'ja'|'en', theme: 'light'|'dark'|'system', timezone: 'jst'|'utc', keys: boolean, keymap: Object<string,string>,
 *   sound: boolean, desktop: boolean}} Preferences */

const KEPT = 'yagura.preferences';
const DEFAULTS = { language: 'ja', theme: 'system', timezone: 'jst', keys: true, keymap: {}, sound: false, desktop: false };
const CHOICES = { language: ['ja', 'en'], theme: ['light', 'dark', 'system'], timezone: ['jst', 'utc'] };

/** Whatever is stored may be old, or somebody else's: only what we know, and of the right kind. @returns {Preferences} */
function checked(from) {
  const to = /** @type {Preferences} */ ({ ...DEFAULTS });
  if (!from || typeof from !== 'object') return to;
  for (const [name, choices] of Object.entries(CHOICES)) if (choices.includes(from[name])) to[name] = from[name];
  for (const name of ['keys', 'sound', 'desktop']) if (typeof from[name] === 'boolean') to[name] = from[name];
  if (from.keymap && typeof from.keymap === 'object') {
    to.keymap = Object.fromEntries(Object.entries(from.keymap).filter(([, key]) => typeof key === 'string' && key.length <= 32));
  }
  return to;
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

export const prefs = createStore(checked(kept()));
export const usePrefs = () => useStore(prefs);

let save = null; // set once somebody is logged in
let timer = 0;

function show({ theme, language }) {
  const root = document.documentElement;
  if (theme === 'system') delete root.dataset.theme;
  else root.dataset.theme = theme;
  root.lang = language;
}

prefs.watch((value) => {
  show(value);
  try {
    localStorage.setItem(KEPT, JSON.stringify(value));
  } catch {
    // a browser without storage: the server's copy is enough
  }
});
show(prefs.get());

/** Changes some of them, here and (half a second later, so that a slider does not storm) on the server. */
export function setPrefs(patch) {
  prefs.set((old) => checked({ ...old, ...patch }));
  if (!save) return;
  clearTimeout(timer);
  timer = setTimeout(() => save?.(prefs.get()), 500);
}

/** After a login: the server's copy holds; what it does not say stays as it was chosen here. `put` keeps further changes, null: nobody's. */
export function adoptPrefs(from, put) {
  save = put;
  clearTimeout(timer);
  if (from) prefs.set((old) => checked({ ...old, ...Object.fromEntries(Object.entries(from).filter(([, value]) => value !== null)) }));
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The keyboard. Every command has a name and a key of EveBox's map; a user may give it another one, or switch all of them off (WCAG 2.1.4).
//
// A key is written as what is printed on it: "j", "Shift+s", "F9", "Space", and two with a blank between for a sequence: "g i", "* a".
// With a Japanese input method on, the browser reports key "Process" and only event.code tells which key it was; then the letters of the
// code are taken. While a composition goes on every key belongs to it.
import { useLayoutEffect, useRef } from './dom.js';
import { prefs, setPrefs } from './prefs.js';

/** Commands, in the order of the help overlay: name, its key, its group. The text of each is key.<name>. */
export const COMMANDS = [
  ['help', '?', 'all'], ['search', '/', 'all'], ['range', 't', 'all'], ['pause', 'Space', 'all'], ['undo', 'u', 'all'], ['close', 'Escape', 'all'],
  ['go_overview', 'g h', 'go'], ['go_inbox', 'g i', 'go'], ['go_alerts', 'g a', 'go'], ['go_timeline', 'g n', 'go'], ['go_traffic', 'g o', 'go'],
  ['go_tail', 'g l', 'go'], ['go_sensors', 'g s', 'go'],
  ['next', 'j', 'list'], ['previous', 'k', 'list'], ['open', 'o', 'list'], ['select', 'x', 'list'], ['select_all', '* a', 'list'],
  ['select_none', '* n', 'list'], ['select_one', '* 1', 'list'], ['menu', '.', 'list'], ['sort', 'Shift+o', 'list'],
  ['acknowledge', 'w', 'triage'], ['assign_me', 'a', 'triage'], ['archive', 'e', 'triage'], ['archive_now', 'F8', 'triage'], ['escalate', 's', 'triage'],
  ['escalate_archive', 'Shift+s', 'triage'], ['escalate_archive_now', 'F9', 'triage'], ['comment', 'c', 'triage'], ['reopen', 'r', 'triage'],
].map(([name, key, group]) => ({ name, key, group }));
const known = new Map(COMMANDS.map((command) => [command.name, command]));

/** The key of a command, as the user has it. '' is none. */
export const keyOf = (name) => prefs.get().keymap[name] ?? known.get(name)?.key ?? '';
/** Gives a command another key; null: its own again. */
export function setKey(name, key) {
  const keymap = { ...prefs.get().keymap };
  if (key === null) delete keymap[name];
  else keymap[name] = key;
  setPrefs({ keymap });
}
/** Names of other commands that have the same key, or one that begins with it (the settings page warns of them). */
export function clashes(name, key) {
  if (!key) return [];
  return COMMANDS.filter((other) => other.name !== name).filter((other) => {
    const mine = keyOf(other.name);
    return mine && (mine === key || mine.startsWith(`${key} `) || key.startsWith(`${mine} `));
  }).map((other) => other.name);
}

// of a Japanese and of an American keyboard: `*` stands above 8 on one and beside Enter on the other
const CODES = { Slash: ['/', '?'], Period: ['.', '>'], Comma: [',', '<'], Digit8: ['8', '*'], Quote: ["'", '*'], Space: ['Space', 'Space'],
  Minus: ['-', '='], Semicolon: [';', '+'], NumpadMultiply: ['*', '*'], NumpadDivide: ['/', '/'] };
const NAMED = /^(Escape|Enter|Tab|Backspace|Delete|Home|End|Page(Up|Down)|Arrow(Up|Down|Left|Right)|F\d{1,2})$/;

function fromCode(event) {
  const { code, shiftKey } = event;
  if (/^Key[A-Z]$/.test(code)) return (shiftKey ? 'Shift+' : '') + code.slice(3).toLowerCase();
  if (CODES[code]) return CODES[code][shiftKey ? 1 : 0];
  if (/^(Digit|Numpad)\d$/.test(code)) return code.slice(-1);
  return NAMED.test(code) ? code : '';
}

/** What a keydown event is called in our writing, '' for none of ours. */
export function nameOf(event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return '';
  const key = event.key.normalize('NFKC'); // an input method may hand over full-width letters
  if (key === ' ') return 'Space';
  if (NAMED.test(key)) return (event.shiftKey ? 'Shift+' : '') + key;
  if (/^[a-zA-Z]$/.test(key)) return (event.shiftKey ? 'Shift+' : '') + key.toLowerCase();
  if (/^[!-~]$/.test(key)) return key;
  return fromCode(event);
}

const scopes = []; // of the frame first, of what was opened last at the end
let held = '';     // first half of a sequence
let timer = 0;

const typing = (target) => target instanceof HTMLElement
  && (target.isContentEditable || target.matches('textarea, select, input:not([type=checkbox]):not([type=radio]):not([type=button])'));

function find(name) {
  for (let at = scopes.length - 1; at >= 0; at--) {
    const handlers = scopes[at].current;
    for (const command of Object.keys(handlers.of)) {
      if (keyOf(command) === name) return () => handlers.of[command]();
    }
    if (handlers.modal) return null;
  }
  return null;
}

function begins(name) {
  for (let at = scopes.length - 1; at >= 0; at--) {
    const handlers = scopes[at].current;
    if (Object.keys(handlers.of).some((command) => keyOf(command).startsWith(`${name} `))) return true;
    if (handlers.modal) return false;
  }
  return false;
}

function onKey(event) {
  if (event.defaultPrevented) return;
  const name = nameOf(event);
  if (!name) return;
  if (typing(event.target) && name !== 'Escape') return;
  // what the browser does with Space and Enter on a button or link is the user's wish; rows are none of these
  if ((name === 'Space' || name === 'Enter') && event.target instanceof HTMLElement && event.target.closest('button, a, summary, [role=menuitem]')) return;
  if (!prefs.get().keys && name !== 'Escape') return;
  const whole = held ? `${held} ${name}` : name;
  held = '';
  clearTimeout(timer);
  const found = find(whole) ?? (whole === name ? null : find(name));
  if (found) {
    event.preventDefault();
    found();
  } else if (begins(whole)) {
    event.preventDefault();
    held = whole;
    timer = setTimeout(() => { held = ''; }, 1500);
  }
}

export const startKeys = () => addEventListener('keydown', onKey);

/**
 * Commands that hold while a part is on the page; of two with the same command the one that came last has it.
 * @param {Object<string, () => void>} handlers by name of command
 * @param {{modal?: boolean, when?: boolean}} [options] modal: nothing below is reached
 */
export function useKeys(handlers, { modal = false, when = true } = {}) {
  const scope = useRef({ of: handlers, modal });
  scope.current = { of: handlers, modal };
  // before the next key: after the next frame, one pressed at once would still mean what is below
  useLayoutEffect(() => {
    if (!when) return undefined;
    scopes.push(scope);
    return () => scopes.splice(scopes.indexOf(scope), 1);
  }, [when]);
}

/** Commands that can be carried out now: what the help overlay marks. */
export const reachable = () => new Set(scopes.flatMap((scope) => Object.keys(scope.current.of)));

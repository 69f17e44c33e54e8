// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Short messages at the foot of the page, told to screen readers; one may hold an undo, which its key reaches as well.
import { html, cx, useEffect } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { useKeys } from '../core/keys.js';
import { createStore, useStore } from '../core/store.js';
import { Button, IconButton } from './button.js';
import { Icon } from './icon.js';

const KEPT = 4;
const toasts = createStore({ list: [] });
let last = 0;

/**
 * @param {string} text
 * @param {{tone?: 'plain'|'good'|'warn'|'bad', undo?: () => void, until?: number, action?: {label: string, onClick: () => void}}} [options]
 *   until: when it goes (this desk's clock); 6 s if not said, 12 s for what went wrong
 */
export function toast(text, { tone = 'plain', undo, until, action } = {}) {
  const id = ++last;
  const end = until ?? Date.now() + (tone === 'bad' ? 12000 : 6000);
  toasts.set(({ list }) => ({ list: [...list.filter((one) => !(undo && one.undo)), { id, text, tone, undo, action, end }].slice(-KEPT) }));
  return id;
}
export const dismiss = (id) => toasts.set(({ list }) => ({ list: list.filter((one) => one.id !== id) }));

// Whoever takes back while something is on its way means that, and not what was done before it.
const flying = new Set();
/** Something that can be taken back is on its way. Call the answer when it has landed: it says, once, whether it was taken back meanwhile. */
export function underway() {
  const one = { regretted: false };
  flying.add(one);
  return () => flying.delete(one) && one.regretted;
}

const ICONS = { good: 'check', warn: 'warn', bad: 'warn' };

function Toast({ one }) {
  useEffect(() => {
    const timer = setTimeout(() => dismiss(one.id), Math.max(0, one.end - Date.now()));
    return () => clearTimeout(timer);
  }, [one.id]);
  const take = (f) => () => { dismiss(one.id); f(); };
  return html`<div class=${cx('toast', `toast-${one.tone}`)}>
    ${ICONS[one.tone] && html`<${Icon} name=${ICONS[one.tone]} />`}<span class="toast-text">${one.text}</span>
    ${one.undo && html`<${Button} kind="quiet" icon="undo" command="undo" changes onClick=${take(one.undo)}>${t('shell.undo')}<//>`}
    ${one.action && html`<${Button} kind="quiet" onClick=${take(one.action.onClick)}>${one.action.label}<//>`}
    <${IconButton} icon="close" label=${t('shell.close')} onClick=${() => dismiss(one.id)} />
  </div>`;
}

export function Toasts() {
  const { list } = useStore(toasts);
  const undo = list.findLast((one) => one.undo);
  useKeys({ undo: () => {
    const newest = [...flying].at(-1);
    if (newest) newest.regretted = true;
    else if (undo) { dismiss(undo.id); undo.undo(); }
  } });
  return html`<div class="toasts" role="status" aria-live="polite">${list.map((one) => html`<${Toast} key=${one.id} one=${one} />`)}</div>`;
}

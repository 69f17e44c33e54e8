// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
import { html, cx } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { keyOf } from '../core/keys.js';
import { useReadOnly } from '../core/live.js';
import { usePrefs } from '../core/prefs.js';
import { Icon } from './icon.js';

/** A key as it is shown: "Shift+s" is two caps. @param {{command?: string, name?: string}} props */
export function Key({ command, name }) {
  const prefs = usePrefs();
  const key = name ?? keyOf(command);
  if (!key || (command && !prefs.keys)) return null;
  return html`<span class="keys" aria-hidden="true">${key.split(/[ +]/).map((one) => html`<kbd>${one.length === 1 ? one.toUpperCase() : one === 'Escape' ? 'Esc' : one}</kbd>`)}</span>`;
}

const still = (event) => event.preventDefault();

/** Of what changes something: nothing happens, and its tooltip says why, while nothing can be saved. It keeps the focus. */
export function useShut(changes) {
  const shut = useReadOnly() && changes;
  return shut ? { onClick: still, 'aria-disabled': 'true', title: t('shell.read_only') } : null;
}

/**
 * A button with a word. kind: plain, primary, quiet, danger. `command` shows its key. A busy one does nothing, and keeps the focus that a
 * disabled one would lose. changes: what it does is saved.
 * @param {{kind?: string, icon?: string, command?: string, busy?: boolean, changes?: boolean, disabled?: boolean, onClick?: Function, type?: string, title?: string, class?: string, children: any}} props
 */
export function Button({ kind = 'plain', icon, command, busy, changes = false, children, class: extra, type = 'button', disabled, onClick, ...rest }) {
  const shut = useShut(changes);
  return html`<button type=${type} class=${cx('button', `button-${kind}`, extra)} disabled=${disabled} aria-busy=${busy ? 'true' : undefined} aria-disabled=${busy ? 'true' : undefined} onClick=${busy ? still : onClick} ...${rest} ...${shut}>
    ${icon && html`<${Icon} name=${icon} />`}<span>${children}</span>${command && html`<${Key} command=${command} />`}
  </button>`;
}

/** A button without a word; `label` is its name and tooltip. @param {{icon: string, label: string, onClick?: Function, pressed?: boolean, changes?: boolean, class?: string}} props */
export function IconButton({ icon, label, pressed, changes = false, class: extra, ...rest }) {
  const shut = useShut(changes);
  return html`<button type="button" class=${cx('icon-button', extra)} aria-label=${label} title=${label} aria-pressed=${pressed} ...${rest} ...${shut}><${Icon} name=${icon} /></button>`;
}

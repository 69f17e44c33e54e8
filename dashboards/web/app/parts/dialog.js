// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
import { html, useId, useLayoutEffect, useRef } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { useKeys } from '../core/keys.js';
import { IconButton } from './button.js';

/**
 * A dialog over the page: the browser's own <dialog>, which keeps the focus inside and gives it back. `onSubmit` makes it a form; Enter in a
 * field submits, Ctrl+Enter in a text area.
 * @param {{title: string, onClose: () => void, onSubmit?: () => void, footer?: any, wide?: boolean, children: any}} props
 */
export function Dialog({ title, onClose, onSubmit, footer, wide = false, children }) {
  const box = useRef(null), name = useId();
  // at once, not after the next frame: who has pressed a key may press the next already
  useLayoutEffect(() => {
    const back = document.activeElement, dialog = box.current;
    dialog.showModal();
    dialog.querySelector('[data-focus]')?.focus();
    return () => {
      dialog.close(); // while it is open, nothing beside it takes the focus
      if (back instanceof HTMLElement && back.isConnected) back.focus();
    };
  }, []);
  useKeys({ close: onClose }, { modal: true });
  const submit = (event) => {
    event.preventDefault();
    if (!box.current.querySelector('[type=submit]:is(:disabled, [aria-disabled=true])')) onSubmit?.(); // nor by Ctrl+Enter, and once
  };
  const onKeyDown = (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && onSubmit && !event.isComposing) submit(event);
  };
  const inside = html`
    <header class="dialog-head"><h2 id=${name}>${title}</h2><${IconButton} icon="close" label=${t('shell.close')} onClick=${onClose} /></header>
    <div class="dialog-body">${children}</div>
    ${footer && html`<footer class="dialog-foot">${footer}</footer>`}`;
  return html`<dialog ref=${box} class=${wide ? 'dialog dialog-wide' : 'dialog'} aria-labelledby=${name} onKeyDown=${onKeyDown}
      onCancel=${(event) => { event.preventDefault(); onClose(); }}
      onMouseDown=${(event) => { if (event.target === box.current) onClose(); }}>
    ${onSubmit ? html`<form class="dialog-in" onSubmit=${submit}>${inside}</form>` : html`<div class="dialog-in">${inside}</div>`}
  </dialog>`;
}

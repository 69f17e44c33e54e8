// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
import { html, cx, useLayoutEffect, useRef, useState } from '../core/dom.js';
import { Icon } from './icon.js';
import { Key, useShut } from './button.js';

/**
 * Items of a menu, at a place. Arrows move, Enter chooses, Esc closes, a letter jumps.
 * items: {label, icon?, command?, onChoose?, href?, checked?, disabled?, separator?: true, heading?: string}
 * @param {{items: Array, at: {x: number, y: number, top?: number, width?: number}, onClose: () => void, label: string}} props
 */
export function MenuList({ items, at, onClose, label }) {
  const box = useRef(null);
  const options = () => [...box.current.querySelectorAll('[role^=menuitem]:not([aria-disabled=true])')];
  useLayoutEffect(() => {
    // within the window and above everything, whatever opened it: a row of a table is a world of its own to what is placed in it
    if (!box.current.matches(':popover-open')) box.current.showPopover?.();
    const { offsetWidth: width, offsetHeight: height } = box.current;
    box.current.style.left = `${Math.max(8, Math.min(at.x, innerWidth - width - 8))}px`;
    box.current.style.top = `${at.y + height > innerHeight - 8 ? Math.max(8, (at.top ?? at.y) - height) : at.y}px`;
  });
  // at once, not after the next frame: who has pressed a key may press the next already
  useLayoutEffect(() => {
    const back = document.activeElement;
    options()[0]?.focus();
    const away = (event) => { if (!box.current?.contains(event.target)) onClose(); };
    const gone = () => onClose();
    document.addEventListener('pointerdown', away, true);
    addEventListener('resize', gone);
    return () => {
      document.removeEventListener('pointerdown', away, true);
      removeEventListener('resize', gone);
      if (back instanceof HTMLElement && back.isConnected && document.activeElement === document.body) back.focus();
    };
  }, []);
  const choose = (item) => (event) => {
    if (item.disabled) { event.preventDefault(); return; }
    onClose();
    item.onChoose?.(event);
  };
  const onKeyDown = (event) => {
    const all = options(), here = all.indexOf(document.activeElement);
    event.stopPropagation(); // the commands of the page do not hold here
    if (event.isComposing) return;
    if (event.key === 'ArrowDown') all[(here + 1) % all.length]?.focus();
    else if (event.key === 'ArrowUp') all[(here - 1 + all.length) % all.length]?.focus();
    else if (event.key === 'Home') all[0]?.focus();
    else if (event.key === 'End') all.at(-1)?.focus();
    else if (event.key === 'Escape' || event.key === 'Tab') onClose();
    else if (event.key.length === 1 && event.key !== ' ') {
      const found = [...all.slice(here + 1), ...all.slice(0, here + 1)].find((one) => one.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase()));
      found?.focus();
      return;
    } else return;
    event.preventDefault();
  };
  return html`<div ref=${box} class="menu" popover="manual" role="menu" aria-label=${label} onKeyDown=${onKeyDown}>
    ${items.filter(Boolean).map((item) => {
      if (item.separator) return html`<div class="menu-line" role="separator"></div>`;
      if (item.heading) return html`<div class="menu-heading" role="presentation">${item.heading}</div>`;
      const inside = html`<span class="menu-icon">${item.checked ? html`<${Icon} name="check" />` : item.icon && html`<${Icon} name=${item.icon} />`}</span>
        <span class="menu-text">${item.label}</span>${item.note && html`<span class="menu-note">${item.note}</span>`}${item.command && html`<${Key} command=${item.command} />`}`;
      const same = { class: cx('menu-item', item.danger && 'menu-danger'), tabIndex: -1, onClick: choose(item), 'aria-disabled': item.disabled ? 'true' : undefined };
      if (item.href) return html`<a role="menuitem" href=${item.href} ...${same}>${inside}</a>`;
      return html`<button type="button" role=${item.checked === undefined ? 'menuitem' : 'menuitemradio'} aria-checked=${item.checked} ...${same}>${inside}</button>`;
    })}
  </div>`;
}

/** Where a menu belongs that an element opens. */
export function below(element) {
  const box = element.getBoundingClientRect();
  return { x: box.left, y: box.bottom + 4, top: box.top - 4 };
}

/**
 * A button that opens a menu. `open` (a ref) lets a key open it.
 * @param {{label: string, items: () => Array, icon?: string, class?: string, busy?: boolean, changes?: boolean, children?: any, opener?: {current: any}}} props
 *   changes: all of its items are of what is saved
 */
export function MenuButton({ label, items, icon, class: extra, busy = false, changes = false, children, opener }) {
  const [at, setAt] = useState(null), button = useRef(null), shut = useShut(changes);
  const open = () => setAt(at ? null : below(button.current));
  if (opener) opener.current = open;
  return html`<button ref=${button} type="button" class=${cx(children ? 'button' : 'icon-button', extra)} aria-haspopup="menu" aria-expanded=${at ? 'true' : 'false'}
      aria-label=${children ? undefined : label} title=${label} aria-disabled=${busy ? 'true' : undefined} onClick=${busy ? undefined : open} ...${shut}>${icon && html`<${Icon} name=${icon} />`}${children}</button>
    ${at && html`<${MenuList} items=${items()} at=${at} label=${label} onClose=${() => { setAt(null); button.current?.focus(); }} />`}`;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The order of a list: ?sort= of its address. A menu, for not every order has a column; the heads of columns set the same.
import { html, useRef, useState } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { useKeys } from '../core/keys.js';
import { setQuery } from '../core/router.js';
import { Icon } from './icon.js';
import { MenuList, below } from './menu.js';

/** Sets the order of the address; the first of `orders` is the page's own, and is not written there. */
export const setSort = (order, orders) => setQuery({ sort: order === orders[0] ? null : order }, { replace: false });

/** @param {{value: string, orders: string[]}} props orders: by names of the API; the first is the page's own */
export function SortPicker({ value, orders }) {
  const [at, setAt] = useState(null), button = useRef(null);
  const open = () => setAt(at ? null : below(button.current));
  useKeys({ sort: open });
  return html`<button ref=${button} type="button" class="button button-plain sort-button" aria-haspopup="menu" aria-expanded=${at ? 'true' : 'false'}
      aria-label=${`${t('sort.label')}: ${t(`sort.${value}`)}`} onClick=${open}><${Icon} name="sort" /><span>${t(`sort.${value}`)}</span><${Icon} name="down" size=${12} /></button>
    ${at && html`<${MenuList} items=${orders.map((order) => ({ label: t(`sort.${order}`), checked: order === value, onChoose: () => setSort(order, orders) }))} at=${at} label=${t('sort.label')} onClose=${() => { setAt(null); button.current?.focus(); }} />`}`;
}

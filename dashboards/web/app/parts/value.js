// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A value that leads on: filter it in, filter it out, open its page, copy. One click (or Enter) opens the menu.
import { html, cx, useRef, useState } from '../core/dom.js';
import { language, t } from '../core/i18n.js';
import { href, navigate, setQuery, where } from '../core/router.js';
import { toast } from './toast.js';
import { MenuList, below } from './menu.js';

/** A value as a term of the search grammar: quoted where it holds blanks or quotes. */
export const term = (field, value) => `${field}:${/[\s"]/.test(value) ? `"${String(value).replaceAll('"', '')}"` : value}`;

/** Adds a term to the query of the page shown, or opens the search with it where the page has none. */
export function filterBy(text) {
  const { query, route } = where.get();
  const searches = ['inbox', 'alerts', 'tail'].includes(route?.page);
  const opposite = text.startsWith('-') ? text.slice(1) : `-${text}`;
  const terms = (searches ? query.q ?? '' : '').split(/\s+(?=(?:[^"]*"[^"]*")*[^"]*$)/).filter((one) => one && one !== text && one !== opposite);
  const q = [...terms, text].join(' ');
  if (searches) setQuery({ q }, { replace: false });
  else navigate(href('/alerts', { q }));
}

/** Copies, and says so. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t('shell.copied', { what: what ?? text.slice(0, 60) }), { tone: 'good' });
  } catch {
    toast(t('shell.not_copied'), { tone: 'bad' });
  }
}

/**
 * @param {{field?: string, value: string, page?: string, pageLabel?: string, pivots?: Array<{label: string, href: string}>, quiet?: boolean, children?: any}} props
 *   field: of the search grammar (ip, kind, org …); page: address of the value's own page; children: how it is shown, else the value
 */
export function Value({ field, value, page, pageLabel, pivots = [], quiet = false, children }) {
  const [at, setAt] = useState(null), button = useRef(null);
  if (value === null || value === undefined || value === '') return html`<span class="muted">–</span>`;
  const items = () => [
    page && { label: pageLabel ?? t('shell.open_page'), icon: 'right', href: page },
    field && { label: t('shell.filter_in'), icon: 'plus', onChoose: () => filterBy(term(field, value)) },
    field && { label: t('shell.filter_out'), icon: 'minus', onChoose: () => filterBy(`-${term(field, value)}`) },
    ...pivots.map((pivot) => ({ label: pivot.label, icon: 'search', href: pivot.href })),
    { label: t('shell.copy'), icon: 'copy', onChoose: () => copy(String(value)) },
  ];
  return html`<button ref=${button} type="button" class=${cx('value', quiet && 'value-quiet')} aria-haspopup="menu" aria-expanded=${at ? 'true' : 'false'}
      onClick=${(event) => { event.stopPropagation(); setAt(at ? null : below(button.current)); }}>${children ?? String(value)}</button>
    ${at && html`<${MenuList} items=${items()} at=${at} label=${String(value).slice(0, 80)} onClose=${() => { setAt(null); button.current?.focus(); }} />`}`;
}

/** The name of a body in the language shown. */
export const orgName = (org) => (org ? org[`name_${language()}`] || org.name_ja || org.code : '');

/** A body; leads to its page. @param {{org: {code: string, name_ja: string, name_en: string}|null, quiet?: boolean}} props */
export const Org = ({ org, quiet }) => (org
  ? html`<${Value} field="org" value=${org.code} page=${`/bodies/${encodeURIComponent(org.code)}`} pageLabel=${t('shell.open_body')} quiet=${quiet}>${orgName(org)}<//>`
  : html`<span class="muted">${t('shell.no_body')}</span>`);

/**
 * One end of an alert: address and port; masked ones by their body's name; what has no address says so.
 * @param {{end: {ip: string|null, port?: number, org?: any, masked?: boolean}, port?: boolean, quiet?: boolean}} props
 */
export function End({ end, port = true, quiet }) {
  if (!end) return html`<span class="muted">–</span>`;
  if (end.masked) return html`<span class="masked" title=${t('shell.masked')}>${end.org ? orgName(end.org) : t('shell.masked_short')}</span>`;
  if (!end.ip) return html`<span class="muted">${t('shell.many')}</span>`;
  const single = !end.ip.includes('/');
  const shown = port && end.port ? (end.ip.includes(':') ? `[${end.ip}]:${end.port}` : `${end.ip}:${end.port}`) : end.ip;
  return html`<${Value} field="ip" value=${end.ip} page=${single ? `/hosts/${encodeURIComponent(end.ip)}` : undefined} pageLabel=${t('shell.open_host')} quiet=${quiet}><span class="address">${shown}</span><//>`;
}

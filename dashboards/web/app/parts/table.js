// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Tables. Table draws only the rows in sight (100,000 rows are some 50 in the DOM), is walked by keyboard and keeps its head in place.
// Plain is an ordinary <table> for short ones. useHeld keeps rows from moving under a pointer or the focus.
//
// A virtual grid: the box has the focus and says by aria-activedescendant which row is meant, so that the focus survives any scrolling.
import { html, cx, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { useKeys } from '../core/keys.js';
import { Icon } from './icon.js';

/** @typedef {{id: string, label: string, width: string, align?: 'end'|'center', cell: (row: any) => any, sorts?: {down?: string, up?: string}, hideLabel?: boolean, class?: string}} Column width: of CSS grid */

const AHEAD = 8;

/**
 * @param {{rows: any[], columns: Column[], rowKey: (row: any) => string, label: string, rowHeight?: number, focus?: string|null,
 *   onFocus?: (key: string) => void, onOpen?: (row: any) => void, selected?: Set<string>, onSelect?: (key: string, on: boolean) => void,
 *   onSelectAll?: (on: boolean) => void, rowName?: (row: any) => string, rowTone?: (row: any) => string, rowTime?: (row: any) => number, sort?: string, onSort?: (order: string) => void,
 *   total?: number, onMore?: () => void, keys?: boolean, box?: {current: HTMLElement}, loading?: boolean}} props
 *   focus: key of the row meant; total and onMore: there are more on the server; keys false: j, k, o, x are not taken by this table;
 *   sort: the order that the rows are in, by its name; sorts of a column: the names of its orders, greatest first (down) and least first (up)
 */
export function Table({ rows, columns, rowKey, label, rowHeight = 36, focus = null, onFocus = () => {}, onOpen, selected, onSelect, onSelectAll, rowName, rowTone, rowTime,
  sort, onSort, total, onMore, keys = true, box, loading }) {
  const own = useRef(null), scroller = box ?? own, id = useId();
  const [view, setView] = useState({ top: 0, height: 600 });
  const at = useMemo(() => rows.findIndex((row) => rowKey(row) === focus), [rows, focus]);
  const head = 32;

  useLayoutEffect(() => {
    const element = scroller.current;
    const look = () => setView((old) => (old.top === element.scrollTop && old.height === element.clientHeight ? old
      : { top: element.scrollTop, height: element.clientHeight }));
    let frame = 0;
    const onScroll = () => { frame ||= requestAnimationFrame(() => { frame = 0; look(); }); };
    element.addEventListener('scroll', onScroll, { passive: true });
    const size = new ResizeObserver(look);
    size.observe(element);
    look();
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener('scroll', onScroll);
      size.disconnect();
    };
  }, []);

  const first = Math.max(0, Math.floor(view.top / rowHeight) - AHEAD);
  const end = Math.min(rows.length, Math.ceil((view.top + view.height) / rowHeight) + AHEAD);

  useEffect(() => {
    if (onMore && rows.length && end >= rows.length - AHEAD && !loading && (total === undefined || rows.length < total)) onMore();
  }, [end, rows.length, loading]);

  const show = (index) => {
    const element = scroller.current, above = index * rowHeight, below = above + rowHeight + head;
    if (above < element.scrollTop) element.scrollTop = above;
    else if (below > element.scrollTop + element.clientHeight) element.scrollTop = below - element.clientHeight;
  };
  const go = (index) => {
    if (!rows.length) return;
    const next = Math.max(0, Math.min(rows.length - 1, index));
    show(next);
    onFocus(rowKey(rows[next]));
  };
  const flip = () => { if (at >= 0 && onSelect) onSelect(rowKey(rows[at]), !selected?.has(rowKey(rows[at]))); };
  const open = () => { if (at >= 0) onOpen?.(rows[at]); };
  useKeys({ next: () => go(at + 1), previous: () => go(at < 0 ? 0 : at - 1), ...(onOpen ? { open } : {}), ...(onSelect ? { select: flip } : {}) }, { when: keys });

  const onKeyDown = (event) => {
    if (event.target !== scroller.current || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(view.height / rowHeight) - 2);
    const moves = { ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: rows.length - 1 };
    if (event.key in moves) go(moves[event.key]);
    else if (event.key === 'Enter') open();
    else return;
    event.preventDefault();
  };

  const all = selected && rows.length > 0 && rows.every((row) => selected.has(rowKey(row)));
  const template = (onSelect ? '36px ' : '') + columns.map((column) => column.width).join(' ');
  const cell = (column, content, extra) => html`<div role="gridcell" class=${cx('cell', column.align && `cell-${column.align}`, column.class, extra)}>${content}</div>`;
  return html`<div ref=${scroller} class="grid" role="grid" tabIndex="0" aria-label=${label} aria-rowcount=${(total ?? rows.length) + 1} aria-multiselectable=${onSelect ? 'true' : undefined}
      aria-activedescendant=${at >= first && at < end ? `${id}-${at}` : undefined} aria-busy=${loading ? 'true' : undefined} onKeyDown=${onKeyDown} style=${{ '--cols': template }}>
    <div class="grid-head" role="row" aria-rowindex="1">
      ${onSelect && html`<div role="columnheader" class="cell cell-check">${onSelectAll && html`<input type="checkbox" checked=${all} indeterminate=${!all && selected?.size > 0}
        aria-label=${t('shell.select_all')} onChange=${(event) => onSelectAll(event.target.checked)} />`}</div>`}
      ${columns.map((column) => {
        const { up: least, down: most } = column.sorts ?? {}, up = !!least && sort === least, down = !!most && sort === most;
        return html`<div role="columnheader" class=${cx('cell', column.align && `cell-${column.align}`, column.class)} aria-sort=${up ? 'ascending' : down ? 'descending' : undefined}>
          ${column.sorts && onSort && !column.hideLabel ? html`<button type="button" class="sorter" onClick=${() => onSort((down && least) || (up && most) || most || least)}>${column.label}<span class=${cx('sorter-mark', up && 'sorter-up', down && 'sorter-down')}><${Icon} name="down" size=${10} /></span></button>`
            : html`<span class=${column.hideLabel ? 'only-read' : undefined}>${column.label}</span>`}</div>`;
      })}
    </div>
    <div class="grid-body" role="rowgroup" style=${{ height: `${rows.length * rowHeight}px` }}>
      ${rows.slice(first, end).map((row, offset) => {
        const index = first + offset, key = rowKey(row), on = !!selected?.has(key);
        return html`<div key=${key} id=${`${id}-${index}`} role="row" aria-rowindex=${index + 2} aria-selected=${onSelect ? String(on) : undefined} aria-label=${rowName?.(row)}
            class=${cx('grid-row', index === at && 'grid-row-focus', on && 'grid-row-selected', rowTone?.(row))} data-id=${row.id ?? key} data-time=${rowTime?.(row)} aria-current=${index === at ? 'true' : undefined}
            style=${{ transform: `translateY(${index * rowHeight}px)`, height: `${rowHeight}px` }} onClick=${() => onFocus(key)} onDblClick=${() => onOpen?.(row)}>
          ${onSelect && html`<div role="gridcell" class="cell cell-check"><input type="checkbox" tabIndex="-1" checked=${on} aria-label=${t('shell.select_row')}
            onClick=${(event) => event.stopPropagation()} onChange=${(event) => onSelect(key, event.target.checked)} /></div>`}
          ${columns.map((column) => cell(column, column.cell(row)))}
        </div>`;
      })}
    </div>
  </div>`;
}

/**
 * A short table as HTML has it. @param {{rows: any[], columns: Column[], caption: string, rowKey?: (row: any, at: number) => any, empty?: any}} props
 */
export function Plain({ rows, columns, caption, rowKey = (row, at) => at, empty }) {
  return html`<div class="plain-scroll" tabIndex="0" role="region" aria-label=${caption}><table class="plain"><caption class="only-read">${caption}</caption>
    <thead><tr>${columns.map((column) => html`<th scope="col" class=${column.align && `cell-${column.align}`}>${column.label}</th>`)}</tr></thead>
    <tbody>${rows.map((row, at) => html`<tr key=${rowKey(row, at)}>${columns.map((column) => html`<td class=${cx(column.align && `cell-${column.align}`, column.class)}>${column.cell(row)}</td>`)}</tr>`)}
      ${rows.length === 0 && empty && html`<tr><td class="plain-empty" colSpan=${columns.length}>${empty}</td></tr>`}</tbody></table></div>`;
}

/**
 * Rows that do not move under the reader. While `still` holds (pointer or focus in the list, or it is scrolled), rows that are shown keep
 * their places and are brought up to date there, and what is new waits; `take` shows it.
 * @param {any[]} fresh rows as the server has them now
 * @param {(row: any) => string} rowKey
 * @param {boolean} still
 * @param {any} version what the list is of (query, sort): when it changes nothing is held
 * @returns {{rows: any[], waiting: number, gone: Set<string>, take: () => void, drop: (keys: string[]) => void}} gone: shown, and not in the list
 *   any more; drop: takes rows out that the reader himself has dealt with
 */
export function useHeld(fresh, rowKey, still, version) {
  const kept = useRef({ rows: fresh, version });
  const [, again] = useState(0);
  if (!still || kept.current.version !== version || kept.current.rows.length === 0) kept.current = { rows: fresh, version };
  return useMemo(() => {
    const now = new Map(fresh.map((row) => [rowKey(row), row]));
    const shown = new Set(kept.current.rows.map(rowKey));
    const rows = kept.current.rows === fresh ? fresh : kept.current.rows.map((row) => now.get(rowKey(row)) ?? row);
    kept.current = { ...kept.current, rows };
    // what stands behind the last shown row is the next page, not news
    const lastShown = fresh.findLastIndex((row) => shown.has(rowKey(row)));
    const waiting = rows === fresh ? 0 : lastShown < 0 ? fresh.length : fresh.filter((row, at) => at < lastShown && !shown.has(rowKey(row))).length;
    const below = rows === fresh || lastShown < 0 ? [] : fresh.slice(lastShown + 1);
    return {
      rows: below.length ? [...rows, ...below] : rows, waiting,
      gone: new Set(rows === fresh ? [] : rows.map(rowKey).filter((key) => !now.has(key))),
      take: () => { kept.current = { rows: fresh, version }; again((n) => n + 1); },
      drop: (keys) => {
        const out = new Set(keys);
        kept.current = { rows: kept.current.rows.filter((row) => !out.has(rowKey(row))), version };
        again((n) => n + 1);
      },
    };
  }, [fresh, still, version, kept.current.rows]);
}

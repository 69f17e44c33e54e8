// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The board of bodies: a tile each, worst first, a link to the body. 300 tiles stay below the page's budget of nodes because a calm tile
// has ten of them: its sign is drawn by the style sheet. One tile is in the tab order; the arrow keys walk the rest, as rows and columns stand on the screen.
import { html, useMemo, useRef, useState, cx, collate, t, setQuery, Section, Severity, format } from '../ui.js';
import { againstHabit, attentionOf, breached, chosen, ordered, SORTS, sparkPath, trafficNow } from '../facts/board.js';
import { SEVERITIES, words } from '../facts/page.js';
import { orgName, zoneName } from '../facts/words.js';
import { bodyAddress } from '../facts/query.js';

const { bitrate, count, percent } = format;

const WIDTH = 120, HEIGHT = 24;
const FEW = 3; // that many are seen at a glance, without searching and sorting

function Tile({ tile, blind, focusable, range, index }) {
  const attention = attentionOf(tile, blind);
  const { line, usual } = sparkPath(tile, WIDTH, HEIGHT);
  const name = orgName(tile.org, words());
  const now = trafficNow(tile), habit = againstHabit(tile);
  const waiting = attention === 'overdue' ? tile.overdue : attention === 'some' ? tile.inbox : 0;
  const open = SEVERITIES.filter((severity) => tile.open?.[severity] > 0);
  const zones = Object.entries(tile.zones ?? {}).filter(([, state]) => state === 'breach').map(([zone]) => zoneName(zone, words()));
  const said = now === null ? t('board.no_rate') : habit === null ? bitrate(now) : t('board.against', { rate: bitrate(now), share: percent(habit, 0) });
  return html`<li><a class=${cx('tile', `is-${attention}`)} href=${`${bodyAddress(tile.org.code)}?range=${range}`} tabindex=${focusable ? 0 : -1} data-tile=${index}>
    <span class="tile-name">${name}</span>
    <span class="tile-state">${waiting > 0 ? t('board.waiting', { is: t(`board.is.${attention}`), n: waiting }) : t(`board.is.${attention}`)}</span>
    ${open.length > 0 && html`<span class="tile-open">${open.map((severity) => html`<span><${Severity} severity=${severity} /> <b>${count(tile.open[severity])}</b></span>`)}</span>`}
    ${(tile.dark || tile.saturated || breached(tile)) && html`<span class="tile-marks">
      ${tile.dark && attention !== 'dark' && html`<span>${t('board.is.dark')}</span>`}
      ${tile.saturated && attention !== 'saturated' && html`<span>${t('board.is.saturated')}</span>`}
      ${zones.map((zone) => html`<span>${t('board.breach', { zone })}</span>`)}</span>`}
    <svg class="tile-spark" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      ${usual !== null && html`<line x1="0" x2=${WIDTH} y1=${usual} y2=${usual} />`}${line && html`<path d=${line} />`}</svg>
    <span class="tile-rate">${said}</span>
  </a></li>`;
}

/** @param {{rows: Array, total: number, blind: boolean, query: object, range: string}} props query: of the page's address (sort, find, needy) */
export function Board({ rows, blind, query, range }) {
  const list = useRef(null);
  const [at, setAt] = useState(0);
  const sort = SORTS.includes(query.sort) ? query.sort : 'attention';
  const needy = query.needy === '1';
  const shown = useMemo(() => ordered(chosen(rows, query.find, needy, blind), sort,
    (a, b) => collate(a.name_kana || orgName(a.org, words()), b.name_kana || orgName(b.org, words())), blind), [rows, query.find, needy, sort, blind]);
  const cursor = Math.min(at, Math.max(0, shown.length - 1));
  const go = (index) => {
    setAt(index);
    list.current.querySelector(`[data-tile="${index}"]`)?.focus();
  };
  const onKeyDown = (event) => {
    const tiles = [...list.current.querySelectorAll('[data-tile]')];
    const here = tiles.indexOf(event.target.closest('[data-tile]'));
    if (here < 0)
      return;
    const columns = Math.max(1, tiles.filter((tile) => tile.offsetTop === tiles[0].offsetTop).length);
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const next = by ? here + by : event.key === 'Home' ? 0 : event.key === 'End' ? tiles.length - 1 : -1;
    if (next < 0 || next >= tiles.length || event.ctrlKey || event.metaKey || event.altKey)
      return;
    event.preventDefault();
    go(next);
  };
  return html`<${Section} class="board" title=${html`${t('board.title')} <span class="muted number">${t('board.count', { n: shown.length, total: rows.length })}</span>`} tools=${(rows.length > FEW || query.find) && html`
      <label class="field-inline">${t('board.find')} <input type="search" value=${query.find ?? ''} maxlength="80" onInput=${(event) => setQuery({ find: event.target.value })} /></label>
      <label class="field-inline">${t('board.sort')} <select value=${sort} onChange=${(event) => setQuery({ sort: event.target.value === 'attention' ? null : event.target.value })}>
        ${SORTS.map((name) => html`<option value=${name}>${t(`board.sort.${name}`)}</option>`)}</select></label>
      <label class="field-inline"><input type="checkbox" checked=${needy} onChange=${(event) => setQuery({ needy: event.target.checked ? '1' : null })} /> ${t('board.needy')}</label>`}>
    ${shown.length === 0 ? html`<p class="muted">${t(rows.length ? 'board.none_found' : 'board.none')}</p>`
    : html`<ul class="tiles" ref=${list} onKeyDown=${onKeyDown} aria-label=${t('board.title')}>
      ${shown.map((tile, i) => html`<${Tile} key=${tile.org.code} tile=${tile} blind=${blind} index=${i} focusable=${i === cursor} range=${range} />`)}</ul>`}
  <//>`;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Counts over time as bars, of which a stretch can be chosen with the pointer or the arrow keys. It is a slider for assistive technology
// (its value is the bar under the cursor, in words), and a table for who wants numbers. Few nodes, however many bars: a path each series.
import { html, useId, useRef, useState, cx, t, format, time } from '../ui.js';

const { count } = format;
const { both, day, short } = time;

const DAY_MS = 86400000;
const HIGH = 100; // of the drawing; its width is the number of bars

function bars(values, most, from, to) {
  let path = '';
  for (let i = from; i <= to; i++) {
    const height = values[i] > 0 ? Math.max(2, (values[i] / most) * (HIGH - 2)) : 0;
    if (height)
      path += `M${i + 0.12} ${HIGH}v${-height}h0.76v${height}z`;
  }
  return path;
}

/**
 * @param {{values: number[], start: number, step: number, name: string, usual?: number|null, onChoose?: (from: number, to: number) => void,
 *   height?: number}} props  start, step in ms; usual: a line at what is usual a bar; onChoose: a stretch was chosen
 */
export function Histogram({ values, start, step, name, usual = null, onChoose, height = 96 }) {
  const id = useId();
  const box = useRef(null);
  const [cursor, setCursor] = useState(null);
  const [anchor, setAnchor] = useState(null);
  const [dragging, setDragging] = useState(false);
  const [table, setTable] = useState(false);
  const n = values.length;
  if (!n)
    return null;
  const most = Math.max(1, usual ?? 0, ...values);
  const total = values.reduce((a, b) => a + b, 0);
  const at = (i) => start + i * step;
  const low = cursor === null ? null : Math.min(cursor, anchor ?? cursor);
  const high = cursor === null ? null : Math.max(cursor, anchor ?? cursor);
  const chosen = (i, j) => values.slice(i, j + 1).reduce((a, b) => a + b, 0);
  // of bars that are days, the first and the last day; else the times of their edges
  const days = step % DAY_MS === 0, from = (i) => (days ? day(at(i)).slice(5) : short(at(i))), to = (i) => (days ? day(at(i)).slice(5) : short(at(i + 1)));
  const say = low === null ? t('histogram.summary', { name, n: total, from: from(0), to: to(n - 1) })
    : days && low === high ? t('histogram.one', { at: from(low), n: chosen(low, high) }) : t('histogram.bar', { from: from(low), to: to(high), n: chosen(low, high) });
  const barAt = (event) => {
    const area = box.current.getBoundingClientRect();
    return Math.min(n - 1, Math.max(0, Math.floor(((event.clientX - area.left) / area.width) * n)));
  };
  const apply = (i, j) => onChoose?.(at(i), at(j + 1));
  const onKeyDown = (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    const here = cursor ?? n - 1;
    const next = move ? Math.min(n - 1, Math.max(0, here + move)) : event.key === 'Home' ? 0 : event.key === 'End' ? n - 1 : null;
    if (next !== null) {
      event.preventDefault();
      if (event.shiftKey && onChoose)
        setAnchor(anchor ?? here);
      else
        setAnchor(null);
      setCursor(next);
    } else if (event.key === 'Enter' && low !== null && onChoose) {
      event.preventDefault();
      apply(low, high);
    } else if (event.key === 'Escape' && cursor !== null) {
      event.stopPropagation();
      setCursor(null);
      setAnchor(null);
    }
  };
  const pointer = {
    onPointerDown: (event) => {
      if (event.button !== 0 || !onChoose)
        return;
      box.current.setPointerCapture?.(event.pointerId);
      const bar = barAt(event);
      setDragging(true);
      setCursor(bar);
      setAnchor(bar);
    },
    onPointerMove: (event) => {
      setCursor(barAt(event));
      if (!dragging)
        setAnchor(null);
    },
    onPointerUp: () => {
      if (dragging)
        apply(low, high);
      setDragging(false);
      setAnchor(null);
    },
    onPointerLeave: () => {
      if (!dragging)
        setCursor(null);
    },
  };
  return html`<figure class="histogram">
    <div class=${cx('histogram-box', onChoose && 'is-brush')} ref=${box} tabindex="0" role="slider" aria-label=${name} aria-valuemin="0" aria-valuemax=${n - 1}
      aria-valuenow=${cursor ?? n - 1} aria-valuetext=${say} aria-describedby=${`${id}h`} style=${{ height: `${height}px` }}
      onKeyDown=${onKeyDown} ...${pointer}>
      <svg viewBox=${`0 0 ${n} ${HIGH}`} preserveAspectRatio="none" aria-hidden="true">
        <path class="histogram-bars" d=${bars(values, most, 0, n - 1)} />
        ${low !== null && html`<rect class="histogram-choice" x=${low} y="0" width=${high - low + 1} height=${HIGH} />
          <path class="histogram-bars is-chosen" d=${bars(values, most, low, high)} />`}
        ${usual > 0 && html`<line class="histogram-usual" x1="0" x2=${n} y1=${HIGH - (usual / most) * (HIGH - 2)} y2=${HIGH - (usual / most) * (HIGH - 2)} />`}
      </svg>
      ${total > 0 ? html`<span class="histogram-most" aria-hidden="true">${count(most)}</span>` : html`<span class="histogram-none" aria-hidden="true">${t('histogram.none')}</span>`}
    </div>
    <div class="histogram-foot">
      <span title=${both(start)}>${from(0)}</span>
      <span class="histogram-middle"><span class="histogram-say" id=${`${id}h`}>${say}${onChoose && cursor === null ? html`<span class="only-read">${t('histogram.keys')}</span>` : ''}</span>
        <button type="button" class="histogram-toggle" aria-expanded=${table} onClick=${() => setTable(!table)}>${t(table ? 'histogram.hide_table' : 'histogram.show_table')}</button></span>
      <span title=${both(at(n))}>${to(n - 1)}</span>
    </div>
    ${table && html`<div class="plain-scroll" tabindex="0" role="region" aria-label=${name}><table class="plain">
      <caption>${name}</caption>
      <thead><tr><th scope="col">${t('histogram.time')}</th><th scope="col" class="cell-end">${t('histogram.count')}</th></tr></thead>
      <tbody>${values.map((value, i) => value > 0 && html`<tr key=${i}><th scope="row">${from(i)}</th><td class="cell-end">${count(value)}</td></tr>`)}</tbody>
    </table></div>`}
  </figure>`;
}

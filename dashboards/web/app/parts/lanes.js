// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The drawing of the timeline: a lane a victim, spans as bars whose height and colour is their severity. Some ten paths however many spans
// there are; the pointer and the arrow keys find a span by geometry (facts/lanes.js), and the one that is meant is described below in words.
import { html, cx, useEffect, useLayoutEffect, useMemo, useRef, useState, pick, t, Icon, Severity, Time, orgName, time } from '../ui.js';
import { layOut, marks, pan, step, zoom } from '../facts/lanes.js';
import { SEVERITIES, words } from '../facts/page.js';
import { alertAddress } from '../facts/query.js';
import { duration } from '../facts/amount.js';

const ROW = 14, GAP = 10, HEAD = 28, TICK = 44; // TICK: what a time of the axis takes
const TALL = { critical: 12, high: 10, medium: 8, low: 6, info: 4 };

/** A bar of each span, by severity. */
function paths(placed, tops) {
  const found = Object.fromEntries(SEVERITIES.map((severity) => [severity, '']));
  placed.forEach(({ spans }, lane) => {
    for (const { span, x, width, row } of spans) {
      const severity = found[span.severity] === undefined ? 'info' : span.severity;
      const tall = TALL[severity];
      found[severity] += `M${x.toFixed(1)} ${tops[lane] + row * ROW + (ROW - tall) / 2}h${width.toFixed(1)}v${tall}h${-width.toFixed(1)}z`;
    }
  });
  return found;
}

/** @param {{timeline: {from_ms: number, to_ms: number, lanes: Array}, onOpen: (span: object) => void}} props */
export function Lanes({ timeline, onOpen }) {
  const whole = useMemo(() => ({ from: timeline.from_ms, to: timeline.to_ms }), [timeline.from_ms, timeline.to_ms]);
  const [view, setView] = useState(null), [width, setWidth] = useState(800), [at, setAt] = useState(null);
  const plot = useRef(null), box = useRef(null);
  const window = view ?? whole;
  useEffect(() => setView(null), [whole.to - whole.from]);
  useLayoutEffect(() => {
    const size = new ResizeObserver(() => setWidth(Math.max(200, plot.current.clientWidth)));
    size.observe(plot.current);
    setWidth(Math.max(200, plot.current.clientWidth));
    return () => size.disconnect();
  }, []);
  const placed = useMemo(() => layOut(timeline.lanes, window, width), [timeline, window.from, window.to, width]);
  const tops = useMemo(() => { let y = 0; return placed.map(({ rows }) => { const top = y; y += rows * ROW + GAP; return top; }); }, [placed]);
  const high = placed.length ? tops.at(-1) + placed.at(-1).rows * ROW + GAP : ROW;
  const drawn = useMemo(() => paths(placed, tops), [placed, tops]);
  const lane = at && placed[Math.min(at.lane, placed.length - 1)];
  const meant = lane?.spans[Math.min(at.span, lane.spans.length - 1)] ?? null;

  const offset = useMemo(() => Date.parse(`${time.stamp(window.from).replace(' ', 'T')}Z`) - Math.floor(window.from / 1000) * 1000, [window.from]);
  const ticks = marks(window, Math.max(2, Math.floor(width / 120)), offset);
  const x = (ms) => ((ms - window.from) / (window.to - window.from)) * width;
  const long = window.to - window.from > 36 * 3600000;

  const onKeyDown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.shiftKey && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')) setView(pan(window, whole, event.key === 'ArrowLeft' ? -0.25 : 0.25));
    else if (event.key.startsWith('Arrow')) {
      const next = step(placed, at, event.key);
      setAt(next);
      if (next) box.current.scrollTop = Math.max(0, Math.min(box.current.scrollTop, tops[next.lane]), tops[next.lane] + HEAD + ROW * 4 - box.current.clientHeight);
    } else if (event.key === '+' || event.key === ';' || event.key === '=') setView(zoom(window, whole, 2, meant ? meant.x / width : 0.5));
    else if (event.key === '-') setView(zoom(window, whole, 0.5, meant ? meant.x / width : 0.5));
    else if (event.key === '0') setView(null);
    else if (event.key === 'Enter' && meant) onOpen(meant.span);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const find = (event) => {
    const area = plot.current.getBoundingClientRect();
    const px = event.clientX - area.left, py = event.clientY - area.top;
    const nr = tops.findLastIndex((top) => top <= py);
    if (nr < 0) return null;
    const near = placed[nr].spans.map((one, i) => ({ i, one })).filter(({ one }) => px >= one.x - 3 && px <= one.x + one.width + 3 && py - tops[nr] >= one.row * ROW && py - tops[nr] <= (one.row + 1) * ROW);
    return near.length ? { lane: nr, span: near.at(-1).i } : null;
  };
  return html`<div class="lanes">
    <div class="lanes-tools"><span class="lanes-legend">${SEVERITIES.map((severity) => html`<${Severity} key=${severity} severity=${severity} />`)}</span>
      <button type="button" class="button" onClick=${() => setView(zoom(window, whole, 2))}><${Icon} name="plus" /><span>${t('timeline.zoom_in')}</span></button>
      <button type="button" class="button" disabled=${!view} onClick=${() => setView(zoom(window, whole, 0.5))}><${Icon} name="minus" /><span>${t('timeline.zoom_out')}</span></button>
      <button type="button" class="button" disabled=${!view} onClick=${() => setView(null)}>${t('timeline.zoom_all')}</button></div>
    <div class="lanes-box" ref=${box}>
      <div class="lanes-axis" aria-hidden="true"><div class="lanes-names">${t('timeline.victim')}</div>
        <div class="lanes-ticks">${ticks.map((ms) => html`<span key=${ms} style=${{ left: `${x(ms)}px` }}>${x(ms) > width - TICK ? '' : long ? time.short(ms).slice(0, time.minute(ms) === '00:00' ? 5 : undefined) : time.minute(ms)}</span>`)}</div></div>
      <div class="lanes-area">
        <ol class="lanes-names" aria-hidden="true">${placed.map(({ lane: one, rows }, i) => html`<li key=${`${one.target.ip}${i}`} class=${cx(at?.lane === i && 'is-here')} style=${{ height: `${rows * ROW + GAP}px` }}>
          <span class="address">${one.target.ip ?? orgName(one.target.org) ?? ''}</span> <span class="muted">${orgName(one.org)}</span></li>`)}</ol>
        <div class="lanes-plot" ref=${plot} tabIndex="0" role="application" aria-label=${t('timeline.label', { n: placed.length })} aria-describedby="lanes-now" style=${{ height: `${high}px` }} onKeyDown=${onKeyDown}
            onPointerMove=${(event) => { const found = find(event); if (found) setAt(found); }} onClick=${(event) => { const found = find(event); if (found) onOpen(placed[found.lane].spans[found.span].span); }}>
          <svg width=${width} height=${high} aria-hidden="true">
            <path class="lanes-grid" d=${ticks.map((ms) => `M${x(ms).toFixed(1)} 0V${high}`).join('')} />
            <path class="lanes-rule" d=${tops.map((top) => `M0 ${top - GAP / 2 + 0.5}H${width}`).join('')} />
            ${SEVERITIES.map((severity) => drawn[severity] && html`<path key=${severity} class=${`lanes-${severity}`} d=${drawn[severity]} />`)}
            ${meant && html`<rect class="lanes-cursor" x=${meant.x - 2} y=${tops[Math.min(at.lane, placed.length - 1)] + meant.row * ROW - 1} width=${meant.width + 4} height=${ROW + 2} rx="2" />`}
          </svg>
        </div>
      </div>
    </div>
    <div class="lanes-now" id="lanes-now" aria-live="polite">${meant ? html`<a href=${alertAddress(meant.span.alert)}><${Severity} severity=${meant.span.severity} /> <b>${pick(meant.span, 'kind')}</b></a>
        <span>${pick(meant.span, 'text')}</span>
        <span class="muted"><${Time} ms=${meant.span.from_ms} /> ${t('timeline.lasted', { span: duration(meant.span.to_ms - meant.span.from_ms, words()) })}${meant.span.open ? t('timeline.open') : ''}${meant.span.campaign ? t('timeline.of_campaign') : ''}</span>`
    : html`<span class="muted">${t('timeline.keys')}</span>`}</div>
  </div>`;
}

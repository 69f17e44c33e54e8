// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Alerts as they come. Frames are gathered and drawn four times a second at most, so 200 a second are no more work than four; the list is
// held still while it is paused, pointed at or walked by key, and goes on counting. What is older than TAIL_ROWS rows is for the search.
import { html, cx, useEffect, useMemo, useRef, useState, navigate, pick, setPaused, t, useFrames, useKeys, useLive, Button, Empty, Head, QueryBox, Table, format, href } from '../ui.js';
import { alertAddress, alertColumns, NARROW_ROW, useNarrow } from '../kit.js';
import { keyOf, matcher, merge, TAIL_ROWS } from '../facts/match.js';

const { count, measure } = format;
const DRAW_MS = 250;
const RATE_S = 10;
const COLUMNS = ['severity', 'time', 'org', 'text', 'source', 'target', 'state'];

export default function Tail({ query }) {
  const q = query.q ?? '';
  const { finds, unknown } = useMemo(() => matcher(q), [q]);
  const paused = useLive((live) => live.paused), away = useLive((live) => live.state === 'away' || live.state === 'ended');
  const [rows, setRows] = useState([]), [focus, setFocus] = useState(null), [over, setOver] = useState(false);
  const [told, setTold] = useState({ total: 0, found: 0, waiting: 0, rate: 0, held: 0 });
  const work = useRef({ waiting: [], total: 0, found: 0, held: 0, seconds: [] });
  const still = paused || over || focus !== null;
  const now = useRef({ still, finds });
  now.current = { still, finds };

  useFrames('alerts', ({ rows: came = [], held = 0 }) => {
    const w = work.current, second = Math.floor(Date.now() / 1000);
    w.total += came.length;
    w.held = held;
    if (w.seconds[0]?.at !== second) w.seconds.unshift({ at: second, n: 0 });
    w.seconds[0].n += came.length;
    w.seconds.length = Math.min(w.seconds.length, RATE_S + 1);
    const fits = came.filter(now.current.finds);
    w.found += fits.length;
    w.waiting.push(...fits);
    if (w.waiting.length > TAIL_ROWS * 2) w.waiting = w.waiting.slice(-TAIL_ROWS); // the list cannot hold more; the count is of all
  });
  useEffect(() => {
    const draw = () => {
      const w = work.current, second = Math.floor(Date.now() / 1000);
      const rate = w.seconds.filter((one) => one.at < second && one.at >= second - RATE_S).reduce((n, one) => n + one.n, 0) / RATE_S;
      if (!now.current.still && w.waiting.length) {
        const came = w.waiting;
        w.waiting = [];
        setRows((old) => merge(old, came));
      }
      const next = { total: w.total, found: w.found, waiting: w.waiting.length, rate, held: w.held };
      setTold((old) => (Object.keys(next).every((name) => old[name] === next[name]) ? old : next));
    };
    const timer = setInterval(draw, DRAW_MS);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => { // another filter is another list
    work.current.waiting = [];
    work.current.found = 0;
    setRows((old) => old.filter(finds));
  }, [finds]);
  const take = () => {
    const came = work.current.waiting;
    work.current.waiting = [];
    setFocus(null);
    setRows((old) => merge(old, came));
  };
  const small = useNarrow();
  const columns = useMemo(() => alertColumns(COLUMNS, small), [small, t('columns.time')]);
  useKeys({ close: () => setFocus(null) }, { when: focus !== null });
  return html`<div class="list-page">
    <${Head} title=${t('tail.title')} sub=${html`<span class="tail-counts"><span>${t('tail.total', { n: told.total })}</span>${q && html`<span>${t('tail.found', { n: told.found })}</span>`}<span>${t('tail.rate', { rate: measure(told.rate) })}</span>
        ${told.held > 0 && html`<span>${t('tail.held', { n: told.held })}</span>`}</span>`}>
      ${told.waiting > 0 && still && html`<button type="button" class="pill" data-new onClick=${take}>${t(paused ? 'tail.waiting_paused' : 'tail.waiting', { n: told.waiting })}</button>`}
      <${Button} icon=${paused ? 'play' : 'pause'} command="pause" kind=${paused ? 'primary' : 'plain'} onClick=${() => setPaused(!paused)}>${t(paused ? 'tail.resume' : 'tail.pause')}<//>
    <//>
    <div class="list-search"><${QueryBox} value=${q} /></div>
    ${unknown.length > 0 && html`<p class="section-note" role="status">${t('tail.unknown', { fields: unknown.join(', ') })} <a href=${href('/alerts', { q })}>${t('group.search')}</a></p>`}
    ${rows.length === 0 && told.waiting === 0 ? html`<${Empty} icon="tail" title=${t(away ? 'tail.away' : 'tail.none')}>${t('tail.none_text')}<//>`
    : html`<div class=${cx('table-box', paused && 'is-paused')} onPointerEnter=${() => setOver(true)} onPointerLeave=${() => setOver(false)}><${Table} rows=${rows} columns=${columns} rowKey=${keyOf} rowTime=${(row) => row.time_ms} label=${t('tail.title')} focus=${focus} onFocus=${setFocus} rowHeight=${small ? NARROW_ROW : 32}
        onOpen=${(row) => navigate(alertAddress(row.id))} rowName=${(row) => pick(row, 'text') || pick(row, 'kind')} /></div>
      <p class="list-foot muted">${t('tail.shown', { n: count(rows.length), most: count(TAIL_ROWS) })}</p>`}
  </div>`;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// センサー: health of each sensor with its reasons, books, ports, mirror, processes, spool, delivery, streams. Never green when blind:
// sensors-model.js decides what is shown, not the last good answer.
import { Banner, Chip, Empty, Head, Loaded, Section, Severity, Time, cx, format, has, href, html, now, pick, session, t, time, useApi, useEffect, useState } from '../ui.js';
import { Toned } from './list.js';
import { ANSWER_MS, REPORT_MS, clockOf, numberOf, pairsOf, portsOf, processesOf, stateOf, worst } from './sensors-model.js';

const wholeSight = () => session.get().user?.scope === 'all';
const { bytes, count, percent } = format;
const { span } = time;
const TONES = { sound: 'good', degraded: 'warn', blind: 'bad', away: 'bad' };
const ICONS = { sound: 'check', degraded: 'warn', blind: 'close', away: 'help' };
const unknown = () => html`<span class="muted">${t('sensors.known_unknown')}</span>`;
const number = (value) => (value === null ? unknown() : count(value));
const marked = (value) => (value > 0 ? html`<span class="pb-warn">${count(value)}</span>` : number(value));
const LATE_MS = 10000; // as the server gives a reason for it

const StateOf = ({ state }) => html`<${Chip} tone=${TONES[state]} icon=${ICONS[state]}>${t(`sensors.state_${state}`)}<//>`;

function clockText(health, answered) {
  const off = clockOf(health, answered);
  if (off === null) return [unknown()];
  const within = Math.abs(off) <= REPORT_MS;
  return [within ? t('sensors.clock_ok', { s: REPORT_MS / 1000 }) : t('sensors.clock_off', { s: Math.round(off / 1000) }), within ? undefined : 'bad'];
}

function gapText(gaps) {
  if (gaps === null || gaps === undefined) return [unknown()];
  return gaps === 0 ? [t('sensors.gaps_none')] : [t('sensors.gaps_some', { n: gaps }), 'warn'];
}

function factsOf(row, answered) {
  const { health, strip } = row, of = (key) => numberOf(health, key);
  const shed = of('shed_step'), blind = of('blind_s'), lost = of('lost'), deaths = of('dissector_deaths'), uptime = of('uptime_s'), silent = of('silent_s');
  const last = [t('sensors.last'), html`<${Time} ms=${strip.last_ms} as="ago" />`];
  const loss = [t('sensors.loss'), strip.loss === null || strip.loss === undefined ? unknown() : percent(strip.loss, 3), strip.loss > 0.001 ? 'bad' : undefined];
  const delay = [t('sensors.delay'), strip.delay_ms === null || strip.delay_ms === undefined ? unknown() : strip.delay_ms < 1000 ? t('sensors.ms', { n: strip.delay_ms }) : span(strip.delay_ms), strip.delay_ms > LATE_MS ? 'bad' : undefined];
  const version = [t('sensors.version'), html`<span translate="no">${strip.version || '–'}</span>`];
  if (!wholeSight()) return [last, loss, delay, version];
  return [
    last,
    [t('sensors.uptime'), uptime === null ? unknown() : span(uptime * 1000)],
    [t('sensors.packets'), number(of('packets'))],
    [t('sensors.lost'), number(lost), lost ? 'warn' : undefined],
    loss,
    [t('sensors.silent'), silent === null ? unknown() : span(silent * 1000), silent >= 30 ? 'bad' : undefined],
    [t('sensors.blind_time'), blind === null ? unknown() : span(blind * 1000), blind ? 'warn' : undefined],
    [t('sensors.shed'), shed === null ? unknown() : has(`sensors.shed_${shed}`) ? t(`sensors.shed_${shed}`) : count(shed), shed ? 'bad' : undefined],
    [t('sensors.deaths'), number(deaths), deaths ? 'warn' : undefined],
    delay,
    [t('sensors.gaps'), ...gapText(row.gaps)],
    [t('sensors.clock'), ...clockText(health, answered)],
    version,
    [t('sensors.config'), health.config ? html`<code>${health.config}</code>` : unknown()],
  ];
}

function Books({ books, state }) {
  if (!books || books.length === 0) return html`<p class="pb-quiet">${t(state === 'away' ? 'sensors.books_unknown' : 'sensors.books_none')}</p>`;
  const bad = books.some((one) => one.bad);
  return html`<p class=${bad ? 'pb-bad' : 'pb-how'}>${t(bad ? 'sensors.books_bad' : state === 'away' ? 'sensors.books_then' : 'sensors.books_balance')} ${t('sensors.books_lead')}</p>
    <${Toned} rows=${books.map((one) => [pickName(one), count(one.value), one.bad ? 'bad' : undefined])} />`;
}
// books have `ja` and `en` without a field's name before them
const pickName = (one) => pick({ x_ja: one.ja, x_en: one.en }, 'x') || one.name;

function Mirror({ row, state }) {
  const open = (row.mirror ?? []).filter((alert) => alert.state === 'open');
  if (open.length === 0) return html`<p class="pb-quiet">${t(state === 'away' ? 'sensors.mirror_unknown' : 'sensors.mirror_ok')}</p>`;
  return html`<ul class="pb-alerts">${open.map((alert) => html`<li key=${alert.id}><${Severity} severity=${alert.severity} />
    <a href=${`/alerts/${encodeURIComponent(alert.id)}`}>${pick(alert, 'text')}</a> <${Time} ms=${alert.first_ms} as="ago" /></li>`)}</ul>`;
}

function Small({ caption, head, rows }) {
  return html`<div class="pb-scroll" role="region" aria-label=${caption} tabIndex="0"><table class="pb-table"><caption class="only-read">${caption}</caption>
    <thead><tr>${head.map(([label, right]) => html`<th scope="col" class=${cx(right && 'pb-number')}>${label}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map((cell, at) => html`<${at === 0 ? 'th' : 'td'} scope=${at === 0 ? 'row' : undefined} class=${cx(head[at][1] && 'pb-number')}>${cell}<//>`)}</tr>`)}</tbody></table></div>`;
}

const LINK_TONES = { up: 'good', down: 'bad', unknown: 'plain' };

// as it is read: what waits and where, then what went wrong
const PARTS = ['up', 'state', 'delivered', 'held', 'bytes', 'disk_bytes', 'pressure_percent', 'refused', 'gaps', 'lost', 'lost_high', 'errors'];
const placeOf = ({ key }) => (PARTS.includes(key) ? PARTS.indexOf(key) : PARTS.length);
// what a newer sensor reports besides keeps its own name
const partName = (part, key) => (has(`sensors.k_${part}_${key}`) ? t(`sensors.k_${part}_${key}`) : html`<code>${key}</code>`);
function partValue(key, value) {
  if (!/^\d+$/.test(value)) return has(`sensors.k_state_${value}`) ? t(`sensors.k_state_${value}`) : html`<span translate="no">${value}</span>`;
  const n = Number(value);
  if (key === 'up') return t(n ? 'sensors.yes' : 'sensors.no');
  return /bytes$/.test(key) ? bytes(n) : /percent$/.test(key) ? percent(n / 100, 0) : count(n);
}

function Sensor({ row, answered }) {
  const { strip, health } = row, state = stateOf(row, now(), answered);
  const told = wholeSight(); // a sensor as a whole is more than some of its bodies
  const ports = portsOf(health), processes = processesOf(health), streams = row.streams ?? [];
  return html`<article class=${cx('pb-sensor', `pb-sensor-${state}`)} id=${strip.name} data-state=${state} aria-label=${strip.name}>
    <header class="pb-sensor-head"><h2 translate="no">${strip.name}</h2><${StateOf} state=${state} /><p>${t(`sensors.means_${state}`)}</p>
      <a class="pb-side-link" href=${href('/traffic', { sensor: strip.name })}>${t('sensors.open_traffic')}</a></header>
    ${(strip.reasons ?? []).length > 0 && html`<ul class="pb-reasons" aria-label=${t('sensors.reasons')}>${strip.reasons.map((reason) => html`<li key=${reason.code}>${pickName({ ...reason, name: reason.code })}</li>`)}</ul>`}
    <${Toned} rows=${factsOf(row, answered)} />
    ${told && html`<div class="pb-columns">
      <section><h3>${t('sensors.mirror')}</h3><${Mirror} row=${row} state=${state} /></section>
      <section><h3>${t('sensors.books')}</h3><${Books} books=${row.books} state=${state} /></section>
      ${ports.length > 0 && html`<section><h3>${t('sensors.ports')}</h3><${Small} caption=${t('sensors.ports')}
        head=${[[t('sensors.port')], [t('sensors.link')], [t('sensors.packets'), true], [t('sensors.missed'), true]]}
        rows=${ports.map((port) => [html`<span translate="no">${port.name || port.index}</span>`, html`<${Chip} tone=${LINK_TONES[port.link]}>${t(`sensors.link_${port.link}`)}<//>`, number(port.packets), marked(port.missed)])} /></section>`}
      ${processes.length > 0 && html`<section><h3>${t('sensors.processes')}</h3><${Small} caption=${t('sensors.processes')}
        head=${[[t('sensors.process')], [t('sensors.status')], [t('sensors.restarts'), true]]}
        rows=${processes.map((one) => [html`<span translate="no">${one.name}</span>`, one.up === null ? unknown() : html`<${Chip} tone=${one.up ? 'good' : 'bad'}>${t(one.up ? 'sensors.running' : 'sensors.stopped')}<//>`, marked(one.restarts)])} /></section>`}
      <section><h3>${t('sensors.streams')}</h3><${Small} caption=${t('sensors.streams')}
        head=${[[t('sensors.stream')], [t('sensors.entries'), true], [t('sensors.newest')]]}
        rows=${streams.map((one) => [html`<code>${one.name}</code>`, count(one.entries), one.last_ms ? html`<${Time} ms=${one.last_ms} as="ago" />` : t('sensors.empty_stream')])} /></section>
      ${['spool', 'redis'].map((part) => pairsOf(health, part).length > 0 && html`<section><h3>${t(part === 'spool' ? 'sensors.spool' : 'sensors.courier')}</h3>
        <${Toned} rows=${pairsOf(health, part).sort((a, b) => placeOf(a) - placeOf(b)).map(({ key, value }) => [partName(part, key), partValue(key, value)])} /></section>`)}
    </div>`}
    ${told ? html`<details class="pb-raw"><summary>${t('sensors.raw')}</summary><${Small} caption=${t('sensors.raw')} head=${[[t('sensors.key')], [t('sensors.val')]]}
      rows=${Object.entries(health).sort().map(([key, value]) => [html`<code>${key}</code>`, html`<span translate="no">${value}</span>`])} /></details>` : html`<p class="pb-how">${t('sensors.own_only')}</p>`}
  </article>`;
}

function Around({ data }) {
  const { redis = {}, web = {} } = data;
  return html`<${Section} class="pb-around" title=${t('sensors.redis')}><${Toned} rows=${[
      [t('sensors.redis_link'), html`<${Chip} tone=${redis.up ? 'good' : 'bad'}>${t(redis.up ? 'sensors.redis_up' : 'sensors.redis_down')}<//>`],
      [t('sensors.memory'), redis.memory === null || redis.memory === undefined ? unknown() : bytes(redis.memory)],
      [t('sensors.version'), html`<span translate="no">${redis.version ?? '–'}</span>`]]} />
    <details class="pb-raw"><summary>${t('sensors.web')}</summary><${Small} caption=${t('sensors.web')} head=${[[t('sensors.key')], [t('sensors.val'), true]]}
      rows=${Object.entries(web).sort().map(([key, value]) => [html`<code>${key}</code>`, count(value)])} /></details><//>`;
}

export default function Page() {
  const of = useApi('/sensors', { every: 5000 });
  const [, tick] = useState(0);
  // states grow old by themselves: without an answer the page has to turn, too
  useEffect(() => { const timer = setInterval(() => tick((n) => n + 1), 2000); return () => clearInterval(timer); }, []);
  const answered = of.at + (now() - Date.now());
  const states = (of.data?.rows ?? []).map((row) => stateOf(row, now(), answered));
  const old = of.data && now() - answered > ANSWER_MS;
  return html`<${Head} title=${t('sensors.title')} sub=${t('sensors.lead')} />
    ${old && html`<${Banner} tone="bad">${t('sensors.stale', { age: span(now() - answered) })}<//>`}
    <${Loaded} of=${of}>${(data) => (data.rows.length === 0
    ? html`<${Empty} icon="sensor" title=${t('sensors.none')}>${t('sensors.none_why')}<//>`
    : html`<p class="pb-summary" data-worst=${worst(states)}>${t('sensors.summary', { total: states.length, sound: states.filter((state) => state === 'sound').length })}</p>
      ${data.rows.map((row) => html`<${Sensor} key=${row.strip.name} row=${row} answered=${answered} />`)}`)}<//>
    ${of.data && wholeSight() && html`<${Around} data=${of.data} />`}`;
}

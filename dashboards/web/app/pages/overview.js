// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The first screen: can the sensors see, what is open and overdue, how does traffic compare with its habit, and how is each body. Every
// number is a link to the list that explains it, with the same range, so that the list's total is the number.
import { html, cx, pick, t, useApi, useLive, useRefresh, rangeText, href, setQuery, Icon, Head, Section, RangePicker, Loaded, Severity, Time, format, time } from '../ui.js';
import { alertAddress, Histogram, orgName, SEVERITIES, sum, term, TrafficChart, words } from '../kit.js';
import { Board } from '../parts/board.js';

const { count, percent } = format;
const { span } = time;

const SENSOR_ICONS = { sound: 'check', degraded: 'warn', blind: 'close', away: 'help' };
const ALL = 'all'; // what is open or waits is counted whatever the range
const OPEN = 'is:open -is:archived'; // shadow and suppressed alerts are in no list that does not name them

/** What was heard last is not what is: while nothing can be heard, no sensor is called sound, and no body calm. */
const useDeaf = () => useLive((live) => live.redis === false || (live.state === 'away' && !live.answers));

function Strip({ sensors, deaf }) {
  if (!sensors.length)
    return html`<p class="watch watch-none" role="status"><${Icon} name="help" /> ${t('overview.no_sensor')}</p>`;
  return html`<ul class="watch" aria-label=${t('overview.sensors')}>${sensors.map((sensor) => html`<li key=${sensor.name} class=${cx('watch-one', `watch-${deaf ? 'unknown' : sensor.state}`)}>
    <a class="watch-name" href=${href('/sensors', { sensor: sensor.name })}><${Icon} name=${deaf ? 'warn' : SENSOR_ICONS[sensor.state] ?? 'help'} /><b>${sensor.name}</b><span class="watch-state">${t(`sensor.${deaf ? 'unknown' : sensor.state}`)}</span></a>
    ${sensor.reasons?.length > 0 && html`<span class="watch-why">${sensor.reasons.map((reason) => pick({ it_ja: reason.ja, it_en: reason.en }, 'it')).join(t('overview.and'))}</span>`}
    <span class="watch-facts muted">
      <span>${t('overview.last')} ${sensor.last_ms ? html`<${Time} ms=${sensor.last_ms} as="ago" />` : t('overview.never')}</span>
      ${typeof sensor.loss === 'number' && html`<span>${t('overview.loss', { share: percent(sensor.loss, 3) })}</span>`}
      ${typeof sensor.delay_ms === 'number' && html`<span>${t('overview.delay', { span: span(sensor.delay_ms) })}</span>`}
    </span></li>`)}</ul>`;
}

const Card = ({ title, alarm, children }) => html`<section class=${cx('card', alarm && 'card-alarm')}><h2>${title}</h2>${children}</section>`;
const Figure = ({ value, to, label }) => html`<a class="figure" href=${to}><span class="figure-value">${count(value)}</span><span class="figure-label">${label}</span></a>`;
const mean = (seconds) => (typeof seconds === 'number' ? span(seconds * 1000) : t('overview.no_time'));

function Cards({ data, range }) {
  const times = data.times ?? {};
  return html`<div class="cards">
    <${Card} title=${t('overview.open')}>
      <ul class="by-severity">${SEVERITIES.map((severity) => html`<li key=${severity}><a href=${href('/alerts', { q: `${OPEN} ${term('sev', severity)}`, range: ALL })} class=${cx(!data.open[severity] && 'is-none')}>
        <${Severity} severity=${severity} /><b class="number">${count(data.open[severity])}</b></a></li>`)}</ul><//>
    <${Card} title=${t('overview.inbox')}>
      <${Figure} value=${sum(data.inbox)} to=${href('/inbox', { range: ALL })} label=${t('overview.inbox_label')} />
      <p class="card-note"><a href=${href('/inbox', { q: 'sev:critical', range: ALL })}><${Severity} severity="critical" /> <b class="number">${count(data.inbox.critical)}</b></a>
        <a href=${href('/inbox', { q: 'sev:>=high', range: ALL })}><${Severity} severity="high" /> ${t('overview.or_above')} <b class="number">${count(data.inbox.critical + data.inbox.high)}</b></a></p><//>
    <${Card} title=${t('overview.overdue')} alarm=${data.overdue > 0}>
      <${Figure} value=${data.overdue} to=${href('/inbox', { q: 'is:overdue', range: ALL })} label=${t(data.overdue > 0 ? 'overview.overdue_label' : 'overview.overdue_none')} /><//>
    <${Card} title=${t('overview.times')}>
      <dl class="pairs"><div><dt>${t('overview.acknowledge')}</dt><dd>${mean(times.acknowledge_s)}</dd></div>
        <div><dt>${t('overview.archive')}</dt><dd>${mean(times.archive_s)}</dd></div>
        <div><dt>${t('overview.shadow')}</dt><dd><a href=${href('/alerts', { q: 'is:shadow sev:>=high', range })}>${count(data.shadow)}</a></dd></div></dl><//>
  </div>`;
}

function Kinds({ rows, range }) {
  const most = Math.max(1, ...rows.map((row) => row.alerts));
  return html`<${Section} title=${t('overview.kinds')}>
    ${rows.length === 0 ? html`<p class="muted">${t('overview.no_kinds')}</p>` : html`<ol class="ranked">${rows.slice(0, 8).map((row) => html`<li key=${row.kind}>
      <a href=${href('/alerts', { q: term('kind', row.kind), range })}><span class="ranked-name">${pick(row, 'kind')}</span><span class="number">${count(row.alerts)}</span>
      <span class="ranked-bar" aria-hidden="true"><span style=${{ width: `${(row.alerts / most) * 100}%` }}></span></span></a></li>`)}</ol>`}<//>`;
}

function NewToday({ rows }) {
  return html`<${Section} title=${t('overview.new')}><p class="section-note">${t('overview.new_means')}</p>
    ${rows.length === 0 ? html`<p>${t('overview.no_new')}</p>` : html`<ul class="lines">${rows.slice(0, 8).map((row) => html`<li key=${row.id}>
      <a href=${alertAddress(row.id)}><${Severity} severity=${row.severity} /> <span class="lines-text">${pick(row, 'kind')}</span> <span class="muted">${orgName(row.org, words())}</span></a>
      <span class="muted"><${Time} ms=${row.first_ms} as="ago" /></span></li>`)}</ul>`}<//>`;
}

export default function Overview({ query }) {
  const range = query.range || '24h', deaf = useDeaf();
  const overview = useApi(href('/overview', { range }), { every: 15000 });
  const bodies = useApi(href('/bodies', { range }), { every: 15000 });
  useRefresh(['groups', 'health'], () => { overview.reload(); bodies.reload(); }, 3000);
  const choose = (from, to) => setQuery({ range: rangeText(from, to) }, { replace: false });
  return html`<${Head} title=${t('overview.title')}><${RangePicker} value=${range} /><//>
    <${Loaded} of=${overview} rows=${8}>${(data) => html`
      <${Strip} sensors=${data.sensors} deaf=${deaf} />
      <${Cards} data=${data} range=${range} />
      <div class="columns">
        <${Section} title=${t('overview.alerts')} tools=${html`<a href=${href('/alerts', { range })}>${t('overview.alerts_total', { n: data.alerts.values.reduce((a, b) => a + b, 0) })}</a>`}>
          <${Histogram} values=${data.alerts.values} start=${data.alerts.start_ms} step=${data.alerts.step_ms} usual=${data.alerts.usual} name=${t('overview.alerts')} onChoose=${choose} height=${160} /><//>
        <${Section} title=${t('overview.traffic')} tools=${html`<a href=${href('/traffic', { range })}>${t('overview.traffic_more')}</a>`}>
          <${TrafficChart} rate=${data.traffic} name=${t('overview.traffic')} titled height=${160} /><//>
      </div>
      <${Loaded} of=${bodies} rows=${6}>${(board) => html`<${Board} rows=${board.rows} blind=${!!board.blind || deaf} query=${query} range=${range} />`}<//>
      <div class="columns"><${Kinds} rows=${data.kinds} range=${range} /><${NewToday} rows=${data.new_today} /></div>`}<//>`;
}

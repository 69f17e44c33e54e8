// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// トラフィック: in and out over time with the band of what is usual, for a sensor or a body; applications, bodies, links and hosts by bytes.
// Where flow records are not delivered it says so, and how to have them, instead of showing empty tables.
import { Banner, Chart, Empty, Head, Loaded, RangePicker, Section, Value, collate, format, href, html, orgName, rangeText, setQuery, t, time, useApi, useMemo } from '../ui.js';
import { Bar, Choice } from './list.js';

const { bitrate, bytes, count, packetrate, percent } = format;
const METRICS = ['bits', 'packets', 'flows', 'alerts'];
const DIMS = ['application', 'body', 'sensor', 'host'];
const FORMATS = { bits: bitrate, packets: packetrate, flows: count, alerts: count };
const ROWS = 10;
const ADDRESS = /^[0-9a-f]*[.:][0-9a-f.:]*$/i;

/**
 * The newest hour against the band: above, below, within; null where either is not known. Of an hour, because the band is of hours: a
 * single minute is nearly always on one side of it.
 */
export function against(series) {
  const line = series.lines[0]?.values ?? [], hour = Math.max(1, Math.round(3600000 / (series.step_ms ?? 3600000)));
  const end = line.findLastIndex((value) => value !== null) + 1, from = Math.max(0, end - hour);
  const mean = (values) => {
    const told = (values ?? []).slice(from, end).filter((value) => value !== null && value !== undefined);
    return told.length ? told.reduce((a, b) => a + b, 0) / told.length : null;
  };
  const value = mean(line), low = mean(series.usual_low), high = mean(series.usual_high);
  if (value === null || (low === null && high === null)) return null;
  if (high !== null && value > high) return 'above';
  return low !== null && value < low ? 'below' : 'within';
}

function Course({ metric, query, range }) {
  const of = useApi(href('/timeseries', { metric, range, org: query.org, sensor: query.sensor }), { every: 10000 });
  return html`<${Loaded} of=${of} rows=${8}>${(series) => {
    const known = series.lines.some((line) => line.values.some((value) => value !== null));
    if (!known) return html`<${Empty} icon="traffic" title=${t('traffic.no_points')}>${t('traffic.no_points_why')}<//>`;
    const side = against(series);
    const times = series.lines[0].values.map((value, at) => series.start_ms + at * series.step_ms);
    const habit = (series.usual_low ?? series.usual_high ?? []).some((value) => value !== null);
    return html`<${Chart} name=${t('traffic.chart', { metric: t(`traffic.${metric}`) })} times=${times} height=${260} format=${FORMATS[metric]}
        lines=${series.lines.map((line) => ({ name: t(`traffic.${line.name}`), values: line.values, tone: line.name === 'value' ? 'accent' : line.name }))}
        band=${habit ? { low: series.usual_low, high: series.usual_high, name: t('traffic.usual') } : null}
        onBrush=${(from, to) => setQuery({ range: rangeText(from, to) }, { replace: false })} />
      <p class="pb-how">${side ? t(`traffic.${side}`) : t('traffic.no_habit')}</p>`;
  }}<//>`;
}

function Name({ dim, row, range }) {
  // a host inside is named by its body only where its address is not shown
  if (dim === 'host' && ADDRESS.test(row.name)) return html`<${Value} field="ip" value=${row.name} page=${`/hosts/${encodeURIComponent(row.name)}`} pageLabel=${t('shell.open_host')}><span class="address">${row.name}</span><//>`;
  if (row.org) return html`<${Value} field="org" value=${row.org.code} page=${`/bodies/${encodeURIComponent(row.org.code)}`} pageLabel=${t('shell.open_body')} pivots=${[{ label: t('traffic.show_course'), href: href('/traffic', { org: row.org.code, range }) }]}>${orgName(row.org)}<//>`;
  if (dim === 'sensor') return html`<${Value} field="sensor" value=${row.name} page=${`/sensors#${encodeURIComponent(row.name)}`} pivots=${[{ label: t('traffic.show_course'), href: href('/traffic', { sensor: row.name, range }) }]} />`;
  if (dim === 'host') return row.name;
  if (dim === 'application') return row.name === '' || row.name === 'Unknown' ? t('traffic.unknown_app') : html`<${Value} field="app" value=${row.name.toLowerCase()}><span translate="no">${row.name}</span><//>`;
  return row.name;
}

function Top({ dim, range }) {
  const of = useApi(href('/top', { dim, range, limit: ROWS }), { every: 30000 });
  return html`<${Section} title=${t(`traffic.top_${dim}`)}><${Loaded} of=${of} rows=${5}>${(top) => {
    if (top.rows.length === 0) {
      return top.delivered || dim === 'body' || dim === 'sensor' ? html`<p class="pb-quiet">${t('traffic.top_empty')}</p>` : html`<p class="pb-quiet">${t('traffic.not_delivered')}</p>`;
    }
    return html`<table class="pb-table pb-top"><caption class="only-read">${t(`traffic.top_${dim}`)}</caption>
        <thead><tr><th scope="col">${t('traffic.col_name')}</th><th scope="col" class="pb-number">${t('traffic.col_bytes')}</th><th scope="col">${t('traffic.col_share')}</th></tr></thead>
        <tbody>${top.rows.map((row) => html`<tr key=${row.name}><th scope="row"><${Name} dim=${dim} row=${row} range=${range} />${dim === 'host' && row.inside !== undefined && html`<span class="pb-tag">${row.org && ADDRESS.test(row.name) ? orgName(row.org) : t(row.inside ? 'traffic.inside' : 'traffic.outside')}</span>`}</th>
          <td class="pb-number" title=${row.bytes_in === undefined ? undefined : `${t('traffic.col_in')} ${bytes(row.bytes_in)} / ${t('traffic.col_out')} ${bytes(row.bytes_out)}`}>${bytes(row.bytes, 3)}</td>
          <td><${Bar} share=${row.share ?? 0} text=${percent(row.share, 1, 1)} /></td></tr>`)}</tbody></table>
      <p class="pb-how">${top.delivered && top.records > 0 ? (top.from_ms ? t('traffic.records', { n: top.records, from: time.short(top.from_ms) }) : t('traffic.records_all', { n: top.records })) : t('traffic.from_metrics')}${dim === 'host' && top.delivered ? ` · ${t('traffic.hosts_error')}` : ''}</p>`;
  }}<//><//>`;
}

export default function Page({ query }) {
  const range = query.range ?? '24h';
  const metric = METRICS.includes(query.metric) ? query.metric : 'bits';
  const bodies = useApi(href('/top', { dim: 'body', range, limit: 500 })), sensors = useApi('/sensors');
  const hosts = useApi(href('/top', { dim: 'application', range, limit: 1 }), { every: 60000 });
  const scopes = useMemo(() => [...(bodies.data?.rows ?? [])].filter((row) => row.org).sort((a, b) => collate(orgName(a.org), orgName(b.org))), [bodies.data]);
  const chosen = scopes.find((row) => row.org.code === query.org);
  const scope = query.org ? (chosen ? orgName(chosen.org) : query.org) : query.sensor ? t('traffic.scope_sensor', { name: query.sensor }) : t('traffic.scope_all');
  const value = query.org ? `org:${query.org}` : query.sensor ? `sensor:${query.sensor}` : '';
  const choose = (text) => { const [kind, of] = text.split(/:(.*)/s); setQuery({ org: kind === 'org' ? of : null, sensor: kind === 'sensor' ? of : null }, { replace: false }); };
  return html`<${Head} title=${t('traffic.title')} sub=${t('traffic.lead')}>
      <label class="pb-inline"><span>${t('traffic.scope')}</span><select value=${value} onChange=${(event) => choose(event.target.value)}>
        <option value="">${t('traffic.scope_all')}</option>
        ${(sensors.data?.rows ?? []).map((row) => html`<option value=${`sensor:${row.strip.name}`}>${t('traffic.scope_sensor', { name: row.strip.name })}</option>`)}
        ${query.org && !chosen && html`<option value=${value}>${query.org}</option>`}
        ${scopes.map((row) => html`<option value=${`org:${row.org.code}`}>${orgName(row.org)}</option>`)}</select></label>
      <${RangePicker} value=${range} /><//>
    ${hosts.data && !hosts.data.delivered && html`<${Banner} tone="plain" icon="help"><strong>${t('traffic.not_delivered')}</strong> ${t('traffic.not_delivered_why')}<//>`}
    <${Section} title=${scope} tools=${html`<${Choice} name="metric" label=${t('traffic.metric')} value=${metric} options=${METRICS.map((name) => [name, t(`traffic.${name}`)])} onChange=${(name) => setQuery({ metric: name === 'bits' ? null : name })} />`}><${Course} metric=${metric} query=${query} range=${range} /><//>
    <div class="pb-tops">${DIMS.map((dim) => html`<${Top} key=${dim} dim=${dim} range=${range} />`)}</div>`;
}

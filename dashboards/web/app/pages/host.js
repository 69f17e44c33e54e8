// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One address: whose it is, what was raised about it in 30 days, with whom, and its flows.
import { html, useState, href, navigate, pick, rangeText, t, useApi, useRefresh, Empty, End, Facts, Head, Loaded, Org, Plain, RangePicker, Section, Table, Time, Value, format } from '../ui.js';
import { alertAddress, alertColumns, appName, duration, Histogram, sum, term, words } from '../kit.js';

const { bytes, count } = format;
const DAY_MS = 86400000;
const COLUMNS = ['severity', 'time', 'text', 'org', 'source', 'target', 'count', 'state'];

function Flows({ flows }) {
  if (!flows) return null;
  return html`<${Section} title=${t('alert.flows')}>${!flows.delivered ? html`<p class="muted">${t('alert.flows_none_delivered')}</p>`
    : html`<${Plain} caption=${t('alert.flows')} rows=${flows.rows} empty=${t('alert.no_flows')} columns=${[
      { id: 'start', label: t('alert.flow_start'), cell: (row) => html`<${Time} ms=${row.start_ms} as="short" />` },
      { id: 'source', label: t('alert.source'), cell: (row) => html`<${End} end=${row.source} quiet />` },
      { id: 'target', label: t('alert.target'), cell: (row) => html`<${End} end=${row.target} quiet />` },
      { id: 'app', label: t('alert.app'), cell: (row) => (row.app ? appName(row.app, words()) : row.proto) },
      { id: 'host', label: t('alert.name'), class: 'breakable', cell: (row) => row.hostname ?? '' },
      { id: 'to', label: t('alert.bytes_to'), align: 'end', cell: (row) => bytes(row.bytes_to) },
      { id: 'back', label: t('alert.bytes_back'), align: 'end', cell: (row) => bytes(row.bytes_back) },
      { id: 'lasted', label: t('alert.lasted'), align: 'end', cell: (row) => duration(row.end_ms - row.start_ms, words()) }]} />`}<//>`;
}

export default function Host({ params, query }) {
  const { ip } = params, range = query.range || '30d';
  const host = useApi(href(`/hosts/${encodeURIComponent(ip)}`, { range }));
  const [focus, setFocus] = useState(null);
  useRefresh(['alerts'], host.reload, 5000);
  return html`<${Loaded} whole=${true} of=${host} rows=${8}>${({ end, total, alerts, days = [], peers = [], flows, first_ms: first, last_ms: last }) => html`
    <${Head} title=${html`<span class="address">${end.ip ?? ip}</span>`} sub=${t(end.inside ? 'host.inside' : 'host.outside')}><${RangePicker} value=${range} /><//>
    <div class="columns">
      <${Section} title=${t('alert.facts')}><${Facts} rows=${[
        [t('host.address'), html`<${Value} field="ip" value=${end.ip ?? ip}><span class="address">${end.ip ?? ip}</span><//>`],
        [t('alert.org'), html`<${Org} org=${end.org} />`],
        [t('host.alerts'), html`<a href=${href('/alerts', { q: term('ip', end.ip ?? ip), range })}>${t('alerts.total', { n: total })}</a>`],
        [t('alert.first'), first ? html`<${Time} ms=${first} />` : html`<span class="muted">–</span>`],
        [t('alert.last'), last ? html`<${Time} ms=${last} />` : html`<span class="muted">–</span>`]]} /><//>
      <${Section} title=${t('body.days')}>
        ${days.length > 0 ? html`<${Histogram} values=${days.map((one) => sum(one.counts))} start=${days[0].day_ms} step=${DAY_MS} name=${t('body.days')} height=${112}
          onChoose=${(from, to) => navigate(href('/alerts', { q: term('ip', ip), range: rangeText(from, to) }))} />` : html`<p class="muted">${t('body.no_alerts')}</p>`}<//>
    </div>
    <${Section} title=${t('host.alerts')} tools=${html`<a href=${href('/alerts', { q: term('ip', ip), range })}>${t('group.search')}</a>`}>
      ${total === 0 ? html`<${Empty} icon="search" title=${t('host.none')} />`
    : html`${total > alerts.length && html`<p class="section-note">${t('group.newest', { n: alerts.length })}</p>`}
        <div class="table-box table-box-short" style=${{ maxHeight: `${alerts.length * 36 + 40}px` }}><${Table} rows=${alerts} columns=${alertColumns(COLUMNS)} rowKey=${(row) => `${row.id} ${row.first_ms}`} label=${t('host.alerts')} focus=${focus} onFocus=${setFocus}
        onOpen=${(row) => navigate(alertAddress(row.id))} rowName=${(row) => pick(row, 'text')} /></div>`}<//>
    <${Section} title=${t('host.peers')}><${Plain} caption=${t('host.peers')} rows=${peers} empty=${t('host.no_peers')} columns=${[
      { id: 'end', label: t('host.peer'), cell: (row) => html`<${End} end=${row.end} />` },
      { id: 'org', label: t('alert.org'), cell: (row) => (row.end.org ? html`<${Org} org=${row.end.org} quiet />` : '') },
      { id: 'n', label: t('host.alerts'), align: 'end', cell: (row) => (row.end.ip ? html`<a href=${href('/alerts', { q: `${term('ip', ip)} ${term('ip', row.end.ip)}`, range })}>${count(row.alerts)}</a>` : count(row.alerts)) }]} /><//>
    <${Flows} flows=${flows} />`}<//>`;
}

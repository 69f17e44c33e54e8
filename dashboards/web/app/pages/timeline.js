// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Attacks and campaigns as spans over a day or a week, a lane a victim: as a drawing, or as a table with the same contents.
import { html, cx, href, navigate, pick, setQuery, t, useApi, useRefresh, Empty, End, Head, Icon, Loaded, Org, Plain, RangePicker, Severity, Time } from '../ui.js';
import { alertAddress, duration, stateName, words } from '../kit.js';
import { Lanes } from '../parts/lanes.js';

const RANGES = ['1h', '4h', '24h', '7d', '30d'];
const TABLE_ROWS = 400; // more is a search

function SpanTable({ timeline, range }) {
  const all = timeline.lanes.flatMap((lane) => lane.spans.map((span) => ({ lane, span }))).sort((a, b) => b.span.from_ms - a.span.from_ms);
  return html`${all.length > TABLE_ROWS && html`<p class="section-note">${t('timeline.table_cut', { n: TABLE_ROWS, total: all.length })} <a href=${href('/alerts', { range })}>${t('group.search')}</a></p>`}
    <div class="spans"><${Plain} caption=${t('timeline.title')} rows=${all.slice(0, TABLE_ROWS)} rowKey=${({ span }) => span.alert + span.from_ms} columns=${[
      { id: 'from', label: t('timeline.from'), cell: ({ span }) => html`<${Time} ms=${span.from_ms} />` },
      { id: 'lasted', label: t('alert.lasted'), align: 'end', cell: ({ span }) => (span.open ? stateName('open', words()) : duration(span.to_ms - span.from_ms, words())) },
      { id: 'severity', label: t('columns.severity'), cell: ({ span }) => html`<${Severity} severity=${span.severity} />` },
      { id: 'target', label: t('timeline.victim'), cell: ({ lane }) => html`<${End} end=${lane.target} quiet />` },
      { id: 'org', label: t('alert.org'), cell: ({ lane }) => html`<${Org} org=${lane.org} quiet />` },
      { id: 'kind', label: t('columns.kind'), cell: ({ span }) => html`<a href=${alertAddress(span.alert)} title=${pick(span, 'text')}>${pick(span, 'kind')}</a>` }]} /></div>`;
}

export default function Timeline({ query }) {
  const range = query.range || '24h', table = query.as === 'table';
  const timeline = useApi(href('/timeline', { range }), { every: 60000 });
  useRefresh(['alerts'], timeline.reload, 10000);
  return html`<div class="list-page"><${Head} title=${t('timeline.title')} sub=${t('timeline.sub')}>
      <${RangePicker} value=${range} ranges=${RANGES} />
      <div class="segments" role="group" aria-label=${t('timeline.as')}>${[['', 'chart', 'timeline.as_chart'], ['table', 'table', 'timeline.as_table']].map(([value, icon, label]) => html`<button type="button"
        class=${cx('segment', (value === 'table') === table && 'is-on')} aria-pressed=${(value === 'table') === table} onClick=${() => setQuery({ as: value })}><${Icon} name=${icon} /> ${t(label)}</button>`)}</div>
    <//>
    <${Loaded} of=${timeline} rows=${10}>${(data) => (data.lanes.length === 0 ? html`<${Empty} title=${t('timeline.none')}>${t('timeline.none_text')}<//>`
    : html`${data.cut > 0 && html`<p class="section-note">${t('timeline.cut', { n: data.cut })}</p>`}
      ${table ? html`<${SpanTable} timeline=${data} range=${range} />` : html`<${Lanes} timeline=${data} onOpen=${(span) => navigate(alertAddress(span.alert))} />`}`)}<//></div>`;
}

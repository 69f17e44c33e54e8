// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// 検知ルール: what each kind means, how often it spoke, how often it was right by the verdicts of those who looked, what would have paged
// while it was on trial. Each number leads to the list that explains it.
import { Empty, Head, Loaded, RangePicker, Severity, Shares, collate, format, href, html, pick, setQuery, severityRank, t, useApi, useMay, useMemo } from '../ui.js';
import { Bar, Choice, List } from './list.js';

const { count, percent } = format;
const VERDICTS = [['threat', 'critical'], ['benign', 'low'], ['false_positive', 'info'], ['drill', 'medium']];

function Verdicts({ row }) {
  const parts = VERDICTS.map(([name, tone]) => ({ name, tone, value: row.verdicts?.[name] ?? 0 })).filter((part) => part.value > 0);
  if (parts.length === 0) return html`<span class="muted">${t('detectors.precision_none')}</span>`;
  const words = parts.map((part) => `${t(`detectors.${part.name}`)} ${count(part.value)}`);
  return html`<span class="pb-verdicts"><${Shares} label=${words.join(', ')} parts=${parts.map((part, at) => ({ ...part, label: words[at] }))} /><span class="pb-small pb-words">${parts.map((part, at) => html`<span><i class=${`pb-mark share-${part.tone}`}></i>${words[at]}</span>`)}</span></span>`;
}

const linked = (number, to) => (number ? html`<a href=${to}>${count(number)}</a>` : html`<span class="muted">${count(number ?? null)}</span>`);

function columns(range, maySuppress) {
  return [
    { name: 'kind', label: t('detectors.kind'), sort: (row) => row.kind, class: 'pb-wide', cell: (row) => html`<span class="pb-kind"><span>${pick(row, 'kind')}</span><code>${row.kind}</code>
      <span class="pb-small">${pick(row, 'means')}</span></span>` },
    { name: 'severity', label: t('detectors.severity'), sort: (row) => severityRank(row.severity), cell: (row) => row.severity && html`<${Severity} severity=${row.severity} />` },
    { name: 'technique', label: t('detectors.technique'), sort: (row) => row.technique || null, cell: (row) => (row.technique ? html`<a href=${href('/alerts', { q: `attck:${row.technique}`, range })}><code>${row.technique}</code></a>` : html`<span class="muted">–</span>`) },
    { name: 'alerts', label: t('detectors.alerts'), number: true, sort: (row) => row.alerts ?? 0, cell: (row) => linked(row.alerts, href('/alerts', { q: `kind:${row.kind}`, range })) },
    { name: 'groups', label: t('detectors.groups'), number: true, sort: (row) => row.groups ?? 0, cell: (row) => linked(row.groups, href('/inbox', { q: `kind:${row.kind}`, state: 'all', range })) },
    { name: 'verdicts', label: t('detectors.verdicts'), class: 'pb-verdict-column', cell: (row) => html`<${Verdicts} row=${row} />` },
    { name: 'precision', label: t('detectors.precision'), how: t('detectors.precision_how'), sort: (row) => row.precision, cell: (row) => (row.precision === null || row.precision === undefined
      ? html`<span class="muted">–</span>` : html`<${Bar} share=${row.precision} text=${percent(row.precision, 0)} />`) },
    { name: 'paged', label: t('detectors.would_page'), how: t('detectors.would_page_how'), number: true, sort: (row) => row.would_have_paged ?? 0,
      cell: (row) => linked(row.would_have_paged, href('/alerts', { q: `kind:${row.kind} is:shadow`, range })) },
    { name: 'suppressions', label: t('detectors.suppressions'), number: true, sort: (row) => row.suppressions ?? 0, cell: (row) => html`${linked(row.suppressions, href('/suppressions', { kind_is: row.kind }))}<br />
      ${maySuppress && html` <a class="pb-small" href=${href('/suppressions', { kind: row.kind })} aria-label=${`${t('detectors.suppress')}: ${pick(row, 'kind')}`}>${t('detectors.suppress')}</a>`}` },
  ];
}

export default function Page({ query }) {
  const range = query.range ?? '30d', only = query.show === 'hits', maySuppress = useMay('suppress');
  const of = useApi(href('/detectors', { range }), { every: 60000 });
  const words = (query.name ?? '').normalize('NFKC').toLowerCase();
  const rows = useMemo(() => (of.data?.rows ?? []).filter((row) => (!only || row.alerts > 0) && (!words || [row.kind, row.kind_ja, row.kind_en, row.means_ja, row.means_en, row.technique]
    .some((text) => text?.normalize('NFKC').toLowerCase().includes(words)))).sort((a, b) => collate(a.kind, b.kind)), [of.data, only, words]);
  const all = of.data?.rows ?? [];
  return html`<${Head} title=${t('detectors.title')} sub=${t('detectors.lead')}>
      <input class="input" type="search" value=${query.name ?? ''} aria-label=${t('detectors.filter')} placeholder=${t('detectors.filter')} onInput=${(event) => setQuery({ name: event.target.value })} />
      <${Choice} name="show" label=${t('detectors.kind')} value=${only ? 'hits' : 'all'} options=${[['all', t('detectors.all')], ['hits', t('detectors.only_hits')]]} onChange=${(show) => setQuery({ show: show === 'all' ? null : show })} />
      <${RangePicker} value=${range} /><//>
    <${Loaded} of=${of}>${() => html`<p class="pb-summary">${t('detectors.summary', { rules: all.length, hit: all.filter((row) => row.alerts > 0).length, alerts: all.reduce((sum, row) => sum + (row.alerts ?? 0), 0) })}</p>
      ${rows.length === 0 ? html`<${Empty} icon="detector" title=${t('detectors.none')} />`
    : html`<${List} caption=${t('detectors.title')} columns=${columns(range, maySuppress)} rows=${rows} id=${(row) => row.kind} sort="alerts-" sorted=${query.sort} />`}`}<//>`;
}

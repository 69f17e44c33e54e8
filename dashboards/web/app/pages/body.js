// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One body: what needs doing, how its traffic compares with its habit, its alerts by day and kind, whom to call.
import { html, collate, language, pick, t, useApi, useRefresh, rangeText, href, navigate, Chip, Facts, Head, Section, RangePicker, Loaded, Severity, Plain, Value, format, time } from '../ui.js';
import { attentionOf, bodyAddress, GroupLines, Histogram, orgName, SEVERITIES, sum, term, TrafficChart, words, zoneName } from '../kit.js';

const { count } = format;
const { day } = time;

const DAY_MS = 86400000;

function Badges({ tile }) {
  const attention = attentionOf(tile, false);
  return html`<span class="badges"><${Chip} tone=${attention === 'calm' ? 'good' : ['dark', 'zone', 'critical', 'overdue'].includes(attention) ? 'bad' : 'warn'}>${t(`board.is.${attention}`)}<//>
    ${tile.saturated && attention !== 'saturated' && html`<${Chip} tone="warn">${t('board.is.saturated')}<//>`}
    ${Object.entries(tile.zones ?? {}).map(([zone, state]) => html`<${Chip} tone=${state === 'ok' ? 'good' : state === 'breach' ? 'bad' : 'plain'}>${t(`body.zone.${['ok', 'breach'].includes(state) ? state : 'unknown'}`, { zone: zoneName(zone, words()) })}<//>`)}</span>`;
}

export default function Body({ params, query }) {
  const range = query.range || '24h';
  const { code } = params;
  const body = useApi(href(`/bodies/${encodeURIComponent(code)}`, { range }), { every: 30000 });
  const groups = useApi(href('/groups', { q: term('org', code), state: 'inbox', limit: 10 }));
  useRefresh(['groups', 'health'], () => { body.reload(); groups.reload(); }, 3000);
  const open = (from, to) => navigate(href('/alerts', { q: term('org', code), range: rangeText(from, to) }));
  return html`<${Loaded} whole=${true} of=${body} rows=${8}>${({ tile, contact, name_kana: kana, prefixes, parent, children = [], days = [], kinds = [] }) => {
    const totals = days.map((one) => sum(one.counts));
    return html`<${Head} title=${orgName(tile.org, words())} sub=${html`${kana && language() === 'ja' && html`<span lang="ja">${kana}</span> `}<code>${tile.org.code}</code> <${Badges} tile=${tile} />`}><${RangePicker} value=${range} /><//>
      <div class="columns">
        <div>
        <${Section} title=${t('body.open')}>
          <ul class="by-severity by-severity-row">${SEVERITIES.map((severity) => html`<li key=${severity}><a href=${href('/alerts', { q: `${term('org', code)} is:open -is:archived ${term('sev', severity)}`, range: 'all' })} class=${tile.open[severity] ? '' : 'is-none'}><${Severity} severity=${severity} /><b class="number">${count(tile.open[severity])}</b></a></li>`)}</ul><//>
        <${Section} title=${t('nav.inbox')} tools=${html`<a href=${href('/inbox', { q: term('org', code), range: 'all' })}>${t('body.inbox', { n: tile.inbox })}</a>`}>
          <${Loaded} of=${groups} rows=${4}>${(page) => html`<${GroupLines} rows=${page.rows} empty=${t('body.nothing_open')} org=${false} />`}<//><//>
        <${Section} title=${t('body.days')}>
          ${totals.length > 0 ? html`<${Histogram} values=${totals} start=${days[0].day_ms} step=${DAY_MS} name=${t('body.days')} onChoose=${open} height=${120} />` : html`<p class="muted">${t('body.no_alerts')}</p>`}
          <details><summary>${t('body.days_table')}</summary><${Plain} caption=${t('body.days')} rows=${[...days].reverse().filter((one) => sum(one.counts) > 0)} rowKey=${(one) => one.day_ms}
            columns=${[{ id: 'day', label: t('body.day'), cell: (one) => html`<a href=${href('/alerts', { q: term('org', code), range: rangeText(one.day_ms, one.day_ms + DAY_MS) })}>${day(one.day_ms)}</a>` },
              ...SEVERITIES.map((severity) => ({ id: severity, label: t(`severity.${severity}`), align: 'end', cell: (one) => count(one.counts[severity]) }))]} /></details><//>
        <${Section} title=${t('body.contact')}><${Facts} rows=${[
          [t('body.contact_where'), contact ? html`<span class="pre">${contact}</span>` : html`<span class="muted">${t('body.no_contact')}</span>`],
          parent && [t('body.parent'), html`<a href=${bodyAddress(parent.code)}>${orgName(parent, words())}</a>`],
          children.length > 0 && [t('body.children'), html`<ul class="inline-list">${[...children].sort((a, b) => collate(orgName(a, words()), orgName(b, words()))).map((child) => html`<li key=${child.code}><a href=${bodyAddress(child.code)}>${orgName(child, words())}</a></li>`)}</ul>`],
        ]} /><//>
        </div>
        <div>
        <${Section} title=${t('body.traffic')} tools=${html`<a href=${href('/traffic', { org: code, range })}>${t('overview.traffic_more')}</a>`}>
          <${TrafficChart} rate=${tile.traffic} name=${t('body.traffic_hour')} height=${180} /><//>
        <${Section} title=${t('overview.kinds')}>
          ${kinds.length === 0 ? html`<p class="muted">${t('overview.no_kinds')}</p>` : html`<${Plain} caption=${t('overview.kinds')} rows=${kinds} rowKey=${(one) => one.kind}
            columns=${[{ id: 'kind', label: t('body.kind'), cell: (one) => html`<a href=${href('/alerts', { q: `${term('org', code)} ${term('kind', one.kind)}`, range })}>${pick(one, 'kind')}</a>` },
              { id: 'n', label: t('histogram.count'), align: 'end', cell: (one) => count(one.alerts) }]} />`}<//>
        <${Section} title=${t('body.prefixes')}>
          <${Plain} caption=${t('body.prefixes')} rows=${prefixes} empty=${t('body.no_prefix')} rowKey=${(one) => one.prefix}
            columns=${[{ id: 'prefix', label: t('body.prefix'), cell: (one) => html`<${Value} field="ip" value=${one.prefix}><span class="address">${one.prefix}</span><//>` },
              { id: 'zone', label: t('body.zone'), cell: (one) => zoneName(one.zone, words()) }]} /><//>
        </div>
      </div>`;
  }}<//>`;
}

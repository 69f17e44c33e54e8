// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One alert: what happens, why that is unusual, who is concerned, what to do next, and what has been done. Everything that a sensor wrote
// is read through facts/eve.js and shown as text; every value leads on.
import { html, useMemo, useState, href, pick, sentences, t, useApi, useRefresh, useMay, Button, Chart, Chip, End, Facts, Head, Loaded, MenuButton, Org, Plain, Section,
  Severity, StateChip, Time, Value, copy, format, time } from '../ui.js';
import { alertAddress, AlertLines, axisOf, appName, bodyAddress, confidenceName, duration, GroupActions, groupAddress, History, hostAddress, impactMeaning, impactName, modeMeaning, modeName, orgName, stateName, techniqueName, term, vectorName, words, zoneName } from '../kit.js';
import { curl, defanged, indicators, redisCli, ticketJa, tshark } from '../facts/copyas.js';
import { contextOf, text } from '../facts/eve.js';
import { tick, ticked } from '../facts/steps.js';
import { whyRows, whySentences } from '../facts/why.js';

const { bytes, count, percent } = format;
const SEVERITY_JA = { critical: '緊急', high: '高', medium: '中', low: '低', info: '参考' }; // the ticket is in Japanese whatever the page is in
const MODE_TONES = { page: 'bad', alert: 'warn', digest: 'plain', shadow: 'plain' };
const IMPACT_TONES = { down: 'bad', degraded: 'warn', absorbed: 'good', unknown: 'plain' };

function Why({ context }) {
  const { why } = context, { series } = why;
  const chart = useMemo(() => series && {
    times: series.values.map((_, i) => series.start + i * series.step),
    lines: [{ name: t('alert.series'), values: series.values, tone: 'accent' }],
    band: series.high > 0 ? { name: t('alert.band'), low: series.values.map(() => series.low ?? 0), high: series.values.map(() => series.high) } : null,
    marks: why.threshold > 0 ? [{ name: t('why.threshold'), value: why.threshold, tone: 'critical' }] : [],
  }, [series, why.threshold]);
  const axis = useMemo(() => axisOf(Math.max(why.threshold ?? 0, ...(series?.values ?? []).map((value) => value ?? 0)), why.unit, words()), [series, why.unit, t('alert.series')]);
  const said = whySentences(why, words());
  return html`<${Section} title=${t('alert.why')} class="why">
    ${said.length > 0 && html`<p class="why-said">${sentences(said)}</p>`}
    ${chart && html`<${Chart} name=${t('alert.series_in', { unit: axis.unit })} ...${chart} format=${axis.format} height=${200} />`}
    <${Facts} rows=${whyRows(context, words())} />
    ${why.top.length > 0 && html`<h3>${t('alert.top')}</h3><${Plain} caption=${t('alert.top')} rows=${why.top} rowKey=${(one) => one.ip}
      columns=${[{ id: 'ip', label: t('alert.source'), cell: (one) => html`<${Value} field="ip" value=${one.ip} page=${one.ip.includes('/') ? undefined : hostAddress(one.ip)}><span class="address">${one.ip}</span><//>` },
        { id: 'share', label: t('alert.share'), align: 'end', cell: (one) => html`<span class="bar-cell"><span class="bar" aria-hidden="true"><span style=${{ width: `${Math.min(100, (one.share ?? 0) * 100)}%` }}></span></span><span class="number">${percent(one.share, 2)}</span></span>` }]} />`}
  <//>`;
}

function What({ alert, eve, context }) {
  const technique = alert.technique ? techniqueName(alert.technique, words()) : '';
  const community = text(eve.community_id);
  const name = text(eve.tls?.sni) || text(eve.http?.hostname) || text(eve.dns?.query?.[0]?.rrname);
  return html`<${Section} title=${t('alert.facts')}><${Facts} rows=${[
    [t('alert.source'), html`<${End} end=${alert.source} /> ${alert.source.org && html`<${Org} org=${alert.source.org} quiet />`}`],
    [t('alert.target'), html`<${End} end=${alert.target} /> ${alert.target.org && html`<${Org} org=${alert.target.org} quiet />`}`],
    alert.org && [t('alert.org'), html`<${Org} org=${alert.org} />`],
    alert.proto && [t('alert.proto'), html`<${Value} field="proto" value=${alert.proto.toLowerCase()}>${alert.proto}<//>`],
    [t('alert.app'), alert.app && alert.app !== 'failed' ? html`<${Value} field="app" value=${alert.app}>${appName(alert.app, words())}<//>` : html`<span class="muted">${appName(alert.app, words())}</span>`],
    alert.zone && [t('alert.zone'), html`<${Value} field="zone" value=${alert.zone}>${zoneName(alert.zone, words())}<//>`],
    name && [t('alert.name'), html`<${Value} value=${name}><span class="breakable">${name}</span><//>`],
    context.vectors.length > 0 ? [t('alert.vectors'), html`<ul class="inline-list">${context.vectors.map((vector) => html`<li><${Value} field="vector" value=${vector.name}>${vectorName(vector.name, words())}<//> ${vector.share !== null && html`<span class="number muted">${percent(vector.share, 0)}</span>`}</li>`)}</ul>`]
      : alert.vector && [t('alert.vectors'), html`<${Value} field="vector" value=${alert.vector}>${vectorName(alert.vector, words())}<//>`],
    alert.technique && [t('alert.technique'), html`<${Value} field="attck" value=${alert.technique}>${alert.technique}<//> ${technique}`],
    community && [t('alert.community'), html`<${Value} field="community" value=${community} pivots=${[{ label: t('alert.community_flows'), href: href(alertAddress(alert.id), { flow: community }) }]}><span class="address">${community}</span><//>`],
    [t('alert.sensor'), html`<${Value} field="sensor" value=${alert.sensor} page=${href('/sensors', { sensor: alert.sensor })}>${alert.sensor}<//>`],
    [t('alert.first'), html`<${Time} ms=${alert.first_ms} />`],
    [t('alert.last'), html`<${Time} ms=${alert.last_ms} /> ${alert.last_ms - alert.first_ms >= 1000 && html`<span class="muted">${t('alert.lasting', { span: duration(alert.last_ms - alert.first_ms, words()) })}</span>`}`],
    [t('alert.count'), html`${t('lines.times', { n: alert.count })}${alert.reopened > 0 ? html` <span class="muted">${t('alert.reopened', { n: alert.reopened })}</span>` : ''}`],
    [t('alert.score'), t('alert.score_value', { n: alert.score })],
    [t('alert.confidence'), t('alert.confidence_value', { name: confidenceName(alert.confidence, words()), n: Math.round(alert.confidence * 100) })],
    [t('alert.id'), html`<${Value} field="id" value=${alert.id}><span class="address breakable">${alert.id}</span><//>`],
  ]} /><//>`;
}

function Concerned({ alert, context }) {
  const { impact, affected } = context;
  if (!impact.state && !affected.length)
    return null;
  return html`<${Section} title=${t('alert.impact')}>
    ${impact.state && html`<p><${Chip} tone=${IMPACT_TONES[impact.state] ?? 'plain'}>${impactName(impact.state, words())}<//> ${impactMeaning(impact.state, words())}</p>
      ${impact.success !== null && html`<p class="muted">${t('alert.impact_numbers', { now: percent(impact.success, 0), usual: percent(impact.usual, 0) })}</p>`}`}
    ${affected.length > 0 && html`<h3>${t('alert.affected', { n: alert.affected_count ?? affected.length })}</h3>
      <ul class="inline-list">${affected.map((org) => html`<li key=${org.code}><a href=${bodyAddress(org.code)}>${orgName(org, words())}</a></li>`)}</ul>`}
  <//>`;
}

function Campaign({ alert, context }) {
  const id = alert.campaign ?? (alert.kind === 'dos.campaign' ? alert.id : null);
  const pulses = useApi(id ? `/campaigns/${encodeURIComponent(id)}` : null);
  if (!id)
    return null;
  return html`<${Section} title=${t('alert.campaign')}>
    <${Facts} rows=${[
      alert.pulse > 0 && [t('alert.pulse'), t('alert.pulse_value', { n: alert.pulse })],
      context.period > 0 && [t('alert.period'), t('alert.period_value', { period: duration(context.period * 1000, words()), mad: duration((context.periodMad ?? 0) * 1000, words()) })],
      context.nextExpected && [t('alert.next'), html`<${Time} ms=${context.nextExpected} />`],
    ]} />
    <${Loaded} of=${pulses} rows=${3}>${(page) => html`<${AlertLines} rows=${page.rows} except=${alert.id} empty=${t('alert.no_pulses')} />`}<//>
  <//>`;
}

function Steps({ id, steps, clause, means }) {
  const [done, setDone] = useState(() => ticked(localStorage, id));
  return html`<${Section} title=${t('alert.runbook')}>
    ${means && html`<p>${means}</p>`}
    ${steps.length > 0 ? html`<ol class="steps">${steps.map((step, i) => html`<li><label><input type="checkbox" checked=${done.has(i)} onChange=${(event) => setDone(new Set(tick(localStorage, id, i, event.target.checked)))} /><span>${step}</span></label></li>`)}</ol>
      <p class="section-note">${t('alert.steps_local')}</p>` : html`<p class="muted">${t('alert.no_steps')}</p>`}
    ${clause && html`<p class="clause"><b>${t('alert.clause')}</b> ${clause}</p>`}
  <//>`;
}

function Before({ related }) {
  const { before } = related;
  return html`<${Section} title=${t('alert.before')}>
    ${before.count_30d > 0 ? html`<p>${t('alert.before_said', { n: before.count_30d })}</p><${Facts} rows=${[
      [t('alert.before_first'), html`<${Time} ms=${before.first_ms} />`], [t('alert.before_last'), html`<${Time} ms=${before.last_ms} />`],
      before.orgs.length > 0 && [t('alert.before_orgs'), html`<ul class="inline-list">${before.orgs.map((org) => html`<li key=${org.code}><${Org} org=${org} quiet /></li>`)}</ul>`]]} />`
    : html`<p>${t('alert.before_never')}</p>`}
  <//>`;
}

function FlowTable({ id, only }) {
  const flows = useApi(href(`/alerts/${encodeURIComponent(id)}/flows`, { limit: 100 }));
  return html`<${Section} title=${t('alert.flows')} class="flows" tools=${only && html`<a href=${alertAddress(id)}>${t('alert.flows_all')}</a>`}>
    <${Loaded} of=${flows} rows=${3}>${({ delivered, rows }) => {
      if (!delivered)
        return html`<p class="muted">${t('alert.flows_none_delivered')}</p>`;
      const shown = only ? rows.filter((row) => row.community_id === only) : rows;
      if (!shown.length)
        return html`<p class="muted">${t('alert.no_flows')}</p>`;
      return html`<${Plain} caption=${t('alert.flows')} rows=${shown} columns=${[
        { id: 'start', label: t('alert.flow_start'), cell: (row) => html`<${Time} ms=${row.start_ms} as="short" />` },
        { id: 'source', label: t('alert.source'), cell: (row) => html`<${End} end=${row.source} quiet />` },
        { id: 'target', label: t('alert.target'), cell: (row) => html`<${End} end=${row.target} quiet />` },
        { id: 'app', label: t('alert.app'), cell: (row) => html`${row.app ? appName(row.app, words()) : row.proto}${row.hostname && html`<span class="line-2" title=${row.hostname}>${row.hostname}</span>`}` },
        { id: 'to', label: t('alert.bytes_to'), align: 'end', cell: (row) => bytes(row.bytes_to) },
        { id: 'back', label: t('alert.bytes_back'), align: 'end', cell: (row) => bytes(row.bytes_back) },
        { id: 'lasted', label: t('alert.lasted'), align: 'end', cell: (row) => duration(row.end_ms - row.start_ms, words()) },
      ]} />`;
    }}<//>
  <//>`;
}

function CopyMenu({ detail, context }) {
  const { alert } = detail;
  const ticket = () => ticketJa(detail, context, { time: (ms) => `${time.stamp(ms, time.site.get().zone)}`, severity: SEVERITY_JA[alert.severity] ?? alert.severity, url: location.origin + alertAddress(alert.id) });
  const items = () => [
    { label: t('alert.copy_ticket'), icon: 'copy', onChoose: () => copy(ticket(), t('alert.copy_ticket')) },
    { label: t('alert.copy_indicators'), icon: 'copy', disabled: !indicators(detail, context).length, onChoose: () => copy(defanged(detail, context), t('alert.copy_indicators')) },
    { separator: true },
    { label: 'curl', icon: 'copy', onChoose: () => copy(curl(location.origin, alert.id), 'curl') },
    { label: 'redis-cli XRANGE', icon: 'copy', disabled: !detail.entry, onChoose: () => copy(redisCli(alert.sensor, detail.entry ?? ''), 'redis-cli') },
    { label: t('alert.copy_tshark'), icon: 'copy', disabled: !tshark(detail), onChoose: () => copy(tshark(detail), t('alert.copy_tshark')) },
    { separator: true },
    { label: t('alert.copy_address'), icon: 'copy', onChoose: () => copy(location.origin + alertAddress(alert.id), t('alert.copy_address')) },
  ];
  return html`<${MenuButton} label=${t('alert.copy')} icon="copy" items=${items}>${t('alert.copy')}<//>`;
}

const suppression = (alert) => href('/suppressions', { kind: alert.kind, org: alert.org?.code, source: alert.source?.ip, target: alert.target?.ip });

export default function AlertPage({ params, query }) {
  const { id } = params;
  const detail = useApi(`/alerts/${encodeURIComponent(id)}`);
  const related = useApi(`/alerts/${encodeURIComponent(id)}/related`);
  useRefresh(['alerts', 'groups'], detail.reload, 2000);
  const maySuppress = useMay('suppress');
  return html`<${Loaded} whole=${true} of=${detail} rows=${10}>${(data) => {
    const { alert, group, eve } = data;
    const context = contextOf(eve);
    const line = eve ?? {};
    return html`<div class="alert-page">
    <${Head} title=${pick(alert, 'kind')} sub=${html`<span class="badges"><${Severity} severity=${alert.severity} />
        <${Chip} tone=${alert.state === 'open' ? 'bad' : 'plain'}>${stateName(alert.state, words())}<//>
        <${Chip} tone=${MODE_TONES[alert.mode] ?? 'plain'} title=${modeMeaning(alert.mode, words())}>${modeName(alert.mode, words())}<//>
        ${group && html`<${StateChip} state=${group.state} />`}
        ${group?.overdue && html`<${Chip} tone="bad" icon="clock">${t('alert.overdue')}<//>`}
        ${alert.suppressed && html`<${Chip} icon="suppress">${t('alert.suppressed')}<//>`}
        ${group?.assignee && html`<span class="muted">${t('alert.assignee', { name: group.assignee })}</span>`}</span>`}>
      <${CopyMenu} detail=${data} context=${context} />
      ${maySuppress && html`<a class="button button-plain" href=${suppression(alert)}>${t('alert.suppress')}</a>`}
      <a class="button button-plain" href=${`${alertAddress(id)}/handover`}>${t('alert.handover')}</a>
    <//>
    <p class="headline">${pick(alert, 'text') || pick(alert, 'kind')}</p>
    <${GroupActions} group=${group} reload=${detail.reload} />
    <div class="with-aside">
      <div class="main-column">
        <${Why} context=${context} />
        <${Campaign} alert=${alert} context=${context} />
        <${FlowTable} id=${id} only=${query.flow} />
        <${Loaded} of=${related} rows=${3}>${(found) => html`<${Section} title=${t('alert.related')} tools=${alert.target?.ip && html`<a href=${href('/alerts', { q: term('ip', alert.target.ip), range: '30d' })}>${t('alert.related_more')}</a>`}>
          <${AlertLines} rows=${found.alerts} except=${alert.id} empty=${t('alert.no_related')} /><//>
          <${Before} related=${found} />`}<//>
        <${Section} title=${t('alert.history')} tools=${group && html`<a href=${groupAddress(group.id)}>${t('alert.group')}</a>`}><${History} events=${data.history} /><//>
        <details class="raw"><summary>${t('alert.raw')}</summary>
          <${Button} icon="copy" onClick=${() => copy(JSON.stringify(eve), t('alert.raw'))}>${t('shell.copy')}<//>
          <pre tabindex="0">${JSON.stringify(line, null, 2)}</pre></details>
      </div>
      <aside class="side-column" aria-label=${t('alert.side')}>
        <${Steps} id=${alert.id} steps=${pick(data, 'steps') || []} means=${pick(data, 'means')} clause=${data.clause ? pick({ it_ja: data.clause.ja, it_en: data.clause.en }, 'it') : ''} />
        <${What} alert=${alert} eve=${line} context=${context} />
        <${Concerned} alert=${alert} context=${context} />
      </aside>
    </div></div>`;
  }}<//>`;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One group: what its alerts have in common, where it stands, who did what, and each alert.
import { html, useState, href, navigate, pick, t, useApi, useRefresh, Chip, End, Facts, Head, Loaded, Org, Section, Severity, SparkBars, StateChip, Table, Time, format } from '../ui.js';
import { alertAddress, alertColumns, GroupActions, History, modeName, NARROW_ROW, useNarrow, orgName, term, words, zoneName } from '../kit.js';

const { count } = format;
const COLUMNS = ['severity', 'time', 'text', 'state', 'count']; // their ends are the group's

/** The list that holds the group's alerts and no others, as far as the grammar can say it. */
function wholeList(group) {
  const parts = [term('kind', group.kind)];
  if (group.org) parts.push(term('org', group.org.code));
  for (const end of [group.source, group.target])
    if (end?.ip) parts.push(term('ip', end.ip));
  return href('/alerts', { q: parts.join(' '), range: '30d' });
}

export default function Group({ params }) {
  const detail = useApi(`/groups/${encodeURIComponent(params.id)}`);
  const [focus, setFocus] = useState(null), small = useNarrow(), high = small ? NARROW_ROW : 36;
  useRefresh(['groups', 'alerts'], detail.reload, 1500);
  return html`<${Loaded} whole=${true} of=${detail} rows=${8}>${({ group, history, alerts, alerts_total: total }) => html`<div class="group-page">
    <${Head} title=${pick(group, 'kind')} sub=${html`<span class="badges"><${Severity} severity=${group.severity} /><${StateChip} state=${group.state} />
        ${group.mode && html`<${Chip}>${modeName(group.mode, words())}<//>`}${group.overdue && html`<${Chip} tone="bad" icon="clock">${t('alert.overdue')}<//>`}
        ${group.suppressed && html`<${Chip} icon="suppress">${t('alert.suppressed')}<//>`}
        <span class="muted">${group.assignee ? t('alert.assignee', { name: group.assignee }) : t('group.nobody')}</span></span>`}>
      <a class="button button-plain" href=${alertAddress(group.latest)}>${t('group.latest')}</a>
    <//>
    <p class="headline">${pick(group, 'text') || pick(group, 'kind')}</p>
    <${GroupActions} group=${group} reload=${detail.reload} />
    <div class="with-aside">
      <div class="main-column">
        <${Section} title=${t('group.alerts', { n: total })} tools=${html`<a href=${wholeList(group)}>${t('group.search')}</a>`}>
          ${total > alerts.length && html`<p class="section-note">${t('group.newest', { n: alerts.length })}</p>`}
          <div class="table-box table-box-short" style=${{ maxHeight: `${alerts.length * high + 40}px` }}><${Table} rows=${alerts} columns=${alertColumns(COLUMNS, small)} rowHeight=${high} rowKey=${(row) => row.id + row.first_ms} label=${t('group.alerts', { n: total })} focus=${focus} onFocus=${setFocus}
            onOpen=${(row) => navigate(alertAddress(row.id))} rowName=${(row) => pick(row, 'text')} /></div><//>
        <${Section} title=${t('alert.history')}><${History} events=${history} /><//>
      </div>
      <aside class="side-column" aria-label=${t('alert.facts')}><${Section} title=${t('alert.facts')}><${Facts} rows=${[
        [t('alert.org'), group.org ? html`<${Org} org=${group.org} />` : orgName(null, words())],
        [t('alert.source'), html`<${End} end=${group.source} />`], [t('alert.target'), html`<${End} end=${group.target} />`],
        group.zone && [t('alert.zone'), zoneName(group.zone, words())],
        [t('alert.first'), html`<${Time} ms=${group.first_ms} />`], [t('alert.last'), html`<${Time} ms=${group.last_ms} />`],
        [t('group.counts'), t('group.counts_value', { n: count(group.alerts), open: count(group.open) })],
        group.spark?.length > 0 && [t('group.spark'), html`<${SparkBars} values=${group.spark} label=${t('group.spark')} width=${160} height=${28} />`],
        group.due_ms && [t('group.due'), html`<${Time} ms=${group.due_ms} />`],
        group.verdict && [t('triage.verdict'), t(`verdict.${group.verdict}`)],
        group.reason && [t('triage.reason'), html`<span class="pre">${group.reason}</span>`],
      ]} /><//></aside>
    </div></div>`}<//>`;
}

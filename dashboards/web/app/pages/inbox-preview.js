// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Beside the list: the group that the cursor is on, with what was done to it. Asked for a moment after the cursor has come to rest.
import { Chip, End, Facts, Icon, Loaded, Org, Severity, SparkBars, StateChip, Time, Value, html, pick, rangeLabel, t, useApi, useEffect, useRefresh, useState } from '../ui.js';

const REST_MS = 120, SHOWN = 6;

/** One line of what happened. */
export function HistoryLine({ event }) {
  const self = event.action === 'assign' && event.to?.assignee === event.actor;
  const what = [event.verdict && t(`verdict.${event.verdict}`), event.reason, event.to?.assignee && event.action === 'assign' && !self && event.to.assignee].filter(Boolean).join(' · ');
  return html`<li class="did"><span class="did-head"><span><b>${event.actor}</b> ${t(self ? 'triage.did_assign_me' : `triage.did_${event.action}`)}${event.bulk > 1 && html` <span class="muted">${t('triage.bulk', { n: event.bulk })}</span>`}</span><${Time} ms=${event.at_ms} as="short" /></span>
    ${what && html`<span class="did-what">${what}</span>`}${event.comment && html`<p class="did-comment">${event.comment}</p>`}</li>`;
}

/** @param {{row: any, range: string}} props */
export function Preview({ row, range }) {
  const [id, setId] = useState(row.id);
  useEffect(() => {
    const timer = setTimeout(() => setId(row.id), REST_MS);
    return () => clearTimeout(timer);
  }, [row.id]);
  const detail = useApi(`/groups/${encodeURIComponent(id)}`);
  useRefresh(['groups'], detail.reload, 2000);
  // its own change (by key, here) shows at once
  useEffect(() => { if (detail.data && row.id === id && row.version !== detail.data.group.version) detail.reload(); }, [row.version]);
  const found = `/alerts?${new URLSearchParams({ q: [row.org && `org:${row.org.code}`, `kind:${row.kind}`, row.target?.ip && !row.target.masked && `ip:${row.target.ip}`, row.source?.ip && !row.source.masked && `ip:${row.source.ip}`].filter(Boolean).join(' '), range: range || 'all' })}`;
  return html`<aside class="preview" aria-label=${t('inbox.preview')}>
    <header class="preview-head"><${Severity} severity=${row.severity} /><${StateChip} state=${row.state} />${row.overdue && html`<${Chip} tone="bad" icon="clock">${t('inbox.overdue')}<//>`}</header>
    <h2><${Value} field="kind" value=${row.kind} quiet>${pick(row, 'kind')}<//></h2>
    <p class="preview-text">${pick(row, 'text')}</p>
    <div class="preview-tools"><a class="button button-plain" href=${`/groups/${encodeURIComponent(row.id)}`}><${Icon} name="right" />${t('inbox.open_group')}</a><a class="button button-quiet" href=${`/alerts/${encodeURIComponent(row.latest)}`}>${t('inbox.open_alert')}</a></div>
    <${Facts} rows=${[
      [t('inbox.body'), html`<${Org} org=${row.org} />`],
      [t('inbox.source'), html`<${End} end=${row.source} />`],
      [t('inbox.target'), html`<${End} end=${row.target} />`],
      [t('inbox.count'), html`<a href=${found}>${t('inbox.alerts_of', { n: row.alerts })}</a>${row.open > 0 && html` <span class="muted">${t('inbox.open_of', { n: row.open })}</span>`}`],
      [t('inbox.first'), html`<${Time} ms=${row.first_ms} />`],
      [t('inbox.last'), html`<${Time} ms=${row.last_ms} />`],
      row.due_ms && [t('inbox.due'), html`<${Time} ms=${row.due_ms} />`],
      [t('triage.assignee'), row.assignee ? row.assignee : html`<span class="muted">${t('triage.nobody')}</span>`],
      row.verdict && [t('triage.verdict'), t(`verdict.${row.verdict}`)],
      row.reason && [t('triage.reason'), row.reason],
    ]} />
    <div class="preview-spark"><${SparkBars} values=${row.spark} label=${t('inbox.spark', { n: row.alerts })} width=${280} height=${36} /><span class="muted">${rangeLabel(range || 'all')}</span></div>
    <h3>${t('inbox.history')}</h3>
    <${Loaded} of=${detail} rows=${2}>${({ history, group }) => (group.id !== row.id ? null : history.length
      ? html`<ol class="did-list">${history.slice(-SHOWN).reverse().map((event) => html`<${HistoryLine} key=${event.at_ms + event.action} event=${event} />`)}</ol>${history.length > SHOWN && html`<a href=${`/groups/${encodeURIComponent(row.id)}`}>${t('inbox.history_all', { n: history.length })}</a>`}`
      : html`<p class="muted">${t('inbox.history_none')}</p>`)}<//>
  </aside>`;
}

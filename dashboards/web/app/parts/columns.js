// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Columns of lists of alerts: the search, a group's page, a host's page, the tail. The chooser of the search shows all of them.
import { html, pick, t, useEffect, useMemo, useState, orgName, End, Org, Severity, Time, Value, format } from '../ui.js';
import { appName, modeName, stateName, vectorName, zoneName } from '../facts/words.js';
import { words } from '../facts/page.js';
import { alertAddress } from '../facts/query.js';

const { count } = format;

// One column alone grows: head and rows are laid out apart, and must agree.
const ALL = {
  severity: { width: '104px', sorts: { down: 'severity' }, cell: (row) => html`<${Severity} severity=${row.severity} />` },
  time: { width: '146px', sorts: { down: 'newest', up: 'oldest' }, cell: (row) => html`<${Time} ms=${row.time_ms} />` },
  first: { width: '146px', cell: (row) => html`<${Time} ms=${row.first_ms} />` },
  org: { width: 'clamp(136px, 12vw, 200px)', sorts: { up: 'body' }, cell: (row) => html`<${Org} org=${row.org} quiet />` },
  kind: { width: '180px', cell: (row) => html`<${Value} field="kind" value=${row.kind} quiet>${pick(row, 'kind')}<//>` },
  text: { width: 'minmax(220px, 1fr)', cell: (row) => html`<a class="clip" href=${alertAddress(row.id)} tabindex="-1" title=${pick(row, 'text')}>${pick(row, 'text') || pick(row, 'kind')}</a>` },
  state: { width: '72px', cell: (row) => stateName(row.state, words()) },
  mode: { width: '96px', cell: (row) => modeName(row.mode, words()) },
  source: { width: '152px', cell: (row) => html`<${End} end=${row.source} quiet />` },
  target: { width: '152px', cell: (row) => html`<${End} end=${row.target} quiet />` },
  count: { width: '64px', align: 'end', sorts: { down: 'count' }, cell: (row) => html`<span class="number">${count(row.count)}</span>` },
  score: { width: '64px', align: 'end', cell: (row) => html`<span class="number">${count(row.score)}</span>` },
  proto: { width: '72px', cell: (row) => row.proto ?? '' },
  app: { width: '110px', cell: (row) => (row.app && row.app !== 'failed' ? appName(row.app, words()) : '') },
  zone: { width: '150px', cell: (row) => zoneName(row.zone, words()) },
  vector: { width: '150px', cell: (row) => vectorName(row.vector, words()) },
  technique: { width: '100px', cell: (row) => row.technique ?? '' },
  sensor: { width: '110px', cell: (row) => html`<${Value} field="sensor" value=${row.sensor} quiet />` },
};

export const COLUMN_IDS = Object.keys(ALL);
export const DEFAULT_COLUMNS = ['severity', 'time', 'org', 'text', 'source', 'target', 'count', 'state'];

// On a phone: what, whose and since when.
const narrow = () => [
  { id: 'severity', label: t('columns.severity'), hideLabel: true, width: '34px', class: 'cell-tight', cell: (row) => html`<${Severity} severity=${row.severity} short />` },
  { id: 'text', label: t('columns.text'), width: 'minmax(120px, 1fr)', class: 'cell-two', cell: (row) => html`<span class="line-1 line-what"><b>${pick(row, 'kind')}</b><span class="what-body">${orgName(row.org)}</span></span>
    <a class="line-2" href=${alertAddress(row.id)} tabindex="-1">${pick(row, 'text')}</a>` },
  { id: 'time', label: t('columns.time'), width: '84px', align: 'end', cell: (row) => html`<${Time} ms=${row.time_ms} as="ago" />` },
];
export const NARROW_ROW = 56;

/** Whether the window is a phone's. */
export function useNarrow() {
  const look = useMemo(() => matchMedia('(max-width: 760px)'), []), [is, set] = useState(look.matches);
  useEffect(() => {
    const changed = () => set(look.matches);
    look.addEventListener('change', changed);
    return () => look.removeEventListener('change', changed);
  }, []);
  return is;
}

/** Columns by name; unknown names (of an old address) are passed over. @param {string[]} ids @param {boolean} [small] on a phone, and nobody has chosen */
export const alertColumns = (ids, small = false) => (small ? narrow() : ids.filter((id) => Object.hasOwn(ALL, id)).map((id) => ({ id, label: t(`columns.${id}`), ...ALL[id] })));

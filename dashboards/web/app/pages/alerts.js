// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The search over all alerts: query, histogram that narrows the range, a list that is read as far as somebody scrolls, a choice of columns,
// export of the whole result. What is asked for stands in the address.
import { html, useCallback, useEffect, useMemo, useRef, useState, get, href, may, navigate, pick, rangeText, setQuery, t, useApi, useFrames, Button, Dialog, Empty, Head,
  Loaded, MenuButton, QueryBox, RANGES, RangePicker, setSort, SortPicker, Table, toast } from '../ui.js';
import { matcher } from '../facts/match.js';
import { alertAddress, alertColumns, COLUMN_IDS, DEFAULT_COLUMNS, Histogram, NARROW_ROW, useNarrow } from '../kit.js';

const PAGE_ROWS = 200, ORDERS = ['newest', 'oldest', 'severity', 'count', 'body'];

function Columns({ chosen, onClose }) {
  const [on, setOn] = useState(chosen);
  const flip = (id, yes) => setOn(COLUMN_IDS.filter((one) => (one === id ? yes : on.includes(one))));
  const store = () => { setQuery({ cols: on.join() === DEFAULT_COLUMNS.join() ? null : on.join() }); onClose(); };
  return html`<${Dialog} title=${t('alerts.columns')} onClose=${onClose} onSubmit=${store}
      footer=${html`<${Button} onClick=${() => setOn(DEFAULT_COLUMNS)}>${t('alerts.columns_default')}<//><${Button} kind="primary" type="submit" disabled=${on.length === 0}>${t('shell.confirm')}<//>`}>
    <div class="choices">${COLUMN_IDS.map((id, i) => html`<label class="check"><input type="checkbox" data-focus=${i === 0 ? '' : undefined} checked=${on.includes(id)} onChange=${(event) => flip(id, event.target.checked)} /> ${t(`columns.${id}`)}</label>`)}</div>
  <//>`;
}

/** Rows of the first answer and of those behind it, as far as they were asked for. */
function useRows(first, query) {
  const [more, setMore] = useState({ of: null, rows: [], cursor: null, loading: false });
  const of = first.data;
  const here = more.of === of ? more : { of, rows: [], cursor: of?.cursor ?? null, loading: false };
  const newest = useRef(here), loading = useRef(false); // while another order is on its way its cursor is not at hand
  newest.current = here;
  loading.current = first.loading;
  const ask = useCallback(async () => {
    const now = newest.current;
    if (!now.cursor || now.loading || loading.current) return;
    const begun = { ...now, loading: true };
    newest.current = begun;
    setMore(begun);
    try {
      const page = await get('/alerts', { ...query, cursor: now.cursor, limit: PAGE_ROWS });
      if (newest.current.of === now.of) setMore({ of: now.of, rows: [...now.rows, ...page.rows], cursor: page.cursor, loading: false });
    } catch (error) {
      toast(error.text ?? String(error), { tone: 'bad' });
      if (newest.current.of === now.of) setMore({ ...now, loading: false, cursor: null });
    }
  }, [query.q, query.range, query.sort]);
  const rows = useMemo(() => (of ? [...of.rows, ...here.rows] : []), [of, here.rows]);
  return { rows, ask, loading: here.loading };
}

export default function Alerts({ query }) {
  const chosenRange = query.range || '24h', range = chosenRange === 'all' ? '' : chosenRange, q = query.q ?? '';
  const columns = (query.cols ?? '').split(',').filter((id) => COLUMN_IDS.includes(id));
  const chosen = columns.length ? columns : DEFAULT_COLUMNS;
  const sort = ORDERS.includes(query.sort) ? query.sort : ORDERS[0];
  const first = useApi(href('/alerts', { q, range, sort, limit: PAGE_ROWS }), { same: JSON.stringify([q, range]) });
  const { rows, ask, loading } = useRows(first, { q, range, sort });
  const [focus, setFocus] = useState(null), [choosing, setChoosing] = useState(false), [fresh, setFresh] = useState(0);
  const { finds } = useMemo(() => matcher(q), [q]); // what its fields cannot tell here is counted: better one too many than one unseen
  useFrames('alerts', ({ rows: came }) => setFresh((n) => n + (came?.filter(finds).length ?? 0)));
  useEffect(() => setFresh(0), [first.at]);
  const small = useNarrow() && !columns.length;
  const shown = useMemo(() => alertColumns(chosen, small), [query.cols, small, t('columns.time')]);
  const bad = first.error?.status === 422 ? first.error : null;
  const file = (kind) => `/api/v1${href('/export', { format: kind, q, range })}`;
  const data = first.data;
  return html`<div class="list-page">
    <${Head} title=${t('alerts.title')} sub=${data && t('alerts.total', { n: data.total })}>
      ${fresh > 0 && html`<button type="button" class="pill" data-new onClick=${first.reload}>${t('alerts.fresh', { n: fresh })}</button>`}
      <${RangePicker} value=${chosenRange} ranges=${[...RANGES, 'all']} /><${SortPicker} value=${sort} orders=${ORDERS} />
      <${Button} icon="table" onClick=${() => setChoosing(true)}>${t('alerts.columns')}<//>
      ${may('triage') && html`<${MenuButton} label=${t('alerts.export')} icon="download" items=${() => [
        { label: t('alerts.export_csv'), icon: 'download', onChoose: () => { location.assign(file('csv')); } },
        { label: t('alerts.export_jsonl'), icon: 'download', onChoose: () => { location.assign(file('jsonl')); } }]}>${t('alerts.export')}<//>`}
    <//>
    <div class="list-search"><${QueryBox} value=${q} error=${first.error} /></div>
    ${!bad && html`<${Loaded} of=${first} rows=${12}>${() => html`
      ${data.histogram?.values?.length > 0 && data.total > 0 && html`<${Histogram} values=${data.histogram.values} start=${data.histogram.start_ms} step=${data.histogram.step_ms} name=${t('alerts.histogram')}
        onChoose=${(from, to) => setQuery({ range: rangeText(from, to) }, { replace: false })} height=${72} />`}
      ${data.total === 0 ? html`<${Empty} title=${t('alerts.none')} icon="search">${t('alerts.none_text')}<//>`
    : html`<div class="table-box"><${Table} rows=${rows} columns=${shown} rowHeight=${small ? NARROW_ROW : undefined} rowKey=${(row) => `${row.id} ${row.first_ms}`} label=${t('alerts.title')} focus=${focus} onFocus=${setFocus} loading=${loading}
        sort=${sort} onSort=${(order) => setSort(order, ORDERS)} total=${data.total} onMore=${ask} onOpen=${(row) => navigate(alertAddress(row.id))} rowName=${(row) => pick(row, 'text') || pick(row, 'kind')} /></div>
        <p class="list-foot muted">${t('alerts.shown', { n: rows.length, total: data.total })}</p>`}`}<//>`}
    ${choosing && html`<${Columns} chosen=${chosen} onClose=${() => setChoosing(false)} />`}
  </div>`;
}

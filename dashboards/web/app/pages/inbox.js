// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The inbox: groups of alerts that want somebody. Everything by keyboard; nothing moves under the cursor; what is shown is the address.
import { Banner, Broken, Button, Chip, Empty, End, Icon, IconButton, Loading, MenuList, QueryBox, RANGES, RangePicker, Severity, SortPicker, SparkBars, Table, Time, TriageButtons, Views, format, href, html, cx,
  navigate, now, orgName, pick, setBadge, setQuery, setSort, setTitle, t, time, useEffect, useHeld, useKeys, useLanguage, useLayoutEffect, useMay, useMemo, usePrefs, useRef, useRefresh, useState, useTriage } from '../ui.js';
import { Preview } from './inbox-preview.js';
import { useGroups } from './inbox-data.js';

const TABS = ['inbox', 'new', 'acknowledged', 'escalated', 'archived', 'suppressed', 'shadow', 'all'];
const DEFAULT = { state: 'inbox', range: '7d' };
const ORDERS = ['severity', 'newest', 'oldest', 'count', 'body', 'change'];
const BELONGS = { inbox: ['new', 'acknowledged', 'escalated'], new: ['new'], acknowledged: ['acknowledged'], escalated: ['escalated'], archived: ['archived'] };
const PREVIEW = 'yagura.preview';

function kept() {
  try { return localStorage.getItem(PREVIEW) !== 'off'; } catch { return true; }
}

/** How wide the list is: columns that find no room are not drawn. */
function useWidth(box) {
  const [width, setWidth] = useState(innerWidth);
  useLayoutEffect(() => {
    const size = new ResizeObserver(([entry]) => setWidth(Math.round(entry.contentRect.width)));
    size.observe(box.current);
    return () => size.disconnect();
  }, []);
  return width;
}

function Due({ row, short }) {
  if (!row.due_ms) return null;
  const late = row.overdue || row.due_ms < now(), by = Math.abs(now() - row.due_ms), unit = by >= 86400000 ? 86400000 : by >= 3600000 ? 3600000 : 1; // one unit finds room
  const span = time.span(by - (by % unit)), text = t(late ? 'inbox.overdue_by' : 'inbox.due_in', { span });
  return html`<span class=${cx('due', late ? 'due-over' : row.due_ms - now() < 300000 && 'due-soon')} title=${`${t(late ? 'inbox.overdue_by' : 'inbox.due_in', { span: time.span(by) })} (${time.stamp(row.due_ms)})`}>${(late || short) && html`<${Icon} name="clock" size=${12} />`}${short ? html`<span class="only-read">${text}</span><span aria-hidden="true">${span}</span>` : text}</span>`;
}

function columnsFor(width, gone) {
  const narrow = width < 600;
  return [
    { id: 'severity', label: t('inbox.severity'), sorts: { down: 'severity' }, width: narrow ? '34px' : '100px', hideLabel: narrow, class: narrow ? 'cell-tight' : undefined, cell: (row) => html`<${Severity} severity=${row.severity} short=${narrow} />` },
    { id: 'what', label: t('inbox.what'), width: `minmax(${narrow ? 120 : 180}px, 1fr)`, class: 'cell-two', cell: (row) => html`
      <span class="line-1 line-what"><b>${pick(row, 'kind')}</b><span class="what-body">${row.org ? orgName(row.org) : t('shell.no_body')}</span>${gone.has(row.id) && html`<${Chip} tone="warn">${t('inbox.gone')}<//>`}</span>
      <span class="line-2" title=${pick(row, 'text')}>${pick(row, 'text')}</span>` },
    width >= 700 && { id: 'ends', label: t('inbox.ends'), width: '140px', class: 'cell-two', cell: (row) => {
      const inside = row.target?.inside || !row.source?.inside ? row.target : row.source, remote = inside === row.target ? row.source : row.target;
      return html`<span class="line-1"><${End} end=${inside} port=${false} quiet /></span><span class="line-2"><${End} end=${remote} port=${false} quiet /></span>`;
    } },
    width >= 520 && { id: 'count', label: t('inbox.count'), width: '92px', align: 'end', sorts: { down: 'count' }, class: 'cell-two', cell: (row) => html`
      <span class="line-1" title=${t('inbox.alerts_of', { n: row.alerts })}>${format.brief(row.alerts)}</span><${SparkBars} values=${row.spark} label=${t('inbox.spark', { n: row.alerts })} width=${72} height=${14} />` },
    { id: 'age', label: t(narrow ? 'inbox.age_short' : 'inbox.age'), sorts: { down: 'newest', up: 'oldest' }, width: narrow ? '88px' : '128px', align: 'end', class: 'cell-two', cell: (row) => html`
      <span class="line-1"><${Time} ms=${row.last_ms} as="ago" /></span><span class="line-2"><${Due} row=${row} short=${narrow} /></span>` },
    width >= 860 && { id: 'who', label: t('inbox.who'), width: '112px', class: 'cell-two', cell: (row) => html`
      <span class="line-1 line-who">${row.assignee ? html`<span>${row.assignee}</span>` : html`<span class="muted">${t('triage.nobody')}</span>`}${row.comments > 0 && html`<span class="line-notes" title=${t('inbox.comments', { n: row.comments })}><${Icon} name="comment" size=${12} /> ${format.count(row.comments)}</span>`}</span><span class="line-2">${t(`state.${row.state}`)}</span>` },
  ].filter(Boolean);
}

/** Why there is nothing: what was looked at, and when the last record came. */
function Nothing({ checked, filtered, state, sort }) {
  return html`<${Empty} title=${t(filtered ? 'inbox.none_found' : state === 'inbox' || state === 'new' ? 'inbox.empty' : 'inbox.none')} icon=${filtered ? 'search' : checked?.last_ms ? 'check' : 'help'}
      action=${filtered && html`<a class="button button-plain" href=${href('/inbox', { state, sort })}>${t('inbox.clear')}</a>`}>
    ${checked ? (checked.last_ms ? t('inbox.checked', { n: checked.alerts, ago: time.ago(checked.last_ms), at: time.stamp(checked.last_ms) }) : t('inbox.never')) : ''}<//>`;
}

export default function Inbox({ query }) {
  const of = { q: query.q ?? '', state: TABS.includes(query.state) ? query.state : DEFAULT.state, range: query.range === 'all' ? '' : query.range ?? DEFAULT.range, sort: ORDERS.includes(query.sort) ? query.sort : ORDERS[0] }; // '': the API's word for all time
  const shown = useLanguage(), prefs = usePrefs(), list = useRef(null), width = useWidth(list), mayTriage = useMay('triage');
  const groups = useGroups(of), data = groups.data, version = groups.key;
  const [focus, setFocus] = useState(null), [selected, setSelected] = useState(new Set()), [all, setAll] = useState(false), [over, setOver] = useState(false), [scrolled, setScrolled] = useState(false);
  const [preview, setPreview] = useState(kept), [menu, setMenu] = useState(null), box = useRef(null);
  const still = focus !== null || selected.size > 0 || over || scrolled;
  const held = useHeld(data?.rows ?? groups.empty.rows, (row) => row.id, still, groups.key);
  // oldest first, a row that something came to goes behind what has been read: it has not left the list
  const gone = useMemo(() => (of.sort === 'oldest' && data?.cursor ? new Set() : held.gone), [held.gone, of.sort, !!data?.cursor]);
  const { rows } = held, byId = useMemo(() => new Map(rows.map((row) => [row.id, row])), [rows]);
  useRefresh(['groups'], groups.refresh, 500);

  // another query is another list
  useEffect(() => { setFocus(null); setSelected(new Set()); setAll(false); box.current?.scrollTo({ top: 0 }); }, [version]);
  useEffect(() => { setTitle(t(`inbox.tab_${of.state}`)); setBadge(data?.counts?.inbox ?? 0); }, [data, of.state, shown]);
  useEffect(() => () => setBadge(0), []);
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    if (document.activeElement === document.body || document.activeElement?.id === 'main') element.focus({ preventScroll: true });
    const look = () => { setScrolled(element.scrollTop > 8); groups.reach(Math.ceil((element.scrollTop + element.clientHeight) / 56)); };
    element.addEventListener('scroll', look, { passive: true });
    return () => element.removeEventListener('scroll', look);
  }, [!!data, groups]);

  const meant = () => (selected.size ? [...selected].map((id) => byId.get(id)).filter(Boolean) : focus && byId.has(focus) ? [byId.get(focus)] : []);
  const triage = useTriage({
    rows: meant,
    query: () => (all ? { ...of, total: data?.total ?? 0 } : null),
    known: () => rows.map((row) => row.assignee),
    apply: groups.patch,
    done: (action, ids, result) => {
      if (action === 'undo') held.take();
      else if (ids) {
        const changed = new Map((result.groups ?? []).map((group) => [group.id, group])), states = BELONGS[of.state];
        for (const [id, state] of changed) groups.patch([id], state);
        const after = { archive: 'archived', acknowledge: 'acknowledged', escalate: 'escalated', reopen: 'new' }[action];
        if (states && after && !states.includes(after)) {
          // the cursor goes on to the next one that stays
          const leaving = new Set(ids), at = rows.findIndex((row) => row.id === focus);
          if (leaving.has(focus)) setFocus((rows.slice(at + 1).find((row) => !leaving.has(row.id)) ?? rows.slice(0, Math.max(0, at)).findLast((row) => !leaving.has(row.id)))?.id ?? null);
          held.drop(ids);
        }
      }
      if (action !== 'comment') { setSelected(new Set()); setAll(false); }
      groups.refresh();
    },
  });

  const select = (key, on) => { setAll(false); setSelected((old) => { const next = new Set(old); if (on) next.add(key); else next.delete(key); return next; }); };
  const selectAll = (on) => { setAll(false); setSelected(on ? new Set(rows.map((row) => row.id)) : new Set()); };
  const open = (row) => navigate(`/groups/${encodeURIComponent(row.id)}`);
  const openMenu = () => {
    const element = box.current?.querySelector('[aria-current=true]');
    if (!element) return;
    const place = element.getBoundingClientRect();
    setMenu({ x: place.left + 120, y: place.bottom, top: place.top });
  };
  useKeys({ ...(mayTriage ? { ...triage.keys, select_all: () => selectAll(true), select_none: () => selectAll(false), select_one: () => focus && setSelected(new Set([focus])) } : {}), menu: openMenu,
    close: () => { if (selected.size) selectAll(false); else { setFocus(null); if (scrolled) box.current?.scrollTo({ top: 0 }); } } });

  const columns = useMemo(() => columnsFor(width, gone), [width, gone, shown, prefs.timezone]);
  const counts = data?.counts, current = focus ? byId.get(focus) : null, bad = groups.error;
  const togglePreview = () => {
    setPreview(!preview);
    try { localStorage.setItem(PREVIEW, preview ? 'off' : 'on'); } catch { /* it is only a habit */ }
  };
  const chosen = all ? data?.total ?? 0 : selected.size;
  return html`<div class="inbox">
    <header class="inbox-head">
      <div class="inbox-line"><h1>${t('inbox.title')}</h1>
        <nav class="tabs" aria-label=${t('inbox.tabs')}>${TABS.map((state) => html`<a key=${state} href=${href('/inbox', { q: of.q, range: query.range, sort: query.sort, state: state === DEFAULT.state ? '' : state })} aria-current=${state === of.state ? 'page' : undefined}>${t(`inbox.tab_${state}`)}<span class="tab-count">${counts ? format.count(counts[state]) : ''}</span></a>`)}</nav>
        ${held.waiting > 0 && html`<button type="button" class="pill" data-new=${held.waiting} onClick=${() => { held.take(); box.current?.scrollTo({ top: 0 }); }}><${Icon} name="up" size=${14} />${t('inbox.waiting', { n: held.waiting })}</button>`}</div>
      <div class="inbox-line"><${QueryBox} value=${of.q} error=${bad} /><${RangePicker} value=${query.range ?? DEFAULT.range} ranges=${[...RANGES, 'all']} /><${SortPicker} value=${of.sort} orders=${ORDERS} /><${Views} page="inbox" /><${IconButton} icon="table" class="preview-toggle" label=${t('inbox.preview')} pressed=${preview} onClick=${togglePreview} /></div>
    </header>
    ${chosen > 0 ? html`<div class="bulk" role="region" aria-label=${t('inbox.bulk')}>
        <b aria-live="polite">${t('inbox.chosen', { n: chosen })}</b>
        ${!all && selected.size === rows.length && data && data.total > rows.length && html`<${Button} kind="quiet" onClick=${() => setAll(true)}>${t('inbox.choose_all', { n: data.total })}<//>`}
        ${mayTriage && html`<${TriageButtons} triage=${triage} />`}<${Button} kind="quiet" onClick=${() => selectAll(false)}>${t('inbox.choose_none')}<//></div>`
      : bad && bad.status !== 422 && data && html`<${Banner} tone="warn" action=${html`<${Button} kind="quiet" onClick=${groups.refresh}>${t('shell.retry')}<//>`}>${t('shell.stale', { why: bad.text })}<//>`}
    <div class=${cx('inbox-body', preview && 'inbox-split')}>
      <div ref=${list} class="inbox-list" onPointerEnter=${() => setOver(true)} onPointerLeave=${() => setOver(false)}>
        ${!data ? (bad && bad.status !== 422 ? html`<${Broken} error=${bad} onRetry=${groups.refresh} />` : bad ? html`<${Empty} icon="search" title=${t('inbox.bad_query')} action=${html`<a class="button button-plain" href="/help">${t('inbox.query_help')}</a>`} />` : html`<${Loading} rows=${12} />`)
          : rows.length === 0 ? html`<${Nothing} checked=${data.checked} filtered=${!!of.q} state=${of.state} sort=${query.sort} />`
          : html`<${Table} box=${box} rows=${rows} columns=${columns} rowKey=${(row) => row.id} rowTime=${(row) => row.last_ms} rowHeight=${56} label=${t('inbox.list', { n: data.total })} focus=${focus} onFocus=${setFocus} onOpen=${open}
              selected=${all ? new Set(rows.map((row) => row.id)) : selected} onSelect=${mayTriage ? select : undefined} onSelectAll=${selectAll} sort=${of.sort} onSort=${(order) => setSort(order, ORDERS)} total=${data.total} onMore=${groups.more} loading=${groups.loading}
              rowName=${(row) => `${t(`severity.${row.severity}`)} ${pick(row, 'kind')} ${row.org ? orgName(row.org) : ''} ${t('inbox.alerts_of', { n: row.alerts })} ${t(`state.${row.state}`)}`}
              rowTone=${(row) => cx(gone.has(row.id) && 'row-gone', row.overdue && 'row-overdue')} />`}
      </div>
      ${preview && (current ? html`<${Preview} row=${current} range=${of.range} />` : html`<aside class="preview preview-none" aria-label=${t('inbox.preview')}><p>${t('inbox.preview_none')}</p><p class="muted">${t('inbox.preview_keys')}</p></aside>`)}
    </div>
    ${menu && current && html`<${MenuList} items=${[...(mayTriage ? triage.items() : []), { separator: true }, { label: t('inbox.open_group'), icon: 'right', command: 'open', onChoose: () => open(current) }]} at=${menu} label=${t('key.menu')} onClose=${() => { setMenu(null); box.current?.focus(); }} />`}
    ${triage.dialogs}
  </div>`;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The groups of a query, page by page, kept up to date while the reader is somewhere in them. What is below what he has reached is
// forgotten at a refresh and asked for again when he gets there: a list that was once scrolled to its end does not cost ten requests a second.
import { awaiting, get, useCallback, useEffect, useMemo, useRef, useState } from '../ui.js';

const PAGE = 100, MOST = 500;
const EMPTY = { rows: [], total: 0, cursor: null, counts: null, checked: null };

/**
 * @param {{q: string, state: string, range: string, sort: string}} of
 * @returns {{key: string, data: object|null, error: any, loading: boolean, refresh: () => Promise<void>, more: () => void, reach: (row: number) => void,
 *   patch: (ids: string[], change: object) => (() => void), empty: {rows: Array}}} key: of what the data is; reach: how far down is looked; patch: changes rows at once and answers how to take it back
 */
export function useGroups(of) {
  const key = JSON.stringify(of), list = JSON.stringify([of.q, of.state, of.range]);
  const [state, setState] = useState({ key, list, data: null, error: null, loading: true });
  const reached = useRef(0), running = useRef(null), again = useRef(false), newest = useRef(null);
  // the same list in another order stays until that is there: who set it by key is not to lose his place
  newest.current = state.key === key ? state : { key: state.list === list ? state.key : key, list, data: state.list === list ? state.data : null, error: null, loading: true };

  const ask = useCallback((limit, cursor, signal) => get('/groups', { q: of.q, state: of.state, range: of.range, sort: of.sort, limit, cursor }, signal), [key]);

  const refresh = useCallback(async () => {
    if (running.current) { again.current = true; return; }
    const stop = new AbortController(), there = newest.current.data ? () => {} : awaiting();
    running.current = stop;
    try {
      const wanted = Math.ceil((reached.current + PAGE / 2) / PAGE) * PAGE || PAGE;
      let page = await ask(Math.min(MOST, wanted), null, stop.signal);
      const rows = page.rows;
      while (page.cursor && rows.length < wanted) {
        const first = page;
        page = await ask(Math.min(MOST, wanted - rows.length), page.cursor, stop.signal);
        rows.push(...page.rows);
        page = { ...first, cursor: page.cursor };
      }
      setState({ key, list, data: { ...page, rows: unique(rows) }, error: null, loading: false });
    } catch (error) {
      if (!stop.signal.aborted) setState((old) => ({ ...(old.list === list ? old : { key, list, data: null }), error, loading: false }));
    } finally {
      there();
      if (running.current === stop) running.current = null;
      if (again.current && !stop.signal.aborted) { again.current = false; refresh(); }
    }
  }, [key]);

  useEffect(() => {
    reached.current = 0;
    again.current = false;
    refresh();
    return () => { running.current?.abort(); running.current = null; };
  }, [key]);

  const more = useCallback(async () => {
    const { data } = newest.current;
    if (running.current || !data?.cursor) return;
    const stop = new AbortController();
    running.current = stop;
    setState((old) => ({ ...old, loading: true }));
    try {
      const page = await ask(PAGE, data.cursor, stop.signal);
      setState((old) => (old.key !== key ? old : { ...old, loading: false, error: null,
        data: { ...old.data, rows: unique([...old.data.rows, ...page.rows]), cursor: page.cursor, total: page.total, counts: page.counts ?? old.data.counts } }));
    } catch (error) {
      if (!stop.signal.aborted) setState((old) => ({ ...old, error, loading: false }));
    } finally {
      if (running.current === stop) running.current = null;
      if (again.current && !stop.signal.aborted) { again.current = false; refresh(); }
    }
  }, [key]);

  const patch = useCallback((ids, change) => {
    const chosen = new Set(ids), before = new Map();
    const replace = (make) => setState((old) => (old.data ? { ...old, data: { ...old.data, rows: old.data.rows.map(make) } } : old));
    replace((row) => { if (!chosen.has(row.id)) return row; before.set(row.id, row); return { ...row, ...change }; });
    return () => replace((row) => (before.has(row.id) && chosen.has(row.id) ? before.get(row.id) : row));
  }, []);

  return useMemo(() => ({ ...newest.current, refresh, more, patch, reach: (row) => { reached.current = row; }, empty: EMPTY }), [state, key]);
}

/** A group that moved between two pages is met twice. */
function unique(rows) {
  const seen = new Set();
  return rows.filter((row) => !seen.has(row.id) && seen.add(row.id));
}

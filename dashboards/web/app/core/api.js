// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The API: JSON over fetch, problems as errors with a text in both languages. A 401 ends the session here as well (session.js listens).
import { useCallback, useEffect, useRef, useState } from './dom.js';
import { language, t } from './i18n.js';
import { awaiting } from './ready.js';

const BASE = '/api/v1';
const PATIENCE_MS = 15000;

/** What went wrong. `code` is the server's, or `network` (no answer), `timeout`, `broken` (an answer that is none). */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.code);
    this.status = status;
    this.code = problem.code;
    this.problem = problem;
    /** byte of the query at which the error is; of 422 */
    this.at = problem.at;
    this.current = problem.current;
    this.retryAfter = 0;
  }

  /** For the reader, in the language shown. */
  get text() {
    return this.problem[`message_${language()}`] || t(this.code === 'timeout' ? 'shell.error_timeout' : this.code === 'network' ? 'shell.error_network' : 'shell.error_broken');
  }
}

let csrf = '';
let onEnd = () => {}, onReadOnly = () => {};
/** session.js: the token of this session, and what to do when the server does not know it any more, and when it can save nothing. */
export function armApi(token, ended, readOnly) {
  csrf = token ?? '';
  if (ended) onEnd = ended;
  if (readOnly) onReadOnly = readOnly;
}

async function call(method, path, body, signal) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const headers = { Accept: 'application/json' };
  if (method !== 'GET') {
    headers['Content-Type'] = 'application/json';
    headers['X-Yagura-CSRF'] = csrf;
  }
  let response;
  try {
    response = await fetch(BASE + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store',
      credentials: 'same-origin', redirect: 'error', signal: signal ? AbortSignal.any([signal, patience]) : patience });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, { code: error.name === 'TimeoutError' ? 'timeout' : 'network' });
  }
  if (response.status === 204) return { data: null, etag: null };
  let data = null;
  try {
    data = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(response.status, { code: 'broken' });
  }
  if (response.ok) return { data, etag: response.headers.get('ETag') };
  const problem = new ApiError(response.status, data && typeof data.code === 'string' ? data : { code: 'broken' });
  problem.retryAfter = Number(response.headers.get('Retry-After')) || 0;
  // of the routes that ask for a password a 401 may be about that password
  if (response.status === 401 && (problem.code === 'session_over' || !/^\/(session|first-run)/.test(path))) onEnd();
  if (problem.code === 'read_only') onReadOnly();
  throw problem;
}

/** The answer of GET; throws ApiError. `query` may be given apart: get('/groups', {q, limit: 100}). */
export async function get(path, query, signal) {
  const text = query ? new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '')).toString() : '';
  return (await call('GET', text ? `${path}?${text}` : path, undefined, signal)).data;
}

/** POST, PUT, PATCH, DELETE; throws ApiError. */
export async function send(method, path, body, signal) {
  return (await call(method, path, method === 'DELETE' && body === undefined ? undefined : body ?? {}, signal)).data;
}

/**
 * What a GET answers, for a page: `data` stays while it is asked for again (`loading`), and when asking fails (`error`), so that a page is
 * never emptied by a Redis that is away. path null: not now.
 * @param {string|null} path with its query
 * @param {{every?: number, same?: string|null}} [options] every: ask again after so many ms; same: of an address with an equal one the data
 *   stays until the new one's is there (a list in another order: who set it by key is not to lose his place)
 * @returns {{data: any, error: ApiError|null, loading: boolean, at: number, reload: () => void}} at: when data came
 */
export function useApi(path, { every = 0, same = null } = {}) {
  const [state, setState] = useState({ path: null, same: null, data: null, error: null, loading: path !== null, at: 0 });
  const [turn, setTurn] = useState(0);
  const timer = useRef(0);
  const stays = (old) => old.path === path || (same !== null && old.same === same);
  const reload = useCallback(() => setTurn((now) => now + 1), []);
  useEffect(() => {
    if (path === null) return undefined;
    const stop = new AbortController(), there = awaiting();
    setState((old) => ({ ...old, data: stays(old) ? old.data : null, error: old.path === path ? old.error : null, path, same, loading: true }));
    get(path, undefined, stop.signal)
      .then((data) => setState({ path, same, data, error: null, loading: false, at: Date.now() }))
      .catch((error) => {
        if (stop.signal.aborted) return;
        setState((old) => ({ ...old, error, loading: false }));
      })
      .finally(() => {
        there();
        if (every > 0 && !stop.signal.aborted) timer.current = setTimeout(reload, document.hidden ? every * 4 : every);
      });
    return () => {
      there();
      stop.abort();
      clearTimeout(timer.current);
    };
  }, [path, turn, every]);
  // what stands there belongs to another address while the new one is on its way
  return stays(state) ? { ...state, reload } : { data: null, error: null, loading: path !== null, at: 0, reload };
}

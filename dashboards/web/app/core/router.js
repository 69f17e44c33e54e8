// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Addresses. What a page shows stands in its address (path, query), so a copied address is the same view. Links are plain <a href>: one
// listener turns clicks on our own into pushState, with everything else (new tab, middle button, modifiers) left to the browser.
import { createStore, useStore } from './store.js';

let routes = []; // of routes.js, which knows the pages; pages know this file

function compile(table) {
  return table.map((route) => {
    const names = [];
    const pattern = route.path.replace(/:(\w+)/g, (whole, name) => { names.push(name); return '([^/]+)'; });
    return { ...route, match: new RegExp(`^${pattern}/?$`), names };
  });
}

// Its type is written out: that of a route would be found by way of every page.
/** @returns {{route: any, params: Object<string, string>, query: Object<string, string>, hash: string, path: string}} */
function read() {
  const { pathname, search, hash } = location;
  const query = Object.fromEntries(new URLSearchParams(search));
  for (const route of routes) {
    const found = route.match.exec(pathname);
    if (!found) continue;
    try {
      const params = Object.fromEntries(route.names.map((name, at) => [name, decodeURIComponent(found[at + 1])]));
      return { route, params, query, hash, path: pathname };
    } catch {
      break; // %-sequence that is no UTF-8: no page of ours
    }
  }
  return { route: null, params: {}, query, hash, path: pathname };
}

export const where = createStore(read());
export const useRoute = () => useStore(where);

/** Goes to an address of ours. */
export function navigate(to, { replace = false } = {}) {
  const url = new URL(to, location.href);
  if (url.origin !== location.origin) return;
  const before = where.get().path;
  history[replace ? 'replaceState' : 'pushState'](null, '', url);
  where.set(read);
  if (where.get().path !== before) scrollTo(0, 0);
}

/** Changes some of the query; null or '' takes a name out. */
export function setQuery(patch, { replace = true } = {}) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === undefined || value === '') query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  navigate(location.pathname + (text ? `?${text}` : ''), { replace });
}

/** An address with a query, leaving out what is empty: href('/alerts', {q, range}). */
export function href(path, query = {}) {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '')).toString();
  return text ? `${path}?${text}` : path;
}

/** Only a path of ours may stand in ?next=: everything else leads home. */
export function safeNext(next) {
  if (typeof next !== 'string' || !/^\/(?![/\\])/.test(next)) return '/';
  const url = new URL(next, location.origin);
  return url.origin === location.origin && !/^\/(login|first-run)/.test(url.pathname) ? url.pathname + url.search : '/';
}

export function startRouter(table) {
  routes = compile(table);
  where.set(read);
  addEventListener('popstate', () => where.set(read));
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? /** @type {HTMLAnchorElement|null} */ (event.target.closest('a[href]')) : null;
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname.startsWith('/api/') || (link.hash && link.pathname === location.pathname && link.search === location.search)) return;
    event.preventDefault();
    navigate(link.href);
  });
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Addresses. What a page shows stands in its address (path, query), so a copied address is the same view. Links are plain <a href>: one
// listener turns clicks on our own into pushState, with everything else (new tab, middle button, modifiers) left to the browser.
import { createStore, useStore } from './store.js';

/** Pages are loaded when they are first asked for. `alone`: without the frame around it. `open`: without a login. `more`: its texts are those of
 * i18n/more/. `needs`: who has not this permission is told so, instead of being offered what the server then refuses. */
export const ROUTES = [
  { path: '/', page: 'overview', load: () => import('../pages/overview.js') },
  { path: '/inbox', page: 'inbox', needs: 'viewer', load: () => import('../pages/inbox.js') },
  { path: '/groups/:id', page: 'group', needs: 'viewer', load: () => import('../pages/group.js') },
  { path: '/alerts', page: 'alerts', needs: 'viewer', load: () => import('../pages/alerts.js') },
  { path: '/alerts/:id', page: 'alert', needs: 'viewer', load: () => import('../pages/alert.js') },
  { path: '/alerts/:id/handover', page: 'handover', needs: 'viewer', load: () => import('../pages/handover.js') },
  { path: '/timeline', page: 'timeline', needs: 'viewer', load: () => import('../pages/timeline.js') },
  { path: '/tail', page: 'tail', needs: 'viewer', load: () => import('../pages/tail.js') },
  { path: '/traffic', page: 'traffic', needs: 'viewer', more: true, load: () => import('../pages/traffic.js') },
  { path: '/sensors', page: 'sensors', more: true, load: () => import('../pages/sensors.js') },
  { path: '/bodies/:code', page: 'body', needs: 'viewer', load: () => import('../pages/body.js') },
  { path: '/hosts/:ip', page: 'host', needs: 'viewer', load: () => import('../pages/host.js') },
  { path: '/detectors', page: 'detectors', needs: 'viewer', more: true, load: () => import('../pages/detectors.js') },
  { path: '/suppressions', page: 'suppressions', needs: 'viewer', more: true, load: () => import('../pages/suppressions.js') },
  { path: '/audit', page: 'audit', needs: 'audit', more: true, load: () => import('../pages/audit.js') },
  { path: '/users', page: 'users', needs: 'users', more: true, load: () => import('../pages/users.js') },
  { path: '/settings', page: 'settings', more: true, load: () => import('../pages/settings.js') },
  { path: '/help', page: 'help', more: true, load: () => import('../pages/help.js') },
  { path: '/accessibility', page: 'accessibility', load: () => import('../pages/accessibility.js') },
  { path: '/login', page: 'login', load: () => import('../pages/login.js'), alone: true, open: true },
  { path: '/first-run', page: 'first_run', load: () => import('../pages/first-run.js'), alone: true, open: true },
];

for (const route of ROUTES) {
  const names = [];
  const pattern = route.path.replace(/:(\w+)/g, (whole, name) => { names.push(name); return '([^/]+)'; });
  route.match = new RegExp(`^${pattern}/?$`);
  route.names = names;
}

// Its type is written out: that of a route would be found by way of every page.
/** @returns {{route: any, params: Object<string, string>, query: Object<string, string>, hash: string, path: string}} */
function read() {
  const { pathname, search, hash } = location;
  const query = Object.fromEntries(new URLSearchParams(search));
  for (const route of ROUTES) {
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

export function startRouter() {
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

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The pages and their addresses.

/**
 * Pages are loaded when they are first asked for. `alone`: without the frame around it. `open`: without a login. `more`: its texts are those of
 * i18n/more/. `needs`: who has not this permission is told so, instead of being offered what the server then refuses. */
export const ROUTES = [
  { path: '/', page: 'overview', load: () => import('./pages/overview.js') },
  { path: '/inbox', page: 'inbox', needs: 'viewer', load: () => import('./pages/inbox.js') },
  { path: '/groups/:id', page: 'group', needs: 'viewer', load: () => import('./pages/group.js') },
  { path: '/alerts', page: 'alerts', needs: 'viewer', load: () => import('./pages/alerts.js') },
  { path: '/alerts/:id', page: 'alert', needs: 'viewer', load: () => import('./pages/alert.js') },
  { path: '/alerts/:id/handover', page: 'handover', needs: 'viewer', load: () => import('./pages/handover.js') },
  { path: '/timeline', page: 'timeline', needs: 'viewer', load: () => import('./pages/timeline.js') },
  { path: '/tail', page: 'tail', needs: 'viewer', load: () => import('./pages/tail.js') },
  { path: '/traffic', page: 'traffic', needs: 'viewer', more: true, load: () => import('./pages/traffic.js') },
  { path: '/sensors', page: 'sensors', more: true, load: () => import('./pages/sensors.js') },
  { path: '/bodies/:code', page: 'body', needs: 'viewer', load: () => import('./pages/body.js') },
  { path: '/hosts/:ip', page: 'host', needs: 'viewer', load: () => import('./pages/host.js') },
  { path: '/detectors', page: 'detectors', needs: 'viewer', more: true, load: () => import('./pages/detectors.js') },
  { path: '/suppressions', page: 'suppressions', needs: 'viewer', more: true, load: () => import('./pages/suppressions.js') },
  { path: '/audit', page: 'audit', needs: 'audit', more: true, load: () => import('./pages/audit.js') },
  { path: '/users', page: 'users', needs: 'users', more: true, load: () => import('./pages/users.js') },
  { path: '/settings', page: 'settings', more: true, load: () => import('./pages/settings.js') },
  { path: '/help', page: 'help', more: true, load: () => import('./pages/help.js') },
  { path: '/accessibility', page: 'accessibility', load: () => import('./pages/accessibility.js') },
  { path: '/login', page: 'login', load: () => import('./pages/login.js'), alone: true, open: true },
  { path: '/first-run', page: 'first_run', load: () => import('./pages/first-run.js'), alone: true, open: true },
];

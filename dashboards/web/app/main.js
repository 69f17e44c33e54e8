// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The page's beginning: texts, session, live updates, then whatever page the address names.
import { html, render, useEffect, useErrorBoundary, useLayoutEffect, useState } from './core/dom.js';
import { language, loadLanguage, loadMore, t, useLanguage } from './core/i18n.js';
import { startKeys } from './core/keys.js';
import { on, startLive, stopLive } from './core/live.js';
import { prefs } from './core/prefs.js';
import { startNotices } from './core/notify.js';
import { setMounted } from './core/ready.js';
import { navigate, startRouter, useRoute, where } from './core/router.js';
import { setTitle } from './core/title.js';
import { ROUTES } from './routes.js';
import { endSession, loadSession, may, onSession, session, useSession } from './core/session.js';
import { Frame } from './core/frame.js';
import { Broken, Loading, NotFound } from './parts/states.js';
import { Toasts } from './parts/toast.js';
import './ui.js';

const seesAlerts = (user) => user.permissions.includes('viewer');
const pages = new Map(); // route -> its Page, once loaded

/** A page that fails says so, and leaves the frame standing; another address (or query) is tried anew. */
function Guard({ children, of }) {
  const [error, reset] = useErrorBoundary((problem) => console.error(problem));
  useEffect(() => { if (error) reset(); }, [of]);
  return error ? html`<${Broken} whole=${true} error=${error} onRetry=${reset} />` : children;
}

function PageOf({ at }) {
  const [, again] = useState(0), [error, setError] = useState(null), [turn, setTurn] = useState(0);
  const route = at.route?.needs && !may(at.route.needs) ? null : at.route, Page = route && pages.get(route);
  useEffect(() => {
    if (!route || pages.has(route)) return undefined;
    let gone = false;
    setError(null);
    Promise.all([route.load(), route.more ? loadMore() : null]).then(([module]) => { pages.set(route, module.default); if (!gone) again((n) => n + 1); })
      .catch((problem) => { console.error(problem); if (!gone) setError(problem); });
    return () => { gone = true; };
  }, [route, turn]);
  const shown = useLanguage();
  useEffect(() => {
    if (route) document.documentElement.dataset.page = route.page;
    setTitle(t(route ? `title.${route.page}` : 'shell.not_found'));
  }, [route, shown]);
  useLayoutEffect(() => {
    setMounted(!route || !!Page || !!error);
    return () => setMounted(false);
  }, [at.path, !!Page, error]);
  if (!route) return html`<${NotFound} />`;
  // after an upgrade the old names are gone: a reload gets the new ones
  if (error) return html`<${Broken} whole=${true} error=${{ text: t('shell.page_gone') }} onRetry=${() => (turn ? location.reload() : setTurn(turn + 1))} />`;
  if (!Page) return html`<${Loading} />`;
  return html`<${Guard} of=${at}><${Page} key=${route.path + JSON.stringify(at.params)} params=${at.params} query=${at.query} /><//>`;
}

function App() {
  const at = useRoute(), { known, user, firstRun, error } = useSession();
  useLanguage();
  useEffect(() => {
    if (!known) return;
    if (!user && firstRun && at.route?.page !== 'first_run') navigate('/first-run' + location.search, { replace: true });
    else if (!user && !at.route?.open) navigate(`/login?next=${encodeURIComponent(at.path + location.search)}`, { replace: true });
    else if (user?.must_change_password && at.route?.page !== 'login') navigate('/login', { replace: true });
    else if (user && !seesAlerts(user) && at.route?.page === 'overview') navigate('/users', { replace: true }); // an administrator's first page
  }, [known, user, firstRun, at]);
  if (error) return html`<main class="alone"><${Broken} whole=${true} error=${error} onRetry=${begin} /></main>`;
  if (!known) return html`<main class="alone"><${Loading} rows=${3} /></main>`;
  if (at.route?.alone) return html`<main class="alone"><${PageOf} at=${at} /></main><${Toasts} />`;
  if (!user || user.must_change_password) return null; // the effect above leads on
  return html`<${Frame}><${PageOf} at=${at} /><//>`;
}

async function begin() {
  session.set({ error: null });
  try {
    await loadSession();
  } catch (error) {
    session.set({ error });
    setTimeout(() => { if (session.get().error === error) begin(); }, 3000); // a server that is started again is found by itself
  }
}

startRouter(ROUTES);
startKeys();
// the stream is of alerts, which an administrator does not see
onSession((user) => { if (user && seesAlerts(user)) startLive(); else stopLive(); });
// who logs out here has gone to the login page before the server says so: this one was ended elsewhere
on('session', ({ ends }) => endSession(ends === 'logout' ? 'elsewhere' : ends ?? 'expired'));
startNotices();
where.get().route?.load().catch(() => {}); // beside the question who is there; PageOf tells what goes wrong
const loading = loadLanguage(prefs.get().language);
const asked = begin();
await loading;
document.title = t('shell.title');
const app = document.getElementById('app');
app.replaceChildren(); // what index.html shows until now
render(html`<${App} />`, app);
await asked;
performance.mark('yagura-begun', { detail: language() });

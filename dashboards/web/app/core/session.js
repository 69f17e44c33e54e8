// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Who is logged in, and what he may do. What the page hides by it is courtesy; the server decides.
import { armApi, get, send } from './api.js';
import { adoptPrefs } from './prefs.js';
import { navigate, safeNext, where } from './router.js';
import { createStore, useStore } from './store.js';
import { setSite } from './time.js';

/** @typedef {'viewer'|'triage'|'suppress'|'audit'|'users'} Permission */

/** known: the server has been asked; error: why it was in vain. user null: nobody. ended: a session was, and is over. */
export const session = createStore({ known: false, user: null, firstRun: false, ended: null, stepUpUntil: 0, expires: 0, readOnly: false, error: null });
export const useSession = () => useStore(session);

const changed = new Set();
/** Calls back when somebody has come, or gone (null). */
export const onSession = (f) => { changed.add(f); return () => changed.delete(f); };

const AGAIN_MS = 10000;
let asking = 0;
/** Nothing can be saved: asked again until it can, for who has no stream that tells it. */
function askAgain() {
  session.set({ readOnly: true });
  clearTimeout(asking);
  asking = setTimeout(() => loadSession().catch(askAgain), AGAIN_MS);
}

async function adopt(answer) {
  const before = session.get().user?.name ?? null;
  armApi(answer.csrf);
  setSite(answer.timezone, answer.now_ms);
  session.set({ known: true, user: answer.user, firstRun: !!answer.first_run, stepUpUntil: answer.step_up_until_ms ?? 0,
    expires: answer.expires_ms ?? 0, readOnly: !!answer.read_only, ...(answer.user ? { ended: null } : {}) });
  if (answer.read_only) askAgain();
  if (answer.user && answer.user.name !== before) {
    const kept = await get('/preferences').catch(() => null);
    adoptPrefs(kept, (value) => send('PUT', '/preferences', value).catch(() => {}));
  }
  if (!answer.user) adoptPrefs(null, null);
  const after = answer.user?.name ?? null;
  if (after !== before) for (const f of changed) f(answer.user);
}

/** Asks who is logged in; throws when the server does not answer. */
export const loadSession = async () => adopt(await get('/session'));

export async function logIn(user, password) {
  await adopt(await send('POST', '/session', { user, password }));
  const { path, query } = where.get();
  if (path === '/login' && !session.get().user?.must_change_password) navigate(safeNext(query.next), { replace: true });
}

export async function logOut() {
  await send('DELETE', '/session').catch(() => {}); // a session that the server does not know is ended as well
  endSession('logout');
}

/** The session is over: by logout, because the server says so, or in another tab. Where he was is where he comes back. */
export function endSession(why) {
  if (!session.get().user) return;
  armApi('');
  adoptPrefs(null, null);
  session.set({ user: null, ended: why, stepUpUntil: 0 });
  for (const f of changed) f(null);
  const { path } = where.get();
  const next = path === '/login' ? '/' : path + location.search;
  navigate(why === 'logout' || next === '/' ? '/login' : `/login?next=${encodeURIComponent(next)}`, { replace: true });
}
armApi('', () => endSession('expired'), askAgain);

/** Own password; ends all other sessions. `current` proves who asks; not needed within five minutes of a login. */
export async function changePassword(current, next) {
  if (current) await stepUp(current);
  await send('POST', '/session/password', { password: next });
  await loadSession();
}

/** The first user, with the token that the server printed when it started. */
export const firstRun = async (token, user, password) => adopt(await send('POST', '/first-run', { token, user, password }));

/** The password once more; good for five minutes. */
export async function stepUp(password) {
  await send('POST', '/session/step-up', { password });
  await loadSession();
}

/** @param {Permission} permission */
export const may = (permission) => !!session.get().user?.permissions?.includes(permission);
/** @param {Permission} permission */
export const useMay = (permission) => useStore(session, (value) => !!value.user?.permissions?.includes(permission));

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Before there is any user: the token that the server printed when it started (it stands behind the # of the link, which no log keeps)
// makes the first administrator. There is no default account.
import { Button, firstRun, html, navigate, t, useEffect, useLanguage, useSession, useState, where } from '../ui.js';
import { Alone, Password } from './login.js';

/** The token of the link, taken out of the address at once. */
function tokenOf({ hash, query }) {
  const found = /^#(?:token=)?([0-9a-zA-Z_-]{16,256})$/.exec(hash)?.[1] ?? query.token ?? '';
  if (found) history.replaceState(null, '', '/first-run');
  return found;
}

export default function FirstRun() {
  useLanguage();
  const { firstRun: open, user: somebody } = useSession();
  const [token, setToken] = useState(() => tokenOf(where.get())), [given, setGiven] = useState(!!token), [user, setUser] = useState(''), [password, setPassword] = useState(''), [again, setAgain] = useState('');
  const [error, setError] = useState(null), [busy, setBusy] = useState(false);
  useEffect(() => { // the link, opened where this page is already
    const look = () => { const found = tokenOf(where.get()); if (found) { setToken(found); setGiven(true); } };
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  useEffect(() => { if (somebody) navigate('/users', { replace: true }); }, [somebody]);
  const submit = async (event) => {
    event.preventDefault();
    if (password !== again) { setError({ text: t('login.differ') }); return; }
    setBusy(true);
    setError(null);
    try {
      await firstRun(token.trim(), user.trim(), password);
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  if (!open && !somebody) return html`<${Alone} title=${t('first.done')}><p>${t('first.done_text')}</p><a class="button button-primary alone-go" href="/login">${t('login.title')}</a><//>`;
  return html`<${Alone} title=${t('first.title')}>
    <p>${t('first.text')}</p>
    <form onSubmit=${submit}>
      ${!given && html`<label class="field"><span>${t('first.token')}</span><input type="text" name="token" autocomplete="off" value=${token} required maxLength="256" spellcheck=${false} onInput=${(event) => setToken(event.target.value)} /><small class="field-hint">${t('first.token_hint')}</small></label>`}
      <label class="field"><span>${t('login.user')}</span><input type="text" name="user" autocomplete="username" value=${user} required maxLength="63" spellcheck=${false} autocapitalize="off" onInput=${(event) => setUser(event.target.value)} /></label>
      <${Password} label=${t('login.new')} name="new" complete="new-password" value=${password} onInput=${setPassword} hint=${t('login.rule')} />
      <${Password} label=${t('login.again')} name="again" complete="new-password" value=${again} onInput=${setAgain} />
      ${error && html`<p class="field-error" role="alert">${error.text ?? error.message}</p>`}
      <${Button} kind="primary" type="submit" class="alone-go" busy=${busy}>${t('first.go')}<//>
    </form>
  <//>`;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Logging in; and, for a password that somebody else gave, changing it before anything else.
import { Button, Icon, changePassword, html, logIn, logOut, navigate, safeNext, session, setPrefs, t, time, useEffect, useLanguage, usePrefs, useRef, useSession, useState, where } from '../ui.js';

/** The frame of the pages that stand alone: name, language, theme. */
export function Alone({ title, children }) {
  const { language, theme } = usePrefs(), other = language === 'ja' ? 'en' : 'ja';
  return html`<div class="alone-box">
    <header class="alone-head"><svg viewBox="0 0 32 32" width="36" height="36" aria-hidden="true"><path d="M5 12 16 6l11 6v2H5zM8 15h16l1.500 3h-19zM10 19h3v7h-3zm9 0h3v7h-3zm-4.500 0h3v7h-3z" /></svg><span>Yagura</span></header>
    <h1>${title}</h1>${children}
    <footer class="alone-foot"><button type="button" class="button button-quiet" lang=${other} onClick=${() => setPrefs({ language: other })}>${other === 'en' ? 'English' : '日本語'}</button>
      <button type="button" class="button button-quiet" onClick=${() => setPrefs({ theme: theme === 'dark' ? 'light' : 'dark' })}><${Icon} name=${theme === 'dark' ? 'sun' : 'moon'} />${t(theme === 'dark' ? 'theme.light' : 'theme.dark')}</button></footer>
  </div>`;
}

/** A password, with a switch that shows it. Input methods stay usable: passwords may be Japanese. */
export function Password({ label, value, onInput, name, complete, hint, invalid, describedBy, first }) {
  const [shown, setShown] = useState(false);
  return html`<label class="field"><span>${label}</span><span class="password"><input data-focus=${first ? '' : undefined} type=${shown ? 'text' : 'password'} name=${name} autocomplete=${complete} value=${value} required maxLength="512" aria-invalid=${invalid ? 'true' : undefined} aria-describedby=${describedBy}
    spellcheck=${false} autocapitalize="off" onInput=${(event) => onInput(event.target.value)} /><button type="button" class="button button-quiet" aria-pressed=${shown} onClick=${() => setShown(!shown)}>${t(shown ? 'login.hide' : 'login.show')}</button></span>
    ${hint && html`<small class="field-hint">${hint}</small>`}</label>`;
}

function LogIn() {
  const { ended } = useSession(), [user, setUser] = useState(''), [password, setPassword] = useState(''), [error, setError] = useState(null), [busy, setBusy] = useState(false), [wait, setWait] = useState(0);
  const field = useRef(null);
  useEffect(() => field.current.focus(), []);
  useEffect(() => {
    if (wait <= 0) return undefined;
    const timer = setTimeout(() => setWait(wait - 1), 1000);
    return () => clearTimeout(timer);
  }, [wait]);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await logIn(user.trim(), password);
    } catch (problem) {
      setError(problem);
      setWait(problem.retryAfter ?? 0);
      setPassword('');
      setBusy(false);
    }
  };
  return html`<${Alone} title=${t('login.title')}>
    ${ended && ended !== 'logout' && html`<p class="alone-note" role="status">${t(ended === 'changed' ? 'login.changed' : ended === 'elsewhere' ? 'login.elsewhere' : 'login.ended')}</p>`}
    ${ended === 'logout' && html`<p class="alone-note" role="status">${t('login.logged_out')}</p>`}
    <form onSubmit=${submit}>
      <label class="field"><span>${t('login.user')}</span><input ref=${field} type="text" name="user" autocomplete="username" value=${user} required maxLength="64" spellcheck=${false} autocapitalize="off" onInput=${(event) => setUser(event.target.value)} /></label>
      <${Password} label=${t('login.password')} name="password" complete="current-password" value=${password} onInput=${setPassword} invalid=${!!error} describedBy=${error ? 'login-error' : undefined} />
      ${error && html`<p class="field-error" id="login-error" role="alert">${error.text ?? error.message}${wait > 0 && html` ${t('login.wait', { span: time.span(wait * 1000) })}`}</p>`}
      <${Button} kind="primary" type="submit" class="alone-go" busy=${busy} disabled=${wait > 0}>${t('login.go')}<//>
    </form>
  <//>`;
}

function MustChange() {
  const [current, setCurrent] = useState(''), [next, setNext] = useState(''), [again, setAgain] = useState(''), [error, setError] = useState(null), [busy, setBusy] = useState(false);
  const proven = session.get().stepUpUntil > time.now();
  const submit = async (event) => {
    event.preventDefault();
    if (next !== again) { setError({ text: t('login.differ') }); return; }
    setBusy(true);
    setError(null);
    try {
      await changePassword(proven ? '' : current, next);
      navigate(safeNext(where.get().query.next), { replace: true });
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return html`<${Alone} title=${t('login.must_change')}>
    <p>${t('login.must_change_text')}</p>
    <form onSubmit=${submit}>
      ${!proven && html`<${Password} label=${t('login.current')} name="current" complete="current-password" value=${current} onInput=${setCurrent} />`}
      <${Password} label=${t('login.new')} name="new" complete="new-password" value=${next} onInput=${setNext} hint=${t('login.rule')} />
      <${Password} label=${t('login.again')} name="again" complete="new-password" value=${again} onInput=${setAgain} />
      ${error && html`<p class="field-error" role="alert">${error.text ?? error.message}</p>`}
      <${Button} kind="primary" type="submit" class="alone-go" busy=${busy}>${t('login.change')}<//>
    </form>
    <${Button} kind="quiet" onClick=${logOut}>${t('strip.log_out')}<//>
  <//>`;
}

export default function Login() {
  useLanguage();
  const { user } = useSession();
  useEffect(() => {
    if (user && !user.must_change_password) navigate(safeNext(where.get().query.next), { replace: true });
  }, [user]);
  if (user?.must_change_password) return html`<${MustChange} />`;
  return user ? null : html`<${LogIn} />`;
}

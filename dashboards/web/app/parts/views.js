// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Saved views: the query of a page under a name, for oneself, one's role or everybody. The server keeps them.
import { html, useRef, useState } from '../core/dom.js';
import { get, send } from '../core/api.js';
import { t } from '../core/i18n.js';
import { navigate } from '../core/router.js';
import { session } from '../core/session.js';
import { Button, IconButton } from './button.js';
import { Dialog } from './dialog.js';
import { MenuList, below } from './menu.js';
import { toast } from './toast.js';
import { Icon } from './icon.js';

const SHARED = ['me', 'role', 'all'];

function SaveDialog({ page, onClose }) {
  const [name, setName] = useState(''), [shared, setShared] = useState('me'), [error, setError] = useState(null), [busy, setBusy] = useState(false);
  const submit = async () => {
    if (!name.trim()) return;
    setBusy(true);
    try {
      await send('POST', '/views', { name: name.trim(), page, query: location.search.slice(1), shared });
      toast(t('views.saved', { name: name.trim() }), { tone: 'good' });
      onClose();
    } catch (problem) {
      setError(problem.text ?? problem.message);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${t('views.save')} onClose=${onClose} onSubmit=${submit}
      footer=${html`<${Button} onClick=${onClose}>${t('shell.cancel')}<//><${Button} kind="primary" type="submit" changes busy=${busy} disabled=${!name.trim()}>${t('views.save_button')}<//>`}>
    <label class="field"><span>${t('views.name')}</span><input data-focus type="text" maxLength="80" value=${name} onInput=${(event) => setName(event.target.value)} /></label>
    <fieldset class="plain-set"><legend>${t('views.shared')}</legend>${SHARED.map((one) => html`<label class="check"><input type="radio" name="shared" checked=${shared === one} onChange=${() => setShared(one)} /><span>${t(`views.${one}`)}</span></label>`)}</fieldset>
    ${error && html`<p class="field-error" role="alert">${error}</p>`}
  <//>`;
}

function ManageDialog({ rows, onClose }) {
  const [list, setList] = useState(rows);
  const remove = async (view) => {
    try {
      await send('DELETE', `/views/${encodeURIComponent(view.id)}`);
      setList(list.filter((one) => one.id !== view.id));
    } catch (problem) {
      toast(problem.text ?? problem.message, { tone: 'bad' });
    }
  };
  return html`<${Dialog} title=${t('views.manage')} onClose=${onClose}>
    ${list.length === 0 && html`<p class="muted">${t('views.none')}</p>`}
    <ul class="view-list">${list.map((view) => html`<li key=${view.id}><span>${view.name}<small class="muted"> ${t(`views.${view.shared}`)}</small></span><${IconButton} icon="close" changes label=${t('views.remove', { name: view.name })} onClick=${() => remove(view)} /></li>`)}</ul>
  <//>`;
}

/** The menu of saved views of a page. @param {{page: 'inbox'|'alerts'|'timeline'|'bodies'}} props */
export function Views({ page }) {
  const [menu, setMenu] = useState(null), [dialog, setDialog] = useState(null), button = useRef(null);
  const open = async () => {
    if (menu) { setMenu(null); return; }
    try {
      const { rows } = await get('/views');
      setMenu({ at: below(button.current), rows: rows.filter((view) => view.page === page) });
    } catch (problem) {
      toast(problem.text ?? problem.message, { tone: 'bad' });
    }
  };
  const note = (view) => (view.mine || view.owner === session.get().user?.name ? undefined : view.owner);
  const items = () => [
    ...(menu.rows.length ? menu.rows.map((view) => ({ label: view.name, icon: 'bookmark', note: note(view), onChoose: () => navigate(`${location.pathname}?${view.query}`) })) : [{ heading: t('views.none') }]),
    { separator: true }, { label: t('views.save_more'), icon: 'plus', onChoose: () => setDialog('save') },
    menu.rows.some((view) => !note(view)) && { label: t('views.manage_more'), icon: 'settings', onChoose: () => setDialog({ rows: menu.rows.filter((view) => !note(view)) }) }];
  return html`<button ref=${button} type="button" class="button button-plain" aria-haspopup="menu" aria-expanded=${menu ? 'true' : 'false'} onClick=${open}><${Icon} name="bookmark" /><span>${t('views.title')}</span></button>
    ${menu && html`<${MenuList} items=${items()} at=${menu.at} label=${t('views.title')} onClose=${() => { setMenu(null); button.current?.focus(); }} />`}
    ${dialog === 'save' && html`<${SaveDialog} page=${page} onClose=${() => setDialog(null)} />`}
    ${dialog?.rows && html`<${ManageDialog} rows=${dialog.rows} onClose=${() => setDialog(null)} />`}`;
}

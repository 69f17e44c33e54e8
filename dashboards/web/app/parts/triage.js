// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What operators do to groups: acknowledge, assign, escalate, archive with a verdict, reopen, comment; by key, menu or button, on one or on
// thousands, with honest counts, undo, and a dialog where somebody else was faster. The inbox, the group page and the alert page share it.
import { html, useEffect, useRef, useState } from '../core/dom.js';
import { send } from '../core/api.js';

import { t } from '../core/i18n.js';
import { liveState } from '../core/live.js';
import { may, session } from '../core/session.js';
import { now } from '../core/time.js';
import { Button, Key } from './button.js';
import { StateChip } from './chip.js';
import { Dialog } from './dialog.js';
import { Icon } from './icon.js';
import { Facts } from './layout.js';
import { MenuButton } from './menu.js';
import { Time } from './time.js';
import { toast, underway } from './toast.js';

export const VERDICTS = ['threat', 'benign', 'false_positive', 'drill'];
const COMMENT_MAX = 2000, REASON_MAX = 500;
const STATE_AFTER = { acknowledge: 'acknowledged', escalate: 'escalated', archive: 'archived', reopen: 'new' };

let lastVerdict = null; // of this tab: F8 repeats it

function ArchiveDialog({ many, escalate, onClose, onDone }) {
  const [verdict, setVerdict] = useState(lastVerdict?.verdict ?? null), [reason, setReason] = useState(''), [comment, setComment] = useState(''), [bad, setBad] = useState(false);
  const box = useRef(null);
  const choose = (next) => { setVerdict(next); setBad(false); };
  // digits choose while no text is being written; the numpad's as well, and with an input method on
  const onKeyDown = (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.target.matches('textarea, input[type=text]')) return;
    const digit = /^(?:Digit|Numpad)([1-4])$/.exec(event.code)?.[1] ?? /^[1-4]$/.exec(event.key)?.[0];
    if (!digit) return;
    event.preventDefault();
    choose(VERDICTS[Number(digit) - 1]);
  };
  const submit = () => {
    if (!verdict) { setBad(true); return; }
    lastVerdict = { verdict, reason };
    onDone({ verdict, reason, comment });
  };
  return html`<${Dialog} title=${t(escalate ? 'triage.escalate_archive_title' : 'triage.archive_title', { n: many })} onClose=${onClose} onSubmit=${submit}
      footer=${html`<${Button} onClick=${onClose}>${t('shell.cancel')}<//><${Button} kind="primary" icon="archive" type="submit" changes>${t('triage.archive')}<span class="keys"><kbd>Ctrl</kbd><kbd>Enter</kbd></span><//>`}>
    <div ref=${box} onKeyDown=${onKeyDown}>
      <fieldset class="verdicts" aria-invalid=${bad ? 'true' : undefined}><legend>${t('triage.verdict')}</legend>
        ${VERDICTS.map((one, at) => html`<label class="verdict"><input type="radio" name="verdict" value=${one} checked=${verdict === one} data-focus=${at === (verdict ? VERDICTS.indexOf(verdict) : 0) ? '' : undefined}
          onChange=${() => choose(one)} /><span>${t(`verdict.${one}`)}</span><${Key} name=${String(at + 1)} /></label>`)}</fieldset>
      ${bad && html`<p class="field-error" role="alert">${t('triage.verdict_missing')}</p>`}
      <label class="field"><span>${t('triage.reason')}</span><input type="text" maxLength=${REASON_MAX} value=${reason} onInput=${(event) => setReason(event.target.value)} /></label>
      <label class="field"><span>${t('triage.comment')}</span><textarea maxLength=${COMMENT_MAX} value=${comment} onInput=${(event) => setComment(event.target.value)}></textarea></label>
    </div>
  <//>`;
}

function CommentDialog({ many, onClose, onDone }) {
  const [text, setText] = useState('');
  return html`<${Dialog} title=${t('triage.comment_title', { n: many })} onClose=${onClose} onSubmit=${() => text.trim() && onDone({ comment: text.trim() })}
      footer=${html`<${Button} onClick=${onClose}>${t('shell.cancel')}<//><${Button} kind="primary" icon="comment" type="submit" changes disabled=${!text.trim()}>${t('triage.comment_add')}<span class="keys"><kbd>Ctrl</kbd><kbd>Enter</kbd></span><//>`}>
    <label class="field"><span>${t('triage.comment')}</span><textarea data-focus maxLength=${COMMENT_MAX} value=${text} onInput=${(event) => setText(event.target.value)}></textarea></label>
    <p class="field-hint">${t('triage.comment_left', { n: COMMENT_MAX - text.length })}</p>
  <//>`;
}

function AssignDialog({ many, known, onClose, onDone }) {
  const [name, setName] = useState('');
  return html`<${Dialog} title=${t('triage.assign_title', { n: many })} onClose=${onClose} onSubmit=${() => onDone({ assignee: name.trim() })}
      footer=${html`<${Button} onClick=${onClose}>${t('shell.cancel')}<//><${Button} kind="primary" icon="user" type="submit" changes>${t('triage.assign')}<//>`}>
    <label class="field"><span>${t('triage.assignee')}</span><input data-focus type="text" maxLength="63" list="assignees" autocomplete="off" value=${name} onInput=${(event) => setName(event.target.value)} /></label>
    <datalist id="assignees">${known.map((one) => html`<option value=${one} />`)}</datalist>
    <p class="field-hint">${t('triage.assign_hint')}</p>
  <//>`;
}

/** Somebody was faster: both versions, and what to do. */
function ConflictDialog({ conflicts, wanted, rows, onClose, onForce }) {
  const first = conflicts[0], seen = rows.get(first.id), current = first.current ?? {};
  const facts = (of, extra) => html`<${Facts} rows=${[[t('triage.state'), of.state ? html`<${StateChip} state=${of.state} />` : '–'], [t('triage.assignee'), of.assignee || t('triage.nobody')],
    [t('triage.verdict'), of.verdict ? t(`verdict.${of.verdict}`) : '–'], [t('triage.reason'), of.reason || '–'], ...extra]} />`;
  return html`<${Dialog} wide title=${t('triage.conflict_title')} onClose=${onClose}
      footer=${html`<${Button} kind="danger" changes onClick=${onForce}>${t('triage.conflict_force')}<//><${Button} kind="primary" data-focus="" onClick=${onClose}>${t('triage.conflict_keep')}<//>`}>
    <p>${t('triage.conflict_text', { n: conflicts.length })}</p>
    <div class="versions">
      <section><h3>${t('triage.conflict_theirs')}</h3>${facts(current, [[t('triage.changed'), current.changed_ms ? html`${current.changed_by ?? '–'} · <${Time} ms=${current.changed_ms} />` : '–']])}</section>
      <section><h3>${t('triage.conflict_yours')}</h3>${facts({ ...seen, ...wanted }, [[t('triage.action'), t(`triage.${wanted.action}`)]])}</section>
    </div>
    ${conflicts.length > 1 && html`<p class="muted">${t('triage.conflict_more', { n: conflicts.length - 1 })}</p>`}
  <//>`;
}

/**
 * @param {{rows: () => any[], query?: () => ({q: string, state: string, range: string, total: number}|null), known?: () => string[],
 *   apply?: (ids: string[], patch: object) => (() => void), done?: (action: string, ids: string[]|null, result: any) => void}} options
 *   rows: the groups meant (GroupRow or GroupState with id); query: all that a query finds instead; apply: shows a change at once and
 *   answers how to take it back; done: after each action and each undo; known: names to suggest as assignees
 * @returns {{keys: object, items: () => Array, run: (action: string, more?: object) => void, dialogs: any, busy: boolean}}
 *   keys: for useKeys; items: for a menu; dialogs: to be drawn
 */
export function useTriage({ rows, query = () => null, known = () => [], apply = () => () => {}, done = () => {} }) {
  const [dialog, setDialog] = useState(null), [busy, setBusy] = useState(false);
  const alive = useRef(true);
  // One action after the other, and what we ourselves have done meanwhile is no conflict: versions that our own actions brought.
  const turn = useRef(Promise.resolve()), own = useRef(new Map());
  const learn = (result) => { for (const group of result.groups ?? []) own.current.set(group.id, group.version); };
  useEffect(() => () => { alive.current = false; }, []);

  const undo = (token) => async () => {
    try {
      const result = await send('POST', '/groups/undo', { undo: token });
      learn(result);
      toast(t('triage.undone', { n: result.succeeded }), { tone: result.failed_count ? 'warn' : 'good' });
      if (alive.current) done('undo', null, result);
    } catch (error) {
      toast(error.text, { tone: 'bad' });
    }
  };

  function tell(action, result) {
    const failed = result.failed_count ?? result.failed.length;
    const said = t(`triage.done_${action}`, { n: result.succeeded });
    const why = failed ? ` ${t('triage.failed', { n: failed, matched: result.matched })}` : '';
    // the server's clock says how long; this desk's counts it down
    const until = result.undo_until_ms ? Date.now() + (result.undo_until_ms - now()) : undefined;
    if (result.matched === 0) toast(t('triage.nothing'), { tone: 'warn' });
    else toast((result.succeeded ? said : '') + why, { tone: failed ? 'warn' : 'good', undo: result.undo ? undo(result.undo) : undefined, until: result.undo ? until : undefined });
  }

  async function post(action, more, targets, scope, force) {
    const landed = underway(), before = turn.current;
    let next = () => {};
    turn.current = new Promise((resolve) => { next = () => resolve(); });
    await before;
    const body = { action, ...more };
    for (const name of ['reason', 'comment']) if (!body[name]) delete body[name];
    if (scope) Object.assign(body, { q: scope.q ?? '', state: scope.state, range: scope.range });
    else {
      body.ids = targets.map((row) => row.id);
      body.versions = Object.fromEntries(targets.map((row) => [row.id, Math.max((force?.get(row.id) ?? row).version ?? 0, own.current.get(row.id) ?? 0)]));
    }
    const patch = { ...(STATE_AFTER[action] ? { state: STATE_AFTER[action] } : {}), ...(more.assignee !== undefined ? { assignee: more.assignee || null } : {}), ...(more.verdict ? { verdict: more.verdict } : {}) };
    const back = scope ? () => {} : apply(body.ids, patch);
    setBusy(true);
    try {
      const result = await send('POST', '/groups/actions', body);
      const regretted = landed();
      learn(result);
      const failed = new Set(result.failed.map((one) => one.id));
      if (failed.size) back();
      if (regretted && result.undo) await undo(result.undo)();
      else tell(action, result);
      const ids = scope ? null : body.ids.filter((id) => !failed.has(id));
      if (alive.current) {
        done(action, ids, result);
        const conflicts = result.failed.filter((one) => one.code === 'conflict');
        if (conflicts.length) setDialog({ name: 'conflict', conflicts, action, more, targets: targets.filter((row) => failed.has(row.id)) });
      }
      return result;
    } catch (error) {
      back();
      if (error.status === 409 && error.current && targets.length === 1) {
        setDialog({ name: 'conflict', conflicts: [{ id: targets[0].id, current: error.current }], action, more, targets });
      } else toast(error.text ?? error.message, { tone: 'bad' });
      return null;
    } finally {
      landed();
      next();
      if (alive.current) setBusy(false);
    }
  }

  /** What is meant, or null with a word why nothing can be done. */
  function meant() {
    if (!may('triage')) { toast(t('triage.not_allowed'), { tone: 'warn' }); return null; }
    if (liveState.get().readOnly || liveState.get().redis === false) { toast(t('shell.read_only'), { tone: 'warn' }); return null; }
    const scope = query(), targets = scope ? [] : rows();
    if (!scope && !targets.length) { toast(t('triage.choose_first'), { tone: 'warn' }); return null; }
    return { scope, targets, many: scope ? scope.total : targets.length };
  }

  function run(action, more = {}) {
    const what = meant();
    if (what) post(action, more, what.targets, what.scope);
  }
  function ask(name, extra = {}) {
    const what = meant();
    if (what) setDialog({ name, ...what, ...extra });
  }
  async function archive({ targets, scope, escalate }, more) {
    setDialog(null);
    if (!escalate) { await post('archive', more, targets, scope); return; }
    const first = await post('escalate', more.comment ? { comment: more.comment } : {}, targets, scope);
    if (!first) return;
    const changed = new Map((first.groups ?? []).map((group) => [group.id, group]));
    const failed = new Set(first.failed.map((one) => one.id));
    await post('archive', { verdict: more.verdict, reason: more.reason }, targets.filter((row) => !failed.has(row.id)).map((row) => ({ ...row, version: (row.version ?? 0) + 1, ...changed.get(row.id) })), scope);
  }
  const archiveNow = (escalate) => () => {
    if (!lastVerdict) { ask('archive', { escalate }); return; }
    const what = meant();
    if (what) archive({ ...what, escalate }, lastVerdict);
  };
  const me = () => session.get().user?.name;

  const keys = { acknowledge: () => run('acknowledge'), assign_me: () => run('assign', { assignee: me() }), escalate: () => run('escalate'), reopen: () => run('reopen'),
    archive: () => ask('archive'), archive_now: archiveNow(false), escalate_archive: () => ask('archive', { escalate: true }), escalate_archive_now: archiveNow(true), comment: () => ask('comment') };
  const items = () => [
    { label: t('triage.acknowledge'), icon: 'check', command: 'acknowledge', onChoose: keys.acknowledge },
    { label: t('triage.assign_me'), icon: 'user', command: 'assign_me', onChoose: keys.assign_me },
    { name: 'assign', label: t('triage.assign_other'), icon: 'users', onChoose: () => ask('assign') },
    { label: t('triage.escalate'), icon: 'up', command: 'escalate', onChoose: keys.escalate },
    { label: t('triage.archive_more'), icon: 'archive', command: 'archive', onChoose: keys.archive },
    { name: 'escalate_archive', label: t('triage.escalate_archive_more'), icon: 'archive', command: 'escalate_archive', onChoose: keys.escalate_archive },
    { name: 'comment', label: t('triage.comment_more'), icon: 'comment', command: 'comment', onChoose: keys.comment },
    { name: 'reopen', label: t('triage.reopen'), icon: 'reopen', command: 'reopen', onChoose: keys.reopen },
  ];

  const close = () => setDialog(null);
  const finish = (action) => (more) => { close(); post(action, more, dialog.targets, dialog.scope); };
  const dialogs = dialog && {
    archive: () => html`<${ArchiveDialog} many=${dialog.many} escalate=${dialog.escalate} onClose=${close} onDone=${(more) => archive(dialog, more)} />`,
    comment: () => html`<${CommentDialog} many=${dialog.many} onClose=${close} onDone=${finish('comment')} />`,
    assign: () => html`<${AssignDialog} many=${dialog.many} known=${[...new Set([me(), ...known()].filter(Boolean))]} onClose=${close} onDone=${finish('assign')} />`,
    conflict: () => html`<${ConflictDialog} conflicts=${dialog.conflicts} rows=${new Map(dialog.targets.map((row) => [row.id, row]))}
      wanted=${{ action: dialog.action, ...(STATE_AFTER[dialog.action] ? { state: STATE_AFTER[dialog.action] } : {}), ...dialog.more }} onClose=${close}
      onForce=${() => { close(); post(dialog.action, dialog.more, dialog.targets, null, new Map(dialog.conflicts.map((one) => [one.id, one.current ?? {}]))); }} />`,
  }[dialog.name]();
  return { keys, items, run, dialogs, busy };
}

/** Buttons of the usual actions, with their keys. @param {{triage: ReturnType<typeof useTriage>}} props */
export const TriageButtons = ({ triage }) => html`
  <${Button} icon="check" command="acknowledge" changes busy=${triage.busy} onClick=${triage.keys.acknowledge}>${t('triage.acknowledge')}<//>
  <${Button} icon="user" command="assign_me" changes busy=${triage.busy} onClick=${triage.keys.assign_me}>${t('triage.assign_me')}<//>
  <${Button} icon="up" command="escalate" changes busy=${triage.busy} onClick=${triage.keys.escalate}>${t('triage.escalate')}<//>
  <${Button} icon="archive" command="archive" changes busy=${triage.busy} onClick=${triage.keys.archive}>${t('triage.archive')}<//>
  <${MoreActions} triage=${triage} names=${['assign', 'escalate_archive', 'comment', 'reopen']} />`;

/** What has no button of its own. @param {{triage: ReturnType<typeof useTriage>, names: string[]}} props names: of items() */
export const MoreActions = ({ triage, names }) => html`<${MenuButton} label=${t('triage.more')} changes busy=${triage.busy} items=${() => triage.items().filter((item) => names.includes(item.name))}>${t('triage.more')}<${Icon} name="down" size=${12} /><//>`;


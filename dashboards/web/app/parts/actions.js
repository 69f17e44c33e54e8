// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What can be done to one group, on its page and on those of its alerts: the inbox's keys, the version that was seen, an undo, and both
// versions side by side when somebody else was faster.
import { html, useState, t, send, session, toast, useKeys, useMay, useLive, Button, Dialog, Facts, StateChip, Time } from '../ui.js';

const VERDICTS = ['threat', 'benign', 'false_positive', 'drill'];
const REASON_MAX = 2000;

const told = (error) => toast(error.text ?? String(error.message ?? error), { tone: 'bad' });

/** Does it, says so, and offers to take it back. @returns {Promise<object|null>} the state that somebody else has made, if there is one */
async function act(group, action, more, reload) {
  let result;
  try {
    result = await send('POST', '/groups/actions', { action, ids: [group.id], versions: { [group.id]: group.version }, ...more });
  } catch (error) {
    if (error.status === 409 && error.current)
      return error.current;
    told(error);
    return null;
  }
  const failed = result.failed?.[0];
  reload();
  if (failed?.code === 'conflict')
    return failed.current ?? null;
  if (failed) {
    toast(t(failed.code === 'no_change' ? 'act.no_change' : 'act.failed'), { tone: 'warn' });
    return null;
  }
  toast(t(`act.done.${action}`), { tone: 'good', until: result.undo_until_ms ? Date.now() + 30000 : undefined,
    undo: result.undo ? () => send('POST', '/groups/undo', { undo: result.undo }).then(() => { toast(t('act.undone')); reload(); }).catch(told) : undefined });
  return null;
}

function Close({ escalate, onDo, onClose }) {
  const [verdict, setVerdict] = useState(''), [reason, setReason] = useState('');
  return html`<${Dialog} title=${t(escalate ? 'act.escalate_archive' : 'act.archive')} onClose=${onClose} onSubmit=${() => verdict && reason.trim() && onDo({ verdict, reason: reason.trim() })}
      footer=${html`<${Button} onClick=${onClose}>${t('shell.cancel')}<//><${Button} kind="primary" type="submit" disabled=${!verdict || !reason.trim()}>${t('act.archive')}<//>`}>
    <fieldset class="field"><legend>${t('act.verdict')}</legend>${VERDICTS.map((one, i) => html`<label class="choice"><input type="radio" name="verdict" data-focus=${i === 0 ? '' : undefined} checked=${verdict === one} onChange=${() => setVerdict(one)} /> ${t(`verdict.${one}`)}</label>`)}</fieldset>
    <label class="field"><span>${t('act.reason')}</span><textarea rows="3" maxlength=${REASON_MAX} value=${reason} onInput=${(event) => setReason(event.target.value)}></textarea></label>
  <//>`;
}

function Comment({ onDo, onClose }) {
  const [comment, setComment] = useState('');
  return html`<${Dialog} title=${t('act.comment')} onClose=${onClose} onSubmit=${() => comment.trim() && onDo({ comment: comment.trim() })}
      footer=${html`<${Button} onClick=${onClose}>${t('shell.cancel')}<//><${Button} kind="primary" type="submit" disabled=${!comment.trim()}>${t('act.comment_add')}<//>`}>
    <label class="field"><span>${t('act.comment')}</span><textarea data-focus rows="5" maxlength=${REASON_MAX} value=${comment} onInput=${(event) => setComment(event.target.value)}></textarea></label>
  <//>`;
}

const said = (state) => [[t('act.state'), html`<${StateChip} state=${state.state} />`], [t('act.assignee'), state.assignee ?? t('act.nobody')],
  [t('act.verdict'), state.verdict ? t(`verdict.${state.verdict}`) : t('act.none')], [t('act.changed'), html`${state.changed_by ?? '–'} <${Time} ms=${state.changed_ms} />`]];

function Conflict({ seen, now, onClose }) {
  return html`<${Dialog} title=${t('act.conflict')} onClose=${onClose} wide footer=${html`<${Button} kind="primary" data-focus onClick=${onClose}>${t('act.conflict_seen')}<//>`}>
    <p>${t('act.conflict_text')}</p>
    <div class="columns"><section><h3>${t('act.conflict_yours')}</h3><${Facts} rows=${said(seen)} /></section><section><h3>${t('act.conflict_theirs')}</h3><${Facts} rows=${said(now)} /></section></div>
  <//>`;
}

/** @param {{group: object, reload: () => void}} props group: GroupRow or what has its id, version and state */
export function GroupActions({ group, reload }) {
  const may = useMay('triage');
  const readOnly = useLive((live) => live.readOnly || live.redis === false);
  const [open, setOpen] = useState(null), [conflict, setConflict] = useState(null), [busy, setBusy] = useState(false);
  const usable = may && !readOnly && !!group;
  const run = async (steps) => {
    setOpen(null);
    setBusy(true);
    let seen = group;
    for (const [action, more] of steps) {
      const other = await act(seen, action, more, reload);
      if (other) {
        setConflict({ seen: group, now: other });
        break;
      }
      seen = { ...seen, version: seen.version + 1 };
    }
    setBusy(false);
  };
  const me = () => session.get().user?.name ?? '';
  const ways = {
    acknowledge: () => run([['acknowledge', {}]]),
    assign_me: () => run([['assign', { assignee: me() }]]),
    escalate: () => run([['escalate', {}]]),
    archive: () => setOpen('archive'), archive_now: () => setOpen('archive'),
    escalate_archive: () => setOpen('both'), escalate_archive_now: () => setOpen('both'),
    comment: () => setOpen('comment'),
    reopen: () => run([['reopen', {}]]),
  };
  useKeys(ways, { when: usable && !open && !conflict });
  if (!group || !may)
    return null;
  const button = (command, icon, kind) => html`<${Button} command=${command} icon=${icon} kind=${kind} disabled=${!usable || busy} onClick=${ways[command]}>${t(`act.${command}`)}<//>`;
  const closed = group.state === 'archived';
  return html`<div class="actions" role="toolbar" aria-label=${t('act.label')}>
    ${!closed && button('acknowledge', 'check', group.state === 'new' ? 'primary' : 'plain')}
    ${!closed && button('assign_me', 'user')}
    ${!closed && button('escalate', 'up')}
    ${!closed && button('archive', 'archive')}
    ${closed && button('reopen', 'reopen')}
    ${button('comment', 'comment')}
  </div>
  ${open === 'archive' && html`<${Close} onClose=${() => setOpen(null)} onDo=${(more) => run([['archive', more]])} />`}
  ${open === 'both' && html`<${Close} escalate onClose=${() => setOpen(null)} onDo=${(more) => run([['escalate', {}], ['archive', more]])} />`}
  ${open === 'comment' && html`<${Comment} onClose=${() => setOpen(null)} onDo=${(more) => run([['comment', more]])} />`}
  ${conflict && html`<${Conflict} ...${conflict} onClose=${() => setConflict(null)} />`}`;
}

/** Who did what, when, and why; oldest first. @param {{events: Array}} props of Event */
export function History({ events }) {
  if (!events?.length)
    return html`<p class="muted">${t('act.no_history')}</p>`;
  return html`<ol class="history">${events.map((event) => html`<li key=${`${event.at_ms}${event.action}${event.actor}`}>
    <span class="history-when"><${Time} ms=${event.at_ms} /></span>
    <div><b>${event.actor}</b> ${t(`act.did.${event.action}`, { to: event.to?.assignee ?? '' })}
      ${event.action === 'archive' && event.verdict && html` <span class="history-verdict">${t(`verdict.${event.verdict}`)}</span>`}
      ${event.bulk > 1 && html` <span class="muted">${t('act.bulk', { n: event.bulk })}</span>`}
      ${event.reason && html`<p class="history-text">${event.reason}</p>`}${event.comment && html`<p class="history-text">${event.comment}</p>`}</div></li>`)}</ol>`;
}

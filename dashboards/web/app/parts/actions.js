// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What can be done to one group, on its page and on those of its alerts: the inbox's triage, with its keys, dialogs, undo; and what was done.
import { html, t, useFocusWithin, useKeys, useMay, useTriage, Button, MoreActions, Time } from '../ui.js';

/** @param {{group: object, reload: () => void}} props group: GroupRow or what has its id, version and state */
export function GroupActions({ group, reload }) {
  const may = useMay('triage');
  const triage = useTriage({ rows: () => (group ? [group] : []), known: () => [group?.assignee], done: reload });
  const box = useFocusWithin(); // what has been done is not offered any more
  useKeys(triage.keys, { when: may && !!group });
  if (!group || !may)
    return null;
  const button = (command, icon, kind) => html`<${Button} command=${command} icon=${icon} kind=${kind} changes busy=${triage.busy} onClick=${triage.keys[command]}>${t(`act.${command}`)}<//>`;
  const closed = group.state === 'archived';
  return html`<div ref=${box} class="actions" role="toolbar" aria-label=${t('act.label')}>
    ${group.state === 'new' && button('acknowledge', 'check', 'primary')}
    ${!closed && button('assign_me', 'user')}
    ${!closed && group.state !== 'escalated' && button('escalate', 'up')}
    ${!closed && button('archive', 'archive')}
    ${closed && button('reopen', 'reopen')}
    ${button('comment', 'comment')}
    ${!closed && html`<${MoreActions} triage=${triage} names=${['assign', 'escalate_archive']} />`}
  </div>
  ${triage.dialogs}`;
}

/** Who did what, when, and why; oldest first. @param {{events: Array}} props of Event */
export function History({ events }) {
  if (!events?.length)
    return html`<p class="muted">${t('act.no_history')}</p>`;
  return html`<ol class="history">${events.map((event) => html`<li key=${`${event.at_ms}${event.action}${event.actor}`}>
    <span class="history-when"><${Time} ms=${event.at_ms} /></span>
    <div><b>${event.actor}</b> ${event.action === 'assign' && event.to?.assignee === event.actor ? t('act.did.assign_me') : t(`act.did.${event.action}`, { to: event.to?.assignee ?? '' })}${event.action === 'archive' && event.verdict && html`<span class="history-verdict">${t(`verdict.${event.verdict}`)}</span>`}
      ${event.bulk > 1 && html` <span class="muted">${t('act.bulk', { n: event.bulk })}</span>`}
      ${event.reason && html`<p class="history-text">${event.reason}</p>`}${event.comment && html`<p class="history-text">${event.comment}</p>`}</div></li>`)}</ol>`;
}

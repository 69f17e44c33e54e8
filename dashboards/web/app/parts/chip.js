// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
import { html, cx } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { Icon } from './icon.js';

/**
 * A small label. tone: plain, good, warn, bad, accent. A word must say what the colour says.
 * @param {{tone?: string, icon?: string, title?: string, onRemove?: () => void, removeLabel?: string, children: any}} props
 */
export function Chip({ tone = 'plain', icon, title, onRemove, removeLabel, children }) {
  return html`<span class=${cx('chip', `chip-${tone}`)} title=${title}>
    ${icon && html`<${Icon} name=${icon} size=${14} />`}<span class="chip-text">${children}</span>
    ${onRemove && html`<button type="button" class="chip-remove" onClick=${onRemove} aria-label=${removeLabel ?? t('shell.remove')}><${Icon} name="close" size=${12} /></button>`}
  </span>`;
}

const STATE_TONES = { new: 'accent', acknowledged: 'plain', escalated: 'warn', archived: 'good' };
const STATE_ICONS = { new: 'bell', acknowledged: 'check', escalated: 'up', archived: 'archive' };
/** The state of a group: 新規, 確認済み, … @param {{state: string}} props */
export const StateChip = ({ state }) => html`<${Chip} tone=${STATE_TONES[state]} icon=${STATE_ICONS[state]}>${t(`state.${state}`)}<//>`;

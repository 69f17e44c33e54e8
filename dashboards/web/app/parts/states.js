// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a page shows instead of its content, or above it: loading, nothing there, broken, read-only.
import { html, cx } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { Button } from './button.js';
import { Icon } from './icon.js';

/** A line across the page. tone: plain, warn, bad. @param {{tone?: string, icon?: string, action?: any, children: any}} props */
export const Banner = ({ tone = 'plain', icon = 'warn', action, children }) => html`<div class=${cx('banner', `banner-${tone}`)} role="status">
  <${Icon} name=${icon} /><span class="banner-text">${children}</span>${action}</div>`;

/** Nothing there: says why, and what was looked at. @param {{title: string, icon?: string, action?: any, children?: any}} props */
export const Empty = ({ title, icon = 'check', action, children }) => html`<div class=${icon === 'check' ? 'empty empty-good' : 'empty'}>
  <${Icon} name=${icon} size=${32} /><p class="empty-title">${title}</p>${children && html`<p class="empty-text">${children}</p>`}${action}</div>`;

/** Nothing yet. Appears after 150 ms, so that a fast answer does not flicker. @param {{rows?: number}} props */
export const Loading = ({ rows = 6 }) => html`<div class="loading" role="status"><span class="only-read">${t('shell.loading')}</span>
  ${Array.from({ length: rows }, () => html`<div class="loading-row"></div>`)}</div>`;

/** It did not work. whole: instead of a page, so its title is the page's. @param {{error: any, onRetry?: () => void, whole?: boolean}} props */
export const Broken = ({ error, onRetry, whole }) => html`<div class="empty empty-bad" role="alert">
  <${Icon} name="warn" size=${32} /><${whole ? 'h1' : 'p'} class="empty-title">${t('shell.broken')}<//><p class="empty-text">${error?.text ?? String(error?.message ?? error)}</p>
  ${onRetry && html`<${Button} icon="reopen" onClick=${onRetry}>${t('shell.retry')}<//>`}</div>`;

/**
 * Around what useApi answered: loading, broken or the content; what is there stays there, with a line above it, when asking again fails.
 * @param {{of: ReturnType<import('../core/api.js').useApi>, rows?: number, whole?: boolean, children: (data: any) => any}} props
 *   whole: it is all that the page is
 */
export function Loaded({ of, rows, whole, children }) {
  if (of.data) return html`${of.error && html`<${Banner} tone="warn" action=${html`<${Button} kind="quiet" onClick=${of.reload}>${t('shell.retry')}<//>`}>${t('shell.stale', { why: of.error.text })}<//>`}${children(of.data)}`;
  if (of.error) return of.error.status === 404 ? html`<${NotFound} />` : html`<${Broken} error=${of.error} onRetry=${of.reload} whole=${whole} />`;
  return html`<${Loading} rows=${rows} />`;
}

/** No such thing, or not for you: the same page. */
export const NotFound = () => html`<div class="empty"><${Icon} name="search" size=${32} /><h1 class="empty-title">${t('shell.not_found')}</h1>
  <p class="empty-text">${t('shell.not_found_text')}</p><a class="button button-plain" href="/">${t('shell.to_overview')}</a></div>`;

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What binds the pure words of facts/ to the language that the page is in.
import { language, t, SEVERITIES } from '../ui.js';

export { SEVERITIES };

/** @returns {import('./amount.js').Words} */
export const words = () => ({t, lang: language()});

/** How many in all, of Counts. */
export const sum = (counts) => SEVERITIES.reduce((n, severity) => n + (counts?.[severity] ?? 0), 0);

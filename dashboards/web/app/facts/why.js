// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Why an alert was raised, in sentences and pairs: what was measured, over which window, against which threshold and which habit. Pure.

import { amount, duration, ratio, rounded } from './amount.js';
import { learningMeaning } from './words.js';

const RATIO_MAX = 10000; // beyond, "so many times" says nothing

/** @param {object} why of contextOf() @param {import('./amount.js').Words} words @returns {string[]} sentences */
export function whySentences(why, words) {
  const said = [];
  const { t } = words;
  if (why.observed === null)
    return said;
  const observed = amount(why.observed, why.unit, words);
  const window = why.window > 0 ? duration(why.window * 1000, words) : '';
  const times = ratio(why.observed, why.threshold);
  if (times === null)
    said.push(t(window ? 'why.measured_window' : 'why.measured', { observed, window }));
  else if (rounded(times) === 1 && times >= 1)
    said.push(t(window ? 'why.reached_window' : 'why.reached', { observed, window, threshold: amount(why.threshold, why.unit, words, true) }));
  else if (times >= 1)
    said.push(t(window ? 'why.above_window' : 'why.above', { observed, window, threshold: amount(why.threshold, why.unit, words, true), times: rounded(Math.min(times, RATIO_MAX)) }));
  else
    said.push(t(window ? 'why.below_window' : 'why.below', { observed, window, threshold: amount(why.threshold, why.unit, words, true), share: rounded(times * 100) }));
  const usual = ratio(why.observed, why.baseline);
  if (usual !== null)
    said.push(t(usual >= 1 ? 'why.usual_above' : 'why.usual_below', { baseline: amount(why.baseline, why.unit, words, true),
      times: rounded(Math.min(usual, RATIO_MAX)), share: rounded(usual * 100) }));
  return said;
}

/** @param {object} context of contextOf() @returns {Array<[string, string]>} name and value, both in words */
export function whyRows(context, words) {
  const { why } = context;
  const { t } = words;
  const rows = /** @type {Array<[string, string]>} */ ([]);
  const add = (name, value) => { if (value !== null) rows.push([t(name), amount(value, why.unit, words, name !== 'why.observed')]); };
  add('why.observed', why.observed);
  add('why.threshold', why.threshold);
  rows.push([t('why.baseline'), why.baseline > 0 ? amount(why.baseline, why.unit, words, true) : t('why.no_baseline')]);
  if (why.peak > 0)
    add('why.peak', why.peak);
  if (why.window > 0)
    rows.push([t('why.window'), duration(why.window * 1000, words)]);
  const times = ratio(why.observed, why.threshold);
  if (times !== null)
    rows.push([t('why.ratio'), t('why.ratio_value', { times: rounded(Math.min(times, RATIO_MAX)) })]);
  if (why.sourcesAtLeast > 0)
    rows.push([t('why.sources'), t('why.sources_value', { n: why.sourcesAtLeast })]);
  if (why.sample > 0)
    rows.push([t('why.sample'), t('why.sample_value', { n: why.sample })]);
  if (context.learning)
    rows.push([t('why.learning'), learningMeaning(context.learning, words)]);
  return rows;
}

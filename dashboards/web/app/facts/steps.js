// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Which steps of a runbook somebody has ticked off at this desk. It is a memory aid of one person and one browser, so it stays there; what
// others are to know is a comment. STEPS_KEPT alerts are remembered, then the one that was touched longest ago goes.

const KEY = 'yagura.steps';
export const STEPS_KEPT = 200;
const STEPS_MAX = 32;

function all(storage) {
  try {
    const kept = JSON.parse(storage.getItem(KEY));
    return Array.isArray(kept) ? kept.filter((one) => Array.isArray(one) && typeof one[0] === 'string' && Array.isArray(one[1])) : [];
  } catch {
    return []; // forbidden, or not ours: nothing is ticked
  }
}

/** @returns {Set<number>} */
export function ticked(storage, id) {
  const found = all(storage).find(([one]) => one === id);
  return new Set(found ? found[1].filter((step) => Number.isInteger(step) && step >= 0 && step < STEPS_MAX) : []);
}

/** @returns {Set<number>} what is ticked now */
export function tick(storage, id, step, on) {
  const steps = ticked(storage, id);
  if (on && step < STEPS_MAX)
    steps.add(step);
  else
    steps.delete(step);
  const others = all(storage).filter(([one]) => one !== id);
  const kept = steps.size ? [[id, [...steps]], ...others] : others;
  try {
    storage.setItem(KEY, JSON.stringify(kept.slice(0, STEPS_KEPT)));
  } catch {
    // full or forbidden: the ticks hold till the page is left
  }
  return steps;
}

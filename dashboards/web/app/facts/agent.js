// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a browser calls itself, as its user would. Anybody may send anything: what is not known is null, and the page shows it as it came.

/** @typedef {Array<[string, RegExp]>} Signs */

// in this order, for each also claims to be what stands below it
const BROWSERS = /** @type {Signs} */ ([['Microsoft Edge', /\bEdg(?:e|A|iOS)?\/(\d+)/], ['Opera', /\bOPR\/(\d+)/], ['Vivaldi', /\bVivaldi\/(\d+)/], ['Firefox', /\b(?:Firefox|FxiOS)\/(\d+)/],
  ['Chrome', /\b(?:HeadlessChrome|Chrome|CriOS)\/(\d+)/], ['Safari', /\bVersion\/(\d+)[^ ]* (?:Mobile\/\w+ )?Safari\//], ['curl', /^curl\/(\d+)/]]);
const SYSTEMS = /** @type {Signs} */ ([['iPadOS', /\biPad\b/], ['iOS', /\biPhone\b/], ['Android', /\bAndroid\b/], ['ChromeOS', /\bCrOS\b/], ['Windows', /\bWindows NT\b/], ['macOS', /\bMac OS X\b/], ['Linux', /\bLinux\b/]]);

/** @param {string} agent @returns {{browser: string, version: string, system: string|null}|null} */
export function agentOf(agent) {
  for (const [browser, sign] of BROWSERS) {
    const found = sign.exec(agent);
    if (found) return { browser, version: found[1].slice(0, 4), system: SYSTEMS.find(([, of]) => of.test(agent))?.[0] ?? null };
  }
  return null;
}

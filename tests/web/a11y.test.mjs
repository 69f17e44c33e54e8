// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A11Y-01 and A11Y-03: axe-core finds nothing on any page, in either theme and language. A11Y-02: a chart is read by keyboard. A11Y-04:
// Tab reaches everything and shows where it is, targets are 24 px, 320 px wide is enough. A11Y-05: severity can be read.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { need, require, start } from './rig.mjs';
import { inTheme, openAs, pagesOf, routes, settled, walk } from './pages.mjs';

need('redis', 'web', 'chromium', 'playwright', 'axe');
const LONG = process.env.YAGURA_LONG === '1';
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
let rig, pages;

before(async () => {
  rig = await start();
  pages = await pagesOf(rig);
});
after(() => rig?.stop());

/** One tab a user; walks the pages of each. */
async function everywhere(options, bad, each) {
  for (const user of [...new Set(Object.values(pages).map(([name]) => name))]) {
    const { page, context } = await openAs(rig, user, options);
    for (const [name, [who, where]] of Object.entries(pages)) {
      if (who !== user) continue;
      await walk(page, where).catch((error) => bad.push(`${name}: ${error.message.slice(0, 200)}`));
      await each(page, name);
    }
    await context.close();
  }
}

const violations = (page, rules) => page.evaluate(async ([tags, only]) => {
  const found = await window.axe.run(document, { runOnly: only ? { type: 'rule', values: only } : { type: 'tag', values: tags }, rules: { 'target-size': { enabled: true } }, resultTypes: ['violations'] });
  return found.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target.join(' ')} (${node.failureSummary.split('\n').slice(1, 3).join('; ').trim()})`).join(' | ')}`);
}, [TAGS, rules]);

const withAxe = (page) => page.evaluate((source) => { if (!window.axe) (0, eval)(source); }, axe).catch(() => page.evaluate(axe));

test('A11Y-03 the list of pages is the router’s', () => {
  assert.deepEqual(Object.keys(pages).sort(), routes().map((route) => route.name).sort());
});

// Themes differ in colours and in nothing else: what they may break is looked at in the second as well.
for (const [lang, first, second] of [['ja', 'dark', 'light'], ['en', 'light', 'dark']]) {
  test(`A11Y-01 A11Y-03 A11Y-04 axe-core finds no violation on any page, ${lang}: all rules in ${first}, colours in ${second}; targets are 24 px`, async () => {
    const bad = [];
    await everywhere({ lang, theme: first }, bad, async (page, name) => {
      await withAxe(page);
      for (const text of await violations(page)) bad.push(`${name}: ${text}`);
      await inTheme(page, second);
      for (const text of await violations(page, ['color-contrast'])) bad.push(`${name}, ${second}: ${text}`);
      await inTheme(page, first);
    });
    assert.deepEqual(bad, []);
  });
}

test('A11Y-02 a chart has a name, a sentence, a keyboard cursor that says values, and a table', async () => {
  const { page, context } = await rig.open('lead', { where: '/traffic?range=24h' });
  await settled(page);
  const plot = page.locator('.chart-plot').first(), live = page.locator('.chart-now').first();
  await plot.waitFor();
  assert.equal(await live.getAttribute('aria-live'), 'polite');
  const name = await plot.getAttribute('aria-label'), sentence = await live.innerText();
  assert.match(name, /推移/);
  assert.ok(name.includes(sentence.trim().slice(0, 12)), 'the name holds the sentence that is shown');
  await plot.focus();
  const heard = [];
  for (const key of ['Home', 'ArrowRight', 'ArrowRight', 'PageDown', 'End', 'ArrowLeft']) {
    await page.keyboard.press(key);
    heard.push(await live.innerText());
  }
  assert.equal(new Set(heard).size, heard.length, 'each step says something else');
  for (const text of heard) assert.match(text, /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\s+受信.*送信/);
  assert.deepEqual([...heard].slice(0, 5).sort(), [...heard].slice(0, 5), 'later keys are later times');
  await page.locator('.chart-head button').first().click();
  const rows = await page.locator('.chart-table tbody tr').evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.innerText)));
  assert.ok(rows.length > 10);
  const [time, values] = heard[0].split(/\s{2,}|(?<=:\d\d) (?=受信)/);
  assert.equal(rows[0][0], time);
  for (const value of rows[0].slice(1)) assert.ok(values.includes(value === '–' ? '' : value), `${value} stands in ${values}`);
  await context.close();
});

test('A11Y-04 Tab reaches every control and shows where it is, and nothing jumps the queue', async () => {
  const bad = [];
  for (const name of LONG ? Object.keys(pages) : ['inbox', 'traffic', 'suppressions', 'settings', 'login']) {
    const [user, where] = pages[name];
    const { page, context } = await rig.open(user, { where, theme: 'dark' });
    await settled(page);
    const wanted = await page.evaluate(() => {
      const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({ visibilityProperty: true }));
      const groups = new Set();
      // of radio buttons Tab stops at one
      const stops = all.filter((one) => { if (one.type !== 'radio') return true; if (groups.has(one.name)) return false; groups.add(one.name); return true; });
      if (all.some((one) => one.tabIndex > 0)) return -1;
      return stops.length;
    });
    if (wanted < 0) bad.push(`${name}: a positive tabindex`);
    const seen = new Set();
    for (let step = 0; step < wanted + 3 && seen.size < 80; step++) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(() => {
        const one = document.activeElement;
        if (!one || one === document.body) return null;
        one.dataset.testSeen ??= String(Math.random());
        const shown = [one, one.parentElement, one.nextElementSibling, one.closest('.query-line')].filter(Boolean).some((part) => {
          const style = getComputedStyle(part);
          return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || (part.matches('.query-line') && part.matches(':focus-within'));
        });
        const box = one.getBoundingClientRect();
        return { id: one.dataset.testSeen, what: `${one.tagName}.${one.className} ${(one.ariaLabel ?? one.textContent).slice(0, 30)}`, shown, inside: one.type === 'radio' || one.type === 'checkbox' || (box.bottom > 0 && box.top < innerHeight) };
      });
      if (!at) continue;
      if (!at.shown) bad.push(`${name}: no focus to be seen: ${at.what}`);
      if (!at.inside) bad.push(`${name}: focus out of sight: ${at.what}`);
      seen.add(at.id);
    }
    if (seen.size < Math.min(wanted, 80)) bad.push(`${name}: Tab reached ${seen.size} of ${wanted}`);
    await context.close();
  }
  assert.deepEqual([...new Set(bad)], []);
});

test('A11Y-04 targets are 24 px, or stand apart, on a phone', { skip: !LONG && 'YAGURA_LONG=1 does it' }, async () => {
  const bad = [];
  await everywhere({ lang: 'ja', width: 390 }, bad, async (page, name) => {
    await withAxe(page);
    for (const text of await violations(page, ['target-size'])) bad.push(`${name}: ${text}`);
  });
  assert.deepEqual(bad, []);
});

for (const lang of ['ja', 'en']) {
  test(`A11Y-04 400 % zoom: at 320 px nothing but tables of data scrolls sideways, ${lang}`, async () => {
    const bad = [];
    await everywhere({ lang, width: 320, height: 640 }, bad, async (page, name) => {
      const wide = await page.evaluate(() => {
        const scrolls = (one) => { const at = one.closest('.pb-scroll, .plain-scroll, .grid, .chart-table, .strip, pre, [data-scroll]'); return at && document.querySelector('main')?.contains(at) ? true : Boolean(one.closest('.strip')); };
        const out = [];
        if (document.scrollingElement.scrollWidth > innerWidth) out.push(`the page is ${document.scrollingElement.scrollWidth} wide`);
        const main = document.querySelector('main');
        if (main.scrollWidth > main.clientWidth + 1) {
          const right = main.getBoundingClientRect().right;
          out.push(`main is ${main.scrollWidth} of ${main.clientWidth}: ${[...main.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > right + 1 && !scrolls(one)).slice(0, 3).map((one) => `${one.tagName}.${one.className}`).join(', ')}`);
        }
        return out;
      });
      for (const text of wide) bad.push(`${lang} ${name}: ${text}`);
    });
    assert.deepEqual(bad, []);
  });
}

test('A11Y-05 severity: text 4.5:1, shape 3:1 on its ground, five different shapes, and a word', async () => {
  for (const theme of ['dark', 'light']) {
    const { page, context } = await rig.open('lead', { where: '/help', theme });
    await settled(page);
    const chips = await page.locator('#severity .severity').evaluateAll((all) => {
      const parse = (text) => { const c = document.createElement('canvas').getContext('2d'); c.fillStyle = text; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
      const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
      const ratio = (a, b) => { const [x, y] = [light(parse(a)), light(parse(b))].sort((m, n) => n - m); return (x + 0.05) / (y + 0.05); };
      return all.map((chip) => {
        const style = getComputedStyle(chip), mark = chip.querySelector('svg'), of = getComputedStyle(mark);
        return { word: chip.innerText.trim(), text: ratio(style.color, style.backgroundColor), mark: ratio(of.fill === 'none' ? of.stroke : of.fill, style.backgroundColor), shape: mark.querySelector('path').getAttribute('d'), opaque: parse(style.backgroundColor)[3] };
      });
    });
    assert.equal(chips.length, 5);
    assert.deepEqual(chips.map((chip) => chip.word), ['緊急', '高', '中', '低', '参考']);
    assert.equal(new Set(chips.map((chip) => chip.shape)).size, 5);
    for (const chip of chips) {
      assert.equal(chip.opaque, 255);
      assert.ok(chip.text >= 4.5, `${theme} ${chip.word}: text ${chip.text.toFixed(2)}`);
      assert.ok(chip.mark >= 3, `${theme} ${chip.word}: shape ${chip.mark.toFixed(2)}`);
    }
    await context.close();
  }
});

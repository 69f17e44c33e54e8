// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// I18N-01 and I18N-02: the files of texts against each other and against the glossary (ci/i18n.py, and that it can fail). I18N-03: nothing
// untranslated in the DOM of any page. No label is clipped at 1280 px, in either language.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { need, root, start } from './rig.mjs';
import { listen, openAs, pagesOf, walk } from './pages.mjs';

const LINT = path.join(root, 'ci/i18n.py');
const run = (...args) => spawnSync('python3', [LINT, ...args], { encoding: 'utf8' });

test('I18N-01 I18N-02 both languages have every text, and no word goes against the glossary', () => {
  const done = run();
  assert.equal(done.status, 0, done.stdout);
  assert.equal(run('--self-test').status, 0);
});

test('I18N-01 I18N-02 a missing key, another placeholder, a forbidden word, half-width kana and full-width digits are each found', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'yg-i18n-'));
  try {
    const say = (ja, en) => {
      fs.writeFileSync(path.join(folder, 'a.ja.json'), JSON.stringify(ja));
      fs.writeFileSync(path.join(folder, 'a.en.json'), JSON.stringify(en));
      return run(folder);
    };
    assert.equal(say({ 'a.b': 'アラート {n}件' }, { 'a.b': '{n} alerts' }).status, 0);
    for (const [ja, en] of [[{ 'a.b': '件', 'a.c': '件' }, { 'a.b': 'x' }], [{ 'a.b': '{n}件' }, { 'a.b': '{m}' }], [{ 'a.b': '検出' }, { 'a.b': 'x' }], [{ 'a.b': 'ｱラート' }, { 'a.b': 'x' }], [{ 'a.b': '５件' }, { 'a.b': 'x' }]])
      assert.equal(say(ja, en).status, 1, JSON.stringify(ja));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

test('I18N-01 what is counted in English has its singular', () => {
  const texts = files('en'), more = /\{\w+\} (?!is\b|was\b|s\b|ms\b|times (?:the|what)\b)[a-z]+s\b/; // a name before a verb; "1.4 times the"
  assert.deepEqual(Object.entries(texts).filter(([, text]) => more.test(text)).map(([key, text]) => `${key}: ${text}`), []);
});

need('redis', 'web', 'chromium', 'playwright');
let rig, pages;
before(async () => {
  rig = await start();
  pages = await pagesOf(rig);
});
after(() => rig?.stop());

async function everywhere(lang, bad, each) {
  for (const user of [...new Set(Object.values(pages).map(([name]) => name))]) {
    const { page, context } = await openAs(rig, user, { lang });
    const missing = listen(page);
    for (const [name, [who, where]] of Object.entries(pages)) {
      if (who !== user) continue;
      await walk(page, where).catch((error) => bad.push(`${lang} ${name}: ${error.message.slice(0, 200)}`));
      await each(page, name, missing.splice(0));
    }
    await context.close();
  }
}

/** Texts and names of the page, but what is marked as of another language, as not to be translated, or is data (code, addresses). */
const texts = (page, lang) => page.evaluate((language) => {
  const out = [];
  const skip = (one) => one.closest('[translate=no], code, kbd, pre, .address, script, style, noscript, [data-raw]') || one.closest('[lang]')?.lang !== language;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim();
    if (text && !skip(walker.currentNode.parentElement)) out.push(text);
  }
  for (const one of document.querySelectorAll('[aria-label], [title], [placeholder], img[alt]')) {
    if (skip(one)) continue;
    for (const name of ['aria-label', 'title', 'placeholder', 'alt']) if (one.getAttribute(name)) out.push(one.getAttribute(name));
  }
  return out;
}, lang);

const files = (lang) => Object.assign({}, ...['i18n', 'i18n/more', 'text'].flatMap((folder) => {
  const at = path.join(root, 'dashboards/web/app', folder);
  return fs.readdirSync(at).filter((name) => name.endsWith(`.${lang}.json`)).map((name) => JSON.parse(fs.readFileSync(path.join(at, name), 'utf8')));
}));

test('I18N-03 under lang=ja nothing is left in English, under lang=en nothing in Japanese but names', async () => {
  const ja = files('ja'), en = files('en'), bad = [];
  const english = new Set(Object.entries(en).filter(([key, text]) => text !== ja[key] && !text.includes('{') && /[a-z]{3}/.test(text)).map(([, text]) => text));
  for (const text of Object.values(ja)) english.delete(text);
  const japanese = new Set(Object.entries(ja).filter(([key, text]) => text !== en[key] && !text.includes('{')).map(([, text]) => text));
  for (const text of Object.values(en)) japanese.delete(text);
  await everywhere('ja', bad, async (page, name, missing) => {
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'ja');
    bad.push(...missing.map((text) => `${name}: ${text}`));
    for (const text of await texts(page, 'ja')) {
      if (english.has(text)) bad.push(`ja ${name}: ${text}`);
      // a sentence of somebody who forgot it: three English words in a row
      else if (/(?<![\w.@:/-])[a-z]{2,} [a-z]{2,} [a-z]{2,}(?![\w.@:/-])/.test(text)) bad.push(`ja ${name}: ${text.slice(0, 100)}`);
      if (/^\[[a-z_]+\.[\w.-]+\]$/.test(text)) bad.push(`ja ${name}: no text: ${text}`);
    }
  });
  await everywhere('en', bad, async (page, name, missing) => {
    bad.push(...missing.map((text) => `${name}: ${text}`));
    for (const text of await texts(page, 'en')) if (japanese.has(text)) bad.push(`en ${name}: ${text}`);
  });
  assert.deepEqual([...new Set(bad)], []);
});

test('no label is clipped at 1280 px on any page, in either language', async () => {
  const bad = [];
  for (const lang of ['ja', 'en']) {
    await everywhere(lang, bad, async (page, name) => {
      const clipped = await page.evaluate(() => [...document.querySelectorAll('button, button span, h1, h2, h3, th, dt, legend, label, label span, nav a span, .chip-text, .severity-word, [role=columnheader], [role=columnheader] span, .stat-label, .page-sub, .button span, summary')]
        .filter((one) => one.checkVisibility() && one.clientWidth > 0 && !one.closest('.only-read, .grid-body, .address, [data-raw], .value, .strip-name') && getComputedStyle(one).clipPath === 'none' && getComputedStyle(one).overflowX !== 'visible' && one.scrollWidth > one.clientWidth + 1)
        .map((one) => `${one.tagName}.${one.className} ${one.textContent.trim().slice(0, 40)} (${one.scrollWidth} in ${one.clientWidth})`));
      // and what is not cut off must not stand over its neighbour
      const over = await page.evaluate(() => [...document.querySelectorAll('.button, th, .chip, [role=columnheader]')].filter((one) => one.checkVisibility() && getComputedStyle(one).overflowX === 'visible' && one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 2 && !one.querySelector('.only-read'))
        .map((one) => `${one.tagName}.${one.className} ${one.textContent.trim().slice(0, 40)} runs over (${one.scrollWidth} in ${one.clientWidth})`));
      for (const text of [...clipped, ...over]) bad.push(`${lang} ${name}: ${text}`);
    });
  }
  assert.deepEqual([...new Set(bad)], []);
});

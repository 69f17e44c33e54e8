// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// UI-04, UI-05: the keyboard. A whole triage of twenty groups without one pointer event, EveBox's keys, an input method left on, keys
// switched off and given away.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { need, start, until } from './rig.mjs';

need('redis', 'web', 'chromium', 'playwright');
let rig;
before(async () => { rig = await start({ fill: { alerts: 3000 } }); }, { timeout: 60000 });
after(() => rig?.stop());

const limits = { timeout: 60000 };
async function inbox(name = 'analyst', more = {}) {
  const opened = await rig.open(name, { where: '/inbox?range=30d', ...more });
  await opened.page.evaluate(() => {
    window.pointed = 0;
    for (const type of ['pointerdown', 'mousedown', 'touchstart', 'pointermove']) addEventListener(type, (event) => { if (event.isTrusted) window.pointed++; }, true);
  });
  await opened.page.waitForSelector('main [data-id]');
  return opened;
}
const current = (page) => page.locator('main [data-id][aria-current=true]').getAttribute('data-id', { timeout: 2000 }).catch(() => null);
const groupOf = async (name, id) => (await (await rig.api(name)).get(`/groups/${id}`)).body;
/** A key as a Japanese input method that is on reports it: no letter, only which key it was. */
const processKey = (page, code, shift = false) => page.evaluate(([code, shiftKey]) => (document.activeElement ?? document.body).dispatchEvent(
  new KeyboardEvent('keydown', { key: 'Process', code, keyCode: 229, shiftKey, bubbles: true, cancelable: true })), [code, shift]);

test('UI-05: twenty groups are triaged with zero pointer events', limits, async () => {
  const { page, broken } = await inbox();
  const verdicts = ['threat', 'benign', 'false_positive', 'drill'], done = [];
  await page.keyboard.press('j');
  for (let i = 0; i < 20; i++) {
    const id = await until(() => current(page), 3000, 'the cursor is on a row');
    assert.ok(!done.some((one) => one.id === id), 'the cursor has gone on to another row');
    await page.keyboard.press('e');
    await page.waitForSelector('dialog[open]');
    await page.keyboard.press(String(1 + (i % 4)));
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('dialog[open]', { state: 'detached' });
    await until(async () => (await current(page)) !== id, 3000, 'the row has gone');
    done.push({ id, verdict: verdicts[i % 4] });
  }
  for (const { id, verdict } of done) {
    const { group, history } = await groupOf('analyst', id);
    assert.equal(group.state, 'archived');
    assert.equal(group.verdict, verdict);
    assert.deepEqual(history.map((event) => [event.actor, event.action]), [['analyst', 'archive']]);
  }
  assert.equal(await page.evaluate(() => window.pointed), 0);
  assert.deepEqual(broken, { csp: [], errors: [], foreign: [] });
  await page.context().close();
});

test('UI-05: with an input method on, keys are told by their place, and a composition is left alone', limits, async () => {
  const { page } = await inbox('analyst2');
  await processKey(page, 'KeyJ');
  const first = await until(() => current(page), 2000, 'J moves');
  await processKey(page, 'KeyJ');
  await until(async () => (await current(page)) !== first, 2000, 'J moves on');
  await processKey(page, 'KeyK');
  await until(async () => (await current(page)) === first, 2000, 'K moves back');
  await page.evaluate(() => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', code: 'KeyJ', isComposing: true, bubbles: true })));
  await page.waitForTimeout(100);
  assert.equal(await current(page), first, 'a key of a composition moves nothing');
  await page.keyboard.insertText('x'); // text that an input method puts in is no command
  assert.equal(await page.locator('.bulk').count(), 0);
  // full-width letters
  await page.evaluate(() => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'ｘ', code: 'KeyX', bubbles: true, cancelable: true })));
  await page.waitForSelector('.bulk');
  await processKey(page, 'KeyX');
  await page.waitForSelector('.bulk', { state: 'detached' });
  // `*` stands above 8 on one keyboard and beside Enter on the other
  for (const code of ['Digit8', 'Quote']) {
    await processKey(page, code, true);
    await processKey(page, 'KeyA');
    await page.waitForSelector('.bulk');
    await processKey(page, code, true);
    await processKey(page, 'KeyN');
    await page.waitForSelector('.bulk', { state: 'detached' });
  }
  // in a text field every key is text
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.matches('.query-field')), true);
  await page.keyboard.type('jx');
  assert.equal(await page.inputValue('.query-field'), 'jx');
  await page.context().close();
});

test('UI-04: escalate, escalate and archive in one key, as in EveBox; undo by key', limits, async () => {
  const { page } = await inbox('lead');
  await page.keyboard.press('j');
  const first = await until(() => current(page), 2000);
  await page.keyboard.press('s');
  await until(async () => (await groupOf('lead', first)).group.state === 'escalated', 3000, 's escalates');
  await page.locator('.toast button').first().waitFor(); // the answer has come, too
  await page.keyboard.press('u');
  await until(async () => (await groupOf('lead', first)).group.state === 'new', 3000, 'u takes it back');
  await page.locator('.toast-text', { hasText: '元に戻' }).waitFor({ timeout: 3000 }); // and the page knows
  for (const key of ['Shift+S', 'F9']) {
    const id = await until(() => current(page), 2000);
    await page.keyboard.press(key);
    if (key !== 'F9') { // F9 repeats the verdict given last
      await page.waitForSelector('dialog[open]');
      await page.keyboard.press('3');
      await page.keyboard.press('Control+Enter');
    }
    await until(async () => (await groupOf('lead', id)).group.state === 'archived', 3000, `${key} archives`);
    const { group, history } = await groupOf('lead', id);
    assert.equal(group.verdict, 'false_positive');
    assert.deepEqual(history.slice(-2).map((event) => event.action), ['escalate', 'archive']);
    await until(async () => (await current(page)) !== id, 3000);
  }
  const id = await until(() => current(page), 2000);
  await page.keyboard.press('F8');
  await until(async () => (await groupOf('lead', id)).group.state === 'archived', 3000, 'F8 archives');
  await page.keyboard.press('?');
  await page.waitForSelector('dialog[open]');
  assert.ok((await page.textContent('dialog[open]')).includes('エスカレーション（上申）'));
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog[open]', { state: 'detached' });
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await page.waitForURL(/\/sensors$/);
  await page.context().close();
});

test('UI-05: keys can be switched off and given away (WCAG 2.1.4)', limits, async () => {
  const api = await rig.api('analyst2');
  const { page } = await inbox('analyst2');
  await api.put('/preferences', { language: 'ja', theme: 'light', timezone: 'jst', keys: true, keymap: { next: 'n' } });
  await page.reload();
  await page.waitForSelector('main [data-id]');
  await page.keyboard.press('j');
  await page.waitForTimeout(150);
  assert.equal(await current(page), null, 'j has been given away');
  await page.keyboard.press('n');
  await until(() => current(page), 2000, 'n moves');
  await api.put('/preferences', { language: 'ja', theme: 'light', timezone: 'jst', keys: false, keymap: {} });
  await page.reload();
  await page.waitForSelector('main [data-id]');
  for (const key of ['j', 'x', 'e', '?']) await page.keyboard.press(key);
  await page.waitForTimeout(200);
  assert.equal(await current(page), null);
  assert.equal(await page.locator('dialog[open]').count(), 0);
  await page.keyboard.press('ArrowDown'); // what a list itself answers to is no shortcut
  await until(() => current(page), 2000, 'arrows walk the list');
  await page.context().close();
});

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The pages of administration in a browser, against the real server: suppressions from an alert to their end (UI-14), users with a password
// shown once, keys changed, the audit log's chain in words, and a sensor that falls silent and is not shown as sound.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { need, PASSWORD, start, until } from './rig.mjs';
import { settled } from './pages.mjs';

need('redis', 'web', 'chromium', 'playwright');
let rig;
before(async () => { rig = await start(); });
after(() => rig?.stop());

const button = (page, name) => page.getByRole('button', { name, exact: true });

test('UI-14 a suppression from an alert: reason and expiry are asked for, the preview is what it then hides, ending it shows all again', async () => {
  const lead = await rig.api('lead');
  const row = (await lead.get('/alerts?range=7d&limit=50')).body.rows.find((one) => one.org && one.target.ip && one.mode !== 'shadow' && one.kind.startsWith('scan.')) ?? (await lead.get('/alerts?range=7d&limit=1')).body.rows[0];
  const query = `/alerts?range=7d&limit=1&q=${encodeURIComponent(`kind:${row.kind} org:${row.org.code}`)}`;
  const { page, context, broken } = await rig.open('lead', { where: `/suppressions?kind=${row.kind}&org=${row.org.code}` });
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  assert.equal(await dialog.locator('#s-kind').inputValue(), row.kind);
  assert.equal(await dialog.locator('#s-org').inputValue(), row.org.code);
  const start = dialog.getByRole('button', { name: '抑止を開始' });
  assert.ok(await start.isDisabled(), 'nobody hides what he has not looked at');
  await dialog.getByRole('button', { name: '影響を確認' }).click();
  const shown = dialog.locator('.pb-preview strong');
  await shown.waitFor();
  const [alerts] = (await shown.innerText()).match(/[\d,]+/);
  // without a reason it is not made
  await dialog.locator('#s-reason').evaluate((one) => one.removeAttribute('required'));
  await start.click();
  assert.match(await dialog.locator('#s-reason-bad').innerText(), /理由/);
  await dialog.locator('#s-reason').fill('脆弱性診断のため。<b>x</b>');
  await start.click();
  await dialog.waitFor({ state: 'detached' });
  const made = (await lead.get('/suppressions')).body.rows.find((one) => one.on);
  assert.equal(made.reason, '脆弱性診断のため。<b>x</b>');
  assert.equal(made.owner, 'lead');
  assert.ok(made.expires_ms - Date.now() <= 90 * 86400000);
  const line = page.locator(`[data-id="${made.id}"]`);
  await line.waitFor();
  assert.match(await line.innerText(), /<b>x<\/b>/);
  // what the preview said is what is hidden of these seven days
  assert.equal((await lead.get('/suppressions')).body.rows.find((one) => one.id === made.id).hits >= Number(alerts.replace(',', '')), true);
  const hidden = (await lead.get(`${query}`)).body;
  assert.ok(hidden.rows.every((one) => one.suppressed === made.id));
  await line.getByRole('button', { name: '終了' }).click();
  await page.getByRole('dialog').getByRole('button', { name: '終了' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal((await lead.get('/suppressions')).body.rows.find((one) => one.id === made.id).on, false);
  assert.ok((await lead.get(query)).body.rows.every((one) => one.suppressed === null));
  assert.deepEqual([broken.csp, broken.errors, broken.foreign], [[], [], []]);
  await context.close();
});

test('UI-14 a suppression by port alone, as a file of the sensor may have it: the preview is what it hides', async () => {
  const lead = await rig.api('lead'), total = async () => (await lead.get('/alerts?range=7d&limit=1')).body.total;
  const counts = new Map();
  for (const { target } of (await lead.get('/alerts?range=7d&limit=500')).body.rows) if (target.port) counts.set(target.port, (counts.get(target.port) ?? 0) + 1);
  const [[port]] = [...counts].sort((a, b) => b[1] - a[1]), before = await total();
  const { page, context, broken } = await rig.open('lead', { where: '/suppressions' });
  await page.click('button >> text=抑止を作成');
  await page.fill('#s-reason', 'ポートだけの抑止');
  await page.fill('#s-kind', '');
  await page.click('dialog button >> text=影響を確認');
  await page.waitForSelector('dialog .pb-field-error'); // nothing at all narrows it
  await page.fill('#s-port', String(port));
  await page.click('dialog button >> text=影響を確認');
  const told = Number(/[\d,]+/.exec(await page.locator('.pb-preview strong').textContent())[0].replace(/,/g, ''));
  assert.ok(told > 0);
  await page.click('dialog button[type=submit]');
  await page.waitForSelector('dialog', { state: 'detached' });
  const made = (await lead.get('/suppressions')).body.rows.find((one) => one.on && one.port === port);
  assert.deepEqual([made.kind, made.org, made.source, made.target], ['*', null, null, null]);
  assert.equal(before - await total(), told);
  assert.match((await lead.get('/suppressions/export')).text, new RegExp(`port: ${port}\\b`));
  assert.equal((await lead.patch(`/suppressions/${made.id}`, { version: made.version, on: false })).status, 200);
  assert.equal(await total(), before);
  assert.deepEqual(broken, { csp: [], errors: [], foreign: [] });
  await context.close();
});

test('whoever may not suppress sees the list and no way to change it', async () => {
  const { page, context } = await rig.open('analyst', { where: '/suppressions?kind=dos.*' });
  await settled(page);
  assert.equal(await page.getByRole('dialog').count(), 0);
  assert.equal(await button(page, '抑止を作成').count(), 0);
  assert.equal(await page.locator('a[href="/api/v1/suppressions/export"]').count(), 0);
  await context.close();
});

test('a page that one may not see offers nothing: no button that the server then refuses', async () => {
  for (const [user, where] of [['viewer', '/users'], ['lead', '/audit'], ['admin', '/inbox']]) {
    const { page, context } = await rig.open(user, { where });
    const refused = [];
    page.on('response', (answer) => { if (answer.status() === 403) refused.push(answer.url()); });
    await page.getByText('ページが見つかりません').first().waitFor();
    assert.deepEqual(await page.locator('main button').allInnerTexts(), [], `${user} at ${where}`);
    assert.ok(await page.getByRole('link', { name: '概況へ戻る' }).isVisible());
    assert.deepEqual(refused, [], `${user} at ${where}: nothing is asked for that is refused`);
    await context.close();
  }
});

test('a user is made: step-up first, his password once, bodies chosen; then turned off, which ends his sessions', async () => {
  const { page, context, broken } = await rig.open('admin', { where: '/users' });
  await settled(page);
  await button(page, '利用者を追加').click();
  let dialog = page.getByRole('dialog');
  await dialog.locator('#u-name').fill('ｓｕｚｕｋｉ');
  await dialog.locator('input[name=role][value=org_viewer]').check();
  await dialog.getByRole('button', { name: '追加' }).click();
  assert.match(await dialog.locator('.pb-bodies .field-error').innerText(), /1つ以上/);
  await dialog.locator('.pb-bodies input[type=search]').fill('kirisegoe');
  await dialog.locator('.pb-bodies-list input').first().check();
  await dialog.getByRole('button', { name: '追加' }).click();
  // the password was given at login, long ago or just now: where it is asked for, it is given
  const asked = page.locator('dialog input[autocomplete=current-password]'), once = page.locator('[data-password]');
  await until(async () => await asked.isVisible() || await once.isVisible());
  if (await asked.isVisible()) {
    await asked.fill(PASSWORD);
    await page.keyboard.press('Enter');
  }
  await once.waitFor();
  const password = await once.innerText();
  assert.ok(password.length >= 12);
  await page.getByRole('dialog').getByRole('button', { name: '渡し方を確認して閉じる' }).click();
  await once.waitFor({ state: 'detached' });
  assert.ok(!(await page.content()).includes(password), 'shown once');
  const admin = await rig.api('admin');
  const made = (await admin.get('/users')).body.rows.find((one) => one.name === 'suzuki');
  assert.deepEqual([made.role, made.scope], ['org_viewer', ['kirisegoe']]);
  const login = await fetch(`${rig.origin}/api/v1/session`, { method: 'POST', headers: rig.headers(), body: JSON.stringify({ user: 'suzuki', password }) });
  assert.equal(login.status, 200);
  const cookie = login.headers.get('set-cookie').split(';')[0];
  const row = page.locator('[data-id=suzuki]');
  await row.getByRole('button', { name: '利用を停止' }).click();
  dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: '利用を停止' }).click();
  await dialog.waitFor({ state: 'detached' });
  await until(async () => /停止中/.test(await row.innerText()));
  const gone = await (await fetch(`${rig.origin}/api/v1/session`, { headers: { cookie, ...rig.headers() } })).json();
  assert.equal(gone.user, null);
  assert.deepEqual([broken.csp, broken.errors], [[], []]);
  await context.close();
});

test('keys: another one for a command, one that is taken is refused, all of them can be turned off', async () => {
  const { page, context } = await rig.open('viewer', { where: '/settings' });
  await settled(page);
  const row = page.locator('tr[data-command=go_inbox]');
  await row.getByRole('button').first().click();
  await row.locator('[data-catch]').waitFor();
  await page.keyboard.press('j');
  await page.waitForTimeout(1700);
  assert.match(await row.locator('.field-error').innerText(), /使っているキー/);
  await row.getByRole('button').first().click();
  await row.locator('[data-catch]').waitFor();
  await page.keyboard.press('q');
  await page.keyboard.press('w');
  await until(async () => (await row.locator('kbd').allInnerTexts()).join('') === 'QW');
  const viewer = await rig.api('viewer');
  await until(async () => (await viewer.get('/preferences')).body.keymap?.go_inbox === 'q w');
  await page.locator('h1').click();
  await page.keyboard.press('q');
  await page.keyboard.press('w');
  await page.waitForURL(/\/inbox/);
  await page.goBack();
  await settled(page);
  await page.locator('.pb-switch', { hasText: 'キーボードショートカットを使う' }).click();
  await page.locator('h1').click();
  await page.keyboard.press('q');
  await page.keyboard.press('w');
  await page.waitForTimeout(300);
  assert.match(page.url(), /\/settings/);
  await context.close();
});

test('language and theme hold at once, and on the next desk', async () => {
  const { page, context } = await rig.open('viewer', { where: '/settings', lang: 'ja', theme: 'dark' });
  await settled(page);
  await page.locator('input[name=language][value=en]').check();
  await page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  await page.locator('input[name=theme][value=light]').check();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
  const viewer = await rig.api('viewer');
  await until(async () => { const kept = (await viewer.get('/preferences')).body; return kept.language === 'en' && kept.theme === 'light'; });
  await context.close();
});

test('SEC-03 the audit log says in words whether its chain is whole, and where it is broken', async () => {
  const { page, context } = await rig.open('auditor', { where: '/audit' });
  await settled(page);
  assert.ok(await page.locator('.pb-table tbody tr').count() > 3);
  await button(page, '改変の有無を検証').click();
  assert.match(await page.locator('[data-verdict=whole]').innerText(), /件すべてを検証しました。改変はありません。/);
  await page.locator('#a-user').fill('lead');
  await button(page, '絞り込む').click();
  await page.waitForURL(/user=lead/);
  await settled(page);
  for (const name of await page.locator('.pb-table tbody tr td:nth-child(3)').allInnerTexts()) assert.equal(name, 'lead');
  // one byte of the third record
  const file = fs.readdirSync(rig.state, { recursive: true }).map((name) => path.join(rig.state, name)).find((name) => /audit[^/]*$/.test(name) && fs.statSync(name).isFile());
  const whole = fs.readFileSync(file), lines = whole.toString().split('\n');
  lines[2] = lines[2].replace('"result":"', '"result":"x');
  fs.writeFileSync(file, lines.join('\n'));
  await button(page, '改変の有無を検証').click();
  assert.match(await page.locator('[data-verdict=broken]').innerText(), /3番の記録で鎖が切れています/);
  // what was written meanwhile stays behind it: the server has the file open
  fs.writeFileSync(file, Buffer.concat([whole, fs.readFileSync(file).subarray(whole.length + 1)]));
  await context.close();
});

test('never green when blind: a sensor whose health is gone is not shown as sound any more', async () => {
  const name = rig.redis.cli('keys', 'yagura:*:health').trim().split('\n')[0].split(':')[1];
  const live = rig.live({ rate: 1 }); // metrics each second, health each five
  const { page, context } = await rig.open('viewer', { where: '/sensors', lang: 'ja' });
  await settled(page);
  const card = page.locator(`article#${name}`);
  await until(() => card.getAttribute('data-state').then((state) => state === 'sound'), 20000, 'a sensor that reports is not sound');
  live.kill('SIGTERM');
  await live.ended;
  // it reports, and what it reports is that nothing comes: blind, and not away
  const blind = setInterval(() => {
    rig.redis.cli('hset', `yagura:${name}:health`, 'state', 'blind', 'why', 'silent', 'silent_s', 185, 'time', Math.floor(Date.now() / 1000));
    rig.redis.cli('pexpire', `yagura:${name}:health`, 15000);
  }, 1000);
  try {
    await until(() => card.innerText().then((text) => /監視不能.*通信が見えていません.*パケットを受信していません/s.test(text)), 15000, 'who reports that nothing comes is not blind');
    assert.equal(await card.getAttribute('data-state'), 'blind');
  } finally {
    clearInterval(blind);
  }
  rig.redis.cli('del', `yagura:${name}:health`);
  await until(() => card.getAttribute('data-state').then((state) => state === 'away' || state === 'blind'), 15000, 'still sound without any report');
  assert.match(await card.locator('.pb-sensor-head').innerText(), /応答なし|監視不能/);
  await context.close();
});

test('a page whose server is gone does not go on being green', async () => {
  const { page, context } = await rig.open('viewer', { where: '/sensors' });
  await settled(page);
  await rig.killWeb('SIGKILL');
  await until(async () => !(await page.locator('article[data-state=sound]').count()), 30000, 'green without a server');
  await until(async () => await page.locator('.banner').count() > 0, 30000, 'nobody says that what is shown is old');
  await rig.startWeb();
  await context.close();
});

test('who has some bodies only sees the state of a sensor, and why not more', async () => {
  const { page, context } = await rig.open('other', { where: '/sensors', lang: 'ja' });
  await settled(page);
  // the server has just started, and finds the sensors a moment after
  const text = await until(async () => { const said = await page.locator('main').innerText(); return said.includes('すべての団体を担当する利用者だけに表示されます') && said; }, 15000, 'he is not told why');
  assert.doesNotMatch(text, /収支|負荷制限|連続稼働/, 'what is withheld is shown as unknown');
  await context.close();
});

test('on a phone a row of a list is a block of names and values, within the screen, and a table all the same', async () => {
  const { page, context } = await rig.open('admin', { where: '/users', lang: 'ja', width: 390, height: 844 });
  await settled(page);
  const users = (await (await rig.api('admin')).get('/users')).body.rows.length, list = page.getByRole('table', { name: '利用者' });
  assert.equal(await list.getByRole('row').count(), users + 1);
  assert.equal(await list.getByRole('rowheader').count(), users);
  assert.ok(await page.locator('.pb-scroll').evaluate((box) => box.scrollWidth <= box.clientWidth), 'it scrolls sideways');
  const low = await page.locator('tr[data-id=lead] .pb-cell').evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().height));
  assert.ok(low.every((height) => height < 80), `a cell is wrapped letter by letter: ${low}`);
  await button(page, '役割').click(); // what can be sorted by is still there
  await page.waitForURL(/sort=role/);
  await context.close();
});

test('what is usual goes from hour to hour without a step, and the traffic of a usual day lies by it', async () => {
  const series = (await (await rig.api('lead')).get('/timeseries?metric=bits&range=24h')).body;
  for (const name of ['usual_low', 'usual_high']) {
    const band = series[name], span = Math.max(...band) - Math.min(...band);
    const step = Math.max(...band.slice(1).map((value, at) => Math.abs(value - band[at])));
    assert.ok(span > 0 && step < span / 60, `${name}: a step of ${step} in a span of ${span}`);
  }
  const off = series.lines[0].values.map((value, at) => (value === null ? 0 : Math.abs(value - (series.usual_low[at] + series.usual_high[at]) / 2) / value));
  assert.ok(off.reduce((a, b) => a + b, 0) / off.length < 0.08, 'the band is beside the traffic');
});

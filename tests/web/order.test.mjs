// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The order of the inbox and of the search: every order of the API against one that the test makes itself, paging while alerts arrive, and
// the page: menu, heads of columns, key, address, saved views, and rows that stay where they are while somebody reads.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { need, sleep, start, until } from './rig.mjs';

need('redis', 'web', 'chromium', 'playwright');
let rig;
before(async () => { rig = await start({ fill: { alerts: 3000 } }); }, { timeout: 60000 });
after(() => rig?.stop());

const limits = { timeout: 60000 };
const RANK = ['info', 'low', 'medium', 'high', 'critical'];
const body = (row) => row.org?.code ?? '~';
const text = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const worst = (a, b) => RANK.indexOf(b.severity) - RANK.indexOf(a.severity);
const newest = (time) => (a, b) => b[time] - a[time];
const GROUPS = {
  severity: (a, b) => worst(a, b) || newest('last_ms')(a, b), newest: newest('last_ms'), oldest: (a, b) => a.last_ms - b.last_ms,
  count: (a, b) => b.alerts - a.alerts || newest('last_ms')(a, b), body: (a, b) => text(body(a), body(b)) || worst(a, b) || newest('last_ms')(a, b),
  change: (a, b) => (b.changed_ms ?? 0) - (a.changed_ms ?? 0) || newest('last_ms')(a, b),
};
const ALERTS = {
  newest: newest('time_ms'), oldest: (a, b) => a.time_ms - b.time_ms, severity: (a, b) => worst(a, b) || newest('time_ms')(a, b),
  count: (a, b) => b.count - a.count || newest('time_ms')(a, b), body: (a, b) => text(body(a), body(b)) || worst(a, b) || newest('time_ms')(a, b),
};

/** All rows, page by page. */
async function walk(api, where, limit, pause = 20) {
  const rows = [];
  for (let cursor = ''; cursor !== null;) {
    const page = await api.get(`${where}&limit=${limit}&cursor=${encodeURIComponent(cursor)}`);
    assert.equal(page.status, 200, page.text);
    rows.push(...page.body.rows);
    cursor = page.body.cursor;
    await sleep(pause);
  }
  return rows;
}
/** What was changed last has no seconds' fraction to tell it apart: rows in order as far as the API shows it. */
const inOrder = (rows, stand) => rows.every((row, at) => at === 0 || stand(rows[at - 1], row) <= 0);

test('every order of groups and alerts is what it is called, whole, and for who sees a part', limits, async () => {
  const lead = await rig.api('lead');
  const { body: first } = await lead.get('/groups?state=all&range=30d&limit=40');
  for (const [at, action] of [['3', 'acknowledge'], ['11', 'escalate'], ['25', 'acknowledge']]) {
    const { body: done } = await lead.post('/groups/actions', { action, ids: [first.rows[at].id] });
    assert.equal(done.succeeded, 1);
    await sleep(5);
  }
  for (const name of ['lead', 'other']) {
    const api = await rig.api(name);
    for (const [what, orders, plain] of [['/groups?state=all&range=30d', GROUPS, 'severity'], ['/alerts?range=30d', ALERTS, 'newest']]) {
      const common = await walk(api, what, 500);
      assert.ok(common.length > 20);
      for (const [sort, stand] of Object.entries(orders)) {
        const rows = await walk(api, `${what}&sort=${sort}`, what.startsWith('/groups') ? 37 : 499);
        assert.ok(inOrder(rows, stand), `${what} ${sort}`);
        assert.deepEqual(rows.map((row) => `${row.id} ${row.first_ms}`).sort(), common.map((row) => `${row.id} ${row.first_ms}`).sort(), `${what} ${sort}`);
        if (sort === plain) assert.deepEqual(rows.map((row) => row.id), common.map((row) => row.id));
      }
    }
  }
  const handled = (await lead.get('/groups?state=all&range=30d&sort=change&limit=3')).body.rows.map((row) => row.id);
  assert.deepEqual(handled, [first.rows[25].id, first.rows[11].id, first.rows[3].id]);
  const { body: page } = await lead.get('/groups?state=all&range=30d&sort=count&limit=5');
  for (const [where, code] of [['/groups?sort=nice', 'bad_parameter'], ['/alerts?sort=change', 'bad_parameter'], ['/groups?sort=severity,count', 'bad_parameter'],
    [`/groups?sort=body&cursor=${page.cursor}`, 'bad_cursor'], [`/groups?cursor=${page.cursor}`, 'bad_cursor']]) {
    const answer = await lead.get(where);
    assert.deepEqual([answer.status, answer.body.code], [422, code], where);
  }
});

test('in every order what stays where it was comes once, while alerts arrive', { timeout: 120000 }, async () => {
  const lead = await rig.api('lead'), what = '/groups?state=all&range=30d';
  for (const sort of Object.keys(GROUPS)) {
    const before = new Map((await walk(lead, `${what}&sort=${sort}`, 500)).map((row) => [row.id, row]));
    const live = rig.live({ rate: 60, seconds: 2 });
    await sleep(300);
    const seen = (await walk(lead, `${what}&sort=${sort}`, 25)).map((row) => row.id);
    const { alerts } = await live.told;
    assert.ok(alerts > 50, `${alerts}`);
    const still = (await walk(lead, `${what}&sort=${sort}`, 500)).filter((row) => before.get(row.id)?.last_ms === row.last_ms && before.get(row.id).alerts === row.alerts);
    assert.ok(still.length > 100, `${still.length}`);
    const times = new Map();
    for (const id of seen) times.set(id, (times.get(id) ?? 0) + 1);
    assert.deepEqual(still.filter((row) => times.get(row.id) !== 1).map((row) => [row.id, times.get(row.id)]), [], sort);
  }
});

const ids = (page) => page.locator('main [data-id]').evaluateAll((rows) => rows.sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).slice(0, 8).map((row) => row.dataset.id));
const sorted = (page) => page.locator('[role=columnheader][aria-sort]').evaluateAll((heads) => heads.map((head) => [head.textContent, head.ariaSort]));
const wanted = async (where) => (await (await rig.api('analyst')).get(where)).body.rows.slice(0, 8).map((row) => row.id);
const shows = (page, where) => until(async () => JSON.stringify(await ids(page)) === JSON.stringify(await wanted(where)), 5000, where);

test('the inbox is put in order by menu, key and head of column; the address, tabs and saved views keep it', limits, async () => {
  const { page, broken } = await rig.open('analyst', { where: '/inbox?range=30d&state=all' });
  await page.waitForSelector('main [data-id]');
  assert.deepEqual(await sorted(page), [['重要度', 'descending']]);
  await shows(page, '/groups?state=all&range=30d');
  // by keyboard alone: the key opens, arrows choose, the focus comes back to the button
  await page.keyboard.press('Shift+O');
  await page.waitForSelector('[role=menuitemradio]:focus');
  assert.equal(await page.textContent('[role=menuitemradio][aria-checked=true]'), '重要度の高い順');
  for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForURL(/sort=body/);
  await page.waitForSelector('[role=menu]', { state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), '並び順: 団体順');
  await shows(page, '/groups?state=all&range=30d&sort=body');
  assert.deepEqual(await sorted(page), []);
  // heads of columns: greatest first, then least first; reached and pressed by keyboard
  await page.focus('.grid-head .sorter >> text=最終検知・期限');
  await page.keyboard.press('Enter');
  await page.waitForURL(/sort=newest/);
  await shows(page, '/groups?state=all&range=30d&sort=newest');
  assert.deepEqual(await sorted(page), [['最終検知・期限', 'descending']]);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), '最終検知・期限', 'the focus stays where it was');
  await page.keyboard.press('Enter');
  await page.waitForURL(/sort=oldest/);
  await shows(page, '/groups?state=all&range=30d&sort=oldest');
  assert.deepEqual(await sorted(page), [['最終検知・期限', 'ascending']]);
  await page.click('.grid-head .sorter >> text=件数');
  await page.waitForURL(/sort=count/);
  await shows(page, '/groups?state=all&range=30d&sort=count');
  // a tab keeps the order, the page's own order is not written, and the way back leads through each
  await page.click('.tabs a[href*="state=new"]');
  await page.waitForURL(/state=new/);
  assert.equal(new URL(page.url()).searchParams.get('sort'), 'count');
  await page.click('text=保存した表示条件');
  await page.click('text=現在の条件を保存');
  await page.fill('dialog input[type=text]', '件数順');
  await page.click('dialog button[type=submit]');
  await page.waitForSelector('dialog', { state: 'detached' });
  await page.click('.grid-head .sorter >> text=重要度');
  await page.waitForURL((url) => !url.searchParams.has('sort'));
  await page.click('text=保存した表示条件');
  await page.click('[role=menu] >> text=件数順');
  await page.waitForURL(/sort=count/);
  await shows(page, '/groups?state=new&range=30d&sort=count');
  await page.goBack();
  await page.waitForURL((url) => !url.searchParams.has('sort'));
  assert.deepEqual(broken, { csp: [], errors: [], foreign: [] });
  await page.context().close();
});

test('oldest first: what comes moves nothing under the reader, and a row that something came to has not left the list', limits, async () => {
  const { page } = await rig.open('analyst2', { where: '/inbox?range=30d&state=all&sort=newest' });
  await page.waitForSelector('main [data-id]');
  await page.keyboard.press('j');
  const row = page.locator('main [data-id][aria-current=true]'), id = await row.getAttribute('data-id'), place = (await row.boundingBox()).y;
  const live = rig.live({ rate: 30, seconds: 3 });
  await page.waitForSelector('[data-new]');
  assert.equal(await row.getAttribute('data-id'), id);
  assert.ok(Math.abs((await row.boundingBox()).y - place) < 1, 'it has not moved');
  await live.told;
  await page.click('[data-new]');
  await page.mouse.move(1, 1);
  await page.keyboard.press('Escape');
  await shows(page, '/groups?state=all&range=30d&sort=newest');
  // the newest group is the last of the list that is read from its other end
  await page.goto(`${rig.origin}/inbox?range=30d&state=all&sort=oldest`);
  await page.waitForSelector('main [data-id]');
  await page.keyboard.press('j');
  const first = await row.getAttribute('data-id'), top = (await row.boundingBox()).y;
  const api = await rig.api('lead'), { body: { group, alerts } } = await api.get(`/groups/${first}`);
  const [sensor] = alerts[0].id.split(':'), key = `yagura:${sensor}:alerts`;
  const eve = JSON.parse(JSON.stringify((await api.get(`/alerts/${encodeURIComponent(alerts[0].id)}`)).body.eve));
  const [last] = rig.redis.cli('xrevrange', key, '+', '-', 'count', '1').split('\n');
  eve.timestamp = new Date(Date.now() + 9 * 3600000).toISOString().replace('Z', '+0900');
  Object.assign(eve.alert.context, { state: 'update', count: eve.alert.context.count + 1, sequence: undefined });
  rig.redis.cli('xadd', key, `${last.split('-')[0]}-*`, 'eve', JSON.stringify(eve));
  await until(async () => (await api.get(`/groups/${first}`)).body.group.last_ms > group.last_ms, 5000, 'a record came to it');
  await sleep(1500);
  assert.equal(await row.getAttribute('data-id'), first);
  assert.ok(Math.abs((await row.boundingBox()).y - top) < 1, 'it stands where it stood');
  assert.equal(await page.locator(`main [data-id="${first}"].row-gone`).count(), 0, 'it is in the list, further down');
  await page.keyboard.press('Escape');
  await until(async () => (await ids(page))[0] !== first, 5000, 'when nobody reads it goes where it belongs');
  await page.context().close();
});

test('the search is put in order too, and its columns say so', limits, async () => {
  const { page, broken } = await rig.open('analyst', { where: '/alerts?range=30d' });
  await page.waitForSelector('main [data-id]');
  assert.deepEqual(await sorted(page), [['最終更新', 'descending']]);
  for (const [head, sort, way] of [['最終更新', 'oldest', 'ascending'], ['団体', 'body', 'ascending'], ['重要度', 'severity', 'descending'], ['回数', 'count', 'descending']]) {
    await page.click(`.grid-head .sorter >> text=${head}`);
    await page.waitForURL(new RegExp(`sort=${sort}`));
    await shows(page, `/alerts?range=30d&sort=${sort}&limit=20`);
    assert.deepEqual(await sorted(page), [[head, way]]);
  }
  await page.keyboard.press('Shift+O');
  await page.click('[role=menu] >> text=新しい順');
  await page.waitForURL((url) => !url.searchParams.has('sort'));
  // what is behind the first answer is asked for in the same order
  await page.goto(`${rig.origin}/alerts?range=30d&sort=oldest`);
  await page.waitForSelector('main [data-id]');
  await page.focus('[role=grid]');
  await page.keyboard.press('End');
  await until(async () => Number((await page.textContent('.list-foot')).replaceAll(',', '').match(/件中(\d+)件/)[1]) > 200, 5000, 'more is read');
  const times = await page.locator('main [data-id]').evaluateAll((rows) => rows.sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((row) => row.querySelector('time')?.dateTime));
  assert.deepEqual(times, [...times].sort());
  assert.deepEqual(broken, { csp: [], errors: [], foreign: [] });
  await page.context().close();
});

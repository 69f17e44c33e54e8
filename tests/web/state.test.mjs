// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What people do to groups of alerts, through the API: history, bulk actions and their undo, races, Redis away. UI-02, UI-03, UI-15.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { need, sleep, start, until } from './rig.mjs';

need('redis', 'web');
let rig;
let analyst;
let analyst2;
let lead;

/** From now on what is written outlives a kill: an append-only file, begun from what is there (with one from the start, Redis reads no dump). */
async function durable(redis) {
  redis.cli('config', 'set', 'appendonly', 'yes');
  await until(() => /aof_rewrite_in_progress:0\r?\n(.*\n)*aof_rewrite_scheduled:0/.test(redis.cli('info', 'persistence')) && /aof_enabled:1/.test(redis.cli('info', 'persistence')), 20000, 'the file is there');
  redis.options = ['--appendonly', 'yes'];
}

before(async () => {
  rig = await start({ fill: { alerts: 24000, groups: 11000, days: 10, flows: 10 } });
  await durable(rig.redis);
  [analyst, analyst2, lead] = await Promise.all(['analyst', 'analyst2', 'lead'].map((name) => rig.api(name)));
}, { timeout: 180000 });
after(() => rig?.stop());

const group = async (api, id) => (await api.get('/groups/' + id)).body;
const some = async (state, limit = 5) => (await analyst.get(`/groups?state=${state}&limit=${limit}`)).body.rows.map((row) => row.id);
/** What Redis holds of every touched group, without what grows. */
const kept = (grows = ['version', 'change']) => {
  const words = rig.redis.cli('hgetall', 'yagura:web:groups').trim().split('\n');
  const states = new Map();
  for (let i = 0; i + 1 < words.length; i += 2) {
    const state = JSON.parse(words[i + 1]);
    for (const key of grows) delete state[key];
    states.set(words[i], state);
  }
  return states;
};
const untouched = { state: 'new' };

test('UI-02: every change has its actor, time, reason and text, in order, for everybody', async () => {
  const [id] = await some('new');
  const before = Date.now();
  const steps = [
    [analyst, { action: 'acknowledge', comment: '確認します <b>&</b>' }],
    [analyst, { action: 'assign', assignee: 'analyst2' }],
    [analyst2, { action: 'comment', comment: 'あ'.repeat(2000) }],
    [analyst2, { action: 'escalate', reason: '団体への連絡が必要' }],
    [lead, { action: 'archive', verdict: 'benign', reason: '夜間バックアップと確認' }],
    [lead, { action: 'reopen' }],
  ];
  for (const [api, action] of steps) {
    const answer = await api.post('/groups/actions', { ...action, ids: [id] });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual([answer.body.matched, answer.body.succeeded, answer.body.failed], [1, 1, []]);
    assert.match(answer.body.undo, /^[0-9a-f]{32}$/);
  }
  const detail = await group(await rig.api('viewer'), id);
  assert.deepEqual(detail.history.map(({ actor, action }) => [actor, action]), [['analyst', 'acknowledge'], ['analyst', 'assign'], ['analyst2', 'comment'],
    ['analyst2', 'escalate'], ['lead', 'archive'], ['lead', 'reopen']]);
  const [acknowledged, assigned, comment, escalated, archived, reopened] = detail.history;
  assert.deepEqual([acknowledged.from, acknowledged.to, acknowledged.comment], [{ state: 'new' }, { state: 'acknowledged' }, '確認します <b>&</b>']);
  assert.deepEqual([assigned.from, assigned.to], [{ assignee: null }, { assignee: 'analyst2' }]);
  assert.equal(comment.comment.length, 2000);
  assert.equal(escalated.reason, '団体への連絡が必要');
  assert.deepEqual([archived.verdict, archived.reason, archived.to], ['benign', '夜間バックアップと確認', { state: 'archived' }]);
  assert.deepEqual(reopened.to, { state: 'new' });
  for (const event of detail.history) assert.ok(event.at_ms >= before && event.at_ms <= Date.now());
  const { state, verdict, reason, assignee, comments, version, changed_by } = detail.group;
  assert.deepEqual({ state, verdict, reason, assignee, comments, version, changed_by },
    { state: 'new', verdict: null, reason: null, assignee: 'analyst2', comments: 2, version: 6, changed_by: 'lead' });
});

test('UI-02: what is not whole is refused, and changes nothing', async () => {
  const [id] = await some('new');
  const before = kept([]);
  const refused = [
    [{ action: 'archive', ids: [id] }, 'verdict_required'],
    [{ action: 'archive', verdict: 'maybe', ids: [id] }, 'verdict_required'],
    [{ action: 'comment', ids: [id] }, 'comment_required'],
    [{ action: 'comment', comment: ' \n', ids: [id] }, 'comment_required'],
    [{ action: 'comment', comment: 'あ'.repeat(2001), ids: [id] }, 'comment_too_long'],
    [{ action: 'archive', verdict: 'benign', reason: 'x'.repeat(501), ids: [id] }, 'reason_too_long'],
    [{ action: 'delete', ids: [id] }, 'bad_action'],
    [{ action: 'undo', ids: [id] }, 'bad_action'],
    [{ action: 'assign', assignee: 'nobody-of-this-name', ids: [id] }, 'assignee_unknown'],
    [{ action: 'assign', assignee: 'viewer', ids: [id] }, 'assignee_unknown'],
    [{ action: 'assign', assignee: 'admin', ids: [id] }, 'assignee_unknown'],
    [{ action: 'acknowledge' }, 'nothing_chosen'],
    [{ action: 'acknowledge', ids: id }, 'bad_value'],
    [{ action: 'acknowledge', ids: [7] }, 'bad_value'],
    [{ action: 'acknowledge', q: 'sev:terrible' }, 'bad_query'],
    [{ action: 'acknowledge', q: '', state: 'nonsense' }, 'bad_value'],
    [{ action: 'acknowledge', q: '', range: 'soon' }, 'bad_range'],
  ];
  for (const [body, code] of refused) {
    const answer = await analyst.post('/groups/actions', body);
    assert.deepEqual([answer.status, answer.body.code], [422, code], JSON.stringify(body).slice(0, 200));
    assert.ok(answer.body.message_ja && answer.body.message_en);
  }
  assert.deepEqual(kept([]), before);
});

test('an id that is not there, one that is not seen and one that is no id are the same', async () => {
  const [id] = await some('new');
  const answer = await analyst.post('/groups/actions', { action: 'acknowledge', ids: ['0123456789abcdef', 'no id', id, id] });
  assert.equal(answer.status, 200);
  assert.deepEqual([answer.body.matched, answer.body.succeeded, answer.body.failed_count], [3, 1, 2]);
  assert.deepEqual(answer.body.failed, ['0123456789abcdef', 'no id'].map((it) => ({ id: it, code: 'not_found', current: null })));
  const again = await analyst.post('/groups/actions', { action: 'acknowledge', ids: [id] });
  assert.deepEqual([again.body.succeeded, again.body.failed.map(({ code, current }) => [code, current.state]), again.body.undo],
    [0, [['no_change', 'acknowledged']], null]);
});

test('UI-03: 10,000 groups in two seconds, honest counts, and undo restores them bit for bit', { timeout: 60000 }, async (t) => {
  // some have been touched before, in every way, so that there is something to restore
  const ids = await some('new', 60);
  await analyst.post('/groups/actions', { action: 'acknowledge', ids: ids.slice(0, 20) });
  await analyst.post('/groups/actions', { action: 'assign', assignee: 'lead', ids: ids.slice(10, 30), comment: '引き継ぎ' });
  await analyst.post('/groups/actions', { action: 'escalate', ids: ids.slice(25, 40) });
  await analyst.post('/groups/actions', { action: 'archive', verdict: 'drill', reason: '訓練', ids: ids.slice(35, 50) });
  const before = kept();
  const page = (await analyst.get('/groups?state=all&limit=1')).body;
  const already = (await analyst.get('/groups?state=archived&limit=1')).body.total;
  assert.ok(page.total >= 10000, `${page.total} groups`);
  const began = performance.now();
  const answer = await analyst.post('/groups/actions', { action: 'archive', verdict: 'benign', reason: '一括', q: '', state: 'all' });
  const took = performance.now() - began;
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([answer.body.matched, answer.body.succeeded, answer.body.failed_count], [page.total, page.total, 0]);
  assert.equal(answer.body.groups.length, 500);
  const after = kept();
  assert.equal([...after.values()].filter((state) => state.state === 'archived' && state.reason === '一括').length, page.total);
  assert.equal((await analyst.get('/groups?state=archived&limit=1')).body.total, page.total);
  assert.equal((await analyst.get('/groups?state=inbox&limit=1')).body.total, 0);
  // the token is the caller's own
  assert.deepEqual([(await lead.post('/groups/undo', { undo: answer.body.undo })).body.code, (await analyst.post('/groups/undo', { undo: '0'.repeat(32) })).status,
    (await analyst.post('/groups/undo', { undo: '*' })).status], ['gone', 410, 410]);
  const undoBegan = performance.now();
  const undone = await analyst.post('/groups/undo', { undo: answer.body.undo });
  const undoTook = performance.now() - undoBegan;
  assert.equal(undone.status, 200, undone.text);
  assert.deepEqual([undone.body.matched, undone.body.succeeded, undone.body.failed_count, undone.body.undo], [page.total, page.total, 0, null]);
  const restored = kept();
  for (const [id, state] of restored) assert.deepEqual(state, before.get(id) ?? untouched, id);
  assert.equal((await analyst.get('/groups?state=archived&limit=1')).body.total, already);
  assert.equal((await analyst.post('/groups/undo', { undo: answer.body.undo })).status, 410, 'once');
  const { history } = await group(analyst, ids[0]);
  assert.deepEqual(history.slice(-2).map(({ action, bulk }) => [action, bulk]), [['archive', page.total], ['undo', page.total]]);
  t.diagnostic(`${page.total} groups archived in ${took.toFixed(0)} ms, taken back in ${undoTook.toFixed(0)} ms; server ${rig.memory().rss} kB, peak ${rig.memory().peak} kB`);
  assert.ok(took <= 2000 * (process.env.YAGURA_SLACK ?? 1), `${took} ms`);
});

test('UI-03: an undo leaves alone what somebody has changed since', async () => {
  const ids = await some('new', 3);
  const done = await analyst.post('/groups/actions', { action: 'acknowledge', ids });
  await lead.post('/groups/actions', { action: 'escalate', ids: [ids[1]] });
  const undone = await analyst.post('/groups/undo', { undo: done.body.undo });
  assert.deepEqual([undone.body.matched, undone.body.succeeded], [3, 2]);
  assert.deepEqual(undone.body.failed.map(({ id, code, current }) => [id, code, current.state, current.changed_by]), [[ids[1], 'conflict', 'escalated', 'lead']]);
});

test('UI-15: of two who act on the same version one does it, the other gets to see what it is now', async () => {
  for (let round = 0; round < 20; round++) {
    const [id] = await some('new', 1);
    const { group: { version }, history: { length } } = await group(analyst, id);
    const both = await Promise.all([
      analyst.post('/groups/actions', { action: 'acknowledge', ids: [id], versions: { [id]: version } }),
      analyst2.post('/groups/actions', { action: 'escalate', ids: [id], versions: { [id]: version } }),
    ]);
    assert.deepEqual(both.map(({ body }) => body.succeeded).sort(), [0, 1]);
    const [won, lost] = both[0].body.succeeded ? both : [both[1], both[0]];
    assert.equal(lost.body.failed[0].code, 'conflict');
    const { state } = won.body.groups[0];
    assert.deepEqual([lost.body.failed[0].current.state, lost.body.failed[0].current.version], [state, version + 1]);
    assert.equal((await group(lead, id)).history.length, length + 1);
    await lead.post('/groups/actions', { action: 'archive', verdict: 'benign', ids: [id] });
  }
});

test('what came back is due from then on, whatever is said or assigned after', { timeout: 30000 }, async () => {
  const rows = (await lead.get('/groups?state=new&range=30d&limit=500')).body.rows;
  const { id, due_ms: first } = rows.find((row) => row.due_ms && !row.changed_by);
  const due = async () => (await group(lead, id)).group.due_ms;
  const act = async (body) => {
    const answer = await lead.post('/groups/actions', { ids: [id], ...body });
    assert.deepEqual([answer.status, answer.body.succeeded], [200, 1], answer.text);
  };
  await act({ action: 'comment', comment: 'not touched yet' });
  assert.equal(await due(), first);
  await act({ action: 'acknowledge' });
  assert.equal(await due(), null);
  await act({ action: 'reopen' });
  const again = await due();
  assert.ok(again > first, `${again} ${first}`);
  for (const body of [{ action: 'assign', assignee: 'analyst' }, { action: 'comment', comment: 'looked at' }]) {
    await sleep(20);
    await act(body);
    assert.equal(await due(), again, body.action);
  }
  await rig.killWeb();
  await rig.startWeb();
  assert.equal(await due(), again, 'and after a restart');
});

test('Redis away: 503 and nothing changed; back: what is known is what Redis holds', { timeout: 30000 }, async () => {
  const ids = await some('new', 3);
  const before = await Promise.all(ids.map(async (id) => (await group(analyst, id)).history.length));
  await rig.redis.kill();
  await until(async () => (await analyst.get('/session')).body.read_only, 3000, 'it says read-only');
  for (const body of [{ action: 'acknowledge', ids }, { action: 'acknowledge', q: '' }]) {
    const answer = await analyst.post('/groups/actions', body);
    assert.deepEqual([answer.status, answer.body.code], [503, 'read_only']);
  }
  assert.equal((await analyst.post('/groups/undo', { undo: '0'.repeat(32) })).status, 503);
  await rig.redis.start();
  const done = await until(async () => {
    const answer = await analyst.post('/groups/actions', { action: 'acknowledge', ids });
    return answer.status === 200 && answer;
  }, 15000, 'it goes on by itself');
  assert.deepEqual([done.body.matched, done.body.succeeded], [3, 3]);
  const after = await Promise.all(ids.map(async (id) => (await group(analyst, id)).history.length));
  assert.deepEqual(after, before.map((n) => n + 1));
});

test('an alert brings back what was archived, while the server runs and while it does not', { timeout: 60000 }, async (t) => {
  const archiveAll = async () => {
    const answer = await analyst.post('/groups/actions', { action: 'archive', verdict: 'benign', q: '', state: 'inbox' });
    assert.equal(answer.status, 200, answer.text);
  };
  const back = async () => {
    const { rows } = (await lead.get('/groups?state=new&limit=500')).body;
    const found = [];
    for (const row of rows.filter(({ changed_by }) => changed_by === 'yagura').slice(0, 10)) {
      const { history } = await group(lead, row.id);
      const [archived, reopened] = history.slice(-2);
      assert.deepEqual([archived.action, reopened.action, reopened.actor, reopened.to], ['archive', 'reopen', 'yagura', { state: 'new' }]);
      found.push(row.id);
    }
    return found.length;
  };
  await archiveAll();
  await rig.live({ rate: 200, seconds: 3 }).ended;
  const running = await until(back, 10000, 'groups came back');
  await archiveAll();
  await rig.killWeb();
  await rig.live({ rate: 200, seconds: 3 }).ended;
  await rig.startWeb();
  const away = await until(back, 10000, 'groups came back after the start');
  t.diagnostic(`${running} and ${away} groups looked at that came back`);
});

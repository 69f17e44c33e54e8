// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Suppressions, the handover sheet and the list of kinds, through the API. UI-14: what the preview says is what is hidden afterwards, and
// the export is a file that the sensor's own `yagura check` takes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { build, need, sleep, start, until } from './rig.mjs';
import { operations, wrong } from './contract.mjs';

need('redis', 'web', 'sensor');
const DAY = 86400000;
let rig;
let lead;
let analyst;

/** From now on what is written outlives a kill: an append-only file, begun from what is there (with one from the start, Redis reads no dump). */
async function durable(redis) {
  redis.cli('config', 'set', 'appendonly', 'yes');
  await until(() => /aof_rewrite_in_progress:0\r?\n(.*\n)*aof_rewrite_scheduled:0/.test(redis.cli('info', 'persistence')) && /aof_enabled:1/.test(redis.cli('info', 'persistence')), 20000, 'the file is there');
  redis.options = ['--appendonly', 'yes'];
}

/** A session that waits where it is told that it asks too often (60 a second). */
async function session(name) {
  const api = await rig.api(name);
  const patient = (call) => async (...args) => {
    for (;;) {
      const answer = await call(...args);
      if (answer.status !== 429) return answer;
      await sleep(200);
    }
  };
  return { get: patient(api.get), post: patient(api.post), patch: patient(api.patch) };
}

before(async () => {
  rig = await start({ fill: {} });
  await durable(rig.redis);
  [lead, analyst] = await Promise.all(['lead', 'analyst'].map(session));
}, { timeout: 120000 });
after(() => rig?.stop());

const totals = async () => {
  const of = async (where) => (await lead.get(where)).body;
  const groups = await of('/groups?state=all&range=7d&limit=1');
  return {
    alerts: (await of('/alerts?range=7d&limit=1')).total,
    inbox: groups.counts.inbox + groups.counts.archived,
    suppressed: groups.counts.suppressed,
    pages: (await of('/alerts?range=7d&limit=500')).rows.filter((row) => row.mode === 'page').length,
  };
};
const rows = async (range = '7d') => (await lead.get(`/alerts?range=${range}&limit=500`)).body.rows;
const soon = () => Date.now() + 30 * DAY;

test('UI-14: the preview is what is hidden afterwards, and ending it brings everything back', { timeout: 60000 }, async (t) => {
  const all = await rows();
  const one = all.find((row) => row.target.ip && !row.target.ip.includes('/') && row.org);
  const scopes = [
    { kind: one.kind, org: one.org.code },
    { kind: 'dos.*' },
    { target: one.target.ip },
    { kind: 'scan.*', org: one.org.code },
    { port: 443 },
    { source: '0.0.0.0/1', kind: 'scan.*' },
  ];
  const told = [];
  for (const scope of scopes) {
    const before = await totals();
    const preview = await lead.post('/suppressions/preview', scope);
    assert.equal(preview.status, 200, preview.text);
    const { alerts, groups, pages, examples } = preview.body;
    assert.ok(examples.length <= 5 && (examples.length > 0) === (alerts > 0));
    const made = await lead.post('/suppressions', { ...scope, reason: '試験：<b>既知の事象</b> "引用"', expires_ms: soon() });
    assert.equal(made.status, 201, made.text);
    const during = await totals();
    assert.deepEqual({ alerts: before.alerts - during.alerts, groups: during.suppressed - before.suppressed }, { alerts, groups }, JSON.stringify(scope));
    assert.equal(before.inbox - during.inbox >= groups, true);
    assert.ok(made.body.hits >= alerts);
    const listed = (await analyst.get('/suppressions')).body.rows.find((row) => row.id === made.body.id);
    assert.deepEqual([listed.owner, listed.on, listed.expiring, listed.hits], ['lead', true, false, made.body.hits]);
    for (const example of examples) {
      const hidden = (await lead.get('/alerts/' + encodeURIComponent(example.id))).body.alert;
      assert.equal(hidden.suppressed, made.body.id);
    }
    const again = (await lead.post('/suppressions/preview', scope)).body;
    assert.deepEqual([again.alerts, again.groups, again.pages], [0, 0, 0], 'nothing is left to hide');
    const ended = await lead.patch('/suppressions/' + made.body.id, { version: made.body.version, on: false });
    assert.deepEqual([ended.status, ended.body.on, ended.body.ended_by, ended.body.hits], [200, false, 'lead', 0]);
    assert.deepEqual(await totals(), before);
    told.push(`${JSON.stringify(scope)}: ${alerts} alerts, ${groups} groups, ${pages} pages`);
  }
  assert.ok(told.some((text) => !/: 0 alerts/.test(text)));
  t.diagnostic(told.join('; '));
});

test('UI-14: owner, reason and end are mandatory; nothing too wide, too long or unknown', async () => {
  const good = { kind: 'scan.port', reason: '診断', expires_ms: soon() };
  const refused = [
    [{ ...good, reason: undefined }, 'reason_required'], [{ ...good, reason: '  ' }, 'reason_signs'], [{ ...good, reason: 'a\nb' }, 'reason_signs'],
    [{ ...good, reason: '\u202eabc' }, 'reason_signs'], [{ ...good, reason: 'あ'.repeat(54) }, 'reason_too_long'],
    [{ ...good, expires_ms: undefined }, 'expiry_required'], [{ ...good, expires_ms: Date.now() - 1 }, 'expiry_past'],
    [{ ...good, expires_ms: Date.now() + 90 * DAY + 60000 }, 'expiry_too_far'], [{ ...good, kind: 'scan.nothing' }, 'kind_unknown'],
    [{ ...good, kind: 's*' }, 'kind_unknown'], [{ ...good, kind: '*' }, 'suppression_wide'], [{ ...good, kind: undefined }, 'suppression_wide'],
    [{ ...good, org: 'no-such-body' }, 'org_unknown'], [{ ...good, target: '10.0.0.1/8' }, 'bad_prefix'], [{ ...good, target: '0.0.0.0/0' }, 'bad_prefix'],
    [{ ...good, source: 'localhost' }, 'bad_prefix'], [{ ...good, port: 0 }, 'bad_port'], [{ ...good, port: '80' }, 'bad_port'],
  ];
  for (const [body, code] of refused) {
    const answer = await lead.post('/suppressions', body);
    assert.deepEqual([answer.status, answer.body.code], [422, code], JSON.stringify(body));
  }
  assert.equal((await analyst.post('/suppressions', good)).status, 403);
  const made = (await lead.post('/suppressions', { ...good, expires_ms: Date.now() + 3 * DAY })).body;
  assert.equal(made.expiring, true, 'within seven days');
  const change = { version: 1, expires_ms: soon(), reason: '診断（延長）' };
  const both = await Promise.all([lead.patch('/suppressions/' + made.id, change), lead.patch('/suppressions/' + made.id, { ...change, reason: '別' })]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409]);
  const lost = both.find(({ status }) => status === 409);
  assert.equal(lost.body.current.version, 2);
  assert.equal((await lead.patch('/suppressions/web-none', change)).status, 404);
  const ended = await lead.patch('/suppressions/' + made.id, { version: 2, on: false });
  assert.equal(ended.status, 200);
  assert.equal((await lead.patch('/suppressions/' + made.id, { version: 3, reason: 'x' })).body.code, 'suppression_ended');
});

test('a lead of two bodies makes none beyond them, and is told that one for all hides alerts of his, not of whom else', { timeout: 30000 }, async () => {
  rig.makeUsers({ two: ['lead', 'kirisegoe,shiosegoe'] });
  const two = await until(() => session('two').catch(() => null), 5000, 'a user made beside the server is seen'), all = await rows('30d');
  const own = all.find((row) => row.orgs.includes('kirisegoe')), foreign = all.find((row) => row.org && !['kirisegoe', 'shiosegoe'].includes(row.org.code) && row.target.ip && !row.target.ip.includes('/'));
  const other = all.find((row) => row.org?.code === 'kirisegoe' && ![own.kind, foreign.kind].includes(row.kind) && row.mode !== 'shadow');
  const make = (who, scope) => who.post('/suppressions', { reason: '外部診断', expires_ms: soon(), ...scope });
  for (const [scope, code] of [[{ kind: own.kind }, 'org_required'], [{ kind: own.kind, org: foreign.org.code }, 'org_unknown'], [{ kind: own.kind, org: 'no-such-body' }, 'org_unknown']]) {
    for (const answer of [await make(two, scope), await two.post('/suppressions/preview', scope)])
      assert.deepEqual([answer.status, answer.body.code], [422, code], JSON.stringify(scope));
  }
  const listed = async () => {
    const { status, body } = await two.get('/suppressions');
    assert.equal(wrong(operations.find(({ name }) => name === 'suppressions'), status, body), '');
    return body;
  };
  const before = await listed(), seen = async () => (await two.get('/alerts?range=30d&limit=1')).body.total;
  const visible = await seen();
  const mine = (await make(two, { kind: own.kind, org: 'kirisegoe' })).body;
  const hidden = visible - await seen();
  const theirs = (await make(lead, { kind: foreign.kind, org: foreign.org.code })).body;
  const left = await seen(); // an alert of a foreign body may concern one of his as well
  const everybody = (await make(lead, { kind: other.kind, reason: `機密：${foreign.org.name_ja} ${foreign.target.ip}` })).body;
  const after = await listed();
  assert.deepEqual(after.rows.map((row) => row.id).filter((id) => !before.rows.some((row) => row.id === id)), [mine.id]);
  assert.equal(after.rows.find((row) => row.id === mine.id).hits, hidden);
  assert.deepEqual([after.for_all.on, after.for_all.hits], [before.for_all.on + 1, before.for_all.hits + left - await seen()]);
  assert.ok(after.for_all.hits > before.for_all.hits, 'it hides something of his');
  for (const secret of [foreign.org.name_ja, foreign.org.name_en, foreign.target.ip, everybody.id, theirs.id]) assert.ok(!JSON.stringify(after).includes(secret), secret);
  for (const { id } of [everybody, theirs]) assert.equal((await two.patch('/suppressions/' + id, { version: 1, on: false })).status, 404);
  assert.doesNotMatch((await two.get('/suppressions/export')).text, new RegExp(`${everybody.id}|${theirs.id}`));
  assert.equal((await lead.get('/suppressions')).body.for_all.on, 0, 'who sees all sees them one by one');
  for (const { id } of [mine, theirs, everybody]) assert.equal((await lead.patch('/suppressions/' + id, { version: 1, on: false })).status, 200);
});

test('UI-14: the export is a file that the sensor takes, with the same words', { timeout: 30000 }, async () => {
  const org = (await rows()).find((row) => row.org).org.code;
  const scopes = [{ kind: 'dos.*', org }, { target: '203.0.113.0/24', port: 53 }, { source: '2001:db8::/32', kind: 'scan.host' }, { kind: 'org.baseline', org }];
  const reasons = ['# : - {"a": [1]}', "it's 'so'", '夜間バックアップの移行期間 \\ "引用" 😀', '@`%&*!|>'];
  for (const [i, scope] of scopes.entries()) {
    const expires = Date.now() + [0.01, 30, 89, 90][i] * DAY - 1000;
    assert.equal((await lead.post('/suppressions', { ...scope, reason: reasons[i], expires_ms: Math.round(expires) })).status, 201);
  }
  const answer = await lead.get('/suppressions/export');
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-disposition') ?? '', /suppressions\.yaml/);
  const folder = fs.mkdtempSync(path.join(rig.folder, 'export-'));
  fs.writeFileSync(path.join(folder, 'suppressions.yaml'), answer.text);
  const config = fs.readFileSync(path.join(rig.seeded.folder, 'config/yagura.yaml'), 'utf8');
  fs.cpSync(path.join(rig.seeded.folder, 'config'), folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'yagura.yaml'), `${config}\nsuppressions: [suppressions.yaml]\n`);
  const check = (file) => {
    try {
      return { said: execFileSync(path.join(build, 'yagura'), ['check', '-c', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }), status: 0 };
    } catch (error) {
      return { said: error.stdout + error.stderr, status: error.status };
    }
  };
  const checked = check(path.join(folder, 'yagura.yaml'));
  assert.equal(checked.status, 0, checked.said + answer.text);
  assert.doesNotMatch(checked.said, /suppression.*(expired|warning)|warning.*suppression/i, 'nor is it warned of');
  assert.match(checked.said, /4 suppressions|suppressions: +4/i);
  assert.equal(answer.text.match(/^- id: web-\d{8}-[0-9a-f]{8}$/gm).length, 4);
  // and it is the file that was looked at
  fs.writeFileSync(path.join(folder, 'suppressions.yaml'), answer.text.replace(/expires: .*/, 'expires: never'));
  assert.notEqual(check(path.join(folder, 'yagura.yaml')).status, 0);
});

test('what expires shows again by itself (long)', { timeout: 90000, skip: !process.env.YAGURA_LONG }, async () => {
  const scope = { kind: 'scan.*' };
  const before = (await lead.post('/suppressions/preview', scope)).body.alerts;
  await lead.post('/suppressions', { ...scope, reason: '診断', expires_ms: Date.now() + 61000 });
  assert.equal((await lead.post('/suppressions/preview', scope)).body.alerts, 0);
  await sleep(61000);
  await until(async () => (await lead.post('/suppressions/preview', scope)).body.alerts === before, 5000, 'they show again');
});

test('Redis away: none is made; back: those that were there are in force', { timeout: 30000 }, async () => {
  const made = (await lead.post('/suppressions', { kind: 'dos.*', reason: '訓練', expires_ms: soon() })).body;
  const before = (await lead.get('/suppressions')).body.rows;
  await rig.redis.kill();
  await until(async () => (await lead.get('/session')).body.read_only, 3000, 'it says read-only');
  assert.equal((await lead.post('/suppressions', { kind: 'scan.*', reason: '訓練', expires_ms: soon() })).status, 503);
  assert.deepEqual((await lead.get('/suppressions')).body.rows, before);
  await rig.redis.start();
  await until(async () => !(await lead.get('/session')).body.read_only, 10000, 'it goes on');
  const ended = await until(async () => {
    const answer = await lead.patch('/suppressions/' + made.id, { version: 1, on: false });
    return answer.status === 200 && answer.body;
  }, 10000, 'it can be ended');
  assert.equal(ended.version, 2);
  assert.equal(JSON.parse(rig.redis.cli('hget', 'yagura:web:suppressions', made.id)).version, 2);
});

test('the handover sheet is one page in both languages, and nothing outside can be clicked on', { timeout: 30000 }, async () => {
  const byKind = new Map((await rows('30d')).map((row) => [row.kind, row]));
  assert.ok(byKind.size > 5);
  for (const [kind, row] of byKind) {
    const answer = await lead.get(`/alerts/${encodeURIComponent(row.id)}/handover`);
    assert.equal(answer.status, 200, kind);
    const { text_ja, text_en, subject_ja } = answer.body;
    for (const part of ['件名', '宛先', '1. 検知日時', '2. 何が起きたか', '3. 該当端末', '4. 相手先', '5. 通信の内容', '6. 影響', '7. 確認していただきたいこと', '8. 連絡先', '9. 参照番号'])
      assert.ok(text_ja.includes(part), `${kind}: ${part}`);
    assert.ok(text_ja.includes(row.id) && text_en.includes(row.id) && text_ja.includes(subject_ja) && subject_ja.includes(row.kind_ja));
    assert.match(text_ja, /\d{4}年\d+月\d+日（.）\d\d:\d\d:\d\d\.\d{3} JST/);
    const lines = text_ja.split('\n').reduce((n, line) => n + Math.max(1, Math.ceil([...line].reduce((w, c) => w + (c > '\u2fff' ? 2 : 1), 0) / 100)), 0);
    assert.ok(lines <= 64, `${kind}: ${lines} lines`);
    for (const end of [row.source, row.target])
      if (end.ip && !end.inside && !end.ip.includes('/')) assert.ok(!text_ja.includes(end.ip) && !text_en.includes(end.ip), `${kind}: ${end.ip} as it is`);
  }
  const body = await session('body');
  const foreign = [...byKind.values()].find((row) => row.org && row.org.code !== 'shiosegoe' && !row.orgs?.includes('shiosegoe'));
  assert.equal((await body.get(`/alerts/${encodeURIComponent(foreign.id)}/handover`)).status, 404);
});

test('kinds: hits, verdicts and precision are those of the alerts and groups', { timeout: 30000 }, async () => {
  const pick = async (n) => (await lead.get('/groups?q=kind:scan.*&state=inbox&limit=' + n)).body.rows.map((row) => row);
  const groups = (await pick(4));
  const verdicts = ['threat', 'false_positive', 'false_positive', 'benign'];
  for (const [i, group] of groups.entries())
    assert.equal((await lead.post('/groups/actions', { action: 'archive', verdict: verdicts[i], ids: [group.id] })).body.succeeded, 1);
  const kinds = (await lead.get('/detectors')).body.rows;
  const scans = kinds.filter((row) => row.kind.startsWith('scan.'));
  const sum = (key) => scans.reduce((n, row) => n + row.verdicts[key], 0);
  assert.deepEqual([sum('threat'), sum('false_positive'), sum('benign'), sum('drill')], [1, 2, 1, 0]);
  for (const row of kinds) {
    const { threat, false_positive } = row.verdicts;
    if (threat + false_positive) assert.ok(Math.abs(row.precision - threat / (threat + false_positive)) < 1e-9);
    else assert.equal(row.precision, null);
    assert.ok(row.kind_ja && row.kind_en && row.means_ja && row.means_en && row.signature_id);
  }
  const found = async (more) => (await lead.get(`/alerts?q=kind:scan.*${more}&limit=1`)).body.total;
  const total = await found('') + await found('+is:shadow') + await found('+is:suppressed');
  assert.equal(scans.reduce((n, row) => n + row.alerts, 0), total);
});

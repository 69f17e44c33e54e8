// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// SEC-01: every route of openapi.yaml by every role: who may gets an answer of the promised shape, who may not 401 or 403, and nothing is
// left out. SEC-02: what belongs to another body is 404, and no route tells a body's officer an address of another's.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { need, PASSWORD, sleep, start, until, USERS } from './rig.mjs';
import { api, operations, wrong } from './contract.mjs';

need('redis', 'web');
let rig, ids, foreign;
const asked = { count: 0 };

const MAY = { viewer: ['viewer'], org_viewer: ['viewer'], analyst: ['viewer', 'triage'], lead: ['viewer', 'triage', 'suppress'], auditor: ['viewer', 'audit'],
  admin: ['users'] };

/** Whether a role and scope may call it. */
function may(operation, role, bodies) {
  if (operation.role === 'none') return true;
  if (!role) return false;
  if (operation.role === 'viewer' && ['own', 'none'].includes(operation.scope)) return true;
  return MAY[role].includes(operation.role) && (operation.scope !== 'global' || bodies === 'all');
}

/** The path with ids that exist (of `who`'s bodies). */
function filled(where, which) {
  return where.replace('{id}', () => encodeURIComponent(where.startsWith('/groups') ? which.group : where.startsWith('/alerts') ? which.alert :
    where.startsWith('/campaigns') ? 'egress-1:0000000000000000' : 'none')).replace('{code}', which.code).replace('{ip}', which.ip).replace('{name}', 'viewer');
}

const QUERY = { timeseries: '?metric=bits', top: '?dim=body', export: '?format=jsonl&q=kind:scan.port', stream: '?topics=health' };
const BODY = {
  groups_action: () => ({ action: 'comment', ids: [ids.group], comment: 'ok' }), preferences_put: () => ({ language: 'ja' }),
  session_create: () => ({ user: 'nobody', password: 'wrong wrong wrong' }), session_step_up: () => ({ password: PASSWORD }),
  suppression_preview: () => ({ kind: 'scan.port', org: 'kirisegoe' }), view_create: () => ({ name: 'n', page: 'inbox', query: 'q=a', shared: 'me' }),
};
// what would end the sessions that the other rows need
const DESTRUCTIVE = new Set(['session_delete', 'sessions_end_others', 'user_sessions_end', 'user_change', 'user_create', 'session_password', 'first_run', 'session_create']);

before(async () => {
  rig = await start();
  const lead = await rig.api('lead');
  const of = async (code) => {
    const group = (await lead.get(`/groups?range=30d&state=all&limit=1&q=org:${code}`)).body.rows[0];
    return { code, group: group.id, alert: group.latest, ip: (group.target.ip ?? group.source.ip).split('/')[0] };
  };
  ids = await of('kirisegoe');
  foreign = await of('shiosegoe');
});
after(() => rig?.stop());

for (const [user, role, bodies] of [[null, null, null], ...Object.entries(USERS).filter(([name]) => name !== 'analyst2').map(([name, [r, b]]) => [name, r, b])]) {
  test(`SEC-01 every route as ${user ?? 'nobody'}`, async () => {
    const bad = [];
    const which = user === 'body' ? foreign : ids;
    for (const operation of operations) {
      const allowed = may(operation, role, bodies);
      if (DESTRUCTIVE.has(operation.name) && allowed) continue; // SEC-09 and SEC-10 have these
      const session = user ? await rig.api(user) : null;
      const where = '/api/v1' + filled(operation.path, which) + (QUERY[operation.name] ?? '');
      const body = operation.method === 'GET' || operation.method === 'DELETE' ? undefined : BODY[operation.name]?.() ?? {};
      const control = new AbortController();
      if (asked.count++ % 30 === 29) await sleep(400); // the rate of a session
      const answer = await fetch(rig.origin + where, { method: operation.method, signal: control.signal, body: body && JSON.stringify(body),
        headers: { ...rig.headers(session?.csrf), ...(session && { cookie: session.cookie }) } });
      const renewed = answer.headers.get('set-cookie'); // a step-up gives a new token, and the old one ends soon after
      if (renewed && session && answer.ok) rig.sessions.get(user).cookie = renewed.split(';')[0];
      const stream = operation.name === 'stream' && answer.ok;
      const text = stream ? '' : await answer.text();
      control.abort();
      const { status } = answer;
      const say = (what) => bad.push(`${operation.method} ${where}: ${status}, ${what} ${text.slice(0, 200)}`);
      if (!user && operation.role !== 'none' && status !== 401) say('401 was due');
      else if (user && !allowed && status !== 403) say('403 was due');
      else if (allowed && (status === 401 && operation.name !== 'session_create')) say('allowed');
      else if (allowed && status === 403 && !(operation.stepUp && JSON.parse(text).code === 'step_up')) say('allowed');
      else if (status >= 500) say('never');
      if (status !== 204 && /^application\/(problem\+)?json/.test(answer.headers.get('content-type') ?? '')) {
        let read;
        try { read = JSON.parse(text); } catch { bad.push(`${operation.name}: no JSON: ${text.slice(0, 100)}`); continue; }
        const error = wrong(operation, status, read);
        if (error) bad.push(error);
      }
    }
    assert.deepEqual(bad, []);
    rig.sessions.delete(user); // it stepped up: the cookie that is known here is good for some seconds only
  });
}

test('SEC-01 every operation has a role and a scope, and a handler', async () => {
  const lead = await rig.api('lead');
  for (const operation of operations) assert.ok(operation.role && operation.scope, operation.name);
  assert.equal((await lead.get('/nothing-here')).status, 404);
  assert.equal((await lead.call('DELETE', '/alerts/' + encodeURIComponent(ids.alert))).status, 405, 'alerts are never deleted');
  assert.equal(operations.some((o) => o.method === 'DELETE' && /alerts|groups|audit|suppressions/.test(o.path)), false);
});

test('SEC-02 an id of another body is 404, word for word as one that does not exist', async () => {
  const officer = await rig.api('other');
  for (const operation of operations.filter((o) => o.method === 'GET' && /\{(id|code)\}/.test(o.path) && o.scope === 'orgs')) {
    const there = await officer.get(filled(operation.path, foreign));
    const nowhere = await officer.get(operation.path.replace(/\{\w+\}/, operation.path.startsWith('/alerts') ? 'egress-1:ffffffffffffffff' : 'ffffffffffffffff'));
    assert.equal(there.status, 404, operation.name);
    assert.equal(there.text, nowhere.text, operation.name);
  }
  const acted = await (await rig.api('lead')).post('/groups/actions', { action: 'comment', ids: ['ffffffffffffffff'], comment: 'x' });
  assert.equal(acted.status, 200, acted.text);
  assert.deepEqual(acted.body.failed, [{ id: 'ffffffffffffffff', code: 'not_found' }].map((f) => ({ ...f, ...('current' in (acted.body.failed[0] ?? {}) && { current: null }) })));
});

test('SEC-02 no route tells an officer of another body', async () => {
  const officer = await rig.api('other');
  const own = /"100\.64\.(?:1[6-9]|2\d|3[01])\./; // 100.64.16.0/20
  const inside = /\b100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.\d+/g;
  const seen = [];
  for (const operation of operations.filter((o) => o.method === 'GET' && may(o, 'org_viewer', 'kirisegoe') && o.name !== 'stream')) {
    const answer = await officer.get(filled(operation.path, ids) + (QUERY[operation.name] ?? (operation.parameters.some((p) => p.$ref?.endsWith('/Range')) ? '?range=30d' : '')));
    for (const [address] of answer.text.matchAll(inside)) if (!own.test('"' + address)) seen.push(`${operation.name}: ${address}`);
    for (const row of answer.body?.rows ?? [])
      if (row.orgs && !row.orgs.includes('kirisegoe') && row.org?.code !== 'kirisegoe') seen.push(`${operation.name}: a row of ${row.org?.code}`);
  }
  assert.deepEqual([...new Set(seen)], []);
  const total = (await officer.get('/alerts?range=30d')).body.total, whole = (await (await rig.api('lead')).get('/alerts?range=30d')).body.total;
  assert.ok(total > 0 && total < whole, `${total} of ${whole}`);
});

test('SEC-02 nobody writes to an officer what he may not know', async () => {
  const lead = await rig.api('lead'), officer = await rig.api('other');
  // one of his alerts, with a machine of the other body at its other end, on top of it
  const { eve, entry } = (await lead.get('/alerts/' + encodeURIComponent(ids.alert))).body;
  const theirs = foreign.ip, id = 'abcdef0123456789';
  assert.ok(entry && theirs !== ids.ip, 'two machines');
  const line = structuredClone(eve);
  Object.assign(line, { src_ip: theirs, src_port: 4444, dest_ip: ids.ip, timestamp: line.alert.context.last_seen ?? line.timestamp });
  Object.assign(line.alert.context, { id, state: 'open', mode: 'alert', target: ids.ip, campaign: undefined });
  rig.redis.cli('xadd', 'yagura:egress-9:alerts', '*', 'eve', JSON.stringify(line));
  const where = '/alerts/' + encodeURIComponent('egress-9:' + id);
  await until(async () => (await officer.get(where)).status === 200, 5000, 'the alert is not there');
  assert.ok((await lead.get(where)).text.includes(theirs), 'who sees all reads it');
  const { group } = (await officer.get(where)).body;
  for (const action of [{ action: 'comment', comment: `from ${theirs}` }, { action: 'archive', verdict: 'benign', reason: `it was ${theirs}` }])
    assert.equal((await lead.post('/groups/actions', { ids: [group.id], ...action })).body.succeeded, 1);
  const view = async (name, query) => assert.equal((await lead.post('/views', { name, page: 'alerts', query, shared: 'all' })).status, 201);
  await view('theirs', 'q=' + encodeURIComponent(`ip:${theirs}`));
  await view('of ' + theirs, 'q=a');
  await view('wide', 'q=' + encodeURIComponent([...theirs].map((c) => (c === '.' ? '．' : String.fromCodePoint(c.codePointAt(0) + 0xfee0))).join('')));
  await view('harmless', 'q=' + encodeURIComponent('ip:203.0.113.9'));
  for (const what of [where, where + '/handover', where + '/related', where + '/flows', '/groups/' + group.id, '/groups?range=all&state=all&q=id:' + group.id, '/views', '/suppressions'])
    for (const who of [officer, ...(what.endsWith('handover') ? [lead] : [])]) { // a sheet is for the officer, whoever asks for it
      const answer = await who.get(what);
      assert.equal(answer.status, 200, what);
      assert.ok(!answer.text.includes(theirs), `${what}: ${answer.text.slice(Math.max(0, answer.text.indexOf(theirs) - 300), answer.text.indexOf(theirs) + 40)}`);
    }
  assert.deepEqual((await officer.get('/views')).body.rows.filter((row) => row.owner === 'lead' && row.name !== 'n').map((row) => row.name), ['harmless']);
  assert.equal((await officer.get('/alerts?range=all&q=port:4444')).body.total, 0, 'nor by its port');
  assert.match((await officer.get(where + '/handover')).body.text_ja, /4\. 相手先\n {3}\S/);
});

test('SEC-02 neither does the stream', async () => {
  const officer = await rig.api('other');
  const control = new AbortController();
  const answer = await fetch(rig.origin + '/api/v1/stream?topics=alerts,groups', { headers: { cookie: officer.cookie }, signal: control.signal });
  const live = rig.live({ rate: 200, seconds: 3 });
  let text = '';
  setTimeout(() => control.abort(), 5000);
  try { for await (const piece of answer.body) text += Buffer.from(piece).toString(); } catch { /* ended by us */ }
  await live.ended;
  const rows = [...text.matchAll(/^data: (\{.*\})$/gm)].flatMap((m) => JSON.parse(m[1]).rows ?? []);
  assert.ok(rows.length > 0, 'something of his own came');
  for (const row of rows) assert.ok(row.org?.code === 'kirisegoe' || row.orgs.includes('kirisegoe'), JSON.stringify(row).slice(0, 300));
  for (const [address] of text.matchAll(/\b100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.\d+/g)) assert.match('"' + address, /"100\.64\.(?:1[6-9]|2\d|3[01])\./);
});

test('the rows of the matrix are those of the file', () => assert.equal(operations.length, Object.values(api.paths).reduce((n, p) => n + Object.keys(p).length, 0)));

test('no key of the file is a word that YAML takes for true or false', () => {
  const words = JSON.stringify(api);
  assert.doesNotMatch(words, /"(true|false)":|"required":\[[^\]]*\b(true|false)\b[^"\]]*\]/);
});

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// SEC-02: what an officer can find out without being told. By trying: an id that is a hash of addresses of which he knows all but one. By
// counting: numbers that grow with what happens to others. By waiting: answers that change when something happens to others.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { build, freePort, need, root, sleep, start, until } from './rig.mjs';
import { operations } from './contract.mjs';

need('redis', 'web');
const PYTHON = '/usr/bin/python3';
let rig, lead, officer, own, theirs, foreign, plain;

/** Answers of tests/replay/try_ids.py, which knows how a sensor makes ids. */
function tryIds(questions, key) {
  const said = execFileSync(PYTHON, [path.join(root, 'tests/replay/try_ids.py'), ...(key ? [key] : [])], { encoding: 'utf8', input: questions.map((q) => JSON.stringify(q) + '\n').join('') });
  return said.trim().split('\n').map((line) => JSON.parse(line));
}

/** The id that a sensor gives: with the key that everybody knows, or a site's. */
function madeId(line, key) {
  const code = `import json,sys
sys.path.insert(0, sys.argv[1])
import try_ids as t
q = json.load(sys.stdin)
key = t.read_key(sys.argv[2]) if len(sys.argv) > 2 else t.KNOWN
print("%016x" % t.siphash13(key, t.identity(q["kind"], q["vector"], q["target"], 32, t.PROTOS[q["proto"]], q["port"], None, t.minute_of(q["first_seen"]))))`;
  const { context } = line.alert;
  return execFileSync(PYTHON, ['-c', code, path.join(root, 'tests/replay'), ...(key ? [key] : [])], { encoding: 'utf8', input: JSON.stringify(
    { kind: context.kind, vector: context.vector, target: context.target, proto: line.proto, port: line.dest_port, first_seen: context.first_seen }) }).trim();
}

/** The number of a group as Redis has it, and as it was shown before ids of groups had a key: written here from its description. */
function oldGroups(org, kind, pairs) {
  const code = `import hashlib,ipaddress,json,sys
q = json.load(sys.stdin)
def end(a): return ipaddress.ip_address(a).packed.ljust(16, b"\\0") if a else bytes(16)
for s, t in q["pairs"]:
  key = q["org"].encode() + b"\\0" + q["kind"].encode() + b"\\0" + bytes([4 if s else 0]) + end(s) + bytes([4, 32]) + end(t)
  print(hashlib.blake2b(key, digest_size=16).hexdigest()[:16])`;
  return execFileSync(PYTHON, ['-c', code], { encoding: 'utf8', input: JSON.stringify({ org, kind, pairs }) }).trim().split('\n');
}

/** An attack out of one's own network on a machine of the other body, for both to see. */
function line(seen, change = {}) {
  const made = structuredClone(plain);
  Object.assign(made, { src_ip: own, src_port: 40001, dest_ip: theirs, dest_port: 4444, proto: 'TCP', timestamp: seen });
  Object.assign(made.alert.context, { kind: 'scan.port', state: 'open', mode: 'alert', target: theirs, vector: 'vertical', first_seen: seen, last_seen: seen,
    orgs: ['kirisegoe', 'shiosegoe'], run: 3, sequence: 41, campaign: undefined, affected: undefined, ...change });
  made.alert.context.org = { ...made.alert.context.org, code: 'kirisegoe' };
  return made;
}

const deliver = (sensor, made) => rig.redis.cli('xadd', `yagura:${sensor}:alerts`, '*', 'eve', JSON.stringify(made));
/** "2026-11-22T17:00:00.000000+0900" */
const stamp = (ms) => new Date(ms + 9 * 3600000).toISOString().replace('Z', '000+0900');
const idOf = (sensor, made) => `${sensor}:${made.alert.context.id}`;
const network = () => theirs.replace(/\d+$/, '0/24');
const neighbours = () => [...Array(256).keys()].map((i) => theirs.replace(/\d+$/, i));

before(async () => {
  rig = await start();
  lead = await rig.api('lead');
  officer = await rig.api('other');
  const first = async (code) => (await lead.get(`/groups?range=30d&state=all&limit=50&q=org:${code} kind:scan.port`)).body.rows;
  const mine = (await first('kirisegoe'))[0], other = (await first('shiosegoe'))[0];
  plain = (await lead.get('/alerts/' + encodeURIComponent(mine.latest))).body.eve;
  assert.ok(plain);
  own = '100.64.16.77';
  foreign = other;
  theirs = [other.target.ip, other.source.ip].map((ip) => ip?.split('/')[0]).find((ip) => ip && /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(ip));
  assert.ok(theirs && !theirs.startsWith('100.64.16.'), theirs);
});
after(() => rig?.stop());

const where = (sensor, made) => '/alerts/' + encodeURIComponent(idOf(sensor, made));
const told = async (sensor, made) => { await until(async () => (await officer.get(where(sensor, made))).status === 200, 5000, 'the alert is not there'); return (await officer.get(where(sensor, made))).body; };

test('SEC-02 who reads an id cannot try out whose address it is', async () => {
  const key = path.join(rig.folder, 'site.key');
  fs.writeFileSync(key, randomBytes(16), { mode: 0o600 });
  const made = { old: line(stamp(Date.now() - 120000)), new: line(stamp(Date.now() - 60000)) };
  made.old.alert.context.id = madeId(made.old);
  made.new.alert.context.id = madeId(made.new, key);
  const questions = [];
  for (const [name, one] of Object.entries(made)) {
    deliver('egress-8', one);
    const { alert, eve, group } = await told('egress-8', one);
    assert.ok(!JSON.stringify({ alert, eve, group }).includes(theirs), `${name}: the view is masked`);
    const { context } = eve.alert;
    questions.push({ id: context.id, kind: context.kind, vectors: [context.vector, ''], first_seen: context.first_seen, protos: [eve.proto, 0],
      ports: [...new Set([eve.dest_port ?? 4444, 4444, 0])], sources: [eve.src_ip], network: network() });
  }
  assert.deepEqual(tryIds(questions), [theirs, null], 'an id without a key gives the address away, one with a key does not');
  assert.deepEqual(tryIds(questions, key), [null, theirs], 'the attack itself is right: with the key it would find it');
});

test('SEC-02 nor whose group it is', async () => {
  const made = line(stamp(Date.now() - 30000), { id: randomBytes(8).toString('hex') });
  deliver('egress-8', made);
  const { alert, group } = await told('egress-8', made);
  assert.equal((await lead.post('/groups/actions', { ids: [group.id], action: 'comment', comment: 'seen' })).body.succeeded, 1);
  const tried = neighbours().flatMap((target) => [[own, target], [null, target]]);
  const numbers = oldGroups('kirisegoe', 'scan.port', tried);
  const inRedis = new Set(rig.redis.cli('hkeys', 'yagura:web:groups').trim().split('\n'));
  const found = tried.filter((_, i) => inRedis.has(numbers[i])).map(([, target]) => target);
  assert.deepEqual(found, [theirs], 'the attack is right: it finds the number in Redis, which was the id');
  assert.equal(alert.group, group.id);
  assert.ok(!numbers.includes(group.id));
  for (const number of numbers) assert.notEqual(group.id, number);
  const answers = [];
  for (const route of operations.filter((o) => o.method === 'GET' && o.role === 'viewer' && o.scope !== 'global' && o.name !== 'stream')) {
    const paged = route.parameters.some((p) => p.$ref?.endsWith('/Cursor')) ? '&limit=1' : '';
    const ranged = route.parameters.some((p) => p.$ref?.endsWith('/Range')) ? '?range=30d' + paged : '';
    answers.push((await officer.get(route.path.replace('{id}', route.path.startsWith('/groups') ? group.id : encodeURIComponent(alert.id)).replace('{code}', 'kirisegoe').replace('{ip}', own) + ranged)).text);
  }
  answers.push((await officer.get('/groups?range=all&state=all&limit=1')).text, (await officer.get(`/groups?range=all&state=all&limit=1&q=id:${group.id}`)).text);
  const text = answers.join('\n');
  assert.ok(text.includes(group.id));
  assert.deepEqual([...inRedis].filter((number) => text.includes(number)), [], 'no answer has a number of Redis in it, nor a cursor');
  for (const number of numbers) assert.equal((await officer.get('/groups/' + number)).status === 200, false);
}, { timeout: 120000 });

test('what people did before ids of groups had a key is found after', async () => {
  // as yagura-web wrote it then; the number is that of test_index.c, made with b2sum
  const number = '7fee558fa030a0e3', [mine] = oldGroups('kirisasa', 'dos.udp_flood', [[null, '192.0.2.14']]);
  assert.equal(mine, number);
  await rig.killWeb();
  rig.redis.cli('hset', 'yagura:web:groups', number, JSON.stringify({ state: 'archived', verdict: 'drill', reason: 'the exercise of May', version: 2, change: 16777217,
    changed_ns: 1780000000000000000, changed_by: 'lead', acknowledged_ns: 1780000000000000000, archived_ns: 1780000000000000000 }));
  for (const [version, action] of [[1, 'acknowledge'], [2, 'archive']])
    rig.redis.cli('xadd', `yagura:web:history:${number}`, '*', 'event', JSON.stringify({ at_ms: 1780000000000, actor: 'lead', action, version, bulk: version === 2 ? 57 : undefined }));
  rig.redis.cli('del', 'yagura:web:secret'); // it knew of none
  const made = line(stamp(1779990000000), { id: 'abcdefabcdef0123', kind: 'dos.udp_flood', target: '192.0.2.14', severity: 'low' });
  Object.assign(made, { src_ip: '0.0.0.0', dest_ip: '192.0.2.14' });
  made.alert.context.org.code = 'kirisasa';
  deliver('egress-8', made);
  await rig.startWeb();
  const { group, history } = await until(async () => { const { body } = await lead.get(where('egress-8', made)); return body.group && body; });
  assert.equal(group.state, 'archived');
  assert.equal(group.verdict, 'drill');
  assert.equal(group.reason, 'the exercise of May');
  assert.deepEqual(history.map((event) => event.action), ['acknowledge', 'archive']);
  assert.notEqual(group.id, number);
  assert.equal((await lead.get('/groups/' + number)).status, 404);
  assert.equal((await lead.post('/groups/actions', { ids: [group.id], action: 'reopen' })).body.succeeded, 1);
  assert.match(rig.redis.cli('hget', 'yagura:web:groups', number), /"version":3/, 'and what is done goes on there');
});

test('an id of a group is the same after a restart, in another process, and when Redis has lost or broken the secret', async () => {
  const ids = async (api = lead) => (await api.get('/groups?range=all&state=all&limit=100')).body.rows.map((row) => row.id);
  const before = await ids();
  assert.match(rig.redis.cli('get', 'yagura:web:secret').trim(), /^[0-9a-f]{64}$/);
  await rig.killWeb();
  await rig.startWeb();
  assert.deepEqual(await ids(), before);
  const state = path.join(rig.folder, 'state-2'), port = await freePort();
  fs.mkdirSync(state, { mode: 0o700 });
  const options = rig.common.map((word) => (word === rig.state ? state : word));
  const second = spawn(path.join(build, 'yagura-web'), [...options, '--listen', `127.0.0.1:${port}`], { stdio: 'ignore' });
  try {
    const origin = `http://127.0.0.1:${port}`;
    await until(async () => (await fetch(origin + '/readyz').catch(() => null))?.ok, 20000);
    const answer = await fetch(origin + '/api/v1/groups?range=all&state=all&limit=100', { headers: { cookie: lead.cookie, 'sec-fetch-site': 'same-origin' } });
    assert.deepEqual((await answer.json()).rows.map((row) => row.id), before);
  } finally { second.kill('SIGKILL'); }
  for (const wrong of ['', 'x'.repeat(64), 'ab'.repeat(31)]) {
    if (wrong) rig.redis.cli('set', 'yagura:web:secret', wrong);
    else rig.redis.cli('del', 'yagura:web:secret');
    rig.redis.cli('client', 'kill', 'type', 'normal'); // who comes back reads anew
    await until(() => /^[0-9a-f]{64}$/.test(rig.redis.cli('get', 'yagura:web:secret').trim()) && rig.redis.cli('get', 'yagura:web:secret').trim() !== wrong, 10000);
    await until(async () => (await fetch(rig.origin + '/readyz')).ok);
    assert.deepEqual(await ids(), before, `after '${wrong.slice(0, 3)}'`);
  }
});

test('SEC-02 no number that he is given counts what others have', async () => {
  const made = line(stamp(Date.now() - 10000), { id: randomBytes(8).toString('hex') });
  deliver('egress-8', made);
  const { eve, entry, group } = await told('egress-8', made);
  assert.equal(entry, null);
  assert.ok(!('sequence' in eve.alert.context) && !('run' in eve.alert.context), Object.keys(eve.alert.context).join());
  const whole = (await lead.get(where('egress-8', made))).body;
  assert.match(whole.entry, /^\d+-\d+$/);
  assert.equal(whole.eve.alert.context.sequence, 41, 'who sees all has it');
  assert.equal((await lead.post('/groups/actions', { ids: [group.id, foreign.id], action: 'acknowledge' })).body.succeeded >= 1, true);
  assert.ok((await officer.get('/groups/' + group.id)).body.history.length > 0);
  for (const event of (await officer.get('/groups/' + group.id)).body.history) assert.equal(event.bulk, undefined);
  const place = async (api) => /^id: (.*)$/m.exec((await api.get('/stream?poll=1&topics=health')).text)[1];
  assert.match(await place(lead), /egress-1=\d+-\d+.*;c=\d+$/);
  const places = [await place(officer), await place(officer)];
  rig.redis.cli('xadd', 'yagura:egress-1:alerts', '99999999-18446744073709551615', 'eve', JSON.stringify(line(stamp(Date.now()), { id: 'fedcba9876543210', orgs: ['shiosegoe'] })));
  await sleep(500);
  places.push(await place(officer));
  for (const one of places) assert.match(one, /^[\w-]{60,}$/);
  assert.equal(new Set(places).size, 3, 'each another one');
  assert.equal(new Set(places.map((one) => one.length)).size, 1, 'of one length, whatever happened');
  assert.doesNotMatch((await officer.get('/stream?poll=1&since=' + places[2])).text, /event: reset/);
  const changed = (places[2][9] === 'A' ? 'B' : 'A');
  for (const bad of [places[2].slice(0, 9) + changed + places[2].slice(10), await place(lead), places[2].slice(0, -4), 'A'.repeat(4000)])
    assert.match((await officer.get('/stream?poll=1&since=' + encodeURIComponent(bad))).text, /event: reset/, bad.slice(0, 20));
  assert.match((await lead.get('/stream?poll=1&since=' + places[2])).text, /event: reset/, 'his place is nobody else\'s');
});

// What moves by itself: when something was asked and for how long something has been, his own session, and that no sensor says a word here.
const MOVES = /^(used_ms|start_ms|from_ms|to_ms|now_ms)$/;
const moves = (key, of) => MOVES.test(key) || ('reasons' in of && (key === 'state' || key === 'reasons'));
const still = (value) => (Array.isArray(value) ? value.map(still) : value && typeof value === 'object'
  ? Object.fromEntries(Object.entries(value).filter(([key]) => !moves(key, value)).map(([key, one]) => [key, still(one)])) : value);

test('SEC-02 what happens to others changes nothing of what he is told', async () => {
  const { rows } = (await officer.get('/groups?range=30d&state=all&limit=1')).body;
  const collect = async () => {
    const answers = {};
    for (const o of operations.filter((one) => one.method === 'GET' && one.role === 'viewer' && one.scope !== 'global' && one.name !== 'stream')) {
      const query = o.name === 'timeseries' ? '?metric=bits&range=7d' : o.name === 'top' ? '?dim=body&range=7d' : o.name === 'export' ? '?format=jsonl&q=kind:scan.port' :
        o.parameters.some((p) => p.$ref?.endsWith('/Range')) ? '?range=30d' : '';
      const answer = await officer.get(o.path.replace('{id}', o.path.startsWith('/groups') ? rows[0].id : encodeURIComponent(rows[0].latest)).replace('{code}', 'kirisegoe').replace('{ip}', own) + query);
      assert.equal(answer.status === 200 || ['campaign'].includes(o.name), true, `${o.name}: ${answer.status} ${answer.text.slice(0, 200)}`);
      answers[o.name] = { status: answer.status, length: answer.headers.get('x-total') ?? '', body: typeof answer.body === 'string' ? answer.body : still(answer.body) };
    }
    return answers;
  };
  const quiet = [await collect()]; // metrics are read backwards for a while after the start
  await until(async () => { quiet.unshift(await collect()); return JSON.stringify(quiet[0]) === JSON.stringify(quiet[1]); }, 30000, 'something moves by itself');
  const target = foreign.target.ip && !foreign.target.ip.includes('/') ? foreign.target.ip : theirs;
  const others = async () => (await lead.get('/alerts?range=all&q=org:shiosegoe')).body.total, before = await others();
  for (let i = 0; i < 60; i++) {
    const made = line(stamp(Date.now()), { id: randomBytes(8).toString('hex'), orgs: ['shiosegoe'], severity: 'critical', kind: i % 2 ? 'dos.syn_flood' : 'scan.port', sequence: 100 + i });
    Object.assign(made, { src_ip: `203.0.113.${i}`, dest_ip: target });
    made.alert.context.target = target;
    made.alert.context.org.code = 'shiosegoe';
    deliver('egress-1', made);
  }
  const flow = JSON.parse(rig.redis.cli('xrevrange', 'yagura:egress-1:flows', '+', '-', 'count', '1').trim().split('\n').at(-1));
  for (let i = 0; i < 30; i++)
    rig.redis.cli('xadd', 'yagura:egress-1:flows', '*', 'eve', JSON.stringify({ ...flow, src_ip: target, dest_ip: `203.0.113.${i}`, src_port: 1000 + i, timestamp: stamp(Date.now()) }));
  await until(async () => await others() >= 60 + before, 5000, 'they did not come');
  const shared = new Set((await officer.get('/groups?range=all&state=all&limit=500')).body.rows.map((row) => row.id));
  const groups = (await lead.get('/groups?range=30d&state=all&limit=100&q=org:shiosegoe')).body.rows.map((row) => row.id)
    .filter((id) => !shared.has(id)); // some have alerts that name both
  assert.ok((await lead.post('/groups/actions', { ids: groups, action: 'comment', comment: 'busy' })).body.succeeded > 10);
  assert.deepEqual(await collect(), quiet[0]);
  const frames = (await officer.get('/stream?poll=1')).text;
  assert.doesNotMatch(frames, /event: (alerts|groups)/);
});

test('SEC-02 no question that he can ask is answered otherwise when it hits what is hidden', async () => {
  const made = line(stamp(Date.now() - 5000), { id: randomBytes(8).toString('hex') });
  Object.assign(made, { flow_id: 1234567890123, community_id: '1:hiddenhiddenhiddenhidden=' });
  deliver('egress-8', made);
  const { alert } = await told('egress-8', made);
  const reversed = theirs.split('.').reverse().join('.') + '.in-addr.arpa', dashed = theirs.replaceAll('.', '-');
  const [number] = oldGroups('kirisegoe', 'scan.port', [[own, theirs]]);
  const truths = [theirs, network(), theirs + '/32', theirs + '/20', `::ffff:${theirs}`, reversed, `host-${dashed}`, '4444', made.community_id, String(made.flow_id), number, number.slice(0, 6) + '*'];
  const lies = truths.map((one) => one.replaceAll(theirs, '100.99.98.97').replaceAll(reversed, '97.98.99.100.in-addr.arpa').replaceAll(dashed, '100-99-98-97')
    .replace(/^4444$/, '4445').replace('hidden', 'nidden').replace(/^12345/, '12346').replaceAll(number.slice(0, 6), number[0] === 'a' ? 'b12345' : 'a12345').replace(network(), '100.99.98.0/24'));
  const of = { at: `id:${alert.id} ` };
  const bad = [];
  let hits = 0;
  for (const field of ['', 'ip:', 'src:', 'dst:', 'port:', 'id:', 'app:', 'sensor:', 'org:', 'assignee:', 'vector:'])
    for (const [i, truth] of truths.entries()) {
      const ask = async (who, value) => { const { status, body } = await who.get(`/alerts?range=all&q=${encodeURIComponent(of.at + field + (/[:=]/.test(value) ? `"${value}"` : value))}`); return JSON.stringify([status, body.total ?? body.code]); };
      const [one, other] = [await ask(officer, truth), await ask(officer, lies[i])];
      if (one !== other) bad.push(`${field}${truth}: ${one}, ${lies[i]}: ${other}`);
      hits += await ask(lead, truth) !== await ask(lead, lies[i]);
    }
  assert.deepEqual(bad, []);
  assert.ok(hits >= 8, `who sees all is answered otherwise ${hits} times, so the questions are right`);
  const unused = theirs.replace(/\d+$/, theirs.endsWith('.251') ? '250' : '251');
  const pairs = [[`/hosts/${theirs}`, `/hosts/${unused}`], ['/timeseries?metric=bits&range=7d&org=shiosegoe', '/timeseries?metric=bits&range=7d&org=nowhere'], ['/bodies/shiosegoe', '/bodies/nowhere'],
    ['/groups/' + foreign.id, '/groups/' + 'f'.repeat(16)], ['/groups/' + number, '/groups/' + 'f'.repeat(16)]];
  for (const [there, nowhere] of pairs) {
    const [a, b] = [await officer.get(there), await officer.get(nowhere)];
    const same = ({ status, text, headers }) => [status, text.replaceAll(theirs, 'X').replaceAll(unused, 'X').replaceAll('shiosegoe', 'X').replaceAll('nowhere', 'X'), ...[...headers].filter(([name]) => !['date', 'content-length'].includes(name)).flat()].join('\n');
    assert.equal(same(a), same(b), there);
  }
}, { timeout: 120000 });

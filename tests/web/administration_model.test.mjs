// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the pages of administration reckon with, without a browser: the state of a sensor that may be shown, and what can be a suppression.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { told } from '../../dashboards/web/app/pages/audit-model.js';
import * as form from '../../dashboards/web/app/pages/suppressions-form.js';
import * as model from '../../dashboards/web/app/pages/sensors-model.js';

const NOW = 1_800_000_000_000;
const row = (strip = {}, mirror = []) => ({ strip: { name: 's', state: 'sound', last_ms: NOW - 3000, ...strip }, mirror });

test('a sensor is sound only when the server says so, it was heard lately, and the page was answered lately', () => {
  assert.equal(model.stateOf(row(), NOW, NOW), 'sound');
  for (const state of ['degraded', 'blind', 'away']) assert.equal(model.stateOf(row({ state }), NOW, NOW), state);
  assert.equal(model.stateOf(row({ state: 'a word of a later server' }), NOW, NOW), 'away');
  assert.equal(model.stateOf(row({ last_ms: NOW - model.REPORT_MS }), NOW, NOW), 'sound');
  assert.equal(model.stateOf(row({ last_ms: NOW - model.REPORT_MS - 1 }), NOW, NOW), 'blind'); // it reports, and the last packet is old
  assert.equal(model.stateOf(row({ state: 'blind', last_ms: NOW - 3600000 }), NOW, NOW), 'blind');
  assert.equal(model.stateOf(row({ state: 'away', last_ms: NOW - 3600000 }), NOW, NOW), 'away');
  assert.equal(model.stateOf(row({ last_ms: null }), NOW, NOW), 'away');
  assert.equal(model.stateOf(row(), NOW + model.ANSWER_MS, NOW), 'sound');
  assert.equal(model.stateOf(row(), NOW + model.ANSWER_MS + 1, NOW), 'away');
});

test('never green when blind: an open alert of its own outweighs what the strip says', () => {
  const alert = (kind, state = 'open') => ({ kind, state });
  assert.equal(model.stateOf(row({}, [alert('sensor.silent')]), NOW, NOW), 'blind');
  assert.equal(model.stateOf(row({}, [alert('sensor.blind')]), NOW, NOW), 'blind');
  assert.equal(model.stateOf(row({}, [alert('sensor.mirror')]), NOW, NOW), 'degraded');
  assert.equal(model.stateOf(row({}, [alert('sensor.silent', 'closed')]), NOW, NOW), 'sound');
  assert.equal(model.stateOf(row({ state: 'away' }, [alert('sensor.mirror')]), NOW, NOW), 'away');
  assert.equal(model.worst(['sound', 'blind', 'degraded']), 'blind');
  assert.equal(model.worst([]), 'sound');
});

test('the health hash is read as numbers, ports and processes, and what is not told is not 0', () => {
  const health = { lost: '0', packets: '12', uptime_s: '-', 'port.10.name': 'eth10', 'port.2.link': 'down', 'port.2.missed': 'many', 'port.2.packets': '7', 'port.9999999.name': 'far',
    'process.engine.up': '1', 'process.dissector.0.up': '0', 'process.dissector.0.restarts': '3', 'process.courier.restarts': '1', 'spool.bytes': '5', 'spool.up': '1', time: String(NOW / 1000) };
  assert.equal(model.numberOf(health, 'lost'), 0);
  assert.equal(model.numberOf(health, 'uptime_s'), null);
  assert.equal(model.numberOf(health, 'not there'), null);
  assert.deepEqual(model.portsOf(health), [{ index: 2, name: '', link: 'down', packets: 7, missed: null }, { index: 10, name: 'eth10', link: 'unknown', packets: null, missed: null }]);
  assert.deepEqual(model.processesOf(health), [{ name: 'courier', up: null, restarts: 1 }, { name: 'dissector.0', up: false, restarts: 3 }, { name: 'engine', up: true, restarts: null }]);
  assert.deepEqual(model.pairsOf(health, 'spool'), [{ key: 'bytes', value: '5' }, { key: 'up', value: '1' }]);
});

test('a clock is off when it is ahead, or behind by more than the age that a report may have', () => {
  const at = (ms) => model.clockOf({ time: String((NOW + ms) / 1000) }, NOW);
  assert.equal(at(0), 0);
  assert.equal(at(-model.REPORT_MS), 0);
  assert.equal(at(-60000), -60000);
  assert.equal(at(5000), 5000);
  assert.equal(model.clockOf({}, NOW), null);
});

test('prefixes: what the server would take is taken, as typed on a Japanese keyboard too', () => {
  const good = { '': '', '192.0.2.10': '192.0.2.10', '192.0.2.0/24': '192.0.2.0/24', '１９２．０．２．１０': '192.0.2.10', ' 10.0.0.0/8 ': '10.0.0.0/8', '2001:DB8::/32': '2001:db8::/32',
    '::': '::', '::1': '::1', '2001:db8:0:0:0:0:0:1': '2001:db8:0:0:0:0:0:1', '::ffff:192.0.2.1': '::ffff:192.0.2.1', '192.0.2.1/32': '192.0.2.1/32', '128.0.0.0/1': '128.0.0.0/1',
    '192.0.2.128/25': '192.0.2.128/25', '2001:db8:8000::/33': '2001:db8:8000::/33', '::1/128': '::1/128', '8000::/1': '8000::/1' };
  for (const [typed, sent] of Object.entries(good)) assert.equal(form.prefix(typed), sent, typed);
  for (const typed of ['192.0.2', '192.0.2.256', '192.0.2.1/33', '192.0.2.01', '2001:db8::/129', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '::ffff:192.0.2.256', 'example.jp', '10.0.0.0/', '/8', '10.0.0.0/-1', ':::', 'g::', '0.0.0.0/0', '::/0', '192.0.2.1/24', '192.0.2.128/24',
    '10.128.0.0/8', '2001:db8:8000::/32', '::1/127', 'c000::/1'])
    assert.equal(form.prefix(typed), null, typed);
});

test('kinds: a name, a family with a star, or all', () => {
  assert.equal(form.kind(' '), '*', 'nothing is all, as in the files of the sensor');
  for (const typed of ['dos.udp_flood', 'dos.*', '*', 'beacon', ' SCAN.PORT ', 'ｄｏｓ.*']) assert.notEqual(form.kind(typed), null, typed);
  for (const typed of ['dos.', '.dos', 'dos*', '*.dos', 'dos.* or', `${'a'.repeat(64)}`, '<b>']) assert.equal(form.kind(typed), null, typed);
});

test('a suppression needs reason, expiry within 90 days, and something that narrows it', () => {
  const typed = { kind: 'scan.port', org: 'kirisasa', source: '', target: '', port: '', reason: '診断', expires: NOW + 86400000 };
  const errors = (patch, all = true) => form.check({ ...typed, ...patch }, NOW, all).errors;
  assert.deepEqual(errors({}), {});
  assert.deepEqual(form.check(typed, NOW, true).body, { kind: 'scan.port', org: 'kirisasa', source: null, target: null, port: null, reason: '診断', expires_ms: typed.expires });
  assert.deepEqual(errors({ reason: '  ' }), { reason: 'need_reason' });
  assert.deepEqual(errors({ reason: '理'.repeat(53) }), {});
  assert.deepEqual(errors({ reason: '理'.repeat(54) }), { reason: 'long_reason' });
  assert.deepEqual(errors({ expires: NOW }), { expires: 'need_expiry' });
  assert.deepEqual(errors({ expires: NaN }), { expires: 'need_expiry' });
  assert.deepEqual(errors({ expires: NOW + 90 * 86400000 }), {});
  assert.deepEqual(errors({ expires: NOW + 90 * 86400000 + 1 }), { expires: 'need_expiry' });
  assert.deepEqual(errors({ org: '' }, false), { org: 'wide' });
  assert.deepEqual(errors({ org: '', kind: '*' }), { kind: 'wide' });
  assert.deepEqual(errors({ org: '', kind: '*', target: '192.0.2.1' }), {});
  assert.deepEqual(errors({ org: '', kind: '', port: '53' }), {}, 'a port alone narrows it, as it does for the sensor');
  assert.deepEqual(errors({ org: '', kind: '', port: '0' }), { port: 'bad_port' });
  for (const port of ['0', '65536', '80-90', '-1', '8o']) assert.deepEqual(errors({ port }), { port: 'bad_port' }, port);
  assert.equal(form.check({ ...typed, port: '４４３' }, NOW, true).body.port, 443);
});

test('what a suppression is now, and what is left of it', () => {
  const of = (patch) => form.statusOf({ expires_ms: NOW + 1, ended_ms: null, expiring: false, ...patch }, NOW);
  assert.deepEqual([of({}), of({ expiring: true }), of({ expires_ms: NOW }), of({ ended_ms: NOW - 1, expiring: true })], ['on', 'expiring', 'expired', 'ended']);
  assert.deepEqual(form.left(NOW + 2.5 * 86400000, NOW), { key: 'left', n: 2 });
  assert.deepEqual(form.left(NOW + 86400000 - 1, NOW), { key: 'left_hours', n: 23 });
  assert.deepEqual(form.left(NOW - 1, NOW), { key: 'left_hours', n: 0 });
});

// What the server writes, as it writes it: the formats of its sources, each with a record made by it and what is said of it.
const AUDITED = {
  '%s, %u alerts: %.512s': [['csv, 12 alerts: sev:>=high "a: b"', 'CSV|alerts 12|query sev:>=high "a: b"'], ['jsonl, 0 alerts: ', 'JSONL|alerts 0|query_none']],
  'alert %s': [['alert a-01/2', 'alert a-01/2']],
  '%s%s%s: %u of %u groups%s%s': [['archive, false_positive: 39 of 39 groups', 'act_archive|verdict <誤検知>|groups 39 39'], ['assign: 3 of 12 groups, assignee sato', 'act_assign|groups_of 3 12|assignee sato'],
    ['undo: 1 of 1 groups', 'act_undo|groups 1 1']],
  '%s %s: kind %s, org %s, version %u: %s': [['made web-20261122-01cea84a: kind dos.*, org *, version 1: 理由: 二行\nで', 'made|kind dos.*|org_all|version 1|web-20261122-01cea84a|reason 理由: 二行\nで'],
    ['ended w-1: kind scan.port, org kirisegoe, version 3: x', 'ended|kind scan.port|org kirisegoe|version 3|w-1|reason x']],
  '%u suppressions as YAML': [['2 suppressions as YAML', 'YAML|suppressions 2']],
  'make %s: %s, %s%u%s': [['make sato: viewer, all bodies (0)', 'make sato|role <閲覧者>|bodies_all'], ['make kato: org_viewer, 2 bodies', 'make kato|role <団体閲覧者>|bodies 2']],
  'change %s%s%s%s%s%s%s%s': [['change sato, role viewer -> lead, scope 3 bodies, off, new password', 'change sato|role_change <閲覧者> <主任監視員>|bodies 3|off|password'],
    ['change sato, scope all bodies', 'change sato|bodies_all'], ['change sato, on', 'change sato|on'], ['change sato', 'change sato']],
  'end all other sessions': [['end all other sessions', 'sessions_other']],
  'end session %s': [['end session 01cea84a', 'session 01cea84a']],
  ', %u more within %d s': [['GET /api/v1/users, 3 more within 60 s', 'GET /api/v1/users|more 3 60']],
  'end the sessions of %s': [['end the sessions of sato', 'sessions sato']],
  '%llu records, %s': [['1234 records, whole', 'total 1234|whole'], ['5 records, is torn', 'total 5|broken']],
  '%llu records could not be written': [['3 records could not be written', 'unwritten 3']],
  '%lld bytes of a record that was not whole': [['17 bytes of a record that was not whole', 'torn 17']],
};

test('every record of the audit log that the server writes is said in words, and what has another shape is left as it stands', () => {
  const table = JSON.parse(fs.readFileSync(new URL('../../dashboards/web/app/i18n/more/audit.ja.json', import.meta.url), 'utf8'));
  const shell = JSON.parse(fs.readFileSync(new URL('../../dashboards/web/app/i18n/shell.ja.json', import.meta.url), 'utf8'));
  const words = { role: (name) => `<${shell[`role.${name}`]}>`, verdict: (name) => `<${shell[`verdict.${name}`]}>`, text: (key, values = {}) => {
    assert.ok(table[`audit.${key}`], `no text for audit.${key}`);
    for (const name of Object.keys(values)) if (key !== 'w_groups') assert.ok(table[`audit.${key}`].includes(`{${name}}`), `${key} does not say its ${name}`);
    return key === 'comma' ? '|' : [key.replace(/^w_/, ''), ...Object.values(values)].join(' ');
  } };
  for (const cases of Object.values(AUDITED)) for (const [what, said] of cases) assert.equal(told(what, words), said, what);
  for (const what of ['', null, undefined, 'GET /api/v1/users', 'forget: 3 of 3 groups', 'archive, unsure: 3 of 3 groups', 'make sato: viewer', 'a word of a later server']) assert.equal(told(what, words), null, String(what));
  // a format that is new in the sources is a record that a Japanese reader gets in English
  const folder = new URL('../../dashboards/web/server/', import.meta.url);
  const found = new Set();
  for (const name of fs.readdirSync(folder).filter((one) => one.endsWith('.c'))) {
    const source = fs.readFileSync(new URL(name, folder), 'utf8');
    for (const [, format] of source.matchAll(/web_request_audit\((?!struct )[^"]*?"([^"]+)"/g)) found.add(format);
    if (['audit.c', 'denied.c'].includes(name)) for (const [, format] of source.matchAll(/snprintf\(what[^"]*"([^"]+)"/g)) found.add(format);
  }
  found.delete('%s %s'); // a method and a path: the same in every language
  assert.deepEqual([...found].sort(), Object.keys(AUDITED).sort());
});

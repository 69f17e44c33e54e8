// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a record of the audit log says, in the reader's language. The file has one text, English, for it is hashed and forwarded as it
// stands; here it is taken apart again. What does not have a shape that is known (a newer server's, an older one's) is shown as it stands:
// nothing of a record may be lost on the way to its reader.
//
// Pure: the words come in, so that node tests it against what the server's sources write.

const ACTS = 'acknowledge|assign|escalate|archive|reopen|comment|undo';

/** [shape, parts of the sentence]; `w` has text(key, values), role(name), verdict(name). @type {Array<[RegExp, (w: any, found: any) => any[]]>} */
const SHAPES = [
  [new RegExp(`^(${ACTS})(?:, (threat|benign|false_positive|drill))?: (\\d+) of (\\d+) groups(?:, assignee (.*))?$`, 's'), (w, [, act, verdict, done, of, assignee]) => [
    w.text(`act_${act}`), verdict && w.text('w_verdict', { verdict: w.verdict(verdict) }), w.text(done === of ? 'w_groups' : 'w_groups_of', { n: Number(done), of: Number(of) }),
    assignee && w.text('w_assignee', { name: assignee })]],
  [/^(made|changed|ended) (\S+): kind (\S+), org (\S+), version (\d+): (.*)$/s, (w, [, how, id, kind, org, version, reason]) => [
    w.text(`w_${how}`), w.text('w_kind', { kind }), org === '*' ? w.text('w_org_all') : w.text('w_org', { org }), w.text('w_version', { n: Number(version) }), id, w.text('w_reason', { reason })]],
  [/^(csv|jsonl), (\d+) alerts: (.*)$/s, (w, [, format, n, query]) => [format.toUpperCase(), w.text('w_alerts', { n: Number(n) }), query ? w.text('w_query', { query }) : w.text('w_query_none')]],
  [/^(\d+) suppressions as YAML$/, (w, [, n]) => ['YAML', w.text('w_suppressions', { n: Number(n) })]],
  [/^alert (\S+)$/, (w, [, id]) => [w.text('w_alert', { id })]],
  [/^make (\S+): (\w+), (?:all bodies \(\d+\)|(\d+) bodies)$/, (w, [, name, role, n]) => [w.text('w_make', { name }), w.text('w_role', { role: w.role(role) }), scope(w, n)]],
  [/^change (\S+?)(?:, role (\w+) -> (\w+))?(?:, scope (all bodies|(\d+) bodies))?(?:, (off|on))?(, new password)?$/, (w, [, name, from, to, bodies, n, turned, password]) => [
    w.text('w_change', { name }), from && w.text('w_role_change', { from: w.role(from), to: w.role(to) }), bodies && scope(w, n), turned && w.text(`w_${turned}`), password && w.text('w_password')]],
  [/^end the sessions of (\S+)$/, (w, [, name]) => [w.text('w_sessions', { name })]],
  [/^end all other sessions$/, (w) => [w.text('w_sessions_other')]],
  [/^end session (\S+)$/, (w, [, id]) => [w.text('w_session', { id })]],
  [/^([A-Z]+ \/\S*), (\d+) more within (\d+) s$/, (w, [, route, n, s]) => [route, w.text('w_more', { n: Number(n), s: Number(s) })]],
  [/^(\d+) records, (whole|.+)$/, (w, [, n, how]) => [w.text('total', { n: Number(n) }), w.text(how === 'whole' ? 'w_whole' : 'w_broken')]],
  [/^(\d+) records could not be written$/, (w, [, n]) => [w.text('w_unwritten', { n: Number(n) })]],
  [/^(\d+) bytes of a record that was not whole$/, (w, [, n]) => [w.text('w_torn', { n: Number(n) })]],
];

const scope = (w, n) => (n === undefined ? w.text('w_bodies_all') : w.text('w_bodies', { n: Number(n) }));

/**
 * @param {string|null|undefined} what as it stands in the file
 * @param {{text: (key: string, values?: object) => string, role: (name: string) => string, verdict: (name: string) => string}} words
 * @returns {string|null} null: no shape that is known
 */
export function told(what, words) {
  for (const [shape, parts] of SHAPES) {
    const found = shape.exec(what ?? '');
    if (found) return parts(words, found).filter(Boolean).join(words.text('comma'));
  }
  return null;
}

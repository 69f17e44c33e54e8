// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The search grammar as far as the live tail needs it: the rows are here already, so they are looked at here. Fields whose value a row does
// not hold (state, assignee) are named, so that the page can say that the search page is where they are answered.

const SEVERITIES = ['info', 'low', 'medium', 'high', 'critical'];
const fold = (value) => String(value ?? '').normalize('NFKC').toLowerCase();
const TERM = /-?(?:[^\s":]+:)?(?:"[^"]*"?|[^\s"]+)/g;

const oneOf = (value, wanted) => wanted.split(',').some((one) => (one.endsWith('*') ? value.startsWith(one.slice(0, -1)) : value === one));

function severity(row, wanted) {
  const has = SEVERITIES.indexOf(row.severity);
  const at = (name) => SEVERITIES.indexOf(name);
  if (wanted.startsWith('>=')) return has >= at(wanted.slice(2)) && at(wanted.slice(2)) >= 0;
  if (wanted.startsWith('<=')) return has <= at(wanted.slice(2));
  return wanted.split(',').some((one) => at(one) === has);
}

// An address, or the beginning of one by whole groups ("203.0.113."); prefixes of other lengths are for the server.
const address = (end, wanted) => { const ip = fold(end?.ip); return ip !== '' && (ip === wanted || (wanted.endsWith('*') && ip.startsWith(wanted.slice(0, -1)))); };

const FIELDS = {
  sev: severity,
  org: (row, wanted) => !!row.org && (oneOf(fold(row.org.code), wanted) || [row.org.name_ja, row.org.name_en].some((name) => fold(name).includes(wanted))),
  kind: (row, wanted) => oneOf(fold(row.kind), wanted) || [row.kind_ja, row.kind_en].some((name) => fold(name).includes(wanted)),
  sensor: (row, wanted) => oneOf(fold(row.sensor), wanted),
  proto: (row, wanted) => oneOf(fold(row.proto), wanted),
  app: (row, wanted) => oneOf(fold(row.app), wanted),
  zone: (row, wanted) => oneOf(fold(row.zone), wanted),
  vector: (row, wanted) => oneOf(fold(row.vector), wanted),
  attck: (row, wanted) => fold(row.technique).startsWith(wanted),
  id: (row, wanted) => fold(row.id) === wanted || fold(row.id).endsWith(`:${wanted}`),
  ip: (row, wanted) => address(row.source, wanted) || address(row.target, wanted),
  src: (row, wanted) => address(row.source, wanted),
  dst: (row, wanted) => address(row.target, wanted),
  is: (row, wanted) => (wanted === 'open' || wanted === 'closed' ? row.state === wanted : wanted === 'shadow' && row.mode === 'shadow'),
};

const anywhere = (row, wanted) => [row.kind, row.kind_ja, row.kind_en, row.org?.name_ja, row.org?.name_en, row.org?.code, row.source?.ip, row.target?.ip, row.text_ja, row.text_en]
  .some((text) => fold(text).includes(wanted));

/** @param {string} query @returns {{finds: (row: object) => boolean, unknown: string[]}} unknown: fields that only the search page answers */
export function matcher(query) {
  const tests = [], unknown = [];
  for (const term of (query ?? '').normalize('NFKC').match(TERM) ?? []) {
    const negate = term.startsWith('-') && term.length > 1;
    const plain = negate ? term.slice(1) : term;
    const [, field, value] = /^@/.test(plain) ? [null, 'ip', plain.slice(1)] : /^([a-z]+):(.*)$/is.exec(plain) ?? [null, null, plain];
    const wanted = fold(value.replaceAll('"', ''));
    if (field !== null && !Object.hasOwn(FIELDS, field.toLowerCase())) {
      unknown.push(field);
      continue;
    }
    const test = field === null ? anywhere : FIELDS[field.toLowerCase()];
    tests.push((row) => test(row, wanted) !== negate);
  }
  return { finds: (row) => tests.every((test) => test(row)), unknown };
}

export const TAIL_ROWS = 2000;

/** One alert: what has its id and began when it did. */
export const keyOf = (row) => `${row.id} ${row.first_ms}`;

/** Newest first; an alert that is told again moves to the top with what is new about it. */
export function merge(rows, came, most = TAIL_ROWS) {
  const seen = new Set();
  const fresh = [];
  for (let i = came.length - 1; i >= 0; i--) {
    const key = keyOf(came[i]);
    if (!seen.has(key)) {
      seen.add(key);
      fresh.push(came[i]);
    }
  }
  return [...fresh, ...rows.filter((row) => !seen.has(keyOf(row)))].slice(0, most);
}

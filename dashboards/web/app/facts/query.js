// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Making of search terms and addresses of lists. Values come from the network, so each is quoted where the grammar wants it.

/** A value as the grammar takes it; quotes cannot be part of one. Commas and a star at the end have a meaning outside of quotes. */
export function quoted(value) {
  const plain = String(value).replace(/["\u0000-\u001f]/g, ' ').trim();
  return /[\s,]|\*$|^$/.test(plain) ? `"${plain}"` : plain;
}

/** field:value @param {string} field @param {string|number} value */
export function term(field, value) {
  return `${field}:${quoted(value)}`;
}

/** @param {string} query @param {string} more a term */
export function and(query, more) {
  const parts = (query ?? '').trim();
  return parts.split(/\s+/).includes(more) ? parts : `${parts} ${more}`.trim();
}

export const hostAddress = (ip) => `/hosts/${encodeURIComponent(ip)}`;
export const alertAddress = (id) => `/alerts/${encodeURIComponent(id)}`;
export const groupAddress = (id) => `/groups/${encodeURIComponent(id)}`;
export const bodyAddress = (code) => `/bodies/${encodeURIComponent(code)}`;

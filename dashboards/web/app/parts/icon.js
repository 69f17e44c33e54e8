// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Icons: strokes on a grid of 20. They stand beside words, so they are hidden from screen readers.
import { html } from '../core/dom.js';

const PATHS = {
  overview: 'M3 10l7-6 7 6M5 9v7h4v-4h2v4h4V9', inbox: 'M3 11l2.5-7h9L17 11v5H3zM3 11h4l1.500 2.500h3L13 11h4', search: 'M8.500 3a5.500 5.500 0 1 1 0 11 5.500 5.500 0 0 1 0-11M12.500 12.500L17 17',
  timeline: 'M3 5h6M7 10h8M5 15h9M3 3v14', tail: 'M3 5h14M3 9h10M3 13h14M3 17h6', traffic: 'M3 15l4-5 3 3 4-7 3 4M3 17h14', sensor: 'M10 10v7M7 17h6M10 10a1.200 1.200 0 1 0 0-.1M6.500 13a5 5 0 0 1 0-7M13.500 6a5 5 0 0 1 0 7M4 15.500a8.500 8.500 0 0 1 0-12M16 3.500a8.500 8.500 0 0 1 0 12',
  detector: 'M10 3l6 2.500V10c0 4-3 6-6 7-3-1-6-3-6-7V5.500zM7.500 10l2 2 3.500-4', suppress: 'M4 4l12 12M8 4.600A5 5 0 0 1 15 9v3l1.500 2M5 9v3l-1.500 2H13M8.500 17h3', audit: 'M5 3h8l3 3v11H5zM8 8h5M8 11h5M8 14h3', users: 'M8 9a3 3 0 1 0 0-6 3 3 0 0 0 0 6M2.500 16c0-3 2.500-5 5.500-5s5.500 2 5.500 5M13 3.500a3 3 0 0 1 0 5M15 11.500c1.600.8 2.500 2.500 2.500 4.500',
  settings: 'M3 6h8M15 6h2M13 4v4M3 14h2M9 14h8M7 12v4M3 10h5M12 10h5M10 8v4', help: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M7.800 8a2.200 2.200 0 1 1 3.200 2c-.7.4-1 .8-1 1.500M10 13.800v.4', user: 'M10 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6M4 17c0-3.300 2.700-5.500 6-5.500s6 2.200 6 5.500',
  sun: 'M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7M10 2v2M10 16v2M2 10h2M16 10h2M4.500 4.500l1.300 1.300M14.200 14.200l1.300 1.300M4.500 15.500l1.300-1.300M14.200 5.800l1.300-1.300', moon: 'M16 11.500A6.500 6.500 0 0 1 8.500 4a6.500 6.500 0 1 0 7.500 7.500z',
  sort: 'M3 5h13M3 10h9M3 15h5', system: 'M3 4h14v9H3zM7 17h6M10 13v4', close: 'M5 5l10 10M15 5L5 15', check: 'M4 10.500l4 4L16 6', up: 'M10 16V5M5 9.500L10 4.500l5 5', archive: 'M3 4h14v4H3zM4.500 8v8h11V8M8 11h4', comment: 'M3 4h14v9H9l-4 3.500V13H3z', more: 'M5 10h.01M10 10h.01M15 10h.01',
  copy: 'M7 7h9v10H7zM4 13V3h9', plus: 'M10 4v12M4 10h12', minus: 'M4 10h12', left: 'M12 4l-6 6 6 6', right: 'M8 4l6 6-6 6', down: 'M4 7.500l6 6 6-6', pause: 'M7 4v12M13 4v12', play: 'M6 4l10 6-10 6z', warn: 'M10 3l7.500 13.500h-15zM10 8v4M10 14.300v.2',
  filter: 'M3 4h14l-5.500 6.500V16l-3-1.500v-4z', external: 'M8 4H4v12h12v-4M11 4h5v5M16 4l-7 7', print: 'M6 7V3h8v4M6 14H3V7h14v7h-3M6 11.500h8V17H6z', download: 'M10 3v9M6 8.500l4 4 4-4M3 16.500h14', keyboard: 'M2 5h16v10H2zM5 8h.01M8 8h.01M11 8h.01M14 8h.01M6 12h8', clock: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M10 6v4l2.500 2',
  menu: 'M3 5h14M3 10h14M3 15h14', undo: 'M7 4L3 8l4 4M3 8h8a5 5 0 0 1 0 10H8', reopen: 'M16 10a6 6 0 1 1-2-4.500M16 3v4h-4', bell: 'M5 14V9a5 5 0 0 1 10 0v5l1.500 1.500h-13zM8.500 17.500h3', table: 'M3 4h14v12H3zM3 8h14M3 12h14M8 4v12', chart: 'M3 17h14M5 14V9M9 14V4M13 14v-7M16.500 14v-3',
  bookmark: 'M6 3h8v14l-4-3-4 3z', logout: 'M8 3H4v14h4M8 10h9M14 7l3 3-3 3', body: 'M3 17h14M4.500 17V8L10 4l5.500 4v9M8 17v-4h4v4', host: 'M4 4h12v5H4zM4 11h12v5H4zM7 6.500h.01M7 13.500h.01', mail: 'M3 5h14v10H3zM3 6l7 5 7-5',
};

/** @param {{name: keyof PATHS, size?: number}} props */
export function Icon({ name, size = 16 }) {
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 20 20" aria-hidden="true" focusable="false"><path d=${PATHS[name] ?? ''} /></svg>`;
}

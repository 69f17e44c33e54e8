// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What several of the pages about alerts and bodies share, in one module, so that it is one file of the bundle (as ui.js is for all pages).
export * from './facts/amount.js';
export * from './facts/board.js';
export * from './facts/page.js';
export * from './facts/query.js';
export * from './facts/words.js';
export { Histogram } from './parts/histogram.js';
export { TrafficChart } from './parts/traffic.js';
export { AlertLines, GroupLines } from './parts/lines.js';
export { alertColumns, COLUMN_IDS, DEFAULT_COLUMNS, NARROW_ROW, useNarrow } from './parts/columns.js';
export { GroupActions, History } from './parts/actions.js';

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What pages are made of, in one import. One module, so that everything common to pages is one file of the bundle: a page then costs one
// request of its own.
export * from './core/dom.js';
export * from './core/store.js';
export * from './core/prefs.js';
export { useFocusWithin } from './core/focus.js';
export { t, has, pick, language, useLanguage, collate, sentences } from './core/i18n.js';
export * as time from './core/time.js';
export { RANGES, rangeOf, rangeText, now } from './core/time.js';
export * as format from './core/format.js';
export { where, useRoute, navigate, safeNext, setQuery, href } from './core/router.js';
export { ApiError, get, send, useApi } from './core/api.js';
export * from './core/session.js';
export { COMMANDS, keyOf, setKey, clashes, nameOf, useKeys, reachable } from './core/keys.js';
export { liveState, useLive, on, useFrames, useRefresh, setPaused } from './core/live.js';
export { Icon } from './parts/icon.js';
export { Severity, SEVERITIES, severityRank } from './parts/severity.js';
export { Chip, StateChip } from './parts/chip.js';
export { Time, Span } from './parts/time.js';
export { Button, IconButton, Key } from './parts/button.js';
export { Dialog } from './parts/dialog.js';
export { MenuList, MenuButton, below } from './parts/menu.js';
export { toast, dismiss } from './parts/toast.js';
export { Banner, Empty, Loading, Broken, Loaded, NotFound } from './parts/states.js';
export { Value, Org, End, orgName, term, filterBy, copy } from './parts/value.js';
export { RangePicker, rangeLabel } from './parts/range.js';
export { SortPicker, setSort } from './parts/sort.js';
export { SparkBars, SparkLine, Shares } from './parts/spark.js';
export { Table, Plain, useHeld } from './parts/table.js';
export { Chart } from './parts/chart.js';
export { QueryBox, terms } from './parts/querybox.js';
export { useTriage, MoreActions, TriageButtons, VERDICTS } from './parts/triage.js';
export { Views } from './parts/views.js';
export { setTitle, setBadge } from './core/title.js';
export { sound } from './core/notify.js';
export { awaiting } from './core/ready.js';
export { Head, Section, Facts, Stat, StepUp } from './parts/layout.js';

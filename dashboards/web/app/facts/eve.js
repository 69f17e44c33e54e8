// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Reading of an EVE line: what it holds may be missing, of another type or hostile, for it crossed the network. Everything that a page
// takes out of `eve` goes through here, so that a page never sees anything but text, finite numbers and short lists.

const TEXT_MAX = 8192; // a name of 8 KiB is shown whole; more is not a name

/** @returns {string} '' where it is no text */
export function text(value) {
  return typeof value === 'string' ? value.slice(0, TEXT_MAX) : '';
}

/** @returns {number|null} */
export function finite(value) {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** @returns {object} {} where it is none */
export function record(value) {
  return value && typeof value === 'object' && !Array.isArray(value) ? value : {};
}

/** @returns {Array} at most `most` */
export function list(value, most) {
  return Array.isArray(value) ? value.slice(0, most) : [];
}

/** EVE writes +0900, which not every browser reads. @returns {number|null} milliseconds since 1970 */
export function instant(value) {
  const ms = Date.parse(text(value).replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  return Number.isFinite(ms) ? ms : null;
}

/** @param {object} eve @returns alert.context as far as the page shows it */
export function contextOf(eve) {
  const context = record(record(record(eve).alert).context);
  const why = record(context.why);
  const series = record(why.series);
  const impact = record(context.impact);
  const values = list(series.values, 120).map(finite);
  return {
    id: text(context.id),
    state: text(context.state),
    learning: text(context.learning),
    detector: text(context.detector),
    zone: text(context.zone),
    target: text(context.target),
    sla: finite(context.sla_minutes),
    firstSeen: instant(context.first_seen),
    lastSeen: instant(context.last_seen),
    nextExpected: instant(context.next_expected),
    period: finite(context.period_s),
    periodMad: finite(context.period_mad_s),
    pulse: finite(context.pulse),
    impact: {state: text(impact.state), success: finite(impact.success), usual: finite(impact.usual)},
    vectors: list(context.vectors, 32).map(record).filter((v) => text(v.name))
      .map((v) => ({name: text(v.name), share: finite(v.share)})),
    affected: list(context.affected, 400).map(record).filter((o) => text(o.code))
      .map((o) => ({code: text(o.code), name_ja: text(o.name_ja), name_en: text(o.name_en)})),
    why: {
      observed: finite(why.observed), threshold: finite(why.threshold), baseline: finite(why.baseline), peak: finite(why.peak),
      unit: text(why.unit), window: finite(why.window_s), sourcesAtLeast: finite(why.sources_at_least),
      sample: finite(why.sample_packets),
      top: list(why.top, 32).map(record).filter((e) => text(e.ip) || text(e.org))
        .map((e) => ({ip: text(e.ip), share: finite(e.share)})),
      series: values.length && finite(series.step_s) > 0 && instant(series.start) !== null ? {
        start: instant(series.start), step: finite(series.step_s) * 1000, values, low: finite(series.low), high: finite(series.high),
      } : null,
    },
  };
}

// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Time series by uPlot (loaded when the first chart is shown), made readable for those who do not see or do not point: a name, a sentence
// that sums it up, a cursor by arrow keys whose values are read out, and the same numbers as a table.
import { html, cx, useEffect, useId, useMemo, useRef, useState } from '../core/dom.js';
import { sentences, t, useLanguage } from '../core/i18n.js';
import { clock, day, minute, short, stamp, zone } from '../core/time.js';
import { usePrefs } from '../core/prefs.js';
import { IconButton } from './button.js';
import { Plain } from './table.js';

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const TABLE_ROWS = 500;
// Steps of the axis of values; of what is counted, whole ones: there is no half an alert.
const STEPS = Array.from({ length: 22 }, (_, at) => [1, 2, 2.5, 5].map((one) => one * 10 ** (at - 7))).flat();
const WHOLE = STEPS.filter(Number.isInteger);

/** The sentence below a chart that a page does not say better. */
function summary(lines, times, format) {
  return sentences(lines.filter((line) => !line.quiet).map((line) => {
    let most = -1, last = null;
    line.values.forEach((value, at) => {
      if (typeof value !== 'number') return;
      last = value;
      if (most < 0 || value > line.values[most]) most = at;
    });
    return most < 0 ? t('chart.nothing', { name: line.name }) : t('chart.summary', { name: line.name, most: format(line.values[most]), at: short(times[most]), last: format(last) });
  }));
}

/**
 * @param {{name: string, times: number[], lines: Array<{name: string, values: Array<number|null>, tone?: string, bars?: boolean, quiet?: boolean}>,
 *   band?: {low: Array<number|null>, high: Array<number|null>, name: string}|null, format: (value: number) => string, height?: number, sentence?: string,
 *   onBrush?: (fromMs: number, toMs: number) => void, marks?: Array<{at: number, name: string, tone?: string, value?: number}>, titled?: boolean}} props
 *   times in ms; band: what is usual; tone: in, out, accent, critical …; onBrush: a range was drawn; marks with `value` are horizontal lines (thresholds), named
 *   in the legend, where no line runs through them; titled: a heading above says the name already
 */
export function Chart({ name, times, lines, band = null, format, height = 200, sentence, onBrush, marks = [], titled = false }) {
  const shown = useLanguage(), prefs = usePrefs();
  const place = useRef(null), plot = useRef(null), brush = useRef(onBrush), id = useId();
  brush.current = onBrush;
  const [table, setTable] = useState(false), [cursor, setCursor] = useState(null), [failed, setFailed] = useState(false);
  const text = useMemo(() => sentence ?? summary(lines, times, format), [sentence, lines, times, shown, prefs.timezone]);

  // the plot is made anew for another look; new numbers are only set
  const look = JSON.stringify([lines.map((line) => [line.name, line.tone, line.bars]), !!band, height, prefs.theme, prefs.timezone, shown, table, marks]);
  const data = useMemo(() => [times.map((ms) => ms / 1000), ...lines.map((line) => line.values), ...(band ? [band.high, band.low] : [])], [times, lines, band]);
  const newest = useRef(data);
  newest.current = data;

  useEffect(() => {
    if (table) return undefined;
    let gone = false, size = null;
    import('uplot').then(({ default: UPlot }) => {
      if (gone || !place.current) return;
      const ink = css('--text-2'), grid = css('--line-1');
      const font = `11px ${getComputedStyle(document.body).fontFamily}`;
      const axis = { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { show: false }, gap: 6 };
      const series = lines.map((line) => {
        const colour = css(`--chart-${line.tone ?? 'accent'}`);
        return { label: line.name, stroke: colour, width: line.bars ? 0 : 1.5, fill: line.bars ? colour : undefined, points: { show: false }, spanGaps: false,
          ...(line.bars ? { paths: UPlot.paths.bars({ size: [0.8, 40], align: 1 }) } : {}) };
      });
      const edge = band ? [0, 1].map((at) => ({ label: `${band.name} ${at}`, stroke: 'transparent', points: { show: false } })) : [];
      const fine = data[0].length ? (data[0].at(-1) - data[0][0]) < 600 : false; // minutes alone would repeat
      const long = data[0].length ? (data[0].at(-1) - data[0][0]) > 36 * 3600 : false;
      plot.current = new UPlot({
        width: place.current.clientWidth, height, legend: { show: false }, tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), zone()), padding: [8, long ? 36 : fine ? 28 : 20, 0, 0], // half a label of the axis finds room at the end
        cursor: { drag: { x: !!brush.current, y: false, setScale: false }, points: { size: 6 }, y: false },
        axes: [{ ...axis, size: 26, values: (self, splits) => splits.map((at) => (long ? (minute(at * 1000) === '00:00' ? day(at * 1000).slice(5) : short(at * 1000)) : fine ? clock(at * 1000) : minute(at * 1000))), space: long ? 90 : fine ? 72 : 56 },
          { ...axis, size: (self, said) => Math.max(36, ...(said ?? []).map((one) => one.length * 6.5 + 16)), incrs: () => (newest.current.slice(1, lines.length + 1).every((values) => values.every((value) => value === null || Number.isInteger(value))) ? WHOLE : STEPS), values: (self, splits) => splits.map((value) => format(value)), space: 32 }],
        scales: { x: { time: true }, y: { range: (self, low, high) => [0, Math.max(high * 1.08, ...marks.map((mark) => (mark.value ?? 0) * 1.08), 1e-9)] } },
        series: [{}, ...series, ...edge], bands: band ? [{ series: [series.length + 1, series.length + 2], fill: css('--chart-band') }] : [],
        hooks: {
          setCursor: [(self) => { if (self.cursor.idx !== null && self.cursor.idx !== undefined && self.cursor.left >= 0) setCursor({ at: self.cursor.idx }); }],
          setSelect: [(self) => {
            if (self.select.width < 4) return;
            brush.current?.(self.posToVal(self.select.left, 'x') * 1000, self.posToVal(self.select.left + self.select.width, 'x') * 1000);
            self.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          }],
          draw: [(self) => {
            const { ctx, bbox } = self;
            for (const mark of marks) {
              if (mark.value === undefined) continue;
              const y = self.valToPos(mark.value, 'y', true);
              ctx.save();
              ctx.strokeStyle = css(`--chart-${mark.tone ?? 'high'}`);
              ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
              ctx.beginPath();
              ctx.moveTo(bbox.left, y);
              ctx.lineTo(bbox.left + bbox.width, y);
              ctx.stroke();
              ctx.restore();
            }
          }],
        },
      }, /** @type {any} */ (newest.current), place.current);
      plot.current.root.setAttribute('aria-hidden', 'true');
      size = new ResizeObserver(() => plot.current?.setSize({ width: place.current.clientWidth, height }));
      size.observe(place.current);
    }).catch(() => { if (!gone) setFailed(true); });
    return () => {
      gone = true;
      size?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [look]);
  useEffect(() => plot.current?.setData(data), [data]);
  // a theme that the system changes is another look as well
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const redraw = () => plot.current?.redraw();
    dark.addEventListener('change', redraw);
    return () => dark.removeEventListener('change', redraw);
  }, []);

  const values = (at) => lines.map((line) => `${line.name} ${typeof line.values[at] === 'number' ? format(line.values[at]) : t('chart.unknown')}`).join(', ');
  const onKeyDown = (event) => {
    if (event.target !== event.currentTarget || !times.length || event.isComposing) return;
    const here = cursor?.at ?? times.length, page = Math.max(1, Math.round(times.length / 10));
    const to = { ArrowRight: here + 1, ArrowLeft: here - 1, PageDown: here + page, PageUp: here - page, Home: 0, End: times.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const at = Math.max(0, Math.min(times.length - 1, to));
    setCursor({ at });
    if (plot.current) plot.current.setCursor({ left: plot.current.valToPos(times[at] / 1000, 'x'), top: 10 }, false);
  };
  const step = Math.ceil(times.length / TABLE_ROWS) || 1;
  return html`<figure class="chart" aria-labelledby=${`${id}n`}>
    <figcaption class="chart-head"><span class=${titled ? 'only-read' : 'chart-name'} id=${`${id}n`}>${name}</span>
      <span class="chart-legend">${lines.map((line) => html`<span class="legend"><i class=${cx('legend-mark', `legend-${line.tone ?? 'accent'}`)}></i>${line.name}</span>`)}${band && html`<span class="legend"><i class="legend-mark legend-band"></i>${band.name}</span>`}${marks.filter((mark) => mark.value !== undefined).map((mark) => html`<span class="legend"><i class=${cx('legend-dashes', `legend-dashes-${mark.tone ?? 'high'}`)}></i>${mark.name}</span>`)}</span>
      <${IconButton} icon=${table ? 'chart' : 'table'} label=${t(table ? 'chart.as_chart' : 'chart.as_table')} pressed=${table} onClick=${() => setTable(!table)} /></figcaption>
    ${table || failed ? html`<div class="chart-table" style=${{ maxHeight: `${Math.max(height, 160)}px` }}><${Plain} caption=${name} rows=${times.map((ms, at) => ({ ms, at })).filter((row) => row.at % step === 0)}
        columns=${[{ id: 'at', label: t('chart.time'), cell: (row) => stamp(row.ms) },
          ...lines.map((line, nr) => ({ id: String(nr), label: line.name, align: 'end', cell: (row) => (typeof line.values[row.at] === 'number' ? format(line.values[row.at]) : '–') }))]} /></div>`
      : html`<div ref=${place} class="chart-plot" role="img" tabIndex="0" aria-label=${`${name}. ${text} ${t('chart.keys')}`} style=${{ height: `${height}px` }} onKeyDown=${onKeyDown}></div>`}
    <p class="chart-now" aria-live="polite">${cursor && times[cursor.at] !== undefined && !table ? `${stamp(times[cursor.at])}  ${values(cursor.at)}` : text}</p>
  </figure>`;
}

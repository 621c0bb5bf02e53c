// Plots: how often each number of stars was given, ratings over time, bars beside a mean. All can be read as tables, too.

import { h, svg } from "./dom.js";

const STARS = Array.from({ length: 10 }, (_, i) => (i + 1) / 2);
const n = (value) => Math.round(value * 10) / 10;

/** `4.13`; a dash for none. @param {number|null} value */
export const stars = (value, digits = 2) => (value == null ? "–" : value.toFixed(digits));
/** `1 rating`, `1,234 ratings`. @param {number} value @param {string} one */
export const counted = (value, one) => `${value.toLocaleString("en")} ${one}${value === 1 ? "" : "s"}`;

const text = (x, y, words, anchor, className = "") => svg("text", { x: n(x), y: n(y), "text-anchor": anchor, class: `plot-text ${className}` }, words);
const rule = (x1, y1, x2, y2, className) => svg("line", { x1: n(x1), y1: n(y1), x2: n(x2), y2: n(y2), class: className });
const bar = (middle, base, wide, tall, className) => svg("rect", { x: n(middle - wide / 2), y: n(base - tall), width: n(wide), height: n(tall), class: className });

/**
 * A figure that draws itself at the width it has. Pointer and arrow keys go through its values.
 * @param {string} label
 * @param {string[]} head of the table: the name of a value, and what there is to tell of it
 * @param {string[][]} rows of the table, one a value
 * @param {number} height
 * @param {(width: number) => {nodes: SVGElement[], at: number[]}} draw at: the middle of each value
 */
function figure(label, head, rows, height, draw) {
  const canvas = svg("svg", { role: "img", "aria-label": label, class: "plot-canvas", height });
  const readout = h("p", { class: "plot-readout", "aria-live": "polite" });
  const mark = rule(0, 0, 0, height, "plot-mark");
  let [places, now] = [[], -1];
  const say = (i) => {
    now = i;
    mark.toggleAttribute("hidden", i < 0);
    readout.textContent = i < 0 ? "" : rows[i].join(" · ");
    ["x1", "x2"].forEach((name) => mark.setAttribute(name, n(places[i] ?? 0)));
  };
  const onkeydown = (event) => {
    const to = { ArrowRight: now + 1, ArrowLeft: (now < 0 ? rows.length : now) - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    say(Math.max(0, Math.min(rows.length - 1, to)));
  };
  const onpointermove = ({ clientX }) => {
    const x = clientX - area.getBoundingClientRect().left;
    say(places.reduce((best, place, i) => (Math.abs(place - x) < Math.abs(places[best] - x) ? i : best), 0));
  };
  const away = () => say(-1);
  const area = h("div", { class: "plot-area", tabindex: "0", role: "group", "aria-label": `${label}, by arrow keys`, onkeydown, onpointermove, onpointerleave: away, onblur: away }, canvas);
  new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (!width) return;
    const { nodes, at } = draw(width);
    places = at;
    canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
    canvas.replaceChildren(...nodes.flat(Infinity).filter(Boolean), mark);
    away();
  }).observe(area);
  return h("figure", { class: "plot" }, area, readout, table(label, head, rows, "visually-hidden"));
}

function table(caption, head, rows, className) {
  return h("table", { class: className }, h("caption", { class: "visually-hidden" }, caption), h("thead", null, h("tr", null, head.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", null, rows.map(([name, ...cells]) => h("tr", null, h("th", { scope: "row" }, name), cells.map((cell) => h("td", null, cell))))));
}

/**
 * How often each number of stars was given, and the mean.
 * @param {string} label
 * @param {Object<string, number>} counts by stars, "0.5" to "5.0"
 * @param {number} mean
 */
export function histogram(label, counts, mean) {
  const values = STARS.map((value) => counts[value.toFixed(1)] ?? 0);
  const total = values.reduce((sum, value) => sum + value);
  const rows = values.map((value, i) => [`${STARS[i]} stars`, counted(value, "rating"), `${n((value / total) * 100)} %`]);
  return figure(label, ["Stars", "Ratings", "Share"], rows, 200, (width) => {
    const [base, gap] = [176, width / 10];
    const at = STARS.map((_, i) => (i + 0.5) * gap);
    const x = (mean * 2 - 0.5) * gap;
    return { at, nodes: [
      values.map((value, i) => bar(at[i], base, gap * 0.72, value && Math.max(2, (value / Math.max(...values)) * (base - 22)), "plot-bar")),
      rule(0, base, width, base, "plot-axis"), STARS.map((value, i) => (value % 1 === 0 || width > 420) && text(at[i], 194, value, "middle")),
      rule(x, 16, x, base, "plot-mean"), text(Math.min(Math.max(x, 36), width - 36), 11, `mean ${stars(mean)}`, "middle", "strong"),
    ] };
  });
}

/**
 * The mean over time as a line, and below it how many ratings it rests on.
 * @param {string} label
 * @param {{period: string, count: number, mean: number|null}[]} series without gaps in time
 */
export function overTime(label, series) {
  const rows = series.map(({ period, count, mean }) => [named(period), counted(count, "rating"), count ? `mean ${stars(mean)}` : "no mean"]);
  return figure(label, ["Time", "Ratings", "Mean"], rows, 250, (width) => {
    const [left, base, band] = [32, 226, 64];
    const gap = (width - left - 8) / series.length;
    const at = series.map((_, i) => left + (i + 0.5) * gap);
    const y = (mean) => 10 + ((5 - mean) / 4.5) * (base - band - 24);
    const most = Math.max(...series.map(({ count }) => count));
    const known = series.map(({ mean }, i) => [at[i], mean]).filter(([, mean]) => mean != null);
    return { at, nodes: [
      [1, 2, 3, 4, 5].map((value) => [rule(left, y(value), width - 8, y(value), "plot-grid"), text(left - 8, y(value) + 4, value, "end")]),
      series.map(({ count }, i) => bar(at[i], base, Math.max(gap * 0.8, 0.8), (count / most) * band, "plot-band")), text(left - 8, base - band + 8, most, "end"),
      svg("path", { d: known.map(([x, mean], i) => `${i ? "L" : "M"}${n(x)} ${n(y(mean))}`).join(""), class: "plot-line" }),
      (gap > 7 || known.length === 1) && known.map(([x, mean]) => svg("circle", { cx: n(x), cy: n(y(mean)), r: 3.5, class: "plot-dot" })),
      rule(left, base, width - 8, base, "plot-axis"), years(series, at, width),
    ] };
  });
}

function named(period) {
  const [year, month] = period.split("-");
  return month ? new Date(year, month - 1).toLocaleDateString("en", { year: "numeric", month: "short" }) : year;
}

/** The first period of each year below a plot, as many as there is room for; every period where the years are few. */
function years(series, at, width) {
  const all = series.map(({ period }, i) => [i, period]);
  const firsts = all.filter(([, period]) => /^\d{4}(-01)?$/.test(period));
  const shown = firsts.length < 3 ? all.map(([i, period]) => [i, named(period)]) : firsts;
  const every = Math.ceil((shown.length * 56) / (width - 40));
  return shown.filter((_, k) => k % every === 0).map(([i, period]) => text(Math.min(at[i], width - 24), 244, firsts.length < 3 ? period : period.slice(0, 4), "middle"));
}

/**
 * A table of names with bars to the right and left of a middle line.
 * @param {string} label
 * @param {string[]} head of the name, the bar and each cell
 * @param {{name: string, href: string, value: number, cells: string[], hint: string}[]} rows
 */
export function diverging(label, head, rows) {
  const most = Math.max(...rows.map(({ value }) => Math.abs(value)), 0.25);
  return table(label, head, rows.map(({ name, href, value, cells, hint }) => {
    const wide = (Math.abs(value) / most) * 50;
    const signed = `${value < 0 ? "−" : "+"}${stars(Math.abs(value))}`;
    return [h("a", { href, title: hint }, name), svg("svg", { class: "diverging-bar", viewBox: "0 0 100 12", preserveAspectRatio: "none", role: "img", "aria-label": `${name} ${signed}` },
      bar(50 + (Math.sign(value) * wide) / 2, 12, Math.max(wide, 0.6), 12, value < 0 ? "plot-below" : "plot-above"), rule(50, 0, 50, 12, "plot-axis")), ...cells];
  }), "diverging");
}

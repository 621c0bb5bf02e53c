// Plots as SVG: a histogram of stars, ratings over time, bars that diverge from a mean. Each can be read as words, too.

import { h, svg } from "./dom.js";

const STARS = Array.from({ length: 10 }, (_, i) => (i + 1) / 2);
const whole = new Intl.NumberFormat("en");
const n = (value) => Math.round(value * 10) / 10;

/** `4.13` as people write it; a dash for none. @param {number|null} value */
export const stars = (value, digits = 2) => (value == null ? "–" : value.toFixed(digits));
/** `1,234`. @param {number} value */
export const count = (value) => whole.format(value);
/** `1 rating`, `2 ratings`. @param {number} value @param {string} one @param {string} [many] */
export const counted = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/**
 * A figure that draws itself at the width it has, whose values can be pointed at or stepped through by arrow keys.
 * @param {{label: string, head: string[], rows: string[][], height: number, testid: string}} words rows: one a value
 * @param {(width: number, height: number) => {nodes: SVGElement[], at: number[]}} draw at: the middle of each value
 */
function figure({ label, head, rows, height, testid }, draw) {
  const canvas = svg("svg", { "aria-hidden": "true", focusable: "false", class: "plot-canvas" });
  const readout = h("p", { class: "plot-readout", "aria-live": "polite" });
  const area = h("div", { class: "plot-area", tabindex: "0", role: "group", "aria-label": `${label}. Arrow keys go through the values.` }, canvas);
  const mark = svg("line", { class: "plot-mark", y1: 0, y2: height });
  let [places, now] = [[], -1];
  const say = (i) => {
    now = i;
    mark.toggleAttribute("hidden", i < 0);
    readout.textContent = i < 0 ? "" : `${rows[i][0]}: ${rows[i].slice(1).join(", ")}`;
    if (i >= 0) ["x1", "x2"].forEach((name) => mark.setAttribute(name, n(places[i])));
  };
  const redraw = (width) => {
    if (!width) return;
    const { nodes, at } = draw(width, height);
    places = at;
    canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
    canvas.replaceChildren(mark, ...nodes.flat(Infinity).filter(Boolean));
    say(-1);
  };
  area.addEventListener("pointermove", (event) => {
    const x = event.clientX - area.getBoundingClientRect().left;
    say(places.reduce((best, place, i) => (Math.abs(place - x) < Math.abs(places[best] - x) ? i : best), 0));
  });
  area.addEventListener("pointerleave", () => document.activeElement !== area && say(-1));
  area.addEventListener("blur", () => say(-1));
  area.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: now + 1, ArrowLeft: now < 0 ? rows.length - 1 : now - 1, Home: 0, End: rows.length - 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    say(Math.max(0, Math.min(rows.length - 1, steps[event.key])));
  });
  const node = h("figure", { class: "plot", dataset: { testid } }, area, readout, table(label, head, rows));
  new ResizeObserver(([entry]) => redraw(Math.round(entry.contentRect.width))).observe(area);
  return node;
}

function table(caption, head, rows) {
  const cells = (tag, row) => h("tr", null, row.map((cell) => h(tag, tag === "th" ? { scope: "col" } : null, cell)));
  return h("table", { class: "visually-hidden" }, h("caption", null, caption), h("thead", null, cells("th", head)), h("tbody", null, rows.map((row) => cells("td", row))));
}

const text = (x, y, words, props) => svg("text", { x: n(x), y: n(y), class: "plot-text", ...props }, words);

/** A number of values that reads well at most `most` times up to `top`. */
function steps(top, most) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(top / most, 1)));
  const step = [1, 2, 5, 10].map((times) => times * unit).find((size) => top / size <= most);
  return Array.from({ length: Math.floor(top / step) }, (_, i) => (i + 1) * step);
}

/**
 * How often each number of stars was given.
 * @param {Object<string, number>} counts by stars, "0.5" to "5.0"
 * @param {{label: string, mean?: number|null, height?: number}} words
 */
export function histogram(counts, { label, mean = null, height = 168 }) {
  const values = STARS.map((value) => counts[value.toFixed(1)] ?? 0);
  const total = values.reduce((sum, value) => sum + value, 0) || 1;
  const rows = values.map((value, i) => [`${STARS[i]} stars`, counted(value, "rating"), `${n((value / total) * 100)} %`]);
  return figure({ label, rows, height, head: ["Stars", "Ratings", "Share"], testid: "histogram" }, (width) => {
    const [base, top, gap] = [height - 24, 22, width / 10];
    const most = Math.max(...values, 1);
    const tall = (value) => (value ? Math.max(2, (value / most) * (base - top)) : 0);
    const at = STARS.map((_, i) => (i + 0.5) * gap);
    const bars = values.map((value, i) => svg("rect", { x: n(at[i] - gap * 0.36), y: n(base - tall(value)), width: n(gap * 0.72), height: n(tall(value)), rx: 3, class: "plot-bar" }));
    const axis = STARS.map((value, i) => (value % 1 === 0 || width > 420) && text(at[i], height - 6, value, { "text-anchor": "middle" }));
    const line = mean && [(mean - 0.25) * 2 * gap].map((x) => [svg("line", { x1: n(x), x2: n(x), y1: top - 6, y2: base, class: "plot-mean" }),
      text(Math.min(Math.max(x, 36), width - 36), 11, `mean ${stars(mean)}`, { "text-anchor": "middle", class: "plot-text strong" })]);
    return { nodes: [bars, svg("line", { x1: 0, x2: width, y1: base, y2: base, class: "plot-axis" }), axis, line], at };
  });
}

/**
 * The mean over time as a line, how many ratings it rests on as a band of bars below.
 * @param {{period: string, count: number, mean: number|null}[]} series without gaps in time
 * @param {{label: string, height?: number}} words
 */
export function overTime(series, { label, height = 250 }) {
  const rows = series.map(({ period, count: given, mean }) => [named(period), counted(given, "rating"), given ? `mean ${stars(mean)}` : "no mean"]);
  return figure({ label, rows, height, head: ["Time", "Ratings", "Mean"], testid: "over-time" }, (width) => {
    const [left, right, base, band] = [30, 8, height - 24, 64];
    const [top, floor] = [10, base - band - 14];
    const gap = (width - left - right) / series.length;
    const at = series.map((_, i) => left + (i + 0.5) * gap);
    const y = (value) => top + ((5 - value) / 4.5) * (floor - top);
    const most = Math.max(...series.map((entry) => entry.count), 1);
    const bars = series.map(({ count: given }, i) => given > 0 && svg("rect", { x: n(at[i] - gap * 0.4), width: n(Math.max(gap * 0.8, 0.8)),
      y: n(base - (given / most) * band), height: n((given / most) * band), class: "plot-band" }));
    const scale = [1, 2, 3, 4, 5].map((value) => [svg("line", { x1: left, x2: width - right, y1: n(y(value)), y2: n(y(value)), class: "plot-grid" }),
      text(left - 8, y(value) + 4, value, { "text-anchor": "end" })]);
    const known = series.map((entry, i) => [at[i], entry.mean]).filter(([, mean]) => mean != null);
    const line = known.map(([x, mean], i) => `${i ? "L" : "M"}${n(x)} ${n(y(mean))}`).join("");
    const dots = gap > 7 && known.map(([x, mean]) => svg("circle", { cx: n(x), cy: n(y(mean)), r: 3.5, class: "plot-dot" }));
    const single = known.length === 1 && svg("circle", { cx: n(known[0][0]), cy: n(y(known[0][1])), r: 3.5, class: "plot-dot" });
    return { at, nodes: [scale, bars, text(left - 8, base - band + 8, count(most), { "text-anchor": "end" }), svg("path", { d: line, class: "plot-line" }), dots, single,
      svg("line", { x1: left, x2: width - right, y1: base, y2: base, class: "plot-axis" }), timeline(series, at, width, height)] };
  });
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function named(period) {
  const [year, month] = period.split("-");
  return month ? `${MONTHS[month - 1]} ${year}` : year;
}

/** Years below a plot, as many as there is room for; months where all lies in one year. */
function timeline(series, at, width, height) {
  const first = series.map(({ period }, i) => [i, period]).filter(([i, period]) => i === 0 || !period.includes("-") || period.endsWith("-01"));
  const shown = first.length < 3 && series.length > 2 ? series.map(({ period }, i) => [i, period]) : first;
  const every = Math.ceil((shown.length * 52) / (width - 38));
  return shown.filter((_, k) => k % every === 0).map(([i, period]) =>
    text(Math.min(at[i], width - 20), height - 6, shown === first ? period.slice(0, 4) : named(period), { "text-anchor": "middle" }));
}

/**
 * Rows of names with bars to the right and left of a middle line, as a table.
 * @param {{name: string, href?: string, value: number, cells: string[], hint: string}[]} rows
 * @param {{label: string, head: string[], testid: string}} words head: of the name, the bar and each of `cells`
 */
export function diverging(rows, { label, head, testid }) {
  const most = Math.max(...rows.map((row) => Math.abs(row.value)), 0.25);
  const bar = (value) => {
    const wide = (Math.abs(value) / most) * 50;
    return svg("svg", { class: "diverging-bar", viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" },
      svg("rect", { x: n(value < 0 ? 50 - wide : 50), y: 0, width: n(Math.max(wide, 0.6)), height: 12, class: value < 0 ? "plot-below" : "plot-above" }),
      svg("line", { x1: 50, x2: 50, y1: 0, y2: 12, class: "plot-axis" }));
  };
  const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
  return h("div", { class: "diverging-box", dataset: { testid } }, h("table", { class: "diverging" },
    h("caption", { class: "visually-hidden" }, label),
    h("thead", null, h("tr", null, head.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", null, rows.map(({ name, href, value, cells, hint }) => h("tr", { title: hint },
      h("th", { scope: "row" }, href ? h("a", { href }, name) : name),
      h("td", { class: "bar" }, bar(value), h("span", { class: "visually-hidden" }, signed(value))),
      cells.map((cell) => h("td", null, cell)))))));
}

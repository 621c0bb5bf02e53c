// Plots: how often each number of stars was given, ratings over time, bars beside a mean. All can be read as tables, too.

import { h, svg } from "./dom.js";
import { counted } from "./wording.js";

export { counted };

const STARS = Array.from({ length: 10 }, (_, i) => (i + 1) / 2);
const NAMED = 6; // periods below a plot

/** `4.13`; a dash for none. @param {number|null} value */
export const stars = (value, digits = 2) => (value == null ? "–" : value.toFixed(digits));

// Across in percent, down in pixels.

const text = (x, y, words, anchor = "middle") => svg("text", { x: `${x}%`, y, "text-anchor": anchor, class: "plot-text" }, words);
const rule = (x1, y1, x2, y2, kind) => svg("line", { x1: `${x1}%`, y1, x2: `${x2}%`, y2, class: `plot-${kind}` });
const bars = (values, base, height, kind) => values.map((value, i) => value > 0 && svg("rect", {
  x: `${((i + 0.14) * 100) / values.length}%`, width: `${72 / values.length}%`, y: base - Math.max(value * height, 2), height: Math.max(value * height, 2), class: `plot-${kind}`,
}));

/** A drawing with its table. Pointer and arrow keys go through the values, which stand at equal distances. */
function figure(label, head, rows, height, ...drawing) {
  const readout = h("p.plot-readout", { "aria-live": "polite" });
  const mark = rule(0, 0, 0, height, "mark");
  let now;
  const say = (to) => {
    now = Math.min(rows.length - 1, to);
    readout.textContent = rows[now]?.join(" · ") ?? "";
    for (const name of ["x1", "x2"]) mark.setAttribute(name, `${((now + 0.5) * 100) / rows.length}%`);
    mark.toggleAttribute("hidden", now < 0);
  };
  const leave = () => say(-1);
  const onkeydown = (event) => {
    const to = { ArrowRight: now + 1, ArrowLeft: (now < 0 ? rows.length : now) - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    say(Math.max(0, to));
  };
  const onpointermove = ({ clientX }) => {
    const { left, width } = canvas.getBoundingClientRect();
    say(Math.floor(((clientX - left) / width) * rows.length));
  };
  const canvas = svg("svg", { role: "img", "aria-label": label, height }, drawing, mark);
  const area = h("div.plot", { tabindex: "0", role: "group", "aria-label": `${label}, by arrow keys`, onkeydown, onpointermove, onpointerleave: leave, onblur: leave }, canvas);
  leave();
  return h("figure", area, readout, table(label, head, rows, "visually-hidden"));
}

function table(caption, head, rows, className) {
  const line = ([name, ...cells]) => h("tr", h("th", { scope: "row" }, name), cells.map((cell) => h("td", cell)));
  return h("table", { class: className }, h("caption.visually-hidden", caption),
    h("thead", h("tr", head.map((name) => h("th", { scope: "col" }, name)))), h("tbody", rows.map(line)));
}

/** How often each number of stars was given, and the mean. @param {Object<string, number>} counts by "0.5" to "5.0" */
export function histogram(label, counts, mean) {
  const values = STARS.map((value) => counts[value.toFixed(1)] ?? 0);
  const [total, most] = [values.reduce((sum, value) => sum + value), Math.max(...values)];
  const rows = values.map((value, i) => [`${STARS[i]} stars`, counted(value, "rating"), `${Math.round((value / total) * 1000) / 10} %`]);
  const x = mean * 20 - 5;
  return figure(label, ["Stars", "Ratings", "Share"], rows, 200, bars(values.map((value) => value / most), 176, 154, "bar"),
    rule(0, 176, 100, 176, "axis"), STARS.map((value, i) => text(i * 10 + 5, 194, value)),
    rule(x, 16, x, 176, "mean"), text(Math.min(x, 90), 11, `mean ${stars(mean)}`));
}

/**
 * The mean over time as a line, and below it how many ratings it rests on.
 * @param {string} label @param {{period: string, count: number, mean: number|null}[]} series without gaps in time
 */
export function overTime(label, series) {
  const rows = series.map(({ period, count, mean }) => [named(period), counted(count, "rating"), count ? `mean ${stars(mean)}` : "no mean"]);
  const most = Math.max(...series.map(({ count }) => count));
  const y = (mean) => 150 - mean * 28;
  const known = series.map(({ mean }, i) => [((i + 0.5) * 100) / series.length, mean]).filter(([, mean]) => mean !== null);
  const line = known.map(([x, mean], i) => {
    const [from, before] = known[i - 1] ?? [x, mean];
    return rule(from, y(before), x, y(mean), "line");
  });
  const every = Math.ceil(series.length / NAMED);
  const times = series.map(({ period }, i) => i % every === 0 && text(((i + 0.5) * 100) / series.length, 244, named(period)));
  const levels = [1, 2, 3, 4, 5].map((value) => [rule(0, y(value), 100, y(value), "grid"), text(0, y(value) - 3, `${value} ★`, "start")]);
  return figure(label, ["Time", "Ratings", "Mean"], rows, 250, levels, bars(series.map(({ count }) => count / most), 226, 56, "band"),
    text(0, 166, counted(most, "rating"), "start"), rule(0, 226, 100, 226, "axis"), line, times);
}

function named(period) {
  const [year, month] = period.split("-");
  return month ? new Date(year, month - 1).toLocaleDateString("en", { year: "numeric", month: "short" }) : year;
}

/**
 * A table of names with bars to the right and left of a middle line.
 * @param {string} label @param {string[]} head of the name, the bar and each cell
 * @param {{name: string, href: string, value: number, cells: string[], hint: string}[]} rows
 */
export function diverging(label, head, rows) {
  const most = Math.max(...rows.map(({ value }) => Math.abs(value)), 0.25);
  return table(label, head, rows.map(({ name, href, value, cells, hint }) => {
    const words = `${name} ${value < 0 ? "−" : "+"}${stars(Math.abs(value))}`;
    const bar = h("div", { class: value < 0 ? "lean below" : "lean", style: { "--size": Math.abs(value) / most }, role: "img", "aria-label": words });
    return [h("a", { href, title: hint }, name), bar, ...cells];
  }), "diverging");
}

// Plots: how often each number of stars was given, ratings over time, bars beside a mean. All are tables, too.

import { h, svg } from "./dom.js";
import { counted } from "./shared.js";

const STARS = Array.from({ length: 10 }, (_, i) => (i + 1) / 2);
const NAMED = 6; // periods below a plot

export const stars = (value, digits = 2) => (value == null ? "–" : value.toFixed(digits));

// Across in percent, down in pixels

const text = (x, y, words, anchor = "middle") =>
  svg("text", { x: `${x}%`, y, "text-anchor": anchor, class: "plot-text" }, words);
const rule = (x1, y1, x2, y2, kind) => svg("line", { x1: `${x1}%`, y1, x2: `${x2}%`, y2, class: `plot-${kind}` });
const middle = (values, i) => ((i + 0.5) * 100) / values.length;

function bars(values, base, most, kind) {
  const highest = Math.max(...values);
  return values.map((value, i) => {
    const height = Math.max((value / highest) * most, 2);
    const [x, width] = [`${((i + 0.14) * 100) / values.length}%`, `${72 / values.length}%`];
    return value > 0 && svg("rect", { x, width, y: base - height, height, class: `plot-${kind}` });
  });
}

/** A drawing with its table; pointer and arrow keys go through the rows. */
function figure(label, head, rows, height, ...drawing) {
  const readout = h("p.plot-readout", { "aria-live": "polite" });
  const mark = rule(0, 0, 0, height, "mark");
  let now;
  const say = (to) => {
    now = Math.min(rows.length - 1, to);
    readout.textContent = rows[now]?.join(" · ") ?? "";
    for (const name of ["x1", "x2"]) mark.setAttribute(name, `${middle(rows, now)}%`);
    mark.toggleAttribute("hidden", now < 0);
  };
  const leave = () => say(-1);
  const onkeydown = (event) => {
    const before = (now < 0 ? rows.length : now) - 1;
    const to = { ArrowRight: now + 1, ArrowLeft: before, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    say(Math.max(0, to));
  };
  const onpointermove = ({ clientX }) => {
    const { left, width } = canvas.getBoundingClientRect();
    say(Math.floor(((clientX - left) / width) * rows.length));
  };
  const canvas = svg("svg", { role: "img", label, height }, drawing, mark);
  const events = { onkeydown, onpointermove, onpointerleave: leave, onblur: leave };
  const named = { tabindex: "0", role: "group", label: `${label}, by arrow keys` };
  const area = h("div.plot", { ...named, ...events }, canvas);
  leave();
  return h("figure", area, readout, table(label, head, rows, "visually-hidden"));
}

function table(caption, head, rows, className) {
  const line = ([name, ...cells]) => h("tr", h("th", { scope: "row" }, name), cells.map((cell) => h("td", cell)));
  const names = h("tr", head.map((name) => h("th", { scope: "col" }, name)));
  const parts = [h("caption.visually-hidden", caption), h("thead", names), h("tbody", rows.map(line))];
  return h("table", { class: className }, parts);
}

/** `counts`: of ratings by "0.5" to "5.0". */
export function histogram(label, counts, mean) {
  const values = STARS.map((value) => counts[value.toFixed(1)] ?? 0);
  const total = values.reduce((sum, value) => sum + value);
  const share = (value) => `${Math.round((value / total) * 1000) / 10} %`;
  const rows = values.map((value, i) => [`${STARS[i]} stars`, counted(value, "rating"), share(value)]);
  const x = mean * 20 - 5;
  return figure(label, ["Stars", "Ratings", "Share"], rows, 200,
    bars(values, 176, 154, "bar"),
    rule(0, 176, 100, 176, "axis"),
    STARS.map((value, i) => text(middle(STARS, i), 194, value)),
    rule(x, 16, x, 176, "mean"),
    text(Math.min(x, 90), 11, `mean ${stars(mean)}`));
}

/** The means of {period, count, mean} as a line, and below them how many ratings they rest on. */
export function overTime(label, series) {
  const words = ({ count, mean }) => [counted(count, "rating"), count ? `mean ${stars(mean)}` : "no mean"];
  const rows = series.map((it) => [named(it), ...words(it)]);
  const counts = series.map(({ count }) => count);
  const y = (mean) => 150 - mean * 28;
  const known = series.map(({ mean }, i) => [middle(series, i), mean]).filter(([, mean]) => mean !== null);
  const line = known.map(([x, mean], i) => {
    const [from, before] = known[i - 1] ?? [x, mean];
    return rule(from, y(before), x, y(mean), "line");
  });
  const every = Math.ceil(series.length / NAMED);
  const level = (value) => [rule(0, y(value), 100, y(value), "grid"), text(0, y(value) - 3, `${value} ★`, "start")];
  return figure(label, ["Time", "Ratings", "Mean"], rows, 250,
    [1, 2, 3, 4, 5].map(level),
    bars(counts, 226, 56, "band"),
    text(0, 166, counted(Math.max(...counts), "rating"), "start"),
    rule(0, 226, 100, 226, "axis"),
    line,
    series.map((it, i) => i % every === 0 && text(middle(series, i), 244, named(it))));
}

function named({ period }) {
  const [year, month] = period.split("-");
  return month ? new Date(year, month - 1).toLocaleDateString("en", { year: "numeric", month: "short" }) : year;
}

/** A table of {name, href, value, cells, hint} with bars to the right and left of a middle line. */
export function diverging(label, head, rows) {
  const most = Math.max(...rows.map(({ value }) => Math.abs(value)), 0.25);
  return table(label, head, rows.map(({ name, href, value, cells, hint }) => {
    const words = `${name} ${value < 0 ? "−" : "+"}${stars(Math.abs(value))}`;
    const style = { "--size": Math.abs(value) / most };
    const bar = h("div.lean", { class: value < 0 && "below", style, role: "img", label: words });
    return [h("a", { href, title: hint }, name), bar, ...cells];
  }), "diverging");
}

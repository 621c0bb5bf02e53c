// Parts of views: panels that fill themselves, addresses of the catalogue, plots. What is plotted is a table, too.

import { counted, h, redraw, textButton } from "./dom.js";

/** A part of a view under a heading; `lead` stands beside that. */
export function section(title, testid, lead, ...children) {
  const head = h("div.panel-head", h("h2", title), lead);
  return h("section.panel", { label: title, testid }, head, children);
}

/** A part that loads what it shows: bones, then what `draw` makes of it or what went wrong. `reload()` asks again. */
export function panel(title, testid, signal, { load, draw, lead = () => null, cards }) {
  let [found, error, last] = [null, null, new AbortController()];
  const reload = async () => {
    last.abort();
    const mine = (last = new AbortController());
    const ends = AbortSignal.any([signal, mine.signal]);
    const [now, wrong] = await load(ends).then((it) => [it], (problem) => [null, problem]);
    if (ends.aborted) return;
    [found, error] = [now, wrong];
    mine.abort(); // nothing is asked any more
    redraw();
  };
  const shown = () => (found ? draw(found) : skeleton(cards));
  const view = () => section(title, testid, lead(),
    h("div.panel-body", { "aria-busy": !last.signal.aborted && "true" }, error ? trouble(error, reload) : shown()));
  reload();
  return { reload, view };
}

export function skeleton(cards) {
  const bones = Array.from({ length: 5 }, () => h(cards ? "div.bone.bone-card" : "div.bone"));
  return h(cards ? "div.card-grid" : "div.bones", { "aria-hidden": "true" }, bones);
}

export function trouble(error, again) {
  if (!error.code) console.warn(error);
  const words = error.code ? error.message : "This could not be shown.";
  return h("div.trouble", { role: "alert" }, h("p", words), textButton("retry", "Try again", again));
}

export function exploring(filters) {
  const given = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== ""));
  return `#/explore${given.size ? `/${given}` : ""}`;
}

// Plots: across in percent, down in pixels

const STARS = Array.from({ length: 10 }, (_, i) => (i + 1) / 2);
const NAMED = 6; // periods below a plot

export const stars = (value, digits = 2) => (value == null ? "–" : value.toFixed(digits));

const text = (x, y, words, anchor = "middle") =>
  h("text.plot-text", { x: `${x}%`, y, "text-anchor": anchor }, words);
const rule = (kind, x1, y1, x2, y2) => h(`line.plot-${kind}`, { x1: `${x1}%`, y1, x2: `${x2}%`, y2 });
const middle = (values, i) => ((i + 0.5) * 100) / values.length;

function bars(values, base, most, kind) {
  const highest = Math.max(...values);
  return values.map((value, i) => {
    const height = Math.max((value / highest) * most, 2);
    const [x, width] = [`${((i + 0.14) * 100) / values.length}%`, `${72 / values.length}%`];
    return value > 0 && h(`rect.plot-${kind}`, { x, width, y: base - height, height });
  });
}

const read = new Map(); // the row that is read, by the plot's label

/** A drawing with its table; pointer and arrow keys go through the rows. */
function figure(label, head, rows, height, ...drawing) {
  const at = Math.min(read.get(label) ?? -1, rows.length - 1);
  const leave = () => read.delete(label);
  const onkeydown = (event) => {
    const before = (at < 0 ? rows.length : at) - 1;
    const to = { ArrowRight: at + 1, ArrowLeft: before, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    read.set(label, Math.max(0, to));
  };
  const onpointermove = ({ clientX, currentTarget }) => {
    const { left, width } = currentTarget.getBoundingClientRect();
    read.set(label, Math.floor(((clientX - left) / width) * rows.length));
  };
  const events = { onkeydown, onpointermove, onpointerleave: leave, onblur: leave };
  const named = { tabindex: "0", role: "group", label: `${label}, by arrow keys` };
  const mark = at >= 0 && rule("mark", middle(rows, at), 0, middle(rows, at), height);
  return h("figure",
    h("div.plot", { ...named, ...events }, h("svg", { role: "img", label, height }, drawing, mark)),
    h("p.plot-readout", { "aria-live": "polite" }, rows[at]?.join(" · ")),
    table("table.visually-hidden", label, head, rows));
}

function table(selector, caption, head, rows) {
  const line = ([name, ...cells]) => h("tr", h("th", { scope: "row" }, name), cells.map((cell) => h("td", cell)));
  const names = h("tr", head.map((name) => h("th", { scope: "col" }, name)));
  return h(selector, h("caption.visually-hidden", caption), h("thead", names), h("tbody", rows.map(line)));
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
    rule("axis", 0, 176, 100, 176),
    STARS.map((value, i) => text(middle(STARS, i), 194, value)),
    rule("mean", x, 16, x, 176),
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
    return rule("line", from, y(before), x, y(mean));
  });
  const every = Math.ceil(series.length / NAMED);
  const level = (value) => [rule("grid", 0, y(value), 100, y(value)), text(0, y(value) - 3, `${value} ★`, "start")];
  return figure(label, ["Time", "Ratings", "Mean"], rows, 250,
    [1, 2, 3, 4, 5].map(level),
    bars(counts, 226, 56, "band"),
    text(0, 166, counted(Math.max(...counts), "rating"), "start"),
    rule("axis", 0, 226, 100, 226),
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
  return table("table.diverging", label, head, rows.map(({ name, href, value, cells, hint }) => {
    const words = `${name} ${value < 0 ? "−" : "+"}${stars(Math.abs(value))}`;
    const style = { "--size": Math.abs(value) / most };
    const bar = h("div.lean", { class: value < 0 && "below", style, role: "img", label: words });
    return [h("a", { href, title: hint }, name), bar, ...cells];
  }));
}

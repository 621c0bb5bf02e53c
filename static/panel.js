// Parts of views: panels that fill themselves, grids of movies, addresses of the catalogue.

import { fill, h, textButton } from "./dom.js";
import { movieCard } from "./cards.js";

/** A part of a view under a heading; `lead` stands beside that. */
export function section(title, testid, lead, ...children) {
  const head = h("div.panel-head", h("h2", title), lead);
  return h("section.panel", { label: title, testid }, head, children);
}

/** A section that fills itself: bones, then what `load` brings or what went wrong; `.reload()` asks again. */
export function panel(title, testid, signal, { load, draw, lead, cards }) {
  const body = h("div.panel-body", skeleton(cards));
  const node = section(title, testid, lead, body);
  let last = new AbortController();
  node.reload = async () => {
    last.abort();
    last = new AbortController();
    const ends = AbortSignal.any([signal, last.signal]);
    body.ariaBusy = "true";
    const shown = await load(ends).then(draw).catch((error) => ends.aborted || trouble(error, node.reload));
    if (ends.aborted) return;
    fill(body, shown);
    body.ariaBusy = null;
  };
  node.reload();
  return node;
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

export const grid = (movies, label, note) =>
  h("ul.card-grid", { label }, movies.map((it) => h("li", movieCard(it, { note: note(it) }))));

export function exploring(filters) {
  const given = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== ""));
  return `#/explore${given.size ? `/${given}` : ""}`;
}

// Parts of a view that fill themselves: a skeleton at once, then what was asked for, or what went wrong and a retry.

import { button, h } from "./dom.js";
import { movieCard } from "./cards.js";
import { refill } from "./fill.js";

/** A part of a view under a heading. @param {Node|null} lead beside that */
export function section(title, testid, lead, ...children) {
  const head = h("div.panel-head", h("h2", title), lead);
  return h("section.panel", { "aria-label": title, "data-testid": testid }, head, children);
}

/**
 * A section that fills itself.
 * @param {AbortSignal} signal the end of the view
 * @param {{load: (signal: AbortSignal) => Promise<any>, draw: (found: any) => Node|Array}} parts also `lead`, and
 *     `cards` for the skeleton's form
 * @returns {HTMLElement} `.reload()` asks again; what is shown stays until the answer is there
 */
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
    refill(body, shown);
    body.ariaBusy = null;
  };
  node.reload();
  return node;
}

/** Bones in the form of cards, or of lines. */
export function skeleton(cards) {
  const bones = Array.from({ length: 5 }, () => h(cards ? "div.bone.bone-card" : "div.bone"));
  return h(cards ? "div.card-grid" : "div.bones", { "aria-hidden": "true" }, bones);
}

/** An error in words, and a way to try again. */
export function trouble(error, again) {
  if (!error.code) console.warn(error);
  const words = error.code ? error.message : "This could not be shown.";
  return h("div.trouble", { role: "alert" }, h("p", words), button("retry", "Try again", again, { text: true }));
}

/** Movies as a grid of cards, each with a note. */
export function grid(movies, label, note) {
  const item = (movie) => h("li", movieCard(movie, { note: note(movie) }));
  return h("ul.card-grid", { "aria-label": label }, movies.map(item));
}

/** The address of the catalogue under filters. */
export function exploring(state) {
  const given = new URLSearchParams(Object.entries(state).filter(([, value]) => value !== ""));
  return `#/explore${given.size ? `/${given}` : ""}`;
}

/** `A, B and C`. @param {string[]} names */
export const listed = (names) => new Intl.ListFormat("en-GB").format(names);

// Parts of a view that fill themselves: a skeleton at once, then what was asked for, or what went wrong and a retry.

import { button, clear, h } from "./dom.js";
import { movieCard } from "./cards.js";

const FOCUSABLE = "a[href]:not([tabindex='-1']), button, input, select";

/** A part of a view under a heading. @param {string} title @param {Node|null} lead beside it @param {...Node} children */
export function section(title, testid, lead, ...children) {
  return h("section", { class: "panel", "aria-label": title, dataset: { testid } }, h("div", { class: "panel-head" }, h("h2", null, title), lead), children);
}

/**
 * A section that fills itself.
 * @param {string} title
 * @param {string} testid
 * @param {AbortSignal} signal the end of the view
 * @param {{load: (signal: AbortSignal) => Promise<any>, draw: (found: any) => Node|Array, lead?: Node, cards?: boolean}} parts
 *     cards: the skeleton's form
 * @returns {HTMLElement} `.reload()` asks again; what is shown stays until the answer is there
 */
export function panel(title, testid, signal, { load, draw, lead = null, cards = false }) {
  const body = h("div", { class: "panel-body" }, skeleton(cards));
  const node = section(title, testid, lead, body);
  let last = new AbortController();
  node.reload = async () => {
    last.abort();
    last = new AbortController();
    const ends = AbortSignal.any([signal, last.signal]);
    body.setAttribute("aria-busy", "true");
    const shown = await load(ends).then(draw).catch((error) => !ends.aborted && trouble(error, node.reload));
    if (ends.aborted) return;
    refill(body, shown);
    body.removeAttribute("aria-busy");
  };
  node.reload();
  return node;
}

/** Puts other nodes into a place; who had the focus in it keeps it about where it was. */
export function refill(body, ...nodes) {
  const at = [...body.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
  clear(body).append(...nodes.flat(Infinity).filter(Boolean));
  if (at >= 0) [...body.querySelectorAll(FOCUSABLE)].slice(0, at + 1).pop()?.focus({ preventScroll: true });
}

/** @param {boolean} cards in the form of cards, or of lines */
export function skeleton(cards) {
  return h("div", { class: cards ? "card-grid" : "bones", "aria-hidden": "true" }, Array.from({ length: 5 }, () => h("div", { class: cards ? "bone bone-card" : "bone" })));
}

/** @param {Error} error @param {() => void} again */
export function trouble(error, again) {
  if (!error.code) console.warn(error);
  return h("div", { class: "trouble", role: "alert" }, h("p", null, error.code ? error.message : "This could not be shown."), button("retry", "Try again", again, { text: true }));
}

/** Movies as a grid of cards. @param {Object[]} movies @param {string} label @param {(movie: Object) => string|null} [note] */
export function grid(movies, label, note = () => null) {
  return h("ul", { class: "card-grid", "aria-label": label }, movies.map((movie) => h("li", null, movieCard(movie, { note: note(movie) }))));
}

/** The address of the catalogue under filters. @param {Object<string, any>} state */
export function exploring(state) {
  const given = new URLSearchParams(Object.entries(state).filter(([, value]) => value !== ""));
  return `#/explore${given.size ? `/${given}` : ""}`;
}

/** `A, B and C`. @param {string[]} names */
export const listed = (names) => (names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names.join());

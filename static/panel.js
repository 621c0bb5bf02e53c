// Parts of a view that fill themselves: a skeleton at once, then what was asked for, or what went wrong and a retry.

import { button, clear, h } from "./dom.js";
import { movieCard } from "./cards.js";

const FOCUSABLE = "a[href]:not([tabindex='-1']), button, input, select";

/**
 * A section of a view.
 * @param {string} title
 * @param {(signal: AbortSignal) => Promise<any>} load
 * @param {(found: any) => Node|Node[]} draw
 * @param {{signal: AbortSignal, testid: string, lead?: Node, cards?: boolean}} options cards: of the skeleton
 * @returns {HTMLElement} `.reload()` asks again; what is shown stays until the answer is there
 */
export function panel(title, load, draw, { signal, testid, lead = null, cards = false }) {
  const body = h("div", { class: "panel-body" }, skeleton(cards));
  const node = h("section", { class: "panel", "aria-label": title, dataset: { testid } },
    h("div", { class: "panel-head" }, h("h2", null, title), lead), body);
  let last = null;
  node.reload = async () => {
    last?.abort();
    last = new AbortController();
    const either = AbortSignal.any([signal, last.signal]);
    body.setAttribute("aria-busy", "true");
    try {
      const found = await load(either);
      if (!either.aborted) refill(body, draw(found));
    } catch (error) {
      if (!either.aborted) refill(body, trouble(error, node.reload));
    } finally {
      if (!either.aborted) body.removeAttribute("aria-busy");
    }
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
  const piece = () => h("div", { class: cards ? "bone bone-card" : "bone" });
  return h("div", { class: cards ? "card-grid" : "bones", "aria-hidden": "true" }, Array.from({ length: cards ? 6 : 4 }, piece));
}

/** @param {Error} error @param {() => void} again */
export function trouble(error, again) {
  if (!error.detail && error.code === undefined) console.warn(error);
  return h("div", { class: "trouble", role: "alert" }, h("p", null, error.code ? error.message : "This could not be shown."), button("retry", "Try again", again, { text: true }));
}

/**
 * Movies as a grid of cards.
 * @param {Object[]} movies
 * @param {{label: string, note?: (movie: Object) => string|null}} options
 */
export function grid(movies, { label, note = () => null }) {
  return h("ul", { class: "card-grid", "aria-label": label }, movies.map((movie) => h("li", null, movieCard(movie, { note: note(movie) }))));
}

/** The address of the catalogue under a filter. @param {Object<string, any>} state */
export function exploring(state) {
  const given = Object.entries(state).filter(([, value]) => value !== "" && value != null);
  return given.length ? `#/explore/${new URLSearchParams(given)}` : "#/explore";
}

/** Names in a sentence: `A, B and C`. @param {string[]} names */
export const listed = (names) => (names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0] ?? "");

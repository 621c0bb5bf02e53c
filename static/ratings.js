// The caller's own ratings and what they have seen, the same on every card and in every tab.

import { announce } from "./dom.js";
import { get, request } from "./api.js";
import { hear, kept, tell, tellHere } from "./shared.js";

const MOST_SEEN = 2000;
const stars = new Map(); // by movie id
const seen = new Set(JSON.parse(kept.get("seen") ?? "[]"));
let loading = null;

export async function fetchAll(signal) {
  const found = [];
  let page = {};
  do {
    page = await get("/ratings", { limit: 200, after: page.next }, signal);
    found.push(...page.data);
  } while (page.next);
  for (const { movie, stars: given } of found) note(movie.movie_id, given);
  return found;
}

/** Loads all own ratings, once: stars by movie id. */
export async function load() {
  loading ??= fetchAll();
  await loading.catch(() => (loading = null)); // the next card asks again
  return stars;
}

export const ratingOf = (id) => stars.get(id) ?? 0;

/** Rates a movie by stars in halves; 0 takes the rating back. Shown at once, and put back where it fails. */
export async function rate({ movie_id: id, title }, given) {
  const before = ratingOf(id);
  note(id, given);
  try {
    if (given) await request("PUT", `/ratings/${id}`, { body: { stars: given } });
    else if (before) await request("DELETE", `/ratings/${id}`);
    tell("rated", { id, stars: given });
    announce(given ? `Rated ${title} ${given} stars.` : `Took back the rating of ${title}.`);
  } catch (error) {
    if (error.status !== 404 || given) note(id, before);
    announce(`The rating was not stored: ${error.message}`);
  }
}

export function note(id, given) {
  if (given === ratingOf(id)) return;
  if (given) stars.set(id, given);
  else stars.delete(id);
  tellHere(`stars ${id}`, given);
}

export const isSeen = (id) => seen.has(id);

/** Notes, in this browser, whether a movie was seen. */
export function setSeen(id, was) {
  seen[was ? "add" : "delete"](id);
  kept.set("seen", JSON.stringify([...seen].slice(-MOST_SEEN)));
}

/** Listens to one movie's rating for as long as a node is in the page. */
export function watch(id, node, listener) {
  const gone = new AbortController();
  hear(`stars ${id}`, (given) => (node.isConnected ? listener(given) : gone.abort()), gone.signal);
}

hear("rated", ({ id, stars: given, far }) => far && note(id, given));

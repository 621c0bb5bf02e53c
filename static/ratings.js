// The caller's own ratings and what they have seen, the same on every card and in every tab.

import { get, request } from "./api.js";
import { hear, kept, tell, tellHere } from "./shared.js";

const MOST_SEEN = 2000;
const stars = new Map();
const seen = new Set(JSON.parse(kept.get("seen") ?? "[]"));
let loading = null;

/** All own ratings as the service has them, the newest first. @param {AbortSignal} [signal] */
export async function fetchAll(signal) {
  const found = [];
  for (let after = null; after !== undefined; ) {
    const page = await get("/ratings", { limit: 200, after }, signal);
    found.push(...page.data);
    after = page.next ?? undefined;
  }
  for (const { movie, stars: given } of found) note(movie.movie_id, given);
  return found;
}

/** Loads all own ratings, once. @returns {Promise<Map<number, number>>} stars by movie id */
export async function load() {
  loading ??= fetchAll();
  await loading.catch(() => {
    loading = null; // the next card asks again
  });
  return stars;
}

/** Stars of a movie, 0 where it is not rated. */
export const ratingOf = (movieId) => stars.get(movieId) ?? 0;

/** All own ratings that are known. @returns {Map<number, number>} */
export const all = () => stars;

/** Rates a movie by stars in halves; 0 takes the rating back. Shown at once, and put back where it fails. */
export async function rate(movieId, given) {
  const before = ratingOf(movieId);
  note(movieId, given);
  try {
    if (given) await request("PUT", `/ratings/${movieId}`, { body: { stars: given } });
    else if (before) await request("DELETE", `/ratings/${movieId}`);
    tell("rated", { movieId, stars: given });
  } catch (error) {
    if (error.status !== 404 || given) note(movieId, before);
    throw error;
  }
}

/** Takes in a rating that is stored already. */
export function note(movieId, given) {
  if (given === ratingOf(movieId)) return;
  if (given) stars.set(movieId, given);
  else stars.delete(movieId);
  tellHere(`stars ${movieId}`, given);
}

export const isSeen = (movieId) => seen.has(movieId);

/** Notes, in this browser, whether a movie was seen. */
export function setSeen(movieId, was) {
  seen[was ? "add" : "delete"](movieId);
  kept.set("seen", JSON.stringify([...seen].slice(-MOST_SEEN)));
}

/** Listens to one movie's rating for as long as a node is in the page. */
export function watch(movieId, node, listener) {
  const gone = new AbortController();
  hear(`stars ${movieId}`, (given) => (node.isConnected ? listener(given) : gone.abort()), gone.signal);
}

hear("rated", ({ movieId, stars: given, far }) => far && note(movieId, given));

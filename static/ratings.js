// The caller's own ratings and what they have seen, the same on every card and in every tab.

import { pages, request } from "./api.js";
import { hear, kept, tell } from "./shared.js";

const stars = new Map();
const seen = new Set(JSON.parse(kept.get("seen") ?? "[]"));
const changes = new EventTarget();
let loading = null;

/** Loads all own ratings, once. @returns {Promise<Map<number, number>>} stars by movie id */
export function load() {
  loading ??= fetchAll().catch(() => {
    loading = null; // the next card asks again
    return stars;
  });
  return loading;
}

async function fetchAll() {
  for await (const page of pages("/ratings", { limit: 200 })) {
    for (const { movie, stars: given } of page) note(movie.movie_id, given);
  }
  return stars;
}

/** @param {number} movieId @returns {number} 0 where it is not rated */
export function ratingOf(movieId) {
  return stars.get(movieId) ?? 0;
}

/** All own ratings that are known. @returns {Map<number, number>} */
export function all() {
  return stars;
}

/**
 * Rates a movie; 0 takes the rating back. Shown at once, and put back where it fails.
 * @param {number} movieId
 * @param {number} given stars in halves
 * @throws {import("./api.js").Problem}
 */
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

/** Takes in a rating that is stored already. @param {number} movieId @param {number} given */
export function note(movieId, given) {
  if (given === ratingOf(movieId)) return;
  if (given) stars.set(movieId, given);
  else stars.delete(movieId);
  changes.dispatchEvent(new CustomEvent(String(movieId), { detail: given }));
}

/** @param {number} movieId */
export function isSeen(movieId) {
  return seen.has(movieId);
}

/** Notes, in this browser, whether a movie was seen. @param {number} movieId @param {boolean} was */
export function setSeen(movieId, was) {
  if (was) seen.add(movieId);
  else seen.delete(movieId);
  kept.set("seen", JSON.stringify([...seen].slice(-2000)));
}

/** Listens to one movie's rating for as long as a node is in the page. */
export function watch(movieId, node, listener) {
  const told = ({ detail }) => {
    if (node.isConnected) listener(detail);
    else changes.removeEventListener(String(movieId), told);
  };
  changes.addEventListener(String(movieId), told);
}

hear("rated", ({ movieId, stars: given, far }) => far && note(movieId, given));

// Movies as cards, and what one does to them: rate, mark as seen, ask. Own ratings are the same on all, in all tabs.

import { announce, button, called, h, listed, outward, redraw, textButton } from "./dom.js";
import { ask, download, get, hear, kept, request, signedIn, tell } from "./api.js";

const SETTLE_MS = 450; // keys move a rating by halves; only where they come to rest is stored
const MOST_SEEN = 2000;
const SHOWN = 12;

// Own ratings

const stars = new Map(); // by movie id
const moving = new Map(); // ratings that are not stored yet: {given, timer}
const seen = new Set(JSON.parse(kept.get("seen") ?? "[]"));
let loading = null;

export async function fetchRatings(signal) {
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
export async function loadRatings() {
  loading ??= fetchRatings();
  await loading.catch(() => (loading = null)); // the next card asks again
  return stars;
}

/** Rates a movie by stars in halves; 0 takes the rating back. Shown at once, and put back where it fails. */
export async function rate({ movie_id: id, title }, given) {
  const before = stars.get(id) ?? 0;
  moving.delete(id);
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
  if (given) stars.set(id, given);
  else stars.delete(id);
  redraw();
}

hear("rated", ({ id, stars: given, far }) => far && note(id, given));

/** Stars that store the caller's rating, in halves: a slider for keys, a row of stars for the rest. */
export function ownStars(movie) {
  const { movie_id: id } = movie;
  const given = moving.get(id)?.given ?? stars.get(id) ?? 0;
  const move = (to) => {
    clearTimeout(moving.get(id)?.timer);
    moving.set(id, { given: to, timer: setTimeout(rate, SETTLE_MS, movie, to) });
  };
  const slider = h("input", {
    type: "range", min: 0, max: 5, step: 0.5, value: given, label: `Your rating of ${called(movie)}`,
    "aria-valuetext": given ? `${given} ${given === 1 ? "star" : "stars"}` : "not rated",
    oninput: ({ target }) => move(Number(target.value)),
    onkeydown: ({ key }) => (key === "Delete" || key === "Backspace") && move(0),
  });
  return h("span.stars", { class: given && "given", style: { "--given": given }, made: loadRatings },
    h("span.stars-row", slider),
    h("span", { "aria-hidden": "true" }, given ? given.toFixed(1) : "Rate"));
}

// Cards

/** A movie as a card; a `wide` one stands alone, with histogram, tags and links. */
export function movieCard(movie, { buttons = true, wide, note } = {}) {
  const { movie_id: id, title, year, rating_count: count, rating_mean: mean } = movie;
  const name = called(movie);
  const href = `#/movies/${id}`;
  const classes = [wide && "wide", buttons && seen.has(id) && "was-seen"].filter(Boolean).join(" ");
  const words = count && `${mean.toFixed(1)} stars from ${count.toLocaleString("en")} ratings`;
  return h("article.movie-card", { label: name, testid: "movie-card", class: classes, key: id },
    h("a.card-poster", { href, tabindex: "-1", "aria-hidden": "true" }, poster(movie)),
    h("div.card-text",
      h("a.card-title", { href, title: name }, title),
      h("p.facts", year, words && h("span.mean", { role: "img", title: words, label: words }, mean.toFixed(1))),
      note && h("p.card-note", note),
      wide && details(movie),
      count !== undefined && ownStars(movie),
      buttons && actions(movie, name)));
}

export function poster({ movie_id: id }) {
  const path = `/movies/${id}/poster`;
  const load = (image) => download(path).then((file) => (image.src = URL.createObjectURL(file)), () => {});
  const from = signedIn() ? { made: load } : { src: path }; // an address alone goes without credentials
  return h("img.poster", { alt: "", loading: "lazy", decoding: "async", testid: "poster", ...from });
}

function actions({ movie_id: id }, name) {
  const was = seen.has(id);
  const see = () => {
    seen[was ? "delete" : "add"](id);
    kept.set("seen", JSON.stringify([...seen].slice(-MOST_SEEN)));
    if (!was) ask(`I've seen ${name}`);
  };
  const asking = (icon, text, words) => button(icon, words, () => ask(words), { text });
  const marked = { text: "Seen", title: "Seen it: leave it out", "aria-pressed": String(was) };
  return h("div.card-actions",
    asking("alike", "More", `More like ${name}`),
    asking("why", "Why", `Why ${name}?`),
    button("seen", `Seen: ${name}`, see, marked));
}

function details({ genres, description, histogram, tags = [], imdb_url: imdb, tmdb_url: tmdb }) {
  return [
    h("p.muted", genres?.join(" · ")),
    h("p.muted", description),
    histogram && small(histogram),
    h("p.chips", tags.slice(0, 6).map((tag) => h("span.chip", tag))),
    h("p.chips", imdb && outward(imdb, "IMDb"), tmdb && outward(tmdb, "TMDB")),
  ].filter((it) => it?.children.length);
}

function small(counts) {
  const given = Object.entries(counts).filter(([, count]) => count);
  const most = Math.max(...given.map(([, count]) => count));
  const bars = given.map(([value, count]) =>
    h("rect", { x: value * 20 - 10, y: 30 - (count / most) * 28, width: 8, height: 30 }));
  const label = `Ratings by stars: ${given.map(([value, count]) => `${count} with ${Number(value)}`).join(", ")}`;
  return h("svg", { class: "histogram", viewBox: "0 0 100 30", role: "img", label }, bars);
}

export const because = (causes, most = 1) => {
  const own = causes.filter(({ movie_id: id, share }) => id !== null && share > 0).slice(0, most);
  return own.length > 0 && `Because of ${listed(own.map(({ title }) => title))}`;
};

const whole = new Set(); // ids of lists of which all is shown

export function shelf(movies, id) {
  const shown = whole.has(id) ? movies : movies.slice(0, SHOWN);
  const rest = movies.length - shown.length;
  const more = () => h("li.more", textButton(null, `${rest} more`, () => whole.add(id)));
  return h("ul.shelf", { label: "Movies in this answer" },
    shown.map((movie) => h("li", { key: movie.movie_id }, movieCard(movie))), rest > 0 && more());
}

export const grid = (movies, props, note) =>
  h("ul.card-grid", props, movies.map((it) => h("li", { key: it.movie_id }, movieCard(it, { note: note?.(it) }))));

// Movies as cards, with what one can do about them: rate, ask for more like it, ask why, say it was seen.

import { announce, button, h, svg } from "./dom.js";
import { ask } from "./shared.js";
import * as ratings from "./ratings.js";
import { poster } from "./poster.js";

const SETTLE_MS = 450; // keys move a rating by halves; only where they come to rest is stored

/**
 * A movie as a card.
 * @param {Object} movie as results have it, a Movie or a MovieDetail
 * @param {{buttons?: boolean, wide?: boolean, onRate?: (stars: number) => void, note?: string}} [options]
 *     wide: for one alone, with histogram, tags and links
 * @returns {HTMLElement}
 */
export function movieCard(movie, { buttons = true, wide = false, onRate = null, note = null } = {}) {
  const name = called(movie);
  const picture = h("a", { class: "card-poster", href: `#/movies/${movie.movie_id}`, tabindex: "-1", "aria-hidden": "true" }, poster(movie));
  const title = h("a", { class: "card-title", href: `#/movies/${movie.movie_id}`, title: name }, movie.title);
  const card = h("article", { class: wide ? "movie-card wide" : "movie-card", "aria-label": name, dataset: { testid: "movie-card", movie: movie.movie_id } });
  const facts = h("p", { class: "facts" }, movie.year && h("span", null, movie.year), mean(movie));
  const details = wide && [
    h("p", { class: "genres" }, movie.genres?.join(" · ")),
    movie.description && h("p", { class: "description" }, movie.description),
    movie.histogram && histogram(movie.histogram),
    tags(movie),
    links(movie),
  ];
  const rating = movie.rating_count === undefined ? null : ownStars(movie, onRate);
  card.append(picture, h("div", { class: "card-text" }, title, facts, note && h("p", { class: "card-note" }, note), details, rating, buttons && actions(movie, card)));
  return card;
}

/** A title with its year. @param {{title: string, year?: number|null}} movie */
export function called(movie) {
  return movie.year ? `${movie.title} (${movie.year})` : movie.title;
}

/**
 * Stars to look at and to give, in halves: a slider for keys, a row of stars for the rest.
 * @param {number} value 0 for none
 * @param {(stars: number) => void} onRate
 * @param {{label?: string}} [options]
 * @returns {HTMLElement} `.set(stars)` shows another value
 */
export function stars(value, onRate, { label = "Your rating" } = {}) {
  let timer = null;
  const words = h("span", { class: "stars-words", "aria-hidden": "true" });
  const input = h("input", { type: "range", min: "0", max: "5", step: "0.5", value: String(value), "aria-label": label });
  const node = h("span", { class: "stars" }, h("span", { class: "stars-row" }, input), words);
  const draw = () => {
    const given = Number(input.value);
    node.style.setProperty("--given", given);
    node.classList.toggle("given", given > 0);
    words.textContent = given ? given.toFixed(1) : "Rate";
    input.setAttribute("aria-valuetext", given ? `${given} ${given === 1 ? "star" : "stars"}` : "not rated");
  };
  input.addEventListener("input", draw);
  input.addEventListener("change", () => {
    clearTimeout(timer);
    timer = setTimeout(() => onRate(Number(input.value)), SETTLE_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Delete" || event.key === "Backspace") {
      input.value = "0";
      draw();
      onRate(0);
    }
  });
  node.set = (given) => {
    input.value = String(given);
    draw();
  };
  draw();
  return node;
}

/** Stars that store the caller's rating. @param {Object} movie @param {((stars: number) => void)|null} onRate */
export function ownStars(movie, onRate) {
  const node = stars(ratings.ratingOf(movie.movie_id), rated, { label: `Your rating of ${called(movie)}` });
  async function rated(given) {
    try {
      await ratings.rate(movie.movie_id, given);
      announce(given ? `Rated ${movie.title} ${given} stars.` : `Took back the rating of ${movie.title}.`);
      onRate?.(given);
    } catch (error) {
      announce(`The rating was not stored: ${error.detail}`);
      node.set(ratings.ratingOf(movie.movie_id));
    }
  }
  ratings.load();
  ratings.watch(movie.movie_id, node, node.set);
  return node;
}

function actions(movie, card) {
  const name = called(movie);
  const seen = button("seen", `Seen: ${name}`, () => {
    const was = seen.getAttribute("aria-pressed") !== "true";
    ratings.setSeen(movie.movie_id, was);
    mark(was);
    if (was) ask(`I've seen ${name}`);
  });
  const mark = (was) => {
    seen.setAttribute("aria-pressed", String(was));
    card.classList.toggle("was-seen", was);
  };
  mark(ratings.isSeen(movie.movie_id));
  const alike = button("alike", `More like ${name}`, () => ask(`More like ${name}`));
  const why = button("why", `Why ${name}?`, () => ask(`Why ${name}?`));
  alike.title = "More like this";
  why.title = "Why this?";
  seen.title = "Seen it: leave it out";
  return h("div", { class: "card-actions" }, alike, why, seen);
}

function mean(movie) {
  if (!movie.rating_count) return null;
  const words = `${movie.rating_mean.toFixed(1)} stars from ${movie.rating_count.toLocaleString("en")} ratings`;
  return h("span", { class: "mean", title: words }, star(), h("span", { "aria-hidden": "true" }, movie.rating_mean.toFixed(1)), h("span", { class: "visually-hidden" }, words));
}

function star() {
  return svg("svg", { viewBox: "0 0 24 24", class: "star", "aria-hidden": "true" }, svg("path", { d: "M12 2.6l2.9 6 6.6.9-4.8 4.6 1.2 6.6L12 17.5l-5.9 3.2 1.2-6.6L2.5 9.5l6.6-.9z" }));
}

/** Ratings by stars, small. @param {Object<string, number>} counts by '0.5' to '5.0' */
export function histogram(counts) {
  const steps = Array.from({ length: 10 }, (_, index) => counts[((index + 1) / 2).toFixed(1)] ?? 0);
  const most = Math.max(1, ...steps);
  const words = steps.map((count, index) => count && `${count} with ${(index + 1) / 2}`).filter(Boolean).join(", ");
  const bars = steps.map((count, index) => {
    const height = Math.max(count ? 1.5 : 0.5, (count / most) * 28);
    return svg("rect", { x: index * 10 + 1, y: 30 - height, width: 8, height, rx: 1.5 });
  });
  return svg("svg", { class: "histogram", viewBox: "0 0 100 30", role: "img", "aria-label": `Ratings by stars: ${words}` }, bars);
}

function tags(movie) {
  const names = movie.tags?.slice(0, 6) ?? [];
  return names.length ? h("p", { class: "tags" }, names.map((tag) => h("span", { class: "chip" }, tag))) : null;
}

function links(movie) {
  const link = (url, words) => url && h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, words);
  const found = [link(movie.imdb_url, "IMDb"), link(movie.tmdb_url, "TMDB")].filter(Boolean);
  return found.length ? h("p", { class: "links" }, found) : null;
}

const SHOWN = 12;

/**
 * Movies side by side, to be scrolled through; one alone is a wide card.
 * @param {Array<Object>} movies
 * @param {{label: string}} options
 */
export function shelf(movies, { label }) {
  const list = h("ul", { class: "shelf", "aria-label": label, "data-testid": "shelf" });
  const add = (more) => list.append(...more.map((movie) => h("li", null, movieCard(movie))));
  add(movies.slice(0, SHOWN));
  const back = button("left", "Scroll back", () => list.scrollBy({ left: -list.clientWidth * 0.8, behavior: "smooth" }), { class: "icon-button scroll back" });
  const on = button("right", "Scroll on", () => list.scrollBy({ left: list.clientWidth * 0.8, behavior: "smooth" }), { class: "icon-button scroll on" });
  const rest = movies.slice(SHOWN);
  if (rest.length) {
    const item = h("li", { class: "more" }, button(null, `${rest.length} more`, () => {
      item.remove();
      add(rest);
    }, { text: true }));
    list.append(item);
  }
  const update = () => {
    back.hidden = list.scrollLeft < 8;
    on.hidden = list.scrollLeft + list.clientWidth > list.scrollWidth - 8;
  };
  list.addEventListener("scroll", update, { passive: true });
  new ResizeObserver(update).observe(list);
  return h("div", { class: "shelf-frame" }, list, back, on);
}

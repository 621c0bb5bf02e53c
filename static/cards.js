// Movies as cards, with what one can do about them: rate, ask for more like it, ask why, say it was seen.

import { announce, button, h, svg } from "./dom.js";
import { ask } from "./shared.js";
import * as ratings from "./ratings.js";
import { poster } from "./poster.js";

const SETTLE_MS = 450; // keys move a rating by halves; only where they come to rest is stored
const SHOWN = 12;

/**
 * A movie as a card. `wide`: for one alone, with histogram, tags and links.
 * @param {Object} movie as results have it, a Movie or a MovieDetail
 * @param {{buttons?: boolean, wide?: boolean, note?: string}} [options]
 * @returns {HTMLElement}
 */
export function movieCard(movie, { buttons = true, wide, note } = {}) {
  const name = called(movie);
  const href = `#/movies/${movie.movie_id}`;
  const card = h(wide ? "article.movie-card.wide" : "article.movie-card", { "aria-label": name, "data-testid": "movie-card" });
  card.append(h("a.card-poster", { href, tabindex: "-1", "aria-hidden": "true" }, poster(movie)), h("div.card-text",
    h("a.card-title", { href, title: name }, movie.title),
    h("p.facts", movie.year, mean(movie)),
    filled("p.card-note", note),
    wide && details(movie),
    movie.rating_count !== undefined && ownStars(movie),
    buttons && actions(movie, card)));
  return card;
}

/** A node with what there is to put in; nothing where there is nothing. */
const filled = (selector, ...children) => children.flat().some(Boolean) && h(selector, {}, children);

/** A title with its year. @param {{title: string, year?: number|null}} movie */
export function called(movie) {
  return movie.year ? `${movie.title} (${movie.year})` : movie.title;
}

/**
 * Stars to look at and to give, in halves, 0 for none: a slider for keys, a row of stars for the rest.
 * @param {number} value @param {(stars: number) => void} onRate
 * @returns {HTMLElement} `.set(stars)` shows another value
 */
export function stars(value, onRate, { label }) {
  let timer = null;
  const draw = () => {
    const given = Number(input.value);
    node.style.setProperty("--given", given);
    node.classList.toggle("given", given > 0);
    words.textContent = given ? given.toFixed(1) : "Rate";
    input.ariaValueText = given ? `${given} ${given === 1 ? "star" : "stars"}` : "not rated";
  };
  const onchange = () => {
    clearTimeout(timer);
    timer = setTimeout(() => onRate(Number(input.value)), SETTLE_MS);
  };
  const onkeydown = ({ key }) => {
    if (key !== "Delete" && key !== "Backspace") return;
    node.set(0);
    onRate(0);
  };
  const input = h("input", { type: "range", min: 0, max: 5, step: 0.5, "aria-label": label, oninput: draw, onchange, onkeydown });
  const words = h("span", { "aria-hidden": "true" });
  const node = h("span.stars", h("span.stars-row", input), words);
  node.set = (given) => {
    input.value = given;
    draw();
  };
  node.set(value);
  return node;
}

/** Stars that store the caller's rating. @param {Object} movie */
export function ownStars(movie) {
  const { movie_id: id, title } = movie;
  const rate = async (given) => {
    try {
      await ratings.rate(id, given);
      announce(given ? `Rated ${title} ${given} stars.` : `Took back the rating of ${title}.`);
    } catch (error) {
      announce(`The rating was not stored: ${error.detail}`);
      node.set(ratings.ratingOf(id));
    }
  };
  const node = stars(ratings.ratingOf(id), rate, { label: `Your rating of ${called(movie)}` });
  ratings.load();
  ratings.watch(id, node, node.set);
  return node;
}

function actions(movie, card) {
  const name = called(movie);
  const seen = button("seen", `Seen: ${name}`, () => {
    const was = seen.ariaPressed !== "true";
    ratings.setSeen(movie.movie_id, was);
    mark(was);
    if (was) ask(`I've seen ${name}`);
  }, { text: "Seen", title: "Seen it: leave it out" });
  const mark = (was) => {
    seen.ariaPressed = was;
    card.classList.toggle("was-seen", was);
  };
  mark(ratings.isSeen(movie.movie_id));
  const asking = (icon, text, words) => button(icon, words, () => ask(words), { text });
  return h("div.card-actions", asking("alike", "More", `More like ${name}`), asking("why", "Why", `Why ${name}?`), seen);
}

function mean({ rating_count: count, rating_mean: value }) {
  if (!count) return null;
  const words = `${value.toFixed(1)} stars from ${count.toLocaleString("en")} ratings`;
  return h("span.mean", { role: "img", title: words, "aria-label": words }, value.toFixed(1));
}

/** For a card that stands alone. */
function details({ genres, description, histogram, tags = [], imdb_url: imdb, tmdb_url: tmdb }) {
  const link = (href, words) => href && h("a", { href, target: "_blank", rel: "noopener noreferrer" }, words);
  return [
    filled("p.muted", genres?.join(" · ")),
    filled("p.muted", description),
    histogram && small(histogram),
    filled("p.chips", tags.slice(0, 6).map((tag) => h("span.chip", tag))),
    filled("p.chips", link(imdb, "IMDb"), link(tmdb, "TMDB")),
  ];
}

/** Ratings by stars, small. */
function small(counts) {
  const given = Object.entries(counts).filter(([, count]) => count);
  const most = Math.max(...given.map(([, count]) => count));
  const bars = given.map(([value, count]) => svg("rect", { x: value * 20 - 10, y: 30 - (count / most) * 28, width: 8, height: 30 }));
  const words = given.map(([value, count]) => `${count} with ${Number(value)}`).join(", ");
  return svg("svg", { class: "histogram", viewBox: "0 0 100 30", role: "img", "aria-label": `Ratings by stars: ${words}` }, bars);
}

/** Movies side by side, to be scrolled through. @param {Array<Object>} movies @param {{label: string}} options */
export function shelf(movies, { label }) {
  const card = (movie) => h("li", movieCard(movie));
  const rest = movies.slice(SHOWN);
  const more = rest.length > 0 && h("li.more", button(null, `${rest.length} more`, () => more.replaceWith(...rest.map(card)), { text: true }));
  return h("ul.shelf", { "aria-label": label, "data-testid": "shelf" }, movies.slice(0, SHOWN).map(card), more);
}

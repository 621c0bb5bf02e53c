// Movies as cards, with what one can do about them: rate, ask for more like it, ask why, say it was seen.

import { button, h, outward, svg, textButton } from "./dom.js";
import { download } from "./api.js";
import { ask, called, signedIn } from "./shared.js";
import * as ratings from "./ratings.js";

const SETTLE_MS = 450; // keys move a rating by halves; only where they come to rest is stored
const SHOWN = 12;

/** A movie as a card; a `wide` one stands alone, with histogram, tags and links. */
export function movieCard(movie, { buttons = true, wide, note } = {}) {
  const name = called(movie);
  const href = `#/movies/${movie.movie_id}`;
  const card = h("article.movie-card", { label: name, testid: "movie-card", class: wide && "wide" },
    h("a.card-poster", { href, tabindex: "-1", "aria-hidden": "true" }, poster(movie)));
  card.append(h("div.card-text",
    h("a.card-title", { href, title: name }, movie.title),
    h("p.facts", movie.year, mean(movie)),
    filled("p.card-note", note),
    wide && details(movie),
    movie.rating_count !== undefined && ownStars(movie),
    buttons && actions(movie, card)));
  return card;
}

const filled = (selector, ...children) => children.flat().some(Boolean) && h(selector, {}, children);

export function poster({ movie_id: id }) {
  const path = `/movies/${id}/poster`;
  const src = !signedIn() && path; // an address alone goes without credentials
  const image = h("img.poster", { alt: "", loading: "lazy", decoding: "async", src, testid: "poster" });
  if (!src) download(path).then((file) => (image.src = URL.createObjectURL(file)), () => {});
  return image;
}

/** Stars that store the caller's rating, in halves: a slider for keys, a row of stars for the rest. */
export function ownStars(movie) {
  const { movie_id: id } = movie;
  let timer = null;
  const draw = () => {
    const given = Number(input.value);
    node.style.setProperty("--given", given);
    node.classList.toggle("given", given > 0);
    words.textContent = given ? given.toFixed(1) : "Rate";
    input.ariaValueText = given ? `${given} ${given === 1 ? "star" : "stars"}` : "not rated";
  };
  const show = (given) => {
    input.value = given;
    draw();
  };
  const onchange = () => {
    clearTimeout(timer);
    timer = setTimeout(() => ratings.rate(movie, Number(input.value)), SETTLE_MS);
  };
  const onkeydown = ({ key }) => {
    if (key !== "Delete" && key !== "Backspace") return;
    show(0);
    onchange();
  };
  const events = { oninput: draw, onchange, onkeydown };
  const label = `Your rating of ${called(movie)}`;
  const input = h("input", { type: "range", min: 0, max: 5, step: 0.5, label, ...events });
  const words = h("span", { "aria-hidden": "true" });
  const node = h("span.stars", h("span.stars-row", input), words);
  show(ratings.ratingOf(id));
  ratings.load();
  ratings.watch(id, node, show);
  return node;
}

function actions(movie, card) {
  const name = called(movie);
  const mark = (was) => {
    seen.ariaPressed = was;
    card.classList.toggle("was-seen", was);
  };
  const see = () => {
    const was = seen.ariaPressed !== "true";
    ratings.setSeen(movie.movie_id, was);
    mark(was);
    if (was) ask(`I've seen ${name}`);
  };
  const asking = (icon, text, words) => button(icon, words, () => ask(words), { text });
  const seen = button("seen", `Seen: ${name}`, see, { text: "Seen", title: "Seen it: leave it out" });
  mark(ratings.isSeen(movie.movie_id));
  const [more, why] = [asking("alike", "More", `More like ${name}`), asking("why", "Why", `Why ${name}?`)];
  return h("div.card-actions", more, why, seen);
}

function mean({ rating_count: count, rating_mean: value }) {
  if (!count) return null;
  const words = `${value.toFixed(1)} stars from ${count.toLocaleString("en")} ratings`;
  return h("span.mean", { role: "img", title: words, label: words }, value.toFixed(1));
}

function details({ genres, description, histogram, tags = [], imdb_url: imdb, tmdb_url: tmdb }) {
  return [
    filled("p.muted", genres?.join(" · ")),
    filled("p.muted", description),
    histogram && small(histogram),
    filled("p.chips", tags.slice(0, 6).map((tag) => h("span.chip", tag))),
    filled("p.chips", imdb && outward(imdb, "IMDb"), tmdb && outward(tmdb, "TMDB")),
  ];
}

function small(counts) {
  const given = Object.entries(counts).filter(([, count]) => count);
  const most = Math.max(...given.map(([, count]) => count));
  const bars = given.map(([value, count]) =>
    svg("rect", { x: value * 20 - 10, y: 30 - (count / most) * 28, width: 8, height: 30 }));
  const words = given.map(([value, count]) => `${count} with ${Number(value)}`).join(", ");
  const label = `Ratings by stars: ${words}`;
  return svg("svg", { class: "histogram", viewBox: "0 0 100 30", role: "img", label }, bars);
}

export function shelf(movies) {
  const card = (movie) => h("li", movieCard(movie));
  const [first, rest] = [movies.slice(0, SHOWN), movies.slice(SHOWN)];
  const more = h("li.more", textButton(null, `${rest.length} more`, () => more.replaceWith(...rest.map(card))));
  return h("ul.shelf", { label: "Movies in this answer" }, first.map(card), rest.length > 0 && more);
}

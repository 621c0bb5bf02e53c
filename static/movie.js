// A movie's page: what it is, how it is rated, when, what is like it.

import { button, clear, h } from "./dom.js";
import { request } from "./api.js";
import { called, ownStars } from "./cards.js";
import { poster } from "./poster.js";
import { counted, histogram, overTime, stars } from "./plots.js";
import { exploring, grid, panel, skeleton } from "./panel.js";
import { ask } from "./shared.js";

const LONG = 8; // years of ratings from which they are shown by year at first
const SIMILAR = 10;

/** @param {HTMLElement} root @param {{id: number, signal: AbortSignal, title: (text: string) => void}} options */
export async function show(root, { id, signal, title }) {
  root.classList.add("page");
  root.append(h("div", { class: "hero", "aria-busy": "true" }, h("div", { class: "bone bone-poster" }), skeleton(false)));
  const movie = await request("GET", `/movies/${Number.isInteger(id) ? id : -1}`, { signal }).catch((error) => {
    if (error.status !== 404 && error.status !== 422) throw error;
    return null;
  });
  if (signal.aborted) return;
  clear(root).append(...(movie ? page(movie, signal) : [missing()]));
  title(movie ? called(movie) : "No such movie");
}

function missing() {
  return h("div", { class: "empty" }, h("h2", null, "There is no such movie"), h("p", null, "It may have been in another catalogue."),
    h("a", { class: "button primary", href: "#/explore" }, "Explore the catalogue"));
}

function page(movie, signal) {
  return [
    hero(movie),
    h("div", { class: "columns" }, ratingsPanel(movie), timePanel(movie, signal)),
    movie.top_tags.length > 0 && tagsPanel(movie),
    panel("Similar movies", (ends) => request("GET", `/movies/${movie.movie_id}/similar`, { query: { limit: SIMILAR }, signal: ends }),
      (found) => (found.movies.length ? grid(found.movies, { label: `Movies like ${movie.title}`, note: (other) => alike(movie, other) }) : h("p", { class: "muted" }, "Nothing is near it.")),
      { signal, testid: "similar", cards: true }),
  ].filter(Boolean);
}

function hero(movie) {
  const genres = movie.genres.map((genre) => h("a", { class: "chip", href: exploring({ genre }) }, genre));
  const link = (href, text) => href && h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text, h("span", { class: "visually-hidden" }, " (opens a new tab)"));
  return h("div", { class: "hero", dataset: { testid: "movie" } },
    h("div", { class: "hero-poster" }, poster(movie)),
    h("div", { class: "hero-text" },
      h("h2", { class: "hero-title" }, movie.title, movie.year && h("span", { class: "hero-year" }, ` ${movie.year}`)),
      h("p", { class: "chips" }, genres),
      facts(movie),
      h("p", { class: "hero-mean" }, movie.rating_count ? [h("strong", null, stars(movie.rating_mean)), h("span", null, ` of 5 from ${counted(movie.rating_count, "rating")}`)] : "Nobody has rated it yet."),
      h("div", { class: "hero-rate" }, h("span", { class: "label" }, "Your rating"), ownStars(movie, null)),
      movie.description && h("p", { class: "description" }, movie.description),
      h("div", { class: "row" },
        button("chat", "Ask about it", () => ask(`Tell me about ${called(movie)}`), { text: true, class: "button primary" }),
        button("alike", "More like this", () => ask(`More like ${called(movie)}`), { text: true }),
        h("span", { class: "links" }, link(movie.imdb_url, "IMDb"), link(movie.tmdb_url, "TMDB")))));
}

/** Running time, who made it and who is in it, where the data has that. */
function facts(movie) {
  const link = ({ name }, i) => [i ? ", " : "", h("a", { href: exploring({ person: name }) }, name)];
  const [made, cast] = [movie.directors ?? [], (movie.cast ?? []).slice(0, 6)];
  const minutes = movie.runtime;
  const entries = [
    [made.length > 1 ? "Directors" : "Director", made.length > 0 && made.map(link)],
    ["With", cast.length > 0 && cast.map(link)],
    ["Length", minutes && `${minutes >= 60 ? `${Math.floor(minutes / 60)} h ` : ""}${minutes % 60} min`],
  ].filter(([, words]) => words);
  return entries.length > 0 && h("dl", { class: "facts-list" }, entries.map(([name, words]) => [h("dt", null, name), h("dd", null, words)]));
}

function ratingsPanel(movie) {
  const label = `Ratings of ${movie.title} by stars`;
  const plot = movie.rating_count ? histogram(movie.histogram, { label, mean: movie.rating_mean, height: 200 }) : h("p", { class: "muted" }, "No ratings yet. Yours would be the first.");
  return h("section", { class: "panel", "aria-label": "Ratings by stars" }, h("div", { class: "panel-head" }, h("h2", null, "Ratings")), plot);
}

function timePanel(movie, signal) {
  let by = null;
  const choice = h("div", { class: "segmented", role: "group", "aria-label": "Periods" }, ["year", "month"].map((span) =>
    h("button", { type: "button", "aria-pressed": "false", dataset: { span }, onclick: () => choose(span) }, `By ${span}`)));
  const load = async (ends) => {
    const ask = (span) => request("GET", `/movies/${movie.movie_id}/stats`, { query: { by: span, windows: "all" }, signal: ends });
    const found = await ask(by ?? "year");
    if (by !== null) return found;
    by = found.series.length > LONG ? "year" : "month";
    return by === "year" ? found : ask(by);
  };
  const node = panel("Over time", load, ({ series }) => {
    choice.querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.span === by)));
    choice.hidden = series.length === 0;
    return series.length ? overTime(series, { label: `Ratings of ${movie.title} over time`, height: 250 }) : h("p", { class: "muted" }, "No ratings yet.");
  }, { signal, testid: "time", lead: choice });
  const choose = (span) => {
    by = span;
    node.reload();
  };
  return node;
}

function tagsPanel(movie) {
  const most = movie.top_tags[0].relevance || 1;
  return h("section", { class: "panel", "aria-label": "Tags", dataset: { testid: "tags" } }, h("div", { class: "panel-head" }, h("h2", null, "What people say")),
    h("ul", { class: "chips tag-chips" }, movie.top_tags.slice(0, 24).map(({ tag, relevance }) =>
      h("li", null, h("a", { class: "chip tag-chip", href: exploring({ tag }), style: { "--share": `${Math.round((relevance / most) * 100)}%` },
        title: `Relevance ${Math.round(relevance * 100)} %` }, tag)))));
}

/** What two movies have in common, in words. */
function alike(movie, other) {
  const tags = new Set(movie.top_tags.map(({ tag }) => tag));
  const shared = [...other.tags.filter((tag) => tags.has(tag)), ...other.genres.filter((genre) => movie.genres.includes(genre))].slice(0, 3);
  return shared.length ? `Both: ${shared.join(", ").toLowerCase()}` : "Liked by the same people";
}

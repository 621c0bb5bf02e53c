// A movie's page: what it is, how it is rated, when, what is like it.

import { button, clear, h } from "./dom.js";
import { request } from "./api.js";
import { called, ownStars } from "./cards.js";
import { poster } from "./poster.js";
import { counted, histogram, overTime, stars } from "./plots.js";
import { exploring, grid, panel, section, skeleton } from "./panel.js";
import { ask } from "./shared.js";

const LONG = 8; // years of ratings from which they are shown by year at first
const TAGS = 24;
const SIMILAR = 10;

/** @param {HTMLElement} root @param {{id: number, signal: AbortSignal, title: (text: string) => void}} options */
export async function show(root, { id, signal, title }) {
  root.classList.add("page");
  root.append(h("div", { class: "hero", "aria-busy": "true" }, h("div", { class: "bone bone-poster" }), skeleton(false)));
  const possible = Number.isSafeInteger(id) && id >= 0;
  const movie = possible && await request("GET", `/movies/${id}`, { signal }).catch((error) => {
    if (error.status !== 404) throw error;
  });
  if (signal.aborted) return;
  title(movie ? called(movie) : "No such movie");
  clear(root).append(...(movie ? [hero(movie), h("div", { class: "columns" }, ratings(movie), time(movie, signal)), tags(movie), similar(movie, signal)] : [missing()]).filter(Boolean));
}

function missing() {
  return h("div", { class: "nothing" }, h("p", null, "There is no such movie in this catalogue."), h("a", { class: "button primary", href: "#/explore" }, "Explore what there is"));
}

function hero(movie) {
  const link = (href, words) => href && h("a", { href, target: "_blank", rel: "noopener noreferrer" }, words);
  const talk = (icon, label, text, props) => button(icon, label, () => ask(text), { text: true, ...props });
  return h("div", { class: "hero", dataset: { testid: "movie" } }, poster(movie), h("div", { class: "hero-text" },
    h("h2", null, movie.title, movie.year && h("span", { class: "muted" }, ` ${movie.year}`)),
    h("p", { class: "chips" }, movie.genres.map((genre) => h("a", { class: "chip", href: exploring({ genre }) }, genre))),
    facts(movie),
    h("p", { class: "muted hero-mean" }, movie.rating_count ? [h("strong", null, stars(movie.rating_mean)), ` of 5 from ${counted(movie.rating_count, "rating")}`] : "Nobody has rated it yet."),
    h("div", { class: "row" }, h("span", { class: "muted" }, "Your rating"), ownStars(movie, null)),
    movie.description && h("p", null, movie.description),
    h("div", { class: "row" }, talk("chat", "Ask about it", `Tell me about ${called(movie)}`, { class: "button primary" }), talk("alike", "More like this", `More like ${called(movie)}`),
      link(movie.imdb_url, "IMDb"), link(movie.tmdb_url, "TMDB"))));
}

/** Who made it, who is in it and how long it is, where the data has that. */
function facts({ directors = [], cast = [], runtime }) {
  const people = (name, found) => found.length > 0 && [h("dt", null, name), h("dd", null, found.slice(0, 6).map((one, i) => [i > 0 && ", ", h("a", { href: exploring({ person: one.name }) }, one.name)]))];
  const length = runtime && [h("dt", null, "Length"), h("dd", null, `${runtime >= 60 ? `${Math.floor(runtime / 60)} h ` : ""}${runtime % 60} min`)];
  const known = [people("By", directors), people("With", cast), length].filter(Boolean);
  return known.length > 0 && h("dl", null, known);
}

const unrated = () => h("p", { class: "muted" }, "No ratings yet.");

function ratings(movie) {
  return section("Ratings", "ratings", null, movie.rating_count ? histogram(`Ratings of ${movie.title} by stars`, movie.histogram, movie.rating_mean) : unrated());
}

function time(movie, signal) {
  let by = null;
  const choice = (span) => h("button", { type: "button", onclick: () => {
    by = span;
    node.reload();
  } }, `By ${span}`);
  const choices = { year: choice("year"), month: choice("month") };
  const node = panel("Over time", "time", signal, {
    lead: h("div", { class: "segmented", role: "group", "aria-label": "Periods" }, Object.values(choices)),
    async load(ends) {
      const series = async (span) => (await request("GET", `/movies/${movie.movie_id}/stats`, { query: { by: span, windows: "all" }, signal: ends })).series;
      const found = await series(by ?? "year");
      if (by) return found;
      by = found.length > LONG ? "year" : "month";
      return by === "year" ? found : series(by);
    },
    draw(series) {
      for (const [span, one] of Object.entries(choices)) one.setAttribute("aria-pressed", String(span === by));
      return series.length ? overTime(`Ratings of ${movie.title} over time`, series) : unrated();
    },
  });
  return node;
}

function tags(movie) {
  const most = movie.top_tags[0]?.relevance;
  const chip = ({ tag, relevance }) => h("a", { class: "chip tag-chip", href: exploring({ tag }), style: { "--share": `${(relevance / most) * 100}%` }, title: `Relevance ${Math.round(relevance * 100)} %` }, tag);
  return most && section("What people say", "tags", null, h("ul", { class: "chips" }, movie.top_tags.slice(0, TAGS).map((one) => h("li", null, chip(one)))));
}

function similar(movie, signal) {
  const own = new Set([...movie.top_tags.map(({ tag }) => tag), ...movie.genres]);
  const note = (other) => {
    const both = [...other.tags, ...other.genres].filter((name) => own.has(name)).slice(0, 3);
    return both.length ? `Both: ${both.join(", ").toLowerCase()}` : "Liked by the same people";
  };
  return panel("Similar movies", "similar", signal, {
    cards: true,
    load: (ends) => request("GET", `/movies/${movie.movie_id}/similar`, { query: { limit: SIMILAR }, signal: ends }),
    draw: ({ movies }) => grid(movies, `Movies like ${movie.title}`, note),
  });
}

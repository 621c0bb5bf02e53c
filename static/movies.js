// A movie's page: what it is, how it is rated, when, what is like it.

import { called, counted, h, outward, redraw, textButton } from "./dom.js";
import { ask, get } from "./api.js";
import { grid, ownStars, poster } from "./cards.js";
import { exploring, histogram, overTime, panel, section, skeleton, stars, trouble } from "./panel.js";

const LONG = 8; // years of ratings from which they are shown by year at first
const TAGS = 24;
const SIMILAR = 10;
const PEOPLE = 6;

export function show({ id, signal, title }) {
  let view = () => h("div.hero", { "aria-busy": "true" }, h("div.bone.bone-poster"), skeleton());
  const known = (movie) => {
    const [over, like] = [time(movie, signal), similar(movie, signal)];
    title(called(movie));
    view = () => [hero(movie), h("div.columns", ratings(movie), over.view()), tags(movie), like.view()];
  };
  const unknown = (error) => {
    title("No such movie");
    view = error.status === 404 ? missing : () => trouble(error, load);
    redraw();
  };
  const load = () => get(`/movies/${id}`, {}, signal).then(known).catch((error) => signal.aborted || unknown(error));
  if (/^\d{1,15}$/.test(id)) load();
  else unknown({ status: 404 });
  return () => view();
}

function missing() {
  const away = h("a.button.primary", { href: "#/explore" }, "Explore what there is");
  return h("div.nothing", h("p", "There is no such movie in this catalogue."), away);
}

function hero(movie) {
  const name = called(movie);
  const talk = (icon, label, text, props) => textButton(icon, label, () => ask(text), props);
  const genre = (it) => h("a.chip", { href: exploring({ genre: it }) }, it);
  const mean = [h("strong", stars(movie.rating_mean)), ` of 5 from ${counted(movie.rating_count, "rating")}`];
  return h("div.hero", { testid: "movie" }, poster(movie), h("div.hero-text",
    h("h2", movie.title, movie.year && h("span.muted", ` ${movie.year}`)),
    h("p.chips", movie.genres.map(genre)),
    facts(movie),
    h("p.muted.hero-mean", movie.rating_count ? mean : "Nobody has rated it yet."),
    h("div.row", h("span.muted", "Your rating"), ownStars(movie)),
    movie.description && h("p", movie.description),
    h("div.row",
      talk("chat", "Ask about it", `Tell me about ${name}`, { class: "primary" }),
      talk("alike", "More like this", `More like ${name}`),
      movie.imdb_url && outward(movie.imdb_url, "IMDb"),
      movie.tmdb_url && outward(movie.tmdb_url, "TMDB"))));
}

/** Who made it, who is in it and how long it is, where the data has that. */
function facts({ directors, cast, runtime }) {
  const person = ({ name }, index) => [index > 0 && ", ", h("a", { href: exploring({ person: name }) }, name)];
  const fact = (label, words) => words && [h("dt", label), h("dd", words)];
  const people = (found = []) => found.length > 0 && found.slice(0, PEOPLE).map(person);
  const hours = runtime >= 60 ? `${Math.floor(runtime / 60)} h ` : "";
  const length = runtime && `${hours}${runtime % 60} min`;
  const known = [fact("By", people(directors)), fact("With", people(cast)), fact("Length", length)];
  return known.some(Boolean) && h("dl", known);
}

const unrated = () => h("p.muted", "No ratings yet.");

function ratings(movie) {
  const plot = () => histogram(`Ratings of ${movie.title} by stars`, movie.histogram, movie.rating_mean);
  return section("Ratings", "ratings", null, movie.rating_count ? plot() : unrated());
}

function time(movie, signal) {
  let by = null;
  const choice = (value) => {
    const onclick = () => {
      by = value;
      return over.reload();
    };
    return h("button", { type: "button", onclick, "aria-pressed": String(value === by) }, `By ${value}`);
  };
  const path = `/movies/${movie.movie_id}/stats`;
  const series = async (span, ends) => (await get(path, { by: span, windows: "all" }, ends)).series;
  const over = panel("Over time", "time", signal, {
    lead: () => h("div.segmented", { role: "group", label: "Periods" }, ["year", "month"].map(choice)),
    async load(ends) {
      if (by) return series(by, ends);
      const years = await series("year", ends);
      by = years.length > LONG ? "year" : "month";
      return by === "year" ? years : series(by, ends);
    },
    draw: (found) => (found.length ? overTime(`Ratings of ${movie.title} over time`, found) : unrated()),
  });
  return over;
}

function tags({ top_tags: found }) {
  const chip = ({ tag, relevance }) => h("a.chip.tag-chip", {
    href: exploring({ tag }),
    style: { "--share": `${(relevance / found[0].relevance) * 100}%` },
    title: `Relevance ${Math.round(relevance * 100)} %`,
  }, tag);
  const chips = found.slice(0, TAGS).map((one) => h("li", chip(one)));
  return chips.length > 0 && section("What people say", "tags", null, h("ul.chips", chips));
}

function similar(movie, signal) {
  const own = new Set([...movie.top_tags.map(({ tag }) => tag), ...movie.genres]);
  const note = (other) => {
    const both = [...other.tags, ...other.genres].filter((name) => own.has(name)).slice(0, 3);
    return both.length ? `Both: ${both.join(", ").toLowerCase()}` : "Liked by the same people";
  };
  return panel("Similar movies", "similar", signal, {
    cards: true,
    load: (ends) => get(`/movies/${movie.movie_id}/similar`, { limit: SIMILAR }, ends),
    draw: ({ movies }) => grid(movies, { label: `Movies like ${movie.title}` }, note),
  });
}

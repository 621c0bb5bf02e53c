// The catalogue: search as one types, filters, results without end. What is asked for stands in the address.

import { announce, counted, h, icon, redraw, textButton } from "./dom.js";
import { get } from "./api.js";
import { grid } from "./cards.js";
import { exploring, skeleton, trouble } from "./panel.js";

const PAUSE_MS = 180; // in typing
const PAGE = 24;
const NAMES = ["q", "genre", "tag", "year_from", "year_to", "min_ratings", "min_mean", "person", "sort"];
const SORTS = { popularity: "Most rated", rating: "Best", worst: "Worst", newest: "Newest", oldest: "Oldest" };
const RATINGS = { 10: "10 +", 50: "50 +", 100: "100 +", 1000: "1,000 +", 10000: "10,000 +" };
const MEANS = { "3.0": "3 ★ +", "3.5": "3.5 ★ +", "4.0": "4 ★ +" };
const YEAR = { inputmode: "numeric", pattern: "(18|19|20|21)\\d\\d", maxlength: 4 };

let genres = {}; // as choices
let left = {}; // what was shown when the view was left

export function show({ signal }) {
  const scroller = document.getElementById("main");
  const given = new URLSearchParams(location.hash.replace(/^#\/explore[/?]?/, ""));
  const state = Object.fromEntries(NAMES.map((name) => [name, given.get(name) ?? ""]));
  const back = left.hash === location.hash && left.movies.length > 0;
  let [movies, next, error] = back ? [left.movies, left.next, null] : [[], null, null];
  let [asked, timer, tags] = [null, null, []];

  // What is asked for

  function oninput({ target }) {
    if (!target.validity.valid) return;
    state[target.name] = target.value.trim();
    clearTimeout(timer);
    if (target.localName === "select") return follow("pushState");
    timer = setTimeout(follow, PAUSE_MS, "replaceState");
    if (target.name === "tag") suggest(state.tag);
  }

  function clearAll() {
    for (const name of NAMES) if (name !== "q") state[name] = "";
    document.querySelector(".search-box input").focus();
    follow("pushState");
  }

  function follow(how) {
    if (exploring(state) !== location.hash) history[how](null, "", exploring(state));
    load();
  }

  async function suggest(q) {
    tags = (await get("/tags", { q, limit: 20 }, signal).catch(() => ({ data: tags }))).data;
  }

  // What is found

  async function load(on = false) {
    asked?.abort();
    const mine = (asked = new AbortController());
    const ends = AbortSignal.any([signal, mine.signal]);
    error = null;
    redraw();
    try {
      const found = await get("/movies", { ...state, limit: PAGE, after: on ? next : null }, ends);
      if (ends.aborted) return;
      if (!on) scroller.scrollTop = 0;
      movies = on ? [...movies, ...found.data] : found.data;
      next = found.next;
      if (!on) announce(status() || "No movie matches.");
    } catch (problem) {
      if (ends.aborted) return;
      error = problem;
    }
    asked = null;
  }

  const status = () => (movies.length ? `${counted(movies.length, "movie")}${next ? ", and more" : ""}` : "");
  const look = ([seen]) => seen.isIntersecting && next && !asked && !error && load(true);
  const observer = new IntersectionObserver(look, { root: scroller, rootMargin: "600px" });

  function below() {
    if (error) return trouble(error, () => load(movies.length > 0));
    if (next) return textButton("below", "Show more", () => load(true));
    if (asked) return movies.length === 0 && skeleton(true);
    return movies.length === 0 && h("p.nothing", "No movie matches. Try fewer words, or fewer filters.");
  }

  get("/genres").then(({ data }) => (genres = Object.fromEntries(data.map(({ name }) => [name, name]))), () => {});
  if (!back) load();
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    left = { hash: exploring(state), movies, next, scroll: scroller.scrollTop };
  });

  return () => {
    const { q, sort, ...filters } = state;
    const words = Object.values(filters).filter(Boolean);
    return [
      searchForm(state, words, tags, oninput),
      h("div.row.results-head", h("p.muted", status()),
        (words.length > 0 || sort) && textButton("close", "Clear filters", clearAll)),
      grid(movies, { label: "Movies", testid: "results", "aria-busy": Boolean(asked) && movies.length > 0 }),
      h("div.results-below", { made: (node) => observer.observe(node) }, below()),
    ];
  };
}

/** Back at what was left, at its place. */
export function shown(scroller) {
  if (left.hash === location.hash) scroller.scrollTop = left.scroll;
}

function searchForm(state, words, tags, oninput) {
  const options = (choices) => Object.entries(choices).map(([value, label]) => h("option", { value }, label));
  const labelled = (label, field) => h("label.labelled", { key: label }, h("span.muted", label), field);
  const select = (name, label, choices, any = "Any") =>
    labelled(label, h("select.field", { name, value: state[name] }, h("option", { value: "" }, any), options(choices)));
  const input = (name, label, props) =>
    labelled(label, h("input.field", { name, placeholder: "Any", autocomplete: "off", value: state[name], ...props }));
  const props = { role: "search", label: "Movies", oninput, onsubmit: (event) => event.preventDefault() };
  return h("form.explore-form", props,
    h("div.search-box", icon("search"), h("input.field", {
      type: "search", name: "q", placeholder: "Titles, words, tags…", label: "Search movies",
      autocomplete: "off", enterkeyhint: "search", value: state.q,
    })),
    h("details.filters", { open: matchMedia("(min-width: 761px)").matches },
      h("summary", icon("compass"), "Filters", h("span", words.map((word) => ` · ${word}`))),
      h("div.filter-row",
        select("genre", "Genre", genres),
        input("tag", "Tag", { list: "tag-names", maxlength: 100 }),
        h("datalist", { id: "tag-names" }, tags.map(({ name }) => h("option", { value: name }))),
        input("year_from", "From", YEAR),
        input("year_to", "To", YEAR),
        select("min_ratings", "Ratings", RATINGS),
        select("min_mean", "Mean", MEANS),
        select("sort", "Order", SORTS, "Match"))));
}

// The catalogue: search as one types, filters, results without end. What is asked for stands in the address.

import { announce, fill, h, icon, textButton } from "./dom.js";
import { get } from "./api.js";
import { movieCard } from "./cards.js";
import { exploring, skeleton, trouble } from "./panel.js";
import { counted } from "./shared.js";

const PAUSE_MS = 180; // in typing
const PAGE = 24;
const NAMES = ["q", "genre", "tag", "year_from", "year_to", "min_ratings", "min_mean", "person", "sort"];
const SORTS = { popularity: "Most rated", rating: "Best", worst: "Worst", newest: "Newest", oldest: "Oldest" };
const RATINGS = { 10: "10 +", 50: "50 +", 100: "100 +", 1000: "1,000 +", 10000: "10,000 +" };
const MEANS = { "3.0": "3 ★ +", "3.5": "3.5 ★ +", "4.0": "4 ★ +" };
const options = (choices) => Object.entries(choices).map(([value, label]) => h("option", { value }, label));

let genres = null; // asked for once
let left = {}; // what was shown when the view was left

export function show(root, { signal }) {
  const scroller = root.parentElement;
  const given = new URLSearchParams(location.hash.replace(/^#\/explore[/?]?/, ""));
  const state = Object.fromEntries(NAMES.map((name) => [name, given.get(name) ?? ""]));
  let [movies, next, asked, timer] = [[], null, null, null];

  const list = h("ul.card-grid", { label: "Movies", testid: "results" });
  const status = h("p.muted");
  const reset = textButton("close", "Clear filters", clearAll);
  const chosen = h("span");
  const below = h("div.results-below");
  const suggestions = h("datalist", { id: "tag-names" });
  const form = searchForm(chosen, suggestions);
  for (const field of form.elements) field.value = state[field.name];

  // What is asked for

  form.addEventListener("input", ({ target }) => {
    if (!target.validity.valid) return;
    state[target.name] = target.value.trim();
    clearTimeout(timer);
    if (target.localName === "select") return follow("pushState");
    timer = setTimeout(follow, PAUSE_MS, "replaceState");
    if (target.name === "tag") suggest(state.tag);
  });

  function clearAll() {
    for (const name of NAMES) if (name !== "q") state[name] = "";
    for (const field of form.elements) field.value = state[field.name];
    follow("pushState");
    form.elements.q.focus();
  }

  function follow(how) {
    if (exploring(state) !== location.hash) history[how](null, "", exploring(state));
    tell();
    load();
  }

  function tell() {
    const { q, sort, ...filters } = state;
    const words = Object.values(filters).filter(Boolean);
    chosen.textContent = words.map((word) => ` · ${word}`).join("");
    reset.hidden = !words.length && !sort;
  }

  async function suggest(q) {
    const found = await get("/tags", { q, limit: 20 }, signal).catch(() => null);
    if (found) fill(suggestions, found.data.map(({ name }) => h("option", { value: name })));
  }

  // What is found

  async function load(on = false) {
    asked?.abort();
    const mine = (asked = new AbortController());
    const ends = AbortSignal.any([signal, mine.signal]);
    list.toggleAttribute("aria-busy", !on);
    if (!movies.length) fill(below, skeleton(true));
    try {
      const found = await get("/movies", { ...state, limit: PAGE, after: on ? next : null }, ends);
      if (!ends.aborted) take(found, on);
    } catch (error) {
      if (ends.aborted) return;
      fill(below, trouble(error, () => load(on)));
    }
    asked = null;
    list.removeAttribute("aria-busy");
  }

  function take(found, on) {
    if (!on) {
      movies = [];
      fill(list);
      scroller.scrollTop = 0;
    }
    next = found.next;
    movies.push(...found.data);
    list.append(...found.data.map((movie) => h("li", movieCard(movie))));
    status.textContent = movies.length ? `${counted(movies.length, "movie")}${next ? ", and more" : ""}` : "";
    const none = !movies.length && h("p.nothing", "No movie matches. Try fewer words, or fewer filters.");
    fill(below, next ? textButton("below", "Show more", () => load(true)) : none);
    if (!on) announce(status.textContent || "No movie matches.");
  }

  root.classList.add("page");
  root.append(form, h("div.row.results-head", status, reset), list, below);
  const look = ([seen]) => seen.isIntersecting && next && !asked && load(true);
  new IntersectionObserver(look, { rootMargin: "600px" }).observe(below);
  tell();
  if (left.hash === location.hash && left.movies.length) {
    take({ data: left.movies, next: left.next });
    scroller.scrollTop = left.scroll;
  } else {
    load();
  }
  const fillGenres = ({ data }) => {
    form.elements.genre.append(...options(Object.fromEntries(data.map(({ name }) => [name, name]))));
    form.elements.genre.value = state.genre;
  };
  genres ??= get("/genres");
  genres.then(fillGenres, () => (genres = null));
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    left = { hash: exploring(state), movies, next, scroll: scroller.scrollTop };
  });
}

function searchForm(chosen, suggestions) {
  const labelled = (label, field) => h("label.labelled", h("span.muted", label), field);
  const select = (name, label, choices, any = "Any") =>
    labelled(label, h("select.field", { name }, h("option", { value: "" }, any), options(choices)));
  const input = (name, label, props) =>
    labelled(label, h("input.field", { name, placeholder: "Any", autocomplete: "off", ...props }));
  const year = { inputmode: "numeric", pattern: "(18|19|20|21)\\d\\d", maxlength: 4 };
  const search = h("input.field", {
    type: "search", name: "q", placeholder: "Titles, words, tags…", label: "Search movies",
    autocomplete: "off", enterkeyhint: "search",
  });
  const filters = h("div.filter-row",
    select("genre", "Genre", {}),
    input("tag", "Tag", { list: "tag-names", maxlength: 100 }),
    suggestions,
    input("year_from", "From", year),
    input("year_to", "To", year),
    select("min_ratings", "Ratings", RATINGS),
    select("min_mean", "Mean", MEANS),
    select("sort", "Order", SORTS, "Match"));
  const open = matchMedia("(min-width: 761px)").matches;
  const props = { role: "search", label: "Movies", onsubmit: (event) => event.preventDefault() };
  return h("form.explore-form", props,
    h("div.search-box", icon("search"), search),
    h("details.filters", { open }, h("summary", icon("compass"), "Filters", chosen), filters));
}

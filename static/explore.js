// The catalogue: search as one types, filters, results without end. What is asked for stands in the address.

import { announce, button, clear, h, icon } from "./dom.js";
import { request } from "./api.js";
import { movieCard } from "./cards.js";
import { exploring, skeleton, trouble } from "./panel.js";
import { counted } from "./plots.js";

const PAUSE_MS = 180; // in typing
const PAGE = 24;
const SORTS = [["", "Match"], ["popularity", "Most rated"], ["rating", "Best"], ["worst", "Worst"], ["newest", "Newest"], ["oldest", "Oldest"]];
const RATINGS = [["", "Any"], ["10", "10 +"], ["50", "50 +"], ["100", "100 +"], ["1000", "1,000 +"], ["10000", "10,000 +"]];
const MEANS = [["", "Any"], ["3", "3 ★ +"], ["3.5", "3.5 ★ +"], ["4", "4 ★ +"]];
const NAMES = ["q", "genre", "tag", "year_from", "year_to", "min_ratings", "min_mean", "person", "sort"];

let genres = null; // asked for once
let left = {}; // what was shown when the view was left

/** @param {HTMLElement} root @param {{signal: AbortSignal}} options */
export function show(root, { signal }) {
  const scroller = root.parentElement;
  const given = new URLSearchParams(location.hash.replace(/^#\/explore[/?]?/, ""));
  const state = Object.fromEntries(NAMES.map((name) => [name, given.get(name) ?? ""]));
  let [movies, next, asked, timer] = [[], null, null, null];

  const list = h("ul", { class: "card-grid", "aria-label": "Movies", dataset: { testid: "results" } });
  const status = h("p", { class: "muted" });
  const reset = button("close", "Clear filters", clearAll, { text: true });
  const chosen = h("span");
  const below = h("div", { class: "results-below" });
  const more = button("below", "Show more", () => load(true), { text: true });

  // What is asked for

  const select = (name, label, options) => labelled(label, h("select", { class: "field", name, oninput: change }, choices(options, state[name])));
  const input = (name, label, props) => labelled(label, h("input", { class: "field", name, placeholder: "Any", value: state[name], autocomplete: "off", oninput: typed, ...props }));
  const year = (name, label) => input(name, label, { inputmode: "numeric", pattern: "(18|19|20|21)\\d\\d", maxlength: 4 });
  const suggestions = h("datalist", { id: "tag-names" });
  const search = h("input", { type: "search", class: "field", name: "q", placeholder: "Titles, words, tags…", "aria-label": "Search movies", value: state.q, autocomplete: "off", enterkeyhint: "search", oninput: typed });
  const genre = select("genre", "Genre", [["", "Any"]]);
  const form = h("form", { class: "explore-form", role: "search", "aria-label": "Movies", onsubmit: (event) => event.preventDefault() },
    h("div", { class: "search-box" }, icon("search"), search),
    h("details", { class: "filters", open: matchMedia("(min-width: 761px)").matches }, h("summary", null, icon("compass"), "Filters", chosen),
      h("div", { class: "filter-row" }, genre, input("tag", "Tag", { list: "tag-names", maxlength: 100 }), suggestions, year("year_from", "From"), year("year_to", "To"),
        select("min_ratings", "Ratings", RATINGS), select("min_mean", "Mean", MEANS), select("sort", "Order", SORTS))));

  function typed({ target }) {
    if (!target.validity.valid) return;
    state[target.name] = target.value.trim();
    clearTimeout(timer);
    timer = setTimeout(() => follow("replaceState"), PAUSE_MS);
    if (target.name === "tag") suggest(state.tag);
  }

  function change({ target }) {
    state[target.name] = target.value;
    follow("pushState");
  }

  function clearAll() {
    for (const name of NAMES) if (name !== "q") state[name] = "";
    for (const field of form.elements) if (field.name && field.name !== "q") field.value = "";
    follow("pushState");
    search.focus();
  }

  function follow(how) {
    clearTimeout(timer);
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
    const found = await request("GET", "/tags", { query: { q, limit: 20 }, signal }).catch(() => null);
    if (found) clear(suggestions).append(...found.data.map(({ name }) => h("option", { value: name })));
  }

  // What is found

  async function load(on = false) {
    asked?.abort();
    const mine = (asked = new AbortController());
    const ends = AbortSignal.any([signal, mine.signal]);
    list.toggleAttribute("aria-busy", !on);
    if (!movies.length) clear(below).append(skeleton(true));
    try {
      const found = await request("GET", "/movies", { query: { ...state, limit: PAGE, after: on ? next : null }, signal: ends });
      if (!ends.aborted) take(found, on);
    } catch (error) {
      if (!ends.aborted) clear(below).append(trouble(error, () => load(on)));
    }
    if (asked !== mine) return;
    asked = null;
    list.removeAttribute("aria-busy");
  }

  function take(found, on) {
    if (!on) {
      movies = [];
      clear(list);
      scroller.scrollTop = 0;
    }
    next = found.next;
    movies.push(...found.data);
    list.append(...found.data.map((movie) => h("li", null, movieCard(movie))));
    status.textContent = movies.length ? `${counted(movies.length, "movie")}${next ? ", and more" : ""}` : "";
    clear(below).append(...(next ? [more] : movies.length ? [] : [h("p", { class: "nothing" }, "No movie matches. Try fewer words, or fewer filters.")]));
    if (!on) announce(status.textContent || "No movie matches.");
  }

  genres ??= request("GET", "/genres").catch(() => (genres = null));
  genres.then((found) => genre.lastChild.append(...choices((found?.data ?? []).map(({ name }) => [name, name]), state.genre)));
  root.classList.add("page");
  root.append(form, h("div", { class: "row results-head" }, status, reset), list, below);
  new IntersectionObserver(([seen]) => seen.isIntersecting && next && !asked && load(true), { rootMargin: "600px" }).observe(below);
  tell();
  if (left.hash === location.hash && left.movies.length) {
    take({ data: left.movies, next: left.next });
    scroller.scrollTop = left.scroll;
  } else load();
  return () => {
    clearTimeout(timer);
    left = { hash: exploring(state), movies, next, scroll: scroller.scrollTop };
  };
}

const choices = (options, value) => options.map(([name, label]) => h("option", { value: name, selected: name === value }, label));

function labelled(label, field) {
  return h("label", { class: "labelled" }, h("span", { class: "muted" }, label), field);
}

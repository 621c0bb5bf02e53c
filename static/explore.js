// The catalogue: search as one types, filters, results without end. What is asked for stands in the address.

import { announce, button, clear, h, icon } from "./dom.js";
import { request } from "./api.js";
import { movieCard } from "./cards.js";
import { exploring, skeleton, trouble } from "./panel.js";
import { counted } from "./plots.js";

const PAUSE_MS = 180; // in typing
const PAGE = 24;
const SORTS = { relevance: "Match", popularity: "Most rated", rating: "Best", worst: "Worst", newest: "Newest", oldest: "Oldest" };
const RATINGS = { "": "Any", 10: "10 +", 50: "50 +", 100: "100 +", 1000: "1,000 +", 10000: "10,000 +" };
const MEANS = { "": "Any", 3: "3 ★ +", 3.5: "3.5 ★ +", 4: "4 ★ +" };
const NAMES = ["q", "genre", "tag", "year_from", "year_to", "min_ratings", "min_mean", "person", "sort"];

let genres = null; // asked for once
let left = null; // what was shown when the view was left: {hash, movies, next, scroll}

/** @param {HTMLElement} root @param {{id: string|null, signal: AbortSignal}} options */
export async function show(root, { signal }) {
  root.classList.add("page");
  const view = new Explore(root, signal);
  await view.start();
  return () => view.leave();
}

function addressed() {
  const given = new URLSearchParams(location.hash.replace(/^#\/explore[/?]?/, ""));
  return Object.fromEntries(NAMES.map((name) => [name, given.get(name) ?? ""]));
}

class Explore {
  constructor(root, signal) {
    [this.root, this.signal, this.state] = [root, signal, addressed()];
    [this.movies, this.next, this.asked, this.timer] = [[], null, null, null];
    this.list = h("ul", { class: "card-grid", "aria-label": "Movies", dataset: { testid: "results" } });
    this.status = h("p", { class: "muted results-status", dataset: { testid: "results-status" } });
    this.more = button("below", "Show more", () => this.load(true), { text: true, class: "button more-button" });
    this.below = h("div", { class: "results-below" });
  }

  async start() {
    this.root.append(this.form(), h("div", { class: "row results-head" }, this.status, this.reset), this.list, this.below);
    this.root.parentElement.scrollTop = 0;
    new IntersectionObserver(([seen]) => seen.isIntersecting && this.next && !this.asked && this.load(true), { rootMargin: "600px" }).observe(this.below);
    if (left?.hash === location.hash && left.movies.length) this.restore();
    else await this.load();
  }

  restore() {
    [this.movies, this.next] = [left.movies, left.next];
    this.add(this.movies);
    this.root.parentElement.scrollTop = left.scroll;
  }

  leave() {
    clearTimeout(this.timer);
    left = { hash: this.address(), movies: this.movies, next: this.next, scroll: this.root.parentElement?.scrollTop ?? 0 };
  }

  address() {
    return exploring(this.state);
  }

  // What is asked for

  form() {
    const { state } = this;
    const search = h("input", { type: "search", class: "field search-field", placeholder: "Titles, words, tags…", "aria-label": "Search movies", value: state.q, autocomplete: "off",
      enterkeyhint: "search", oninput: (event) => this.typed({ q: event.target.value.trim() }) });
    const select = (name, label, options) => labelled(label, h("select", { class: "field", name, onchange: (event) => this.change({ [name]: event.target.value }) },
      Object.entries(options).sort(([a], [b]) => (options === SORTS ? 0 : Number(a) - Number(b))).map(([value, text]) => h("option", { value, selected: value === state[name] }, text))));
    const year = (name, label) => labelled(label, h("input", { class: "field", type: "number", name, min: 1800, max: 2200, inputmode: "numeric", placeholder: "Any", value: state[name],
      oninput: (event) => event.target.validity.valid && /^(\d{4})?$/.test(event.target.value) && this.typed({ [name]: event.target.value }) }));
    const genre = h("select", { class: "field", name: "genre", onchange: (event) => this.change({ genre: event.target.value }) }, h("option", { value: "" }, "Any genre"));
    this.fillGenres(genre);
    this.reset = button("close", "Clear filters", () => this.clearAll(), { text: true, hidden: !this.filtered() });
    this.told = h("span", null, this.inWords());
    this.filters = h("details", { class: "filters", open: matchMedia("(min-width: 761px)").matches },
      h("summary", null, icon("compass"), "Filters", this.told),
      h("div", { class: "filter-row" }, labelled("Genre", genre), this.tagField(), year("year_from", "From"), year("year_to", "To"),
        select("min_ratings", "Ratings", RATINGS), select("min_mean", "Mean", MEANS), select("sort", "Order", SORTS)));
    this.search = search;
    return h("form", { class: "explore-form", role: "search", "aria-label": "Movies", onsubmit: (event) => {
      event.preventDefault();
      this.change({ q: search.value.trim() });
    } }, h("div", { class: "search-box" }, icon("search"), search), this.filters);
  }

  tagField() {
    const options = h("datalist", { id: "tag-names" });
    const input = h("input", { class: "field", name: "tag", list: "tag-names", placeholder: "Any tag", value: this.state.tag, autocomplete: "off", maxlength: 100, oninput: (event) => {
      this.typed({ tag: event.target.value.trim() });
      this.suggest(options, event.target.value.trim());
    } });
    return labelled("Tag", input, options);
  }

  async suggest(options, q) {
    const found = await request("GET", "/tags", { query: { q, limit: 20 }, signal: this.signal }).catch(() => null);
    if (found) clear(options).append(...found.data.map(({ name }) => h("option", { value: name })));
  }

  async fillGenres(select) {
    genres ??= request("GET", "/genres").catch(() => (genres = null));
    const found = await genres;
    select.append(...(found?.data ?? []).map(({ name }) => h("option", { value: name, selected: name === this.state.genre }, name)));
  }

  filtered() {
    return NAMES.some((name) => name !== "q" && this.state[name]);
  }

  inWords() {
    const { genre, tag, year_from: from, year_to: to, person } = this.state;
    return [genre, tag, (from || to) && `${from}–${to}`, person].filter(Boolean).map((words) => ` · ${words}`).join("");
  }

  typed(change) {
    Object.assign(this.state, change);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.follow("replaceState"), PAUSE_MS);
  }

  change(change) {
    Object.assign(this.state, change);
    clearTimeout(this.timer);
    this.follow("pushState");
  }

  clearAll() {
    NAMES.forEach((name) => name !== "q" && (this.state[name] = ""));
    this.filters.querySelectorAll("select, input").forEach((field) => (field.value = field.name === "sort" ? "relevance" : ""));
    this.follow("pushState");
    this.search.focus();
  }

  follow(how) {
    const address = this.address();
    if (address !== location.hash) history[how](null, "", address);
    this.reset.hidden = !this.filtered();
    this.told.textContent = this.inWords();
    this.load();
  }

  // What is found

  async load(more = false) {
    this.asked?.abort();
    const asked = (this.asked = new AbortController());
    const ends = AbortSignal.any([this.signal, asked.signal]);
    this.busy(true, more);
    try {
      const found = await request("GET", "/movies", { query: { ...this.state, limit: PAGE, after: more ? this.next : null }, signal: ends });
      if (ends.aborted) return;
      if (!more) this.empty();
      this.next = found.next;
      this.movies.push(...found.data);
      this.add(found.data, more);
    } catch (error) {
      if (!ends.aborted) this.failed(error, more);
    } finally {
      if (this.asked === asked) this.asked = null;
      if (!ends.aborted) this.busy(false);
    }
  }

  busy(yes, more) {
    this.list.toggleAttribute("aria-busy", yes && !more);
    if (yes && !more && !this.movies.length) clear(this.below).append(skeleton(true));
  }

  empty() {
    this.movies = [];
    clear(this.list);
    this.root.parentElement.scrollTop = 0;
  }

  add(movies, more = false) {
    this.list.append(...movies.map((movie) => h("li", null, movieCard(movie))));
    clear(this.below).append(...(this.next ? [this.more] : []));
    const words = this.movies.length ? `${counted(this.movies.length, "movie")}${this.next ? ", and more" : ""}` : "";
    this.status.textContent = words;
    if (!this.movies.length) this.below.append(this.nothing());
    if (!more) announce(words || "No movie matches.");
  }

  nothing() {
    return h("div", { class: "empty" }, h("h2", null, "No movie matches"), h("p", null, "Try fewer words, or fewer filters."),
      this.filtered() && button("close", "Clear filters", () => this.clearAll(), { text: true }));
  }

  failed(error, more) {
    if (!more) this.empty();
    this.status.textContent = "";
    clear(this.below).append(trouble(error, () => this.load(more)));
  }
}

function labelled(label, ...fields) {
  return h("label", { class: "labelled" }, h("span", null, label), fields);
}

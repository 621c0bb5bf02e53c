// My taste: what suits me, what I lean to, my ratings to change, and those of other services to bring along.

import { announce, button, clear, h } from "./dom.js";
import { download, pages, request } from "./api.js";
import { called, stars as starControl } from "./cards.js";
import { poster } from "./poster.js";
import { count, counted, diverging, histogram, stars } from "./plots.js";
import { exploring, grid, listed, panel, refill } from "./panel.js";
import * as ratings from "./ratings.js";
import { hear, kept } from "./shared.js";
import { importer } from "./importer.js";

const SETTLE_MS = 120;
const LISTED = 10; // recommendations
const ROWS = 25; // own ratings at once
const LEANS = 7; // groups on each side of the middle
const SORTS = {
  newest: ["Newest first", (a, b) => b.rated_at.localeCompare(a.rated_at)],
  oldest: ["Oldest first", (a, b) => a.rated_at.localeCompare(b.rated_at)],
  highest: ["Highest first", (a, b) => b.stars - a.stars],
  lowest: ["Lowest first", (a, b) => a.stars - b.stars],
  title: ["By title", (a, b) => a.movie.title.localeCompare(b.movie.title)],
};

/** @param {HTMLElement} root @param {{signal: AbortSignal}} options */
export async function show(root, { signal }) {
  root.classList.add("page");
  root.parentElement.scrollTop = 0;
  const forYou = recommendations(signal);
  const taste = leanings(signal);
  const own = new OwnRatings(signal);
  const changed = (again) => {
    forYou.reload();
    taste.reload();
    if (again) own.panel.reload();
  };
  let timer = null;
  const soon = (again) => {
    clearTimeout(timer);
    timer = setTimeout(() => changed(again), SETTLE_MS);
  };
  hear("rated", ({ movieId }) => soon(!own.changing.has(movieId)), signal);
  root.append(forYou, taste, own.panel, transfer(() => changed(true)));
  return () => clearTimeout(timer);
}

// What suits me

function recommendations(signal) {
  const wanted = { novelty: Number(kept.get("novelty") ?? 0), diversity: Number(kept.get("diversity") ?? 0.2) };
  const slide = (name, label, low, high) => {
    const field = h("input", { type: "range", min: 0, max: 1, step: 0.1, value: wanted[name], "aria-label": label, dataset: { testid: name } });
    const words = () => field.setAttribute("aria-valuetext", `${Math.round(field.value * 100)} % from ${low} to ${high}`);
    field.addEventListener("input", () => {
      wanted[name] = Number(field.value);
      words();
      kept.set(name, field.value);
      clearTimeout(timer);
      timer = setTimeout(() => node.reload(), SETTLE_MS);
    });
    words();
    return h("div", { class: "slide", "aria-label": label }, h("span", { "aria-hidden": "true" }, low), field, h("span", { "aria-hidden": "true" }, high));
  };
  let timer = null;
  const lead = h("div", { class: "slides" }, slide("novelty", "Novelty", "Well known", "Finds"), slide("diversity", "Variety", "Alike", "Varied"));
  const load = (ends) => request("POST", "/recommendations", { body: { own: true, limit: LISTED, ...wanted }, signal: ends });
  const node = panel("For you", load, (found) => {
    const personal = found.basis === "personal";
    const hint = personal ? null : h("p", { class: "lead", dataset: { testid: "start" } }, ratings.all().size
      ? "Nothing you rated was to your liking so far, so these are loved by many. Rate one you like and the list follows."
      : "Rate a few movies you know. With the first stars this list begins to follow your taste.");
    return [hint, grid(found.movies, { label: personal ? "Recommended for you" : "Popular movies to rate", note: reason })];
  }, { signal, testid: "for-you", lead, cards: true });
  return node;
}

function reason(movie) {
  const own = movie.because.filter((cause) => cause.movie_id !== null && cause.share > 0).slice(0, 2);
  return own.length ? `Because of ${listed(own.map((cause) => cause.title))}` : null;
}

// What I lean to

function leanings(signal) {
  return panel("Your taste", (ends) => request("GET", "/taste", { signal: ends }), (taste) => {
    if (!taste.count) return h("p", { class: "muted", dataset: { testid: "no-taste" } }, "Here you will see which genres, decades and tags you rate higher or lower than others do.");
    return [
      h("div", { class: "taste-top" }, summary(taste), histogram(taste.histogram, { label: "Your ratings by stars", mean: taste.mean })),
      h("div", { class: "columns three" }, leaning("Genres", taste.genres, (name) => exploring({ genre: name })),
        leaning("Decades", taste.decades, (name) => exploring({ year_from: parseInt(name, 10), year_to: parseInt(name, 10) + 9 })),
        leaning("Tags", taste.tags, (name) => exploring({ tag: name }))),
      h("div", { class: "columns" }, telling("Most like you", "Liked, and like what you like.", taste.typical), telling("Unlike you", "Your stars surprise, given your taste.", taste.untypical)),
    ];
  }, { signal, testid: "taste" });
}

function summary(taste) {
  const above = taste.everybody === null ? 0 : taste.mean - taste.everybody;
  const words = Math.abs(above) < 0.1 ? "about as others do" : `${stars(Math.abs(above), 1)} ${above > 0 ? "above" : "below"} others`;
  const figure = (value, label) => h("div", { class: "figure" }, h("strong", null, value), h("span", null, label));
  return h("div", { class: "figures", dataset: { testid: "summary" } }, figure(count(taste.count), taste.count === 1 ? "rating" : "ratings"),
    figure(stars(taste.mean), "mean stars"), taste.everybody !== null && figure(`${Math.abs(above) < 0.05 ? "±" : above < 0 ? "−" : "+"}${stars(Math.abs(above), 1)}`, words));
}

function leaning(title, groups, address) {
  const sides = [groups.filter((one) => one.lean > 0).slice(0, LEANS), groups.filter((one) => one.lean < 0).slice(0, LEANS)];
  const rows = sides.flat().sort((a, b) => b.lean - a.lean).map(({ name, lean, mean, everybody, count: given }) => ({
    name, href: address(name), value: lean, cells: [stars(mean, 1), stars(everybody, 1)],
    hint: `${name}: ${counted(given, "rating")}, yours ${stars(mean)}, everybody’s ${stars(everybody)}`,
  }));
  return h("section", { class: "leaning", "aria-label": title }, h("h3", null, title), rows.length
    ? diverging(rows, { label: `${title} that you rate higher or lower than others`, head: [title.replace(/s$/, ""), "Less or more", "You", "All"], testid: `lean-${title.toLowerCase()}` })
    : h("p", { class: "muted" }, "Not enough ratings yet."));
}

function telling(title, words, entries) {
  if (!entries.length) return null;
  return h("section", { class: "telling", "aria-label": title }, h("h3", null, title), h("p", { class: "muted" }, words), h("ul", null, entries.map(({ movie, stars: given, expected }) =>
    h("li", null, small(movie), h("span", { class: "spread nowrap" }, `${given} ★`, h("span", { class: "muted" }, ` expected ${stars(expected, 1)}`))))));
}

function small(movie) {
  return h("a", { class: "small-movie", href: `#/movies/${movie.movie_id}` }, poster(movie), h("span", null, movie.title, movie.year && h("span", { class: "muted" }, ` ${movie.year}`)));
}

// What I rated

class OwnRatings {
  constructor(signal) {
    [this.sort, this.words, this.page, this.changing] = [kept.get("order") ?? "newest", "", 0, new Set()];
    this.all = [];
    this.list = h("ul", { class: "own-list", "aria-label": "Your ratings" });
    this.turn = h("nav", { class: "turn", "aria-label": "Pages of your ratings" });
    this.panel = panel("Your ratings", (ends) => this.load(ends), () => this.draw(), { signal, testid: "own-ratings", lead: this.controls() });
  }

  async load(signal) {
    const found = [];
    for await (const part of pages("/ratings", { limit: 200 }, signal)) found.push(...part);
    this.all = found;
  }

  controls() {
    const order = h("select", { class: "field", "aria-label": "Order of your ratings", onchange: (event) => {
      this.sort = event.target.value;
      kept.set("order", this.sort);
      this.to(0);
    } }, Object.entries(SORTS).map(([name, [label]]) => h("option", { value: name, selected: name === this.sort }, label)));
    this.find = h("input", { class: "field", type: "search", placeholder: "Find a title", "aria-label": "Find among your ratings", oninput: (event) => {
      this.words = event.target.value.trim().toLowerCase();
      this.to(0);
    } });
    this.lead = h("div", { class: "own-controls" }, this.find, order);
    return this.lead;
  }

  to(page) {
    this.page = page;
    this.fill();
  }

  draw() {
    this.lead.hidden = this.all.length === 0;
    this.fill();
    return this.all.length ? [this.list, this.turn] : h("p", { class: "muted" }, "None yet. Rate a movie above, or bring your ratings along below.");
  }

  shown() {
    const found = this.words ? this.all.filter(({ movie }) => called(movie).toLowerCase().includes(this.words)) : this.all;
    return [...found].sort((SORTS[this.sort] ?? SORTS.newest)[1]);
  }

  fill() {
    const found = this.shown();
    const most = Math.max(0, Math.ceil(found.length / ROWS) - 1);
    this.page = Math.min(this.page, most);
    const part = found.slice(this.page * ROWS, (this.page + 1) * ROWS);
    clear(this.list).append(...(part.length ? part.map((entry) => this.row(entry)) : [h("li", { class: "muted" }, "No such title.")]));
    const step = (name, label, by, at) => button(name, label, () => this.to(this.page + by), { text: true, disabled: at });
    refill(this.turn, most > 0 && [step("left", "Back", -1, this.page === 0), h("span", { class: "muted" }, `${this.page + 1} of ${most + 1}`), step("right", "On", 1, this.page === most)]);
  }

  row(entry) {
    const { movie } = entry;
    const rated = (given) => (given ? this.store(entry, given) : this.remove(entry, row));
    const control = starControl(entry.stars, rated, { label: `Your rating of ${called(movie)}` });
    ratings.watch(movie.movie_id, control, (given) => given && control.set((entry.stars = given)));
    const row = h("li", { dataset: { testid: "own-rating", movie: movie.movie_id } }, small(movie),
      h("time", { class: "muted", datetime: entry.rated_at }, new Date(entry.rated_at).toLocaleDateString("en", { year: "numeric", month: "short", day: "numeric" })),
      control, button("trash", `Delete the rating of ${called(movie)}`, () => this.remove(entry, row)));
    return row;
  }

  /** Stores stars, 0 for none; says so where that fails. */
  async store(entry, given) {
    const id = entry.movie.movie_id;
    this.changing.add(id);
    try {
      await ratings.rate(id, given);
      if (given) Object.assign(entry, { stars: given, rated_at: new Date().toISOString() });
      announce(given ? `Rated ${entry.movie.title} ${given} stars.` : `Deleted the rating of ${entry.movie.title}.`);
      return true;
    } catch (error) {
      announce(`The rating was not stored: ${error.message}`);
      this.fill();
      return false;
    } finally {
      this.changing.delete(id);
    }
  }

  async remove(entry, row) {
    const before = entry.stars;
    if (!(await this.store(entry, 0))) return;
    this.all = this.all.filter((other) => other !== entry);
    const undo = button("retry", "Undo", async () => {
      this.all.push(entry);
      if (await this.store(entry, before)) gone.replaceWith(this.row(entry));
    }, { text: true });
    const gone = h("li", { class: "gone" }, h("span", null, `Deleted the rating of ${called(entry.movie)}.`), undo);
    row.replaceWith(gone);
    undo.focus();
  }
}

// Other services

function transfer(done) {
  const save = (format) => button("export", `Export as ${format.toUpperCase()}`, async () => {
    try {
      const link = h("a", { href: URL.createObjectURL(await download("/ratings/export", { format })), download: `marquee-ratings.${format}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch (error) {
      announce(`The export failed: ${error.message}`);
    }
  }, { text: true });
  return h("section", { class: "panel", "aria-label": "Bring along and take away", dataset: { testid: "transfer" } },
    h("div", { class: "panel-head" }, h("h2", null, "Bring your ratings along"), h("div", { class: "row" }, save("csv"), save("json"))), importer(done));
}

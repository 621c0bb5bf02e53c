// My taste: what suits me, what I lean to, my ratings to change, and those of other services to bring along.

import { announce, button, clear, h } from "./dom.js";
import { download, pages, request } from "./api.js";
import { called, stars as starControl } from "./cards.js";
import { poster } from "./poster.js";
import { counted, diverging, histogram, stars } from "./plots.js";
import { exploring, grid, listed, panel, refill, section } from "./panel.js";
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
export function show(root, { signal }) {
  const [forYou, taste, own] = [recommendations(signal), leanings(signal), ownRatings(signal)];
  const soon = settled(() => [forYou, taste].forEach((one) => one.reload()));
  hear("rated", ({ movieId }) => {
    soon();
    if (!own.changing.has(movieId)) own.reload();
  }, signal);
  const done = () => [forYou, taste, own].forEach((one) => one.reload());
  const leads = ["csv", "json"].map((format) => button("export", `Export as ${format.toUpperCase()}`, () => save(format), { text: true }));
  root.classList.add("page");
  root.append(forYou, taste, own, section("Bring your ratings along", "transfer", h("div", { class: "row" }, leads), importer(done)));
}

/** The function, once it is no longer called again and again. */
function settled(work) {
  let timer = null;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, SETTLE_MS);
  };
}

async function save(format) {
  try {
    const href = URL.createObjectURL(await download("/ratings/export", { format }));
    h("a", { href, download: `marquee-ratings.${format}` }).click();
  } catch (error) {
    announce(`The export failed: ${error.message}`);
  }
}

// What suits me

function recommendations(signal) {
  const wanted = { novelty: Number(kept.get("novelty") ?? 0), diversity: Number(kept.get("diversity") ?? 0.2) };
  const soon = settled(() => node.reload());
  const slide = (name, label, low, high) => h("label", { class: "slide muted" }, low, h("input", { type: "range", min: 0, max: 1, step: 0.1, value: wanted[name], "aria-label": `${label}: ${low} to ${high}`, oninput: ({ target }) => {
    wanted[name] = Number(target.value);
    kept.set(name, target.value);
    soon();
  } }), high);
  const node = panel("For you", "for-you", signal, {
    lead: h("div", { class: "row" }, slide("novelty", "Novelty", "Well known", "Finds"), slide("diversity", "Variety", "Alike", "Varied")),
    cards: true,
    load: (ends) => request("POST", "/recommendations", { body: { own: true, limit: LISTED, ...wanted }, signal: ends }),
    draw: ({ basis, movies }) => [
      basis === "popular" && h("p", { class: "hint" }, "These are loved by many. Rate what you know: with the first you like, this list begins to follow your taste."),
      grid(movies, "Recommended movies", reason),
    ],
  });
  return node;
}

function reason(movie) {
  const own = movie.because.filter((cause) => cause.movie_id !== null && cause.share > 0).slice(0, 2);
  return own.length ? `Because of ${listed(own.map((cause) => cause.title))}` : null;
}

// What I lean to

function leanings(signal) {
  return panel("Your taste", "taste", signal, {
    load: (ends) => request("GET", "/taste", { signal: ends }),
    draw: (taste) => (taste.count ? [
      h("div", { class: "taste-top" }, summary(taste), histogram("Your ratings by stars", taste.histogram, taste.mean)),
      h("div", { class: "columns" }, leaning("Genre", taste.genres, (name) => ({ genre: name })),
        h("div", { class: "stack" }, leaning("Decade", taste.decades, (name) => ({ year_from: parseInt(name, 10), year_to: parseInt(name, 10) + 9 })), leaning("Tag", taste.tags, (name) => ({ tag: name }))),
        telling("Most like you", "expected", taste.typical), telling("Unlike you", "expected", taste.untypical)),
    ] : h("p", { class: "muted" }, "Here you will see which genres, decades and tags you rate higher or lower than others do.")),
  });
}

function summary({ count, mean, everybody }) {
  const figure = (value, words) => h("p", { class: "figure" }, h("strong", null, value), h("span", { class: "muted" }, words));
  const above = mean - everybody;
  const side = above > 0 ? ["+", "above others"] : ["−", "below others"];
  return h("div", { class: "figures" }, figure(count.toLocaleString("en"), "ratings"), figure(stars(mean), "mean stars"),
    everybody !== null && figure(`${side[0]}${stars(Math.abs(above))}`, side[1]));
}

function leaning(kind, groups, filters) {
  const most = (sign) => groups.filter(({ lean }) => Math.sign(lean) === sign).slice(0, LEANS);
  const rows = [...most(1), ...most(-1).reverse()].sort((a, b) => b.lean - a.lean).map(({ name, lean, mean, everybody, count }) => ({
    name, href: exploring(filters(name)), value: lean, cells: [stars(mean, 1), stars(everybody, 1)], hint: counted(count, "rating"),
  }));
  return rows.length > 0 && h("div", null, h("h3", null, `${kind}s`), diverging(`${kind}s that you rate higher or lower than others`, [kind, "Less or more", "You", "All"], rows));
}

function telling(title, words, entries) {
  const row = ({ movie, stars: given, expected }) => h("li", null, small(movie), h("span", { class: "spread" }, `${given} ★ `, h("span", { class: "muted" }, `${words} ${stars(expected, 1)}`)));
  return entries.length > 0 && h("div", null, h("h3", null, title), h("ul", { class: "rows" }, entries.map(row)));
}

function small(movie) {
  return h("a", { class: "small-movie", href: `#/movies/${movie.movie_id}` }, poster(movie), h("span", null, movie.title, movie.year && h("span", { class: "muted" }, ` ${movie.year}`)));
}

// What I rated

/** A panel of own ratings; `.changing` has the movies whose rating it is changing itself. */
function ownRatings(signal) {
  let [all, words, page, sort] = [[], "", 0, SORTS[kept.get("order")] ? kept.get("order") : "newest"];
  const changing = new Set();
  const list = h("ul", { class: "rows own", "aria-label": "Your ratings" });
  const turn = h("div", { class: "row turn" });
  const find = h("input", { class: "field", type: "search", placeholder: "Find a title", "aria-label": "Find among your ratings", oninput: () => {
    words = find.value.trim().toLowerCase();
    to(0);
  } });
  const order = h("select", { class: "field", "aria-label": "Order of your ratings", oninput: () => {
    sort = order.value;
    kept.set("order", sort);
    to(0);
  } }, Object.entries(SORTS).map(([name, [label]]) => h("option", { value: name, selected: name === sort }, label)));

  function to(at) {
    const found = all.filter(({ movie }) => called(movie).toLowerCase().includes(words)).sort(SORTS[sort][1]);
    const last = Math.max(0, Math.ceil(found.length / ROWS) - 1);
    page = Math.min(at, last);
    const step = (name, label, by) => button(name, label, () => to(page + by), { text: true, disabled: page + by < 0 || page + by > last });
    clear(list).append(...found.slice(page * ROWS, (page + 1) * ROWS).map(row));
    refill(turn, last > 0 && [step("left", "Back", -1), h("span", { class: "muted" }, `${page + 1} of ${last + 1}`), step("right", "On", 1)]);
  }

  function row(entry) {
    const name = called(entry.movie);
    const control = starControl(entry.stars, (given) => (given ? store(entry, given) : remove()), { label: `Your rating of ${name}` });
    const date = new Date(entry.rated_at).toLocaleDateString("en", { dateStyle: "medium" });
    const remove = async () => {
      if (!(await store(entry, 0))) return;
      all = all.filter((other) => other !== entry);
      const undo = button("retry", "Undo", async () => {
        if (!(await store(entry, entry.stars))) return;
        all.push(entry);
        gone.replaceWith(node);
        control.set(entry.stars);
        node.querySelector("button").focus();
      }, { text: true });
      const gone = h("li", { class: "muted" }, h("span", null, `Deleted the rating of ${name}.`), h("span", { class: "spread" }), undo);
      node.replaceWith(gone);
      undo.focus();
    };
    const node = h("li", { dataset: { testid: "own-rating" } }, small(entry.movie), h("span", { class: "muted spread" }, date), control, button("trash", `Delete the rating of ${name}`, remove));
    return node;
  }

  /** Stores stars, 0 for none; false where that fails. */
  async function store(entry, given) {
    const { movie_id: id, title } = entry.movie;
    changing.add(id);
    try {
      await ratings.rate(id, given);
      if (given) entry.stars = given;
      announce(given ? `Rated ${title} ${given} stars.` : `Deleted the rating of ${title}.`);
      return true;
    } catch (error) {
      announce(`The rating was not stored: ${error.message}`);
      to(page);
      return false;
    } finally {
      changing.delete(id);
    }
  }

  const node = panel("Your ratings", "own-ratings", signal, {
    lead: h("div", { class: "row own-lead" }, find, order),
    async load(ends) {
      const found = [];
      for await (const part of pages("/ratings", { limit: 200 }, ends)) found.push(...part);
      for (const { movie, stars: given } of found) ratings.note(movie.movie_id, given);
      return found;
    },
    draw(found) {
      all = found;
      to(page);
      return all.length ? [list, turn] : h("p", { class: "muted" }, "None yet. Rate a movie above, or bring your ratings along below.");
    },
  });
  return Object.assign(node, { changing });
}

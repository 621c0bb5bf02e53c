// My taste: what suits me, what I lean to, my ratings to change, and those of other services to bring along.

import { announce, button, fill, h, textButton } from "./dom.js";
import { get, request, save } from "./api.js";
import { ownStars, poster } from "./cards.js";
import { importer } from "./importer.js";
import { exploring, grid, panel, section } from "./panel.js";
import { diverging, histogram, stars } from "./plots.js";
import * as ratings from "./ratings.js";
import { called, counted, hear, kept, listed } from "./shared.js";

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

const POPULAR =
  "These are loved by many. Rate what you know: with the first you like, this list begins to follow your taste.";
const UNKNOWN = "Here you will see which genres, decades and tags you rate higher or lower than others do.";
const UNRATED = "None yet. Rate a movie above, or bring your ratings along below.";

export function show(root, { signal }) {
  const [forYou, taste, own] = [recommendations(signal), leanings(signal), ownRatings(signal)];
  const soon = settled(() => [forYou, taste].forEach((one) => one.reload()));
  const changed = (told) => {
    soon();
    own.changed(told);
  };
  hear("rated", changed, signal);
  const take = (format) => {
    const failed = (error) => announce(`The export failed: ${error.message}`);
    return save("/ratings/export", { format }, `marquee-ratings.${format}`).catch(failed);
  };
  const exporter = (name) => textButton("export", `Export as ${name}`, () => take(name.toLowerCase()));
  const exports = h("div.row", exporter("CSV"), exporter("JSON"));
  root.classList.add("page");
  root.append(forYou, taste, own.node, section("Bring your ratings along", "transfer", exports, importer(changed)));
}

function settled(work) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, SETTLE_MS);
  };
}

// What suits me

function recommendations(signal) {
  const wanted = { novelty: Number(kept.get("novelty") ?? 0), diversity: Number(kept.get("diversity") ?? 0.2) };
  const soon = settled(() => node.reload());
  const slide = (name, label, low, high) => {
    const oninput = ({ target: { value } }) => {
      wanted[name] = Number(value);
      kept.set(name, value);
      soon();
    };
    const props = { min: 0, max: 1, step: 0.1, value: wanted[name], label: `${label}: ${low} to ${high}` };
    return h("label.slide.muted", low, h("input", { type: "range", ...props, oninput }), high);
  };
  const node = panel("For you", "for-you", signal, {
    lead: h("div.row",
      slide("novelty", "Novelty", "Well known", "Finds"),
      slide("diversity", "Variety", "Alike", "Varied")),
    cards: true,
    load(ends) {
      const body = { own: true, limit: LISTED, ...wanted };
      return request("POST", "/recommendations", { body, signal: ends });
    },
    draw: ({ basis, movies }) => [
      basis === "popular" && h("p.hint", POPULAR),
      grid(movies, "Recommended movies", reason),
    ],
  });
  return node;
}

function reason({ because }) {
  const own = because.filter((cause) => cause.movie_id !== null && cause.share > 0).slice(0, 2);
  return own.length > 0 && `Because of ${listed(own.map(({ title }) => title))}`;
}

// What I lean to

const leanings = (signal) => panel("Your taste", "taste", signal, {
  load: (ends) => get("/taste", {}, ends),
  draw: (taste) => (taste.count ? portrait(taste) : h("p.muted", UNKNOWN)),
});

function portrait(taste) {
  const years = (name) => ({ year_from: parseInt(name, 10), year_to: parseInt(name, 10) + 9 });
  return [
    h("div.taste-top", figures(taste), histogram("Your ratings by stars", taste.histogram, taste.mean)),
    h("div.columns",
      leaning("Genre", taste.genres, (genre) => ({ genre })),
      h("div.stack", leaning("Decade", taste.decades, years), leaning("Tag", taste.tags, (tag) => ({ tag }))),
      telling("Most like you", taste.typical),
      telling("Unlike you", taste.untypical)),
  ];
}

function figures({ count, mean, everybody }) {
  const figure = (value, words) => h("p.figure", h("strong", value), h("span.muted", words));
  const [sign, where] = mean > everybody ? ["+", "above others"] : ["−", "below others"];
  return h("div.figures",
    figure(count.toLocaleString("en"), "ratings"),
    figure(stars(mean), "mean stars"),
    everybody !== null && figure(sign + stars(Math.abs(mean - everybody)), where));
}

function leaning(kind, groups, filters) {
  const most = (sign) => groups.filter(({ lean }) => Math.sign(lean) === sign).slice(0, LEANS);
  const row = ({ name, lean, mean, everybody, count }) => {
    const cells = [stars(mean, 1), stars(everybody, 1)];
    return { name, href: exploring(filters(name)), value: lean, cells, hint: counted(count, "rating") };
  };
  const rows = [...most(1), ...most(-1)].sort((a, b) => b.lean - a.lean).map(row);
  const label = `${kind}s that you rate higher or lower than others`;
  return rows.length > 0 && h("div", h("h3", `${kind}s`), diverging(label, [kind, "Less or more", "You", "All"], rows));
}

function telling(title, entries) {
  const row = ({ movie, stars: given, expected }) =>
    h("li", small(movie), h("span.spread", `${given} ★ `, h("span.muted", `expected ${stars(expected, 1)}`)));
  return entries.length > 0 && h("div", h("h3", title), h("ul.rows", entries.map(row)));
}

function small(movie) {
  const year = movie.year && h("span.muted", ` ${movie.year}`);
  return h("a.small-movie", { href: `#/movies/${movie.movie_id}` }, poster(movie), h("span", movie.title, year));
}

// What I rated

/** `changed` is told of a rating: what is shown stays, with a way back where one was deleted. */
function ownRatings(signal) {
  let all = [];
  let page = 0;
  const list = h("ul.rows.own", { label: "Your ratings" });
  const turn = h("div.row.turn");
  const oninput = () => to(0);
  const named = { placeholder: "Find a title", label: "Find among your ratings" };
  const find = h("input.field", { type: "search", ...named, oninput });
  const options = Object.entries(SORTS).map(([value, [label]]) => h("option", { value }, label));
  const order = h("select.field", { label: "Order of your ratings", oninput }, options);
  order.value = kept.get("order") ?? "newest";

  function to(at) {
    kept.set("order", order.value);
    const words = find.value.trim().toLowerCase();
    const found = all.filter(({ movie }) => called(movie).toLowerCase().includes(words)).sort(SORTS[order.value][1]);
    const last = Math.max(0, Math.ceil(found.length / ROWS) - 1);
    page = Math.min(at, last);
    const step = (icon, words, next) => textButton(icon, words, () => to(next), { disabled: next < 0 || next > last });
    const where = h("span.muted", `${page + 1} of ${last + 1}`);
    fill(list, found.slice(page * ROWS, (page + 1) * ROWS).map(row));
    fill(turn, last > 0 && [step("left", "Back", page - 1), where, step("right", "On", page + 1)]);
  }

  function row(entry) {
    const { movie } = entry;
    const name = called(movie);
    const date = new Date(entry.rated_at).toLocaleDateString("en", { dateStyle: "medium" });
    const undo = () => textButton("retry", "Undo", () => ratings.rate(movie, entry.stars));
    const gone = () => h("li.muted", h("span", `Deleted the rating of ${name}.`), h("span.spread"), undo());
    entry.node = entry.gone ? gone() : h("li", { testid: "own-rating" },
      small(movie),
      h("span.muted.spread", date),
      ownStars(movie),
      button("trash", `Delete the rating of ${name}`, () => ratings.rate(movie, 0)));
    return entry.node;
  }

  function changed({ id, stars: given }) {
    const entry = all.find(({ movie }) => movie.movie_id === id);
    if (!entry) return node.reload();
    const [before, focused] = [entry.node, entry.node?.contains(document.activeElement)];
    const turned = entry.gone || !given;
    Object.assign(entry, { gone: !given, stars: given || entry.stars });
    if (turned) before?.replaceWith(row(entry));
    if (turned && focused) entry.node.querySelector("button").focus();
  }

  const node = panel("Your ratings", "own-ratings", signal, {
    lead: h("div.row.own-lead", find, order),
    load: ratings.fetchAll,
    draw(found) {
      all = found;
      to(page);
      return all.length ? [list, turn] : h("p.muted", UNRATED);
    },
  });
  return { node, changed };
}

// My taste: what suits me, what I lean to, my ratings to change, and those of other services to bring along.

import { announce, button, called, counted, h, redraw, textButton } from "./dom.js";
import { get, hear, kept, request, save } from "./api.js";
import { because, fetchRatings, grid, ownStars, poster, rate } from "./cards.js";
import { importer } from "./importer.js";
import { diverging, exploring, histogram, panel, section, stars } from "./panel.js";

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
const SLIDES = [["novelty", "Novelty", "Well known", "Finds", 0], ["diversity", "Variety", "Alike", "Varied", 0.2]];

const POPULAR =
  "These are loved by many. Rate what you know: with the first you like, this list begins to follow your taste.";
const UNKNOWN = "Here you will see which genres, decades and tags you rate higher or lower than others do.";
const UNRATED = "None yet. Rate a movie above, or bring your ratings along below.";

export function show({ signal }) {
  const soon = settled(() => [forYou, taste].forEach((one) => one.reload()));
  const [forYou, taste, own] = [recommendations(signal), leanings(signal), ownRatings(signal)];
  const changed = (told) => {
    soon();
    own.changed(told);
  };
  hear("rated", changed, signal);
  const bring = importer(changed);
  return () => [
    forYou.view(),
    taste.view(),
    own.view(),
    section("Bring your ratings along", "transfer", h("div.row", exporter("CSV"), exporter("JSON")), bring()),
  ];
}

function exporter(name) {
  const format = name.toLowerCase();
  const failed = (error) => announce(`The export failed: ${error.message}`);
  const take = () => save("/ratings/export", { format }, `marquee-ratings.${format}`).catch(failed);
  return textButton("export", `Export as ${name}`, take);
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
  const wanted = Object.fromEntries(SLIDES.map(([name, , , , usual]) => [name, Number(kept.get(name) ?? usual)]));
  const soon = settled(() => forYou.reload());
  const slide = ([name, label, low, high]) => {
    const oninput = ({ target: { value } }) => {
      wanted[name] = Number(value);
      kept.set(name, value);
      soon();
    };
    const props = { type: "range", min: 0, max: 1, step: 0.1, label: `${label}: ${low} to ${high}` };
    return h("label.slide.muted", low, h("input", { ...props, value: wanted[name], oninput }), high);
  };
  const forYou = panel("For you", "for-you", signal, {
    lead: () => h("div.row", SLIDES.map(slide)),
    cards: true,
    load(signal) {
      const body = { own: true, limit: LISTED, ...wanted };
      return request("POST", "/recommendations", { body, signal });
    },
    draw: ({ basis, movies }) => [
      basis === "popular" && h("p.hint", POPULAR),
      grid(movies, { label: "Recommended movies" }, (movie) => because(movie.because, 2)),
    ],
  });
  return forYou;
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
  let [all, page, words, order] = [[], 0, "", kept.get("order") ?? "newest"];
  let arranged = []; // what is shown of them stays in its order while it changes

  function arrange() {
    const wanted = words.trim().toLowerCase();
    const has = ({ movie }) => called(movie).toLowerCase().includes(wanted);
    [arranged, page] = [all.filter(has).sort(SORTS[order][1]), 0];
  }

  const find = ({ target }) => {
    words = target.value;
    arrange();
  };
  const sort = ({ target }) => {
    order = target.value;
    kept.set("order", order);
    arrange();
  };
  const step = (icon, words, to, last) =>
    textButton(icon, words, () => (page = to), { disabled: to < 0 || to > last });

  function list() {
    const last = Math.ceil(arranged.length / ROWS) - 1;
    return [
      h("ul.rows.own", { label: "Your ratings" }, arranged.slice(page * ROWS, (page + 1) * ROWS).map(ownRow)),
      last > 0 && h("div.row.turn",
        step("left", "Back", page - 1, last),
        h("span.muted", `${page + 1} of ${last + 1}`),
        step("right", "On", page + 1, last)),
    ];
  }

  const own = panel("Your ratings", "own-ratings", signal, {
    lead: () => h("div.row.own-lead",
      h("input.field", {
        type: "search", placeholder: "Find a title", label: "Find among your ratings", oninput: find,
      }),
      h("select.field", { label: "Order of your ratings", oninput: sort, value: order },
        Object.entries(SORTS).map(([value, [label]]) => h("option", { value }, label)))),
    async load(ends) {
      all = await fetchRatings(ends);
      arrange();
      return all;
    },
    draw: () => (all.length ? list() : h("p.muted", UNRATED)),
  });

  function changed({ id, stars: given }) {
    const entry = all.find(({ movie }) => movie.movie_id === id);
    if (!entry) return own.reload();
    Object.assign(entry, { gone: !given, stars: given || entry.stars });
    redraw();
  }

  return { ...own, changed };
}

function ownRow({ movie, rated_at: time, stars: given, gone }) {
  const name = called(movie);
  const undo = () => textButton("retry", "Undo", () => rate(movie, given));
  if (gone) return h("li.muted", { key: movie.movie_id }, `Deleted the rating of ${name}.`, h("span.spread"), undo());
  const date = new Date(time).toLocaleDateString("en", { dateStyle: "medium" });
  return h("li", { key: movie.movie_id, testid: "own-rating" },
    small(movie),
    h("span.muted.spread", date),
    ownStars(movie),
    button("trash", `Delete the rating of ${name}`, () => rate(movie, 0)));
}

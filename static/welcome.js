// The first screen: what can be asked, movies to rate at once, and what that leads to.

import { counted, h, redraw, textButton } from "./dom.js";
import { ask, get, health, hear, request } from "./api.js";
import { because, loadRatings, movieCard } from "./cards.js";

const EXAMPLES = [
  "Something like Heat, but funnier",
  "The best animated movies of the nineties",
  "I loved Alien and hated Titanic. What is next?",
  "A great film for a rainy Sunday",
];
const OFFERED = 18;
const AT_ONCE = 6; // drawn in a frame
const SUGGESTED = 8;
const INVITATION = "Ask in your own words, or rate a few films and get a list of your own.";

/** Loads what the first screen shows: the function that draws it. */
export function welcome(signal) {
  let [examples, heading, lead] = [EXAMPLES, "What shall we watch?", INVITATION];
  let [offered, own, count] = [[], [], 0];
  health().then(({ catalogue: { examples: told, noun, plural, movies } }) => {
    if (told.length) examples = told.slice(0, 4);
    if (noun === "movie") return;
    heading = `What ${noun} are you looking for?`;
    lead = `Ask in your own words: ${movies.toLocaleString("en")} ${plural} are in here.`;
    if (!told.length) examples = [`Recommend some ${plural}`, `The most popular ${plural}`];
  }, () => {});
  const popular = get("/movies", { sort: "popularity", limit: 60 }, signal);
  Promise.all([popular, loadRatings()]).then(([{ data }, given]) => {
    const fresh = data.filter((movie) => movie.rating_count && !given.has(movie.movie_id)).slice(0, OFFERED);
    const more = () => {
      offered = fresh.slice(0, offered.length + AT_ONCE);
      redraw();
      if (offered.length < fresh.length) requestAnimationFrame(more);
    };
    more();
  }, () => {});

  let asked = 0;
  async function update() {
    const mine = (asked += 1);
    const given = [...(await loadRatings())].slice(-2000);
    const body = { ratings: Object.fromEntries(given), limit: SUGGESTED, diversity: 0.2 };
    const found = given.length ? await request("POST", "/recommendations", { body, signal }).catch(() => null) : {};
    if (found && mine === asked) [own, count] = [found.movies ?? [], given.length];
  }
  hear("rated", update, signal);
  update();

  return () => h("div.welcome",
    h("h2", heading),
    h("p.muted.lead", lead),
    h("div.examples", { role: "group", label: "Examples" }, examples.map((it) => textButton(null, it, () => ask(it)))),
    offered.length > 0 && toRate(offered, count),
    count > 0 && yours(own, count));
}

const row = (selector, movies, look, props) =>
  h(selector, props, movies.map((it) => h("li", { key: it.movie_id }, movieCard(it, look(it)))));

function toRate(movies, count) {
  const scroll = () => document.querySelector(".yours").scrollIntoView({ behavior: "smooth" });
  const down = count > 0 && textButton("below", "Your list", scroll, { class: "small" });
  return h("section", { label: "Movies to rate" },
    h("div.shelf-head", h("h3", "Seen any of these? Give them stars"), down),
    row("ul.shelf", movies, () => ({ buttons: false }), { testid: "rate-shelf" }));
}

const yours = (movies, count) => h("section.yours", { label: "Your list", testid: "for-you" },
  h("h3", "Your list"),
  h("p.muted", { role: "status" }, `From your ${counted(count, "rating")}; rate more, and it follows.`),
  row("ol.shelf", movies, ({ because: causes }) => ({ note: because(causes) })));

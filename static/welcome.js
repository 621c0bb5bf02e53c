// The first screen: what can be asked, movies to rate at once, and what that leads to.

import { h, textButton } from "./dom.js";
import { get, health, request } from "./api.js";
import { movieCard } from "./cards.js";
import * as ratings from "./ratings.js";
import { ask, counted, hear } from "./shared.js";

const EXAMPLES = [
  "Something like Heat, but funnier",
  "The best animated movies of the nineties",
  "I loved Alien and hated Titanic. What is next?",
  "A great film for a rainy Sunday",
];
const OFFERED = 18;
const AT_ONCE = 6; // drawn in a frame
const SUGGESTED = 8;

export function welcome(signal) {
  const examples = h("div.examples", { role: "group", label: "Examples" });
  const heading = h("h2", "What shall we watch?");
  const lead = h("p.muted.lead", "Ask in your own words, or rate a few films and get a list of your own.");
  const offer = (texts) => examples.replaceChildren(...texts.map((text) => textButton(null, text, () => ask(text))));
  offer(EXAMPLES);
  health().then(({ catalogue: { examples: own, noun, plural, movies } }) => {
    if (own.length) offer(own.slice(0, 4));
    if (noun === "movie") return;
    heading.textContent = `What ${noun} are you looking for?`;
    lead.textContent = `Ask in your own words: ${movies.toLocaleString("en")} ${plural} are in here.`;
    if (!own.length) offer([`Recommend some ${plural}`, `The most popular ${plural}`]);
  }, () => {});
  const yours = forYou(signal);
  return h("div.welcome", heading, lead, examples, toRate(signal, yours), yours);
}

function toRate(signal, yours) {
  const list = h("ul.shelf", { testid: "rate-shelf" });
  const scroll = () => yours.scrollIntoView({ behavior: "smooth" });
  const down = textButton("below", "Your list", scroll, { class: "small" });
  const head = h("div.shelf-head", h("h3", "Seen any of these? Give them stars"), down);
  const section = h("section.to-rate", { label: "Movies to rate", hidden: true }, head, list);
  Promise.all([get("/movies", { sort: "popularity", limit: 60 }, signal), ratings.load()]).then(([{ data }, given]) => {
    const fresh = data.filter((movie) => movie.rating_count && !given.has(movie.movie_id)).slice(0, OFFERED);
    section.hidden = !fresh.length;
    draw(fresh);
  }, () => {});
  const draw = (movies) => {
    list.append(...movies.splice(0, AT_ONCE).map((movie) => h("li", movieCard(movie, { buttons: false }))));
    if (movies.length) requestAnimationFrame(() => draw(movies));
  };
  return section;
}

function forYou(signal) {
  const words = h("p.muted", { role: "status" });
  const list = h("ol.shelf");
  const props = { label: "Your list", testid: "for-you", hidden: true };
  const section = h("section", props, h("h3", "Your list"), words, list);
  let asked = 0;
  const update = async () => {
    const mine = (asked += 1);
    const given = [...(await ratings.load())].slice(-2000);
    const body = { ratings: Object.fromEntries(given), limit: SUGGESTED, diversity: 0.2 };
    if (!given.length) section.hidden = true;
    const found = given.length && (await request("POST", "/recommendations", { body, signal }).catch(() => null));
    if (!found || mine !== asked) return;
    section.hidden = false;
    words.textContent = `From your ${counted(given.length, "rating")}; rate more, and it follows.`;
    list.replaceChildren(...found.movies.map((movie) => h("li", movieCard(movie, { note: because(movie) }))));
  };
  hear("rated", update, signal);
  update();
  return section;
}

function because({ because: causes }) {
  const cause = causes.find((it) => it.movie_id !== null);
  return cause && `Because of ${cause.title}`;
}

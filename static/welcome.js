// The first screen: what can be asked, movies to rate at once, and what that leads to.

import { button, h } from "./dom.js";
import { movieCard } from "./cards.js";
import { request } from "./api.js";
import { health, hear } from "./shared.js";
import * as ratings from "./ratings.js";

const EXAMPLES = ["Something like Heat, but funnier", "The best animated movies of the nineties", "I loved Alien and hated Titanic. What is next?", "A great film for a rainy Sunday"];
const OFFERED = 18;
const SUGGESTED = 8;

/** @param {{signal: AbortSignal, ask: (text: string) => void}} context @returns {HTMLElement} */
export function welcome({ signal, ask }) {
  const examples = h("div", { class: "examples", role: "group", "aria-label": "Examples" });
  const heading = h("h2", null, "What shall we watch?");
  const lead = h("p", { class: "muted lead" }, "Ask in your own words, or rate a few films and get a list of your own.");
  const rate = h("section", { class: "welcome-shelf", "aria-labelledby": "rate-heading", hidden: true });
  const forYou = h("section", { class: "welcome-shelf", "aria-labelledby": "for-you-heading", "data-testid": "for-you", hidden: true });
  const offer = (texts) => examples.replaceChildren(...texts.map((text) => button(null, text, () => ask(text), { text: true, class: "button example" })));
  offer(EXAMPLES);
  health().then(({ catalogue }) => {
    if (catalogue.examples.length) offer(catalogue.examples.slice(0, 4));
    if (catalogue.noun === "movie") return;
    heading.textContent = `What ${catalogue.noun} are you looking for?`;
    lead.textContent = `Ask in your own words: ${catalogue.movies.toLocaleString("en")} ${catalogue.plural} are in here.`;
    if (!catalogue.examples.length) offer([`Recommend some ${catalogue.plural}`, `The most popular ${catalogue.plural}`]);
  }, () => {});
  fillRate(rate, signal).catch(() => {});
  const list = new ForYou(forYou, signal, () => rate.classList.add("rated"));
  hear("rated", () => list.update(), signal);
  ratings.load().then(() => list.update());
  return h("div", { class: "welcome" }, heading, lead, examples, rate, forYou);
}

async function fillRate(section, signal) {
  const [page, given] = await Promise.all([request("GET", "/movies", { query: { sort: "popularity", limit: 60 }, signal }), ratings.load()]);
  const fresh = page.data.filter((movie) => movie.rating_count && !given.has(movie.movie_id)).slice(0, OFFERED);
  if (!fresh.length) return;
  const list = h("ul", { class: "shelf", "data-testid": "rate-shelf" }, fresh.map((movie) => h("li", null, movieCard(movie, { buttons: false }))));
  const down = () => document.getElementById("for-you-heading").scrollIntoView({ behavior: "smooth" });
  const yours = button("below", "Your list", down, { text: true, class: "button small to-list" });
  section.replaceChildren(h("div", { class: "shelf-head" }, h("h3", { id: "rate-heading" }, "Seen any of these? Give them stars"), yours), list);
  section.hidden = false;
}

/** The list that follows the ratings. */
class ForYou {
  #asked = 0;

  constructor(section, signal, onshow) {
    this.signal = signal;
    this.onshow = onshow;
    this.list = h("ol", { class: "shelf" });
    this.words = h("p", { class: "muted", role: "status" });
    this.section = section;
    section.append(h("h3", { id: "for-you-heading" }, "Your list"), this.words, this.list);
  }

  async update() {
    const given = ratings.all();
    if (!given.size) {
      this.section.hidden = true;
      return;
    }
    const asked = (this.#asked += 1);
    const newest = [...given].slice(-2000).map(([id, stars]) => [String(id), stars]);
    const body = { ratings: Object.fromEntries(newest), limit: SUGGESTED, diversity: 0.2 };
    const found = await request("POST", "/recommendations", { body, signal: this.signal }).catch(() => null);
    if (!found || asked !== this.#asked) return;
    this.section.hidden = false;
    this.onshow();
    this.words.textContent = `From ${given.size === 1 ? "your rating" : `your ${given.size} ratings`}; rate more, and it follows.`;
    this.list.replaceChildren(...found.movies.map((movie) => h("li", null, movieCard(movie, { note: because(movie) }))));
  }
}

function because({ because: causes }) {
  const cause = causes.find((it) => it.movie_id !== null);
  return cause ? `Because of ${cause.title}` : null;
}

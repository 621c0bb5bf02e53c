// An answer as nodes: what was thought, looked up and said, while it comes and afterwards.

import { announce, fillOnce, h, icon, textButton } from "./dom.js";
import { movieCard, shelf } from "./cards.js";
import { Growing, plain, render } from "./markdown.js";
import { callLine, listOf, moviesOf } from "./wording.js";

const names = new Map(); // of movies that results brought, by id

const ENDS = {
  cancelled: "Stopped. What was said so far is kept.",
  interrupted: "The service was restarted in the middle of this answer. What was said so far is kept.",
  failed: "The answer failed.",
  requires_action: "This answer waits for a program to carry out an action.",
};

/** What a map has under a key; made where it has nothing. */
export function had(map, key, make) {
  if (!map.has(key)) map.set(key, make());
  return map.get(key);
}

export class AnswerView {
  #parts = new Map(); // by the id of the assistant's message
  #outcomes = new Map(); // messages of tools, by call id
  #shelved = new Set(); // ids of movies that have their card

  constructor() {
    this.body = h("div");
    this.thinking = h("p.thinking", h("span.dots", { "aria-hidden": "true" }), "Thinking…");
    this.end = h("div.answer-end");
    this.node = h("div", this.body, this.thinking, this.end);
  }

  show(messages, { live, status, error, onRetry }) {
    for (const message of messages) if (message.role === "tool") this.#take(message);
    for (const message of messages) if (message.role === "assistant") this.#show(message, live);
    const last = messages.at(-1);
    const waiting = last?.role !== "assistant" || !(last.content || last.tool_calls.length);
    this.thinking.hidden = !(live && waiting);
    this.node.ariaBusy = String(live);
    fillOnce(this.end, [live, status, error, Boolean(onRetry)], () => !live && ending(status, error, onRetry));
  }

  #take(message) {
    if (this.#outcomes.has(message.call_id)) return;
    this.#outcomes.set(message.call_id, message);
    const resolved = listOf(message.result?.resolved).map((it) => it?.movie);
    const movies = moviesOf(message.result).flatMap((movie) => [movie, ...listOf(movie.because)]);
    for (const movie of [...movies, ...resolved]) if (movie) names.set(movie.movie_id, movie.title);
  }

  #show(message, live) {
    const part = had(this.#parts, message.id, () => new Part(this.body));
    part.show(message, this.#outcomes, this.#shelved, live);
  }
}

function ending(status, error, onRetry) {
  if (!ENDS[status]) return null;
  const wrong = status === "failed" || status === "interrupted";
  return h("div", { class: wrong ? "notice warn" : "ended", testid: `ended-${status}` },
    wrong && icon("warn"),
    h("p", error?.detail ?? ENDS[status], error?.retry_after && ` Wait ${error.retry_after} s.`),
    onRetry && textButton("retry", "Try again", onRetry, { class: "small" }));
}

export const textOf = (messages) =>
  messages.map(({ role, content }) => role === "assistant" && content).filter(Boolean).join("\n\n");

/** One entry of the assistant's: words, then the calls it made and the movies that they brought. */
class Part {
  #shown = 0; // characters
  #growing = null;
  #lines = new Map(); // by call id
  #shelved = false;

  constructor(root) {
    this.thoughts = h("pre.thoughts");
    this.text = h("div.prose", { testid: "answer-text" });
    this.calls = h("div.calls");
    this.node = h("div.part", this.text, this.calls);
    root.append(this.node);
  }

  show(message, outcomes, shelved, live) {
    const { reasoning, content, tool_calls: calls } = message;
    if (reasoning) this.#think(reasoning);
    this.#say(message);
    this.text.classList.toggle("growing", live && content !== "" && !calls.length);
    for (const call of calls) had(this.#lines, call.call_id, () => new Line(this.calls)).show(call, outcomes, live);
    const brought = calls.map(({ call_id: id }) => outcomes.get(id));
    if (!this.#shelved && calls.length && (!live || brought.every(Boolean))) this.#shelve(brought, shelved);
  }

  #think(reasoning) {
    const summary = () => h("summary", icon("below"), "Thought about it");
    if (!this.thoughts.parentNode) this.node.prepend(h("details.call", summary(), this.thoughts));
    if (this.thoughts.textContent.length < reasoning.length) this.thoughts.textContent = reasoning;
  }

  /** Shows the words; a run that is played again is behind what is shown, and that stays. */
  #say({ content, mentions, status }) {
    const more = content.slice(this.#shown);
    this.#shown += more.length;
    if (mentions.length || (status !== "in_progress" && !this.#growing)) {
      fillOnce(this.text, [content.length, mentions.length], () => render(content, mentions));
    } else if (more) {
      this.#growing ??= new Growing(this.text);
      this.#growing.append(more);
    }
  }

  #shelve(outcomes, shelved) {
    this.#shelved = true;
    const movies = outcomes.flatMap((outcome) => (outcome?.ok ? moviesOf(outcome.result) : []));
    const fresh = movies.filter(({ movie_id: id }) => !shelved.has(id) && shelved.add(id));
    if (fresh.length) this.node.append(fresh.length === 1 ? movieCard(fresh[0], { wide: true }) : shelf(fresh));
  }
}

/** A tool call: a line that opens to what was asked and given. */
class Line {
  constructor(root) {
    this.words = h("span.call-words");
    this.inside = h("div.call-inside");
    const props = { testid: "tool-call", ontoggle: () => this.#open() };
    this.node = h("details.call", props, h("summary", icon("below"), this.words), this.inside);
    root.append(this.node);
  }

  show(call, outcomes, live) {
    const outcome = outcomes.get(call.call_id);
    const waits = live && !outcome && !call.error;
    Object.assign(this, { call, outcome });
    fillOnce(this.words, [Boolean(outcome), waits], () => callLine(call, outcome, names));
    this.node.classList.toggle("running", waits);
    this.node.classList.toggle("wrong", Boolean(call.error) || outcome?.ok === false);
    this.#open();
  }

  #open() {
    const { call, outcome } = this;
    if (!this.node.open) return;
    fillOnce(this.inside, Boolean(outcome), () => [
      h("p.muted", "Tool ", h("code", call.name)),
      block("Asked for", call.error ?? call.arguments ?? {}),
      outcome && block("Given", outcome.ok ? outcome.result : outcome.content),
    ]);
  }
}

function block(label, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return [h("strong", label), h("pre", { tabindex: "0" }, text)];
}

const SENTENCE = /^[\s\S]*?(?:[.!?…](?:["”’)*_]*)(?=\s)|\n)/;

/** Reads a growing answer out to screen readers, a sentence at a time. */
export class Speaker {
  #rest = "";

  add(delta) {
    this.#rest += delta;
    for (let found; (found = SENTENCE.exec(this.#rest)); ) {
      this.#rest = this.#rest.slice(found[0].length);
      this.#say(found[0]);
    }
  }

  end() {
    this.#say(this.#rest);
    this.#rest = "";
  }

  #say(text) {
    const words = plain(text);
    if (words) announce(words);
  }
}

// An answer as nodes: what was thought, looked up and said, while it comes and afterwards.

import { announce, button, h, icon } from "./dom.js";
import { movieCard, shelf } from "./cards.js";
import { Growing, render } from "./markdown.js";
import { callLine, listOf, moviesOf } from "./wording.js";

const names = new Map(); // of movies that results brought, by id

const ENDS = {
  cancelled: "Stopped. What was said so far is kept.",
  interrupted: "The service was restarted in the middle of this answer. What was said so far is kept.",
  failed: "The answer failed.",
  requires_action: "This answer waits for a program to carry out an action.",
};

/** The view of one answer. `show` may be called as often as there is news. */
export class AnswerView {
  #parts = new Map(); // message id → Part
  #outcomes = new Map(); // call id → tool message
  #shelved = new Set(); // ids of movies that have their card

  constructor() {
    this.body = h("div", { class: "answer-body" });
    this.indicator = h("p", { class: "thinking", hidden: true }, h("span", { class: "dots", "aria-hidden": "true" }), h("span", { class: "thinking-words" }, "Thinking…"));
    this.end = h("div", { class: "answer-end" });
    this.node = h("div", { class: "answer-view" }, this.body, this.indicator, this.end);
  }

  /**
   * @param {Array<Object>} messages of the answer, oldest first
   * @param {{live: boolean, status: string, error?: Object|null, onRetry?: () => void}} state
   */
  show(messages, { live, status, error, onRetry }) {
    for (const message of messages) if (message.role === "tool") this.#take(message);
    const said = messages.filter((message) => message.role === "assistant");
    said.forEach((message, index) => this.#part(message).show(message, this.#outcomes, this.#shelved, live && index === said.length - 1));
    const last = messages.at(-1);
    this.indicator.hidden = !live || (last?.role === "assistant" && Boolean(last.content || last.tool_calls.length));
    this.node.setAttribute("aria-busy", String(live));
    this.#showEnd(live ? null : status, error, onRetry);
  }

  #take(message) {
    this.#outcomes.set(message.call_id, message);
    for (const movie of moviesOf(message.result)) {
      for (const named of [movie, ...listOf(movie.because)]) names.set(named.movie_id, named.title);
    }
    for (const it of listOf(message.result?.resolved)) if (it?.movie) names.set(it.movie.movie_id, it.movie.title);
  }

  #part(message) {
    let part = this.#parts.get(message.id);
    if (!part) {
      part = new Part();
      this.#parts.set(message.id, part);
      this.body.append(part.node);
    }
    return part;
  }

  #showEnd(status, error, onRetry) {
    const words = status && (ENDS[status] ?? null);
    const key = words ? `${status}:${error?.detail}:${Boolean(onRetry)}` : "";
    if (this.end.dataset.shown === key) return;
    this.end.dataset.shown = key;
    this.end.replaceChildren();
    if (!words) return;
    const wrong = status === "failed" || status === "interrupted";
    const text = h("p", null, error?.detail ?? words, error?.retry_after ? ` Wait ${error.retry_after} s.` : "");
    const again = onRetry && button("retry", "Try again", onRetry, { text: true, class: "button small" });
    this.end.append(h("div", { class: wrong ? "notice warn" : "ended", "data-testid": `ended-${status}` }, wrong && icon("warn"), text, again));
  }
}

/** What was said, the answer's last words first where only they are wanted. @param {Array<Object>} messages */
export function textOf(messages) {
  return messages.filter((message) => message.role === "assistant").map((message) => message.content).filter(Boolean).join("\n\n");
}

/** One entry of the assistant's: words, then the calls it made and the movies that they brought. */
class Part {
  #length = 0;
  #growing = null;
  #marked = false;
  #lines = new Map(); // call id → Line
  #thoughts = null;

  constructor() {
    this.text = h("div", { class: "prose", "data-testid": "answer-text" });
    this.calls = h("div", { class: "calls" });
    this.shelf = null;
    this.node = h("div", { class: "part" }, this.text, this.calls);
  }

  show(message, outcomes, shelved, live) {
    if (message.reasoning) this.#think(message.reasoning);
    this.#say(message);
    this.text.classList.toggle("growing", live && this.#length > 0);
    const brought = message.tool_calls.map((call) => this.#call(call, outcomes.get(call.call_id) ?? null, live));
    if (!this.shelf && brought.length && brought.every((it) => it !== null)) this.#shelve(brought.flat(), shelved);
  }

  #say({ content, mentions, status }) {
    if (mentions.length && !this.#marked) {
      this.#marked = true;
      this.text.replaceChildren(render(content, mentions));
    } else if (content.length > this.#length && this.#length === 0 && status !== "in_progress") {
      this.text.replaceChildren(render(content));
    } else if (content.length > this.#length) {
      this.#growing ??= new Growing(this.text);
      this.#growing.append(content.slice(this.#length));
    }
    this.#length = Math.max(this.#length, content.length); // a run that is played again is behind what was stored
  }

  #think(reasoning) {
    if (!this.#thoughts) {
      this.#thoughts = h("pre", { class: "thoughts" });
      const summary = h("summary", null, icon("below"), "Thought about it");
      this.node.prepend(h("details", { class: "call" }, summary, this.#thoughts));
    }
    if (this.#thoughts.textContent.length !== reasoning.length) this.#thoughts.textContent = reasoning;
  }

  /** Shows a call; the movies that it brought, null while they are not there. */
  #call(call, outcome, live) {
    if (!this.#lines.has(call.call_id)) {
      const line = new Line();
      this.#lines.set(call.call_id, line);
      this.calls.append(line.node);
    }
    this.#lines.get(call.call_id).show(call, outcome, live);
    if (!outcome && live) return null;
    return outcome?.ok ? moviesOf(outcome.result) : [];
  }

  #shelve(movies, shelved) {
    const fresh = movies.filter((movie) => !shelved.has(movie.movie_id) && shelved.add(movie.movie_id));
    if (!fresh.length) return;
    this.shelf = fresh.length === 1 ? movieCard(fresh[0], { wide: true }) : shelf(fresh, { label: "Movies in this answer" });
    this.node.append(this.shelf);
  }
}

/** A tool call: a line that opens to what was asked and given. */
class Line {
  #shown = null;

  constructor() {
    this.words = h("span", { class: "call-words" });
    this.inside = h("div", { class: "call-inside" });
    this.node = h("details", { class: "call", "data-testid": "tool-call" }, h("summary", null, icon("below"), this.words), this.inside);
    this.node.addEventListener("toggle", () => this.node.open && this.#open());
  }

  show(call, outcome, live) {
    if (this.#shown?.outcome && outcome) return;
    this.#shown = { call, outcome };
    this.words.textContent = callLine(call, outcome, names);
    this.node.classList.toggle("running", live && !outcome && !call.error);
    this.node.classList.toggle("wrong", Boolean(call.error) || outcome?.ok === false);
    if (this.node.open) this.#open();
  }

  #open() {
    const { call, outcome } = this.#shown;
    const block = (label, value) => [h("strong", null, label), h("pre", { tabindex: "0" }, typeof value === "string" ? value : JSON.stringify(value, null, 2))];
    this.inside.replaceChildren(
      h("p", { class: "muted" }, "Tool ", h("code", null, call.name)),
      ...block("Asked for", call.error ?? call.arguments ?? {}),
      ...(outcome ? block("Given", outcome.ok ? outcome.result : outcome.content) : []),
    );
  }
}

const SENTENCE = /^[\s\S]*?(?:[.!?…](?:["”’)*_]*)(?=\s)|\n)/;

/** Reads a growing answer out to screen readers, a sentence at a time. */
export class Speaker {
  #rest = "";

  constructor(plain) {
    this.plain = plain;
  }

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
    const words = this.plain(text);
    if (words) announce(words);
  }
}

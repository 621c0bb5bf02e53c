// A session's messages, as they are stored and as the events of a run add to them; and the exchanges that they make.

import { isLast } from "./api.js";
import { note } from "./ratings.js";
import { tell } from "./shared.js";

/**
 * @typedef {Object} Answer
 * @property {string} run
 * @property {Array<Object>} messages
 * @typedef {Object} Question
 * @property {Object} message
 * @property {Array<Answer>} answers the last is the one that counts
 * @typedef {Object} Exchange
 * @property {string} key
 * @property {Array<Question>} questions the last is the one that counts
 */

export class Transcript {
  messages = []; // oldest first; another array wherever one comes or goes
  run = null; // the latest
  last = 0; // sequence of the last event of it
  pending = null; // a message that is on its way
  #folded = { exchanges: [] };

  get live() {
    return this.run?.status === "in_progress";
  }

  /** Takes in what is stored: the newest messages and the latest run. */
  load(messages, run) {
    const whole = run?.status !== "completed" || messages.some((it) => it.run_id === run.id && it.role !== "user");
    const stale = run && (!whole || messages.some(({ status }) => status === "in_progress")); // it went on meanwhile
    Object.assign(this, { messages, last: 0, run: stale ? { ...run, status: "in_progress" } : (run ?? null) });
  }

  /** Waits for the events of another run. */
  expect(runId) {
    if (this.run?.id !== runId) Object.assign(this, { run: { id: runId, status: "in_progress" }, last: 0 });
  }

  /** Takes one event in; one that was taken before changes nothing. */
  take(event) {
    if (event.type === "run.created") this.#begin(event);
    else if (event.sequence <= this.last) return;
    else if (isLast(event)) this.#end(event);
    else TAKE[event.type]?.(event, this);
    this.last = event.sequence;
  }

  #begin({ run, message }) {
    const from = this.messages.findLastIndex(({ role }) => role === "user");
    const rest = this.messages.filter((it) => it.run_id !== run.id || it.role === "user"); // it is told from its beginning
    const old = (it, index) => run.retry_of && index >= from && it.id !== message.id;
    this.messages = rest.map((it, index) => (old(it, index) ? { ...it, alternative: true } : it));
    if (!rest.some(({ id }) => id === message.id)) this.messages.push(message);
    this.run = run;
  }

  #end({ run, message }) {
    const ended = (it) => (it.run_id === run.id && it.role !== "user" ? { ...it, status: run.status } : it);
    this.messages = this.messages.map((it) => (it.id === message?.id ? message : ended(it)));
    this.run = run;
    tell("session", { id: run.session_id, ended: true });
  }

  /** The message of this id, made where it is not there yet. */
  draft(id, role = "assistant") {
    const found = this.messages.findLast((message) => message.id === id);
    if (found) return found;
    const { id: run_id, session_id } = this.run;
    const made = { id, run_id, session_id, role, content: "", reasoning: "", tool_calls: [], mentions: [], status: "in_progress" };
    this.messages = [...this.messages, made];
    return made;
  }

  /** @returns {Array<Exchange>} the same array until a message comes or goes */
  get exchanges() {
    const { messages, pending, run } = this;
    const known = this.#folded;
    if (known.messages === messages && known.pending === pending && known.run === run) return known.exchanges;
    this.#folded = { messages, pending, run, exchanges: fold(pending ? [...messages, pending] : messages, run) };
    return this.#folded.exchanges;
  }
}

const TAKE = {
  "text.delta": ({ message_id, delta }, transcript) => {
    transcript.draft(message_id).content += delta;
  },
  "reasoning.delta": ({ message_id, delta }, transcript) => {
    transcript.draft(message_id).reasoning += delta;
  },
  "tool.call": (event, transcript) => transcript.draft(event.message_id).tool_calls.push(event),
  "action.call": (event, transcript) => transcript.draft(event.message_id).tool_calls.push(event),
  "tool.result": ({ message_id, call_id, name, ok, result, error }, transcript) => {
    Object.assign(transcript.draft(message_id, "tool"), { call_id, name, ok, result, content: error ?? "" });
    if (name !== "rate_movie" || !ok || !result.movie) return;
    if (result.stored || result.removed) note(result.movie.movie_id, result.stored ? result.stars : 0);
  },
  "session.updated": ({ session }) => tell("session", { id: session.id, session }),
};

/** What stands before the first question is left out: the page of that is not here yet. */
function fold(messages, run) {
  const exchanges = [];
  for (const message of messages) {
    const question = exchanges.at(-1)?.questions.at(-1);
    if (message.role !== "user") answer(question, message);
    else if (question?.message.alternative || message.edit) exchanges.at(-1).questions.push({ message, answers: [] });
    else exchanges.push({ key: message.id, questions: [{ message, answers: [] }] });
  }
  const latest = exchanges.at(-1)?.questions.at(-1);
  const replaced = latest?.answers.at(-1)?.messages.every(({ alternative }) => alternative) ?? true;
  if (replaced && run && latest?.message.id === run.message_id) latest.answers.push({ run: run.id, messages: [] });
  return exchanges;
}

/** Adds a message to the answer that it is part of: those that were replaced are told apart by their run. */
function answer(question, message) {
  const last = question?.answers.at(-1);
  if (last && (last.run === message.run_id || !(last.messages[0].alternative || message.alternative))) {
    last.messages.push(message);
  } else {
    question?.answers.push({ run: message.run_id, messages: [message] });
  }
}

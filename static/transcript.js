// A session's messages, as they are stored and as the events of a run add to them; and the exchanges that they make.

import { isLast, tell } from "./api.js";
import { note } from "./cards.js";

// An exchange is {key, questions: [{message, answers: [{run, messages, state}]}]}: a question in its versions, each
// with its answers; of both the last is the one that counts, and the latest answer has its run as `state`.

export class Transcript {
  messages = []; // oldest first; another array wherever one comes or goes
  run = null; // the latest
  last = 0; // sequence of the last event of it
  pending = null; // a message that is on its way
  #folded = { of: [] };

  get live() {
    return this.run?.status === "in_progress";
  }

  /** Takes in what is stored: the newest messages and the latest run. */
  load(messages, run) {
    const whole = run?.status !== "completed" || messages.some((it) => it.run_id === run.id && it.role !== "user");
    const stale = run && (!whole || messages.some(({ status }) => status === "in_progress")); // it went on meanwhile
    Object.assign(this, { messages, last: 0, run: stale ? { ...run, status: "in_progress" } : (run ?? null) });
    if (this.live) this.#untell(run); // its events tell it from the beginning
  }

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
    this.#untell(run);
    const from = this.messages.findLastIndex(({ role }) => role === "user");
    const old = (it, index) => run.retry_of && index >= from && it.id !== message.id;
    this.messages = this.messages.map((it, index) => (old(it, index) ? { ...it, alternative: true } : it));
    if (!this.messages.some(({ id }) => id === message.id)) this.messages.push(message);
    this.run = run;
  }

  #untell(run) {
    this.messages = this.messages.filter((it) => it.run_id !== run.id || it.role === "user");
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
    const empty = { content: "", reasoning: "", tool_calls: [], mentions: [], status: "in_progress" };
    const made = { id, run_id, session_id, role, ...empty };
    this.messages = [...this.messages, made];
    return made;
  }

  /** The same array until a message comes or goes. */
  get exchanges() {
    const { messages, pending, run } = this;
    const of = [messages, pending, run];
    if (!of.every((it, index) => it === this.#folded.of[index])) {
      this.#folded = { of, exchanges: fold(pending ? [...messages, pending] : messages, run) };
    }
    return this.#folded.exchanges;
  }
}

const grow = (part) => (event, transcript) => (transcript.draft(event.message_id)[part] += event.delta);
const call = (event, transcript) => transcript.draft(event.message_id).tool_calls.push(event);
const TAKE = {
  "text.delta": grow("content"),
  "reasoning.delta": grow("reasoning"),
  "tool.call": call,
  "action.call": call,
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
    const version = { message, answers: [] };
    if (message.role !== "user") question && answerOf(question, message).messages.push(message);
    else if (question?.message.alternative || message.kind === "edit") exchanges.at(-1).questions.push(version);
    else exchanges.push({ key: message.id, questions: [version] });
  }
  const latest = exchanges.at(-1)?.questions.at(-1);
  if (run && latest && latest.message.id === run.message_id) answerOf(latest, { run_id: run.id }).state = run;
  return exchanges;
}

/** The answer that a message is part of: those that were replaced are told apart by their run. */
function answerOf({ answers }, { run_id: run, alternative = false }) {
  const last = answers.at(-1);
  if (last && (last.run === run || !(last.alternative || alternative))) return last;
  answers.push({ run, alternative, messages: [] });
  return answers.at(-1);
}

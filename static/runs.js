// Runs as their events tell them: the messages so far, kept while one looks at other chats.

import { follow, isLast, network, Problem } from "./api.js";
import { note } from "./ratings.js";
import { tell } from "./shared.js";

const KEPT = 24;
const states = new Map();

/** A run and what it has said. Listen with `onchange(event)`; events are told once each, in order. */
export class RunState {
  constructor(id) {
    this.id = id;
    this.last = 0;
    this.onchange = null;
    this.#reset();
  }

  #reset() {
    this.run = null;
    this.question = null;
    this.messages = [];
    this.status = "in_progress";
    this.error = null;
  }

  get live() {
    return this.status === "in_progress";
  }

  /** Takes one event in; what was taken before changes nothing. */
  apply(event) {
    if (event.type === "run.created") this.#reset(); // the service began anew: the cursor was ahead of what is left
    else if (event.sequence <= this.last) return;
    this.last = event.sequence;
    if (isLast(event)) this.#end(event);
    else APPLY[event.type]?.(this, event);
    this.onchange?.(event);
  }

  #end(event) {
    this.status = event.type.slice("run.".length);
    this.run = event.run;
    this.error = event.error;
    if (event.message) this.messages = this.messages.map((it) => (it.id === event.message.id ? event.message : it));
    tell("session", { id: event.run.session_id, ended: true });
  }

  /** The message of this id, made where it is not there yet. */
  draft(id, role) {
    let found = this.messages.find((message) => message.id === id);
    if (!found) {
      found = { id, run_id: this.id, role, content: "", reasoning: null, tool_calls: [], mentions: [], status: "in_progress" };
      this.messages.push(found);
    }
    return found;
  }
}

const APPLY = {
  "run.created": (state, event) => {
    state.run = event.run;
    state.question = event.message;
  },
  "text.delta": (state, event) => {
    state.draft(event.message_id, "assistant").content += event.delta;
  },
  "reasoning.delta": (state, event) => {
    const draft = state.draft(event.message_id, "assistant");
    draft.reasoning = (draft.reasoning ?? "") + event.delta;
  },
  "tool.call": (state, event) => {
    state.draft(event.message_id, "assistant").tool_calls.push(event);
  },
  "action.call": (state, event) => {
    state.draft(event.message_id, "assistant").tool_calls.push({ ...event, action: true });
  },
  "tool.result": (state, event) => {
    const { call_id, name, ok, result, error } = event;
    Object.assign(state.draft(event.message_id, "tool"), { call_id, name, ok, result, content: error ?? "" });
    if (name === "rate_movie" && ok) noteRating(result);
  },
  "session.updated": (state, event) => tell("session", { id: event.session.id, session: event.session }),
};

function noteRating(result) {
  if (result.movie && (result.stored || result.removed)) note(result.movie.movie_id, result.stored ? result.stars : 0);
}

/** The state of a run, from memory or new. @param {string} id @returns {RunState} */
export function stateOf(id) {
  const state = states.get(id) ?? new RunState(id);
  states.delete(id);
  states.set(id, state);
  for (const [other, { live }] of states) if (states.size > KEPT && !live) states.delete(other);
  return state;
}

/**
 * Plays a run to its end: first from a stream that is open, then over as many connections as it takes.
 * @param {RunState} state
 * @param {AsyncIterable<Object>|null} stream
 * @param {AbortSignal} signal ends listening, not the run
 */
export async function play(state, stream, signal) {
  if (stream) await playOpen(state, stream, signal);
  if (!state.live || signal.aborted) return;
  for await (const event of follow(state.id, state.last, signal)) {
    if (signal.aborted) return;
    state.apply(event);
  }
}

async function playOpen(state, stream, signal) {
  try {
    for await (const event of stream) {
      if (signal.aborted) return;
      state.apply(event);
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    await network.pause(signal);
  }
}

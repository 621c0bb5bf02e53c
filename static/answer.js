// An exchange of a chat: a question in its versions, and what was thought, looked up and said; what one can do next.

import { announce, button, called, counted, create, h, icon, textButton } from "./dom.js";
import { ask, request } from "./api.js";
import { movieCard, shelf } from "./cards.js";
import { plain, render } from "./markdown.js";

const ENDS = {
  cancelled: "Stopped. What was said so far is kept.",
  interrupted: "The service was restarted in the middle of this answer. What was said so far is kept.",
  failed: "The answer failed.",
  requires_action: "This answer waits for a program to carry out an action.",
};

/** `latest`: the last of the chat. Of older ones nothing can be changed. */
export function exchange(chat, { key, questions }, latest) {
  const chosen = chat.chosen.get(key) ?? {};
  const choose = (noun, versions) => {
    const last = versions.length - 1;
    const at = Math.min(chosen[noun] ?? last, last);
    const to = (other) => chat.chosen.set(key, { ...(noun === "answer" && chosen), [noun]: other });
    return [versions[at], at === last, turner(at, last, to, noun)];
  };
  const [{ message, answers }, lastQuestion, turnQuestion] = choose("question", questions);
  const [answer, lastAnswer, turnAnswer] = choose("answer", answers);
  const newest = latest && lastQuestion;
  return h("section.exchange", { key, testid: "exchange" },
    h("div.asked", newest && chat.editing ? edit(chat, message) : asked(chat, message, newest, turnQuestion)),
    answered(chat, message, answer, newest && lastAnswer, turnAnswer));
}

function turner(at, last, choose, noun) {
  return last > 0 && h("span.versions", { role: "group", label: `Versions of the ${noun}` },
    button("left", `Earlier ${noun}`, () => choose(at - 1), { disabled: at === 0 }),
    h("span", { "aria-live": "polite" }, `${at + 1}/${last + 1}`),
    button("right", `Later ${noun}`, () => choose(at + 1), { disabled: at === last }));
}

function asked(chat, { content, kind, words, takeBack }, newest, turns) {
  const back = takeBack && textButton(null, "Take it back", takeBack, { class: "small" });
  return [
    h("article.bubble", { label: "You", testid: "question-text" }, content),
    h("div.bubble-tools", turns,
      newest && !chat.busy && button("edit", "Edit this message", () => chat.edit()),
      !kind && copier("Copy this message", content),
      words && h("span.pending", { role: "status" }, words, back)),
  ];
}

function edit(chat, message) {
  const close = () => chat.edit(false);
  const onsubmit = (event) => {
    event.preventDefault();
    const text = field().value.trim();
    if (!text) return;
    if (!chat.busy) close();
    chat.retry(message, text);
  };
  const onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) onsubmit(event);
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };
  const field = () => document.querySelector(".edit .field");
  const made = (node) => {
    node.focus();
    node.setSelectionRange(node.value.length, node.value.length);
  };
  return h("form.edit", { onsubmit },
    h("textarea.field", { label: "Edit your message", rows: "2", value: message.content, onkeydown, made }),
    h("div.row", textButton(null, "Cancel", close), h("button.button.primary", "Send")));
}

function answered(chat, question, answer, latest, turns) {
  const { run, messages = [], state } = answer ?? {};
  const said = messages.findLast(({ role }) => role === "assistant");
  const { status, error } = state ?? said ?? {};
  const live = latest && status === "in_progress";
  const onRetry = latest && answer && !chat.busy && (() => chat.retry(question));
  const text = live ? "" : textOf(messages);
  const asks = latest && status === "completed" ? followUps(messages) : [];
  const last = messages.at(-1);
  const waiting = last?.role !== "assistant" || !(last.content || last.tool_calls.length);
  const failed = (words) => chat.composer.fail(words);
  return [
    h("article.answer", { label: "Answer" }, answer && h("div", { key: run, "aria-busy": String(live) },
      h("div", parts(messages, live)),
      live && waiting && h("p.thinking", h("span.dots", { "aria-hidden": "true" }), "Thinking…"),
      h("div.answer-end", !live && ending(status, error, onRetry)))),
    h("div.answer-tools", { class: latest && "latest" }, !live && [
      text && [copier("Copy the answer", text), thumb("up", "Good", said, failed), thumb("down", "Bad", said, failed)],
      onRetry && button("retry", "Answer again", onRetry),
      turns,
    ]),
    asks.length > 0 && h("div.follow-ups", { role: "group", label: "What you may ask next" },
      asks.map((words) => textButton(null, words, () => ask(words), { class: "follow-up" }))),
  ];
}

const textOf = (messages) =>
  messages.map(({ role, content }) => role === "assistant" && content).filter(Boolean).join("\n\n");

function ending(status, error, onRetry) {
  if (!ENDS[status]) return null;
  const wrong = status === "failed" || status === "interrupted";
  return h("div", { class: wrong ? "notice warn" : "ended", testid: `ended-${status}` },
    wrong && icon("warn"),
    h("p", error?.detail ?? ENDS[status], error?.retry_after && ` Wait ${error.retry_after} s.`),
    onRetry && textButton("retry", "Try again", onRetry, { class: "small" }));
}

function thumb(rating, name, message, failed) {
  const give = async () => {
    const path = `/sessions/${message.session_id}/messages/${message.id}/feedback`;
    try {
      message.feedback = (await request("PUT", path, { body: { rating } })).feedback;
      announce(`Noted: a ${name.toLowerCase()} answer.`);
    } catch (error) {
      failed(`That was not stored: ${error.detail}`);
    }
  };
  return button(rating, `${name} answer`, give, { "aria-pressed": String(message.feedback?.rating === rating) });
}

function copier(label, text) {
  return button("copy", label, async ({ currentTarget: node }) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      copyBySelection(text);
    }
    announce("Copied.");
    node.classList.add("done");
    setTimeout(() => node.classList.remove("done"), 1200);
  });
}

/** For pages over plain HTTP, where there is no clipboard. */
function copyBySelection(text) {
  const field = create(h("textarea.visually-hidden", { value: text }));
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

// What an answer is made of: words, then the calls that were made and the movies that they brought

function parts(messages, live) {
  const outcomes = new Map(messages.filter(({ role }) => role === "tool").map((it) => [it.call_id, it]));
  const names = new Map([...outcomes.values()].flatMap(({ result }) => named(result)));
  const shelved = new Set(); // ids of movies that have their card
  return messages.filter(({ role }) => role === "assistant").map((message) => {
    const { id, reasoning, content, tool_calls: calls } = message;
    const growing = live && content && !calls.length && "growing";
    const brought = calls.map(({ call_id: call }) => outcomes.get(call));
    const whole = !live || brought.every(Boolean);
    const movies = whole ? brought.flatMap((it) => (it?.ok ? moviesOf(it.result) : [])) : [];
    const fresh = movies.filter(({ movie_id: movie }) => !shelved.has(movie) && shelved.add(movie));
    return h("div.part", { key: id },
      reasoning && h("details.call", h("summary", icon("below"), "Thought about it"), h("pre.thoughts", reasoning)),
      h("div.prose", { testid: "answer-text", class: growing }, words(message)),
      h("div.calls", calls.map((it) => call(it, outcomes.get(it.call_id), names, live))),
      fresh.length > 1 ? shelf(fresh, id) : fresh.map((movie) => movieCard(movie, { wide: true })));
  });
}

const drawn = new WeakMap(); // words of messages, as nodes

function words(message) {
  const { content, mentions } = message;
  const before = drawn.get(message);
  if (before?.content === content && before.mentions === mentions) return before.nodes;
  const nodes = render(content, mentions);
  drawn.set(message, { content, mentions, nodes });
  return nodes;
}

const opened = new Set(); // ids of calls that are looked into

/** A tool call: a line that opens to what was asked and given. */
function call(made, outcome, names, live) {
  const { call_id: id, name, arguments: args, error } = made;
  const waits = live && !outcome && !error;
  const classes = [waits && "running", (error || outcome?.ok === false) && "wrong"].filter(Boolean).join(" ");
  const ontoggle = ({ target }) => opened[target.open ? "add" : "delete"](id);
  return h("details.call", { key: id, testid: "tool-call", class: classes, ontoggle },
    h("summary", icon("below"), h("span.call-words", callLine(made, outcome, names))),
    h("div.call-inside", opened.has(id) && [
      h("p.muted", "Tool ", h("code", name)),
      block("Asked for", error ?? args ?? {}),
      outcome && block("Given", outcome.ok ? outcome.result : outcome.content),
    ]));
}

function block(label, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return [h("strong", label), h("pre", { tabindex: "0" }, text)];
}

/** The value where it is a list: an action's result may have any form. */
const listOf = (value) => (Array.isArray(value) ? value : []);

function moviesOf(result) {
  const { movie, movies, favourites, ratings } = result ?? {};
  const found = [movie, ...listOf(movies), ...listOf(favourites), ...listOf(ratings).map((it) => it?.movie)];
  const known = (it) => Number.isInteger(it?.movie_id) && typeof it.title === "string" && Array.isArray(it.genres);
  return found.filter(known);
}

/** Titles by id, of all movies that a result names. */
function named(result) {
  const movies = moviesOf(result).flatMap((movie) => [movie, ...listOf(movie.because)]);
  const resolved = listOf(result?.resolved).map((it) => it?.movie);
  return [...movies, ...resolved].filter(Boolean).map((movie) => [movie.movie_id, movie.title]);
}

// Of a tool: the verb while it is called and when it was, what it does, words on its result, and what to ask next

const like = (movie) => movie && `More like ${called(movie)}`;
const found = ({ movies }) => `${counted(listOf(movies).length, "movie")} found`;
const rated = ({ count, ratings }) => counted(count ?? ratings, "rating");
const matched = ({ total }) => `${total.toLocaleString("en")} match`;
const noted = ({ movie, removed, stored, stars }) =>
  movie && ((removed && "taken back") || (stored ? `${stars} stars` : "not stored"));

function afterList(movies) {
  if (!movies.length) return ["Recommend something for me"];
  const older = Math.min(...movies.map(({ year }) => year ?? Infinity)) > 1960;
  const why = movies.length > 1 && "Why the first?";
  return ["More", why, like(movies[0]), older ? "Only older ones" : "Only newer ones"];
}

function afterMovie([movie]) {
  const name = movie && called(movie);
  return name && [like(movie), `Would I like ${name}?`, `How are the ratings of ${name} over time?`];
}

const afterReason = ([movie]) => [like(movie), "Recommend something else"];
const afterQuestion = (movies) => movies.slice(0, 3).map((movie) => `I loved ${called(movie)}`);
const afterTaste = () => ["Recommend something for me", "Something outside my taste"];
const afterRating = ([movie], { stored }) => stored && ["What should I watch next?", like(movie), "What is my taste?"];

const TOOLS = {
  search_movies: ["Searching", "Searched", "the catalogue", found, afterList],
  get_movie: ["Looking", "Looked", "up", null, afterMovie],
  compare_movies: ["Comparing", "Compared", "", null, ([one, two]) => [like(one), like(two)]],
  similar_movies: ["Looking", "Looked", "for movies like", found, afterList],
  recommend: ["Choosing", "Chose", "what might suit", found, afterList],
  recommend_for_group: ["Choosing", "Chose", "for everyone", found, afterList],
  rate_movie: ["Noting", "Noted", "a rating of", noted, afterRating],
  get_user_ratings: ["Reading", "Read", "ratings", rated, () => ["Recommend something for me", "What is my taste?"]],
  query_catalogue: ["Counting", "Counted", "in the catalogue", matched],
  explain_recommendation: ["Looking", "Looked", "for the reasons for", null, afterReason],
  taste_profile: ["Reading", "Read", "a taste", rated, afterTaste],
  next_question: ["Choosing", "Chose", "movies to ask about", null, afterQuestion],
};
const toolOf = (name) => (Object.hasOwn(TOOLS, name) ? TOOLS[name] : ["Using", "Used", name?.replaceAll("_", " ")]);

/** A call in a line of words; `names`: of movies by id. */
function callLine({ name, arguments: args, error }, outcome, names) {
  if (error) return "Made a call that did not fit, and mended it";
  const [doing, done, what, end] = toolOf(name);
  const terms = conditions(args ?? {});
  const about = [what, titles(args ?? {}, names)].filter(Boolean).join(" ") + (terms && `: ${terms}`);
  if (!outcome) return `${doing} ${about}…`;
  if (!outcome.ok) return `${doing} ${about}: that did not work`;
  return [`${done} ${about}`, end?.(outcome.result)].filter(Boolean).join(" · ");
}

/** The movies that arguments name, by id or title; ids by what results call them. */
function titles({ movie, movies }, names) {
  const words = [movie, movies].flat().map((ref) => names.get(ref) ?? ref).filter((ref) => typeof ref === "string");
  return words.length > 2 ? `${words.slice(0, 2).join(", ")} and others` : words.join(" and ");
}

function conditions({ query, genres, tags, year_from: from, year_to: to, exclude_genres: without, user_id: user }) {
  const words = query && `“${query.slice(0, 60)}”`;
  const no = without?.length && `no ${without.join(", ")}`;
  const person = user != null && `MovieLens user ${user}`;
  const all = [words, genres, tags, from && `since ${from}`, to && `up to ${to}`, no, person];
  return all.flat().filter(Boolean).join(", ");
}

function followUps(messages) {
  const { name, result } = messages.findLast(({ role, ok }) => role === "tool" && ok) ?? {};
  const offered = toolOf(name)[4]?.(moviesOf(result), result) || [];
  return offered.filter(Boolean).slice(0, 4);
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

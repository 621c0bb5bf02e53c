// The conversation as exchanges: a question in its versions, each with its answers.

import { announce, button, h, refill } from "./dom.js";
import { ask } from "./shared.js";
import { AnswerView, textOf } from "./answer.js";
import { followUps } from "./wording.js";

/**
 * @typedef {Object} Answer
 * @property {string} key
 * @property {Array<Object>} messages
 * @typedef {Object} Question
 * @property {Object} message
 * @property {Array<Answer>} answers the last is the one that counts
 * @typedef {Object} Exchange
 * @property {string} key
 * @property {Array<Question>} questions the last is the one that counts
 */

/**
 * The messages of a session as exchanges. What stands before the first question is left out: its page is not here yet.
 * @param {Array<Object>} messages oldest first
 * @returns {Array<Exchange>}
 */
export function fold(messages) {
  const exchanges = [];
  for (const message of messages) {
    const question = exchanges.at(-1)?.questions.at(-1);
    if (message.role === "user") {
      if (question?.message.alternative) exchanges.at(-1).questions.push({ message, answers: [] });
      else exchanges.push({ questions: [{ message, answers: [] }] });
    } else if (question) {
      answerOf(question, message).messages.push(message);
    }
  }
  for (const exchange of exchanges) exchange.key = exchange.questions[0].message.id;
  return exchanges;
}

/** The answer that a message is part of: those that were replaced are told apart by their run. */
function answerOf({ answers }, message) {
  const key = message.alternative ? message.run_id : "current";
  let answer = answers.find((it) => it.key === key);
  if (!answer) answers.push((answer = { key, messages: [] }));
  return answer;
}

/** The view of one exchange. */
export class ExchangeView {
  #views = new Map(); // of answers, by the question's id and the answer's key
  #question = null; // version that is chosen, null for the last
  #answer = null;
  #shown = {};

  /** @param {import("./chat.js").Chat} chat */
  constructor(chat) {
    this.chat = chat;
    this.asked = h("div", { class: "asked" });
    this.answered = h("article", { class: "answer", "aria-label": "Answer" });
    this.tools = h("div", { class: "answer-tools" });
    this.next = h("div", { class: "follow-ups", role: "group", "aria-label": "What you may ask next" });
    this.node = h("section", { class: "exchange", "data-testid": "exchange" }, this.asked, this.answered, this.tools, this.next);
  }

  /**
   * @param {Exchange} exchange
   * @param {{latest: boolean, state: Object|null}} context `state` of the run that the last answer comes from
   */
  show(exchange, context) {
    this.exchange = exchange;
    this.context = context;
    const { questions } = exchange;
    const at = Math.min(this.#question ?? questions.length - 1, questions.length - 1);
    const question = questions[at];
    this.#showQuestion(question, at);
    this.#showAnswer(question, at === questions.length - 1);
  }

  /** Shows the newest version again. */
  newest() {
    this.#question = this.#answer = null;
  }

  #again() {
    this.show(this.exchange, this.context);
  }

  // The question

  #showQuestion({ message }, at) {
    const { questions } = this.exchange;
    const editable = this.context.latest && !this.chat.busy && at === questions.length - 1 && !message.pending;
    const key = JSON.stringify([message.id, message.content, message.pending, questions.length, at, editable]);
    if (this.#shown.question === key || this.asked.querySelector("form")) return;
    this.#shown.question = key;
    const bubble = h("article", { class: "bubble", "aria-label": "You" }, h("div", { class: "bubble-text", "data-testid": "question-text" }, message.content));
    const choose = (to) => {
      this.#question = to;
      this.#answer = null;
      this.#again();
    };
    const tools = h("div", { class: "bubble-tools" },
      versions(questions.length, at, choose, "question"),
      editable && button("edit", "Edit this message", () => this.edit()),
      !message.pending && button("copy", "Copy this message", (event) => copy(message.content, event.currentTarget)),
      message.pending && h("span", { class: "pending", role: "status" }, message.pending, message.takeBack && button(null, "Take it back", message.takeBack, { text: true, class: "button small" })));
    refill(this.asked, bubble, tools);
  }

  /** Puts a field in the place of the question. */
  edit() {
    const { message } = this.exchange.questions.at(-1);
    const field = h("textarea", { class: "field", "aria-label": "Edit your message", rows: "2", value: message.content });
    const close = () => {
      form.remove();
      this.#shown.question = null;
      this.#again();
    };
    const save = () => {
      const text = field.value.trim();
      if (!text) return field.focus();
      close();
      return this.chat.edit(message, text);
    };
    const onkeydown = (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
      } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        save();
      }
    };
    const onsubmit = (event) => {
      event.preventDefault();
      save();
    };
    const row = h("div", { class: "row" }, button(null, "Cancel", close, { text: true }), h("button", { class: "button primary" }, "Send"));
    const form = h("form", { class: "edit", onsubmit, onkeydown }, field, row);
    this.asked.replaceChildren(form);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }

  // The answer

  #showAnswer(question, current) {
    const { state } = this.context;
    const answers = current && state ? [...question.answers.filter((it) => it.key !== "current" && it.key !== state.id), { key: state.id, messages: state.messages, state }] : question.answers;
    const at = Math.min(this.#answer ?? answers.length - 1, answers.length - 1);
    const answer = answers[at];
    const mine = answer?.state ?? null;
    const latest = this.context.latest && current && at === answers.length - 1;
    const view = this.#view(question.message.id, answer, question.answers);
    if (this.answered.firstChild !== view?.node) this.answered.replaceChildren(...(view ? [view.node] : []));
    const live = mine?.live ?? false;
    const status = mine?.status ?? answer?.messages.findLast((it) => it.role === "assistant")?.status ?? "completed";
    const retry = latest && !this.chat.busy ? () => this.chat.retry(question.message) : null;
    view?.show(answer.messages, { live, status, error: mine?.error ?? null, onRetry: retry });
    this.#showTools(answer, { live, at, count: answers.length, retry, latest, status, missing: !answer && this.context.latest && current });
  }

  /** The view of an answer; one that streamed keeps its view when it is stored. */
  #view(questionId, answer) {
    if (!answer) return null;
    const key = `${questionId}:${answer.key === "current" ? (answer.messages[0]?.run_id ?? "") : answer.key}`;
    if (!this.#views.has(key)) this.#views.set(key, new AnswerView());
    return this.#views.get(key);
  }

  #showTools(answer, { live, at, count, retry, latest, status }) {
    const stored = answer?.messages.findLast((message) => message.role === "assistant");
    const text = answer ? textOf(answer.messages) : "";
    const key = JSON.stringify([live, at, count, Boolean(retry), latest, status, stored?.id, Boolean(stored?.session_id), text.length * !live]);
    for (const node of this.tools.querySelectorAll("[data-rating]")) press(node, stored);
    if (this.#shown.tools === key) return;
    this.#shown.tools = key;
    const choose = (to) => {
      this.#answer = to;
      this.#again();
    };
    const ended = answer && !live;
    refill(this.tools, [
      ended && text && button("copy", "Copy the answer", (event) => copy(text, event.currentTarget)),
      ...(ended && stored?.session_id ? feedback(this.chat, stored) : []),
      ended && retry && button("retry", "Answer again", retry),
      ended && versions(count, at, choose, "answer"),
    ]);
    this.tools.classList.toggle("latest", latest);
    const asks = ended && latest && status === "completed" ? followUps(answer.messages) : [];
    this.next.hidden = !asks.length;
    this.next.replaceChildren(...asks.map((words) => button(null, words, () => ask(words), { text: true, class: "button follow-up" })));
  }
}

function versions(count, at, choose, noun) {
  if (count < 2) return null;
  const label = h("span", { class: "versions-at", "aria-live": "polite", "data-testid": `${noun}-version` }, `${at + 1}/${count}`);
  const back = button("left", `Earlier ${noun}`, () => choose(at - 1), { disabled: at === 0 });
  const on = button("right", `Later ${noun}`, () => choose(at + 1), { disabled: at === count - 1 });
  return h("span", { class: "versions", role: "group", "aria-label": `Versions of the ${noun}` }, back, label, on);
}

function feedback(chat, message) {
  const give = (rating) => async () => {
    await chat.feedback(message, rating);
    announce(rating === "up" ? "Noted: a good answer." : "Noted: a bad answer.");
  };
  const words = { up: "Good answer", down: "Bad answer" };
  const nodes = Object.keys(words).map((rating) => button(rating, words[rating], give(rating), { dataset: { rating } }));
  nodes.forEach((node) => press(node, message));
  return nodes;
}

function press(node, message) {
  node.setAttribute("aria-pressed", String(message?.feedback?.rating === node.dataset.rating));
}

async function copy(text, node) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text);
  }
  announce("Copied.");
  node.classList.add("done");
  setTimeout(() => node.classList.remove("done"), 1200);
}

/** For pages over plain HTTP, where there is no clipboard. */
function copyBySelection(text) {
  const field = h("textarea", { class: "visually-hidden", value: text });
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

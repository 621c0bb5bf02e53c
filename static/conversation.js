// An exchange of a conversation: a question in its versions, each with its answers, and what one can do about them.

import { announce, button, h } from "./dom.js";
import { request } from "./api.js";
import { AnswerView, textOf } from "./answer.js";
import { fillOnce } from "./fill.js";
import { ask } from "./shared.js";
import { followUps } from "./wording.js";

const RATINGS = { up: "Good answer", down: "Bad answer" };

/** The view of one exchange; `show` may be called as often as there is news. */
export class ExchangeView {
  #answers = new Map(); // views of answers, by their run
  #chosen = {}; // versions that were chosen: question, answer; the last where none was

  constructor(chat) {
    this.chat = chat;
    this.asked = h("div.asked");
    this.answered = h("article.answer", { "aria-label": "Answer" });
    this.tools = h("div.answer-tools");
    this.next = h("div.follow-ups", { role: "group", "aria-label": "What you may ask next" });
    const parts = [this.asked, this.answered, this.tools, this.next];
    this.node = h("section.exchange", { "data-testid": "exchange" }, parts);
  }

  /** @param {import("./transcript.js").Exchange} exchange @param {boolean} latest of the conversation */
  show(exchange, latest) {
    if (this.exchange && !latest && !this.latest) return; // only the latest changes
    Object.assign(this, { exchange, latest });
    this.#draw();
  }

  #draw() {
    const { questions } = this.exchange;
    const last = questions.length - 1;
    const at = Math.min(this.#chosen.question ?? last, last);
    this.#showQuestion(questions[at].message, at);
    this.#showAnswer(questions[at], this.latest && at === last);
  }

  #choose(chosen) {
    this.#chosen = chosen;
    this.#draw();
  }

  #showQuestion(message, at) {
    const { questions } = this.exchange;
    const { id, content, kind, words, takeBack } = message;
    const editable = this.latest && !this.chat.busy && at === questions.length - 1;
    if (this.asked.querySelector("form")) return;
    fillOnce(this.asked, [id, content, words, questions.length, at, editable], () => [
      h("article.bubble", { "aria-label": "You" },
        h("div.bubble-text", { "data-testid": "question-text" }, content)),
      h("div.bubble-tools",
        versions(questions.length, at, (question) => this.#choose({ question }), "question"),
        editable && button("edit", "Edit this message", () => this.edit()),
        !kind && copier("Copy this message", content),
        words && h("span.pending", { role: "status" }, words,
          takeBack && button(null, "Take it back", takeBack, { text: true, class: "button small" }))),
    ]);
  }

  /** Puts a field in the place of the question. */
  edit() {
    const { message } = this.exchange.questions.at(-1);
    const value = message.content;
    const field = h("textarea.field", { "aria-label": "Edit your message", rows: "2", value });
    const close = () => {
      fillOnce(this.asked, null, () => []);
      this.#draw();
    };
    const onsubmit = (event) => {
      event.preventDefault();
      const text = field.value.trim();
      if (!text) return;
      if (!this.chat.busy) close();
      this.#retry(message, text);
    };
    const onkeydown = (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
      } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        onsubmit(event);
      }
    };
    const buttons = [button(null, "Cancel", close, { text: true }), h("button.button.primary", "Send")];
    const form = h("form.edit", { onsubmit, onkeydown }, field, h("div.row", buttons));
    fillOnce(this.asked, "edit", () => form);
    field.focus();
    field.setSelectionRange(value.length, value.length);
  }

  #retry(message, text) {
    this.#chosen = {};
    this.chat.retry(message, text);
  }

  #showAnswer({ message, answers }, newest) {
    const last = answers.length - 1;
    const at = Math.min(this.#chosen.answer ?? last, last);
    const answer = answers[at] ?? { messages: [] };
    const latest = newest && at === last;
    const said = answer.messages.findLast(({ role }) => role === "assistant");
    const { status, error } = answer.state ?? said ?? {};
    const live = latest && status === "in_progress";
    const onRetry = latest && last >= 0 && !this.chat.busy ? () => this.#retry(message) : null;
    const view = answers[at] && this.#view(answer);
    if (this.answered.firstChild !== view?.node) this.answered.replaceChildren(...(view ? [view.node] : []));
    view?.show(answer.messages, { live, status, error, onRetry });
    const choose = (to) => this.#choose({ ...this.#chosen, answer: to });
    const text = live ? "" : textOf(answer.messages);
    this.tools.classList.toggle("latest", latest);
    const key = [live, at, answers.length, Boolean(onRetry), said?.id, text.length];
    fillOnce(this.tools, key, () => !live && [
      text && copier("Copy the answer", text),
      text && thumbs(said, (words) => this.chat.composer.fail(words)),
      onRetry && button("retry", "Answer again", onRetry),
      versions(answers.length, at, choose, "answer"),
    ]);
    this.#showNext(latest && status === "completed" ? followUps(answer.messages) : []);
  }

  #view({ run }) {
    if (!this.#answers.has(run)) this.#answers.set(run, new AnswerView());
    return this.#answers.get(run);
  }

  #showNext(asks) {
    const follow = (words) => button(null, words, () => ask(words), { text: true, class: "button follow-up" });
    this.next.hidden = !asks.length;
    fillOnce(this.next, asks, () => asks.map(follow));
  }
}

/** What one thinks of an answer. */
function thumbs(message, failed) {
  const give = async ({ currentTarget: { value: rating } }) => {
    const path = `/sessions/${message.session_id}/messages/${message.id}/feedback`;
    try {
      message.feedback = (await request("PUT", path, { body: { rating } })).feedback;
      draw();
      announce(rating === "up" ? "Noted: a good answer." : "Noted: a bad answer.");
    } catch (error) {
      failed(`That was not stored: ${error.detail}`);
    }
  };
  const nodes = Object.entries(RATINGS).map(([value, label]) => button(value, label, give, { value }));
  const draw = () => nodes.forEach((node) => (node.ariaPressed = String(node.value === message.feedback?.rating)));
  draw();
  return nodes;
}

function versions(count, at, choose, noun) {
  const label = `${at + 1}/${count}`;
  return count > 1 && h("span.versions", { role: "group", "aria-label": `Versions of the ${noun}` },
    button("left", `Earlier ${noun}`, () => choose(at - 1), { disabled: at === 0 }),
    h("span.versions-at", { "aria-live": "polite", "data-testid": `${noun}-version` }, label),
    button("right", `Later ${noun}`, () => choose(at + 1), { disabled: at === count - 1 }));
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
  const field = h("textarea.visually-hidden", { value: text });
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

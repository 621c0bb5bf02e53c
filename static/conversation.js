// An exchange of a conversation: a question in its versions, each with its answers, and what one can do about them.

import { announce, button, fillOnce, h, textButton } from "./dom.js";
import { request } from "./api.js";
import { AnswerView, had, textOf } from "./answer.js";
import { ask } from "./shared.js";
import { followUps } from "./wording.js";

export { Speaker } from "./answer.js";

export class ExchangeView {
  #answers = new Map(); // views of answers, by their run
  #chosen = {}; // versions that were chosen: question, answer; the last where none was

  constructor(chat) {
    this.chat = chat;
    this.asked = h("div.asked");
    this.answered = h("article.answer", { label: "Answer" });
    this.tools = h("div.answer-tools");
    this.next = h("div.follow-ups", { role: "group", label: "What you may ask next" });
    const parts = [this.asked, this.answered, this.tools, this.next];
    this.node = h("section.exchange", { testid: "exchange" }, parts);
  }

  show(exchange, latest) {
    if (this.exchange && !latest && !this.latest) return; // only the latest changes
    Object.assign(this, { exchange, latest });
    this.#draw();
  }

  #draw() {
    const { questions } = this.exchange;
    const last = questions.length - 1;
    const at = Math.min(this.#chosen.question ?? last, last);
    this.#showQuestion(questions[at].message, at, last);
    this.#showAnswer(questions[at], this.latest && at === last);
  }

  #choose(chosen) {
    this.#chosen = chosen;
    this.#draw();
  }

  #showQuestion({ id, content, kind, words, takeBack }, at, last) {
    const editable = this.latest && !this.chat.busy && at === last;
    if (this.asked.querySelector("form")) return;
    fillOnce(this.asked, [id, content, words, last, at, editable], () => [
      h("article.bubble", { label: "You", testid: "question-text" }, content),
      h("div.bubble-tools",
        versions(last, at, (question) => this.#choose({ question }), "question"),
        editable && button("edit", "Edit this message", () => this.edit()),
        !kind && copier("Copy this message", content),
        words && h("span.pending", { role: "status" }, words,
          takeBack && textButton(null, "Take it back", takeBack, { class: "small" }))),
    ]);
  }

  edit() {
    const { message } = this.exchange.questions.at(-1);
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
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) onsubmit(event);
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    };
    const field = h("textarea.field", { label: "Edit your message", rows: "2", value: message.content });
    const buttons = [textButton(null, "Cancel", close), h("button.button.primary", "Send")];
    const form = h("form.edit", { onsubmit, onkeydown }, field, h("div.row", buttons));
    fillOnce(this.asked, "edit", () => form);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
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
    const view = answers[at] && had(this.#answers, answer.run, () => new AnswerView());
    if (this.answered.firstChild !== view?.node) this.answered.replaceChildren(...(view ? [view.node] : []));
    view?.show(answer.messages, { live, status, error, onRetry });
    const text = live ? "" : textOf(answer.messages);
    this.tools.classList.toggle("latest", latest);
    fillOnce(this.tools, [live, at, last, Boolean(onRetry), said?.id, text.length], () => !live && [
      text && copier("Copy the answer", text),
      text && thumbs(said, (words) => this.chat.composer.fail(words)),
      onRetry && button("retry", "Answer again", onRetry),
      versions(last, at, (to) => this.#choose({ ...this.#chosen, answer: to }), "answer"),
    ]);
    const asks = latest && status === "completed" ? followUps(answer.messages) : [];
    const follow = (words) => textButton(null, words, () => ask(words), { class: "follow-up" });
    this.next.hidden = !asks.length;
    fillOnce(this.next, asks, () => asks.map(follow));
  }
}

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
  const thumb = (value, label) => button(value, label, give, { value });
  const nodes = [thumb("up", "Good answer"), thumb("down", "Bad answer")];
  const draw = () => nodes.forEach((node) => (node.ariaPressed = String(node.value === message.feedback?.rating)));
  draw();
  return nodes;
}

function versions(last, at, choose, noun) {
  return last > 0 && h("span.versions", { role: "group", label: `Versions of the ${noun}` },
    button("left", `Earlier ${noun}`, () => choose(at - 1), { disabled: at === 0 }),
    h("span", { "aria-live": "polite" }, `${at + 1}/${last + 1}`),
    button("right", `Later ${noun}`, () => choose(at + 1), { disabled: at === last }));
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

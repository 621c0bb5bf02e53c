// The field that a message is typed into; what is typed is kept per chat.

import { fillOnce, h, icon } from "./dom.js";
import { get } from "./api.js";
import { kept } from "./shared.js";

export class Composer {
  #busy = false;

  constructor(chat) {
    this.chat = chat;
    this.field = h("textarea", {
      rows: "1", placeholder: "Ask about movies…", label: "Message", enterkeyhint: "send", autocomplete: "off",
      "aria-describedby": "message-hint", oninput: () => this.#typed(), onkeydown: (event) => this.#key(event),
    });
    const onclick = (event) => event.detail > 1 && event.preventDefault(); // a double click sends, and stops nothing
    this.go = h("button", { type: "submit", class: "send", onclick });
    this.models = h("span.models");
    this.problem = h("p.composer-problem", { role: "alert", hidden: true });
    const onsubmit = (event) => {
      event.preventDefault();
      if (this.#busy) chat.stop();
      else this.#send();
    };
    this.node = h("form.composer", { onsubmit, label: "New message" },
      this.problem,
      h("div.composer-box", this.field, h("div.composer-bar", this.models, this.go)),
      h("span.visually-hidden", { id: "message-hint" },
        "Enter sends, Shift and Enter begin a new line, Escape stops the answer."));
  }

  open(sessionId) {
    this.draft = `draft:${sessionId ?? "new"}`;
    this.#put(kept.get(this.draft) ?? "");
  }

  rename(sessionId) {
    kept.set(this.draft, null);
    this.draft = `draft:${sessionId}`;
    this.#typed();
  }

  /** Gives back a text that could not be sent, before what was typed meanwhile. */
  giveBack(text) {
    this.#put([text, this.field.value].filter(Boolean).join("\n"));
    this.field.focus();
  }

  fail(reason) {
    this.problem.hidden = !reason;
    this.problem.textContent = reason ?? "";
  }

  busy(busy) {
    this.#busy = busy;
    this.go.disabled = !busy && !this.field.value.trim();
    fillOnce(this.go, busy, () => {
      const [name, key] = busy ? ["Stop the answer", "Esc"] : ["Send", "Enter"];
      Object.assign(this.go, { ariaLabel: name, title: `${name} (${key})` });
      this.go.classList.toggle("stop", busy);
      return icon(busy ? "stop" : "send");
    });
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  #put(text) {
    this.field.value = text;
    this.#typed();
  }

  #typed() {
    const { style, value } = this.field;
    this.busy(this.#busy);
    if (!CSS.supports("field-sizing", "content")) {
      style.height = "auto";
      style.height = `${this.field.scrollHeight}px`;
    }
    kept.set(this.draft, value.trim() ? value : null);
  }

  #key(event) {
    const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
    const edits = event.key === "ArrowUp" && !this.field.value && !this.#busy;
    if (sends || edits) event.preventDefault();
    if (sends) this.#send();
    if (edits) this.chat.editLast();
  }

  #send() {
    const text = this.field.value.trim();
    if (!text) return;
    if (this.chat.busy) return this.fail("Wait for the answer, or stop it with Esc; then send.");
    this.#put("");
    this.fail(null);
    this.chat.send(text);
  }

  async offerModels(chosen, signal) {
    const { data, default: usual } = await get("/models", {}, signal);
    if (data.length < 2) return;
    const option = (name) => h("option", { value: name, selected: name === (chosen ?? usual) }, name);
    const names = new Set([...data, chosen ?? usual]);
    const onchange = ({ target }) => this.chat.choose(target.value);
    this.models.replaceChildren(h("select.model", { label: "Model", onchange }, [...names].map(option)));
  }
}

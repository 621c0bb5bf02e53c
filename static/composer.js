// The field that a message is typed into; what is typed is kept per chat.

import { button, h, icon } from "./dom.js";
import { request } from "./api.js";
import { kept } from "./shared.js";

export class Composer {
  #busy = false;

  /**
   * @param {{onSend: (text: string) => void, onStop: () => void, onEditLast: () => void, onModel: (model: string) => void}} does
   */
  constructor(does) {
    this.does = does;
    this.draft = null; // the name that it is kept by
    this.field = h("textarea", {
      id: "message", rows: "1", placeholder: "Ask about movies…", "aria-label": "Message", enterkeyhint: "send", "aria-describedby": "message-hint", autocomplete: "off",
      oninput: () => this.#typed(), onkeydown: (event) => this.#key(event),
    });
    const onclick = (event) => event.detail > 1 && event.preventDefault(); // a double click sends, and stops nothing
    this.go = h("button", { type: "submit", class: "send", onclick });
    this.models = h("span", { class: "models" });
    this.problem = h("p", { class: "composer-problem", role: "alert", hidden: true });
    const hint = h("span", { class: "visually-hidden", id: "message-hint" }, "Enter sends, Shift and Enter begin a new line, Escape stops the answer.");
    const bar = h("div", { class: "composer-bar" }, this.models, this.go);
    const onsubmit = (event) => {
      event.preventDefault();
      if (this.#busy) this.does.onStop();
      else this.#send();
    };
    this.node = h("form", { class: "composer", onsubmit, "aria-label": "New message" }, this.problem, h("div", { class: "composer-box" }, this.field, bar), hint);
    this.busy(false);
  }

  get text() {
    return this.field.value;
  }

  /** Shows what was typed for a chat before. @param {string|null} sessionId */
  open(sessionId) {
    this.draft = `draft:${sessionId ?? "new"}`;
    this.put(kept.get(this.draft) ?? "");
  }

  /** Follows a chat that has just been given its id. */
  rename(sessionId) {
    kept.set(this.draft, null);
    this.draft = `draft:${sessionId}`;
    this.#keep();
  }

  put(text) {
    this.field.value = text;
    this.#typed();
  }

  /** Gives back a text that could not be sent, before what was typed meanwhile. */
  giveBack(text, reason) {
    this.put([text, this.text].filter(Boolean).join("\n"));
    this.fail(reason);
    this.field.focus();
  }

  fail(reason) {
    this.problem.hidden = !reason;
    this.problem.textContent = reason ?? "";
  }

  busy(busy) {
    this.#busy = busy;
    this.go.setAttribute("aria-label", busy ? "Stop the answer" : "Send");
    this.go.title = busy ? "Stop the answer (Esc)" : "Send (Enter)";
    this.go.replaceChildren(icon(busy ? "stop" : "send"));
    this.go.classList.toggle("stop", busy);
    this.#enable();
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  #enable() {
    this.go.disabled = !this.#busy && !this.text.trim();
  }

  #typed() {
    this.#enable();
    if (!CSS.supports("field-sizing", "content")) {
      this.field.style.height = "auto";
      this.field.style.height = `${this.field.scrollHeight}px`;
    }
    this.#keep();
  }

  #keep() {
    if (this.draft) kept.set(this.draft, this.text.trim() ? this.text : null);
  }

  #key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      if (!this.#busy) this.#send();
      else if (this.text.trim()) this.fail("Wait for the answer, or stop it with Esc; then send.");
    } else if (event.key === "ArrowUp" && !this.text && !this.#busy) {
      event.preventDefault();
      this.does.onEditLast();
    }
  }

  #send() {
    const text = this.text.trim();
    if (!text) return;
    this.put("");
    this.fail(null);
    this.does.onSend(text);
  }

  /** Offers the models of the service, where there are several. @param {string|null} chosen */
  async offerModels(chosen, signal) {
    const { data, default: usual } = await request("GET", "/models", { signal });
    if (data.length < 2) return;
    const option = (name) => h("option", { value: name, selected: name === (chosen ?? usual) }, name);
    const names = chosen && !data.includes(chosen) ? [chosen, ...data] : data;
    const onchange = (event) => this.does.onModel(event.target.value);
    this.models.replaceChildren(h("select", { class: "model", "aria-label": "Model", onchange }, names.map(option)));
  }
}

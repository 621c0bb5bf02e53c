// A chat: its history, the answer that is coming, and what is sent. Its parts are drawn elsewhere.

import { announce, button, clear, h } from "./dom.js";
import { follow, isLast, Problem, request } from "./api.js";
import { Speaker } from "./answer.js";
import { Composer } from "./composer.js";
import { ExchangeView } from "./conversation.js";
import { cancel, onItsWay, post } from "./outbox.js";
import { Scrolling } from "./scrolling.js";
import { hear, tell } from "./shared.js";
import { Transcript } from "./transcript.js";
import { welcome } from "./welcome.js";

const PAGE = 60; // messages at a time
const LATE_MS = 1500; // until a message that is on its way says so
const HIDDEN_MS = 20000; // that a tab nobody looks at holds its connection: browsers allow few
const ENDED = { completed: "Answer complete.", cancelled: "Stopped.", failed: "The answer failed." };

export class Chat {
  transcript = new Transcript();
  #views = new Map(); // by the exchange's key
  #entry = null; // of the outbox: what is on its way
  #listening = new AbortController(); // to the events of the latest run
  #older = null; // where the history goes on
  #frame = 0;

  /**
   * @param {HTMLElement} root
   * @param {{id: string|null, signal: AbortSignal, title: (text: string) => void, first: string|null}} context
   *     first: a message to be sent at once
   */
  constructor(root, { id, signal, title, first }) {
    Object.assign(this, { sessionId: id, signal, title, session: null, speaker: new Speaker() });
    this.#listening.abort();
    this.composer = new Composer({
      onSend: (text) => this.send(text),
      onStop: () => this.stop(),
      onEditLast: () => [...this.#views.values()].at(-1)?.edit(),
      onModel: (model) => this.#choose(model),
    });
    this.#build(root);
    this.#listen();
    this.composer.open(id);
    this.ready = this.#open(first);
  }

  get busy() {
    return Boolean(this.#entry) || this.transcript.live;
  }

  #build(root) {
    this.top = h("div.older", { role: "status" });
    this.hello = h("div.hello");
    this.list = h("div.exchanges", { "data-testid": "conversation" });
    const scroller = h("div.scroller", { tabindex: "0", role: "region", "aria-label": "Conversation" },
      h("div.column", this.top, this.hello, this.list));
    const down = button("below", "To the latest message", null, { class: "icon-button to-end", hidden: true });
    root.classList.add("chat");
    root.append(scroller, h("div.foot", down, this.composer.node));
    this.scrolling = new Scrolling(scroller, this.list, down);
    const look = ([entry]) => entry.isIntersecting && this.#loadOlder();
    this.observer = new IntersectionObserver(look, { root: scroller, rootMargin: "800px 0px 0px" });
    this.observer.observe(this.top);
  }

  #listen() {
    const { signal } = this;
    hear("session", (told) => told.id === this.sessionId && this.#told(told), signal);
    hear("listed", (session) => session.id === this.sessionId && this.#told({ session }), signal);
    signal.addEventListener("abort", () => this.#listening.abort());
    addEventListener("keydown", (event) => this.#key(event), { signal });
    let hiding;
    const seen = () => {
      clearTimeout(hiding);
      if (document.hidden) hiding = setTimeout(() => this.#listening.abort(), HIDDEN_MS);
      else if (this.transcript.live) this.#follow(this.transcript.run.id);
    };
    document.addEventListener("visibilitychange", seen, { signal });
  }

  #key(event) {
    if (event.key !== "Escape" || event.defaultPrevented || !this.busy) return;
    if (!document.querySelector("dialog[open], [popover]:popover-open")) this.stop();
  }

  /** What other parts of the page, or other tabs, say of this session. */
  #told({ session, run = session?.live_run_id, deleted }) {
    if (deleted) location.hash = "#/";
    const known = [this.session?.updated_at, this.transcript.run?.created_at];
    const stale = session && !this.busy && !known.includes(session.updated_at); // it went on elsewhere
    if (session) this.#adopt(session);
    if (run && !this.#entry) this.#follow(run);
    else if (stale) this.#load().catch((error) => this.#failed(error));
  }

  // Opening

  async #open(first) {
    const entry = onItsWay(this.sessionId);
    if (this.sessionId === null) {
      this.title("");
      this.hello.append(welcome({ signal: this.signal, ask: (text) => this.send(text) }));
    } else {
      await this.#load();
    }
    if (first) this.send(first);
    else if (entry && !this.#entry) this.#deliver(entry);
    this.composer.offerModels(this.session?.model, this.signal).catch(() => {});
    if (matchMedia("(pointer: fine)").matches) this.composer.focus();
  }

  async #load() {
    const path = `/sessions/${this.sessionId}`;
    const get = (part, query) => request("GET", path + part, { query, signal: this.signal });
    const parts = [get(""), get("/messages", { before: "latest", limit: PAGE }), get("/runs", { limit: 1 })];
    const [session, page, runs] = await Promise.all(parts);
    this.#adopt(session);
    this.#older = page.next;
    const { transcript } = this;
    transcript.load(page.data, runs.data[0]);
    this.#draw();
    this.scrolling.pin("end");
    if (transcript.live) this.#follow(transcript.run.id);
  }

  #adopt(session) {
    this.session = session;
    this.title(session.title ?? "New chat");
  }

  async #loadOlder() {
    if (!this.#older) return;
    const query = { before: this.#older, limit: PAGE * 2 };
    this.#older = null; // until the page is here
    this.top.textContent = "Loading earlier messages…";
    try {
      const page = await request("GET", `/sessions/${this.sessionId}/messages`, { query, signal: this.signal });
      this.#older = page.next;
      this.transcript.messages = [...page.data, ...this.transcript.messages];
      this.scrolling.keepPlace(() => this.#draw());
      clear(this.top);
      this.observer.unobserve(this.top);
      this.observer.observe(this.top); // tells again where it is
    } catch {
      this.#older = query.before;
      const again = button("retry", "Load earlier messages", () => this.#loadOlder(), { text: true });
      clear(this.top).append(again);
    }
  }

  // Drawing

  /** Draws with the next frame, however much there is to tell. */
  #drawSoon() {
    this.#frame ||= requestAnimationFrame(() => this.signal.aborted || this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const { exchanges } = this.transcript;
    const keys = new Set(exchanges.map(({ key }) => key));
    for (const [key, { node }] of this.#views) {
      if (keys.has(key)) continue;
      node.remove();
      this.#views.delete(key);
    }
    exchanges.forEach((exchange, index) => this.#drawOne(exchange, index, exchanges.length - 1));
    if (exchanges.length) clear(this.hello);
    this.composer.busy(this.busy);
  }

  /** Of those that are shown already only the last two may have changed. */
  #drawOne(exchange, index, last) {
    const known = this.#views.get(exchange.key);
    const view = known ?? new ExchangeView(this);
    this.#views.set(exchange.key, view);
    if (!known || index >= last - 1) view.show(exchange, index === last);
    if (this.list.children[index] !== view.node) this.list.insertBefore(view.node, this.list.children[index] ?? null);
  }

  // Sending

  /** Sends a message. @param {string} text */
  send(text) {
    const message = { content: text };
    const opening = { message, ...(this.model && { model: this.model }) };
    if (this.sessionId === null) this.#post({ path: "/sessions", body: opening, text, kind: "send" });
    else this.#post({ path: `/sessions/${this.sessionId}/messages`, body: message, text, kind: "send" });
  }

  /** Answers the last message anew, or another text in its place. @param {Object} message @param {string} [text] */
  retry({ id }, text) {
    const path = `/sessions/${this.sessionId}/messages/${id}/retry`;
    this.#post({ path, body: text ? { content: text } : {}, text, kind: text ? "edit" : "retry" });
  }

  #post(letter) {
    if (this.busy) return this.composer.fail("Wait for the answer, or stop it with Esc; then send.");
    return this.#deliver(post({ ...letter, sessionId: this.sessionId }));
  }

  /** Waits until what was sent has become a run, and shows that. */
  async #deliver(entry) {
    this.#entry = entry;
    this.#await("");
    this.scrolling.pin("question");
    const late = setTimeout(() => this.#await("Sending…"), LATE_MS);
    entry.onwait = () => this.#await("Not sent yet. It is tried again by itself.", () => entry.listening.abort());
    try {
      const { first, events } = await entry.sending;
      this.#entry = this.transcript.pending = null;
      if (this.signal.aborted) entry.listening.abort();
      else this.#began(first, events, entry.listening);
    } catch (error) {
      this.#entry = this.transcript.pending = null;
      if (!this.signal.aborted) this.#refused(entry.letter, error);
    } finally {
      clearTimeout(late);
    }
  }

  /** Shows what is on its way as it will stand in the history. */
  #await(words, takeBack = null) {
    if (!this.#entry || this.signal.aborted) return;
    const { key, kind, text } = this.#entry.letter;
    const message = { id: key, role: "user", content: text, words, takeBack, edit: kind === "edit", pending: true };
    if (kind !== "retry") this.transcript.pending = message;
    this.#draw();
  }

  #began(first, events, listening) {
    if (this.sessionId === null) {
      this.sessionId = first.run.session_id;
      history.replaceState(null, "", `#/chat/${this.sessionId}`);
      this.composer.rename(this.sessionId);
      request("GET", `/sessions/${this.sessionId}`).then((session) => this.#adopt(session), () => {});
      tell("session", { id: this.sessionId });
    }
    this.#follow(first.run.id, { first, events, listening });
  }

  #refused({ kind, text }, error) {
    const reason = error.name === "AbortError" ? null : (error.detail ?? "The message could not be sent.");
    this.#draw();
    if (kind === "send") this.composer.giveBack(text, reason);
    else this.composer.fail(reason);
    if (error.run_id) this.#follow(error.run_id);
    if (reason && !(error instanceof Problem)) throw error;
  }

  // The answer

  /** Listens to a run, from where it is known; once. */
  async #follow(id, { first, events, listening = new AbortController() } = {}) {
    const { transcript } = this;
    const known = transcript.run?.id === id;
    if (known && !(transcript.live && this.#listening.signal.aborted)) return listening.abort();
    this.#listening.abort();
    this.#listening = listening;
    const { signal } = listening;
    transcript.expect(id);
    if (first) this.#take(first);
    try {
      events ??= follow("GET", `/runs/${id}/events`, { after: transcript.last, signal });
      for await (const event of events) {
        if (signal.aborted) return;
        this.#take(event);
      }
    } catch (error) {
      if (!signal.aborted) this.#failed(error);
    } finally {
      listening.abort();
    }
  }

  #take(event) {
    const { transcript, speaker } = this;
    transcript.take(event);
    if (event.type === "text.delta") speaker.add(event.delta);
    if (isLast(event)) {
      speaker.end();
      announce(`${ENDED[event.run.status] ?? "The answer ended."} ${event.run.error?.detail ?? ""}`);
    }
    this.#drawSoon();
  }

  /** Stops the answer, or takes back what has not been sent yet. */
  async stop() {
    const { run, live, pending } = this.transcript;
    if (this.#entry) {
      this.#entry.stop = true;
      pending?.takeBack?.();
    } else if (live) {
      this.composer.focus();
      announce("Stopping.");
      await cancel(run.id).catch((error) => this.composer.fail(`It could not be stopped: ${error.detail}`));
      this.#follow(run.id);
    }
  }

  #failed(error) {
    if (error.name === "AbortError") return;
    const gone = error.status === 404 && "This chat is gone: it was deleted.";
    this.composer.fail(gone || (error.detail ?? "Something went wrong. Reload the page."));
    if (!(error instanceof Problem)) throw error;
  }

  async #choose(model) {
    this.model = model;
    if (this.sessionId === null) return;
    try {
      this.#adopt(await request("PATCH", `/sessions/${this.sessionId}`, { body: { model } }));
    } catch (error) {
      this.composer.fail(`The model was not changed: ${error.detail}`);
    }
  }
}

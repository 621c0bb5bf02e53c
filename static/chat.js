// A chat: its history, the answer that is coming, and what is sent. Its parts are drawn elsewhere.

import { announce, button, fill, h, textButton } from "./dom.js";
import { follow, get, isLast, request } from "./api.js";
import { Composer } from "./composer.js";
import { cancel, onItsWay, post } from "./outbox.js";
import { Scrolling } from "./scrolling.js";
import { hear, tell } from "./shared.js";
import { Transcript } from "./transcript.js";
import { welcome } from "./welcome.js";

const PAGE = 60; // messages at a time
const LATE_MS = 1500; // until a message that is on its way says so
const HIDDEN_MS = 20000; // that a tab nobody looks at holds its connection: browsers allow few
const ENDED = { completed: "Answer complete.", cancelled: "Stopped.", failed: "The answer failed." };

let parts = null; // that draw a conversation: the first screen does without
const loading = import("./conversation.js").then((module) => (parts = module));

export class Chat {
  transcript = new Transcript();
  session = null;
  #views = new Map(); // by the exchange's key
  #drawn = null; // exchanges
  #entry = null; // of the outbox: what is on its way
  #listening = new AbortController(); // to the events of the latest run
  #speaker = null;
  #older = null; // where the history goes on
  #frame = 0;

  /** `id`: of a session, null for a new one; `first`: a message to be sent at once. */
  constructor(root, { id, signal, title, first }) {
    Object.assign(this, { sessionId: id, signal, title });
    this.#listening.abort();
    this.composer = new Composer(this);
    this.#build(root);
    this.#listen();
    this.composer.open(id);
    this.ready = this.#open(first);
  }

  get busy() {
    return Boolean(this.#entry) || this.transcript.live;
  }

  get #path() {
    return `/sessions/${this.sessionId}`;
  }

  #build(root) {
    this.top = h("div.older", { role: "status" });
    this.hello = h("div.hello");
    this.list = h("div.exchanges");
    const scroller = h("div.scroller", { tabindex: "0", role: "region", label: "Conversation" },
      h("div.column", this.top, this.hello, this.list));
    const down = button("below", "To the latest message", null, { class: "to-end", hidden: true });
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
    if (this.sessionId) {
      await this.#load();
    } else {
      this.title("");
      this.hello.append(welcome(this.signal));
    }
    if (first) this.send(first);
    else if (entry && !this.#entry) this.#deliver(entry);
    this.composer.offerModels(this.session?.model, this.signal).catch(() => {});
    if (matchMedia("(pointer: fine)").matches) this.composer.focus();
  }

  async #load() {
    const { signal, transcript } = this;
    const [session, page, runs] = await Promise.all([
      get(this.#path, {}, signal),
      get(`${this.#path}/messages`, { before: "latest", limit: PAGE }, signal),
      get(`${this.#path}/runs`, { limit: 1 }, signal),
      loading,
    ]);
    this.#adopt(session);
    this.#older = page.next;
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
      const page = await get(`${this.#path}/messages`, query, this.signal);
      this.#older = page.next;
      this.transcript.messages = [...page.data, ...this.transcript.messages];
      this.scrolling.keepPlace(() => this.#draw());
      fill(this.top);
      this.observer.unobserve(this.top);
      this.observer.observe(this.top); // tells again where it is
    } catch {
      this.#older = query.before;
      fill(this.top, textButton("retry", "Load earlier messages", () => this.#loadOlder()));
    }
  }

  // Drawing

  #drawSoon() {
    this.#frame ||= requestAnimationFrame(() => this.signal.aborted || this.#draw());
  }

  #draw() {
    this.#frame = 0;
    this.composer.busy(this.busy);
    if (!parts) return loading.then(() => this.#drawSoon());
    const { exchanges } = this.transcript;
    const same = exchanges === this.#drawn;
    if (!same) this.#arrange(exchanges);
    this.#drawn = exchanges;
    const last = exchanges.at(-1);
    for (const one of same ? exchanges.slice(-1) : exchanges) this.#views.get(one.key).show(one, one === last);
  }

  #arrange(exchanges) {
    const viewOf = (key) => this.#views.get(key) ?? new parts.ExchangeView(this);
    const views = new Map(exchanges.map(({ key }) => [key, viewOf(key)]));
    for (const [key, { node }] of this.#views) if (!views.has(key)) node.remove();
    let at = this.list.firstChild;
    for (const { node } of views.values()) {
      if (node === at) at = at.nextSibling;
      else this.list.insertBefore(node, at);
    }
    this.#views = views;
    if (exchanges.length) fill(this.hello);
  }

  // Sending

  send(content) {
    const message = { content };
    if (this.sessionId) this.#post("send", content, `${this.#path}/messages`, message);
    else this.#post("send", content, "/sessions", { message, model: this.model });
  }

  retry({ id }, content) {
    this.#post(content ? "edit" : "retry", content, `${this.#path}/messages/${id}/retry`, { content });
  }

  #post(kind, content, path, body) {
    if (this.busy) this.composer.fail("Wait for the answer, or stop it with Esc; then send.");
    else this.#deliver(post({ kind, content, path, body, sessionId: this.sessionId }));
  }

  /** Shows what is on its way as it will stand in the history, until it has become a run. */
  async #deliver(entry) {
    const { letter, listening } = (this.#entry = entry);
    const tell = (words, takeBack) => {
      Object.assign(letter, { words, takeBack });
      this.#drawSoon();
    };
    const late = setTimeout(tell, LATE_MS, "Sending…");
    entry.onwait = () => tell("Not sent yet. It is tried again by itself.", () => listening.abort());
    if (letter.kind !== "retry") this.transcript.pending = letter;
    this.scrolling.pin("question");
    this.#draw();
    const [begun, error] = await entry.sending.then((it) => [it], (problem) => [null, problem]);
    clearTimeout(late);
    this.#entry = this.transcript.pending = null;
    if (this.signal.aborted) listening.abort();
    else if (error) this.#refused(letter, error);
    else this.#began(begun, listening);
  }

  #began(begun, listening) {
    const { run } = begun.first;
    if (!this.sessionId) {
      this.sessionId = run.session_id;
      history.replaceState(null, "", `#/chat/${this.sessionId}`);
      this.composer.rename(this.sessionId);
      get(this.#path).then((session) => this.#adopt(session), () => {});
      tell("session", { id: this.sessionId });
    }
    this.#follow(run.id, { ...begun, listening });
  }

  #refused({ kind, content }, error) {
    const reason = error.name === "AbortError" ? null : (error.detail ?? "The message could not be sent.");
    this.#draw();
    if (kind === "send") this.composer.giveBack(content);
    this.composer.fail(reason);
    if (error.run_id) this.#follow(error.run_id);
    if (reason && !error.code) throw error;
  }

  // The answer

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
      await loading;
      this.#speaker ??= new parts.Speaker();
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
    this.transcript.take(event);
    if (event.type === "text.delta") this.#speaker.add(event.delta);
    if (isLast(event)) {
      this.#speaker.end();
      announce(`${ENDED[event.run.status] ?? "The answer ended."} ${event.run.error?.detail ?? ""}`);
    }
    this.#drawSoon();
  }

  async stop() {
    const { run, live } = this.transcript;
    if (this.#entry) {
      this.#entry.stop = true;
      this.#entry.letter.takeBack?.();
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
    if (!error.code) throw error;
  }

  editLast() {
    [...this.#views.values()].at(-1)?.edit();
  }

  async choose(model) {
    this.model = model;
    if (!this.sessionId) return;
    const failed = (error) => this.composer.fail(`The model was not changed: ${error.detail}`);
    await request("PATCH", this.#path, { body: { model } }).then((session) => this.#adopt(session), failed);
  }
}

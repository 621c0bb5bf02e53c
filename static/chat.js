// A chat: its history, the answer that is coming, what is sent, and the field that it is typed into.

import { announce, button, draw, h, icon, redraw, redrawLive, remembered, textButton } from "./dom.js";
import { cancel, follow, get, hear, isLast, kept, onItsWay, post, request, tell } from "./api.js";
import { Transcript } from "./transcript.js";
import { welcome } from "./welcome.js";

const PAGE = 60; // messages at a time
const LATE_MS = 1500; // until a message that is on its way says so
const HIDDEN_MS = 20000; // that a tab nobody looks at holds its connection: browsers allow few
const FAR = 200; // pixels: what comes and goes by itself moves the scroll bar less
const NEAR = 80; // pixels from the end at which the view follows what comes
const KEYBOARD = 120; // pixels that a keyboard takes at least
const TOUCH_MS = 1200;
const ABOVE = 8; // pixels over the question
const WAIT = "Wait for the answer, or stop it with Esc; then send.";
const ENDED = { completed: "Answer complete.", cancelled: "Stopped.", failed: "The answer failed." };

let parts = null; // that draw a conversation: the first screen does without

async function loadParts() {
  parts ??= await import("./answer.js");
  redraw();
}

export class Chat {
  transcript = new Transcript();
  session = null;
  chosen = new Map(); // versions {question, answer} by an exchange's key; the last where none was
  editing = false; // the latest question
  #entry = null; // of the outbox: what is on its way
  #listening = new AbortController(); // to the events of the latest run
  #speaker = null;
  #older = null; // where the history goes on
  #state = null; // of what is older, in words or as a button

  /** `id`: of a session, null for a new one. Drawn by `view`, then to be opened. */
  constructor({ id, signal, title }) {
    Object.assign(this, { sessionId: id, signal, title });
    this.#listening.abort();
    this.composer = new Composer(this);
    this.welcome = id ? () => null : welcome(signal);
    this.#listen();
  }

  get busy() {
    return Boolean(this.#entry) || this.transcript.live;
  }

  get #path() {
    return `/sessions/${this.sessionId}`;
  }

  view() {
    const { exchanges } = this.transcript;
    const last = exchanges.at(-1);
    const view = (it) => parts?.exchange(this, it, it === last);
    const shown = exchanges.map((it) => (it === last ? view(it) : remembered(it, () => view(it))));
    return h("div.chat", { key: this, made: (node) => this.#made(node) },
      h("div.scroller", { tabindex: "0", role: "region", label: "Conversation" },
        h("div.column",
          h("div.older", { role: "status" }, this.#state),
          h("div.hello", !last && this.welcome()),
          h("div.exchanges", shown))),
      h("div.foot",
        button("below", "To the latest message", () => this.scrolling.pin("end"), { class: "to-end", hidden: true }),
        this.composer.view()));
  }

  #made(root) {
    const places = [".scroller", ".exchanges", ".to-end", ".older"];
    const [scroller, list, down, top] = places.map((name) => root.querySelector(name));
    this.scrolling = new Scrolling(scroller, list, down);
    const look = ([entry]) => entry.isIntersecting && this.#loadOlder();
    const observer = new IntersectionObserver(look, { root: scroller, rootMargin: "800px 0px 0px" });
    this.lookAgain = () => {
      observer.unobserve(top);
      observer.observe(top); // tells where it is
    };
    this.lookAgain();
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

  /** `first`: a message to be sent at once. */
  async open(first) {
    const entry = onItsWay(this.sessionId);
    loadParts();
    if (this.sessionId) await this.#load();
    else this.title("");
    if (first) this.send(first);
    else if (entry && !this.#entry) this.#deliver(entry);
    this.composer.loadModels(this.signal).catch(() => {});
    if (matchMedia("(pointer: fine)").matches) this.composer.focus();
  }

  async #load() {
    const { signal, transcript } = this;
    const [session, page, runs] = await Promise.all([
      get(this.#path, {}, signal),
      get(`${this.#path}/messages`, { before: "latest", limit: PAGE }, signal),
      get(`${this.#path}/runs`, { limit: 1 }, signal),
      loadParts(),
    ]);
    this.#adopt(session);
    this.#older = page.next;
    transcript.load(page.data, runs.data[0]);
    draw();
    this.scrolling.pin("end");
    this.lookAgain();
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
    this.#state = "Loading earlier messages…";
    try {
      const page = await get(`${this.#path}/messages`, query, this.signal);
      this.#older = page.next;
      this.#state = null;
      this.transcript.messages = [...page.data, ...this.transcript.messages];
      this.scrolling.keepPlace(draw);
      this.lookAgain();
    } catch {
      this.#older = query.before;
      this.#state = textButton("retry", "Load earlier messages", () => this.#loadOlder());
    }
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
    if (this.busy) this.composer.fail(WAIT);
    else this.#deliver(post({ kind, content, path, body, sessionId: this.sessionId }));
  }

  /** Shows what is on its way as it will stand in the history, until it has become a run. */
  async #deliver(entry) {
    const { letter, listening } = (this.#entry = entry);
    const say = (words, takeBack) => {
      Object.assign(letter, { words, takeBack });
      redraw();
    };
    const late = setTimeout(say, LATE_MS, "Sending…");
    entry.onwait = () => say("Not sent yet. It is tried again by itself.", () => listening.abort());
    if (letter.kind !== "retry") this.transcript.pending = letter;
    Object.assign(this, { chosen: new Map(), editing: false });
    draw();
    this.scrolling.pin("question");
    const [begun, error] = await entry.sending.then((it) => [it], (problem) => [null, problem]);
    clearTimeout(late);
    this.#entry = this.transcript.pending = null;
    redraw();
    if (this.signal.aborted) listening.abort();
    else if (error) this.#refused(letter, error);
    else this.#began(begun, listening);
  }

  #began(begun, listening) {
    const { run } = begun.first;
    if (!this.sessionId) {
      this.sessionId = run.session_id;
      history.replaceState(null, "", `#/chat/${this.sessionId}`);
      this.composer.keepFor(this.sessionId);
      get(this.#path).then((session) => this.#adopt(session), () => {});
      tell("session", { id: this.sessionId });
    }
    this.#follow(run.id, { ...begun, listening });
  }

  #refused({ kind, content }, error) {
    const reason = error.name === "AbortError" ? null : (error.detail ?? "The message could not be sent.");
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
      await loadParts();
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
    redrawLive();
    if (event.type === "text.delta") this.#speaker.add(event.delta);
    if (!isLast(event)) return;
    this.#speaker.end();
    announce(`${ENDED[event.run.status] ?? "The answer ended."} ${event.run.error?.detail ?? ""}`);
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

  edit(editing = true) {
    this.editing = editing;
    redraw();
  }

  async choose(model) {
    this.model = model;
    if (!this.sessionId) return;
    const failed = (error) => this.composer.fail(`The model was not changed: ${error.detail}`);
    await request("PATCH", this.#path, { body: { model } }).then((session) => this.#adopt(session), failed);
  }
}

/** The field that a message is typed into; what is typed is kept per chat. */
class Composer {
  #problem = null;
  #models = [];

  constructor(chat) {
    this.chat = chat;
    this.draft = `draft:${chat.sessionId ?? "new"}`;
    this.text = kept.get(this.draft) ?? "";
  }

  view() {
    const { busy } = this.chat;
    const [name, key] = busy ? ["Stop the answer", "Esc"] : ["Send", "Enter"];
    const onclick = (event) => event.detail > 1 && event.preventDefault(); // a double click sends, and stops nothing
    const named = { label: name, title: `${name} (${key})` };
    const look = { class: busy && "stop", disabled: !busy && !this.text.trim(), ...named };
    return h("form.composer", { onsubmit: (event) => this.#submit(event), label: "New message" },
      h("p.composer-problem", { role: "alert", hidden: !this.#problem }, this.#problem),
      h("div.composer-box",
        h("textarea", {
          rows: "1", placeholder: "Ask about movies…", label: "Message", enterkeyhint: "send", autocomplete: "off",
          "aria-describedby": "message-hint", made: (field) => this.#made(field),
        }),
        h("div.composer-bar",
          h("span.models", this.#models.length > 1 && this.#select()),
          h("button.send", { type: "submit", onclick, ...look }, icon(busy ? "stop" : "send")))),
      h("span.visually-hidden", { id: "message-hint" },
        "Enter sends, Shift and Enter begin a new line, Escape stops the answer."));
  }

  /** Typing draws no more than has to be: it is heard past `h`. */
  #made(field) {
    this.field = field;
    this.#put(this.text);
    field.addEventListener("input", () => this.#typed());
    field.addEventListener("keydown", (event) => this.#key(event));
  }

  keepFor(sessionId) {
    kept.set(this.draft, null);
    this.draft = `draft:${sessionId}`;
    this.#typed();
  }

  /** Gives back a text that could not be sent, before what was typed meanwhile. */
  giveBack(text) {
    this.#put([text, this.text].filter(Boolean).join("\n"));
    this.focus();
  }

  fail(reason) {
    this.#problem = reason;
    redraw();
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
    this.text = value;
    kept.set(this.draft, value.trim() ? value : null);
    redrawLive();
    if (CSS.supports("field-sizing", "content")) return;
    style.height = "auto";
    style.height = `${this.field.scrollHeight}px`;
  }

  #key(event) {
    const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
    const edits = event.key === "ArrowUp" && !this.text && !this.chat.busy;
    if (sends || edits) event.preventDefault();
    if (sends) this.#send();
    if (edits) this.chat.edit();
  }

  #submit(event) {
    event.preventDefault();
    if (this.chat.busy) this.chat.stop();
    else this.#send();
  }

  #send() {
    const text = this.text.trim();
    if (!text) return;
    if (this.chat.busy) return this.fail(WAIT);
    this.#put("");
    this.fail(null);
    this.chat.send(text);
  }

  async loadModels(signal) {
    const { data, default: usual } = await get("/models", {}, signal);
    this.usual = usual;
    this.#models = data;
  }

  #select() {
    const { model, session } = this.chat;
    const value = model ?? session?.model ?? this.usual;
    const onchange = ({ target }) => this.chat.choose(target.value);
    const options = [...new Set([...this.#models, value])].map((name) => h("option", { value: name }, name));
    return h("select.model", { label: "Model", onchange, value }, options);
  }
}

/** Where a conversation that grows is scrolled to: its end, the latest question, or where somebody reads. */
class Scrolling {
  #pin = null; // what is kept in sight: "end", "question" or null
  #placed = 0; // where this put the scroll bar
  #touched = -Infinity; // when somebody scrolled
  #height = 0;

  /** `list` is what grows in the scroller, `down` the button that leads to the end. */
  constructor(scroller, list, down) {
    Object.assign(this, { scroller, list, down });
    const sizes = new ResizeObserver(() => this.#resized());
    sizes.observe(list);
    sizes.observe(scroller);
    const touched = () => {
      this.#touched = performance.now();
    };
    for (const name of ["wheel", "touchmove", "keydown"]) scroller.addEventListener(name, touched, { passive: true });
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    down.addEventListener("click", () => this.pin("end"));
  }

  /** Keeps the "end" in sight, or the latest "question": an answer is read from its beginning. */
  pin(what) {
    this.#pin = what;
    this.#keepUp();
  }

  /** Keeps what is seen where it is while something is put above it. */
  keepPlace(change) {
    const first = this.list.firstElementChild;
    const top = () => first?.getBoundingClientRect().top ?? 0;
    const before = top();
    change();
    this.#scrollTo(this.scroller.scrollTop + top() - before);
  }

  #resized() {
    const shrunk = this.#height - this.scroller.clientHeight > KEYBOARD;
    this.#height = this.scroller.clientHeight;
    if (shrunk && !this.list.querySelector("[aria-busy=true]")) this.#pin = "end";
    this.#keepUp();
  }

  get #question() {
    return this.list.lastElementChild?.offsetTop - ABOVE;
  }

  #keepUp() {
    if (!this.#pin || !this.list.firstElementChild) return;
    const end = this.scroller.scrollHeight - this.scroller.clientHeight;
    this.#scrollTo(this.#pin === "question" ? Math.min(end, this.#question) : end);
  }

  #scrollTo(top) {
    this.scroller.scrollTo({ top, behavior: "instant" });
    this.#placed = this.scroller.scrollTop;
    this.#scrolled();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const far = scrollHeight - scrollTop - clientHeight;
    this.down.hidden = far < NEAR || !this.list.firstElementChild;
    const moved = Math.abs(scrollTop - this.#placed);
    const byHand = moved > FAR || (moved > 2 && performance.now() - this.#touched < TOUCH_MS);
    if (!byHand) return; // nobody scrolled: something came or went
    const atQuestion = this.#pin === "question" && Math.abs(this.#question - scrollTop) < 4;
    if (!atQuestion) this.#pin = far < NEAR ? "end" : null;
  }
}

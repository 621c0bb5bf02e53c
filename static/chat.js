// A chat: its history, the answer that is coming, and what is sent. Its parts are drawn elsewhere.

import { announce, button, clear, h } from "./dom.js";
import { Problem, request } from "./api.js";
import { Speaker } from "./answer.js";
import { Composer } from "./composer.js";
import { ExchangeView, fold } from "./conversation.js";
import { plain } from "./markdown.js";
import { cancel, letter, onItsWay, post } from "./outbox.js";
import { play, stateOf } from "./runs.js";
import { hear, tell } from "./shared.js";
import { welcome } from "./welcome.js";

const PAGE = 60; // messages at a time
const FAR = 200; // pixels: what comes and goes by itself moves the scroll bar less
const TOUCH_MS = 1200;
const KEYBOARD = 120; // pixels that a keyboard takes at least
const NEAR = 80; // pixels from the end at which the view follows what comes

let next = null;

/** A message for the next new chat. @param {string} text */
export function sendNext(text) {
  next = text;
}

/**
 * @param {HTMLElement} root
 * @param {{id: string|null, signal: AbortSignal, title: (text: string) => void}} context
 * @returns {Chat}
 */
export function show(root, context) {
  return new Chat(root, context);
}

export class Chat {
  #following = null; // AbortController of the stream that is listened to
  #views = new Map();
  #sent = null; // what is on its way
  #older = null; // where to go on with the history
  #frame = 0;
  #stuck = true; // follows what comes
  #reading = false; // from the question on
  #placed = 0; // where this put the scroll bar
  #touched = -Infinity; // when somebody scrolled
  #loading = false;

  constructor(root, { id, signal, title }) {
    this.sessionId = id;
    this.session = null;
    this.#stuck = id !== null;
    this.signal = signal;
    this.title = title;
    this.messages = [];
    this.state = null; // of the latest run
    this.speaker = new Speaker(plain);
    this.composer = new Composer({
      onSend: (text) => this.send(text),
      onStop: () => this.stop(),
      onEditLast: () => this.#lastView()?.edit(),
      onModel: (model) => this.#choose(model),
    });
    this.#draw(root);
    this.composer.open(id);
    this.#listen();
    this.ready = this.#open();
  }

  get busy() {
    return Boolean(this.#sent) || Boolean(this.state?.live);
  }

  // What is seen

  #draw(root) {
    this.list = h("div", { class: "exchanges", "data-testid": "conversation" });
    this.top = h("div", { class: "older", role: "status" });
    this.hello = h("div", { class: "hello" });
    this.scroller = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Conversation" }, h("div", { class: "column" }, this.top, this.hello, this.list));
    this.down = button("below", "To the latest message", () => this.#toEnd(), { class: "icon-button to-end", hidden: true });
    root.classList.add("chat");
    root.append(this.scroller, h("div", { class: "foot" }, this.down, this.composer.node));
    const observer = new IntersectionObserver(([entry]) => entry.isIntersecting && this.#loadOlder(), { root: this.scroller, rootMargin: "800px 0px 0px" });
    observer.observe(this.top);
    let height = 0;
    const sizes = new ResizeObserver(() => {
      const shrunk = height - this.scroller.clientHeight > KEYBOARD;
      height = this.scroller.clientHeight;
      if (shrunk && this.last && !this.busy) this.#toEnd();
      else this.#keepUp();
    });
    sizes.observe(this.list);
    sizes.observe(this.scroller);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const touched = () => {
      this.#touched = performance.now();
    };
    for (const name of ["wheel", "touchmove", "keydown"]) this.scroller.addEventListener(name, touched, { passive: true });
    this.signal.addEventListener("abort", () => {
      observer.disconnect();
      sizes.disconnect();
    });
  }

  #listen() {
    hear("session", (told) => this.#told(told), this.signal);
    hear("live", ({ runs }) => runs.has(this.sessionId) && this.#follow(runs.get(this.sessionId)), this.signal);
    hear("stale", (session) => this.#stale(session), this.signal);
    this.signal.addEventListener("abort", () => this.#following?.abort());
    addEventListener("keydown", (event) => this.#key(event), { signal: this.signal });
    document.addEventListener("visibilitychange", () => this.#seen(), { signal: this.signal });
  }

  #key(event) {
    if (event.key !== "Escape" || event.defaultPrevented || !this.busy) return;
    if (document.querySelector("dialog[open], [popover]:popover-open")) return;
    event.preventDefault();
    this.stop();
  }

  /** A tab that nobody looks at holds no connection: browsers allow few. It goes on where it was. */
  #seen() {
    if (document.visibilityState === "hidden") {
      this.#hiding = setTimeout(() => this.#following?.abort(), 20000);
    } else {
      clearTimeout(this.#hiding);
      if (this.state?.live) this.#follow(this.state.id);
    }
  }

  #hiding = 0;

  #told({ id, session, run, deleted, far }) {
    if (id !== this.sessionId) return;
    if (deleted) {
      if (far) location.hash = "#/";
      return;
    }
    if (session) this.#adopt(session);
    if (run && far) this.#follow(run);
  }

  /** The session went on in a place that this tab heard nothing of. */
  #stale({ id, updated_at }) {
    if (id !== this.sessionId || this.busy) return;
    const known = [this.session?.updated_at, this.state?.run?.created_at];
    if (!known.includes(updated_at)) this.#reload();
  }

  // Opening

  async #open() {
    const sent = onItsWay(this.sessionId);
    if (this.sessionId === null) {
      this.title("");
      clear(this.hello).append(welcome({ signal: this.signal, ask: (text) => this.send(text) }));
      if (next !== null) this.#sendNext();
      else if (sent) this.#await(sent);
    } else {
      await this.#load();
      if (sent && !this.#sent) this.#await(sent);
    }
    this.composer.offerModels(this.session?.model ?? null, this.signal).catch(() => {});
    if (matchMedia("(pointer: fine)").matches) this.composer.focus();
  }

  #sendNext() {
    const text = next;
    next = null;
    this.send(text);
  }

  async #load() {
    const path = `/sessions/${this.sessionId}`;
    const { signal } = this;
    const [session, page, runs] = await Promise.all([
      request("GET", path, { signal }),
      request("GET", `${path}/messages`, { query: { before: "latest", limit: PAGE }, signal }),
      request("GET", `${path}/runs`, { query: { limit: 1 }, signal }),
    ]);
    this.#adopt(session);
    this.messages = page.data;
    this.#older = page.next;
    const latest = runs.data[0];
    if (this.state?.id !== latest?.id) this.state = null;
    this.#render();
    this.#toEnd();
    if (latest && !isTold(latest, this.messages)) this.#follow(latest.id);
  }

  async #reload() {
    await this.#load().catch((error) => this.#failed(error));
  }

  #adopt(session) {
    this.session = session;
    this.title(session.title ?? "New chat");
  }

  async #loadOlder() {
    if (!this.#older || this.#loading) return;
    this.#loading = true;
    this.top.textContent = "Loading earlier messages…";
    try {
      const query = { before: this.#older, limit: PAGE * 2 };
      const page = await request("GET", `/sessions/${this.sessionId}/messages`, { query, signal: this.signal });
      this.#older = page.next;
      this.messages = [...page.data, ...this.messages];
      this.#keepPlace(() => this.#render());
      this.top.textContent = "";
    } catch (error) {
      if (!this.signal.aborted) clear(this.top).append(button("retry", "Load earlier messages", () => this.#loadOlder(), { text: true }));
    } finally {
      this.#loading = false;
    }
    const near = this.scroller.scrollTop < 400 && !this.signal.aborted && !this.top.firstElementChild;
    if (this.#older && near) this.#loadOlder();
  }

  // Rendering

  /** Draws soon, at most once a frame, however many events come. */
  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (!this.signal.aborted) this.#renderLast();
    });
    if (document.visibilityState === "hidden") setTimeout(() => !this.signal.aborted && this.#renderLast(), 250);
  }

  #exchanges() {
    const mine = this.state?.id;
    const stored = this.messages.filter((message) => message.role === "user" || message.run_id !== mine);
    return fold(stored);
  }

  #render() {
    const exchanges = this.#exchanges();
    const pending = this.#pending();
    if (pending) this.#place(exchanges, pending);
    const keys = new Set(exchanges.map(({ key }) => key));
    for (const [key, view] of this.#views) if (!keys.has(key)) this.#views.delete(key) && view.node.remove();
    let before = this.list.firstChild;
    exchanges.forEach((exchange, index) => {
      const view = this.#views.get(exchange.key) ?? this.#newView(exchange.key);
      const latest = index === exchanges.length - 1;
      if (view.exchange === undefined || latest || view.context.latest || changed(view.exchange, exchange)) {
        view.show(exchange, { latest, state: latest && !pending ? this.state : null });
      }
      if (view.node === before) before = before.nextSibling;
      else this.list.insertBefore(view.node, before);
    });
    this.last = exchanges.at(-1) ?? null;
    if (exchanges.length) clear(this.hello);
    this.composer.busy(this.busy);
  }

  #newView(key) {
    const view = new ExchangeView(this);
    this.#views.set(key, view);
    return view;
  }

  #renderLast() {
    const view = this.#lastView();
    if (!view || !this.last) return this.#render();
    view.show(this.last, { latest: true, state: this.state });
    this.composer.busy(this.busy);
  }

  #lastView() {
    return this.last && this.#views.get(this.last.key);
  }

  /** The message that is on its way, as it will stand in the history. */
  #pending() {
    if (!this.#sent) return null;
    const { letter: sent, words, takeBack } = this.#sent;
    if (sent.kind === "retry") return { retry: true, words };
    return { id: sent.key, role: "user", content: sent.text, pending: words, takeBack, edit: sent.kind === "edit" };
  }

  #place(exchanges, pending) {
    if (pending.retry) return;
    const question = { message: pending, answers: [] };
    if (pending.edit && exchanges.length) exchanges.at(-1).questions.push(question);
    else exchanges.push({ key: pending.id, questions: [question] });
  }

  // Scrolling

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const far = scrollHeight - scrollTop - clientHeight;
    this.down.hidden = far < NEAR || !this.last;
    const moved = Math.abs(scrollTop - this.#placed);
    const byHand = moved > FAR || (moved > 2 && performance.now() - this.#touched < TOUCH_MS);
    if (!this.last || !byHand) return; // nobody scrolled: something came or went
    const question = this.#reading ? this.list.lastElementChild : null;
    const atQuestion = question && Math.abs(question.offsetTop - 8 - scrollTop) < 4;
    this.#stuck = far < NEAR || Boolean(atQuestion);
    if (far < 2 && !atQuestion) this.#reading = false;
  }

  #toEnd() {
    this.#stuck = true;
    this.#reading = false;
    this.#scrollTo(this.scroller.scrollHeight);
  }

  /** Follows what comes, until the question has reached the top: an answer is read from its beginning. */
  #keepUp() {
    if (!this.#stuck || !this.last) return;
    const question = this.#reading ? this.list.lastElementChild : null;
    const top = question ? question.offsetTop - 8 : Infinity;
    this.#scrollTo(Math.min(this.scroller.scrollHeight - this.scroller.clientHeight, top));
  }

  #scrollTo(top) {
    this.scroller.scrollTo({ top, behavior: "instant" });
    this.#placed = this.scroller.scrollTop;
    this.#scrolled();
  }

  /** Keeps what is seen where it is while something is put above it. */
  #keepPlace(change) {
    const first = this.list.firstElementChild;
    const before = first?.getBoundingClientRect().top ?? 0;
    change();
    const moved = (first?.getBoundingClientRect().top ?? 0) - before;
    this.#scrollTo(this.scroller.scrollTop + moved);
  }

  // Sending

  /** Sends a message. @param {string} text */
  send(text) {
    if (this.busy) {
      this.composer.fail("Wait for the answer, or stop it with Esc; then send.");
      return;
    }
    const model = this.model ?? null;
    const message = { content: text };
    const inSession = { path: `/sessions/${this.sessionId}/messages`, body: message };
    const opening = { path: "/sessions", body: { message, ...(model && { model }) } };
    const where = this.sessionId === null ? opening : inSession;
    this.#await(post(letter({ ...where, text, kind: "send", sessionId: this.sessionId })));
  }

  /** Answers the last message anew. @param {Object} message */
  retry(message) {
    if (this.busy) return;
    this.#lastView()?.newest();
    this.#await(post(letter({ path: this.#retryPath(message), body: {}, text: "", kind: "retry", sessionId: this.sessionId })));
  }

  /** Puts another text in the place of the last message. @param {Object} message @param {string} text */
  edit(message, text) {
    if (this.busy) return;
    this.#lastView()?.newest();
    this.#await(post(letter({ path: this.#retryPath(message), body: { content: text }, text, kind: "edit", sessionId: this.sessionId })));
  }

  #retryPath(message) {
    return `/sessions/${this.sessionId}/messages/${message.id}/retry`;
  }

  /** Waits until what was sent has become a run, and shows that. */
  async #await(entry) {
    this.#sent = { letter: entry.letter, entry, words: null, takeBack: null };
    this.#stuck = this.#reading = true;
    const late = setTimeout(() => this.#wait("Sending…"), 1500);
    entry.waiting = () => this.#wait("Not sent yet. It is tried again by itself.", () => entry.withdrawn.abort());
    this.#render();
    try {
      const { state, stream } = await entry.sending;
      if (this.signal.aborted) {
        stream.return();
        return;
      }
      this.#began(state, stream);
    } catch (error) {
      if (!this.signal.aborted) this.#refused(entry.letter, error);
    } finally {
      clearTimeout(late);
    }
  }

  #wait(words, takeBack = null) {
    if (!this.#sent || this.signal.aborted) return;
    Object.assign(this.#sent, { words, takeBack });
    this.#render();
  }

  #began(state, stream) {
    this.#sent = null;
    if (this.sessionId === null) {
      this.sessionId = state.run.session_id;
      history.replaceState(null, "", `#/chat/${this.sessionId}`);
      this.composer.rename(this.sessionId);
      request("GET", `/sessions/${this.sessionId}`).then((session) => this.#adopt(session), () => {});
      tell("opened", { id: this.sessionId });
    }
    this.#follow(state.id, stream);
  }

  #refused(sent, error) {
    this.#sent = null;
    const withdrawn = error.name === "AbortError";
    const reason = withdrawn ? null : (error.detail ?? "The message could not be sent.");
    this.#render();
    if (sent.kind === "send") this.composer.giveBack(sent.text, reason);
    else this.composer.fail(reason);
    if (error.runId) this.#follow(error.runId);
    if (!withdrawn && !(error instanceof Problem)) throw error;
  }

  // The answer

  /** Listens to a run, from where it is known; once. */
  async #follow(runId, stream = null) {
    if (this.state?.id === runId && (!this.state.live || (this.#following && !this.#following.signal.aborted))) {
      stream?.return();
      return;
    }
    this.#following?.abort();
    const following = (this.#following = new AbortController());
    const state = stateOf(runId);
    this.#merge();
    this.state = state;
    state.onchange = (event) => this.#happened(event);
    if (state.question) this.#asked(state);
    this.#render();
    try {
      await play(state, stream, AbortSignal.any([following.signal, this.signal]));
    } catch (error) {
      if (!following.signal.aborted && !this.signal.aborted) this.#failed(error);
    } finally {
      if (this.#following === following) this.#following = null;
    }
  }

  #happened(event) {
    if (this.signal.aborted) return;
    if (event.type === "run.created") {
      this.#asked(this.state);
      this.#render();
    } else if (event.type === "text.delta") {
      this.speaker.add(event.delta);
    } else if (!this.state.live) {
      this.#ended();
    }
    this.#soon();
  }

  /** Takes the question of a run into the history, and what it takes the place of out of it. */
  #asked({ run, question }) {
    const known = this.messages.find((message) => message.id === question.id);
    if (run.retry_of) {
      const from = this.messages.findLastIndex((message) => message.role === "user" && message.id !== (known ? "" : question.id));
      this.messages = this.messages.map((message, index) => {
        const replaced = index >= from && message.id !== question.id && message.run_id !== run.id;
        return replaced && !message.alternative ? { ...message, alternative: true } : message;
      });
    }
    if (!known) this.messages.push(question);
  }

  #ended() {
    this.speaker.end();
    const { status, error } = this.state;
    const words = { completed: "Answer complete.", cancelled: "Stopped.", failed: `The answer failed. ${error?.detail ?? ""}` };
    announce(words[status] ?? "The answer ended.");
    this.#merge();
    this.#render();
  }

  /** Keeps in the history what the latest run said. */
  #merge() {
    if (!this.state || this.state.live) return;
    const ids = new Set(this.state.messages.map(({ id }) => id));
    const rest = this.messages.filter(({ id }) => !ids.has(id));
    this.messages = [...rest, ...this.state.messages.map((message) => ({ ...message, session_id: this.sessionId }))];
  }

  /** Stops the answer, or takes back what has not been sent yet. */
  async stop() {
    if (this.#sent) {
      this.#sent.entry.stop = true;
      if (this.#sent.takeBack) this.#sent.takeBack();
      return;
    }
    if (!this.state?.live) return;
    const { state } = this;
    this.composer.focus();
    announce("Stopping.");
    try {
      await cancel(state.id);
      if (state.live && !this.#following) this.#follow(state.id);
    } catch (error) {
      this.composer.fail(`It could not be stopped: ${error.detail}`);
    }
  }

  #failed(error) {
    if (error.name === "AbortError") return;
    if (error.status === 404) this.composer.fail("This chat is gone: it was deleted.");
    else this.composer.fail(error.detail ?? "Something went wrong. Reload the page.");
    if (!(error instanceof Problem)) throw error;
  }

  // The rest

  /** @param {Object} message @param {"up"|"down"} rating */
  async feedback(message, rating) {
    const path = `/sessions/${this.sessionId}/messages/${message.id}/feedback`;
    try {
      const stored = await request("PUT", path, { body: { rating } });
      this.messages = this.messages.map((it) => (it.id === stored.id ? { ...it, feedback: stored.feedback } : it));
      if (this.state) this.state.messages = this.state.messages.map((it) => (it.id === stored.id ? { ...it, feedback: stored.feedback } : it));
      this.#render();
    } catch (error) {
      this.composer.fail(`That was not stored: ${error.detail}`);
    }
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

/** True where the history has all of a run's answer. */
function isTold(run, messages) {
  if (run.status === "in_progress" || messages.some((message) => message.status === "in_progress")) return false;
  return run.status === "completed" && messages.some((message) => message.run_id === run.id && message.role !== "user");
}

function changed(one, other) {
  const size = ({ questions }) => questions.map(({ answers }) => answers.map(({ messages }) => messages.length).join()).join("/");
  return size(one) !== size(other) || one.questions.at(-1).message !== other.questions.at(-1).message || feedbackOf(one) !== feedbackOf(other);
}

function feedbackOf({ questions }) {
  return questions.flatMap(({ answers }) => answers.flatMap(({ messages }) => messages.map(({ feedback }) => feedback?.rating ?? ""))).join("");
}

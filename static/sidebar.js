// The side bar: sessions to open, find, rename, export and delete; what answers right now is marked.

import { announce, button, clear, h, icon } from "./dom.js";
import { download, request } from "./api.js";
import { cancel } from "./outbox.js";
import { hear, tell, tellHere } from "./shared.js";
import { live, watch } from "./live.js";
import { confirm, openMenu, prompt } from "./menu.js";

const PAGE = 30;
const TYPING_MS = 180;
const DAY = 86400000;

export class Sidebar {
  #open = null; // id of the session that is shown
  #place = null;
  #sessions = [];
  #after = null;
  #words = "";
  #asked = 0;
  #fresh = new Set(); // sessions with an answer that nobody has looked at

  constructor(root, { themeButton }) {
    let timer = null;
    const oninput = () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.#search(this.field.value.trim()), TYPING_MS);
    };
    const onkeydown = (event) => event.key === "Escape" && this.field.value && this.#leaveSearch(event);
    this.field = h("input", { type: "search", class: "field", placeholder: "Search chats", "aria-label": "Search chats", "aria-keyshortcuts": "Control+K Meta+K", oninput, onkeydown });
    this.list = h("div", { class: "sessions", "data-testid": "sessions", onkeydown: (event) => this.#walk(event) });
    this.more = button(null, "Show more", () => this.#load(), { text: true, class: "button small", hidden: true });
    this.status = h("p", { class: "visually-hidden", role: "status" });
    const link = (href, name, words) => h("a", { href, class: "side-link", dataset: { place: href.slice(2) } }, icon(name), words);
    root.append(
      h("div", { class: "side-head" }, h("a", { class: "brand", href: "#/", "aria-label": "Marquee" }, h("img", { src: "/static/icon.svg", alt: "", width: "28", height: "28" }), h("span", null, "Marquee")), themeButton),
      h("a", { href: "#/", class: "side-link new", dataset: { place: "" } }, icon("plus"), "New chat"),
      link("#/explore", "compass", "Explore"),
      link("#/taste", "heart", "My taste"),
      h("div", { class: "side-search" }, icon("search"), this.field, h("kbd", { "aria-hidden": "true" }, navigator.platform.startsWith("Mac") ? "⌘K" : "Ctrl K")),
      h("div", { class: "side-scroll" }, this.list, this.more),
      h("div", { class: "side-foot", id: "account" }), // the place of sign-in
      this.status,
    );
    this.root = root;
  }

  /** Loads the list and keeps it true. */
  start() {
    this.#reload();
    hear("session", (told) => this.#told(told));
    hear("opened", ({ id, far }) => {
      if (!far && location.hash.endsWith(id)) this.mark(id, null);
      this.#reload();
    });
    addEventListener("online", () => this.#reload());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#reload());
    watch((ended) => this.#ended(ended));
    setInterval(() => document.visibilityState === "visible" && !this.#words && this.#reload(), 20000);
  }

  /** Shows which session, or which other place, is open. */
  mark(sessionId, place) {
    this.#open = sessionId;
    this.#place = sessionId === null ? (place ?? "") : null;
    this.#fresh.delete(sessionId);
    this.#draw();
    for (const link of this.root.querySelectorAll("[data-place]")) {
      if (link.dataset.place === this.#place) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  /** Goes to the search. */
  search() {
    this.field.focus();
    this.field.select();
  }

  #told({ id, session, deleted, run, ended }) {
    if (deleted) {
      this.#asked += 1; // a list that was asked for before still has it
      this.#sessions = this.#sessions.filter((it) => it.id !== id);
      this.#draw();
    } else if (session && this.#sessions.some((it) => it.id === id)) {
      this.#sessions = this.#sessions.map((it) => (it.id === id ? session : it));
      this.#draw();
    } else if (run || session || ended) {
      if (run) live().set(id, run);
      if (ended) this.#ended([id]);
      this.#reload();
    }
  }

  #ended(ids) {
    for (const id of ids) {
      live().delete(id);
      if (id === this.#open) continue;
      this.#fresh.add(id);
      const title = this.#sessions.find((it) => it.id === id)?.title;
      if (title) announce(`The answer in “${title}” is ready.`);
    }
    this.#draw();
    if (ids.length) this.#reload();
  }

  // Loading

  async #reload() {
    const asked = (this.#asked += 1);
    const wanted = Math.min(200, Math.max(PAGE, this.#sessions.length));
    try {
      const page = await request("GET", "/sessions", { query: { limit: wanted, q: this.#words } });
      if (asked !== this.#asked) return;
      if (JSON.stringify(page.data) === JSON.stringify(this.#sessions)) return;
      this.#tellStale(page.data);
      this.#sessions = page.data;
      this.#after = page.next;
      this.#draw();
    } catch {
      // the banner tells of the network; the list is asked for again
    }
  }

  /** The session that is open went on in another place: neither this tab nor its stream knows of it. */
  #tellStale(fresh) {
    const before = this.#sessions.find((it) => it.id === this.#open);
    const now = fresh.find((it) => it.id === this.#open);
    if (before && now && now.updated_at !== before.updated_at && !now.live_run_id) tellHere("stale", now);
  }

  async #load() {
    if (!this.#after) return;
    const asked = this.#asked;
    const page = await request("GET", "/sessions", { query: { limit: PAGE, q: this.#words, after: this.#after } }).catch(() => null);
    if (!page || asked !== this.#asked) return;
    const known = new Set(this.#sessions.map(({ id }) => id));
    this.#sessions = [...this.#sessions, ...page.data.filter(({ id }) => !known.has(id))];
    this.#after = page.next;
    this.#draw();
  }

  async #search(words) {
    if (words === this.#words) return;
    this.#words = words;
    this.#sessions = [];
    await this.#reload();
    const count = this.#sessions.length;
    if (words) this.status.textContent = count ? `${count}${this.#after ? " or more" : ""} chats found` : "No chats found";
  }

  #leaveSearch(event) {
    event.stopPropagation();
    this.field.value = "";
    this.#search("");
  }

  // Drawing

  #draw() {
    const focused = document.activeElement?.closest?.(".session")?.dataset.id;
    const groups = Map.groupBy(this.#sessions, ({ updated_at }) => (this.#words ? "Found" : ageOf(updated_at)));
    const nodes = [...groups].map(([name, sessions]) => h("section", { "aria-label": name }, h("h2", { class: "age" }, name), h("ul", null, sessions.map((session) => this.#item(session)))));
    const empty = this.#words && !this.#sessions.length ? h("p", { class: "muted empty" }, "No chat has these words.") : null;
    clear(this.list).append(...nodes, empty ?? "");
    this.more.hidden = !this.#after;
    if (focused) this.list.querySelector(`[data-id="${CSS.escape(focused)}"] a`)?.focus({ preventScroll: true });
  }

  #item(session) {
    const title = session.title ?? "New chat";
    const isLive = live().has(session.id) || (session.live_run_id && !live().size);
    const marks = [isLive && h("span", { class: "live-dot", "data-testid": "live" }, h("span", { class: "visually-hidden" }, "answering")), this.#fresh.has(session.id) && !isLive && h("span", { class: "fresh-dot" }, h("span", { class: "visually-hidden" }, "new answer"))];
    const link = h("a", { href: `#/chat/${session.id}`, title, "aria-current": session.id === this.#open && "page" }, h("span", { class: "session-title" }, title), marks);
    const menu = button("more", `Options for ${title}`, (event) => this.#menu(event.currentTarget, session), { "aria-haspopup": "menu", "aria-expanded": "false" });
    return h("li", { class: "session", dataset: { id: session.id } }, link, menu);
  }

  /** Up and down walk through the sessions. */
  #walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const links = [...this.list.querySelectorAll(".session a")];
    const place = links.indexOf(document.activeElement);
    if (place < 0) return;
    event.preventDefault();
    links[Math.max(0, Math.min(links.length - 1, place + step))].focus();
  }

  // What one can do to a session

  #menu(at, session) {
    openMenu(at, [
      { name: "edit", words: "Rename", does: () => this.#rename(session) },
      { name: "export", words: "Export as Markdown", does: () => exportAs(session, "markdown", "md") },
      { name: "export", words: "Export as JSON", does: () => exportAs(session, "json", "json") },
      { name: "trash", words: "Delete", does: () => this.#delete(session), danger: true },
    ]);
  }

  async #rename(session) {
    const title = await prompt({ title: "Rename chat", label: "Title", value: session.title ?? "", yes: "Rename" });
    if (!title || title === session.title) return;
    await tried(async () => tell("session", { id: session.id, session: await request("PATCH", `/sessions/${session.id}`, { body: { title } }) }));
  }

  async #delete(session) {
    const words = `“${session.title ?? "New chat"}” and everything in it will be deleted. This cannot be undone.`;
    if (!(await confirm({ title: "Delete this chat?", words, yes: "Delete" }))) return;
    await tried(async () => {
      await remove(session.id);
      tell("session", { id: session.id, deleted: true });
      announce("Chat deleted.");
      if (session.id === this.#open) location.hash = "#/";
    });
  }
}

/** Deletes a session, also one that answers: what answers is stopped first. */
async function remove(id) {
  for (let tries = 0; ; tries += 1) {
    try {
      const { live_run_id: run } = await request("GET", `/sessions/${id}`);
      if (run) await cancel(run);
      return await request("DELETE", `/sessions/${id}`);
    } catch (error) {
      if (error.status === 404) return null;
      if (error.code !== "run_in_progress" || tries >= 3) throw error;
    }
  }
}

async function exportAs(session, format, ending) {
  await tried(async () => {
    const url = URL.createObjectURL(await download(`/sessions/${session.id}/export`, { format }));
    const name = (session.title ?? "chat").replace(/[^\p{L}\p{N} _-]+/gu, "").trim().slice(0, 60) || "chat";
    h("a", { href: url, download: `${name}.${ending}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  });
}

async function tried(work) {
  try {
    await work();
  } catch (error) {
    await confirm({ title: "That did not work", words: error.detail ?? String(error), yes: "OK" });
  }
}

function ageOf(time) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const age = midnight - new Date(time).getTime();
  if (age <= 0) return "Today";
  if (age <= DAY) return "Yesterday";
  return age <= 7 * DAY ? "The last 7 days" : "Earlier";
}

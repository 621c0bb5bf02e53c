// The side bar: sessions to open, find, rename, export and delete; what answers right now is marked.

import { announce, button, h, icon } from "./dom.js";
import { get, pause, request, save, until } from "./api.js";
import { fillOnce } from "./fill.js";
import { confirm, openMenu, walk } from "./menu.js";
import { cancel } from "./outbox.js";
import { hear, tell, tellHere } from "./shared.js";

const PAGE = 30;
const MOST = 200;
const TYPING_MS = 180;
const CALM_MS = 5000;
const BUSY_MS = 2000; // while an answer is coming somewhere
const DAY = 86400000;

let sessions = [];
let next = null; // where the list goes on
let words = ""; // that are searched for
let asked = 0;
const fresh = new Set(); // ids of sessions with an answer that nobody has looked at
const openId = () => location.hash.match(/^#\/chat\/(.+)/)?.[1];
const titleOf = ({ title }) => title ?? "New chat";

// What is shown

const field = h("input", {
  type: "search", class: "field", placeholder: "Search chats", "aria-label": "Search chats",
  "aria-keyshortcuts": "Control+K Meta+K", oninput: typed, onkeydown: leaveSearch,
});
const list = h("div.sessions", { "data-testid": "sessions" });
const more = button(null, "Show more", () => load({ on: true }), { text: true, class: "button small", hidden: true });
const status = h("p.visually-hidden", { role: "status" });

/** Shows the side bar and keeps it true. @param {HTMLElement} root @param {HTMLElement} themeButton */
export function start(root, themeButton) {
  const link = (href, name, text, props) => h("a", { href, class: "side-link", ...props }, icon(name), text);
  const logo = h("img", { src: "/static/icon.svg", alt: "", width: "28", height: "28" });
  const keys = navigator.platform.startsWith("Mac") ? "⌘K" : "Ctrl K";
  root.append(
    h("div.side-head", h("a.brand", { href: "#/", "aria-label": "Marquee" }, logo, "Marquee"), themeButton),
    link("#/", "plus", "New chat", { class: "side-link new" }),
    link("#/explore", "compass", "Explore"),
    link("#/taste", "heart", "My taste"),
    h("div.side-search", icon("search"), field, h("kbd", { "aria-hidden": "true" }, keys)),
    h("div.side-scroll", list, more),
    h("div.side-foot", { id: "account" }), // the place of sign-in
    status,
  );
  list.addEventListener("keydown", (event) => walk(event, [...list.querySelectorAll("a")]));
  addEventListener("hashchange", draw);
  hear("session", told);
  draw();
  watch();
}

/** Goes to the search. */
export function search() {
  field.focus();
  field.select();
}

function draw() {
  const open = openId();
  const place = location.hash.split("/", 2).join("/") || "#/";
  for (const link of document.querySelectorAll(".side-link")) link.ariaCurrent = link.hash === place ? "page" : null;
  fresh.delete(open);
  const shown = sessions.map((it) => [it.id, it.title, it.updated_at, it.live_run_id, fresh.has(it.id)]);
  const groups = Map.groupBy(sessions, (it) => (words ? "Found" : ageOf(it.updated_at)));
  const group = ([name, found]) => h("section", { "aria-label": name },
    h("h2.age", name), h("ul", found.map((session) => item(session, open))));
  const none = words && !sessions.length && h("p.muted.empty", "No chat has these words.");
  fillOnce(list, [open, words, [...groups.keys()], shown], () => [[...groups].map(group), none]);
  more.hidden = !next;
}

function item(session, open) {
  const title = titleOf(session);
  const { id } = session;
  const hidden = (text) => h("span.visually-hidden", text);
  const live = session.live_run_id && h("span.live-dot", { "data-testid": "live" }, hidden("answering"));
  const mark = live ?? (fresh.has(id) && h("span.fresh-dot", hidden("new answer")));
  const link = h("a", { href: `#/chat/${id}`, title, "aria-current": id === open && "page" },
    h("span.session-title", title), mark);
  const options = button("more", `Options for ${title}`, () => menu(options, session), { "aria-haspopup": "menu" });
  return h("li.session", link, options);
}

function ageOf(time) {
  const age = new Date().setHours(0, 0, 0, 0) - Date.parse(time);
  if (age <= 0) return "Today";
  if (age <= DAY) return "Yesterday";
  return age <= 7 * DAY ? "The last 7 days" : "Earlier";
}

// What is known

/** Asks for ever, at a modest pace, while the page is looked at: an answer may come or end in another place. */
async function watch() {
  for (;;) {
    const failed = !document.hidden && (await load());
    await (failed ? pause() : until(sessions.some((it) => it.live_run_id) ? BUSY_MS : CALM_MS));
  }
}

function told({ id, deleted }) {
  if (deleted) sessions = sessions.filter((it) => it.id !== id);
  asked += 1; // a list that was asked for before does not know of this
  draw();
  load();
}

/** @returns {Promise<boolean>} whether it failed: the banner tells of the network, and the list is asked for again */
async function load({ on = false } = {}) {
  const mine = (asked += 1);
  const limit = on ? PAGE : Math.min(MOST, Math.max(PAGE, sessions.length));
  const page = await get("/sessions", { limit, q: words, after: on ? next : null }).catch(() => null);
  if (page && mine === asked) take(page, on);
  return !page;
}

function take({ data, next: after }, on) {
  const ended = on ? [] : sessions.filter((it) => it.live_run_id && !data.find(({ id }) => id === it.id)?.live_run_id);
  const known = new Set(on ? sessions.map(({ id }) => id) : []);
  sessions = [...(on ? sessions : []), ...data.filter(({ id }) => !known.has(id))];
  next = after;
  const open = openId();
  for (const session of ended.filter(({ id }) => id !== open)) {
    fresh.add(session.id);
    announce(`The answer in “${titleOf(session)}” is ready.`);
  }
  draw();
  const now = data.find(({ id }) => id === open);
  if (now) tellHere("listed", now);
}

let typing;

function typed() {
  clearTimeout(typing);
  typing = setTimeout(async () => {
    if (words === field.value.trim()) return;
    words = field.value.trim();
    sessions = [];
    await load();
    const count = sessions.length ? `${sessions.length}${next ? " or more" : ""}` : "No";
    status.textContent = words && `${count} chats found`;
  }, TYPING_MS);
}

function leaveSearch(event) {
  if (event.key !== "Escape" || !field.value) return;
  event.stopPropagation();
  field.value = "";
  typed();
}

// What one can do to a session

function menu(at, session) {
  const failed = (error) => confirm({ title: "That did not work", words: error.detail ?? String(error), yes: "OK" });
  const item = (name, words, work, ...given) => ({ name, words, does: () => work(session, ...given).catch(failed) });
  openMenu(at, [
    item("edit", "Rename", rename),
    item("export", "Export as Markdown", exported, "markdown", "md"),
    item("export", "Export as JSON", exported, "json", "json"),
    { ...item("trash", "Delete", remove), danger: true },
  ]);
}

function exported(session, format, ending) {
  const name = titleOf(session).replace(/[^\p{L}\p{N} _-]+/gu, "").trim().slice(0, 60);
  return save(`/sessions/${session.id}/export`, { format }, `${name || "chat"}.${ending}`);
}

async function rename(session) {
  const input = h("input.field", { value: session.title ?? "", "aria-label": "Title", maxlength: "200" });
  const yes = await confirm({ title: "Rename chat", field: input, yes: "Rename" });
  const title = input.value.trim();
  if (!yes || !title || title === session.title) return;
  const changed = await request("PATCH", `/sessions/${session.id}`, { body: { title } });
  tell("session", { id: session.id, session: changed });
}

async function remove(session) {
  const what = `“${titleOf(session)}” and everything in it will be deleted. This cannot be undone.`;
  if (!(await confirm({ title: "Delete this chat?", words: what, yes: "Delete" }))) return;
  await stopAndDelete(session.id).catch((error) => {
    if (error.status !== 404) throw error;
  });
  tell("session", { id: session.id, deleted: true });
  announce("Chat deleted.");
}

/** Deletes a session, also one that answers: what answers is stopped first. */
async function stopAndDelete(id) {
  const { live_run_id: run } = await get(`/sessions/${id}`);
  if (run) await cancel(run);
  await request("DELETE", `/sessions/${id}`);
}

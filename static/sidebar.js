// The side bar: sessions to open, find, rename, export and delete; what answers right now is marked.

import { announce, button, fillOnce, h, icon, textButton } from "./dom.js";
import { get, pause, request, save, until } from "./api.js";
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
  type: "search", class: "field", placeholder: "Search chats", label: "Search chats",
  "aria-keyshortcuts": "Control+K Meta+K", oninput: typed, onkeydown: leaveSearch,
});
const list = h("div.sessions");
const more = textButton(null, "Show more", () => load(true), { class: "small", hidden: true });
const status = h("p.visually-hidden", { role: "status" });

export function start(root, themeButton) {
  const link = (href, name, text) => h("a.side-link", { href }, icon(name), text);
  const logo = h("img", { src: "/static/icon.svg", alt: "", width: "28", height: "28" });
  const keys = navigator.platform.startsWith("Mac") ? "⌘K" : "Ctrl K";
  root.append(
    h("div.side-head", h("a.brand", { href: "#/", label: "Marquee" }, logo, "Marquee"), themeButton),
    link("#/", "plus", "New chat"),
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
  const group = ([name, found]) => h("section", { label: name },
    h("h2.age", name), h("ul", found.map((session) => item(session, open))));
  const none = words && !sessions.length && h("p.muted.empty", "No chat has these words.");
  fillOnce(list, [open, words, [...groups.keys()], shown], () => [[...groups].map(group), none]);
  more.hidden = !next;
}

function item(session, open) {
  const title = titleOf(session);
  const { id } = session;
  const hidden = (text) => h("span.visually-hidden", text);
  const live = session.live_run_id && h("span.live-dot", { testid: "live" }, hidden("answering"));
  const mark = live ?? (fresh.has(id) && h("span.fresh-dot", hidden("new answer")));
  const link = h("a", { href: `#/chat/${id}`, title, "aria-current": id === open && "page" },
    h("span.session-title", title), mark);
  const options = button("more", `Options for ${title}`, () => openMenu(options, session), { "aria-haspopup": "menu" });
  return h("li.session", link, options);
}

function ageOf(time) {
  const age = new Date().setHours(0, 0, 0, 0) - Date.parse(time);
  if (age <= 0) return "Today";
  if (age <= DAY) return "Yesterday";
  return age <= 7 * DAY ? "The last 7 days" : "Earlier";
}

function walk(event, nodes) {
  const at = nodes.indexOf(document.activeElement);
  const last = nodes.length - 1;
  const to = { ArrowDown: Math.min(at + 1, last), ArrowUp: Math.max(at - 1, 0), Home: 0, End: last }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  nodes[to].focus();
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

/** True where it failed: the banner tells of the network, and the list is asked for again. `on`: the next page. */
async function load(on = false) {
  const mine = (asked += 1);
  const limit = on ? PAGE : Math.min(MOST, Math.max(PAGE, sessions.length));
  const page = await get("/sessions", { limit, q: words, after: on ? next : null }).catch(() => null);
  if (page && mine === asked) take(page, on);
  return !page;
}

function take({ data, next: after }, on) {
  const open = openId();
  const known = new Map(data.map((it) => [it.id, it]));
  const ended = sessions.filter((it) => !on && it.live_run_id && !known.get(it.id)?.live_run_id);
  sessions = on ? [...sessions.filter(({ id }) => !known.has(id)), ...data] : data;
  next = after;
  for (const session of ended.filter(({ id }) => id !== open)) {
    fresh.add(session.id);
    announce(`The answer in “${titleOf(session)}” is ready.`);
  }
  draw();
  if (known.has(open)) tellHere("listed", known.get(open));
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

function openMenu(at, session) {
  const failed = (error) => confirm("That did not work", "OK", h("p.muted", error.detail ?? String(error)));
  const item = (name, words, work, ...given) => {
    const onclick = () => {
      menu.hidePopover();
      work(session, ...given).catch(failed);
    };
    const danger = work === remove && "danger";
    return h("button", { type: "button", role: "menuitem", class: danger, onclick }, icon(name), words);
  };
  const nodes = [
    item("edit", "Rename", rename),
    item("export", "Export as Markdown", exported, "markdown", "md"),
    item("export", "Export as JSON", exported, "json", "json"),
    item("trash", "Delete", remove),
  ];
  const menu = h("div.menu", { role: "menu", popover: "auto", label: at.ariaLabel }, nodes);
  menu.addEventListener("keydown", (event) => (event.key === "Tab" ? menu.hidePopover() : walk(event, nodes)));
  menu.addEventListener("toggle", ({ newState }) => {
    at.ariaExpanded = newState === "open";
    if (newState === "closed") menu.remove();
  });
  at.closest("nav").append(menu);
  menu.showPopover({ source: at }); // by which it is placed
  nodes[0].focus();
}

/** Asks in a dialog; true for yes. */
function confirm(title, yes, ...inside) {
  const cancel = textButton(null, "Cancel", () => dialog.close());
  const row = h("div.row", cancel, h("button.button.primary", { value: "yes" }, yes));
  const form = h("form", { method: "dialog" }, h("h2", title), inside, row);
  const dialog = h("dialog", { label: title }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

function exported(session, format, ending) {
  const name = titleOf(session).replace(/[^\p{L}\p{N} _-]+/gu, "").trim().slice(0, 60);
  return save(`/sessions/${session.id}/export`, { format }, `${name || "chat"}.${ending}`);
}

async function rename({ id, title: before }) {
  const props = { label: "Title", maxlength: "200", autofocus: true };
  const input = h("input.field", { value: before ?? "", ...props, onfocus: () => input.select() });
  const yes = await confirm("Rename chat", "Rename", input);
  const title = input.value.trim();
  if (!yes || !title || title === before) return;
  tell("session", { id, session: await request("PATCH", `/sessions/${id}`, { body: { title } }) });
}

/** Deletes a session, also one that answers: what answers is stopped first. */
async function remove({ id, title }) {
  const what = `“${title ?? "New chat"}” and everything in it will be deleted. This cannot be undone.`;
  if (!(await confirm("Delete this chat?", "Delete", h("p.muted", what)))) return;
  try {
    const { live_run_id: run } = await get(`/sessions/${id}`);
    if (run) await cancel(run);
    await request("DELETE", `/sessions/${id}`);
  } catch (error) {
    if (error.status !== 404) throw error;
  }
  tell("session", { id, deleted: true });
  announce("Chat deleted.");
}

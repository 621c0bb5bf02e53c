// The side bar: sessions to open, find, rename, export and delete; what answers right now is marked.

import { announce, button, confirm, create, h, icon, redraw, textButton } from "./dom.js";
import { cancel, get, hear, pause, request, save, tell, tellHere, until } from "./api.js";

const PAGE = 30;
const MOST = 200;
const TYPING_MS = 180;
const CALM_MS = 5000;
const BUSY_MS = 2000; // while an answer is coming somewhere
const DAY = 86400000;

let sessions = [];
let next = null; // where the list goes on
let words = ""; // that are searched for
let found = ""; // those whose chats are shown
let asked = 0;
const fresh = new Set(); // ids of sessions with an answer that nobody has looked at
const openId = () => location.hash.match(/^#\/chat\/(.+)/)?.[1];
const titleOf = ({ title }) => title ?? "New chat";

// What is shown

/** `account`: a node, the place of sign-in. */
export function view(themeButton, account) {
  const place = location.hash.split("/", 2).join("/") || "#/";
  const link = (href, name, text) =>
    h("a.side-link", { href, "aria-current": href === place && "page" }, icon(name), text);
  const keys = navigator.platform.startsWith("Mac") ? "⌘K" : "Ctrl K";
  const onkeydown = (event) => walk(event, [...event.currentTarget.querySelectorAll("a")]);
  const count = sessions.length ? `${sessions.length}${next ? " or more" : ""}` : "No";
  return [
    h("div.side-head",
      h("a.brand", { href: "#/", label: "Marquee" },
        h("img", { src: "/static/icon.svg", alt: "", width: "28", height: "28" }), "Marquee"),
      themeButton),
    link("#/", "plus", "New chat"),
    link("#/explore", "compass", "Explore"),
    link("#/taste", "heart", "My taste"),
    h("div.side-search", icon("search"),
      h("input.field", {
        type: "search", placeholder: "Search chats", label: "Search chats", "aria-keyshortcuts": "Control+K Meta+K",
        oninput: typed, onkeydown: leaveSearch,
      }),
      h("kbd", { "aria-hidden": "true" }, keys)),
    h("div.side-scroll",
      h("div.sessions", { onkeydown }, groups()),
      next && textButton(null, "Show more", () => load(true), { class: "small" })),
    account,
    h("p.visually-hidden", { role: "status" }, found && `${count} chats found`),
  ];
}

function groups() {
  const open = openId();
  fresh.delete(open);
  if (found && !sessions.length) return h("p.muted.empty", "No chat has these words.");
  const ages = Map.groupBy(sessions, (it) => (words ? "Found" : ageOf(it.updated_at)));
  return [...ages].map(([name, those]) => h("section", { label: name, key: name },
    h("h2.age", name), h("ul", those.map((session) => item(session, open)))));
}

function item(session, open) {
  const title = titleOf(session);
  const { id } = session;
  const hidden = (text) => h("span.visually-hidden", text);
  const live = session.live_run_id && h("span.live-dot", { testid: "live" }, hidden("answering"));
  const mark = live ?? (fresh.has(id) && h("span.fresh-dot", hidden("new answer")));
  const link = h("a", { href: `#/chat/${id}`, title, "aria-current": id === open && "page" },
    h("span.session-title", title), mark);
  const menu = ({ currentTarget }) => openMenu(currentTarget, session);
  return h("li.session", { key: id }, link, button("more", `Options for ${title}`, menu, { "aria-haspopup": "menu" }));
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

export function search() {
  const field = document.querySelector(".side-search .field");
  field.focus();
  field.select();
}

export function start() {
  addEventListener("hashchange", redraw);
  hear("session", told);
  watch();
}

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
  load();
}

/** True where it failed: the banner tells of the network, and the list is asked for again. `on`: the next page. */
async function load(on = false) {
  const mine = (asked += 1);
  const limit = on ? PAGE : Math.min(MOST, Math.max(PAGE, sessions.length));
  const query = { limit, q: words, after: on ? next : null };
  const page = await request("GET", "/sessions", { query, quiet: true }).catch(() => null);
  if (page && mine === asked) take(page, on);
  return !page;
}

function take({ data, next: after }, on) {
  const open = openId();
  const known = new Map(data.map((it) => [it.id, it]));
  const ended = sessions.filter((it) => !on && it.live_run_id && !known.get(it.id)?.live_run_id);
  const before = JSON.stringify([sessions, next, found]);
  sessions = on ? [...sessions.filter(({ id }) => !known.has(id)), ...data] : data;
  [next, found] = [after, words];
  for (const session of ended.filter(({ id }) => id !== open)) {
    fresh.add(session.id);
    announce(`The answer in “${titleOf(session)}” is ready.`);
  }
  if (before !== JSON.stringify([sessions, next, found])) redraw();
  if (known.has(open)) tellHere("listed", known.get(open));
}

let typing;

function typed({ target }) {
  clearTimeout(typing);
  typing = setTimeout(() => {
    if (words === target.value.trim()) return;
    words = target.value.trim();
    sessions = [];
    load();
  }, TYPING_MS);
}

function leaveSearch(event) {
  if (event.key !== "Escape" || !event.target.value) return;
  event.stopPropagation();
  event.target.value = "";
  typed(event);
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
  const onkeydown = (event) => (event.key === "Tab" ? menu.hidePopover() : walk(event, [...menu.children]));
  const ontoggle = ({ newState }) => {
    at.ariaExpanded = newState === "open";
    if (newState === "closed") menu.remove();
  };
  const menu = create(h("div.menu", { role: "menu", popover: "auto", label: at.ariaLabel, onkeydown, ontoggle },
    item("edit", "Rename", rename),
    item("export", "Export as Markdown", exported, "markdown", "md"),
    item("export", "Export as JSON", exported, "json", "json"),
    item("trash", "Delete", remove)));
  document.body.append(menu);
  menu.showPopover({ source: at }); // by which it is placed
  if (!CSS.supports("position-area: top")) placeBelow(menu, at.getBoundingClientRect());
  menu.firstChild.focus();
}

/** Where the style cannot place a menu by its button. */
function placeBelow({ style, offsetHeight, offsetWidth }, { bottom, left }) {
  const [top, side] = [Math.min(bottom, innerHeight - offsetHeight), Math.min(left, innerWidth - offsetWidth)];
  Object.assign(style, { inset: "auto", top: `${top}px`, left: `${side}px` });
}

function exported(session, format, ending) {
  const name = titleOf(session).replace(/[^\p{L}\p{N} _-]+/gu, "").trim().slice(0, 60);
  return save(`/sessions/${session.id}/export`, { format }, `${name || "chat"}.${ending}`);
}

async function rename({ id, title: before }) {
  const props = { label: "Title", maxlength: "200", autofocus: true };
  const input = create(h("input.field", { value: before ?? "", ...props, onfocus: ({ target }) => target.select() }));
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

// The start of the page: theme, banners, keys, and the view that the address asks for.

import { announce, button, fill, h, icon, textButton } from "./dom.js";
import { health } from "./api.js";
import { Chat } from "./chat.js";
import { resume } from "./outbox.js";
import { hear, kept, signedIn } from "./shared.js";
import * as sidebar from "./sidebar.js";

const [main, topbar, banners, side] = ["main", "topbar", "banners", "sidebar"].map((id) => document.getElementById(id));
const page = document.documentElement;
const layout = document.querySelector(".layout");
const narrow = matchMedia("(max-width: 760px)");
const VIEWS = { movies: "Movie", taste: "My taste", explore: "Explore" }; // each a module of its name
const THEMES = { system: ["system", "As the system has it"], light: ["sun", "Light"], dark: ["moon", "Dark"] };
const NETWORK = {
  offline: "No connection to the service. It is tried again by itself; nothing you typed is lost.",
  slow: "The connection is slow. Still waiting for the service.",
};

// The view. A module's `show` fills the root; the signal ends it, `title` names it.

let leave = new AbortController();
let chat = null; // while it is shown
let first = null; // a message for the next new chat

async function show() {
  const [name, id = null] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (chat && id && chat.sessionId === id) return;
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const root = h("div.view");
  fill(main, root);
  if (narrow.matches) fold(true);
  chat = null;
  try {
    if (Object.hasOwn(VIEWS, name)) await showView(name, root, { id, signal, title });
    else await showChat(root, { id, signal, title, first });
  } catch (error) {
    if (!signal.aborted) failed(root, error);
  }
}

function showChat(root, context) {
  chat = new Chat(root, context);
  first = null;
  return chat.ready;
}

async function showView(name, root, context) {
  root.append(h("p.loading", { role: "status" }, "Loading…"));
  const view = await import(`./${name}.js`);
  if (context.signal.aborted) return;
  fill(root);
  title(VIEWS[name]);
  await view.show(root, context);
}

function failed(root, error) {
  chat = null;
  const words = [h("h1", "That did not work"), h("p", error.detail ?? "This could not be shown.")];
  fill(root, h("div.failed", { role: "alert" }, words, textButton("retry", "Try again", show)));
  if (!error.detail) console.warn(error);
}

/** Names what is shown, in the window's title and above it. */
function title(text) {
  document.title = text ? `${text} · Marquee` : "Marquee";
  heading.textContent = text || "New chat";
}

// The frame around it

const heading = h("h1", { testid: "heading" });
const toggle = button("menu", "Side bar", () => fold(!layout.matches(".folded")), { "aria-controls": "sidebar" });
const theme = button("system", "Theme", nextTheme);

function fold(folded) {
  layout.classList.toggle("folded", folded);
  toggle.ariaExpanded = String(!folded);
  if (!narrow.matches) kept.set("folded", folded ? "yes" : null);
}

const foldAsBefore = () => fold(narrow.matches || kept.get("folded") === "yes");

function nextTheme() {
  const names = Object.keys(THEMES);
  page.dataset.theme = names[(names.indexOf(page.dataset.theme) + 1) % names.length];
  kept.set("theme", page.dataset.theme);
  drawTheme();
  announce(theme.title);
}

function drawTheme() {
  const [name, words] = THEMES[page.dataset.theme] ?? THEMES.system;
  fill(theme, icon(name));
  theme.title = theme.ariaLabel = `Theme: ${words}`;
}

function showNetwork(state) {
  const words = NETWORK[state];
  document.getElementById("network")?.remove();
  announce(words ?? "Connected again.");
  const props = { class: "notice warn", id: "network", role: "status", testid: `network-${state}` };
  if (words) banners.prepend(h("div", props, icon("warn"), h("p", words)));
}

/** A notice that stays away once it was dismissed; `how` opens below it. */
function banner(name, summary, ...how) {
  const key = `dismissed:${name}`;
  if (kept.get(key)) return;
  const close = button("close", "Dismiss", () => {
    kept.set(key, "yes");
    node.remove();
  });
  const details = () => h("details", { open: !narrow.matches }, h("summary", summary), h("p", how));
  const node = h("div.notice", { role: "note", testid: `banner-${name}` },
    how.length ? details() : h("p", summary), close);
  banners.append(node);
}

async function showBanners() {
  const { provider, catalogue, reasons } = await health();
  const code = (text) => h("code", text);
  const guide = provider.name === "offline";
  const names = [code("OPENAI_API_KEY"), " or ", code("OPENAI_BASE_URL"), " in ", code(".env")];
  const model = ["For a language model set ", ...names, ". "];
  const data = ["For real ratings run ", code("python movielens.py download ml-latest-small"), "."];
  if (catalogue.name !== "sample") guide && banner("guide", "The built-in guide answers.", ...model);
  else if (guide) banner("start", "The built-in guide answers, from a small sample.", ...model, ...data);
  else banner("sample", "The ratings are a small made-up sample.", ...data);
  const words = reasons.join(" ");
  if (words) banner(`reasons:${words.slice(0, 100)}`, words);
}

/** A keyboard may lie over the page. */
function resize() {
  const { height } = visualViewport;
  const covered = innerHeight - height > 80;
  page.style.setProperty("--height", covered ? `${height}px` : "100dvh");
  if (covered) scrollTo(0, 0);
}

function onKey(event) {
  const command = event.ctrlKey || event.metaKey;
  const [find, begin] = [command && event.key.toLowerCase() === "k", command && event.key === "O"]; // O: with Shift
  if (find || begin) event.preventDefault();
  if (begin) location.hash = "#/";
  if (find) {
    fold(false);
    sidebar.search();
  } else if (event.key === "Escape" && narrow.matches && !layout.matches(".folded")) {
    fold(true);
    toggle.focus();
  }
}

topbar.append(toggle, heading);
foldAsBefore();
drawTheme();
narrow.addEventListener("change", foldAsBefore);
side.addEventListener("click", ({ target }) => target.closest("a") && narrow.matches && fold(true));
document.getElementById("scrim").addEventListener("click", () => fold(true));
addEventListener("hashchange", () => {
  main.focus({ preventScroll: true });
  show();
});
addEventListener("keydown", onKey);
addEventListener("network", ({ detail }) => showNetwork(detail));
visualViewport.addEventListener("resize", resize);
hear("ask", ({ text }) => {
  if (chat) return chat.send(text);
  first = text;
  location.hash = "#/";
});
resize();
const signIn = (signedIn() || location.hash.startsWith("#code=")) && (await import("./signin.js"));
if (signIn) await signIn.arrive();
resume();
sidebar.start(side, theme);
show();
if (signIn) signIn.show(document.getElementById("account"));
showBanners().catch(() => {});

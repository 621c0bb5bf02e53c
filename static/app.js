// The start of the page: what the address asks for, the frame around it, banners, keys.

import { announce, button, draw, h, icon, mount, redraw, textButton } from "./dom.js";
import { health, hear, kept, resume, signedIn } from "./api.js";
import { Chat } from "./chat.js";
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

// What the address asks for

let leave = new AbortController(); // the view that is shown
let view = () => null; // describes it
let chat = null; // while it is shown
let first = null; // a message for the next new chat
let heading = "New chat";

async function show() {
  const [name, id = null] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (chat && id && chat.sessionId === id) return;
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  if (narrow.matches) fold(true);
  chat = null;
  try {
    if (Object.hasOwn(VIEWS, name)) await showView(name, { id, signal, title });
    else await showChat({ id, signal, title });
  } catch (error) {
    if (!signal.aborted) failed(error);
  }
}

async function showChat(context) {
  chat = new Chat(context);
  draws(() => chat.view());
  const message = first;
  first = null;
  await chat.open(message);
}

/** A view's `show` returns what describes it; the signal ends it, `title` names it. */
async function showView(name, context) {
  draws(() => h("p.loading", { role: "status" }, "Loading…"));
  const module = await import(`./${name}.js`);
  if (context.signal.aborted) return;
  title(VIEWS[name]);
  const inside = module.show(context);
  draws(() => h("div.page", { key: context }, inside()));
  module.shown?.(main);
}

function draws(describe) {
  view = describe;
  draw();
}

function failed(error) {
  chat = null;
  draws(() => h("div.failed", { role: "alert" },
    h("h1", "That did not work"),
    h("p", error.detail ?? "This could not be shown."),
    textButton("retry", "Try again", show)));
  if (!error.detail) console.warn(error);
}

/** Names what is shown, in the window's title and above it. */
function title(text) {
  document.title = text ? `${text} · Marquee` : "Marquee";
  heading = text || "New chat";
  redraw();
}

// The frame around it

const topView = () => [
  button("menu", "Side bar", () => fold(!folded()), { "aria-controls": "sidebar", "aria-expanded": String(!folded()) }),
  h("h1", { testid: "heading" }, heading),
];
const folded = () => layout.matches(".folded");

function fold(away) {
  layout.classList.toggle("folded", away);
  if (!narrow.matches) kept.set("folded", away ? "yes" : null);
  redraw();
}

const foldAsBefore = () => fold(narrow.matches || kept.get("folded") === "yes");

function themeButton() {
  const names = Object.keys(THEMES);
  const at = Math.max(0, names.indexOf(page.dataset.theme));
  const [name, words] = THEMES[names[at]];
  const turn = () => {
    page.dataset.theme = names[(at + 1) % names.length];
    kept.set("theme", page.dataset.theme);
    announce(`Theme: ${THEMES[page.dataset.theme][1]}`);
  };
  return button(name, `Theme: ${words}`, turn);
}

// Banners

let network = "ok";
let notices = []; // {name, summary, how}

function bannersView() {
  const state = NETWORK[network] && h("div.notice.warn", { role: "status", testid: `network-${network}` },
    icon("warn"), h("p", NETWORK[network]));
  return [state, notices.filter(({ name }) => !kept.get(`dismissed:${name}`)).map(banner)];
}

/** A notice that stays away once it was dismissed; `how` opens below it. */
function banner({ name, summary, how }) {
  const words = how ? h("details", { open: !narrow.matches }, h("summary", summary), h("p", how)) : h("p", summary);
  const close = button("close", "Dismiss", () => kept.set(`dismissed:${name}`, "yes"));
  return h("div.notice", { role: "note", testid: `banner-${name}`, key: name }, words, close);
}

async function loadBanners() {
  const { provider, catalogue, reasons } = await health();
  const code = (text) => h("code", text);
  const guide = provider.name === "offline";
  const sample = catalogue.name === "sample";
  const names = [code("OPENAI_API_KEY"), " or ", code("OPENAI_BASE_URL"), " in ", code(".env")];
  const model = ["For a language model set ", ...names, ". "];
  const data = ["For real ratings run ", code("python movielens.py download ml-latest-small"), "."];
  const words = reasons.join(" ");
  notices = [
    guide && !sample && { name: "guide", summary: "The built-in guide answers.", how: model },
    guide && sample && {
      name: "start", summary: "The built-in guide answers, from a small sample.", how: [model, data],
    },
    !guide && sample && { name: "sample", summary: "The ratings are a small made-up sample.", how: data },
    words && { name: `reasons:${words.slice(0, 100)}`, summary: words },
  ].filter(Boolean);
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
  } else if (event.key === "Escape" && narrow.matches && !folded()) {
    fold(true);
    topbar.querySelector("button").focus();
  }
}

foldAsBefore();
narrow.addEventListener("change", foldAsBefore);
side.addEventListener("click", ({ target }) => target.closest("a") && narrow.matches && fold(true));
document.getElementById("scrim").addEventListener("click", () => fold(true));
addEventListener("hashchange", () => {
  main.focus({ preventScroll: true });
  show();
});
addEventListener("keydown", onKey);
visualViewport.addEventListener("resize", resize);
hear("network", (state) => {
  network = state;
  announce(NETWORK[state] ?? "Connected again.");
});
hear("ask", ({ text }) => {
  if (chat) return chat.send(text);
  first = text;
  location.hash = "#/";
});
page.dataset.theme = kept.get("theme") ?? "system";
resize();
const signIn = (signedIn() || location.hash.startsWith("#code=")) && (await import("./signin.js"));
if (signIn) await signIn.arrive();
resume();
mount(side, () => sidebar.view(themeButton(), signIn && signIn.account()));
mount(topbar, topView);
mount(banners, bannersView);
mount(main, () => view());
sidebar.start();
show();
loadBanners().catch(() => {});
if (signIn) signIn.load().catch(() => {});

// The start of the page: shell, theme, banners, and the view that the address asks for.

import { announce, button, clear, h, icon } from "./dom.js";
import { network } from "./api.js";
import { health, hear, kept } from "./shared.js";
import { Sidebar } from "./sidebar.js";
import * as chat from "./chat.js";
import { resume } from "./outbox.js";
import * as signIn from "./signin.js";

const main = document.getElementById("main");
const layout = document.querySelector(".layout");
const topbar = document.getElementById("topbar");
const banners = document.getElementById("banners");
const narrow = matchMedia("(max-width: 760px)");
const VIEWS = {
  movies: () => import("./movie.js"),
  taste: () => import("./taste.js"),
  explore: () => import("./explore.js"),
};
const THEMES = { system: "As the system has it", light: "Light", dark: "Dark" };
const ICON_OF_THEME = { system: "system", light: "sun", dark: "moon" };

let leave = new AbortController();
let cleanup = null;
let open = null; // the chat view, while it is shown

// The address

function route() {
  const [name = "", id = null] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return { name, id: id || null };
}

async function show({ first = false } = {}) {
  const { name, id } = route();
  const isChat = !(name in VIEWS);
  if (isChat && open?.sessionId === id && id !== null) return;
  leave.abort();
  leave = new AbortController();
  cleanup?.();
  cleanup = open = null;
  const { signal } = leave;
  const root = h("div", { class: "view" });
  clear(main).append(root);
  sidebar.mark(isChat ? id : null, isChat ? null : name);
  if (narrow.matches) fold(true);
  if (!first) main.focus({ preventScroll: true });
  try {
    const done = isChat ? await showChat(root, id, signal) : await showView(name, root, id, signal);
    if (signal.aborted) done?.();
    else cleanup = done;
  } catch (error) {
    if (!signal.aborted) failed(root, error);
  }
}

async function showChat(root, id, signal) {
  open = chat.show(root, { id, signal, title });
  await open.ready;
  return () => {};
}

async function showView(name, root, id, signal) {
  root.append(h("p", { class: "loading", role: "status" }, "Loading…"));
  const view = await VIEWS[name]();
  if (signal.aborted) return null;
  clear(root);
  title({ movies: "Movie", taste: "My taste", explore: "Explore" }[name]);
  return view.show(root, { id: name === "movies" ? Number(id) : id, signal, title });
}

function failed(root, error) {
  const again = button("retry", "Try again", () => show(), { text: true });
  const words = error.detail ?? "This could not be shown.";
  clear(root).append(h("div", { class: "failed", role: "alert" }, h("h1", null, "That did not work"), h("p", null, words), again));
  if (!error.detail) console.warn(error);
}

/** Names what is shown, in the window's title and above it. */
function title(text) {
  document.title = text ? `${text} · Marquee` : "Marquee";
  heading.textContent = text || "New chat";
}

// The shell

const heading = h("h1", { "data-testid": "heading" });
const toggle = button("menu", "Side bar", () => fold(!layout.classList.contains("folded")), { "aria-controls": "sidebar" });
const actions = h("div", { class: "actions spread", id: "topactions" });
const sidebar = new Sidebar(document.getElementById("sidebar"), { themeButton: themeButton() });

function fold(folded) {
  layout.classList.toggle("folded", folded);
  toggle.setAttribute("aria-expanded", String(!folded));
  if (!narrow.matches) kept.set("folded", folded ? "yes" : null);
}

function themeButton() {
  const node = button("system", "Theme", () => {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length];
    kept.set("theme", next);
    document.documentElement.dataset.theme = next;
    draw();
    announce(`Theme: ${THEMES[next]}`);
  });
  const draw = () => {
    const theme = document.documentElement.dataset.theme;
    clear(node).append(icon(ICON_OF_THEME[theme] ?? "system"));
    node.setAttribute("aria-label", `Theme: ${THEMES[theme]}`);
    node.title = node.getAttribute("aria-label");
  };
  draw();
  return node;
}

// Banners

const NETWORK_WORDS = {
  offline: "No connection to the service. It is tried again by itself; nothing you typed is lost.",
  slow: "The connection is slow. Still waiting for the service.",
};

function showNetwork() {
  const words = NETWORK_WORDS[network.state];
  document.getElementById("network")?.remove();
  if (!words) return;
  const props = { class: "notice warn", id: "network", role: "status", "data-testid": `network-${network.state}` };
  banners.prepend(h("div", props, icon("warn"), h("p", null, words)));
}

function banner(name, summary, ...words) {
  if (kept.get(`dismissed:${name}`)) return;
  const close = button("close", "Dismiss", () => {
    kept.set(`dismissed:${name}`, "yes");
    node.remove();
  });
  const node = h("div", { class: "notice", role: "note", "data-testid": `banner-${name}` },
    words.length ? h("details", { open: !narrow.matches }, h("summary", null, summary), h("p", null, ...words)) : h("p", null, summary), close);
  banners.append(node);
}

async function showBanners() {
  const state = await health();
  const code = (text) => h("code", null, text);
  const guide = state.provider.name === "offline";
  const sample = state.catalogue.name === "sample";
  const keys = [code("OPENAI_API_KEY"), " or ", code("OPENAI_BASE_URL"), " in ", code(".env")];
  const data = [code("python movielens.py download ml-latest-small")];
  if (guide && sample) {
    banner("start", "The built-in guide answers, from a small sample.", "For a language model set ", ...keys, "; for real ratings run ", ...data, ".");
  } else if (guide) {
    banner("guide", "The built-in guide answers.", "For a language model set ", ...keys, ".");
  } else if (sample) {
    banner("sample", "The ratings are a small made-up sample.", "For real ones run ", ...data, ".");
  }
  if (state.reasons.length) banner(`reasons:${state.reasons.join(" ").slice(0, 100)}`, state.reasons.join(" "));
}

// Start

function resize() {
  const view = window.visualViewport;
  const covered = view && innerHeight - view.height > 80; // a keyboard that lies over the page
  document.documentElement.style.setProperty("--height", covered ? `${view.height}px` : "100dvh");
  if (covered) scrollTo(0, 0);
}

function onKey(event) {
  const command = event.ctrlKey || event.metaKey;
  if (command && event.key.toLowerCase() === "k") {
    event.preventDefault();
    fold(false);
    sidebar.search();
  } else if (command && event.shiftKey && event.key.toLowerCase() === "o") {
    event.preventDefault();
    location.hash = "#/";
  } else if (event.key === "Escape" && narrow.matches && !layout.classList.contains("folded")) {
    fold(true);
    toggle.focus();
  }
}

topbar.append(toggle, heading, actions);
fold(narrow.matches || kept.get("folded") === "yes");
narrow.addEventListener("change", () => fold(narrow.matches || kept.get("folded") === "yes"));
sidebar.root.addEventListener("click", (event) => event.target.closest("a") && narrow.matches && fold(true));
document.getElementById("scrim").addEventListener("click", () => fold(true));
addEventListener("hashchange", () => show());
addEventListener("keydown", onKey);
visualViewport?.addEventListener("resize", resize);
network.addEventListener("change", () => {
  showNetwork();
  announce(NETWORK_WORDS[network.state] ?? "Connected again.");
});
hear("ask", ({ text }) => {
  if (open) {
    open.send(text);
  } else {
    chat.sendNext(text);
    location.hash = "#/";
  }
});
resize();
resume();
show({ first: true });
sidebar.start();
signIn.start();
showBanners().catch(() => {});

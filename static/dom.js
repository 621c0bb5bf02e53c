// Nodes: made, filled, announced. Text is always a text node; nothing here reads HTML.

const NAMES = { label: "aria-label", testid: "data-testid" };

/**
 * A node, as in `h("p.muted", { hidden: true }, "words")`; the attributes may be left out. `on*` are listeners, `style`
 * custom properties, `label` is for screen readers; null and false leave out an attribute or child, true sets it empty.
 */
export function h(selector, props, ...children) {
  const [tag, ...classes] = selector.split(".");
  const given = props?.constructor === Object;
  const node = make(document.createElement(tag), given ? props : {}, given ? children : [props, ...children]);
  if (classes.length) node.classList.add(...classes);
  return node;
}

export const svg = (tag, props, ...children) =>
  make(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);

function make(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") Object.entries(value).forEach((pair) => node.style.setProperty(...pair));
    else if (name === "value") node.value = value;
    else node.setAttribute(NAMES[name] ?? name, value === true ? "" : value);
  }
  node.append(...shown(children));
  return node;
}

const shown = (children) => children.flat(Infinity).filter((child) => child != null && child !== false);

// What is filled again and again

const FOCUSABLE = "a[href]:not([tabindex='-1']), button:not(:disabled), input, select";
const named = (node) => node.getAttribute("aria-label") ?? node.getAttribute("href") ?? node.textContent;
const keys = new WeakMap();

/** Puts other children into a node; the focus stays with what has the same name, or about where it was. */
export function fill(node, ...children) {
  const before = [...node.querySelectorAll(FOCUSABLE)];
  const at = before.indexOf(document.activeElement);
  node.replaceChildren(...shown(children));
  if (at < 0) return;
  const after = [...node.querySelectorAll(FOCUSABLE)];
  const same = after.find((it) => named(it) === named(before[at]));
  (same ?? after[Math.min(at, after.length - 1)])?.focus({ preventScroll: true });
}

/** Fills a node with what `make` returns, where the key, as JSON, is another one than before. */
export function fillOnce(node, key, make) {
  const now = JSON.stringify(key);
  if (keys.get(node) !== now) fill(node, make());
  keys.set(node, now);
}

const KEPT = 12;

export function announce(text) {
  const region = document.getElementById("announcer");
  region.append(h("p", text));
  while (region.childElementCount > KEPT) region.firstElementChild.remove();
}

const ICONS = {
  plus: "M12 5v14M5 12h14",
  menu: "M4 7h16M4 12h16M4 17h16",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM20 20l-4-4",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  copy: "M9 9h10v11H9zM5 15V4h10",
  check: "M5 12.5l4.5 4.5L19 7",
  up: "M7 11v9H4v-9zM7 11l4-7c1.5 0 2.5 1 2.5 2.5L13 10h5.5a1.5 1.5 0 0 1 1.5 1.8l-1.2 6.6a2 2 0 0 1-2 1.6H7",
  down: "M7 13V4H4v9zM7 13l4 7c1.5 0 2.5-1 2.5-2.5L13 14h5.5a1.5 1.5 0 0 0 1.5-1.8l-1.2-6.6a2 2 0 0 0-2-1.6H7",
  retry: "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  close: "M6 6l12 12M18 6L6 18",
  left: "M14 6l-6 6 6 6",
  right: "M10 6l6 6-6 6",
  below: "M6 10l6 6 6-6",
  export: "M12 4v11M7 10l5 5 5-5M5 20h14",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 3v2m0 14v2M3 12h2m14 0h2M6 6 7 7m10 10 1 1M6 18 7 17M17 7l1-1",
  moon: "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5Z",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  compass: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM15.5 8.5l-2 5-5 2 2-5z",
  heart: "M12 20s-8-4.6-8-10.2A4.3 4.3 0 0 1 12 7.5a4.3 4.3 0 0 1 8 2.3C20 15.4 12 20 12 20Z",
  alike: "M9 15a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM15 20a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11Z",
  why: "M9 9.5A3 3 0 1 1 13.2 12.2c-.8.4-1.2 1-1.2 1.9M12 17.5h.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z",
  seen: "M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6ZM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
  chat: "M5 5h14v10H10l-5 4z",
  warn: "M12 4 3 19h18zM12 10v4M12 16.5h.01",
};

export const icon = (name) =>
  svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));

/** A button with an icon, and words below it where they are given. */
export function button(name, label, onclick, { text, ...props } = {}) {
  const named = { label, title: label };
  return h("button.icon-button", { type: "button", onclick, ...named, ...props }, icon(name), text && h("span", text));
}

/** A button with words, and an icon before them where one is named. */
export const textButton = (name, words, onclick, props) =>
  h("button.button", { type: "button", onclick, ...props }, name && icon(name), h("span", words));

export const outward = (href, words) => h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, words);

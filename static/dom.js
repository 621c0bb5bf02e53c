// Nodes from descriptions: `h` describes, `fill` makes a node hold what is described. Text is text, never HTML.

const SVG = "http://www.w3.org/2000/svg";
const NAMES = { label: "aria-label", testid: "data-testid" };
const FOCUSABLE = "a[href], button:enabled, input, select, textarea";
const OWN = ["key", "made"]; // of descriptions, not of nodes
const described = new WeakMap(); // what a node was made from

class Description {
  constructor(selector, props, children) {
    const [tag, ...classes] = selector.split(".");
    const names = [...classes, props.class].filter(Boolean).join(" ");
    Object.assign(this, { selector, tag, props: { ...props, class: names || null }, children });
  }
}

/**
 * Describes a node, as in `h("p.muted", { hidden: true }, "words")`; the attributes may be left out. `on*` are
 * listeners, after which all is drawn again, `style` custom properties; `key` tells a node from those beside it, `made`
 * is called with a new one. Null and false leave out an attribute or child, true sets it empty.
 */
export function h(selector, props, ...children) {
  const given = props?.constructor === Object;
  return new Description(selector, given ? props : {}, shown(given ? children : [props, ...children]));
}

const shown = (children) => children.flat(Infinity).filter((it) => it != null && it !== false && it !== "");

/** Makes a node hold these. Where what has the focus goes away, one of its kind in its place gets it. */
export function fill(node, ...children) {
  patch(node, shown(children));
  for (const hook of hooks.splice(0)) hook();
  const { parent, kind } = lost;
  lost = {};
  if (parent) (parent.querySelector(kind) ?? parent.querySelector(FOCUSABLE))?.focus({ preventScroll: true });
}

/** A node of its own, outside of what is drawn. */
export function create(description) {
  const node = make(description, document.body);
  for (const hook of hooks.splice(0)) hook();
  return node;
}

const hooks = []; // for new nodes, once all are in their place
let lost = {}; // what had the focus, and was taken out

function patch(parent, children) {
  const before = [...parent.childNodes];
  const keyed = new Map(before.map((node) => [described.get(node)?.props.key, node]));
  let next = 0;
  const nodes = children.map((child) => {
    const known = keyed.get(child.props?.key ?? keyed);
    let at = next;
    while (!known && at < before.length && !fits(before[at], child)) at += 1;
    const node = known ?? before[at];
    if (!node || !fits(node, child)) return make(child, parent);
    if (!known) next = at + 1;
    update(node, child);
    return node;
  });
  place(parent, before, nodes);
}

function fits(node, child) {
  if (!(child instanceof Description)) return child === node || (node instanceof Text && !(child instanceof Node));
  const { selector, props } = described.get(node) ?? {};
  return selector === child.selector && props.key === child.props.key;
}

function place(parent, before, nodes) {
  const kept = new Set(nodes);
  const focused = document.activeElement;
  for (const node of before) {
    if (kept.has(node)) continue;
    if (node.contains(focused)) lost = { parent, kind: focused.localName };
    node.remove();
  }
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

function make(child, parent) {
  if (child instanceof Node) return child;
  if (!(child instanceof Description)) return new Text(child);
  const { tag, props } = child;
  const node = document.createElementNS(tag === "svg" ? SVG : parent.namespaceURI, tag);
  update(node, child);
  if (props.made) hooks.push(() => props.made(node));
  return node;
}

function update(node, child) {
  if (!(child instanceof Description)) {
    if (child !== node && node.data !== String(child)) node.data = child;
    return;
  }
  const before = described.get(node);
  if (before === child) return;
  described.set(node, child);
  patch(node, child.children);
  for (const name of Object.keys({ ...before?.props, ...child.props })) {
    if (!OWN.includes(name)) set(node, name, child.props[name], before?.props[name]);
  }
}

function set(node, name, value, before) {
  if (name.startsWith("on")) node[name] = value && listener(value);
  else if (name === "style") Object.entries(value).forEach((pair) => node.style.setProperty(...pair));
  else if (value === before && !(name === "value" && node.localName === "select")) return;
  else if (name === "value") node.value = value;
  else if (value == null || value === false) node.removeAttribute(NAMES[name] ?? name);
  else node.setAttribute(NAMES[name] ?? name, value === true ? "" : value);
}

const listener = (work) => (event) => {
  const done = work(event);
  redraw();
  done?.finally?.(redraw);
};

// What is drawn again and again

const views = new Map(); // functions that describe, by the node that they fill
let frame = 0;
let turn = 0;
const turns = new WeakMap();

export function mount(node, view) {
  views.set(node, view);
  fill(node, view());
}

export function draw() {
  cancelAnimationFrame(frame);
  frame = 0;
  for (const [node, view] of views) fill(node, view());
}

/** Draws what moves by itself, such as a growing answer: what is remembered stays as it is. */
export const redrawLive = () => (frame ||= requestAnimationFrame(draw));

/** Draws everything, soon. */
export function redraw() {
  turn += 1;
  redrawLive();
}

/** What `describe` returned for this object the last time, until all is drawn again. */
export function remembered(object, describe) {
  const known = turns.get(object);
  if (known?.turn === turn) return known.description;
  const description = describe();
  turns.set(object, { turn, description });
  return description;
}

const KEPT = 12;

export function announce(text) {
  const region = document.getElementById("announcer");
  region.append(create(h("p", text)));
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
  h("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, h("path", { d: ICONS[name] }));

/** A button with an icon, and words below it where they are given. */
export function button(name, label, onclick, { text, ...props } = {}) {
  const named = { label, title: label };
  return h("button.icon-button", { type: "button", onclick, ...named, ...props }, icon(name), text && h("span", text));
}

/** A button with words, and an icon before them where one is named. */
export const textButton = (name, words, onclick, props) =>
  h("button.button", { type: "button", onclick, ...props }, name && icon(name), h("span", words));

export const outward = (href, words) => h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, words);

/** Asks in a dialog; true for yes. */
export function confirm(title, yes, ...inside) {
  const cancel = textButton(null, "Cancel", () => dialog.close());
  const row = h("div.row", cancel, h("button.button.primary", { value: "yes" }, yes));
  const form = h("form", { method: "dialog" }, h("h2", title), inside, row);
  const dialog = create(h("dialog", { label: title }, form));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

export const counted = (value, one) => `${value.toLocaleString("en")} ${one}${value === 1 ? "" : "s"}`;

export const listed = (names) => new Intl.ListFormat("en-GB").format(names);

export const called = ({ title, year }) => (year ? `${title} (${year})` : title);

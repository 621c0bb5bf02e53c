// Menus at a button, and questions that must be answered first.

import { h, icon } from "./dom.js";

/**
 * A button's menu: arrow keys walk, Escape and a click elsewhere close.
 * @param {HTMLElement} at the button
 * @param {Array<{name: string, words: string, does: () => void, danger?: boolean}>} items
 */
export function openMenu(at, items) {
  const choose = (does) => () => {
    menu.hidePopover();
    does();
  };
  const nodes = items.map(({ name, words, does, danger }) =>
    h("button", { type: "button", role: "menuitem", tabindex: "-1", class: danger && "danger", onclick: choose(does) }, icon(name), words));
  const walk = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const place = nodes.indexOf(document.activeElement);
    const to = step ? (place + step + nodes.length) % nodes.length : { Home: 0, End: nodes.length - 1 }[event.key];
    if (to === undefined) return event.key === "Tab" && menu.hidePopover();
    event.preventDefault();
    return nodes[to].focus();
  };
  const menu = h("div", { class: "menu", role: "menu", popover: "auto", "aria-label": at.getAttribute("aria-label"), onkeydown: walk }, nodes);
  menu.addEventListener("toggle", ({ newState }) => {
    if (newState === "open") return;
    at.setAttribute("aria-expanded", "false");
    if (menu.contains(document.activeElement) || document.activeElement === document.body) at.focus();
    menu.remove();
  });
  (at.closest("nav, main") ?? document.body).append(menu);
  menu.showPopover();
  place(menu, at.getBoundingClientRect());
  at.setAttribute("aria-expanded", "true");
  nodes[0].focus();
}

function place(menu, { left, right, top, bottom }) {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const x = left + width < innerWidth - 8 ? left : right - width;
  const y = bottom + height < innerHeight - 8 ? bottom + 4 : top - height - 4;
  Object.assign(menu.style, { left: `${Math.max(8, x)}px`, top: `${Math.max(8, y)}px`, right: "auto", bottom: "auto" });
}

/**
 * Asks before something is done for good.
 * @param {{title: string, words: string, yes: string}} question
 * @returns {Promise<boolean>}
 */
export function confirm({ title, words, yes }) {
  return ask(title, [h("p", { class: "muted" }, words)], yes, () => true).then(Boolean);
}

/** Asks for a line of text; null where there is none. @returns {Promise<string|null>} */
export function prompt({ title, label, value, yes }) {
  const field = h("input", { class: "field", value, "aria-label": label, maxlength: "200", autofocus: true });
  requestAnimationFrame(() => field.select());
  return ask(title, [field], yes, () => field.value.trim() || null);
}

function ask(title, inside, yes, read) {
  return new Promise((resolve) => {
    const finish = (value) => {
      resolve(value);
      dialog.close();
    };
    const onsubmit = (event) => {
      event.preventDefault();
      finish(read());
    };
    const cancel = h("button", { type: "button", class: "button", onclick: () => finish(null) }, "Cancel");
    const row = h("div", { class: "row" }, cancel, h("button", { class: "button primary" }, yes));
    const dialog = h("dialog", { "aria-label": title }, h("form", { onsubmit }, h("h2", null, title), inside, row));
    dialog.addEventListener("close", () => {
      resolve(null);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

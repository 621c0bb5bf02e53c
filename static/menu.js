// Menus at a button, and questions that must be answered first.

import { button, h, icon } from "./dom.js";

/** Moves the focus through nodes by the arrow keys. */
export function walk(event, nodes) {
  const at = nodes.indexOf(document.activeElement);
  const last = nodes.length - 1;
  const to = { ArrowDown: Math.min(at + 1, last), ArrowUp: Math.max(at - 1, 0), Home: 0, End: last }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  nodes[to].focus();
}

/**
 * A button's menu.
 * @param {Array<{name: string, words: string, does: () => void, danger?: boolean}>} items name: of the icon
 */
export function openMenu(at, items) {
  const item = ({ name, words, does, danger }) => {
    const onclick = () => {
      menu.hidePopover();
      does();
    };
    return h("button", { type: "button", role: "menuitem", class: danger && "danger", onclick }, icon(name), words);
  };
  const nodes = items.map(item);
  const menu = h("div.menu", { role: "menu", popover: "auto", "aria-label": at.ariaLabel }, nodes);
  menu.addEventListener("keydown", (event) => (event.key === "Tab" ? menu.hidePopover() : walk(event, nodes)));
  menu.addEventListener("toggle", ({ newState }) => {
    at.ariaExpanded = newState === "open";
    if (newState === "closed") menu.remove();
  });
  at.closest("nav, main").append(menu);
  menu.showPopover({ source: at });
  const { right, top, bottom } = at.getBoundingClientRect();
  const below = bottom + menu.offsetHeight < innerHeight;
  const left = Math.max(8, right - menu.offsetWidth);
  Object.assign(menu.style, { left: `${left}px`, top: `${below ? bottom : top - menu.offsetHeight}px` });
  nodes[0].focus();
}

/** A question in a dialog. @returns {Promise<boolean>} */
export function confirm({ title, words, field, yes }) {
  const row = h("div.row",
    button(null, "Cancel", () => dialog.close(), { text: true }),
    h("button.button.primary", { value: "yes" }, yes));
  const inside = [h("h2", title), words && h("p.muted", words), field, row];
  const dialog = h("dialog", { "aria-label": title }, h("form", { method: "dialog" }, inside));
  document.body.append(dialog);
  dialog.showModal();
  field?.select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

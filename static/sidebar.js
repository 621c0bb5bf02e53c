// The side bar: sessions to open, find, rename and delete.

import { button, h, icon } from "./dom.js";

export class Sidebar {
  constructor(root, { themeButton }) {
    root.append(h("a", { href: "#/", class: "button" }, icon("plus"), "New chat"), themeButton);
  }
  mark() {}
  search() {}
  start() {}
}

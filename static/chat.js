// A chat: the conversation and what is typed into it.

import { h } from "./dom.js";

export function sendNext() {}

export function show(root, { title }) {
  title("");
  root.append(h("p", null, "Soon."));
  return { sessionId: null, ready: Promise.resolve(), send() {} };
}

// Parts of a view that are filled again and again: the focus stays, and what has not changed is left alone.

const FOCUSABLE = "a[href]:not([tabindex='-1']), button:not(:disabled), input, select";
const named = (node) => node.getAttribute("aria-label") ?? node.getAttribute("href") ?? node.textContent;
const keys = new WeakMap();

/** Puts other children into a node; the focus stays with what has the same name, or about where it was. */
export function refill(node, ...children) {
  const before = [...node.querySelectorAll(FOCUSABLE)];
  const at = before.indexOf(document.activeElement);
  node.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (at < 0) return;
  const after = [...node.querySelectorAll(FOCUSABLE)];
  const same = after.find((it) => named(it) === named(before[at]));
  (same ?? after[Math.min(at, after.length - 1)])?.focus({ preventScroll: true });
}

/** Fills a node with what `make` returns, where the key is another one than before. @param {any} key as JSON */
export function fillOnce(node, key, make) {
  const now = JSON.stringify(key);
  if (keys.get(node) === now) return;
  keys.set(node, now);
  refill(node, make());
}

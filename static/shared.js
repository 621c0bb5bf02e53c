// What the parts of the page tell each other, in this tab and in others, what stays in the browser, and common words.

const channel = new BroadcastChannel("marquee");
const local = new EventTarget();
channel.onmessage = ({ data }) => tellHere(data.type, { ...data, far: true });

/** Tells everyone, in every tab. */
export function tell(type, detail) {
  tellHere(type, detail);
  channel.postMessage({ ...detail, type });
}

/** Tells this tab alone. */
export const tellHere = (type, detail) => local.dispatchEvent(new CustomEvent(type, { detail }));

/** Listens until the signal ends it; `detail.far` is true for what another tab told. */
export const hear = (type, listener, signal) =>
  local.addEventListener(type, ({ detail }) => listener(detail), { signal });

/** Sends a message in the chat that is open, or in a new one. */
export const ask = (text) => tellHere("ask", { text });

/** Texts that stay, silent where nothing is kept; null for none. */
function keeping(name) {
  const tried = (work) => {
    try {
      return work(window[name]); // a browser may refuse even to name it
    } catch {
      return null;
    }
  };
  return {
    get: (key) => tried((store) => store.getItem(key)),
    set: (key, value) => tried((store) => (value == null ? store.removeItem(key) : store.setItem(key, value))),
  };
}

export const kept = keeping("localStorage");
export const keptHere = keeping("sessionStorage");

/** True where this browser has tokens: signin.js keeps them. */
export const signedIn = () => kept.get("marquee:tokens") !== null;

export const counted = (value, one) => `${value.toLocaleString("en")} ${one}${value === 1 ? "" : "s"}`;

export const listed = (names) => new Intl.ListFormat("en-GB").format(names);

export const called = ({ title, year }) => (year ? `${title} (${year})` : title);

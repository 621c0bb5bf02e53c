// Markdown into nodes: whatever a text holds, only the nodes below are made, and text stays text.

import { button, h } from "./dom.js";

// Around a mention while a text is read: START and the mention's own character, the words, END.
const START = "\uE000";
const END = "\uE001";
const FIRST = 0xe100;
const MOST = 0x1700;
const DEEPEST = 12; // lists and quotes within each other

const FENCE = /^ {0,3}(`{3,}|~{3,}) *([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?: +(.*?))??(?: +#+)? *$/;
const RULE = /^ {0,3}(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?:( +)(.*)|$)/;
const COLUMNS = /^ *\|?(?: *:?-+:? *\|)+(?: *:?-+:? *)?$|^ *\| *:?-+:? *$/;
const WEB = /^https?:\/\/[^\s<>"\uE000-\uF8FF]+/i;

/**
 * A whole text. `mentions`: as a Message has them; their offsets count code points.
 * @param {string} text @param {Array<Object>} [mentions] @returns {DocumentFragment}
 */
export function render(text, mentions = []) {
  const fragment = document.createDocumentFragment();
  const told = apart(mentions).slice(0, MOST);
  fragment.append(...blocks(mark(clean(text), told).split("\n"), told).map(({ node }) => node));
  return fragment;
}

/** A text that still grows: only its last block is made anew. */
export class Growing {
  #rest = ""; // the text from the last block on
  #shown = []; // the nodes of `#rest`

  constructor(root) {
    this.root = root;
  }

  append(delta) {
    this.#rest = clean(this.#rest + delta);
    const lines = this.#rest.split("\n");
    const found = blocks(lines, []);
    const nodes = found.map(({ node }) => node);
    this.#shown.forEach((node) => node.remove());
    this.root.append(...nodes);
    let settled = found.length - 1; // a block is settled when the next one has begun on a whole line
    while (settled > 0 && found[settled].line >= lines.length - 1) settled -= 1;
    this.#shown = nodes.slice(Math.max(settled, 0));
    if (settled > 0) this.#rest = lines.slice(found[settled].line).join("\n");
  }
}

/** Words to be read aloud. @param {string} text */
export function plain(text) {
  const words = text.replace(/!?\[([^\]]*)\]\([^)\s]*\)/g, "$1").replace(/^ *(?:#{1,6} |> ?|[-*+] )/gm, "");
  return words.replace(/[*_`~|]+/g, "").trim();
}

function clean(text) {
  return text.replace(/\r\n|\r(?=.)/gs, "\n").replace(/\t/g, "    ").replace(/[\uE000-\uF8FF]/g, "\uFFFD");
}

/** Mentions worth a mark, none within another: a figure only where nothing supports it. */
function apart(mentions) {
  const found = [];
  for (const it of mentions.toSorted((one, other) => one.start - other.start || other.end - one.end)) {
    if (it.kind !== "movie" && it.supported) continue;
    const start = Math.max(it.start, found.at(-1)?.end ?? 0);
    if (start < it.end && (start === it.start || it.kind !== "movie")) found.push({ ...it, start });
  }
  return found;
}

function mark(text, mentions) {
  if (!mentions.length) return text;
  const points = Array.from(text);
  mentions.forEach(({ start, end }, index) => {
    if (end > points.length) return;
    points[start] = START + String.fromCharCode(FIRST + index) + points[start];
    points[end - 1] += END;
  });
  return points.join("").replace(/https?:\/\/\S+/gi, bare); // an address stays whole
}

/** A line without marks of mentions. */
const bare = (line) => line.replace(/\uE000.|\uE001/g, "");
const blank = (line) => !line.trim();
const indentOf = (line) => line.length - line.trimStart().length;

// Blocks: each kind gives its node and the line after it, or nothing where it does not begin there

function blocks(lines, mentions, depth = 0) {
  const found = [];
  for (let line = 0; line < lines.length; ) {
    if (blank(lines[line])) line += 1;
    else {
      const [node, next] = KINDS.reduce((made, kind) => made ?? kind(lines, line, mentions, depth), null);
      found.push({ node, line });
      line = next;
    }
  }
  return found;
}

const within = (...of) => blocks(...of).map(({ node }) => node);

function fence(lines, at) {
  const [, ticks, info] = FENCE.exec(lines[at]) ?? [];
  if (!ticks) return null;
  const closing = new RegExp(`^ {0,3}${ticks[0]}{${ticks.length},} *$`);
  let end = at + 1;
  while (end < lines.length && !closing.test(lines[end])) end += 1;
  const indent = indentOf(lines[at]);
  const text = bare(lines.slice(at + 1, end).map((line) => line.slice(Math.min(indent, indentOf(line)))).join("\n"));
  const copy = button("copy", "Copy code", () => navigator.clipboard?.writeText(text));
  const head = h("div", { class: "code-head" }, h("span", null, bare(info).split(" ")[0] || "text"), copy);
  return [h("div", { class: "code" }, head, h("pre", { tabindex: "0" }, h("code", null, text))), end + 1];
}

function heading(lines, at, mentions) {
  const [, marks, text = ""] = HEADING.exec(lines[at]) ?? [];
  return marks ? [h(`h${Math.min(marks.length + 2, 6)}`, null, inline(text, mentions)), at + 1] : null;
}

function rule(lines, at) {
  return RULE.test(lines[at]) ? [h("hr"), at + 1] : null;
}

function quote(lines, at, mentions, depth) {
  if (depth > DEEPEST || !QUOTE.test(lines[at])) return null;
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return [h("blockquote", null, within(inner, mentions, depth + 1)), end];
}

const isTable = (lines, at) => lines[at].includes("|") && at + 1 < lines.length && COLUMNS.test(lines[at + 1]);

function table(lines, at, mentions) {
  if (!isTable(lines, at)) return null;
  const align = cells(lines[at + 1]).map((it) => (it.endsWith(":") ? (it.startsWith(":") && "center") || "end" : "start"));
  const head = cells(lines[at]);
  const row = (tag, texts) => h("tr", null, head.map((_, column) =>
    h(tag, { class: align[column] ?? "start", scope: tag === "th" && "col" }, inline(texts[column] ?? "", mentions))));
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end += 1;
  const body = lines.slice(at + 2, end).map((line) => row("td", cells(line)));
  const made = h("table", null, h("thead", null, row("th", head)), h("tbody", null, body));
  return [h("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Table" }, made), end];
}

function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function list(lines, at, mentions, depth) {
  const first = depth <= DEEPEST && itemOf(lines[at]);
  if (!first) return null;
  const items = [];
  let end = at;
  for (let next = at; next < lines.length; ) {
    const item = itemOf(lines[next]);
    if (!item || item.ordered !== first.ordered || item.indent > first.indent + 1 || RULE.test(lines[next])) break;
    end = endOfItem(lines, next, item);
    const inner = lines.slice(next, end).map((line) => line.slice(Math.min(indentOf(line), item.content)));
    inner[0] = lines[next].slice(item.content);
    items.push(itemNode(inner, mentions, depth + 1));
    for (next = end; next < lines.length && blank(lines[next]); ) next += 1;
  }
  while (end > at + 1 && blank(lines[end - 1])) end -= 1;
  const start = first.ordered && first.start !== 1 ? first.start : null;
  return [h(first.ordered ? "ol" : "ul", { start }, items), end];
}

function itemOf(line) {
  const [match, space, marker, gap = " ", text = ""] = ITEM.exec(line) ?? [];
  if (match === undefined) return null;
  const content = space.length + marker.length + (gap.length > 4 ? 1 : gap.length);
  return { indent: space.length, content, ordered: marker.length > 1, start: parseInt(marker, 10), empty: blank(text) };
}

/** Small models indent by two what belongs to "1. ". */
function endOfItem(lines, at, item) {
  const belongs = (line) => indentOf(line) >= item.indent + 2;
  let end = at + 1;
  for (; end < lines.length; end += 1) {
    if (blank(lines[end])) {
      if (end + 1 < lines.length && !blank(lines[end + 1]) && !belongs(lines[end + 1])) break;
    } else if (!belongs(lines[end]) && (blank(lines[end - 1]) || begins(lines, end))) break;
  }
  return end;
}

function itemNode(lines, mentions, depth) {
  const box = /^\[([ xX])\] +(?=\S)/.exec(lines[0]);
  if (box) lines[0] = lines[0].slice(box[0].length);
  const nodes = within(lines, mentions, depth);
  if (nodes[0]?.tagName === "P") nodes.splice(0, 1, ...nodes[0].childNodes);
  const done = box && box[1] !== " ";
  const state = box && h("span", { class: "box", role: "img", "aria-label": done ? "done" : "not done" }, done ? "☑" : "☐");
  return h("li", null, state, nodes);
}

function begins(lines, at) {
  const line = lines[at];
  return [FENCE, HEADING, RULE, QUOTE].some((kind) => kind.test(line)) || itemOf(line) || isTable(lines, at);
}

/** True for a line that ends a paragraph; a number does so only as 1. */
function interrupts(lines, at) {
  const item = !RULE.test(lines[at]) && itemOf(lines[at]);
  return item ? !item.empty && (!item.ordered || item.start === 1) : begins(lines, at);
}

function paragraph(lines, at, mentions) {
  let end = at + 1;
  while (end < lines.length && !blank(lines[end]) && !interrupts(lines, end)) end += 1;
  return [h("p", null, inline(lines.slice(at, end).join("\n"), mentions)), end];
}

const KINDS = [fence, heading, rule, quote, list, table, paragraph];

// Words within a block: nodes, and marks of emphasis that wait for their partner

function inline(text, mentions) {
  return new Words(text.trimEnd(), mentions).read();
}

const CHARACTERS = {
  "\\": "escape", "`": "code", "*": "emphasis", _: "emphasis", "~": "emphasis", "[": "link", "!": "link", "<": "address",
  h: "web", H: "web", "\n": "newline", [START]: "mention", [END]: "mentionEnd",
};
const listed = (map, key) => map.get(key) ?? map.set(key, []).get(key);
const nodeOf = (part) => (part instanceof Node ? part : part.mark);

class Words {
  #at = 0;
  #plain = "";
  #out = [];
  #mention = null;
  #named = false;
  #open = new Map(); // a sign → places in #out where it may have begun
  #runs = new Map(); // a number of backticks → places where so many stand

  constructor(text, mentions) {
    this.text = text;
    this.mentions = mentions;
    this.closing = brackets(text);
    for (const { 0: run, index } of text.matchAll(/`+/g)) listed(this.#runs, run.length).push(index);
  }

  read() {
    while (this.#at < this.text.length) {
      const name = CHARACTERS[this.text[this.#at]];
      if (!name || !this[name](this.#at)) this.#take(this.text[this.#at]);
    }
    this.#flush();
    return this.#out.map(nodeOf);
  }

  #take(text, length = text.length) {
    this.#plain += text;
    this.#at += length;
    return true;
  }

  #flush() {
    const linked = this.#mention && !this.#named && this.#plain.trim();
    if (this.#plain) this.#out.push(linked ? named(this.#mention, this.#plain) : new Text(this.#plain));
    this.#named ||= Boolean(linked); // what goes on behind a mark of emphasis, "** (1995)", is no link of its own
    this.#plain = "";
  }

  #put(node, length) {
    this.#flush();
    this.#out.push(node);
    this.#at += length;
    return true;
  }

  escape(at) {
    const next = this.text[at + 1] ?? "";
    if (next === "\n") return this.#put(h("br"), 2);
    return /[!-/:-@[-`{-~]/.test(next) && this.#take(next, 2);
  }

  newline() {
    const hard = this.#plain.endsWith("  ");
    this.#plain = this.#plain.trimEnd();
    return hard ? this.#put(h("br"), 1) : this.#take("\n");
  }

  code(at) {
    const ticks = /`+/.exec(this.text.slice(at, at + 9_999))[0];
    const places = listed(this.#runs, ticks.length);
    while (places.length && places[0] <= at) places.shift();
    if (!places.length) return this.#take(ticks);
    const inner = bare(this.text.slice(at + ticks.length, places[0])).replaceAll("\n", " ");
    return this.#put(h("code", null, inner.replace(/^ (.*[^ ].*) $/, "$1")), places[0] + ticks.length - at);
  }

  /** [words](address), and a picture as a link to it. */
  link(at) {
    const open = this.text[at] === "!" ? at + 1 : at;
    const close = this.closing.get(open);
    if (close === undefined || this.text[close + 1] !== "(") return false;
    const rest = /^\(\s*<?((?:[^\s()<>\uE000\uE001]|\([^\s()<>]*\))*)>?(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/;
    const [whole, url] = rest.exec(this.text.slice(close + 1, close + 2_100)) ?? [];
    if (whole === undefined) return false;
    const words = bare(this.text.slice(open + 1, close));
    return this.#put(outward(url, open > at ? words || "image" : inline(words, [])), close + 1 + whole.length - at);
  }

  address(at) {
    const end = this.text.slice(at, at + 2_000).indexOf(">");
    const url = this.text.slice(at + 1, at + end);
    return end > 0 && WEB.exec(url)?.[0] === url && this.#put(outward(url, url), end + 1);
  }

  web(at) {
    const url = WEB.exec(this.text.slice(at, at + 2_000))?.[0].replace(/[.,:;!?'"*_)\]]+$/, "");
    return url && !/\w/.test(this.text[at - 1] ?? "") && this.#put(outward(url, url), url.length);
  }

  mention(at) {
    this.#flush();
    this.#mention = this.mentions[this.text.charCodeAt(at + 1) - FIRST] ?? null;
    this.#named = false;
    return this.#take("", 2);
  }

  mentionEnd() {
    this.#flush();
    if (this.#mention && !this.#mention.supported) this.#out.push(doubt(this.#mention));
    this.#mention = null;
    return this.#take("", 1);
  }

  emphasis(at) {
    const sign = this.text[at];
    let end = at;
    while (this.text[end] === sign) end += 1;
    const count = end - at;
    if (sign === "~" && count !== 2) return this.#take(sign.repeat(count));
    const { opens, closes } = flanks(this.text[at - 1] ?? " ", this.text[end] ?? " ", sign);
    this.#flush();
    this.#at = end;
    const left = closes ? this.#close(sign, count, opens) : count;
    if (left && opens) listed(this.#open, sign).push(this.#out.length);
    if (left) this.#out.push(opens ? { mark: sign.repeat(left), count: left, closes } : new Text(sign.repeat(left)));
    return true;
  }

  /** Wraps what stands since the partner of a closing mark; how many signs are left over. */
  #close(sign, count, opens) {
    const places = listed(this.#open, sign);
    while (count && places.length) {
      const place = places.at(-1);
      const opener = this.#out[place];
      const three = (opener.count + count) % 3 === 0 && (opener.count % 3 || count % 3);
      if ((opens || opener.closes) && three) break; // CommonMark 0.31, section 6.2, rules 9 and 10
      const size = Math.min(count, opener.mark.length, 2);
      const inner = this.#out.splice(place + 1).map(nodeOf);
      for (const others of this.#open.values()) while (others.at(-1) > place) others.pop();
      opener.mark = opener.mark.slice(size);
      if (!opener.mark) places.splice(-1, 1, ...(this.#out.pop(), []));
      this.#out.push(h(sign === "~" ? "del" : ["em", "strong"][size - 1], null, inner));
      count -= size;
    }
    return count;
  }
}

/** Whether signs can open and close emphasis, from what stands beside them (CommonMark 0.31, section 6.2). */
function flanks(before, after, sign) {
  const [spaced, spacedAfter] = [before, after].map((it) => /\s/.test(it));
  const [marked, markedAfter] = [before, after].map((it) => /[^\s\p{L}\p{N}\p{Co}]/u.test(it));
  const left = !spacedAfter && (!markedAfter || spaced || marked);
  const right = !spaced && (!marked || spacedAfter || markedAfter);
  if (sign !== "_") return { opens: left, closes: right };
  return { opens: left && (!right || marked), closes: right && (!left || markedAfter) };
}

/** Each "[" with its "]". */
function brackets(text) {
  const waiting = [];
  const found = new Map();
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "[") waiting.push(at);
    else if (text[at] === "]" && waiting.length) found.set(waiting.pop(), at);
  }
  return found;
}

/** A link to another site, where its address is one of the web; its words alone where it is not. */
function outward(url, words) {
  const safe = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  return safe ? h("a", { href: new URL(url).href, target: "_blank", rel: "noopener noreferrer nofollow" }, words) : h("span", null, words);
}

function named(mention, text) {
  const kind = mention.supported ? "mention" : "mention unsupported";
  if (mention.kind !== "movie" || mention.movie_id === null) return h("span", { class: kind }, text);
  return h("a", { class: kind, href: `#/movies/${mention.movie_id}`, dataset: { movie: mention.movie_id } }, text);
}

const DOUBTS = {
  movie: "Nothing that was looked up in this chat brought this title, so it may not fit what you asked.",
  unknown: "This catalogue has no such title.",
  figure: "No result in this chat has this figure. It may be wrong.",
};

function doubt({ kind, movie_id: id, text }) {
  const words = DOUBTS[kind !== "movie" ? "figure" : id === null ? "unknown" : "movie"];
  const note = h("span", { class: "doubt-note", role: "note", hidden: true }, words);
  const onclick = () => mark.setAttribute("aria-expanded", String(!(note.hidden = !note.hidden)));
  const label = `Not backed by the data: ${text}`;
  const mark = h("button", { type: "button", class: "doubt", "aria-expanded": "false", "aria-label": label, title: words, onclick }, "?");
  return h("span", { class: "doubting" }, mark, note);
}

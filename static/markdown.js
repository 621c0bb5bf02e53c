// Markdown into nodes: whatever the text holds, only the nodes below are made, and text stays text.

import { button, h } from "./dom.js";

// Marks of mentions within a text while it is read: START and the mention's own character, the text, END.
const START = "\uE000";
const END = "\uE001";
const FIRST = 0xe100;
const MOST = 0x1700; // mentions that fit the private characters
const PRIVATE = /[\uE000-\uF8FF]/g;
const DEEPEST = 12; // lists and quotes within each other

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^`\n]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?:( +)(.*)|$)/;
const DELIMITERS = /^ *\|?(?: *:?-+:? *\|)+(?: *:?-+:? *)?$|^ *\| *:?-+:? *$/;
const WEB = /^https?:\/\/[^\s<>"\uE000-\uF8FF]+/i;

/**
 * A whole text.
 * @param {string} text
 * @param {Array<Object>} [mentions] as a Message has them; offsets count code points
 * @returns {DocumentFragment}
 */
export function render(text, mentions = []) {
  const fragment = document.createDocumentFragment();
  const told = apart(mentions).slice(0, MOST);
  fragment.append(...blocks(mark(clean(text), told).split("\n"), 0).map((block) => drawn(block, told)));
  return fragment;
}

/** A text that still grows: only its last block is made anew. */
export class Growing {
  #root;
  #rest = ""; // the text from the last block on
  #shown = []; // the nodes of `#rest`

  constructor(root) {
    this.#root = root;
  }

  /** @param {string} delta */
  append(delta) {
    this.#rest += clean(delta);
    const lines = this.#rest.split("\n");
    const found = blocks(lines, 0);
    const nodes = found.map((block) => drawn(block, []));
    this.#shown.forEach((node) => node.remove());
    this.#root.append(...nodes);
    const settled = lastBegun(found, lines.length - 1);
    this.#shown = nodes.slice(settled);
    if (settled) this.#rest = lines.slice(found[settled].line).join("\n");
  }
}

/** The index of the last block that began on a line that is whole: those before it stay as they are. */
function lastBegun(found, wholeLines) {
  let index = found.length - 1;
  while (index > 0 && found[index].line >= wholeLines) index -= 1;
  return Math.max(index, 0);
}

/** Words to be read aloud: the text without its marks. @param {string} text */
export function plain(text) {
  return text
    .replace(/!?\[([^\]]*)\]\([^)\s]*\)/g, "$1")
    .replace(/^[ \t]*(?:#{1,6} |> ?|[-*+] )/gm, "")
    .replace(/[*_`~|]+/g, "")
    .trim();
}

function clean(text) {
  return text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").replace(PRIVATE, "\uFFFD");
}

/** Mentions worth a mark, none within another: a figure only where nothing supports it. */
function apart(mentions) {
  const wanted = mentions.filter(({ kind, supported }) => kind === "movie" || !supported);
  const found = [];
  for (const mention of wanted.toSorted((one, other) => one.start - other.start || other.end - one.end)) {
    const before = found.at(-1);
    if (!before || before.end <= mention.start) found.push(mention);
    else if (mention.kind !== "movie" && before.start < mention.start) found.push({ ...mention, start: Math.max(before.end, mention.start) });
  }
  return found.filter(({ start, end }) => start < end);
}

/** The text with its mentions between marks. */
function mark(text, mentions) {
  if (!mentions.length) return text;
  const points = Array.from(text);
  const opens = new Map();
  const closes = new Set();
  mentions.forEach((mention, index) => {
    if (mention.end > points.length) return;
    opens.set(mention.start, START + String.fromCharCode(FIRST + index));
    closes.add(mention.end);
  });
  const parts = points.map((point, at) => (closes.has(at) ? END : "") + (opens.get(at) ?? "") + point);
  return parts.join("") + (closes.has(points.length) ? END : "");
}

// Blocks. Each has the `line` it begins at.

function blocks(lines, depth) {
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (!bare(lines[at]).trim()) {
      at += 1;
      continue;
    }
    const read = KINDS.find((kind) => kind.begins(lines, at, depth)) ?? PARAGRAPH;
    const { block, next } = read.take(lines, at, depth);
    found.push({ ...block, line: at });
    at = next;
  }
  return found;
}

/** A line without marks of mentions: what its structure is read from. */
function bare(line) {
  return line.includes(START) || line.includes(END) ? line.replace(/\uE000.|\uE001/g, "") : line;
}

const fence = {
  begins: (lines, at) => FENCE.test(lines[at]),
  take(lines, at) {
    const [, ticks, info] = FENCE.exec(lines[at]);
    const indent = indentOf(lines[at]);
    const closing = new RegExp(`^ {0,3}\\${ticks[0]}{${ticks.length},} *$`);
    let end = at + 1;
    while (end < lines.length && !closing.test(lines[end])) end += 1;
    const text = lines.slice(at + 1, end).map((line) => line.slice(Math.min(indent, indentOf(line)))).join("\n");
    return { block: { type: "code", language: bare(info).trim().split(" ")[0], text: bare(text) }, next: end + 1 };
  },
};

const heading = {
  begins: (lines, at) => HEADING.test(lines[at]),
  take(lines, at) {
    const [, marks, text = ""] = HEADING.exec(lines[at]);
    return { block: { type: "heading", level: marks.length, text }, next: at + 1 };
  },
};

const rule = {
  begins: (lines, at) => RULE.test(lines[at]),
  take: (lines, at) => ({ block: { type: "rule" }, next: at + 1 }),
};

const quote = {
  begins: (lines, at, depth) => depth < DEEPEST && QUOTE.test(lines[at]),
  take(lines, at, depth) {
    let end = at;
    while (end < lines.length && QUOTE.test(lines[end])) end += 1;
    const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
    return { block: { type: "quote", inner: blocks(inner, depth + 1) }, next: end };
  },
};

const table = {
  begins: (lines, at) => lines[at].includes("|") && at + 1 < lines.length && DELIMITERS.test(lines[at + 1]),
  take(lines, at) {
    const aligns = cells(lines[at + 1]).map(alignOf);
    let end = at + 2;
    while (end < lines.length && lines[end].includes("|")) end += 1;
    const rows = lines.slice(at + 2, end).map(cells);
    return { block: { type: "table", head: cells(lines[at]), aligns, rows }, next: end };
  },
};

const list = {
  begins: (lines, at, depth) => depth < DEEPEST && itemOf(lines[at]) !== null,
  take(lines, at, depth) {
    const first = itemOf(lines[at]);
    const items = [];
    let end = at;
    while (end < lines.length) {
      const item = itemOf(lines[end]);
      if (!item || item.ordered !== first.ordered || item.indent > first.indent + 1 || RULE.test(lines[end])) break;
      const taken = itemLines(lines, end, item);
      items.push(blocks(taken.inner, depth + 1));
      end = afterBlank(lines, taken.next);
    }
    while (end > at && !bare(lines[end - 1]).trim()) end -= 1;
    return { block: { type: "list", ordered: first.ordered, start: first.start, items }, next: end };
  },
};

const PARAGRAPH = {
  take(lines, at, depth) {
    let end = at + 1;
    while (end < lines.length && bare(lines[end]).trim() && !interrupts(lines, end, depth)) end += 1;
    return { block: { type: "paragraph", text: lines.slice(at, end).join("\n") }, next: end };
  },
};

const KINDS = [fence, heading, rule, quote, list, table];

/** True for a line that ends a paragraph; a number that begins one only as 1. */
function interrupts(lines, at, depth) {
  const item = itemOf(lines[at]);
  if (item && (item.empty || (item.ordered && item.start !== 1))) return false;
  return KINDS.some((kind) => kind.begins(lines, at, depth));
}

function itemOf(line) {
  const match = ITEM.exec(line);
  if (!match) return null;
  const [, space, marker, gap = " ", text = ""] = match;
  const ordered = marker.length > 1;
  const indent = space.length;
  const content = indent + marker.length + (gap.length > 4 ? 1 : gap.length);
  return { indent, content, ordered, start: ordered ? parseInt(marker, 10) : null, empty: !text.trim(), text: line };
}

/** The lines of one item, without their indent: small models indent by two what belongs to "1. ". */
function itemLines(lines, at, item) {
  const inner = [lines[at].slice(item.content)];
  let end = at + 1;
  for (; end < lines.length; end += 1) {
    const blank = !bare(lines[end]).trim();
    const indent = indentOf(lines[end]);
    const belongs = blank || indent >= item.indent + 2;
    const lazy = !blank && bare(lines[end - 1]).trim() && !KINDS.some((kind) => kind.begins(lines, end, 0));
    if (!belongs && !lazy) break;
    if (blank && end + 1 < lines.length && bare(lines[end + 1]).trim() && indentOf(lines[end + 1]) < item.indent + 2) break;
    inner.push(lines[end].slice(Math.min(indent, item.content)));
  }
  return { inner, next: end };
}

function afterBlank(lines, at) {
  while (at < lines.length && !bare(lines[at]).trim()) at += 1;
  return at;
}

function indentOf(line) {
  return line.length - line.trimStart().length;
}

function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function alignOf(cell) {
  if (!cell.endsWith(":")) return "start";
  return cell.startsWith(":") ? "center" : "end";
}

// Nodes

function drawn(block, mentions) {
  return DRAW[block.type](block, (text) => inline(text, mentions), (inner) => inner.map((it) => drawn(it, mentions)));
}

const DRAW = {
  paragraph: ({ text }, words) => h("p", null, words(text)),
  heading: ({ level, text }, words) => h(`h${Math.min(level + 2, 6)}`, null, words(text)),
  rule: () => h("hr"),
  quote: ({ inner }, words, within) => h("blockquote", null, within(inner)),
  code: ({ language, text }) => codeBlock(language, text),
  list: ({ ordered, start, items }, words, within) =>
    h(ordered ? "ol" : "ul", { start: ordered && start !== 1 ? start : null }, items.map((item) => itemNode(item, words, within))),
  table: ({ head, aligns, rows }, words) => {
    const cell = (tag) => (text, column) => h(tag, { class: aligns[column] ?? "start", scope: tag === "th" && "col" }, words(text));
    const body = rows.map((row) => h("tr", null, head.map((_, column) => cell("td")(row[column] ?? "", column))));
    const drawnTable = h("table", null, h("thead", null, h("tr", null, head.map(cell("th")))), h("tbody", null, body));
    return h("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Table" }, drawnTable);
  },
};

function itemNode(item, words, within) {
  const [first, ...rest] = item;
  if (first?.type !== "paragraph") return h("li", null, within(item));
  const box = /^\[([ xX])\] +/.exec(first.text);
  const mark = box && h("span", { class: "box", role: "img", "aria-label": box[1] === " " ? "not done" : "done" }, box[1] === " " ? "☐" : "☑");
  return h("li", null, mark, words(box ? first.text.slice(box[0].length) : first.text), within(rest));
}

function codeBlock(language, text) {
  const copy = button("copy", "Copy code", () => navigator.clipboard?.writeText(text));
  const head = h("div", { class: "code-head" }, h("span", null, language || "text"), copy);
  return h("div", { class: "code" }, head, h("pre", { tabindex: "0" }, h("code", null, text)));
}

// Words within a block: a list of nodes, and marks of emphasis that wait for their partner

function inline(text, mentions) {
  const reader = new Words(text, mentions);
  return reader.read();
}

const CHARACTERS = {
  "\\": "escape", "`": "code", "*": "emphasis", _: "emphasis", "~": "emphasis", "[": "link", "!": "image", "<": "address",
  h: "web", H: "web", "\n": "newline", [START]: "mention", [END]: "mentionEnd",
};

class Words {
  #text;
  #mentions;
  #at = 0;
  #plain = "";
  #out = [];
  #mention = null;
  #named = false;
  #open = new Map(); // a mark → places in #out where it may have begun
  #closing; // "[" → its "]"
  #runs = new Map(); // place of backticks → how many
  #closers = new Map(); // how many → their places

  constructor(text, mentions) {
    this.#text = text;
    this.#mentions = mentions;
    this.#closing = brackets(text);
    for (const { 0: run, index } of text.matchAll(/`+/g)) {
      this.#runs.set(index, run.length);
      if (!this.#closers.has(run.length)) this.#closers.set(run.length, []);
      this.#closers.get(run.length).push(index);
    }
  }

  read() {
    while (this.#at < this.#text.length) {
      const name = CHARACTERS[this.#text[this.#at]];
      if (!name || !this[name]()) {
        this.#plain += this.#text[this.#at];
        this.#at += 1;
      }
    }
    this.#flush();
    return this.#out.map((part) => (part instanceof Node ? part : part.mark));
  }

  #flush() {
    const linked = this.#mention && !this.#named && this.#plain.trim();
    if (this.#plain) this.#out.push(linked ? named(this.#mention, this.#plain) : new Text(this.#plain));
    this.#named ||= Boolean(linked); // what goes on behind a mark of emphasis, "** (1995)", is no link of its own
    this.#plain = "";
  }

  #push(node, length) {
    this.#flush();
    this.#out.push(node);
    this.#at += length;
    return true;
  }

  escape() {
    const next = this.#text[this.#at + 1];
    if (next === "\n") return this.#push(h("br"), 2);
    if (!next || !/[!-/:-@[-`{-~]/.test(next)) return false;
    this.#plain += next;
    this.#at += 2;
    return true;
  }

  newline() {
    const broken = this.#plain.endsWith("  ");
    this.#plain = this.#plain.trimEnd();
    if (broken) return this.#push(h("br"), 1);
    this.#plain += "\n";
    this.#at += 1;
    return true;
  }

  code() {
    const ticks = this.#runs.get(this.#at) ?? 1;
    const places = this.#closers.get(ticks) ?? [];
    while (places.length && places[0] <= this.#at) places.shift();
    if (!places.length) {
      this.#plain += "`".repeat(ticks);
      this.#at += ticks;
      return true;
    }
    const inner = bare(this.#text.slice(this.#at + ticks, places[0])).replaceAll("\n", " ");
    return this.#push(h("code", null, inner.replace(/^ (.*[^ ].*) $/, "$1")), places[0] + ticks - this.#at);
  }

  link() {
    const found = target(this.#text, this.#at, this.#closing);
    if (!found) return false;
    const words = inline(bare(this.#text.slice(this.#at + 1, found.close)), []);
    return this.#push(outward(found.url, words), found.end - this.#at);
  }

  image() {
    const found = this.#text[this.#at + 1] === "[" && target(this.#text, this.#at + 1, this.#closing);
    if (!found) return false;
    const words = bare(this.#text.slice(this.#at + 2, found.close)) || "image";
    return this.#push(outward(found.url, [words]), found.end - this.#at);
  }

  address() {
    const end = this.#text.indexOf(">", this.#at);
    const url = end > 0 && end - this.#at < 2000 ? this.#text.slice(this.#at + 1, end) : "";
    return WEB.exec(url)?.[0] === url && url ? this.#push(outward(url, [url]), url.length + 2) : false;
  }

  web() {
    if (/\w/.test(this.#text[this.#at - 1] ?? "")) return false;
    const url = WEB.exec(this.#text.slice(this.#at, this.#at + 2000))?.[0].replace(/[.,:;!?'"*_)\]]+$/, "");
    return url ? this.#push(outward(url, [url]), url.length) : false;
  }

  mention() {
    this.#flush();
    this.#mention = this.#mentions[this.#text.charCodeAt(this.#at + 1) - FIRST] ?? null;
    this.#named = false;
    this.#at += 2;
    return true;
  }

  mentionEnd() {
    this.#flush();
    if (this.#mention && !this.#mention.supported) this.#out.push(doubt(this.#mention));
    this.#mention = null;
    this.#at += 1;
    return true;
  }

  emphasis() {
    const sign = this.#text[this.#at];
    let end = this.#at;
    while (this.#text[end] === sign) end += 1;
    const count = end - this.#at;
    const { opens, closes } = flanks(this.#text, this.#at, end, sign);
    if (sign === "~" && count !== 2) return false;
    this.#flush();
    this.#at = end;
    const left = closes ? this.#close(sign, count, opens) : count;
    if (left && opens) this.#begin(sign, left, closes);
    else if (left) this.#out.push(new Text(sign.repeat(left)));
    return true;
  }

  #begin(sign, count, closes) {
    if (!this.#open.has(sign)) this.#open.set(sign, []);
    this.#open.get(sign).push(this.#out.length);
    this.#out.push({ mark: sign.repeat(count), count, closes });
  }

  /** Wraps what stands since the partner of a closing mark; how many signs were left over. */
  #close(sign, count, opens) {
    const places = this.#open.get(sign) ?? [];
    while (count && places.length) {
      const place = places.at(-1);
      const opener = this.#out[place];
      const three = (opener.count + count) % 3 === 0 && (opener.count % 3 || count % 3);
      if ((opens || opener.closes) && three) break; // CommonMark 0.31, rule 9
      const size = Math.min(count, this.#out[place].mark.length, 2);
      const inner = this.#out.splice(place + 1).map((part) => (part instanceof Node ? part : part.mark));
      for (const others of this.#open.values()) while (others.at(-1) > place) others.pop();
      this.#out[place].mark = this.#out[place].mark.slice(size);
      if (!this.#out[place].mark) {
        this.#out.pop();
        places.pop();
      }
      this.#out.push(h(sign === "~" ? "del" : size === 2 ? "strong" : "em", null, inner));
      count -= size;
    }
    return count;
  }
}

/** Whether signs can open and close emphasis, from what stands beside them (CommonMark 0.31, section 6.2). */
function flanks(text, start, end, sign) {
  const before = text[start - 1] ?? " ";
  const after = text[end] ?? " ";
  const space = /\s/;
  const mark = /[^\s\p{L}\p{N}\uE000-\uF8FF]/u;
  const left = !space.test(after) && (!mark.test(after) || space.test(before) || mark.test(before));
  const right = !space.test(before) && (!mark.test(before) || space.test(after) || mark.test(after));
  if (sign !== "_") return { opens: left, closes: right };
  return { opens: left && (!right || mark.test(before)), closes: right && (!left || mark.test(after)) };
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

function target(text, at, closing) {
  const close = closing.get(at);
  if (close === undefined || text[close + 1] !== "(") return null;
  const rest = bare(text.slice(close + 2, close + 2100));
  const match = /^\s*<?((?:[^\s()<>]|\([^\s()<>]*\))*)>?(?:\s+"[^"]*"|\s+'[^']*')?\s*\)/.exec(rest);
  if (!match) return null;
  return { url: match[1], close, end: close + 2 + lengthWithMarks(text, close + 2, match[0].length) };
}

/** How long a stretch of so many characters is with the marks of mentions in it. */
function lengthWithMarks(text, from, length) {
  let at = from;
  for (let left = length; left > 0 || text[at] === END; ) {
    if (text[at] === START) at += 2;
    else if (text[at] === END) at += 1;
    else {
      at += 1;
      left -= 1;
    }
  }
  return at - from;
}

/** A link to another site, where its address is one of the web; its words alone where it is not. */
function outward(url, words) {
  const safe = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  if (!safe) return h("span", null, words);
  return h("a", { href: new URL(url).href, target: "_blank", rel: "noopener noreferrer nofollow" }, words);
}

// Mentions

function named(mention, text) {
  const kind = mention.supported ? "mention" : "mention unsupported";
  if (mention.kind === "movie" && mention.movie_id !== null) {
    return h("a", { class: kind, href: `#/movies/${mention.movie_id}`, dataset: { movie: mention.movie_id } }, text);
  }
  return mention.supported ? new Text(text) : h("span", { class: kind }, text);
}

const DOUBTS = {
  movie: "Nothing that was looked up in this chat brought this title, so it may not fit what you asked.",
  unknown: "This catalogue has no such title.",
  figure: "No result in this chat has this figure. It may be wrong.",
};

function doubt(mention) {
  const known = mention.movie_id !== null ? "movie" : "unknown";
  const words = DOUBTS[mention.kind === "movie" ? known : "figure"];
  const note = h("span", { class: "doubt-note", role: "note", hidden: true }, words);
  const mark = h("button", {
    type: "button", class: "doubt", "aria-expanded": "false", "aria-label": `Not backed by the data: ${mention.text}`, title: words,
    onclick: () => {
      note.hidden = !note.hidden;
      mark.setAttribute("aria-expanded", String(!note.hidden));
    },
  }, "?");
  return h("span", { class: "doubting" }, mark, note);
}

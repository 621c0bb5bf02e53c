// Markdown described as nodes: whatever a text holds, only the nodes below come of it, and text stays text.

import { button, h, outward } from "./dom.js";

// Characters of our own: around a mention (START, the mention's own one, its words, END), and where a line breaks
const [START, END, BREAK] = "\uE000\uE001\uE002";
const FIRST = 0xe100;
const MOST = 0x1700;
const DEEPEST = 12; // lists and quotes within each other

let told = {}; // of the text that is read: its mentions, and the one that is being read

/** A text as descriptions of nodes. `mentions`: as a Message has them; their offsets count code points. */
export function render(text, mentions = []) {
  told = { mentions: apart(mentions).slice(0, MOST) };
  return read(marked(clean(text), told.mentions).split("\n"), 0);
}

const textOf = (it) => it.children?.map(textOf).join("") ?? it;

export const plain = (text) => render(text).map(textOf).join("").replace(/\|[|:\s-]*/g, " ").trim();

const clean = (text) => text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").replace(/[\uE000-\uF8FF]/g, "\uFFFD");
const bare = (text) => text.replace(/\uE000.|\uE001/g, "");

/** Mentions worth a mark, none within another: a figure only where nothing supports it. */
function apart(mentions) {
  const found = [];
  for (const it of mentions.toSorted((one, other) => one.start - other.start || other.end - one.end)) {
    const start = Math.max(it.start, found.at(-1)?.end ?? 0);
    const telling = it.kind === "movie" ? start === it.start : !it.supported;
    if (telling && start < it.end) found.push({ ...it, start });
  }
  return found;
}

function marked(text, mentions) {
  const points = Array.from(text);
  mentions.forEach(({ start, end }, index) => {
    if (end > points.length) return;
    points[start] = START + String.fromCharCode(FIRST + index) + points[start];
    points[end - 1] += END;
  });
  return points.join("").replace(/https?:\/\/\S+/gi, bare); // an address stays whole
}

// Blocks: a node, and the line after it

const FENCE = /^ {0,3}(`{3,}|~{3,}) *([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?: +(.*?))??(?: +#+)? *$/;
const RULE = /^ {0,3}(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?:( +)(.*)|$)/;
const COLUMNS = /^ *\|?(?: *:?-+:? *\|)+(?: *:?-+:? *)?$|^ *\| *:?-+:? *$/;

function read(lines, depth) {
  const nodes = [];
  for (let at = 0; at < lines.length; ) {
    const [node, end] = isBlank(lines[at]) ? [null, at + 1] : block(lines, at, depth);
    if (node) nodes.push(node);
    at = end;
  }
  return nodes;
}

function block(lines, at, depth) {
  for (const kind of KINDS) {
    const found = kind(lines, at, depth);
    if (found) return found;
  }
  return null;
}

const isBlank = (line) => !line?.trim();
const indentOf = (line) => line.length - line.trimStart().length;
const dedent = (line, most) => line.slice(Math.min(indentOf(line), most));

/** The first line from `at` on that is not like this, or the end. */
function past(lines, at, like) {
  const found = lines.findIndex((line, index) => index >= at && !like(line, index));
  return found < 0 ? lines.length : found;
}

function fence(lines, at) {
  const [, ticks, name] = FENCE.exec(lines[at]) ?? [];
  if (!ticks) return null;
  const closing = new RegExp(`^ {0,3}${ticks[0]}{${ticks.length},} *$`);
  const end = past(lines, at + 1, (line) => !closing.test(line));
  const text = lines.slice(at + 1, end).map((line) => dedent(line, indentOf(lines[at]))).join("\n");
  return [code(bare(text), bare(name).split(" ")[0] || "text"), end + 1];
}

function heading(lines, at) {
  const [, signs, text] = HEADING.exec(lines[at]) ?? [];
  return signs && [h(`h${Math.min(signs.length + 2, 6)}`, inline(text)), at + 1];
}

const rule = (lines, at) => RULE.test(lines[at]) && [h("hr"), at + 1];

function quote(lines, at, depth) {
  const end = depth > DEEPEST ? at : past(lines, at, (line) => QUOTE.test(line));
  const inside = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return end > at && [h("blockquote", read(inside, depth + 1)), end];
}

const isTable = (lines, at) => lines[at].includes("|") && COLUMNS.test(lines[at + 1] ?? "");

function table(lines, at) {
  if (!isTable(lines, at)) return null;
  const end = past(lines, at + 2, (line) => line.includes("|"));
  const [names, sides, ...rows] = lines.slice(at, end).map(cells);
  const classes = sides.map((side) => side.endsWith(":") && (side[0] === ":" ? "center" : "end"));
  const row = (tag) => (texts) =>
    h("tr", names.map((_, column) => h(tag, { class: classes[column] }, inline(texts[column]))));
  const whole = h("table", h("thead", row("th")(names)), h("tbody", rows.map(row("td"))));
  return [h("div.table", { tabindex: "0", role: "region", label: "Table" }, whole), end];
}

function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function list(lines, at, depth) {
  const first = depth <= DEEPEST && itemOf(lines[at]);
  if (!first) return null;
  const items = [];
  let end = at;
  for (let next = at; next < lines.length; next = past(lines, end, isBlank)) {
    const item = itemOf(lines[next]);
    if (item?.ordered !== first.ordered || item.indent > first.indent + 1 || RULE.test(lines[next])) break;
    end = endOfItem(lines, next, item);
    items.push(itemNode(lines.slice(next, end), item, depth + 1));
  }
  const start = first.ordered && first.start !== 1 && String(first.start);
  return [h(first.ordered ? "ol" : "ul", { start }, items), end];
}

function itemOf(line) {
  const [match, space, marker, gap = " ", text] = ITEM.exec(line) ?? [];
  if (match === undefined) return null;
  const indent = space.length;
  const content = indent + marker.length + (gap.length > 4 ? 1 : gap.length);
  return { indent, content, ordered: marker.length > 1, start: parseInt(marker, 10), empty: isBlank(text) };
}

/** Small models indent by two what belongs to "1. ". */
function endOfItem(lines, at, { indent }) {
  const belongs = (line) => indentOf(line) >= indent + 2;
  return past(lines, at + 1, (line, index) => {
    if (isBlank(line)) return isBlank(lines[index + 1]) || belongs(lines[index + 1]);
    return belongs(line) || !(isBlank(lines[index - 1]) || begins(lines, index));
  });
}

function itemNode([line, ...rest], { content }, depth) {
  const [box, state] = /^\[([ xX])\] +(?=\S)/.exec(line.slice(content)) ?? [""];
  const parts = read([line.slice(content + box.length), ...rest.map((it) => dedent(it, content))], depth);
  const words = parts[0]?.tag === "p" ? parts.shift().children : [];
  const [sign, label] = state === " " ? ["☐", "not done"] : ["☑", "done"];
  return h("li", state && h("span.box", { role: "img", label }, sign), words, parts);
}

const begins = (lines, at) =>
  [FENCE, HEADING, RULE, QUOTE, ITEM].some((kind) => kind.test(lines[at])) || isTable(lines, at);

/** True for a line that ends a paragraph; a number does so only as 1. */
function interrupts(lines, at) {
  const item = itemOf(lines[at]);
  return begins(lines, at) && !item?.empty && !(item?.start > 1);
}

function paragraph(lines, at) {
  const end = past(lines, at + 1, (line, index) => !isBlank(line) && !interrupts(lines, index));
  const broken = (line) => line.replace(/\\$/, "").trimEnd() + BREAK;
  const said = lines.slice(at, end).map((line) => (/ {2}$|\\$/.test(line) ? broken(line) : `${line.trimEnd()}\n`));
  return [h("p", inline(said.join("").slice(0, -1))), end];
}

const KINDS = [fence, heading, rule, quote, list, table, paragraph];

function code(text, name) {
  const copy = button("copy", "Copy code", () => navigator.clipboard?.writeText(text));
  return h("div.code", h("div.code-head", h("span", name), copy), h("pre", { tabindex: "0" }, h("code", text)));
}

// Words within a block: by their first character what they may be, and the node that is made of them

const WORD = "[^\\s<>\"\uE000-\uF8FF]";
const WEB = new RegExp(`(?<!\\w)https?://${WORD}{0,2000}${WORD.replace("\\s", "\\s.,:;!?'*_)\\]")}`, "yi");
const TARGET = "\\(\\s*<?((?:[^\\s()<>\uE000\uE001]|\\([^\\s()<>]*\\))*)>?(?:\\s+(?:\"[^\"]*\"|'[^']*'))?\\s*\\)";
const LINK = new RegExp(`!?\\[((?:[^[\\]\\\\]|\\\\.|\\[[^[\\]]{0,500}\\]){0,1000})\\]${TARGET}`, "ys");
const address = ([whole, url = whole]) => away(url, url);
const web = [WEB, address];
const link = [LINK, ([whole, words, url]) =>
  away(url, whole[0] === "!" ? bare(words) || "image" : unmentioned(bare(words)))];
const coded = ([, , inner]) => h("code", bare(inner).replaceAll("\n", " ").replace(/^ (.*[^ ].*) $/, "$1"));
const emphasis = ([, signs, inner]) => {
  const tags = signs[0] === "~" ? ["del"] : [[], ["em"], ["strong"], ["em", "strong"]][signs.length];
  return tags.reduceRight((inside, tag) => [h(tag, inside)], inline(inner));
};

/** Between one, two or three signs of a kind, with nothing of `beside` around them. */
function around(sign, beside = sign) {
  const opening = `(?<!${beside}|${sign})(${sign}{1,3})(?![\\s${sign}])`;
  const inner = `((?:\\\\.|[^\\\\]){0,1000}?[^\\s\\\\${sign}])`;
  return [new RegExp(`${opening}${inner}\\1(?!${beside}|${sign})`, "ysu"), emphasis];
}

const begin = ([, name]) => {
  told.now = told.mentions[name.charCodeAt(0) - FIRST];
  told.named = false;
};
const end = () => {
  const { now } = told;
  told.now = null;
  return now?.supported === false && doubt(now);
};

const SIGNS = {
  "\\": [/\\([!-/:-@[-`{-~])/y],
  "`": [/(?<!`)(`+)(?!`)(.{0,4000}?[^`])\1(?!`)/ys, coded],
  "*": around("\\*"),
  _: around("_", "[\\p{L}\\p{N}]"),
  "~": around("~"),
  "[": link,
  "!": link,
  "<": [/<(https?:\/\/[^\s<>]{1,2000})>/yi, address],
  h: web,
  [BREAK]: [/\uE002/y, () => h("br")],
  [START]: [/\uE000(.)/y, begin],
  [END]: [/\uE001/y, end],
};

function inline(text = "") {
  const nodes = [];
  let words = "";
  const put = (...made) => {
    const linked = told.now && !told.named && words.trim();
    if (words) nodes.push(linked ? named(told.now, words) : words);
    told.named ||= Boolean(linked); // what goes on behind a mark of emphasis, "** (1995)", is no link of its own
    words = "";
    nodes.push(...made);
  };
  for (let at = 0; at < text.length; ) {
    const [pattern, make] = SIGNS[text[at]] ?? [];
    if (pattern) pattern.lastIndex = at;
    const match = pattern?.exec(text);
    if (match && make) {
      put();
      put(...[make(match) || []].flat());
    } else words += match?.[1] ?? text[at];
    at += match?.[0].length ?? 1;
  }
  put();
  return nodes;
}

/** Words that link elsewhere already. */
function unmentioned(text) {
  const before = told;
  told = {};
  const nodes = inline(text);
  told = before;
  return nodes;
}

/** A link to another site, where its address is one of the web; its words alone where it is not. */
const away = (url, words) =>
  (/^https?:/i.test(url) && URL.canParse(url) ? outward(new URL(url).href, words) : h("span", words));

function named({ kind, movie_id: id, supported }, text) {
  const tag = supported ? "mention" : "mention.unsupported";
  return kind === "movie" && id !== null ? h(`a.${tag}`, { href: `#/movies/${id}` }, text) : h(`span.${tag}`, text);
}

function doubt({ kind, movie_id: id, text }) {
  const unknown = id === null && "This catalogue has no such title.";
  const unbacked = "Nothing that was looked up brought this title, so it may not fit.";
  const wrong = "No result in this chat has this figure. It may be wrong.";
  const title = kind === "movie" ? unknown || unbacked : wrong;
  return h("details.doubt", h("summary", { label: `Not backed by the data: ${text}`, title }, "?"), title);
}

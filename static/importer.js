// An export of another service: dropped or chosen, looked over, brought in.

import { announce, called, counted, h, icon, listed, redraw, textButton } from "./dom.js";
import { request } from "./api.js";
import { note } from "./cards.js";
import { trouble } from "./panel.js";

const SHOWN = 100; // rows of a kind
const TOLD = {
  new: "new", changed: "changed", unchanged: "already here", older: "rated here since", seen: "seen, without stars",
  ambiguous: "to choose", unknown: "not found", invalid: "not readable", duplicate: "twice in the file",
};
const KINDS =
  "Letterboxd, IMDb, Trakt or MovieLens: CSV, JSON or ZIP. You see what was understood before anything is stored.";

/** What describes the part; `done` is told when ratings came in. */
export function importer(done) {
  const start = () => chooser((file) => send(file, { preview: true }, look));
  const another = () => textButton("plus", "Another file", () => draws(start));
  let view = start;
  const draws = (describe) => {
    view = describe;
    redraw();
  };
  const look = (report, file) => {
    const chosen = new Map(); // movie id by row
    const take = () => send(file, { choices: [...chosen].map((pair) => pair.join(":")).join() }, finish);
    announce(`${report.detected}: ${tally(report.counts)}`);
    draws(() => [preview(report, chosen, take), another()]);
  };
  const finish = ({ rows, counts }) => {
    const stored = rows.filter(({ effect, stars }) => stars && (effect === "new" || effect === "changed"));
    for (const { movie, stars } of stored) note(movie.movie_id, stars);
    announce(`Imported: ${tally(counts)}.`);
    const told = { role: "status", testid: "import-done" };
    draws(() => [h("p", told, h("strong", "Done: "), `${tally(counts)}.`), another()]);
    done({});
  };
  async function send(file, query, then) {
    draws(() => h("p", { role: "status" }, `Reading ${file.name}…`));
    const body = file.slice(0, file.size, "application/octet-stream");
    const named = { ...query, filename: file.name.slice(-255) };
    try {
      then(await request("POST", "/ratings/import", { body, query: named }), file);
    } catch (error) {
      draws(() => [trouble(error, () => send(file, query, then)), another()]);
    }
  }
  return () => h("div.import", view());
}

let over = false; // the zone, with a file

function chooser(take) {
  const onchange = ({ target }) => take(target.files[0]);
  const drag = (event) => {
    event.preventDefault();
    over = event.type === "dragover";
    const file = event.type === "drop" && event.dataTransfer.files[0];
    if (file) take(file);
  };
  return h("label.drop-zone", { class: over && "over", ondragover: drag, ondragleave: drag, ondrop: drag },
    h("input.visually-hidden", { type: "file", accept: ".csv,.json,.zip", onchange }),
    icon("export"),
    h("strong", "Drop an export here, or choose a file"),
    h("span.muted", KINDS));
}

/** What a file holds, with a choice for each row that is not certain. */
function preview({ counts, detected, notes, rows }, chosen, take) {
  const choice = ({ row, title, candidates }) => {
    const oninput = ({ target: { value } }) => (value ? chosen.set(row, value) : chosen.delete(row));
    const options = candidates.map((movie) => h("option", { value: movie.movie_id }, called(movie)));
    const props = { label: `Which movie is ${title}?`, oninput, value: chosen.get(row) ?? "" };
    return h("select.field", props, h("option", { value: "" }, "Leave out"), options);
  };
  const words = ({ reason, movie, title, effect }) => {
    const other = movie && movie.title !== title && called(movie);
    return h("span.muted", reason ?? [other, TOLD[effect]].filter(Boolean).join(", "));
  };
  const of = (...statuses) => rows.filter(({ status }) => statuses.includes(status));
  const all = counts.new + counts.changed + counts.seen + chosen.size;
  const go = all ? `Import ${counted(all, "movie")}` : "Nothing new to import";
  return [
    h("p", { testid: "import-preview" }, h("strong", detected), ` – ${tally(counts)}`),
    notes.map((text) => h("p.notice", text)),
    group("Which one is it?", of("ambiguous"), choice),
    group("Matched", of("matched", "unrated"), words),
    group("Left out", of("unknown", "invalid", "duplicate"), words),
    textButton("check", go, take, { class: "primary", disabled: !all }),
  ];
}

function tally(counts) {
  const found = Object.entries(TOLD).filter(([name]) => counts[name]);
  return listed(found.map(([name, words]) => `${counts[name].toLocaleString("en")} ${words}`)) || "nothing in it";
}

function group(title, found, beside) {
  const stars = (row) => row.stars && h("span.muted", ` ${row.stars} ★`);
  const line = (row) => h("li", h("span", called(row), stars(row)), h("span.spread"), beside(row));
  const rest = found.length - SHOWN;
  return h("details", { hidden: !found.length, open: title.endsWith("?") },
    h("summary", `${title} (${found.length.toLocaleString("en")})`),
    h("ul.rows", found.slice(0, SHOWN).map(line), rest > 0 && h("li.muted", `and ${rest.toLocaleString("en")} more`)));
}

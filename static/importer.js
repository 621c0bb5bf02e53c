// An export of another service: dropped or chosen, looked over, brought in.

import { announce, button, clear, h, icon } from "./dom.js";
import { request } from "./api.js";
import { called } from "./cards.js";
import { counted } from "./plots.js";
import { listed, trouble } from "./panel.js";
import { note } from "./ratings.js";

const SHOWN = 100; // rows of a kind
const TOLD = { new: "new", changed: "changed", unchanged: "already here", older: "rated here since", seen: "seen, without stars", ambiguous: "to choose", unknown: "not found", invalid: "not readable", duplicate: "twice in the file" };

/** @param {() => void} done called when something was stored @returns {HTMLElement} */
export function importer(done) {
  const body = h("div", { class: "import" });
  const start = () => clear(body).append(chooser((file) => send(file, { preview: true }, look)));
  const another = (words) => button("plus", words, start, { text: true });
  const look = (report, file) => clear(body).append(...preview(report, (choices) => send(file, { choices }, finish)), another("Another file"));
  const finish = (report) => {
    for (const row of report.rows) if (["new", "changed"].includes(row.effect) && row.stars) note(row.movie.movie_id, row.stars);
    announce(`Imported: ${tally(report.counts)}.`);
    clear(body).append(h("p", { role: "status", dataset: { testid: "import-done" } }, h("strong", null, "Done: "), `${tally(report.counts)}.`), another("Another file"));
    done();
  };
  async function send(file, query, then) {
    clear(body).append(h("p", { role: "status" }, `Reading ${file.name}…`));
    try {
      then(await request("POST", "/ratings/import", { body: file, query: { ...query, filename: file.name.slice(-255) } }), file);
    } catch (error) {
      clear(body).append(trouble(error, () => send(file, query, then)), another("Another file"));
    }
  }
  start();
  return body;
}

function chooser(take) {
  const field = h("input", { type: "file", class: "visually-hidden", accept: ".csv,.json,.zip", onchange: () => take(field.files[0]) });
  const over = (event) => {
    event.preventDefault();
    zone.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop" && event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  };
  const zone = h("label", { class: "drop-zone", ondragover: over, ondragleave: over, ondrop: over }, field, icon("export"), h("strong", null, "Drop an export here, or choose a file"),
    h("span", { class: "muted" }, "Letterboxd, IMDb, Trakt or MovieLens: CSV, JSON or ZIP. You see what was understood before anything is stored."));
  return zone;
}

/** What a file holds, with a choice for each row that is not certain. */
function preview(report, take) {
  const { counts } = report;
  const chosen = new Map();
  const label = h("span");
  const go = h("button", { type: "button", class: "button primary", onclick: () => take([...chosen].map((pair) => pair.join(":")).join()) }, icon("check"), label);
  const count = () => {
    const all = counts.new + counts.changed + counts.seen + chosen.size;
    label.textContent = all ? `Import ${counted(all, "movie")}` : "Nothing new to import";
    go.disabled = !all;
  };
  const choice = (row) => h("select", { class: "field", "aria-label": `Which movie is ${row.title}?`, oninput: ({ target }) => {
    if (target.value) chosen.set(row.row, target.value);
    else chosen.delete(row.row);
    count();
  } }, h("option", { value: "" }, "Leave out"), row.candidates.map((movie) => h("option", { value: movie.movie_id }, called(movie))));
  const words = (row) => h("span", { class: "muted" }, row.reason ?? [row.movie && row.movie.title !== row.title && called(row.movie), TOLD[row.effect]].filter(Boolean).join(", "));
  count();
  announce(`${report.detected}: ${tally(counts)}`);
  return [h("p", { dataset: { testid: "import-preview" } }, h("strong", null, report.detected), ` – ${tally(counts)}`), report.notes.map((text) => h("p", { class: "notice" }, text)),
    group("Which one is it?", report.rows, ["ambiguous"], choice), group("Matched", report.rows, ["matched", "unrated"], words), group("Left out", report.rows, ["unknown", "invalid", "duplicate"], words), go].flat();
}

function tally(counts) {
  return listed(Object.entries(TOLD).filter(([name]) => counts[name]).map(([name, words]) => `${counts[name].toLocaleString("en")} ${words}`)) || "nothing in it";
}

function group(title, rows, statuses, beside) {
  const found = rows.filter((row) => statuses.includes(row.status));
  const line = (row) => h("li", null, h("span", null, called(row), row.stars !== null && h("span", { class: "muted" }, ` ${row.stars} ★`)), h("span", { class: "spread" }), beside(row));
  return h("details", { hidden: !found.length, open: statuses[0] === "ambiguous" }, h("summary", null, `${title} (${found.length.toLocaleString("en")})`),
    h("ul", { class: "rows" }, found.slice(0, SHOWN).map(line), found.length > SHOWN && h("li", { class: "muted" }, `and ${(found.length - SHOWN).toLocaleString("en")} more`)));
}

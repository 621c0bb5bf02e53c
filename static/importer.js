// An export of another service: dropped or chosen, looked over, brought in.

import { announce, button, clear, h, icon } from "./dom.js";
import { request } from "./api.js";
import { called } from "./cards.js";
import { counted } from "./plots.js";
import { listed, trouble } from "./panel.js";
import { note } from "./ratings.js";

const SHOWN = 100; // rows of a kind

/** @param {() => void} done called when something was stored @returns {HTMLElement} */
export function importer(done) {
  const body = h("div", { class: "import" });
  const start = () => clear(body).append(chooser((file) => look(file)));
  const look = (file) => send(file, { preview: true }, (report) => clear(body).append(preview(report, start, (choices) => take(file, choices))), () => look(file));
  const take = (file, choices) => send(file, { choices }, (report) => {
    for (const row of report.rows) if (["new", "changed"].includes(row.effect) && row.stars) note(row.movie.movie_id, row.stars);
    clear(body).append(finished(report, start));
    done();
  }, () => take(file, choices));
  async function send(file, query, then, again) {
    clear(body).append(h("p", { role: "status", class: "import-wait" }, `Reading ${file.name}…`));
    try {
      then(await request("POST", "/ratings/import", { body: file, query: { ...query, filename: file.name.slice(-255) } }));
    } catch (error) {
      clear(body).append(trouble(error, again), button("close", "Another file", start, { text: true }));
    }
  }
  start();
  return body;
}

function chooser(take) {
  const field = h("input", { type: "file", class: "visually-hidden", accept: ".csv,.json,.zip,text/csv,application/json,application/zip", dataset: { testid: "import-file" }, onchange: () => field.files[0] && take(field.files[0]) });
  const over = (yes) => (event) => {
    event.preventDefault();
    zone.classList.toggle("over", yes);
  };
  const zone = h("label", { class: "drop-zone", ondragover: over(true), ondragleave: over(false), ondrop: (event) => {
    over(false)(event);
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  } }, field, icon("export"), h("strong", null, "Drop an export here, or choose a file"),
  h("span", { class: "muted" }, "Letterboxd, IMDb, Trakt or MovieLens: CSV, JSON or ZIP. You see what was understood before anything is stored."));
  return zone;
}

function preview(report, cancel, take) {
  const rows = (...kinds) => report.rows.filter((row) => kinds.includes(row.status));
  const fresh = report.counts.new + report.counts.changed + report.counts.seen;
  const chosen = new Map();
  const go = button("check", "", () => take([...chosen].map(([row, movie]) => `${row}:${movie}`).join(",")), { text: true, class: "button primary", "data-testid": "import-go" });
  const count = () => {
    const all = fresh + chosen.size;
    go.querySelector("span").textContent = all ? `Import ${counted(all, "movie")}` : "Nothing new to import";
    go.disabled = all === 0;
  };
  count();
  announce(`${report.detected}: ${tally(report.counts)}`);
  const choose = (row) => h("li", null, entry(row), h("select", { class: "field", "aria-label": `Which movie is ${row.title}?`, onchange: ({ target }) => {
    if (target.value) chosen.set(row.row, target.value);
    else chosen.delete(row.row);
    count();
  } }, h("option", { value: "" }, "Leave out"), row.candidates.map((movie) => h("option", { value: movie.movie_id }, called(movie)))));
  return h("div", { class: "import-preview", dataset: { testid: "import-preview" } },
    h("p", null, h("strong", null, report.detected), ` – ${tally(report.counts)}`), report.notes.map((words) => h("p", { class: "notice" }, words)),
    group("Which one is it?", rows("ambiguous"), choose, true), group("Matched", rows("matched", "unrated"), (row) => h("li", null, entry(row), h("span", { class: "muted" }, effect(row)))),
    group("Not found or not readable", rows("unknown", "invalid", "duplicate"), (row) => h("li", null, entry(row), h("span", { class: "muted" }, row.reason ?? row.status))),
    h("div", { class: "row" }, go, button("close", "Cancel", cancel, { text: true })));
}

function tally(counts) {
  const parts = [["new"], ["changed"], ["unchanged", "already here"], ["older", "rated here since"], ["seen", "seen, without stars"], ["ambiguous", "to choose"], ["unknown", "not found"], ["invalid", "not readable"], ["duplicate", "twice in the file"]];
  return listed(parts.filter(([name]) => counts[name]).map(([name, words]) => `${counts[name].toLocaleString("en")} ${words ?? name}`)) || "nothing in it";
}

function group(title, rows, draw, open = false) {
  if (!rows.length) return null;
  return h("details", { class: "import-group", open }, h("summary", null, `${title} (${rows.length.toLocaleString("en")})`),
    h("ul", null, rows.slice(0, SHOWN).map(draw), rows.length > SHOWN && h("li", { class: "muted" }, `and ${(rows.length - SHOWN).toLocaleString("en")} more`)));
}

const entry = (row) => h("span", { class: "import-entry" }, row.year ? `${row.title} (${row.year})` : row.title, row.stars !== null && h("span", { class: "muted" }, ` ${row.stars} ★`));

function effect(row) {
  const words = { new: "new", changed: `was ${row.already} ★`, unchanged: "already here", older: `you gave ${row.already} ★ since`, seen: "seen" }[row.effect] ?? "";
  return row.movie && row.movie.title !== row.title ? `${called(row.movie)}, ${words}` : words;
}

function finished(report, again) {
  announce(`Imported: ${tally(report.counts)}.`);
  return h("div", { class: "import-done", role: "status", dataset: { testid: "import-done" } }, h("p", null, h("strong", null, "Done. "), `${tally(report.counts)}.`), button("plus", "Another file", again, { text: true }));
}

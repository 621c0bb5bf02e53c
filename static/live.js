// What happens elsewhere: asked for at a modest pace while the page is looked at, told to whom it concerns.

import { network, request, until } from "./api.js";
import { tellHere } from "./shared.js";

const CALM_MS = 5000;
const BUSY_MS = 2000; // while an answer is coming somewhere

let runs = new Map(); // session id → live run

/** The sessions that answer right now. @returns {Map<string, string>} session id → run id */
export function live() {
  return runs;
}

/** Asks for ever. @param {(ended: Array<string>) => void} onchange told the sessions whose answers ended meanwhile */
export async function watch(onchange) {
  for (;;) {
    if (document.visibilityState === "visible") await look(onchange).catch(() => {});
    await (network.state === "offline" ? network.pause() : until(runs.size ? BUSY_MS : CALM_MS));
    while (document.visibilityState === "hidden") await until(60000);
  }
}

async function look(onchange) {
  const { data } = await request("GET", "/sessions", { query: { live: true, limit: 100 } });
  const now = new Map(data.map((session) => [session.id, session.live_run_id]));
  const ended = [...runs.keys()].filter((id) => !now.has(id));
  const fresh = [...now.keys()].some((id) => runs.get(id) !== now.get(id));
  runs = now;
  if (ended.length || fresh) onchange(ended);
  tellHere("live", { runs });
}

"""The dashboard as a picture: `python -m docs.dashboard` has a real Prometheus watch the service at work for a minute.

It needs Prometheus and matplotlib. The model is scripted; every figure comes of the dashboard's own queries.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from settings import Settings
from tests.support import scripted
from tests.support.prometheus import DASHBOARD, Prometheus, prometheus, queries
from tests.support.scripted import Pause, Reply, call, calls, chunk, error, usage
from tests.support.serving import ROOT, Server, serving
from tests.support.wire import new_session, send
from tests.telemetry.test_metrics import TOKEN, free_port

PICTURE = ROOT / "docs/images/dashboard.png"
SECONDS, PEAK = 56, (22, 40)  # of the load; of its peak
CALM, BUSY = 3, 12  # people who talk at once
WINDOW = "5s"
TOOLS: list[tuple[str, dict[str, Any]]] = [
    ("recommend", {"limit": 5}),
    ("similar_movies", {"movies": ["Heat"]}),
    ("search_movies", {"genres": ["Drama"], "limit": 5}),
    ("recommend", {"limit": "many"}),  # refused: it is no number
]
FAILURES = [lambda: error(503), lambda: error(429), lambda: error(401)]


def answer(dice: random.Random, request: dict[str, Any]) -> Reply:
    """A model's next move: a tool, now and then a failure, and words at its own pace."""
    if dice.random() < 0.04:
        return dice.choice(FAILURES)()
    if request["messages"][-1]["role"] == "user" and dice.random() < 0.7:
        return calls(call(*dice.choice(TOOLS)))
    pace = dice.uniform(0.01, 0.04)
    words = [piece for word in _words(dice) for piece in (chunk({"content": word}), Pause(dice.expovariate(1 / pace)))]
    told = usage(dice.randint(400, 3_000), len(words))
    return Reply([Pause(dice.uniform(0.1, 0.5)), *words, chunk(finish="stop"), told])


def _words(dice: random.Random) -> Iterator[str]:
    yield dice.choice(["Heat (1995) ", "Ronin, from 1951, ", "Casino "])
    yield from ("and " for _ in range(dice.randint(15, 60)))


def talk(server: Server, until: float) -> None:
    """One person: a message after the other, and a look around."""
    with server.client() as client:
        session, sights = new_session(client), cycle(["/movies/1/similar", "/movies/1", "/genres", "/nothing"])
        while time.monotonic() < until:
            send(client, session, "Something tense, please")
            client.get("/movies", params={"q": "tense"})
            client.get(next(sights))


def load(server: Server) -> None:
    """A calm time, a busy one, a calm one."""
    began = time.monotonic()
    people = [threading.Thread(target=talk, args=(server, began + SECONDS)) for _ in range(CALM)]
    for person in people:
        person.start()
    time.sleep(PEAK[0])
    crowd = [threading.Thread(target=talk, args=(server, began + PEAK[1])) for _ in range(BUSY)]
    for person in crowd:
        person.start()
    for person in (*people, *crowd):
        person.join()


def draw(source: Prometheus, began: float, ended: float) -> None:
    """The panels as Grafana lays them out."""
    import matplotlib as mpl  # noqa: PLC0415  slow to import, and no part of the service

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    panels = DASHBOARD["panels"]
    chart, axes = plt.subplots(-(-len(panels) // 3), 3, figsize=(15, 17), layout="constrained")
    for axis, panel in zip(axes.flat, panels, strict=False):
        for target, query in zip(panel["targets"], queries(panel, WINDOW), strict=True):
            for series in source.values(query, began, ended, 1):
                x, y = zip(*((float(at) - began, float(value)) for at, value in series["values"]), strict=True)
                axis.plot(x, y, linewidth=1.4, label=_legend(target["legendFormat"], series["metric"]))
        unit = {"s": "seconds", "ops": "a second"}.get(panel["fieldConfig"]["defaults"]["unit"], "")
        axis.set_title(f"{panel['title']} ({unit})" if unit else panel["title"], fontsize=10)
        axis.set_ylim(0, axis.get_ylim()[1] * 1.3)  # room for the legend
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(fontsize=6, frameon=False, loc="upper left", ncols=2 if len(axis.lines) > 4 else 1)
    chart.supxlabel("seconds", fontsize=9)
    drawn = BytesIO()
    chart.savefig(drawn, dpi=80)
    Image.open(drawn).convert("RGB").quantize(64).save(PICTURE, optimize=True)


def _legend(form: str, labels: dict[str, str]) -> str:
    for name, value in labels.items():
        form = form.replace(f"{{{{{name}}}}}", value[:12] if name == "version" else value)
    return form


def main() -> None:
    dice, port = random.Random(7), free_port()  # noqa: S311  nothing is secret here
    with tempfile.TemporaryDirectory() as folder, scripted.running() as upstream:
        upstream.otherwise = lambda request: answer(dice, request)
        settings = Settings(
            _env_file=None, data_dir=Path(folder) / "data", log_level="ERROR", metrics="on", metrics_port=port,
            metrics_token=TOKEN, openai_api_key="sk-scripted", openai_base_url=upstream.url, openai_model="scripted",
            llm_max_retries=1, llm_max_retry_after=1,
        )  # fmt: skip
        watched = Path(folder) / "prometheus"
        watched.mkdir()
        with serving(settings) as server, prometheus(watched, f"127.0.0.1:{port}", TOKEN, "500ms") as source:
            httpx.get(f"{server.url}/movies/1/similar", timeout=60)  # the first fit is waited for
            began = time.time()
            load(server)
            draw(source, began + 2, time.time())


if __name__ == "__main__":
    main()

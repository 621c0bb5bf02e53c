"""All that the metrics tell of, brought about: answers, tools, failures of the provider, recommendations, refusals."""

from __future__ import annotations

import httpx

from tests.support.scripted import Pause, Reply, Upstream, call, calls, chunk, error, usage
from tests.support.wire import new_session, send

CLAIM = "I would take Heat (1995), from 1972."  # a year that nothing supports


def spoken(text: str, seconds: float = 0.002) -> Reply:
    """An answer word by word, with silence between the words."""
    words = [piece for word in text.split() for piece in (chunk({"content": f"{word} "}), Pause(seconds))]
    return Reply([*words, chunk(finish="stop"), usage()])


def work(client: httpx.Client, upstream: Upstream) -> list[str]:
    """One round of it; the ids of session and runs. Every run ends; one of them fails."""
    session = new_session(client)
    upstream.queue(calls(call("recommend", {"limit": 3}), call("get_weather", {}, "call_2", 1)), spoken(CLAIM))
    upstream.queue(error(503), spoken("One more time."), error(401))
    runs = [send(client, session, words).run["id"] for words in ("Something tense, please", "Again", "And again")]
    client.get("/movies/1/similar")
    client.get("/no/such/address")
    return [session, *runs]

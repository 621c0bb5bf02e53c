from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from movies.sentence_bert import model_folder
from settings import Settings
from tests.support import scripted
from tests.support.serving import Server, serving


def meaning(text: str) -> list[float]:
    """One direction for all that is about robbing banks, whatever the words; another for the rest."""
    about_robbery = any(word in text.casefold() for word in ("heist", "stealing from a vault"))
    return [1.0, 0.1] if about_robbery else [0.1, 1.0]


@pytest.fixture
def embedding_server(
    settings: Settings, upstream: scripted.Upstream, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    upstream.embed = meaning
    named = {"openai_base_url": upstream.url, "embeddings_model": "scripted-embeddings"}
    for name, value in named.items():
        monkeypatch.setenv(name.upper(), value)  # for the process that makes the vectors
    with serving(Settings(_env_file=None, **settings.model_dump(exclude_unset=True))) as running:
        yield running


def found(client: httpx.Client, text: str) -> list[dict[str, Any]]:
    movies: list[dict[str, Any]] = client.post("/recommendations", json={"text": text, "limit": 10}).json()["movies"]
    return movies


def test_movies_are_found_by_meaning_where_no_word_is_shared(embedding_server: Server) -> None:
    with embedding_server.client() as client:
        wait_for_vectors(embedding_server)
        movies = found(client, "stealing from a vault")
        assert sum("heist" in movie["tags"] for movie in movies) >= 5


def test_search_goes_on_by_words_when_the_model_is_gone(embedding_server: Server, upstream: scripted.Upstream) -> None:
    with embedding_server.client() as client:
        wait_for_vectors(embedding_server)
        upstream.embed = None
        movies = found(client, "heist")
        assert sum("heist" in movie["tags"] for movie in movies) >= 5


def wait_for_vectors(server: Server) -> None:
    library = server.app.state.marquee.library
    until = time.monotonic() + 30
    while library._snapshot.meanings is None:
        assert time.monotonic() < until, library.problems
        time.sleep(0.05)


def test_a_local_model_is_a_folder_or_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "some_model" / "model"
    folder.mkdir(parents=True)
    assert model_folder(str(folder)) is None
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text("{}")
    assert model_folder(str(folder)) == folder
    monkeypatch.syspath_prepend(str(tmp_path))
    assert model_folder("some-model") == folder
    assert model_folder("sentence-transformers/all-MiniLM-L6-v2") is None

"""Posters, over a small scripted TMDB on a real socket."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from settings import Settings
from tests.api.test_http import is_problem
from tests.support.secrets import TMDB_KEY
from tests.support.serving import serving

KEY = TMDB_KEY
PNG = b"\x89PNG\r\n\x1a\n" + b"a poster"
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "
DAY = 86_400


@dataclass
class Tmdb:
    """What the scripted TMDB answers, and what it was asked."""

    url: str = ""
    movie: bytes = b'{"poster_path": "/heat.png"}'
    image: bytes = PNG
    content_type: str = "image/png"
    status: int = 200
    image_status: int = 200
    delay: float = 0
    asked: list[str] = field(default_factory=list)
    authorized: list[str | None] = field(default_factory=list)


@contextmanager
def scripted_tmdb() -> Iterator[Tmdb]:
    script = Tmdb()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script.asked.append(self.path)
            script.authorized.append(self.headers["Authorization"])
            time.sleep(script.delay)
            api = self.path.startswith("/3/")
            body = script.movie if api else script.image
            self.send_response(script.status if api else script.image_status)
            self.send_header("Content-Type", "application/json" if api else script.content_type)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield script
    server.shutdown()
    server.server_close()


@pytest.fixture
def tmdb() -> Iterator[Tmdb]:
    with scripted_tmdb() as script:
        yield script


def with_key(settings: Settings, tmdb: Tmdb, key: str = KEY) -> Settings:
    return Settings(
        _env_file=None,
        **settings.model_dump(exclude_unset=True),
        tmdb_api_key=key,
        tmdb_base_url=f"{tmdb.url}/3",
        tmdb_image_url=f"{tmdb.url}/t/p/w342",
    )


@pytest.fixture
def posters(settings: Settings, tmdb: Tmdb) -> Iterator[httpx.Client]:
    with serving(with_key(settings, tmdb)) as server, server.client() as client:
        yield client


@pytest.fixture
def poster(posters: httpx.Client) -> str:
    """The path of the poster of a movie that the sample knows at TMDB."""
    heat = posters.get("/movies", params={"q": "Heat", "limit": 1}).json()["data"][0]
    assert heat["tmdb_url"]
    return f"/movies/{heat['movie_id']}/poster"


def test_without_a_key_there_are_no_posters(client: httpx.Client) -> None:
    assert client.get("/health").json()["posters"] is False
    heat = client.get("/movies", params={"q": "Heat", "limit": 1}).json()["data"][0]
    missing = client.get(f"/movies/{heat['movie_id']}/poster")
    assert is_problem(missing, 404, "not_found")
    assert "TMDB_API_KEY" in missing.json()["detail"]


def test_a_poster_is_fetched_once_and_kept(posters: httpx.Client, tmdb: Tmdb, poster: str, settings: Settings) -> None:
    assert posters.get("/health").json()["posters"] is True
    first = posters.get(poster)
    assert (first.status_code, first.headers["content-type"], first.content) == (200, "image/png", PNG)
    assert "max-age=86400" in first.headers["cache-control"]
    assert first.headers["x-content-type-options"] == "nosniff"
    assert posters.get(poster).content == PNG
    again = posters.get(poster, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert tmdb.asked == [f"/3/movie/949?api_key={KEY}", "/t/p/w342/heat.png"]
    assert (settings.data_dir / "posters" / "949").read_bytes() == PNG


def test_a_read_access_token_goes_into_a_header(settings: Settings, tmdb: Tmdb) -> None:
    with serving(with_key(settings, tmdb, "eyJ.very.secret")) as server, server.client() as client:
        heat = client.get("/movies", params={"q": "Heat", "limit": 1}).json()["data"][0]
        assert client.get(f"/movies/{heat['movie_id']}/poster").status_code == 200
    assert (tmdb.asked[0], tmdb.authorized) == ("/3/movie/949", ["Bearer eyJ.very.secret", None])


def test_many_who_ask_at_once_cost_one_request(posters: httpx.Client, tmdb: Tmdb, poster: str) -> None:
    tmdb.delay = 0.2
    with ThreadPoolExecutor(8) as pool:
        assert {answer.status_code for answer in pool.map(posters.get, [poster] * 8)} == {200}
    assert len(tmdb.asked) == 2


def test_an_old_poster_is_asked_for_again_and_serves_while_that_fails(
    posters: httpx.Client, tmdb: Tmdb, poster: str, settings: Settings
) -> None:
    posters.get(poster)
    kept = settings.data_dir / "posters" / "949"
    os.utime(kept, (0, time.time() - 31 * DAY))
    tmdb.status = 500
    assert posters.get(poster).content == PNG
    assert len(tmdb.asked) == 3


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        ({"status": 404}, 404, "not_found"),
        ({"movie": b'{"poster_path": null}'}, 404, "not_found"),
        ({"image_status": 404}, 404, "not_found"),
        ({"status": 401}, 502, "upstream_unavailable"),
        ({"status": 503}, 502, "upstream_unavailable"),
        ({"image_status": 302}, 502, "upstream_unavailable"),
        ({"movie": b"<html>"}, 502, "upstream_unavailable"),
        ({"movie": b"[1]"}, 502, "upstream_unavailable"),
        ({"movie": b'{"poster_path": "@elsewhere.example/a.png"}'}, 502, "upstream_unavailable"),
        ({"movie": b'{"poster_path": "/../../3/account"}'}, 502, "upstream_unavailable"),
        ({"image": b"<svg onload='alert(1)'/>", "content_type": "image/svg+xml"}, 502, "upstream_unavailable"),
        ({"image": b"<script>", "content_type": "image/png"}, 502, "upstream_unavailable"),
        ({"content_type": "text/html"}, 502, "upstream_unavailable"),
        ({"image": PNG + bytes(3_000_000)}, 502, "upstream_unavailable"),
    ],
)
def test_what_is_no_poster_is_a_problem_and_not_asked_for_again_at_once(
    posters: httpx.Client, tmdb: Tmdb, poster: str, script: dict[str, object], status: int, code: str
) -> None:
    for name, value in script.items():
        setattr(tmdb, name, value)
    answers = [posters.get(poster), posters.get(poster)]
    for answer in answers:
        assert is_problem(answer, status, code)
        assert "TMDB" in answer.json()["detail"]
        assert KEY not in answer.text
    assert len([path for path in tmdb.asked if path.startswith("/3/")]) == 1


def test_nobody_waits_for_ever(posters: httpx.Client, tmdb: Tmdb, poster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("movies.posters.TIMEOUT", 0.2)
    tmdb.delay = 1
    assert is_problem(posters.get(poster), 504, "upstream_timeout")


def test_tmdb_may_be_gone(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    with scripted_tmdb() as gone:
        pass
    noisy = Settings(**with_key(settings, gone).model_dump(exclude_unset=True) | {"log_level": "TRACE"}, _env_file=None)
    with serving(noisy) as server, server.client() as client:
        heat = client.get("/movies", params={"q": "Heat", "limit": 1}).json()["data"][0]
        answer = client.get(f"/movies/{heat['movie_id']}/poster")
        assert is_problem(answer, 502, "upstream_unavailable")
        assert KEY not in client.get("/health").text + answer.text + repr(noisy)
    assert KEY not in "".join(capfd.readouterr())


def test_the_key_is_never_logged(settings: Settings, tmdb: Tmdb, capfd: pytest.CaptureFixture[str]) -> None:
    chosen = with_key(settings, tmdb).model_dump(exclude_unset=True) | {"log_level": "TRACE"}
    tmdb.status = 401
    with serving(Settings(**chosen, _env_file=None)) as server, server.client() as client:
        heat = client.get("/movies", params={"q": "Heat", "limit": 1}).json()["data"][0]
        client.get(f"/movies/{heat['movie_id']}/poster")
    written = "".join(capfd.readouterr())
    assert "TMDB refuses the key" in written
    assert KEY not in written


def test_a_movie_that_tmdb_does_not_have_has_no_poster(posters: httpx.Client, tmdb: Tmdb) -> None:
    assert is_problem(posters.get("/movies/999999/poster"), 404, "not_found")
    popular = posters.get("/movies", params={"limit": 200, "sort": "oldest"}).json()["data"]
    unlinked = next(movie for movie in popular if movie["tmdb_url"] is None)
    assert is_problem(posters.get(f"/movies/{unlinked['movie_id']}/poster"), 404, "not_found")
    assert tmdb.asked == []


def test_a_full_disk_keeps_no_poster_back(posters: httpx.Client, poster: str, settings: Settings) -> None:
    Path(settings.data_dir / "posters").write_text("in the way")
    assert posters.get(poster).content == PNG

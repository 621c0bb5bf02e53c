"""Posters: drawn ones, and those of a small scripted TMDB on a real socket."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest

from movies.drawing import poster_of
from movies.models import Movie
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


def is_drawn(answer: httpx.Response) -> bool:
    """An image of our own that can be read, and that runs nothing where it is opened by itself."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    return ET.fromstring(answer.content).tag == "{http://www.w3.org/2000/svg}svg"


def test_without_a_key_posters_are_drawn(client: httpx.Client) -> None:
    assert client.get("/health").json()["posters"] is False
    heat = client.get("/movies", params={"q": "Heat", "limit": 1}).json()["data"][0]
    drawn = client.get(f"/movies/{heat['movie_id']}/poster")
    assert is_drawn(drawn)
    assert "heat" in drawn.text.lower()
    assert "max-age=86400" in drawn.headers["cache-control"]
    again = client.get(f"/movies/{heat['movie_id']}/poster", headers={"If-None-Match": drawn.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert is_problem(client.get("/movies/999999/poster"), 404, "not_found")


def test_a_poster_is_always_the_same_and_unlike_others() -> None:
    films = [
        ("Heat", 1995, ["Crime"]), ("Heat", 1995, ["Crime"]), ("Ran", 1985, ["War", "Drama"]), ("x" * 200, None, []),
        ("", 1900, ["No such genre"]), ('<b>&\x00\x0b\uffff"', 2001, ["<i>"]), ("\u4e03\u4eba", 1954, ["Action"]),
    ]  # fmt: skip
    drawn = [
        poster_of(Movie(movie_id=max(number, 1), title=title, year=year, genres=genres))
        for number, (title, year, genres) in enumerate(films)
    ]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == len(films) - 1
    for image in drawn:
        assert ET.fromstring(image).findall("{http://www.w3.org/2000/svg}text")
        assert not re.search(rb"nan|inf\b|None", image)


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
    ("script", "kept"),
    [
        ({"status": 404}, "max-age=86400"),
        ({"movie": b'{"poster_path": null}'}, "max-age=86400"),
        ({"image_status": 404}, "max-age=86400"),
        ({"status": 401}, "max-age=60"),
        ({"status": 503}, "max-age=60"),
        ({"image_status": 302}, "max-age=60"),
        ({"movie": b"<html>"}, "max-age=60"),
        ({"movie": b"[1]"}, "max-age=60"),
        ({"movie": b'{"poster_path": "@elsewhere.example/a.png"}'}, "max-age=60"),
        ({"movie": b'{"poster_path": "/../../3/account"}'}, "max-age=60"),
        ({"image": b"<svg onload='alert(1)'/>", "content_type": "image/svg+xml"}, "max-age=60"),
        ({"image": b"<script>", "content_type": "image/png"}, "max-age=60"),
        ({"content_type": "text/html"}, "max-age=60"),
        ({"image": PNG + bytes(3_000_000)}, "max-age=60"),
    ],
)
def test_where_tmdb_gives_none_it_is_drawn_and_not_asked_for_again_at_once(
    posters: httpx.Client, tmdb: Tmdb, poster: str, script: dict[str, object], kept: str
) -> None:
    for name, value in script.items():
        setattr(tmdb, name, value)
    for answer in (posters.get(poster), posters.get(poster)):
        assert is_drawn(answer)
        assert answer.headers["cache-control"].startswith(kept)
        assert "alert" not in answer.text
    assert len([path for path in tmdb.asked if path.startswith("/3/")]) == 1


def test_nobody_waits_for_ever(posters: httpx.Client, tmdb: Tmdb, poster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("movies.posters.TIMEOUT", 0.2)
    tmdb.delay = 1
    assert is_drawn(posters.get(poster))


def test_tmdb_may_be_gone(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    with scripted_tmdb() as gone:
        pass
    noisy = Settings(**with_key(settings, gone).model_dump(exclude_unset=True) | {"log_level": "TRACE"}, _env_file=None)
    with serving(noisy) as server, server.client() as client:
        heat = client.get("/movies", params={"q": "Heat", "limit": 1}).json()["data"][0]
        answer = client.get(f"/movies/{heat['movie_id']}/poster")
        assert is_drawn(answer)
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


def test_a_movie_that_tmdb_does_not_have_is_drawn(posters: httpx.Client, tmdb: Tmdb) -> None:
    assert is_problem(posters.get("/movies/999999/poster"), 404, "not_found")
    popular = posters.get("/movies", params={"limit": 200, "sort": "oldest"}).json()["data"]
    unlinked = next(movie for movie in popular if movie["tmdb_url"] is None)
    assert is_drawn(posters.get(f"/movies/{unlinked['movie_id']}/poster"))
    assert tmdb.asked == []


def test_a_full_disk_keeps_no_poster_back(posters: httpx.Client, poster: str, settings: Settings) -> None:
    Path(settings.data_dir / "posters").write_text("in the way")
    assert posters.get(poster).content == PNG

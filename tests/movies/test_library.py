from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from errors import CatalogueError
from movies.library import Library
from recommend import TO_BE_TUNED
from settings import Settings
from tests.support.imdb import write_imdb
from tests.support.serving import ROOT, Server


async def until(condition: Callable[[], object], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def small_catalogue(folder: Path) -> Path:
    """Three movies and a few ratings in MovieLens's layout."""
    folder.mkdir()
    titles = ["One (2001)", "Two (2002)", "Three (2003)"]
    rows = "".join(f"{number},{title},Drama\n" for number, title in enumerate(titles, start=1))
    (folder / "movies.csv").write_text("movieId,title,genres\n" + rows)
    ratings = "".join(f"{user},{movie},{movie + 1},{10**9 + user}\n" for user in range(1, 9) for movie in (1, 2, 3))
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + ratings)
    return folder


def import_into(data_dir: Path, source: Path) -> None:
    command = [sys.executable, "movielens.py", "import", str(source), "--data-dir", str(data_dir)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def enrich(data_dir: Path, source: Path) -> None:
    command = [sys.executable, "movielens.py", "enrich", str(source), "--data-dir", str(data_dir)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


async def test_a_new_catalogue_is_taken_up_while_the_old_one_is_in_use(data_dir: Path, tmp_path: Path) -> None:
    library = await Library.open(Settings(_env_file=None, data_dir=data_dir), work=False)
    try:
        async with library.use() as old:
            assert old.recommender.fitted
            await asyncio.to_thread(import_into, data_dir, small_catalogue(tmp_path / "small"))
            await until(lambda: library._snapshot is not old)
            assert [movie.title for movie in await old.catalogue.movies([851])] == ["The Matrix"]
            async with library.use() as new:
                assert (new.info.movies, new.recommender.fitted) == (3, False)
        with pytest.raises(CatalogueError, match="closed"):
            await old.catalogue.movies([851])
    finally:
        await library.close()


async def test_facts_are_taken_up_and_the_fitted_model_stays(data_dir: Path, tmp_path: Path) -> None:
    library = await Library.open(Settings(_env_file=None, data_dir=data_dir), work=False)
    try:
        async with library.use() as old:
            await asyncio.to_thread(enrich, data_dir, write_imdb(tmp_path / "imdb"))
            await until(lambda: library._snapshot is not old)
            assert old.info.facts is None
        async with library.use() as new:
            assert new.info.facts is not None
            assert (new.info.facts.linked, new.info.facts.unread) == (809, 0)
            assert new.recommender.fitted
            [link] = (await new.linker()).link("by Kurosawi")
            assert link.name == "Akiro Kurosawi"
    finally:
        await library.close()


async def test_a_missing_model_is_fitted_and_taken_up(data_dir: Path) -> None:
    shutil.rmtree(data_dir / "recommender")
    library = await Library.open(Settings(_env_file=None, data_dir=data_dir))
    try:
        async with library.use(patient=False) as snapshot:
            assert not snapshot.recommender.fitted
        async with library.use() as snapshot:
            assert snapshot.recommender.fitted, "the first answer waits for it"
        assert library.problems == []
    finally:
        await library.close()


async def test_a_model_fitted_beside_the_service_is_tuned_and_stays_where_nothing_is_better(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    await asyncio.to_thread(import_into, data_dir, small_catalogue(tmp_path / "small"))
    library = await Library.open(Settings(_env_file=None, data_dir=data_dir))
    try:
        async with library.use() as snapshot:
            first = snapshot.recommender
        assert first.fitted
        await until(lambda: library._snapshot and library._snapshot.recommender.tuning not in {None, TO_BE_TUNED}, 60)
        async with library.use() as snapshot:
            assert "too few users" in (snapshot.recommender.tuning or "")
            assert snapshot.recommender.version == first.version
        await until(lambda: library.tuning is None, 60)
        assert library.problems == []
    finally:
        await library.close()


async def test_a_model_that_was_fitted_by_hand_is_left_as_it_is(data_dir: Path) -> None:
    library = await Library.open(Settings(_env_file=None, data_dir=data_dir))
    try:
        await library._see_to_chores()
        assert library._chores == {}
    finally:
        await library.close()


async def test_a_catalogue_that_cannot_be_read_leaves_the_old_one_serving(data_dir: Path) -> None:
    library = await Library.open(Settings(_env_file=None, data_dir=data_dir), work=False)
    try:
        broken = data_dir / "broken"
        broken.write_bytes(b"not a catalogue" * 1_000)
        await asyncio.to_thread(broken.replace, data_dir / "catalogue.db")
        await until(lambda: library.problems)
        async with library.use() as snapshot:
            assert await snapshot.catalogue.movies([851])
    finally:
        await library.close()


def test_nobody_sees_an_error_while_the_catalogue_is_replaced(server: Server, tmp_path: Path) -> None:
    """Requests and a conversation go on while another catalogue is put in the place of the one they use."""
    with server.client() as client:
        session_id = client.post("/sessions").json()["id"]
    wrong: list[str] = []
    done = threading.Event()

    def use() -> None:
        with server.client() as client:
            while not done.is_set():
                answer = client.post(
                    f"/sessions/{session_id}/messages",
                    json={"content": "best rated movies"},
                    headers={"accept": "application/json"},
                ).json()
                searched = client.get("/movies", params={"limit": 5})
                if answer["run"]["status"] != "completed" or searched.status_code != 200:
                    wrong.append(f"{answer} {searched.text}")

    thread = threading.Thread(target=use)
    thread.start()
    import_into(server.settings.data_dir, small_catalogue(tmp_path / "small"))
    with server.client() as client:
        while client.get("/health").json()["catalogue"]["movies"] != 3:
            assert not wrong
        client.get("/movies")
    done.set()
    thread.join()
    assert wrong == []


async def test_titles_that_cannot_be_linked_end_neither_the_watcher_nor_the_service(data_dir: Path) -> None:
    with closing(sqlite3.connect(data_dir / "catalogue.db")) as db, db:
        db.execute("UPDATE movies SET source_title = x'ff' WHERE movie_id = 851")
    library = await Library.open(Settings(_env_file=None, data_dir=data_dir), work=False)
    try:
        await until(lambda: library.problems)
        [problem] = library.problems
        assert "the service does without" in problem
        async with library.use() as snapshot:
            for _ in range(2):
                with pytest.raises(CatalogueError, match="Titles cannot be found in texts"):
                    await snapshot.linker()
            assert [movie.title for movie in await snapshot.catalogue.movies([851])] == ["The Matrix"]
        assert library._watcher is not None
        assert not library._watcher.done()
    finally:
        await library.close()

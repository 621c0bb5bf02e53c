"""One data directory under several processes, and under someone who cuts or overwrites its files."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from filelock import FileLock

from movies.library import Library
from settings import Settings
from tests.support.processes import Process, environment, process, wait_for
from tests.support.wire import ask, new_session

Damage = Callable[[Path], None]


@pytest.mark.parametrize("attempt", range(2))
def test_two_processes_on_an_empty_directory_both_serve(tmp_path: Path, attempt: int) -> None:
    """The second waits for the first one's import, and for its file to be made."""
    env = environment(tmp_path / f"data{attempt}")
    with ExitStack() as stack:
        servers = [Process(env) for _ in range(2)]
        for server in servers:
            stack.callback(server.kill)
        for server in servers:
            server.wait_until_ready()
            with server.client() as client:
                assert client.get("/health").json()["catalogue"]["name"] == "sample"
                assert ask(client, new_session(client))["run"]["status"] == "completed"


async def fitted(library: Library) -> bool:
    async with library.use() as snapshot:
        return snapshot.recommender.fitted


async def test_a_fit_under_way_in_another_process_is_waited_for(data_dir: Path) -> None:
    """Its model is taken up, and none is fitted beside it."""
    model, elsewhere = data_dir / "recommender", data_dir / "made"
    model.replace(elsewhere)
    with FileLock(data_dir / "fit.lock"):
        library = await Library.open(Settings(_env_file=None, data_dir=data_dir))
        try:
            elsewhere.replace(model)
            made = model.stat().st_ino
            async with asyncio.timeout(90):
                while not await fitted(library):
                    await asyncio.sleep(0.02)
            assert (library.fitting, model.stat().st_ino) == (False, made)
        finally:
            await library.close()


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(os.urandom(path.stat().st_size - 4_096))


def reasons(client: httpx.Client) -> list[str]:
    health = client.get("/health")
    assert health.status_code == 200, health.text
    found: list[str] = health.json()["reasons"]
    assert health.json()["status"] == ("degraded" if found else "ok")
    return found


def movies(client: httpx.Client) -> int:
    """The status of a search; what cannot be answered is said as it should be."""
    found = client.get("/movies", params={"query": f"heat {os.urandom(2).hex()}"})
    if found.status_code != 200:
        assert (found.status_code, found.json()["detail"]) == (503, "The movie data cannot be read right now.")
    return found.status_code


@pytest.mark.parametrize("damage", [cut, empty, overwrite])
def test_a_catalogue_damaged_under_a_server_is_said_until_it_is_replaced(data_dir: Path, damage: Damage) -> None:
    catalogue, spare = data_dir / "catalogue.db", data_dir / "spare.db"
    shutil.copy(catalogue, spare)
    nothing = str(data_dir / "nothing")
    with process(environment(data_dir, MOVIELENS_DIR=nothing)) as server, server.client() as client:
        assert movies(client) == 200
        damage(catalogue)
        assert movies(client) == 503
        wait_for(lambda: len(reasons(client)) == 2)
        assert reasons(client)[0].endswith("movie data cannot be read until it is replaced.")
        assert movies(client) == 503
        assert ask(client, new_session(client), "films like Heat")["run"]["status"] == "completed"
        spare.replace(catalogue)
        wait_for(lambda: reasons(client) == [])
        assert movies(client) == 200


@pytest.mark.parametrize("damage", [cut, overwrite])
def test_a_damaged_catalogue_is_imported_again(data_dir: Path, damage: Damage) -> None:
    """As a missing one is, by a running server and by one that starts."""
    catalogue = data_dir / "catalogue.db"
    before = catalogue.stat().st_ino
    with process(environment(data_dir)) as server, server.client() as client:
        damage(catalogue)
        wait_for(lambda: movies(client) == 200, 30)
        assert catalogue.stat().st_ino != before
        wait_for(lambda: reasons(client) == [])
    cut(catalogue)
    with process(environment(data_dir)) as server, server.client() as client:
        assert (movies(client), reasons(client)) == (200, [])


def test_a_file_copied_over_the_catalogue_is_taken_up(data_dir: Path) -> None:
    """Whole again, though it was changed in place."""
    catalogue = data_dir / "catalogue.db"
    whole = catalogue.read_bytes()
    env = environment(data_dir, MOVIELENS_DIR=str(data_dir / "nothing"))
    with process(env) as server, server.client() as client:
        cut(catalogue)
        wait_for(lambda: reasons(client) != [])
        with catalogue.open("r+b") as file:
            file.write(whole)
        wait_for(lambda: reasons(client) == [])
        assert movies(client) == 200


def test_a_model_cut_under_a_server_does_not_end_it(data_dir: Path) -> None:
    with process(environment(data_dir)) as server, server.client() as client:
        before = client.get("/users/1/recommendations").json()["movies"]
        for path in (data_dir / "recommender").glob("*.np*"):
            empty(path)
        assert client.get("/users/1/recommendations").json()["movies"] == before
    with process(environment(data_dir)) as server, server.client() as client:  # fitted again
        wait_for(lambda: client.get("/health").json()["recommender"]["fitted"], 30)

"""A catalogue of something else than movies, in the same layout, from import to conversation."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from settings import Settings
from tests.support.serving import ROOT, serving
from tests.support.wire import new_session, send

JOBS = ROOT / "examples/jobs"


def bring(folder: Path, data_dir: Path) -> None:
    command = [sys.executable, "movielens.py", "import", str(folder), "--data-dir", str(data_dir)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    data_dir = tmp_path_factory.mktemp("jobs")
    bring(JOBS, data_dir)
    with serving(Settings(_env_file=None, data_dir=data_dir, log_level="WARNING")) as server, server.client() as client:
        yield client


@pytest.fixture(scope="module")
def unrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The same jobs with nobody's ratings."""
    folder = tmp_path_factory.mktemp("unrated")
    for name in ("movies.csv", "tags.csv", "users.csv", "catalogue.toml"):
        shutil.copy(JOBS / name, folder)
    bring(folder, folder / "data")
    settings = Settings(_env_file=None, data_dir=folder / "data", log_level="WARNING")
    with serving(settings) as server, server.client() as client:
        yield client


def titles(client: httpx.Client, text: str, **more: object) -> list[str]:
    answer = client.post("/recommendations", json={"text": text, "limit": 3, **more}).json()
    return [job["title"] for job in answer["movies"]]


def job_id(client: httpx.Client, title: str) -> int:
    [first, *_] = client.get("/movies", params={"q": title}).json()["data"]
    assert first["title"] == title
    return int(first["movie_id"])


def result(client: httpx.Client, session: str, content: str, having: str = "basis") -> dict[str, Any]:
    """What the latest tool gave that has this field, for a message that was answered."""
    said = send(client, session, content)
    assert said.run["status"] == "completed"
    given: list[dict[str, Any]] = [
        event["result"] for event in said.events if event["type"] == "tool.result" and event["ok"]
    ]
    return [one for one in given if having in one][-1]


def test_the_example_has_sixty_jobs() -> None:
    with (JOBS / "movies.csv").open(newline="") as file:
        jobs = list(csv.DictReader(file))
    assert len({job["title"] for job in jobs}) == 60
    assert all(40 < len(job["description"]) < 200 for job in jobs)


def test_the_catalogue_says_what_its_items_are_called(jobs: httpx.Client) -> None:
    info = jobs.get("/health").json()["catalogue"]
    assert (info["noun"], info["plural"], info["movies"], info["users"]) == ("job", "jobs", 60, 52)
    assert len(info["examples"]) == 3


def test_jobs_are_found_by_title_and_described(jobs: httpx.Client) -> None:
    [first, *_] = jobs.get("/movies", params={"query": "data enginer"}).json()["data"]
    detail = jobs.get(f"/movies/{first['movie_id']}").json()
    assert (detail["title"], detail["year"]) == ("Data engineer", None)
    assert detail["description"].startswith("Builds pipelines in Python and SQL")


def test_words_are_recommended_to(jobs: httpx.Client) -> None:
    assert titles(jobs, "I write Python and SQL and love building data pipelines")[0] == "Data engineer"
    assert set(titles(jobs, "I am patient and want to help children learn to read")) & {
        "Primary school teacher",
        "Kindergarten teacher",
    }


def test_words_and_likes_go_together(jobs: httpx.Client) -> None:
    liked = [job_id(jobs, "Machine learning engineer")]
    found = titles(jobs, "Python", liked=liked, filters={"genres": ["Technology"]})
    assert found
    assert set(found) <= {"Data engineer", "Data analyst", "Backend developer"}


@pytest.mark.parametrize(
    ("user", "job"),
    [
        (101, "Data engineer"),
        (102, "Community nurse"),
        (103, "Forester"),
        (104, "Carpenter"),
        (105, "University librarian"),
        (106, "Accountant"),
        (107, "Music teacher"),
        (109, "Civil engineer"),
        (110, "Translator"),
        (111, "Baker"),
        (112, "Social worker"),
    ],
)
def test_a_profile_in_words_is_the_query_of_who_rated_nothing(user: int, job: str, jobs: httpx.Client) -> None:
    served = jobs.get(f"/users/{user}/recommendations", params={"limit": 2}).json()
    assert served["basis"] == "text"
    assert job in [movie["title"] for movie in served["movies"]]
    [kept, *_] = jobs.get("/recommendations", params={"user_id": user}).json()["data"]
    assert kept["movies"] == served["movies"]
    assert jobs.get(f"/users/{user}/ratings").json()["data"] == []
    assert jobs.get(f"/users/{user}/stats").json()["windows"][-1]["count"] == 0


def test_who_rated_is_recommended_to_by_that(jobs: httpx.Client) -> None:
    while not jobs.get("/health").json()["recommender"]["fitted"]:
        time.sleep(0.1)
    assert jobs.get("/users/1/recommendations").json()["basis"] == "personal"
    assert jobs.get("/users/100/recommendations").status_code == 404


def test_prompts_speak_of_jobs(jobs: httpx.Client) -> None:
    said = jobs.post("/prompts/ratings_prompt_per_user", json={"user_id": 103}).json()["prompt"]
    assert "a person rated these jobs highest:\n- none\nIn their own words: I am happiest outdoors" in said
    assert "movie" not in said


def test_without_ratings_content_serves(unrated: httpx.Client) -> None:
    health = unrated.get("/health").json()
    assert (health["status"], health["catalogue"]["ratings"], health["catalogue"]["users"]) == ("ok", 0, 13)
    assert (health["catalogue"]["rating_mean"], health["recommender"]["fitted"]) == (None, False)
    assert titles(unrated, "animals outdoors")
    carpenter = job_id(unrated, "Carpenter")
    similar = unrated.get(f"/movies/{carpenter}/similar").json()["movies"]
    assert {"Goldsmith", "Tailor", "Baker", "Plumber"} & {movie["title"] for movie in similar[:5]}
    assert unrated.get(f"/movies/{carpenter}/stats").json()["windows"][-1]["count"] == 0
    assert unrated.get("/users/1/recommendations").json()["basis"] == "text"
    liked = unrated.post("/recommendations", json={"liked": [carpenter]}).json()
    assert liked["movies"][0]["because"][0]["title"] == "Carpenter"
    assert unrated.get("/movies", params={"genre": "Craft", "sort": "rating"}).json()["data"]
    session = new_session(unrated, user_id=103)
    assert result(unrated, session, "something like Carpenter")["movies"]


def test_a_zip_of_it_is_imported_and_parameters_need_ratings(tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "other"), "zip", other_jobs(tmp_path / "other"))
    bring(Path(packed), tmp_path)
    command = [sys.executable, "recommend.py", "tune"]
    environment = {**os.environ, "DATA_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "as they were: too few users liked five movies to choose by\n"
    with serving(Settings(_env_file=None, data_dir=tmp_path, log_level="WARNING")) as server, server.client() as client:
        assert client.get("/health").json()["catalogue"]["plural"] == "jobs"


def test_a_conversation_goes_from_words_to_jobs_to_other_data(tmp_path: Path) -> None:
    bring(JOBS, tmp_path)
    settings = Settings(_env_file=None, data_dir=tmp_path, log_level="WARNING")
    with serving(settings) as server, server.client() as client:
        session = new_session(client, user_id=103)  # "… outdoors, with animals or trees"
        mine = result(client, session, "recommend something for me")
        assert mine["basis"] == "text"
        assert {"Forester", "Park ranger"} & {movie["title"] for movie in mine["movies"]}
        why = result(client, session, "why did you recommend Zookeeper?", having="because")
        assert why["notes"] == ["It has these words of the profile: outdoors, animals."]
        about = result(client, session, "recommend something about animals")
        assert "Zookeeper" in [movie["title"] for movie in about["movies"]]

        served = client.get("/recommendations", params={"session_id": session}).json()["data"]
        assert served[0]["recommendation_id"] == about["recommendation_id"]
        assert mine["recommendation_id"] in [kept["recommendation_id"] for kept in served]
        old = served[0]["data_version"]

        bring(other_jobs(tmp_path / "other"), tmp_path)
        while client.get("/health").json()["catalogue"]["version"] == old:
            time.sleep(0.1)
        now = result(client, session, "something like Falconer")
        assert {movie["title"] for movie in now["movies"]} <= {"Beekeeper", "Shepherd"}
        assert now["movies"]
        [kept, *_] = client.get("/recommendations", params={"session_id": session}).json()["data"]
        assert kept["data_version"] != old
        mine = client.get("/users/103/recommendations").json()
        assert {movie["title"] for movie in mine["movies"]} <= {"Beekeeper", "Shepherd", "Falconer"}


def other_jobs(folder: Path) -> Path:
    """Three more, without ratings."""
    folder.mkdir()
    (folder / "movies.csv").write_text(
        "movieId,title,genres,description\n1,Beekeeper,Outdoors,Keeps bees outdoors and sells honey\n"
        "2,Shepherd,Outdoors,Leads sheep over the moor with two dogs\n3,Falconer,Outdoors,Trains birds outdoors\n"
    )
    shutil.copy(JOBS / "users.csv", folder)
    shutil.copy(JOBS / "catalogue.toml", folder)
    return folder

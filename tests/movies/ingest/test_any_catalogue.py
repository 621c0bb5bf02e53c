"""A catalogue of something else than movies, in the same layout, from import to conversation."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from settings import Settings
from tests.support.serving import ROOT, serving

JOBS = [
    (
        "Data Engineer",
        "Engineering|Remote",
        "Builds batch and streaming data pipelines in Python and SQL on a warehouse.",
    ),
    ("Backend Developer", "Engineering", "Designs REST services in Python and Go, with PostgreSQL and queues."),
    (
        "Machine Learning Engineer",
        "Engineering|Research",
        "Trains and serves ranking models; Python, statistics, experiments.",
    ),
    (
        "Data Analyst",
        "Business|Remote",
        "Answers questions of the business in SQL and spreadsheets, and draws dashboards.",
    ),
    ("Nurse", "Health", "Cares for patients on a surgical ward, in shifts, with a team of doctors."),
    ("Physiotherapist", "Health", "Helps patients to move again after injuries and operations."),
    ("Primary School Teacher", "Education", "Teaches children to read, write and count, and talks with parents."),
    ("Kindergarten Teacher", "Education", "Plays, sings and learns with small children in groups."),
    ("Carpenter", "Craft", "Makes furniture, windows and stairs from wood, in a workshop and on sites."),
    ("Gardener", "Craft|Outdoors", "Plants and cares for parks and gardens, outdoors all year."),
]
ENGINEER, CARER, MAKER = range(1, 5), (5, 6, 7, 8), (9, 10)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("jobs")
    write(folder / "movies.csv", ["movieId", "title", "genres", "description"],
          [[number, title, fields, about] for number, (title, fields, about) in enumerate(JOBS, start=1)])  # fmt: skip
    tastes = [ENGINEER, CARER, MAKER]
    write(folder / "ratings.csv", ["userId", "movieId", "rating", "timestamp"],
          [[user, job, 5 if job in tastes[user % 3] else 1.5, 10**9 + user]
           for user in range(1, 31) for job in range(1, 11) if (user + job) % 4])  # fmt: skip
    data_dir = folder / "data"
    command = [sys.executable, "movielens.py", "import", str(folder), "--data-dir", str(data_dir)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    settings = Settings(_env_file=None, data_dir=data_dir, log_level="WARNING")
    with serving(settings) as server, server.client() as client:
        yield client


def write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def titles(client: httpx.Client, text: str, **more: object) -> list[str]:
    answer = client.post("/recommendations", json={"text": text, "limit": 3, **more}).json()
    return [job["title"] for job in answer["movies"]]


def test_jobs_are_found_by_title_and_described(jobs: httpx.Client) -> None:
    [first, *_] = jobs.get("/movies", params={"query": "data enginer"}).json()["data"]
    detail = jobs.get(f"/movies/{first['movie_id']}").json()
    assert (detail["title"], detail["year"]) == ("Data Engineer", None)
    assert detail["description"].startswith("Builds batch and streaming")


def test_a_persons_profile_in_words_is_recommended_to(jobs: httpx.Client) -> None:
    assert "Data Engineer" in titles(jobs, "I write Python and SQL and love building data pipelines")
    assert set(titles(jobs, "I am patient and want to help children learn")) & {
        "Primary School Teacher",
        "Kindergarten Teacher",
    }


def test_words_and_likes_go_together(jobs: httpx.Client) -> None:
    liked = titles(jobs, "Python", liked=[1], filters={"genres": ["Engineering"]})
    assert liked
    assert set(liked) <= {"Backend Developer", "Machine Learning Engineer"}


def test_a_conversation_is_about_what_is_there(jobs: httpx.Client) -> None:
    session_id = jobs.post("/sessions").json()["id"]
    answer = jobs.post(
        f"/sessions/{session_id}/messages",
        json={"content": "recommend three like Nurse"},
        headers={"accept": "application/json"},
    ).json()
    assert answer["run"]["status"] == "completed"
    assert "Physiotherapist" in answer["messages"][-1]["content"]

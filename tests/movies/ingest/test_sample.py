"""The sample catalogue in data/: what its README promises of it."""

import csv
import itertools
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.support.serving import ROOT

DATA = ROOT / "data"
HEADERS = {
    "movies.csv": "movieId,title,genres",
    "links.csv": "movieId,imdbId,tmdbId",
    "ratings.csv": "userId,movieId,rating,timestamp",
    "tags.csv": "userId,movieId,tag,timestamp",
    "genome-tags.csv": "tagId,tag",
    "genome-scores.csv": "movieId,tagId,relevance",
}
GENRES = set(
    re.findall(
        r"[\w-]+",
        "Action Adventure Animation Children Comedy Crime Documentary Drama Fantasy Film-Noir Horror Musical Mystery "
        "Romance Sci-Fi Thriller War Western",
    )
)
HALF_STARS = {f"{half / 2}" for half in range(1, 11)}

Rows = list[dict[str, str]]


def read(name: str) -> Rows:
    with (DATA / "sample" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def release_year(title: str) -> int:
    match = re.search(r" \((\d{4})\)$", title)
    assert match, title
    return int(match[1])


@pytest.fixture(scope="module")
def movies() -> Rows:
    return read("movies.csv")


@pytest.fixture(scope="module")
def ratings() -> Rows:
    return read("ratings.csv")


@pytest.mark.parametrize("name", HEADERS)
def test_files_are_utf8_with_lf_movielens_header_and_full_rows(name: str) -> None:
    content = (DATA / "sample" / name).read_bytes()
    assert b"\r" not in content
    assert content.endswith(b"\n")
    assert content.decode("utf-8").splitlines()[0] == HEADERS[name]
    width = HEADERS[name].count(",") + 1
    assert all(len(row) == width and None not in row.values() for row in read(name))


def test_folder_is_small_and_catalogue_is_not(movies: Rows, ratings: Rows) -> None:
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.suffix != ".pyc") < 4_000_000
    assert len(movies) >= 600
    assert len({row["userId"] for row in ratings}) >= 400
    assert 30_000 <= len(ratings) <= 45_000
    assert len(read("genome-tags.csv")) >= 80


def test_movie_ids_and_titles_are_unique_and_years_and_genres_known(movies: Rows) -> None:
    assert [int(row["movieId"]) for row in movies] == list(range(1, len(movies) + 1))
    assert len({row["title"] for row in movies}) == len(movies)
    assert all(1900 <= release_year(row["title"]) <= 2025 for row in movies)
    genres = [row["genres"].split("|") for row in movies]
    assert all(len(set(each)) == len(each) for each in genres)
    assert set(itertools.chain(*genres)) == GENRES


@pytest.mark.parametrize(
    "title",
    [
        "Matrix, The (1999)",
        "Heat (1995)",
        "Heat (1986)",
        "Amélie (Fabuleux destin d'Amélie Poulain, Le) (2001)",
        "Seven Samurai (Shichinin no samurai) (1954)",
        "Solaris (2002)",
        "Lion King, The (2019)",
    ],
)
def test_movies_asked_for_first_are_there(movies: Rows, title: str) -> None:
    assert title in {row["title"] for row in movies}


def test_links_have_a_row_for_every_movie_and_each_id_once(movies: Rows) -> None:
    links = read("links.csv")
    assert [row["movieId"] for row in links] == [row["movieId"] for row in movies]
    imdb = [row["imdbId"] for row in links if row["imdbId"]]
    tmdb = [row["tmdbId"] for row in links if row["tmdbId"]]
    assert all(re.fullmatch(r"\d{7,8}", each) for each in imdb)
    assert all(re.fullmatch(r"[1-9]\d*", each) for each in tmdb)
    assert len(set(imdb)) == len(imdb) >= 100
    assert len(set(tmdb)) == len(tmdb) >= 100


def test_ratings_are_half_stars_of_known_movies_once_each_and_twenty_a_user(movies: Rows, ratings: Rows) -> None:
    assert {row["rating"] for row in ratings} == HALF_STARS
    assert {row["movieId"] for row in ratings} <= {row["movieId"] for row in movies}
    assert len({(row["userId"], row["movieId"]) for row in ratings}) == len(ratings)
    assert min(Counter(row["userId"] for row in ratings).values()) >= 20


def test_ratings_go_by_user_and_time_and_none_is_older_than_its_movie(movies: Rows, ratings: Rows) -> None:
    order = [(int(row["userId"]), int(row["timestamp"])) for row in ratings]
    assert all(earlier < later for earlier, later in itertools.pairwise(order))
    released = {row["movieId"]: release_year(row["title"]) for row in movies}
    for row in ratings:
        year = datetime.fromtimestamp(int(row["timestamp"]), tz=UTC).year
        assert max(2015, released[row["movieId"]]) <= year <= 2025


def test_popularity_is_skewed_and_fame_shows(movies: Rows, ratings: Rows) -> None:
    counts = Counter(row["movieId"] for row in ratings)
    most = sum(count for _, count in counts.most_common(len(movies) // 10))
    assert most > 0.3 * len(ratings)
    titles = {row["title"]: row["movieId"] for row in movies}
    assert counts[titles["Heat (1995)"]] > 10 * counts[titles["Heat (1986)"]]


def test_tags_are_of_movies_their_user_rated_and_later_than_the_rating(ratings: Rows) -> None:
    rated = {(row["userId"], row["movieId"]): int(row["timestamp"]) for row in ratings}
    tags = read("tags.csv")
    assert len(tags) >= 2_000
    assert all(rated[row["userId"], row["movieId"]] < int(row["timestamp"]) for row in tags)
    assert len({(row["userId"], row["movieId"], row["tag"]) for row in tags}) == len(tags)


def test_genome_is_dense_and_between_nought_and_one(movies: Rows) -> None:
    tags = read("genome-tags.csv")
    assert [int(row["tagId"]) for row in tags] == list(range(1, len(tags) + 1))
    assert len({row["tag"] for row in tags}) == len(tags)
    scores = read("genome-scores.csv")
    pairs = [(row["movieId"], row["tagId"]) for row in scores]
    assert pairs == [(movie["movieId"], tag["tagId"]) for movie in movies for tag in tags]
    assert all(0 <= float(row["relevance"]) <= 1 for row in scores)


def test_script_reproduces_the_files_byte_for_byte() -> None:
    run = subprocess.run(
        [sys.executable, str(DATA / "make_sample.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")

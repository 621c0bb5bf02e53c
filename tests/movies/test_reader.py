"""The read side over real imports: what it answers is checked against the files, read the plain way."""

from __future__ import annotations

import asyncio
import csv
import random
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import CatalogueError
from movielens import import_catalogue
from movies.arrays import load_described, load_movies, load_ratings
from movies.ingest.archives import open_source
from movies.ingest.files import MovieFiles
from movies.models import Filters, MovieQuery
from movies.reader import Catalogue

DAY = 86_400
RATINGS = [  # user, movie, stars, days before the newest
    (1, 1, 5.0, 0), (1, 2, 4.0, 3), (1, 5, 2.5, 40), (2, 1, 3.0, 6.999), (2, 3, 4.5, 7), (3, 1, 1.0, 364),
    (3, 2, 4.5, 366), (3, 4, 0.5, 5000), (4, 6, 5.0, 8000),
]  # fmt: skip
NEWEST = 1_537_799_250
FILES = {
    "movies.csv": """movieId,title,genres
1,Heat (1995),Action|Crime|Thriller
2,Heat (1986),Action
3,"Matrix, The (1999)",Action|Sci-Fi
4,"Godfather: Part II, The (1974)",Crime|Drama
5,"Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)",Comedy|Romance
6,Seven (a.k.a. Se7en) (1995),Mystery|Thriller
7,Star Wars: Episode IV - A New Hope (1977),Action|Sci-Fi
8,Fast & Furious (2009),Action
9,Alien (1979),Horror|Sci-Fi
10,Alien³ (1992),Horror|Sci-Fi
11,"Lord of the Rings: The Two Towers, The (2002)",Fantasy
12,Blade Runner 2049 (2017),Sci-Fi
13,Cosmos,(no genres listed)
""",
    "ratings.csv": "userId,movieId,rating,timestamp\n"
    + "".join(f"{user},{movie},{stars},{NEWEST - round(days * DAY)}\n" for user, movie, stars, days in RATINGS),
    "links.csv": "movieId,imdbId,tmdbId\n1,0113277,949\n2,,\n",
    "tags.csv": """userId,movieId,tag,timestamp
1,1,heist,5
2,1,Heist,6
2,1,bank robbery,7
1,3,mind-bending,8
1,3,Virtual Reality,8
3,7,space opera,9
3,9,time-travel,9
3,10,"100% <b>""odd""</b>",9
""",
}


def build(folder: Path, files: dict[str, str]) -> Path:
    source = folder / "files"
    source.mkdir(parents=True)
    for name, content in files.items():
        (source / name).write_text(content, encoding="utf-8")
    return import_catalogue(MovieFiles(open_source(source)), folder / "catalogue.db").path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def small_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("small"), FILES)


@pytest.fixture(scope="module")
def real_path(movielens_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = MovieFiles(open_source(movielens_dir))
    return import_catalogue(files, tmp_path_factory.mktemp("real") / "catalogue.db").path


@pytest.fixture
async def small(small_path: Path) -> AsyncIterator[Catalogue]:
    catalogue = await Catalogue.open(small_path)
    yield catalogue
    await catalogue.close()


@pytest.fixture
async def real(real_path: Path) -> AsyncIterator[Catalogue]:
    catalogue = await Catalogue.open(real_path)
    yield catalogue
    await catalogue.close()


# Opening


@pytest.fixture
def damaged(small_path: Path, tmp_path: Path) -> Path:
    """A folder of files that are no catalogue, or no longer."""
    whole = small_path.read_bytes()
    (tmp_path / "text.db").write_text("not a database, but long enough to look at " * 50)
    (tmp_path / "empty.db").touch()
    (tmp_path / "cut.db").write_bytes(whole[: len(whole) // 2])
    shutil.copy(small_path, tmp_path / "old.db")
    for name, pragma in (("old.db", "PRAGMA user_version = 99999"), ("other.db", "PRAGMA user_version = 1")):
        with closing(sqlite3.connect(tmp_path / name)) as db:
            db.execute(pragma)
    return tmp_path


async def test_what_cannot_be_opened_is_said(damaged: Path) -> None:
    for name, words in (
        ("absent.db", "There is no catalogue at"),
        ("text.db", "is not a catalogue, or is damaged"),
        ("empty.db", "is not a catalogue"),
        ("cut.db", "damaged"),
        ("old.db", "made by another version"),
        ("other.db", "is not a catalogue"),
    ):
        with pytest.raises(CatalogueError, match=words):
            await Catalogue.open(damaged / name)


async def test_a_closed_catalogue_says_so(small_path: Path) -> None:
    catalogue = await Catalogue.open(small_path)
    under_way = [asyncio.create_task(catalogue.find_title("heat")) for _ in range(10)]
    await asyncio.sleep(0)
    await catalogue.close()
    await catalogue.close()
    with pytest.raises(CatalogueError, match="closed"):
        await catalogue.movie(1)
    for done in await asyncio.gather(*under_way, return_exceptions=True):
        assert isinstance(done, list | CatalogueError)


async def test_a_new_file_in_its_place_leaves_an_open_catalogue_alone(tmp_path: Path) -> None:
    path = build(tmp_path, FILES)
    old = await Catalogue.open(path)
    changed = {**FILES, "movies.csv": FILES["movies.csv"].replace("Heat (1995)", "Cold (1995)")}
    build(tmp_path / "new", changed).replace(path)
    new = await Catalogue.open(path)
    assert [movie.title for movie in await old.movies([1])] == ["Heat"]
    assert [movie.title for movie in await new.movies([1])] == ["Cold"]
    assert old.info.version != new.info.version
    await old.close()
    await new.close()


# Movies


async def test_info_and_a_movie_say_all_that_is_known(small: Catalogue) -> None:
    info = small.info
    assert (info.movies, info.ratings, info.users, info.tags, info.genome_scores) == (13, 9, 4, 8, 0)
    assert info.newest_rating == datetime.fromtimestamp(NEWEST, UTC)
    assert info.rating_mean == pytest.approx(30 / 9)
    movie = await small.movie(1)
    assert movie is not None
    assert (movie.title, movie.year, movie.source_title) == ("Heat", 1995, "Heat (1995)")
    assert movie.imdb_url == "https://www.imdb.com/title/tt0113277/"
    assert movie.tmdb_url == "https://www.themoviedb.org/movie/949"
    assert movie.histogram == {f"{half / 2}": int(half in (2, 6, 10)) for half in range(1, 11)}
    assert (movie.rating_count, movie.rating_mean) == (3, 3.0)
    assert [(tag.tag, tag.relevance) for tag in movie.top_tags] == [("heist", 1.0), ("bank robbery", 0.5)]
    assert movie.tags == ["heist", "bank robbery"]
    assert [movie.movie_id for movie in await small.movies([9, 5, 77, 1, 9])] == [9, 5, 1, 9]
    unrated = await small.movie(13)
    assert unrated is not None
    assert (unrated.year, unrated.genres, unrated.rating_mean, unrated.score, unrated.imdb_url) == (
        None,
        [],
        None,
        None,
        None,
    )
    assert await small.movie(2) == await small.movie(2)


async def test_scores_are_damped_towards_the_mean(small: Catalogue) -> None:
    for movie_id, stars in ((1, [5, 3, 1]), (6, [5])):
        movie = await small.movie(movie_id)
        assert movie is not None
        expected = (small.damping * 30 / 9 + sum(stars)) / (small.damping + len(stars))
        assert movie.score == pytest.approx(expected, abs=1e-4)


# Titles


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Heat", 1), ("heat 1986", 2), ("Heat (1986)", 2), ("HEAT (1995)", 1), ("the matrix", 3), ("matrx", 3),
        ("matirx", 3), ("Matrix, The (1999)", 3), ("The Matrix", 3), ("amelie", 5), ("Amélie", 5),
        ("AMÉLIE (2001)", 5), ("amelie poulain", 5), ("le fabuleux destin d'amelie poulain", 5), ("se7en", 6),
        ("seven", 6), ("7", 6), ("star wars episode 4", 7), ("star wars iv", 7), ("starwars", 7), ("godfather 2", 4),
        ("the godfather part two", 4), ("godfather part ii", 4), ("fast and furious", 8), ("fast & furious", 8),
        ("fast furious", 8), ("alien 3", 10), ("alien", 9), ("lotr", 11), ("two towers", 11),
        ("blade runner 2049", 12), ("blade runner 2049 (2017)", 12), ("blad runer 2049", 12), ("haet", 1),
    ],
)  # fmt: skip
async def test_a_title_is_understood(text: str, first: int, small: Catalogue) -> None:
    found = await small.find_title(text)
    assert found
    assert found[0][0].movie_id == first


async def test_an_exact_title_ranks_above_its_beginning_and_that_above_a_slip(small: Catalogue) -> None:
    assert [(movie.year, quality) for movie, quality in await small.find_title("heat")] == [(1995, 1.0), (1986, 1.0)]
    alien = {movie.title: quality for movie, quality in await small.find_title("alien")}
    slip = (await small.find_title("alein"))[0][1]
    assert alien["Alien"] == 1.0 > alien["Alien³"] > slip > 0.6
    other_year = {movie.year: quality for movie, quality in await small.find_title("Heat (1986)")}
    assert other_year[1986] == 1.0 > other_year[1995]


@pytest.mark.parametrize(
    "text", ["xqzptl", "asdf ghjk", "zzzz heat zzzz", "", "   ", "???", "\0", "12345678", "q" * 500]
)
async def test_gibberish_finds_nothing(text: str, small: Catalogue) -> None:
    assert await small.find_title(text) == []


async def test_every_real_title_finds_its_movie(real: Catalogue, movielens_dir: Path) -> None:
    for row in random.Random(3).sample(read(movielens_dir / "movies.csv"), 250):
        found = await real.find_title(row["title"])
        same = [quality for movie, quality in found if movie.movie_id == int(row["movieId"])]
        assert same, row["title"]
        assert same[0] >= 0.98


async def test_real_titles_are_found_with_a_slip(real: Catalogue) -> None:
    rng = random.Random(5)
    famous = [movie for movie in await real.search(MovieQuery(sort="popularity"), limit=200) if len(movie.title) > 7]
    found = 0
    for movie in famous:
        at = rng.randrange(1, len(movie.title) - 2)
        slip = movie.title[:at] + movie.title[at + 1 :]
        found += movie.movie_id in {other.movie_id for other, _ in await real.find_title(slip)}
    assert found >= 0.93 * len(famous)


# Free text


@pytest.mark.parametrize(
    ("text", "among_first"),
    [
        ("mind-bending time travel thriller", "Twelve Monkeys"),
        ("feel-good animated film about toys", "Toy Story"),
        ("heist with a twist", "The Usual Suspects"),
        ("space opera", "Star Wars: Episode IV - A New Hope"),
        ("movies about serial killers", "Seven"),
    ],
)
async def test_free_text_finds_what_it_describes(text: str, among_first: str, real: Catalogue) -> None:
    scores = await real.text_scores(text, limit=12)
    assert [score for _, score in scores] == sorted((score for _, score in scores), reverse=True)
    assert among_first in [movie.title for movie in await real.movies(movie_id for movie_id, _ in scores)]


async def test_more_of_the_words_rank_higher(small: Catalogue) -> None:
    assert (await small.text_scores("a science fiction space opera"))[0][0] == 7
    assert [movie_id for movie_id, _ in await small.text_scores("the heist of a bank robbery")] == [1]
    assert {movie_id for movie_id, _ in await small.text_scores("science fiction")} == {3, 7, 9, 10, 12}


# Lists


async def test_filters_agree_with_a_plain_reading(real: Catalogue, movielens_dir: Path) -> None:
    genres = {int(row["movieId"]): set(row["genres"].split("|")) for row in read(movielens_dir / "movies.csv")}
    tagged = {
        int(row["movieId"])
        for row in read(movielens_dir / "tags.csv")
        if row["tag"].casefold().replace("-", " ") == "time travel"
    }
    assert set(await real.matching(Filters(genres=["sci-fi", "COMEDY"]))) == {
        m for m, g in genres.items() if {"Sci-Fi", "Comedy"} <= g
    }
    assert set(await real.matching(Filters(exclude_genres=["Drama"]))) == {
        m for m, g in genres.items() if "Drama" not in g
    }
    assert set(await real.matching(Filters(tags=["Time-Travel"]))) == tagged
    assert await real.other_spellings("Time-Travel") == {"time-travel": 1}
    assert await real.other_spellings("no such tag") == {}
    movies = await real.movies(genres)
    expected = {m.movie_id for m in movies if m.year is not None and 1980 <= m.year <= 1989 and m.rating_count >= 20}
    assert set(await real.matching(Filters(year_from=1980, year_to=1989, min_ratings=20))) == expected
    assert len(await real.matching(Filters())) == len(genres)
    assert await real.matching(Filters(genres=["no such"])) == []


async def test_search_is_filtered_sorted_and_paged(real: Catalogue) -> None:
    everything = await real.search(MovieQuery(genres=["Film-Noir"], sort="rating"), limit=500)
    assert [movie.score or 0 for movie in everything] == sorted(
        (movie.score or 0 for movie in everything), reverse=True
    )
    pages = [
        await real.search(MovieQuery(genres=["Film-Noir"], sort="rating"), limit=10, offset=at)
        for at in range(0, 100, 10)
    ]
    assert [movie.movie_id for page in pages for movie in page] == [movie.movie_id for movie in everything]
    years = [movie.year or 0 for movie in await real.search(MovieQuery(query="star wars", sort="year"), limit=5)]
    assert years == sorted(years, reverse=True)
    assert (await real.search(MovieQuery(query="matrx"), limit=3))[0].title == "The Matrix"
    assert (await real.search(MovieQuery(query="matrix", year_from=2003), limit=1))[0].title == "The Matrix Reloaded"
    assert await real.search(MovieQuery(query="???"), limit=5) == []
    assert await real.search(MovieQuery(query="matrix"), limit=5, offset=10**30) == []


async def test_a_users_ratings(small: Catalogue) -> None:
    newest = await small.user_ratings(3, order="newest", limit=10)
    assert [(rating.movie.movie_id, rating.stars) for rating in newest] == [(1, 1.0), (2, 4.5), (4, 0.5)]
    assert [rating.stars for rating in await small.user_ratings(3, order="highest", limit=2)] == [4.5, 1.0]
    assert [rating.stars for rating in await small.user_ratings(3, order="lowest", limit=2, offset=1)] == [1.0, 4.5]
    assert await small.user_summary(3) == (3, 2.0)
    assert [movie_id for movie_id, _, _ in await small.user_profile(3)] == [4, 2, 1]
    assert await small.user_summary(99) is None
    assert (await small.user_profile(99), await small.user_ratings(99, limit=5)) == ([], [])


async def test_windows_are_counted_back_from_the_newest_rating(small: Catalogue) -> None:
    for movie_id in range(1, 14):
        stats = await small.stats(movie_id, ["1h", "72h", "73h", "7d", "8d", "365d", "99999d", "999999h", "all"])
        limits = (1 / 24, 3, 73 / 24, 7, 8, 365, 99999, 999999 / 24, 10**9)
        for window, days in zip(stats, limits, strict=True):
            stars = [s for _, m, s, age in RATINGS if m == movie_id and age < days]
            assert window.count == len(stars)
            assert window.mean == (pytest.approx(np.mean(stars)) if stars else None)
            assert window.until == datetime.fromtimestamp(NEWEST, UTC)
    assert (await small.stats(99, ["all"]))[0].count == 0


async def test_windows_of_a_user_and_a_tag(small: Catalogue) -> None:
    limits = {"1h": 1 / 24, "72h": 3, "73h": 73 / 24, "7d": 7, "365d": 365, "all": 10**9}
    for tag, movies in {"heist": {1}, "Virtual Reality": {3}, "no such": set()}.items():
        for window, days in zip(await small.tag_stats(tag, list(limits)), limits.values(), strict=True):
            stars = [s for _, m, s, age in RATINGS if m in movies and age < days]
            assert (window.count, window.mean) == (len(stars), round(float(np.mean(stars)), 4) if stars else None)
    for user in (1, 2, 3, 4, 99):
        for window, days in zip(await small.user_stats(user, list(limits)), limits.values(), strict=True):
            stars = [s for u, _, s, age in RATINGS if u == user and age < days]
            assert (window.count, window.mean) == (len(stars), round(float(np.mean(stars)), 4) if stars else None)
    assert (await small.user_stats(1, ["24h"]))[0].since == datetime.fromtimestamp(NEWEST - DAY, UTC)


async def test_popular_in_a_window_is_what_a_scan_would_say(small: Catalogue) -> None:
    for days in (1, 7, 8, 366, 100_000, None):
        stars: dict[int, list[float]] = defaultdict(list)
        for _, movie_id, value, age in RATINGS:
            if days is None or age < days:
                stars[movie_id].append(value)
        popular = await small.popular(Filters(), since=days, limit=20)
        assert {movie.movie_id: count for movie, count, _ in popular} == {m: len(values) for m, values in stars.items()}
        for movie, count, mean in popular:
            damped = (small.damping * small.overall_mean + sum(stars[movie.movie_id])) / (small.damping + count)
            assert mean == pytest.approx(damped)
        counts = [count for _, count, _ in popular]
        assert counts == sorted(counts, reverse=True)
    best = await small.popular(Filters(genres=["Thriller"]), sort="rating", exclude=[6], limit=5)
    assert [movie.movie_id for movie, _, _ in best] == [1]


async def test_genres_and_tags_are_counted(small: Catalogue) -> None:
    assert {count.name: count.movies for count in await small.genres()}["Sci-Fi"] == 5
    tags = await small.tags()
    assert {tag.movies for tag in tags} == {1}
    assert {tag.name for tag in tags} == {
        "heist", "bank robbery", "mind-bending", "Virtual Reality", "space opera", "time-travel", '100% <b>"odd"</b>',
    }  # fmt: skip
    assert [tag.name for tag in await small.tags("TRAVEL")] == ["time-travel"]
    assert await small.tags("%") == await small.tags("", limit=50)
    assert [len(await small.tags(limit=3, offset=at)) for at in (0, 3, 6, 9)] == [3, 3, 1, 0]
    assert await small.near_tags("heists") == ["heist"]
    assert (await small.near_tags("time travelling"))[0] == "time-travel"
    assert await small.near_tags("qqqq") == []


async def test_jobs_are_found_by_their_descriptions(tmp_path: Path) -> None:
    jobs = {
        "movies.csv": """movieId,title,description
1,Baker,Bakes bread and cakes before dawn in a small shop
2,Night nurse,"Cares for patients in a hospital, at night"
3,Python developer,Writes web services with databases; remote work
4,Shop assistant,Sells bread and coffee to early guests
""",
        "ratings.csv": "userId,movieId,rating,timestamp\n1,1,5,100\n1,4,4.5,200\n2,3,5,300\n",
    }
    catalogue = await Catalogue.open(build(tmp_path, jobs))
    assert [movie_id for movie_id, _ in await catalogue.text_scores("baking bread")] == [1, 4]
    assert [movie_id for movie_id, _ in await catalogue.text_scores("remote work with databases")] == [3]
    assert (await catalogue.search(MovieQuery(query="nurse at a hospital"), limit=1))[0].title == "Night nurse"
    movie = await catalogue.movie(3)
    assert movie is not None
    assert movie.description == "Writes web services with databases; remote work"
    assert await catalogue.genres() == []
    await catalogue.close()


# Hostile input

HOSTILE = [
    '"', "'", "heat'; DROP TABLE movies; --", "heat OR", "NEAR(heat, 5)", "title:heat", "{title genres}:heat",
    "heat*", "^heat", "(heat", "-heat", "heat AND NOT", "\0", "he\0at", "\ud800", "%", "_", "\\", "🎬" * 200,
    "a " * 250, "x" * 500, "'" * 500, "١٢٣", "ﷺ", "İstanbul", "ß", "\u202eheat", "[heat]", "heat\nheat", "9" * 400,
]  # fmt: skip


async def ask_everything(catalogue: Catalogue, text: str) -> None:
    await catalogue.find_title(text)
    await catalogue.text_scores(text)
    await catalogue.tags(text)
    await catalogue.near_tags(text)
    await catalogue.matching(Filters.model_construct(**(Filters().model_dump() | {"genres": [text], "tags": [text]})))
    await catalogue.search(MovieQuery.model_construct(**(MovieQuery().model_dump() | {"query": text})), limit=5)


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_only_text(text: str, small: Catalogue) -> None:
    await ask_everything(small, text)


def test_no_text_raises(small_path: Path) -> None:
    async def ask(texts: list[str]) -> None:
        catalogue = await Catalogue.open(small_path)
        try:
            for text in texts:
                await ask_everything(catalogue, text)
        finally:
            await catalogue.close()

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.text(max_size=60), max_size=10))
    def run(texts: list[str]) -> None:
        asyncio.run(ask(texts))

    run()


@pytest.mark.parametrize("number", [-1, 2**53, 2**63, 2**64, 10**40, -(10**40)])
async def test_no_number_raises(number: int, small: Catalogue) -> None:
    assert await small.movie(number) is None
    assert await small.movies([number, 1]) == await small.movies([1])
    assert (await small.user_ratings(number, limit=3), await small.user_profile(number)) == ([], [])
    assert await small.user_summary(number) is None
    assert (await small.stats(number, ["all"]))[0].count == 0
    assert len(await small.popular(Filters(), exclude=[number])) == 6
    if number > 0:
        assert len(await small.popular(Filters(), since=number)) == 6
        assert (await small.tags(offset=number), await small.user_ratings(1, limit=3, offset=number)) == ([], [])


async def test_many_at_once_are_served(real: Catalogue) -> None:
    answers = await asyncio.gather(*(real.find_title(title) for title in ["heat", "matrx", "lotr", "seven"] * 25))
    assert answers == answers[:4] * 25


# Arrays


def test_arrays_hold_what_the_files_hold(real_path: Path, movielens_dir: Path) -> None:
    expected = sorted(
        (int(row["userId"]), int(row["movieId"]), float(row["rating"]), int(row["timestamp"]))
        for row in read(movielens_dir / "ratings.csv")
    )
    movies, ratings = load_movies(real_path), load_ratings(real_path)
    users = np.repeat(sorted({user for user, *_ in expected}), np.diff(ratings.indptr)).tolist()
    columns = (movies.movie_ids[ratings.movie_index].tolist(), ratings.stars.tolist(), ratings.timestamp.tolist())
    assert list(zip(users, *columns, strict=True)) == expected
    assert (np.diff(movies.movie_ids) > 0).all()
    assert np.array_equal(np.bincount(ratings.movie_index, minlength=len(movies.movie_ids)), movies.rating_count)
    at = int(np.searchsorted(movies.movie_ids, 2571))
    matrix = load_described(real_path)[at]
    assert (matrix.title, matrix.year, matrix.description) == ("The Matrix", int(movies.years[at]), "")
    assert matrix.genres == ["Action", "Sci-Fi", "Thriller"]
    assert {"martial arts", "sci-fi"} <= {tag for tag, _ in matrix.tags}
    with pytest.raises(CatalogueError):
        load_movies(real_path.with_name("absent.db"))

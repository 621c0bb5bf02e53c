"""Exports in every format that can be imported, made of `films.tsv`: films as people's exports spell them.

`films.tsv` has a film a line: its title and year as an export has them, misspelt, retitled, in its own language or of a
year that differs by one, and its IMDb id: the truth. Those of kind `missing` are younger than ml-latest-small, those of
kind `series` are no movies. What is in a catalogue, its links.csv says.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import NamedTuple

FILMS = Path(__file__).parent / "films.tsv"
FIRST_DAY = datetime(2021, 3, 1, 20, 15, tzinfo=UTC)
UNRATED = 7  # every so many films was watched and not rated, where a format has such
WITHOUT_ID = 5  # every so many films of Trakt has no id that links.csv could know

Row = Sequence[object]


class Film(NamedTuple):
    kind: str
    title: str
    year: int
    imdb_id: str
    number: int

    @property
    def stars(self) -> float:
        """Some rating, the same for a film however its title is spelt."""
        return (sum(map(ord, self.imdb_id)) % 10 + 1) / 2

    @property
    def day(self) -> datetime:
        return FIRST_DAY + timedelta(days=3 * self.number)

    @property
    def is_rated(self) -> bool:
        return bool(int(self.imdb_id[2:]) % UNRATED)


class Made(NamedTuple):
    """An export: the file, and the truth by its rows' titles and years, or by their order where it has no titles."""

    filename: str
    data: bytes
    films: list[Film]
    titled: bool = True


def films(path: Path = FILMS) -> list[Film]:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Film(r["kind"], r["title"], int(r["year"]), r["imdb_id"], number) for number, r in enumerate(rows)]


def links(folder: Path) -> dict[str, tuple[str, str]]:
    """MovieLens's and TMDB's ids by IMDb's, of a folder with links.csv."""
    with (folder / "links.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["imdbId"]]
    return {f"tt{row['imdbId']}": (row["movieId"], row["tmdbId"]) for row in rows}


def exports(all_films: Sequence[Film], known: Mapping[str, tuple[str, str]]) -> dict[str, Made]:
    """The exports by format; `known` are the ids of a catalogue's movies by IMDb id."""
    movies = [film for film in all_films if film.kind != "series"]
    here = list({film.imdb_id: film for film in movies if film.imdb_id in known}.values())
    return {
        "IMDb": Made("ratings.csv", _csv(IMDB, map(_imdb, all_films)), list(all_films)),
        "IMDb until 2017": Made("ratings.csv", _csv(OLD_IMDB, map(_old_imdb, all_films)), list(all_films)),
        "Letterboxd, ZIP": Made("letterboxd-someone.zip", _letterboxd(movies), movies),
        "Letterboxd, ratings.csv": Made("ratings.csv", _csv(LETTERBOXD, map(_rated, movies)), movies),
        "the same, semicolons, CRLF": Made("ratings (1).csv", _spreadsheet(movies), movies),
        "Trakt, ratings-movies.json": Made("ratings-movies.json", _trakt(all_films, known), list(all_films)),
        "Trakt, ZIP": Made("trakt.zip", _trakt_zip(all_films, known), list(all_films)),
        "MovieLens, ratings.csv": Made("ratings.csv", _movielens(here, known), here, titled=False),
        "movielens.org": Made("movielens-ratings.csv", _movielens_org(here, known), here),
    }


IMDB = (
    "Const", "Your Rating", "Date Rated", "Title", "Original Title", "URL", "Title Type", "IMDb Rating",
    "Runtime (mins)", "Year", "Genres", "Num Votes", "Release Date", "Directors",
)  # fmt: skip
OLD_IMDB = (
    "position", "const", "created", "modified", "description", "Title", "Title type", "Directors", "You rated",
    "IMDb Rating", "Runtime (mins)", "Year", "Genres", "Num. Votes", "Release Date (month/day/year)", "URL",
)  # fmt: skip
LETTERBOXD = ("Date", "Name", "Year", "Letterboxd URI", "Rating")


def _imdb(film: Film) -> Row:
    kind = "TV Series" if film.kind == "series" else "Movie"
    url = f"https://www.imdb.com/title/{film.imdb_id}/"
    return (
        film.imdb_id, int(film.stars * 2), f"{film.day:%Y-%m-%d}", film.title, film.title, url, kind, "7.7", "110",
        film.year, "Drama, Crime", "51234", f"{film.year}-09-01", "Some One, An Other",
    )  # fmt: skip


def _old_imdb(film: Film) -> Row:
    kind = "TV Series" if film.kind == "series" else "Feature Film"
    return (
        film.number + 1, film.imdb_id, f"{film.day:%a %b %d} 00:00:00 {film.day:%Y}", "", "", film.title, kind,
        "Some One", int(film.stars * 2), "7.7", "110", film.year, "drama, crime", "51234", f"{film.year}-09-01",
        f"http://www.imdb.com/title/{film.imdb_id}/",
    )  # fmt: skip


def _rated(film: Film) -> Row:
    return f"{film.day:%Y-%m-%d}", film.title, film.year, f"https://boxd.it/{film.number:04x}", film.stars


def _watched(film: Film) -> Row:
    return _rated(film)[:4]


def _letterboxd(movies: Sequence[Film]) -> bytes:
    """The whole archive, with all that is in one besides: reviews of many lines, lists, a deleted diary."""
    rated = [film for film in movies if film.is_rated]
    diary = [(*_rated(film), "Yes", "cinema, 35mm", f"{film.day:%Y-%m-%d}") for film in rated[::4]]
    reviews = [
        (*_rated(film), "", 'Two lines,\none of them "quoted".', "", f"{film.day:%Y-%m-%d}") for film in rated[:3]
    ]
    return _zip({
        "profile.csv": _csv(("Date Joined", "Username"), [("2015-01-01", "someone")]),
        "ratings.csv": _csv(LETTERBOXD, map(_rated, rated)),
        "watched.csv": _csv(LETTERBOXD[:4], map(_watched, movies)),
        "watchlist.csv": _csv(LETTERBOXD[:4], [("2024-01-01", "Stalker", 1979, "https://boxd.it/zz")]),
        "diary.csv": _csv((*LETTERBOXD, "Rewatch", "Tags", "Watched Date"), diary),
        "reviews.csv": _csv((*LETTERBOXD, "Rewatch", "Review", "Tags", "Watched Date"), reviews),
        "likes/films.csv": _csv(LETTERBOXD[:4], map(_watched, movies[::9])),
        "deleted/diary.csv": _csv(LETTERBOXD, [("2020-01-01", "Alien", 1979, "https://boxd.it/yy", 0.5)]),
        "lists/best.csv": b"Letterboxd list export v7\nDate,Name,Tags,URL,Description\n",
    })  # fmt: skip


def _spreadsheet(movies: Sequence[Film]) -> bytes:
    """Saved again by a spreadsheet: a byte-order mark, semicolons, decimal commas."""
    rows = [(*_watched(film), str(film.stars).replace(".", ",")) for film in movies]
    return b"\xef\xbb\xbf" + _csv(LETTERBOXD, rows, delimiter=";")


def _trakt(some: Sequence[Film], known: Mapping[str, tuple[str, str]], *, rated: bool = True) -> bytes:
    return json.dumps([_trakt_item(film, known, rated=rated) for film in some], ensure_ascii=False).encode()


def _trakt_item(film: Film, known: Mapping[str, tuple[str, str]], *, rated: bool) -> dict[str, object]:
    medium = "show" if film.kind == "series" else "movie"
    tmdb = known.get(film.imdb_id, ("", ""))[1]
    ids = {"trakt": film.number + 1, "slug": "some-slug", "imdb": film.imdb_id, "tmdb": int(tmdb) if tmdb else None}
    if film.number % WITHOUT_ID == 0:
        ids |= {"imdb": None, "tmdb": None}
    about = {medium: {"title": film.title, "year": film.year, "ids": ids}}
    if rated:
        return {
            "rated_at": f"{film.day:%Y-%m-%dT%H:%M:%S}.000Z",
            "rating": int(film.stars * 2),
            "type": medium,
            **about,
        }
    return {"plays": 2, "last_watched_at": f"{film.day:%Y-%m-%dT%H:%M:%S}.000Z", **about}


def _trakt_zip(some: Sequence[Film], known: Mapping[str, tuple[str, str]]) -> bytes:
    movies = [film for film in some if film.kind != "series"]
    return _zip({
        "someone/ratings/ratings-movies.json": _trakt([film for film in movies if film.is_rated], known),
        "someone/ratings/ratings-shows.json": _trakt([film for film in some if film.kind == "series"], known),
        "someone/watched/watched-movies.json": _trakt(movies, known, rated=False),
        "someone/lists/watchlist.json": b"[]",
    })  # fmt: skip


def _movielens(here: Iterable[Film], known: Mapping[str, tuple[str, str]]) -> bytes:
    rows = [(77, known[film.imdb_id][0], film.stars, int(film.day.timestamp())) for film in here]
    return _csv(("userId", "movieId", "rating", "timestamp"), rows)


def _movielens_org(here: Iterable[Film], known: Mapping[str, tuple[str, str]]) -> bytes:
    rows = [
        (
            known[film.imdb_id][0],
            film.imdb_id[2:],
            known[film.imdb_id][1],
            film.stars,
            3.61,
            f"{film.title} ({film.year})",
        )
        for film in here
    ]
    return _csv(("movie_id", "imdb_id", "tmdb_id", "rating", "average_rating", "title"), rows)


def _csv(header: Row, rows: Iterable[Row], delimiter: str = ",") -> bytes:
    file = StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue().encode()


def _zip(files: Mapping[str, bytes]) -> bytes:
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()

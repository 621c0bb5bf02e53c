"""Writes the tables by which movies are found: genres, tags, the forms and spellings of titles, their text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import apsw
import numpy as np
import polars as pl

from movies.ingest.files import MovieRow
from movies.ingest.stats import Ints
from movies.ingest.tag_merge import TagsOf
from movies.titles import Title, acronym, plain, title_forms

MOST_TELLING = 10  # tags that full-text search weighs most

GENRE_WORDS = {  # what people say for MovieLens's genres
    "Sci-Fi": "sci-fi. science fiction. scifi",
    "Children": "children. kids. family",
    "Comedy": "comedy. funny",
    "Horror": "horror. scary",
    "Animation": "animation. animated. cartoon",
    "Film-Noir": "film-noir. noir",
    "Romance": "romance. romantic. love",
    "Musical": "musical. music",
}


def write_genres(db: apsw.Connection, movies: Sequence[MovieRow]) -> None:
    carriers: dict[str, list[int]] = {}
    for at, movie in enumerate(movies):
        for genre in movie.genres:
            carriers.setdefault(genre, []).append(at)
    db.executemany(
        "INSERT INTO genres (name, plain, movies, carriers) VALUES (?, ?, ?, ?)",
        ((name, plain(name), len(have), np.array(have, "<u4").tobytes()) for name, have in sorted(carriers.items())),
    )


def write_tag_names(db: apsw.Connection, tags: pl.DataFrame) -> None:
    """Write the tags that movies carry, the most carried first, and who carries them."""
    names = tags.group_by("plain", maintain_order=True).agg(pl.col("tag").first(), pl.col("movie").sort())
    names = names.sort(pl.col("movie").list.len(), "plain", descending=[True, False])
    rows = [
        (number, tag, form, len(have), np.array(have, "<u4").tobytes())
        for number, (form, tag, have) in enumerate(names.iter_rows(), 1)
    ]
    db.executemany("INSERT INTO tag_names (tag_id, tag, plain, movies, carriers) VALUES (?, ?, ?, ?, ?)", rows)
    db.executemany("INSERT INTO tag_parts (rowid, tag) VALUES (?, ?)", ((row[0], f"^{row[2]}$") for row in rows))


def write_titles(db: apsw.Connection, movies: Sequence[MovieRow], titles: Sequence[Title], counts: Ints) -> None:
    """Write the forms of titles, the most rated movie's first, their full-text index and the spelling of words."""
    forms: list[tuple[int, int, str, str, int]] = []
    uses: Counter[str] = Counter()
    for at in np.argsort(-counts, kind="stable").tolist():
        movie, title = movies[at], titles[at]
        for form, main in title_forms(title):
            forms.append((len(forms), movie.movie_id, form, form.replace(" ", ""), 0 if main else 1))
            uses.update(form.split())
        if initials := acronym(title.title):
            forms.append((len(forms), movie.movie_id, "", initials, 2))
    db.executemany("INSERT INTO title_forms (form_id, movie_id, words, joined, kind) VALUES (?, ?, ?, ?, ?)", forms)
    db.executemany(
        "INSERT INTO title_words (rowid, words) VALUES (?, ?)", ((form[0], form[2]) for form in forms if form[2])
    )
    spellings = [(number, word, count) for number, (word, count) in enumerate(sorted(uses.items()))]
    db.executemany("INSERT INTO spellings (word_id, word, uses) VALUES (?, ?, ?)", spellings)
    db.executemany(
        "INSERT INTO spelling_parts (rowid, word) VALUES (?, ?)",
        ((number, f"^{word}$") for number, word, _ in spellings),
    )


def write_text(db: apsw.Connection, movies: Sequence[MovieRow], titles: Sequence[Title], tags_of: TagsOf) -> None:
    """Write what is said of each movie, with the weights of the columns, and put the full-text indexes in order."""
    rows = []
    for at, (movie, title) in enumerate(zip(movies, titles, strict=True)):
        names = [tag for tag, _ in tags_of.get(at, [])]
        genres = [GENRE_WORDS.get(genre, genre) for genre in movie.genres]
        columns = [title.title, *title.alternatives], genres, names[:MOST_TELLING], names[MOST_TELLING:]
        rows.append((movie.movie_id, *map(". ".join, columns), movie.description))
    db.executemany(
        "INSERT INTO movie_text (rowid, title, genres, tags, more_tags, description) VALUES (?, ?, ?, ?, ?, ?)", rows
    )
    for command in (
        "INSERT INTO movie_text (movie_text, rank) VALUES ('rank', 'bm25(2.0, 3.0, 4.0, 2.0, 2.0)')",
        "INSERT INTO movie_text (movie_text) VALUES ('optimize')",
        "INSERT INTO title_words (title_words) VALUES ('optimize')",
    ):
        db.execute(command)

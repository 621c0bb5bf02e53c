"""Makes the content of a catalogue file from MovieLens's files: reads, computes, and writes in bulk through apsw."""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import chain, pairwise, starmap
from pathlib import Path
from typing import Any, TypeVar

import apsw
import numpy as np
import polars as pl
from pydantic_core import to_json

from files import flush
from movies.ingest.facts import KeptFacts, write_facts
from movies.ingest.files import LinkRow, MovieFiles, MovieRow, NotInOrderError, groups, prefetched, sorted_passes
from movies.ingest.layout import GENOME_SCORES, GENOME_TAGS, LINKS, MOVIES, RATINGS, TAGS, USERS, Table
from movies.ingest.parsing import Triples
from movies.ingest.stats import Ints, MovieIndex, RatingStats, Summary, run_starts
from movies.ingest.tag_merge import SCHEMA, GenomeStats, TagsOf, TypedTags, merge_tags, tags_by_movie
from movies.models import Naming
from movies.tables import APPLICATION_ID, FORMAT, INDEXES, PART_KINDS, TABLES, pack
from movies.titles import Title, acronym, parse_title, plain, title_forms

PREFETCHED = 6  # batches that reading may be ahead of inserting
AT_ONCE = 64  # tags inserted by one statement
TURN = 0.0003  # seconds that a thread may keep others from Python: inserting asks for it often
CARD_TAGS = 6  # what a card of a movie shows
PART = 2**14  # ratings: read within a tenth of a millisecond for one user
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

T = TypeVar("T")

INSERT_TAGS = "INSERT INTO tags (user_id, movie_id, tag, timestamp) VALUES (?, ?, ?, ?)"


class Build:
    """One catalogue in the making: movies are read first and written last, when all is known of them."""

    def __init__(self, part: Path, files: MovieFiles, stage: Callable[[str], None], facts: KeptFacts | None) -> None:
        self.files, self.stage, self._part, self._facts = files, stage, part, facts
        self.notes: list[str] = []
        self._db = open_part(part)
        self._movies: list[MovieRow] = []
        self._index = MovieIndex(np.zeros(0, np.int64))
        self._titles: list[Title] = []
        self._ratings = RatingStats(0)
        self._raters: list[Ints] = []

    def run(self) -> None:
        """Write everything and close the file."""
        try:
            with ThreadPoolExecutor() as background, _bulk_work():
                self._db.execute(TABLES)
                self._db.execute("BEGIN")
                self._write_all(background)
                self._db.execute("COMMIT")
        finally:
            self._db.close()

    def _write_all(self, background: Executor) -> None:
        """Write in an order that leaves something to insert while numbers are sorted and ranked in the background."""
        naming = self.files.naming()
        with self._timed(MOVIES):
            self._read_movies()
        with self._timed(LINKS):
            links = self._read_links()
        self._ratings = RatingStats(len(self._movies))
        with self._timed(RATINGS):
            if self.files.has(RATINGS):
                self._in_any_order(RATINGS, "users", self._insert_ratings)
        with self._timed(USERS):
            self._write_users()
        summary = self._ratings.summary()
        typed = self._write_while_sorting(background, summary.counts)
        ranked = background.submit(typed.ranked)
        with self._timed(GENOME_SCORES):
            genome = self._write_genome()
        flushed = background.submit(flush, self._part)  # so that little is left for the last fsync
        tags = merge_tags(genome, ranked.result())
        self.stage("movies")
        _write_tag_names(self._db, tags, typed.other_spellings)
        tags_of = tags_by_movie(tags)
        self._write_movies(summary, links, tags_of)
        self._write_facts()
        self.stage("search index")
        _write_text(self._db, self._movies, self._titles, tags_of)
        self._db.execute(INDEXES)
        self._write_meta(summary, naming)
        flushed.result()

    def _write_while_sorting(self, background: Executor, counts: Ints) -> TypedTags:
        """Write titles and tags while the histories are sorted, then those, which frees their memory."""
        histories = background.submit(self._ratings.histories)
        with prefetched(self._read_tags(), PREFETCHED) as typed:
            self.stage("titles")
            _write_genres(self._db, self._movies)
            _write_titles(self._db, self._movies, self._titles, counts)
            with self._timed(TAGS):
                tags = self._write_tags(typed)
        of_movies, of_days = histories.result().of_movies(), histories.result().of_days()
        self._db.executemany("INSERT INTO movie_history (movie_index, ratings) VALUES (?, ?)", of_movies)
        self._db.executemany("INSERT INTO daily_ratings (age, ratings) VALUES (?, ?)", of_days)
        return tags

    @contextmanager
    def _timed(self, table: Table) -> Iterator[None]:
        """Note how long it takes to read a file and to write what is in it."""
        started = time.perf_counter()
        yield
        if self.files.has(table):
            self.files.report(table).seconds = time.perf_counter() - started

    def _read_movies(self) -> None:
        report = self.files.report(MOVIES)
        movies: dict[int, MovieRow] = {}
        for movie in self.files.movies():
            if movie.movie_id in movies:
                report.refuse([movie.line], [f"movie {movie.movie_id} is there already"])
            else:
                movies[movie.movie_id] = movie
        self._movies = [movies[movie_id] for movie_id in sorted(movies)]
        self._titles = [parse_title(movie.title) for movie in self._movies]
        self._index = MovieIndex(np.array(sorted(movies), np.int64))

    def _write_users(self) -> None:
        """Write what users tell of themselves; those who rated nothing are users, too."""
        users: dict[int, str] = {}
        for user in self.files.users() if self.files.has(USERS) else ():
            if not user.profile or user.user_id in users:
                reason = f"user {user.user_id} is there already" if user.profile else "the profile is empty"
                self.files.report(USERS).refuse([user.line], [reason])
            else:
                users[user.user_id] = user.profile
        self._db.executemany("INSERT INTO users (user_id, profile) VALUES (?, ?)", users.items())
        self._raters.append(np.array(list(users), np.int64))

    def _read_links(self) -> dict[int, LinkRow]:
        if not self.files.has(LINKS):
            return {}
        links = {link.movie_id: link for link in self.files.links()}
        known = self._index.of(np.array(list(links), np.int64)) >= 0
        for movie_id in np.array(list(links), np.int64)[~known].tolist():
            reason = f"movie {movie_id} is not in {self.files.file(MOVIES)}"
            self.files.report(LINKS).refuse([links.pop(movie_id).line], [reason])
        return links

    def _in_any_order(self, table: Table, by: str, insert: Callable[[Iterator[Triples]], T]) -> T:
        """Insert a long file as it stands; where it is not in order, once more from the start, in several passes."""
        read = partial(self.files.triples, table)
        try:
            return insert(read())
        except NotInOrderError:
            file = self.files.file(table)
            self.notes.append(f"{file} is not in order of {by}: read in several passes")
            del self.files.reports[file]
            return insert(sorted_passes(read))

    def _insert_ratings(self, batches: Iterator[Triples]) -> None:
        self._ratings, self._raters = RatingStats(len(self._movies)), []
        cursor = self._db.cursor()
        cursor.execute("DELETE FROM rating_parts")
        known = self._known(RATINGS, batches, "second", self._index, MOVIES)
        whole = groups(
            known, partial(self._refuse, RATINGS, "user {} rated movie {} more than once: the latest counts")
        )
        with prefetched(self._parts(whole), PREFETCHED) as parts:
            cursor.executemany(
                "INSERT INTO rating_parts (part, users, counts, ratings, times) VALUES (?, ?, ?, ?, ?)", parts
            )

    def _parts(self, batches: Iterator[Triples]) -> Iterator[tuple[int, *tuple[bytes, ...]]]:
        """Rows of `rating_parts`: one is all that is read for one user."""
        for batch in batches:
            half_stars, movies = (batch.value * 2).astype(np.int64), self._index.of(batch.second)
            self._ratings.add(movies, half_stars, batch.timestamp)
            starts = run_starts(batch.first)
            users, counts = batch.first[starts[:-1]], np.diff(starts)
            self._raters.append(users)
            packed = pack(movies, half_stars)
            for first, last in pairwise(_parted(starts)):
                given = slice(starts[first], starts[last])
                columns = (users[first:last], counts[first:last], packed[given], batch.timestamp[given])
                blobs = (column.astype(kind).tobytes() for column, kind in zip(columns, PART_KINDS, strict=True))
                yield int(users[first]), *blobs

    def _known(
        self, table: Table, batches: Iterator[Triples], column: str, index: MovieIndex, listed: Table
    ) -> Iterator[Triples]:
        """Leave out, and count, the rows whose movie or tag is not in the file where these are listed."""
        kind = "movie" if listed is MOVIES else "tag"
        for batch in batches:
            ids = getattr(batch, column)
            known = index.of(ids) >= 0
            if not known.all():
                reasons = (f"{kind} {unknown} is not in {self.files.file(listed)}" for unknown in ids[~known])
                self.files.report(table).refuse(batch.lines[~known], reasons)
            yield batch if known.all() else batch.take(known)

    def _refuse(self, table: Table, reason: str, rows: Triples) -> None:
        self.files.report(table).refuse(rows.lines, map(reason.format, rows.first, rows.second))

    def _write_genome(self) -> pl.DataFrame:
        """Write the genome's tags and return each movie's telling ones."""
        if not (self.files.has(GENOME_TAGS) and self.files.has(GENOME_SCORES)):
            return pl.DataFrame(schema=SCHEMA)
        tags = dict(self.files.genome_tags())
        self._db.executemany("INSERT INTO genome_tags (tag_id, tag) VALUES (?, ?)", tags.items())
        index = MovieIndex(np.array(sorted(tags), np.int64))
        genome = self._in_any_order(GENOME_SCORES, "movies", partial(self._read_scores, index))
        return genome.telling([tags[tag_id] for tag_id in index.ids.tolist()])

    def _read_scores(self, tags: MovieIndex, batches: Iterator[Triples]) -> GenomeStats:
        stats = GenomeStats(len(tags.ids))
        known = self._known(GENOME_SCORES, batches, "first", self._index, MOVIES)
        known = self._known(GENOME_SCORES, known, "second", tags, GENOME_TAGS)
        again = "movie {} has a score for tag {} more than once: the last counts"
        with prefetched(groups(known, partial(self._refuse, GENOME_SCORES, again))) as ready:
            for batch in ready:
                stats.add(self._index.of(batch.first), tags.of(batch.second), batch.value)
        return stats

    def _read_tags(self) -> Iterator[pl.DataFrame]:
        """Read the tags; leave out, and count, those of unknown movies and empty ones."""
        for rows in self.files.tags() if self.files.has(TAGS) else ():
            kept = (self._index.of(rows["movieId"].to_numpy()) >= 0) & (rows["tag"] != "").to_numpy()
            refused = rows.filter(~kept)
            unknown = f"is not in {self.files.file(MOVIES)}"
            pairs = zip(refused["movieId"], refused["tag"], strict=True)
            reasons = (f"movie {movie} {unknown}" if tag else "the tag is empty" for movie, tag in pairs)
            self.files.report(TAGS).refuse(refused["line"].to_list(), reasons)
            yield rows.filter(kept)

    def _write_tags(self, typed: Iterator[pl.DataFrame]) -> TypedTags:
        """Write the tags as typed, and collect them for ranking."""
        collected = TypedTags()
        for rows in typed:
            self._insert_tags(rows.select("userId", "movieId", "tag", "timestamp").rows())
            collected.add(self._index.of(rows["movieId"].to_numpy()), rows["userId"].to_numpy(), rows["tag"].to_list())
        return collected

    def _insert_tags(self, rows: list[tuple[Any, ...]]) -> None:
        """Insert most tags many at a time, which asks less often for the turn that the thread reading them has."""
        whole = len(rows) - len(rows) % AT_ONCE
        many = INSERT_TAGS + ", (?, ?, ?, ?)" * (AT_ONCE - 1)
        self._db.executemany(
            many, (tuple(chain.from_iterable(rows[at : at + AT_ONCE])) for at in range(0, whole, AT_ONCE))
        )
        self._db.executemany(INSERT_TAGS, rows[whole:])

    def _write_movies(self, summary: Summary, links: dict[int, LinkRow], tags_of: TagsOf) -> None:
        counts, means = summary.counts.tolist(), summary.means.tolist()
        scores, histograms = summary.scores.tolist(), summary.histogram.tolist()

        def row(at: int, movie: MovieRow) -> tuple[apsw.SQLiteValue, ...]:
            title, top, link = self._titles[at], tags_of.get(at, []), links.get(movie.movie_id)
            rated = counts[at] > 0
            return (
                *(movie.movie_id, at, title.title, movie.title, title.year, _json(movie.genres)),
                *(_json([tag for tag, _ in top[:CARD_TAGS]]), _json(top), movie.description),
                *(link and link.imdb_id, link and link.tmdb_id, counts[at], means[at] if rated else None),
                *(scores[at] if rated else None, _json(histograms[at])),
            )

        self._db.executemany(
            """
            INSERT INTO movies (
                movie_id, movie_index, title, source_title, year, genres, tags, top_tags, description, imdb_id, tmdb_id,
                rating_count, rating_mean, score, histogram
            ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            starmap(row, enumerate(self._movies)),
        )

    def _write_facts(self) -> None:
        """Write the facts that are kept beside the catalogue, as far as its movies were there when they were read."""
        if self._facts is None:
            return
        facts = write_facts(self._db, self._facts)
        self.notes.append(f"IMDb's facts of {facts.movies:,} movies were kept (read {facts.read_at:%d %B %Y})")
        if facts.unread:
            again = "for these run `python movielens.py enrich` again"
            self.notes.append(f"Of {facts.unread:,} movies with an IMDb id no facts were ever read: {again}")

    def _write_meta(self, summary: Summary, naming: Naming) -> None:
        reports = self.files.reports
        ratings = int(summary.counts.sum())
        read = {file: report.rows - report.refused for file, report in reports.items()}
        meta = naming.model_dump() | {
            "name": self.files.source.name,
            "version": self.files.version,
            "movies": len(self._movies),
            "ratings": ratings,
            "users": len(np.unique(np.concatenate(self._raters))) if self._raters else 0,
            "tags": read.get(self.files.file(TAGS), 0),
            "genome_scores": read.get(self.files.file(GENOME_SCORES), 0),
            "rating_mean": summary.overall_mean if ratings else None,
            "damping": summary.damping,
            "oldest_rating": self._ratings.oldest if ratings else None,
            "newest_rating": self._ratings.newest if ratings else None,
            "imported_at": datetime.now(UTC).isoformat(),
        }
        self._db.executemany(
            "INSERT INTO meta (key, value) VALUES (?, ?)", ((key, _json(value)) for key, value in meta.items())
        )


def _write_genres(db: apsw.Connection, movies: Sequence[MovieRow]) -> None:
    carriers: dict[str, list[int]] = {}
    for at, movie in enumerate(movies):
        for genre in movie.genres:
            carriers.setdefault(genre, []).append(at)
    db.executemany(
        "INSERT INTO genres (name, plain, movies, carriers) VALUES (?, ?, ?, ?)",
        ((name, plain(name), len(have), np.array(have, "<u4").tobytes()) for name, have in sorted(carriers.items())),
    )


def _write_tag_names(db: apsw.Connection, tags: pl.DataFrame, others: Mapping[str, list[str]]) -> None:
    """Write the tags that movies carry, the most carried first, who carries them, and what other spellings add."""
    names = tags.group_by("plain", maintain_order=True).agg(pl.col("tag").first(), pl.col("movie").sort())
    names = names.sort(pl.col("movie").list.len(), "plain", descending=[True, False])
    added = Counter(tags.filter(pl.col("spelling") > 0).select("plain", "spelling").iter_rows())
    rows = [
        (number, tag, form, _json(_adding(form, others, added)), len(have), np.array(have, "<u4").tobytes())
        for number, (form, tag, have) in enumerate(names.iter_rows(), 1)
    ]
    db.executemany("INSERT INTO tag_names VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.executemany("INSERT INTO tag_parts (rowid, tag) VALUES (?, ?)", ((row[0], f"^{row[2]}$") for row in rows))


def _adding(form: str, others: Mapping[str, list[str]], added: Counter[tuple[str, int]]) -> dict[str, int]:
    """The other spellings of a tag, each with the movies that no spelling before it gives the tag."""
    return {other: added[form, place] for place, other in enumerate(others.get(form, []), 1)}


def _write_titles(db: apsw.Connection, movies: Sequence[MovieRow], titles: Sequence[Title], counts: Ints) -> None:
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


def _write_text(db: apsw.Connection, movies: Sequence[MovieRow], titles: Sequence[Title], tags_of: TagsOf) -> None:
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


def open_part(part: Path) -> apsw.Connection:
    """Open a new file without journal or locks: until it is renamed nobody else looks at it."""
    db = apsw.Connection(str(part))
    db.execute(
        """
        PRAGMA page_size = 16384;  -- a tenth faster to fill than 4096
        PRAGMA journal_mode = OFF;
        PRAGMA synchronous = OFF;
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA temp_store = MEMORY;
        PRAGMA cache_size = -16384;
        PRAGMA trusted_schema = OFF
        """
    ).fetchall()
    db.pragma("application_id", APPLICATION_ID)
    db.pragma("user_version", FORMAT)
    return db


@contextmanager
def _bulk_work() -> Iterator[None]:
    """Spare Python its search for cycles, which rows do not hold, and let its threads take turns more quickly."""
    interval = sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.enable()


def _json(value: object) -> str:
    return to_json(value).decode()


def _parted(starts: Ints) -> list[int]:
    """The users with whom parts of about PART ratings begin, by their place, and the number of all.

    >>> _parted(np.array([0, PART, PART + 5, 2 * PART + 9, 2 * PART + 10]))
    [0, 1, 2, 4]
    """
    begun = np.searchsorted(starts, np.arange(0, starts[-1], PART), side="right") - 1
    return [*np.unique(begun).tolist(), len(starts) - 1]

"""Makes the content of a catalogue file from MovieLens's files: reads, computes, and writes in bulk through apsw."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, starmap
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic_core import to_json

from files import flush
from movies.ingest.files import LinkRow, MovieFiles, MovieRow
from movies.ingest.layout import GENOME_SCORES, GENOME_TAGS, LINKS, MOVIES, RATINGS, TAGS, Table
from movies.ingest.parsing import Triples
from movies.ingest.row_order import NotInOrderError, groups, prefetched, sorted_passes
from movies.ingest.search_tables import write_genres, write_tag_names, write_text, write_titles
from movies.ingest.stats import GenomeStats, Histories, Ints, MovieIndex, RatingStats, Summary, run_starts
from movies.ingest.tag_merge import TagsOf, TypedTags, merge_tags, tag_frame, tags_by_movie
from movies.tables import APPLICATION_ID, FORMAT, INDEXES, MOST_MOVIES, TABLES, TIME_BITS, pack
from movies.titles import Title, parse_title, plain

PREFETCHED = 6  # batches that reading may be ahead of inserting
AT_ONCE = 64  # tags inserted by one statement
TURN = 0.0003  # seconds that a thread may keep others from Python: inserting asks for it often
CARD_TAGS = 6  # what a card of a movie shows

INSERT_TAGS = "INSERT INTO tags (user_id, movie_id, tag, timestamp) VALUES (?, ?, ?, ?)"


class Build:
    """One catalogue in the making: movies are read first and written last, when all is known of them."""

    def __init__(self, part: Path, files: MovieFiles, stage: Callable[[str], None]) -> None:
        self.files, self.stage, self._part = files, stage, part
        self.notes: list[str] = []
        self._db = _open_part(part)
        self._movies: list[MovieRow] = []
        self._index = MovieIndex(np.zeros(0, np.int64))
        self._titles: list[Title] = []
        self._ratings = RatingStats(0)
        self._users = 0

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
        with self._timed(MOVIES):
            self._read_movies()
        with self._timed(LINKS):
            links = self._read_links()
        with self._timed(RATINGS):
            self._write_ratings()
        summary = self._ratings.summary()
        ranked = background.submit(self._write_while_sorting(background, summary.counts).ranked)
        with self._timed(GENOME_SCORES):
            genome = self._write_genome()
        flushed = background.submit(flush, self._part)  # so that little is left for the last fsync
        tags = merge_tags(genome, ranked.result())
        self.stage("movies")
        write_tag_names(self._db, tags)
        tags_of = tags_by_movie(tags)
        self._write_movies(summary, links, tags_of)
        self.stage("search index")
        write_text(self._db, self._movies, self._titles, tags_of)
        self._db.execute(INDEXES)
        self._write_meta(summary)
        flushed.result()

    def _write_while_sorting(self, background: Executor, counts: Ints) -> TypedTags:
        """Write titles and tags while the histories are sorted, then those, which frees their memory."""
        histories = background.submit(self._ratings.histories)
        with prefetched(self._read_tags(), PREFETCHED) as typed:
            self.stage("titles")
            write_genres(self._db, self._movies)
            write_titles(self._db, self._movies, self._titles, counts)
            with self._timed(TAGS):
                tags = self._write_tags(typed)
        self._write_histories(histories.result())
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
        self._ratings = RatingStats(len(movies))

    def _read_links(self) -> dict[int, LinkRow]:
        if not self.files.has(LINKS):
            return {}
        links = {link.movie_id: link for link in self.files.links()}
        known = self._index.of(np.array(list(links), np.int64)) >= 0
        for movie_id in np.array(list(links), np.int64)[~known].tolist():
            reason = f"movie {movie_id} is not in {self.files.file(MOVIES)}"
            self.files.report(LINKS).refuse([links.pop(movie_id).line], [reason])
        return links

    def _write_ratings(self) -> None:
        try:
            self._insert_ratings(self.files.ratings())
        except NotInOrderError:
            self.notes.append(f"{self.files.file(RATINGS)} is not in order of users: read in several passes")
            self._start_ratings_again()
            self._insert_ratings(sorted_passes(self.files.ratings))

    def _insert_ratings(self, batches: Iterator[Triples]) -> None:
        whole = groups(self._known(RATINGS, batches), self._refuse_duplicates)
        with prefetched(self._packed_ratings(whole), PREFETCHED) as packed:
            self._insert_packed(packed)

    def _insert_packed(self, batches: Iterator[Triples | tuple[Ints, Ints, Ints]]) -> None:
        """Insert one user at a time; where ids are small, the rest of a rating goes as one packed number."""
        cursor = self._db.cursor()
        for batch in batches:
            if isinstance(batch, Triples):
                cursor.executemany(
                    "INSERT OR FAIL INTO ratings (user_id, movie_id, stars, timestamp) VALUES (?, ?, ?, ?)",
                    batch.rows(),
                )
            else:
                cursor.executemany(
                    """
                    INSERT OR FAIL INTO ratings (user_id, movie_id, stars, timestamp)
                    SELECT ?, value >> 36, (value & 15) * 0.5, value >> 4 & 4294967295 FROM carray(?)
                    """,
                    _slices(*batch),
                )

    def _packed_ratings(self, batches: Iterator[Triples]) -> Iterator[Triples | tuple[Ints, Ints, Ints]]:
        """Yield (users, where each one's ratings start, packed ratings), or a batch whose movie ids are too large."""
        for batch in batches:
            half_stars = (batch.value * 2).astype(np.int64)
            self._ratings.add(self._index.of(batch.second), half_stars, batch.timestamp)
            starts = run_starts(batch.first)
            users = batch.first[starts[:-1]]
            self._users += len(users)
            if batch.second.max() < MOST_MOVIES:
                yield users, starts, pack(batch.second << TIME_BITS | batch.timestamp, half_stars)
            else:
                yield batch

    def _start_ratings_again(self) -> None:
        self._db.execute("DELETE FROM ratings")
        self._ratings = RatingStats(len(self._movies))
        self._users = 0
        self.files.reports.pop(self.files.file(RATINGS), None)

    def _known(self, table: Table, batches: Iterator[Triples]) -> Iterator[Triples]:
        """Leave out, and count, the rows of unknown movies."""
        for batch in batches:
            movie = batch.second if table is RATINGS else batch.first
            known = self._index.of(movie) >= 0
            if not known.all():
                reasons = (f"movie {unknown} is not in {self.files.file(MOVIES)}" for unknown in movie[~known])
                self.files.report(table).refuse(batch.lines[~known], reasons)
            yield batch if known.all() else batch.take(known)

    def _refuse_duplicates(self, rows: Triples) -> None:
        pairs = zip(rows.first, rows.second, strict=True)
        reasons = (f"user {user} rated movie {movie} more than once: the latest counts" for user, movie in pairs)
        self.files.report(RATINGS).refuse(rows.lines, reasons)

    def _write_genome(self) -> pl.DataFrame:
        """Write the genome and return each movie's telling tags."""
        if not (self.files.has(GENOME_TAGS) and self.files.has(GENOME_SCORES)):
            return tag_frame([], [], [], [])
        tags = dict(self.files.genome_tags())
        self._db.executemany("INSERT INTO genome_tags (tag_id, tag) VALUES (?, ?)", tags.items())
        index = MovieIndex(np.array(sorted(tags), np.int64))
        read = self.files.genome_scores
        try:
            stats = self._insert_genome(read(), index)
        except NotInOrderError:
            self.notes.append(f"{self.files.file(GENOME_SCORES)} is not in order of movies: read in several passes")
            self._db.execute("DELETE FROM genome_scores")
            self.files.reports.pop(self.files.file(GENOME_SCORES), None)
            stats = self._insert_genome(sorted_passes(read), index)
        telling = stats.telling()
        names = [tags[tag_id] for tag_id in index.ids.tolist()]
        forms = [plain(name) for name in names]
        chosen = telling.tag.tolist()
        columns = telling.movie.tolist(), [names[tag] for tag in chosen], [forms[tag] for tag in chosen]
        return tag_frame(*columns, telling.relevance.tolist())

    def _known_scores(self, batches: Iterator[Triples], index: MovieIndex) -> Iterator[Triples]:
        """Leave out, and count, the scores of unknown movies and unknown tags."""
        for batch in self._known(GENOME_SCORES, batches):
            known = index.of(batch.second) >= 0
            reasons = (f"tag {tag} is not in {self.files.file(GENOME_TAGS)}" for tag in batch.second[~known])
            self.files.report(GENOME_SCORES).refuse(batch.lines[~known], reasons)
            yield batch if known.all() else batch.take(known)

    def _refuse_scores(self, rows: Triples) -> None:
        pairs = zip(rows.first, rows.second, strict=True)
        reasons = (f"movie {movie} has a score for tag {tag} more than once: the last counts" for movie, tag in pairs)
        self.files.report(GENOME_SCORES).refuse(rows.lines, reasons)

    def _insert_genome(self, batches: Iterator[Triples], tags: MovieIndex) -> GenomeStats:
        stats = GenomeStats(len(tags.ids))
        with prefetched(groups(self._known_scores(batches, tags), self._refuse_scores)) as ready:
            for batch in ready:
                stats.add(self._index.of(batch.first), tags.of(batch.second), batch.value)
                self._insert_scores(batch)
        return stats

    def _insert_scores(self, batch: Triples) -> None:
        """Insert one movie at a time: its tags, nearly always consecutive, come from the position in the array."""
        cursor = self._db.cursor()
        if ((np.diff(batch.second) != 1) & (np.diff(batch.first) == 0)).any():
            cursor.executemany(
                "INSERT OR FAIL INTO genome_scores (movie_id, tag_id, relevance) VALUES (?, ?, ?)",
                (row[:3] for row in batch.rows()),
            )
            return
        starts = run_starts(batch.first)
        before = (batch.second[starts[:-1]] - 1).tolist()
        slices = _slices(batch.first[starts[:-1]], starts, np.ascontiguousarray(batch.value))
        cursor.executemany(
            """
            INSERT OR FAIL INTO genome_scores (movie_id, tag_id, relevance)
            SELECT ?, ? + scores.rowid, scores.value FROM carray(?) AS scores
            """,
            ((movie, tag, scores) for tag, (movie, scores) in zip(before, slices, strict=True)),
        )

    def _read_tags(self) -> Iterator[pl.DataFrame]:
        if self.files.has(TAGS):
            yield from map(self._placed, self.files.tags())

    def _placed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Leave out, and count, tags of unknown movies and empty ones."""
        kept = (self._index.of(rows["movieId"].to_numpy()) >= 0) & (rows["tag"] != "").to_numpy()
        if kept.all():
            return rows
        refused = rows.filter(~kept)
        unknown = f"is not in {self.files.file(MOVIES)}"
        pairs = zip(refused["movieId"], refused["tag"], strict=True)
        reasons = (f"movie {movie} {unknown}" if tag else "the tag is empty" for movie, tag in pairs)
        self.files.report(TAGS).refuse(refused["line"].to_list(), reasons)
        return rows.filter(kept)

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

    def _write_histories(self, histories: Histories) -> None:
        self._db.executemany("INSERT INTO movie_history (movie_index, ratings) VALUES (?, ?)", histories.of_movies())
        self._db.executemany("INSERT INTO daily_ratings (age, ratings) VALUES (?, ?)", histories.of_days())

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
            "INSERT INTO movies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            starmap(row, enumerate(self._movies)),
        )

    def _write_meta(self, summary: Summary) -> None:
        reports = self.files.reports
        ratings = int(summary.counts.sum())
        read = {file: report.rows - report.refused for file, report in reports.items()}
        meta = {
            "name": self.files.source.name,
            "version": self.files.version,
            "movies": len(self._movies),
            "ratings": ratings,
            "users": self._users,
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


def _open_part(part: Path) -> apsw.Connection:
    """Open the new file without journal or locks: until it is renamed nobody else looks at it."""
    db = apsw.Connection(str(part))
    for pragma in (
        "PRAGMA page_size = 16384",  # a tenth faster to fill than 4096
        "PRAGMA journal_mode = OFF",
        "PRAGMA synchronous = OFF",
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA temp_store = MEMORY",
        "PRAGMA cache_size = -16384",
        "PRAGMA trusted_schema = OFF",
    ):
        db.execute(pragma).fetchall()
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


def _slices(keys: Ints, starts: Ints, values: npt.NDArray[Any]) -> Iterator[tuple[int, Any]]:
    """Yield (key, its values) for apsw: the values stay where they are and are read without the GIL."""
    bounds = starts.tolist()
    for key, start, stop in zip(keys.tolist(), bounds, bounds[1:], strict=False):
        yield key, apsw.carray(values, start=start, stop=stop)

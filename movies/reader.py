"""The catalogue's questions and answers: titles, texts, filtered lists, windows of time, users, as `movies.models`.

Writes nothing, and knows nothing of how the file was made beyond its tables; the import runs in another process,
because it brings another copy of SQLite.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from movies.aggregates import Aggregates, Chosen, Memberships, by_period, means, number
from movies.file import CatalogueFile, Row
from movies.ideas import GENRE_NAMES
from movies.link_people import PersonRow
from movies.link_titles import TitleRow
from movies.models import (
    Count,
    Filters,
    Movie,
    MovieDetail,
    MovieQuery,
    PeriodStats,
    RatingOrder,
    Sort,
    Span,
    TagRelevance,
    UserRating,
    WindowStats,
)
from movies.people import KnownPerson, Role, find_people, role_of
from movies.tables import LARGEST_ID, PART_KINDS, STARS_VALUES, pack, unpack
from movies.text_match import Found, TextMatcher
from movies.title_match import SETTLED, TitleMatcher, any_of, trigrams
from movies.titles import plain, title_words
from taste.interactions import damped_mean

WARM_TAGS = 100
WELL_TOLD = 5  # tags from which a movie is not about what none of them says
WARM_MOVIES = 20_000  # with fewer the first use of a word is quick enough
WINDOWS_KEPT = 16
MOST_PEOPLE = 100_000  # that are linked
CARD_CAST = 3  # of a movie in a list
TITLES_SEARCHED = 100
HOUR = 3_600  # seconds
GOOD_TITLE = 0.6  # from here a match of the title comes before any match of the text

CARRIERS_OF_TAG = "SELECT carriers FROM tag_names WHERE plain = ?"

Indexes = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]


class Given(NamedTuple):
    """The ratings of one user, each int64: ids of movies, half-stars, seconds since 1970."""

    ids: npt.NDArray[np.int64]
    half_stars: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]

    def take(self, places: Indexes) -> Given:
        """Those of some places, in their order."""
        return Given(*(column[places] for column in self))

    def rows(self) -> list[tuple[int, float, int]]:
        """Of each the movie's id, the stars and the time."""
        return list(zip(self.ids.tolist(), (self.half_stars / 2).tolist(), self.times.tolist(), strict=True))


class Short(NamedTuple):
    """A few columns of all movies, by movie index: the position in ascending order of ids.

    An unknown year or running time is 0, as are mean and score of a movie that nobody rated.
    """

    ids: npt.NDArray[np.int64]
    years: npt.NDArray[np.float64]
    counts: Counts
    means: Scores
    scores: Scores
    runtimes: npt.NDArray[np.float64]
    most_rated: Indexes

    def within(self, filters: Filters) -> npt.NDArray[np.bool_]:
        """A mask of the movies within the bounds of numbers; what is not known is within none."""
        bounds = (
            (self.counts, True, filters.min_ratings, filters.max_ratings),
            (self.means, self.counts > 0, filters.min_mean, filters.max_mean),
            (self.years, self.years > 0, filters.year_from, filters.year_to),
            (self.runtimes, self.runtimes > 0, filters.runtime_from, filters.runtime_to),
        )
        passing = np.ones(len(self.ids), bool)
        for values, known, least, most in bounds:
            if least is not None:
                passing &= values >= least
            if most is not None:
                passing &= known & (values <= most)
        return passing

    def sorted(self, at: Indexes, sort: Sort) -> Indexes:
        """Put indexes in order; by relevance they are already."""
        if sort == "relevance":
            return at
        if sort == "worst":
            at = at[self.counts[at] > 0]
        if sort == "oldest":
            at = at[self.years[at] > 0]
        first = {
            "popularity": -self.counts,
            "rating": -self.scores,
            "year": -self.years,
            "newest": -self.years,
            "worst": self.means,
            "oldest": self.years,
        }[sort]
        return at[np.lexsort((self.ids[at], -self.counts[at], first[at]))]


class Catalogue(CatalogueFile):
    """One catalogue file, open for reading; closed or damaged under us, every method is a CatalogueError."""

    def __init__(self, *opened: Any) -> None:
        super().__init__(*opened)
        self._windows: dict[int, tuple[Counts, Scores]] = {}
        self._columns: Short | None = None
        self._warmed = False
        self._told: npt.NDArray[np.float32] | None = None
        self._titles, self._texts = TitleMatcher(self.fetch), TextMatcher(self.fetch)
        self.aggregates = Aggregates(self.fetch)

    async def movie(self, movie_id: int) -> MovieDetail | None:
        rows = await self.fetch(
            """
            SELECT movie_id, title, year, genres, tags, imdb_id, tmdb_id, rating_count, rating_mean, score, runtime,
                   facts, source_title, description, histogram, top_tags
            FROM movies WHERE movie_id = ?
            """,
            (_bounded(movie_id),),
        )
        return _detail(rows[0]) if rows else None

    async def movies(self, ids: Iterable[int]) -> list[Movie]:
        """The movies with these ids, in this order; ids that are not there are left out."""
        wanted = list(map(_bounded, ids))
        rows = await self.fetch(
            """
            SELECT movie_id, title, year, genres, tags, imdb_id, tmdb_id, rating_count, rating_mean, score, runtime,
                   facts
            FROM movies WHERE movie_id IN (SELECT value FROM json_each(?))
            """,
            (json.dumps(wanted),),
        )
        found = {row[0]: Movie(**_movie_fields(row)) for row in rows}
        return [found[movie_id] for movie_id in wanted if movie_id in found]

    async def find_title(self, text: str, limit: int = 5) -> list[tuple[Movie, float]]:
        """The movies that a title could mean, most likely first, each with the quality of the match, 0 to 1.

        1 is the very title; from .85 its beginning, below that words of it, below .85 with its spelling corrected.
        """
        matches = await self._titles.find(text, limit)
        movies = {movie.movie_id: movie for movie in await self.movies(movie_id for movie_id, _ in matches)}
        return [(movies[movie_id], quality) for movie_id, quality in matches]

    async def text_scores(self, text: str, limit: int = 500) -> list[tuple[int, float]]:
        """BM25 over title, genres, tags and description, best first; larger is better.

        Any of the words may match; a movie's score is multiplied by the share of the text's ideas that it has.
        """
        return [(match.movie_id, match.score) for match in await self._texts.find(text, limit)]

    async def weigh(self, text: str) -> Found:
        """The evidence of what a text wishes for, of all movies in order of ids."""
        return await self._texts.weigh(text)

    async def told(self) -> npt.NDArray[np.float32]:
        """The share of what there is to tell of each movie that tags tell, 0 to 1, in order of ids; float32 [n]."""
        if self._told is None:
            tags = await self.aggregates.carriers("tag")
            count = np.bincount(tags.movies, minlength=self.info.movies)
            self._told = np.minimum(count / WELL_TOLD, 1).astype(np.float32)
        return self._told

    async def words_in_common(self, text: str, movie_id: int) -> list[str]:
        """The words of a text that a movie's own text has, those of a tag together."""
        return await self._texts.in_common(text, movie_id)

    async def warm(self) -> None:
        """Look the commonest words up, once, so that nobody waits for their first use."""
        if self._warmed or self.info.movies < WARM_MOVIES:
            return
        self._warmed = True
        for count in [*await self.genres(), *await self.tags(limit=WARM_TAGS)]:
            await self._texts.find(count.name, 1)
        await self._texts.warm()

    async def search(
        self,
        query: MovieQuery,
        *,
        limit: int,
        offset: int = 0,
        texts: Sequence[int] | None = None,
        allowed: npt.NDArray[np.bool_] | None = None,
    ) -> list[Movie]:
        """Movies that pass the filters: by the words of their title, then by what is said of them.

        Args:
            query: words, filters and order.
            limit: movies at most.
            offset: movies before them.
            texts: ids of the movies that fit the words otherwise than by title, where somebody has read these.
            allowed: bool [n], by index, what the words let pass; the very title is not asked.
        """
        short, at = await self._short(), await self._passing(query)
        if query.query is not None:
            everything = query.sort == "relevance"
            ranked = np.array(await self._ranked(query.query, texts, allowed, everything=everything), np.int64)
            found = np.searchsorted(short.ids, ranked)
            at = found[np.isin(found, at)]
        page = short.sorted(at, query.sort)[offset : offset + limit]
        return await self.movies(short.ids[page].tolist())

    async def matching(self, filters: Filters) -> list[int]:
        """The ids of all movies that pass, most rated first."""
        ids: list[int] = (await self._short()).ids[await self._passing(filters)].tolist()
        return ids

    async def user_ratings(
        self, user_id: int, *, order: RatingOrder = "newest", limit: int, offset: int = 0
    ) -> list[UserRating]:
        given = await self._given(user_id)
        key = {"highest": -given.half_stars, "lowest": given.half_stars, "oldest": given.times}.get(
            order, given.times * 0
        )
        page = given.take(np.lexsort((given.ids, -given.times, key))[offset : offset + limit])
        movies = await self.movies(page.ids.tolist())
        return [
            UserRating(movie=movie, stars=stars, rated_at=datetime.fromtimestamp(timestamp, UTC))
            for movie, (_, stars, timestamp) in zip(movies, page.rows(), strict=True)
        ]

    async def user_summary(self, user_id: int) -> tuple[int, float | None] | None:
        """Count and mean of a user's ratings; None for a user whom the data does not have."""
        half_stars = (await self._given(user_id)).half_stars
        mean = float(half_stars.mean()) / 2 if len(half_stars) else None
        return (len(half_stars), mean) if len(half_stars) or await self.user_text(user_id) else None

    async def user_text(self, user_id: int) -> str | None:
        """The words in which a user tells of themselves, where the data has any."""
        rows = await self.fetch("SELECT profile FROM users WHERE user_id = ?", (_bounded(user_id),))
        return rows[0][0] if rows else None

    async def user_profile(self, user_id: int) -> list[tuple[int, float, int]]:
        """All ratings of a user as (movie_id, stars, timestamp), oldest first."""
        given = await self._given(user_id)
        return given.take(np.lexsort((given.ids, given.times))).rows()

    async def popular(
        self,
        filters: Filters,
        *,
        since: int | None = None,
        sort: Literal["rating", "popularity"] = "popularity",
        limit: int = 10,
        exclude: Iterable[int] = (),
    ) -> list[tuple[Movie, int, float]]:
        """Movies by their ratings in the last `since` days before the newest rating, or of all time.

        Returns (movie, count, damped mean in stars), both of the window; a movie without a rating in it is left out.
        """
        short, at = await self._short(), await self._passing(filters)
        counts, scores = (short.counts, short.scores) if since is None else await self._window(since)
        at = at[(counts[at] > 0) & ~np.isin(short.ids[at], list(exclude))]
        best = at[np.argsort(-(counts if sort == "popularity" else scores)[at], kind="stable")[:limit]]
        movies = await self.movies(short.ids[best].tolist())
        return list(zip(movies, counts[best].tolist(), scores[best].tolist(), strict=True))

    async def stats(self, movie_id: int, windows: Sequence[str]) -> list[WindowStats]:
        """Count and mean of a movie's ratings over windows such as '12h' or '30d', back from the newest of all."""
        rows = await self.fetch(
            "SELECT ratings FROM movie_history JOIN movies USING (movie_index) WHERE movie_id = ?",
            (_bounded(movie_id),),
        )
        return self._window_stats([ratings for (ratings,) in rows], windows)

    async def series(self, movie_id: int, span: Span) -> list[PeriodStats]:
        """Count and mean of a movie's ratings by calendar month or year, from its first rating to its last."""
        months, cells = await self.aggregates.by_month(Chosen((await self._short()).ids == movie_id))
        periods, cells = by_period(months, cells, span)
        return [
            PeriodStats(period=period, count=count, mean=round(mean, 4) if count else None)
            for period, count, mean in zip(periods, number(cells).tolist(), means(cells).tolist(), strict=True)
        ]

    async def tmdb_id(self, movie_id: int) -> int | None:
        """The movie's number at TMDB, where the data has it."""
        rows = await self.fetch("SELECT tmdb_id FROM movies WHERE movie_id = ?", (_bounded(movie_id),))
        return rows[0][0] if rows else None

    async def tag_stats(self, tag: str, windows: Sequence[str]) -> list[WindowStats]:
        """The same for the ratings of all movies that carry a tag."""
        rows = await self.fetch(
            """
            SELECT ratings FROM movie_history WHERE movie_index IN (SELECT value FROM json_each(?))
            """,
            (json.dumps(np.flatnonzero(await self._carrying(CARRIERS_OF_TAG, plain(tag))).tolist()),),
        )
        return await asyncio.to_thread(self._window_stats, [ratings for (ratings,) in rows], windows)

    async def user_stats(self, user_id: int, windows: Sequence[str]) -> list[WindowStats]:
        """The same for the ratings that a user gave."""
        given, newest = await self._given(user_id), self.info.newest_rating or _EPOCH
        ages = (int(newest.timestamp()) - given.times) // HOUR
        packed = np.sort(pack(ages, given.half_stars)).astype("<u4")
        return self._window_stats([packed.tobytes()], windows)

    async def genres(self) -> list[Count]:
        rows = await self.fetch("SELECT name, movies FROM genres ORDER BY movies DESC, name")
        return [Count(name=name, movies=movies) for name, movies in rows]

    async def tags(self, query: str | None = None, *, limit: int = 50, offset: int = 0) -> list[Count]:
        """The tags that movies carry, the most carried first; with a query those that contain it."""
        rows = await self.fetch(
            """
            SELECT tag, movies FROM tag_names WHERE :query IS NULL OR instr(plain, :query) > 0
            ORDER BY tag_id LIMIT :limit OFFSET :offset
            """,
            {"query": None if query is None else plain(query), "limit": limit, "offset": min(offset, LARGEST_ID)},
        )
        return [Count(name=tag, movies=movies) for tag, movies in rows]

    async def link_rows(self) -> tuple[list[TitleRow], list[str], list[tuple[str, int]]]:
        """All titles, genres, and tags with the number of movies that carry them, as a linker is built of them."""
        rows = await self.fetch("SELECT movie_id, source_title, rating_count FROM movies ORDER BY movie_index")
        titles = await asyncio.to_thread(lambda: [TitleRow.parse(*row) for row in rows])
        tags = await self.fetch("SELECT tag, movies FROM tag_names ORDER BY tag_id")
        return titles, [count.name for count in await self.genres()], [(tag, movies) for tag, movies in tags]

    async def find_people(self, name: str, limit: int = 5) -> list[KnownPerson]:
        """The people whom a name could mean, most likely first; none of a catalogue without facts."""
        return await find_people(self.fetch, name, limit)

    async def people_rows(self) -> list[PersonRow]:
        """The people whom a linker knows, the best known first."""
        rows = await self.fetch("SELECT name, plain, fame FROM people ORDER BY number LIMIT ?", (MOST_PEOPLE,))
        return [PersonRow(*row) for row in rows]

    async def tag(self, name: str) -> str | None:
        """The tag whose plain form that is, as it is written most."""
        rows = await self.fetch("SELECT tag FROM tag_names WHERE plain = ?", (name,))
        return rows[0][0] if rows else None

    async def other_spellings(self, tag: str) -> dict[str, int]:
        """Other ways in which people typed a tag, the most used first, each with the movies that it adds."""
        rows = await self.fetch("SELECT other_spellings FROM tag_names WHERE plain = ?", (plain(tag),))
        return json.loads(rows[0][0]) if rows else {}

    async def sequels(self, words: Sequence[str]) -> list[int]:
        """The movies whose title goes on after these words with a number: of Rocky those from Rocky II on."""
        rows = await self.fetch(
            """
            SELECT DISTINCT movie_id FROM title_forms
            WHERE joined > :joined || '0' AND joined < :joined || ':' AND words LIKE :words || ' %' AND kind = 0
            """,
            {"joined": "".join(words), "words": " ".join(words)},
        )
        return [movie_id for (movie_id,) in rows] if words else []

    async def titled(self, text: str) -> list[int]:
        """The movies that have all these words in one of their titles."""
        words = " ".join(f'"{word}"' for word in title_words(text))
        rows = (
            await self.fetch(
                """
            SELECT DISTINCT movie_id FROM title_forms
            WHERE kind < 2 AND form_id IN (SELECT rowid FROM title_words WHERE title_words MATCH ?)
            """,
                (words,),
            )
            if words
            else []
        )
        return [movie_id for (movie_id,) in rows]

    async def by_title(self) -> list[int]:
        """The ids of all movies in order of their titles."""
        return [movie_id for (movie_id,) in await self.fetch("SELECT movie_id FROM movies ORDER BY title, year")]

    async def memberships(self, by: str) -> Memberships:
        """The movies of each genre, tag, year or decade."""
        if by in ("genre", "tag"):
            return await self.aggregates.carriers(by)
        return await asyncio.to_thread(_by_time, (await self._short()).years.astype(np.int64), by)

    async def near_tags(self, text: str, limit: int = 5) -> list[str]:
        """Tags that a text nobody tagged with could have meant: alike in letters, the most carried first."""
        wanted = trigrams(plain(text)[:100])
        if not wanted:
            return []
        rows = await self.fetch(
            """
            SELECT tag, plain, movies FROM tag_names WHERE tag_id IN (
                SELECT rowid FROM tag_parts WHERE tag_parts MATCH ? ORDER BY rank LIMIT 60
            )
            """,
            (any_of(wanted),),
        )
        found = [({*trigrams(form)}, movies, tag) for tag, form, movies in rows]
        alike = [(len(parts & {*wanted}) / len(parts | {*wanted}), movies, tag) for parts, movies, tag in found]
        return [tag for likeness, _, tag in sorted(alike, reverse=True) if likeness >= 0.25][:limit]

    async def _ranked(
        self, text: str, texts: Sequence[int] | None, allowed: npt.NDArray[np.bool_] | None, *, everything: bool
    ) -> list[int]:
        """Good matches of the title, then of the text, then poor ones of the title; or the best of each kind alone."""
        titles = await self._titles.find(text, TITLES_SEARCHED)
        if allowed is not None:
            ids = (await self._short()).ids
            titles = [pair for pair in titles if pair[1] >= SETTLED or allowed[np.searchsorted(ids, pair[0])]]
        good = [movie_id for movie_id, quality in titles if quality >= GOOD_TITLE]
        poor = [movie_id for movie_id, quality in titles if quality < GOOD_TITLE] if everything else []
        if texts is None:
            found = await self._texts.find(text)
            most = max((match.share for match in found), default=0)
            texts = [match.movie_id for match in found if everything or match.share == most]
        return list(dict.fromkeys([*good, *texts, *poor]))

    async def _passing(self, filters: Filters) -> Indexes:
        """The indexes of the movies that pass, most rated first."""
        short = await self._short()
        passing = short.within(filters)
        for person in filters.people:
            passing &= await self._made_by(*role_of(person))
        for name in {genre_form(name) for name in filters.genres}:
            passing &= await self._carrying("SELECT carriers FROM genres WHERE plain = ?", name)
        for name in {genre_form(name) for name in filters.exclude_genres}:
            passing &= ~await self._carrying("SELECT carriers FROM genres WHERE plain = ?", name)
        for tag in {plain(tag) for tag in filters.tags}:
            passing &= await self._carrying(CARRIERS_OF_TAG, tag)
        for tag in {plain(tag) for tag in filters.exclude_tags}:
            passing &= ~await self._carrying(CARRIERS_OF_TAG, tag)
        return short.most_rated[passing[short.most_rated]]

    async def _carrying(self, sql: str, name: str) -> npt.NDArray[np.bool_]:
        """A mask of the movies that have the genre or tag of this plain name."""
        carrying = np.zeros(len((await self._short()).ids), bool)
        for (carriers,) in await self.fetch(sql, (name,)):
            carrying[np.frombuffer(carriers, "<u4")] = True
        return carrying

    async def _made_by(self, role: Role, name: str) -> npt.NDArray[np.bool_]:
        """A mask of the movies that somebody of this very name had a role in, or had none in.

        "By" an actor are those that they play in; by who directed any, those alone.
        """
        rows = await self.fetch("SELECT directed, acted FROM people WHERE plain = ?", (plain(name),))
        role = "directed" if role == "by" and any(directed for directed, _ in rows) else role
        made = np.zeros(len((await self._short()).ids), bool)
        for directed, acted in rows:
            made[np.frombuffer(b"" if role == "acted" else directed, "<u4")] = True
            made[np.frombuffer(b"" if role == "directed" else acted, "<u4")] = True
        return ~made if role == "without" else made

    async def _given(self, user_id: int) -> Given:
        """The ratings of a user, in order of movies; none for one whom the data does not have."""
        user_id = _bounded(user_id)
        rows = await self.fetch(
            "SELECT users, counts, ratings, times FROM rating_parts WHERE part <= ? ORDER BY part DESC LIMIT 1",
            (user_id,),
        )
        columns = rows[0] if rows else (b"",) * len(PART_KINDS)
        users, counts, packed, times = map(np.frombuffer, columns, PART_KINDS)
        at = int(np.searchsorted(users, user_id))
        start = int(counts[:at].sum())
        here = slice(start, start + int(counts[at]) if at < len(users) and users[at] == user_id else start)
        movies, half_stars = unpack(packed[here].astype(np.int64))
        return Given((await self._short()).ids[movies], half_stars, times[here].astype(np.int64))

    async def _short(self) -> Short:
        """The columns of all movies by which lists are filtered and sorted, read once."""
        if self._columns is None:
            rows = await self.fetch(
                """
                SELECT movie_id, coalesce(year, 0), rating_count, coalesce(rating_mean, 0), coalesce(score, 0),
                       coalesce(runtime, 0)
                FROM movies ORDER BY movie_index
                """
            )
            ids = np.array([row[0] for row in rows], np.int64)
            years, counts, means, scores, runtimes = np.array(rows, np.float64).reshape(-1, 6).T[1:]
            counts = counts.astype(np.int64)
            self._columns = Short(ids, years, counts, means, scores, runtimes, np.argsort(-counts, kind="stable"))
        return self._columns

    async def _window(self, days: int) -> tuple[Counts, Scores]:
        """Counts and damped means of all movies over the last days; kept, since the catalogue never changes."""
        if days not in self._windows:
            rows = await self.fetch("SELECT ratings FROM daily_ratings WHERE age < ?", (min(days, LARGEST_ID),))
            movies = len((await self._short()).ids)
            window = await asyncio.to_thread(_add_up, rows, movies, self.damping, self.overall_mean)
            if len(self._windows) >= WINDOWS_KEPT:
                del self._windows[next(iter(self._windows))]
            self._windows[days] = window
        return self._windows[days]

    def _window_stats(self, histories: list[bytes], windows: Sequence[str]) -> list[WindowStats]:
        """Count and mean over windows of ratings packed by age, each history newest first."""
        stats = []
        for window in windows:
            hours, newest = _hours(window), self.info.newest_rating
            stars = [_stars_within(np.frombuffer(packed, "<u4"), hours) for packed in histories]
            count, total = sum(len(part) for part in stars), sum(int(part.sum(dtype=np.int64)) for part in stars) / 2
            since = None if hours is None or newest is None else max(newest - timedelta(hours=hours), _EPOCH)
            mean = round(total / count, 4) if count else None
            stats.append(WindowStats(window=window, since=since, until=newest, count=count, mean=mean))
        return stats


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _hours(window: str) -> int | None:
    """The length of a window in hours: 12 of '12h', 24 of '1d', None of 'all'."""
    return None if window == "all" else int(window[:-1]) * {"h": 1, "d": 24}[window[-1]]


def _stars_within(packed: npt.NDArray[np.uint32], hours: int | None) -> npt.NDArray[np.uint32]:
    """The half-stars of the ratings, newest first, that are less than so many hours old."""
    end = len(packed) if hours is None else int(np.searchsorted(packed, np.uint32(pack(hours, 0))))
    return unpack(packed[:end])[1]


def _by_time(years: npt.NDArray[np.int64], by: str) -> Memberships:
    """The movies of each year or decade, from the year of every movie."""
    known = np.flatnonzero(years)
    values, groups = np.unique(years[known] // 10 * 10 if by == "decade" else years[known], return_inverse=True)
    names = [f"{value}s" if by == "decade" else str(value) for value in values.tolist()]
    return Memberships(names, groups.astype(np.int64), known)


def _detail(row: Row) -> MovieDetail:
    source_title, description, histogram, top_tags = row[12:]
    return MovieDetail(
        **_movie_fields(row) | (json.loads(row[11]) if row[11] else {}),
        source_title=source_title,
        description=description,
        histogram={str(half / 2): count for half, count in enumerate(json.loads(histogram), 1)},
        top_tags=[TagRelevance(tag=tag, relevance=relevance) for tag, relevance in json.loads(top_tags)],
    )


def _movie_fields(row: Row) -> dict[str, Any]:
    movie_id, title, year, genres, tags, imdb_id, tmdb_id, rating_count, rating_mean, score, runtime, facts = row[:12]
    made_by = json.loads(facts) if facts else {}
    return {
        "movie_id": movie_id,
        "title": title,
        "year": year,
        "genres": json.loads(genres),
        "tags": json.loads(tags),
        "imdb_url": imdb_id and f"https://www.imdb.com/title/tt{imdb_id}/",
        "tmdb_url": tmdb_id and f"https://www.themoviedb.org/movie/{tmdb_id}",
        "rating_count": rating_count,
        "rating_mean": rating_mean and round(rating_mean, 4),
        "score": score and round(score, 4),
        "runtime": runtime,
        "directors": made_by.get("directors", []),
        "cast": made_by.get("cast", [])[:CARD_CAST],
    }


def _bounded(any_id: int) -> int:
    """The id as it is, or brought to one that nothing has where SQLite could not take it."""
    return min(max(any_id, -1), LARGEST_ID + 1)


def genre_form(name: str) -> str:
    """The plain form of a genre by any of its names: `Cartoon` is `animation`."""
    form = plain(name)
    return GENRE_NAMES.get(form, form)


def _add_up(days: list[Row], movies: int, damping: float, overall_mean: float) -> tuple[Counts, Scores]:
    """Sum up days of ratings packed by movie index."""
    packed = np.frombuffer(b"".join(ratings for (ratings,) in days), "<u4")
    histogram = np.bincount(packed, minlength=pack(movies, 0)).reshape(-1, STARS_VALUES)
    counts = histogram.sum(axis=1)
    stars = histogram @ (np.arange(STARS_VALUES) / 2)
    return counts, damped_mean(stars, counts, overall_mean, damping)

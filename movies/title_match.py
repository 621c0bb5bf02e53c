"""Finds the movies that a title could mean: the very title first, then its beginning, words of it, corrected words.

What is asked for is brought to the forms that the import keeps of each title (`movies.titles.title_words`).
"""

from __future__ import annotations

import asyncio
import json
import math
from bisect import bisect
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from rapidfuzz.distance import OSA

from movies.file import RunQuery
from movies.titles import MAX_WORDS, parse_title, plain, split_bare_year, split_year, title_words, with_digits

FORMS = """
    SELECT movie_id, words, joined, kind, year, rating_count FROM title_forms JOIN movies USING (movie_id)
"""
CANDIDATES = 200  # of each kind, the most rated first
SETTLED = 0.95  # from here no other reading of the text is tried
LEAST = 0.4
ALTERNATIVE_TITLE = 0.98
CORRECTED_AT_MOST = 0.84
INITIALS = 0.7
LONGEST = 300
LONGEST_WORD = 24
MOST_CORRECTED = 10  # words in a title whose spelling is looked at
WORDS_KEPT = 10_000


class Form(NamedTuple):
    """One form of a movie's title, as the catalogue has it."""

    movie_id: int
    words: str
    joined: str
    kind: int  # 0 main title, 1 alternative title, 2 initials
    year: int | None
    rating_count: int


class Wanted(NamedTuple):
    """A title as asked for, in one reading of it."""

    words: list[str]
    year: int | None

    @property
    def joined(self) -> str:
        return "".join(self.words)


class Spelling(NamedTuple):
    word: str
    likeness: float  # 1: as written


class TitleMatcher:
    """Finds titles through `run`, which takes SQL over a catalogue's tables with its values and returns rows."""

    def __init__(self, run: RunQuery) -> None:
        self._run = run
        self._kept: dict[str, list[Spelling]] = {}

    async def find(self, text: str, limit: int) -> list[tuple[int, float]]:
        """The best `limit` movie ids with the quality of the match, best first, the more rated first among equals."""
        found: dict[int, tuple[float, int]] = {}
        for wanted in readings(text[:LONGEST]):
            for form, quality in await self._find_one(wanted):
                quality = round(quality * year_fit(wanted.year, form.year), 4)  # noqa: PLW2901
                if quality >= LEAST:
                    found[form.movie_id] = max(found.get(form.movie_id, (0, 0)), (quality, form.rating_count))
            if any(quality >= SETTLED for quality, _ in found.values()):
                break
        ranked = sorted(found.items(), key=lambda item: (-round(item[1][0] * 20), -item[1][1], item[0]))
        return [(movie_id, quality) for movie_id, (quality, _) in ranked[:limit]]

    async def _find_one(self, wanted: Wanted) -> list[tuple[Form, float]]:
        matches = [(form, exact_quality(form)) for form in await self._exact(wanted)]
        for words, _ in groupby([wanted.words, with_digits(wanted.words)]):
            forms = await self._with_words([[word] for word in words], unfinished=True)
            matches += [(form, quality(words, form)) for form in forms]
        if not matches:
            covering = 0.1 * len(wanted.joined)
            matches = [(form, 0.8 + covering / len(form.joined)) for form in await self._starting(wanted.joined)]
        if not matches:
            matches = [(form, INITIALS) for form in await self._by_initials(wanted.joined)]
        if not matches and len(wanted.words) <= MOST_CORRECTED:
            spellings = await asyncio.gather(*map(self._kept_spellings, wanted.words))
            matches = await self._corrected(spellings) or await self._partly(wanted.words, spellings)
        return matches

    async def _exact(self, wanted: Wanted) -> list[Form]:
        joined = json.dumps(sorted({wanted.joined, "".join(with_digits(wanted.words))}))
        return await self._forms("WHERE joined IN (SELECT value FROM json_each(?)) AND kind < 2", joined)

    async def _with_words(self, words: list[list[str]], *, unfinished: bool = False) -> list[Form]:
        """Titles that have one of each list of words; an unfinished last word may be the beginning of one.

        The limit cuts the least rated, since forms are numbered from the most rated down.
        """
        groups = [any_of(options) for options in words]
        groups[-1] += " *" if unfinished else ""
        return await self._forms(
            "WHERE form_id IN (SELECT rowid FROM title_words WHERE title_words MATCH ? ORDER BY rowid LIMIT ?)",
            " AND ".join(f"({group})" for group in groups),
            CANDIDATES,
        )

    async def _starting(self, joined: str) -> list[Form]:
        """Titles that start so when written without spaces: 'starwars'."""
        return await self._forms(
            "WHERE joined >= ?1 AND joined < ?1 || char(0x10FFFF) AND kind < 2 LIMIT ?2", joined, CANDIDATES
        )

    async def _by_initials(self, joined: str) -> list[Form]:
        """Well-known titles by their initials: 'lotr'."""
        if not 3 <= len(joined) <= 8:
            return []
        return await self._forms(
            """
            WHERE joined = ? AND kind = 2 AND rating_count >= (SELECT max(rating_count) / 10 FROM movies)
            ORDER BY rating_count DESC LIMIT 5
            """,
            joined,
        )

    async def _corrected(self, spellings: list[list[Spelling]]) -> list[tuple[Form, float]]:
        if not all(spellings):
            return []
        forms = await self._with_words([[spelling.word for spelling in options] for options in spellings])
        return [(form, corrected_quality(spellings, form)) for form in forms]

    async def _partly(self, words: list[str], spellings: list[list[Spelling]]) -> list[tuple[Form, float]]:
        """Titles that have most of the words, where no title has all."""
        known = [[spelling.word for spelling in options] for options in spellings if options]
        if len(words) < 3 or len(known) < 2:
            return []
        forms = await self._forms(
            "WHERE form_id IN (SELECT rowid FROM title_words WHERE title_words MATCH ? ORDER BY rank LIMIT 50)",
            two_of(known),
        )
        return [(form, partial_quality(words, spellings, form)) for form in forms]

    async def _forms(self, condition: str, *values: str | int) -> list[Form]:
        rows = await self._run(FORMS + condition, values)
        return [Form(*row) for row in rows]

    async def _kept_spellings(self, word: str) -> list[Spelling]:
        """The catalogue never changes, and people use few words: what was found for one is kept."""
        if word in self._kept:
            return self._kept[word]
        spellings = await self._spellings(word)
        if len(self._kept) >= WORDS_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[word] = spellings
        return spellings

    async def _spellings(self, word: str) -> list[Spelling]:
        """Words of titles that a word could have meant, itself included, nearest first."""
        if len(word) > LONGEST_WORD:
            return []
        if not allowed(word):
            rows = await self._run("SELECT word FROM spellings WHERE word = ?", (word,))
            return [Spelling(word, 1) for _ in rows]
        rows = await self._run(
            """
            SELECT word, uses FROM spellings WHERE word IN (SELECT value FROM json_each(?)) OR word_id IN (
                SELECT rowid FROM spelling_parts WHERE spelling_parts MATCH ? ORDER BY rank LIMIT 60
            )
            """,
            (json.dumps([word, *swapped(word)]), alike(word)),
        )
        most = allowed(word)
        near = [(OSA.distance(word, other, score_cutoff=most), -uses, other) for other, uses in rows]
        near = sorted(item for item in near if item[0] <= most)[:4]
        return [Spelling(other, 1 - steps / max(len(word), len(other))) for steps, _, other in near]


def readings(text: str) -> list[Wanted]:
    """The readings of a title: as it stands, without other names in parentheses, with a last number as its year."""
    title, year = split_year(text)
    parsed = parse_title(text)
    readings = [(title, year)]
    if parsed.alternatives:
        readings.append((parsed.title, year))
    if year is None:
        head, bare = split_bare_year(title)
        readings += [(head, bare)] if bare else []
    wanted = [Wanted(title_words(title)[:MAX_WORDS], year) for title, year in readings if plain(title)]
    return [reading for reading in wanted if reading.words]


def year_fit(wanted: int | None, year: int | None) -> float:
    """The part of a match's quality that its year leaves; data sets differ by one now and then."""
    if wanted is None or wanted == year:
        return 1.0
    if year is None:
        return 0.9
    return 0.95 if abs(wanted - year) == 1 else 0.6


def exact_quality(form: Form) -> float:
    return 1.0 if form.kind == 0 else ALTERNATIVE_TITLE


def quality(words: list[str], form: Form) -> float:
    """Of a title that has all the words: .85 to .95 where it begins with them, .65 to .8 elsewhere."""
    theirs = form.words.split()
    covered = len("".join(words)) / max(len(form.joined), 1)
    if form.joined == "".join(words):
        return exact_quality(form)
    if theirs[: len(words)] == words:
        return 0.85 + 0.1 * covered
    if form.joined.startswith("".join(words)):
        return 0.8 + 0.1 * covered
    return (0.7 if set(words) <= set(theirs) else 0.65) + 0.1 * covered


def corrected_quality(spellings: list[list[Spelling]], form: Form) -> float:
    """The quality of the title with the spelling that it has, lowered by how much had to be corrected."""
    theirs = form.words.split()
    used = [next((spelling for spelling in options if spelling.word in theirs), options[0]) for options in spellings]
    likeness = sum(spelling.likeness * len(spelling.word) for spelling in used) / sum(len(s.word) for s in used)
    return min(CORRECTED_AT_MOST, likeness * quality([spelling.word for spelling in used], form))


def partial_quality(words: list[str], spellings: list[list[Spelling]], form: Form) -> float:
    """At most .7: the share of what was asked that the title has, and of the title that was asked for."""
    theirs = set(form.words.split())
    letters = sum(map(len, words))
    had = 0.0
    matched = set()
    for word, options in zip(words, spellings, strict=True):
        fitting = [spelling for spelling in options if spelling.word in theirs]
        if fitting:
            had += len(word) * fitting[0].likeness
            matched.add(fitting[0].word)
    if len(matched) < 2 or had < letters / 2:
        return 0.0
    return 0.7 * math.sqrt(had / letters) * (0.5 + 0.5 * sum(map(len, matched)) / max(len(form.joined), 1))


def any_of(words: Iterable[str]) -> str:
    return " OR ".join(f'"{word}"' for word in words)


def two_of(groups: list[list[str]]) -> str:
    """A word of each of two groups at least: most titles that have any have but one, and to rank those takes long."""
    later = [[word for group in groups[at:] for word in group] for at in range(1, len(groups))]
    return " OR ".join(f"(({any_of(group)}) AND ({any_of(rest)}))" for group, rest in zip(groups, later, strict=False))


def alike(word: str) -> str:
    """Words that share three letters in a row with this one; twice where the slips that are allowed leave as many."""
    parts = trigrams(word)
    return two_of([[part] for part in parts]) if len(parts) > 3 * allowed(word) + 1 else any_of(parts)


def trigrams(text: str) -> list[str]:
    """The runs of three letters in a text with its ends marked, each once.

    >>> trigrams("heat")
    ['^he', 'hea', 'eat', 'at$']
    """
    padded = f"^{text}$"
    return list(dict.fromkeys(padded[at : at + 3] for at in range(len(padded) - 2)))


def swapped(word: str) -> list[str]:
    """The word with two neighbours swapped back: a slip that leaves no three letters of a short word in place."""
    return [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)]


def allowed(word: str) -> int:
    """The slips that a word may have: none in two letters, one in up to five, two in more, three from ten.

    A slip is a letter changed, added or left out, or two neighbours swapped (optimal string alignment).
    """
    return bisect((3, 6, 10), len(word))

"""The people of a catalogue in a text: full names, and surnames that mean one well-known person.

A name of plain words is one only where it has capitals, or behind "by", "with", "starring": "Young", "Stone".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from operator import add
from typing import NamedTuple

from movies.link_evidence import Around
from movies.links import Link
from movies.words import UNKNOWN_RANK, cues, ranks

WELL_KNOWN = 3_000  # the first so many people, who may be meant by their surname
FAR_MORE = 3  # times the fame of the next of the same surname
LONGEST = 4  # words of a name
TELLING_BITS = 19.0  # log2 of the ranks of a full name's words
RARE, PLAIN = 8_000, 300  # ranks of a surname: one that is hardly a word, one that is never a name
PARTICLES = frozenset({"de", "del", "della", "di", "du", "la", "le", "van", "von", "der", "den", "ter", "el", "st"})
CERTAIN, FULL, CUED, NAMED, BARE = 0.97, 0.95, 0.9, 0.75, 0.4  # confidences
SHARED = 0.8  # the same of a surname of several people, which only a cue makes that of the best known
SURELY = 2
SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv"})


class PersonRow(NamedTuple):
    """A person as the linker needs one; `plain` is the name in folded words."""

    name: str
    plain: str
    fame: int


class PeopleIndex:
    """Names by which people are called, of the most known downwards."""

    def __init__(self, people: Iterable[PersonRow]) -> None:
        self._names: list[str] = []
        self._known: dict[str, tuple[int, bool]] = {}  # by key: the place of a person, and if it is a full name
        self._longer: dict[str, int] = {}  # by first word: the words of the longest name of three or more
        self._shared: set[str] = set()  # surnames of several who are known nearly alike
        fames: dict[str, int] = {}
        for place, person in enumerate(people):
            self._names.append(person.name)
            words = person.plain.split()
            for form in _forms(words):
                self._add(form, place)
            for surname in _surnames(words):
                key = "".join(surname)
                if key not in fames and place < WELL_KNOWN and key not in self._known and not _is_plain(surname):
                    self._put(surname, place, full=False)
                elif key in fames and fames[key] < FAR_MORE * person.fame:
                    self._shared.add(key)
                fames.setdefault(key, person.fame)

    def links(self, around: Around) -> Iterator[Link]:
        """The names in a text, also those that overlap."""
        for first, last, key in self._runs(around.names):
            if last == first or _JOINTS.issuperset(around.gaps[first:last]):
                link = self._link(around, first, last, key)
                if link is not None:
                    yield link
        for last in around.possessives:
            for first in range(max(last - LONGEST + 1, 0), last + 1):
                key = "".join(around.names[first : last + 1])[:-1]
                if key in self._known and _JOINTS.issuperset(around.gaps[first:last]):
                    link = self._link(around, first, last, key, around.possessives[last])
                    if link is not None:
                        yield link

    def _runs(self, names: Sequence[str]) -> Iterator[tuple[int, int, str]]:
        """Runs of words that are a name, as first and last word and key; most are of one word or two."""
        known = self._known
        yield from [(at, at, name) for at, name in enumerate(names) if name in known]
        yield from [(at, at + 1, pair) for at, pair in enumerate(map(add, names, names[1:])) if pair in known]
        for first in [at for at, name in enumerate(names) if name in self._longer]:
            for last in range(first + 2, min(first + self._longer[names[first]], len(names))):
                key = "".join(names[first : last + 1])
                if key in known:
                    yield first, last, key

    def _link(self, around: Around, first: int, last: int, key: str, cut: int = 0) -> Link | None:
        """The person whom these words are, as a whole or but for a possessive of `cut` letters."""
        place, full = self._known[key]
        odds = (_odds_of_name if full and last > first else _odds_of_surname)(around, first, last)
        if not full and key in self._shared:
            odds = {CERTAIN: CERTAIN, CUED: SHARED}.get(odds, 0.0)
        if not odds:
            return None
        start, end = around.starts[first], around.ends[last] - cut
        return Link(start, end, around.text[start:end], "person", odds, name=self._names[place])

    def _add(self, words: list[str], place: int) -> None:
        """A full name; of one word only those whom many know by it."""
        if 1 < len(words) <= LONGEST or (len(words) == 1 and place < WELL_KNOWN and not _is_plain(words)):
            known = self._known.get("".join(words))
            if known is None or not known[1]:
                self._put(words, place, full=True)

    def _put(self, words: list[str], place: int, *, full: bool) -> None:
        self._known["".join(words)] = (place, full)
        if len(words) > 2:
            self._longer[words[0]] = max(self._longer.get(words[0], 0), len(words))


_JOINTS = frozenset({" ", "-", ". ", "."})


def _forms(words: list[str]) -> Iterator[list[str]]:
    """A name as it is written, without initials in its middle, and with those at its beginning as one word."""
    yield words
    if len(words) > 2:
        yield [word for at, word in enumerate(words) if len(word) > 1 or not 0 < at < len(words) - 1]
    if len(words) > 2 and len(words[0]) == len(words[1]) == 1:
        yield [words[0] + words[1], *words[2:]]


def _surnames(words: list[str]) -> Iterator[list[str]]:
    """The last word of a name, and with its particles: "toro", "del toro"; none of a name of one word."""
    end = len(words) - (len(words) > 2 and words[-1] in SUFFIXES)
    for begin in range(end - 1, 0, -1):
        if begin < end - 1 and words[begin] not in PARTICLES:
            break
        yield words[begin:end]


def _is_plain(words: Sequence[str]) -> bool:
    """True of what is never a name by itself: "man", "little"."""
    return len(words) == 1 and (len(words[0]) < 3 or ranks().get(words[0], UNKNOWN_RANK) < PLAIN)


def _odds_of_name(around: Around, first: int, last: int) -> float:
    """The confidence that words which are a full name are one here: telling ones always, plain ones by their place."""
    telling = sum(math.log2(ranks().get(word, UNKNOWN_RANK)) for word in around.names[first : last + 1])
    cued = _cued(around, first, last)
    sure = telling >= TELLING_BITS or cued == SURELY or _has_capitals(around, first, last)
    return FULL if sure or cued or around.whole == (first, last) else 0.0


def _odds_of_surname(around: Around, first: int, last: int) -> float:
    """The same of a surname: plain words are one only beside a cue, and with a capital."""
    telling = max(ranks().get(word, UNKNOWN_RANK) for word in around.names[first : last + 1])
    capitals = _has_capitals(around, first, last)
    if (cued := _cued(around, first, last)) and (telling >= RARE or capitals or cued == SURELY):
        return CERTAIN if cued == SURELY else CUED
    if telling < RARE or _within_a_name(around, first, last):
        return 0.0
    named = (capitals and not around.begins_sentence(first)) or around.whole == (first, last)
    return NAMED if named else BARE


def _has_capitals(around: Around, first: int, last: int) -> bool:
    """True where the words have capitals, and not all words of the text have."""
    capitals = around.capitals
    if not (capitals[first] or around.names[first] in PARTICLES):
        return False
    within = all(capitals[at] or around.names[at] in PARTICLES for at in range(first, last + 1))
    return within and not all(capitals)


def _cued(around: Around, first: int, last: int) -> int:
    """SURELY behind words that only people stand behind, "directed by"; 1 beside those of others, too: "by"."""
    before = around.word(first - 1)
    if before in _before() and around.gaps[first - 1].isspace():
        if before in cues("credits") or f"{around.word(first - 2)} {before}" in cues("credited"):
            return SURELY
        if before in cues("before_people"):
            return 1
        if not cues("before_people").isdisjoint(around.names[max(first - 5, 0) : first - 1]):  # "by … or …"
            return 1
    return int(last in around.possessives or around.word(last + 1) in cues("after_people"))


@cache
def _before() -> frozenset[str]:
    """The words of which one must stand before a name to say that it is one."""
    return cues("credits") | cues("before_people") | {"and", "or", "by"}


def _within_a_name(around: Around, first: int, last: int) -> bool:
    """True between other words with capitals: the surname of somebody else."""
    before = first > 0 and around.capitals[first - 1] and around.gaps[first - 1] == " "
    after = around.named(last + 1) and around.gaps[last] == " "
    return around.cased and ((before and not around.begins_sentence(first - 1)) or after)

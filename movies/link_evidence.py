"""The evidence that words which are a title are meant as one: their plainness, their case, what stands around them.

The weights are log-odds, set by hand and checked on conversations (`benchmarks/linking.py`).
"""

from __future__ import annotations

import math
import re
import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import compress

from movies.link_titles import ARTICLES, Entry
from movies.words import UNKNOWN_RANK, Words, cues, is_figure, ranks, tables

TOLD = 2.5  # by the tables
WHOLE_MESSAGE = 5.5
ASKED_ABOUT = 5.0  # "is up any good"
IN_QUOTES = 6.5
LIST_ITEM = 5.0
YEAR_BESIDE = 7.0
LONGEST_FRAMED, MOST_FRAMED = 24, 5  # words of a question about a title, and of the title where the question goes on
LITTLE_KNOWN = 3.0  # against a word that is nearly the title of a movie that few know
LONG_NAME = 6  # letters; a shorter one with a capital is hardly misspelt
LITTLE_KNOWN = 3.0  # against a word that is nearly the title of a movie that few know
LONG_NAME, STRANGE_NAME = 6, 10.0  # letters; a shorter one with a capital is hardly misspelt
YEAR_NEAR = 1.5
YEAR_IN_BRACKETS = 3.0  # more than of one without
OF_A_YEAR = 5.0  # "drive, the 2011 one"
AFTER_CUE = 6.0  # "I watched big"
AFTER_HABIT = 3.6  # "I like big": of things as well as of titles
FAVOURITE_IS = 4.0  # and after pairs such as "similar to"
BEFORE_VERDICT = 4.5  # "heat was great"
OTHER_ARTICLE = -3.5  # "an Oscar" is no "Oscar"
TAG_AS_WELL = -1.5  # "aliens"
DETERMINED = -2.0  # "too much heat"
PART_OF_A_NAME = -5.5  # "Emma" in "Emma Thompson"
UNKNOWN_SEQUEL = -11.0  # "Frozen 2", where the catalogue has but "Frozen"
HALF_OF_A_PAIR = -2.5  # "Queen" in "Queen & Slim"
KIND_OF_MOVIE = -2.0  # "zombie movies"

COMMON = 10_000  # rank of a word
WELL_KNOWN = 0.45  # popularity
HOPELESS = -3.9  # of which no list makes a title
NEVER = -8.0  # nor any cue
SHORT_MESSAGE = 6  # words

_FOUR_DIGITS = re.compile(r"\d\d\d\d+")
_SENTENCE_END = re.compile(r"[.!?:;\n\u2022|](?:\s|$)|\n|^\s*[-*]\s|\d[.)]\s")
_JOINT = re.compile(r"\s*(?:,|/|&|\+|;|,?\s(?:and|or|und|oder|et|ou|y|o|e|vs\.?|versus|then|plus)\s)\s*(?:the |an? )?")
_CLOSING = re.compile(r"\s*[.,;:!?)\]\n\u2026\u2013\u2014/|]|\s*$|\s+[-(]")
_ITEM = re.compile(r"(?:(?:^|\n)\s*(?:\d{1,3}\.|[-*\u2022\u2013])|(?:^|\s)\(?\d{1,3}\))\s+[*_\"\u201c]*$")
_STARS = r"[.]?\)|[.,/]\d| ?/| stars?| out of"
_UNKNOWN_SEQUEL = re.compile(rf" (?:[2-9]|10|i{{2,3}}|iv|vi?|part|chapter)\b(?!{_STARS})", re.IGNORECASE)
_OF_A_YEAR = re.compile(r"[\s,]*\(?(?:the )?(?:\d{4} (?:one|version|film|movie)|(?:one|version) (?:of|from) \d{4})\b")
_SEQUEL_BEGINS = frozenset("123456789iIvVpPcC")  # a first letter of the above
_AFTER_WORDS = frozenset(" ,.?!")  # what stands after most words
_QUOTES = {'"': '"', "“": "”", "«": "»", "„": "“", "‘": "’", "'": "'", "*": "*", "_": "_", "`": "`", "”": "”", "»": "«"}


@dataclass(slots=True)
class Match:
    """Words of a text that are a title or series, and could be meant as one.

    Attributes:
        first, last: of its words.
        corrected: letters of the word that was corrected.
        meant: the year of one of its movies, that stands beside it or a little apart.
        year: this year is within the span; `near`: it is not.
        logit: log-odds that a movie is meant.
    """

    start: int
    end: int
    first: int
    last: int
    entry: Entry
    corrected: int = 0
    meant: int | None = None
    year: bool = False
    near: bool = False
    logit: float = 0.0


class Around:
    """A text with its words, to ask what stands around a span."""

    def __init__(
        self, text: str, words: Words, genre_words: frozenset[str], tag_words: frozenset[str] = frozenset()
    ) -> None:
        self.text, self.genre_words, self.tag_words = text, genre_words, tag_words
        names, self.starts, self.ends, self.gaps, self.capitals, self.possessives = words
        self.names = tuple(names)
        self._begins: dict[int, bool] = {0: True}

    @cached_property
    def cased(self) -> bool:
        """True where capitals mean something: some words have them, and most have not."""
        capitals = list(compress(self.capitals, map(str.isalpha, self.names)))
        return bool(capitals) and sum(capitals) <= 0.6 * len(capitals)

    @cached_property
    def careful(self) -> bool:
        """True where someone writes capitals within sentences."""
        capitals = (at for at, name in enumerate(self.names) if self.capitals[at] and name != "i")
        return any(not self.begins_sentence(at) for at in capitals)

    @cached_property
    def whole(self) -> tuple[int, int]:
        """The first and last word of the message without words of courtesy."""
        return self._without(cues("courtesy"), 0, len(self.names) - 1)

    @cached_property
    def compared(self) -> tuple[int, int]:
        """The same without words that ask for the better of two, too."""
        return self._without(cues("courtesy") | cues("comparing"), *self.whole)

    @cached_property
    def framed(self) -> tuple[int, int] | None:
        """The words asked about, as first and last: in "tell me about …", "is … any good"."""
        first, last = self.whole
        said = " ".join(self.names[first : last + 1]) if last - first < LONGEST_FRAMED else ""
        for before, after in _frames():
            if said.startswith(before) and (end := f"{said} ".find(f"{after} ", len(before) + 1)) > 0:
                words = said[len(before) : end if after else None].count(" ") + 1
                if words <= MOST_FRAMED or end + len(after) == len(said):
                    return first + before.count(" "), first + before.count(" ") + words - 1
        return None

    def _without(self, words: frozenset[str], first: int, last: int) -> tuple[int, int]:
        while first < last and self.names[first] in words:
            first += 1
        while last > first and self.names[last] in words:
            last -= 1
        return first, last

    @cached_property
    def _years(self) -> tuple[list[int], list[int]]:
        """The starts and ends of what may be years; after the last the end of all."""
        spans = [match.span() for match in _FOUR_DIGITS.finditer(self.text)]
        return [*(start for start, _ in spans), sys.maxsize], [end for _, end in spans]

    def dated(self, start: int, end: int) -> bool:
        """True where a year may stand between two places of the text."""
        starts, ends = self._years
        return starts[bisect_right(ends, start)] < end

    def word(self, at: int) -> str:
        """A word by its place; none beyond the ends."""
        return self.names[at] if 0 <= at < len(self.names) else ""

    def named(self, at: int) -> bool:
        """True of a word with a capital, "I" apart."""
        return at < len(self.names) and self.capitals[at] and self.names[at] != "i"

    def begins_sentence(self, at: int) -> bool:
        known = self._begins.get(at)
        if known is None:
            ended = self.gaps[at - 1] != " " and bool(_SENTENCE_END.search(self.gaps[at - 1]))
            known = self._begins[at] = ended and self.names[at - 1] not in cues("abbreviations")
        return known

    def quoted(self, start: int, end: int) -> bool:
        before = self.text[start - 1] if start else ""
        if before not in _QUOTES:
            return False
        return _QUOTES[before] in self.text[end : end + 3].replace(" ", "") or self.text[end : end + 1] == before

    def within(self, start: int) -> bool:
        """True of a place after a word and a blank, where neither quotation nor item begins."""
        return start > 1 and self.text[start - 1] == " " and self.text[start - 2].isalnum()

    def rates(self, at: int) -> bool:
        """True where a number after a title is one of stars: "rate Alien 4"."""
        return not cues("rating").isdisjoint(self.names[max(0, at - 6) : at])

    def listed(self, start: int) -> bool:
        """True of what begins an item of a list: "1. Up"."""
        before = self.text[max(0, start - 12) : start]
        if start > 12 and "\n" not in before and ")" not in before:
            return False
        return _ITEM.search(self.text, max(0, start - 12), start) is not None

    def closed(self, end: int) -> bool:
        """True at the end of a clause, by its signs."""
        while end < len(self.text) and self.text[end] in "\"'”’*_»":
            end += 1
        return _CLOSING.match(self.text, end) is not None

    def complete(self, match: Match) -> bool:
        """True where nothing follows that the words could belong to: signs, a rating, or the beginning of another."""
        word = self.word(match.last + 1)
        return self.closed(match.end) or word in cues("ends") or "." in word or "/" in word

    def rated(self, match: Match) -> bool:
        """True before "3.92", "4/5" and "4 stars"."""
        word = self.word(match.last + 1)
        return word[:1].isdigit() and ("." in word or "/" in word or self.word(match.last + 2) in cues("stars"))

    def opens(self, at: int) -> bool:
        """True where a word begins a sentence, or stands after one that a title may follow."""
        return self.begins_sentence(at) or self.names[at - 1] in _opening_words()


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def joins(between: str) -> bool:
    """True of what stands between two members of a list."""
    return _JOINT.fullmatch(between) is not None


def movie_logit(around: Around, match: Match) -> float:
    """Log-odds that the words of a match mean a movie here."""
    words = around.names[match.first : match.last + 1]
    logit = prior(words, around.genre_words) + 4.0 * (match.entry.popularity - 0.5)
    logit += _case(around, match) + _signs(around, match) + _place(around, match, words)
    logit += _article(around, match, words) + _larger(around, match)
    if match.entry.part:
        logit -= _part_of_a_title(match, words)
    if match.corrected:
        named = around.capitals[match.first] and not around.begins_sentence(match.first)
        name = (1.5 if match.corrected > LONG_NAME else STRANGE_NAME) if named else 0.0
        name += LITTLE_KNOWN if match.entry.popularity < WELL_KNOWN else 0.0
        logit -= 1.2 if len(words) > 1 else max(1.5, 5.0 - 0.5 * match.corrected) + name
    return logit + (TOLD if match.entry.told else 0.0)


def _part_of_a_title(match: Match, words: Sequence[str]) -> float:
    """Log-odds lost by what is but a part of titles; most by a person's name: "Kevin Hart: Let Me Explain"."""
    if match.entry.popularity > WELL_KNOWN:
        return 1.0
    named = len(words) == 2 and all(ranks().get(word, UNKNOWN_RANK) > 1_000 for word in words)
    return 9.0 if named else 4.0


def hopeless(around: Around, at: int, popularity: float) -> bool:
    """True of a plain word by itself with nothing about it that could make it a title: most words of most texts."""
    if around.capitals[at] or around.gaps[at][:1] not in _AFTER_WORDS:
        return False
    value = prior((around.names[at],), around.genre_words) + 4.0 * (popularity - 0.5)
    if value > HOPELESS:
        return False
    start = around.starts[at]
    if around.text[start - 1 : start] != " " or is_figure(around.word(at + 1)) or len(around.names) < SHORT_MESSAGE:
        return False
    return value < NEVER or (around.word(at - 1) not in _cue_words() and around.word(at + 1) not in cues("after"))


@cache
def _frames() -> list[tuple[str, str]]:
    """Questions about a title, as what stands before and after it, the longest first."""
    frames = sorted(cues("frames"), key=lambda frame: (-len(frame), frame))
    return [(before, after) for before, _, after in (frame.partition("…") for frame in frames)]


@cache
def _cue_words() -> frozenset[str]:
    """The words after which a title may stand."""
    names = ("before", "weak_before", "skipped", "connectors")
    pairs = {pair.split()[1] for pair in cues("pairs")}
    return frozenset({"is", "was", "to"}.union(pairs, *(cues(name) for name in names)))


@cache
def _leading_words() -> frozenset[str]:
    """The words that, right before a title, tell that it is one."""
    pairs = {pair.split()[1] for pair in cues("pairs")}
    return frozenset({"is", "was"}.union(pairs, cues("before"), cues("rating"), cues("weak_before")))


@cache
def _opening_words() -> frozenset[str]:
    return _leading_words() | cues("openers") | cues("comparing") | cues("courtesy")


@cache
def _following_words() -> frozenset[str]:
    return cues("nouns") | cues("after")


@lru_cache(maxsize=20_000)
def prior(words: tuple[str, ...], genre_words: frozenset[str] = frozenset()) -> float:
    """Log-odds of words in lower case with nothing around them: the commoner the words, the less a title."""
    kept = [word for word in words if word not in ARTICLES] or list(words)
    value = _prior_of_one(kept[0]) if len(kept) == 1 else _prior_of_several(kept)
    if " ".join(words) in cues("phrases") or " ".join(kept) in cues("phrases"):
        value -= 3.0
    if "".join(kept) in genre_words or (len(kept) > 1 and kept[-1] in cues("nouns")):
        value -= 2.5
    return value


def _prior_of_one(word: str) -> float:
    if word in cues("pronouns") or len(word) == 1:
        return -9.0
    if word.isdigit():
        return -6.0 if len(word) == 4 else -5.0
    rank = ranks().get(word, UNKNOWN_RANK)
    if word in cues("judging") or word in tables()["numbers"]:
        return -7.0
    return -6.5 + 5.5 * (math.log(rank) / math.log(10_000)) ** 3 if rank < COMMON else 0.4


def _prior_of_several(words: Sequence[str]) -> float:
    bits = sum(math.log2(ranks().get(word, UNKNOWN_RANK)) for word in words)
    return min(4.0, -4.2 + 0.24 * bits + 0.4 * (len(words) - 2))


def _case(around: Around, match: Match) -> float:
    """Capitals where a sentence would have none."""
    if not around.cased or match.corrected:
        return 0.0
    if True not in around.capitals[match.first : match.last + 1]:
        return _in_small_letters(around, match)
    small, names, places = cues("small"), around.names, range(match.first, match.last + 1)
    telling = [at for at in places if names[at] not in small and not names[at].isdigit()] or places
    if not all(around.capitals[at] for at in telling):
        return 0.0
    if not around.begins_sentence(match.first):
        named = all(names[at] in cues("names") for at in telling)
        several = 5.0 if len(telling) > 1 else 4.2
        return 1.2 if named else several
    first = telling[0]
    shouted = len(names[first]) > 1 and around.text[around.starts[first] : around.ends[first]].isupper()
    alone = 2.5 if shouted else 0.4
    return 4.2 if len(telling) > 1 else alone


def _in_small_letters(around: Around, match: Match) -> float:
    single = match.first == match.last and not (match.entry.series and match.entry.part)
    tagged = single and around.names[match.first] in around.tag_words
    return (TAG_AS_WELL if tagged else 0.0) - (0.7 if around.careful else 0.0)


def _signs(around: Around, match: Match) -> float:
    """Quotation marks, emphasis, a year beside, the beginning of a list's item."""
    value = YEAR_BESIDE if match.year else 0.0
    value += YEAR_IN_BRACKETS if match.year and around.text[match.end - 1] in ")]" else 0.0
    value += YEAR_NEAR if match.near else 0.0
    value += OF_A_YEAR if match.near and _OF_A_YEAR.match(around.text, match.end) else 0.0
    if around.within(match.start):
        return value
    value += IN_QUOTES if around.quoted(match.start, match.end) else 0.0
    return value + (LIST_ITEM if around.listed(match.start) and around.complete(match) else 0.0)


def _article(around: Around, match: Match, words: Sequence[str]) -> float:
    """Titles seldom stand with an article that they have not, and words of one kind seldom without theirs."""
    left = around.word(match.first - 1)
    before = words[0] if words[0] in ARTICLES else left
    if before in ("a", "an") and not match.entry.articles & {"a", "an"} and not match.year:
        return OTHER_ARTICLE
    if len(words) == 1 and left in cues("determiners"):
        return DETERMINED
    if before != "the" and len(words) == 1 and match.entry.articles == {"the"}:
        return -3.0 if ranks().get(words[0], UNKNOWN_RANK) < 5_000 else -1.0
    if before != "the" or "the" not in match.entry.articles:
        return 0.0
    return 2.0 if around.capitals[match.first] and not around.begins_sentence(match.first) else 0.8


def _larger(around: Around, match: Match) -> float:
    """Signs that the words are but part of a name: capitals that go on beside them, a number after them."""
    value = 0.0
    if not match.entry.series:
        if (
            not (match.year or around.names[match.last].isdigit())
            and around.text[match.end + 1 : match.end + 2] in _SEQUEL_BEGINS
        ):
            unknown = _UNKNOWN_SEQUEL.match(around.text, match.end) and not around.rates(match.first)
            value += UNKNOWN_SEQUEL if unknown else 0.0
        if match.first == match.last:
            value += _kind_or_pair(around, match)
    if around.capitals[match.last] and around.cased and not around.quoted(match.start, match.end):
        alone = not match.entry.series or around.names[match.first] in cues("names")
        larger = _goes_on_before(around, match) or (alone and _goes_on_after(around, match))
        value += PART_OF_A_NAME if larger else 0.0
    return value


def _kind_or_pair(around: Around, match: Match) -> float:
    """One word before "movies" is a kind of them, before "& Slim" the half of another title."""
    following = around.word(match.last + 1)
    if following in ("movies", "films", "flicks"):
        return 0.0 if around.capitals[match.first] else KIND_OF_MOVIE
    if following != "and" or around.gaps[match.last] != " ":
        return 0.0
    return HALF_OF_A_PAIR if around.named(match.last + 2) else 0.0


def _goes_on_after(around: Around, match: Match) -> bool:
    """A capital follows at once, or beyond small words, or after a colon."""
    at, names, gap = match.last + 1, around.names, around.gaps[match.last]
    if at >= len(names) or match.year or gap not in (" ", ": "):
        return False
    if gap == " " and names[at] in ("of", "upon", "in", "the", "a", "for", "to") and not around.capitals[at]:
        at += 1 + (around.word(at + 1) in ARTICLES)
        return (names[at - 1] in ("of", "upon") or names[at - 1] in ARTICLES) and around.named(at)
    return around.capitals[at] and names[at] not in cues("after_names") and not names[at].isdigit()


def _goes_on_before(around: Around, match: Match) -> bool:
    at = match.first - 1
    if at < 0 or around.gaps[at] not in (" ", "-", ": ") or at in around.possessives:
        return False
    while at > 0 and around.word(at) in ("of", "a", "an", "the", "for") and around.gaps[at - 1] == " ":
        at -= 1
    capital = around.capitals[at] and (match.corrected > 0 or not around.begins_sentence(at))
    return capital and around.word(at) not in cues("before_names")


def _place(around: Around, match: Match, words: Sequence[str]) -> float:
    """The words fill the place of a title: after "loved", before "was great", alone."""
    first, last = around.whole
    if len(words) == 1 and words[0] in cues("pronouns") and not _capital_within(around, match):
        return 0.0
    if match.start <= around.starts[first] and match.end >= around.ends[last]:
        return 0.0 if " ".join(words) in cues("phrases") else WHOLE_MESSAGE
    if around.framed is not None and match.first <= around.framed[0] and match.last == around.framed[1]:
        return 0.0 if " ".join(words) in cues("phrases") else ASKED_ABOUT
    value = _before(around, match)
    return value + _after(around, match, after_cue=value > 1)


def _capital_within(around: Around, match: Match) -> bool:
    return around.cased and around.capitals[match.first] and not around.begins_sentence(match.first)


def _before(around: Around, match: Match) -> float:
    """Cues such as "watched" or "my favourite is", where nothing follows that the words could belong to."""
    at = match.first - 1
    article = around.word(at) in ("a", "an") and not around.capitals[match.first]  # "like a baby" is no "The Baby"
    another = article and match.entry.articles.isdisjoint(("a", "an"))
    if at < 0 or another or around.begins_sentence(match.first):
        return 0.0
    names, skipped = around.names, cues("skipped")
    while at > 0 and names[at] in skipped:
        at -= 1
    cue = names[at]
    if cue not in _leading_words():
        return 0.0
    before, closed = around.word(at - 1), around.complete(match)
    if cue in cues("before"):
        habit = cue in cues("habits") and before in cues("habit")
        strength = AFTER_HABIT if habit else AFTER_CUE
        return strength if closed else 1.2
    if cue in cues("rating"):
        following = around.word(match.last + 1 + (around.word(match.last + 1) in ARTICLES))
        return AFTER_CUE if is_figure(following) or following in tables()["numbers"] else 0.4
    if cue in ("is", "was"):
        favourite = {around.word(at - back) for back in (1, 2, 3)} & cues("favourites")
        return (FAVOURITE_IS if favourite else 0.5) if closed else 0.0
    return _before_weakly(around, match, before, cue, closed=closed)


def _before_weakly(around: Around, match: Match, before: str, cue: str, *, closed: bool) -> float:
    """Words that stand before a title, and before much else; as pairs rather before titles: "similar to"."""
    if f"{before} {cue}" in cues("pairs"):
        return FAVOURITE_IS if closed else 1.2
    if cue not in cues("weak_before"):
        return 0.0
    if closed and cue in ("see", "watch", "remember", "watching"):
        return 2.5
    return 1.5 if closed and (match.last > match.first or around.capitals[match.first]) else 0.4


def _after(around: Around, match: Match, *, after_cue: bool) -> float:
    """The verdict that follows: "… was great"; or a noun: "the … trailer"."""
    at = match.last + 1
    following = around.word(at)
    if following[:1].isdigit() and around.rated(match) and around.gaps[match.last].strip(" :*_\"'”’(–—-") == "":
        return BEFORE_VERDICT if around.capitals[match.first] or around.opens(match.first) else 1.5
    if following not in _following_words() or around.gaps[match.last].strip(" \"'*_”’") != "":
        return 0.0
    if following in cues("nouns"):
        return 1.0 if after_cue else 0.3
    leading = around.begins_sentence(match.first) or around.word(match.first - 1) in cues("openers")
    if after_cue or not leading:
        return 0.0 if after_cue else 0.8
    verdict = around.word(at + 1) in cues("judging") or following not in ("was", "is")
    return BEFORE_VERDICT if verdict else 1.5

"""The evidence that words which are a title are meant as one: their plainness, their case, what stands around them.

The weights are log-odds, set by hand and checked on conversations (`benchmarks/linking.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from movies.words import UNKNOWN_RANK, Token, phrase_set, ranks, word_set

_OPENING = "\"'“”‘’«»„*_`<[("
_SENTENCE_END = re.compile(r"[.!?:;\n\u2022|](?:\s|$)|\n|^\s*[-*]\s|\d[.)]\s")
_JOINT = re.compile(
    r"\s*(?:,|/|&|\+|;|,?\s(?:and|or|und|oder|et|ou|y|o|e|vs\.?|versus|then|plus)\s)\s*(?:the |a |an )?"
)
_CLOSING = re.compile(r"\s*[.,;:!?)\]\n\u2026\u2013\u2014/|]|\s*$|\s+[-(]")
_QUOTES = {'"': '"', "“": "”", "«": "»", "„": "“", "‘": "’", "'": "'", "*": "*", "_": "_", "`": "`", "”": "”", "»": "«"}


@dataclass(slots=True)
class Match:
    """Words of a text that could be a movie."""

    start: int
    end: int
    first: int  # token
    last: int
    corrected: bool = False
    year: bool = False  # a year beside it is that of one of the movies
    popularity: float = 0.0
    told: bool = False  # a nickname or series that the tables have


class Around:
    """A text with its words, to ask what stands around a span."""

    def __init__(self, text: str, words: Sequence[Token], genre_words: frozenset[str]) -> None:
        self.text, self.words, self.genre_words = text, words, genre_words

    @cached_property
    def cased(self) -> bool:
        """True where capitals mean something: some words have them, and most have not."""
        letters = [token for token in self.words if token.word.isalpha()]
        capitals = sum(token.capital for token in letters)
        return bool(letters) and capitals <= 0.6 * len(letters)

    def begins_sentence(self, at: int) -> bool:
        if at == 0:
            return True
        between = self.text[self.words[at - 1].end : self.words[at].start]
        return bool(_SENTENCE_END.search(between)) and self.words[at - 1].word not in word_set("cues", "abbreviations")

    def gap(self, at: int) -> str:
        """What stands between a word and the next."""
        end = self.words[at + 1].start if at + 1 < len(self.words) else len(self.text)
        return self.text[self.words[at].end : end]

    def quoted(self, start: int, end: int) -> bool:
        before, after = self.text[start - 1 : start], self.text[end : end + 1]
        if before in _QUOTES and before:
            tail = self.text[end : end + 3]
            return _QUOTES[before] in tail.replace(" ", "") or after == before
        return False

    @cached_property
    def whole(self) -> tuple[int, int]:
        """The first and last word of the message without words of courtesy."""
        first, last = 0, len(self.words) - 1
        while first < last and self.words[first].word in word_set("cues", "courtesy"):
            first += 1
        while last > first and self.words[last].word in word_set("cues", "courtesy"):
            last -= 1
        return first, last


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


def movie_logit(around: Around, match: Match) -> float:
    """Log-odds that the words of a match mean a movie here."""
    words = [around.words[at].word for at in range(match.first, match.last + 1)]
    logit = prior(words, around.genre_words) + 2.2 * (match.popularity - 0.5)
    logit += _case(around, match, words) + _signs(around, match) + _place(around, match, words)
    logit -= (1.2 if len(words) > 1 else 3.0) if match.corrected else 0.0
    return logit + (1.5 if match.told else 0.0)


def prior(words: Sequence[str], genre_words: frozenset[str] = frozenset()) -> float:
    """Log-odds of words in lower case with nothing around them: the commoner the words, the less a title."""
    kept = [word for word in words if word not in ("the", "a", "an")] or list(words)
    ranked = [ranks().get(word, UNKNOWN_RANK) for word in kept]
    joined = " ".join(words)
    if len(kept) == 1:
        if kept[0] in word_set("plain", "pronouns"):
            return -9.0
        if kept[0].isdigit():
            return -4.0
        value = -7.5 + 7.5 * math.log(ranked[0]) / math.log(10_000) if ranked[0] <= 10_000 else 0.4
        value += 0.8 if len(words) > 1 and words[0] == "the" else 0.0
        value -= 2.0 if "".join(kept) in genre_words else 0.0
        return value - (2.5 if joined in phrase_set() else 0.0)
    bits = sum(math.log2(rank) for rank in ranked)
    value = -4.2 + 0.24 * bits + 0.4 * max(0, len(kept) - 2)
    if joined in phrase_set() or " ".join(kept) in phrase_set():
        value -= 4.5
    if kept[-1] in word_set("cues", "nouns") or "".join(kept) in genre_words:
        value -= 2.5
    return min(value, 4.0)


def joins(between: str) -> bool:
    """True of what stands between two members of a list."""
    return _JOINT.fullmatch(between) is not None


def _case(around: Around, match: Match, words: Sequence[str]) -> float:
    """Capitals where a sentence would have none."""
    if not around.cased:
        return 0.0
    tokens = [around.words[at] for at in range(match.first, match.last + 1)]
    telling = [
        token for token in tokens if token.word not in word_set("cues", "small") and not token.word.isdigit()
    ] or tokens
    if not all(token.capital for token in telling):
        capital = any(token.capital for token in tokens)
        return 0.0 if capital or not _uses_capitals(around) else -0.7
    begins = around.begins_sentence(match.first)
    if begins and len(telling) < 2:
        shouted = len(words[0]) > 1 and around.text[match.start : match.end].isupper()
        return 3.0 if shouted else 0.4
    value = 2.6 if begins else 4.2
    return value - (3.5 if _in_a_name(around, match) else 0.0)


def _uses_capitals(around: Around) -> bool:
    return any(token.capital and token.word != "i" for token in around.words[1:])


def _in_a_name(around: Around, match: Match) -> bool:
    """True where capitals go on beside the span: "Emma" in "Emma Thompson"."""
    words = around.words
    after = match.last + 1
    right = after < len(words) and words[after].capital and around.gap(match.last).strip(" ") == ""
    right = right and words[after].word not in ("i", "is", "was", "and", "with", "or", "movie", "movies", "trailer")
    before = match.first - 1
    left = before > 0 and words[before].capital and around.gap(before) == " " and not around.begins_sentence(before)
    return (right and not words[after].word.isdigit()) or (
        left and words[before].word not in word_set("cues", "before_names")
    )


def _signs(around: Around, match: Match) -> float:
    """Quotation marks, emphasis, a year beside."""
    value = 5.0 if match.year else 0.0
    return value + (6.5 if around.quoted(match.start, match.end) else 0.0)


def _place(around: Around, match: Match, words: Sequence[str]) -> float:
    """The words fill the place of a title: after "loved", before "was great", alone."""
    first, last = around.whole
    if match.first <= first and match.last >= last:
        return 5.5
    closed = _closed(around, match)
    pronoun = words[-1] in word_set("plain", "pronouns") and len(words) == 1
    if pronoun:
        return 0.0
    value = _before(around, match, closed=closed)
    return value + _after(around, match, after_cue=value > 1)


def _before(around: Around, match: Match, *, closed: bool) -> float:
    at = match.first - 1
    if at < 0 or around.begins_sentence(match.first):
        return 0.0
    words = around.words
    while at > 0 and words[at].word in ("the", "a", "an", "movie", "film", "movies", "films", "watching", "der", "die"):
        at -= 1
    article = any(words[place].word in ("a", "an") for place in range(at + 1, match.first))
    if words[at].word in word_set("cues", "before"):
        if article and match.last - match.first < 2:
            return 0.0
        habit = (
            words[at].word in ("like", "love", "enjoy", "prefer", "mag")
            and at > 0
            and words[at - 1].word in word_set("cues", "habit")
        )
        return (3.6 if habit else 6.0) if closed else 1.2
    if words[at].word in word_set("cues", "weak_before"):
        return 1.5 if closed and not article else 0.4
    return 0.0


def _after(around: Around, match: Match, *, after_cue: bool) -> float:
    """What follows: "… was great", "… (the movie)", "the … trailer"."""
    at = match.last + 1
    words = around.words
    if at >= len(words) or around.gap(match.last).strip(" \"'*_”’") != "":
        return 0.0
    if words[at].word in word_set("cues", "nouns"):
        return 1.0 if after_cue else 0.3
    if words[at].word not in word_set("cues", "after") or after_cue:
        return 0.0
    following = words[at + 1].word if at + 1 < len(words) else ""
    leading = (
        match.first == 0
        or around.begins_sentence(match.first)
        or words[match.first - 1].word in word_set("cues", "openers")
    )
    if not leading:
        return 0.8
    return 4.5 if following in word_set("cues", "judging") or words[at].word not in ("was", "is") else 1.5


def _closed(around: Around, match: Match) -> bool:
    """True where nothing follows that the words could belong to."""
    end = match.end
    while end < len(around.text) and around.text[end] in "\"'”’*_»":
        end += 1
    if _CLOSING.match(around.text, end):
        return True
    at = match.last + 1
    return at >= len(around.words) or around.words[at].word in word_set("cues", "ends")

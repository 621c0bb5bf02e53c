"""A message as masked tokens: names that the linker found become single words, hurried spellings become plain words."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from rapidfuzz import process
from rapidfuzz.distance import OSA

from language.classifier import examples
from language.phrases import Spot, has, plain, spots, table, vocabulary
from movies.links import Link
from movies.words import UNKNOWN_RANK, ranks

SURE, DOUBTFUL = 0.45, 0.17
"""Confidence from which a title is taken for one, and where the sentence needs one. All else the linker has decided."""
ENDS = frozenset(".!?;\n")
TYPO_LENGTH, FREQUENT, COMMON = 5, 600, 6_000
"""Letters of a word that is mended, and the rank up to which another is what it was meant to be."""
FIRST_YEAR, LAST_YEAR = 1900, 2030
_TOKEN = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*|\n|[^\w\s]")
_OWNING = ("'s", "’s")
_USER = re.compile(r"\b(?:user[ :#]*|u)(\d{1,6})s?\b", re.IGNORECASE)
_SIGN = re.compile(r"\s*([<>]=?|&&)\s*")
_SHORT_YEARS = re.compile(r"\bbetween ([3-9]\d) and ([3-9]\d)\b(?! \w*(?:rat|vot|min|star))")
_SLANG = [
    (re.compile(rf"\b{said}", re.IGNORECASE), meant)
    for said, meant in (
        (
            r"an (?=(?:is|was|it|i|we|you|u|he|she|they|what|whats|how|then|also|my|give|show|tell|can|do|did)\b)",
            "and ",
        ),
        (r"2 (?=(?:much|many|long|old|slow|scary|late|bad|boring|short|hard|sad)\b)", "too "),
        (r"(?:f|s|sh|b)[*#@$]{2,}\w*", ""),
        (r"(the|my|our|whole) fam\b", r"\1 family"),
        (r"(which|this|that|another|good) 1\b", r"\1 one"),
        (r"(?:no cap|on god|for real)\b", ""),
    )
]
_OF_CENTURY = re.compile(r"\b(from|one of|the) ['’]?([3-9]\d)(?= (?:one|version|movie|film|and)\b)", re.IGNORECASE)
_POINTS = re.compile(r"(?:(?<=\s)|^)\(?([a-f]|[1-6])\)\s")
_SHORT_YEAR = re.compile(r"\b(from|in|of) ['’]?([3-9]\d)(?=\s*(?:[?!.,;)]|$))")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the masked text; `said` is what was typed."""

    word: str
    said: str
    link: Link | None = None


@dataclass(frozen=True)
class Clause:
    """A part of a message that says one thing. `joined`: several sentences that ask for one figure."""

    tokens: tuple[Token, ...]
    asks: bool = field(default=False, compare=False)
    joined: bool = field(default=False, compare=False)

    @cached_property
    def text(self) -> str:
        """The masked words, each with a space after it."""
        return "".join(f"{token.word} " for token in self.tokens)

    def spots(self, *path: str) -> list[Spot]:
        """The places of phrases of `words.toml`."""
        return spots(self.text, *path)

    def has(self, *path: str) -> bool:
        """True where a phrase of `words.toml` occurs."""
        return has(self.text, *path)

    def links(self, *kinds: str) -> list[tuple[int, Link]]:
        """Linked tokens of some kinds, or of any, and their places."""
        return [
            (place, t.link) for place, t in enumerate(self.tokens) if t.link and (not kinds or t.link.kind in kinds)
        ]

    def said(self, first: int, end: int) -> str:
        """Some of the tokens as they were typed."""
        return " ".join(token.said for token in self.tokens[first:end])


def tidied(text: str, kept: Container[str] = ()) -> str:
    """A text with its misspelt plain words mended, but for some: "horor commedies" names two genres."""
    for said, meant in _SLANG:
        text = said.sub(meant, text)
    text = _OF_CENTURY.sub(r"\1 19\2", text)
    points = _POINTS.findall(text)
    text = _POINTS.sub(". one ", text) if points[:2] in (["a", "b"], ["1", "2"]) else text
    spaced = _SHORT_YEAR.sub(r"\1 19\2", _signs(_USER.sub(r"user \1", text)))
    spaced = _SHORT_YEARS.sub(r"between 19\1 and 19\2", _numerals().sub(_number, spaced))
    return _TOKEN.sub(lambda found: found[0] if found[0].lower() in kept else _tidied(found[0]), spaced)


def _signs(text: str) -> str:
    """A text with signs such as ">=" in words."""
    for sign, words in table("signs").items() if _SIGN.search(text) else ():
        text = _SIGN.sub(r" \1 ", text).replace(sign, words)
    return text


@cache
def _numerals() -> re.Pattern[str]:
    """Two words of a number or more: "ninety-five", "two thousand and twelve"."""
    words = "|".join(table("numerals"))
    return re.compile(rf"\b(?:{words})(?:(?:[ -]|(?<=hundred|housand) and )(?:{words}))+\b", re.IGNORECASE)


def _number(said: re.Match[str]) -> str:
    """A number in digits; words that are none as they are: "one two"."""
    whole = part = 0
    for value in (table("numerals")[word] for word in re.split("[ -]", said[0].lower()) if word != "and"):
        if value == 1000:
            whole, part = (part or 1) * value, 0
        elif value == 100:
            part = (part or 1) * value
        elif part % 100 == 0 or (part >= 20 and part % 10 == 0 and value < 10):
            part += value
        elif 10 < part < 100 and value >= 10:  # "nineteen ninety"
            part = 100 * part + value
        else:
            return said[0]
    return str(whole + part)


def masked(text: str, links: Sequence[Link], sure: float = SURE) -> list[Token]:
    """The tokens of a text. Titles count from a confidence of `sure` on."""
    words = table("topic", "never_tags")
    certain = {
        link.movie_ids for link in links if link.confidence >= sure
    }  # whatever was named surely once is meant again
    taken = [each for each in links if each.kind not in ("movie", "series") or each.movie_ids in certain]
    titles = table("topic", "never_titles")
    never = {"tag": words, "movie": titles, "series": titles, "genre": table("topic", "never_genres")}
    taken = [
        link
        for link in taken
        if not ((link.kind == "tag" or link.text.islower()) and plain(link.text) in never.get(link.kind, ()))
    ]
    pieces = list(_pieces(text, [_as_tag(text, link) for link in taken]))
    tokens = [token for piece in pieces for token in _tokens(piece)]
    return [_as_year(token, _bound_before(tokens, place)) for place, token in enumerate(tokens)]


def _as_tag(text: str, link: Link) -> Link:
    """Words in lower case that are a title and a tag, as the tag where they say what a movie is about."""
    about = text[: link.start].split()[-1:] and plain(text[: link.start].rsplit(maxsplit=1)[-1]) in table(
        "topic", "tag_follows"
    )
    series = next((other for other in link.also if other.kind == "series" and other.confidence >= SURE), None)
    if series:
        return replace(series, start=link.start, end=link.end) if link.kind == "tag" else link
    tag = next((other for other in link.also if other.kind == "tag" and link.kind != "series"), None)
    return tag if tag and about and link.text.islower() else link


def _bound_before(tokens: Sequence[Token], place: int) -> str:
    """The word before a token; of "older than like" the "older"."""
    words = [token.word for token in tokens[max(place - 4, 0) : place]]
    compared = [{"older": "before", "newer": "after"}[word] for word in words if word in ("older", "newer")]
    return compared[0] if compared and "than" in words else words[-1] if words else ""


def clauses(tokens: Sequence[Token]) -> list[Clause]:
    """Sentences, and within them parts that begin a wish of their own."""
    found: list[Clause] = []
    begun = 0
    for place, token in enumerate(tokens):
        if token.word in ENDS and not has(
            "".join(f"{each.word} " for each in tokens[place + 1 : place + 5]), "split", "goes_on"
        ):
            found.append(Clause(tuple(tokens[begun:place]), token.word == "?"))
            begun = place + 1
        elif place - begun >= 2 and (
            _corrects(tokens, place) or (tokens[place - 1].link and _begins(tokens, place, "unmarked"))
        ):
            found.append(Clause(tuple(tokens[begun:place])))
            begun = place
        elif place - begun >= 2 and (_starts(tokens, begun, place) or _is_another(tokens, begun, place)):
            found.append(Clause(tuple(tokens[begun:place])))
            begun = place + 1
    found.append(Clause(tuple(tokens[begun:])))
    return [clause for clause in found if any(token.word != "," for token in clause.tokens)]


def _is_another(tokens: Sequence[Token], begun: int, place: int) -> bool:
    """True between two things that are each to be counted: "3 westerns, 2 musicals and a documentary"."""
    if tokens[place].word not in ("and", ",", "&", "plus"):
        return False
    after = place + 2 if tokens[place + 1 : place + 2] and tokens[place + 1].word == "and" else place + 1
    before, following = (
        "".join(f"{each.word} " for each in tokens[at:end]) for at, end in ((begun, place), (after, after + 7))
    )
    opens = spots(following, "split", "another")
    return bool(opens and opens[0].first == 0 and has(before, "split", "counted"))


def _starts(tokens: Sequence[Token], begun: int, place: int) -> bool:
    """True where a conjunction is followed by the start of another wish."""
    if tokens[place].word not in table("split", "after"):
        return False
    if tokens[place].word == "," and tokens[begun].word in table("split", "opening"):
        return False
    while place + 1 < len(tokens) and tokens[place + 1].word in table("split", "skips"):
        place += 1
    return _begins(tokens, place + 1, "starts")


def _corrects(tokens: Sequence[Token], place: int) -> bool:
    """True where the person takes back what was just said: "horror, no wait, fantasy"."""
    return tokens[place - 1].word not in ("i", "you") and _begins(tokens, place, "corrects")


def _begins(tokens: Sequence[Token], place: int, name: str) -> bool:
    following = "".join(f"{token.word} " for token in tokens[place : place + 5])
    return bool(found := spots(following, "split", name)) and found[0].first == 0


def _pieces(text: str, links: Sequence[Link]) -> Iterator[str | Link]:
    """Words and links in their order."""
    place = 0
    for link in sorted(links, key=lambda link: link.start):
        yield from _TOKEN.findall(text[place : link.start])
        yield link
        shouts = text[link.end : link.end + 1] == "!" and link.candidates and link.candidates[0].title.endswith("!")
        place = link.end + (2 if text[link.end : link.end + 2] in _OWNING else 1 if shouts else 0)
    yield from _TOKEN.findall(text[place:])


def _tokens(piece: str | Link) -> list[Token]:
    if not isinstance(piece, str) and piece.kind == "number" and plain(piece.text) == "one":
        piece = "one"
    if isinstance(piece, str):
        return [Token(word, piece) for word in _words(piece)]
    return [Token(piece.kind.upper(), piece.text, piece)]


def _as_year(token: Token, before: str) -> Token:
    """A number that can only be a year, with the bound that the word before it makes of it."""
    link = token.link
    if link is None or link.kind != "number" or not (FIRST_YEAR <= (link.low or 0) <= LAST_YEAR):
        return token
    year = link.low or 0
    bounds = {"after": (year + 1, None), "since": (year, None), "before": (None, year - 1), "until": (None, year)}
    if (bound := bounds.get(before)) is not None:
        return Token("YEARS", token.said, replace(link, kind="years", low=bound[0], high=bound[1]))
    return (
        Token("YEAR", token.said, replace(link, kind="year", high=year))
        if before in ("in", "from", "of", "and", "or")
        else token
    )


def _words(said: str) -> list[str]:
    """A typed word as the plain words that it stands for."""
    word = plain(said)
    shorthand: dict[str, str] = table("shorthand")
    if (meant := shorthand.get(word)) is not None:
        return meant.split()
    if "-" in word and word not in known():
        return [part for half in word.split("-") for part in _words(half)]
    return [_mended(word)]


def _tidied(word: str) -> str:
    if not word.islower():
        return word
    meant = table("spelling", "words").get(word)
    return meant if meant is not None else _mended(plain(word)) if word.isascii() else word


@cache
def known() -> frozenset[str]:
    """Words that the examples are made of, and those of the tables."""
    said = " ".join(sentence for sentences in examples().values() for sentence in sentences)
    return vocabulary() | frozenset(said.lower().split()) | frozenset(table("spelling", "genres").split())


@cache
def _targets() -> list[str]:
    """Words of questions and wishes; those of life stories are too many to be what was meant."""
    asked = (sentences for label, sentences in examples().items() if label != "small_talk.feelings")
    said = " ".join(sentence for sentences in asked for sentence in sentences)
    words = {*said.split(), *table("spelling", "genres").split()}
    return sorted({word for word in words if word.isalpha() and word.islower() and len(word) >= TYPO_LENGTH})


def _mended(word: str) -> str:
    """A misspelt word of the examples as it is spelt; every other word as it is."""
    if not word.isalpha() or word in known() or word in ranks():
        return word
    if word.endswith("z") and (word[:-1] + "s" in known() or word[:-1] + "s" in ranks()):
        return word[:-1] + "s"
    if len(word) < TYPO_LENGTH:
        return _spelt_out().get(word, word)
    if (swapped := _swapped(word)) is not None:
        return swapped
    word = f"{word[:-2]}ies" if word.endswith("ys") else word
    allowed = 1 if len(word) < 8 else 2
    found = process.extractOne(word, _targets(), scorer=OSA.distance, score_cutoff=allowed)
    return found[0] if found and found[0][0] == word[0] else word


@cache
def _spelt_out() -> dict[str, str]:
    """Hurried spellings of frequent words without their vowels: "mny", "ratd" without the last."""
    frequent = sorted(
        (word for word in known() if len(word) >= 4 and ranks().get(word, UNKNOWN_RANK) < FREQUENT),
        key=lambda word: -ranks()[word],
    )
    bare = {word[0] + re.sub("[aeiou]", "", word[1:]): word for word in frequent}
    bare |= {word[:-1]: word for word in frequent if word.endswith("e")}
    return bare | {word[:-2] + word[-1]: word for word in frequent if word.endswith("ed")}


def _swapped(word: str) -> str | None:
    """The English word with two neighbouring letters the other way round, or one doubled: "travle", "actualy"."""
    pairs = range(1, len(word) - 1)
    near = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in pairs]
    near += [word[:at] + word[at] + word[at:] for at in range(1, len(word))]
    known = [other for other in near if ranks().get(other, UNKNOWN_RANK) < COMMON]
    return min(known, key=lambda other: ranks()[other], default=None)

"""Running times, and people who made movies or play in them, as a clause asks for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from language.masking import Clause, Token
from language.phrases import table
from movies.models import Word
from movies.words import UNKNOWN_RANK, ranks

HOUR, MOST_MINUTES = 60, 1_000
LEAST_MINUTES = 10  # a smaller number between which and a length a movie should be is one of hours
ABOUT = 15  # minutes by which "90 minutes" may be missed
SHORT, LONG, TOO_LONG = 90, 150, 120  # minutes: "something short", "a long one", "not too long"
COMMON = 3_000  # rank of a word that is no name without a capital
MOST_WORDS = 3  # of a name that the catalogue lacks, or that is misspelt
REACH = 4  # words between a bound and its number

_TYPED = re.compile(
    r"(?:(\d{1,2})(?:h|hrs?|hours?)\s?(?:(\d{1,2})(?:m|mins?|minutes?)?)?|(\d{1,3})(?:m|mins?|minutes?))"
)
_UNIT = re.compile(r"hour|hr|min|stunde|^\d*[hm]\d*$")
_HOURS = re.compile(r"h(\d\d)")

Runtime = tuple[int | None, int | None]


class Amount(NamedTuple):
    """Minutes that were said, and the places of the words."""

    minutes: int
    first: int
    end: int


def runtime(clause: Clause) -> Runtime | None:
    """The least and the most minutes that are asked for."""
    amounts = list(_amounts(clause.tokens))
    low: int | None = None
    high: int | None = None
    for amount in amounts:
        least, most = _between(clause.tokens, amount) or _bounded(clause.tokens, amount)
        low, high = least or low, most or high
    if amounts:
        return low, high
    return next((bounds for name, bounds in _IN_WORDS.items() if clause.has("runtime", name)), None)


def lengths(clause: Clause) -> set[int]:
    """The places of the words that say a length of time."""
    return {place for amount in _amounts(clause.tokens) for place in range(amount.first, amount.end)}


_IN_WORDS: dict[str, Runtime] = {"not_long": (None, TOO_LONG), "short": (None, SHORT), "long": (LONG, None)}


def _amounts(tokens: Sequence[Token]) -> Iterator[Amount]:
    """All lengths of time in minutes: "two hours", "an hour and a half", "90 min", "1h30"."""
    at = 0 if any(_UNIT.search(token.word) for token in tokens) else len(tokens)
    while at < len(tokens):
        found = _amount(tokens, at)
        of_time = at > 0 and tokens[at - 1].word in ("last", "past", "next")  # "rated in the last 12 hours"
        if found is not None and 0 < found.minutes <= MOST_MINUTES and not of_time:
            yield found
        at = found.end if found is not None else at + 1


def _amount(tokens: Sequence[Token], at: int) -> Amount | None:
    """A length that begins with a token."""
    if typed := _TYPED.fullmatch(tokens[at].said.lower()):
        return Amount(int(typed[3] or 0) + int(typed[1] or 0) * HOUR + int(typed[2] or 0), at, at + 1)
    number, end = _number(tokens, at)
    unit = tokens[end].word if number is not None and end < len(tokens) else ""
    if number is None or not unit:
        return None
    if unit in table("runtime", "minutes"):
        return Amount(round(number), at, end + 1)
    if typed := _HOURS.fullmatch(unit):
        return Amount(round(number * HOUR) + int(typed[1]), at, end + 1)
    if unit in table("runtime", "hours"):
        more, end = _minutes_more(tokens, end + 1)
        return Amount(round(number * HOUR) + more, at, end)
    return None


def _minutes_more(tokens: Sequence[Token], at: int) -> tuple[int, int]:
    """The minutes that follow hours, and the place after them: "and a half", "40 minutes", the "30" of "1h 30"."""
    following = [token.word for token in tokens[at : at + 3]]
    if following == ["and", "a", "half"]:
        return HOUR // 2, at + 3
    number, end = _number(tokens, at + (following[:1] == ["and"]))
    if number is None or number >= HOUR:
        return 0, at
    if end < len(tokens) and tokens[end].word in table("runtime", "minutes"):
        return round(number), end + 1
    return (round(number), end) if tokens[at - 1].word == "h" else (0, at)


def _between(tokens: Sequence[Token], amount: Amount) -> Runtime | None:
    """Both bounds of "between 90 and 120 minutes"."""
    words = [token.word for token in tokens[max(amount.first - 3, 0) : amount.first]]
    if len(words) < 3 or words[0] not in ("between", "from") or words[2] not in ("and", "to"):
        return None
    link = tokens[amount.first - 2].link
    least = int(link.low or 0) if link is not None else 0
    return least * HOUR if least < LEAST_MINUTES else least, amount.minutes


def _number(tokens: Sequence[Token], at: int) -> tuple[float | None, int]:
    """A number and the place after it: "2", "two and a half", "an", "half an"."""
    words = [token.word for token in tokens[at : at + 4]]
    if words[:2] in (["half", "an"], ["half", "a"]):
        return 0.5, at + 2
    link = tokens[at].link if at < len(tokens) else None
    if link is not None and link.kind in ("number", "stars", "year") and link.low is not None:
        half = words[1:4] == ["and", "a", "half"]
        return link.low + (0.5 if half else 0), at + (4 if half else 1)
    return (1.0, at + 1) if words[:1] in (["an"], ["one"]) else (None, at)


def _bounded(tokens: Sequence[Token], amount: Amount) -> Runtime:
    """The side that is bound: by words before the length, else by those after it; else about so long."""
    before = [token.word for token in tokens[max(amount.first - REACH, 0) : amount.first]]
    after = [token.word for token in tokens[amount.end : amount.end + 2]]
    negated = any(word in table("runtime", "negated") for word in before)
    if any(word in table("runtime", "at_least") for word in before):
        return (None, amount.minutes) if negated else (amount.minutes, None)
    if any(word in table("runtime", "at_most") for word in before):
        return (amount.minutes, None) if negated else (None, amount.minutes)
    if any(word in table("runtime", "at_most_after") for word in after):
        return None, amount.minutes
    if any(word in table("runtime", "at_least_after") for word in after):
        return amount.minutes, None
    return max(amount.minutes - ABOUT, 1), amount.minutes + ABOUT


def people(clause: Clause, unwanted: set[int]) -> Iterator[tuple[int, Word]]:
    """The people that are asked for, each with the role, and the place: "directed by Clint Eastwood", "with …"."""
    if clause.links("person"):
        yield from _linked(clause, unwanted)
        return
    for name in ("directed", "with", "by_named"):
        for spot in clause.spots("people", name):
            following = clause.tokens[spot.end : spot.end + MOST_WORDS]
            said = list(takewhile(_could_be_name, following))
            if said and spot.end not in unwanted:
                yield spot.end, f"{_ROLES[name]}{' '.join(token.said for token in said)}"


def other_choices(clause: Clause) -> Iterator[str]:
    """The people of whom one is enough, but for the first: all who are asked for must be in a movie."""
    for place, link in clause.links("person"):
        if _is_choice(clause, place):
            yield f"or {link.name}"


def _is_choice(clause: Clause, place: int) -> bool:
    """True of the second of "Nolan or Tarantino"."""
    before = [token.word for token in clause.tokens[max(place - 4, 0) : place]]
    return "or" in before and "PERSON" in before[: before.index("or")]


def _linked(clause: Clause, unwanted: set[int]) -> Iterator[tuple[int, Word]]:
    """The people whom the catalogue has, each with the role that the words around tell: "by …", "did … direct"."""
    roles = {spot.end: _ROLES[name] for name in reversed(_ROLES) for spot in clause.spots("people", name)}
    role = ""
    for place, token in enumerate(clause.tokens):
        role = roles.get(place) or (role if token.word in ("and", ",", "PERSON") else "")
        if token.link is not None and token.link.kind == "person" and not _is_choice(clause, place):
            after = clause.tokens[place + 1].word if place + 1 < len(clause.tokens) else ""
            said = _ROLES["directed"] if after in table("people", "directs") else role
            yield place, f"{'without ' if place in unwanted else said}{token.link.name}"


_ROLES = {"directed": "directed by ", "with": "with ", "by": "by ", "beside": "with ", "by_named": "by "}


def _could_be_name(token: Token) -> bool:
    rare = ranks().get(token.word, UNKNOWN_RANK) > COMMON
    return token.link is None and token.word.isalpha() and (rare or token.said[:1].isupper())

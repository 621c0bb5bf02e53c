"""The parts that reading rules share: an intent, the sentence it is read from, and patterns used by several."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from guide.recall import Memory, Ref
from guide.references import Guarded, refs_of
from guide.wishes import Wish


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing that a person wants. `topic` is a detail of the kind: the fact asked for, what is out of scope."""

    kind: str
    refs: tuple[Ref, ...] = ()
    disliked: tuple[Ref, ...] = ()
    wish: Wish = field(default_factory=Wish)
    topic: str = ""
    stars: float | None = None
    given: str = ""
    group: tuple[tuple[Ref, ...], ...] = ()
    exclude: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence being read: its text with titles guarded, and what came before it."""

    text: str
    guarded: Guarded
    memory: Memory

    def refs(self, piece: str | None) -> tuple[Ref, ...]:
        """The movies that a piece of it names."""
        return refs_of(piece, self.guarded, self.memory) if piece else ()

    @property
    def plain(self) -> str:
        """The sentence as it was written."""
        return self.guarded.plain(self.text)

    @property
    def asks(self) -> bool:
        """True if it is a question."""
        return self.text.rstrip().endswith("?")


Rule = Callable[[Sentence], Intent | None]


def cut_tail(what: str) -> tuple[str, str]:
    """As in "Alien but funny" → ("Alien", "but funny")."""
    found = _TAIL.search(what)
    return (what[: found.start()], what[found.start() :]) if found else (what, "")


_TAIL = re.compile(
    r"(?<=\S)[ ,]+(?:(?:but|except|however|just|only|other than|besides|apart from)\b|(?:that )?i(?:'ve| have)(?:n't| not)? (?:already )?seen\b|(?:but )?(?:without|minus)\b|with (?:more|less|a bit|some|no|fewer|lots)\b|(?:from|made in|made|released|out of|in|of) (?:the )?(?:early |mid |late )?(?:'?\d|twent|thirt|fort|fift|sixt|sevent|eight|ninet|nought|last|20th|21st)"
    r"|(?:released |made |that came out )?(?:before|after|since|until|newer than|older than) (?:the )?(?:year )?\d|for (?:me|us|my|the|tonight|kids|children|a|user)\b|(?:that|which)(?:'s| is| are| isn'?t)\b|preferably\b|ideally\b|and (?:not|funny|funnier|newer|older|less|more|scary|romantic|from)\b"
    r"|(?:newer|older|funnier|scarier|shorter|please|pls)\b|(?:as|in) a\b|not (?:so|too|as|a|that)\b)",
    re.IGNORECASE,
)  # fmt: skip

LATELY = re.compile(
    r"\b(?:lately|recently|these days|nowadays|over (?:time|the years)|(?:in the )?(?:last|past) (?:\w+ )?(?:days?|weeks?|months?|years?)|this (?:week|month|year)|now(?:adays)?|currently|still|trend(?:ing)?|(?:right )?now)\b",
    re.IGNORECASE,
)

ABOUT_LISTS = re.compile(
    r"\b(?:movies|films|something|anything|recommend|suggest|a (?:movie|film)|an? \w+ (?:movie|film)|flicks?|one with|ones with|more)\b|^(?:directed by|starring|featuring|give me|show me|find me)\b",
    re.IGNORECASE,
)

"""From what somebody wrote to a full-text expression. No SQL but FTS5's own query language, and no character of theirs in it."""

from __future__ import annotations

from itertools import pairwise

from titles import plain_words

MAX_TERMS = 16

STOP_WORDS = frozenset(
    """
    a about all also an and any are as at be but by can could do does film films flick flicks for from give good great has have
    i if im in into is it its just kind like list looking lot lots maybe me movie movies my not of on one or other please
    recommend search see show so some something story suggest tell that the their them there these they thing this to
    very want watch was we what when where which who whose will with would you your
    """.split()
)


def text_terms(text: str) -> list[str]:
    """The words that say something, in order; all of them where none would be left."""
    words = plain_words(text[:1000])
    return list(dict.fromkeys([word for word in words if word not in STOP_WORDS] or words))[:MAX_TERMS]


def text_expression(text: str) -> str:
    """Any of the words; words that stand side by side count once more where they do so in the movie's text too."""
    words = plain_words(text[:1000])
    terms = text_terms(text)
    phrases = [f'"{one} {other}"' for one, other in pairwise(words) if one in terms or other in terms]
    return " OR ".join([*(f'"{term}"' for term in terms), *phrases[:MAX_TERMS]])

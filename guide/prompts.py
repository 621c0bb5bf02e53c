"""The prompt templates worded without a model: two or three sentences made from what is filled in, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from providers.prompts import Filled

NAMED = 3  # of each list
_LINE = re.compile(r"^- (?P<name>.+?)(?:: (?P<value>[^:]+)|, because of (?P<because>.+))?$", re.MULTILINE)
_NOTHING = "- none"


class Line(NamedTuple):
    """One line of a list: `- Heat (1995): 4.5`, or `- Heat (1995), because of Ronin (1998)`."""

    name: str
    value: str
    because: str


def worded(filled: Filled) -> str:
    """The answer to a template; '' for one that has no words here."""
    wording = _WORDINGS.get(filled.template.name)
    return wording(filled.values) if wording else ""


def _lines(text: str) -> list[Line]:
    if text.strip() == _NOTHING:
        return []
    return [Line(found["name"], found["value"] or "", found["because"] or "") for found in _LINE.finditer(text)]


def _names(lines: Sequence[Line]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    *first, last = [line.name for line in lines[:NAMED]]
    return f"{', '.join(first)} and {last}" if first else last


def _taste(values: Mapping[str, str]) -> str:
    highest, lowest = _lines(values["highest"]), _lines(values["lowest"])
    if not highest:
        return f"Nothing is rated yet, so there is no taste in {values['plural']} to tell of."
    liked = f"They like {_names(highest)} best, with {highest[0].value} stars for the first."
    return f"{liked} They think least of {_names(lowest)}." if lowest else liked


def _recommended(values: Mapping[str, str]) -> str:
    listed = _lines(values["recommendations"])
    if not listed:
        return f"Nothing is recommended: there are no other {values['plural']} to choose from."
    reasons = [
        f"{line.name} because of {line.because}" if line.because else f"{line.name}, which many like"
        for line in listed[:NAMED]
    ]
    return f"These fit: {'; '.join(reasons)}."


def _per_tag(values: Mapping[str, str]) -> str:
    listed = _lines(values["movies"])
    if not listed:
        return f"No {values['noun']} carries the tag {values['tag']!r}."
    told = f"The tag {values['tag']!r} is what {_names(listed)} have in common." if listed[1:] else ""
    how = f", to which it applies most ({listed[0].value} of 1)" if listed[0].value else ""
    return f"{told} Start with {listed[0].name}{how}.".strip()


def _per_genre(values: Mapping[str, str]) -> str:
    listed = _lines(values["movies"])
    if not listed:
        return f"There are no rated {values['plural']} of the genre {values['genre']!r}."
    best = f"The best rated {values['plural']} of {values['genre']} are {_names(listed)}."
    return f"{best} Start with {listed[0].name}: {listed[0].value} ratings."


def _per_movie(values: Mapping[str, str]) -> str:
    bars = [(line.name, int(line.value)) for line in _lines(values["histogram"])]
    if not bars:
        return f"Nobody has rated {values['title']} yet. It is tagged: {values['tags']}."
    most, count = max(bars, key=lambda bar: bar[1])
    total = sum(number for _, number in bars)
    agree = "People largely agree on it" if 2 * count > total else "People are of several minds about it"
    return f"{agree}: {count} of {total} gave {values['title']} {most}. It may suit who likes: {values['tags']}."


_WORDINGS: dict[str, Callable[[Mapping[str, str]], str]] = {
    "ratings_prompt_per_user": _taste,
    "recommendations_prompt_per_user": _recommended,
    "recommendations_prompt_per_taste": _recommended,
    "movies_prompt_per_tag": _per_tag,
    "movies_prompt_per_genre": _per_genre,
    "ratings_prompt_per_movie": _per_movie,
}

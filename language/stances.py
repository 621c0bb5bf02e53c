"""The stance that a clause takes towards each movie it names: liked, disliked, seen, not wanted, or "like this"."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from language.frame import Ref
from language.masking import Clause, Token
from language.phrases import table
from movies.links import Link

Stance = Literal["liked", "disliked", "seen", "unseen", "excluded", "similar", "named"]
BEFORE: tuple[Stance, ...] = ("named", "disliked", "unseen", "liked", "seen", "excluded", "similar")
AFTER: tuple[Stance, ...] = ("unseen", "disliked", "liked", "seen")
TITLED = 0.9
"""Certainty of a name that is the very title of one movie alone."""
UNLIKELY = 0.15
"""Odds, as a part of the likeliest's, below which a movie is not meant though it is called so."""
REACH = 3
"""The number of other words that may stand between a cue and the name that it is about."""


@dataclass(frozen=True, slots=True)
class Said:
    """A name in a clause and the stance towards it. `series`, `of_series`: where all of a series is meant."""

    refs: tuple[Ref, ...]
    stance: Stance
    place: int
    series: str = ""
    of_series: tuple[int, ...] = ()


def stances(clause: Clause, pointed: Mapping[int, tuple[Ref, ...]]) -> list[Said]:
    """Every name in a clause, and each reference such as "the second one", with the stance towards it.

    Args:
        clause: What was said.
        pointed: Movies that a token refers to, by the token's place.
    """
    names = {place: refs_of(link) for place, link in clause.links("movie", "series")} | dict(pointed)
    opening = [
        (cue.end, -cue.first, name)
        for name in BEFORE
        for cue in clause.spots("stance", "before", name)
        if clause.tokens[cue.end - 1].word != "no" or clause.text.split()[cue.end : cue.end + 1] != [","]  # "no, Heat"
    ]
    asks = clause.asks or clause.tokens[0].word in table("asks", "starts")
    closing = [
        (cue.first, -cue.end, name)
        for name in AFTER
        for cue in clause.spots("stance", "after", name)
        if name in ("seen", "unseen") or not asks
    ]
    found = []
    for place in sorted(names):
        after = _closing(clause.tokens, place, names, closing)
        before, direct = _opening(clause.tokens, place, names, opening)
        stance = after if after and (not direct or before in ("seen", "similar", "excluded")) else before
        series = _series(clause, place, stance)
        found.append(Said(names[place], stance, place, *((series.name, series.movie_ids) if series else ())))
    return found


def refs_of(link: Link) -> tuple[Ref, ...]:
    """The movie that a link means, with the others it could have meant; for a series its first."""
    if link.kind == "series":
        named = next((other for other in link.also if other.kind == "movie" and other.candidates), None)
        return (
            refs_of(named)
            if named
            else tuple(Ref(movie_id=each, title=link.name, others=link.movie_ids[1:]) for each in link.movie_ids[:1])
        )
    if not link.candidates:
        return ()
    likely, said = link.candidates[0], link.text.lower()
    least = 0.0 if said.endswith(likely.title.lower()) else UNLIKELY * likely.odds
    titled = [each for each in link.candidates if each.title.lower() == said and each.odds >= least]
    best = titled[0] if len(titled) == 1 else link.candidates[0]
    others = [each for each in link.candidates if each is not best]
    ref = Ref(movie_id=best.movie_id, title=best.title, year=best.year)
    if str(best.year) in link.text:
        return (ref,)
    odds = {
        "certainty": max(TITLED if len(titled) == 1 else 0.0, min(best.odds, 1.0)),
        "others": tuple(other.movie_id for other in others),
    }
    return (ref.model_copy(update=odds),)


def _series(clause: Clause, place: int, stance: Stance) -> Link | None:
    """The series that is meant as a whole: where nothing else is, or it is left out, or "all the … movies"."""
    link = clause.tokens[place].link
    if link is None or link.kind == "series":
        return link
    following = {token.word for token in clause.tokens[place + 1 : place + 2]} & set(table("stance", "whole"))
    words = {token.word for token in clause.tokens[max(place - 4, 0) : place]} & set(table("stance", "every"))
    one_of = {token.word for token in clause.tokens[max(place - 3, 0) : place]} & set(table("stance", "one_of"))
    one = [token.word for token in clause.tokens[place + 1 : place + 2]] == ["movie"] and one_of
    meant = stance == "excluded" or following or words or one
    return next((other for other in link.also if other.kind == "series" and meant), None)


_Cues = Sequence[tuple[int, int, Stance]]


def _opening(tokens: Sequence[Token], place: int, names: Container[int], cues: _Cues) -> tuple[Stance, bool]:
    """The stance of the nearest cue before a name, and True where no other name stands between.

    Of two cues that end together the longer counts.
    """
    best = max((cue for cue in cues if _reaches(tokens, cue[0], place, names)), default=None, key=lambda cue: cue[:2])
    if best is None:
        return "named", False
    return best[2], not any(_is_name(at, tokens, names) for at in range(best[0], place))


def _reaches(tokens: Sequence[Token], start: int, place: int, names: Container[int]) -> bool:
    if start > place:
        return False
    words = [tokens[at].word for at in range(start, place) if not _is_name(at, tokens, names)]
    if len(words) == place - start and words[:1] != [","] and ", and" in " ".join(words[1:]):
        return False  # "I hate my job, and Office Space is …"
    breaks = set(words) & set(table("stance", "breaks"))
    return not breaks and len([word for word in words if word not in table("stance", "joining")]) <= REACH


def _closing(tokens: Sequence[Token], place: int, names: Container[int], cues: _Cues) -> Stance | None:
    """The stance of a phrase right after a name, or after a row of names that it closes."""
    end = place + 1
    while end < len(tokens) and (_is_name(end, tokens, names) or tokens[end].word in table("stance", "row")):
        end += 1
    near = (cue for cue in cues if place < cue[0] <= (place + 1 if cue[2] == "unseen" else end))
    return min(near, default=(0, 0, None))[2]


def _is_name(place: int, tokens: Sequence[Token], names: Container[int]) -> bool:
    return place in names or tokens[place].link is not None

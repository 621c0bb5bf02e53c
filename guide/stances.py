"""The stance that a clause takes towards each movie it names: liked, disliked, seen, not wanted, or "like this"."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from guide.frame import Ref
from guide.masking import Clause, Token
from guide.phrases import Spot, table
from movies.links import Link

Stance = Literal["liked", "disliked", "seen", "unseen", "excluded", "similar", "named"]
BEFORE: tuple[Stance, ...] = ("named", "disliked", "unseen", "liked", "seen", "excluded", "similar")
AFTER: tuple[Stance, ...] = ("disliked", "liked", "seen")
REACH = 3
"""How many other words may stand between a cue and the name that it is about."""
_JOINING = frozenset(
    {
        "and",
        "or",
        ",",
        "&",
        "the",
        "a",
        "movie",
        "movies",
        "also",
        "with",
        ":",
        "nor",
        "both",
        "'",
        '"',
        "*",
        "-",
        "+",
        "called",
    }
)
_BREAKS = frozenset({"but", "while", "though", "although", "however"})


@dataclass(frozen=True, slots=True)
class Said:
    """A name in a clause and the stance towards it. `series`: its name, where all of a series is meant."""

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
    cues = {stance: clause.spots("stance", "before", stance) for stance in BEFORE}
    closing = {stance: clause.spots("stance", "after", stance) for stance in AFTER}
    found = []
    for place in sorted(names):
        stance = _stance(clause.tokens, place, names.keys(), cues, closing)
        link = clause.tokens[place].link
        series = _series(link, clause, place, stance) if link else None
        whole = (series.name, series.movie_ids) if series else ("", ())
        found.append(Said(names[place], stance, place, *whole))
    return found


def refs_of(link: Link) -> tuple[Ref, ...]:
    """The movie that a link means, with the others it could have meant; for a series its first."""
    if link.kind == "series":
        named = next((other for other in link.also if other.kind == "movie" and other.candidates), None)
        first = link.movie_ids[:1]
        return refs_of(named) if named else tuple(Ref(movie_id=movie_id, title=link.name) for movie_id in first)
    if not link.candidates:
        return ()
    best, *others = link.candidates
    if str(best.year) in link.text:
        return (Ref(movie_id=best.movie_id, title=best.title, year=best.year),)
    return (
        Ref(
            movie_id=best.movie_id,
            title=best.title,
            year=best.year,
            certainty=max(0.0, min(best.odds, 1.0)),
            others=tuple(other.movie_id for other in others),
        ),
    )


def _series(link: Link, clause: Clause, place: int, stance: Stance) -> Link | None:
    """The series that is meant as a whole: where nothing else is, or it is left out, or "all the … movies"."""
    if link.kind == "series":
        return link
    series = next((other for other in link.also if other.kind == "series"), None)
    following = clause.tokens[place + 1].word if place + 1 < len(clause.tokens) else ""
    words = {token.word for token in clause.tokens[max(place - 4, 0) : place]}
    whole = following in _WHOLE or words & {"all", "every", "everything", "any"} or stance == "excluded"
    return series if whole else None


_WHOLE = ("movies", "series", "trilogy", "saga", "franchise", "universe")


def _stance(
    tokens: Sequence[Token],
    place: int,
    names: Container[int],
    cues: Mapping[Stance, Sequence[Spot]],
    closing: Mapping[Stance, Sequence[Spot]],
) -> Stance:
    after = _closing(tokens, place, names, closing)
    before, direct = _opening(tokens, place, names, cues)
    if after and (not direct or before in ("seen", "similar", "excluded")):
        return after
    return before


def _opening(
    tokens: Sequence[Token], place: int, names: Container[int], cues: Mapping[Stance, Sequence[Spot]]
) -> tuple[Stance, bool]:
    """The stance of the nearest cue before a name, and True where no other name stands between.

    Of two cues that end together the longer counts.
    """
    best: tuple[int, int, Stance] | None = None
    for stance in BEFORE:
        for cue in cues[stance]:
            if cue.end <= place and _reaches(tokens, cue, place, names):
                ranked = (cue.end, -cue.first, stance)
                best = ranked if best is None or ranked[:2] > best[:2] else best
    if best is None:
        return "named", False
    return best[2], not any(_is_name(at, tokens, names) for at in range(best[0], place))


def _reaches(tokens: Sequence[Token], cue: Spot, place: int, names: Container[int]) -> bool:
    between = range(cue.end, place)
    if any(tokens[at].word in _BREAKS for at in between):
        return False
    others = [at for at in between if not _is_name(at, tokens, names) and tokens[at].word not in _JOINING]
    return len(others) <= REACH


def _closing(
    tokens: Sequence[Token], place: int, names: Container[int], closing: Mapping[Stance, Sequence[Spot]]
) -> Stance | None:
    """The stance of a phrase right after a name, or after a row of names that it closes."""
    end = place + 1
    while end < len(tokens) and (_is_name(end, tokens, names) or tokens[end].word in table("stance", "row")):
        end += 1
    found = [(cue.first, -cue.end, stance) for stance in AFTER for cue in closing[stance] if place < cue.first <= end]
    return min(found)[2] if found else None


def _is_name(place: int, tokens: Sequence[Token], names: Container[int]) -> bool:
    return place in names or tokens[place].link is not None

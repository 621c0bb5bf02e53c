"""Ratings that a message tells: which stars are for which movie, across its sentences; those that are taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from guide.parts import Context, Part
from guide.references import rated_before
from language.frame import Frame, Ref
from language.masking import Clause
from language.phrases import table
from language.stances import Said
from language.standing import each_once
from tools.results import Rated

MOST_STARS, NEAR, HALF = 10, 3, 0.5
TALK = ("tell", "small_talk", "compare", "delta", "recommend", "fact", "like", "find", "answer", "rate", "unclear")
"""Acts of a sentence that only names what the next one gives stars to."""


class Mark(NamedTuple):
    """A name or stars in a message, by part and place."""

    part: int
    place: int
    refs: tuple[Ref, ...] = ()
    stars: float | None = None


def with_ratings(parts: Sequence[Part], context: Context) -> list[Part]:
    """The parts of a message, with the ratings told in them; those that only name what is rated are gone."""
    if any(part.clause.has("rating_lines", "unsaved") for part in parts):
        return [part.to("small_talk.feelings") if part.intent.act == "rate" else part for part in parts]
    told: dict[int, list[tuple[tuple[Ref, ...], float]]] = {}
    spent: set[int] = set()
    for number, names in _paired(list(_marks(parts, context)), parts):
        refs = each_once(ref for name in names for ref in name.refs)
        refs = refs or (() if told or parts[number.part].strange else _spoken(parts[number.part], context))
        if refs:
            told.setdefault(number.part, []).append((refs, number.stars or 0.0))
            spent |= {name.part for name in names}
    idle = {at for at in spent - told.keys() if parts[at].intent.act in TALK and not _asks(parts[at].clause)}
    idle |= {at - 1 for at in list(told)[:1] if at and parts[at - 1].clause.tokens[-1].word == ":"}
    return [
        replace(part.to("rate"), ratings=tuple(told[at])) if at in told else part
        for at, part in enumerate(parts)
        if at not in idle
    ]


def _marks(parts: Sequence[Part], context: Context) -> Iterator[Mark]:
    """Names and stars in their order."""
    mode = any(
        part.clause.has("rating_lines", "tells") or _explicit(part.clause) or _is_row(part.clause) for part in parts
    )
    for at, part in enumerate(parts):
        names = [
            Mark(at, said.place, _each_part(said, part, context))
            for said in part.said
            if said.stance not in ("excluded", "unseen")
        ]
        stars = [Mark(at, place, (), value) for place, value in _told(part, mode=mode, context=context)]
        yield from sorted([*names, *stars], key=lambda mark: mark.place)


def _each_part(said: Said, part: Part, context: Context) -> tuple[Ref, ...]:
    """The movies of a name; of "all three Lord of the Rings films" every one."""
    if not said.series or not part.clause.has("rating_lines", "whole"):
        return said.refs
    members = context.parts(Ref(movie_id=said.refs[0].movie_id, title=said.series)) if said.refs else []
    named = [
        each for each in members if each.title.removeprefix("The ").startswith(f"{said.series.removeprefix('The ')}:")
    ]
    return tuple(named or members)


def _told(part: Part, *, mode: bool, context: Context) -> Iterator[tuple[int, float]]:
    """Numbers of a sentence that are stars someone gives, by place."""
    clause = part.clause
    goes_on = "figured" in context.situation and part.intent.act in ("statistic", "fact", "compare", "delta")
    if (
        (goes_on and not clause.has("rating_lines", "sets"))
        or _asks(clause)
        or part.intent.aspect == "remove"
        or clause.has("rating_lines", "moved")
    ):
        return
    halves = {place for place, link in clause.links("number") if (link.low or 0) % 1}
    given_so = {place for place in range(2, len(clause.tokens)) if _is_bracketed(clause, place)}
    given_so |= {said.place + 1 for said in part.said if said.place in (part.pointed or {}) and len(said.refs) == 1}
    taken = {place for path in _COUNTS for spot in clause.spots(*path) for place in range(*spot)} - halves - given_so
    taken |= {place for path in _BOUNDS for spot in clause.spots(*path) for place in range(*spot)}
    taken |= {place for spot in clause.spots("rating_lines", "others") for place in _until_own(clause, spot.first)}
    given = {spot.end - 1 for spot in clause.spots("rating_lines", "gives")}
    # in "make it three" a list is meant, unless stars were just stored
    names = [said.place for said in part.said if clause.tokens[said.place - 1].word != "make" or not said.place]
    one = len(clause.links("stars", "number")) == 1
    for place, link in clause.links("stars", "number"):
        beside = any(0 < place - name <= NEAR and not _linked(clause, name + 1, place) for name in names)
        alone = len(clause.tokens) == 1 and mode
        changes = (
            one and "rated" in context.situation and place in given and len(clause.tokens) <= NEAR + len(given) + 4
        )
        half = link.kind == "stars" or ((link.low or 0) % 1 == HALF and (link.low or 0) < MOST_STARS / 2)
        sure = half or (place in given and (names or changes)) or (beside and mode) or alone
        rating = part.intent.act == "rate" and (bool(names) or ("rated" in context.situation and one))
        part_of = place > 0 and clause.tokens[place - 1].word in (*PARTS, "not")
        apart = part_of or place in taken or place in (part.pointed or {}) or not 0 <= (link.low or 0) <= MOST_STARS
        if (sure or rating) and not apart:
            yield place, link.low or 0.0


PARTS = frozenset({"part", "parts", "episode", "chapter", "volume", "vol"})  # "part three is weak" gives no stars
_BOUNDS = tuple(("bounds", name) for name in ("at_least", "at_most", "more", "less"))
_COUNTS = (("count", "things"), ("count", "units"), ("count", "for_me"), ("refer", "them"), ("refer", "both"))
"""Phrases whose numbers are no stars; those of the latter are whole."""


def _until_own(clause: Clause, first: int) -> range:
    """The places from where somebody else's stars are told up to where one's own are."""
    own = [spot.first for spot in clause.spots("rating_lines", "own") if spot.first > first]
    return range(first, own[0] if own else len(clause.tokens))


def _linked(clause: Clause, first: int, end: int) -> bool:
    return any(first <= place < end for place, _ in clause.links("movie", "series", "number", "stars"))


def _explicit(clause: Clause) -> bool:
    return bool(clause.links("stars")) and not _asks(clause)


def _is_row(clause: Clause) -> bool:
    """True for titles, each with its number, behind a colon: "I'd like to enter: Casablanca 5, Vertigo 4"."""
    opens = [at for at, token in enumerate(clause.tokens) if token.word == ":"]
    if sum(_is_bracketed(clause, place) for place in range(2, len(clause.tokens))) > 1:
        return True
    row = [token for token in clause.tokens[opens[0] + 1 :] if token.word not in (",", "and", "&")] if opens else []
    kinds = [token.link.kind.replace("series", "movie") if token.link else "" for token in row]
    return len(row) > 2 and kinds == ["movie", "number"] * (len(row) // 2)


def _is_bracketed(clause: Clause, place: int) -> bool:
    """True for the stars of "Heat (4)"."""
    name, opens, number = clause.tokens[place - 2 : place + 1]
    return number.word == "NUMBER" and opens.word == "(" and name.word in ("MOVIE", "SERIES")


def _asks(clause: Clause) -> bool:
    """True for a question."""
    words = [token.word for token in clause.tokens[:2]]
    begins = words[0] in table("asks", "starts") and words not in (["would", "rate"], ["would", "give"])
    begins = begins or clause.has("statistic", "counts")
    return begins or (clause.asks and clause.has("asks", "words"))


def _paired(marks: Sequence[Mark], parts: Sequence[Part]) -> Iterator[tuple[Mark, list[Mark]]]:
    """Stars with the names that they are for: those before them, or behind "5 stars for"."""
    open_: list[Mark] = []
    led: Mark | None = None
    for mark in marks:
        if mark.stars is None:
            open_.append(mark)
            continue
        if led:
            yield led, open_
            open_ = []
        led = mark if _leads(mark, marks, parts) else None
        if led is None:
            yield mark, _beside(open_, parts)
        open_ = []
    if led:
        yield led, open_


def _leads(number: Mark, marks: Sequence[Mark], parts: Sequence[Part]) -> bool:
    """True for stars before their name: "5 for Up and 2 for Cars"."""
    tokens = parts[number.part].clause.tokens
    word = tokens[number.place + 1].word if number.place + 1 < len(tokens) else ""
    follow = [mark for mark in marks if mark.part == number.part and mark.place > number.place]
    opens = number.place == 0 or tokens[number.place - 1].word in (",", ":", "\n", "and")
    leads = word in ("for", "to", "on") or (opens and word in ("-", ":"))
    return leads and bool(follow) and follow[0].stars is None


def _beside(names: Sequence[Mark], parts: Sequence[Part]) -> list[Mark]:
    """The last of some names, and those that are joined to it: "Heat and Ronin both 4"; not "the Hitchcock one"."""
    names = [name for at, name in enumerate(names) if at == 0 or not _describes(name, parts)]
    found = list(names[-1:])
    for name in reversed(names[:-1]):
        between = parts[name.part].clause.tokens[name.place + 1 : found[0].place]
        if name.part != found[0].part or any(token.word not in table("rating_lines", "joins") for token in between):
            break
        found.insert(0, name)
    return found


def _describes(name: Mark, parts: Sequence[Part]) -> bool:
    tokens = parts[name.part].clause.tokens[name.place + 1 : name.place + 2]
    return any(token.word in ("one", "version", "remake") for token in tokens)


def _spoken(part: Part, context: Context) -> tuple[Ref, ...]:
    """The movie that stars without a name are for: asked about, named before, or spoken of."""
    asked = next(
        (frame.movies for frame in context.before if frame.act in ("rate", "seen", "unclear") and frame.movies), ()
    )
    return part.before[-1:] or asked[-1:] or context.certain or rated_before(context.dialogue)[-1:]


def rate(part: Part, context: Context) -> list[Frame]:
    """The ratings of a part, stored, moved or taken back; a question where stars or a movie are not certain."""
    if part.strange and not part.ratings:
        return [Frame(act="unclear", text=part.strange)]
    return _taken_back(part, context) if part.intent.aspect == "remove" else _stored(part, context)


def _stored(part: Part, context: Context) -> list[Frame]:
    """Ratings to store or to move, each with its stars."""
    groups = {at for at, refs in (part.pointed or {}).items() if len(refs) > 1}
    spots = (spot for path in _COUNTS for spot in part.clause.spots(*path) if groups & {*range(*spot)})
    counts = {place for spot in spots for place in range(*spot)}
    links = part.clause.links("stars", "number")
    numbers = [link.low or 0.0 for at, link in links if link.kind == "stars" or at not in counts]
    if part.clause.has("rating_lines", "same"):
        numbers = [each.stars for each in _stored_before(context) if each.stars is not None][:1]
    if not (numbers or part.ratings) or _cut_off(part) or not (part.ratings or part.refs or _spoken(part, context)):
        return _asked_for_stars(part.refs)
    if numbers and (change := part.clause.has("rating_lines", "raised") - part.clause.has("rating_lines", "lowered")):
        return _moved(part.refs or _spoken(part, context), change * numbers[0], context)
    told = part.ratings or [(part.refs or _spoken(part, context), numbers[-1])]
    return [Frame(act="rate", movies=tuple(map(_rateable, refs)), stars=stars) for refs, stars in told]


def _rateable(ref: Ref) -> Ref:
    """A movie; of a whole series, of which no movie is called so, it is to be asked which."""
    return ref if ref.year or not ref.others else ref.model_copy(update={"certainty": 0.0})


def _taken_back(part: Part, context: Context) -> list[Frame]:
    """Ratings to take back; nobody else's."""
    if part.users and not part.refs:
        return [Frame(act="outside", aspect="others_ratings")]
    return [Frame(act="rate", movies=tuple(map(_rateable, _to_go(part, context))))]


def _to_go(part: Part, context: Context) -> tuple[Ref, ...]:
    """The movies whose ratings are to go; none where a name was not understood."""
    if part.clause.has("refer", "everything") and not part.refs:
        return rated_before(context.dialogue)
    named = each_once(ref for said in part.said if said.place not in (part.pointed or {}) for ref in said.refs)
    points = part.clause.has("refer", "it") or not any(token.word == "one" for token in part.clause.tokens)
    return named or part.refs or (_spoken(part, context) if points else ())


def _cut_off(part: Part) -> bool:
    """True where a title goes on with words that are not its own: stars are not stored on a guess."""
    follows = [part.clause.tokens[said.place + 1 : said.place + 2] for said in part.said]
    return any(
        token.said.istitle() and len(token.said) > 1 and (not token.link or token.link.kind == "tag")
        for after in follows
        for token in after
    )


def _moved(refs: tuple[Ref, ...], by: float, context: Context) -> list[Frame]:
    """Ratings that were told before, raised or lowered: "half a star more"."""
    told = (each for each in _stored_before(context) if each.movie and each.movie.movie_id == refs[-1].movie_id)
    stars = next((each.stars for each in told if each.stars), None)
    return (
        [Frame(act="rate", movies=refs[-1:], stars=min(max(stars + by, 0.5), 5.0))] if stars else _asked_for_stars(refs)
    )


def _stored_before(context: Context) -> list[Rated]:
    """Ratings of this conversation, the latest first."""
    return [done.result for done in reversed(context.dialogue.done) if isinstance(done.result, Rated)]


def _asked_for_stars(refs: tuple[Ref, ...]) -> list[Frame]:
    choices = tuple(f"{stars} stars for {ref.title}" for ref in refs[:1] for stars in (3, 4, 5))
    return [Frame(act="unclear", movies=refs, ambiguous=choices)]

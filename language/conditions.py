"""The conditions on a list that a clause names: genres, tags, years, ratings, order, number, what cannot be applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import dropwhile, takewhile
from typing import Any, Literal

from language.making import Runtime, lengths, other_choices, people, runtime
from language.masking import Clause, Token
from language.phrases import Spot, plain, table
from movies.ideas import is_theme, speaks
from movies.links import Link
from movies.models import FIRST_YEAR, LAST_YEAR, Filters

Order = Literal["rating", "popularity", "worst", "newest", "oldest"]
SORTS: tuple[Order, ...] = ("worst", "rating", "popularity", "newest", "oldest")
"""The orders, the surest first: "top" and "best" say less than "most rated"."""
NOVEL, DIFFERENT = 0.8, 0.7
YEAR_OF_DAYS = 365
MOST_TAGS, MOST_TOPIC, LONGEST_THEME = 2, 4, 3
MOST_PEOPLE = 5
NEGATION_REACH, YEAR_REACH = 4, 4
OLDEST_CHILD = 12
MOST_RATINGS, MOST_STARS = 10_000_000, 5
KIND_GENRES = frozenset(("drama", "comedy", "thriller", "horror", "western", "romance", "adventure", "action"))
_DUBBED = frozenset(("subtitles", "dub", "dubbed", "audio", "subtitled"))
FIXED: dict[str, dict[str, float]] = {"once": {"min_ratings": 1, "max_ratings": 1}}
_BOUNDS = ("max_ratings", "min_ratings", "max_mean", "min_mean")


@dataclass(frozen=True)
class Conditions:
    """All that was asked of a list; whatever was not mentioned is None or empty.

    Attributes:
        runtime: least and most minutes.
        people: who made it or plays in it, with the role: "directed by Clint Eastwood", "without Tom Cruise".
        back: genres and tags that are welcome again.
        any_year, any_genre: the years, the genres do not matter any more.
        relative: "older" or "newer" than what is spoken of.
        era: "old" or "new" altogether.
        text: words for what it should be about that are neither genre nor tag.
    """

    genres: tuple[str, ...] = ()
    exclude_genres: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    years: tuple[int | None, int | None] | None = None
    bounds: dict[str, float] = field(default_factory=dict)
    runtime: Runtime | None = None
    people: tuple[str, ...] = ()
    sort: Order | None = None
    count: int | None = None
    longer: int = 0
    novelty: float | None = None
    diversity: float | None = None
    window_days: int | None = None
    back: tuple[str, ...] = ()
    any_year: bool = False
    any_genre: bool = False
    relative: str = ""
    era: str = ""
    text: str = ""
    unmet: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """True where nothing was asked."""
        return self == Conditions()

    def joined(self, other: Conditions) -> Conditions:
        """Both together; where they contradict each other, what was said later."""
        both: dict[str, Any] = {}
        for name, value in vars(other).items():
            mine = getattr(self, name)
            if isinstance(value, tuple) and name not in ("years", "runtime"):
                both[name] = tuple(dict.fromkeys((*mine, *value)))
            else:
                both[name] = mine | value if isinstance(value, dict) else value or mine
        for kind in ("genres", "tags"):
            both[kind] = _without(both[kind], getattr(other, f"exclude_{kind}"))
            both[f"exclude_{kind}"] = _without(both[f"exclude_{kind}"], getattr(other, kind))
        return Conditions(**both)

    def beside(self, asked: Filters) -> Conditions:
        """The conditions told before a request for a list: where the request says it better, that is left out."""
        about: dict[str, Any] = {"genres": (), "tags": (), "text": ""} if asked.genres or asked.tags else {}
        when: dict[str, Any] = {"years": None, "era": ""} if asked.year_from or asked.year_to else {}
        return replace(self, exclude_genres=_without(self.exclude_genres, asked.genres), **about, **when)

    def filters(self, before: Filters | None = None, *, instead: bool = False) -> Filters:
        """These conditions on top of earlier ones; `instead` of the earlier genres and tags."""
        before = before or Filters()
        kept_genres = (
            () if (instead and self.genres) or self.any_genre else _without(before.genres, self.exclude_genres)
        )
        kept_tags = () if instead and (self.genres or self.tags) else _without(before.tags, self.exclude_tags)
        no_genres, no_tags = (*before.exclude_genres, *self.exclude_genres), (*before.exclude_tags, *self.exclude_tags)
        years = self.years or ((None, None) if self.any_year else (before.year_from, before.year_to))
        first, last = (year if year and FIRST_YEAR <= year <= LAST_YEAR else None for year in years)
        held = {name: getattr(before, name) for name in _BOUNDS}
        for name, value in self.bounds.items():
            ratings = name.endswith("ratings")
            held[name] = min(max(int(value), 1), MOST_RATINGS) if ratings else min(max(value, 0.5), 5.0)
            other = name.replace("min", "max") if name.startswith("min") else name.replace("max", "min")
            held[other] = (
                held[other]
                if other in self.bounds or _within(held[name], held[other], low=name.startswith("min"))
                else None
            )
        lists = {
            "genres": _without((*kept_genres, *self.genres), self.back)[:5],
            "exclude_genres": _without(no_genres, (*self.back, *self.genres))[:10],
            "tags": _without((*kept_tags, *self.tags), self.back)[:5],
            "exclude_tags": _without(no_tags, (*self.back, *self.tags))[:10],
        }
        shortest, longest = self.runtime or (before.runtime_from, before.runtime_to)
        people = [name for name in before.people if not (instead and self.people)]
        held |= {"runtime_from": shortest, "runtime_to": longest}
        lists["people"] = _without((*people, *self.people), ())[-MOST_PEOPLE:]
        return Filters.model_validate({**lists, "year_from": first, "year_to": last, **held})


NOTHING = Conditions()


def conditions(clause: Clause, *, topics: bool = True) -> Conditions:
    """All the conditions of a clause. `topics`: words that are nothing else say what it should be about."""
    unwanted = refused_places(clause)
    bounds, spent = _bounds(clause)
    minutes, made_by = runtime(clause), list(people(clause, unwanted))
    spent |= lengths(clause)
    usual = _usual(clause)
    genres = _undisputed([pair for pair in _genres(clause) if pair[0] not in usual], unwanted, clause)
    tags = [pair for pair in _tags(clause) if pair[0] not in usual]
    met = {"running time": minutes, "actors": made_by, "directors": made_by}
    unmet = tuple(_unmet(clause, spent, {place for place, _ in (*genres, *tags, *made_by)}, met))
    unmet = (*unmet, *other_choices(clause))
    most = 1 if clause.has("without", "either") else MOST_TAGS
    refused = [pair for pair in genres if pair[0] in unwanted]
    adults = ["Children"] if clause.has("without", "adults") else []
    words = [(place, clause.tokens[place].word) for place in unwanted]
    akin = _genres_of([*words, *(pair for pair in tags if pair[0] in unwanted)])
    found = Conditions(
        genres=tuple(name for place, name in genres if place not in unwanted),
        # of two genres on one span only the first: who wants no romantic comedy may want a comedy
        exclude_genres=tuple(dict.fromkeys([*adults, *dict(reversed(refused)).values(), *akin])),
        tags=tuple(name for place, name in tags if place not in unwanted)[:most],
        exclude_tags=tuple(name for place, name in tags if place in unwanted),
        years=_years(clause, unwanted),
        bounds=bounds,
        runtime=minutes,
        people=tuple(name for _, name in made_by),
        sort=_sort(clause),
        count=_count(clause, spent),
        longer=clause.has("count", "longer") - clause.has("count", "shorter"),
        novelty=NOVEL if clause.has("niche", "novel") and not clause.has("niche", "familiar") else None,
        diversity=DIFFERENT if clause.has("niche", "different") else None,
        window_days=YEAR_OF_DAYS if clause.has("niche", "window") else None,
        back=_back(clause),
        any_year=clause.has("any_year", "words"),
        any_genre=clause.has("any_year", "genre"),
        relative=next((name for name in ("older", "newer") if clause.has("relative", name)), ""),
        era=next((name for name in ("old", "new") if clause.has("relative", name)), ""),
        unmet=unmet,
    )
    if topics and (country := _country(unmet)):
        return replace(found, text=country, unmet=tuple(said for said in unmet if country not in said.lower()))
    if topics and not unmet and (told := next(filter(_is_kind, found.tags), "")):
        return replace(found, text=told, tags=_without(found.tags, (told,)))
    if not topics or unmet or found.tags:
        return found
    return replace(found, text=_topic(clause, unwanted, alone=found == Conditions()))


# Genres and tags


def _genres(clause: Clause) -> Iterator[tuple[int, str]]:
    """Genres by place: linked ones, and those that moods stand for."""
    for place, link in clause.links("genre", "tag"):
        name = link.name if link.kind == "genre" else _as_genre(link)
        yield from ((place, part) for part in name.split("|") if part)
    named = {name for _, link in clause.links("genre") for name in link.name.split("|")}
    for mood in table("moods"):
        if not mood.startswith("#") and mood not in named:
            spots = [spot for spot in clause.spots("moods", mood) if not _of_age(clause, spot)]
            yield from ((spot.first, mood) for spot in spots[:1] if not clause.has("without", "moods"))


def _undisputed(genres: Sequence[tuple[int, str]], unwanted: set[int], clause: Clause) -> list[tuple[int, str]]:
    """The genres without those that only a word of mood asks for while they are refused: "no horror, but scary"."""
    by_name = {name for place, name in genres if plain(clause.tokens[place].said).startswith(name.lower()[:5])}
    refused = {name for place, name in genres if place in unwanted} & by_name
    moods = [pair for pair in genres if pair[1] in refused and pair[0] not in unwanted]
    named = {name for place, name in moods if plain(clause.tokens[place].said).startswith(name.lower()[:5])}
    return [pair for pair in genres if pair not in moods or pair[1] in named]


def _of_age(clause: Clause, spot: Spot) -> bool:
    """True of "fifteen-year-olds", for whom children's movies are too young."""
    words = clause.tokens[max(spot.first - 1, 0) : spot.end]
    numbers = [token.link.low or 0 for token in words if token.link and token.link.kind == "number"]
    return any(number > OLDEST_CHILD for number in numbers) or any("teen" in token.word for token in words)


def _genres_of(tags: Iterable[tuple[int, str]]) -> Iterator[str]:
    """The genres that go with tags, for who does not want them."""
    known = table("tag_genres")
    return (genre for _, name in tags for genre in known.get(name.lower(), "").split("|") if genre)


def _as_genre(tag: Link) -> str:
    """The genre that a tag says as well: "romance"."""
    also = next((other.name for other in tag.also if other.kind == "genre"), "")
    return also or str(table("genre_tags").get(tag.name.lower(), ""))


def _tags(clause: Clause) -> Iterator[tuple[int, str]]:
    linked = [(place, link) for place, link in clause.links("tag") if not _as_genre(link)]
    yield from ((place, link.name) for place, link in linked)
    for spot in clause.spots("topic", "tag_named") if not linked else ():
        words = takewhile(lambda place: _tells(clause.tokens[place]), range(spot.end, len(clause.tokens)))
        if name := " ".join(clause.tokens[place].said for place in words):
            yield spot.end, name
    for mood in table("moods"):
        if mood.startswith("#") and not linked:
            yield from ((spot.first, mood[1:]) for spot in clause.spots("moods", mood)[:1])


def refused_places(clause: Clause) -> set[int]:
    """Places of what stands behind a negation, as far as the row goes: "no horror or war but comedy"."""
    found: set[int] = set()
    ends = {spot.first for spot in clause.spots("without", "with")}
    takes_back = {spot.first for spot in clause.spots("split", "corrects")}
    meant = (("without", "unsure"), ("niche", "novel"), *(("bounds", name) for name in _SIDES))
    takes_back |= {place for path in meant for spot in clause.spots(*path) for place in range(*spot)}
    for cue in clause.spots("without", "words"):
        if cue.first in takes_back:  # "no wait, fantasy"
            continue
        others = 0
        for place in range(cue.end, len(clause.tokens)):
            token = clause.tokens[place]
            others += token.link is None and token.word not in table("without", "row")
            named = any(each.link for each in clause.tokens[cue.end : place])
            if named and clause.tokens[cue.end - 1].word in ("less", "too"):  # "less violent war movies"
                break
            parted = token.word == "," and not (named and _goes_on(clause, place))
            if (place in ends and place > cue.end and not _in_row(clause, place)) or others > NEGATION_REACH or parted:
                break
            found.add(place)
    ends_with_no = (
        place for place, _ in clause.links("genre", "tag", "movie", "series") if _is_voted_down(clause, place)
    )
    found |= set(ends_with_no)
    return found - {place for spot in clause.spots("without", "again") for place in range(*spot)}


def _is_voted_down(clause: Clause, place: int) -> bool:
    """True for the violence of "romance yes, violence no"."""
    words = [token.word for token in clause.tokens[place + 1 : place + 3]]
    return words[:1] in (["no"], ["nope"]) and words[1:] in ([], [","], ["and"], ["but"])


def _in_row(clause: Clause, place: int) -> bool:
    """True for an "and" between two kinds: "except horror and musicals"."""
    beside = [token.link for token in clause.tokens[place - 1 : place + 2 : 2]]
    kinds = [link.kind for link in beside if link]
    return clause.tokens[place].word == "and" and len(kinds) == 2 and set(kinds) <= {"genre", "tag"}


def _goes_on(clause: Clause, place: int) -> bool:
    """True where a comma only parts a row of names."""
    after = clause.tokens[place + 1 : place + 4]
    following = list(dropwhile(lambda token: token.word in ("and", "or", "no", "not"), after))
    ends = len(following) < 2 or following[1].word in table("without", "parts")
    return (
        bool(following and following[0].link) and following[0].word not in ("YEAR", "YEARS", "USER", "NUMBER") and ends
    )


def _usual(clause: Clause) -> set[int]:
    """Places of what someone usually watches, which is not what is wanted today."""
    ends = [spot.first for spot in clause.spots("without", "usual_ends")] or [0]
    return {place for spot in clause.spots("without", "usual") for place in range(spot.end, max(ends))}


def _back(clause: Clause) -> tuple[str, ...]:
    """Genres and tags that are welcome again."""
    places = {place for spot in clause.spots("without", "again") for place in range(*spot)}
    return tuple(
        name for place, link in clause.links("genre", "tag") if place in places for name in link.name.split("|")
    )


# Years, bounds, numbers


def _years(clause: Clause, unwanted: set[int]) -> tuple[int | None, int | None] | None:
    """The years between which a movie must be; of "nothing before 2000" the others."""
    found: tuple[int | None, int | None] | None = None
    for place, link in clause.links("year", "years"):
        low, high = (None if bound is None else int(bound) for bound in (link.low, link.high))
        if link.kind == "year" and _is_of_name(clause, place, low):
            continue
        if place in unwanted:
            if (low is None) == (high is None):
                continue
            low, high = (high + 1 if high is not None else None), (low - 1 if low is not None else None)
        if found and None in (low, high):
            low, high = (found[0] if low is None else low), (found[1] if high is None else high)
        elif found and None not in found and clause.has("any_year", "row"):
            low, high = min(found[0] or 0, low or 0), max(found[1] or 0, high or 0)
        found = (low, high)
    return found


def _is_of_name(clause: Clause, place: int, year: int | None) -> bool:
    """True for the year of a movie that is named right before it: "Whiplash (the 2014 one)"."""
    before = (token.link for token in clause.tokens[max(place - YEAR_REACH, 0) : place] if token.link)
    return any(each.year == year for link in before for each in link.candidates)


def _sort(clause: Clause) -> Order | None:
    """The order asked for. "Less famous" is none by fame."""
    niche = {place for name in ("novel", "known") for spot in clause.spots("niche", name) for place in range(*spot)}
    told = [sort for sort in SORTS if any(spot.first not in niche for spot in clause.spots("sort", sort))]
    return told[0] if told else "rating" if clause.has("sort", "good") else None


def _bounds(clause: Clause) -> tuple[dict[str, float], set[int]]:
    """Bounds by the name of their filter, and the places of their numbers."""
    found: dict[str, float] = {}
    spent: set[int] = set()
    numbers = {at: link for at, link in clause.links("number", "stars", "year") if (link.low or 0) > 0}
    negated = clause.spots("bounds", "negated")
    for side in _SIDES:
        for spot in clause.spots("bounds", side):
            refused = side in _OPPOSITE and any(cue.first < spot.first <= cue.end for cue in negated)
            bound, beyond = (_OPPOSITE if refused else _SIDES)[side]  # "drop those with less than 40 ratings"
            places = [at for at in range(*spot) if at in numbers and at not in spent]
            if places and (unit := _unit(clause, spot.first, places[-1], numbers[places[-1]])):
                found[f"{bound}_{unit}"] = (numbers[places[-1]].low or 0) + (beyond if unit == "ratings" else 0)
                spent.update(places)
    for spot in clause.spots("bounds", "exactly"):
        places = [at for at in range(*spot) if at in numbers]
        found |= {f"{side}_ratings": numbers[at].low or 0 for at in places for side in ("min", "max")}
        spent.update(places)
    fixed = next((bound for name, bound in FIXED.items() if clause.has("fixed", name)), {})
    return found | fixed, spent


_SIDES = {"at_least": ("min", 0), "at_most": ("max", 0), "more": ("min", 1), "less": ("max", -1)}


_OPPOSITE = {"more": ("max", 0), "less": ("min", 0)}


def _unit(clause: Clause, first: int, place: int, number: Link) -> str:
    """The thing that a number bounds: "ratings" by their count, the "mean" of their stars, or neither.

    Args:
        clause: What was said.
        first: The place where the bound begins.
        place: That of its number.
        number: The number.
    """
    before = {token.word for token in clause.tokens[max(first - 4, 0) : place]}
    after = [token.word for token in clause.tokens[place + 1 : place + 5]]
    end = next((at for at, word in enumerate(after) if word in table("units", "ends")), len(after))
    if set(after[:end]) & set(table("units", "ratings")):
        return "ratings"
    if (number.low or 0) > MOST_STARS:
        bare = not after or after[0] in table("units", "bare")  # "at least 100 please"
        return "ratings" if bare or before & set(table("units", "told")) else ""
    stars = number.kind == "stars" or set(after[:end]) & set(table("units", "mean"))
    told = [token.word for token in clause.tokens[max(first - 6, 0) : first]]
    between = set(told[told.index("NUMBER") :] if "NUMBER" in told and not stars else ())
    if between & set(table("units", "ratings")) and not between & set(table("units", "mean")):
        return "ratings"  # "fewer than 30 ratings, but at least 5"
    return "mean" if stars or before & {*table("units", "told"), *table("units", "compared")} else ""


def _count(clause: Clause, spent: set[int]) -> int | None:
    """The number of movies that are wanted."""
    spent = spent | {spot.first for spot in clause.spots("count", "units")}
    spent |= {place - 1 for place, link in clause.links("genre") if plain(link.text) in table("count", "audience")}
    numbers = {place: link.low or 0 for place, link in clause.links("number") if place not in spent}
    for spot in [*clause.spots("count", "words"), *clause.spots("count", "meant")]:
        for place in range(*spot):
            if numbers.get(place, 0) >= 1:
                return int(numbers[place])
    words = {"one": 1, "couple": 2, "few": 3}
    words = words if not clause.has("count", "spans") else {"one": 1}
    return next((number for name, number in words.items() if clause.has("count", name)), None)


# Everything else


def _unmet(clause: Clause, spent: set[int], met: set[int], applied: Mapping[str, object]) -> Iterator[str]:
    """Conditions that the data cannot apply, in the person's words; but for those at places that are `met`.

    `applied`: by kind, what was understood and can be applied.
    """
    for name in [name for name in table("unmet") if not applied.get(name)]:
        for spot in clause.spots("unmet", name)[:1]:
            linked = [token.link for token in clause.tokens[spot.first : spot.end + 1] if token.link]
            dated = any(spot.end <= place < spot.end + 2 for place, _ in clause.links("year", "years"))
            about = dated or any(link.kind in ("tag", "movie", "series", "person") for link in linked)
            if not about and not spent & set(range(*spot)):
                yield clause.said(*spot)
    takes_back = {spot.first for spot in clause.spots("split", "corrects")}
    for spot in clause.spots("without", "bare"):
        open_ = spot.first not in takes_back and spot.end < len(clause.tokens) and spot.end not in met
        open_ = open_ and clause.tokens[spot.end].word not in (*table("units", "compared"), "fewer", "less", "more")
        if open_ and _tells(clause.tokens[spot.end]):
            yield clause.said(spot.first, spot.end + 1)


def _country(unmet: Iterable[str]) -> str:
    """The country or language in what else could not be applied, where movies are told by it: of "korean thriller"."""
    words = (word.lower() for said in unmet if not set(said.lower().split()) & _DUBBED for word in said.split())
    return next((word for word in words if speaks(word)), "")


def _is_kind(tag: str) -> bool:
    """True of a tag that is a theme and a genre, of which few know to say it so: "courtroom drama"."""
    theme, _, genre = tag.rpartition(" ")
    return not is_theme(tag) and is_theme(theme) and genre.lower() in KIND_GENRES


def _themed(clause: Clause, end: int, *, least: int = 1) -> list[int]:
    """The places of words that are a theme together, right before a noun or with it: "con artist movies"."""
    for first in range(max(end - LONGEST_THEME, 0), end - least + 1):
        tokens = clause.tokens[first : end + 1]
        if any(token.link for token in tokens[:-1]):
            continue
        if is_theme(" ".join(token.said for token in tokens)):
            return list(range(first, end + 1))
        if is_theme(" ".join(token.said for token in tokens[:-1])):
            return list(range(first, end))
    return []


def _topic(clause: Clause, unwanted: set[int], *, alone: bool) -> str:
    """Words for what it should be about: those behind "about", "set in" and the like, and the one before "movies".

    Args:
        clause: What was said.
        unwanted: Places of what should not be in it.
        alone: Nothing else was asked, so that a word beside "movies" is what it should be about.
    """
    themed: list[int] = []
    ends = [place for place, token in enumerate(clause.tokens) if token.word in table("topic", "ends")] + [
        len(clause.tokens)
    ]
    places = [
        place
        for spot in clause.spots("topic", "cue")
        for place in range(spot.end, min(at for at in ends if at >= spot.end))
    ]
    if alone or not clause.links("genre", "tag"):
        for spot in clause.spots("topic", "noun"):
            places += [spot.first - 1] if spot.first else []
            themed += _themed(clause, spot.first)
    for place, _ in clause.links("genre"):
        themed += _themed(clause, place, least=2)
    groups = [(group, name) for group in ("moods", "sort", "niche", "count", "bounds") for name in table(group)]
    if themed and not unwanted & set(themed):
        return " ".join(clause.tokens[place].said for place in dict.fromkeys(themed) if not clause.tokens[place].link)
    unwanted = unwanted | {place for path in groups for spot in clause.spots(*path) for place in range(*spot)}
    told = [place for place in dict.fromkeys(places) if place not in unwanted and _tells(clause.tokens[place])]
    return " ".join(clause.tokens[place].said for place in told[:MOST_TOPIC])


def _tells(token: Token) -> bool:
    word = token.word
    return token.link is None and len(word) > 2 and word[0].isalpha() and word not in _plain_words()


@cache
def _plain_words() -> frozenset[str]:
    return frozenset(table("asides", "plain").split())


def _within(bound: float, other: float | None, *, low: bool) -> bool:
    """True where a bound that was held before leaves something beside a new one. `low`: the new one is the lower."""
    return other is None or (bound <= other if low else other <= bound)


def _without(names: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """Names once each, but for some."""
    gone = {other.lower() for other in others}
    return tuple(name for name in dict.fromkeys(names) if name.lower() not in gone)

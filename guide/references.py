"""Earlier turns as a message speaks of them: "it", "the second one", "those"; the frame that a call was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pydantic import JsonValue

from guide.dialogue import Dialogue, Done, as_ref
from language.frame import Act, Aggregate, Frame, Ref
from language.masking import Clause
from language.phrases import table
from movies.links import Link
from movies.models import Filters, ListedMovie, Movie, MovieName
from tools.results import Comparison, Questions, RatingList

USUAL_COUNT, FEW_WORDS = 5, 6
FIGURES = ("compare_movies", "query_catalogue", "get_user_ratings", "get_movie", "taste_profile")
ACTS: dict[str, Act] = {
    "search_movies": "find",
    "similar_movies": "like",
    "recommend": "recommend",
    "recommend_for_group": "recommend",
    "next_question": "recommend",
    "get_movie": "fact",
    "compare_movies": "compare",
    "rate_movie": "rate",
    "get_user_ratings": "ratings",
    "query_catalogue": "statistic",
    "explain_recommendation": "predict",
    "taste_profile": "taste",
}

Pointed = dict[int, tuple[Ref, ...]]
Siblings = Callable[[Ref], list[Ref]]


# What a token refers to


def ref(movie: MovieName | Ref) -> Ref:
    """A movie that was spoken of."""
    return movie if isinstance(movie, Ref) else as_ref(movie)


def pointed(clause: Clause, dialogue: Dialogue, named: Sequence[Ref] = (), siblings: Siblings | None = None) -> Pointed:
    """Movies that tokens refer to, by place.

    Args:
        clause: What was said.
        dialogue: The turns before.
        named: Movies that the same message named before this clause.
        siblings: Finds the movies of the same title, the oldest first.
    """
    listed = _listed(dialogue, first=clause.has("refer", "start"))
    listed = (clause.has("refer", "i_said") and _of_person(dialogue)) or listed
    found: Pointed = {}
    for place in range(len(clause.tokens)):
        if refs := _by_place(clause, place, listed) or _by_trait(clause, place, listed):
            found[place] = refs
    if siblings and not found:
        alone = bool(dialogue.turns) and not any(done.is_list for done in dialogue.turns[-1].done)
        spoken = named or focus(dialogue)
        found = _twin(clause, spoken, siblings, alone=alone) or _by_part(clause, spoken, siblings)
        found = found or _other(clause, spoken, listed)
    apart = bool(clause.links("movie")) and not clause.has("compare", "words") and not clause.has("refer", "similar")
    if not found and not apart:  # "delete Alien, I only rated it by mistake"
        found = _by_pronoun(clause, dialogue, named, listed)
    return found


def focus(dialogue: Dialogue) -> tuple[Ref, ...]:
    """The movie that was spoken of last."""
    return next(((turn.focus,) for turn in reversed(dialogue.turns) if turn.focus), ())


def situation_of(dialogue: Dialogue) -> frozenset[str]:
    """The state of the conversation, in the words of `language.intents.intent`."""
    last = dialogue.turns[-1].done if dialogue.turns else ()
    true = {
        "begun": bool(dialogue.turns),
        "listed": dialogue.last_list is not None,
        "asked": any(isinstance(done.result, Questions) for done in last),
        "spoken": bool(focus(dialogue)),
        "figured": bool(last) and last[-1].name in FIGURES,
        "told": bool(dialogue.turns and dialogue.turns[-1].singles),
        "rated": bool(last) and last[-1].name == "rate_movie",
    }
    return frozenset(name for name, holds in true.items() if holds)


def shown_list(dialogue: Dialogue, *, first: bool = False) -> tuple[Ref, ...]:
    """The movies of the last result with several, or of the first."""
    return tuple(map(ref, _listed(dialogue, first=first)))


def rated_before(dialogue: Dialogue) -> tuple[Ref, ...]:
    """The movies that the person rated in this conversation."""
    return tuple(ref(movie) for done in dialogue.done if done.name == "rate_movie" for movie in done.movies)


def _listed(dialogue: Dialogue, *, first: bool = False) -> Sequence[MovieName | Ref]:
    """The movies of the last result with several; or those that were spoken of one by one since."""
    several = [done for done in dialogue.done if done.is_list or isinstance(done.result, RatingList | Comparison)]
    if first:
        return several[0].movies if several else ()
    singles: list[Ref] = []
    for turn in reversed(dialogue.turns):
        singles = list({each.movie_id: each for each in (*turn.singles, *singles)}.values())
        if len(singles) > 1:
            return singles
        if lists := [done.movies for done in turn.done if done in several]:
            return lists[-1]
    return ()


def _of_person(dialogue: Dialogue) -> list[Ref]:
    """The movies that the person named, each once."""
    return list({each.movie_id: each for turn in dialogue.turns for each in turn.named}.values())


def _twin(clause: Clause, movies: Sequence[Ref], siblings: Siblings, *, alone: bool) -> Pointed:
    """As in "the older one", "the remake", "the other one": another movie of the same title."""
    spots = {name: clause.spots("refer", name)[:1] for name in ("earlier", "later", "other", "dated")}
    if alone and not any(spots.values()) and len(clause.tokens) <= FEW_WORDS:
        spots = {name: clause.spots("refer", f"{name}_alone")[:1] for name in ("earlier", "later")}
    said = [name for name, spot in spots.items() if spot]
    same = siblings(movies[-1]) if said and movies else []
    others = [each for each in same if each.movie_id != movies[-1].movie_id]
    if not others:
        return {}
    years = [link.low for _, link in clause.links("year")]
    chosen = next((each for each in others if each.year in years), None)
    chosen = chosen or {"earlier": same[0], "later": same[-1], "other": others[0]}.get(said[0])
    return {spots[said[0]][0].first: (chosen,)} if chosen else {}


def _other(clause: Clause, movies: Sequence[Ref], listed: Sequence[MovieName | Ref]) -> Pointed:
    """As in "and the other one?" of a pair."""
    spots, here = clause.spots("refer", "other"), {each.movie_id for each in movies[-1:]}
    others = tuple(ref(each) for each in listed if each.movie_id not in here)
    return {spots[0].first: others} if spots and len(listed) == 2 and len(others) == 1 else {}


def _by_part(clause: Clause, movies: Sequence[Ref], siblings: Siblings) -> Pointed:
    """As in "and part 3?", "the sequels": movies of the series that is spoken of."""
    sequels = clause.spots("compare", "sequels")
    spots = [spot for spot in clause.spots("refer", "part") if movies]
    parts = siblings(movies[0]) if movies and (spots or sequels) else []
    if len(parts) < 2:
        return {}
    if not spots:
        return {sequels[0].first: tuple(parts[1:])}
    numbers = [int(link.low or 0) for place, link in clause.links("number") if spots[0].first <= place < spots[0].end]
    return {spots[0].first: tuple(parts[number - 1 : number][0] for number in numbers if 1 <= number <= len(parts))}


def _by_place(clause: Clause, place: int, listed: Sequence[MovieName | Ref]) -> tuple[Ref, ...]:
    """As in "the second", "the first two", "number 3"."""
    link, before = clause.tokens[place].link, _word(clause, place - 1)
    which = table("ordinals").get(clause.tokens[place].word, 0)
    if link and link.kind == "number" and before in ("number", "#", "nr"):
        which = int(link.low or 0)
    apart = before in table("refer", "order") or _word(clause, place + 1) in table("refer", "never")
    if apart or not 1 <= abs(which) <= len(listed):
        return ()
    after = [int(number.low or 1) for at, number in clause.links("number") if at == place + 1 and abs(which) == 1]
    many = after[0] if after else 1
    return tuple(map(ref, listed[-many:] if which < 0 else listed[which - 1 : which - 1 + many]))


def _by_trait(clause: Clause, place: int, listed: Sequence[MovieName | Ref]) -> tuple[Ref, ...]:
    """As in "the 1995 one", "the one from the 90s", "the horror one"."""
    link = clause.tokens[place].link
    one = "one" in (_word(clause, place + 1), _word(clause, place - 2), _word(clause, place - 3))
    if link is None or not one or link.kind not in ("year", "years", "genre"):
        return ()
    return tuple(ref(movie) for movie in listed if _is_so(movie, link))[:1]


def _is_so(movie: MovieName | Ref, link: Link) -> bool:
    if link.kind == "genre":
        return isinstance(movie, Movie) and set(link.name.split("|")) <= set(movie.genres)
    return movie.year is not None and (link.low or 0) <= movie.year <= (link.high or 9999)


def _by_pronoun(clause: Clause, dialogue: Dialogue, named: Sequence[Ref], listed: Sequence[MovieName | Ref]) -> Pointed:
    several = tuple(named) if len(named) > 1 else tuple(map(ref, listed))
    one = tuple(named[-1:]) or focus(dialogue)
    owned = next((turn for turn in reversed(dialogue.turns) if turn.theirs), None)
    ours = tuple(each for each in owned.named if each not in owned.theirs) if owned else ()
    theirs = owned.theirs if owned else ()
    for name, refs in (
        ("hers", theirs[-1:]),
        ("ours", ours[-1:]),
        ("both", several[:2]),
        ("them", several),
        ("it", one),
    ):
        for spot in clause.spots("refer", name) if refs else ():
            alone = clause.tokens[spot.first].word == "it" or _word(clause, spot.end) in table("refer", "after_that")
            counts = clause.tokens[spot.first].word == "all" and clause.links("movie")
            if (name != "it" or alone) and not counts:
                return {spot.first: refs}
    return {}


def _word(clause: Clause, place: int) -> str:
    return clause.tokens[place].word if 0 <= place < len(clause.tokens) else ""


# The frame of a call


def frame_of(done: Done, names: Mapping[int, Ref]) -> Frame | None:
    """The frame that a call was made from, as far as its arguments tell.

    Args:
        done: The call.
        names: Movies that the conversation named, by id.
    """
    if (act := ACTS.get(done.name)) is None:
        return None
    args = done.args
    excluded = _many(args.get("exclude"))
    members = [member for member in _many(args.get("members")) if isinstance(member, dict)]
    liked = [movie for member in members for movie in _many(member.get("liked"))] or _many(args.get("liked"))
    return Frame.model_validate(
        {
            "act": act,
            "movies": _refs([*_many(args.get("movies")), *_many(args.get("movie"))], names),
            "liked": _refs(liked, names),
            "disliked": _refs(_many(args.get("disliked")), names),
            "exclude": _refs(excluded, names),
            "exclude_series": tuple(name for name in excluded if isinstance(name, str)),
            "filters": {name: args[name] for name in Filters.model_fields if args.get(name) is not None},
            "text": args.get("query") or args.get("text"),
            "count": args.get("limit") if args.get("limit") != USUAL_COUNT and act in _LISTS else None,
            "users": tuple(user for part in (args, *members) if isinstance(user := part.get("user_id"), int)),
            "own": any("user_id" not in member for member in members),
            "aggregate": _aggregate(args) if act == "statistic" else None,
            **{name: args[name] for name in _SAME if args.get(name) is not None},
            "order": args.get("order") if act == "ratings" else None,
            "sort": args.get("sort") if args.get("sort") in _SORTS else None,
        }
    )


_LISTS: tuple[Act, ...] = ("find", "like", "recommend")
_SAME = ("novelty", "diversity", "window_days", "stars")
_SORTS = ("relevance", "rating", "popularity", "worst", "newest", "oldest")


def names_of(dialogue: Dialogue) -> dict[int, Ref]:
    """Every movie that results named, by id: those listed, those understood, those given as reasons."""
    found: dict[int, Ref] = {}
    for done in dialogue.done:
        found |= {movie.movie_id: ref(movie) for movie in _named(done)}
    return found


def _named(done: Done) -> Iterator[MovieName]:
    yield from done.movies
    for resolved in done.resolved:
        yield resolved.movie
        yield from resolved.others
    for movie in done.movies:
        if isinstance(movie, ListedMovie):
            yield from movie.because


def _aggregate(args: Mapping[str, JsonValue]) -> Aggregate:
    given = {name: args[name] for name in Aggregate.model_fields if args.get(name) is not None}
    return Aggregate.model_validate(given | {"ascending": args.get("order") == "asc"})


def _many(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _refs(values: Iterable[JsonValue], names: Mapping[int, Ref]) -> tuple[Ref, ...]:
    """Ids as movies; titles that another model gave are found again among what was resolved."""
    by_title = {each.title.lower(): each for each in names.values()}
    found = []
    for value in values:
        if isinstance(value, int):
            found.append(names.get(value) or Ref(movie_id=value, title=""))
        elif isinstance(value, str) and (known := by_title.get(value.lower())):
            found.append(known)
    return tuple(found)

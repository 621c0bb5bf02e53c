"""Earlier turns as a message speaks of them: "it", "the second one", "those", and the frame that a call was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pydantic import JsonValue

from guide.dialogue import Dialogue, Done
from guide.frame import Act, Aggregate, Frame, Ref
from guide.masking import Clause
from guide.phrases import table
from movies.models import Filters, ListedMovie, Movie, MovieName
from tools.results import Comparison, RatingList

USUAL_COUNT = 5
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


def pointed(clause: Clause, dialogue: Dialogue, named: Sequence[Ref] = (), siblings: Siblings | None = None) -> Pointed:
    """Movies that tokens refer to, by place.

    Args:
        clause: What was said.
        dialogue: The turns before.
        named: Movies that the same message named before this clause.
        siblings: Finds the movies of the same title, the oldest first.
    """
    listed = _listed(dialogue, first=clause.has("refer", "start"))
    found: Pointed = {}
    for place in range(len(clause.tokens)):
        if refs := _by_place(clause, place, listed) or _by_trait(clause, place, listed):
            found[place] = refs
    if siblings and not found and (twin := _twin(clause, named or focus(dialogue), siblings)):
        found[twin[0]] = (twin[1],)
    if not found:
        found = _by_pronoun(clause, dialogue, named, listed)
    return found


def focus(dialogue: Dialogue) -> tuple[Ref, ...]:
    """The movie that was spoken of last: the only one of a result, else the first."""
    return next(((ref(done.movies[0]),) for done in reversed(dialogue.done) if done.movies), ())


def ref(movie: MovieName) -> Ref:
    """A movie that was shown, which is sure."""
    return Ref(movie_id=movie.movie_id, title=movie.title, year=movie.year)


def shown_list(dialogue: Dialogue, *, first: bool = False) -> tuple[Ref, ...]:
    """The movies of the last result with several, or of the first."""
    return tuple(map(ref, _listed(dialogue, first=first)))


def rated_before(dialogue: Dialogue) -> tuple[Ref, ...]:
    """The movies that the person rated in this conversation."""
    return tuple(ref(movie) for done in dialogue.done if done.name == "rate_movie" for movie in done.movies)


def _listed(dialogue: Dialogue, *, first: bool = False) -> list[MovieName]:
    """The movies of the last result with several; or those that were spoken of one by one since."""
    singles: list[MovieName] = []
    several = [done for done in dialogue.done if done.is_list or isinstance(done.result, RatingList | Comparison)]
    if first:
        return several[0].movies if several else []
    for done in reversed(dialogue.done):
        if done in several[-1:]:
            break
        singles += [movie for movie in done.movies if movie not in singles]
    return singles[:2][::-1] if len(singles) > 1 else several[-1].movies if several else []


def _twin(clause: Clause, movies: Sequence[Ref], siblings: Siblings) -> tuple[int, Ref] | None:
    """As in "the older one", "the remake", "the other one": another movie of the same title."""
    spots = {name: clause.spots("refer", name) for name in ("earlier", "later", "other")}
    if not movies or not any(spots.values()):
        return None
    movie = movies[-1]
    same = siblings(movie)
    others = [each for each in same if each.movie_id != movie.movie_id]
    if not others:
        return None
    years = [int(link.low or 0) for _, link in clause.links("year")]
    if by_year := [each for each in others if each.year in years]:
        return next(spot[0].first for spot in spots.values() if spot), by_year[0]
    if spots["earlier"]:
        return spots["earlier"][0].first, same[0]
    return (spots["later"][0].first, same[-1]) if spots["later"] else (spots["other"][0].first, others[0])


def _by_place(clause: Clause, place: int, listed: Sequence[MovieName]) -> tuple[Ref, ...]:
    """As in "the second", "the first two", "number 3"."""
    token, following = clause.tokens[place], _word(clause, place + 1)
    which = table("ordinals").get(token.word)
    if (
        which is None
        and token.link
        and token.link.kind == "number"
        and _word(clause, place - 1) in ("number", "#", "nr")
    ):
        which = int(token.link.low or 0)
    if _word(clause, place - 1) in table("refer", "order"):
        return ()
    if which is None or following in table("refer", "never") or not 1 <= abs(which) <= len(listed):
        return ()
    after = clause.tokens[place + 1].link if place + 1 < len(clause.tokens) else None
    many = int(after.low or 1) if after and after.kind == "number" and abs(which) == 1 else 1
    chosen = listed[-many:] if which < 0 else listed[which - 1 : which - 1 + many]
    return tuple(map(ref, chosen))


def _by_trait(clause: Clause, place: int, listed: Sequence[MovieName]) -> tuple[Ref, ...]:
    """As in "the 1995 one", "the one from the 90s", "the horror one"."""
    link = clause.tokens[place].link
    one = "one" in (_word(clause, place + 1), _word(clause, place - 2), _word(clause, place - 3))
    if link is None or not one or link.kind not in ("year", "years", "genre"):
        return ()
    return tuple(ref(movie) for movie in listed if _has_trait(movie, link.kind, link.name, link.low, link.high))[:1]


def _has_trait(movie: MovieName, kind: str, name: str, low: float | None, high: float | None) -> bool:
    if kind == "genre":
        return isinstance(movie, Movie) and set(name.split("|")) <= set(movie.genres)
    return movie.year is not None and (low or 0) <= movie.year <= (high or 9999)


def _by_pronoun(clause: Clause, dialogue: Dialogue, named: Sequence[Ref], listed: Sequence[MovieName]) -> Pointed:
    several = tuple(named) if len(named) > 1 else tuple(map(ref, listed))
    one = tuple(named[-1:]) or focus(dialogue)
    for name, refs in (("both", several[:2]), ("them", several), ("it", one)):
        for spot in clause.spots("refer", name):
            if refs and (
                name != "it"
                or clause.tokens[spot.first].word == "it"
                or _word(clause, spot.end) in table("refer", "after_that")
            ):
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
            **{
                name: args[name]
                for name in _SAME
                if args.get(name) is not None and (name != "order" or act == "ratings")
            },
            "sort": args.get("sort") if args.get("sort") in _SORTS else None,
        }
    )


_LISTS: tuple[Act, ...] = ("find", "like", "recommend")
_SAME = ("novelty", "diversity", "window_days", "order", "stars")
_SORTS = ("relevance", "rating", "popularity", "worst", "newest", "oldest")


def last_list_frame(dialogue: Dialogue, names: Mapping[int, Ref]) -> Frame | None:
    """The frame of the list that was shown last."""
    return frame_of(dialogue.last_list, names) if dialogue.last_list else None


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

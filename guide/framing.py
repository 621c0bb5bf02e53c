"""A part of a message that stands on its own, as a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from guide.aggregates import aggregate, years_are_of_rating
from guide.conditions import Conditions, conditions
from guide.frame import Act, Frame, Ref
from guide.intents import LEAST_ODDS, LISTS
from guide.parts import Context, Part
from guide.phrases import table
from guide.references import names_of, rated_before, shown_list
from guide.stances import Said
from guide.standing import Told, each_once
from movies.models import Filters

SHORT, LONG, USUAL = 3, 10, 5
OLD_UNTIL, NEW_FROM = 1979, 2010
ABOUT_MOVIES = ("plot", "cast", "director", "streaming", "runtime", "awards", "box_office", "language", "age_rating")
RATING_ORDERS = ("lowest", "highest", "newest", "oldest")


def framed(part: Part, context: Context) -> list[Frame]:
    """The frames of a part; several where it gives stars to several movies."""
    if part.intent.odds < LEAST_ODDS and part.intent.act not in LISTS:
        frames = [_unclear(part, context)]
    else:
        made = _MAKERS.get(part.intent.act, _plain)(part, context)
        frames = made if isinstance(made, list) else [made]
        if part.intent.act in LISTS and part.stars is not None and part.refs and part.clause.has("rating_lines", "mine"):
            frames = [Frame(act="rate", movies=part.refs[:1], stars=part.stars), *frames]
    return [frame.model_copy(update={"confidence": part.intent.odds}) for frame in frames]


def with_told(frame: Frame, told: Told) -> Frame:
    """What was told, worked into a list: tastes where it goes by taste; what was seen or excluded, everywhere."""
    seeds = {ref.movie_id for ref in (*frame.movies, *frame.liked)}
    by_taste = frame.act == "recommend" and not frame.users and frame.sort is None
    gone = [ref for ref in (*told.seen, *told.disliked) if ref.movie_id not in seeds]
    gone += [] if by_taste or frame.act == "find" else [ref for ref in told.liked if ref.movie_id not in seeds]
    wanted = frame.filters
    genres = [name for name in told.exclude_genres if name not in wanted.genres]
    tags = [name for name in told.exclude_tags if name not in wanted.tags]
    filters = {
        "exclude_genres": list(dict.fromkeys([*wanted.exclude_genres, *genres]))[:10],
        "exclude_tags": list(dict.fromkeys([*wanted.exclude_tags, *tags]))[:10],
    }
    return frame.model_copy(
        update={
            "filters": wanted.model_copy(update=filters),
            "liked": each_once([*frame.liked, *(told.liked if by_taste else ())]),
            "disliked": each_once([*frame.disliked, *(told.disliked if by_taste else ())]),
            "exclude": each_once([*frame.exclude, *gone, *told.excluded]),
            "exclude_series": tuple(dict.fromkeys([*frame.exclude_series, *told.exclude_series])),
        }
    )


def listed(part: Part, context: Context, act: Act | None = None) -> Frame:
    """A list: like some movies, by conditions, or by taste."""
    found: Act = act or part.intent.act  # type: ignore[assignment]
    wants = part.wants
    seeds = _seeds(part, found)
    if not seeds and part.before and part.clause.has("refer", "similar"):
        seeds, found = part.before[-1:], "like"
    if found == "like" and not seeds:
        seeds = context.spoken
    if found == "recommend" and seeds:
        found = "like"
    users = _whose(part, context) or (context.user if found == "recommend" else ())
    if found == "find" and users:
        found = "recommend"
    about = part.series if found == "find" else ""
    frame = Frame(
        act=found,
        movies=seeds if found == "like" or part.intent.label == "find.title" else (),
        filters=_in_same_year(part, context, wants.filters(_era(wants))),
        text=" ".join(filter(None, (about, wants.text))) or None,
        users=users,
        again=bool(context.last_list) and part.clause.has("refer", "else"),
        own=bool(part.users) and part.clause.has("refer", "me_too"),
        **list_fields(wants) | ({"sort": None} if users else {}),
    )
    return with_told(_relative_to_seeds(frame, wants), context.told.without(wants) | part.told)


def list_fields(wants: Conditions) -> dict[str, Any]:
    """The fields of a list that are no filters."""
    count = wants.count or {1: LONG, -1: SHORT}.get(wants.longer)
    return {
        "sort": wants.sort,
        "count": min(count, 50) if count else None,
        "novelty": wants.novelty,
        "diversity": wants.diversity,
        "window_days": wants.window_days,
        "unmet": wants.unmet,
    }


def _seeds(part: Part, act: Act) -> tuple[Ref, ...]:
    stances = ("similar", "named") if act != "like" else ("similar",)
    if act == "find" and part.intent.label != "find.title":
        return ()
    seeds = each_once(ref for said in part.said if said.stance in stances for ref in said.refs)
    if act == "like" and not seeds:
        seeds = each_once(ref for said in part.said if said.stance not in ("excluded", "disliked") for ref in said.refs)
    return seeds


def _era(wants: Conditions) -> Filters:
    """Old or new movies altogether, where no year is named."""
    if wants.years or not wants.era:
        return Filters()
    return Filters(year_to=OLD_UNTIL) if wants.era == "old" else Filters(year_from=NEW_FROM)


def _in_same_year(part: Part, context: Context, filters: Filters) -> Filters:
    """As in "which others came out that same year?"."""
    year = next((ref.year for ref in (*part.before[-1:], *context.spoken)), None)
    if year is None or not part.clause.has("refer", "same_year") or part.wants.years:
        return filters
    return filters.model_copy(update={"year_from": year, "year_to": year})


def _relative_to_seeds(frame: Frame, wants: Conditions) -> Frame:
    years = [ref.year for ref in frame.movies if ref.year]
    if not wants.relative or wants.years or not years:
        return frame
    bound = {"year_from": max(years) + 1} if wants.relative == "newer" else {"year_to": min(years) - 1}
    return frame.model_copy(update={"filters": frame.filters.model_copy(update=bound)})


def _unclear(part: Part, context: Context) -> Frame:
    """A question back, unless conditions say enough."""
    wants = part.wants
    if wants.genres or wants.tags or wants.years or wants.sort:
        return listed(part, context, "find")
    titles = [ref.title for ref in part.refs[:1]]
    choices = tuple(choice for title in titles for choice in (f"movies like {title}", f"facts about {title}"))
    return Frame(act="unclear", ambiguous=choices)


# About movies


def _about(part: Part, context: Context) -> list[Frame]:
    """A fact, a comparison, a prediction, a reason: of the movies named, else of the one spoken of."""
    act, aspect, refs = part.intent.act, part.intent.aspect, part.refs
    if act == "compare" and len(refs) < 2:
        refs = each_once([*context.spoken, *refs] if refs else shown_list(context.dialogue)[:2])
    last = context.dialogue.turns[-1].done if context.dialogue.turns else ()
    if not refs and (act != "why" or (last and not last[-1].is_list)):
        refs = part.before[-1:] or context.spoken
    if act == "fact" and not part.refs and (topic := conditions(part.clause).text):
        return [Frame(act="find", text=topic)]
    if aspect == "genres" and (part.wants.genres or part.wants.tags):
        aspect = "trait"
    if act == "fact" and aspect in ("histogram", "count", "rating") and part.stars is not None and not part.wants.bounds:
        aspect = "stars"
    if act == "fact" and part.clause.has("statistic", "lately"):
        aspect = "lately"
    frame = Frame.model_validate(
        {
            "act": act,
            "aspect": aspect,
            "movies": refs,
            "users": part.users,
            "own": not part.users,
            "filters": part.wants.filters() if aspect == "trait" else Filters(),
            "stars": part.stars if aspect == "stars" else None,
            "liked": context.told.liked if act == "predict" and not part.users else (),
        }
    )
    aspects = aspects_of(part) if act == "fact" else []
    return [frame.model_copy(update={"aspect": each}) for each in aspects] or [frame]


def _outside(part: Part, context: Context) -> Frame:
    refers = part.clause.has("refer", "it") or part.clause.asks
    return Frame(act="outside", aspect=part.intent.aspect, movies=part.refs or (context.spoken if refers and part.intent.aspect in ABOUT_MOVIES else ()))


def _choose(part: Part, context: Context) -> Frame:
    wants = part.wants
    return Frame(act="choose", movies=part.refs, filters=wants.filters(), sort=wants.sort, unmet=wants.unmet, count=wants.count)


def _recall(part: Part, context: Context) -> Frame:
    first = part.clause.has("refer", "start")
    return Frame(act="recall", aspect="first" if first else "last", movies=part.refs)


# Figures and people


def _statistic(part: Part, context: Context) -> list[Frame]:
    """A figure. Of single movies it is a fact; of "comedies or dramas", "1994 or 1999", "user 3 or 5" one for each."""
    users = _whose(part, context)
    own = part.clause.has("refer", "mine") and not users
    if own and context.user:
        users, own = context.user, False
    someone = own or bool(users)
    figure = aggregate(part.clause, of_someone=someone)
    named = tuple(ref for ref in part.refs if part.series == "" or ref.title != part.series)
    if not part.refs and not someone and part.wants.empty and part.clause.has("refer", "it"):
        part = replace(part, said=(Said(context.spoken, "named", 0),))
    if part.refs and named and not someone and figure.by in ("none", "year", "stars", "user"):
        return _figures_of_movies(part, figure.measure)
    frame = Frame(
        act="statistic",
        aggregate=figure,
        filters=_released(part, of_someone=someone),
        movies=() if part.series else part.refs,
        text=part.series or (conditions(part.clause).text if part.clause.has("topic", "title_words") else None) or None,
        users=users[:1],
        own=own,
        count=part.wants.count,
        stars=part.stars if not part.wants.bounds else None,
        unmet=part.wants.unmet,
    )
    return _each(part, frame, users)


def _figures_of_movies(part: Part, measure: str) -> list[Frame]:
    """A figure of movies by name: their facts; of titles that are counted, a list of those called so."""
    if part.clause.has("statistic", "called"):
        return [Frame(act="find", text=part.refs[0].title)]
    if len(part.refs) > 1:
        return [Frame(act="compare", movies=part.refs)]
    if part.clause.has("statistic", "lately"):
        return [Frame(act="fact", aspect="lately", movies=part.refs)]
    aspect = "stars" if part.stars is not None else {"count": "count", "histogram": "histogram"}.get(measure, "rating")
    aspects = aspects_of(part) or [aspect]
    return [Frame(act="fact", aspect=each, movies=part.refs, stars=part.stars) for each in aspects]


def _each(part: Part, frame: Frame, users: Sequence[int]) -> list[Frame]:
    """One frame for each of the things that are set against each other."""
    if len(users) > 1:
        return [frame.model_copy(update={"users": (user,)}) for user in users]
    if not part.clause.has("statistic", "against"):
        return [frame]
    years = [(int(link.low), int(link.high)) for _, link in part.clause.links("year", "years") if link.low and link.high]
    whole = frame.aggregate.model_copy(update={"by": "none", "sort_by": "count", "at_least": None}) if frame.aggregate else None
    if len(years) > 1:
        bounds = [{"year_from": first, "year_to": last} for first, last in years]
    elif len(frame.filters.genres) > 1:
        bounds = [{"genres": [genre]} for genre in frame.filters.genres]
    else:
        return [frame]
    return [frame.model_copy(update={"aggregate": whole, "filters": frame.filters.model_copy(update=bound)}) for bound in bounds]


def aspects_of(part: Part) -> list[str]:
    """The facts that are asked for in a row, where there are several."""
    found = [name for name in table("aspect") if name not in ("joined", "average") and part.clause.has("aspect", name)]
    if "count" in found and not part.clause.has("aspect", "average"):
        found = [name for name in found if name != "rating"]
    return found if len(found) > 1 and part.clause.has("aspect", "joined") else []


def _ratings(part: Part, context: Context) -> Frame:
    users = _whose(part, context)
    then = years_are_of_rating(part.clause, of_someone=True)
    return Frame(
        act="ratings",
        users=users,
        own=not users,
        order=next((name for name in RATING_ORDERS if part.clause.has("order", name)), None),  # type: ignore[arg-type]
        filters=_released(part, of_someone=True),
        movies=part.refs,
        count=part.wants.count,
        aggregate=aggregate(part.clause, of_someone=True) if then else None,
    )


def _released(part: Part, *, of_someone: bool) -> Filters:
    """The conditions on movies, without years that say when was rated."""
    filters = part.wants.filters()
    figure = aggregate(part.clause, of_someone=of_someone)
    if figure.since or figure.until:
        return filters.model_copy(update={"year_from": None, "year_to": None})
    return filters


def _taste(part: Part, context: Context) -> Frame:
    users = _whose(part, context)
    return Frame(act="taste", users=users, own=not users)


def _whose(part: Part, context: Context) -> tuple[int, ...]:
    """The MovieLens users named; for "their taste" the one spoken of last."""
    if part.users or not part.clause.has("refer", "they") or part.clause.has("refer", "mine"):
        return part.users
    if context.they:
        return context.they
    found = (done.args.get("user_id") for done in reversed(context.dialogue.done))
    return next(((user,) for user in found if isinstance(user, int)), ())


# Ratings told


def _rate(part: Part, context: Context) -> list[Frame]:
    """Stars with the movies they are for: as in "5 stars for Up and 2 for Cars"."""
    if part.intent.aspect == "remove":
        everything = rated_before(context.dialogue) if part.clause.has("refer", "everything") else ()
        return [Frame(act="rate", movies=everything or part.refs or _last_rated(context))]
    points = part.pointed or {}
    numbers = [(place, link.low) for place, link in part.clause.links("stars", "number") if place not in points and link.low is not None]
    names = [(said.place, said.refs) for said in part.said] or [(-1, _last_rated(context))]
    if not numbers:
        title = part.refs[0].title if part.refs else ""
        return [Frame(act="unclear", movies=part.refs, ambiguous=tuple(f"{stars} stars for {title}" for stars in (3, 4, 5)) if title else ())]
    return _paired(numbers, names)


def _paired(numbers: Sequence[tuple[int, float]], names: Sequence[tuple[int, tuple[Ref, ...]]]) -> list[Frame]:
    """Each number with the names beside it: those before it, or where a number comes first those after it."""
    first = numbers[0][0] < names[0][0]
    found: dict[int, list[Ref]] = {}
    for place, refs in names:
        before = [at for at, (number, _) in enumerate(numbers) if number < place]
        after = [at for at, (number, _) in enumerate(numbers) if number > place]
        at = (before[-1] if before else 0) if first else (after[0] if after else len(numbers) - 1)
        found.setdefault(at, []).extend(refs)
    return [Frame(act="rate", movies=tuple(refs), stars=numbers[at][1]) for at, refs in sorted(found.items())]


def _last_rated(context: Context) -> tuple[Ref, ...]:
    rated = (done.movies[0].movie_id for done in reversed(context.dialogue.done) if done.name == "rate_movie" and done.movies)
    movie_id = next(rated, None)
    return context.spoken if movie_id is None else (names_of(context.dialogue)[movie_id],)


def _plain(part: Part, context: Context) -> Frame:
    return Frame(act=part.intent.act, aspect=part.intent.aspect)  # type: ignore[arg-type]


_MAKERS: dict[str, Callable[[Part, Context], Frame | list[Frame]]] = {
    "recommend": listed,
    "like": listed,
    "find": listed,
    "fact": _about,
    "compare": _about,
    "predict": _about,
    "why": _about,
    "outside": _outside,
    "choose": _choose,
    "recall": _recall,
    "statistic": _statistic,
    "ratings": _ratings,
    "taste": _taste,
    "rate": _rate,
}

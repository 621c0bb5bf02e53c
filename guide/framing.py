"""A part of a message that stands on its own, as a frame."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from guide.parts import Context, Part
from guide.rating import rate
from guide.references import shown_list
from language.aggregates import aggregate
from language.conditions import Conditions, conditions
from language.frame import Aggregate, Frame, Ref
from language.intents import GUESS, LEAST_ODDS, LISTS
from language.phrases import table
from language.stances import Said
from language.standing import Told, each_once
from movies.models import Filters

SHORT, LONG, MOST = 3, 10, 50
MOST_OF_US = 2
OLD_UNTIL, NEW_FROM = 1979, 2010
ABOUT_MOVIES = ("plot", "cast", "director", "streaming", "runtime", "awards", "box_office", "language", "age_rating")
FIGURES = ("rating", "count", "good", "histogram")
_SEQUEL = re.compile(r"(?::| \d+$| [IVX]+$| [Pp]art |, )")
VERDICTS, PLAIN_ASPECTS = ("good", "rating", "everything", "count"), ("tags", "links", "genres")
RATING_ORDERS = ("lowest", "highest", "newest", "oldest")


def framed(part: Part, context: Context) -> list[Frame]:
    """The frames of a part; several where it gives stars to several movies, or asks for several facts."""
    if _only_mentions(part):
        frames = [Frame(act="small_talk", aspect="mentioned", movies=part.refs)]
    elif part.intent.act in LISTS:
        frames = [listed(part, context)]
        if part.wants.sort == "worst" and part.clause.has(
            "choose", "both_ends"
        ):  # "the best Batman, and which the worst"
            frames = [but(frames[0], sort=sort) for sort in ("rating", "worst")]
        if part.stars is not None and part.refs and part.clause.has("rating_lines", "mine"):  # in passing
            frames.insert(0, Frame(act="rate", movies=part.refs[:1], stars=part.stars))
    elif part.intent.odds < LEAST_ODDS:
        frames = [_unclear(part)]
    else:
        frames = _MAKERS.get(part.intent.act, _plain)(part, context)
    return [but(frame, confidence=part.intent.odds) for frame in frames]


def _only_mentions(part: Part) -> bool:
    """True for titles in a story that asks for nothing: "my coworker keeps pushing The Prestige on me"."""
    clause, told = part.clause, {said.stance for said in part.said}
    asks = clause.asks or clause.has("asks", "list") or not part.wants.empty
    return told == {"named"} and part.intent.odds < GUESS and not asks and not part.pointed


def but(frame: Frame, **fields: Any) -> Frame:
    """A frame with some fields changed."""
    return frame.model_copy(update=fields)


def filtered(frame: Frame, **filters: Any) -> Frame:
    """A frame with some filters changed."""
    return but(frame, filters=frame.filters.model_copy(update=filters))


def with_told(frame: Frame, told: Told) -> Frame:
    """The tastes that were told, worked into a list that goes by taste; what was seen or excluded, into every list."""
    seeds = {ref.movie_id for ref in (*frame.movies, *frame.liked)}
    by_taste = frame.act == "recommend" and not frame.users and frame.sort is None
    known = (*told.seen, *told.disliked, *(told.liked if frame.act == "like" else ()))
    wanted, taste = frame.filters, told if by_taste else Told()
    genres = [*wanted.exclude_genres, *(name for name in told.exclude_genres if name not in wanted.genres)]
    tags = [*wanted.exclude_tags, *(name for name in told.exclude_tags if name not in wanted.tags)]
    excluding = {"exclude_genres": list(dict.fromkeys(genres))[:10], "exclude_tags": list(dict.fromkeys(tags))[:10]}
    return but(
        filtered(frame, **excluding),
        liked=each_once([*frame.liked, *taste.liked]),
        disliked=each_once([*frame.disliked, *taste.disliked]),
        exclude=each_once([*frame.exclude, *(ref for ref in known if ref.movie_id not in seeds), *told.excluded]),
        exclude_series=tuple(dict.fromkeys([*frame.exclude_series, *told.exclude_series])),
    )


# Lists


def listed(part: Part, context: Context) -> Frame:
    """A list: like some movies, by conditions, or by taste."""
    act, wants = part.intent.act, part.wants
    seeds = _seeds(part, context)
    users = _whose(part, context) or (context.user if act == "recommend" else ())
    act = "like" if seeds and act != "find" else "recommend" if users and act == "find" else act
    about = part.series if act == "find" else ""
    counted = [frame for frame in context.before[-1:] if frame.act == "statistic" and not frame.users]
    bare = not (seeds or users or about or wants.genres or wants.tags or wants.text)
    fields: dict[str, Any] = {
        **list_fields(wants),
        "act": act,
        "movies": seeds,
        "filters": wants.filters(counted[0].filters if counted and bare else era(part, context)),
        "text": " ".join(filter(None, (about, wants.text))) or (counted[0].text if counted and bare else None),
        "users": users,
        "again": part.clause.has("asks", "next") or (bool(context.last_list) and part.clause.has("refer", "else")),
        "own": bool(part.users) and part.clause.has("refer", "me_too"),
    }
    fields |= {"exclude": part.before[-1:] or context.spoken} if part.clause.has("refer", "else") else {}
    if part.clause.has("refer", "no_sequels"):
        fields["exclude_series"] = tuple(_SEQUEL.split(ref.title)[0] for ref in seeds)
        fields["exclude"] = tuple(each for seed in seeds for each in context.parts(seed) if each not in seeds)
    frame = Frame.model_validate(fields | ({"sort": None} if users else {}))
    years = [ref.year for ref in seeds or part.refs if ref.year]
    if wants.relative and years and not wants.years:
        newer = wants.relative == "newer"
        frame = filtered(frame, **({"year_from": max(years) + 1} if newer else {"year_to": min(years) - 1}))
    return with_told(frame, context.told.without(wants) | part.told)


def list_fields(wants: Conditions) -> dict[str, Any]:
    """The fields of a list that are no filters."""
    count = wants.count or {1: LONG, -1: SHORT}.get(wants.longer)
    fields = {name: getattr(wants, name) for name in ("sort", "novelty", "diversity", "window_days", "unmet")}
    return fields | {"count": min(count, MOST) if count else None}


def _seeds(part: Part, context: Context) -> tuple[Ref, ...]:
    """The movies that others should be like; of a title that is asked for, that movie."""
    if part.intent.act == "find":
        return part.refs if part.intent.aspect == "title" else ()
    if part.clause.has("refer", "similar") and not part.said:
        return part.before[-1:] or context.spoken
    wanted = {"like": ("similar",), "recommend": ("similar", "named")}[part.intent.act]
    seeds = each_once(ref for said in part.said if said.stance in wanted for ref in said.refs)
    if seeds or part.intent.act == "recommend":
        return seeds
    others = (ref for said in part.said if said.stance not in ("excluded", "disliked") for ref in said.refs)
    return each_once(others) or context.spoken


def era(part: Part, context: Context) -> Filters:
    """Years that were not named: "old movies", "others of that same year"."""
    wants = part.wants
    relative = {"older": "old", "newer": "new"}.get(wants.relative, "") if not part.refs else ""
    year = next((ref.year for ref in (*part.before[-1:], *context.spoken)), None)
    if wants.years:
        return Filters()
    if year and part.clause.has("refer", "same_decade"):
        return Filters(year_from=year // 10 * 10, year_to=year // 10 * 10 + 9)
    if year and part.clause.has("refer", "same_year"):
        return Filters(year_from=year, year_to=year)
    named = {"old": Filters(year_to=OLD_UNTIL), "new": Filters(year_from=NEW_FROM)}
    return named.get(wants.era or relative, Filters())


def _unclear(part: Part) -> Frame:
    """A question back."""
    choices = (f"{what} {ref.title}" for ref in part.refs[:1] for what in ("movies like", "facts about"))
    return Frame(act="unclear", ambiguous=tuple(choices))


# About movies


def _about(part: Part, context: Context) -> list[Frame]:
    """A fact, a comparison, a prediction, a reason: of the movies named, else of the one spoken of."""
    act, refs = part.intent.act, part.refs
    wants = part.wants
    if act in ("fact", "predict") and not part.refs and part.strange and not part.clause.has("refer", "it"):
        return [Frame(act="unclear", text=part.strange)]
    if act == "fact" and not part.refs and context.they and part.intent.aspect in FIGURES:
        return _statistic(part.to("statistic"), context, users=context.they)
    if act == "fact" and not refs and part.intent.aspect in FIGURES and (wants.genres or wants.tags or wants.years):
        return _statistic(part.to("statistic"), context)
    last = context.dialogue.turns[-1].done if context.dialogue.turns else ()
    if act == "compare" and len(refs) < 2:
        most = None if any(done.name in ("compare_movies", "get_movie") for done in last) else 2
        before = part.before if refs or len(part.before) > 1 else ()
        refs = each_once(
            [*(before or context.spoken), *refs] if refs or before else shown_list(context.dialogue)[:most]
        )
    if not refs and (act != "why" or (last and not last[-1].is_list)):
        several = (ref for frame in context.before if frame.act in ("compare", "fact") for ref in frame.movies)
        refs = part.before[-1:] or each_once(several) or context.spoken
    act = "fact" if act == "compare" and part.stars is not None else act
    theirs = part.users or (
        _whose(part, context) if context.dialogue.turns and context.dialogue.turns[-1].users else ()
    )
    if act == "fact" and refs and theirs and part.intent.aspect in ("good", "rating") and not part.users:
        return [Frame(act="ratings", users=theirs, movies=refs)]  # "what did they think of Titanic" of a user
    if act in ("fact", "compare") and len(refs) < 2 and (whole := _whole_series(part, context)):
        return [Frame(act="compare", movies=whole, sort=wants.sort)]
    aspects = _aspects(part, part.intent.aspect or "histogram") if act == "fact" else [""]
    traits = part.wants.filters() if aspects == ["trait"] else Filters()
    liked = context.told.liked if act == "predict" and not theirs else ()
    fields = {"act": act, "movies": refs, "users": theirs, "own": not theirs, "filters": traits, "liked": liked}
    stars = part.stars if aspects == ["stars"] else None
    by_age = {"older": "oldest", "newer": "newest"}.get(part.wants.relative)
    fields["sort"] = (part.wants.sort or by_age) if act == "compare" else None
    return [Frame.model_validate({**fields, "aspect": aspect, "stars": stars}) for aspect in aspects]


def _whole_series(part: Part, context: Context) -> tuple[Ref, ...]:
    """The movies of a series that is spoken of in the plural: "the averages of the three Godfathers"."""
    plural = part.clause.has("compare", "whole") or part.clause.has("compare", "series")
    plural = plural or (part.intent.act == "compare" and bool(part.series))
    parts = context.parts(part.refs[0]) if part.refs and plural else []
    return tuple(parts) if len(parts) > 1 else ()


def _aspects(part: Part, aspect: str) -> list[str]:
    """The facts that are asked for: the likeliest, or all of a row ("year and rating of Big")."""
    clause = part.clause
    found = [name for name in table("aspect") if name not in ("joined", "average") and clause.has("aspect", name)]
    if "count" in found and not clause.has("aspect", "average"):
        found = [name for name in found if name != "rating"]
    if len(found) > 1 and clause.has("aspect", "joined"):
        return found
    plain = [name for name in found if name in PLAIN_ASPECTS]
    if plain and aspect in VERDICTS:
        return plain[:1]
    if aspect == "genres" and (part.wants.genres or part.wants.tags):
        return ["trait"]
    if clause.has("statistic", "lately"):
        return ["lately"]
    of_stars = aspect in ("histogram", "count", "rating") and part.stars is not None and not part.wants.bounds
    return ["stars" if of_stars else aspect]


def _plain(part: Part, context: Context) -> list[Frame]:
    """Acts that need little more than their aspect."""
    act, aspect = part.intent.act, part.intent.aspect
    fields: dict[str, Any] = {"act": act, "aspect": aspect}
    if act == "outside":
        refers = (part.clause.has("refer", "it") or part.clause.asks) and aspect in ABOUT_MOVIES
        fields["movies"] = part.refs or (context.spoken if refers else ())
        fields["filters"] = Filters(people=list(part.wants.people))
    elif act == "recall":
        fields |= {"aspect": "first" if part.clause.has("refer", "start") else "last", "movies": part.refs}
    elif (
        act == "choose"
        and context.before[-1:]
        and context.before[-1].act == "ratings"
        and part.clause.has("choose", "asks")
    ):
        return [but(context.before[-1], filters=part.wants.filters(context.before[-1].filters))]
    elif act == "choose" and len(part.before) > 1 and _choice(part, context)["sort"]:
        return _about(part.to("compare"), context)  # of what the same message named: each with its figures
    elif act == "choose":
        fields |= _choice(part, context)
    return [Frame.model_validate(fields)]


def _choice(part: Part, context: Context) -> dict[str, Any]:
    """The group that is pointed into, the order that decides, and what is asked: one, all, their number, their row."""
    wants, clause = part.wants, part.clause
    several = next((group for group in (part.refs, part.before) if len(group) > 1), shown_list(context.dialogue))
    before = next((frame.sort for frame in reversed(context.before) if frame.act in ("choose", "compare")), None)
    by_number = wants.sort == "popularity" or (wants.sort is None and before == "popularity")
    fewest = by_number if clause.has("choose", "low") else clause.has("choose", "fewest")
    low, high = ("popularity" if by_number else "worst"), ("popularity" if by_number else "rating")
    bare = {"older": "oldest", "newer": "newest"}.get(wants.relative) or next(
        (sort for name, sort in (("low", low), ("high", high)) if clause.has("choose", name)), None
    )
    asked = "rank" if clause.has("choose", "rank") else "fewest" if fewest else ""
    count = None if wants.count == len(several) else wants.count  # "which of the three"
    told = {"sort": wants.sort or bare, "count": count, "aspect": asked}
    return {**list_fields(wants), "movies": several, "filters": wants.filters(), **told}


# Figures and people


def _statistic(part: Part, context: Context, users: tuple[int, ...] = ()) -> list[Frame]:
    """A figure. Of single movies it is a fact; of "comedies or dramas", "1994 or 1999", "user 3 or 5" one for each."""
    users = users or _whose(part, context)
    if not users and part.clause.has("refer", "each"):
        users = tuple(dict.fromkeys(user for frame in context.figures for user in frame.users))
    own = part.clause.has("refer", "mine") and not (users or part.clause.joined)
    figure = aggregate(part.clause, part.wants, of_someone=own or bool(users))
    if figure.by == "user" and part.wants.empty and not part.refs and part.clause.has("statistic", "whole"):
        figure = Aggregate()  # "how many users are there?"
    part = part if own or users else _about_spoken(part, figure, context)
    if part.wants.empty and (shown := _of_shown(part, context)):
        return shown
    in_title = part.clause.has("topic", "title_words") and not part.clause.has("statistic", "called")
    named = [each.series or each.refs[0].title for each in part.said if each.refs] if in_title else []
    if not (own or users) and (whole := _whole_series(part, context)):
        return [Frame(act="compare", movies=whole)]
    if any(ref.title != part.series for ref in part.refs) and not (own or users or named):
        return _figures_of_movies(part, figure, context)
    topic = " ".join(named) or (conditions(part.clause).text if part.clause.has("topic", "title_words") else "")
    if part.clause.has("unmet", "without any ratings"):
        part = replace(part, wants=replace(part.wants, unmet=(), bounds={"min_ratings": 1}))
        figure = Aggregate()
    frame = Frame(
        act="statistic",
        aggregate=figure,
        filters=_released(part, figure.since or figure.until, _goes_on_from(part, context)),
        text=part.series or topic or None,
        users=users[:1],
        own=own,
        count=part.wants.count,
        stars=part.stars if not part.wants.bounds else None,
        unmet=part.wants.unmet,
    )
    both = figure.measure == "mean" and figure.by == "none" and part.clause.has("statistic", "counts_movies")
    if figure.by != "none" and all(part.clause.has("statistic", name) for name in ("most", "fewest")):
        return [but(frame, aggregate=figure.model_copy(update={"ascending": falls})) for falls in (False, True)]
    counts = [but(frame, aggregate=Aggregate())] if both and not (users or own) else []
    return [one for each in (*counts, frame) for one in each_of(part, each, users)]


def _about_spoken(part: Part, figure: Aggregate, context: Context) -> Part:
    """A part that names nothing, as one about the movie spoken of."""
    spoken = {"figured", "told"} & context.situation or part.clause.has("refer", "it")
    about = part.before[-1:] or (context.spoken if spoken else ())
    plain = figure.by in ("none", "user", "stars") and not part.clause.has("statistic", "overall")
    bare = about and plain and part.wants.empty and not part.refs
    return replace(part, said=(Said(about, "named", 0),)) if bare else part


def _of_shown(part: Part, context: Context) -> list[Frame]:
    """A figure of the list that was shown: how many there are of its kind; of the most rated, how many rated it."""
    shown = context.last_list
    if shown is None or "showing" not in context.situation or shown.movies:
        return []
    if len(part.refs) > 1 and part.pointed and part.clause.has("statistic", "how_many"):
        return [Frame(act="statistic", aggregate=Aggregate(), filters=shown.filters, text=shown.text)]
    first = shown.sort == "popularity" and len(part.clause.tokens) <= SHORT
    return _about(part.to("fact.count"), context) if first else []


def _goes_on_from(part: Part, context: Context) -> Filters | None:
    """The conditions of the list before that a figure keeps: all of "how many are those", the year of "that year"."""
    last = context.before[-1] if context.before else None
    if last and part.clause.has("refer", "same_year") and not part.wants.years:
        return Filters(year_from=last.filters.year_from, year_to=last.filters.year_to)
    again = last and last.act in LISTS and part.wants.empty and part.clause.has("statistic", "again")
    return last.filters if last and again else None


def _figures_of_movies(part: Part, figure: Aggregate, context: Context) -> list[Frame]:
    """A figure of movies by name: their facts; of titles that are counted, all that are called so."""
    if part.clause.has("statistic", "called"):
        return [Frame(act="fact", aspect="versions", movies=tuple(context.siblings(part.refs[0])))]
    if len(part.refs) > 1 and part.stars is None:
        return [Frame(act="compare", movies=part.refs, sort=part.wants.sort)]
    known = {"genre": "genres", "tag": "tags", "year": "year", "decade": "year"}
    measure = figure.measure if figure.measure in ("count", "histogram") else "rating"
    aspects = _aspects(part, known.get(figure.by, measure))
    return [Frame(act="fact", aspect=aspect, movies=part.refs, stars=part.stars) for aspect in aspects]


def each_of(part: Part, frame: Frame, users: Sequence[int]) -> list[Frame]:
    """One frame for each of the users, years, genres or tags that are set against each other."""
    frames = [but(frame, users=(user,)) for user in users] or [frame]
    clause, asked = part.clause, frame.aggregate
    links = clause.links("year", "years")
    years = [(int(link.low), int(link.high)) for _, link in links if link.low and link.high]
    bounds: list[dict[str, Any]] = []
    for kind, named in (("genres", part.wants.genres), ("tags", part.wants.tags)):
        bounds = [{kind: [name]} for name in named] if len(named) > 1 else bounds
    if len(years) > 1:
        bounds = [{"year_from": first, "year_to": last} for first, last in years]
    if len(bounds) < 2 or not asked or not clause.has("statistic", "against"):
        return frames
    whole = asked.model_copy(update={"by": "none", "sort_by": "count", "at_least": None})
    if len(years) > 1 and (asked.since or asked.until):
        days = [{"since": f"{first}-01-01", "until": f"{last}-12-31"} for first, last in years]
        return [but(each, aggregate=whole.model_copy(update=day)) for each in frames for day in days]
    return [but(filtered(each, **bound), aggregate=whole) for each in frames for bound in bounds]


def _ratings(part: Part, context: Context) -> list[Frame]:
    """Somebody's ratings, or their taste."""
    users = _whose(part, context)
    if part.intent.act == "taste":
        return [Frame(act="taste", users=users, own=not users)]
    figure = aggregate(part.clause, part.wants, of_someone=True)
    then = figure.since or figure.until
    fields = {
        "act": "ratings",
        "users": users,
        "own": not users,
        "order": next(
            (name for name in RATING_ORDERS if part.clause.has("order", name)), "highest" if part.stars else None
        ),
        "filters": _released(part, then),
        "movies": part.refs if len(part.refs) == 1 and part.clause.has("refer", "it") else _named(part),
        "count": part.wants.count,
        "stars": part.stars,
        "aggregate": figure if then else None,
    }
    frame = Frame.model_validate(fields)
    return [frame] if part.clause.has("refer", "shared") and not frame.movies else each_of(part, frame, users)


def _named(part: Part) -> tuple[Ref, ...]:
    """The movies that a part names, not those that it points to."""
    return each_once(ref for said in part.said if said.place not in (part.pointed or {}) for ref in said.refs)


def _released(part: Part, rated: str | None, before: Filters | None = None) -> Filters:
    """The conditions on movies, without years that say when was rated."""
    return part.wants.filters(before).model_copy(update={"year_from": None, "year_to": None} if rated else {})


def _whose(part: Part, context: Context) -> tuple[int, ...]:
    """The MovieLens users named; for "their taste" the one spoken of last; for "my" who the person says to be."""
    us, mine = part.clause.has("refer", "us"), part.clause.has("refer", "mine")
    if part.users or mine or not (us or part.clause.has("refer", "they")):
        return part.users or (context.user if mine else ())
    found = [user for done in reversed(context.dialogue.done) for user in done.users]
    several = tuple(dict.fromkeys(context.they or found))[:MOST_OF_US]
    return several if us and len(several) > 1 else () if us else several[:1]


_MAKERS: dict[str, Callable[[Part, Context], list[Frame]]] = {
    "fact": _about,
    "compare": _about,
    "predict": _about,
    "why": _about,
    "statistic": _statistic,
    "ratings": _ratings,
    "taste": _ratings,
    "rate": rate,
}

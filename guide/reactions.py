"""Messages that go on from earlier ones: "only comedies", "more", "the other one", "the first and third", "yes"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from guide.calls import frame_of
from guide.framing import RATING_ORDERS, but, each_of, era, filtered, framed, list_fields, listed, with_told
from guide.parts import Context, Part
from guide.references import rated_before
from guide.salience import shown_list
from language.aggregates import aggregate
from language.conditions import Conditions
from language.frame import Frame, Ref
from language.intents import LARGEST, LISTS, SHORT
from language.phrases import table
from language.standing import each_once
from movies.models import Filters
from tools.results import QueryResult

NEWEST_BOUND, FEWEST = 2012, 10
CENTURY, FIRST_YEAR, LAST_YEAR = 100, 1900, 2030
DAYS = ("01-01", "12-31")
BOUNDS = ("min_ratings", "max_ratings", "min_mean", "max_mean")
YEARS, SUBJECTS = ("year_from", "year_to", "since", "until"), {"act", "users", "movies"}
ON_LISTS = (*LISTS, "opinion", "seen")
OF_MOVIES = ("fact", "predict", "compare", "outside", "why", "choose")
CHANGEABLE = ("fact", "statistic", "ratings", "taste", "predict", "compare", "outside")


def reaction(part: Part, context: Context) -> list[Frame]:
    """The last frame, changed as a part says, or what the answer to a question makes of it."""
    if part.intent.act == "answer" or part.intent.label == "delta.correct":
        return (_answer if part.intent.act == "answer" else _correct)(part, context)
    return _among_figures(part, context) or _gone_on(part, context)


def _gone_on(part: Part, context: Context) -> list[Frame]:
    """The last frame, or each of the last figures, changed as a part says."""
    more = part.intent.label == "delta.more"
    asked = _asked_before(part, context)
    before = [frame for frame in asked if frame.act in (("ratings",) if more else CHANGEABLE)]
    on_list = any(frame.act in ON_LISTS for frame in asked)
    base = _told_before(part, context) or (before[-1] if before and not on_list else _last_list(context))
    if base and base.act not in LISTS and part.clause.has("refer", "similar"):
        return [listed(part.to("like"), context)]
    if base is None or (part.clause.has("refer", "afresh") and not part.wants.empty):
        new = listed(part.to("recommend"), context)
        return [but(new, exclude=each_once([*new.exclude, *context.spoken]))]
    apart = base.act == "find" and base.text and part.refs and part.wants.empty  # "and Heat?" after "is there Ronin?"
    if more or apart:
        again = but(with_told(narrowed(base, part.wants), part.told), again=True)
        return framed(part.to("fact.everything"), context) if apart else [again]
    bases = before if not on_list and len(before) > 1 and not _names_one(part, before) else [base]
    return [frame for base in bases for frame in _changed_each(part, context, base)]


def _told_before(part: Part, context: Context) -> Frame | None:
    """A telling of other movies, where names follow it alone: "Pulp Fiction too" after "I've seen Goodfellas"."""
    bare = {said.stance for said in part.said} == {"named"} and part.wants.empty and not part.clause.asks
    return next((each for each in context.before[-1:] if each.act == "seen" and bare), None)


def _asked_before(part: Part, context: Context) -> list[Frame]:
    """The frames before that a part can change. A title that was looked up is a fact; conditions change no fact."""
    looked_up = {"act": "fact", "aspect": "everything"}
    found = [but(each, **looked_up) if each.act == "find" and each.movies else each for each in context.before]
    words = [part.clause.tokens[said.place].word for said in part.said]
    named = part.users or part.stars is not None or set(words) - set(table("refer", "pronouns"))
    of_list = part.wants.count or part.wants.text or part.wants.filters() != Filters() or part.wants.relative
    return [each for each in found if each.act not in OF_MOVIES] if of_list and not named else found


def _names_one(part: Part, before: Sequence[Frame]) -> bool:
    """True where a part says that by which the figures before differ, so that it goes on from the last alone."""
    wants, first = part.wants, _slots(before[0])
    differ = {name for frame in before for name, value in _slots(frame).items() if value != first[name]}
    named = {"users": part.users, "movies": part.refs, "genres": wants.genres, "tags": wants.tags}
    said = {**named, **dict.fromkeys(YEARS, wants.years), **dict.fromkeys(BOUNDS, wants.bounds)}
    return "act" in differ or any(said.get(name) for name in differ)


def _slots(frame: Frame) -> dict[str, Any]:
    days = frame.aggregate.model_dump(include={"since", "until"}) if frame.aggregate else {}
    return dict.fromkeys(YEARS) | frame.filters.model_dump() | days | frame.model_dump(include=SUBJECTS)


def _changed_each(part: Part, context: Context, base: Frame) -> list[Frame]:
    frame = changed(part, context, base)
    apart = frame.act == "statistic" or (frame.act == "ratings" and len(base.users) < 2)
    return each_of(part, frame, part.users) if apart else [frame]


def _among_figures(part: Part, context: Context) -> list[Frame]:
    """The figures told before that are set against each other now, or the one: "which of the three had the most?"."""
    clause, wants = part.clause, part.wants
    one, superlative = clause.has("refer", "nth_figure"), clause.has("statistic", "superlative")
    named = wants.genres or wants.tags or wants.years or part.users or clause.links("movie", "series")
    if named or not (one or ((superlative or clause.has("statistic", "compared")) and clause.has("refer", "of_two"))):
        return []
    frames = [frame for done in context.dialogue.done if (frame := frame_of(done, context.names))]
    run = [each for each in frames if each.act == "statistic" and each.aggregate and each.aggregate.by == "none"]
    figures = [each for each in run if each.aggregate == run[-1].aggregate or one]
    places = [table("ordinals")[token.word] for token in clause.tokens if token.word in table("ordinals")]
    if one and figures and places:
        at = places[0] if places[0] < 0 else places[0] - 1
        return figures[at:][:1]
    numbers = [int(link.low or 0) for _, link in clause.links("number")] + [2] * clause.has("refer", "both")
    return figures[-numbers[0] :] if numbers and 1 < numbers[0] <= min(len(figures), LARGEST) else []


def narrowed(base: Frame, wants: Conditions, *, instead: bool = False) -> Frame:
    """A list under more conditions; `instead` of its genres and tags."""
    fields = {name: value for name, value in list_fields(wants).items() if value not in (None, ())}
    return but(base, **fields, filters=wants.filters(base.filters, instead=instead), text=wants.text or base.text)


def _last_list(context: Context) -> Frame | None:
    """The last list, to be asked for once more: what it left out because it had been shown may return."""
    frame, told = context.last_list, context.told
    if frame is None:
        return None
    kept = {ref.movie_id for ref in (*told.seen, *told.excluded, *told.disliked)}
    return but(frame, follows=True, exclude=tuple(ref for ref in frame.exclude if ref.movie_id in kept))


def changed(part: Part, context: Context, base: Frame) -> Frame:
    """A frame, as a part goes on from it."""
    return _changed_list(part, context, base) if base.act in LISTS else _changed_other(part, base, context)


def _changed_list(part: Part, context: Context, base: Frame) -> Frame:
    wants, clause = part.wants, part.clause
    instead = len(clause.tokens) <= SHORT or clause.has("instead", "words")
    places = [place for place, _ in clause.links("genre", "tag")]
    others = tuple(name for name in wants.exclude_genres if name not in base.filters.genres)
    if others and len(places) > 1 and places[1] == places[0] + 1:  # "no horror comedies" of horror
        wants = replace(wants, exclude_genres=others)
    if not (wants.count or wants.years or wants.bounds):
        wants = replace(wants, bounds=_in_place(part, base).bounds)
    frame = narrowed(base, wants, instead=instead and not clause.has("fragment", "adds"))
    frame = filtered(frame, **_bounds(part, context, base))
    then = era(part, context) if clause.has("refer", "same_decade") or clause.has("refer", "same_year") else Filters()
    frame = filtered(frame, **then.model_dump(exclude_defaults=True))
    if wants.novelty and not wants.sort:
        frame = but(frame, sort="rating")
    if users := _members(part, base):
        frame = but(frame, users=users, act="recommend")
    if base.liked and not base.users and clause.has("refer", "similar"):
        known = each_once([*frame.exclude, *base.disliked])
        frame = but(frame, act="like", movies=base.liked, liked=(), disliked=(), exclude=known)
    points = part.pointed or {}
    meant = [
        each for each in part.said if each.stance == "similar" or (each.stance == "named" and each.place not in points)
    ]
    if meant:
        with_them = base.movies if base.act == "like" and clause.has("refer", "also") else ()
        seeds = each_once([*with_them, *(ref for said in meant for ref in said.refs)])
        frame = but(frame, act="like", movies=seeds, sort=None)
    if clause.has("choose", "than"):  # "something lighter than that"
        frame = but(frame, exclude=each_once([*frame.exclude, *part.refs]))
    return with_told(frame, context.told.without(wants) | part.told)


def _members(part: Part, base: Frame) -> tuple[int, ...]:
    """The users that a list is for now: named ones, or of "drop 5 and put in 9" the group without 5 and with 9."""
    if not (base.users and part.clause.has("refer", "regroups")):
        return part.users
    members = (user for user in (*base.users, *part.users) if (user in base.users) != (user in part.users))
    return tuple(dict.fromkeys(members))


def _bounds(part: Part, context: Context, base: Frame) -> dict[str, int | None]:
    """Bounds by what a list showed: "older", "less famous", "a decade earlier"."""
    last, wants, found = context.dialogue.last_list, part.wants, dict[str, int | None]()
    shown = last.movies if last else []
    counts = sorted(getattr(movie, "rating_count", 0) for movie in shown)
    if wants.novelty and counts:
        found["max_ratings"] = max(counts[len(counts) // 2] // 2, FEWEST)
    first, until = base.filters.year_from, base.filters.year_to
    moved = 10 * (part.clause.has("refer", "decade_later") - part.clause.has("refer", "decade"))
    if moved and first and until:
        return {**found, "year_from": first + moved, "year_to": until + moved}
    years = [ref.year for ref in base.movies if ref.year] or [movie.year for movie in shown if movie.year]
    if wants.years or not wants.relative or not years:
        return found
    if wants.relative == "older":
        return {**found, "year_from": None, "year_to": min(years) - 1}
    return {**found, "year_from": min(max(years) + 1, max(NEWEST_BOUND, min(years) + 1)), "year_to": None}


def _changed_other(part: Part, base: Frame, context: Context) -> Frame:
    """As in "and 1996?" after a count, "and Heat?" after a fact, "and user 8?" after a taste."""
    clause, wants = part.clause, _in_place(part, base)
    shows = (
        (clause.has("refer", "show") and clause.has("refer", "of_those")) or wants.sort or clause.has("refer", "list")
    )
    ranks = wants.sort and clause.has("statistic", "which_one")
    listed = (shows or wants.count) and not clause.has("statistic", "counts")
    if base.act == "statistic" and (ranks or listed) and not part.users:
        found = Frame(
            act="find", filters=wants.filters(base.filters), sort=wants.sort, count=wants.count, text=base.text
        )
        return but(found, act="ratings", users=base.users, own=base.own) if base.users or base.own else found
    numbers = [link.low or 0 for _, link in clause.links("number", "stars")]
    by_number = base.users and (clause.has("fragment", "correcting") or not (wants.years or wants.bounds))
    users = part.users or (tuple(map(int, numbers[:1])) if by_number and not wants.count else ())
    fields: dict[str, Any] = {"movies": part.refs or base.movies, "users": users or base.users}
    fields["own"] = base.own and not users
    if numbers and (base.aspect == "stars" or base.act == "rate"):
        fields["stars"] = numbers[-1]
    if numbers and base.act == "fact" and clause.has("statistic", "counts") and numbers[-1] <= LARGEST:
        fields |= {"stars": numbers[-1], "aspect": "stars"}
    if base.act == "compare" and len(part.refs) == 1 and base.movies:
        fields["movies"] = (base.movies[0], *part.refs)
    if base.act == "compare" and wants.sort:
        fields["sort"] = wants.sort
    if base.act in ("statistic", "ratings"):
        base = but(base, users=users) if users else _of_first(part, base, context)
        fields |= {"users": base.users} | _figure(replace(part, wants=wants), base)
    return but(base, **fields)


def _in_place(part: Part, base: Frame) -> Conditions:
    """The conditions of a part, with what its numbers stand for: "97" after 1996, "a year earlier", "at least 200"."""
    wants, clause, figure = part.wants, part.clause, base.aggregate
    since = figure.since if figure else None
    year = base.filters.year_from or (int(since[:4]) if since else None)
    numbers = [int(link.low or 0) for _, link in clause.links("number")]
    moved = clause.has("refer", "year_later") - clause.has("refer", "year_earlier")
    span = (base.filters.year_to or year) - year + 1 if year else 0
    if year and moved and not wants.years:
        return replace(wants, years=(year + moved * span, year + moved * span + span - 1), relative="")
    alone = len(numbers) == 1 and not (wants.bounds or wants.count) and len(clause.tokens) <= SHORT
    if year and not wants.years and alone and (numbers[-1] < CENTURY or numbers[-1] > FIRST_YEAR):
        same = numbers[-1] if numbers[-1] > FIRST_YEAR else year - year % CENTURY + numbers[-1]
        same -= CENTURY * (same > LAST_YEAR)
        return replace(wants, years=(same, same), bounds={})
    bounds = [name for name in BOUNDS if getattr(base.filters, name)]
    if bounds and numbers and not (wants.bounds or part.users):
        return replace(wants, bounds={bounds[0]: float(numbers[-1])}, count=None)
    return wants


def _of_first(part: Part, base: Frame, context: Context) -> Frame:
    """The figure of the group that came first: "how many is that?" after "which year has the most?"."""
    figure, clause, wants = base.aggregate, part.clause, part.wants
    results = (done.result for turn in context.dialogue.turns[-1:] for done in turn.done)
    found = next((each for each in results if isinstance(each, QueryResult) and each.groups), None)
    points = len(clause.tokens) <= SHORT or any(clause.has("refer", name) for name in ("it", "them", "they"))
    grouped = aggregate(clause, wants, of_someone=False).by != "none" or clause.has("statistic", "group")
    anew = grouped or clause.has("statistic", "superlative") or any(token.word == "instead" for token in clause.tokens)
    other = wants.genres or wants.tags or part.users or wants.bounds
    if not (figure and found and found.by == figure.by) or not points or anew:
        return base
    if other and not clause.has("refer", "they"):
        return base
    by, name = figure.by, found.groups[0].name
    whole = {"by": "none", "sort_by": "count", "at_least": None, "ascending": False}
    whole |= {"since": f"{name}-01-01", "until": f"{name}-12-31"} if by == "rated_year" else {}
    base = but(base, aggregate=figure.model_copy(update=whole), count=None)
    if by == "user":
        return but(base, users=(int(name.rpartition(" ")[2]),))
    if by in ("year", "decade"):
        return filtered(base, year_from=int(name[:4]), year_to=int(name[:4]) + (9 if by == "decade" else 0))
    return filtered(base, **{f"{by}s": [name]}) if by in ("genre", "tag") else base


def _figure(part: Part, base: Frame) -> dict[str, Any]:
    """The fields of a figure that a part says anew."""
    wants, figure, clause = part.wants, base.aggregate, part.clause
    filters, changed = wants.filters(base.filters, instead=not clause.has("refer", "of_those")), dict[str, Any]()
    asked = aggregate(clause, wants, of_someone=bool(base.users) or base.own)
    dated, then = figure and (figure.since or figure.until), asked.since or asked.until
    if figure and wants.years and (dated or (then and not base.filters.year_from)):
        first, last = (f"{year}-{day}" if year else None for year, day in zip(wants.years, DAYS, strict=True))
        changed = {"since": asked.since, "until": asked.until} if then else {"since": first, "until": last}
        filters = filters.model_copy(update={name: getattr(base.filters, name) for name in ("year_from", "year_to")})
    of_ratings = clause.has("statistic", "ratings")
    measured = any(clause.has("statistic", name) for name in ("counts", "mean", "min", "max", "average"))
    if (measured or (of_ratings and not wants.bounds)) and not clause.has("fragment", "correcting"):
        of_same = figure and asked.measure == "count" and not (clause.has("statistic", "counts_movies") or of_ratings)
        changed |= {"measure": asked.measure, "of": figure.of if figure and of_same else asked.of}
    if asked.by != "none" and not clause.has("refer", "each"):
        changed |= {"by": asked.by, "sort_by": asked.sort_by}
    if asked.ascending or clause.has("statistic", "superlative"):
        changed |= {"ascending": asked.ascending}
    named = (name for name in RATING_ORDERS if base.act == "ratings" and clause.has("order", name))
    fields = {"order": next(named, base.order), "count": wants.count or base.count, "text": part.series or base.text}
    return {**fields, "filters": filters, "aggregate": figure.model_copy(update=changed) if figure else None}


def _correct(part: Part, context: Context) -> list[Frame]:
    """As in "sorry, I meant 1995", "no, the other one"."""
    if not context.before and part.refs:
        return [Frame(act="small_talk", aspect="mentioned", movies=part.refs)]
    if not context.before:
        return [listed(part.to("recommend"), context)]
    base, kept = context.before[-1], _asked_before(part, context)
    of_list = base.act in ON_LISTS and not (base.act == "find" and base.movies)
    if of_list or not (kept or _meant(part, base.movies, context)):
        base = _last_list(context) or base
    return corrected(part, base, context)


def corrected(part: Part, base: Frame, context: Context) -> list[Frame]:
    """A frame with what was meant instead."""
    field = "movies" if base.movies or not base.liked else "liked"
    mistaken: tuple[Ref, ...] = getattr(base, field)
    meant = _meant(part, mistaken, context)
    if not meant:
        found = changed(part, context, base)
        if part.wants.exclude_genres and not (part.wants.genres or part.wants.tags):
            return [found]
        wants = _unit_kept(part, base)
        named = (wants.genres or wants.tags) and not part.clause.has("refer", "kind")
        return [but(found, filters=wants.filters(_loosened(base.filters, wants), instead=bool(named)))]
    same = [ref for ref in mistaken if ref.title == meant[0].title]
    kept = tuple(meant[0] if ref in same else ref for ref in mistaken) if len(mistaken) > 1 and same else meant
    rated = {ref.movie_id for ref in rated_before(context.dialogue)}
    if base.act == "rate" and (stars := [link.low for _, link in part.clause.links("stars", "number")]):
        return [but(base, **{field: kept}, stars=stars[-1])]
    stored = base.act == "rate" and any(ref.movie_id in rated for ref in mistaken)
    undone = [Frame(act="rate", movies=mistaken)] if stored else []
    return [*undone, but(base, **{field: kept}, follows=True, exclude=())]


def _unit_kept(part: Part, base: Frame) -> Conditions:
    """The bounds that were meant, where a bare number bounds the same as before: "I meant MORE than 100"."""
    clause, low, high = part.clause, base.filters.min_ratings, base.filters.max_ratings
    number = next((int(link.low or 0) for _, link in clause.links("number")), None)
    sides = {"at_least": "min", "more": "min", "at_most": "max", "less": "max"}
    side = next((bound for name, bound in sides.items() if clause.has("bounds", name)), "min" if low else "max")
    if number is None or part.wants.bounds or not (low or high):
        return part.wants
    return replace(part.wants, bounds={f"{side}_ratings": number}, count=None)


def _loosened(filters: Filters, wants: Conditions) -> Filters:
    """Filters without the bounds that are said anew."""
    again = {name[4:] for name in wants.bounds}
    return filters.model_copy(update={f"{side}_{unit}": None for unit in again for side in ("min", "max")})


def _meant(part: Part, mistaken: tuple[Ref, ...], context: Context) -> tuple[Ref, ...]:
    """The movie that was meant instead: named, or of the same title but another year."""
    ids = {ref.movie_id for ref in mistaken}
    others = [ref for ref in context.siblings(mistaken[0]) if ref.movie_id not in ids] if mistaken else []
    twins = {"earlier": others[:1], "later": others[-1:], "other": others[:1]}
    twin = next((refs for name, refs in twins.items() if part.clause.has("refer", name)), [])
    named = (said for said in part.said if said.stance != "excluded" and said.place not in (part.pointed or {}))
    new = tuple(ref for said in named for ref in said.refs if ref.movie_id not in ids)
    if new or not (mistaken and part.wants.years):
        return each_once(new or twin)
    low, high = part.wants.years
    return tuple(ref for ref in others if (low or 0) <= (ref.year or 0) <= (high or 9999))[:1]


def _answer(part: Part, context: Context) -> list[Frame]:
    """A choice from what was offered: what was meant, titles that are liked, or one to hear more of."""
    label, asked, base = part.intent.label, "asked" in context.situation, _last_list(context)
    choices = next((frame.ambiguous for frame in context.before if frame.ambiguous), ())
    if label == "answer.no":
        return [Frame(act="small_talk", aspect="stop")]
    if choices and label in ("answer.yes", "answer.pick") and not part.refs:
        second = part.clause.has("refer", "second") and len(choices) > 1
        return context.reread(choices[1 if second else 0])
    shown = shown_list(context.dialogue)
    if label == "answer.pick":
        numbers = [int(link.low or 0) for _, link in part.clause.links("number")]
        refs = part.refs or tuple(shown[number - 1] for number in numbers if 1 <= number <= len(shown))
        if refs or not asked:
            picked = (
                Frame(act="opinion", liked=refs)
                if asked
                else Frame(act="fact", aspect="everything", movies=refs or context.spoken)
            )
            return [picked]
    if asked or base is None:
        return [Frame(act="recommend", sort="popularity" if asked else None, exclude=shown if asked else ())]
    return [but(base, again=True)]

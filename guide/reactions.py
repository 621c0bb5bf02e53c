"""Messages that go on from earlier ones: "only comedies", "more", "the other one", "the first and third", "yes"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from guide.framing import RATING_ORDERS, but, each_of, era, filtered, framed, list_fields, listed, with_told
from guide.parts import Context, Part
from guide.references import rated_before, shown_list, told_apart
from language.aggregates import aggregate
from language.conditions import Conditions
from language.frame import Frame, Ref
from language.intents import LARGEST, LISTS, SHORT
from language.phrases import table
from language.standing import each_once
from movies.models import Filters

NEWEST_BOUND, FEWEST, MANY = 2012, 10, 15
CENTURY, FIRST_YEAR, LAST_YEAR = 100, 1900, 2030
DAYS = ("01-01", "12-31")
BOUNDS = ("min_ratings", "max_ratings", "min_mean", "max_mean")
SIDES = {"min": ("at_least", "more"), "max": ("at_most", "less")}
YEARS, SUBJECTS = ("year_from", "year_to", "since", "until"), {"act", "users", "movies"}
ON_LISTS = (*LISTS, "opinion", "seen")
OF_MOVIES = ("fact", "predict", "compare", "outside", "why", "choose")
CHANGEABLE = ("fact", "statistic", "ratings", "taste", "predict", "compare", "outside")


def reaction(part: Part, context: Context) -> list[Frame]:
    """The last frame, changed as a part says, or what the answer to a question makes of it."""
    if part.intent.act == "answer" or part.intent.label == "delta.correct":
        return (_answer if part.intent.act == "answer" else _correct)(part, context)
    return _gone_on(part, context)


def _gone_on(part: Part, context: Context) -> list[Frame]:
    """The last frame, or each of the last figures, changed as a part says."""
    more = part.intent.label == "delta.more"
    asked = _asked_before(part, context)
    before = [frame for frame in asked if frame.act in (("ratings",) if more else CHANGEABLE)]
    on_list = any(frame.act in ON_LISTS for frame in asked)
    base = before[-1] if before and not on_list else _last_list(context)
    if base is None or (part.clause.has("refer", "afresh") and not part.wants.empty):
        new = listed(part.to("recommend"), context)
        return [but(new, exclude=each_once([*new.exclude, *context.spoken]))]
    apart = base.act == "find" and base.text and part.refs and part.wants.empty  # "and Heat?" after "is there Ronin?"
    several = [but(frame, follows=True) for frame in context.before if frame.act in LISTS]
    if (
        on_list and len(several) > 1 and all(frame.count for frame in several) and not (more or part.refs)
    ):  # one of them by its kind, else all
        kind = [frame for frame in several if set(part.wants.genres) & set(frame.filters.genres)]
        if kind or not (part.wants.genres or part.wants.tags):
            return [frame for base in kind or several for frame in _changed_each(part, context, base)]
    if more or apart:
        again = but(with_told(narrowed(base, part.wants), part.told), again=True)
        return framed(part.to("fact.everything"), context) if apart else [again]
    if part.clause.has("refer", "figures") and not on_list and before == context.figures[-1:]:
        before = [frame for frame in context.figures if frame.aggregate and frame.aggregate.by == "none"] or before
    bases = before if not on_list and len(before) > 1 and not _names_one(part, before) else [base]
    return [frame for base in bases for frame in _changed_each(part, context, base)]


def _asked_before(part: Part, context: Context) -> list[Frame]:
    """The frames before that a part can change. A title that was looked up is a fact; conditions change no fact."""
    looked_up = {"act": "fact", "aspect": "everything"}
    found = [but(each, **looked_up) if each.act == "find" and each.movies else each for each in context.before]
    adds = any(said.stance == "named" for said in part.said)  # "and Aliens?" after one of two was chosen
    found = [but(each, act="compare", aspect="") if adds and each.act == "choose" else each for each in found]
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
    return _changed_list(part, context, base) if base.act in LISTS else _changed_other(part, base)


def _changed_list(part: Part, context: Context, base: Frame) -> Frame:
    wants, clause = part.wants, part.clause
    instead = len(clause.tokens) <= SHORT or clause.has("instead", "words")
    places = [place for place, _ in clause.links("genre", "tag")]
    others = tuple(name for name in wants.exclude_genres if name not in base.filters.genres)
    if others and len(places) > 1 and places[1] == places[0] + 1:  # "no horror comedies" of horror
        wants = replace(wants, exclude_genres=others)
    if wants.count and wants.count > MANY and any(getattr(base.filters, name) for name in BOUNDS):
        wants = replace(wants, count=None)  # "50 is fine too" of "at least 100 ratings"
    if not (wants.count or wants.years or wants.bounds):
        wants = replace(wants, bounds=_in_place(part, base).bounds)
    frame = narrowed(base, wants, instead=instead and not clause.has("fragment", "adds"))
    frame = filtered(frame, **_bounds(part, context, base))
    then = era(part, context) if clause.has("refer", "same_decade") or clause.has("refer", "same_year") else Filters()
    frame = filtered(frame, **then.model_dump(exclude_defaults=True))
    if wants.novelty and not wants.sort:
        frame = but(frame, sort="rating")
    if part.users:
        frame = but(frame, users=_members(part, base), act="recommend")
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


def _changed_other(part: Part, base: Frame) -> Frame:
    """As in "and 1996?" after a count, "and Heat?" after a fact, "and user 8?" after a taste."""
    clause, wants = part.clause, _in_place(part, base)
    grouped = base.aggregate and base.aggregate.by != "none"
    shows = (
        (clause.has("refer", "show") and clause.has("refer", "of_those"))
        or (wants.sort and not grouped)
        or clause.has("refer", "list")
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
        fields["movies"] = each_once([*base.movies, *part.refs])
    if base.act == "compare" and wants.sort:
        fields["sort"] = wants.sort
    if base.act in ("statistic", "ratings"):
        fields |= _figure(replace(part, wants=wants), but(base, users=users or base.users))
    return but(base, **fields)


def _in_place(part: Part, base: Frame) -> Conditions:
    """The conditions of a part, with what its numbers stand for: "a year earlier", "at least 200"."""
    wants, clause, figure = part.wants, part.clause, base.aggregate
    since = figure.since if figure else None
    year = base.filters.year_from or (int(since[:4]) if since else None)
    moved = clause.has("refer", "year_later") - clause.has("refer", "year_earlier")
    if year and moved and not wants.years:
        span = (base.filters.year_to or year) - year + 1
        return replace(wants, years=(year + moved * span, year + moved * span + span - 1), relative="")
    numbers = [float(link.low or 0) for _, link in clause.links("number")]
    bounds = [name for name in BOUNDS if getattr(base.filters, name)]
    if not (bounds and numbers) or wants.bounds or part.users:
        return wants
    side, unit = bounds[0].split("_")
    side = next((name for name, words in SIDES.items() if any(clause.has("bounds", word) for word in words)), side)
    return replace(wants, bounds={f"{side}_{unit}": numbers[-1]}, count=None)


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
        wants = _in_place(part, base)
        named = (wants.genres or wants.tags) and not part.clause.has("refer", "kind")
        return [but(found, filters=wants.filters(base.filters, instead=bool(named)))]
    same = [ref for ref in mistaken if ref.title == meant[0].title]
    kept = tuple(meant[0] if ref in same else ref for ref in mistaken) if len(mistaken) > 1 and same else meant
    rated = {ref.movie_id for ref in rated_before(context.dialogue)}
    stored = base.act == "rate" and any(ref.movie_id in rated for ref in mistaken)
    undone = [Frame(act="rate", movies=mistaken)] if stored else []
    return [*undone, but(base, **{field: kept}, follows=True, exclude=())]


def _meant(part: Part, mistaken: tuple[Ref, ...], context: Context) -> tuple[Ref, ...]:
    """The movie that was meant instead: named, or of the same title but another year."""
    ids = {ref.movie_id for ref in mistaken}
    others = [ref for ref in context.siblings(mistaken[0]) if ref.movie_id not in ids] if mistaken else []
    named = (said for said in part.said if said.stance != "excluded" and said.place not in (part.pointed or {}))
    new = each_once(ref for said in named for ref in said.refs if ref.movie_id not in ids)
    other = others[:1] if part.clause.has("refer", "other") else ()
    return new or told_apart(part.clause, others, "years")[:1] or tuple(other)


def _answer(part: Part, context: Context) -> list[Frame]:
    """A choice from what was offered: titles that are liked, or one to hear more of."""
    label, asked, base = part.intent.label, "asked" in context.situation, _last_list(context)
    if label == "answer.no":
        return [Frame(act="small_talk", aspect="stop")]
    shown = shown_list(context.dialogue)
    if label == "answer.pick":
        numbers = [int(link.low or 0) for _, link in part.clause.links("number")]
        refs = part.refs or tuple(shown[number - 1] for number in numbers if 1 <= number <= len(shown))
        if asked and refs:
            return [Frame(act="opinion", liked=refs)]
        if not asked:
            return [Frame(act="fact", aspect="everything", movies=refs or context.spoken)]
    if asked or base is None:
        return [Frame(act="recommend", sort="popularity" if asked else None, exclude=shown if asked else ())]
    return [but(base, again=True)]

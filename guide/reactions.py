"""Messages that go on from earlier ones: "only comedies", "more", "the other one", "the first and third", "yes"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from guide.framing import RATING_ORDERS, but, each_of, era, filtered, framed, list_fields, listed, with_told
from guide.parts import Context, Part
from guide.references import rated_before
from guide.salience import shown_list
from language.aggregates import aggregate
from language.conditions import Conditions
from language.frame import Frame, Ref
from language.intents import LISTS, SHORT
from language.phrases import table
from language.standing import each_once
from movies.models import Filters

NEWEST_BOUND, FEWEST = 2012, 10
ON_LISTS = (*LISTS, "opinion", "seen")
OF_MOVIES = ("fact", "predict", "compare", "outside", "why", "choose")
CHANGEABLE = ("fact", "statistic", "ratings", "taste", "predict", "compare", "outside")


def reaction(part: Part, context: Context) -> list[Frame]:
    """The last frame, changed as a part says, or what the answer to a question makes of it."""
    if part.intent.act == "answer" or part.intent.label == "delta.correct":
        return (_answer if part.intent.act == "answer" else _correct)(part, context)
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
    named = part.refs or part.users or part.wants.genres or part.wants.tags
    each = part.refs and all(frame.act == "fact" for frame in before)  # "and Hook?" after two facts of Big
    several = each or (part.clause.has("refer", "each") and not named)
    bases = before if not on_list and before and several else [base]
    return [frame for base in bases for frame in _changed_each(part, context, base)]


def _told_before(part: Part, context: Context) -> Frame | None:
    """What was told of other movies, where names follow it alone: "Pulp Fiction too" after "I've seen Goodfellas"."""
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


def _changed_each(part: Part, context: Context, base: Frame) -> list[Frame]:
    frame = changed(part, context, base)
    counted = frame.act == "statistic" and not part.clause.has("refer", "of_those")
    return each_of(part, frame, frame.users) if counted else [frame]


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
    frame = narrowed(base, wants, instead=instead and not clause.has("fragment", "adds"))
    frame = filtered(frame, **_bounds(part, context, base))
    then = era(part, context) if clause.has("refer", "same_decade") or clause.has("refer", "same_year") else Filters()
    frame = filtered(frame, **then.model_dump(exclude_defaults=True))
    if wants.novelty and not wants.sort:
        frame = but(frame, sort="rating")
    if part.users:
        frame = but(frame, users=part.users, act="recommend")
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
    wants, of_those = part.wants, part.clause.has("refer", "of_those")
    shows = bool(wants.sort or part.clause.has("refer", "show")) if of_those else bool(wants.count)
    if base.act == "statistic" and shows and not part.users:
        return Frame(act="find", filters=wants.filters(base.filters), sort=wants.sort, count=wants.count)
    numbers = [link.low or 0 for _, link in part.clause.links("number", "stars")]
    users = part.users or (
        tuple(map(int, numbers[:1])) if base.users and part.clause.has("fragment", "correcting") else ()
    )
    fields: dict[str, Any] = {"movies": part.refs or base.movies, "users": users or base.users}
    fields["own"] = base.own and not users
    if numbers and (base.aspect == "stars" or base.act == "rate"):
        fields["stars"] = numbers[-1]
    if base.act == "compare" and len(part.refs) == 1 and base.movies:
        fields["movies"] = (base.movies[0], *part.refs)
    if base.act == "compare" and wants.sort:
        fields["sort"] = wants.sort
    if base.act in ("statistic", "ratings"):
        fields |= _figure(part, base, instead=not of_those)
    return but(base, **fields)


def _figure(part: Part, base: Frame, *, instead: bool) -> dict[str, Any]:
    wants, figure = part.wants, base.aggregate
    filters, changed = wants.filters(base.filters, instead=instead), dict[str, Any]()
    asked = aggregate(part.clause, wants, of_someone=bool(base.users) or base.own)
    if figure and (figure.since or figure.until) and wants.years:
        first, last = wants.years
        changed = {"since": f"{first}-01-01" if first else None, "until": f"{last}-12-31" if last else None}
        filters = base.filters
    measured = any(part.clause.has("statistic", name) for name in ("counts", "mean", "min"))
    if measured and not part.clause.has("fragment", "correcting"):
        changed |= {"measure": asked.measure, "of": asked.of}
    changed |= {"by": asked.by} if asked.by != "none" else {}
    changed |= {"ascending": True} if asked.ascending else {}
    named = (name for name in RATING_ORDERS if base.act == "ratings" and part.clause.has("order", name))
    order = next(named, base.order)
    figure = figure.model_copy(update=changed) if figure else None
    count = wants.count or base.count
    return {"aggregate": figure, "filters": filters, "order": order, "count": count, "text": part.series or base.text}


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
    """What was meant, where a bare number bounds the same as before: "I meant MORE than 100"."""
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

"""Messages that go on from earlier ones: "only comedies", "more", "the other one", "the first and third", "yes"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from guide.aggregates import aggregate
from guide.conditions import Conditions
from guide.dialogue import Dialogue
from guide.frame import Frame, Ref
from guide.framing import list_fields, listed, with_told
from guide.intents import LISTS, SHORT
from guide.parts import Context, Part, bare_title
from guide.references import shown_list
from guide.standing import each_once
from movies.models import Filters

MOST_REREAD = 3
NEWEST_BOUND, FEWEST = 2012, 10
Reread = Callable[[str, Context], list[Frame]]


def reaction(part: Part, context: Context, reread: Reread) -> list[Frame]:
    """The last frame, changed as a part says.

    Args:
        part: A part whose intent is a change or an answer.
        context: The conversation.
        reread: Reads a message in a context.
    """
    match part.intent.label:
        case "delta.more":
            return [_more(part, context, reread)]
        case "delta.correct":
            return _correct(part, context, reread)
        case "answer.pick":
            return _pick(part, context, reread)
        case "answer.none":
            return [_none(context)]
        case "answer.yes":
            return _yes(context, reread)
        case "answer.no":
            return [Frame(act="small_talk", aspect="stop")]
        case _:
            return [_narrow(part, context, reread)]


def narrowed(base: Frame, wants: Conditions, *, instead: bool = False) -> Frame:
    """A list under more conditions; `instead` of its genres and tags."""
    fields = {name: value for name, value in list_fields(wants).items() if value not in (None, ())}
    if wants.sort and base.act == "like":
        fields["act"] = "find" if not base.movies else "like"
    return base.model_copy(
        update={**fields, "filters": wants.filters(base.filters, instead=instead), "text": wants.text or base.text}
    )


def _before(context: Context, reread: Reread) -> list[Frame]:
    """The frames of the message before."""
    turns = context.dialogue.turns
    if not turns or context.depth >= MOST_REREAD:
        return []
    return reread(turns[-1].text, Context(Dialogue(turns[:-1]), context.linker, context.depth + 1))


def _last_list(context: Context) -> Frame | None:
    """The last list, to be asked for once more: what it left out because it had been shown may return."""
    frame = context.last_list
    if frame is None:
        return None
    told = context.told
    kept = {ref.movie_id for ref in (*told.seen, *told.excluded, *told.disliked)}
    exclude = tuple(ref for ref in frame.exclude if ref.movie_id in kept)
    return frame.model_copy(update={"follows": True, "exclude": exclude})


def _more(part: Part, context: Context, reread: Reread) -> Frame:
    before = next((frame for frame in _before(context, reread) if frame.act == "ratings"), None)
    base = before or _last_list(context)
    if base is None:
        return listed(part.to("recommend"), context)
    told = part.told
    return with_told(narrowed(base, part.wants), told).model_copy(update={"again": True})


def _narrow(part: Part, context: Context, reread: Reread) -> Frame:
    before = _before(context, reread)
    others = [frame for frame in before if frame.act in _CHANGEABLE]
    base = others[-1] if others and not any(frame.act in _ON_LISTS for frame in before) else _last_list(context)
    if base is None:
        return listed(part.to("recommend"), context)
    return _narrow_list(part, context, base) if base.act in LISTS else _narrow_other(part, base)


_ON_LISTS = (*LISTS, "opinion", "seen")
_CHANGEABLE = ("fact", "statistic", "ratings", "taste", "predict", "compare", "outside")


def _narrow_list(part: Part, context: Context, base: Frame) -> Frame:
    wants = part.wants
    adds = part.clause.has("fragment", "adds")
    frame = narrowed(
        base, wants, instead=not adds and (len(part.clause.tokens) <= SHORT or part.clause.has("instead", "words"))
    )
    last = context.dialogue.last_list
    counts = sorted(getattr(movie, "rating_count", 0) for movie in (last.movies if last else []))
    if wants.novelty and counts:
        fewer = frame.filters.model_copy(update={"max_ratings": max(counts[len(counts) // 2] // 2, FEWEST)})
        frame = frame.model_copy(update={"filters": fewer, "sort": frame.sort if wants.sort else "rating"})
    first, last_year = base.filters.year_from, base.filters.year_to
    for name, years in (("decade", -10), ("decade_later", 10)):
        if first and last_year and part.clause.has("refer", name):
            bounds = {"year_from": first + years, "year_to": last_year + years}
            return frame.model_copy(update={"filters": base.filters.model_copy(update=bounds)})
    if part.users:
        frame = frame.model_copy(update={"users": part.users, "act": "recommend"})
    if wants.relative and not wants.years:
        frame = frame.model_copy(
            update={"filters": frame.filters.model_copy(update=_shifted(wants.relative, base, context))}
        )
    points = part.pointed or {}
    named = each_once(
        ref
        for said in part.said
        if said.stance == "similar" or (said.stance == "named" and said.place not in points)
        for ref in said.refs
    )
    if named:
        frame = frame.model_copy(update={"act": "like", "movies": named, "sort": None})
    return with_told(frame, context.told.without(wants) | part.told)


def _shifted(relative: str, base: Frame, context: Context) -> dict[str, int | None]:
    """Bounds that are older or newer than the seeds of a list, or else than what it showed."""
    last = context.dialogue.last_list
    years = [ref.year for ref in base.movies if ref.year] or [m.year for m in (last.movies if last else []) if m.year]
    if not years:
        return {}
    if relative == "newer":
        return {"year_from": min(max(years) + 1, max(NEWEST_BOUND, min(years) + 1)), "year_to": None}
    return {"year_to": min(years) - 1, "year_from": None}


def _narrow_other(part: Part, base: Frame) -> Frame:
    """As in "and 1996?" after a count, "and Heat?" after a fact, "and user 8?" after a taste."""
    update: dict[str, Any] = {"movies": part.refs or base.movies, "users": part.users or base.users}
    update["own"] = base.own and not part.users
    if base.aspect == "stars" and (numbers := part.clause.links("number", "stars")):
        update["stars"] = numbers[0][1].low
    if base.act == "compare" and len(part.refs) == 1 and base.movies:
        update["movies"] = (base.movies[0], *part.refs)
    if base.act == "statistic" and part.wants.sort and part.clause.has("refer", "of_those"):
        return Frame(act="find", filters=base.filters, sort=part.wants.sort, count=part.wants.count)
    if base.act in ("statistic", "ratings"):
        update |= _figure(part, base)
    return base.model_copy(update=update)


def _figure(part: Part, base: Frame) -> dict[str, Any]:
    wants, of_those = part.wants, part.clause.has("refer", "of_those")
    figure, filters = base.aggregate, wants.filters(base.filters, instead=not of_those)
    if figure and (figure.since or figure.until) and wants.years:
        first, last = wants.years
        days = {"since": f"{first}-01-01" if first else None, "until": f"{last}-12-31" if last else None}
        figure, filters = figure.model_copy(update=days), base.filters
    asked = aggregate(part.clause, of_someone=bool(base.users) or base.own)
    if figure and asked.by != "none":
        figure = figure.model_copy(update={"by": asked.by})
    if figure and asked.ascending:
        figure = figure.model_copy(update={"ascending": True})
    order = {"worst": "lowest", "rating": "highest"}.get(wants.sort or "", base.order)
    return {"aggregate": figure, "filters": filters, "order": order, "text": part.series or base.text}


# Corrections


def _correct(part: Part, context: Context, reread: Reread) -> list[Frame]:
    before = _before(context, reread)
    if not before:
        return [_narrow(part, context, reread)]
    base = _last_list(context) if before[-1].act in _ON_LISTS else before[-1]
    base = base or before[-1]
    twin = part.clause.has("refer", "earlier") or part.clause.has("refer", "later")
    chosen = each_once(ref for said in part.said if twin or said.stance != "excluded" for ref in said.refs)
    mistaken = base.movies or base.liked
    named = _other(part, mistaken, chosen, context) if mistaken else chosen
    if not named:
        changed = _narrow_list(part, context, base) if base.act in LISTS else _narrow_other(part, base)
        if part.wants.genres or part.wants.tags:
            changed = changed.model_copy(update={"filters": part.wants.filters(base.filters, instead=True)})
        return [changed]
    field = "movies" if base.movies or not base.liked else "liked"
    fixed = base.model_copy(update={field: _swapped(getattr(base, field), named), "follows": True, "exclude": ()})
    undone = [Frame(act="rate", movies=mistaken)] if base.act == "rate" and _was_rated(context) else []
    return [*undone, fixed]


def _was_rated(context: Context) -> bool:
    return any(done.name == "rate_movie" and done.movies for done in context.dialogue.turns[-1].done)


def _other(part: Part, mistaken: tuple[Ref, ...], chosen: tuple[Ref, ...], context: Context) -> tuple[Ref, ...]:
    """The movie that was meant instead: named, or of the same title but another year."""
    ids = {ref.movie_id for ref in mistaken}
    if new := tuple(ref for ref in chosen if ref.movie_id not in ids):
        return new
    found = [
        Ref(movie_id=each.movie_id, title=each.title, year=each.year, certainty=1.0)
        for each in context.linker.find(mistaken[0].title)
        if each.movie_id not in ids and bare_title(each.title) == bare_title(mistaken[0].title)
    ]
    low, high = part.wants.years or (None, None)
    if part.wants.years:
        return tuple(ref for ref in found if (low or 0) <= (ref.year or 0) <= (high or 9999))[:1]
    return tuple(found[:1]) if part.clause.has("refer", "other") else ()


def _swapped(before: tuple[Ref, ...], new: tuple[Ref, ...]) -> tuple[Ref, ...]:
    """The new movie in the place of the one of the same title; without such, of all."""
    same = [ref for ref in before if ref.title == new[0].title]
    if len(before) > 1 and same:
        return tuple(new[0] if ref in same else ref for ref in before)
    return new


# Answers to a question


def _pick(part: Part, context: Context, reread: Reread) -> list[Frame]:
    """A choice from what was offered: titles that are liked, or one to hear more of."""
    choices = next((frame.ambiguous for frame in _before(context, reread) if frame.ambiguous), ())
    refs = part.refs or _by_numbers(part, context)
    if "asked" in context.situation:
        liked = Frame(act="opinion", liked=refs)
        return [with_told(liked, context.told) if refs else _none(context)]
    if choices and not part.refs:
        place = 1 if part.clause.has("refer", "second") and len(choices) > 1 else 0
        return reread(choices[place], Context(context.dialogue, context.linker, context.depth + 1))
    return [Frame(act="fact", aspect="everything", movies=refs or context.spoken)]


def _by_numbers(part: Part, context: Context) -> tuple[Ref, ...]:
    shown = shown_list(context.dialogue)
    numbers = [int(link.low or 0) for _, link in part.clause.links("number")]
    return tuple(shown[number - 1] for number in numbers if 1 <= number <= len(shown))


def _none(context: Context) -> Frame:
    base = _last_list(context)
    if base is None or "asked" in context.situation:
        shown = shown_list(context.dialogue) if "asked" in context.situation else ()
        return Frame(act="recommend", sort="popularity", exclude=shown)
    return base.model_copy(update={"again": True})


def _yes(context: Context, reread: Reread) -> list[Frame]:
    choices = next((frame.ambiguous for frame in _before(context, reread) if frame.ambiguous), ())
    if choices:
        return reread(choices[0], Context(context.dialogue, context.linker, context.depth + 1))
    base = _last_list(context)
    return [base.model_copy(update={"again": True}) if base else Frame(act="recommend", filters=Filters())]

"""Scripts for figures over the catalogue: a count, a mean, a ranking of groups, and over what it was taken."""

from __future__ import annotations

from pydantic import JsonValue

from guide.dialogue import Args, Done
from guide.frame import Aggregate
from guide.scripts import Scene, Script, ask, called, ids, problem
from guide.wording import (
    NUMBER_WORDS,
    average,
    capital,
    clean,
    counted,
    item,
    joined,
    kind,
    number_word,
    paragraphs,
    sentence,
    spread,
    stars,
)
from tools.results import Group, QueryResult

GROUPS, MOST_GROUPS = 5, 50
IN_TIME = ("month", "rated_year")
_BY = {
    "genre": ("genre", "genres"),
    "decade": ("decade", "decades"),
    "year": ("year of release", "years of release"),
    "tag": ("tag", "tags"),
    "user": ("user", "users"),
    "month": ("month", "months"),
    "stars": ("number of stars", "numbers of stars"),
    "rated_year": ("year", "years in which it was rated"),
}


def statistic(scene: Scene) -> Script:
    """One figure, or a ranking."""
    asked = scene.frame.aggregate or Aggregate()
    if scene.frame.stars is not None:
        asked = asked.model_copy(update={"of": "ratings", "measure": "histogram", "by": "none"})
    done = yield from ask("query_catalogue", _args(scene, asked))
    if not isinstance(done.result, QueryResult):
        return problem(scene, done)
    found = done.result
    told = _TELL.get(found.measure, _figure)(scene, done, found)
    return paragraphs([told, " ".join(map(sentence, found.notes))])


def _args(scene: Scene, asked: Aggregate) -> Args:
    frame = scene.frame
    filters: Args = frame.filters.model_dump(mode="json", exclude_defaults=True)
    movies: list[JsonValue] = ids((*frame.movies, *frame.liked))
    chronological = asked.by in IN_TIME and asked.sort_by != "mean"
    return {
        "of": asked.of,
        "measure": asked.measure,
        "by": None if asked.by == "none" else asked.by,
        **filters,
        "query": frame.text,
        **scene.whose,
        "own": frame.own and scene.user_id is None,
        "movies": movies,
        "since": asked.since,
        "until": asked.until,
        "sort_by": "name"
        if chronological
        else asked.sort_by
        if asked.by != "none" or asked.measure == "list"
        else None,
        "order": "asc" if asked.ascending or chronological else None,
        "at_least": asked.at_least,
        "limit": min(frame.count or (MOST_GROUPS if chronological else GROUPS), MOST_GROUPS),
    }


# One figure


def _figure(scene: Scene, done: Done, found: QueryResult) -> str:
    if found.by != "none":
        return _ranking(scene, done, found)
    value = {"mean": found.mean, "min": found.min, "max": found.max}.get(found.measure)
    over = _over(scene, done, found)
    if not found.total:
        return f"There are no {over}, so there is no figure to give."
    if value is None:
        return _count(scene, done, found)
    rests = f"{counted(found.total, *_unit(scene, found))}"
    if found.measure == "mean":
        each = " (each one's mean counts once)" if found.of == "movies" else ""
        return f"{capital(over)}: {value:.2f} stars on average, over {rests}{each}."
    word = "lowest" if found.measure == "min" else "highest"
    what = "mean" if found.of == "movies" else "rating"
    return f"{capital(over)}: the {word} {what} is {value:g} stars, of {rests}."


def _unit(scene: Scene, found: QueryResult) -> tuple[str, str]:
    return (scene.nouns.one, scene.nouns.many) if found.of == "movies" else ("rating", "ratings")


def _over(scene: Scene, done: Done, found: QueryResult) -> str:
    """The things that a figure was taken over: "ratings by MovieLens user 7 of comedies given in 2016"."""
    if found.of == "movies":
        return _kind(scene, done)
    whose = f" by {clean(found.whose)}" if found.whose else ""
    narrowed = _kind(scene, done) != scene.nouns.many or scene.frame.movies
    of = f" of {_kind(scene, done)}" if narrowed else ""
    return f"ratings{whose}{of}{_when(done.args)}"


def _kind(scene: Scene, done: Done) -> str:
    if done.args.get("movies"):
        return joined(called((*scene.frame.movies, *scene.frame.liked)))
    about = f" with \u201c{clean(str(done.args['query']))}\u201d in the title" if done.args.get("query") else ""
    return f"{kind(done.args, scene.nouns)}{about}"


def _when(args: Args) -> str:
    """As in "given in 2016", "given from 2016-03-01 to 2016-03-31"."""
    since, until = str(args.get("since") or ""), str(args.get("until") or "")
    if since[4:] == "-01-01" and until[4:] == "-12-31":
        return f" given in {since[:4]}" if since[:4] == until[:4] else f" given from {since[:4]} to {until[:4]}"
    parts = [f"from {since}" if since else "", f"to {until}" if until else ""]
    return f" given {' '.join(part for part in parts if part)}" if since or until else ""


def _count(scene: Scene, done: Done, found: QueryResult) -> str:
    if found.by != "none":
        return _ranking(scene, done, found)
    over, total = _over(scene, done, found), found.total
    be = "is" if total == 1 else "are"
    if found.of == "ratings":
        return (
            f"There {be} {counted(total, 'rating')}{over.removeprefix('ratings')}."
            if total
            else f"There are no {over}."
        )
    everything = scene.info.movies if scene.info else None
    if over == scene.nouns.many and scene.info:
        rest = f"{counted(scene.info.ratings, 'rating')} by {counted(scene.info.users, 'user')}"
        return f"My data has {counted(total, *scene.nouns)} and {rest}."
    if everything is None or done.args.get("movies"):
        return f"My data has {total:,} {over}."
    return f"Of the {everything:,} {scene.nouns.many}, {total:,} {'is among the' if total == 1 else be} {over}."


def _histogram(scene: Scene, done: Done, found: QueryResult) -> str:
    over, told = _over(scene, done, found), spread(found.histogram)
    if (value := scene.frame.stars) is not None and told:
        return f"{found.histogram.get(f'{value:.1f}', 0):,} of the {found.total:,} {over} are {stars(value)}."
    mean = f", {found.mean:.2f} stars on average" if found.mean is not None else ""
    return f"{capital(over)} ({found.total:,}{mean}). {told}." if told else f"There are no {over}."


# Several


def _ranking(scene: Scene, done: Done, found: QueryResult) -> str:
    """Groups in their order, the first of them in the lead."""
    over = _over(scene, done, found)
    if not found.groups:
        return f"There are no {over}, so there is nothing to count."
    lines = [f"{place}. {_group(scene, found, group)}" for place, group in enumerate(found.groups, 1)]
    by, least = done.args.get("sort_by"), done.args.get("at_least")
    order = "in order of time" if by == "name" else _order(done.args, by == "mean")
    several = _BY[found.by][1]
    bound = f", {several} with at least {least:,} only" if isinstance(least, int) else ""
    of_all = f" (of {found.group_count:,} {several})" if found.group_count > len(found.groups) else ""
    return f"{capital(over)} by {_BY[found.by][0]}, {order}{bound}{of_all}:\n\n" + "\n".join(lines)


def _order(args: Args, by_mean: bool) -> str:
    ascending = args.get("order") == "asc"
    return (
        ("lowest mean first" if ascending else "best rated first")
        if by_mean
        else f"{'fewest' if ascending else 'most'} first"
    )


def _group(scene: Scene, found: QueryResult, group: Group) -> str:
    name = clean(group.name)
    if found.by == "user" and name.isdecimal():
        name = f"MovieLens user {name}"
    if found.by == "stars":
        return f"{name} stars: {counted(group.count, *_unit(scene, found))}"
    if found.of == "ratings":
        return f"{name}: {average(group.mean, group.count)}"
    mean = f", {group.mean:.2f} stars on average" if group.mean is not None and found.measure == "mean" else ""
    return f"{name}: {counted(group.count, *_unit(scene, found))}{mean}"


def _list(scene: Scene, done: Done, found: QueryResult) -> str:
    over = _over(scene, done, found)
    if not found.movies:
        return f"There are no {over}."
    lines = "\n".join(item(place, movie) for place, movie in enumerate(found.movies, 1))
    few = number_word(len(found.movies)) if len(found.movies) < len(NUMBER_WORDS) else f"{len(found.movies):,}"
    order = {"mean": _order(done.args, by_mean=True), "count": "most rated first"}.get(
        str(done.args.get("sort_by")), ""
    )
    of_all = f"{few} of {found.total:,}" if found.total > len(found.movies) else f"all {few}"
    return f"{capital(over)}{f', {order}' if order else ''} ({of_all}):\n\n{lines}"


_TELL = {"count": _count, "histogram": _histogram, "list": _list}

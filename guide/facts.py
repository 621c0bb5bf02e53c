"""Scripts for movies and figures: facts of one, a comparison, a statistic over the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from guide import wording
from guide.dialogue import Args, Done
from guide.scripts import Scene, Script, ask, ask_each, called, details_of, ids, problem
from language.frame import Aggregate, Ref
from movies.models import Movie, MovieDetail, WindowStats
from tools.results import Comparison, Group, MovieResult, QueryResult

MOST_MOVIES, MOST_VERSIONS = 4, 10
WINDOWS = (30, 365)
MUCH_ALIKE = 0.3
SURE, RATED, UNSURE = 0.97, 0.85, 0.6
"""Certainty of a title from which no other is spoken of, stars are stored, and another title is no rival."""
PAIR = ((0.0, ""), (0.0, ""))
GROUPS, MOST_GROUPS = 5, 50
BEST: dict[str, tuple[Callable[[Movie], float], str]] = {
    "rating": (lambda movie: movie.score or movie.rating_mean or 0.0, "it is the best liked of them"),
    "worst": (lambda movie: -(movie.rating_mean or 5.0), "it is the least liked of them"),
    "popularity": (lambda movie: movie.rating_count, "it is the most rated of them"),
    "fewest": (lambda movie: -movie.rating_count, "it has the fewest ratings of them"),
    "newest": (lambda movie: movie.year or 0, "it is the newest of them"),
    "oldest": (lambda movie: -(movie.year or 9999), "it is the oldest of them"),
}


def fact(scene: Scene) -> Script:
    """One fact of each movie, or all that is known."""
    frame, told = scene.frame, wording.texts().facts
    days = (frame.window_days,) if frame.window_days else WINDOWS
    windows: Args = {"windows": [*(f"{each}d" for each in days), "all"]} if frame.aspect == "lately" else {}
    most = MOST_VERSIONS if frame.aspect == "versions" else MOST_MOVIES
    dones = yield from ask_each("get_movie", ids(*frame.movies)[:most], windows)
    text = told.get(frame.aspect, told["everything"])
    found = [done.result for done in dones if isinstance(done.result, MovieResult)]
    if not found:
        return problem(scene, dones[0]) if dones else scene.say("which")
    head = f"I have {scene.counted(len(frame.movies))} of that title:" if frame.aspect == "versions" else ""
    return wording.paragraphs([head, *(wording.tidy(text.format_map(_facts(scene, each))) for each in found)])


def _facts(scene: Scene, result: MovieResult) -> dict[str, str]:
    """All that a text about a movie may have in braces."""
    movie, own = result.movie, result.own_stars
    value = scene.frame.stars or 5.0
    high = sum(count for given, count in movie.histogram.items() if float(given) >= 4)
    return wording.facts_of(movie) | {
        "own": f"You gave it {wording.stars(own)}." if own is not None else "",
        "given": f"You gave it {wording.stars(own)}" if own is not None else "You have not rated it yet",
        "high": f"{high:,} of these {movie.rating_count:,} gave it 4 stars or more." if movie.rating_count > 1 else "",
        "stars": wording.stars(value),
        "of_stars": f"{movie.histogram.get(f'{value:.1f}', 0):,} of {wording.counted(movie.rating_count)}",
        "trait": _trait(scene, movie),
        "lately": _lately(result.windows),
    }


def _trait(scene: Scene, movie: MovieDetail) -> str:
    """As in "is it scary?": what its genres and tags say."""
    wanted = {word.lower() for word in (*scene.frame.filters.genres, *scene.frame.filters.tags, scene.frame.text or "")}
    has = wanted & {word.lower() for word in (*movie.genres, *wording.tags_of(movie, 20))}
    return f"Yes, it counts as {wording.joined(sorted(has))}" if has else "Not as far as my data tells"


def _lately(windows: Sequence[WindowStats]) -> str:
    """The ratings over time."""
    spans = {each.window: f"in the last {each.window[:-1]} days" for each in windows} | {"all": "of all time"}
    told = wording.joined(f"{wording.average(each.mean, each.count)} {spans[each.window]}" for each in windows)
    newest = next((f"; my data ends in {each.until:%B %Y}" for each in windows if each.until), "")
    return f"{told}{newest}"


def compare(scene: Scene) -> Script:
    """Movies side by side: which is rated higher, by how much, and what they share."""
    frame = scene.frame
    movies = ids(*frame.movies, *frame.liked, *frame.disliked)[:MOST_MOVIES]
    if len(movies) < 2:
        return (yield from fact(scene)) if movies else scene.say("which_two")
    done = yield from ask("compare_movies", {"movies": movies})
    if not (found := done.result) or not isinstance(found, Comparison):
        return problem(scene, done)
    ranked = sorted(found.movies, key=lambda movie: -(movie.rating_mean or 0))
    lines = [f"- {wording.texts().facts['side_by_side']}".format_map(wording.facts_of(movie)) for movie in ranked]
    first = _first_by(scene, found.movies) if frame.sort in ("newest", "oldest", "popularity") else _winner(ranked)
    return wording.paragraphs(["\n".join(lines), wording.spaced([first, _common(found)])])


def _first_by(scene: Scene, movies: Sequence[MovieDetail]) -> str:
    """As in "Alien (1979) is the oldest of them"."""
    order, reason = BEST[scene.frame.sort or "rating"]
    return f"{wording.named(max(movies, key=order))}: {reason}."


def _winner(movies: Sequence[MovieDetail]) -> str:
    """The one with the highest mean, and by how much, as the figures beside it are rounded. `movies`: best first."""
    rated = [movie for movie in movies if movie.rating_count]
    if len(rated) < 2:
        return "There are too few ratings to tell which is liked better."
    first, second = rated[:2]
    ahead = round(first.rating_mean or 0, 2) - round(second.rating_mean or 0, 2)
    doubt = ", though on very few ratings" if min(first.rating_count, second.rating_count) < wording.FEW_RATINGS else ""
    if not ahead:
        return f"{wording.named(first)} and {wording.named(second)} are rated the same{doubt}."
    return f"{wording.named(first)} is rated {ahead:.2f} stars higher than {wording.named(second)}{doubt}."


def _common(found: Comparison) -> str:
    shared = dict.fromkeys([*found.genres_in_common[:3], *found.tags_in_common[:3]])
    both = "Both" if len(found.movies) == 2 else "All of them"
    common = f"{both} share {wording.joined(map(wording.clean, shared))}." if shared else "They share no genre or tag."
    people = wording.joined(map(wording.clean, found.people_in_common))
    common += f" {people} had a part in {both.lower()}." if people else ""
    alike = len(found.movies) == 2 and (found.taste_likeness or 0) >= MUCH_ALIKE
    return f"{common} Much the same people like them." if alike else common


def alternatives(scene: Scene) -> Script:
    """As in "I took Heat (1995); there is also Heat (1986)", said when a title comes up first."""
    if scene.frame.aspect == "mentioned":
        return ""
    known = set(scene.dialogue.shown)
    refs = [ref for ref in (*scene.frame.movies, *scene.frame.liked) if ref.others and ref.certainty < SURE]
    asks = scene.frame.act == "rate"  # which asks itself where the title is less certain
    unsure = [ref for ref in refs if not {ref.movie_id, *ref.others} & known and not (asks and ref.certainty < RATED)]
    others = yield from details_of([ref.others[0] for ref in unsure[:2]])
    return wording.spaced(map(_taken, unsure, others))


def _taken(ref: Ref, other: MovieResult) -> str:
    if other.movie.title.lower() != ref.title.lower() and ref.certainty >= UNSURE:
        return ""
    return f"I took {called([ref])[0]}; there is also {wording.named(other.movie)}."


# Statistics


def statistic(scene: Scene) -> Script:
    """One figure, or a ranking, and over what it was taken. Of movies that are named: their facts."""
    frame, asked = scene.frame, scene.frame.aggregate or Aggregate()
    whole = asked.by == "none" and asked.measure in ("count", "mean") and not (asked.since or asked.until)
    if frame.movies and (whole or frame.stars is not None) and not (frame.users or frame.own):
        aspect = "rating" if frame.stars is None else "stars"
        about = replace(scene, frame=frame.model_copy(update={"aspect": aspect}))
        return (yield from (compare if len(frame.movies) > 1 else fact)(about))
    if scene.frame.stars is not None:
        asked = asked.model_copy(update={"of": "ratings", "measure": "histogram", "by": "none"})
    done = yield from ask("query_catalogue", _query(scene, asked))
    if not isinstance(done.result, QueryResult):
        return problem(scene, done)
    found, over = done.result, _over(scene, done)
    if not (found.total or found.groups or found.movies):
        told = f"There are no {over}, so the answer is 0."
    elif found.measure in ("min", "max"):
        told = wording.paragraphs([_figure(scene, done, found), wording.numbered(found.movies[:GROUPS])])
    elif found.movies:
        told = f"{wording.capital(over)}{_order(done)}:\n\n{wording.numbered(found.movies)}"
    else:
        told = _ranking(scene, done, found) if found.by != "none" else _figure(scene, done, found)
    ahead = yield from _ahead(scene, asked)
    return wording.paragraphs([told, wording.spaced(map(wording.sentence, found.notes) if found.total else []), ahead])


def _ahead(scene: Scene, asked: Aggregate) -> Script:
    """The first of the figures that a message sets against each other, said after the last of them."""
    alike = [each for each in scene.frames if each.act == "statistic" and each.aggregate == asked and not each.stars]
    single = asked.by == "none" and asked.measure in ("count", "mean")
    if not single or len(alike) < len(PAIR) or scene.frame != alike[-1]:
        return ""
    found: list[tuple[float, str]] = []
    for each in alike:
        about = replace(scene, frame=each)
        done = yield from ask("query_catalogue", _query(about, asked))
        if isinstance(done.result, QueryResult):
            value = done.result.mean if asked.measure == "mean" else done.result.total
            found.append((round(value or 0, 2), _over(about, done)))
    first, second = sorted(found, reverse=True)[:2] if len(found) > 1 else PAIR
    most = "Highest" if asked.measure == "mean" else "Most"
    return f"{most}: {first[1]}." if first[0] > second[0] else ""


def _query(scene: Scene, asked: Aggregate) -> Args:
    frame = scene.frame
    in_time = asked.sort_by == "name"
    ordered = asked.by != "none" or asked.measure == "list"
    return {
        "of": "ratings" if frame.movies else asked.of,
        "measure": asked.measure,
        "by": asked.by if asked.by != "none" else None,
        **scene.filters,
        "query": frame.text,
        **scene.whose,
        "own": frame.own and not frame.users,
        "movies": ids(*frame.movies, *frame.liked),
        "since": asked.since,
        "until": asked.until,
        "sort_by": "name" if in_time else asked.sort_by if ordered else None,
        "order": "asc" if asked.ascending or in_time else None,
        "at_least": asked.at_least,
        "limit": min(frame.count or (MOST_GROUPS if in_time else GROUPS), MOST_GROUPS) if ordered else None,
    }


def _over(scene: Scene, done: Done) -> str:
    """The things that a figure was taken over: "ratings by MovieLens user 7 of comedies, given in 2016"."""
    args, what = done.args, wording.kind(done.args, scene.plural)
    if args.get("query"):
        what += f" with \u201c{wording.clean(str(args['query']))}\u201d in the title"
    if args.get("movies"):
        what = wording.joined(called((*scene.frame.movies, *scene.frame.liked)))
    if args["of"] == "movies":
        return what
    whose = getattr(done.result, "whose", None)
    since, until = str(args.get("since") or ""), str(args.get("until") or "")
    when = [f"from {since}" if since else "", f"to {until}" if until else ""]
    year = since[:4] if since[:4] == until[:4] and since[4:] == "-01-01" and until[4:] == "-12-31" else ""
    by = f"ratings by {wording.clean(whose)}" if whose else "ratings"
    of = f"of {what}" if what != scene.plural else ""
    return wording.spaced(
        [by, of, f"given in {year}" if year else f"given {wording.spaced(when)}" if any(when) else ""]
    )


def _figure(scene: Scene, done: Done, found: QueryResult) -> str:
    over, info, value, measure = _over(scene, done), scene.info, scene.frame.stars, found.measure
    figure = {"mean": found.mean, "min": found.min, "max": found.max}.get(measure)
    words = {
        "over": over,
        "total": f"{found.total:,}",
        "unit": "ratings" if found.of == "ratings" else scene.plural,
        "value": f"{figure or 0:.2f}" if measure == "mean" else f"{figure or 0:g}",
        "mean": f", {found.mean:.2f} stars on average" if found.of == "ratings" and found.mean is not None else "",
        "spread": wording.spread(found.histogram),
        "part": f"{found.histogram.get(f'{value or 0:.1f}', 0):,} of the {found.total:,}",
        "stars": wording.stars(value or 0),
    }
    if found.of == "movies" and done.args.get("min_ratings") == 1 and not done.args.get("max_ratings") and info:
        return scene.say("figure_unrated", rest=f"{info.movies - found.total:,}", movies=f"{info.movies:,}", **words)
    kind: str = "of_stars" if value is not None else measure
    if measure in ("mean", "min", "max") and figure is None:
        kind = "count"
    if measure == "count" and info and found.of == "movies" and not done.args.get("movies"):
        total = found.total if found.as_spelled is None else found.as_spelled
        kind = "catalogue" if over == scene.plural else "count_one" if total == 1 else "count_of"
        words |= {"total": f"{total:,}", "share": f"{total / max(info.movies, 1):.1%}".replace("%", " %")}
        words |= {"movies": f"{info.movies:,}", "ratings": f"{info.ratings:,}", "users": f"{info.users:,}"}
        words |= {f"a_{one}": f"{info.ratings / max(getattr(info, f'{one}s'), 1):,.0f}" for one in ("user", "movie")}
    return scene.say(f"figure_{kind}", **words)


def _ranking(scene: Scene, done: Done, found: QueryResult) -> str:
    """Groups in their order."""
    several, least = wording.texts().groups[found.by], done.args.get("at_least")
    bound = f", of {several} with at least {least:,}" if least else ""
    of_all = f" (of {found.group_count:,} {several})" if found.group_count > len(found.groups) else ""
    lines = [f"{place}. {_group(scene, found, group)}" for place, group in enumerate(found.groups, 1)]
    return f"{wording.capital(_over(scene, done))}, by {several}{_order(done)}{bound}{of_all}:\n\n" + "\n".join(lines)


def _order(done: Done) -> str:
    by, rising = str(done.args.get("sort_by")), done.args.get("order") == "asc"
    orders = {"name": "in order", "mean": "lowest mean first" if rising else "highest mean first"}
    return f", {orders.get(by, 'fewest first' if rising else 'most first')}"


def _group(scene: Scene, found: QueryResult, group: Group) -> str:
    name = wording.clean(group.name)
    name = f"MovieLens {name}" if name.startswith("user ") else f"{name} stars" if found.by == "stars" else name
    if found.of == "ratings" and found.by != "stars":
        return f"{name}: {wording.average(group.mean, group.count)}"
    number = scene.counted(group.count) if found.of == "movies" else wording.counted(group.count)
    mean = f", {group.mean:.2f} stars on average" if group.mean is not None and found.measure == "mean" else ""
    return f"{name}: {number}{mean}"

"""Scripts for one movie or a few: all about them, one fact, a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import JsonValue

from guide.frame import Ref
from guide.scripts import Call, Scene, Script, ask, ask_all, details_of, ids, problem
from guide.wording import (
    FEW_RATINGS,
    average,
    capital,
    clean,
    counted,
    genres_of,
    joined,
    links,
    marked,
    named,
    paragraphs,
    rating_words,
    sentence,
    spread,
    stars,
    tags_of,
)
from movies.models import Movie, MovieDetail, WindowStats
from tools.results import Comparison, MovieResult

MOST_MOVIES = 4
WINDOWS: Sequence[str] = ("30d", "365d", "all")
ENOUGH_RATINGS, TREND = 10, 0.15
MUCH_ALIKE = 0.3


def details(scene: Scene) -> Script:
    """All about each movie."""
    dones = yield from ask_all([Call("get_movie", {"movie": ref}) for ref in ids(scene.frame.movies)[:MOST_MOVIES]])
    found = [done.result for done in dones if isinstance(done.result, MovieResult)]
    return paragraphs([_all(result) for result in found] or [problem(scene, dones[0]) if dones else scene.say("which")])


def fact(scene: Scene) -> Script:
    """One fact of each movie."""
    told = _TELL.get(scene.frame.aspect, _all)
    asks_windows = told is _lately
    calls = [
        Call("get_movie", {"movie": ref, "windows": _windows(scene) if asks_windows else None})
        for ref in ids(scene.frame.movies)[:MOST_MOVIES]
    ]
    dones = yield from ask_all(calls)
    if not dones:
        return scene.say("which")
    found = [done.result for done in dones if isinstance(done.result, MovieResult)]
    if scene.frame.aspect in ("trait", "stars"):
        tell = _trait if scene.frame.aspect == "trait" else _of_stars
        return paragraphs([tell(scene, result) for result in found] or [problem(scene, dones[0])])
    return paragraphs([told(result) for result in found] or [problem(scene, dones[0])])


def compare(scene: Scene) -> Script:
    """Movies side by side: which is rated higher, by how much, and what they share."""
    movies = ids((*scene.frame.movies, *scene.frame.liked, *scene.frame.disliked))[:MOST_MOVIES]
    if len(movies) < 2:
        return (yield from details(scene)) if movies else scene.say("which_two")
    done = yield from ask("compare_movies", {"movies": movies})
    if not isinstance(done.result, Comparison):
        return problem(scene, done)
    return _compared(done.result)


def alternatives(refs: tuple[Ref, ...], spoken_of: tuple[int, ...]) -> tuple[tuple[Ref, Ref], ...]:
    """The refs that could have been another movie, each with that one, unless either was spoken of before."""
    unsure = (ref for ref in refs if ref.others and not {ref.movie_id, *ref.others} & set(spoken_of))
    return tuple((ref, Ref(movie_id=ref.others[0], title=ref.title)) for ref in unsure)[:2]


def remarks(pairs: tuple[tuple[Ref, Ref], ...]) -> Script:
    """As in "I took Heat (1995); there is also Heat (1986)", with the other's name as the catalogue has it."""
    others = yield from details_of(tuple(other for _, other in pairs))
    names = {result.movie.movie_id: named(result.movie) for result in others}
    said = [
        f"I took {capital(clean(ref.title))} ({ref.year}); there is also {names[other.movie_id]}."
        for ref, other in pairs
        if other.movie_id in names
    ]
    return " ".join(said)


# One movie


def _all(result: MovieResult) -> str:
    movie, genres = result.movie, genres_of(result.movie)
    lines = [
        f"{marked(movie)}: {genres or 'no genre in my data'}; {rating_words(movie)}.",
        _own(result),
        f"People tag it {joined(tags_of(movie))}." if tags_of(movie) else "",
        sentence(movie.description) if movie.description else "",
    ]
    return "\n".join(part for part in (" ".join(line for line in lines if line), links(movie)) if part)


def _own(result: MovieResult) -> str:
    return f"You gave it {stars(result.own_stars)}." if result.own_stars is not None else ""


def _year(result: MovieResult) -> str:
    movie = result.movie
    return f"{marked(movie)} is from {movie.year}." if movie.year else f"My data has no year for {marked(movie)}."


def _genres(result: MovieResult) -> str:
    movie = result.movie
    genres = joined(clean(genre) for genre in movie.genres)
    return f"{marked(movie)} is filed under {genres}." if genres else f"My data has no genre for {marked(movie)}."


def _tags(result: MovieResult) -> str:
    tags = joined(tags_of(result.movie, 10))
    return f"People tag {marked(result.movie)} {tags}." if tags else f"Nobody has tagged {marked(result.movie)}."


def _links(result: MovieResult) -> str:
    return f"{marked(result.movie)}: {links(result.movie) or 'my data has no links for it'}"


def _rating(result: MovieResult) -> str:
    movie = result.movie
    told = f"{marked(movie)} has {average(movie.rating_mean, movie.rating_count)}."
    return " ".join(part for part in (told, _own(result)) if part)


def _count(result: MovieResult) -> str:
    movie = result.movie
    if not movie.rating_count or movie.rating_mean is None:
        return f"Nobody has rated {marked(movie)} in my data."
    return f"{marked(movie)} has {counted(movie.rating_count, 'rating')}, {movie.rating_mean:.2f} stars on average."


def _good(result: MovieResult) -> str:
    movie = result.movie
    high = sum(count for value, count in movie.histogram.items() if float(value) >= 4)
    total = sum(movie.histogram.values())
    share = f"{high:,} of these {total:,} gave it 4 stars or more." if total >= FEW_RATINGS else ""
    return " ".join(part for part in (f"{marked(movie)} is {rating_words(movie)}.", share, _own(result)) if part)


def _histogram(result: MovieResult) -> str:
    movie = result.movie
    if not (told := spread(movie.histogram)):
        return f"Nobody has rated {marked(movie)} in my data."
    return f"{marked(movie)} has {average(movie.rating_mean, movie.rating_count)}. {told}."


def _given(result: MovieResult) -> str:
    return _own(result).replace("it", named(result.movie), 1) or f"You have not rated {marked(result.movie)} yet."


def _lately(result: MovieResult) -> str:
    if not result.movie.rating_count:
        return f"{marked(result.movie)} has no ratings in my data."
    newest = max((window.until for window in result.windows if window.until), default=None)
    until = f" These times end with the newest rating of my data, in {newest:%B %Y}." if newest else ""
    return f"{marked(result.movie)}: {joined(map(_window, result.windows))}.{until} {_trend(result.windows)}"


def _windows(scene: Scene) -> list[JsonValue]:
    days = scene.frame.window_days
    return [f"{days}d", "all"] if days else list(WINDOWS)


def _window(window: WindowStats) -> str:
    name = "of all time" if window.window == "all" else f"in the last {_length(window.window)}"
    return f"{average(window.mean, window.count)} {name}"


def _length(window: str) -> str:
    return f"{window[:-1]} {'hours' if window.endswith('h') else 'days'}"


def _trend(windows: list[WindowStats]) -> str:
    overall = next((window.mean for window in windows if window.window == "all"), None)
    recent = next((each.mean for each in windows if each.window != "all" and each.count >= ENOUGH_RATINGS), None)
    if overall is None or recent is None:
        return "That is too little lately to speak of a trend."
    if abs(recent - overall) < TREND:
        return "It has held steady."
    return f"It is liked {'better' if recent > overall else 'less'} lately than on the whole."


_TELL: dict[str, Callable[[MovieResult], str]] = {
    "year": _year,
    "genres": _genres,
    "tags": _tags,
    "links": _links,
    "rating": _rating,
    "count": _count,
    "good": _good,
    "histogram": _histogram,
    "own": _given,
    "lately": _lately,
}


def _trait(scene: Scene, result: MovieResult) -> str:
    """As in "is it scary?": what its genres and tags say."""
    movie, filters = result.movie, scene.frame.filters
    tags = tags_of(movie, 20)
    wanted = {word.lower() for word in (*filters.genres, *filters.tags)} or {(scene.frame.text or "").lower()}
    has = wanted & {word.lower() for word in (*movie.genres, *tags)}
    verdict = f"Yes, as {joined(sorted(has))}" if has else "Not as far as my data tells"
    tagged = f" and tagged {joined(tags[:5])}" if tags else ""
    return f"{verdict}: {marked(movie)} is filed under {genres_of(movie) or 'no genre'}{tagged}."


def _of_stars(scene: Scene, result: MovieResult) -> str:
    """As in "how many 5-star ratings does it have?"."""
    movie, value = result.movie, scene.frame.stars or 5.0
    count = movie.histogram.get(f"{value:.1f}", 0)
    return f"{count:,} of the {counted(movie.rating_count, 'rating')} of {marked(movie)} are {stars(value)}."


# Several


def _compared(result: Comparison) -> str:
    lines = [f"- {marked(movie)}: {genres_of(movie) or 'no genre'}; {rating_words(movie)}." for movie in result.movies]
    return paragraphs(["\n".join(lines), " ".join(part for part in (_winner(result.movies), _common(result)) if part)])


def _winner(movies: list[MovieDetail]) -> str:
    """The one with the highest mean, and by how much, as the figures beside it are rounded."""
    means = sorted(((_mean(movie), movie) for movie in movies if movie.rating_count), key=lambda pair: -pair[0])
    if len(means) < 2:
        return "There are too few ratings to tell which is liked better."
    (best, first), (next_best, second) = means[:2]
    if best == next_best:
        return f"{named(first)} and {named(second)} are rated the same."
    few = first.rating_count < FEW_RATINGS or second.rating_count < FEW_RATINGS
    doubt = ", though on very few ratings" if few else ""
    return f"{named(first)} is rated higher than {named(second)}, by {best - next_best:.2f} stars{doubt}."


def _mean(movie: Movie) -> float:
    return round(movie.rating_mean or 0, 2)


def _common(result: Comparison) -> str:
    shared = [*result.genres_in_common[:3], *result.tags_in_common[:3]]
    both = "Both" if len(result.movies) == 2 else "All of them"
    common = f"{both} share {joined(clean(each) for each in dict.fromkeys(shared))}." if shared else ""
    likeness = result.taste_likeness
    alike = len(result.movies) == 2 and likeness is not None and likeness >= MUCH_ALIKE
    return f"{common} Much the same people like them." if alike else common or "They have no genre or tag in common."

"""Scripts for the talk itself: what was shown, one to choose, courtesies, the limits of the data, a question back."""

from __future__ import annotations

from collections.abc import Iterable

from guide.dialogue import Done
from guide.lists import recommend
from guide.scripts import Scene, Script, details_of, says
from guide.wording import (
    capital,
    clean,
    genres_of,
    item,
    joined,
    links,
    marked,
    named,
    paragraphs,
    rating_of,
    rating_words,
    tags_of,
    texts,
)
from movies.models import Filters, Movie, MovieName
from tools.results import MovieResult, RatingList

MOST_RECALLED = 10


def recall(scene: Scene) -> Script:
    """The movies that were meant, or a list of before: the first one, or the last."""
    lists = [done for done in scene.dialogue.done if done.is_list or isinstance(done.result, RatingList)]
    if scene.frame.movies:
        found = [movie for movie in _known(scene.dialogue.done) if movie.movie_id in _refs(scene)]
        if found:
            return says_list(scene.say("recalled"), found)
        return paragraphs([_all(result) for result in (yield from details_of(scene.frame.movies))])
    if not lists:
        return scene.say("out_of_sight" if scene.dialogue.trimmed else "nothing_shown")
    done = lists[0] if scene.frame.aspect == "first" else lists[-1]
    return says_list(scene.say("recalled"), done.movies[:MOST_RECALLED])


def says_list(heading: str, movies: Iterable[MovieName]) -> str:
    """Movies of earlier results as a list."""
    lines = (
        item(place, movie) if isinstance(movie, Movie) else f"{place}. {marked(movie)}"
        for place, movie in enumerate(movies, 1)
    )
    return f"{heading}\n\n" + "\n".join(lines)


def _all(result: MovieResult) -> str:
    return f"{marked(result.movie)} is {rating_words(result.movie)}."


def _refs(scene: Scene) -> set[int]:
    return {ref.movie_id for ref in scene.frame.movies}


def _known(done: Iterable[Done]) -> list[Movie]:
    """Every movie of the results, each once, as it was shown first."""
    movies: dict[int, Movie] = {}
    for each in done:
        for movie in each.movies:
            if isinstance(movie, Movie):
                movies.setdefault(movie.movie_id, movie)
    return list(movies.values())


def choose(scene: Scene) -> Script:
    """One of those that were shown, and the reason; without any, one to begin with."""
    last, frame = scene.dialogue.last_list, scene.frame
    ids = _refs(scene) or {movie.movie_id for movie in (last.movies if last else [])}
    among = [movie for movie in _known(scene.dialogue.done) if movie.movie_id in ids]
    if not among:
        return (yield from recommend(_one(scene)))
    fit = [movie for movie in among if _passes(movie, frame.filters)]
    if not fit:
        return scene.say("none_of_these", titles=joined(map(named, among[:3]), "or"))
    if frame.filters != Filters() and len(fit) > 1 and frame.sort is None and frame.count != 1:
        return says_list(scene.say("these_of_them"), fit)
    best = _ORDER.get(frame.sort or "rating", _ORDER["rating"])
    chosen = max(fit, key=best[0]) if len(fit) > 1 else fit[0]
    return _chosen(scene, chosen, best[1] if len(fit) > 1 else "")


def _one(scene: Scene) -> Scene:
    frame = scene.frame.model_copy(update={"act": "recommend", "count": 1, "sort": scene.frame.sort or "popularity"})
    return Scene(frame, scene.dialogue, scene.beside, scene.info)


def _chosen(scene: Scene, movie: Movie, reason: str) -> str:
    tags = tags_of(movie, 3)
    about = "; ".join(part for part in (genres_of(movie), f"tagged {', '.join(tags)}" if tags else "") if part)
    return scene.say("chosen", title=marked(movie), reason=reason, rating=rating_of(movie), about=about).replace(
        " ()", ""
    )


def _score(movie: Movie) -> float:
    return movie.score if movie.score is not None else movie.rating_mean or 0.0


_ORDER = {
    "rating": (_score, "it is the best liked of them"),
    "worst": (lambda movie: -(movie.rating_mean or 5.0), "it is the least liked of them"),
    "popularity": (lambda movie: float(movie.rating_count), "it is the most rated of them"),
    "newest": (lambda movie: float(movie.year or 0), "it is the newest of them"),
    "oldest": (lambda movie: -float(movie.year or 9999), "it is the oldest of them"),
}


def _passes(movie: Movie, filters: Filters) -> bool:
    genres, tags = {genre.lower() for genre in movie.genres}, {tag.lower() for tag in movie.tags}
    first, last = filters.year_from or 0, filters.year_to or 9999
    return (
        all(genre.lower() in genres for genre in filters.genres)
        and not any(genre.lower() in genres for genre in filters.exclude_genres)
        and all(tag.lower() in tags for tag in filters.tags)
        and first <= (movie.year or first) <= last
    )


def small_talk(scene: Scene) -> Script:
    """Courtesies, help, and starting over; for some another text as long as nothing was looked up."""
    kind = scene.frame.aspect
    if kind == "repeat":
        turns = scene.dialogue.turns
        return says((turns and turns[-1].answer) or scene.say("nothing_shown"))
    early = f"{kind}_early"
    if not scene.dialogue.done and early in texts().say:
        kind = early
    return says(scene.say(kind if kind in texts().say else "greet"))


def outside(scene: Scene) -> Script:
    """Something that the data does not know: an honest sentence, and what it knows instead."""
    frame = scene.frame
    kind = f"outside_{frame.aspect}"
    topic = texts().topics.get(frame.aspect, "")
    if kind in texts().say:
        return scene.say(kind)
    if not topic:
        return scene.say("outside")
    if not frame.movies:
        return scene.say("lack", topic=topic)
    found = yield from details_of(frame.movies[:2])
    return paragraphs([scene.say("lack_of", topic=topic), *map(_known_instead, found)])


def _known_instead(result: MovieResult) -> str:
    movie, tags = result.movie, joined(tags_of(result.movie))
    told = f"What I do know of {marked(movie)}: {genres_of(movie) or 'no genre'}; {rating_words(movie)}."
    more = links(movie)
    return " ".join(
        part for part in (told, f"People tag it {tags}." if tags else "", more and f"More at {more}") if part
    )


def unclear(scene: Scene) -> Script:
    """One question with choices."""
    choices = [clean(choice) for choice in scene.frame.ambiguous[:3]]
    if choices:
        return says(scene.say("unclear_choices", choices=joined(choices, "or")))
    if scene.frame.movies:
        title = joined(named(MovieName(movie_id=0, title=ref.title, year=ref.year)) for ref in scene.frame.movies[:2])
        return says(scene.say("unclear_movie", title=title))
    return says(scene.say("unclear"))


def unmet(scene: Scene) -> str:
    """A sentence on conditions that were understood and could not be applied."""
    said = [clean(part) for part in scene.frame.unmet]
    return capital(scene.say("unmet", what="” or “".join(said))) if said else ""

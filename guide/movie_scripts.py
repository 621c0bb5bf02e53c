"""Scripts about one movie, two compared, or one person."""

from __future__ import annotations

from collections.abc import Callable
from difflib import SequenceMatcher

from guide import wording
from guide.intents import Intent
from guide.recall import Args, Done, Ref, plain_title
from guide.scene import DEFAULT_LIMIT, Call, Scene, Script, fits, problem, shown
from movies.models import MovieDetail
from tools.results import Comparison, MovieResult, MovieStats, Prediction, Rated, RatingList, TasteProfile


def _read_as(scene: Scene, done: Done) -> str:
    """A remark on how titles were understood, where that was not told before."""
    return wording.remarks(done.resolved, known=scene.told)


def details(scene: Scene) -> Script:
    """All about one movie, or two."""
    parts: list[str] = []
    for ref in scene.intent.refs[:2]:
        done = yield Call("get_movie", {"movie": ref})
        if not isinstance(done.result, MovieResult):
            return problem(scene, done)
        told = _ASKED.get(scene.intent.topic, wording.details)(done.result.movie)
        parts += [told, _read_as(scene, done)]
    if scene.intent.topic == "choice":
        parts.append("Enjoy it! Tell me afterwards how many stars you'd give it.")
    return wording.paragraphs(parts)


def _year(movie: MovieDetail) -> str:
    return (
        f"{wording.clean(movie.title)} is from {movie.year}."
        if movie.year
        else f"My data has no year for {wording.clean(movie.title)}."
    )


def _genre(movie: MovieDetail) -> str:
    return (
        f"{wording.named(movie)} is filed under {wording.genres_of(movie)}."
        if movie.genres
        else f"My data has no genre for {wording.named(movie)}."
    )


def _tags(movie: MovieDetail) -> str:
    tags = wording.tags_of(movie, 10)
    return (
        f"People tag {wording.named(movie)} {wording.joined(tags)}."
        if tags
        else f"Nobody has tagged {wording.named(movie)} in my data."
    )


def _links(movie: MovieDetail) -> str:
    return wording.named(movie) + (wording.links(movie) or ": my data has no links for it.")


_ASKED: dict[str, Callable[[MovieDetail], str]] = {"year": _year, "genre": _genre, "tags": _tags, "links": _links}


def rated(scene: Scene) -> Script:
    """Is it any good?"""
    done = yield Call("get_movie", {"movie": scene.intent.refs[0]})
    if not isinstance(done.result, MovieResult):
        return problem(scene, done)
    movie = done.result.movie
    said = f"{wording.named(movie)} is {wording.rating_words(movie)}. {wording.spread(movie.histogram)}".strip()
    return wording.paragraphs([said, _read_as(scene, done)])


def lately(scene: Scene) -> Script:
    done = yield Call("rating_stats", {"movie": scene.intent.refs[0]})
    if not isinstance(done.result, MovieStats):
        return problem(scene, done)
    return wording.paragraphs([wording.statistics(done.result), _read_as(scene, done)])


def fact(scene: Scene) -> Script:
    """A fact that the data does not hold: say so, and tell what it does hold."""
    lack = f"My data has no {scene.intent.topic}"
    if not scene.intent.refs:
        if scene.intent.topic == "running times":
            return (
                f"{lack}, so I can't sort films by length. I can go by genre, years, mood, and how well they are liked."
            )
        return f"{lack}. It holds titles, years, genres, tags and ratings."
    done = yield Call("get_movie", {"movie": scene.intent.refs[0]})
    if not isinstance(done.result, MovieResult):
        return problem(scene, done)
    movie = done.result.movie
    if (
        scene.memory.last
        and isinstance(scene.memory.last.result, MovieResult)
        and scene.memory.last.result.movie.movie_id == movie.movie_id
    ):
        return f"{lack}, so I can't say." + (
            f" These may say:{wording.links(movie)}" if wording.links(movie) and "names" not in lack else ""
        )
    links = " The links may tell you more." if wording.links(movie) and "names" not in lack else ""
    return wording.paragraphs(
        [f"{lack}, so I can't say.{links} What I do know: {wording.details(movie)}", _read_as(scene, done)]
    )


def trait(scene: Scene) -> Script:
    """As in "Is it scary?": what genres and tags say."""
    done = yield Call("get_movie", {"movie": scene.intent.refs[0]})
    if not isinstance(done.result, MovieResult):
        return problem(scene, done)
    movie, wanted = done.result.movie, scene.wish.genres or (scene.wish.mood.genres if scene.wish.mood else ())
    tags = wording.tags_of(movie, 20)
    labels = scene.wish.mood.tags if scene.wish.mood else ()
    hit = any(genre in movie.genres for genre in wanted) if not labels else any(tag in labels for tag in tags)
    if not wanted and not labels:
        return _tagged_so(scene, movie)
    told = f"it is filed under {wording.genres_of(movie)}" + (f" and tagged {wording.joined(tags[:5])}" if tags else "")
    return f"{'It seems so' if hit else 'Not as far as my data tells'}: {wording.named(movie)} \u2013 {told}. {wording.remarks(done.result.resolved)}".strip()


def _tagged_so(scene: Scene, movie: MovieDetail) -> str:
    """As in "is it violent?": a word that is no genre and no mood may still be a tag."""
    word, tags = scene.intent.topic.lower(), wording.tags_of(movie, 20)
    hit = next((tag for tag in tags if word in tag.lower().split()), None)
    if hit:
        return f"People do tag {wording.named(movie)} \u201c{hit}\u201d."
    known = f" What they do tag it: {wording.joined(tags[:5])}." if tags else ""
    return f"I can't tell: nobody tags {wording.named(movie)} \u201c{wording.clean(word)}\u201d, and all else I have is its genres, {wording.genres_of(movie)}.{known}"


def compare(scene: Scene) -> Script:
    done = yield Call("compare_movies", {"movies": list(scene.intent.refs[:4])})
    if not isinstance(done.result, Comparison):
        return problem(scene, done)
    return wording.paragraphs([wording.comparison(done.result), _read_as(scene, done)])


def lookup(scene: Scene) -> Script:
    """A bare title or a few words: the movie of that name, else a search, else an honest shrug."""
    ref = scene.intent.refs[0]
    done = yield Call("get_movie", {"movie": ref})
    if isinstance(done.result, MovieResult) and _is_meant(scene.intent, done.result, ref):
        return wording.paragraphs([wording.details(done.result.movie), _read_as(scene, done)])
    if scene.intent.topic == "exactly":
        return scene.say("unknown")
    found = yield Call("search_movies", {"query": scene.intent.given or str(ref), "limit": DEFAULT_LIMIT})
    if fits(scene.intent.given or str(ref), found):
        return (
            yield from shown(
                scene,
                found,
                f"I have no film called \u201c{wording.clean(scene.intent.given)}\u201d. The nearest I found:",
            )
        )
    return scene.say("unknown")


def _is_meant(intent: Intent, result: MovieResult, ref: Ref) -> bool:
    """True if the movie found is what was written, and not just the nearest of all."""
    if isinstance(ref, int):
        return True
    words, title = plain_title(intent.given or ref).split(), plain_title(result.movie.title).split()
    if (intent.given or ref).isdecimal():
        return words[:1] == title[:1]
    if intent.topic == "exactly":
        return SequenceMatcher(None, words, title).ratio() >= SAME_TITLE
    return bool(set(words) & set(title)) or len(words) <= 2


SAME_TITLE = 0.85


def rate(scene: Scene) -> Script:
    """Store stars for what was named: one movie, or each of "them"."""
    if not scene.intent.refs:
        return scene.say("which")
    if scene.intent.stars is None:
        return f"{scene.intent.given} doesn't fit: stars go from half a star to five. Try \u201crate it 4\u201d or \u201c8/10\u201d."
    parts: list[str] = []
    for ref in scene.intent.refs[:MOST_RATED]:
        done = yield Call("rate_movie", {"movie": ref, "stars": scene.intent.stars})
        if not isinstance(done.result, Rated):
            return wording.paragraphs([*parts, problem(scene, done)])
        parts += [wording.rated(done.result, scene.intent.given), _read_as(scene, done)]
    return wording.paragraphs(parts)


MOST_RATED = 5


def ratings(scene: Scene) -> Script:
    order = scene.intent.topic
    args: Args = {"order": order, "limit": scene.wish.limit or (10 if order == "newest" else 5)}
    done = yield Call("get_user_ratings", _of_user(scene, args))
    return wording.ratings(done.result, order) if isinstance(done.result, RatingList) else problem(scene, done)


def _of_user(scene: Scene, args: Args) -> Args:
    return args if scene.user_id is None else {"user_id": scene.user_id, **args}


def taste(scene: Scene) -> Script:
    done = yield Call("taste_profile", _of_user(scene, {}))
    if not isinstance(done.result, TasteProfile):
        return problem(scene, done)
    return wording.paragraphs([wording.taste(done.result), wording.remarks((), scene.news(done.result.notes))])


def predict(scene: Scene) -> Script:
    done = yield Call("predict_rating", _of_user(scene, {"movie": scene.intent.refs[0]}))
    if not isinstance(done.result, Prediction):
        return problem(scene, done)
    return f"{wording.prediction(done.result)} {wording.remarks((), scene.news(done.result.notes))}".strip()

"""Scripts that end in a list of movies: recommendations, likenesses, searches, and going on with the last list."""

from __future__ import annotations

from collections.abc import Callable, Generator

from pydantic import JsonValue

from guide.dialogue import Args, Done
from guide.facts import details
from guide.frame import Frame, Ref
from guide.scripts import LISTS, Calls, Dones, Scene, Script, ask, called, given, ids, problem
from guide.wording import capital, item, joined, kind, listing, named, number_word, paragraphs, rating_of, sentence
from movies.models import Movie, MovieList, MovieName
from tools.results import QueryResult, Questions

LIMIT, LARGEST = 5, 50
MOST_EXCLUDED, MOST_LIKED, MOST_SEEDS, MOST_MEMBERS = 50, 30, 5, 8
LEAST_FOR_WORST = 20
"""Fewest ratings of the worst, where no other bound was named: one person's half star says little."""
MOST_TRIES = 3

_Search = Generator[Calls, Dones, Done]


def recommend(scene: Scene) -> Script:
    """From likes, words, one's own ratings or those of others; from nothing, a question first."""
    frame = scene.frame
    if frame.users and (len(frame.users) > 1 or frame.own):
        return (yield from group(scene))
    if frame.sort not in (None, "relevance") or (frame.window_days and not _liked(frame)):
        return (yield from find(scene))
    likes: Args = {"liked": _liked(frame), "disliked": ids(frame.disliked)[:MOST_LIKED], "text": frame.text}
    done = yield from ask("recommend", {**likes, **scene.whose, **listing_args(scene)})
    unknown = isinstance(done.result, MovieList) and done.result.basis == "popular" and not frame.users
    if unknown and not given({**likes, **_filters(frame)}) and not _was_asked(scene):
        return (yield from _question(scene, done))
    return (yield from shown(scene, done))


def opinion(scene: Scene) -> Script:
    """Likes and dislikes that were told: taken up at once, unless the same message goes on to ask for a list."""
    if LISTS & set(scene.beside):
        return ""
    frame = scene.frame
    if not (frame.liked or frame.disliked or frame.movies):
        return scene.say("praise")
    return (yield from recommend(scene))


def group(scene: Scene) -> Script:
    """For several people at once."""
    frame = scene.frame
    members: list[JsonValue] = [{"user_id": user} for user in frame.users]
    if frame.own or frame.liked:
        members.insert(0, given({"liked": _liked(frame), "disliked": ids(frame.disliked)}))
    done = yield from ask("recommend_for_group", {"members": members[:MOST_MEMBERS], **listing_args(scene)})
    return (yield from shown(scene, done))


def like(scene: Scene) -> Script:
    """Movies like one or several; with words or dislikes beside them they count as likes."""
    frame = scene.frame
    if not frame.movies:
        return (yield from recommend(scene))
    if frame.text or frame.disliked:
        likes: Args = {"liked": _liked(frame), "disliked": ids(frame.disliked), "text": frame.text}
        return (yield from shown(scene, (yield from ask("recommend", likes | listing_args(scene)))))
    seeds = ids((*frame.movies, *frame.liked))[:MOST_SEEDS]
    return (yield from shown(scene, (yield from ask("similar_movies", {"movies": seeds, **listing_args(scene)}))))


def find(scene: Scene) -> Script:
    """A list by conditions and order alone; titles alone: all about these."""
    frame = scene.frame
    if frame.movies and frame.sort is None:
        return (yield from details(scene))
    return (yield from shown(scene, (yield from _found(scene))))


def _found(scene: Scene) -> _Search:
    """By conditions. Where it was said how many ratings are enough, a mean is a mean; else it is weighed by them."""
    frame, args = scene.frame, listing_args(scene)
    plain = not (frame.text or frame.window_days or frame.diversity or frame.novelty or given(args).get("exclude"))
    if frame.sort == "rating" and frame.filters.min_ratings and plain:
        by_mean: Args = {"of": "movies", "measure": "list", "sort_by": "mean", "limit": args["limit"]}
        return (yield from ask("query_catalogue", by_mean | _filters(frame)))
    if frame.sort == "worst" and not frame.filters.min_ratings:
        args |= {"min_ratings": LEAST_FOR_WORST}
    args |= {"query": frame.text, "sort": frame.sort, "window_days": frame.window_days}
    return (yield from ask("search_movies", args))


def seen(scene: Scene) -> Script:
    """Seen movies leave the list at once, and it goes on with others."""
    last, movies = scene.dialogue.last_list, scene.frame.movies
    if LISTS & set(scene.beside):
        return ""
    if last is None or not isinstance(last.result, MovieList):
        return scene.say("seen_early", titles=joined(called(movies)) or "that")
    gone = [*ids(movies), *(movie.movie_id for movie in last.movies), *_many(last.args, "exclude")]
    args = last.args | {"exclude": list(dict.fromkeys(gone))[:MOST_EXCLUDED]}
    wanted = scene.frame.count or len([ref for ref in movies if ref.movie_id in _ids(last)]) or len(last.movies)
    done = yield from ask(last.name, args | {"limit": min(wanted, LARGEST)})
    titles = joined(called(movies)) if 0 < len(movies) <= LIMIT else "those"
    return (
        yield from shown(scene, done, lambda found: scene.lead("seen", titles=titles, what=described(scene, found)))
    )


# Arguments


def listing_args(scene: Scene) -> Args:
    """The arguments that every list takes."""
    frame = scene.frame
    exclude: list[JsonValue] = [*frame.exclude_series, *ids(frame.exclude)]
    if frame.again:
        exclude += [movie_id for movie_id in scene.dialogue.shown if movie_id not in exclude]
    return {
        "limit": max(1, min(frame.count or LIMIT, LARGEST)),
        **_filters(frame),
        "exclude": exclude[:MOST_EXCLUDED],
        "exclude_shown": len(exclude) > MOST_EXCLUDED,
        "diversity": frame.diversity,
        "novelty": frame.novelty,
    }


def _filters(frame: Frame) -> Args:
    filters: Args = frame.filters.model_dump(mode="json", exclude_defaults=True)
    return filters


def _liked(frame: Frame) -> list[JsonValue]:
    return ids((*frame.movies, *frame.liked))[:MOST_LIKED]


def _many(args: Args, name: str) -> list[JsonValue]:
    value = args.get(name)
    return value if isinstance(value, list) else []


def _ids(done: Done) -> set[int]:
    return {movie.movie_id for movie in done.movies}


# Nothing known


def _was_asked(scene: Scene) -> bool:
    return any(isinstance(done.result, Questions) for done in scene.dialogue.done)


def _question(scene: Scene, popular: Done) -> Script:
    """Taste unknown: ask which of some telling movies they liked, with a safe bet for the impatient."""
    asked = yield from ask("next_question", {"limit": 4})
    if not isinstance(asked.result, Questions) or not asked.result.movies:
        return (yield from shown(scene, popular))
    lines = (item(place, movie) for place, movie in enumerate(asked.result.movies, 1))
    safe = next((movie for movie in popular.movies if movie.movie_id not in _ids(asked)), None)
    bet = scene.say("safe_bet", title=named(safe), rating=rating_of(safe)) if isinstance(safe, Movie) else ""
    return paragraphs([scene.say("taste_unknown"), "\n".join(lines), bet])


# A list in words


def shown(scene: Scene, done: Done, heading: Callable[[Done], str] | None = None) -> Script:
    """Word a list. One that is empty is asked for again with the least important condition dropped, and that is said.

    Args:
        scene: What the list was asked for.
        done: The call that made it.
        heading: How to introduce the list that is shown in the end; the usual way if left out.
    """
    first, dropped = done, ""
    for _ in range(MOST_TRIES):
        if done.movies or (name := _least(done)) is None:
            break
        dropped = "; ".join(part for part in (dropped, _DROPPED[name]) if part)
        done = yield from ask(done.name, {key: value for key, value in done.args.items() if key not in _WITH[name]})
    if not done.movies:
        return problem(scene, first) if first.error else _nothing(scene, first)
    head = (heading or (lambda found: _heading(scene, found)))(done)
    if dropped:
        head = scene.lead("loosened", asked=described(scene, first), dropped=dropped, what=described(scene, done))
    return paragraphs([f"{head}\n\n{_listed(scene, done)}", *_after(scene, done)])


def _nothing(scene: Scene, done: Done) -> str:
    kind_of = "no_more" if scene.frame.again or scene.frame.act == "seen" else "nothing"
    return paragraphs([scene.say(kind_of, what=described(scene, done)), scene.suggestion])


_WITH: dict[str, tuple[str, ...]] = {
    "window_days": ("window_days",),
    "max_ratings": ("max_ratings",),
    "min_ratings": ("min_ratings",),
    "min_mean": ("min_mean", "max_mean"),
    "exclude_tags": ("exclude_tags",),
    "tags": ("tags",),
    "text": ("text",),
    "year_from": ("year_from", "year_to"),
    "year_to": ("year_from", "year_to"),
    "genres": ("genres",),
}  # the least important condition first; what was excluded stays excluded
_DROPPED = {
    "window_days": "whenever they were rated",
    "max_ratings": "better-known ones included",
    "min_ratings": "lesser-known ones included",
    "min_mean": "whatever their mean",
    "exclude_tags": "whatever they are tagged",
    "tags": "whatever they are tagged",
    "text": "whatever they are about",
    "year_from": "from any year",
    "year_to": "from any year",
    "genres": "of any genre",
}


def _least(done: Done) -> str | None:
    """The condition to drop: the one that a refusal names, else the least important; None where nothing would be left."""
    there = [name for name in _WITH if done.args.get(name)]
    if done.error:
        words = done.error.lower()
        return next((name for name in there if name in ("tags", "genres") and name.removesuffix("s") in words), None)
    aside = ("limit", "exclude", "exclude_shown", "diversity", "novelty", "of", "measure", "sort_by")
    left = {key for key in done.args if key not in aside}
    return there[0] if there and len(left) > 1 else None


def _listed(scene: Scene, done: Done) -> str:
    found = done.result
    if isinstance(found, MovieList):
        reason = _REASONS.get(done.name, "because you liked" if scene.user_id is None else "because of")
        return listing(found, reason, [ref.movie_id for ref in scene.frame.disliked])
    movies = found.movies if isinstance(found, QueryResult) else []
    return "\n".join(item(place, movie) for place, movie in enumerate(movies, 1))


_REASONS = {"similar_movies": "close to", "recommend_for_group": "because of"}


def _after(scene: Scene, done: Done) -> list[str]:
    """What a careful answer adds: how titles were read, the tool's notes, that there are fewer than asked for."""
    notes = [note for note in getattr(done.result, "notes", []) if not note.startswith(_SAID_OTHERWISE)]
    said = {note for before in scene.dialogue.done for note in getattr(before.result, "notes", [])}
    count = len(done.movies)
    short = scene.say("short", count=number_word(count)) if scene.frame.count and count < scene.frame.count else ""
    return [" ".join(sentence(note) for note in notes if note not in said), short or scene.way_on(count)]


_SAID_OTHERWISE = ("Nothing is known of the person", "No movie passes", "No other movie passes")


def _heading(scene: Scene, done: Done) -> str:
    """The list's name, which repeats the conditions in force."""
    what, frame = described(scene, done), scene.frame
    if len(done.movies) == 1:
        return scene.lead("one", what=what)
    if isinstance(done.result, MovieList) and done.result.basis == "popular" and done.name == "recommend":
        return scene.lead("unknown", what=what)
    return capital(scene.lead("again" if frame.again else "follows" if frame.follows else "list", what=what))


def described(scene: Scene, done: Done) -> str:
    """A list's conditions, origin and order: "comedies from the 1990s like Heat (1995), newest first"."""
    parts = [kind(done.args, scene.nouns), _origin(scene, done)]
    order = _ORDERS.get(str(done.args.get("sort") or done.args.get("sort_by")), "")
    if done.args.get("window_days"):
        order = f"by the ratings of the last {done.args['window_days']} days of the data"
    return ", ".join(part for part in (" ".join(part for part in parts if part), order) if part)


_ORDERS = {
    "rating": "best rated first",
    "mean": "highest mean first",
    "worst": "lowest mean first",
    "popularity": "most rated first",
    "newest": "newest first",
    "year": "newest first",
    "oldest": "oldest first",
}


def _origin(scene: Scene, done: Done) -> str:
    """As in "like Heat (1995)", "for MovieLens user 42"."""
    args = done.args
    if done.name == "similar_movies":
        return f"like {_titles(scene, done, 'movies')}"
    if done.name == "recommend_for_group":
        return f"for {joined(_member(scene, done, member) for member in _many(args, 'members'))} together"
    liked, disliked = _titles(scene, done, "liked"), _titles(scene, done, "disliked")
    text = args.get("text") or args.get("query")
    user = args.get("user_id")
    parts = [
        f"about \u201c{sentence(str(text)).rstrip('.')}\u201d" if text else "",
        f"because you liked {liked}" if liked else "",
        f"{'but not' if liked else 'unlike'} {disliked}" if disliked else "",
        f"for MovieLens user {user}, going by their ratings" if user is not None else "",
        "that go with your ratings" if getattr(done.result, "basis", "") == "personal" and user is None else "",
    ]
    return " ".join(part for part in parts if part)


def _member(scene: Scene, done: Done, member: JsonValue) -> str:
    if not isinstance(member, dict) or not member:
        return "you"
    if "user_id" in member:
        return f"MovieLens user {member['user_id']}"
    return f"someone who liked {_titles(scene, Done(done.name, member, done.result), 'liked')}"


def _titles(scene: Scene, done: Done, name: str) -> str:
    """The movies of an argument by title, as the frame or an earlier result has them."""
    frame = scene.frame
    known: dict[int, str] = {movie.movie_id: named(movie) for each in scene.dialogue.done for movie in _names(each)}
    refs: tuple[Ref, ...] = (*frame.movies, *frame.liked, *frame.disliked)
    known |= {movie.movie_id: named(movie) for movie in _names(done)}
    known |= dict(zip((ref.movie_id for ref in refs), called(refs), strict=True))
    named_ = [known.get(ref, "") if isinstance(ref, int) else str(ref) for ref in _many(done.args, name)]
    return joined(title for title in named_ if title)


def _names(done: Done) -> list[MovieName]:
    """All movies that a result names, reasons included."""
    because = [cause for movie in done.movies for cause in getattr(movie, "because", [])]
    return [*done.movies, *because, *(found.movie for found in done.resolved)]

"""Scripts that end in a list of movies: recommendations, likenesses, searches, and going on with the last list."""

from __future__ import annotations

from collections.abc import Callable, Generator

from pydantic import JsonValue

from guide import wording
from guide.dialogue import Args, Done
from guide.facts import fact
from guide.scripts import Call, Calls, Dones, Scene, Script, ask, called, given, ids, problem
from movies.models import Movie, MovieList, MovieName
from tools.results import QueryResult, Questions

LISTS = frozenset({"recommend", "like", "find"})
LIMIT, LARGEST = 5, 50
MOST_EXCLUDED, MOST_LIKED, MOST_SEEDS, MOST_MEMBERS, MOST_TRIES = 50, 30, 5, 8, 3
LEAST_FOR_WORST = 20
"""Fewest ratings of the worst, where no other bound was named: one person's half star says little."""
LOOSENED: dict[str, tuple[str, ...]] = {
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
}
"""Conditions that may be dropped, the least important first; what was excluded stays excluded."""


def recommend(scene: Scene) -> Script:
    """From likes, words, one's own ratings or those of others; from nothing, a question first."""
    frame = scene.frame
    if frame.users and len(frame.users) + frame.own > 1:
        return (yield from group(scene))
    likes = _likes(scene)
    if frame.sort not in (None, "relevance") or (frame.window_days and not likes.get("liked")):
        return (yield from _shown(scene, (yield from _found(scene))))
    done = yield from ask("recommend", {**likes, **scene.whose, **_listing(scene)})
    nothing = _basis(done) == "popular" and not given({**likes, **scene.whose, **scene.filters})
    if nothing and not any(isinstance(before.result, Questions) for before in scene.dialogue.done):
        return (yield from _question(scene, done))
    return (yield from _shown(scene, done))


def opinion(scene: Scene) -> Script:
    """Likes and dislikes that were told: taken up at once, unless the same message goes on to ask for a list."""
    if LISTS & set(scene.beside):
        return ""
    if not (scene.frame.liked or scene.frame.disliked or scene.frame.movies):
        return scene.say("praise")
    return (yield from recommend(scene))


def group(scene: Scene) -> Script:
    """For several people at once."""
    members: list[JsonValue] = [{"user_id": user} for user in scene.frame.users]
    if scene.frame.own or scene.frame.liked:
        members.insert(0, given({**_likes(scene), "text": None}))
    done = yield from ask("recommend_for_group", {"members": members[:MOST_MEMBERS], **_listing(scene)})
    return (yield from _shown(scene, done))


def like(scene: Scene) -> Script:
    """Movies like one or several; with words or dislikes beside them they count as likes."""
    frame = scene.frame
    if not frame.movies:
        return (yield from recommend(scene))
    if frame.text or frame.disliked:
        return (yield from _shown(scene, (yield from ask("recommend", {**_likes(scene), **_listing(scene)}))))
    seeds = ids(*frame.movies, *frame.liked)[:MOST_SEEDS]
    return (yield from _shown(scene, (yield from ask("similar_movies", {"movies": seeds, **_listing(scene)}))))


def find(scene: Scene) -> Script:
    """A list by conditions and order alone; titles alone: all about these."""
    if scene.frame.movies and scene.frame.sort is None:
        return (yield from fact(scene))
    return (yield from _shown(scene, (yield from _found(scene))))


def seen(scene: Scene) -> Script:
    """Seen movies leave the list at once, and it goes on with others."""
    last, movies = scene.dialogue.last_list, scene.frame.movies
    titles = wording.joined(called(movies)) if 0 < len(movies) <= LIMIT else "those"
    if LISTS & set(scene.beside):
        return ""
    if last is None or not isinstance(last.result, MovieList):
        return scene.say("seen_early", titles=titles)
    there = [movie.movie_id for movie in last.movies]
    gone = list(dict.fromkeys([*ids(*movies), *there, *_many(last.args, "exclude")]))[:MOST_EXCLUDED]
    wanted = scene.frame.count or sum(ref.movie_id in there for ref in movies) or len(there)
    done = yield from ask(last.name, last.args | {"exclude": gone, "limit": min(wanted, LARGEST)})
    return (yield from _shown(scene, done, lambda what: scene.say("list_seen", titles=titles, what=what)))


# Arguments


def _listing(scene: Scene) -> Args:
    """The arguments that every list takes."""
    frame = scene.frame
    exclude: list[JsonValue] = [*frame.exclude_series, *ids(*frame.exclude)]
    if frame.again:
        exclude += [movie_id for movie_id in scene.dialogue.shown if movie_id not in exclude]
    return {
        "limit": max(1, min(frame.count or LIMIT, LARGEST)),
        **scene.filters,
        "exclude": exclude[:MOST_EXCLUDED],
        "exclude_shown": len(exclude) > MOST_EXCLUDED,
        "diversity": frame.diversity,
        "novelty": frame.novelty,
    }


def _likes(scene: Scene) -> Args:
    frame = scene.frame
    liked = ids(*frame.movies, *frame.liked)[:MOST_LIKED]
    return {"liked": liked, "disliked": ids(*frame.disliked)[:MOST_LIKED], "text": frame.text}


def _many(args: Args, name: str) -> list[JsonValue]:
    value = args.get(name)
    return value if isinstance(value, list) else []


def _basis(done: Done) -> str:
    return str(getattr(done.result, "basis", ""))


def _found(scene: Scene) -> Generator[Calls, Dones, Done]:
    """By conditions. Where it was said how many ratings are enough, a mean is a mean; else it is weighed by them."""
    frame, args = scene.frame, _listing(scene)
    plain = not (frame.text or frame.window_days or frame.diversity or frame.novelty or args["exclude"])
    if frame.sort == "rating" and frame.filters.min_ratings and plain:
        by_mean: Args = {"of": "movies", "measure": "list", "sort_by": "mean", "limit": args["limit"]}
        return (yield from ask("query_catalogue", by_mean | scene.filters))
    if frame.sort == "worst" and not frame.filters.min_ratings:
        args["min_ratings"] = LEAST_FOR_WORST
    args |= {"query": frame.text, "sort": frame.sort, "window_days": frame.window_days}
    return (yield from ask("search_movies", args))


# A list in words


def _question(scene: Scene, popular: Done) -> Script:
    """Taste unknown: ask which of some telling movies they liked, with a safe bet for the impatient."""
    asked = yield from ask("next_question", {"limit": 4})
    if not asked.movies:
        return (yield from _shown(scene, popular))
    safe = next((movie for movie in popular.movies if movie not in asked.movies), None)
    bet = scene.say("safe_bet", **wording.facts_of(safe)) if isinstance(safe, Movie) else ""
    return wording.paragraphs([scene.say("taste_unknown"), wording.numbered(asked.movies), bet])


def _shown(scene: Scene, done: Done, heading: Callable[[str], str] | None = None) -> Script:
    """Word a list. One that is empty is asked for again with the least important condition dropped, and that is said.

    Args:
        scene: What the list was asked for.
        done: The call that made it.
        heading: How to introduce it by its description; the usual way if left out.
    """
    first, dropped = done, ""
    for _ in range(MOST_TRIES):
        if done.movies or (call := _looser(done)) is None:
            break
        dropped = next(
            words for name, words in wording.texts().dropped.items() if name in done.args.keys() - call.args.keys()
        )
        done = yield from ask(call.name, call.args)
    what, asked = _described(scene, done), _described(scene, first)
    if not done.movies:
        nothing = scene.say("no_more" if scene.frame.again or heading else "nothing", what=asked)
        return problem(scene, first) if first.error else wording.paragraphs([nothing, scene.say("try")])
    if dropped:
        head = scene.say("list_loosened", asked=asked, dropped=dropped, what=what)
    else:
        head = heading(what) if heading else _heading(scene, done, what)
    return wording.paragraphs([head, _lines(scene, done), *_after(scene, done)])


def _looser(done: Done) -> Call | None:
    """The call without the condition that a refusal names, or the least important; None where nothing would be left."""
    there = [name for name in LOOSENED if done.args.get(name)]
    if done.error:
        there = [name for name in there if name in ("tags", "genres") and name[:-1] in done.error.lower()]
    aside = ("limit", "exclude", "exclude_shown", "diversity", "novelty", "of", "measure", "sort", "sort_by")
    if not there or not done.args.keys() - {*aside, *LOOSENED[there[0]]}:
        return None
    return Call(done.name, {name: value for name, value in done.args.items() if name not in LOOSENED[there[0]]})


def _lines(scene: Scene, done: Done) -> str:
    if not isinstance(done.result, MovieList):
        return wording.numbered(done.movies)
    reasons = {"similar_movies": "close to", "recommend_for_group": "because of"}
    usual = "because of" if scene.frame.users else "because you liked"
    return wording.listing(done.result, reasons.get(done.name, usual), _many(done.args, "disliked"))


def _after(scene: Scene, done: Done) -> list[str]:
    """What a careful answer adds: the tool's notes, and that there are fewer than asked for, or how to go on."""
    said = {note for before in scene.dialogue.done for note in getattr(before.result, "notes", [])}
    otherwise = ("Nothing is known of the person", "No movie passes", "No other movie passes", "Counted over")
    notes = [note for note in getattr(done.result, "notes", []) if note not in said and not note.startswith(otherwise)]
    count = len(done.movies)
    words = wording.NUMBER_WORDS[count] if count < len(wording.NUMBER_WORDS) else f"{count}"
    short = scene.say("short", count=words) if count < (scene.frame.count or 0) else ""
    first = not any(isinstance(before.result, MovieList | QueryResult) for before in scene.dialogue.done)
    return [wording.spaced(map(wording.sentence, notes)), short or (scene.say("way_on") if first and count > 1 else "")]


def _heading(scene: Scene, done: Done, what: str) -> str:
    """The list's name, which repeats the conditions in force."""
    if len(done.movies) == 1:
        return scene.say("list_of_one", what=what)
    if _basis(done) == "popular" and done.name == "recommend":
        return scene.say("list_unknown", what=what)
    frame = scene.frame
    return wording.capital(
        scene.say("list_again" if frame.again else "list_follows" if frame.follows else "list", what=what)
    )


def _described(scene: Scene, done: Done) -> str:
    """A list's conditions, origin and order: "comedies from the 1990s like Heat (1995), newest first"."""
    days = done.args.get("window_days")
    order = wording.texts().orders.get(str(done.args.get("sort") or done.args.get("sort_by")), "")
    lately = f"by the ratings of the last {days} days of the data" if days else ""
    phrase = wording.spaced([wording.kind(done.args, scene.plural), *_origin(scene, done)])
    return wording.spaced([phrase, order, lately], ", ")


def _origin(scene: Scene, done: Done) -> list[str]:
    """As in "like Heat (1995)", "for MovieLens user 42"."""
    args = done.args
    if done.name == "similar_movies":
        return [f"like {_titles(scene, done, 'movies')}"]
    if done.name == "recommend_for_group":
        others = [f"MovieLens user {user}" for user in scene.frame.users]
        you = ["you"] if len(others) < len(_many(args, "members")) else []
        return [f"for {wording.joined([*you, *others])} together"]
    liked, disliked = _titles(scene, done, "liked"), _titles(scene, done, "disliked")
    text, user = wording.clean(str(args.get("text") or args.get("query") or "")), args.get("user_id")
    return [
        f"about \u201c{text}\u201d" if text else "",
        f"because you liked {liked}" if liked else "",
        f"{'but not' if liked else 'unlike'} {disliked}" if disliked else "",
        f"for MovieLens user {user}, going by their ratings" if user is not None else "",
        "that go with your ratings" if _basis(done) == "personal" and user is None else "",
    ]


def _titles(scene: Scene, done: Done, name: str) -> str:
    """The movies of an argument by title, as the frame or a result has them."""
    known = {movie.movie_id: wording.named(movie) for each in (*scene.dialogue.done, done) for movie in _names(each)}
    refs = (*scene.frame.movies, *scene.frame.liked, *scene.frame.disliked)
    known |= dict(zip((ref.movie_id for ref in refs), called(refs), strict=True))
    return wording.joined(known.get(ref, "") if isinstance(ref, int) else "" for ref in _many(done.args, name))


def _names(done: Done) -> list[MovieName]:
    """All movies that a result names, reasons included."""
    return [*done.movies, *(cause for movie in done.movies for cause in getattr(movie, "because", []))]

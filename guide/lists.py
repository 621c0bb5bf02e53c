"""Scripts that end in a list of movies: recommendations, likenesses, searches, and going on with the last list."""

from __future__ import annotations

from dataclasses import replace

from pydantic import JsonValue

from guide import wording
from guide.dialogue import Args, Done
from guide.facts import fact
from guide.scripts import Call, Scene, Script, ask, called, given, ids, problem
from movies.models import Filters, Movie, MovieList, MovieName
from tools.results import Questions

LISTS = frozenset({"recommend", "like", "find"})
LIMIT, LARGEST = 5, 50
MOST_EXCLUDED, MOST_LIKED, MOST_SEEDS, MOST_MEMBERS, MOST_TRIES = 50, 30, 5, 8, 3
FEW_LIKED = 2
"""Likes that say too little of a taste: what is like them is the better answer."""
LEAST_FOR_WORST = 20
"""Fewest ratings of the worst, where no other bound was named: one person's half star says little."""
SAID_OTHERWISE = ("Nothing is known of the person", "No movie passes", "No other movie passes", "Counted over")
ASIDE = {"limit", "exclude", "exclude_shown", "diversity", "novelty", "of", "measure", "sort", "sort_by"}
"""Arguments that are no conditions."""


def listing(scene: Scene) -> Script:
    """A list by what the frame goes by. From nothing known a question comes first; titles alone: all about these."""
    if scene.frame.act == "find" and scene.frame.movies and scene.frame.sort is None:
        return (yield from fact(scene))
    call = _call(scene)
    done = yield from ask(call.name, call.args)
    if call.name == "recommend" and _basis(done) == "popular" and scene.frame.novelty:  # what most like is well known
        call = _search(scene, _listing(scene))
        done = yield from ask(call.name, call.args)
    asked = any(isinstance(before.result, Questions) for before in scene.dialogue.done)
    if call.name == "recommend" and _basis(done) == "popular" and not asked and not done.args.keys() - ASIDE:
        return (yield from _question(scene, done))
    return (yield from _shown(scene, done))


def opinion(scene: Scene) -> Script:
    """Likes and dislikes that were told: taken up at once, unless the same message goes on to ask for a list."""
    if LISTS & set(scene.beside):
        return ""
    told = scene.frame.liked or scene.frame.disliked or scene.frame.movies
    return (yield from listing(scene)) if told else scene.say("praise")


def seen(scene: Scene) -> Script:
    """Seen movies leave the list at once, and it goes on with others."""
    last, movies = scene.dialogue.last_list, scene.frame.movies
    titles = wording.joined(called(movies)) if 0 < len(movies) <= LIMIT else "those"
    if (LISTS | {"rate"}) & set(scene.beside):
        return ""
    if last is None:
        return scene.say("seen_early", titles=titles)
    if isinstance(last.result, Questions):  # which were to tell of a taste: a list tells it as well
        popular = scene.frame.model_copy(update={"act": "recommend", "movies": (), "exclude": movies, "follows": True})
        return (yield from listing(replace(scene, frame=popular)))
    there = [movie.movie_id for movie in last.movies]
    gone = [*ids(*movies), *scene.frame.exclude_series, *there, *_many(last.args, "exclude")]
    wanted = scene.frame.count or len(there)
    exclude: Args = {"exclude": list(dict.fromkeys(gone))[:MOST_EXCLUDED], "limit": min(wanted, LARGEST)}
    name, args = last.name, last.args
    if name == "query_catalogue":  # which leaves out no movies
        name = "search_movies"
        args = {"sort": "rating", **{key: args[key] for key in Filters.model_fields if key in args}}
    return (yield from _shown(scene, (yield from ask(name, args | exclude)), titles))


# The call


def _call(scene: Scene) -> Call:
    frame, args = scene.frame, _listing(scene)
    liked, disliked = ids(*frame.movies, *frame.liked)[:MOST_LIKED], ids(*frame.disliked)[:MOST_LIKED]
    if frame.users and len(frame.users) + (frame.own or bool(liked)) > 1:
        members: list[JsonValue] = [{"user_id": user} for user in frame.users]
        if frame.own or liked:
            members.insert(0, given({"liked": liked, "disliked": disliked}))
        return Call("recommend_for_group", {"members": members[:MOST_MEMBERS], **args})
    by_taste = (
        frame.users or frame.act == "like" or (liked and frame.sort in (None, "relevance", "rating", "popularity"))
    )
    ordered = frame.sort not in (None, "relevance") or frame.window_days
    anything = not (ordered or frame.text or frame.again or frame.follows or given(args).keys() - ASIDE)
    if not by_taste and ((frame.act == "find" and not anything) or ordered):
        return _search(scene, args)
    few = 0 < len(liked) <= FEW_LIKED and not scene.whose
    if ((frame.act == "like" and frame.movies) or few) and not (frame.text or disliked):
        return Call("similar_movies", {"movies": liked[:MOST_SEEDS], **args})
    return Call("recommend", {"liked": liked, "disliked": disliked, "text": frame.text, **scene.whose, **args})


def _search(scene: Scene, args: Args) -> Call:
    """By conditions. Where it was said how many ratings are enough, a mean is a mean; else it is weighed by them."""
    frame = scene.frame
    plain = not (frame.text or frame.window_days or frame.diversity or frame.novelty or args["exclude"])
    if frame.sort == "rating" and frame.filters.min_ratings and plain:
        by_mean: Args = {"of": "movies", "measure": "list", "sort_by": "mean", "limit": args["limit"]}
        return Call("query_catalogue", by_mean | scene.filters)
    worst = {"min_ratings": LEAST_FOR_WORST} if frame.sort == "worst" and not frame.filters.min_ratings else {}
    sort = frame.sort or ("rating" if frame.novelty else None)
    return Call("search_movies", {**args, **worst, "query": frame.text, "sort": sort, "window_days": frame.window_days})


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


def _many(args: Args, name: str) -> list[JsonValue]:
    value = args.get(name)
    return value if isinstance(value, list) else []


def _basis(done: Done) -> str:
    return str(getattr(done.result, "basis", ""))


# A list in words


def _question(scene: Scene, popular: Done) -> Script:
    """Taste unknown: ask which of some telling movies they liked, with a safe bet for the impatient."""
    asked = yield from ask("next_question", {"limit": 4})
    if not asked.movies:
        return (yield from _shown(scene, popular))
    safe = next(
        (movie for movie in popular.movies if movie.movie_id not in {one.movie_id for one in asked.movies}), None
    )
    bet = scene.say("safe_bet", **wording.facts_of(safe)) if isinstance(safe, Movie) else ""
    return wording.paragraphs([scene.say("taste_unknown"), wording.numbered(asked.movies), bet])


def _shown(scene: Scene, done: Done, seen_titles: str = "") -> Script:
    """Word a list. An empty one is asked for again with the least important condition dropped, and that is said."""
    first, dropped = done, ""
    if len(tags := _many(first.args, "tags")) > 1 and not done.movies and not done.error:
        done, dropped = (yield from ask(first.name, {**first.args, "tags": tags[:1]})), wording.texts().dropped["tags"]
    for names in () if done.movies else _loosenings(first):
        if done.movies:
            break
        dropped = wording.joined(wording.texts().dropped[name] for name in names)
        gone = " ".join(names).split()
        done = yield from ask(first.name, {name: value for name, value in first.args.items() if name not in gone})
    words = {
        "what": _described(scene, done),
        "asked": _described(scene, first),
        "dropped": dropped,
        "titles": seen_titles,
    }
    if first.error and not done.movies:
        return problem(scene, first)
    if not done.movies:
        more = scene.frame.again or seen_titles
        near = (
            (yield from ask("search_movies", {"query": scene.frame.text, "limit": 3})).movies
            if scene.frame.text
            else []
        )
        nearest = f"{scene.say('nearest')}\n\n{wording.numbered(near)}" if near else scene.say("try")
        return wording.paragraphs([scene.say("no_more" if more else "nothing", **words), nearest])
    kind = "list_again" if scene.frame.again else "list_follows" if scene.frame.follows else "list"
    if _basis(done) == "popular" and done.name == "recommend":
        kind = "list_unknown"
    kind = "list_of_one" if len(done.movies) == 1 else kind
    kind = "list_seen" if seen_titles else "list_loosened" if dropped else kind
    return wording.paragraphs([wording.capital(scene.say(kind, **words)), _lines(scene, done), *_after(scene, done)])


def _loosenings(done: Done) -> list[list[str]]:
    """The conditions to drop, try by try: the one that a refusal names; else one at a time, the least important first.

    Some condition is always left.
    """
    there = [names for names in wording.texts().dropped if any(done.args.get(name) for name in names.split())]
    if done.error:
        return [[names] for names in there if names[:-1] in done.error.lower()]
    tries = [*([names] for names in there[:MOST_TRIES]), there[:2]]
    return [names for names in tries if done.args.keys() - ASIDE - set(" ".join(names).split())]


def _lines(scene: Scene, done: Done) -> str:
    if not isinstance(done.result, MovieList):
        return wording.numbered(done.movies)
    usual = "because of" if scene.frame.users else "because you liked"
    because = "close to" if done.name == "similar_movies" else usual
    return wording.listing(done.result, because, _many(done.args, "disliked"))


def _after(scene: Scene, done: Done) -> list[str]:
    """Remarks of a careful answer: the tool's notes, and that there are fewer than asked for, or how to go on."""
    before = [each.result for each in scene.dialogue.done]
    said = {note for result in before for note in getattr(result, "notes", [])}
    notes = [note for note in getattr(done.result, "notes", []) if not note.startswith((*SAID_OTHERWISE, *said))]
    short, first = len(done.movies) < (scene.frame.count or 0), not any(isinstance(each, MovieList) for each in before)
    way_on = scene.say("way_on") if first and len(done.movies) > 1 else ""
    told = scene.say("short", count=str(len(done.movies))) if short else way_on
    return [wording.spaced(map(wording.sentence, notes)), told]


def _described(scene: Scene, done: Done) -> str:
    """A list's conditions, origin and order: "comedies from the 1990s like Heat (1995), newest first"."""
    days = done.args.get("window_days")
    order = wording.texts().orders.get(str(done.args.get("sort") or done.args.get("sort_by")), "")
    lately = f"by the ratings of the last {days} days of the data" if days else ""
    known = "lesser-known" if done.args.get("novelty") else ""
    phrase = wording.spaced([known, wording.kind(done.args, scene.plural), *_origin(scene, done)])
    return wording.spaced([phrase, order, lately], ", ")


def _origin(scene: Scene, done: Done) -> list[str]:
    """As in "like Heat (1995)", "for MovieLens user 42"."""
    args = done.args
    if done.name == "similar_movies":
        return [f"like {_titles(scene, done, 'movies')}"]
    if done.name == "recommend_for_group":
        members = [each for each in _many(args, "members") if isinstance(each, dict)]
        names = (f"MovieLens user {each['user_id']}" if "user_id" in each else "you" for each in members)
        return [f"for {wording.joined(names)} together"]
    liked, disliked = _titles(scene, done, "liked"), _titles(scene, done, "disliked")
    text, user = wording.clean(str(args.get("text") or args.get("query") or "")), args.get("user_id")
    return [
        f"about \u201c{text}\u201d" if text else "",
        f"for you because you liked {liked}" if liked else "",
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
    return [*done.movies, *(cause for movie in done.movies for cause in getattr(movie, "causes", []))]

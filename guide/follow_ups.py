"""Scripts that lean on what was shown: more, narrower, seen it, why, not that one."""

from __future__ import annotations

from dataclasses import replace

from pydantic import JsonValue

from guide import wording
from guide.headings import heading_of, popular_heading
from guide.intents import Intent
from guide.list_scripts import aged, for_user, recommend
from guide.recall import OF_SOMETHING, Args, Done, Ref
from guide.scene import DEFAULT_LIMIT, Call, Scene, Script, count, listing_args, problem, say_text, shown, vary
from guide.wishes import Wish
from movies.models import ListedMovie, MovieList, MovieName, Resolved
from tools.results import Comparison, Explanation, MovieResult, MovieStats, Prediction, Rated


def more(scene: Scene) -> Script:
    """The same list again, without what was shown."""
    base = scene.memory.last_listing
    if base is None:
        return (
            yield from (recommend(scene) if scene.memory.last_list else say_text(Scene(Intent("no"), scene.memory)))
        )
    wish = replace(scene.wish, limit=scene.wish.limit or _limit_of(base))
    return (
        yield from _again(
            Scene(replace(scene.intent, wish=wish), scene.memory),
            base,
            vary(scene, *(_ONE_MORE if wish.limit == 1 else _MORE)),
        )
    )


_MORE = ("Here you go:", "Then these:", "Others in the same line:")
_ONE_MORE = ("Then this one:", "Here's another:", "How about this?")


def refine(scene: Scene) -> Script:
    """The last list, narrowed or moved: "and from the 80s?", "only comedies", "newer"."""
    base = scene.memory.last_listing
    if base is None:
        return (yield from recommend(scene))
    wish = scene.wish
    if wish.age:
        wish = aged(wish, _middle_year(base))
    again = Scene(replace(scene.intent, wish=wish), scene.memory)
    if wish.users:
        return (yield from for_user(again, wish.users[0]))
    if (wish.mood or wish.theme) and base.name not in OF_SOMETHING:
        return (yield from recommend(Scene(replace(scene.intent, wish=_inheriting(wish, base.args)), scene.memory)))
    return (yield from _again(again, base, ""))


def _inheriting(wish: Wish, args: Args) -> Wish:
    """The wish, with the genres and years of a list it refers back to."""
    genres = args.get("genres")
    first, last = args.get("year_from"), args.get("year_to")
    years = bool(wish.year_from or wish.year_to)
    return replace(
        wish,
        genres=wish.genres or tuple(str(genre) for genre in (genres if isinstance(genres, list) else [])),
        year_from=wish.year_from if years or not isinstance(first, int) else first,
        year_to=wish.year_to if years or not isinstance(last, int) else last,
    )


def _middle_year(base: Done) -> int:
    years = sorted(movie.year for movie in base.movies if movie.year)
    return years[len(years) // 2] if years else 2000


def _again(scene: Scene, base: Done, heading: str) -> Script:
    """Make a list's call again with a changed wish."""
    call = _changed(base, scene)
    done = yield call
    if not count(done) and base.name in {"movies_by_tag", "search_movies"} and scene.wish.genres:
        return (yield from recommend(scene))
    user = done.args.get("user_id")
    owner = _OWNERS.get(done.name) or (f"user {user}" if user is not None else "you")
    return (yield from shown(scene, done, heading or (lambda got: heading_of(scene, got)), owner))


_OWNERS = {"similar_movies": "seeds", "recommend_for_group": "group"}


def _changed(base: Done, scene: Scene) -> Call:
    """The base call with new filters; what was shown is left out. A mood becomes a tag search or words beside the likes."""
    wish, args = scene.wish, _by_id(base)
    if scene.intent.topic == "swap" and wish.genres:
        args.pop("genres", None)
    for years in (("year_from", "year_to"),) if wish.year_from or wish.year_to or wish.era else ():
        args = {name: value for name, value in args.items() if name not in years}
    new = listing_args(scene, scene.memory)
    if isinstance(wanted := args.get("genres"), list):
        args["genres"] = [genre for genre in wanted if genre not in wish.exclude]
    for name in ("genres", "exclude_genres"):
        if isinstance(old := args.get(name), list) and isinstance(added := new.get(name), list):
            new[name] = list(dict.fromkeys([*old, *added]))
    text = wish.mood.label if wish.mood else wish.theme
    new["limit"] = wish.limit or _usual_limit(scene)
    if text:
        return _with_words(base, args, new, text, wish)
    if (wish.better or wish.sort) and base.name in {"popular_movies", "search_movies"}:
        new["sort"] = wish.sort or "rating"
    return Call(base.name, args | new)


def _by_id(base: Done) -> Args:
    """A call's arguments with the titles as the ids that they were understood as, and without what it left out."""
    known = {found.given.lower(): found.movie.movie_id for found in base.resolved}

    def resolved(value: JsonValue) -> JsonValue:
        return [known.get(str(ref).lower(), ref) for ref in value] if isinstance(value, list) else value

    named = {"movies", "liked", "disliked"}
    args = {name: resolved(value) if name in named else value for name, value in base.args.items()}
    return {name: value for name, value in args.items() if name not in {"exclude", "exclude_shown"}}


def _with_words(base: Done, args: Args, new: Args, text: str, wish: Wish) -> Call:
    seeds = args.pop("movies", None)
    if seeds or base.name == "recommend_from_likes":
        return Call("recommend_from_likes", ({"liked": seeds} if seeds else args) | new | {"text": text})
    kept = {name: value for name, value in args.items() if name in {"genres", "exclude_genres", "year_from", "year_to"}}
    return Call("movies_by_tag", kept | new | {"tag": wish.mood.tags[0] if wish.mood else text})


def seen(scene: Scene) -> Script:
    """As in "I've seen it": another one instead, and an invitation to rate."""
    base, refs = scene.memory.last_listing, scene.intent.refs
    if base is None:
        return scene.say("seen_early")
    title = _known_title(scene, refs[0])
    wish = replace(scene.wish, limit=min(len(refs), 20))
    again = Scene(replace(scene.intent, wish=wish), scene.memory)
    single = title and len(refs) == 1
    told = yield from _again(again, base, f"Then instead of {title}:" if single else "Then instead of those:")
    return wording.paragraphs(
        [told, f"How did you like {title}? Say \u201crate it 4\u201d, and I'll remember." if single else ""]
    )


def _known_title(scene: Scene, ref: Ref) -> str:
    movie = scene.memory.names.get(ref) if isinstance(ref, int) else None
    return wording.clean(movie.title) if movie else wording.clean(str(ref)) if isinstance(ref, str) else ""


def _limit_of(base: Done) -> int:
    limit = base.args.get("limit")
    return limit if isinstance(limit, int) else DEFAULT_LIMIT


def _usual_limit(scene: Scene) -> int:
    """The length of this person's lists: that of the last one that was more than a single movie."""
    limits = (_limit_of(done) for done in reversed(scene.memory.done) if isinstance(done.result, MovieList))
    return next((limit for limit in limits if limit > 1), DEFAULT_LIMIT)


def why(scene: Scene) -> Script:
    """The reason for a movie in a list: the person's own movies where it rests on them, else what was asked for."""
    base, refs = scene.memory.last_listing, scene.intent.refs
    if not refs or (base is None and not scene.memory.done):
        return scene.say("nothing_shown")
    ref = _listed_or(scene, refs[0], base)
    if base and isinstance(base.result, MovieList):
        movie = next((movie for movie in base.result.movies if movie.movie_id == ref), None)
        if movie and base.result.basis not in {"personal", "seeds"}:
            return _why_in_group(movie) if base.result.basis == "group" else _why_listed(base, movie)
    done = yield Call("explain_recommendation", {"movie": ref, **_grounds(base)})
    if not isinstance(done.result, Explanation):
        return problem(scene, done)
    return f"{wording.explanation(done.result)} {wording.remarks((), scene.news(done.result.notes))}".strip()


def _why_in_group(movie: ListedMovie) -> str:
    titles = [wording.clean(each.title) for each in movie.because]
    goes = f" goes with {wording.joined(titles)}, which somebody in the group likes, and" if titles else ""
    return f"{wording.named(movie)}{goes} should displease nobody in the group. In general it is {wording.rating_words(movie)}."


def _listed_or(scene: Scene, ref: Ref, base: Done | None) -> Ref:
    """Without a name, "why?" means the first of the list, not the movie that the list was made from."""
    if scene.intent.topic == "named" or base is None or not base.movies:
        return ref
    return ref if scene.memory.last is not base else base.movies[0].movie_id


def _grounds(base: Done | None) -> Args:
    if base is None:
        return {}
    seeds = base.args.get("movies") or base.args.get("liked")
    user = base.args.get("user_id")
    return {"liked": seeds} if seeds else {"user_id": user} if user is not None else {}


def _why_listed(base: Done, movie: ListedMovie) -> str:
    what = wording.kind_of_films(base.args)
    if base.name == "popular_movies":
        among = popular_heading(base).removesuffix(":").replace("The ", "the ", 1)
        return f"{wording.named(movie)} is one of {among}: {wording.rating_of(movie)}. Your own taste played no part in that list."
    tag = base.args.get("tag") or base.args.get("query")
    about = f" about \u201c{wording.clean(str(tag))}\u201d" if tag else ""
    asked = f"you asked for {what}{about}" if tag or what != "films" else "you left the choice to me"
    return f"{wording.named(movie)} is there because {asked}, and it is {wording.rating_words(movie)}. Your own taste played no part in that list."


def meant(scene: Scene) -> Script:
    """Another movie than the one that was taken: the last call again with that one."""
    base = scene.memory.last
    if scene.intent.refs:
        return (yield from _instead(scene, base, scene.intent.refs[0], None))
    found = next((each for done in reversed(scene.memory.done) for each in done.resolved if each.others), None)
    other = _other(scene.intent.topic, found.movie, found.others) if found else None
    return (yield from _instead(scene, base, other.movie_id if other else None, found))


def _other(topic: str, movie: MovieName, others: list[MovieName]) -> MovieName | None:
    if topic.isdecimal():
        return next((other for other in [movie, *others] if other.year == int(topic)), None)
    year = movie.year or 0
    sides = {"older": -1, "earlier": -1, "original": -1, "newer": 1, "later": 1, "remake": 1}
    side = sides.get(topic, 0)
    return next((other for other in others if not side or ((other.year or 0) - year) * side > 0), None)


def _instead(scene: Scene, base: Done | None, ref: Ref | None, taken: Resolved | None) -> Script:
    if base is None or ref is None:
        return scene.say("which")
    old = {taken.given.lower(), str(taken.movie.movie_id)} if taken else set()
    args: Args = {
        name: _swapped(value, ref, old) for name, value in base.args.items() if name in {"movie", "movies", "liked"}
    }
    kept = {name: value for name, value in base.args.items() if name not in {*args, "exclude", "exclude_shown"}}
    done = yield Call(base.name, kept | args) if args else Call("get_movie", {"movie": ref})
    if isinstance(done.result, MovieList):
        return (yield from shown(scene, done, lambda got: heading_of(scene, got), _OWNERS.get(done.name, "you")))
    return _worded(scene, done)


def _swapped(value: JsonValue, ref: Ref, old: set[str]) -> JsonValue:
    if isinstance(value, list):
        place = next((index for index, each in enumerate(value) if str(each).lower() in old), 0)
        return [*value[:place], ref, *value[place + 1 :]]
    return ref


def _worded(scene: Scene, done: Done) -> str:
    """A single result in words, whatever tool it came from."""
    result = done.result
    if isinstance(result, MovieResult):
        return wording.details(result.movie)
    if isinstance(result, Comparison):
        return wording.comparison(result)
    if isinstance(result, Rated):
        return wording.rated(result, "")
    if isinstance(result, MovieStats):
        return wording.statistics(result)
    return wording.prediction(result) if isinstance(result, Prediction) else problem(scene, done)

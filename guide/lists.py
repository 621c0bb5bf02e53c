"""Scripts that end in a list, and those that follow up on one: more, narrower, seen it, why, not that one."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import replace
from difflib import SequenceMatcher

from pydantic import JsonValue

from guide import wording
from guide.memory import OF_SOMETHING, Args, Done, Intent, Memory, Ref, plain_title
from guide.scripts import DEFAULT_LIMIT, Call, Scene, Script, problem, say_text, suggest
from guide.wishes import LARGEST_LIST, REQUEST_WORDS, Mood, Wish, merge, regex
from movies.models import ListedMovie, Movie, MovieList, MovieName, Resolved
from movies.titles import plain_words
from tools.results import Comparison, Explanation, MovieResult, MovieStats, Prediction, Questions, Rated

WELL_KNOWN = 50
MOST_EXCLUDED = 50
FLOOR = 10
"""Fewest ratings in lists that the recommender fills without regard to them, unless lesser-known ones are wanted."""


def vary(scene: Scene, *texts: str) -> str:
    """One of several texts, another each turn."""
    return texts[scene.memory.seed % len(texts)]


def listing_args(scene: Scene, leave_out: Memory | None = None) -> Args:
    """The arguments that every list takes."""
    wish = scene.wish
    args: Args = {"limit": DEFAULT_LIMIT, **wish.filters()}
    if wish.era and not (wish.year_from or wish.year_to):
        args |= {"year_from": 2010} if wish.era == "new" else {"year_to": 1979}
    least = WELL_KNOWN if wish.known else 0 if wish.novelty else FLOOR
    if least:
        args = {"min_ratings": least, **args}
    before = leave_out.shown if leave_out else []
    exclude: list[JsonValue] = [*scene.intent.exclude, *before]
    if exclude:
        args["exclude"] = exclude[:MOST_EXCLUDED] if before else exclude
    return args | ({"exclude_shown": True} if len(before) > MOST_EXCLUDED else {})


def count(done: Done) -> int:
    """The length of the list that came of a call."""
    return len(done.result.movies) if isinstance(done.result, MovieList) else 0


def fits(given: str, found: Done) -> bool:
    """True if a search found what was written, and not just some of its everyday words."""
    if not isinstance(found.result, MovieList) or not found.result.movies:
        return False
    best = found.result.movies[0]
    held = set(plain_words(" ".join([best.title, *best.genres, *best.tags])))
    words = [word for word in plain_words(given) if word not in REQUEST_WORDS]
    return bool(words) and 2 * sum(word in held for word in words) >= len(words)


def shown(scene: Scene, done: Done, heading: str | Callable[[Done], str] = "") -> Script:
    """Word a list. One that is empty is asked for again with the narrowest filter dropped, once.

    Args:
        scene: What the list was asked for.
        done: The call that made it.
        heading: What the list is, or how to say it of the list that is shown in the end; the tool's own if left out.
    """
    if _is_short(scene, done):
        done = yield Call(done.name, {name: value for name, value in done.args.items() if name != "min_ratings"})
    if done.error:
        done = yield from _without_unknown(done)
    if done.error:
        return problem(scene, done)
    if count(done):
        told = heading(done) if callable(heading) else heading or heading_of(scene, done)
        said = _leading(scene) + _unknown_titles(scene, done) + told
        return wording.paragraphs([_listing(scene, done, said), _after(scene, done)])
    if scene.intent.kind in {"more", "seen"}:
        return wording.paragraphs(
            [f"That was all: I have no other {wording.kind_of_films(done.args)} that fit.", suggest(scene)]
        )
    dropped, call = _relaxed(done)
    again = (yield call) if call else done
    if count(again):
        return _listing(scene, again, f"Nothing fits all of that. The nearest I have, {dropped}:")
    not_even = f", not even {dropped}" if call else ""
    return wording.paragraphs([f"I found no {wording.kind_of_films(done.args)} that fit{not_even}.", suggest(scene)])


def _listing(scene: Scene, done: Done, heading: str) -> str:
    assert isinstance(done.result, MovieList)
    user = done.args.get("user_id")
    why = _REASONS.get(done.name, f"Because {'you' if user is None else f'user {user}'} liked")
    result = done.result.model_copy(update={"notes": scene.news(done.result.notes)})
    return wording.listing(heading, result, why, scene.told, _against(done))


_REASONS = {"similar_movies": "Closest to", "recommend_for_group": "Goes with"}


def _without_unknown(done: Done) -> Generator[Call, Done, Done]:
    """The call again without the titles that the tool does not know, as long as others are left."""
    for _ in range(MOST_UNKNOWN):
        unknown = [ref for ref in _refs(done, *_SEEDS, "exclude") if f"{ref!r}" in done.error]
        args = {name: _less(value, unknown) for name, value in done.args.items()}
        if not unknown or (_refs(done, *_SEEDS) and not any(args.get(name) for name in _SEEDS)):
            return done
        done = yield Call(done.name, {name: value for name, value in args.items() if value != []})
    return done


MOST_UNKNOWN = 3
_SEEDS = ("movies", "liked", "disliked")


def _refs(done: Done, *names: str) -> list[str]:
    """The titles among the arguments of these names."""
    return [ref for name in names for ref in done.many(name) if isinstance(ref, str)]


def _less(value: JsonValue, unknown: list[str]) -> JsonValue:
    return [each for each in value if each not in unknown] if isinstance(value, list) else value


def _unknown_titles(scene: Scene, done: Done) -> str:
    """A sentence on the titles that were named and had to be left out."""
    if done.name not in {"similar_movies", "recommend_from_likes"}:
        return ""
    named, known = (*scene.intent.refs, *scene.intent.disliked, *scene.intent.exclude), _refs(done, *_SEEDS, "exclude")
    missing = [wording.clean(ref) for ref in named if isinstance(ref, str) and ref not in known]
    return f"I have no film called {wording.joined(missing, 'or')}. " if missing else ""


def _against(done: Done) -> list[int]:
    """Ids of what the list was asked to keep away from."""
    disliked = [str(ref).lower() for ref in done.many("disliked")]
    ids = [int(ref) for ref in disliked if ref.isdecimal()]
    return ids + [found.movie.movie_id for found in done.resolved if found.given.lower() in disliked]


def _is_short(scene: Scene, done: Done) -> bool:
    """True if a list is short for the floor that we put under it ourselves."""
    floor = done.args.get("min_ratings") == FLOOR and scene.wish.min_ratings is None
    return floor and not done.error and count(done) < int(str(done.args.get("limit") or DEFAULT_LIMIT))


def _relaxed(done: Done) -> tuple[str, Call | None]:
    """The call without its narrowest filter, and how to say so."""
    for names, words in _RELAXATIONS:
        if any(done.args.get(name) for name in names):
            return words, Call(done.name, {name: value for name, value in done.args.items() if name not in names})
    return "", None


_RELAXATIONS = (
    (("min_ratings",), "lesser-known ones included"),
    (("exclude", "exclude_shown"), "with some that I showed before"),
    (("genres",), "whatever the genre"),
    (("year_from", "year_to"), "whatever the year"),
    (("exclude_genres",), "with no genre left out"),
)


def _leading(scene: Scene) -> str:
    """Sentences before a list: wishes that cannot be met."""
    lack, unmet = scene.wish.lack, wording.clean(scene.wish.unmet)
    said = f"I can't tell which are {lack}: the data has no running times. " if lack else ""
    said += f"I can only leave out genres, not \u201c{unmet}\u201d. " if scene.wish.unmet else ""
    return said + ("Twenty at a time is the most I show. " if (scene.wish.asked or 0) > LARGEST_LIST else "")


def _after(scene: Scene, done: Done) -> str:
    wanted = done.args.get("limit")
    if scene.wish.limit and isinstance(wanted, int) and 0 < count(done) < wanted:
        return f"That's all I have that fits: {wording.number_word(count(done))}, not {wording.number_word(wanted)}."
    return scene.way_on(count(done))


def recommend(scene: Scene) -> Script:
    """A request for movies, by whatever is known: a user, a mood, likes from before, filters, or nothing."""
    if scene.user_id is not None and (scene.wish.users or not scene.memory.liked):
        return (yield from for_user(scene, scene.user_id))
    if scene.wish.about:
        return (yield from _themed(scene))
    if scene.memory.liked:
        return (yield from likes(scene))
    if scene.wish.surprise and not scene.wish.narrows:
        return (yield from unsure(scene))
    if scene.wish.age:
        scene = scene.wishing(replace(scene.wish, age=0, era="new" if scene.wish.age > 0 else "old"))
    done = yield Call("recommend_for_user", listing_args(scene, scene.memory))
    if isinstance(done.result, MovieList) and (scene.wish.narrows or done.result.basis == "personal"):
        return (yield from shown(scene, done))
    return (yield from _ask(scene, done))


def for_user(scene: Scene, user_id: int) -> Script:
    """Movies for a MovieLens user."""
    done = yield Call("recommend_for_user", {"user_id": user_id, **listing_args(scene, scene.memory)})
    what = wording.kind_of_films(done.args)
    return (yield from shown(scene, done, f"For MovieLens user {user_id}, {what} they haven't rated:"))


def _ask(scene: Scene, popular: Done) -> Script:
    """Taste unknown: ask which of some telling movies they liked, with a safe bet for the impatient."""
    asked = yield Call("next_question", {"limit": 4})
    if not isinstance(asked.result, Questions) or not asked.result.movies:
        return (yield from shown(scene, popular, "I don't know your taste yet, so here is what most people like:"))
    safe = _safe_bet(popular, asked.result)
    return wording.paragraphs(
        [
            "I don't know your taste yet. Which of these did you like?",
            wording.questions(asked.result),
            "Answer like \u201cloved the first, hated the third\u201d, or name other films, a genre or a mood.",
            f"No time for questions? {safe} is a safe bet." if safe else "",
        ]
    )


def _safe_bet(popular: Done, asked: Questions) -> str:
    among = {movie.movie_id for movie in asked.movies}
    movies = popular.result.movies if isinstance(popular.result, MovieList) else []
    best = next((movie for movie in movies if movie.movie_id not in among), None)
    return f"{wording.named(best)}, {wording.rating_of(best)}," if best else ""


def unsure(scene: Scene) -> Script:
    """As in "Surprise me": something varied, at once."""
    if scene.intent.topic == "pick" and scene.memory.listed:
        return _picked(scene)
    asked = Wish(limit=DEFAULT_LIMIT, surprise=True, novelty=0.3)
    again = scene.wishing(merge(asked, scene.wish))
    if scene.memory.liked:
        return (yield from likes(again))
    done = yield Call("recommend_for_user", listing_args(again, scene.memory))
    how = ". Three quite different ones" if count(done) == DEFAULT_LIMIT else ""
    return (yield from shown(again, done, f"Then let me choose{how}:"))


def _picked(scene: Scene) -> str:
    """As in "just pick one for me": the best liked of the last list."""
    movies = [movie for movie in scene.memory.listed if isinstance(movie, Movie)]
    best = max(movies, key=lambda movie: movie.score or movie.rating_mean or 0)
    return f"Then {wording.named(best)}: of those it is the best liked, {wording.rating_of(best)}. Enjoy it!"


def none_of_them(scene: Scene) -> Script:
    """None of the movies that we asked about is known: show what most people like."""
    done = yield Call("popular_movies", {"sort": "rating", "limit": 3, "diversity": 0.6})
    return (yield from shown(scene, done, "No matter. Then start with what most people like, or name a genre or mood:"))


def likes(scene: Scene) -> Script:
    """From what was liked and disliked, now and before."""
    intent, memory = scene.intent, scene.memory
    disliked = tuple(dict.fromkeys((*intent.disliked, *(ref for ref in memory.disliked if ref not in intent.refs))))
    liked = tuple(dict.fromkeys((*intent.refs, *(ref for ref in memory.liked if ref not in intent.disliked))))
    args: Args = {
        "liked": list(liked[:30]),
        "disliked": list(disliked[:30]),
        "text": scene.wish.about,
        **listing_args(scene, None if intent.refs or intent.disliked else memory),
    }
    done = yield Call("recommend_from_likes", {name: value for name, value in args.items() if value not in ("", [])})
    return (yield from shown(scene, done))


def _themed(scene: Scene) -> Script:
    """A mood or theme: by likes where they are known, else by tag, else by words, else by genre."""
    if scene.memory.liked:
        return (yield from likes(scene))
    mood = scene.wish.mood
    done = yield from (_by_tags(scene, mood) if mood else _by_theme(scene, scene.wish.theme))
    if done is not None:
        return (yield from shown(scene, done, lambda got: themed_heading(scene, got, scene.wish.about)))
    if mood:
        return (yield from _mood_by_genre(scene, mood))
    nothing = f"I found nothing about \u201c{wording.clean(scene.wish.theme)}\u201d."
    plain = scene.wishing(replace(scene.wish, theme=""))
    return wording.paragraphs([nothing, (yield from recommend(plain)) if plain.wish.narrows else suggest(scene)])


def _by_tags(scene: Scene, mood: Mood) -> Search:
    """The first of a mood's tags that has movies under the filters."""
    exclude = [genre for genre in mood.exclude if genre not in scene.wish.genres]
    out: Args = {"exclude_genres": list(dict.fromkeys([*scene.wish.exclude, *exclude]))} if exclude else {}
    for tag in mood.tags[:3]:
        done = yield Call("movies_by_tag", {"tag": tag, **listing_args(scene, _if_again(scene, tag)), **out})
        if count(done):
            return done
    return None


def _if_again(scene: Scene, tag: str) -> Memory | None:
    """The memory whose movies are left out, where the same tag was listed before: "weirder", "even weirder"."""
    base = scene.memory.last_listing
    return scene.memory if base and base.args.get("tag") == tag else None


def _by_theme(scene: Scene, theme: str) -> Search:
    """A theme as a tag, or the tag that the tool names as near; as several tags; then as words."""
    done = yield Call("movies_by_tag", {"tag": theme, **listing_args(scene)})
    if near := _near_tag(done.error, theme):
        done = yield Call("movies_by_tag", {"tag": near, **listing_args(scene)})
    tag, *others = [part.strip() for part in _PARTS.split(theme) if part.strip()][:4] or [theme]
    if others and not count(done):
        done = yield Call("movies_by_tag", {"tag": tag, "tags": list(others), **listing_args(scene)})
    if not count(done):
        done = yield Call("search_movies", {"query": theme, **listing_args(scene)})
        return done if fits(theme, done) else None
    return done


Search = Generator[Call, Done, Done | None]
_PARTS = re.compile(r",|\band\b|\bwith\b|&")


def _near_tag(error: str, tag: str) -> str:
    """The tag that a refusal names and that surely was meant: "zombie" → "zombies", "tarantino" → "Quentin Tarantino"."""
    _, _, near = error.partition("Near it: ")
    names = [name.strip() for name in near.rstrip(".").split(",") if name.strip()]
    word = regex(rf"\b{re.escape(tag)}(?:s|es)?$")
    return next((name for name in names if word.search(name) or name.lower() == tag.lower().removesuffix("s")), "")


def _mood_by_genre(scene: Scene, mood: Mood) -> Script:
    wish = replace(scene.wish, mood=None, genres=(scene.wish.genres or mood.genres[:1]))
    again = scene.wishing(wish)
    done = yield Call("popular_movies", {"sort": "rating", **listing_args(again)})
    heading = f"Nothing that fits is tagged \u201c{mood.label}\u201d, so the nearest I have is well-liked {wording.kind_of_films(done.args)}:"
    if not count(done) and not done.error:
        return wording.paragraphs([f"I found nothing {mood.label} that fits.", suggest(scene)])
    return (yield from shown(again, done, heading))


def similar(scene: Scene) -> Script:
    """Movies like one or several; for "newer" the year is looked up first."""
    refs: list[JsonValue] = list(scene.intent.refs)
    wish = scene.wish
    if wish.age:
        seed = yield Call("get_movie", {"movie": refs[0]})
        year = seed.result.movie.year if isinstance(seed.result, MovieResult) else None
        wish = aged(wish, year) if year else replace(wish, age=0)
    scene = scene.wishing(wish)
    if wish.about:
        done = yield Call("recommend_from_likes", {"liked": refs, "text": wish.about, **listing_args(scene)})
    else:
        done = yield Call("similar_movies", {"movies": refs, **listing_args(scene)})
    return (yield from shown(scene, done))


def aged(wish: Wish, year: int) -> Wish:
    """The wish for newer or older ones as one for years, counted from a year."""
    return replace(wish, age=0, year_from=year + 1) if wish.age > 0 else replace(wish, age=0, year_to=year - 1)


def popular(scene: Scene) -> Script:
    """Best rated or most watched, of a genre, a time, or lately."""
    wish = scene.wish
    recent = next((days for word, days in _WINDOWS if word in scene.intent.topic), None) if scene.intent.topic else None
    sort = "popularity" if recent or wish.sort == "popularity" else "rating"
    args: Args = {"sort": sort, **({"window_days": recent} if recent else {}), **listing_args(scene)}
    done = yield Call("popular_movies", args)
    return (yield from shown(scene, done))


_WINDOWS = (("week", 7), ("month", 30), ("year", 365), ("", 365))


def group(scene: Scene) -> Script:
    """For several people at once."""
    members: list[JsonValue] = [{"user_id": user} for user in scene.wish.users]
    if scene.intent.topic == "me" or scene.intent.group:
        mine: list[JsonValue] = list((scene.intent.refs or scene.memory.liked)[:30])
        members.insert(0, {"liked": mine} if mine else {})
    members += [{"liked": list(liked)} for liked in scene.intent.group]
    done = yield Call("recommend_for_group", {"members": members[:8], **listing_args(scene)})
    return (yield from shown(scene, done))


def lookup(scene: Scene) -> Script:
    """A bare title or a few words: the movie of that name, else a search, else an honest shrug."""
    ref = scene.intent.refs[0]
    done = yield Call("get_movie", {"movie": ref})
    if isinstance(done.result, MovieResult) and _is_meant(scene.intent, done.result, ref):
        return wording.paragraphs([wording.details(done.result.movie), scene.read_as(done)])
    if scene.intent.topic == "exactly":
        return scene.say("unknown")
    found = yield Call("search_movies", {"query": scene.intent.given or str(ref), "limit": DEFAULT_LIMIT})
    if fits(scene.intent.given or str(ref), found):
        nothing = f"I have no film called \u201c{wording.clean(scene.intent.given)}\u201d."
        return (yield from shown(scene, found, f"{nothing} The nearest I found:"))
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


def more(scene: Scene) -> Script:
    """The same list again, without what was shown."""
    base = scene.memory.last_listing
    if base is None:
        return (yield from recommend(scene) if scene.memory.last_list else say_text(Scene(Intent("no"), scene.memory)))
    wish = replace(scene.wish, limit=scene.wish.limit or _limit_of(base))
    return (yield from _again(scene.wishing(wish), base, vary(scene, *(_ONE_MORE if wish.limit == 1 else _MORE))))


_MORE = ("Here you go:", "Then these:", "Others in the same line:")
_ONE_MORE = ("Then this one:", "Here's another:", "How about this?")


def refine(scene: Scene) -> Script:
    """The last list, narrowed or moved: "and from the 80s?", "only comedies", "newer"."""
    base, wish = scene.memory.last_listing, scene.wish
    assert base  # else it is not read as one
    if wish.age:
        wish = aged(wish, _middle_year(base))
    again = scene.wishing(wish)
    if wish.users:
        return (yield from for_user(again, wish.users[0]))
    if wish.about and base.name not in OF_SOMETHING:
        return (yield from recommend(scene.wishing(_inheriting(wish, base))))
    return (yield from _again(again, base, ""))


def _inheriting(wish: Wish, base: Done) -> Wish:
    """The wish, with the genres and years of a list it refers back to."""
    first, last = base.args.get("year_from"), base.args.get("year_to")
    years = bool(wish.year_from or wish.year_to)
    return replace(
        wish,
        genres=wish.genres or tuple(map(str, base.many("genres"))),
        year_from=wish.year_from if years or not isinstance(first, int) else first,
        year_to=wish.year_to if years or not isinstance(last, int) else last,
    )


def _middle_year(base: Done) -> int:
    years = sorted(movie.year for movie in base.movies if movie.year)
    return years[len(years) // 2] if years else 2000


def _again(scene: Scene, base: Done, heading: str) -> Script:
    """Make a list's call again with a changed wish."""
    done = yield _changed(base, scene)
    if not count(done) and base.name in {"movies_by_tag", "search_movies"} and scene.wish.genres:
        return (yield from recommend(scene))
    return (yield from shown(scene, done, heading))


def _changed(base: Done, scene: Scene) -> Call:
    """The base call with new filters; what was shown is left out. A mood becomes a tag search or words beside the likes."""
    wish, args = scene.wish, _by_id(base)
    if scene.intent.topic == "swap" and wish.genres:
        args.pop("genres", None)
    if wish.year_from or wish.year_to or wish.era:
        args = {name: value for name, value in args.items() if name not in {"year_from", "year_to"}}
    new = listing_args(scene, scene.memory)
    if isinstance(wanted := args.get("genres"), list):
        args["genres"] = [genre for genre in wanted if genre not in wish.exclude]
    for name in ("genres", "exclude_genres"):
        if isinstance(old := args.get(name), list) and isinstance(added := new.get(name), list):
            new[name] = list(dict.fromkeys([*old, *added]))
    new["limit"] = wish.limit or _usual_limit(scene)
    if wish.about:
        return _with_words(base, args, new, wish)
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


def _with_words(base: Done, args: Args, new: Args, wish: Wish) -> Call:
    seeds = args.pop("movies", None)
    if seeds or base.name == "recommend_from_likes":
        return Call("recommend_from_likes", ({"liked": seeds} if seeds else args) | new | {"text": wish.about})
    kept = {name: value for name, value in args.items() if name in {"genres", "exclude_genres", "year_from", "year_to"}}
    return Call("movies_by_tag", kept | new | {"tag": wish.mood.tags[0] if wish.mood else wish.theme})


def seen(scene: Scene) -> Script:
    """As in "I've seen it": another one instead, and an invitation to rate."""
    base, refs = scene.memory.last_listing, scene.intent.refs
    if base is None:
        return scene.say("seen_early")
    title = _known_title(scene, refs[0])
    wish = replace(scene.wish, limit=min(len(refs), 20))
    again = scene.wishing(wish)
    single = title and len(refs) == 1
    told = yield from _again(again, base, f"Then instead of {title if single else 'those'}:")
    invited = f"How did you like {title}? Say \u201crate it 4\u201d, and I'll remember." if single else ""
    return wording.paragraphs([told, invited])


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
    named = {"movie", "movies", "liked"}
    args: Args = {name: _swapped(value, ref, old) for name, value in base.args.items() if name in named}
    kept = {name: value for name, value in base.args.items() if name not in {*args, "exclude", "exclude_shown"}}
    done = yield Call(base.name, kept | args) if args else Call("get_movie", {"movie": ref})
    if isinstance(done.result, MovieList):
        return (yield from shown(scene, done))
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


def personal_heading(scene: Scene, done: Done) -> str:
    """A heading for what the recommender chose, by ratings or by filters alone."""
    what = wording.kind_of_films(done.args)
    if isinstance(done.result, MovieList) and done.result.basis == "personal":
        return f"Going by your ratings, I'd suggest {'these' if what == 'films' else 'these ' + what}:"
    return vary(scene, f"Well-liked {what}:", f"Here are {what} that people like:", f"Some good {what}:")


def likes_heading(scene: Scene, done: Done) -> str:
    """As in "Since you like Heat but not Titanic, I'd try these:"."""
    liked, disliked = (titles(done, scene.memory, side) for side in ("liked", "disliked"))
    what = wording.kind_of_films(done.args)
    against = f" but not {wording.joined(disliked[:3], 'or')}" if disliked else ""
    these = "this one" if count(done) == 1 else f"these {what}" if what != "films" else "these"
    feel = f", with \u201c{wording.clean(str(done.args['text']))}\u201d in mind" if done.args.get("text") else ""
    if not liked:
        return f"Noted: not {wording.joined(disliked[:3], 'or')}. Then perhaps {these}{feel}:"
    return f"Since you like {wording.joined(liked[:4])}{against}, I'd try {these}{feel}:"


def titles(done: Done, memory: Memory, name: str) -> list[str]:
    """The titles behind a call's references: as resolved by the tool, as shown before, or as given."""
    given = done.args.get(name)
    refs = given if isinstance(given, list) else [given]
    found = {each.given.lower(): each.movie for each in done.resolved}
    found |= {str(movie_id): movie for movie_id, movie in memory.names.items()}
    return [_title(found.get(str(ref).lower()), ref, years=name == "movies") for ref in refs if ref is not None]


def _title(movie: MovieName | None, ref: object, *, years: bool) -> str:
    if movie is None:
        return wording.clean(str(ref))
    return wording.named(movie) if years else wording.clean(movie.title)


def themed_heading(scene: Scene, done: Done, label: str) -> str:
    """As in "Comedies that people tag “heist”:"."""
    what = wording.kind_of_films({**done.args, "exclude_genres": list(scene.wish.exclude)})
    if done.name == "search_movies":
        return f"I know no tag \u201c{wording.clean(label)}\u201d, but these {what} match the words:"
    tag = wording.joined(wording.clean(str(each)) for each in (done.args.get("tag"), *done.many("tags")))
    what = f"For \u201c{label}\u201d, {what}" if label.lower() != tag.lower() else wording.capital(what)
    return f"{what} that people tag \u201c{tag}\u201d:"


def similar_heading(scene: Scene, done: Done) -> str:
    """As in "Three films close to Heat (1995):"."""
    seeds = titles(done, scene.memory, "movies")
    what = wording.kind_of_films(done.args)
    near = f"between {wording.joined(seeds)}" if len(seeds) == 2 else f"close to {wording.joined(seeds)}"
    if count(done) == 1:
        return f"{'One' if what == 'films' else f'One of the {what}'} {near}:"
    return f"{wording.capital(wording.number_word(count(done)))} {what} {near}:"


def popular_heading(done: Done) -> str:
    """As in "The best rated westerns:"."""
    what = wording.kind_of_films(done.args)
    if days := done.args.get("window_days"):
        return f"The most rated {what} of the last {days} days that my data covers:"
    return f"The {'best rated' if done.args.get('sort') == 'rating' else 'most watched'} {what}:"


def group_heading(done: Done) -> str:
    """As in "Comedies that should suit you and MovieLens user 5:"."""
    people = [each for each in done.many("members") if isinstance(each, dict)]
    users = [str(each["user_id"]) for each in people if each.get("user_id") is not None]
    others = len(people) - len(users)
    named = f"MovieLens user{'s' if len(users) > 1 else ''} {wording.joined(users)}" if users else ""
    you = "you" if others == 1 else "you both" if others == 2 and not users else "all of you" if others else ""
    what = wording.capital(wording.kind_of_films(done.args))
    return f"{what} that should suit {wording.joined(part for part in (you, named) if part)}:"


def heading_of(scene: Scene, done: Done) -> str:
    """A heading for a list that was asked for again, by the tool it came from."""
    if done.name == "recommend_for_user" and isinstance(user := done.args.get("user_id"), int):
        return f"For MovieLens user {user}, {wording.kind_of_films(done.args)}:"
    headings: dict[str, Callable[[], str]] = {
        "similar_movies": lambda: similar_heading(scene, done),
        "recommend_from_likes": lambda: likes_heading(scene, done),
        "popular_movies": lambda: popular_heading(done),
        "recommend_for_group": lambda: group_heading(done),
        "recommend_for_user": lambda: personal_heading(scene, done),
        "movies_by_tag": lambda: themed_heading(scene, done, str(done.args.get("tag"))),
    }
    return headings.get(done.name, lambda: f"{wording.kind_of_films(done.args).capitalize()}:")()

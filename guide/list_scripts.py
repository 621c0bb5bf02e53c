"""Scripts that end in a list: recommendations, moods, similar movies, popular ones, groups."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import replace

from pydantic import JsonValue

from guide import wording
from guide.headings import (
    group_heading,
    likes_heading,
    personal_heading,
    popular_heading,
    similar_heading,
    themed_heading,
)
from guide.recall import Args, Done, Memory
from guide.scene import DEFAULT_LIMIT, Call, Scene, Script, count, fits, listing_args, shown, suggest
from guide.vocabulary import Mood
from guide.wishes import Wish, merge
from movies.models import Movie, MovieList
from tools.results import MovieResult, Questions


def recommend(scene: Scene) -> Script:
    """A request for movies, by whatever is known: a user, a mood, likes from before, filters, or nothing."""
    if scene.user_id is not None and (scene.wish.users or not scene.memory.liked):
        return (yield from for_user(scene, scene.user_id))
    if scene.wish.mood or scene.wish.theme:
        return (yield from _themed(scene))
    if scene.memory.liked:
        return (yield from _from_likes(scene))
    if scene.wish.surprise and not scene.wish.narrows:
        return (yield from unsure(scene))
    if scene.wish.age:
        scene = Scene(
            replace(scene.intent, wish=replace(scene.wish, age=0, era="new" if scene.wish.age > 0 else "old")),
            scene.memory,
        )
    done = yield Call("recommend_for_user", listing_args(scene, scene.memory))
    if isinstance(done.result, MovieList) and (scene.wish.narrows or done.result.basis == "personal"):
        return (yield from shown(scene, done, lambda got: personal_heading(scene, got)))
    return (yield from _ask(scene, done))


def for_user(scene: Scene, user_id: int) -> Script:
    done = yield Call("recommend_for_user", {"user_id": user_id, **listing_args(scene, scene.memory)})
    what = wording.kind_of_films(done.args)
    return (
        yield from shown(scene, done, f"For MovieLens user {user_id}, {what} they haven't rated:", f"user {user_id}")
    )


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
    again = Scene(replace(scene.intent, wish=merge(asked, scene.wish)), scene.memory)
    if scene.memory.liked:
        return (yield from _from_likes(again))
    done = yield Call("recommend_for_user", listing_args(again, scene.memory))
    return (
        yield from shown(
            again,
            done,
            "Then let me choose. Three quite different ones:"
            if count(done) == DEFAULT_LIMIT
            else "Then let me choose:",
        )
    )


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
    return (yield from _from_likes(scene))


def _from_likes(scene: Scene) -> Script:
    """From what was liked and disliked, now and before."""
    intent, memory = scene.intent, scene.memory
    disliked = tuple(dict.fromkeys((*intent.disliked, *(ref for ref in memory.disliked if ref not in intent.refs))))
    liked = tuple(dict.fromkeys((*intent.refs, *(ref for ref in memory.liked if ref not in intent.disliked))))
    if not liked and not disliked:
        return (yield from recommend(scene))
    text = scene.wish.mood.label if scene.wish.mood else scene.wish.theme
    args: Args = {
        "liked": list(liked[:30]),
        "disliked": list(disliked[:30]),
        "text": text,
        **listing_args(scene, None if intent.refs or intent.disliked else memory),
    }
    done = yield Call("recommend_from_likes", {name: value for name, value in args.items() if value not in ("", [])})
    return (yield from shown(scene, done, lambda got: likes_heading(scene, got)))


def _themed(scene: Scene) -> Script:
    """A mood or theme: by likes where they are known, else by tag, else by words, else by genre."""
    if scene.memory.liked:
        return (yield from _from_likes(scene))
    mood = scene.wish.mood
    done = yield from (_by_tags(scene, mood) if mood else _by_theme(scene, scene.wish.theme))
    if done is not None:
        return (
            yield from shown(
                scene, done, lambda got: themed_heading(scene, got, mood.label if mood else scene.wish.theme)
            )
        )
    if mood:
        return (yield from _mood_by_genre(scene, mood))
    nothing = f"I found nothing about \u201c{wording.clean(scene.wish.theme)}\u201d."
    plain = Scene(replace(scene.intent, wish=replace(scene.wish, theme="")), scene.memory)
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
    word = re.compile(rf"\b{re.escape(tag)}(?:s|es)?$", re.IGNORECASE)
    return next((name for name in names if word.search(name) or name.lower() == tag.lower().removesuffix("s")), "")


def _mood_by_genre(scene: Scene, mood: Mood) -> Script:
    wish = replace(scene.wish, mood=None, genres=(scene.wish.genres or mood.genres[:1]))
    again = Scene(replace(scene.intent, wish=wish), scene.memory)
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
    scene = Scene(replace(scene.intent, wish=wish), scene.memory)
    if wish.mood or wish.theme:
        args: Args = {"liked": refs, "text": wish.mood.label if wish.mood else wish.theme, **listing_args(scene)}
        done = yield Call("recommend_from_likes", args)
        return (yield from shown(scene, done, lambda got: likes_heading(scene, got)))
    done = yield Call("similar_movies", {"movies": refs, **listing_args(scene)})
    return (yield from shown(scene, done, lambda got: similar_heading(scene, got), "seeds"))


def aged(wish: Wish, year: int) -> Wish:
    return replace(wish, age=0, year_from=year + 1) if wish.age > 0 else replace(wish, age=0, year_to=year - 1)


def popular(scene: Scene) -> Script:
    """Best rated or most watched, of a genre, a time, or lately."""
    wish = scene.wish
    recent = next((days for word, days in _WINDOWS if word in scene.intent.topic), None) if scene.intent.topic else None
    sort = "popularity" if recent or wish.sort == "popularity" else "rating"
    args: Args = {"sort": sort, **({"window_days": recent} if recent else {}), **listing_args(scene)}
    done = yield Call("popular_movies", args)
    return (yield from shown(scene, done, popular_heading))


_WINDOWS = (("week", 7), ("month", 30), ("year", 365), ("", 365))


def group(scene: Scene) -> Script:
    """For several people at once."""
    members: list[JsonValue] = [{"user_id": user} for user in scene.wish.users]
    if scene.intent.topic == "me" or scene.intent.group:
        mine: list[JsonValue] = list((scene.intent.refs or scene.memory.liked)[:30])
        members.insert(0, {"liked": mine} if mine else {})
    members += [{"liked": list(liked)} for liked in scene.intent.group]
    done = yield Call("recommend_for_group", {"members": members[:8], **listing_args(scene)})
    return (yield from shown(scene, done, group_heading, "group"))

"""Headings of lists, worded from the calls that made them."""

from __future__ import annotations

from collections.abc import Callable

from guide import wording
from guide.recall import Done, Memory
from guide.scene import Scene, count, vary
from movies.models import MovieList, MovieName


def personal_heading(scene: Scene, done: Done) -> str:
    what = wording.kind_of_films(done.args)
    if isinstance(done.result, MovieList) and done.result.basis == "personal":
        return f"Going by your ratings, I'd suggest {'these' if what == 'films' else 'these ' + what}:"
    return _by_filters(scene, what)


def _by_filters(scene: Scene, what: str) -> str:
    return vary(scene, f"Well-liked {what}:", f"Here are {what} that people like:", f"Some good {what}:")


def likes_heading(scene: Scene, done: Done) -> str:
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
    found = {each.given.lower(): each.movie for each in done.resolved} | {
        str(key): movie for key, movie in memory.names.items()
    }
    return [_title(found.get(str(ref).lower()), ref, years=name == "movies") for ref in refs if ref is not None]


def _title(movie: MovieName | None, ref: object, *, years: bool) -> str:
    if movie is None:
        return wording.clean(str(ref))
    return wording.named(movie) if years else wording.clean(movie.title)


def themed_heading(scene: Scene, done: Done, label: str) -> str:
    what = wording.kind_of_films({**done.args, "exclude_genres": list(scene.wish.exclude)})
    if done.name == "search_movies":
        return f"I know no tag \u201c{wording.clean(label)}\u201d, but these {what} match the words:"
    tags = done.args.get("tags")
    tag = wording.joined(
        wording.clean(str(each)) for each in (done.args.get("tag"), *(tags if isinstance(tags, list) else []))
    )
    mood = f"For \u201c{label}\u201d, " if label.lower() != tag.lower() else ""
    return (
        f"{mood}{what} that people tag \u201c{tag}\u201d:"
        if mood
        else f"{what[:1].upper()}{what[1:]} that people tag \u201c{tag}\u201d:"
    )


def similar_heading(scene: Scene, done: Done) -> str:
    seeds = titles(done, scene.memory, "movies")
    what = wording.kind_of_films(done.args)
    near = f"between {wording.joined(seeds)}" if len(seeds) == 2 else f"close to {wording.joined(seeds)}"
    number = wording.number_word(count(done))
    if count(done) == 1:
        kind = {"films": "One"}.get(what, f"One of the {what}")
        return f"{kind} {near}:"
    return f"{number[:1].upper()}{number[1:]} {what} {near}:"


def popular_heading(done: Done) -> str:
    what = wording.kind_of_films(done.args)
    if days := done.args.get("window_days"):
        return f"The most rated {what} of the last {days} days that my data covers:"
    return f"The {'best rated' if done.args.get('sort') == 'rating' else 'most watched'} {what}:"


def group_heading(done: Done) -> str:
    """As in "Comedies that should suit you and MovieLens user 5:"."""
    members = done.args.get("members")
    people = [each for each in members if isinstance(each, dict)] if isinstance(members, list) else []
    users = [str(each["user_id"]) for each in people if each.get("user_id") is not None]
    others = len(people) - len(users)
    named = f"MovieLens user{'s' if len(users) > 1 else ''} {wording.joined(users)}" if users else ""
    you = "you" if others == 1 else "you both" if others == 2 and not users else "all of you" if others else ""
    what = wording.kind_of_films(done.args)
    return f"{what[:1].upper()}{what[1:]} that should suit {wording.joined(part for part in (you, named) if part)}:"


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

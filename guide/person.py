"""Scripts for a person and their ratings: told, listed, summed up as a taste, foretold, and as reasons."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from guide import wording
from guide.dialogue import Args, Done
from guide.facts import RATED
from guide.scripts import Scene, Script, ask, ask_each, called, details_of, ids, problem
from movies.models import Movie, MovieList
from tools.results import Affinity, Explanation, QueryResult, Rated, RatingList, TasteProfile

MOST_RATED, MOST_LISTED, MOST_EXPLAINED, PAIR = 10, 50, 4, 2
MOST_SOUGHT = 30
"""Movies of one person's that are looked for among another's: as many as the tool takes."""
MIDDLE = 3
"""Stars below which a rating is looked for from the lowest up."""
CHANCES = {4.2: "Very likely, yes", 3.7: "Probably", 3.2: "Perhaps", 2.5: "Rather not", 0.0: "I doubt it"}


def rate(scene: Scene) -> Script:
    """Store stars or take them back, for each movie that is certain; ask about one that is not."""
    frame, given = scene.frame, scene.frame.stars
    if not frame.movies:
        return scene.say("which_to_rate")
    if given is not None and not 0 <= given <= 5:
        return scene.say("stars_range", stars=f"{given:g}")
    unsure = [ref for ref in frame.movies if ref.certainty < RATED and ref.others]
    sure = ids(*(ref for ref in frame.movies if ref not in unsure))[:MOST_RATED]
    halves = max(0.5, round((given or 0) * 2) / 2)
    dones = yield from ask_each("rate_movie", sure, {"remove": True} if given is None else {"stars": halves})
    said = [_rated(scene, done) for done in dones]
    if unsure:
        could_be = yield from details_of([unsure[0].movie_id, *unsure[0].others[:3]])
        said.append(scene.say("which_of", titles=wording.joined((wording.named(one.movie) for one in could_be), "or")))
    return wording.paragraphs(
        ["\n".join(said), scene.say("half_stars") if given is not None and halves != given else ""]
    )


def _rated(scene: Scene, done: Done) -> str:
    found = done.result
    if not isinstance(found, Rated):
        return problem(scene, done)
    if found.movie is None or not (found.stored or found.removed or found.previous is None):
        return scene.say("which_of", titles=wording.joined(map(wording.named, found.candidates), "or") or "which title")
    title, before = wording.marked(found.movie), wording.stars(found.previous or 0)
    if found.stored and found.stars is not None:
        changed = found.previous not in (None, found.stars)
        return f"Noted: {wording.stars(found.stars)} for {title}.{f' It was {before} before.' if changed else ''}"
    return scene.say("not_rated" if found.previous is None else "removed", title=title, before=before)


def ratings(scene: Scene) -> Script:
    """Somebody's ratings: how many match, their mean, and the first of them."""
    frame, period = scene.frame, scene.frame.aggregate
    if len(frame.users) > 1 and not frame.movies:
        return (yield from _shared(scene))
    before = (done.result for done in reversed(scene.dialogue.done) if isinstance(done.result, RatingList))
    last = next(before, None) if frame.again else None
    args: Args = {
        **scene.whose,
        "movies": ids(*frame.movies),
        "order": frame.order,
        "limit": min(frame.count, MOST_LISTED) if frame.count else None,
        **scene.filters,
        "since": period.since if period else None,
        "until": period.until if period else None,
        "offset": last.offset + len(last.ratings) if last else None,
    }
    if frame.stars is not None:
        args["order"] = "lowest" if frame.stars < MIDDLE else "highest"
    done = yield from ask("get_user_ratings", args)
    return _ratings(scene, done, done.result) if isinstance(done.result, RatingList) else problem(scene, done)


def _shared(scene: Scene) -> Script:
    """The movies that several users have all rated, of those that the first of them rated highest."""
    stars: dict[str, list[float]] = {}
    movies: list[JsonValue] = []
    for user in scene.frame.users:
        args: Args = {"user_id": user, "order": "highest", "movies": movies, "limit": MOST_SOUGHT, **scene.filters}
        done = yield from ask("get_user_ratings", args)
        if not isinstance(done.result, RatingList):
            return problem(scene, done)
        found = done.result.ratings
        stars = {wording.marked(each.movie): [*stars.get(wording.marked(each.movie), []), each.stars] for each in found}
        movies = [each.movie.movie_id for each in found]
        if not movies:
            break
    names = [f"user {user}" for user in scene.frame.users]
    of = f"of the {MOST_SOUGHT} {wording.kind(scene.filters, scene.plural)} that {names[0]} rated highest"
    together = "both" if len(names) == PAIR else "all"
    head = f"{wording.capital(wording.joined(names))} have {together} rated {len(stars)} {of}."
    lines = (f"- {title}: {wording.joined(map(wording.stars, each))}" for title, each in [*stars.items()][:MOST_RATED])
    return wording.paragraphs([head, "\n".join(lines)])


def _ratings(scene: Scene, done: Done, found: RatingList) -> str:
    you = found.whose == "you"
    who = "You have" if you else f"{wording.clean(found.whose)} has"
    kind = wording.joined(called(scene.frame.movies)) or wording.kind(done.args, scene.plural)
    when = wording.spaced([f"{word} {done.args[word]}" for word in ("since", "until") if done.args.get(word)])
    if not found.count:
        nothing = f"{wording.spaced([who, 'rated no', kind, when])} so far, 0 in all."
        return wording.paragraphs([nothing, scene.say("rate_how") if you else ""])
    if not found.ratings:
        return "That was all of them."
    mean = f", {found.mean:.2f} stars on average" if found.mean is not None else ""
    how_many = kind if scene.frame.movies else wording.counted(found.count, f"of the {kind}", kind)
    how_many = scene.counted(1) if how_many == f"1 of the {scene.plural}" else how_many
    order = wording.texts().orders[str(done.args.get("order") or "newest")]
    part = f" {wording.capital(order)}:" if len(found.ratings) < found.count else ""
    lines = [
        f"{place}. {wording.marked(each.movie)}: {wording.stars(each.stars)}"
        for place, each in enumerate(found.ratings, found.offset + 1)
    ]
    return wording.paragraphs([f"{wording.spaced([who, 'rated', how_many, when])}{mean}.{part}", "\n".join(lines)])


def taste(scene: Scene) -> Script:
    """Genres, decades and themes that somebody rates above their own mean, and below."""
    done = yield from ask("taste_profile", scene.whose)
    found = done.result
    if not isinstance(found, TasteProfile):
        return problem(scene, done)
    you = found.whose == "you"
    who = "You have" if you else f"{wording.clean(found.whose)} has"
    if not found.ratings:
        return f"{who} not rated anything yet, so there is no taste to tell of. {scene.say('rate_how')}"
    mean = f", {found.mean:.2f} stars on average" if found.mean is not None else ""
    groups = ((found.genres, "Genres"), (found.decades, "Decades"), (found.tags, "Themes"))
    lines = [f"{who} rated {scene.counted(found.ratings)}{mean}."]
    lines += [f"- {name} {told}." for group, name in groups if (told := _affinities(group, "your" if you else "their"))]
    lines += [f"- Favourites: {wording.joined(map(wording.marked, found.favourites))}." if found.favourites else ""]
    return "\n".join([*lines, *map(wording.sentence, found.notes)])


def _affinities(group: Sequence[Affinity], whose: str) -> str:
    """As in "above your average: Crime (4.21 stars)"."""
    sides = {
        "above": [each for each in group if each.lift > 0][:4],
        "below": [each for each in group if each.lift < 0][-3:],
    }
    return "; ".join(
        f"{side} {whose} average: {', '.join(f'{wording.clean(each.name)} ({each.mean:.2f} stars)' for each in some)}"
        for side, some in sides.items()
        if some
    )


def predict(scene: Scene) -> Script:
    """The stars that somebody would give: about how many, between which, and on what that rests."""
    frame = scene.frame
    if not frame.movies:
        return scene.say("which")
    grounds: Args = {**scene.whose, "liked": ids(*frame.liked)}
    dones = yield from ask_each("explain_recommendation", ids(*frame.movies)[:MOST_EXPLAINED], grounds)
    return wording.paragraphs(_predicted(scene, done) for done in dones)


def _predicted(scene: Scene, done: Done) -> str:
    found = done.result
    if not isinstance(found, Explanation):
        return problem(scene, done)
    kind = "predicted" if found.support and found.predicted_stars is not None else "predicted_nothing"
    return wording.capital(scene.say("predicted_own" if found.own_stars is not None else kind, **_reasons(found)))


def _reasons(found: Explanation) -> dict[str, str]:
    """All that a text about a reason may have in braces."""
    user = found.whose.startswith("MovieLens")
    causes = sorted((each for each in found.causes if each.share > 0), key=lambda each: -each.share)
    shared = dict.fromkeys([*found.shared_people[:2], *found.shared_genres[:3], *found.shared_tags[:3]])
    expected = found.predicted_stars or 0
    return wording.facts_of(found.movie) | {
        "who": wording.clean(found.whose) if user else "you",
        "whose": "their" if user else "your",
        "chance": next(word for least, word in CHANCES.items() if expected >= least),
        "expected": f"about {expected:.1f} stars",
        "between": f"{found.low or 0:.1f} to {found.high or 0:.1f}",
        "support": wording.counted(found.support),
        "because": wording.joined(wording.clean(each.title) for each in causes[:3]),
        "sharing": f"; they share {wording.joined(map(wording.clean, shared))}" if shared else "",
        "own": wording.stars(found.own_stars or 0),
    }


def why(scene: Scene) -> Script:
    """The reasons for a movie: the conditions of the list it was in, or the person's own movies that speak for it."""
    last = scene.dialogue.last_list
    refs = ids(*scene.frame.movies)[:MOST_EXPLAINED] or ([last.movies[0].movie_id] if last else [])
    if not refs:
        return scene.say("out_of_sight" if scene.dialogue.trimmed else "nothing_shown")
    lists = [done for done in reversed(scene.dialogue.done) if isinstance(done.result, MovieList | QueryResult)]
    listed = next((done for done in lists if {movie.movie_id for movie in done.movies} & set(refs)), None)
    if listed is not None and getattr(listed.result, "basis", "") not in ("personal", "seeds", "text"):
        shown = [movie for movie in listed.movies if isinstance(movie, Movie) and movie.movie_id in refs]
        return wording.paragraphs(scene.say("why_listed", **wording.facts_of(movie)) for movie in shown)
    before = listed.args if listed else {}
    grounds = {"liked": before.get("liked") or before.get("movies"), "user_id": before.get("user_id"), **scene.whose}
    alike = listed is not None and listed.name == "similar_movies"
    if listed is None and len(refs) == PAIR:  # as in "why would somebody who likes Alien like The Thing?"
        grounds, refs, alike = {"liked": refs[:1]}, refs[1:], True
    dones = yield from ask_each("explain_recommendation", refs, grounds)
    return wording.paragraphs(_explained(scene, done, alike=alike) for done in dones)


def _explained(scene: Scene, done: Done, *, alike: bool) -> str:
    if not isinstance(done.result, Explanation):
        return problem(scene, done)
    reasons = _reasons(done.result)
    kind = "why_alike" if alike else "why_liked"
    return scene.say(kind if reasons["because"] else "why_nothing", **reasons)

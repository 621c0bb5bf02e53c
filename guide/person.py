"""Scripts for a person and their ratings: told, listed, summed up as a taste, foretold, and as reasons."""

from __future__ import annotations

from collections.abc import Sequence

from guide.dialogue import Args, Done
from guide.frame import Ref
from guide.scripts import Call, Scene, Script, ask, ask_all, called, details_of, ids, problem
from guide.wording import (
    capital,
    clean,
    counted,
    genres_of,
    joined,
    kind,
    marked,
    named,
    paragraphs,
    rating_words,
    sentence,
    stars,
    tags_of,
)
from movies.models import ListedMovie, MovieList, MovieName
from tools.results import Affinity, Explanation, Rated, RatingList, TasteProfile

SURE = 0.6
"""Certainty from which stars are stored for a title; below it the person is asked."""
MOST_RATED = 10
MOST_LISTED = 50
YOU = "you"


def rate(scene: Scene) -> Script:
    """Store stars or take them back, for each movie that is certain; ask about the others."""
    frame = scene.frame
    given = frame.stars
    if not frame.movies:
        return scene.say("which_to_rate")
    if given is not None and not 0 <= given <= 5:
        return scene.say("stars_range", stars=f"{given:g}")
    sure = [ref for ref in frame.movies if ref.certainty >= SURE or not ref.others][:MOST_RATED]
    what: Args = {"remove": True} if given is None else {"stars": _half_stars(given)}
    dones = yield from ask_all([Call("rate_movie", {"movie": ref.movie_id, **what}) for ref in sure])
    said = [_rated(scene, done) for done in dones]
    unsure = [ref for ref in frame.movies if ref not in sure]
    if unsure:
        said.append((yield from _which(scene, unsure[0])))
    converted = scene.say("half_stars") if given is not None and _half_stars(given) != given else ""
    return paragraphs(["\n".join(said), converted])


def _half_stars(given: float) -> float:
    return max(0.5, round(given * 2) / 2)


def _which(scene: Scene, ref: Ref) -> Script:
    """Ask which of several movies is meant, before anything is stored."""
    could_be = (ref.movie_id, *ref.others[:3])
    found = yield from details_of(tuple(Ref(movie_id=movie_id, title="") for movie_id in could_be))
    return scene.say("which_of", titles=joined([named(result.movie) for result in found], "or"))


def _rated(scene: Scene, done: Done) -> str:
    found = done.result
    if not isinstance(found, Rated):
        return problem(scene, done)
    if found.candidates:
        return scene.say("which_of", titles=joined(map(named, found.candidates), "or"))
    if found.movie is None:
        return sentence(" ".join(found.notes)) or scene.say("which_to_rate")
    title = marked(found.movie)
    if found.stored and found.stars is not None:
        before = found.previous is not None and found.previous != found.stars
        return f"Noted: {stars(found.stars)} for {title}.{f' It was {stars(found.previous or 0)} before.' if before else ''}"
    if found.previous is None:
        return f"You had not rated {title}, so there was nothing to remove."
    return f"Your rating of {title} is gone; it was {stars(found.previous)}."


def ratings(scene: Scene) -> Script:
    """Somebody's ratings: how many match, their mean, and the first of them."""
    frame = scene.frame
    period = frame.aggregate
    filters: Args = frame.filters.model_dump(mode="json", exclude_defaults=True)
    args: Args = {
        **scene.whose,
        "movies": ids(frame.movies),
        "order": frame.order,
        "limit": min(frame.count, MOST_LISTED) if frame.count else None,
        **filters,
        "since": period.since if period else None,
        "until": period.until if period else None,
        "offset": _offset(scene) if frame.again else None,
    }
    done = yield from ask("get_user_ratings", args)
    if not isinstance(done.result, RatingList):
        return problem(scene, done)
    return _ratings(scene, done, done.result)


def _offset(scene: Scene) -> int:
    """How many were listed already."""
    before = (done.result for done in reversed(scene.dialogue.done))
    last = next((found for found in before if isinstance(found, RatingList)), None)
    return last.offset + len(last.ratings) if last else 0


def _ratings(scene: Scene, done: Done, found: RatingList) -> str:
    who = "You have" if found.whose == YOU else f"{clean(found.whose)} has"
    what = joined(called(scene.frame.movies)) if scene.frame.movies else kind(done.args, scene.nouns)
    if not found.count:
        rated = f"{who} not rated {what if what != scene.nouns.many else 'anything'}{_since(done.args)} yet."
        return paragraphs([rated, scene.say("rate_how") if found.whose == YOU else ""])
    if not found.ratings:
        return "That was all of them."
    mean = f", {found.mean:.2f} stars on average" if found.mean is not None and found.count > 1 else ""
    rated = f"{who} rated {_many(scene, found.count, what)}{_since(done.args)}{mean}."
    part = len(found.ratings) < found.count
    which = f" {capital(_ORDERS[str(done.args.get('order') or 'newest')])}:" if part else ""
    lines = [
        f"{place}. {marked(each.movie)}: {stars(each.stars)}"
        for place, each in enumerate(found.ratings, found.offset + 1)
    ]
    return f"{rated}{which}\n\n" + "\n".join(lines)


_ORDERS = {"newest": "newest first", "oldest": "oldest first", "highest": "best first", "lowest": "lowest first"}


def _many(scene: Scene, count: int, what: str) -> str:
    if what == scene.nouns.many:
        return counted(count, *scene.nouns)
    return what if scene.frame.movies else f"{count:,} {what}"


def _since(args: Args) -> str:
    since, until = args.get("since"), args.get("until")
    return f"{f' since {since}' if since else ''}{f' until {until}' if until else ''}"


def taste(scene: Scene) -> Script:
    """Genres, decades and themes that somebody rates above their own mean, and below."""
    done = yield from ask("taste_profile", scene.whose)
    found = done.result
    if not isinstance(found, TasteProfile):
        return problem(scene, done)
    who, whose = ("You have", "your") if found.whose == YOU else (f"{clean(found.whose)} has", "their")
    if not found.ratings:
        return paragraphs([f"{who} not rated anything yet, so there is no taste to tell of.", scene.say("rate_how")])
    mean = f", {found.mean:.2f} stars on average" if found.mean is not None else ""
    groups = ((found.genres, "Genres"), (found.decades, "Decades"), (found.tags, "Themes"))
    lines = [f"- {name} {told}." for group, name in groups if (told := _affinities(group, whose))]
    if found.favourites:
        lines.append(f"- Favourites: {joined(marked(movie) for movie in found.favourites)}.")
    rated = f"{who} rated {counted(found.ratings, *scene.nouns)}{mean}."
    return "\n".join([rated, *lines, *map(sentence, found.notes)])


def _affinities(group: Sequence[Affinity], whose: str) -> str:
    """As in "above your average: Crime (4.21 stars)"."""
    parts = [
        f"{where} {whose} average: {', '.join(f'{clean(each.name)} ({each.mean:.2f} stars)' for each in some)}"
        for where, some in (
            ("above", [each for each in group if each.lift > 0][:4]),
            ("below", [each for each in group if each.lift < 0][-3:]),
        )
        if some
    ]
    return "; ".join(parts)


def predict(scene: Scene) -> Script:
    """Whether somebody would like a movie: about how many stars, between which, and on what that rests."""
    frame = scene.frame
    if not frame.movies:
        return scene.say("which")
    liked = ids(frame.liked)
    calls = [
        Call("explain_recommendation", {"movie": ref, **scene.whose, "liked": liked}) for ref in ids(frame.movies)[:4]
    ]
    dones = yield from ask_all(calls)
    return paragraphs(
        _predicted(done.result) if isinstance(done.result, Explanation) else problem(scene, done) for done in dones
    )


def _predicted(found: Explanation) -> str:
    you, title = found.whose == YOU, marked(found.movie)
    who = "you" if found.whose != clean(found.whose) or not found.whose.startswith("MovieLens") else clean(found.whose)
    if found.own_stars is not None:
        return f"{capital(who)} gave {title} {stars(found.own_stars)} already. In general it is {rating_words(found.movie)}."
    if not found.support or found.predicted_stars is None:
        told = f"I know nothing of {'your' if who == 'you' else 'their'} taste yet, so I can't say for {who}"
        return f"{told}. In general, {title} is {rating_words(found.movie)}."
    about = found.predicted_stars
    verdict = next(word for least, word in _CHANCES if about >= least)
    between = "" if found.low is None or found.high is None else f", most likely {found.low:.1f} to {found.high:.1f}"
    kept = f"{counted(found.support, 'rating')} of {'yours' if who == 'you' else 'theirs'}"
    rests = f"That rests on {kept if you or who != 'you' else 'what you told me you like'}"
    because = [clean(each.title) for each in found.because[:2]]
    for_it = f"; {joined(because)} {'speaks' if len(because) == 1 else 'speak'} for it" if because else ""
    return f"{verdict}: {who} would give {title} about {about:.1f} stars{between}. {rests}{for_it}."


_CHANCES = ((4.2, "Very likely, yes"), (3.7, "Probably"), (3.2, "Perhaps"), (2.5, "Rather not"), (0.0, "I doubt it"))


def why(scene: Scene) -> Script:
    """The reasons for a movie: what the list it was in rests on, and the person's own movies that speak for it."""
    last = scene.dialogue.last_list
    if not (scene.frame.movies or last):
        return scene.say("nothing_shown")
    refs = ids(scene.frame.movies)[:3] or ([last.movies[0].movie_id] if last else [])
    listed = next((done for done in reversed(scene.dialogue.done) if _holds(done, refs)), None)
    if listed is not None and not _personal(listed):
        return paragraphs(_as_listed(listed, movie) for movie in _of(listed) if movie.movie_id in refs)
    grounds = _grounds(listed) | scene.whose
    dones = yield from ask_all([Call("explain_recommendation", {"movie": ref, **grounds}) for ref in refs])
    return paragraphs(
        _explained(done.result, listed) if isinstance(done.result, Explanation) else problem(scene, done)
        for done in dones
    )


def _of(done: Done) -> list[ListedMovie]:
    return done.result.movies if isinstance(done.result, MovieList) else []


def _holds(done: Done, refs: Sequence[object]) -> bool:
    return any(movie.movie_id in refs for movie in _of(done))


def _personal(listed: Done) -> bool:
    """True for a list that rests on somebody's own movies."""
    return isinstance(listed.result, MovieList) and listed.result.basis in ("personal", "seeds")


def _grounds(listed: Done | None) -> Args:
    """The argument that says what a list was made from."""
    if listed is None:
        return {}
    liked = listed.args.get("liked") or listed.args.get("movies")
    user = listed.args.get("user_id")
    return {"liked": liked} if liked else {"user_id": user} if user is not None else {}


def _as_listed(listed: Done, movie: ListedMovie) -> str:
    """The reason for a movie in a list that was made by conditions, by words or for a group."""
    reasons = [f"it is {rating_words(movie)}", f"filed under {genres_of(movie)}" if movie.genres else ""]
    reasons.append(f"tagged {joined(tags_of(movie, 3))}" if movie.tags else "")
    goes = [clean(each.title) for each in movie.because]
    if isinstance(listed.result, MovieList) and listed.result.basis == "group" and goes:
        reasons.insert(0, f"it goes with {joined(goes)}, which somebody of the group likes")
    return f"{marked(movie)} fits what you asked for: {joined(part for part in reasons if part)}."


def _explained(found: Explanation, listed: Done | None) -> str:
    title = marked(found.movie)
    whose = clean(found.whose) if found.whose.startswith("MovieLens") else "you"
    because = [clean(each.title) for each in sorted(found.because, key=lambda each: -each.share) if each.share > 0][:3]
    shared = joined(clean(each) for each in dict.fromkeys([*found.shared_genres[:3], *found.shared_tags[:3]]))
    general = f"It is {rating_words(found.movie)}."
    if listed is not None and listed.name == "similar_movies" and because:
        return f"{title} is close to {joined(because)}{f': they share {shared}' if shared else ''}. {general}"
    if not because:
        return f"Nothing I know of {whose} speaks for {title} in particular. {general}"
    expected = f" I'd expect about {found.predicted_stars:.1f} stars from {whose}." if found.predicted_stars else ""
    return f"{title} is there because {whose} liked {joined(because)}{f'; they share {shared}' if shared else ''}.{expected} {general}"


def names_of(movies: Sequence[MovieName]) -> str:
    """Movies in a row, with their figures left out."""
    return joined(map(marked, movies))

"""The script of each act, with what every answer must say besides; and those for the talk itself.

These say what was shown, choose one, exchange courtesies, tell the limits of the data, and ask back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from guide import facts, lists, makers, person, wording
from guide.facts import BEST
from guide.references import known as known_of
from guide.references import shown_list
from guide.scripts import Scene, Script, ask, called, details_of, ids
from language.frame import Act
from movies.models import Filters, Movie
from tools.results import RatingList

MOST_RECALLED, MOST_NEAR = 10, 3
QUOTES = " \"'\u201c\u201d"


def script(scene: Scene) -> Script:
    """The frame's own script; before it what could not be applied, after it how an ambiguous title was taken."""
    scene, lacking = makers.with_facts(scene)
    remark = yield from facts.alternatives(scene)
    said = yield from _SCRIPTS[scene.frame.act](scene)
    return wording.paragraphs([lacking, unmet(scene), said, remark])


def recall(scene: Scene) -> Script:
    """The movies that were meant, or a list of before: the first one, or the last."""
    if scene.frame.movies:
        known = known_of(scene.dialogue)
        new = [movie_id for movie_id in ids(*scene.frame.movies) if movie_id not in known]
        known |= {each.movie.movie_id: each.movie for each in (yield from details_of(new))}
        found = [known[ref.movie_id] for ref in scene.frame.movies if ref.movie_id in known]
        return wording.paragraphs([scene.say("recalled"), wording.numbered(found)])
    shown = [
        done for done in scene.dialogue.done if done.is_list or (done.movies and isinstance(done.result, RatingList))
    ]
    if not shown:
        return scene.say("out_of_sight" if scene.dialogue.trimmed else "nothing_shown")
    movies = shown[0 if scene.frame.aspect == "first" else -1].movies[:MOST_RECALLED]
    return wording.paragraphs([scene.say("recalled"), wording.numbered(movies)])


def choose(scene: Scene) -> Script:
    """One of those that were shown, and the reason; without any, one to begin with."""
    frame, known = scene.frame, known_of(scene.dialogue)
    group = frame.movies or shown_list(scene.dialogue)
    looked_up = yield from details_of(ref for ref in ids(*group)[:MOST_RECALLED] if ref not in known)
    known |= {each.movie.movie_id: each.movie for each in looked_up}
    among = [known[ref.movie_id] for ref in group if ref.movie_id in known]
    if not among:
        one = frame.model_copy(update={"act": "find", "count": 1, "sort": frame.sort or "popularity"})
        return (yield from lists.listing(replace(scene, frame=one)))
    best, reason = BEST.get(frame.aspect if frame.aspect in BEST else frame.sort or "rating", BEST["rating"])
    fit = [movie for movie in among if _passes(movie, frame.filters)]
    if frame.aspect == "rank" or (frame.count or 1) > 1:
        fit = sorted(fit, key=best, reverse=True)[: frame.count]
    if not fit:
        return scene.say("none_of_these", titles=wording.joined(map(wording.named, among), "or"))
    bare = frame.filters != Filters() and frame.sort is None and frame.count != 1
    if len(fit) > 1 and (bare or frame.aspect == "rank" or (frame.count or 1) > 1):
        return wording.paragraphs([scene.say("these_of_them"), wording.numbered(fit)])
    chosen = max(fit, key=best)
    yield from details_of([chosen.movie_id])  # so that "it" means this one from now on
    return scene.say("chosen", reason=reason if len(fit) > 1 else "it fits", **wording.facts_of(chosen)).strip()


def _passes(movie: Movie, filters: Filters) -> bool:
    labels = {label.lower() for label in (*movie.genres, *movie.tags)}
    return (
        labels >= {label.lower() for label in (*filters.genres, *filters.tags)}
        and not labels & {label.lower() for label in (*filters.exclude_genres, *filters.exclude_tags)}
        and (filters.year_from or 0) <= (movie.year or 0) <= (filters.year_to or 9999)
        and (filters.min_ratings or 0) <= movie.rating_count <= (filters.max_ratings or movie.rating_count)
        and (filters.min_mean or 0) <= (movie.rating_mean or 0) <= (filters.max_mean or 5)
    )


def small_talk(scene: Scene) -> Script:
    """Courtesies, help, and starting over; for some another text as long as nothing was looked up."""
    aspect, turns, known = scene.frame.aspect, scene.dialogue.turns, wording.texts().say
    yield from ()
    if aspect == "repeat":
        return (turns and turns[-1].answer) or scene.say("nothing_shown")
    early = f"{aspect}_own" if scene.info and scene.info.examples else f"{aspect}_early"
    data = scene.info.in_words if scene.info else "none yet"
    kind = (
        early
        if early in known and (early.endswith("_own") or not scene.dialogue.done)
        else aspect
        if aspect in known
        else "greet"
    )
    return scene.say(kind, data=data, titles=wording.joined(called(scene.frame.movies)))


def outside(scene: Scene) -> Script:
    """Something that the data does not know: an honest sentence, and what it knows instead."""
    aspect, texts = scene.frame.aspect, wording.texts()
    topic = texts.topics.get(aspect, "")
    makes = scene.info is not None and aspect in makers.KNOWN
    if makes and scene.info and scene.info.facts:
        return (yield from makers.made(scene)) if scene.frame.movies else scene.say("which")
    if not topic:
        return scene.say(f"outside_{aspect}" if aspect in ("instructions", "others_ratings") else "outside")
    how = scene.say("get_facts") if makes else ""
    if not scene.frame.movies:
        return wording.paragraphs([scene.say("lack", topic=topic), how])
    found = yield from details_of(ids(*scene.frame.movies)[:2])
    instead = (texts.facts["instead"].format_map(wording.facts_of(each.movie)) for each in found)
    return wording.paragraphs([scene.say("lack_of", topic=topic), *instead, how])


def unclear(scene: Scene) -> Script:
    """One question with choices; of a title that is not there, that it is not."""
    if scene.frame.text:
        near = (yield from ask("search_movies", {"query": scene.frame.text, "limit": MOST_NEAR})).movies
        nearest = f"{scene.say('nearest')}\n\n{wording.numbered(near)}" if near else ""
        return wording.paragraphs([scene.say("not_here", name=wording.clean(scene.frame.text)), nearest])
    if scene.dialogue.trimmed and not scene.dialogue.done:
        return scene.say("out_of_sight")
    if choices := [wording.clean(choice) for choice in scene.frame.ambiguous[:3]]:
        return scene.say("unclear_choices", choices=wording.joined(choices, "or"))
    if scene.frame.movies:
        return scene.say("unclear_movie", title=wording.joined(called(scene.frame.movies[:2])))
    return scene.say("unclear")


def unmet(scene: Scene) -> str:
    """A sentence on conditions that were understood and could not be applied."""
    said = wording.joined((f"\u201c{wording.clean(part).strip(QUOTES)}\u201d" for part in scene.frame.unmet), "or")
    return scene.say("unmet", what=said) if said else ""


_SCRIPTS: dict[Act, Callable[[Scene], Script]] = {
    "recommend": lists.listing,
    "like": lists.listing,
    "find": lists.listing,
    "fact": facts.fact,
    "statistic": facts.statistic,
    "compare": facts.compare,
    "rate": person.rate,
    "opinion": lists.opinion,
    "seen": lists.seen,
    "ratings": person.ratings,
    "taste": person.taste,
    "predict": person.predict,
    "why": person.why,
    "recall": recall,
    "choose": choose,
    "small_talk": small_talk,
    "outside": outside,
    "unclear": unclear,
}

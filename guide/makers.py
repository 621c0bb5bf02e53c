"""Running times and people: told of a movie, and asked for in others. Both need the facts of IMDb's files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from guide import wording
from guide.parts import Context, Part
from guide.scripts import Scene, Script, details_of, ids
from language.phrases import has
from language.stances import Said
from movies.models import Movie, MovieDetail, Person
from movies.people import role_of

KNOWN = ("runtime", "director", "cast", "language")
"""Aspects of what the data does not know, unless it was enriched."""
OF_FACTS = ("running time", "actors", "directors")
"""Conditions of `words.toml` that cannot be applied, unless it was enriched."""
_OF_LISTS = ("outside.cast", "outside.director", "outside.runtime")
MOST_MOVIES, MOST_TURNS = 3, 3
HOUR = 60
NO_CONDITION: dict[str, object] = {"runtime_from": None, "runtime_to": None, "people": []}


def of_people(part: Part, context: Context) -> Part:
    """A part that asks for others of theirs, "what else did he direct?", as a wish for a list."""
    asked = part.wants.people or part.wants.runtime
    if part.intent.label in _OF_LISTS and asked and not (part.refs or part.pointed):
        return part.to("find")
    for phrase, role in (("else_acted", "with "), ("else_directed", "directed by ")):
        name = _spoken_of(context, acted=phrase == "else_acted") if part.clause.has("people", phrase) else ""
        if name and not (part.wants.people or part.refs):
            wants = replace(part.wants, people=(f"{role}{name}",), unmet=(), text="")
            return replace(part.to("find"), wants=wants, said=(Said(context.spoken, "excluded", 0),))
    return part


def _spoken_of(context: Context, *, acted: bool) -> str:
    """The person whom the last turns named, else the first director, or actor, of the movie that was spoken of."""
    known = {
        movie.movie_id: movie for done in context.dialogue.done for movie in done.movies if isinstance(movie, Movie)
    }
    for turn in reversed(context.dialogue.turns[-MOST_TURNS:]):
        people = [link.name for link in context.linker.link(turn.text, typed=True) if link.kind == "person"]
        if people:
            return people[-1]
        if turn.focus and (movie := known.get(turn.focus.movie_id)) and (of_movie := _people(movie, acted=acted)):
            return of_movie[0].name
    return ""


def _people(movie: Movie, *, acted: bool) -> list[Person]:
    return movie.cast if acted else movie.directors


def with_facts(scene: Scene) -> tuple[Scene, str]:
    """The scene without conditions that rest on facts where there are none, and what is to be said of that."""
    if scene.info is None or scene.info.facts is not None:
        return scene, ""
    filters = scene.frame.filters
    asked = [wording.runtime(scene.filters), *filters.people]
    unmet = [said for said in scene.frame.unmet if any(has(f"{said} ", "unmet", name) for name in OF_FACTS)]
    rest = tuple(said for said in scene.frame.unmet if said not in unmet)
    frame = scene.frame.model_copy(update={"filters": filters.model_copy(update=NO_CONDITION), "unmet": rest})
    what = wording.joined((f"\u201c{wording.clean(said)}\u201d" for said in (*asked, *unmet) if said), "or")
    return replace(scene, frame=frame), scene.say("no_facts", what=what) if what else ""


def made(scene: Scene) -> Script:
    """The running time, the directors, the cast or the original language of each movie that is asked about."""
    aspect, told = scene.frame.aspect, wording.texts().facts
    found = yield from details_of(ids(*scene.frame.movies)[:MOST_MOVIES])
    lines = (told[_told_of(each.movie, aspect)].format_map(facts_of(each.movie)) for each in found)
    return wording.paragraphs(
        wording.tidy(f"{_whether(scene, each.movie)} {line}") for each, line in zip(found, lines, strict=True)
    )


def _told_of(movie: MovieDetail, aspect: str) -> str:
    known = {
        "runtime": movie.runtime,
        "director": movie.directors or movie.writers,
        "cast": movie.cast,
        "language": movie.original_language or movie.original_title,
    }
    return aspect if known[aspect] else "not_made"


def _whether(scene: Scene, movie: MovieDetail) -> str:
    """Yes or no, where someone is named: "is Tom Hanks in it?"."""
    said = []
    for role, name in map(role_of, scene.frame.filters.people):
        credited = [*movie.cast] if role == "acted" else [*movie.directors, *movie.writers]
        found = name in {person.name for person in (credited if role != "any" else [*credited, *movie.cast])}
        said.append(scene.say("credited" if found else "not_credited", name=name))
    return " ".join(said)


def facts_of(movie: MovieDetail) -> dict[str, str]:
    """All that texts about the making of a movie may have in braces."""
    writers, directors = _names(movie.writers), _names(movie.directors)
    hours, minutes = divmod(movie.runtime or 0, HOUR)
    in_hours = f" ({hours} h {minutes:02} min)" if hours else ""
    return wording.facts_of(movie) | {
        "runtime": f"{movie.runtime} minutes{in_hours}",
        "made": wording.joined(
            [f"directed by {directors}" if directors else "", f"written by {writers}" if writers else ""]
        ),
        "cast": _names(movie.cast),
        "original": wording.spaced(
            [
                f"has the original title \u201c{wording.clean(movie.original_title)}\u201d"
                if movie.original_title
                else "",
                f"is originally in {movie.original_language} (as its code)" if movie.original_language else "",
            ],
            " and ",
        ),
    }


def _names(people: Iterable[Person]) -> str:
    return wording.joined(wording.clean(person.name) for person in people)

"""The parts that scripts share: calls, the scene they work from, and showing a list."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from pydantic import JsonValue

from guide import small_talk, wording
from guide.intents import Intent
from guide.recall import Args, Done, Memory
from guide.vocabulary import REQUEST_WORDS
from guide.wishes import Wish
from movies.models import MovieList
from movies.titles import plain_words

DEFAULT_LIMIT = 3
WELL_KNOWN = 50


MOST_EXCLUDED = 50
FLOOR = 10
"""Fewest ratings in lists that the recommender fills without regard to them, unless lesser-known ones are wanted."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that a script wants made."""

    name: str
    args: Args


Script = Generator[Call, Done, str]
Heading = str | Callable[[Done], str]


@dataclass(frozen=True, slots=True)
class Scene:
    """The intent that a script works from, and what was said before."""

    intent: Intent
    memory: Memory

    @property
    def wish(self) -> Wish:
        """The intent's demands on a list."""
        return self.intent.wish

    @property
    def user_id(self) -> int | None:
        """The MovieLens user that was named, or that the person said they are."""
        return self.wish.users[0] if self.wish.users else self.memory.persona

    def say(self, kind: str, topic: str = "") -> str:
        """A fixed text."""
        if kind == "nothing_shown" and self.memory.trimmed:
            kind = "out_of_sight"
        return small_talk.say(kind, self.memory.seed, topic)

    @property
    def told(self) -> list[int]:
        """Movies of which it was said before how a title was understood."""
        return [found.movie.movie_id for done in self.memory.done for found in done.resolved]

    def news(self, notes: list[str]) -> list[str]:
        """The notes that were not said before."""
        said = {note for done in self.memory.done for note in getattr(done.result, "notes", [])}
        return [note for note in notes if note not in said]

    def way_on(self, listed: int) -> str:
        """Examples of what one can say next, told with the first two lists only."""
        lists = sum(isinstance(done.result, MovieList) for done in self.memory.done)
        if listed == 1:
            return small_talk.WAY_ON_FROM_ONE if not lists else ""
        return small_talk.WAYS_ON[lists] if lists < len(small_talk.WAYS_ON) else ""


def says(text: str) -> Script:
    """A script that calls nothing."""
    return text
    yield  # what makes this a generator


def say_text(scene: Scene) -> Script:
    kind = scene.intent.kind
    if not scene.memory.done and f"{kind}_early" in small_talk.TEXTS:
        kind = f"{kind}_early"
    return says(scene.say(kind if kind in small_talk.TEXTS else "unknown", scene.intent.topic))


def vary(scene: Scene, *texts: str) -> str:
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
    if scene.intent.exclude:
        args["exclude"] = list(scene.intent.exclude)
    if leave_out and leave_out.shown:
        args["exclude"] = [*scene.intent.exclude, *shown_ids(leave_out)][:MOST_EXCLUDED]
        args |= {"exclude_shown": True} if len(leave_out.shown) > MOST_EXCLUDED else {}
    return args


def shown_ids(memory: Memory) -> list[JsonValue]:
    return list(memory.shown[:MOST_EXCLUDED])


def count(done: Done) -> int:
    return len(done.result.movies) if isinstance(done.result, MovieList) else 0


def fits(given: str, found: Done) -> bool:
    """True if a search found what was written, and not just some of its everyday words."""
    if not isinstance(found.result, MovieList) or not found.result.movies:
        return False
    best = found.result.movies[0]
    held = set(plain_words(" ".join([best.title, *best.genres, *best.tags])))
    words = [word for word in plain_words(given) if word not in REQUEST_WORDS]
    return bool(words) and 2 * sum(word in held for word in words) >= len(words)


def shown(scene: Scene, done: Done, heading: Heading, owner: str = "you") -> Script:
    """Word a list. One that is empty is asked for again with the narrowest filter dropped, once.

    Args:
        scene: What the list was asked for.
        done: The call that made it.
        heading: What the list is, or how to say it of the list that is shown in the end.
        owner: Whose likes the reasons are, or the kind of list.
    """
    if _is_short(scene, done):
        done = yield Call(done.name, {name: value for name, value in done.args.items() if name != "min_ratings"})
    if done.error:
        done = yield from _without_unknown(done)
    if done.error:
        return problem(scene, done)
    if count(done):
        said = _leading(scene) + _unknown_titles(scene, done) + (heading if isinstance(heading, str) else heading(done))
        return wording.paragraphs([_worded(scene, done, said, owner), _after(scene, done)])
    if scene.intent.kind in {"more", "seen"}:
        return wording.paragraphs(
            [f"That was all: I have no other {wording.kind_of_films(done.args)} that fit.", suggest(scene)]
        )
    dropped, call = _relaxed(done)
    again = (yield call) if call else done
    if count(again):
        return _worded(scene, again, f"Nothing fits all of that. The nearest I have, {dropped}:", owner)
    not_even = f", not even {dropped}" if call else ""
    return wording.paragraphs([f"I found no {wording.kind_of_films(done.args)} that fit{not_even}.", suggest(scene)])


def _worded(scene: Scene, done: Done, heading: str, owner: str) -> str:
    assert isinstance(done.result, MovieList)
    result = done.result.model_copy(update={"notes": scene.news(done.result.notes)})
    return wording.listing(heading, result, owner, scene.told, _against(done))


def _without_unknown(done: Done) -> Generator[Call, Done, Done]:
    """The call again without the titles that the tool does not know, as long as others are left."""
    for _ in range(MOST_UNKNOWN):
        unknown = [
            ref
            for name in ("movies", "liked", "disliked", "exclude")
            for ref in _refs(done, name)
            if f"{ref!r}" in done.error
        ]
        args = {name: _less(value, unknown) for name, value in done.args.items()}
        seeded = any(args.get(name) for name in ("movies", "liked", "disliked")) or not any(
            _refs(done, name) for name in ("movies", "liked", "disliked")
        )
        if not unknown or not seeded:
            return done
        done = yield Call(done.name, {name: value for name, value in args.items() if value != []})
    return done


MOST_UNKNOWN = 3


def _refs(done: Done, name: str) -> list[str]:
    given = done.args.get(name)
    return [ref for ref in given if isinstance(ref, str)] if isinstance(given, list) else []


def _less(value: JsonValue, unknown: list[str]) -> JsonValue:
    return [each for each in value if each not in unknown] if isinstance(value, list) else value


def _unknown_titles(scene: Scene, done: Done) -> str:
    """A sentence on the titles that were named and had to be left out."""
    named = (*scene.intent.refs, *scene.intent.disliked, *scene.intent.exclude)
    known = {str(ref) for name in ("movies", "liked", "disliked", "exclude") for ref in _refs(done, name)}
    asked = (
        [ref for ref in named if isinstance(ref, str)]
        if done.name in {"similar_movies", "recommend_from_likes"}
        else []
    )
    missing = [wording.clean(ref) for ref in asked if ref not in known]
    return f"I have no film called {wording.joined(missing, 'or')}. " if missing else ""


def _against(done: Done) -> list[int]:
    """Ids of what the list was asked to keep away from."""
    given = done.args.get("disliked")
    disliked = [str(ref).lower() for ref in given] if isinstance(given, list) else []
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
    asked = scene.wish.asked or 0
    lack = f"I can't tell which are {scene.wish.lack}: the data has no running times. " if scene.wish.lack else ""
    lack += (
        f"I can only leave out genres, not \u201c{wording.clean(scene.wish.unmet)}\u201d. " if scene.wish.unmet else ""
    )
    return lack + ("Twenty at a time is the most I show. " if asked > 20 else "")


def _after(scene: Scene, done: Done) -> str:
    wanted = done.args.get("limit")
    if scene.wish.limit and isinstance(wanted, int) and 0 < count(done) < wanted:
        return f"That's all I have that fits: {wording.number_word(count(done))}, not {wording.number_word(wanted)}."
    return scene.way_on(count(done))


def problem(scene: Scene, done: Done) -> str:
    """An error in the person's terms: tools write them in plain words, except that they failed."""
    if done.error.startswith(FAILED):
        return "Something went wrong while I looked that up. Please try again in a moment."
    return wording.paragraphs([wording.clean_note(done.error), suggest(scene)])


FAILED = "The tool failed"


def suggest(scene: Scene) -> str:
    return f"You could try {small_talk.EXAMPLES[scene.memory.seed % len(small_talk.EXAMPLES)]}."

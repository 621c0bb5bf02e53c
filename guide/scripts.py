"""The frame for scripts: generators that yield the calls they need, are sent what came of them, and return the words.

A script is played from its start at each request, with the results that are already there.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from pydantic import JsonValue

from guide.dialogue import Args, Dialogue, Done
from guide.frame import Act, Frame, Ref
from guide.wording import Nouns, paragraphs, sentence, texts
from movies.models import CatalogueInfo, MovieList, MovieName
from tools.results import MovieResult


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that a script wants made."""

    name: str
    args: Args


Calls = tuple[Call, ...]
Dones = tuple[Done, ...]
Script = Generator[Calls, Dones, str]
LISTS: frozenset[Act] = frozenset({"recommend", "like", "find"})


@dataclass(frozen=True, slots=True)
class Scene:
    """The frame that a script works from, what was said before, and what else the message holds.

    Attributes:
        beside: the acts of the message's other frames.
        info: the catalogue; None where the guide runs without one.
    """

    frame: Frame
    dialogue: Dialogue
    beside: tuple[Act, ...] = ()
    info: CatalogueInfo | None = None

    @property
    def nouns(self) -> Nouns:
        """The catalogue's words for its items."""
        usual = Nouns()
        return Nouns(getattr(self.info, "noun", usual.one), getattr(self.info, "plural", usual.many))

    @property
    def user_id(self) -> int | None:
        """The MovieLens user that the frame is about; None for the person."""
        return self.frame.users[0] if self.frame.users else None

    @property
    def whose(self) -> Args:
        """The argument that says so."""
        return {} if self.user_id is None else {"user_id": self.user_id}

    def say(self, kind: str, **words: str) -> str:
        """A fixed text, another each turn."""
        return filled(texts().say[kind], self, **words)

    def lead(self, kind: str, **words: str) -> str:
        """The beginning of a list, another each turn."""
        return filled(texts().leads[kind], self, **words)

    @property
    def suggestion(self) -> str:
        """A sentence with requests to try."""
        return f"You could try {self.examples}."

    @property
    def examples(self) -> str:
        """Requests to try: the catalogue's own where it brings some."""
        own = [f"\u201c{example}\u201d" for example in getattr(self.info, "examples", [])[:3]]
        return " or ".join(own) or filled(texts().examples, self)

    def way_on(self, listed: int) -> str:
        """Examples of what one can say next, told with the first two lists only."""
        lists = sum(isinstance(done.result, MovieList) for done in self.dialogue.done)
        ways = texts().leads["way_on_from_one" if listed == 1 else "ways_on"]
        return filled([ways[lists]], self) if lists < len(ways) else ""


def filled(variants: list[str], scene: Scene, **words: str) -> str:
    """The variant of the turn with the catalogue's words and the given ones in it."""
    one, many = scene.nouns
    text = variants[scene.dialogue.seed % len(variants)]
    examples = {"examples": scene.examples} if "{examples}" in text else {}
    return text.format_map({"noun": one, "plural": many, **examples, **words})


def says(text: str) -> Script:
    """A script that calls nothing."""
    return text
    yield  # what makes this a generator


def ask(name: str, args: Args) -> Generator[Calls, Dones, Done]:
    """Make one call; arguments that are None or empty are left out."""
    [done] = yield (Call(name, given(args)),)
    return done


def ask_all(calls: list[Call]) -> Generator[Calls, Dones, Dones]:
    """Make several calls at once."""
    return (yield tuple(Call(call.name, given(call.args)) for call in calls)) if calls else ()


def given(args: Args) -> Args:
    """The arguments that say something."""
    return {name: value for name, value in args.items() if value is not None and value not in ([], "", False)}


def ids(refs: tuple[Ref, ...]) -> list[JsonValue]:
    """The movies' ids, each once."""
    return list(dict.fromkeys(ref.movie_id for ref in refs))


def called(refs: tuple[Ref, ...]) -> list[str]:
    """The movies by title and year."""
    return [MovieName(movie_id=ref.movie_id, title=ref.title, year=ref.year).called for ref in refs]


def problem(scene: Scene, done: Done) -> str:
    """An error in the person's terms: tools write them in plain words, except that they failed."""
    if done.error.startswith("The tool failed"):
        return scene.say("failed")
    return paragraphs([sentence(done.error), scene.suggestion])


def details_of(refs: tuple[Ref, ...]) -> Generator[Calls, Dones, list[MovieResult]]:
    """All that is known of each of some movies."""
    calls = [Call("get_movie", {"movie": movie_id}) for movie_id in ids(refs)]
    dones = yield from ask_all(calls)
    return [done.result for done in dones if isinstance(done.result, MovieResult)]
